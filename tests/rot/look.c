// SPDX-License-Identifier: Apache-2.0
//
// look.c - all that a stopped directory holds, as text. See look.h.

#include "rot/look.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "weft/inspect.h"

struct look {
    struct wf_buf *out;
    enum look_how how;
    uint32_t problems;
};

__attribute__((format(printf, 2, 3))) static void
say(struct look *look, const char *format, ...)
{
    char text[2000];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len > 0) {
        size_t size =
            (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;

        wf_buf_put(look->out, text, size);
    }
}

static void
say_bytes(struct look *look, const char *name, weft_bytes bytes)
{
    if (bytes.len > 0) {
        say(look, " %s=%zu:%016" PRIx64, name, bytes.len,
            wf_hash64(bytes.data, bytes.len, 0));
    }
}

static void
say_time(struct look *look, const char *name, uint64_t ms)
{
    if (look->how == LOOK_ALL && ms != 0) {
        say(look, " %s@%" PRIu64, name, ms);
    }
}

static void
say_failure(struct look *look, const weft_failure *failure)
{
    if (failure->name[0] != '\0') {
        say(look, " failed=%s(%s)%s", failure->name, failure->message,
            failure->source);
        say_bytes(look, "details", failure->details);
    }
}

static void
say_letter(struct look *look, const weft_inspect_letter *letter)
{
    say(look, " [%" PRIu64 " %s %s call=%u from %s/%s", letter->number,
        letter->type, letter->name, letter->call, letter->sender_kind,
        letter->sender_id);
    say_bytes(look, "data", letter->data);
    say_failure(look, &letter->failure);
    say(look, "]");
}

static void
say_journal(struct look *look, const weft_inspect_actor *actor)
{
    for (size_t i = 0; i < actor->journal_count; i++) {
        const weft_inspect_entry *entry = &actor->journal[i];

        say(look, " {%d %s %s %u.%u %" PRIx64 " %d", (int)entry->type,
            entry->command == NULL ? "" : entry->command,
            entry->name == NULL ? "" : entry->name, entry->branch,
            entry->ordinal, entry->input_hash, (int)entry->err);
        say_time(look, "at", entry->at_ms);
        say_bytes(look, "data", entry->data);
        if (entry->type == WEFT_INSPECT_LETTER) {
            say_letter(look, &entry->letter);
        }
        say(look, "}");
    }
}

static void
say_open(struct look *look, const weft_inspect_actor *actor)
{
    for (size_t i = 0; i < actor->mailbox_count; i++) {
        say_letter(look, &actor->mailbox[i]);
    }
    for (size_t i = 0; i < actor->timers_count; i++) {
        say(look, " timer %u %s", actor->timers[i].id, actor->timers[i].name);
        say_time(look, "due", actor->timers[i].due_at_ms);
    }
    for (size_t i = 0; i < actor->activities_count; i++) {
        const weft_inspect_activity *activity = &actor->activities[i];

        say(look, " activity %u %s attempt=%u lost=%u queue=%s offered=%d %s",
            activity->call, activity->name, activity->attempt, activity->lost,
            activity->task_queue, activity->is_offered, activity->key);
        say_time(look, "opened", activity->opened_at_ms);
        say_time(look, "due", activity->due_at_ms);
        say_bytes(look, "input", activity->input);
        say_failure(look, &activity->failure);
    }
    for (size_t i = 0; i < actor->calls_count; i++) {
        say(look, " call %u %s/%s", actor->calls[i].call, actor->calls[i].kind,
            actor->calls[i].id);
    }
    for (size_t i = 0; i < actor->operations_count; i++) {
        say(look, " operation %s %s %s", actor->operations[i].what,
            actor->operations[i].who, actor->operations[i].why);
    }
}

static int
say_actor(void *ctx, const weft_inspect_actor *actor)
{
    struct look *look = ctx;
    const weft_description *head = &actor->head;

    say(look, "%s/%s:", head->kind, head->id);
    if (actor->problem[0] != '\0') {
        look->problems++;
        say(look, " PROBLEM %s\n", actor->problem);
        return 0;
    }
    // Queues note when they are asked, which is not when work is done.
    if (look->how == LOOK_OUTCOME && strcmp(head->kind, "task_queue") == 0) {
        say(look, "\n");
        return 0;
    }
    say(look,
        " status=%d version=%u run=%" PRIu64 " attempt=%u mailbox=%" PRIu64
        " timers=%u activities=%u children=%u journal=%" PRIu64
        " parked=%d paused=%d cancel=%d reason=%s parent=%s/%s",
        (int)head->status, head->version, head->run, head->attempt,
        head->mailbox_count, head->timers_count, head->activities_count,
        head->children_count, head->journal_count, head->is_parked,
        head->is_paused, head->is_cancel_requested, head->reason,
        head->parent_kind, head->parent_id);
    say_time(look, "created", head->created_at_ms);
    say_time(look, "finished", head->finished_at_ms);
    say_time(look, "retry", actor->retry_at_ms);
    say_bytes(look, "input", actor->input);
    say_bytes(look, "state", actor->state);
    say_bytes(look, "result", actor->result);
    say_failure(look, &actor->failure);
    for (size_t i = 0; i < actor->published_count; i++) {
        say_bytes(look, actor->published[i].name, actor->published[i].value);
    }
    say_journal(look, actor);
    say_open(look, actor);
    say(look, "\n");
    return 0;
}

static int
say_dead(void *ctx, const weft_inspect_dead_letter *letter)
{
    struct look *look = ctx;

    say(look, "dead %s/%s (%s)", letter->kind, letter->id, letter->reason);
    say_letter(look, &letter->letter);
    say(look, "\n");
    return 0;
}

weft_err
look_at(const char *dir, enum look_how how, struct wf_buf *out)
{
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    struct look look = {.out = out, .how = how};
    weft_inspect *inspect = NULL;
    weft_err err;

    options.data_dir = dir;
    err = weft_inspect_open(&options, &inspect);
    if (err == WEFT_OK) {
        err = weft_inspect_each(inspect, NULL, say_actor, &look);
    }
    if (err == WEFT_OK) {
        err = weft_inspect_letters(inspect, say_dead, &look);
    }
    if (err == WEFT_OK) {
        err = weft_inspect_get_summary(inspect, &summary);
    }
    if (err == WEFT_OK) {
        say(&look, "outgoing=%" PRIu64 " dead=%" PRIu64 "\n",
            summary.outgoing_count, summary.dead_letter_count);
    }
    weft_inspect_close(inspect);
    wf_buf_put(out, "", 1);
    out->len--; // a text
    return err == WEFT_OK && look.problems > 0 ? WEFT_ECORRUPT : err;
}

void
look_each_target(const char *text, look_target_fn *fn, void *ctx)
{
    while (*text != '\0') {
        char kind[64];
        char id[128];

        if (strncmp(text, "dead ", 5) != 0 &&
            sscanf(text, "%63[^/\n]/%127[^: \n]:", kind, id) == 2) {
            fn(ctx, (weft_target){kind, id});
        }
        text = strchr(text, '\n');
        text = text == NULL ? "" : text + 1;
    }
}

void
look_differ(const char *before, const char *after, char *out, size_t size)
{
    size_t at = 0;
    size_t line = 0;
    size_t from;

    while (before[at] != '\0' && before[at] == after[at]) {
        at++;
        line = before[at - 1] == '\n' ? at : line;
    }
    from = at - line > 60 ? at - 60 : line;
    (void)snprintf(out, size, "%.40s ... was %.120s / is %.120s", before + line,
                   before + from, after + from);
}
