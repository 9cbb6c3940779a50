// SPDX-License-Identifier: Apache-2.0
//
// test_forward.c - requests on their way to the node that has their partition,
// over loopback: where they go, how often they are served, what comes back. Of
// nodes that lie, forget or are slow test_forward_strange.c tells.

#include "cluster/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cluster/peers.h"
#include "peers_rig.h"
#include "remote_tests/proxy.h"
#include "runtime/request.h"
#include "support/test.h"

TEST(forward, a_request_is_answered_by_whoever_has_its_partition)
{
    struct rig rig;
    struct rig_call calls[3];

    rig_init(&rig, 3);
    rig_start(&rig);
    for (uint32_t i = 0; i < 3; i++) {
        rig_ask(&rig, &calls[i], 0, rig_make(i, "pay"));
    }
    rig_check_answer(&calls[0], WEFT_OK, "from a");
    rig_check_answer(&calls[1], WEFT_OK, "from b");
    rig_check_answer(&calls[2], WEFT_OK, "from c");
    CHECK_STR(rig_served(&rig, 1), "1:pay ");
    rig_fini(&rig);
}

TEST(forward, an_error_comes_back_with_its_hint)
{
    struct rig rig;
    struct rig_call call;

    rig_init(&rig, 2);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    rig_release(&rig, 1, WEFT_EBUSY);
    rig_wait_done(&call);
    CHECK_ERR(call.request->reply.err, WEFT_EBUSY);
    CHECK_STR(call.request->reply.detail, "from b");
    CHECK_EQ(call.request->reply.retry_after_ms, 100);
    rig_end(&call);
    rig_fini(&rig);
}

TEST(forward, requests_of_one_partition_keep_their_order)
{
    enum { MANY = 300 };
    struct rig rig;
    struct rig_call calls[MANY];
    char want[MANY * 8] = "";
    size_t len = 0;

    rig_init(&rig, 2);
    rig_start(&rig);
    for (int i = 0; i < MANY; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "%d", i);
        len += (size_t)snprintf(want + len, sizeof(want) - len, "1:%d ", i);
        rig_ask(&rig, &calls[i], 0, rig_make(1, name));
    }
    for (int i = 0; i < MANY; i++) {
        rig_check_answer(&calls[i], WEFT_OK, "from b");
    }
    CHECK_STR(rig_served(&rig, 1), want);
    rig_fini(&rig);
}

TEST(forward, while_nobody_has_the_partition_it_waits)
{
    struct rig rig;
    struct rig_call call;
    struct rig_call other;

    rig_init(&rig, 3);
    rig_start(&rig);
    rig_move(&rig, 1, -1);
    rig_map(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_ask(&rig, &other, 0, rig_make(2, "other"));
    rig_check_answer(&other, WEFT_OK, "from c");
    CHECK_EQ(call.done, 0);
    rig_move(&rig, 1, 2);
    rig_map(&rig);
    rig_check_answer(&call, WEFT_OK, "from c");
    CHECK_STR(rig_served(&rig, 2), "2:other 1:pay "); // never asked before
    rig_fini(&rig);
}

// What waits for an owner, what another node has, and what comes later.
TEST(forward, who_has_left_answers_everything_that_it_is_closed)
{
    struct rig rig;
    struct rig_call waits;
    struct rig_call sent;
    struct rig_call later;

    rig_init(&rig, 3);
    rig_start(&rig);
    rig_move(&rig, 1, -1);
    rig_map(&rig);
    rig.nodes[2].is_holding = true;
    rig_ask(&rig, &waits, 0, rig_make(1, "pay"));
    rig_ask(&rig, &sent, 0, rig_make(2, "other"));
    rig_wait_count(&rig, &rig.nodes[2].held_count, 1);
    wf_peers_leave(rig.nodes[0].peers);
    rig_check_answer(&waits, WEFT_ECLOSED, "");
    rig_check_answer(&sent, WEFT_ECLOSED, "");
    rig_ask(&rig, &later, 0, rig_make(2, "later"));
    rig_check_answer(&later, WEFT_ECLOSED, "");
    rig_release(&rig, 2, WEFT_OK); // and nobody hears it
    CHECK_STR(rig_served(&rig, 2), "2:other ");
    rig_fini(&rig);
}

// It has said so before the map does: the request did not happen there.
TEST(forward, not_mine_is_asked_again_until_it_is_somebodys)
{
    struct rig rig;
    struct rig_call call;

    rig_init(&rig, 2);
    rig.nodes[1].has[1] = false;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    for (uint32_t i = 0; i < 3; i++) {
        rig_wait_count(&rig, &rig.nodes[0].changes,
                       i + 1); // it doubts the map each time
    }
    rig_move(&rig, 1, 1);
    rig_check_answer(&call, WEFT_OK, "from b");
    CHECK_STR(rig_served(&rig, 1), "1:pay ");
    rig_fini(&rig);
}

TEST(forward, a_partition_that_comes_here_is_served_here)
{
    struct rig rig;
    struct rig_call call;

    rig_init(&rig, 2);
    rig_start(&rig);
    rig_move(&rig, 1, -1);
    rig_map(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_move(&rig, 1, 0);
    rig_map(&rig);
    rig_check_answer(&call, WEFT_OK, "from a");
    rig_fini(&rig);
}

// It leaves again in the middle of them: the first was taken here already, and
// comes back behind the second, which was not.
TEST(forward, what_comes_back_from_here_goes_before_what_was_asked_behind_it)
{
    struct rig rig;
    struct rig_call calls[3];

    rig_init(&rig, 2);
    rig_start(&rig);
    rig_move(&rig, 1, -1);
    rig_map(&rig);
    rig_ask(&rig, &calls[0], 0, rig_make(1, "one"));
    rig_ask(&rig, &calls[1], 0, rig_make(1, "two"));
    rig.nodes[0].is_holding = true;
    rig.nodes[0].leaves_after = 1;
    rig_move(&rig, 1, 0);
    rig_map(&rig);
    rig_wait_count(&rig, &rig.nodes[0].held_count, 1);
    rig_give_back(&rig, 0);
    rig_ask(&rig, &calls[2], 0, rig_make(1, "three"));
    rig_move(&rig, 1, 1);
    rig_map(&rig);
    for (int i = 0; i < 3; i++) {
        rig_check_answer(&calls[i], WEFT_OK, "from b");
    }
    CHECK_STR(rig_served(&rig, 0), "1:one ");
    CHECK_STR(rig_served(&rig, 1), "1:one 1:two 1:three ");
    rig_fini(&rig);
}

// B holds it and never answers; the map says that C has it now.
// It may not have the partition yet: one shows it, and the others follow.
TEST(forward, an_owner_that_has_not_answered_yet_is_sent_one_at_a_time)
{
    struct rig rig;
    struct rig_call calls[3];

    rig_init(&rig, 2);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    for (int i = 0; i < 3; i++) {
        rig_ask(&rig, &calls[i], 0, rig_make(1, "pay"));
    }
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    rig.nodes[1].is_holding = false;
    CHECK_EQ(rig.nodes[1].held_count, 1);
    rig_release(&rig, 1, WEFT_OK);
    for (int i = 0; i < 3; i++) {
        rig_wait_done(&calls[i]);
        CHECK_ERR(calls[i].request->reply.err, WEFT_OK);
        rig_end(&calls[i]);
    }
    rig_fini(&rig);
}

TEST(forward, what_an_owner_has_not_answered_goes_to_the_next_as_a_repeat)
{
    struct rig rig;
    struct rig_call first;
    struct rig_call second;

    rig_init(&rig, 3);
    rig_start(&rig);
    rig_ask(&rig, &first, 0, rig_make(1, "zero"));
    rig_check_answer(&first, WEFT_OK, "from b"); // it is there: more may follow
    rig.nodes[1].is_holding = true;
    rig_ask(&rig, &first, 0, rig_make(1, "one"));
    rig_ask(&rig, &second, 0, rig_make(1, "two"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 2);
    rig_move(&rig, 1, 2);
    rig_map(&rig);
    rig_check_answer(&first, WEFT_OK, "from c");
    rig_check_answer(&second, WEFT_OK, "from c");
    CHECK_STR(rig_served(&rig, 2), "1:one! 1:two! ");
    // What the one before says now is nobody's.
    rig_release(&rig, 1, WEFT_EBUSY);
    rig_fini(&rig);
}

TEST(forward, what_a_node_gives_back_goes_to_the_next_owner)
{
    struct rig rig;
    struct rig_call call;

    rig_init(&rig, 3);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    // The partition leaves b, which has not begun with it; nobody knows yet.
    rig_move(&rig, 1, 2);
    rig_give_back(&rig, 1);
    rig_wait_count(&rig, &rig.nodes[0].changes, 1);
    CHECK_EQ(call.done, 0);
    rig_map(&rig);
    rig_check_answer(&call, WEFT_OK, "from c");
    CHECK_STR(rig_served(&rig, 2), "1:pay ");
    rig_fini(&rig);
}

TEST(forward, a_node_that_closes_fails_nobody)
{
    struct rig rig;
    struct rig_call call;

    rig_init(&rig, 3);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    rig_move(&rig, 1, 2);
    rig_release(&rig, 1, WEFT_ECLOSED);
    rig_wait_count(&rig, &rig.nodes[0].changes, 1);
    rig_map(&rig);
    rig_check_answer(&call, WEFT_OK, "from c");
    CHECK_STR(rig_served(&rig, 2), "1:pay! "); // it may have been done
    rig_fini(&rig);
}

TEST(forward, a_node_that_dies_is_followed_by_the_next_owner)
{
    struct rig rig;
    struct rig_call call;
    struct wf_request *held;

    rig_init(&rig, 3);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    held = rig.nodes[1].held[0];
    rig.nodes[1].held_count = 0;
    wf_peers_destroy(rig.nodes[1].peers);
    rig.nodes[1].peers = NULL;
    rig_move(&rig, 1, 2);
    rig_map(&rig);
    rig_check_answer(&call, WEFT_OK, "from c");
    CHECK_STR(rig_served(&rig, 2), "1:pay! ");
    held->done(held); // its node outlives its links
    rig_fini(&rig);
}

TEST(forward, an_owner_that_comes_back_as_somebody_else_is_asked_again)
{
    struct rig rig;
    struct rig_call call;
    struct wf_request *held;

    rig_init(&rig, 2);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    held = rig.nodes[1].held[0];
    rig.nodes[1].held_count = 0;
    rig.nodes[1].is_holding = false;
    wf_peers_destroy(rig.nodes[1].peers);
    held->done(held);
    rig.map.nodes[1].incarnation = 12;
    rig_start_node(&rig, 1);
    rig_map(&rig); // nobody has it yet
    rig_move(&rig, 1, 1);
    rig_map(&rig);
    rig_check_answer(&call, WEFT_OK, "from b");
    CHECK_STR(rig_served(&rig, 1), "1:pay 1:pay! ");
    rig_fini(&rig);
}

TEST(forward, what_is_withdrawn_is_withdrawn_where_it_waits)
{
    struct rig rig;
    struct rig_call call;
    struct wf_request *request = rig_make(1, "");

    request->verb = WEFT_VERB_RESULT;
    rig_init(&rig, 2);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, request);
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    wf_peers_withdraw(rig.nodes[0].peers, request);
    rig_wait_count(&rig, &rig.nodes[1].withdrawn, 1);
    rig_release(&rig, 1, WEFT_ETIMEDOUT);
    rig_wait_done(&call);
    CHECK_ERR(call.request->reply.err, WEFT_ETIMEDOUT);
    rig_end(&call);
    rig_fini(&rig);
}

// It is done before long; that it is not wanted any more need not be said.
TEST(forward, what_does_not_wait_is_not_withdrawn)
{
    struct rig rig;
    struct rig_call calls[2];
    struct wf_request *wait = rig_make(1, "");

    rig_init(&rig, 2);
    rig_start(&rig);
    rig_ask(&rig, &calls[0], 0, rig_make(1, "pay"));
    rig_check_answer(&calls[0], WEFT_OK, "from b"); // more may follow
    rig.nodes[1].is_holding = true;
    rig_ask(&rig, &calls[0], 0, rig_make(1, "pay"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    wf_peers_withdraw(rig.nodes[0].peers, calls[0].request);
    wait->verb = WEFT_VERB_RESULT;
    rig_ask(&rig, &calls[1], 0, wait); // comes after it
    rig_wait_count(&rig, &rig.nodes[1].held_count, 2);
    CHECK_EQ(rig.nodes[1].withdrawn, 0);
    rig_release(&rig, 1, WEFT_OK);
    for (int i = 0; i < 2; i++) {
        rig_wait_done(&calls[i]);
        rig_end(&calls[i]);
    }
    rig_fini(&rig);
}

TEST(forward, what_is_withdrawn_while_nobody_has_it_is_answered)
{
    struct rig rig;
    struct rig_call call;
    struct wf_request *request = rig_make(1, "");

    request->verb = WEFT_VERB_RESULT;
    rig_init(&rig, 2);
    rig_start(&rig);
    rig_move(&rig, 1, -1);
    rig_map(&rig);
    rig_ask(&rig, &call, 0, request);
    wf_peers_withdraw(rig.nodes[0].peers, request);
    rig_wait_done(&call);
    CHECK_ERR(call.request->reply.err, WEFT_ETIMEDOUT);
    rig_end(&call);
    rig_fini(&rig);
}

static struct wf_request *
make_wait(uint32_t partition)
{
    struct wf_request *request = rig_make(partition, "");

    request->verb = WEFT_VERB_RESULT;
    return request;
}

// The next owner has not heard that nobody waits for it: it would wait there
// for as long as its instance runs.
TEST(forward, what_is_withdrawn_does_not_go_to_the_next_owner)
{
    struct rig rig;
    struct rig_call call;

    rig_init(&rig, 3);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, make_wait(1));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    wf_peers_withdraw(rig.nodes[0].peers, call.request);
    rig_wait_count(&rig, &rig.nodes[1].withdrawn, 1);
    rig_move(&rig, 1, 2); // before b has answered
    rig_map(&rig);
    rig_wait_done(&call);
    CHECK_ERR(call.request->reply.err, WEFT_ETIMEDOUT);
    rig_end(&call);
    CHECK_STR(rig_served(&rig, 2), "");
    rig_release(&rig, 1, WEFT_ETIMEDOUT); // and nobody hears it
    rig_fini(&rig);
}

// The first comes back, and the second with it, which is asked behind it again.
TEST(forward, what_is_withdrawn_does_not_go_behind_what_came_back)
{
    struct rig rig;
    struct rig_call calls[2];

    rig_init(&rig, 3);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    for (int i = 0; i < 2; i++) {
        rig_ask(&rig, &calls[i], 0, make_wait(1));
    }
    rig_wait_count(&rig, &rig.nodes[1].held_count, 2);
    wf_peers_withdraw(rig.nodes[0].peers, calls[1].request);
    rig_wait_count(&rig, &rig.nodes[1].withdrawn, 1);
    rig_move(&rig, 1, 2);
    rig_give_back(&rig, 1);
    rig_map(&rig);
    rig_wait_done(&calls[1]);
    CHECK_ERR(calls[1].request->reply.err, WEFT_ETIMEDOUT);
    rig_end(&calls[1]);
    rig_wait_done(&calls[0]);
    CHECK_OK(calls[0].request->reply.err);
    rig_end(&calls[0]);
    CHECK_EQ(rig.nodes[2].served_count, 1);
    rig_fini(&rig);
}

TEST(forward, who_asks_and_goes_has_what_waits_withdrawn)
{
    struct rig rig;
    struct rig_call call;

    rig_init(&rig, 2);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    wf_peers_destroy(rig.nodes[0].peers);
    rig.nodes[0].peers = NULL;
    rig_wait_done(&call);
    CHECK_ERR(call.request->reply.err, WEFT_ECLOSED);
    rig_end(&call);
    rig.map.nodes_count = 2;
    rig.map.nodes[0].incarnation = 9; // somebody else by now
    rig_map(&rig);
    rig_wait_count(&rig, &rig.nodes[1].withdrawn, 1);
    rig_release(&rig, 1, WEFT_OK); // for nobody
    rig_fini(&rig);
}

static struct wf_request *
make_question(uint32_t partition, const char *name)
{
    struct wf_request *request = rig_make(partition, name);

    request->verb = WEFT_VERB_ASK;
    return request;
}

// What is asked learns that nobody may be there to hear it; a signal need not.
TEST(forward, who_dies_has_its_questions_withdrawn_at_once)
{
    struct rig rig;
    struct rig_call calls[2];

    rig_init(&rig, 2);
    rig_start(&rig);
    rig_ask(&rig, &calls[0], 0, rig_make(1, "pay"));
    rig_check_answer(&calls[0], WEFT_OK,
                     "from b"); // it is there: more may follow
    rig.nodes[1].is_holding = true;
    rig_ask(&rig, &calls[0], 0, rig_make(1, "pay"));
    rig_ask(&rig, &calls[1], 0, make_question(1, "poll"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 2);
    wf_peers_destroy(rig.nodes[0].peers);
    rig.nodes[0].peers = NULL;
    rig_wait_count(&rig, &rig.nodes[1].withdrawn, 1);
    rig_release(&rig, 1, WEFT_ECANCELLED); // for nobody
    for (int i = 0; i < 2; i++) {
        rig_wait_done(&calls[i]);
        rig_end(&calls[i]);
    }
    CHECK_EQ(rig.nodes[1].withdrawn, 1);
    rig_fini(&rig);
}

TEST(forward, a_question_whose_connection_broke_is_asked_again)
{
    struct rig rig;
    struct rig_call call;
    char *endpoint;
    char port[16];

    rig_init(&rig, 2);
    rig.nodes[1].is_holding = true;
    rig_start(&rig);
    rig_ask(&rig, &call, 0, make_question(1, "poll"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 1);
    // Its other name, so that the one who asks connects anew.
    endpoint = rig.map.nodes[1].endpoint;
    (void)snprintf(port, sizeof(port), "%s", strrchr(endpoint, ':'));
    (void)snprintf(endpoint, sizeof(rig.map.nodes[1].endpoint),
                   "tcp://localhost%s", port);
    wf_peers_map(rig.nodes[0].peers, &rig.map);
    rig_wait_count(&rig, &rig.nodes[1].withdrawn, 1);
    rig.nodes[1].is_holding = false;
    rig_release(&rig, 1, WEFT_ECANCELLED);
    rig_check_answer(&call, WEFT_OK, "from b");
    CHECK_STR(rig_served(&rig, 1), "1:poll 1:poll! ");
    rig_fini(&rig);
}

TEST(forward, more_than_may_be_under_way_is_refused_with_a_hint)
{
    enum { MANY = 8 };
    struct rig rig;
    struct rig_call calls[MANY];
    struct wf_request *repeat;
    struct rig_call last;
    int refused = 0;

    rig_init(&rig, 2);
    rig.window_bytes = 4096;
    rig_start(&rig);
    rig_move(&rig, 1, -1);
    rig_map(&rig);
    for (int i = 0; i < MANY; i++) {
        rig_ask(&rig, &calls[i], 0, rig_make(1, "pay"));
    }
    repeat = rig_make(1, "again"); // to refuse it would say it did not happen
    repeat->is_repeat = true;
    rig_ask(&rig, &last, 0, repeat);
    rig_wait_done(&calls[MANY - 1]);
    rig_move(&rig, 1, 1);
    rig_map(&rig);
    for (int i = 0; i < MANY; i++) {
        rig_wait_done(&calls[i]);
        if (calls[i].request->reply.err != WEFT_OK) {
            CHECK_ERR(calls[i].request->reply.err, WEFT_EBUSY);
            CHECK_EQ(calls[i].request->reply.retry_after_ms, 100);
            refused++;
        }
        rig_end(&calls[i]);
    }
    rig_check_answer(&last, WEFT_OK, "from b");
    CHECK(refused >= MANY - 4 && refused < MANY);
    for (int i = 0; i < MANY; i++) { // what was answered is no more under way
        rig_ask(&rig, &last, 0, rig_make(1, "pay"));
        rig_check_answer(&last, WEFT_OK, "from b");
    }
    rig_fini(&rig);
}

// What was answered, and taken, is in nobody's way.
TEST(forward, more_is_read_in_the_end_than_there_is_room_for_at_a_time)
{
    enum { MANY = 20 };
    struct rig rig;
    struct rig_call call;

    rig_init(&rig, 2);
    rig.window_bytes = 8192;
    rig_start(&rig);
    for (int i = 0; i < MANY; i++) {
        struct wf_request *request = rig_make(1, "look");

        request->verb = WEFT_VERB_QUERY;
        rig_ask(&rig, &call, 0, request);
        rig_check_answer(&call, WEFT_OK, "from b");
    }
    rig_fini(&rig);
}

TEST(forward, what_is_larger_than_the_window_goes_alone)
{
    enum { MANY = 12, LARGE = 1 << 20 };
    struct rig rig;
    struct rig_call calls[MANY];
    char *data = wf_calloc(LARGE);

    rig_init(&rig, 2);
    rig.window_bytes = 64 << 10;
    rig_start(&rig);
    for (int i = 0; i < MANY; i++) {
        struct wf_request *request = rig_make(1, "pay");

        request->is_repeat = true; // or it would be refused
        request->data = wf_bytes_copy(weft_bytes_of(data, LARGE));
        rig_ask(&rig, &calls[i], 0, request);
    }
    for (int i = 0; i < MANY; i++) {
        rig_check_answer(&calls[i], WEFT_OK, "from b");
    }
    rig_fini(&rig);
    wf_free(data);
}

// Connections that break. -----------------------------------------------------

static uint16_t
port_of(const char *endpoint)
{
    return (uint16_t)atoi(strrchr(endpoint, ':') + 1);
}

// Both directions go through a proxy that resets connections all the time.
TEST(forward, over_connections_that_break_all_is_answered_once)
{
    enum { MANY = 400, DATA = 3000 };
    struct proxy proxies[2] = {0};
    struct rig rig;
    struct rig_call *calls = wf_calloc(MANY * sizeof(*calls));
    char *data = wf_calloc(DATA);
    char *want = wf_calloc(MANY * 8);
    size_t len = 0;

    rig_init(&rig, 2);
    rig_start_node(&rig, 0);
    rig_start_node(&rig, 1);
    for (uint32_t i = 0; i < 2; i++) {
        struct wf_registry_node *node = &rig.map.nodes[i];

        proxy_start(&proxies[i], port_of(node->endpoint), 150000);
        (void)snprintf(node->endpoint, sizeof(node->endpoint),
                       "tcp://127.0.0.1:%u", proxies[i].port);
    }
    rig_map(&rig);
    for (int i = 0; i < MANY; i++) {
        struct wf_request *request;
        char name[16];

        (void)snprintf(name, sizeof(name), "%d", i);
        len += (size_t)snprintf(want + len, MANY * 8 - len, "1:%d ", i);
        request = rig_make(1, name);
        request->data = wf_bytes_copy(weft_bytes_of(data, DATA));
        rig_ask(&rig, &calls[i], 0, request);
    }
    for (int i = 0; i < MANY; i++) {
        rig_check_answer(&calls[i], WEFT_OK, "from b");
    }
    CHECK_EQ(rig.nodes[1].served_count, MANY);
    CHECK_STR(rig_served(&rig, 1), want);
    CHECK(atomic_load(&proxies[1].resets) > 0);
    rig_fini(&rig);
    proxy_stop(&proxies[0]);
    proxy_stop(&proxies[1]);
    wf_free(calls);
    wf_free(data);
    wf_free(want);
}

// Moves while requests are under way: each is answered once, by an owner.
TEST(forward, moves_under_way_lose_nothing_and_double_no_answer)
{
    enum { MANY = 600 };
    struct rig rig;
    struct rig_call *calls = wf_calloc(MANY * sizeof(*calls));

    rig_init(&rig, 3);
    rig_start(&rig);
    for (int i = 0; i < MANY; i++) {
        rig_ask(&rig, &calls[i], 0,
                rig_make((uint32_t)i % RIG_PARTITIONS, "pay"));
        if (i % 20 == 19) {
            rig_move(&rig, (uint32_t)i / 20 % RIG_PARTITIONS,
                     (int32_t)(i / 20 % 3));
            if (i % 40 == 39) {
                rig_map(&rig); // the others learn of it later
            }
        }
    }
    rig_map(&rig);
    for (int i = 0; i < MANY; i++) {
        rig_wait_done(&calls[i]);
        CHECK_OK(calls[i].request->reply.err);
        rig_end(&calls[i]);
    }
    rig_fini(&rig);
    wf_free(calls);
}
