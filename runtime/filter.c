// SPDX-License-Identifier: Apache-2.0
//
// filter.c - a filter against one instance.
//
// A test of something that is not there, or that is of another type than what
// it is compared with, does not hold, whether negated ("!=", "not in") or not;
// `not` before a test turns that round. So there is no third truth value.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "runtime/attributes.h"
#include "runtime/filter_impl.h"

// The instance. -------------------------------------------------------------

static struct wf_filter_value
value_of_text(weft_bytes text)
{
    return (struct wf_filter_value){.type = WEFT_ATTRIBUTE_KEYWORD,
                                    .text = text};
}

static struct wf_filter_value
value_of_count(uint64_t count)
{
    return (struct wf_filter_value){
        .type = WEFT_ATTRIBUTE_INT,
        .integer = count > INT64_MAX ? INT64_MAX : (int64_t)count,
    };
}

static struct wf_filter_value
value_of_bool(int boolean)
{
    return (struct wf_filter_value){.type = WEFT_ATTRIBUTE_BOOL,
                                    .boolean = boolean != 0};
}

static struct wf_filter_value
value_of_time(uint64_t ms)
{
    return (struct wf_filter_value){
        .type = ms == 0 ? WEFT_ATTRIBUTE_NONE : WEFT_ATTRIBUTE_TIME,
        .time_ms = ms,
    };
}

static struct wf_filter_value
value_of_attribute(weft_bytes set, const char *name)
{
    struct wf_filter_value value = {0};
    weft_attribute attribute;

    if (!wf_attributes_find(set, name, &attribute)) {
        return value;
    }
    value.type = attribute.type;
    switch (attribute.type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        value.text = weft_text(attribute.value.text);
        break;
    case WEFT_ATTRIBUTE_INT:
        value.integer = attribute.value.integer;
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        value.real = attribute.value.real;
        break;
    case WEFT_ATTRIBUTE_BOOL:
        value.boolean = attribute.value.boolean != 0;
        break;
    default:
        value.time_ms = attribute.value.time_ms;
        break;
    }
    return value;
}

static struct wf_filter_value
value_of_parent(const char *parent)
{
    struct wf_filter_value value = value_of_text(weft_text(parent));

    if (parent[0] == '\0') {
        value.type = WEFT_ATTRIBUTE_NONE;
    }
    return value;
}

void
wf_filter_parent(struct wf_filter_subject *subject, weft_bytes kind,
                 weft_bytes id)
{
    if (kind.len > 0) {
        (void)snprintf(subject->parent, sizeof(subject->parent), "%.*s/%.*s",
                       (int)kind.len, (const char *)kind.data, (int)id.len,
                       (const char *)id.data);
    }
}

// tidy: long, one case per field
struct wf_filter_value
wf_filter_read(const struct wf_filter_field *field,
               const struct wf_filter_subject *subject)
{
    const weft_description *head = subject->head;

    switch (field->id) {
    case WF_FILTER_KIND:
        return value_of_text(subject->kind);
    case WF_FILTER_ID:
        return value_of_text(subject->id);
    case WF_FILTER_PARENT:
        return value_of_parent(subject->parent);
    case WF_FILTER_STATUS:
        return value_of_text(weft_text(weft_status_name(head->status)));
    case WF_FILTER_RUN:
        return value_of_count(head->run);
    case WF_FILTER_VERSION:
        return value_of_count(head->version);
    case WF_FILTER_CREATED:
        return value_of_time(head->created_at_ms);
    case WF_FILTER_FINISHED:
        return value_of_time(head->finished_at_ms);
    case WF_FILTER_BEGINS:
        return value_of_time(head->begins_at_ms);
    case WF_FILTER_DEADLINE:
        return value_of_time(head->deadline_ms);
    case WF_FILTER_ATTEMPT:
        return value_of_count(head->attempt);
    case WF_FILTER_IS_PARKED:
        return value_of_bool(head->is_parked);
    case WF_FILTER_IS_PAUSED:
        return value_of_bool(head->is_paused);
    case WF_FILTER_IS_CANCEL_REQUESTED:
        return value_of_bool(head->is_cancel_requested);
    case WF_FILTER_MAILBOX_COUNT:
        return value_of_count(head->mailbox_count);
    case WF_FILTER_TIMERS_COUNT:
        return value_of_count(head->timers_count);
    case WF_FILTER_ACTIVITIES_COUNT:
        return value_of_count(head->activities_count);
    case WF_FILTER_CHILDREN_COUNT:
        return value_of_count(head->children_count);
    case WF_FILTER_JOURNAL_COUNT:
        return value_of_count(head->journal_count);
    case WF_FILTER_ATTRIBUTE:
        break;
    }
    return value_of_attribute(subject->attributes, field->name);
}

// Comparing. ----------------------------------------------------------------

bool
wf_filter_is_comparable(weft_attribute_type type,
                        const struct wf_filter_literal *literal)
{
    weft_attribute_type with = literal->value.type;

    switch (type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        return with == WEFT_ATTRIBUTE_KEYWORD;
    case WEFT_ATTRIBUTE_INT:
    case WEFT_ATTRIBUTE_DOUBLE:
        return with == WEFT_ATTRIBUTE_INT || with == WEFT_ATTRIBUTE_DOUBLE;
    case WEFT_ATTRIBUTE_BOOL:
        return with == WEFT_ATTRIBUTE_BOOL;
    case WEFT_ATTRIBUTE_TIME:
        return literal->is_time || with == WEFT_ATTRIBUTE_INT;
    default:
        return false;
    }
}

static int
order_of_doubles(double a, double b)
{
    return (a > b) - (a < b);
}

static int
order_of_integers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

// Exactly: large integers are not made doubles.
static int
order_of_mixed(int64_t a, double b)
{
    int64_t whole;

    if (b >= 9223372036854775808.0) {
        return -1;
    }
    if (b < -9223372036854775808.0) {
        return 1;
    }
    whole = (int64_t)b; // towards zero
    if (a != whole) {
        return a < whole ? -1 : 1;
    }
    return order_of_doubles((double)whole, b);
}

static int
order_of_numbers(const struct wf_filter_value *a,
                 const struct wf_filter_value *b)
{
    if (a->type == WEFT_ATTRIBUTE_INT && b->type == WEFT_ATTRIBUTE_INT) {
        return order_of_integers(a->integer, b->integer);
    }
    if (a->type == WEFT_ATTRIBUTE_INT) {
        return order_of_mixed(a->integer, b->real);
    }
    if (b->type == WEFT_ATTRIBUTE_INT) {
        return -order_of_mixed(b->integer, a->real);
    }
    return order_of_doubles(a->real, b->real);
}

static int
order_of_times(uint64_t ms, const struct wf_filter_literal *literal)
{
    if (literal->is_time) {
        return (ms > literal->value.time_ms) - (ms < literal->value.time_ms);
    }
    if (literal->value.integer < 0) {
        return 1;
    }
    return (ms > (uint64_t)literal->value.integer) -
           (ms < (uint64_t)literal->value.integer);
}

// They are comparable.
static int
order_of(const struct wf_filter_value *value,
         const struct wf_filter_literal *literal)
{
    switch (value->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        return wf_bytes_compare(value->text, literal->value.text);
    case WEFT_ATTRIBUTE_BOOL:
        return (int)value->boolean - (int)literal->value.boolean;
    case WEFT_ATTRIBUTE_TIME:
        return order_of_times(value->time_ms, literal);
    default:
        return order_of_numbers(value, &literal->value);
    }
}

static bool
starts_with(weft_bytes text, weft_bytes prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

static bool
contains(weft_bytes text, weft_bytes part)
{
    const char *at = text.data;

    for (size_t left = text.len; left >= part.len; left--, at++) {
        if (part.len == 0 || memcmp(at, part.data, part.len) == 0) {
            return true;
        }
        if (left == 0) {
            break;
        }
    }
    return false;
}

// One comparable literal.
static bool
holds_for(enum wf_filter_op op, const struct wf_filter_value *value,
          const struct wf_filter_literal *literal)
{
    switch (op) {
    case WF_FILTER_LESS:
        return order_of(value, literal) < 0;
    case WF_FILTER_LESS_EQUAL:
        return order_of(value, literal) <= 0;
    case WF_FILTER_GREATER:
        return order_of(value, literal) > 0;
    case WF_FILTER_GREATER_EQUAL:
        return order_of(value, literal) >= 0;
    case WF_FILTER_STARTS_WITH:
        return starts_with(value->text, literal->value.text);
    case WF_FILTER_CONTAINS:
        return contains(value->text, literal->value.text);
    default: // equal, in
        return order_of(value, literal) == 0;
    }
}

static bool
test_between(const struct wf_filter_node *node,
             const struct wf_filter_value *value, bool *out_is_comparable)
{
    const struct wf_filter_literal *low = node->literals;
    const struct wf_filter_literal *high = low->next;

    *out_is_comparable = wf_filter_is_comparable(value->type, low) &&
                         wf_filter_is_comparable(value->type, high);
    return *out_is_comparable && order_of(value, low) >= 0 &&
           order_of(value, high) <= 0;
}

// Does any literal of the test hold? That is what `in` asks; others have one.
static bool
test_any(const struct wf_filter_node *node, const struct wf_filter_value *value,
         bool *out_is_comparable)
{
    bool is_text =
        node->op == WF_FILTER_STARTS_WITH || node->op == WF_FILTER_CONTAINS;
    const struct wf_filter_literal *literal = node->literals;

    if (is_text && value->type != WEFT_ATTRIBUTE_KEYWORD &&
        value->type != WEFT_ATTRIBUTE_TEXT) {
        return false;
    }
    for (; literal != NULL; literal = literal->next) {
        if (wf_filter_is_comparable(value->type, literal)) {
            *out_is_comparable = true;
            if (holds_for(node->op, value, literal)) {
                return true;
            }
        }
    }
    return false;
}

static bool
test(const struct wf_filter_node *node, const struct wf_filter_subject *subject)
{
    struct wf_filter_value value = wf_filter_read(&node->field, subject);
    bool is_comparable = false;
    bool holds;

    if (node->op == WF_FILTER_IS_NULL) {
        return (value.type == WEFT_ATTRIBUTE_NONE) != node->is_negated;
    }
    holds = node->op == WF_FILTER_BETWEEN
                ? test_between(node, &value, &is_comparable)
                : test_any(node, &value, &is_comparable);
    return is_comparable && holds != node->is_negated;
}

// As deep as the parser lets it be.
static bool
holds(const struct wf_filter_node *node,
      const struct wf_filter_subject *subject)
{
    const struct wf_filter_node *child = node->children;

    switch (node->op) {
    case WF_FILTER_AND:
        for (; child != NULL; child = child->next) {
            if (!holds(child, subject)) {
                return false;
            }
        }
        return true;
    case WF_FILTER_OR:
        for (; child != NULL; child = child->next) {
            if (holds(child, subject)) {
                return true;
            }
        }
        return false;
    case WF_FILTER_NOT:
        return !holds(child, subject);
    default:
        return test(node, subject);
    }
}

bool
wf_filter_matches(const struct wf_filter *filter,
                  const struct wf_filter_subject *subject)
{
    return filter == NULL || holds(filter->root, subject);
}

// Memory. -------------------------------------------------------------------

void
wf_filter_node_destroy(struct wf_filter_node *node)
{
    while (node->literals != NULL) {
        struct wf_filter_literal *literal = node->literals;

        node->literals = literal->next;
        wf_free(literal);
    }
    while (node->children != NULL) {
        struct wf_filter_node *child = node->children;

        node->children = child->next;
        wf_filter_node_destroy(child);
    }
    wf_free(node);
}

const char *
wf_filter_text(const struct wf_filter *filter)
{
    return filter->text;
}

void
wf_filter_destroy(struct wf_filter *filter)
{
    if (filter != NULL) {
        wf_filter_node_destroy(filter->root);
        wf_free(filter->strings);
        wf_free(filter->text);
        wf_free(filter);
    }
}
