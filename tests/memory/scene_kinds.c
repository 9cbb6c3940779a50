// SPDX-License-Identifier: Apache-2.0
//
// scene_kinds.c - cells, relays and flows: what scenes ask.
//
// A flow's input is "ITEM PROGRAM", with as many bytes behind it as one likes.
// Each letter of the program is done, and at the end, or when it is cancelled,
// its item is sent to the cell.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/scene.h"
#include "weft/branch.h"
#include "weft/child.h"
#include "weft/update.h"

struct cell {
    uint64_t count;
    uint64_t sum;
};

static uint64_t
item_of(weft_bytes bytes)
{
    char text[24] = "";

    if (bytes.len > 0) {
        memcpy(text, bytes.data,
               bytes.len < sizeof(text) ? bytes.len : sizeof(text) - 1);
    }
    return strtoull(text, NULL, 10);
}

static weft_bytes
text_of(uint64_t item, char text[24])
{
    (void)snprintf(text, 24, "%" PRIu64, item);
    return weft_text(text);
}

static weft_err
cell_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct cell *cell = state;
    uint64_t item = item_of(message->data);
    char text[24];

    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    cell->count++;
    cell->sum += item;
    return strcmp(message->name, "ask") == 0
               ? weft_actor_reply(actor, text_of(item, text))
               : WEFT_OK;
}

static weft_err
show(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

static weft_err
relay_receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *count = state;

    ++*count;
    return weft_actor_send(actor, (weft_target){"cell", "c"}, "add",
                           message->data);
}

static weft_err
run_work(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

// Flows. ----------------------------------------------------------------------

static weft_err
step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    *out_result = weft_text(ctx);
    return WEFT_OK;
}

static weft_err
value(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    (void)wf;
    *out_value = weft_text(ctx);
    return WEFT_OK;
}

static weft_err
sleep_in_branch(weft_workflow *wf, void *ctx)
{
    (void)ctx;
    return weft_workflow_sleep(wf, 1);
}

static weft_err
run_three(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[4];
    weft_err err = WEFT_OK;

    for (int i = 0; i < 3 && err == WEFT_OK; i++) {
        err = weft_workflow_call_async(wf, "work", input, NULL, &futures[i]);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_branch(wf, "sleeps", sleep_in_branch, NULL, NULL,
                                   &futures[3]);
    }
    return err == WEFT_OK ? weft_workflow_await_all(wf, futures, 4) : err;
}

static weft_err
run_child(weft_workflow *wf)
{
    char id[2 * SCENE_ID];
    weft_bytes out;

    (void)snprintf(id, sizeof(id), "%s/child", weft_workflow_id(wf));
    return weft_workflow_child(wf, (weft_target){"quiet", id}, weft_nothing(),
                               NULL, &out);
}

static weft_err
run_letter(weft_workflow *wf, char letter, weft_bytes input)
{
    weft_call_options local = WEFT_CALL_OPTIONS_INIT;
    weft_bytes out;

    local.is_local = 1;
    switch (letter) {
    case 'c':
        return weft_workflow_call(wf, "work", input, NULL, &out);
    case 'l':
        return weft_workflow_call(wf, "work", input, &local, &out);
    case 't':
        return weft_workflow_step(wf, "step", step, "7", &out);
    case 'v':
        return weft_workflow_value(wf, "value", value, "7", &out);
    case 's':
        return weft_workflow_sleep(wf, 1);
    case 'a':
        return run_three(wf, input);
    case 'k':
        return run_child(wf);
    case 'p':
        return weft_workflow_publish(wf, "value", input);
    case 'r':
        return weft_workflow_receive(wf, "go", WEFT_FOREVER, &out);
    default:
        return WEFT_EINVAL;
    }
}

static weft_err
take_update(weft_workflow *wf, weft_bytes input, void *ctx)
{
    (void)ctx;
    return weft_workflow_return(wf, input);
}

static weft_err
tell_cell(weft_workflow *wf, weft_bytes input)
{
    char text[24];
    weft_err err;

    weft_workflow_shield_begin(wf);
    err = weft_workflow_signal(wf, (weft_target){"cell", "c"}, "add",
                               text_of(item_of(input), text));
    weft_workflow_shield_end(wf);
    return err;
}

static weft_err
run_flow(weft_workflow *wf, weft_bytes input)
{
    char program[16] = "";
    char text[40] = "";
    weft_err err;
    weft_err told;

    memcpy(text, input.data,
           input.len < sizeof(text) ? input.len : sizeof(text) - 1);
    (void)sscanf(text, "%*u %15[a-z]", program);
    err = weft_workflow_on_update(wf, "set", NULL, take_update, NULL);
    for (const char *at = program; err == WEFT_OK && *at != '\0'; at++) {
        if (*at == 'n') {
            (void)snprintf(text, sizeof(text), "%" PRIu64 " %s", item_of(input),
                           at + 1);
            return weft_workflow_restart(wf, weft_text(text));
        }
        err = run_letter(wf, *at, input);
    }
    told = tell_cell(wf, input);
    if (err != WEFT_OK || told != WEFT_OK) {
        return err == WEFT_OK ? told : err;
    }
    return weft_workflow_return(wf, text_of(item_of(input), text));
}

static weft_err
run_quiet(weft_workflow *wf, weft_bytes input)
{
    return weft_workflow_return(wf, input);
}

static void
must(weft_err err)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "definitions: %s\n", weft_err_detail());
        exit(3);
    }
}

weft_definitions *
scene_define(void)
{
    weft_definitions *definitions = NULL;
    weft_actor_def cell = WEFT_ACTOR_DEF_INIT;
    weft_actor_def relay = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def flow = WEFT_WORKFLOW_DEF_INIT;
    weft_workflow_def quiet = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def work = WEFT_ACTIVITY_DEF_INIT;

    must(weft_definitions_create(&definitions));
    cell.name = "cell";
    cell.state_bytes = sizeof(struct cell);
    cell.receive = cell_receive;
    cell.query = show;
    must(weft_definitions_add_actor(definitions, &cell));
    relay.name = "relay";
    relay.state_bytes = sizeof(uint64_t);
    relay.receive = relay_receive;
    must(weft_definitions_add_actor(definitions, &relay));
    flow.name = "flow";
    flow.run = run_flow;
    must(weft_definitions_add_workflow(definitions, &flow));
    quiet.name = "quiet";
    quiet.run = run_quiet;
    must(weft_definitions_add_workflow(definitions, &quiet));
    work.name = "work";
    work.run = run_work;
    work.retry.initial_interval_ms = 5;
    must(weft_definitions_add_activity(definitions, &work));
    return definitions;
}
