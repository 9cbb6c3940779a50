// SPDX-License-Identifier: Apache-2.0
//
// model.h - what must come of a scene, computed from its text alone.

#ifndef WF_TESTS_SHIM_MODEL_H
#define WF_TESTS_SHIM_MODEL_H

#include "shim/scene.h"

#define MODEL_THINGS_MAX 24
#define MODEL_GOES_MAX 24
#define MODEL_CALLS_MAX 512
#define MODEL_TEXT 80

struct model_cell {
    char name[SCENE_WORD];
    uint64_t count;
    int64_t sum;
    uint64_t order; // of what clients send
    uint64_t ticks;
    uint64_t others; // of count: those that flows and cells send
};

struct model_flow {
    char name[SCENE_WORD];
    char program[SCENE_WORD];
    int64_t goes[MODEL_GOES_MAX];
    uint32_t goes_count;
    uint64_t asked;
    bool was_stopped;      // by somebody: then how far it came is open
    char status[16];       // weft_status_name's word; "none": it is not there
    char err[24];          // what waiting for its result says
    char text[MODEL_TEXT]; // its result
};

struct model_call {
    char name[SCENE_WORD];
    bool is_sure; // it must have been done; else it may have been
};

struct model {
    struct model_cell cells[MODEL_THINGS_MAX];
    uint32_t cells_count;
    struct model_flow flows[MODEL_THINGS_MAX];
    uint32_t flows_count;
    struct model_call calls[MODEL_CALLS_MAX];
    uint32_t calls_count;
    // What each statement is answered: "" anything.
    char errs[SCENE_STATEMENTS_MAX][24];
    char answers[SCENE_STATEMENTS_MAX][MODEL_TEXT];
};

void model_make(const struct scene_program *program, struct model *out_model);
const struct model_flow *model_find_flow(const struct model *model,
                                         const char *name);
const struct model_cell *model_find_cell(const struct model *model,
                                         const char *name);

#endif
