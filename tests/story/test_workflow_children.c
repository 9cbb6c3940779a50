// SPDX-License-Identifier: Apache-2.0
//
// Workflows and their children, beside them and in other partitions.

#include <stdio.h>
#include <string.h>

#include "story/puppet.h"

// The child: does what its input says.
static weft_err
child_run(weft_workflow *wf, weft_bytes input)
{
    if (story_is(input, "fail")) {
        return weft_workflow_fail(wf, "Broken", "it broke",
                                  weft_text("in two"));
    }
    if (story_is(input, "wait")) {
        weft_err err = weft_workflow_sleep(wf, WEFT_FOREVER);

        if (!weft_workflow_is_replaying(wf) && err != WEFT_EUNWIND) {
            story_note("child %s", weft_err_name(err));
        }
        return err;
    }
    MUST(weft_workflow_sleep(wf, 100), WEFT_OK);
    return weft_workflow_return(wf, input);
}

// The parent: "ID INPUT", and gives back what the child gave.
static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    char text[100];
    char id[50] = "";
    char in[50] = "";
    weft_bytes result;
    weft_err err;

    (void)sscanf(story_text(input, text, sizeof(text)), "%49s %49s", id, in);
    err = weft_workflow_child(wf, (weft_target){"child", id}, weft_text(in),
                              NULL, &result);
    if (err == WEFT_OK) {
        return weft_workflow_return(wf, result);
    }
    if (err == WEFT_EFAILED) {
        const weft_failure *failure = weft_workflow_failure(wf);

        (void)snprintf(text, sizeof(text), "%s,%s,%.*s", failure->name,
                       failure->message, (int)failure->details.len,
                       (const char *)failure->details.data);
        (void)weft_workflow_publish(wf, "failure", weft_text(text));
    }
    return err;
}

static weft_definitions *
family(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "child", child_run);
    story_add_workflow(defs, "parent", parent_run);
    story_add_actor(defs, "puppet", sizeof(struct puppet), puppet_receive);
    return defs;
}

// The child's id and its input.
static const char *
plan(const char *id, const char *input)
{
    static char text[100];

    (void)snprintf(text, sizeof(text), "%s %s", id, input);
    return text;
}

static void
tell_result(struct story *story)
{
    (void)story;
    story_start("parent", "p", "p/child one");
    CHECK_RESULT("parent", "p", "one");
    CHECK_RESULT("child", "p/child", "one");
    story_start("parent", "q", plan(story_id_elsewhere("q"), "two"));
    CHECK_RESULT("parent", "q", "two");
    CHECK_EQ(story_describe("parent", "q")->item.children_count, 0);
}

TEST(workflow, a_child_gives_its_result_to_its_parent)
{
    story_run(family, tell_result);
}

static void
tell_failure(struct story *story)
{
    const struct world_call *call;

    (void)story;
    story_start("parent", "p", plan("p/child", "fail"));
    call = story_result("parent", "p");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Broken");
    CHECK_STR(call->message, "it broke");
    CHECK_STR(call->details, "in two");
    story_start("parent", "q", plan(story_id_elsewhere("q"), "fail"));
    CHECK_FAILS("parent", "q", WEFT_EFAILED, "Broken");
    CHECK_STR(story_query("parent", "q", "failure"), "Broken,it broke,in two");
}

TEST(workflow, the_failure_of_a_child_has_all_that_the_child_said)
{
    story_run(family, tell_failure);
}

static void
tell_exists(struct story *story)
{
    const char *far = story_id_elsewhere("q");

    (void)story;
    story_start("child", "p/child", "wait");
    story_start("parent", "p", "p/child x");
    CHECK_FAILS("parent", "p", WEFT_EFAILED, "WEFT_EEXISTS");
    story_start("child", far, "wait");
    story_start("parent", "q", plan(far, "x"));
    CHECK_FAILS("parent", "q", WEFT_EFAILED, "WEFT_EEXISTS");
    CHECK_EQ(story_describe("child", far)->item.status, WEFT_STATUS_RUNNING);
}

TEST(workflow, a_child_that_runs_already_is_a_failure)
{
    story_run(family, tell_exists);
}

static void
tell_ended(struct story *story)
{
    const char *far = story_id_elsewhere("q");

    (void)story;
    story_start("parent", "p", "p/child wait");
    story_wait_ms(1000);
    story_do(WEFT_VERB_CANCEL, "child", "p/child", "", NULL);
    CHECK_FAILS("child", "p/child", WEFT_ECANCELLED, "cancelled");
    CHECK_FAILS("parent", "p", WEFT_EFAILED, "cancelled");
    story_start("parent", "q", plan(far, "wait"));
    story_wait_ms(1000);
    story_do(WEFT_VERB_TERMINATE, "child", far, "enough", NULL);
    CHECK_FAILS("parent", "q", WEFT_EFAILED, "terminated");
    CHECK_STR(story_query("parent", "q", "failure"), "terminated,enough,");
}

TEST(workflow, a_child_that_was_cancelled_or_terminated_has_failed)
{
    story_run(family, tell_ended);
}

static void
tell_parent_cancelled(struct story *story)
{
    const char *far = story_id_elsewhere("q");

    (void)story;
    story_start("parent", "p", "p/child wait");
    story_start("parent", "q", plan(far, "wait"));
    story_wait_ms(1000);
    story_do(WEFT_VERB_CANCEL, "parent", "p", "", NULL);
    story_do(WEFT_VERB_CANCEL, "parent", "q", "", NULL);
    CHECK_FAILS("parent", "p", WEFT_ECANCELLED, "cancelled");
    CHECK_FAILS("child", "p/child", WEFT_ECANCELLED, "cancelled");
    CHECK_FAILS("parent", "q", WEFT_ECANCELLED, "cancelled");
    CHECK_FAILS("child", far, WEFT_ECANCELLED, "cancelled");
}

TEST(workflow, a_child_is_asked_to_stop_when_its_parent_gives_it_up)
{
    story_run(family, tell_parent_cancelled);
}

static void
tell_parent_terminated(struct story *story)
{
    (void)story;
    story_start("parent", "p", "p/child wait");
    story_wait_ms(1000);
    story_do(WEFT_VERB_TERMINATE, "parent", "p", "enough", NULL);
    CHECK_FAILS("parent", "p", WEFT_ETERMINATED, "terminated");
    CHECK_FAILS("child", "p/child", WEFT_ECANCELLED, "cancelled");
}

TEST(workflow, a_child_is_asked_to_stop_when_its_parent_is_terminated)
{
    story_run(family, tell_parent_terminated);
}

// Many at once, and an actor among them.
static weft_err
herd_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[6];
    weft_bytes result;
    char text[200] = "";

    (void)input;
    for (int i = 0; i < 6; i++) {
        weft_target child = {i == 5 ? "puppet" : "child", NULL};
        char id[20];

        (void)snprintf(id, sizeof(id), i < 3 ? "h/%d" : "h%d", i);
        child.id = id;
        MUST(weft_workflow_child_async(
                 wf, child, weft_text(i == 1 ? "fail" : id), NULL, &futures[i]),
             WEFT_OK);
    }
    MUST(weft_workflow_signal(wf, (weft_target){"puppet", "h5"}, "do",
                              weft_text("stop actor")),
         WEFT_OK);
    MUST(weft_workflow_await_settled(wf, futures, 6), WEFT_OK);
    for (int i = 0; i < 6; i++) {
        size_t len = strlen(text);
        weft_err err = weft_workflow_await(wf, futures[i], &result);

        (void)snprintf(text + len, sizeof(text) - len, "%.*s ",
                       err == WEFT_OK ? (int)result.len : 1,
                       err == WEFT_OK ? (const char *)result.data : "!");
    }
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
herds(void)
{
    weft_definitions *defs = family();

    story_add_workflow(defs, "herd", herd_run);
    return defs;
}

static void
tell_herd(struct story *story)
{
    (void)story;
    story_start("herd", "h", "");
    CHECK_RESULT("herd", "h", "h/0 ! h/2 h3 h4 actor ");
}

TEST(workflow, has_many_children_at_once_and_actors_too)
{
    story_run(herds, tell_herd);
}

// A finished child's id can be used again, also by the same parent.
static weft_err
again_run(weft_workflow *wf, weft_bytes input)
{
    weft_target child = {"child", "again"};
    weft_bytes result;

    (void)input;
    MUST(weft_workflow_child(wf, child, weft_text("first"), NULL, &result),
         WEFT_OK);
    CHECK(story_is(result, "first"));
    MUST(weft_workflow_child(wf, child, weft_text("second"), NULL, &result),
         WEFT_OK);
    return weft_workflow_return(wf, result);
}

static weft_definitions *
repeaters(void)
{
    weft_definitions *defs = family();

    story_add_workflow(defs, "repeater", again_run);
    return defs;
}

static void
tell_again(struct story *story)
{
    (void)story;
    story_start("repeater", "r", "");
    CHECK_RESULT("repeater", "r", "second");
    CHECK_EQ(story_describe("child", "again")->item.run, 2);
}

TEST(workflow, may_have_a_child_again_under_the_same_id)
{
    story_run(repeaters, tell_again);
}
