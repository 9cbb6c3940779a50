// SPDX-License-Identifier: Apache-2.0
//
// test_exchange_answer.c - what a node answers to those that ask it, and what
// it learns of them by that.

#include <string.h>

#include "base/alloc.h"
#include "exchange_rig.h"
#include "support/test.h"

// Who is close. ---------------------------------------------------------------

static bool
is_close(struct rig *rig, uint32_t partition, const char *id)
{
    return wf_exchange_is_close(&rig->giver.exchange, partition, id);
}

TEST(exchange_answer, who_is_level_is_close_for_three_seconds)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_append(&rig, 2, 3);
    rig_want(&rig, 2, true);
    (void)rig_step(&rig);
    rig_pass_all(&rig);
    CHECK(!is_close(&rig, 2, "b")); // it has begun
    (void)rig_step(&rig);
    rig_pass_all(&rig);
    CHECK(is_close(&rig, 2, "b"));
    CHECK(!is_close(&rig, 2, "c"));
    CHECK(!is_close(&rig, 1, "b"));
    CHECK_EQ(rig.giver.changes, 1);
    rig.now_ms += 20;
    rig_settle(&rig);
    CHECK_EQ(rig.giver.changes, 1); // it was close before
    rig.now_ms += 3000;
    CHECK(is_close(&rig, 2, "b"));
    rig.now_ms += 1;
    CHECK(!is_close(&rig, 2, "b"));
    rig_free(&rig);
}

TEST(exchange_answer, who_has_not_all_files_is_not_close)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_make_snapshot(&rig);
    rig_want(&rig, 0, true);
    for (int i = 0; i < 5; i++) { // the beginning, and all files
        (void)rig_step(&rig);
        rig_pass_all(&rig);
        CHECK(!is_close(&rig, 0, "b"));
    }
    rig_settle(&rig);
    CHECK(is_close(&rig, 0, "b"));
    rig_free(&rig);
}

TEST(exchange_answer, who_is_many_commits_behind_is_not_close)
{
    struct rig rig;

    rig_make(t, &rig);
    rig_append(&rig, 2, 220); // a piece is some 110 of them
    rig_want(&rig, 2, true);
    (void)rig_step(&rig);
    rig_pass_all(&rig);
    rig_append(&rig, 2, 200);
    (void)rig_step(&rig);
    rig_pass_all(&rig);
    CHECK(!is_close(&rig, 2, "b"));
    CHECK_EQ(rig.giver.changes, 0);
    rig_settle(&rig);
    CHECK(is_close(&rig, 2, "b"));
    rig_free(&rig);
}

// Questions that are none. ----------------------------------------------------

static void
check_refused(struct rig *rig, enum wf_exchange_type type, weft_bytes body,
              weft_err expected)
{
    struct wf_exchange_message answer;
    struct wf_message question = {0};
    struct wf_buf frame = {0};
    struct wf_reader reader;

    wf_exchange_encode(type, 7, body, &frame);
    question.frame = wf_buf_bytes(&frame);
    wf_exchange_answer(&rig->giver.exchange, &question);
    CHECK_EQ(rig_sent_count, 1);
    CHECK(wf_exchange_decode(wf_buf_bytes(&rig_sent[0].frame), &answer));
    CHECK_EQ(answer.type, WF_EXCHANGE_REFUSED);
    CHECK_EQ(answer.number, 7);
    reader = wf_reader_of(answer.body);
    CHECK_ERR((weft_err)wf_reader_varint(&reader), expected);
    rig_drop_all();
    wf_buf_fini(&frame);
}

TEST(exchange_answer, what_is_no_question_is_refused)
{
    struct wf_buf body = {0};
    struct rig rig;

    rig_make(t, &rig);
    check_refused(&rig, WF_EXCHANGE_REFUSED, weft_nothing(), WEFT_EINVAL);
    check_refused(&rig, WF_EXCHANGE_MOVE, weft_text("no ask"), WEFT_ECORRUPT);
    check_refused(&rig, WF_EXCHANGE_FILE, weft_text("no hash"), WEFT_EINVAL);
    wf_buf_put_varint(&body, PARTITIONS);
    wf_buf_put_text(&body, "b");
    check_refused(&rig, WF_EXCHANGE_WANT, wf_buf_bytes(&body), WEFT_EINVAL);
    wf_buf_reset(&body);
    wf_buf_put_varint(&body, 0);
    check_refused(&rig, WF_EXCHANGE_WANT, wf_buf_bytes(&body), WEFT_EINVAL);
    CHECK_EQ(wf_ledger_part(rig.giver.exchange.options.ledger, 0).wanted[0],
             '\0');
    wf_buf_fini(&body);
    rig_free(&rig);
}

// Views. ----------------------------------------------------------------------

// b tells a what it knows, with one number changed if that is not 0.
static void
tell_view(struct rig *rig, uint64_t incarnation_of_a)
{
    struct wf_ledger_view view = {0};
    struct wf_message question = {0};
    struct wf_buf body = {0};
    struct wf_buf frame = {0};

    wf_ledger_view(rig->taker.exchange.options.ledger, &view);
    if (incarnation_of_a != 0) {
        wf_ledger_view_find(&view, "a")->row.incarnation = incarnation_of_a;
    }
    wf_ledger_view_encode(&view, &body);
    wf_exchange_encode(WF_EXCHANGE_VIEW, 1, wf_buf_bytes(&body), &frame);
    question.frame = wf_buf_bytes(&frame);
    wf_exchange_answer(&rig->giver.exchange, &question);
    CHECK_EQ(rig_sent_count, 1);
    rig_drop_all();
    wf_ledger_view_fini(&view);
    wf_buf_fini(&body);
    wf_buf_fini(&frame);
}

static bool
is_live(struct rig *rig, const char *id)
{
    struct wf_ledger_view view = {0};
    const struct wf_ledger_node *node;
    bool is_live;

    wf_exchange_view(&rig->giver.exchange, &view);
    node = wf_ledger_view_find(&view, id);
    is_live = node != NULL && node->row.is_live;
    wf_ledger_view_fini(&view);
    return is_live;
}

static void
make_met_rig(struct test *t, struct rig *rig)
{
    struct wf_exchange *giver = &rig->giver.exchange;

    rig_make(t, rig);
    giver->peers = wf_calloc(sizeof(*giver->peers));
    giver->peers_count = 1;
    giver->peers[0] = (struct wf_exchange_peer){.id = "b"};
}

TEST(exchange_answer, who_has_told_its_view_is_live_for_three_seconds)
{
    struct rig rig;

    make_met_rig(t, &rig);
    CHECK(is_live(&rig, "a")); // itself
    CHECK_ERR(wf_exchange_await(&rig.giver.exchange, 0), WEFT_EBUSY);
    CHECK(!is_live(&rig, "b"));
    tell_view(&rig, 0);
    CHECK(is_live(&rig, "b"));
    CHECK_OK(wf_exchange_await(&rig.giver.exchange, 0));
    rig.now_ms += 3000;
    CHECK(is_live(&rig, "b"));
    rig.now_ms += 1;
    CHECK(!is_live(&rig, "b"));
    rig_free(&rig);
}

// Its directory is an old copy, or runs twice: that is said, and stays so.
TEST(exchange_answer, who_hears_more_of_itself_than_it_knows_is_lost)
{
    struct rig rig;

    make_met_rig(t, &rig);
    tell_view(&rig, 7);
    CHECK_ERR(wf_exchange_await(&rig.giver.exchange, 0), WEFT_ELOST);
    CHECK(strstr(rig.giver.said, "lost node b has heard of start 7") != NULL);
    tell_view(&rig, 0);
    CHECK_ERR(wf_exchange_await(&rig.giver.exchange, 0), WEFT_ELOST);
    rig_free(&rig);
}

// An operator's question has no view in it; it changes nothing.
TEST(exchange_answer, who_asks_for_the_view_and_tells_none_is_told)
{
    struct wf_exchange_message answer;
    struct wf_message question = {0};
    struct wf_buf frame = {0};
    struct rig rig;

    make_met_rig(t, &rig);
    wf_exchange_encode(WF_EXCHANGE_VIEW, 9, weft_nothing(), &frame);
    question.frame = wf_buf_bytes(&frame);
    wf_exchange_answer(&rig.giver.exchange, &question);
    CHECK_EQ(rig_sent_count, 1);
    CHECK(wf_exchange_decode(wf_buf_bytes(&rig_sent[0].frame), &answer));
    CHECK_EQ(answer.type, WF_EXCHANGE_VIEW);
    CHECK_EQ(answer.number, 9);
    CHECK(answer.body.len > 0);
    CHECK_ERR(wf_exchange_await(&rig.giver.exchange, 0), WEFT_EBUSY);
    wf_buf_fini(&frame);
    rig_free(&rig);
}
