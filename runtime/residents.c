// SPDX-License-Identifier: Apache-2.0
//
// residents.c - which actors are in memory: loading them when somebody needs
// them, and letting go of those that are saved and at rest.
//
// An actor that only sleeps costs no memory: its image is in the store, and
// the wake index has a row for what will wake it. Rows of the near future are
// read ahead, by pages, into alarms; those of actors with work to do are read
// once, after open.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "runtime/edge.h"
#include "runtime/image.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/workflow.h"
#include "storage/keys.h"

// So many stubs are asked for at once; more wait, so that what is touched by a
// caller does not queue behind all of recovery. There is one reader for all
// partitions, which answers in the order in which it was asked.
#define LOADS_AT_ONCE 32
#define EVICTIONS_AT_ONCE 64
#define READ_AGAIN_MS 1000

static bool
has_key(const void *item, const void *key)
{
    const struct wf_actor *actor = item;
    const weft_bytes *bytes = key;

    return actor->key.len == bytes->len &&
           memcmp(actor->key.text, bytes->data, bytes->len) == 0;
}

static uint64_t
hash_of(const struct wf_partition *partition, weft_bytes key)
{
    return wf_hash64(key.data, key.len, partition->options.hash_seed);
}

static struct wf_actor *
find_by_hash(const struct wf_partition *partition, weft_bytes key)
{
    return wf_table_find(&partition->actors, hash_of(partition, key), has_key,
                         &key);
}

struct wf_actor *
wf_residents_find(const struct wf_partition *partition, weft_bytes key)
{
    struct wf_actor *recent = partition->recent;

    if (recent == NULL || !has_key(recent, &key)) {
        return find_by_hash(partition, key);
    }
    WF_ASSERT_SLOW(recent == find_by_hash(partition, key));
    return recent;
}

struct wf_actor *
wf_residents_get(struct wf_partition *partition, const struct wf_key *key)
{
    struct wf_actor *actor = wf_residents_find(partition, wf_key_bytes(key));

    if (actor == NULL) {
        uint64_t hash = hash_of(partition, wf_key_bytes(key));

        actor = wf_actor_create(key, hash);
        actor->kind = wf_definitions_find(partition->options.definitions,
                                          wf_key_kind(key));
        wf_table_add(&partition->actors, hash, actor);
    }
    partition->recent = actor;
    return actor;
}

// Loading. ------------------------------------------------------------------

struct wf_load *
wf_load_begin(struct wf_partition *partition, int purpose, void *subject)
{
    struct wf_load *load = wf_load_create();

    load->partition = partition->options.index;
    load->incarnation = partition->options.incarnation;
    load->purpose = purpose;
    load->subject = subject;
    wf_list_init(&load->captured);
    partition->stats.loads++;
    if (partition->options.tally != NULL) {
        wf_counter_add(&partition->options.tally->loads, 1);
    }
    return load;
}

static void
ask_for(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_load *load = wf_load_begin(partition, WF_PURPOSE_ACTOR, actor);
    weft_bytes key = wf_key_bytes(&actor->key);

    actor->residency = WF_RESIDENCY_LOADING;
    partition->loads_under_way++;
    wf_keys_image(&load->key, partition->options.index, key);
    wf_image_items_range(partition->options.index, key, &load->from, &load->to);
    wf_list_push_back(&partition->outputs.loads, &load->node);
}

void
wf_residents_want(struct wf_partition *partition, struct wf_actor *actor)
{
    if (actor->residency != WF_RESIDENCY_STUB || wf_list_has(&actor->lru)) {
        return;
    }
    if (partition->loads_under_way < LOADS_AT_ONCE) {
        ask_for(partition, actor);
    } else {
        wf_list_push_back(&partition->loading, &actor->lru);
    }
}

void
wf_residents_hurry(struct wf_partition *partition, struct wf_actor *actor)
{
    if (actor->residency != WF_RESIDENCY_STUB) {
        return;
    }
    if (wf_list_has(&actor->lru)) {
        wf_list_remove(&partition->loading, &actor->lru);
    }
    ask_for(partition, actor);
}

static void
ask_for_more(struct wf_partition *partition)
{
    while (partition->loads_under_way < LOADS_AT_ONCE) {
        struct wf_list_node *node = wf_list_pop_front(&partition->loading);

        if (node == NULL) {
            return;
        }
        ask_for(partition, WF_CONTAINER(node, struct wf_actor, lru));
    }
}

void
wf_residents_set_alarms(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node = wf_list_first(&actor->timers.list);

    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        struct wf_timer *timer = WF_CONTAINER(node, struct wf_timer, node);
        if (timer->due > 0) {
            wf_alarm_set(partition, &timer->alarm, timer->due);
        }
    }
    if (actor->retry_due > 0) {
        wf_alarm_set(partition, &actor->retry, actor->retry_due);
    }
}

static void
answer_all(struct wf_partition *partition, const struct wf_actor *actor,
           struct wf_list *requests, weft_err err)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(requests)) != NULL) {
        wf_edge_answer(partition, WF_CONTAINER(node, struct wf_request, wait),
                       0, err, "%s: its rows cannot be read",
                       wf_key_id(&actor->key));
    }
}

static void
end_recovering(struct wf_partition *partition, struct wf_actor *actor)
{
    if (actor->is_recovering) {
        actor->is_recovering = false;
        partition->recovering--;
        if (partition->recovering == 0) {
            wf_listing_recovered(partition);
        }
    }
}

// Its rows do not decode: it is kept as it is, and whoever asks is told.
static void
break_actor(struct wf_partition *partition, struct wf_actor *actor,
            weft_err err, const char *why)
{
    actor->residency = WF_RESIDENCY_BROKEN;
    wf_warn(partition, &actor->key, "corrupt", "cannot be loaded: %s", why);
    answer_all(partition, actor, &actor->waiting, err);
    answer_all(partition, actor, &actor->results, err);
    answer_all(partition, actor, &actor->queries, err);
    answer_all(partition, actor, &actor->watches, err);
    answer_all(partition, actor, &actor->joined, err);
    end_recovering(partition, actor);
}

// The disk could not be read, this time: begin again a little later.
static void
read_again_later(struct wf_partition *partition, struct wf_actor *actor)
{
    uint64_t due = partition->now_ms + READ_AGAIN_MS;

    if (actor->residency == WF_RESIDENCY_LOADED) {
        wf_alarm_set(partition, &actor->retry, due); // it wants its letters
        return;
    }
    wf_actor_clear(actor);
    wf_published_fini(&actor->published); // it has its rows still
    wf_published_init(&actor->published, actor->hash);
    wf_mailbox_fini(&actor->mailbox);
    wf_mailbox_init(&actor->mailbox);
    wf_item_rows_fini(&actor->item_rows);
    actor->residency = WF_RESIDENCY_STUB;
    wf_wake_at(partition, &actor->key, due);
}

static void
fail_load(struct wf_partition *partition, struct wf_actor *actor, weft_err err,
          const char *why)
{
    if (err == WEFT_ECORRUPT || err == WEFT_EFORMAT) {
        break_actor(partition, actor, err, why);
    } else {
        read_again_later(partition, actor);
    }
}

static void drop_actor(struct wf_partition *partition, struct wf_actor *actor);
static bool is_at_rest(const struct wf_partition *partition,
                       const struct wf_actor *actor);

// Its image, its records and the first letters are here: it can begin.
static void
complete_load(struct wf_partition *partition, struct wf_actor *actor)
{
    wf_residents_set_alarms(partition, actor);
    if (!wf_apply_pending(partition, actor)) {
        fail_load(partition, actor, WEFT_ECORRUPT,
                  "its records do not apply to its row");
        return;
    }
    if (actor->object.position > partition->last_record) {
        break_actor(partition, actor, WEFT_ECORRUPT,
                    "its row is ahead of the log");
        return;
    }
    actor->residency = WF_RESIDENCY_LOADED;
    end_recovering(partition, actor);
    (void)wf_retention_end(partition, actor);
    if (wf_actor_is_live(actor) && wf_actor_may_run(actor) &&
        actor->crashes >= WF_CRASHES_MAX) {
        wf_turn_park_crashed(partition, actor);
    }
    wf_commands_rearm(partition, actor);
    wf_turn_schedule(partition, actor);
    wf_edge_loaded(partition, actor);
    wf_residents_touch(partition, actor);
}

// What the store said, or that what it gave makes no sense.
static const char *
why_not(const struct wf_load *load, const char *otherwise)
{
    return load->err != WEFT_OK ? wf_load_why(load) : otherwise;
}

static void
loaded_actor(struct wf_partition *partition, const struct wf_load *load)
{
    struct wf_actor *actor = load->subject;
    weft_err err = load->err;

    partition->loads_under_way--;
    WF_ASSERT(actor->residency == WF_RESIDENCY_LOADING);
    if (err == WEFT_OK) {
        err = wf_image_load(actor, load);
    }
    if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
        fail_load(partition, actor, err,
                  why_not(load, "its row does not decode"));
    } else if (wf_mailbox_has_gone(&actor->mailbox)) {
        // Records that wait may take letters out: at most one each.
        wf_apply_forget(actor);
        wf_residents_page(partition, actor, (uint32_t)actor->pending.count);
    } else {
        complete_load(partition, actor);
    }
}

void
wf_residents_page(struct wf_partition *partition, struct wf_actor *actor,
                  uint32_t least)
{
    struct wf_load *load;
    weft_bytes key = wf_key_bytes(&actor->key);

    if (actor->is_paging) {
        return;
    }
    actor->is_paging = true;
    load = wf_load_begin(partition, WF_PURPOSE_MAILBOX, actor);
    wf_keys_mailbox(&load->from, partition->options.index, key,
                    actor->mailbox.gone_from);
    wf_keys_mailbox(&load->to, partition->options.index, key,
                    actor->mailbox.gone_to);
    load->limit = WF_MAILBOX_PAGE + least;
    load->least = 1 + least;
    load->limit_bytes = WF_MAILBOX_PAGE_BYTES;
    wf_list_push_back(&partition->outputs.loads, &load->node);
}

static weft_err
restore_letters(struct wf_actor *actor, const struct wf_load *load)
{
    struct wf_reader rows = wf_reader_of(wf_buf_bytes(&load->rows));
    uint64_t seq = actor->mailbox.gone_from;

    while (wf_reader_left(&rows) > 0) {
        weft_bytes key = wf_reader_bytes(&rows);
        weft_bytes value = wf_reader_bytes(&rows);
        struct wf_reader tail;

        // A loader put them there, of a range whose keys are longer than that.
        WF_ASSERT(!rows.failed && key.len > sizeof(uint64_t));
        tail = wf_reader_of(weft_bytes_of((const uint8_t *)key.data + key.len -
                                              sizeof(uint64_t),
                                          sizeof(uint64_t)));
        if (wf_reader_u64(&tail) != seq ||
            !wf_mailbox_restore(&actor->mailbox, seq, value, true)) {
            return WEFT_ECORRUPT;
        }
        seq++;
    }
    if (load->rows_count == 0) {
        return WEFT_ECORRUPT; // rows that were durable are not there
    }
    wf_mailbox_came_back(&actor->mailbox, load->rows_count);
    return WEFT_OK;
}

static void
loaded_letters(struct wf_partition *partition, const struct wf_load *load)
{
    struct wf_actor *actor = load->subject;
    weft_err err = load->err;

    actor->is_paging = false;
    if (err == WEFT_OK) {
        err = restore_letters(actor, load);
    }
    if (err != WEFT_OK) {
        fail_load(partition, actor, err,
                  why_not(load, "its mailbox does not decode"));
    } else if (actor->residency == WF_RESIDENCY_LOADING) {
        complete_load(partition, actor);
    } else {
        wf_turn_schedule(partition, actor);
        wf_edge_turned(partition, actor);
    }
}

void
wf_residents_sweep(struct wf_partition *partition, const struct wf_key *key)
{
    struct wf_actor *actor = wf_residents_get(partition, key);

    if (actor->residency != WF_RESIDENCY_LOADED) {
        wf_residents_want(partition, actor);
    } else if (!wf_retention_end(partition, actor) &&
               wf_actor_is_nobody(actor) && is_at_rest(partition, actor)) {
        drop_actor(partition, actor);
    }
}

// Eviction. -----------------------------------------------------------------

// An instance that was removed leaves a row with its position, which must stay
// until no record about it will be read again; then that row can go.
static bool
is_forgettable(const struct wf_partition *partition,
               const struct wf_actor *actor)
{
    return !wf_actor_is_nobody(actor) || !actor->has_row ||
           actor->object.position < partition->redo_record;
}

// A record may be durable long before the row that reflects it: the row is
// only once the seal that carries it is.
static bool
is_row_durable(const struct wf_partition *partition,
               const struct wf_actor *actor)
{
    return !partition->is_sealed ||
           actor->object.saved_seal != partition->seals;
}

// Nothing in memory is needed that the store does not have?
static bool
is_at_rest(const struct wf_partition *partition, const struct wf_actor *actor)
{
    return actor->residency == WF_RESIDENCY_LOADED &&
           !wf_list_has(&actor->object.dirty) &&
           actor->object.position <= partition->durable_record &&
           is_row_durable(partition, actor) && actor->holds == 0 &&
           actor->commands.list.count == 0 && actor->waiting.count == 0 &&
           actor->results.count == 0 && actor->joined.count == 0 &&
           actor->queries.count == 0 && actor->watches.count == 0 &&
           !wf_ready_has(&actor->ready) && !wf_list_has(&actor->steps) &&
           is_forgettable(partition, actor) && !wf_list_has(&actor->spill) &&
           !actor->is_paging && !wf_actor_is_due(actor) &&
           (!wf_actor_has_work(actor, partition->now_ms) ||
            !wf_actor_may_run(actor));
}

static void
clear_alarms(struct wf_partition *partition, struct wf_actor *actor)
{
    wf_alarm_clear(partition, &actor->retry);
    wf_alarm_clear(partition, &actor->begin);
    wf_alarm_clear(partition, &actor->deadline);
}

static void
drop_actor(struct wf_partition *partition, struct wf_actor *actor)
{
    uint64_t due = wf_actor_wakes_at(actor, partition->now_ms);
    struct wf_list_node *node = wf_list_first(&actor->timers.list);

    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        wf_alarm_clear(partition,
                       &WF_CONTAINER(node, struct wf_timer, node)->alarm);
    }
    clear_alarms(partition, actor);
    // Its row may lie in what was read ahead already, or say only that it has
    // work, which is looked at when the partition opens: it may be paused.
    if (due != UINT64_MAX &&
        (due <= partition->near_due || actor->wake != WF_WAKE_SLEEP)) {
        wf_wake_at(partition, &actor->key, due);
    }
    if (wf_list_has(&actor->lru)) {
        wf_list_remove(&partition->idle, &actor->lru);
    }
    if (wf_actor_is_nobody(actor) && actor->has_row) {
        wf_buf_put_bytes(&partition->dead_rows, wf_key_bytes(&actor->key));
    }
    wf_workflow_drop(partition, actor);
    wf_table_remove(&partition->actors, actor->hash, actor);
    if (partition->recent == actor) {
        partition->recent = NULL;
    }
    wf_actor_destroy(actor);
    partition->stats.evictions++;
    if (partition->options.tally != NULL) {
        wf_counter_add(&partition->options.tally->evictions, 1);
    }
}

void
wf_residents_evict(struct wf_partition *partition)
{
    // Those that are not at rest go to the end; a few at a time, so that a step
    // stays short.
    uint32_t tries = EVICTIONS_AT_ONCE;

    while ((partition->is_pressed ||
            partition->actors.count > partition->options.residents_max) &&
           partition->idle.count > 0 && tries-- > 0) {
        struct wf_list_node *node = wf_list_pop_front(&partition->idle);
        struct wf_actor *actor = WF_CONTAINER(node, struct wf_actor, lru);

        if (is_at_rest(partition, actor)) {
            drop_actor(partition, actor);
        } else {
            wf_list_push_back(&partition->idle, node);
        }
    }
}

void
wf_residents_touch(struct wf_partition *partition, struct wf_actor *actor)
{
    if (actor->residency != WF_RESIDENCY_LOADED) {
        return;
    }
    if (wf_list_has(&actor->lru)) {
        wf_list_remove(&partition->idle, &actor->lru);
    }
    // Until it is saved nobody can evict it; saving it comes back here.
    if (!wf_list_has(&actor->object.dirty)) {
        wf_list_push_back(&partition->idle, &actor->lru);
    }
}

void
wf_residents_loaded(struct wf_partition *partition, struct wf_load *load)
{
    switch ((enum wf_purpose)load->purpose) {
    case WF_PURPOSE_ACTOR:
        loaded_actor(partition, load);
        break;
    case WF_PURPOSE_MAILBOX:
        loaded_letters(partition, load);
        break;
    case WF_PURPOSE_READY:
    case WF_PURPOSE_SLEEP:
        wf_wake_loaded(partition, load);
        break;
    case WF_PURPOSE_LIST:
        wf_listing_loaded(partition, load);
        break;
    case WF_PURPOSE_SWEEP:
        wf_retention_swept(partition, load);
        break;
    }
    wf_load_destroy(load);
    ask_for_more(partition);
}

void
wf_residents_fini(struct wf_partition *partition)
{
    struct wf_actor *actor;
    size_t cursor = 0;

    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        struct wf_list_node *node = wf_list_first(&actor->timers.list);

        for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
            wf_alarm_clear(partition,
                           &WF_CONTAINER(node, struct wf_timer, node)->alarm);
        }
        for (node = wf_list_first(&actor->commands.list); node != NULL;
             node = wf_list_next(&actor->commands.list, node)) {
            struct wf_command *command =
                WF_CONTAINER(node, struct wf_command, node);
            wf_alarm_clear(partition, &command->alarm);
            wf_commands_drop(command);
        }
        clear_alarms(partition, actor);
        wf_workflow_drop(partition, actor);
        wf_actor_destroy(actor);
    }
    wf_table_fini(&partition->actors);
}
