// SPDX-License-Identifier: Apache-2.0
//
// test_node_shared.c - a node of a cluster stepped by hand, over a shared log
// that is an array: what it reads ahead, and in which epoch it goes on.

#include <string.h>

#include "base/trace.h"
#include "runtime/node.h"
#include "storage/log_shared.h"
#include "storage/store.h"
#include "unit/node_rig.h"

enum { COMMITS_MAX = 200 };

// The one partition's log; commit i is commits[i - 1].
static struct shared {
    struct wf_shared_place place;
    struct wf_buf commits[COMMITS_MAX];
    uint32_t reads; // of commits
    uint32_t releases;
} shared;

static struct world {
    weft_definitions *definitions;
    struct wf_memory_disk *disk;
    uint64_t now_ms;
    weft_node *node;
    weft_client *client;
    uint64_t opens;    // of nodes
    uint64_t epoch;    // in which the partition runs here; 0: it does not
    uint32_t prepared; // how often that was said
} world;

// The log. --------------------------------------------------------------------

static weft_err
look(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    (void)self;
    CHECK_EQ(partition, 0);
    *out_place = shared.place;
    return WEFT_OK;
}

static weft_err
acquire(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    shared.place.epoch++;
    return look(self, partition, out_place);
}

static weft_err
release(void *self, uint32_t partition)
{
    (void)self;
    (void)partition;
    shared.releases++;
    return WEFT_OK;
}

static weft_err
check_epoch(void *ctx, uint64_t number, const struct wf_segment *segments,
            uint32_t segments_count)
{
    (void)ctx;
    (void)number;
    CHECK_EQ(segments_count, 1);
    CHECK_EQ(segments[0].epoch, shared.place.epoch);
    return WEFT_OK;
}

static void
append(void *self, struct wf_shared_append *appends, uint32_t count)
{
    struct wf_buf *commit = &shared.commits[shared.place.last];

    (void)self;
    CHECK_EQ(count, 1);
    CHECK(shared.place.last < COMMITS_MAX);
    wf_buf_reset(commit);
    wf_buf_put(commit, appends[0].segment.data, appends[0].segment.len);
    appends[0].number = ++shared.place.last;
    appends[0].result = WF_APPEND_DURABLE;
    CHECK_OK(wf_shared_log_visit(0, appends[0].number, appends[0].segment,
                                 check_epoch, NULL));
}

static weft_err
read_commits(void *self, uint32_t partition, uint64_t from, wf_log_read_fn *fn,
             void *ctx)
{
    weft_err err = WEFT_OK;

    (void)self;
    from = from == 0 ? 1 : from;
    for (; err == WEFT_OK && from <= shared.place.last; from++) {
        shared.reads++;
        err = wf_shared_log_visit(
            partition, from, wf_buf_bytes(&shared.commits[from - 1]), fn, ctx);
    }
    return err;
}

static weft_err
blames(void *self, uint32_t partition, uint64_t reflected,
       wf_shared_blame_fn *fn, void *ctx)
{
    (void)self;
    (void)partition;
    (void)reflected;
    (void)fn;
    (void)ctx;
    return WEFT_OK;
}

static void
stop(void *self)
{
    (void)self;
}

static const struct wf_shared_log_ops log_ops = {
    .acquire = acquire,
    .look = look,
    .release = release,
    .append = append,
    .read = read_commits,
    .blames = blames,
    .stop = stop,
    .close = stop,
};

static const struct wf_shared_log shared_log = {.ops = &log_ops};

// The node. -------------------------------------------------------------------

static uint64_t
wall_ms(void *self)
{
    (void)self;
    return world.now_ms;
}

static uint64_t
mono_ns(void *self)
{
    (void)self;
    return world.now_ms * 1000000;
}

static weft_err
open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    (void)ctx;
    (void)store;
    return wf_store_memory_open(world.disk, out_store);
}

static void
moved(void *ctx, uint32_t partition, uint64_t epoch)
{
    (void)ctx;
    (void)partition;
    world.epoch = epoch;
}

static void
prepared(void *ctx, uint32_t partition)
{
    (void)ctx;
    (void)partition;
    world.prepared++;
}

// What its partition is asked while it is not there.
static void
elsewhere(void *ctx, struct wf_request *request)
{
    (void)ctx;
    (void)request;
    CHECK(false);
}

// A node with an empty disk.
static void
open_node(void)
{
    static const struct wf_trace silent;
    static const uint8_t id[16] = {1};
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    struct wf_node_seams seams = {
        .clock = {wall_ms, mono_ns, NULL},
        .seed = ++world.opens, // clients of their own
        .open_store = open_store,
        .trace = &silent,
        .cluster = {.log = &shared_log,
                    .id = id,
                    .elsewhere = elsewhere,
                    .moved = moved,
                    .prepared = prepared},
        .is_manual = true,
    };

    world.disk = wf_memory_disk_create();
    world.epoch = 0;
    world.prepared = 0;
    options.definitions = world.definitions;
    options.partition_count = 1;
    options.shard_count = 1;
    options.reserve_bytes = 1;
    CHECK_OK(wf_node_open_with(&options, &seams, &world.node));
    wf_node_set_lease(world.node, UINT64_MAX);
    CHECK_OK(weft_client_open(world.node, NULL, &world.client));
}

// It dies, and its disk with it.
static void
lose_node(void)
{
    wf_node_crash(world.node);
    (void)weft_client_dispatch(world.client, 100);
    weft_client_close(world.client);
    wf_memory_disk_destroy(world.disk);
}

static void
run(void)
{
    for (int i = 0; i < 200; i++, world.now_ms++) {
        for (int j = 0; j < WF_NODE_COMPONENT_COUNT; j++) {
            enum wf_node_component component = (enum wf_node_component)j;

            for (uint32_t k = 0; k < wf_node_count(world.node, component);
                 k++) {
                while (wf_node_step(world.node, component, k) == 0) {
                }
            }
        }
    }
}

static void
begin(void)
{
    memset(&shared, 0, sizeof(shared));
    shared.place.first = 1;
    world = (struct world){.definitions = node_rig_define(), .now_ms = 1000000};
    open_node();
}

static void
end(void)
{
    lose_node();
    for (int i = 0; i < COMMITS_MAX; i++) {
        wf_buf_fini(&shared.commits[i]);
    }
    weft_definitions_destroy(world.definitions);
}

static void
take(void)
{
    wf_node_take(world.node, 0);
    run();
    CHECK_EQ(world.epoch, shared.place.epoch);
}

struct answer {
    bool is_there;
    weft_err err;
    uint64_t number;
};

static void
note_answer(void *ctx, const weft_reply *reply)
{
    struct answer *answer = ctx;

    answer->is_there = true;
    answer->err = reply->err;
    if (reply->data.len == sizeof(answer->number)) {
        memcpy(&answer->number, reply->data.data, sizeof(answer->number));
    }
}

static uint64_t
ask(weft_verb verb, const char *id)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct answer answer = {0};

    request.verb = verb;
    request.target = (weft_target){"counter", id};
    request.name = verb == WEFT_VERB_SIGNAL ? "add" : "number";
    CHECK_OK(
        weft_client_submit(world.client, &request, note_answer, &answer, NULL));
    run();
    (void)weft_client_dispatch(world.client, 10);
    CHECK(answer.is_there);
    CHECK(answer.err == WEFT_OK || answer.err == WEFT_ENOTFOUND);
    return answer.number;
}

static void
add(const char *id)
{
    (void)ask(WEFT_VERB_SIGNAL, id);
}

static uint64_t
number(const char *id)
{
    return ask(WEFT_VERB_QUERY, id);
}

// Tests. ----------------------------------------------------------------------

// By a node that does not have the partition yet.
static void
begin_with_20_read_ahead(void)
{
    begin();
    take();
    for (int i = 0; i < 20; i++) {
        add("a");
    }
    lose_node();
    open_node();
    wf_node_prepare(world.node, 0);
    run();
    CHECK_EQ(world.prepared, 1);
}

TEST(node_shared, what_was_read_ahead_is_not_read_again)
{
    uint32_t reads;

    begin_with_20_read_ahead();
    CHECK_EQ(world.epoch, 0);
    reads = shared.reads;
    take();
    CHECK_EQ(shared.reads - reads, 1); // the last one, which is the same
    CHECK_EQ(number("a"), 20);
    end();
}

// Commits from `from` on, to be put back.
struct fork {
    uint64_t from;
    uint64_t last;
    struct wf_buf commits[COMMITS_MAX];
};

static void
keep(struct fork *fork, uint64_t from)
{
    *fork = (struct fork){.from = from, .last = shared.place.last};
    for (uint64_t i = from; i <= fork->last; i++) {
        wf_buf_put(&fork->commits[i - 1], shared.commits[i - 1].data,
                   shared.commits[i - 1].len);
    }
}

static void
put_back(struct fork *fork)
{
    for (uint64_t i = fork->from; i <= fork->last; i++) {
        wf_buf_fini(&shared.commits[i - 1]);
        shared.commits[i - 1] = fork->commits[i - 1];
        fork->commits[i - 1] = (struct wf_buf){0};
    }
    shared.place.last = fork->last;
}

// others: what is in its place then. 0: nothing; 1: another node's beginning;
// 2: and more.
static void
check_read_anew(int others)
{
    static struct fork lost;
    static struct fork other;
    uint64_t last;

    begin();
    take();
    add("a");
    last = shared.place.last;
    add("b");
    keep(&lost, last + 1);
    CHECK_EQ(lost.last, last + 1);
    lose_node();
    shared.place.last = last;
    open_node();
    if (others > 0) {
        take();
    }
    if (others > 1) {
        add("c");
    }
    keep(&other, last + 1);
    lose_node();
    put_back(&lost);
    open_node();
    wf_node_prepare(world.node, 0);
    run();
    CHECK_EQ(world.prepared, 1);
    put_back(&other);
    take();
    CHECK_EQ(number("a"), 1);
    CHECK_EQ(number("b"), 0);
    CHECK_EQ(number("c"), others > 1 ? 1 : 0);
    end();
}

// The last commit was on no quorum: after a failover there is another one in
// its place, or none.
TEST(node_shared, what_was_read_ahead_and_is_another_now_is_read_anew)
{
    for (int others = 0; others < 3; others++) {
        check_read_anew(others);
    }
}

// A store that has failed may have other rows when it is opened again.
TEST(node_shared, what_was_read_of_a_store_that_is_opened_anew_is_read_anew)
{
    uint32_t reads;

    begin_with_20_read_ahead();
    wf_memory_disk_crash(world.disk);
    reads = shared.reads;
    take();
    CHECK(shared.reads - reads > 20);
    CHECK_EQ(number("a"), 20);
    end();
}

// Others had it, and wrote nothing. Each commit is looked at in append.
TEST(node_shared, it_goes_on_in_the_epoch_that_it_was_acquired_in)
{
    begin();
    take();
    add("a");
    lose_node();
    shared.place.epoch += 5;
    open_node();
    take();
    CHECK_EQ(world.epoch, 7);
    add("a");
    CHECK_EQ(number("a"), 2);
    end();
}

// While its lease runs, so that others need not wait for its end; after that
// somebody else may have it, and release is late.
TEST(node_shared, what_is_given_is_released_while_the_lease_runs)
{
    begin();
    take();
    add("a");
    wf_node_give(world.node, 0);
    run();
    CHECK_EQ(world.epoch, 0);
    CHECK_EQ(shared.releases, 1);
    take();
    CHECK_EQ(number("a"), 1);
    wf_node_set_lease(world.node, 0);
    wf_node_give(world.node, 0);
    run();
    CHECK_EQ(world.epoch, 0);
    CHECK_EQ(shared.releases, 1);
    end();
}
