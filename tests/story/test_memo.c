// SPDX-License-Identifier: Apache-2.0
//
// The memo: what a start says of an instance, and what its code makes of that.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/resets.h"
#include "story/story.h"

// Every run adds its number to "runs", looks at its memo before and after it
// sleeps, and removes "gone". The first two runs restart, the third fails.
static weft_err
flow_run(weft_workflow *wf, weft_bytes input)
{
    static char big[WF_MEMO_BYTES_MAX];
    char before[64];
    char text[100];

    (void)story_text(weft_workflow_memo(wf, "runs"), before, sizeof(before));
    (void)snprintf(text, sizeof(text), "%s%llu", before,
                   (unsigned long long)weft_workflow_run(wf));
    MUST(weft_workflow_sleep(wf, 10), WEFT_OK);
    MUST(weft_workflow_memo_set(wf, "runs", weft_text(text)), WEFT_OK);
    MUST(weft_workflow_memo_set(wf, "gone", weft_nothing()), WEFT_OK);
    MUST(weft_workflow_memo_set(wf, "", weft_text("x")), WEFT_EINVAL);
    MUST(weft_workflow_memo_set(wf, "big", weft_bytes_of(big, sizeof(big))),
         WEFT_ETOOBIG);
    CHECK_BYTES(weft_workflow_memo(wf, "runs"), weft_text(text));
    // It is the same when the code runs again.
    MUST(weft_workflow_sleep(wf, 10), WEFT_OK);
    CHECK_BYTES(weft_workflow_memo(wf, "runs"), weft_text(text));
    CHECK_EQ(weft_workflow_memo(wf, "gone").len, 0);
    if (weft_workflow_run(wf) < 3) {
        return weft_workflow_restart(wf, input);
    }
    return weft_workflow_attempt(wf) == 1
               ? WEFT_EIO
               : weft_workflow_return(wf, weft_workflow_memo(wf, "runs"));
}

// Each run has a large one of its own name.
static weft_err
grower_run(weft_workflow *wf, weft_bytes input)
{
    static char large[WF_MEMO_BYTES_MAX / 4];
    char name[16];

    (void)input;
    (void)snprintf(name, sizeof(name), "%llu",
                   (unsigned long long)weft_workflow_run(wf));
    MUST(weft_workflow_memo_set(wf, name, weft_bytes_of(large, sizeof(large))),
         WEFT_OK);
    return weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);
}

static weft_err
actor_receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)state;
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        CHECK_OK(weft_actor_memo_set(actor, message->name, message->data));
        CHECK_BYTES(weft_actor_memo(actor, message->name), message->data);
        CHECK_ERR(weft_actor_memo_set(actor, NULL, weft_nothing()),
                  WEFT_EINVAL);
    }
    return WEFT_OK;
}

static weft_definitions *
kinds(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_actor(definitions, "actor", 0, actor_receive);
    story_add_workflow(definitions, "flow", flow_run);
    story_add_workflow(definitions, "grower", grower_run);
    return definitions;
}

static void
start(const char *kind, const char *id)
{
    const weft_pair memo[] = {{"owner", weft_text("ann")},
                              {"gone", weft_text("soon")}};
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    options.memo = memo;
    options.memo_count = 2;
    options.retry.initial_interval_ms = 100;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){kind, id};
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
}

static void
check_memo(const struct world_call *call, const char *name, const char *value)
{
    CHECK_BYTES(weft_pairs_get(call->item.memo, name), weft_text(value));
}

static void
tell_workflow(struct story *story)
{
    const struct world_call *call;

    (void)story;
    start("flow", "w");
    check_memo(story_describe("flow", "w"), "owner", "ann");
    check_memo(story_describe("flow", "w"), "gone", "soon");
    CHECK_RESULT("flow", "w", "1234");
    call = story_describe("flow", "w");
    check_memo(call, "owner", "ann");
    check_memo(call, "runs", "1234");
    check_memo(call, "gone", "");
    // A new life has its own.
    story_start("flow", "w", "");
    CHECK_EQ(story_describe("flow", "w")->item.memo.len, 0);
}

TEST(memo, a_workflow_changes_it_over_restarts_and_retries)
{
    story_run(kinds, tell_workflow);
}

static void
tell_actor(struct story *story)
{
    const struct world_call *call;

    start("actor", "a");
    story_signal("actor", "a", "colour", "red");
    story_signal("actor", "a", "gone", "");
    story_wait_ms(100);
    story_crash();
    check_memo(story_describe("actor", "a"), "colour", "red");
    check_memo(story_describe("actor", "a"), "gone", "");
    if (story->sites == 1) {
        call = story_do(WEFT_VERB_LIST, "actor", "a", NULL, NULL);
        CHECK_EQ(call->items_count, 1);
        check_memo(call, "owner", "ann");
        check_memo(call, "colour", "red");
    }
}

TEST(memo, an_actor_changes_it_and_lists_show_it)
{
    story_run(kinds, tell_actor);
}

// What stays of before a reset makes way when there is no more room.
static void
tell_grower(struct story *story)
{
    (void)story;
    start("grower", "i");
    for (int i = 0; i < 5; i++) {
        story_wait_ms(100);
        CHECK_OK(reset_to_type("grower", WEFT_POINT_BEGINNING)->err);
    }
    story_wait_ms(100);
    check_memo(story_describe("grower", "i"), "owner", "ann");
    story_signal("grower", "i", "go", "");
    CHECK_RESULT("grower", "i", "");
}

TEST(memo, what_stays_of_before_a_reset_makes_way)
{
    story_run(kinds, tell_grower);
}
