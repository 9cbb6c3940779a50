// SPDX-License-Identifier: Apache-2.0
//
// world.h - the nodes of a cluster without a database, what they say to each
// other, and what the test knows of their partitions. Nothing here is of the
// runtime's: only ledgers (storage/ledger.h), on disks in memory.
//
// Whatever is not as it must be ends the program, with its seed.

#ifndef WF_TESTS_LEDGER_WORLD_H
#define WF_TESTS_LEDGER_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"
#include "storage/ledger.h"
#include "storage/log_shared.h"
#include "storage/store.h"

enum {
    NODES = 4,
    PARTITIONS = 3,
    LETTERS_MAX = 24,
    COMMITS_MAX = 4096,
    EPOCHS_MAX = 4096,
};

struct node {
    char id[8];
    uint32_t index;
    struct wf_memory_disk *disk;
    struct wf_ledger *ledger; // NULL: it is down
    struct wf_shared_log log;
    bool is_acquired[PARTITIONS];
    uint32_t away; // steps that it stays down
};

// What the test knows of a partition, whoever has it (book.c).
struct book {
    uint8_t owners[EPOCHS_MAX]; // by epoch: index + 1 of who acquired it
    uint64_t texts[COMMITS_MAX];
    bool is_sure[COMMITS_MAX]; // acknowledged; else it may be there or not
    uint64_t count;            // commits that are there, or may be
    uint64_t next_text;
};

// What one says to another (letters.c).
enum letter_type { VIEW, ASK, ANSWER };

struct letter {
    enum letter_type type;
    uint32_t from, to;
    uint32_t life; // of the process that asked
    struct wf_ledger_ask ask;
    struct wf_buf bytes;
};

struct world {
    uint64_t seed;
    struct wf_random random;
    struct node nodes[NODES];
    uint32_t lives[NODES]; // processes so far
    struct book books[PARTITIONS];
    struct letter letters[LETTERS_MAX];
    uint32_t letters_count;
    bool is_calm; // no faults any more
    uint64_t moves;
    uint64_t crashes;
    uint64_t doubts;
};

// world.c
struct world *world_create(uint64_t seed); // all nodes are up
void world_destroy(struct world *world);
uint64_t world_below(struct world *world, uint64_t limit);
void world_must(const struct world *world, bool is_true, const char *what);

// node.c
// Its disk is empty.
void node_found(struct world *world, struct node *node);
void node_start(struct world *world, struct node *node);
// It may be down already, and stays so for some steps.
void node_crash(struct world *world, struct node *node);

// letters.c: they are lost if there are too many.
void letters_post(struct world *world, struct letter letter); // takes its bytes
void letters_drop(struct world *world, uint32_t index);
void letters_deliver(struct world *world, uint32_t index);
// All that a node knows; a question of a partition.
void letters_tell(struct world *world, struct node *from, uint32_t to);
void letters_ask(struct world *world, struct node *from, uint32_t to,
                 uint32_t partition);

// book.c: what a node does with a partition, if it may.
void book_acquire(struct world *world, struct node *node, uint32_t partition);
void book_append(struct world *world, struct node *node, uint32_t partition);
void book_release(struct node *node, uint32_t partition);
void book_snapshot(struct world *world, struct node *node, uint32_t partition);

#endif
