// SPDX-License-Identifier: Apache-2.0
//
// moves.c - partitions of a cluster without a database move at random, while
// what nodes say to each other is lost, doubled and late, and nodes crash,
// their writes fail, or they stay away. world.h has the parts.
//
//     ledger_moves [--seeds COUNT] [--first SEED] [--seconds SECONDS]
//
// At the end all nodes are up, nothing is lost on its way any more, and each
// partition goes once to each node.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/world.h"

enum { STEPS = 600 }; // before it is calm

static uint64_t moves_total;
static uint64_t crashes_total;
static uint64_t doubts_total;

static void
act(struct world *world, struct node *node)
{
    uint32_t partition = (uint32_t)world_below(world, PARTITIONS);
    uint32_t other = (uint32_t)world_below(world, NODES);

    switch (world_below(world, 16)) {
    case 0:
        book_acquire(world, node, partition);
        break;
    case 1:
    case 2:
    case 3:
        book_append(world, node, partition);
        break;
    case 4:
    case 5:
        book_release(node, partition);
        break;
    case 6:
        book_snapshot(world, node, partition);
        break;
    case 7:
        if (world_below(world, 4) == 0) {
            (void)wf_ledger_forget(node->ledger, partition);
        }
        break;
    case 8:
    case 9:
    case 10:
        letters_tell(world, node, other);
        break;
    default:
        letters_ask(world, node, other, partition);
        break;
    }
}

static void
disturb(struct world *world)
{
    struct node *node = &world->nodes[world_below(world, NODES)];

    switch (world_below(world, 24)) {
    case 0:
        node_crash(world, node);
        break;
    case 1:
        wf_memory_disk_fail_write(node->disk, (uint32_t)world_below(world, 4),
                                  WEFT_EIO, world_below(world, 2) == 0);
        break;
    case 2:
        if (world->letters_count > 0) {
            letters_drop(world,
                         (uint32_t)world_below(world, world->letters_count));
        }
        break;
    default:
        break;
    }
}

static void
step(struct world *world)
{
    struct node *node = &world->nodes[world_below(world, NODES)];

    if (node->ledger != NULL) {
        act(world, node);
    } else if (node->away > 0) {
        node->away--;
    } else {
        node_start(world, node);
    }
    if (world->letters_count > 0 && world_below(world, 3) > 0) {
        letters_deliver(world,
                        (uint32_t)world_below(world, world->letters_count));
    }
    disturb(world);
}

static void
calm_down(struct world *world)
{
    world->is_calm = true;
    for (uint32_t i = 0; i < NODES; i++) {
        // A failure that still waits for its write.
        wf_memory_disk_fail_write(world->nodes[i].disk, UINT32_MAX, WEFT_EIO,
                                  false);
        if (world->nodes[i].ledger == NULL) {
            node_start(world, &world->nodes[i]);
        }
    }
}

static void
deliver_all(struct world *world)
{
    while (world->letters_count > 0) {
        letters_deliver(world, 0);
    }
}

static void
tell_all(struct world *world)
{
    for (uint32_t i = 0; i < NODES * NODES; i++) {
        letters_tell(world, &world->nodes[i / NODES], i % NODES);
        deliver_all(world);
    }
}

static struct node *
find_owner(struct world *world, uint32_t partition)
{
    struct node *found_node = NULL;

    for (uint32_t i = 0; i < NODES; i++) {
        struct node *node = &world->nodes[i];

        if (wf_ledger_part(node->ledger, partition).state == WF_LEDGER_MINE) {
            world_must(world, found_node == NULL, "a partition has one owner");
            found_node = node;
        }
    }
    return found_node;
}

// To the one that it is given to, or to any.
static void
move_to(struct world *world, uint32_t partition, uint32_t to)
{
    struct node *node = &world->nodes[to];
    struct wf_ledger_ask question;
    uint64_t before = 0;
    uint32_t idle = 0; // rounds that brought nothing

    while (idle < 3) {
        if (!wf_ledger_ask(node->ledger, partition, true, &question)) {
            return;
        }
        idle = question.next == before ? idle + 1 : 0;
        before = question.next;
        for (uint32_t from = 0; from < NODES; from++) {
            struct letter letter = {
                .type = ASK,
                .from = to,
                .to = from,
                .life = world->lives[to],
                .ask = question,
            };

            letters_post(world, letter);
            deliver_all(world);
        }
    }
}

static void
finish(struct world *world)
{
    calm_down(world);
    deliver_all(world);
    tell_all(world);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        for (uint32_t i = 0; i < NODES; i++) { // what is given is taken
            move_to(world, p, i);
        }
        for (uint32_t i = 0; i < NODES; i++) {
            struct node *owner = find_owner(world, p);

            world_must(world, owner != NULL, "each partition has an owner");
            book_acquire(world, owner, p);
            world_must(world, owner->is_acquired[p], "who may run it");
            book_append(world, owner, p);
            book_release(owner, p);
            tell_all(world);
            move_to(world, p, i);
            tell_all(world);
            world_must(world,
                       wf_ledger_part(world->nodes[i].ledger, p).state ==
                           WF_LEDGER_MINE,
                       "it goes to any node");
        }
        book_acquire(world, &world->nodes[NODES - 1], p);
        world_must(world, world->nodes[NODES - 1].is_acquired[p],
                   "and runs there");
    }
}

static void
run(uint64_t seed)
{
    struct world *world = world_create(seed);

    for (uint32_t i = 0; i < STEPS; i++) {
        step(world);
    }
    finish(world);
    moves_total += world->moves;
    crashes_total += world->crashes;
    doubts_total += world->doubts;
    world_destroy(world);
}

int
main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t count = 300;
    time_t until = 0;
    uint64_t done = 0;

    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);

        if (strcmp(argv[i], "--seeds") == 0) {
            count = value;
        } else if (strcmp(argv[i], "--first") == 0) {
            first = value;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            until = time(NULL) + (time_t)value;
            first = wf_random_os_seed() >> 1;
        }
    }
    while (until > 0 ? time(NULL) < until : done < count) {
        run(first + done++);
    }
    (void)printf("%" PRIu64 " seeds, %" PRIu64 " moves by chance, %" PRIu64
                 " crashes, %" PRIu64 " writes in doubt\n",
                 done, moves_total, crashes_total, doubts_total);
    return moves_total == 0; // it would have shown nothing
}
