// SPDX-License-Identifier: Apache-2.0
//
// test_client.c - calls of a client, its numbers and its end.

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "runtime/client_as.h"
#include "runtime/request.h"
#include "unit/client_rig.h"
#include "weft/operate.h"

// Blocking calls. -------------------------------------------------------------

TEST(client, a_blocking_call_brings_its_answer)
{
    weft_reply *reply;

    rig_open();
    CHECK_OK(weft_client_query(rig.client, rig_order, "total", weft_text("42"),
                               &reply));
    CHECK_BYTES(reply->data, weft_text("42"));
    CHECK_STR(reply->detail, "");
    CHECK_STR(reply->failure.name, "");
    CHECK_EQ(reply->number, 1);
    weft_reply_free(reply);
    CHECK_OK(weft_client_start(rig.client, rig_order, weft_nothing()));
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_text("x")));
    CHECK_OK(weft_client_cancel(rig.client, rig_order));
    CHECK_OK(weft_client_terminate(rig.client, rig_order, NULL));
    CHECK_OK(weft_client_describe(rig.client, rig_order, NULL));
    rig_close();
}

TEST(client, an_error_brings_its_detail_and_no_reply)
{
    weft_request request = rig_signal("busy");
    weft_reply *reply;

    rig_open();
    CHECK_ERR(weft_client_signal(rig.client, rig_order, "busy", weft_nothing()),
              WEFT_EBUSY);
    CHECK_STR(weft_err_detail(), "the node says no");
    CHECK_ERR(weft_client_query(rig.client, rig_order, "busy", weft_nothing(),
                                &reply),
              WEFT_EBUSY);
    CHECK(reply == NULL);
    CHECK_ERR(weft_client_call(rig.client, &request, 0, &reply), WEFT_EBUSY);
    CHECK_ERR(reply->err, WEFT_EBUSY);
    weft_reply_free(reply);
    rig_close();
}

TEST(client, a_late_answer_is_dropped)
{
    weft_request request = rig_signal("hold");
    weft_reply *reply;

    rig_open();
    CHECK_ERR(weft_client_call(rig.client, &request, 10, &reply),
              WEFT_ETIMEDOUT);
    CHECK(reply == NULL);
    CHECK_STR(weft_err_detail(), "no answer to request 1 within 10 ms");
    rig_release(&rig.node, WEFT_OK);
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    rig_close();
}

// A waiter and an answer that meet at the timeout, again and again.
TEST(client, an_answer_and_a_timeout_may_meet)
{
    weft_request request = rig_signal("hold");

    rig_open();
    for (int i = 0; i < 300; i++) {
        weft_reply *reply;
        weft_err err = weft_client_call(rig.client, &request, 1, &reply);

        CHECK(err == WEFT_OK || err == WEFT_ETIMEDOUT);
        weft_reply_free(reply);
        request.name = i % 2 == 0 ? "pay" : "hold";
        rig_pause(&rig.node, i % 2 == 0);
        rig_pause(&rig.node, false);
    }
    rig_close();
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
        if (weft_client_query(rig.client, rig_order, "total", weft_text(text),
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

    rig_open();
    for (size_t i = 0; i < CALLERS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, call_many, &failures[i]), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ(failures[i], 0);
    }
    rig_close();
}

// Submitted calls. ------------------------------------------------------------

TEST(client, answers_come_to_callbacks_in_any_order)
{
    static int ids[] = {1, 2, 3};
    weft_request request = rig_signal("pay");
    uint64_t number = 0;

    rig_open();
    rig_pause(&rig.node, true);
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(weft_client_submit(rig.client, &request, rig_note, &ids[i],
                                    &number));
        CHECK_EQ(number, i + 1);
    }
    CHECK_EQ(weft_client_dispatch(rig.client, 100), 0);
    rig_wait_posted(&rig.node, 3);
    rig_pause(&rig.node, false);
    rig_dispatch(3);
    CHECK_EQ(rig.order[0], 3);
    CHECK_EQ(rig.order[1], 2);
    CHECK_EQ(rig.order[2], 1);
    CHECK_EQ(rig.number, 1);
    rig_close();
}

TEST(client, the_descriptor_stays_readable_until_all_is_dispatched)
{
    weft_request request = rig_signal("hold");
    struct pollfd fd = {.events = POLLIN};

    rig_open();
    fd.fd = weft_client_fd(rig.client);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(
            weft_client_submit(rig.client, &request, rig_note, NULL, NULL));
    }
    rig_wait_held(&rig.node, 10);
    CHECK_EQ(poll(&fd, 1, 0), 0);
    rig_release(&rig.node, WEFT_OK);
    for (size_t i = 1; i <= 10; i++) {
        CHECK_EQ(poll(&fd, 1, 60000), 1);
        CHECK_EQ(weft_client_dispatch(rig.client, 1), 1);
        CHECK_EQ(rig.order_count, i);
    }
    CHECK_EQ(poll(&fd, 1, 0), 0);
    CHECK_EQ(weft_client_dispatch(rig.client, 1), 0);
    rig_close();
}

// Ten reads of 10,000 bytes, and a call that writes, are answered before the
// first of them is looked at. Only far clients ask on behalf of others.
static uint32_t
count_refused(uint64_t answers_bytes_max)
{
    static const char large[10000];
    weft_request request = rig_signal("hold");
    struct wf_client_as as = {.name_space = "default",
                              .answers_bytes_max = answers_bytes_max};
    struct wf_request *made;
    uint32_t refused = 0;

    request.data = weft_bytes_of(large, sizeof(large));
    for (size_t i = 0; i <= 10; i++) {
        request.verb = i == 10 ? WEFT_VERB_SIGNAL : WEFT_VERB_QUERY;
        as.number++;
        CHECK_OK(wf_client_submit_as(rig.client, &as, &request, rig_note, NULL,
                                     &made));
    }
    rig_wait_held(&rig.node, 11);
    rig_release(&rig.node, WEFT_OK);
    for (size_t i = 0; i <= 10; i++) {
        CHECK_EQ(weft_client_dispatch(rig.client, 1), 1);
        CHECK(rig.err == WEFT_OK ||
              (rig.err == WEFT_EBUSY && rig.number <= 10));
        refused += rig.err == WEFT_EBUSY;
    }
    return refused;
}

TEST(client, large_answers_that_nobody_has_come_to_are_bounded)
{
    rig_open();
    if (!rig_is_far) {
        CHECK_EQ(count_refused(0), 0);
        CHECK_EQ(count_refused(35000), 6);
        CHECK_EQ(count_refused(35000), 6); // they are counted out again
        CHECK_EQ(count_refused(1000000), 0);
    }
    rig_close();
}

static void
submit_next(void *ctx, const weft_reply *reply)
{
    weft_request request = rig_signal("pay");
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
    weft_request request = rig_signal("pay");
    int left = 2000;

    rig_open();
    CHECK_OK(
        weft_client_submit(rig.client, &request, submit_next, &left, NULL));
    rig_dispatch(2000);
    CHECK_EQ(left, 0);
    rig_close();
}

TEST(client, more_than_100000_under_way_are_refused)
{
    weft_request request = rig_signal("pay");

    rig_open();
    rig_pause(&rig.node, true);
    for (int i = 0; i < WF_CLIENT_REQUESTS_MAX; i++) {
        CHECK_OK(
            weft_client_submit(rig.client, &request, rig_note, NULL, NULL));
    }
    CHECK_ERR(weft_client_submit(rig.client, &request, rig_note, NULL, NULL),
              WEFT_EBUSY);
    rig_pause(&rig.node, false);
    rig_dispatch(WF_CLIENT_REQUESTS_MAX);
    CHECK_OK(weft_client_submit(rig.client, &request, rig_note, NULL, NULL));
    rig_close();
}

// Numbers. --------------------------------------------------------------------

TEST(client, confirmed_follows_what_was_answered)
{
    weft_request request = rig_signal("hold");

    rig_open();
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_EQ(rig_confirmed(&rig.node), 1);
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_EQ(rig_confirmed(&rig.node), 2);
    CHECK_OK(
        weft_client_submit(rig.client, &request, rig_note, NULL, NULL)); // 3
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_EQ(rig_number(&rig.node), 5);
    CHECK_EQ(rig_confirmed(&rig.node), 3);
    rig_wait_held(&rig.node, 1);
    rig_release(&rig.node, WEFT_OK);
    rig_dispatch(1);
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_EQ(rig_confirmed(&rig.node), 6);
    rig_close();
}

TEST(client, a_read_that_waits_keeps_nothing_unconfirmed)
{
    weft_request request = WEFT_REQUEST_INIT;

    rig_open();
    request.verb = WEFT_VERB_RESULT;
    request.target = rig_order;
    CHECK_OK(weft_client_submit(rig.client, &request, rig_note, NULL, NULL));
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_EQ(rig_number(&rig.node), 2);
    CHECK_EQ(rig_confirmed(&rig.node), 2);
    rig_close();
}

TEST(client, a_timed_out_number_can_be_repeated)
{
    weft_request request = rig_signal("hold");
    weft_reply *reply;

    rig_open();
    CHECK_ERR(weft_client_call(rig.client, &request, 5, &reply),
              WEFT_ETIMEDOUT);
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_EQ(rig_confirmed(&rig.node), 1);
    rig_release(&rig.node, WEFT_OK);
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_EQ(rig_confirmed(&rig.node), 1);
    request.name = "pay";
    request.number = 1;
    CHECK_OK(weft_client_call(rig.client, &request, 0, &reply));
    CHECK_EQ(reply->number, 1);
    CHECK_EQ(rig_confirmed(&rig.node), 1);
    weft_reply_free(reply);
    CHECK_OK(weft_client_signal(rig.client, rig_order, "pay", weft_nothing()));
    CHECK_EQ(rig_number(&rig.node), 4);
    CHECK_EQ(rig_confirmed(&rig.node), 4);
    rig_close();
}

TEST(client, an_id_that_is_kept_does_not_begin_at_1_again)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;
    weft_client *client;

    rig_open();
    options.client_id[3] = 7;
    CHECK_OK(rig_reach_client(&options, &client));
    CHECK_OK(weft_client_signal(client, rig_order, "pay", weft_nothing()));
    CHECK(rig_number(&rig.node) > 1ULL << 50);
    weft_client_close(client);
    rig_close();
}

// Refusals. -------------------------------------------------------------------

static weft_err
submit(const weft_request *request)
{
    return weft_client_submit(rig.client, request, rig_note, NULL, NULL);
}

TEST(client, malformed_requests_are_refused_with_their_field)
{
    static char big[WF_PAYLOAD_BYTES_MAX + 1];
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_request request = rig_signal("pay");

    rig_open();
    request.target.kind = "nothing";
    if (!rig_is_far) {
        CHECK_ERR(submit(&request), WEFT_ENOTFOUND);
        CHECK(strstr(weft_err_detail(), "nothing") != NULL);
    }
    request = rig_signal(NULL);
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "the name is missing");
    request = rig_signal("pay");
    request.target.id = NULL;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = rig_signal("pay");
    request.data = weft_bytes_of(big, sizeof(big));
    CHECK_ERR(submit(&request), WEFT_ETOOBIG);
    request.data.len--;
    CHECK_OK(submit(&request));
    request.data = weft_bytes_of(NULL, 5);
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = rig_signal("pay");
    request.verb = WEFT_VERB_COUNT;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = rig_signal("pay");
    request.struct_size = 0;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = rig_signal("pay");
    request.verb = WEFT_VERB_START;
    options.reuse = WEFT_REUSE_REJECT + 1;
    request.start = &options;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "start options: reuse is 3, which is none");
    request = rig_signal("pay");
    request.verb = WEFT_VERB_UPDATE;
    request.update_accepted = 1;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "update_accepted needs an update_id");
    request.update_id = "\n";
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request = rig_signal("pay");
    request.number = UINT64_MAX;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK_ERR(submit(NULL), WEFT_EINVAL);
    rig_dispatch(1);
    rig_close();
}

TEST(client, lists_leases_and_texts_out_of_range_are_refused)
{
    static char longest[70000];
    static const weft_operator by = {.who = "test", .why = longest};
    weft_request request = WEFT_REQUEST_INIT;

    memset(longest, 'x', sizeof(longest) - 1);
    rig_open();
    request.verb = WEFT_VERB_LIST;
    request.limit = 100000;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "limit is over ") != NULL);
    request.limit = 0;
    request.status = WEFT_STATUS_COUNT;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "which is none") != NULL);
    request.status = WEFT_STATUS_NONE;
    request.target.kind = "\n";
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "the kind") != NULL);
    request.target.kind = "order";
    request.filter = "kind =";
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "filter: ") != NULL);
    request.filter = NULL;
    request.verb = WEFT_VERB_COUNT_MATCHING;
    request.group_by = "a b";
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    request.group_by = longest;
    CHECK_ERR(submit(&request), WEFT_ETOOBIG);
    request = rig_signal("pay");
    request.verb = WEFT_VERB_PAUSE;
    request.by = &by;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "why has not 1 to 1023 bytes");
    rig_close();
}

TEST(client, tokens_are_routed_by_their_key)
{
    struct wf_token token = {1, 2, 3};
    char text[WEFT_TOKEN_CHARS_MAX];
    struct wf_key key;

    rig_open();
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
    rig_close();
}

TEST(client, a_failure_and_a_lease_that_cannot_be_are_refused)
{
    struct wf_token token = {1, 2, 3};
    weft_request request = WEFT_REQUEST_INIT;
    char text[WEFT_TOKEN_CHARS_MAX];
    char *longest = calloc(1, WF_PAYLOAD_BYTES_MAX + 2);
    struct wf_key key;

    memset(longest, 'x', WF_PAYLOAD_BYTES_MAX + 1);
    rig_open();
    CHECK_OK(wf_key_make("default", "order", "17", &key));
    wf_token_encode(&key, &token, text);
    CHECK_ERR(weft_client_fail(rig.client, text, "Declined", longest),
              WEFT_ETOOBIG);
    request.verb = WEFT_VERB_LEASE;
    request.token = text;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "worker") != NULL);
    request.worker = "one";
    request.lease_ms = 1;
    CHECK_ERR(submit(&request), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "lease_ms") != NULL);
    wf_key_fini(&key);
    free(longest);
    rig_close();
}

// Closing. --------------------------------------------------------------------

TEST(client, close_answers_what_is_under_way)
{
    static int ids[] = {1, 2};
    weft_request request = rig_signal("hold");

    rig_open();
    CHECK_OK(submit(&request));
    request = rig_signal("pay");
    CHECK_OK(weft_client_submit(rig.client, &request, rig_note, &ids[0], NULL));
    weft_client_close(rig.client);
    CHECK_EQ(rig.order_count, 2);
    rig_close_node(); // the held one comes back when its client is gone
}

TEST(client, a_timed_out_call_may_outlive_its_client)
{
    weft_reply *reply;

    rig_open();
    CHECK_ERR(weft_client_result(rig.client, rig_order, 5, &reply),
              WEFT_ETIMEDOUT);
    CHECK(reply == NULL);
    weft_client_close(rig.client);
    rig_close_node();
}

// Answers arrive from the node's thread in the very moment of closing.
TEST(client, close_and_answers_may_meet)
{
    weft_request request = rig_signal("pay");

    rig_open();
    weft_client_close(rig.client);
    for (int i = 0; i < 300; i++) {
        CHECK_OK(rig_reach_client(NULL, &rig.client));
        rig.order_count = 0;
        for (int j = 0; j < 20; j++) {
            CHECK_OK(submit(&request));
        }
        weft_client_close(rig.client);
        CHECK_EQ(rig.order_count, 20);
    }
    rig_close_node();
}

static void
submit_after_close(void *ctx, const weft_reply *reply)
{
    weft_request request = rig_signal("pay");

    (void)ctx;
    CHECK_ERR(reply->err, WEFT_ECLOSED);
    CHECK_ERR(submit(&request), WEFT_ECLOSED);
    rig.order_count++;
}

TEST(client, a_closing_client_takes_nothing_more)
{
    weft_request request = rig_signal("hold");

    rig_open();
    CHECK_OK(weft_client_submit(rig.client, &request, submit_after_close, NULL,
                                NULL));
    weft_client_close(rig.client);
    CHECK_EQ(rig.order_count, 1);
    rig_close_node();
    weft_client_close(NULL);
}

TEST(client, options_out_of_range_are_refused)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;
    weft_client *client;
    char name_space[65] = {0};

    rig_open();
    CHECK_ERR(weft_client_open(NULL, NULL, &client), WEFT_EINVAL);
    memset(name_space, 'n', 64);
    options.name_space = name_space;
    CHECK_ERR(rig_reach_client(&options, &client), WEFT_EINVAL);
    name_space[63] = '\0';
    CHECK_OK(rig_reach_client(&options, &client));
    weft_client_close(client);
    rig_close();
}

TEST(client, every_status_has_a_name)
{
    CHECK_STR(weft_status_name(WEFT_STATUS_NONE), "none");
    CHECK_STR(weft_status_name(WEFT_STATUS_RUNNING), "running");
    CHECK_STR(weft_status_name(WEFT_STATUS_TERMINATED), "terminated");
    CHECK_STR(weft_status_name(WEFT_STATUS_COUNT), "unknown");
}
