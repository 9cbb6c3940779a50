// SPDX-License-Identifier: Apache-2.0
//
// test_standby.c - which copies a node keeps, when it reads them on, and what
// it tells of them.

#include "cluster/standby.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cluster/balance.h"
#include "support/test.h"

#define PARTS 8
#define NODES 3

struct rig {
    struct wf_registry_node nodes[NODES];
    struct wf_registry_part parts[PARTS];
    struct wf_registry_map map;
    int32_t targets[PARTS];
    struct wf_standby *standby; // of node 0
    uint32_t follows[PARTS];
    uint32_t gives[PARTS];
    uint64_t told[PARTS];
    uint32_t tells;
    weft_err tell_err;
};

static void
on_follow(void *ctx, uint32_t partition)
{
    ((struct rig *)ctx)->follows[partition]++;
}

static void
on_give(void *ctx, uint32_t partition)
{
    ((struct rig *)ctx)->gives[partition]++;
}

static weft_err
on_copied(void *self, const struct wf_registry_copy *copies, uint32_t count)
{
    struct rig *rig = self;

    rig->tells++;
    for (uint32_t i = 0; rig->tell_err == WEFT_OK && i < count; i++) {
        rig->told[copies[i].partition] = copies[i].commit;
    }
    return rig->tell_err;
}

// All that there is at nodes 1 and 2, ten commits each.
static void
rig_init(struct rig *rig)
{
    *rig = (struct rig){0};
    for (uint32_t i = 0; i < NODES; i++) {
        (void)snprintf(rig->nodes[i].id, sizeof(rig->nodes[i].id), "n%u", i);
        rig->nodes[i].is_live = true;
    }
    for (uint32_t i = 0; i < PARTS; i++) {
        rig->targets[i] = 1 + (int32_t)i % 2;
        rig->parts[i] = (struct wf_registry_part){
            .owner = rig->targets[i],
            .wanted = -1,
            .ready = -1,
            .copy = -1,
            .last = 10,
        };
    }
    rig->map = (struct wf_registry_map){
        .nodes = rig->nodes,
        .nodes_count = NODES,
        .parts = rig->parts,
        .parts_count = PARTS,
    };
    rig->standby = wf_standby_create(&(struct wf_standby_options){
        .partition_count = PARTS,
        .follow = on_follow,
        .give = on_give,
        .ctx = rig,
    });
}

static void
rig_decide(struct rig *rig)
{
    wf_standby_decide(rig->standby, &rig->map, rig->targets, 0);
}

static weft_err
rig_tell(struct rig *rig)
{
    static const struct wf_registry_ops ops = {.copied = on_copied};

    return wf_standby_tell(rig->standby, &(struct wf_registry){&ops, rig});
}

// One that is node 0's to copy.
static uint32_t
rig_find(const struct rig *rig)
{
    uint32_t part = 0;

    while (wf_balance_standby(&rig->map, rig->targets, part) != 0) {
        part++;
    }
    return part;
}

TEST(standby, it_follows_what_it_is_next_for)
{
    struct rig rig;
    uint32_t count = 0;

    rig_init(&rig);
    rig_decide(&rig);
    for (uint32_t i = 0; i < PARTS; i++) {
        bool is_ours = wf_balance_standby(&rig.map, rig.targets, i) == 0;

        CHECK_EQ(rig.follows[i], is_ours);
        count += is_ours;
    }
    CHECK(count > 0 && count < PARTS);
    wf_standby_destroy(rig.standby);
}

// When there is more, or the log may begin later; also after a failure.
TEST(standby, it_reads_on_when_something_has_changed)
{
    struct rig rig;
    uint32_t part;

    rig_init(&rig);
    part = rig_find(&rig);
    rig_decide(&rig);
    rig_decide(&rig);
    CHECK_EQ(rig.follows[part], 2);
    wf_standby_copied(rig.standby, part, 10);
    rig_decide(&rig);
    CHECK_EQ(rig.follows[part], 2);
    rig.parts[part].last = 11;
    rig_decide(&rig);
    CHECK_EQ(rig.follows[part], 3);
    wf_standby_copied(rig.standby, part, 11);
    rig.parts[part].snapshot = 9;
    rig_decide(&rig);
    rig_decide(&rig);
    CHECK_EQ(rig.follows[part], 4);
    wf_standby_copied(rig.standby, part, 0);
    rig_decide(&rig);
    CHECK_EQ(rig.follows[part], 5);
    wf_standby_destroy(rig.standby);
}

TEST(standby, it_tells_what_has_changed_until_it_is_heard)
{
    struct rig rig;
    struct wf_standby_counts counts;
    uint32_t part;

    rig_init(&rig);
    part = rig_find(&rig);
    rig_decide(&rig);
    CHECK_OK(rig_tell(&rig));
    CHECK_EQ(rig.tells, 0);
    wf_standby_copied(rig.standby, part, 7);
    rig.tell_err = WEFT_EIO;
    CHECK_ERR(rig_tell(&rig), WEFT_EIO);
    rig.tell_err = WEFT_OK;
    CHECK_OK(rig_tell(&rig));
    CHECK_OK(rig_tell(&rig));
    CHECK_EQ(rig.tells, 2);
    CHECK_EQ(rig.told[part], 7);
    rig_decide(&rig);
    wf_standby_count(rig.standby, &counts);
    CHECK_EQ(counts.copies, 1);
    CHECK_EQ(counts.behind, 3);
    wf_standby_destroy(rig.standby);
}

// It goes to another one for its copy, or it is taken.
TEST(standby, what_it_does_not_keep_is_given_up_and_told)
{
    struct rig rig;
    uint32_t part;

    rig_init(&rig);
    part = rig_find(&rig);
    rig_decide(&rig);
    wf_standby_copied(rig.standby, part, 10);
    CHECK_OK(rig_tell(&rig));
    rig.nodes[0].is_draining = true;
    rig_decide(&rig);
    CHECK_EQ(rig.gives[part], 1);
    CHECK_OK(rig_tell(&rig));
    CHECK_EQ(rig.told[part], 0);
    wf_standby_copied(rig.standby, part, 10); // too late
    CHECK_OK(rig_tell(&rig));
    CHECK_EQ(rig.told[part], 0);
    rig.nodes[0].is_draining = false;
    rig_decide(&rig);
    CHECK_EQ(rig.follows[part], 2);
    CHECK_OK(rig_tell(&rig));
    CHECK_EQ(rig.told[part], 0);
    wf_standby_destroy(rig.standby);
}

// Its node is lost: it is to come here, and the copy is what it is taken from.
TEST(standby, a_copy_stays_while_its_partition_is_to_come_here)
{
    struct rig rig;
    uint32_t part;

    rig_init(&rig);
    part = rig_find(&rig);
    rig_decide(&rig);
    wf_standby_copied(rig.standby, part, 10);
    rig.parts[part].owner = -1;
    rig.targets[part] = 0;
    rig_decide(&rig);
    CHECK_EQ(rig.gives[part], 0);
    wf_standby_forget(rig.standby, part); // it is taken
    rig.parts[part].owner = 0;
    rig_decide(&rig);
    rig.targets[part] = 1; // and is to go elsewhere: that is not ours to do
    rig_decide(&rig);
    CHECK_EQ(rig.gives[part], 0);
    CHECK_EQ(rig.follows[part], 1);
    wf_standby_destroy(rig.standby);
}
