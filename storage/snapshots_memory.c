// SPDX-License-Identifier: Apache-2.0
//
// snapshots_memory.c - files of snapshots in memory, for tests: they can fail,
// be lost and be damaged.
//
// Threads: one.

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/error.h"
#include "storage/file.h"
#include "storage/snapshots.h"

struct item {
    uint8_t hash[WF_SNAPSHOTS_HASH_BYTES];
    struct wf_buf bytes;
    uint64_t put_ms;
    bool is_damaged;
};

struct wf_snapshots_memory {
    struct wf_clock clock;
    struct item *items;
    uint32_t items_count;
    uint32_t fail_skip;
};

static weft_err put(void *self, const struct wf_snapshots_file *file,
                    const char *path, bool *out_is_new);
static weft_err has(void *self, const struct wf_snapshots_file *file,
                    bool *out_has);
static weft_err get(void *self, const struct wf_snapshots_file *file,
                    const char *path);
static weft_err list(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn,
                     void *ctx);
static weft_err remove_file(void *self, const uint8_t *hash, uint64_t age_ms);
static void ignore(void *self);

static const struct wf_snapshots_ops memory_ops = {
    .put = put,
    .has = has,
    .get = get,
    .list = list,
    .remove = remove_file,
    .stop = ignore,
    .close = ignore,
};

struct wf_snapshots_memory *
wf_snapshots_memory_create(struct wf_clock clock)
{
    struct wf_snapshots_memory *memory = wf_calloc(sizeof(*memory));

    memory->clock = clock;
    memory->fail_skip = UINT32_MAX;
    return memory;
}

void
wf_snapshots_memory_destroy(struct wf_snapshots_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (uint32_t i = 0; i < memory->items_count; i++) {
        wf_buf_fini(&memory->items[i].bytes);
    }
    wf_free(memory->items);
    wf_free(memory);
}

void
wf_snapshots_memory_open(struct wf_snapshots_memory *memory,
                         struct wf_snapshots *out_snapshots)
{
    out_snapshots->ops = &memory_ops;
    out_snapshots->self = memory;
}

void
wf_snapshots_memory_fail(struct wf_snapshots_memory *memory, uint32_t skip)
{
    memory->fail_skip = skip;
}

uint32_t
wf_snapshots_memory_count(const struct wf_snapshots_memory *memory)
{
    return memory->items_count;
}

static void
ignore(void *self)
{
    (void)self;
}

static uint64_t
now_ms(const struct wf_snapshots_memory *memory)
{
    return memory->clock.wall_ms(memory->clock.self);
}

static weft_err
check(struct wf_snapshots_memory *memory)
{
    if (memory->fail_skip == 0) {
        return wf_error(WEFT_EIO, "a failure was asked for");
    }
    memory->fail_skip -= memory->fail_skip != UINT32_MAX;
    return WEFT_OK;
}

static struct item *
find(struct wf_snapshots_memory *memory, const uint8_t *hash)
{
    for (uint32_t i = 0; i < memory->items_count; i++) {
        if (memcmp(memory->items[i].hash, hash, WF_SNAPSHOTS_HASH_BYTES) == 0) {
            return &memory->items[i];
        }
    }
    return NULL;
}

static void
drop(struct wf_snapshots_memory *memory, struct item *item)
{
    wf_buf_fini(&item->bytes);
    *item = memory->items[--memory->items_count];
}

void
wf_snapshots_memory_lose(struct wf_snapshots_memory *memory, uint64_t choice)
{
    if (memory->items_count > 0) {
        drop(memory, &memory->items[choice % memory->items_count]);
    }
}

void
wf_snapshots_memory_damage(struct wf_snapshots_memory *memory, uint64_t choice)
{
    if (memory->items_count > 0) {
        memory->items[choice % memory->items_count].is_damaged = true;
    }
}

static weft_err
read_file(const struct wf_snapshots_file *file, const char *path,
          struct wf_buf *out_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    weft_err err;

    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s cannot be opened", path);
    }
    wf_buf_reserve(out_bytes, file->bytes);
    err = wf_file_read(fd, path, out_bytes->data, file->bytes, &len);
    out_bytes->len = len;
    close(fd);
    return err;
}

static weft_err
put(void *self, const struct wf_snapshots_file *file, const char *path,
    bool *out_is_new)
{
    struct wf_snapshots_memory *memory = self;
    struct item *item = find(memory, file->hash);
    struct item added = {0};
    weft_err err = check(memory);

    if (err == WEFT_OK && item == NULL) {
        err = read_file(file, path, &added.bytes);
        memcpy(added.hash, file->hash, sizeof(added.hash));
    }
    if (err != WEFT_OK) {
        wf_buf_fini(&added.bytes);
        return err;
    }
    *out_is_new = item == NULL;
    if (item == NULL) {
        memory->items = wf_realloc(memory->items, (memory->items_count + 1) *
                                                      sizeof(*memory->items));
        item = &memory->items[memory->items_count++];
        *item = added;
    }
    item->put_ms = now_ms(memory);
    return WEFT_OK;
}

static weft_err
has(void *self, const struct wf_snapshots_file *file, bool *out_has)
{
    struct wf_snapshots_memory *memory = self;

    *out_has = find(memory, file->hash) != NULL;
    return check(memory);
}

static weft_err
get(void *self, const struct wf_snapshots_file *file, const char *path)
{
    struct wf_snapshots_memory *memory = self;
    const struct item *item = find(memory, file->hash);
    weft_err err = check(memory);
    int fd;

    if (err != WEFT_OK) {
        return err;
    }
    if (item == NULL || item->is_damaged) {
        return wf_error(item == NULL ? WEFT_ENOTFOUND : WEFT_ECORRUPT,
                        "%s: its bytes are %s", file->name,
                        item == NULL ? "gone" : "others");
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s cannot be made", path);
    }
    err = wf_file_write(fd, path, wf_buf_bytes(&item->bytes), 0);
    close(fd);
    return err;
}

static bool
is_old(const struct wf_snapshots_memory *memory, const struct item *item,
       uint64_t age_ms)
{
    return now_ms(memory) >= item->put_ms + age_ms;
}

static weft_err
list(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn, void *ctx)
{
    struct wf_snapshots_memory *memory = self;

    for (uint32_t i = 0; i < memory->items_count; i++) {
        if (is_old(memory, &memory->items[i], age_ms)) {
            fn(ctx, memory->items[i].hash);
        }
    }
    return check(memory);
}

static weft_err
remove_file(void *self, const uint8_t *hash, uint64_t age_ms)
{
    struct wf_snapshots_memory *memory = self;
    struct item *item = find(memory, hash);
    weft_err err = check(memory);

    if (err == WEFT_OK && item != NULL && is_old(memory, item, age_ms)) {
        drop(memory, item);
    }
    return err;
}
