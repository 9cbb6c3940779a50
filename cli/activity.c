// SPDX-License-Identifier: Apache-2.0
//
// activity.c - open activities: weft activities, activity, complete, fail.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "json.h"
#include "online.h"

// Showing them. -------------------------------------------------------------

static void
put_activity(const weft_open_activity *activity)
{
    cli_json_begin_object(NULL);
    cli_json_number("call", activity->call);
    cli_json_text("name", activity->name);
    cli_json_number("attempt", activity->attempt);
    cli_json_number("lost", activity->lost);
    cli_json_number("opened_at_ms", activity->opened_at_ms);
    cli_json_number("next_at_ms", activity->next_at_ms);
    cli_json_bool("is_running", activity->is_running);
    cli_json_bool("is_deferred", activity->is_deferred);
    cli_json_bool("is_paused", activity->is_paused);
    cli_json_bool("is_cancel_requested", activity->is_cancel_requested);
    cli_json_bool("is_abandoned", activity->is_abandoned);
    cli_json_bool("is_local", activity->is_local);
    cli_json_text("task_queue", activity->task_queue);
    cli_json_bool("is_offered", activity->is_offered);
    cli_json_text("worker", activity->worker);
    cli_json_number("failed_at_ms", activity->failed_at_ms);
    export_failure("failure", &activity->failure);
    cli_json_number("details_len", activity->details_len);
    cli_json_end_object();
}

// What becomes of it next, in words.
static const char *
state_of(const weft_open_activity *activity, char room[TIME_CHARS])
{
    if (activity->is_deferred) {
        return "completes by token";
    }
    if (activity->is_running) {
        return activity->is_paused ? "runs, paused" : "runs";
    }
    if (activity->is_paused) {
        return "paused";
    }
    if (activity->is_offered) {
        return "waits for a worker";
    }
    return activity->next_at_ms == 0
               ? "begins"
               : text_relative(activity->next_at_ms, room);
}

static void
print_activity(const weft_open_activity *activity)
{
    char room[TIME_CHARS];
    char time[TIME_CHARS];

    printf("  #%-4" PRIu32 " %s, attempt %" PRIu32 ": %s%s%s%s%s\n",
           activity->call, activity->name, activity->attempt,
           state_of(activity, room),
           activity->is_cancel_requested ? ", asked to cancel" : "",
           activity->is_abandoned ? ", abandoned" : "",
           activity->worker[0] == '\0' ? "" : ", at worker ", activity->worker);
    printf("        opened %s\n", text_time(activity->opened_at_ms, time));
    if (activity->failed_at_ms != 0) {
        char *line = text_line(activity->failure.message);

        printf("        failed %s: %s %s\n",
               text_time(activity->failed_at_ms, time), activity->failure.name,
               line);
        free(line);
    }
}

// How far the pages are.
struct activities {
    uint32_t after;
    uint64_t count;
    int is_alone; // nothing else is printed
    int is_begun; // in JSON: an answer came
    int is_last;
};

static int
print_page(struct online *online, const weft_reply *reply)
{
    struct activities *pages = online->ctx;

    if (online->args.json && !pages->is_begun) {
        if (pages->is_alone) {
            cli_json_begin_object(NULL);
        }
        cli_json_begin_array("activities");
        pages->is_begun = 1;
        online->is_in_object = 0; // an error is the array's last element
    }
    for (size_t i = 0; i < reply->activities_count; i++) {
        if (pages->count++ == 0 && !online->args.json) {
            puts(pages->is_alone ? "open activities" : "\nopen activities");
        }
        if (online->args.json) {
            put_activity(&reply->activities[i]);
        } else {
            print_activity(&reply->activities[i]);
        }
        pages->after = reply->activities[i].call;
    }
    pages->is_last = reply->activities_count < 100;
    return EXIT_FINE;
}

static int
print_pages(struct online *online, weft_target target, struct activities *pages)
{
    weft_request request = WEFT_REQUEST_INIT;
    int status;

    request.verb = WEFT_VERB_ACTIVITIES;
    request.target = target;
    online->ctx = pages;
    do {
        request.call = pages->after;
        status = online_ask(online, &request, print_page);
    } while (status == EXIT_FINE && !pages->is_last);
    if (pages->is_begun) {
        cli_json_end_array();
    }
    return status;
}

int
activities_print(struct online *online, weft_target target)
{
    struct activities pages = {.after = 0};

    return print_pages(online, target, &pages);
}

int
activities_ask(struct online *online)
{
    struct activities pages = {.is_alone = 1};
    weft_target target;
    int status;

    if (!online_target(online, 0, &target)) {
        return EXIT_FAILED;
    }
    status = print_pages(online, target, &pages);
    if (pages.is_begun) {
        cli_json_end_object();
        cli_json_newline();
    }
    if (status == EXIT_FINE && pages.count == 0 && !online->args.json) {
        puts("no open activities");
    }
    return status;
}

// One of them. --------------------------------------------------------------

static int
say_done(struct online *online, const weft_reply *reply)
{
    (void)reply;
    return online_done(online, online->ctx, "done");
}

int
activity_ask(struct online *online)
{
    static const struct {
        const char *name;
        weft_verb verb;
    } verbs[] = {
        {"pause", WEFT_VERB_ACTIVITY_PAUSE},
        {"resume", WEFT_VERB_ACTIVITY_RESUME},
        {"reset", WEFT_VERB_ACTIVITY_RESET},
    };
    weft_request request = WEFT_REQUEST_INIT;
    const char *name = online_word(online, 0);
    const char *call = online_word(online, 2);
    weft_operator room;
    uint64_t number;
    size_t i = 0;

    while (i < 3 && strcmp(name, verbs[i].name) != 0) {
        i++;
    }
    if (i == 3) {
        return cli_usage(online->command, "\"%s\" is none of %s", name,
                         "pause, resume, reset");
    }
    if (!args_number(call, &number) || number > UINT32_MAX) {
        return cli_usage(online->command, "\"%s\" is no number of a call",
                         call);
    }
    if (!online_target(online, 1, &request.target)) {
        return EXIT_FAILED;
    }
    request.verb = verbs[i].verb;
    request.call = (uint32_t)number;
    request.by = online_by(online, &room);
    online->ctx = &request.target;
    return online_ask(online, &request, say_done);
}

// By token. -----------------------------------------------------------------

int
complete_ask(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_COMPLETE;
    request.token = online_word(online, 0);
    if (!value_word(online, 1, &request.data)) {
        return EXIT_FAILED;
    }
    return online_ask(online, &request, say_done);
}

int
fail_ask(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;
    const char *message = online_word(online, 2);

    request.verb = WEFT_VERB_FAIL;
    request.token = online_word(online, 0);
    request.error_name = online_word(online, 1);
    request.error_message = message == NULL ? "" : message;
    request.retry_after_ms = online->args.retry_after;
    request.is_for_good = online->args.final;
    return online_ask(online, &request, say_done);
}
