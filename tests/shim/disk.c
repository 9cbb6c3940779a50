// SPDX-License-Identifier: Apache-2.0
//
// disk.c - a disk whose power can be cut, made from a trace of the shim
// (disk_trace.c): what is durable, and what is not yet.
//
// A thing is a file or a directory, known by the system's number of it while it
// lives. Of a file there are the bytes that are durable and a list of writes
// that are not; of all directories together, the entries that are durable and a
// list of changes of names that are not.
//
// A sync of a file makes the writes durable that came before it began. A sync
// of a directory does so with the changes of its names, and with what those
// rest on: an earlier change of a name that they touch.
//
// At a cut each pending write and change either happened or not. A change
// happens only if those that it rests on did; a rename is one change of two
// names. Writes are cut into sectors or pages, each with its own luck; bytes
// that a file has and nobody wrote are zeros.

#include "shim/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/disk_impl.h"

#define PAGE_BYTES 4096 // what the system writes at least

const char *const disk_luck_names[DISK_LUCK_COUNT] = {
    "nothing", "all", "prefix", "sectors", "pages"};

// Memory. --------------------------------------------------------------------

void *
disk_grow(void *items, uint32_t count, uint32_t *cap, size_t size)
{
    if (count == *cap) {
        *cap = *cap == 0 ? 16 : *cap * 2;
        items = realloc(items, *cap * size);
        if (items == NULL) {
            abort();
        }
    }
    return items;
}

struct disk_thing *
disk_thing_create(struct disk *disk, bool is_dir)
{
    struct disk_thing *thing = calloc(1, sizeof(*thing));

    if (thing == NULL) {
        abort();
    }
    disk->things = disk_grow(disk->things, disk->things_count,
                             &disk->things_cap, sizeof(thing));
    disk->things[disk->things_count++] = thing;
    thing->is_dir = is_dir;
    return thing;
}

// Bytes. ---------------------------------------------------------------------

static void
set_length(struct disk_bytes *bytes, uint64_t len)
{
    if (len > bytes->len) {
        if (len > bytes->cap) {
            bytes->cap = len * 2;
            bytes->data = realloc(bytes->data, bytes->cap);
            if (bytes->data == NULL) {
                abort();
            }
        }
        memset(bytes->data + bytes->len, 0, len - bytes->len);
    }
    bytes->len = len;
}

void
disk_bytes_write(struct disk_bytes *bytes, uint64_t at, const uint8_t *data,
                 uint64_t len)
{
    if (at + len > bytes->len) {
        set_length(bytes, at + len);
    }
    if (len > 0) {
        memcpy(bytes->data + at, data, len);
    }
}

void
disk_bytes_apply(struct disk_bytes *bytes, const struct disk_write *write)
{
    if (write->data == NULL) {
        set_length(bytes, write->at);
    } else {
        disk_bytes_write(bytes, write->at, write->data, write->len);
    }
}

static void
add_write(struct disk *disk, struct disk_thing *file, uint64_t at,
          const uint8_t *data, uint64_t len)
{
    struct disk_write write = {.seq = disk->seq, .at = at, .len = len};

    if (data != NULL) {
        write.data = malloc(len + 1);
        if (write.data == NULL) {
            abort();
        }
        memcpy(write.data, data, len);
    }
    if (file->is_beside) {
        disk_bytes_apply(&file->durable, &write);
        free(write.data);
        return;
    }
    file->writes = disk_grow(file->writes, file->writes_count,
                             &file->writes_cap, sizeof(write));
    file->writes[file->writes_count++] = write;
}

static bool
shares_page(const struct disk_write *one, const struct disk_write *two)
{
    return one->data != NULL && two->data != NULL && one->len > 0 &&
           two->len > 0 &&
           one->at / PAGE_BYTES <= (two->at + two->len - 1) / PAGE_BYTES &&
           two->at / PAGE_BYTES <= (one->at + one->len - 1) / PAGE_BYTES;
}

// A page that is written again goes to the disk as it is in memory, with what a
// failed sync did not write of it. Of the first `count`; returns how many stay.
static uint32_t
bring_back(struct disk_thing *file, uint32_t count,
           const struct disk_write *write)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct disk_write *lost = &file->writes[i];

        if (lost->is_lost && shares_page(lost, write)) {
            disk_bytes_apply(&file->durable, lost);
            free(lost->data);
        } else {
            file->writes[kept++] = *lost;
        }
    }
    return kept;
}

// Those before `before` are durable, but for those that a failed sync lost.
static void
settle_writes(struct disk_thing *file, uint64_t before)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < file->writes_count; i++) {
        struct disk_write write = file->writes[i]; // others move to its place

        if (write.seq < before && !write.is_lost) {
            kept = bring_back(file, kept, &write);
            disk_bytes_apply(&file->durable, &write);
            free(write.data);
        } else {
            file->writes[kept++] = write;
        }
    }
    file->writes_count = kept;
}

// Names. ---------------------------------------------------------------------

static struct disk_entry *
find_entry(const struct disk_names *names, const struct disk_thing *dir,
           const char *name)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (names->entries[i].dir == dir &&
            strcmp(names->entries[i].name, name) == 0) {
            return &names->entries[i];
        }
    }
    return NULL;
}

void
disk_names_set(struct disk_names *names, const struct disk_half *half)
{
    struct disk_entry *entry;

    if (half->dir == NULL) {
        return;
    }
    entry = find_entry(names, half->dir, half->name);
    if (entry == NULL && half->thing != NULL) {
        names->entries = disk_grow(names->entries, names->count, &names->cap,
                                   sizeof(*entry));
        entry = &names->entries[names->count++];
        *entry = (struct disk_entry){.dir = half->dir};
        (void)snprintf(entry->name, sizeof(entry->name), "%s", half->name);
    }
    if (entry != NULL) {
        entry->thing = half->thing;
    }
    if (entry != NULL && half->thing == NULL) {
        *entry = names->entries[--names->count];
    }
}

static void
add_change(struct disk *disk, const struct disk_half *one,
           const struct disk_half *two)
{
    struct disk_change change = {.seq = disk->seq, .halves = {*one, *two}};

    disk_names_set(&disk->now, one);
    disk_names_set(&disk->now, two);
    if (one->dir->is_beside) {
        disk_names_set(&disk->durable, one);
        disk_names_set(&disk->durable, two);
        return;
    }
    disk->changes = disk_grow(disk->changes, disk->changes_count,
                              &disk->changes_cap, sizeof(change));
    disk->changes[disk->changes_count++] = change;
}

static bool
is_same_name(const struct disk_half *a, const struct disk_half *b)
{
    return a->dir != NULL && a->dir == b->dir && strcmp(a->name, b->name) == 0;
}

bool
disk_change_rests_on(const struct disk_change *later,
                     const struct disk_change *earlier)
{
    for (int i = 0; i < 4; i++) {
        if (is_same_name(&later->halves[i / 2], &earlier->halves[i % 2])) {
            return true;
        }
    }
    return false;
}

static void
mark_with_foundations(struct disk *disk, uint32_t i)
{
    disk->changes[i].is_settled = true;
    for (uint32_t k = 0; k < i; k++) {
        if (!disk->changes[k].is_settled &&
            disk_change_rests_on(&disk->changes[i], &disk->changes[k])) {
            mark_with_foundations(disk, k);
        }
    }
}

static void
settle_changes(struct disk *disk, const struct disk_thing *dir, uint64_t before)
{
    uint32_t kept = 0;

    for (uint32_t i = disk->changes_count; i-- > 0;) {
        const struct disk_change *change = &disk->changes[i];

        if (change->seq < before &&
            (change->halves[0].dir == dir || change->halves[1].dir == dir)) {
            mark_with_foundations(disk, i);
        }
    }
    for (uint32_t i = 0; i < disk->changes_count; i++) {
        const struct disk_change *change = &disk->changes[i];

        if (change->is_settled) {
            disk_names_set(&disk->durable, &change->halves[0]);
            disk_names_set(&disk->durable, &change->halves[1]);
        } else {
            disk->changes[kept++] = *change;
        }
    }
    disk->changes_count = kept;
}

// Paths. ---------------------------------------------------------------------

// Find the directory that a path's last name is in; NULL: it is not below root.
static struct disk_thing *
find_dir(const struct disk *disk, const char *path, const char **out_name)
{
    struct disk_thing *dir = disk->things[0];
    size_t root_len = strlen(disk->root);

    if (strncmp(path, disk->root, root_len) != 0 || path[root_len] != '/') {
        return NULL;
    }
    path += root_len + 1;
    while (strchr(path, '/') != NULL) {
        char name[DISK_NAME] = "";
        size_t len = strcspn(path, "/");
        const struct disk_entry *entry;

        memcpy(name, path, len < sizeof(name) ? len : sizeof(name) - 1);
        entry = find_entry(&disk->now, dir, name);
        if (entry == NULL) {
            return NULL;
        }
        dir = entry->thing;
        path += len + 1;
    }
    *out_name = path;
    return dir;
}

static struct disk_half
make_half(const struct disk *disk, const char *path, struct disk_thing *thing)
{
    struct disk_half half = {.thing = thing};
    const char *name = "";

    half.dir = find_dir(disk, path, &name);
    if (half.dir == NULL) {
        (void)fprintf(stderr, "disk: %s is not known\n", path);
        exit(3);
    }
    (void)snprintf(half.name, sizeof(half.name), "%s", name);
    return half;
}

static struct disk_thing *
find_thing(const struct disk *disk, const char *path)
{
    struct disk_half half;
    const struct disk_entry *entry;

    if (strcmp(path, disk->root) == 0) {
        return disk->things[0];
    }
    half = make_half(disk, path, NULL);
    entry = find_entry(&disk->now, half.dir, half.name);
    return entry == NULL ? NULL : entry->thing;
}

static struct disk_thing *
find_file(const struct disk *disk, uint64_t number)
{
    for (uint32_t i = disk->things_count; i-- > 0;) {
        if (disk->things[i]->number == number) {
            return disk->things[i];
        }
    }
    (void)fprintf(stderr, "disk: file %llu is not known\n",
                  (unsigned long long)number);
    exit(3);
}

static void
bind_number(const struct disk *disk, struct disk_thing *thing, uint64_t number)
{
    for (uint32_t i = 0; i < disk->things_count; i++) {
        if (disk->things[i]->number == number) {
            disk->things[i]->number = 0; // it is another's now
        }
    }
    thing->number = number;
}

// Playing. -------------------------------------------------------------------

static struct disk_thing *
make_thing(struct disk *disk, const char *path, bool is_dir)
{
    static const struct disk_half none;
    struct disk_thing *thing = disk_thing_create(disk, is_dir);
    struct disk_half half = make_half(disk, path, thing);

    thing->is_beside =
        half.dir->is_beside &&
        !(half.dir == disk->things[0] && strcmp(half.name, disk->name) == 0);
    add_change(disk, &half, &none);
    return thing;
}

static void
play_open(struct disk *disk, const struct disk_event *event)
{
    struct disk_thing *thing = find_thing(disk, event->path);

    if (event->entry.type == SHIM_CREATED || thing == NULL) {
        thing = make_thing(disk, event->path, false);
    }
    bind_number(disk, thing, event->entry.file);
}

static void
play_names(struct disk *disk, const struct disk_event *event)
{
    static const struct disk_half none;
    struct disk_half one = make_half(disk, event->path, NULL);
    struct disk_half two = none;

    if (event->entry.to_len > 0) {
        two = make_half(disk, event->to, find_thing(disk, event->path));
    }
    if (event->entry.type == SHIM_LINKED) {
        one = none;
        add_change(disk, &two, &one);
    } else {
        add_change(disk, &one, &two);
    }
}

static void
play_sync(struct disk *disk, const struct disk_event *event)
{
    struct disk_thing *thing = find_file(disk, event->entry.file);

    thing->sync_seq = disk->seq;
}

// The bytes that a failed sync was about are lost for good, as far as anybody
// knows: the next one has nothing to do. Of names a file system would have to
// be made read only.
static void
lose(struct disk_thing *thing)
{
    for (uint32_t i = 0; i < thing->writes_count; i++) {
        thing->writes[i].is_lost |= thing->writes[i].seq < thing->sync_seq;
    }
}

static void
play_synced(struct disk *disk, const struct disk_event *event)
{
    struct disk_thing *thing = find_file(disk, event->entry.file);

    if (event->entry.type == SHIM_UNSYNCED) {
        lose(thing);
    } else if (thing->is_dir) {
        settle_changes(disk, thing, thing->sync_seq);
    } else {
        settle_writes(thing, thing->sync_seq);
    }
}

void
disk_play_event(struct disk *disk, const struct disk_event *event)
{
    disk->seq++;
    switch ((enum shim_entry_type)event->entry.type) {
    case SHIM_OPENED:
    case SHIM_CREATED:
        play_open(disk, event);
        break;
    case SHIM_WRITTEN:
        add_write(disk, find_file(disk, event->entry.file), event->entry.offset,
                  event->data, event->entry.data_len);
        break;
    case SHIM_CUT:
        add_write(disk, find_file(disk, event->entry.file), event->entry.offset,
                  NULL, 0);
        break;
    case SHIM_SYNCING:
        play_sync(disk, event);
        break;
    case SHIM_SYNCED:
    case SHIM_UNSYNCED:
        play_synced(disk, event);
        break;
    case SHIM_MADE:
        (void)make_thing(disk, event->path, true);
        break;
    case SHIM_RENAMED:
    case SHIM_LINKED:
    case SHIM_UNLINKED:
    case SHIM_REMOVED:
        play_names(disk, event);
        break;
    }
}
