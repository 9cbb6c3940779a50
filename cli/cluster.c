// SPDX-License-Identifier: Apache-2.0
//
// cluster.c - weft cluster: several nodes on one database.

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "cli.h"
#include "json.h"
#include "weft/cluster.h"

#define LOOK_MS 500
#define WAIT_MS_MAX 3600000

struct wanted {
    const char *words[4]; // VERB DATABASE ...
    int words_count;
    uint64_t partitions;
    const char *snapshots;
    const char *dir;
    const char *node;
    int is_json;
    int is_full;
    int no_wait;
};

// What is there. ------------------------------------------------------------

static void
lease_text(const weft_cluster_node *node, char text[TIME_CHARS])
{
    if (node->lease_ms == 0) { // without a database there are none
        snprintf(text, TIME_CHARS, "-");
    } else if (node->is_live) {
        snprintf(text, TIME_CHARS, "%.1f s left",
                 (double)node->lease_ms / 1000);
    } else {
        snprintf(text, TIME_CHARS, "over for %.0f s",
                 (double)-node->lease_ms / 1000);
    }
}

static void
show_nodes(const weft_cluster_status *status)
{
    static const char *const titles[] = {
        "NODE", "STATE", "LEASE", "PARTITIONS", "STARTS", "ENDPOINT", "SERVICE",
    };
    struct table table;

    table_begin(&table, titles, "   rr  ", 7);
    for (size_t i = 0; i < status->nodes_count; i++) {
        const weft_cluster_node *node = &status->nodes[i];
        char lease[TIME_CHARS];
        char partitions[16];
        char starts[24];
        const char *cells[TABLE_COLUMNS_MAX] = {
            node->id,
            !node->is_live      ? status->is_planned ? "away" : "lost"
            : node->is_draining ? "draining"
                                : "live",
            lease,
            partitions,
            starts,
            node->endpoint,
            node->service[0] == '\0' ? "-" : node->service,
        };

        lease_text(node, lease);
        snprintf(partitions, sizeof(partitions), "%" PRIu32, node->partitions);
        snprintf(starts, sizeof(starts), "%" PRIu64, node->incarnation);
        table_add(&table, cells);
    }
    table_end(&table);
}

static bool
is_moving(const weft_cluster_partition *part)
{
    return part->owner != NULL && part->target != NULL;
}

static void
show_partitions(const weft_cluster_status *status, bool is_moving_only)
{
    static const char *const titles[] = {
        "PARTITION", "OWNER", "GOES TO", "EPOCH",  "COMMITS",
        "SNAPSHOT",  "LAG",   "COPY",    "BEHIND",
    };
    struct table table;

    table_begin(&table, titles, "r  rrrr r", 9);
    for (size_t i = 0; i < status->partitions_count; i++) {
        const weft_cluster_partition *part = &status->partitions[i];
        char numbers[6][24];
        const char *cells[TABLE_COLUMNS_MAX] = {
            numbers[0],
            part->owner == NULL ? "-" : part->owner,
            part->target == NULL ? "-" : part->target,
            numbers[1],
            numbers[2],
            numbers[3],
            numbers[4],
            part->copy == NULL ? "-" : part->copy,
            part->copy == NULL ? "-" : numbers[5],
        };

        if (is_moving_only && !is_moving(part)) {
            continue;
        }
        snprintf(numbers[0], sizeof(numbers[0]), "%zu", i);
        snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, part->epoch);
        snprintf(numbers[2], sizeof(numbers[2]), "%" PRIu64, part->commits);
        snprintf(numbers[3], sizeof(numbers[3]), "%" PRIu64, part->snapshot);
        snprintf(numbers[4], sizeof(numbers[4]), "%" PRIu64, part->lag);
        snprintf(numbers[5], sizeof(numbers[5]), "%" PRIu64, part->copy_lag);
        table_add(&table, cells);
    }
    table_end(&table);
}

static void
count_partitions(const weft_cluster_status *status, size_t *out_free,
                 size_t *out_moving)
{
    *out_free = 0;
    *out_moving = 0;
    for (size_t i = 0; i < status->partitions_count; i++) {
        *out_free += status->partitions[i].owner == NULL;
        *out_moving += is_moving(&status->partitions[i]);
    }
}

// Nobody takes over what a node has that is away.
static size_t
count_waiting(const weft_cluster_status *status)
{
    size_t count = 0;

    for (size_t i = 0; i < status->nodes_count; i++) {
        count += status->nodes[i].is_live ? 0 : status->nodes[i].partitions;
    }
    return count;
}

// Returns how many are moving.
static size_t
show_head(const weft_cluster_status *status)
{
    size_t free_count;
    size_t moving;

    count_partitions(status, &free_count, &moving);
    printf("cluster %s, %zu partitions, %zu without a node, %zu moving; "
           "durability: %s\n",
           status->id, status->partitions_count, free_count, moving,
           status->durability);
    if (status->is_planned) {
        printf("no database, so no takeover: calls wait for a node that is "
               "away; %zu partitions wait\n",
               count_waiting(status));
    }
    putchar('\n');
    return moving;
}

static void
status_json(const weft_cluster_status *status)
{
    size_t free_count;
    size_t moving;

    cli_json_begin_object(NULL);
    cli_json_text("cluster", status->id);
    cli_json_text("durability", status->durability);
    cli_json_bool("takeover", !status->is_planned);
    count_partitions(status, &free_count, &moving);
    cli_json_number("free", free_count);
    cli_json_number("moving", moving);
    cli_json_begin_array("nodes");
    for (size_t i = 0; i < status->nodes_count; i++) {
        const weft_cluster_node *node = &status->nodes[i];

        cli_json_begin_object(NULL);
        cli_json_text("id", node->id);
        cli_json_text("endpoint", node->endpoint);
        cli_json_text("service", node->service);
        cli_json_number("incarnation", node->incarnation);
        cli_json_bool("live", node->is_live);
        cli_json_bool("draining", node->is_draining);
        cli_json_number("lease_ms",
                        node->is_live ? (uint64_t)node->lease_ms : 0);
        cli_json_number("partitions", node->partitions);
        cli_json_end_object();
    }
    cli_json_end_array();
    cli_json_begin_array("partitions");
    for (size_t i = 0; i < status->partitions_count; i++) {
        const weft_cluster_partition *part = &status->partitions[i];

        cli_json_begin_object(NULL);
        cli_json_text("owner", part->owner == NULL ? "" : part->owner);
        cli_json_text("target", part->target == NULL ? "" : part->target);
        cli_json_number("epoch", part->epoch);
        cli_json_number("commits", part->commits);
        cli_json_number("snapshot", part->snapshot);
        cli_json_number("lag", part->lag);
        cli_json_text("copy", part->copy == NULL ? "" : part->copy);
        cli_json_number("copy_lag", part->copy_lag);
        cli_json_end_object();
    }
    cli_json_end_array();
    cli_json_end_object();
    cli_json_newline();
}

static int
run_status(const struct wanted *wanted)
{
    weft_cluster_status *status;
    weft_err err = weft_cluster_look(wanted->words[1], &status);

    if (err != WEFT_OK) {
        return cli_failed(err, "cluster");
    }
    if (wanted->is_json) {
        status_json(status);
    } else {
        size_t moving = show_head(status);

        show_nodes(status);
        if (wanted->is_full || moving > 0) {
            putchar('\n');
            show_partitions(status, !wanted->is_full);
        }
    }
    weft_cluster_status_free(status);
    return EXIT_FINE;
}

// What is to change. ----------------------------------------------------------

static void
show_progress(void *ctx, uint32_t done, uint32_t total)
{
    (void)ctx;
    fprintf(stderr, "%" PRIu32 " of %" PRIu32 " partitions\n", done, total);
}

static int
run_import(const struct wanted *wanted)
{
    weft_err err = weft_cluster_import(wanted->words[1], wanted->words[2],
                                       wanted->snapshots, show_progress, NULL);

    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, wanted->words[2]);
}

static int
run_init(const struct wanted *wanted)
{
    uint32_t partitions = (uint32_t)wanted->partitions;
    weft_err err = wanted->node == NULL || wanted->dir == NULL
                       ? weft_cluster_init(wanted->words[1], partitions)
                       : weft_cluster_found(wanted->words[1], partitions,
                                            wanted->node, wanted->dir);

    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, "cluster");
}

// How many it still has; -1: that is not known.
static int
look_at(const struct wanted *wanted, const char *node)
{
    weft_cluster_status *status;
    int left = 0;

    if (weft_cluster_look(wanted->words[1], &status) != WEFT_OK) {
        return -1;
    }
    for (size_t i = 0; i < status->nodes_count; i++) {
        if (strcmp(status->nodes[i].id, node) == 0 &&
            status->nodes[i].is_live) {
            left = (int)status->nodes[i].partitions;
        }
    }
    weft_cluster_status_free(status);
    return left;
}

// How many partitions are not where they are to be; -1: that is not known.
static int
count_unsettled(const struct wanted *wanted)
{
    weft_cluster_status *status;
    size_t free_count;
    size_t moving;

    if (weft_cluster_look(wanted->words[1], &status) != WEFT_OK) {
        return -1;
    }
    count_partitions(status, &free_count, &moving);
    weft_cluster_status_free(status);
    return (int)(free_count + moving);
}

// Until a node has none, or NULL: until none moves. Says how far it is.
static int
await_none(const struct wanted *wanted, const char *node)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    const char *who = node == NULL ? "the cluster" : node;
    int told = -1;

    for (int i = 0; i < WAIT_MS_MAX / LOOK_MS; i++) {
        int left =
            node == NULL ? count_unsettled(wanted) : look_at(wanted, node);

        if (left == 0) {
            fprintf(stderr,
                    node == NULL ? "%s is balanced\n"
                                 : "%s has no partition any more\n",
                    who);
            return EXIT_FINE;
        }
        if (left > 0 && left != told) {
            fprintf(stderr, "%s has %d partitions %s\n", who, left,
                    node == NULL ? "to move" : "left");
            told = left;
        }
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "weft: %s still has partitions%s\n", who,
            node == NULL ? " to move" : "");
    return EXIT_FAILED;
}

static int
run_drain(const struct wanted *wanted)
{
    const char *node = wanted->words[2];
    int is_on = strcmp(wanted->words[0], "drain") == 0;
    weft_err err = weft_cluster_drain(wanted->words[1], node, is_on);

    if (err != WEFT_OK) {
        return cli_failed(err, node);
    }
    return is_on && !wanted->no_wait ? await_none(wanted, node) : EXIT_FINE;
}

static int
run_forget(const struct wanted *wanted)
{
    weft_err err = weft_cluster_forget(wanted->words[1], wanted->words[2]);

    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, wanted->words[2]);
}

static int
run_rebalance(const struct wanted *wanted)
{
    weft_err err = weft_cluster_rebalance(wanted->words[1]);

    if (err != WEFT_OK) {
        return cli_failed(err, "cluster");
    }
    return wanted->no_wait ? EXIT_FINE : await_none(wanted, NULL);
}

static int
run_move(const struct wanted *wanted)
{
    const char *node = wanted->words_count > 3 ? wanted->words[3] : NULL;
    uint64_t partition;
    weft_err err;

    if (!args_number(wanted->words[2], &partition) || partition > UINT32_MAX) {
        fprintf(stderr, "weft: %s is no partition's number\n",
                wanted->words[2]);
        return EXIT_FAILED;
    }
    err = weft_cluster_move(wanted->words[1], (uint32_t)partition, node);
    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, wanted->words[2]);
}

// The command line. -----------------------------------------------------------

struct verb {
    const char *name;
    int words_min, words_max; // with the verb
    int (*run)(const struct wanted *wanted);
};

static const struct verb verbs[] = {
    {"init", 2, 2, run_init},     {"status", 2, 2, run_status},
    {"drain", 3, 3, run_drain},   {"undrain", 3, 3, run_drain},
    {"move", 3, 4, run_move},     {"import", 3, 3, run_import},
    {"forget", 3, 3, run_forget}, {"rebalance", 2, 2, run_rebalance},
};

static int
run_verb(const struct command *command, const struct wanted *wanted)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        const struct verb *verb = &verbs[i];

        if (wanted->words_count > 0 &&
            strcmp(wanted->words[0], verb->name) == 0) {
            return wanted->words_count < verb->words_min ||
                           wanted->words_count > verb->words_max
                       ? cli_usage(command, "%s: too few words, or too many",
                                   verb->name)
                       : verb->run(wanted);
        }
    }
    return cli_usage(command, "init, import, status, drain, undrain, move, "
                              "rebalance or forget is wanted");
}

int
cluster_run(const struct command *command, int argc, char **argv)
{
    static const struct option known[] = {
        {"partitions", required_argument, NULL, 'p'},
        {"snapshots", required_argument, NULL, 's'},
        {"data", required_argument, NULL, 'd'},
        {"node", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"full", no_argument, NULL, 'f'},
        {"no-wait", no_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct wanted wanted = {0};
    int option;

    while ((option = getopt_long(argc, argv, "p:jfh", known, NULL)) != -1) {
        switch (option) {
        case 'p':
            if (!args_number(optarg, &wanted.partitions) ||
                wanted.partitions == 0 || wanted.partitions > UINT32_MAX) {
                return cli_usage(command, "--partitions: %s is no count",
                                 optarg);
            }
            break;
        case 's':
            wanted.snapshots = optarg;
            break;
        case 'd':
            wanted.dir = optarg;
            break;
        case 'n':
            wanted.node = optarg;
            break;
        case 'j':
            wanted.is_json = 1;
            break;
        case 'f':
            wanted.is_full = 1;
            break;
        case 'w':
            wanted.no_wait = 1;
            break;
        case 'h':
            return cli_help(command);
        default:
            return cli_usage(command, "no such option");
        }
    }
    for (; optind < argc && wanted.words_count < 4; optind++) {
        wanted.words[wanted.words_count++] = argv[optind];
    }
    return optind < argc ? cli_usage(command, "too many words")
                         : run_verb(command, &wanted);
}
