// SPDX-License-Identifier: Apache-2.0
//
// test_inspect_view.c - all that an actor may have is shown, and what does not
// decode is shown as unknown.

#include "runtime/inspect_view.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "runtime/actor.h"
#include "runtime/cause.h"
#include "runtime/journal.h"
#include "runtime/letter.h"
#include "support/test.h"

static struct wf_actor *
make_actor(struct wf_key *out_key)
{
    CHECK_OK(wf_key_make("default", "order", "17", out_key));
    return wf_actor_create(out_key, 1);
}

static void
end(struct wf_view *view, struct wf_key *key, struct wf_actor *actor)
{
    wf_view_fini(view);
    wf_actor_destroy(actor);
    wf_key_fini(key);
}

// The journal. ----------------------------------------------------------------

static void
append(struct wf_actor *actor, struct wf_entry entry)
{
    struct wf_buf bytes = {0};

    entry.now_ms = 5;
    wf_entry_encode(&entry, &bytes);
    (void)wf_journal_append(&actor->journal, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
}

TEST(inspect_view, each_kind_of_entry_is_shown)
{
    static const struct {
        enum wf_entry_type type;
        weft_inspect_entry_type shown;
    } entries[] = {
        {WF_ENTRY_STARTED, WEFT_INSPECT_STARTED},
        {WF_ENTRY_LETTER, WEFT_INSPECT_LETTER},
        {WF_ENTRY_OPEN, WEFT_INSPECT_COMMAND},
        {WF_ENTRY_VALUE, WEFT_INSPECT_VALUE},
        {WF_ENTRY_BREAK, WEFT_INSPECT_BREAK},
        {WF_ENTRY_WENT_ON, WEFT_INSPECT_WENT_ON},
        {WF_ENTRY_PATCH, WEFT_INSPECT_PATCH},
        {WF_ENTRY_CHANCE, WEFT_INSPECT_CHANCE},
    };
    const size_t count = sizeof(entries) / sizeof(*entries);
    struct wf_view view = {0};
    struct wf_key key;
    struct wf_actor *actor = make_actor(&key);

    for (size_t i = 0; i < count; i++) {
        append(actor, (struct wf_entry){.type = entries[i].type,
                                        .kind = WF_COMMAND_TIMER,
                                        .name = weft_text("name"),
                                        .letter = weft_text("none")});
    }
    (void)wf_journal_append(&actor->journal, weft_text("\xff"));
    wf_view_actor(&view, &key, actor);
    CHECK_EQ(view.shown.journal_count, count + 1);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(view.shown.journal[i].type, entries[i].shown);
    }
    CHECK_STR(view.shown.journal[1].letter.type, "unknown");
    CHECK_STR(view.shown.journal[2].name, "name");
    CHECK_STR(view.shown.journal[6].name, "name");
    CHECK_EQ(view.shown.journal[count].type, WEFT_INSPECT_UNKNOWN);
    end(&view, &key, actor);
}

// Letters. --------------------------------------------------------------------

static void
push(struct wf_actor *actor, struct wf_letter letter)
{
    struct wf_buf bytes = {0};

    wf_letter_encode(&letter, &bytes);
    wf_mailbox_push(&actor->mailbox, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
}

TEST(inspect_view, letters_are_shown_with_sender_failure_and_causes)
{
    const weft_failure failure = {.name = "Declined", .message = "no money"};
    const struct wf_letter failed = {.type = WF_LETTER_ACTIVITY,
                                     .err = WEFT_ETIMEDOUT,
                                     .text = weft_text("too late")};
    struct wf_letter letter = {.type = WF_LETTER_SIGNAL,
                               .name = weft_text("pay"),
                               .sender = weft_bytes_of("d\0kind\0id", 9)};
    struct wf_buf causes = {0};
    struct wf_view view = {0};
    const weft_inspect_letter *shown;
    struct wf_key key;
    struct wf_actor *actor = make_actor(&key);

    push(actor, letter);
    letter.sender = weft_text("nobody");
    push(actor, letter);
    push(actor, failed);
    wf_cause_put(&causes, &failure);
    letter = failed;
    letter.name = weft_text("Broken");
    letter.causes = wf_buf_bytes(&causes);
    push(actor, letter);
    letter.err = WEFT_OK;
    push(actor, letter);
    wf_mailbox_push(&actor->mailbox, weft_text("none"));
    wf_view_actor(&view, &key, actor);
    shown = view.shown.mailbox;
    CHECK_EQ(view.shown.mailbox_count, 6);
    CHECK_STR(shown[0].name, "pay");
    CHECK_STR(shown[0].sender_kind, "kind");
    CHECK_STR(shown[0].sender_id, "id");
    CHECK_STR(shown[1].name, "pay");
    CHECK_STR(shown[1].sender_kind, "");
    CHECK_STR(shown[2].failure.name, "WEFT_ETIMEDOUT");
    CHECK_STR(shown[2].failure.message, "too late");
    CHECK(shown[2].failure.cause == NULL);
    CHECK_STR(shown[3].failure.name, "Broken");
    CHECK_STR(shown[3].failure.cause->name, "Declined");
    CHECK_STR(shown[4].failure.name, "");
    CHECK_STR(shown[5].type, "unknown");
    wf_buf_fini(&causes);
    end(&view, &key, actor);
}

TEST(inspect_view, a_dead_letter_has_a_target_and_a_letter)
{
    struct wf_view view = {0};
    struct wf_buf letter = {0};
    weft_inspect_dead_letter shown;

    wf_letter_encode(
        &(struct wf_letter){.type = WF_LETTER_SIGNAL, .name = weft_text("pay")},
        &letter);
    for (int change = 0; change < 5; change++) {
        struct wf_buf body = {0};
        bool is_whole = change == 0;

        wf_buf_put_bytes(&body, change == 1 ? weft_text("nobody")
                                            : weft_bytes_of("d\0k\0i", 5));
        wf_buf_put_bytes(&body, change == 2 ? weft_text("none")
                                            : wf_buf_bytes(&letter));
        if (change != 3) {
            wf_buf_put_text(&body, "finished");
        }
        if (change == 4) {
            wf_buf_put_u8(&body, 0);
        }
        CHECK_EQ(wf_view_dead_letter(&view, wf_buf_bytes(&body), &shown),
                 is_whole);
        if (is_whole) {
            CHECK_STR(shown.kind, "k");
            CHECK_STR(shown.letter.name, "pay");
            CHECK_STR(shown.reason, "finished");
        }
        wf_buf_fini(&body);
    }
    wf_view_fini(&view);
    wf_buf_fini(&letter);
}

// What it waits for. ----------------------------------------------------------

static struct wf_timer *
add_timer(struct wf_actor *actor, uint32_t id, uint64_t due)
{
    struct wf_timer *timer = wf_calloc(sizeof(*timer));

    timer->actor = actor;
    timer->id = id;
    timer->due = due;
    timer->name = wf_strdup("name");
    wf_opened_add(&actor->timers, &timer->node);
    return timer;
}

static struct wf_command *
add_command(struct wf_actor *actor, uint32_t id, const char *worker)
{
    struct wf_command *command = wf_calloc(sizeof(*command));

    command->actor = actor;
    command->id = id;
    command->kind = WF_COMMAND_ACTIVITY;
    command->name = wf_strdup("charge");
    command->attempt = 1;
    command->is_leased = worker != NULL;
    command->worker = worker == NULL ? NULL : wf_strdup(worker);
    wf_opened_add(&actor->commands, &command->node);
    return command;
}

TEST(inspect_view, timers_that_are_due_are_letters_and_a_lease_has_a_worker)
{
    struct wf_view view = {0};
    struct wf_key key;
    struct wf_actor *actor = make_actor(&key);

    (void)add_timer(actor, 1, 0);
    (void)add_timer(actor, 2, 500);
    (void)add_command(actor, 3, NULL);
    (void)add_command(actor, 4, "one");
    wf_own_bytes(&actor->options, weft_text("\xff\xff"));
    wf_view_actor(&view, &key, actor);
    CHECK_EQ(view.shown.timers_count, 1);
    CHECK_EQ(view.shown.timers[0].due_at_ms, 500);
    CHECK_EQ(view.shown.activities_count, 2);
    CHECK_STR(view.shown.activities[0].worker, "");
    CHECK_STR(view.shown.activities[1].worker, "one");
    CHECK_EQ(view.shown.headers.len, 0); // its options do not decode
    end(&view, &key, actor);
}
