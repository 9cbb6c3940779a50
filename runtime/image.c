// SPDX-License-Identifier: Apache-2.0
//
// image.c - encode an actor into rows. image_load.c reads them back.
//
// The image: flags, format, head fields, then items until the end, each as
// class, number, bytes. An item row's value is the item's bytes.

#include "runtime/image.h"

#include "base/hash.h"
#include "runtime/image_impl.h"
#include "runtime/item.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/question.h"
#include "runtime/update.h"
#include "storage/keys.h"
#include "storage/store.h"

#define SINGLE_DELETES_MAX 32 // of more rows their range is deleted

struct save {
    struct wf_partition *partition;
    struct wf_actor *actor;
    struct wf_batch *rows; // NULL: all of it goes into the image
    struct wf_buf image;
    struct wf_buf key;
    struct wf_item_rows items; // rows it will have
    uint32_t inline_count;     // items of the current class in the image
    uint8_t class;
};

static void
keep_row(struct save *save, uint8_t class, uint64_t number, uint64_t hash)
{
    wf_item_rows_add(&save->items, (struct wf_item_row){
                                       .class = class,
                                       .number = number,
                                       .hash = hash,
                                   });
}

static void
put_row(struct save *save, uint8_t class, uint64_t number, weft_bytes bytes)
{
    uint64_t hash = wf_hash64(bytes.data, bytes.len, 0);
    const struct wf_item_row *old =
        wf_item_rows_find(&save->actor->item_rows, class, number);

    if (old == NULL || old->hash != hash) {
        wf_keys_item(&save->key, save->partition->options.index,
                     wf_key_bytes(&save->actor->key), class, number);
        wf_batch_put(save->rows, WF_CF_DATA, wf_buf_bytes(&save->key), bytes);
    }
    keep_row(save, class, number, hash);
}

static bool
fits_inline(const struct save *save, uint8_t class, size_t len)
{
    size_t limit = class == WF_ITEM_JOURNAL ? WF_JOURNAL_CHUNK_BYTES
                                            : WF_IMAGE_ITEM_INLINE_MAX;

    return save->rows == NULL ||
           (len <= limit && save->inline_count < WF_IMAGE_ITEMS_INLINE_MAX &&
            save->image.len + len <= WF_IMAGE_INLINE_BYTES_MAX);
}

// False: it wants a row of its own.
static bool
put_inline(struct save *save, uint8_t class, uint64_t number, weft_bytes bytes)
{
    if (save->class != class) {
        save->class = class;
        save->inline_count = 0;
    }
    if (!fits_inline(save, class, bytes.len)) {
        return false;
    }
    wf_buf_put_u8(&save->image, class);
    wf_buf_put_varint(&save->image, number);
    wf_buf_put_bytes(&save->image, bytes);
    save->inline_count++;
    return true;
}

// Items come in ascending order of class and number.
static void
put_item(struct save *save, uint8_t class, uint64_t number, weft_bytes bytes)
{
    if (!put_inline(save, class, number, bytes)) {
        put_row(save, class, number, bytes);
    }
}

// Whether there are rows is set when all items are known.
static uint8_t
flags_of(const struct wf_actor *actor)
{
    return (actor->origin_run < actor->run ? WF_IMAGE_RESET : 0) |
           (actor->origin_seed != actor->seed ? WF_IMAGE_FORK : 0);
}

static uint64_t
bits_of(const struct wf_actor *actor)
{
    uint64_t bits = 0;

    bits |= actor->is_start_pending ? WF_IMAGE_START_PENDING : 0;
    bits |= actor->is_parked ? WF_IMAGE_PARKED : 0;
    bits |= actor->is_paused ? WF_IMAGE_PAUSED : 0;
    bits |= actor->is_cancel_asked ? WF_IMAGE_CANCEL_ASKED : 0;
    bits |= actor->failure_name != NULL ? WF_IMAGE_FAILED : 0;
    bits |= wf_actor_has_outlived(actor) ? WF_IMAGE_OUTLIVED : 0;
    bits |= actor->attributes.len > 0 ? WF_IMAGE_ATTRIBUTES : 0;
    bits |= actor->memo.len > 0 ? WF_IMAGE_MEMO : 0;
    bits |= actor->is_end_asked ? WF_IMAGE_END_ASKED : 0;
    bits |= actor->is_left ? WF_IMAGE_LEFT : 0;
    bits |= actor->updates.made > 0 ? WF_IMAGE_UPDATES : 0;
    return bits;
}

static void
put_head(struct save *save)
{
    const struct wf_actor *actor = save->actor;
    struct wf_buf *image = &save->image;
    bool is_copy = save->rows == NULL;
    uint8_t flags = flags_of(actor);
    uint64_t bits = bits_of(actor);

    wf_buf_put_u8(image, flags);
    wf_buf_put_u8(image, WF_IMAGE_FORMAT);
    wf_buf_put_varint(image, is_copy ? 0 : actor->object.position);
    wf_buf_put_u8(image, (uint8_t)actor->status);
    wf_buf_put_varint(image, bits);
    wf_buf_put_varint(image, actor->version);
    wf_buf_put_varint(image, actor->run);
    wf_buf_put_u64(image, actor->seed);
    wf_buf_put_varint(image, actor->created_at_ms);
    wf_buf_put_varint(image, actor->finished_at_ms);
    wf_buf_put_varint(image, actor->mailbox.first_seq);
    wf_buf_put_varint(image, actor->mailbox.next_seq);
    wf_buf_put_varint(image, wf_actor_timers_count(actor));
    wf_buf_put_varint(image, actor->commands.list.count);
    wf_buf_put_varint(image, actor->calls.list.count);
    wf_buf_put_varint(image, actor->journal.count);
    wf_buf_put_varint(image, actor->attempt);
    wf_buf_put_varint(image, actor->begins_at_ms);
    wf_buf_put_varint(image, actor->run_begins_at_ms);
    wf_buf_put_bytes(image, actor->options);
    if (actor->memo.len > 0) {
        wf_buf_put_bytes(image, actor->memo);
    }
    wf_buf_put_text(image, actor->reason);
    if (actor->attributes.len > 0) {
        wf_buf_put_bytes(image, actor->attributes);
    }
    wf_buf_put_bytes(image, wf_key_bytes(&actor->parent));
    wf_buf_put_varint(image, actor->parent_run);
    wf_buf_put_varint(image, actor->parent_call);
    wf_buf_put_varint(image, actor->failed_attempts);
    wf_buf_put_varint(image, actor->crashes);
    wf_buf_put_varint(image, actor->retry_due);
    wf_buf_put_varint(image, actor->next_id);
    wf_buf_put_varint(image, is_copy ? 0 : actor->mailbox.row_from);
    wf_buf_put_varint(image, is_copy ? 0 : actor->mailbox.row_to);
    wf_buf_put_u8(image, is_copy ? WF_WAKE_NONE : (uint8_t)actor->wake);
    wf_buf_put_varint(image, is_copy ? 0 : actor->wake_due);
    if (actor->failure_name != NULL) {
        wf_buf_put_text(image, actor->failure_name);
        wf_buf_put_text(image, actor->failure_message);
    }
    if (wf_actor_has_outlived(actor)) {
        wf_buf_put_varint(image, actor->outlived_to);
    }
    if ((flags & WF_IMAGE_RESET) != 0) {
        wf_buf_put_varint(image, actor->origin_run);
    }
    if ((flags & WF_IMAGE_FORK) != 0) {
        wf_buf_put_u64(image, actor->origin_seed);
    }
    // No number is given twice: handlers may run again after a reset.
    if (actor->updates.made > 0) {
        wf_buf_put_varint(image, actor->updates.made);
    }
}

static void
put_single(struct save *save, uint8_t class, weft_bytes bytes)
{
    if (bytes.len > 0) {
        put_item(save, class, 0, bytes);
    }
}

static void
put_journal(struct save *save)
{
    const struct wf_journal *journal = &save->actor->journal;
    // Rows are read before the image, so inline chunks must be the last ones.
    bool is_large =
        journal->bytes > WF_JOURNAL_CHUNK_BYTES ||
        save->image.len + journal->bytes + 8 * journal->chunks.count >
            WF_IMAGE_INLINE_BYTES_MAX;
    struct wf_list_node *node = wf_list_first(&journal->chunks);

    for (; node != NULL; node = wf_list_next(&journal->chunks, node)) {
        struct wf_chunk *chunk = WF_CONTAINER(node, struct wf_chunk, node);
        bool is_last = wf_list_next(&journal->chunks, node) == NULL;
        weft_bytes bytes = weft_bytes_of(chunk->bytes, chunk->len);

        if (save->rows == NULL) {
            put_item(save, WF_ITEM_JOURNAL, chunk->number, bytes);
        } else if (!is_large ||
                   (is_last && chunk->len <= WF_JOURNAL_CHUNK_BYTES)) {
            put_item(save, WF_ITEM_JOURNAL, chunk->number, bytes);
            chunk->has_row = false; // the one it had is deleted
        } else if (chunk->has_row) {
            keep_row(save, WF_ITEM_JOURNAL, chunk->number, 0);
        } else {
            put_row(save, WF_ITEM_JOURNAL, chunk->number, bytes);
            chunk->has_row = true;
        }
    }
}

static void
put_letters(struct save *save)
{
    struct wf_list *letters = &save->actor->mailbox.letters;
    struct wf_list_node *node = wf_list_first(letters);

    for (; node != NULL; node = wf_list_next(letters, node)) {
        const struct wf_waiting *waiting =
            WF_CONTAINER(node, struct wf_waiting, node);
        if (!waiting->has_row || save->rows == NULL) {
            put_item(save, WF_ITEM_LETTER, waiting->seq,
                     weft_bytes_of(waiting->bytes, waiting->len));
        }
    }
}

// Letters of a long queue go to rows of their own, those handled are deleted.
// Before the head is written, which says where those rows are.
static void
count_spill(const struct wf_partition *partition)
{
    if (partition->options.tally != NULL) {
        wf_counter_add(&partition->options.tally->spills, 1);
    }
}

// There may be a million of them.
static void
delete_letters(struct save *save)
{
    struct wf_mailbox *mailbox = &save->actor->mailbox;
    weft_bytes key = wf_key_bytes(&save->actor->key);
    uint32_t index = save->partition->options.index;
    uint64_t to = mailbox->row_to < mailbox->first_seq ? mailbox->row_to
                                                       : mailbox->first_seq;
    struct wf_buf end = {0};

    if (to > mailbox->row_from + SINGLE_DELETES_MAX) {
        wf_keys_mailbox(&save->key, index, key, mailbox->row_from);
        wf_keys_mailbox(&end, index, key, to);
        wf_batch_delete_range(save->rows, WF_CF_DATA, wf_buf_bytes(&save->key),
                              wf_buf_bytes(&end));
        mailbox->row_from = to;
    }
    for (; mailbox->row_from < to; mailbox->row_from++) {
        wf_keys_mailbox(&save->key, index, key, mailbox->row_from);
        wf_batch_delete(save->rows, WF_CF_DATA, wf_buf_bytes(&save->key));
    }
    wf_buf_fini(&end);
}

static void
settle_mailbox(struct save *save)
{
    struct wf_mailbox *mailbox = &save->actor->mailbox;
    weft_bytes key = wf_key_bytes(&save->actor->key);
    uint32_t index = save->partition->options.index;
    struct wf_list_node *node = wf_list_first(&mailbox->letters);
    bool has_put = false;

    delete_letters(save);
    for (; node != NULL; node = wf_list_next(&mailbox->letters, node)) {
        struct wf_waiting *waiting =
            WF_CONTAINER(node, struct wf_waiting, node);

        if (wf_mailbox_takes_row(mailbox, waiting)) {
            wf_keys_mailbox(&save->key, index, key, waiting->seq);
            wf_batch_put(save->rows, WF_CF_DATA, wf_buf_bytes(&save->key),
                         weft_bytes_of(waiting->bytes, waiting->len));
            wf_mailbox_gave_row(mailbox, waiting);
            count_spill(save->partition);
            has_put = true;
        }
    }
    if (wf_list_has(&save->actor->spill)) {
        wf_list_remove(&save->partition->overfull, &save->actor->spill);
    }
    if (has_put) {
        wf_list_push_back(&save->partition->spilled, &save->actor->spill);
    }
}

static void
put_updates(struct save *save, struct wf_buf *bytes)
{
    struct wf_list *updates = &save->actor->updates.all.list;
    struct wf_list_node *node = wf_list_first(updates);

    for (; node != NULL; node = wf_list_next(updates, node)) {
        const struct wf_update *update =
            WF_CONTAINER(node, struct wf_update, node);

        wf_buf_reset(bytes);
        wf_update_encode(update, bytes);
        put_item(save, WF_ITEM_UPDATE, update->number, wf_buf_bytes(bytes));
    }
}

static void
put_orders(struct save *save, struct wf_buf *bytes)
{
    struct wf_list *orders = &save->actor->orders.list;
    struct wf_list_node *node = wf_list_first(orders);

    for (; node != NULL; node = wf_list_next(orders, node)) {
        const struct wf_order *order =
            WF_CONTAINER(node, struct wf_order, node);

        wf_buf_reset(bytes);
        wf_item_encode_order(order, bytes);
        put_item(save, WF_ITEM_ORDER, order->number, wf_buf_bytes(bytes));
    }
}

static void
name_value_row(struct save *save, uint64_t number)
{
    wf_keys_item(&save->key, save->partition->options.index,
                 wf_key_bytes(&save->actor->key), WF_ITEM_PUBLISHED, number);
}

// Before any is put: one that came back may have its number.
static void
delete_gone_values(struct save *save)
{
    struct wf_buf *gone = &save->actor->published.gone;
    struct wf_reader numbers = wf_reader_of(wf_buf_bytes(gone));

    while (wf_reader_left(&numbers) > 0) {
        name_value_row(save, wf_reader_u64(&numbers));
        wf_batch_delete(save->rows, WF_CF_DATA, wf_buf_bytes(&save->key));
    }
    wf_buf_fini(gone);
}

static void
put_value(struct save *save, struct wf_published *published, weft_bytes bytes)
{
    if (!published->has_row &&
        put_inline(save, WF_ITEM_PUBLISHED, published->number, bytes)) {
        return; // the next image has to say it again
    }
    name_value_row(save, published->number);
    wf_batch_put(save->rows, WF_CF_DATA, wf_buf_bytes(&save->key), bytes);
    wf_published_saved(&save->actor->published, published);
}

// Only what has changed: there may be a hundred thousand.
static void
put_changed_values(struct save *save, struct wf_buf *bytes)
{
    struct wf_list *unsaved = &save->actor->published.unsaved;
    struct wf_list_node *node = wf_list_first(unsaved);

    delete_gone_values(save);
    while (node != NULL) {
        struct wf_published *published =
            WF_CONTAINER(node, struct wf_published, unsaved);

        node = wf_list_next(unsaved, node);
        wf_buf_reset(bytes);
        wf_item_encode_published(published, bytes);
        put_value(save, published, wf_buf_bytes(bytes));
    }
}

static void
put_all_values(struct save *save, struct wf_buf *bytes)
{
    const struct wf_list *all = &save->actor->published.list;
    const struct wf_list_node *node = wf_list_first(all);

    for (; node != NULL; node = wf_list_next(all, node)) {
        const struct wf_published *published =
            WF_CONTAINER(node, const struct wf_published, node);

        wf_buf_reset(bytes);
        wf_item_encode_published(published, bytes);
        put_item(save, WF_ITEM_PUBLISHED, published->number,
                 wf_buf_bytes(bytes));
    }
}

static void
put_published(struct save *save, struct wf_buf *bytes)
{
    if (save->rows == NULL) {
        put_all_values(save, bytes);
    } else {
        put_changed_values(save, bytes);
    }
}

static void
put_questions(struct save *save)
{
    struct wf_list *questions = &save->actor->questions.list;
    struct wf_list_node *node = wf_list_first(questions);

    for (; node != NULL; node = wf_list_next(questions, node)) {
        const struct wf_question *question =
            WF_CONTAINER(node, struct wf_question, node);

        put_item(save, WF_ITEM_QUESTION, question->id, question->letter);
    }
}

static void
put_waits(struct save *save)
{
    struct wf_actor *actor = save->actor;
    struct wf_buf bytes = {0};
    struct wf_list_node *node;

    for (node = wf_list_first(&actor->timers.list); node != NULL;
         node = wf_list_next(&actor->timers.list, node)) {
        const struct wf_timer *timer =
            WF_CONTAINER(node, struct wf_timer, node);
        wf_buf_reset(&bytes);
        wf_item_encode_timer(timer, &bytes);
        put_item(save, WF_ITEM_TIMER, timer->id, wf_buf_bytes(&bytes));
    }
    for (node = wf_list_first(&actor->commands.list); node != NULL;
         node = wf_list_next(&actor->commands.list, node)) {
        const struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, node);
        wf_buf_reset(&bytes);
        wf_item_encode_command(command, &bytes);
        put_item(save, WF_ITEM_COMMAND, command->id, wf_buf_bytes(&bytes));
    }
    for (node = wf_list_first(&actor->calls.list); node != NULL;
         node = wf_list_next(&actor->calls.list, node)) {
        const struct wf_call *call = WF_CONTAINER(node, struct wf_call, node);
        wf_buf_reset(&bytes);
        wf_item_encode_call(call, actor->run, &bytes);
        put_item(save, WF_ITEM_CALL, call->id, wf_buf_bytes(&bytes));
    }
    put_published(save, &bytes);
    for (node = wf_list_first(&actor->operations); node != NULL;
         node = wf_list_next(&actor->operations, node)) {
        const struct wf_operation *operation =
            WF_CONTAINER(node, struct wf_operation, node);
        wf_buf_reset(&bytes);
        wf_item_encode_operation(operation, &bytes);
        put_item(save, WF_ITEM_OPERATION, operation->number,
                 wf_buf_bytes(&bytes));
    }
    put_updates(save, &bytes);
    put_orders(save, &bytes);
    put_questions(save);
    wf_buf_fini(&bytes);
}

static void
put_items(struct save *save)
{
    const struct wf_actor *actor = save->actor;

    put_single(save, WF_ITEM_INPUT, actor->input);
    put_single(save, WF_ITEM_STATE, actor->state);
    put_single(save, WF_ITEM_RESULT, actor->result);
    put_single(save, WF_ITEM_DETAILS, actor->failure_details);
    put_journal(save);
    put_letters(save);
    put_waits(save);
    put_single(save, WF_ITEM_ATTRIBUTES, actor->attributes_begun);
    put_single(save, WF_ITEM_CAUSES, actor->failure_causes);
}

// A copy's head says nothing of the store that it comes from.
void
wf_image_pack(struct wf_actor *actor, struct wf_buf *out)
{
    struct save save = {.actor = actor};

    put_head(&save);
    put_items(&save);
    wf_buf_put(out, save.image.data, save.image.len);
    wf_buf_fini(&save.image);
}

// An instance that is gone leaves its position behind until no record about it
// will be read again; saver.c deletes that row later.
void
wf_image_save(struct wf_partition *partition, struct wf_actor *actor,
              struct wf_batch *rows)
{
    struct save save = {
        .partition = partition,
        .actor = actor,
        .rows = rows,
    };

    settle_mailbox(&save);
    wf_wake_save(partition, actor, &save.key, rows);
    put_head(&save);
    put_items(&save);
    wf_item_rows_settle(&actor->item_rows, &save.items,
                        partition->options.index, wf_key_bytes(&actor->key),
                        rows);
    if (wf_image_items_count(actor) > 0) {
        save.image.data[0] |= WF_IMAGE_HAS_ITEMS;
    }
    wf_keys_image(&save.key, partition->options.index,
                  wf_key_bytes(&actor->key));
    wf_batch_put(rows, WF_CF_DATA, wf_buf_bytes(&save.key),
                 wf_buf_bytes(&save.image));
    wf_buf_fini(&save.image);
    wf_buf_fini(&save.key);
}

size_t
wf_image_items_count(const struct wf_actor *actor)
{
    return actor->item_rows.count + actor->published.rows_count;
}

static bool
has_value(const struct wf_actor *actor, uint64_t number)
{
    const struct wf_list_node *node = wf_list_first(&actor->published.list);

    for (; node != NULL; node = wf_list_next(&actor->published.list, node)) {
        const struct wf_published *published =
            WF_CONTAINER(node, const struct wf_published, node);

        if (published->number == number) {
            return published->has_row;
        }
    }
    return false;
}

bool
wf_image_has_item(const struct wf_actor *actor, uint8_t class, uint64_t number)
{
    return class == WF_ITEM_PUBLISHED
               ? has_value(actor, number)
               : wf_item_rows_find(&actor->item_rows, class, number) != NULL;
}
