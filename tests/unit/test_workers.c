// SPDX-License-Identifier: Apache-2.0

#include "runtime/workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/bytes.h"
#include "runtime/definitions.h"
#include "runtime/task.h"
#include "support/test.h"

// A pool, three kinds, and what came back. `fast` returns its input, `narrow`
// runs twice at a time at most, `gated` waits until the gate is open, one at a
// time, `held` the same without a limit.
enum { BACK_MAX = 20000, NARROW_MAX = 2 };

static struct {
    weft_definitions *definitions;
    struct wf_workers *workers;
    pthread_mutex_t lock;
    struct wf_task *back[BACK_MAX];
    size_t back_count;
    atomic_bool is_open;
    atomic_int running; // of narrow and gated
    atomic_int running_max;
    atomic_int begun;
    atomic_int watched;
    atomic_int threads;
    atomic_int worker_max;
} rig;

static weft_err
fast(weft_activity *activity, weft_bytes input)
{
    atomic_fetch_add(&rig.begun, 1);
    return weft_activity_return(activity, input);
}

static void
count_in(void)
{
    int running = atomic_fetch_add(&rig.running, 1) + 1;
    int max = atomic_load(&rig.running_max);

    while (running > max &&
           !atomic_compare_exchange_weak(&rig.running_max, &max, running)) {
    }
    atomic_fetch_add(&rig.begun, 1);
}

static weft_err
narrow(weft_activity *activity, weft_bytes input)
{
    count_in();
    sched_yield();
    atomic_fetch_sub(&rig.running, 1);
    return weft_activity_return(activity, input);
}

static weft_err
gated(weft_activity *activity, weft_bytes input)
{
    (void)input;
    count_in();
    while (!atomic_load(&rig.is_open) &&
           !weft_activity_is_cancelled(activity)) {
        sched_yield();
    }
    atomic_fetch_sub(&rig.running, 1);
    return weft_activity_is_cancelled(activity) ? WEFT_ECANCELLED : WEFT_OK;
}

static void
take_back(void *ctx, struct wf_task *task)
{
    (void)ctx;
    pthread_mutex_lock(&rig.lock);
    rig.back[rig.back_count++] = task;
    pthread_mutex_unlock(&rig.lock);
}

static size_t
back_count(void)
{
    size_t count;

    pthread_mutex_lock(&rig.lock);
    count = rig.back_count;
    pthread_mutex_unlock(&rig.lock);
    return count;
}

static void
drop_beat(void *ctx, struct wf_beat *beat)
{
    (void)ctx;
    wf_beat_destroy(beat);
}

static uint64_t
fixed_time(void *self)
{
    (void)self;
    return 4711;
}

static void
watch_thread(void *ctx, uint32_t worker)
{
    (void)ctx;
    (void)worker;
    atomic_fetch_add(&rig.threads, 1);
}

static void
watch_begin(void *ctx, uint32_t worker, const struct wf_task *task)
{
    int max = atomic_load(&rig.worker_max);

    (void)ctx;
    (void)task;
    while ((int)worker > max &&
           !atomic_compare_exchange_weak(&rig.worker_max, &max, (int)worker)) {
    }
    atomic_fetch_add(&rig.watched, 1);
}

static void
watch_end(void *ctx, uint32_t worker)
{
    (void)ctx;
    (void)worker;
    atomic_fetch_sub(&rig.watched, 1);
}

static void
add_kind(const char *name, weft_activity_fn *run, uint32_t max_parallel)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = name;
    def.run = run;
    def.max_parallel = max_parallel;
    CHECK_OK(weft_definitions_add_activity(rig.definitions, &def));
}

static void
open_rig(uint32_t count)
{
    struct wf_workers_options options = {
        .count = count,
        .is_manual = count == 0,
        .clock = {.wall_ms = fixed_time, .mono_ns = fixed_time},
        .done = take_back,
        .beat = drop_beat,
        .watch = {.thread_begin = watch_thread,
                  .begin = watch_begin,
                  .end = watch_end},
    };

    memset(&rig, 0, sizeof(rig));
    pthread_mutex_init(&rig.lock, NULL);
    CHECK_OK(weft_definitions_create(&rig.definitions));
    add_kind("fast", fast, 0);
    add_kind("narrow", narrow, NARROW_MAX);
    add_kind("gated", gated, 1);
    add_kind("held", gated, 0);
    options.definitions = rig.definitions;
    CHECK_OK(wf_workers_create(&options, &rig.workers));
}

static void
close_rig(void)
{
    wf_workers_stop(rig.workers);
    CHECK_EQ(wf_workers_open(rig.workers), 0);
    CHECK_EQ(atomic_load(&rig.watched), 0);
    wf_workers_destroy(rig.workers);
    for (size_t i = 0; i < rig.back_count; i++) {
        wf_task_destroy(rig.back[i]);
    }
    weft_definitions_destroy(rig.definitions);
    pthread_mutex_destroy(&rig.lock);
}

static struct wf_task *
make_task(const char *kind, const char *input)
{
    struct wf_task *task = wf_task_create();

    task->kind = wf_definitions_find_activity(rig.definitions, kind);
    task->input = wf_bytes_copy(weft_text(input));
    return task;
}

static struct wf_task *
give(const char *kind, const char *input)
{
    struct wf_task *task = make_task(kind, input);

    wf_workers_give(rig.workers, task);
    return task;
}

static void
wait_back(size_t count)
{
    while (back_count() < count) {
        sched_yield();
    }
}

static void
wait_begun(int count)
{
    while (atomic_load(&rig.begun) < count) {
        sched_yield();
    }
}

TEST(workers, manual_pools_run_one_task_a_step)
{
    struct wf_task *task;

    open_rig(0);
    CHECK(!wf_workers_step(rig.workers));
    task = give("fast", "a");
    give("fast", "b");
    CHECK_EQ(wf_workers_open(rig.workers), 2);
    CHECK_EQ(back_count(), 0);
    CHECK(wf_workers_step(rig.workers));
    CHECK_EQ(back_count(), 1);
    CHECK(rig.back[0] == task);
    CHECK_BYTES(task->outcome.data, weft_text("a"));
    CHECK(atomic_load(&task->started_at_ms) > 0);
    CHECK(wf_workers_step(rig.workers));
    CHECK(!wf_workers_step(rig.workers));
    CHECK_EQ(wf_workers_open(rig.workers), 0);
    close_rig();
}

TEST(workers, kinds_take_turns_and_each_keeps_its_order)
{
    static const char *const expected[] = {"f1", "n1", "f2", "n2", "f3"};

    open_rig(0);
    give("fast", "f1");
    give("fast", "f2");
    give("fast", "f3");
    give("narrow", "n1");
    give("narrow", "n2");
    while (wf_workers_step(rig.workers)) {
    }
    CHECK_EQ(back_count(), 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_BYTES(rig.back[i]->input, weft_text(expected[i]));
    }
    close_rig();
}

TEST(workers, what_is_abandoned_or_cancelled_before_it_began_never_runs)
{
    struct wf_task *abandoned;
    struct wf_task *cancelled;

    open_rig(0);
    abandoned = give("fast", "a");
    cancelled = give("fast", "b");
    atomic_store(&abandoned->is_abandoned, true);
    atomic_store(&cancelled->is_cancelled, true);
    while (wf_workers_step(rig.workers)) {
    }
    CHECK_EQ(back_count(), 2);
    CHECK_EQ(atomic_load(&rig.begun), 0);
    CHECK_EQ(atomic_load(&abandoned->started_at_ms), 0);
    CHECK_EQ(atomic_load(&cancelled->started_at_ms), 0);
    CHECK_ERR(cancelled->outcome.err, WEFT_ECANCELLED);
    CHECK_STR(cancelled->outcome.name, "WEFT_ECANCELLED");
    close_rig();
}

TEST(workers, stop_gives_back_what_has_not_begun)
{
    struct wf_task *task;

    open_rig(0);
    task = give("fast", "a");
    wf_workers_stop(rig.workers);
    CHECK_EQ(back_count(), 1);
    CHECK(atomic_load(&task->is_abandoned));
    CHECK_EQ(atomic_load(&rig.begun), 0);
    task = give("narrow", "late");
    CHECK_EQ(back_count(), 2);
    CHECK(atomic_load(&task->is_abandoned));
    close_rig();
}

TEST(workers, every_task_comes_back_once_from_many_givers)
{
    open_rig(8);
    for (int i = 0; i < BACK_MAX / 2; i++) {
        give("fast", "x");
        give("narrow", "y");
    }
    wait_back(BACK_MAX);
    CHECK_EQ(atomic_load(&rig.begun), BACK_MAX);
    CHECK(atomic_load(&rig.running_max) <= NARROW_MAX);
    CHECK(atomic_load(&rig.threads) <= 8);
    CHECK(atomic_load(&rig.worker_max) < 8);
    close_rig();
}

enum { GIVERS = 4, EACH = 2000 };

static void *
give_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        wf_workers_give(rig.workers, make_task("fast", "x"));
        // Sparse enough for workers to fall asleep in between.
        if (i % 16 == 0) {
            sched_yield();
        }
    }
    return NULL;
}

TEST(workers, no_wakeup_is_lost_between_givers_and_sleepers)
{
    pthread_t threads[GIVERS];

    open_rig(3);
    for (size_t i = 0; i < GIVERS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, give_many, NULL), 0);
    }
    for (size_t i = 0; i < GIVERS; i++) {
        pthread_join(threads[i], NULL);
    }
    wait_back((size_t)GIVERS * EACH);
    close_rig();
}

// One at a time, so that each finds every worker asleep.
TEST(workers, a_single_task_wakes_a_sleeper)
{
    open_rig(2);
    for (size_t i = 1; i <= 2000; i++) {
        give("fast", "x");
        wait_back(i);
    }
    close_rig();
}

static void
give_local(const char *kind, const char *input)
{
    struct wf_task *task = make_task(kind, input);

    task->is_local = true;
    wf_workers_give(rig.workers, task);
}

// Both threads are taken and a queue waits behind them; local ones run all the
// same, and do not let one of the others run in their place.
TEST(workers, a_flood_of_others_does_not_keep_local_ones_waiting)
{
    open_rig(2);
    for (int i = 0; i < 50; i++) {
        give("held", "x");
    }
    wait_begun(2);
    for (int i = 0; i < 20; i++) {
        give_local("fast", "y");
    }
    wait_back(20);
    CHECK_EQ(atomic_load(&rig.running), 2);
    atomic_store(&rig.is_open, true);
    wait_back(70);
    CHECK_EQ(atomic_load(&rig.running_max), 2);
    close_rig();
}

TEST(workers, a_flood_of_local_ones_does_not_keep_others_waiting)
{
    open_rig(2);
    for (int i = 0; i < 50; i++) {
        give_local("held", "x");
    }
    wait_begun(4); // their threads, by default
    for (int i = 0; i < 20; i++) {
        give("fast", "y");
    }
    wait_back(20);
    CHECK_EQ(atomic_load(&rig.running), 4);
    atomic_store(&rig.is_open, true);
    wait_back(70);
    CHECK_EQ(atomic_load(&rig.running_max), 4);
    close_rig();
}

TEST(workers, a_kind_at_its_limit_occupies_no_other_thread)
{
    open_rig(2);
    give("gated", "1");
    wait_begun(1);
    give("gated", "2");
    give("gated", "3");
    for (int i = 0; i < 100; i++) {
        give("fast", "x");
    }
    wait_back(100); // on the one thread that is left
    CHECK_EQ(atomic_load(&rig.running), 1);
    atomic_store(&rig.is_open, true);
    wait_back(103);
    CHECK_EQ(atomic_load(&rig.running_max), 1);
    CHECK_BYTES(rig.back[101]->input, weft_text("2"));
    CHECK_BYTES(rig.back[102]->input, weft_text("3"));
    close_rig();
}

TEST(workers, cancellation_reaches_what_runs)
{
    struct wf_task *task;

    open_rig(1);
    task = give("gated", "1");
    wait_begun(1);
    atomic_store(&task->is_cancelled, true);
    wait_back(1);
    CHECK_ERR(task->outcome.err, WEFT_ECANCELLED);
    CHECK(atomic_load(&task->started_at_ms) > 0);
    close_rig();
}

static void *
open_gate(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        sched_yield();
    }
    atomic_store(&rig.is_open, true);
    return NULL;
}

TEST(workers, stop_waits_for_what_runs)
{
    struct wf_task *running;
    struct wf_task *waiting;
    pthread_t thread;

    open_rig(4);
    running = give("gated", "1");
    wait_begun(1);
    waiting = give("gated", "2");
    CHECK_EQ(pthread_create(&thread, NULL, open_gate, NULL), 0);
    wf_workers_stop(rig.workers);
    pthread_join(thread, NULL);
    CHECK_EQ(back_count(), 2);
    CHECK(!atomic_load(&running->is_abandoned));
    CHECK(atomic_load(&waiting->is_abandoned));
    CHECK_EQ(atomic_load(&rig.begun), 1);
    close_rig();
}

// Abandoned tasks behind a limit come back when the next one is given.
TEST(workers, abandoned_tasks_do_not_wait_behind_a_limit)
{
    struct wf_task *abandoned;

    open_rig(2);
    give("gated", "1");
    wait_begun(1);
    abandoned = give("gated", "2");
    atomic_store(&abandoned->is_abandoned, true);
    give("gated", "3");
    wait_back(1);
    CHECK(rig.back[0] == abandoned);
    atomic_store(&rig.is_open, true);
    wait_back(3);
    close_rig();
}
