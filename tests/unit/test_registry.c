// SPDX-License-Identifier: Apache-2.0
//
// test_registry.c - what the registry of every cluster's database promises,
// whichever it is: who is there, and what is said of partitions.

#include "storage/registry.h"

#include "storage/log.h"
#include "support/test.h"
#include "unit/shared_node.h"
#include "unit/shared_rig.h"

TEST(registry, a_move_goes_to_who_it_is_for)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");
    struct shared_node c = shared_node_join(rig, "c");
    struct wf_registry_map map = {0};

    shared_node_acquire(&a, 0);
    CHECK_ERR(a.registry.ops->want(a.registry.self, 0, "nobody"),
              WEFT_ENOTFOUND);
    CHECK_OK(c.registry.ops->want(c.registry.self, 0, "b"));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].wanted, wf_registry_find(&map, "b"));
    CHECK_ERR(shared_node_try_acquire(&b, 0),
              WEFT_EBUSY); // not before it is released
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_ERR(shared_node_try_acquire(&c, 0), WEFT_EBUSY);
    CHECK_ERR(shared_node_try_acquire(&a, 0), WEFT_EBUSY);
    shared_node_acquire(&b, 0);
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].wanted, -1);
    // Who has it already is waited for by nobody either.
    CHECK_OK(c.registry.ops->want(c.registry.self, 0, "b"));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].wanted, -1);

    // One that is gone is waited for by nobody.
    CHECK_OK(c.registry.ops->want(c.registry.self, 0, "a"));
    CHECK_OK(b.log.ops->release(b.log.self, 0));
    CHECK_OK(a.registry.ops->leave(a.registry.self));
    shared_node_acquire(&c, 0);
    wf_registry_map_fini(&map);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_node_quit(&c);
    shared_rig_destroy(rig);
}

// Who prepares for a partition looks at it, reads it, and says so; all of that
// while another one has it.
TEST(registry, who_is_ready_is_in_the_map_until_it_is_acquired)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");
    struct wf_registry_map map = {0};
    struct wf_shared_place place;
    struct shared_story story = {{0}, 0};

    CHECK_OK(b.log.ops->look(b.log.self, 0, &place));
    CHECK_EQ(place.epoch, 0);
    CHECK_EQ(place.last, 0);
    CHECK_EQ(place.first, 1);
    CHECK_EQ(place.snapshot, 0);
    shared_node_acquire(&a, 0);
    shared_node_append_as(&a, 0, "one", 1);
    shared_node_append_as(&a, 0, "two", 2);
    CHECK_OK(shared_node_snapshot(&a, 0, 2, "here"));
    CHECK_OK(b.log.ops->look(b.log.self, 0, &place));
    CHECK_EQ(place.epoch, 1);
    CHECK_EQ(place.last, 2);
    CHECK_EQ(place.snapshot, 2);
    CHECK_OK(shared_node_read(&b, 0, 0, &story));
    CHECK_STR(story.text, "1=one 2=two ");

    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.parts[0].ready, -1);
    CHECK_OK(b.registry.ops->ready(b.registry.self, 0));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].ready, wf_registry_find(&map, "b"));
    CHECK_EQ(map.parts[1].ready, -1);
    shared_node_append_as(&a, 0, "three", 3); // it is still its own
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    shared_node_acquire(&b, 0);
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].ready, -1);

    // One that is gone is ready for nothing.
    CHECK_OK(a.registry.ops->ready(a.registry.self, 0));
    CHECK_OK(a.registry.ops->leave(a.registry.self));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.parts[0].ready, -1);
    wf_registry_map_fini(&map);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_rig_destroy(rig);
}

static weft_err
say_copied(const struct shared_node *node, uint32_t partition, uint64_t commit)
{
    const struct wf_registry_copy copies[] = {{partition, commit}, {3, 7}};

    return node->registry.ops->copied(node->registry.self, copies, 2);
}

// The newest that was told of, while that process is there; who has none any
// more says nothing of another's.
TEST(registry, who_has_a_copy_is_in_the_map)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");
    struct shared_node second;
    struct wf_registry_map map = {0};

    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, -1);
    CHECK_OK(say_copied(&a, 1, 4));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.parts[0].copy, -1);
    CHECK_EQ(map.parts[1].copy, wf_registry_find(&map, "a"));
    CHECK_EQ(map.parts[1].copied, 4);
    CHECK_EQ(map.parts[3].copied, 7);
    CHECK_OK(say_copied(&a, 1, 5));
    CHECK_OK(say_copied(&b, 1, 0));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, wf_registry_find(&map, "a"));
    CHECK_EQ(map.parts[1].copied, 5);
    CHECK_OK(say_copied(&b, 1, 3));
    CHECK_OK(say_copied(&a, 1, 0));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, wf_registry_find(&map, "b"));
    CHECK_EQ(map.parts[1].copied, 3);
    CHECK_OK(say_copied(&b, 1, 0));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, -1);

    CHECK_OK(say_copied(&b, 1, 9));
    second = shared_node_join(
        rig, "b"); // it has nothing of what the first had in memory
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, -1);
    CHECK_OK(say_copied(&second, 1, 9));
    CHECK_OK(second.registry.ops->leave(second.registry.self));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, -1);
    wf_registry_map_fini(&map);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_node_quit(&second);
    shared_rig_destroy(rig);
}

TEST(registry, the_map_shows_nodes_and_partitions)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node b = shared_node_join(rig, "b");
    struct shared_node a = shared_node_join(rig, "a");
    struct wf_registry_map map = {0};
    const struct wf_registry_node *row;

    shared_node_acquire(&b, 1);
    shared_node_append_as(&b, 1, "one", 1);
    CHECK_OK(shared_node_snapshot(&b, 1, 2, "here"));
    CHECK_OK(a.registry.ops->drain(a.registry.self, "b", true));
    CHECK_ERR(a.registry.ops->drain(a.registry.self, "x", true),
              WEFT_ENOTFOUND);
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.nodes_count, 2);
    CHECK_EQ(map.parts_count, SHARED_RIG_PARTITIONS);
    CHECK_EQ(wf_registry_find(&map, "a"), 0);
    CHECK_EQ(wf_registry_find(&map, "b"), 1);
    CHECK_EQ(wf_registry_find(&map, "c"), -1);
    row = &map.nodes[1];
    CHECK_STR(row->id, "b");
    CHECK_STR(row->endpoint, b.row.endpoint);
    CHECK_STR(row->service, b.row.service);
    CHECK_STR(row->curve_key, b.row.curve_key);
    CHECK_EQ(row->incarnation, 1);
    CHECK_EQ(row->protocol_min, 1);
    CHECK_EQ(row->protocol_max, 2);
    CHECK_EQ(row->record_max, 7);
    CHECK(row->is_live && row->is_draining && !map.nodes[0].is_draining);
    CHECK(row->lease_ms > 0 && row->lease_ms <= SHARED_NODE_TTL_MS);
    CHECK_EQ(map.parts[0].owner, -1);
    CHECK_EQ(map.parts[0].epoch, 0);
    CHECK_EQ(map.parts[1].owner, 1);
    CHECK_EQ(map.parts[1].owner_incarnation, 1);
    CHECK_EQ(map.parts[1].epoch, 1);
    CHECK_EQ(map.parts[1].last, 1);
    CHECK_EQ(map.parts[1].snapshot, 2);
    CHECK_EQ(map.parts[1].wanted, -1);

    // Renewed without it, it is to drain still.
    CHECK_OK(b.registry.ops->renew(b.registry.self, false));
    shared_rig_expire(rig, "a");
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK(map.nodes[1].is_draining && !map.nodes[0].is_live);
    CHECK(map.nodes[0].lease_ms <= 0);
    CHECK_OK(b.registry.ops->drain(b.registry.self, "b", false));
    CHECK_OK(b.registry.ops->leave(b.registry.self));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK(!map.nodes[1].is_draining && !map.nodes[1].is_live);
    wf_registry_map_fini(&map);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_rig_destroy(rig);
}

// One who had something is in the list until somebody else has it; one who
// comes again under its name is nobody that there ever was.
TEST(registry, a_node_that_is_gone_can_be_forgotten)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node gone = shared_node_join(rig, "gone");
    struct wf_registry_map map = {0};
    struct wf_registry registry = a.registry;

    CHECK_ERR(registry.ops->forget(registry.self, "c"), WEFT_ENOTFOUND);
    (void)shared_node_acquire(&gone, 1);
    CHECK_ERR(registry.ops->forget(registry.self, "gone"), WEFT_EBUSY);
    CHECK_OK(registry.ops->want(registry.self, 2, "gone"));
    shared_rig_expire(rig, "gone");
    CHECK_ERR(registry.ops->forget(registry.self, "gone"), WEFT_EBUSY);
    (void)shared_node_acquire(&a, 1);
    CHECK_OK(registry.ops->forget(registry.self, "gone"));
    CHECK_OK(registry.ops->look(registry.self, &map));
    CHECK_EQ(map.nodes_count, 1);
    CHECK_ERR(registry.ops->forget(registry.self, "gone"), WEFT_ENOTFOUND);
    // It only slept.
    CHECK_ERR(gone.registry.ops->renew(gone.registry.self, false),
              WEFT_ECLOSED);
    CHECK_ERR(shared_node_try_acquire(&gone, 2), WEFT_ECLOSED);
    shared_node_quit(&gone);
    gone = shared_node_join(rig, "gone");
    CHECK_EQ(gone.row.incarnation, 2);
    CHECK_OK(registry.ops->look(registry.self, &map));
    CHECK_EQ(map.parts[2].wanted, -1);
    wf_registry_map_fini(&map);
    shared_node_quit(&gone);
    shared_node_quit(&a);
    shared_rig_destroy(rig);
}

TEST(registry, nodes_are_forgotten_when_they_were_silent_for_long)
{
    enum { HOUR_MS = 3600000 };
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node gone = shared_node_join(rig, "gone");
    struct shared_node owner = shared_node_join(rig, "owner");
    struct wf_registry_map map = {0};

    (void)shared_node_acquire(&owner, 0);
    shared_rig_expire(rig, "gone");
    shared_rig_expire(rig, "owner");
    CHECK_OK(a.registry.ops->forget_old(a.registry.self, HOUR_MS));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.nodes_count, 3);
    CHECK_OK(a.registry.ops->forget_old(a.registry.self, 0));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.nodes_count, 2);
    CHECK_STR(map.nodes[0].id, "a");
    CHECK_STR(map.nodes[1].id, "owner");
    wf_registry_map_fini(&map);
    shared_node_quit(&owner);
    shared_node_quit(&gone);
    shared_node_quit(&a);
    shared_rig_destroy(rig);
}

// What a node cannot read is not written, also if it is away for a while; and
// who cannot read what may be written does not join.
TEST(registry, records_are_of_a_version_that_all_nodes_read)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a"); // reads up to 7
    struct shared_node b = shared_node_join(rig, "b");
    struct wf_registry_map map = {0};
    uint32_t first;

    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    first = map.record_version;
    CHECK_EQ(first, WF_SEGMENT_VERSION_MIN);
    b.row.record_max = 8;
    CHECK_OK(b.registry.ops->join(b.registry.self, &b.row, SHARED_NODE_TTL_MS));
    CHECK_OK(b.registry.ops->raise(b.registry.self, 8));
    CHECK_OK(a.registry.ops->leave(a.registry.self));
    CHECK_OK(b.registry.ops->raise(b.registry.self, 8));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(wf_registry_record_max(&map), 7);
    CHECK_EQ(map.record_version, first);

    a.row.record_max = 9;
    CHECK_OK(a.registry.ops->join(a.registry.self, &a.row, SHARED_NODE_TTL_MS));
    CHECK_OK(b.registry.ops->raise(b.registry.self, 8));
    CHECK_OK(b.registry.ops->raise(b.registry.self, 7)); // it does not go back
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.record_version, 8);
    a.row.record_max = 7;
    CHECK_ERR(a.registry.ops->join(a.registry.self, &a.row, SHARED_NODE_TTL_MS),
              WEFT_EFORMAT);
    CHECK_STR(weft_err_detail(),
              "the cluster has records of version 8, and this build reads up "
              "to 7: all nodes were upgraded, and this one is too old");
    CHECK_OK(b.registry.ops->renew(b.registry.self, false));
    wf_registry_map_fini(&map);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_rig_destroy(rig);
}
