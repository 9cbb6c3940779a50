// SPDX-License-Identifier: Apache-2.0
//
// test_operate.c - the calls of weft/operate.h on a whole node, and what is
// seen of them when it has stopped. What they do is told in tests/story.

#include "weft/operate.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "weft/inspect.h"
#include "weft/weft.h"

static const weft_target target = {"caller", "a"};
static const weft_operator ada = {"ada", "the service is down"};

static weft_err
busy(weft_activity *activity, weft_bytes input)
{
    (void)input;
    (void)weft_activity_heartbeat(activity, weft_text("half"));
    return weft_activity_fail(activity, "Busy", "try later", weft_nothing());
}

static weft_err
caller(weft_workflow *wf, weft_bytes input)
{
    return weft_workflow_call(wf, "busy", input, NULL, NULL);
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    workflow.name = "caller";
    workflow.run = caller;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    workflow.name = "other";
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    activity.name = "busy";
    activity.run = busy;
    activity.retry.initial_interval_ms = 3600000;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    return definitions;
}

struct rig {
    char dir[600];
    weft_definitions *definitions;
    weft_node *node;
    weft_client *client;
};

static void
open_node(struct rig *rig)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    options.data_dir = rig->dir;
    options.definitions = rig->definitions;
    options.partition_count = 1;
    options.shard_count = 1;
    options.worker_count = 1;
    options.reserve_bytes = 1;
    CHECK_OK(weft_node_open(&options, &rig->node));
    CHECK_OK(weft_client_open(rig->node, NULL, &rig->client));
}

static void
close_node(struct rig *rig)
{
    weft_client_close(rig->client);
    weft_node_close(rig->node);
}

// Wait until an attempt has failed; gives the reply that shows it.
static weft_reply *
wait_for_failure(struct rig *rig, uint32_t attempt)
{
    weft_reply *reply = NULL;

    for (int i = 0; i < 60000; i++) {
        CHECK_OK(weft_operate_activities(rig->client, target, 0, &reply));
        if (reply->activities_count == 1 &&
            reply->activities[0].attempt == attempt &&
            reply->activities[0].failed_at_ms != 0) {
            return reply;
        }
        weft_reply_free(reply);
        usleep(1000);
    }
    CHECK(false);
    return NULL;
}

static struct rig
start(struct test *t)
{
    struct rig rig = {.definitions = define()};

    (void)snprintf(rig.dir, sizeof(rig.dir), "%s/data", test_dir(t));
    open_node(&rig);
    CHECK_OK(weft_client_start(rig.client, target, weft_text("in")));
    weft_reply_free(wait_for_failure(&rig, 2));
    return rig;
}

static void
stop(struct rig *rig)
{
    close_node(rig);
    weft_definitions_destroy(rig->definitions);
}

TEST(operate, an_open_activity_is_shown_with_its_last_failure)
{
    struct rig rig = start(t);
    weft_reply *reply = wait_for_failure(&rig, 2);
    const weft_open_activity *shown = &reply->activities[0];

    CHECK_EQ(shown->call, 1);
    CHECK_STR(shown->name, "busy");
    CHECK_STR(shown->failure.name, "Busy");
    CHECK_STR(shown->failure.message, "try later");
    CHECK_EQ(shown->is_running, 0);
    CHECK_EQ(shown->details_len, 4);
    CHECK_EQ(shown->next_at_ms, shown->failed_at_ms + 3600000);
    weft_reply_free(reply);
    CHECK_OK(weft_operate_activities(rig.client, target, 1, &reply));
    CHECK_EQ(reply->activities_count, 0);
    weft_reply_free(reply);
    CHECK_ERR(weft_operate_activities(rig.client, (weft_target){"caller", "z"},
                                      0, &reply),
              WEFT_ENOTFOUND);
    CHECK(reply == NULL);
    stop(&rig);
}

static int
check_shown(void *ctx, const weft_inspect_actor *actor)
{
    static const char *const what[] = {
        "pause activity 1 \"busy\"",  "change activity 1 \"busy\"",
        "resume activity 1 \"busy\"", "reset activity 1 \"busy\"",
        "pause activity 1 \"busy\"",  "pause"};

    (*(int *)ctx)++;
    CHECK_EQ(actor->activities_count, 1);
    CHECK_EQ(actor->activities[0].is_paused, 1);
    CHECK_EQ(actor->activities[0].attempt, 2);
    CHECK_STR(actor->activities[0].failure.name, "Busy");
    CHECK_STR(actor->activities[0].failure.message, "try later");
    CHECK(actor->activities[0].failed_at_ms > 0);
    CHECK_EQ(actor->operations_count, 6);
    for (size_t i = 0; i < actor->operations_count; i++) {
        CHECK_EQ(actor->operations[i].number, i + 1);
        CHECK_STR(actor->operations[i].what, what[i]);
        CHECK_STR(actor->operations[i].who, "ada");
        CHECK_STR(actor->operations[i].why, "the service is down");
        CHECK_EQ(actor->operations[i].run, 1);
        CHECK_EQ(actor->operations[i].journal_count, actor->journal_count);
        CHECK(actor->operations[i].at_ms >= actor->head.created_at_ms);
    }
    return 0;
}

static void
inspect(struct rig *rig)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;
    int calls = 0;

    options.data_dir = rig->dir;
    CHECK_OK(weft_inspect_open(&options, &inspect));
    CHECK_OK(weft_inspect_find(inspect, NULL, target, check_shown, &calls));
    CHECK_EQ(calls, 1);
    weft_inspect_close(inspect);
    CHECK_OK(weft_inspect_verify(rig->dir, NULL, NULL, NULL));
}

TEST(operate, who_and_why_are_kept_with_what_was_done)
{
    struct rig rig = start(t);
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;

    CHECK_OK(weft_operate_activity_pause(rig.client, target, 1, &ada));
    options.retry.maximum_attempts = 10;
    CHECK_OK(
        weft_operate_activity_change(rig.client, target, 1, &options, &ada));
    CHECK_OK(weft_operate_activity_resume(rig.client, target, 1, &ada));
    weft_reply_free(wait_for_failure(&rig, 3));
    CHECK_OK(weft_operate_activity_reset(rig.client, target, 1, &ada));
    weft_reply_free(wait_for_failure(&rig, 2));
    CHECK_OK(weft_operate_activity_pause(rig.client, target, 1, &ada));
    request.verb = WEFT_VERB_PAUSE;
    request.target = target;
    request.by = &ada;
    CHECK_OK(weft_client_call(rig.client, &request, 0, &reply));
    weft_reply_free(reply);
    close_node(&rig);
    inspect(&rig);
    open_node(&rig); // and from its rows
    close_node(&rig);
    inspect(&rig);
    weft_definitions_destroy(rig.definitions);
}

TEST(operate, instances_are_operated_with_who_and_why)
{
    struct rig rig = start(t);
    weft_client *client = rig.client;
    weft_reply *reply = NULL;

    CHECK_OK(weft_operate_pause(client, target, &ada));
    CHECK_OK(weft_operate_park(client, target, &ada));
    CHECK_OK(weft_client_describe(client, target, &reply));
    CHECK_STR(reply->items[0].reason, "parked by ada: the service is down");
    CHECK_EQ(reply->items[0].is_paused, 1);
    weft_reply_free(reply);
    CHECK_OK(weft_operate_resume(client, target, &ada));
    CHECK_OK(
        weft_operate_publish(client, target, "note", weft_text("x"), &ada));
    CHECK_OK(weft_operate_move_version(client, target, 1, &ada));
    CHECK_ERR(weft_operate_set_state(client, target, 1, weft_text("x"), &ada),
              WEFT_EINVAL);
    CHECK_ERR(weft_operate_cancel(client, target, NULL), WEFT_EINVAL);
    CHECK_OK(weft_operate_cancel(client, target, &ada));
    CHECK_ERR(weft_client_result(client, target, 0, &reply), WEFT_ECANCELLED);
    weft_reply_free(reply);
    CHECK_OK(weft_client_start(client, target, weft_text("in")));
    CHECK_OK(weft_operate_terminate(client, target, &ada));
    CHECK_ERR(weft_client_result(client, target, 0, &reply), WEFT_ETERMINATED);
    CHECK_STR(reply->failure.message, "the service is down");
    weft_reply_free(reply);
    stop(&rig);
}

TEST(operate, a_workflow_is_reset_and_retried)
{
    struct rig rig = start(t);
    weft_client *client = rig.client;
    weft_point point = {.type = WEFT_POINT_ENTRY, .entry = 1};
    weft_reply *reply = NULL;

    CHECK_ERR(weft_operate_reset(client, target, NULL, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_operate_reset(client, target, &point, &ada), WEFT_EINVAL);
    point.type = WEFT_POINT_COUNT;
    CHECK_ERR(weft_operate_reset(client, target, &point, &ada), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "point is of type 4, which is none");
    CHECK_OK(weft_operate_reset(client, target, NULL, &ada));
    CHECK_OK(weft_client_describe(client, target, &reply));
    CHECK_EQ(reply->items[0].run, 2);
    weft_reply_free(reply);
    CHECK_ERR(weft_operate_retry_failed(client, target, &ada), WEFT_EINVAL);
    CHECK_ERR(
        weft_operate_retry_failed(client, (weft_target){"caller", "z"}, &ada),
        WEFT_ENOTFOUND);
    stop(&rig);
}

static int
check_fork(void *ctx, const weft_inspect_actor *actor)
{
    (*(int *)ctx)++;
    CHECK_EQ(actor->head.run, 2);
    CHECK_EQ(actor->journal_count, 3);
    CHECK_EQ(actor->journal[2].type, WEFT_INSPECT_CHANCE);
    CHECK_EQ(actor->activities_count, 1);
    CHECK_EQ(actor->operations_count, 1);
    CHECK_STR(actor->operations[0].what,
              "fork: run 2 keeps 2 of 2 entries of run 1 of a");
    CHECK_STR(actor->operations[0].who, "ada");
    CHECK_STR(actor->operations[0].why, "the service is down");
    return 0;
}

static void
inspect_fork(struct rig *rig)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;
    int calls = 0;

    options.data_dir = rig->dir;
    CHECK_OK(weft_inspect_open(&options, &inspect));
    CHECK_OK(weft_inspect_find(inspect, NULL, (weft_target){"caller", "b"},
                               check_fork, &calls));
    CHECK_EQ(calls, 1);
    weft_inspect_close(inspect);
    CHECK_OK(weft_inspect_verify(rig->dir, NULL, NULL, NULL));
}

TEST(operate, a_workflow_is_forked_under_another_id)
{
    struct rig rig = start(t);
    weft_client *client = rig.client;
    weft_point point = {.type = WEFT_POINT_ENTRY, .entry = 2};
    weft_reply *reply = NULL;

    CHECK_ERR(weft_operate_fork(client, target, &point, "b", NULL),
              WEFT_EINVAL);
    CHECK_ERR(weft_operate_fork(client, target, &point, NULL, &ada),
              WEFT_EINVAL);
    CHECK_ERR(weft_operate_fork(client, (weft_target){"caller", "z"}, &point,
                                "b", &ada),
              WEFT_ENOTFOUND);
    CHECK_OK(weft_operate_fork(client, target, &point, "b", &ada));
    CHECK_ERR(weft_operate_fork(client, target, &point, "b", &ada),
              WEFT_EEXISTS);
    CHECK_OK(weft_client_describe(client, target, &reply));
    CHECK_EQ(reply->items[0].run, 1);
    weft_reply_free(reply);
    close_node(&rig);
    inspect_fork(&rig);
    open_node(&rig); // and from its rows
    close_node(&rig);
    inspect_fork(&rig);
    weft_definitions_destroy(rig.definitions);
}

static void
check_no_source(struct rig *rig, weft_bytes data, const char *kind,
                weft_err err)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;

    request.verb = WEFT_VERB_FORK;
    request.target = (weft_target){kind, "b"};
    request.data = data;
    request.by = &ada;
    CHECK_ERR(weft_client_call(rig->client, &request, 0, &reply), err);
    weft_reply_free(reply);
}

TEST(operate, a_fork_needs_one_capsule_of_its_kind)
{
    struct rig rig = start(t);
    weft_reply *reply = NULL;

    check_no_source(&rig, weft_text("not a capsule"), "caller", WEFT_ECORRUPT);
    check_no_source(&rig, weft_nothing(), "caller", WEFT_ECORRUPT);
    CHECK_OK(weft_client_export(rig.client, target, &reply));
    check_no_source(&rig, weft_bytes_of(reply->data.data, reply->data.len - 1),
                    "caller", WEFT_ECORRUPT);
    check_no_source(&rig, reply->data, "other", WEFT_EINVAL);
    check_no_source(&rig, reply->data, NULL, WEFT_EINVAL);
    check_no_source(&rig, reply->data, "caller", WEFT_OK);
    weft_reply_free(reply);
    stop(&rig);
}

static void
refused(struct rig *rig, const weft_operator *by, const char *detail)
{
    CHECK_ERR(weft_operate_activity_pause(rig->client, target, 1, by),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), detail);
}

TEST(operate, an_operator_must_say_who_and_why)
{
    static char long_text[2000];
    struct rig rig = start(t);

    memset(long_text, 'x', 1024);
    refused(&rig, NULL, "who does it and why is missing");
    refused(&rig, &(weft_operator){NULL, "because"}, "who is missing");
    refused(&rig, &(weft_operator){"", "because"}, "who is missing");
    CHECK_ERR(
        weft_operate_activity_pause(rig.client, target, 1,
                                    &(weft_operator){long_text, "because"}),
        WEFT_EINVAL);
    CHECK_ERR(weft_operate_activity_pause(rig.client, target, 1,
                                          &(weft_operator){"a\nb", "because"}),
              WEFT_EINVAL);
    refused(&rig, &(weft_operator){"ada", NULL}, "why has not 1 to 1023 bytes");
    refused(&rig, &(weft_operator){"ada", ""}, "why has not 1 to 1023 bytes");
    refused(&rig, &(weft_operator){"ada", long_text},
            "why has not 1 to 1023 bytes");
    long_text[1023] = '\0';
    CHECK_OK(weft_operate_activity_pause(rig.client, target, 1,
                                         &(weft_operator){"ada", long_text}));
    stop(&rig);
}

static void
change_refused(struct rig *rig, const weft_call_options *options,
               const char *detail)
{
    CHECK_ERR(
        weft_operate_activity_change(rig->client, target, 1, options, &ada),
        WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), detail);
}

TEST(operate, options_that_cannot_be_changed_are_refused)
{
    static const char *const fixed =
        "cancellation, is_local and task_queue of an open activity cannot be "
        "changed";
    struct rig rig = start(t);
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    change_refused(&rig, NULL, "no option is set");
    change_refused(&rig, &options, "no option is set");
    options.is_local = 1;
    change_refused(&rig, &options, fixed);
    options = (weft_call_options)WEFT_CALL_OPTIONS_INIT;
    options.cancellation = WEFT_CANCELLATION_WAIT;
    change_refused(&rig, &options, fixed);
    options = (weft_call_options)WEFT_CALL_OPTIONS_INIT;
    options.task_queue = "q";
    change_refused(&rig, &options, fixed);
    options = (weft_call_options)WEFT_CALL_OPTIONS_INIT;
    options.retry.jitter = 2;
    change_refused(&rig, &options, "call options: jitter is not 0 to 1");
    CHECK_ERR(weft_operate_activity_pause(rig.client, target, 7, &ada),
              WEFT_ENOTFOUND);
    stop(&rig);
}
