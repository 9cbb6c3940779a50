// SPDX-License-Identifier: Apache-2.0
//
// disk_trace.c - the trace of the shim, entry by entry: it is played on a disk,
// and places in it are found where a cut is worth trying.
//
// A trace may end within an entry, whose writer was killed: that one is not
// there.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/disk_impl.h"

#define PENDING_SLOTS 64
#define SYNCS_AHEAD 12

struct trace {
    FILE *file; // NULL: there is none, and it is empty
    struct disk_event event;
};

static struct trace
trace_open(const char *path)
{
    return (struct trace){.file = fopen(path, "re")};
}

static void
trace_close(struct trace *trace)
{
    free(trace->event.data);
    if (trace->file != NULL) {
        (void)fclose(trace->file);
    }
}

static bool
read_text(FILE *file, char *out, size_t size, uint32_t len)
{
    out[0] = '\0';
    if (len >= size || fread(out, 1, len, file) != len) {
        return len == 0;
    }
    out[len] = '\0';
    return true;
}

// The next event, until the one after it. False: there is no whole entry any
// more.
static bool
trace_next(struct trace *trace)
{
    struct disk_event *event = &trace->event;

    free(event->data);
    event->data = NULL;
    if (trace->file == NULL ||
        fread(&event->entry, 1, sizeof(event->entry), trace->file) !=
            sizeof(event->entry) ||
        event->entry.magic != SHIM_MAGIC ||
        !read_text(trace->file, event->path, sizeof(event->path),
                   event->entry.path_len) ||
        !read_text(trace->file, event->to, sizeof(event->to),
                   event->entry.to_len)) {
        return false;
    }
    event->data = malloc(event->entry.data_len + 1);
    if (event->data == NULL) {
        abort();
    }
    return fread(event->data, 1, event->entry.data_len, trace->file) ==
           event->entry.data_len;
}

uint64_t
disk_play(struct disk *disk, const char *path, uint64_t upto)
{
    struct trace trace = trace_open(path);

    if (trace.file == NULL ||
        fseek(trace.file, disk->trace_at, SEEK_SET) != 0) {
        perror(path);
        exit(3);
    }
    while (disk->played < upto && trace_next(&trace)) {
        disk_play_event(disk, &trace.event);
        disk->played++;
        disk->trace_at = ftell(trace.file);
    }
    trace_close(&trace);
    return disk->played;
}

// How many whole entries there are, and where they end.
static uint64_t
measure(const char *path, long *out_end)
{
    struct trace trace = trace_open(path);
    uint64_t count = 0;

    *out_end = 0;
    while (trace_next(&trace)) {
        count++;
        *out_end = ftell(trace.file);
    }
    trace_close(&trace);
    return count;
}

uint64_t
disk_entries(const char *path)
{
    long end;

    return measure(path, &end);
}

void
disk_trim_trace(const char *path)
{
    long end;

    (void)measure(path, &end);
    if (truncate(path, end) != 0 && errno != ENOENT) {
        perror(path);
        exit(3);
    }
}

// Places. --------------------------------------------------------------------

// Bytes that are not synced, by files; those of one slot are added up.
struct pending {
    uint64_t bytes[PENDING_SLOTS];
};

// True: a sync of so many bytes is about to begin.
static bool
count_pending(struct pending *pending, const struct disk_event *event,
              uint64_t *out_bytes)
{
    uint64_t *bytes = &pending->bytes[event->entry.file % PENDING_SLOTS];

    if (event->entry.type == SHIM_WRITTEN) {
        *bytes += event->entry.data_len;
    }
    *out_bytes = *bytes;
    if (event->entry.type == SHIM_SYNCING) {
        *bytes = 0;
    }
    return event->entry.type == SHIM_SYNCING;
}

uint64_t
disk_before_sync(const char *path, uint64_t at)
{
    struct trace trace = trace_open(path);
    struct pending pending = {{0}};
    uint64_t found = at;
    uint64_t most = 0;
    uint64_t bytes;
    int syncs = 0;

    for (uint64_t index = 0; syncs < SYNCS_AHEAD && trace_next(&trace);
         index++) {
        if (count_pending(&pending, &trace.event, &bytes) && index >= at) {
            syncs++;
            found = bytes >= most ? index : found;
            most = bytes > most ? bytes : most;
        }
    }
    trace_close(&trace);
    return found;
}

static bool
is_answer(const struct disk_event *event)
{
    return event->entry.type == SHIM_WRITTEN && event->entry.data_len > 2 &&
           memcmp(event->data, "A ", 2) == 0;
}

// Where the index-th answer is, and how many there are before it.
static uint64_t
find_answer(const char *path, uint64_t index, uint64_t *out_count)
{
    struct trace trace = trace_open(path);
    uint64_t found = 0;

    *out_count = 0;
    for (uint64_t at = 1; trace_next(&trace); at++) {
        if (is_answer(&trace.event) && (*out_count)++ == index) {
            found = at;
        }
    }
    trace_close(&trace);
    return found;
}

uint64_t
disk_after_answer(const char *path, uint64_t any)
{
    uint64_t count;

    (void)find_answer(path, 0, &count);
    return count == 0 ? 0 : find_answer(path, any % count, &count);
}
