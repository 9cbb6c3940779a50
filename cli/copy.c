// SPDX-License-Identifier: Apache-2.0
//
// copy.c - weft backup and weft restore.

#include <getopt.h>
#include <stdio.h>

#include "cli.h"

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

int
backup_run(const struct command *command, int argc, char **argv)
{
    const char *directories[2];
    weft_err err;
    int status;

    if (!read_directories(command, argc, argv, directories, &status)) {
        return status;
    }
    err = weft_inspect_backup(directories[0], directories[1]);
    if (err == WEFT_EBUSY) {
        (void)cli_failed(err, directories[0]);
        fputs("weft: a running node makes its own backup, with"
              " weft_node_backup\n",
              stderr);
        return EXIT_FAILED;
    }
    if (err != WEFT_OK) {
        return cli_failed(err, directories[0]);
    }
    printf("%s is a copy of %s\n", directories[1], directories[0]);
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
