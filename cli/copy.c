// SPDX-License-Identifier: Apache-2.0
//
// copy.c - weft backup and weft restore.

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

#define TIMEOUT_S_MAX (24UL * 3600)

// Read two directories; returns 0 if *out_status is to be returned.
static int
read_directories(const struct command *command, int argc, char **argv,
                 const char *out_directories[2], int *out_status)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option = getopt_long(argc, argv, "h", options, NULL);

    *out_status = EXIT_FAILED;
    if (option == 'h') {
        *out_status = cli_help(command);
        return 0;
    }
    if (option != -1) {
        (void)cli_usage(command, "no such option");
        return 0;
    }
    return cli_arguments(command, argc, argv, 2, out_directories);
}

// A running node is waited for: people are told, on a line of their own.
static void
show_wait(void *ctx, uint64_t waited_ms)
{
    int *is_shown = ctx;

    *is_shown = 1;
    fprintf(stderr, "\rweft: the node makes the copy, %u s ",
            (unsigned)(waited_ms / 1000));
}

// Read --timeout and two directories; 0 if *out_status is to be returned.
static int
read_backup(const struct command *command, int argc, char **argv,
            weft_inspect_backup_options *out_options, int *out_status)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"timeout", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    const char *directories[2];
    unsigned long seconds;
    char *end;
    int option;

    *out_status = EXIT_FAILED;
    while ((option = getopt_long(argc, argv, "ht:", options, NULL)) != -1) {
        if (option == 'h') {
            *out_status = cli_help(command);
            return 0;
        }
        if (option != 't') {
            (void)cli_usage(command, "no such option");
            return 0;
        }
        seconds = strtoul(optarg, &end, 10);
        if (end == optarg || *end != '\0' || seconds == 0 ||
            seconds > TIMEOUT_S_MAX) {
            (void)cli_usage(command, "\"%s\" is no number of seconds", optarg);
            return 0;
        }
        out_options->timeout_ms = (uint32_t)seconds * 1000U;
    }
    if (!cli_arguments(command, argc, argv, 2, directories)) {
        return 0;
    }
    out_options->data_dir = directories[0];
    out_options->to = directories[1];
    return 1;
}

int
backup_run(const struct command *command, int argc, char **argv)
{
    weft_inspect_backup_options options = WEFT_INSPECT_BACKUP_OPTIONS_INIT;
    int is_shown = 0;
    weft_err err;
    int status;

    if (!read_backup(command, argc, argv, &options, &status)) {
        return status;
    }
    if (isatty(STDERR_FILENO)) {
        options.wait = show_wait;
        options.ctx = &is_shown;
    }
    err = weft_inspect_backup(&options);
    if (is_shown) {
        fputc('\n', stderr);
    }
    if (err != WEFT_OK) {
        return cli_failed(err, options.data_dir);
    }
    printf("%s is a copy of %s\n", options.to, options.data_dir);
    return EXIT_FINE;
}

static void
show_problem(void *ctx, const char *where, const char *what)
{
    (void)ctx;
    printf("%s: %s\n", where, what);
}

int
restore_run(const struct command *command, int argc, char **argv)
{
    const char *directories[2];
    weft_err err;
    int status;

    if (!read_directories(command, argc, argv, directories, &status)) {
        return status;
    }
    err = weft_inspect_restore(directories[0], directories[1], show_problem,
                               NULL);
    if (err != WEFT_OK) {
        (void)cli_failed(err, directories[0]);
        return err == WEFT_ECORRUPT ? EXIT_NO : EXIT_FAILED;
    }
    printf("%s was restored from %s and can be opened\n", directories[1],
           directories[0]);
    return EXIT_FINE;
}
