// SPDX-License-Identifier: Apache-2.0
//
// disk_impl.h - what the files of disk share; nobody else's.
//
//   disk.c         what is durable, and what is not yet
//   disk_trace.c   the trace of the shim that is played on it
//   disk_cut.c     its beginning, and what is left of it after a cut

#ifndef WF_TESTS_SHIM_DISK_IMPL_H
#define WF_TESTS_SHIM_DISK_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/disk.h"
#include "shim/scene.h"
#include "shim/shim.h"

#define DISK_NAME 96
#define DISK_ROOT 300

struct disk_bytes {
    uint8_t *data;
    uint64_t len;
    uint64_t cap;
};

struct disk_write {
    uint64_t seq;
    uint64_t at; // data NULL: the new length
    uint8_t *data;
    uint64_t len;
    bool is_lost; // a sync of it failed
};

struct disk_thing {
    bool is_dir;
    bool is_beside; // not on the disk: durable at once
    uint64_t number;
    uint64_t sync_seq; // when the newest sync of it began
    struct disk_bytes durable;
    struct disk_write *writes; // that are not
    uint32_t writes_count;
    uint32_t writes_cap;
};

struct disk_entry {
    const struct disk_thing *dir;
    char name[DISK_NAME];
    struct disk_thing *thing;
};

struct disk_names {
    struct disk_entry *entries;
    uint32_t count;
    uint32_t cap;
};

// One name of a change; dir NULL: none. thing NULL: it goes.
struct disk_half {
    struct disk_thing *dir;
    char name[DISK_NAME];
    struct disk_thing *thing;
};

struct disk_change {
    uint64_t seq;
    struct disk_half halves[2];
    bool is_settled;
};

struct disk {
    char root[DISK_ROOT];
    char name[DISK_NAME];
    uint64_t seq;
    uint64_t played;
    long trace_at;
    struct disk_thing **things; // the first is root
    uint32_t things_count;
    uint32_t things_cap;
    struct disk_names durable;
    struct disk_names now;
    struct disk_change *changes; // that are not durable, in their order
    uint32_t changes_count;
    uint32_t changes_cap;
};

// An entry of the trace, with what follows it.
struct disk_event {
    struct shim_entry entry;
    char path[SCENE_WORD * 16];
    char to[SCENE_WORD * 16];
    uint8_t *data; // owned
};

void *disk_grow(void *items, uint32_t count, uint32_t *cap, size_t size);
struct disk_thing *disk_thing_create(struct disk *disk, bool is_dir);
void disk_bytes_write(struct disk_bytes *bytes, uint64_t at,
                      const uint8_t *data, uint64_t len);
void disk_bytes_apply(struct disk_bytes *bytes, const struct disk_write *write);
void disk_names_set(struct disk_names *names, const struct disk_half *half);
// Does the one touch a name of the other?
bool disk_change_rests_on(const struct disk_change *later,
                          const struct disk_change *earlier);
void disk_play_event(struct disk *disk, const struct disk_event *event);

#endif
