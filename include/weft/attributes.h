// SPDX-License-Identifier: Apache-2.0
//
// attributes.h - typed values by which instances are found, counted, grouped.
//
// An instance's attributes are set at its start and by its own turns, and are
// durable with the turn. They stay over a restart and after the end, until the
// instance is removed; weft_description shows them, filters compare them
// (docs/filter.md). Temporal's search attributes; there is no schema: two kinds
// may give one name different types, and a filter that compares another type
// does not match.
//
// One instance has at most 64 attributes of 8 KiB in all.

#ifndef WEFT_ATTRIBUTES_H
#define WEFT_ATTRIBUTES_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weft_actor;
struct weft_workflow;

// Values are part of the stored format.
typedef enum weft_attribute_type {
    WEFT_ATTRIBUTE_NONE,    // no value
    WEFT_ATTRIBUTE_KEYWORD, // a name or code, at most 255 bytes
    WEFT_ATTRIBUTE_TEXT,    // text for people, at most 2,048 bytes
    WEFT_ATTRIBUTE_INT,
    WEFT_ATTRIBUTE_DOUBLE, // not NaN
    WEFT_ATTRIBUTE_BOOL,
    WEFT_ATTRIBUTE_TIME, // milliseconds since 1970
    WEFT_ATTRIBUTE_TYPE_COUNT
} weft_attribute_type;

// Make one with the functions below. name: 1 to 63 bytes, no control
// characters. Strings are borrowed, and copied by whoever takes it.
typedef struct weft_attribute {
    const char *name;
    weft_attribute_type type;
    union {
        const char *text; // KEYWORD, TEXT
        int64_t integer;
        double real;
        int boolean;
        uint64_t time_ms;
    } value; // the member that the type says
} weft_attribute;

static inline weft_attribute
weft_attribute_keyword(const char *name, const char *value)
{
    weft_attribute attribute = {name, WEFT_ATTRIBUTE_KEYWORD, {NULL}};

    attribute.value.text = value;
    return attribute;
}

static inline weft_attribute
weft_attribute_text(const char *name, const char *value)
{
    weft_attribute attribute = {name, WEFT_ATTRIBUTE_TEXT, {NULL}};

    attribute.value.text = value;
    return attribute;
}

static inline weft_attribute
weft_attribute_int(const char *name, int64_t value)
{
    weft_attribute attribute = {name, WEFT_ATTRIBUTE_INT, {NULL}};

    attribute.value.integer = value;
    return attribute;
}

static inline weft_attribute
weft_attribute_double(const char *name, double value)
{
    weft_attribute attribute = {name, WEFT_ATTRIBUTE_DOUBLE, {NULL}};

    attribute.value.real = value;
    return attribute;
}

static inline weft_attribute
weft_attribute_bool(const char *name, int value)
{
    weft_attribute attribute = {name, WEFT_ATTRIBUTE_BOOL, {NULL}};

    attribute.value.boolean = value != 0;
    return attribute;
}

static inline weft_attribute
weft_attribute_time(const char *name, uint64_t ms)
{
    weft_attribute attribute = {name, WEFT_ATTRIBUTE_TIME, {NULL}};

    attribute.value.time_ms = ms;
    return attribute;
}

// "keyword", "int" and so on; never NULL.
WEFT_API const char *weft_attribute_type_name(weft_attribute_type type);

// How many instances have one value; of type NONE: how many have none.
typedef struct weft_group {
    weft_attribute value; // name: what they are grouped by
    uint64_t count;
} weft_group;

// From a workflow's function. They begin nothing and wait for nothing, so they
// are not compared in a replay (Temporal: upsert search attributes). An
// attribute that is there is replaced, by another type too.
//
// WEFT_EINVAL   a name is missing or malformed, a type is none, a double is
//               NaN, a text is NULL; or not called from the workflow's function
// WEFT_ETOOBIG  a name, a keyword, a text, their number or all of them together
//               are over a limit; the detail says which. Nothing was changed.
// WEFT_EUNWIND  the stack is being dropped
WEFT_API weft_err weft_workflow_set_attribute(struct weft_workflow *wf,
                                              weft_attribute attribute);
// All of them, or none.
WEFT_API weft_err weft_workflow_set_attributes(struct weft_workflow *wf,
                                               const weft_attribute *attributes,
                                               size_t count);
// WEFT_OK also if there is none of that name.
WEFT_API weft_err weft_workflow_clear_attribute(struct weft_workflow *wf,
                                                const char *name);
// As the code sees it at this place, also in a replay. Text is borrowed until
// the next change of an attribute, or the next wait.
//
// WEFT_ENOTFOUND  there is none
WEFT_API weft_err weft_workflow_get_attribute(struct weft_workflow *wf,
                                              const char *name,
                                              weft_attribute *out_attribute);

// The same from an actor's handler; dropped with the turn if it fails.
WEFT_API weft_err weft_actor_set_attribute(struct weft_actor *actor,
                                           weft_attribute attribute);
WEFT_API weft_err weft_actor_set_attributes(struct weft_actor *actor,
                                            const weft_attribute *attributes,
                                            size_t count);
WEFT_API weft_err weft_actor_clear_attribute(struct weft_actor *actor,
                                             const char *name);
WEFT_API weft_err weft_actor_get_attribute(struct weft_actor *actor,
                                           const char *name,
                                           weft_attribute *out_attribute);

#ifdef __cplusplus
}
#endif

#endif
