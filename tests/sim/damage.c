// SPDX-License-Identifier: Apache-2.0
//
// damage.c - rows and records that have lost bytes, or have others in them.
// See damage.h.

#include "sim/damage.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/inspect_core.h"
#include "runtime/partition_impl.h"
#include "runtime/recovery.h"
#include "sim/world_impl.h"

enum {
    PLACES_MAX = 48, // of damage in one row or record
    ACTORS_MAX = 6,  // looked at each time
    ROWS_MAX = 12,   // of an actor, or of a partition
    RECORDS_MAX = 6, // of an actor
};

// A store of which one row is damaged: the one that is read after so many.
struct damage {
    struct wf_store store;
    uint32_t skip;
    bool is_cut; // behind `at`; else the bit is turned over there
    size_t at;
    uint8_t bit;
    uint32_t rows_read;
    size_t len; // of the row that was damaged; 0 if it was not reached
    struct wf_buf bytes;
    wf_scan_fn *fn; // of a scan under way
    void *ctx;
};

static weft_bytes
spoil(struct damage *damage, weft_bytes value)
{
    if (damage->rows_read++ != damage->skip || value.len == 0) {
        return value;
    }
    damage->len = value.len;
    wf_buf_reset(&damage->bytes);
    wf_buf_put(&damage->bytes, value.data, value.len);
    if (damage->at >= value.len) {
        return value;
    }
    if (damage->is_cut) {
        damage->bytes.len = damage->at;
    } else {
        damage->bytes.data[damage->at] ^= damage->bit;
    }
    return wf_buf_bytes(&damage->bytes);
}

static weft_err
get(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    struct damage *damage = self;
    struct wf_buf found = {0};
    weft_err err = damage->store.ops->get(damage->store.self, cf, key, &found);

    wf_buf_reset(out_value);
    if (err == WEFT_OK) {
        weft_bytes value = spoil(damage, wf_buf_bytes(&found));

        wf_buf_put(out_value, value.data, value.len);
    }
    wf_buf_fini(&found);
    return err;
}

static bool
scan_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct damage *damage = ctx;

    return damage->fn(damage->ctx, key, spoil(damage, value));
}

static weft_err
scan(void *self, enum wf_cf cf, weft_bytes from, weft_bytes to, wf_scan_fn *fn,
     void *ctx)
{
    struct damage *damage = self;

    damage->fn = fn;
    damage->ctx = ctx;
    return damage->store.ops->scan(damage->store.self, cf, from, to, scan_row,
                                   damage);
}

static const struct wf_store_ops ops = {.get = get, .scan = scan};

// The places of a row or record of that length, in turn: `n` of PLACES_MAX.
static size_t
place(size_t len, size_t n)
{
    return len <= PLACES_MAX ? n : n * len / PLACES_MAX;
}

static size_t
places(size_t len)
{
    return len < PLACES_MAX ? len : PLACES_MAX;
}

static struct wf_partition *
begin(struct site *site)
{
    const struct world *world = site->world;
    static const struct wf_trace silent;

    return wf_partition_create(&(struct wf_partition_options){
        .index = site->index,
        .count = world->options.sites,
        .incarnation = ++site->world->incarnations,
        .definitions = world->options.definitions,
        .stacks = world->stacks,
        .trace = &silent,
        .window_bytes = world->options.window_bytes,
        .residents_max = world->options.residents_max,
        .stacks_max = world->options.stacks_max,
    });
}

static void
end(struct wf_partition *partition)
{
    struct wf_list requests;

    wf_list_init(&requests);
    wf_partition_destroy(partition, &requests);
}

// The rows of the partition itself. ------------------------------------------

// A window's row may be cut between two answers, so that is not seen.
static void
damage_own_rows(struct site *site, struct damage *damage)
{
    for (damage->skip = 0; damage->skip < ROWS_MAX; damage->skip++) {
        size_t len = 0;

        for (size_t n = 0; n == 0 || n < places(len); n++) {
            struct wf_partition *partition = begin(site);

            damage->rows_read = 0;
            damage->len = 0;
            damage->at = place(len, n);
            (void)wf_recovery_read(&(struct wf_store){&ops, damage},
                                   site->index, partition);
            end(partition);
            len = damage->len;
        }
        if (len == 0) {
            return;
        }
    }
}

// Records. ------------------------------------------------------------------

struct reading {
    struct wf_partition *partition;
    uint64_t last; // the commit whose segment is damaged
    const struct damage *damage;
    size_t len;
    bool is_cut;
};

static weft_err
read_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
            uint32_t count)
{
    struct reading *reading = ctx;
    struct wf_segment segment;
    weft_err err;

    if (count == 0) {
        return WEFT_OK;
    }
    segment = segments[0];
    if (number == reading->last) {
        reading->len = segment.records.len;
        if (reading->damage->at < segment.records.len) {
            segment.records.len = reading->damage->at;
            reading->is_cut = true;
        }
    }
    err = wf_partition_recover_segment(reading->partition, number, &segment);
    WF_ASSERT(number != reading->last || !reading->is_cut ||
              err == WEFT_ECORRUPT);
    return err;
}

static void
damage_segment(struct site *site, struct damage *damage)
{
    size_t len = 0;

    for (size_t n = 0; n == 0 || n < places(len); n++) {
        struct reading reading = {
            .partition = begin(site),
            .last = site->log.ops->last(site->log.self),
            .damage = damage,
        };

        damage->at = place(len, n);
        world_must(
            wf_recovery_read(&site->store, site->index, reading.partition));
        (void)site->log.ops->read(site->log.self, 0, read_commit, &reading);
        end(reading.partition);
        len = reading.len;
    }
}

// Actors. -------------------------------------------------------------------

// The rows of one actor. An image has no count of what is in it, and a letter
// or a part of a journal is not decoded until it is handled: not all is seen.
static void
damage_rows(struct wf_partition *partition, const struct wf_key *key,
            struct damage *damage)
{
    for (damage->skip = 0; damage->skip < ROWS_MAX; damage->skip++) {
        size_t len = 0;

        for (size_t n = 0; n == 0 || n < places(len); n++) {
            struct wf_actor *actor;
            weft_err err;

            damage->rows_read = 0;
            damage->len = 0;
            damage->at = place(len, n);
            err = wf_inspect_core_actor(
                partition, key, &(struct wf_store){&ops, damage}, &actor);
            len = damage->len;
            if (err == WEFT_OK) {
                wf_inspect_core_drop(partition, actor);
            }
        }
        if (len == 0) {
            return;
        }
    }
}

// One of the records that wait for its image.
static void
damage_record(struct site *site, struct wf_partition *partition,
              const struct wf_key *key, struct damage *damage,
              struct wf_pending *pending)
{
    struct wf_pending *whole =
        wf_memdup(pending, sizeof(*pending) + pending->len);

    for (size_t n = 0; n < places(whole->len); n++) {
        size_t at = place(whole->len, n);
        struct wf_actor *actor;

        memcpy(pending->ops, whole->ops, whole->len);
        pending->len = whole->len;
        if (damage->is_cut) {
            pending->len = (uint32_t)at;
        } else {
            pending->ops[at] ^= damage->bit;
        }
        if (wf_inspect_core_actor(partition, key, &site->store, &actor) ==
            WEFT_OK) {
            wf_inspect_core_drop(partition, actor);
        }
    }
    memcpy(pending->ops, whole->ops, whole->len);
    pending->len = whole->len;
    wf_free(whole);
}

static void
damage_records(struct site *site, struct wf_partition *partition,
               const struct wf_key *key, struct damage *damage)
{
    struct wf_actor *stub = wf_residents_find(partition, wf_key_bytes(key));
    struct wf_list_node *node =
        stub == NULL ? NULL : wf_list_first(&stub->pending);

    for (int i = 0; node != NULL && i < RECORDS_MAX; i++) {
        damage_record(site, partition, key, damage,
                      WF_CONTAINER(node, struct wf_pending, node));
        node = wf_list_next(&stub->pending, node);
    }
}

static void
damage_actors(struct site *site, struct damage *damage)
{
    static const struct wf_trace silent;
    struct wf_partition *partition;
    const struct wf_actor *live;
    size_t cursor = 0;
    int left = ACTORS_MAX;

    world_must(site_recover(site, &silent, &partition));
    while (left-- > 0 &&
           (live = wf_table_next(&site->partition->actors, &cursor)) != NULL) {
        damage_rows(partition, &live->key, damage);
        damage_records(site, partition, &live->key, damage);
    }
    end(partition);
}

void
damage_check(struct site *site)
{
    struct damage damage = {.store = site->store};

    for (int i = 0; i < 3; i++) {
        damage.is_cut = i == 0;
        damage.bit = i == 1 ? 0x01 : 0x80;
        damage_own_rows(site, &damage);
        damage_actors(site, &damage);
    }
    damage.is_cut = true;
    damage_segment(site, &damage);
    wf_buf_fini(&damage.bytes);
}
