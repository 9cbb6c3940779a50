// SPDX-License-Identifier: Apache-2.0
//
// main.c - weft: ask running nodes; look into, check and copy the directories
// of stopped ones.
//
//   weft COMMAND ...
//
// The table of commands is commands.c; what they do are other files.

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "online.h"

int
cli_usage(const struct command *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "weft %s: ", command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n\"weft help %s\" says more.\n", command->name);
    return EXIT_FAILED;
}

int
cli_failed(weft_err err, const char *what)
{
    const char *detail = weft_err_detail();

    fflush(stdout);
    if (detail[0] == '\0') {
        fprintf(stderr, "weft: %s: %s\n", what, weft_err_text(err));
    } else {
        fprintf(stderr, "weft: %s (%s)\n", detail, weft_err_text(err));
    }
    return EXIT_FAILED;
}

int
cli_arguments(const struct command *command, int argc, char **argv, int count,
              const char **out_arguments)
{
    if (argc - optind < count) {
        (void)cli_usage(command, "%s is missing",
                        count == 1 || argc == optind ? command->arguments
                                                     : "the second directory");
        return 0;
    }
    if (argc - optind > count) {
        (void)cli_usage(command, "\"%s\" is one too many",
                        argv[optind + count]);
        return 0;
    }
    for (int i = 0; i < count; i++) {
        out_arguments[i] = argv[optind + i];
    }
    return 1;
}

int
version_run(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option = getopt_long(argc, argv, "h", options, NULL);

    if (option != -1) {
        return option == 'h' ? cli_help(command)
                             : cli_usage(command, "no such option");
    }
    puts("weft " WEFT_VERSION);
    return EXIT_FINE;
}

int
main(int argc, char **argv)
{
    const struct command *command;
    int status;

    if (argc < 2) {
        help_list(stderr);
        return EXIT_FAILED;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_list(stdout);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("weft " WEFT_VERSION);
        return EXIT_FINE;
    }
    command = commands_find(argv[1]);
    if (command == NULL) {
        fprintf(stderr,
                "weft: there is no command \"%s\"; \"weft help\" has them\n",
                argv[1]);
        return EXIT_FAILED;
    }
    argv[1] = argv[0]; // what getopt says begins with it
    status = command->ask != NULL ? online_run(command, argc - 1, argv + 1)
                                  : command->run(command, argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("weft: stdout");
        return EXIT_FAILED;
    }
    return status;
}
