// SPDX-License-Identifier: Apache-2.0
//
// book.c - what a node does with a partition, and the test's own book of it:
// who acquired which epoch, and what was acknowledged.

#include <string.h>

#include "ledger/world.h"

struct check {
    const struct world *world;
    const struct book *book;
    uint64_t seen; // newest commit
};

static weft_err
check_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
             uint32_t segments_count)
{
    struct check *check = ctx;
    uint64_t text;

    (void)segments_count;
    world_must(check->world, segments->records.len == sizeof(text),
               "a text's size");
    memcpy(&text, segments->records.data, sizeof(text));
    world_must(check->world,
               number <= check->book->count &&
                   check->book->texts[number] == text,
               "what is read was written");
    check->seen = number;
    return WEFT_OK;
}

// All that was acknowledged is there; what was in doubt is decided for good.
static void
check_log(struct world *world, struct node *node, uint32_t partition,
          const struct wf_shared_place *place)
{
    struct book *book = &world->books[partition];
    struct check check = {.world = world, .book = book};
    weft_err err =
        node->log.ops->read(node->log.self, partition, 0, check_commit, &check);

    world_must(world, err == WEFT_OK, "the log is read");
    check.seen = check.seen == 0 ? place->last : check.seen;
    world_must(world, check.seen == place->last,
               "the log is as long as it says");
    for (uint64_t i = place->last + 1; i <= book->count; i++) {
        world_must(world, !book->is_sure[i], "nothing acknowledged is lost");
    }
    book->count = place->last;
    for (uint64_t i = 1; i <= book->count; i++) {
        book->is_sure[i] = true;
    }
}

void
book_acquire(struct world *world, struct node *node, uint32_t partition)
{
    struct book *book = &world->books[partition];
    struct wf_shared_place place;
    weft_err err = node->log.ops->acquire(node->log.self, partition, &place);

    if (err != WEFT_OK) {
        world_must(world, err != WEFT_ELOST, "nobody has lost anything");
        return;
    }
    world_must(world, place.epoch < EPOCHS_MAX, "there are epochs left");
    world_must(world, book->owners[place.epoch] == 0, "an epoch has one owner");
    for (uint64_t i = place.epoch + 1; i < EPOCHS_MAX; i++) {
        world_must(world, book->owners[i] == 0, "epochs only grow");
    }
    for (uint32_t i = 0; i < NODES; i++) {
        world_must(world,
                   i == node->index || !world->nodes[i].is_acquired[partition],
                   "one node runs it");
    }
    book->owners[place.epoch] = (uint8_t)(node->index + 1);
    check_log(world, node, partition, &place);
    node->is_acquired[partition] = true;
}

void
book_append(struct world *world, struct node *node, uint32_t partition)
{
    struct book *book = &world->books[partition];
    uint64_t text = ++book->next_text;
    struct wf_segment segment = {
        .partition = partition,
        .epoch = 1,
        .record_count = 1,
        .records = weft_bytes_of(&text, sizeof(text)),
    };
    struct wf_shared_append one = {.partition = partition};
    struct wf_buf bytes = {0};

    wf_segment_encode(&segment, &bytes);
    one.segment = wf_buf_bytes(&bytes);
    node->log.ops->append(node->log.self, &one, 1);
    wf_buf_fini(&bytes);
    world_must(world,
               node->is_acquired[partition] || one.result != WF_APPEND_DURABLE,
               "only its owner appends");
    if (one.result == WF_APPEND_FENCED || !node->is_acquired[partition]) {
        node->is_acquired[partition] = false;
        return;
    }
    world_must(world, one.number == book->count + 1 && one.number < COMMITS_MAX,
               "commits are numbered");
    book->count = one.number;
    book->texts[one.number] = text;
    book->is_sure[one.number] = one.result == WF_APPEND_DURABLE;
    if (one.result == WF_APPEND_IN_DOUBT) {
        // So are those of the others that were acquired before the write that
        // failed: each will say so itself.
        node->is_acquired[partition] = false;
        world->doubts++;
    }
}

void
book_release(struct node *node, uint32_t partition)
{
    if (node->is_acquired[partition]) {
        (void)node->log.ops->release(node->log.self, partition);
        node->is_acquired[partition] = false;
    }
}

void
book_snapshot(struct world *world, struct node *node, uint32_t partition)
{
    struct wf_ledger_part part = wf_ledger_part(node->ledger, partition);

    if (node->is_acquired[partition] && part.last >= part.first) {
        uint64_t redo_from =
            part.first + world_below(world, part.last + 2 - part.first);

        (void)node->log.ops->snapshot_commit(node->log.self, partition,
                                             redo_from, weft_text("manifest"));
    }
}
