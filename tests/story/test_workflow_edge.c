// SPDX-License-Identifier: Apache-2.0
//
// Workflows that ask for what cannot be, and clients that start them.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/flow.h"

static char big[WF_PAYLOAD_BYTES_MAX + 1];

// Refusals. -------------------------------------------------------------------

static void
refuse(weft_workflow *wf, const char *what, weft_err err)
{
    if (!weft_workflow_is_replaying(wf)) {
        story_note("%s: %s %s", what, weft_err_name(err), weft_err_detail());
    }
}

static weft_err
large_value(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    (void)wf;
    (void)ctx;
    *out_value = weft_bytes_of(big, sizeof(big));
    return WEFT_OK;
}

static weft_err
large_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)ctx;
    *out_result = weft_bytes_of(big, sizeof(big));
    return WEFT_OK;
}

static weft_err
large_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes large = weft_bytes_of(big, sizeof(big));
    weft_target self = {"flow", "other"};
    weft_future future = 77;

    (void)input;
    refuse(wf, "call", weft_workflow_call(wf, "act", large, NULL, NULL));
    refuse(wf, "async",
           weft_workflow_call_async(wf, "act", large, NULL, &future));
    refuse(wf, "child", weft_workflow_child(wf, self, large, NULL, NULL));
    refuse(wf, "signal", weft_workflow_signal(wf, self, "x", large));
    refuse(wf, "value", weft_workflow_value(wf, "v", large_value, NULL, NULL));
    refuse(wf, "publish", weft_workflow_publish(wf, "p", large));
    refuse(wf, "return", weft_workflow_return(wf, large));
    refuse(wf, "fail", weft_workflow_fail(wf, "f", "", large));
    CHECK_ERR(weft_workflow_restart(wf, large), WEFT_ETOOBIG);
    CHECK_EQ(future, 77);
    MUST(weft_workflow_step(wf, "s", large_step, NULL, NULL), WEFT_ETOOBIG);
    return weft_workflow_return(wf, weft_text("small"));
}

static weft_definitions *
larges(void)
{
    return flow_with(large_run);
}

static void
tell_large(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "small");
    CHECK_NOTES(
        "[0] call: WEFT_ETOOBIG act: 2097153 bytes, the limit is 2097152\n"
        "[0] async: WEFT_ETOOBIG act: 2097153 bytes, the limit is 2097152\n"
        "[0] child: WEFT_ETOOBIG other: 2097153 bytes, the limit is 2097152\n"
        "[0] signal: WEFT_ETOOBIG x: 2097153 bytes, the limit is 2097152\n"
        "[0] value: WEFT_ETOOBIG v: 2097153 bytes, the limit is 2097152\n"
        "[0] publish: WEFT_ETOOBIG p: 2097153 bytes, the limit is 2097152\n"
        "[0] return: WEFT_ETOOBIG result: 2097153 bytes, the limit is "
        "2097152\n"
        "[0] fail: WEFT_ETOOBIG details: 2097153 bytes, the limit is "
        "2097152\n");
}

TEST(workflow, a_payload_over_the_limit_is_refused_with_its_size)
{
    story_run_calm(larges, tell_large);
}

static weft_err
wrong_run(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_future futures[2] = {1, 0};
    size_t index;
    weft_bytes data = weft_nothing();

    (void)input;
    refuse(wf, "unknown", weft_workflow_call(wf, "unknown", data, NULL, NULL));
    options.retry.coefficient = 0.5;
    refuse(wf, "options", weft_workflow_call(wf, "act", data, &options, NULL));
    options = (weft_call_options){0};
    refuse(wf, "size", weft_workflow_call(wf, "act", data, &options, NULL));
    CHECK_ERR(weft_workflow_await(wf, 0, NULL), WEFT_EINVAL);
    refuse(wf, "future", weft_workflow_await(wf, 1, NULL));
    MUST(weft_workflow_timer(wf, 1, &futures[0]), WEFT_OK);
    CHECK_EQ((uint32_t)futures[0], 1);
    // Of another run: the same place, another number.
    CHECK_ERR(weft_workflow_await(wf, futures[0] ^ (1ULL << 40), NULL),
              WEFT_EINVAL);
    refuse(wf, "any",
           weft_workflow_await_any(wf, futures, 2, WEFT_FOREVER, &index));
    CHECK_ERR(weft_workflow_await_settled(wf, futures, 2), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_await_any(wf, futures, 0, 1, &index), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_cancel(wf, futures[0] + 1), WEFT_EINVAL);
    // A signal that was sent is no future.
    MUST(weft_workflow_signal(wf, (weft_target){"flow", "w"}, "x", data),
         WEFT_OK);
    CHECK_ERR(weft_workflow_await(wf, futures[0] + 1, NULL), WEFT_EINVAL);
    refuse(wf, "name",
           weft_workflow_signal(wf, (weft_target){"flow", "w"}, "", data));
    refuse(wf, "id",
           weft_workflow_signal(wf, (weft_target){"flow", ""}, "x", data));
    refuse(wf, "receive", weft_workflow_receive(wf, NULL, 0, NULL));
    refuse(wf, "kind",
           weft_workflow_child(wf, (weft_target){NULL, "w"}, data, NULL, NULL));
    MUST(weft_workflow_receive(wf, "x", WEFT_FOREVER, NULL), WEFT_OK);
    return WEFT_OK;
}

static weft_definitions *
wrongs(void)
{
    return flow_with(wrong_run);
}

static void
tell_wrong(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "");
    CHECK_NOTES(
        "[0] unknown: WEFT_EINVAL activity unknown is not registered\n"
        "[0] options: WEFT_EINVAL call options: coefficient is not "
        "1 to 1000\n"
        "[0] size: WEFT_EINVAL weft_call_options: struct_size is 0; "
        "begin with its _INIT\n"
        "[0] future: WEFT_EINVAL await: 1 is not a future of flow/w: "
        "await what this run has begun\n"
        "[0] any: WEFT_EINVAL await_any: 0 is not a future of flow/w: "
        "the call that was to begin it has failed, look at what that returned\n"
        "[0] name: WEFT_EINVAL signal is missing\n"
        "[0] id: WEFT_EINVAL the id is missing\n"
        "[0] receive: WEFT_EINVAL signal is missing\n"
        "[0] kind: WEFT_EINVAL the kind is missing\n");
}

TEST(workflow, what_cannot_be_is_refused_in_words)
{
    story_run_calm(wrongs, tell_wrong);
}

static weft_err
meddle(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    weft_workflow *wf = ctx;
    weft_future future;

    (void)step;
    (void)out_result;
    CHECK_ERR(weft_workflow_sleep(wf, 1), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "outside of its workflow function") !=
          NULL);
    CHECK_ERR(weft_workflow_await(wf, 1, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_timer(wf, 1, &future), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_call(wf, "act", weft_nothing(), NULL, NULL),
              WEFT_EINVAL);
    CHECK_ERR(weft_workflow_receive(wf, "x", 0, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_step(wf, "x", meddle, wf, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_value(wf, "x", large_value, NULL, NULL),
              WEFT_EINVAL);
    CHECK_ERR(weft_workflow_cancel(wf, 1), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_signal(wf, (weft_target){"flow", "w"}, "x",
                                   weft_nothing()),
              WEFT_EINVAL);
    return WEFT_OK;
}

static weft_err
meddled_run(weft_workflow *wf, weft_bytes input)
{
    weft_future future;

    MUST(weft_workflow_timer(wf, 1000, &future), WEFT_OK);
    MUST(weft_workflow_step(wf, "meddle", meddle, wf, NULL), WEFT_OK);
    MUST(weft_workflow_await(wf, future, NULL), WEFT_OK);
    return weft_workflow_return(wf, input);
}

static weft_definitions *
meddled(void)
{
    return flow_with(meddled_run);
}

static void
tell_meddled(struct story *story)
{
    (void)story;
    story_start("flow", "w", "in");
    CHECK_RESULT("flow", "w", "in");
}

TEST(workflow, its_functions_are_refused_outside_of_its_own_code)
{
    story_run_calm(meddled, tell_meddled);
}

// Starting. -------------------------------------------------------------------

static weft_err
told_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;

    if (story_is(input, "fail")) {
        return WEFT_EIO;
    }
    MUST(weft_workflow_receive(wf, "end", WEFT_FOREVER, &data), WEFT_OK);
    return weft_workflow_return(wf, data);
}

static weft_definitions *
told(void)
{
    return flow_with(told_run);
}

static struct world_call *
start(const char *id, const char *input, weft_reuse reuse,
      weft_conflict conflict)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    options.reuse = reuse;
    options.conflict = conflict;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"flow", id};
    request.input = weft_text(input);
    request.start = &options;
    return story_call(&request);
}

static void
tell_conflict(struct story *story)
{
    const struct world_call *call;

    call = start("w", "", WEFT_REUSE_ALLOW, WEFT_CONFLICT_FAIL);
    CHECK_OK(call->err);
    CHECK_EQ(call->is_created, 1);
    call = start("w", "", WEFT_REUSE_ALLOW, WEFT_CONFLICT_FAIL);
    CHECK_ERR(call->err, WEFT_EEXISTS);
    CHECK_STR(call->detail, "w: an instance of this id is running");
    call = start("w", "", WEFT_REUSE_REJECT, WEFT_CONFLICT_USE_EXISTING);
    CHECK_OK(call->err);
    CHECK_EQ(call->is_created, 0);
    CHECK_EQ(story_describe("flow", "w")->item.run, 1);
    (void)story;
}

TEST(workflow, a_start_of_one_that_runs_fails_or_joins)
{
    story_run(told, tell_conflict);
}

static void
tell_reuse(struct story *story)
{
    const struct world_call *call;

    (void)story;
    CHECK_OK(start("w", "", WEFT_REUSE_REJECT, WEFT_CONFLICT_FAIL)->err);
    story_signal("flow", "w", "end", "well");
    CHECK_RESULT("flow", "w", "well");
    call = start("w", "", WEFT_REUSE_REJECT, WEFT_CONFLICT_USE_EXISTING);
    CHECK_ERR(call->err, WEFT_EEXISTS);
    CHECK_STR(call->detail,
              "w: an instance of this id has finished and may not be reused");
    CHECK_ERR(start("w", "", WEFT_REUSE_AFTER_FAILURE, WEFT_CONFLICT_FAIL)->err,
              WEFT_EEXISTS);
    call = start("w", "fail", WEFT_REUSE_ALLOW, WEFT_CONFLICT_FAIL);
    CHECK_OK(call->err);
    CHECK_EQ(call->is_created, 1);
    CHECK_FAILS("flow", "w", WEFT_EFAILED, "WEFT_EIO");
    CHECK_ERR(start("w", "", WEFT_REUSE_REJECT, WEFT_CONFLICT_FAIL)->err,
              WEFT_EEXISTS);
    CHECK_OK(start("w", "", WEFT_REUSE_AFTER_FAILURE, WEFT_CONFLICT_FAIL)->err);
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.run, 3);
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(call->item.finished_at_ms, 0);
    // Nor is it a success to be ended.
    story_do(WEFT_VERB_TERMINATE, "flow", "w", "", NULL);
    CHECK_OK(start("w", "", WEFT_REUSE_AFTER_FAILURE, WEFT_CONFLICT_FAIL)->err);
    CHECK_EQ(story_describe("flow", "w")->item.run, 4);
}

TEST(workflow, a_start_of_one_that_finished_follows_the_reuse_policy)
{
    story_run(told, tell_reuse);
}

static void
tell_signal_with_start(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;
    const struct world_call *call;

    (void)story;
    request.verb = WEFT_VERB_SIGNAL_WITH_START;
    request.target = (weft_target){"flow", "w"};
    request.name = "end";
    request.data = weft_text("first");
    call = story_call(&request);
    CHECK_OK(call->err);
    CHECK_EQ(call->is_created, 1);
    CHECK_RESULT("flow", "w", "first");
    story_start("flow", "v", "");
    request.target.id = "v";
    request.data = weft_text("second");
    request.input = weft_text("fail");
    call = story_call(&request);
    CHECK_OK(call->err);
    CHECK_EQ(call->is_created, 0);
    CHECK_RESULT("flow", "v", "second");
    CHECK_EQ(story_describe("flow", "v")->item.run, 1);
}

TEST(workflow, a_signal_with_start_starts_it_only_if_it_does_not_run)
{
    story_run(told, tell_signal_with_start);
}

static void
tell_repeated(struct story *story)
{
    weft_request request = WEFT_REQUEST_INIT;
    const struct world_call *call;

    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"flow", "w"};
    request.number = world_next_number(story->world) + 1000;
    for (int i = 0; i < 3; i++) {
        call = story_call(&request);
        CHECK_OK(call->err);
        CHECK_EQ(call->is_created, 1);
        story_crash();
    }
    request.verb = WEFT_VERB_SIGNAL;
    request.name = "end";
    request.data = weft_text("once");
    request.number++;
    for (int i = 0; i < 3; i++) {
        call = story_call(&request);
        CHECK_OK(call->err);
        story_crash();
    }
    CHECK_RESULT("flow", "w", "once");
    CHECK_EQ(story_describe("flow", "w")->item.run, 1);
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 0);
    }
}

TEST(workflow, a_request_repeated_under_its_number_is_done_once)
{
    story_run(told, tell_repeated);
}

static void
tell_absent(struct story *story)
{
    (void)story;
    CHECK_ERR(story_ask(WEFT_VERB_SIGNAL, "flow", "w", "x", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "flow", "w", "x", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_RESULT, "flow", "w", "", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "flow", "w", "", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_PAUSE, "flow", "w", "", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_START, "nobody", "w", "", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_EQ(story_do(WEFT_VERB_LIST, "flow", "w", "", NULL)->items_count, 0);
    story_start("flow", "w", "");
    CHECK_EQ(story_do(WEFT_VERB_LIST, "flow", "w", "", NULL)->items_count, 1);
}

TEST(workflow, what_does_not_exist_is_not_found)
{
    story_run(told, tell_absent);
}

// Results. --------------------------------------------------------------------

static void
tell_results(struct story *story)
{
    struct world_call *early;

    story_start("flow", "w", "");
    early = world_call(story->world, WEFT_VERB_RESULT, "flow", "w", "",
                       weft_nothing());
    story_wait_ms(5000);
    CHECK(!early->is_answered);
    story_signal("flow", "w", "end", "known");
    CHECK_OK(world_wait(story->world, early)->err);
    CHECK_STR(early->data, "known");
    CHECK_RESULT("flow", "w", "known");
    story_crash();
    CHECK_RESULT("flow", "w", "known");
}

TEST(workflow, a_result_is_waited_for_and_kept)
{
    story_run(told, tell_results);
}

static void
tell_retention(struct story *story)
{
    (void)story;
    story_start("flow", "w", "fail");
    CHECK_FAILS("flow", "w", WEFT_EFAILED, "WEFT_EIO");
    story_wait_ms(7ULL * 24 * 3600 * 1000 - 100000);
    CHECK_FAILS("flow", "w", WEFT_EFAILED, "WEFT_EIO");
    story_wait_ms(300000);
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "flow", "w", "", NULL)->err,
              WEFT_ENOTFOUND);
}

TEST(workflow, a_finished_one_is_forgotten_after_a_week)
{
    story_run_once(told, tell_retention);
}
