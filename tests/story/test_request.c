// SPDX-License-Identifier: Apache-2.0
//
// Requests that a client repeats under the number that they had.

#include <string.h>

#include "base/limits.h"
#include "runtime/partition_impl.h"
#include "story/puppet.h"

// A number of 0 is a new one.
static weft_err
tell(struct story *story, uint64_t number, const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"puppet", "a"};
    request.name = "x";
    request.data = weft_text(data);
    request.number = number;
    return world_wait(story->world, world_submit(story->world, &request))->err;
}

// What was confirmed is forgotten, and refused; what was not is answered as it
// was.
static void
tell_confirmed(struct story *story)
{
    uint64_t number = world_next_number(story->world);

    CHECK_OK(tell(story, 0, "1"));
    CHECK_OK(tell(story, 0, "2"));
    CHECK_OK(tell(story, number, "1 again"));
    world_confirm(story->world, number + 1);
    CHECK_OK(tell(story, 0, "3"));
    // What a turn answers confirms nothing, and takes nothing back.
    CHECK_OK(world_ask(story->world, WEFT_VERB_ASK, "puppet", "a", "do",
                       weft_text("reply yes"))
                 ->err);
    for (int i = 0; i < 2; i++) {
        CHECK_ERR(tell(story, number, "1 again"), WEFT_EEXPIRED);
        CHECK_OK(tell(story, number + 1, "2 again"));
        CHECK_OK(tell(story, number + 2, "3 again"));
        world_confirm(story->world, number); // it was said already
        story_crash();
    }
    CHECK_STR(puppet_log("puppet", "a"), "signal(x,1) signal(x,2) signal(x,3)");
}

TEST(request, what_a_client_confirmed_is_not_done_again)
{
    story_run(puppet_definitions, tell_confirmed);
}

#define HOUR_MS 3600000ULL

// Answers are kept for a day of silence; that a number was used, for a month.
// What is under way is answered whenever it is.
static void
tell_silent(struct story *story)
{
    uint64_t number = world_next_number(story->world);
    struct world_call *asked;

    CHECK_OK(tell(story, 0, "1"));
    story_wait_ms(WF_CLIENT_SILENCE_MS - HOUR_MS);
    CHECK_OK(tell(story, number, "1 again"));
    asked = world_call(story->world, WEFT_VERB_ASK, "puppet", "a", "do",
                       weft_text("later"));
    story_wait_ms(WF_CLIENT_SILENCE_MS - 2 * HOUR_MS);
    CHECK_OK(tell(story, number, "1 again")); // it was heard of today
    story_wait_ms(2 * WF_CLIENT_SILENCE_MS);
    CHECK(!asked->is_answered);
    CHECK_OK(tell(story, 0, "2"));
    puppet_do("puppet", "a", "answer 1 yes");
    (void)world_wait(story->world, asked);
    CHECK_OK(asked->err);
    CHECK_STR(asked->data, "yes");
    story_wait_ms(WF_CLIENT_SILENCE_MS + 2 * HOUR_MS);
    CHECK_ERR(tell(story, number, "1 again"), WEFT_EEXPIRED);
    CHECK_STR(puppet_log("puppet", "a"), "signal(x,1) later(1) signal(x,2)");
}

TEST(request, what_a_silent_client_asked_is_not_done_again)
{
    story_run_calm(puppet_definitions, tell_silent);
}

static size_t
count_windows(const struct story *story)
{
    uint32_t site = story_site_of("a");

    return world_partition(story->world, site)->windows.count;
}

static void
tell_month(struct story *story)
{
    uint64_t number = world_next_number(story->world);

    CHECK_OK(tell(story, 0, "1"));
    story_wait_ms(WF_CLIENT_MEMORY_MS - HOUR_MS);
    CHECK_ERR(tell(story, number, "1 again"), WEFT_EEXPIRED);
    CHECK_EQ(count_windows(story), 1);
    story_crash();
    CHECK_ERR(tell(story, number, "1 again"), WEFT_EEXPIRED);
    story_wait_ms(WF_CLIENT_SILENCE_MS);
    CHECK_EQ(count_windows(story), 0);
    story_crash();
    CHECK_EQ(count_windows(story), 0);
}

TEST(request, a_client_that_is_silent_for_a_month_is_forgotten)
{
    story_run_once(puppet_definitions, tell_month);
}

// It is heard of again before its row is gone.
static void
tell_again(struct story *story)
{
    char text[2000];
    uint64_t number;

    if (story->sites > 1) {
        return; // a month takes long
    }
    (void)memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    CHECK_OK(tell(story, 0, "1"));
    story_wait_ms(WF_CLIENT_MEMORY_MS + WF_CLIENT_SILENCE_MS);
    number = world_next_number(story->world);
    CHECK_OK(tell(story, 0, "2"));
    for (int i = 0; i < 40; i++) { // a window of them
        puppet_do("puppet", "a/b", "note %s", text);
    }
    story_crash();
    CHECK_OK(tell(story, number, "2 again"));
    CHECK_STR(puppet_log("puppet", "a"), "signal(x,1) signal(x,2)");
}

TEST(request, a_client_that_is_heard_again_is_not_forgotten)
{
    story_run_calm(puppet_definitions, tell_again);
}

// What a client confirms says nothing of what has no answer yet, whether it is
// under way or did not come until now.
static void
tell_open(struct story *story)
{
    uint64_t number = world_next_number(story->world);
    struct world_call *asked = world_call(story->world, WEFT_VERB_ASK, "puppet",
                                          "a", "do", weft_text("later"));

    story_wait_ms(100);
    world_confirm(story->world, number + 1);
    CHECK_OK(tell(story, number + 2, "2"));
    CHECK_OK(tell(story, number + 1, "1"));
    CHECK_OK(tell(story, number + 2, "2 again"));
    CHECK(!asked->is_answered);
    story_crash();
    CHECK_OK(tell(story, number + 1, "1 again"));
    puppet_do("puppet", "a", "answer 1 yes");
    (void)world_wait(story->world, asked);
    CHECK_OK(asked->err);
    CHECK_STR(asked->data, "yes");
    CHECK_STR(puppet_log("puppet", "a"), "later(1) signal(x,2) signal(x,1)");
}

TEST(request, what_has_no_answer_yet_is_not_confirmed)
{
    story_run_calm(puppet_definitions, tell_open);
}
