// SPDX-License-Identifier: Apache-2.0
//
// run.c - many operations at a time, by submitted calls, from one thread.
//
// Answers only put operations onto the list of free ones; the loop begins them
// anew. So a call that fails at once does not nest.

#include "bench/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "bench/bench.h"
#include "bench/report.h"

#define OPEN_LOOP_MAX 50000 // operations under way in an open loop
#define ALL_AT_ONCE 1024
#define PATIENCE_NS 60000000000U // for answers, once nothing more is begun
#define BATCH 1024
#define FOREVER_SECONDS 1e8
#define WARM_SECONDS 0.5

struct run {
    struct bench *bench;
    begin_fn *begin;
    bool is_measured;
    uint64_t began_ns;
    uint64_t end_ns; // nothing begins after it
    uint64_t first_number;
    uint64_t count;       // nor more than so many
    double interval_ns;   // between two; 0: a closed loop
    uint64_t next_number; // of the operation that begins next
    struct op *ops;
    struct op *free;
    uint32_t open;
    uint64_t units;
    uint64_t ops_done;
    uint64_t errors;
    struct histogram part; // latency since part_ns
    uint64_t part_ns;
    uint64_t told_ns; // when progress was shown last
    uint64_t told_ops;
};

// Operations. ----------------------------------------------------------------

static void
end(struct op *op)
{
    struct run *run = op->run;
    struct bench *bench = run->bench;

    if (op->err != WEFT_OK) {
        run->errors++;
    } else {
        run->ops_done++;
        if (run->is_measured) {
            uint64_t took_ns = (bench_now_ns() - op->began_ns) / run->units;

            histogram_add(&bench->latency, took_ns);
            histogram_add(&run->part, took_ns);
        }
    }
    run->open--;
    op->next = run->free;
    run->free = op;
}

static void
answered(struct op *op, weft_err err)
{
    if (err != WEFT_OK && op->err == WEFT_OK) {
        op->err = err;
    }
    op->waits--;
    if (op->waits == 0) {
        end(op);
    }
}

void
run_answered(struct op *op, const weft_reply *reply)
{
    answered(op, reply->err);
}

static void
on_reply(void *ctx, const weft_reply *reply)
{
    run_answered(ctx, reply);
}

void
run_submit_to(struct op *op, const weft_request *request, weft_reply_fn *fn,
              void *ctx)
{
    weft_err err;

    op->waits++;
    err = weft_client_submit(op->client, request, fn, ctx, NULL);
    if (err != WEFT_OK) {
        answered(op, err);
    }
}

void
run_submit(struct op *op, const weft_request *request)
{
    run_submit_to(op, request, on_reply, op);
}

void
run_start(struct op *op, const char *kind, weft_bytes input)
{
    struct bench_id id = bench_id(op->run->bench, op->number);
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_START;
    request.target = (weft_target){kind, id.text};
    request.input = input;
    run_submit(op, &request);
}

void
run_result(struct op *op, const char *kind)
{
    struct bench_id id = bench_id(op->run->bench, op->number);
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_RESULT;
    request.target = (weft_target){kind, id.text};
    run_submit(op, &request);
}

void
run_signal(struct op *op, const char *kind, uint64_t i, const char *name,
           weft_bytes data)
{
    struct bench_id id = bench_id(op->run->bench, i);
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){kind, id.text};
    request.name = name;
    request.data = data;
    run_submit(op, &request);
}

void
run_ask(struct op *op, weft_target target, const char *name, weft_bytes data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_ASK;
    request.target = target;
    request.name = name;
    request.data = data;
    run_submit(op, &request);
}

// The loop. ------------------------------------------------------------------

// When operation `number` is to begin.
static uint64_t
intended_ns(const struct run *run, uint64_t number, uint64_t now_ns)
{
    return run->interval_ns > 0
               ? run->began_ns +
                     (uint64_t)((double)(number - run->first_number) *
                                run->interval_ns)
               : now_ns;
}

static bool
may_begin(const struct run *run, uint64_t now_ns)
{
    uint64_t at_ns = intended_ns(run, run->next_number, now_ns);

    return run->next_number < run->count && at_ns < run->end_ns &&
           at_ns <= now_ns && run->free != NULL;
}

static bool
is_over(const struct run *run, uint64_t now_ns)
{
    return run->next_number >= run->count ||
           intended_ns(run, run->next_number, now_ns) >= run->end_ns;
}

static void
begin_one(struct run *run, uint64_t now_ns)
{
    struct op *op = run->free;
    const struct place *place = &run->bench->place;
    weft_err err;

    run->free = op->next;
    *op = (struct op){
        .run = run,
        .number = run->next_number,
        .client = place->clients[run->next_number % place->clients_count],
        .began_ns = intended_ns(run, run->next_number, now_ns),
        .waits = 1, // our own, so that it does not end while it begins
    };
    run->next_number++;
    run->open++;
    err = run->begin(run->bench, op);
    answered(op, err);
}

static void
begin_all(struct run *run)
{
    uint64_t now_ns = bench_now_ns();

    while (may_begin(run, now_ns)) {
        begin_one(run, now_ns);
        now_ns = bench_now_ns();
    }
}

static void
wait_for_answers(struct run *run)
{
    struct place *place = &run->bench->place;
    uint64_t now_ns = bench_now_ns();
    uint64_t next_ns = intended_ns(run, run->next_number, now_ns);
    uint64_t wait_ns = 100000000;

    if (next_ns > now_ns && run->free != NULL && next_ns - now_ns < wait_ns) {
        wait_ns = next_ns - now_ns;
    }
    place_wait(place, wait_ns);
}

static bool
dispatch(struct run *run)
{
    struct place *place = &run->bench->place;
    size_t count = 0;

    for (uint32_t i = 0; i < place->clients_count; i++) {
        count += weft_client_dispatch(place->clients[i], BATCH);
    }
    return count > 0;
}

static void
show_progress(struct run *run)
{
    uint64_t now_ns = bench_now_ns();
    double seconds = (double)(now_ns - run->told_ns) / 1e9;

    if (!run->is_measured || seconds < 1 || !isatty(STDERR_FILENO)) {
        return;
    }
    (void)fprintf(stderr, "%6.0f s %10.0f %s/s  %llu under way  %llu errors\n",
                  (double)(now_ns - run->began_ns) / 1e9,
                  (double)((run->ops_done - run->told_ops) *
                           workload_units(&run->bench->settings)) /
                      seconds,
                  run->bench->settings.workload->counts,
                  (unsigned long long)run->open,
                  (unsigned long long)run->errors);
    run->told_ns = now_ns;
    run->told_ops = run->ops_done;
}

static void
tell_part(struct run *run)
{
    double every = run->bench->settings.every;
    uint64_t now_ns = bench_now_ns();
    double seconds = (double)(now_ns - run->part_ns) / 1e9;

    if (!run->is_measured || every == 0 || seconds < every) {
        return;
    }
    report_part(run->bench, &run->part, (double)(now_ns - run->began_ns) / 1e9,
                seconds);
    run->part = (struct histogram){0};
    run->part_ns = now_ns;
}

// Until nothing more is to begin and all is answered, or patience ends.
static void
turn(struct run *run)
{
    uint64_t now_ns = bench_now_ns();
    uint64_t last_ns = now_ns;

    while (!is_over(run, now_ns) || run->open > 0) {
        begin_all(run);
        if (!dispatch(run)) {
            wait_for_answers(run);
        }
        show_progress(run);
        tell_part(run);
        now_ns = bench_now_ns();
        if (!is_over(run, now_ns)) {
            last_ns = now_ns;
        } else if (now_ns - last_ns > PATIENCE_NS) {
            (void)fprintf(stderr, "weft-bench: %u have no answer\n", run->open);
            run->errors += run->open;
            return;
        }
    }
}

// Ops of a run that gave up may still be answered, by the client's close: they
// are never freed then.
static weft_err
go(struct run *run, uint32_t at_once)
{
    run->ops = calloc(at_once, sizeof(*run->ops));
    if (run->ops == NULL) {
        return wf_error(WEFT_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < at_once; i++) {
        run->ops[i].next = run->free;
        run->free = &run->ops[i];
    }
    run->began_ns = bench_now_ns();
    run->told_ns = run->began_ns;
    run->part_ns = run->began_ns;
    turn(run);
    if (run->open > 0) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "weft-bench: the node does not answer\n");
        _exit(1);
    }
    free(run->ops);
    return WEFT_OK;
}

static void
init(struct run *run, struct bench *bench, begin_fn *begin)
{
    const struct settings *settings = &bench->settings;
    uint64_t units = workload_units(settings);

    *run = (struct run){
        .bench = bench,
        .begin = begin,
        .count = UINT64_MAX,
        .units = settings->workload->is_per_unit ? units : 1,
        .interval_ns =
            settings->rate > 0 ? 1e9 * (double)units / settings->rate : 0,
    };
}

static weft_err
go_for(struct run *run, uint64_t began_ns, double seconds)
{
    const struct settings *settings = &run->bench->settings;

    run->end_ns = began_ns + (uint64_t)(seconds * 1e9);
    return go(run, settings->rate > 0 ? OPEN_LOOP_MAX : settings->concurrency);
}

static weft_err
measure(struct run *run, double seconds)
{
    struct bench *bench = run->bench;
    struct usage before;
    uint64_t began_ns;
    weft_err err = bench_begin(bench, &before, &began_ns);

    if (err != WEFT_OK) {
        return err;
    }
    run->is_measured = true;
    err = go_for(run, began_ns, seconds);
    bench->ops = run->ops_done;
    bench->errors += run->errors;
    return err == WEFT_OK ? bench_end(bench, &before, began_ns) : err;
}

// A node that was just opened gets its memory page by page from the system,
// which an open loop would tell of for as long as it takes to make up for.
static weft_err
warm_up(struct bench *bench, uint64_t *out_next_number)
{
    struct run run;
    weft_err err;

    init(&run, bench, bench->settings.workload->begin);
    err = go_for(&run, bench_now_ns(), WARM_SECONDS);
    bench->errors += run.errors;
    bench->ops_before = run.ops_done;
    *out_next_number = run.next_number;
    return err;
}

weft_err
run_loop(struct bench *bench)
{
    struct run run;
    weft_err err = WEFT_OK;

    init(&run, bench, bench->settings.workload->begin);
    if (bench->settings.rate > 0) {
        err = warm_up(bench, &run.first_number);
        run.next_number = run.first_number;
    }
    return err == WEFT_OK ? measure(&run, bench->settings.seconds) : err;
}

weft_err
run_measured(struct bench *bench, begin_fn *begin, uint64_t count)
{
    struct run run;

    init(&run, bench, begin);
    run.count = count;
    return measure(&run, FOREVER_SECONDS);
}

weft_err
run_all(struct bench *bench, begin_fn *begin, uint64_t count)
{
    struct run run = {
        .bench = bench,
        .begin = begin,
        .end_ns = UINT64_MAX,
        .count = count,
        .units = 1,
    };
    weft_err err = go(&run, ALL_AT_ONCE);

    if (err == WEFT_OK && run.errors > 0) {
        return wf_error(WEFT_EFAILED, "%llu of %llu before or after failed",
                        (unsigned long long)run.errors,
                        (unsigned long long)count);
    }
    return err;
}
