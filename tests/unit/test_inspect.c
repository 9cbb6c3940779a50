// SPDX-License-Identifier: Apache-2.0
//
// test_inspect.c - what a node left is seen as it would go on from it.

#include "weft/inspect.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "unit/inspect_rig.h"

// What is seen. -------------------------------------------------------------

static void
check_lines(struct test *t, const weft_inspect_filter *filter,
            const char *expected)
{
    struct wf_buf lines = {0};
    weft_inspect *inspect = inspect_rig_open(t);

    // It may be looked at again and again.
    for (int i = 0; i < 2; i++) {
        wf_buf_reset(&lines);
        CHECK_OK(
            weft_inspect_each(inspect, filter, inspect_rig_add_line, &lines));
        CHECK_BYTES(wf_buf_bytes(&lines), weft_text(expected));
    }
    wf_buf_fini(&lines);
    weft_inspect_close(inspect);
}

TEST(inspect, actors_that_are_only_in_the_log_are_seen_in_order)
{
    inspect_rig_make(t, false);
    check_lines(t, NULL, inspect_rig_lines);
}

TEST(inspect, actors_in_rows_are_seen_in_order)
{
    inspect_rig_make(t, true);
    check_lines(t, NULL, inspect_rig_lines);
}

TEST(inspect, a_filter_chooses)
{
    weft_inspect_filter filter = WEFT_INSPECT_FILTER_INIT;

    inspect_rig_make(t, false);
    filter.kind = "keeper";
    check_lines(t, &filter,
                "default keeper/d running timers 0 journal 0 input 0 state "
                "5000 result \n");
    filter.kind = NULL;
    filter.status = WEFT_STATUS_COMPLETED;
    check_lines(t, &filter,
                "default echo/c completed timers 0 journal 1 input 5 state 0 "
                "result three\n");
    filter.status = WEFT_STATUS_NONE;
    filter.name_space = "other";
    check_lines(t, &filter, "");
    filter.name_space = "default";
    filter.kind = "nobody";
    check_lines(t, &filter, "");
    filter.kind = "keeper";
    check_lines(t, &filter,
                "default keeper/d running timers 0 journal 0 input 0 state "
                "5000 result \n");
}

static int
stop_at_once(void *ctx, const weft_inspect_actor *actor)
{
    (void)actor;
    (*(int *)ctx)++;
    return 1;
}

TEST(inspect, each_ends_when_it_is_told_to)
{
    weft_inspect *inspect;
    int calls = 0;

    inspect_rig_make(t, true);
    inspect = inspect_rig_open(t);
    CHECK_OK(weft_inspect_each(inspect, NULL, stop_at_once, &calls));
    CHECK_EQ(calls, 1);
    weft_inspect_close(inspect);
}

static int
check_sleeper(void *ctx, const weft_inspect_actor *actor)
{
    (*(int *)ctx)++;
    CHECK_STR(actor->problem, "");
    CHECK_STR(actor->head.id, "a");
    CHECK_BYTES(actor->input, weft_text("one"));
    CHECK_EQ(actor->published_count, 1);
    CHECK_STR(actor->published[0].name, "input");
    CHECK_BYTES(actor->published[0].value, weft_text("one"));
    CHECK_EQ(actor->journal_count, 2);
    CHECK_EQ(actor->journal[0].type, WEFT_INSPECT_STARTED);
    CHECK_EQ(actor->journal[0].at_ms, actor->head.created_at_ms);
    CHECK_EQ(actor->journal[1].type, WEFT_INSPECT_COMMAND);
    CHECK_STR(actor->journal[1].command, "timer");
    CHECK_EQ(actor->journal[1].ordinal, 1);
    CHECK_EQ(actor->timers[0].id, 1);
    CHECK_EQ(actor->timers[0].due_at_ms,
             actor->head.created_at_ms + INSPECT_RIG_WEEK_MS);
    CHECK_EQ(actor->mailbox_count, 0);
    CHECK_STR(actor->head.parent_kind, "");
    CHECK_STR(actor->failure.name, "");
    return 0;
}

TEST(inspect, one_is_shown_with_all_that_is_known)
{
    weft_inspect *inspect;
    int calls = 0;

    inspect_rig_make(t, false);
    inspect = inspect_rig_open(t);
    CHECK_OK(weft_inspect_find(inspect, NULL, (weft_target){"sleeper", "a"},
                               check_sleeper, &calls));
    CHECK_EQ(calls, 1);
    CHECK_ERR(weft_inspect_find(inspect, NULL, (weft_target){"sleeper", "z"},
                                check_sleeper, &calls),
              WEFT_ENOTFOUND);
    CHECK_ERR(weft_inspect_find(inspect, "other", (weft_target){"sleeper", "a"},
                                check_sleeper, &calls),
              WEFT_ENOTFOUND);
    CHECK_ERR(weft_inspect_find(inspect, NULL, (weft_target){"sleeper", ""},
                                check_sleeper, &calls),
              WEFT_EINVAL);
    CHECK_EQ(calls, 1);
    weft_inspect_close(inspect);
}

static weft_err
take_one(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_receive(wf, "early", WEFT_FOREVER, NULL);
}

static int
check_early(void *ctx, const weft_inspect_actor *actor)
{
    (*(int *)ctx)++;
    CHECK_STR(actor->problem, "");
    CHECK_EQ(actor->head.status, WEFT_STATUS_NONE);
    CHECK_EQ(actor->journal_count, 1);
    CHECK_EQ(actor->journal[0].type, WEFT_INSPECT_LETTER);
    CHECK_STR(actor->journal[0].letter.name, "early");
    CHECK_BYTES(actor->journal[0].letter.data, weft_text("bird"));
    return 0;
}

// Signal, and if it is to begin let it begin, end and be removed.
static void
signal_early(const weft_node_options *options, weft_target target, bool begins)
{
    weft_node *node = NULL;
    weft_client *client = NULL;

    CHECK_OK(weft_node_open(options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_OK(weft_client_signal(client, target, "early", weft_text("bird")));
    if (begins) {
        CHECK_OK(weft_client_start(client, target, weft_nothing()));
        CHECK_OK(weft_client_result(client, target, 60000, NULL));
        CHECK_OK(weft_client_delete(client, target, 0));
    }
    weft_client_close(client);
    weft_node_close(node);
}

TEST(inspect, signals_that_wait_for_a_start_are_seen)
{
    const weft_target waits = {"patient", "waits"};
    const weft_target removed = {"patient", "removed"};
    weft_definitions *definitions = inspect_rig_define();
    weft_node_options options = inspect_rig_options(t, definitions);
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;
    weft_inspect *inspect;
    int calls = 0;

    def.name = "patient";
    def.run = take_one;
    def.early_signals = WEFT_EARLY_KEEP;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
    signal_early(&options, waits, false);
    signal_early(&options, removed, true);

    inspect = inspect_rig_open(t);
    CHECK_OK(weft_inspect_each(inspect, NULL, check_early, &calls));
    CHECK_EQ(calls, 1);
    CHECK_OK(weft_inspect_find(inspect, NULL, waits, check_early, &calls));
    CHECK_EQ(calls, 2);
    CHECK_ERR(weft_inspect_find(inspect, NULL, removed, check_early, &calls),
              WEFT_ENOTFOUND);
    weft_inspect_close(inspect);
    weft_definitions_destroy(definitions);
}

TEST(inspect, the_summary_says_what_the_directory_is)
{
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    weft_inspect *inspect;

    inspect_rig_make(t, false);
    inspect = inspect_rig_open(t);
    CHECK_OK(weft_inspect_get_summary(inspect, &summary));
    CHECK_EQ(summary.format, 1);
    CHECK_EQ(summary.partition_count, INSPECT_RIG_PARTITIONS);
    CHECK_EQ(summary.store_count, 1);
    CHECK_EQ(summary.restored_at_ms, 0);
    CHECK_EQ(summary.dead_letter_count, 0);
    CHECK(summary.created_at_ms > 0);
    CHECK(summary.newest_ms >= summary.created_at_ms);
    CHECK(summary.commits_count > 0);
    summary.struct_size = 0;
    CHECK_ERR(weft_inspect_get_summary(inspect, &summary), WEFT_EINVAL);
    weft_inspect_close(inspect);
}

// Who may. ------------------------------------------------------------------

TEST(inspect, nobody_looks_while_a_node_runs_and_no_node_opens_meanwhile)
{
    weft_definitions *definitions = inspect_rig_define();
    weft_node_options options = inspect_rig_options(t, definitions);
    weft_inspect_options looking = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;
    weft_node *node = NULL;

    looking.data_dir = options.data_dir;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_ERR(weft_inspect_open(&looking, &inspect), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), "held by a running node") != NULL);
    CHECK_ERR(weft_inspect_verify(looking.data_dir, NULL, NULL, NULL),
              WEFT_EBUSY);
    weft_node_close(node);
    CHECK_OK(weft_inspect_open(&looking, &inspect));
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EBUSY);
    weft_inspect_close(inspect);
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(inspect, options_are_checked)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;

    CHECK_ERR(weft_inspect_open(NULL, &inspect), WEFT_EINVAL);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_EINVAL);
    options.data_dir = "";
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_EINVAL);
    options.data_dir = "/dev/null/none";
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_EIO);
    options.data_dir = "/dev/null";
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_ENOTFOUND);
    options.data_dir = inspect_rig_dir(t);
    CHECK_ERR(weft_inspect_open(&options, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_ENOTFOUND);
    options.data_dir = test_dir(t);
    CHECK_ERR(weft_inspect_open(&options, &inspect), WEFT_ENOTFOUND);
    CHECK(strstr(weft_err_detail(), "no node ever used it") != NULL);
    CHECK(inspect == NULL);
    weft_inspect_close(NULL);
}

TEST(inspect, options_of_a_backup_are_checked)
{
    static char longest[5000];
    weft_inspect_backup_options options = WEFT_INSPECT_BACKUP_OPTIONS_INIT;

    inspect_rig_make(t, false);
    memset(longest, 'n', sizeof(longest) - 1);
    options.data_dir = inspect_rig_dir(t);
    options.to = longest;
    CHECK(weft_inspect_backup(&options) != WEFT_OK);
    options.to = "copy";
    options.struct_size = 3;
    CHECK_ERR(weft_inspect_backup(&options), WEFT_EINVAL);
}
