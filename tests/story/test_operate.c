// SPDX-License-Identifier: Apache-2.0
//
// What operators do to instances: hold them up, edit what they published or
// remember, move them to other code.

#include <stdio.h>
#include <string.h>

#include "story/puppet.h"

static const weft_operator ada = {"ada", "looks at it"};

static struct world_call *
operate(weft_verb verb, weft_target target, const char *name, uint32_t version,
        weft_bytes data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = target;
    request.name = name;
    request.version = version;
    request.data = data;
    request.by = &ada;
    return story_call(&request);
}

static const weft_target puppet = {"puppet", "a"};

// Parking and editing. --------------------------------------------------------

static void
tell_park(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a", "note hi");
    CHECK_OK(operate(WEFT_VERB_PARK, puppet, NULL, 0, weft_nothing())->err);
    CHECK_OK(operate(WEFT_VERB_PARK, puppet, NULL, 0, weft_nothing())->err);
    story_signal("puppet", "a", "later", "x");
    story_wait_ms(10000);
    CHECK_STR(story_describe("puppet", "a")->reason,
              "parked by ada: looks at it");
    CHECK_EQ(story_describe("puppet", "a")->item.is_parked, 1);
    CHECK_EQ(story_count("a signal(later,x)"), 0);
    story_crash();
    CHECK_OK(operate(WEFT_VERB_RESUME, puppet, NULL, 0, weft_nothing())->err);
    CHECK_STR(puppet_log("puppet", "a"), "signal(later,x)");
    CHECK_EQ(story_describe("puppet", "a")->item.is_parked, 0);
}

TEST(operate, a_parked_instance_waits_for_its_resume)
{
    story_run(puppet_definitions, tell_park);
}

static void
tell_publish(struct story *story)
{
    (void)story;
    puppet_do("puppet", "a", "publish value wrong");
    story_wait_ms(10);
    CHECK_OK(operate(WEFT_VERB_PUBLISH, puppet, "value", 0, weft_text("right"))
                 ->err);
    CHECK_STR(story_query("puppet", "a", "value"), "right");
    puppet_do("puppet", "a", "publish value newer;stop end");
    CHECK_RESULT("puppet", "a", "end");
    CHECK_STR(story_query("puppet", "a", "value"), "newer");
    CHECK_OK(
        operate(WEFT_VERB_PUBLISH, puppet, "value", 0, weft_text("last"))->err);
    story_crash();
    CHECK_STR(story_query("puppet", "a", "value"), "last");
}

TEST(operate, a_published_value_is_replaced_also_of_a_finished_instance)
{
    story_run(puppet_definitions, tell_publish);
}

static void
tell_state(struct story *story)
{
    static struct puppet state = {"edited"};
    struct world_call *call;

    (void)story;
    story_signal("puppet", "a", "one", "");
    CHECK_STR(puppet_log("puppet", "a"), "signal(one,)");
    call = operate(WEFT_VERB_SET_STATE, puppet, NULL, 1,
                   weft_bytes_of(&state, sizeof(state)));
    CHECK_OK(call->err);
    CHECK_STR(puppet_log("puppet", "a"), "edited");
    story_signal("puppet", "a", "two", "");
    story_crash();
    CHECK_STR(puppet_log("puppet", "a"), "edited signal(two,)");
    call = operate(WEFT_VERB_SET_STATE, puppet, NULL, 2,
                   weft_bytes_of(&state, sizeof(state)));
    CHECK_ERR(call->err, WEFT_EDIVERGED);
    CHECK_STR(call->detail, "a: its state is of version 1, the one given of 2");
    call = operate(WEFT_VERB_SET_STATE, puppet, NULL, 1, weft_text("x"));
    CHECK_ERR(call->err, WEFT_EINVAL);
    CHECK_STR(call->detail, "a: 1 bytes; the state of puppet has 1000");
    CHECK_STR(puppet_log("puppet", "a"), "edited signal(two,)");
}

TEST(operate, the_state_of_a_plain_actor_is_replaced_between_its_turns)
{
    story_run(puppet_definitions, tell_state);
}

// Versions. -------------------------------------------------------------------

static uint32_t version_of_step;

static weft_err
note_version(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)ctx;
    (void)out_result;
    version_of_step++;
    return WEFT_OK;
}

static weft_err
flow_1(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    return weft_workflow_return(wf, weft_text("1"));
}

static weft_err
flow_2(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL), WEFT_OK);
    MUST(weft_workflow_step(wf, "step", note_version, NULL, NULL), WEFT_OK);
    return weft_workflow_return(wf, weft_text("2"));
}

static weft_err
flow_3(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_sleep(wf, 1);
}

static weft_definitions *
three_versions(void)
{
    weft_workflow_fn *const runs[] = {flow_1, flow_2, flow_3};
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    for (uint32_t i = 0; i < 3; i++) {
        weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

        def.name = "flow";
        def.version = i + 1;
        def.run = runs[i];
        def.is_retired = i == 2;
        CHECK_OK(weft_definitions_add_workflow(definitions, &def));
    }
    return definitions;
}

static struct world_call *
move(uint32_t version)
{
    return operate(WEFT_VERB_MOVE_VERSION, (weft_target){"flow", "a"}, NULL,
                   version, weft_nothing());
}

static void
tell_move(struct story *story)
{
    struct world_call *call;

    (void)story;
    story_start("flow", "a", "");
    story_wait_ms(10);
    CHECK_EQ(story_describe("flow", "a")->item.version, 2);
    CHECK_OK(move(1)->err);
    CHECK_EQ(story_describe("flow", "a")->item.version, 1);
    CHECK_OK(move(2)->err);
    CHECK_OK(move(1)->err);
    call = move(3);
    CHECK_ERR(call->err, WEFT_EDIVERGED);
    CHECK(strstr(call->detail, "the code does not fit") != NULL);
    call = move(4);
    CHECK_ERR(call->err, WEFT_ENOTFOUND);
    CHECK_STR(call->detail, "a: version 4 of flow is not registered here");
    story_crash();
    story_signal("flow", "a", "go", "");
    CHECK_RESULT("flow", "a", "1");
    CHECK_EQ(version_of_step, 0);
    CHECK_ERR(move(2)->err, WEFT_EFINISHED);
}

TEST(operate, a_workflow_is_moved_to_a_version_that_fits)
{
    story_run(three_versions, tell_move);
}

// Refusals. -------------------------------------------------------------------

static void
refused(weft_verb verb, weft_target target, weft_err err, const char *detail)
{
    struct world_call *call = operate(verb, target, "name", 1, weft_text("x"));

    CHECK_ERR(call->err, err);
    CHECK_STR(call->detail, detail);
}

static void
tell_refused(struct story *story)
{
    static const weft_verb verbs[] = {WEFT_VERB_PARK, WEFT_VERB_SET_STATE,
                                      WEFT_VERB_MOVE_VERSION,
                                      WEFT_VERB_PUBLISH};
    const weft_target flow = {"flow", "a"};

    (void)story;
    for (int i = 0; i < 4; i++) {
        refused(verbs[i], flow, WEFT_ENOTFOUND, "a: no such instance");
    }
    story_start("flow", "a", "");
    refused(WEFT_VERB_SET_STATE, flow, WEFT_EINVAL,
            "a: flow is a workflow, its state is its journal: reset it");
    (void)story_do(WEFT_VERB_TERMINATE, "flow", "a", "enough", "");
    for (int i = 0; i < 3; i++) {
        refused(verbs[i], flow, WEFT_EFINISHED, "a: the instance has finished");
    }
}

TEST(operate, what_cannot_be_done_is_refused_in_words)
{
    story_run(three_versions, tell_refused);
}
