// SPDX-License-Identifier: Apache-2.0
//
// crash_victim.c - a program that works on a directory until it is killed.
//
//     crash_victim DIR [--shards N] [--stores N] [--window N|none|default]
//                      [--residents N] [--crowded] [--strict] [--paranoid]
//                      [--data DIR] [--run-ms N] [--finish] [--verify]
//
//   --data     the node's directory, if it is not DIR/data
//   --crowded  memory for one actor: all others are evicted
//   --run-ms   stops by itself after so long, and closes the node
//   --finish   begins nothing new, waits until all is done, writes DIR/summary
//   --verify   only checks the directory, as a tool would, before it is opened
//
// What it asks, and what it is told, is in DIR: ledger.h. Everything of weft it
// knows from the public headers.
//
// Threads: clients, one that completes deferred activities, those of workers
// (victim_worker.h), and main.

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crash/ledger.h"
#include "crash/plan.h"
#include "crash/victim_client.h"
#include "crash/victim_kinds.h"
#include "crash/victim_worker.h"
#include "weft/inspect.h"
#include "weft/weft.h"

#define PARTITIONS 12
#define FINISH_MS 120000
#define END_MS 60000
#define QUIET_MS 1500
#define QUIET_MS_MAX 60000

struct options {
    const char *dir;
    const char *data; // or NULL
    weft_node_options node;
    uint32_t run_ms;
    bool is_finishing;
    bool is_verifying;
};

static uint64_t
mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
sleep_ms(uint32_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000,
                            .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&time, NULL);
}

static _Noreturn void
give_up(const char *what, weft_err err)
{
    (void)fprintf(stderr, "crash_victim: %s: %s: %s\n", what,
                  weft_err_name(err), weft_err_detail());
    exit(1);
}

// Options. ------------------------------------------------------------------

static uint32_t
number_after(char **argv, int *i)
{
    ++*i;
    return argv[*i] == NULL ? 0 : (uint32_t)strtoul(argv[*i], NULL, 10);
}

static int64_t
window_of(const char *text)
{
    if (text == NULL || strcmp(text, "default") == 0) {
        return 0;
    }
    return strcmp(text, "none") == 0 ? WEFT_WINDOW_NONE
                                     : strtoll(text, NULL, 10);
}

static struct options
read_options(char **argv)
{
    struct options options = {
        .dir = argv[1],
        .node = WEFT_NODE_OPTIONS_INIT,
    };

    for (int i = 2; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "--shards") == 0) {
            options.node.shard_count = number_after(argv, &i);
        } else if (strcmp(argv[i], "--stores") == 0) {
            options.node.store_count = number_after(argv, &i);
        } else if (strcmp(argv[i], "--residents") == 0) {
            options.node.resident_actors_max = number_after(argv, &i);
        } else if (strcmp(argv[i], "--crowded") == 0) {
            options.node.resident_actors_max = 1;
        } else if (strcmp(argv[i], "--window") == 0) {
            options.node.window_bytes = window_of(argv[++i]);
        } else if (strcmp(argv[i], "--run-ms") == 0) {
            options.run_ms = number_after(argv, &i);
        } else if (strcmp(argv[i], "--data") == 0) {
            options.data = argv[++i];
        } else if (strcmp(argv[i], "--strict") == 0) {
            options.node.strict = 1;
        } else if (strcmp(argv[i], "--paranoid") == 0) {
            options.node.paranoid = 1;
        } else if (strcmp(argv[i], "--finish") == 0) {
            options.is_finishing = true;
        } else if (strcmp(argv[i], "--verify") == 0) {
            options.is_verifying = true;
        } else {
            (void)fprintf(stderr, "crash_victim: what is %s?\n", argv[i]);
            exit(2);
        }
    }
    return options;
}

// Deferred activities. --------------------------------------------------------

struct completer {
    struct victim_run *run;
    pthread_t thread;
    int done_fd;
    bool *is_done;
    uint32_t done_cap;
    weft_client *client;
    uint32_t low;   // all lines before it are done
    uint32_t index; // of the line being read
};

static void
mark_done(struct completer *completer, uint32_t index)
{
    while (index >= completer->done_cap) {
        uint32_t cap =
            completer->done_cap == 0 ? 1024 : completer->done_cap * 2;

        completer->is_done = realloc(completer->is_done, cap);
        if (completer->is_done == NULL) {
            abort();
        }
        memset(completer->is_done + completer->done_cap, 0,
               cap - completer->done_cap);
        completer->done_cap = cap;
    }
    completer->is_done[index] = true;
}

static void
read_done(void *ctx, char *line)
{
    mark_done(ctx, (uint32_t)strtoul(line, NULL, 10));
}

static void
complete(void *ctx, char *line)
{
    struct completer *completer = ctx;
    uint32_t index = completer->index++;
    char *space = strchr(line, ' ');
    char *failure;
    uint64_t value;
    weft_err err;

    if (atomic_load(&completer->run->mode) == VICTIM_STOP || space == NULL ||
        (index < completer->done_cap && completer->is_done[index])) {
        return;
    }
    *space = '\0';
    value = strtoull(space + 1, &failure, 10);
    err = *failure == ' '
              ? weft_client_fail(completer->client, line, failure + 1, "")
              : weft_client_complete(completer->client, line,
                                     weft_bytes_of(&value, sizeof(value)));
    if (err == WEFT_OK || err == WEFT_ENOTFOUND) {
        ledger_write(completer->done_fd, LEDGER_LINE, "%" PRIu32 " %s", index,
                     weft_err_name(err));
        mark_done(completer, index);
    } else if (err == WEFT_EINVAL) {
        ledger_write(completer->done_fd, LEDGER_LINE, "X %" PRIu32 " %s", index,
                     weft_err_name(err));
    }
}

static void *
run_completer(void *ctx)
{
    struct completer *completer = ctx;

    while (atomic_load(&completer->run->mode) != VICTIM_STOP) {
        while (completer->low < completer->done_cap &&
               completer->is_done[completer->low]) {
            completer->low++;
        }
        completer->index = completer->low;
        ledger_each(completer->run->dir, "tokens", LEDGER_TOKEN_LINE,
                    completer->low, complete, completer);
        sleep_ms(5);
    }
    return NULL;
}

static void
start_completer(struct completer *completer, struct victim_run *run)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;

    options.timeout_ms = 2000;
    *completer = (struct completer){.run = run};
    completer->done_fd = ledger_open(run->dir, "tokens-done");
    ledger_each(run->dir, "tokens-done", LEDGER_LINE, 0, read_done, completer);
    if (weft_client_open(run->node, &options, &completer->client) != WEFT_OK ||
        pthread_create(&completer->thread, NULL, run_completer, completer) !=
            0) {
        abort();
    }
}

static void
join_completer(struct completer *completer)
{
    (void)pthread_join(completer->thread, NULL);
    weft_client_close(completer->client);
    (void)close(completer->done_fd);
    free(completer->is_done);
}

// The summary.
// ------------------------------------------------------------------

// Everything that accounts hold.
struct books {
    struct account accounts[PLAN_ACCOUNTS];
};

static void
read_state(weft_client *client, const char *kind, const char *id, void *state,
           size_t state_len)
{
    weft_reply *reply;
    weft_err err = weft_client_query(client, (weft_target){kind, id}, "all",
                                     weft_nothing(), &reply);

    if (err == WEFT_OK && reply->data.len == state_len) {
        memcpy(state, reply->data.data, state_len);
    } else if (err != WEFT_ENOTFOUND) {
        give_up(id, err);
    }
    weft_reply_free(reply);
}

static void
read_books(weft_client *client, struct books *books)
{
    char id[PROGRAM_ID_SIZE];

    memset(books, 0, sizeof(*books));
    for (uint32_t i = 0; i < PLAN_ACCOUNTS; i++) {
        account_id(i, id);
        read_state(client, "account", id, &books->accounts[i],
                   sizeof(books->accounts[i]));
    }
}

// Until nothing has moved for a while.
static void
wait_quiet(weft_client *client, struct books *books)
{
    uint64_t begun = mono_ms();
    uint64_t moved = begun;
    struct books *before = malloc(sizeof(*before));

    if (before == NULL) {
        abort();
    }
    read_books(client, books);
    while (mono_ms() - moved < QUIET_MS && mono_ms() - begun < QUIET_MS_MAX) {
        *before = *books;
        sleep_ms(200);
        read_books(client, books);
        if (memcmp(before, books, sizeof(*books)) != 0) {
            moved = mono_ms();
        }
    }
    free(before);
}

static void
write_tally(FILE *file, uint32_t account, char who, uint32_t index,
            const struct account_tally *tally)
{
    (void)fprintf(file,
                  "tally %" PRIu32 " %c %" PRIu32 " %" PRIu32 " %" PRIu32
                  " %" PRIu32 " %" PRIu64 " %" PRIu64 "\n",
                  account, who, index, tally->last, tally->count,
                  tally->out_of_order, tally->sum, tally->squares);
}

static void
write_books(FILE *file, const struct books *books)
{
    for (uint32_t i = 0; i < PLAN_ACCOUNTS; i++) {
        const struct account *account = &books->accounts[i];

        (void)fprintf(file, "account %" PRIu32 " %" PRId64 "\n", i,
                      account->balance);
        for (uint32_t k = 0; k < PLAN_ACCOUNTS; k++) {
            (void)fprintf(file, "sent %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", i,
                          k, account->sent[k]);
            write_tally(file, i, 'a', k, &account->from_accounts[k]);
        }
        for (uint32_t k = 0; k < PLAN_CLIENTS; k++) {
            write_tally(file, i, 'c', k, &account->from_clients[k]);
        }
    }
}

static void
say_end(weft_client *client, const char *id, char out[EXPECT_TEXT_SIZE])
{
    weft_reply *reply;
    weft_err err = weft_client_result(client, (weft_target){"program", id},
                                      END_MS, &reply);

    run_outcome(err, reply, out);
    weft_reply_free(reply);
}

// Returns how many there are.
static size_t
write_strands(FILE *file, weft_client *client, unsigned owner, uint32_t index,
              const char *id)
{
    char log[PROGRAM_ID_SIZE];
    struct run_tally tally;
    weft_reply *reply;
    size_t count = 0;
    weft_err err;

    program_log_id(id, log);
    err = weft_client_query(client, (weft_target){"log", log}, "all",
                            weft_nothing(), &reply);
    if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
        give_up(log, err);
    }
    for (; err == WEFT_OK && (count + 1) * sizeof(tally) <= reply->data.len;
         count++) {
        memcpy(&tally, (const char *)reply->data.data + count * sizeof(tally),
               sizeof(tally));
        (void)fprintf(
            file, "strand %u %" PRIu32 " %" PRIx64 " %" PRIu64 " %" PRIx64 "\n",
            owner, index, tally.key, tally.count, tally.fold);
    }
    weft_reply_free(reply);
    return count;
}

// What it published, and its attribute; "-" if it did not.
static void
write_shown(FILE *file, weft_client *client, const char *id)
{
    weft_target target = {"program", id};
    weft_reply *reply;
    uint64_t value;
    weft_err err =
        weft_client_query(client, target, "value", weft_nothing(), &reply);

    if (err == WEFT_OK && reply->data.len == sizeof(value)) {
        memcpy(&value, reply->data.data, sizeof(value));
        (void)fprintf(file, " %" PRIx64, value);
    } else {
        (void)fprintf(file, " -");
    }
    weft_reply_free(reply);
    err = weft_client_describe(client, target, &reply);
    if (err == WEFT_OK && reply->items[0].attributes_count == 1) {
        (void)fprintf(file, " %" PRIx64,
                      (uint64_t)reply->items[0].attributes[0].value.integer);
    } else {
        (void)fprintf(file, " -");
    }
    weft_reply_free(reply);
}

static void
write_job(FILE *file, weft_client *client, unsigned owner, uint32_t index)
{
    char outcome[EXPECT_TEXT_SIZE];
    char id[PROGRAM_ID_SIZE];
    struct expect expect;
    size_t strands;

    plan_job_id(owner, index, id);
    plan_expect(owner, index, &expect);
    // Children may outlive it, and what they note belongs to it.
    for (size_t i = 0; i < expect.children_count; i++) {
        say_end(client, expect.children[i].id, outcome);
    }
    strands = write_strands(file, client, owner, index, id);
    for (size_t i = 0; i < expect.children_count; i++) {
        say_end(client, expect.children[i].id, outcome);
        (void)fprintf(file, "child %u %" PRIu32 " %zu %s\n", owner, index, i,
                      outcome);
    }
    say_end(client, id, outcome);
    (void)fprintf(file, "job %u %" PRIu32 " %zu", owner, index, strands);
    write_shown(file, client, id);
    (void)fprintf(file, " %s\n", outcome);
    expect_fini(&expect);
}

static void
write_stats(FILE *file, weft_node *node)
{
    weft_node_stats stats = {.struct_size = sizeof(stats)};

    if (weft_node_get_stats(node, &stats) != WEFT_OK) {
        abort();
    }
    (void)fprintf(file, "stats %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                  stats.audit_failures, stats.actors_parked,
                  stats.dead_letters);
}

static void
write_summary(const struct victim_run *run, const uint32_t *jobs)
{
    struct books *books = malloc(sizeof(*books));
    weft_client *client;
    char path[600];
    char made[600];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/summary", run->dir);
    (void)snprintf(made, sizeof(made), "%s/summary.new", run->dir);
    file = fopen(made, "we");
    if (books == NULL || file == NULL ||
        weft_client_open(run->node, NULL, &client) != WEFT_OK) {
        abort();
    }
    wait_quiet(client, books);
    write_books(file, books);
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        for (uint32_t k = 0; k < jobs[i]; k++) {
            write_job(file, client, i, k);
        }
    }
    write_stats(file, run->node);
    weft_client_close(client);
    free(books);
    if (fclose(file) != 0 || rename(made, path) != 0) {
        abort();
    }
}

// What a finish waits for is not coming: say so by an exit, not by a hang.
static void *
watch_finish(void *ctx)
{
    const char *seconds = getenv("CRASH_FINISH_SECONDS");

    (void)ctx;
    sleep_ms(seconds == NULL ? FINISH_MS
                             : (uint32_t)strtoul(seconds, NULL, 10) * 1000);
    (void)fprintf(stderr, "crash_victim: it does not come to an end\n");
    _exit(4);
}

// All of it.
// --------------------------------------------------------------------

static void
log_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "%s\n", line);
}

static void
tell_problem(void *ctx, const char *where, const char *what)
{
    (void)ctx;
    (void)fprintf(stderr, "verify: %s: %s\n", where, what);
}

static int
verify(const char *dir)
{
    weft_inspect_counts counts = {.struct_size = sizeof(counts)};
    weft_err err = weft_inspect_verify(dir, tell_problem, NULL, &counts);

    (void)fprintf(stderr, "verify: %s %s, %" PRIu64 " problems\n",
                  weft_err_name(err), weft_err_detail(), counts.problems);
    // Killed before it was ever a store.
    return err == WEFT_OK || err == WEFT_ENOTFOUND ? 0 : 1;
}

static void
run_all(struct victim_run *run, const struct options *options,
        const weft_definitions *definitions)
{
    struct victim_client *clients[PLAN_CLIENTS];
    struct victim_workers *workers;
    struct completer completer;
    uint32_t jobs[PLAN_CLIENTS];
    pthread_t watcher;

    start_completer(&completer, run);
    workers = victim_workers_start(run, definitions);
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        clients[i] = victim_client_start(run, i);
    }
    if (options->is_finishing) {
        if (pthread_create(&watcher, NULL, watch_finish, NULL) != 0) {
            abort();
        }
        (void)pthread_detach(watcher);
    } else {
        do {
            sleep_ms(options->run_ms > 0 ? options->run_ms : 60000);
        } while (options->run_ms == 0);
        atomic_store(&run->mode, VICTIM_STOP);
    }
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        jobs[i] = victim_client_join(clients[i]);
    }
    if (options->is_finishing) {
        write_summary(run, jobs);
        atomic_store(&run->mode, VICTIM_STOP);
    }
    victim_workers_join(workers);
    join_completer(&completer);
}

static void
open_node(struct victim_run *run, const struct options *options,
          const char *path, const weft_definitions *definitions)
{
    weft_node_options node = options->node;
    weft_err err;

    node.data_dir = path;
    node.definitions = definitions;
    node.partition_count = PARTITIONS;
    node.log = log_line;
    err = weft_node_open(&node, &run->node);
    if (err != WEFT_OK) {
        give_up(path, err);
    }
}

int
main(int argc, char **argv)
{
    struct victim_run run = {0};
    struct options options;
    weft_definitions *definitions;
    char path[600];

    if (argc < 2) {
        (void)fprintf(stderr, "usage: crash_victim DIR [options]\n");
        return 2;
    }
    options = read_options(argv);
    if (options.data != NULL) {
        (void)snprintf(path, sizeof(path), "%s", options.data);
    } else {
        (void)snprintf(path, sizeof(path), "%s/data", options.dir);
    }
    if (options.is_verifying) {
        return verify(path);
    }
    plan_read(options.dir);
    definitions = victim_definitions(options.dir);
    run.dir = options.dir;
    atomic_init(&run.mode, options.is_finishing ? VICTIM_FINISH : VICTIM_WORK);
    open_node(&run, &options, path, definitions);
    run_all(&run, &options, definitions);
    weft_node_close(run.node);
    weft_definitions_destroy(definitions);
    return 0;
}
