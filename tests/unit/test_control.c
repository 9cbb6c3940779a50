// SPDX-License-Identifier: Apache-2.0

#include "storage/control.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/test.h"

// "dir/name", valid until the next call.
static const char *
path_of(struct test *t, const char *name)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/%s", test_dir(t), name);
    return path;
}

static bool
exists(struct test *t, const char *name)
{
    struct stat status;

    return lstat(path_of(t, name), &status) == 0;
}

// Put a file there; the descriptor is to be closed.
static int
put_file(struct test *t, const char *name, const void *bytes, size_t len)
{
    int fd = open(path_of(t, name), O_RDWR | O_CREAT | O_TRUNC, 0644);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, bytes, len), len);
    return fd;
}

static int
put_locked(struct test *t, const char *text)
{
    int fd = put_file(t, "backup.request", text, strlen(text));

    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

TEST(control, a_request_is_found_and_answered)
{
    struct wf_control_ask *ask = NULL;
    struct wf_control_request request;
    weft_err answer = WEFT_OK;

    CHECK_ERR(wf_control_find(test_dir(t), &request), WEFT_ENOTFOUND);
    CHECK_OK(wf_control_ask(test_dir(t), "/a/new\nplace", &ask));
    CHECK(!wf_control_is_answered(ask, &answer));
    CHECK_OK(wf_control_find(test_dir(t), &request));
    CHECK(request.id != 0);
    CHECK_STR(request.to, "/a/new\nplace");
    wf_free(request.to);
    CHECK_OK(wf_control_answer(test_dir(t), request.id, WEFT_EEXISTS,
                               "it is there"));
    CHECK(wf_control_is_answered(ask, &answer));
    CHECK_EQ(answer, WEFT_EEXISTS);
    CHECK_STR(weft_err_detail(), "it is there");
    wf_control_end(ask);
    CHECK(!exists(t, "backup.request"));
    CHECK(!exists(t, "backup.answer"));
}

TEST(control, one_asks_at_a_time)
{
    struct wf_control_ask *first = NULL;
    struct wf_control_ask *second = NULL;

    CHECK_OK(wf_control_ask(test_dir(t), "/a", &first));
    CHECK_ERR(wf_control_ask(test_dir(t), "/b", &second), WEFT_EBUSY);
    wf_control_end(first);
    CHECK_OK(wf_control_ask(test_dir(t), "/b", &second));
    wf_control_end(second);
}

TEST(control, an_answer_to_another_is_none)
{
    struct wf_control_ask *ask = NULL;
    struct wf_control_request request;
    weft_err answer = WEFT_OK;

    CHECK_OK(wf_control_ask(test_dir(t), "/a", &ask));
    CHECK_OK(wf_control_find(test_dir(t), &request));
    wf_free(request.to);
    CHECK_ERR(wf_control_answer(test_dir(t), request.id + 2, WEFT_OK, ""),
              WEFT_ENOTFOUND);
    close(put_file(t, "backup.answer",
                   "weft backup 1\n00000000000000aa\nWEFT_OK\n\n", 40));
    CHECK(!wf_control_is_answered(ask, &answer));
    wf_control_end(ask);
}

TEST(control, what_the_dead_left_is_removed)
{
    struct wf_control_ask *ask = NULL;
    struct wf_control_request request;

    close(put_file(t, "backup.request", "half", 4));
    close(put_file(t, "backup.answer", "to nobody", 9));
    CHECK_ERR(wf_control_find(test_dir(t), &request), WEFT_ENOTFOUND);
    CHECK(!exists(t, "backup.request"));
    CHECK(!exists(t, "backup.answer"));

    close(put_file(t, "backup.request", "half", 4));
    CHECK_OK(wf_control_ask(test_dir(t), "/a", &ask));
    CHECK_OK(wf_control_find(test_dir(t), &request));
    wf_free(request.to);
    wf_control_end(ask);
}

TEST(control, what_is_not_understood_has_a_name)
{
    static const struct {
        const char *text;
        uint64_t id;
    } cases[] = {
        {"", 0},
        {"weft backup 1", 0},
        {"weft backup 1\n", 0},
        {"weft backup 1\nxyz\n/a\n", 0},
        {"weft backup 1\n00000000000000aa", 0},
        {"weft backup 2\n00000000000000aa\n/a\n", 0xaa},
        {"weft backup 1\n00000000000000aa\n", 0xaa},
        {"weft backup 1\n00000000000000aa\n/", 0xaa},
        {"weft backup 1\n00000000000000aa\n/a", 0xaa},
        {"weft backup 1\n00000000000000aa\na/b\n", 0xaa},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wf_control_request request;
        int fd = put_locked(t, cases[i].text);

        CHECK_ERR(wf_control_find(test_dir(t), &request), WEFT_EFORMAT);
        CHECK_EQ(request.id, cases[i].id);
        CHECK(request.to == NULL);
        close(fd);
    }
}

TEST(control, a_path_that_is_too_long_is_refused)
{
    static char to[5001];
    struct wf_control_ask *ask = NULL;
    struct wf_control_request request;
    char text[9000];
    int fd;

    memset(to, 'a', 5000);
    to[0] = '/';
    CHECK_ERR(wf_control_ask(test_dir(t), to, &ask), WEFT_EINVAL);
    CHECK(!exists(t, "backup.request"));
    snprintf(text, sizeof(text), "weft backup 1\n00000000000000aa\n%s\n", to);
    fd = put_locked(t, text);
    CHECK_ERR(wf_control_find(test_dir(t), &request), WEFT_EFORMAT);
    CHECK_EQ(request.id, 0xaa);
    close(fd);
}

// Somebody has taken the name of a request for something else: that is not
// removed by who asked.
TEST(control, a_request_is_removed_by_who_made_it_alone)
{
    struct wf_control_ask *ask = NULL;

    CHECK_OK(wf_control_ask(test_dir(t), "/a", &ask));
    CHECK_EQ(unlink(path_of(t, "backup.request")), 0);
    close(put_file(t, "backup.request", "other", 5));
    wf_control_end(ask);
    CHECK(exists(t, "backup.request"));

    CHECK_OK(wf_control_ask(test_dir(t), "/a", &ask));
    CHECK_EQ(unlink(path_of(t, "backup.request")), 0);
    wf_control_end(ask);
    wf_control_end(NULL);
    CHECK(!exists(t, "backup.request"));
}

TEST(control, a_request_that_is_no_text_is_not_read)
{
    static const char zeros[100000];
    struct wf_control_request request;
    struct wf_control_ask *ask = NULL;
    int fd = put_file(t, "backup.request", zeros, sizeof(zeros));

    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    CHECK_ERR(wf_control_find(test_dir(t), &request), WEFT_EFORMAT);
    CHECK_EQ(ftruncate(fd, 100), 0);
    CHECK_ERR(wf_control_find(test_dir(t), &request), WEFT_EFORMAT);
    close(fd);
    CHECK_EQ(unlink(path_of(t, "backup.request")), 0);

    CHECK_EQ(mkfifo(path_of(t, "backup.request"), 0644), 0);
    CHECK_ERR(wf_control_find(test_dir(t), &request), WEFT_EIO);
    CHECK_ERR(wf_control_ask(test_dir(t), "/a", &ask), WEFT_EIO);
    CHECK_EQ(unlink(path_of(t, "backup.request")), 0);
    CHECK_EQ(symlink("/dev/zero", path_of(t, "backup.request")), 0);
    CHECK_ERR(wf_control_find(test_dir(t), &request), WEFT_EIO);
}

TEST(control, an_answer_that_is_not_understood_is_said)
{
    struct wf_control_ask *ask = NULL;
    struct wf_control_request request;
    char text[200];
    weft_err answer = WEFT_OK;
    int len;

    CHECK_OK(wf_control_ask(test_dir(t), "/a", &ask));
    CHECK_OK(wf_control_find(test_dir(t), &request));
    wf_free(request.to);
    len = snprintf(text, sizeof(text), "weft backup 1\n%016llx\nWEFT_EODD\n",
                   (unsigned long long)request.id);
    close(put_file(t, "backup.answer", text, (size_t)len));
    CHECK(wf_control_is_answered(ask, &answer));
    CHECK_EQ(answer, WEFT_EFORMAT);

    len = snprintf(text, sizeof(text), "weft backup 1\n%016llx\nWEFT_EIO\n",
                   (unsigned long long)request.id);
    close(put_file(t, "backup.answer", text, (size_t)len));
    CHECK(wf_control_is_answered(ask, &answer)); // without a reason
    CHECK_EQ(answer, WEFT_EIO);

    // Half of one, no text, and none.
    close(put_file(t, "backup.answer", text, 20));
    CHECK(!wf_control_is_answered(ask, &answer));
    close(put_file(t, "backup.answer", "\0\0\0", 3));
    CHECK(!wf_control_is_answered(ask, &answer));
    CHECK_EQ(unlink(path_of(t, "backup.answer")), 0);
    CHECK(!wf_control_is_answered(ask, &answer));
    wf_control_end(ask);
}

TEST(control, the_files_have_names_of_their_own)
{
    CHECK(wf_control_is_name("backup.request"));
    CHECK(wf_control_is_name("backup.request.00000000000000aa"));
    CHECK(wf_control_is_name("backup.answer.new"));
    CHECK(!wf_control_is_name("store-0.beacon"));
    CHECK(!wf_control_is_name("backup"));
}
