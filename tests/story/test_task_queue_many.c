// SPDX-License-Identifier: Apache-2.0
//
// Many offers and many workers of one task queue.

#include <stdio.h>
#include <stdlib.h>

#include "story/caller.h"
#include "story/taker.h"
#include "weft/payload.h"
#include "weft/task_queue.h"

// As many as take sanitizers seconds.
#if defined(__SANITIZE_ADDRESS__)
#define OFFERS 200
#else
#define OFFERS 1000
#endif

// Begins as many calls as its input says, and waits for all.
static weft_err
run_many(weft_workflow *wf, weft_bytes input)
{
    char text[16];
    int count = atoi(story_text(input, text, sizeof(text)));
    weft_future *futures =
        weft_workflow_alloc(wf, (size_t)count * sizeof(*futures));

    for (int i = 0; i < count; i++) {
        MUST(weft_workflow_call_async(wf, "work", weft_nothing(), &call_options,
                                      &futures[i]),
             WEFT_OK);
    }
    MUST(weft_workflow_await_all(wf, futures, (size_t)count), WEFT_OK);
    return weft_workflow_return(wf, weft_text("all"));
}

static weft_definitions *
queues(void)
{
    weft_definitions *defs = taker_definitions();

    story_add_workflow(defs, "many", run_many);
    return defs;
}

// Ten that each work off what they get before they ask again.
static void
tell_shared(struct story *story)
{
    struct taker workers[10];
    struct world_call *polls[10];
    unsigned done[10] = {0};
    unsigned total = 0;
    char count[16];

    for (int i = 0; i < 10; i++) {
        taker_init(&workers[i], "q", (const char[]){(char)('a' + i), '\0'});
    }
    (void)snprintf(count, sizeof(count), "%d", OFFERS);
    story_start("many", "m", count);
    while (total < OFFERS) {
        for (int i = 0; i < 10; i++) {
            polls[i] = taker_begin_poll(&workers[i], OFFERS / 140, 5000);
        }
        for (int i = 0; i < 10; i++) {
            size_t got = taker_end_poll(&workers[i], polls[i]);

            for (size_t j = 0; j < got; j++) {
                const struct taker_offer *offer = &workers[i].offers[j];

                CHECK_OK(
                    taker_do(&workers[i], WEFT_VERB_LEASE, offer, NULL)->err);
                CHECK_OK(
                    taker_do(&workers[i], WEFT_VERB_COMPLETE, offer, "")->err);
            }
            done[i] += (unsigned)got;
            total += (unsigned)got;
        }
        world_forget_calls(story->world);
    }
    CHECK_RESULT("many", "m", "all");
    for (int i = 0; i < 10; i++) {
        CHECK(done[i] >= OFFERS * 9 / 100 && done[i] <= OFFERS * 11 / 100);
    }
}

TEST(task_queue, a_thousand_offers_are_shared_evenly_by_ten)
{
    story_run_once(queues, tell_shared);
}

// A few, with a crash at every commit: none is lost, none is done twice.
static void
tell_few(struct story *story)
{
    struct taker workers[2];
    unsigned done = 0;

    (void)story;
    taker_init(&workers[0], "q", "one");
    taker_init(&workers[1], "q", "two");
    story_start("many", "m", "5");
    for (int i = 0; i < 100 && done < 5; i++) {
        struct taker *worker = &workers[i & 1];
        size_t got = taker_poll(worker, 2, 1000);

        for (size_t j = 0; j < got; j++) {
            const struct taker_offer *offer = &worker->offers[j];

            if (taker_do(worker, WEFT_VERB_LEASE, offer, NULL)->err ==
                WEFT_OK) {
                CHECK_OK(taker_do(worker, WEFT_VERB_COMPLETE, offer, "")->err);
                done++;
            }
        }
    }
    CHECK_EQ(done, 5);
    CHECK_RESULT("many", "m", "all");
}

TEST(task_queue, a_few_offers_survive_a_crash_at_every_commit)
{
    story_run(queues, tell_few);
}
