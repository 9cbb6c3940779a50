// SPDX-License-Identifier: Apache-2.0
//
// order_main.c - make a node that knows orders, and play.
//
//   order_meal DIR --orders FILE --work DIR
//              [--status-file FILE] [--pace N] [--seconds N]
//   order_meal DIR --dry-run
//
// DIR is the node's directory. Kill the process whenever you like and start it
// again with the same words: it goes on. Status 0: every order is finished;
// with
// --dry-run: this program fits the orders that are under way in DIR.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "order_meal.h"

static int
usage(void)
{
    fprintf(stderr, "usage: order_meal DIR --orders FILE --work DIR\n"
                    "                  [--status-file FILE] [--pace N]"
                    " [--seconds N]\n"
                    "       order_meal DIR --dry-run\n");
    return 2;
}

// A whole number from 1 on; 0 if it is none.
static uint64_t
number_of(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    return *end == '\0' && number < 1000000 ? number : 0;
}

// Returns 0 if the words make no sense.
static int
read_options(int argc, char **argv, struct meal_options *out_options)
{
    struct meal_options options = {.pace = 1};
    int i;

    for (i = 1; i < argc; i++) {
        const char *value = argv[i + 1]; // NULL after the last word

        if (argv[i][0] != '-' && options.data_dir == NULL) {
            options.data_dir = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--dry-run") == 0) {
            options.is_dry_run = 1;
            continue;
        }
        if (value == NULL) {
            return 0;
        }
        if (strcmp(argv[i], "--orders") == 0) {
            options.orders_path = value;
        } else if (strcmp(argv[i], "--work") == 0) {
            options.work_dir = value;
        } else if (strcmp(argv[i], "--status-file") == 0) {
            options.status_path = value;
        } else if (strcmp(argv[i], "--pace") == 0) {
            options.pace = number_of(value);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            options.seconds = number_of(value);
        } else {
            return 0;
        }
        i++;
    }
    *out_options = options;
    if (options.is_dry_run) {
        return options.data_dir != NULL;
    }
    return options.data_dir != NULL && options.orders_path != NULL &&
           options.work_dir != NULL && options.pace != 0;
}

static weft_err
complain(weft_err err)
{
    if (err != WEFT_OK) {
        fprintf(stderr, "order_meal: %s: %s\n", weft_err_text(err),
                weft_err_detail());
    }
    return err;
}

// Open a node and play on it. Everything is durable, so whatever goes wrong in
// here costs time only.
static weft_err
play(const struct meal_options *options, const weft_definitions *definitions)
{
    weft_node_options node_options = WEFT_NODE_OPTIONS_INIT;
    weft_node *node = NULL;
    weft_err err;

    node_options.data_dir = options->data_dir;
    node_options.definitions = definitions;
    err = weft_node_open(&node_options, &node);
    if (err != WEFT_OK) {
        return complain(err);
    }
    err = driver_play(node, options);
    if (err != WEFT_OK) {
        fprintf(stderr, "order_meal: not finished: %s\n", weft_err_text(err));
    }
    weft_node_close(node);
    return err;
}

static weft_err
run(const struct meal_options *options, int activities_fd)
{
    weft_definitions *definitions = NULL;
    weft_err err;

    err = weft_definitions_create(&definitions);
    if (err == WEFT_OK) {
        err = meal_add_workflow(definitions);
    }
    if (err == WEFT_OK) {
        err = meal_add_activities(definitions, activities_fd);
    }
    if (err != WEFT_OK) {
        (void)complain(err);
    } else if (options->is_dry_run) {
        err = complain(meal_dry_run(options->data_dir, definitions));
    } else {
        err = play(options, definitions);
    }
    weft_definitions_destroy(definitions);
    return err;
}

int
main(int argc, char **argv)
{
    struct meal_options options;
    weft_err err;
    int fd;

    if (!read_options(argc, argv, &options)) {
        return usage();
    }
    if (options.is_dry_run) { // no activity will run
        return run(&options, -1) == WEFT_OK ? 0 : 1;
    }
    if (mkdir(options.work_dir, 0755) != 0 && errno != EEXIST) {
        perror(options.work_dir);
        return 1;
    }
    fd = lines_open(options.work_dir, "activities.jsonl");
    if (fd < 0) {
        return 1;
    }
    err = run(&options, fd);
    close(fd);
    return err == WEFT_OK ? 0 : 1;
}
