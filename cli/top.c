// SPDX-License-Identifier: Apache-2.0
//
// top.c - weft top: how many instances there are, kind by kind, and which are
// parked, again and again.
//
// Each column is a count of its own, grouped by kind, so a look costs the node
// eight passes over its rows however many kinds there are. It rests for at
// least as long as a look took.

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.h"
#include "online.h"

#define INTERVAL_MS_DEFAULT 1000
#define PARKED_DEFAULT 10
#define LINES_BESIDES 6 // of the screen: titles, and what is empty

static const struct {
    const char *name;
    const char *filter;
    int is_end;
} columns[] = {
    {"running", "status = running and not is_parked and not is_paused", 0},
    {"parked", "is_parked", 0},
    {"paused", "is_paused and not is_parked", 0},
    {"completed", "status = completed", 1},
    {"failed", "status = failed", 1},
    {"cancelled", "status = cancelled", 1},
    {"terminated", "status = terminated", 1},
    {"timed_out", "status = timed_out", 1},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

struct row {
    char *kind;
    uint64_t counts[COLUMNS];
};

// One look at all of them.
struct look {
    uint64_t at_ms;
    struct row *rows; // in order of kind
    size_t count;
};

struct top {
    struct look now, before;
    size_t column; // that is counted
    uint32_t parked_max;
};

static struct row *
row_of(struct look *look, const char *kind)
{
    size_t at = 0;

    while (at < look->count && strcmp(look->rows[at].kind, kind) < 0) {
        at++;
    }
    if (at < look->count && strcmp(look->rows[at].kind, kind) == 0) {
        return &look->rows[at];
    }
    look->rows = realloc(look->rows, (look->count + 1) * sizeof(struct row));
    if (look->rows == NULL) {
        abort();
    }
    memmove(&look->rows[at + 1], &look->rows[at],
            (look->count - at) * sizeof(struct row));
    look->count++;
    look->rows[at] = (struct row){.kind = strdup(kind)};
    return &look->rows[at];
}

static void
forget(struct look *look)
{
    for (size_t i = 0; i < look->count; i++) {
        free(look->rows[i].kind);
    }
    free(look->rows);
    *look = (struct look){.at_ms = 0};
}

static int
take_counts(struct online *online, const weft_reply *reply)
{
    struct top *top = online->ctx;

    for (size_t i = 0; i < reply->groups_count; i++) {
        row_of(&top->now, reply->groups[i].value.value.text)
            ->counts[top->column] = reply->groups[i].count;
    }
    return EXIT_FINE;
}

static int
count_all(struct online *online)
{
    struct top *top = online->ctx;
    int status = EXIT_FINE;

    top->now.at_ms = text_now_ms();
    for (top->column = 0; top->column < COLUMNS && status == EXIT_FINE;
         top->column++) {
        weft_request request = WEFT_REQUEST_INIT;

        request.verb = WEFT_VERB_COUNT_MATCHING;
        request.filter = columns[top->column].filter;
        request.group_by = "kind";
        status = online_ask(online, &request, take_counts);
    }
    return status;
}

// Rates. --------------------------------------------------------------------

static uint64_t
sum_of(const struct row *row, int of_ended)
{
    uint64_t sum = 0;

    for (size_t i = 0; row != NULL && i < COLUMNS; i++) {
        sum += !of_ended || columns[i].is_end ? row->counts[i] : 0;
    }
    return sum;
}

// Since the look before. What was removed meanwhile is not seen, so neither is
// a rate below zero.
static double
rate_of(const struct top *top, const struct row *row, int of_ended)
{
    const struct row *old = NULL;
    uint64_t was;
    uint64_t is = sum_of(row, of_ended);

    for (size_t i = 0; i < top->before.count; i++) {
        if (strcmp(top->before.rows[i].kind, row->kind) == 0) {
            old = &top->before.rows[i];
        }
    }
    was = sum_of(old, of_ended);
    return is <= was || top->now.at_ms <= top->before.at_ms
               ? 0
               : (double)(is - was) * 1000 /
                     (double)(top->now.at_ms - top->before.at_ms);
}

// A table. ------------------------------------------------------------------

static void
print_row(struct table *table, const struct top *top, const struct row *row)
{
    char numbers[COLUMNS + 3][24];
    const char *cells[COLUMNS + 4] = {row->kind};
    size_t i;

    for (i = 0; i < COLUMNS; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, row->counts[i]);
        cells[i + 1] = row->counts[i] == 0 ? "." : numbers[i];
    }
    snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, sum_of(row, 0));
    cells[i + 1] = numbers[i];
    for (int of_ended = 0; of_ended < 2; of_ended++) {
        i++;
        snprintf(numbers[i], sizeof(numbers[i]), "%.1f",
                 rate_of(top, row, of_ended));
        cells[i + 1] = top->before.at_ms == 0 ? "-" : numbers[i];
    }
    table_add(table, cells);
}

static void
print_counts(const struct top *top)
{
    static const char *const titles[COLUMNS + 4] = {
        "KIND",      "RUNNING", "PARKED",    "PAUSED",
        "COMPLETED", "FAILED",  "CANCELLED", "TERMINATED",
        "TIMED_OUT", "ALL",     "NEW/S",     "ENDED/S",
    };
    struct table table;

    table_begin(&table, titles, " rrrrrrrrrrr", COLUMNS + 4);
    for (size_t i = 0; i < top->now.count; i++) {
        print_row(&table, top, &top->now.rows[i]);
    }
    table_end(&table);
}

static int
print_parked(struct online *online, const weft_reply *reply)
{
    static const char *const titles[] = {"PARKED", "RUN", "WHY"};
    struct table table;

    (void)online;
    if (reply->items_count == 0) {
        return EXIT_FINE;
    }
    putchar('\n');
    table_begin(&table, titles, "   ", 3);
    for (size_t i = 0; i < reply->items_count; i++) {
        const weft_description *item = &reply->items[i];
        char *name = NULL;
        char *why = text_line(item->reason);
        char run[24];
        const char *cells[3];

        if (asprintf(&name, "%s/%s", item->kind, item->id) < 0) {
            abort();
        }
        snprintf(run, sizeof(run), "%" PRIu64, item->run);
        cells[0] = name;
        cells[1] = run;
        cells[2] = why;
        table_add(&table, cells);
        free(name);
        free(why);
    }
    table_end(&table);
    return EXIT_FINE;
}

// JSON. ---------------------------------------------------------------------

static void
put_counts(const struct top *top)
{
    cli_json_begin_array("kinds");
    for (size_t i = 0; i < top->now.count; i++) {
        const struct row *row = &top->now.rows[i];

        cli_json_begin_object(NULL);
        cli_json_text("kind", row->kind);
        for (size_t j = 0; j < COLUMNS; j++) {
            cli_json_number(columns[j].name, row->counts[j]);
        }
        cli_json_number("all", sum_of(row, 0));
        cli_json_end_object();
    }
    cli_json_end_array();
}

static int
put_parked(struct online *online, const weft_reply *reply)
{
    struct top *top = online->ctx;

    cli_json_begin_object(NULL);
    cli_json_number("at_ms", top->now.at_ms);
    put_counts(top);
    cli_json_begin_array("parked");
    for (size_t i = 0; i < reply->items_count; i++) {
        cli_json_begin_object(NULL);
        cli_json_text("kind", reply->items[i].kind);
        cli_json_text("id", reply->items[i].id);
        cli_json_text("reason", reply->items[i].reason);
        cli_json_end_object();
    }
    cli_json_end_array();
    cli_json_end_object();
    cli_json_newline();
    return EXIT_FINE;
}

// Again and again. ----------------------------------------------------------

static void
print_head(struct top *top, int is_live)
{
    struct winsize window = {.ws_row = 0};
    char time[TIME_CHARS];
    size_t used = top->now.count + LINES_BESIDES;

    if (!is_live) {
        return;
    }
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 &&
        window.ws_row > used) {
        top->parked_max = (uint32_t)(window.ws_row - used);
    }
    // The screen is empty, and we are at its top.
    printf("\033[H\033[2Jweft top  %s\n\n", text_time(top->now.at_ms, time));
}

static int
look_once(struct online *online, int is_live)
{
    struct top *top = online->ctx;
    weft_request request = WEFT_REQUEST_INIT;
    int status;

    forget(&top->before);
    top->before = top->now;
    top->now = (struct look){.at_ms = 0};
    status = count_all(online);
    if (status != EXIT_FINE) {
        return status;
    }
    if (!online->args.json) {
        print_head(top, is_live);
        print_counts(top);
    }
    request.verb = WEFT_VERB_LIST;
    request.filter = "is_parked";
    request.limit = top->parked_max;
    status = online_ask(online, &request,
                        online->args.json ? put_parked : print_parked);
    fflush(stdout);
    return status;
}

int
top_ask(struct online *online)
{
    struct top top = {.parked_max = PARKED_DEFAULT};
    uint64_t interval_ms = online->args.interval == 0 ? INTERVAL_MS_DEFAULT
                                                      : online->args.interval;
    int is_live =
        !online->args.once && !online->args.json && isatty(STDOUT_FILENO);
    // Without a terminal once, but if an interval was given.
    int is_once = online->args.once ||
                  (!isatty(STDOUT_FILENO) && online->args.interval == 0);
    int status;

    online->ctx = &top;
    status = look_once(online, is_live);
    while (status == EXIT_FINE && !is_once && !online_is_interrupted()) {
        uint64_t took_ms = text_now_ms() - top.now.at_ms;
        uint64_t rest_ms = took_ms > interval_ms ? took_ms : interval_ms;

        (void)poll(NULL, 0, rest_ms > INT32_MAX ? INT32_MAX : (int)rest_ms);
        if (!online_is_interrupted()) {
            status = look_once(online, is_live);
        }
    }
    forget(&top.now);
    forget(&top.before);
    return status;
}
