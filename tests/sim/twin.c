// SPDX-License-Identifier: Apache-2.0
//
// twin.c - is what a crash would leave now the same as what is in memory? See
// twin.h.
//
// What is printed of an object are its durable fields, a line each. A field
// that is not printed is not compared.

#include "sim/twin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "runtime/inspect_core.h"
#include "runtime/partition_impl.h"
#include "runtime/question.h"
#include "runtime/update.h"
#include "sim/world_impl.h"

// Whoever adds a field changes these sizes, and this file: print it below, or
// find that it is volatile.
_Static_assert(sizeof(struct wf_actor) == 1632, "a new field: is it durable?");
_Static_assert(sizeof(struct wf_mailbox) == 80, "a new field: is it durable?");
_Static_assert(sizeof(struct wf_timer) == 88, "a new field: is it durable?");
_Static_assert(sizeof(struct wf_command) == 312, "a new field: is it durable?");
_Static_assert(sizeof(struct wf_call) == 64, "a new field: is it durable?");
_Static_assert(sizeof(struct wf_order) == 56, "a new field: is it durable?");
_Static_assert(sizeof(struct wf_operation) == 72,
               "a new field: is it durable?");
_Static_assert(sizeof(struct wf_route) == 272, "a new field: is it durable?");
_Static_assert(sizeof(struct wf_window) == 136, "a new field: is it durable?");
_Static_assert(sizeof(struct wf_answer) == 40, "a new field: is it durable?");

__attribute__((format(printf, 2, 3))) static void
line(struct wf_buf *out, const char *format, ...)
{
    char text[600];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wf_buf_put(out, text,
               (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
    wf_buf_put_u8(out, '\n');
}

// Bytes are told by their length and hash.
static void
line_bytes(struct wf_buf *out, const char *what, uint64_t number,
           weft_bytes bytes)
{
    line(out, "%s %llu: %zu bytes, %016llx", what, (unsigned long long)number,
         bytes.len,
         (unsigned long long)wf_hash64(bytes.data, bytes.len, bytes.len));
}

static void
line_number(struct wf_buf *out, const char *what, uint64_t number)
{
    line(out, "%s %llu", what, (unsigned long long)number);
}

static const char *
text_of(const char *text)
{
    return text == NULL ? "(none)" : text;
}

// Actors. -------------------------------------------------------------------

// One that was forgotten, and came again while its last row was being deleted,
// goes on counting runs and letters; without that row it begins anew. Whatever
// it does next says its run in full, and letters are counted from the first.
static bool
counts_alike(const struct wf_actor *actor, const struct wf_actor *other)
{
    return actor->has_row == other->has_row;
}

static void
print_life(const struct wf_actor *actor, const struct wf_actor *other,
           struct wf_buf *out)
{
    bool has_run =
        actor->status != WEFT_STATUS_NONE || counts_alike(actor, other);

    line(out, "status %s", weft_status_name(actor->status));
    line_number(out, "version", actor->version);
    line_number(out, "run", has_run ? actor->run : 0);
    line_number(out, "origin run", has_run ? actor->origin_run : 0);
    line_number(out, "seed", actor->seed);
    line_number(out, "origin seed", actor->origin_seed);
    line_number(out, "created", actor->created_at_ms);
    line_number(out, "finished", actor->finished_at_ms);
    line_bytes(out, "parent", 0, wf_key_bytes(&actor->parent));
    line_number(out, "parent run", actor->parent_run);
    line_number(out, "parent call", actor->parent_call);
    line_bytes(out, "input", 0, actor->input);
    line_bytes(out, "options", 0, actor->options);
    line_bytes(out, "memo", 0, actor->memo);
    line_number(out, "attempt", actor->attempt);
    line_number(out, "begins", actor->begins_at_ms);
    line_number(out, "run begins", actor->run_begins_at_ms);
    line(out, "start pending %d, parked %d, paused %d", actor->is_start_pending,
         actor->is_parked, actor->is_paused);
    line(out, "cancel asked %d, end asked %d, left %d", actor->is_cancel_asked,
         actor->is_end_asked, actor->is_left);
    line(out, "reason %s", text_of(actor->reason));
    line_number(out, "failed attempts", actor->failed_attempts);
    line_number(out, "crashes", actor->crashes);
    line_number(out, "retry due", actor->retry_due);
    line_bytes(out, "state", 0, actor->state);
    line_number(out, "next id", actor->next_id);
    line_bytes(out, "result", 0, actor->result);
    line(out, "failure %s: %s", text_of(actor->failure_name),
         text_of(actor->failure_message));
    line_bytes(out, "failure details", 0, actor->failure_details);
    line_bytes(out, "failure causes", 0, actor->failure_causes);
    line_bytes(out, "attributes", 0, actor->attributes);
    line_bytes(out, "attributes begun", 0, actor->attributes_begun);
}

// Letters that are in rows only, here or there, are not compared by content.
static void
print_mailbox(const struct wf_actor *actor, const struct wf_actor *other,
              struct wf_buf *out)
{
    const struct wf_mailbox *mailbox = &actor->mailbox;
    const struct wf_mailbox *theirs = &other->mailbox;
    const struct wf_list_node *node = wf_list_first(&mailbox->letters);
    bool is_outlived = mailbox->first_seq < actor->outlived_to;
    uint64_t from = counts_alike(actor, other) ? 0 : mailbox->first_seq;

    line_number(out, "first letter", mailbox->first_seq - from);
    line_number(out, "next letter", mailbox->next_seq - from);
    line_number(out, "outlived to",
                is_outlived ? actor->outlived_to - from : 0);
    for (; node != NULL; node = wf_list_next(&mailbox->letters, node)) {
        const struct wf_waiting *letter =
            WF_CONTAINER(node, const struct wf_waiting, node);

        uint64_t there = letter->seq - mailbox->first_seq + theirs->first_seq;

        if (there < theirs->gone_from || there >= theirs->gone_to) {
            line_bytes(out, "letter", letter->seq - from,
                       weft_bytes_of(letter->bytes, letter->len));
        }
    }
}

// Where chunks begin depends on when they were read back.
static void
print_journal(const struct wf_journal *journal, struct wf_buf *out)
{
    const struct wf_list_node *node = wf_list_first(&journal->chunks);
    struct wf_buf entries = {0};

    for (; node != NULL; node = wf_list_next(&journal->chunks, node)) {
        const struct wf_chunk *chunk =
            WF_CONTAINER(node, const struct wf_chunk, node);

        wf_buf_put(&entries, chunk->bytes, chunk->len);
    }
    line_number(out, "journal patches", journal->patches);
    line_number(out, "journal signals", journal->signals);
    line_bytes(out, "journal", journal->count, wf_buf_bytes(&entries));
    wf_buf_fini(&entries);
}

static void
print_command(const struct wf_command *command, struct wf_buf *out)
{
    line(out, "command %u: kind %d, %s", command->id, (int)command->kind,
         text_of(command->name));
    line_bytes(out, "- input", command->id, command->input);
    line_bytes(out, "- options", command->id, command->options);
    line_bytes(out, "- headers", command->id, command->headers);
    line_bytes(out, "- details", command->id, command->details);
    line(out, "- attempt %u, base %u, lost %u", command->attempt, command->base,
         command->lost);
    line(out,
         "- deferred %d, cancel asked %d, abandoned %d, paused %d, held %d",
         command->is_deferred, command->is_cancel_asked, command->is_abandoned,
         command->is_paused, command->is_held);
    line(out, "- failed at %llu, %s: %s",
         (unsigned long long)command->failed_ms, text_of(command->failure_name),
         text_of(command->failure_message));
    line(out, "- offered %d, %u times, last at %llu", command->is_offered,
         command->offers, (unsigned long long)command->offered_ms);
    line(out, "- leased %d, at %llu, for %llu, to %s", command->is_leased,
         (unsigned long long)command->leased_ms,
         (unsigned long long)command->lease_ms, text_of(command->worker));
    line_number(out, "- opened", command->opened_ms);
    line_number(out, "- attempt at", command->attempt_ms);
    line_number(out, "- due", command->due);
}

static void
print_operations(const struct wf_actor *actor, struct wf_buf *out)
{
    const struct wf_list_node *node = wf_list_first(&actor->operations);

    line_number(out, "operations", actor->operations_made);
    line_number(out, "updates", actor->updates.made);
    for (; node != NULL; node = wf_list_next(&actor->operations, node)) {
        const struct wf_operation *operation =
            WF_CONTAINER(node, const struct wf_operation, node);

        line(out, "operation %llu at %llu in run %llu, entry %llu: %s, %s, %s",
             (unsigned long long)operation->number,
             (unsigned long long)operation->at_ms,
             (unsigned long long)operation->run,
             (unsigned long long)operation->journal_count,
             text_of(operation->who), text_of(operation->why),
             text_of(operation->what));
    }
}

static void
print_waits(const struct wf_actor *actor, struct wf_buf *out)
{
    const struct wf_list_node *node;

    for (node = wf_list_first(&actor->timers.list); node != NULL;
         node = wf_list_next(&actor->timers.list, node)) {
        const struct wf_timer *timer =
            WF_CONTAINER(node, const struct wf_timer, node);

        line(out, "timer %u: due %llu, %s", timer->id,
             (unsigned long long)timer->due, text_of(timer->name));
    }
    for (node = wf_list_first(&actor->commands.list); node != NULL;
         node = wf_list_next(&actor->commands.list, node)) {
        print_command(WF_CONTAINER(node, const struct wf_command, node), out);
    }
    for (node = wf_list_first(&actor->calls.list); node != NULL;
         node = wf_list_next(&actor->calls.list, node)) {
        const struct wf_call *call =
            WF_CONTAINER(node, const struct wf_call, node);

        line_bytes(out, call->type == WF_CALL_ASK ? "question" : "child",
                   call->id, wf_key_bytes(&call->target));
        line_number(out, "of run", call->run);
        line(out, "- close %d, cancellation %d, asked %d, given up %d",
             (int)call->close, (int)call->cancellation, call->is_asked,
             call->is_given_up);
    }
    for (node = wf_list_first(&actor->orders.list); node != NULL;
         node = wf_list_next(&actor->orders.list, node)) {
        const struct wf_order *order =
            WF_CONTAINER(node, struct wf_order, node);

        line(out, "order %u: %d of call %u in run %llu", order->number,
             (int)order->type, order->call, (unsigned long long)order->run);
        line_bytes(out, "- to", order->number, wf_key_bytes(&order->target));
    }
    for (node = wf_list_first(&actor->updates.all.list); node != NULL;
         node = wf_list_next(&actor->updates.all.list, node)) {
        const struct wf_update *update =
            WF_CONTAINER(node, const struct wf_update, node);

        line(out, "update %u: %s %llu %d %d %d %d", update->number,
             text_of(update->id), (unsigned long long)update->request,
             update->is_told_early, update->is_accepted, update->is_done,
             (int)update->err);
        line_bytes(out, "- client", update->number,
                   weft_bytes_of(update->client, sizeof(update->client)));
        line_bytes(out, "- data", update->number, update->data);
    }
    for (node = wf_list_first(&actor->published.list); node != NULL;
         node = wf_list_next(&actor->published.list, node)) {
        const struct wf_published *published =
            WF_CONTAINER(node, const struct wf_published, node);

        line_bytes(out, published->name, 0, published->value);
    }
    for (node = wf_list_first(&actor->questions.list); node != NULL;
         node = wf_list_next(&actor->questions.list, node)) {
        const struct wf_question *question =
            WF_CONTAINER(node, const struct wf_question, node);

        line_bytes(out, "question", question->id, question->letter);
    }
}

void
twin_print_actor(const struct wf_actor *actor, const struct wf_actor *other,
                 struct wf_buf *out)
{
    print_life(actor, other, out);
    print_mailbox(actor, other, out);
    print_journal(&actor->journal, out);
    print_waits(actor, out);
    print_operations(actor, out);
}

// The others. ---------------------------------------------------------------

static void
print_route(const struct wf_route *route, struct wf_buf *out)
{
    const struct wf_list_node *node = wf_list_first(&route->unacked);

    line_number(out, "next", route->next_seq);
    line_number(out, "acked", route->acked);
    for (uint32_t i = 0; i < route->bases_count; i++) {
        line_number(out, "base generation", route->bases[i].generation);
        line_number(out, "base", route->bases[i].seq);
    }
    line_number(out, "in generation", route->in_generation);
    line_number(out, "seen", route->seen);
    for (; node != NULL; node = wf_list_next(&route->unacked, node)) {
        const struct wf_outgoing *outgoing =
            WF_CONTAINER(node, const struct wf_outgoing, node);

        if (outgoing->seq > route->acked) {
            line_bytes(out, "message", outgoing->seq,
                       weft_bytes_of(outgoing->bytes, outgoing->len));
        }
    }
}

static void
print_window(const struct wf_window *window, struct wf_buf *out)
{
    line_number(out, "confirmed", window->confirmed);
    line_number(out, "heard", window->heard_ms);
    for (size_t i = 0; i < window->count; i++) {
        const struct wf_answer *answer = &window->answers[i];

        line_bytes(out, answer->is_answered ? "answer" : "request",
                   answer->number, answer->data);
        line_number(out, "- error", (uint64_t)answer->err);
    }
}

static void
print_partition(const struct wf_partition *partition, struct wf_buf *out)
{
    line_number(out, "epoch", partition->epoch);
    line_number(out, "generation", partition->generation);
    line_number(out, "next dead letter", partition->next_letter);
}

// Dead letters that have no row yet, from this one on.
static void
print_letters(const struct wf_partition *partition, uint64_t from,
              struct wf_buf *out)
{
    const struct wf_list_node *node = wf_list_first(&partition->letters);

    for (; node != NULL; node = wf_list_next(&partition->letters, node)) {
        const struct wf_dead_letter *letter =
            WF_CONTAINER(node, const struct wf_dead_letter, node);

        if (letter->seq >= from) {
            line_bytes(out, "dead letter", letter->seq,
                       weft_bytes_of(letter->bytes, letter->len));
        }
    }
}

// Comparing. ----------------------------------------------------------------

// One look at a site.
struct twin {
    struct site *site;
    struct wf_partition *live;
    struct wf_partition *recovered;
    struct wf_buf was; // of an object in memory
    struct wf_buf is;  // of the same, recovered
};

// Where the first difference is, in both.
static void
tell(const char *was, const char *is)
{
    size_t at = 0;

    for (size_t i = 0; was[i] == is[i] && was[i] != '\0'; i++) {
        at = was[i] == '\n' ? i + 1 : at;
    }
    (void)fprintf(stderr, "in memory: %.*s\nrecovered: %.*s\n",
                  (int)strcspn(was + at, "\n"), was + at,
                  (int)strcspn(is + at, "\n"), is + at);
}

static void
compare(struct twin *twin, const char *what, uint64_t record)
{
    wf_buf_put_u8(&twin->was, '\0');
    wf_buf_put_u8(&twin->is, '\0');
    if (strcmp((const char *)twin->was.data, (const char *)twin->is.data) !=
        0) {
        (void)fprintf(stderr,
                      "sim: seed %llu, p%u, commit %llu: %s at record %llu is "
                      "not what its rows and records give\n",
                      (unsigned long long)twin->site->world->options.seed,
                      twin->site->index,
                      (unsigned long long)twin->site->world->commits, what,
                      (unsigned long long)record);
        tell((const char *)twin->was.data, (const char *)twin->is.data);
        abort();
    }
    wf_buf_reset(&twin->was);
    wf_buf_reset(&twin->is);
}

static void
compare_actor(struct twin *twin, const struct wf_actor *live)
{
    char name[600];
    struct wf_actor *recovered;
    weft_err err;

    // Memory may be ahead of what is durable.
    if (live->residency != WF_RESIDENCY_LOADED || live->object.position == 0 ||
        live->object.position > twin->live->durable_record) {
        return;
    }
    err = wf_inspect_core_actor(twin->recovered, &live->key, &twin->site->store,
                                &recovered);
    if (err == WEFT_ENOTFOUND && live->status == WEFT_STATUS_NONE) {
        return; // it is gone, and its last row too
    }
    world_must(err);
    twin_print_actor(live, recovered, &twin->was);
    twin_print_actor(recovered, live, &twin->is);
    compare(twin, wf_key_show(&live->key, name, sizeof(name)),
            live->object.position);
    wf_inspect_core_drop(twin->recovered, recovered);
}

// Those that wait for a row here must wait there too. There may be more there:
// rows can be under way.
static void
compare_letters(struct twin *twin)
{
    const struct wf_list_node *node = wf_list_first(&twin->live->letters);
    uint64_t from;

    if (node == NULL ||
        twin->live->letters_object.position > twin->live->durable_record) {
        return;
    }
    from = WF_CONTAINER(node, const struct wf_dead_letter, node)->seq;
    print_letters(twin->live, from, &twin->was);
    print_letters(twin->recovered, from, &twin->is);
    compare(twin, "a dead letter", twin->live->letters_object.position);
}

static void
compare_routes(struct twin *twin)
{
    for (uint32_t i = 0; i < twin->live->options.count; i++) {
        const struct wf_route *live = twin->live->routes[i];
        const struct wf_route *recovered = twin->recovered->routes[i];

        if (live == NULL || recovered == NULL ||
            live->object.position != recovered->object.position) {
            continue;
        }
        print_route(live, &twin->was);
        print_route(recovered, &twin->is);
        compare(twin, "a route", live->object.position);
    }
}

static void
compare_windows(struct twin *twin)
{
    const struct wf_window *live;
    size_t cursor = 0;

    while ((live = wf_table_next(&twin->live->windows, &cursor)) != NULL) {
        const struct wf_window *recovered =
            wf_window_find(twin->recovered, live->client);

        if (live->object.position == 0 ||
            live->object.position > twin->live->durable_record) {
            continue;
        }
        print_window(live, &twin->was);
        if (recovered != NULL) {
            print_window(recovered, &twin->is);
        }
        compare(twin, "a client's window", live->object.position);
    }
}

void
twin_check(struct site *site)
{
    struct twin twin = {.site = site, .live = site->partition};
    static const struct wf_trace silent;
    struct wf_list requests;
    const struct wf_actor *live;
    size_t cursor = 0;

    wf_list_init(&requests);
    world_must(site_recover(site, &silent, &twin.recovered));
    if (twin.live->last_record == twin.live->durable_record) {
        print_partition(twin.live, &twin.was);
        print_partition(twin.recovered, &twin.is);
        compare(&twin, "the partition", twin.live->last_record);
    }
    while ((live = wf_table_next(&twin.live->actors, &cursor)) != NULL) {
        compare_actor(&twin, live);
    }
    compare_letters(&twin);
    compare_routes(&twin);
    compare_windows(&twin);
    wf_partition_destroy(twin.recovered, &requests);
    wf_buf_fini(&twin.was);
    wf_buf_fini(&twin.is);
}
