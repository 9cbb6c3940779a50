// SPDX-License-Identifier: Apache-2.0
//
// Workflows that do more in one go than a record may hold.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/flow.h"
#include "story/resets.h"

#define PIECE (WF_TURN_BREAK_BYTES / 2 + 1) // two of them are too many
#define CALLS 7

static char piece[PIECE];

static weft_err
size_of(weft_activity *activity, weft_bytes input)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%zu", input.len);
    return weft_activity_return(activity, weft_text(text));
}

static weft_definitions *
define_flow(weft_workflow_fn *run)
{
    weft_definitions *defs = flow_with(run);

    story_add_activity(defs, "size_of", size_of);
    return defs;
}

// Begins them all without waiting, and takes the time at each.
static weft_err
calls_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes large = weft_bytes_of(piece, sizeof(piece));
    weft_future futures[CALLS];
    uint64_t times[CALLS];
    char text[200] = "";

    (void)input;
    for (size_t i = 0; i < CALLS; i++) {
        MUST(weft_workflow_call_async(wf, "size_of", large, NULL, &futures[i]),
             WEFT_OK);
        times[i] = weft_workflow_now_ms(wf);
        CHECK(i == 0 || times[i] >= times[i - 1]);
    }
    MUST(weft_workflow_await_all(wf, futures, CALLS), WEFT_OK);
    for (size_t i = 0; i < CALLS; i++) {
        weft_bytes size;
        size_t len = strlen(text);

        MUST(weft_workflow_await(wf, futures[i], &size), WEFT_OK);
        (void)snprintf(text + len, sizeof(text) - len, "%.*s ", (int)size.len,
                       (const char *)size.data);
    }
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
callers(void)
{
    return define_flow(calls_run);
}

static void
tell_calls(struct story *story)
{
    char expected[200] = "";

    (void)story;
    for (size_t i = 0; i < CALLS; i++) {
        size_t len = strlen(expected);

        (void)snprintf(expected + len, sizeof(expected) - len, "%u ", PIECE);
    }
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", expected);
    story_check_audit();
}

TEST(workflow_large, one_turn_may_begin_more_than_a_record_holds)
{
    story_run(callers, tell_calls);
}

// Branches note when they were at it: one does not begin before the one before
// it waits, however many turns that takes.
struct pen {
    char letter;
    char *text;
};

static weft_err
write_run(weft_workflow *wf, void *ctx)
{
    const struct pen *pen = ctx;
    weft_bytes large = weft_bytes_of(piece, sizeof(piece));
    weft_target nobody = {"flow", "w"};

    for (int i = 0; i < 5; i++) {
        size_t len = strlen(pen->text);

        MUST(weft_workflow_signal(wf, nobody, "piece", large), WEFT_OK);
        pen->text[len] = pen->letter;
    }
    return weft_workflow_sleep(wf, 1000);
}

static weft_err
branches_run(weft_workflow *wf, weft_bytes input)
{
    char text[64] = "";
    struct pen pens[2] = {{'a', text}, {'b', text}};
    weft_future futures[2];

    (void)input;
    for (size_t i = 0; i < 2; i++) {
        MUST(weft_workflow_branch(wf, "pen", write_run, &pens[i], NULL,
                                  &futures[i]),
             WEFT_OK);
    }
    MUST(weft_workflow_await_all(wf, futures, 2), WEFT_OK);
    for (int i = 0; i < 10; i++) {
        MUST(weft_workflow_receive(wf, "piece", WEFT_FOREVER, NULL), WEFT_OK);
    }
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
writers(void)
{
    return define_flow(branches_run);
}

static void
tell_branches(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "aaaaabbbbb");
}

TEST(workflow_large, branches_keep_their_order_over_it)
{
    story_run_calm(writers, tell_branches);
}

// Resets. ---------------------------------------------------------------------

static weft_err
hand_on(weft_activity *activity, weft_bytes input)
{
    static char token[WEFT_TOKEN_CHARS_MAX];

    (void)input;
    return weft_activity_defer(activity, token, sizeof(token));
}

static weft_err
open_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes large = weft_bytes_of(piece, sizeof(piece));

    for (size_t i = 0; i <= WF_TURN_BYTES_MAX / PIECE; i++) {
        weft_future future;

        MUST(weft_workflow_call_async(wf, "hand_on", large, NULL, &future),
             WEFT_OK);
    }
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    return weft_workflow_return(wf, input);
}

static weft_definitions *
openers(void)
{
    weft_definitions *defs = flow_with(open_run);

    story_add_activity(defs, "hand_on", hand_on);
    return defs;
}

// All that is open would have to begin again in one record.
static void
tell_too_large(struct story *story)
{
    struct world_call *call;
    uint64_t entries;

    (void)story;
    story_start("flow", "i", "in");
    story_wait_ms(60000);
    entries = story_describe("flow", "i")->item.journal_count;
    story_signal("flow", "i", "other", "");
    story_wait_ms(1000);
    call = reset_to("flow", entries);
    CHECK_ERR(call->err, WEFT_ETOOBIG);
    CHECK_EQ(story_describe("flow", "i")->item.run, 1);
    story_signal("flow", "i", "go", "");
    CHECK_RESULT("flow", "i", "in");
}

TEST(workflow_large, what_is_too_large_to_begin_again_is_not_reset)
{
    story_run_once(openers, tell_too_large);
}

// What is published has most of a turn; the call behind it is of the next one.
static weft_err
publisher_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes large = weft_bytes_of(piece, sizeof(piece));
    char name[16];
    weft_bytes size;

    (void)input;
    for (unsigned i = 0; i < WF_TURN_BYTES_MAX / PIECE; i++) {
        (void)snprintf(name, sizeof(name), "v%u", i);
        MUST(weft_workflow_publish(wf, name, large), WEFT_OK);
    }
    MUST(weft_workflow_call(wf, "size_of", large, NULL, &size), WEFT_OK);
    return weft_workflow_return(wf, size);
}

static weft_definitions *
publishers(void)
{
    return define_flow(publisher_run);
}

static void
tell_publisher(struct story *story)
{
    char expected[32];

    (void)story;
    (void)snprintf(expected, sizeof(expected), "%u", PIECE);
    story_start("flow", "w", "");
    story_wait_ms(1000);
    CHECK_EQ(story_describe("flow", "w")->item.is_parked, 0);
    CHECK_RESULT("flow", "w", expected);
}

TEST(workflow_large, a_call_has_room_behind_what_fills_the_turn)
{
    story_run(publishers, tell_publisher);
}

// Its first turn goes on in a second record, where it cannot go on.
static weft_err
stopper_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes large = weft_bytes_of(piece, sizeof(piece));
    weft_target nobody = {"flow", "w"};

    for (int i = 0; i < 3; i++) {
        MUST(weft_workflow_signal(wf, nobody, "piece", large), WEFT_OK);
    }
    if (!reset_is_mended) {
        (void)weft_workflow_patched(wf, "");
    }
    MUST(weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL), WEFT_OK);
    return weft_workflow_return(wf, input);
}

static weft_definitions *
stoppers(void)
{
    reset_is_mended = false;
    return define_flow(stopper_run);
}

// Nothing goes on of what a reset has cut off.
static void
tell_stopped(struct story *story)
{
    (void)story;
    story_start("flow", "i", "in");
    story_wait_ms(1000);
    CHECK(story_describe("flow", "i")->item.is_parked);
    reset_is_mended = true;
    CHECK_OK(reset_to_type("flow", WEFT_POINT_BEGINNING)->err);
    story_wait_ms(1000);
    CHECK_EQ(story_describe("flow", "i")->item.is_parked, 0);
    story_crash();
    story_signal("flow", "i", "end", "");
    CHECK_RESULT("flow", "i", "in");
}

TEST(workflow_large, a_reset_to_the_beginning_begins_where_a_turn_was_to_go_on)
{
    story_run_calm(stoppers, tell_stopped);
}
