// SPDX-License-Identifier: Apache-2.0
//
// Workflows go on from a point under another id, and the one that they come
// from goes on as if nothing had happened. What ties them to others - children,
// updates, operators - is in test_fork_ties.c; what is refused, and requests
// that are repeated, in test_fork_request.c.

#include <stdio.h>
#include <string.h>

#include "story/flow.h"
#include "story/forks.h"
#include "story/story.h"

static bool is_mended; // what fails does so no more

static weft_err
act(weft_activity *activity, weft_bytes input)
{
    char text[100];

    (void)story_text(input, text, sizeof(text));
    story_note("act %s", text);
    if (!is_mended && strncmp(text, "bad", 3) == 0) {
        return weft_activity_fail_for_good(activity, "Bad", "told to",
                                           weft_nothing());
    }
    return weft_activity_return(activity, input);
}

// One after the other, with chance in the input; the input says the last. What
// it returns is the signal, with chance after it.
static weft_err
row_run(weft_workflow *wf, weft_bytes input)
{
    uint64_t before = weft_workflow_random(wf);
    char text[100];
    char word[40];
    weft_bytes result;

    (void)snprintf(text, sizeof(text), "one %llu.%llu",
                   (unsigned long long)weft_workflow_run(wf),
                   (unsigned long long)(before % 1000));
    TRY(weft_workflow_call(wf, "act", weft_text(text), NULL, NULL));
    TRY(weft_workflow_call(wf, "act", input, NULL, &result));
    TRY(weft_workflow_publish(wf, "stage", weft_text("acted")));
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, &result));
    (void)snprintf(text, sizeof(text), "%s %llu",
                   story_text(result, word, sizeof(word)),
                   (unsigned long long)weft_workflow_random(wf));
    TRY(weft_workflow_publish(wf, "end", weft_text(text)));
    return weft_workflow_return(wf, result);
}

// Three words, in their order.
static weft_err
words_run(weft_workflow *wf, weft_bytes input)
{
    char text[100] = "";
    size_t len = 0;

    (void)input;
    for (int i = 0; i < 3; i++) {
        weft_bytes word;
        char buf[20];

        TRY(weft_workflow_receive(wf, "word", WEFT_FOREVER, &word));
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s.",
                                story_text(word, buf, sizeof(buf)));
    }
    return weft_workflow_return(wf, weft_text(text));
}

// Runs as often as it is told to, with chance in each.
static weft_err
again_run(weft_workflow *wf, weft_bytes input)
{
    char text[64];
    weft_bytes word;

    (void)snprintf(text, sizeof(text), "again %llu.%llu",
                   (unsigned long long)weft_workflow_run(wf),
                   (unsigned long long)(weft_workflow_random(wf) % 1000));
    TRY(weft_workflow_call(wf, "act", weft_text(text), NULL, NULL));
    (void)snprintf(text, sizeof(text), "%llu",
                   (unsigned long long)weft_workflow_random(wf));
    TRY(weft_workflow_publish(wf, "chance", weft_text(text)));
    TRY(weft_workflow_receive(wf, "word", WEFT_FOREVER, &word));
    if (story_is(word, "again")) {
        return weft_workflow_restart(wf, input);
    }
    return weft_workflow_return(wf, word);
}

// More in one turn than a turn takes, so that it goes on in further ones.
static weft_err
large_run(weft_workflow *wf, weft_bytes input)
{
    static char large[100000];
    uint64_t before = 0;

    for (int i = 0; i < 30; i++) {
        weft_future future;

        before ^= weft_workflow_random(wf);
        memcpy(large, &before, sizeof(before));
        TRY(weft_workflow_call_async(
            wf, "wait", weft_bytes_of(large, sizeof(large)), NULL, &future));
    }
    TRY(weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL));
    return weft_workflow_return(wf, input);
}

static weft_err
wait_act(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_return(activity, weft_nothing());
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;

    CHECK_OK(weft_definitions_create(&definitions));
    is_mended = false;
    story_add_activity(definitions, "act", act);
    story_add_activity(definitions, "wait", wait_act);
    story_add_workflow(definitions, "row", row_run);
    story_add_workflow(definitions, "fan", flow_fan_run);
    story_add_workflow(definitions, "words", words_run);
    story_add_workflow(definitions, "again", again_run);
    story_add_workflow(definitions, "large", large_run);
    return definitions;
}

// In another partition than "i", where there are more.
static const char *
other(void)
{
    return story_id_elsewhere("i");
}

// Points, and what becomes of the source. -------------------------------------

// Entries: 0 started, 1 activity, 2 its result, 3 activity, 4 its result,
// 5 receive, 6 the signal.
static void
tell_running(struct story *story)
{
    story_start("row", "i", "two");
    story_wait_ms(100);
    story_forget_notes();
    CHECK_OK(fork_at("row", "i", 2, other())->err);
    story_wait_ms(100);
    if (story->is_calm) {
        CHECK_EQ(story_count("act one"), 0); // its result is used again
        CHECK_EQ(story_count("act two"), 1);
    }
    CHECK_EQ(story_describe("row", "i")->item.run, 1);
    CHECK_EQ(story_describe("row", "i")->item.journal_count, 6);
    CHECK_EQ(story_describe("row", other())->item.run, 2);
    CHECK_STR(story_query("row", other(), "stage"), "acted");
    story_signal("row", other(), "go", "fork");
    CHECK_RESULT("row", other(), "fork");
    CHECK_EQ(story_describe("row", "i")->item.status, WEFT_STATUS_RUNNING);
    story_signal("row", "i", "go", "end");
    CHECK_RESULT("row", "i", "end");
    CHECK_EQ(story_dead_letters(), 0);
}

TEST(fork, a_workflow_that_runs_is_forked_and_both_go_on)
{
    story_run(define, tell_running);
}

static void
tell_points(struct story *story)
{
    story_start("row", "i", "two");
    story_wait_ms(100);
    story_forget_notes();
    CHECK_OK(fork_to("row", "i", WEFT_POINT_LAST_ACTIVITY, "last")->err);
    story_wait_ms(100);
    if (story->is_calm) {
        CHECK_EQ(story_count("act two"), 1);
        CHECK_EQ(story_count("act"), 1);
    }
    CHECK_OK(fork_to("row", "i", WEFT_POINT_BEGINNING, "first")->err);
    story_wait_ms(100);
    if (story->is_calm) {
        CHECK_EQ(story_count("act one 2."), 1);
        CHECK_EQ(story_count("act two"), 2);
    }
    story_signal("row", "last", "go", "l");
    story_signal("row", "first", "go", "f");
    CHECK_RESULT("row", "last", "l");
    CHECK_RESULT("row", "first", "f");
    story_signal("row", "i", "go", "end");
    CHECK_RESULT("row", "i", "end");
}

static void
tell_now(struct story *story)
{
    story_start("row", "i", "two");
    story_wait_ms(100);
    story_forget_notes();
    CHECK_OK(fork_at("row", "i", 6, other())->err);
    story_signal("row", other(), "go", "fork");
    CHECK_RESULT("row", other(), "fork");
    if (story->is_calm) {
        CHECK_EQ(story_count("act"), 0);
    }
    story_signal("row", "i", "go", "end");
    CHECK_RESULT("row", "i", "end");
    CHECK_ERR(fork_at("row", "i", 7, "x")->err, WEFT_EINVAL);
}

TEST(fork, a_point_can_be_now)
{
    story_run(define, tell_now);
}

TEST(fork, it_begins_with_the_beginning_or_the_last_activity)
{
    story_run(define, tell_points);
}

static void
tell_failed(struct story *story)
{
    story_start("fan", "i", "");
    CHECK_FAILS("fan", "i", WEFT_EFAILED, "Bad");
    story_wait_ms(30000);
    is_mended = true;
    story_forget_notes();
    story_zero();
    CHECK_OK(fork_to("fan", "i", WEFT_POINT_FIRST_FAILED, other())->err);
    CHECK_RESULT("fan", other(), "all");
    if (story->is_calm) {
        CHECK_EQ(story_count("act bad"), 1);
        CHECK(story_now_ms() < 31000); // the timer kept its instant
    }
    CHECK_FAILS("fan", "i", WEFT_EFAILED, "Bad");
    CHECK_EQ(story_describe("fan", "i")->item.run, 1);
}

TEST(fork, one_that_failed_is_tried_beside_it_and_timers_keep_their_instants)
{
    story_run(define, tell_failed);
}

static void
tell_held(struct story *story)
{
    (void)story;
    story_start("row", "i", "two");
    story_wait_ms(100);
    (void)story_do(WEFT_VERB_PAUSE, "row", "i", "", "");
    CHECK_OK(fork_at("row", "i", 4, "a")->err);
    (void)story_do(WEFT_VERB_RESUME, "row", "i", "", "");
    CHECK_OK(fork_operate(WEFT_VERB_PARK, "row", "i")->err);
    CHECK_OK(fork_at("row", "i", 4, "b")->err);
    CHECK_EQ(story_describe("row", "i")->item.is_parked, 1);
    CHECK_EQ(story_describe("row", "a")->item.is_paused, 0);
    CHECK_EQ(story_describe("row", "b")->item.is_parked, 0);
    story_signal("row", "a", "go", "a");
    story_signal("row", "b", "go", "b");
    CHECK_RESULT("row", "a", "a");
    CHECK_RESULT("row", "b", "b");
    CHECK_EQ(story_describe("row", "i")->item.is_parked, 1);
}

TEST(fork, the_fork_of_one_that_is_held_up_runs)
{
    story_run(define, tell_held);
}

static void
tell_untouched(struct story *story)
{
    char before[65536];
    size_t len;

    (void)story;
    story_start("row", "i", "two");
    story_wait_ms(100);
    (void)story_do(WEFT_VERB_PAUSE, "row", "i", "", "");
    story_signal("row", "i", "go", "end");
    story_wait_ms(1000);
    len = fork_image("row", "i", before, sizeof(before));
    CHECK_OK(fork_at("row", "i", 2, "a")->err);
    CHECK_OK(fork_to("row", "i", WEFT_POINT_BEGINNING, "b")->err);
    CHECK_RESULT("row", "a", "end");
    CHECK_RESULT("row", "b", "end");
    if (story->is_calm) {
        char after[65536];

        CHECK_EQ(fork_image("row", "i", after, sizeof(after)), len);
        CHECK(memcmp(before, after, len) == 0);
    }
    (void)story_do(WEFT_VERB_RESUME, "row", "i", "", "");
    CHECK_RESULT("row", "i", "end");
    CHECK_EQ(story_dead_letters(), 0);
}

TEST(fork, the_source_stays_as_it_is_byte_by_byte)
{
    story_run(define, tell_untouched);
}

static void
tell_large(struct story *story)
{
    (void)story;
    story_start("large", "i", "in");
    story_wait_ms(60000);
    // 0 started, 1 to 10 or so activities, a break, went on, ...
    for (uint64_t entry = 5; entry < 20; entry++) {
        char id[20];

        (void)snprintf(id, sizeof(id), "at%llu", (unsigned long long)entry);
        if (fork_at("large", "i", entry, id)->err == WEFT_OK) {
            story_wait_ms(60000);
            CHECK_EQ(story_describe("large", id)->item.is_parked, 0);
            story_signal("large", id, "go", "");
            CHECK_RESULT("large", id, "in");
            return;
        }
    }
    CHECK(!"no point between two turns");
}

TEST(fork, a_point_can_be_where_a_large_turn_went_on)
{
    story_run_calm(define, tell_large);
}

// 0 started, 1 activity: its result waits in the mailbox.
static void
tell_waiting(struct story *story)
{
    story_start("row", "i", "two");
    (void)story_do(WEFT_VERB_PAUSE, "row", "i", "", "");
    story_wait_ms(10000);
    CHECK_EQ(story_describe("row", "i")->item.journal_count, 2);
    story_forget_notes();
    CHECK_OK(fork_at("row", "i", 2, other())->err);
    story_signal("row", other(), "go", "fork");
    CHECK_RESULT("row", other(), "fork");
    if (story->is_calm) {
        CHECK_EQ(story_count("act"), 1);
    }
    (void)story_do(WEFT_VERB_RESUME, "row", "i", "", "");
    story_signal("row", "i", "go", "end");
    CHECK_RESULT("row", "i", "end");
}

TEST(fork, a_result_that_waits_for_the_source_is_used_too)
{
    story_run_calm(define, tell_waiting);
}

// Signals. --------------------------------------------------------------------

static void
tell_signals(struct story *story)
{
    (void)story;
    story_start("words", "i", "");
    story_signal("words", "i", "word", "a");
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_PAUSE, "words", "i", "", "");
    story_signal("words", "i", "word", "b");
    // 0 started, 1 receive, 2 the first word.
    CHECK_OK(fork_at("words", "i", 2, other())->err);
    story_signal("words", other(), "word", "c");
    CHECK_RESULT("words", other(), "a.b.c.");
    (void)story_do(WEFT_VERB_RESUME, "words", "i", "", "");
    story_signal("words", "i", "word", "d");
    CHECK_RESULT("words", "i", "a.b.d.");
    CHECK_OK(fork_to("words", "i", WEFT_POINT_BEGINNING, "later")->err);
    CHECK_RESULT("words", "later", "a.b.d.");
    CHECK_EQ(story_dead_letters(), 0);
}

TEST(fork, signals_behind_the_point_come_to_both)
{
    story_run(define, tell_signals);
}

// What one that has finished did not receive is in its journal or dead, and in
// its mailbox until that is known.
static void
tell_left(struct story *story)
{
    (void)story;
    story_start("words", "i", "");
    story_signal("words", "i", "word", "a");
    story_wait_ms(1000);
    (void)story_do(WEFT_VERB_PAUSE, "words", "i", "", "");
    story_signal("words", "i", "word", "b");
    CHECK_OK(
        fork_capsule("words", fork_export_finished("words", "i"), "x")->err);
    story_signal("words", "x", "word", "c");
    story_signal("words", "x", "word", "d");
    CHECK_RESULT("words", "x", "a.c.d.");
}

TEST(fork, the_mailbox_of_one_that_has_finished_is_left_to_it)
{
    story_run(define, tell_left);
}

// More than one. --------------------------------------------------------------

static void
tell_chance(struct story *story)
{
    char ends[4][100];
    static const char *const ids[] = {"i", "a", "b", "c"};

    (void)story;
    story_start("row", "i", "two");
    story_wait_ms(100);
    CHECK_OK(fork_at("row", "i", 4, "a")->err);
    CHECK_OK(fork_at("row", "i", 4, "b")->err);
    story_wait_ms(100);
    CHECK_OK(fork_at("row", "a", 4, "c")->err);
    story_crash();
    for (int i = 0; i < 4; i++) {
        story_signal("row", ids[i], "go", "x");
        CHECK_RESULT("row", ids[i], "x");
        (void)snprintf(ends[i], sizeof(ends[i]), "%s",
                       story_query("row", ids[i], "end"));
        for (int k = 0; k < i; k++) {
            CHECK(strcmp(ends[i], ends[k]) != 0);
        }
    }
}

TEST(fork, each_of_several_has_its_own_chance_from_the_point_on)
{
    story_run(define, tell_chance);
}

// The code has drawn one number before the point, and more behind it. What the
// fork has drawn, and not what its source did, has to come again.
static void
tell_fork_of_fork(struct story *story)
{
    (void)story;
    story_start("again", "i", "");
    story_wait_ms(100);
    CHECK_OK(fork_at("again", "i", 2, "a")->err);
    story_signal("again", "a", "word", "again");
    story_wait_ms(1000);
    CHECK_EQ(story_describe("again", "a")->item.run, 3);
    CHECK_OK(fork_at("again", "a", 2, "b")->err);
    story_signal("again", "b", "word", "again");
    story_wait_ms(1000);
    CHECK_EQ(story_describe("again", "b")->item.run, 5);
    story_crash();
    CHECK_OK(fork_to("again", "b", WEFT_POINT_LAST_ACTIVITY, "c")->err);
    story_signal("again", "c", "word", "c");
    CHECK_RESULT("again", "c", "c");
    story_signal("again", "b", "word", "b");
    CHECK_RESULT("again", "b", "b");
    CHECK_OK(fork_reset("again", "b", 2)->err);
    CHECK_RESULT("again", "b", "b");
    story_signal("again", "a", "word", "a");
    CHECK_RESULT("again", "a", "a");
    story_signal("again", "i", "word", "i");
    CHECK_RESULT("again", "i", "i");
}

TEST(fork, forks_are_forked_again_in_later_runs_and_reset)
{
    story_run(define, tell_fork_of_fork);
}

static const char *
chance_of(const char *id, uint64_t run)
{
    CHECK_EQ(story_describe("again", id)->item.run, run);
    return story_query("again", id, "chance");
}

// Both are in their third run, as other lives have been before.
static void
tell_later_chance(struct story *story)
{
    (void)story;
    story_start("again", "i", "");
    story_start("again", "j", "");
    story_wait_ms(100);
    CHECK(strcmp(chance_of("i", 1), chance_of("j", 1)) != 0);
    CHECK_OK(fork_at("again", "i", 2, "a")->err);
    story_signal("again", "a", "word", "again");
    story_signal("again", "i", "word", "again");
    story_signal("again", "i", "word", "again");
    story_wait_ms(1000);
    CHECK(strcmp(chance_of("i", 3), chance_of("a", 3)) != 0);
}

TEST(fork, in_later_runs_it_has_its_own_chance_too)
{
    story_run_calm(define, tell_later_chance);
}

static void
tell_chain(struct story *story)
{
    (void)story;
    story_start("row", "i", "two");
    story_wait_ms(100);
    CHECK_OK(fork_at("row", "i", 2, "a")->err);
    story_wait_ms(100);
    // 0 started, 1 activity, 2 chance, 3 the result, 4 activity, 5 its result,
    // 6 receive.
    CHECK_EQ(story_describe("row", "a")->item.journal_count, 7);
    CHECK_OK(fork_at("row", "a", 2, "d")->err);
    CHECK_OK(fork_at("row", "a", 5, "b")->err);
    CHECK_OK(fork_reset("row", "a", 3)->err);
    story_wait_ms(100);
    CHECK_EQ(story_describe("row", "d")->item.journal_count, 7);
    story_signal("row", "d", "go", "d");
    story_signal("row", "b", "go", "b");
    story_signal("row", "a", "go", "a");
    CHECK_RESULT("row", "d", "d");
    CHECK_RESULT("row", "b", "b");
    CHECK_RESULT("row", "a", "a");
    CHECK_OK(fork_at("row", "b", 3, "c")->err);
    CHECK_RESULT("row", "c", "b");
}

TEST(fork, the_point_stays_in_the_journals_of_those_that_follow)
{
    story_run(define, tell_chain);
}
