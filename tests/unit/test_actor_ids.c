// SPDX-License-Identifier: Apache-2.0
//
// test_actor_ids.c - the numbers of a plain actor's calls, questions and timers
// come round after four thousand million, as those of a task queue do in weeks.

#include <stdint.h>
#include <string.h>

#include "runtime/partition_impl.h"
#include "runtime/stamp.h"
#include "runtime/timers.h"
#include "stepped_rig.h"
#include "support/test.h"
#include "weft/weft.h"

static struct rig rig;
static uint32_t newest;

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)state;
    if (strcmp(message->name, "later") == 0) {
        CHECK_OK(weft_actor_reply_later(actor, &newest));
    } else if (strcmp(message->name, "ask") == 0) {
        for (int i = 0; i < 2; i++) {
            CHECK_OK(weft_actor_ask(actor, (weft_target){"keeper", "k"}, "none",
                                    weft_nothing(), &newest));
        }
    } else if (strcmp(message->name, "timer") == 0) {
        CHECK_OK(weft_actor_timer_set(actor, "a timer", 1000000));
    }
    return WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    def.name = "keeper";
    def.receive = receive;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    return definitions;
}

static void
tell(weft_verb verb, const char *name)
{
    rig_take(&rig, rig_post(&rig, verb, "keeper", "k", name));
    rig_load(&rig);
    rig_commit(&rig);
    rig_run(&rig);
    rig_commit(&rig);
}

static struct wf_actor *
keeper(void)
{
    struct wf_actor *actor;
    struct wf_key key;

    CHECK_OK(wf_key_make("default", "keeper", "k", &key));
    actor = wf_residents_find(rig.partition, wf_key_bytes(&key));
    wf_key_fini(&key);
    return actor;
}

TEST(actor_ids, none_is_0_or_that_of_one_that_is_open)
{
    rig = rig_open(define());
    tell(WEFT_VERB_ASK, "later");
    CHECK_EQ(newest, 1);
    tell(WEFT_VERB_SIGNAL, "timer");
    CHECK_EQ(wf_timers_find(keeper(), "a timer")->id, 2);
    keeper()->next_id = UINT32_MAX;
    tell(WEFT_VERB_ASK, "later");
    CHECK_EQ(newest, UINT32_MAX);
    tell(WEFT_VERB_ASK, "later"); // 0 is none, 1 and 2 are open
    CHECK_EQ(newest, 3);
    tell(WEFT_VERB_ASK, "later");
    CHECK_EQ(newest, 4);
    (void)rig_close(&rig);
}

TEST(actor_ids, none_is_0_within_a_turn)
{
    rig = rig_open(define());
    tell(WEFT_VERB_SIGNAL, "none");
    keeper()->next_id = UINT32_MAX;
    tell(WEFT_VERB_SIGNAL, "ask"); // which asks itself, twice
    CHECK_EQ(newest, 1);
    (void)rig_close(&rig);
}

TEST(actor_ids, the_chance_of_a_workflow_s_runs_does_not_come_round)
{
    for (uint64_t run = 1; run < 10; run++) {
        for (unsigned bits = 4; bits < 60; bits++) {
            CHECK(wf_run_chance(7, run) !=
                  wf_run_chance(7, run + (1ULL << bits)));
        }
    }
}
