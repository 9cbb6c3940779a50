// SPDX-License-Identifier: Apache-2.0
//
// sim_frames.c - frames that no partition would send: what does not decode, is
// about messages that were never sent, or about another life.

#include <stdio.h>
#include <string.h>

#include "base/key.h"
#include "runtime/letter.h"
#include "runtime/partition_impl.h"
#include "sim/world_impl.h"
#include "support/test.h"
#include "weft/weft.h"

enum { MESSAGES = 1, ACK, ASK };

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *count = state;
    char text[32];

    *count += strcmp(message->name, "add") == 0;
    if (strcmp(message->name, "tell") == 0) {
        CHECK_OK(weft_actor_send(actor,
                                 (weft_target){"counter", message->data.data},
                                 "add", weft_nothing()));
    }
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)*count);
    return weft_actor_reply(actor, weft_text(text));
}

// Two partitions, and an actor in each; that in 0 has sent to that in 1.
struct rig {
    weft_definitions *definitions;
    struct world *world;
    char ids[2][16];
};

static void
find_id(struct rig *rig, uint32_t site)
{
    for (int i = 0;; i++) {
        struct wf_key key;
        bool is_there;

        (void)snprintf(rig->ids[site], sizeof(rig->ids[site]), "a%d", i);
        CHECK_OK(wf_key_make("default", "counter", rig->ids[site], &key));
        is_there = wf_key_partition(&key, 2) == site;
        wf_key_fini(&key);
        if (is_there) {
            return;
        }
    }
}

static void
tell(struct rig *rig)
{
    CHECK_OK(world_ask(rig->world, WEFT_VERB_ASK, "counter", rig->ids[0],
                       "tell",
                       weft_bytes_of(rig->ids[1], strlen(rig->ids[1]) + 1))
                 ->err);
    world_settle(rig->world, 1000);
}

static void
check_count(struct rig *rig, const char *expected)
{
    const struct world_call *call =
        world_ask(rig->world, WEFT_VERB_ASK, "counter", rig->ids[1], "read",
                  weft_nothing());

    CHECK_OK(call->err);
    CHECK_STR(call->data, expected);
}

static struct rig
begin(void)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    struct rig rig = {0};

    def.name = "counter";
    def.receive = receive;
    def.state_bytes = sizeof(uint64_t);
    CHECK_OK(weft_definitions_create(&rig.definitions));
    CHECK_OK(weft_definitions_add_actor(rig.definitions, &def));
    rig.world = world_create(&(struct world_options){
        .seed = 11,
        .definitions = rig.definitions,
        .is_traced = true,
        .sites = 2,
    });
    find_id(&rig, 0);
    find_id(&rig, 1);
    tell(&rig);
    check_count(&rig, "1");
    world_trace_clear(rig.world);
    return rig;
}

// After all of it they count on as before.
static void
end(struct rig *rig, const char *expected)
{
    tell(rig);
    check_count(rig, expected);
    CHECK_EQ(world_audit(rig->world), 0);
    world_destroy(rig->world);
    weft_definitions_destroy(rig->definitions);
}

struct head {
    uint8_t format;
    uint8_t type;
    uint16_t source;
    uint64_t generation;
    uint64_t base;
    uint64_t acked;
    uint64_t seq;
};

static void
put_head(struct wf_buf *frame, struct head head)
{
    wf_buf_put_u8(frame, head.format == 0 ? 1 : head.format);
    wf_buf_put_u8(frame, head.type);
    wf_buf_put_u16(frame, head.source);
    wf_buf_put_u64(frame, 1);
    wf_buf_put_u64(frame, head.generation);
    wf_buf_put_u64(frame, head.base);
    wf_buf_put_u64(frame, head.acked);
    wf_buf_put_u64(frame, head.seq);
}

// Give it to that partition, and empty it.
static void
give(struct rig *rig, uint32_t site, struct wf_buf *frame)
{
    wf_route_receive(world_partition(rig->world, site), wf_buf_bytes(frame));
    wf_buf_reset(frame);
    world_settle(rig->world, 1000);
}

static bool
is_said(const struct rig *rig, const char *text)
{
    bool is_found = strstr(world_trace(rig->world), text) != NULL;

    world_trace_clear(rig->world);
    return is_found;
}

static uint64_t
generation_of(const struct rig *rig, uint32_t site)
{
    return world_partition(rig->world, site)->generation;
}

TEST(frames, that_are_cut_or_of_another_format_are_dropped)
{
    struct rig rig = begin();
    struct wf_buf frame = {0};
    struct wf_buf cut = {0};

    put_head(&frame, (struct head){.type = ACK, .source = 1, .seq = 1});
    for (size_t len = 0; len < frame.len; len += 5) {
        wf_buf_put(&cut, frame.data, len);
        give(&rig, 0, &cut);
        CHECK(is_said(&rig, "malformed"));
    }
    wf_buf_reset(&frame);
    put_head(&frame, (struct head){.format = 9, .type = ACK, .source = 1});
    give(&rig, 0, &frame);
    CHECK(is_said(&rig, "malformed"));
    put_head(&frame, (struct head){.type = ACK, .source = 2});
    give(&rig, 0, &frame);
    CHECK(is_said(&rig, "malformed"));
    put_head(&frame, (struct head){.type = 77, .source = 1});
    give(&rig, 0, &frame);
    CHECK(!is_said(&rig, "malformed"));
    wf_buf_fini(&frame);
    wf_buf_fini(&cut);
    end(&rig, "2");
}

TEST(frames, about_messages_that_were_never_sent_are_said_to_be_so)
{
    struct rig rig = begin();
    uint64_t generation = generation_of(&rig, 0);
    struct wf_buf frame = {0};

    put_head(&frame, (struct head){.type = ACK,
                                   .source = 1,
                                   .generation = generation,
                                   .seq = 1000});
    give(&rig, 0, &frame);
    CHECK(is_said(&rig, "p1 has seen message 1000, of which 1 were sent"));
    put_head(&frame, (struct head){.type = ACK,
                                   .source = 1,
                                   .generation = generation + 1,
                                   .seq = 1000});
    give(&rig, 0, &frame);
    CHECK(!is_said(&rig, "has seen"));
    for (uint64_t seq = 0; seq < 3; seq++) { // asked for what was acknowledged
        put_head(&frame, (struct head){.type = ASK,
                                       .source = 1,
                                       .generation = generation + seq % 2,
                                       .seq = seq});
        give(&rig, 0, &frame);
    }
    CHECK_EQ(world_partition(rig.world, 0)->routes[1]->sent, 1);
    wf_buf_fini(&frame);
    end(&rig, "2");
}

// A message for the actor in partition 1.
static void
put_add(struct rig *rig, struct wf_buf *frame)
{
    struct wf_buf envelope = {0};
    struct wf_buf letter = {0};
    struct wf_key key;

    CHECK_OK(wf_key_make("default", "counter", rig->ids[1], &key));
    wf_letter_encode(
        &(struct wf_letter){.type = WF_LETTER_SIGNAL, .name = weft_text("add")},
        &letter);
    wf_buf_put_bytes(&envelope, wf_key_bytes(&key));
    wf_buf_put_bytes(&envelope, wf_buf_bytes(&letter));
    wf_buf_put_bytes(frame, wf_buf_bytes(&envelope));
    wf_key_fini(&key);
    wf_buf_fini(&envelope);
    wf_buf_fini(&letter);
}

TEST(frames, of_an_older_life_of_their_sender_are_not_taken)
{
    struct rig rig = begin();
    struct wf_buf frame = {0};

    put_head(&frame, (struct head){.type = MESSAGES,
                                   .generation = generation_of(&rig, 0) - 1,
                                   .seq = 2});
    wf_buf_put_varint(&frame, 1);
    put_add(&rig, &frame);
    give(&rig, 1, &frame);
    check_count(&rig, "1");
    wf_buf_fini(&frame);
    end(&rig, "2");
}

// What says that it has more than it has is taken as far as it goes.
TEST(frames, that_end_early_are_taken_as_far_as_they_go)
{
    struct rig rig = begin();
    struct wf_buf frame = {0};

    put_head(&frame, (struct head){.type = MESSAGES,
                                   .generation = generation_of(&rig, 0),
                                   .base = 1,
                                   .acked = 1,
                                   .seq = 2});
    wf_buf_put_varint(&frame, 5);
    put_add(&rig, &frame);
    give(&rig, 1, &frame);
    check_count(&rig, "2");
    wf_buf_fini(&frame);
    end(&rig, "2"); // its number is used up: the sender knows of none
}

// They do not block the link: they are put aside.
TEST(frames, with_messages_that_are_none_leave_dead_letters)
{
    static const char *const bad[] = {"", "x", "\x05nobody\x04what"};
    struct rig rig = begin();
    struct wf_buf frame = {0};
    struct wf_buf envelope = {0};
    struct wf_buf letter = {0};
    struct wf_partition_stats stats;

    wf_letter_encode(
        &(struct wf_letter){.type = WF_LETTER_SIGNAL, .name = weft_text("add")},
        &letter);
    put_head(&frame, (struct head){.type = MESSAGES,
                                   .generation = generation_of(&rig, 0),
                                   .base = 1,
                                   .acked = 1,
                                   .seq = 2});
    wf_buf_put_varint(&frame, 5);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        wf_buf_put_text(&frame, bad[i]);
    }
    wf_buf_put_bytes(&envelope, weft_text("nobody")); // a letter, and no key
    wf_buf_put_bytes(&envelope, wf_buf_bytes(&letter));
    wf_buf_put_bytes(&frame, wf_buf_bytes(&envelope));
    wf_buf_reset(&envelope); // a key of the other partition
    {
        struct wf_key key;

        CHECK_OK(wf_key_make("default", "counter", rig.ids[0], &key));
        wf_buf_put_bytes(&envelope, wf_key_bytes(&key));
        wf_key_fini(&key);
    }
    wf_buf_put_bytes(&envelope, wf_buf_bytes(&letter));
    wf_buf_put_bytes(&frame, wf_buf_bytes(&envelope));
    give(&rig, 1, &frame);
    world_stats(rig.world, &stats);
    check_count(&rig, "1");
    CHECK_EQ(world_partition(rig.world, 1)->routes[0]->seen, 6);
    CHECK_EQ(world_partition(rig.world, 1)->next_letter, 5);
    wf_buf_fini(&frame);
    wf_buf_fini(&envelope);
    wf_buf_fini(&letter);
    world_destroy(rig.world);
    weft_definitions_destroy(rig.definitions);
}
