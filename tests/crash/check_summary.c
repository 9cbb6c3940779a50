// SPDX-License-Identifier: Apache-2.0
//
// check_summary.c - what it came to, as the victim summed it up at its end.
//
//   clients    each account counted each client's requests: all, once, in order
//   accounts   each counted the others' deposits: all, once, in order
//   money      nothing is gained or lost
//   jobs       each finished, with the result computed here
//   notes      each note of each job arrived once, and in order
//   children   those that nobody awaited came to what they must, too

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crash/check_impl.h"
#include "program/record.h"

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
        check_tally(what, &tally, check_clients[other].transfers[account],
                    !check_clients[other].is_overtaken[account]);
    } else if (who == 'a' && account < PLAN_ACCOUNTS && other < PLAN_ACCOUNTS) {
        (void)snprintf(what, sizeof(what),
                       "account %" PRIu32 " to account %" PRIu32, other,
                       account);
        check_tally(what, &tally, check_transfers[other][account], true);
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
    if (balance != check_balances[index]) {
        check_fault("account %" PRIu32 ": it has %" PRId64
                    ", and must have %" PRId64,
                    index, balance, check_balances[index]);
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
    if (owner >= PLAN_CLIENTS ||
        *out_index >= check_clients[owner].jobs_count ||
        check_clients[owner].jobs[*out_index].is_summed_up) {
        check_fault("summary: %s", line);
        return NULL;
    }
    plan_expect(owner, *out_index, out_expect);
    return &check_clients[owner].jobs[*out_index];
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

void
check_summary(const char *dir)
{
    read_summary(dir);
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        check_summed_up(&check_clients[i]);
    }
}
