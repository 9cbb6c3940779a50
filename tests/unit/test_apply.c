// SPDX-License-Identifier: Apache-2.0
//
// test_apply.c - operations on an actor that are cut, strange, or about what it
// does not have: refused, or without effect, and never more than that. Resets
// and forks are in test_apply_reset.c.

#include <stdio.h>
#include <string.h>

#include "apply_rig.h"
#include "base/limits.h"
#include "runtime/actor.h"
#include "runtime/attributes.h"
#include "runtime/child.h"
#include "runtime/letter.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/route.h"
#include "runtime/timers.h"
#include "support/test.h"

TEST(apply, an_operation_that_ends_early_is_refused)
{
    static const struct {
        enum wf_op op;
        const char *fields; // a number, bytes, a client
    } ops[] = {
        {WF_OP_RETRY, "VVB"},
        {WF_OP_PARK, "B"},
        {WF_OP_CRASHED, "B"},
        {WF_OP_STATE, "VB"},
        {WF_OP_TIMER_SET, "VVB"},
        {WF_OP_TIMER_CLEAR, "V"},
        {WF_OP_COMMAND_OPEN, "VVBBBB"},
        {WF_OP_PUBLISH, "BB"},
        {WF_OP_UNPUBLISH, "B"},
        {WF_OP_FINISH, "VBBBB"},
        {WF_OP_VERSION, "V"},
        {WF_OP_OPERATED, "BBB"},
        {WF_OP_RUN_AGAIN, "VB"},
        {WF_OP_MEMO, "BB"},
        {WF_OP_UPDATE_OPEN, "VBCVV"},
        {WF_OP_UPDATE_ACCEPT, "V"},
        {WF_OP_UPDATE_DONE, "VVB"},
        {WF_OP_UPDATE_DROP, "V"},
        {WF_OP_CALL_CLOSE, "V"},
        {WF_OP_CALL_ASK, "VV"},
        {WF_OP_QUESTION_KEEP, "VB"},
        {WF_OP_QUESTION_DROP, "V"},
        {WF_OP_FORK, "V"},
    };

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
        struct wf_buf whole = {0};
        size_t len = 1;

        wf_buf_put_u8(&whole, (uint8_t)ops[i].op);
        for (const char *field = ops[i].fields; *field != '\0'; field++) {
            if (*field == 'V') {
                wf_buf_put_varint(&whole, 3);
            } else if (*field == 'B') {
                wf_buf_put_text(&whole, "text");
            } else {
                wf_buf_put(&whole, "0123456789abcdef", 16);
            }
        }
        for (; len <= whole.len; len++) {
            struct rig rig = rig_begin();

            wf_buf_put(&rig.ops, whole.data, len);
            CHECK_EQ(rig_apply(&rig), len == whole.len);
            rig_end(&rig);
        }
        wf_buf_fini(&whole);
    }
}

TEST(apply, an_operation_of_nobody_is_refused)
{
    struct rig rig = rig_begin();

    rig_put_op(&rig, (enum wf_op)0);
    CHECK(!rig_apply(&rig));
    rig_put_op(&rig, (enum wf_op)250);
    CHECK(!rig_apply(&rig));
    rig_put_op(&rig, WF_OP_EPOCH);
    rig_put_number(&rig, 7);
    CHECK(!rig_apply(&rig));
    rig_end(&rig);
}

// What comes behind the one that is refused is not looked at.
TEST(apply, letters_that_are_not_there_are_not_taken)
{
    struct rig rig = rig_begin();

    rig_push(&rig);
    rig_put_op(&rig, WF_OP_POP);
    CHECK(rig_apply(&rig));
    rig_put_op(&rig, WF_OP_POP);
    rig_put_op(&rig, WF_OP_PUSH);
    rig_put_letter(&rig, WF_LETTER_SIGNAL);
    CHECK(!rig_apply(&rig));
    CHECK_EQ(wf_mailbox_count(&rig.actor->mailbox), 0);
    rig_put_op(&rig, WF_OP_JOURNAL_LETTER);
    CHECK(!rig_apply(&rig));
    CHECK_EQ(rig.actor->journal.count, 0);
    rig_end(&rig);
}

// It is a later turn that finds it strange.
TEST(apply, a_letter_that_does_not_decode_waits_as_any_other)
{
    struct rig rig = rig_begin();

    rig_put_op(&rig, WF_OP_PUSH);
    rig_put_text(&rig, "none");
    CHECK(rig_apply(&rig));
    CHECK_EQ(wf_mailbox_count(&rig.actor->mailbox), 1);
    rig_put_op(&rig, WF_OP_RESTART);
    rig_put_text(&rig, "input");
    rig_put_text(&rig, "none");
    CHECK(!rig_apply(&rig));
    rig_end(&rig);
}

// There is no number for what comes before the first of all letters.
TEST(apply, nothing_comes_before_the_first_letter_of_all)
{
    struct rig rig = rig_begin();

    rig_put_op(&rig, WF_OP_RESTART);
    rig_put_text(&rig, "input");
    rig_put_letter(&rig, WF_LETTER_SIGNAL);
    CHECK(!rig_apply(&rig));
    rig_end(&rig);
    rig = rig_begin();
    rig_push(&rig);
    rig_put_op(&rig, WF_OP_POP);
    rig_put_op(&rig, WF_OP_RESTART);
    rig_put_text(&rig, "input");
    rig_put_letter(&rig, WF_LETTER_SIGNAL);
    CHECK(rig_apply(&rig));
    CHECK_EQ(wf_mailbox_count(&rig.actor->mailbox), 1);
    rig_end(&rig);
}

TEST(apply, a_patch_stays_within_the_state)
{
    struct rig rig = rig_begin();

    rig_put_op(&rig, WF_OP_STATE);
    rig_put_number(&rig, 1);
    rig_put_text(&rig, "state");
    CHECK(rig_apply(&rig));
    rig_put_op(&rig, WF_OP_STATE_PATCH);
    rig_put_number(&rig, 6);
    rig_put_text(&rig, "");
    CHECK(!rig_apply(&rig));
    rig_put_op(&rig, WF_OP_STATE_PATCH);
    rig_put_number(&rig, 4);
    rig_put_text(&rig, "ed");
    CHECK(!rig_apply(&rig));
    rig_put_op(&rig, WF_OP_STATE_PATCH);
    rig_put_number(&rig, UINT64_MAX);
    rig_put_text(&rig, "ed");
    CHECK(!rig_apply(&rig));
    rig_put_op(&rig, WF_OP_STATE_PATCH);
    rig_put_number(&rig, 5);
    rig_put_text(&rig, "");
    rig_put_op(&rig, WF_OP_STATE_PATCH);
    rig_put_number(&rig, 2);
    rig_put_text(&rig, "ir");
    CHECK(rig_apply(&rig));
    CHECK_BYTES(rig.actor->state, weft_text("stire"));
    rig_end(&rig);
}

TEST(apply, a_call_has_one_number_and_somebody_to_call)
{
    struct rig rig = rig_begin();

    rig_put_call(&rig, 1, "d\0k\0i", 5);
    CHECK(rig_apply(&rig));
    rig_put_call(&rig, 1, "d\0k\0j", 5);
    CHECK(!rig_apply(&rig));
    rig_put_call(&rig, 2, "nobody", 6);
    CHECK(!rig_apply(&rig));
    rig_end(&rig);
}

// Nobody makes it; it is found under the name that it was given last, and
// nothing else of it is.
TEST(apply, a_timer_may_get_another_name)
{
    struct rig rig = rig_begin();
    char name[8];

    for (uint64_t i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof(name), "n%d", (int)i);
        rig_put_op(&rig, WF_OP_TIMER_SET);
        rig_put_number(&rig, i % 100 + 1);
        rig_put_number(&rig, 5000);
        rig_put_text(&rig, name);
        CHECK(rig_apply(&rig));
    }
    CHECK_EQ(rig.actor->timers.list.count, 100);
    CHECK(wf_timers_find(rig.actor, "n7") == NULL);
    CHECK_EQ(wf_timers_find(rig.actor, "n107")->id, 8);
    rig_put_op(&rig, WF_OP_TIMER_CLEAR);
    rig_put_number(&rig, 8);
    CHECK(rig_apply(&rig));
    CHECK(wf_timers_find(rig.actor, "n107") == NULL);
    rig_end(&rig);
}

TEST(apply, numbers_of_what_is_open_are_given_once)
{
    struct rig rig = rig_begin();

    for (int i = 0; i < 2; i++) {
        rig_put_op(&rig, WF_OP_QUESTION_KEEP);
        rig_put_number(&rig, 3);
        rig_put_letter(&rig, WF_LETTER_SIGNAL);
        CHECK_EQ(rig_apply(&rig), i == 0);
        rig_put_op(&rig, WF_OP_UPDATE_OPEN);
        rig_put_number(&rig, 3);
        rig_put_text(&rig, "id");
        wf_buf_put(&rig.ops, "0123456789abcdef", 16);
        rig_put_number(&rig, 1);
        rig_put_number(&rig, 0);
        CHECK_EQ(rig_apply(&rig), i == 0);
        rig_put_op(&rig, WF_OP_COMMAND_OPEN);
        rig_put_number(&rig, 3);
        rig_put_number(&rig, WF_COMMAND_ACTIVITY);
        for (int j = 0; j < 4; j++) {
            rig_put_text(&rig, "text");
        }
        CHECK_EQ(rig_apply(&rig), i == 0);
    }
    CHECK_EQ(rig.actor->next_id, 4);
    rig_put_op(&rig, WF_OP_QUESTION_KEEP); // a lower one, which is free
    rig_put_number(&rig, 2);
    rig_put_letter(&rig, WF_LETTER_SIGNAL);
    CHECK(rig_apply(&rig));
    CHECK_EQ(rig.actor->next_id, 4);
    rig_end(&rig);
}

// It ended before this: nothing is left to be done.
TEST(apply, what_is_not_open_any_more_is_left_alone)
{
    static const enum wf_op ops[] = {
        WF_OP_TIMER_CLEAR,    WF_OP_CALL_CLOSE,      WF_OP_QUESTION_DROP,
        WF_OP_UPDATE_ACCEPT,  WF_OP_UPDATE_DROP,     WF_OP_COMMAND_CLOSE,
        WF_OP_COMMAND_CANCEL, WF_OP_COMMAND_ABANDON,
    };
    struct rig rig = rig_begin();

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
        rig_put_op(&rig, ops[i]);
        rig_put_number(&rig, 9);
    }
    rig_put_op(&rig, WF_OP_CALL_ASK);
    rig_put_number(&rig, 9);
    rig_put_number(&rig, 1);
    rig_put_op(&rig, WF_OP_UPDATE_DONE);
    rig_put_number(&rig, 9);
    rig_put_number(&rig, 0);
    rig_put_text(&rig, "data");
    CHECK_EQ(rig_apply(&rig), true);
    CHECK_EQ(rig.actor->next_id, 0);
    rig_end(&rig);
}

TEST(apply, more_letters_than_are_owed_are_not_told)
{
    struct rig rig = rig_begin();

    rig_put_op(&rig, WF_OP_TOLD);
    rig_put_number(&rig, 0);
    CHECK(rig_apply(&rig));
    rig_put_op(&rig, WF_OP_TOLD);
    rig_put_number(&rig, 1);
    CHECK(!rig_apply(&rig));
    rig_put_op(&rig, WF_OP_TOLD);
    CHECK(!rig_apply(&rig));
    rig_end(&rig);
}

TEST(apply, a_memo_has_its_limit_and_attributes_are_attributes)
{
    static const char large[WF_MEMO_BYTES_MAX + 1];
    weft_attribute vip = weft_attribute_bool("vip", 1);
    struct wf_buf entry = {0};
    struct rig rig = rig_begin();

    rig_put_op(&rig, WF_OP_MEMO);
    rig_put_text(&rig, "name");
    wf_buf_put_bytes(&rig.ops, weft_bytes_of(large, sizeof(large)));
    CHECK(!rig_apply(&rig));
    CHECK_EQ(rig.actor->memo.len, 0);
    rig_put_op(&rig, WF_OP_ATTRIBUTE);
    rig_put_text(&rig, "none");
    CHECK(!rig_apply(&rig));
    rig_put_op(&rig, WF_OP_ATTRIBUTE);
    CHECK(!rig_apply(&rig));
    CHECK_EQ(rig.actor->attributes.len, 0);
    wf_attributes_put(&entry, &vip);
    rig_put_op(&rig, WF_OP_ATTRIBUTE);
    wf_buf_put_bytes(&rig.ops, wf_buf_bytes(&entry));
    CHECK(rig_apply(&rig));
    CHECK(rig.actor->attributes.len > 0);
    wf_buf_fini(&entry);
    rig_end(&rig);
}

static void
put_create(struct rig *rig, const char *parent, const char *options)
{
    rig_put_op(rig, WF_OP_CREATE);
    for (int i = 0; i < 3; i++) {
        rig_put_number(rig, 1);
    }
    rig_put_text(rig, parent);
    rig_put_number(rig, 0);
    rig_put_number(rig, 0);
    rig_put_text(rig, "input");
    rig_put_text(rig, options);
}

TEST(apply, a_start_has_a_parent_or_none_and_options_that_decode)
{
    struct rig rig = rig_begin();

    put_create(&rig, "", "");
    CHECK(rig_apply(&rig));
    put_create(&rig, "nobody", "");
    CHECK(!rig_apply(&rig));
    put_create(&rig, "", "\xff\xff");
    CHECK(!rig_apply(&rig));
    rig_end(&rig);
}

TEST(apply, what_is_imported_or_reset_must_be_there)
{
    struct rig rig = rig_begin();

    rig_put_op(&rig, WF_OP_IMPORT);
    rig_put_text(&rig, "no image");
    CHECK(!rig_apply(&rig));
    rig_end(&rig);
    rig = rig_begin();
    rig_put_op(&rig, WF_OP_RESET);
    rig_put_number(&rig, 1); // entry; there is none
    rig_put_number(&rig, 0);
    CHECK(!rig_apply(&rig));
    CHECK_EQ(rig.actor->run, 0);
    rig_end(&rig);
}

// The oldest go.
TEST(apply, of_what_operators_did_the_latest_is_kept)
{
    struct rig rig = rig_begin();

    for (int i = 0; i < WF_OPERATIONS_MAX + 2; i++) {
        rig_put_op(&rig, WF_OP_OPERATED);
        for (int j = 0; j < 3; j++) {
            rig_put_text(&rig, "text");
        }
        CHECK(rig_apply(&rig));
    }
    CHECK_EQ(rig.actor->operations.count, WF_OPERATIONS_MAX);
    CHECK_EQ(WF_CONTAINER(wf_list_first(&rig.actor->operations),
                          struct wf_operation, node)
                 ->number,
             3);
    rig_end(&rig);
}

// A child is asked once, and wanted again if that was taken back.
TEST(apply, a_child_is_asked_to_stop_once)
{
    static const struct {
        uint64_t how;
        bool is_given_up;
    } asks[] = {
        {WF_ASK_CANCEL | WF_ASK_TELL, false},
        {WF_ASK_CANCEL, false},
        {WF_ASK_GIVEN_UP, true},
        {WF_ASK_CANCEL, true},
        {WF_ASK_WANTED, false},
    };
    struct rig rig = rig_begin();

    rig_put_call(&rig, 1, "d\0k\0i", 5);
    CHECK(rig_apply(&rig));
    for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
        rig_put_op(&rig, WF_OP_CALL_ASK);
        rig_put_number(&rig, 1);
        rig_put_number(&rig, asks[i].how);
        CHECK(rig_apply(&rig));
        CHECK_EQ(wf_actor_find_call(rig.actor, 1)->is_given_up,
                 asks[i].is_given_up);
        CHECK_EQ(rig.actor->orders.list.count, 1);
    }
    rig_end(&rig);
}

// Records. --------------------------------------------------------------------

TEST(apply, of_records_that_wait_none_comes_after_one_that_is_refused)
{
    static const uint8_t bad[] = {250};
    struct rig rig = rig_begin();
    struct wf_buf sections = {0};
    struct wf_buf text = {0};

    rig.actor->residency = WF_RESIDENCY_STUB;
    wf_buf_put_u8(&text, WF_OP_VERSION);
    wf_buf_put_varint(&text, 7);
    for (uint64_t record = 1; record <= 3; record++) {
        wf_buf_reset(&sections);
        wf_section_put(
            &sections, WF_SECTION_ACTOR, wf_key_bytes(&rig.actor->key),
            record == 2 ? weft_bytes_of(bad, 1) : wf_buf_bytes(&text));
        text.data[1]++; // another version
        CHECK(wf_apply_record(rig.partition, record, 1000,
                              wf_sections_of(wf_buf_bytes(&sections))));
    }
    CHECK_EQ(rig.actor->pending.count, 3);
    CHECK(!wf_apply_pending(rig.partition, rig.actor));
    CHECK_EQ(rig.actor->pending.count, 0);
    CHECK_EQ(rig.actor->version, 7);
    wf_buf_fini(&sections);
    wf_buf_fini(&text);
    rig_end(&rig);
}

// Whoever asks for it is told; it is not taken for what it was before.
TEST(apply, an_actor_whose_records_do_not_apply_is_not_loaded)
{
    static const uint8_t bad[] = {250};
    struct rig rig = rig_begin();
    struct wf_buf sections = {0};
    struct wf_load *load;

    rig.actor->residency = WF_RESIDENCY_STUB;
    rig.actor->status = WEFT_STATUS_NONE;
    wf_section_put(&sections, WF_SECTION_ACTOR, wf_key_bytes(&rig.actor->key),
                   weft_bytes_of(bad, 1));
    CHECK(wf_apply_record(rig.partition, 1, 1000,
                          wf_sections_of(wf_buf_bytes(&sections))));
    wf_residents_want(rig.partition, rig.actor);
    load = WF_CONTAINER(wf_list_pop_front(&rig.partition->outputs.loads),
                        struct wf_load, node);
    wf_residents_loaded(rig.partition, load); // there is no row
    CHECK_EQ(rig.actor->residency, WF_RESIDENCY_BROKEN);
    wf_buf_fini(&sections);
    rig_end(&rig);
}

TEST(apply, a_record_that_the_actor_reflects_is_not_applied_again)
{
    struct rig rig = rig_begin();
    struct wf_buf sections = {0};

    rig_put_op(&rig, WF_OP_VERSION);
    rig_put_number(&rig, 7);
    wf_section_put(&sections, WF_SECTION_ACTOR, wf_key_bytes(&rig.actor->key),
                   wf_buf_bytes(&rig.ops));
    rig.actor->object.position = 5;
    CHECK(wf_apply_record(rig.partition, 5, 1000,
                          wf_sections_of(wf_buf_bytes(&sections))));
    CHECK_EQ(rig.actor->version, 0);
    CHECK(wf_apply_record(rig.partition, 6, 1000,
                          wf_sections_of(wf_buf_bytes(&sections))));
    CHECK_EQ(rig.actor->version, 7);
    CHECK_EQ(rig.actor->object.position, 6);
    wf_buf_reset(&sections);
    wf_section_put(&sections, WF_SECTION_ACTOR, wf_key_bytes(&rig.actor->key),
                   weft_text("?"));
    CHECK(!wf_apply_record(rig.partition, 7, 1000,
                           wf_sections_of(wf_buf_bytes(&sections))));
    wf_buf_fini(&sections);
    rig_end(&rig);
}

TEST(apply, an_acknowledgement_of_what_was_acknowledged_changes_nothing)
{
    struct rig rig = rig_begin();
    struct wf_buf sections = {0};
    struct wf_route *route = wf_route_get(rig.partition, 0);

    for (uint64_t seq = 9; seq >= 8; seq--) {
        rig_put_op(&rig, WF_OP_ACKED);
        rig_put_number(&rig, 0);
        rig_put_number(&rig, seq);
        wf_buf_reset(&sections);
        wf_section_put(&sections, WF_SECTION_PARTITION, weft_nothing(),
                       wf_buf_bytes(&rig.ops));
        wf_buf_reset(&rig.ops);
        CHECK(wf_apply_record(rig.partition, 20 - seq, 1000,
                              wf_sections_of(wf_buf_bytes(&sections))));
        CHECK_EQ(route->acked, 9);
    }
    wf_buf_fini(&sections);
    rig_end(&rig);
}
