// SPDX-License-Identifier: Apache-2.0
//
// export.c - actors as JSON, with all that is known of each.

#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "export.h"
#include "json.h"

void
export_failure(const char *name, const weft_failure *failure)
{
    if (failure->name[0] == '\0') {
        cli_json_null(name);
        return;
    }
    cli_json_begin_object(name);
    cli_json_text("name", failure->name);
    cli_json_text("message", failure->message);
    if (failure->details.len > 0) {
        cli_json_payload("details", failure->details);
    }
    if (failure->source[0] != '\0') {
        cli_json_text("source", failure->source);
    }
    if (failure->cause != NULL) {
        export_failure("cause", failure->cause);
    }
    cli_json_end_object();
}

static void
put_target(const char *name, const char *kind, const char *id)
{
    if (kind[0] == '\0') {
        cli_json_null(name);
        return;
    }
    cli_json_begin_object(name);
    cli_json_text("kind", kind);
    cli_json_text("id", id);
    cli_json_end_object();
}

void
export_letter_fields(const weft_inspect_letter *letter)
{
    cli_json_text("type", letter->type);
    cli_json_text("name", letter->name);
    if (letter->call != 0) {
        cli_json_number("call", letter->call);
    }
    cli_json_payload("data", letter->data);
    export_failure("failure", &letter->failure);
    put_target("sender", letter->sender_kind, letter->sender_id);
}

static void
put_entry(const weft_inspect_entry *entry)
{
    char hash[17];

    cli_json_begin_object(NULL);
    switch (entry->type) {
    case WEFT_INSPECT_STARTED:
        cli_json_text("entry", "started");
        cli_json_number("at_ms", entry->at_ms);
        break;
    case WEFT_INSPECT_LETTER:
        cli_json_text("entry", "event");
        cli_json_number("at_ms", entry->at_ms);
        export_letter_fields(&entry->letter);
        break;
    case WEFT_INSPECT_COMMAND:
    case WEFT_INSPECT_VALUE:
        cli_json_text("entry", "command");
        cli_json_text("type", entry->command);
        cli_json_text("name", entry->name);
        cli_json_number("branch", entry->branch);
        cli_json_number("ordinal", entry->ordinal);
        if (entry->type == WEFT_INSPECT_VALUE) {
            cli_json_text("error", weft_err_name(entry->err));
            cli_json_payload("data", entry->data);
        } else {
            snprintf(hash, sizeof(hash), "%016" PRIx64, entry->input_hash);
            cli_json_text("input_hash", hash);
        }
        break;
    case WEFT_INSPECT_BREAK:
        cli_json_text("entry", "break");
        break;
    case WEFT_INSPECT_WENT_ON:
        cli_json_text("entry", "went_on");
        cli_json_number("at_ms", entry->at_ms);
        break;
    case WEFT_INSPECT_PATCH:
        cli_json_text("entry", "patch");
        cli_json_text("name", entry->name);
        break;
    case WEFT_INSPECT_CHANCE:
        cli_json_text("entry", "chance");
        break;
    default:
        cli_json_text("entry", "unknown");
        break;
    }
    cli_json_end_object();
}

static void
put_journal(const weft_inspect_actor *actor)
{
    cli_json_begin_array("journal");
    for (size_t i = 0; i < actor->journal_count; i++) {
        put_entry(&actor->journal[i]);
    }
    cli_json_end_array();
}

static void
put_published(const weft_inspect_actor *actor)
{
    cli_json_begin_object("published");
    for (size_t i = 0; i < actor->published_count; i++) {
        cli_json_payload(actor->published[i].name, actor->published[i].value);
    }
    cli_json_end_object();
}

static void
put_pairs(const char *name, weft_bytes pairs)
{
    weft_pair pair;

    cli_json_begin_object(name);
    while (weft_pairs_next(&pairs, &pair)) {
        cli_json_payload(pair.name, pair.value);
    }
    cli_json_end_object();
}

// Values are texts, so that none loses anything.
static void
put_attributes(const weft_description *head)
{
    cli_json_begin_object("attributes");
    for (size_t i = 0; i < head->attributes_count; i++) {
        const weft_attribute *attribute = &head->attributes[i];
        char value[2100];

        text_attribute(attribute, value, sizeof(value));
        cli_json_begin_object(attribute->name);
        cli_json_text("value", value);
        cli_json_text("type", weft_attribute_type_name(attribute->type));
        cli_json_end_object();
    }
    cli_json_end_object();
}

static void
put_identity(const weft_description *head)
{
    cli_json_text("kind", head->kind);
    cli_json_text("id", head->id);
    cli_json_text("status", weft_status_name(head->status));
    cli_json_number("run", head->run);
    cli_json_number("version", head->version);
    cli_json_number("created_at_ms", head->created_at_ms);
    cli_json_number("finished_at_ms", head->finished_at_ms);
}

void
export_identity(const weft_inspect_actor *actor)
{
    cli_json_text("namespace", actor->name_space);
    put_identity(&actor->head);
}

static void
put_head(const weft_inspect_actor *actor)
{
    export_identity(actor);
    cli_json_payload("result", actor->result);
    export_failure("failure", &actor->failure);
}

static void
put_description(const weft_description *head)
{
    cli_json_bool("is_parked", head->is_parked);
    cli_json_bool("is_paused", head->is_paused);
    cli_json_bool("is_cancel_requested", head->is_cancel_requested);
    cli_json_text("reason", head->reason);
    cli_json_number("attempt", head->attempt);
    cli_json_number("begins_at_ms", head->begins_at_ms);
    cli_json_number("deadline_ms", head->deadline_ms);
    put_target("parent", head->parent_kind, head->parent_id);
    put_attributes(head);
    put_pairs("memo", head->memo);
}

void
export_description(const weft_description *head)
{
    put_identity(head);
    put_description(head);
    cli_json_number("mailbox_count", head->mailbox_count);
    cli_json_number("timers_count", head->timers_count);
    cli_json_number("activities_count", head->activities_count);
    cli_json_number("children_count", head->children_count);
    cli_json_number("journal_count", head->journal_count);
}

static void
put_rest_of_head(const weft_inspect_actor *actor)
{
    put_description(&actor->head);
    put_pairs("headers", actor->headers);
    cli_json_bool("is_start_pending", actor->is_start_pending);
    cli_json_number("failed_attempts", actor->failed_attempts);
    cli_json_number("retry_at_ms", actor->retry_at_ms);
    cli_json_number("crashes", actor->crashes);
    cli_json_payload("input", actor->input);
    cli_json_payload("state", actor->state);
    cli_json_text("problem", actor->problem);
}

static void
put_mailbox(const weft_inspect_actor *actor)
{
    cli_json_begin_array("mailbox");
    for (size_t i = 0; i < actor->mailbox_count; i++) {
        cli_json_begin_object(NULL);
        cli_json_number("number", actor->mailbox[i].number);
        export_letter_fields(&actor->mailbox[i]);
        cli_json_end_object();
    }
    cli_json_end_array();
}

static void
put_activity(const weft_inspect_activity *activity)
{
    cli_json_begin_object(NULL);
    cli_json_number("call", activity->call);
    cli_json_text("name", activity->name);
    cli_json_bool("is_step", activity->is_step);
    cli_json_number("attempt", activity->attempt);
    cli_json_number("lost", activity->lost);
    cli_json_text("key", activity->key);
    cli_json_number("opened_at_ms", activity->opened_at_ms);
    cli_json_number("attempt_at_ms", activity->attempt_at_ms);
    cli_json_number("due_at_ms", activity->due_at_ms);
    cli_json_bool("is_deferred", activity->is_deferred);
    cli_json_bool("is_cancel_requested", activity->is_cancel_requested);
    cli_json_bool("is_abandoned", activity->is_abandoned);
    cli_json_bool("is_paused", activity->is_paused);
    cli_json_bool("is_local", activity->is_local);
    cli_json_text("task_queue", activity->task_queue);
    cli_json_bool("is_offered", activity->is_offered);
    cli_json_text("worker", activity->worker);
    cli_json_number("failed_at_ms", activity->failed_at_ms);
    cli_json_text("failure_name", activity->failure.name);
    cli_json_text("failure_message", activity->failure.message);
    cli_json_payload("input", activity->input);
    cli_json_payload("details", activity->details);
    cli_json_end_object();
}

static void
put_operations(const weft_inspect_actor *actor)
{
    cli_json_begin_array("operations");
    for (size_t i = 0; i < actor->operations_count; i++) {
        const weft_inspect_operation *operation = &actor->operations[i];

        cli_json_begin_object(NULL);
        cli_json_number("number", operation->number);
        cli_json_number("at_ms", operation->at_ms);
        cli_json_number("run", operation->run);
        cli_json_number("journal_count", operation->journal_count);
        cli_json_text("who", operation->who);
        cli_json_text("why", operation->why);
        cli_json_text("what", operation->what);
        cli_json_end_object();
    }
    cli_json_end_array();
}

static void
put_call(const weft_inspect_call *call)
{
    cli_json_begin_object(NULL);
    cli_json_number("call", call->call);
    cli_json_text("type", call->is_child ? "child" : "question");
    cli_json_text("kind", call->kind);
    cli_json_text("id", call->id);
    if (call->is_child) {
        cli_json_text("parent_close", text_parent_close(call->parent_close));
        cli_json_text("cancellation", text_cancellation(call->cancellation));
    }
    cli_json_bool("is_cancel_requested", call->is_cancel_requested);
    cli_json_bool("is_given_up", call->is_given_up);
    cli_json_end_object();
}

static void
put_waits(const weft_inspect_actor *actor)
{
    cli_json_begin_array("timers");
    for (size_t i = 0; i < actor->timers_count; i++) {
        cli_json_begin_object(NULL);
        cli_json_number("call", actor->timers[i].id);
        cli_json_text("name", actor->timers[i].name);
        cli_json_number("due_at_ms", actor->timers[i].due_at_ms);
        cli_json_end_object();
    }
    cli_json_end_array();
    cli_json_begin_array("activities");
    for (size_t i = 0; i < actor->activities_count; i++) {
        put_activity(&actor->activities[i]);
    }
    cli_json_end_array();
    cli_json_begin_array("calls");
    for (size_t i = 0; i < actor->calls_count; i++) {
        put_call(&actor->calls[i]);
    }
    cli_json_end_array();
}

void
export_actor(const weft_inspect_actor *actor)
{
    cli_json_begin_object(NULL);
    put_head(actor);
    put_published(actor);
    put_journal(actor);
    cli_json_number("mailbox_count", actor->head.mailbox_count);
    put_rest_of_head(actor);
    put_mailbox(actor);
    put_waits(actor);
    put_operations(actor);
    cli_json_end_object();
    cli_json_newline();
}

struct export
{
    const struct inspect_options *options;
    uint64_t shown;
};

static int
export_one(void *ctx, const weft_inspect_actor *actor)
{
    struct export *export = ctx;
    uint64_t limit = export->options->limit;

    if (inspect_is_wanted(export->options, actor)) {
        export_actor(actor);
        export->shown++;
    }
    return limit != 0 && export->shown == limit;
}

int
export_run(weft_inspect *inspect, const struct inspect_options *options)
{
    struct export export = {.options = options};
    weft_inspect_filter filter = inspect_filter(options);
    weft_err err = weft_inspect_each(inspect, &filter, export_one, &export);

    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, options->dir);
}
