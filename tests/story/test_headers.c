// SPDX-License-Identifier: Apache-2.0
//
// Headers: what a start or a message brings goes on to whatever it causes.

#include <stdio.h>
#include <string.h>

#include "story/story.h"

// What the header says, for a note.
static const char *
shown(weft_bytes value, char *buf, size_t size)
{
    return value.len == 0 ? "-" : story_text(value, buf, size);
}

// Notes, and answers with, the headers it sees.
static weft_err
act(weft_activity *activity, weft_bytes input)
{
    char text[64];
    char buf[64];

    (void)input;
    (void)snprintf(
        text, sizeof(text), "activity %s %zu",
        shown(weft_activity_header(activity, "trace"), buf, sizeof(buf)),
        weft_activity_header(activity, "other").len);
    return weft_activity_return(activity, weft_text(text));
}

// An actor that on "go" asks for the activity, signals its namesake and spawns
// a child; everything else it gets is noted with its header.
static weft_err
hop_receive(weft_actor *actor, const weft_message *message, void *state)
{
    char id[64];
    char buf[64];
    char data[64];
    uint32_t call;

    (void)state;
    story_note("%s %s%s: %s", weft_actor_id(actor), message->name,
               story_text(message->data, data, sizeof(data)),
               shown(weft_actor_header(actor, "trace"), buf, sizeof(buf)));
    if (strcmp(message->name, "go") == 0) {
        (void)snprintf(id, sizeof(id), "%s/next", weft_actor_id(actor));
        CHECK_OK(weft_actor_call(actor, "act", weft_nothing(), NULL, &call));
        CHECK_OK(weft_actor_send(actor, (weft_target){"hop", id}, "sent",
                                 weft_nothing()));
        CHECK_OK(weft_actor_timer_set(actor, "timer", 100));
    }
    if (strcmp(message->name, "spawn") == 0) {
        CHECK_OK(weft_actor_spawn(actor, (weft_target){"flow", "of-hop"},
                                  weft_text("leaf"), NULL, &call));
    }
    return WEFT_OK;
}

// A workflow that calls the activity, signals an actor and has a child.
static weft_err
flow_run(weft_workflow *wf, weft_bytes input)
{
    char text[200];
    char buf[64];
    char id[64];
    weft_bytes result;
    weft_bytes child = weft_nothing();

    MUST(weft_workflow_call(wf, "act", weft_nothing(), NULL, &result), WEFT_OK);
    if (!story_is(input, "leaf")) {
        (void)snprintf(id, sizeof(id), "%s/leaf", weft_workflow_id(wf));
        MUST(weft_workflow_signal(wf, (weft_target){"hop", "h"}, "from-flow",
                                  weft_nothing()),
             WEFT_OK);
        MUST(weft_workflow_child(wf, (weft_target){"flow", id},
                                 weft_text("leaf"), NULL, &child),
             WEFT_OK);
    }
    (void)snprintf(text, sizeof(text), "flow %s, %.*s; %.*s",
                   shown(weft_workflow_header(wf, "trace"), buf, sizeof(buf)),
                   (int)result.len, (const char *)result.data, (int)child.len,
                   (const char *)child.data);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
hops(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    story_add_actor(definitions, "hop", 0, hop_receive);
    story_add_workflow(definitions, "flow", flow_run);
    story_add_activity(definitions, "act", act);
    return definitions;
}

static struct world_call *
submit(weft_verb verb, const char *kind, const char *id, const char *name,
       const char *trace)
{
    const weft_pair headers[] = {{"trace", weft_text(trace)},
                                 {"other", weft_text("12345")}};
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;

    options.headers = headers;
    options.headers_count = 2;
    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.name = name;
    if (verb == WEFT_VERB_SIGNAL) {
        request.headers = headers;
        request.headers_count = 2;
    } else {
        request.start = &options;
    }
    return story_call(&request);
}

static void
tell_workflow(struct story *story)
{
    CHECK_OK(submit(WEFT_VERB_START, "flow", "w", "", "T1")->err);
    CHECK_RESULT("flow", "w",
                 "flow T1, activity T1 5; flow T1, activity T1 5; ");
    story_wait_ms(2000);
    if (story->is_calm) {
        CHECK_EQ(story_count("h from-flow: T1"), 1);
    }
    // One without headers gives none.
    story_start("flow", "v", "leaf");
    CHECK_RESULT("flow", "v", "flow -, activity - 0; ");
}

TEST(headers, a_workflow_gives_those_of_its_start_to_all_it_causes)
{
    story_run(hops, tell_workflow);
}

static void
tell_actor(struct story *story)
{
    CHECK_OK(submit(WEFT_VERB_START, "hop", "a", "", "T1")->err);
    CHECK_OK(submit(WEFT_VERB_SIGNAL, "hop", "a", "go", "T2")->err);
    story_wait_ms(5000);
    if (story->is_calm) {
        CHECK_EQ(story_count("a : T1"), 1);
        CHECK_EQ(story_count("a go: T2"), 1);
        CHECK_EQ(story_count("a activity T2 5: T1"), 1);
        CHECK_EQ(story_count("a timer: T1"), 1);
        CHECK_EQ(story_count("a/next sent: T2"), 1);
    }
    // A signal without any shows those of the start, and gives them on.
    story_signal("hop", "a", "spawn", "");
    story_wait_ms(5000);
    CHECK_RESULT("flow", "of-hop", "flow T1, activity T1 5; ");
    // With a start, the signal has those of the start.
    CHECK_OK(
        submit(WEFT_VERB_SIGNAL_WITH_START, "hop", "b", "hello", "T3")->err);
    story_wait_ms(1000);
    if (story->is_calm) {
        CHECK_EQ(story_count("b : T3"), 1);
        CHECK_EQ(story_count("b hello: T3"), 1);
    }
}

TEST(headers, an_actor_gives_those_of_its_message_to_what_that_causes)
{
    story_run(hops, tell_actor);
}
