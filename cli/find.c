// SPDX-License-Identifier: Apache-2.0
//
// find.c - weft list: the instances that a node has, or how many.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "json.h"
#include "online.h"

#define LIMIT_DEFAULT 100
#define PAGE 100 // what has large memos may not fit a larger one

struct list {
    struct table table;
    uint64_t left; // to be shown
    uint64_t shown;
    const char *cursor; // NULL after the last page
};

int
find_filter(struct online *online, const char **out_filter,
            weft_status *out_status)
{
    const char *filter = online->args.filter;
    const char *status = online->args.status;

    *out_filter = filter;
    *out_status = WEFT_STATUS_NONE;
    if (status == NULL) {
        return 1;
    }
    // A filter knows these two as flags.
    if (strcmp(status, "parked") == 0 || strcmp(status, "paused") == 0) {
        *out_filter = filter == NULL ? online_printf(online, "is_%s", status)
                                     : online_printf(online, "(%s) and is_%s",
                                                     filter, status);
        return 1;
    }
    for (int i = WEFT_STATUS_RUNNING; i < WEFT_STATUS_COUNT; i++) {
        if (strcmp(status, weft_status_name((weft_status)i)) == 0) {
            *out_status = (weft_status)i;
            return 1;
        }
    }
    (void)cli_usage(online->command, "\"%s\" is no status", status);
    return 0;
}

// Counting. -----------------------------------------------------------------

static int
print_count(struct online *online, const weft_reply *reply)
{
    static const char *const titles[] = {"VALUE", "TYPE", "COUNT"};
    struct table table;

    if (online->args.json) {
        cli_json_begin_object(NULL);
        cli_json_begin_array("groups");
        for (size_t i = 0; i < reply->groups_count; i++) {
            count_object(&reply->groups[i]);
        }
        cli_json_end_array();
        cli_json_number("count", reply->count);
        cli_json_end_object();
        cli_json_newline();
        return EXIT_FINE;
    }
    if (reply->groups_count > 0) {
        table_begin(&table, titles, "  r", 3);
        for (size_t i = 0; i < reply->groups_count; i++) {
            count_row(&table, &reply->groups[i]);
        }
        table_end(&table);
        putchar('\n');
    }
    printf("%" PRIu64 "\n", reply->count);
    return EXIT_FINE;
}

// Listing. ------------------------------------------------------------------

static void
add_row(struct table *table, const weft_description *head)
{
    const uint64_t values[6] = {
        head->run,
        head->mailbox_count,
        head->timers_count,
        head->activities_count,
        head->children_count,
        head->journal_count,
    };
    char numbers[6][24];
    char created[TIME_CHARS];
    char *id = text_line(head->id);
    char *note = text_line(head->reason);
    const char *cells[] = {
        head->kind,
        id,
        text_status(head),
        numbers[0],
        text_time(head->created_at_ms, created),
        numbers[1],
        numbers[2],
        numbers[3],
        numbers[4],
        numbers[5],
        note,
    };

    for (size_t i = 0; i < 6; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, values[i]);
    }
    table_add(table, cells);
    free(id);
    free(note);
}

static int
print_page(struct online *online, const weft_reply *reply)
{
    struct list *list = online->ctx;

    for (size_t i = 0; i < reply->items_count; i++) {
        if (online->args.json) {
            cli_json_begin_object(NULL);
            export_description(&reply->items[i]);
            cli_json_end_object();
            cli_json_newline();
        } else {
            add_row(&list->table, &reply->items[i]);
        }
    }
    list->shown += reply->items_count;
    list->left -=
        reply->items_count < list->left ? reply->items_count : list->left;
    list->cursor = reply->cursor == NULL
                       ? NULL
                       : online_printf(online, "%s", reply->cursor);
    return EXIT_FINE;
}

static int
print_list(struct online *online, weft_request *request)
{
    static const char *const titles[] = {
        "KIND",   "ID",         "STATUS",   "RUN",     "CREATED", "MAILBOX",
        "TIMERS", "ACTIVITIES", "CHILDREN", "JOURNAL", "NOTE",
    };
    struct list list = {.left = LIMIT_DEFAULT};
    int status;

    if (online->args.limit != 0 || online->args.all) {
        list.left = online->args.all ? UINT64_MAX : online->args.limit;
    }
    online->ctx = &list;
    table_begin(&list.table, titles, "   r rrrrr ", 11);
    do {
        request->cursor = list.cursor;
        request->limit = (uint32_t)(list.left < PAGE ? list.left : PAGE);
        status = online_ask(online, request, print_page);
    } while (status == EXIT_FINE && list.cursor != NULL && list.left > 0);
    if (!online->args.json && list.shown > 0) {
        table_end(&list.table);
    }
    if (status == EXIT_FINE && list.shown == 0 && !online->args.json) {
        puts("no instances");
    }
    if (status == EXIT_FINE && list.cursor != NULL) {
        fflush(stdout);
        fputs("weft: there are more: --all, --limit N\n", stderr);
    }
    return status;
}

int
list_ask(struct online *online)
{
    const struct args *args = &online->args;
    weft_request request = WEFT_REQUEST_INIT;

    if (!find_filter(online, &request.filter, &request.status)) {
        return EXIT_FAILED;
    }
    request.target.kind = args->kind;
    if (args->count || args->group_by != NULL) {
        request.verb = WEFT_VERB_COUNT_MATCHING;
        request.group_by = args->group_by;
        return online_ask(online, &request, print_count);
    }
    request.verb = WEFT_VERB_LIST;
    return print_list(online, &request);
}
