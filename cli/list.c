// SPDX-License-Identifier: Apache-2.0
//
// list.c - the actors of a directory: a table and totals, or the same as JSON.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "export.h"
#include "json.h"

// What totals tell apart: the statuses, and what of the running ones is parked
// or paused.
enum bin {
    BIN_RUNNING,
    BIN_PARKED,
    BIN_PAUSED,
    BIN_COMPLETED,
    BIN_FAILED,
    BIN_CANCELLED,
    BIN_TERMINATED,
    BIN_TIMED_OUT,
    BIN_NONE,
    BIN_UNREADABLE,
    BIN_COUNT
};

static const char *const bin_names[BIN_COUNT] = {
    "running",   "parked",     "paused",    "completed", "failed",
    "cancelled", "terminated", "timed_out", "none",      "unreadable",
};

struct total {
    char *name_space;
    char *kind;
    uint64_t counts[BIN_COUNT];
    uint64_t all;
};

struct listing {
    const struct inspect_options *options;
    struct table table;
    uint64_t shown;
    uint64_t found;
    struct total *totals; // in order of namespace and kind, as actors come
    size_t totals_count;
};

static void
count(struct listing *listing, const weft_inspect_actor *actor)
{
    struct total *total = listing->totals_count == 0
                              ? NULL
                              : &listing->totals[listing->totals_count - 1];
    const char *status = inspect_status(actor);

    if (total == NULL || strcmp(total->kind, actor->head.kind) != 0 ||
        strcmp(total->name_space, actor->name_space) != 0) {
        listing->totals =
            realloc(listing->totals,
                    (listing->totals_count + 1) * sizeof(*listing->totals));
        if (listing->totals == NULL) {
            abort();
        }
        total = &listing->totals[listing->totals_count++];
        *total = (struct total){
            .name_space = strdup(actor->name_space),
            .kind = strdup(actor->head.kind),
        };
    }
    for (size_t i = 0; i < BIN_COUNT; i++) {
        if (strcmp(bin_names[i], status) == 0) {
            total->counts[i]++;
        }
    }
    total->all++;
    listing->found++;
}

static void
free_totals(struct listing *listing)
{
    for (size_t i = 0; i < listing->totals_count; i++) {
        free(listing->totals[i].name_space);
        free(listing->totals[i].kind);
    }
    free(listing->totals);
}

// Returns 1 if the actor is one of those to be shown.
static int
takes(struct listing *listing, const weft_inspect_actor *actor)
{
    const struct inspect_options *options = listing->options;

    if (!inspect_is_wanted(options, actor)) {
        return 0;
    }
    count(listing, actor);
    if (options->limit != 0 && listing->shown == options->limit) {
        return 0;
    }
    listing->shown++;
    return 1;
}

// Why it does not go on, if there is a reason.
static const char *
note_of(const weft_inspect_actor *actor)
{
    if (actor->problem[0] != '\0') {
        return actor->problem;
    }
    if (actor->head.reason[0] != '\0') {
        return actor->head.reason;
    }
    return actor->failure.name;
}

// The table. ----------------------------------------------------------------

static int
add_row(void *ctx, const weft_inspect_actor *actor)
{
    struct listing *listing = ctx;
    const weft_description *head = &actor->head;
    char numbers[6][24];
    char created[TIME_CHARS];
    const uint64_t values[6] = {
        head->run,
        head->mailbox_count,
        head->timers_count,
        actor->activities_count,
        head->children_count,
        head->journal_count,
    };
    const char *cells[TABLE_COLUMNS_MAX];
    char *note;

    if (!takes(listing, actor)) {
        return 0;
    }
    for (size_t i = 0; i < 6; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, values[i]);
    }
    note = text_line(note_of(actor));
    cells[0] = actor->name_space;
    cells[1] = head->kind;
    cells[2] = head->id;
    cells[3] = inspect_status(actor);
    cells[4] = numbers[0];
    cells[5] = text_time(head->created_at_ms, created);
    for (size_t i = 1; i < 6; i++) {
        cells[5 + i] = numbers[i];
    }
    cells[11] = note;
    table_add(&listing->table, cells);
    free(note);
    return 0;
}

static void
print_totals(const struct listing *listing)
{
    static const char *const titles[] = {
        "NAMESPACE", "KIND",      "ALL",        "RUNNING",   "PARKED",
        "PAUSED",    "COMPLETED", "FAILED",     "CANCELLED", "TERMINATED",
        "TIMED OUT", "NONE",      "UNREADABLE",
    };
    struct table table;

    table_begin(&table, titles, "  rrrrrrrrrrr", 13);
    for (size_t i = 0; i < listing->totals_count; i++) {
        const struct total *total = &listing->totals[i];
        char numbers[BIN_COUNT + 1][24];
        const char *cells[TABLE_COLUMNS_MAX] = {total->name_space, total->kind};

        snprintf(numbers[0], sizeof(numbers[0]), "%" PRIu64, total->all);
        cells[2] = numbers[0];
        for (size_t bin = 0; bin < BIN_COUNT; bin++) {
            snprintf(numbers[bin + 1], sizeof(numbers[0]), "%" PRIu64,
                     total->counts[bin]);
            cells[3 + bin] = total->counts[bin] == 0 ? "." : numbers[bin + 1];
        }
        table_add(&table, cells);
    }
    table_end(&table);
}

static void
print_summary(const char *dir, const weft_inspect_summary *summary)
{
    char created[TIME_CHARS];
    char newest[TIME_CHARS];
    char restored[TIME_CHARS];

    printf("%s: %" PRIu32 " partitions in %" PRIu32 " store%s, %" PRIu64
           " commits\n",
           dir, summary->partition_count, summary->store_count,
           summary->store_count == 1 ? "" : "s", summary->commits_count);
    printf("created %s, newest record %s\n",
           text_time(summary->created_at_ms, created),
           text_time(summary->newest_ms, newest));
    if (summary->restored_at_ms != 0) {
        printf("restored from a backup %s\n",
               text_time(summary->restored_at_ms, restored));
    }
    if (summary->outgoing_count != 0) {
        printf("%" PRIu64 " messages are on their way between partitions\n",
               summary->outgoing_count);
    }
    if (summary->dead_letter_count != 0) {
        printf("%" PRIu64 " dead letters: see --letters\n",
               summary->dead_letter_count);
    }
}

int
list_run(weft_inspect *inspect, const struct inspect_options *options)
{
    static const char *const titles[] = {
        "NAMESPACE", "KIND",   "ID",         "STATUS", "RUN",     "CREATED",
        "MAILBOX",   "TIMERS", "ACTIVITIES", "CALLS",  "JOURNAL", "NOTE",
    };
    struct listing listing = {.options = options};
    weft_inspect_filter filter = inspect_filter(options);
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    weft_err summary_err;
    weft_err err;

    table_begin(&listing.table, titles, "    r rrrrr ", 12);
    err = weft_inspect_each(inspect, &filter, add_row, &listing);
    if (listing.found == 0) {
        puts("no actors");
    } else {
        table_end(&listing.table);
        if (listing.shown < listing.found) {
            printf("... %" PRIu64 " of %" PRIu64
                   " are shown; --limit 0 shows all\n",
                   listing.shown, listing.found);
        }
        putchar('\n');
        print_totals(&listing);
    }
    free_totals(&listing);
    if (err != WEFT_OK) {
        return cli_failed(err, options->dir);
    }
    summary_err = weft_inspect_get_summary(inspect, &summary);
    if (summary_err != WEFT_OK) {
        return cli_failed(summary_err, options->dir);
    }
    putchar('\n');
    print_summary(options->dir, &summary);
    return EXIT_FINE;
}

// JSON. ---------------------------------------------------------------------

static int
add_object(void *ctx, const weft_inspect_actor *actor)
{
    struct listing *listing = ctx;
    const weft_description *head = &actor->head;

    if (!takes(listing, actor)) {
        return 0;
    }
    cli_json_begin_object(NULL);
    export_identity(actor);
    cli_json_number("mailbox_count", head->mailbox_count);
    cli_json_number("timers_count", head->timers_count);
    cli_json_number("activities_count", actor->activities_count);
    cli_json_number("calls_count", head->children_count);
    cli_json_number("journal_count", head->journal_count);
    cli_json_bool("is_parked", head->is_parked);
    cli_json_bool("is_paused", head->is_paused);
    cli_json_bool("is_cancel_requested", head->is_cancel_requested);
    cli_json_text("reason", head->reason);
    cli_json_text("problem", actor->problem);
    cli_json_end_object();
    return 0;
}

static void
put_totals(const struct listing *listing)
{
    cli_json_begin_array("totals");
    for (size_t i = 0; i < listing->totals_count; i++) {
        const struct total *total = &listing->totals[i];

        cli_json_begin_object(NULL);
        cli_json_text("namespace", total->name_space);
        cli_json_text("kind", total->kind);
        cli_json_number("all", total->all);
        for (size_t bin = 0; bin < BIN_COUNT; bin++) {
            cli_json_number(bin_names[bin], total->counts[bin]);
        }
        cli_json_end_object();
    }
    cli_json_end_array();
}

static void
put_summary(const weft_inspect_summary *summary)
{
    cli_json_begin_object("summary");
    cli_json_number("format", summary->format);
    cli_json_number("partition_count", summary->partition_count);
    cli_json_number("store_count", summary->store_count);
    cli_json_number("created_at_ms", summary->created_at_ms);
    cli_json_number("restored_at_ms", summary->restored_at_ms);
    cli_json_number("newest_ms", summary->newest_ms);
    cli_json_number("commits_count", summary->commits_count);
    cli_json_number("outgoing_count", summary->outgoing_count);
    cli_json_number("dead_letter_count", summary->dead_letter_count);
    cli_json_end_object();
}

int
list_json(weft_inspect *inspect, const struct inspect_options *options)
{
    struct listing listing = {.options = options};
    weft_inspect_filter filter = inspect_filter(options);
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    weft_err err = weft_inspect_get_summary(inspect, &summary);

    if (err != WEFT_OK) {
        return cli_failed(err, options->dir);
    }
    cli_json_begin_object(NULL);
    put_summary(&summary);
    cli_json_begin_array("actors");
    err = weft_inspect_each(inspect, &filter, add_object, &listing);
    cli_json_end_array();
    put_totals(&listing);
    cli_json_end_object();
    cli_json_newline();
    free_totals(&listing);
    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, options->dir);
}
