// SPDX-License-Identifier: Apache-2.0
//
// test_log_memory.c - what tests can do to a cluster's database in memory.

#include "storage/log_memory.h"

#include <pthread.h>
#include <string.h>

#include "support/test.h"

struct rig {
    struct wf_memory_database *database;
    struct wf_registry registry;
    struct wf_shared_log log;
    uint64_t now_ns;
};

static uint64_t
rig_now(void *self)
{
    const struct rig *rig = self;

    return rig->now_ns;
}

// Node "a", which has partition 0.
static void
create_rig(struct rig *rig, bool can_wait)
{
    struct wf_clock clock = {
        .wall_ms = rig_now, .mono_ns = rig_now, .self = rig};
    struct wf_registry_node node = {.id = "a",
                                    .record_max = WF_SEGMENT_VERSION_MAX};
    struct wf_shared_place place;

    *rig = (struct rig){0};
    rig->database = wf_memory_database_create(1, clock, can_wait);
    wf_registry_memory_open(rig->database, "a", &rig->registry);
    CHECK_OK(rig->registry.ops->join(rig->registry.self, &node, 10000));
    wf_log_memory_open(rig->database, "a", node.incarnation, &rig->log);
    CHECK_OK(rig->log.ops->acquire(rig->log.self, 0, &place));
}

static void
destroy_rig(struct rig *rig)
{
    rig->log.ops->close(rig->log.self);
    rig->registry.ops->close(rig->registry.self);
    wf_memory_database_destroy(rig->database);
}

static struct wf_shared_append
append(struct rig *rig)
{
    struct wf_shared_append one = {.segment = weft_text("bytes")};

    rig->log.ops->append(rig->log.self, &one, 1);
    return one;
}

static void *
append_beside(void *ctx)
{
    struct rig *rig = ctx;

    return (void *)(uintptr_t)append(rig).result;
}

TEST(log_memory, a_lease_ends_by_its_clock)
{
    struct rig rig;
    struct wf_registry_map map = {0};

    create_rig(&rig, false);
    rig.now_ns = 9999000000;
    CHECK_OK(rig.registry.ops->look(rig.registry.self, &map));
    CHECK(map.nodes[0].is_live);
    CHECK_EQ(map.nodes[0].lease_ms, 1);
    CHECK_EQ(map.durability, WF_DURABILITY_QUORUM);
    rig.now_ns = 10000000000;
    CHECK_OK(rig.registry.ops->look(rig.registry.self, &map));
    CHECK(!map.nodes[0].is_live);
    CHECK_OK(rig.registry.ops->renew(rig.registry.self, false));
    wf_memory_database_durability(rig.database, WF_DURABILITY_LOCAL);
    CHECK_OK(rig.registry.ops->look(rig.registry.self, &map));
    CHECK(map.nodes[0].is_live);
    CHECK_EQ(map.durability, WF_DURABILITY_LOCAL);
    wf_registry_map_fini(&map);
    destroy_rig(&rig);
}

TEST(log_memory, a_doubt_lasts_until_it_is_acquired_again)
{
    for (int has_landed = 0; has_landed < 2; has_landed++) {
        struct rig rig;
        struct wf_shared_place place;

        create_rig(&rig, false);
        CHECK_EQ(append(&rig).result, WF_APPEND_DURABLE);
        wf_memory_database_doubt(rig.database, "a", has_landed);
        CHECK_EQ(append(&rig).result, WF_APPEND_IN_DOUBT);
        CHECK_EQ(append(&rig).result, WF_APPEND_IN_DOUBT);
        CHECK_OK(rig.log.ops->acquire(rig.log.self, 0, &place));
        CHECK_EQ(place.last, 1 + has_landed);
        CHECK_EQ(append(&rig).result, WF_APPEND_DURABLE);
        destroy_rig(&rig);
    }
}

TEST(log_memory, a_node_that_is_cut_off_reaches_nothing)
{
    struct rig rig;
    struct wf_shared_place place;

    create_rig(&rig, false);
    wf_memory_database_cut(rig.database, "a", true);
    CHECK_ERR(rig.registry.ops->renew(rig.registry.self, false), WEFT_EIO);
    CHECK_ERR(rig.log.ops->release(rig.log.self, 0), WEFT_EIO);
    CHECK_ERR(rig.log.ops->acquire(rig.log.self, 0, &place), WEFT_EIO);
    wf_memory_database_cut(rig.database, "a", false);
    CHECK_OK(rig.log.ops->acquire(rig.log.self, 0, &place));
    wf_memory_database_cut(rig.database, "a", true);
    CHECK_EQ(append(&rig).result, WF_APPEND_IN_DOUBT);
    wf_memory_database_cut(rig.database, "a", false);
    CHECK_OK(rig.log.ops->acquire(rig.log.self, 0, &place));
    CHECK_EQ(place.last, 0);
    destroy_rig(&rig);
}

TEST(log_memory, an_append_waits_for_the_database_or_for_stop)
{
    for (int stops = 0; stops < 2; stops++) {
        struct rig rig;
        pthread_t thread;
        void *result = NULL;

        create_rig(&rig, true);
        wf_memory_database_cut(rig.database, "a", true);
        CHECK_EQ(pthread_create(&thread, NULL, append_beside, &rig), 0);
        if (stops) {
            rig.log.ops->stop(rig.log.self);
        } else {
            wf_memory_database_cut(rig.database, "a", false);
        }
        pthread_join(thread, &result);
        CHECK_EQ((uintptr_t)result,
                 stops ? WF_APPEND_IN_DOUBT : WF_APPEND_DURABLE);
        destroy_rig(&rig);
    }
}
