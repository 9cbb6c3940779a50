// SPDX-License-Identifier: Apache-2.0
//
// overload.c - ten times what a node can take.
//
//     load_overload DIR SECONDS
//
// First it is measured what the node takes when clients wait for answers. Then
// CLIENTS threads submit ten times that, without waiting, for SECONDS: small
// signals, large ones, starts of workflows that call activities; and then they
// stop. What must hold:
//
//   - weft's memory stays in memory_bytes, and the process's not far above
//   - what is refused is refused with a hint when to come again
//   - what is acknowledged counts once
//   - within 30 s, or twice that where others work too, the node takes again
//     what it took before: in a second, or at least a tenth of that, and as
//     much in a second of a processor

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load/load.h"
#include "support/counter.h"

#define CLIENTS 4
#define OUTSTANDING 64 // of each client, when it is measured
#define MEMORY_BYTES (96U << 20)
// Of the store, stacks, and clients with what they have under way.
#define BESIDES_BYTES (352U << 20)
// What the allocator keeps of what was given back.
#define KEPT_BYTES (448U << 20)
#define LOOK_HEAP 10 // each so many looks: it stops other threads
#define COUNTERS 256
#define COUNT_NS_MAX 60000000000U // what is acknowledged is counted later
#define FACTOR 10
#define TRIES 5
#define NORMAL_PERCENT 60 // of the rate before: this machine is not quiet
#define BUSY_PERCENT 10   // the same if others have the processors
#define NORMAL_MS 60000
#define MEASURE_MS 1000
#define LARGE_BYTES 20000

enum work { SMALL, LARGE, STARTS, WORKS_COUNT };
static const char *const work_names[] = {"small signals", "large signals",
                                         "workflows"};

struct overload {
    weft_node *node;
    enum work work;
    _Atomic bool is_over;
    _Atomic uint64_t answered;
    _Atomic uint64_t next_id;
    uint64_t rate;     // a second, that it takes
    uint64_t cpu_rate; // a second of a processor
    uint64_t faults;
};

struct hand {
    struct overload *overload;
    pthread_t thread;
    weft_client *client;
    uint64_t per_s; // 0: whatever OUTSTANDING gives
    uint32_t outstanding;
    uint64_t acknowledged; // signals
    uint64_t refused;
    uint64_t faults;
};

// Work. -----------------------------------------------------------------------

static weft_err
work_a_little(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

static weft_err
call_one(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;
    weft_err err = weft_workflow_call(wf, "little", input, NULL, &result);

    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

static void
answered(void *ctx, const weft_reply *reply)
{
    struct hand *hand = ctx;

    hand->outstanding--;
    atomic_fetch_add(&hand->overload->answered, 1);
    if (reply->err == WEFT_OK) {
        hand->acknowledged++;
    } else if (reply->err == WEFT_EBUSY && reply->retry_after_ms > 0) {
        hand->refused++;
    } else if (hand->faults++ == 0) {
        (void)fprintf(stderr, "%s: %s: %s\n", work_names[hand->overload->work],
                      weft_err_name(reply->err), reply->detail);
    }
}

static void
submit(struct hand *hand)
{
    static const uint8_t large[LARGE_BYTES];
    struct overload *overload = hand->overload;
    uint64_t number = atomic_fetch_add(&overload->next_id, 1);
    weft_request request = WEFT_REQUEST_INIT;
    char id[40];
    weft_err err;

    if (overload->work == STARTS) {
        (void)snprintf(id, sizeof(id), "w%" PRIu64, number);
        request.verb = WEFT_VERB_START;
        request.target = (weft_target){"caller", id};
    } else {
        (void)snprintf(id, sizeof(id), "%d-%" PRIu64, (int)overload->work,
                       number % COUNTERS);
        request.verb = WEFT_VERB_SIGNAL;
        request.target = (weft_target){"counter", id};
        request.name = "add";
        request.data =
            weft_bytes_of(large, overload->work == LARGE ? sizeof(large) : 100);
    }
    err = weft_client_submit(hand->client, &request, answered, hand, NULL);
    if (err == WEFT_OK) {
        hand->outstanding++;
    } else if (err == WEFT_EBUSY) {
        hand->refused++; // it has as many under way as a client may
    } else if (hand->faults++ == 0) {
        (void)fprintf(stderr, "submit: %s: %s\n", weft_err_name(err),
                      weft_err_detail());
    }
}

static void *
drive(void *ctx)
{
    struct hand *hand = ctx;
    const struct overload *overload = hand->overload;
    uint64_t began_ns = load_now_ns();
    uint64_t sent = 0;

    while (!atomic_load(&overload->is_over)) {
        uint64_t due =
            hand->per_s == 0
                ? sent + (hand->outstanding < OUTSTANDING)
                : (load_now_ns() - began_ns) / 1000 * hand->per_s / 1000000;

        for (uint32_t i = 0; i < 1000 && sent < due; i++, sent++) {
            submit(hand);
        }
        if (weft_client_dispatch(hand->client, 1000) == 0 && sent >= due) {
            load_sleep_until(load_now_ns() + 50000);
        }
    }
    while (hand->outstanding > 0) {
        if (weft_client_dispatch(hand->client, 1000) == 0) {
            load_sleep_ms(1);
        }
    }
    return NULL;
}

// Phases. ---------------------------------------------------------------------

struct phase {
    uint64_t answered;
    uint64_t acknowledged;
    uint64_t refused;
    uint64_t rss_max;
    uint64_t heap_max;
    double seconds;
    double cpu_seconds;
};

static double
cpu_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
watch(struct phase *phase, uint64_t ms)
{
    uint64_t end = load_now_ns() + ms * 1000000U;

    for (uint32_t i = 1; load_now_ns() < end; i++) {
        uint64_t rss = load_rss_bytes();
        uint64_t heap = i % LOOK_HEAP == 0 ? load_heap_bytes() : 0;

        phase->rss_max = rss > phase->rss_max ? rss : phase->rss_max;
        phase->heap_max = heap > phase->heap_max ? heap : phase->heap_max;
        load_sleep_ms(20);
    }
}

// For so long; per_s in all, or 0: as much as it takes.
static struct phase
run_phase(struct overload *overload, uint64_t ms, uint64_t per_s)
{
    struct hand hands[CLIENTS] = {{0}};
    struct phase phase = {0};
    uint64_t began = atomic_load(&overload->answered);
    uint64_t began_ns = load_now_ns();
    double began_cpu = cpu_now();

    atomic_store(&overload->is_over, false);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        hands[i].overload = overload;
        hands[i].per_s = per_s / CLIENTS;
        load_must(weft_client_open(overload->node, NULL, &hands[i].client),
                  "a client");
        if (pthread_create(&hands[i].thread, NULL, drive, &hands[i]) != 0) {
            load_must(WEFT_EBUSY, "a thread");
        }
    }
    watch(&phase, ms);
    phase.answered = atomic_load(&overload->answered) - began;
    phase.seconds = (double)(load_now_ns() - began_ns) / 1e9;
    phase.cpu_seconds = cpu_now() - began_cpu;
    atomic_store(&overload->is_over, true);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        (void)pthread_join(hands[i].thread, NULL);
        weft_client_close(hands[i].client);
        phase.acknowledged += hands[i].acknowledged;
        phase.refused += hands[i].refused;
        overload->faults += hands[i].faults;
    }
    return phase;
}

static uint64_t
rate_of(const struct phase *phase)
{
    return (uint64_t)((double)phase->answered / phase->seconds);
}

static uint64_t
cpu_rate_of(const struct phase *phase)
{
    return (uint64_t)((double)phase->answered / phase->cpu_seconds);
}

// What is left of the overload takes of the processors what they have.
static bool
is_normal(const struct overload *overload, const struct phase *phase)
{
    uint64_t percent = rate_of(phase) * 100 / (overload->rate + 1);
    uint64_t of_cpu = cpu_rate_of(phase) * 100 / (overload->cpu_rate + 1);

    return phase->refused == 0 &&
           (percent >= NORMAL_PERCENT ||
            (percent >= BUSY_PERCENT && of_cpu >= NORMAL_PERCENT));
}

// Milliseconds until it takes again what it took before.
static uint64_t
wait_for_normal(struct overload *overload, uint64_t *acknowledged)
{
    uint64_t began_ns = load_now_ns();
    uint64_t ms = 0;

    while (ms <= NORMAL_MS) {
        struct phase phase = run_phase(overload, MEASURE_MS, 0);

        ms = (load_now_ns() - began_ns) / 1000000;
        *acknowledged += phase.acknowledged;
        if (is_normal(overload, &phase)) {
            return ms;
        }
    }
    (void)fprintf(stderr, "%s: not back to normal after %" PRIu64 " ms\n",
                  work_names[overload->work], ms);
    overload->faults++;
    return ms;
}

static void
check_counters(struct overload *overload, uint64_t acknowledged)
{
    uint64_t sum;
    uint64_t until_ns = load_now_ns() + COUNT_NS_MAX;
    weft_client *client;
    char id[40];

    if (overload->work == STARTS) {
        return;
    }
    load_must(weft_client_open(overload->node, NULL, &client), "a client");
    do {
        sum = 0;
        for (int i = 0; i < COUNTERS; i++) {
            (void)snprintf(id, sizeof(id), "%d-%d", (int)overload->work, i);
            sum += load_count(client, id, 0);
        }
    } while (sum < acknowledged && load_now_ns() < until_ns);
    weft_client_close(client);
    if (sum != acknowledged) {
        (void)fprintf(stderr,
                      "%s: %" PRIu64 " acknowledged, %" PRIu64 " counted\n",
                      work_names[overload->work], acknowledged, sum);
        overload->faults++;
    }
}

// More than it can take. What it takes was measured on a machine that others
// use too: if all is answered, that was too little, and more is asked.
static struct phase
overwhelm(struct overload *overload, uint64_t ms, uint64_t *acknowledged)
{
    uint64_t per_s = overload->rate * FACTOR;
    struct phase phase;

    for (int i = 0; i < TRIES; i++, per_s *= 2) {
        phase = run_phase(overload, ms, per_s);
        *acknowledged += phase.acknowledged;
        if (phase.refused > 0) {
            return phase;
        }
    }
    (void)fprintf(stderr, "%s: nothing was refused\n",
                  work_names[overload->work]);
    overload->faults++;
    return phase;
}

static void
run_work(struct overload *overload, enum work work, uint64_t ms)
{
    uint64_t faults = overload->faults;
    struct phase before;
    struct phase phase;
    uint64_t acknowledged;
    uint64_t normal_ms;
    char note[200];

    overload->work = work;
    before = run_phase(overload, MEASURE_MS, 0);
    overload->rate = rate_of(&before);
    overload->cpu_rate = cpu_rate_of(&before);
    acknowledged = before.acknowledged;
    phase = overwhelm(overload, ms, &acknowledged);
    normal_ms = wait_for_normal(overload, &acknowledged);
    check_counters(overload, acknowledged);
    if (phase.heap_max > MEMORY_BYTES + BESIDES_BYTES ||
        phase.rss_max > MEMORY_BYTES + BESIDES_BYTES + KEPT_BYTES) {
        (void)fprintf(stderr, "%s: that is too much memory\n",
                      work_names[work]);
        overload->faults++;
    }
    (void)snprintf(note, sizeof(note),
                   "takes %" PRIu64 "/s; at ten times that: %" PRIu64
                   " MiB in use, %" PRIu64 " resident, %" PRIu64
                   " refused; normal after %" PRIu64 " ms",
                   overload->rate, phase.heap_max >> 20, phase.rss_max >> 20,
                   phase.refused, normal_ms);
    load_result(work_names[work], acknowledged, overload->faults - faults,
                note);
}

static void
open_node(struct overload *overload, const char *dir,
          weft_definitions **out_definitions)
{
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    load_must(weft_definitions_create(out_definitions), "definitions");
    load_must(counter_define(*out_definitions), "a counter");
    workflow.name = "caller";
    workflow.run = call_one;
    load_must(weft_definitions_add_workflow(*out_definitions, &workflow),
              "a workflow");
    activity.name = "little";
    activity.run = work_a_little;
    load_must(weft_definitions_add_activity(*out_definitions, &activity),
              "an activity");
    options.data_dir = dir;
    options.definitions = *out_definitions;
    options.memory_bytes = MEMORY_BYTES;
    load_must(weft_node_open(&options, &overload->node), "a node");
}

int
main(int argc, char **argv)
{
    struct overload overload = {0};
    weft_definitions *definitions;

    if (argc != 3) {
        (void)fprintf(stderr, "load_overload DIR SECONDS\n");
        return 2;
    }
    open_node(&overload, argv[1], &definitions);
    for (int work = 0; work < WORKS_COUNT; work++) {
        run_work(&overload, (enum work)work,
                 strtoull(argv[2], NULL, 10) * 1000 / WORKS_COUNT);
    }
    weft_node_close(overload.node);
    weft_definitions_destroy(definitions);
    return overload.faults == 0 ? 0 : 1;
}
