// SPDX-License-Identifier: Apache-2.0
//
// filter_impl.h - the tree that filter_parse.c makes and filter.c walks.

#ifndef WF_RUNTIME_FILTER_IMPL_H
#define WF_RUNTIME_FILTER_IMPL_H

#include "runtime/filter.h"

enum wf_filter_op {
    WF_FILTER_AND, // of its children; none: true
    WF_FILTER_OR,
    WF_FILTER_NOT,
    WF_FILTER_EQUAL,
    WF_FILTER_LESS,
    WF_FILTER_LESS_EQUAL,
    WF_FILTER_GREATER,
    WF_FILTER_GREATER_EQUAL,
    WF_FILTER_IN,
    WF_FILTER_BETWEEN,
    WF_FILTER_STARTS_WITH,
    WF_FILTER_CONTAINS,
    WF_FILTER_IS_NULL,
};

// A value as it was written. A text may be meant as a time.
struct wf_filter_literal {
    struct wf_filter_value value; // its type: KEYWORD, INT, DOUBLE or BOOL
    bool is_time;                 // value.time_ms is set too
    struct wf_filter_literal *next;
};

struct wf_filter_node {
    enum wf_filter_op op;
    bool is_negated; // of a test: "!=", "not in", "is not null"
    struct wf_filter_field field;
    struct wf_filter_literal *literals;
    struct wf_filter_node *children;
    struct wf_filter_node *next; // beside it
};

struct wf_filter {
    struct wf_filter_node *root;
    char *strings; // what literals point to
    char *text;    // as it was written
};

void wf_filter_node_destroy(struct wf_filter_node *node); // and all below

// May a value of that type be compared with the literal?
bool wf_filter_is_comparable(weft_attribute_type type,
                             const struct wf_filter_literal *literal);

#endif
