// SPDX-License-Identifier: Apache-2.0
//
// test_testing.c - weft/testing.h, as the tests of a service use it.

#include "weft/testing.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "weft/find.h"
#include "weft/workflow.h"

#define DAY_MS (24ULL * 3600 * 1000)

// What code tells the test that runs.
static weft_test *now;
static char token[WEFT_TOKEN_CHARS_MAX];
static int turns; // of the workflow's function, replays too
static int charges;

static weft_err
charge(weft_activity *activity, weft_bytes input)
{
    charges++;
    return weft_activity_return(activity, input);
}

static weft_err
defer(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_defer(activity, token, sizeof(token));
}

// Takes half a minute, in which other things happen.
static weft_err
bake(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    weft_test_advance(now, 30000);
    return weft_activity_is_cancelled(activity) ? WEFT_ECANCELLED : WEFT_OK;
}

// Starts another workflow and waits for its result, as services do.
static weft_err
delegate(weft_activity *activity, weft_bytes input)
{
    weft_client *client = weft_test_client(now);
    weft_target target = {"order", "delegated"};
    weft_reply *reply = NULL;
    weft_err err = weft_client_start(client, target, input);

    if (err == WEFT_OK) {
        err = weft_client_signal(client, target, "sent", weft_nothing());
    }
    if (err == WEFT_OK) {
        err = weft_client_result(client, target, 0, &reply);
    }
    if (err == WEFT_OK) {
        err = weft_activity_return(activity, reply->data);
    }
    weft_reply_free(reply);
    return err;
}

static weft_err
crash(weft_activity *activity, weft_bytes input)
{
    (void)input;
    if (weft_activity_attempt(activity) == 1) {
        weft_test_crash(now);
    }
    return weft_activity_return(activity, weft_text("at last"));
}

// Charge the card, wait for the parcel, give the receipt.
static weft_err
order(weft_workflow *wf, weft_bytes card)
{
    weft_bytes receipt;
    weft_err err = weft_workflow_call(wf, "charge", card, NULL, &receipt);

    turns++;
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "sent", 30 * DAY_MS, NULL);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, receipt) : err;
}

// Run the activity that the input names.
static weft_err
run(weft_workflow *wf, weft_bytes input)
{
    char name[64];
    weft_bytes result;
    weft_err err;

    (void)snprintf(name, sizeof(name), "%.*s", (int)input.len,
                   (const char *)input.data);
    err = weft_workflow_call(wf, name, weft_nothing(), NULL, &result);
    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

// A turn that calls back into the node, which a turn must not.
static weft_err
meddle(weft_actor *actor, const weft_message *message, void *state)
{
    weft_err err;

    (void)actor;
    (void)state;
    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    weft_test_advance(now, DAY_MS); // does nothing
    err =
        weft_client_query(weft_test_client(now), (weft_target){"order", "none"},
                          "x", weft_nothing(), NULL);
    return weft_actor_publish(actor, "err", weft_text(weft_err_name(err)));
}

static void
add_activity(weft_definitions *definitions, const char *name,
             weft_activity_fn *fn)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = name;
    def.run = fn;
    def.context = (void *)(uintptr_t)name;
    CHECK_OK(weft_definitions_add_activity(definitions, &def));
}

static void
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *fn)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = fn;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_actor_def meddler = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    add_activity(definitions, "charge", charge);
    add_activity(definitions, "defer", defer);
    add_activity(definitions, "bake", bake);
    add_activity(definitions, "delegate", delegate);
    add_activity(definitions, "crash", crash);
    add_workflow(definitions, "order", order);
    add_workflow(definitions, "run", run);
    meddler.name = "meddler";
    meddler.receive = meddle;
    CHECK_OK(weft_definitions_add_actor(definitions, &meddler));
    charges = 0;
    turns = 0;
    return definitions;
}

static weft_test *
open_with(const weft_definitions *definitions, int paranoid)
{
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;

    options.paranoid = paranoid;
    CHECK_OK(weft_test_open(definitions, &options, &now));
    return now;
}

static weft_definitions *defined; // for a test that needs no others

static weft_test *
begin(void)
{
    defined = define();
    return open_with(defined, 0);
}

static void
finish(weft_test *test)
{
    weft_test_close(test);
    weft_definitions_destroy(defined);
}

static const weft_target seventeen = {"order", "17"};
static const weft_target errand = {"run", "1"};

static void
check_result(weft_test *test, weft_target target, const char *expected)
{
    weft_reply *reply = NULL;

    CHECK_OK(weft_client_result(weft_test_client(test), target, 0, &reply));
    CHECK_BYTES(reply->data, weft_text(expected));
    weft_reply_free(reply);
}

static void
start(weft_test *test, weft_target target, const char *input)
{
    CHECK_OK(
        weft_client_start(weft_test_client(test), target, weft_text(input)));
}

static void
send_parcel(weft_test *test, void *ctx)
{
    (void)ctx;
    CHECK_OK(weft_client_signal(weft_test_client(test), seventeen, "sent",
                                weft_nothing()));
}

TEST(testing, a_workflow_that_waits_for_days_is_told_in_microseconds)
{
    weft_test *test = begin();
    uint64_t begin_ms = weft_test_now_ms(test);

    start(test, seventeen, "4711");
    weft_test_at(test, 3 * DAY_MS, send_parcel, NULL);
    check_result(test, seventeen, "4711");
    CHECK_EQ(weft_test_now_ms(test) - begin_ms, 3 * DAY_MS);
    CHECK_EQ(weft_test_activity_count(test, "charge"), 1);
    finish(test);
}

TEST(testing, a_timeout_comes_when_its_time_has_come)
{
    weft_test *test = begin();
    weft_client *client = weft_test_client(test);
    weft_reply *reply = NULL;

    start(test, seventeen, "4711");
    weft_test_advance(test, 30 * DAY_MS - 1);
    CHECK_OK(weft_client_describe(client, seventeen, &reply));
    CHECK_EQ(reply->items[0].status, WEFT_STATUS_RUNNING);
    weft_reply_free(reply);
    CHECK_EQ(weft_test_skip(test, DAY_MS), 1);
    CHECK_ERR(weft_client_result(client, seventeen, 0, NULL), WEFT_EFAILED);
    finish(test);
}

TEST(testing, a_call_gives_up_after_its_timeout_or_the_tests_patience)
{
    weft_definitions *definitions = define();
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    weft_test *test = NULL;
    weft_client *client;
    uint64_t begin_ms;

    options.patience_ms = DAY_MS;
    CHECK_OK(weft_test_open(definitions, &options, &test));
    client = weft_test_client(test);
    begin_ms = weft_test_now_ms(test);
    start(test, seventeen, "4711");
    CHECK_ERR(weft_client_result(client, seventeen, 5000, NULL),
              WEFT_ETIMEDOUT);
    CHECK_EQ(weft_test_now_ms(test) - begin_ms, 5000);
    start(test, errand, "defer");
    weft_test_run(test);
    CHECK_OK(weft_client_cancel(client, seventeen));
    CHECK_ERR(weft_client_result(client, seventeen, 0, NULL), WEFT_ECANCELLED);
    // A minute is the activity's timeout; it is attempted for ever.
    CHECK_ERR(weft_client_result(client, errand, 0, NULL), WEFT_ETIMEDOUT);
    weft_test_close(test);
    weft_definitions_destroy(definitions);
}

TEST(testing, stubs_give_results_failures_and_take_time)
{
    weft_test *test = begin();
    weft_test_stub stub = WEFT_TEST_STUB_INIT;
    weft_target target = {"run", "1"};
    uint64_t begin_ms = weft_test_now_ms(test);
    weft_reply *reply = NULL;

    stub.result = weft_text("paid");
    stub.fail_count = 2;
    stub.delay_ms = 10000;
    CHECK_OK(weft_test_stub_activity(test, "charge", &stub));
    start(test, target, "charge");
    check_result(test, target, "paid");
    // Three attempts, and pauses of one and two seconds.
    CHECK_EQ(weft_test_now_ms(test) - begin_ms, 33000);
    CHECK_EQ(weft_test_activity_count(test, "charge"), 3);
    CHECK_EQ(charges, 0);

    stub = (weft_test_stub)WEFT_TEST_STUB_INIT;
    stub.fail_count = UINT32_MAX;
    stub.fail_name = "declined";
    stub.fail_for_good = 1;
    CHECK_OK(weft_test_stub_activity(test, "charge", &stub));
    target.id = "2";
    start(test, target, "charge");
    CHECK_ERR(weft_client_result(weft_test_client(test), target, 0, &reply),
              WEFT_EFAILED);
    CHECK_STR(reply->failure.name, "declined");
    weft_reply_free(reply);

    CHECK_OK(weft_test_stub_activity(test, "charge", NULL));
    target.id = "3";
    start(test, target, "charge");
    check_result(test, target, "");
    CHECK_EQ(charges, 1);
    CHECK_ERR(weft_test_stub_activity(test, "no such", NULL), WEFT_ENOTFOUND);
    finish(test);
}

static weft_err
tell_context(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_return(activity,
                                weft_text(weft_activity_context(activity)));
}

TEST(testing, a_stub_has_a_context_of_its_own)
{
    weft_test *test = begin();
    weft_test_stub stub = WEFT_TEST_STUB_INIT;
    char context[] = "the test's";

    stub.run = tell_context;
    stub.context = context;
    CHECK_OK(weft_test_stub_activity(test, "charge", &stub));
    start(test, errand, "charge");
    check_result(test, errand, "the test's");
    finish(test);
}

TEST(testing, a_stub_that_takes_too_long_times_out)
{
    weft_test *test = begin();
    weft_test_stub stub = WEFT_TEST_STUB_INIT;
    uint64_t begin_ms = weft_test_now_ms(test);

    stub.delay_ms = 61000; // a minute is allowed
    CHECK_OK(weft_test_stub_activity(test, "charge", &stub));
    start(test, errand, "charge");
    weft_test_advance(test, 60500);
    stub.delay_ms = 0;
    stub.result = weft_text("the second");
    CHECK_OK(weft_test_stub_activity(test, "charge", &stub));
    check_result(test, errand, "the second");
    CHECK_EQ(weft_test_now_ms(test) - begin_ms, 61000);
    finish(test);
}

TEST(testing, an_activity_completes_later_by_token)
{
    weft_test *test = begin();

    start(test, errand, "defer");
    weft_test_run(test);
    CHECK_OK(weft_client_complete(weft_test_client(test), token,
                                  weft_text("by hand")));
    check_result(test, errand, "by hand");
    finish(test);
}

static void
cancel_baking(weft_test *test, void *ctx)
{
    (void)ctx;
    CHECK_OK(weft_client_cancel(weft_test_client(test), errand));
}

TEST(testing, other_things_happen_while_an_activity_takes_its_time)
{
    weft_test *test = begin();
    uint64_t begin_ms = weft_test_now_ms(test);

    start(test, errand, "bake");
    weft_test_at(test, 15000, cancel_baking, NULL);
    CHECK_ERR(weft_client_result(weft_test_client(test), errand, 0, NULL),
              WEFT_ECANCELLED);
    CHECK_EQ(weft_test_now_ms(test) - begin_ms, 30000);
    finish(test);
}

TEST(testing, an_activity_may_call_the_node_and_a_turn_may_not)
{
    weft_test *test = begin();
    weft_client *client = weft_test_client(test);
    weft_target meddler = {"meddler", "m"};
    uint64_t begin_ms = weft_test_now_ms(test);
    weft_reply *reply = NULL;

    start(test, errand, "delegate");
    check_result(test, errand, "");
    CHECK_OK(weft_client_signal(client, meddler, "go", weft_nothing()));
    weft_test_run(test);
    CHECK_EQ(weft_test_now_ms(test), begin_ms);
    CHECK_OK(weft_client_query(client, meddler, "err", weft_nothing(), &reply));
    CHECK_BYTES(reply->data, weft_text("WEFT_EINVAL"));
    weft_reply_free(reply);
    finish(test);
}

static void
count_answer(void *ctx, const weft_reply *reply)
{
    int *count = ctx;

    CHECK_OK(reply->err);
    (*count)++;
}

TEST(testing, submitted_calls_are_dispatched_after_a_run)
{
    weft_test *test = begin();
    weft_client *client = weft_test_client(test);
    weft_request request = WEFT_REQUEST_INIT;
    int count = 0;

    request.verb = WEFT_VERB_START;
    request.target = seventeen;
    CHECK_OK(weft_client_submit(client, &request, count_answer, &count, NULL));
    CHECK_EQ(weft_client_dispatch(client, 10), 0);
    weft_test_run(test);
    CHECK_EQ(weft_client_dispatch(client, 10), 1);
    CHECK_EQ(count, 1);
    finish(test);
}

TEST(testing, a_crash_loses_what_is_not_durable_and_nothing_else)
{
    weft_test *test = begin();
    weft_client *client = weft_test_client(test);
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;
    int count = 0;

    start(test, seventeen, "4711");
    weft_test_at(test, DAY_MS, send_parcel, NULL); // kept over the crash
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"order", "18"};
    CHECK_OK(weft_client_submit(client, &request, count_answer, &count, NULL));
    weft_test_crash(test);
    CHECK_EQ(weft_test_crashes(test), 1);
    CHECK_EQ(weft_client_dispatch(client, 10), 0);
    weft_test_run(test); // asked again
    CHECK_EQ(weft_client_dispatch(client, 10), 1);
    CHECK_EQ(count, 1);
    check_result(test, seventeen, "4711");

    start(test, errand, "crash");
    check_result(test, errand, "at last");
    CHECK_EQ(weft_test_crashes(test), 2);
    CHECK_EQ(weft_test_activity_count(test, "crash"), 2);
    CHECK_OK(weft_client_list(client, NULL, WEFT_STATUS_NONE, NULL, &reply));
    CHECK_EQ(reply->items_count, 3);
    weft_reply_free(reply);
    finish(test);
}

TEST(testing, paranoid_rebuilds_the_stack_for_every_turn)
{
    weft_definitions *definitions = define();
    int calm;

    for (int paranoid = 0; paranoid < 2; paranoid++) {
        weft_test *test = open_with(definitions, paranoid);

        turns = 0;
        start(test, seventeen, "4711");
        send_parcel(test, NULL);
        check_result(test, seventeen, "4711");
        calm = paranoid == 0 ? turns : calm;
        weft_test_close(test);
    }
    CHECK(turns > calm);
    weft_definitions_destroy(definitions);
}

// One order from start to end; counts how often it was played.
static int
play_order(weft_test *test, void *ctx)
{
    int *played = ctx;
    weft_reply *reply = NULL;
    weft_err err;

    (*played)++;
    start(test, seventeen, "4711");
    weft_test_at(test, DAY_MS, send_parcel, NULL);
    err = weft_client_result(weft_test_client(test), seventeen, 0, &reply);
    weft_reply_free(reply);
    return err == WEFT_OK ? 0 : 1;
}

// Charges more than once, if there is a crash.
static int
charge_once(weft_test *test, void *ctx)
{
    (void)play_order(test, ctx);
    return weft_test_activity_count(test, "charge") == 1 ? 0 : 7;
}

TEST(testing, a_scenario_is_played_with_a_crash_at_every_commit)
{
    weft_definitions *definitions = define();
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    weft_test *test = open_with(definitions, 0);
    uint64_t commits;
    int played = 0;

    (void)play_order(test, &played);
    commits = weft_test_commits(test);
    weft_test_close(test);
    CHECK(commits >= 3);
    played = 0;
    CHECK_OK(weft_test_every_crash(definitions, NULL, play_order, &played));
    CHECK_EQ(played, 1 + 2 * commits);
    options.paranoid = 1;
    options.window_bytes = WEFT_WINDOW_NONE;
    CHECK_OK(weft_test_every_crash(definitions, &options, play_order, &played));
    CHECK_ERR(weft_test_every_crash(definitions, NULL, charge_once, &played),
              WEFT_EFAILED);
    CHECK(strstr(weft_err_detail(), "returned 7, with a crash") != NULL);
    weft_definitions_destroy(definitions);
}

static uint64_t
count_all(weft_test *test)
{
    weft_reply *reply;
    uint64_t count;

    CHECK_OK(weft_client_count(weft_test_client(test), NULL, NULL, &reply));
    count = reply->count;
    weft_reply_free(reply);
    return count;
}

// Its row is not written while nothing else happens.
TEST(testing, what_has_finished_goes_when_its_retention_is_over)
{
    weft_test *test = begin();

    start(test, seventeen, "4711");
    CHECK_OK(weft_client_terminate(weft_test_client(test), seventeen, "over"));
    weft_test_advance(test, 7 * DAY_MS - 1000);
    CHECK_EQ(count_all(test), 1);
    weft_test_advance(test, 300000);
    CHECK_EQ(count_all(test), 0);
    finish(test);
}

TEST(testing, a_batch_keeps_to_its_rate)
{
    weft_test *test = begin();
    weft_batch_options options = WEFT_BATCH_OPTIONS_INIT;
    weft_batch_result result;
    uint64_t begin_ms;

    for (int i = 0; i < 50; i++) {
        char id[12];

        (void)snprintf(id, sizeof(id), "%d", i);
        start(test, (weft_target){"order", id}, "4711");
    }
    begin_ms = weft_test_now_ms(test);
    options.filter = "run > 0";
    options.verb = WEFT_VERB_TERMINATE;
    options.per_second = 10;
    CHECK_OK(weft_client_batch(weft_test_client(test), &options, &result));
    CHECK_EQ(result.done, 50);
    CHECK(weft_test_now_ms(test) - begin_ms >= 4000);
    finish(test);
}

TEST(testing, options_out_of_range_are_named)
{
    weft_definitions *definitions = define();
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    weft_test *test = NULL;

    options.paranoid = 2;
    CHECK_ERR(weft_test_open(definitions, &options, &test), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "paranoid") != NULL);
    CHECK(test == NULL);
    CHECK_ERR(weft_test_open(NULL, NULL, &test), WEFT_EINVAL);
    weft_definitions_destroy(definitions);
}

// What a test does without one, or with time that does not end, does nothing
// it would not do otherwise.
TEST(testing, without_a_test_nothing_is_done)
{
    weft_test_stub stub = WEFT_TEST_STUB_INIT;
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    weft_test *test = NULL;
    uint64_t before_ms;

    weft_test_close(NULL);
    weft_test_at(NULL, 1, NULL, NULL);
    weft_test_run(NULL);
    weft_test_advance(NULL, 1);
    CHECK_EQ(weft_test_skip(NULL, 1), 0);
    CHECK_EQ(weft_test_activity_count(NULL, "charge"), 0);
    test = begin();
    CHECK_EQ(weft_test_activity_count(test, NULL), 0);
    stub.struct_size = 1;
    CHECK_ERR(weft_test_stub_activity(test, "charge", &stub), WEFT_EINVAL);
    before_ms = weft_test_now_ms(test);
    weft_test_at(test, 1, NULL, NULL);
    CHECK_EQ(weft_test_skip(test, 1), 0); // nothing falls due so soon
    CHECK_EQ(weft_test_now_ms(test), before_ms);
    CHECK(weft_test_skip(test, UINT64_MAX) > 1);
    finish(test);
    test = NULL;
    defined = define();
    options.struct_size = 1;
    CHECK_ERR(weft_test_open(defined, &options, &test), WEFT_EINVAL);
    options.struct_size = sizeof(options);
    options.partition_count = 5000;
    CHECK_ERR(weft_test_open(defined, &options, &test), WEFT_EINVAL);
    CHECK(test == NULL);
    options.partition_count = 0;
    options.start_ms = 5000;
    CHECK_OK(weft_test_open(defined, &options, &test));
    CHECK(weft_test_now_ms(test) >= 5000 && weft_test_now_ms(test) < 10000);
    finish(test);
}
