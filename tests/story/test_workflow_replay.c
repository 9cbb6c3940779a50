// SPDX-License-Identifier: Apache-2.0
//
// Workflows that are run again: values, steps, and code that has changed.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"

// Values. ---------------------------------------------------------------------

static weft_err
compute(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    static unsigned count;
    char *text = weft_workflow_alloc(wf, 20);

    story_note("compute");
    (void)weft_workflow_random(wf);
    if (ctx != NULL) {
        return WEFT_ENOTFOUND;
    }
    // Another one each time: a replay must not call it.
    (void)snprintf(text, 20, "value %u", count++);
    *out_value = weft_text(text);
    return WEFT_OK;
}

static weft_err
value_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes value = weft_nothing();
    weft_bytes other = weft_nothing();
    char text[100];
    uint64_t bits;

    (void)input;
    CHECK_OK(weft_workflow_value(wf, "lookup", compute, NULL, &value));
    CHECK_ERR(weft_workflow_value(wf, "absent", compute, text, &other),
              WEFT_ENOTFOUND);
    CHECK_EQ(other.len, 0);
    CHECK_OK(weft_workflow_value(wf, "ignored", compute, NULL, NULL));
    bits = weft_workflow_random(wf);
    (void)snprintf(text, sizeof(text), "%.*s %llx", (int)value.len,
                   (const char *)value.data, (unsigned long long)bits);
    MUST(weft_workflow_publish(wf, weft_workflow_is_replaying(wf) ? "-" : "at",
                               weft_text(text)),
         WEFT_OK);
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
values(void)
{
    return flow_with(value_run);
}

static void
tell_values(struct story *story)
{
    char seen[100];

    story_start("flow", "w", "");
    (void)snprintf(seen, sizeof(seen), "%s", story_query("flow", "w", "at"));
    story_crash();
    story_signal("flow", "w", "go", "");
    CHECK_STR(story_result("flow", "w")->data, seen);
    if (story->is_calm) {
        CHECK_EQ(story_count("compute"), 3);
    }
}

TEST(workflow, a_value_is_computed_once_and_recorded_with_its_error)
{
    story_run(values, tell_values);
}

// Steps. ----------------------------------------------------------------------

static char step_keys[4][40]; // by step
static unsigned step_attempts;
static bool has_later_attempt;

static weft_err
take_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    unsigned *number = ctx;
    char *key = step_keys[*number];

    story_note("step %u attempt %u", *number, step->attempt);
    CHECK_EQ(strlen(step->key), 32);
    if (key[0] == '\0') {
        (void)snprintf(key, sizeof(step_keys[0]), "%s", step->key);
    }
    CHECK_STR(step->key, key); // the same for all attempts
    step_attempts++;
    has_later_attempt = has_later_attempt || step->attempt > 1;
    *out_result = weft_text(*number == 1 ? "one" : "other");
    return *number == 2 ? WEFT_EIO : WEFT_OK;
}

static weft_err
step_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes results[3];
    char text[100];
    unsigned number = 0; // the step looks into this stack

    (void)input;
    MUST(weft_workflow_step(wf, "act", take_step, &number, &results[0]),
         WEFT_OK);
    number = 1;
    MUST(weft_workflow_step(wf, "second", take_step, &number, &results[1]),
         WEFT_OK);
    number = 2;
    MUST(weft_workflow_step(wf, "third", take_step, &number, &results[2]),
         WEFT_EIO);
    CHECK_STR(weft_workflow_failure(wf)->name, "WEFT_EIO");
    number = 3;
    MUST(weft_workflow_step(wf, "third", take_step, &number, NULL), WEFT_OK);
    (void)snprintf(text, sizeof(text), "%.*s %.*s", (int)results[0].len,
                   (const char *)results[0].data, (int)results[1].len,
                   (const char *)results[1].data);
    return weft_workflow_return(wf, weft_text(text));
}

// An activity has the name of a step; that means nothing to it.
static weft_definitions *
steps(void)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    weft_definitions *defs;

    memset(step_keys, 0, sizeof(step_keys));
    step_attempts = 0;
    CHECK_OK(weft_definitions_create(&defs));
    story_add_workflow(defs, "flow", step_run);
    def.name = "act";
    def.run = flow_act;
    def.fail_when_lost = 1;
    def.retry.maximum_attempts = 1;
    CHECK_OK(weft_definitions_add_activity(defs, &def));
    return defs;
}

static void
tell_steps(struct story *story)
{
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "other one");
    CHECK_EQ(story->is_calm ? step_attempts : 4, 4);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(step_keys[i], step_keys[j]) != 0);
        }
    }
}

TEST(workflow, a_step_runs_once_and_again_if_its_process_dies)
{
    has_later_attempt = false;
    story_run(steps, tell_steps);
    CHECK(has_later_attempt);
}

static weft_err
slow_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)ctx;
    // Asked to stop while it runs: its result counts all the same.
    (void)world_call(story_now()->world, WEFT_VERB_CANCEL, "flow", "w", "",
                     weft_nothing());
    *out_result = weft_text("stepped");
    return WEFT_OK;
}

static weft_err
cancelled_step_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;

    (void)input;
    MUST(weft_workflow_step(wf, "slow", slow_step, NULL, &result), WEFT_OK);
    MUST(weft_workflow_publish(wf, "step", result), WEFT_OK);
    return weft_workflow_sleep(wf, 1000);
}

static weft_definitions *
cancelled_steps(void)
{
    return flow_with(cancelled_step_run);
}

static void
tell_cancelled_step(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_FAILS("flow", "w", WEFT_ECANCELLED, "cancelled");
    CHECK_STR(story_query("flow", "w", "step"), "stepped");
}

TEST(workflow, the_result_of_a_step_counts_when_it_is_cancelled_meanwhile)
{
    story_run_calm(cancelled_steps, tell_cancelled_step);
}

// Code that has changed. ------------------------------------------------------

static const char *code; // which version runs

static weft_err
changing_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data = input;
    weft_future future;

    if (strcmp(code, "ends early") == 0) {
        return weft_workflow_return(wf, weft_text("early"));
    }
    if (strcmp(code, "timer first") == 0) {
        MUST(weft_workflow_timer(wf, 10, &future), WEFT_OK);
    }
    if (strcmp(code, "computes") == 0) {
        MUST(weft_workflow_value(wf, "act", compute, NULL, &data), WEFT_OK);
    }
    if (strcmp(code, "asks at once") == 0) {
        MUST(
            weft_workflow_call_async(wf, "act", weft_text("in"), NULL, &future),
            WEFT_OK);
        MUST(weft_workflow_timer(wf, 10, &future), WEFT_OK);
    }
    if (strcmp(code, "other activity") == 0) {
        MUST(weft_workflow_call(wf, "act2", weft_text("in"), NULL, &data),
             WEFT_OK);
    } else {
        MUST(weft_workflow_call(
                 wf, "act",
                 weft_text(strcmp(code, "other input") == 0 ? "inn" : "in"),
                 NULL, &data),
             WEFT_OK);
    }
    if (strcmp(code, "one more") == 0) {
        MUST(weft_workflow_timer(wf, 10, &future), WEFT_OK);
    }
    if (strcmp(code, "waits less") != 0) {
        MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, &data), WEFT_OK);
    }
    return weft_workflow_return(wf, data);
}

static weft_definitions *
changing(void)
{
    weft_definitions *defs = flow_with(changing_run);

    story_add_activity(defs, "act2", flow_act);
    return defs;
}

static weft_definitions *
original(void)
{
    code = "original";
    return changing();
}

static const struct change {
    const char *code;
    const char *reason;
} changes[] = {
    {"ends early", "the code does not fit its journal at entry 2: recorded was "
                   "activity \"act\" at 0.1 (input "},
    {"timer first", "the code gives timer \"\" at 0.1 (input "},
    {"other activity", "the code gives activity \"act2\" at 0.1 (input "},
    {"other input", "the code gives activity \"act\" at 0.1 (input "},
    {"one more", "recorded was receive \"go\" at 0.2 (input "},
    {"computes", "the code gives value \"act\" at 0.1"},
    {"asks at once", "recorded was an event; the code gives timer"},
    {"waits less", "recorded was receive \"go\" at 0.2 (input "},
};

static void
tell_change(const struct change *change)
{
    const struct world_call *call;
    struct story *story = story_now();

    code = "original";
    story_start("flow", "w", "");
    story_wait_ms(1000);
    code = change->code;
    story_define(changing);
    story_signal("flow", "w", "go", "on");
    story_wait_ms(1000);
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.is_parked, 1);
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
    CHECK(strstr(call->reason, "the code does not fit its journal at entry ") ==
          call->reason);
    CHECK(strstr(call->reason, "recorded was ") != NULL);
    CHECK(strstr(call->reason, "; the code gives ") != NULL);
    CHECK(strstr(call->reason, change->reason) != NULL);
    // It does not help to go on with the wrong code.
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    story_wait_ms(1000);
    CHECK_EQ(story_describe("flow", "w")->item.is_parked, 1);
    code = "original";
    story_define(changing);
    story_do(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    CHECK_RESULT("flow", "w", "on");
    (void)story;
}

static void
tell_changes(struct story *story)
{
    // The one that crashes here and there tells one of them only.
    size_t count = story->is_calm ? sizeof(changes) / sizeof(changes[0]) : 1;

    for (size_t i = 0; i < count; i++) {
        tell_change(&changes[i]);
    }
}

TEST(workflow, code_that_does_not_fit_its_journal_is_parked_until_it_does)
{
    story_run(original, tell_changes);
}

// A step is recorded, and the code that should take it is gone.
static weft_err
stepless_run(weft_workflow *wf, weft_bytes input)
{
    unsigned number = 0;
    weft_bytes data = input;

    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    if (strcmp(code, "original") == 0) {
        MUST(weft_workflow_step(wf, "step", take_step, &number, &data),
             WEFT_OK);
    } else {
        MUST(weft_workflow_sleep(wf, 1), WEFT_OK);
    }
    return weft_workflow_return(wf, data);
}

static weft_definitions *
stepless(void)
{
    memset(step_keys, 0, sizeof(step_keys));
    return flow_with(stepless_run);
}

static weft_definitions *
stepping(void)
{
    code = "original";
    return stepless();
}

static void
tell_stepless(struct story *story)
{
    story_start("flow", "w", "");
    // Die between the step and its result, if that is where this run dies.
    (void)world_call(story->world, WEFT_VERB_SIGNAL, "flow", "w", "go",
                     weft_nothing());
    for (int i = 0; i < 30; i++) {
        (void)world_step(story->world);
    }
    code = "changed";
    story_define(stepless);
    story_wait_ms(1000);
    code = "original";
    story_define(stepless);
    (void)story_ask(WEFT_VERB_RESUME, "flow", "w", "", NULL);
    CHECK_RESULT("flow", "w", "other");
}

TEST(workflow, an_open_step_waits_until_the_code_takes_it_again)
{
    story_run(stepping, tell_stepless);
}

// Activities that the next deployment lacks. ----------------------------------

static weft_err
echo(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

static weft_err
retiring_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;

    MUST(weft_workflow_call(wf, "old", input, NULL, &result), WEFT_OK);
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    // There it is called for the first time, and nobody would run it.
    MUST(weft_workflow_call(wf, "old", input, NULL, NULL), WEFT_EINVAL);
    return weft_workflow_return(wf, result);
}

static weft_definitions *
with_old(void)
{
    weft_definitions *definitions = flow_with(retiring_run);

    story_add_activity(definitions, "old", echo);
    return definitions;
}

static weft_definitions *
without_old(void)
{
    return flow_with(retiring_run);
}

static void
tell_retired(struct story *story)
{
    (void)story;
    story_start("flow", "w", "result");
    story_wait_ms(100);
    story_define(without_old);
    story_signal("flow", "w", "go", "");
    CHECK_RESULT("flow", "w", "result");
}

TEST(workflow, what_was_called_once_may_be_registered_no_more)
{
    story_run(with_old, tell_retired);
}
