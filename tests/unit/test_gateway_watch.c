// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_watch.c - watching: from C beside a node and behind a wire, and
// subscriptions of sockets that speak the protocol.

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "runtime/client_as.h"
#include "unit/gateway_rig.h"
#include "weft/connect.h"
#include "weft/operate.h"
#include "weft/watch.h"

static const weft_target a = {"counter", "a"};

// What the server asks of its node, on the way. -------------------------------

static _Atomic uint32_t watches;
static _Atomic uint32_t behind;  // of them; they left others unconfirmed
static _Atomic weft_err refusal; // of the next one; WEFT_OK: none

weft_err __real_wf_client_submit_as(weft_client *client,
                                    const struct wf_client_as *as,
                                    const weft_request *request,
                                    weft_reply_fn *fn, void *ctx,
                                    struct wf_request **out_request);
weft_err __wrap_wf_client_submit_as(weft_client *client,
                                    const struct wf_client_as *as,
                                    const weft_request *request,
                                    weft_reply_fn *fn, void *ctx,
                                    struct wf_request **out_request);

weft_err
__wrap_wf_client_submit_as(weft_client *client, const struct wf_client_as *as,
                           const weft_request *request, weft_reply_fn *fn,
                           void *ctx, struct wf_request **out_request)
{
    if (request->verb == WEFT_VERB_WATCH) {
        weft_err err = atomic_exchange(&refusal, WEFT_OK);

        if (err != WEFT_OK) {
            return wf_error(err, "a refusal was asked for");
        }
        atomic_fetch_add(&behind, as->confirmed < as->number);
        atomic_fetch_add(&watches, 1);
    }
    return __real_wf_client_submit_as(client, as, request, fn, ctx,
                                      out_request);
}

static struct gateway_rig
begin(struct test *t)
{
    struct gateway_rig rig = gateway_rig_begin(t);

    gateway_rig_open(&rig);
    return rig;
}

static void
end(struct gateway_rig *rig)
{
    gateway_rig_close(rig);
    gateway_rig_end(rig);
}

// From C. ---------------------------------------------------------------------

static uint64_t
watch(weft_client *client, uint64_t after, int is_paused)
{
    weft_reply *reply = NULL;

    CHECK_OK(weft_client_watch(client, a, after, 60000, &reply));
    CHECK_EQ(reply->items_count, 1);
    CHECK_STR(reply->items[0].id, "a");
    CHECK_EQ(reply->items[0].is_paused, is_paused);
    CHECK(reply->after > after);
    after = reply->after;
    weft_reply_free(reply);
    return after;
}

static void
watch_from_c(struct gateway_rig *rig, weft_client *client)
{
    const weft_operator by = {"me", "to see"};
    weft_request publish = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;
    uint64_t after;

    CHECK_ERR(weft_client_watch(client, a, 0, 5000, NULL), WEFT_ENOTFOUND);
    CHECK_OK(weft_client_start(rig->node.client, a, weft_nothing()));
    node_rig_add(rig->node.client, "a");
    CHECK_EQ(node_rig_number(rig->node.client, "a"), 1);
    after = watch(client, 0, 0);
    CHECK_ERR(weft_client_watch(client, a, after, 50, NULL), WEFT_ETIMEDOUT);
    CHECK_OK(weft_client_pause(rig->node.client, a));
    after = watch(client, after, 1);
    publish.verb = WEFT_VERB_PUBLISH;
    publish.target = a;
    publish.name = "p";
    publish.data = weft_text("\x07");
    publish.by = &by;
    CHECK_OK(weft_client_call(rig->node.client, &publish, 60000, &reply));
    weft_reply_free(reply);
    CHECK_OK(weft_client_watch(client, a, after, 60000, &reply));
    CHECK_BYTES(weft_pairs_get(reply->data, "p"), weft_text("\x07"));
    after = reply->after;
    weft_reply_free(reply);
    CHECK_OK(weft_client_delete(rig->node.client, a, 1));
    CHECK_ERR(weft_client_watch(client, a, after, 60000, NULL), WEFT_ENOTFOUND);
}

TEST(gateway_watch, from_c_beside_the_node)
{
    struct gateway_rig rig = begin(t);

    watch_from_c(&rig, rig.node.client);
    end(&rig);
}

TEST(gateway_watch, from_c_over_the_wire)
{
    struct gateway_rig rig = begin(t);
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    const char *endpoint = weft_server_endpoint(rig.server, 0);
    weft_client *client;

    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    CHECK_OK(weft_client_connect(&options, &client));
    watch_from_c(&rig, client);
    weft_client_close(client);
    end(&rig);
}

// By message. -----------------------------------------------------------------

static void
hire(struct dealer *dealer, struct gateway_rig *rig)
{
    dealer_open(dealer, rig, 0);
    dealer_hello(dealer, 1);
    CHECK_HEARS_LIKE(dealer, "ok 0 version=1");
}

static void
say(struct dealer *dealer, const char *verb, uint64_t number, const char *field,
    uint64_t value)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, verb, number);

    if (strcmp(field, "subscription") != 0) {
        wf_wire_put_text(writer, "kind", "counter");
        wf_wire_put_text(writer, "id", "a");
    }
    wf_wire_put_uint(writer, field, value);
    dealer_end(dealer);
}

// `after` of what is heard next, which begins so; it may come after others.
static uint64_t
hear_after(struct dealer *dealer, const char *prefix)
{
    uint64_t after = 0;
    const char *text = dealer_hear(dealer);
    const char *at = strstr(text, " after=");

    if (strncmp(text, prefix, strlen(prefix)) != 0) {
        test_check_str(text, prefix, "heard", __FILE__, __LINE__);
    }
    CHECK(at != NULL && sscanf(at, " after=%" SCNu64, &after) == 1);
    return after;
}

TEST(gateway_watch, a_watch_waits_until_something_has_changed)
{
    struct gateway_rig rig = begin(t);
    struct dealer dealer;
    struct wf_wire_writer *writer;
    uint64_t after;

    hire(&dealer, &rig);
    CHECK_OK(weft_client_start(rig.node.client, a, weft_nothing()));
    CHECK_EQ(node_rig_number(rig.node.client, "a"), 0);
    say(&dealer, "watch", 1, "after", 0);
    after = hear_after(&dealer, "ok 1 instance={}");
    writer = dealer_begin(&dealer, "watch", 2);
    wf_wire_put_text(writer, "kind", "counter");
    wf_wire_put_text(writer, "id", "a");
    wf_wire_put_uint(writer, "after", after);
    wf_wire_put_uint(writer, "wait_ms", 50);
    dealer_end(&dealer);
    CHECK_HEARS_LIKE(&dealer, "error 2 code=WEFT_ETIMEDOUT");
    say(&dealer, "watch", 3, "after", after);
    CHECK_STR(dealer_hear_within(&dealer, 50), "");
    CHECK_OK(weft_client_pause(rig.node.client, a));
    CHECK(hear_after(&dealer, "ok 3 instance={}") > after);
    dealer_close(&dealer);
    end(&rig);
}

TEST(gateway_watch, a_subscription_tells_until_the_end)
{
    struct gateway_rig rig = begin(t);
    struct dealer dealer;
    uint64_t after, next;

    hire(&dealer, &rig);
    CHECK_OK(weft_client_start(rig.node.client, a, weft_nothing()));
    CHECK_EQ(node_rig_number(rig.node.client, "a"), 0);
    say(&dealer, "subscribe", 1, "after", 0);
    CHECK_HEARS(&dealer, "ok 1");
    after = hear_after(&dealer, "event 1 instance={}");
    CHECK_STR(dealer_hear_within(&dealer, 150), "");
    for (int i = 0; i < 100; i++) { // faster than they are told
        node_rig_add(rig.node.client, "a");
    }
    CHECK_OK(weft_client_pause(rig.node.client, a));
    next = hear_after(&dealer, "event 1 instance={}");
    CHECK(next > after);
    CHECK_OK(weft_client_terminate(rig.node.client, a, "enough"));
    for (const char *text = ""; strstr(text, "is_last=true") == NULL;) {
        text = dealer_hear(&dealer);
        CHECK(strncmp(text, "event 1", 7) == 0);
    }
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    dealer_close(&dealer);
    end(&rig);
}

// Whoever subscribes asks once; that the node does not answer is not its own.
TEST(gateway_watch, a_subscription_goes_on_over_what_passes)
{
    static const weft_err errs[] = {WEFT_EBUSY, WEFT_EIO};
    struct gateway_rig rig = begin(t);
    struct dealer dealer;

    hire(&dealer, &rig);
    CHECK_OK(weft_client_start(rig.node.client, a, weft_nothing()));
    for (uint64_t i = 0; i < 2; i++) {
        atomic_store(&refusal, errs[i]);
        say(&dealer, "subscribe", 2 * i + 1, "after", 0);
        CHECK_HEARS(&dealer, i == 0 ? "ok 1" : "ok 3");
        (void)hear_after(&dealer, i == 0 ? "event 1" : "event 3");
        CHECK_EQ(atomic_load(&refusal), WEFT_OK);
        say(&dealer, "unsubscribe", 2 * i + 2, "subscription", 2 * i + 1);
        while (strncmp(dealer_hear(&dealer), "ok", 2) != 0) {
        }
    }
    dealer_close(&dealer);
    end(&rig);
}

TEST(gateway_watch, a_subscription_does_not_tell_what_is_known)
{
    struct gateway_rig rig = begin(t);
    struct dealer dealer;
    uint64_t after;

    hire(&dealer, &rig);
    CHECK_OK(weft_client_start(rig.node.client, a, weft_nothing()));
    CHECK_EQ(node_rig_number(rig.node.client, "a"), 0);
    say(&dealer, "watch", 1, "after", 0);
    after = hear_after(&dealer, "ok 1 instance={}");
    say(&dealer, "subscribe", 2, "after", after);
    CHECK_HEARS(&dealer, "ok 2");
    CHECK_STR(dealer_hear_within(&dealer, 150), "");
    CHECK_OK(weft_client_pause(rig.node.client, a));
    CHECK(hear_after(&dealer, "event 2") > after);
    dealer_close(&dealer);
    end(&rig);
}

TEST(gateway_watch, a_subscription_ends_when_it_is_told_to)
{
    struct gateway_rig rig = begin(t);
    struct dealer dealer;

    hire(&dealer, &rig);
    CHECK_OK(weft_client_start(rig.node.client, a, weft_nothing()));
    say(&dealer, "subscribe", 1, "after", 0);
    CHECK_HEARS(&dealer, "ok 1");
    (void)hear_after(&dealer, "event 1");
    say(&dealer, "unsubscribe", 2, "subscription", 1);
    do {
        (void)0;
    } while (strcmp(dealer_hear(&dealer), "ok 2") != 0);
    CHECK_OK(weft_client_pause(rig.node.client, a));
    CHECK_STR(dealer_hear_within(&dealer, 200), "");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    say(&dealer, "unsubscribe", 3, "subscription", 1); // twice is once
    CHECK_HEARS(&dealer, "ok 3");
    dealer_close(&dealer);
    end(&rig);
}

TEST(gateway_watch, a_subscription_of_nobody_is_an_error)
{
    struct gateway_rig rig = begin(t);
    struct dealer dealer;

    hire(&dealer, &rig);
    say(&dealer, "subscribe", 1, "after", 0);
    CHECK_HEARS(&dealer, "ok 1");
    CHECK_HEARS_LIKE(&dealer, "error 1 code=WEFT_ENOTFOUND");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    dealer_close(&dealer);
    end(&rig);
}

TEST(gateway_watch, subscriptions_end_with_their_connection)
{
    struct gateway_rig rig = begin(t);
    struct dealer dealer;

    hire(&dealer, &rig);
    CHECK_OK(weft_client_start(rig.node.client, a, weft_nothing()));
    for (uint64_t i = 1; i <= 20; i++) {
        say(&dealer, "subscribe", i, "after", 0);
    }
    GATEWAY_UNTIL(&rig, now.requests_open == 20);
    dealer_close(&dealer);
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    CHECK_OK(weft_client_pause(rig.node.client, a));
    end(&rig);
}

// It waits for months, perhaps; what else the server asks meanwhile must be
// forgotten when it was answered.
TEST(gateway_watch, a_subscription_that_lasts_keeps_nothing_unconfirmed)
{
    struct gateway_rig rig = begin(t);
    struct dealer dealer;

    atomic_store(&watches, 0);
    atomic_store(&behind, 0);
    hire(&dealer, &rig);
    CHECK_OK(weft_client_start(rig.node.client, a, weft_nothing()));
    say(&dealer, "subscribe", 1, "after", 0);
    CHECK_HEARS(&dealer, "ok 1");
    (void)hear_after(&dealer, "event 1");
    say(&dealer, "subscribe", 2, "after", 0);
    CHECK_HEARS(&dealer, "ok 2");
    (void)hear_after(&dealer, "event 2");
    for (int i = 0; i < 12000 && atomic_load(&watches) < 4; i++) {
        gateway_rig_pause(); // both watch again
    }
    CHECK(atomic_load(&watches) >= 4);
    CHECK_EQ(atomic_load(&behind), 0);
    dealer_close(&dealer);
    end(&rig);
}
