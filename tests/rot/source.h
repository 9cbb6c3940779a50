// SPDX-License-Identifier: Apache-2.0
//
// source.h - directories as nodes leave them, to be damaged, and what each
// holds.

#ifndef WF_TESTS_ROT_SOURCE_H
#define WF_TESTS_ROT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "rot/kinds.h"
#include "rot/world.h"

// How the process ended, once it had acknowledged everything.
enum source_end {
    SOURCE_CLOSED, // the node was closed
    SOURCE_IDLE,   // killed after 200 ms without traffic
    SOURCE_STRICT, // killed at once; every acknowledgement was strict
    SOURCE_HOT,    // killed at once: the newest 100 ms are not promised
    SOURCE_END_COUNT
};

struct source_plan {
    const char *name;
    enum source_end end;
    int64_t window_bytes;
    uint32_t store_count;
    uint32_t lives; // each a process; copied before the last as `old`
    struct kinds_feed feed;
    bool is_backup; // the copy of one, not the directory itself
};

struct source {
    const struct source_plan *plan;
    char dir[200];
    char old[200];     // before the last life; "" if there was one life
    char *all;         // look_at LOOK_ALL of dir
    char *outcome;     // LOOK_OUTCOME, after all work has ended
    char *old_outcome; // the same of old
    uint64_t now_ms;   // when it was left
    uint64_t hash;     // of its files
};

extern const struct source_plan source_plans[];
extern const uint32_t source_plans_count;
const char *source_end_name(enum source_end end);

// Below `work`. Every part runs in a process of its own: this one must be able
// to fork, and RocksDB's threads would be missing afterwards.
void source_make(const struct source_plan *plan, const char *work,
                 struct source *out);
struct world_options source_options(const struct source *source,
                                    const char *dir,
                                    const weft_definitions *definitions);

#endif
