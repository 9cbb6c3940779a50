// SPDX-License-Identifier: Apache-2.0
//
// payload_item.h - read msgpack one item at a time.
//
// An item is a scalar with its bytes, or the head of an array or a map, whose
// entries are the items that follow. Nothing is allocated and nothing is
// trusted: a count may still be larger than what follows.

#ifndef WF_RUNTIME_PAYLOAD_ITEM_H
#define WF_RUNTIME_PAYLOAD_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/bytes.h"

struct wf_reader;

#define WF_PAYLOAD_DEPTH_MAX 32 // msgpack-c's own limit

enum wf_payload_item_type {
    WF_PAYLOAD_ITEM_NIL,
    WF_PAYLOAD_ITEM_BOOL,
    WF_PAYLOAD_ITEM_INT,  // negative
    WF_PAYLOAD_ITEM_UINT, // not negative, however it was written
    WF_PAYLOAD_ITEM_DOUBLE,
    WF_PAYLOAD_ITEM_STR,
    WF_PAYLOAD_ITEM_BIN,
    WF_PAYLOAD_ITEM_EXT,
    WF_PAYLOAD_ITEM_ARRAY,
    WF_PAYLOAD_ITEM_MAP,
    WF_PAYLOAD_ITEM_TYPE_COUNT,
};

struct wf_payload_item {
    enum wf_payload_item_type type;
    int8_t ext_type; // EXT
    union {
        bool boolean;     // BOOL
        int64_t negative; // INT
        uint64_t number;  // UINT
        double real;      // DOUBLE
        weft_bytes bytes; // STR, BIN, EXT; borrowed
        uint32_t count;   // ARRAY: values; MAP: pairs
    } as;
};

// False, and the reader is failed, if the item is cut short or not msgpack.
bool wf_payload_item_read(struct wf_reader *reader,
                          struct wf_payload_item *out_item);

// Read on to the end of one value: an item with all its entries.
bool wf_payload_item_skip(struct wf_reader *reader);

// The same where the item itself is read already.
bool wf_payload_item_skip_entries(struct wf_reader *reader,
                                  const struct wf_payload_item *item);

// What a walk over bytes that ought to be one whole value found.
struct wf_payload_shape {
    const char *wrong; // NULL: nothing; else what, at byte `at`
    size_t at;
    uint32_t depth; // 0 for a scalar, at most WF_PAYLOAD_DEPTH_MAX
};

// The guard that stands before every decoder which allocates by counts: wrong
// is NULL only for exactly one value, not nested too deep, with no count
// larger than the bytes that are left.
struct wf_payload_shape wf_payload_item_shape(weft_bytes bytes);

// "a map", "an integer" ... for details of errors.
const char *wf_payload_item_name(enum wf_payload_item_type type);

#endif
