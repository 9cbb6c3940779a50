// SPDX-License-Identifier: Apache-2.0
//
// recover.c - make a partition from what its store and its log hold.
//
// The meta row says from which record on the rows may be behind. Routes and
// windows are read whole, they are few; actors become stubs that hold the
// records of the window, and get their images at first touch or in the
// background. Then a new epoch begins with a record of its own.

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/partition_impl.h"
#include "runtime/route.h"
#include "storage/keys.h"
#include "storage/log.h"

#define META_FORMAT 1

// What a meta row begins with.
static weft_err
read_meta_head(struct wf_reader *reader, const char *who, uint64_t *out_epoch)
{
    uint8_t format = wf_reader_u8(reader);

    if (format != META_FORMAT) {
        return wf_error(WEFT_EFORMAT,
                        "%s: meta row of format %u, this build reads %u", who,
                        format, META_FORMAT);
    }
    *out_epoch = wf_reader_varint(reader);
    return WEFT_OK;
}

weft_err
wf_partition_meta_epoch(weft_bytes value, uint64_t *out_epoch)
{
    struct wf_reader reader = wf_reader_of(value);
    weft_err err = read_meta_head(&reader, "a partition", out_epoch);

    return err == WEFT_OK && reader.failed
               ? wf_error(WEFT_ECORRUPT, "meta row of %zu bytes", value.len)
               : err;
}

weft_err
wf_partition_recover_meta(struct wf_partition *partition, weft_bytes value)
{
    struct wf_reader reader = wf_reader_of(value);
    weft_err err = read_meta_head(&reader, partition->who, &partition->epoch);

    if (err != WEFT_OK) {
        return err;
    }
    partition->generation = wf_reader_varint(&reader);
    partition->last_record = wf_reader_varint(&reader);
    partition->meta_record = partition->last_record;
    partition->redo_record = wf_reader_varint(&reader);
    partition->chain = wf_reader_u32(&reader);
    partition->now_ms = wf_reader_varint(&reader);
    partition->next_letter = wf_reader_varint(&reader);
    partition->wake_cursor = wf_reader_varint(&reader);
    if (reader.failed) {
        return wf_error(WEFT_ECORRUPT, "%s: meta row of %zu bytes",
                        partition->who, value.len);
    }
    // The meta row, like all rows, reflects what came before it.
    partition->letters_object.position = partition->last_record;
    partition->meta_object.position = partition->last_record;
    return WEFT_OK;
}

static bool
recover_route(struct wf_partition *partition, struct wf_reader *key,
              weft_bytes value)
{
    struct wf_reader reader = wf_reader_of(value);
    uint32_t other = wf_reader_u16(key);
    struct wf_route *route;

    if (key->failed || other >= partition->options.count) {
        return false;
    }
    route = wf_route_get(partition, other);
    route->object.position = wf_reader_varint(&reader);
    route->next_seq = wf_reader_varint(&reader);
    route->acked = wf_reader_varint(&reader);
    route->in_generation = wf_reader_varint(&reader);
    route->seen = wf_reader_varint(&reader);
    route->sent = route->acked;
    for (uint64_t left = wf_reader_varint(&reader); left > 0 && !reader.failed;
         left--) {
        uint64_t generation = wf_reader_varint(&reader);
        uint64_t seq = wf_reader_varint(&reader);

        wf_route_add_base(route, generation, seq);
    }
    return !reader.failed;
}

static bool
recover_outgoing(struct wf_partition *partition, struct wf_reader *key,
                 weft_bytes value)
{
    uint32_t other = wf_reader_u16(key);
    uint64_t seq = wf_reader_u64(key);

    if (key->failed || other >= partition->options.count) {
        return false;
    }
    wf_route_add_outgoing(wf_route_get(partition, other), seq, 0, value, true);
    return true;
}

static bool
recover_window(struct wf_partition *partition, struct wf_reader *key,
               weft_bytes value)
{
    struct wf_reader reader = wf_reader_of(value);
    weft_bytes client = wf_reader_take(key, 16);
    struct wf_window *window;

    if (key->failed) {
        return false;
    }
    window = wf_window_get(partition, client.data);
    window->object.position = wf_reader_varint(&reader);
    window->confirmed = wf_reader_varint(&reader);
    window->heard_ms = wf_reader_varint(&reader);
    while (wf_reader_left(&reader) > 0 && !reader.failed) {
        struct wf_answer *answer =
            wf_window_put(window, wf_reader_varint(&reader));

        answer->is_answered = wf_reader_u8(&reader) != 0;
        answer->err = (weft_err)wf_reader_varint(&reader);
        wf_own_bytes(&answer->data, wf_reader_bytes(&reader));
    }
    return !reader.failed;
}

weft_err
wf_partition_recover_row(struct wf_partition *partition, weft_bytes key,
                         weft_bytes value)
{
    struct wf_reader reader = wf_reader_of(key);
    char kind = (char)wf_reader_u8(&reader);
    bool is_whole = wf_reader_u16(&reader) == partition->options.index;

    switch (kind) {
    case WF_KEY_LINK:
        is_whole = is_whole && recover_route(partition, &reader, value);
        break;
    case WF_KEY_OUTBOX:
        is_whole = is_whole && recover_outgoing(partition, &reader, value);
        break;
    case WF_KEY_WINDOW:
        is_whole = is_whole && recover_window(partition, &reader, value);
        break;
    default:
        is_whole = false;
        break;
    }
    return is_whole ? WEFT_OK
                    : wf_error(WEFT_ECORRUPT, "%s: a row of kind '%c'",
                               partition->who, kind);
}

// The segment must go on where the one before ended.
static weft_err
check_order(const struct wf_partition *partition,
            const struct wf_segment *segment)
{
    uint64_t expected = partition->recovered_to + 1;

    if (partition->recovered_to == 0) {
        // The first one in the log: nothing before it may be needed.
        expected = partition->redo_record > 0 ? partition->redo_record : 1;
        if (segment->first_record <= expected) {
            return WEFT_OK;
        }
    } else if (segment->first_record == expected &&
               segment->chain == partition->recovered_chain) {
        return WEFT_OK;
    }
    return wf_error(WEFT_ECORRUPT,
                    "%s: the log goes on with record %llu, record %llu was to "
                    "be next%s",
                    partition->who, (unsigned long long)segment->first_record,
                    (unsigned long long)expected,
                    segment->first_record == expected ? "; the chain is broken"
                                                      : "");
}

void
wf_partition_mark_commit(struct wf_partition *partition, uint64_t commit,
                         uint64_t first_record)
{
    if (partition->marks_count == partition->marks_cap) {
        partition->marks_cap =
            partition->marks_cap == 0 ? 64 : partition->marks_cap * 2;
        partition->marks = wf_realloc(
            partition->marks, partition->marks_cap * sizeof(*partition->marks));
    }
    partition->marks[partition->marks_count++] = (struct wf_commit_mark){
        .commit = commit,
        .first_record = first_record,
    };
    partition->last_commit = commit;
}

weft_err
wf_partition_recover_segment(struct wf_partition *partition, uint64_t commit,
                             const struct wf_segment *segment)
{
    struct wf_records records = wf_records_of(segment->records);
    uint64_t record = segment->first_record;
    weft_err err = check_order(partition, segment);

    if (err != WEFT_OK) {
        return err;
    }
    wf_partition_mark_commit(partition, commit, segment->first_record);
    for (uint32_t i = 0; i < segment->record_count; i++, record++) {
        struct wf_sections sections;
        uint64_t now_ms;

        if (!wf_record_next(&records, &now_ms, &sections)) {
            return wf_error(WEFT_ECORRUPT, "%s: record %llu does not decode",
                            partition->who, (unsigned long long)record);
        }
        if (now_ms > partition->now_ms) {
            partition->now_ms = now_ms;
        }
        if (record >= partition->redo_record &&
            !wf_apply_record(partition, record, now_ms, sections)) {
            return wf_error(WEFT_ECORRUPT, "%s: record %llu does not apply",
                            partition->who, (unsigned long long)record);
        }
    }
    partition->log_bytes += segment->records.len;
    partition->recovered_to = record - 1;
    partition->recovered_chain = segment->crc;
    if (record > partition->last_record) {
        partition->last_record = record - 1;
        partition->chain = segment->crc;
        if (segment->epoch > partition->epoch) {
            partition->epoch = segment->epoch;
        }
    }
    return WEFT_OK;
}

uint64_t
wf_partition_recovered_epoch(const struct wf_partition *partition)
{
    return partition->epoch;
}

uint64_t
wf_partition_recovered_ms(const struct wf_partition *partition)
{
    return partition->now_ms;
}

void
wf_partition_recover_as(struct wf_partition *partition, uint64_t epoch)
{
    partition->given_epoch = epoch;
}

weft_err
wf_partition_recover_check(const struct wf_partition *partition)
{
    // The meta row was written with its commit's segment, so the log reaches at
    // least as far, unless nothing of it is needed.
    if (partition->redo_record <= partition->meta_record &&
        partition->recovered_to < partition->meta_record) {
        return wf_error(WEFT_ECORRUPT,
                        "%s: the log ends with record %llu, the rows with %llu",
                        partition->who,
                        (unsigned long long)partition->recovered_to,
                        (unsigned long long)partition->meta_record);
    }
    if (partition->given_epoch != 0 &&
        partition->given_epoch <= partition->epoch) {
        return wf_error(WEFT_EBUSY,
                        "%s: it was acquired in epoch %llu, and its log is in "
                        "epoch %llu by now",
                        partition->who,
                        (unsigned long long)partition->given_epoch,
                        (unsigned long long)partition->epoch);
    }
    return WEFT_OK;
}

static void
open_routes(struct wf_partition *partition)
{
    for (uint32_t i = 0; i < partition->options.count; i++) {
        struct wf_route *route = partition->routes[i];

        if (route != NULL) {
            wf_route_open(partition, route);
        }
    }
}

// One that none of the others has seen: a log may lose its end twice, and be
// the same after both.
static uint64_t
next_generation(const struct wf_partition *partition)
{
    uint64_t next = partition->generation + 1;

    return partition->options.is_restored && partition->now_ms > next
               ? partition->now_ms
               : next;
}

// A shared log gives epochs out, and each is later than all before it.
static uint64_t
next_epoch(const struct wf_partition *partition)
{
    uint64_t given = partition->given_epoch;

    return given == 0 ? partition->epoch + 1 : given;
}

static void
write_blame(struct wf_partition *partition, const struct wf_key *key,
            weft_bytes how)
{
    struct wf_actor *actor = wf_residents_get(partition, key);
    struct wf_buf ops = {0};

    wf_buf_put_u8(&ops, WF_OP_CRASHED);
    wf_buf_put_bytes(&ops, how);
    (void)wf_write_actor(partition, actor, &ops, false);
    wf_buf_fini(&ops);
    wf_warn(partition, key, "crash", "the process died with %.*s", (int)how.len,
            (const char *)how.data);
}

void
wf_partition_blame(struct wf_partition *partition, const struct wf_key *key,
                   const char *how)
{
    if (partition->is_open) {
        write_blame(partition, key, weft_text(how));
    } else {
        wf_buf_put_bytes(&partition->blames, wf_key_bytes(key));
        wf_buf_put_bytes(&partition->blames, weft_text(how));
    }
}

static void
write_blames(struct wf_partition *partition)
{
    struct wf_reader reader = wf_reader_of(wf_buf_bytes(&partition->blames));

    while (wf_reader_left(&reader) > 0) {
        weft_bytes bytes = wf_reader_bytes(&reader);
        weft_bytes how = wf_reader_bytes(&reader);
        struct wf_key key;

        if (wf_key_decode(bytes, &key)) {
            write_blame(partition, &key, how);
            wf_key_fini(&key);
        }
    }
    wf_buf_fini(&partition->blames);
    partition->blames = (struct wf_buf){0};
}

void
wf_partition_open(struct wf_partition *partition, uint64_t now_ms)
{
    struct wf_draft *draft = &partition->draft;

    if (now_ms > partition->now_ms) {
        partition->now_ms = now_ms;
    }
    partition->sealed_record = partition->last_record;
    partition->durable_record = partition->last_record;
    partition->is_open = true;
    wf_buf_put_u8(&draft->ops, WF_OP_EPOCH);
    wf_buf_put_varint(&draft->ops, next_epoch(partition));
    if (partition->generation == 0 || partition->options.is_restored) {
        wf_buf_put_u8(&draft->ops, WF_OP_GENERATION);
        wf_buf_put_varint(&draft->ops, next_generation(partition));
    }
#ifdef WF_NEXT
    if (partition->options.record_version == WF_SEGMENT_VERSION_MAX) {
        wf_buf_put_u8(&draft->ops, WF_OP_NEXT);
        wf_buf_put_varint(&draft->ops, partition->options.record_version);
    }
#endif
    wf_draft_partition(draft);
    (void)wf_draft_write(draft, partition, false);
    open_routes(partition);
    wf_wake_open(partition);
    wf_alarm_set(partition, &partition->sweep, partition->now_ms + 10000);
    wf_alarm_set(partition, &partition->silence,
                 partition->now_ms + WF_CLIENT_SILENCE_MS / 24);
    write_blames(partition);
    wf_note(partition, NULL, "open", "epoch %llu",
            (unsigned long long)partition->epoch);
}
