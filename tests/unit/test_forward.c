// SPDX-License-Identifier: Apache-2.0
//
// test_forward.c - requests on their way to the node that has their partition,
// over loopback: where they go, how often they are served, what comes back.

#include "cluster/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cluster/forward_codec.h"
#include "cluster/peers.h"
#include "peers_rig.h"
#include "remote/codec.h"
#include "remote_tests/proxy.h"
#include "runtime/request.h"
#include "stranger.h"
#include "support/test.h"

static void
check_answer(struct rig_call *call, weft_err err, const char *data)
{
    rig_wait_done(call);
    CHECK_ERR(call->request->reply.err, err);
    CHECK_BYTES(call->request->reply.data, weft_text(data));
    rig_end(call);
}

TEST(forward, a_request_is_answered_by_whoever_has_its_partition)
{
    struct rig rig;
    struct rig_call calls[3];

    rig_init(&rig, 3);
    rig_start(&rig);
    for (uint32_t i = 0; i < 3; i++) {
        rig_ask(&rig, &calls[i], 0, rig_make(i, "pay"));
    }
    check_answer(&calls[0], WEFT_OK, "from a");
    check_answer(&calls[1], WEFT_OK, "from b");
    check_answer(&calls[2], WEFT_OK, "from c");
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
        check_answer(&calls[i], WEFT_OK, "from b");
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
    check_answer(&other, WEFT_OK, "from c");
    CHECK_EQ(call.done, 0);
    rig_move(&rig, 1, 2);
    rig_map(&rig);
    check_answer(&call, WEFT_OK, "from c");
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
    check_answer(&waits, WEFT_ECLOSED, "");
    check_answer(&sent, WEFT_ECLOSED, "");
    rig_ask(&rig, &later, 0, rig_make(2, "later"));
    check_answer(&later, WEFT_ECLOSED, "");
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
    check_answer(&call, WEFT_OK, "from b");
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
    check_answer(&call, WEFT_OK, "from a");
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
    check_answer(&first, WEFT_OK, "from b"); // it is there: more may follow
    rig.nodes[1].is_holding = true;
    rig_ask(&rig, &first, 0, rig_make(1, "one"));
    rig_ask(&rig, &second, 0, rig_make(1, "two"));
    rig_wait_count(&rig, &rig.nodes[1].held_count, 2);
    rig_move(&rig, 1, 2);
    rig_map(&rig);
    check_answer(&first, WEFT_OK, "from c");
    check_answer(&second, WEFT_OK, "from c");
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
    check_answer(&call, WEFT_OK, "from c");
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
    check_answer(&call, WEFT_OK, "from c");
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
    check_answer(&call, WEFT_OK, "from c");
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
    check_answer(&call, WEFT_OK, "from b");
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
    check_answer(&calls[0], WEFT_OK, "from b"); // it is there: more may follow
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
    check_answer(&call, WEFT_OK, "from b");
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
    check_answer(&last, WEFT_OK, "from b");
    CHECK(refused >= MANY - 4 && refused < MANY);
    for (int i = 0; i < MANY; i++) { // what was answered is no more under way
        rig_ask(&rig, &last, 0, rig_make(1, "pay"));
        check_answer(&last, WEFT_OK, "from b");
    }
    rig_fini(&rig);
}

// Others that lie, forget or are slow. ----------------------------------------

// Node a alone; b is a stranger, who takes what a sends.
static void
start_with_stranger(struct rig *rig, struct stranger *stranger)
{
    rig_init(rig, 2);
    rig_start_node(rig, 0);
    stranger_listen(stranger);
    (void)snprintf(rig->map.nodes[1].endpoint,
                   sizeof(rig->map.nodes[1].endpoint), "%s",
                   stranger->endpoint);
    rig_map(rig);
}

// What was heard is that attempt of a request.
static uint64_t
check_request(struct stranger *stranger, uint64_t seq, uint32_t attempt,
              bool is_repeat)
{
    struct wf_peer_item item = stranger_item(stranger);
    struct wf_request *request;

    CHECK_EQ(stranger->heard.seq, seq);
    CHECK_EQ(item.type, WF_PEER_ITEM_REQUEST);
    CHECK_EQ(item.attempt, attempt);
    CHECK_OK(wf_forward_codec_request_decode(
        item.bytes, item.data, item.partition, RIG_PARTITIONS, &request));
    CHECK_EQ(request->is_repeat, is_repeat);
    wf_request_destroy(request);
    return item.call;
}

static void
end_unanswered(struct rig *rig, struct rig_call *call)
{
    rig_fini(rig);
    CHECK_ERR(call->request->reply.err, WEFT_ECLOSED);
    rig_end(call);
}

TEST(forward, what_was_lost_on_the_way_is_sent_again_as_it_was)
{
    struct stranger b;
    struct rig rig;
    struct rig_call call;

    start_with_stranger(&rig, &b);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    stranger_hear(&b, WF_PEER_MESSAGE_HELLO);
    stranger_answer(&b, 0);
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    (void)check_request(&b, 1, 1, false);
    // It says nothing: was it lost?
    stranger_hear(&b, WF_PEER_MESSAGE_HELLO);
    stranger_answer(&b, 0);
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    (void)check_request(&b, 1, 1, false); // no second attempt
    stranger_answer(&b, 1);
    end_unanswered(&rig, &call);
    stranger_close(&b);
}

TEST(forward, who_forgets_is_asked_again_with_a_repeat)
{
    struct stranger b;
    struct rig rig;
    struct rig_call call;
    uint64_t session;

    start_with_stranger(&rig, &b);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    stranger_hear(&b, WF_PEER_MESSAGE_HELLO);
    session = b.heard.session;
    stranger_answer(&b, 0);
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    stranger_answer(&b, 1);
    rig_send(&rig, 0, 1, "something"); // which is not acknowledged
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    CHECK_EQ(b.heard.seq, 2);
    stranger_hear(&b, WF_PEER_MESSAGE_HELLO);
    CHECK_EQ(b.heard.session, session);
    stranger_answer(&b, 0);
    rig_wait_line(&rig, "b link it has forgotten");
    do {
        stranger_hear(&b, WF_PEER_MESSAGE_HELLO);
    } while (b.heard.session == session);
    stranger_answer(&b, 0);
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    (void)check_request(&b, 1, 2, true);
    end_unanswered(&rig, &call);
    stranger_close(&b);
}

static void
say_answer(struct stranger *stranger, uint64_t seq, uint64_t call,
           uint32_t attempt, weft_err err)
{
    struct wf_buf message = {0};

    wf_codec_error_encode(0, err, "so it says", &message);
    stranger_say_item(stranger, seq,
                      &(struct wf_peer_item){
                          .type = WF_PEER_ITEM_ANSWER,
                          .call = call,
                          .attempt = attempt,
                          .bytes = wf_buf_bytes(&message),
                      });
    wf_buf_fini(&message);
}

// b's way to a, which it greets.
static void
open_way_back(struct rig *rig, struct stranger *of_b)
{
    stranger_open(of_b, rig->map.nodes[0].endpoint);
    of_b->hello.incarnation = 2;
    of_b->hello.node = weft_text("b");
    of_b->hello.to_node = weft_text("a");
    of_b->hello.to_incarnation = 1;
    stranger_say(of_b, &of_b->hello);
    stranger_hear(of_b, WF_PEER_MESSAGE_WELCOME);
}

// A refusal of the first attempt says nothing of the second.
TEST(forward, only_the_answer_to_the_last_attempt_counts)
{
    struct stranger b;
    struct stranger of_b; // its way to a
    struct rig rig;
    struct rig_call call;
    uint64_t id;

    start_with_stranger(&rig, &b);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    stranger_hear(&b, WF_PEER_MESSAGE_HELLO);
    stranger_answer(&b, 0);
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    id = check_request(&b, 1, 1, false);
    stranger_answer(&b, 1);

    open_way_back(&rig, &of_b);
    stranger_say_item(&of_b, 1,
                      &(struct wf_peer_item){.type = WF_PEER_ITEM_BACK,
                                             .call = id,
                                             .attempt = 1,
                                             .is_uncertain = true});
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    CHECK_EQ(check_request(&b, 2, 2, true), id);
    say_answer(&of_b, 2, id, 1, WEFT_EBUSY);
    say_answer(&of_b, 3, id + 7, 1, WEFT_EBUSY); // of none that there is
    say_answer(&of_b, 4, id, 2, WEFT_EFINISHED);
    say_answer(&of_b, 5, id, 2, WEFT_EBUSY);
    rig_wait_done(&call);
    CHECK_ERR(call.request->reply.err, WEFT_EFINISHED);
    CHECK_STR(call.request->reply.detail, "so it says");
    rig_fini(&rig);
    rig_end(&call);
    stranger_close(&of_b);
    stranger_close(&b);
}

// b may have got the partition after it sent the first one back, and then it
// does the second one before the first.
TEST(forward, what_was_sent_behind_one_that_comes_back_goes_behind_it_again)
{
    struct stranger b;
    struct stranger of_b;
    struct rig rig;
    struct rig_call calls[3];
    uint64_t ids[3];

    start_with_stranger(&rig, &b);
    for (uint64_t i = 0; i < 3; i++) {
        rig_ask(&rig, &calls[i], 0, rig_make(1, "pay"));
        if (i == 0) {
            stranger_hear(&b, WF_PEER_MESSAGE_HELLO);
            stranger_answer(&b, 0);
        }
        stranger_hear(&b, WF_PEER_MESSAGE_DATA);
        ids[i] = check_request(&b, i + 1, 1, false);
        stranger_answer(&b, i + 1);
        if (i == 0) { // it has the partition, so more may follow
            open_way_back(&rig, &of_b);
            say_answer(&of_b, 1, ids[0], 1, WEFT_EFINISHED);
            rig_wait_done(&calls[0]);
        }
    }
    stranger_say_item(&of_b, 2,
                      &(struct wf_peer_item){.type = WF_PEER_ITEM_BACK,
                                             .call = ids[1],
                                             .attempt = 1});
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    CHECK_EQ(check_request(&b, 4, 2, false), ids[1]);
    stranger_answer(&b, 4);
    say_answer(&of_b, 3, ids[1], 2, WEFT_EFINISHED);
    stranger_hear(&b, WF_PEER_MESSAGE_DATA);
    CHECK_EQ(check_request(&b, 5, 2, true), ids[2]);
    rig_fini(&rig);
    CHECK_ERR(calls[2].request->reply.err, WEFT_ECLOSED);
    for (int i = 0; i < 3; i++) {
        rig_end(&calls[i]);
    }
    stranger_close(&of_b);
    stranger_close(&b);
}

// The other way round: b is real, and a asks; to_a is b's way to it.
static void
start_with_asker(struct rig *rig, struct stranger *a, struct stranger *to_a)
{
    rig_init(rig, 2);
    rig_start_node(rig, 1);
    stranger_listen(to_a);
    to_a->incarnation = 1;
    (void)snprintf(rig->map.nodes[0].endpoint,
                   sizeof(rig->map.nodes[0].endpoint), "%s", to_a->endpoint);
    rig_map(rig);
    stranger_open(a, rig->map.nodes[1].endpoint);
    stranger_say(a, &a->hello);
    stranger_hear(a, WF_PEER_MESSAGE_WELCOME);
}

static void
say_request(struct stranger *a, uint64_t seq, uint32_t attempt,
            weft_bytes message)
{
    stranger_say_item(a, seq,
                      &(struct wf_peer_item){.type = WF_PEER_ITEM_REQUEST,
                                             .partition = 1,
                                             .call = 5,
                                             .attempt = attempt,
                                             .bytes = message});
}

// What b answers, which is of that call.
static struct wf_request *
hear_answer(struct stranger *to_a, uint32_t attempt)
{
    struct wf_request *request = wf_request_create();
    struct wf_peer_item item;

    stranger_hear(to_a, WF_PEER_MESSAGE_HELLO);
    stranger_answer(to_a, 0);
    stranger_hear(to_a, WF_PEER_MESSAGE_DATA);
    item = stranger_item(to_a);
    CHECK_EQ(item.type, WF_PEER_ITEM_ANSWER);
    CHECK_EQ(item.call, 5);
    CHECK_EQ(item.attempt, attempt);
    request->verb = WEFT_VERB_SIGNAL;
    CHECK_OK(wf_forward_codec_answer_decode(item.bytes, item.data,
                                            item.position, request));
    return request;
}

TEST(forward, what_is_no_request_is_answered_so_and_served_by_nobody)
{
    struct stranger a;
    struct stranger to_a;
    struct rig rig;
    struct wf_request *answer;

    start_with_asker(&rig, &a, &to_a);
    say_request(&a, 1, 1, weft_text("junk"));
    answer = hear_answer(&to_a, 1);
    CHECK_ERR(answer->reply.err, WEFT_EFORMAT);
    CHECK_EQ(rig.nodes[1].served_count, 0);
    wf_request_destroy(answer);
    rig_fini(&rig);
    stranger_close(&a);
    stranger_close(&to_a);
}

// The asker was not sure that it was heard.
TEST(forward, a_call_that_comes_again_while_it_is_served_is_served_once)
{
    struct wf_request *request = rig_make(1, "pay");
    struct wf_buf message = {0};
    struct stranger a;
    struct stranger to_a;
    struct rig rig;
    struct wf_request *answer;

    start_with_asker(&rig, &a, &to_a);
    rig.nodes[1].is_holding = true;
    wf_forward_codec_request_encode(request, &message);
    say_request(&a, 1, 1, wf_buf_bytes(&message));
    say_request(&a, 2, 2, wf_buf_bytes(&message));
    stranger_say_frame(&a, 3, 1, "behind it");
    rig_wait_frames(&rig, 1, 1);
    rig_release(&rig, 1, WEFT_OK);
    answer = hear_answer(&to_a, 2);
    CHECK_BYTES(answer->reply.data, weft_text("from b"));
    CHECK_EQ(rig.nodes[1].served_count, 1);
    wf_request_destroy(answer);
    wf_request_destroy(request);
    wf_buf_fini(&message);
    rig_fini(&rig);
    stranger_close(&a);
    stranger_close(&to_a);
}

// Nothing that a sends reaches b, for long; what b sends reaches a.
TEST(forward, a_node_that_is_cut_off_one_way_is_asked_when_it_is_back)
{
    struct stranger dead;
    struct rig rig;
    struct rig_call call;
    struct rig_call back;
    char endpoint[WF_ENDPOINT_CHARS_MAX + 1];

    rig_init(&rig, 2);
    rig_start_node(&rig, 0);
    rig_start_node(&rig, 1);
    wf_peers_map(rig.nodes[1].peers, &rig.map);
    stranger_listen(&dead); // and never says a word
    memcpy(endpoint, rig.map.nodes[1].endpoint, sizeof(endpoint));
    (void)snprintf(rig.map.nodes[1].endpoint, sizeof(endpoint), "%s",
                   dead.endpoint);
    wf_peers_map(rig.nodes[0].peers, &rig.map);
    rig_ask(&rig, &call, 0, rig_make(1, "pay"));
    rig_send(&rig, 1, 0, "still here");
    rig_wait_frames(&rig, 0, 1);
    rig_ask(&rig, &back, 1, rig_make(0, "back")); // whose answer is stuck
    rig_wait_count(&rig, &rig.nodes[0].served_count, 1);
    CHECK_EQ(call.done, 0);
    memcpy(rig.map.nodes[1].endpoint, endpoint, sizeof(endpoint));
    rig_map(&rig);
    check_answer(&call, WEFT_OK, "from b");
    rig_fini(&rig);
    rig_end(&back);
    stranger_close(&dead);
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
        check_answer(&calls[i], WEFT_OK, "from b");
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
        check_answer(&calls[i], WEFT_OK, "from b");
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
