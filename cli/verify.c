// SPDX-License-Identifier: Apache-2.0
//
// verify.c - weft verify: check everything that is in a node's directory.

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "json.h"

struct verify {
    int is_json;
};

static void
show_problem(void *ctx, const char *where, const char *what)
{
    const struct verify *verify = ctx;

    if (verify->is_json) {
        cli_json_begin_object(NULL);
        cli_json_text("where", where);
        cli_json_text("what", what);
        cli_json_end_object();
    } else {
        printf("%s: %s\n", where, what);
    }
}

struct named_count {
    const char *name;
    uint64_t count;
};

#define COUNTS 13

static void
name_counts(const weft_inspect_counts *counts, struct named_count out[COUNTS])
{
    const struct named_count named[COUNTS] = {
        {"stores", counts->stores},
        {"partitions", counts->partitions},
        {"commits", counts->commits},
        {"segments", counts->segments},
        {"records", counts->records},
        {"images", counts->images},
        {"items", counts->items},
        {"wakes", counts->wakes},
        {"links", counts->links},
        {"outgoing", counts->outgoing},
        {"windows", counts->windows},
        {"dead_letters", counts->dead_letters},
        {"actors_in_log", counts->actors},
    };

    for (size_t i = 0; i < COUNTS; i++) {
        out[i] = named[i];
    }
}

static void
put_result(const struct verify *verify, const weft_inspect_counts *counts)
{
    struct named_count named[COUNTS];

    name_counts(counts, named);
    if (verify->is_json) {
        cli_json_end_array();
        cli_json_number("problems_count", counts->problems);
        for (size_t i = 0; i < COUNTS; i++) {
            cli_json_number(named[i].name, named[i].count);
        }
        cli_json_end_object();
        cli_json_newline();
        return;
    }
    for (size_t i = 0; i < COUNTS; i++) {
        printf("%-14s%10" PRIu64 "\n", named[i].name, named[i].count);
    }
    printf("%-14s%10" PRIu64 "\n", "problems", counts->problems);
}

static int
check(const char *dir, int is_json, int is_quiet)
{
    struct verify verify = {.is_json = is_json};
    weft_inspect_counts counts = {.struct_size = sizeof(counts)};
    weft_err err;

    if (is_json) {
        cli_json_begin_object(NULL);
        cli_json_text("dir", dir);
        cli_json_begin_array("problems");
    }
    err = weft_inspect_verify(dir, show_problem, &verify, &counts);
    if (is_json || (!is_quiet && (err == WEFT_OK || counts.problems > 0))) {
        put_result(&verify, &counts);
    }
    if (err == WEFT_OK) {
        return EXIT_FINE;
    }
    return counts.problems > 0 ? EXIT_NO : cli_failed(err, dir);
}

int
verify_run(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"quiet", no_argument, NULL, 'q'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *dir;
    int is_quiet = 0;
    int is_json = 0;
    int option;

    while ((option = getopt_long(argc, argv, "qjh", options, NULL)) != -1) {
        switch (option) {
        case 'q':
            is_quiet = 1;
            break;
        case 'j':
            is_json = 1;
            break;
        case 'h':
            return cli_help(command);
        default:
            return cli_usage(command, "no such option");
        }
    }
    if (!cli_arguments(command, argc, argv, 1, &dir)) {
        return EXIT_FAILED;
    }
    return check(dir, is_json, is_quiet);
}
