// SPDX-License-Identifier: Apache-2.0
//
// inspect_core.c - what inspection asks of a partition that was recovered and
// is never opened. Of all inspection only this file knows the core's inside.

#include "runtime/inspect_core.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/image.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "storage/keys.h"

// Of a mailbox that is in rows; more are only counted.
#define LETTERS_SHOWN_MAX 1000

static void
copy_pending(const struct wf_actor *from, struct wf_actor *to)
{
    const struct wf_list_node *node = wf_list_first(&from->pending);

    for (; node != NULL; node = wf_list_next(&from->pending, node)) {
        const struct wf_pending *pending =
            WF_CONTAINER(node, const struct wf_pending, node);
        struct wf_pending *copy =
            wf_memdup(pending, sizeof(*pending) + pending->len);

        copy->node = (struct wf_list_node){0};
        wf_list_push_back(&to->pending, &copy->node);
    }
}

// WEFT_ENOTFOUND leaves an actor that has no row.
static weft_err
load_image(const struct wf_partition *partition, struct wf_actor *actor,
           const struct wf_store *store)
{
    struct wf_load *load = wf_load_create();
    weft_bytes key = wf_key_bytes(&actor->key);
    uint32_t index = partition->options.index;
    weft_err err;

    wf_keys_image(&load->key, index, key);
    wf_image_items_range(index, key, &load->from, &load->to);
    wf_load_answer(load, store);
    err = load->err == WEFT_OK ? wf_image_load(actor, load) : load->err;
    if (load->err == WEFT_OK && err == WEFT_ECORRUPT) {
        err = wf_error(WEFT_ECORRUPT, "its rows do not decode");
    }
    wf_load_destroy(load);
    return err;
}

static weft_err
restore_letters(struct wf_actor *actor, const struct wf_load *load)
{
    struct wf_reader rows = wf_reader_of(wf_buf_bytes(&load->rows));
    uint64_t seq = actor->mailbox.gone_from;

    for (; wf_reader_left(&rows) > 0; seq++) {
        weft_bytes key = wf_reader_bytes(&rows);
        weft_bytes letter = wf_reader_bytes(&rows);
        struct wf_reader tail = wf_reader_of(key);

        WF_ASSERT(key.len > 8); // as all of that range
        (void)wf_reader_take(&tail, key.len - 8);
        if (wf_reader_u64(&tail) != seq ||
            !wf_mailbox_restore(&actor->mailbox, seq, letter, true)) {
            break;
        }
    }
    if (seq != actor->mailbox.gone_from + load->rows_count ||
        load->rows_count == 0) {
        return wf_error(WEFT_ECORRUPT, "letter %llu of its mailbox is missing",
                        (unsigned long long)seq);
    }
    wf_mailbox_came_back(&actor->mailbox, load->rows_count);
    return WEFT_OK;
}

// Records that wait may take letters out: at most one each.
static weft_err
load_letters(const struct wf_partition *partition, struct wf_actor *actor,
             const struct wf_store *store)
{
    struct wf_load *load = wf_load_create();
    weft_bytes key = wf_key_bytes(&actor->key);
    uint32_t index = partition->options.index;
    weft_err err;

    wf_keys_mailbox(&load->from, index, key, actor->mailbox.gone_from);
    wf_keys_mailbox(&load->to, index, key, actor->mailbox.gone_to);
    load->limit = LETTERS_SHOWN_MAX + (uint32_t)actor->pending.count;
    wf_load_answer(load, store);
    err = load->err == WEFT_OK ? restore_letters(actor, load) : load->err;
    wf_load_destroy(load);
    return err;
}

weft_err
wf_inspect_core_image(struct wf_partition *partition, const struct wf_key *key,
                      const struct wf_store *store, struct wf_actor **out_actor)
{
    struct wf_actor *actor = wf_actor_create(key, wf_key_hash(key));
    weft_err err = load_image(partition, actor, store);

    if (err != WEFT_OK) {
        wf_inspect_core_drop(partition, actor);
        return err;
    }
    *out_actor = actor;
    return WEFT_OK;
}

weft_err
wf_inspect_core_actor(struct wf_partition *partition, const struct wf_key *key,
                      const struct wf_store *store, struct wf_actor **out_actor)
{
    const struct wf_actor *stub =
        wf_residents_find(partition, wf_key_bytes(key));
    struct wf_actor *actor = wf_actor_create(key, wf_key_hash(key));
    weft_err err = load_image(partition, actor, store);

    if (err == WEFT_ENOTFOUND && stub != NULL && stub->pending.count > 0) {
        err = WEFT_OK;
    }
    if (err != WEFT_OK) {
        goto out;
    }
    if (stub != NULL) {
        copy_pending(stub, actor);
        wf_apply_forget(actor);
    }
    if (wf_mailbox_has_gone(&actor->mailbox)) {
        err = load_letters(partition, actor, store);
        if (err != WEFT_OK) {
            goto out;
        }
    }
    if (!wf_apply_pending(partition, actor)) {
        err = wf_error(WEFT_ECORRUPT, "a record of the log does not apply");
        goto out;
    }
    *out_actor = actor;
    actor = NULL;

out:
    if (actor != NULL) {
        wf_inspect_core_drop(partition, actor);
    }
    return err;
}

void
wf_inspect_core_drop(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->timers.list);

    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        wf_alarm_clear(partition,
                       &WF_CONTAINER(node, struct wf_timer, node)->alarm);
    }
    node = wf_list_first(&actor->commands.list);
    for (; node != NULL; node = wf_list_next(&actor->commands.list, node)) {
        wf_alarm_clear(partition,
                       &WF_CONTAINER(node, struct wf_command, node)->alarm);
    }
    wf_alarm_clear(partition, &actor->retry);
    if (wf_list_has(&actor->spill)) {
        wf_list_remove(&partition->overfull, &actor->spill);
    }
    wf_actor_destroy(actor);
}

void
wf_inspect_core_activity_key(const struct wf_actor *actor, uint32_t call,
                             char out_key[33])
{
    wf_commands_key(actor, call, out_key);
}

static int
compare_keys(const void *a, const void *b)
{
    const struct wf_key *left = *(const struct wf_key *const *)a;
    const struct wf_key *right = *(const struct wf_key *const *)b;

    return wf_bytes_compare(wf_key_bytes(left), wf_key_bytes(right));
}

const struct wf_key **
wf_inspect_core_keys(const struct wf_partition *partition, size_t *out_count)
{
    const struct wf_key **keys =
        wf_alloc((partition->actors.count + 1) * sizeof(const struct wf_key *));
    const struct wf_actor *actor;
    size_t cursor = 0;
    size_t count = 0;

    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        keys[count++] = &actor->key;
    }
    if (count > 1) {
        qsort(keys, count, sizeof(*keys), compare_keys);
    }
    *out_count = count;
    return keys;
}

void
wf_inspect_core_letters(const struct wf_partition *partition,
                        wf_inspect_core_letter_fn *fn, void *ctx)
{
    const struct wf_list_node *node = wf_list_first(&partition->letters);

    for (; node != NULL; node = wf_list_next(&partition->letters, node)) {
        const struct wf_dead_letter *letter =
            WF_CONTAINER(node, const struct wf_dead_letter, node);

        fn(ctx, letter->seq, weft_bytes_of(letter->bytes, letter->len));
    }
}

// Rows of messages that are acknowledged may still be there.
static uint64_t
count_unacked(const struct wf_route *route)
{
    const struct wf_list_node *node = wf_list_first(&route->unacked);
    uint64_t count = 0;

    for (; node != NULL; node = wf_list_next(&route->unacked, node)) {
        const struct wf_outgoing *outgoing =
            WF_CONTAINER(node, const struct wf_outgoing, node);

        count += outgoing->seq > route->acked ? 1 : 0;
    }
    return count;
}

struct wf_inspect_core_facts
wf_inspect_core_get_facts(const struct wf_partition *partition)
{
    struct wf_inspect_core_facts facts = {
        .last_record = partition->last_record,
        .redo_record = partition->redo_record,
        .next_letter = partition->next_letter,
        .wake_cursor = partition->wake_cursor,
        .newest_ms = partition->now_ms,
    };
    const struct wf_window *window;
    size_t cursor = 0;

    for (uint32_t i = 0; i < partition->options.count; i++) {
        const struct wf_route *route = partition->routes[i];

        if (route != NULL) {
            facts.outgoing_count += count_unacked(route);
            if (route->object.position > facts.newest_record) {
                facts.newest_record = route->object.position;
            }
        }
    }
    while ((window = wf_table_next(&partition->windows, &cursor)) != NULL) {
        if (window->object.position > facts.newest_record) {
            facts.newest_record = window->object.position;
        }
    }
    return facts;
}

uint64_t
wf_inspect_core_next_seq(const struct wf_partition *partition, uint32_t other)
{
    return other < partition->options.count && partition->routes[other] != NULL
               ? partition->routes[other]->next_seq
               : 0;
}
