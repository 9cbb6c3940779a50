// SPDX-License-Identifier: Apache-2.0
//
// message.c - weft signal, query, ask, update: something is said to one
// instance.

#include <stdio.h>

#include "json.h"
#include "online.h"

// TARGET NAME [JSON].
static int
read_message(struct online *online, weft_verb verb, weft_request *out_request)
{
    *out_request = (weft_request)WEFT_REQUEST_INIT;
    out_request->verb = verb;
    out_request->name = online_word(online, 1);
    return online_target(online, 0, &out_request->target) &&
           value_word(online, 2, &out_request->data);
}

// --start JSON: it is started first if it does not run.
static int
read_start(struct online *online, weft_verb verb, weft_request *request,
           weft_start_options *room)
{
    const struct args *args = &online->args;

    if (args->start == NULL) {
        if (args->reuse != NULL || args->conflict != NULL || args->delay != 0 ||
            args->run_timeout != 0 || args->execution_timeout != 0 ||
            args->version != 0 || args->memo.count != 0 ||
            args->attribute.count != 0) {
            (void)cli_usage(online->command,
                            "how it is started, but no --start JSON");
            return 0;
        }
        return 1;
    }
    request->verb = verb;
    request->start = room;
    return start_options(online, room) &&
           value_json(online, args->start, &request->input);
}

static int
print_data(struct online *online, const weft_reply *reply)
{
    if (!online->args.json) {
        return value_print(reply->data);
    }
    cli_json_begin_object(NULL);
    cli_json_payload("data", reply->data);
    cli_json_end_object();
    cli_json_newline();
    return EXIT_FINE;
}

static int
say_signalled(struct online *online, const weft_reply *reply)
{
    (void)reply;
    return online_done(online, online->ctx, "signalled");
}

static int
say_accepted(struct online *online, const weft_reply *reply)
{
    (void)reply;
    return online_done(online, online->ctx, "accepted by");
}

int
signal_ask(struct online *online)
{
    weft_request request;
    weft_start_options start;

    if (!read_message(online, WEFT_VERB_SIGNAL, &request) ||
        !start_headers(online, &request.headers, &request.headers_count) ||
        !read_start(online, WEFT_VERB_SIGNAL_WITH_START, &request, &start)) {
        return EXIT_FAILED;
    }
    online->ctx = &request.target;
    return online_ask(online, &request, say_signalled);
}

int
query_ask(struct online *online)
{
    weft_request request;

    if (!read_message(online, WEFT_VERB_QUERY, &request)) {
        return EXIT_FAILED;
    }
    return online_ask(online, &request, print_data);
}

int
ask_ask(struct online *online)
{
    weft_request request;

    if (!read_message(online, WEFT_VERB_ASK, &request) ||
        !start_headers(online, &request.headers, &request.headers_count)) {
        return EXIT_FAILED;
    }
    return online_ask(online, &request, print_data);
}

int
update_ask(struct online *online)
{
    weft_request request;
    weft_start_options start;

    if (!read_message(online, WEFT_VERB_UPDATE, &request) ||
        !read_start(online, WEFT_VERB_UPDATE_WITH_START, &request, &start)) {
        return EXIT_FAILED;
    }
    if (online->args.accepted && online->args.id == NULL) {
        return cli_usage(online->command,
                         "--accepted needs --id, to ask for the outcome");
    }
    request.update_id = online->args.id;
    request.update_accepted = online->args.accepted;
    online->ctx = &request.target;
    return online_ask(online, &request,
                      online->args.accepted ? say_accepted : print_data);
}
