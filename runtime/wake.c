// SPDX-License-Identifier: Apache-2.0
//
// wake.c - the wake index: what will wake actors that are not in memory.
//
// Rows of the near future are read ahead, by pages, into alarms; those of
// actors with work to do are read once, after open. An actor's row is written
// with its image.
//
// An alarm goes off a little before its actor's time, for that has to be read
// first; then the actor sets alarms of its own. One that must leave memory
// again within that time comes back when it is due, and no sooner.
//
// Rows are deleted in order of time, more or less, and a store remembers what
// was deleted for a while: reading from the index's beginning would have to
// step over all of it. So each time all rows up to near_due have been read, the
// partition notes before which time there are none any more, its cursor. The
// meta row carries it, and the next open reads from there on. It stays behind
// every row that is left: each belongs to an actor in memory, or to an alarm.

#include "base/alloc.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "storage/keys.h"
#include "storage/store.h"

#define AGAIN_MS 10000

// An alarm for an actor that is not in memory.
struct wake {
    struct wf_alarm alarm;
    struct wf_key key;
    uint64_t due; // of the row; the alarm's is earlier
};

// Rows. ---------------------------------------------------------------------

// Where should the wake index have it? Whatever can wake it must be found at
// the next open, or when it falls due.
static enum wf_wake
wanted_wake(const struct wf_partition *partition, const struct wf_actor *actor,
            uint64_t *out_due)
{
    uint64_t due = wf_actor_wakes_at(actor, partition->now_ms);

    *out_due = 0;
    if (wf_actor_has_work(actor, partition->now_ms) ||
        actor->commands.list.count > 0 || actor->crashes > 0) {
        return WF_WAKE_READY;
    }
    if (due == UINT64_MAX) {
        return WF_WAKE_NONE;
    }
    // Rows this near may have been read already: nobody would look again.
    if (due <= partition->near_due) {
        return WF_WAKE_READY;
    }
    *out_due = due;
    return WF_WAKE_SLEEP;
}

static void
name_row(uint32_t index, const struct wf_actor *actor, struct wf_buf *key)
{
    if (actor->wake == WF_WAKE_READY) {
        wf_keys_ready(key, index, wf_key_bytes(&actor->key));
    } else {
        wf_keys_sleep(key, index, actor->wake_due, wf_key_bytes(&actor->key));
    }
}

void
wf_wake_save(const struct wf_partition *partition, struct wf_actor *actor,
             struct wf_buf *key, struct wf_batch *rows)
{
    uint32_t index = partition->options.index;
    uint64_t due;
    enum wf_wake wake = wanted_wake(partition, actor, &due);

    if (wake == actor->wake && due == actor->wake_due) {
        return;
    }
    if (actor->wake != WF_WAKE_NONE) {
        name_row(index, actor, key);
        wf_batch_delete(rows, WF_CF_DATA, wf_buf_bytes(key));
    }
    actor->wake = wake;
    actor->wake_due = due;
    if (wake != WF_WAKE_NONE) {
        name_row(index, actor, key);
        wf_batch_put(rows, WF_CF_DATA, wf_buf_bytes(key), weft_nothing());
    }
}

// Alarms, and reading. ------------------------------------------------------

void
wf_wake_at(struct wf_partition *partition, const struct wf_key *key,
           uint64_t due)
{
    struct wake *wake = wf_calloc(sizeof(*wake));
    bool is_far = due > partition->now_ms + 2 * (uint64_t)WF_WAKE_LEAD_MS;

    wake->key = wf_key_copy(key);
    wake->due = due;
    wake->alarm = (struct wf_alarm){.type = WF_ALARM_WAKE, .owner = wake};
    wf_alarm_set(partition, &wake->alarm, is_far ? due - WF_WAKE_LEAD_MS : due);
}

void
wf_wake_drop(struct wf_alarm *alarm)
{
    struct wake *wake = alarm->owner;

    wf_key_fini(&wake->key);
    wf_free(wake);
}

// The oldest row that may be left. Rows are added behind near_due only.
static uint64_t
oldest_row(const struct wf_partition *partition)
{
    uint64_t oldest = partition->near_due + 1;
    const struct wf_actor *actor;
    size_t cursor = 0;

    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        if (actor->wake == WF_WAKE_SLEEP && actor->wake_due < oldest) {
            oldest = actor->wake_due;
        }
    }
    for (size_t i = 1; i <= partition->alarms.count; i++) {
        const struct wf_heap_node *node = partition->alarms.nodes[i];
        const struct wf_alarm *alarm =
            WF_CONTAINER(node, struct wf_alarm, heap);

        if (alarm->type == WF_ALARM_WAKE) {
            const struct wake *wake = alarm->owner;

            oldest = wake->due < oldest ? wake->due : oldest;
        }
    }
    return oldest;
}

// Its image is not here yet, and will tell; till then it keeps the cursor.
static void
expect_row(struct wf_actor *actor, uint64_t due)
{
    if (actor->residency != WF_RESIDENCY_LOADED) {
        actor->wake = WF_WAKE_SLEEP;
        actor->wake_due = due;
    }
}

static void
ask_for_range(struct wf_partition *partition, int purpose,
              const struct wf_buf *from, const struct wf_buf *to,
              uint32_t limit)
{
    struct wf_load *load = wf_load_begin(partition, purpose, NULL);

    wf_buf_put(&load->from, from->data, from->len);
    wf_buf_put(&load->to, to->data, to->len);
    load->limit = limit;
    wf_list_push_back(&partition->outputs.loads, &load->node);
}

void
wf_wake_open(struct wf_partition *partition)
{
    struct wf_buf from = {0};
    struct wf_list_node *node = wf_list_first(&partition->dirty);

    // Records that wait for their images: load those in the background.
    for (; node != NULL; node = wf_list_next(&partition->dirty, node)) {
        struct wf_object *object = WF_CONTAINER(node, struct wf_object, dirty);

        if (object->type == WF_OBJECT_ACTOR) {
            struct wf_actor *actor =
                WF_CONTAINER(object, struct wf_actor, object);

            actor->is_recovering = true;
            partition->recovering++;
            wf_residents_want(partition, actor);
        }
    }
    wf_keys_range(&partition->ready_from, WF_KEY_READY,
                  partition->options.index);
    wf_keys_sleep(&from, partition->options.index, partition->wake_cursor,
                  weft_nothing());
    wf_buf_reset(&partition->ahead_from);
    wf_buf_put(&partition->ahead_from, from.data, from.len);
    wf_buf_fini(&from);
    wf_wake_read_ahead(partition);
}

// The rows of who is ready, from where they were not read yet.
static void
read_ready(struct wf_partition *partition)
{
    struct wf_buf range = {0};
    struct wf_buf to = {0};

    if (partition->ready_from.len == 0) {
        return;
    }
    wf_keys_range(&range, WF_KEY_READY, partition->options.index);
    wf_keys_after(&to, wf_buf_bytes(&range));
    ask_for_range(partition, WF_PURPOSE_READY, &partition->ready_from, &to,
                  WF_WAKE_PAGE);
    wf_buf_reset(&partition->ready_from);
    wf_buf_fini(&range);
    wf_buf_fini(&to);
}

void
wf_wake_read_ahead(struct wf_partition *partition)
{
    struct wf_buf to = {0};

    read_ready(partition);
    if (partition->is_reading_ahead) {
        return;
    }
    partition->is_reading_ahead = true;
    // From here on, rows up to this are as good as read: what falls due by
    // then is filed under `ready`, and drop_actor sets an alarm for it.
    partition->near_due = partition->now_ms + 2 * (uint64_t)WF_WAKE_AHEAD_MS;
    if (partition->near_due < partition->wake_cursor) {
        partition->near_due = partition->wake_cursor; // the clock was set back
    }
    wf_keys_sleep(&to, partition->options.index, partition->near_due + 1,
                  weft_nothing());
    ask_for_range(partition, WF_PURPOSE_SLEEP, &partition->ahead_from, &to,
                  WF_WAKE_PAGE);
    wf_buf_fini(&to);
}

// The key of an actor at the end of a row's key.
static bool
key_of_row(weft_bytes row, size_t prefix, struct wf_key *out_key)
{
    if (row.len <= prefix) {
        return false;
    }
    return wf_key_decode(
        weft_bytes_of((const uint8_t *)row.data + prefix, row.len - prefix),
        out_key);
}

static void
wake_row(struct wf_partition *partition, int purpose, weft_bytes row)
{
    size_t prefix = purpose == WF_PURPOSE_READY ? 3 : 11;
    struct wf_reader reader = wf_reader_of(row);
    struct wf_actor *actor;
    struct wf_key key;
    uint64_t due;

    if (!key_of_row(row, prefix, &key)) {
        wf_warn(partition, NULL, "corrupt", "a wake row of %zu bytes", row.len);
        return;
    }
    if (purpose == WF_PURPOSE_READY) {
        wf_residents_want(partition, wf_residents_get(partition, &key));
    } else {
        (void)wf_reader_take(&reader, 3);
        due = wf_reader_u64(&reader);
        actor = wf_residents_find(partition, wf_key_bytes(&key));
        if (actor == NULL) {
            wf_wake_at(partition, &key, due);
        } else {
            expect_row(actor, due);
        }
    }
    wf_key_fini(&key);
}

// Rather than forget: nothing may sleep for ever. But not at once, for a block
// that is damaged stays so.
static void
ask_again_later(struct wf_partition *partition, const struct wf_load *load)
{
    wf_warn(partition, NULL, "corrupt", "the wake index cannot be read: %s",
            wf_load_why(load));
    if (load->purpose == WF_PURPOSE_READY) {
        wf_buf_reset(&partition->ready_from);
        wf_buf_put(&partition->ready_from, load->from.data, load->from.len);
    } else {
        partition->is_reading_ahead = false;
    }
    wf_alarm_set(partition, &partition->ahead, partition->now_ms + AGAIN_MS);
}

void
wf_wake_loaded(struct wf_partition *partition, const struct wf_load *load)
{
    struct wf_reader rows = wf_reader_of(wf_buf_bytes(&load->rows));
    struct wf_buf next = {0};
    uint64_t due;
    uint64_t again;

    while (wf_reader_left(&rows) > 0) {
        weft_bytes key = wf_reader_bytes(&rows);

        (void)wf_reader_bytes(&rows);
        wake_row(partition, load->purpose, key);
        wf_buf_reset(&next);
        wf_buf_put(&next, key.data, key.len);
        wf_buf_put_u8(&next, 0);
    }
    if (load->err != WEFT_OK) {
        ask_again_later(partition, load);
    } else if (load->is_more) {
        ask_for_range(partition, load->purpose, &next, &load->to, load->limit);
    } else if (load->purpose == WF_PURPOSE_SLEEP) {
        // The range's end is where the next page begins.
        wf_buf_reset(&partition->ahead_from);
        wf_buf_put(&partition->ahead_from, load->to.data, load->to.len);
        partition->is_reading_ahead = false;
        partition->wake_cursor = oldest_row(partition);
        due = partition->near_due - WF_WAKE_AHEAD_MS;
        again = partition->now_ms + AGAIN_MS;
        wf_alarm_set(partition, &partition->ahead,
                     partition->ready_from.len > 0 && again < due ? again
                                                                  : due);
    }
    wf_buf_fini(&next);
}

void
wf_wake_fire(struct wf_partition *partition, struct wf_alarm *alarm)
{
    struct wake *wake = alarm->owner;
    struct wf_actor *actor = wf_residents_get(partition, &wake->key);

    expect_row(actor, wake->due);
    wf_residents_want(partition, actor);
    wf_wake_drop(alarm);
}
