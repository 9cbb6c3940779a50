// SPDX-License-Identifier: Apache-2.0
//
// Instances that come back as capsules.

#include <stdio.h>
#include <string.h>

#include "story/forks.h"

// The first attempt fails, and the next one is a second later.
static weft_err
later(weft_activity *activity, weft_bytes input)
{
    story_note("attempt %u", weft_activity_attempt(activity));
    if (weft_activity_attempt(activity) == 1) {
        return weft_activity_fail_after(activity, "Later", "", weft_nothing(),
                                        1000);
    }
    return weft_activity_return(activity, input);
}

// A second, an activity that is repeated, and a signal that it returns.
static weft_err
order_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes word;

    TRY(weft_workflow_sleep(wf, 1000));
    TRY(weft_workflow_call(wf, "later", input, NULL, NULL));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, &word));
    return weft_workflow_return(wf, word);
}

static weft_definitions *
orders(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_activity(definitions, "later", later);
    story_add_workflow(definitions, "order", order_run);
    return definitions;
}

static struct world_call *
begin_import(const struct story *story, const char *id, weft_bytes capsule)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_IMPORT;
    request.target = (weft_target){"order", id};
    request.data = capsule;
    return world_submit(story->world, &request);
}

// Started, and gone after so much time.
static weft_bytes
take_away(const char *id, uint64_t after_ms)
{
    weft_bytes capsule;

    story_start("order", id, "parcel");
    story_wait_ms(after_ms);
    capsule = fork_export("order", id);
    story_do(WEFT_VERB_TERMINATE, "order", id, "", NULL);
    return capsule;
}

static void
tell_back(struct story *story)
{
    // While it sleeps; while an activity waits for its second attempt.
    for (uint64_t after_ms = 500; after_ms <= 1500; after_ms += 1000) {
        const char *id = after_ms == 500 ? "a" : "b";
        weft_bytes capsule = take_away(id, after_ms);
        struct world_call *call;

        story_wait_ms(100);
        call = world_wait(story->world, begin_import(story, id, capsule));
        CHECK_OK(call->err);
        CHECK_ERR(
            world_wait(story->world, begin_import(story, id, capsule))->err,
            WEFT_EEXISTS);
        story_wait_ms(3000);
        CHECK_OK(fork_operate(WEFT_VERB_PARK, "order", id)->err);
        CHECK_ERR(
            world_wait(story->world, begin_import(story, id, capsule))->err,
            WEFT_EEXISTS);
        story_do(WEFT_VERB_RESUME, "order", id, "", NULL);
        story_signal("order", id, "go", "gone");
        CHECK_RESULT("order", id, "gone");
        if (story->is_calm) {
            CHECK_EQ(story_count("attempt 2"), after_ms == 500 ? 1 : 2);
        }
    }
    story_check_audit();
}

TEST(import, one_that_comes_back_goes_on_where_it_was)
{
    story_run(orders, tell_back);
}

// An attempt comes due while the import is being written. If it is lost in a
// crash, nothing was done that it tells of.
static void
tell_written(struct story *story)
{
    char id[8];

    for (uint64_t before_ms = 0; before_ms < 8; before_ms++) {
        struct world_call *call;
        weft_bytes capsule;

        (void)snprintf(id, sizeof(id), "w%u", (unsigned)before_ms);
        story_forget_notes();
        capsule = take_away(id, 1500);
        CHECK_EQ(story_count("attempt"), 1);
        story_wait_ms(1000 - before_ms - story_now_ms());
        call = begin_import(story, id, capsule);
        for (int i = 0; i < 100 && story_count("attempt") == 1; i++) {
            story_wait_ms(1);
        }
        CHECK_EQ(story_count("attempt"), 2);
        world_withdraw(story->world, call);
        story_crash();
        CHECK_EQ(story_describe("order", id)->item.status, WEFT_STATUS_RUNNING);
    }
}

TEST(import, nothing_is_done_before_it_is_durable)
{
    story_run_calm(orders, tell_written);
}
