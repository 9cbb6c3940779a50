// SPDX-License-Identifier: Apache-2.0
//
// test_membership.c - one node's part in a cluster whose map the test draws:
// how long its lease is, and what it takes, gives and prepares. Whole clusters
// are tests/fleet's.

#include "cluster/membership.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "support/test.h"

enum { PARTS = 6, NODES = 3, LEASE_MS = 10000, ME = 0, HOUR_MS = 3600000 };

struct rig {
    struct wf_membership *membership;
    uint64_t now_ms;
    // The database.
    struct wf_registry_node nodes[NODES];
    struct wf_registry_part parts[PARTS];
    uint32_t record_version;
    weft_err renews_with;
    weft_err readies_with;
    uint32_t renew_ms; // that a renewal takes
    bool was_draining; // said with the last renewal
    uint32_t readies;  // told
    int32_t ready;     // the last of them
    uint32_t raised;   // to what
    uint32_t forgets;
    uint32_t renewals;
    uint32_t parts_more; // than there are, in the map
    int32_t leaves;      // while it looks; -1: none does
    bool is_refusing;    // it may take nothing
    // What it asks of the node.
    uint64_t lease_until_ms;
    uint32_t takes, gives, prepares, nudges, replaced;
    int32_t taken, given, prepared; // the last ones
    bool are_given[PARTS];
};

static void
own(struct rig *rig, uint32_t partition, int32_t node)
{
    struct wf_registry_part *part = &rig->parts[partition];

    part->owner = node;
    part->owner_incarnation = node < 0 ? 0 : 1;
    part->epoch += node == ME;
    wf_membership_moved(rig->membership, partition,
                        node == ME ? part->epoch : 0);
}

// The database. ---------------------------------------------------------------

static weft_err
join(void *self, struct wf_registry_node *node, uint32_t ttl_ms)
{
    (void)self;
    (void)node;
    (void)ttl_ms;
    return WEFT_OK;
}

static weft_err
renew(void *self, bool is_draining)
{
    struct rig *rig = self;

    rig->renewals++;
    rig->now_ms += rig->renew_ms;
    rig->was_draining = is_draining;
    return rig->renews_with == WEFT_OK
               ? WEFT_OK
               : wf_error(rig->renews_with, "it was not renewed");
}

static weft_err
look(void *self, struct wf_registry_map *map)
{
    struct rig *rig = self;

    wf_registry_map_fini(map);
    map->nodes = wf_memdup(rig->nodes, sizeof(rig->nodes));
    map->nodes_count = NODES;
    map->parts_count = PARTS + rig->parts_more;
    map->parts = wf_calloc(map->parts_count * sizeof(*map->parts));
    memcpy(map->parts, rig->parts, sizeof(rig->parts));
    map->record_version = rig->record_version;
    if (rig->leaves >= 0) {
        own(rig, (uint32_t)rig->leaves, -1); // after the map was read
        rig->leaves = -1;
    }
    return WEFT_OK;
}

static weft_err
ready(void *self, uint32_t partition)
{
    struct rig *rig = self;

    if (rig->readies_with == WEFT_OK) {
        rig->readies++;
        rig->ready = (int32_t)partition;
        return WEFT_OK;
    }
    return wf_error(rig->readies_with, "it was not told");
}

static weft_err
raise_records(void *self, uint32_t record_version)
{
    ((struct rig *)self)->raised = record_version;
    return WEFT_OK;
}

static weft_err
forget_old(void *self, uint64_t silent_ms)
{
    (void)silent_ms;
    ((struct rig *)self)->forgets++;
    return WEFT_OK;
}

static const struct wf_registry_ops ops = {
    .join = join,
    .renew = renew,
    .look = look,
    .ready = ready,
    .raise = raise_records,
    .forget_old = forget_old,
};

// The node. -------------------------------------------------------------------

static void
prepare(void *ctx, uint32_t partition)
{
    ((struct rig *)ctx)->prepares++;
    ((struct rig *)ctx)->prepared = (int32_t)partition;
}

static void
take(void *ctx, uint32_t partition)
{
    ((struct rig *)ctx)->takes++;
    ((struct rig *)ctx)->taken = (int32_t)partition;
}

static void
give(void *ctx, uint32_t partition)
{
    ((struct rig *)ctx)->gives++;
    ((struct rig *)ctx)->given = (int32_t)partition;
    ((struct rig *)ctx)->are_given[partition] = true;
}

static void
set_lease(void *ctx, uint64_t until_ns)
{
    ((struct rig *)ctx)->lease_until_ms = until_ns / 1000000;
}

static void
see_map(void *ctx, const struct wf_registry_map *map)
{
    (void)ctx;
    CHECK_EQ(map->parts_count, PARTS);
}

static bool
may_take(void *ctx, uint32_t partition)
{
    (void)partition;
    return !((struct rig *)ctx)->is_refusing;
}

static void
be_replaced(void *ctx)
{
    ((struct rig *)ctx)->replaced++;
}

static void
nudge(void *ctx)
{
    ((struct rig *)ctx)->nudges++;
}

static uint64_t
wall_ms(void *self)
{
    return ((struct rig *)self)->now_ms;
}

static uint64_t
mono_ns(void *self)
{
    return ((struct rig *)self)->now_ms * 1000000;
}

static void
own_all(struct rig *rig, int32_t node)
{
    for (uint32_t i = 0; i < PARTS; i++) {
        own(rig, i, node);
    }
}

// What is due, until nothing is; the lease is renewed meanwhile.
static void
run(struct rig *rig, uint64_t ms)
{
    uint64_t until = rig->now_ms + ms;

    for (;;) {
        uint64_t wait = 0;

        for (int i = 0; i < 20 && wait == 0; i++) {
            wait = wf_membership_step(rig->membership);
        }
        CHECK(wait > 0); // it would spin
        if (rig->now_ms >= until) {
            return;
        }
        rig->now_ms += wait < until - rig->now_ms ? wait : until - rig->now_ms;
    }
}

// Nodes "node-0", which is this one, to "node-2", live; partitions are
// nobody's.
static void
begin(struct rig *rig)
{
    struct wf_membership_options options = {
        .registry = {.ops = &ops, .self = rig},
        .partition_count = PARTS,
        .lease_ms = LEASE_MS,
        .clock = {wall_ms, mono_ns, rig},
        .prepare = prepare,
        .take = take,
        .give = give,
        .lease = set_lease,
        .map = see_map,
        .replaced = be_replaced,
        .nudge = nudge,
        .may_take = may_take,
        .ctx = rig,
    };

    *rig = (struct rig){.now_ms = 1000000, .record_version = 2, .leaves = -1};
    for (uint32_t i = 0; i < NODES; i++) {
        (void)snprintf(rig->nodes[i].id, sizeof(rig->nodes[i].id), "node-%u",
                       i);
        rig->nodes[i].incarnation = 1;
        rig->nodes[i].record_max = 2;
        rig->nodes[i].is_live = true;
        rig->nodes[i].lease_ms = LEASE_MS;
    }
    for (uint32_t i = 0; i < PARTS; i++) {
        rig->parts[i] =
            (struct wf_registry_part){.owner = -1, .wanted = -1, .ready = -1};
    }
    options.self = rig->nodes[ME];
    options.joined_ns = mono_ns(rig);
    rig->membership = wf_membership_create(&options);
    for (uint32_t i = 0; i < PARTS; i++) {
        own(rig, i, (int32_t)(i % NODES));
    }
    run(rig, 0);
}

static void
end(struct rig *rig)
{
    wf_membership_destroy(rig->membership);
}

// Tests. ----------------------------------------------------------------------

// The database counts from when it is asked, and all of lease_ms.
TEST(membership, a_lease_is_shorter_than_the_databases_and_older)
{
    struct rig rig;
    uint64_t sent_ms;

    begin(&rig);
    CHECK_EQ(rig.lease_until_ms, rig.now_ms + LEASE_MS * 4 / 5);
    run(&rig, LEASE_MS / 3 - 1);
    CHECK_EQ(rig.lease_until_ms, 1000000 + LEASE_MS * 4 / 5);
    rig.renew_ms = 700;
    sent_ms = rig.now_ms + 1;
    run(&rig, 1);
    CHECK_EQ(rig.lease_until_ms, sent_ms + LEASE_MS * 4 / 5);
    end(&rig);
}

TEST(membership, without_a_renewal_all_is_given_before_another_may_have_it)
{
    struct rig rig;

    begin(&rig);
    run(&rig, 100);
    CHECK_EQ(rig.gives, 0);
    rig.renews_with = WEFT_EIO;
    run(&rig, LEASE_MS * 4 / 5 - 101);
    CHECK_EQ(rig.gives, 0);
    run(&rig, 1);
    CHECK_EQ(rig.gives, PARTS); // those too that are only on their way
    for (uint32_t i = 0; i < PARTS; i++) {
        CHECK(rig.are_given[i]);
    }
    run(&rig, 5 * LEASE_MS);
    CHECK_EQ(rig.gives, PARTS);
    CHECK_EQ(rig.takes, 0);
    rig.renews_with = WEFT_OK;
    own(&rig, 0, -1);
    run(&rig, 2000);
    CHECK(rig.takes > 0);
    end(&rig);
}

// It wakes for the lease's end itself, however long it could sleep else; and
// asks often, while there is still time.
TEST(membership, the_end_of_a_lease_is_not_slept_over)
{
    struct rig rig;
    uint64_t over_ms;

    begin(&rig);
    run(&rig, 137);
    wf_membership_nudge(rig.membership); // it looks at other times from here on
    run(&rig, 0);
    rig.renews_with = WEFT_EIO;
    over_ms = rig.lease_until_ms;
    for (int i = 0; i < 1000 && rig.gives == 0; i++) {
        uint64_t wait_ms = wf_membership_step(rig.membership);

        rig.now_ms += rig.gives == 0 ? wait_ms : 0;
    }
    CHECK_EQ(rig.gives, PARTS);
    CHECK_EQ(rig.now_ms, over_ms);
    // From a third of it on, each twentieth.
    CHECK(rig.renewals >= (LEASE_MS * 4 / 5 - LEASE_MS / 3) / (LEASE_MS / 19));
    end(&rig);
}

TEST(membership, without_a_lease_nothing_is_taken)
{
    struct rig rig;

    begin(&rig);
    rig.renews_with = WEFT_EIO;
    run(&rig, LEASE_MS);
    own(&rig, 1, -1);
    own(&rig, 2, -1);
    own(&rig, 4, -1);
    run(&rig, 5000);
    CHECK_EQ(rig.takes, 0);
    rig.renews_with = WEFT_OK;
    run(&rig, 2000);
    CHECK(rig.takes > 0);
    end(&rig);
}

// At the end of that one's lease, not at the next look after it.
TEST(membership, who_does_not_renew_is_looked_after_in_time)
{
    struct rig rig;

    begin(&rig);
    rig.nodes[1].lease_ms = 300;
    wf_membership_nudge(rig.membership);
    run(&rig, 1);
    rig.nodes[1].is_live = false; // as the database will say by then
    rig.nodes[1].lease_ms = -1;
    run(&rig, 299);
    CHECK_EQ(rig.takes, 0);
    run(&rig, 150);
    CHECK(rig.takes > 0);
    end(&rig);
}

// Who drains, and is alone, leaves all to whoever comes.
TEST(membership, who_is_alone_keeps_all_unless_it_drains)
{
    struct rig rig;

    begin(&rig);
    own_all(&rig, ME);
    for (uint32_t i = 1; i < NODES; i++) {
        rig.nodes[i].is_live = false;
        rig.nodes[i].lease_ms = -1;
    }
    run(&rig, 15000);
    CHECK_EQ(rig.gives, 0);
    rig.nodes[ME].is_draining = true;
    wf_membership_drain(rig.membership, true);
    run(&rig, 2000);
    CHECK(rig.gives > 0);
    end(&rig);
}

TEST(membership, a_map_of_another_cluster_is_not_followed)
{
    struct rig rig;

    begin(&rig);
    rig.parts_more = 1;
    own(&rig, 3, -1);
    wf_membership_nudge(rig.membership);
    run(&rig, 5000);
    CHECK_EQ(rig.takes, 0);
    rig.parts_more = 0;
    run(&rig, 2000);
    CHECK(rig.takes > 0);
    end(&rig);
}

TEST(membership, what_may_not_be_taken_is_left)
{
    struct rig rig;

    begin(&rig);
    rig.is_refusing = true;
    own(&rig, 3, -1);
    run(&rig, 5000);
    CHECK_EQ(rig.takes, 0);
    rig.is_refusing = false;
    run(&rig, 2000);
    CHECK(rig.takes > 0);
    end(&rig);
}

TEST(membership, others_are_told_what_comes_and_goes)
{
    struct rig rig;
    uint32_t nudges;

    begin(&rig);
    nudges = rig.nudges;
    run(&rig, 3000);
    CHECK_EQ(rig.nudges, nudges); // nothing did
    own(&rig, 3, ME);
    run(&rig, 1);
    CHECK_EQ(rig.nudges, nudges + 1);
    own(&rig, 3, 1);
    run(&rig, 1);
    CHECK_EQ(rig.nudges, nudges + 2);
    end(&rig);
}

TEST(membership, who_is_gone_for_long_is_forgotten_once_in_a_while)
{
    struct rig rig;
    uint32_t forgets;

    begin(&rig);
    forgets = rig.forgets;
    CHECK(forgets > 0);
    run(&rig, 2 * HOUR_MS);
    CHECK(rig.forgets > forgets && rig.forgets <= forgets + 2);
    end(&rig);
}

TEST(membership, who_is_replaced_gives_all_and_is_out)
{
    struct rig rig;

    begin(&rig);
    rig.renews_with = WEFT_ECLOSED;
    run(&rig, LEASE_MS / 3);
    CHECK_EQ(rig.replaced, 1);
    CHECK_EQ(rig.gives, PARTS);
    CHECK(wf_membership_is_replaced(rig.membership));
    CHECK(wf_membership_is_stopped(rig.membership));
    CHECK(wf_membership_step(rig.membership) == UINT64_MAX);
    end(&rig);
}

TEST(membership, what_is_free_is_taken_at_once_and_again_if_it_does_not_come)
{
    struct rig rig;

    begin(&rig);
    own(&rig, 3, -1);
    run(&rig, 1);
    CHECK_EQ(rig.takes, 1);
    CHECK_EQ(rig.taken, 3);
    wf_membership_nudge(rig.membership);
    run(&rig, 1); // it is on its way
    CHECK_EQ(rig.takes, 1);
    run(&rig, 497);
    CHECK_EQ(rig.takes, 1);
    run(&rig, 1); // half a second after it was to come
    CHECK_EQ(rig.takes, 2);
    run(&rig, 500);
    CHECK_EQ(rig.takes, 3);
    own(&rig, 3, ME);
    run(&rig, 3000);
    CHECK_EQ(rig.takes, 3);
    CHECK_EQ(rig.gives, 0);
    end(&rig);
}

// One that has prepared is waited for; one that does not prepare, for a while.
TEST(membership, one_is_given_at_a_time_to_who_has_prepared_for_it)
{
    struct rig rig;

    begin(&rig);
    own_all(&rig, ME);
    run(&rig, 5000);
    CHECK_EQ(rig.gives, 0); // nobody has prepared
    rig.parts[4].ready = 1;
    rig.parts[5].ready = 2;
    run(&rig, 2000);
    CHECK_EQ(rig.gives, 1);
    CHECK_EQ(rig.given, 4);
    run(&rig, 3000);
    CHECK_EQ(rig.gives, 1); // it is still here
    CHECK_EQ(rig.takes, 0);
    own(&rig, 4, 1);
    run(&rig, 2000);
    CHECK_EQ(rig.gives, 2);
    CHECK_EQ(rig.given, 5);
    own(&rig, 5, 2);
    run(&rig, 5000);
    CHECK_EQ(rig.gives, 2);
    run(&rig, 8000);
    CHECK_EQ(rig.gives, 3); // in vain, for ten seconds
    end(&rig);
}

// In which it is still ours; it is another's to take.
TEST(membership, what_leaves_while_a_map_is_read_is_not_taken_back)
{
    struct rig rig;

    begin(&rig);
    own_all(&rig, ME);
    rig.parts[4].ready = 1;
    run(&rig, 2000);
    CHECK_EQ(rig.given, 4);
    rig.leaves = 4;
    wf_membership_nudge(rig.membership);
    run(&rig, 5000);
    CHECK_EQ(rig.takes, 0);
    end(&rig);
}

TEST(membership, what_comes_is_prepared_one_by_one_and_said)
{
    struct rig rig;

    begin(&rig);
    own_all(&rig, 1);
    rig.parts[2].wanted = ME;
    rig.parts[3].wanted = ME;
    run(&rig, 100);
    CHECK_EQ(rig.prepares, 1);
    CHECK_EQ(rig.prepared, 2);
    run(&rig, 3000);
    CHECK_EQ(rig.prepares, 1);
    CHECK_EQ(rig.takes, 0);                    // who has it runs it still
    wf_membership_prepared(rig.membership, 5); // of before
    run(&rig, 1);
    CHECK_EQ(rig.readies, 0);
    rig.readies_with = WEFT_EIO;
    wf_membership_prepared(rig.membership, 2);
    run(&rig, 1);
    rig.readies_with = WEFT_OK;
    run(&rig, 2000);
    CHECK_EQ(rig.readies, 1);
    CHECK_EQ(rig.ready, 2);
    rig.parts[2].ready = ME;
    rig.parts[2].wanted = 1; // the plan is another one now
    run(&rig, 2000);
    CHECK_EQ(rig.gives, 1); // what was prepared is let go of
    CHECK_EQ(rig.given, 2);
    CHECK_EQ(rig.prepares, 2);
    CHECK(rig.prepared != 2);
    end(&rig);
}

// Somebody else would read what this one cannot.
TEST(membership, records_are_raised_to_what_this_node_reads)
{
    struct rig rig;

    begin(&rig);
    rig.record_version = 1;
    for (uint32_t i = 0; i < NODES; i++) {
        rig.nodes[i].record_max = 3; // this node said 2
    }
    run(&rig, 1500);
    CHECK_EQ(rig.raised, 2);
    end(&rig);
}

TEST(membership, records_are_raised_to_what_all_read)
{
    struct rig rig;

    begin(&rig);
    rig.record_version = 1;
    rig.nodes[1].record_max = 1;
    rig.nodes[1].is_live = false; // it may come back
    rig.nodes[1].lease_ms = -1000;
    rig.nodes[2].record_max = 3;
    run(&rig, 1500);
    CHECK_EQ(rig.raised, 0);
    rig.nodes[1].record_max = 3;
    run(&rig, 1500);
    CHECK_EQ(rig.raised, 2); // what this build reads
    end(&rig);
}
