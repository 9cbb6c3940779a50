// SPDX-License-Identifier: Apache-2.0
//
// help.c - weft help, and what else is made of the table of commands: its
// completions in bash and zsh, and the page of the manual.
//
//   weft help [COMMAND]
//   weft help --bash | --zsh | --man     at build time

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define ONLINE_STATUS                                                          \
    "Status: 0; 1: the answer is no: no such instance, a failed result;\n"     \
    "2: it could not be done; 3: no answer in time, so it may or may not\n"    \
    "have been done.\n"

static const char *const group_titles[GROUP_COUNT] = {
    "Of a running node:",
    "Of the directory of a stopped one:",
    "Besides:",
};

void
help_list(FILE *out)
{
    const struct command *command;

    fputs("usage: weft COMMAND ...\n", out);
    for (int group = 0; group < GROUP_COUNT; group++) {
        fprintf(out, "\n%s\n", group_titles[group]);
        for (size_t i = 0; (command = commands_at(i)) != NULL; i++) {
            if ((int)command->group == group) {
                fprintf(out, "  %-12s %-19s %s\n", command->name,
                        command->arguments, command->summary);
            }
        }
    }
    fputs("\n\"weft help COMMAND\" says more.\n", out);
}

// One command. --------------------------------------------------------------

static int
width_of(const struct cli_option *option)
{
    return (int)strlen(option->name) +
           (option->argument == NULL ? 0 : (int)strlen(option->argument) + 1);
}

static void
print_option(const struct cli_option *option, int width)
{
    const char *summary = option->summary;

    if (option->letter == '\0') {
        printf("      --%s", option->name);
    } else {
        printf("  -%c, --%s", option->letter, option->name);
    }
    printf("%s%s%*s  ", option->argument == NULL ? "" : " ",
           option->argument == NULL ? "" : option->argument,
           width - width_of(option), "");
    for (const char *end; (end = strchr(summary, '\n')) != NULL;
         summary = end + 1) {
        printf("%.*s%*s", (int)(end + 1 - summary), summary, width + 10, "");
    }
    puts(summary);
}

int
cli_help(const struct command *command)
{
    const struct cli_option *option;
    int width = 0;

    for (size_t i = 0; (option = commands_option(command, i)) != NULL; i++) {
        width = width_of(option) > width ? width_of(option) : width;
    }
    printf("usage: weft %s%s%s%s\n\n%s\n", command->name,
           width > 0 ? " [OPTIONS]" : "",
           command->arguments[0] == '\0' ? "" : " ", command->arguments,
           command->help);
    for (size_t i = 0; (option = commands_option(command, i)) != NULL; i++) {
        print_option(option, width);
    }
    if (width > 0) {
        putchar('\n');
    }
    fputs(command->status != NULL ? command->status : ONLINE_STATUS, stdout);
    return EXIT_FINE;
}

// Completions. --------------------------------------------------------------

static void
print_words(const struct command *command)
{
    const struct cli_option *option;

    for (size_t i = 0; (option = commands_option(command, i)) != NULL; i++) {
        printf("--%s ", option->name);
    }
    fputs("--help", stdout);
}

static int
print_bash(void)
{
    const struct command *command;

    puts("# bash completion of weft; made by \"weft help --bash\".\n"
         "_weft()\n{\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        words=\"", stdout);
    for (size_t i = 0; (command = commands_at(i)) != NULL; i++) {
        printf("%s%s", i == 0 ? "" : " ", command->name);
    }
    puts("\"\n    else\n        case ${COMP_WORDS[1]} in");
    for (size_t i = 0; (command = commands_at(i)) != NULL; i++) {
        printf("        %s) words=\"", command->name);
        print_words(command);
        puts("\" ;;");
    }
    puts("        esac\n    fi\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
         "complete -o default -F _weft weft");
    return EXIT_FINE;
}

// Text between single quotes, of a shell.
static void
print_quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0' && *text != '\n'; text++) {
        // A colon or a bracket would end a description of zsh.
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else if (*text == ':' || *text == '[' || *text == ']') {
            printf("\\%c", *text);
        } else {
            putchar(*text);
        }
    }
    putchar('\'');
}

static void
print_zsh_options(const struct command *command)
{
    const struct cli_option *option;

    for (size_t i = 0; (option = commands_option(command, i)) != NULL; i++) {
        printf("--%s%s'['", option->name, option->argument == NULL ? "" : "=");
        print_quoted(option->summary);
        printf("']%s' ", option->argument == NULL ? "" : ":value:_default");
    }
    puts("'*:word:_default' ;;");
}

static int
print_zsh(void)
{
    const struct command *command;

    puts("#compdef weft\n# made by \"weft help --zsh\".\n"
         "local -a commands=(");
    for (size_t i = 0; (command = commands_at(i)) != NULL; i++) {
        printf("    %s:", command->name);
        print_quoted(command->summary);
        putchar('\n');
    }
    puts(")\n"
         "if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    return\n"
         "fi\n"
         "local name=$words[2]\n"
         "shift words\n"
         "((CURRENT--))\n"
         "case $name in");
    for (size_t i = 0; (command = commands_at(i)) != NULL; i++) {
        printf("%s) _arguments ", command->name);
        print_zsh_options(command);
    }
    puts("esac");
    return EXIT_FINE;
}

// The manual. ---------------------------------------------------------------

// As roff has it: what it would read as a request or an escape is none.
static void
print_roff(const char *text)
{
    int is_first = 1;

    for (; *text != '\0'; text++) {
        if (is_first && (*text == '.' || *text == '\'')) {
            fputs("\\&", stdout);
        }
        if (*text == '\\') {
            fputs("\\e", stdout);
        } else if (*text == '-') {
            fputs("\\-", stdout);
        } else {
            putchar(*text);
        }
        is_first = *text == '\n';
    }
}

static void
print_man_option(const struct cli_option *option)
{
    puts(".TP");
    if (option->letter != '\0') {
        printf("\\fB\\-%c\\fR, ", option->letter);
    }
    fputs("\\fB\\-\\-", stdout);
    print_roff(option->name);
    fputs("\\fR", stdout);
    if (option->argument != NULL) {
        fputs(" \\fI", stdout);
        print_roff(option->argument);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    print_roff(option->summary);
    putchar('\n');
}

static void
print_man_command(const struct command *command)
{
    const struct cli_option *option;

    fputs(".SS \"weft ", stdout);
    print_roff(command->name);
    printf("%s", command->arguments[0] == '\0' ? "" : " ");
    print_roff(command->arguments);
    puts("\"");
    print_roff(command->help);
    for (size_t i = 0; (option = commands_option(command, i)) != NULL; i++) {
        print_man_option(option);
    }
    if (command->status != NULL) {
        puts(".PP");
        print_roff(command->status);
    }
}

static int
print_man(void)
{
    const struct command *command;

    printf(".TH WEFT 1 \"\" \"weft %s\" \"User Commands\"\n", WEFT_VERSION);
    puts(".SH NAME\nweft \\- ask running nodes, look into stopped ones\n"
         ".SH SYNOPSIS\n.B weft\n.I COMMAND\n[\\fIOPTIONS\\fR]\n"
         "[\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n"
         "Starts, signals, watches and operates durable actors and workflows\n"
         "in running nodes, and looks into the directories of stopped ones.\n"
         ".SH EXIT STATUS");
    fputs("Of the commands that ask a node, if they say nothing else.\n",
          stdout);
    print_roff(ONLINE_STATUS);
    for (int group = 0; group < GROUP_COUNT; group++) {
        printf(".SH \"%s\"\n", group_titles[group]);
        for (size_t i = 0; (command = commands_at(i)) != NULL; i++) {
            if ((int)command->group == group) {
                print_man_command(command);
            }
        }
    }
    puts(".SH SEE ALSO\n.BR weftd (8)");
    return EXIT_FINE;
}

int
help_run(const struct command *command, int argc, char **argv)
{
    static const struct option known[] = {
        {"bash", no_argument, NULL, 'b'},
        {"zsh", no_argument, NULL, 'z'},
        {"man", no_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const struct command *about;

    switch (getopt_long(argc, argv, "h", known, NULL)) {
    case -1:
        break;
    case 'b':
        return print_bash();
    case 'z':
        return print_zsh();
    case 'm':
        return print_man();
    case 'h':
        return cli_help(command);
    default:
        return cli_usage(command, "no such option");
    }
    if (optind == argc) {
        help_list(stdout);
        return EXIT_FINE;
    }
    about = commands_find(argv[optind]);
    return about != NULL
               ? cli_help(about)
               : cli_usage(command, "there is no command \"%s\"", argv[optind]);
}
