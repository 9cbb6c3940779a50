// SPDX-License-Identifier: Apache-2.0
//
// Workflows and signals: what comes before anyone waits, what nobody receives,
// and what goes out.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/flow.h"

// Does what its input says, a letter at a time, and returns what it got:
//   a, b  receive a signal of that name     z  the same, without waiting
//   s     sleep a second                    t  receive a, for three seconds
//   r     restart with what is left
static weft_err
reader_step(weft_workflow *wf, char what, weft_bytes *out_data)
{
    char name[2] = {what, 0};

    *out_data = weft_nothing();
    switch (what) {
    case 's':
        return weft_workflow_sleep(wf, 1000);
    case 't':
        return weft_workflow_receive(wf, "a", 3000, out_data);
    case 'z':
        return weft_workflow_receive(wf, "a", 0, out_data);
    default:
        return weft_workflow_receive(wf, name, WEFT_FOREVER, out_data);
    }
}

static weft_err
reader_run(weft_workflow *wf, weft_bytes input)
{
    char plan[64];
    char text[200] = "";

    (void)story_text(input, plan, sizeof(plan));
    for (size_t i = 0; plan[i] != '\0'; i++) {
        weft_bytes data;
        weft_err err;
        size_t len = strlen(text);

        if (plan[i] == 'r') {
            (void)weft_workflow_publish(wf, "before", weft_text(text));
            return weft_workflow_restart(wf, weft_text(plan + i + 1));
        }
        err = reader_step(wf, plan[i], &data);
        if (err != WEFT_OK && err != WEFT_ETIMEDOUT) {
            return err;
        }
        if (!weft_workflow_is_replaying(wf)) {
            story_note("%c %s", plan[i], weft_err_name(err));
        }
        (void)snprintf(text + len, sizeof(text) - len, "%c:%.*s ", plan[i],
                       err == WEFT_OK ? (int)data.len : 1,
                       err == WEFT_OK ? (const char *)data.data : "-");
    }
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
readers(void)
{
    return flow_with(reader_run);
}

// Signals to it, each of them a letter and what it carries: "a1 b2".
static void
signal_each(const char *id, const char *signals)
{
    for (const char *at = signals; *at != '\0'; at += at[2] == ' ' ? 3 : 2) {
        const char name[2] = {at[0], '\0'};
        const char data[2] = {at[1], '\0'};

        story_signal("flow", id, name, data);
    }
}

static void
tell_buffered(struct story *story)
{
    (void)story;
    story_start("flow", "w", "ssabaa");
    signal_each("w", "a1 a2 b3 a4");
    CHECK_RESULT("flow", "w", "s: s: a:1 b:3 a:2 a:4 ");
}

TEST(workflow, signals_that_came_early_are_received_in_order_by_name)
{
    story_run(readers, tell_buffered);
}

static void
tell_waiting(struct story *story)
{
    (void)story;
    story_start("flow", "w", "ab");
    story_wait_ms(1000);
    story_signal("flow", "w", "b", "first");
    story_wait_ms(1000);
    CHECK_EQ(story_describe("flow", "w")->item.status, WEFT_STATUS_RUNNING);
    story_signal("flow", "w", "a", "second");
    CHECK_RESULT("flow", "w", "a:second b:first ");
}

TEST(workflow, waits_for_the_signal_of_its_name)
{
    story_run(readers, tell_waiting);
}

static void
tell_timeout(struct story *story)
{
    story_start("flow", "w", "stza");
    story_wait_ms(10000);
    story_signal("flow", "w", "a", "late");
    CHECK_RESULT("flow", "w", "s: t:- z:- a:late ");
    story_start("flow", "v", "tzsz");
    signal_each("v", "a1 a2");
    CHECK_RESULT("flow", "v", "t:1 z:- s: z:2 ");
    if (story->is_calm && !story->is_paranoid) {
        CHECK_EQ(strncmp(story_notes(),
                         "[0] s WEFT_OK\n[3000] t WEFT_ETIMEDOUT\n"
                         "[3000] z WEFT_ETIMEDOUT\n",
                         30),
                 0);
    }
}

TEST(workflow, receives_with_a_timeout_and_without_waiting)
{
    story_run_calm(readers, tell_timeout);
}

static weft_err
receivers_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[3];
    weft_bytes data[3];
    char text[64];

    (void)input;
    for (int i = 0; i < 3; i++) {
        MUST(weft_workflow_receive_async(wf, "a", &futures[i]), WEFT_OK);
    }
    MUST(weft_workflow_await_settled(wf, futures, 3), WEFT_OK);
    for (int i = 2; i >= 0; i--) {
        MUST(weft_workflow_await(wf, futures[i], &data[i]), WEFT_OK);
    }
    (void)snprintf(text, sizeof(text), "%.*s%.*s%.*s", (int)data[0].len,
                   (const char *)data[0].data, (int)data[1].len,
                   (const char *)data[1].data, (int)data[2].len,
                   (const char *)data[2].data);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
receiver_kinds(void)
{
    return flow_with(receivers_run);
}

static void
tell_receivers(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    signal_each("w", "a1 a2 a3");
    CHECK_RESULT("flow", "w", "123");
}

// Two that wait, among very many that have given up.
static weft_err
patient_run(weft_workflow *wf, weft_bytes input)
{
    weft_future waits[2];
    weft_bytes data[2];
    char text[20];

    (void)input;
    for (int i = 0; i < 2; i++) {
        MUST(weft_workflow_receive_async(wf, "a", &waits[i]), WEFT_OK);
        for (int j = 0; j < 50; j++) {
            MUST(weft_workflow_receive(wf, "a", 0, NULL), WEFT_ETIMEDOUT);
        }
    }
    MUST(weft_workflow_await(wf, waits[0], &data[0]), WEFT_OK);
    MUST(weft_workflow_await(wf, waits[1], &data[1]), WEFT_OK);
    (void)story_text(data[0], text, sizeof(text));
    (void)story_text(data[1], text + strlen(text), sizeof(text) - strlen(text));
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
patient_flow(void)
{
    return flow_with(patient_run);
}

static void
tell_patient(struct story *story)
{
    (void)story;
    story_start("flow", "f", "");
    signal_each("f", "a1 a2");
    CHECK_RESULT("flow", "f", "12");
    CHECK_EQ(story_dead_letters(), 0);
}

TEST(workflow, receivers_that_gave_up_are_passed_over)
{
    story_run(patient_flow, tell_patient);
}

// Those that wait are more than there is room for, and some have theirs.
static weft_err
row_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[12];
    char text[200] = "";
    size_t len = 0;
    size_t count = 0;

    (void)input;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) {
            MUST(weft_workflow_receive_async(wf, "x", &futures[count++]),
                 WEFT_OK);
        }
        MUST(weft_workflow_await(wf, futures[round], NULL), WEFT_OK);
    }
    for (size_t i = 0; i < count; i++) {
        char word[20];
        weft_bytes data;

        MUST(weft_workflow_await(wf, futures[i], &data), WEFT_OK);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s.",
                                story_text(data, word, sizeof(word)));
    }
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
rows(void)
{
    return flow_with(row_run);
}

static void
tell_row(struct story *story)
{
    (void)story;
    story_start("flow", "a", "");
    for (int i = 0; i < 12; i++) {
        char word[8];

        (void)snprintf(word, sizeof(word), "%d", i);
        story_signal("flow", "a", "x", word);
    }
    CHECK_RESULT("flow", "a", "0.1.2.3.4.5.6.7.8.9.10.11.");
}

TEST(workflow, very_many_receivers_keep_their_order)
{
    story_run_calm(rows, tell_row);
}

TEST(workflow, each_signal_goes_to_the_earliest_receiver_that_has_none)
{
    story_run(receiver_kinds, tell_receivers);
}

// Restart. --------------------------------------------------------------------

static void
tell_restart(struct story *story)
{
    const struct world_call *call;

    (void)story;
    story_start("flow", "w", "bsrsarbaa");
    signal_each("w", "a1 a2 b3 a4 b5");
    CHECK_RESULT("flow", "w", "b:5 a:2 a:4 ");
    CHECK_STR(story_query("flow", "w", "before"), "s: a:1 ");
    call = story_describe("flow", "w");
    CHECK_EQ(call->item.run, 3);
    CHECK_EQ(call->item.status, WEFT_STATUS_COMPLETED);
}

TEST(workflow, a_restart_keeps_the_signals_that_were_not_received)
{
    story_run(readers, tell_restart);
}

static weft_err
counter_run(weft_workflow *wf, weft_bytes input)
{
    unsigned count = 0;
    char text[32];

    (void)sscanf(story_text(input, text, sizeof(text)), "%u", &count);
    CHECK_EQ(weft_workflow_run(wf), count + 1);
    MUST(weft_workflow_sleep(wf, 10), WEFT_OK);
    if (count == 6) {
        return weft_workflow_return(wf, input);
    }
    (void)snprintf(text, sizeof(text), "%u", count + 1);
    return weft_workflow_restart(wf, weft_text(text));
}

static weft_definitions *
counters(void)
{
    return flow_with(counter_run);
}

static void
tell_counter(struct story *story)
{
    (void)story;
    story_start("flow", "w", "0");
    CHECK_RESULT("flow", "w", "6");
    CHECK_EQ(story_describe("flow", "w")->item.run, 7);
    CHECK(story_describe("flow", "w")->item.journal_count < 5);
}

TEST(workflow, a_restart_begins_a_fresh_journal)
{
    story_run(counters, tell_counter);
}

// Timers and calls of the run before are over, even if they are due at the
// very moment of the restart.
static weft_err
stale_run(weft_workflow *wf, weft_bytes input)
{
    weft_future futures[3];

    if (story_is(input, "second")) {
        weft_bytes data = weft_nothing();

        MUST(weft_workflow_receive_async(wf, "never", &futures[0]), WEFT_OK);
        MUST(weft_workflow_receive_async(wf, "never", &futures[1]), WEFT_OK);
        MUST(weft_workflow_receive_async(wf, "never", &futures[2]), WEFT_OK);
        MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(weft_workflow_is_known(wf, futures[i]), 0);
        }
        return weft_workflow_return(wf, data);
    }
    for (int i = 0; i < 3; i++) {
        MUST(weft_workflow_timer(wf, 100, &futures[i]), WEFT_OK);
    }
    MUST(weft_workflow_await(wf, futures[0], NULL), WEFT_OK);
    return weft_workflow_restart(wf, weft_text("second"));
}

static weft_definitions *
stales(void)
{
    return flow_with(stale_run);
}

static void
tell_stale(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "");
    CHECK_EQ(story_describe("flow", "w")->item.run, 2);
}

TEST(workflow, nothing_of_the_run_before_reaches_a_restarted_one)
{
    story_run(stales, tell_stale);
}

// Dead letters. ---------------------------------------------------------------

static void
tell_unreceived(struct story *story)
{
    story_start("flow", "w", "a");
    story_signal("flow", "w", "b", "lost");
    story_signal("flow", "w", "b", "lost too");
    story_signal("flow", "w", "a", "1");
    CHECK_RESULT("flow", "w", "a:1 ");
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 2);
    }
    CHECK_ERR(story_ask(WEFT_VERB_SIGNAL, "flow", "w", "a", NULL)->err,
              WEFT_EFINISHED);
}

TEST(workflow, signals_nobody_received_become_dead_letters)
{
    story_run(readers, tell_unreceived);
}

// Sending. --------------------------------------------------------------------

static weft_err
sender_run(weft_workflow *wf, weft_bytes input)
{
    char far[64];
    weft_target targets[2] = {{"puppet", "w/near"},
                              {"puppet", story_text(input, far, sizeof(far))}};

    for (int i = 0; i < 3; i++) {
        char text[2] = {(char)('1' + i), 0};

        for (int j = 0; j < 2; j++) {
            MUST(weft_workflow_signal(wf, targets[j], "x", weft_text(text)),
                 WEFT_OK);
        }
        if (i == 1) {
            MUST(weft_workflow_sleep(wf, 100), WEFT_OK);
        }
    }
    return WEFT_OK;
}

static weft_definitions *
senders(void)
{
    return flow_with(sender_run);
}

static void
tell_sender(struct story *story)
{
    const char *far = story_id_elsewhere("w");

    (void)story;
    story_start("flow", "w", far);
    CHECK_RESULT("flow", "w", "");
    story_wait_ms(3000);
    CHECK_STR(puppet_log("puppet", "w/near"),
              "signal(x,1) signal(x,2) signal(x,3)");
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2) signal(x,3)");
}

TEST(workflow, its_signals_arrive_once_and_in_order)
{
    story_run(senders, tell_sender);
}

static weft_err
lost_run(weft_workflow *wf, weft_bytes input)
{
    weft_target nobody = {"flow", "nobody"};

    (void)input;
    MUST(weft_workflow_signal(wf, nobody, "x", weft_nothing()), WEFT_OK);
    return WEFT_OK;
}

static weft_definitions *
losers(void)
{
    return flow_with(lost_run);
}

static void
tell_lost(struct story *story)
{
    story_start("flow", "w", "");
    CHECK_RESULT("flow", "w", "");
    story_wait_ms(2000);
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 1);
    }
}

TEST(workflow, a_signal_that_cannot_be_delivered_becomes_a_dead_letter)
{
    story_run(losers, tell_lost);
}

// Before the start. -----------------------------------------------------------

static weft_err
early_run(weft_workflow *wf, weft_bytes input)
{
    char text[100] = "";
    weft_bytes data = weft_nothing();

    (void)input;
    for (int i = 0; i < 4; i++) {
        size_t len = strlen(text);

        MUST(weft_workflow_receive(wf, "x", WEFT_FOREVER, &data), WEFT_OK);
        (void)snprintf(text + len, sizeof(text) - len, "%.*s", (int)data.len,
                       (const char *)data.data);
    }
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
earlies(void)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;
    weft_definitions *defs;

    puppet_is_mended = false;
    CHECK_OK(weft_definitions_create(&defs));
    def.name = "early";
    def.run = early_run;
    def.early_signals = WEFT_EARLY_KEEP;
    CHECK_OK(weft_definitions_add_workflow(defs, &def));
    def.name = "wrong";
    def.early_signals = (weft_early)7;
    CHECK_ERR(weft_definitions_add_workflow(defs, &def), WEFT_EINVAL);
    story_add_workflow(defs, "late", early_run);
    story_add_actor(defs, "puppet", sizeof(struct puppet), puppet_receive);
    return defs;
}

static void
tell_early(struct story *story)
{
    (void)story;
    CHECK_ERR(story_ask(WEFT_VERB_SIGNAL, "late", "a", "x", "1")->err,
              WEFT_ENOTFOUND);
    story_signal("early", "a", "x", "1");
    story_signal("early", "a", "x", "2");
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "early", "a", "", NULL)->err,
              WEFT_ENOTFOUND);
    story_wait_ms(100000);
    story_crash();
    story_signal("early", "a", "x", "3");
    story_start("early", "a", "");
    story_signal("early", "a", "x", "4");
    CHECK_RESULT("early", "a", "1234");
    CHECK_ERR(story_ask(WEFT_VERB_SIGNAL, "early", "a", "x", "5")->err,
              WEFT_EFINISHED);
    story_start("early", "a", "");
    for (int i = 0; i < 4; i++) {
        story_signal("early", "a", "x", "6");
    }
    CHECK_RESULT("early", "a", "6666");
    // The same for the start of a parent, whose letter comes behind them.
    story_signal("early", "b", "x", "1");
    puppet_do("puppet", "p",
              "send early b x 2;send early b x 3;"
              "spawn early b -;send early b x 4");
    story_wait_ms(2000); // it may be in another partition
    CHECK_RESULT("early", "b", "1234");
    CHECK_EQ(story_dead_letters(), 0);
    story_check_audit();
}

TEST(workflow, signals_may_come_before_the_start_if_its_kind_says_so)
{
    story_run(earlies, tell_early);
}

// Of several names it is the signal that came first, whatever is named first.
static weft_err
any_run(weft_workflow *wf, weft_bytes input)
{
    static const char *const names[] = {"a", "b"};
    char text[20] = "";

    (void)input;
    MUST(weft_workflow_sleep(wf, 1000), WEFT_OK);
    for (int i = 0; i < 4; i++) {
        size_t len = strlen(text);
        weft_bytes data;
        size_t which;

        MUST(weft_workflow_receive_any(wf, names, 2, WEFT_FOREVER, &which,
                                       &data),
             WEFT_OK);
        (void)snprintf(text + len, sizeof(text) - len, "%s%.*s ", names[which],
                       (int)data.len, (const char *)data.data);
    }
    return weft_workflow_return(wf, weft_text(text));
}

static weft_definitions *
define_any(void)
{
    return flow_with(any_run);
}

static void
tell_any(struct story *story)
{
    (void)story;
    story_start("flow", "w", "");
    signal_each("w", "b1 a2 b3 a4");
    CHECK_RESULT("flow", "w", "b1 a2 b3 a4 ");
}

TEST(workflow_signals, of_several_names_the_oldest_is_received)
{
    story_run(define_any, tell_any);
}
