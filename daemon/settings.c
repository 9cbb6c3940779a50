// SPDX-License-Identifier: Apache-2.0
//
// settings.c - what can be set, in one table: `--name value` on the command
// line, `name = value` in its section of the file. The command line wins; what
// may be given several times is then its alone.
//
// inih is named here alone.

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "daemon.h"

enum type {
    TEXT,
    LIST,
    NUMBER,
    BYTES,    // 64MiB
    DURATION, // 10s; in milliseconds
    FLAG      // yes, no; alone on the command line: yes
};

struct setting {
    const char *section;
    const char *name;
    const char *value; // what it is called in help
    enum type type;
    size_t offset;
    uint64_t max;
    int is_live; // SIGHUP changes it
    const char *help;
};

#define AT(member) offsetof(struct settings, member)

static const struct setting table[] = {
    {"node", "data", "DIR", TEXT, AT(data), 0, 0,
     "the node's directory; made if it is missing"},
    {"node", "partitions", "N", NUMBER, AT(partitions), 1024, 0,
     "fixed when the directory is made; default 64"},
    {"node", "stores", "N", NUMBER, AT(stores), 64, 0,
     "fixed when the directory is made; default 1"},
    {"node", "shards", "N", NUMBER, AT(shards), 64, 0,
     "threads that run actors; default: cores - 1"},
    {"node", "workers", "N", NUMBER, AT(workers), 4096, 0,
     "threads that run activities; default 16"},
    {"node", "local-workers", "N", NUMBER, AT(local_workers), 4096, 0,
     "threads for local activities; default 4"},
    {"node", "window", "SIZE", BYTES, AT(window), UINT64_MAX / 4, 0,
     "log that may be newer than the rows; default 64MiB"},
    {"node", "residents", "N", NUMBER, AT(residents), UINT32_MAX, 0,
     "idle actors kept in memory; default 100000"},
    {"node", "stacks", "N", NUMBER, AT(stacks), UINT32_MAX, 0,
     "idle workflows' stacks kept; default 8000"},
    {"node", "reserve", "SIZE", BYTES, AT(reserve), UINT64_MAX / 4, 0,
     "free disk below which nothing is taken; default 256MiB"},
    {"node", "memory", "SIZE", BYTES, AT(memory), UINT64_MAX / 4, 0,
     "weft's own memory above which nothing is taken; default half of all"},
    {"node", "turn-abort", "MS", NUMBER, AT(turn_abort), UINT32_MAX, 0,
     "a turn that runs so long ends weftd; default never"},
    {"node", "strict", NULL, FLAG, AT(strict), 1, 0,
     "sync the beacon before each acknowledgement"},
    {"node", "accept-loss", NULL, FLAG, AT(accept_loss), 1, 0,
     "open also if the newest commits are missing"},

    {"cluster", "database", "CONNINFO", TEXT, AT(database), 0, 0,
     "run as one of several nodes on this PostgreSQL database,\n"
     "postgres://USER@HOST/NAME; of weft cluster init"},
    {"cluster", "node", "NAME", TEXT, AT(node_id), 0, 0,
     "this node's name, of no other in the cluster"},
    {"cluster", "endpoint", "ENDPOINT", TEXT, AT(endpoint), 0, 0,
     "tcp://ADDRESS:PORT where the other nodes reach this one"},
    {"cluster", "service", "ENDPOINT", TEXT, AT(service), 0, 0,
     "where clients reach this one, shown by weft cluster status"},
    {"cluster", "node-key", "FILE", TEXT, AT(node_key), 0, 0,
     "secret key of links between nodes, of weft keygen"},
    {"cluster", "lease", "TIME", DURATION, AT(lease_ms), 3600000, 0,
     "others may take over after so long; default 10s"},
    {"cluster", "require-quorum", NULL, FLAG, AT(require_quorum), 1, 0,
     "commit nothing while the database does not replicate it"},
    {"cluster", "durability", "quorum|local", TEXT, AT(durability), 0, 0,
     "what the database promises, if it cannot be asked"},
    {"cluster", "snapshots", "PLACE", TEXT, AT(snapshots), 0, 0,
     "where all nodes keep copies of partitions: pg:, in the database,\n"
     "the default; dir:/PATH; s3://BUCKET/PREFIX (AWS_... in the\n"
     "environment, docs/cluster.md); or none"},
    {"cluster", "snapshot-bytes", "SIZE", BYTES, AT(snapshot_bytes),
     UINT64_MAX / 4, 0, "after so much of a partition's log; default 64MiB"},
    {"cluster", "snapshot-every", "TIME", DURATION, AT(snapshot_ms), UINT32_MAX,
     0, "or after so long, if anything was committed; default 10m"},
    {"cluster", "standby-bytes", "SIZE", BYTES, AT(standby_bytes),
     UINT64_MAX / 4, 0,
     "keep warm copies of other nodes' partitions, in so much memory"},

    {"server", "listen", "ENDPOINT", LIST, AT(listen), 0, 0,
     "tcp://HOST:PORT or ipc://PATH; may be repeated; default\n"
     "tcp://127.0.0.1:7400"},
    {"server", "insecure", NULL, FLAG, AT(insecure), 1, 0,
     "listen beyond this machine without keys"},
    {"server", "server-key", "FILE", TEXT, AT(server_key), 0, 0,
     "the secret key, of weft keygen; with principals"},
    {"server", "principals", "FILE", TEXT, AT(principals), 0, 0,
     "whose keys may what (docs/security.md); SIGHUP reads it again"},
    {"server", "audit", "FILE", TEXT, AT(audit), 0, 0,
     "append who did what there, as JSON lines; default: the log"},
    {"server", "connections", "N", NUMBER, AT(connections), UINT32_MAX, 1,
     "at a time; default 1000"},
    {"server", "sessions", "N", NUMBER, AT(sessions), UINT32_MAX, 1,
     "clients known at a time; default 10000"},
    {"server", "credit", "N", NUMBER, AT(credit), UINT32_MAX, 1,
     "requests of a connection without answer; default 1000"},
    {"server", "credit-bytes", "SIZE", BYTES, AT(credit_bytes), UINT64_MAX / 4,
     1, "their bytes; default 8MiB"},
    {"server", "waits", "N", NUMBER, AT(waits), UINT32_MAX, 1,
     "of these, requests that wait; default 1000"},
    {"server", "bytes", "SIZE", BYTES, AT(bytes), UINT64_MAX / 4, 1,
     "requests of all, without answer; default 256MiB"},
    {"server", "answers-bytes", "SIZE", BYTES, AT(answers_bytes),
     UINT64_MAX / 4, 1, "answers of all that were not taken; default 32MiB"},
    {"server", "namespace-requests", "N", NUMBER, AT(namespace_requests),
     UINT32_MAX, 1, "of a namespace, without answer; default 20000"},
    {"server", "keepalive", "TIME", DURATION, AT(keepalive_ms), 3600000, 1,
     "a third of the silence that ends a connection; default 10s"},

    {"load", "load", "FILE[=ARG]", LIST, AT(objects), 0, 0,
     "a shared object with definitions (weft/load.h); may be\nrepeated"},

    {"daemon", "drain", "TIME", DURATION, AT(drain_ms), 3600000, 1,
     "how long SIGTERM waits for what is under way; default 30s"},
    {"daemon", "log", "text|json", TEXT, AT(log_format), 0, 0,
     "the form of the lines on stderr; default text"},
};

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

enum { OPTION_CONFIG = 1000, OPTION_CHECK, OPTION_HELP, OPTION_VERSION };

// Where a value comes from, for messages.
struct source {
    struct settings *settings;
    const char *file; // NULL: the command line
    uint64_t listed;  // lists that this source has begun, by row
    int is_refused;
};

// Values. -------------------------------------------------------------------

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit sizes[] = {
    {"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0},
};
static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0},
};
static const struct unit numbers[] = {{"", 1}, {NULL, 0}};

// NULL: fine; else what is wrong with it.
static const char *
read_number(const char *text, const struct unit *units, uint64_t max,
            uint64_t *out)
{
    char *end;
    unsigned long long number;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0) {
        return "is no number";
    }
    while (*end == ' ') {
        end++;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(end, units->name) == 0) {
            if (number > max / units->factor) {
                return "is too large";
            }
            *out = number * units->factor;
            return NULL;
        }
    }
    return "has a unit that is none";
}

static const char *
read_flag(const char *text, uint64_t *out)
{
    if (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0) {
        *out = text[0] == 'y';
        return NULL;
    }
    return "is neither yes nor no";
}

static void
clear_list(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    *list = (struct list){0};
}

static const char *
set_value(struct source *source, size_t row, const char *text)
{
    const struct setting *setting = &table[row];
    void *at = (char *)source->settings + setting->offset;
    struct list *list = at;

    switch (setting->type) {
    case TEXT:
        free(*(char **)at);
        *(char **)at = strdup(text);
        return NULL;
    case LIST:
        if ((source->listed >> row & 1) == 0) {
            clear_list(list);
            source->listed |= UINT64_C(1) << row;
        }
        if (list->count == LIST_MAX) {
            return "is one too many";
        }
        list->items[list->count++] = strdup(text);
        return NULL;
    case NUMBER:
        return read_number(text, numbers, setting->max, at);
    case BYTES:
        return read_number(text, sizes, setting->max, at);
    case DURATION:
        return read_number(text, durations, setting->max, at);
    case FLAG:
        return read_flag(text, at);
    }
    return "cannot be set";
}

static int
set(struct source *source, size_t row, const char *text)
{
    const char *wrong = set_value(source, row, text);

    if (wrong == NULL) {
        return 1;
    }
    if (source->file != NULL) {
        journal(LEVEL_ERROR, "%s: [%s] %s = %s %s", source->file,
                table[row].section, table[row].name, text, wrong);
    } else {
        journal(LEVEL_ERROR, "--%s %s %s", table[row].name, text, wrong);
    }
    source->is_refused = 1;
    return 0;
}

// The file. -----------------------------------------------------------------

// An ini_handler: 0 stops at this line.
static int
file_value(void *ctx, const char *section, const char *name, const char *value)
{
    struct source *source = ctx;

    for (size_t row = 0; row < TABLE_COUNT; row++) {
        if (strcmp(table[row].section, section) == 0 &&
            strcmp(table[row].name, name) == 0) {
            return set(source, row, value);
        }
    }
    journal(LEVEL_ERROR, "%s: there is no setting [%s] %s", source->file,
            section, name);
    source->is_refused = 1;
    return 0;
}

static int
read_file(struct settings *settings, const char *path)
{
    struct source source = {.settings = settings, .file = path};
    int line = ini_parse(path, file_value, &source);

    if (line < 0) {
        journal(LEVEL_ERROR, "%s cannot be read: %s", path, strerror(errno));
        return 0;
    }
    if (line > 0 && !source.is_refused) {
        journal(LEVEL_ERROR, "%s:%d: neither a section nor name = value", path,
                line);
    } else if (line > 0) {
        journal(LEVEL_ERROR, "%s:%d: here", path, line);
    }
    return line == 0;
}

// The command line. ---------------------------------------------------------

static void
print_help(void)
{
    const char *section = "";

    fputs("usage: weftd --data DIR [OPTIONS]\n\n"
          "Runs a weft node on DIR, with the definitions of shared objects,\n"
          "and serves it to clients and workers over ZeroMQ.\n\n"
          "  -c, --config FILE        read settings from FILE first\n"
          "      --check              say whether it would start, and end\n"
          "  -h, --help\n"
          "      --version\n",
          stdout);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const char *help = table[i].help;
        char option[64];

        if (strcmp(section, table[i].section) != 0) {
            section = table[i].section;
            printf("\n[%s]\n", section);
        }
        snprintf(option, sizeof(option), "--%s%s%s", table[i].name,
                 table[i].value == NULL ? "" : " ",
                 table[i].value == NULL ? "" : table[i].value);
        printf("  %-26s ", option);
        for (; *help != '\0'; help++) {
            putchar(*help);
            if (*help == '\n') {
                printf("%29s", "");
            }
        }
        puts(table[i].is_live ? " *" : "");
    }
    puts("\nIn the file the same names stand in these sections, as in\n"
         "\"listen = tcp://127.0.0.1:7400\". SIZE: 64MiB; TIME: 500ms, 10s.\n"
         "Settings with a * are read again on SIGHUP. SIGTERM: finish what is\n"
         "under way, and end; a second one: end at once.\n\n"
         "Status: 0; 1: it ended by an error; 2: it could not start.");
}

// A row of getopt for each of the table, then those of its own.
static void
make_options(struct option options[TABLE_COUNT + 5])
{
    static const struct option own[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, OPTION_CHECK},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
    };

    for (size_t i = 0; i < TABLE_COUNT; i++) {
        options[i] = (struct option){
            .name = table[i].name,
            .has_arg = table[i].type == FLAG ? no_argument : required_argument,
            .val = (int)i + 1,
        };
    }
    memcpy(options + TABLE_COUNT, own, sizeof(own));
}

static enum settings_next
read_line(struct settings *settings, int argc, char **argv)
{
    struct option options[TABLE_COUNT + 5];
    struct source source = {.settings = settings};
    enum settings_next next = SETTINGS_RUN;
    int option;

    make_options(options);
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option > 0 && option <= (int)TABLE_COUNT) {
            (void)set(&source, (size_t)option - 1,
                      optarg == NULL ? "yes" : optarg);
        } else if (option == 'c') {
            free(settings->config);
            // It has one.
            // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
            settings->config = strdup(optarg);
        } else if (option == OPTION_CHECK) {
            next = SETTINGS_CHECK;
        } else if (option == 'h') {
            print_help();
            return SETTINGS_DONE;
        } else if (option == OPTION_VERSION) {
            puts("weftd " WEFT_VERSION);
            return SETTINGS_DONE;
        } else {
            fputs("\"weftd --help\" says more.\n", stderr);
            return SETTINGS_REFUSED;
        }
    }
    if (optind < argc) {
        journal(LEVEL_ERROR, "\"%s\" is no option", argv[optind]);
        return SETTINGS_REFUSED;
    }
    return source.is_refused ? SETTINGS_REFUSED : next;
}

// All of it. ----------------------------------------------------------------

static int
finish(struct settings *settings)
{
    if (settings->data == NULL) {
        journal(LEVEL_ERROR, "--data is missing: the node's directory");
        return 0;
    }
    if (settings->log_format != NULL &&
        strcmp(settings->log_format, "text") != 0 &&
        strcmp(settings->log_format, "json") != 0) {
        journal(LEVEL_ERROR, "--log %s is neither text nor json",
                settings->log_format);
        return 0;
    }
    if (settings->listen.count == 0) {
        settings->listen.items[settings->listen.count++] =
            strdup("tcp://127.0.0.1:7400");
    }
    if (settings->drain_ms == 0) {
        settings->drain_ms = 30000;
    }
    return 1;
}

// The command line twice: it names the file, and wins over it.
enum settings_next
settings_read(struct settings *settings, int argc, char **argv)
{
    enum settings_next next;

    *settings = (struct settings){0};
    next = read_line(settings, argc, argv);
    if (next == SETTINGS_DONE || next == SETTINGS_REFUSED) {
        return next;
    }
    if (settings->config != NULL) {
        if (!read_file(settings, settings->config)) {
            return SETTINGS_REFUSED;
        }
        next = read_line(settings, argc, argv);
    }
    return finish(settings) ? next : SETTINGS_REFUSED;
}

int
settings_read_again(struct settings *settings, int argc, char **argv)
{
    struct settings newer;

    if (settings_read(&newer, argc, argv) == SETTINGS_REFUSED) {
        settings_free(&newer);
        return 0;
    }
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (table[i].is_live) {
            memcpy((char *)settings + table[i].offset,
                   (char *)&newer + table[i].offset, sizeof(uint64_t));
        }
    }
    settings_free(&newer);
    return 1;
}

void
settings_free(struct settings *settings)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        void *at = (char *)settings + table[i].offset;

        if (table[i].type == TEXT) {
            free(*(char **)at);
        } else if (table[i].type == LIST) {
            clear_list(at);
        }
    }
    free(settings->config);
    *settings = (struct settings){0};
}

weft_node_options
settings_node(const struct settings *settings)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    options.data_dir = settings->data;
    options.partition_count = (uint32_t)settings->partitions;
    options.shard_count = (uint32_t)settings->shards;
    options.store_count = (uint32_t)settings->stores;
    options.worker_count = (uint32_t)settings->workers;
    options.local_worker_count = (uint32_t)settings->local_workers;
    options.window_bytes = (int64_t)settings->window;
    options.resident_actors_max = (uint32_t)settings->residents;
    options.stacks_max = (uint32_t)settings->stacks;
    options.reserve_bytes = settings->reserve;
    options.memory_bytes = settings->memory;
    options.turn_ms_abort = (uint32_t)settings->turn_abort;
    options.strict = (int)settings->strict;
    options.accept_loss = (int)settings->accept_loss;
    options.log = journal_line;
    return options;
}

weft_cluster_options
settings_cluster(const struct settings *settings)
{
    weft_cluster_options options = WEFT_CLUSTER_OPTIONS_INIT;

    options.database = settings->database;
    options.node_id = settings->node_id;
    options.endpoint = settings->endpoint;
    options.service = settings->service;
    options.key_file = settings->node_key;
    options.lease_ms = (uint32_t)settings->lease_ms;
    options.require_quorum = (int)settings->require_quorum;
    options.declared_durability = settings->durability;
    options.snapshots = settings->snapshots;
    options.snapshot_bytes = settings->snapshot_bytes;
    options.snapshot_ms = (uint32_t)settings->snapshot_ms;
    options.standby_bytes = settings->standby_bytes;
    return options;
}

weft_server_options
settings_server(const struct settings *settings)
{
    weft_server_options options = WEFT_SERVER_OPTIONS_INIT;

    options.endpoints = (const char *const *)settings->listen.items;
    options.endpoints_count = settings->listen.count;
    options.insecure = (int)settings->insecure;
    options.server_key_file = settings->server_key;
    options.principals_file = settings->principals;
    options.audit = settings->principals == NULL ? NULL : journal_audit;
    options.connections_max = (uint32_t)settings->connections;
    options.sessions_max = (uint32_t)settings->sessions;
    options.credit = (uint32_t)settings->credit;
    options.credit_bytes = settings->credit_bytes;
    options.waits_max = (uint32_t)settings->waits;
    options.bytes_max = settings->bytes;
    options.answers_bytes_max = settings->answers_bytes;
    options.namespace_requests_max = (uint32_t)settings->namespace_requests;
    options.keepalive_ms = (uint32_t)settings->keepalive_ms;
    return options;
}
