// SPDX-License-Identifier: Apache-2.0
//
// test_node.c - whole nodes, with threads on a directory.

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "unit/node_rig.h"
#include "weft/inspect.h"
#include "weft/workflow.h"

TEST(node, what_was_acknowledged_is_there_at_the_next_open)
{
    struct node_rig rig = node_rig_begin(t);
    char id[16];

    for (int round = 1; round <= 3; round++) {
        node_rig_open(&rig);
        for (int i = 0; i < 20; i++) {
            snprintf(id, sizeof(id), "c%d", i);
            node_rig_add(rig.client, id);
            CHECK_EQ(node_rig_number(rig.client, id), round);
        }
        node_rig_close(&rig);
    }
    node_rig_end(&rig);
}

TEST(node, workflows_run_activities_and_timers_to_their_end)
{
    struct node_rig rig = node_rig_begin(t);
    weft_node_stats stats = {.struct_size = sizeof(stats)};
    char id[16];

    node_rig_open(&rig);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof(id), "w%d", i);
        CHECK_OK(weft_client_start(rig.client, (weft_target){"chain", id},
                                   weft_text("in")));
    }
    for (int i = 0; i < 20; i++) {
        weft_reply *reply = NULL;

        snprintf(id, sizeof(id), "w%d", i);
        CHECK_OK(weft_client_result(rig.client, (weft_target){"chain", id},
                                    20000, &reply));
        CHECK_BYTES(reply->data, weft_text("done"));
        weft_reply_free(reply);
    }
    CHECK_OK(weft_node_get_stats(rig.node, &stats));
    CHECK_EQ(stats.activities_started, 60);
    CHECK_EQ(stats.activities_running, 0);
    CHECK_EQ(stats.audit_failures, 0);
    CHECK(stats.commits > 0 && stats.log_bytes > 0 && stats.turns >= 60);
    CHECK_OK(weft_node_drain(rig.node, 5000));
    CHECK_ERR(weft_client_signal(rig.client, (weft_target){"counter", "x"},
                                 "add", weft_nothing()),
              WEFT_ECLOSED);
    node_rig_close(&rig);
    node_rig_end(&rig);
}

TEST(node, a_directory_is_held_by_one_node)
{
    struct node_rig rig = node_rig_begin(t);
    weft_node *second = NULL;

    CHECK_OK(weft_node_open(&rig.options, &rig.node));
    CHECK_ERR(weft_node_open(&rig.options, &second), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), rig.options.data_dir) != NULL);
    weft_node_close(rig.node);
    CHECK_OK(weft_node_open(&rig.options, &second));
    weft_node_close(second);
    node_rig_end(&rig);
}

TEST(node, other_counts_than_it_was_made_with_are_refused)
{
    struct node_rig rig = node_rig_begin(t);

    rig.options.store_count = 2;
    CHECK_OK(weft_node_open(&rig.options, &rig.node));
    weft_node_close(rig.node);
    rig.options.partition_count = 16;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EFORMAT);
    CHECK(strstr(weft_err_detail(), "8") != NULL);
    CHECK(strstr(weft_err_detail(), "16") != NULL);
    rig.options.partition_count = 8;
    rig.options.store_count = 1;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EFORMAT);
    rig.options.store_count = 2;
    rig.options.shard_count = 1; // may differ
    CHECK_OK(weft_node_open(&rig.options, &rig.node));
    weft_node_close(rig.node);
    node_rig_end(&rig);
}

TEST(node, options_out_of_range_are_named)
{
    struct node_rig rig = node_rig_begin(t);

    rig.options.partition_count = 1025;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "partition_count") != NULL);
    rig.options.partition_count = 4;
    rig.options.store_count = 5;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "store_count") != NULL);
    rig.options.store_count = 1;
    rig.options.strict = 2;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EINVAL);
    rig.options.strict = 0;
    rig.options.window_bytes = -2;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EINVAL);
    rig.options.window_bytes = 0;
    rig.options.reserve_bytes = UINT64_MAX;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EFULL);
    rig.options.data_dir = NULL;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "data_dir is missing") != NULL);
    rig.options.data_dir = "";
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EINVAL);
    rig.options.definitions = NULL;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "definitions is missing") != NULL);
    rig.options.struct_size = 1;
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_EINVAL);
    CHECK_EQ(access(test_dir(t), F_OK), 0);
    node_rig_end(&rig);
}

TEST(node, a_store_that_is_behind_its_beacon_is_refused)
{
    struct node_rig rig = node_rig_begin(t);
    char command[1400];

    CHECK_OK(weft_node_open(&rig.options, &rig.node));
    weft_node_close(rig.node);
    snprintf(command, sizeof(command), "cp -r %s/store-0 %s/old",
             rig.options.data_dir, rig.options.data_dir);
    CHECK_EQ(system(command), 0);
    node_rig_open(&rig);
    node_rig_add(rig.client, "a");
    node_rig_close(&rig);
    snprintf(command, sizeof(command),
             "cd %s && rm -r store-0 && mv old store-0", rig.options.data_dir);
    CHECK_EQ(system(command), 0);
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_ELOST);
    rig.options.accept_loss = 1;
    CHECK_OK(weft_node_open(&rig.options, &rig.node));
    weft_node_close(rig.node);
    rig.options.accept_loss = 0;
    CHECK_OK(weft_node_open(&rig.options, &rig.node));
    weft_node_close(rig.node);
    snprintf(command, sizeof(command), "rm %s/store-0.beacon",
             rig.options.data_dir);
    CHECK_EQ(system(command), 0);
    CHECK_ERR(weft_node_open(&rig.options, &rig.node), WEFT_ELOST);
    node_rig_end(&rig);
}

TEST(node, the_log_is_trimmed_and_nothing_is_lost)
{
    struct node_rig rig = node_rig_begin(t);
    uint64_t trims = wf_fault_hits(WF_FAULT_AFTER_TRIM);
    uint64_t added = 0;

    rig.options.window_bytes = 16384;
    node_rig_open(&rig);
    while (wf_fault_hits(WF_FAULT_AFTER_TRIM) < trims + 3) {
        node_rig_add(rig.client, "a");
        added++;
        CHECK(added < 100000);
    }
    node_rig_close(&rig);
    node_rig_open(&rig);
    CHECK_EQ(node_rig_number(rig.client, "a"), added);
    node_rig_close(&rig);
    node_rig_end(&rig);
}

TEST(node, a_backup_opens_and_goes_on)
{
    struct node_rig rig = node_rig_begin(t);
    char to[700];

    rig.options.store_count = 2;
    snprintf(to, sizeof(to), "%s/copy", test_dir(t));
    node_rig_open(&rig);
    node_rig_add(rig.client, "a");
    CHECK_OK(weft_node_backup(rig.node, to));
    CHECK_ERR(weft_node_backup(rig.node, to), WEFT_EEXISTS);
    node_rig_add(rig.client, "a");
    node_rig_close(&rig);

    rig.options.data_dir = to;
    node_rig_open(&rig);
    CHECK_EQ(node_rig_number(rig.client, "a"), 1);
    node_rig_add(rig.client, "a");
    CHECK_EQ(node_rig_number(rig.client, "a"), 2);
    node_rig_close(&rig);
    node_rig_end(&rig);
}

struct backup {
    weft_node *node;
    const char *to;
    weft_err err;
};

static void *
back_up(void *arg)
{
    struct backup *backup = arg;

    backup->err = weft_node_backup(backup->node, backup->to);
    return NULL;
}

// One of them makes it, and all of it.
TEST(node, two_backups_to_the_same_place_are_made_one_after_the_other)
{
    enum { TIMES = 20, AT_ONCE = 3 };
    struct node_rig rig = node_rig_begin(t);
    weft_inspect_counts counts = {.struct_size = sizeof(counts)};
    char to[700];

    rig.options.store_count = 2;
    node_rig_open(&rig);
    node_rig_add(rig.client, "a");
    for (int i = 0; i < TIMES; i++) {
        struct backup backups[AT_ONCE];
        pthread_t threads[AT_ONCE];
        int made = 0;

        snprintf(to, sizeof(to), "%s/copy-%d", test_dir(t), i);
        for (int k = 0; k < AT_ONCE; k++) {
            backups[k] = (struct backup){.node = rig.node, .to = to};
            CHECK_EQ(pthread_create(&threads[k], NULL, back_up, &backups[k]),
                     0);
        }
        for (int k = 0; k < AT_ONCE; k++) {
            CHECK_EQ(pthread_join(threads[k], NULL), 0);
            CHECK(backups[k].err == WEFT_OK || backups[k].err == WEFT_EEXISTS);
            made += backups[k].err == WEFT_OK;
        }
        CHECK_EQ(made, 1);
        CHECK_OK(weft_inspect_verify(to, NULL, NULL, &counts));
    }
    node_rig_close(&rig);
    node_rig_end(&rig);
}

// What was begun of it is taken away.
TEST(node, a_backup_to_where_none_can_be_is_refused_with_the_path)
{
    struct node_rig rig = node_rig_begin(t);
    char name[251];
    char to[1000];

    node_rig_open(&rig);
    node_rig_add(rig.client, "a");
    snprintf(to, sizeof(to), "%s/none/copy", test_dir(t));
    CHECK_ERR(weft_node_backup(rig.node, to), WEFT_EIO);
    CHECK(strstr(weft_err_detail(), "none") != NULL);
    CHECK_ERR(weft_node_backup(rig.node, NULL), WEFT_EINVAL);
    // The last name is as long as names may be: ".partial" does not fit.
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(to, sizeof(to), "%s/%s", test_dir(t), name);
    CHECK_ERR(weft_node_backup(rig.node, to), WEFT_EIO);
    CHECK(access(to, F_OK) != 0);
    snprintf(to, sizeof(to), "%s/copy", rig.options.data_dir);
    CHECK_ERR(weft_node_backup(rig.node, to), WEFT_EINVAL);
    CHECK(access(to, F_OK) != 0);
    node_rig_add(rig.client, "a");
    node_rig_close(&rig);
    node_rig_end(&rig);
}

TEST(node, of_stores_made_together_none_may_be_missing)
{
    struct node_rig rig = node_rig_begin(t);
    char from[1000];
    char to[1000];

    rig.options.store_count = 2;
    node_rig_open(&rig);
    node_rig_add(rig.client, "a");
    node_rig_close(&rig);
    for (int i = 0; i < 2; i++) {
        weft_node *node = NULL;

        snprintf(from, sizeof(from), "%s/store-%d", rig.options.data_dir, i);
        snprintf(to, sizeof(to), "%s/aside", test_dir(t));
        CHECK_EQ(rename(from, to), 0);
        CHECK(weft_node_open(&rig.options, &node) != WEFT_OK);
        CHECK(strstr(weft_err_detail(), i == 0 ? "store-0" : "store-1") !=
              NULL);
        CHECK_EQ(rename(to, from), 0);
    }
    node_rig_open(&rig);
    CHECK_EQ(node_rig_number(rig.client, "a"), 1);
    node_rig_close(&rig);
    node_rig_end(&rig);
}

// A file system of its own has this in its top directory.
TEST(node, a_directory_with_nothing_but_lost_and_found_is_taken)
{
    struct node_rig rig = node_rig_begin(t);
    char path[1000];

    CHECK(mkdir(rig.options.data_dir, 0755) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/lost+found", rig.options.data_dir);
    CHECK_EQ(mkdir(path, 0700), 0);
    node_rig_open(&rig);
    node_rig_add(rig.client, "a");
    node_rig_close(&rig);
    node_rig_end(&rig);
}

TEST(node, a_lock_that_is_no_file_and_malformed_options_are_refused)
{
    struct node_rig rig = node_rig_begin(t);
    weft_client_options client_options = WEFT_CLIENT_OPTIONS_INIT;
    weft_client *client = NULL;
    weft_node *node = NULL;
    char path[1000];

    CHECK(mkdir(rig.options.data_dir, 0755) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/weft.lock", rig.options.data_dir);
    CHECK_EQ(mkdir(path, 0700), 0);
    CHECK_ERR(weft_node_open(&rig.options, &node), WEFT_EIO);
    CHECK(strstr(weft_err_detail(), "weft.lock") != NULL);
    CHECK_EQ(rmdir(path), 0);
    CHECK_EQ(setenv("WEFT_FAULT", "what", 1), 0);
    CHECK_ERR(weft_node_open(&rig.options, &node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "WEFT_FAULT") != NULL);
    CHECK_EQ(unsetenv("WEFT_FAULT"), 0);
    node_rig_open(&rig);
    client_options.struct_size = 3;
    CHECK_ERR(weft_client_open(rig.node, &client_options, &client),
              WEFT_EINVAL);
    node_rig_close(&rig);
    node_rig_end(&rig);
}

TEST(node, strict_mode_keeps_the_beacon_with_each_acknowledgement)
{
    struct node_rig rig = node_rig_begin(t);
    uint64_t hits;

    rig.options.strict = 1;
    node_rig_open(&rig);
    for (int i = 0; i < 5; i++) {
        hits = wf_fault_hits(WF_FAULT_AFTER_BEACON);
        node_rig_add(rig.client, "a");
        CHECK(wf_fault_hits(WF_FAULT_AFTER_BEACON) > hits);
    }
    node_rig_close(&rig);
    node_rig_end(&rig);
}

TEST(node, a_slow_turn_is_reported_with_its_name)
{
    struct node_rig rig = node_rig_begin(t);
    static struct node_rig_lines lines;

    rig.options.log = node_rig_add_line;
    rig.options.log_ctx = &lines;
    node_rig_open(&rig);
    CHECK_OK(weft_client_signal(rig.client, (weft_target){"slow", "snail"},
                                "go", weft_nothing()));
    for (int i = 0; i < 60000 && !node_rig_has_said(&lines, "slow/snail");
         i++) {
        usleep(1000);
    }
    CHECK(node_rig_has_said(&lines, "slow/snail"));
    node_rig_close(&rig);
    node_rig_end(&rig);
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

static sem_t may_end;
static atomic_bool has_begun;

static weft_err
wait_for_it(weft_activity *activity, weft_bytes input)
{
    atomic_store(&has_begun, true);
    (void)sem_wait(&may_end);
    return weft_activity_return(activity, input);
}

static weft_err
call_it(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;
    weft_err err = weft_workflow_call(wf, "wait_for_it", input, NULL, &result);

    return err != WEFT_OK ? err : weft_workflow_return(wf, result);
}

TEST(node, a_drain_waits_for_activities_that_run)
{
    struct node_rig rig = node_rig_begin(t);
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;

    activity.name = "wait_for_it";
    activity.run = wait_for_it;
    CHECK_OK(weft_definitions_add_activity(rig.definitions, &activity));
    workflow.name = "calls_it";
    workflow.run = call_it;
    CHECK_OK(weft_definitions_add_workflow(rig.definitions, &workflow));
    CHECK_EQ(sem_init(&may_end, 0, 0), 0);
    node_rig_open(&rig);
    CHECK_OK(weft_client_start(rig.client, (weft_target){"calls_it", "a"},
                               weft_text("in")));
    for (int i = 0; i < 12000 && !atomic_load(&has_begun); i++) {
        (void)usleep(5000);
    }
    CHECK(atomic_load(&has_begun));
    CHECK_ERR(weft_node_drain(rig.node, 200), WEFT_ETIMEDOUT);
    CHECK(strstr(weft_err_detail(), "1 activities still run") != NULL);
    CHECK_EQ(sem_post(&may_end), 0);
    CHECK_OK(weft_node_drain(rig.node, 60000));
    node_rig_close(&rig);
    node_rig_end(&rig);
    (void)sem_destroy(&may_end);
}
