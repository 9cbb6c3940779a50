// SPDX-License-Identifier: Apache-2.0
//
// model.c - what must come of a scene, computed from its text alone.

#include "shim/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
set_text(char *to, size_t size, const char *text)
{
    (void)snprintf(to, size, "%s", text);
}

static _Noreturn void
refuse(const char *what)
{
    (void)fprintf(stderr, "model: %s\n", what);
    exit(2);
}

const struct model_cell *
model_find_cell(const struct model *model, const char *name)
{
    for (uint32_t i = 0; i < model->cells_count; i++) {
        if (strcmp(model->cells[i].name, name) == 0) {
            return &model->cells[i];
        }
    }
    return NULL;
}

const struct model_flow *
model_find_flow(const struct model *model, const char *name)
{
    for (uint32_t i = 0; i < model->flows_count; i++) {
        if (strcmp(model->flows[i].name, name) == 0) {
            return &model->flows[i];
        }
    }
    return NULL;
}

static struct model_cell *
take_cell(struct model *model, const char *name)
{
    const struct model_cell *found = model_find_cell(model, name);

    if (found != NULL) {
        return &model->cells[found - model->cells];
    }
    if (model->cells_count == MODEL_THINGS_MAX) {
        refuse("too many cells");
    }
    set_text(model->cells[model->cells_count].name, SCENE_WORD, name);
    return &model->cells[model->cells_count++];
}

static struct model_flow *
take_flow(struct model *model, const char *name)
{
    const struct model_flow *found = model_find_flow(model, name);

    if (found != NULL) {
        return &model->flows[found - model->flows];
    }
    if (model->flows_count == MODEL_THINGS_MAX) {
        refuse("too many flows");
    }
    set_text(model->flows[model->flows_count].name, SCENE_WORD, name);
    return &model->flows[model->flows_count++];
}

// Cells. ---------------------------------------------------------------------

static void
add_to(struct model_cell *cell, int64_t value)
{
    cell->count++;
    cell->sum += value;
    cell->order = scene_mix(cell->order, (uint64_t)value);
}

// Flows. ---------------------------------------------------------------------

static void
expect_call(struct model *model, const char *flow, uint64_t k, unsigned j,
            bool is_sure)
{
    char name[SCENE_WORD];

    scene_call_name(flow, k, j, name);
    for (uint32_t i = 0; i < model->calls_count; i++) {
        if (strcmp(model->calls[i].name, name) == 0) {
            model->calls[i].is_sure |= is_sure;
            return;
        }
    }
    if (model->calls_count == MODEL_CALLS_MAX) {
        refuse("too many calls");
    }
    model->calls[model->calls_count].is_sure = is_sure;
    set_text(model->calls[model->calls_count++].name, SCENE_WORD, name);
}

// How far a flow comes, and what it makes.
struct walk {
    struct model *model;
    const char *id;
    uint64_t sum;
    uint64_t k;
    uint32_t goes; // received
    uint32_t signals;
    bool is_sure;
    bool waits;
    bool has_failed;
};

static uint64_t walk_child(struct walk *parent);

static void
walk_calls(struct walk *walk, char letter, unsigned count)
{
    for (unsigned j = 0; j < count; j++) {
        expect_call(walk->model, walk->id, walk->k, j, walk->is_sure);
        walk->sum = scene_mix(walk->sum, scene_gives(letter, walk->k) + j);
    }
}

static void
walk_letter(struct walk *walk, char letter, const struct model_flow *flow)
{
    switch (letter) {
    case 'c':
    case 'q':
    case 'l':
    case 't':
        walk_calls(walk, letter, 1);
        break;
    case 'a':
        walk_calls(walk, letter, 3);
        break;
    case 'v':
        walk->sum = scene_mix(walk->sum, scene_gives(letter, walk->k));
        break;
    case 'k':
        walk->sum = scene_mix(walk->sum, walk_child(walk));
        break;
    case 'm':
        walk->signals++;
        break;
    case 'f':
        walk->has_failed = true;
        break;
    case 'r':
        walk->waits = flow == NULL || walk->goes >= flow->goes_count;
        if (!walk->waits) {
            walk->sum =
                scene_mix(walk->sum, (uint64_t)flow->goes[walk->goes++]);
        }
        break;
    default: // nothing to be seen of it
        break;
    }
}

static void
walk_program(struct walk *walk, const char *program,
             const struct model_flow *flow)
{
    for (const char *at = program; *at != '\0'; at++) {
        if (*at == 'n') {
            continue;
        }
        walk_letter(walk, *at, flow);
        if (walk->waits || walk->has_failed) {
            return;
        }
        walk->k++;
    }
}

static uint64_t
walk_child(struct walk *parent)
{
    char id[SCENE_WORD];
    struct walk walk = {
        .model = parent->model, .id = id, .is_sure = parent->is_sure};

    scene_call_name(parent->id, parent->k, 0, id);
    walk_program(&walk, SCENE_CHILD, NULL);
    return walk.sum;
}

static void
set_outcome(struct model_flow *flow, const char *status, const char *err)
{
    set_text(flow->status, sizeof(flow->status), status);
    set_text(flow->err, sizeof(flow->err), err);
}

// What it comes to, with the signals that it has so far. Those that it sends
// are counted once it goes no further.
static struct walk
settle_flow(struct model *model, struct model_flow *flow)
{
    struct walk walk = {
        .model = model, .id = flow->name, .is_sure = !flow->was_stopped};

    walk_program(&walk, flow->program, flow);
    if (flow->was_stopped) {
        return walk;
    }
    if (walk.waits) {
        set_outcome(flow, "running", "WEFT_ETIMEDOUT");
    } else if (walk.has_failed) {
        set_outcome(flow, "failed", "WEFT_EFAILED");
    } else {
        set_outcome(flow, "completed", "WEFT_OK");
        (void)snprintf(flow->text, sizeof(flow->text), "%" PRIu64 " %" PRIu64,
                       walk.sum, flow->asked);
    }
    return walk;
}

static void
stop_flow(struct model *model, struct model_flow *flow, const char *status,
          const char *err)
{
    flow->was_stopped = true;
    (void)settle_flow(model, flow);
    set_outcome(flow, status, err);
}

static void
copy_flow(struct model *model, const char *from, const char *to)
{
    const struct model_flow *source = take_flow(model, from);
    struct model_flow *flow = take_flow(model, to);
    char name[SCENE_WORD];

    memcpy(name, flow->name, sizeof(name));
    *flow = *source;
    memcpy(flow->name, name, sizeof(name));
    flow->asked = 0;
}

// Statements. ----------------------------------------------------------------

static void
play_cells(struct model *model, const struct scene_statement *statement,
           uint32_t i)
{
    struct model_cell *cell = take_cell(model, statement->words[1]);

    if (scene_is(statement, "add")) {
        add_to(cell, scene_number(statement, 2));
    } else if (scene_is(statement, "move")) {
        struct model_cell *to = take_cell(model, statement->words[2]);

        cell->sum -= scene_number(statement, 3);
        to->sum += scene_number(statement, 3);
        to->count++;
        to->others++;
    } else if (scene_is(statement, "tick")) {
        cell->ticks++;
    } else if (scene_is(statement, "get")) {
        // What others send may be on its way.
        if (cell->others == 0) {
            (void)snprintf(model->answers[i], MODEL_TEXT,
                           "%" PRIu64 " %" PRId64, cell->count, cell->sum);
        }
    } else {
        for (int64_t n = 1; n <= scene_number(statement, 2); n++) {
            add_to(cell, n);
        }
    }
}

static void
play_flows(struct model *model, const struct scene_statement *statement,
           uint32_t i)
{
    struct model_flow *flow = take_flow(model, statement->words[1]);

    if (scene_is(statement, "start")) {
        set_text(flow->program, SCENE_WORD, statement->words[2]);
    } else if (scene_is(statement, "go")) {
        flow->goes[flow->goes_count++ % MODEL_GOES_MAX] =
            scene_number(statement, 2);
    } else if (scene_is(statement, "ask")) {
        flow->asked += (uint64_t)scene_number(statement, 2);
        (void)snprintf(model->answers[i], MODEL_TEXT, "%" PRIu64, flow->asked);
    } else if (scene_is(statement, "fork")) {
        copy_flow(model, statement->words[1], statement->words[2]);
    } else if (scene_is(statement, "cancel")) {
        stop_flow(model, flow, "cancelled", "WEFT_ECANCELLED");
    } else if (scene_is(statement, "kill")) {
        stop_flow(model, flow, "terminated", "WEFT_ETERMINATED");
    } else if (scene_is(statement, "drop")) {
        stop_flow(model, flow, "none", "WEFT_ENOTFOUND");
    } else if (scene_is(statement, "end")) {
        (void)settle_flow(model, flow);
        set_text(model->errs[i], sizeof(model->errs[i]), flow->err);
        set_text(model->answers[i], MODEL_TEXT, flow->text);
    }
}

static void
kill_all(struct model *model, const char *prefix)
{
    for (uint32_t i = 0; i < model->flows_count; i++) {
        if (strncmp(model->flows[i].name, prefix, strlen(prefix)) == 0) {
            stop_flow(model, &model->flows[i], "terminated",
                      "WEFT_ETERMINATED");
        }
    }
}

static bool
is_one_of(const struct scene_statement *statement, const char *words)
{
    const char *found = strstr(words, statement->words[0]);
    size_t len = strlen(statement->words[0]);

    return found != NULL && found[len] == ' ' &&
           (found == words || found[-1] == ' ');
}

void
model_make(const struct scene_program *program, struct model *out_model)
{
    memset(out_model, 0, sizeof(*out_model));
    for (uint32_t i = 0; i < program->count; i++) {
        const struct scene_statement *statement = &program->statements[i];

        set_text(out_model->errs[i], sizeof(out_model->errs[i]), "WEFT_OK");
        if (is_one_of(statement, "add many big move tick get ")) {
            play_cells(out_model, statement, i);
        } else if (is_one_of(statement, "start go ask end cancel kill pause "
                                        "resume drop reset fork carry ")) {
            play_flows(out_model, statement, i);
        } else if (scene_is(statement, "killall")) {
            kill_all(out_model, statement->words[1]);
        } else if (!is_one_of(statement, "backup rest close with ")) {
            refuse(statement->words[0]);
        }
    }
    for (uint32_t i = 0; i < out_model->flows_count; i++) {
        struct walk walk = settle_flow(out_model, &out_model->flows[i]);

        if (walk.signals > 0) {
            struct model_cell *cell = take_cell(out_model, "m");

            cell->count += walk.signals;
            cell->sum += walk.signals;
            cell->others += walk.signals;
        }
    }
}
