// SPDX-License-Identifier: Apache-2.0
//
// msgpack.h - read msgpack one item at a time.
//
// An item is a scalar with its bytes, or the head of an array or a map, whose
// entries are the items that follow. Nothing is allocated and nothing is
// trusted: a count may still be larger than what follows.

#ifndef WF_BASE_MSGPACK_H
#define WF_BASE_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/bytes.h"

struct wf_reader;

#define WF_MSGPACK_DEPTH_MAX 32 // msgpack-c's own limit

enum wf_msgpack_type {
    WF_MSGPACK_NIL,
    WF_MSGPACK_BOOL,
    WF_MSGPACK_INT,  // negative
    WF_MSGPACK_UINT, // not negative, however it was written
    WF_MSGPACK_DOUBLE,
    WF_MSGPACK_STR,
    WF_MSGPACK_BIN,
    WF_MSGPACK_EXT,
    WF_MSGPACK_ARRAY,
    WF_MSGPACK_MAP,
    WF_MSGPACK_TYPE_COUNT,
};

struct wf_msgpack_item {
    enum wf_msgpack_type type;
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
bool wf_msgpack_read(struct wf_reader *reader,
                     struct wf_msgpack_item *out_item);

// Read on to the end of one value: an item with all its entries.
bool wf_msgpack_skip(struct wf_reader *reader);

// The same where the item itself is read already.
bool wf_msgpack_skip_entries(struct wf_reader *reader,
                             const struct wf_msgpack_item *item);

// What a walk over bytes that ought to be one whole value found.
struct wf_msgpack_shape {
    const char *wrong; // NULL: nothing; else what, at byte `at`
    size_t at;
    uint32_t depth; // 0 for a scalar, at most WF_MSGPACK_DEPTH_MAX
};

struct wf_msgpack_limits {
    uint32_t depth_max;   // at most WF_MSGPACK_DEPTH_MAX
    uint32_t entries_max; // of one array, one map
    uint32_t items_max;   // of all, heads and keys too
    bool has_text_keys;   // keys of maps are texts
    bool has_rest;        // more may follow: shape.at says where it begins
};

// The guard that stands before every decoder which allocates by counts: wrong
// is NULL only for exactly one value, not nested too deep, with no count
// larger than the bytes that are left.
struct wf_msgpack_shape wf_msgpack_shape(weft_bytes bytes);

// The same, and within limits.
struct wf_msgpack_shape
wf_msgpack_shape_within(weft_bytes bytes,
                        const struct wf_msgpack_limits *limits);

// "a map", "an integer" ... for details of errors.
const char *wf_msgpack_name(enum wf_msgpack_type type);

#endif
