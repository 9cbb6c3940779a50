// SPDX-License-Identifier: Apache-2.0

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/list.h"
#include "runtime/node.h"
#include "runtime/request.h"
#include "support/test.h"
#include "weft/client.h"

// A fake node. ---------------------------------------------------------------
//
// A thread answers what was posted:
//
//     list            10 instances for each of 4 partitions
//     name "hold"     not answered until release
//     result          the same
//     name "busy"     WEFT_EBUSY with a detail
//     else            WEFT_OK with the request's own data
//
// While it is paused requests gather; afterwards the newest is answered first.

enum { PARTITIONS = 4, INSTANCES = 10 };

struct weft_node {
    const weft_definitions *definitions;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct wf_list posted;
    struct wf_list held;
    size_t count; // posted and not answered
    bool is_paused;
    bool is_closing;
    uint64_t number; // of the last request posted
    uint64_t confirmed;
    uint64_t random;
};

void
wf_node_post_request(struct weft_node *node, struct wf_request *request)
{
    pthread_mutex_lock(&node->lock);
    node->number = request->number;
    node->confirmed = request->confirmed;
    node->count++;
    wf_list_push_back(&node->posted, &request->wait);
    pthread_cond_signal(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

uint32_t
wf_node_partition_count(const struct weft_node *node)
{
    (void)node;
    return PARTITIONS;
}

const weft_definitions *
wf_node_definitions(const struct weft_node *node)
{
    return node->definitions;
}

struct wf_clock
wf_node_clock(const struct weft_node *node)
{
    (void)node;
    return wf_clock_system();
}

uint64_t
wf_node_random(struct weft_node *node)
{
    return ++node->random;
}

// A page of this partition: ids "0" to "9", after the one in list_after.
static void
answer_list(struct wf_request *request)
{
    int from = 0;
    char id[16];

    if (request->list_after.len > 0) {
        from = *(const char *)request->list_after.data - '0' + 1;
    }
    for (int i = from; i < INSTANCES; i++) {
        weft_description item = {.kind = "order", .id = id};

        if (request->reply.items_count == request->list_limit) {
            id[0] = (char)('0' + i - 1);
            request->list_next = wf_bytes_copy(weft_bytes_of(id, 1));
            break;
        }
        snprintf(id, sizeof(id), "%u-%d", request->partition, i);
        wf_request_answer_item(request, &item);
    }
    wf_request_answer(request, WEFT_OK, NULL);
}

static void
finish(struct weft_node *node, struct wf_request *request, weft_err err)
{
    if (err != WEFT_OK) {
        wf_request_answer(request, err, "the node says no");
    } else if (request->verb == WEFT_VERB_LIST) {
        answer_list(request);
    } else {
        wf_request_answer(request, WEFT_OK, NULL);
        wf_request_answer_data(request, request->data);
    }
    pthread_mutex_lock(&node->lock);
    node->count--;
    pthread_mutex_unlock(&node->lock);
    request->done(request);
}

static bool
is_held(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_RESULT ||
           strcmp(request->name, "hold") == 0;
}

static void *
run_node(void *arg)
{
    struct weft_node *node = arg;

    pthread_mutex_lock(&node->lock);
    for (;;) {
        struct wf_list_node *last = node->posted.head.prev;
        struct wf_request *request;

        if (node->posted.count == 0 || node->is_paused) {
            if (node->is_closing && node->posted.count == 0) {
                break;
            }
            pthread_cond_wait(&node->changed, &node->lock);
            continue;
        }
        wf_list_remove(&node->posted, last);
        request = WF_CONTAINER(last, struct wf_request, wait);
        if (is_held(request)) {
            wf_list_push_back(&node->held, &request->wait);
            continue;
        }
        pthread_mutex_unlock(&node->lock);
        finish(node, request,
               strcmp(request->name, "busy") == 0 ? WEFT_EBUSY : WEFT_OK);
        pthread_mutex_lock(&node->lock);
    }
    pthread_mutex_unlock(&node->lock);
    return NULL;
}

// Answer everything that is held.
static void
release(struct weft_node *node, weft_err err)
{
    for (;;) {
        struct wf_list_node *first;

        pthread_mutex_lock(&node->lock);
        first = wf_list_pop_front(&node->held);
        pthread_mutex_unlock(&node->lock);
        if (first == NULL) {
            return;
        }
        finish(node, WF_CONTAINER(first, struct wf_request, wait), err);
    }
}

static void
set_paused(struct weft_node *node, bool is_paused)
{
    pthread_mutex_lock(&node->lock);
    node->is_paused = is_paused;
    pthread_cond_signal(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

// Wait until it holds so many.
static void
wait_held(struct weft_node *node, size_t count)
{
    size_t held;

    do {
        sched_yield();
        pthread_mutex_lock(&node->lock);
        held = node->held.count;
        pthread_mutex_unlock(&node->lock);
    } while (held < count);
}

// The rig. --------------------------------------------------------------------

static struct {
    weft_definitions *definitions;
    struct weft_node node;
    weft_client *client;
    int order[64]; // ctx of callbacks, as they came
    size_t order_count;
    weft_err err; // of the last callback
    uint64_t number;
} rig;

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

static void
open_rig(void)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    memset(&rig, 0, sizeof(rig));
    def.name = "order";
    def.receive = receive;
    CHECK_OK(weft_definitions_create(&rig.definitions));
    CHECK_OK(weft_definitions_add_actor(rig.definitions, &def));
    rig.node.definitions = rig.definitions;
    pthread_mutex_init(&rig.node.lock, NULL);
    pthread_cond_init(&rig.node.changed, NULL);
    wf_list_init(&rig.node.posted);
    wf_list_init(&rig.node.held);
    CHECK_EQ(pthread_create(&rig.node.thread, NULL, run_node, &rig.node), 0);
    CHECK_OK(weft_client_open(&rig.node, NULL, &rig.client));
}

static void
close_node(void)
{
    pthread_mutex_lock(&rig.node.lock);
    rig.node.is_closing = true;
    rig.node.is_paused = false;
    pthread_cond_signal(&rig.node.changed);
    pthread_mutex_unlock(&rig.node.lock);
    pthread_join(rig.node.thread, NULL);
    release(&rig.node, WEFT_ECLOSED);
    pthread_mutex_destroy(&rig.node.lock);
    pthread_cond_destroy(&rig.node.changed);
    weft_definitions_destroy(rig.definitions);
}

static void
close_rig(void)
{
    weft_client_close(rig.client);
    close_node();
}

static const weft_target order = {"order", "17"};

static weft_request
make_signal(const char *name)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = order;
    request.name = name;
    return request;
}

static void
note(void *ctx, const weft_reply *reply)
{
    rig.order[rig.order_count++ % 64] = ctx == NULL ? 0 : *(int *)ctx;
    rig.err = reply->err;
    rig.number = reply->number;
}

static void
dispatch_until(size_t count)
{
    while (rig.order_count < count) {
        struct pollfd fd = {.fd = weft_client_fd(rig.client), .events = POLLIN};

        CHECK_EQ(poll(&fd, 1, 10000), 1);
        weft_client_dispatch(rig.client, 100);
    }
}

// Blocking calls. -------------------------------------------------------------

TEST(client, a_blocking_call_brings_its_answer)
{
    weft_reply *reply;

    open_rig();
    CHECK_OK(
        weft_client_query(rig.client, order, "total", weft_text("42"), &reply));
    CHECK_BYTES(reply->data, weft_text("42"));
    CHECK_STR(reply->detail, "");
    CHECK_STR(reply->failure.name, "");
    CHECK_EQ(reply->number, 1);
    weft_reply_free(reply);
    CHECK_OK(weft_client_start(rig.client, order, weft_nothing()));
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_text("x")));
    CHECK_OK(weft_client_cancel(rig.client, order));
    CHECK_OK(weft_client_terminate(rig.client, order, NULL));
    CHECK_OK(weft_client_describe(rig.client, order, NULL));
    close_rig();
}

TEST(client, an_error_brings_its_detail_and_no_reply)
{
    weft_request request = make_signal("busy");
    weft_reply *reply;

    open_rig();
    CHECK_ERR(weft_client_signal(rig.client, order, "busy", weft_nothing()),
              WEFT_EBUSY);
    CHECK_STR(weft_err_detail(), "the node says no");
    CHECK_ERR(
        weft_client_query(rig.client, order, "busy", weft_nothing(), &reply),
        WEFT_EBUSY);
    CHECK(reply == NULL);
    CHECK_ERR(weft_client_call(rig.client, &request, 0, &reply), WEFT_EBUSY);
    CHECK_ERR(reply->err, WEFT_EBUSY);
    weft_reply_free(reply);
    close_rig();
}

TEST(client, a_late_answer_is_dropped)
{
    weft_request request = make_signal("hold");
    weft_reply *reply;

    open_rig();
    CHECK_ERR(weft_client_call(rig.client, &request, 10, &reply),
              WEFT_ETIMEDOUT);
    CHECK(reply == NULL);
    CHECK_STR(weft_err_detail(), "no answer to request 1 within 10 ms");
    release(&rig.node, WEFT_OK);
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    close_rig();
}

// A waiter and an answer that meet at the timeout, again and again.
TEST(client, an_answer_and_a_timeout_may_meet)
{
    weft_request request = make_signal("hold");

    open_rig();
    for (int i = 0; i < 300; i++) {
        weft_reply *reply;
        weft_err err = weft_client_call(rig.client, &request, 1, &reply);

        CHECK(err == WEFT_OK || err == WEFT_ETIMEDOUT);
        weft_reply_free(reply);
        request.name = i % 2 == 0 ? "pay" : "hold";
        set_paused(&rig.node, i % 2 == 0);
        set_paused(&rig.node, false);
    }
    close_rig();
}

enum { CALLERS = 16, CALLS = 500 };

static void *
call_many(void *arg)
{
    int *failures = arg;

    for (int i = 0; i < CALLS; i++) {
        char text[16];
        weft_reply *reply;

        snprintf(text, sizeof(text), "%d", i);
        if (weft_client_query(rig.client, order, "total", weft_text(text),
                              &reply) != WEFT_OK ||
            reply->data.len != strlen(text) ||
            memcmp(reply->data.data, text, reply->data.len) != 0) {
            (*failures)++;
        }
        weft_reply_free(reply);
    }
    return NULL;
}

TEST(client, many_threads_each_get_their_own_answer)
{
    pthread_t threads[CALLERS];
    int failures[CALLERS] = {0};

    open_rig();
    for (size_t i = 0; i < CALLERS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, call_many, &failures[i]), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ(failures[i], 0);
    }
    close_rig();
}

// Submitted calls. ------------------------------------------------------------

TEST(client, answers_come_to_callbacks_in_any_order)
{
    static int ids[] = {1, 2, 3};
    weft_request request = make_signal("pay");
    uint64_t number = 0;

    open_rig();
    set_paused(&rig.node, true);
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(
            weft_client_submit(rig.client, &request, note, &ids[i], &number));
        CHECK_EQ(number, i + 1);
    }
    CHECK_EQ(weft_client_dispatch(rig.client, 100), 0);
    set_paused(&rig.node, false);
    dispatch_until(3);
    CHECK_EQ(rig.order[0], 3);
    CHECK_EQ(rig.order[1], 2);
    CHECK_EQ(rig.order[2], 1);
    CHECK_EQ(rig.number, 1);
    close_rig();
}

TEST(client, the_descriptor_stays_readable_until_all_is_dispatched)
{
    weft_request request = make_signal("hold");
    struct pollfd fd = {.events = POLLIN};

    open_rig();
    fd.fd = weft_client_fd(rig.client);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(weft_client_submit(rig.client, &request, note, NULL, NULL));
    }
    wait_held(&rig.node, 10);
    CHECK_EQ(poll(&fd, 1, 0), 0);
    release(&rig.node, WEFT_OK);
    for (size_t i = 1; i <= 10; i++) {
        CHECK_EQ(poll(&fd, 1, 0), 1);
        CHECK_EQ(weft_client_dispatch(rig.client, 1), 1);
        CHECK_EQ(rig.order_count, i);
    }
    CHECK_EQ(poll(&fd, 1, 0), 0);
    CHECK_EQ(weft_client_dispatch(rig.client, 1), 0);
    close_rig();
}

static void
submit_next(void *ctx, const weft_reply *reply)
{
    weft_request request = make_signal("pay");
    int *left = ctx;

    CHECK_OK(reply->err);
    rig.order_count++;
    if (--*left > 0) {
        CHECK_OK(
            weft_client_submit(rig.client, &request, submit_next, ctx, NULL));
    }
}

TEST(client, a_callback_may_submit)
{
    weft_request request = make_signal("pay");
    int left = 2000;

    open_rig();
    CHECK_OK(
        weft_client_submit(rig.client, &request, submit_next, &left, NULL));
    dispatch_until(2000);
    CHECK_EQ(left, 0);
    close_rig();
}

TEST(client, more_than_100000_under_way_are_refused)
{
    weft_request request = make_signal("pay");

    open_rig();
    set_paused(&rig.node, true);
    for (int i = 0; i < WF_CLIENT_REQUESTS_MAX; i++) {
        CHECK_OK(weft_client_submit(rig.client, &request, note, NULL, NULL));
    }
    CHECK_ERR(weft_client_submit(rig.client, &request, note, NULL, NULL),
              WEFT_EBUSY);
    set_paused(&rig.node, false);
    dispatch_until(WF_CLIENT_REQUESTS_MAX);
    CHECK_OK(weft_client_submit(rig.client, &request, note, NULL, NULL));
    close_rig();
}

// Numbers. --------------------------------------------------------------------

TEST(client, confirmed_follows_what_was_answered)
{
    weft_request request = make_signal("hold");

    open_rig();
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_EQ(rig.node.confirmed, 1);
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_EQ(rig.node.confirmed, 2);
    CHECK_OK(weft_client_submit(rig.client, &request, note, NULL, NULL)); // 3
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_EQ(rig.node.number, 5);
    CHECK_EQ(rig.node.confirmed, 3);
    wait_held(&rig.node, 1);
    release(&rig.node, WEFT_OK);
    dispatch_until(1);
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_EQ(rig.node.confirmed, 6);
    close_rig();
}

TEST(client, a_read_that_waits_keeps_nothing_unconfirmed)
{
    weft_request request = WEFT_REQUEST_INIT;

    open_rig();
    request.verb = WEFT_VERB_RESULT;
    request.target = order;
    CHECK_OK(weft_client_submit(rig.client, &request, note, NULL, NULL));
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_EQ(rig.node.number, 2);
    CHECK_EQ(rig.node.confirmed, 2);
    close_rig();
}

TEST(client, a_timed_out_number_can_be_repeated)
{
    weft_request request = make_signal("hold");
    weft_reply *reply;

    open_rig();
    CHECK_ERR(weft_client_call(rig.client, &request, 5, &reply),
              WEFT_ETIMEDOUT);
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_EQ(rig.node.confirmed, 1);
    release(&rig.node, WEFT_OK);
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_EQ(rig.node.confirmed, 1);
    request.name = "pay";
    request.number = 1;
    CHECK_OK(weft_client_call(rig.client, &request, 0, &reply));
    CHECK_EQ(reply->number, 1);
    CHECK_EQ(rig.node.confirmed, 1);
    weft_reply_free(reply);
    CHECK_OK(weft_client_signal(rig.client, order, "pay", weft_nothing()));
    CHECK_EQ(rig.node.number, 4);
    CHECK_EQ(rig.node.confirmed, 4);
    close_rig();
}

TEST(client, an_id_that_is_kept_does_not_begin_at_1_again)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;
    weft_client *client;

    open_rig();
    options.client_id[3] = 7;
    CHECK_OK(weft_client_open(&rig.node, &options, &client));
    CHECK_OK(weft_client_signal(client, order, "pay", weft_nothing()));
    CHECK(rig.node.number > 1ULL << 50);
    weft_client_close(client);
    close_rig();
}

// Lists. ----------------------------------------------------------------------

TEST(client, a_list_is_put_together_from_all_partitions)
{
    weft_reply *reply;

    open_rig();
    CHECK_OK(
        weft_client_list(rig.client, NULL, WEFT_STATUS_NONE, NULL, &reply));
    CHECK_EQ(reply->items_count, PARTITIONS * INSTANCES);
    CHECK_STR(reply->items[0].id, "0-0");
    CHECK_STR(reply->items[PARTITIONS * INSTANCES - 1].id, "3-9");
    CHECK(reply->cursor == NULL);
    weft_reply_free(reply);
    close_rig();
}

// Every page size gives every instance once, in order.
TEST(client, pages_meet_without_gap_or_overlap)
{
    open_rig();
    for (uint32_t limit = 1; limit <= 41; limit++) {
        weft_request request = WEFT_REQUEST_INIT;
        char cursor[200];
        size_t seen = 0;

        request.verb = WEFT_VERB_LIST;
        request.limit = limit;
        do {
            weft_reply *reply;

            CHECK_OK(weft_client_call(rig.client, &request, 0, &reply));
            CHECK(reply->items_count <= limit);
            for (size_t i = 0; i < reply->items_count; i++, seen++) {
                char id[32];

                snprintf(id, sizeof(id), "%zu-%zu", seen / INSTANCES,
                         seen % INSTANCES);
                CHECK_STR(reply->items[i].id, id);
            }
            request.cursor = NULL;
            if (reply->cursor != NULL) {
                snprintf(cursor, sizeof(cursor), "%s", reply->cursor);
                request.cursor = cursor;
            }
            weft_reply_free(reply);
        } while (request.cursor != NULL);
        CHECK_EQ(seen, PARTITIONS * INSTANCES);
    }
    close_rig();
}

static void
count_items(void *ctx, const weft_reply *reply)
{
    CHECK_OK(reply->err);
    *(size_t *)ctx = reply->items_count;
    rig.order_count++;
}

TEST(client, a_list_can_be_submitted)
{
    weft_request request = WEFT_REQUEST_INIT;
    size_t count = 0;

    open_rig();
    request.verb = WEFT_VERB_LIST;
    CHECK_OK(
        weft_client_submit(rig.client, &request, count_items, &count, NULL));
    dispatch_until(1);
    CHECK_EQ(count, PARTITIONS * INSTANCES);
    close_rig();
}

TEST(client, a_foreign_cursor_is_refused)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply;

    open_rig();
    request.verb = WEFT_VERB_LIST;
    request.cursor = "AQAAAAAA";
    CHECK_ERR(weft_client_call(rig.client, &request, 0, &reply), WEFT_EINVAL);
    request.cursor = "";
    CHECK_ERR(weft_client_call(rig.client, &request, 0, &reply), WEFT_EINVAL);
    close_rig();
}

// Refusals. -------------------------------------------------------------------

static weft_err
submit(const weft_request *request)
{
    return weft_client_submit(rig.client, request, note, NULL, NULL);
}

TEST(client, malformed_requests_are_refused_with_their_field)
{
    static char big[WF_PAYLOAD_BYTES_MAX + 1];
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = make_signal("pay");

    open_rig();
    request.target.kind = "nothing";
    CHECK_ERR(submit(&request), WEFT_ENOTFOUND);
    CHECK(strstr(weft_err_detail(), "nothing") != NULL);
    request = make_signal(NULL);
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "the name is missing");
    request = make_signal("pay");
    request.target.id = NULL;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = make_signal("pay");
    request.data = weft_bytes_of(big, sizeof(big));
    CHECK_ERR(submit(&request), WEFT_ETOOBIG);
    request.data.len--;
    CHECK_OK(submit(&request));
    request.data = weft_bytes_of(NULL, 5);
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = make_signal("pay");
    request.verb = WEFT_VERB_COUNT;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = make_signal("pay");
    request.struct_size = 0;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = make_signal("pay");
    request.verb = WEFT_VERB_START;
    options.reuse = WEFT_REUSE_REJECT + 1;
    request.start = &options;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "start options: reuse is 3, which is none");
    request = make_signal("pay");
    request.number = UINT64_MAX;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK_ERR(submit(NULL), WEFT_EINVAL);
    dispatch_until(1);
    close_rig();
}

TEST(client, tokens_are_routed_by_their_key)
{
    struct wf_token token = {1, 2, 3};
    char text[WEFT_TOKEN_CHARS_MAX];
    struct wf_key key;

    open_rig();
    CHECK_OK(wf_key_make("default", "order", "17", &key));
    wf_token_encode(&key, &token, text);
    CHECK_OK(weft_client_complete(rig.client, text, weft_text("done")));
    CHECK_OK(weft_client_fail(rig.client, text, "Declined", "no money"));
    CHECK_ERR(weft_client_fail(rig.client, text, NULL, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_client_complete(rig.client, "x", weft_nothing()),
              WEFT_EINVAL);
    wf_key_fini(&key);
    CHECK_OK(wf_key_make("other", "order", "17", &key));
    wf_token_encode(&key, &token, text);
    CHECK_ERR(weft_client_complete(rig.client, text, weft_nothing()),
              WEFT_EINVAL);
    wf_key_fini(&key);
    close_rig();
}

// Closing. --------------------------------------------------------------------

TEST(client, close_answers_what_is_under_way)
{
    static int ids[] = {1, 2};
    weft_request request = make_signal("hold");

    open_rig();
    CHECK_OK(submit(&request));
    request = make_signal("pay");
    CHECK_OK(weft_client_submit(rig.client, &request, note, &ids[0], NULL));
    weft_client_close(rig.client);
    CHECK_EQ(rig.order_count, 2);
    close_node(); // the held one comes back when its client is gone
}

TEST(client, a_timed_out_call_may_outlive_its_client)
{
    weft_reply *reply;

    open_rig();
    CHECK_ERR(weft_client_result(rig.client, order, 5, &reply), WEFT_ETIMEDOUT);
    CHECK(reply == NULL);
    weft_client_close(rig.client);
    close_node();
}

// Answers arrive from the node's thread in the very moment of closing.
TEST(client, close_and_answers_may_meet)
{
    weft_request request = make_signal("pay");

    open_rig();
    weft_client_close(rig.client);
    for (int i = 0; i < 300; i++) {
        CHECK_OK(weft_client_open(&rig.node, NULL, &rig.client));
        rig.order_count = 0;
        for (int j = 0; j < 20; j++) {
            CHECK_OK(submit(&request));
        }
        weft_client_close(rig.client);
        CHECK_EQ(rig.order_count, 20);
    }
    close_node();
}

static void
submit_after_close(void *ctx, const weft_reply *reply)
{
    weft_request request = make_signal("pay");

    (void)ctx;
    CHECK_ERR(reply->err, WEFT_ECLOSED);
    CHECK_ERR(submit(&request), WEFT_ECLOSED);
    rig.order_count++;
}

TEST(client, a_closing_client_takes_nothing_more)
{
    weft_request request = make_signal("hold");

    open_rig();
    CHECK_OK(weft_client_submit(rig.client, &request, submit_after_close, NULL,
                                NULL));
    weft_client_close(rig.client);
    CHECK_EQ(rig.order_count, 1);
    close_node();
    weft_client_close(NULL);
}

TEST(client, options_out_of_range_are_refused)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;
    weft_client *client;
    char name_space[65] = {0};

    open_rig();
    CHECK_ERR(weft_client_open(NULL, NULL, &client), WEFT_EINVAL);
    memset(name_space, 'n', 64);
    options.name_space = name_space;
    CHECK_ERR(weft_client_open(&rig.node, &options, &client), WEFT_EINVAL);
    name_space[63] = '\0';
    CHECK_OK(weft_client_open(&rig.node, &options, &client));
    weft_client_close(client);
    close_rig();
}

TEST(client, every_status_has_a_name)
{
    CHECK_STR(weft_status_name(WEFT_STATUS_NONE), "none");
    CHECK_STR(weft_status_name(WEFT_STATUS_RUNNING), "running");
    CHECK_STR(weft_status_name(WEFT_STATUS_TERMINATED), "terminated");
    CHECK_STR(weft_status_name(WEFT_STATUS_COUNT), "unknown");
}
