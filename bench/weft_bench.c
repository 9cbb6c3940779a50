// SPDX-License-Identifier: Apache-2.0
//
// weft_bench.c - how many durable operations a second, and how long each takes.
//
//   weft-bench WORKLOAD --data DIR [--seconds N] [--concurrency C] [--json]
//              [--remote ENDPOINT] [--clients N]
//
//   noop      start a workflow that returns at once, and get its result
//   step1     the same with one inline step
//   steps10   the same with ten
//   activity1 the same with one activity on the worker pool
//   signal    signal a plain actor, one of C
//
// A closed loop: C operations are under way at a time, by N clients (1).
// Latency is from the first call to the result. Every answer counted is
// durable. With --remote the node is served there, and the clients connect to
// it; without --data it is one that runs already, and has these kinds.

#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weft/connect.h"
#include "weft/serve.h"
#include "weft/weft.h"

#define SAMPLES_MAX 4000000

struct bench {
    weft_client **clients;
    struct pollfd *ready; // of each client
    uint32_t clients_count;
    const char *kind;
    bool is_signals;
    uint64_t end_ns;
    uint64_t next_id;
    uint64_t run;
    uint32_t open;
    uint64_t ops;
    uint64_t errors;
    uint32_t *samples_us;
};

struct slot {
    struct bench *bench;
    weft_client *client;
    uint64_t began_ns;
    char id[48];
};

static uint64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

// What is run. ---------------------------------------------------------------

static weft_err
noop_run(weft_workflow *wf, weft_bytes input)
{
    return weft_workflow_return(wf, input);
}

static weft_err
step_fn(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)ctx;
    *out_result = weft_text(step->attempt > 0 ? "done" : "");
    return WEFT_OK;
}

static weft_err
steps_run(weft_workflow *wf, weft_bytes input)
{
    size_t count = *(const size_t *)weft_workflow_context(wf);
    weft_bytes out = input;

    for (size_t i = 0; i < count; i++) {
        weft_err err = weft_workflow_step(wf, "step", step_fn, NULL, &out);
        if (err != WEFT_OK) {
            return err;
        }
    }
    return weft_workflow_return(wf, out);
}

static weft_err
activity_fn(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

static weft_err
activity_run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes out;
    weft_err err = weft_workflow_call(wf, "echo", input, NULL, &out);

    return err != WEFT_OK ? err : weft_workflow_return(wf, out);
}

static weft_err
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *run, void *context)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run;
    def.context = context;
    return weft_definitions_add_workflow(definitions, &def);
}

static weft_err
count(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    *(uint64_t *)state += message->type == WEFT_MESSAGE_SIGNAL;
    return WEFT_OK;
}

static weft_err
define(weft_definitions *definitions)
{
    static size_t one = 1;
    static size_t ten = 10;
    weft_activity_def echo = WEFT_ACTIVITY_DEF_INIT;
    weft_actor_def counter = WEFT_ACTOR_DEF_INIT;
    weft_err err;

    counter.name = "signal";
    counter.receive = count;
    counter.state_bytes = sizeof(uint64_t);

    echo.name = "echo";
    echo.run = activity_fn;
    err = weft_definitions_add_activity(definitions, &echo);
    if (err == WEFT_OK) {
        err = weft_definitions_add_actor(definitions, &counter);
    }
    if (err == WEFT_OK) {
        err = add_workflow(definitions, "noop", noop_run, NULL);
    }
    if (err == WEFT_OK) {
        err = add_workflow(definitions, "step1", steps_run, &one);
    }
    if (err == WEFT_OK) {
        err = add_workflow(definitions, "steps10", steps_run, &ten);
    }
    return err != WEFT_OK
               ? err
               : add_workflow(definitions, "activity1", activity_run, NULL);
}

// The loop. ------------------------------------------------------------------

static void begin(struct slot *slot);

static void
finish(struct slot *slot, weft_err err)
{
    struct bench *bench = slot->bench;

    if (err != WEFT_OK) {
        bench->errors++;
    } else if (bench->ops < SAMPLES_MAX) {
        bench->samples_us[bench->ops] =
            (uint32_t)((now_ns() - slot->began_ns) / 1000);
    }
    bench->ops += err == WEFT_OK;
    if (now_ns() < bench->end_ns) {
        begin(slot);
    } else {
        bench->open--;
    }
}

static void
on_result(void *ctx, const weft_reply *reply)
{
    finish(ctx, reply->err);
}

static void
ask_result(struct slot *slot)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_err err;

    request.verb = WEFT_VERB_RESULT;
    request.target = (weft_target){slot->bench->kind, slot->id};
    err = weft_client_submit(slot->client, &request, on_result, slot, NULL);
    if (err != WEFT_OK) {
        finish(slot, err);
    }
}

static void
on_started(void *ctx, const weft_reply *reply)
{
    struct slot *slot = ctx;

    if (reply->err != WEFT_OK) {
        finish(slot, reply->err);
    } else {
        ask_result(slot);
    }
}

static void
begin(struct slot *slot)
{
    struct bench *bench = slot->bench;
    weft_request request = WEFT_REQUEST_INIT;

    slot->began_ns = now_ns();
    if (bench->is_signals) {
        request.verb = WEFT_VERB_SIGNAL;
        request.name = "add";
        request.target = (weft_target){bench->kind, slot->id};
        if (weft_client_submit(slot->client, &request, on_result, slot, NULL) !=
            WEFT_OK) {
            bench->errors++;
            bench->open--;
        }
        return;
    }
    (void)snprintf(slot->id, sizeof(slot->id), "%llx-%llu",
                   (unsigned long long)bench->run,
                   (unsigned long long)bench->next_id++);
    request.verb = WEFT_VERB_START;
    request.target = (weft_target){bench->kind, slot->id};
    if (weft_client_submit(slot->client, &request, on_started, slot, NULL) !=
        WEFT_OK) {
        bench->errors++;
        bench->open--;
    }
}

static void
run_loop(struct bench *bench, struct slot *slots, uint32_t concurrency)
{
    bench->open = concurrency;
    for (uint32_t i = 0; i < concurrency; i++) {
        slots[i].bench = bench;
        slots[i].client = bench->clients[i % bench->clients_count];
        (void)snprintf(slots[i].id, sizeof(slots[i].id), "%u", i);
        begin(&slots[i]);
    }
    while (bench->open > 0) {
        (void)poll(bench->ready, bench->clients_count, 100);
        for (uint32_t i = 0; i < bench->clients_count; i++) {
            if (bench->ready[i].revents != 0) {
                (void)weft_client_dispatch(bench->clients[i], 1024);
            }
        }
    }
}

static int
compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static uint32_t
percentile(const struct bench *bench, double share)
{
    uint64_t count = bench->ops < SAMPLES_MAX ? bench->ops : SAMPLES_MAX;

    return count == 0
               ? 0
               : bench->samples_us[(uint64_t)((double)(count - 1) * share)];
}

static void
report(struct bench *bench, const char *workload, double seconds, bool is_json)
{
    double rate = (double)bench->ops / seconds;

    qsort(bench->samples_us,
          bench->ops < SAMPLES_MAX ? bench->ops : SAMPLES_MAX, sizeof(uint32_t),
          compare);
    if (is_json) {
        (void)printf("{\"workload\":\"%s\",\"rate\":%.0f,\"ops\":%llu,"
                     "\"errors\":%llu,\"p50_us\":%u,\"p90_us\":%u,"
                     "\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u}\n",
                     workload, rate, (unsigned long long)bench->ops,
                     (unsigned long long)bench->errors, percentile(bench, 0.5),
                     percentile(bench, 0.9), percentile(bench, 0.99),
                     percentile(bench, 0.999), percentile(bench, 1));
        return;
    }
    (void)printf("%-10s %9.0f /s  p50 %u us  p99 %u us  max %u us  "
                 "%llu errors\n",
                 workload, rate, percentile(bench, 0.5),
                 percentile(bench, 0.99), percentile(bench, 1),
                 (unsigned long long)bench->errors);
}

struct arguments {
    const char *workload;
    const char *data;
    uint32_t seconds;
    uint32_t concurrency;
    uint32_t clients;
    const char *remote;
    bool is_json;
};

static bool
parse(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},
        {"seconds", required_argument, NULL, 's'},
        {"concurrency", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},
        {"remote", required_argument, NULL, 'r'},
        {"clients", required_argument, NULL, 'n'},
        {0},
    };
    int option;

    *arguments = (struct arguments){
        .seconds = 5,
        .concurrency = 128,
        .clients = 1,
    };
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'd':
            arguments->data = optarg;
            break;
        case 's':
            arguments->seconds = (uint32_t)atoi(optarg);
            break;
        case 'c':
            arguments->concurrency = (uint32_t)atoi(optarg);
            break;
        case 'r':
            arguments->remote = optarg;
            break;
        case 'n':
            arguments->clients = (uint32_t)atoi(optarg);
            break;
        case 'j':
            arguments->is_json = true;
            break;
        default:
            return false;
        }
    }
    arguments->workload = optind < argc ? argv[optind] : NULL;
    return arguments->workload != NULL &&
           (arguments->data != NULL || arguments->remote != NULL) &&
           arguments->seconds > 0 && arguments->concurrency > 0 &&
           arguments->clients > 0;
}

static weft_err
open_client(const struct arguments *arguments, weft_node *node,
            weft_client **out_client)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;

    if (arguments->remote == NULL) {
        return weft_client_open(node, NULL, out_client);
    }
    options.endpoints = &arguments->remote;
    options.endpoints_count = 1;
    options.wait_for_node = 1;
    return weft_client_connect(&options, out_client);
}

static weft_err
open_clients(struct bench *bench, const struct arguments *arguments,
             weft_node *node)
{
    weft_err err = WEFT_OK;

    while (err == WEFT_OK && bench->clients_count < arguments->clients) {
        uint32_t i = bench->clients_count;

        err = open_client(arguments, node, &bench->clients[i]);
        if (err == WEFT_OK) {
            bench->ready[i].fd = weft_client_fd(bench->clients[i]);
            bench->ready[i].events = POLLIN;
            bench->clients_count++;
        }
    }
    return err;
}

static weft_err
run(const struct arguments *arguments, weft_node *node)
{
    struct bench bench = {
        .kind = arguments->workload,
        .is_signals = strcmp(arguments->workload, "signal") == 0,
        .run = now_ns(),
        .clients = calloc(arguments->clients, sizeof(weft_client *)),
        .ready = calloc(arguments->clients, sizeof(struct pollfd)),
        .samples_us = calloc(SAMPLES_MAX, sizeof(uint32_t)),
    };
    struct slot *slots = calloc(arguments->concurrency, sizeof(*slots));
    uint64_t began_ns;
    weft_err err = WEFT_ENOMEM;

    if (slots != NULL && bench.clients != NULL && bench.ready != NULL &&
        bench.samples_us != NULL) {
        err = open_clients(&bench, arguments, node);
    }
    if (err == WEFT_OK) {
        began_ns = now_ns();
        bench.end_ns = began_ns + arguments->seconds * 1000000000ULL;
        run_loop(&bench, slots, arguments->concurrency);
        report(&bench, arguments->workload, (double)(now_ns() - began_ns) / 1e9,
               arguments->is_json);
    }
    for (uint32_t i = 0; i < bench.clients_count; i++) {
        weft_client_close(bench.clients[i]);
    }
    free(slots);
    free(bench.clients);
    free(bench.ready);
    free(bench.samples_us);
    return err;
}

// A node on a directory, and where it is served, if it is.
static weft_err
open_node(const struct arguments *arguments,
          const weft_definitions *definitions, weft_node **out_node,
          weft_server **out_server)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_server_options server = WEFT_SERVER_OPTIONS_INIT;
    weft_err err;

    options.data_dir = arguments->data;
    options.definitions = definitions;
    err = weft_node_open(&options, out_node);
    if (err == WEFT_OK && arguments->remote != NULL) {
        server.endpoints = &arguments->remote;
        server.endpoints_count = 1;
        err = weft_server_open(*out_node, &server, out_server);
    }
    return err;
}

int
main(int argc, char **argv)
{
    struct arguments arguments;
    weft_definitions *definitions = NULL;
    weft_node *node = NULL;
    weft_server *server = NULL;
    weft_err err;

    if (!parse(argc, argv, &arguments)) {
        (void)fprintf(stderr, "usage: weft-bench "
                              "noop|step1|steps10|activity1|signal --data DIR "
                              "[--seconds N] [--concurrency C] [--json] "
                              "[--remote ENDPOINT] [--clients N]\n");
        return 2;
    }
    err = weft_definitions_create(&definitions);
    if (err == WEFT_OK) {
        err = define(definitions);
    }
    if (err == WEFT_OK && arguments.data != NULL) {
        err = open_node(&arguments, definitions, &node, &server);
    }
    if (err == WEFT_OK) {
        err = run(&arguments, node);
    }
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "weft-bench: %s: %s\n", weft_err_text(err),
                      weft_err_detail());
    }
    weft_server_close(server);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    return err == WEFT_OK ? 0 : 1;
}
