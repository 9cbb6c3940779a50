// SPDX-License-Identifier: Apache-2.0
//
// crash_check.c - does what the victim was told fit what it asked?
//
//     crash_check DIR
//
// Reads ledgers, effects and summary of a victim that has finished, and links
// nothing of weft. Every fault found is a line; status 1 if there is any.
//
//   requests and their answers   check_asked.c
//   what all came to             check_summary.c
//   calls                        each activity and step ran, under one key that
//                                no other has, and no attempt of it ran twice

#include <inttypes.h>
#include <stdio.h>

#include "crash/check_impl.h"
#include "crash/ledger.h"
#include "program/record.h"

static struct record calls;

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
        const struct client *client = &check_clients[i];

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
                 check_clients[0].sessions, requests, signals, jobs, refused,
                 calls.expected_count, calls.repeats, check_faults());
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: crash_check DIR\n");
        return 2;
    }
    plan_read(argv[1]);
    for (unsigned i = 0; i < PLAN_CLIENTS; i++) {
        check_clients[i].index = i;
        check_asked(argv[1], &check_clients[i]);
        expect_jobs(&check_clients[i]);
    }
    ledger_each(argv[1], "effects", LEDGER_LINE, 0, read_effect, NULL);
    check_summary(argv[1]);
    record_check(&calls, call_fault, NULL);
    print_totals();
    return check_faults() == 0 ? 0 : 1;
}
