// SPDX-License-Identifier: Apache-2.0
//
// victim_asked.h - what one client of the victim has asked, in this process and
// in those before it, as its ledger has it.

#ifndef WF_TESTS_CRASH_VICTIM_ASKED_H
#define WF_TESTS_CRASH_VICTIM_ASKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crash/plan.h"

struct victim_entry {
    uint64_t number;
    int64_t amount;
    uint32_t a;    // transfer: from; job and go: index of the job
    uint32_t b;    // transfer: to
    uint32_t seq;  // go: which of what the job asks, from 1
    char verb;     // as in the ledger
    bool is_acked; // or has a new number
    bool is_refused;
    bool is_late; // it was refused once: others may have overtaken it
};

struct victim_job {
    bool is_started; // and that is answered
    bool is_asked;   // for its result, in this process
    bool is_known;   // the result is in the ledger
    // What it wants, once somebody has looked.
    struct expect_ask *asks;
    size_t asks_count;
    bool has_asks;
    uint32_t asks_acked;
    bool is_asking; // the next one is under way
};

struct victim_asked {
    unsigned index;  // of the client
    uint64_t number; // the newest

    struct victim_entry *entries; // in order of their numbers
    size_t entries_count;
    size_t entries_cap;

    struct victim_job *jobs;
    uint32_t jobs_count;
    uint32_t jobs_cap;
    uint32_t jobs_low; // all before it are known
    uint32_t jobs_done;

    uint32_t seqs[PLAN_ACCOUNTS];
};

// Read one line of the ledger. For ledger_each.
void victim_asked_read(void *asked, char *line);

// Is one without an answer late?
bool victim_asked_has_late(const struct victim_asked *asked);

// Of a job, from now on.
void victim_asked_look(struct victim_asked *asked, uint32_t job);
void victim_asked_fini(struct victim_asked *asked);
struct victim_entry *victim_asked_add(struct victim_asked *asked);
struct victim_job *victim_asked_add_job(struct victim_asked *asked);
// is_done: false if nothing came of it, and it has to be asked anew.
void victim_asked_ack(struct victim_asked *asked, struct victim_entry *entry,
                      bool is_done);
void victim_asked_know(struct victim_asked *asked, uint32_t job);
// The same once more, as the newest. Returns its place.
size_t victim_asked_renumber(struct victim_asked *asked, size_t at,
                             uint64_t number);

#endif
