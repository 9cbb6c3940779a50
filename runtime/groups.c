// SPDX-License-Identifier: Apache-2.0
//
// groups.c - counts, in groups that are sorted by value. See groups.h.

#include "runtime/groups.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/attributes.h"

static bool
has_text(const weft_attribute *value)
{
    return value->type == WEFT_ATTRIBUTE_KEYWORD ||
           value->type == WEFT_ATTRIBUTE_TEXT;
}

void
wf_groups_fini(struct wf_groups *groups)
{
    for (size_t i = 0; i < groups->groups_count; i++) {
        if (has_text(&groups->groups[i].value)) {
            wf_free((void *)(uintptr_t)groups->groups[i].value.value.text);
        }
    }
    wf_free(groups->groups);
    *groups = (struct wf_groups){0};
}

// Where the group is, or belongs.
static size_t
find(const struct wf_groups *groups, const weft_attribute *value,
     bool *out_found)
{
    size_t low = 0;
    size_t high = groups->groups_count;

    *out_found = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = wf_attributes_compare(&groups->groups[middle].value, value);

        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
insert(struct wf_groups *groups, size_t at, const weft_attribute *value)
{
    weft_group *group;

    if (groups->groups_count == groups->groups_cap) {
        groups->groups_cap =
            groups->groups_cap == 0 ? 8 : groups->groups_cap * 2;
        groups->groups = wf_realloc(
            groups->groups, groups->groups_cap * sizeof(*groups->groups));
    }
    group = &groups->groups[at];
    memmove(group + 1, group, (groups->groups_count - at) * sizeof(*group));
    groups->groups_count++;
    *group = (weft_group){.value = *value};
    if (has_text(value)) {
        group->value.value.text = wf_strdup(value->value.text);
    }
}

static weft_err
add(struct wf_groups *groups, const weft_attribute *value, uint64_t count)
{
    bool is_found;
    size_t at = find(groups, value, &is_found);

    if (!is_found && groups->groups_count == WF_GROUPS_MAX) {
        return wf_error(WEFT_ETOOBIG, "there are more than %d groups",
                        WF_GROUPS_MAX);
    }
    if (!is_found) {
        insert(groups, at, value);
    }
    groups->groups[at].count += count;
    return WEFT_OK;
}

// text: room for the value's, which has no NUL.
static weft_attribute
attribute_of(const struct wf_filter_value *value, char *text, size_t size)
{
    weft_attribute attribute = {.name = "", .type = value->type};

    switch (value->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        WF_ASSERT(value->text.len < size);
        memcpy(text, value->text.data, value->text.len);
        text[value->text.len] = '\0';
        attribute.value.text = text;
        break;
    case WEFT_ATTRIBUTE_INT:
        attribute.value.integer = value->integer;
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        attribute.value.real = value->real;
        break;
    case WEFT_ATTRIBUTE_BOOL:
        attribute.value.boolean = value->boolean;
        break;
    default:
        attribute.value.time_ms = value->time_ms;
        break;
    }
    return attribute;
}

weft_err
wf_groups_add(struct wf_groups *groups, const struct wf_filter_value *group)
{
    char text[WF_ATTRIBUTE_TEXT_BYTES_MAX + 1];
    weft_attribute value;

    groups->count++;
    if (group == NULL) {
        return WEFT_OK;
    }
    value = attribute_of(group, text, sizeof(text));
    return add(groups, &value, 1);
}

weft_err
wf_groups_merge(struct wf_groups *groups, const struct wf_groups *more)
{
    weft_err err = WEFT_OK;

    groups->count += more->count;
    for (size_t i = 0; i < more->groups_count && err == WEFT_OK; i++) {
        err = add(groups, &more->groups[i].value, more->groups[i].count);
    }
    return err;
}
