// SPDX-License-Identifier: Apache-2.0
//
// Workflows whose code is changed while they run, with patches.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"

static const char *code; // which one runs
static char way[200];    // that the run took, for its result

static bool
is_code(const char *name)
{
    return strcmp(code, name) == 0;
}

// One part of the flow, the old way or the new one.
static weft_err
go_a_way(weft_workflow *wf, bool is_new)
{
    (void)snprintf(way + strlen(way), sizeof(way) - strlen(way), "%s ",
                   is_new ? "new" : "old");
    if (is_new) {
        MUST(weft_workflow_sleep(wf, 10), WEFT_OK);
    }
    MUST(weft_workflow_call(wf, "act", weft_text(is_new ? "new" : "old"), NULL,
                            NULL),
         WEFT_OK);
    return WEFT_OK;
}

static bool
is_new_way(weft_workflow *wf, const char *id)
{
    if (is_code("both")) {
        return weft_workflow_patched(wf, id) != 0;
    }
    if (is_code("deprecated")) {
        CHECK_OK(weft_workflow_deprecate_patch(wf, id));
    }
    return !is_code("old");
}

// Two places to be changed, each followed by a wait; both by one patch, or each
// by its own.
static weft_err
two_run(weft_workflow *wf, weft_bytes input)
{
    const char *second = story_is(input, "one") ? "first" : "second";

    way[0] = '\0';
    MUST(go_a_way(wf, is_new_way(wf, "first")), WEFT_OK);
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    MUST(go_a_way(wf, is_new_way(wf, second)), WEFT_OK);
    MUST(weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL), WEFT_OK);
    return weft_workflow_return(wf, weft_text(way));
}

static weft_definitions *
two(void)
{
    return flow_with(two_run);
}

static weft_definitions *
two_old(void)
{
    code = "old";
    return two();
}

static weft_definitions *
two_both(void)
{
    code = "both";
    return two();
}

static weft_definitions *
two_deprecated(void)
{
    code = "deprecated";
    return two();
}

static weft_definitions *
two_new(void)
{
    code = "new";
    return two();
}

static void
begin(const char *input)
{
    story_start("flow", "w", input);
    story_wait_ms(1000);
}

static void
go(void)
{
    story_signal("flow", "w", "go", "");
    story_wait_ms(1000);
}

// The rest, run again after a crash.
static void
check_way(const char *expected)
{
    story_crash();
    story_signal("flow", "w", "end", "");
    CHECK_RESULT("flow", "w", expected);
}

static void
tell_old_then_both(struct story *story)
{
    (void)story;
    begin("two");
    story_define(two_both);
    go();
    check_way("old new ");
}

TEST(patch, a_run_from_before_goes_the_old_way_until_it_is_past_its_journal)
{
    story_run(two_old, tell_old_then_both);
}

static void
tell_one_answer(struct story *story)
{
    (void)story;
    begin("one");
    story_define(two_both);
    go();
    check_way("old old ");
}

TEST(patch, its_first_answer_holds_for_the_rest_of_the_run)
{
    story_run(two_old, tell_one_answer);
}

static void
tell_both(struct story *story)
{
    (void)story;
    begin("one");
    story_crash();
    go();
    check_way("new new ");
}

TEST(patch, a_new_run_goes_the_new_way_and_again_when_it_is_replayed)
{
    story_run(two_both, tell_both);
}

static void
tell_deprecated(struct story *story)
{
    (void)story;
    begin("two");
    story_define(two_deprecated);
    go();
    story_define(two_new);
    check_way("new new ");
}

TEST(patch, a_patch_is_deprecated_and_then_deleted)
{
    story_run(two_both, tell_deprecated);
}

static void
tell_back(struct story *story)
{
    (void)story;
    begin("two");
    story_define(two_both);
    go();
    check_way("new new ");
}

TEST(patch, code_with_both_ways_takes_over_from_code_that_deprecated_it)
{
    story_run(two_deprecated, tell_back);
}

static void
tell_too_early(struct story *story)
{
    const struct world_call *call;

    (void)story;
    begin("two");
    story_define(two_deprecated);
    story_signal("flow", "w", "go", "");
    story_wait_ms(1000);
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.is_parked, 1);
    CHECK(strstr(call->reason, "recorded was activity \"act\" at 0.1") != NULL);
    story_define(two_both);
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    story_wait_ms(1000);
    check_way("old new ");
}

TEST(patch, deprecated_too_early_parks_and_the_code_before_goes_on)
{
    story_run(two_old, tell_too_early);
}

// A patch that was deleted, and comes back: the run goes on as one that has it.
static void
tell_back_twice(struct story *story)
{
    (void)story;
    begin("one");
    story_define(two_deprecated);
    go();
    story_define(two_both);
    check_way("new new ");
}

TEST(patch, code_that_deprecates_it_marks_what_had_deleted_it)
{
    story_run(two_new, tell_back_twice);
}

// A run that loops, and begins anew. -----------------------------------------

static weft_err
loop_run(weft_workflow *wf, weft_bytes input)
{
    bool is_second = story_is(input, "second");

    way[0] = '\0';
    for (int i = 0; i < 3; i++) {
        MUST(go_a_way(wf, is_new_way(wf, "first")), WEFT_OK);
        MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    }
    MUST(weft_workflow_publish(wf, is_second ? "second" : "first",
                               weft_text(way)),
         WEFT_OK);
    return is_second ? WEFT_OK : weft_workflow_restart(wf, weft_text("second"));
}

static weft_definitions *
loop_old(void)
{
    code = "old";
    return flow_with(loop_run);
}

static weft_definitions *
loop_both(void)
{
    code = "both";
    return flow_with(loop_run);
}

static void
tell_loop(struct story *story)
{
    (void)story;
    begin("");
    go();
    story_define(loop_both);
    for (int i = 0; i < 5; i++) {
        go();
    }
    CHECK_RESULT("flow", "w", "");
    CHECK_STR(story_query("flow", "w", "first"), "old old old ");
    CHECK_STR(story_query("flow", "w", "second"), "new new new ");
}

TEST(patch, a_loop_does_not_change_its_way_and_a_restart_does)
{
    story_run(loop_old, tell_loop);
}

// In branches. ----------------------------------------------------------------

static weft_err
branch_run(weft_workflow *wf, void *ctx)
{
    (void)ctx;
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    return go_a_way(wf, is_new_way(wf, "first"));
}

static weft_err
branches_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[2];

    (void)input;
    way[0] = '\0';
    for (int i = 0; i < 2; i++) {
        MUST(weft_workflow_branch(wf, "branch", branch_run, NULL, NULL,
                                  &futures[i]),
             WEFT_OK);
    }
    MUST(weft_workflow_await_all(wf, futures, 2), WEFT_OK);
    MUST(weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL), WEFT_OK);
    return weft_workflow_return(wf, weft_text(way));
}

static weft_definitions *
branches_old(void)
{
    code = "old";
    return flow_with(branches_run);
}

static weft_definitions *
branches_both(void)
{
    code = "both";
    return flow_with(branches_run);
}

static void
tell_branches(struct story *story)
{
    (void)story;
    begin("");
    story_define(branches_both);
    go();
    story_crash();
    go();
    check_way("new new ");
}

TEST(patch, branches_that_pass_it_live_go_the_new_way)
{
    story_run(branches_old, tell_branches);
}

static void
tell_branches_apart(struct story *story)
{
    (void)story;
    begin("");
    go();
    story_define(branches_both);
    go();
    check_way("old old ");
}

TEST(patch, a_branch_goes_the_way_of_the_one_that_asked_first)
{
    story_run(branches_old, tell_branches_apart);
}

// Asked in the wrong way. ----------------------------------------------------

static const char *asked; // the id

static weft_err
asking_run(weft_workflow *wf, weft_bytes input)
{
    bool is_new;

    (void)input;
    is_new = weft_workflow_patched(wf, asked) != 0;
    MUST(weft_workflow_sleep(wf, 1), WEFT_OK);
    return weft_workflow_return(wf, weft_text(is_new ? "new" : "old"));
}

static weft_definitions *
asking(void)
{
    asked = NULL;
    return flow_with(asking_run);
}

static void
tell_wrong_ids(struct story *story)
{
    static char too_long[257];
    const char *wrong[] = {"", "a\nb", too_long};
    const struct world_call *call;

    (void)story;
    memset(too_long, 'x', sizeof(too_long) - 1);
    begin("");
    for (int i = 0; i < 4; i++) {
        call = story_describe("flow", "w");
        CHECK_EQ(call->item.is_parked, 1);
        CHECK(strstr(call->reason, "patch") != NULL);
        asked = i < 3 ? wrong[i] : "right";
        story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
        story_wait_ms(1000);
    }
    CHECK_RESULT("flow", "w", "new");
}

TEST(patch, an_id_that_is_none_parks_until_the_code_is_mended)
{
    story_run(asking, tell_wrong_ids);
}

static weft_err
ask_in_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)out_result;
    CHECK_EQ(weft_workflow_patched(ctx, "first"), 0);
    CHECK(strstr(weft_err_detail(), "outside of its workflow") != NULL);
    CHECK_ERR(weft_workflow_deprecate_patch(ctx, "first"), WEFT_EINVAL);
    return WEFT_OK;
}

static weft_err
outside_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    MUST(weft_workflow_step(wf, "step", ask_in_step, wf, NULL), WEFT_OK);
    return weft_workflow_return(
        wf, weft_text(weft_workflow_patched(wf, "first") ? "new" : "old"));
}

static weft_definitions *
outside(void)
{
    return flow_with(outside_run);
}

static void
tell_outside(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "new");
}

TEST(patch, asked_outside_of_the_workflow_it_is_refused_and_nothing_is_recorded)
{
    story_run(outside, tell_outside);
}
