// SPDX-License-Identifier: Apache-2.0
//
// test_node_faults.c - whole nodes whose commits fail, or whose process dies.

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "unit/node_rig.h"

TEST(node_faults, a_commit_in_doubt_is_found_out_and_answered_once)
{
    struct node_rig rig = node_rig_begin(t);
    struct node_rig_lines lines = {.len = 0};

    rig.options.log = node_rig_add_line;
    rig.options.log_ctx = &lines;
    node_rig_open(&rig);
    node_rig_add(rig.client, "a");
    // Written, and nobody knows; then not written, and nobody knows.
    wf_fault_arm(WF_FAULT_COMMIT_EIO, WF_FAULT_ACTION_FAIL, 0, 1);
    node_rig_add(rig.client, "a");
    CHECK_EQ(node_rig_number(rig.client, "a"), 2);
    wf_fault_arm(WF_FAULT_BEFORE_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    node_rig_add(rig.client, "a");
    CHECK_EQ(node_rig_number(rig.client, "a"), 3);
    wf_fault_arm(WF_FAULT_AFTER_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    node_rig_add(rig.client, "b");
    CHECK_EQ(node_rig_number(rig.client, "b"), 1);
    wf_fault_disarm_all();
    node_rig_close(&rig);
    CHECK(strstr(lines.text, "reopen") != NULL);

    node_rig_open(&rig);
    CHECK_EQ(node_rig_number(rig.client, "a"), 3);
    node_rig_close(&rig);
    node_rig_end(&rig);
}

// One of several callers at once. Each has an actor of its own.
struct caller {
    pthread_t thread;
    weft_node *node;
    char id[32];
    uint32_t failed;
};

enum { CALLERS = 4, CALLS = 100 };

static void *
call_many_times(void *arg)
{
    struct caller *caller = arg;
    weft_target target = {"counter", caller->id};
    weft_client *client = NULL;

    if (weft_client_open(caller->node, NULL, &client) != WEFT_OK) {
        caller->failed = CALLS;
        return NULL;
    }
    for (int i = 0; i < CALLS; i++) {
        weft_err err;

        do { // refused while the store is stalled
            err = weft_client_signal(client, target, "add", weft_nothing());
        } while (err == WEFT_EBUSY);
        caller->failed += err != WEFT_OK;
    }
    weft_client_close(client);
    return NULL;
}

TEST(node_faults, every_call_counts_once_through_doubts_and_stalls)
{
    static const enum wf_fault faults[] = {
        WF_FAULT_COMMIT_EIO, WF_FAULT_BEFORE_COMMIT, WF_FAULT_AFTER_COMMIT,
        WF_FAULT_COMMIT_STALL};
    struct node_rig rig = node_rig_begin(t);
    static struct node_rig_lines lines;
    struct caller callers[CALLERS] = {{.failed = 0}};

    rig.options.log = node_rig_add_line;
    rig.options.log_ctx = &lines;
    rig.options.store_count = 2;
    CHECK_OK(weft_node_open(&rig.options, &rig.node));
    for (int i = 0; i < CALLERS; i++) {
        callers[i].node = rig.node;
        snprintf(callers[i].id, sizeof(callers[i].id), "caller-%d", i);
        CHECK_EQ(pthread_create(&callers[i].thread, NULL, call_many_times,
                                &callers[i]),
                 0);
    }
    for (size_t i = 0; i < 8; i++) {
        wf_fault_arm(faults[i % 4], WF_FAULT_ACTION_FAIL, 3, 1);
        usleep(30000);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        CHECK_EQ(callers[i].failed, 0);
    }
    wf_fault_disarm_all();
    CHECK_OK(weft_client_open(rig.node, NULL, &rig.client));
    for (int i = 0; i < CALLERS; i++) {
        CHECK_EQ(node_rig_number(rig.client, callers[i].id), CALLS);
    }
    CHECK(strstr(lines.text, "it goes on at commit") != NULL);
    node_rig_close(&rig);
    node_rig_end(&rig);
}

TEST(node_faults, a_stalled_store_is_waited_for)
{
    struct node_rig rig = node_rig_begin(t);

    node_rig_open(&rig);
    wf_fault_arm(WF_FAULT_COMMIT_STALL, WF_FAULT_ACTION_FAIL, 0, 5);
    node_rig_add(rig.client, "a");
    wf_fault_disarm_all();
    CHECK_EQ(node_rig_number(rig.client, "a"), 1);
    node_rig_close(&rig);
    node_rig_end(&rig);
}

// Processes that die. -------------------------------------------------------
//
// A child is this program again, told by its environment to run one test: a
// fork alone would inherit RocksDB without its threads.

// How far count_until_killed got.
static uint64_t
read_count(void)
{
    uint64_t number = 0;
    FILE *file = fopen(getenv("WEFT_TEST_COUNT"), "rb");

    if (file != NULL) {
        (void)!fread(&number, sizeof(number), 1, file);
        fclose(file);
    }
    return number;
}

// Returns the status of waitpid.
static int
play_in_child(struct test *t, const char *play, const char *fault)
{
    char *argv[] = {(char *)"test_node_faults", (char *)"child_of_another_test",
                    NULL};
    char count_path[700];
    pid_t pid;
    int status = 0;

    snprintf(count_path, sizeof(count_path), "%s/count", test_dir(t));
    remove(count_path);
    setenv("WEFT_TEST_PLAY", play, 1);
    setenv("WEFT_TEST_DIR", test_dir(t), 1);
    setenv("WEFT_TEST_COUNT", count_path, 1);
    if (fault != NULL) {
        setenv("WEFT_FAULT", fault, 1);
    }
    CHECK_EQ(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
    unsetenv("WEFT_TEST_PLAY");
    unsetenv("WEFT_FAULT");
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

// Count until somebody kills this process.
static void
count_until_killed(weft_client *client)
{
    FILE *file = fopen(getenv("WEFT_TEST_COUNT"), "wb");

    for (uint64_t i = 1; file != NULL && i <= 10000; i++) {
        if (weft_client_signal(client, (weft_target){"counter", "a"}, "add",
                               weft_nothing()) != WEFT_OK ||
            pwrite(fileno(file), &i, sizeof(i), 0) != sizeof(i)) {
            _exit(2);
        }
    }
    _exit(3);
}

// Or until this process dies of it.
static void
live_until_parked(weft_client *client, weft_target target)
{
    int is_parked = 0;

    for (int i = 0; i < 60000 && !is_parked; i++) {
        weft_reply *reply = NULL;

        if (weft_client_describe(client, target, &reply) == WEFT_OK) {
            is_parked = reply->items[0].is_parked;
        }
        weft_reply_free(reply);
        usleep(1000);
    }
}

TEST(node_faults, child_of_another_test)
{
    const char *play = getenv("WEFT_TEST_PLAY");
    struct node_rig rig;
    weft_target fatal = {"fatal", "f"};
    static char dir[600];

    if (play == NULL) {
        return;
    }
    (void)signal(SIGABRT, SIG_DFL); // not cmocka's
    rig = node_rig_begin(t);
    snprintf(dir, sizeof(dir), "%s/data", getenv("WEFT_TEST_DIR"));
    rig.options.data_dir = dir;
    rig.options.window_bytes = 16384; // so that there is much to trim
    if (weft_node_open(&rig.options, &rig.node) != WEFT_OK ||
        weft_client_open(rig.node, NULL, &rig.client) != WEFT_OK) {
        _exit(1);
    }
    if (strcmp(play, "count") == 0) {
        count_until_killed(rig.client);
    }
    if (strcmp(play, "live and die") == 0) {
        (void)weft_client_signal(rig.client, fatal, "live", weft_nothing());
    }
    (void)weft_client_signal(rig.client, fatal, "die", weft_nothing());
    live_until_parked(rig.client, fatal);
    _exit(3);
}

TEST(node_faults, a_kill_loses_nothing_that_was_acknowledged)
{
    static const char *const faults[] = {
        "BEFORE_COMMIT:kill:20", "AFTER_COMMIT:kill:20",
        "AFTER_RELEASE:kill:20", "BEFORE_BEACON:kill:2",
        "AFTER_BEACON:kill:2",   "BEFORE_TRIM:kill:2",
        "AFTER_TRIM:kill:2",
    };
    struct node_rig rig = node_rig_begin(t);
    uint64_t number = 0;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        uint64_t before = number;
        uint64_t acknowledged;
        int status = play_in_child(t, "count", faults[i]);

        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        acknowledged = before + read_count();
        node_rig_open(&rig);
        number = node_rig_number(rig.client, "a");
        CHECK(number == acknowledged || number == acknowledged + 1);
        node_rig_close(&rig);
    }
    node_rig_end(&rig);
}

TEST(node_faults, an_actor_that_kills_the_process_is_parked_in_the_end)
{
    struct node_rig rig = node_rig_begin(t);
    weft_target target = {"fatal", "f"};
    weft_reply *reply = NULL;
    int status = play_in_child(t, "live and die", NULL);

    for (int i = 1; i < 3; i++) {
        CHECK(WIFSIGNALED(status));
        status = play_in_child(t, "die", NULL);
    }
    CHECK(WIFSIGNALED(status));
    status = play_in_child(t, "die", NULL); // and is not run any more
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    node_rig_open(&rig);
    CHECK_OK(weft_client_describe(rig.client, target, &reply));
    CHECK_EQ(reply->items_count, 1);
    CHECK_EQ(reply->items[0].is_parked, 1);
    weft_reply_free(reply);
    node_rig_close(&rig);
    node_rig_end(&rig);
}
