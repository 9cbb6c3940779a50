// SPDX-License-Identifier: Apache-2.0
//
// image_load.c - rows into an actor, and an image's head into a description.

#include "base/assert.h"
#include "base/hash.h"
#include "runtime/attributes.h"
#include "runtime/image.h"
#include "runtime/image_impl.h"
#include "runtime/item.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/start.h"
#include "storage/keys.h"

// The part of the head that a description has.
struct head {
    weft_description shown;
    uint64_t position;
    uint64_t seed;
    uint64_t first_seq;
    uint64_t next_seq;
    uint64_t begins_at_ms; // the first run
    weft_bytes options;
    weft_bytes reason;
    weft_bytes attributes;
    uint64_t bits;
    uint8_t flags;
};

static void
read_head(struct wf_reader *reader, struct head *head)
{
    weft_description *shown = &head->shown;

    head->flags = wf_reader_u8(reader);
    if (wf_reader_u8(reader) != WF_IMAGE_FORMAT) {
        reader->failed = true;
    }
    head->position = wf_reader_varint(reader);
    shown->status = (weft_status)wf_reader_u8(reader);
    head->bits = wf_reader_varint(reader);
    shown->version = (uint32_t)wf_reader_varint(reader);
    shown->run = wf_reader_varint(reader);
    head->seed = wf_reader_u64(reader);
    shown->created_at_ms = wf_reader_varint(reader);
    shown->finished_at_ms = wf_reader_varint(reader);
    head->first_seq = wf_reader_varint(reader);
    head->next_seq = wf_reader_varint(reader);
    shown->mailbox_count = head->next_seq - head->first_seq;
    shown->timers_count = (uint32_t)wf_reader_varint(reader);
    shown->activities_count = (uint32_t)wf_reader_varint(reader);
    shown->children_count = (uint32_t)wf_reader_varint(reader);
    shown->journal_count = wf_reader_varint(reader);
    shown->attempt = (uint32_t)wf_reader_varint(reader);
    head->begins_at_ms = wf_reader_varint(reader);
    shown->begins_at_ms = wf_reader_varint(reader);
    head->options = wf_reader_bytes(reader);
    if ((head->bits & WF_IMAGE_MEMO) != 0) {
        shown->memo = wf_reader_bytes(reader);
    }
    shown->deadline_ms = wf_start_first_deadline(
        head->options, head->begins_at_ms, shown->begins_at_ms);
    head->reason = wf_reader_bytes(reader);
    if ((head->bits & WF_IMAGE_ATTRIBUTES) != 0) {
        head->attributes = wf_reader_bytes(reader);
    }
    shown->is_parked = (head->bits & WF_IMAGE_PARKED) != 0;
    shown->is_paused = (head->bits & WF_IMAGE_PAUSED) != 0;
    shown->is_cancel_requested = (head->bits & WF_IMAGE_CANCEL_ASKED) != 0;
    if (shown->status != WEFT_STATUS_RUNNING) {
        shown->deadline_ms = 0;
    }
    if (shown->status >= WEFT_STATUS_COUNT ||
        !wf_attributes_is_set(head->attributes)) {
        reader->failed = true;
    }
}

bool
wf_image_describe(weft_bytes value, struct wf_image_head *out_head)
{
    struct wf_reader reader = wf_reader_of(value);
    struct head head = {0};

    read_head(&reader, &head);
    // The reason is not NUL-terminated here; describe gives it in full.
    head.shown.reason = head.shown.is_parked ? "parked" : "";
    *out_head = (struct wf_image_head){
        .shown = head.shown,
        .attributes = head.attributes,
        .parent = wf_reader_bytes(&reader),
        .position = head.position,
    };
    return !reader.failed;
}

static void
load_head(struct wf_actor *actor, struct wf_reader *reader)
{
    struct head head = {0};
    weft_bytes parent;

    read_head(reader, &head);
    actor->object.position = head.position;
    actor->seed = head.seed;
    actor->mailbox.first_seq = head.first_seq;
    actor->mailbox.next_seq = head.next_seq;
    actor->status = head.shown.status;
    actor->version = head.shown.version;
    actor->run = head.shown.run;
    actor->created_at_ms = head.shown.created_at_ms;
    actor->finished_at_ms = head.shown.finished_at_ms;
    actor->is_start_pending = (head.bits & WF_IMAGE_START_PENDING) != 0;
    actor->is_parked = head.shown.is_parked != 0;
    actor->is_paused = head.shown.is_paused != 0;
    actor->is_cancel_asked = head.shown.is_cancel_requested != 0;
    actor->is_end_asked = (head.bits & WF_IMAGE_END_ASKED) != 0;
    actor->is_left = (head.bits & WF_IMAGE_LEFT) != 0;
    actor->attempt = head.shown.attempt;
    actor->begins_at_ms = head.begins_at_ms;
    actor->run_begins_at_ms = head.shown.begins_at_ms;
    wf_own_bytes(&actor->options, head.options);
    wf_own_bytes(&actor->memo, head.shown.memo);
    wf_own_text(&actor->reason, head.reason);
    wf_own_bytes(&actor->attributes, head.attributes);
    parent = wf_reader_bytes(reader);
    if (parent.len > 0 && !wf_key_decode(parent, &actor->parent)) {
        reader->failed = true;
    }
    actor->parent_run = wf_reader_varint(reader);
    actor->parent_call = (uint32_t)wf_reader_varint(reader);
    actor->failed_attempts = (uint32_t)wf_reader_varint(reader);
    actor->crashes = (uint32_t)wf_reader_varint(reader);
    actor->retry_due = wf_reader_varint(reader);
    actor->next_id = (uint32_t)wf_reader_varint(reader);
    actor->mailbox.row_from = wf_reader_varint(reader);
    actor->mailbox.row_to = wf_reader_varint(reader);
    actor->mailbox.gone_from = actor->mailbox.row_from;
    actor->mailbox.gone_to = actor->mailbox.row_to;
    actor->wake = (enum wf_wake)wf_reader_u8(reader);
    actor->wake_due = wf_reader_varint(reader);
    if ((head.bits & WF_IMAGE_FAILED) != 0) {
        wf_own_text(&actor->failure_name, wf_reader_bytes(reader));
        wf_own_text(&actor->failure_message, wf_reader_bytes(reader));
    }
    if ((head.bits & WF_IMAGE_OUTLIVED) != 0) {
        actor->outlived_to = wf_reader_varint(reader);
    }
    actor->origin_run = actor->run;
    actor->origin_seed = actor->seed;
    if ((head.flags & WF_IMAGE_RESET) != 0) {
        actor->origin_run = wf_reader_varint(reader);
    }
    if ((head.flags & WF_IMAGE_FORK) != 0) {
        actor->origin_seed = wf_reader_u64(reader);
    }
    if ((head.bits & WF_IMAGE_UPDATES) != 0) {
        actor->updates.made = (uint32_t)wf_reader_varint(reader);
    }
}

static bool
load_rows(struct wf_actor *actor, const struct wf_load *load)
{
    struct wf_reader rows = wf_reader_of(wf_buf_bytes(&load->rows));
    size_t prefix = load->from.len;

    wf_item_rows_reserve(&actor->item_rows, load->rows_count);
    while (wf_reader_left(&rows) > 0) {
        weft_bytes key = wf_reader_bytes(&rows);
        weft_bytes value = wf_reader_bytes(&rows);
        struct wf_reader tail;
        struct wf_item_row row = {0};

        WF_ASSERT(!rows.failed); // a loader put them there
        if (key.len <= prefix) {
            return false;
        }
        tail = wf_reader_of(weft_bytes_of((const uint8_t *)key.data + prefix,
                                          key.len - prefix));
        row.class = wf_reader_u8(&tail);
        row.number = wf_reader_u64(&tail);
        row.hash = wf_hash64(value.data, value.len, 0);
        if (tail.failed ||
            !wf_item_decode(actor, row.class, row.number, value, true)) {
            return false;
        }
        if (row.class != WF_ITEM_PUBLISHED) { // those know it themselves
            wf_item_rows_add(&actor->item_rows, row);
        }
    }
    return true;
}

// What is behind the head, to the end.
static bool
load_items(struct wf_actor *actor, struct wf_reader *reader)
{
    const struct wf_mailbox *mailbox = &actor->mailbox;

    while (wf_reader_left(reader) > 0) {
        uint8_t class = wf_reader_u8(reader);
        uint64_t number = wf_reader_varint(reader);
        weft_bytes bytes = wf_reader_bytes(reader);

        if (reader->failed ||
            !wf_item_decode(actor, class, number, bytes, false)) {
            return false;
        }
    }
    return mailbox->letters.count + mailbox->gone_to - mailbox->gone_from ==
           wf_mailbox_count(mailbox);
}

weft_err
wf_image_load(struct wf_actor *actor, const struct wf_load *load)
{
    struct wf_reader reader = wf_reader_of(wf_buf_bytes(&load->value));

    if (!load->is_found) {
        return WEFT_ENOTFOUND;
    }
    load_head(actor, &reader);
    if (reader.failed || !load_rows(actor, load)) {
        return WEFT_ECORRUPT;
    }
    if (!load_items(actor, &reader)) {
        return WEFT_ECORRUPT;
    }
    actor->has_row = true;
    return WEFT_OK;
}

// Letters come behind those that are here already.
static bool
unpack_items(struct wf_actor *actor, struct wf_reader *reader)
{
    while (wf_reader_left(reader) > 0) {
        uint8_t class = wf_reader_u8(reader);
        uint64_t number = wf_reader_varint(reader);
        weft_bytes bytes = wf_reader_bytes(reader);

        if (reader->failed) {
            return false;
        }
        if (class == WF_ITEM_LETTER) {
            wf_mailbox_push(&actor->mailbox, bytes);
        } else if (!wf_item_decode(actor, class, number, bytes, false)) {
            return false;
        }
    }
    return true;
}

bool
wf_image_unpack(struct wf_actor *actor, weft_bytes image)
{
    struct wf_reader reader = wf_reader_of(image);
    struct wf_mailbox *mailbox = &actor->mailbox;
    const struct wf_actor here = *actor; // what it is in this store
    uint64_t first_seq;
    uint64_t letters;
    uint64_t before;

    load_head(actor, &reader);
    first_seq = mailbox->first_seq;
    letters = mailbox->next_seq - first_seq;
    mailbox->first_seq = here.mailbox.first_seq;
    mailbox->next_seq = here.mailbox.next_seq;
    mailbox->row_from = here.mailbox.row_from;
    mailbox->row_to = here.mailbox.row_to;
    mailbox->gone_from = here.mailbox.gone_from;
    mailbox->gone_to = here.mailbox.gone_to;
    if (wf_mailbox_count(mailbox) == 0 && mailbox->first_seq < first_seq) {
        // There is room for the letters of its journal, if they come again.
        mailbox->first_seq = first_seq;
        mailbox->next_seq = first_seq;
    }
    before = mailbox->next_seq;
    if (actor->outlived_to > 0) {
        actor->outlived_to += before - first_seq;
    }
    actor->object.position = here.object.position;
    actor->wake = here.wake;
    actor->wake_due = here.wake_due;
    return !reader.failed && unpack_items(actor, &reader) &&
           mailbox->next_seq - before == letters;
}

void
wf_image_range(uint32_t partition, weft_bytes after, struct wf_buf *out_from,
               struct wf_buf *out_to)
{
    wf_keys_range(out_from, WF_KEY_IMAGE, partition);
    wf_keys_after(out_to, wf_buf_bytes(out_from));
    if (after.len > 0) {
        wf_buf_put(out_from, after.data, after.len);
        wf_buf_put_u8(out_from, 0);
    }
}

void
wf_image_items_range(uint32_t partition, weft_bytes key,
                     struct wf_buf *out_from, struct wf_buf *out_to)
{
    wf_keys_items(out_from, partition, key);
    wf_keys_after(out_to, wf_buf_bytes(out_from));
}
