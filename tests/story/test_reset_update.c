// SPDX-License-Identifier: Apache-2.0
//
// A reset to a point at which an update is being handled: whoever sent that one
// was answered long ago, and nobody else gets its answer.

#include "story/resets.h"

static weft_err
answer_later(weft_workflow *wf, weft_bytes input, void *ctx)
{
    weft_err err = weft_workflow_sleep(wf, 1000);

    (void)ctx;
    return err == WEFT_OK ? weft_workflow_return(wf, input) : err;
}

static weft_err
taker_run(weft_workflow *wf, weft_bytes input)
{
    weft_err err = weft_workflow_on_update(wf, "add", NULL, answer_later, NULL);

    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, input) : err;
}

static weft_definitions *
define_taker(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "taker", taker_run);
    return definitions;
}

static struct world_call *
submit_update(struct story *story, const char *data)
{
    return world_call(story->world, WEFT_VERB_UPDATE, "taker", "i", "add",
                      weft_text(data));
}

// The other one's letter waits while the reset comes, and no process knows any
// more that there was a first one.
static void
tell_other(struct story *story)
{
    struct world_call *call;

    story_start("taker", "i", "in");
    call = world_wait(story->world, submit_update(story, "first"));
    CHECK_OK(call->err);
    story_crash();
    story_do(WEFT_VERB_PAUSE, "taker", "i", "", NULL);
    call = submit_update(story, "second");
    story_wait_ms(100);
    // Behind the turn that took the first one, before its sleep was over.
    CHECK_OK(reset_to("taker", 4)->err);
    story_do(WEFT_VERB_RESUME, "taker", "i", "", NULL);
    call = world_wait(story->world, call);
    CHECK_OK(call->err);
    CHECK_STR(call->data, "second");
}

TEST(reset_update, another_one_is_not_answered_in_its_place)
{
    story_run(define_taker, tell_other);
}
