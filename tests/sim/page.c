// SPDX-License-Identifier: Apache-2.0
//
// page.c - lists and counts over all sites, as a client puts them together, and
// what they give as text.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "sim/world_impl.h"

enum { TEXT_SIZE = 256 * 1024, LINES_MAX = 10000 };

static char text[TEXT_SIZE];
static size_t text_len;

static void
show_attribute(const weft_attribute *attribute, const char *name, char *out,
               size_t size)
{
    switch (attribute->type) {
    case WEFT_ATTRIBUTE_NONE:
        (void)snprintf(out, size, "%snone", name);
        break;
    case WEFT_ATTRIBUTE_INT:
        (void)snprintf(out, size, "%s%lld", name,
                       (long long)attribute->value.integer);
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        (void)snprintf(out, size, "%s%g", name, attribute->value.real);
        break;
    case WEFT_ATTRIBUTE_BOOL:
        (void)snprintf(out, size, "%s%s", name,
                       attribute->value.boolean ? "true" : "false");
        break;
    case WEFT_ATTRIBUTE_TIME:
        (void)snprintf(out, size, "%s@%llu", name,
                       (unsigned long long)attribute->value.time_ms);
        break;
    default:
        (void)snprintf(out, size, "%s%s", name, attribute->value.text);
        break;
    }
}

void
world_show_attributes(const weft_description *item, char *out, size_t size)
{
    for (size_t i = 0; i < item->attributes_count; i++) {
        size_t len = strlen(out);
        char name[80];

        (void)snprintf(name, sizeof(name), "%s%s=", i > 0 ? " " : "",
                       item->attributes[i].name);
        show_attribute(&item->attributes[i], name, out + len, size - len);
    }
}

static void
page_done(struct wf_request *request)
{
    *(bool *)request->done_ctx = true;
}

// Ask one site for one page. The request is answered afterwards.
static void
ask(struct world *world, struct wf_request *request)
{
    bool is_done = false;

    request->done = page_done;
    request->done_ctx = &is_done;
    site_request(&world->sites[request->partition], request);
    while (!is_done && world_step_until(world, world->now_ms + 3600000)) {
    }
    world_must(is_done ? request->reply.err : WEFT_ETIMEDOUT);
}

static struct wf_request *
make_request(weft_verb verb, const char *filter)
{
    struct wf_request *request = wf_request_create();

    request->verb = verb;
    request->list_namespace = wf_strdup("default");
    request->list_limit = WF_LIST_PAGE_MAX;
    if (filter != NULL) {
        world_must(wf_filter_parse(filter, &request->list_filter));
    }
    return request;
}

// To the next page. False: it was the last one of the last site.
static bool
go_on(const struct world *world, struct wf_request *request)
{
    wf_free((void *)(uintptr_t)request->list_after.data);
    request->list_after = request->list_next;
    request->list_next = weft_nothing();
    if (request->list_after.len == 0) {
        request->partition++;
    }
    wf_request_reset(request);
    return request->partition < world->options.sites;
}

static int
compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Sites come in an order that means nothing.
static const char *
sort_lines(char **lines, size_t count)
{
    qsort(lines, count, sizeof(lines[0]), compare_lines);
    text_len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        text_len += (size_t)snprintf(text + text_len, TEXT_SIZE - text_len,
                                     "%s\n", lines[i]);
        wf_free(lines[i]);
    }
    return text;
}

const char *
world_list(struct world *world, const char *filter, uint32_t limit)
{
    struct wf_request *request = make_request(WEFT_VERB_LIST, filter);
    static char *lines[LINES_MAX];
    size_t count = 0;

    request->list_limit = limit;
    do {
        ask(world, request);
        for (size_t i = 0; i < request->reply.items_count; i++) {
            const weft_description *item = &request->reply.items[i];
            char line[800];

            (void)snprintf(line, sizeof(line), "%s/%s", item->kind, item->id);
            lines[count++] = wf_strdup(line);
        }
    } while (go_on(world, request));
    wf_request_destroy(request);
    return sort_lines(lines, count);
}

const char *
world_count(struct world *world, const char *filter, const char *group_by)
{
    struct wf_request *request = make_request(WEFT_VERB_COUNT_MATCHING, filter);
    struct wf_groups groups = {0};

    if (group_by != NULL) {
        request->has_group = true;
        world_must(wf_filter_parse_field(group_by, &request->list_group));
    }
    do {
        ask(world, request);
        world_must(wf_groups_merge(&groups, &request->groups));
    } while (go_on(world, request));
    wf_request_destroy(request);
    text_len = (size_t)snprintf(text, TEXT_SIZE, "%llu%s",
                                (unsigned long long)groups.count,
                                groups.groups_count > 0 ? ":" : "");
    for (size_t i = 0; i < groups.groups_count; i++) {
        show_attribute(&groups.groups[i].value, " ", text + text_len,
                       TEXT_SIZE - text_len);
        text_len += strlen(text + text_len);
        text_len +=
            (size_t)snprintf(text + text_len, TEXT_SIZE - text_len, "=%llu",
                             (unsigned long long)groups.groups[i].count);
    }
    wf_groups_fini(&groups);
    return text;
}
