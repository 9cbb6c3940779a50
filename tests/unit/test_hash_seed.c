// SPDX-License-Identifier: Apache-2.0
//
// test_hash_seed.c - ids that collide in the hash that everybody can compute
// do not collide in a partition's tables.
//
// What is counted is steps: how far from its home each item is. Ids chosen so
// that their hashes end in the same bits all have one home, and the next ones
// are beside it.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "partition_rig.h"
#include "runtime/partition_impl.h"
#include "support/test.h"

#define MANY 300
#define SAME_BITS 1023U // and the tables have no more slots than that
#define STEPS_MAX 8     // for each; without a seed it is half of MANY

static struct partition_rig rig;

static void
rig_open(void)
{
    partition_rig_create(&rig, (struct wf_partition_options){
                                   .residents_max = MANY,
                                   .hash_seed = 0x123456789abcdef,
                               });
    wf_partition_open(rig.partition, 1000);
}

static void
rig_close(void)
{
    CHECK_EQ(partition_rig_destroy(&rig), 0);
}

static bool
collides(const void *bytes, size_t len)
{
    return (wf_hash64(bytes, len, 0) & SAME_BITS) == 0;
}

static void
check_table(const struct wf_table *table)
{
    size_t steps = 0;

    CHECK(table->count >= MANY && table->cap <= SAME_BITS + 1);
    for (size_t i = 0; i < table->cap; i++) {
        if (table->slots[i].item != NULL) {
            steps += (i - table->slots[i].hash) & (table->cap - 1);
        }
    }
    CHECK(steps <= MANY * STEPS_MAX);
}

TEST(hash_seed, ids_of_actors_that_collide)
{
    (void)t;
    rig_open();
    for (int number = 0, found = 0; found < MANY; number++) {
        struct wf_key key;
        char id[16];

        (void)snprintf(id, sizeof(id), "%d", number);
        CHECK_OK(wf_key_make("default", "kind", id, &key));
        if (collides(key.text, key.len)) {
            (void)wf_residents_get(rig.partition, &key);
            found++;
        }
        wf_key_fini(&key);
    }
    check_table(&rig.partition->actors);
    rig_close();
}

TEST(hash_seed, ids_of_clients_that_collide)
{
    (void)t;
    rig_open();
    for (uint64_t number = 0, found = 0; found < MANY; number++) {
        uint8_t client[16] = {0};

        memcpy(client, &number, sizeof(number));
        if (collides(client, sizeof(client))) {
            (void)wf_window_get(rig.partition, client);
            found++;
        }
    }
    check_table(&rig.partition->windows);
    rig_close();
}

// Those of one actor, whose seed is the hash that the partition has of it.
TEST(hash_seed, names_and_ids_that_collide_within_an_actor)
{
    struct wf_actor *actor;
    struct wf_key key;

    (void)t;
    rig_open();
    CHECK_OK(wf_key_make("default", "kind", "one", &key));
    actor = wf_residents_get(rig.partition, &key);
    for (uint32_t number = 0, found = 0; found < MANY; number++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "%u", number);
        if (collides(name, strlen(name))) {
            struct wf_update *update = wf_update_create(++found);

            wf_free(update->id);
            update->id = wf_strdup(name);
            wf_updates_add(&actor->updates, update);
            (void)wf_published_put(&actor->published, name, weft_text("v"));
        }
    }
    check_table(&actor->updates.ids);
    check_table(&actor->published.index);
    wf_key_fini(&key);
    rig_close();
}
