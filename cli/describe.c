// SPDX-License-Identifier: Apache-2.0
//
// describe.c - weft inspect DIR KIND/ID: all that is known of one actor.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "export.h"

static void
print_text(const char *name, const char *text)
{
    char *line;

    if (text[0] != '\0') {
        line = text_line(text);
        printf("  %-10s %s\n", name, line);
        free(line);
    }
}

static void
print_payload(const char *name, weft_bytes bytes, int is_full)
{
    char *text;

    if (bytes.len > 0) {
        text = text_payload(bytes, is_full);
        printf("  %-10s %s\n", name, text);
        free(text);
    }
}

static void
print_pairs(const char *what, weft_bytes pairs, int is_full)
{
    weft_pair pair;

    while (weft_pairs_next(&pairs, &pair)) {
        char *text = text_payload(pair.value, is_full);

        printf("  %-10s %s = %s\n", what, pair.name, text);
        free(text);
    }
}

static void
print_time(const char *name, uint64_t ms)
{
    char time[TIME_CHARS];
    char relative[TIME_CHARS];

    if (ms != 0) {
        printf("  %-10s %s, %s\n", name, text_time(ms, time),
               text_relative(ms, relative));
    }
}

static void
print_causes(const weft_failure *failure, int is_full)
{
    for (failure = failure->cause; failure != NULL; failure = failure->cause) {
        printf("  %-10s %s%s%s: %s\n", "caused by", failure->source,
               failure->source[0] == '\0' ? "" : " ", failure->name,
               failure->message);
        print_payload("details", failure->details, is_full);
    }
}

static void
print_attributes(const weft_description *head)
{
    for (size_t i = 0; i < head->attributes_count; i++) {
        char value[2100];
        char *line;

        text_attribute(&head->attributes[i], value, sizeof(value));
        line = text_line(value);
        printf("  %-10s %s = %s\n", "attribute", head->attributes[i].name,
               line);
        free(line);
    }
}

void
describe_head(const weft_description *head, int is_full)
{
    print_text("reason", head->reason);
    printf("  %-10s %" PRIu64 ", version %" PRIu32 " of its kind\n", "run",
           head->run, head->version);
    if (head->attempt > 1) {
        printf("  %-10s %" PRIu32 " with this input\n", "attempt",
               head->attempt);
    }
    print_time("created", head->created_at_ms);
    if (head->begins_at_ms > head->created_at_ms) {
        print_time("begins", head->begins_at_ms);
    }
    print_time("deadline", head->deadline_ms);
    print_time("finished", head->finished_at_ms);
    if (head->parent_kind[0] != '\0') {
        printf("  %-10s %s/%s\n", "parent", head->parent_kind, head->parent_id);
    }
    print_attributes(head);
    print_pairs("memo", head->memo, is_full);
}

static void
print_head(const weft_inspect_actor *actor, int is_full)
{
    const weft_description *head = &actor->head;

    printf("%s/%s\n", head->kind, head->id);
    print_text("namespace", actor->name_space);
    printf("  %-10s %s%s%s\n", "status", inspect_status(actor),
           head->is_cancel_requested ? ", asked to cancel" : "",
           actor->is_start_pending ? ", not started yet" : "");
    print_text("problem", actor->problem);
    describe_head(head, is_full);
    print_pairs("header", actor->headers, is_full);
    if (actor->failed_attempts > 0) {
        printf("  %-10s %" PRIu32 " of its first message\n", "failed",
               actor->failed_attempts);
        print_time("retry", actor->retry_at_ms);
    }
    if (actor->crashes > 0) {
        printf("  %-10s %" PRIu32 " of the process, in its code\n", "crashes",
               actor->crashes);
    }
    print_payload("input", actor->input, is_full);
    print_payload("state", actor->state, is_full);
    print_payload("result", actor->result, is_full);
    if (actor->failure.name[0] != '\0') {
        printf("  %-10s %s: %s\n", "failure", actor->failure.name,
               actor->failure.message);
        print_payload("details", actor->failure.details, is_full);
        print_causes(&actor->failure, is_full);
    }
}

static void
print_published(const weft_inspect_actor *actor, int is_full)
{
    if (actor->published_count > 0) {
        puts("\npublished");
    }
    for (size_t i = 0; i < actor->published_count; i++) {
        print_payload(actor->published[i].name, actor->published[i].value,
                      is_full);
    }
}

// What a letter says, in one line: `signal "pay" from a/b: {...}`.
static char *
letter_line(const weft_inspect_letter *letter, int is_full)
{
    int is_bad = letter->failure.name[0] != '\0';
    int is_named = letter->name[0] != '\0';
    int is_from = letter->sender_kind[0] != '\0';
    char *data =
        text_payload(is_bad ? letter->failure.details : letter->data, is_full);
    char call[24] = "";
    char *line = NULL;
    int length;

    if (letter->call != 0) {
        snprintf(call, sizeof(call), " #%" PRIu32, letter->call);
    }
    length = asprintf(
        &line, "%s%s%s%s%s%s%s%s%s%s%s%s%s: %s", letter->type, call,
        is_named ? " \"" : "", letter->name, is_named ? "\"" : "",
        is_from ? " from " : "", letter->sender_kind, is_from ? "/" : "",
        letter->sender_id, is_bad ? " failed: " : "", letter->failure.name,
        is_bad ? ": " : "", is_bad ? letter->failure.message : "", data);
    free(data);
    if (length < 0) {
        abort();
    }
    return line;
}

static char *
entry_line(const weft_inspect_entry *entry, int is_full)
{
    char *line = NULL;
    char *data;
    int length = 0;

    switch (entry->type) {
    case WEFT_INSPECT_STARTED:
        length = asprintf(&line, "started");
        break;
    case WEFT_INSPECT_LETTER:
        return letter_line(&entry->letter, is_full);
    case WEFT_INSPECT_COMMAND:
        length = asprintf(&line, "> %s #%" PRIu32 "%s%s%s", entry->command,
                          entry->ordinal, entry->name[0] != '\0' ? " \"" : "",
                          entry->name, entry->name[0] != '\0' ? "\"" : "");
        break;
    case WEFT_INSPECT_VALUE:
        data = text_payload(entry->data, is_full);
        length = asprintf(
            &line, "> value #%" PRIu32 " \"%s\"%s%s: %s", entry->ordinal,
            entry->name, entry->err == WEFT_OK ? "" : " ",
            entry->err == WEFT_OK ? "" : weft_err_name(entry->err), data);
        free(data);
        break;
    case WEFT_INSPECT_BREAK:
        length = asprintf(&line, "> goes on in the next turn");
        break;
    case WEFT_INSPECT_WENT_ON:
        length = asprintf(&line, "went on");
        break;
    case WEFT_INSPECT_PATCH:
        length = asprintf(&line, "> patch \"%s\"", entry->name);
        break;
    case WEFT_INSPECT_CHANCE:
        length = asprintf(&line, "> other random numbers: a fork");
        break;
    default:
        length = asprintf(&line, "an entry that does not decode");
        break;
    }
    if (length < 0) {
        abort();
    }
    return line;
}

static void
print_journal(const weft_inspect_actor *actor, int is_full)
{
    static const char *const titles[] = {"", "ENTRY", "TIME", "WHAT"};
    struct table table;

    if (actor->journal_count == 0) {
        return;
    }
    puts("\njournal: what the code asked for (>), and what happened to it");
    table_begin(&table, titles, " r  ", 4);
    for (size_t i = 0; i < actor->journal_count; i++) {
        const weft_inspect_entry *entry = &actor->journal[i];
        char *line = entry_line(entry, is_full);
        char number[24];
        char time[TIME_CHARS];
        const char *cells[] = {
            "",
            number,
            entry->at_ms == 0 ? "" : text_time(entry->at_ms, time),
            line,
        };

        snprintf(number, sizeof(number), "%zu", i);
        table_add(&table, cells);
        free(line);
    }
    table_end(&table);
}

static void
print_mailbox(const weft_inspect_actor *actor, int is_full)
{
    if (actor->head.mailbox_count == 0) {
        return;
    }
    printf("\nmailbox, %" PRIu64 " messages\n", actor->head.mailbox_count);
    for (size_t i = 0; i < actor->mailbox_count; i++) {
        char *line = letter_line(&actor->mailbox[i], is_full);

        printf("  %8" PRIu64 "  %s\n", actor->mailbox[i].number, line);
        free(line);
    }
    if (actor->mailbox_count < actor->head.mailbox_count) {
        puts("  ...");
    }
}

static void
print_timers(const weft_inspect_actor *actor)
{
    char time[TIME_CHARS];
    char relative[TIME_CHARS];

    if (actor->timers_count > 0) {
        puts("\ntimers");
    }
    for (size_t i = 0; i < actor->timers_count; i++) {
        const weft_inspect_timer *timer = &actor->timers[i];

        printf("  #%-4" PRIu32 " %s%s%sdue %s, %s\n", timer->id,
               timer->name[0] != '\0' ? "\"" : "", timer->name,
               timer->name[0] != '\0' ? "\" " : "",
               text_time(timer->due_at_ms, time),
               text_relative(timer->due_at_ms, relative));
    }
}

static void
print_activities(const weft_inspect_actor *actor, int is_full)
{
    char time[TIME_CHARS];
    char relative[TIME_CHARS];

    if (actor->activities_count > 0) {
        puts("\nopen activities");
    }
    for (size_t i = 0; i < actor->activities_count; i++) {
        const weft_inspect_activity *activity = &actor->activities[i];
        char *input = text_payload(activity->input, is_full);

        printf("  #%-4" PRIu32 " %s \"%s\", attempt %" PRIu32, activity->call,
               activity->is_step ? "step" : "activity", activity->name,
               activity->attempt);
        if (activity->lost > 0) {
            printf(" (%" PRIu32 " lost)", activity->lost);
        }
        if (activity->due_at_ms != 0) {
            printf(", next due %s, %s", text_time(activity->due_at_ms, time),
                   text_relative(activity->due_at_ms, relative));
        }
        printf("%s%s%s%s\n        opened %s, key %s\n        input %s\n",
               activity->is_deferred ? ", deferred" : "",
               activity->is_cancel_requested ? ", asked to cancel" : "",
               activity->is_abandoned ? ", abandoned" : "",
               activity->is_paused ? ", paused" : "",
               text_time(activity->opened_at_ms, time), activity->key, input);
        free(input);
        if (activity->task_queue[0] != '\0') {
            printf("        task queue %s%s%s%s\n", activity->task_queue,
                   activity->is_offered ? ", waits for a worker" : "",
                   activity->worker[0] != '\0' ? ", leased by " : "",
                   activity->worker);
        }
        if (activity->failed_at_ms != 0) {
            printf("        failed %s: %s %s\n",
                   text_time(activity->failed_at_ms, time),
                   activity->failure.name, activity->failure.message);
        }
        if (activity->details.len > 0) {
            char *details = text_payload(activity->details, is_full);

            printf("        heartbeat %s\n", details);
            free(details);
        }
    }
}

struct inspect_one {
    weft_inspect *inspect;
    const struct inspect_options *options;
};

static void
print_calls(const weft_inspect_actor *actor)
{
    if (actor->calls_count > 0) {
        puts("\nchildren and questions without an answer");
    }
    for (size_t i = 0; i < actor->calls_count; i++) {
        const weft_inspect_call *call = &actor->calls[i];

        printf("  #%-4" PRIu32 " %s %s/%s", call->call,
               call->is_child ? "child" : "question to", call->kind, call->id);
        if (call->is_child && call->parent_close != WEFT_PARENT_CLOSE_CANCEL) {
            printf(", parent close: %s", text_parent_close(call->parent_close));
        }
        printf("%s%s\n", call->is_cancel_requested ? ", asked to cancel" : "",
               call->is_given_up ? ", given up" : "");
    }
}

static void
print_operations(const weft_inspect_actor *actor)
{
    char time[TIME_CHARS];

    if (actor->operations_count > 0) {
        puts("\nwhat operators did");
    }
    for (size_t i = 0; i < actor->operations_count; i++) {
        const weft_inspect_operation *operation = &actor->operations[i];

        printf("  %s  run %" PRIu64 ", after entry %" PRIu64
               ": %s by %s\n        %s\n",
               text_time(operation->at_ms, time), operation->run,
               operation->journal_count, operation->what, operation->who,
               operation->why);
    }
}

int
describe_actor(void *ctx, const weft_inspect_actor *actor)
{
    const struct inspect_options *options = ctx;
    int is_full = options->is_full;

    if (options->is_json) {
        export_actor(actor);
        return 0;
    }
    print_head(actor, is_full);
    print_published(actor, is_full);
    print_journal(actor, is_full);
    print_mailbox(actor, is_full);
    print_timers(actor);
    print_activities(actor, is_full);
    print_calls(actor);
    print_operations(actor);
    return 0;
}

static weft_err
find(void *ctx, weft_target target)
{
    struct inspect_one *one = ctx;

    return weft_inspect_find(one->inspect, one->options->name_space, target,
                             describe_actor, (void *)(uintptr_t)one->options);
}

int
describe_run(weft_inspect *inspect, const struct inspect_options *options)
{
    struct inspect_one one = {inspect, options};

    return inspect_target(options, find, &one);
}
