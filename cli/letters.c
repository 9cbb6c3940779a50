// SPDX-License-Identifier: Apache-2.0
//
// letters.c - weft inspect --letters: messages that nobody took.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "export.h"
#include "json.h"

struct letters {
    const struct inspect_options *options;
    struct table table;
    uint64_t shown;
};

static int
is_wanted(const struct inspect_options *options,
          const weft_inspect_dead_letter *letter)
{
    return (options->name_space == NULL ||
            strcmp(options->name_space, letter->name_space) == 0) &&
           (options->kind == NULL || strcmp(options->kind, letter->kind) == 0);
}

static void
put_object(const weft_inspect_dead_letter *letter)
{
    cli_json_begin_object(NULL);
    cli_json_number("partition", letter->partition);
    cli_json_number("number", letter->letter.number);
    cli_json_text("namespace", letter->name_space);
    cli_json_text("kind", letter->kind);
    cli_json_text("id", letter->id);
    cli_json_text("reason", letter->reason);
    export_letter_fields(&letter->letter);
    cli_json_end_object();
    cli_json_newline();
}

static void
add_row(struct letters *letters, const weft_inspect_dead_letter *letter)
{
    char name[48];
    char *data = text_payload(letter->letter.data, letters->options->is_full);
    char *reason = text_line(letter->reason);
    const char *cells[] = {
        name,
        letter->name_space,
        letter->kind,
        letter->id,
        letter->letter.type,
        letter->letter.name,
        letter->letter.sender_kind[0] == '\0' ? "-"
                                              : letter->letter.sender_kind,
        letter->letter.sender_kind[0] == '\0' ? "-" : letter->letter.sender_id,
        reason,
        data,
    };

    snprintf(name, sizeof(name), "p%" PRIu32 "/%" PRIu64, letter->partition,
             letter->letter.number);
    table_add(&letters->table, cells);
    free(data);
    free(reason);
}

static int
show(void *ctx, const weft_inspect_dead_letter *letter)
{
    struct letters *letters = ctx;
    uint64_t limit = letters->options->limit;

    if (!is_wanted(letters->options, letter)) {
        return 0;
    }
    if (letters->options->is_json) {
        put_object(letter);
    } else {
        add_row(letters, letter);
    }
    letters->shown++;
    return limit != 0 && letters->shown == limit;
}

int
letters_run(weft_inspect *inspect, const struct inspect_options *options)
{
    static const char *const titles[] = {
        "LETTER", "NAMESPACE", "KIND",    "ID",     "TYPE",
        "NAME",   "FROM KIND", "FROM ID", "REASON", "DATA",
    };
    struct letters letters = {.options = options};
    weft_err err;

    table_begin(&letters.table, titles, "          ", 10);
    err = weft_inspect_letters(inspect, show, &letters);
    if (!options->is_json) {
        if (letters.shown == 0) {
            puts("no dead letters");
        } else {
            table_end(&letters.table);
        }
    }
    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, options->dir);
}
