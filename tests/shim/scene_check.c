// SPDX-License-Identifier: Apache-2.0
//
// scene_check.c - is what there is what was asked, once each?
//
//   - every statement was answered, with what the model says
//   - cells hold each signal once; those of one client in their order
//   - flows have ended as they must, with the result that they must have
//   - every activity and step of flows that ended has run, no others, and no
//     attempt of one twice
//   - backups verify, and hold what had been answered before them
//   - nothing is parked, nobody is left asleep
//
// It knows nothing of weft.

#include "shim/scene_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/ledger.h"
#include "shim/model.h"

#define EFFECTS_MAX 4096

struct effect {
    char key[40];
    uint32_t attempt;
    char name[SCENE_WORD];
};

struct check {
    struct scene_program program;
    struct model model;
    uint32_t faults;
    bool is_quiet;
    bool is_answered[SCENE_STATEMENTS_MAX];
    bool was_refused; // a part: then the order of many is open
    struct effect effects[EFFECTS_MAX];
    uint32_t effects_count;
    uint32_t backup; // that lines are about
};

__attribute__((format(printf, 2, 3))) static void
fault(struct check *check, const char *format, ...)
{
    va_list args;

    check->faults++;
    if (check->is_quiet) {
        return;
    }
    (void)printf("  fault: ");
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
}

// The ledger. ----------------------------------------------------------------

static void
check_answer(struct check *check, uint32_t i, const char *err,
             const char *answer)
{
    const char *wanted = check->model.answers[i];
    const char *verb = check->program.statements[i].words[0];

    check->is_answered[i] = true;
    if (strcmp(err, check->model.errs[i]) != 0) {
        fault(check, "%" PRIu32 " %s: %s, not %s", i, verb, err,
              check->model.errs[i]);
    } else if (wanted[0] != '\0' && strcmp(answer, wanted) != 0) {
        fault(check, "%" PRIu32 " %s: '%s', not '%s'", i, verb, answer, wanted);
    }
}

static void
read_ledger(void *ctx, char *line)
{
    struct check *check = ctx;
    char answer[MODEL_TEXT] = "";
    char err[24] = "";
    unsigned i;
    unsigned k;

    if (sscanf(line, "A %u %23s %79[^\n]", &i, err, answer) >= 2 &&
        i < check->program.count) {
        check_answer(check, i, err, answer);
    } else if (sscanf(line, "N %u %u", &i, &k) == 2) {
        check->was_refused = true;
    }
}

static void
check_ledger(struct check *check, const char *root)
{
    ledger_each(root, "ledger", LEDGER_LINE, 0, read_ledger, check);
    for (uint32_t i = 0; i < check->program.count; i++) {
        if (!check->is_answered[i]) {
            fault(check, "%" PRIu32 " %s: no answer", i,
                  check->program.statements[i].words[0]);
        }
    }
}

// Effects. -------------------------------------------------------------------

static void
read_effect(void *ctx, char *line)
{
    struct check *check = ctx;
    struct effect *effect = &check->effects[check->effects_count];

    if (check->effects_count < EFFECTS_MAX &&
        sscanf(line, "%39s %" SCNu32 " %63s", effect->key, &effect->attempt,
               effect->name) == 3) {
        check->effects_count++;
    }
}

static bool
has_run(const struct check *check, const char *name)
{
    for (uint32_t i = 0; i < check->effects_count; i++) {
        if (strcmp(check->effects[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_expected(const struct check *check, const char *name)
{
    for (uint32_t i = 0; i < check->model.calls_count; i++) {
        if (strcmp(check->model.calls[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_effects(struct check *check, const char *root)
{
    ledger_each(root, "effects", LEDGER_LINE, 0, read_effect, check);
    for (uint32_t i = 0; i < check->effects_count; i++) {
        const struct effect *effect = &check->effects[i];

        if (!is_expected(check, effect->name)) {
            fault(check, "call %s: nobody asked for it", effect->name);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(check->effects[k].key, effect->key) == 0 &&
                check->effects[k].attempt == effect->attempt) {
                fault(check, "call %s: attempt %" PRIu32 " ran twice",
                      effect->name, effect->attempt);
            }
        }
    }
    for (uint32_t i = 0; i < check->model.calls_count; i++) {
        const struct model_call *call = &check->model.calls[i];

        if (call->is_sure && !has_run(check, call->name)) {
            fault(check, "call %s: it never ran", call->name);
        }
    }
}

// The state. -----------------------------------------------------------------

static void
check_cell(struct check *check, const char *line)
{
    const struct model_cell *wanted;
    struct model_cell cell;

    if (sscanf(line, "cell %63s %" SCNu64 " %" SCNd64 " %" SCNu64 " %" SCNu64,
               cell.name, &cell.count, &cell.sum, &cell.order,
               &cell.ticks) != 5 ||
        (wanted = model_find_cell(&check->model, cell.name)) == NULL) {
        fault(check, "state: %s", line);
        return;
    }
    if (cell.count != wanted->count || cell.sum != wanted->sum) {
        fault(check,
              "cell %s: %" PRIu64 " signals, %" PRId64 " in all, not %" PRIu64
              ", %" PRId64,
              cell.name, cell.count, cell.sum, wanted->count, wanted->sum);
    } else if (cell.order != wanted->order && !check->was_refused) {
        fault(check, "cell %s: signals were overtaken", cell.name);
    }
    if (cell.ticks != wanted->ticks) {
        fault(check, "cell %s: %" PRIu64 " timers fired, not %" PRIu64,
              cell.name, cell.ticks, wanted->ticks);
    }
}

static void
check_flow(struct check *check, const char *line)
{
    const struct model_flow *wanted;
    char name[SCENE_WORD];
    char status[16] = "";
    char text[MODEL_TEXT] = "";

    if (sscanf(line, "flow %63s %15s %79[^\n]", name, status, text) < 2 ||
        (wanted = model_find_flow(&check->model, name)) == NULL) {
        fault(check, "state: %s", line);
    } else if (strcmp(status, wanted->status) != 0) {
        fault(check, "flow %s: %s, not %s", name, status, wanted->status);
    } else if (strcmp(text, wanted->text) != 0) {
        fault(check, "flow %s: '%s', not '%s'", name, text, wanted->text);
    }
}

// A backup has what had been answered before it was asked for.
static void
check_copied(struct check *check, const char *line)
{
    struct scene_program before = check->program;
    struct model *model = malloc(sizeof(*model));
    const struct model_cell *cell;
    char name[SCENE_WORD];
    uint64_t count;

    before.count = check->backup;
    if (model == NULL ||
        sscanf(line, "copied %63s %" SCNu64, name, &count) != 2) {
        fault(check, "state: %s", line);
        free(model);
        return;
    }
    model_make(&before, model);
    cell = model_find_cell(model, name);
    if (cell != NULL && count < cell->count - cell->others) {
        fault(check,
              "backup %" PRIu32 ": cell %s has %" PRIu64 ", not %" PRIu64,
              check->backup, name, count, cell->count - cell->others);
    }
    free(model);
}

static void
check_line(struct check *check, const char *line)
{
    char err[24];
    uint64_t asleep;
    uint64_t parked;

    if (strncmp(line, "cell ", 5) == 0) {
        check_cell(check, line);
    } else if (strncmp(line, "flow ", 5) == 0) {
        check_flow(check, line);
    } else if (strncmp(line, "copied ", 7) == 0) {
        check_copied(check, line);
    } else if (sscanf(line, "backup %" SCNu32 " %23s", &check->backup, err) ==
               2) {
        if (strcmp(err, "WEFT_OK") != 0) {
            fault(check, "backup %" PRIu32 ": %s", check->backup, err);
        }
    } else if (sscanf(line, "stats %" SCNu64 " %" SCNu64, &asleep, &parked) !=
                   2 ||
               asleep != 0 || parked != 0) {
        fault(check, "state: %s", line);
    }
}

static void
check_state(struct check *check, const char *root)
{
    char line[400];
    char path[600];
    FILE *file;
    uint32_t lines = 0;

    (void)snprintf(path, sizeof(path), "%s/state", root);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        check_line(check, line);
        lines++;
    }
    if (file == NULL ||
        lines < check->model.cells_count + check->model.flows_count + 1) {
        fault(check, "state: it is not whole");
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

uint32_t
scene_check(const char *root, const struct scene *scene, bool is_quiet)
{
    struct check *check = calloc(1, sizeof(*check));
    uint32_t faults;

    if (check == NULL) {
        return 1;
    }
    check->is_quiet = is_quiet;
    scene_parse(scene, &check->program);
    model_make(&check->program, &check->model);
    check_ledger(check, root);
    check_effects(check, root);
    check_state(check, root);
    faults = check->faults;
    free(check);
    return faults;
}
