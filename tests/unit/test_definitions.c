// SPDX-License-Identifier: Apache-2.0

#include "runtime/definitions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "support/test.h"

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

static weft_err
run_workflow(weft_workflow *wf, weft_bytes input)
{
    (void)wf;
    (void)input;
    return WEFT_OK;
}

static weft_err
run_activity(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    return WEFT_OK;
}

static weft_definitions *
make_definitions(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    return definitions;
}

static weft_err
add_actor(weft_definitions *definitions, const char *name)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = name;
    def.receive = receive;
    return weft_definitions_add_actor(definitions, &def);
}

static weft_err
add_workflow(weft_definitions *definitions, const char *name)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run_workflow;
    return weft_definitions_add_workflow(definitions, &def);
}

static weft_err
add_activity(weft_definitions *definitions, const char *name)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = name;
    def.run = run_activity;
    return weft_definitions_add_activity(definitions, &def);
}

TEST(definitions, defaults_are_filled_in)
{
    weft_definitions *definitions = make_definitions();
    const struct wf_activity_kind *activity;
    const struct wf_kind *kind;

    CHECK_OK(add_actor(definitions, "order"));
    CHECK_OK(add_workflow(definitions, "ship"));
    CHECK_OK(add_activity(definitions, "charge"));
    kind = wf_definitions_find(definitions, "order");
    CHECK(!kind->is_workflow);
    CHECK_EQ(kind->version, 1);
    CHECK_EQ(kind->creation, WEFT_CREATION_ON_MESSAGE);
    CHECK_EQ(kind->retention_ms, WF_RETENTION_MS_DEFAULT);
    CHECK_EQ(kind->actor.turn_attempts_max, 5);
    CHECK_STR(kind->actor.name, "order");
    kind = wf_definitions_find(definitions, "ship");
    CHECK(kind->is_workflow);
    CHECK_EQ(kind->creation, WEFT_CREATION_ON_START);
    CHECK_EQ(kind->workflow.stack_bytes, WF_STACK_BYTES_DEFAULT);
    activity = wf_definitions_find_activity(definitions, "charge");
    CHECK_EQ(activity->def.retry.initial_interval_ms, 1000);
    CHECK_EQ(activity->def.retry.maximum_interval_ms, 100000);
    CHECK(activity->def.retry.coefficient == 2);
    CHECK_EQ(activity->def.timeouts.start_to_close_ms, 60000);
    CHECK_EQ(activity->def.timeouts.heartbeat_ms, 0);
    weft_definitions_destroy(definitions);
}

TEST(definitions, strings_are_copied)
{
    weft_definitions *definitions = make_definitions();
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    const struct wf_activity_kind *kind;
    char fatal[] = "Declined";
    const char *names[] = {fatal, "Other", NULL};
    char name[] = "charge";

    def.name = name;
    def.run = run_activity;
    def.retry.non_retryable = names;
    CHECK_OK(weft_definitions_add_activity(definitions, &def));
    name[0] = 'X';
    fatal[0] = 'X';
    names[1] = NULL;
    kind = wf_definitions_find_activity(definitions, "charge");
    CHECK_STR(kind->def.name, "charge");
    CHECK_STR(kind->def.retry.non_retryable[0], "Declined");
    CHECK_STR(kind->def.retry.non_retryable[1], "Other");
    CHECK(kind->def.retry.non_retryable[2] == NULL);
    weft_definitions_destroy(definitions);
}

TEST(definitions, actors_and_workflows_share_names_activities_do_not)
{
    weft_definitions *definitions = make_definitions();

    CHECK_OK(add_actor(definitions, "order"));
    CHECK_ERR(add_workflow(definitions, "order"), WEFT_EEXISTS);
    CHECK(strstr(weft_err_detail(), "order") != NULL);
    CHECK_OK(add_activity(definitions, "order"));
    CHECK_ERR(add_activity(definitions, "order"), WEFT_EEXISTS);
    CHECK_EQ(wf_definitions_activities_count(definitions), 1);
    weft_definitions_destroy(definitions);
}

static weft_err
add_version(weft_definitions *definitions, uint32_t version, int is_retired)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = "order";
    def.version = version;
    def.run = run_workflow;
    def.upgrade = version == 5 ? WEFT_UPGRADE_ON_RESTART : WEFT_UPGRADE_PIN;
    def.is_retired = is_retired;
    return weft_definitions_add_workflow(definitions, &def);
}

TEST(definitions, versions_of_a_workflow_are_kept_side_by_side)
{
    weft_definitions *definitions = make_definitions();
    const struct wf_kind *kind;

    CHECK_OK(add_version(definitions, 5, 0));
    CHECK_OK(add_version(definitions, 7, 1));
    CHECK_OK(add_version(definitions, 0, 0)); // is 1
    CHECK_OK(add_version(definitions, 3, 0));
    CHECK_ERR(add_version(definitions, 1, 0), WEFT_EEXISTS);
    CHECK_ERR(add_version(definitions, 5, 0), WEFT_EEXISTS);
    CHECK_STR(weft_err_detail(),
              "version 5 of workflow order is there already");
    CHECK_ERR(add_actor(definitions, "order"), WEFT_EEXISTS);
    kind = wf_definitions_find(definitions, "order");
    CHECK_EQ(kind->version, 7);
    CHECK_EQ(kind->older->version, 5);
    CHECK_EQ(kind->older->older->version, 3);
    CHECK_EQ(kind->older->older->older->version, 1);
    CHECK(kind->older->older->older->older == NULL);
    CHECK(wf_kind_version(kind, 3) == kind->older->older);
    CHECK(wf_kind_version(kind, 4) == NULL);
    CHECK(wf_kind_version(NULL, 1) == NULL);
    CHECK(wf_kind_current(kind) == kind->older);
    weft_definitions_destroy(definitions);
}

TEST(definitions, an_upgrade_is_to_the_newest_and_as_eager_as_it_says)
{
    weft_definitions *definitions = make_definitions();
    const struct wf_kind *kind;

    CHECK_OK(add_version(definitions, 1, 0));
    kind = wf_definitions_find(definitions, "order");
    CHECK(wf_kind_upgrade(kind, 1, WEFT_UPGRADE_ON_RESTART) == NULL);
    CHECK_OK(add_version(definitions, 5, 0));
    CHECK_OK(add_version(definitions, 7, 1));
    kind = wf_definitions_find(definitions, "order");
    CHECK(wf_kind_upgrade(kind, 1, WEFT_UPGRADE_ON_RESTART) == kind->older);
    CHECK(wf_kind_upgrade(kind, 1, WEFT_UPGRADE_NOW_IF_FITS) == NULL);
    CHECK(wf_kind_upgrade(kind, 5, WEFT_UPGRADE_ON_RESTART) == NULL);
    CHECK(wf_kind_upgrade(kind, 7, WEFT_UPGRADE_ON_RESTART) == NULL);
    weft_definitions_destroy(definitions);
}

TEST(definitions, names_are_1_to_127_bytes_without_control_characters)
{
    weft_definitions *definitions = make_definitions();
    char name[129] = {0};

    CHECK_ERR(add_actor(definitions, NULL), WEFT_EINVAL);
    CHECK_ERR(add_actor(definitions, ""), WEFT_EINVAL);
    CHECK_ERR(add_workflow(definitions, "a\nb"), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "workflow") != NULL);
    CHECK_ERR(add_activity(definitions, "a\x7f"), WEFT_EINVAL);
    memset(name, 'n', 128);
    CHECK_ERR(add_actor(definitions, name), WEFT_EINVAL);
    name[127] = '\0';
    CHECK_OK(add_actor(definitions, name));
    CHECK_OK(add_activity(definitions, name));
    weft_definitions_destroy(definitions);
}

TEST(definitions, what_is_out_of_range_is_named)
{
    weft_definitions *definitions = make_definitions();
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    const char *const bad_names[] = {"good", "bad\n", NULL};

    actor.name = "order";
    CHECK_ERR(weft_definitions_add_actor(definitions, &actor), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "actor order: receive is missing");
    actor.receive = receive;
    actor.state_bytes = WF_STATE_BYTES_MAX + 1;
    CHECK_ERR(weft_definitions_add_actor(definitions, &actor), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "state_bytes") != NULL);
    workflow.name = "ship";
    workflow.run = run_workflow;
    workflow.stack_bytes = 1000;
    CHECK_ERR(weft_definitions_add_workflow(definitions, &workflow),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "stack_bytes") != NULL);
    workflow.stack_bytes = WF_STACK_BYTES_MAX + 1;
    CHECK_ERR(weft_definitions_add_workflow(definitions, &workflow),
              WEFT_EINVAL);
    workflow.stack_bytes = 0;
    workflow.run = NULL;
    CHECK_ERR(weft_definitions_add_workflow(definitions, &workflow),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "workflow ship: run is missing");
    workflow.run = run_workflow;
    workflow.struct_size = 1;
    CHECK_ERR(weft_definitions_add_workflow(definitions, &workflow),
              WEFT_EINVAL);
    workflow.struct_size = sizeof(workflow);
    actor.state_bytes = 0;
    actor.creation = (weft_creation)7;
    CHECK_ERR(weft_definitions_add_actor(definitions, &actor), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "creation") != NULL);
    actor.creation = WEFT_CREATION_NEVER;
    actor.struct_size = 1;
    CHECK_ERR(weft_definitions_add_actor(definitions, &actor), WEFT_EINVAL);
    activity.name = "charge";
    CHECK_ERR(weft_definitions_add_activity(definitions, &activity),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "activity charge: run is missing");
    activity.run = run_activity;
    activity.retry.non_retryable = bad_names;
    CHECK_ERR(weft_definitions_add_activity(definitions, &activity),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "non_retryable") != NULL);
    CHECK_EQ(wf_definitions_activities_count(definitions), 0);
    workflow.upgrade = (weft_upgrade)3;
    CHECK_ERR(weft_definitions_add_workflow(definitions, &workflow),
              WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "workflow ship: upgrade is 3, which is none");
    CHECK(wf_definitions_find(definitions, "order") == NULL);
    CHECK(wf_definitions_find(definitions, "ship") == NULL);
    weft_definitions_destroy(definitions);
}

TEST(definitions, policies_out_of_range_are_refused_unchanged)
{
    weft_retry_policy policy = {.coefficient = 0.5};

    CHECK_ERR(wf_retry_policy_normalise("x", &policy), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "x: coefficient is not 1 or more");
    CHECK_EQ(policy.initial_interval_ms, 0);
    policy.coefficient = NAN;
    CHECK_ERR(wf_retry_policy_normalise("x", &policy), WEFT_EINVAL);
    policy.coefficient = INFINITY;
    CHECK_ERR(wf_retry_policy_normalise("x", &policy), WEFT_EINVAL);
    policy.coefficient = 1;
    policy.jitter = 1.5;
    CHECK_ERR(wf_retry_policy_normalise("x", &policy), WEFT_EINVAL);
    policy.jitter = NAN;
    CHECK_ERR(wf_retry_policy_normalise("x", &policy), WEFT_EINVAL);
    policy.jitter = 1;
    policy.initial_interval_ms = 100;
    policy.maximum_interval_ms = 50;
    CHECK_ERR(wf_retry_policy_normalise("x", &policy), WEFT_EINVAL);
    policy.initial_interval_ms = 0;
    CHECK_OK(wf_retry_policy_normalise("x", &policy));
    CHECK_EQ(policy.initial_interval_ms, 50);
    policy = (weft_retry_policy){.initial_interval_ms = WEFT_FOREVER - 1};
    CHECK_OK(wf_retry_policy_normalise("x", &policy));
    CHECK_EQ(policy.maximum_interval_ms, WEFT_FOREVER);
}

// What a program compiled with a header that ends before `creation` passes.
TEST(definitions, a_shorter_struct_means_zero_for_the_rest)
{
    weft_definitions *definitions = make_definitions();
    size_t size = offsetof(weft_actor_def, creation);
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_actor_def *old = malloc(size); // exactly, so that ASan watches

    def.struct_size = size;
    def.name = "order";
    def.receive = receive;
    memcpy(old, &def, size);
    CHECK_OK(weft_definitions_add_actor(definitions, old));
    CHECK_EQ(wf_definitions_find(definitions, "order")->creation,
             WEFT_CREATION_ON_MESSAGE);
    free(old);
    weft_definitions_destroy(definitions);
}

TEST(definitions, a_longer_struct_is_taken_if_the_rest_is_zero)
{
    weft_definitions *definitions = make_definitions();
    struct {
        weft_activity_def def;
        uint64_t newer;
    } wide = {.def = {.struct_size = sizeof(wide), .name = "charge"}};

    wide.def.run = run_activity;
    wide.newer = 1;
    CHECK_ERR(weft_definitions_add_activity(definitions, &wide.def),
              WEFT_EINVAL);
    wide.newer = 0;
    CHECK_OK(weft_definitions_add_activity(definitions, &wide.def));
    wide.def.struct_size = 0;
    CHECK_ERR(weft_definitions_add_activity(definitions, &wide.def),
              WEFT_EINVAL);
    CHECK_ERR(weft_definitions_add_activity(definitions, NULL), WEFT_EINVAL);
    weft_definitions_destroy(definitions);
    weft_definitions_destroy(NULL);
}

TEST(definitions, activities_keep_their_order)
{
    weft_definitions *definitions = make_definitions();
    char name[16];

    for (uint32_t i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "a%u", i);
        CHECK_OK(add_activity(definitions, name));
    }
    CHECK_EQ(wf_definitions_activities_count(definitions), 50);
    for (uint32_t i = 0; i < 50; i++) {
        const struct wf_activity_kind *kind =
            wf_definitions_activity_at(definitions, i);

        snprintf(name, sizeof(name), "a%u", i);
        CHECK_STR(kind->name, name);
        CHECK_EQ(kind->index, i);
        CHECK(wf_definitions_find_activity(definitions, name) == kind);
    }
    CHECK(wf_definitions_find_activity(definitions, "a50") == NULL);
    weft_definitions_destroy(definitions);
}
