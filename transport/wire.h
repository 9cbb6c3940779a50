// SPDX-License-Identifier: Apache-2.0
//
// wire.h - messages of the wire protocol (docs/formats/wire.md), read and
// written field by field.
//
// A frame comes from anybody. wf_wire_read walks all of it first, allocates
// nothing, and refuses it whole; what it has let through can be read by its
// counts. Everything that is read is borrowed from the frame.
//
// Threads: none; everything is the caller's.

#ifndef WF_TRANSPORT_WIRE_H
#define WF_TRANSPORT_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/msgpack.h"
#include "weft/bytes.h"
#include "weft/error.h"

#define WF_WIRE_VERSION 1
#define WF_WIRE_MESSAGE_BYTES_MAX (5U << 20)
#define WF_WIRE_DEPTH_MAX 8       // the message and its fields are two
#define WF_WIRE_ENTRIES_MAX 4096  // of one map, one array
#define WF_WIRE_FIELDS_MAX 64     // of a message
#define WF_WIRE_NAME_BYTES_MAX 64 // of a field of a message
// Values in what a client sends, all together, names and maps and arrays too.
#define WF_WIRE_ITEMS_MAX 16384

// Reading. --------------------------------------------------------------------

struct wf_wire_message {
    weft_bytes verb; // no NUL behind it
    uint64_t number;
    weft_bytes fields; // the whole map
};

// What a frame says.
//
// WEFT_EINVAL   it is no message, or has too many entries or levels; the detail
//               says at which byte and why
// WEFT_ETOOBIG  it has more than WF_WIRE_MESSAGE_BYTES_MAX bytes
weft_err wf_wire_read(weft_bytes frame, struct wf_wire_message *out_message);
// The same of what a client sent, with no more than WF_WIRE_ITEMS_MAX: so that
// reading takes no long time, whatever it is made of.
weft_err wf_wire_read_request(weft_bytes frame,
                              struct wf_wire_message *out_message);
// The first of several messages, one behind the other, of which a client sent
// it or not; and how many bytes it has.
weft_err wf_wire_read_first(weft_bytes frame, bool is_request,
                            struct wf_wire_message *out_message,
                            size_t *out_bytes);

bool wf_wire_is(const struct wf_wire_message *message, const char *verb);

// One entry of a map or an array.
struct wf_wire_field {
    const struct wf_wire_field *of; // what it is an entry of; NULL: the message
    weft_bytes name;                // of a map's; no NUL behind it
    uint32_t index;                 // from 0
    struct wf_msgpack_item item;
    weft_bytes value; // all of its bytes, its head too
};

// A walk over the entries of a map or an array. All zero: there are none.
struct wf_wire_walk {
    struct wf_reader reader;
    const struct wf_wire_field *of;
    uint32_t count; // of entries, in all
    uint32_t next;
    bool is_map;
};

struct wf_wire_walk wf_wire_fields(const struct wf_wire_message *message);

// The next entry; false: there is none left.
bool wf_wire_next(struct wf_wire_walk *walk, struct wf_wire_field *out_field);

bool wf_wire_field_is(const struct wf_wire_field *field, const char *name);

// The entry's name, as a text.
//
// WEFT_EINVAL   it has a NUL, or is not UTF-8
weft_err wf_wire_name(const struct wf_wire_field *field, weft_bytes *out_name);

// The value as what it ought to be. `field` must live as long as a walk into
// it. The detail has the field's whole name, like "retry.non_retryable[2]".
//
// WEFT_EINVAL   it is something else, or larger than max
// WEFT_ETOOBIG  it has more than bytes_max bytes
weft_err wf_wire_uint(const struct wf_wire_field *field, uint64_t max,
                      uint64_t *out_number);
weft_err wf_wire_int(const struct wf_wire_field *field, int64_t *out_number);
weft_err wf_wire_bool(const struct wf_wire_field *field, bool *out_is);
// Takes whole numbers too; never NaN.
weft_err wf_wire_real(const struct wf_wire_field *field, double *out_real);
// UTF-8 without a NUL.
weft_err wf_wire_text(const struct wf_wire_field *field, size_t bytes_max,
                      weft_bytes *out_text);
weft_err wf_wire_bytes(const struct wf_wire_field *field, size_t bytes_max,
                       weft_bytes *out_bytes);
weft_err wf_wire_map(const struct wf_wire_field *field,
                     struct wf_wire_walk *out_walk);
weft_err wf_wire_array(const struct wf_wire_field *field,
                       struct wf_wire_walk *out_walk);

// An error whose detail is the field's whole name, ": " and why.
weft_err wf_wire_error(weft_err err, const struct wf_wire_field *field,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Writing. --------------------------------------------------------------------
//
// Entries are counted by the writer. `name` is NULL in an array, and only
// there. Nothing fails. Keeping the limits is the caller's.
//
// An answer is read by strict readers in many languages, and names things that
// were named in C: in it, each byte of a text that is not UTF-8 becomes a "?".
// In a request it stays, for the node to refuse.

struct wf_wire_writer {
    struct wf_buf *out;
    bool is_answer; // to be set after begin
    uint32_t depth; // of maps and arrays that are open
    struct {
        size_t entry_at; // where its name is
        size_t at;       // where its head is
        uint32_t count;
        bool is_map;
    } open[WF_WIRE_DEPTH_MAX];
};

// Append a message: begin, its fields, end.
void wf_wire_begin(struct wf_wire_writer *writer, struct wf_buf *out_frame,
                   const char *verb, uint64_t number);
void wf_wire_end(struct wf_wire_writer *writer);

void wf_wire_put_uint(struct wf_wire_writer *writer, const char *name,
                      uint64_t number);
void wf_wire_put_int(struct wf_wire_writer *writer, const char *name,
                     int64_t number);
void wf_wire_put_bool(struct wf_wire_writer *writer, const char *name, bool is);
void wf_wire_put_real(struct wf_wire_writer *writer, const char *name,
                      double real);
void wf_wire_put_text(struct wf_wire_writer *writer, const char *name,
                      const char *text);
void wf_wire_put_bytes(struct wf_wire_writer *writer, const char *name,
                       weft_bytes bytes);

// The entries of a map that was written, or read, before.
void wf_wire_put_entries(struct wf_wire_writer *writer, weft_bytes map);

// What is put until the close is inside of it.
void wf_wire_open_map(struct wf_wire_writer *writer, const char *name);
void wf_wire_open_array(struct wf_wire_writer *writer, const char *name);
void wf_wire_close(struct wf_wire_writer *writer);
// The same, but what is empty is taken back, with its name.
void wf_wire_close_or_drop(struct wf_wire_writer *writer);

#endif
