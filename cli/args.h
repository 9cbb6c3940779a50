// SPDX-License-Identifier: Apache-2.0
//
// args.h - the options of the commands that ask a node, read from the command
// line. What a command takes is what commands.c says of it.

#ifndef WEFT_CLI_ARGS_H
#define WEFT_CLI_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include "cli.h"

// What may be given several times.
struct args_list {
    const char **items;
    size_t count;
};

// Each member is the option of its name; NULL and 0: not given. Times are in
// milliseconds, whatever unit they were given in.
struct args {
    const char *address, *name_space;
    const char *key, *server_key, *cipher, *cipher_context;
    uint64_t timeout;
    int json, full;

    const char *client;
    uint64_t number;
    const char *who, *why;

    const char *reuse, *conflict;
    uint64_t delay, run_timeout, execution_timeout, version;
    struct args_list memo, attribute, header;

    const char *start, *raw, *id, *to;
    int accepted, follow, force, final;
    uint64_t retry_after;

    const char *filter, *kind, *status, *group_by, *cursor;
    uint64_t limit, rate, interval;
    int all, count, dry_run, once;

    // What is not an option.
    char **words;
    size_t words_count;
};

// Returns 1, or 0 if the command is to exit with *out_status: it was a wrong
// line, and that was said, or only the help was wanted. Borrows argv. To be
// released with args_free, either way.
int args_read(const struct command *command, int argc, char **argv,
              struct args *out_args, int *out_status);
void args_free(struct args *args);

// "90", "90s": seconds; "500ms", "10min", "2h", "7d"; "forever". Returns 0 if
// it is none of them.
int args_duration(const char *text, uint64_t *out_ms);
// Decimal digits and nothing else; else 0.
int args_number(const char *text, uint64_t *out_number);

#endif
