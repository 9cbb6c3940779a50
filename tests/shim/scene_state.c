// SPDX-License-Identifier: Apache-2.0
//
// scene_state.c - what there is on a stage when its scene has ended.

#include "shim/scene_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/model.h"
#include "shim/scene_kinds.h"
#include "weft/inspect.h"

#define QUIET_MS 3000

static struct cell
read_cell(struct stage *stage, const char *name)
{
    struct cell cell = {0};
    weft_reply *reply = NULL;
    weft_err err = weft_client_query(stage->client, (weft_target){"cell", name},
                                     "all", weft_nothing(), &reply);

    if (err == WEFT_OK && reply->data.len >= sizeof(cell)) {
        memcpy(&cell, reply->data.data, sizeof(cell));
    } else if (err != WEFT_ENOTFOUND) {
        stage_give_up(name, err, 3);
    }
    weft_reply_free(reply);
    return cell;
}

// Messages between cells, and from flows, take their time.
static void
wait_for_cells(struct stage *stage, const struct model *model)
{
    uint64_t end_ms = stage_now_ms() + QUIET_MS;
    bool is_there = false;

    while (!is_there && stage_now_ms() < end_ms) {
        is_there = true;
        for (uint32_t i = 0; i < model->cells_count; i++) {
            struct cell cell = read_cell(stage, model->cells[i].name);

            is_there = is_there && cell.count >= model->cells[i].count &&
                       cell.ticks >= model->cells[i].ticks;
        }
        if (!is_there) {
            stage_sleep_ms(5);
        }
    }
}

static void
write_flow(FILE *file, struct stage *stage, const char *name)
{
    weft_target target = {"flow", name};
    weft_reply *reply = NULL;
    weft_status status = WEFT_STATUS_NONE;
    weft_err err = weft_client_describe(stage->client, target, &reply);

    if (err == WEFT_OK) {
        status = reply->items[0].status;
    } else if (err != WEFT_ENOTFOUND) {
        stage_give_up(name, err, 3);
    }
    weft_reply_free(reply);
    reply = NULL;
    (void)fprintf(file, "flow %s %s ", name, weft_status_name(status));
    if (status == WEFT_STATUS_COMPLETED &&
        weft_client_result(stage->client, target, 1000, &reply) == WEFT_OK) {
        (void)fwrite(reply->data.data, 1, reply->data.len, file);
    }
    (void)fprintf(file, "\n");
    weft_reply_free(reply);
}

static void
tell_problem(void *ctx, const char *where, const char *what)
{
    (void)ctx;
    (void)fprintf(stderr, "verify: %s: %s\n", where, what);
}

static int
write_copied_cell(void *ctx, const weft_inspect_actor *actor)
{
    struct cell cell;

    if (actor->state.len >= sizeof(cell)) {
        memcpy(&cell, actor->state.data, sizeof(cell));
        (void)fprintf(ctx, "copied %s %" PRIu64 "\n", actor->head.id,
                      cell.count);
    }
    return 0;
}

// And what it has of cells, until the next line of another kind.
static void
write_backup(FILE *file, const struct stage *stage, uint32_t i)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect_filter filter = WEFT_INSPECT_FILTER_INIT;
    weft_inspect *inspect = NULL;
    char path[STAGE_PATH];
    weft_err err;

    (void)snprintf(path, sizeof(path), "%s/disk/backup-%" PRIu32, stage->root,
                   i);
    err = weft_inspect_verify(path, tell_problem, NULL, NULL);
    (void)fprintf(file, "backup %" PRIu32 " %s\n", i, weft_err_name(err));
    options.data_dir = path;
    filter.kind = "cell";
    if (err == WEFT_OK && weft_inspect_open(&options, &inspect) == WEFT_OK) {
        (void)weft_inspect_each(inspect, &filter, write_copied_cell, file);
    }
    weft_inspect_close(inspect);
}

static void
write_all(FILE *file, struct stage *stage, const struct scene_program *program,
          const struct model *model)
{
    weft_node_stats stats = {.struct_size = sizeof(stats)};

    for (uint32_t i = 0; i < model->cells_count; i++) {
        struct cell cell = read_cell(stage, model->cells[i].name);

        (void)fprintf(
            file, "cell %s %" PRIu64 " %" PRId64 " %" PRIu64 " %" PRIu64 "\n",
            model->cells[i].name, cell.count, cell.sum, cell.order, cell.ticks);
    }
    for (uint32_t i = 0; i < model->flows_count; i++) {
        write_flow(file, stage, model->flows[i].name);
    }
    for (uint32_t i = 0; i < program->count; i++) {
        if (scene_is(&program->statements[i], "backup")) {
            write_backup(file, stage, i);
        }
    }
    if (weft_node_get_stats(stage->node, &stats) != WEFT_OK) {
        stage_give_up("stats", WEFT_EINVAL, 3);
    }
    (void)fprintf(file, "stats %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                  stats.audit_failures, stats.actors_parked,
                  stats.dead_letters);
}

void
scene_state_write(struct stage *stage, const struct scene_program *program)
{
    struct model *model = malloc(sizeof(*model));
    char path[STAGE_PATH];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/state", stage->root);
    file = fopen(path, "we");
    if (model == NULL || file == NULL) {
        stage_give_up(path, WEFT_EIO, 3);
    }
    model_make(program, model);
    wait_for_cells(stage, model);
    write_all(file, stage, program, model);
    free(model);
    if (fclose(file) != 0) {
        stage_give_up(path, WEFT_EIO, 3);
    }
}
