// SPDX-License-Identifier: Apache-2.0
//
// test_retention.c - when those that have ended are removed, of very many.

#include <stdio.h>

#include "runtime/partition_impl.h"
#include "stepped_rig.h"
#include "support/test.h"
#include "weft/weft.h"

#define RETENTION_MS 100000
#define SWEEP_MS 60000 // from one to the next
#define MANY 2500

static struct rig rig;

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)message;
    (void)state;
    return weft_actor_stop(actor, weft_nothing());
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    def.name = "brief";
    def.receive = receive;
    def.retention_ms = RETENTION_MS;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    return definitions;
}

static void
settle(void)
{
    rig_load(&rig);
    rig_run(&rig);
    rig_commit(&rig);
    rig_check_waits(&rig, NULL);
}

// So many have ended, all at this time.
static void
begin(int count)
{
    rig = rig_open(define());
    rig.partition->options.residents_max = 2 * MANY;
    for (int i = 0; i < count; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "%d", i);
        rig_take(&rig, rig_post(&rig, WEFT_VERB_SIGNAL, "brief", id, "end"));
        settle();
    }
}

static uint64_t
count_ended(void)
{
    const struct wf_actor *actor;
    size_t cursor = 0;
    uint64_t count = 0;

    while ((actor = wf_table_next(&rig.partition->actors, &cursor)) != NULL) {
        count += actor->status == WEFT_STATUS_COMPLETED;
    }
    return count;
}

// The next sweep is over, and what it has found is read.
static void
sweep_after(uint64_t ms)
{
    rig_tick(&rig, ms);
    settle();
}

// A thousand in a step, so that others have theirs; and no minute between.
TEST(retention, very_many_in_memory_go_a_thousand_a_second)
{
    begin(MANY);
    CHECK_EQ(count_ended(), MANY);
    sweep_after(RETENTION_MS - 1);
    CHECK_EQ(count_ended(), MANY);
    sweep_after(SWEEP_MS);
    sweep_after(0); // pages of rows come one after the other
    sweep_after(1000);
    sweep_after(1000);
    sweep_after(1000);
    sweep_after(1000);
    CHECK_EQ(count_ended(), 0);
    (void)rig_close(&rig);
}

// Nobody knows how long it will stay in memory.
TEST(retention, one_that_is_read_for_it_goes_at_once)
{
    struct wf_actor *actor;

    begin(1);
    rig.partition->options.residents_max = 0;
    settle();
    CHECK_EQ(rig.partition->actors.count, 0);
    rig.partition->options.residents_max = MANY;
    rig_tick(&rig, RETENTION_MS + SWEEP_MS);
    rig_load(&rig); // its row is found, and then itself
    CHECK_EQ(rig.partition->actors.count, 1);
    actor = WF_CONTAINER(wf_list_first(&rig.partition->dirty), struct wf_actor,
                         object.dirty);
    CHECK_EQ(actor->status, WEFT_STATUS_NONE);
    (void)rig_close(&rig);
}

// Nobody who asks for it before that is told that there never was one.
TEST(retention, one_that_is_read_for_somebody_is_shown)
{
    struct wf_request *request;

    begin(1);
    rig.partition->options.residents_max = 0;
    settle();
    CHECK_EQ(rig.partition->actors.count, 0);
    rig.partition->options.residents_max = MANY;
    rig.now_ms += RETENTION_MS + SWEEP_MS;
    request = rig_post(&rig, WEFT_VERB_DESCRIBE, "brief", "0", "");
    rig_take(&rig, request);
    rig_load(&rig);
    rig_check_answer(&rig, request, WEFT_OK, "");
    (void)rig_close(&rig);
}

// All pages, whichever was the last one of the sweep before.
TEST(retention, each_sweep_begins_at_the_beginning)
{
    begin(MANY);
    rig.partition->options.residents_max = 0;
    for (int i = 0; i < MANY && rig.partition->actors.count > 0; i++) {
        settle();
    }
    CHECK_EQ(rig.partition->actors.count, 0);
    for (int i = 0; i < 10; i++) {
        sweep_after(i == 0 ? 10000 : 1000);
    }
    rig.partition->options.residents_max = 2 * MANY;
    for (int i = 0; i < 10; i++) {
        sweep_after(i == 0 ? RETENTION_MS : 1000);
    }
    CHECK_EQ(rig.partition->actors.count, MANY); // read, to be removed
    CHECK_EQ(count_ended(), 0);
    (void)rig_close(&rig);
}
