// SPDX-License-Identifier: Apache-2.0
//
// Messages between partitions when frames are lost.

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "story/puppet.h"

static size_t
count_asks(const struct story *story)
{
    const char *line = world_trace(story->world);
    size_t count = 0;

    while ((line = strstr(line, " ask  ")) != NULL) {
        line++;
        count++;
    }
    return count;
}

// The second frame shows that the first is missing.
static void
tell_gap(struct story *story)
{
    const char *far = story_id_elsewhere("a");

    puppet_do("puppet", "a", "note begin");
    world_lose_frames(story->world, story_site_of(far), 1);
    puppet_do("puppet", "a", "send puppet %s x 1", far);
    story_wait_ms(20);
    puppet_do("puppet", "a", "send puppet %s x 2;send puppet %s x 3", far, far);
    story_wait_ms(20);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2) signal(x,3)");
    CHECK(story_now_ms() < WF_LINK_RESEND_MS);
    CHECK_EQ(count_asks(story), story->sites > 1 ? 1 : 0);
    // One message that is missing, and one behind it, are enough.
    story_wait_ms(WF_LINK_ASK_MS);
    world_lose_frames(story->world, story_site_of(far), 1);
    puppet_do("puppet", "a", "send puppet %s x 4", far);
    story_wait_ms(20);
    puppet_do("puppet", "a", "send puppet %s x 5", far);
    story_wait_ms(20);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2) signal(x,3) "
                                         "signal(x,4) signal(x,5)");
    CHECK_EQ(count_asks(story), story->sites > 1 ? 2 : 0);
}

TEST(link, a_receiver_asks_for_the_message_that_is_missing)
{
    story_run_calm(puppet_definitions, tell_gap);
}

// Nothing comes behind it: the sender sends again by itself.
static void
tell_silence(struct story *story)
{
    const char *far = story_id_elsewhere("a");

    world_lose_frames(story->world, story_site_of(far), 1);
    puppet_do("puppet", "a", "send puppet %s x 1", far);
    story_wait_ms(WF_LINK_RESEND_MS + 20);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1)");
    CHECK_EQ(count_asks(story), 0);
}

TEST(link, a_sender_that_hears_nothing_sends_again)
{
    story_run_calm(puppet_definitions, tell_silence);
}

// The ask is lost as well. Later frames show the same gap, and it is asked
// again, but not at each of them.
static void
tell_twice(struct story *story)
{
    const char *far = story_id_elsewhere("a");

    puppet_do("puppet", "a", "note begin");
    world_lose_frames(story->world, story_site_of(far), 1);
    puppet_do("puppet", "a", "send puppet %s x 1", far);
    story_wait_ms(20);
    // The ask, and the acknowledgements of it and of three that follow.
    world_lose_frames(story->world, story_site_of("a"), 5);
    for (int i = 0; i < 8; i++) {
        puppet_do("puppet", "a", "send puppet %s y %d", far, i);
        story_wait_ms(10);
    }
    story_wait_ms(20);
    CHECK_STR(puppet_log("puppet", far),
              "signal(x,1) signal(y,0) signal(y,1) signal(y,2) signal(y,3) "
              "signal(y,4) signal(y,5) signal(y,6) signal(y,7)");
    CHECK(story_now_ms() < WF_LINK_RESEND_MS);
    CHECK_EQ(count_asks(story), story->sites > 1 ? 2 : 0);
}

TEST(link, a_receiver_asks_again_but_not_at_every_frame)
{
    story_run_calm(puppet_definitions, tell_twice);
}

// One is lost while the acknowledgement of the one before is under way.
static void
tell_behind_ack(struct story *story)
{
    const char *far = story_id_elsewhere("a");
    char expected[1000] = "";
    size_t len = 0;

    for (unsigned ms = 0; ms < 12; ms++) {
        puppet_do("puppet", "a", "send puppet %s x %u", far, 2 * ms);
        story_wait_ms(ms);
        world_lose_frames(story->world, story_site_of(far), 1);
        puppet_do("puppet", "a", "send puppet %s x %u", far, 2 * ms + 1);
        story_wait_ms(2 * WF_LINK_RESEND_MS);
        world_lose_frames(story->world, 0, 0);
        len += (size_t)snprintf(expected + len, sizeof(expected) - len,
                                "%ssignal(x,%u) signal(x,%u)",
                                ms == 0 ? "" : " ", 2 * ms, 2 * ms + 1);
        CHECK_STR(puppet_log("puppet", far), expected);
    }
}

TEST(link, what_is_not_acknowledged_is_kept)
{
    story_run_calm(puppet_definitions, tell_behind_ack);
}

// A message that came, and to whom. NULL: there is one site only, and no link.
static const char *
tell_first(struct story *story)
{
    const char *far = story_id_elsewhere("a");

    if (story->sites == 1) {
        return NULL;
    }
    puppet_do("puppet", "a", "send puppet %s x 1", far);
    story_wait_ms(1000);
    return far;
}

// Who was away. ---------------------------------------------------------------

// A message that is lost so often that its sender tries seldom by now.
static void
lose_often(struct story *story, const char *far)
{
    world_lose_frames(story->world, story_site_of(far), 4);
    puppet_do("puppet", "a", "send puppet %s x 2", far);
    story_wait_ms(15 * WF_LINK_RESEND_MS / 2); // at 0, 0.5, 1.5 and 3.5 s
    CHECK_STR(puppet_log("puppet", far), "signal(x,1)");
}

static void
tell_back(struct story *story)
{
    const char *far = tell_first(story);

    if (far == NULL) {
        return;
    }
    lose_often(story, far);
    world_crash(story->world, story_site_of(far));
    story_wait_ms(20);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2)");
}

TEST(link, who_comes_back_asks_for_what_it_has_missed)
{
    story_run_calm(puppet_definitions, tell_back);
}

// The sender hears where it is. If that is in vain too, it tries again soon.
static void
tell_met(struct story *story)
{
    const char *far = tell_first(story);

    if (far == NULL) {
        return;
    }
    lose_often(story, far);
    world_lose_frames(story->world, story_site_of(far), 1);
    world_meet(story->world, story_site_of("a"), story_site_of(far));
    story_wait_ms(20);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1)");
    story_wait_ms(WF_LINK_RESEND_MS);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2)");
}

TEST(link, who_is_met_is_sent_what_it_has_missed)
{
    story_run_calm(puppet_definitions, tell_met);
}

// And who hears where its sender is asks that.
static void
tell_met_sender(struct story *story)
{
    const char *far = tell_first(story);

    if (far == NULL) {
        return;
    }
    lose_often(story, far);
    world_meet(story->world, story_site_of(far), story_site_of("a"));
    story_wait_ms(20);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2)");
}

TEST(link, who_is_met_is_asked_for_what_was_missed)
{
    story_run_calm(puppet_definitions, tell_met_sender);
}

// Losses. ---------------------------------------------------------------------

// A sender that lost what others have seen uses its numbers again.
static void
tell_sender_lost(struct story *story)
{
    const char *far = tell_first(story);

    if (far == NULL) {
        return;
    }
    world_keep(story->world, story_site_of("a"));
    puppet_do("puppet", "a", "send puppet %s x 2;send puppet %s x 3", far, far);
    story_wait_ms(1000);
    world_lose(story->world, story_site_of("a"));
    puppet_do("puppet", "a", "send puppet %s x 4", far);
    story_wait_ms(WF_LINK_RESEND_MS + 1000);
    CHECK_STR(puppet_log("puppet", far),
              "signal(x,1) signal(x,2) signal(x,3) signal(x,4)");
    puppet_do("puppet", "a", "send puppet %s x 5", far);
    story_wait_ms(1000);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2) signal(x,3) "
                                         "signal(x,4) signal(x,5)");
}

TEST(link, a_sender_that_lost_its_end_is_heard)
{
    story_run_calm(puppet_definitions, tell_sender_lost);
}

// What was acknowledged of the messages that it lost says nothing of those that
// have their numbers now.
static void
tell_old_ack(struct story *story)
{
    const char *far = tell_first(story);

    if (far == NULL) {
        return;
    }
    world_keep(story->world, story_site_of("a"));
    world_delay_frames(story->world, story_site_of("a"), 600);
    puppet_do("puppet", "a", "send puppet %s x 2;send puppet %s x 3", far, far);
    story_wait_ms(100);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2) signal(x,3)");
    world_delay_frames(story->world, 0, 0);
    world_lose(story->world, story_site_of("a"));
    world_lose_frames(story->world, story_site_of(far), 1);
    puppet_do("puppet", "a", "send puppet %s x 4;send puppet %s x 5", far, far);
    story_wait_ms(2 * WF_LINK_RESEND_MS);
    CHECK_STR(puppet_log("puppet", far),
              "signal(x,1) signal(x,2) signal(x,3) signal(x,4) signal(x,5)");
}

TEST(link, an_acknowledgement_of_what_was_lost_is_of_nothing_new)
{
    story_run_calm(puppet_definitions, tell_old_ack);
}

// Nor does a message that was lost come when it was under way for long.
static void
tell_old_message(struct story *story)
{
    const char *far = tell_first(story);

    if (far == NULL) {
        return;
    }
    world_keep(story->world, story_site_of("a"));
    world_delay_frames(story->world, story_site_of(far), 600);
    puppet_do("puppet", "a", "send puppet %s x 2;send puppet %s x 3", far, far);
    story_wait_ms(100);
    world_delay_frames(story->world, 0, 0);
    world_lose(story->world, story_site_of("a"));
    puppet_do("puppet", "a", "send puppet %s x 4", far);
    story_wait_ms(2 * WF_LINK_RESEND_MS);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,4)");
    puppet_do("puppet", "a", "send puppet %s x 5", far);
    story_wait_ms(100);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,4) signal(x,5)");
}

TEST(link, what_was_lost_does_not_come_late)
{
    story_run_calm(puppet_definitions, tell_old_message);
}

// What it has not lost, and not heard to be acknowledged, it sends again: it
// is known by its number.
static void
tell_sender_kept(struct story *story)
{
    const char *far = tell_first(story);

    if (far == NULL) {
        return;
    }
    world_lose_frames(story->world, story_site_of(far), 1);
    puppet_do("puppet", "a", "send puppet %s x 2", far);
    story_wait_ms(10);
    world_keep(story->world, story_site_of("a"));
    puppet_do("puppet", "a", "send puppet %s x 3", far);
    story_wait_ms(WF_LINK_RESEND_MS + 1000);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,2) signal(x,3)");
    world_lose(story->world, story_site_of("a"));
    puppet_do("puppet", "a", "send puppet %s x 4", far);
    story_wait_ms(WF_LINK_RESEND_MS + 1000);
    CHECK_STR(puppet_log("puppet", far),
              "signal(x,1) signal(x,2) signal(x,3) signal(x,4)");
}

TEST(link, what_a_sender_did_not_lose_comes_once)
{
    story_run_calm(puppet_definitions, tell_sender_kept);
}

// A receiver that acknowledged what it lost says so, and goes on behind it.
static void
tell_receiver_lost(struct story *story)
{
    const char *far = tell_first(story);

    if (far == NULL) {
        return;
    }
    world_keep(story->world, story_site_of(far));
    puppet_do("puppet", "a", "send puppet %s x 2", far);
    story_wait_ms(1000);
    world_lose(story->world, story_site_of(far));
    puppet_do("puppet", "a", "send puppet %s x 3", far);
    story_wait_ms(WF_LINK_RESEND_MS + 1000);
    CHECK_STR(puppet_log("puppet", far), "signal(x,1) signal(x,3)");
    CHECK(strstr(world_trace(story->world), "messages 2 to 2 from p") != NULL);
}

TEST(link, a_receiver_that_lost_what_it_acknowledged_says_so)
{
    story_run_calm(puppet_definitions, tell_receiver_lost);
}
