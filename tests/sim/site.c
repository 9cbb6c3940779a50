// SPDX-License-Identifier: Apache-2.0
//
// site.c - one partition of the simulator, with its store, its log and its
// disk: it opens, runs, commits and crashes.

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/recovery.h"
#include "runtime/task.h"
#include "sim/bonds.h"
#include "sim/damage.h"
#include "sim/leave.h"
#include "sim/rows.h"
#include "sim/twin.h"
#include "sim/world_impl.h"
#include "storage/keys.h"

enum { TWINS_OFTEN = 200 }; // so many commits are looked at

static weft_err
recover_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
               uint32_t count)
{
    struct wf_partition *partition = ctx;

    for (uint32_t i = 0; i < count; i++) {
        weft_err err =
            wf_partition_recover_segment(partition, number, &segments[i]);

        if (err != WEFT_OK) {
            return err;
        }
    }
    return WEFT_OK;
}

weft_err
site_recover(struct site *site, const struct wf_trace *trace,
             struct wf_partition **out_partition)
{
    struct world *world = site->world;
    uint64_t incarnation = ++world->incarnations;
    struct wf_partition *partition =
        wf_partition_create(&(struct wf_partition_options){
            .index = site->index,
            .count = world->options.sites,
            .incarnation = incarnation,
            .definitions = world->options.definitions,
            .stacks = world->stacks,
            .trace = trace,
            .window_bytes = world->options.window_bytes,
            .residents_max = world->options.residents_max,
            .stacks_max = world->options.stacks_max,
            .hash_seed = incarnation, // nothing that lasts has it
            .is_paranoid = world->options.is_paranoid,
            .is_restored = site->is_restored,
        });
    weft_err err = wf_recovery_read(&site->store, site->index, partition);
    struct wf_list requests;

    if (err == WEFT_OK) {
        err = site->log.ops->read(site->log.self, 0, recover_commit, partition);
    }
    if (err == WEFT_OK) {
        err = wf_partition_recover_check(partition);
    }
    if (err == WEFT_OK) {
        *out_partition = partition;
        return WEFT_OK;
    }
    wf_list_init(&requests);
    wf_partition_destroy(partition, &requests);
    return err;
}

// No sleeper lies where nobody will look any more.
static void
check_cursor(const struct site *site)
{
    struct wf_load *load = wf_load_create();

    wf_keys_sleep(&load->from, site->index, 0, weft_nothing());
    wf_keys_sleep(&load->to, site->index, site->partition->wake_cursor,
                  weft_nothing());
    load->limit = 1;
    wf_load_answer(load, &site->store);
    WF_ASSERT(load->rows_count == 0);
    WF_ASSERT(load->err == WEFT_OK || !disk_is_sound(site->node->disk) ||
              load->err == WEFT_EIO);
    wf_load_destroy(load);
}

uint64_t
world_wake_cursor(const struct world *world, uint32_t site)
{
    return world->sites[site].partition->wake_cursor;
}

static bool is_twin_due(const struct site *site);

// User code begins.
static void
watch_code(void *ctx, const struct wf_key *key, const char *what)
{
    static const char step[] = "step ";
    struct site *site = ctx;

    if (strncmp(what, step, sizeof(step) - 1) == 0 && is_twin_due(site)) {
        leave_check_step(site, key, what + sizeof(step) - 1);
    }
}

weft_err
site_open(struct site *site)
{
    weft_err err = disk_open(site->node->disk, site->shelf, &site->store);

    if (err != WEFT_OK) {
        return err;
    }
    err = wf_log_local_open(site->store, true, &site->log);
    if (err != WEFT_OK) {
        site->store.ops->close(site->store.self);
        return err;
    }
    err = site_recover(site, &site->world->trace, &site->partition);
    if (err != WEFT_OK) {
        site->log.ops->close(site->log.self);
        site->store.ops->close(site->store.self);
        return err;
    }
    site->partition->options.watch = watch_code;
    site->partition->options.watch_ctx = site;
    return WEFT_OK;
}

void
site_begin(struct site *site)
{
    struct node *node = site->node;
    uint64_t epoch = site->partition->epoch;

    check_cursor(site);
    wf_partition_open(site->partition, node_now_ms(node));
    WF_ASSERT(site->partition->epoch > epoch); // one owner in each
    if (node->full_to_ms > 0) {
        wf_partition_refuse(site->partition, WEFT_EFULL);
    }
    site->is_committing = false;
    site_give_loads(site);
}

// What was under way in what is closed came before what waits for it.
static void
ask_again(struct site *site, struct wf_list *requests)
{
    struct world *world = site->world;
    uint32_t again_ms = world->options.again_ms;
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&site->requests)) != NULL) {
        wf_list_push_back(requests, node);
    }
    while ((node = wf_list_pop_front(requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        wf_request_reset(request);
        if (again_ms > 0) {
            world_send_later(world, COMING_RETRY, site->index,
                             choice_below(world->choice, again_ms))
                ->request = request;
        } else {
            wf_list_push_back(&site->requests, node);
        }
    }
}

void
site_close(struct site *site)
{
    struct wf_list requests;

    wf_list_init(&requests);
    wf_partition_destroy(site->partition, &requests);
    site->partition = NULL;
    site->log.ops->close(site->log.self);
    site->store.ops->close(site->store.self);
    ask_again(site, &requests);
}

void
site_request(struct site *site, struct wf_request *request)
{
    if (node_is_running(site->node)) {
        wf_partition_request(site->partition, node_now_ms(site->node), request);
    } else {
        wf_list_push_back(&site->requests, &request->wait);
    }
}

void
site_give_requests(struct site *site)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&site->requests)) != NULL) {
        wf_partition_request(site->partition, node_now_ms(site->node),
                             WF_CONTAINER(node, struct wf_request, wait));
    }
}

// They were asked by a partition that is gone: this one only frees them.
void
site_give_loads(struct site *site)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&site->loads)) != NULL) {
        wf_partition_load(site->partition, node_now_ms(site->node),
                          WF_CONTAINER(node, struct wf_load, node));
    }
}

void
world_crash(struct world *world, uint32_t site)
{
    node_crash(world->sites[site].node, 0);
}

// Commits. ------------------------------------------------------------------

// How long its disk takes: below `most`, or seconds, or nothing.
static uint64_t
disk_ms(const struct site *site, uint64_t most)
{
    struct choice *choice = site->world->choice;

    if (site->world->options.is_prompt) {
        return 0;
    }
    return choice_below(choice, most) +
           (site->node->slow_to_ms > 0 ? choice_below(choice, 5000) : 0);
}

static void
begin_commit(struct site *site)
{
    struct world *world = site->world;
    struct coming *coming =
        world_send_later(world, COMING_COMMIT, site->index, disk_ms(site, 3));

    if (!wf_partition_seal(site->partition, node_now_ms(site->node), false,
                           &coming->bytes, &coming->rows)) {
        wf_heap_remove(&world->coming, &coming->heap);
        world_coming_destroy(coming);
        return;
    }
    site->is_committing = true;
}

// False: the store must be opened anew.
static bool
trim_log(struct site *site)
{
    uint64_t redo = wf_partition_redo_commit(site->partition);
    uint64_t last = site->log.ops->last(site->log.self);

    return site->store.ops->flush(site->store.self) == WEFT_OK &&
           site->log.ops->truncate(site->log.self, redo < last ? redo : last) ==
               WEFT_OK;
}

// True if the node crashed instead.
static bool
crashes_here(struct site *site, bool is_after)
{
    struct world *world = site->world;
    bool is_asked = world->crash_commit == world->commits &&
                    world->is_crash_after == is_after &&
                    world->crash_commit > 0;

    if (!is_asked && !world_chance(world, world->options.crash_at_commit)) {
        return false;
    }
    if (is_asked) {
        world->crash_commit = 0;
    } else {
        weather_meet(world, WEATHER_COMMIT_CRASH);
    }
    node_crash(site->node, 0);
    return true;
}

// Before a crash that was asked for, all is as in the run that had none. And
// what has grown long costs more each time: it is looked at ever less often.
static bool
is_look_due(const struct world *world, uint64_t every)
{
    uint64_t apart = every * (1 + world->commits / TWINS_OFTEN);

    return world->crash_commit == 0 && world->commits % apart == 0;
}

static bool
is_twin_due(const struct site *site)
{
    return is_look_due(site->world, site->world->options.twin_every) &&
           disk_is_sound(site->node->disk);
}

// SIM_DAMAGE in the environment: at each so manieth commit.
static bool
is_damage_due(const struct world *world)
{
    static bool has_looked;
    static uint64_t every;
    const char *text = has_looked ? NULL : getenv("SIM_DAMAGE");

    if (!has_looked) {
        has_looked = true;
        every = text == NULL ? 0 : strtoull(text, NULL, 10);
    }
    return every > 0 && world->commits % every == 0;
}

static enum wf_append_result
append(struct site *site, const struct coming *coming, uint64_t *out_number)
{
    struct wf_commit commit = {
        .frames = wf_buf_bytes(&coming->bytes),
        .segments_count = coming->bytes.len > 0 ? 1 : 0,
        .rows = &coming->rows,
    };
    enum wf_append_result result =
        site->log.ops->append(site->log.self, &commit);

    while (result == WF_APPEND_REFUSED) {
        result = site->log.ops->append(site->log.self, &commit);
    }
    *out_number = commit.number;
    return result;
}

// The disk may refuse the next write, or fail it.
static void
trouble_write(struct site *site)
{
    struct world *world = site->world;
    struct disk *disk = site->node->disk;

    if (world_chance(world, world->options.commit_in_doubt)) {
        disk_fail_write(disk, site->shelf, WEFT_EIO,
                        choice_below(world->choice, 2) == 0);
        weather_meet(world, WEATHER_WRITE_ERROR);
    } else if (world_chance(world, world->options.commit_stall)) {
        disk_fail_write(disk, site->shelf, WEFT_EBUSY, false);
        weather_meet(world, WEATHER_WRITE_STALL);
    }
}

void
site_end_commit(struct site *site, struct coming *coming)
{
    struct world *world = site->world;
    uint64_t number;

    world->commits++;
    if (crashes_here(site, false)) {
        return;
    }
    trouble_write(site);
    if (append(site, coming, &number) != WF_APPEND_DURABLE) {
        node_crash(site->node, 0); // close, open, look
        return;
    }
    site->beacon = number;
    site->is_restored = false;
    if (crashes_here(site, true)) {
        return;
    }
    site->log_bytes += coming->bytes.len;
    site->is_committing = false;
    world_note_hash(world, number);
    wf_partition_committed(site->partition, node_now_ms(site->node), number,
                           site->log_bytes);
    if (is_look_due(world, 1)) {
        bonds_check(site);
    }
    if (is_twin_due(site)) {
        twin_check(site);
        rows_check(site);
    }
    if (is_damage_due(world) && disk_is_sound(site->node->disk)) {
        damage_check(site);
    }
    if (choice_below(world->choice, 16) == 0 && !trim_log(site)) {
        node_crash(site->node, 0);
    }
}

// The end of a log that was being written: what is there of it decodes as no
// commit.
static void
tear(struct site *site, const struct coming *coming)
{
    struct wf_buf key = {0};
    struct wf_buf value = {0};

    wf_keys_log(&key, site->log.ops->last(site->log.self) + 1);
    wf_buf_put_u32(&value, 1);
    wf_buf_put(&value, coming->bytes.data,
               choice_below(site->world->choice, coming->bytes.len));
    disk_tear(site->node->disk, site->shelf, wf_buf_bytes(&key),
              wf_buf_bytes(&value));
    weather_meet(site->world, WEATHER_TORN);
    wf_buf_fini(&key);
    wf_buf_fini(&value);
}

// Without weather it had not come to the disk. With it, what of a node's
// commits is durable is drawn for each.
bool
site_lose_commit(struct site *site, const struct coming *coming)
{
    struct world *world = site->world;
    uint64_t what =
        world->options.storm_ms == 0 ? 0 : choice_below(world->choice, 8);
    uint64_t number;

    if (what == 7 && coming->bytes.len > 0) {
        tear(site, coming);
    }
    return what > 3 && what < 7 &&
           append(site, coming, &number) == WF_APPEND_DURABLE;
}

// Outputs. ------------------------------------------------------------------

// How often a frame arrives.
static int
copies_of(const struct site *site, const struct wf_frame *frame)
{
    struct world *world = site->world;
    const struct node *to = world->sites[frame->destination].node;

    if (world->lost_site == frame->destination && world->lost_count > 0) {
        world->lost_count--;
        return 0;
    }
    if (weather_is_cut(world, site->node->index, to->index)) {
        return 0;
    }
    if (world_chance(world, world->options.frame_loss)) {
        weather_meet(world, WEATHER_FRAME_LOST);
        return 0;
    }
    if (world_chance(world, world->options.frame_double)) {
        weather_meet(world, WEATHER_FRAME_DOUBLED);
        return 2;
    }
    return 1;
}

static uint64_t
frame_ms(struct world *world, uint32_t to)
{
    if (world->late_ms > 0 && world->late_site == to) {
        return world->late_ms;
    }
    if (world_chance(world, world->options.frame_late)) {
        weather_meet(world, WEATHER_FRAME_LATE);
        return choice_below(world->choice, 60000);
    }
    return choice_below(world->choice, 4);
}

static void
carry_frames(const struct site *site, struct wf_outputs *outputs)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&outputs->frames)) != NULL) {
        struct wf_frame *frame = WF_CONTAINER(node, struct wf_frame, node);

        for (int left = copies_of(site, frame); left > 0; left--) {
            struct coming *coming =
                world_send_later(site->world, COMING_FRAME, frame->destination,
                                 frame_ms(site->world, frame->destination));
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

    if (is_twin_due(site)) {
        leave_check(site, outputs);
    }
    carry_frames(site, outputs);
    while ((node = wf_list_pop_front(&outputs->loads)) != NULL) {
        struct coming *coming =
            world_send_later(world, COMING_LOAD, site->index, disk_ms(site, 2));
        coming->load = WF_CONTAINER(node, struct wf_load, node);
        wf_load_answer(coming->load, &site->store);
    }
    while ((node = wf_list_pop_front(&outputs->tasks)) != NULL) {
        node_give_task(site->node, WF_CONTAINER(node, struct wf_task, node));
    }
    while ((node = wf_list_pop_front(&outputs->replies)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);
        request->done(request);
    }
    return has_any;
}

// Steps. --------------------------------------------------------------------

bool
site_run(struct site *site)
{
    uint64_t now_ms = node_now_ms(site->node);
    bool has_run = false;

    while (wf_partition_next_due(site->partition) <= now_ms &&
           (wf_partition_wants_commit(site->partition, now_ms) == false ||
            !site->is_committing)) {
        uint64_t before = wf_partition_next_due(site->partition);

        wf_partition_tick(site->partition, now_ms);
        if (wf_partition_next_due(site->partition) == before) {
            // A lazy commit is due, not an alarm; it waits for the one before.
            has_run = has_run || !site->is_committing;
            break;
        }
        has_run = true;
    }
    while (wf_partition_is_ready(site->partition)) {
        (void)wf_partition_run(site->partition, now_ms);
        has_run = true;
    }
    has_run = carry_outputs(site) || has_run;
    if (!site->is_committing &&
        wf_partition_wants_commit(site->partition, now_ms)) {
        begin_commit(site);
        has_run = true;
    }
    return has_run;
}
