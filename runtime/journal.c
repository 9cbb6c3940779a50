// SPDX-License-Identifier: Apache-2.0
//
// journal.c - entries in chunks. See journal.h.

#include "runtime/journal.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "runtime/record.h"

void
wf_entry_encode(const struct wf_entry *entry, struct wf_buf *out)
{
    wf_buf_put_u8(out, (uint8_t)entry->type);
    if (wf_entry_is_event(entry)) {
        wf_buf_put_varint(out, entry->now_ms);
        if (entry->type == WF_ENTRY_LETTER) {
            wf_buf_put_bytes(out, entry->letter);
        }
        return;
    }
    if (entry->type == WF_ENTRY_PATCH) {
        wf_buf_put_bytes(out, entry->name);
        return;
    }
    if (entry->type == WF_ENTRY_BREAK) {
        return;
    }
    if (entry->type == WF_ENTRY_CHANCE) {
        wf_buf_put_u64(out, entry->seed);
        return;
    }
    wf_buf_put_varint(out, entry->branch);
    wf_buf_put_varint(out, entry->ordinal);
    wf_buf_put_bytes(out, entry->name);
    if (entry->type == WF_ENTRY_OPEN) {
        wf_buf_put_u8(out, (uint8_t)entry->kind);
        wf_buf_put_u64(out, entry->input_hash);
    } else {
        wf_buf_put_varint(out, (uint64_t)entry->err);
        wf_buf_put_bytes(out, entry->data);
    }
}

void
wf_entry_put_op(const struct wf_entry *entry, struct wf_buf *ops)
{
    size_t opened;

    wf_buf_put_u8(ops, WF_OP_JOURNAL);
    opened = wf_buf_open(ops);
    wf_entry_encode(entry, ops);
    wf_buf_close(ops, opened);
}

bool
wf_entry_decode(weft_bytes bytes, struct wf_entry *out_entry)
{
    struct wf_reader reader = wf_reader_of(bytes);
    struct wf_entry entry = {0};

    entry.type = (enum wf_entry_type)wf_reader_u8(&reader);
    switch (entry.type) {
    case WF_ENTRY_STARTED:
    case WF_ENTRY_WENT_ON:
        entry.now_ms = wf_reader_varint(&reader);
        break;
    case WF_ENTRY_LETTER:
        entry.now_ms = wf_reader_varint(&reader);
        entry.letter = wf_reader_bytes(&reader);
        break;
    case WF_ENTRY_OPEN:
    case WF_ENTRY_VALUE:
        entry.branch = (uint32_t)wf_reader_varint(&reader);
        entry.ordinal = (uint32_t)wf_reader_varint(&reader);
        entry.name = wf_reader_bytes(&reader);
        if (entry.type == WF_ENTRY_OPEN) {
            entry.kind = (enum wf_command_kind)wf_reader_u8(&reader);
            entry.input_hash = wf_reader_u64(&reader);
        } else {
            entry.kind = WF_COMMAND_VALUE;
            entry.err = (weft_err)wf_reader_varint(&reader);
            entry.data = wf_reader_bytes(&reader);
        }
        break;
    case WF_ENTRY_PATCH:
        entry.name = wf_reader_bytes(&reader);
        break;
    case WF_ENTRY_BREAK:
        break;
    case WF_ENTRY_CHANCE:
        entry.seed = wf_reader_u64(&reader);
        break;
    default:
        return false;
    }
    if (reader.failed || wf_reader_left(&reader) != 0) {
        return false;
    }
    *out_entry = entry;
    return true;
}

const char *
wf_command_kind_name(enum wf_command_kind kind)
{
    static const char *const names[] = {
        [WF_COMMAND_ACTIVITY] = "activity",
        [WF_COMMAND_STEP] = "step",
        [WF_COMMAND_TIMER] = "timer",
        [WF_COMMAND_CHILD] = "child",
        [WF_COMMAND_CHILD_STARTED] = "child_started",
        [WF_COMMAND_RECEIVE] = "receive",
        [WF_COMMAND_SIGNAL] = "signal",
        [WF_COMMAND_ABANDON] = "abandon",
        [WF_COMMAND_RESTART] = "restart",
        [WF_COMMAND_VALUE] = "value",
        [WF_COMMAND_BRANCH] = "branch",
    };

    if (kind < WF_COMMAND_ACTIVITY || kind >= WF_COMMAND_COUNT) {
        return "unknown";
    }
    return names[kind];
}

void
wf_journal_init(struct wf_journal *journal)
{
    wf_list_init(&journal->chunks);
    journal->count = 0;
    journal->bytes = 0;
    journal->patches = 0;
    journal->signals = 0;
    journal->last = 0;
}

void
wf_journal_fini(struct wf_journal *journal)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&journal->chunks)) != NULL) {
        wf_free(WF_CONTAINER(node, struct wf_chunk, node));
    }
    wf_journal_init(journal);
}

static struct wf_chunk *
last_chunk(const struct wf_journal *journal)
{
    if (journal->chunks.count == 0) {
        return NULL;
    }
    return WF_CONTAINER(journal->chunks.head.prev, struct wf_chunk, node);
}

static struct wf_chunk *
add_chunk(struct wf_journal *journal, size_t cap)
{
    const struct wf_chunk *last = last_chunk(journal);
    struct wf_chunk *chunk = wf_alloc(sizeof(*chunk) + cap);

    *chunk = (struct wf_chunk){
        .number = last == NULL ? 0 : last->number + 1,
        .cap = (uint32_t)cap,
    };
    wf_list_push_back(&journal->chunks, &chunk->node);
    return chunk;
}

// Small journals stay small: the first chunks grow from 256 bytes, so that an
// instance with three entries does not hold 4 KiB.
static size_t
next_cap(const struct wf_journal *journal, size_t needed)
{
    size_t cap = 256;

    while (cap < WF_JOURNAL_CHUNK_BYTES && cap < journal->bytes) {
        cap *= 2;
    }
    return needed > cap ? needed : cap;
}

// The letter that it is, if it is one, without decoding the rest.
static weft_bytes
letter_of(weft_bytes entry)
{
    struct wf_reader reader = wf_reader_of(entry);

    if (wf_reader_u8(&reader) != WF_ENTRY_LETTER) {
        return weft_nothing();
    }
    (void)wf_reader_varint(&reader); // when
    return wf_reader_bytes(&reader);
}

static void
count_entry(struct wf_journal *journal, enum wf_entry_type type,
            weft_bytes letter)
{
    journal->patches += type == WF_ENTRY_PATCH ? 1 : 0;
    journal->signals += wf_letter_type(letter) == WF_LETTER_SIGNAL ? 1 : 0;
    journal->last = type == WF_ENTRY_CHANCE ? journal->last : type;
}

weft_bytes
wf_journal_append(struct wf_journal *journal, weft_bytes entry)
{
    struct wf_chunk *chunk = last_chunk(journal);
    uint8_t head[WF_VARINT_BYTES_MAX];
    size_t head_len = wf_varint_encode(entry.len, head);
    size_t needed = head_len + entry.len;
    uint8_t *at;

    if (chunk == NULL || chunk->cap - chunk->len < needed) {
        chunk = add_chunk(journal, next_cap(journal, needed));
    }
    at = chunk->bytes + chunk->len;
    memcpy(at, head, head_len);
    memcpy(at + head_len, entry.data, entry.len);
    chunk->len += (uint32_t)needed;
    chunk->has_row = false;
    journal->count++;
    journal->bytes += needed;
    count_entry(journal, wf_entry_type(entry), letter_of(entry));
    return weft_bytes_of(at + head_len, entry.len);
}

// What is left of a chunk that is cut was not saved like this.
static void
cut_chunk(struct wf_chunk *chunk, uint32_t len)
{
    if (chunk->len != len) {
        chunk->len = len;
        chunk->has_row = false;
    }
}

void
wf_journal_cut(struct wf_journal *journal, uint64_t count)
{
    struct wf_journal_cursor cursor = {.journal = journal};
    uint64_t bytes = 0;
    struct wf_list_node *node;
    struct wf_entry entry;

    journal->patches = 0;
    journal->signals = 0;
    journal->last = 0;
    while (cursor.index < count && wf_journal_next(&cursor, &entry)) {
        count_entry(journal, entry.type, entry.letter);
    }
    for (node = journal->chunks.head.prev;
         journal->chunks.count > 0 &&
         WF_CONTAINER(node, struct wf_chunk, node) != cursor.chunk;
         node = journal->chunks.head.prev) {
        wf_list_remove(&journal->chunks, node);
        wf_free(WF_CONTAINER(node, struct wf_chunk, node));
    }
    if (journal->chunks.count > 0) {
        cut_chunk(last_chunk(journal), cursor.offset);
    }
    for (node = wf_list_first(&journal->chunks); node != NULL;
         node = wf_list_next(&journal->chunks, node)) {
        bytes += WF_CONTAINER(node, struct wf_chunk, node)->len;
    }
    journal->count = cursor.index;
    journal->bytes = bytes;
}

void
wf_journal_copy(const struct wf_journal *from, uint64_t count,
                struct wf_journal *to)
{
    struct wf_journal_cursor cursor = {.journal = from};
    struct wf_buf bytes = {0};
    struct wf_entry entry;

    while (cursor.index < count && wf_journal_next(&cursor, &entry)) {
        wf_buf_reset(&bytes);
        wf_entry_encode(&entry, &bytes);
        (void)wf_journal_append(to, wf_buf_bytes(&bytes));
    }
    wf_buf_fini(&bytes);
}

bool
wf_journal_restore(struct wf_journal *journal, uint64_t number,
                   weft_bytes bytes, bool has_row)
{
    struct wf_reader reader = wf_reader_of(bytes);
    struct wf_chunk *chunk;
    uint64_t count = 0;

    while (wf_reader_left(&reader) > 0) {
        weft_bytes entry = wf_reader_bytes(&reader);

        if (reader.failed) {
            return false;
        }
        count_entry(journal, wf_entry_type(entry), letter_of(entry));
        count++;
    }
    // What is not a row yet is the tail, and will grow.
    chunk = add_chunk(journal, has_row ? bytes.len : bytes.len * 2 + 256);
    if (chunk->number != number) {
        return false;
    }
    if (bytes.len > 0) {
        memcpy(chunk->bytes, bytes.data, bytes.len);
    }
    chunk->len = (uint32_t)bytes.len;
    chunk->has_row = has_row;
    journal->count += count;
    journal->bytes += bytes.len;
    return true;
}

bool
wf_journal_next(struct wf_journal_cursor *cursor, struct wf_entry *out_entry)
{
    const struct wf_chunk *chunk = cursor->chunk;
    struct wf_reader reader;
    weft_bytes entry;

    if (chunk == NULL) {
        const struct wf_list_node *first =
            wf_list_first(&cursor->journal->chunks);
        if (first == NULL) {
            return false;
        }
        chunk = WF_CONTAINER(first, struct wf_chunk, node);
        cursor->offset = 0;
    }
    while (cursor->offset == chunk->len) {
        const struct wf_list_node *next =
            wf_list_next(&cursor->journal->chunks, &chunk->node);
        cursor->chunk = chunk;
        if (next == NULL) {
            return false;
        }
        chunk = WF_CONTAINER(next, struct wf_chunk, node);
        cursor->offset = 0;
    }
    reader = wf_reader_of(weft_bytes_of(chunk->bytes + cursor->offset,
                                        chunk->len - cursor->offset));
    entry = wf_reader_bytes(&reader);
    WF_ASSERT(!reader.failed);
    if (!wf_entry_decode(entry, out_entry)) {
        return false; // and index stays below count
    }
    cursor->chunk = chunk;
    cursor->offset = (uint32_t)(reader.at - chunk->bytes);
    cursor->index++;
    return true;
}
