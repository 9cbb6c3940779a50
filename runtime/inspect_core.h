// SPDX-License-Identifier: Apache-2.0
//
// inspect_core.h - what inspection asks of a partition that was recovered and
// is never opened.
//
// An actor is made from what a load brought and the records that wait for it,
// as at its first touch in a node, but beside the partition's own actors: so
// that it can be looked at any number of times, and costs memory only while it
// is looked at.

#ifndef WF_RUNTIME_INSPECT_CORE_H
#define WF_RUNTIME_INSPECT_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/key.h"
#include "weft/error.h"

struct wf_actor;
struct wf_partition;
struct wf_store;

// The actor as of the newest record, read from its store. Of a long mailbox
// that is in rows, only the oldest letters are read. Release with
// wf_inspect_core_drop.
//
// WEFT_ENOTFOUND  there is neither a row nor a record
// WEFT_ECORRUPT   its rows do not decode, or a record does not apply; the
//                 detail says which
// WEFT_EIO        the store says so
weft_err wf_inspect_core_actor(struct wf_partition *partition,
                               const struct wf_key *key,
                               const struct wf_store *store,
                               struct wf_actor **out_actor);
// The same as of its rows: without the records that wait, and without the
// letters that are in rows of their own.
weft_err wf_inspect_core_image(struct wf_partition *partition,
                               const struct wf_key *key,
                               const struct wf_store *store,
                               struct wf_actor **out_actor);
void wf_inspect_core_drop(struct wf_partition *partition,
                          struct wf_actor *actor);

// What weft_activity_key returns in the actor's activity of that number.
void wf_inspect_core_activity_key(const struct wf_actor *actor, uint32_t call,
                                  char out_key[33]);

// The keys of actors that records of the window change, in order: an array to
// be released with wf_free, of keys borrowed from the partition.
const struct wf_key **wf_inspect_core_keys(const struct wf_partition *partition,
                                           size_t *out_count);

// Dead letters that have no row yet, oldest first.
typedef void wf_inspect_core_letter_fn(void *ctx, uint64_t number,
                                       weft_bytes body);
void wf_inspect_core_letters(const struct wf_partition *partition,
                             wf_inspect_core_letter_fn *fn, void *ctx);

// Numbers about it.
struct wf_inspect_core_facts {
    uint64_t last_record;
    uint64_t redo_record;   // rows reflect all records before it
    uint64_t next_letter;   // number of the next dead letter
    uint64_t wake_cursor;   // the wake index has no rows due before it
    uint64_t newest_record; // that a link or a window reflects
    uint64_t outgoing_count;
    uint64_t newest_ms;
};

struct wf_inspect_core_facts
wf_inspect_core_get_facts(const struct wf_partition *partition);

// The number of the next message to another partition; 0 if there is no link.
uint64_t wf_inspect_core_next_seq(const struct wf_partition *partition,
                                  uint32_t other);

#endif
