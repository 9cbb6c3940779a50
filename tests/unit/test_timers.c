// SPDX-License-Identifier: Apache-2.0
//
// test_timers.c - timers by name, few and many, against a model.

#include "runtime/timers.h"

#include <stdio.h>

#include "base/random.h"
#include "runtime/actor.h"
#include "support/test.h"

#define MANY 2000

static struct wf_timer *
add(struct wf_actor *actor, uint32_t id, uint32_t number)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "p%u", number);
    return wf_timers_add(actor, id, weft_text(name));
}

static const struct wf_timer *
find(const struct wf_actor *actor, uint32_t number)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "p%u", number);
    return wf_timers_find(actor, name);
}

static struct wf_actor *
create(void)
{
    struct wf_actor *actor;
    struct wf_key key;

    CHECK_OK(wf_key_make("default", "task_queue", "one", &key));
    actor = wf_actor_create(&key, wf_key_hash(&key));
    wf_key_fini(&key);
    return actor;
}

TEST(timers, are_found_by_name_however_many_there_are)
{
    struct wf_actor *actor = create();
    struct wf_timer *timers[MANY] = {NULL};
    struct wf_random random;
    uint32_t id = 0;

    (void)t;
    wf_random_init(&random, 9);
    for (uint32_t size = 1; size <= MANY; size *= 10) {
        for (uint32_t round = 0; round < 5 * size; round++) {
            uint32_t i = (uint32_t)wf_random_below(&random, size);

            CHECK(find(actor, i) == timers[i]);
            if (timers[i] == NULL) {
                timers[i] = add(actor, ++id, i);
            } else {
                wf_timers_remove(actor, timers[i]);
                timers[i] = NULL;
            }
            CHECK(find(actor, i) == timers[i]);
        }
    }
    wf_timers_clear(actor);
    CHECK_EQ(actor->timers.list.count, 0);
    CHECK(find(actor, 1) == NULL);
    wf_actor_destroy(actor);
}

// A task queue's pollers set theirs with each poll: none is found by walking.
TEST(timers, many_have_an_index)
{
    struct wf_actor *actor = create();

    (void)t;
    for (uint32_t i = 0; i < MANY; i++) {
        (void)add(actor, i + 1, i);
    }
    CHECK_EQ(actor->timer_names.count, MANY);
    wf_actor_destroy(actor);
}

// A workflow has a hundred thousand, whose name is "", and looks for none.
TEST(timers, those_without_names_have_none)
{
    struct wf_actor *actor = create();

    (void)t;
    for (uint32_t i = 0; i < MANY; i++) {
        (void)wf_timers_add(actor, i + 1, weft_nothing());
    }
    CHECK_EQ(actor->timer_names.count, 0);
    CHECK(find(actor, 1) == NULL);
    (void)add(actor, MANY + 1, 1);
    CHECK(find(actor, 1) != NULL);
    CHECK(find(actor, 2) == NULL);
    wf_timers_remove(actor, wf_actor_find_timer(actor, MANY + 1));
    wf_timers_remove(actor, wf_actor_find_timer(actor, 1));
    CHECK(find(actor, 1) == NULL);
    wf_actor_destroy(actor);
}
