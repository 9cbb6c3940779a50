// SPDX-License-Identifier: Apache-2.0
//
// cli.h - what the files of the command `weft` share.
//
//   main.c      which command it is, version
//   commands.c  the table of commands: names, options, help
//   help.c      help, completions and the manual's page, from that table
//
// of stopped directories:
//
//   inspect.c   options of `inspect`
//   list.c      its table of actors
//   count.c     how many there are
//   describe.c  one actor, for people
//   letters.c   dead letters
//   export.c    actors as JSON
//   verify.c    `verify`
//   copy.c      `backup` and `restore`
//   capsule.c   `capsule`
//   cluster.c   `cluster`
//   keygen.c    `keygen`
//
// of running nodes: online.h
//
//   text.c      times, payloads and tables for people
//   json.c      JSON for programs

#ifndef WEFT_CLI_H
#define WEFT_CLI_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "weft/inspect.h"

// What a command exits with.
enum exit_status {
    EXIT_FINE = 0,
    EXIT_NO = 1,      // the answer is no: no such actor, problems were found
    EXIT_FAILED = 2,  // the command could not be carried out
    EXIT_UNKNOWN = 3, // no answer in time: it may or may not have been done
};

struct cli_option {
    const char *name;     // without "--"
    char letter;          // 0: none
    const char *argument; // NULL: it takes none
    const char *summary;  // may have several lines
};

enum command_group { GROUP_ONLINE, GROUP_STOPPED, GROUP_OTHER, GROUP_COUNT };

// Options that many commands have, and what else holds for several.
enum {
    HAS_NODE = 1,   // which node, and how long to wait for it
    HAS_NUMBER = 2, // to ask once more
    HAS_START = 4,  // how something is started
    HAS_BY = 8,     // who does it, and why
    NEEDS_WHY = 16, // and why has to be said
};

struct online;
struct table;

struct command {
    enum command_group group;
    const char *name;
    const char *arguments;
    const char *summary; // one line, for the list of commands
    const char *help;    // what follows the usage line
    const char *status;  // what it exits with; NULL: as all that ask a node
    const struct cli_option *options; // ended by one without a name; or NULL
    unsigned flags;                   // HAS_NODE and so on
    // One of the two. Who asks a node (online.h) has its options read, and
    // gets so many arguments.
    int (*run)(const struct command *command, int argc, char **argv);
    int (*ask)(struct online *online);
    struct {
        unsigned min, max;
    } words;
};

// commands.c ----------------------------------------------------------------

// Command i, or NULL behind the last one.
const struct command *commands_at(size_t i);
const struct command *commands_find(const char *name);
// Option i, its own first, then those that it shares; or NULL.
const struct cli_option *commands_option(const struct command *command,
                                         size_t i);

// help.c --------------------------------------------------------------------

int help_run(const struct command *command, int argc, char **argv);
void help_list(FILE *out);

// main.c --------------------------------------------------------------------

int version_run(const struct command *command, int argc, char **argv);
// Print the command's help; returns EXIT_FINE.
int cli_help(const struct command *command);
// Say that the command line makes no sense; returns EXIT_FAILED.
int cli_usage(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Say that it failed, and about what (weft_err_detail); returns EXIT_FAILED.
int cli_failed(weft_err err, const char *what);
// Read exactly `count` arguments behind the options; 0: there are others, and
// that was said.
int cli_arguments(const struct command *command, int argc, char **argv,
                  int count, const char **out_arguments);

int inspect_run(const struct command *command, int argc, char **argv);
int verify_run(const struct command *command, int argc, char **argv);
int backup_run(const struct command *command, int argc, char **argv);
int capsule_run(const struct command *command, int argc, char **argv);
int cluster_run(const struct command *command, int argc, char **argv);
int keygen_run(const struct command *command, int argc, char **argv);
int restore_run(const struct command *command, int argc, char **argv);

// What `inspect` was asked for.
struct inspect_options {
    const char *dir;
    const char *target; // "kind/id", or NULL
    const char *name_space;
    const char *kind;
    const char *status;       // "" for all
    weft_status exact_status; // NONE, if `status` is none of weft_status
    uint64_t limit;           // 0: all
    const char *where;        // a filter, or NULL
    const char *group_by;     // of a count, or NULL
    int is_json;
    int is_full;
};

int list_run(weft_inspect *inspect, const struct inspect_options *options);
int count_run(weft_inspect *inspect, const struct inspect_options *options);
// A group as a row of VALUE, TYPE and COUNT; as an element of the open array.
void count_row(struct table *table, const weft_group *group);
void count_object(const weft_group *group);
int list_json(weft_inspect *inspect, const struct inspect_options *options);
int export_run(weft_inspect *inspect, const struct inspect_options *options);
int letters_run(weft_inspect *inspect, const struct inspect_options *options);
int describe_run(weft_inspect *inspect, const struct inspect_options *options);
// Lines of an instance, from why it is as it is to its memo.
void describe_head(const weft_description *head, int is_full);
// A weft_inspect_fn; ctx is a struct inspect_options.
int describe_actor(void *ctx, const weft_inspect_actor *actor);

// Call find for each way to split options->target into kind and id, until one
// is found. Says so if there is none.
int inspect_target(const struct inspect_options *options,
                   weft_err (*find)(void *ctx, weft_target target), void *ctx);

// Does the actor have the status of --status? Parked and paused are statuses
// here.
int inspect_is_wanted(const struct inspect_options *options,
                      const weft_inspect_actor *actor);
// "unreadable", or as text_status.
const char *inspect_status(const weft_inspect_actor *actor);
weft_inspect_filter inspect_filter(const struct inspect_options *options);

// text.c --------------------------------------------------------------------

#define TIME_CHARS 32

uint64_t text_now_ms(void);
// "2024-11-21T03:23:45.123Z", or "-" for 0.
const char *text_time(uint64_t ms, char out_text[TIME_CHARS]);
// "in 3 h", "2 d ago".
const char *text_relative(uint64_t ms, char out_text[TIME_CHARS]);
// A payload: JSON if it is msgpack, else text if it is text, else hex.
// Shortened unless is_full. Release with free.
char *text_payload(weft_bytes bytes, int is_full);
// Is it text, without control characters?
int text_is_readable(weft_bytes bytes);
// The length of the UTF-8 character that begins there; 0 if none does.
size_t text_character(const char *text, size_t left);
// Text that may hold anything, made fit for a line. Release with free.
char *text_line(const char *text);

// "running", or "parked" and "paused" for those that run but may not.
const char *text_status(const weft_description *head);
// Its value; "-" if it has none.
void text_attribute(const weft_attribute *value, char *out, size_t size);
// Words: "cancel", "wait_requested", ...
const char *text_parent_close(weft_parent_close close);
const char *text_cancellation(weft_cancellation cancellation);

// A table whose columns are as wide as they need to be. Rows are kept until
// there are enough to know; then they are printed at once.
#define TABLE_COLUMNS_MAX 13

struct table {
    const char *const *titles;
    const char *aligns; // a character for each column: 'r' for numbers
    size_t columns;
    size_t widths[TABLE_COLUMNS_MAX];
    char **cells; // of rows that are kept
    size_t rows;
    int is_printing; // widths are settled
};

void table_begin(struct table *table, const char *const *titles,
                 const char *aligns, size_t columns);
// The cells are copied.
void table_add(struct table *table, const char *const *cells);
void table_end(struct table *table);

#endif
