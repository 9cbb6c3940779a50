// SPDX-License-Identifier: Apache-2.0
//
// settings.c - parse what weft-bench was asked for.

#include "bench/settings.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/workload.h"

#define CONNECTIONS_MAX 4 // over a socket

enum { OPTION_SIZE = 256 }; // --instances is this, plus SIZE_INSTANCES

// What a size is called, and what it is if it is not given.
static const struct size {
    const char *name;
    uint64_t least, most, usual;
    const char *about;
} sizes[SIZE_COUNT] = {
    [SIZE_INSTANCES] = {"instances", 1, 100000000, 0,
                        "how many; the workload has the default"},
    [SIZE_PAYLOAD] = {"payload", 0, 1 << 20, 0, "bytes of each payload"},
    [SIZE_JOURNAL] = {"journal", 1, 10000000, 1000,
                      "entries that are replayed"},
    [SIZE_CHILDREN] = {"children", 1, 1000000, 100, "of each parent"},
    [SIZE_HOPS] = {"hops", 2, 1000000, 100, "of one rally, an even number"},
    [SIZE_PARTITIONS] = {"partitions", 1, 1024, 0, "of the node"},
    [SIZE_WINDOW] = {"window", 0, (uint64_t)1 << 40, (uint64_t)64 << 20,
                     "bytes of redo log newer than rows"},
    [SIZE_RESIDENTS] = {"residents", 1, UINT32_MAX, 0,
                        "idle instances kept in memory"},
    [SIZE_STACKS] = {"stacks", 1, UINT32_MAX, 0, "idle stacks kept in memory"},
    [SIZE_WORKERS] = {"workers", 1, 4096, 0, "threads for activities"},
    [SIZE_SHARDS] = {"shards", 1, 64, 0, "threads for turns"},
    [SIZE_CONNECTIONS] = {"connections", 1, 64, 0,
                          "clients; over a socket at most 4"},
};

static const struct option plain_options[] = {
    {"seconds", required_argument, NULL, 's'},
    {"concurrency", required_argument, NULL, 'c'},
    {"data", required_argument, NULL, 'd'},
    {"sync", required_argument, NULL, 'y'},
    {"remote", required_argument, NULL, 'r'},
    {"rate", required_argument, NULL, 'o'},
    {"every", required_argument, NULL, 'e'},
    {"partition", required_argument, NULL, 'p'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
};
#define PLAIN (sizeof(plain_options) / sizeof(plain_options[0]))

static void
print_help(void)
{
    (void)printf(
        "usage: weft-bench WORKLOAD --data DIR [--seconds N] "
        "[--concurrency C]\n"
        "                  [--sync commit|none] [--remote tcp://HOST:PORT]\n"
        "                  [--rate R] [--json] [sizes]\n"
        "       weft-bench serve --data DIR --remote tcp://HOST:PORT\n"
        "\n"
        "Operations are begun when others end, C at a time, or with --rate so\n"
        "many a second, whatever becomes of them, and half a second before is\n"
        "not counted. With --remote clients are over that endpoint; without\n"
        "--data another process serves it.\n"
        "--every S adds a line of JSON for each S seconds of a loop.\n"
        "Options of `serve` and of what uses it should be the same.\n\n");
    (void)printf("%-12s %-12s %s\n", "workload", "counts", "");
    for (size_t i = 0; workloads[i] != NULL; i++) {
        (void)printf("%-12s %-12s %s\n", workloads[i]->name,
                     workloads[i]->counts, workloads[i]->about);
    }
    (void)printf("\n%-14s %10s\n", "size", "usual");
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        (void)printf("--%-12s %10llu   %s\n", sizes[i].name,
                     (unsigned long long)sizes[i].usual, sizes[i].about);
    }
    (void)printf("--partition same|other: where the other actor of pingpong is "
                 "(other),\nand the children of fanout are (same)\n");
}

static bool __attribute__((format(printf, 1, 2))) wrong(const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "weft-bench: ");
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "; weft-bench --help tells more\n");
    return false;
}

static bool
parse_count(const char *name, const char *text, uint64_t least, uint64_t most,
            uint64_t *out)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
        value < least || value > most) {
        return wrong("--%s is a number from %llu to %llu, not \"%s\"", name,
                     (unsigned long long)least, (unsigned long long)most, text);
    }
    *out = value;
    return true;
}

static bool
parse_positive(const char *name, const char *text, double most, double *out)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(value) || value <= 0 ||
        value > most) {
        return wrong("--%s is a number above 0, at most %.0f, not \"%s\"", name,
                     most, text);
    }
    *out = value;
    return true;
}

// One of two words.
static bool
parse_word(const char *name, const char *text, const char *yes, const char *no,
           bool *out)
{
    if (strcmp(text, yes) != 0 && strcmp(text, no) != 0) {
        return wrong("--%s is %s or %s, not \"%s\"", name, yes, no, text);
    }
    *out = strcmp(text, yes) == 0;
    return true;
}

static bool
parse_option(struct settings *settings, int option, bool *out_is_placed)
{
    uint64_t count;

    if (option >= OPTION_SIZE && option < OPTION_SIZE + SIZE_COUNT) {
        const struct size *size = &sizes[option - OPTION_SIZE];

        return parse_count(size->name, optarg, size->least, size->most,
                           &settings->sizes[option - OPTION_SIZE]);
    }
    switch (option) {
    case 's':
        return parse_positive("seconds", optarg, 1e6, &settings->seconds);
    case 'c':
        if (!parse_count("concurrency", optarg, 1, 100000, &count)) {
            return false;
        }
        settings->concurrency = (uint32_t)count;
        return true;
    case 'd':
        settings->data = optarg;
        return true;
    case 'y':
        return parse_word("sync", optarg, "commit", "none",
                          &settings->is_synced);
    case 'r':
        settings->remote = optarg;
        return true;
    case 'o':
        return parse_positive("rate", optarg, 1e9, &settings->rate);
    case 'e':
        return parse_positive("every", optarg, 1e6, &settings->every);
    case 'p':
        *out_is_placed = true;
        return parse_word("partition", optarg, "same", "other",
                          &settings->is_same_partition);
    case 'j':
        settings->is_json = true;
        return true;
    default:
        return wrong("it cannot be read");
    }
}

// What only makes sense together.
static bool
check(struct settings *settings)
{
    const struct workload *workload = settings->workload;
    uint64_t *connections = &settings->sizes[SIZE_CONNECTIONS];

    if (settings->is_serving) {
        return (settings->data != NULL && settings->remote != NULL) ||
               wrong("serve wants --data and --remote");
    }
    if (settings->data == NULL && settings->remote == NULL) {
        return wrong("--data is missing");
    }
    if (settings->data == NULL &&
        (workload->is_beside || workload->has_own_node)) {
        return wrong("%s needs --data, its node is in this process",
                     workload->name);
    }
    if (settings->remote != NULL && workload->has_own_node) {
        return wrong("%s has no --remote", workload->name);
    }
    if (settings->rate > 0 && workload->begin == NULL && !workload->has_rate) {
        return wrong("%s has no --rate", workload->name);
    }
    if (*connections == 0) {
        *connections = settings->remote != NULL ? CONNECTIONS_MAX : 1;
    }
    if (settings->remote != NULL && *connections > CONNECTIONS_MAX) {
        return wrong("over a socket there are at most %d connections",
                     CONNECTIONS_MAX);
    }
    if (settings->sizes[SIZE_HOPS] % 2 != 0) {
        return wrong("--hops is an even number: the first actor answers");
    }
    return true;
}

static bool
find_workload(struct settings *settings, int count, char **names)
{
    if (count != 1) {
        return wrong(count == 0 ? "a workload is missing"
                                : "there is one workload at a time");
    }
    if (strcmp(names[0], "serve") == 0) {
        settings->is_serving = true;
        return true;
    }
    settings->workload = workload_find(names[0]);
    if (settings->workload == NULL) {
        return wrong("there is no workload \"%s\"", names[0]);
    }
    if (settings->sizes[SIZE_INSTANCES] == 0) {
        settings->sizes[SIZE_INSTANCES] = settings->workload->instances;
    }
    return true;
}

bool
settings_parse(struct settings *settings, int argc, char **argv,
               int *out_status)
{
    struct option options[PLAIN + SIZE_COUNT + 1] = {{0}};
    bool is_placed = false;
    int option;

    *settings = (struct settings){
        .seconds = 5,
        .concurrency = 128,
        .is_synced = true,
    };
    memcpy(options, plain_options, sizeof(plain_options));
    for (int i = 0; i < SIZE_COUNT; i++) {
        settings->sizes[i] = sizes[i].usual;
        options[PLAIN + (size_t)i] = (struct option){
            sizes[i].name, required_argument, NULL, OPTION_SIZE + i};
    }
    *out_status = 2;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            *out_status = 0;
            return false;
        }
        if (!parse_option(settings, option, &is_placed)) {
            return false;
        }
    }
    if (!find_workload(settings, argc - optind, argv + optind)) {
        return false;
    }
    if (!is_placed) {
        settings->is_same_partition = settings->workload == &work_fanout;
    }
    return check(settings);
}
