// SPDX-License-Identifier: Apache-2.0

#include "runtime/ready.h"

#include "base/key.h"
#include "runtime/actor.h"
#include "support/test.h"

enum { ACTORS = 4, SHARE = 100 };

struct rig {
    struct wf_ready ready;
    struct wf_actor *actors[ACTORS];
};

static void
begin(struct rig *rig)
{
    wf_ready_init(&rig->ready, SHARE);
    for (uint32_t i = 0; i < ACTORS; i++) {
        char id[2] = {(char)('a' + i), 0};
        struct wf_key key = {0};

        CHECK_EQ(wf_key_make("default", "k", id, &key), WEFT_OK);
        rig->actors[i] = wf_actor_create(&key, i);
        wf_key_fini(&key);
    }
}

static void
end(struct rig *rig)
{
    for (uint32_t i = 0; i < ACTORS; i++) {
        wf_actor_destroy(rig->actors[i]);
    }
}

static void
add(struct rig *rig, uint32_t i)
{
    wf_ready_add(&rig->ready, rig->actors[i]);
}

// A turn of whoever is next, which has to be this one.
static void
turn(struct rig *rig, uint32_t i, uint64_t bytes, bool goes_on)
{
    struct wf_actor *actor = wf_ready_take(&rig->ready);

    CHECK(actor == rig->actors[i]);
    if (goes_on) {
        wf_ready_add(&rig->ready, actor);
    }
    wf_ready_ran(&rig->ready, actor, bytes);
}

TEST(ready, who_waited_comes_before_who_goes_on)
{
    struct rig rig;

    begin(&rig);
    add(&rig, 0);
    turn(&rig, 0, 1, true);
    add(&rig, 1);
    add(&rig, 2);
    turn(&rig, 1, 1, false);
    turn(&rig, 2, 1, true);
    turn(&rig, 0, 1, false); // it went on before the other
    turn(&rig, 2, 1, false);
    CHECK(wf_ready_take(&rig.ready) == NULL);
    end(&rig);
}

TEST(ready, who_goes_on_has_one_turn_in_nine)
{
    struct rig rig;

    begin(&rig);
    add(&rig, 0);
    turn(&rig, 0, 1, true);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < (round == 0 ? 7 : 8); i++) {
            add(&rig, 1);
            turn(&rig, 1, 0, false);
        }
        add(&rig, 1);
        turn(&rig, 0, 1, true);
        turn(&rig, 1, 0, false);
        rig.ready.passed = 0;
    }
    end(&rig);
}

TEST(ready, a_share_is_for_one_segment)
{
    struct rig rig;

    begin(&rig);
    add(&rig, 0);
    turn(&rig, 0, SHARE, true);
    turn(&rig, 0, 1, true); // one more than its share is let through
    CHECK(wf_ready_take(&rig.ready) == NULL);
    add(&rig, 1);
    turn(&rig, 1, 5 * SHARE, false);
    add(&rig, 1); // it is spent, though it waited
    CHECK(wf_ready_take(&rig.ready) == NULL);
    wf_ready_renew(&rig.ready);
    turn(&rig, 0, SHARE + 1, true);
    turn(&rig, 1, 1, false);
    CHECK(wf_ready_take(&rig.ready) == NULL);
    wf_ready_remove(rig.actors[0]); // paused, say
    wf_ready_renew(&rig.ready);
    CHECK(wf_ready_take(&rig.ready) == NULL);
    end(&rig);
}

// Behind who waits, and with all of its share.
TEST(ready, who_was_spent_goes_on_in_the_next_segment)
{
    struct rig rig;

    begin(&rig);
    add(&rig, 0);
    turn(&rig, 0, SHARE + 1, true);
    wf_ready_renew(&rig.ready);
    add(&rig, 1);
    turn(&rig, 1, 1, false);
    turn(&rig, 0, 1, true);
    turn(&rig, 0, SHARE, true);
    CHECK(wf_ready_take(&rig.ready) == NULL);
    wf_ready_remove(rig.actors[0]);
    end(&rig);
}

TEST(ready, who_sends_where_much_waits_has_one_turn_a_segment)
{
    struct rig rig;
    struct wf_actor *actor;

    begin(&rig);
    for (uint32_t i = 0; i < 3; i++) {
        if (i == 0) {
            add(&rig, 0);
        }
        actor = wf_ready_take(&rig.ready);
        CHECK(actor == rig.actors[0]);
        wf_ready_spend(&rig.ready);
        wf_ready_add(&rig.ready, actor);
        wf_ready_ran(&rig.ready, actor, 1);
        CHECK(wf_ready_take(&rig.ready) == NULL);
        wf_ready_renew(&rig.ready);
    }
    actor = wf_ready_take(&rig.ready);
    wf_ready_ran(&rig.ready, actor, 1);
    wf_ready_spend(&rig.ready); // outside of turns it means nobody
    add(&rig, 1);
    turn(&rig, 1, 1, true);
    turn(&rig, 1, 1, false);
    end(&rig);
}

TEST(ready, who_is_spent_spends_nobody_else)
{
    struct rig rig;
    struct wf_actor *actor;

    begin(&rig);
    add(&rig, 0);
    actor = wf_ready_take(&rig.ready);
    wf_ready_spend(&rig.ready);
    wf_ready_ran(&rig.ready, actor, 1);
    add(&rig, 1);
    turn(&rig, 1, 1, true);
    turn(&rig, 1, 1, false);
    end(&rig);
}

TEST(ready, who_goes_on_for_long_is_patient)
{
    struct rig rig;
    uint32_t turns = 0;

    begin(&rig);
    add(&rig, 0);
    for (; turns < 1000; turns++) {
        struct wf_actor *actor = wf_ready_take(&rig.ready);

        if (wf_ready_is_patient(&rig.ready)) {
            wf_ready_ran(&rig.ready, actor, 0);
            break;
        }
        wf_ready_add(&rig.ready, actor);
        wf_ready_ran(&rig.ready, actor, 0);
    }
    CHECK_EQ(turns, 64);
    add(&rig, 0); // after a rest it is like others
    CHECK(wf_ready_take(&rig.ready) == rig.actors[0]);
    CHECK(!wf_ready_is_patient(&rig.ready));
    wf_ready_ran(&rig.ready, rig.actors[0], 0);
    end(&rig);
}
