// SPDX-License-Identifier: Apache-2.0
//
// One actor: how it begins, what it keeps, what a turn that fails leaves
// behind, and what a new version makes of an old state.

#include <stdio.h>
#include <string.h>

#include "runtime/inside.h"
#include "story/puppet.h"

// Creation. -------------------------------------------------------------------

static void
tell_on_message(struct story *story)
{
    (void)story;
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "puppet", "a", "", NULL)->err,
              WEFT_ENOTFOUND);
    story_signal("puppet", "a", "first", "1");
    CHECK_EQ(story_describe("puppet", "a")->item.status, WEFT_STATUS_RUNNING);
    CHECK_STR(puppet_log("puppet", "a"), "signal(first,1)");
    CHECK_EQ(story_describe("puppet", "a")->item.run, 1);
}

TEST(actor, a_message_creates_one_whose_kind_says_so)
{
    story_run(puppet_definitions, tell_on_message);
}

static void
tell_start_message(struct story *story)
{
    (void)story;
    story_start("puppet", "a", "input");
    CHECK_STR(puppet_log("puppet", "a"), "start(input)");
}

TEST(actor, a_start_is_its_first_message)
{
    story_run(puppet_definitions, tell_start_message);
}

static void
tell_on_start(struct story *story)
{
    CHECK_ERR(story_ask(WEFT_VERB_SIGNAL, "started", "a", "x", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_ASK, "started", "a", "x", NULL)->err,
              WEFT_ENOTFOUND);
    puppet_do("puppet", "p", "send started a lost 1");
    story_wait_ms(2000);
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 1);
    }
    story_start("started", "a", "input");
    story_signal("started", "a", "kept", "2");
    CHECK_STR(puppet_log("started", "a"), "start(input) signal(kept,2)");
}

TEST(actor, only_a_start_creates_one_whose_kind_says_so)
{
    story_run(puppet_definitions, tell_on_start);
}

static void
tell_never(struct story *story)
{
    const struct world_call *call;

    (void)story;
    call = story_ask(WEFT_VERB_START, "spawned", "a", "", NULL);
    CHECK_ERR(call->err, WEFT_EINVAL);
    CHECK_STR(call->detail, "a: its kind is created by other actors only");
    CHECK_ERR(story_ask(WEFT_VERB_SIGNAL, "spawned", "a", "x", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(
        story_ask(WEFT_VERB_SIGNAL_WITH_START, "spawned", "a", "x", NULL)->err,
        WEFT_EINVAL);
    puppet_do("puppet", "p", "spawn spawned a input");
    story_wait_ms(2000);
    CHECK_STR(puppet_log("spawned", "a"), "start(input)");
}

TEST(actor, only_a_spawn_creates_one_whose_kind_says_so)
{
    story_run(puppet_definitions, tell_never);
}

// State. ----------------------------------------------------------------------

struct wide {
    uint64_t first;
    char gap[3000];
    uint64_t last;
};

static weft_err
wide_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct wide *wide = state;
    char text[80];

    if (strcmp(message->name, "first") == 0) {
        wide->first++;
    } else if (strcmp(message->name, "last") == 0) {
        wide->last++;
    } else if (strcmp(message->name, "gap") == 0) {
        memset(wide->gap, 'g', sizeof(wide->gap));
    }
    (void)snprintf(text, sizeof(text), "%llu %c %llu",
                   (unsigned long long)wide->first,
                   wide->gap[2999] == 0 ? '0' : wide->gap[2999],
                   (unsigned long long)wide->last);
    return weft_actor_reply(actor, weft_text(text));
}

static weft_definitions *
wides(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_actor(defs, "wide", sizeof(struct wide), wide_receive);
    return defs;
}

static void
tell_struct_state(struct story *story)
{
    (void)story;
    CHECK_STR(story_do(WEFT_VERB_ASK, "wide", "a", "read", NULL)->data,
              "0 0 0");
    story_signal("wide", "a", "first", NULL);
    story_signal("wide", "a", "last", NULL);
    CHECK_STR(story_do(WEFT_VERB_ASK, "wide", "a", "read", NULL)->data,
              "1 0 1");
    story_signal("wide", "a", "gap", NULL);
    CHECK_STR(story_do(WEFT_VERB_ASK, "wide", "a", "last", NULL)->data,
              "1 g 2");
    story_crash();
    CHECK_STR(story_do(WEFT_VERB_ASK, "wide", "a", "first", NULL)->data,
              "2 g 2");
}

TEST(actor, a_state_struct_begins_as_zero_and_keeps_what_turns_change)
{
    story_run(wides, tell_struct_state);
}

// State as bytes: as many as there were messages.
static weft_err
bytes_receive(weft_actor *actor, const weft_message *message, void *state)
{
    weft_bytes old = weft_actor_state(actor);
    char text[100];

    if (state != NULL) {
        return WEFT_ECORRUPT;
    }
    (void)story_text(old, text, sizeof(text));
    if (strcmp(message->name, "clear") == 0) {
        CHECK_OK(weft_actor_state_set(actor, weft_nothing()));
    } else if (strcmp(message->name, "read") != 0) {
        strncat(text, message->name, 20);
        CHECK_OK(weft_actor_state_set(actor, weft_text("overwritten")));
        CHECK_OK(weft_actor_state_set(actor, weft_text(text)));
        CHECK_BYTES(weft_actor_state(actor), weft_text(text));
    }
    (void)weft_actor_reply(actor, weft_actor_state(actor));
    return strcmp(message->name, "bad") == 0 ? WEFT_EIO : WEFT_OK;
}

static weft_definitions *
bytes_kinds(void)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    def.name = "bytes";
    def.receive = bytes_receive;
    def.turn_attempts_max = 1;
    CHECK_OK(weft_definitions_add_actor(defs, &def));
    return defs;
}

static void
tell_bytes_state(struct story *story)
{
    (void)story;
    CHECK_STR(story_do(WEFT_VERB_ASK, "bytes", "a", "read", NULL)->data, "");
    CHECK_STR(story_do(WEFT_VERB_ASK, "bytes", "a", "one", NULL)->data, "one");
    story_crash();
    CHECK_STR(story_do(WEFT_VERB_ASK, "bytes", "a", "two", NULL)->data,
              "onetwo");
    CHECK_STR(story_do(WEFT_VERB_ASK, "bytes", "a", "clear", NULL)->data, "");
    CHECK_STR(story_do(WEFT_VERB_ASK, "bytes", "a", "end", NULL)->data, "end");
}

TEST(actor, a_state_of_bytes_is_what_was_set_last)
{
    story_run(bytes_kinds, tell_bytes_state);
}

static weft_err
misuse_receive(weft_actor *actor, const weft_message *message, void *state)
{
    static char large[(1 << 20) + 1];

    (void)message;
    (void)state;
    story_note("%s", weft_err_name(weft_actor_state_set(
                         actor, weft_bytes_of(large, sizeof(large)))));
    return WEFT_OK;
}

static weft_definitions *
misuses(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_actor(defs, "bytes", 0, misuse_receive);
    story_add_actor(defs, "struct", 8, misuse_receive);
    return defs;
}

static void
tell_state_misuse(struct story *story)
{
    (void)story;
    story_do(WEFT_VERB_ASK, "struct", "a", "x", NULL);
    CHECK_EQ(story_count("WEFT_EINVAL"), 1);
    story_do(WEFT_VERB_ASK, "bytes", "a", "x", NULL);
    CHECK_EQ(story_count("WEFT_ETOOBIG"), 1);
}

TEST(actor, a_state_that_cannot_be_set_is_refused)
{
    story_run_once(misuses, tell_state_misuse);
}

// A turn that fails. ----------------------------------------------------------

static void
tell_rollback(struct story *story)
{
    struct world_call *answer;

    story_signal("puppet", "a", "before", "1");
    answer = world_call(story->world, WEFT_VERB_ASK, "puppet", "a", "do",
                        weft_text("send puppet b lost x;timer beat 10;"
                                  "publish seen 1;reply early;random;fail"));
    story_wait_ms(200);
    CHECK(!answer->is_answered);
    CHECK_ERR(story_ask(WEFT_VERB_QUERY, "puppet", "a", "seen", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "puppet", "b", "", NULL)->err,
              WEFT_ENOTFOUND);
    CHECK_EQ(story_describe("puppet", "a")->item.timers_count, 0);
    CHECK_STR(story_query("puppet", "a", "log"), "signal(before,1)");
    puppet_is_mended = true;
    CHECK_STR(world_wait(story->world, answer)->data, "early");
    CHECK_STR(story_query("puppet", "a", "seen"), "1");
    story_wait_ms(1000);
    CHECK_STR(puppet_log("puppet", "b"), "signal(lost,x)");
}

TEST(actor, nothing_of_a_failed_turn_is_seen_and_it_is_tried_again)
{
    story_run(puppet_definitions, tell_rollback);
}

static void
tell_backoff(struct story *story)
{
    (void)story;
    story_signal("puppet", "a", "before", "1");
    world_trace_clear(story->world);
    story_forget_notes();
    puppet_do("puppet", "a", "die");
    story_wait_ms(60000);
    CHECK_TRACE(
        "[0] puppet/a   retry     in 100 ms, turn failed 1 times: WEFT_EFAILED "
        "\n"
        "[100] puppet/a   retry     in 200 ms, turn failed 2 times: "
        "WEFT_EFAILED \n"
        "[300] puppet/a   retry     in 400 ms, turn failed 3 times: "
        "WEFT_EFAILED \n"
        "[700] puppet/a   retry     in 800 ms, turn failed 4 times: "
        "WEFT_EFAILED \n"
        "[1500] puppet/a   park      turn failed 5 times: WEFT_EFAILED \n");
}

TEST(actor, a_failed_turn_is_tried_five_times_with_growing_pauses)
{
    story_run_once(puppet_definitions, tell_backoff);
}

static void
tell_parked(struct story *story)
{
    const struct world_call *call;

    story_signal("puppet", "a", "before", "1");
    puppet_do("puppet", "a", "publish seen 1");
    puppet_do("puppet", "a", "fail;publish seen 2");
    story_signal("puppet", "a", "after", "2");
    story_wait_ms(30000);
    call = story_describe("puppet", "a");
    CHECK_EQ(call->item.is_parked, 1);
    CHECK_EQ(call->item.mailbox_count, 2);
    CHECK_STR(call->reason, "turn failed 5 times: WEFT_EFAILED ");
    CHECK_STR(story_query("puppet", "a", "seen"), "1");
    CHECK_STR(story_query("puppet", "a", "log"), "signal(before,1)");
    story_crash();
    CHECK_EQ(story_describe("puppet", "a")->item.is_parked, 1);

    puppet_is_mended = true;
    story_do(WEFT_VERB_RESUME, "puppet", "a", "", NULL);
    CHECK_STR(puppet_log("puppet", "a"), "signal(before,1) signal(after,2)");
    CHECK_STR(story_query("puppet", "a", "seen"), "2");
    call = story_describe("puppet", "a");
    CHECK_EQ(call->item.is_parked, 0);
    CHECK_STR(call->reason, "");
    CHECK_EQ(story->is_calm ? story_count("a fails") : 6, 6);
}

TEST(actor, one_that_keeps_failing_is_parked_whole_until_it_is_resumed)
{
    story_run(puppet_definitions, tell_parked);
}

// Paused before the failed turn is tried again, and out of memory at that time.
static void
tell_paused_away(struct story *story)
{
    char id[16];

    (void)story;
    for (int i = 0; i < 10; i++) {
        (void)snprintf(id, sizeof(id), "a%d", i);
        puppet_do("puppet", id, "fail;publish seen 1");
        story_do(WEFT_VERB_PAUSE, "puppet", id, "", NULL);
    }
    story_wait_ms(5000);
    puppet_is_mended = true;
    for (int i = 0; i < 10; i++) {
        (void)snprintf(id, sizeof(id), "a%d", i);
        CHECK_EQ(story_describe("puppet", id)->item.mailbox_count, 1);
        story_do(WEFT_VERB_RESUME, "puppet", id, "", NULL);
        story_wait_ms(1000);
        CHECK_STR(story_query("puppet", id, "seen"), "1");
    }
}

// Who waits for its next attempt waits in memory, in any crowd.
static void
tell_failed_crowd(struct story *story)
{
    char id[16];

    (void)story;
    puppet_is_mended = false;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(id, sizeof(id), "a/%d", i);
        puppet_do("puppet", id, "fail;note up");
    }
    puppet_is_mended = true;
    story_wait_ms(5000);
    for (int i = 0; i < 20; i++) {
        char note[32];

        (void)snprintf(note, sizeof(note), "a/%d up", i);
        CHECK(story_count(note) > 0);
    }
}

TEST(actor, all_of_a_crowd_that_failed_are_tried_again)
{
    story_run_crowded(puppet_definitions, tell_failed_crowd);
    story_run_calm(puppet_definitions, tell_failed_crowd);
}

// Each message has all of its attempts, however many the one before needed.
static void
tell_each(struct story *story)
{
    (void)story;
    for (int i = 0; i < 3; i++) {
        puppet_is_mended = false;
        puppet_do("puppet", "a", "fail;publish seen %d", i);
        story_wait_ms(500); // attempts at 0, 100, 300
        puppet_is_mended = true;
        story_wait_ms(1000);
        CHECK_EQ(story_describe("puppet", "a")->item.is_parked, 0);
    }
    CHECK_STR(story_query("puppet", "a", "seen"), "2");
}

TEST(actor, attempts_are_counted_for_each_message)
{
    story_run_calm(puppet_definitions, tell_each);
}

// A crash does not shorten a pause.
static void
tell_pause(struct story *story)
{
    (void)story;
    puppet_is_mended = false;
    puppet_do("puppet", "a", "note first;fail");
    story_wait_ms(350);
    CHECK_EQ(story_count("a fails"), 3); // at 0, 100, 300
    story_crash();
    story_wait_ms(300);
    CHECK_EQ(story_count("a fails"), 3);
    story_wait_ms(100);
    CHECK_EQ(story_count("a fails"), 4); // at 700
    puppet_is_mended = true;
}

TEST(actor, a_pause_between_attempts_outlives_a_crash)
{
    story_run_calm(puppet_definitions, tell_pause);
}

TEST(actor, one_that_failed_and_is_paused_may_leave_memory)
{
    story_run_crowded(puppet_definitions, tell_paused_away);
}

static void
tell_random(struct story *story)
{
    char first[64];
    char again[64];
    char second[64];

    story_start("puppet", "a", "");
    story_forget_notes();
    puppet_do("puppet", "a", "random;fail");
    story_wait_ms(20);
    (void)sscanf(story_notes(), "[%*d] a %63s", first);
    story_forget_notes();
    puppet_is_mended = true;
    story_wait_ms(1000);
    (void)sscanf(story_notes(), "[%*d] a %63s", again);
    CHECK_STR(again, first);
    story_forget_notes();
    puppet_do("puppet", "a", "random");
    story_wait_ms(1000);
    (void)sscanf(story_notes(), "[%*d] a %63s", second);
    CHECK(strcmp(first, second) != 0);
    (void)story;
}

TEST(actor, random_bits_are_the_same_when_a_turn_is_tried_again)
{
    story_run_calm(puppet_definitions, tell_random);
}

static weft_err
random_receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)message;
    (void)state;
    story_note("%016llx", (unsigned long long)weft_actor_random(actor));
    return WEFT_OK;
}

static weft_definitions *
randoms(void)
{
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    story_add_actor(defs, "random", 8, random_receive);
    return defs;
}

static void
tell_random_turns(struct story *story)
{
    char bits[4][20] = {{0}};

    (void)story;
    story_start("random", "a", "");
    story_signal("random", "a", "x", "");
    story_start("random", "b", "");
    story_signal("random", "b", "x", "");
    story_wait_ms(100);
    CHECK_EQ(sscanf(story_notes(),
                    "[%*d] %19s [%*d] %19s [%*d] %19s [%*d] %19s", bits[0],
                    bits[1], bits[2], bits[3]),
             4);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(bits[i], bits[j]) != 0);
        }
    }
}

TEST(actor, random_bits_differ_between_turns_and_between_actors)
{
    story_run_once(randoms, tell_random_turns);
}

// Versions. -------------------------------------------------------------------

struct old_account {
    uint32_t cents;
};
struct new_account {
    char currency[8];
    uint64_t cents;
};

static weft_err
old_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct old_account *account = state;
    char text[40];

    account->cents += strcmp(message->name, "pay") == 0 ? 100 : 0;
    (void)snprintf(text, sizeof(text), "%u", account->cents);
    return weft_actor_reply(actor, weft_text(text));
}

static weft_err
new_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct new_account *account = state;
    char text[40];

    account->cents += strcmp(message->name, "pay") == 0 ? 100 : 0;
    (void)snprintf(text, sizeof(text), "%llu %s",
                   (unsigned long long)account->cents, account->currency);
    return weft_actor_reply(actor, weft_text(text));
}

static weft_err
upgrade(uint32_t from_version, weft_bytes old_state, void *new_state)
{
    struct new_account *account = new_state;
    struct old_account old;

    CHECK_ERR(wf_inside_check("an upgrade"), WEFT_EINVAL);
    story_note("upgrade %u", from_version);
    if (from_version != 1 || old_state.len != sizeof(old) ||
        account->cents != 0) {
        return WEFT_ECORRUPT;
    }
    memcpy(&old, old_state.data, sizeof(old));
    account->cents = old.cents;
    (void)strcpy(account->currency, "EUR");
    return WEFT_OK;
}

static weft_definitions *
accounts(uint32_t version, weft_upgrade_fn *up)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    def.name = "account";
    def.version = version;
    def.receive = version == 1 ? old_receive : new_receive;
    def.state_bytes =
        version == 1 ? sizeof(struct old_account) : sizeof(struct new_account);
    def.upgrade = up;
    CHECK_OK(weft_definitions_add_actor(defs, &def));
    return defs;
}

static weft_definitions *
accounts_1(void)
{
    return accounts(1, NULL);
}

static weft_definitions *
accounts_2(void)
{
    return accounts(2, upgrade);
}

static weft_definitions *
accounts_2_without_upgrade(void)
{
    return accounts(2, NULL);
}

static void
tell_upgrade(struct story *story)
{
    story_do(WEFT_VERB_ASK, "account", "a", "pay", NULL);
    CHECK_EQ(story_describe("account", "a")->item.version, 1);
    story_define(accounts_2);
    CHECK_STR(story_do(WEFT_VERB_ASK, "account", "a", "pay", NULL)->data,
              "200 EUR");
    CHECK_EQ(story_describe("account", "a")->item.version, 2);
    CHECK_STR(story_do(WEFT_VERB_ASK, "account", "a", "read", NULL)->data,
              "200 EUR");
    CHECK_STR(story_do(WEFT_VERB_ASK, "account", "new", "pay", NULL)->data,
              "100 ");
    if (story->is_calm) {
        CHECK_EQ(story_count("upgrade 1"), 1);
    }
}

TEST(actor, a_new_version_is_made_from_an_old_state_once)
{
    story_run(accounts_1, tell_upgrade);
}

static void
tell_no_upgrade(struct story *story)
{
    const struct world_call *described;
    struct world_call *answer;

    story_do(WEFT_VERB_ASK, "account", "a", "pay", NULL);
    story_define(accounts_2_without_upgrade);
    answer = world_call(story->world, WEFT_VERB_ASK, "account", "a", "pay",
                        weft_nothing());
    story_wait_ms(30000);
    CHECK(!answer->is_answered);
    described = story_describe("account", "a");
    CHECK_EQ(described->item.is_parked, 1);
    CHECK_EQ(described->item.version, 1);
    CHECK(strstr(described->reason, "account: state of version 1, the kind has "
                                    "version 2 and no upgrade") != NULL);
    story_define(accounts_2);
    story_do(WEFT_VERB_RESUME, "account", "a", "", NULL);
    CHECK_STR(world_wait(story->world, answer)->data, "200 EUR");
}

TEST(actor, an_old_state_without_an_upgrade_is_parked_until_there_is_one)
{
    story_run(accounts_1, tell_no_upgrade);
}

// A state may have the same size in another version.
static weft_err
tally_receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint32_t *count = state;
    char text[16];

    (void)message;
    ++*count;
    (void)snprintf(text, sizeof(text), "%u", *count);
    return weft_actor_reply(actor, weft_text(text));
}

static weft_err
tally_upgrade(uint32_t version, weft_bytes old, void *state)
{
    uint32_t *count = state;

    (void)version;
    memcpy(count, old.data, sizeof(*count));
    *count += 1000;
    return WEFT_OK;
}

static weft_definitions *
tallies(uint32_t version)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    weft_definitions *defs;

    CHECK_OK(weft_definitions_create(&defs));
    def.name = "tally";
    def.version = version;
    def.receive = tally_receive;
    def.state_bytes = sizeof(uint32_t);
    def.upgrade = version == 1 ? NULL : tally_upgrade;
    CHECK_OK(weft_definitions_add_actor(defs, &def));
    return defs;
}

static weft_definitions *
tallies_1(void)
{
    return tallies(1);
}

static weft_definitions *
tallies_2(void)
{
    return tallies(2);
}

static void
tell_tally(struct story *story)
{
    (void)story;
    CHECK_STR(story_do(WEFT_VERB_ASK, "tally", "a", "add", NULL)->data, "1");
    story_define(tallies_2);
    CHECK_STR(story_do(WEFT_VERB_ASK, "tally", "a", "add", NULL)->data, "1002");
    CHECK_EQ(story_describe("tally", "a")->item.version, 2);
    CHECK_STR(story_do(WEFT_VERB_ASK, "tally", "a", "add", NULL)->data, "1003");
}

// Nobody knows the way down.
static void
tell_tally_back(struct story *story)
{
    tell_tally(story);
    story_define(tallies_1);
    story_signal("tally", "a", "add", "");
    story_wait_ms(600000);
    CHECK_EQ(story_describe("tally", "a")->item.is_parked, 1);
    story_define(tallies_2);
    story_do(WEFT_VERB_RESUME, "tally", "a", "", NULL);
    CHECK_STR(story_do(WEFT_VERB_ASK, "tally", "a", "add", NULL)->data, "1005");
}

TEST(actor, an_older_version_does_not_take_the_state_of_a_newer_one)
{
    story_run_calm(tallies_1, tell_tally_back);
}

TEST(actor, a_new_version_may_have_a_state_of_the_same_size)
{
    story_run(tallies_1, tell_tally);
}
