// SPDX-License-Identifier: Apache-2.0
//
// test_s3.c - what goes wrong between us and S3. What goes well: test_kept.c.

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "s3/server.h"
#include "storage/s3_client.h"
#include "storage/snapshots.h"
#include "support/test.h"

#define CLUSTER "01020300000000000000000000000000/"
#define BYTES 100000U

static const uint8_t cluster_id[16] = {1, 2, 3};

// One file, and what is silent is given up after `silence_ms`.
struct rig {
    struct s3_server *server;
    struct wf_snapshots snapshots;
    struct wf_snapshots_manifest manifest;
    char store[400];
    char path[420]; // of the file
    char other[420];
};

static weft_err
open_with(struct rig *rig, uint32_t silence_ms, struct wf_snapshots *out)
{
    struct wf_s3_limits limits = {
        .tries = 3, .backoff_ms = 1, .silence_ms = silence_ms};

    return wf_snapshots_s3_open(s3_server_where(rig->server), cluster_id,
                                &limits, out);
}

static void
begin(struct rig *rig, struct test *t, uint32_t silence_ms)
{
    int fd;

    *rig = (struct rig){.server = s3_server_start()};
    CHECK_OK(open_with(rig, silence_ms, &rig->snapshots));
    (void)snprintf(rig->store, sizeof(rig->store), "%s/store", test_dir(t));
    (void)snprintf(rig->path, sizeof(rig->path), "%s/1.sst", rig->store);
    (void)snprintf(rig->other, sizeof(rig->other), "%s/other", test_dir(t));
    CHECK_EQ(mkdir(rig->store, 0755), 0);
    fd = open(rig->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, BYTES), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_OK(wf_snapshots_scan(rig->store, NULL, &rig->manifest));
}

static void
end(struct rig *rig)
{
    wf_snapshots_manifest_fini(&rig->manifest);
    rig->snapshots.ops->close(rig->snapshots.self);
}

static weft_err
put(struct rig *rig)
{
    bool is_new;

    return rig->snapshots.ops->put(rig->snapshots.self, rig->manifest.files,
                                   rig->path, &is_new);
}

static weft_err
get(struct rig *rig)
{
    return rig->snapshots.ops->get(rig->snapshots.self, rig->manifest.files,
                                   rig->other);
}

static const char *
object(const struct rig *rig)
{
    char hex[WF_SNAPSHOTS_HEX_SIZE];
    char key[120];

    wf_snapshots_hex(rig->manifest.files[0].hash, hex);
    (void)snprintf(key, sizeof(key), CLUSTER "%s", hex);
    return s3_server_file(rig->server, key);
}

static void
check_said(const char *text)
{
    CHECK(strstr(weft_err_detail(), text) != NULL);
}

// Bucket and key, and neither key nor token of the account.
static void
check_named(const struct rig *rig)
{
    char hex[WF_SNAPSHOTS_HEX_SIZE];

    wf_snapshots_hex(rig->manifest.files[0].hash, hex);
    check_said("s3://snapshots.test/a/prefix/" CLUSTER);
    check_said(hex);
    CHECK(strstr(weft_err_detail(), "se/cret") == NULL);
    CHECK(strstr(weft_err_detail(), "to/ken") == NULL);
}

TEST(s3, what_fails_in_passing_is_tried_again)
{
    static const char *const faults[] = {"PUT 2 500", "PUT 2 503", "PUT 2 cut",
                                         "HEAD 2 503"};
    struct rig rig;

    begin(&rig, t, 0);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        size_t before = s3_server_count(rig.server, "PUT");

        s3_server_fail(rig.server, faults[i]);
        CHECK_OK(put(&rig));
        CHECK_EQ(s3_server_count(rig.server, "PUT") - before,
                 faults[i][0] == 'P' ? 3 : 1);
        CHECK_EQ(test_file_size(object(&rig)), BYTES);
        CHECK_EQ(unlink(object(&rig)), 0);
    }
    end(&rig);
}

TEST(s3, what_goes_on_failing_is_given_up_and_named)
{
    struct rig rig;

    begin(&rig, t, 0);
    s3_server_fail(rig.server, "PUT 3 503");
    CHECK_ERR(put(&rig), WEFT_EIO);
    check_named(&rig);
    check_said("PUT: HTTP 503 SlowDown: Please come again.");
    CHECK_EQ(s3_server_count(rig.server, "PUT"), 3);
    s3_server_fail(rig.server, "PUT 3 cut");
    CHECK_ERR(put(&rig), WEFT_EIO);
    check_named(&rig);
    CHECK_OK(put(&rig));
    end(&rig);
}

// Another try would say the same.
TEST(s3, what_is_refused_is_not_tried_again)
{
    struct rig rig;

    begin(&rig, t, 0);
    s3_server_fail(rig.server, "PUT 1 expired");
    CHECK_ERR(put(&rig), WEFT_EIO);
    check_named(&rig);
    check_said("HTTP 400 ExpiredToken");
    CHECK_EQ(s3_server_count(rig.server, "PUT"), 1);
    end(&rig);
}

// The status of a copy is sent before it is made.
TEST(s3, a_copy_that_failed_late_is_made_again)
{
    struct rig rig;

    begin(&rig, t, 0);
    CHECK_OK(put(&rig));
    s3_server_fail(rig.server, "PUT 1 late");
    CHECK_OK(put(&rig));
    CHECK_EQ(s3_server_count(rig.server, "PUT"), 3);
    s3_server_fail(rig.server, "PUT 3 late");
    CHECK_ERR(put(&rig), WEFT_EIO);
    check_said("copy: HTTP 200 InternalError");
    end(&rig);
}

TEST(s3, an_answer_that_is_cut_is_asked_for_again)
{
    struct rig rig;

    begin(&rig, t, 0);
    CHECK_OK(put(&rig));
    s3_server_fail(rig.server, "GET 2 half");
    CHECK_OK(get(&rig));
    CHECK_OK(wf_snapshots_check(rig.manifest.files, rig.other));
    CHECK_EQ(unlink(rig.other), 0);
    s3_server_fail(rig.server, "GET 3 half");
    CHECK_ERR(get(&rig), WEFT_EIO);
    check_named(&rig);
    CHECK_EQ(access(rig.other, F_OK), -1);
    end(&rig);
}

TEST(s3, bytes_of_another_file_are_refused)
{
    struct rig rig;

    begin(&rig, t, 0);
    CHECK_OK(put(&rig));
    s3_server_fail(rig.server, "GET 1 wrong");
    CHECK_ERR(get(&rig), WEFT_ECORRUPT);
    check_named(&rig);
    check_said("1.sst");
    CHECK_EQ(access(rig.other, F_OK), -1);
    CHECK_EQ(truncate(object(&rig), BYTES - 1), 0);
    CHECK_ERR(get(&rig), WEFT_ECORRUPT);
    CHECK_EQ(truncate(object(&rig), BYTES + 1), 0);
    CHECK_ERR(get(&rig), WEFT_ECORRUPT);
    end(&rig);
}

// It has another length: somebody else put it, or cut it.
TEST(s3, an_object_of_another_length_is_put_anew)
{
    struct rig rig;
    bool has = true;

    begin(&rig, t, 0);
    CHECK_OK(put(&rig));
    CHECK_EQ(truncate(object(&rig), BYTES - 1), 0);
    CHECK_OK(
        rig.snapshots.ops->has(rig.snapshots.self, rig.manifest.files, &has));
    CHECK(!has);
    CHECK_OK(put(&rig));
    CHECK_OK(get(&rig));
    end(&rig);
}

TEST(s3, a_server_that_says_nothing_is_given_up)
{
    struct rig rig;

    begin(&rig, t, 2000);
    s3_server_fail(rig.server, "HEAD 3 silent");
    CHECK_ERR(put(&rig), WEFT_EIO);
    check_named(&rig);
    check_said("nothing came or went for 2000 ms");
    end(&rig);
}

static void *
stop_when_asked(void *ctx)
{
    struct rig *rig = ctx;

    while (s3_server_count(rig->server, "HEAD") == 0) {
        usleep(1000);
    }
    rig->snapshots.ops->stop(rig->snapshots.self);
    return NULL;
}

// Silence alone would take a minute.
TEST(s3, whoever_waits_for_the_server_gives_up_when_stopped)
{
    pthread_t thread;
    struct rig rig;

    begin(&rig, t, 600000);
    s3_server_fail(rig.server, "HEAD 1 silent");
    CHECK_EQ(pthread_create(&thread, NULL, stop_when_asked, &rig), 0);
    CHECK_ERR(put(&rig), WEFT_EIO);
    check_said("stopped");
    CHECK_EQ(pthread_join(thread, NULL), 0);
    end(&rig);
}

// Who may not, or has nothing there, is told so when it opens.
TEST(s3, what_is_wrong_with_the_place_is_said_at_once)
{
    struct wf_s3_limits limits = {.tries = 2, .backoff_ms = 1};
    struct wf_snapshots snapshots;
    char where[300];
    struct rig rig;

    begin(&rig, t, 0);
    (void)snprintf(where, sizeof(where), "s3://nobody.has%s",
                   strchr(s3_server_where(rig.server), '?'));
    CHECK_ERR(wf_snapshots_s3_open(where, cluster_id, &limits, &snapshots),
              WEFT_EIO);
    check_said("s3://nobody.has/: GET: HTTP 404 NoSuchBucket");
    setenv("AWS_SECRET_ACCESS_KEY", "another", 1);
    CHECK_ERR(open_with(&rig, 0, &snapshots), WEFT_EIO);
    check_said("HTTP 403 SignatureDoesNotMatch");
    setenv("AWS_ACCESS_KEY_ID", "another", 1);
    CHECK_ERR(open_with(&rig, 0, &snapshots), WEFT_EIO);
    check_said("HTTP 403 InvalidAccessKeyId");
    CHECK_ERR(wf_snapshots_s3_open("s3://nobody?region=x&endpoint="
                                   "http://127.0.0.1:1",
                                   cluster_id, &limits, &snapshots),
              WEFT_EIO);
    check_said("s3://nobody/: GET: ");
    end(&rig);
}

// A certificate that nobody has signed, and one of another host.
TEST(s3, who_is_not_known_to_be_the_server_is_refused)
{
    struct wf_s3_limits limits = {.tries = 1};
    struct wf_snapshots snapshots;
    const char *where;
    struct rig rig;
    char other[200];
    char *host;

    begin(&rig, t, 0);
    where = s3_server_where_safe(rig.server);
    CHECK_ERR(wf_snapshots_s3_open(where, cluster_id, &limits, &snapshots),
              WEFT_EIO);
    check_said("certificate");
    setenv("AWS_CA_BUNDLE", s3_server_certificate(rig.server), 1);
    CHECK_OK(wf_snapshots_s3_open(where, cluster_id, &limits, &snapshots));
    snapshots.ops->close(snapshots.self);
    (void)snprintf(other, sizeof(other), "%s", where);
    host = strstr(other, "127.0.0.1");
    memcpy(host, "localhost", strlen("localhost"));
    setenv("no_proxy", "127.0.0.1,localhost", 1);
    CHECK_ERR(wf_snapshots_s3_open(other, cluster_id, &limits, &snapshots),
              WEFT_EIO);
    check_said("certificate");
    unsetenv("AWS_CA_BUNDLE");
    end(&rig);
}
