// SPDX-License-Identifier: Apache-2.0
//
// Code of turns that asks with names and payloads that are too long, for what
// it may not have, or after it was told to clean up: it is told so, each time,
// and nothing comes of it.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/flow.h"
#include "weft/branch.h"
#include "weft/saga.h"
#include "weft/update.h"

static char big[WF_PAYLOAD_BYTES_MAX + 1];
static char long_name[WF_NAME_BYTES_MAX + 2];

static weft_bytes
too_much(void)
{
    return weft_bytes_of(big, sizeof(big));
}

static const char *
too_long(void)
{
    memset(long_name, 'n', sizeof(long_name) - 1);
    return long_name;
}

// Actors. ---------------------------------------------------------------------

static void
ask_names(weft_actor *actor)
{
    const weft_bytes nothing = weft_nothing();
    const weft_target self = {"asker", "a"};
    const weft_attribute bad[] = {{.name = "a", .type = 99}, {.name = "b"}};
    weft_child_options options = {0};
    uint32_t call = 77;

    CHECK_ERR(weft_actor_ask(actor, self, too_long(), nothing, &call),
              WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_ask(actor, self, "x", too_much(), &call),
              WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_spawn(actor, self, nothing, &options, &call),
              WEFT_EINVAL);
    CHECK_ERR(weft_actor_spawn(actor, self, too_much(), NULL, &call),
              WEFT_ETOOBIG);
    options = (weft_child_options)WEFT_CHILD_OPTIONS_INIT;
    options.parent_close = (weft_parent_close)-1;
    CHECK_ERR(weft_actor_spawn(actor, self, nothing, &options, &call),
              WEFT_EINVAL);
    options.parent_close = WEFT_PARENT_CLOSE_CANCEL;
    options.cancellation = (weft_cancellation)-1;
    CHECK_ERR(weft_actor_spawn(actor, self, nothing, &options, &call),
              WEFT_EINVAL);
    CHECK_ERR(weft_actor_set_attributes(actor, bad, 2), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "attribute a: type 99 is none");
    CHECK_OK(weft_actor_set_attributes(actor, NULL, 0));
    CHECK_ERR(weft_actor_timer_set(actor, too_long(), 1), WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_timer_clear(actor, too_long()), WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_publish(actor, too_long(), nothing), WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_publish(actor, "p", too_much()), WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_unpublish(actor, too_long()), WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_stop_failed(actor, too_long(), NULL, nothing),
              WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_reply(actor, too_much()), WEFT_ETOOBIG);
    CHECK_ERR(weft_actor_reply_to(actor, 1, too_much()), WEFT_ETOOBIG);
    CHECK_EQ(call, 77);
}

// Who asked can be told later, once; a timer asks nothing.
static void
ask_questions(weft_actor *actor)
{
    uint32_t question = 0;
    uint32_t again = 0;
    uint32_t call = 0;

    CHECK_OK(weft_actor_reply_later(actor, &question));
    CHECK_OK(weft_actor_reply_later(actor, &again));
    CHECK_EQ(question, again);
    CHECK_OK(weft_actor_timer_set(actor, "later", 10));
    CHECK_OK(weft_actor_ask(actor, (weft_target){"puppet", "other"}, "log",
                            weft_nothing(), &call));
    CHECK_ERR(weft_actor_call_cancel(actor, call), WEFT_ENOTFOUND);
}

static weft_err
ask_receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint32_t *asked = state;
    uint32_t question = 77;
    weft_failure failure = {.name = "Broken", .message = "it broke"};

    if (strcmp(message->name, "names") == 0) {
        ask_names(actor);
        return weft_actor_reply(actor, weft_text("told"));
    }
    if (strcmp(message->name, "questions") == 0) {
        ask_questions(actor);
        *asked = 1;
        return WEFT_OK;
    }
    if (message->type == WEFT_MESSAGE_TIMER) {
        CHECK_ERR(weft_actor_reply_later(actor, &question), WEFT_ENOTFOUND);
        CHECK_EQ(question, 77);
        return weft_actor_reply_to(actor, *asked, weft_text("later"));
    }
    if (strcmp(message->name, "cancel") == 0) { // a question is no child
        CHECK_ERR(weft_actor_call_cancel(actor, 3), WEFT_ENOTFOUND);
        return weft_actor_reply(actor, weft_text("told"));
    }
    if (strcmp(message->name, "stop") == 0) {
        return weft_actor_stop_failed_with(actor, &failure);
    }
    return WEFT_OK;
}

static weft_err
large_answer(weft_query *query, const char *name, weft_bytes data,
             const void *state, size_t state_len)
{
    (void)data;
    (void)state;
    (void)state_len;
    CHECK_ERR(weft_query_return(query, too_much()), WEFT_ETOOBIG);
    if (strcmp(name, "none") == 0) {
        return WEFT_OK; // and no answer
    }
    return weft_query_return(query, weft_text("small"));
}

static weft_definitions *
askers(void)
{
    weft_definitions *defs = puppet_definitions();
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = "asker";
    def.receive = ask_receive;
    def.query = large_answer;
    def.state_bytes = sizeof(uint32_t);
    CHECK_OK(weft_definitions_add_actor(defs, &def));
    return defs;
}

static void
tell_asker(struct story *story)
{
    const struct world_call *call;

    (void)story;
    CHECK_STR(story_do(WEFT_VERB_ASK, "asker", "a", "names", "")->data, "told");
    CHECK_STR(story_query("asker", "a", "q"), "small");
    CHECK_STR(story_query("asker", "a", "none"), "");
    CHECK_EQ(story_describe("asker", "a")->item.timers_count, 0);
    (void)story_ask(WEFT_VERB_ASK, "asker", "a", "questions", "");
    CHECK_STR(story_do(WEFT_VERB_ASK, "asker", "a", "cancel", "")->data,
              "told");
    story_signal("asker", "a", "stop", "");
    call = story_result("asker", "a");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Broken");
    CHECK_STR(call->causes, "");
}

TEST(refusals, an_actor_is_told_what_it_may_not_ask_for)
{
    story_run_once(askers, tell_asker);
}

// Activities. -----------------------------------------------------------------

static weft_err
too_much_act(weft_activity *activity, weft_bytes input)
{
    (void)input;
    CHECK_ERR(weft_activity_heartbeat(activity, too_much()), WEFT_ETOOBIG);
    CHECK_ERR(weft_activity_return(activity, too_much()), WEFT_ETOOBIG);
    // A failure is told in any case, without them.
    return weft_activity_fail_for_good(activity, "Broken", "it broke",
                                       too_much());
}

static weft_err
call_too_much(weft_workflow *wf, weft_bytes input)
{
    MUST(weft_workflow_call(wf, "too_much", input, NULL, NULL), WEFT_EFAILED);
    CHECK_STR(weft_workflow_failure(wf)->name, "Broken");
    CHECK_EQ(weft_workflow_failure(wf)->details.len, 0);
    return weft_workflow_return(wf, weft_text("told"));
}

static weft_definitions *
callers(void)
{
    weft_definitions *defs = flow_with(call_too_much);

    story_add_activity(defs, "too_much", too_much_act);
    return defs;
}

static void
tell_too_much(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "told");
}

TEST(refusals, an_activity_is_told_what_is_too_much)
{
    story_run_once(callers, tell_too_much);
}

// Workflows. ------------------------------------------------------------------

static weft_err
no_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)ctx;
    *out_result = weft_text("result");
    return WEFT_OK;
}

static weft_err
no_branch(weft_workflow *wf, void *ctx)
{
    (void)wf;
    (void)ctx;
    return WEFT_OK;
}

static int
is_true(void *ctx)
{
    (void)ctx;
    return 1;
}

// What is computed on the spot can begin and wait for nothing.
static weft_err
no_value(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    weft_future future = 1;
    size_t index;

    (void)ctx;
    CHECK_ERR(weft_workflow_sleep(wf, 1), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_await_condition(wf, is_true, NULL, 1), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_race(wf, &future, 1, 1, &index), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_scope_end(wf, 1), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_scope_cancel(wf, 1), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_deprecate_patch(wf, "patch"), WEFT_EINVAL);
    CHECK_EQ(weft_workflow_patched(wf, "patch"), 0);
    weft_workflow_shield_begin(wf);
    weft_workflow_shield_end(wf);
    CHECK_STR(weft_workflow_failure(wf)->name, "");
    *out_value = weft_text("value");
    return WEFT_OK;
}

static weft_err
no_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)wf;
    (void)input;
    (void)ctx;
    return WEFT_OK;
}

static void
demand_names(weft_workflow *wf)
{
    const weft_bytes nothing = weft_nothing();
    weft_failure failure = {.name = too_long(), .message = ""};
    weft_branch_options large = WEFT_BRANCH_OPTIONS_INIT;
    weft_future future = 77;
    weft_bytes data;

    CHECK_ERR(weft_workflow_value(wf, too_long(), no_value, NULL, &data),
              WEFT_ETOOBIG);
    CHECK_ERR(weft_workflow_step(wf, too_long(), no_step, NULL, &data),
              WEFT_ETOOBIG);
    CHECK_ERR(weft_workflow_publish(wf, too_long(), nothing), WEFT_ETOOBIG);
    CHECK_ERR(weft_workflow_fail_with(wf, &failure), WEFT_ETOOBIG);
    failure.name = "Broken";
    failure.details = too_much();
    CHECK_ERR(weft_workflow_fail_with(wf, &failure), WEFT_ETOOBIG);
    large.stack_bytes = WF_STACK_BYTES_MAX + 1;
    CHECK_ERR(weft_workflow_branch(wf, "b", no_branch, NULL, &large, &future),
              WEFT_EINVAL);
    CHECK_ERR(weft_workflow_branch(wf, "b", no_branch, NULL, NULL, NULL),
              WEFT_EINVAL);
    CHECK(weft_workflow_alloc(wf, SIZE_MAX) == NULL);
    CHECK_EQ(future, 77);
}

static void
demand_waits(weft_workflow *wf)
{
    const char *names[WF_RECEIVE_NAMES_MAX + 1];
    weft_future future = 77;
    weft_bytes data;

    for (size_t i = 0; i < WF_RECEIVE_NAMES_MAX + 1; i++) {
        names[i] = "x";
    }
    CHECK_ERR(weft_workflow_receive_any_async(
                  wf, names, WF_RECEIVE_NAMES_MAX + 1, &future),
              WEFT_EINVAL);
    CHECK_ERR(weft_workflow_receive_any_async(wf, names, 0, &future),
              WEFT_EINVAL);
    CHECK_ERR(weft_workflow_receive_any_async(wf, names, 1, NULL), WEFT_EINVAL);
    CHECK_OK(weft_workflow_await_settled(wf, NULL, 0));
    CHECK_ERR(weft_workflow_await_settled(wf, NULL, 1), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_scope_end(wf, 0), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_scope_end(wf, 5), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_scope_cancel(wf, 0), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_scope_cancel(wf, 5), WEFT_EINVAL);
    weft_workflow_shield_end(wf); // there is none
    CHECK_ERR(weft_workflow_receive_any(wf, names, 1, 0, NULL, &data),
              WEFT_ETIMEDOUT);
    CHECK_EQ(future, 77);
}

static weft_err
demand_run(weft_workflow *wf, weft_bytes input)
{
    const char *names[] = {"go"};
    weft_bytes data;

    (void)input;
    demand_names(wf);
    demand_waits(wf);
    MUST(weft_workflow_value(wf, "v", no_value, NULL, &data), WEFT_OK);
    MUST(weft_workflow_receive_any(wf, names, 1, WEFT_FOREVER, NULL, &data),
         WEFT_OK);
    return weft_workflow_return(wf, data);
}

static weft_definitions *
demanders(void)
{
    return flow_with(demand_run);
}

static void
tell_demander(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_signal("flow", "w", "go", "on");
    CHECK_RESULT("flow", "w", "on");
}

TEST(refusals, a_workflow_is_told_what_it_may_not_ask_for)
{
    story_run_calm(demanders, tell_demander);
}

// After it was told to clean up. ----------------------------------------------

static void
go_on_asking(weft_workflow *wf, weft_future future, weft_scope scope)
{
    const weft_target other = {"flow", "other"};
    const char *names[] = {"go"};
    weft_attribute vip = weft_attribute_bool("vip", 1);
    weft_future made = 77;
    weft_scope begun = 77;
    weft_bytes data;
    size_t index;

#define CHECK_UNWINDS(call) CHECK_ERR(call, WEFT_EUNWIND)
    CHECK_UNWINDS(weft_workflow_call(wf, "act", weft_nothing(), NULL, &data));
    CHECK_UNWINDS(
        weft_workflow_call_async(wf, "act", weft_nothing(), NULL, &made));
    CHECK_UNWINDS(weft_workflow_child(wf, other, weft_nothing(), NULL, &data));
    CHECK_UNWINDS(weft_workflow_signal(wf, other, "x", weft_nothing()));
    CHECK_UNWINDS(weft_workflow_value(wf, "v2", no_value, NULL, &data));
    CHECK_UNWINDS(weft_workflow_step(wf, "s", no_step, NULL, &data));
    CHECK_UNWINDS(weft_workflow_sleep(wf, 1));
    CHECK_UNWINDS(weft_workflow_timer(wf, 1, &made));
    CHECK_UNWINDS(weft_workflow_branch(wf, "b", no_branch, NULL, NULL, &made));
    CHECK_UNWINDS(weft_workflow_receive(wf, "go", WEFT_FOREVER, &data));
    CHECK_UNWINDS(weft_workflow_receive(wf, "go", 0, &data));
    CHECK_UNWINDS(weft_workflow_receive_any(wf, names, 1, 5, &index, &data));
    CHECK_UNWINDS(weft_workflow_receive_any_async(wf, names, 1, &made));
    CHECK_UNWINDS(weft_workflow_await(wf, future, &data));
    CHECK_UNWINDS(
        weft_workflow_await_any(wf, &future, 1, WEFT_FOREVER, &index));
    CHECK_UNWINDS(weft_workflow_await_any(wf, &future, 1, 5, &index));
    CHECK_UNWINDS(weft_workflow_await_all(wf, &future, 1));
    CHECK_UNWINDS(weft_workflow_await_settled(wf, &future, 1));
    CHECK_UNWINDS(
        weft_workflow_await_success(wf, &future, 1, WEFT_FOREVER, &index));
    CHECK_UNWINDS(weft_workflow_await_condition(wf, is_true, NULL, 5));
    CHECK_UNWINDS(weft_workflow_race(wf, &future, 1, 5, &index));
    CHECK_UNWINDS(weft_workflow_cancel(wf, future));
    CHECK_UNWINDS(weft_workflow_scope_begin(wf, 5, &begun));
    CHECK_UNWINDS(weft_workflow_scope_begin(wf, WEFT_FOREVER, &begun));
    CHECK_UNWINDS(weft_workflow_scope_cancel(wf, scope));
    CHECK_UNWINDS(weft_workflow_deprecate_patch(wf, "patch"));
    CHECK_UNWINDS(weft_workflow_await_updates(wf));
    CHECK_UNWINDS(weft_workflow_set_attributes(wf, &vip, 1));
#undef CHECK_UNWINDS
    CHECK_EQ(weft_workflow_patched(wf, "patch"), 1); // as the code went
    CHECK_EQ(weft_workflow_patched(wf, "other"), 0);
    CHECK_EQ(weft_workflow_patched(wf, NULL), 0);
    CHECK_EQ(made, 77);
    CHECK_EQ(begun, 77);
}

static unsigned unwound;

static weft_err
stubborn_run(weft_workflow *wf, weft_bytes input)
{
    weft_scope scope;
    weft_future future;
    weft_bytes data;
    weft_err err;

    (void)input;
    CHECK_EQ(weft_workflow_patched(wf, "patch"), 1);
    MUST(weft_workflow_on_update(wf, "u", NULL, no_update, NULL), WEFT_OK);
    MUST(weft_workflow_scope_begin(wf, WEFT_FOREVER, &scope), WEFT_OK);
    MUST(weft_workflow_timer(wf, 50000, &future), WEFT_OK);
    err = weft_workflow_receive(wf, "go", WEFT_FOREVER, &data);
    if (err == WEFT_EUNWIND) {
        unwound++;
        go_on_asking(wf, future, scope);
        return err;
    }
    CHECK_OK(err);
    MUST(weft_workflow_cancel(wf, future), WEFT_OK);
    CHECK_OK(weft_workflow_scope_end(wf, scope));
    return weft_workflow_return(wf, data);
}

static weft_definitions *
stubborns(void)
{
    return flow_with(stubborn_run);
}

static void
tell_stubborn(struct story *story)
{
    unwound = 0;
    story_start("flow", "w", "");
    story_signal("flow", "w", "go", "on");
    CHECK_RESULT("flow", "w", "on");
    CHECK(unwound > 0 || !story->is_paranoid);
}

TEST(refusals, who_goes_on_after_it_was_told_to_clean_up_is_told_again)
{
    story_run_calm(stubborns, tell_stubborn);
}

// A turn that is too large. ---------------------------------------------------

static weft_err
greedy_run(weft_workflow *wf, weft_bytes input)
{
    static bool is_modest; // the next time, as code that was mended
    char name[16];

    if (story_is(input, "mended")) {
        is_modest = true;
    }
    for (int i = 0; i < (is_modest ? 2 : 8); i++) {
        (void)snprintf(name, sizeof(name), "p%d", i);
        MUST(weft_workflow_publish(wf, name,
                                   weft_bytes_of(big, WF_PAYLOAD_BYTES_MAX)),
             WEFT_OK);
    }
    return weft_workflow_return(wf, weft_text("done"));
}

static weft_definitions *
greedy(void)
{
    return flow_with(greedy_run);
}

static void
tell_greedy(struct story *story)
{
    const struct world_call *call;

    (void)story;
    story_start("flow", "w", "");
    story_wait_ms(1000);
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.is_parked, 1);
    CHECK(strstr(call->reason, "bytes") != NULL);
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "flow", "w", "p0", NULL)->err,
              WEFT_ENOTFOUND);
    story_start("flow", "other", "mended");
    CHECK_RESULT("flow", "other", "done");
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    CHECK_RESULT("flow", "w", "done");
}

TEST(refusals, a_turn_that_is_too_large_parks_and_nothing_of_it_is_done)
{
    story_run_once(greedy, tell_greedy);
}

// Code that has changed. ------------------------------------------------------

static weft_definitions *
kept_as(uint32_t bytes)
{
    weft_definitions *defs = puppet_definitions();

    story_add_actor(defs, "keeper", bytes, ask_receive);
    return defs;
}

static weft_definitions *
keeps_sixteen(void)
{
    return kept_as(16);
}

static weft_definitions *
keeps_eight(void)
{
    return kept_as(8);
}

static void
tell_smaller(struct story *story)
{
    const struct world_call *call;

    (void)story;
    CHECK_STR(story_do(WEFT_VERB_ASK, "keeper", "a", "names", "")->data,
              "told");
    story_define(keeps_eight);
    story_signal("keeper", "a", "more", "");
    story_wait_ms(600000);
    call = story_describe("keeper", "a");
    CHECK_EQ(call->item.is_parked, 1);
    CHECK(strstr(call->reason, "state of 16 bytes, the kind has 8") != NULL);
    story_define(keeps_sixteen);
    story_do(WEFT_VERB_RESUME, "keeper", "a", "", NULL);
    CHECK_STR(story_do(WEFT_VERB_ASK, "keeper", "a", "names", "")->data,
              "told");
}

TEST(refusals, a_state_that_does_not_fit_its_kind_is_kept_and_the_actor_parked)
{
    story_run_once(keeps_sixteen, tell_smaller);
}

static bool takes_updates;

static weft_err
taking_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    if (takes_updates) {
        MUST(weft_workflow_on_update(wf, "u", NULL, no_update, NULL), WEFT_OK);
    }
    return weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);
}

static weft_definitions *
taking(void)
{
    return flow_with(taking_run);
}

static void
tell_updates_gone(struct story *story)
{
    const struct world_call *call;

    (void)story;
    takes_updates = true;
    story_start("flow", "w", "");
    CHECK_OK(story_ask(WEFT_VERB_UPDATE, "flow", "w", "u", "")->err);
    takes_updates = false;
    story_define(taking);
    story_signal("flow", "w", "go", "");
    story_wait_ms(1000);
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.is_parked, 1);
    CHECK(strstr(call->reason, "update \"u\", which it does not take") != NULL);
    takes_updates = true;
    story_define(taking);
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    CHECK_RESULT("flow", "w", "");
}

TEST(refusals, code_that_takes_an_update_no_more_does_not_fit)
{
    story_run_once(taking, tell_updates_gone);
}
