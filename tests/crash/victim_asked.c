// SPDX-License-Identifier: Apache-2.0
//
// victim_asked.c - what one client of the victim has asked, in this process and
// in those before it. See victim_asked.h.

#include "crash/victim_asked.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct victim_entry *
victim_asked_add(struct victim_asked *asked)
{
    if (asked->entries_count == asked->entries_cap) {
        asked->entries =
            grow(asked->entries, &asked->entries_cap, sizeof(*asked->entries));
    }
    asked->entries[asked->entries_count] = (struct victim_entry){0};
    return &asked->entries[asked->entries_count++];
}

struct victim_job *
victim_asked_add_job(struct victim_asked *asked)
{
    size_t cap = asked->jobs_cap;
    struct victim_job *job;

    if (asked->jobs_count == asked->jobs_cap) {
        asked->jobs = grow(asked->jobs, &cap, sizeof(*asked->jobs));
        asked->jobs_cap = (uint32_t)cap;
    }
    job = &asked->jobs[asked->jobs_count++];
    *job = (struct victim_job){0};
    return job;
}

void
victim_asked_look(struct victim_asked *asked, uint32_t index)
{
    struct victim_job *job = &asked->jobs[index];
    struct expect expect;

    if (job->has_asks) {
        return;
    }
    plan_expect(asked->index, index, &expect);
    job->has_asks = true;
    job->asks = expect.asks;
    job->asks_count = expect.asks_count;
    expect.asks = NULL;
    expect_fini(&expect);
}

void
victim_asked_fini(struct victim_asked *asked)
{
    for (uint32_t i = 0; i < asked->jobs_count; i++) {
        free(asked->jobs[i].asks);
    }
    free(asked->jobs);
    free(asked->entries);
}

static struct victim_entry *
find_entry(struct victim_asked *asked, uint64_t number)
{
    size_t low = 0;
    size_t high = asked->entries_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (asked->entries[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == asked->entries_count || asked->entries[low].number != number) {
        (void)fprintf(stderr, "ledger: no request %" PRIu64 "\n", number);
        abort();
    }
    return &asked->entries[low];
}

void
victim_asked_ack(struct victim_asked *asked, struct victim_entry *entry,
                 bool is_done)
{
    entry->is_acked = true;
    if (entry->verb == 'J') {
        asked->jobs[entry->a].is_started = true;
    } else if (entry->verb == 'G') {
        asked->jobs[entry->a].is_asking = false;
        asked->jobs[entry->a].asks_acked += is_done;
    }
}

void
victim_asked_know(struct victim_asked *asked, uint32_t index)
{
    asked->jobs[index].is_known = true;
    asked->jobs_done++;
}

size_t
victim_asked_renumber(struct victim_asked *asked, size_t at, uint64_t number)
{
    struct victim_entry *entry = victim_asked_add(asked);

    *entry = asked->entries[at];
    entry->number = number;
    entry->is_refused = false;
    entry->is_late = true;
    asked->entries[at].is_acked = true;
    return asked->entries_count - 1;
}

static void
read_request(struct victim_asked *asked, const char *line)
{
    struct victim_entry *entry = victim_asked_add(asked);

    if (sscanf(line, "R %" SCNu64 " %c", &entry->number, &entry->verb) != 2) {
        abort();
    }
    switch (entry->verb) {
    case 'J':
        (void)sscanf(line, "R %*u %*c %" SCNu32, &entry->a);
        (void)victim_asked_add_job(asked);
        break;
    case 'G':
        (void)sscanf(line, "R %*u %*c %" SCNu32 " %" SCNu32, &entry->a,
                     &entry->seq);
        asked->jobs[entry->a].is_asking = true;
        break;
    default:
        (void)sscanf(line,
                     "R %*u %*c %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNd64,
                     &entry->seq, &entry->a, &entry->b, &entry->amount);
        asked->seqs[entry->a] = entry->seq;
        break;
    }
    asked->number = entry->number;
}

bool
victim_asked_has_late(const struct victim_asked *asked)
{
    for (size_t i = 0; i < asked->entries_count; i++) {
        const struct victim_entry *entry = &asked->entries[i];

        if (!entry->is_acked && (entry->is_refused || entry->is_late)) {
            return true;
        }
    }
    return false;
}

void
victim_asked_read(void *ctx, char *line)
{
    struct victim_asked *asked = ctx;
    uint64_t number;
    uint64_t again;
    uint32_t index;
    char err[40] = "";

    if (line[0] == 'R') {
        read_request(asked, line);
    } else if (sscanf(line, "A %" SCNu64 " %39s", &number, err) == 2) {
        victim_asked_ack(asked, find_entry(asked, number),
                         strcmp(err, "WEFT_OK") == 0);
    } else if (sscanf(line, "B %" SCNu64, &number) == 1) {
        find_entry(asked, number)->is_refused = true;
    } else if (sscanf(line, "N %" SCNu64 " %" SCNu64, &number, &again) == 2) {
        victim_asked_renumber(
            asked, (size_t)(find_entry(asked, number) - asked->entries), again);
        asked->number = again;
    } else if (sscanf(line, "F %" SCNu32, &index) == 1) {
        victim_asked_know(asked, index);
    }
}
