// SPDX-License-Identifier: Apache-2.0
//
// sim_frames.c - frames that no partition would send: what does not decode, is
// about messages that were never sent, or about another life.

#include <stdio.h>
#include <string.h>

#include "base/key.h"
#include "runtime/letter.h"
#include "runtime/partition_impl.h"
#include "runtime/route.h"
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
    if (strcmp(message->name, "spawn") == 0) {
        uint32_t call;

        CHECK_OK(weft_actor_spawn(actor,
                                  (weft_target){"child", message->data.data},
                                  weft_nothing(), NULL, &call));
    }
    if (strcmp(message->name, "tell") == 0) {
        CHECK_OK(weft_actor_send(actor,
                                 (weft_target){"counter", message->data.data},
                                 "add", weft_nothing()));
    }
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)*count);
    return weft_actor_reply(actor, weft_text(text));
}

static weft_err
wait_for_go(weft_workflow *wf, weft_bytes input)
{
    weft_err err = weft_workflow_receive(wf, "go", WEFT_FOREVER, &input);

    return err == WEFT_OK ? weft_workflow_return(wf, input) : err;
}

static void
define(weft_definitions *definitions)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def flow = WEFT_WORKFLOW_DEF_INIT;

    def.name = "counter";
    def.receive = receive;
    def.state_bytes = sizeof(uint64_t);
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    def.name = "child";
    def.creation = WEFT_CREATION_ON_START;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
    flow.name = "flow";
    flow.run = wait_for_go;
    CHECK_OK(weft_definitions_add_workflow(definitions, &flow));
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
    struct rig rig = {0};

    CHECK_OK(weft_definitions_create(&rig.definitions));
    define(rig.definitions);
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
    wf_buf_put_u64(frame, head.acked);
    wf_buf_put_u64(frame, head.seq);
    if (head.type == MESSAGES) {
        wf_buf_put_varint(frame, 1);
        wf_buf_put_varint(frame, head.generation);
        wf_buf_put_varint(frame, head.base);
    }
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

// Letters that nobody would send. ---------------------------------------------

// The next message from partition 0, for the actor of that kind and the id in
// partition 1. The link goes on behind it, so no other may be sent by then.
static void
send(struct rig *rig, const char *kind, struct wf_letter letter)
{
    struct wf_partition *to = world_partition(rig->world, 1);
    struct wf_buf frame = {0};
    struct wf_buf envelope = {0};
    struct wf_buf bytes = {0};
    struct wf_key key;

    CHECK_OK(wf_key_make("default", kind, rig->ids[1], &key));
    wf_letter_encode(&letter, &bytes);
    wf_buf_put_bytes(&envelope, wf_key_bytes(&key));
    wf_buf_put_bytes(&envelope, wf_buf_bytes(&bytes));
    put_head(&frame, (struct head){.type = MESSAGES,
                                   .generation = generation_of(rig, 0),
                                   .base = 1,
                                   .acked = to->routes[0]->seen,
                                   .seq = to->routes[0]->seen + 1});
    wf_buf_put_varint(&frame, 1);
    wf_buf_put_bytes(&frame, wf_buf_bytes(&envelope));
    give(rig, 1, &frame);
    wf_key_fini(&key);
    wf_buf_fini(&frame);
    wf_buf_fini(&envelope);
    wf_buf_fini(&bytes);
}

// Nothing waits for anything, and what was there goes on.
static void
end_after_letters(struct rig *rig, const char *count)
{
    check_count(rig, count);
    CHECK_EQ(world_audit(rig->world), 0);
    world_destroy(rig->world);
    weft_definitions_destroy(rig->definitions);
}

TEST(frames, letters_for_a_kind_that_is_not_there_are_refused)
{
    static const enum wf_letter_type types[] = {
        WF_LETTER_START, WF_LETTER_SIGNAL, WF_LETTER_CANCEL, WF_LETTER_CHILD};
    struct rig rig = begin();

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        send(&rig, "unknown",
             (struct wf_letter){.type = types[i], .name = weft_text("x")});
    }
    CHECK(is_said(&rig, "its kind is not registered here"));
    end_after_letters(&rig, "1");
}

TEST(frames, a_start_whose_options_do_not_decode_is_refused)
{
    struct rig rig = begin();
    const weft_bytes senders[] = {weft_text("nobody"),
                                  weft_bytes_of("default\0flow\0x", 14)};

    for (size_t i = 0; i < 2; i++) {
        send(&rig, "flow",
             (struct wf_letter){.type = WF_LETTER_START,
                                .sender = senders[i],
                                .call = 7,
                                .name = weft_text("told"),
                                .options = weft_text("\xff\xff")});
    }
    CHECK_ERR(world_ask(rig.world, WEFT_VERB_DESCRIBE, "flow", rig.ids[1], "",
                        weft_nothing())
                  ->err,
              WEFT_ENOTFOUND);
    end_after_letters(&rig, "1");
}

TEST(frames, a_question_of_nobody_is_handled_and_not_answered)
{
    struct rig rig = begin();

    send(&rig, "counter",
         (struct wf_letter){
             .type = WF_LETTER_SIGNAL, .name = weft_text("add"), .call = 5});
    send(&rig, "counter",
         (struct wf_letter){.type = WF_LETTER_SIGNAL,
                            .name = weft_text("add"),
                            .call = 5,
                            .sender = weft_text("nobody")});
    end_after_letters(&rig, "3");
}

// The parent's word counts only if it is about this life.
TEST(frames, a_child_is_ended_by_the_call_that_it_is_of)
{
    struct rig rig = begin();
    const struct wf_actor *parent;
    struct wf_letter letter = {.type = WF_LETTER_TERMINATE};
    const struct world_call *call;
    struct wf_key key;

    CHECK_OK(world_ask(rig.world, WEFT_VERB_ASK, "counter", rig.ids[0], "spawn",
                       weft_bytes_of(rig.ids[1], strlen(rig.ids[1]) + 1))
                 ->err);
    world_settle(rig.world, 1000);
    CHECK_OK(wf_key_make("default", "counter", rig.ids[0], &key));
    parent =
        wf_residents_find(world_partition(rig.world, 0), wf_key_bytes(&key));
    letter.sender = wf_key_bytes(&key);
    for (int i = 0; i < 2; i++) {
        letter.sender_run = parent->run + (i == 0);
        letter.call = 5;
        letter.type = i == 0 ? WF_LETTER_TERMINATE : WF_LETTER_CANCEL;
        send(&rig, "child", letter);
    }
    call = world_ask(rig.world, WEFT_VERB_DESCRIBE, "child", rig.ids[1], "",
                     weft_nothing());
    CHECK_OK(call->err);
    CHECK_EQ(call->item.status, WEFT_STATUS_RUNNING);
    wf_key_fini(&key);
    end_after_letters(&rig, "1");
}

// Of a life that has not asked for it: the workflow goes on as if it had not
// come, replayed as well.
TEST(frames, results_of_what_was_not_called_are_nothing_to_a_workflow)
{
    struct rig rig = begin();
    const struct world_call *call;
    uint64_t run;

    CHECK_OK(world_ask(rig.world, WEFT_VERB_START, "flow", rig.ids[1], "",
                       weft_nothing())
                 ->err);
    run = world_ask(rig.world, WEFT_VERB_DESCRIBE, "flow", rig.ids[1], "",
                    weft_nothing())
              ->item.run;
    for (uint32_t i = 0; i < 2; i++) {
        send(&rig, "flow",
             (struct wf_letter){.type = WF_LETTER_ACTIVITY,
                                .sender_run = run,
                                .call = i * 999});
        send(&rig, "flow",
             (struct wf_letter){
                 .type = WF_LETTER_TIMER, .sender_run = run, .call = i * 999});
    }
    world_crash(rig.world, 1);
    CHECK_OK(world_ask(rig.world, WEFT_VERB_SIGNAL, "flow", rig.ids[1], "go",
                       weft_text("on"))
                 ->err);
    call = world_ask(rig.world, WEFT_VERB_RESULT, "flow", rig.ids[1], "",
                     weft_nothing());
    CHECK_OK(call->err);
    CHECK_STR(call->data, "on");
    end_after_letters(&rig, "1");
}
