// SPDX-License-Identifier: Apache-2.0
//
// scale.c - instances as large as the limits say: what they cost in time and
// memory, and that they come out right.
//
//     scale              small, in seconds: part of the tests
//     scale full         the sizes that are promised
//     scale full signal  those whose names begin so
//
// Each case runs in a process of its own, on a node in memory with a clock
// that skips, so that its peak memory is its own. The store is in memory too:
// what is in rows counts twice, as long as its log is there.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scale/kinds.h"
#include "weft/find.h"
#include "weft/payload.h"
#include "weft/task_queue.h"
#include "weft/testing.h"
#include "weft/worker.h"

#define DAY_MS (24ULL * 3600 * 1000)
#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static const weft_target target = {"scale", "one"};
static const weft_target queue = {WEFT_TASK_QUEUE_KIND, "q"};

// What a case is about: so many things, and a node.
struct run {
    weft_test *test;
    weft_client *client;
    uint64_t count;
};

struct scale_case {
    const char *name;
    void (*run)(struct run *run);
    uint64_t small;
    uint64_t full;
};

static void
start(const struct run *run, const char *plan)
{
    char input[64];

    (void)snprintf(input, sizeof(input), "%s %" PRIu64, plan, run->count);
    CHECK(weft_client_start(run->client, target, weft_text(input)) == WEFT_OK);
    weft_test_run(run->test);
}

static void
signal_it(const struct run *run, const char *name)
{
    CHECK(weft_client_signal(run->client, target, name, weft_text("data")) ==
          WEFT_OK);
}

static void
signal_often(const struct run *run, const char *name)
{
    for (uint64_t i = 0; i < run->count; i++) {
        signal_it(run, name);
    }
}

// Its result is the number of things that it has seen.
static void
check_result(const struct run *run, uint64_t wanted)
{
    weft_reply *reply = NULL;
    char text[32] = "";
    weft_err err = weft_client_result(run->client, target, 0, &reply);

    if (err != WEFT_OK) {
        fprintf(stderr, "result: %s: %s\n", weft_err_name(err),
                reply == NULL ? "" : reply->failure.message);
        exit(1);
    }
    memcpy(text, reply->data.data,
           reply->data.len < sizeof(text) ? reply->data.len : sizeof(text) - 1);
    CHECK(strtoull(text, NULL, 10) == wanted);
    weft_reply_free(reply);
}

// Open at once. -------------------------------------------------------------

static void
run_all(struct run *run)
{
    start(run, "all");
    check_result(run, run->count);
}

static void
run_settled(struct run *run)
{
    start(run, "settled");
    check_result(run, run->count);
}

// Each fails once, so that each is begun twice.
static void
run_retried(struct run *run)
{
    weft_test_stub stub = WEFT_TEST_STUB_INIT;

    stub.fail_count = 1;
    CHECK(weft_test_stub_activity(run->test, "work", &stub) == WEFT_OK);
    start(run, "settled");
    check_result(run, run->count);
}

static void
run_branches(struct run *run)
{
    start(run, "branches");
    check_result(run, run->count);
}

static void
run_sliding(struct run *run)
{
    start(run, "sliding");
    check_result(run, run->count);
}

static void
run_timers(struct run *run)
{
    start(run, "timers");
    check_result(run, run->count);
}

// The process dies while all are open.
static void
run_crashed(struct run *run)
{
    start(run, "timers");
    weft_test_crash(run->test);
    check_result(run, run->count);
}

static void
run_cancelled(struct run *run)
{
    start(run, "timers");
    CHECK(weft_client_cancel(run->client, target) == WEFT_OK);
    CHECK(weft_client_result(run->client, target, 0, NULL) == WEFT_ECANCELLED);
}

// Children. -----------------------------------------------------------------

static void
check_children(const struct run *run, const char *status)
{
    weft_reply *reply = NULL;
    char filter[80];

    (void)snprintf(filter, sizeof(filter),
                   "kind = \"child\" and status = \"%s\"", status);
    CHECK(weft_client_count(run->client, filter, NULL, &reply) == WEFT_OK);
    CHECK(reply->count == run->count);
    weft_reply_free(reply);
}

static void
run_family(struct run *run)
{
    start(run, "family");
    check_result(run, run->count);
    check_children(run, "completed");
}

static void
run_orphans(struct run *run)
{
    start(run, "parent");
    CHECK(weft_client_cancel(run->client, target) == WEFT_OK);
    weft_test_run(run->test);
    CHECK(weft_client_result(run->client, target, 0, NULL) == WEFT_ECANCELLED);
    check_children(run, "cancelled");
}

// The process dies while they wait, and again when the first have been told.
static void
run_tyrant(struct run *run)
{
    start(run, "tyrant");
    weft_test_crash(run->test);
    CHECK(weft_client_terminate(run->client, target, "enough") == WEFT_OK);
    weft_test_crash(run->test);
    weft_test_run(run->test);
    check_children(run, "terminated");
}

// A queue with so many offers that wait, one worker that takes all, and a crash
// before and in the middle.
static uint64_t
depth_of(const struct run *run)
{
    weft_reply *reply = NULL;
    uint64_t depth = 0;

    CHECK(weft_client_query(run->client, queue, "depth", weft_nothing(),
                            &reply) == WEFT_OK);
    CHECK(weft_payload_get_uint(reply->data, "", &depth) == WEFT_OK);
    weft_reply_free(reply);
    return depth;
}

static void
by_token(const struct run *run, weft_verb verb, const char *token)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;

    request.verb = verb;
    request.token = token;
    request.worker = "one";
    request.lease_ms = 600000;
    CHECK(weft_client_call(run->client, &request, 0, &reply) == WEFT_OK);
    weft_reply_free(reply);
}

// Poll, confirming those before; run what comes. Returns how many.
static uint64_t
take(const struct run *run, weft_payload *taken)
{
    weft_payload *poll = NULL;
    weft_reply *reply = NULL;
    weft_payload_entries walk;
    weft_bytes offer;
    char token[WEFT_TOKEN_CHARS_MAX];
    size_t count;

    CHECK(weft_payload_create(&poll) == WEFT_OK);
    CHECK(weft_payload_pack(poll,
                            "{'poller':B, 'credit':d, 'wait_ms':d, 'taken':v}",
                            "0123456789abcdef", (size_t)16, 1000, 0,
                            weft_payload_bytes(taken)) == WEFT_OK);
    CHECK(weft_client_ask(run->client, queue, "poll", weft_payload_bytes(poll),
                          &reply) == WEFT_OK);
    CHECK(weft_payload_get_count(reply->data, "offers", &count) == WEFT_OK);
    CHECK(weft_payload_walk(reply->data, "offers", &walk) == WEFT_OK);
    weft_payload_reset(taken);
    weft_payload_array(taken, count);
    while (weft_payload_next(&walk, NULL, &offer)) {
        uint64_t id;

        CHECK(weft_payload_get_uint(offer, "id", &id) == WEFT_OK);
        CHECK(weft_payload_get_text(offer, "token", token, sizeof(token)) ==
              WEFT_OK);
        by_token(run, WEFT_VERB_LEASE, token);
        by_token(run, WEFT_VERB_COMPLETE, token);
        weft_payload_uint(taken, id);
    }
    weft_reply_free(reply);
    weft_payload_destroy(poll);
    return count;
}

static void
run_queue(struct run *run)
{
    weft_payload *taken = NULL;
    uint64_t count = 0;

    start(run, "queued");
    weft_test_run(run->test); // until the queue has heard of all of them
    CHECK(depth_of(run) == run->count);
    weft_test_crash(run->test);
    CHECK(depth_of(run) == run->count);
    CHECK(weft_payload_create(&taken) == WEFT_OK);
    weft_payload_array(taken, 0);
    count += take(run, taken);
    weft_test_crash(run->test);
    while (count < run->count) {
        count += take(run, taken);
    }
    check_result(run, run->count);
    CHECK(take(run, taken) == 0 && depth_of(run) == 0);
    weft_payload_destroy(taken);
}

// Signals. ------------------------------------------------------------------

static void
run_later(struct run *run)
{
    start(run, "later");
    signal_often(run, "tick");
    signal_it(run, "go");
    check_result(run, run->count);
}

static void
run_never(struct run *run)
{
    start(run, "go");
    signal_often(run, "tick");
    signal_it(run, "go");
    check_result(run, 1);
    weft_test_run(run->test);
}

static void
run_paused(struct run *run)
{
    start(run, "receive");
    CHECK(weft_client_pause(run->client, target) == WEFT_OK);
    signal_often(run, "tick");
    CHECK(weft_client_resume(run->client, target) == WEFT_OK);
    check_result(run, run->count);
}

static void
run_restarted(struct run *run)
{
    start(run, "restart");
    signal_often(run, "tick");
    signal_it(run, "go");
    check_result(run, run->count);
}

// Long lives. ---------------------------------------------------------------

static void
run_steps(struct run *run)
{
    start(run, "steps");
    check_result(run, run->count);
}

static void
run_replayed(struct run *run)
{
    start(run, "values");
    weft_test_crash(run->test);
    signal_it(run, "go");
    check_result(run, run->count);
}

static const struct scale_case cases[] = {
    {"open.activities", run_all, 2000, 100000},
    {"open.settled", run_settled, 2000, 100000},
    {"open.retried", run_retried, 2000, 100000},
    {"open.branches", run_branches, 2000, 100000},
    {"open.sliding", run_sliding, 2000, 100000},
    {"open.timers", run_timers, 2000, 100000},
    {"open.crashed", run_crashed, 2000, 100000},
    {"open.cancelled", run_cancelled, 2000, 100000},
    {"children.all", run_family, 2000, 100000},
    {"children.cancelled", run_orphans, 2000, 100000},
    {"children.crashed", run_tyrant, 2000, 100000},
    {"queue.waiting", run_queue, 2000, 100000},
    {"signal.later", run_later, 3000, 1000000},
    {"signal.never", run_never, 3000, 1000000},
    {"signal.paused", run_paused, 3000, 1000000},
    {"signal.restarted", run_restarted, 3000, 1000000},
    {"life.steps", run_steps, 3000, 1000000},
    {"life.replayed", run_replayed, 3000, 200000},
};

// One case after the other. -------------------------------------------------

static void
run_here(const struct scale_case *each, uint64_t count)
{
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    weft_definitions *definitions = scale_definitions();
    struct run run = {.count = count};

    CHECK(weft_test_open(definitions, &options, &run.test) == WEFT_OK);
    run.client = weft_test_client(run.test);
    each->run(&run);
    weft_test_close(run.test);
    weft_definitions_destroy(definitions);
}

static double
seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
run_apart(const struct scale_case *each, uint64_t count)
{
    double begin = seconds();
    struct rusage usage;
    int status = 1;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        run_here(each, count);
        exit(0);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("fork");
        return 1;
    }
    begin = seconds() - begin;
    printf("%-18s %9" PRIu64 " %9.2f %9.2f %9.1f  %s\n", each->name, count,
           begin, begin * 1e6 / (double)count, (double)usage.ru_maxrss / 1024,
           status == 0 ? "" : "FAILED");
    return status == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
    int is_full = argc > 1 && strcmp(argv[1], "full") == 0;
    const char *only = argc > 2 ? argv[2] : "";
    int failed = 0;

    printf("%-18s %9s %9s %9s %9s\n", "case", "count", "seconds", "us each",
           "MiB peak");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strncmp(cases[i].name, only, strlen(only)) == 0) {
            failed |=
                run_apart(&cases[i], is_full ? cases[i].full : cases[i].small);
        }
    }
    return failed;
}
