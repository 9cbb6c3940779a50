// SPDX-License-Identifier: Apache-2.0
//
// test_handles.c - a handle is good in the code that was given it, on its
// thread, until that returns. Everywhere else it is refused, and not looked
// into: asan runs this too, and the memory of most is gone by then.

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "weft/inspect.h"
#include "weft/metrics.h"
#include "weft/testing.h"
#include "weft/weft.h"

static weft_test *now;
static weft_actor *kept_actor;
static weft_query *kept_query;
static weft_activity *kept_activity;
static weft_workflow *kept_workflow;
static weft_saga *kept_saga;
static uint64_t first_random; // of each turn of "drawer"
static uint64_t second_random;
static int seen; // refusals that were looked for

// CHECK is for the thread of the test, and these run on others too.
static int wrong;

static void
look(int is_true, const char *text)
{
    if (!is_true) {
        wrong++;
        (void)fprintf(stderr, "not so: %s\n", text);
    }
    seen++;
}

#define expect(what) look((what), #what)
#define refused(call)                                                          \
    look((call) == WEFT_EINVAL && strlen(weft_err_detail()) > 20, #call)

static void
actor_is_refused(weft_actor *actor)
{
    const weft_target self = {"keeper", "1"};
    const weft_attribute attribute = {.name = "a"};
    weft_attribute found;
    uint32_t call = 7;

    refused(weft_actor_send(actor, self, "s", weft_nothing()));
    refused(weft_actor_spawn(actor, self, weft_nothing(), NULL, &call));
    refused(weft_actor_ask(actor, self, "q", weft_nothing(), &call));
    refused(weft_actor_call(actor, "act", weft_nothing(), NULL, &call));
    refused(weft_actor_call_cancel(actor, 1));
    refused(weft_actor_reply(actor, weft_nothing()));
    refused(weft_actor_reply_later(actor, &call));
    refused(weft_actor_reply_to(actor, 1, weft_nothing()));
    expect(!weft_actor_is_awaited(actor, 1));
    refused(weft_actor_unpublish(actor, "v"));
    expect(weft_actor_published(actor, "v").len == 0);
    refused(weft_actor_timer_set(actor, "t", 1));
    refused(weft_actor_timer_clear(actor, "t"));
    refused(weft_actor_publish(actor, "v", weft_nothing()));
    refused(weft_actor_memo_set(actor, "m", weft_nothing()));
    refused(weft_actor_state_set(actor, weft_nothing()));
    refused(weft_actor_stop(actor, weft_nothing()));
    refused(weft_actor_stop_failed(actor, "f", NULL, weft_nothing()));
    refused(weft_actor_stop_failed_with(actor, &(weft_failure){.name = "f"}));
    refused(weft_actor_set_attribute(actor, attribute));
    refused(weft_actor_set_attributes(actor, &attribute, 1));
    refused(weft_actor_clear_attribute(actor, "a"));
    refused(weft_actor_get_attribute(actor, "a", &found));
    expect(call == 7);
    expect(weft_actor_memo(actor, "m").len == 0);
    expect(weft_actor_state(actor).len == 0);
    expect(weft_actor_header(actor, "h").len == 0);
    expect(weft_actor_now_ms(actor) == 0);
    expect(weft_actor_random(actor) == 0);
    expect(weft_actor_namespace(actor)[0] == '\0');
    expect(weft_actor_kind(actor)[0] == '\0');
    expect(weft_actor_id(actor)[0] == '\0');
    expect(weft_actor_context(actor) == NULL);
}

static void
activity_is_refused(weft_activity *activity)
{
    char token[WEFT_TOKEN_CHARS_MAX];

    refused(weft_activity_return(activity, weft_nothing()));
    refused(weft_activity_fail(activity, "f", NULL, weft_nothing()));
    refused(weft_activity_fail_for_good(activity, "f", NULL, weft_nothing()));
    refused(weft_activity_fail_after(activity, "f", NULL, weft_nothing(), 1));
    refused(weft_activity_heartbeat(activity, weft_nothing()));
    refused(weft_activity_defer(activity, token, sizeof(token)));
    expect(weft_activity_last_details(activity).len == 0);
    expect(weft_activity_header(activity, "h").len == 0);
    expect(weft_activity_result(activity).len == 0);
    expect(weft_activity_attempt(activity) == 0);
    expect(weft_activity_key(activity)[0] == '\0');
    expect(weft_activity_caller_id(activity)[0] == '\0');
    expect(weft_activity_context(activity) == NULL);
    expect(weft_activity_is_paused(activity) == 0);
    expect(weft_activity_is_cancelled(activity) == 0);
}

static void
never(void *ctx)
{
    (void)ctx;
    wrong++;
}

static weft_err
no_branch(weft_workflow *wf, void *ctx)
{
    (void)wf;
    never(ctx);
    return WEFT_OK;
}

static weft_err
no_value(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    (void)out_value;
    return no_branch(wf, ctx);
}

static weft_err
no_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)out_result;
    never(ctx);
    return WEFT_OK;
}

static int
no_condition(void *ctx)
{
    never(ctx);
    return 1;
}

static weft_err
no_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)input;
    return no_branch(wf, ctx);
}

static void
workflow_waits_are_refused(weft_workflow *wf)
{
    const weft_target self = {"drawer", "1"};
    const char *const names[] = {"s"};
    const weft_future one = 1;
    weft_future future = 7;
    weft_scope scope;
    size_t at;

    refused(weft_workflow_call(wf, "act", weft_nothing(), NULL, NULL));
    refused(weft_workflow_call_async(wf, "act", weft_nothing(), NULL, &future));
    refused(weft_workflow_value(wf, "v", no_value, NULL, NULL));
    refused(weft_workflow_step(wf, "s", no_step, NULL, NULL));
    refused(weft_workflow_sleep(wf, 1));
    refused(weft_workflow_timer(wf, 1, &future));
    refused(weft_workflow_receive(wf, "s", 0, NULL));
    refused(weft_workflow_receive_async(wf, "s", &future));
    refused(weft_workflow_receive_any(wf, names, 1, 0, &at, NULL));
    refused(weft_workflow_receive_any_async(wf, names, 1, &future));
    refused(weft_workflow_signal(wf, self, "s", weft_nothing()));
    refused(weft_workflow_child(wf, self, weft_nothing(), NULL, NULL));
    refused(weft_workflow_child_async(wf, self, weft_nothing(), NULL, &future));
    refused(weft_workflow_child_started(wf, one, &future));
    refused(weft_workflow_await(wf, one, NULL));
    refused(weft_workflow_await_any(wf, &one, 1, 0, &at));
    refused(weft_workflow_await_all(wf, &one, 1));
    refused(weft_workflow_await_all(wf, NULL, 0));
    refused(weft_workflow_await_settled(wf, &one, 1));
    refused(weft_workflow_await_success(wf, &one, 1, 0, &at));
    refused(weft_workflow_await_condition(wf, no_condition, NULL, 0));
    refused(weft_workflow_await_updates(wf));
    refused(weft_workflow_race(wf, &one, 1, 0, &at));
    refused(weft_workflow_cancel(wf, one));
    refused(weft_workflow_branch(wf, "b", no_branch, NULL, NULL, &future));
    refused(weft_workflow_scope_begin(wf, 1, &scope));
    refused(weft_workflow_scope_end(wf, 1));
    refused(weft_workflow_scope_cancel(wf, 1));
    expect(future == 7);
}

static void
workflow_is_refused(weft_workflow *wf)
{
    const weft_attribute attribute = {.name = "a"};
    weft_attribute found;

    workflow_waits_are_refused(wf);
    refused(weft_workflow_on_update(wf, "u", NULL, no_update, NULL));
    refused(weft_workflow_deprecate_patch(wf, "p"));
    refused(weft_workflow_publish(wf, "v", weft_nothing()));
    refused(weft_workflow_memo_set(wf, "m", weft_nothing()));
    refused(weft_workflow_set_attribute(wf, attribute));
    refused(weft_workflow_set_attributes(wf, &attribute, 1));
    refused(weft_workflow_clear_attribute(wf, "a"));
    refused(weft_workflow_get_attribute(wf, "a", &found));
    refused(weft_workflow_return(wf, weft_nothing()));
    refused(weft_workflow_fail(wf, "f", NULL, weft_nothing()));
    refused(weft_workflow_fail_after(wf, "f", NULL, weft_nothing(), 1));
    refused(weft_workflow_fail_with(wf, &(weft_failure){.name = "f"}));
    refused(weft_workflow_restart(wf, weft_nothing()));
    refused(weft_workflow_defer(wf, never, NULL));
    weft_workflow_shield_begin(wf);
    weft_workflow_shield_end(wf);
    expect(weft_workflow_patched(wf, "p") == 0);
    expect(weft_workflow_is_known(wf, 1) == 0);
    expect(weft_workflow_is_cancelled(wf) == 0);
    expect(weft_workflow_is_replaying(wf) == 0);
    expect(weft_workflow_failure(wf)->name[0] == '\0');
    expect(weft_workflow_memo(wf, "m").len == 0);
    expect(weft_workflow_header(wf, "h").len == 0);
    expect(weft_workflow_now_ms(wf) == 0);
    expect(weft_workflow_random(wf) == 0);
    expect(weft_workflow_alloc(wf, 8) == NULL);
    expect(weft_workflow_alloc(wf, SIZE_MAX) == NULL);
    expect(weft_workflow_namespace(wf)[0] == '\0');
    expect(weft_workflow_kind(wf)[0] == '\0');
    expect(weft_workflow_id(wf)[0] == '\0');
    expect(weft_workflow_run(wf) == 0);
    expect(weft_workflow_attempt(wf) == 0);
    expect(weft_workflow_context(wf) == NULL);
    expect(weft_workflow_journal_count(wf) == 0);
    expect(weft_workflow_restart_suggested(wf) == 0);
    expect(weft_saga_create(wf) == NULL);
}

static void
saga_is_refused(weft_saga *saga)
{
    refused(weft_saga_add(saga, "act", weft_nothing(), NULL));
    refused(weft_saga_add_fn(saga, no_branch, NULL));
    refused(weft_saga_undo(saga));
    refused(weft_saga_end(saga, WEFT_OK));
    refused(weft_saga_end(saga, WEFT_EFAILED));
    expect(weft_saga_end(saga, WEFT_EUNWIND) == WEFT_EUNWIND);
}

static void
all_are_refused(void)
{
    actor_is_refused(kept_actor);
    refused(weft_query_return(kept_query, weft_nothing()));
    activity_is_refused(kept_activity);
    workflow_is_refused(kept_workflow);
    saga_is_refused(kept_saga);
}

static void *
other_thread(void *ctx)
{
    (void)ctx;
    all_are_refused();
    return NULL;
}

static void
try_on_another_thread(void)
{
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, other_thread, NULL);

    // It counts what it saw: nobody else does until it has ended.
    expect((rc == 0 ? pthread_join(thread, NULL) : rc) == 0);
}

// The code of the kinds: each keeps what it was given, and tries what others
// kept. ----------------------------------------------------------------------

static weft_err
keep_actor(weft_actor *actor, const weft_message *message, void *state)
{
    (void)message;
    (void)state;
    if (kept_actor != actor) { // it may lie where the last one lay
        all_are_refused();
    }
    kept_actor = actor;
    try_on_another_thread();
    expect(strcmp(weft_actor_id(actor), "1") == 0);
    return weft_actor_timer_set(actor, "t", 1000);
}

static weft_err
keep_query(weft_query *query, const char *name, weft_bytes args,
           const void *state, size_t state_len)
{
    (void)name;
    (void)args;
    (void)state;
    (void)state_len;
    kept_query = query;
    actor_is_refused(kept_actor);
    try_on_another_thread();
    return weft_query_return(query, weft_text("answer"));
}

static weft_err
keep_activity(weft_activity *activity, weft_bytes input)
{
    (void)input;
    kept_activity = activity;
    actor_is_refused(kept_actor);
    workflow_is_refused(kept_workflow); // that one is alive, and waits
    saga_is_refused(kept_saga);
    try_on_another_thread();
    // Other code runs on this thread meanwhile, and this goes on after it.
    weft_test_advance(now, 2000);
    return weft_activity_return(activity, weft_text("done"));
}

static weft_err
keep_workflow(weft_workflow *wf, weft_bytes input)
{
    weft_err err;

    (void)input;
    kept_workflow = wf;
    kept_saga = weft_saga_create(wf);
    saga_is_refused(NULL);
    try_on_another_thread();
    err = weft_workflow_call(wf, "act", weft_nothing(), NULL, NULL);
    return err == WEFT_OK ? weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL)
                          : err;
}

// Two numbers, with somebody else's turn between them.
static weft_err
draw(weft_workflow *wf, weft_bytes input)
{
    weft_err err;

    (void)input;
    kept_workflow = wf;
    first_random = weft_workflow_random(wf);
    err = weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);
    second_random = weft_workflow_random(wf);
    return err;
}

static weft_err
meddle(weft_workflow *wf, weft_bytes input)
{
    (void)wf;
    (void)input;
    workflow_is_refused(kept_workflow);
    return WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    actor.name = "keeper";
    actor.receive = keep_actor;
    actor.query = keep_query;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    activity.name = "act";
    activity.run = keep_activity;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    workflow.name = "keeper_flow";
    workflow.run = keep_workflow;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    workflow.name = "drawer";
    workflow.run = draw;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    workflow.name = "meddler";
    workflow.run = meddle;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    return definitions;
}

TEST(handles, are_refused_after_their_code_and_on_other_threads)
{
    const weft_target actor = {"keeper", "1"};
    const weft_target flow = {"keeper_flow", "1"};
    weft_definitions *definitions = define();
    weft_reply *reply;
    weft_client *client;

    CHECK_OK(weft_test_open(definitions, NULL, &now));
    client = weft_test_client(now);
    CHECK_OK(weft_client_signal(client, actor, "x", weft_nothing()));
    weft_test_run(now);
    CHECK_OK(weft_client_query(client, actor, "q", weft_nothing(), &reply));
    CHECK_BYTES(reply->data, weft_text("answer"));
    weft_reply_free(reply);
    CHECK_OK(weft_client_start(client, flow, weft_nothing()));
    weft_test_run(now);
    all_are_refused();
    CHECK_OK(weft_client_signal(client, actor, "x", weft_nothing()));
    CHECK_OK(weft_client_signal(client, flow, "end", weft_nothing()));
    CHECK_OK(weft_client_result(client, flow, 0, NULL));
    all_are_refused();
    weft_test_close(now);
    all_are_refused();
    weft_definitions_destroy(definitions);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(seen > 1000, 1);
}

static uint64_t
play_drawer(const weft_definitions *definitions, int is_meddled)
{
    const weft_target drawer = {"drawer", "1"};
    const weft_target meddler = {"meddler", "1"};
    weft_client *client;

    CHECK_OK(weft_test_open(definitions, NULL, &now));
    client = weft_test_client(now);
    CHECK_OK(weft_client_start(client, drawer, weft_nothing()));
    if (is_meddled) {
        weft_test_run(now);
        CHECK_OK(weft_client_start(client, meddler, weft_nothing()));
        CHECK_OK(weft_client_result(client, meddler, 0, NULL));
    }
    CHECK_OK(weft_client_signal(client, drawer, "go", weft_nothing()));
    CHECK_OK(weft_client_result(client, drawer, 0, NULL));
    weft_test_close(now);
    return second_random;
}

TEST(handles, another_workflow_draws_none_of_this_ones_random_numbers)
{
    weft_definitions *definitions = define();
    uint64_t alone = play_drawer(definitions, 0);

    CHECK_EQ(play_drawer(definitions, 1), alone);
    CHECK_EQ(first_random != second_random, 1);
    CHECK_EQ(wrong, 0);
    weft_definitions_destroy(definitions);
}

TEST(handles, null_is_refused_everywhere)
{
    const weft_target target = {"keeper", "1"};
    weft_payload_entries entries = {0};
    weft_node_stats stats;
    weft_bytes bytes = weft_nothing();
    weft_reply *reply;
    const char *text;
    size_t count;
    int64_t number;

    kept_actor = NULL;
    kept_query = NULL;
    kept_activity = NULL;
    kept_workflow = NULL;
    kept_saga = NULL;
    all_are_refused();
    CHECK_EQ(wrong, 0);

    CHECK_EQ(weft_client_fd(NULL) < 0, 1);
    CHECK_EQ(weft_client_dispatch(NULL, 1), 0);
    CHECK_ERR(weft_client_start(NULL, target, bytes), WEFT_EINVAL);
    CHECK_ERR(weft_client_describe(NULL, target, &reply), WEFT_EINVAL);
    CHECK_ERR(weft_client_submit(NULL, NULL, NULL, NULL, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_client_call(NULL, NULL, 0, &reply), WEFT_EINVAL);
    CHECK_ERR(weft_client_batch(NULL, NULL, NULL), WEFT_EINVAL);
    weft_client_close(NULL);
    CHECK_ERR(weft_node_drain(NULL, 1), WEFT_EINVAL);
    CHECK_ERR(weft_node_backup(NULL, "x"), WEFT_EINVAL);
    CHECK_ERR(weft_node_get_stats(NULL, &stats), WEFT_EINVAL);
    CHECK_ERR(weft_metrics_text(NULL, &text, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_inspect_get_summary(NULL, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_activity_next_run(NULL, bytes), WEFT_EINVAL);
    CHECK_EQ(weft_pairs_next(NULL, NULL), 0);

    weft_payload_reset(NULL);
    weft_payload_map(NULL, 1);
    weft_payload_array(NULL, 1);
    weft_payload_text(NULL, "x");
    weft_payload_text(NULL, NULL);
    weft_payload_str(NULL, NULL, 1);
    weft_payload_bin(NULL, "x", 1);
    weft_payload_ext(NULL, 1, "x", 1);
    weft_payload_int(NULL, 1);
    weft_payload_uint(NULL, 1);
    weft_payload_double(NULL, 1);
    weft_payload_bool(NULL, 1);
    weft_payload_value(NULL, bytes);
    CHECK_EQ(weft_payload_bytes(NULL).len, 0);
    CHECK_ERR(weft_payload_error(NULL), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_int(bytes, "", NULL), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_count(bytes, "", NULL), WEFT_EINVAL);
    CHECK_ERR(weft_payload_get_int(bytes, "", &number), WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_get_count(bytes, "", &count), WEFT_ENOTFOUND);
    CHECK_ERR(weft_payload_walk(bytes, "", NULL), WEFT_EINVAL);
    CHECK_EQ(weft_payload_next(&entries, NULL, NULL), 0);
    CHECK_EQ(weft_payload_next(NULL, NULL, NULL), 0);

    weft_test_run(NULL);
    weft_test_advance(NULL, 1);
    weft_test_at(NULL, 1, NULL, NULL);
    weft_test_crash(NULL);
    weft_test_crash_at_commit(NULL, 1, 0);
    CHECK_EQ(weft_test_skip(NULL, 1), 0);
    CHECK_EQ(weft_test_now_ms(NULL), 0);
    CHECK_EQ(weft_test_commits(NULL) + weft_test_crashes(NULL), 0);
    CHECK_EQ(weft_test_activity_count(NULL, "act"), 0);
    CHECK_EQ(weft_test_node(NULL) == NULL && weft_test_client(NULL) == NULL, 1);
}
