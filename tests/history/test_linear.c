// SPDX-License-Identifier: Apache-2.0
//
// test_linear.c - the checker of orders sees what no order explains, and says
// the same as one that tries all of them.

#include "history/linear.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

static struct history history;

static void
add(enum history_type type, uint64_t op, enum linear_verb verb, int64_t a,
    int64_t b)
{
    history_add(
        &history,
        (struct history_event){
            .type = type, .object = 1, .op = op, .verb = verb, .a = a, .b = b});
}

#define ASK(op, verb, ...) ask(op, LINEAR_##verb, (int64_t[2]){__VA_ARGS__})
#define GAVE(op, a) add(HISTORY_ANSWER, op, 0, a, 0)
#define DONE(op, verb, a, gave) (ASK(op, verb, a), GAVE(op, gave))

static void
ask(uint64_t op, enum linear_verb verb, const int64_t args[2])
{
    add(HISTORY_ASK, op, verb, args[0], args[1]);
}

static bool
is_fine(void)
{
    enum linear_verdict verdict = linear_check(&history, 1);
    bool brute = linear_brute(&history, 1);

    CHECK(verdict != LINEAR_TOO_LONG);
    CHECK_EQ(verdict == LINEAR_YES, brute);
    history_fini(&history);
    return brute;
}

TEST(linear, one_after_the_other)
{
    DONE(1, WRITE, 5, 0), DONE(2, ADD, 3, 8), DONE(3, READ, 0, 8);
    CHECK(is_fine());
    DONE(1, WRITE, 5, 0), DONE(2, READ, 0, 0);
    CHECK(!is_fine()); // a stale read
    DONE(1, READ, 0, 5), DONE(2, WRITE, 5, 0);
    CHECK(!is_fine()); // of the future
    DONE(1, ADD, 3, 3), DONE(2, ADD, 3, 3);
    CHECK(!is_fine()); // a lost update
    DONE(1, ADD, 3, 6);
    CHECK(!is_fine()); // a doubled one
}

TEST(linear, what_overlaps_may_go_either_way)
{
    ASK(1, WRITE, 5), ASK(2, READ, 0), GAVE(2, 0), GAVE(1, 0);
    CHECK(is_fine());
    ASK(1, WRITE, 5), ASK(2, READ, 0), GAVE(2, 5), GAVE(1, 0);
    CHECK(is_fine());
    // Seen, and then not seen any more.
    ASK(1, WRITE, 5), DONE(2, READ, 0, 5), DONE(3, READ, 0, 0), GAVE(1, 0);
    CHECK(!is_fine());
}

TEST(linear, what_nobody_knows_of_may_happen_or_not)
{
    ASK(1, WRITE, 5), DONE(2, READ, 0, 0), DONE(3, READ, 0, 0);
    CHECK(is_fine());
    ASK(1, WRITE, 5), DONE(2, READ, 0, 0), DONE(3, READ, 0, 5);
    CHECK(is_fine());
    ASK(1, WRITE, 5), DONE(2, READ, 0, 5), DONE(3, READ, 0, 0);
    CHECK(!is_fine());
    ASK(1, ADD, 5), DONE(2, READ, 0, 10);
    CHECK(!is_fine()); // not twice
}

TEST(linear, what_was_refused_did_not_happen)
{
    ASK(1, WRITE, 5), add(HISTORY_REFUSE, 1, 0, 0, 0), DONE(2, READ, 0, 0);
    CHECK(is_fine());
    ASK(1, WRITE, 5), add(HISTORY_REFUSE, 1, 0, 0, 0), DONE(2, READ, 0, 5);
    CHECK(!is_fine());
    ASK(1, WRITE, 5), add(HISTORY_REFUSE, 1, 0, 0, 0), DONE(2, READ, 0, 5);
    ASK(1, WRITE, 5), GAVE(1, 0);
    CHECK(!is_fine()); // it was done later
    // Asked twice under one id is done once.
    ASK(1, ADD, 5), ASK(1, ADD, 5), GAVE(1, 5), DONE(2, READ, 0, 5);
    CHECK(is_fine());
}

TEST(linear, a_swap_needs_what_it_compares_with)
{
    DONE(1, WRITE, 5, 0), ASK(2, CAS, 5, 7), GAVE(2, 1), DONE(3, READ, 0, 7);
    CHECK(is_fine());
    DONE(1, WRITE, 5, 0), ASK(2, CAS, 6, 7), GAVE(2, 1);
    CHECK(!is_fine());
    ASK(2, CAS, 0, 7), ASK(3, CAS, 0, 8), GAVE(2, 1), GAVE(3, 1);
    CHECK(!is_fine()); // only one of them can
    ASK(2, CAS, 0, 7), ASK(3, CAS, 0, 8), GAVE(2, 1), GAVE(3, 0);
    CHECK(is_fine());
}

TEST(linear, a_list_has_an_order)
{
    uint64_t one = linear_list_hash(0, 1);
    int64_t both = (int64_t)linear_list_hash(one, 2);

    DONE(1, APPEND, 1, 1), DONE(2, APPEND, 2, 2), DONE(3, LIST, 0, both);
    CHECK(is_fine());
    DONE(1, APPEND, 2, 1), DONE(2, APPEND, 1, 2), DONE(3, LIST, 0, both);
    CHECK(!is_fine());
    ASK(1, PUSH, 2), ASK(2, PUSH, 1), GAVE(2, 0), GAVE(1, 0);
    DONE(3, LIST, 0, both);
    CHECK(is_fine());
    DONE(1, PUSH, 2, 0), DONE(2, PUSH, 1, 0), DONE(3, LIST, 0, both);
    CHECK(!is_fine());
}

// Random histories. -----------------------------------------------------------

static uint64_t chance;

static uint32_t
draw(uint32_t below)
{
    chance = history_mix(chance, 7);
    return (uint32_t)(chance >> 33) % below;
}

// So many operations on one object, some at once. Each happens somewhere
// between its ask and its answer; lies in a thousand are answers that may be
// wrong.
static void
make_random(uint32_t ops, uint32_t clients, uint32_t lies, uint32_t loses)
{
    struct linear_state state = {0};
    struct {
        uint64_t op; // 0: at rest
        enum linear_verb verb;
        int64_t a;
        int64_t b;
        int64_t gave;
        bool is_done;
    } all[8] = {{0}};
    uint64_t next = 1;

    for (uint32_t left = ops * 3; left > 0; left--) {
        uint32_t i = draw(clients);

        if (all[i].op == 0 && next <= ops) {
            all[i].op = next++;
            all[i].verb = draw(LINEAR_VERB_COUNT);
            all[i].a = draw(3);
            all[i].b = draw(3);
            all[i].is_done = false;
            ask(all[i].op, all[i].verb, (int64_t[2]){all[i].a, all[i].b});
        } else if (all[i].op != 0 && !all[i].is_done) {
            all[i].gave = linear_step(&state, all[i].verb, all[i].a, all[i].b);
            all[i].gave += draw(1000) < lies ? (int64_t)draw(3) - 1 : 0;
            all[i].is_done = true;
        } else if (all[i].op != 0) {
            uint64_t op = all[i].op;

            all[i].op = 0;
            if (draw(loses) == 0) {
                add(HISTORY_LOSE, op, 0, 0, 0);
            } else {
                GAVE(op, all[i].gave);
            }
        }
    }
}

TEST(linear, says_what_trying_every_order_says)
{
    chance = 1;
    for (uint32_t i = 0; i < 20000; i++) {
        make_random(1 + draw(7), 1 + draw(4), 100, 8);
        (void)is_fine();
    }
}

TEST(linear, both_verdicts_are_common_among_those)
{
    uint32_t verdicts[2] = {0};

    chance = 5;
    for (uint32_t i = 0; i < 1000; i++) {
        make_random(7, 3, 100, 8);
        verdicts[is_fine()]++;
    }
    CHECK(verdicts[0] > 100);
    CHECK(verdicts[1] > 100);
}

TEST(linear, two_hundred_operations_are_decided)
{
    uint32_t wrong = 0;

    chance = 9;
    for (uint32_t i = 0; i < 200; i++) {
        make_random(200, 5, i % 2 == 0 ? 0 : 50, 40);
        switch (linear_check(&history, 1)) {
        case LINEAR_YES:
            break;
        case LINEAR_NO:
            CHECK(i % 2 == 1);
            wrong++;
            break;
        default:
            CHECK(false);
        }
        history_fini(&history);
    }
    CHECK(wrong > 80);
}
