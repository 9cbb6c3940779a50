// SPDX-License-Identifier: Apache-2.0
//
// Attributes: set at the start, changed by turns, seen by everyone.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/resets.h"
#include "story/story.h"

static weft_err
run_echo(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

// For each signal: reads "n", gives it to an activity, and sets it one higher.
// A replay that read anything else would give the activity another input.
static weft_err
counter_run(weft_workflow *wf, weft_bytes input)
{
    weft_attribute n = weft_attribute_int("n", 0);
    char text[32];

    (void)input;
    for (int i = 0; i < 3; i++) {
        weft_err err = weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);

        if (err == WEFT_OK) {
            err = weft_workflow_get_attribute(wf, "n", &n);
            CHECK(err == WEFT_OK || err == WEFT_ENOTFOUND);
            (void)snprintf(text, sizeof(text), "%lld",
                           (long long)n.value.integer);
            err = weft_workflow_call(wf, "echo", weft_text(text), NULL, NULL);
        }
        if (err == WEFT_OK) {
            err = weft_workflow_set_attribute(
                wf, weft_attribute_int("n", n.value.integer + 1));
        }
        if (err != WEFT_OK) {
            return err;
        }
    }
    return WEFT_OK;
}

static weft_err
typed_run(weft_workflow *wf, weft_bytes input)
{
    const weft_attribute all[] = {
        weft_attribute_keyword("city", "Rome"),
        weft_attribute_text("note", "two doors down"),
        weft_attribute_int("n", -5),
        weft_attribute_double("amount", 10.5),
        weft_attribute_bool("vip", 1),
        weft_attribute_time("due", 1000),
    };

    weft_attribute note;

    (void)input;
    MUST(weft_workflow_set_attributes(wf, all, 6), WEFT_OK);
    MUST(weft_workflow_get_attribute(wf, "note", &note), WEFT_OK);
    MUST(weft_workflow_set_attribute(wf, note), WEFT_OK);
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    MUST(weft_workflow_set_attribute(wf, weft_attribute_bool("city", 0)),
         WEFT_OK);
    MUST(weft_workflow_clear_attribute(wf, "note"), WEFT_OK);
    MUST(weft_workflow_clear_attribute(wf, "nothing"), WEFT_OK);
    return WEFT_OK;
}

// Restarts once, each time with one attribute more.
static weft_err
again_run(weft_workflow *wf, weft_bytes input)
{
    weft_attribute first;

    if (weft_workflow_get_attribute(wf, "first", &first) == WEFT_ENOTFOUND) {
        MUST(weft_workflow_set_attribute(wf,
                                         weft_attribute_keyword("first", "1")),
             WEFT_OK);
        return weft_workflow_restart(wf, input);
    }
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    MUST(weft_workflow_get_attribute(wf, "first", &first), WEFT_OK);
    return weft_workflow_return(wf, weft_text(first.value.text));
}

// Fills an instance to its limits.
static weft_err
full_run(weft_workflow *wf, weft_bytes input)
{
    static char long_text[WF_ATTRIBUTE_TEXT_BYTES_MAX + 2];
    weft_attribute two[2] = {weft_attribute_int("x", 1),
                             weft_attribute_double("y", 0.0 / 0.0)};
    char name[80];

    (void)input;
    memset(long_text, 'x', sizeof(long_text) - 1);
    memset(name, 'n', sizeof(name));
    name[64] = '\0';
    MUST(weft_workflow_set_attributes(wf, two, 2), WEFT_EINVAL);
    MUST(weft_workflow_set_attribute(wf, weft_attribute_text("t", long_text)),
         WEFT_ETOOBIG);
    MUST(
        weft_workflow_set_attribute(wf, weft_attribute_keyword("t", long_text)),
        WEFT_ETOOBIG);
    MUST(weft_workflow_set_attribute(wf, weft_attribute_int(name, 1)),
         WEFT_ETOOBIG);
    MUST(weft_workflow_set_attribute(wf, weft_attribute_int("", 1)),
         WEFT_EINVAL);
    MUST(weft_workflow_set_attribute(wf, weft_attribute_keyword("k", NULL)),
         WEFT_EINVAL);
    for (int i = 0; i < WF_ATTRIBUTES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "a%02d", i);
        MUST(weft_workflow_set_attribute(wf, weft_attribute_int(name, i)),
             WEFT_OK);
    }
    MUST(weft_workflow_set_attribute(wf, weft_attribute_int("z", 1)),
         WEFT_ETOOBIG);
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    MUST(weft_workflow_set_attribute(wf, weft_attribute_int("z", 1)),
         WEFT_ETOOBIG);
    long_text[WF_ATTRIBUTE_TEXT_BYTES_MAX - 100] = '\0';
    for (int i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof(name), "a%02d", i);
        MUST(weft_workflow_set_attribute(wf,
                                         weft_attribute_text(name, long_text)),
             WEFT_OK);
    }
    MUST(weft_workflow_set_attribute(wf, weft_attribute_text("a03", long_text)),
         WEFT_ETOOBIG);
    return WEFT_OK;
}

// Names that the code gives, after it was changed so often.
static int generation;

static weft_err
changed_run(weft_workflow *wf, weft_bytes input)
{
    char name[16];

    (void)input;
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    for (int i = 0; i < WF_ATTRIBUTES_MAX / 3; i++) {
        (void)snprintf(name, sizeof(name), "a%d.%d", generation, i);
        MUST(weft_workflow_set_attribute(wf, weft_attribute_int(name, i)),
             WEFT_OK);
    }
    return weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
}

// A plain actor: "set" counts up, "fail" does so in a turn that fails.
static weft_err
plain_receive(weft_actor *actor, const weft_message *message, void *state)
{
    weft_attribute n = weft_attribute_int("n", 0);

    (void)state;
    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    if (strcmp(message->name, "clear") == 0) {
        return weft_actor_clear_attribute(actor, "n");
    }
    (void)weft_actor_get_attribute(actor, "n", &n);
    n.value.integer++; // its name is borrowed from the set
    CHECK_OK(weft_actor_set_attribute(actor, n));
    CHECK_OK(weft_actor_get_attribute(actor, "n", &n));
    return strcmp(message->name, "fail") == 0 ? WEFT_EFAILED : WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;

    generation = 0;
    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "counter", counter_run);
    story_add_workflow(definitions, "typed", typed_run);
    story_add_workflow(definitions, "again", again_run);
    story_add_workflow(definitions, "full", full_run);
    story_add_workflow(definitions, "changed", changed_run);
    story_add_actor(definitions, "plain", 0, plain_receive);
    story_add_activity(definitions, "echo", run_echo);
    return definitions;
}

static const char *
attributes_of(const char *kind, const char *id)
{
    return story_describe(kind, id)->attributes;
}

// Start it with these, and wait until that has been answered.
static void
start_with(const char *kind, const char *id, const weft_attribute *attributes,
           size_t count)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    options.attributes = attributes;
    options.attributes_count = count;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){kind, id};
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
}

static void
tell_typed(struct story *story)
{
    (void)story;
    story_start("typed", "a", "");
    story_wait_ms(100);
    CHECK_STR(attributes_of("typed", "a"),
              "amount=10.5 city=Rome due=@1000 n=-5 note=two doors down "
              "vip=true");
    story_signal("typed", "a", "go", "");
    CHECK_RESULT("typed", "a", "");
    CHECK_STR(attributes_of("typed", "a"),
              "amount=10.5 city=false due=@1000 n=-5 vip=true");
}

TEST(attributes, every_type_is_set_replaced_and_cleared_by_turns)
{
    story_run(define, tell_typed);
}

static void
tell_reads(struct story *story)
{
    const weft_attribute n = weft_attribute_int("n", 40);

    (void)story;
    start_with("counter", "a", &n, 1);
    CHECK_STR(attributes_of("counter", "a"), "n=40");
    story_signal("counter", "a", "go", "");
    story_wait_ms(100);
    CHECK_STR(attributes_of("counter", "a"), "n=41");
    story_signal("counter", "a", "go", "");
    story_signal("counter", "a", "go", "");
    CHECK_RESULT("counter", "a", "");
    CHECK_STR(attributes_of("counter", "a"), "n=43");
}

TEST(attributes, a_replay_reads_what_the_code_read_then)
{
    story_run(define, tell_reads);
}

static void
tell_restart(struct story *story)
{
    const weft_attribute given = weft_attribute_keyword("given", "yes");

    (void)story;
    start_with("again", "a", &given, 1);
    story_signal("again", "a", "go", "");
    CHECK_RESULT("again", "a", "1");
    CHECK_STR(attributes_of("again", "a"), "first=1 given=yes");
    // A new life of the id begins without.
    story_start("again", "a", "");
    story_wait_ms(100);
    CHECK_EQ(story_describe("again", "a")->item.attributes_count, 1);
    CHECK_STR(attributes_of("again", "a"), "first=1");
}

TEST(attributes, they_outlast_a_restart_and_not_the_instance)
{
    story_run(define, tell_restart);
}

static void
tell_full(struct story *story)
{
    (void)story;
    story_start("full", "a", "");
    story_signal("full", "a", "go", "");
    CHECK_RESULT("full", "a", "");
    CHECK_EQ(story_describe("full", "a")->item.attributes_count,
             WF_ATTRIBUTES_MAX);
}

TEST(attributes, what_is_over_a_limit_is_refused_and_changes_nothing)
{
    story_run(define, tell_full);
}

static void
tell_plain(struct story *story)
{
    const struct world_call *call;

    story_signal("plain", "a", "set", "");
    story_signal("plain", "a", "set", "");
    story_wait_ms(100);
    CHECK_STR(attributes_of("plain", "a"), "n=2");
    call = story_do(WEFT_VERB_LIST, "plain", "a", "", "");
    CHECK_EQ(call->items_count, 1);
    CHECK_STR(call->attributes, "n=2");
    story_signal("plain", "a", "clear", "");
    story_wait_ms(100);
    CHECK_STR(attributes_of("plain", "a"), "");
    story_signal("plain", "b", "fail", "");
    story_wait_ms(10000);
    call = story_describe("plain", "b");
    CHECK(call->item.is_parked);
    CHECK_STR(call->attributes, "");
    (void)story;
}

TEST(attributes, a_turn_of_a_plain_actor_has_them_only_if_it_ends_well)
{
    story_run(define, tell_plain);
}

// Entries: 0 started, 1 receive, 2 the signal. What stays of before a reset
// makes way when there is no more room.
static void
tell_changed(struct story *story)
{
    const struct world_call *call;

    (void)story;
    story_start("changed", "i", "");
    story_signal("changed", "i", "go", "");
    for (generation = 1; generation < 5; generation++) {
        CHECK_OK(reset_to("changed", 2)->err);
        story_wait_ms(1000);
    }
    story_crash();
    call = story_describe("changed", "i");
    CHECK_OK(call->err);
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
    CHECK(call->item.attributes_count <= WF_ATTRIBUTES_MAX);
}

TEST(attributes, what_stays_of_before_a_reset_makes_way)
{
    story_run(define, tell_changed);
}

// Entries: 0 started, 1 receive, 2 the signal, 3 and 4 the call, 5 receive, 6
// the signal. What is kept sees those of the start.
static void
tell_reset(struct story *story)
{
    const weft_attribute n = weft_attribute_int("n", 40);

    (void)story;
    start_with("counter", "i", &n, 1);
    story_signal("counter", "i", "go", "");
    story_wait_ms(1000);
    story_signal("counter", "i", "go", "");
    story_wait_ms(1000);
    CHECK_STR(attributes_of("counter", "i"), "n=42");
    CHECK_OK(reset_to("counter", 6)->err);
    story_wait_ms(1000);
    CHECK_STR(attributes_of("counter", "i"), "n=42");
    story_signal("counter", "i", "go", "");
    CHECK_RESULT("counter", "i", "");
    CHECK_STR(attributes_of("counter", "i"), "n=43");
}

TEST(attributes, a_reset_sees_them_as_they_were_when_the_run_began)
{
    story_run(define, tell_reset);
}
