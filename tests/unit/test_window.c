// SPDX-License-Identifier: Apache-2.0
//
// test_window.c - what a partition answers to request numbers that are too old,
// too many, asked twice or wrong.

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "partition_rig.h"
#include "runtime/load.h"
#include "runtime/partition.h"
#include "runtime/partition_impl.h"
#include "runtime/request.h"
#include "storage/keys.h"
#include "storage/store.h"
#include "support/test.h"

static const uint8_t client[16] = "a client";

static struct partition_rig rig;

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

static weft_err
run(weft_workflow *wf, weft_bytes input)
{
    (void)wf;
    (void)input;
    return WEFT_OK;
}

// A partition whose client has so many answers, from number 10 on; all below
// are confirmed.
static void
rig_open(uint32_t answers)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def flow = WEFT_WORKFLOW_DEF_INIT;
    struct wf_buf key = {0};
    struct wf_buf row = {0};

    CHECK_OK(weft_definitions_create(&rig.definitions));
    flow.name = "flow";
    flow.run = run;
    flow.early_signals = WEFT_EARLY_KEEP;
    CHECK_OK(weft_definitions_add_workflow(rig.definitions, &flow));
    def.name = "actor";
    def.receive = receive;
    CHECK_OK(weft_definitions_add_actor(rig.definitions, &def));
    partition_rig_create(&rig, (struct wf_partition_options){0});
    wf_keys_window(&key, 0, client);
    wf_buf_put_varint(&row, 1);    // position
    wf_buf_put_varint(&row, 10);   // confirmed
    wf_buf_put_varint(&row, 1000); // heard
    for (uint32_t i = 0; i < answers; i++) {
        wf_buf_put_varint(&row, 10 + i);
        wf_buf_put_u8(&row, 1);
        wf_buf_put_varint(&row, WEFT_EFINISHED);
        wf_buf_put_text(&row, "");
    }
    CHECK_OK(wf_partition_recover_row(rig.partition, wf_buf_bytes(&key),
                                      wf_buf_bytes(&row)));
    wf_partition_open(rig.partition, 1000);
    wf_buf_fini(&key);
    wf_buf_fini(&row);
}

// The store has nothing of what is asked for.
static void
load_nothing(void)
{
    struct wf_outputs *outputs = wf_partition_outputs(rig.partition);
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&outputs->loads)) != NULL) {
        wf_partition_load(rig.partition, 1000,
                          WF_CONTAINER(node, struct wf_load, node));
    }
}

static void
rig_close(void)
{
    (void)partition_rig_destroy(&rig);
}

static struct wf_request *
give(const char *kind, uint64_t number, uint64_t confirmed)
{
    struct wf_request *request = wf_request_create();

    request->verb = WEFT_VERB_SIGNAL;
    CHECK_OK(wf_key_make("default", kind, "a", &request->key));
    memcpy(request->client, client, sizeof(client));
    request->number = number;
    request->confirmed = confirmed;
    wf_partition_request(rig.partition, 1000, request);
    return request;
}

static struct wf_request *
post(uint64_t number, uint64_t confirmed)
{
    struct wf_request *request = give("actor", number, confirmed);

    partition_rig_commit(&rig, 1000);
    return request;
}

// The oldest that was answered.
static void
check_answer(const struct wf_request *request, weft_err err, const char *said)
{
    struct wf_list_node *node =
        wf_list_pop_front(&wf_partition_outputs(rig.partition)->replies);
    struct wf_request *answered;

    CHECK(node != NULL);
    answered = WF_CONTAINER(node, struct wf_request, wait);
    CHECK(answered == request);
    CHECK_ERR(answered->reply.err, err);
    CHECK(strstr(answered->reply.detail, said) != NULL);
    wf_request_destroy(answered);
}

// It was done, or not: nobody knows any more, and it is not done again.
TEST(window, a_number_that_was_confirmed_has_expired)
{
    rig_open(1);
    check_answer(post(9, 9), WEFT_EEXPIRED,
                 "request 9 was confirmed by its client before");
    check_answer(post(10, 9), WEFT_EFINISHED, ""); // what it was told then
    rig_close();
}

TEST(window, a_client_has_so_many_answers_that_it_did_not_confirm)
{
    const struct wf_request *request;

    rig_open(WF_CLIENT_WINDOW_MAX);
    request = post(10 + WF_CLIENT_WINDOW_MAX, 10);
    check_answer(request, WEFT_EBUSY,
                 "65536 requests of this client are not confirmed");
    // One that it has is answered all the same.
    check_answer(post(10, 10), WEFT_EFINISHED, "");
    rig_close();
}

TEST(window, a_request_that_confirms_itself_is_refused)
{
    rig_open(0);
    check_answer(post(12, 13), WEFT_EINVAL, "a request cannot confirm itself");
    rig_close();
}

// A crash would undo what both are told.
TEST(window, one_that_comes_again_is_answered_when_the_first_is_durable)
{
    struct wf_request *first;
    struct wf_request *again;

    rig_open(0);
    first = give("actor", 12, 10);
    load_nothing();
    again = give("actor", 12, 10);
    CHECK_EQ(wf_partition_outputs(rig.partition)->replies.count, 0);
    partition_rig_commit(&rig, 1000);
    check_answer(first, WEFT_OK, "");
    check_answer(again, WEFT_OK, "");
    rig_close();
}

static struct wf_request *
make_question(bool is_repeat)
{
    struct wf_request *request = wf_request_create();

    request->verb = WEFT_VERB_ASK;
    CHECK_OK(wf_key_make("default", "actor", "a", &request->key));
    memcpy(request->client, client, sizeof(client));
    request->number = 20;
    request->confirmed = 10;
    request->is_repeat = is_repeat;
    return request;
}

// Both come, and only one of them is told that it is not to be answered.
static void
check_left(struct wf_request *first, struct wf_request *second,
           struct wf_request *left)
{
    wf_partition_request(rig.partition, 1000, first);
    wf_partition_request(rig.partition, 1000, second);
    partition_rig_commit(&rig, 1000);
    load_nothing();
    partition_rig_commit(&rig, 1000);
    check_answer(left, WEFT_ETIMEDOUT,
                 "request 20 was asked again, and is answered there");
    CHECK_EQ(wf_partition_outputs(rig.partition)->replies.count, 0);
}

// Who asks again while it waits gets the answer; the older one is told so.
TEST(window, of_two_who_ask_the_same_the_newer_is_answered)
{
    for (int i = 0; i < 3; i++) { // whatever they say that can be true
        struct wf_request *older = make_question(i == 2);
        struct wf_request *newer = make_question(i >= 1);

        rig_open(0);
        check_left(older, newer, older);
        rig_close();
    }
}

// What was sent first, over a way that broke, may come after what was sent
// again over another one; nobody waits for it there.
TEST(window, one_that_comes_late_takes_nothing_from_who_asked_again)
{
    struct wf_request *late = make_question(false);

    rig_open(0);
    check_left(make_question(true), late, late);
    rig_close();
}

// But it does if nobody waits for that any more.
TEST(window, one_that_comes_late_is_answered_if_the_other_was_withdrawn)
{
    struct wf_request *again = make_question(true);

    rig_open(0);
    wf_partition_request(rig.partition, 1000, again);
    partition_rig_commit(&rig, 1000);
    load_nothing();
    partition_rig_commit(&rig, 1000);
    atomic_store(&again->is_withdrawn, true);
    wf_partition_request(rig.partition, 1000, make_question(false));
    partition_rig_commit(&rig, 1000);
    check_answer(again, WEFT_ETIMEDOUT,
                 "request 20 was asked again, and is answered there");
    CHECK_EQ(wf_partition_outputs(rig.partition)->replies.count, 0);
    rig_close();
}

// It was withdrawn on its way: what it asked is done, and it does not wait.
TEST(window, one_that_nobody_waits_for_does_not_come_to_wait)
{
    struct wf_request *left = make_question(false);

    rig_open(0);
    atomic_store(&left->is_withdrawn, true);
    wf_partition_request(rig.partition, 1000, left);
    partition_rig_commit(&rig, 1000);
    load_nothing();
    partition_rig_commit(&rig, 1000);
    check_answer(left, WEFT_ECANCELLED, "withdrawn");
    left = make_question(true);
    atomic_store(&left->is_withdrawn, true);
    wf_partition_request(rig.partition, 1000, left);
    partition_rig_commit(&rig, 1000);
    check_answer(left, WEFT_ECANCELLED, "withdrawn");
    rig_close();
}

// A renewal writes nothing, and whoever works on must not lose what it has
// because nothing new is taken.
TEST(window, a_renewal_is_not_refused_with_what_writes)
{
    struct wf_request *request;

    rig_open(0);
    wf_partition_refuse(rig.partition, WEFT_EFULL);
    request = post(10, 10);
    check_answer(request, WEFT_EFULL, "intake is stopped");
    request = wf_request_create();
    request->verb = WEFT_VERB_RENEW;
    CHECK_OK(wf_key_make("default", "actor", "a", &request->key));
    wf_partition_request(rig.partition, 1000, request);
    load_nothing();
    check_answer(request, WEFT_ENOTFOUND, "that attempt is over");
    rig_close();
}

// Bounds. ---------------------------------------------------------------------

static struct wf_actor *
actor_of(const char *kind)
{
    struct wf_actor *actor;
    struct wf_key key;

    CHECK_OK(wf_key_make("default", kind, "a", &key));
    actor = wf_residents_find(rig.partition, wf_key_bytes(&key));
    CHECK(actor != NULL);
    wf_key_fini(&key);
    return actor;
}

// It is not kept for who will not ask for it.
TEST(window, an_answer_that_is_confirmed_with_the_next_is_dropped)
{
    struct wf_window *window;

    rig_open(1);
    load_nothing();
    (void)give("actor", 20, 10);
    load_nothing();
    window = wf_window_find(rig.partition, client);
    CHECK_EQ(window->count, 2);
    (void)give("actor", 21, 21);
    CHECK_EQ(window->count, 1);
    CHECK_EQ(window->answers[0].number, 21);
    CHECK_EQ(window->confirmed, 21);
    wf_partition_tick(rig.partition, 5000);
    (void)give("actor", 22, 21);
    CHECK_EQ(window->heard_ms, 5000);
    rig_close();
}

// Whoever asks again learns whether the first began anything.
TEST(window, a_start_that_is_repeated_says_that_it_began)
{
    static const uint64_t numbers[] = {20, 20, 21};

    rig_open(0);
    for (int i = 0; i < 3; i++) {
        struct wf_request *request = wf_request_create();

        request->verb = WEFT_VERB_SIGNAL_WITH_START;
        CHECK_OK(wf_key_make("default", "actor", "a", &request->key));
        memcpy(request->client, client, sizeof(client));
        request->number = numbers[i];
        request->confirmed = 10;
        wf_partition_request(rig.partition, 1000, request);
        load_nothing();
        partition_rig_commit(&rig, 1000);
        CHECK_EQ(request->reply.is_created, i < 2);
        check_answer(request, WEFT_OK, "");
    }
    rig_close();
}

// Whoever asks for it again must still get it.
TEST(window, a_question_that_is_open_stays_whatever_is_confirmed)
{
    const struct wf_window *window;

    rig_open(3);
    wf_partition_request(rig.partition, 1000, make_question(false));
    load_nothing();
    (void)give("actor", 21, 10);
    (void)give("actor", 22, 22);
    window = wf_window_find(rig.partition, client);
    CHECK_EQ(window->count, 2);
    CHECK_EQ(window->answers[0].number, 20);
    CHECK(!window->answers[0].is_answered);
    CHECK(window->answers[0].request != NULL);
    CHECK_EQ(window->answers[1].number, 22);
    rig_close();
}

TEST(window, time_does_not_go_back)
{
    rig_open(0);
    wf_partition_tick(rig.partition, 5000);
    wf_partition_tick(rig.partition, 4999);
    CHECK_EQ(wf_partition_recovered_ms(rig.partition), 5000);
    rig_close();
}

// It was silent for a month, and comes back while that is being written: what
// it asks for now is known from now on.
TEST(window, a_client_that_was_forgotten_comes_again)
{
    const struct wf_request *request;

    rig_open(0);
    wf_partition_tick(rig.partition, 2000 + WF_CLIENT_MEMORY_MS);
    CHECK(wf_window_find(rig.partition, client)->is_forgotten);
    request = give("actor", 20, 10);
    load_nothing();
    partition_rig_commit(&rig, 1000);
    check_answer(request, WEFT_OK, "");
    check_answer(post(20, 10), WEFT_OK, "");
    CHECK_EQ(wf_mailbox_count(&actor_of("actor")->mailbox), 1);
    rig_close();
}

// One that is there, in memory and durable, with a message that waits.
static struct wf_actor *
begin_with_message(const char *kind)
{
    const struct wf_request *request;

    rig_open(0);
    request = give(kind, 20, 10);
    load_nothing();
    partition_rig_commit(&rig, 1000);
    check_answer(request, WEFT_OK, "");
    CHECK_EQ(wf_mailbox_count(&actor_of(kind)->mailbox), 1);
    return actor_of(kind);
}

TEST(window, a_mailbox_takes_so_many_messages_from_clients)
{
    struct wf_actor *actor = begin_with_message("actor");

    actor->mailbox.next_seq += WF_MAILBOX_MESSAGES_MAX - 1;
    check_answer(give("actor", 21, 10), WEFT_EBUSY,
                 "its mailbox holds 1000000 messages");
    rig_close();
}

TEST(window, so_many_signals_wait_for_a_start)
{
    struct wf_actor *actor = begin_with_message("flow");

    actor->journal.count = WF_MAILBOX_MESSAGES_MAX - 1;
    check_answer(give("flow", 21, 10), WEFT_EBUSY,
                 "its mailbox holds 1000000 messages");
    actor->journal.count = 0;
    rig_close();
}

// Both wait until their actor is in memory, and neither was done by then.
TEST(window, what_comes_twice_while_its_actor_is_read_is_done_once)
{
    const struct wf_request *requests[2];

    rig_open(0);
    requests[0] = give("actor", 20, 10);
    requests[1] = give("actor", 20, 10);
    load_nothing();
    partition_rig_commit(&rig, 1000);
    check_answer(requests[0], WEFT_OK, "");
    check_answer(requests[1], WEFT_OK, "");
    CHECK_EQ(wf_mailbox_count(&actor_of("actor")->mailbox), 1);
    rig_close();
}

// Else recovery would take ever longer.
TEST(window, nothing_is_taken_when_saving_is_four_windows_behind)
{
    enum { WINDOW_BYTES = 4096 };
    uint64_t oldest;

    (void)begin_with_message("actor");
    (void)give("actor", 21, 10);
    oldest = wf_saver_first(rig.partition)->dirty_bytes;
    rig.partition->options.window_bytes = WINDOW_BYTES;
    rig.partition->log_bytes = oldest + WF_WINDOW_HARD_FACTOR * WINDOW_BYTES;
    (void)give("actor", 22, 10);
    CHECK_EQ(wf_mailbox_count(&actor_of("actor")->mailbox), 3);
    rig.partition->log_bytes =
        oldest + WF_WINDOW_HARD_FACTOR * WINDOW_BYTES + 1;
    check_answer(give("actor", 23, 10), WEFT_EBUSY,
                 "intake is stopped for now");
    CHECK_EQ(wf_mailbox_count(&actor_of("actor")->mailbox), 3);
    rig_close();
}

// What is saved may leave memory. The window alone would not want it yet.
static void
check_saved(struct wf_actor *actor, uint64_t number, bool is_saved)
{
    (void)give("actor", number, 10);
    CHECK(wf_list_has(&actor->object.dirty));
    partition_rig_commit(&rig, 1000);
    CHECK_EQ(wf_list_has(&actor->object.dirty), !is_saved);
    CHECK(!is_saved || actor->object.unsaved_bytes == 0);
}

TEST(window, what_is_in_the_way_is_saved_before_the_window_wants_it)
{
    struct wf_actor *actor = begin_with_message("actor");

    rig.partition->options.window_bytes = 1 << 20;
    check_saved(actor, 21, false);
    (void)wf_partition_press(rig.partition, true);
    check_saved(actor, 22, true);
    (void)wf_partition_press(rig.partition, false);
    check_saved(actor, 23, false);
    rig.partition->options.residents_max = 0;
    check_saved(actor, 24, true);
    rig.partition->options.residents_max = 1000;
    check_saved(actor, 25, false);
    wf_saver_wrote(rig.partition, actor, WF_UNSAVED_BYTES);
    check_saved(actor, 26, false);
    wf_saver_wrote(rig.partition, actor, 1);
    CHECK(wf_partition_wants_commit(rig.partition, 1000));
    check_saved(actor, 27, true);
    rig_close();
}

// Rows of letters are under way while more come.
TEST(window, what_fills_a_mailbox_meanwhile_does_not_wait_for_more)
{
    struct wf_actor *actor = begin_with_message("actor");
    uint64_t number = 21;
    struct wf_buf frames = {0};
    struct wf_batch rows = {0};

    for (int i = 0; i < WF_MAILBOX_MEMORY_MAX; i++) {
        (void)give("actor", number++, 10);
    }
    CHECK(wf_partition_seal(rig.partition, 1000, false, &frames, &rows));
    for (int i = 0; i < WF_MAILBOX_MEMORY_MAX; i++) {
        (void)give("actor", number++, 10);
    }
    CHECK(wf_list_has(&actor->spill)); // of those that are under way
    wf_partition_committed(rig.partition, 1000, 100, frames.len);
    CHECK(actor->mailbox.letters.count > WF_MAILBOX_MEMORY_MAX);
    CHECK(wf_list_has(&actor->spill));
    CHECK_EQ(rig.partition->overfull.count, 1);
    wf_buf_fini(&frames);
    wf_batch_fini(&rows);
    rig_close();
}

// One that is not saved keeps the log from its commit on, however many commits
// there were before and come after.
TEST(window, the_log_is_needed_from_what_is_not_saved_on)
{
    struct wf_actor *actor = begin_with_message("actor");
    uint64_t number = 21;
    uint64_t redo;

    for (int i = 0; i < 100; i++) {
        (void)give("actor", number++, 10);
        partition_rig_commit(&rig, 1000);
        CHECK(wf_partition_redo_commit(rig.partition) >
              rig.partition->last_commit);
    }
    rig.partition->options.window_bytes = 1 << 20;
    check_saved(actor, number++, false);
    redo = rig.partition->last_commit;
    for (int i = 0; i < 100; i++) {
        check_saved(actor, number++, false);
        CHECK_EQ(wf_partition_redo_commit(rig.partition), redo);
    }
    rig_close();
}

// All that was answered goes, then the client itself.
TEST(window, one_that_is_forgotten_has_no_answers)
{
    struct wf_window *window = wf_calloc(sizeof(*window));

    wf_window_put(window, 3)->is_answered = true;
    wf_window_put(window, 7)->is_answered = true;
    wf_window_forget(window);
    CHECK_EQ(window->count, 0);
    CHECK(!window->is_forgotten);
    wf_window_forget(window);
    CHECK(window->is_forgotten);
    wf_window_destroy(window);
}
