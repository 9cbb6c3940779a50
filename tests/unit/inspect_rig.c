// SPDX-License-Identifier: Apache-2.0
//
// inspect_rig.c - a directory that a node left. See inspect_rig.h.

#include "unit/inspect_rig.h"

#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"

static weft_err
sleeper(weft_workflow *wf, weft_bytes input)
{
    weft_err err = weft_workflow_publish(wf, "input", input);

    return err == WEFT_OK ? weft_workflow_sleep(wf, INSPECT_RIG_WEEK_MS) : err;
}

static weft_err
echo(weft_workflow *wf, weft_bytes input)
{
    return weft_workflow_return(wf, input);
}

static weft_err
keeper(weft_actor *actor, const weft_message *message, void *state)
{
    (void)state;
    return weft_actor_state_set(actor, message->data);
}

weft_definitions *
inspect_rig_define(void)
{
    weft_definitions *definitions = NULL;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    workflow.name = "sleeper";
    workflow.run = sleeper;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    workflow.name = "echo";
    workflow.run = echo;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    actor.name = "keeper";
    actor.receive = keeper;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    return definitions;
}

const char *
inspect_rig_dir(struct test *t)
{
    static char dir[600];

    snprintf(dir, sizeof(dir), "%s/data", test_dir(t));
    return dir;
}

weft_node_options
inspect_rig_options(struct test *t, const weft_definitions *definitions)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    options.data_dir = inspect_rig_dir(t);
    options.definitions = definitions;
    options.partition_count = INSPECT_RIG_PARTITIONS;
    options.shard_count = 1;
    options.worker_count = 1;
    options.reserve_bytes = 1;
    return options;
}

static void
wait_until_it_sleeps(weft_client *client, const char *id)
{
    uint32_t timers_count = 0;

    for (int i = 0; i < 60000 && timers_count == 0; i++) {
        weft_reply *reply = NULL;

        CHECK_OK(
            weft_client_describe(client, (weft_target){"sleeper", id}, &reply));
        timers_count = reply->items[0].timers_count;
        weft_reply_free(reply);
        usleep(1000);
    }
    CHECK_EQ(timers_count, 1);
}

static void
play_and_crash(void *ctx)
{
    static const char large[5000];
    const weft_node_options *options = ctx;
    weft_node *node = NULL;
    weft_client *client = NULL;

    CHECK_OK(weft_node_open(options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_OK(weft_client_start(client, (weft_target){"sleeper", "b"},
                               weft_text("two")));
    CHECK_OK(weft_client_start(client, (weft_target){"sleeper", "a"},
                               weft_text("one")));
    CHECK_OK(weft_client_start(client, (weft_target){"echo", "c"},
                               weft_text("three")));
    CHECK_OK(
        weft_client_result(client, (weft_target){"echo", "c"}, 60000, NULL));
    CHECK_OK(weft_client_signal(client, (weft_target){"keeper", "d"}, "keep",
                                weft_bytes_of(large, sizeof(large))));
    wait_until_it_sleeps(client, "a");
    wait_until_it_sleeps(client, "b");
    _exit(0);
}

void
inspect_rig_make(struct test *t, bool is_in_rows)
{
    weft_definitions *definitions = inspect_rig_define();
    weft_node_options options = inspect_rig_options(t, definitions);
    weft_node *node = NULL;

    CHECK_EQ(test_fork(play_and_crash, &options), 0);
    if (is_in_rows) {
        CHECK_OK(weft_node_open(&options, &node));
        weft_node_close(node);
    }
    weft_definitions_destroy(definitions);
}

weft_inspect *
inspect_rig_open(struct test *t)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;

    options.data_dir = inspect_rig_dir(t);
    CHECK_OK(weft_inspect_open(&options, &inspect));
    return inspect;
}

int
inspect_rig_add_line(void *ctx, const weft_inspect_actor *actor)
{
    struct wf_buf *lines = ctx;
    char line[256];
    int len = snprintf(
        line, sizeof(line),
        "%s %s/%s %s timers %zu journal %zu input %zu state %zu result %.*s\n",
        actor->name_space, actor->head.kind, actor->head.id,
        weft_status_name(actor->head.status), actor->timers_count,
        actor->journal_count, actor->input.len, actor->state.len,
        (int)actor->result.len, (const char *)actor->result.data);

    wf_buf_put(lines, line, (size_t)len);
    CHECK_EQ(actor->head.timers_count, actor->timers_count);
    CHECK_EQ(actor->head.journal_count, actor->journal_count);
    return 0;
}

const char inspect_rig_lines[] =
    "default echo/c completed timers 0 journal 1 input 5 state 0 result three\n"
    "default keeper/d running timers 0 journal 0 input 0 state 5000 result \n"
    "default sleeper/a running timers 1 journal 2 input 3 state 0 result \n"
    "default sleeper/b running timers 1 journal 2 input 3 state 0 result \n";
