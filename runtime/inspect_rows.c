// SPDX-License-Identifier: Apache-2.0
//
// inspect_rows.c - check every row of a store: that it decodes, is where it
// belongs, fits the others and is not newer than the log.
//
// One walk over `data`, in order of keys; what a row must fit is looked up. An
// image is the middle of it: its head counts what it has and says where the
// wake index has it, and rows of items, letters and wakes must have an image
// that says so.

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "runtime/actor.h"
#include "runtime/depot.h"
#include "runtime/image.h"
#include "runtime/inspect_core.h"
#include "runtime/inspect_impl.h"
#include "runtime/load.h"
#include "storage/keys.h"
#include "storage/store.h"

#define PREFIX 3     // kind, partition
#define ITEM_TAIL 10 // NUL, class, number
#define MAIL_TAIL 9  // NUL, seq

struct rows {
    weft_inspect *inspect;
    uint32_t store_index;
    const struct wf_store *store;
    // Of the row being looked at.
    char kind;
    uint32_t partition_index;
    struct wf_partition *partition; // NULL: it could not be recovered
    struct wf_key key;              // owned; empty if it has none
    // The image that the last item, letter or wake belongs to.
    struct wf_key image_key; // owned
    struct wf_actor *image;  // NULL: there is none
    struct wf_partition *image_partition;
};

// "store-0 p7 order/17: what it is"
static void tell(const struct rows *rows, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
tell(const struct rows *rows, const char *format, ...)
{
    struct wf_inspect_check *check = rows->inspect->check;
    char where[160];
    char what[256];
    char name[112] = "";
    va_list args;

    if (rows->key.len > 0) {
        (void)wf_key_show(&rows->key, name, sizeof(name));
    }
    (void)snprintf(where, sizeof(where), "store-%" PRIu32 " p%" PRIu32 "%s%s",
                   rows->store_index, rows->partition_index,
                   rows->key.len > 0 ? " " : "", name);
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    wf_inspect_tell(check, where, "%s", what);
}

// Images. -------------------------------------------------------------------

static void
drop_image(struct rows *rows)
{
    if (rows->image != NULL) {
        wf_inspect_core_drop(rows->image_partition, rows->image);
    }
    wf_key_fini(&rows->image_key);
    rows->image = NULL;
}

// The image of rows->key, as its rows are; NULL if it cannot be had.
static const struct wf_actor *
find_image(struct rows *rows)
{
    if (rows->image_key.len == 0 ||
        !wf_key_equal(&rows->image_key, &rows->key)) {
        drop_image(rows);
        rows->image_key = wf_key_copy(&rows->key);
        rows->image_partition = rows->partition;
        if (wf_inspect_core_image(rows->partition, &rows->key, rows->store,
                                  &rows->image) != WEFT_OK) {
            rows->image = NULL;
        }
    }
    return rows->image;
}

static bool
has_row(const struct rows *rows, const struct wf_buf *key)
{
    struct wf_buf value = {0};
    weft_err err = rows->store->ops->get(rows->store->self, WF_CF_DATA,
                                         wf_buf_bytes(key), &value);

    wf_buf_fini(&value);
    return err == WEFT_OK;
}

static void
check_wake_of_image(const struct rows *rows, const struct wf_actor *image)
{
    struct wf_buf key = {0};
    weft_bytes name = wf_key_bytes(&rows->key);

    if (image->wake == WF_WAKE_READY) {
        wf_keys_ready(&key, rows->partition_index, name);
    } else if (image->wake == WF_WAKE_SLEEP) {
        wf_keys_sleep(&key, rows->partition_index, image->wake_due, name);
    } else if (image->wake != WF_WAKE_NONE) {
        tell(rows, "its image has wake %d", (int)image->wake);
    }
    if (key.len > 0 && !has_row(rows, &key)) {
        tell(rows, "its image says \"%s\", but the wake index has no such row",
             image->wake == WF_WAKE_READY ? "ready" : "sleeps");
    }
    wf_buf_fini(&key);
}

// How many letters in a row, from the first on, are there and decode?
struct letters {
    uint64_t next;
};

static bool
count_letter(void *ctx, weft_bytes key, weft_bytes value)
{
    struct letters *letters = ctx;
    struct wf_reader tail = wf_reader_of(key);
    struct wf_letter letter;

    WF_ASSERT(key.len > 8); // as all of that range
    (void)wf_reader_take(&tail, key.len - 8);
    if (wf_reader_u64(&tail) != letters->next ||
        !wf_letter_decode(value, &letter)) {
        return false;
    }
    letters->next++;
    return true;
}

static void
check_mail_of_image(const struct rows *rows, const struct wf_actor *image)
{
    const struct wf_mailbox *mailbox = &image->mailbox;
    struct letters letters = {.next = mailbox->row_from};
    struct wf_buf from = {0};
    struct wf_buf to = {0};
    weft_bytes name = wf_key_bytes(&rows->key);

    if (mailbox->row_from < mailbox->row_to) {
        wf_keys_mailbox(&from, rows->partition_index, name, mailbox->row_from);
        wf_keys_mailbox(&to, rows->partition_index, name, mailbox->row_to);
        if (rows->store->ops->scan(rows->store->self, WF_CF_DATA,
                                   wf_buf_bytes(&from), wf_buf_bytes(&to),
                                   count_letter, &letters) == WEFT_OK &&
            letters.next != mailbox->row_to) {
            tell(rows,
                 "letter %" PRIu64 " of its mailbox is missing or does not "
                 "decode",
                 letters.next);
        }
    }
    wf_buf_fini(&from);
    wf_buf_fini(&to);
}

// Does it have as many of everything as its head says?
static void
check_head(const struct rows *rows, const struct wf_actor *image,
           weft_bytes value)
{
    struct wf_image_head read;
    const weft_description *head = &read.shown;
    uint32_t timers = wf_actor_timers_count(image);

    if (!wf_image_describe(value, &read)) {
        tell(rows, "its image does not decode");
        return;
    }
    if (head->timers_count != timers) {
        tell(rows, "its image counts %" PRIu32 " timers, and has %" PRIu32,
             head->timers_count, timers);
    }
    if (head->activities_count != image->commands.list.count) {
        tell(rows, "its image counts %" PRIu32 " activities, and has %zu",
             head->activities_count, image->commands.list.count);
    }
    if (head->children_count != image->calls.list.count) {
        tell(rows, "its image counts %" PRIu32 " calls, and has %zu",
             head->children_count, image->calls.list.count);
    }
    if (head->journal_count != image->journal.count) {
        tell(rows,
             "its image counts %" PRIu64 " journal entries, and has %" PRIu64,
             head->journal_count, image->journal.count);
    }
}

static void
check_contents(const struct rows *rows, const struct wf_actor *image)
{
    struct wf_journal_cursor cursor = {.journal = &image->journal};
    const struct wf_list_node *node = wf_list_first(&image->mailbox.letters);
    struct wf_entry entry;
    struct wf_letter letter;

    for (; node != NULL; node = wf_list_next(&image->mailbox.letters, node)) {
        const struct wf_waiting *waiting =
            WF_CONTAINER(node, const struct wf_waiting, node);

        if (!wf_letter_decode(weft_bytes_of(waiting->bytes, waiting->len),
                              &letter)) {
            tell(rows, "letter %" PRIu64 " does not decode", waiting->seq);
        }
    }
    for (uint64_t i = 0; i < image->journal.count; i++) {
        if (!wf_journal_next(&cursor, &entry) ||
            (entry.type == WF_ENTRY_LETTER &&
             !wf_letter_decode(entry.letter, &letter))) {
            tell(rows, "entry %" PRIu64 " of its journal does not decode", i);
            break;
        }
    }
}

static void
check_image(struct rows *rows, weft_bytes value)
{
    const struct wf_actor *image = find_image(rows);
    struct wf_inspect_core_facts facts;

    rows->inspect->check->counts.images++;
    if (image == NULL) {
        tell(rows, "its image or its items do not decode");
        return;
    }
    if ((*(const uint8_t *)value.data & WF_IMAGE_HAS_ITEMS) != 0 &&
        wf_image_items_count(image) == 0) {
        tell(rows, "its image has items, but there are none");
    }
    check_head(rows, image, value);
    check_contents(rows, image);
    check_wake_of_image(rows, image);
    check_mail_of_image(rows, image);
    facts = wf_inspect_core_get_facts(rows->partition);
    if (!rows->inspect->check->is_log_cut[rows->store_index] &&
        image->object.position > facts.last_record) {
        tell(rows,
             "its image is of record %" PRIu64 ", the log ends at %" PRIu64,
             image->object.position, facts.last_record);
    }
}

// Other rows. ---------------------------------------------------------------

static void
check_item(struct rows *rows, weft_bytes row)
{
    const struct wf_actor *image = find_image(rows);
    struct wf_reader tail = wf_reader_of(row);
    uint8_t class;
    uint64_t number;

    rows->inspect->check->counts.items++;
    (void)wf_reader_take(&tail, row.len - ITEM_TAIL + 1);
    class = wf_reader_u8(&tail);
    number = wf_reader_u64(&tail);
    if (image == NULL || !wf_image_has_item(image, class, number)) {
        tell(rows, "an item of class %u, number %" PRIu64 ", that no image has",
             class, number);
    }
}

static void
check_mail(struct rows *rows, weft_bytes row)
{
    const struct wf_actor *image = find_image(rows);
    struct wf_reader tail = wf_reader_of(row);
    uint64_t seq;

    rows->inspect->check->counts.items++;
    (void)wf_reader_take(&tail, row.len - MAIL_TAIL + 1);
    seq = wf_reader_u64(&tail);
    if (image == NULL || seq < image->mailbox.row_from ||
        seq >= image->mailbox.row_to) {
        tell(rows, "letter %" PRIu64 " of a mailbox, that no image has", seq);
    }
}

static void
check_wake(struct rows *rows, weft_bytes row)
{
    const struct wf_actor *image = find_image(rows);
    struct wf_reader reader = wf_reader_of(row);
    enum wf_wake wake =
        rows->kind == WF_KEY_READY ? WF_WAKE_READY : WF_WAKE_SLEEP;
    uint64_t due = 0;

    rows->inspect->check->counts.wakes++;
    if (wake == WF_WAKE_SLEEP) {
        (void)wf_reader_take(&reader, PREFIX);
        due = wf_reader_u64(&reader);
        if (due < wf_inspect_core_get_facts(rows->partition).wake_cursor) {
            tell(rows, "it sleeps until %" PRIu64 ", where nobody will look",
                 due);
        }
    }
    if (image == NULL || image->wake != wake ||
        (wake == WF_WAKE_SLEEP && image->wake_due != due)) {
        tell(rows, "the wake index says \"%s\", and no image does",
             wake == WF_WAKE_READY ? "ready" : "sleeps");
    }
}

static void
check_outgoing(struct rows *rows, weft_bytes row, weft_bytes value)
{
    struct wf_reader reader = wf_reader_of(row);
    uint32_t other;
    uint64_t seq;

    rows->inspect->check->counts.outgoing++;
    (void)wf_reader_take(&reader, PREFIX);
    other = wf_reader_u16(&reader);
    seq = wf_reader_u64(&reader);
    if (reader.failed || !wf_inspect_is_envelope(value)) {
        tell(rows, "message %" PRIu64 " to p%" PRIu32 " does not decode", seq,
             other);
    } else if (seq >= wf_inspect_core_next_seq(rows->partition, other)) {
        tell(rows, "message %" PRIu64 " to p%" PRIu32 ", that no link has", seq,
             other);
    }
}

static void
check_dead_letter(struct rows *rows, weft_bytes row, weft_bytes value)
{
    struct wf_inspect_core_facts facts =
        wf_inspect_core_get_facts(rows->partition);
    struct wf_reader reader = wf_reader_of(row);
    uint64_t number;

    rows->inspect->check->counts.dead_letters++;
    (void)wf_reader_take(&reader, PREFIX);
    number = wf_reader_u64(&reader);
    if (reader.failed || !wf_inspect_is_dead_letter(value)) {
        tell(rows, "dead letter %" PRIu64 " does not decode", number);
    } else if (number >= facts.next_letter &&
               !rows->inspect->check->is_log_cut[rows->store_index]) {
        tell(rows, "dead letter %" PRIu64 ", though the next is %" PRIu64,
             number, facts.next_letter);
    }
}

// The walk. -----------------------------------------------------------------

// Where the actor's key is in a row's key.
static weft_bytes
find_actor(char kind, weft_bytes row)
{
    size_t from = kind == WF_KEY_SLEEP ? PREFIX + 8 : PREFIX;
    size_t tail = kind == WF_KEY_ITEM      ? ITEM_TAIL
                  : kind == WF_KEY_MAILBOX ? MAIL_TAIL
                                           : 0;

    if (row.len <= from + tail) {
        return weft_nothing();
    }
    return weft_bytes_of((const uint8_t *)row.data + from,
                         row.len - from - tail);
}

// Is the row in the partition and the store that its key belongs to?
static bool
check_place(struct rows *rows, weft_bytes row)
{
    const weft_inspect *inspect = rows->inspect;
    uint32_t count = inspect->partitions_count;

    if (rows->partition_index >= count ||
        rows->partition_index % inspect->stores_count != rows->store_index) {
        tell(rows, "a row of kind '%c', of a partition that is not here",
             rows->kind);
        return false;
    }
    if (strchr("aimrt", rows->kind) == NULL) {
        return true;
    }
    if (!wf_key_decode(find_actor(rows->kind, row), &rows->key)) {
        tell(rows, "the key of a row of kind '%c' does not decode", rows->kind);
        return false;
    }
    if (wf_key_partition(&rows->key, count) != rows->partition_index) {
        tell(rows, "a row of kind '%c' that belongs to p%" PRIu32, rows->kind,
             wf_key_partition(&rows->key, count));
        return false;
    }
    return true;
}

static void
check_row(struct rows *rows, weft_bytes row, weft_bytes value)
{
    weft_inspect_counts *counts = &rows->inspect->check->counts;

    switch (rows->kind) {
    case WF_KEY_IMAGE:
        check_image(rows, value);
        break;
    case WF_KEY_ITEM:
        check_item(rows, row);
        break;
    case WF_KEY_MAILBOX:
        check_mail(rows, row);
        break;
    case WF_KEY_READY:
    case WF_KEY_SLEEP:
        check_wake(rows, row);
        break;
    case WF_KEY_OUTBOX:
        check_outgoing(rows, row, value);
        break;
    case WF_KEY_LINK:
        counts->links++;
        break; // recovery has read it
    case WF_KEY_WINDOW:
        counts->windows++;
        break; // the same
    case WF_KEY_LETTER:
        check_dead_letter(rows, row, value);
        break;
    default:
        break;
    }
}

static bool
visit_row(void *ctx, weft_bytes row, weft_bytes value)
{
    struct rows *rows = ctx;
    struct wf_reader reader = wf_reader_of(row);

    rows->kind = (char)wf_reader_u8(&reader);
    rows->partition_index = wf_reader_u16(&reader);
    if (reader.failed || rows->kind == '\0' ||
        strchr("aimrtolwd", rows->kind) == NULL) {
        tell(rows, "a row of unknown kind, its key has %zu bytes", row.len);
        return true;
    }
    if (check_place(rows, row)) {
        rows->partition = rows->inspect->partitions[rows->partition_index];
        if (rows->partition != NULL) {
            check_row(rows, row, value);
        }
    }
    wf_key_fini(&rows->key);
    return true;
}

void
wf_inspect_check_rows(weft_inspect *inspect, uint32_t store)
{
    struct rows rows = {
        .inspect = inspect,
        .store_index = store,
        .store = inspect->depots[store].store,
    };
    weft_err err =
        rows.store->ops->scan(rows.store->self, WF_CF_DATA, weft_nothing(),
                              weft_nothing(), visit_row, &rows);

    drop_image(&rows);
    if (err != WEFT_OK) {
        wf_inspect_tell(inspect->check, inspect->depots[store].name, "rows: %s",
                        weft_err_detail());
    }
}
