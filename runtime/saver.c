// SPDX-License-Identifier: Apache-2.0
//
// saver.c - rows saved behind the log.
//
// Every object that changed is in the dirty list, oldest first. What is as old
// as half of the window is saved with the next commit, as it is then: all turns
// since the last save in one row. With no window everything is saved at once,
// which is the plain design with a row per change.
//
// Objects that change all the time would be that old all at the same time,
// again and again, and what others ask would wait for their saves. So they are
// saved from three eighths of the window on, with each commit the share of them
// that the log has grown of another eighth: then they never are.
//
// The oldest record that is not saved yet is redo-from: recovery begins there.

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/image.h"
#include "runtime/partition_impl.h"
#include "storage/keys.h"
#include "storage/store.h"

#define META_FORMAT 1
// So many stubs are passed over before a save gives up until they are loaded.
#define STUBS_PASSED_MAX 1000

static bool
is_due(const struct wf_partition *partition, const struct wf_object *object,
       bool save_all)
{
    int64_t window = partition->options.window_bytes;

    return save_all || window <= 0 ||
           partition->log_bytes - object->dirty_bytes > (uint64_t)window / 2 ||
           // What is not saved cannot be evicted.
           partition->is_pressed ||
           partition->actors.count > partition->options.residents_max;
}

// Of the window.
#define EARLY(window) ((uint64_t)(window) / 8 * 3)
#define SPAN(window) ((uint64_t)(window) / 8)
// Each time that any are saved costs a row besides.
#define SHARE_MIN 2

// How many may be saved now, before they are due.
static uint64_t
share_of(const struct wf_partition *partition)
{
    int64_t window = partition->options.window_bytes;
    uint64_t grown = partition->log_bytes - partition->paced_bytes;
    uint64_t share;

    if (window < 8) {
        return 0;
    }
    grown = grown < SPAN(window) ? grown : SPAN(window);
    share = partition->dirty.count * grown / SPAN(window);
    return share < SHARE_MIN && grown < SPAN(window) ? 0 : share;
}

static bool
is_early(const struct wf_partition *partition, const struct wf_object *object)
{
    return partition->log_bytes - object->dirty_bytes >
           EARLY(partition->options.window_bytes);
}

// So many were saved early, of so many. What that is less than the share is
// left for the next time, if there is anything left.
static void
keep_pace(struct wf_partition *partition, uint64_t count, uint64_t of)
{
    const struct wf_list_node *node = wf_list_first(&partition->dirty);
    uint64_t span = SPAN(partition->options.window_bytes);
    uint64_t behind = partition->log_bytes - partition->paced_bytes;

    if (node == NULL ||
        !is_early(partition,
                  WF_CONTAINER(node, const struct wf_object, dirty))) {
        behind = 0;
    } else if (count > 0) {
        behind = behind < span ? behind : span;
        behind -= count * span / of;
    }
    partition->paced_bytes = partition->log_bytes - behind;
}

const struct wf_object *
wf_saver_first(const struct wf_partition *partition)
{
    const struct wf_list_node *node = wf_list_first(&partition->dirty);

    for (; node != NULL; node = wf_list_next(&partition->dirty, node)) {
        const struct wf_object *object =
            WF_CONTAINER(node, struct wf_object, dirty);

        if (object->type != WF_OBJECT_ACTOR ||
            WF_CONTAINER(object, struct wf_actor, object)->residency !=
                WF_RESIDENCY_BROKEN) {
            return object;
        }
    }
    return NULL;
}

bool
wf_saver_is_behind(const struct wf_partition *partition)
{
    const struct wf_object *object = wf_saver_first(partition);
    int64_t window = partition->options.window_bytes;

    if (object == NULL || window <= 0) {
        return false;
    }
    if (!partition->is_pressed &&
        partition->log_bytes - object->dirty_bytes <= (uint64_t)window) {
        return false;
    }
    return object->type != WF_OBJECT_ACTOR ||
           WF_CONTAINER(object, struct wf_actor, object)->residency ==
               WF_RESIDENCY_LOADED;
}

static void
save_route(struct wf_partition *partition, struct wf_route *route,
           struct wf_batch *rows)
{
    uint32_t index = partition->options.index;
    struct wf_buf key = {0};
    struct wf_buf value = {0};
    struct wf_list_node *node = route->unsaved;

    for (;
         route->rows_from < route->rows_to && route->rows_from <= route->acked;
         route->rows_from++) {
        wf_keys_outbox(&key, index, route->other, route->rows_from);
        wf_batch_delete(rows, WF_CF_DATA, wf_buf_bytes(&key));
    }
    for (; node != NULL; node = wf_list_next(&route->unacked, node)) {
        struct wf_outgoing *outgoing =
            WF_CONTAINER(node, struct wf_outgoing, node);

        if (route->rows_from >= route->rows_to) {
            route->rows_from = outgoing->seq;
        }
        route->rows_to = outgoing->seq + 1;
        wf_keys_outbox(&key, index, route->other, outgoing->seq);
        wf_batch_put(rows, WF_CF_DATA, wf_buf_bytes(&key),
                     weft_bytes_of(outgoing->bytes, outgoing->len));
    }
    route->unsaved = NULL;
    wf_buf_put_varint(&value, route->object.position);
    wf_buf_put_varint(&value, route->next_seq);
    wf_buf_put_varint(&value, route->acked);
    wf_buf_put_varint(&value, route->in_generation);
    wf_buf_put_varint(&value, route->seen);
    wf_route_put_bases(route, &value);
    wf_keys_link(&key, index, route->other);
    wf_batch_put(rows, WF_CF_DATA, wf_buf_bytes(&key), wf_buf_bytes(&value));
    wf_buf_fini(&key);
    wf_buf_fini(&value);
}

static void
save_window(struct wf_partition *partition, struct wf_window *window,
            struct wf_batch *rows)
{
    struct wf_buf key = {0};
    struct wf_buf value = {0};

    wf_keys_window(&key, partition->options.index, window->client);
    if (window->is_forgotten) {
        wf_batch_delete(rows, WF_CF_DATA, wf_buf_bytes(&key));
    } else {
        wf_buf_put_varint(&value, window->object.position);
        wf_buf_put_varint(&value, window->confirmed);
        wf_buf_put_varint(&value, window->heard_ms);
        for (size_t i = 0; i < window->count; i++) {
            const struct wf_answer *answer = &window->answers[i];

            wf_buf_put_varint(&value, answer->number);
            wf_buf_put_u8(&value, answer->is_answered ? 1 : 0);
            wf_buf_put_varint(&value, (uint64_t)answer->err);
            wf_buf_put_bytes(&value, answer->data);
        }
        wf_batch_put(rows, WF_CF_DATA, wf_buf_bytes(&key),
                     wf_buf_bytes(&value));
    }
    wf_buf_fini(&key);
    wf_buf_fini(&value);
}

static void
save_letters(struct wf_partition *partition, struct wf_batch *rows)
{
    struct wf_list_node *node;
    struct wf_buf key = {0};

    while ((node = wf_list_pop_front(&partition->letters)) != NULL) {
        struct wf_dead_letter *letter =
            WF_CONTAINER(node, struct wf_dead_letter, node);

        wf_keys_letter(&key, partition->options.index, letter->seq);
        wf_batch_put(rows, WF_CF_DATA, wf_buf_bytes(&key),
                     weft_bytes_of(letter->bytes, letter->len));
        wf_free(letter);
    }
    wf_buf_fini(&key);
}

// False: it cannot be saved now.
static bool
save_object(struct wf_partition *partition, struct wf_object *object,
            struct wf_batch *rows)
{
    switch (object->type) {
    case WF_OBJECT_ACTOR: {
        struct wf_actor *actor = WF_CONTAINER(object, struct wf_actor, object);

        if (actor->residency != WF_RESIDENCY_LOADED) {
            wf_residents_want(partition, actor);
            return false;
        }
        wf_image_save(partition, actor, rows);
        actor->has_row = true;
        break;
    }
    case WF_OBJECT_LINK:
        save_route(partition, WF_CONTAINER(object, struct wf_route, object),
                   rows);
        break;
    case WF_OBJECT_WINDOW:
        save_window(partition, WF_CONTAINER(object, struct wf_window, object),
                    rows);
        if (WF_CONTAINER(object, struct wf_window, object)->is_forgotten) {
            wf_list_remove(&partition->dirty, &object->dirty);
            wf_window_remove(partition,
                             WF_CONTAINER(object, struct wf_window, object));
            return true;
        }
        break;
    case WF_OBJECT_LETTERS:
        save_letters(partition, rows);
        break;
    case WF_OBJECT_META:
        break; // its row goes with every save
    }
    wf_list_remove(&partition->dirty, &object->dirty);
    object->saved_seal = partition->seals;
    object->unsaved_bytes = 0;
    if (object->type == WF_OBJECT_ACTOR) {
        wf_residents_touch(partition,
                           WF_CONTAINER(object, struct wf_actor, object));
    }
    partition->stats.rows_saved++;
    return true;
}

void
wf_saver_wrote(struct wf_partition *partition, struct wf_actor *actor,
               uint64_t bytes)
{
    // A save writes the state: no more of that than of what was logged.
    uint64_t enough = WF_UNSAVED_BYTES + actor->state.len;

    actor->object.unsaved_bytes += bytes;
    if (actor->object.unsaved_bytes > enough &&
        wf_list_has(&actor->object.dirty) && !wf_list_has(&actor->spill)) {
        wf_list_push_back(&partition->overfull, &actor->spill);
    }
}

static void
delete_dead_rows(struct wf_partition *partition, struct wf_batch *rows)
{
    struct wf_reader keys = wf_reader_of(wf_buf_bytes(&partition->dead_rows));
    struct wf_buf key = {0};

    while (wf_reader_left(&keys) > 0) {
        wf_keys_image(&key, partition->options.index, wf_reader_bytes(&keys));
        wf_batch_delete(rows, WF_CF_DATA, wf_buf_bytes(&key));
    }
    wf_buf_reset(&partition->dead_rows);
    wf_buf_fini(&key);
}

static void
put_meta(struct wf_partition *partition, struct wf_batch *rows)
{
    struct wf_buf key = {0};
    struct wf_buf value = {0};

    wf_buf_put_u8(&value, META_FORMAT);
    wf_buf_put_varint(&value, partition->epoch);
    wf_buf_put_varint(&value, partition->generation);
    wf_buf_put_varint(&value, partition->sealed_record);
    wf_buf_put_varint(&value, partition->sealed_redo);
    wf_buf_put_u32(&value, partition->chain);
    wf_buf_put_varint(&value, partition->now_ms);
    wf_buf_put_varint(&value, partition->next_letter);
    wf_buf_put_varint(&value, partition->wake_cursor);
    wf_keys_partition(&key, partition->options.index);
    wf_batch_put(rows, WF_CF_META, wf_buf_bytes(&key), wf_buf_bytes(&value));
    wf_buf_fini(&key);
    wf_buf_fini(&value);
}

// Mailboxes that hold too much memory do not wait for the window, nor do actors
// that have logged much.
static bool
save_overfull(struct wf_partition *partition, struct wf_batch *rows)
{
    struct wf_list_node *node = wf_list_first(&partition->overfull);
    bool has_saved = false;

    while (node != NULL) {
        struct wf_actor *actor = WF_CONTAINER(node, struct wf_actor, spill);

        node = wf_list_next(&partition->overfull, node);
        if (wf_list_has(&actor->object.dirty)) {
            has_saved =
                save_object(partition, &actor->object, rows) || has_saved;
        }
    }
    return has_saved;
}

// Every record dirties something, so this is where recovery must begin.
static uint64_t
oldest_unsaved(const struct wf_partition *partition)
{
    const struct wf_list_node *node = wf_list_first(&partition->dirty);

    return node == NULL
               ? partition->sealed_record + 1
               : WF_CONTAINER(node, struct wf_object, dirty)->dirty_record;
}

static size_t
save_limit(const struct wf_partition *partition, bool save_all)
{
    if (save_all || wf_saver_is_behind(partition)) {
        return WF_SAVE_BYTES_BEHIND;
    }
    return partition->options.window_bytes <= 0 ? SIZE_MAX
                                                : WF_SAVE_BYTES_PER_COMMIT;
}

void
wf_saver_rows(struct wf_partition *partition, bool save_all,
              struct wf_batch *rows)
{
    size_t before = rows->ops.len;
    size_t limit = save_limit(partition, save_all);
    uint64_t share = share_of(partition);
    uint64_t count = partition->dirty.count;
    uint64_t early = 0;
    uint32_t passed = 0;
    bool has_saved = false;
    struct wf_list_node *node;

    delete_dead_rows(partition, rows);
    has_saved = save_overfull(partition, rows);
    node = wf_list_first(&partition->dirty);
    while (node != NULL && rows->ops.len - before < limit &&
           passed < STUBS_PASSED_MAX) {
        struct wf_object *object = WF_CONTAINER(node, struct wf_object, dirty);

        node = wf_list_next(&partition->dirty, node);
        if (!is_due(partition, object, save_all)) {
            if (early == share || !is_early(partition, object)) {
                break;
            }
            early++;
        }
        if (save_object(partition, object, rows)) {
            has_saved = true;
        } else {
            passed++;
        }
    }
    keep_pace(partition, early, count);
    if (has_saved || rows->ops.len > before) {
        // The meta row says that letters up to now are in the store.
        if (wf_list_has(&partition->letters_object.dirty)) {
            (void)save_object(partition, &partition->letters_object, rows);
        }
        partition->sealed_redo = oldest_unsaved(partition);
        put_meta(partition, rows);
    }
}
