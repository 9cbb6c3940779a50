// SPDX-License-Identifier: Apache-2.0

#include "weft/dry_run.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "support/test.h"
#include "unit/inspect_rig.h"

// As what left the directory.
static weft_err
sleep_a_week(weft_workflow *wf, weft_bytes input)
{
    weft_err err = weft_workflow_publish(wf, "input", input);

    return err == WEFT_OK ? weft_workflow_sleep(wf, INSPECT_RIG_WEEK_MS) : err;
}

static weft_err
sleep_longer(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_sleep(wf, 2 * INSPECT_RIG_WEEK_MS);
}

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = "keeper";
    def.receive = receive;
    CHECK_OK(weft_definitions_create(&definitions));
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    return definitions;
}

static void
add(weft_definitions *definitions, uint32_t version, weft_workflow_fn *run,
    weft_upgrade upgrade)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = "sleeper";
    def.version = version;
    def.run = run;
    def.upgrade = upgrade;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
}

static int
add_line(void *lines, const weft_dry_run_instance *instance)
{
    char line[300];

    (void)snprintf(line, sizeof(line), "%s %s/%s %u %s %u %s\n",
                   instance->name_space, instance->kind, instance->id,
                   instance->version,
                   weft_dry_run_outcome_name(instance->outcome),
                   instance->tried, instance->difference);
    wf_buf_put(lines, line, strlen(line));
    return 0;
}

static const char difference[] =
    "the code does not fit its journal at entry 2: recorded was timer \"\" at "
    "0.1 (input ";

// A line for each instance: up to where the inputs' hashes begin.
static void
check_lines(struct wf_buf *lines, const char *expected)
{
    char *at;

    wf_buf_put_u8(lines, 0);
    at = (char *)lines->data;
    while ((at = strstr(at, "(input ")) != NULL) {
        char *end = strchr(at, '\n');

        memmove(at, end, strlen(end) + 1);
    }
    CHECK_STR((const char *)lines->data, expected);
    wf_buf_fini(lines);
}

// Dry run, destroy the definitions, compare.
static void
check_run(struct test *t, weft_definitions *definitions, weft_err expected_err,
          const char *expected)
{
    weft_dry_run_options options = WEFT_DRY_RUN_OPTIONS_INIT;
    struct wf_buf lines = {0};

    options.data_dir = inspect_rig_dir(t);
    options.definitions = definitions;
    CHECK_ERR(weft_dry_run(&options, add_line, &lines, NULL), expected_err);
    weft_definitions_destroy(definitions);
    check_lines(&lines, expected);
}

static void
check_all(struct test *t)
{
    weft_definitions *definitions = define();
    char expected[600];

    add(definitions, 1, sleep_a_week, WEFT_UPGRADE_PIN);
    {
        weft_dry_run_options options = WEFT_DRY_RUN_OPTIONS_INIT;

        options.data_dir = inspect_rig_dir(t);
        options.definitions = definitions;
        CHECK_OK(weft_dry_run(&options, NULL, NULL, NULL)); // only whether
    }
    CHECK_STR(weft_dry_run_outcome_name((weft_dry_run_outcome)99), "unknown");
    check_run(t, definitions, WEFT_OK,
              "default sleeper/a 1 stays 1 \ndefault sleeper/b 1 stays 1 \n");

    definitions = define();
    add(definitions, 1, sleep_longer, WEFT_UPGRADE_PIN);
    (void)snprintf(expected, sizeof(expected),
                   "default sleeper/a 1 parks 1 %.*s\n"
                   "default sleeper/b 1 parks 1 %.*s\n",
                   (int)(strlen(difference) - 7), difference,
                   (int)(strlen(difference) - 7), difference);
    check_run(t, definitions, WEFT_EDIVERGED, expected);

    definitions = define();
    add(definitions, 2, sleep_a_week, WEFT_UPGRADE_ON_RESTART);
    check_run(t, definitions, WEFT_EDIVERGED,
              "default sleeper/a 1 waits 0 \ndefault sleeper/b 1 waits 0 \n");

    definitions = define();
    add(definitions, 2, sleep_a_week, WEFT_UPGRADE_NOW_IF_FITS);
    check_run(t, definitions, WEFT_OK,
              "default sleeper/a 1 moves 2 \ndefault sleeper/b 1 moves 2 \n");

    definitions = define();
    add(definitions, 1, sleep_a_week, WEFT_UPGRADE_PIN);
    add(definitions, 2, sleep_longer, WEFT_UPGRADE_NOW_IF_FITS);
    (void)snprintf(expected, sizeof(expected),
                   "default sleeper/a 1 stays 2 %.*s\n"
                   "default sleeper/b 1 stays 2 %.*s\n",
                   (int)(strlen(difference) - 7), difference,
                   (int)(strlen(difference) - 7), difference);
    check_run(t, definitions, WEFT_OK, expected);
}

TEST(dry_run, what_is_in_the_log_is_told_as_a_node_would_treat_it)
{
    inspect_rig_make(t, false);
    check_all(t);
}

TEST(dry_run, what_is_in_rows_is_told_as_a_node_would_treat_it)
{
    inspect_rig_make(t, true);
    check_all(t);
}

TEST(dry_run, a_kind_that_is_gone_is_told)
{
    weft_definitions *definitions;

    inspect_rig_make(t, false);
    CHECK_OK(weft_definitions_create(&definitions));
    check_run(t, definitions, WEFT_EDIVERGED,
              "default keeper/d 1 waits 0 \ndefault sleeper/a 1 waits 0 \n"
              "default sleeper/b 1 waits 0 \n");
}

TEST(dry_run, one_version_is_tried_and_counted)
{
    weft_dry_run_options options = WEFT_DRY_RUN_OPTIONS_INIT;
    weft_definitions *definitions = define();
    weft_dry_run_summary *summary = NULL;
    struct wf_buf lines = {0};

    inspect_rig_make(t, false);
    add(definitions, 1, sleep_a_week, WEFT_UPGRADE_PIN);
    add(definitions, 2, sleep_a_week, WEFT_UPGRADE_PIN);
    options.data_dir = inspect_rig_dir(t);
    options.definitions = definitions;
    options.kind = "sleeper";
    options.version = 2;
    CHECK_OK(weft_dry_run(&options, add_line, &lines, &summary));
    check_lines(&lines,
                "default sleeper/a 1 moves 2 \ndefault sleeper/b 1 moves 2 \n");
    CHECK_EQ(summary->outcomes[WEFT_DRY_RUN_MOVES], 2);
    CHECK_EQ(summary->outcomes[WEFT_DRY_RUN_STAYS], 0);
    CHECK_EQ(summary->counts_count, 1);
    CHECK_STR(summary->counts[0].kind, "sleeper");
    CHECK_EQ(summary->counts[0].version, 1);
    CHECK_EQ(summary->counts[0].outcomes[WEFT_DRY_RUN_MOVES], 2);
    weft_dry_run_free(summary);
    weft_definitions_destroy(definitions);
}

static int
end_at_once(void *count, const weft_dry_run_instance *instance)
{
    (void)instance;
    (*(int *)count)++;
    return 1;
}

TEST(dry_run, nothing_is_changed_and_it_ends_when_it_is_told_to)
{
    weft_dry_run_options options = WEFT_DRY_RUN_OPTIONS_INIT;
    weft_definitions *definitions = define();
    weft_node_options node_options;
    weft_inspect *inspect;
    weft_node *node = NULL;
    struct wf_buf lines = {0};
    int count = 0;

    inspect_rig_make(t, false);
    add(definitions, 1, sleep_longer, WEFT_UPGRADE_PIN);
    options.data_dir = inspect_rig_dir(t);
    options.definitions = definitions;
    CHECK_ERR(weft_dry_run(&options, end_at_once, &count, NULL),
              WEFT_EDIVERGED);
    CHECK_EQ(count, 1);
    inspect = inspect_rig_open(t);
    CHECK_OK(weft_inspect_each(inspect, NULL, inspect_rig_add_line, &lines));
    wf_buf_put_u8(&lines, 0);
    CHECK_STR((const char *)lines.data, inspect_rig_lines);
    wf_buf_fini(&lines);
    weft_inspect_close(inspect);
    CHECK_OK(weft_inspect_verify(options.data_dir, NULL, NULL, NULL));
    node_options = inspect_rig_options(t, definitions);
    CHECK_OK(weft_node_open(&node_options, &node));
    CHECK_ERR(weft_dry_run(&options, NULL, NULL, NULL), WEFT_EBUSY);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(dry_run, options_are_checked)
{
    weft_dry_run_options options = WEFT_DRY_RUN_OPTIONS_INIT;
    weft_definitions *definitions = define();

    CHECK_ERR(weft_dry_run(NULL, NULL, NULL, NULL), WEFT_EINVAL);
    options.data_dir = inspect_rig_dir(t);
    CHECK_ERR(weft_dry_run(&options, NULL, NULL, NULL), WEFT_EINVAL);
    options.definitions = definitions;
    CHECK_ERR(weft_dry_run(&options, NULL, NULL, NULL), WEFT_ENOTFOUND);
    options.version = 2;
    CHECK_ERR(weft_dry_run(&options, NULL, NULL, NULL), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "a version, and no kind");
    options.kind = "sleeper";
    CHECK_ERR(weft_dry_run(&options, NULL, NULL, NULL), WEFT_ENOTFOUND);
    add(definitions, 1, sleep_a_week, WEFT_UPGRADE_PIN);
    CHECK_ERR(weft_dry_run(&options, NULL, NULL, NULL), WEFT_ENOTFOUND);
    CHECK_STR(weft_err_detail(),
              "version 2 of workflow sleeper is not registered");
    options.kind = "keeper";
    options.version = 1;
    CHECK_ERR(weft_dry_run(&options, NULL, NULL, NULL), WEFT_ENOTFOUND);
    options.kind = NULL;
    options.version = 0;
    options.data_dir = NULL;
    CHECK_ERR(weft_dry_run(&options, NULL, NULL, NULL), WEFT_EINVAL);
    weft_dry_run_free(NULL);
    weft_definitions_destroy(definitions);
}
