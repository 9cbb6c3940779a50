// SPDX-License-Identifier: Apache-2.0
//
// sim_loss.c - a disk comes back as it was some time ago: what the other nodes
// say of it, and what follows when the loss is accepted.
//
// Each site has a source, which passes numbers on to the sinks of all others.
// The client gives each number to one source, once, and knows when it was taken
// and when the disk was copied. So it is known without weft what each sink must
// hold, and what a loss may have taken.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/key.h"
#include "base/random.h"
#include "sim/world.h"
#include "support/test.h"
#include "weft/weft.h"

enum { SITES = 4, NODES = 3, GIVEN_MAX = 600, ENTRIES_MAX = 900 };

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SEEDS 4
#else
#define SEEDS 25
#endif

// What a sink holds, in the order in which it came.
struct sink {
    uint32_t count;
    uint16_t numbers[ENTRIES_MAX];
};

// A number, as the client knows it.
struct given {
    struct world_call *call;
    uint32_t source;
    bool is_in_copy;   // it was taken before its node's disk was copied
    bool may_be_lost;  // and was taken after the copy that came back
    bool may_be_twice; // it was under way then, and was asked again
};

struct loss {
    struct world *world;
    struct wf_random random;
    uint64_t seed;
    uint32_t victim; // a site of the node whose disk comes back
    struct given given[GIVEN_MAX];
    uint32_t given_count;
    struct sink sinks[SITES];
    bool is_named[SITES][SITES][GIVEN_MAX + 1]; // lost, from and to, by seq
};

// Code. -----------------------------------------------------------------------

static char ids[2][SITES][16]; // of sources and of sinks, each on its site

static uint32_t
site_of(const char *id)
{
    struct wf_key key;
    uint32_t site;

    CHECK_OK(wf_key_make("default", "any", id, &key));
    site = wf_key_partition(&key, SITES);
    wf_key_fini(&key);
    return site;
}

static void
name_them(void)
{
    for (uint32_t i = 0; i < 2 * SITES; i++) {
        for (uint32_t k = 0; ids[i % 2][i / 2][0] == '\0'; k++) {
            char id[16];

            (void)snprintf(id, sizeof(id), "%c%" PRIu32, i % 2 == 0 ? 'a' : 'z',
                           k);
            if (site_of(id) == i / 2) {
                memcpy(ids[i % 2][i / 2], id, sizeof(id));
            }
        }
    }
}

static weft_err
pass_on(weft_actor *actor, const weft_message *message, void *state)
{
    weft_err err = WEFT_OK;

    (void)state;
    for (uint32_t i = 0; i < SITES && err == WEFT_OK; i++) {
        if (site_of(weft_actor_id(actor)) != i) {
            err = weft_actor_send(actor, (weft_target){"sink", ids[1][i]},
                                  "number", message->data);
        }
    }
    return err;
}

static weft_err
keep(weft_actor *actor, const weft_message *message, void *state)
{
    struct sink *sink = state;

    (void)actor;
    CHECK(sink->count < ENTRIES_MAX);
    memcpy(&sink->numbers[sink->count++], message->data.data, sizeof(uint16_t));
    return WEFT_OK;
}

static weft_err
show(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

static weft_definitions *
define(void)
{
    weft_actor_def source = WEFT_ACTOR_DEF_INIT;
    weft_actor_def sink = WEFT_ACTOR_DEF_INIT;
    weft_definitions *definitions = NULL;

    source.name = "source";
    source.receive = pass_on;
    sink.name = "sink";
    sink.state_bytes = sizeof(struct sink);
    sink.receive = keep;
    sink.query = show;
    CHECK_OK(weft_definitions_create(&definitions));
    CHECK_OK(weft_definitions_add_actor(definitions, &source));
    CHECK_OK(weft_definitions_add_actor(definitions, &sink));
    return definitions;
}

// What happens. ---------------------------------------------------------------

static bool
is_victim(const struct loss *loss, uint32_t site)
{
    return site % NODES == loss->victim % NODES;
}

static void
give(struct loss *loss, uint32_t source)
{
    struct given *given = &loss->given[loss->given_count];
    uint16_t number = (uint16_t)loss->given_count;

    CHECK(loss->given_count < GIVEN_MAX);
    *given = (struct given){.source = source};
    given->call =
        world_call(loss->world, WEFT_VERB_SIGNAL, "source", ids[0][source],
                   "number", weft_bytes_of(&number, sizeof(number)));
    loss->given_count++;
}

static void
give_some(struct loss *loss)
{
    for (uint64_t left = wf_random_below(&loss->random, 8); left > 0; left--) {
        give(loss, (uint32_t)wf_random_below(&loss->random, SITES));
    }
    world_run_ms(loss->world, wf_random_below(&loss->random, 60));
}

static void
copy_disk(struct loss *loss)
{
    for (uint32_t i = 0; i < loss->given_count; i++) {
        loss->given[i].is_in_copy = loss->given[i].call->is_answered;
    }
    world_keep(loss->world, loss->victim);
}

// All hear of the losses.
static void
hear(struct loss *loss)
{
    world_lose_frames(loss->world, 0, 0);
    for (uint32_t i = 0; i < SITES; i++) {
        give(loss, i);
    }
    world_run_ms(loss->world, 20000);
}

static void
bring_copy(struct loss *loss)
{
    for (uint32_t i = 0; i < loss->given_count; i++) {
        struct given *given = &loss->given[i];

        if (!is_victim(loss, given->source)) {
            continue;
        }
        given->may_be_twice = given->may_be_twice || !given->call->is_answered;
        given->may_be_lost = given->may_be_lost ||
                             (given->call->is_answered && !given->is_in_copy);
    }
    world_lose(loss->world, loss->victim);
    if (wf_random_below(&loss->random, 2) == 0) {
        hear(loss);
        return;
    }
    // One of them hears only of the next one, whatever is sent meanwhile.
    world_lose_frames(loss->world,
                      (uint32_t)wf_random_below(&loss->random, SITES),
                      UINT32_MAX);
    world_run_ms(loss->world, 300);
}

// "[ms] pTO lost messages A to B from pFROM: ...".
static void
read_trace(struct loss *loss)
{
    const char *line = world_trace(loss->world);

    for (; line != NULL; line = strchr(line, '\n')) {
        uint32_t site[2];
        uint64_t range[2];

        line += *line == '\n' ? 1 : 0;
        if (sscanf(line,
                   "[%*u] p%" SCNu32 " lost messages %" SCNu64 " to %" SCNu64
                   " from p%" SCNu32,
                   &site[1], &range[0], &range[1], &site[0]) == 4) {
            CHECK(range[1] <= GIVEN_MAX);
            for (uint64_t i = range[0]; i <= range[1]; i++) {
                loss->is_named[site[0]][site[1]][i] = true;
            }
        }
    }
    world_trace_clear(loss->world);
}

static void
read_sinks(struct loss *loss)
{
    for (uint32_t i = 0; i < SITES; i++) {
        const struct world_call *call =
            world_ask(loss->world, WEFT_VERB_QUERY, "sink", ids[1][i], "all",
                      weft_nothing());

        loss->sinks[i] = (struct sink){0};
        if (call->err == WEFT_OK) {
            CHECK_EQ(call->data_len, sizeof(loss->sinks[i]));
            memcpy(&loss->sinks[i], call->data, sizeof(loss->sinks[i]));
        }
    }
}

// Checks. ---------------------------------------------------------------------

static void
fit(const struct loss *loss, uint32_t number, uint32_t site, bool fits)
{
    const struct given *given = &loss->given[number];

    if (fits) {
        return;
    }
    (void)fprintf(stderr,
                  "seed %" PRIu64 ": number %" PRIu32 " from p%" PRIu32
                  " to p%" PRIu32 ", the disk of p%" PRIu32
                  " came back; in its copy %d, may be lost %d, twice %d\n",
                  loss->seed, number, given->source, site, loss->victim,
                  given->is_in_copy, given->may_be_lost, given->may_be_twice);
    for (uint32_t i = 0; i < loss->sinks[site].count; i++) {
        uint32_t other = loss->sinks[site].numbers[i];

        if (loss->given[other].source == given->source) {
            (void)fprintf(stderr, " %" PRIu32, other);
        }
    }
    (void)fprintf(stderr, "\n");
    CHECK(fits);
}

// How often the sink has it. In order, but for what was asked again.
static uint32_t
times_of(const struct loss *loss, uint32_t number, uint32_t site)
{
    const struct sink *sink = &loss->sinks[site];
    const struct given *given = &loss->given[number];
    uint32_t times = 0;

    for (uint32_t i = 0; i < sink->count; i++) {
        uint32_t other = sink->numbers[i];

        if (other == number) {
            times++;
        } else if (loss->given[other].source == given->source) {
            bool is_again =
                loss->given[other].may_be_twice || given->may_be_twice;

            fit(loss, number, site, times == 0 || other > number || is_again);
        }
    }
    fit(loss, number, site, times <= 1 || given->may_be_twice);
    return times;
}

// From one that kept its disk: what is missing is what is named as lost.
static void
check_from_others(const struct loss *loss, uint32_t source, uint32_t site)
{
    uint32_t seq = 0;

    for (uint32_t i = 0; i < loss->given_count; i++) {
        if (loss->given[i].source == source) {
            fit(loss, i, site,
                times_of(loss, i, site) + loss->is_named[source][site][++seq] ==
                    1);
        }
    }
}

// From the one whose disk came back: all but what it was given after the copy.
static void
check_from_victim(const struct loss *loss, uint32_t source, uint32_t site)
{
    for (uint32_t i = 0; i < loss->given_count; i++) {
        const struct given *given = &loss->given[i];

        if (given->source == source) {
            fit(loss, i, site,
                times_of(loss, i, site) > 0 || given->may_be_lost);
        }
    }
}

static void
check(struct loss *loss)
{
    for (uint32_t i = 0; i < loss->given_count; i++) {
        CHECK_OK(world_wait(loss->world, loss->given[i].call)->err);
    }
    world_run_ms(loss->world, 60000);
    read_sinks(loss);
    read_trace(loss);
    for (uint32_t i = 0; i < SITES * SITES; i++) {
        uint32_t source = i / SITES;
        uint32_t site = i % SITES;

        if (source == site) {
            continue;
        }
        if (!is_victim(loss, source)) {
            check_from_others(loss, source, site);
        } else if (!is_victim(loss, site)) {
            check_from_victim(loss, source, site);
        }
    }
    CHECK_EQ(world_audit(loss->world), 0);
}

// Stories. --------------------------------------------------------------------

static struct loss *
begin(uint64_t seed, const weft_definitions *definitions)
{
    static const int64_t windows[] = {1 << 20, 4096, 0};
    struct loss *loss = wf_calloc(sizeof(*loss));

    loss->seed = seed;
    wf_random_init(&loss->random, seed);
    loss->victim = (uint32_t)wf_random_below(&loss->random, SITES);
    loss->world = world_create(&(struct world_options){
        .seed = seed,
        .sites = SITES,
        .nodes = NODES,
        .window_bytes = windows[wf_random_below(&loss->random, 3)],
        .definitions = definitions,
        .frame_loss = 50,
        .frame_double = 50,
        .crash_at_commit = 10,
        .commit_in_doubt = 5,
        .is_traced = true,
        .twin_every = 50,
    });
    return loss;
}

static void
end(struct loss *loss)
{
    world_destroy(loss->world);
    wf_free(loss);
}

// It may come back more than once, from one copy or from another.
static void
tell_accepted(uint64_t seed, const weft_definitions *definitions)
{
    struct loss *loss = begin(seed, definitions);

    give_some(loss);
    copy_disk(loss);
    for (uint32_t i = 0; i < 12; i++) {
        give_some(loss);
        if (wf_random_below(&loss->random, 4) == 0) {
            copy_disk(loss);
        } else if (wf_random_below(&loss->random, 3) == 0) {
            bring_copy(loss);
        }
    }
    bring_copy(loss);
    hear(loss);
    world_calm(loss->world);
    check(loss);
    end(loss);
}

static uint64_t
asked(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

TEST(loss, what_is_lost_is_named_and_nothing_else_is)
{
    weft_definitions *definitions = define();
    uint64_t from = asked("SIM_FROM", 1);
    uint64_t count = asked("SIM_SEEDS", SEEDS);

    name_them();
    for (uint64_t seed = from; seed < from + count; seed++) {
        tell_accepted(seed, definitions);
    }
    weft_definitions_destroy(definitions);
}

// What others have heard of it, or it of them, tells what it forgot.
static void
tell_unseen(uint32_t victim, const weft_definitions *definitions)
{
    struct loss *loss = begin(1, definitions);
    const char *trace;

    world_calm(loss->world);
    loss->victim = victim;
    hear(loss);
    world_keep(loss->world, victim);
    hear(loss);
    hear(loss);
    world_trace_clear(loss->world);
    world_lose_unseen(loss->world, victim);
    hear(loss);
    trace = world_trace(loss->world);
    for (uint32_t i = 0; i < SITES * SITES; i++) {
        uint32_t site = i % SITES;
        uint32_t other = i / SITES;
        char text[100];

        if (!is_victim(loss, site) || is_victim(loss, other)) {
            continue;
        }
        (void)snprintf(text, sizeof(text),
                       "p%-9" PRIu32 " corrupt   p%" PRIu32
                       " has seen message 3, of which 2 were sent",
                       site, other);
        CHECK(strstr(trace, text) != NULL);
        (void)snprintf(text, sizeof(text),
                       "p%-9" PRIu32
                       " lost      messages 2 to 3 from p%" PRIu32,
                       site, other);
        CHECK(strstr(trace, text) != NULL);
    }
    end(loss);
}

TEST(loss, one_that_nobody_accepted_is_named_by_the_others)
{
    weft_definitions *definitions = define();

    name_them();
    for (uint32_t victim = 0; victim < SITES; victim++) {
        tell_unseen(victim, definitions);
    }
    weft_definitions_destroy(definitions);
}
