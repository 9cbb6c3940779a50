// SPDX-License-Identifier: Apache-2.0
//
// Updates: checked before they leave a trace, handled in order, answered once.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/inside.h"
#include "story/flow.h"

// A stock that updates take from. A taking of 13 fails while it is handled.
struct stock {
    int left;
    char log[200];
};

static weft_err
check(weft_bytes input, void *ctx, weft_failure *out_why)
{
    const struct stock *stock = ctx;
    char text[32];
    int count = atoi(story_text(input, text, sizeof(text)));

    CHECK_ERR(wf_inside_check("a check"), WEFT_EINVAL);
    if (count <= 0) {
        return WEFT_EINVAL;
    }
    if (count > stock->left) {
        out_why->name = "TooFew";
        out_why->message = "not so many are left";
        out_why->details = weft_text("d");
        return WEFT_EFAILED;
    }
    return WEFT_OK;
}

static weft_err
take(weft_workflow *wf, weft_bytes input, void *ctx)
{
    struct stock *stock = ctx;
    char text[32];
    int count = atoi(story_text(input, text, sizeof(text)));
    size_t len = strlen(stock->log);

    stock->left -= count;
    (void)snprintf(stock->log + len, sizeof(stock->log) - len, "%d ", count);
    MUST(weft_workflow_call(wf, "act", input, NULL, NULL), WEFT_OK);
    if (count == 13) {
        return weft_workflow_fail(wf, "Unlucky", "in words", weft_nothing());
    }
    (void)snprintf(text, sizeof(text), "left %d", stock->left);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_err
slow(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)ctx;
    (void)input;
    return weft_workflow_sleep(wf, 1000);
}

// Takes after its wait: a run that ends meanwhile leaves nothing of it.
static weft_err
take_late(weft_workflow *wf, weft_bytes input, void *ctx)
{
    MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
    return take(wf, input, ctx);
}

static weft_err
stock_run(weft_workflow *wf, weft_bytes input)
{
    struct stock *stock = weft_workflow_alloc(wf, sizeof(*stock));
    weft_bytes how = weft_nothing();

    (void)input;
    stock->left = 20;
    CHECK_ERR(weft_workflow_on_update(wf, "", check, take, stock), WEFT_EINVAL);
    CHECK_ERR(weft_workflow_on_update(wf, "x", check, NULL, stock),
              WEFT_EINVAL);
    MUST(weft_workflow_on_update(wf, "take", check, take, stock), WEFT_OK);
    MUST(weft_workflow_on_update(wf, "slow", NULL, slow, stock), WEFT_OK);
    MUST(weft_workflow_on_update(wf, "late", NULL, take_late, stock), WEFT_OK);
    weft_err err = weft_workflow_receive(wf, "end", WEFT_FOREVER, &how);

    if (err != WEFT_OK) {
        return err;
    }
    if (story_is(how, "wait")) {
        MUST(weft_workflow_await_updates(wf), WEFT_OK);
    }
    if (story_is(how, "again")) {
        return weft_workflow_restart(wf, weft_nothing());
    }
    if (story_is(how, "fail")) {
        return weft_workflow_fail(wf, "Fail", "told to", weft_nothing());
    }
    return weft_workflow_return(wf, weft_text(stock->log));
}

static weft_definitions *
stocks(void)
{
    weft_definitions *defs;

    puppet_is_mended = false;
    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "stock", stock_run);
    story_add_activity(defs, "act", flow_act);
    story_add_actor(defs, "puppet", sizeof(struct puppet), puppet_receive);
    return defs;
}

// It ends with the turn in which an update comes, whose handler goes on.
static weft_err
close_it(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)input;
    *(int *)ctx = 1;
    return weft_workflow_sleep(wf, WEFT_FOREVER);
}

static int
is_closed(void *ctx)
{
    return *(const int *)ctx;
}

static weft_err
closing_run(weft_workflow *wf, weft_bytes input)
{
    int closed = 0;

    (void)input;
    MUST(weft_workflow_on_update(wf, "close", NULL, close_it, &closed),
         WEFT_OK);
    return weft_workflow_await_condition(wf, is_closed, &closed, WEFT_FOREVER);
}

static weft_definitions *
closings(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "closing", closing_run);
    return defs;
}

static struct world_call *
update(const char *id, const char *name, const char *data)
{
    return story_ask(WEFT_VERB_UPDATE, "stock", id, name, data);
}

// Goes on at once.
static struct world_call *
begin_as(const struct story *story, const char *id, const char *name,
         const char *data, const char *update_id, uint64_t number)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"stock", id};
    request.name = name;
    request.data = weft_text(data);
    request.update_id = update_id;
    request.number = number;
    return world_submit(story->world, &request);
}

static struct world_call *
begin(const struct story *story, const char *id, const char *name,
      const char *data, const char *update_id)
{
    return begin_as(story, id, name, data, update_id, 0);
}

static void
tell_updates(struct story *story)
{
    struct world_call *call;

    (void)story;
    CHECK_ERR(update("s", "take", "5")->err, WEFT_ENOTFOUND);
    story_start("stock", "s", "");
    CHECK_STR(update("s", "take", "5")->data, "left 15");
    call = update("s", "take", "16");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "TooFew");
    CHECK_STR(call->message, "not so many are left");
    CHECK_STR(call->details, "d");
    call = update("s", "take", "no number");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "WEFT_EINVAL");
    call = update("s", "take", "13");
    CHECK_ERR(call->err, WEFT_EFAILED);
    CHECK_STR(call->failure, "Unlucky");
    CHECK_STR(call->message, "in words");
    CHECK_ERR(update("s", "none", "1")->err, WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_UPDATE, "puppet", "p", "take", "1")->err,
              WEFT_EINVAL);
    CHECK_STR(update("s", "take", "2")->data, "left 0");
    story_signal("stock", "s", "end", "");
    CHECK_RESULT("stock", "s", "5 13 2 ");
    CHECK_ERR(update("s", "take", "1")->err, WEFT_EFINISHED);
    story_check_audit();
}

TEST(workflow_update, it_is_checked_done_and_answered)
{
    story_run(stocks, tell_updates);
}

static void
tell_refused(struct story *story)
{
    uint64_t count;

    (void)story;
    story_start("stock", "s", "");
    CHECK_STR(update("s", "take", "5")->data, "left 15");
    count = story_describe("stock", "s")->item.journal_count;
    CHECK_ERR(update("s", "take", "100")->err, WEFT_EFAILED);
    CHECK_ERR(update("s", "none", "1")->err, WEFT_ENOTFOUND);
    CHECK_EQ(story_describe("stock", "s")->item.journal_count, count);
    CHECK_EQ(story_describe("stock", "s")->item.mailbox_count, 0);
}

TEST(workflow_update, a_refused_one_leaves_no_trace)
{
    story_run(stocks, tell_refused);
}

static void
tell_ids(struct story *story)
{
    struct world_call *first;
    struct world_call *second;

    story_start("stock", "s", "");
    first = begin(story, "s", "take", "5", "u1");
    second = begin(story, "s", "take", "5", "u1");
    world_wait(story->world, first);
    world_wait(story->world, second);
    CHECK_STR(first->data, "left 15");
    CHECK_STR(second->data, "left 15");
    second = world_wait(story->world, begin(story, "s", "take", "7", "u1"));
    CHECK_STR(second->data, "left 15");
    // A refused one is forgotten, with its id.
    first = world_wait(story->world, begin(story, "s", "take", "16", "u2"));
    CHECK_ERR(first->err, WEFT_EFAILED);
    first = world_wait(story->world, begin(story, "s", "take", "1", "u2"));
    CHECK_STR(first->data, "left 14");
    story_signal("stock", "s", "end", "");
    CHECK_RESULT("stock", "s", "5 1 ");
    // What was done is known when it has finished, too.
    second = world_wait(story->world, begin(story, "s", "take", "7", "u1"));
    CHECK_STR(second->data, "left 15");
}

TEST(workflow_update, an_id_stands_for_one_update)
{
    story_run(stocks, tell_ids);
}

static void
tell_overlap(struct story *story)
{
    struct world_call *calls[3];

    story_start("stock", "s", "");
    calls[0] = begin(story, "s", "slow", "", NULL);
    calls[1] = begin(story, "s", "take", "3", NULL);
    CHECK_STR(world_wait(story->world, calls[1])->data, "left 17");
    CHECK_EQ(calls[0]->is_answered, 0);
    story_signal("stock", "s", "end", "wait");
    CHECK_RESULT("stock", "s", "3 ");
    CHECK_OK(world_wait(story->world, calls[0])->err);
    // One that does not wait for it.
    story_start("stock", "s", "");
    calls[2] = begin(story, "s", "slow", "", "u");
    story_wait_ms(100);
    story_signal("stock", "s", "end", "");
    CHECK_RESULT("stock", "s", "");
    CHECK_ERR(world_wait(story->world, calls[2])->err, WEFT_EFINISHED);
    CHECK_STR(calls[2]->failure, "WEFT_EFINISHED");
    CHECK_STR(calls[2]->message,
              "the workflow ended before the update was done");
    story_check_audit();
}

TEST(workflow_update, handlers_overlap_and_end_with_the_workflow)
{
    story_run(stocks, tell_overlap);
}

static void
tell_ends(struct story *story)
{
    static const char *const ends[] = {"terminate", "cancel", "again"};
    char id[8];

    for (int i = 0; i < 3; i++) {
        struct world_call *call;

        (void)snprintf(id, sizeof(id), "s%d", i);
        story_start("stock", id, "");
        call = begin(story, id, "slow", "", "u");
        story_wait_ms(100);
        if (i == 0) {
            story_do(WEFT_VERB_TERMINATE, "stock", id, ends[i], NULL);
        } else if (i == 1) {
            story_do(WEFT_VERB_CANCEL, "stock", id, "", NULL);
        } else {
            story_signal("stock", id, "end", ends[i]);
        }
        CHECK_ERR(world_wait(story->world, call)->err,
                  i == 1 ? WEFT_ECANCELLED : WEFT_EFINISHED);
    }
    CHECK_STR(update("s2", "take", "1")->data, "left 19");
    story_check_audit();
}

static void
tell_closing(struct story *story)
{
    (void)story;
    story_start("closing", "c", "");
    CHECK_ERR(story_ask(WEFT_VERB_UPDATE, "closing", "c", "close", "")->err,
              WEFT_EFINISHED);
    CHECK_RESULT("closing", "c", "");
}

// The run that follows knows nothing of them.
static void
tell_retried(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *call;

    options.retry.initial_interval_ms = 1000;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"stock", "a"};
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
    call = world_call(story->world, WEFT_VERB_UPDATE, "stock", "a", "slow",
                      weft_nothing());
    story_wait_ms(100);
    story_signal("stock", "a", "end", "fail");
    CHECK_ERR(world_wait(story->world, call)->err, WEFT_EFINISHED);
    story_wait_ms(5000);
    CHECK_EQ(story_describe("stock", "a")->item.attempt, 2);
}

// The next run of "s" does what the last one has not done, for whoever had
// joined it and whoever asks again with its id: once.
static void
tell_asked_again(struct story *story, const char *how,
                 const weft_start_options *options)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *calls[4];

    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"stock", "s"};
    request.start = options;
    CHECK_OK(story_call(&request)->err);
    calls[0] = begin(story, "s", "late", "7", "u");
    calls[1] = begin(story, "s", "late", "7", "u");
    story_wait_ms(100);
    story_signal("stock", "s", "end", how);
    CHECK_ERR(world_wait(story->world, calls[0])->err, WEFT_EFINISHED);
    for (int i = 2; i < 4; i++) {
        calls[i] = begin(story, "s", "late", "7", "u");
    }
    for (int i = 1; i < 4; i++) {
        CHECK_OK(world_wait(story->world, calls[i])->err);
        CHECK_STR(calls[i]->data, "left 13");
    }
    story_signal("stock", "s", "end", "wait");
    CHECK_RESULT("stock", "s", "7 ");
    story_check_audit();
}

static void
tell_restarted(struct story *story)
{
    tell_asked_again(story, "again", NULL);
}

static void
tell_run_again(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    options.retry.initial_interval_ms = 1000;
    tell_asked_again(story, "fail", &options);
}

TEST(workflow_update, one_that_was_not_done_is_done_by_the_next_run)
{
    story_run(stocks, tell_restarted);
    story_run(stocks, tell_run_again);
}

TEST(workflow_update, nobody_waits_for_the_next_run)
{
    story_run_calm(stocks, tell_retried);
}

TEST(workflow_update, nobody_waits_for_ever)
{
    story_run(stocks, tell_ends);
    story_run(closings, tell_closing);
}

static void
tell_start(struct story *story)
{
    struct world_call *call;

    (void)story;
    call = story_ask(WEFT_VERB_UPDATE_WITH_START, "stock", "s", "take", "2");
    CHECK_STR(call->data, "left 18");
    call = story_ask(WEFT_VERB_UPDATE_WITH_START, "stock", "s", "take", "3");
    CHECK_STR(call->data, "left 15");
    story_signal("stock", "s", "end", "");
    CHECK_RESULT("stock", "s", "2 3 ");
    call = story_ask(WEFT_VERB_UPDATE_WITH_START, "stock", "s", "take", "4");
    CHECK_STR(call->data, "left 16");
}

TEST(workflow_update, an_update_may_start_the_workflow)
{
    story_run(stocks, tell_start);
}

// What was sent to a life before is refused, and does not touch the updates of
// the life that took its place, which are counted anew.
// Starts it if need be.
static struct world_call *
begin_with(struct story *story, const weft_start_options *options,
           const char *data, const char *update_id)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE_WITH_START;
    request.target = (weft_target){"stock", "s"};
    request.name = "take";
    request.data = weft_text(data);
    request.update_id = update_id;
    request.start = options;
    return world_submit(story->world, &request);
}

static void
tell_conflict(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct world_call *joined;
    struct world_call *call;
    struct world_call *slow;

    story_start("stock", "s", "");
    CHECK_STR(update("s", "take", "5")->data, "left 15");
    // One that is under way in the life that is replaced ends with it, and so
    // does who joined it.
    slow = begin(story, "s", "slow", "", "u1");
    joined = begin(story, "s", "slow", "", "u1");
    story_wait_ms(100);
    options.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    call = world_wait(story->world, begin_with(story, &options, "1", "u2"));
    CHECK_STR(call->data, "left 19");
    if (story->is_calm) { // what a crash forgets
        CHECK_EQ(call->is_created, 1);
    }
    CHECK_EQ(story_describe("stock", "s")->item.run, 2);
    CHECK_ERR(world_wait(story->world, slow)->err, WEFT_EFINISHED);
    if (story->is_calm) { // after a crash it joins nothing, and is a new one
        CHECK_ERR(world_wait(story->world, joined)->err, WEFT_EFINISHED);
    }
    // An update that it knows is joined: whoever repeats a call replaces
    // nothing.
    call = world_wait(story->world, begin_with(story, &options, "1", "u2"));
    CHECK_STR(call->data, "left 19");
    CHECK_EQ(call->is_created, 0);
    CHECK_EQ(story_describe("stock", "s")->item.run, 2);
    // Any other policy: whatever runs is updated.
    options.conflict = WEFT_CONFLICT_FAIL;
    call = world_wait(story->world, begin_with(story, &options, "1", "u3"));
    CHECK_STR(call->data, "left 18");
    CHECK_EQ(call->is_created, 0);
    story_check_audit();
}

TEST(workflow_update, one_with_a_start_may_replace_what_runs)
{
    story_run(stocks, tell_conflict);
}

static void
tell_delay(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct world_call *call;

    options.start_delay_ms = WEFT_FOREVER;
    call = begin_with(story, &options, "5", "");
    story_wait_ms(100000);
    CHECK(!call->is_answered); // the one that makes it keeps its delay
    CHECK_OK(world_wait(story->world, begin_with(story, NULL, "1", ""))->err);
    CHECK_OK(world_wait(story->world, call)->err);
    CHECK_EQ(story_describe("stock", "s")->item.run, 1);
}

TEST(workflow_update, one_with_a_start_ends_its_delay)
{
    story_run(stocks, tell_delay);
}

static void
tell_lives(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct world_call *old;
    struct world_call *call;

    story_start("stock", "s", "");
    story_do(WEFT_VERB_PAUSE, "stock", "s", "", NULL);
    old = begin(story, "s", "take", "5", "u");
    story_wait_ms(100);
    options.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    options.start_delay_ms = 2000;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"stock", "s"};
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
    call = begin(story, "s", "take", "2", "u");
    CHECK_STR(world_wait(story->world, call)->data, "left 18");
    CHECK_ERR(world_wait(story->world, old)->err, WEFT_EFINISHED);
    story_check_audit();
}

TEST(workflow_update, those_of_a_life_before_are_refused)
{
    story_run(stocks, tell_lives);
}

// Goes on at once.
static struct world_call *
begin_accept(const struct story *story, const char *name, const char *data,
             const char *update_id)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_UPDATE;
    request.target = (weft_target){"stock", "s"};
    request.name = name;
    request.data = weft_text(data);
    request.update_id = update_id;
    request.update_accepted = 1;
    return world_submit(story->world, &request);
}

static struct world_call *
accept(const char *name, const char *data, const char *update_id)
{
    const struct story *story = story_now();

    return world_wait(story->world, begin_accept(story, name, data, update_id));
}

static void
tell_accepted(struct story *story)
{
    struct world_call *outcome;

    story_start("stock", "s", "");
    CHECK_OK(accept("slow", "", "u1")->err);
    CHECK_OK(accept("slow", "", "u1")->err); // joined
    outcome = begin(story, "s", "slow", "", "u1");
    story_wait_ms(100);
    CHECK_EQ(outcome->is_answered, 0);
    CHECK_OK(world_wait(story->world, outcome)->err);
    CHECK_ERR(accept("take", "99", "u2")->err, WEFT_EFAILED);
    CHECK_OK(accept("take", "13", "u3")->err);
    outcome = world_wait(story->world, begin(story, "s", "take", "13", "u3"));
    CHECK_ERR(outcome->err, WEFT_EFAILED);
    CHECK_STR(outcome->failure, "Unlucky");
    CHECK_OK(accept("take", "13", "u3")->err);
    story_check_audit();
}

TEST(workflow_update, its_sender_may_be_told_when_it_is_accepted)
{
    story_run(stocks, tell_accepted);
}

// Who joins what another sent is told as early as it asked to be itself, and
// not before that.
static void
tell_joined(struct story *story)
{
    struct world_call *slow;
    struct world_call *refused;
    struct world_call *early[2];

    story_start("stock", "s", "");
    story_do(WEFT_VERB_PAUSE, "stock", "s", "", NULL);
    slow = begin(story, "s", "slow", "", "u1");
    refused = begin(story, "s", "take", "99", "u2");
    early[0] = begin_accept(story, "slow", "", "u1");
    early[1] = begin_accept(story, "take", "99", "u2");
    story_wait_ms(100);
    CHECK_EQ(early[0]->is_answered, 0);
    CHECK_EQ(early[1]->is_answered, 0);
    story_do(WEFT_VERB_RESUME, "stock", "s", "", NULL);
    CHECK_OK(world_wait(story->world, early[0])->err);
    CHECK_EQ(slow->is_answered, 0);
    CHECK_ERR(world_wait(story->world, refused)->err, WEFT_EFAILED);
    CHECK_ERR(world_wait(story->world, early[1])->err, WEFT_EFAILED);
    CHECK_STR(early[1]->failure, "TooFew");
    CHECK_OK(world_wait(story->world, slow)->err);
    story_check_audit();
}

TEST(workflow_update, who_joins_one_is_told_when_it_asked_to_be)
{
    story_run(stocks, tell_joined);
}

// Two wait for an update that is refused. The first begins a life in the place
// of the one that refused it, and its update there is joined by the second.
static void
tell_joined_replaces(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct world_call *refused;
    struct world_call *joined[2];

    options.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    story_start("stock", "s", "");
    CHECK_STR(update("s", "take", "15")->data, "left 5");
    story_do(WEFT_VERB_PAUSE, "stock", "s", "", NULL);
    refused = begin(story, "s", "take", "6", "u1");
    joined[0] = begin_with(story, &options, "6", "u1");
    joined[1] = begin(story, "s", "take", "6", "u1");
    story_wait_ms(100);
    story_do(WEFT_VERB_RESUME, "stock", "s", "", NULL);
    CHECK_ERR(world_wait(story->world, refused)->err, WEFT_EFAILED);
    CHECK_STR(world_wait(story->world, joined[0])->data, "left 14");
    CHECK_STR(world_wait(story->world, joined[1])->data, "left 14");
    story_check_audit();
}

TEST(workflow_update, who_joined_a_refused_one_may_replace_what_runs)
{
    story_run(stocks, tell_joined_replaces);
}

// Whoever sent one, or joined it, may be gone for good while it waits. It is
// done all the same, and its answer is there for who asks again.
static void
tell_withdrawn(struct story *story)
{
    uint64_t number = world_next_number(story->world) + 1000;
    struct world_call *calls[3];

    story_start("stock", "s", "");
    story_do(WEFT_VERB_PAUSE, "stock", "s", "", NULL);
    calls[0] = begin_as(story, "s", "take", "5", "u1", number);
    calls[1] = begin(story, "s", "take", "5", "u1");
    calls[2] = begin(story, "s", "take", "5", "u1");
    story_wait_ms(100);
    for (int i = 0; i < 2; i++) {
        world_withdraw(story->world, calls[i]);
        CHECK_ERR(world_wait(story->world, calls[i])->err, WEFT_ECANCELLED);
    }
    CHECK_EQ(calls[2]->is_answered, 0);
    story_do(WEFT_VERB_RESUME, "stock", "s", "", NULL);
    CHECK_STR(world_wait(story->world, calls[2])->data, "left 15");
    calls[0] = begin_as(story, "s", "take", "5", "u1", number);
    CHECK_STR(world_wait(story->world, calls[0])->data, "left 15");
    story_check_audit();
}

TEST(workflow_update, whoever_sent_or_joined_one_may_withdraw)
{
    story_run(stocks, tell_withdrawn);
}

// Its handler only sleeps, so there is nothing else that it is needed for.
static void
tell_joined_in_a_crowd(struct story *story)
{
    struct world_call *calls[2];
    char id[16];

    story_start("stock", "s", "");
    calls[0] = begin(story, "s", "slow", "", "u");
    story_wait_ms(100);
    calls[1] = begin(story, "s", "slow", "", "u");
    for (int i = 0; i < 10; i++) {
        (void)snprintf(id, sizeof(id), "s/%d", i);
        story_start("stock", id, "");
    }
    story_wait_ms(2000);
    CHECK_OK(world_wait(story->world, calls[0])->err);
    CHECK_OK(world_wait(story->world, calls[1])->err);
}

TEST(workflow_update, who_joins_one_in_a_crowd_is_told)
{
    story_run_crowded(stocks, tell_joined_in_a_crowd);
}
