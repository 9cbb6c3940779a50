// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_batch.c - batches that a client has a server do, page by page.

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "unit/gateway_rig.h"

// One signal a second.
static void
say_slow_batch(struct dealer *dealer, uint64_t number)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, "batch", number);

    wf_wire_put_text(writer, "filter", "run > 0");
    wf_wire_put_text(writer, "verb", "signal");
    wf_wire_put_text(writer, "name", "add");
    wf_wire_put_uint(writer, "per_second", 1);
    dealer_end(dealer);
}

static void
say_batch(struct dealer *dealer, uint64_t number, const char *verb,
          uint64_t limit, const char *cursor)
{
    struct wf_wire_writer *writer = dealer_begin(dealer, "batch", number);

    wf_wire_put_text(writer, "filter", "run > 0");
    wf_wire_put_text(writer, "verb", verb);
    wf_wire_put_text(writer, "name", "add");
    wf_wire_put_uint(writer, "limit", limit);
    wf_wire_put_uint(writer, "per_second", 100);
    if (cursor != NULL) {
        wf_wire_put_text(writer, "cursor", cursor);
    }
    dealer_end(dealer);
}

TEST(gateway_batch, batches_under_way_have_a_limit)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);

    dealer_greet_and_start(&dealer);
    dealer_say(&dealer, "start", 2, "counter", "b", NULL);
    CHECK_HEARS(&dealer, "ok 2 is_created=true");
    for (uint64_t i = 3; i <= 103; i++) {
        say_slow_batch(&dealer, i);
    }
    CHECK_HEARS(&dealer, "error 103 code=WEFT_EBUSY class=RETRY text=100 "
                         "batches are under way");
    gateway_rig_end_with(&rig, &dealer);
}

TEST(gateway_batch, a_batch_does_its_page_and_says_where_to_go_on)
{
    static const char begins[] = "ok 6 seen=3 done=3 cursor=";
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);
    char id[2] = "a";
    char heard[2000];
    uint64_t total = 0;

    dealer_greet(&dealer, 1);
    for (uint64_t i = 1; i <= 5; i++, id[0]++) {
        dealer_say(&dealer, "start", i, "counter", id, NULL);
        CHECK_HEARS_LIKE(&dealer, "ok ");
    }
    say_batch(&dealer, 6, "signal", 3, NULL);
    say_batch(&dealer, 6, "signal", 3, NULL); // is the same one
    (void)snprintf(heard, sizeof(heard), "%s", dealer_hear(&dealer));
    CHECK(strncmp(heard, begins, strlen(begins)) == 0);
    say_batch(&dealer, 7, "signal", 0, heard + strlen(begins));
    CHECK_HEARS(&dealer, "ok 7 seen=2 done=2");
    for (id[0] = 'a'; id[0] <= 'e'; id[0]++) {
        total += node_rig_number(rig.node.client, id);
    }
    CHECK_EQ(total, 5);
    say_batch(&dealer, 8, "start", 3, NULL);
    CHECK_HEARS_LIKE(&dealer, "error 8 code=WEFT_EINVAL class=CALLER");
    say_batch(&dealer, 9, "signal", 3, "nowhere");
    CHECK_HEARS_LIKE(&dealer, "error 9 code=WEFT_EINVAL class=CALLER");
    GATEWAY_UNTIL(&rig, now.requests_open == 0);
    gateway_rig_end_with(&rig, &dealer);
}

// The first one at once, the others a second after each other.
TEST(gateway_batch, a_batch_keeps_its_rate)
{
    struct dealer dealer;
    struct gateway_rig rig = gateway_rig_begin_with(t, &dealer);
    struct timespec began;
    struct timespec ended;

    dealer_greet(&dealer, 1);
    dealer_say(&dealer, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&dealer, "ok 1 is_created=true");
    dealer_say(&dealer, "start", 2, "counter", "b", NULL);
    CHECK_HEARS(&dealer, "ok 2 is_created=true");
    (void)clock_gettime(CLOCK_MONOTONIC, &began);
    say_slow_batch(&dealer, 3);
    CHECK_HEARS(&dealer, "ok 3 seen=2 done=2");
    (void)clock_gettime(CLOCK_MONOTONIC, &ended);
    CHECK((ended.tv_sec - began.tv_sec) * 1000 +
              (ended.tv_nsec - began.tv_nsec) / 1000000 >=
          900);
    gateway_rig_end_with(&rig, &dealer);
}
