// SPDX-License-Identifier: Apache-2.0
//
// args.c - options of the commands that ask a node. See args.h.

#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "weft/actor.h"

#define OPTIONS_MAX 48
#define DURATION_MS_MAX 1e15

enum type { TYPE_TEXT, TYPE_FLAG, TYPE_NUMBER, TYPE_DURATION, TYPE_LIST };

static const struct setter {
    const char *name;
    enum type type;
    size_t at;
} setters[] = {
#define SETTER(name, type, member)                                             \
    {                                                                          \
        name, type, offsetof(struct args, member)                              \
    }
    SETTER("address", TYPE_TEXT, address),
    SETTER("namespace", TYPE_TEXT, name_space),
    SETTER("key", TYPE_TEXT, key),
    SETTER("server-key", TYPE_TEXT, server_key),
    SETTER("cipher", TYPE_TEXT, cipher),
    SETTER("cipher-context", TYPE_TEXT, cipher_context),
    SETTER("timeout", TYPE_DURATION, timeout),
    SETTER("json", TYPE_FLAG, json),
    SETTER("full", TYPE_FLAG, full),
    SETTER("client", TYPE_TEXT, client),
    SETTER("number", TYPE_NUMBER, number),
    SETTER("who", TYPE_TEXT, who),
    SETTER("why", TYPE_TEXT, why),
    SETTER("reuse", TYPE_TEXT, reuse),
    SETTER("conflict", TYPE_TEXT, conflict),
    SETTER("delay", TYPE_DURATION, delay),
    SETTER("run-timeout", TYPE_DURATION, run_timeout),
    SETTER("execution-timeout", TYPE_DURATION, execution_timeout),
    SETTER("version", TYPE_NUMBER, version),
    SETTER("memo", TYPE_LIST, memo),
    SETTER("attribute", TYPE_LIST, attribute),
    SETTER("header", TYPE_LIST, header),
    SETTER("start", TYPE_TEXT, start),
    SETTER("raw", TYPE_TEXT, raw),
    SETTER("id", TYPE_TEXT, id),
    SETTER("to", TYPE_TEXT, to),
    SETTER("accepted", TYPE_FLAG, accepted),
    SETTER("follow", TYPE_FLAG, follow),
    SETTER("force", TYPE_FLAG, force),
    SETTER("final", TYPE_FLAG, final),
    SETTER("retry-after", TYPE_DURATION, retry_after),
    SETTER("filter", TYPE_TEXT, filter),
    SETTER("kind", TYPE_TEXT, kind),
    SETTER("status", TYPE_TEXT, status),
    SETTER("group-by", TYPE_TEXT, group_by),
    SETTER("cursor", TYPE_TEXT, cursor),
    SETTER("limit", TYPE_NUMBER, limit),
    SETTER("rate", TYPE_NUMBER, rate),
    SETTER("interval", TYPE_DURATION, interval),
    SETTER("all", TYPE_FLAG, all),
    SETTER("count", TYPE_FLAG, count),
    SETTER("dry-run", TYPE_FLAG, dry_run),
    SETTER("once", TYPE_FLAG, once),
#undef SETTER
};

#define SETTERS_COUNT (sizeof(setters) / sizeof(setters[0]))

int
args_number(const char *text, uint64_t *out_number)
{
    char *end;
    uint64_t number;

    if (!isdigit((unsigned char)text[0])) {
        return 0;
    }
    errno = 0;
    number = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0) {
        return 0;
    }
    *out_number = number;
    return 1;
}

int
args_duration(const char *text, uint64_t *out_ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {
        {"", 1e3},   {"s", 1e3},    {"ms", 1},      {"min", 60e3},
        {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3},
    };
    char *end;
    double number;

    if (strcmp(text, "forever") == 0) {
        *out_ms = WEFT_FOREVER;
        return 1;
    }
    if (!isdigit((unsigned char)text[0]) || text[1] == 'x' ||
        text[1] == 'X') { // strtod reads hexadecimal too
        return 0;
    }
    number = strtod(text, &end);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) == 0) {
            number *= units[i].ms;
            *out_ms = number < DURATION_MS_MAX ? (uint64_t)ceil(number) : 0;
            return number < DURATION_MS_MAX;
        }
    }
    return 0;
}

static const struct setter *
find_setter(const char *name)
{
    for (size_t i = 0; i < SETTERS_COUNT; i++) {
        if (strcmp(setters[i].name, name) == 0) {
            return &setters[i];
        }
    }
    abort(); // an option of commands.c that nobody reads
}

// There are at most as many as words on the command line.
static void
append(struct args_list *list, const char *text, size_t max)
{
    if (list->items == NULL) {
        list->items = calloc(max, sizeof(*list->items));
        if (list->items == NULL) {
            abort();
        }
    }
    list->items[list->count++] = text;
}

static int
set(const struct command *command, const char *name, struct args *args,
    int argc)
{
    const struct setter *setter = find_setter(name);
    void *member = (char *)args + setter->at;

    switch (setter->type) {
    case TYPE_TEXT:
        *(const char **)member = optarg;
        return 1;
    case TYPE_FLAG:
        *(int *)member = 1;
        return 1;
    case TYPE_LIST:
        append(member, optarg, (size_t)argc);
        return 1;
    case TYPE_NUMBER:
        if (!args_number(optarg, member)) {
            (void)cli_usage(command, "--%s: \"%s\" is no number", name, optarg);
            return 0;
        }
        return 1;
    case TYPE_DURATION:
        if (!args_duration(optarg, member)) {
            (void)cli_usage(command, "--%s: \"%s\" is no time", name, optarg);
            return 0;
        }
        return 1;
    }
    return 0;
}

// What getopt wants to know: the value of option i is i + 1.
static void
tell_getopt(const struct command *command, struct option *known, char *letters)
{
    const struct cli_option *option;
    size_t i;

    for (i = 0; (option = commands_option(command, i)) != NULL; i++) {
        if (i + 2 > OPTIONS_MAX) {
            abort();
        }
        known[i] = (struct option){
            .name = option->name,
            .has_arg =
                option->argument != NULL ? required_argument : no_argument,
            .val = (int)i + 1,
        };
        if (option->letter != '\0') {
            *letters++ = option->letter;
            if (option->argument != NULL) {
                *letters++ = ':';
            }
        }
    }
    known[i] = (struct option){"help", no_argument, NULL, 'h'};
    *letters++ = 'h';
    *letters = '\0';
}

// A letter, or the number of an option and 1: which one.
static const struct cli_option *
option_of(const struct command *command, int value)
{
    const struct cli_option *option;

    for (size_t i = 0; (option = commands_option(command, i)) != NULL; i++) {
        if (value == (int)i + 1 || value == option->letter) {
            return option;
        }
    }
    return NULL;
}

int
args_read(const struct command *command, int argc, char **argv,
          struct args *out_args, int *out_status)
{
    struct option known[OPTIONS_MAX] = {{NULL, 0, NULL, 0}};
    char letters[2 * OPTIONS_MAX + 2];
    int value;

    *out_args = (struct args){.json = 0};
    *out_status = EXIT_FAILED;
    tell_getopt(command, known, letters);
    while ((value = getopt_long(argc, argv, letters, known, NULL)) != -1) {
        const struct cli_option *option = option_of(command, value);

        if (option == NULL) {
            *out_status = value == 'h' ? cli_help(command)
                                       : cli_usage(command, "no such option");
            return 0;
        }
        if (!set(command, option->name, out_args, argc)) {
            return 0;
        }
    }
    out_args->words = argv + optind;
    out_args->words_count = (size_t)(argc - optind);
    return 1;
}

void
args_free(struct args *args)
{
    free(args->memo.items);
    free(args->attribute.items);
    free(args->header.items);
}
