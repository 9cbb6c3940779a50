// SPDX-License-Identifier: Apache-2.0
//
// moves.c - partitions of a cluster without a database move at random, while
// what nodes say to each other is lost, doubled and late, and nodes crash,
// their writes fail, or they stay away. Nothing here is of the runtime's: only
// ledgers (storage/ledger.h), on disks in memory.
//
//     ledger_moves [--seeds COUNT] [--first SEED] [--seconds SECONDS]
//
// Its own book says who acquired which epoch, and what was acknowledged. At the
// end all nodes are up, nothing is lost on its way any more, and each partition
// goes once to each node.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/random.h"
#include "storage/ledger.h"

enum {
    NODES = 4,
    PARTITIONS = 3,
    STEPS = 600,
    LETTERS_MAX = 24,
    COMMITS_MAX = 4096,
    EPOCHS_MAX = 4096,
    PIECE = 150,
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

// What the test knows of a partition, whoever has it.
struct book {
    uint8_t owners[EPOCHS_MAX]; // by epoch: index + 1 of who acquired it
    uint64_t texts[COMMITS_MAX];
    bool is_sure[COMMITS_MAX]; // acknowledged; else it may be there or not
    uint64_t count;            // commits that are there, or may be
    uint64_t next_text;
};

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

static uint64_t moves_total;
static uint64_t crashes_total;
static uint64_t doubts_total;

static uint64_t
below(struct world *world, uint64_t limit)
{
    return wf_random_below(&world->random, limit);
}

static void
fail(const struct world *world, const char *what)
{
    (void)printf("seed %" PRIu64 ": %s; %s\n", world->seed, what,
                 weft_err_detail());
    exit(1);
}

static void
must(const struct world *world, bool is_true, const char *what)
{
    if (!is_true) {
        fail(world, what);
    }
}

// Nodes. ----------------------------------------------------------------------

static weft_err
open_store(void *ctx, struct wf_store *out_store)
{
    return wf_store_memory_open(((struct node *)ctx)->disk, out_store);
}

static void
found(struct world *world, struct node *node)
{
    // The last one joins a cluster that is there.
    static const char *const founders[] = {"n0", "n1", "n2"};
    struct wf_ledger_founding founding = {
        .node_id = node->id,
        .partition_count = PARTITIONS,
        .founders = founders,
        .founders_count = node->index < 3 ? 3 : 0,
    };
    struct wf_store store;

    must(world, open_store(node, &store) == WEFT_OK, "a disk opens");
    must(world, wf_ledger_found(store, &founding) == WEFT_OK, "founded");
    store.ops->close(store.self);
}

static void
start(struct world *world, struct node *node)
{
    struct wf_ledger_options options = {
        .open_store = open_store,
        .ctx = node,
        .node_id = node->id,
        .must_hear = true,
    };
    struct wf_ledger_node self = {0};

    memcpy(self.row.id, node->id, sizeof(node->id));
    // A write that was to fail is none of these.
    wf_memory_disk_fail_write(node->disk, UINT32_MAX, WEFT_EIO, false);
    must(world, wf_ledger_open(&options, &node->ledger) == WEFT_OK, "it opens");
    must(world, wf_ledger_join(node->ledger, &self) == WEFT_OK, "it joins");
    node->log = wf_ledger_log(node->ledger);
    world->lives[node->index]++;
}

static void
crash(struct world *world, struct node *node)
{
    if (node->ledger == NULL) {
        return;
    }
    wf_memory_disk_crash(node->disk);
    wf_ledger_close(node->ledger);
    node->ledger = NULL;
    memset(node->is_acquired, 0, sizeof(node->is_acquired));
    node->away = (uint32_t)below(world, below(world, 4) == 0 ? 200 : 10);
    world->crashes++;
}

// Letters. --------------------------------------------------------------------

static void
drop(struct world *world, uint32_t index)
{
    wf_buf_fini(&world->letters[index].bytes);
    world->letters[index] = world->letters[--world->letters_count];
}

// Takes its bytes.
static void
post(struct world *world, struct letter letter)
{
    if (world->letters_count == LETTERS_MAX) {
        drop(world, (uint32_t)below(world, LETTERS_MAX));
    }
    world->letters[world->letters_count++] = letter;
}

static void
tell(struct world *world, struct node *from, uint32_t to)
{
    struct letter letter = {.type = VIEW, .from = from->index, .to = to};
    struct wf_ledger_view view = {0};

    wf_ledger_view(from->ledger, &view);
    wf_ledger_view_encode(&view, &letter.bytes);
    wf_ledger_view_fini(&view);
    post(world, letter);
}

static void
ask(struct world *world, struct node *from, uint32_t to, uint32_t partition)
{
    struct letter letter = {
        .type = ASK,
        .from = from->index,
        .to = to,
        .life = world->lives[from->index],
    };

    if (wf_ledger_ask(from->ledger, partition, below(world, 4) > 0,
                      &letter.ask)) {
        post(world, letter);
    }
}

static void
hear_view(struct world *world, struct node *node, const struct letter *letter)
{
    struct wf_ledger_view told;
    weft_err err;

    must(world,
         wf_ledger_view_decode(wf_buf_bytes(&letter->bytes), &told) == WEFT_OK,
         "a view is read");
    err = wf_ledger_hear(node->ledger, &told);
    must(world, err == WEFT_OK || err == WEFT_EIO || err == WEFT_EBUSY,
         "nobody has lost anything");
    wf_ledger_view_fini(&told);
}

static void
answer(struct world *world, struct node *node, const struct letter *letter)
{
    struct letter reply = {
        .type = ANSWER,
        .from = node->index,
        .to = letter->from,
        .life = letter->life,
        .ask = letter->ask,
    };
    uint64_t lag;

    if (wf_ledger_serve(node->ledger, &letter->ask, PIECE, &reply.bytes,
                        &lag) == WEFT_OK) {
        post(world, reply);
    } else {
        wf_buf_fini(&reply.bytes);
    }
}

static void
take_in(struct world *world, struct node *node, const struct letter *letter)
{
    enum wf_ledger_progress progress;
    weft_err err;

    if (letter->life != world->lives[node->index]) {
        return; // the socket that it was for is gone
    }
    err = wf_ledger_receive(node->ledger, &letter->ask,
                            world->nodes[letter->from].id,
                            wf_buf_bytes(&letter->bytes), &progress);
    must(world, err != WEFT_ECORRUPT, "answers are whole");
    world->moves += err == WEFT_OK && progress == WF_LEDGER_TAKEN;
}

static void
deliver(struct world *world, uint32_t index)
{
    struct letter letter = world->letters[index];
    struct node *node = &world->nodes[letter.to];
    bool is_kept = !world->is_calm && below(world, 5) == 0; // doubled

    if (node->ledger != NULL) {
        if (letter.type == VIEW) {
            hear_view(world, node, &letter);
        } else if (letter.type == ASK) {
            answer(world, node, &letter);
        } else {
            take_in(world, node, &letter);
        }
    }
    // What was posted meanwhile may have moved it.
    for (uint32_t i = 0; !is_kept && i < world->letters_count; i++) {
        if (world->letters[i].bytes.data == letter.bytes.data &&
            memcmp(&world->letters[i].ask, &letter.ask, sizeof(letter.ask)) ==
                0 &&
            world->letters[i].type == letter.type &&
            world->letters[i].to == letter.to &&
            world->letters[i].from == letter.from) {
            drop(world, i);
            break;
        }
    }
}

// What a node does with a partition. ------------------------------------------

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
    must(check->world, segments->records.len == sizeof(text), "a text's size");
    memcpy(&text, segments->records.data, sizeof(text));
    must(check->world,
         number <= check->book->count && check->book->texts[number] == text,
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

    must(world, err == WEFT_OK, "the log is read");
    check.seen = check.seen == 0 ? place->last : check.seen;
    must(world, check.seen == place->last, "the log is as long as it says");
    for (uint64_t i = place->last + 1; i <= book->count; i++) {
        must(world, !book->is_sure[i], "nothing acknowledged is lost");
    }
    book->count = place->last;
    for (uint64_t i = 1; i <= book->count; i++) {
        book->is_sure[i] = true;
    }
}

static void
acquire(struct world *world, struct node *node, uint32_t partition)
{
    struct book *book = &world->books[partition];
    struct wf_shared_place place;
    weft_err err = node->log.ops->acquire(node->log.self, partition, &place);

    if (err != WEFT_OK) {
        must(world, err != WEFT_ELOST, "nobody has lost anything");
        return;
    }
    must(world, place.epoch < EPOCHS_MAX, "there are epochs left");
    must(world, book->owners[place.epoch] == 0, "an epoch has one owner");
    for (uint64_t i = place.epoch + 1; i < EPOCHS_MAX; i++) {
        must(world, book->owners[i] == 0, "epochs only grow");
    }
    for (uint32_t i = 0; i < NODES; i++) {
        must(world, i == node->index || !world->nodes[i].is_acquired[partition],
             "one node runs it");
    }
    book->owners[place.epoch] = (uint8_t)(node->index + 1);
    check_log(world, node, partition, &place);
    node->is_acquired[partition] = true;
}

static void
append(struct world *world, struct node *node, uint32_t partition)
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
    must(world, node->is_acquired[partition] || one.result != WF_APPEND_DURABLE,
         "only its owner appends");
    if (one.result == WF_APPEND_FENCED || !node->is_acquired[partition]) {
        node->is_acquired[partition] = false;
        return;
    }
    must(world, one.number == book->count + 1 && one.number < COMMITS_MAX,
         "commits are numbered");
    book->count = one.number;
    book->texts[one.number] = text;
    book->is_sure[one.number] = one.result == WF_APPEND_DURABLE;
    if (one.result == WF_APPEND_IN_DOUBT) {
        // The whole store is: each partition is to be acquired anew.
        memset(node->is_acquired, 0, sizeof(node->is_acquired));
        world->doubts++;
    }
}

static void
release(struct node *node, uint32_t partition)
{
    if (node->is_acquired[partition]) {
        (void)node->log.ops->release(node->log.self, partition);
        node->is_acquired[partition] = false;
    }
}

static void
make_snapshot(struct world *world, struct node *node, uint32_t partition)
{
    struct wf_ledger_part part = wf_ledger_part(node->ledger, partition);

    if (node->is_acquired[partition] && part.last >= part.first) {
        uint64_t redo_from =
            part.first + below(world, part.last + 2 - part.first);

        (void)node->log.ops->snapshot_commit(node->log.self, partition,
                                             redo_from, weft_text("manifest"));
    }
}

// A run. ----------------------------------------------------------------------

static void
act(struct world *world, struct node *node)
{
    uint32_t partition = (uint32_t)below(world, PARTITIONS);
    uint32_t other = (uint32_t)below(world, NODES);

    switch (below(world, 16)) {
    case 0:
        acquire(world, node, partition);
        break;
    case 1:
    case 2:
    case 3:
        append(world, node, partition);
        break;
    case 4:
    case 5:
        release(node, partition);
        break;
    case 6:
        make_snapshot(world, node, partition);
        break;
    case 7:
        if (below(world, 4) == 0) {
            (void)wf_ledger_forget(node->ledger, partition);
        }
        break;
    case 8:
    case 9:
    case 10:
        tell(world, node, other);
        break;
    default:
        ask(world, node, other, partition);
        break;
    }
}

static void
disturb(struct world *world)
{
    struct node *node = &world->nodes[below(world, NODES)];

    switch (below(world, 24)) {
    case 0:
        crash(world, node);
        break;
    case 1:
        wf_memory_disk_fail_write(node->disk, (uint32_t)below(world, 4),
                                  WEFT_EIO, below(world, 2) == 0);
        break;
    case 2:
        if (world->letters_count > 0) {
            drop(world, (uint32_t)below(world, world->letters_count));
        }
        break;
    default:
        break;
    }
}

static void
step(struct world *world)
{
    struct node *node = &world->nodes[below(world, NODES)];

    if (node->ledger != NULL) {
        act(world, node);
    } else if (node->away > 0) {
        node->away--;
    } else {
        start(world, node);
    }
    if (world->letters_count > 0 && below(world, 3) > 0) {
        deliver(world, (uint32_t)below(world, world->letters_count));
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
            start(world, &world->nodes[i]);
        }
    }
}

static void
deliver_all(struct world *world)
{
    while (world->letters_count > 0) {
        deliver(world, 0);
    }
}

static void
tell_all(struct world *world)
{
    for (uint32_t i = 0; i < NODES * NODES; i++) {
        tell(world, &world->nodes[i / NODES], i % NODES);
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
            must(world, found_node == NULL, "a partition has one owner");
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

            post(world, letter);
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

            must(world, owner != NULL, "each partition has an owner");
            acquire(world, owner, p);
            must(world, owner->is_acquired[p], "who may run it");
            append(world, owner, p);
            release(owner, p);
            tell_all(world);
            move_to(world, p, i);
            tell_all(world);
            must(world,
                 wf_ledger_part(world->nodes[i].ledger, p).state ==
                     WF_LEDGER_MINE,
                 "it goes to any node");
        }
        acquire(world, &world->nodes[NODES - 1], p);
        must(world, world->nodes[NODES - 1].is_acquired[p], "and runs there");
    }
}

static void
run(uint64_t seed)
{
    struct world *world = wf_calloc(sizeof(*world));

    world->seed = seed;
    wf_random_init(&world->random, seed);
    for (uint32_t i = 0; i < NODES; i++) {
        struct node *node = &world->nodes[i];

        node->index = i;
        (void)snprintf(node->id, sizeof(node->id), "n%" PRIu32, i);
        node->disk = wf_memory_disk_create();
        found(world, node);
        start(world, node);
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        step(world);
    }
    finish(world);
    moves_total += world->moves;
    crashes_total += world->crashes;
    doubts_total += world->doubts;
    while (world->letters_count > 0) {
        drop(world, 0);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        wf_ledger_close(world->nodes[i].ledger);
        wf_memory_disk_destroy(world->nodes[i].disk);
    }
    wf_free(world);
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
