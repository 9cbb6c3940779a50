// SPDX-License-Identifier: Apache-2.0
//
// payload.h - write and read msgpack, so that nobody has to by hand.
//
//     weft_payload_pack(p, "{'card':s, 'cents':i}", card, (int64_t)cents);
//     err = weft_workflow_call(wf, "charge", weft_payload_bytes(p), &result);
//     ...
//     err = weft_payload_get_int(input, "order.items[2].cents", &cents);
//
// A payload made here is one msgpack value, at most 2 MiB, nested at most 32
// deep. Integers take the fewest bytes; maps keep the order they were given.
//
// Threads: any thread; one weft_payload is used by one thread at a time. The
// same calls give the same bytes, so workflows may use all of it.

#ifndef WEFT_PAYLOAD_H
#define WEFT_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "weft/bytes.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// Building. -----------------------------------------------------------------

// One msgpack value being written.
//
// The first failure is kept: what follows does nothing, and the payload gives
// no bytes, until weft_payload_reset. So a row of calls is checked once, by
// weft_payload_error. What fails: a second value beside the first
// (WEFT_EINVAL), more than 2 MiB or 32 levels (WEFT_ETOOBIG), no memory
// (WEFT_ENOMEM).
//
// Life:     create -> (write -> bytes -> reset) ... -> destroy.
typedef struct weft_payload weft_payload;

// WEFT_ENOMEM   out of memory
WEFT_API weft_err weft_payload_create(weft_payload **out_payload);

// NULL is allowed.
WEFT_API void weft_payload_destroy(weft_payload *payload);

// Empty it, and forget its failure; the memory is kept for the next value.
WEFT_API void weft_payload_reset(weft_payload *payload);

// The value written. Borrowed until the next call that writes to, resets or
// destroys the payload. Empty if nothing was written, and if
// weft_payload_error has something to say.
WEFT_API weft_bytes weft_payload_bytes(const weft_payload *payload);

// The first failure, or WEFT_EINVAL while a map or an array lacks entries;
// the detail says what was wrong. WEFT_OK otherwise.
WEFT_API weft_err weft_payload_error(const weft_payload *payload);

// Write `format`'s value, at the root or as the next entry of an open map or
// array. Braces and brackets nest; spaces are ignored:
//
//   {key:value, ...}  a map; a key is s, S or 'text'
//   [value, ...]      an array
//   'text'            this text, up to the next '
//   s  const char *           text, up to its NUL; NULL writes nil
//   S  const char *, size_t   text of so many bytes
//   B  const void *, size_t   binary
//   i  int64_t                integer, signed; cast: (int64_t)count
//   u  uint64_t               integer, unsigned; cast
//   d  int                    integer
//   f  double                 float
//   b  int                    false for 0, else true
//   n                         nil; takes no argument
//   v  weft_bytes             one msgpack value, written already; copied
//
// Returns the payload's first failure, also one from before the call.
//
// WEFT_EINVAL   the format is malformed (the detail shows where) or there is
//               no room for a value
// WEFT_ECORRUPT a `v` is not one msgpack value
// WEFT_ETOOBIG  over 2 MiB or nested deeper than 32
// WEFT_ENOMEM   out of memory
WEFT_API weft_err weft_payload_pack(weft_payload *payload, const char *format,
                                    ...);

// The same piece by piece; all is copied. A map is followed by `count` keys,
// each with its value behind it; an array by `count` values. Texts ought to be
// UTF-8, which is not checked.
WEFT_API void weft_payload_map(weft_payload *payload, size_t count);
WEFT_API void weft_payload_array(weft_payload *payload, size_t count);
WEFT_API void weft_payload_text(weft_payload *payload, const char *text);
WEFT_API void weft_payload_str(weft_payload *payload, const char *text,
                               size_t text_len);
WEFT_API void weft_payload_bin(weft_payload *payload, const void *bytes,
                               size_t bytes_len);
WEFT_API void weft_payload_ext(weft_payload *payload, int8_t type,
                               const void *bytes, size_t bytes_len);
WEFT_API void weft_payload_int(weft_payload *payload, int64_t value);
WEFT_API void weft_payload_uint(weft_payload *payload, uint64_t value);
WEFT_API void weft_payload_double(weft_payload *payload, double value);
WEFT_API void weft_payload_bool(weft_payload *payload, int value);
WEFT_API void weft_payload_nil(weft_payload *payload);
// One msgpack value, written already. WEFT_ECORRUPT if it is not one.
WEFT_API void weft_payload_value(weft_payload *payload, weft_bytes value);

// Reading. ------------------------------------------------------------------
//
// By path, straight from the bytes, without allocating. A path is keys and
// indexes from 0:
//
//   order.items[2].cents   ['a key with . or [ in it'].x   [0]   (the whole:)
//   ""
//
// NULL is the same as "". Keys are compared as bytes; of equal keys the first
// counts. Every byte is checked before it is used; those after the value found
// are not looked at (weft_payload_check looks at all).
//
// All of them return, with a detail that names the path:
//   WEFT_ENOTFOUND  there is no such key or index, or the payload is empty
//   WEFT_EINVAL     the value is of another type, or the path is malformed
//   WEFT_ECORRUPT   the bytes are not msgpack

// WEFT_EINVAL also if the value does not fit the type.
WEFT_API weft_err weft_payload_get_int(weft_bytes bytes, const char *path,
                                       int64_t *out_value);
WEFT_API weft_err weft_payload_get_uint(weft_bytes bytes, const char *path,
                                        uint64_t *out_value);

// Integers are converted; beyond 2^53 they are rounded.
WEFT_API weft_err weft_payload_get_double(weft_bytes bytes, const char *path,
                                          double *out_value);

// 0 or 1.
WEFT_API weft_err weft_payload_get_bool(weft_bytes bytes, const char *path,
                                        int *out_value);

// Copy a text and its final NUL into out_text, of text_size bytes. A text with
// a NUL inside is WEFT_EINVAL; weft_payload_get_bytes takes those.
//
// WEFT_ETOOBIG  it does not fit; out_text is unchanged
WEFT_API weft_err weft_payload_get_text(weft_bytes bytes, const char *path,
                                        char *out_text, size_t text_size);

// The bytes of a text or a binary, borrowed from `bytes`.
WEFT_API weft_err weft_payload_get_bytes(weft_bytes bytes, const char *path,
                                         weft_bytes *out_value);

// Any value, as a payload of its own, borrowed from `bytes`.
WEFT_API weft_err weft_payload_get_value(weft_bytes bytes, const char *path,
                                         weft_bytes *out_value);

// The entries of a map or the values of an array.
WEFT_API weft_err weft_payload_get_count(weft_bytes bytes, const char *path,
                                         size_t *out_count);

// 1 if there is a value, nil included, else 0. Changes no detail.
WEFT_API int weft_payload_has(weft_bytes bytes, const char *path);

// Walk over a map or an array, in order:
//
//     err = weft_payload_walk(input, "order.items", &walk);
//     while (err == WEFT_OK && weft_payload_next(&walk, NULL, &item)) {
//         err = weft_payload_get_int(item, "cents", &cents);
//     }
//
// Borrows `bytes`; nothing to free. The fields are weft's.
typedef struct weft_payload_entries {
    weft_bytes rest;
    size_t left; // entries not yet given
    int is_map;
} weft_payload_entries;

WEFT_API weft_err weft_payload_walk(weft_bytes bytes, const char *path,
                                    weft_payload_entries *out_entries);

// Returns 1 and gives the next entry, or 0 at the end. Key and value are
// payloads of their own, borrowed from what is walked; either may be NULL. The
// key of an array's entry is empty.
WEFT_API int weft_payload_next(weft_payload_entries *entries,
                               weft_bytes *out_key, weft_bytes *out_value);

// Whether the bytes are exactly one msgpack value, nested at most 32 deep, with
// no count larger than the bytes that are left. Allocates nothing, so it is
// safe before any decoder, whatever the bytes.
//
// WEFT_ECORRUPT  they are not; the detail says at which byte
WEFT_API weft_err weft_payload_check(weft_bytes bytes);

// JSON, for people. ---------------------------------------------------------
//
// What JSON lacks is written as an object of one member:
//
//   binary            {"$bin": "<base64>"}
//   text, not UTF-8   {"$str": "<base64>"}
//   over 2^63 - 1     {"$uint": "18446744073709551615"}
//   not a number      {"$float": "nan"}, also "inf" and "-inf"
//   ext               {"$ext": [<type>, "<base64>"]}
//   a map that JSON has no object for (keys that are not text or occur twice,
//   or one of these names alone)  {"$map": [[<key>, <value>], ...]}
//
// Payload to JSON to payload gives the same bytes if integers and lengths take
// the fewest bytes, as everything here writes them, and floats have 8 bytes.
// JSON to payload to JSON gives the same value, members in the same order.

#define WEFT_JSON_INDENT 1U    // several lines, two spaces per level
#define WEFT_JSON_SORT_KEYS 2U // members by name, not as they were written

// Write the text's value, as weft_payload_pack does. Duplicate members are
// refused; a number with a point or an exponent is a float.
//
// WEFT_EINVAL   not JSON, or a "$..." object is malformed, or there is no room
//               for a value; the detail says where
// WEFT_ETOOBIG  over 8 MiB of text, over 2 MiB packed, or nested too deep
// WEFT_ENOMEM   out of memory
//
// Returns the payload's first failure, also one from before the call. Takes up
// to 16 KiB of stack.
WEFT_API weft_err weft_payload_from_json(weft_payload *payload,
                                         const char *text, size_t text_len);

// Takes up to 40 KiB of stack for the deepest payload, so a workflow that
// calls it needs more than the smallest stack.
//
// flags      0 or WEFT_JSON_..., joined by |
// out_text   UTF-8 with a final NUL; release with weft_payload_free_text
//
// WEFT_ECORRUPT  weft_payload_check refuses the bytes
// WEFT_EINVAL    unknown flags
// WEFT_ENOMEM    out of memory
WEFT_API weft_err weft_payload_to_json(weft_bytes bytes, unsigned flags,
                                       char **out_text);

// NULL is allowed.
WEFT_API void weft_payload_free_text(char *text);

#ifdef __cplusplus
}
#endif

#endif
