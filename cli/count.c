// SPDX-License-Identifier: Apache-2.0
//
// count.c - weft inspect DIR --count: how many, and how many of each.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "json.h"

void
count_row(struct table *table, const weft_group *group)
{
    char text[2100];
    char number[24];
    char *line;
    const char *cells[TABLE_COLUMNS_MAX];

    text_attribute(&group->value, text, sizeof(text));
    snprintf(number, sizeof(number), "%" PRIu64, group->count);
    line = text_line(text);
    cells[0] = line;
    cells[1] = weft_attribute_type_name(group->value.type);
    cells[2] = number;
    table_add(table, cells);
    free(line);
}

void
count_object(const weft_group *group)
{
    char text[2100];

    text_attribute(&group->value, text, sizeof(text));
    cli_json_begin_object(NULL);
    cli_json_text("value", text);
    cli_json_text("type", weft_attribute_type_name(group->value.type));
    cli_json_number("count", group->count);
    cli_json_end_object();
}

static int
add_row(void *ctx, const weft_group *group)
{
    count_row(ctx, group);
    return 0;
}

static int
add_object(void *ctx, const weft_group *group)
{
    (void)ctx;
    count_object(group);
    return 0;
}

static int
count_json(weft_inspect *inspect, const struct inspect_options *options)
{
    weft_inspect_filter filter = inspect_filter(options);
    uint64_t count = 0;
    weft_err err;

    cli_json_begin_object(NULL);
    cli_json_begin_array("groups");
    err = weft_inspect_count(inspect, &filter, options->group_by, &count,
                             add_object, NULL);
    cli_json_end_array();
    cli_json_number("count", count);
    cli_json_end_object();
    cli_json_newline();
    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, options->dir);
}

int
count_run(weft_inspect *inspect, const struct inspect_options *options)
{
    static const char *const titles[] = {"VALUE", "TYPE", "COUNT"};
    weft_inspect_filter filter = inspect_filter(options);
    struct table table;
    uint64_t count = 0;
    weft_err err;

    if (options->status[0] != '\0' &&
        options->exact_status == WEFT_STATUS_NONE) {
        fprintf(stderr, "weft: to count what is %s use --filter is_%s\n",
                options->status, options->status);
        return EXIT_FAILED;
    }
    if (options->is_json) {
        return count_json(inspect, options);
    }
    table_begin(&table, titles, "  r", 3);
    err = weft_inspect_count(inspect, &filter, options->group_by, &count,
                             add_row, &table);
    if (err == WEFT_OK && options->group_by != NULL && count > 0) {
        table_end(&table);
        putchar('\n');
    }
    if (err != WEFT_OK) {
        return cli_failed(err, options->dir);
    }
    printf("%" PRIu64 "\n", count);
    return EXIT_FINE;
}
