// SPDX-License-Identifier: Apache-2.0
//
// rows.c - do the rows of a site fit each other? See rows.h.

#include "sim/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "runtime/image.h"
#include "runtime/inspect_core.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "sim/world_impl.h"
#include "storage/keys.h"

// Of a key: the kind and the partition, an instant, and what follows the name
// of an actor.
enum { PREFIX = 3, INSTANT = 8, ITEM_TAIL = 10, LETTER_TAIL = 9 };

struct rows {
    struct site *site;
    struct wf_partition *partition; // recovered: knows images
    struct wf_actor *actor;         // of the row; NULL: there is none
    char kind;
    // What the images have said and what was seen of it.
    uint64_t wakes;
    uint64_t items;
    uint64_t letters;
    uint64_t left_over;
};

_Noreturn static void
fail(const struct rows *rows, const char *what)
{
    (void)fprintf(
        stderr,
        "sim: seed %llu, p%u, commit %llu: a row of kind '%c' of %s: "
        "%s\n",
        (unsigned long long)rows->site->world->options.seed, rows->site->index,
        (unsigned long long)rows->site->world->commits, rows->kind,
        rows->actor == NULL ? "nobody" : wf_key_id(&rows->actor->key), what);
    abort();
}

static void
must(const struct rows *rows, bool is_true, const char *what)
{
    if (!is_true) {
        fail(rows, what);
    }
}

// The instant at which its timers want it, or its start, for which letters
// wait too; UINT64_MAX: none does.
static uint64_t
first_due(const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->timers.list);
    uint64_t first =
        actor->is_start_pending ? actor->run_begins_at_ms : UINT64_MAX;

    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        uint64_t due = WF_CONTAINER(node, const struct wf_timer, node)->due;

        first = due < first ? due : first;
    }
    return first;
}

// Is a page of the wake index being read, or still to be read?
static bool
is_reading(const struct site *site)
{
    const struct wf_heap *coming = &site->world->coming;

    for (size_t i = 1; i <= coming->count; i++) {
        const struct coming *next =
            WF_CONTAINER(coming->nodes[i], const struct coming, heap);

        if (next->type == COMING_LOAD && next->site == site->index &&
            (next->load->purpose == WF_PURPOSE_READY ||
             next->load->purpose == WF_PURPOSE_SLEEP)) {
            return true;
        }
    }
    return site->partition->ready_from.len > 0 ||
           wf_partition_outputs(site->partition)->loads.count > 0 ||
           site->loads.count > 0;
}

static bool
has_alarm(const struct wf_partition *live, uint64_t due)
{
    for (size_t i = 1; i <= live->alarms.count; i++) {
        const struct wf_heap_node *node = live->alarms.nodes[i];

        if (node->due <= due && node->due + WF_WAKE_LEAD_MS >= due &&
            WF_CONTAINER(node, const struct wf_alarm, heap)->type ==
                WF_ALARM_WAKE) {
            return true;
        }
    }
    return false;
}

// One that left memory is brought back when it falls due, and none leaves it
// that has something to do.
static void
check_absent(const struct rows *rows, bool has_work)
{
    const struct wf_actor *actor = rows->actor;
    const struct wf_partition *live = rows->site->partition;
    uint64_t due = wf_actor_wakes_at(actor, live->now_ms);

    if (wf_residents_find(live, wf_key_bytes(&actor->key)) != NULL ||
        is_reading(rows->site)) {
        return;
    }
    must(rows, !has_work || !wf_actor_may_run(actor),
         "it has something to do, and is not in memory");
    must(rows,
         due == UINT64_MAX || has_alarm(live, due) ||
             (due > live->near_due && actor->wake == WF_WAKE_SLEEP),
         "it falls due, and nobody would look");
}

static void
check_image(struct rows *rows, weft_bytes value)
{
    const struct wf_actor *actor = rows->actor;
    bool has_work =
        actor->commands.list.count > 0 || actor->orders.list.count > 0 ||
        (wf_mailbox_count(&actor->mailbox) > 0 && !actor->is_start_pending);
    uint64_t due = first_due(actor);

    must(rows,
         value.len <=
             (size_t)WF_IMAGE_INLINE_BYTES_MAX + WF_JOURNAL_CHUNK_BYTES,
         "it is too large");
    must(rows, !has_work || actor->wake == WF_WAKE_READY,
         "it has something to do, and would not be woken");
    must(rows,
         due == UINT64_MAX || actor->wake == WF_WAKE_READY ||
             (actor->wake == WF_WAKE_SLEEP && actor->wake_due <= due),
         "something falls due, and it would not be woken in time");
    check_absent(rows, has_work);
    rows->wakes += actor->wake != WF_WAKE_NONE ? 1 : 0;
    rows->items += wf_image_items_count(actor);
    rows->letters += actor->mailbox.row_to - actor->mailbox.row_from;
    rows->left_over +=
        wf_actor_is_nobody(actor) &&
                wf_residents_find(rows->site->partition,
                                  wf_key_bytes(&actor->key)) == NULL
            ? 1
            : 0;
}

static void
check_item(struct rows *rows, struct wf_reader *tail)
{
    uint8_t class = wf_reader_u8(tail);
    uint64_t number = wf_reader_u64(tail);

    must(rows, wf_image_has_item(rows->actor, class, number),
         "its image knows of no such item");
    rows->items--;
}

static void
check_letter(struct rows *rows, struct wf_reader *tail)
{
    uint64_t seq = wf_reader_u64(tail);

    must(rows,
         seq >= rows->actor->mailbox.row_from &&
             seq < rows->actor->mailbox.row_to,
         "its image knows of no such letter");
    rows->letters--;
}

static void
check_wake(struct rows *rows, uint64_t due)
{
    enum wf_wake wake =
        rows->kind == WF_KEY_READY ? WF_WAKE_READY : WF_WAKE_SLEEP;

    must(rows, rows->actor->wake == wake && rows->actor->wake_due == due,
         "its image does not say so");
    must(rows, wake == WF_WAKE_READY || due >= rows->partition->wake_cursor,
         "the next open would not see it");
    rows->wakes--;
}

// The actor that a row is of, as its image and its rows are.
static void
find_actor(struct rows *rows, weft_bytes name)
{
    struct wf_key key;

    must(rows, wf_key_decode(name, &key), "its key does not decode");
    if (rows->actor == NULL || !wf_key_equal(&rows->actor->key, &key)) {
        if (rows->actor != NULL) {
            wf_inspect_core_drop(rows->partition, rows->actor);
            rows->actor = NULL;
        }
        must(rows,
             wf_inspect_core_image(rows->partition, &key, &rows->site->store,
                                   &rows->actor) == WEFT_OK,
             "there is no image, or it does not decode");
    }
    wf_key_fini(&key);
}

static bool
visit(void *ctx, weft_bytes key, weft_bytes value)
{
    struct rows *rows = ctx;
    struct wf_reader reader = wf_reader_of(key);
    uint64_t due = 0;
    size_t tail;

    rows->kind = (char)wf_reader_u8(&reader);
    if (wf_reader_u16(&reader) != rows->site->index) {
        return true; // of another one on the same disk
    }
    if (strchr("aimrt", rows->kind) == NULL) {
        return true;
    }
    tail = rows->kind == WF_KEY_ITEM      ? ITEM_TAIL
           : rows->kind == WF_KEY_MAILBOX ? LETTER_TAIL
                                          : 0;
    if (rows->kind == WF_KEY_SLEEP) {
        due = wf_reader_u64(&reader);
    }
    find_actor(rows, wf_reader_take(&reader, wf_reader_left(&reader) - tail));
    (void)wf_reader_take(&reader, tail > 0 ? 1 : 0);
    if (rows->kind == WF_KEY_IMAGE) {
        check_image(rows, value);
    } else if (rows->kind == WF_KEY_ITEM) {
        check_item(rows, &reader);
    } else if (rows->kind == WF_KEY_MAILBOX) {
        check_letter(rows, &reader);
    } else {
        check_wake(rows, due);
    }
    return true;
}

static bool
count_row(void *ctx, weft_bytes key, weft_bytes value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)ctx;
    return true;
}

static uint64_t
count_outbox(const struct rows *rows, uint32_t other)
{
    struct wf_buf from = {0};
    struct wf_buf to = {0};
    uint64_t count = 0;

    wf_keys_outbox(&from, rows->site->index, other, 0);
    wf_keys_outbox(&to, rows->site->index, other, UINT64_MAX);
    world_must(rows->site->store.ops->scan(
        rows->site->store.self, WF_CF_DATA, wf_buf_bytes(&from),
        wf_buf_bytes(&to), count_row, &count));
    wf_buf_fini(&from);
    wf_buf_fini(&to);
    return count;
}

// The row of a link says what was acknowledged when it was saved.
static void
check_link(struct rows *rows, uint32_t other)
{
    struct wf_buf key = {0};
    struct wf_buf value = {0};
    struct wf_reader reader;
    uint64_t next_seq = 1;
    uint64_t acked = 0;
    weft_err err;

    rows->kind = WF_KEY_LINK;
    wf_keys_link(&key, rows->site->index, other);
    err = rows->site->store.ops->get(rows->site->store.self, WF_CF_DATA,
                                     wf_buf_bytes(&key), &value);
    if (err != WEFT_ENOTFOUND) {
        world_must(err);
        reader = wf_reader_of(wf_buf_bytes(&value));
        (void)wf_reader_varint(&reader);
        next_seq = wf_reader_varint(&reader);
        acked = wf_reader_varint(&reader);
    }
    must(rows, count_outbox(rows, other) == next_seq - 1 - acked,
         "it has more messages, or fewer, than are not acknowledged");
    wf_buf_fini(&key);
    wf_buf_fini(&value);
}

uint64_t
rows_left_over(struct site *site)
{
    static const struct wf_trace silent;
    struct rows rows = {.site = site};
    struct wf_list requests;

    wf_list_init(&requests);
    world_must(site_recover(site, &silent, &rows.partition));
    world_must(site->store.ops->scan(site->store.self, WF_CF_DATA,
                                     weft_nothing(), weft_nothing(), visit,
                                     &rows));
    if (rows.actor != NULL) {
        wf_inspect_core_drop(rows.partition, rows.actor);
        rows.actor = NULL;
    }
    must(&rows, rows.wakes == 0, "the wake index lacks what an image says");
    must(&rows, rows.items == 0, "an item is missing");
    must(&rows, rows.letters == 0, "a letter is missing");
    for (uint32_t i = 0; i < site->world->options.sites; i++) {
        check_link(&rows, i);
    }
    wf_partition_destroy(rows.partition, &requests);
    return rows.left_over;
}

void
rows_check(struct site *site)
{
    (void)rows_left_over(site);
}
