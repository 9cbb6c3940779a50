// SPDX-License-Identifier: Apache-2.0
//
// test_node.c - whole nodes: with threads on a directory, and by hand on a
// store in memory.

#include "runtime/node.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/trace.h"
#include "storage/store.h"
#include "support/test.h"
#include "weft/client.h"
#include "weft/workflow.h"

// ThreadSanitizer does not see what RocksDB, which is not built with it, does
// to order its own threads.
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *
__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

// A counter: every "add" adds one; a query gives the number.
static weft_err
count(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *number = state;

    (void)actor;
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        (*number)++;
    }
    return WEFT_OK;
}

static weft_err
show(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

// A step of a chain of activities and timers, which ends after three.
static weft_err
touch(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

static weft_err
chain(weft_workflow *wf, weft_bytes input)
{
    for (int i = 0; i < 3; i++) {
        weft_bytes result;
        weft_err err = weft_workflow_call(wf, "touch", input, NULL, &result);

        if (err == WEFT_OK) {
            err = weft_workflow_sleep(wf, 5);
        }
        if (err != WEFT_OK) {
            return err;
        }
    }
    return weft_workflow_return(wf, weft_text("done"));
}

// Runs for longer than a turn should.
static weft_err
dawdle(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)state;
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        usleep(500000);
    }
    return WEFT_OK;
}

static weft_err
die(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)state;
    if (strcmp(message->name, "die") == 0) {
        abort();
    }
    return WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_actor_def counter = WEFT_ACTOR_DEF_INIT;
    weft_actor_def slow = WEFT_ACTOR_DEF_INIT;
    weft_actor_def fatal = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    counter.name = "counter";
    counter.state_bytes = sizeof(uint64_t);
    counter.receive = count;
    counter.query = show;
    CHECK_OK(weft_definitions_add_actor(definitions, &counter));
    slow.name = "slow";
    slow.receive = dawdle;
    CHECK_OK(weft_definitions_add_actor(definitions, &slow));
    fatal.name = "fatal";
    fatal.receive = die;
    CHECK_OK(weft_definitions_add_actor(definitions, &fatal));
    activity.name = "touch";
    activity.run = touch;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    workflow.name = "chain";
    workflow.run = chain;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    return definitions;
}

// Lines of the node's log, for looking into.
struct lines {
    char text[65536];
    size_t len;
};

static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;

static void
add_line(void *ctx, const char *line)
{
    struct lines *lines = ctx;
    size_t len = strlen(line);

    pthread_mutex_lock(&lines_lock);
    if (lines->len + len + 2 < sizeof(lines->text)) {
        memcpy(lines->text + lines->len, line, len);
        lines->text[lines->len + len] = '\n';
        lines->len += len + 1;
    }
    pthread_mutex_unlock(&lines_lock);
}

static weft_node_options
options_for(struct test *t, const weft_definitions *definitions)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    static char dir[600];

    snprintf(dir, sizeof(dir), "%s/data", test_dir(t));
    options.data_dir = dir;
    options.definitions = definitions;
    options.partition_count = 8;
    options.shard_count = 2;
    options.worker_count = 2;
    options.reserve_bytes = 1;
    return options;
}

static uint64_t
ask_number(weft_client *client, const char *id)
{
    weft_target target = {"counter", id};
    weft_reply *reply = NULL;
    uint64_t number = 0;

    CHECK_OK(
        weft_client_query(client, target, "number", weft_nothing(), &reply));
    CHECK_EQ(reply->data.len, sizeof(number));
    memcpy(&number, reply->data.data, sizeof(number));
    weft_reply_free(reply);
    return number;
}

static void
add(weft_client *client, const char *id)
{
    weft_target target = {"counter", id};

    CHECK_OK(weft_client_signal(client, target, "add", weft_nothing()));
}

TEST(node, what_was_acknowledged_is_there_at_the_next_open)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;
    char id[16];

    for (int round = 1; round <= 3; round++) {
        CHECK_OK(weft_node_open(&options, &node));
        CHECK_OK(weft_client_open(node, NULL, &client));
        for (int i = 0; i < 20; i++) {
            snprintf(id, sizeof(id), "c%d", i);
            add(client, id);
            CHECK_EQ(ask_number(client, id), round);
        }
        weft_client_close(client);
        weft_node_close(node);
    }
    weft_definitions_destroy(definitions);
}

TEST(node, workflows_run_activities_and_timers_to_their_end)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node_stats stats = {.struct_size = sizeof(stats)};
    weft_node *node = NULL;
    weft_client *client = NULL;
    char id[16];

    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof(id), "w%d", i);
        CHECK_OK(weft_client_start(client, (weft_target){"chain", id},
                                   weft_text("in")));
    }
    for (int i = 0; i < 20; i++) {
        weft_reply *reply = NULL;

        snprintf(id, sizeof(id), "w%d", i);
        CHECK_OK(weft_client_result(client, (weft_target){"chain", id}, 20000,
                                    &reply));
        CHECK_BYTES(reply->data, weft_text("done"));
        weft_reply_free(reply);
    }
    CHECK_OK(weft_node_get_stats(node, &stats));
    CHECK_EQ(stats.activities_started, 60);
    CHECK_EQ(stats.activities_running, 0);
    CHECK_EQ(stats.audit_failures, 0);
    CHECK(stats.commits > 0 && stats.log_bytes > 0 && stats.turns >= 60);
    CHECK_OK(weft_node_drain(node, 5000));
    CHECK_ERR(weft_client_signal(client, (weft_target){"counter", "x"}, "add",
                                 weft_nothing()),
              WEFT_ECLOSED);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, a_directory_is_held_by_one_node)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;
    weft_node *second = NULL;

    CHECK_OK(weft_node_open(&options, &node));
    CHECK_ERR(weft_node_open(&options, &second), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), options.data_dir) != NULL);
    weft_node_close(node);
    CHECK_OK(weft_node_open(&options, &second));
    weft_node_close(second);
    weft_definitions_destroy(definitions);
}

TEST(node, other_counts_than_it_was_made_with_are_refused)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;

    options.store_count = 2;
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    options.partition_count = 16;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EFORMAT);
    CHECK(strstr(weft_err_detail(), "8") != NULL);
    CHECK(strstr(weft_err_detail(), "16") != NULL);
    options.partition_count = 8;
    options.store_count = 1;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EFORMAT);
    options.store_count = 2;
    options.shard_count = 1; // may differ
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, options_out_of_range_are_named)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;

    options.partition_count = 1025;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "partition_count") != NULL);
    options.partition_count = 4;
    options.store_count = 5;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "store_count") != NULL);
    options.store_count = 1;
    options.strict = 2;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    options.strict = 0;
    options.window_bytes = -2;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    options.window_bytes = 0;
    options.reserve_bytes = UINT64_MAX;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EFULL);
    options.data_dir = NULL;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    CHECK_EQ(access(test_dir(t), F_OK), 0);
    weft_definitions_destroy(definitions);
}

TEST(node, a_commit_in_doubt_is_found_out_and_answered_once)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    struct lines lines = {.len = 0};
    weft_node *node = NULL;
    weft_client *client = NULL;

    options.log = add_line;
    options.log_ctx = &lines;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    add(client, "a");
    // Written, and nobody knows; then not written, and nobody knows.
    wf_fault_arm(WF_FAULT_COMMIT_EIO, WF_FAULT_ACTION_FAIL, 0, 1);
    add(client, "a");
    CHECK_EQ(ask_number(client, "a"), 2);
    wf_fault_arm(WF_FAULT_BEFORE_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    add(client, "a");
    CHECK_EQ(ask_number(client, "a"), 3);
    wf_fault_arm(WF_FAULT_AFTER_COMMIT, WF_FAULT_ACTION_FAIL, 0, 1);
    add(client, "b");
    CHECK_EQ(ask_number(client, "b"), 1);
    wf_fault_disarm_all();
    weft_client_close(client);
    weft_node_close(node);
    CHECK(strstr(lines.text, "reopen") != NULL);

    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_EQ(ask_number(client, "a"), 3);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
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

TEST(node, every_call_counts_once_through_doubts_and_stalls)
{
    static const enum wf_fault faults[] = {
        WF_FAULT_COMMIT_EIO, WF_FAULT_BEFORE_COMMIT, WF_FAULT_AFTER_COMMIT,
        WF_FAULT_COMMIT_STALL};
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    static struct lines lines;
    struct caller callers[CALLERS] = {{.failed = 0}};
    weft_node *node = NULL;
    weft_client *client = NULL;

    options.log = add_line;
    options.log_ctx = &lines;
    options.store_count = 2;
    CHECK_OK(weft_node_open(&options, &node));
    for (int i = 0; i < CALLERS; i++) {
        callers[i].node = node;
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
    CHECK_OK(weft_client_open(node, NULL, &client));
    for (int i = 0; i < CALLERS; i++) {
        CHECK_EQ(ask_number(client, callers[i].id), CALLS);
    }
    CHECK(strstr(lines.text, "it goes on at commit") != NULL);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, a_stalled_store_is_waited_for)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;

    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    wf_fault_arm(WF_FAULT_COMMIT_STALL, WF_FAULT_ACTION_FAIL, 0, 5);
    add(client, "a");
    wf_fault_disarm_all();
    CHECK_EQ(ask_number(client, "a"), 1);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, a_store_that_is_behind_its_beacon_is_refused)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;
    char command[1400];

    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    snprintf(command, sizeof(command), "cp -r %s/store-0 %s/old",
             options.data_dir, options.data_dir);
    CHECK_EQ(system(command), 0);
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    add(client, "a");
    weft_client_close(client);
    weft_node_close(node);
    snprintf(command, sizeof(command),
             "cd %s && rm -r store-0 && mv old store-0", options.data_dir);
    CHECK_EQ(system(command), 0);
    CHECK_ERR(weft_node_open(&options, &node), WEFT_ELOST);
    options.accept_loss = 1;
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    options.accept_loss = 0;
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    snprintf(command, sizeof(command), "rm %s/store-0.beacon",
             options.data_dir);
    CHECK_EQ(system(command), 0);
    CHECK_ERR(weft_node_open(&options, &node), WEFT_ELOST);
    weft_definitions_destroy(definitions);
}

TEST(node, the_log_is_trimmed_and_nothing_is_lost)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    uint64_t trims = wf_fault_hits(WF_FAULT_AFTER_TRIM);
    uint64_t added = 0;
    weft_node *node = NULL;
    weft_client *client = NULL;

    options.window_bytes = 16384;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    while (wf_fault_hits(WF_FAULT_AFTER_TRIM) < trims + 3) {
        add(client, "a");
        added++;
        CHECK(added < 100000);
    }
    weft_client_close(client);
    weft_node_close(node);
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_EQ(ask_number(client, "a"), added);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, a_backup_opens_and_goes_on)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;
    char to[700];

    options.store_count = 2;
    snprintf(to, sizeof(to), "%s/copy", test_dir(t));
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    add(client, "a");
    CHECK_OK(weft_node_backup(node, to));
    CHECK_ERR(weft_node_backup(node, to), WEFT_EEXISTS);
    add(client, "a");
    weft_client_close(client);
    weft_node_close(node);

    options.data_dir = to;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_EQ(ask_number(client, "a"), 1);
    add(client, "a");
    CHECK_EQ(ask_number(client, "a"), 2);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, strict_mode_keeps_the_beacon_with_each_acknowledgement)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;
    uint64_t hits;

    options.strict = 1;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    for (int i = 0; i < 5; i++) {
        hits = wf_fault_hits(WF_FAULT_AFTER_BEACON);
        add(client, "a");
        CHECK(wf_fault_hits(WF_FAULT_AFTER_BEACON) > hits);
    }
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, a_slow_turn_is_reported_with_its_name)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    static struct lines lines;
    weft_node *node = NULL;
    weft_client *client = NULL;

    options.log = add_line;
    options.log_ctx = &lines;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_OK(weft_client_signal(client, (weft_target){"slow", "snail"}, "go",
                                weft_nothing()));
    usleep(600000);
    weft_client_close(client);
    weft_node_close(node);
    CHECK(strstr(lines.text, "slow/snail") != NULL);
    weft_definitions_destroy(definitions);
}

// Processes that die.
// -------------------------------------------------------------
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
    char *argv[] = {(char *)"test_node", (char *)"child_of_another_test", NULL};
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

TEST(node, child_of_another_test)
{
    const char *play = getenv("WEFT_TEST_PLAY");
    weft_definitions *definitions;
    weft_node_options options;
    weft_target fatal = {"fatal", "f"};
    weft_node *node = NULL;
    weft_client *client = NULL;
    static char dir[600];

    if (play == NULL) {
        return;
    }
    (void)signal(SIGABRT, SIG_DFL); // not cmocka's
    definitions = define();
    options = options_for(t, definitions);
    snprintf(dir, sizeof(dir), "%s/data", getenv("WEFT_TEST_DIR"));
    options.data_dir = dir;
    options.window_bytes = 16384; // so that there is much to trim
    if (weft_node_open(&options, &node) != WEFT_OK ||
        weft_client_open(node, NULL, &client) != WEFT_OK) {
        _exit(1);
    }
    if (strcmp(play, "count") == 0) {
        count_until_killed(client);
    }
    if (strcmp(play, "live and die") == 0) {
        (void)weft_client_signal(client, fatal, "live", weft_nothing());
    }
    (void)weft_client_signal(client, fatal, "die", weft_nothing());
    usleep(200000);
    _exit(3);
}

TEST(node, a_kill_loses_nothing_that_was_acknowledged)
{
    static const char *const faults[] = {
        "BEFORE_COMMIT:kill:20", "AFTER_COMMIT:kill:20",
        "AFTER_RELEASE:kill:20", "BEFORE_BEACON:kill:2",
        "AFTER_BEACON:kill:2",   "BEFORE_TRIM:kill:2",
        "AFTER_TRIM:kill:2",
    };
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    uint64_t number = 0;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        uint64_t before = number;
        uint64_t acknowledged;
        weft_node *node = NULL;
        weft_client *client = NULL;
        int status = play_in_child(t, "count", faults[i]);

        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        acknowledged = before + read_count();
        CHECK_OK(weft_node_open(&options, &node));
        CHECK_OK(weft_client_open(node, NULL, &client));
        number = ask_number(client, "a");
        CHECK(number == acknowledged || number == acknowledged + 1);
        weft_client_close(client);
        weft_node_close(node);
    }
    weft_definitions_destroy(definitions);
}

TEST(node, an_actor_that_kills_the_process_is_parked_in_the_end)
{
    weft_definitions *definitions = define();
    weft_node_options options = options_for(t, definitions);
    weft_target target = {"fatal", "f"};
    weft_node *node = NULL;
    weft_client *client = NULL;
    weft_reply *reply = NULL;
    int status = play_in_child(t, "live and die", NULL);

    for (int i = 1; i < 3; i++) {
        CHECK(WIFSIGNALED(status));
        status = play_in_child(t, "die", NULL);
    }
    CHECK(WIFSIGNALED(status));
    status = play_in_child(t, "die", NULL); // and is not run any more
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_OK(weft_client_describe(client, target, &reply));
    CHECK_EQ(reply->items_count, 1);
    CHECK_EQ(reply->items[0].is_parked, 1);
    weft_reply_free(reply);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

// By hand.
// ----------------------------------------------------------------------

struct world {
    struct wf_memory_disk *disk;
    uint64_t now_ms;
    uint64_t free_bytes;
    weft_node *node;
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

static weft_err
world_open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    struct world *world = ctx;

    (void)store;
    return wf_store_memory_open(world->disk, out_store);
}

static uint64_t
world_free_bytes(void *ctx)
{
    return ((struct world *)ctx)->free_bytes;
}

static void
world_open(struct world *world, const weft_definitions *definitions)
{
    static const struct wf_trace silent;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    struct wf_node_seams seams = {
        .clock = {world_wall_ms, world_mono_ns, world},
        .seed = 7,
        .open_store = world_open_store,
        .free_bytes = world_free_bytes,
        .trace = &silent,
        .ctx = world,
        .is_manual = true,
    };

    options.definitions = definitions;
    options.partition_count = 4;
    options.shard_count = 2;
    CHECK_OK(wf_node_open_with(&options, &seams, &world->node));
}

static bool
world_step(struct world *world)
{
    bool did_something = false;

    for (int i = 0; i < WF_NODE_COMPONENT_COUNT; i++) {
        enum wf_node_component component = (enum wf_node_component)i;

        for (uint32_t j = 0; j < wf_node_count(world->node, component); j++) {
            did_something =
                wf_node_step(world->node, component, j) == 0 || did_something;
        }
    }
    return did_something;
}

static void
world_run(struct world *world, uint64_t ms)
{
    uint64_t end = world->now_ms + ms;

    for (; world->now_ms < end; world->now_ms++) {
        while (world_step(world)) {
        }
    }
}

struct answer {
    uint32_t count;
    weft_err err;
    uint64_t number;
};

static void
note_answer(void *ctx, const weft_reply *reply)
{
    struct answer *answer = ctx;

    answer->count++;
    answer->err = reply->err;
    if (reply->data.len == sizeof(answer->number)) {
        memcpy(&answer->number, reply->data.data, sizeof(answer->number));
    }
}

static void
submit(weft_client *client, weft_verb verb, const char *kind, const char *id,
       struct answer *answer)
{
    weft_request request = WEFT_REQUEST_INIT;

    *answer = (struct answer){0};
    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.name = "add";
    CHECK_OK(weft_client_submit(client, &request, note_answer, answer, NULL));
}

TEST(node, a_manual_node_runs_in_one_thread)
{
    weft_definitions *definitions = define();
    struct world world = {.now_ms = 1000, .free_bytes = UINT64_MAX};
    weft_client *client = NULL;
    struct answer answer;
    struct answer result;

    world.disk = wf_memory_disk_create();
    world_open(&world, definitions);
    CHECK_OK(weft_client_open(world.node, NULL, &client));
    submit(client, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    submit(client, WEFT_VERB_START, "chain", "w", &result);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(client, 10), 2);
    CHECK_OK(answer.err);
    CHECK_OK(result.err);
    submit(client, WEFT_VERB_RESULT, "chain", "w", &result);
    world_run(&world, 100);
    CHECK_EQ(weft_client_dispatch(client, 10), 1);
    CHECK_OK(result.err);
    weft_client_close(client);
    weft_node_close(world.node);
    wf_memory_disk_destroy(world.disk);
    weft_definitions_destroy(definitions);
}

TEST(node, a_crash_keeps_what_was_synced)
{
    weft_definitions *definitions = define();
    struct world world = {.now_ms = 1000, .free_bytes = UINT64_MAX};
    weft_client *client = NULL;
    struct answer answer;
    struct answer late;

    world.disk = wf_memory_disk_create();
    world_open(&world, definitions);
    CHECK_OK(weft_client_open(world.node, NULL, &client));
    submit(client, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    submit(client, WEFT_VERB_SIGNAL, "counter", "a", &late);
    (void)wf_node_step(world.node, WF_NODE_SHARD, 0);
    (void)wf_node_step(world.node, WF_NODE_SHARD, 1);
    wf_memory_disk_crash(world.disk);
    wf_node_crash(world.node);
    CHECK_EQ(weft_client_dispatch(client, 10), 2);
    CHECK_OK(answer.err);
    CHECK_ERR(late.err, WEFT_EIO);
    CHECK_EQ(late.count, 1);
    weft_client_close(client);

    world_open(&world, definitions);
    CHECK_OK(weft_client_open(world.node, NULL, &client));
    submit(client, WEFT_VERB_QUERY, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(client, 10), 1);
    CHECK_EQ(answer.number, 1);
    weft_client_close(client);
    weft_node_close(world.node);
    wf_memory_disk_destroy(world.disk);
    weft_definitions_destroy(definitions);
}

TEST(node, a_full_disk_stops_intake_until_there_is_room)
{
    weft_definitions *definitions = define();
    struct world world = {.now_ms = 1000, .free_bytes = UINT64_MAX};
    weft_client *client = NULL;
    struct answer answer;

    world.disk = wf_memory_disk_create();
    world_open(&world, definitions);
    CHECK_OK(weft_client_open(world.node, NULL, &client));
    world.free_bytes = 1000;
    world_run(&world, 1200);
    submit(client, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(client, 10), 1);
    CHECK_ERR(answer.err, WEFT_EFULL);
    world.free_bytes = UINT64_MAX;
    world_run(&world, 1200);
    submit(client, WEFT_VERB_SIGNAL, "counter", "a", &answer);
    world_run(&world, 5);
    CHECK_EQ(weft_client_dispatch(client, 10), 1);
    CHECK_OK(answer.err);
    weft_client_close(client);
    weft_node_close(world.node);
    wf_memory_disk_destroy(world.disk);
    weft_definitions_destroy(definitions);
}

// Somebody else's directory is not taken over, whatever it holds.
TEST(node, a_directory_with_something_else_in_it_is_refused)
{
    weft_definitions *definitions = NULL;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_node *node = NULL;
    char path[4200];
    char text[16] = "";
    FILE *file;

    CHECK_OK(weft_definitions_create(&definitions));
    options.data_dir = test_dir(t);
    options.definitions = definitions;
    (void)snprintf(path, sizeof(path), "%s/blackbox", options.data_dir);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs("precious", file) >= 0);
    CHECK_EQ(fclose(file), 0);
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EFORMAT);
    CHECK(strstr(weft_err_detail(), "blackbox") != NULL);
    file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fgets(text, sizeof(text), file) != NULL);
    CHECK_EQ(fclose(file), 0);
    CHECK_STR(text, "precious");
    weft_definitions_destroy(definitions);
}
