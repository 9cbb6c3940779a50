// SPDX-License-Identifier: Apache-2.0
//
// workers.c - a pool of threads, one queue for each activity kind.
//
//     give --> inbox --> queue of its kind --> a worker --> done
//             (no lock)      (the lock)         (no lock)
//
// A shard must never wait for a worker, so give takes no lock: it pushes to
// the inbox, and whichever worker next looks for work moves what is there to
// the queues. A kind is in `ready` while it has waiting tasks and is below its
// limit; workers take one task of the first kind and put the kind to the end,
// so kinds take turns. A kind at its limit is in no list: the worker that ends
// one of its tasks puts it back.
//
// Local activities have a lane of their own: other tasks never run on more than
// count threads, so the local_count beyond them are there for local ones, and
// the other way round. A kind has a queue in each lane and one limit over both.
//
//   I1  running <= limit, for every kind and every lane
//   I2  a kind's queue is in its lane's `ready` exactly when it has waiting
//       tasks and the kind's running < limit
//
// Sleeping. `idle` counts workers that sleep and that nobody has claimed. Who
// gives a task claims one (takes 1 off `idle`) and posts the semaphore once; a
// worker that finds work between adding itself and sleeping takes itself off
// again, or, if it was claimed meanwhile, takes the post. A wake-up is not
// lost: the giver does "push, count, look at idle", the worker "add to idle,
// look at the count, look for work", all sequentially consistent. If the giver
// saw no idle worker, the worker sees its count, and with it its push.
//
// Threads are made by give when nobody is idle and there are fewer than count.
// The first is made by create, so that a system out of threads says so at once
// and can never take tasks that nobody will run.

#include "runtime/workers.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mpsc.h"
#include "base/thread.h"
#include "runtime/activity.h"
#include "runtime/definitions.h"
#include "runtime/task.h"

enum { LANE_LOCAL, LANE_OTHER, LANES };

// The tasks of one activity kind in one lane.
struct queue {
    struct wf_list_node ready; // in the lane's list
    struct wf_list waiting;    // of tasks, oldest first
    struct kind_queue *kind;
};

struct kind_queue {
    struct queue queues[LANES];
    uint32_t running;
    uint32_t limit;
};

struct lane {
    struct wf_list ready; // of struct queue
    uint32_t running;
    uint32_t limit; // of threads
};

struct worker {
    struct wf_workers *workers;
    pthread_t thread;
    uint32_t index;
};

struct wf_workers {
    struct wf_workers_options options;
    struct wf_activity_host host;

    struct wf_mpsc inbox;   // popped under the lock
    _Atomic uint64_t given; // tasks pushed, ever
    _Atomic uint64_t open;  // given and not come back
    _Atomic uint32_t idle;  // asleep, or about to be, and not claimed
    sem_t claimed;          // posted once for each claim
    atomic_bool is_stopping;
    atomic_bool has_local; // a local task came, so their threads may be made

    pthread_mutex_t lock; // over what follows
    struct lane lanes[LANES];
    struct wf_list returned; // abandoned tasks that no worker needs to run
    struct kind_queue *kinds;
    uint32_t kinds_count;
    struct worker *threads;
    _Atomic uint32_t threads_count; // read without the lock, as a hint
};

// Queues. All under the lock. -----------------------------------------------

static void
update_ready(struct wf_workers *workers, struct kind_queue *kind)
{
    for (int i = 0; i < LANES; i++) {
        struct queue *queue = &kind->queues[i];
        struct wf_list *ready = &workers->lanes[i].ready;
        bool is_ready = queue->waiting.count > 0 && kind->running < kind->limit;

        if (is_ready && !wf_list_has(&queue->ready)) {
            wf_list_push_back(ready, &queue->ready);
        } else if (!is_ready && wf_list_has(&queue->ready)) {
            wf_list_remove(ready, &queue->ready);
        }
    }
}

static int
lane_of(const struct wf_task *task)
{
    return task->is_local ? LANE_LOCAL : LANE_OTHER;
}

static struct kind_queue *
kind_of(struct wf_workers *workers, const struct wf_task *task)
{
    WF_ASSERT(task->kind->index < workers->kinds_count);
    return &workers->kinds[task->kind->index];
}

// Tasks time out in about the order in which they came, so looking at the
// front whenever the queue is touched finds nearly all of them.
static void
sweep_abandoned(struct wf_workers *workers, struct queue *queue)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&queue->waiting)) != NULL) {
        struct wf_task *task = WF_CONTAINER(node, struct wf_task, node);

        if (!atomic_load(&task->is_abandoned)) {
            return;
        }
        wf_list_remove(&queue->waiting, node);
        wf_list_push_back(&workers->returned, node);
    }
}

static void
empty_inbox(struct wf_workers *workers)
{
    struct wf_mpsc_node *node;

    while ((node = wf_mpsc_pop(&workers->inbox)) != NULL) {
        struct wf_task *task = WF_CONTAINER(node, struct wf_task, queue);
        struct kind_queue *kind = kind_of(workers, task);

        struct queue *queue = &kind->queues[lane_of(task)];

        wf_list_push_back(&queue->waiting, &task->node);
        sweep_abandoned(workers, queue);
        update_ready(workers, kind);
    }
}

// The lane that the next task comes from, or NULL. Local ones first: they are
// few and somebody near waits for them.
static struct lane *
next_lane(struct wf_workers *workers)
{
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = &workers->lanes[i];

        if (lane->ready.count > 0 && lane->running < lane->limit) {
            return lane;
        }
    }
    return NULL;
}

// The next task to run, counted as running; or one to give back, not counted;
// or NULL.
static struct wf_task *
next_task(struct wf_workers *workers, bool *out_is_counted)
{
    struct wf_list_node *node;
    struct queue *queue;
    struct lane *lane;

    empty_inbox(workers);
    *out_is_counted = false;
    node = wf_list_pop_front(&workers->returned);
    if (node != NULL) {
        return WF_CONTAINER(node, struct wf_task, node);
    }
    lane = next_lane(workers);
    if (lane == NULL) {
        return NULL;
    }
    queue =
        WF_CONTAINER(wf_list_pop_the_first(&lane->ready), struct queue, ready);
    lane->running++;
    queue->kind->running++;
    WF_ASSERT(queue->kind->running <= queue->kind->limit); // I1
    node = wf_list_pop_the_first(&queue->waiting);         // I2
    update_ready(workers, queue->kind);
    *out_is_counted = true;
    return WF_CONTAINER(node, struct wf_task, node);
}

// Running. ------------------------------------------------------------------

static void
give_back(struct wf_workers *workers, struct wf_task *task)
{
    workers->options.done(workers->options.ctx, task);
    atomic_fetch_sub(&workers->open, 1);
}

// The outcome of what did not run.
static void
set_outcome(struct wf_task *task, weft_err err)
{
    wf_outcome_fini(&task->outcome);
    task->outcome.err = err;
    task->outcome.name = wf_strdup(weft_err_name(err));
    task->outcome.message = wf_strdup("before it began");
}

static void
give_back_abandoned(struct wf_workers *workers, struct wf_task *task)
{
    atomic_store(&task->is_abandoned, true);
    set_outcome(task, WEFT_ECLOSED);
    give_back(workers, task);
}

static void
run_task(struct wf_workers *workers, uint32_t worker, struct wf_task *task)
{
    const struct wf_workers_watch *watch = &workers->options.watch;
    const struct wf_clock *clock = &workers->options.clock;

    if (atomic_load(&task->is_abandoned)) {
        set_outcome(task, WEFT_ECLOSED);
        return;
    }
    if (atomic_load(&task->is_cancelled)) {
        set_outcome(task, WEFT_ECANCELLED);
        return;
    }
    if (atomic_load(&task->is_paused)) {
        set_outcome(task, WEFT_EBUSY);
        return;
    }
    atomic_store(&task->started_at_ms,
                 wf_task_now_ms(task, &workers->options.clock));
    task->began_ns = clock->mono_ns(clock->self);
    if (watch->begin != NULL) {
        watch->begin(watch->ctx, worker, task);
    }
    wf_activity_run(task, &workers->host);
    task->ended_ns = clock->mono_ns(clock->self);
    if (watch->end != NULL) {
        watch->end(watch->ctx, worker);
    }
    (void)wf_fault_hit(WF_FAULT_ACTIVITY_DONE);
}

// Take one task and run it or give it back. False: there is none to take.
static bool
step(struct wf_workers *workers, uint32_t worker)
{
    struct wf_task *task;
    struct kind_queue *kind;
    bool is_counted;

    pthread_mutex_lock(&workers->lock);
    task = next_task(workers, &is_counted);
    pthread_mutex_unlock(&workers->lock);
    if (task == NULL) {
        return false;
    }
    run_task(workers, worker, task);
    if (is_counted) {
        pthread_mutex_lock(&workers->lock);
        kind = kind_of(workers, task);
        kind->running--;
        workers->lanes[lane_of(task)].running--;
        update_ready(workers, kind);
        pthread_mutex_unlock(&workers->lock);
    }
    give_back(workers, task);
    return true;
}

bool
wf_workers_step(struct wf_workers *workers)
{
    WF_ASSERT(workers->options.is_manual);
    return step(workers, 0);
}

// Threads. ------------------------------------------------------------------

// Take one off `idle`, if there is any.
static bool
claim_idle(struct wf_workers *workers)
{
    uint32_t idle = atomic_load(&workers->idle);

    while (idle > 0) {
        if (atomic_compare_exchange_weak(&workers->idle, &idle, idle - 1)) {
            return true;
        }
    }
    return false;
}

static void
wait_claimed(struct wf_workers *workers)
{
    while (sem_wait(&workers->claimed) != 0) {
        WF_ASSERT(errno == EINTR);
    }
}

// Sleep until somebody gives a task; returns at once if one was given since
// `seen` was read.
static void
sleep_until_given(struct wf_workers *workers, uint64_t seen)
{
    atomic_fetch_add(&workers->idle, 1);
    if ((atomic_load(&workers->given) != seen ||
         atomic_load(&workers->is_stopping)) &&
        claim_idle(workers)) {
        return;
    }
    wait_claimed(workers);
}

static void *
run_worker(void *arg)
{
    struct worker *worker = arg;
    struct wf_workers *workers = worker->workers;
    const struct wf_workers_watch *watch = &workers->options.watch;

    wf_thread_name("weft-worker");
    if (watch->thread_begin != NULL) {
        watch->thread_begin(watch->ctx, worker->index);
    }
    while (!atomic_load(&workers->is_stopping)) {
        uint64_t seen = atomic_load(&workers->given);

        if (!step(workers, worker->index)) {
            sleep_until_given(workers, seen);
        }
    }
    if (watch->thread_end != NULL) {
        watch->thread_end(watch->ctx, worker->index);
    }
    return NULL;
}

static uint32_t
threads_max(const struct wf_workers *workers)
{
    return workers->options.count + (atomic_load(&workers->has_local)
                                         ? workers->options.local_count
                                         : 0);
}

static bool
add_thread(struct wf_workers *workers)
{
    bool is_made = false;
    uint32_t count;

    pthread_mutex_lock(&workers->lock);
    count = atomic_load(&workers->threads_count);
    if (count < threads_max(workers) && !atomic_load(&workers->is_stopping)) {
        struct worker *worker = &workers->threads[count];

        *worker = (struct worker){.workers = workers, .index = count};
        is_made =
            pthread_create(&worker->thread, NULL, run_worker, worker) == 0;
        if (is_made) {
            atomic_store(&workers->threads_count, count + 1);
        }
    }
    pthread_mutex_unlock(&workers->lock);
    return is_made;
}

// Give back everything that has not begun.
static void
give_back_all(struct wf_workers *workers)
{
    struct wf_list all;
    struct wf_list_node *node;

    wf_list_init(&all);
    pthread_mutex_lock(&workers->lock);
    empty_inbox(workers);
    while ((node = wf_list_pop_front(&workers->returned)) != NULL) {
        wf_list_push_back(&all, node);
    }
    for (uint32_t i = 0; i < workers->kinds_count * LANES; i++) {
        struct kind_queue *kind = &workers->kinds[i / LANES];

        while ((node = wf_list_pop_front(&kind->queues[i % LANES].waiting)) !=
               NULL) {
            wf_list_push_back(&all, node);
        }
        update_ready(workers, kind);
    }
    pthread_mutex_unlock(&workers->lock);
    while ((node = wf_list_pop_front(&all)) != NULL) {
        give_back_abandoned(workers, WF_CONTAINER(node, struct wf_task, node));
    }
}

void
wf_workers_give(struct wf_workers *workers, struct wf_task *task)
{
    const struct wf_clock *clock = &workers->options.clock;

    task->given_ns = clock->mono_ns(clock->self);
    if (task->is_local) {
        atomic_store(&workers->has_local, true);
    }
    atomic_fetch_add(&workers->open, 1);
    wf_mpsc_push(&workers->inbox, &task->queue);
    atomic_fetch_add(&workers->given, 1);
    // Either stop finds what was just pushed, or this sees that it is stopping.
    if (atomic_load(&workers->is_stopping)) {
        give_back_all(workers);
        return;
    }
    if (claim_idle(workers)) {
        sem_post(&workers->claimed);
    } else if (atomic_load(&workers->threads_count) < threads_max(workers)) {
        // If it cannot be made, those that are there will get to it.
        (void)add_thread(workers);
    }
}

void
wf_workers_depth(struct wf_workers *workers, uint32_t kind,
                 uint64_t *out_waiting, uint64_t *out_running)
{
    pthread_mutex_lock(&workers->lock);
    empty_inbox(workers);
    *out_waiting = 0;
    for (int i = 0; i < LANES; i++) {
        *out_waiting += workers->kinds[kind].queues[i].waiting.count;
    }
    *out_running = workers->kinds[kind].running;
    pthread_mutex_unlock(&workers->lock);
}

uint64_t
wf_workers_open(const struct wf_workers *workers)
{
    return atomic_load(&workers->open);
}

// Life. ---------------------------------------------------------------------

static void
init_kinds(struct wf_workers *workers)
{
    const weft_definitions *definitions = workers->options.definitions;
    uint32_t count = wf_definitions_activities_count(definitions);

    workers->kinds = wf_calloc(count * sizeof(*workers->kinds));
    workers->kinds_count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t limit =
            wf_definitions_activity_at(definitions, i)->def.max_parallel;

        for (int j = 0; j < LANES; j++) {
            wf_list_init(&workers->kinds[i].queues[j].waiting);
            workers->kinds[i].queues[j].kind = &workers->kinds[i];
        }
        workers->kinds[i].limit = limit == 0 ? UINT32_MAX : limit;
    }
}

// A manual pool has no threads: whoever steps it may run anything.
static void
init_lanes(struct wf_workers *workers)
{
    const struct wf_workers_options *options = &workers->options;

    for (int i = 0; i < LANES; i++) {
        wf_list_init(&workers->lanes[i].ready);
        workers->lanes[i].limit = options->is_manual ? UINT32_MAX
                                  : i == LANE_LOCAL  ? options->local_count
                                                     : options->count;
    }
}

weft_err
wf_workers_create(const struct wf_workers_options *options,
                  struct wf_workers **out_workers)
{
    struct wf_workers *workers = wf_calloc(sizeof(*workers));

    workers->options = *options;
    if (options->is_manual) {
        workers->options.count = 0;
        workers->options.local_count = 0;
    } else {
        workers->options.count =
            options->count == 0 ? WF_WORKERS_DEFAULT : options->count;
        workers->options.local_count = options->local_count == 0
                                           ? WF_LOCAL_WORKERS_DEFAULT
                                           : options->local_count;
    }
    WF_ASSERT(workers->options.count <= WF_WORKERS_MAX);
    WF_ASSERT(workers->options.local_count <= WF_WORKERS_MAX);
    workers->host = (struct wf_activity_host){
        .clock = options->clock,
        .beat = options->beat,
        .ctx = options->ctx,
        .choose_code = options->choose_code,
        .interceptors = wf_definitions_interceptors(options->definitions),
        .choose_ctx = options->choose_ctx,
    };
    wf_mpsc_init(&workers->inbox);
    init_lanes(workers);
    wf_list_init(&workers->returned);
    pthread_mutex_init(&workers->lock, NULL);
    sem_init(&workers->claimed, 0, 0);
    init_kinds(workers);
    workers->threads =
        wf_calloc((workers->options.count + workers->options.local_count) *
                  sizeof(*workers->threads));
    if (!options->is_manual && !add_thread(workers)) {
        wf_workers_destroy(workers);
        return wf_error(WEFT_EBUSY, "no thread can be made for activities");
    }
    *out_workers = workers;
    return WEFT_OK;
}

void
wf_workers_stop(struct wf_workers *workers)
{
    uint32_t count;

    // Under the lock, so that no thread is made after it is counted here.
    pthread_mutex_lock(&workers->lock);
    atomic_store(&workers->is_stopping, true);
    count = atomic_load(&workers->threads_count);
    pthread_mutex_unlock(&workers->lock);
    for (uint32_t i = 0; i < count; i++) {
        sem_post(&workers->claimed);
    }
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(workers->threads[i].thread, NULL);
    }
    atomic_store(&workers->threads_count, 0);
    give_back_all(workers);
}

void
wf_workers_destroy(struct wf_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    WF_ASSERT(atomic_load(&workers->open) == 0);
    sem_destroy(&workers->claimed);
    pthread_mutex_destroy(&workers->lock);
    wf_mpsc_fini(&workers->inbox);
    wf_free(workers->threads);
    wf_free(workers->kinds);
    wf_free(workers);
}
