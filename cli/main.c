// SPDX-License-Identifier: Apache-2.0
//
// main.c - weft: look into, check and copy the directories of stopped nodes.
//
//   weft COMMAND ...
//
// The table of commands is here; each command is a file.

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static int version_run(const struct command *command, int argc, char **argv);
static int help_run(const struct command *command, int argc, char **argv);

static const struct command commands[] = {
    {
        "inspect",
        "DIR [KIND/ID]",
        "show what is in a node's directory",
        "Lists the actors and workflows in DIR, or shows one. DIR is the\n"
        "directory of a node that does not run.\n"
        "\n"
        "  -k, --kind K       only of this kind\n"
        "  -s, --status S     running, parked, paused, completed, failed,\n"
        "                     cancelled, terminated or timed_out\n"
        "  -n, --namespace N  only of this namespace; for one: default\n"
        "  -w, --filter F     only what the filter matches: docs/filter.md\n"
        "  -c, --count        only how many there are\n"
        "  -g, --group-by F   how many for each value of a field\n"
        "  -l, --limit N      list at most N; default 100, 0: all\n"
        "  -j, --json         JSON\n"
        "  -e, --export       a JSON object a line, each with all of one\n"
        "  -d, --letters      dead letters instead: messages nobody took\n"
        "  -f, --full         payloads in full\n"
        "      --accept-loss  also if the newest commits are missing\n"
        "\n"
        "Status: 0; 1: there is no such actor; 2: DIR cannot be read.\n",
        inspect_run,
    },
    {
        "verify",
        "DIR",
        "check everything that is in a node's directory",
        "Checks the beacon, every block, the whole log and every row of DIR,\n"
        "the directory of a node that does not run, and that they fit each\n"
        "other. Changes nothing.\n"
        "\n"
        "  -q, --quiet  only the problems\n"
        "  -j, --json   JSON\n"
        "\n"
        "Status: 0: clean; 1: there are problems; 2: DIR cannot be read.\n",
        verify_run,
    },
    {
        "backup",
        "DIR TO",
        "copy the directory of a node",
        "Copies DIR to TO, which must not exist. TO is there in the end\n"
        "either whole or not at all. A node that runs on DIR is asked to\n"
        "make the copy itself: TO is then made with its rights, and DIR must\n"
        "be one that you may write in.\n"
        "\n"
        "  -t, --timeout S  wait S seconds for a running node; default 60\n"
        "\n"
        "Status: 0; 2: nothing was copied, or the node did not answer.\n",
        backup_run,
    },
    {
        "restore",
        "FROM TO",
        "make a node's directory from a backup",
        "Verifies the backup FROM, copies it to TO, which must not exist,\n"
        "marks the copy as restored and verifies it. A node can be opened on\n"
        "TO then; FROM stays as it is.\n"
        "\n"
        "Status: 0; 1: the backup has problems; 2: it could not be done.\n",
        restore_run,
    },
    {
        "capsule",
        "[DIR KIND/ID] FILE",
        "put one instance into a file, or show such a file",
        "Writes the actor or workflow of DIR, the directory of a node that\n"
        "does not run, into FILE, which must not exist. With FILE alone,\n"
        "shows what is in it. A program lets a capsule go on elsewhere with\n"
        "weft_client_import, and replays it with weft_replay_check.\n"
        "\n"
        "  -n, --namespace N  of this namespace; default: default\n"
        "  -j, --json         JSON\n"
        "  -f, --full         payloads in full\n"
        "\n"
        "Status: 0; 1: there is no such actor; 2: it could not be done.\n",
        capsule_run,
    },
    {
        "keygen",
        "FILE",
        "make a key pair for a node or a client",
        "Makes a new key pair: FILE has the secret key, for its owner alone,\n"
        "FILE.pub the public one, which it prints. Neither must exist.\n"
        "docs/security.md says what to do with them.\n"
        "\n"
        "  -c, --cipher  a key for payloads instead: FILE is a key ring with\n"
        "                one new key, and there is no FILE.pub\n"
        "\n"
        "Status: 0; 2: nothing was made.\n",
        keygen_run,
    },
    {
        "version",
        "",
        "say which version this is",
        "Prints the version.\n",
        version_run,
    },
    {
        "help",
        "[COMMAND]",
        "say what there is",
        "Prints the list of commands, or what one does.\n",
        help_run,
    },
};

#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *
find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static void
print_commands(FILE *out)
{
    fputs("usage: weft COMMAND ...\n\n", out);
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        fprintf(out, "  %-8s %-14s %s\n", commands[i].name,
                commands[i].arguments, commands[i].summary);
    }
    fputs("\n\"weft help COMMAND\" says more.\n", out);
}

int
cli_help(const struct command *command)
{
    printf("usage: weft %s%s%s%s\n\n%s", command->name,
           strcmp(command->name, "help") == 0 ||
                   strcmp(command->name, "version") == 0
               ? ""
               : " [OPTIONS]",
           command->arguments[0] == '\0' ? "" : " ", command->arguments,
           command->help);
    return EXIT_FINE;
}

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

// For commands without options: returns 1 if it is to go on.
static int
read_no_options(const struct command *command, int argc, char **argv,
                int *out_status)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option = getopt_long(argc, argv, "h", options, NULL);

    if (option == -1) {
        return 1;
    }
    *out_status = option == 'h' ? cli_help(command) : cli_usage(command, "?");
    return 0;
}

static int
version_run(const struct command *command, int argc, char **argv)
{
    int status;

    if (!read_no_options(command, argc, argv, &status)) {
        return status;
    }
    puts("weft " WEFT_VERSION);
    return EXIT_FINE;
}

static int
help_run(const struct command *command, int argc, char **argv)
{
    const struct command *about;
    int status;

    if (!read_no_options(command, argc, argv, &status)) {
        return status;
    }
    if (optind == argc) {
        print_commands(stdout);
        return EXIT_FINE;
    }
    about = find_command(argv[optind]);
    return about != NULL
               ? cli_help(about)
               : cli_usage(command, "there is no command \"%s\"", argv[optind]);
}

int
main(int argc, char **argv)
{
    const struct command *command;
    int status;

    if (argc < 2) {
        print_commands(stderr);
        return EXIT_FAILED;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_commands(stdout);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("weft " WEFT_VERSION);
        return EXIT_FINE;
    }
    command = find_command(argv[1]);
    if (command == NULL) {
        fprintf(stderr, "weft: there is no command \"%s\"\n", argv[1]);
        print_commands(stderr);
        return EXIT_FAILED;
    }
    argv[1] = argv[0]; // what getopt says begins with it
    status = command->run(command, argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("weft: stdout");
        return EXIT_FAILED;
    }
    return status;
}
