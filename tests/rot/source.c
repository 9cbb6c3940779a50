// SPDX-License-Identifier: Apache-2.0
//
// source.c - directories as nodes leave them. See source.h.

#include "rot/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rot/ending.h"
#include "rot/files.h"
#include "rot/look.h"
#include "weft/inspect.h"

#define START_MS 1600000000000ULL
#define MINUTE_MS 60000ULL

#define SMALL                                                                  \
    {                                                                          \
        .scale = 1, .letters = 20, .big_bytes = 3000                           \
    }
#define LONG                                                                   \
    {                                                                          \
        .scale = 1, .letters = 600, .big_bytes = 3000                          \
    }
#define BIG                                                                    \
    {                                                                          \
        .scale = 2, .letters = 50, .big_bytes = 60000                          \
    }

// Only with what the mail of one actor keeps in memory exceeded are there rows
// of messages: 1,000 letters and more in LONG, over two lives.
const struct source_plan source_plans[] = {
    {"none-closed", SOURCE_CLOSED, WEFT_WINDOW_NONE, 1, 2, SMALL, false},
    {"64k-closed", SOURCE_CLOSED, 65536, 1, 2, BIG, false},
    {"wide-closed", SOURCE_CLOSED, 0, 3, 2, SMALL, false},
    {"none-idle", SOURCE_IDLE, WEFT_WINDOW_NONE, 3, 2, SMALL, false},
    {"64k-idle", SOURCE_IDLE, 65536, 1, 2, LONG, false},
    {"wide-idle", SOURCE_IDLE, 0, 1, 2, BIG, false},
    {"fresh-idle", SOURCE_IDLE, 0, 1, 1, SMALL, false},
    {"compacted-idle", SOURCE_IDLE, 65536, 1, 4, SMALL, false},
    {"none-strict", SOURCE_STRICT, WEFT_WINDOW_NONE, 1, 2, SMALL, false},
    {"64k-strict", SOURCE_STRICT, 65536, 3, 2, BIG, false},
    {"wide-strict", SOURCE_STRICT, 0, 1, 3, SMALL, false},
    {"backup", SOURCE_CLOSED, 65536, 3, 2, SMALL, true},
    {"none-hot", SOURCE_HOT, WEFT_WINDOW_NONE, 1, 2, SMALL, false},
    {"wide-hot", SOURCE_HOT, 0, 3, 2, SMALL, false},
};
const uint32_t source_plans_count =
    sizeof(source_plans) / sizeof(source_plans[0]);

const char *
source_end_name(enum source_end end)
{
    static const char *const names[SOURCE_END_COUNT] = {
        "closed", "idle 200 ms, killed", "strict, killed", "busy, killed"};

    return names[end];
}

static void
need(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "rot: %s: %s: %s\n", what, weft_err_name(err),
                      weft_err_detail());
        _exit(3);
    }
}

// Run fn in a process of its own; what it returns is given back.
static uint64_t
apart(uint64_t (*fn)(void *ctx), void *ctx)
{
    uint64_t *result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t value;
    int status = 0;
    pid_t pid;

    if (result == MAP_FAILED) {
        abort();
    }
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        *result = fn(ctx);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        (void)fprintf(stderr, "rot: a source could not be made\n");
        exit(3);
    }
    value = *result;
    (void)munmap(result, sizeof(*result));
    return value;
}

struct life {
    struct source *source;
    uint32_t index;
};

struct world_options
source_options(const struct source *source, const char *dir,
               const weft_definitions *definitions)
{
    return (struct world_options){
        .dir = dir,
        .definitions = definitions,
        .window_bytes = source->plan->window_bytes,
        .store_count = source->plan->store_count,
        .is_strict = source->plan->end == SOURCE_STRICT,
        .now_ms = source->now_ms,
    };
}

// One process on the directory. A minute in it, the log is trimmed.
static uint64_t
live(void *ctx)
{
    static struct world world;
    const struct life *life = ctx;
    const struct source_plan *plan = life->source->plan;
    struct world_options options =
        source_options(life->source, life->source->dir, kinds_define());
    struct kinds_feed feed = plan->feed;
    uint64_t end_ms;

    feed.phase = life->index;
    need(world_open(&world, &options), plan->name);
    need(kinds_feed(world.client, &feed), plan->name);
    world_advance(&world, MINUTE_MS + 1000);
    world.is_kept = false;
    need(kinds_feed_more(world.client, &feed), plan->name);
    if (plan->end == SOURCE_IDLE) {
        world.is_kept = true;
        world_advance(&world, 200);
    }
    end_ms = world.now_ms;
    if (plan->end == SOURCE_CLOSED) {
        world_close(&world);
    }
    return end_ms;
}

static char *
read_text(const char *path)
{
    struct wf_buf bytes = {0};

    files_read(path, &bytes);
    wf_buf_put(&bytes, "", 1);
    return (char *)bytes.data;
}

struct portrait {
    struct source *source;
    const char *dir;
    uint32_t lives;
    const char *scratch;
};

// Before, and when all work has ended, into two files.
static uint64_t
paint(void *ctx)
{
    static struct ending ending;
    const struct portrait *portrait = ctx;
    struct wf_buf all = {0};

    need(look_at(portrait->dir, LOOK_ALL, &all), portrait->dir);
    files_clone(portrait->dir, portrait->scratch);
    ending_run(portrait->source, portrait->scratch, portrait->lives,
               (char *)all.data, &ending);
    if (ending.open_err != WEFT_OK || ending.world.said_count > 0 ||
        ending.failed > 0 || ending.look_err != WEFT_OK) {
        (void)fprintf(stderr, "rot: %s: undamaged: %s %u %s %s\n",
                      portrait->dir, ending.detail, ending.failed,
                      ending.world.said, weft_err_name(ending.look_err));
        return 1;
    }
    files_write(files_path(portrait->scratch, "../all"), all.data, all.len);
    files_write(files_path(portrait->scratch, "../outcome"),
                ending.outcome.data, ending.outcome.len);
    files_remove_all(portrait->scratch);
    return 0;
}

static void
portray(struct source *source, const char *dir, uint32_t lives,
        const char *work, char **out_all, char **out_outcome)
{
    char scratch[300];
    struct portrait portrait = {source, dir, lives, scratch};

    (void)snprintf(scratch, sizeof(scratch), "%s/scratch", work);
    if (apart(paint, &portrait) != 0) {
        exit(3);
    }
    *out_all = read_text(files_path(work, "all"));
    *out_outcome = read_text(files_path(work, "outcome"));
}

static uint64_t
back_up(void *ctx)
{
    const struct source *source = ctx;
    weft_inspect_backup_options options = WEFT_INSPECT_BACKUP_OPTIONS_INIT;
    char copy[300];

    (void)snprintf(copy, sizeof(copy), "%s.copy", source->dir);
    options.data_dir = source->dir;
    options.to = copy;
    need(weft_inspect_backup(&options), copy);
    files_remove_all(source->dir);
    return (uint64_t)rename(copy, source->dir);
}

void
source_make(const struct source_plan *plan, const char *work,
            struct source *out)
{
    char *old_all = NULL;

    *out = (struct source){.plan = plan, .now_ms = START_MS};
    (void)snprintf(out->dir, sizeof(out->dir), "%s/%s", work, plan->name);
    for (uint32_t i = 0; i < plan->lives; i++) {
        struct life life = {out, i};

        if (i > 0 && i + 1 == plan->lives) {
            (void)snprintf(out->old, sizeof(out->old), "%s/%s.old", work,
                           plan->name);
            files_copy_all(out->dir, out->old);
        }
        out->now_ms = apart(live, &life) + 1000;
    }
    if (plan->is_backup && apart(back_up, out) != 0) {
        exit(3);
    }
    portray(out, out->dir, plan->lives, work, &out->all, &out->outcome);
    if (out->old[0] != '\0') {
        portray(out, out->old, plan->lives - 1, work, &old_all,
                &out->old_outcome);
        free(old_all);
    }
    out->hash = files_hash(out->dir);
}
