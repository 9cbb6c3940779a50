// SPDX-License-Identifier: Apache-2.0
//
// Questions to a plain actor that its state alone answers: what they are shown,
// and how much they may say.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/story.h"

struct one {
    uint64_t count;
};

struct two {
    uint64_t count;
    uint64_t doubled;
};

static weft_err
count_one(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    ((struct one *)state)->count += message->type == WEFT_MESSAGE_SIGNAL;
    return WEFT_OK;
}

static weft_err
tell_one(weft_query *query, const char *name, weft_bytes args,
         const void *state, size_t state_len)
{
    static char large[WF_PAYLOAD_BYTES_MAX + 1];
    const struct one *one = state;
    char number[24];

    (void)args;
    CHECK(state != NULL);
    CHECK_EQ(state_len, sizeof(*one));
    if (strcmp(name, "large") == 0) {
        return weft_query_return(query, weft_bytes_of(large, sizeof(large)));
    }
    if (strcmp(name, "number") == 0) {
        (void)snprintf(number, sizeof(number), "%llu",
                       (unsigned long long)one->count);
        return weft_query_return(query, weft_text(number));
    }
    return weft_query_return(query, weft_text(one->count == 0   ? "none"
                                              : one->count == 1 ? "one"
                                                                : "more"));
}

static weft_err
upgrade(uint32_t from_version, weft_bytes old_state, void *new_state)
{
    struct two *two = new_state;

    CHECK_EQ(from_version, 1);
    CHECK_EQ(old_state.len, sizeof(struct one));
    two->count = ((const struct one *)old_state.data)->count;
    two->doubled = 2 * two->count;
    return WEFT_OK;
}

static weft_err
tell_two(weft_query *query, const char *name, weft_bytes args,
         const void *state, size_t state_len)
{
    const struct two *two = state;

    (void)name;
    (void)args;
    CHECK_EQ(state_len, sizeof(*two)); // never that of another version
    return weft_query_return(query,
                             weft_text(two->doubled == 2 ? "two" : "other"));
}

static weft_definitions *
define(uint32_t version)
{
    weft_definitions *definitions;
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    def.name = "counter";
    def.version = version;
    def.state_bytes = version == 1 ? sizeof(struct one) : sizeof(struct two);
    def.receive = count_one;
    def.query = version == 1 ? tell_one : tell_two;
    def.upgrade = version == 1 ? NULL : upgrade;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    return definitions;
}

static weft_definitions *
ones(void)
{
    return define(1);
}

static weft_definitions *
twos(void)
{
    return define(2);
}

static struct world_call *
query(const char *name)
{
    return story_ask(WEFT_VERB_QUERY, "counter", "c", name, NULL);
}

// It is asked about a state that has had no turn yet: zeroes, not nothing.
static void
tell_early(struct story *story)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    (void)story;
    options.start_delay_ms = 60000;
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"counter", "c"};
    request.start = &options;
    CHECK_OK(story_call(&request)->err);
    CHECK_STR(query("count")->data, "none");
}

TEST(query, the_state_of_one_that_had_no_turn_is_zeroes)
{
    story_run_calm(ones, tell_early);
}

static void
tell_large(struct story *story)
{
    (void)story;
    story_signal("counter", "c", "add", "");
    CHECK_STR(query("count")->data, "one");
    CHECK_ERR(query("large")->err, WEFT_ETOOBIG);
}

TEST(query, an_answer_has_its_limit)
{
    story_run_calm(ones, tell_large);
}

// A state is upgraded in a turn. Until then nobody here can read it.
static void
tell_version(struct story *story)
{
    (void)story;
    story_signal("counter", "c", "add", "");
    CHECK_STR(query("count")->data, "one");
    story_define(twos);
    CHECK_ERR(query("count")->err, WEFT_ENOTFOUND);
    story_signal("counter", "c", "add", "");
    story_wait_ms(1000);
    CHECK_STR(query("count")->data, "two");
}

TEST(query, no_code_is_shown_the_state_of_another_version)
{
    story_run_calm(ones, tell_version);
}

// None of the signals is waited for, and the query is asked right behind them.
static void
tell_behind(struct story *story)
{
    enum { MANY = 20 };
    struct world_call *signals[MANY];
    struct world_call *asked;

    for (int i = 0; i < MANY; i++) {
        signals[i] = world_call(story->world, WEFT_VERB_SIGNAL, "counter", "c",
                                "add", weft_nothing());
    }
    asked = world_call(story->world, WEFT_VERB_QUERY, "counter", "c", "number",
                       weft_nothing());
    CHECK_OK(world_wait(story->world, asked)->err);
    CHECK_STR(asked->data, "20");
    for (int i = 0; i < MANY; i++) {
        CHECK_OK(world_wait(story->world, signals[i])->err);
    }
}

TEST(query, it_shows_all_that_was_sent_before_it)
{
    story_run(ones, tell_behind);
}

// Its first run receives "go" alone; the next shows what came besides.
static weft_err
flow_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    if (weft_workflow_run(wf) == 1) {
        TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
        return weft_workflow_restart(wf, weft_nothing());
    }
    for (;;) {
        weft_bytes data;

        TRY(weft_workflow_receive(wf, "more", WEFT_FOREVER, &data));
        MUST(weft_workflow_publish(wf, "newest", data), WEFT_OK);
    }
}

static weft_definitions *
flows(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "flow", flow_run);
    return definitions;
}

// What a run had taken and did not receive comes first again when it restarts:
// what the query waits for is behind it.
static void
tell_restart(struct story *story)
{
    struct world_call *resumed;
    struct world_call *asked;

    story_start("flow", "w", "");
    story_signal("flow", "w", "more", "one");
    story_wait_ms(10);
    (void)story_do(WEFT_VERB_PAUSE, "flow", "w", "", NULL);
    story_signal("flow", "w", "go", "");
    story_signal("flow", "w", "more", "two");
    resumed = world_call(story->world, WEFT_VERB_RESUME, "flow", "w", "",
                         weft_nothing());
    asked = world_call(story->world, WEFT_VERB_QUERY, "flow", "w", "newest",
                       weft_nothing());
    CHECK_OK(world_wait(story->world, resumed)->err);
    CHECK_OK(world_wait(story->world, asked)->err);
    CHECK_STR(asked->data, "two");
}

TEST(query, it_waits_for_what_a_restart_has_put_off)
{
    story_run_calm(flows, tell_restart);
}

// Its first turn is too large for one record: that goes on in a second one.
static weft_err
wide_run(weft_workflow *wf, weft_bytes input)
{
    static char large[WF_TURN_BREAK_BYTES / 2 + 1]; // two of them are too many
    weft_target nobody = {"wide", "nobody"};

    (void)input;
    MUST(weft_workflow_publish(wf, "newest", weft_text("begun")), WEFT_OK);
    for (int i = 0; i < 6; i++) {
        MUST(weft_workflow_signal(wf, nobody, "piece",
                                  weft_bytes_of(large, sizeof(large))),
             WEFT_OK);
    }
    MUST(weft_workflow_publish(wf, "newest", weft_text("done")), WEFT_OK);
    return weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
}

static weft_definitions *
wides(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_workflow(definitions, "wide", wide_run);
    return definitions;
}

static void
tell_wide(struct story *story)
{
    struct world_call *started = world_call(story->world, WEFT_VERB_START,
                                            "wide", "w", "", weft_nothing());
    struct world_call *asked = world_call(story->world, WEFT_VERB_QUERY, "wide",
                                          "w", "newest", weft_nothing());

    CHECK_OK(world_wait(story->world, asked)->err);
    CHECK_STR(asked->data, "done");
    CHECK_OK(world_wait(story->world, started)->err);
}

TEST(query, it_shows_no_half_of_a_turn)
{
    story_run(wides, tell_wide);
}
