// SPDX-License-Identifier: Apache-2.0
//
// Lives of one id of which the later ones know nothing of those before: they
// were deleted, and the rows that said so have gone. Run and call numbers begin
// anew, and yet nothing that was meant for one life is taken by another.

#include <stdio.h>
#include <string.h>

#include "story/caller.h"
#include "story/puppet.h"

// Calls a child that goes on without it, or the activity that its input names.
static weft_err
parent_run(weft_workflow *wf, weft_bytes input)
{
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_target child = {"child", "c"};
    weft_bytes result;
    weft_future future;

    options.parent_close = WEFT_PARENT_CLOSE_ABANDON;
    if (story_is(input, "activity")) {
        MUST(weft_workflow_call(wf, "hand_on", input, NULL, &result), WEFT_OK);
        return weft_workflow_return(wf, result);
    }
    if (story_is(input, "other")) {
        child.id = "d";
    }
    MUST(weft_workflow_child_async(wf, child, input, &options, &future),
         WEFT_OK);
    MUST(weft_workflow_await(wf, future, &result), WEFT_OK);
    return weft_workflow_return(wf, result);
}

static weft_err
child_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;
    weft_err err = weft_workflow_receive(wf, "go", WEFT_FOREVER, &data);

    (void)input;
    return err == WEFT_OK ? weft_workflow_return(wf, data) : err;
}

static weft_definitions *
define(void)
{
    weft_definitions *defs = puppet_definitions();

    caller_token[0] = '\0';
    story_add_workflow(defs, "parent", parent_run);
    story_add_workflow(defs, "child", child_run);
    story_add_activity(defs, "hand_on", caller_hand_on);
    return defs;
}

// Until nothing is left of what was deleted: others push it out of memory, and
// log so much that no record about it is read again.
static void
crowd_out(struct story *story)
{
    char id[24];

    for (int i = 0; i < 80; i++) {
        (void)snprintf(id, sizeof(id), "crowd%d", i % 8);
        story_signal("puppet", id, "x", "");
        story_wait_ms(10);
    }
    CHECK_EQ(world_left_over(story->world), 0);
}

static void
end_life(struct story *story, const char *kind, const char *id)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_DELETE;
    request.target = (weft_target){kind, id};
    request.terminate_first = 1;
    CHECK_OK(story_call(&request)->err);
    crowd_out(story);
}

static weft_err
complete(const char *token, const char *result)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_COMPLETE;
    request.token = token;
    request.data = weft_text(result);
    return story_call(&request)->err;
}

static void
wait_for_token(void)
{
    for (int i = 0; i < 100 && caller_token[0] == '\0'; i++) {
        story_wait_ms(10);
    }
    CHECK(caller_token[0] != '\0');
}

static void
tell_token(struct story *story)
{
    char old[WEFT_TOKEN_CHARS_MAX];

    story_start("parent", "p", "activity");
    wait_for_token();
    memcpy(old, caller_token, sizeof(old));
    end_life(story, "parent", "p");
    caller_token[0] = '\0';
    story_start("parent", "p", "activity");
    wait_for_token();
    CHECK_ERR(complete(old, "old"), WEFT_ENOTFOUND);
    CHECK_OK(complete(caller_token, "new"));
    CHECK_RESULT("parent", "p", "new");
}

TEST(lives, a_token_of_a_life_that_is_forgotten_is_of_no_use)
{
    story_run_crowded(define, tell_token);
}

// Both lives ask the same actor, which answers the first one last.
static void
tell_answer(struct story *story)
{
    const char *asked = story_id_elsewhere("a");

    puppet_do("puppet", "a", "ask puppet %s do later", asked);
    story_wait_ms(100);
    end_life(story, "puppet", "a");
    puppet_do("puppet", "a", "ask puppet %s do later", asked);
    story_wait_ms(100);
    puppet_do("puppet", asked, "answer 1 old");
    story_wait_ms(100);
    CHECK_STR(puppet_log("puppet", "a"), "");
    puppet_do("puppet", asked, "answer 2 new");
    story_wait_ms(100);
    CHECK_STR(puppet_log("puppet", "a"), "reply(1,new)");
}

TEST(lives, an_answer_to_a_life_that_is_forgotten_is_not_taken)
{
    story_run_crowded(define, tell_answer);
}

static void
tell_child(struct story *story)
{
    story_start("parent", "p", "");
    story_wait_ms(100);
    end_life(story, "parent", "p");
    story_start("parent", "p", "other");
    story_wait_ms(100);
    story_signal("child", "c", "go", "old");
    CHECK_RESULT("child", "c", "old");
    story_wait_ms(100);
    story_signal("child", "d", "go", "new");
    CHECK_RESULT("parent", "p", "new");
}

TEST(lives, a_child_of_a_life_that_is_forgotten_is_not_that_of_the_next)
{
    story_run_crowded(define, tell_child);
}
