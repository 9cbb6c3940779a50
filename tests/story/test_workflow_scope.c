// SPDX-License-Identifier: Apache-2.0
//
// What cancellation reaches - scopes, deadlines, branches - and undoing.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"

static weft_err
undo(weft_activity *activity, weft_bytes input)
{
    char what[32];

    story_note("undo %s", story_text(input, what, sizeof(what)));
    return flow_act(activity, input);
}

static weft_definitions *
define_flow(weft_workflow_fn *run)
{
    weft_definitions *defs = flow_with(run);

    story_add_activity(defs, "undo", undo);
    return defs;
}

// Scopes. ---------------------------------------------------------------------

static weft_err
stopper(weft_workflow *wf, void *ctx)
{
    const weft_scope *scope = ctx;

    MUST(weft_workflow_sleep(wf, 100), WEFT_OK);
    MUST(weft_workflow_scope_cancel(wf, *scope), WEFT_OK);
    return weft_workflow_scope_cancel(wf, *scope); // twice is once
}

static weft_err
scopes_run(weft_workflow *wf, weft_bytes input)
{
    weft_scope scope = 0;
    weft_future stop, sleep, timer;

    (void)input;
    MUST(weft_workflow_branch(wf, "stop", stopper, &scope, NULL, &stop),
         WEFT_OK);
    MUST(weft_workflow_scope_begin(wf, WEFT_FOREVER, &scope), WEFT_OK);
    MUST(weft_workflow_branch(wf, "sleep", flow_sleeper, NULL, NULL, &sleep),
         WEFT_OK);
    MUST(weft_workflow_timer(wf, 500, &timer), WEFT_OK);
    MUST(weft_workflow_receive(wf, "x", WEFT_FOREVER, NULL), WEFT_ECANCELLED);
    MUST(weft_workflow_call(wf, "act", weft_nothing(), NULL, NULL),
         WEFT_ECANCELLED);
    CHECK_ERR(weft_workflow_scope_end(wf, scope + 1), WEFT_EINVAL);
    CHECK_OK(weft_workflow_scope_end(wf, scope));
    // Outside nothing is cancelled; what belonged to the scope is.
    CHECK_EQ(weft_workflow_is_cancelled(wf), 0);
    CHECK_EQ(weft_workflow_is_known(wf, sleep), 0);
    MUST(weft_workflow_await(wf, timer, NULL), WEFT_ECANCELLED);
    MUST(weft_workflow_await(wf, sleep, NULL), WEFT_ECANCELLED);
    MUST(weft_workflow_await(wf, stop, NULL), WEFT_OK);
    MUST(weft_workflow_call(wf, "act", weft_nothing(), NULL, NULL), WEFT_OK);
    CHECK_ERR(weft_workflow_scope_cancel(wf, scope), WEFT_EINVAL);
    story_note("end");
    return WEFT_OK;
}

static weft_definitions *
scopes(void)
{
    return define_flow(scopes_run);
}

static void
tell_scopes(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_wait_ms(400); // well before the sleeper would have woken
    CHECK_EQ(story_count("end") > 0, 1);
    CHECK_RESULT("flow", "w", "");
}

TEST(workflow_scope, a_scope_cancels_what_was_begun_in_it_and_no_more)
{
    story_run(scopes, tell_scopes);
}

static weft_err
deadline_run(weft_workflow *wf, weft_bytes input)
{
    weft_scope outer, inner;

    (void)input;
    MUST(weft_workflow_scope_begin(wf, 1000, &outer), WEFT_OK);
    MUST(weft_workflow_scope_begin(wf, 300, &inner), WEFT_OK);
    MUST(weft_workflow_sleep(wf, 200), WEFT_OK);
    MUST(weft_workflow_sleep(wf, 200), WEFT_ETIMEDOUT);
    MUST(weft_workflow_sleep(wf, 1), WEFT_ETIMEDOUT);
    CHECK_OK(weft_workflow_scope_end(wf, inner));
    story_note("inner");
    MUST(weft_workflow_call(wf, "act", weft_nothing(), NULL, NULL), WEFT_OK);
    MUST(weft_workflow_receive(wf, "x", WEFT_FOREVER, NULL), WEFT_ETIMEDOUT);
    CHECK_OK(weft_workflow_scope_end(wf, outer));
    story_note("outer");
    MUST(weft_workflow_scope_begin(wf, 1000, &outer), WEFT_OK);
    CHECK_OK(weft_workflow_scope_end(wf, outer));
    return weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
}

static weft_definitions *
deadlines(void)
{
    return define_flow(deadline_run);
}

static void
tell_deadline(struct story *story)
{
    story_zero();
    story_start("flow", "w", "");
    story_wait_ms(1500);
    // The timer of a scope that was left is gone.
    CHECK_EQ(story_describe("flow", "w")->item.timers_count, 0);
    story_signal("flow", "w", "end", "");
    CHECK_RESULT("flow", "w", "");
    if (story->is_calm && !story->is_paranoid) {
        CHECK_NOTES("[300] inner\n[1000] outer\n");
    }
}

TEST(workflow_scope, a_scope_ends_at_its_deadline)
{
    story_run(deadlines, tell_deadline);
}

static weft_err
detached(weft_workflow *wf, void *ctx)
{
    (void)ctx;
    MUST(weft_workflow_sleep(wf, 500), WEFT_OK);
    MUST(weft_workflow_call(wf, "act", weft_nothing(), NULL, NULL), WEFT_OK);
    return weft_workflow_return(wf, weft_text("cleaned"));
}

static weft_err
detached_run(weft_workflow *wf, weft_bytes input)
{
    weft_branch_options options = WEFT_BRANCH_OPTIONS_INIT;
    weft_future futures[2];
    weft_bytes result = weft_nothing();

    (void)input;
    options.is_detached = 1;
    MUST(weft_workflow_branch(wf, "d", detached, NULL, &options, &futures[0]),
         WEFT_OK);
    MUST(weft_workflow_branch(wf, "s", flow_sleeper, NULL, NULL, &futures[1]),
         WEFT_OK);
    MUST(weft_workflow_await_all(wf, futures, 2), WEFT_ECANCELLED);
    weft_workflow_shield_begin(wf);
    MUST(weft_workflow_await(wf, futures[1], NULL), WEFT_ECANCELLED);
    MUST(weft_workflow_await(wf, futures[0], &result), WEFT_OK);
    weft_workflow_shield_end(wf);
    return weft_workflow_return(wf, result);
}

static weft_definitions *
detacheds(void)
{
    return define_flow(detached_run);
}

static void
tell_detached(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    story_wait_ms(10);
    story_do(WEFT_VERB_CANCEL, "flow", "w", "", NULL);
    CHECK_RESULT("flow", "w", "cleaned");
}

TEST(workflow_scope, cancellation_reaches_all_branches_but_detached_ones)
{
    story_run(detacheds, tell_detached);
}

// Undoing. --------------------------------------------------------------------

static weft_err
undo_fn(weft_workflow *wf, void *ctx)
{
    return weft_workflow_call(wf, "undo", weft_text(ctx), NULL, NULL);
}

static weft_err
saga_run(weft_workflow *wf, weft_bytes input)
{
    weft_saga *saga = weft_saga_create(wf);
    weft_err err = weft_workflow_call(wf, "act", weft_text("a"), NULL, NULL);

    if (err == WEFT_OK) {
        err = weft_saga_add(saga, "undo", weft_text("a"), NULL);
    }
    if (err == WEFT_OK) {
        err = weft_saga_add_fn(saga, undo_fn, "b");
    }
    if (err == WEFT_OK) {
        err = weft_saga_add(saga, "undo", weft_text("fail c"), NULL);
    }
    CHECK_ERR(weft_saga_add(saga, "none", weft_nothing(), NULL), WEFT_EINVAL);
    CHECK_ERR(weft_saga_add_fn(saga, NULL, NULL), WEFT_EINVAL);
    if (err == WEFT_OK) {
        err = story_is(input, "wait")
                  ? weft_workflow_receive(wf, "x", WEFT_FOREVER, NULL)
                  : weft_workflow_call(wf, "act", input, NULL, NULL);
    }
    return weft_saga_end(saga, err);
}

static weft_definitions *
sagas(void)
{
    return define_flow(saga_run);
}

// Is the first of these told before the second?
static bool
is_before(const char *first, const char *second)
{
    const char *at = strstr(story_notes(), first);

    return at != NULL && strstr(at, second) != NULL;
}

static void
tell_saga(struct story *story)
{
    (void)story;
    story_start("flow", "a", "well");
    CHECK_RESULT("flow", "a", "");
    CHECK_EQ(story_count("undo"), 0);
    story_start("flow", "b", "fail");
    CHECK_FAILS("flow", "b", WEFT_EFAILED, "Broken");
    CHECK_EQ(is_before("undo fail c", "undo b"), 1);
    CHECK_EQ(is_before("undo b", "undo a"), 1);
    story_forget_notes();
    story_start("flow", "c", "wait");
    story_wait_ms(10);
    story_do(WEFT_VERB_CANCEL, "flow", "c", "", NULL);
    CHECK_FAILS("flow", "c", WEFT_ECANCELLED, "cancelled");
    CHECK_EQ(story_count("undo a") >= 1, 1);
    CHECK_EQ(story_count("undo b") >= 1, 1);
}

TEST(workflow_scope, a_saga_is_undone_in_reverse_when_it_fails_or_is_cancelled)
{
    story_run(sagas, tell_saga);
}

// Why a scope ended is said by what was waited for in it, and stays so.
static weft_err
why_run(weft_workflow *wf, weft_bytes input)
{
    bool is_cancelled = story_is(input, "cancel");
    weft_err why = is_cancelled ? WEFT_ECANCELLED : WEFT_ETIMEDOUT;
    weft_future timer;
    weft_scope scope;

    MUST(weft_workflow_scope_begin(wf, 1000, &scope), WEFT_OK);
    MUST(weft_workflow_timer(wf, 60000, &timer), WEFT_OK);
    if (is_cancelled) {
        MUST(weft_workflow_scope_cancel(wf, scope), WEFT_OK);
    }
    weft_workflow_shield_begin(wf);
    MUST(weft_workflow_sleep(wf, 2000), WEFT_OK); // its time is over
    weft_workflow_shield_end(wf);
    MUST(weft_workflow_sleep(wf, 1), why);
    MUST(weft_workflow_await(wf, timer, NULL), why);
    CHECK_STR(weft_workflow_failure(wf)->name,
              is_cancelled ? "cancelled" : "timeout");
    return weft_workflow_scope_end(wf, scope);
}

static weft_definitions *
whys(void)
{
    return define_flow(why_run);
}

static void
tell_why(struct story *story)
{
    (void)story;
    story_start("flow", "w", "cancel");
    story_start("flow", "x", "time");
    CHECK_RESULT("flow", "w", "");
    CHECK_RESULT("flow", "x", "");
}

TEST(workflow_scope, what_ended_a_scope_is_said_by_what_was_in_it)
{
    story_run(whys, tell_why);
}

// A branch that is cancelled is so as a whole, whatever scope it is in.
static weft_err
nested(weft_workflow *wf, void *ctx)
{
    weft_scope scope;

    (void)ctx;
    MUST(weft_workflow_scope_begin(wf, WEFT_FOREVER, &scope), WEFT_OK);
    MUST(weft_workflow_sleep(wf, 60000), WEFT_ECANCELLED);
    CHECK_OK(weft_workflow_scope_end(wf, scope));
    return weft_workflow_sleep(wf, 60000);
}

static weft_err
whole_run(weft_workflow *wf, weft_bytes input)
{
    weft_future branch;

    (void)input;
    MUST(weft_workflow_branch(wf, "nested", nested, NULL, NULL, &branch),
         WEFT_OK);
    MUST(weft_workflow_sleep(wf, 100), WEFT_OK);
    MUST(weft_workflow_cancel(wf, branch), WEFT_OK);
    MUST(weft_workflow_await(wf, branch, NULL), WEFT_ECANCELLED);
    return weft_workflow_return(wf, weft_text("done"));
}

static weft_definitions *
wholes(void)
{
    return define_flow(whole_run);
}

static void
tell_whole(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "done");
}

TEST(workflow_scope, a_branch_is_cancelled_in_all_of_its_scopes)
{
    story_run(wholes, tell_whole);
}
