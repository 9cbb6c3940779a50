// SPDX-License-Identifier: Apache-2.0
//
// corpus.c - record and replay the journals of stories. See corpus.h.
//
// What does not fit its own code when it is recorded is left out: stories that
// change the code under their workflows are about just that. So is what would
// make the corpus large.

#include "story/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/table.h"
#include "runtime/capsule.h"
#include "runtime/partition_impl.h"
#include "weft/capsule.h"

#define CAPSULE_BYTES_MAX 65536 // larger ones are not kept

static unsigned stories; // of this test, so far

static const char *
dir_of(const char *mode)
{
    const char *given = getenv("STORY_CORPUS");
    size_t len = strlen(mode);

    return given != NULL && strncmp(given, mode, len) == 0 ? given + len : NULL;
}

bool
corpus_records(void)
{
    return dir_of("record:") != NULL;
}

bool
corpus_replays(void)
{
    return dir_of("replay:") != NULL;
}

bool
corpus_is_on(void)
{
    return corpus_records() || corpus_replays();
}

static void
make_path(const char *dir, unsigned number, char *out_path, size_t size)
{
    const struct test *test = test_now();

    (void)snprintf(out_path, size, "%s/%s.%s.%u.capsule", dir, test->file,
                   test->sentence, number);
}

// Recording. ------------------------------------------------------------------

// Append the capsule of a workflow that has a journal which fits its code.
static void
add_capsule(struct wf_actor *actor, uint64_t now_ms,
            const weft_definitions *definitions, struct wf_buf *out)
{
    struct wf_buf capsule = {0};

    if (actor->residency == WF_RESIDENCY_LOADED && actor->journal.count > 0 &&
        wf_capsule_encode(actor, now_ms, &capsule) == WEFT_OK &&
        capsule.len <= CAPSULE_BYTES_MAX &&
        weft_replay_check(definitions, wf_buf_bytes(&capsule)) == WEFT_OK) {
        wf_buf_put(out, capsule.data, capsule.len);
    }
    wf_buf_fini(&capsule);
}

static void
write_file(const char *path, weft_bytes bytes)
{
    FILE *file = fopen(path, "wb");

    CHECK(file != NULL);
    CHECK_EQ(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    CHECK_EQ(fclose(file), 0);
}

void
corpus_record(struct world *world, story_definitions_fn *define)
{
    const struct wf_partition *partition = world_partition(world, 0);
    weft_definitions *definitions = define();
    struct wf_buf capsules = {0};
    char path[1024];
    struct wf_actor *actor;
    size_t cursor = 0;

    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        add_capsule(actor, world_now_ms(world), definitions, &capsules);
    }
    make_path(dir_of("record:"), ++stories, path, sizeof(path));
    if (capsules.len > 0) {
        write_file(path, wf_buf_bytes(&capsules));
    }
    wf_buf_fini(&capsules);
    weft_definitions_destroy(definitions);
}

// Replaying. ------------------------------------------------------------------

static bool
has_later(const char *dir)
{
    char path[1024];

    for (unsigned i = stories + 1; i < stories + 20; i++) {
        make_path(dir, i, path, sizeof(path));
        if (access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

void
corpus_replay(story_definitions_fn *define)
{
    const char *dir = dir_of("replay:");
    weft_definitions *definitions = define();
    char path[1024];

    make_path(dir, ++stories, path, sizeof(path));
    if (access(path, F_OK) == 0) {
        weft_err err = weft_replay_check_file(definitions, path);

        if (err != WEFT_OK) {
            (void)fprintf(stderr, "%s: %s: %s\n", path, weft_err_name(err),
                          weft_err_detail());
            _exit(1);
        }
        (void)fprintf(stderr, "replayed %s\n", path);
    }
    weft_definitions_destroy(definitions);
    if (!has_later(dir)) {
        _exit(0);
    }
}
