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
#include "crash/victim_asked.h"
#include "crash/victim_kinds.h"

#define FLIGHT_MAX 24
#define JOBS_OPEN_MAX 24
#define BURST 150      // new requests a process may begin with
#define PER_SECOND 250 // and then
#define AGAIN_MS 20

struct victim_client {
    struct victim_run *run;
    struct victim_asked asked;
    pthread_t thread;
    weft_client *client;
    int ledger;
    uint64_t random;

    size_t again[FLIGHT_MAX]; // entries to be asked again, in order
    uint32_t again_count;
    uint64_t again_at_ms;

    uint32_t in_flight; // without those that wait for results
    uint32_t waiting;   // for results
    bool is_over;       // the node takes no more
    bool was_refused;   // so order and counts are not as asked

    uint8_t transfer[sizeof(struct account_transfer) + PLAN_BALLAST_MAX];
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
    client->random = program_mix(client->random, 1);
    return (uint32_t)(client->random >> 33) % below;
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
ask_start_of(const struct victim_client *client, uint32_t index,
             struct run_input *input, weft_start_options *options,
             weft_pair *pair)
{
    struct program program;
    char id[PROGRAM_ID_SIZE];

    plan_job(client->asked.index, index, &program);
    plan_job_id(client->asked.index, index, id);
    run_input_make(&program, id, input);
    run_start_options(&program, input, options, pair);
    options->reuse = WEFT_REUSE_REJECT;
}

// An update that has to be done by another run is another one: its id says
// when it was asked.
static void
ask_job(struct victim_client *client, const struct victim_entry *entry,
        size_t at)
{
    weft_request request = WEFT_REQUEST_INIT;
    const struct expect_ask *ask;
    struct run_payload payload;
    struct program program;
    char id[PROGRAM_ID_SIZE];
    char update_id[40];

    victim_asked_look(&client->asked, entry->a);
    ask = &client->asked.jobs[entry->a].asks[entry->seq - 1];
    plan_job(client->asked.index, entry->a, &program);
    plan_job_id(client->asked.index, entry->a, id);
    payload = (struct run_payload){
        .seq = ask->seq,
        .value = ask->is_update ? program_update(program.source.seed, ask->seq)
                                : program_go(program.source.seed, ask->seq),
    };
    (void)snprintf(update_id, sizeof(update_id), "u%" PRIu64, entry->number);
    request.verb = ask->is_update ? WEFT_VERB_UPDATE : WEFT_VERB_SIGNAL;
    request.target = (weft_target){"program", id};
    request.number = entry->number;
    request.name = ask->is_update ? "add" : "go";
    request.update_id = ask->is_update ? update_id : NULL;
    request.data = weft_bytes_of(&payload, sizeof(payload));
    client->in_flight += submit(client, &request, on_answer, at, 0);
}

static void
ask_entry(struct victim_client *client, size_t at)
{
    const struct victim_entry *entry = &client->asked.entries[at];
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct account_transfer transfer = {.client = client->asked.index,
                                        .seq = entry->seq,
                                        .from = entry->a,
                                        .to = entry->b,
                                        .amount = entry->amount};
    struct run_input input;
    weft_pair pair;
    char id[PROGRAM_ID_SIZE];

    request.number = entry->number;
    if (entry->verb == 'G') {
        ask_job(client, entry, at);
        return;
    }
    if (entry->verb == 'J') {
        plan_job_id(client->asked.index, entry->a, id);
        ask_start_of(client, entry->a, &input, &options, &pair);
        request.verb = WEFT_VERB_START;
        request.target = (weft_target){"program", id};
        request.start = &options;
        request.input = weft_bytes_of(&input, sizeof(input));
    } else {
        account_id(entry->a, id);
        request.target = (weft_target){"account", id};
        request.verb = entry->verb == 'Q' ? WEFT_VERB_ASK : WEFT_VERB_SIGNAL;
        request.name = "transfer";
        memcpy(client->transfer, &transfer, sizeof(transfer));
        request.data = weft_bytes_of(
            client->transfer, sizeof(transfer) + plan_ballast(entry->number));
    }
    client->in_flight += submit(client, &request, on_answer, at, 0);
}

// Under a new number if the old one was refused.
static void
ask_entry_again(struct victim_client *client, size_t at)
{
    if (client->asked.entries[at].is_refused) {
        uint64_t number = ++client->asked.number;

        ledger_write(client->ledger, LEDGER_LINE, "N %" PRIu64 " %" PRIu64,
                     client->asked.entries[at].number, number);
        at = victim_asked_renumber(&client->asked, at, number);
    }
    ask_entry(client, at);
}

static struct victim_entry *
new_entry(struct victim_client *client, char verb)
{
    struct victim_entry *entry = victim_asked_add(&client->asked);

    entry->number = ++client->asked.number;
    entry->verb = verb;
    return entry;
}

static void
ask_transfer(struct victim_client *client)
{
    struct victim_entry *entry =
        new_entry(client, draw(client, 8) == 0 ? 'Q' : 'T');

    entry->a = draw(client, PLAN_ACCOUNTS);
    entry->b = draw(client, PLAN_ACCOUNTS);
    entry->amount = draw(client, 100);
    entry->seq = ++client->asked.seqs[entry->a];
    ledger_write(client->ledger, LEDGER_LINE,
                 "R %" PRIu64 " %c %" PRIu32 " %" PRIu32 " %" PRIu32
                 " %" PRId64,
                 entry->number, entry->verb, entry->seq, entry->a, entry->b,
                 entry->amount);
    ask_entry(client, client->asked.entries_count - 1);
}

static void
ask_start(struct victim_client *client)
{
    struct victim_entry *entry = new_entry(client, 'J');

    entry->a = client->asked.jobs_count;
    (void)victim_asked_add_job(&client->asked);
    ledger_write(client->ledger, LEDGER_LINE, "R %" PRIu64 " J %" PRIu32,
                 entry->number, entry->a);
    ask_entry(client, client->asked.entries_count - 1);
}

static void
ask_next(struct victim_client *client, uint32_t index)
{
    struct victim_entry *entry = new_entry(client, 'G');
    struct victim_job *job = &client->asked.jobs[index];

    job->is_asking = true;
    entry->a = index;
    entry->seq = job->asks_acked + 1;
    ledger_write(client->ledger, LEDGER_LINE,
                 "R %" PRIu64 " G %" PRIu32 " %" PRIu32, entry->number, index,
                 entry->seq);
    ask_entry(client, client->asked.entries_count - 1);
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
        if (account.from_clients[client->asked.index].count < flight->seq) {
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
ask_state(struct victim_client *client, const struct victim_entry *entry)
{
    weft_request request = WEFT_REQUEST_INIT;
    char id[PROGRAM_ID_SIZE];

    account_id(entry->a, id);
    request.verb = WEFT_VERB_QUERY;
    request.number = ++client->asked.number;
    request.target = (weft_target){"account", id};
    request.name = "all";
    client->in_flight +=
        submit(client, &request, on_state, entry->a, entry->seq);
}

static void
ask_again(struct victim_client *client, size_t at, weft_err err)
{
    struct victim_entry *entry = &client->asked.entries[at];
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
check_answer(struct victim_client *client, const struct victim_entry *entry,
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
    if (!client->was_refused && !client->is_over) {
        ask_state(client, entry);
    }
}

static void
on_answer(void *ctx, const weft_reply *reply)
{
    struct flight *flight = ctx;
    struct victim_client *client = flight->client;
    struct victim_entry *entry = &client->asked.entries[flight->entry];

    client->in_flight--;
    if (reply->err == WEFT_ECLOSED) {
        client->is_over = true;
    } else if (reply->err == WEFT_EBUSY || reply->err == WEFT_EFULL ||
               reply->err == WEFT_EIO || reply->err == WEFT_ENOMEM) {
        ask_again(client, flight->entry, reply->err);
    } else {
        ledger_write(client->ledger, LEDGER_LINE, "A %" PRIu64 " %s %.60s",
                     entry->number, weft_err_name(reply->err), reply->detail);
        victim_asked_ack(&client->asked, entry, reply->err == WEFT_OK);
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
    char outcome[EXPECT_TEXT_SIZE];

    client->waiting--;
    if (reply->err == WEFT_EBUSY || reply->err == WEFT_EIO ||
        reply->err == WEFT_EFULL) {
        client->asked.jobs[index].is_asked = false;
    } else if (reply->err != WEFT_ECLOSED) {
        run_outcome(reply->err, reply, outcome);
        ledger_write(client->ledger, LEDGER_LINE,
                     "F %" PRIu32 " %" PRIx64 " %.60s", index,
                     program_hash(outcome), outcome);
        victim_asked_know(&client->asked, index);
    }
    free(flight);
}

static void
ask_result(struct victim_client *client, uint32_t index)
{
    weft_request request = WEFT_REQUEST_INIT;
    char id[PROGRAM_ID_SIZE];

    plan_job_id(client->asked.index, index, id);
    request.verb = WEFT_VERB_RESULT;
    request.number = ++client->asked.number;
    request.target = (weft_target){"program", id};
    client->asked.jobs[index].is_asked = true;
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
    size_t count = client->asked.entries_count; // without new ones

    for (size_t i = 0; i < count && !is_leaving(client); i++) {
        if (client->asked.entries[i].is_acked ||
            client->asked.entries[i].is_refused != is_refused) {
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
    while (client->asked.jobs_low < client->asked.jobs_count &&
           client->asked.jobs[client->asked.jobs_low].is_known) {
        client->asked.jobs_low++;
    }
    for (uint32_t i = client->asked.jobs_low;
         i < client->asked.jobs_count && !client->is_over; i++) {
        struct victim_job *job = &client->asked.jobs[i];

        if (!job->is_started || job->is_known) {
            continue;
        }
        // One at a time: a job wants them in order, refused or not.
        victim_asked_look(&client->asked, i);
        if (job->asks_acked < job->asks_count && !job->is_asking &&
            client->in_flight + client->again_count < FLIGHT_MAX) {
            ask_next(client, i);
        }
        if (!client->asked.jobs[i].is_asked) {
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
            client->asked.jobs_count - client->asked.jobs_done <
                JOBS_OPEN_MAX) {
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
           client->waiting == 0 &&
           client->asked.jobs_done == client->asked.jobs_count;
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

    client->asked.number =
        client->asked.number < least ? least : client->asked.number;
}

static void *
run_client(void *ctx)
{
    struct victim_client *client = ctx;
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;

    (void)snprintf((char *)options.client_id, sizeof(options.client_id),
                   "crash-%u", client->asked.index);
    if (weft_client_open(client->run->node, &options, &client->client) !=
        WEFT_OK) {
        abort();
    }
    ask_old(client, false);
    begin_numbers(client);
    ask_old(client, true);
    work(client);
    client->is_over = true; // answers that come now are not asked about
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
    client->asked.index = index;
    client->random = program_mix(wall_ms(), (uint64_t)getpid() + index);
    (void)snprintf(name, sizeof(name), "ledger-%u", index);
    ledger_each(run->dir, name, LEDGER_LINE, 0, victim_asked_read,
                &client->asked);
    client->was_refused = victim_asked_has_late(&client->asked);
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
    jobs = client->asked.jobs_count;
    (void)close(client->ledger);
    victim_asked_fini(&client->asked);
    free(client);
    return jobs;
}
