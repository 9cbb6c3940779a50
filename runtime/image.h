// SPDX-License-Identifier: Apache-2.0
//
// image.h - an actor's rows: what of it is in the image, what in rows of its
// own, and back.
//
// The image row holds the head and small things, at most 32 KiB. Things that
// are large or many are items in rows of their own; the actor remembers which
// rows the store has (item_rows.h), so that a save writes only what changed and
// deletes what is gone.

#ifndef WF_RUNTIME_IMAGE_H
#define WF_RUNTIME_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/client.h"
#include "weft/error.h"

struct wf_actor;
struct wf_batch;
struct wf_load;
struct wf_partition;

// Classes of items. Values are part of the stored format; their order is the
// order in which rows are read back.
enum wf_item_class {
    WF_ITEM_INPUT = 1,
    WF_ITEM_STATE,
    WF_ITEM_RESULT,
    WF_ITEM_DETAILS, // of the failure
    WF_ITEM_JOURNAL, // number: of the chunk
    WF_ITEM_LETTER,  // number: seq
    WF_ITEM_TIMER,   // number: id
    WF_ITEM_COMMAND,
    WF_ITEM_CALL,
    WF_ITEM_PUBLISHED,  // number: ascends in order of first publishing
    WF_ITEM_OPERATION,  // number: from 1
    WF_ITEM_ATTRIBUTES, // as the run began with them
    WF_ITEM_UPDATE,     // number: of its coming
    WF_ITEM_ORDER,      // number: in the list
    WF_ITEM_CAUSES,     // of the failure
    WF_ITEM_QUESTION,   // number: id
};

// Put the rows that bring the store from what it has to what the actor is now,
// its wake row too.
void wf_image_save(struct wf_partition *partition, struct wf_actor *actor,
                   struct wf_batch *rows);

// All that an actor is, in one piece, for another store. Its mailbox must be in
// memory. Position, rows and wake are those of an actor that has none.
void wf_image_pack(struct wf_actor *actor, struct wf_buf *out);

// Make a cleared actor from such a piece. Letters go behind those that are in
// its mailbox. False: it does not decode.
bool wf_image_unpack(struct wf_actor *actor, weft_bytes image);

// Fill a cleared actor from what a load brought: WEFT_ENOTFOUND if it found
// nothing.
//
// WEFT_ECORRUPT   the rows do not decode
weft_err wf_image_load(struct wf_actor *actor, const struct wf_load *load);

// The head of an image, for lists. Everything is borrowed from the image.
struct wf_image_head {
    weft_description shown; // but its names and attributes; reason: in short
    weft_bytes attributes;  // a set (attributes.h)
    weft_bytes parent;      // its key; empty: none
    uint64_t position;      // the record it reflects
};

// False if malformed.
bool wf_image_describe(weft_bytes value, struct wf_image_head *out_head);

// How many rows its items have in the store; and has that one one?
size_t wf_image_items_count(const struct wf_actor *actor);
bool wf_image_has_item(const struct wf_actor *actor, uint8_t class,
                       uint64_t number);

// What an image row's key has before the actor's key.
#define WF_IMAGE_KEY_PREFIX 3

// Range of a partition's images, behind that actor's; empty: of all.
void wf_image_range(uint32_t partition, weft_bytes after,
                    struct wf_buf *out_from, struct wf_buf *out_to);
// Range of the actor's item rows.
void wf_image_items_range(uint32_t partition, weft_bytes key,
                          struct wf_buf *out_from, struct wf_buf *out_to);

#endif
