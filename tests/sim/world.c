// SPDX-License-Identifier: Apache-2.0
//
// world.c - the simulator: sites, a network and a clock that only moves when
// nothing else is to do. See world.h.

#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/limits.h"
#include "runtime/load.h"
#include "runtime/recovery.h"
#include "runtime/stack.h"
#include "runtime/start.h"
#include "runtime/task.h"
#include "runtime/workers.h"
#include "storage/log.h"
#include "storage/store.h"

// Something that happens later.
enum coming_type {
    COMING_FRAME,
    COMING_COMMIT,
    COMING_LOAD,
    COMING_RETRY, // a request that was refused for now
};

struct coming {
    struct wf_heap_node heap;
    enum coming_type type;
    uint32_t site;
    uint64_t incarnation;
    struct wf_buf bytes;  // frame; or the commit's segment
    struct wf_batch rows; // of a commit
    struct wf_load *load;
    struct wf_request *request;
};

struct site {
    struct world *world;
    uint32_t index;
    struct wf_memory_disk *disk;
    struct wf_store store;
    struct wf_log log;
    struct wf_partition *partition;
    uint64_t log_bytes;
    bool is_committing;
};

struct world {
    struct world_options options;
    struct wf_random random;
    uint64_t now_ms;
    uint64_t hash;
    uint64_t incarnations;
    uint64_t commits;
    uint64_t crash_commit;
    bool is_crash_after;
    struct site *sites;
    struct wf_stack_pool *stacks;
    struct wf_workers *workers;
    struct wf_list tasks; // finished, on their way back
    struct wf_heap coming;
    struct wf_trace trace;
    struct wf_buf text;
    uint8_t client[16];
    uint64_t next_number;
    struct wf_list calls;
};

// One call of the simulated client.
struct call {
    struct world_call shown; // first
    struct wf_list_node node;
    struct world *world;
    struct wf_request *request; // NULL once answered
};

static bool
chance(struct world *world, uint32_t in_thousand)
{
    return in_thousand > 0 &&
           wf_random_below(&world->random, 1000) < in_thousand;
}

static void
note_hash(struct world *world, uint64_t value)
{
    world->hash = wf_hash64(&value, sizeof(value), world->hash);
}

// Trace. --------------------------------------------------------------------

static void
emit(void *ctx, enum wf_trace_level level, uint64_t now_ms, const char *who,
     const char *verb, const char *text)
{
    struct world *world = ctx;
    char line[1200];
    int len;

    (void)level;
    len = snprintf(line, sizeof(line), "[%llu] %-10s %-9s %s\n",
                   (unsigned long long)(now_ms - 1000000), who, verb, text);
    world->hash = wf_hash64(line, (size_t)len, world->hash);
    if (world->options.is_traced) {
        wf_buf_put(&world->text, line, (size_t)len);
    }
}

const char *
world_trace(const struct world *world)
{
    struct world *self = (struct world *)(uintptr_t)world;

    wf_buf_put_u8(&self->text, 0);
    self->text.len--;
    return (const char *)self->text.data;
}

void
world_trace_clear(struct world *world)
{
    wf_buf_reset(&world->text);
}

// Sites. --------------------------------------------------------------------

struct recovery {
    struct site *site;
};

static weft_err
recover_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
               uint32_t count)
{
    struct recovery *recovery = ctx;

    for (uint32_t i = 0; i < count; i++) {
        weft_err err = wf_partition_recover_segment(recovery->site->partition,
                                                    number, &segments[i]);
        if (err != WEFT_OK) {
            return err;
        }
    }
    return WEFT_OK;
}

static void
must(weft_err err)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "sim: %s: %s\n", weft_err_name(err),
                      weft_err_detail());
        abort();
    }
}

static void
make_partition(struct site *site)
{
    struct world *world = site->world;

    site->partition = wf_partition_create(&(struct wf_partition_options){
        .index = site->index,
        .count = world->options.sites,
        .incarnation = ++world->incarnations,
        .definitions = world->options.definitions,
        .stacks = world->stacks,
        .trace = &world->trace,
        .window_bytes = world->options.window_bytes,
        .residents_max = world->options.residents_max,
        .stacks_max = world->options.stacks_max,
        .is_paranoid = world->options.is_paranoid,
    });
}

static void
open_site(struct site *site)
{
    struct recovery recovery = {.site = site};

    must(wf_store_memory_open(site->disk, &site->store));
    must(wf_log_local_open(site->store, true, &site->log));
    make_partition(site);
    must(wf_recovery_read(&site->store, site->index, site->partition));
    must(site->log.ops->read(site->log.self, 0, recover_commit, &recovery));
    must(wf_partition_recover_check(site->partition));
    wf_partition_open(site->partition, site->world->now_ms);
    site->is_committing = false;
}

static void
close_site(struct site *site, struct wf_list *requests)
{
    wf_partition_destroy(site->partition, requests);
    site->partition = NULL;
    site->log.ops->close(site->log.self);
    site->store.ops->close(site->store.self);
}

static struct coming *
send_later(struct world *world, enum coming_type type, uint32_t site,
           uint64_t delay_ms)
{
    struct coming *coming = wf_calloc(sizeof(*coming));

    coming->type = type;
    coming->site = site;
    wf_heap_add(&world->coming, &coming->heap, world->now_ms + delay_ms);
    return coming;
}

static void
coming_destroy(struct coming *coming)
{
    wf_buf_fini(&coming->bytes);
    wf_batch_fini(&coming->rows);
    if (coming->load != NULL) {
        wf_load_destroy(coming->load);
    }
    wf_free(coming);
}

// What was under way inside the dead process is gone with it.
static void
drop_coming(struct world *world, uint32_t site)
{
    struct wf_list kept;
    struct wf_heap_node *node;
    struct wf_heap rest;

    wf_list_init(&kept);
    wf_heap_init(&rest);
    while ((node = wf_heap_first(&world->coming)) != NULL) {
        struct coming *coming = WF_CONTAINER(node, struct coming, heap);
        uint64_t due = node->due;

        wf_heap_remove(&world->coming, node);
        if (coming->site == site &&
            (coming->type == COMING_COMMIT || coming->type == COMING_LOAD)) {
            if (coming->load != NULL) {
                // What a list captured is freed by a partition.
                wf_partition_load(world->sites[site].partition, world->now_ms,
                                  coming->load);
                coming->load = NULL;
            }
            coming_destroy(coming);
        } else {
            wf_heap_add(&rest, &coming->heap, due);
        }
    }
    wf_heap_fini(&world->coming);
    world->coming = rest;
}

static void
ask_again(struct world *world, struct wf_list *requests)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        wf_request_reset(request);
        wf_partition_request(world->sites[request->partition].partition,
                             world->now_ms, request);
    }
}

void
world_crash(struct world *world, uint32_t index)
{
    struct site *site = &world->sites[index];
    struct wf_list requests;

    emit(world, WF_TRACE_NOTE, world->now_ms, "sim", "crash", "");
    note_hash(world, index);
    wf_list_init(&requests);
    wf_memory_disk_crash(site->disk);
    close_site(site, &requests);
    open_site(site);
    drop_coming(world, index);
    ask_again(world, &requests);
}

// Commits. ------------------------------------------------------------------

static void
begin_commit(struct site *site)
{
    struct world *world = site->world;
    struct coming *coming = send_later(world, COMING_COMMIT, site->index,
                                       wf_random_below(&world->random, 3));

    if (!wf_partition_seal(site->partition, world->now_ms, false,
                           &coming->bytes, &coming->rows)) {
        wf_heap_remove(&world->coming, &coming->heap);
        coming_destroy(coming);
        return;
    }
    site->is_committing = true;
}

static void
trim_log(struct site *site)
{
    uint64_t redo = wf_partition_redo_commit(site->partition);
    uint64_t last = site->log.ops->last(site->log.self);

    must(site->store.ops->flush(site->store.self));
    must(site->log.ops->truncate(site->log.self, redo < last ? redo : last));
}

// True if the site crashed instead.
static bool
crashes_here(struct world *world, uint32_t site, bool is_after)
{
    bool is_asked = world->crash_commit == world->commits &&
                    world->is_crash_after == is_after &&
                    world->crash_commit > 0;

    if (!is_asked && !chance(world, world->options.crash_at_commit)) {
        return false;
    }
    if (is_asked) {
        world->crash_commit = 0;
    }
    world_crash(world, site);
    return true;
}

static void
end_commit(struct world *world, struct coming *coming)
{
    struct site *site = &world->sites[coming->site];
    struct wf_commit commit = {
        .frames = wf_buf_bytes(&coming->bytes),
        .segments_count = coming->bytes.len > 0 ? 1 : 0,
        .rows = &coming->rows,
    };
    enum wf_append_result result;

    world->commits++;
    if (crashes_here(world, coming->site, false)) {
        return;
    }
    if (chance(world, world->options.commit_in_doubt)) {
        wf_memory_disk_fail_write(site->disk, 0, WEFT_EIO,
                                  wf_random_below(&world->random, 2) == 0);
    } else if (chance(world, world->options.commit_stall)) {
        wf_memory_disk_fail_write(site->disk, 0, WEFT_EBUSY, false);
    }
    result = site->log.ops->append(site->log.self, &commit);
    while (result == WF_APPEND_REFUSED) {
        result = site->log.ops->append(site->log.self, &commit);
    }
    if (result == WF_APPEND_IN_DOUBT) {
        world_crash(world, coming->site); // close, open, look
        return;
    }
    WF_ASSERT(result == WF_APPEND_DURABLE);
    if (crashes_here(world, coming->site, true)) {
        return;
    }
    site->log_bytes += coming->bytes.len;
    site->is_committing = false;
    note_hash(world, commit.number);
    wf_partition_committed(site->partition, world->now_ms, commit.number,
                           site->log_bytes);
    if (wf_random_below(&world->random, 16) == 0) {
        trim_log(site);
    }
}

// Outputs. ------------------------------------------------------------------

static void
carry_frames(struct world *world, struct wf_outputs *outputs)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&outputs->frames)) != NULL) {
        struct wf_frame *frame = WF_CONTAINER(node, struct wf_frame, node);
        int copies = 1;

        if (chance(world, world->options.frame_loss)) {
            copies = 0;
        } else if (chance(world, world->options.frame_double)) {
            copies = 2;
        }
        for (int i = 0; i < copies; i++) {
            struct coming *coming =
                send_later(world, COMING_FRAME, frame->destination,
                           wf_random_below(&world->random, 4));
            wf_buf_put(&coming->bytes, frame->bytes.data, frame->bytes.len);
        }
        wf_frame_destroy(frame);
    }
}

// True if there was something to carry.
static bool
carry_outputs(struct site *site)
{
    struct world *world = site->world;
    struct wf_outputs *outputs = wf_partition_outputs(site->partition);
    bool has_any = outputs->frames.count + outputs->loads.count +
                       outputs->tasks.count + outputs->replies.count >
                   0;
    struct wf_list_node *node;

    carry_frames(world, outputs);
    while ((node = wf_list_pop_front(&outputs->loads)) != NULL) {
        struct coming *coming = send_later(world, COMING_LOAD, site->index,
                                           wf_random_below(&world->random, 2));
        coming->load = WF_CONTAINER(node, struct wf_load, node);
        wf_load_answer(coming->load, &site->store);
    }
    while ((node = wf_list_pop_front(&outputs->tasks)) != NULL) {
        wf_workers_give(world->workers,
                        WF_CONTAINER(node, struct wf_task, node));
    }
    while ((node = wf_list_pop_front(&outputs->replies)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);
        request->done(request);
    }
    return has_any;
}

static void
task_done(void *ctx, struct wf_task *task)
{
    struct world *world = ctx;

    wf_list_push_back(&world->tasks, &task->node);
}

static void
task_beat(void *ctx, struct wf_beat *beat)
{
    struct world *world = ctx;

    wf_partition_beat(world->sites[beat->partition].partition, world->now_ms,
                      beat);
}

// Steps. --------------------------------------------------------------------

// Let a site do all it can now. True if it did something.
static bool
run_site(struct site *site)
{
    struct world *world = site->world;
    bool has_run = false;

    while (
        wf_partition_next_due(site->partition) <= world->now_ms &&
        (wf_partition_wants_commit(site->partition, world->now_ms) == false ||
         !site->is_committing)) {
        uint64_t before = wf_partition_next_due(site->partition);

        wf_partition_tick(site->partition, world->now_ms);
        has_run = true;
        if (wf_partition_next_due(site->partition) == before) {
            break; // a lazy commit is due, not an alarm
        }
    }
    while (wf_partition_is_ready(site->partition)) {
        (void)wf_partition_run(site->partition, world->now_ms);
        has_run = true;
    }
    has_run = carry_outputs(site) || has_run;
    if (!site->is_committing &&
        wf_partition_wants_commit(site->partition, world->now_ms)) {
        begin_commit(site);
        has_run = true;
    }
    return has_run;
}

static bool
run_tasks(struct world *world)
{
    bool has_run = wf_workers_step(world->workers);
    struct wf_list_node *node = wf_list_pop_front(&world->tasks);

    if (node != NULL) {
        struct wf_task *task = WF_CONTAINER(node, struct wf_task, node);

        wf_partition_task(world->sites[task->partition].partition,
                          world->now_ms, task);
        has_run = true;
    }
    return has_run;
}

static void
arrive(struct world *world, struct coming *coming)
{
    struct site *site = &world->sites[coming->site];

    switch (coming->type) {
    case COMING_FRAME:
        wf_partition_frame(site->partition, world->now_ms,
                           wf_buf_bytes(&coming->bytes));
        break;
    case COMING_LOAD: {
        struct wf_load *load = coming->load;
        coming->load = NULL;
        wf_partition_load(site->partition, world->now_ms, load);
        break;
    }
    case COMING_COMMIT:
        end_commit(world, coming);
        break;
    case COMING_RETRY:
        wf_partition_request(site->partition, world->now_ms, coming->request);
        break;
    }
    coming_destroy(coming);
}

static uint64_t
next_event_ms(const struct world *world)
{
    const struct wf_heap_node *first = wf_heap_first(&world->coming);
    uint64_t due = first == NULL ? UINT64_MAX : first->due;

    for (uint32_t i = 0; i < world->options.sites; i++) {
        uint64_t own = wf_partition_next_due(world->sites[i].partition);

        due = own < due ? own : due;
    }
    return due;
}

static bool
step_until(struct world *world, uint64_t limit_ms)
{
    struct wf_heap_node *first;
    bool has_run = false;
    uint64_t next;

    for (uint32_t i = 0; i < world->options.sites; i++) {
        has_run = run_site(&world->sites[i]) || has_run;
    }
    has_run = run_tasks(world) || has_run;
    first = wf_heap_first(&world->coming);
    if (first != NULL && first->due <= world->now_ms) {
        wf_heap_remove(&world->coming, first);
        arrive(world, WF_CONTAINER(first, struct coming, heap));
        return true;
    }
    if (has_run) {
        return true;
    }
    next = next_event_ms(world);
    if (next > limit_ms) {
        return false;
    }
    world->now_ms = next > world->now_ms ? next : world->now_ms + 1;
    note_hash(world, world->now_ms);
    return true;
}

bool
world_step(struct world *world)
{
    return step_until(world, world->now_ms + 1000);
}

void
world_run_ms(struct world *world, uint64_t ms)
{
    uint64_t end = world->now_ms + ms;

    while (world->now_ms < end && step_until(world, end)) {
    }
    if (world->now_ms < end) { // user code that ran may have run it further
        world->now_ms = end;
    }
}

void
world_settle(struct world *world, uint64_t ms)
{
    while (step_until(world, world->now_ms + ms)) {
    }
}

// Calls. --------------------------------------------------------------------

static void
call_done(struct wf_request *request)
{
    struct call *call = request->done_ctx;
    struct world_call *shown = &call->shown;
    const weft_reply *reply = &request->reply;
    size_t len;

    if (reply->err == WEFT_EBUSY) { // as every client should
        wf_request_reset(request);
        send_later(call->world, COMING_RETRY, request->partition, 100)
            ->request = request;
        return;
    }
    len = reply->data.len < sizeof(shown->data) - 1 ? reply->data.len
                                                    : sizeof(shown->data) - 1;

    shown->is_answered = true;
    shown->err = reply->err;
    shown->is_created = reply->is_created != 0;
    (void)snprintf(shown->detail, sizeof(shown->detail), "%s", reply->detail);
    (void)snprintf(shown->failure, sizeof(shown->failure), "%s",
                   reply->failure.name);
    (void)snprintf(shown->message, sizeof(shown->message), "%s",
                   reply->failure.message);
    (void)snprintf(shown->details, sizeof(shown->details), "%.*s",
                   (int)reply->failure.details.len,
                   (const char *)reply->failure.details.data);
    if (len > 0) {
        memcpy(shown->data, reply->data.data, len);
    }
    shown->data_len = reply->data.len;
    shown->items_count = reply->items_count;
    if (reply->items_count > 0) {
        shown->item = reply->items[0];
        (void)snprintf(shown->first_id, sizeof(shown->first_id), "%s",
                       reply->items[0].id);
        (void)snprintf(shown->reason, sizeof(shown->reason), "%s",
                       reply->items[0].reason);
        shown->item.kind = "";
        shown->item.id = shown->first_id;
        shown->item.reason = shown->reason;
    }
    call->request = NULL;
    wf_request_destroy(request);
}

static void
own(weft_bytes *bytes, weft_bytes from)
{
    *bytes = from.len == 0 ? weft_nothing() : wf_bytes_copy(from);
}

static void
own_text(char **text, const char *from)
{
    if (from != NULL && from[0] != '\0') {
        *text = wf_strdup(from);
    }
}

static struct wf_request *
make_request(const weft_request *given)
{
    struct wf_request *request = wf_request_create();

    request->verb = given->verb;
    if (given->token != NULL) {
        must(wf_token_decode(given->token, &request->key, &request->token));
    } else {
        must(wf_key_make("default", given->target.kind, given->target.id,
                         &request->key));
    }
    own_text(&request->name, given->name);
    own_text(&request->error_name, given->error_name);
    own_text(&request->error_message, given->error_message);
    own(&request->data, given->data);
    own(&request->input, given->input);
    if (given->start != NULL) {
        must(wf_start_check(given->start));
        request->reuse = given->start->reuse;
        request->conflict = given->start->conflict;
    }
    request->list_status = given->status;
    request->list_limit = WF_LIST_PAGE_MAX;
    if (given->verb == WEFT_VERB_LIST) {
        request->list_namespace = wf_strdup("default");
        request->list_kind = wf_strdup(given->target.kind);
    }
    return request;
}

struct world_call *
world_submit(struct world *world, const weft_request *given)
{
    struct call *call = wf_calloc(sizeof(*call));
    struct wf_request *request = make_request(given);

    request->partition = wf_key_partition(&request->key, world->options.sites);
    memcpy(request->client, world->client, sizeof(request->client));
    request->number = given->number != 0 ? given->number : world->next_number++;
    request->confirmed = 0;
    request->done = call_done;
    request->done_ctx = call;
    call->world = world;
    call->request = request;
    wf_list_push_back(&world->calls, &call->node);
    wf_partition_request(world->sites[request->partition].partition,
                         world->now_ms, request);
    return &call->shown;
}

struct world_call *
world_wait(struct world *world, struct world_call *shown)
{
    uint64_t limit = world->now_ms + 3600000;

    while (!shown->is_answered && step_until(world, limit)) {
    }
    if (!shown->is_answered) {
        (void)fprintf(stderr, "sim: seed %llu: no answer\n%s",
                      (unsigned long long)world->options.seed,
                      world_trace(world));
        abort();
    }
    return shown;
}

struct world_call *
world_call(struct world *world, weft_verb verb, const char *kind,
           const char *id, const char *name, weft_bytes data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.name = name;
    if (verb == WEFT_VERB_START) {
        request.input = data;
    } else {
        request.data = data;
    }
    return world_submit(world, &request);
}

struct world_call *
world_ask(struct world *world, weft_verb verb, const char *kind, const char *id,
          const char *name, weft_bytes data)
{
    return world_wait(world, world_call(world, verb, kind, id, name, data));
}

uint64_t
world_next_number(const struct world *world)
{
    return world->next_number;
}

void
world_forget_calls(struct world *world)
{
    struct wf_list_node *node = wf_list_first(&world->calls);

    while (node != NULL) {
        struct call *call = WF_CONTAINER(node, struct call, node);

        node = wf_list_next(&world->calls, node);
        if (call->request == NULL) {
            wf_list_remove(&world->calls, &call->node);
            wf_free(call);
        }
    }
}

// The whole. ----------------------------------------------------------------

static uint64_t
sim_wall_ms(void *self)
{
    return ((struct world *)self)->now_ms;
}

static uint64_t
sim_mono_ns(void *self)
{
    return ((struct world *)self)->now_ms * 1000000;
}

static void
make_workers(struct world *world)
{
    must(wf_workers_create(
        &(struct wf_workers_options){
            .count = 1,
            .is_manual = true,
            .definitions = world->options.definitions,
            .clock = {.wall_ms = sim_wall_ms,
                      .mono_ns = sim_mono_ns,
                      .self = world},
            .done = task_done,
            .beat = task_beat,
            .ctx = world,
        },
        &world->workers));
}

// Nothing that was handed out comes back.
static void
drop_workers(struct world *world)
{
    struct wf_list_node *node;

    wf_workers_stop(world->workers);
    while ((node = wf_list_pop_front(&world->tasks)) != NULL) {
        wf_task_destroy(WF_CONTAINER(node, struct wf_task, node));
    }
}

void
world_define(struct world *world, const weft_definitions *definitions)
{
    world->options.definitions = definitions;
    for (uint32_t i = 0; i < world->options.sites; i++) {
        world_crash(world, i);
    }
    drop_workers(world); // after the partitions, which know their tasks
    wf_workers_destroy(world->workers);
    make_workers(world);
}

struct world *
world_create(const struct world_options *options)
{
    struct world *world = wf_calloc(sizeof(*world));

    world->options = *options;
    if (world->options.sites == 0) {
        world->options.sites = 1;
    }
    if (world->options.residents_max == 0) {
        world->options.residents_max = 1000;
    }
    if (world->options.stacks_max == 0) {
        world->options.stacks_max = 100;
    }
    wf_random_init(&world->random, options->seed);
    world->now_ms = 1000000;
    world->next_number = 1;
    wf_list_init(&world->tasks);
    wf_list_init(&world->calls);
    wf_heap_init(&world->coming);
    world->trace = (struct wf_trace){.emit = emit, .ctx = world};
    world->stacks = wf_stack_pool_create(64);
    make_workers(world);
    world->sites = wf_calloc(world->options.sites * sizeof(*world->sites));
    for (uint32_t i = 0; i < world->options.sites; i++) {
        world->sites[i].world = world;
        world->sites[i].index = i;
        world->sites[i].disk = wf_memory_disk_create();
        open_site(&world->sites[i]);
    }
    return world;
}

void
world_destroy(struct world *world)
{
    struct wf_list requests;
    struct wf_list_node *node;

    wf_list_init(&requests);
    for (uint32_t i = 0; i < world->options.sites; i++) {
        drop_coming(world, i);
        close_site(&world->sites[i], &requests);
        wf_memory_disk_destroy(world->sites[i].disk);
    }
    drop_workers(world);
    while (world->coming.count > 0) {
        struct coming *coming =
            WF_CONTAINER(wf_heap_first(&world->coming), struct coming, heap);
        wf_heap_remove(&world->coming, &coming->heap);
        if (coming->type == COMING_RETRY) {
            wf_list_push_back(&requests, &coming->request->wait);
        }
        coming_destroy(coming);
    }
    while ((node = wf_list_pop_front(&requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);
        request->done(request);
    }
    world_forget_calls(world);
    wf_workers_destroy(world->workers);
    wf_stack_pool_destroy(world->stacks);
    wf_heap_fini(&world->coming);
    wf_buf_fini(&world->text);
    wf_free(world->sites);
    wf_free(world);
}

void
world_calm(struct world *world)
{
    world->options.frame_loss = 0;
    world->options.frame_double = 0;
    world->options.crash_at_commit = 0;
    world->options.commit_in_doubt = 0;
    world->options.commit_stall = 0;
}

void
world_crash_at(struct world *world, uint64_t commit, bool is_after)
{
    world->crash_commit = commit;
    world->is_crash_after = is_after;
}

uint64_t
world_commits(const struct world *world)
{
    return world->commits;
}

uint64_t
world_now_ms(const struct world *world)
{
    return world->now_ms;
}

uint64_t
world_hash(const struct world *world)
{
    return world->hash;
}

struct wf_random *
world_random(struct world *world)
{
    return &world->random;
}

void
world_stats(const struct world *world, struct wf_partition_stats *stats)
{
    *stats = (struct wf_partition_stats){0};
    for (uint32_t i = 0; i < world->options.sites; i++) {
        wf_partition_add_stats(world->sites[i].partition, stats);
    }
}

uint64_t
world_audit(struct world *world)
{
    uint64_t stuck = 0;

    for (uint32_t i = 0; i < world->options.sites; i++) {
        stuck += wf_partition_audit(world->sites[i].partition);
    }
    return stuck;
}
