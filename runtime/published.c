// SPDX-License-Identifier: Apache-2.0
//
// published.c - values by name. See published.h.

#include "runtime/published.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "runtime/actor.h"

// Shorter lists are walked.
#define INDEXED_MIN 32

void
wf_published_init(struct wf_publications *all, uint64_t hash_seed)
{
    wf_list_init(&all->list);
    wf_table_init(&all->index);
    all->hash_seed = hash_seed;
    wf_list_init(&all->unsaved);
    all->gone = (struct wf_buf){0};
    all->last_number = 0;
    all->bytes = 0;
    all->rows_count = 0;
}

static uint64_t
bytes_of(const struct wf_published *published)
{
    return strlen(published->name) + published->value.len;
}

static void
destroy(struct wf_published *published)
{
    wf_free(published->name);
    wf_own_bytes(&published->value, weft_nothing());
    wf_free(published);
}

void
wf_published_fini(struct wf_publications *all)
{
    wf_published_clear(all);
    wf_buf_fini(&all->gone);
}

static void
leave_unsaved(struct wf_publications *all, struct wf_published *published)
{
    if (wf_list_has(&published->unsaved)) {
        wf_list_remove(&all->unsaved, &published->unsaved);
    }
}

// It is in the list no more.
static void
forget(struct wf_publications *all, struct wf_published *published)
{
    if (published->has_row) {
        wf_buf_put_u64(&all->gone, published->number);
        all->rows_count--;
    }
    leave_unsaved(all, published);
    all->bytes -= bytes_of(published);
    destroy(published);
}

// Numbers go on: rows of those that were there are still to be deleted.
void
wf_published_clear(struct wf_publications *all)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&all->list)) != NULL) {
        forget(all, WF_CONTAINER(node, struct wf_published, node));
    }
    wf_table_fini(&all->index);
    wf_table_init(&all->index);
}

static void
note_unsaved(struct wf_publications *all, struct wf_published *published)
{
    if (!wf_list_has(&published->unsaved)) {
        wf_list_push_back(&all->unsaved, &published->unsaved);
    }
}

void
wf_published_saved(struct wf_publications *all, struct wf_published *published)
{
    leave_unsaved(all, published);
    all->rows_count += published->has_row ? 0 : 1;
    published->has_row = true;
}

static uint64_t
hash_of(const struct wf_publications *all, const char *name)
{
    return wf_hash64(name, strlen(name), all->hash_seed);
}

static bool
has_name(const void *item, const void *name)
{
    return strcmp(((const struct wf_published *)item)->name, name) == 0;
}

struct wf_published *
wf_published_find(const struct wf_publications *all, const char *name)
{
    struct wf_list_node *node = wf_list_first(&all->list);

    if (all->index.count > 0) {
        return wf_table_find(&all->index, hash_of(all, name), has_name, name);
    }
    for (; node != NULL; node = wf_list_next(&all->list, node)) {
        struct wf_published *published =
            WF_CONTAINER(node, struct wf_published, node);

        if (has_name(published, name)) {
            return published;
        }
    }
    return NULL;
}

// It is in the list: the index has it too, if there is one or is one now.
static void
index_one(struct wf_publications *all, struct wf_published *added)
{
    struct wf_list_node *node = wf_list_first(&all->list);

    if (all->index.count > 0) {
        wf_table_add(&all->index, hash_of(all, added->name), added);
        return;
    }
    for (; all->list.count >= INDEXED_MIN && node != NULL;
         node = wf_list_next(&all->list, node)) {
        struct wf_published *published =
            WF_CONTAINER(node, struct wf_published, node);

        wf_table_add(&all->index, hash_of(all, published->name), published);
    }
}

static struct wf_published *
create(uint64_t number, const char *name, weft_bytes value)
{
    struct wf_published *published = wf_calloc(sizeof(*published));

    published->number = number;
    published->name = wf_strdup(name);
    wf_own_bytes(&published->value, value);
    return published;
}

struct wf_published *
wf_published_put(struct wf_publications *all, const char *name,
                 weft_bytes value)
{
    struct wf_published *published = wf_published_find(all, name);

    if (published == NULL) {
        published = create(++all->last_number, name, value);
        wf_list_push_back(&all->list, &published->node);
        index_one(all, published);
    } else {
        all->bytes -= bytes_of(published);
        wf_own_bytes(&published->value, value);
    }
    note_unsaved(all, published);
    all->bytes += bytes_of(published);
    return published;
}

void
wf_published_remove(struct wf_publications *all, const char *name)
{
    struct wf_published *published = wf_published_find(all, name);

    if (published == NULL) {
        return;
    }
    if (all->index.count > 0) {
        wf_table_remove(&all->index, hash_of(all, name), published);
    }
    wf_list_remove(&all->list, &published->node);
    forget(all, published);
    if (all->list.count == 0) {
        wf_table_fini(&all->index);
        wf_table_init(&all->index);
    }
}

// The first with a higher number, or NULL. Those with rows of their own come
// first, in order; of those in the image, which come then, there are few.
static struct wf_list_node *
find_later(const struct wf_publications *all, uint64_t number)
{
    struct wf_list_node *node = wf_list_first(&all->list);

    if (number > all->last_number) {
        return NULL;
    }
    while (node != NULL &&
           WF_CONTAINER(node, struct wf_published, node)->number < number) {
        node = wf_list_next(&all->list, node);
    }
    return node;
}

bool
wf_published_restore(struct wf_publications *all, uint64_t number,
                     const char *name, weft_bytes value, bool has_row)
{
    struct wf_list_node *later = find_later(all, number);
    struct wf_published *published;

    if (wf_published_find(all, name) != NULL ||
        (later != NULL &&
         WF_CONTAINER(later, struct wf_published, node)->number == number)) {
        return false;
    }
    published = create(number, name, value);
    wf_list_insert(&all->list, later, &published->node);
    if (has_row) {
        wf_published_saved(all, published);
    } else {
        note_unsaved(all, published);
    }
    all->bytes += bytes_of(published);
    if (number > all->last_number) {
        all->last_number = number;
    }
    index_one(all, published);
    return true;
}
