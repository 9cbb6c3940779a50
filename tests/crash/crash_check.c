// SPDX-License-Identifier: Apache-2.0
//
// crash_check.c - does what the victim was told fit what it asked?
//
//     crash_check DIR
//
// Reads ledgers, effects and summary of a victim that has finished, and links
// nothing of weft. Every fault found is a line; status 1 if there is any.
//
//   requests   each was answered, and answered well
//   clients    each account counted each client's requests: all, once, in order
//   accounts   each counted the others' deposits: all, once, in order
//   money      nothing is gained or lost
//   jobs       each finished, with the result computed here
//   calls      each activity and step ran, under one key that no other has, and
//              no attempt of it ran twice
//   jars       each tip of each job arrived once

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/check.h"
#include "crash/ledger.h"
#include "crash/plan.h"

// What was asked. -----------------------------------------------------------

struct asked {
    uint64_t number;
    uint32_t to; // account or job
    char verb;
    bool is_answered;
    bool is_refused;
};

struct job {
    bool is_known;
    bool is_summed_up;
};

struct client {
    unsigned index;
    struct asked *asked;
    size_t count;
    size_t cap;
    struct job *jobs;
    size_t jobs_count;
    size_t jobs_cap;
    uint32_t transfers[PLAN_ACCOUNTS]; // to each account
    bool is_overtaken[PLAN_ACCOUNTS];  // one was refused, others may pass it
    uint64_t sessions;
    uint64_t refused;
};

static struct client clients[PLAN_CLIENTS];
static uint32_t transfers[PLAN_ACCOUNTS][PLAN_ACCOUNTS]; // from, to
static int64_t balances[PLAN_ACCOUNTS];                  // as they must be

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
    transfers[from][to]++;
    balances[from] -= amount;
    balances[to] += amount;
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
    if (strcmp(err, "WEFT_OK") != 0) {
        check_fault("client %u: %c: %s", client->index, asked->verb, line);
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
    *add_asked(client) = again;
}

static void
check_result(struct client *client, size_t index, const char *err,
             uint64_t result)
{
    struct plan_job job = plan_job_at(client->index, (uint32_t)index);
    char id[PLAN_ID_SIZE];
    uint64_t expected;

    plan_job_id(client->index, (uint32_t)index, id);
    expected = plan_result(&job, id, NULL, NULL);
    if (strcmp(err, "WEFT_OK") != 0) {
        check_fault("job %s: %s", id, err);
    } else if (result != expected) {
        check_fault("job %s: its result is %" PRIx64 ", and must be %" PRIx64,
                    id, result, expected);
    }
}

static void
read_known(struct client *client, const char *line)
{
    char err[40] = "";
    uint64_t result = 0;
    uint32_t index = 0;

    (void)sscanf(line, "F %" SCNu32 " %39s %" SCNx64, &index, err, &result);
    if (index >= client->jobs_count || client->jobs[index].is_known) {
        check_fault("client %u: the ledger is wrong at: %s", client->index,
                    line);
        return;
    }
    client->jobs[index].is_known = true;
    check_result(client, index, err, result);
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

// What it came to. ------------------------------------------------------------

struct tally {
    uint32_t last;
    uint32_t count;
    uint32_t out_of_order;
    uint64_t sum;
    uint64_t squares;
};

struct jar {
    uint64_t tips;
    int64_t amount;
};

static int64_t money;
static struct jar jars[PLAN_JARS]; // as they must be
static uint64_t lines_seen;
static bool has_stats;

// n messages, numbered from 1: each once, and in order unless that is too much
// to ask.
static void
check_tally(const char *what, const struct tally *tally, uint32_t n,
            bool is_ordered)
{
    uint64_t sum = 0;
    uint64_t squares = 0;

    for (uint64_t i = 1; i <= n; i++) {
        sum += i;
        squares += i * i;
    }
    if (tally->count != n || tally->sum != sum || tally->squares != squares) {
        check_fault(
            "%s: %" PRIu32 " were sent, %" PRIu32 " came (the last %" PRIu32
            ", sums differ by %" PRId64 " and %" PRId64 ")",
            what, n, tally->count, tally->last, (int64_t)(tally->sum - sum),
            (int64_t)(tally->squares - squares));
    }
    if (is_ordered && (tally->out_of_order != 0 || tally->last != n)) {
        check_fault("%s: %" PRIu32 " came out of order, the last was %" PRIu32
                    " of %" PRIu32,
                    what, tally->out_of_order, tally->last, n);
    }
}

static void
read_tally(const char *line)
{
    struct tally tally = {0};
    uint32_t account = 0;
    uint32_t other = 0;
    char what[80];
    char who = 0;

    (void)sscanf(line,
                 "tally %" SCNu32 " %c %" SCNu32 " %" SCNu32 " %" SCNu32
                 " %" SCNu32 " %" SCNu64 " %" SCNu64,
                 &account, &who, &other, &tally.last, &tally.count,
                 &tally.out_of_order, &tally.sum, &tally.squares);
    if (who == 'c' && account < PLAN_ACCOUNTS && other < PLAN_CLIENTS) {
        (void)snprintf(what, sizeof(what),
                       "client %" PRIu32 " to account %" PRIu32, other,
                       account);
        check_tally(what, &tally, clients[other].transfers[account],
                    !clients[other].is_overtaken[account]);
    } else if (who == 'a' && account < PLAN_ACCOUNTS && other < PLAN_ACCOUNTS) {
        (void)snprintf(what, sizeof(what),
                       "account %" PRIu32 " to account %" PRIu32, other,
                       account);
        check_tally(what, &tally, transfers[other][account], true);
    } else {
        check_fault("summary: %s", line);
    }
}

static void
read_account(const char *line)
{
    uint32_t index = PLAN_ACCOUNTS;
    int64_t balance = 0;

    (void)sscanf(line, "account %" SCNu32 " %" SCNd64, &index, &balance);
    if (index >= PLAN_ACCOUNTS) {
        check_fault("summary: %s", line);
        return;
    }
    money += balance;
    if (balance != balances[index]) {
        check_fault("account %" PRIu32 ": it has %" PRId64
                    ", and must have %" PRId64,
                    index, balance, balances[index]);
    }
}

static void
read_jar(const char *line)
{
    uint32_t index = PLAN_JARS;
    struct jar jar = {0};

    (void)sscanf(line, "jar %" SCNu32 " %" SCNu64 " %" SCNd64, &index,
                 &jar.tips, &jar.amount);
    if (index >= PLAN_JARS || jar.tips != jars[index].tips ||
        jar.amount != jars[index].amount) {
        check_fault("jar %" PRIu32 ": %" PRIu64 " tips (%" PRId64
                    "), and must have %" PRIu64 " (%" PRId64 ")",
                    index, jar.tips, jar.amount, jars[index].tips,
                    jars[index].amount);
    }
}

static void
read_job(const char *line)
{
    unsigned owner = PLAN_CLIENTS;
    uint32_t index = 0;
    char err[40] = "";
    uint64_t result = 0;

    (void)sscanf(line, "job %u %" SCNu32 " %39s %" SCNx64, &owner, &index, err,
                 &result);
    if (owner >= PLAN_CLIENTS || index >= clients[owner].jobs_count ||
        clients[owner].jobs[index].is_summed_up) {
        check_fault("summary: %s", line);
        return;
    }
    clients[owner].jobs[index].is_summed_up = true;
    check_result(&clients[owner], index, err, result);
}

static void
read_stats(const char *line)
{
    uint64_t stuck = 1;
    uint64_t parked = 1;
    uint64_t dead = 1;

    (void)sscanf(line, "stats %" SCNu64 " %" SCNu64 " %" SCNu64, &stuck,
                 &parked, &dead);
    has_stats = true;
    if (stuck != 0 || parked != 0 || dead != 0) {
        check_fault("%" PRIu64 " actors that nothing wakes, %" PRIu64
                    " parked, %" PRIu64 " dead letters",
                    stuck, parked, dead);
    }
}

static void
read_summary(const char *dir)
{
    char path[600];
    char line[200];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/summary", dir);
    file = fopen(path, "re");
    if (file == NULL) {
        check_fault("%s is not there", path);
        return;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        lines_seen++;
        if (strncmp(line, "tally ", 6) == 0) {
            read_tally(line);
        } else if (strncmp(line, "account ", 8) == 0) {
            read_account(line);
        } else if (strncmp(line, "jar ", 4) == 0) {
            read_jar(line);
        } else if (strncmp(line, "job ", 4) == 0) {
            read_job(line);
        } else if (strncmp(line, "stats ", 6) == 0) {
            read_stats(line);
        }
    }
    (void)fclose(file);
    if (money != 0) {
        check_fault("money: there is %" PRId64 " too much", money);
    }
    if (!has_stats) {
        check_fault("the summary is not whole");
    }
}

static void
check_summed_up(const struct client *client)
{
    for (size_t i = 0; i < client->jobs_count; i++) {
        if (!client->jobs[i].is_summed_up) {
            check_fault("client %u: job %zu is not in the summary",
                        client->index, i);
        }
    }
}

static void
expect_tip(void *ctx, uint32_t jar, int64_t amount)
{
    (void)ctx;
    jars[jar].tips++;
    jars[jar].amount += amount;
}

static void
expect_jobs(const struct client *client)
{
    struct plan_visitor visitor = {.call = check_expect_call,
                                   .tip = expect_tip};

    for (size_t i = 0; i < client->jobs_count; i++) {
        struct plan_job job = plan_job_at(client->index, (uint32_t)i);
        char id[PLAN_ID_SIZE];

        plan_job_id(client->index, (uint32_t)i, id);
        (void)plan_result(&job, id, &visitor, NULL);
    }
}

// All of it. ----------------------------------------------------------------

static void
print_totals(void)
{
    uint64_t requests = 0;
    uint64_t jobs = 0;
    uint64_t signals = 0;
    uint64_t refused = 0;

    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        const struct client *client = &clients[i];

        requests += client->count;
        jobs += client->jobs_count;
        refused += client->refused;
        for (size_t k = 0; k < client->count; k++) {
            signals += client->asked[k].verb != 'J';
        }
    }
    (void)printf("checked: %" PRIu64 " processes, %" PRIu64
                 " requests (%" PRIu64 " signals, %" PRIu64 " jobs, %" PRIu64
                 " times refused), %zu calls (%" PRIu64 " repeated), %" PRIu64
                 " faults\n",
                 clients[0].sessions, requests, signals, jobs, refused,
                 check_calls_count(), check_repeats(), check_faults());
}

int
main(int argc, char **argv)
{
    char name[32];

    if (argc != 2) {
        (void)fprintf(stderr, "usage: crash_check DIR\n");
        return 2;
    }
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        clients[i].index = i;
        (void)snprintf(name, sizeof(name), "ledger-%u", i);
        ledger_each(argv[1], name, LEDGER_LINE, 0, read_line, &clients[i]);
        check_answered(&clients[i]);
        expect_jobs(&clients[i]);
    }
    ledger_each(argv[1], "effects", LEDGER_LINE, 0, check_read_effect, NULL);
    read_summary(argv[1]);
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        check_summed_up(&clients[i]);
    }
    check_calls();
    print_totals();
    return check_faults() == 0 ? 0 : 1;
}
