// SPDX-License-Identifier: Apache-2.0
//
// exchange_rig.h - a partition and the files of its snapshot, from one node to
// another, question by question. Two exchanges without their threads, on a
// clock of the test's; what they send is kept until the test passes it on,
// changed or not at all.

#ifndef WF_TESTS_EXCHANGE_RIG_H
#define WF_TESTS_EXCHANGE_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/trace.h"
#include "cluster/exchange_impl.h"
#include "support/test.h"

enum {
    PARTITIONS = 4,
    SENT_MAX = 16,
    RECORD_BYTES = 10000,
    PIECES_BYTES = 2 * WF_EXCHANGE_PIECE_BYTES + 1234,
};

// One node, as far as this needs it.
struct side {
    struct rig *rig;
    struct wf_memory_disk *disk;
    struct wf_exchange exchange;
    struct wf_shared_log log;
    struct wf_trace trace;
    char said[2048];
    uint32_t changes; // that it was told of
};

struct rig {
    uint64_t now_ms;
    char dir[400];
    struct side giver; // "a", which has all partitions
    struct side taker; // "b", which has none
    struct wf_snapshots_manifest manifest;
    char asked[256]; // what b asked so far: "move file "
};

// What was sent, and not passed on yet.
struct sent {
    bool is_answer;
    struct wf_buf frame;
};
extern struct sent rig_sent[SENT_MAX];
extern uint32_t rig_sent_count;

void rig_make(struct test *t, struct rig *rig);
void rig_free(struct rig *rig);
// "DIR/ID/NAME"; release with wf_free.
char *rig_path(const struct rig *rig, const char *id, const char *name);
void rig_write_file(const char *path, char byte, size_t count);

// What a has. -----------------------------------------------------------------

// So many commits more.
void rig_append(struct rig *rig, uint32_t partition, uint32_t count);
void rig_release(struct side *side, uint32_t partition);
// Partition 0 has a snapshot of three files: one of three pieces, one of a few
// bytes that b has, too, and one that is empty.
void rig_make_snapshot(struct rig *rig);
void rig_put_file(struct rig *rig, uint32_t i); // of its files, once more
// The one that b has was put long ago.
void rig_age_kept_file(const struct rig *rig);

// Between the two. ------------------------------------------------------------

// b hears what a knows by now; and is to have it, or not.
void rig_hear_view(struct rig *rig);
void rig_want(struct rig *rig, uint32_t partition, bool is_wanted);
// b asks, once; and as long as there is something to ask at this moment.
uint64_t rig_step(struct rig *rig);
void rig_settle(struct rig *rig);
// What was sent first; all of it, and what comes of it; nothing.
void rig_pass_first(struct rig *rig);
void rig_pass_all(struct rig *rig);
void rig_drop_all(void);

enum wf_ledger_state rig_state(struct side *side, uint32_t partition);
void rig_check_files(struct rig *rig); // b has them
// What b asked since the last time: "move file ".
void rig_check_asked(struct rig *rig, const char *expected);

#endif
