// SPDX-License-Identifier: Apache-2.0
//
// batch.c - weft batch: the same to every instance that a filter matches.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "online.h"

static int
show_progress(void *ctx, const weft_batch_result *so_far)
{
    struct online *online = ctx;

    if (!online->args.json) {
        fprintf(stderr,
                "weft: %" PRIu64 " seen, %" PRIu64 " done, %" PRIu64
                " failed\n",
                so_far->seen, so_far->done, so_far->failed);
    }
    return online_is_interrupted();
}

static void
put_result(const weft_batch_result *result)
{
    cli_json_begin_object(NULL);
    cli_json_number("seen", result->seen);
    cli_json_number("done", result->done);
    cli_json_number("failed", result->failed);
    cli_json_begin_object("errors");
    for (size_t i = 0; i < result->errors_count; i++) {
        cli_json_number(weft_err_name(result->errors[i].err),
                        result->errors[i].count);
    }
    cli_json_end_object();
    cli_json_text("cursor", result->cursor[0] == '\0' ? NULL : result->cursor);
    cli_json_end_object();
    cli_json_newline();
}

static void
print_result(const weft_batch_result *result)
{
    printf("%" PRIu64 " seen, %" PRIu64 " done, %" PRIu64 " failed\n",
           result->seen, result->done, result->failed);
    for (size_t i = 0; i < result->errors_count; i++) {
        printf("  %" PRIu64 " %s: %s\n", result->errors[i].count,
               weft_err_name(result->errors[i].err),
               weft_err_text(result->errors[i].err));
    }
}

static int
print_matching(struct online *online, const weft_reply *reply)
{
    if (!online->args.json) {
        printf("%" PRIu64 " match\n", reply->count);
        return EXIT_FINE;
    }
    cli_json_begin_object(NULL);
    cli_json_number("seen", reply->count);
    cli_json_end_object();
    cli_json_newline();
    return EXIT_FINE;
}

// --dry-run: nothing else is asked.
static int
count_matching(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_COUNT_MATCHING;
    request.filter = online->args.filter;
    return online_ask(online, &request, print_matching);
}

static int
run_batch(struct online *online, const weft_batch_options *options)
{
    weft_batch_result result;
    weft_err err;
    int status;

    memset(&result, 0, sizeof(result));
    if (online_client(online) == NULL) {
        return EXIT_FAILED;
    }
    err = weft_client_batch(online->client, options, &result);
    if (err != WEFT_OK) {
        // What has no answer is under many numbers; who goes on from the cursor
        // asks those again that are still as the filter says.
        online->verb = WEFT_VERB_LIST;
        status = online_failed(
            online, err,
            err == WEFT_ECANCELLED ? "interrupted" : weft_err_detail(), NULL);
        if (result.cursor[0] != '\0') {
            fprintf(stderr, "weft: goes on with --cursor %s\n", result.cursor);
        }
        return err == WEFT_ECANCELLED ? EXIT_FAILED : status;
    }
    if (online->args.json) {
        put_result(&result);
    } else {
        print_result(&result);
    }
    return result.failed == 0 ? EXIT_FINE : EXIT_NO;
}

// What is to be done, and what that needs. Returns 0 if something is wrong,
// which was said.
static int
read_verb(struct online *online, weft_batch_options *options)
{
    const char *name = online_word(online, 0);
    int is_signal = strcmp(name, "signal") == 0;

    options->verb = WEFT_VERB_SIGNAL;
    if (!is_signal && !operate_verb(name, &options->verb)) {
        (void)cli_usage(online->command, "\"%s\" is not for batches", name);
        return 0;
    }
    if (is_signal != (online->args.words_count > 1)) {
        (void)cli_usage(online->command, is_signal
                                             ? "the signal's name is missing"
                                             : "a name is for signals");
        return 0;
    }
    if ((options->verb == WEFT_VERB_PARK || options->verb == WEFT_VERB_RESET ||
         options->verb == WEFT_VERB_RETRY_FAILED) &&
        online->args.why == NULL) {
        (void)cli_usage(online->command,
                        "--why TEXT is missing: it is recorded");
        return 0;
    }
    return 1;
}

int
batch_ask(struct online *online)
{
    const struct args *args = &online->args;
    weft_batch_options options = WEFT_BATCH_OPTIONS_INIT;
    weft_operator by;
    weft_point point;

    if (args->filter == NULL) {
        return cli_usage(online->command,
                         "--filter F is missing; \"run > 0\" is everything");
    }
    if (args->rate > UINT32_MAX) {
        return cli_usage(online->command, "--rate: that is too fast");
    }
    if (!read_verb(online, &options) || !value_word(online, 2, &options.data)) {
        return EXIT_FAILED;
    }
    if (options.verb == WEFT_VERB_RESET) {
        if (!operate_point(online, &point)) {
            return EXIT_FAILED;
        }
        options.point = &point;
    }
    if (args->dry_run) {
        return count_matching(online);
    }
    options.filter = args->filter;
    options.name = online_word(online, 1);
    if (options.verb == WEFT_VERB_TERMINATE) {
        options.name = args->why == NULL
                           ? NULL
                           : online_printf(online, "%.255s", args->why);
    }
    options.terminate_first = args->force;
    options.by = online_by(online, &by);
    options.per_second = (uint32_t)args->rate;
    options.cursor = args->cursor;
    options.progress = show_progress;
    options.ctx = online;
    return run_batch(online, &options);
}
