// SPDX-License-Identifier: Apache-2.0
//
// test_route.c - what a partition sends to another one, and what it makes of
// what comes from there: how much is under way, and what counts after losses.

#include "runtime/route.h"

#include <string.h>

#include "base/limits.h"
#include "partition_rig.h"
#include "runtime/partition_impl.h"
#include "storage/store.h"
#include "support/test.h"

enum { MESSAGES = 1, ACK, ASK };

// Partition 0 of two, and its route to the other.
static struct partition_rig rig;
static struct wf_route *route;

// What a frame says.
struct head {
    uint8_t type;
    uint64_t generation;
    uint64_t acked;
    uint64_t seq;
    uint64_t count; // MESSAGES
};

// The next frame that leaves; false: none does.
static bool
next_frame(struct head *out_head)
{
    struct wf_list_node *node =
        wf_list_pop_front(&wf_partition_outputs(rig.partition)->frames);
    struct wf_frame *frame = WF_CONTAINER(node, struct wf_frame, node);
    struct wf_reader reader;

    if (node == NULL) {
        return false;
    }
    reader = wf_reader_of(wf_buf_bytes(&frame->bytes));
    CHECK_EQ(frame->destination, 1);
    CHECK_EQ(wf_reader_u8(&reader), 1);
    *out_head = (struct head){.type = wf_reader_u8(&reader)};
    CHECK_EQ(wf_reader_u16(&reader), 0);
    (void)wf_reader_u64(&reader);
    out_head->generation = wf_reader_u64(&reader);
    out_head->acked = wf_reader_u64(&reader);
    out_head->seq = wf_reader_u64(&reader);
    if (out_head->type == MESSAGES) {
        for (uint64_t i = wf_reader_varint(&reader); i > 0; i--) {
            (void)wf_reader_varint(&reader);
            (void)wf_reader_varint(&reader);
        }
        out_head->count = wf_reader_varint(&reader);
    }
    CHECK(!reader.failed);
    wf_frame_destroy(frame);
    return true;
}

static void
drop_frames(void)
{
    struct head head;

    while (next_frame(&head)) {
    }
}

// How many messages leave; they are those from `first` on.
static uint64_t
count_sent(uint64_t first)
{
    struct head head;
    uint64_t count = 0;

    while (next_frame(&head)) {
        if (head.type == MESSAGES) {
            CHECK_EQ(head.seq, first + count);
            count += head.count;
        }
    }
    return count;
}

static void
rig_open(void)
{
    partition_rig_create(&rig, (struct wf_partition_options){.count = 2});
    wf_partition_open(rig.partition, 1000);
    partition_rig_commit(&rig, 1000);
    route = wf_route_get(rig.partition, 1);
    drop_frames();
}

static void
rig_close(void)
{
    CHECK_EQ(partition_rig_destroy(&rig), 0);
}

// Messages from next_seq on, which are durable.
static void
send(uint32_t count, uint32_t bytes)
{
    static const uint8_t envelope[10000];

    for (uint32_t i = 0; i < count; i++) {
        wf_route_add_outgoing(route, route->next_seq++, 0,
                              weft_bytes_of(envelope, bytes), false);
    }
    wf_route_flush(rig.partition, route);
}

static void
put_head(struct wf_buf *frame, const struct head *head)
{
    wf_buf_put_u8(frame, 1);
    wf_buf_put_u8(frame, head->type);
    wf_buf_put_u16(frame, 1);
    wf_buf_put_u64(frame, 1);
    wf_buf_put_u64(frame, head->generation);
    wf_buf_put_u64(frame, head->acked);
    wf_buf_put_u64(frame, head->seq);
}

// Its count is that of messages, which are all malformed: each leaves a dead
// letter. bases may be NULL.
static void
receive(struct head head, const struct wf_base *bases, uint32_t bases_count)
{
    struct wf_buf frame = {0};

    put_head(&frame, &head);
    if (head.type == MESSAGES) {
        wf_buf_put_varint(&frame, bases_count);
        for (uint32_t i = 0; i < bases_count; i++) {
            wf_buf_put_varint(&frame, bases[i].generation);
            wf_buf_put_varint(&frame, bases[i].seq);
        }
        wf_buf_put_varint(&frame, head.count);
        for (uint64_t i = 0; i < head.count; i++) {
            wf_buf_put_text(&frame, "a message");
        }
    }
    wf_route_receive(rig.partition, wf_buf_bytes(&frame));
    wf_buf_fini(&frame);
    partition_rig_commit(&rig, 1000);
}

static uint64_t
dead_letters(void)
{
    struct wf_partition_stats stats = {0};

    wf_partition_add_stats(rig.partition, &stats);
    return stats.dead_letters;
}

// Under way. ------------------------------------------------------------------

// Who is slow, or away, is not sent all that there is for it.
TEST(route, so_many_messages_are_under_way_and_no_more)
{
    rig_open();
    send(WF_LINK_FLIGHT_MESSAGES + 1000, 10);
    CHECK_EQ(count_sent(1), WF_LINK_FLIGHT_MESSAGES);
    receive((struct head){.type = ACK,
                          .generation = rig.partition->generation,
                          .seq = 300},
            NULL, 0);
    CHECK_EQ(count_sent(WF_LINK_FLIGHT_MESSAGES + 1), 300);
    rig_close();
}

TEST(route, a_frame_is_of_so_many_bytes_or_of_one_message)
{
    struct head head;

    rig_open();
    send(20, 1000);
    CHECK(next_frame(&head));
    CHECK_EQ(head.count, 9); // it ends with what fills it
    CHECK(next_frame(&head));
    CHECK_EQ(head.seq, 10);
    drop_frames();
    send(2, 10000);
    CHECK(next_frame(&head));
    CHECK_EQ(head.count, 1);
    rig_close();
}

// Who comes back: what is acknowledged is what it has seen, and it asks for
// what comes next. Of who was never heard of nothing is said.
TEST(route, who_comes_back_says_what_it_has_seen_and_asks_for_the_next)
{
    struct head head;

    rig_open();
    route->in_generation = 5;
    route->seen = 7;
    wf_route_open(rig.partition, route);
    wf_gate_release(rig.partition);
    CHECK(next_frame(&head));
    CHECK_EQ(head.type, ACK);
    CHECK_EQ(head.generation, 5);
    CHECK_EQ(head.seq, 7);
    CHECK(next_frame(&head));
    CHECK_EQ(head.type, ASK);
    CHECK_EQ(head.generation, 5);
    CHECK_EQ(head.seq, 8);
    CHECK(!next_frame(&head));
    route->in_generation = 0;
    wf_route_open(rig.partition, route);
    wf_gate_release(rig.partition);
    CHECK(!next_frame(&head));
    rig_close();
}

// Losses. ---------------------------------------------------------------------

// Who asks has not heard that there was a loss: its number says nothing.
TEST(route, who_heard_of_an_older_life_only_is_sent_all_again)
{
    struct head ask = {.type = ASK, .seq = 3};

    rig_open();
    send(3, 10);
    CHECK_EQ(count_sent(1), 3);
    ask.generation = rig.partition->generation - 1;
    receive(ask, NULL, 0);
    CHECK_EQ(count_sent(1), 3);
    ask.generation = rig.partition->generation;
    receive(ask, NULL, 0);
    CHECK_EQ(count_sent(3), 1);
    ask.generation = rig.partition->generation + 1;
    receive(ask, NULL, 0);
    CHECK_EQ(count_sent(1), 0);
    rig_close();
}

// What was seen of an older life says nothing of this one.
TEST(route, only_acknowledgements_of_this_life_count)
{
    struct head ack = {.type = ACK, .seq = 2};

    rig_open();
    send(3, 10);
    ack.generation = rig.partition->generation - 1;
    receive(ack, NULL, 0);
    ack.generation = rig.partition->generation + 1;
    receive(ack, NULL, 0);
    CHECK_EQ(route->acked, 0);
    ack.generation = rig.partition->generation;
    receive(ack, NULL, 0);
    CHECK_EQ(route->acked, 2);
    rig_close();
}

// Those of the other that will not come again count as seen, though nothing of
// them is here and no generation is new.
TEST(route, messages_that_this_log_lost_do_not_hold_up_the_next)
{
    struct head head = {
        .type = MESSAGES, .generation = 1, .seq = 1, .count = 2};

    rig_open();
    receive(head, NULL, 0);
    CHECK_EQ(route->seen, 2);
    head.acked = 5;
    head.seq = 6;
    head.count = 0;
    receive(head, NULL, 0);
    CHECK_EQ(route->seen, 5);
    head.count = 1;
    receive(head, NULL, 0);
    CHECK_EQ(route->seen, 6);
    CHECK_EQ(dead_letters(), 3);
    rig_close();
}

// Numbers 2, 4 and 6 were used again after one loss each; 1 to 7 were seen
// before all of them.
TEST(route, of_losses_that_were_not_heard_of_the_lowest_number_counts)
{
    static const struct wf_base bases[] = {{6, 2}, {7, 4}, {8, 6}};
    struct head head = {.type = MESSAGES, .generation = 5, .count = 7};

    rig_open();
    head.seq = 1;
    receive(head, NULL, 0);
    CHECK_EQ(dead_letters(), 7);
    head.generation = 8;
    head.acked = 1;
    head.seq = 2;
    head.count = 6;
    receive(head, bases, 3);
    CHECK_EQ(dead_letters(), 7 + 6);
    CHECK_EQ(route->seen, 7);
    receive(head, bases, 3); // by now it has heard
    CHECK_EQ(dead_letters(), 7 + 6);
    rig_close();
}

// One that had heard of the first of them: it is the second that counts.
TEST(route, a_loss_that_was_heard_of_counts_no_more)
{
    static const struct wf_base bases[] = {{6, 2}, {7, 4}};
    struct head head = {.type = MESSAGES, .generation = 6, .count = 5};

    rig_open();
    head.seq = 1;
    receive(head, bases, 1);
    CHECK_EQ(dead_letters(), 5);
    head.generation = 7;
    head.seq = 2;
    head.count = 4;
    receive(head, bases, 2);
    CHECK_EQ(dead_letters(), 5 + 2); // 4 and 5 again
    rig_close();
}

static void
check_base(uint32_t i, uint64_t generation, uint64_t seq)
{
    CHECK_EQ(route->bases[i].generation, generation);
    CHECK_EQ(route->bases[i].seq, seq);
}

// The newest losses are known; one that went back behind others says more.
TEST(route, as_many_losses_are_told_as_there_is_room_for)
{
    rig_open();
    for (uint64_t i = 1; i <= WF_LINK_BASES_MAX + 2; i++) {
        wf_route_add_base(route, i, 10 * i);
    }
    CHECK_EQ(route->bases_count, WF_LINK_BASES_MAX);
    check_base(0, 3, 30);
    check_base(WF_LINK_BASES_MAX - 1, WF_LINK_BASES_MAX + 2,
               10 * (WF_LINK_BASES_MAX + 2));
    wf_route_add_base(route, 20, 50);
    CHECK_EQ(route->bases_count, 3);
    check_base(1, 4, 40);
    check_base(2, 20, 50);
    rig_close();
}

// Patience. -------------------------------------------------------------------

// What was acknowledged in time shows that the link works: the rest has its
// time again.
TEST(route, an_acknowledgement_gives_the_rest_its_time_again)
{
    rig_open();
    send(2, 10);
    CHECK_EQ(route->resend.heap.due, 1000 + WF_LINK_RESEND_MS);
    rig.partition->now_ms = 1400;
    receive((struct head){.type = ACK, .generation = 1, .seq = 1}, NULL, 0);
    CHECK_EQ(route->acked, 1);
    CHECK_EQ(route->resend.heap.due, 1400 + WF_LINK_RESEND_MS);
    receive((struct head){.type = ACK, .generation = 1, .seq = 2}, NULL, 0);
    CHECK(!wf_heap_has(&route->resend.heap));
    rig_close();
}

TEST(route, what_is_in_vain_is_tried_again_each_eight_seconds_at_least)
{
    rig_open();
    send(1, 10);
    for (int i = 0; i < 20; i++) {
        wf_alarm_clear(rig.partition, &route->resend);
        wf_route_resend(rig.partition, route);
    }
    CHECK_EQ(route->resend_ms, WF_LINK_RESEND_MS_MAX);
    CHECK_EQ(route->resend.heap.due, 1000 + WF_LINK_RESEND_MS_MAX);
    rig_close();
}

// It has a turn a commit, so that what waits for the link does not fill memory.
TEST(route, who_sends_to_one_that_is_far_behind_is_held_up)
{
    struct wf_ready *ready;
    struct wf_key key;

    rig_open();
    ready = &rig.partition->ready;
    CHECK_OK(wf_key_make("default", "kind", "a", &key));
    ready->running = wf_residents_get(rig.partition, &key);
    wf_key_fini(&key);
    send(WF_LINK_BEHIND_MESSAGES, 10);
    wf_gate_send(rig.partition, route);
    CHECK(!ready->is_spent);
    send(1, 10);
    wf_gate_send(rig.partition, route);
    CHECK(ready->is_spent);
    ready->running = NULL;
    rig_close();
}
