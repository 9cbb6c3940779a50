// SPDX-License-Identifier: Apache-2.0
//
// codec_field.h - structs as maps of a message, by tables.
//
// A table has one line for each field: its name in messages, what it is, and
// where it is in the struct. Reading and writing go by the same table, so they
// cannot differ.

#ifndef WF_REMOTE_CODEC_FIELD_H
#define WF_REMOTE_CODEC_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "transport/wire.h"
#include "weft/attributes.h"
#include "weft/bytes.h"
#include "weft/error.h"

enum wf_codec_type {
    WF_CODEC_TEXT,       // const char *
    WF_CODEC_TEXTS,      // const char *const *, which ends with NULL
    WF_CODEC_BYTES,      // weft_bytes; borrowed from the frame
    WF_CODEC_U64,        // uint64_t
    WF_CODEC_U32,        // uint32_t
    WF_CODEC_U32S,       // const uint32_t *, count at more_at
    WF_CODEC_TIMES,      // the same; UINT32_MAX is "no limit"
    WF_CODEC_FLAG,       // int
    WF_CODEC_BOOL,       // bool
    WF_CODEC_REAL,       // double
    WF_CODEC_NAMED,      // an enum: its value is where `names` has the text
    WF_CODEC_PAIRS,      // const weft_pair *, count at more_at
    WF_CODEC_PACKED,     // weft_bytes: pairs in weft's own form
    WF_CODEC_ATTRIBUTES, // const weft_attribute *, count at more_at
    WF_CODEC_CAUSES,     // const weft_failure *: a chain
    WF_CODEC_MAP,        // a struct of the table `of`, in place
    WF_CODEC_POINTED,    // the same; more_at has a pointer to it, or NULL
    WF_CODEC_LIST,       // const struct *, each of `size` bytes and of the
                         // table `of`; count at more_at
};

struct wf_codec_field {
    const char *name; // NULL: the table ends here
    enum wf_codec_type type;
    unsigned sets;  // which sets of fields it belongs to, as bits; 0: all
    bool is_needed; // in a request
    size_t at;
    size_t more_at;
    uint64_t max;             // of a number; bytes of a text or payload; 0: any
    const char *const *names; // ends with NULL; may begin with ""
    const struct wf_codec_field *of;
    size_t size;
};

// Who wrote a message, and so how it is read. A request comes from anybody:
// what is unknown, twice or missing is an error. An answer comes from a node,
// perhaps a newer one: what is unknown is skipped, a name that is unknown is 0,
// and texts that are missing are "".
enum wf_codec_kind {
    WF_CODEC_REQUEST,
    WF_CODEC_ANSWER,
};

struct wf_codec_reading {
    enum wf_codec_kind kind;
    unsigned sets;           // fields of these are known
    struct wf_arena *memory; // for all that a field points to
};

// Read the entries of a map into `into`, which is zeroed.
//
// WEFT_EINVAL, WEFT_ETOOBIG   the detail names the field
// WEFT_ENOMEM
weft_err wf_codec_field_read(const struct wf_codec_reading *reading,
                             const struct wf_codec_field *table,
                             struct wf_wire_walk walk, void *into);

// Read all fields of a message. WEFT_EINVAL also: it is another verb's.
weft_err wf_codec_field_read_message(const struct wf_codec_reading *reading,
                                     const struct wf_codec_field *table,
                                     const struct wf_wire_message *message,
                                     const char *verb, void *into);

// Write those that are in `sets` and not 0, false or NULL. A text or list of
// texts that is empty is written in a request, where that may say something;
// lists of structs always are.
void wf_codec_field_write(const struct wf_codec_field *table, unsigned sets,
                          const void *from, struct wf_wire_writer *writer);

// A whole message of them.
void wf_codec_field_write_message(const struct wf_codec_field *table,
                                  unsigned sets, const void *from,
                                  const char *verb, uint64_t number,
                                  struct wf_buf *out_frame);

// A value with its type, as attributes and groups have it.
weft_err wf_codec_field_read_value(const struct wf_codec_reading *reading,
                                   const struct wf_wire_field *field,
                                   weft_attribute *out_value);
void wf_codec_field_write_value(const weft_attribute *value, const char *name,
                                struct wf_wire_writer *writer);

// Tables of a weft_failure, and of one without its causes.
extern const struct wf_codec_field wf_codec_field_failure[];
extern const struct wf_codec_field wf_codec_field_cause[];

// What every request may have: the end of a table of a struct with `confirmed`
// and `is_again`.
#define WF_CODEC_FIELD_COMMON(type)                                            \
    {"confirmed", WF_CODEC_U64, .at = offsetof(type, confirmed)},              \
        {"again", WF_CODEC_BOOL, .at = offsetof(type, is_again)},              \
    {                                                                          \
        NULL                                                                   \
    }

#endif
