// SPDX-License-Identifier: Apache-2.0
//
// partition.c - events in, outputs out, and the seal between them. The parts
// are in the other files of the core; partition_impl.h lists them.

#include "runtime/partition.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/edge.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/route.h"
#include "runtime/task.h"
#include "runtime/workflow.h"
#include "storage/log.h"

static void
init_lists(struct wf_partition *partition)
{
    wf_list_init(&partition->letters);
    wf_list_init(&partition->dirty);
    wf_ready_init(&partition->ready, partition->options.share_bytes);
    wf_list_init(&partition->steps);
    wf_list_init(&partition->idle);
    wf_list_init(&partition->stacks);
    wf_list_init(&partition->loading);
    wf_list_init(&partition->overfull);
    wf_list_init(&partition->changed);
    wf_list_init(&partition->spilled);
    wf_list_init(&partition->lists);
    wf_list_init(&partition->lists_later);
    wf_list_init(&partition->held);
    wf_list_init(&partition->held_free);
    wf_list_init(&partition->flush);
    wf_list_init(&partition->outputs.replies);
    wf_list_init(&partition->outputs.frames);
    wf_list_init(&partition->outputs.tasks);
    wf_list_init(&partition->outputs.loads);
}

struct wf_partition *
wf_partition_create(const struct wf_partition_options *options)
{
    struct wf_partition *partition = wf_calloc(sizeof(*partition));

    partition->options = *options;
    partition->log_bytes = options->log_bytes;
    if (options->record_version == 0) {
        partition->options.record_version = WF_SEGMENT_VERSION_MAX;
    }
    (void)snprintf(partition->who, sizeof(partition->who), "p%u",
                   options->index);
    init_lists(partition);
    wf_table_init(&partition->actors);
    wf_table_init(&partition->windows);
    wf_heap_init(&partition->alarms);
    partition->routes = wf_calloc(options->count * sizeof(struct wf_route *));
    partition->letters_object.type = WF_OBJECT_LETTERS;
    partition->meta_object.type = WF_OBJECT_META;
    partition->ahead.type = WF_ALARM_AHEAD;
    partition->sweep.type = WF_ALARM_SWEEP;
    partition->silence.type = WF_ALARM_WINDOWS;
    return partition;
}

// Destruction: requests are given back, all else is dropped. ----------------

static void
take_requests(struct wf_list *from, struct wf_list *out_requests)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(from)) != NULL) {
        wf_list_push_back(out_requests, node);
    }
}

static void
take_windows(struct wf_partition *partition, struct wf_list *out_requests)
{
    struct wf_window *window;
    size_t cursor = 0;

    while ((window = wf_table_next(&partition->windows, &cursor)) != NULL) {
        for (size_t i = 0; i < window->count; i++) {
            struct wf_request *request = window->answers[i].request;

            if (request != NULL) {
                wf_list_push_back(out_requests, &request->wait);
            }
        }
        wf_window_destroy(window);
    }
    wf_table_fini(&partition->windows);
}

static void
take_actors(struct wf_partition *partition, struct wf_list *out_requests)
{
    struct wf_actor *actor;
    size_t cursor = 0;

    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        take_requests(&actor->waiting, out_requests);
        take_requests(&actor->results, out_requests);
        take_requests(&actor->queries, out_requests);
        take_requests(&actor->watches, out_requests);
        take_requests(&actor->joined, out_requests);
    }
    wf_residents_fini(partition);
    wf_alarm_fini(partition);
}

static int
compare_arrivals(const void *left, const void *right)
{
    uint64_t a = (*(struct wf_request *const *)left)->arrival;
    uint64_t b = (*(struct wf_request *const *)right)->arrival;

    return (a > b) - (a < b);
}

// Requests were kept in several places. They will be asked again, and what one
// client asked must not overtake itself by that: back they go as they came.
static void
give_back(struct wf_list *requests, struct wf_list *out_requests)
{
    size_t count = requests->count;
    struct wf_request **sorted =
        wf_calloc((count + 1) * sizeof(struct wf_request *));

    for (size_t i = 0; i < count; i++) {
        sorted[i] =
            WF_CONTAINER(wf_list_pop_front(requests), struct wf_request, wait);
    }
    qsort(sorted, count, sizeof(struct wf_request *), compare_arrivals);
    for (size_t i = 0; i < count; i++) {
        wf_list_push_back(out_requests, &sorted[i]->wait);
    }
    wf_free(sorted);
}

static void
drop_outputs(struct wf_partition *partition)
{
    struct wf_outputs *outputs = &partition->outputs;
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&outputs->frames)) != NULL) {
        wf_frame_destroy(WF_CONTAINER(node, struct wf_frame, node));
    }
    while ((node = wf_list_pop_front(&outputs->tasks)) != NULL) {
        wf_task_destroy(WF_CONTAINER(node, struct wf_task, node));
    }
    while ((node = wf_list_pop_front(&outputs->loads)) != NULL) {
        struct wf_load *load = WF_CONTAINER(node, struct wf_load, node);

        wf_listing_drop(load);
        wf_load_destroy(load);
    }
}

void
wf_partition_destroy(struct wf_partition *partition,
                     struct wf_list *out_requests)
{
    struct wf_list_node *node;
    struct wf_list requests;

    if (partition == NULL) {
        return;
    }
    wf_list_init(&requests);
    take_requests(&partition->outputs.replies, &requests);
    take_requests(&partition->lists, &requests);
    take_requests(&partition->lists_later, &requests);
    wf_gate_fini(partition, &requests);
    take_windows(partition, &requests);
    take_actors(partition, &requests);
    give_back(&requests, out_requests);
    drop_outputs(partition);
    for (uint32_t i = 0; i < partition->options.count; i++) {
        if (partition->routes[i] != NULL) {
            wf_route_destroy(partition->routes[i]);
        }
    }
    while ((node = wf_list_pop_front(&partition->letters)) != NULL) {
        wf_free(WF_CONTAINER(node, struct wf_dead_letter, node));
    }
    wf_free(partition->routes);
    wf_free(partition->marks);
    wf_buf_fini(&partition->records);
    wf_draft_fini(&partition->draft);
    wf_buf_fini(&partition->dead_rows);
    wf_buf_fini(&partition->blames);
    wf_buf_fini(&partition->ahead_from);
    wf_buf_fini(&partition->ready_from);
    wf_buf_fini(&partition->sweep_from);
    wf_free(partition);
}

// Events. -------------------------------------------------------------------

static void
set_now(struct wf_partition *partition, uint64_t now_ms)
{
    if (now_ms > partition->now_ms) {
        partition->now_ms = now_ms;
    }
}

void
wf_partition_tick(struct wf_partition *partition, uint64_t now_ms)
{
    set_now(partition, now_ms);
    wf_alarm_tick(partition);
}

void
wf_partition_request(struct wf_partition *partition, uint64_t now_ms,
                     struct wf_request *request)
{
    set_now(partition, now_ms);
    request->arrival = ++partition->arrivals;
    partition->is_patient = request->is_patient;
    wf_edge_request(partition, request);
    partition->is_patient = false;
}

void
wf_partition_withdraw(struct wf_partition *partition, uint64_t now_ms,
                      const struct wf_key *key, const uint8_t client[16],
                      uint64_t number)
{
    set_now(partition, now_ms);
    wf_edge_withdraw(partition, key, client, number);
}

void
wf_partition_frame(struct wf_partition *partition, uint64_t now_ms,
                   weft_bytes frame)
{
    set_now(partition, now_ms);
    wf_route_receive(partition, frame);
    wf_gate_release(partition);
}

void
wf_partition_meet(struct wf_partition *partition, uint64_t now_ms,
                  uint32_t other)
{
    struct wf_route *route = partition->routes[other];

    set_now(partition, now_ms);
    if (route != NULL) {
        wf_route_meet(partition, route);
    }
}

void
wf_partition_task(struct wf_partition *partition, uint64_t now_ms,
                  struct wf_task *task)
{
    set_now(partition, now_ms);
    wf_results_task(partition, task);
}

void
wf_partition_beat(struct wf_partition *partition, uint64_t now_ms,
                  struct wf_beat *beat)
{
    set_now(partition, now_ms);
    wf_results_beat(partition, beat);
}

void
wf_partition_load(struct wf_partition *partition, uint64_t now_ms,
                  struct wf_load *load)
{
    set_now(partition, now_ms);
    if (load->incarnation != partition->options.incarnation) {
        wf_listing_drop(load);
        wf_load_destroy(load);
        return;
    }
    wf_residents_loaded(partition, load);
}

// A step, or else a turn. False: there is none.
static bool
run_one(struct wf_partition *partition)
{
    const struct wf_partition_options *options = &partition->options;
    struct wf_list_node *node = wf_list_pop_front(&partition->steps);
    const struct wf_kind *kind = NULL;

    if (node != NULL) {
        wf_results_step(partition, WF_CONTAINER(node, struct wf_actor, steps));
    } else {
        struct wf_actor *actor = wf_ready_take(&partition->ready);

        if (actor == NULL) {
            return false;
        }
        kind = actor->kind;
        partition->is_patient = wf_ready_is_patient(&partition->ready);
        wf_turn_run(partition, actor);
        partition->is_patient = false;
        wf_tally_kind(options->tally, kind, WF_KIND_TURNS);
    }
    if (options->turned != NULL) {
        options->turned(options->watch_ctx, kind);
    }
    return true;
}

uint32_t
wf_partition_run(struct wf_partition *partition, uint64_t now_ms)
{
    uint32_t count = 0;

    set_now(partition, now_ms);
    while (count < WF_TURNS_PER_STEP && run_one(partition)) {
        count++;
    }
    wf_workflow_trim(partition);
    wf_residents_evict(partition);
    return count;
}

bool
wf_partition_is_ready(const struct wf_partition *partition)
{
    return wf_partition_is_fresh(partition) || partition->ready.again.count > 0;
}

bool
wf_partition_is_fresh(const struct wf_partition *partition)
{
    return partition->ready.fresh.count > 0 || partition->steps.count > 0;
}

bool
wf_partition_is_spent(const struct wf_partition *partition)
{
    return partition->ready.spent.count > 0;
}

// Commit. -------------------------------------------------------------------

bool
wf_partition_wants_commit(const struct wf_partition *partition, uint64_t now_ms)
{
    return !partition->is_sealed &&
           (partition->has_urgent || wf_saver_is_behind(partition) ||
            partition->overfull.count > 0 ||
            (partition->lazy_since_ms != 0 &&
             partition->lazy_since_ms + WF_LAZY_MS <= now_ms));
}

bool
wf_partition_is_awaited(const struct wf_partition *partition)
{
    return partition->is_awaited || wf_saver_is_behind(partition);
}

void
wf_partition_allow(struct wf_partition *partition, uint32_t record_version)
{
    if (record_version > partition->options.record_version) {
        partition->options.record_version = record_version;
    }
}

bool
wf_partition_seal(struct wf_partition *partition, uint64_t now_ms,
                  bool save_all, struct wf_buf *frames, struct wf_batch *rows)
{
    size_t rows_before = rows->count;
    bool has_records = partition->records_count > 0;

    WF_ASSERT(!partition->is_sealed);
    set_now(partition, now_ms);
    if (has_records) {
        struct wf_segment segment = {
            .version = partition->options.record_version,
            .partition = partition->options.index,
            .epoch = partition->epoch,
            .first_record = partition->sealed_record + 1,
            .record_count = partition->records_count,
            .chain = partition->chain,
            .records = wf_buf_bytes(&partition->records),
        };

        wf_segment_encode(&segment, frames);
        partition->chain = segment.crc;
    }
    partition->sealed_first = partition->sealed_record + 1;
    partition->sealed_record = partition->last_record;
    partition->records_count = 0;
    partition->record_ms = 0;
    partition->has_urgent = false;
    partition->is_awaited = false;
    partition->lazy_since_ms = 0;
    wf_ready_renew(&partition->ready);
    wf_buf_recycle(&partition->records, WF_PARTITION_BUFFER_BYTES);
    wf_buf_recycle(&partition->draft.sections, WF_PARTITION_BUFFER_BYTES);
    partition->seals++;
    wf_saver_rows(partition, save_all, rows);
    partition->is_sealed = has_records || rows->count > rows_before;
    return partition->is_sealed;
}

// Marks are sorted, and there may be one for each commit of a whole window.
static uint64_t
commit_of(const struct wf_partition *partition, uint64_t record)
{
    size_t low = 0;
    size_t high = partition->marks_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (partition->marks[middle].first_record <= record) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return 0; // older than anything known: keep everything
    }
    return record > partition->durable_record
               ? partition->last_commit + 1
               : partition->marks[low - 1].commit;
}

static void
forget_marks(struct wf_partition *partition)
{
    size_t gone = 0;

    while (gone + 1 < partition->marks_count &&
           partition->marks[gone + 1].commit <= partition->redo_commit) {
        gone++;
    }
    if (gone > partition->marks_count / 2) {
        partition->marks_count -= gone;
        memmove(partition->marks, partition->marks + gone,
                partition->marks_count * sizeof(*partition->marks));
    }
}

static void
find_redo(struct wf_partition *partition)
{
    struct wf_list_node *node = wf_list_first(&partition->dirty);

    partition->redo_commit =
        node == NULL
            ? UINT64_MAX
            : commit_of(
                  partition,
                  WF_CONTAINER(node, struct wf_object, dirty)->dirty_record);
    forget_marks(partition);
}

// Letters whose rows are durable now need no memory. What came meanwhile may be
// too much again.
static void
free_spilled(struct wf_partition *partition)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&partition->spilled)) != NULL) {
        struct wf_actor *actor = WF_CONTAINER(node, struct wf_actor, spill);

        wf_mailbox_let_go(&actor->mailbox);
        if (wf_mailbox_is_overfull(&actor->mailbox) &&
            wf_list_has(&actor->object.dirty)) {
            wf_list_push_back(&partition->overfull, node);
        }
    }
}

void
wf_partition_committed(struct wf_partition *partition, uint64_t now_ms,
                       uint64_t commit, uint64_t log_bytes)
{
    WF_ASSERT(partition->is_sealed);
    set_now(partition, now_ms);
    partition->is_sealed = false;
    if (partition->sealed_first <= partition->sealed_record) {
        wf_partition_mark_commit(partition, commit, partition->sealed_first);
    }
    partition->last_commit = commit;
    partition->durable_record = partition->sealed_record;
    partition->redo_record = partition->sealed_redo;
    free_spilled(partition);
    if (log_bytes + partition->records.len > partition->log_bytes) {
        partition->log_bytes = log_bytes + partition->records.len;
    }
    find_redo(partition);
    wf_gate_release(partition);
    wf_residents_evict(partition);
}

uint64_t
wf_partition_redo_commit(const struct wf_partition *partition)
{
    return partition->redo_commit;
}

void
wf_partition_refuse(struct wf_partition *partition, weft_err err)
{
    partition->refusal = err;
}

bool
wf_partition_press(struct wf_partition *partition, bool is_pressed)
{
    uint64_t before = partition->stats.evictions;

    partition->is_pressed = is_pressed;
    wf_residents_evict(partition);
    return partition->stats.evictions > before;
}

struct wf_outputs *
wf_partition_outputs(struct wf_partition *partition)
{
    return &partition->outputs;
}

uint64_t
wf_partition_next_due(const struct wf_partition *partition)
{
    const struct wf_heap_node *first = wf_heap_first(&partition->alarms);
    uint64_t due = first == NULL ? UINT64_MAX : first->due;

    if (partition->lazy_since_ms != 0 &&
        partition->lazy_since_ms + WF_LAZY_MS < due) {
        due = partition->lazy_since_ms + WF_LAZY_MS;
    }
    return due;
}

// Watching. -----------------------------------------------------------------

void
wf_partition_add_stats(const struct wf_partition *partition,
                       struct wf_partition_stats *stats)
{
    const struct wf_partition_stats *own = &partition->stats;

    stats->turns += own->turns;
    stats->records += own->records;
    stats->rows_saved += own->rows_saved;
    stats->log_bytes += partition->log_bytes;
    stats->actors_resident += partition->actors.count;
    stats->stacks_resident += partition->stacks.count;
    stats->actors_parked += own->actors_parked;
    stats->activities_started += own->activities_started;
    stats->activities_running += own->activities_running;
    stats->dead_letters += own->dead_letters;
    stats->loads += own->loads;
    stats->evictions += own->evictions;
    stats->replays += own->replays;
    stats->audit_failures += own->audit_failures;
}
