// SPDX-License-Identifier: Apache-2.0
//
// check_asked.c - what a client asked, and what it was told: the ledger that it
// kept.
//
//   requests   each was answered, and answered well, once
//   jobs       each has the result that is computed here, and was asked all
//              that it wanted, in order

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crash/check_impl.h"
#include "crash/ledger.h"
#include "program/record.h"

struct client check_clients[PLAN_CLIENTS];
uint32_t check_transfers[PLAN_ACCOUNTS][PLAN_ACCOUNTS];
int64_t check_balances[PLAN_ACCOUNTS];

static struct asked *
find(struct client *client, uint64_t number)
{
    size_t low = 0;
    size_t high = client->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (client->asked[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == client->count || client->asked[low].number != number) {
        check_fault("client %u: %" PRIu64 " was answered and never asked",
                    client->index, number);
        return NULL;
    }
    return &client->asked[low];
}

static void
read_transfer(struct client *client, struct asked *asked, const char *line)
{
    uint32_t seq = 0;
    uint32_t from = PLAN_ACCOUNTS;
    uint32_t to = PLAN_ACCOUNTS;
    int64_t amount = 0;

    (void)sscanf(line, "R %*u %*c %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNd64,
                 &seq, &from, &to, &amount);
    if (from >= PLAN_ACCOUNTS || to >= PLAN_ACCOUNTS ||
        seq != ++client->transfers[from]) {
        check_fault("client %u: the ledger is wrong at: %s", client->index,
                    line);
        return;
    }
    asked->to = from;
    check_transfers[from][to]++;
    check_balances[from] -= amount;
    check_balances[to] += amount;
}

static struct asked *
add_asked(struct client *client)
{
    if (client->count == client->cap) {
        client->asked =
            check_grow(client->asked, &client->cap, sizeof(*client->asked));
    }
    client->asked[client->count] = (struct asked){0};
    return &client->asked[client->count++];
}

static void
read_asked(struct client *client, const char *line)
{
    struct asked *asked = add_asked(client);

    (void)sscanf(line, "R %" SCNu64 " %c", &asked->number, &asked->verb);
    if (client->count > 1 && asked->number <= asked[-1].number) {
        check_fault("client %u: numbers go back at: %s", client->index, line);
    }
    if (asked->verb == 'T' || asked->verb == 'Q') {
        read_transfer(client, asked, line);
    } else if (asked->verb == 'J') {
        if (client->jobs_count == client->jobs_cap) {
            client->jobs = check_grow(client->jobs, &client->jobs_cap,
                                      sizeof(*client->jobs));
        }
        client->jobs[client->jobs_count++] = (struct job){0};
    } else if (asked->verb == 'G') {
        asked->to = UINT32_MAX;
        (void)sscanf(line, "R %*u %*c %" SCNu32 " %" SCNu32, &asked->to,
                     &asked->ask);
        if (asked->to >= client->jobs_count) {
            check_fault("client %u: the ledger is wrong at: %s", client->index,
                        line);
            asked->verb = '?';
        }
    }
}

// Of what a job wants each is done once, in order. An update may have to be
// asked for again, since its run has ended before it was done.
static void
read_done(struct client *client, const struct asked *asked, const char *err)
{
    struct job *job = &client->jobs[asked->to];

    if (strcmp(err, "WEFT_OK") == 0 && asked->ask != ++job->asks_done) {
        check_fault("client %u: job %" PRIu32 ": %" PRIu32
                    " is done, and not %" PRIu32,
                    client->index, asked->to, asked->ask, job->asks_done);
    }
}

static void
read_answered(struct client *client, const char *line)
{
    struct asked *asked;
    uint64_t number = 0;
    char err[40] = "";

    (void)sscanf(line, "A %" SCNu64 " %39s", &number, err);
    asked = find(client, number);
    if (asked == NULL) {
        return;
    }
    if (asked->is_answered) {
        check_fault("client %u: answered twice: %s", client->index, line);
    }
    if (strcmp(err, "WEFT_OK") != 0 &&
        (asked->verb != 'G' || strcmp(err, "WEFT_EFINISHED") != 0)) {
        check_fault("client %u: %c: %s", client->index, asked->verb, line);
    }
    if (asked->verb == 'G') {
        read_done(client, asked, err);
    }
    asked->is_answered = true;
}

static void
read_refused(struct client *client, const char *line)
{
    uint64_t number = 0;
    struct asked *asked;

    (void)sscanf(line, "B %" SCNu64, &number);
    asked = find(client, number);
    client->refused++;
    if (asked != NULL) {
        asked->is_refused = true;
    }
    if (asked != NULL && (asked->verb == 'T' || asked->verb == 'Q')) {
        client->is_overtaken[asked->to] = true;
    }
}

// Asked again under a new number: only what was refused may be.
static void
read_renumbered(struct client *client, const char *line)
{
    uint64_t number = 0;
    struct asked again = {0};
    struct asked *asked;

    (void)sscanf(line, "N %" SCNu64 " %" SCNu64, &number, &again.number);
    asked = find(client, number);
    if (asked == NULL || !asked->is_refused || asked->is_answered) {
        check_fault("client %u: the ledger is wrong at: %s", client->index,
                    line);
        return;
    }
    asked->is_answered = true;
    again.verb = asked->verb;
    again.to = asked->to;
    again.ask = asked->ask;
    *add_asked(client) = again;
}

static void
read_known(struct client *client, const char *line)
{
    uint64_t hash = 0;
    uint32_t index = UINT32_MAX;
    struct expect expect;

    (void)sscanf(line, "F %" SCNu32 " %" SCNx64, &index, &hash);
    if (index >= client->jobs_count || client->jobs[index].is_known) {
        check_fault("client %u: the ledger is wrong at: %s", client->index,
                    line);
        return;
    }
    client->jobs[index].is_known = true;
    plan_expect(client->index, index, &expect);
    if (hash != program_hash(expect.outcome)) {
        check_fault("client %u: job %" PRIu32 " must end %s: %s", client->index,
                    index, expect.outcome, line);
    }
    if (client->jobs[index].asks_done != expect.asks_count) {
        check_fault("client %u: job %" PRIu32 " has ended after %" PRIu32
                    " of %zu asks",
                    client->index, index, client->jobs[index].asks_done,
                    expect.asks_count);
    }
    expect_fini(&expect);
}

static void
read_line(void *ctx, char *line)
{
    struct client *client = ctx;

    switch (line[0]) {
    case 'S':
        client->sessions++;
        break;
    case 'R':
        read_asked(client, line);
        break;
    case 'A':
        read_answered(client, line);
        break;
    case 'B':
        read_refused(client, line);
        break;
    case 'N':
        read_renumbered(client, line);
        break;
    case 'U':
        break;
    case 'F':
        read_known(client, line);
        break;
    default:
        check_fault("client %u: %s", client->index, line);
        break;
    }
}

static void
check_answered(const struct client *client)
{
    for (size_t i = 0; i < client->count; i++) {
        if (!client->asked[i].is_answered) {
            check_fault("client %u: request %" PRIu64 " (%c) has no answer",
                        client->index, client->asked[i].number,
                        client->asked[i].verb);
        }
    }
    for (size_t i = 0; i < client->jobs_count; i++) {
        if (!client->jobs[i].is_known) {
            check_fault("client %u: job %zu has no result", client->index, i);
        }
    }
}

void
check_asked(const char *dir, struct client *client)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "ledger-%u", client->index);
    ledger_each(dir, name, LEDGER_LINE, 0, read_line, client);
    check_answered(client);
}
