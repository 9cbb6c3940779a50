// SPDX-License-Identifier: Apache-2.0
//
// retention.c - how long instances that have ended are kept, and their removal.
//
// Every partition looks for those whose time is over, a page of rows at a time.
// One that is found so is loaded, if it is not in memory, and removed by a
// record like any other; what is in memory is looked at when all rows were.

#include "runtime/image.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"

#define ROWS_AT_ONCE 1000
#define SWEEP_EVERY_MS 60000
#define SWEPT_MAX 1000 // of those in memory, in one step

static uint64_t
retention_ms(const struct wf_kind *kind, weft_status status)
{
    switch (status) {
    case WEFT_STATUS_COMPLETED:
        return kind->retention_ms;
    case WEFT_STATUS_CANCELLED:
    case WEFT_STATUS_TERMINATED:
        return kind->retention_stopped_ms;
    default:
        return kind->retention_failed_ms;
    }
}

// One that came as a capsule may have finished later than now.
static bool
is_over(const struct wf_partition *partition, const struct wf_kind *kind,
        weft_status status, uint64_t finished_at_ms)
{
    return kind != NULL && status > WEFT_STATUS_RUNNING &&
           retention_ms(kind, status) != WEFT_FOREVER &&
           partition->now_ms > finished_at_ms &&
           partition->now_ms - finished_at_ms >= retention_ms(kind, status);
}

static bool
is_kept_long_enough(const struct wf_partition *partition,
                    const struct wf_actor *actor)
{
    return is_over(partition, actor->kind, actor->status,
                   actor->finished_at_ms) &&
           actor->waiting.count == 0 &&
           !wf_actor_has_work(actor, partition->now_ms);
}

static void
remove_instance(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_buf ops = {0};

    wf_note(partition, &actor->key, "remove", "its retention is over");
    wf_buf_put_u8(&ops, WF_OP_REMOVE);
    (void)wf_write_actor(partition, actor, &ops, true);
    wf_buf_fini(&ops);
}

bool
wf_retention_end(struct wf_partition *partition, struct wf_actor *actor)
{
    bool is_time = is_kept_long_enough(partition, actor);

    if (is_time) {
        remove_instance(partition, actor);
    }
    return is_time;
}

void
wf_retention_sweep(struct wf_partition *partition)
{
    struct wf_load *load = wf_load_begin(partition, WF_PURPOSE_SWEEP, NULL);

    wf_image_range(partition->options.index,
                   wf_buf_bytes(&partition->sweep_from), &load->from,
                   &load->to);
    load->limit = ROWS_AT_ONCE;
    wf_list_push_back(&partition->outputs.loads, &load->node);
}

static void
consider(struct wf_partition *partition, weft_bytes row, weft_bytes value)
{
    struct wf_image_head head;
    const struct wf_kind *kind;
    struct wf_key key;

    if (!wf_image_describe(value, &head) || !wf_key_decode(row, &key)) {
        return; // verify and every load report it; a sweep only passes by
    }
    kind =
        wf_definitions_find(partition->options.definitions, wf_key_kind(&key));
    if (is_over(partition, kind, head.shown.status,
                head.shown.finished_at_ms) ||
        (head.shown.status == WEFT_STATUS_NONE &&
         head.shown.journal_count == 0 &&
         head.position < partition->redo_record)) {
        wf_residents_sweep(partition, &key);
    }
    wf_key_fini(&key);
}

// Those in memory. False: there are more.
static bool
remove_all(struct wf_partition *partition)
{
    struct wf_actor *actor;
    size_t cursor = 0;
    int removed = 0;

    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        if (actor->residency == WF_RESIDENCY_LOADED &&
            is_kept_long_enough(partition, actor)) {
            if (removed++ == SWEPT_MAX) {
                return false;
            }
            remove_instance(partition, actor);
        }
    }
    return true;
}

void
wf_retention_swept(struct wf_partition *partition, struct wf_load *load)
{
    struct wf_reader rows = wf_reader_of(wf_buf_bytes(&load->rows));
    bool is_more;

    wf_buf_reset(&partition->sweep_from);
    if (load->err != WEFT_OK) {
        wf_warn(partition, NULL, "warning",
                "rows cannot be read, so nothing behind them is removed: %s",
                weft_err_text(load->err));
    }
    while (wf_reader_left(&rows) > 0) {
        weft_bytes key = wf_reader_bytes(&rows);
        weft_bytes value = wf_reader_bytes(&rows);
        weft_bytes row =
            weft_bytes_of((const uint8_t *)key.data + WF_IMAGE_KEY_PREFIX,
                          key.len - WF_IMAGE_KEY_PREFIX);

        consider(partition, row, value);
        if (load->is_more) {
            wf_buf_reset(&partition->sweep_from);
            wf_buf_put(&partition->sweep_from, row.data, row.len);
        }
    }
    is_more = load->is_more || !remove_all(partition);
    wf_alarm_set(partition, &partition->sweep,
                 partition->now_ms + (is_more ? 1000 : SWEEP_EVERY_MS));
}
