// SPDX-License-Identifier: Apache-2.0
//
// ledger_move.c - a partition from one node to another.
//
//   ask     u8 version, varint partition, text node, varint next, u8 ready
//   answer  u8 version, u8 kind; unless it is not there: varint epoch, u8
//           given, varint last; then, at the beginning, varint first, bytes
//           snapshot (u64 redo-from, manifest; or nothing); else varint count,
//           each: bytes segment
//
// Who asks says which commit it needs next, and who answers keeps no state of
// it. So questions and answers may be lost, doubled and late: an answer that
// does not go on where the partition is by now is passed over.

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/ledger_impl.h"

enum answer_kind {
    NOT_HERE,
    BEGINNING,
    COMMITS,
};

// Asking. ---------------------------------------------------------------------

void
wf_ledger_ask_encode(const struct wf_ledger_ask *ask, struct wf_buf *out)
{
    wf_buf_put_u8(out, WF_LEDGER_VERSION);
    wf_buf_put_varint(out, ask->partition);
    wf_buf_put_text(out, ask->node);
    wf_buf_put_varint(out, ask->next);
    wf_buf_put_u8(out, ask->is_ready);
}

weft_err
wf_ledger_ask_decode(weft_bytes bytes, struct wf_ledger_ask *out_ask)
{
    struct wf_reader reader = wf_reader_of(bytes);
    uint8_t version = wf_reader_u8(&reader);
    uint64_t partition = wf_reader_varint(&reader);
    weft_bytes node = wf_reader_bytes(&reader);

    *out_ask = (struct wf_ledger_ask){.next = wf_reader_varint(&reader)};
    out_ask->is_ready = wf_reader_u8(&reader) != 0;
    if (reader.failed || wf_reader_left(&reader) != 0 ||
        version != WF_LEDGER_VERSION || partition >= WF_LEDGER_PARTITIONS_MAX ||
        node.len == 0 || node.len > WF_NODE_ID_CHARS_MAX) {
        return wf_error(WEFT_ECORRUPT, "a node asks for nothing that there is");
    }
    out_ask->partition = (uint32_t)partition;
    memcpy(out_ask->node, node.data, node.len);
    return WEFT_OK;
}

bool
wf_ledger_ask(struct wf_ledger *ledger, uint32_t partition, bool is_ready,
              struct wf_ledger_ask *out_ask)
{
    struct wf_ledger_part part = wf_ledger_part(ledger, partition);
    bool is_coming = part.state == WF_LEDGER_COMING;

    *out_ask = (struct wf_ledger_ask){
        .partition = partition,
        .next = is_coming ? part.last + 1 : 0,
        .is_ready = is_coming && is_ready,
    };
    memcpy(out_ask->node, ledger->node_id, strlen(ledger->node_id));
    return is_coming || part.state == WF_LEDGER_NONE;
}

// Answering. ------------------------------------------------------------------

static bool
may_give(const struct wf_ledger *ledger, const struct wf_ledger_place *place,
         const struct wf_ledger_ask *ask)
{
    const struct wf_ledger_part *part = &place->part;

    return part->state == WF_LEDGER_MINE && place->is_released &&
           ask->is_ready && ask->next == part->last + 1 &&
           strcmp(ask->node, ledger->node_id) != 0 &&
           (part->wanted[0] == '\0' || strcmp(part->wanted, ask->node) == 0);
}

// From here on only that node may have it, in the next epoch.
static weft_err
give(struct wf_ledger *ledger, const struct wf_ledger_ask *ask)
{
    struct wf_ledger_place *place = &ledger->places[ask->partition];
    struct wf_ledger_part part = place->part;
    struct wf_batch batch = {0};
    weft_err err;

    part.state = WF_LEDGER_GIVEN;
    memcpy(part.wanted, ask->node, sizeof(part.wanted));
    wf_ledger_put_part(&batch, ask->partition, &part);
    err = wf_ledger_write(ledger, &batch);
    if (err == WEFT_OK) {
        place->part = part;
        place->is_released = false;
    }
    wf_batch_fini(&batch);
    return err;
}

// What is answered, taken at one moment.
struct served {
    struct wf_ledger_part part;
    bool is_given; // to who asks
    bool is_here;
};

static weft_err
decide(struct wf_ledger *ledger, const struct wf_ledger_ask *ask,
       struct served *out_served)
{
    const struct wf_ledger_place *place = &ledger->places[ask->partition];
    weft_err err;

    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    out_served->is_here = place->part.state >= WF_LEDGER_MINE &&
                          ledger->lost == WEFT_OK && !ledger->has_failed &&
                          (ledger->has_heard || !ledger->options.must_hear);
    if (err == WEFT_OK && out_served->is_here && may_give(ledger, place, ask)) {
        err = give(ledger, ask);
    }
    out_served->part = place->part;
    out_served->is_given = place->part.state == WF_LEDGER_GIVEN &&
                           strcmp(place->part.wanted, ask->node) == 0;
    if (place->part.state == WF_LEDGER_GIVEN && !out_served->is_given) {
        out_served->is_here = false;
    }
    pthread_mutex_unlock(&ledger->lock);
    return err;
}

struct gather {
    uint64_t next;
    uint64_t count;
    size_t room;
    struct wf_buf bytes;
};

static bool
gather_commit(void *ctx, weft_bytes key, weft_bytes row)
{
    struct gather *gather = ctx;
    struct wf_reader reader = wf_reader_of(key);

    (void)wf_reader_u16(&reader);
    if (wf_reader_u64(&reader) != gather->next) {
        return false; // it was forgotten meanwhile
    }
    wf_buf_put_bytes(&gather->bytes, row);
    gather->next++;
    gather->count++;
    return gather->bytes.len < gather->room;
}

static weft_err
put_commits(struct wf_ledger *ledger, const struct wf_ledger_ask *ask,
            const struct served *served, size_t max_bytes, struct wf_buf *out,
            uint64_t *out_lag)
{
    struct gather gather = {.next = ask->next, .room = max_bytes};
    weft_err err = WEFT_OK;

    if (ask->next <= served->part.last) {
        err = wf_ledger_scan(ledger, ask->partition, ask->next,
                             served->part.last, gather_commit, &gather);
    }
    wf_buf_put_varint(out, gather.count);
    wf_buf_put(out, gather.bytes.data, gather.bytes.len);
    wf_buf_fini(&gather.bytes);
    *out_lag = served->part.last + 1 - gather.next;
    return err;
}

static weft_err
put_beginning(struct wf_ledger *ledger, const struct wf_ledger_ask *ask,
              const struct served *served, struct wf_buf *out,
              uint64_t *out_lag)
{
    struct wf_buf manifest = {0};
    struct wf_buf row = {0};
    uint64_t first = served->part.first;
    weft_err err =
        wf_ledger_snapshot_read(ledger, ask->partition, 0, &first, &manifest);

    if (err == WEFT_OK) {
        wf_buf_put_u64(&row, first);
        wf_buf_put(&row, manifest.data, manifest.len);
    }
    wf_buf_put_varint(out, first);
    wf_buf_put_bytes(out, wf_buf_bytes(&row));
    wf_buf_fini(&manifest);
    wf_buf_fini(&row);
    *out_lag = UINT64_MAX;
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

weft_err
wf_ledger_serve(struct wf_ledger *ledger, const struct wf_ledger_ask *ask,
                size_t max_bytes, struct wf_buf *out_answer, uint64_t *out_lag)
{
    struct served served = {0};
    bool is_beginning;
    weft_err err;

    *out_lag = UINT64_MAX;
    if (ask->partition >= ledger->partition_count) {
        return wf_error(WEFT_EINVAL, "there is no partition %" PRIu32,
                        ask->partition);
    }
    err = decide(ledger, ask, &served);
    if (err != WEFT_OK) {
        return err;
    }
    wf_buf_put_u8(out_answer, WF_LEDGER_VERSION);
    is_beginning =
        ask->next < served.part.first || ask->next > served.part.last + 1;
    wf_buf_put_u8(out_answer, !served.is_here ? NOT_HERE
                              : is_beginning  ? BEGINNING
                                              : COMMITS);
    if (!served.is_here) {
        return WEFT_OK;
    }
    wf_buf_put_varint(out_answer, served.part.epoch);
    wf_buf_put_u8(out_answer, served.is_given);
    wf_buf_put_varint(out_answer, served.part.last);
    return is_beginning
               ? put_beginning(ledger, ask, &served, out_answer, out_lag)
               : put_commits(ledger, ask, &served, max_bytes, out_answer,
                             out_lag);
}

// Taking. ---------------------------------------------------------------------

struct answer {
    enum answer_kind kind;
    uint64_t epoch;
    bool is_given;
    uint64_t last;
    struct wf_reader rest;
};

static bool
read_answer(weft_bytes bytes, struct answer *out_answer)
{
    struct wf_reader *reader = &out_answer->rest;
    uint8_t kind;

    *out_answer = (struct answer){.rest = wf_reader_of(bytes)};
    if (wf_reader_u8(reader) != WF_LEDGER_VERSION) {
        return false;
    }
    kind = wf_reader_u8(reader);
    out_answer->kind = (enum answer_kind)kind;
    if (reader->failed || kind > COMMITS) {
        return false;
    }
    if (kind != NOT_HERE) {
        out_answer->epoch = wf_reader_varint(reader);
        out_answer->is_given = wf_reader_u8(reader) != 0;
        out_answer->last = wf_reader_varint(reader);
    }
    return !reader->failed;
}

static weft_err
no_answer(uint32_t partition, const char *giver)
{
    return wf_error(WEFT_ECORRUPT,
                    "partition %" PRIu32 ": what node %s sent is malformed",
                    partition, giver);
}

static weft_err
begin(struct wf_ledger *ledger, uint32_t partition, const char *giver,
      struct answer *answer)
{
    struct wf_ledger_place *place = &ledger->places[partition];
    struct wf_ledger_part part = place->part;
    uint64_t first = wf_reader_varint(&answer->rest);
    weft_bytes row = wf_reader_bytes(&answer->rest);
    struct wf_reader head = wf_reader_of(row);
    struct wf_batch batch = {0};
    struct wf_buf key = {0};
    weft_err err;

    if (answer->rest.failed || wf_reader_left(&answer->rest) != 0 ||
        first == 0 || first > answer->last + 1 ||
        (row.len > 0 ? wf_reader_u64(&head) != first : first != 1)) {
        return no_answer(partition, giver);
    }
    part.state = WF_LEDGER_COMING;
    part.first = first;
    part.last = first - 1;
    wf_ledger_cut_all(&batch, partition);
    wf_ledger_put_part(&batch, partition, &part);
    if (row.len > 0) {
        wf_ledger_snapshot_key(&key, partition, 0);
        wf_batch_put(&batch, WF_CF_META, wf_buf_bytes(&key), row);
    }
    err = wf_ledger_write(ledger, &batch);
    if (err == WEFT_OK) {
        place->part = part;
        place->snapshots[0] = row.len > 0 ? first : 0;
        place->snapshots[1] = 0;
    }
    wf_batch_fini(&batch);
    wf_buf_fini(&key);
    return err;
}

static weft_err
look_at_none(void *ctx, uint64_t number, const struct wf_segment *segments,
             uint32_t segments_count)
{
    (void)ctx;
    (void)number;
    (void)segments;
    (void)segments_count;
    return WEFT_OK;
}

// Each is checked before any of them is kept.
static weft_err
put_received(uint32_t partition, const char *giver, struct answer *answer,
             struct wf_ledger_part *part, struct wf_batch *batch)
{
    uint64_t count = wf_reader_varint(&answer->rest);
    struct wf_buf key = {0};
    weft_err err = WEFT_OK;

    for (uint64_t i = 0; err == WEFT_OK && i < count; i++) {
        weft_bytes row = wf_reader_bytes(&answer->rest);

        if (answer->rest.failed || part->last >= answer->last) {
            err = no_answer(partition, giver);
            break;
        }
        err = wf_shared_log_visit(partition, part->last + 1, row, look_at_none,
                                  NULL);
        wf_ledger_commit_key(&key, partition, ++part->last);
        wf_batch_put(batch, WF_CF_LOG, wf_buf_bytes(&key), row);
    }
    wf_buf_fini(&key);
    return err == WEFT_OK &&
                   (answer->rest.failed || wf_reader_left(&answer->rest) != 0)
               ? no_answer(partition, giver)
               : err;
}

// It is ours if all is here, and the epoch is one that nobody had.
static bool
can_take(const struct wf_ledger_ask *ask, const struct answer *answer,
         const struct wf_ledger_part *part)
{
    return answer->is_given && ask->is_ready && part->last == answer->last &&
           answer->epoch >= part->epoch;
}

static weft_err
go_on(struct wf_ledger *ledger, const struct wf_ledger_ask *ask,
      const char *giver, struct answer *answer,
      enum wf_ledger_progress *out_progress)
{
    struct wf_ledger_place *place = &ledger->places[ask->partition];
    struct wf_ledger_part part = place->part;
    struct wf_batch batch = {0};
    weft_err err = put_received(ask->partition, giver, answer, &part, &batch);

    *out_progress = part.last < answer->last ? WF_LEDGER_MORE : WF_LEDGER_LEVEL;
    if (err == WEFT_OK && can_take(ask, answer, &part)) {
        part.state = WF_LEDGER_MINE;
        part.epoch = answer->epoch + 1;
        memset(part.owner, 0, sizeof(part.owner));
        memset(part.wanted, 0, sizeof(part.wanted));
        *out_progress = WF_LEDGER_TAKEN;
    }
    if (err == WEFT_OK &&
        (batch.count > 0 || *out_progress == WF_LEDGER_TAKEN)) {
        wf_ledger_put_part(&batch, ask->partition, &part);
        err = wf_ledger_write(ledger, &batch);
    }
    if (err == WEFT_OK) {
        place->part = part;
    }
    wf_batch_fini(&batch);
    return err;
}

// The partition is where it was when that was asked.
static bool
is_current(const struct wf_ledger_part *part, const struct wf_ledger_ask *ask)
{
    return ask->next == 0
               ? part->state == WF_LEDGER_NONE
               : part->state == WF_LEDGER_COMING && part->last + 1 == ask->next;
}

weft_err
wf_ledger_receive(struct wf_ledger *ledger, const struct wf_ledger_ask *ask,
                  const char *giver, weft_bytes bytes,
                  enum wf_ledger_progress *out_progress)
{
    const struct wf_ledger_place *place = &ledger->places[ask->partition];
    struct answer answer;
    weft_err err;

    WF_ASSERT(ask->partition < ledger->partition_count);
    if (!read_answer(bytes, &answer)) {
        return no_answer(ask->partition, giver);
    }
    *out_progress = WF_LEDGER_NOT_THERE;
    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    if (err != WEFT_OK) {
        *out_progress = WF_LEDGER_LEVEL;
    } else if (!is_current(&place->part, ask) || ledger->lost != WEFT_OK) {
        *out_progress = WF_LEDGER_MORE;
    } else if (answer.kind == BEGINNING) {
        *out_progress = WF_LEDGER_BEGUN;
        err = begin(ledger, ask->partition, giver, &answer);
    } else if (answer.kind == COMMITS && ask->next > 0) {
        err = go_on(ledger, ask, giver, &answer, out_progress);
    } else if (answer.kind == COMMITS) {
        err = no_answer(ask->partition, giver);
    }
    pthread_mutex_unlock(&ledger->lock);
    return err;
}

weft_err
wf_ledger_forget(struct wf_ledger *ledger, uint32_t partition)
{
    struct wf_ledger_place *place = &ledger->places[partition];
    struct wf_ledger_part part;
    struct wf_batch batch = {0};
    weft_err err;

    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    part = place->part;
    if (err == WEFT_OK && part.state == WF_LEDGER_COMING) {
        part.state = WF_LEDGER_NONE;
        part.first = 1;
        part.last = 0;
        wf_ledger_cut_all(&batch, partition);
        wf_ledger_put_part(&batch, partition, &part);
        err = wf_ledger_write(ledger, &batch);
    }
    if (err == WEFT_OK && place->part.state == WF_LEDGER_COMING) {
        place->part = part;
        place->snapshots[0] = 0;
        place->snapshots[1] = 0;
    }
    pthread_mutex_unlock(&ledger->lock);
    wf_batch_fini(&batch);
    return err;
}
