// SPDX-License-Identifier: Apache-2.0
//
// strange.c - see strange.h.

#include "nodes/strange.h"

#include <stdlib.h>
#include <string.h>

#include "weft/task_queue.h"
#include "weft/workflow.h"

#define FUSE_MS 50

static weft_err
run_gate(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;

    (void)input;
    return weft_workflow_receive(wf, "go", WEFT_FOREVER, &data);
}

static weft_err
run_asker(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_bytes result;
    weft_err err;

    options.task_queue = STRANGE_QUEUE;
    err = weft_workflow_call(wf, "double", input, &options, &result);
    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

static weft_err
run_double(weft_activity *activity, weft_bytes input)
{
    uint32_t number = 0;

    if (input.len != sizeof(number)) {
        return WEFT_EINVAL;
    }
    memcpy(&number, input.data, sizeof(number));
    number *= 2;
    return weft_activity_return(activity,
                                weft_bytes_of(&number, sizeof(number)));
}

// By a timer: what was not durable would be gone with the process.
static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)state;
    if (message->type == WEFT_MESSAGE_TIMER) {
        abort();
    }
    return message->type == WEFT_MESSAGE_SIGNAL
               ? weft_actor_timer_set(actor, "fuse", FUSE_MS)
               : WEFT_OK;
}

static weft_err
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *run)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run;
    return weft_definitions_add_workflow(definitions, &def);
}

weft_err
strange_define(weft_definitions *definitions)
{
    weft_actor_def fatal = WEFT_ACTOR_DEF_INIT;
    weft_err err = add_workflow(definitions, "gate", run_gate);

    fatal.name = "fatal";
    fatal.receive = receive;
    if (err == WEFT_OK) {
        err = add_workflow(definitions, "asker", run_asker);
    }
    if (err == WEFT_OK) {
        err = weft_definitions_add_actor(definitions, &fatal);
    }
    return err == WEFT_OK ? weft_definitions_add_task_queues(definitions) : err;
}

weft_err
strange_define_hands(weft_definitions *definitions)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = "double";
    def.run = run_double;
    return weft_definitions_add_activity(definitions, &def);
}
