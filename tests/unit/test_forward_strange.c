// SPDX-License-Identifier: Apache-2.0
//
// test_forward_strange.c - requests to and from nodes that lie, forget or are
// slow: what is sent again, and which answer counts.

#include <stdio.h>
#include <string.h>

#include "cluster/forward_codec.h"
#include "cluster/peers.h"
#include "peers_rig.h"
#include "remote/codec.h"
#include "runtime/request.h"
#include "stranger.h"
#include "support/test.h"

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

TEST(forward_strange, what_was_lost_on_the_way_is_sent_again_as_it_was)
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

TEST(forward_strange, who_forgets_is_asked_again_with_a_repeat)
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
TEST(forward_strange, only_the_answer_to_the_last_attempt_counts)
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
TEST(forward_strange,
     what_was_sent_behind_one_that_comes_back_goes_behind_it_again)
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

TEST(forward_strange, what_is_no_request_is_answered_so_and_served_by_nobody)
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
TEST(forward_strange, a_call_that_comes_again_while_it_is_served_is_served_once)
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
TEST(forward_strange, a_node_that_is_cut_off_one_way_is_asked_when_it_is_back)
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
    rig_check_answer(&call, WEFT_OK, "from b");
    rig_fini(&rig);
    rig_end(&back);
    stranger_close(&dead);
}
