// SPDX-License-Identifier: Apache-2.0
//
// node_rig.c - what tests of whole nodes have in common. See node_rig.h.

#include "unit/node_rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/node.h"
#include "support/counter.h"
#include "weft/workflow.h"

// ThreadSanitizer does not see what RocksDB, which is not built with it, does
// to order its own threads.
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *
__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

// A step of a chain of activities and timers, which ends after three.
static weft_err
touch(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

static weft_err
chain(weft_workflow *wf, weft_bytes input)
{
    for (int i = 0; i < 3; i++) {
        weft_bytes result;
        weft_err err = weft_workflow_call(wf, "touch", input, NULL, &result);

        if (err == WEFT_OK) {
            err = weft_workflow_sleep(wf, 5);
        }
        if (err != WEFT_OK) {
            return err;
        }
    }
    return weft_workflow_return(wf, weft_text("done"));
}

// Runs for longer than a turn should.
static weft_err
dawdle(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)state;
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        usleep(500000);
    }
    return WEFT_OK;
}

static weft_err
die(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)state;
    if (strcmp(message->name, "die") == 0) {
        abort();
    }
    return WEFT_OK;
}

weft_definitions *
node_rig_define(void)
{
    weft_definitions *definitions = NULL;
    weft_actor_def slow = WEFT_ACTOR_DEF_INIT;
    weft_actor_def fatal = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    CHECK_OK(counter_define(definitions));
    slow.name = "slow";
    slow.receive = dawdle;
    CHECK_OK(weft_definitions_add_actor(definitions, &slow));
    fatal.name = "fatal";
    fatal.receive = die;
    CHECK_OK(weft_definitions_add_actor(definitions, &fatal));
    activity.name = "touch";
    activity.run = touch;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    workflow.name = "chain";
    workflow.run = chain;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    return definitions;
}

static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;

void
node_rig_add_line(void *ctx, const char *line)
{
    struct node_rig_lines *lines = ctx;
    size_t len = strlen(line);

    pthread_mutex_lock(&lines_lock);
    if (lines->len + len + 2 < sizeof(lines->text)) {
        memcpy(lines->text + lines->len, line, len);
        lines->text[lines->len + len] = '\n';
        lines->len += len + 1;
    }
    pthread_mutex_unlock(&lines_lock);
}

bool
node_rig_has_said(const struct node_rig_lines *lines, const char *part)
{
    bool has;

    pthread_mutex_lock(&lines_lock);
    has = strstr(lines->text, part) != NULL;
    pthread_mutex_unlock(&lines_lock);
    return has;
}

struct node_rig
node_rig_begin(struct test *t)
{
    struct node_rig rig = {
        .definitions = node_rig_define(),
        .options = WEFT_NODE_OPTIONS_INIT,
    };
    static char dir[600];

    snprintf(dir, sizeof(dir), "%s/data", test_dir(t));
    rig.options.data_dir = dir;
    rig.options.definitions = rig.definitions;
    rig.options.partition_count = 8;
    rig.options.shard_count = 2;
    rig.options.worker_count = 2;
    rig.options.reserve_bytes = 1;
    return rig;
}

void
node_rig_end(struct node_rig *rig)
{
    weft_definitions_destroy(rig->definitions);
}

void
node_rig_open(struct node_rig *rig)
{
    struct wf_node_seams seams = {.cluster = {.name = rig->name}};

    CHECK_OK(wf_node_open_with(&rig->options, &seams, &rig->node));
    CHECK_OK(weft_client_open(rig->node, NULL, &rig->client));
}

void
node_rig_close(struct node_rig *rig)
{
    weft_client_close(rig->client);
    weft_node_close(rig->node);
}

uint64_t
node_rig_number(weft_client *client, const char *id)
{
    uint64_t number;

    CHECK_OK(counter_read(client, id, &number));
    return number;
}

void
node_rig_add(weft_client *client, const char *id)
{
    CHECK_OK(counter_add(client, id));
}
