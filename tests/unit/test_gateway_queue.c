// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_queue.c - what a server tells a queue, who gets an offer, and
// what becomes of it when nobody waits any more.
//
// Some of it the queue's actor does not show. So there is one in its place that
// writes down what it hears of each poll, and offers the one token that it was
// offered when the test says so, as often as it says.

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/key.h"
#include "runtime/node_impl.h"
#include "unit/hand_rig.h"
#include "weft/metrics.h"
#include "weft/operate.h"
#include "weft/payload.h"
#include "weft/task_queue.h"
#include "weft/workflow.h"

enum { LOOK_MS = 5, ROUNDS = 12000 };

// In place of the queue. ------------------------------------------------------

struct recorder {
    char heard[256]; // of each poll: "+" or, if it says bye, "-", and ids taken
    char token[WEFT_TOKEN_CHARS_MAX];
    uint32_t question; // that waits; 0: none
    uint32_t offered;
};

static _Atomic uint32_t offers_due; // how many are to be made in all

static void
note_poll(struct recorder *recorder, weft_bytes data)
{
    weft_payload_entries walk;
    weft_bytes entry;
    size_t len = strlen(recorder->heard);
    size_t room = sizeof(recorder->heard);
    uint64_t id;
    int is_bye = 0;

    (void)weft_payload_get_bool(data, "bye", &is_bye);
    len += (size_t)snprintf(recorder->heard + len, room - len, "%s",
                            is_bye ? "-" : "+");
    CHECK_OK(weft_payload_walk(data, "taken", &walk));
    while (weft_payload_next(&walk, NULL, &entry)) {
        CHECK_OK(weft_payload_get_uint(entry, "", &id));
        len +=
            (size_t)snprintf(recorder->heard + len, room - len, "%d", (int)id);
    }
    CHECK(len < room - 16);
}

// The question that waits; 0: the one of this turn.
static weft_err
answer(weft_actor *actor, struct recorder *recorder, uint32_t question,
       bool has_offer)
{
    weft_payload *offers = NULL;
    weft_err err;

    CHECK_OK(weft_payload_create(&offers));
    if (has_offer) {
        CHECK_OK(weft_payload_pack(
            offers, "{'offers':[{'id':u, 'token':s, 'activity':'work'}]}",
            (uint64_t)++recorder->offered, recorder->token));
    } else {
        CHECK_OK(weft_payload_pack(offers, "{'offers':[]}"));
    }
    err = question == 0 ? weft_actor_reply(actor, weft_payload_bytes(offers))
                        : weft_actor_reply_to(actor, question,
                                              weft_payload_bytes(offers));
    weft_payload_destroy(offers);
    return err == WEFT_ENOTFOUND ? WEFT_OK : err; // its asker is gone
}

static weft_err
end_wait(weft_actor *actor, struct recorder *recorder, bool has_offer)
{
    uint32_t question = recorder->question;

    recorder->question = 0;
    return question == 0 ? WEFT_OK
                         : answer(actor, recorder, question, has_offer);
}

static weft_err
take_poll(weft_actor *actor, struct recorder *recorder, weft_bytes data)
{
    int is_bye = 0;
    weft_err err = end_wait(actor, recorder, false);

    note_poll(recorder, data);
    (void)weft_payload_get_bool(data, "bye", &is_bye);
    if (err == WEFT_OK) {
        err = is_bye ? answer(actor, recorder, 0, false)
                     : weft_actor_reply_later(actor, &recorder->question);
    }
    return err;
}

static weft_err
record(weft_actor *actor, const weft_message *message, void *state)
{
    struct recorder *recorder = state;
    weft_bytes token;
    weft_err err = WEFT_OK;

    if (message->type == WEFT_MESSAGE_TIMER) {
        bool is_due = recorder->offered < atomic_load(&offers_due) &&
                      recorder->token[0] != '\0';

        err = is_due ? end_wait(actor, recorder, true) : WEFT_OK;
    } else if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    } else if (strcmp(message->name, "poll") == 0) {
        err = take_poll(actor, recorder, message->data);
    } else if (strcmp(message->name, "offer") == 0) {
        CHECK_OK(weft_payload_get_bytes(message->data, "token", &token));
        memcpy(recorder->token, token.data, token.len);
        recorder->token[token.len] = '\0';
    }
    return err == WEFT_OK ? weft_actor_timer_set(actor, "look", LOOK_MS) : err;
}

static weft_err
tell_heard(weft_query *query, const char *name, weft_bytes args,
           const void *state, size_t state_len)
{
    const struct recorder *recorder = state;

    (void)name;
    (void)args;
    (void)state_len;
    return weft_query_return(query, weft_text(recorder->heard));
}

// The node. -------------------------------------------------------------------

static sem_t may_go_on;
static atomic_bool is_stuck;
static _Atomic uint64_t free_bytes;

// Holds its shard up until it is told to go on.
static weft_err
be_stuck(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)state;
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        atomic_store(&is_stuck, true);
        (void)sem_wait(&may_go_on);
    }
    return WEFT_OK;
}

static weft_err
run_one(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_bytes result;

    options.task_queue = "q";
    return weft_workflow_call(wf, "work", input, &options, &result);
}

static uint64_t
tell_free_bytes(void *ctx)
{
    (void)ctx;
    return atomic_load(&free_bytes);
}

static void
add_actor(weft_definitions *definitions, const char *name,
          weft_actor_fn *receive, uint32_t state_bytes)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = name;
    def.receive = receive;
    def.state_bytes = state_bytes;
    def.creation = WEFT_CREATION_ALWAYS;
    def.query = state_bytes > 0 ? tell_heard : NULL;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
}

static struct gateway_rig
begin(struct test *t, bool is_recorded)
{
    struct gateway_rig rig = gateway_rig_begin(t);
    struct wf_node_seams seams = {.free_bytes = tell_free_bytes};
    weft_definitions *definitions = rig.node.definitions;
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    atomic_store(&offers_due, 0);
    atomic_store(&is_stuck, false);
    atomic_store(&free_bytes, UINT64_MAX);
    CHECK_EQ(sem_init(&may_go_on, 0, 0), 0);
    def.name = "one";
    def.run = run_one;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
    add_actor(definitions, "stuck", be_stuck, 0);
    if (is_recorded) {
        add_actor(definitions, WEFT_TASK_QUEUE_KIND, record,
                  sizeof(struct recorder));
    } else {
        CHECK_OK(weft_definitions_add_task_queues(definitions));
    }
    CHECK_OK(wf_node_open_with(&rig.node.options, &seams, &rig.node.node));
    CHECK_OK(weft_client_open(rig.node.node, NULL, &rig.node.client));
    rig.endpoints[0] = "tcp://127.0.0.1:*";
    rig.options.endpoints = rig.endpoints;
    rig.options.endpoints_count = 1;
    CHECK_OK(weft_server_open(rig.node.node, &rig.options, &rig.server));
    return rig;
}

static void
end(struct gateway_rig *rig)
{
    gateway_rig_close(rig);
    gateway_rig_end(rig);
    (void)sem_destroy(&may_go_on);
}

static void
start(struct gateway_rig *rig, const char *id)
{
    CHECK_OK(weft_client_start(rig->node.client, (weft_target){"one", id},
                               weft_text("x")));
}

static void
read_heard(struct gateway_rig *rig, char heard[256])
{
    weft_reply *reply = NULL;

    CHECK_OK(weft_client_query(rig->node.client,
                               (weft_target){WEFT_TASK_QUEUE_KIND, "q"},
                               "heard", weft_nothing(), &reply));
    CHECK(reply->data.len < 256);
    if (reply->data.len > 0) {
        memcpy(heard, reply->data.data, reply->data.len);
    }
    heard[reply->data.len] = '\0';
    weft_reply_free(reply);
}

// Wait until the stand-in has heard just that.
static void
await_heard(struct gateway_rig *rig, const char *expected)
{
    char heard[256] = "";

    for (int i = 0; i < ROUNDS && strcmp(heard, expected) != 0; i++) {
        gateway_rig_pause();
        read_heard(rig, heard);
    }
    CHECK_STR(heard, expected);
}

// Until it has heard that the offer was taken, with whatever poll.
static void
await_taken(struct gateway_rig *rig, char offer)
{
    char heard[256] = "";

    for (int i = 0; i < ROUNDS && strchr(heard, offer) == NULL; i++) {
        gateway_rig_pause();
        read_heard(rig, heard);
    }
    CHECK(strchr(heard, offer) != NULL);
}

// How many requests of this verb the node has refused, for its disk is full.
static double
count_refusals(struct gateway_rig *rig, const char *verb)
{
    weft_metrics *metrics = NULL;
    const char *text = NULL;
    const char *found;
    double count = 0;
    char line[80];

    (void)snprintf(line, sizeof(line),
                   "weft_requests_total{verb=\"%s\",error=\"WEFT_EFULL\"} ",
                   verb);
    CHECK_OK(weft_node_metrics(rig->node.node, &metrics));
    CHECK_OK(weft_metrics_text(metrics, &text, NULL));
    found = strstr(text, line);
    if (found != NULL) {
        count = strtod(found + strlen(line), NULL);
    }
    weft_metrics_free(metrics);
    return count;
}

// Wait until it has refused so many.
static void
await_refusals(struct gateway_rig *rig, const char *verb, double count)
{
    bool is_enough = false;

    for (int i = 0; i < ROUNDS && !is_enough; i++) {
        gateway_rig_pause();
        (void)weft_client_signal(rig->node.client,
                                 (weft_target){WEFT_TASK_QUEUE_KIND, "other"},
                                 "nothing", weft_nothing());
        is_enough = count_refusals(rig, verb) >= count;
    }
    CHECK(is_enough);
}

// Tests. ----------------------------------------------------------------------

// What the node did not lease for now is nobody's: it must be given back, not
// be told of as taken, which would lose it for a long time.
TEST(gateway_queue, what_was_refused_is_given_back_and_not_taken)
{
    struct gateway_rig rig = begin(t, true);
    struct hand hand;
    char heard[256];

    start(&rig, "a");
    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 1, 60000);
    await_heard(&rig, "+");
    atomic_store(&free_bytes, 0);
    await_refusals(&rig, "signal", 1);
    atomic_store(&offers_due, 1);
    await_refusals(&rig, "lease", 1);
    atomic_store(&free_bytes, UINT64_MAX);
    await_heard(&rig, "+-+");
    atomic_store(&offers_due, 2);
    hand_hear_tasks(&hand, 1);
    hand_poll_for(&hand, 1, 60000);
    await_taken(&rig, '2');
    read_heard(&rig, heard);
    CHECK(strchr(heard, '1') == NULL);
    hand_dismiss(&hand);
    end(&rig);
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// A node that refuses has enough to do: it is asked twice a second, and not all
// the time.
TEST(gateway_queue, a_node_that_refuses_is_asked_again_a_while_later)
{
    struct gateway_rig rig = begin(t, true);
    struct hand hand;
    uint64_t began_ms;

    start(&rig, "a"); // so that there is a queue to look at
    atomic_store(&free_bytes, 0);
    await_refusals(&rig, "signal", 1);
    hand_hire(&hand, &rig, 1);
    began_ms = now_ms();
    hand_poll_for(&hand, 1, 60000);
    await_refusals(&rig, "ask", 3);
    CHECK(now_ms() - began_ms >= 900);
    atomic_store(&free_bytes, UINT64_MAX);
    await_heard(&rig, "+");
    hand_dismiss(&hand);
    end(&rig);
}

// Else it is offered again and again.
TEST(gateway_queue, of_what_is_over_it_is_told_that_it_was_taken)
{
    struct gateway_rig rig = begin(t, true);
    struct hand hand;

    start(&rig, "a");
    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 1, 60000);
    atomic_store(&offers_due, 1);
    hand_hear_tasks(&hand, 1);
    hand_complete(&hand);
    hand_poll_for(&hand, 1, 60000);
    await_taken(&rig, '1');
    atomic_store(&offers_due, 2);
    await_taken(&rig, '2');
    hand_dismiss(&hand);
    end(&rig);
}

TEST(gateway_queue, the_poll_that_waits_longest_is_served_first)
{
    struct gateway_rig rig = begin(t, false);
    struct hand first;
    struct hand second;

    hand_hire(&first, &rig, 1);
    hand_hire(&second, &rig, 2);
    first.lease_ms = 600000; // nobody gets what the other one lost
    second.lease_ms = 600000;
    hand_poll_for(&first, 1, 60000);
    GATEWAY_UNTIL(&rig, now.requests_open == 1);
    hand_poll_for(&second, 1, 60000);
    GATEWAY_UNTIL(&rig, now.requests_open == 2);
    start(&rig, "a");
    hand_hear_tasks(&first, 1);
    start(&rig, "b");
    hand_hear_tasks(&second, 1);
    hand_dismiss(&first);
    hand_dismiss(&second);
    end(&rig);
}

// An id whose instances live on that shard.
static void
find_id(const struct gateway_rig *rig, uint32_t shard, char id[16])
{
    bool is_found = false;

    for (int i = 0; !is_found; i++) {
        struct wf_key key;

        (void)snprintf(id, 16, "%d", i);
        CHECK_OK(wf_key_make("default", "one", id, &key));
        is_found = wf_node_shard_of(rig->node.node,
                                    wf_key_partition(&key, 8)) == shard;
        wf_key_fini(&key);
    }
}

// One beside the queue, and one on the other shard.
static void
find_ids(const struct gateway_rig *rig, char quick[16], char late[16])
{
    struct wf_key key;
    uint32_t shard;

    CHECK_OK(wf_key_make("default", WEFT_TASK_QUEUE_KIND, "q", &key));
    shard = wf_node_shard_of(rig->node.node, wf_key_partition(&key, 8));
    wf_key_fini(&key);
    find_id(rig, shard, quick);
    find_id(rig, 1 - shard, late);
}

static void
await_lease(struct gateway_rig *rig, const char *id)
{
    bool is_leased = false;

    for (int i = 0; i < ROUNDS && !is_leased; i++) {
        weft_reply *reply = NULL;

        gateway_rig_pause();
        CHECK_OK(weft_operate_activities(rig->node.client,
                                         (weft_target){"one", id}, 0, &reply));
        is_leased = reply->activities_count == 1 &&
                    reply->activities[0].worker[0] != '\0';
        weft_reply_free(reply);
    }
    CHECK(is_leased);
}

// Offers that wait at the queue.
static void
await_depth(struct gateway_rig *rig, uint64_t expected)
{
    uint64_t depth = UINT64_MAX;

    for (int i = 0; i < ROUNDS && depth != expected; i++) {
        weft_reply *reply = NULL;

        gateway_rig_pause();
        CHECK_OK(weft_client_query(rig->node.client,
                                   (weft_target){WEFT_TASK_QUEUE_KIND, "q"},
                                   "depth", weft_nothing(), &reply));
        CHECK_OK(weft_payload_get_uint(reply->data, "", &depth));
        weft_reply_free(reply);
    }
    CHECK_EQ(depth, expected);
}

static void
ignore(void *ctx, const weft_reply *reply)
{
    (void)ctx;
    (void)reply;
}

// The shard of that id does nothing until may_go_on.
static void
hold_up(struct gateway_rig *rig, const char *id)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"stuck", id};
    request.name = "stop";
    CHECK_OK(
        weft_client_submit(rig->node.client, &request, ignore, NULL, NULL));
    for (int i = 0; i < ROUNDS && !atomic_load(&is_stuck); i++) {
        gateway_rig_pause();
    }
    CHECK(atomic_load(&is_stuck));
}

// Two tasks for one poll, of which the second's shard is held up, when its
// connection ends: one was leased before, one will be after. Neither is kept
// for as long as a lease may last, of which this test would see no end.
TEST(gateway_queue, what_was_leased_for_a_poll_that_is_gone_goes_back)
{
    struct gateway_rig rig = begin(t, false);
    struct hand gone;
    struct hand other;
    char quick[16];
    char late[16];

    find_ids(&rig, quick, late);
    start(&rig, quick);
    start(&rig, late);
    await_depth(&rig, 2);
    hold_up(&rig, late);
    hand_hire(&gone, &rig, 1);
    gone.lease_ms = 600000;
    hand_poll_for(&gone, 2, 60000);
    await_lease(&rig, quick);
    hand_dismiss(&gone);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    CHECK_EQ(sem_post(&may_go_on), 0);
    hand_hire(&other, &rig, 2);
    for (int i = 0; i < 2; i++) {
        hand_poll_for(&other, 1, 60000);
        hand_hear_tasks(&other, 1);
        CHECK_EQ(other.attempt, 1);
    }
    hand_dismiss(&other);
    end(&rig);
}

// Who holds up one task does not hold up the queue: others are asked for, after
// a second.
TEST(gateway_queue, a_lease_that_does_not_come_holds_up_one_poll_and_no_other)
{
    struct gateway_rig rig = begin(t, false);
    struct hand first;
    struct hand second;
    char quick[16];
    char late[16];

    find_ids(&rig, quick, late);
    start(&rig, late);
    await_depth(&rig, 1);
    hold_up(&rig, late);
    hand_hire(&first, &rig, 1);
    hand_poll_for(&first, 1, 60000);
    await_depth(&rig, 0);
    start(&rig, quick);
    hand_hire(&second, &rig, 2);
    hand_poll_for(&second, 1, 60000);
    hand_hear_tasks(&second, 1);
    CHECK(!hand_hear(&first));
    CHECK_EQ(sem_post(&may_go_on), 0);
    hand_hear_tasks(&first, 1);
    hand_dismiss(&first);
    hand_dismiss(&second);
    end(&rig);
}

// It goes back to the queue before the server is gone.
TEST(gateway_queue, who_drains_waits_for_what_it_asked_of_the_node)
{
    struct gateway_rig rig = begin(t, false);
    struct hand hand;
    char quick[16];
    char late[16];

    find_ids(&rig, quick, late);
    start(&rig, late);
    await_depth(&rig, 1);
    hold_up(&rig, late);
    hand_hire(&hand, &rig, 1);
    hand_poll_for(&hand, 1, 60000);
    await_depth(&rig, 0);
    CHECK_ERR(weft_server_drain(rig.server, 500), WEFT_ETIMEDOUT);
    CHECK_EQ(sem_post(&may_go_on), 0);
    CHECK_OK(weft_server_drain(rig.server, 60000));
    await_depth(&rig, 1);
    hand_dismiss(&hand);
    end(&rig);
}
