// SPDX-License-Identifier: Apache-2.0
//
// daemon.h - what the files of weftd share.
//
//   main.c      from start to end: load, open, serve, wait, drain, close
//   settings.c  what can be set, by the command line and by a file
//   objects.c   shared objects with definitions
//   journal.c   its log, and what systemd wants to hear

#ifndef WEFT_DAEMON_H
#define WEFT_DAEMON_H

#include <stddef.h>
#include <stdint.h>

#include "weft/cluster.h"
#include "weft/serve.h"
#include "weft/weft.h"

// settings.c ----------------------------------------------------------------

#define LIST_MAX 32

struct list {
    char *items[LIST_MAX + 1]; // owned; ended by NULL
    size_t count;
};

struct settings {
    char *config; // the file, or NULL

    // [node]
    char *data;
    uint64_t partitions, shards, stores, workers, local_workers;
    uint64_t window, residents, stacks, reserve, memory, turn_abort;
    uint64_t strict, accept_loss;

    // [cluster]
    char *database, *node_id; // NULL: it is alone
    char *endpoint, *service, *node_key, *durability, *snapshots;
    uint64_t lease_ms, require_quorum, snapshot_bytes, snapshot_ms;
    uint64_t standby_bytes;

    // [server]
    struct list listen;
    uint64_t insecure;
    char *server_key, *principals; // NULL: no keys
    char *audit;                   // NULL: the log
    uint64_t connections, sessions, credit, credit_bytes, waits;
    uint64_t bytes, answers_bytes, namespace_requests, keepalive_ms;

    // [load]
    struct list objects;

    // [daemon]
    uint64_t drain_ms;
    char *log_format; // "text" or "json"
};

enum settings_next {
    SETTINGS_RUN,    // go on with them
    SETTINGS_DONE,   // help or version was printed
    SETTINGS_CHECK,  // --check: they are fine, if the objects load
    SETTINGS_REFUSED // why is on stderr
};

// The file that --config names, then the command line over it.
enum settings_next settings_read(struct settings *settings, int argc,
                                 char **argv);
// The same file and command line once more, for those settings that may change
// while it runs. 0: nothing was changed, and why was logged.
int settings_read_again(struct settings *settings, int argc, char **argv);
void settings_free(struct settings *settings);

weft_node_options settings_node(const struct settings *settings);
weft_cluster_options settings_cluster(const struct settings *settings);
weft_server_options settings_server(const struct settings *settings);

// objects.c -----------------------------------------------------------------

// Load each "FILE[=ARGUMENT]". 0: one could not be, and that was logged.
int objects_load(const struct list *objects, weft_definitions *definitions);

// journal.c -----------------------------------------------------------------

enum level { LEVEL_ERROR = 3, LEVEL_WARNING = 4, LEVEL_INFO = 6 };

// "text" or "json"; NULL: text, with levels for systemd's journal if it reads.
void journal_begin(const char *format);
// One line to stderr.
void journal(enum level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// What failed, with the reason that the last call of weft left.
void journal_failed(const char *what, weft_err err);
// The node's own lines; a weft_log_fn.
void journal_line(void *ctx, const char *line);
// Append what the server accounts for to that file, which is opened anew; NULL:
// to the log. 0: it cannot be opened, and that was logged.
int journal_audit_open(const char *path);
// A weft_audit_fn.
void journal_audit(void *ctx, const char *line);

// Tell systemd, if it started this: "READY=1", "STATUS=..." and so on.
void journal_notify(const char *state);
// How often it wants a sign of life, in milliseconds; 0: never.
uint64_t journal_watchdog_ms(void);

#endif
