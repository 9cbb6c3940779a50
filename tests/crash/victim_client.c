// SPDX-License-Identifier: Apache-2.0
//
// victim_client.c - one client of the victim: a thread and a ledger.
//
// A process begins by asking again, under the old numbers and in their order,
// whatever the ledger has no answer to. Only when all that is answered does it
// go on: the first new number says that all before are settled.
//
// A request that is refused (too busy, disk full) did nothing, and its number
// is settled by that: it is asked again under a new one. What was asked behind
// it may have overtaken it then, so the ledger has a line about it.
//
// Threads: each client has its own; the ledger is its alone.

#include "crash/victim_client.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crash/ledger.h"
#include "crash/plan.h"
#include "crash/victim_kinds.h"

#define FLIGHT_MAX 24
#define JOBS_OPEN_MAX 24
#define BURST 150      // new requests a process may begin with
#define PER_SECOND 250 // and then
#define AGAIN_MS 20

struct entry {
    uint64_t number;
    int64_t amount;
    uint32_t a; // transfer: from; job and go: index of the job
    uint32_t b; // transfer: to
    uint32_t seq;
    char verb;     // as in the ledger
    bool is_acked; // or has a new number
    bool is_refused;
};

struct job {
    bool is_started; // and that is answered
    bool is_asked;   // for its result, in this process
    bool is_known;   // the result is in the ledger
    uint32_t goes;   // it wants
    uint32_t goes_sent;
    uint32_t goes_acked;
};

struct victim_client {
    struct victim_run *run;
    unsigned index;
    pthread_t thread;
    weft_client *client;
    int ledger;
    uint64_t number;
    uint64_t random;

    struct entry *entries; // in order of their numbers
    size_t entries_count;
    size_t entries_cap;
    size_t again[FLIGHT_MAX]; // entries to be asked again, in order
    uint32_t again_count;
    uint64_t again_at_ms;

    struct job *jobs;
    uint32_t jobs_count;
    uint32_t jobs_cap;
    uint32_t jobs_low; // all before it are known
    uint32_t jobs_done;

    uint32_t seqs[PLAN_ACCOUNTS];
    uint32_t in_flight; // without those that wait for results
    uint32_t waiting;   // for results
    bool is_over;       // the node takes no more
    bool was_refused;   // so order and counts are not as asked
};

// One request under way.
struct flight {
    struct victim_client *client;
    size_t entry; // or job, or account
    uint32_t seq; // that an account must have seen
};

static uint64_t
wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t
draw(struct victim_client *client, uint32_t below)
{
    client->random = plan_mix(client->random, 1);
    return (uint32_t)(client->random >> 33) % below;
}

static void *
grow(void *items, size_t *cap, size_t size)
{
    void *grown;

    *cap = *cap == 0 ? 1024 : *cap * 2;
    grown = realloc(items, *cap * size);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

// What was asked. -----------------------------------------------------------

static struct entry *
add_entry(struct victim_client *client)
{
    if (client->entries_count == client->entries_cap) {
        client->entries = grow(client->entries, &client->entries_cap,
                               sizeof(*client->entries));
    }
    client->entries[client->entries_count] = (struct entry){0};
    return &client->entries[client->entries_count++];
}

static struct job *
add_job(struct victim_client *client)
{
    struct plan_job plan = plan_job_at(client->index, client->jobs_count);
    size_t cap = client->jobs_cap;
    struct job *job;

    if (client->jobs_count == client->jobs_cap) {
        client->jobs = grow(client->jobs, &cap, sizeof(*client->jobs));
        client->jobs_cap = (uint32_t)cap;
    }
    job = &client->jobs[client->jobs_count++];
    *job = (struct job){0};
    (void)plan_result(&plan, "", NULL, &job->goes);
    return job;
}

static struct entry *
find_entry(struct victim_client *client, uint64_t number)
{
    size_t low = 0;
    size_t high = client->entries_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (client->entries[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == client->entries_count || client->entries[low].number != number) {
        (void)fprintf(stderr, "ledger: no request %" PRIu64 "\n", number);
        abort();
    }
    return &client->entries[low];
}

static void
ack(struct victim_client *client, struct entry *entry)
{
    entry->is_acked = true;
    if (entry->verb == 'J') {
        client->jobs[entry->a].is_started = true;
    } else if (entry->verb == 'G') {
        client->jobs[entry->a].goes_acked = entry->seq;
    }
}

static void
know(struct victim_client *client, uint32_t index)
{
    client->jobs[index].is_known = true;
    client->jobs_done++;
}

// The same once more, as the newest. Returns its place.
static size_t
renumber(struct victim_client *client, size_t at, uint64_t number)
{
    struct entry *entry = add_entry(client);

    *entry = client->entries[at];
    entry->number = number;
    entry->is_refused = false;
    client->entries[at].is_acked = true;
    return client->entries_count - 1;
}

static void
read_request(struct victim_client *client, const char *line)
{
    struct entry *entry = add_entry(client);

    if (sscanf(line, "R %" SCNu64 " %c", &entry->number, &entry->verb) != 2) {
        abort();
    }
    switch (entry->verb) {
    case 'J':
        (void)sscanf(line, "R %*u %*c %" SCNu32, &entry->a);
        (void)add_job(client);
        break;
    case 'G':
        (void)sscanf(line, "R %*u %*c %" SCNu32 " %" SCNu32, &entry->a,
                     &entry->seq);
        client->jobs[entry->a].goes_sent = entry->seq;
        break;
    default:
        (void)sscanf(line,
                     "R %*u %*c %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNd64,
                     &entry->seq, &entry->a, &entry->b, &entry->amount);
        client->seqs[entry->a] = entry->seq;
        break;
    }
    client->number = entry->number;
}

static void
read_line(void *ctx, char *line)
{
    struct victim_client *client = ctx;
    uint64_t number;
    uint64_t again;
    uint32_t index;

    if (line[0] == 'R') {
        read_request(client, line);
    } else if (sscanf(line, "A %" SCNu64, &number) == 1) {
        ack(client, find_entry(client, number));
    } else if (sscanf(line, "B %" SCNu64, &number) == 1) {
        find_entry(client, number)->is_refused = true;
    } else if (sscanf(line, "N %" SCNu64 " %" SCNu64, &number, &again) == 2) {
        renumber(client, (size_t)(find_entry(client, number) - client->entries),
                 again);
        client->number = again;
    } else if (sscanf(line, "F %" SCNu32, &index) == 1) {
        know(client, index);
    }
}

// Ask. ------------------------------------------------------------------------

static void on_answer(void *ctx, const weft_reply *reply);

static bool
submit(struct victim_client *client, const weft_request *request,
       weft_reply_fn *fn, size_t entry, uint32_t seq)
{
    struct flight *flight = malloc(sizeof(*flight));
    weft_err err;

    if (flight == NULL) {
        abort();
    }
    *flight = (struct flight){.client = client, .entry = entry, .seq = seq};
    err = weft_client_submit(client->client, request, fn, flight, NULL);
    if (err != WEFT_OK) {
        ledger_write(client->ledger, LEDGER_LINE, "X submit: %s",
                     weft_err_name(err));
        free(flight);
        client->is_over = true;
        return false;
    }
    return true;
}

static void
ask_entry(struct victim_client *client, size_t at)
{
    const struct entry *entry = &client->entries[at];
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct transfer transfer = {.client = client->index,
                                .seq = entry->seq,
                                .from = entry->a,
                                .to = entry->b,
                                .amount = entry->amount};
    struct plan_job job = plan_job_at(client->index, entry->a);
    struct go go = {.seq = entry->seq, .value = plan_go(job.root, entry->seq)};
    char id[PLAN_ID_SIZE];

    plan_job_id(client->index, entry->a, id);
    request.target = (weft_target){"job", id};
    request.number = entry->number;
    switch (entry->verb) {
    case 'J':
        request.verb = WEFT_VERB_START;
        options.reuse = WEFT_REUSE_REJECT;
        request.start = &options;
        request.input = weft_bytes_of(&job, sizeof(job));
        break;
    case 'G':
        request.verb = WEFT_VERB_SIGNAL;
        request.name = "go";
        request.data = weft_bytes_of(&go, sizeof(go));
        break;
    default:
        victim_account_id(entry->a, id);
        request.target.kind = "account";
        request.verb = entry->verb == 'Q' ? WEFT_VERB_ASK : WEFT_VERB_SIGNAL;
        request.name = "transfer";
        request.data = weft_bytes_of(&transfer, sizeof(transfer));
        break;
    }
    client->in_flight += submit(client, &request, on_answer, at, 0);
}

// Under a new number if the old one was refused.
static void
ask_entry_again(struct victim_client *client, size_t at)
{
    if (client->entries[at].is_refused) {
        uint64_t number = ++client->number;

        ledger_write(client->ledger, LEDGER_LINE, "N %" PRIu64 " %" PRIu64,
                     client->entries[at].number, number);
        at = renumber(client, at, number);
    }
    ask_entry(client, at);
}

static struct entry *
new_entry(struct victim_client *client, char verb)
{
    struct entry *entry = add_entry(client);

    entry->number = ++client->number;
    entry->verb = verb;
    return entry;
}

static void
ask_transfer(struct victim_client *client)
{
    struct entry *entry = new_entry(client, draw(client, 8) == 0 ? 'Q' : 'T');

    entry->a = draw(client, PLAN_ACCOUNTS);
    entry->b = draw(client, PLAN_ACCOUNTS);
    entry->amount = draw(client, 100);
    entry->seq = ++client->seqs[entry->a];
    ledger_write(client->ledger, LEDGER_LINE,
                 "R %" PRIu64 " %c %" PRIu32 " %" PRIu32 " %" PRIu32
                 " %" PRId64,
                 entry->number, entry->verb, entry->seq, entry->a, entry->b,
                 entry->amount);
    ask_entry(client, client->entries_count - 1);
}

static void
ask_start(struct victim_client *client)
{
    struct entry *entry = new_entry(client, 'J');

    entry->a = client->jobs_count;
    (void)add_job(client);
    ledger_write(client->ledger, LEDGER_LINE, "R %" PRIu64 " J %" PRIu32,
                 entry->number, entry->a);
    ask_entry(client, client->entries_count - 1);
}

static void
ask_go(struct victim_client *client, uint32_t index)
{
    struct entry *entry = new_entry(client, 'G');

    entry->a = index;
    entry->seq = ++client->jobs[index].goes_sent;
    ledger_write(client->ledger, LEDGER_LINE,
                 "R %" PRIu64 " G %" PRIu32 " %" PRIu32, entry->number, index,
                 entry->seq);
    ask_entry(client, client->entries_count - 1);
}

// Answers. --------------------------------------------------------------------

static void
complain(struct victim_client *client, const char *what, uint64_t number)
{
    ledger_write(client->ledger, LEDGER_LINE, "X %s: %" PRIu64, what, number);
}

static void
on_state(void *ctx, const weft_reply *reply)
{
    struct flight *flight = ctx;
    struct victim_client *client = flight->client;
    struct account account;

    client->in_flight--;
    if (reply->err == WEFT_OK && reply->data.len == sizeof(account)) {
        memcpy(&account, reply->data.data, sizeof(account));
        if (account.from_clients[client->index].count < flight->seq) {
            complain(client, "a query is older than an answer", flight->seq);
        }
    } else if (reply->err != WEFT_ECLOSED && reply->err != WEFT_EBUSY &&
               reply->err != WEFT_EFULL) {
        complain(client, "a query was not answered", (uint64_t)reply->err);
    }
    free(flight);
}

// The account has answered, so whoever looks now must see it.
static void
ask_state(struct victim_client *client, const struct entry *entry)
{
    weft_request request = WEFT_REQUEST_INIT;
    char id[PLAN_ID_SIZE];

    victim_account_id(entry->a, id);
    request.verb = WEFT_VERB_QUERY;
    request.number = ++client->number;
    request.target = (weft_target){"account", id};
    request.name = "all";
    client->in_flight +=
        submit(client, &request, on_state, entry->a, entry->seq);
}

static void
ask_again(struct victim_client *client, size_t at, weft_err err)
{
    struct entry *entry = &client->entries[at];
    uint32_t i = client->again_count++;

    entry->is_refused = err != WEFT_EIO;
    client->was_refused = true;
    ledger_write(client->ledger, LEDGER_LINE, "%c %" PRIu64 " %s",
                 entry->is_refused ? 'B' : 'U', entry->number,
                 weft_err_name(err));
    for (; i > 0 && client->again[i - 1] > at; i--) {
        client->again[i] = client->again[i - 1];
    }
    client->again[i] = at;
    client->again_at_ms = wall_ms() + AGAIN_MS;
}

static void
check_answer(struct victim_client *client, const struct entry *entry,
             const weft_reply *reply)
{
    uint32_t seq = 0;

    if (entry->verb != 'Q' || reply->err != WEFT_OK) {
        return;
    }
    if (reply->data.len == sizeof(seq)) {
        memcpy(&seq, reply->data.data, sizeof(seq));
    }
    if (seq != entry->seq) {
        complain(client, "answer of another question", entry->number);
    }
    if (!client->was_refused) {
        ask_state(client, entry);
    }
}

static void
on_answer(void *ctx, const weft_reply *reply)
{
    struct flight *flight = ctx;
    struct victim_client *client = flight->client;
    struct entry *entry = &client->entries[flight->entry];

    client->in_flight--;
    if (reply->err == WEFT_ECLOSED) {
        client->is_over = true;
    } else if (reply->err == WEFT_EBUSY || reply->err == WEFT_EFULL ||
               reply->err == WEFT_EIO || reply->err == WEFT_ENOMEM) {
        ask_again(client, flight->entry, reply->err);
    } else {
        ledger_write(client->ledger, LEDGER_LINE, "A %" PRIu64 " %s %.60s",
                     entry->number, weft_err_name(reply->err), reply->detail);
        ack(client, entry);
        check_answer(client, entry, reply);
    }
    free(flight);
}

static void
on_result(void *ctx, const weft_reply *reply)
{
    struct flight *flight = ctx;
    struct victim_client *client = flight->client;
    uint32_t index = (uint32_t)flight->entry;
    uint64_t result = 0;

    client->waiting--;
    if (reply->err == WEFT_EBUSY || reply->err == WEFT_EIO ||
        reply->err == WEFT_EFULL) {
        client->jobs[index].is_asked = false;
    } else if (reply->err != WEFT_ECLOSED) {
        if (reply->data.len == sizeof(result)) {
            memcpy(&result, reply->data.data, sizeof(result));
        }
        ledger_write(client->ledger, LEDGER_LINE,
                     "F %" PRIu32 " %s %" PRIx64 " %.40s", index,
                     weft_err_name(reply->err), result, reply->detail);
        know(client, index);
    }
    free(flight);
}

static void
ask_result(struct victim_client *client, uint32_t index)
{
    weft_request request = WEFT_REQUEST_INIT;
    char id[PLAN_ID_SIZE];

    plan_job_id(client->index, index, id);
    request.verb = WEFT_VERB_RESULT;
    request.number = ++client->number;
    request.target = (weft_target){"job", id};
    client->jobs[index].is_asked = true;
    client->waiting += submit(client, &request, on_result, index, 0);
}

// The thread. -----------------------------------------------------------------

static void
turn(struct victim_client *client, int timeout_ms)
{
    struct pollfd poller = {.fd = weft_client_fd(client->client),
                            .events = POLLIN};

    (void)poll(&poller, 1, timeout_ms);
    (void)weft_client_dispatch(client->client, 64);
    if (client->again_count > 0 && wall_ms() >= client->again_at_ms) {
        uint32_t count = client->again_count;

        client->again_count = 0;
        for (uint32_t i = 0; i < count && !client->is_over; i++) {
            ask_entry_again(client, client->again[i]);
        }
    }
}

static bool
is_leaving(const struct victim_client *client)
{
    return client->is_over || atomic_load(&client->run->mode) == VICTIM_STOP;
}

static void
wait_answers(struct victim_client *client)
{
    while ((client->in_flight > 0 || client->again_count > 0) &&
           !is_leaving(client)) {
        turn(client, 5);
    }
}

// What has no answer, or what was refused.
static void
ask_old(struct victim_client *client, bool is_refused)
{
    size_t count = client->entries_count; // without new ones

    for (size_t i = 0; i < count && !is_leaving(client); i++) {
        if (client->entries[i].is_acked ||
            client->entries[i].is_refused != is_refused) {
            continue;
        }
        while (client->in_flight + client->again_count >= FLIGHT_MAX &&
               !is_leaving(client)) {
            turn(client, 5);
        }
        ask_entry_again(client, i);
    }
    wait_answers(client);
}

// What jobs want: signals, and somebody who waits for their results.
static void
tend_jobs(struct victim_client *client)
{
    while (client->jobs_low < client->jobs_count &&
           client->jobs[client->jobs_low].is_known) {
        client->jobs_low++;
    }
    for (uint32_t i = client->jobs_low;
         i < client->jobs_count && !client->is_over; i++) {
        struct job *job = &client->jobs[i];

        if (!job->is_started || job->is_known) {
            continue;
        }
        // One at a time: a job wants them in order, refused or not.
        if (job->goes_sent < job->goes && job->goes_acked == job->goes_sent &&
            client->in_flight + client->again_count < FLIGHT_MAX) {
            ask_go(client, i);
        }
        if (!client->jobs[i].is_asked) {
            ask_result(client, i);
        }
    }
}

static void
ask_new(struct victim_client *client, uint64_t *left)
{
    while (*left > 0 && client->again_count == 0 && !client->is_over &&
           client->in_flight < FLIGHT_MAX) {
        --*left;
        if (draw(client, 6) == 0 &&
            client->jobs_count - client->jobs_done < JOBS_OPEN_MAX) {
            ask_start(client);
        } else {
            ask_transfer(client);
        }
    }
}

static bool
is_finished(const struct victim_client *client)
{
    return client->in_flight == 0 && client->again_count == 0 &&
           client->waiting == 0 && client->jobs_done == client->jobs_count;
}

static void
work(struct victim_client *client)
{
    uint64_t begun_ms = wall_ms();
    uint64_t used = 0;

    while (!is_leaving(client)) {
        bool is_new = atomic_load(&client->run->mode) == VICTIM_WORK;
        uint64_t most = BURST + (wall_ms() - begun_ms) * PER_SECOND / 1000;
        uint64_t left = is_new && most > used ? most - used : 0;
        uint64_t had = left;

        ask_new(client, &left);
        used += had - left;
        tend_jobs(client);
        if (!is_new && is_finished(client)) {
            return;
        }
        turn(client, 5);
    }
}

// New numbers follow each other closely, reads included: one that falls far
// behind the newest counts as settled. They begin where weft's own would.
static void
begin_numbers(struct victim_client *client)
{
    uint64_t least = (wall_ms() + 1) << 16;

    client->number = client->number < least ? least : client->number;
}

static void *
run_client(void *ctx)
{
    struct victim_client *client = ctx;
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;

    (void)snprintf((char *)options.client_id, sizeof(options.client_id),
                   "crash-%u", client->index);
    if (weft_client_open(client->run->node, &options, &client->client) !=
        WEFT_OK) {
        abort();
    }
    ask_old(client, false);
    begin_numbers(client);
    ask_old(client, true);
    work(client);
    weft_client_close(client->client);
    return NULL;
}

struct victim_client *
victim_client_start(struct victim_run *run, unsigned index)
{
    struct victim_client *client = calloc(1, sizeof(*client));
    char name[32];

    if (client == NULL) {
        abort();
    }
    client->run = run;
    client->index = index;
    client->random = plan_mix(wall_ms(), (uint64_t)getpid() + index);
    (void)snprintf(name, sizeof(name), "ledger-%u", index);
    ledger_each(run->dir, name, LEDGER_LINE, 0, read_line, client);
    client->ledger = ledger_open(run->dir, name);
    ledger_write(client->ledger, LEDGER_LINE, "S %ld", (long)getpid());
    if (pthread_create(&client->thread, NULL, run_client, client) != 0) {
        abort();
    }
    return client;
}

uint32_t
victim_client_join(struct victim_client *client)
{
    uint32_t jobs;

    (void)pthread_join(client->thread, NULL);
    jobs = client->jobs_count;
    (void)close(client->ledger);
    free(client->entries);
    free(client->jobs);
    free(client);
    return jobs;
}
