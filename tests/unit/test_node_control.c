// SPDX-License-Identifier: Apache-2.0
//
// test_node_control.c - a node is asked for a backup from outside: who asks
// (inspect_backup.c) and who is asked.

#include "runtime/node_control.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "runtime/node.h"
#include "storage/control.h"
#include "support/test.h"
#include "weft/inspect.h"

// ThreadSanitizer does not see what RocksDB, which is not built with it, does
// to order its own threads.
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *
__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

static char data_dir[600];
static char copy_dir[600];

static weft_err
take(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

// A node that runs by itself, or by hand and on a clock that stands.
static weft_node *
open_node(struct test *t, weft_definitions **out_definitions,
          const struct wf_node_seams *seams)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_actor_def box = WEFT_ACTOR_DEF_INIT;
    weft_node *node = NULL;

    snprintf(data_dir, sizeof(data_dir), "%s/data", test_dir(t));
    snprintf(copy_dir, sizeof(copy_dir), "%s/copy", test_dir(t));
    CHECK_OK(weft_definitions_create(out_definitions));
    box.name = "box";
    box.receive = take;
    CHECK_OK(weft_definitions_add_actor(*out_definitions, &box));
    options.data_dir = data_dir;
    options.definitions = *out_definitions;
    options.partition_count = 4;
    options.shard_count = 1;
    options.store_count = 2;
    options.worker_count = 1;
    options.reserve_bytes = 1;
    CHECK_OK(wf_node_open_with(&options, seams, &node));
    return node;
}

static void
close_node(weft_node *node, weft_definitions *definitions)
{
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

static weft_inspect_backup_options
backup_options(uint32_t timeout_ms)
{
    weft_inspect_backup_options options = WEFT_INSPECT_BACKUP_OPTIONS_INIT;

    options.data_dir = data_dir;
    options.to = copy_dir;
    options.timeout_ms = timeout_ms;
    return options;
}

static bool
is_there(const char *name)
{
    char path[700];
    struct stat status;

    snprintf(path, sizeof(path), "%s/%s", data_dir, name);
    return lstat(path, &status) == 0;
}

static void
check_copy(void)
{
    weft_inspect_counts counts = {.struct_size = sizeof(counts)};

    CHECK_OK(weft_inspect_verify(copy_dir, NULL, NULL, &counts));
    CHECK(!is_there("backup.request"));
    CHECK(!is_there("backup.answer"));
}

TEST(node_control, a_running_node_copies_itself)
{
    weft_definitions *definitions;
    weft_node *node = open_node(t, &definitions, NULL);
    weft_inspect_backup_options options = backup_options(20000);
    char inside[700];

    CHECK_OK(weft_inspect_backup(&options));
    check_copy();
    CHECK_ERR(weft_inspect_backup(&options), WEFT_EEXISTS);
    snprintf(inside, sizeof(inside), "%s/inside", data_dir);
    options.to = inside;
    CHECK_ERR(weft_inspect_backup(&options), WEFT_EINVAL);
    CHECK_ERR(weft_node_backup(node, inside), WEFT_EINVAL);
    snprintf(inside, sizeof(inside), "%s/no/where", test_dir(t));
    CHECK_ERR(weft_inspect_backup(&options), WEFT_ENOTFOUND);
    close_node(node, definitions);
}

// What a node answers comes with its words.
TEST(node_control, a_copy_that_fails_is_told_to_who_asked)
{
    weft_definitions *definitions;
    weft_node *node = open_node(t, &definitions, NULL);
    weft_inspect_backup_options options = backup_options(20000);
    char long_name[600];

    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    memcpy(long_name, copy_dir, strlen(copy_dir));
    options.to = long_name; // a name that no file system takes
    CHECK_ERR(weft_inspect_backup(&options), WEFT_EIO);
    CHECK(!is_there("backup.request"));
    close_node(node, definitions);
}

struct asker {
    weft_inspect_backup_options options;
    char to[700];
    weft_err err;
};

static void *
ask(void *arg)
{
    struct asker *asker = arg;

    asker->err = weft_inspect_backup(&asker->options);
    return NULL;
}

TEST(node_control, several_who_ask_are_served_in_turn)
{
    weft_definitions *definitions;
    weft_node *node = open_node(t, &definitions, NULL);
    struct asker askers[4];
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        askers[i].options = backup_options(60000);
        snprintf(askers[i].to, sizeof(askers[i].to), "%s-%d", copy_dir, i);
        askers[i].options.to = askers[i].to;
        CHECK_EQ(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        weft_inspect_counts counts = {.struct_size = sizeof(counts)};

        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_OK(askers[i].err);
        CHECK_OK(weft_inspect_verify(askers[i].to, NULL, NULL, &counts));
    }
    close_node(node, definitions);
}

// Hold a stopped node's directory as a node would that says nothing.
static int
hold_directory(struct test *t)
{
    weft_definitions *definitions;
    weft_node *node = open_node(t, &definitions, NULL);
    char path[700];
    int fd;

    close_node(node, definitions);
    snprintf(path, sizeof(path), "%s/weft.lock", data_dir);
    fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

TEST(node_control, a_node_that_does_not_answer_is_not_waited_for_for_ever)
{
    weft_inspect_backup_options options;
    struct wf_control_ask *other = NULL;
    int fd = hold_directory(t);

    options = backup_options(100);
    CHECK_ERR(weft_inspect_backup(&options), WEFT_ETIMEDOUT);
    CHECK(!is_there("backup.request"));
    CHECK_OK(wf_control_ask(data_dir, "/a", &other));
    CHECK_ERR(weft_inspect_backup(&options), WEFT_EBUSY);
    wf_control_end(other);
    close(fd);
}

// When it is waited for, the node dies.
static void
die(void *ctx, uint64_t waited_ms)
{
    int *fd = ctx;

    (void)waited_ms;
    CHECK(is_there("backup.request"));
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

TEST(node_control, a_node_that_dies_is_copied_as_a_stopped_one)
{
    int fd = hold_directory(t);
    weft_inspect_backup_options options = backup_options(20000);

    options.wait = die;
    options.ctx = &fd;
    CHECK_OK(weft_inspect_backup(&options));
    check_copy();
}

// And had made the copy before.
static void
die_late(void *ctx, uint64_t waited_ms)
{
    if (*(int *)ctx >= 0) {
        CHECK_EQ(mkdir(copy_dir, 0755), 0);
    }
    die(ctx, waited_ms);
}

TEST(node_control, a_copy_without_an_answer_is_not_taken_for_a_failure)
{
    int fd = hold_directory(t);
    weft_inspect_backup_options options = backup_options(20000);

    options.wait = die_late;
    options.ctx = &fd;
    CHECK_ERR(weft_inspect_backup(&options), WEFT_EEXISTS);
    CHECK(strstr(weft_err_detail(), "the node ended") != NULL);
    CHECK(!is_there("backup.request"));
}

TEST(node_control, what_is_left_in_the_directory_is_not_copied)
{
    weft_inspect_backup_options options;
    char path[700];

    close(hold_directory(t));
    snprintf(path, sizeof(path), "%s/backup.request", data_dir);
    close(open(path, O_WRONLY | O_CREAT, 0644));
    options = backup_options(20000);
    CHECK_OK(weft_inspect_backup(&options));
    snprintf(path, sizeof(path), "%s/backup.request", copy_dir);
    CHECK(access(path, F_OK) != 0);
}

// By hand. ------------------------------------------------------------------

struct world {
    uint64_t now_ms;
    uint32_t notes; // about backups
    char last[600];
};

static uint64_t
world_wall_ms(void *self)
{
    return ((struct world *)self)->now_ms;
}

static uint64_t
world_mono_ns(void *self)
{
    return ((struct world *)self)->now_ms * 1000000U;
}

static void
note(void *ctx, enum wf_trace_level level, uint64_t now_ms, const char *who,
     const char *verb, const char *text)
{
    struct world *world = ctx;

    (void)level;
    (void)now_ms;
    (void)who;
    if (strcmp(verb, "backup") == 0) {
        world->notes++;
        snprintf(world->last, sizeof(world->last), "%s", text);
    }
}

static weft_node *
open_by_hand(struct test *t, struct world *world,
             weft_definitions **out_definitions)
{
    static struct wf_trace trace;
    const struct wf_node_seams seams = {
        .clock = {world_wall_ms, world_mono_ns, world},
        .seed = 1,
        .trace = &trace,
        .is_manual = true,
    };

    trace = (struct wf_trace){note, world, WF_TRACE_NOTE};
    return open_node(t, out_definitions, &seams);
}

// A round of housekeeping.
static void
keep_house(struct world *world, weft_node *node)
{
    world->now_ms += 1000;
    while (wf_node_step(node, WF_NODE_HOUSEKEEPING, 0) == 0) {
    }
}

static int
put_locked(const char *text)
{
    char path[700];
    int fd;

    snprintf(path, sizeof(path), "%s/backup.request", data_dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

TEST(node_control, a_request_is_carried_out_once)
{
    struct world world = {.now_ms = 1000};
    weft_definitions *definitions;
    weft_node *node = open_by_hand(t, &world, &definitions);
    struct wf_control_ask *asking = NULL;
    weft_err answer = WEFT_EIO;

    CHECK_OK(wf_control_ask(data_dir, copy_dir, &asking));
    keep_house(&world, node);
    keep_house(&world, node);
    keep_house(&world, node);
    CHECK(wf_control_is_answered(asking, &answer));
    CHECK_OK(answer);
    CHECK_EQ(world.notes, 2); // asked, and done
    wf_control_end(asking);
    check_copy();
    close_node(node, definitions);
}

TEST(node_control, a_request_that_makes_no_sense_is_named_and_harms_nobody)
{
    struct world world = {.now_ms = 1000};
    weft_definitions *definitions;
    weft_node *node = open_by_hand(t, &world, &definitions);
    int fd = put_locked("what?");

    keep_house(&world, node);
    keep_house(&world, node);
    CHECK_EQ(world.notes, 1);
    CHECK(strstr(world.last, "WEFT_EFORMAT") != NULL);
    close(fd);
    keep_house(&world, node);
    CHECK(!is_there("backup.request"));

    fd = put_locked("weft backup 9\n00000000000000aa\n/a\n");
    keep_house(&world, node);
    keep_house(&world, node);
    CHECK_EQ(world.notes, 2);
    CHECK(is_there("backup.answer"));
    close(fd);
    keep_house(&world, node);
    CHECK(!is_there("backup.request"));
    CHECK(!is_there("backup.answer"));
    close_node(node, definitions);
}
