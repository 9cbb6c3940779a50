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
//   notes      each note of each job arrived once, and in order
//   children   those that nobody awaited came to what they must, too

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/check.h"
#include "crash/ledger.h"
#include "crash/plan.h"
#include "program/record.h"

// What was asked. -----------------------------------------------------------

struct asked {
    uint64_t number;
    uint32_t to;  // account or job
    uint32_t ask; // of a job, from 1
    char verb;
    bool is_answered;
    bool is_refused;
};

struct job {
    bool is_known;
    bool is_summed_up;
    uint32_t asks_done;
    uint32_t strands; // in the summary, as the next one
    uint32_t children;
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
static struct record calls;
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

// What it came to. ------------------------------------------------------------

struct tally {
    uint32_t last;
    uint32_t count;
    uint32_t out_of_order;
    uint64_t sum;
    uint64_t squares;
};

static int64_t money;
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

// The job of a line of the summary; what it must be is the caller's. NULL:
// there is none.
static struct job *
find_job(const char *line, uint32_t *out_index, struct expect *out_expect)
{
    unsigned owner = PLAN_CLIENTS;

    *out_index = UINT32_MAX;
    (void)sscanf(line, "%*s %u %" SCNu32, &owner, out_index);
    if (owner >= PLAN_CLIENTS || *out_index >= clients[owner].jobs_count ||
        clients[owner].jobs[*out_index].is_summed_up) {
        check_fault("summary: %s", line);
        return NULL;
    }
    plan_expect(owner, *out_index, out_expect);
    return &clients[owner].jobs[*out_index];
}

static void
check_shown(const char *line, const char *what, const char *text, bool has,
            uint64_t value)
{
    char expected[20] = "-";

    if (has) {
        (void)snprintf(expected, sizeof(expected), "%" PRIx64, value);
    }
    if (strcmp(text, expected) != 0) {
        check_fault("%s must be %s: %s", what, expected, line);
    }
}

static void
read_job(const char *line)
{
    char value[20] = "";
    char number[20] = "";
    struct expect expect;
    size_t strands = 0;
    uint32_t index;
    int end = 0;
    struct job *job = find_job(line, &index, &expect);

    if (job == NULL) {
        return;
    }
    job->is_summed_up = true;
    (void)sscanf(line, "job %*u %*u %zu %19s %19s %n", &strands, value, number,
                 &end);
    check_shown(line, "its value", value, expect.has_value, expect.value);
    check_shown(line, "its number", number, expect.has_number,
                (uint64_t)expect.number);
    if (end == 0 || !expect_fits(expect.outcome, line + end)) {
        check_fault("it must end %s: %s", expect.outcome, line);
    }
    if (strands != job->strands || strands != expect_strands(&expect)) {
        check_fault("%zu strands must have notes, %" PRIu32 " have: %s",
                    expect_strands(&expect), job->strands, line);
    }
    if (job->children != expect.children_count) {
        check_fault("it must have left %zu children behind: %s",
                    expect.children_count, line);
    }
    expect_fini(&expect);
}

static void
read_strand(const char *line)
{
    struct expect expect;
    const char *wrong;
    uint64_t key = 0;
    uint64_t count = 0;
    uint64_t fold = 0;
    uint32_t index;
    struct job *job = find_job(line, &index, &expect);

    if (job == NULL) {
        return;
    }
    job->strands++;
    (void)sscanf(line, "strand %*u %*u %" SCNx64 " %" SCNu64 " %" SCNx64, &key,
                 &count, &fold);
    wrong = expect_strand(&expect, key, count, fold, false);
    if (wrong != NULL) {
        check_fault("%s: %s", wrong, line);
    }
    expect_fini(&expect);
}

static void
read_child(const char *line)
{
    struct expect expect;
    size_t child = SIZE_MAX;
    int end = 0;
    uint32_t index;
    struct job *job = find_job(line, &index, &expect);

    if (job == NULL) {
        return;
    }
    job->children++;
    (void)sscanf(line, "child %*u %*u %zu %n", &child, &end);
    if (end == 0 || child >= expect.children_count) {
        check_fault("summary: %s", line);
    } else if (!expect_fits(expect.children[child].outcome, line + end)) {
        check_fault("it must end %s: %s", expect.children[child].outcome, line);
    }
    expect_fini(&expect);
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
    char line[2000];
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
        } else if (strncmp(line, "strand ", 7) == 0) {
            read_strand(line);
        } else if (strncmp(line, "child ", 6) == 0) {
            read_child(line);
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
expect_jobs(const struct client *client)
{
    for (size_t i = 0; i < client->jobs_count; i++) {
        struct expect expect;

        plan_expect(client->index, (uint32_t)i, &expect);
        record_expect(&calls, &expect, false);
        expect_fini(&expect);
    }
}

static void
read_effect(void *ctx, char *line)
{
    char name[80] = "";
    char key[40] = "";
    uint32_t attempt = 0;

    (void)ctx;
    if (sscanf(line, "%39s %" SCNu32 " %79s", key, &attempt, name) != 3) {
        check_fault("effects: %s", line);
    }
    record_ran(&calls, key, attempt, name);
}

static void
call_fault(void *ctx, const char *text)
{
    (void)ctx;
    check_fault("%s", text);
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
                 calls.expected_count, calls.repeats, check_faults());
}

int
main(int argc, char **argv)
{
    char name[32];

    if (argc != 2) {
        (void)fprintf(stderr, "usage: crash_check DIR\n");
        return 2;
    }
    plan_read(argv[1]);
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        clients[i].index = i;
        (void)snprintf(name, sizeof(name), "ledger-%u", i);
        ledger_each(argv[1], name, LEDGER_LINE, 0, read_line, &clients[i]);
        check_answered(&clients[i]);
        expect_jobs(&clients[i]);
    }
    ledger_each(argv[1], "effects", LEDGER_LINE, 0, read_effect, NULL);
    read_summary(argv[1]);
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        check_summed_up(&clients[i]);
    }
    record_check(&calls, call_fault, NULL);
    print_totals();
    return check_faults() == 0 ? 0 : 1;
}
