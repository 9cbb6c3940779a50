// SPDX-License-Identifier: Apache-2.0
//
// kinds.h - how workloads register what they run.

#ifndef WF_BENCH_KINDS_H
#define WF_BENCH_KINDS_H

#include "weft/actor.h"
#include "weft/definitions.h"
#include "weft/workflow.h"

static inline weft_err
kinds_add_workflow(weft_definitions *definitions, const char *name,
                   weft_workflow_fn *run, const void *context)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run;
    def.context = (void *)context;
    return weft_definitions_add_workflow(definitions, &def);
}

// For actors that answer every query with their state.
static inline weft_err
kinds_answer_state(weft_query *query, const char *name, weft_bytes args,
                   const void *state, size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

static inline weft_err
kinds_add_actor(weft_definitions *definitions, const char *name,
                weft_actor_fn *receive, uint32_t state_bytes,
                weft_query_fn *query)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = name;
    def.receive = receive;
    def.state_bytes = state_bytes;
    def.query = query;
    return weft_definitions_add_actor(definitions, &def);
}

#endif
