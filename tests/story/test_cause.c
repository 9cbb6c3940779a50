// SPDX-License-Identifier: Apache-2.0
//
// What a failure came from, from an activity to its caller and up through
// parents.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "story/puppet.h"

static weft_err
pay(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_fail(activity, "Declined", "no money",
                              weft_text("card"));
}

static weft_call_options
once(void)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    options.retry.maximum_attempts = 1;
    return options;
}

// Pays, and passes the failure on; or says something of its own.
static weft_err
child_run(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = once();
    weft_err err =
        weft_workflow_call(wf, "pay", weft_nothing(), &options, NULL);

    if (err == WEFT_EUNWIND) {
        return err;
    }
    CHECK_ERR(err, WEFT_EFAILED);
    CHECK_STR(weft_workflow_failure(wf)->source, "pay");
    CHECK(weft_workflow_failure(wf)->cause == NULL);
    if (story_is(input, "own")) {
        return weft_workflow_fail(wf, "Unpaid", "try later", weft_nothing());
    }
    return err;
}

static weft_err
pass_on(weft_workflow *wf, void *ctx)
{
    return weft_workflow_child(wf, (weft_target){"child", ctx}, weft_nothing(),
                               NULL, NULL);
}

// "CHILD HOW"
static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    static char far_id[50];
    char text[100];
    char how[50] = "";
    weft_future future;
    weft_err err;

    (void)sscanf(story_text(input, text, sizeof(text)), "%49s %49s", far_id,
                 how);
    if (strcmp(how, "branch") == 0) {
        MUST(weft_workflow_branch(wf, "b", pass_on, far_id, NULL, &future),
             WEFT_OK);
        err = weft_workflow_await(wf, future, NULL);
    } else {
        err = weft_workflow_child(wf, (weft_target){"child", far_id},
                                  weft_text(how), NULL, NULL);
    }
    if (err == WEFT_EUNWIND) {
        return err;
    }
    CHECK_ERR(err, WEFT_EFAILED);
    (void)snprintf(text, sizeof(text), "child/%s", far_id);
    CHECK_STR(weft_workflow_failure(wf)->source, text);
    if (strcmp(how, "wrap") == 0) {
        return weft_workflow_fail_with(
            wf, &(weft_failure){.name = "NoOrder",
                                .message = "it was not paid",
                                .cause = weft_workflow_failure(wf)});
    }
    return err;
}

// As many levels as its input says.
static weft_err
deep_run(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = once();
    char text[20];
    char id[20];
    int depth = atoi(story_text(input, text, sizeof(text)));

    if (depth == 0) {
        return weft_workflow_call(wf, "pay", weft_nothing(), &options, NULL);
    }
    (void)snprintf(text, sizeof(text), "%d", depth - 1);
    (void)snprintf(id, sizeof(id), "d/%d", depth - 1);
    return weft_workflow_child(wf, (weft_target){"deep", id}, weft_text(text),
                               NULL, NULL);
}

// A plain actor with a child.
static weft_err
boss_receive(weft_actor *actor, const weft_message *message, void *state)
{
    const weft_failure *failure = &message->failure;
    uint32_t call;

    (void)state;
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        return weft_actor_spawn(actor, (weft_target){"child", "boss/child"},
                                weft_nothing(), NULL, &call);
    }
    if (message->type != WEFT_MESSAGE_CHILD) {
        return WEFT_OK;
    }
    CHECK_STR(failure->source, "child/boss/child");
    CHECK(failure->cause != NULL);
    CHECK_STR(failure->cause->source, "pay");
    return weft_actor_stop_failed_with(
        actor,
        &(weft_failure){.name = "Fired", .message = "", .cause = failure});
}

static weft_definitions *
family(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_activity(defs, "pay", pay);
    story_add_workflow(defs, "child", child_run);
    story_add_workflow(defs, "parent", parent_run);
    story_add_workflow(defs, "deep", deep_run);
    story_add_actor(defs, "boss", sizeof(uint32_t), boss_receive);
    return defs;
}

static void
check_causes(const char *kind, const char *id, const char *name,
             const char *causes)
{
    const struct world_call *call = story_result(kind, id);

    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, name);
    CHECK_STR(call->causes, causes);
}

static void
tell_passed(struct story *story)
{
    const char *far = story_id_elsewhere("q");
    char text[100];
    char causes[200];

    (void)story;
    story_start("parent", "p", "p/child -");
    check_causes("parent", "p", "Declined",
                 "child/p/child Declined no money card\n"
                 "pay Declined no money card\n");
    check_causes("child", "p/child", "Declined",
                 "pay Declined no money card\n");
    CHECK_STR(story_result("parent", "p")->details, "card");
    (void)snprintf(text, sizeof(text), "%s -", far);
    (void)snprintf(causes, sizeof(causes),
                   "child/%s Declined no money card\n"
                   "pay Declined no money card\n",
                   far);
    story_start("parent", "q", text);
    check_causes("parent", "q", "Declined", causes);
    story_start("parent", "b", "b/child branch");
    check_causes("parent", "b", "Declined",
                 "child/b/child Declined no money card\n"
                 "pay Declined no money card\n");
}

TEST(cause, a_failure_that_is_passed_on_says_where_it_came_from)
{
    story_run(family, tell_passed);
}

static void
tell_own(struct story *story)
{
    (void)story;
    story_start("parent", "p", "p/child wrap");
    check_causes("parent", "p", "NoOrder",
                 "child/p/child Declined no money card\n"
                 "pay Declined no money card\n");
    story_start("parent", "r", "r/child own");
    check_causes("parent", "r", "Unpaid", "child/r/child Unpaid try later \n");
    // Of a new life nothing of it is left.
    story_signal("boss", "boss", "go", "");
    check_causes("boss", "boss", "Fired",
                 "child/boss/child Declined no money card\n"
                 "pay Declined no money card\n");
}

TEST(cause, a_failure_of_its_own_has_the_cause_that_it_was_given)
{
    story_run(family, tell_own);
}

static void
tell_deep(struct story *story)
{
    const struct world_call *call;
    size_t lines = 0;

    (void)story;
    story_start("deep", "d", "20");
    call = story_result("deep", "d");
    CHECK_STR(call->failure, "Declined");
    for (const char *at = call->causes; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    CHECK_EQ(lines, 16);
    CHECK(strstr(call->causes, "deep/d/19 ") == call->causes);
    CHECK(strstr(call->causes, "\npay Declined no money card\n") != NULL);
}

TEST(cause, of_a_long_chain_the_first_cause_is_always_kept)
{
    story_run_calm(family, tell_deep);
}
