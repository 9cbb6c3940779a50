// SPDX-License-Identifier: Apache-2.0

#include "cluster/peer_link.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

enum { WINDOW = 1 << 20 };

static void
add(struct wf_peer_link *link, const char *items)
{
    wf_peer_link_add(link, weft_text(items));
    wf_peer_link_seal(link);
}

// What it sends now, as "1:one 2:two ".
static const char *
sends(struct wf_peer_link *link, uint64_t now_ms)
{
    static char text[256];
    size_t len = 0;
    weft_bytes items;
    uint64_t seq;

    text[0] = '\0';
    while (wf_peer_link_next(link, &seq, &items)) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%llu:%.*s ",
                                (unsigned long long)seq, (int)items.len,
                                (const char *)items.data);
        wf_peer_link_sent(link, now_ms);
    }
    return text;
}

static void
come_up(struct wf_peer_link *link, uint64_t seq)
{
    wf_peer_link_connected(link);
    CHECK(link->is_hello_due);
    wf_peer_link_greeted(link, 0, WF_PEER_LINK_HELLO_MS);
    CHECK(wf_peer_link_welcome(link, link->round, seq, WINDOW, 0));
    CHECK_EQ(link->state, WF_PEER_LINK_UP);
}

TEST(peer_link, sends_nothing_before_it_is_welcome)
{
    struct wf_peer_link link;

    wf_peer_link_init(&link, 77, WINDOW);
    add(&link, "one");
    CHECK_STR(sends(&link, 0), "");
    wf_peer_link_connected(&link);
    CHECK_STR(sends(&link, 0), "");
    wf_peer_link_greeted(&link, 0, WF_PEER_LINK_HELLO_MS);
    CHECK(wf_peer_link_welcome(&link, link.round, 0, WINDOW, 0));
    CHECK_STR(sends(&link, 0), "1:one ");
    wf_peer_link_fini(&link);
}

TEST(peer_link, says_hello_again_until_it_is_answered)
{
    struct wf_peer_link link;

    wf_peer_link_init(&link, 77, WINDOW);
    wf_peer_link_connected(&link);
    wf_peer_link_greeted(&link, 1000, WF_PEER_LINK_HELLO_MS);
    wf_peer_link_tick(&link, 1299);
    CHECK(!link.is_hello_due);
    wf_peer_link_tick(&link, 1300);
    CHECK(link.is_hello_due);
    wf_peer_link_fini(&link);
}

TEST(peer_link, after_a_break_goes_on_behind_what_arrived)
{
    struct wf_peer_link link;

    wf_peer_link_init(&link, 77, WINDOW);
    come_up(&link, 0);
    add(&link, "one");
    add(&link, "two");
    add(&link, "three");
    CHECK_STR(sends(&link, 0), "1:one 2:two 3:three ");
    wf_peer_link_acknowledged(&link, 1, WINDOW, 0);
    wf_peer_link_disconnected(&link);
    add(&link, "four");
    CHECK_STR(sends(&link, 0), "");
    come_up(&link, 2);
    CHECK_STR(sends(&link, 0), "3:three 4:four ");
    CHECK_EQ(link.resent, 1);
    wf_peer_link_acknowledged(&link, 4, WINDOW, 0);
    CHECK_EQ(link.bytes, 0);
    wf_peer_link_fini(&link);
}

TEST(peer_link, without_an_acknowledgement_it_asks_where_the_other_is)
{
    struct wf_peer_link link;

    wf_peer_link_init(&link, 77, WINDOW);
    come_up(&link, 0);
    add(&link, "one");
    CHECK_STR(sends(&link, 5000), "1:one ");
    wf_peer_link_tick(&link, 5299);
    CHECK_EQ(link.state, WF_PEER_LINK_UP);
    wf_peer_link_tick(&link, 5300);
    CHECK_EQ(link.state, WF_PEER_LINK_GREETING);
    CHECK(link.is_hello_due);
    wf_peer_link_greeted(&link, 5300, WF_PEER_LINK_HELLO_MS);
    // It was lost on the way:
    CHECK(wf_peer_link_welcome(&link, link.round, 0, WINDOW, 5400));
    CHECK_STR(sends(&link, 5400), "1:one ");
    wf_peer_link_acknowledged(&link, 1, WINDOW, 5500);
    wf_peer_link_tick(&link, 99999);
    CHECK_EQ(link.state, WF_PEER_LINK_UP); // nothing is out
    wf_peer_link_fini(&link);
}

TEST(peer_link, the_answer_to_an_earlier_hello_moves_nothing_back)
{
    struct wf_peer_link link;

    wf_peer_link_init(&link, 77, WINDOW);
    come_up(&link, 0);
    add(&link, "one");
    add(&link, "two");
    CHECK_STR(sends(&link, 0), "1:one 2:two ");
    CHECK(wf_peer_link_welcome(&link, link.round, 0, WINDOW, 0));
    CHECK_STR(sends(&link, 0), "");
    wf_peer_link_tick(&link, WF_PEER_LINK_HELLO_MS);
    CHECK_EQ(link.state, WF_PEER_LINK_GREETING);
    CHECK(wf_peer_link_welcome(&link, link.round - 1, 1, WINDOW, 0));
    CHECK_EQ(link.state, WF_PEER_LINK_GREETING);
    CHECK_EQ(link.acked, 1);
    wf_peer_link_fini(&link);
}

TEST(peer_link, who_forgot_what_it_acknowledged_gets_a_new_session)
{
    struct wf_peer_link link;

    wf_peer_link_init(&link, 77, WINDOW);
    come_up(&link, 0);
    add(&link, "one");
    add(&link, "two");
    (void)sends(&link, 0);
    wf_peer_link_acknowledged(&link, 1, WINDOW, 0);
    wf_peer_link_disconnected(&link);
    wf_peer_link_connected(&link);
    wf_peer_link_greeted(&link, 0, WF_PEER_LINK_HELLO_MS);
    CHECK(!wf_peer_link_welcome(&link, link.round, 0, WINDOW, 0));
    wf_peer_link_add(&link, weft_text("three")); // not sealed
    wf_peer_link_restart(&link, 78, 0);
    CHECK_EQ(link.bytes, 0);
    CHECK(!link.is_hello_due); // not at once: it may do so for ever
    wf_peer_link_tick(&link, WF_PEER_LINK_HELLO_MS);
    CHECK(link.is_hello_due);
    wf_peer_link_greeted(&link, 300, WF_PEER_LINK_HELLO_MS);
    CHECK(wf_peer_link_welcome(&link, link.round, 0, WINDOW, 300));
    add(&link, "new");
    CHECK_STR(sends(&link, 300), "1:new ");
    wf_peer_link_fini(&link);
}

TEST(peer_link, an_acknowledgement_of_what_was_not_sent_is_none)
{
    struct wf_peer_link link;

    wf_peer_link_init(&link, 77, WINDOW);
    come_up(&link, 0);
    add(&link, "one");
    wf_peer_link_acknowledged(&link, 2, WINDOW, 0);
    CHECK_EQ(link.acked, 0);
    CHECK_STR(sends(&link, 0), "1:one ");
    wf_peer_link_disconnected(&link);
    wf_peer_link_connected(&link);
    CHECK(!wf_peer_link_welcome(&link, link.round, 9, WINDOW, 0));
    wf_peer_link_fini(&link);
}

TEST(peer_link, the_window_is_of_bytes_and_the_other_side_may_narrow_it)
{
    struct wf_peer_link link;
    char block[1000] = {0};

    wf_peer_link_init(&link, 77, WINDOW);
    memset(block, 'x', sizeof(block) - 1);
    CHECK(wf_peer_link_has_room(&link, 2 * WINDOW)); // alone
    while (wf_peer_link_has_room(&link, strlen(block))) {
        wf_peer_link_add(&link, weft_text(block));
    }
    CHECK(link.bytes <= WINDOW && link.bytes > WINDOW - 1000);
    come_up(&link, 0);
    weft_bytes items;
    uint64_t seq;
    while (wf_peer_link_next(&link, &seq, &items)) {
        CHECK(items.len <= WF_PEER_LINK_BATCH_BYTES + 1000);
        wf_peer_link_sent(&link, 0);
    }
    CHECK(!wf_peer_link_has_room(&link, 1000));
    wf_peer_link_acknowledged(&link, seq - 1, 100, 0);
    CHECK(!wf_peer_link_has_room(&link, 1000)); // its credit
    wf_peer_link_acknowledged(&link, seq, WINDOW, 0);
    CHECK(wf_peer_link_has_room(&link, 1000));
    wf_peer_link_fini(&link);
}

TEST(peer_link, what_is_added_in_one_go_travels_in_one_message)
{
    struct wf_peer_link link;

    wf_peer_link_init(&link, 77, WINDOW);
    come_up(&link, 0);
    wf_peer_link_add(&link, weft_text("a"));
    wf_peer_link_add(&link, weft_text("b"));
    wf_peer_link_add(&link, weft_text("c"));
    wf_peer_link_seal(&link);
    wf_peer_link_seal(&link);
    CHECK_STR(sends(&link, 0), "1:abc ");
    wf_peer_link_fini(&link);
}
