// SPDX-License-Identifier: Apache-2.0
//
// updates.c - see updates.h.

#include "runtime/updates.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/limits.h"
#include "runtime/actor.h"

struct wf_update *
wf_update_create(uint32_t number)
{
    struct wf_update *update = wf_calloc(sizeof(*update));

    update->number = number;
    update->id = wf_strdup("");
    return update;
}

void
wf_update_destroy(struct wf_update *update)
{
    wf_free(update->id);
    wf_own_bytes(&update->data, weft_nothing());
    wf_free(update);
}

static uint32_t
number_of(const struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct wf_update, node)->number;
}

void
wf_updates_init(struct wf_updates *updates, uint64_t hash_seed)
{
    *updates = (struct wf_updates){.hash_seed = hash_seed};
    wf_opened_init(&updates->all, number_of);
    wf_table_init(&updates->ids);
}

void
wf_updates_clear(struct wf_updates *updates)
{
    struct wf_list_node *node;

    while ((node = wf_opened_pop(&updates->all)) != NULL) {
        wf_update_destroy(WF_CONTAINER(node, struct wf_update, node));
    }
    wf_table_fini(&updates->ids);
    wf_updates_init(updates, updates->hash_seed);
}

static uint64_t
hash_of(const struct wf_updates *updates, const char *id)
{
    return wf_hash64(id, strlen(id), updates->hash_seed);
}

static bool
has_id(const void *item, const void *id)
{
    return strcmp(((const struct wf_update *)item)->id, id) == 0;
}

void
wf_updates_add(struct wf_updates *updates, struct wf_update *update)
{
    wf_opened_add(&updates->all, &update->node);
    if (update->id[0] != '\0') {
        wf_table_add(&updates->ids, hash_of(updates, update->id), update);
    }
    updates->kept += update->is_done ? 1 : 0;
    if (update->number > updates->made) {
        updates->made = update->number;
    }
}

void
wf_updates_drop(struct wf_updates *updates, struct wf_update *update)
{
    if (update->id[0] != '\0') {
        wf_table_remove(&updates->ids, hash_of(updates, update->id), update);
    }
    updates->kept -= update->is_done ? 1 : 0;
    wf_opened_remove(&updates->all, &update->node);
    wf_update_destroy(update);
}

void
wf_updates_keep(struct wf_updates *updates, struct wf_update *update,
                weft_err err, weft_bytes data)
{
    updates->kept += update->is_done ? 0 : 1;
    update->is_done = true;
    update->err = err;
    wf_own_bytes(&update->data, data);
}

void
wf_updates_trim(struct wf_updates *updates)
{
    const struct wf_list *list = &updates->all.list;
    struct wf_list_node *node = wf_list_first(list);

    while (updates->kept > WF_UPDATES_KEPT_MAX) {
        struct wf_update *update = WF_CONTAINER(node, struct wf_update, node);

        WF_ASSERT(node != NULL); // what is kept is in the list
        node = wf_list_next(list, node);
        if (update->is_done) {
            wf_updates_drop(updates, update);
        }
    }
}

struct wf_update *
wf_updates_find(const struct wf_updates *updates, uint32_t number)
{
    struct wf_list_node *node = wf_opened_find(&updates->all, number);

    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_update, node);
}

struct wf_update *
wf_updates_find_id(const struct wf_updates *updates, const char *id)
{
    return id[0] == '\0'
               ? NULL
               : wf_table_find(&updates->ids, hash_of(updates, id), has_id, id);
}
