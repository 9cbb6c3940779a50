// SPDX-License-Identifier: Apache-2.0
//
// filter.h - expressions that say which instances are wanted: text to a tree,
// and a tree against one instance. docs/filter.md has the language.

#ifndef WF_RUNTIME_FILTER_H
#define WF_RUNTIME_FILTER_H

#include <stdbool.h>

#include "base/limits.h"
#include "weft/attributes.h"
#include "weft/bytes.h"
#include "weft/client.h"
#include "weft/error.h"

// What can be compared.
enum wf_filter_field_id {
    WF_FILTER_KIND,
    WF_FILTER_ID,
    WF_FILTER_PARENT,
    WF_FILTER_STATUS,
    WF_FILTER_RUN,
    WF_FILTER_VERSION,
    WF_FILTER_CREATED,
    WF_FILTER_FINISHED,
    WF_FILTER_BEGINS,
    WF_FILTER_DEADLINE,
    WF_FILTER_ATTEMPT,
    WF_FILTER_IS_PARKED,
    WF_FILTER_IS_PAUSED,
    WF_FILTER_IS_CANCEL_REQUESTED,
    WF_FILTER_MAILBOX_COUNT,
    WF_FILTER_TIMERS_COUNT,
    WF_FILTER_ACTIVITIES_COUNT,
    WF_FILTER_CHILDREN_COUNT,
    WF_FILTER_JOURNAL_COUNT,
    WF_FILTER_ATTRIBUTE, // the one of that name
};

struct wf_filter_field {
    enum wf_filter_field_id id;
    char name[WF_ATTRIBUTE_NAME_BYTES_MAX + 1]; // of the attribute
};

// One instance, as the head of its image has it. kind and id are looked for
// here and not in the description, since those of a row have no NUL.
struct wf_filter_subject {
    const weft_description *head;
    weft_bytes kind;
    weft_bytes id;
    weft_bytes attributes; // a set (attributes.h)
    char parent[WF_KIND_BYTES_MAX + WF_ID_BYTES_MAX + 2]; // wf_filter_parent
};

// What a field of an instance is. type NONE: it has none.
struct wf_filter_value {
    weft_attribute_type type;
    weft_bytes text;
    int64_t integer;
    double real;
    bool boolean;
    uint64_t time_ms;
};

struct wf_filter;

// Text that is empty or blank gives a filter that matches everything.
//
// WEFT_EINVAL   it is no filter; the detail has the column, in bytes from 1
// WEFT_ETOOBIG  over WF_FILTER_BYTES_MAX
weft_err wf_filter_parse(const char *text, struct wf_filter **out_filter);
void wf_filter_destroy(struct wf_filter *filter); // NULL is fine
// What it was parsed from; the filter's.
const char *wf_filter_text(const struct wf_filter *filter);

// filter NULL: everything matches.
bool wf_filter_matches(const struct wf_filter *filter,
                       const struct wf_filter_subject *subject);

// One field on its own, as it is written in a filter.
//
// WEFT_EINVAL
weft_err wf_filter_parse_field(const char *text,
                               struct wf_filter_field *out_field);
struct wf_filter_value wf_filter_read(const struct wf_filter_field *field,
                                      const struct wf_filter_subject *subject);

// The subject is a child of that one.
void wf_filter_parent(struct wf_filter_subject *subject, weft_bytes kind,
                      weft_bytes id);

// Milliseconds since 1970 of "2026-01-31", or "2026-01-31T23:59:59.5+01:00" and
// what lies between (RFC 3339; no zone: UTC). False: it is no such time.
bool wf_filter_parse_time(weft_bytes text, uint64_t *out_ms);

#endif
