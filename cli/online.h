// SPDX-License-Identifier: Apache-2.0
//
// online.h - what the commands that ask a running node share.
//
//   online.c    connect, ask, say what went wrong
//   args.c      options
//   value.c     payloads from the command line, files and stdin
//   start.c     `start`, and its options
//   message.c   `signal`, `query`, `ask`, `update`
//   result.c    `result`
//   find.c      `list`
//   show.c      `show`
//   operate.c   `cancel` and all else that operators do to one
//   activity.c  `activities`, `activity`, `complete`, `fail`
//   batch.c     `batch`
//   top.c       `top`
//
// The node is connected to when something is asked for the first time, so that
// a wrong command line is refused without one.
//
// Threads: one.

#ifndef WEFT_CLI_ONLINE_H
#define WEFT_CLI_ONLINE_H

#include "args.h"
#include "cli.h"
#include "weft/capsule.h"
#include "weft/cipher.h"
#include "weft/connect.h"
#include "weft/weft.h"

// An answer of WEFT_OK: print it. Returns what to exit with. ctx is
// online->ctx.
typedef int online_answer_fn(struct online *online, const weft_reply *reply);

struct online {
    const struct command *command;
    struct args args;
    weft_client *client; // NULL: not connected yet
    weft_cipher *cipher; // of --cipher
    uint8_t client_id[16];
    void *ctx; // of the command's own functions
    // Called before an answer is printed; or NULL.
    void (*before)(struct online *online);

    // The question that is asked now.
    weft_verb verb;
    uint64_t number;
    online_answer_fn *answer;
    int is_asking;
    int status;
    int is_in_object; // of JSON: an error is a member of it

    void **kept; // freed in the end
    size_t kept_count;
};

// Run a command that has `ask`.
int online_run(const struct command *command, int argc, char **argv);

// Word i of the command line, or NULL.
const char *online_word(const struct online *online, size_t i);
// Word i is KIND/ID. Returns 0 if it is not: that was said.
int online_target(struct online *online, size_t i, weft_target *out_target);
// Who and why. NULL if no reason was given.
const weft_operator *online_by(struct online *online, weft_operator *room);

// Has somebody pressed the keys that interrupt? A second time ends the command
// at once.
int online_is_interrupted(void);
// Connected. NULL: it is not, that was said, and the command is to exit with
// EXIT_FAILED.
weft_client *online_client(struct online *online);
// Let it go: what has no answer is called back for.
void online_close(struct online *online);
// Ask and wait for the answer, timeout_ms at most. Returns what to exit with:
// what `answer` says; with NULL, and for errors, what is said here.
int online_ask_within(struct online *online, weft_request *request,
                      uint64_t timeout_ms, online_answer_fn *answer);
// The same, with --timeout or 30 s.
int online_ask(struct online *online, weft_request *request,
               online_answer_fn *answer);
// Print an error, as JSON too if that is wanted. failure may be NULL.
int online_failed(struct online *online, weft_err err, const char *detail,
                  const weft_failure *failure);
// It is done: say so, in words, or as an object with who was meant.
int online_done(struct online *online, const weft_target *target,
                const char *words);
// Members of the open object by which the request can be repeated.
void online_put_number(const struct online *online);

// Memory that lives as long as the command; never NULL. keep takes it, from
// malloc; a NULL there is that there was no memory.
void *online_keep(struct online *online, void *memory);
const char *online_printf(struct online *online, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// value.c -------------------------------------------------------------------

// All of a file, or of stdin for "-". To be released with free; NULL: errno
// says why.
char *value_file(const char *path, size_t *out_len);
// A payload: JSON, or "@FILE" or "-" that has JSON; NULL: empty. Returns 0 if
// it is none, which was said.
int value_json(struct online *online, const char *word, weft_bytes *out_bytes);
// Word i, or the bytes of --raw.
int value_word(struct online *online, size_t i, weft_bytes *out_bytes);
// JSON if it is that, else text.
int value_loose(struct online *online, const char *text, weft_bytes *out_bytes);
// Print a payload as JSON, in several lines.
int value_print(weft_bytes bytes);

// start.c -------------------------------------------------------------------

int start_ask(struct online *online);
// The options of HAS_START. Returns 0 if one is wrong, which was said.
int start_options(struct online *online, weft_start_options *out_options);
// "NAME=VALUE" of --header. The same.
int start_headers(struct online *online, const weft_pair **out_headers,
                  size_t *out_count);

int signal_ask(struct online *online);
int query_ask(struct online *online);
int ask_ask(struct online *online);
int update_ask(struct online *online);
int result_ask(struct online *online);
int list_ask(struct online *online);
int show_ask(struct online *online);
int operate_ask(struct online *online);
int delete_ask(struct online *online);
int reset_ask(struct online *online);
int fork_ask(struct online *online);
int activities_ask(struct online *online);
int activity_ask(struct online *online);
int complete_ask(struct online *online);
int fail_ask(struct online *online);
int batch_ask(struct online *online);
int top_ask(struct online *online);

// The point of --to, which has to be there. Returns 0 if it is none: that was
// said.
int operate_point(struct online *online, weft_point *out_point);
// The verb of that name, "cancel" and so on; 0 if it is none of operators.
int operate_verb(const char *name, weft_verb *out_verb);
// The open activities of one instance. Returns what to exit with.
int activities_print(struct online *online, weft_target target);

// The filter of --filter and --status parked or paused; NULL: all. Sets status
// if it is one of the others. Returns 0 if there is no such status: that was
// said.
int find_filter(struct online *online, const char **out_filter,
                weft_status *out_status);

#endif
