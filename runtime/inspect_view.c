// SPDX-License-Identifier: Apache-2.0
//
// inspect_view.c - an actor as inspect.h shows it.
//
// Payloads are borrowed from the actor; texts that have no final NUL there are
// copied into blocks, which live until the view is emptied.

#include "runtime/inspect_view.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "runtime/actor.h"
#include "runtime/attributes.h"
#include "runtime/cause.h"
#include "runtime/inspect_core.h"
#include "runtime/policy.h"
#include "runtime/start.h"

struct wf_view_block {
    struct wf_view_block *next;
    _Alignas(16) uint8_t bytes[];
};

static void *
keep(struct wf_view *view, size_t size)
{
    struct wf_view_block *block = wf_calloc(sizeof(*block) + size);

    block->next = view->blocks;
    view->blocks = block;
    return block->bytes;
}

static const char *
keep_text(struct wf_view *view, weft_bytes text)
{
    char *copy;

    if (text.len == 0) {
        return "";
    }
    copy = keep(view, text.len + 1);
    memcpy(copy, text.data, text.len);
    return copy;
}

void
wf_view_fini(struct wf_view *view)
{
    while (view->blocks != NULL) {
        struct wf_view_block *block = view->blocks;

        view->blocks = block->next;
        wf_free(block);
    }
}

// Letters. ------------------------------------------------------------------

static bool
is_answer(enum wf_letter_type type)
{
    return type >= WF_LETTER_ACTIVITY && type <= WF_LETTER_FAILED;
}

static weft_failure
no_failure(void)
{
    return (weft_failure){.name = "", .message = "", .source = ""};
}

static const weft_failure *
keep_causes(struct wf_view *view, weft_bytes causes)
{
    size_t count = wf_cause_count(causes);

    return count == 0 ? NULL
                      : wf_cause_show(causes,
                                      keep(view, count * sizeof(weft_failure)));
}

static void
show_sender(struct wf_view *view, weft_bytes sender, weft_inspect_letter *shown)
{
    const char *text = keep_text(view, sender); // namespace NUL kind NUL id
    struct wf_key key;

    if (sender.len == 0 || !wf_key_decode(sender, &key)) {
        return;
    }
    shown->sender_kind = text + key.kind_at;
    shown->sender_id = text + key.id_at;
    wf_key_fini(&key);
}

static bool
show_letter(struct wf_view *view, uint64_t number, weft_bytes bytes,
            weft_inspect_letter *out_shown)
{
    weft_inspect_letter shown = {
        .number = number,
        .type = "unknown",
        .name = "",
        .failure = no_failure(),
        .sender_kind = "",
        .sender_id = "",
    };
    struct wf_letter letter;
    bool is_whole = wf_letter_decode(bytes, &letter);

    if (is_whole) {
        shown.type = wf_letter_type_name(letter.type);
        shown.call = letter.call;
        show_sender(view, letter.sender, &shown);
    }
    if (is_whole && is_answer(letter.type) && letter.err != WEFT_OK) {
        shown.failure = (weft_failure){
            .name = letter.name.len > 0 ? keep_text(view, letter.name)
                                        : weft_err_name(letter.err),
            .message = keep_text(view, letter.text),
            .details = letter.data,
            .source = "",
            .cause = keep_causes(view, letter.causes),
        };
    } else if (is_whole) {
        shown.name = keep_text(view, letter.name);
        shown.data = letter.data;
    }
    *out_shown = shown;
    return is_whole;
}

static void
show_mailbox(struct wf_view *view, const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->mailbox.letters);
    weft_inspect_letter *letters =
        keep(view, actor->mailbox.letters.count * sizeof(*letters));
    size_t count = 0;

    for (; node != NULL; node = wf_list_next(&actor->mailbox.letters, node)) {
        const struct wf_waiting *waiting =
            WF_CONTAINER(node, const struct wf_waiting, node);

        (void)show_letter(view, waiting->seq,
                          weft_bytes_of(waiting->bytes, waiting->len),
                          &letters[count++]);
    }
    view->shown.mailbox = letters;
    view->shown.mailbox_count = count;
}

bool
wf_view_dead_letter(struct wf_view *view, weft_bytes body,
                    weft_inspect_dead_letter *out_shown)
{
    struct wf_reader reader = wf_reader_of(body);
    weft_bytes target = wf_reader_bytes(&reader);
    weft_bytes letter = wf_reader_bytes(&reader);
    weft_bytes reason = wf_reader_bytes(&reader);
    weft_inspect_dead_letter shown = {0};
    struct wf_key key;

    if (reader.failed || wf_reader_left(&reader) != 0 ||
        !wf_key_decode(target, &key)) {
        return false;
    }
    shown.name_space = keep_text(view, target);
    shown.kind = shown.name_space + key.kind_at;
    shown.id = shown.name_space + key.id_at;
    wf_key_fini(&key);
    shown.reason = keep_text(view, reason);
    if (!show_letter(view, 0, letter, &shown.letter)) {
        return false;
    }
    *out_shown = shown;
    return true;
}

// The journal. --------------------------------------------------------------

static void
show_entry(struct wf_view *view, const struct wf_entry *entry,
           weft_inspect_entry *shown)
{
    shown->at_ms = entry->now_ms;
    switch (entry->type) {
    case WF_ENTRY_STARTED:
        shown->type = WEFT_INSPECT_STARTED;
        break;
    case WF_ENTRY_WENT_ON:
        shown->type = WEFT_INSPECT_WENT_ON;
        break;
    case WF_ENTRY_BREAK:
        shown->type = WEFT_INSPECT_BREAK;
        break;
    case WF_ENTRY_LETTER:
        shown->type = WEFT_INSPECT_LETTER;
        (void)show_letter(view, 0, entry->letter, &shown->letter);
        break;
    case WF_ENTRY_OPEN:
    case WF_ENTRY_VALUE:
        shown->type = entry->type == WF_ENTRY_OPEN ? WEFT_INSPECT_COMMAND
                                                   : WEFT_INSPECT_VALUE;
        shown->command = wf_command_kind_name(entry->kind);
        shown->name = keep_text(view, entry->name);
        shown->branch = entry->branch;
        shown->ordinal = entry->ordinal;
        shown->input_hash = entry->input_hash;
        shown->err = entry->err;
        shown->data = entry->data;
        break;
    case WF_ENTRY_PATCH:
        shown->type = WEFT_INSPECT_PATCH;
        shown->name = keep_text(view, entry->name);
        break;
    case WF_ENTRY_CHANCE:
        shown->type = WEFT_INSPECT_CHANCE;
        break;
    }
}

static void
show_journal(struct wf_view *view, const struct wf_actor *actor)
{
    struct wf_journal_cursor cursor = {.journal = &actor->journal};
    uint64_t count = actor->journal.count;
    weft_inspect_entry *entries = keep(view, count * sizeof(*entries));

    for (uint64_t i = 0; i < count; i++) {
        struct wf_entry entry;

        entries[i].type = WEFT_INSPECT_UNKNOWN;
        entries[i].command = "";
        entries[i].name = "";
        if (wf_journal_next(&cursor, &entry)) {
            show_entry(view, &entry, &entries[i]);
        }
    }
    view->shown.journal = entries;
    view->shown.journal_count = count;
}

// What it waits for. --------------------------------------------------------

static void
show_timers(struct wf_view *view, const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->timers.list);
    weft_inspect_timer *timers =
        keep(view, actor->timers.list.count * sizeof(*timers));
    size_t count = 0;

    for (; node != NULL; node = wf_list_next(&actor->timers.list, node)) {
        const struct wf_timer *timer =
            WF_CONTAINER(node, const struct wf_timer, node);

        if (timer->due > 0) { // else it is in the mailbox
            timers[count++] = (weft_inspect_timer){
                .id = timer->id,
                .name = timer->name,
                .due_at_ms = timer->due,
            };
        }
    }
    view->shown.timers = timers;
    view->shown.timers_count = count;
}

static void
show_activities(struct wf_view *view, const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->commands.list);
    weft_inspect_activity *shown =
        keep(view, actor->commands.list.count * sizeof(*shown));
    size_t count = 0;

    for (; node != NULL; node = wf_list_next(&actor->commands.list, node)) {
        const struct wf_command *command =
            WF_CONTAINER(node, const struct wf_command, node);

        shown[count] = (weft_inspect_activity){
            .call = command->id,
            .name = command->name,
            .is_step = command->kind == WF_COMMAND_STEP,
            .attempt = wf_command_attempt(command),
            .lost = command->lost,
            .opened_at_ms = command->opened_ms,
            .attempt_at_ms = command->attempt_ms,
            .due_at_ms = command->due,
            .is_deferred = command->is_deferred,
            .is_cancel_requested = command->is_cancel_asked,
            .is_abandoned = command->is_abandoned,
            .is_paused = command->is_paused,
            .is_local = wf_policy_is_local(command->options),
            .task_queue = keep_text(view, wf_policy_queue(command->options)),
            .is_offered = command->is_offered,
            .worker = command->is_leased ? command->worker : "",
            .failed_at_ms = command->failed_ms,
            .failure = no_failure(),
            .input = command->input,
            .details = command->details,
        };
        if (command->failure_name != NULL) {
            shown[count].failure.name = command->failure_name;
            shown[count].failure.message = command->failure_message;
        }
        wf_inspect_core_activity_key(actor, command->id, shown[count].key);
        count++;
    }
    view->shown.activities = shown;
    view->shown.activities_count = count;
}

static void
show_calls(struct wf_view *view, const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->calls.list);
    weft_inspect_call *calls =
        keep(view, actor->calls.list.count * sizeof(*calls));
    size_t count = 0;

    for (; node != NULL; node = wf_list_next(&actor->calls.list, node)) {
        const struct wf_call *call =
            WF_CONTAINER(node, const struct wf_call, node);

        calls[count++] = (weft_inspect_call){
            .call = call->id,
            .is_child = call->type == WF_CALL_CHILD,
            .kind = wf_key_kind(&call->target),
            .id = wf_key_id(&call->target),
            .parent_close = call->close,
            .cancellation = call->cancellation,
            .is_cancel_requested = call->is_asked,
            .is_given_up = call->is_given_up,
        };
    }
    view->shown.calls = calls;
    view->shown.calls_count = count;
}

static void
show_operations(struct wf_view *view, const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->operations);
    weft_inspect_operation *shown =
        keep(view, actor->operations.count * sizeof(*shown));
    size_t count = 0;

    for (; node != NULL; node = wf_list_next(&actor->operations, node)) {
        const struct wf_operation *operation =
            WF_CONTAINER(node, const struct wf_operation, node);

        shown[count++] = (weft_inspect_operation){
            .number = operation->number,
            .at_ms = operation->at_ms,
            .run = operation->run,
            .journal_count = operation->journal_count,
            .who = operation->who,
            .why = operation->why,
            .what = operation->what,
        };
    }
    view->shown.operations = shown;
    view->shown.operations_count = count;
}

static void
show_attributes(struct wf_view *view, const struct wf_actor *actor)
{
    weft_attribute *list =
        keep(view, WF_ATTRIBUTES_MAX * sizeof(weft_attribute));

    view->shown.head.attributes = list;
    view->shown.head.attributes_count =
        wf_attributes_list(actor->attributes, list);
}

static void
show_published(struct wf_view *view, const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->published.list);
    weft_inspect_published *shown =
        keep(view, actor->published.list.count * sizeof(*shown));
    size_t count = 0;

    for (; node != NULL; node = wf_list_next(&actor->published.list, node)) {
        const struct wf_published *published =
            WF_CONTAINER(node, const struct wf_published, node);

        shown[count++] = (weft_inspect_published){
            .name = published->name,
            .value = published->value,
        };
    }
    view->shown.published = shown;
    view->shown.published_count = count;
}

// The whole. ----------------------------------------------------------------

static void
begin(struct wf_view *view, const struct wf_key *key)
{
    wf_view_fini(view);
    view->shown = (weft_inspect_actor){
        .name_space = wf_key_namespace(key),
        .head =
            {
                .kind = wf_key_kind(key),
                .id = wf_key_id(key),
                .parent_kind = "",
                .parent_id = "",
                .reason = "",
            },
        .problem = "",
        .failure = no_failure(),
    };
}

void
wf_view_problem(struct wf_view *view, const struct wf_key *key,
                const char *problem)
{
    begin(view, key);
    view->shown.problem = keep_text(view, weft_text(problem));
}

void
wf_view_actor(struct wf_view *view, const struct wf_key *key,
              const struct wf_actor *actor)
{
    weft_inspect_actor *shown = &view->shown;
    struct wf_start start;

    begin(view, key);
    wf_actor_describe(actor, &shown->head);
    show_attributes(view, actor);
    shown->is_start_pending = actor->is_start_pending;
    shown->failed_attempts = actor->failed_attempts;
    shown->crashes = actor->crashes;
    shown->retry_at_ms = actor->retry_due;
    if (wf_start_decode(actor->options, &start)) {
        shown->headers = start.headers;
    }
    shown->input = actor->input;
    shown->state = actor->state;
    shown->result = actor->result;
    if (actor->failure_name != NULL) {
        shown->failure = (weft_failure){
            .name = actor->failure_name,
            .message = actor->failure_message,
            .details = actor->failure_details,
            .source = "",
            .cause = keep_causes(view, actor->failure_causes),
        };
    }
    show_published(view, actor);
    show_journal(view, actor);
    show_mailbox(view, actor);
    show_timers(view, actor);
    show_activities(view, actor);
    show_calls(view, actor);
    show_operations(view, actor);
}
