// SPDX-License-Identifier: Apache-2.0
//
// result.c - weft result: wait until one has finished, and say how.
//
// With --follow it is watched meanwhile: each answer of the node asks for the
// next change. For people that goes to stderr, so that stdout has the result
// alone; with --json it is a line on stdout, as the result is.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "online.h"
#include "weft/watch.h"

struct published {
    char *name;
    char *value;
    size_t len;
};

struct following {
    weft_target target;
    char *status; // what was shown last
    uint64_t after;
    struct published *published;
    size_t published_count;
    struct online *online;
};

static void
show_status(struct following *following, const char *status)
{
    char time[TIME_CHARS];

    if (following->online->args.json) {
        cli_json_begin_object(NULL);
        cli_json_text("event", "status");
        cli_json_text("status", status);
        cli_json_end_object();
        cli_json_newline();
        fflush(stdout);
        return;
    }
    fprintf(stderr, "%s %s\n", text_time(text_now_ms(), time), status);
}

static void
show_value(struct following *following, const char *name, weft_bytes value)
{
    char time[TIME_CHARS];
    char *text;

    if (following->online->args.json) {
        cli_json_begin_object(NULL);
        cli_json_text("event", "published");
        cli_json_text("name", name);
        cli_json_payload("value", value);
        cli_json_end_object();
        cli_json_newline();
        fflush(stdout);
        return;
    }
    text = text_payload(value, following->online->args.full);
    fprintf(stderr, "%s %s = %s\n", text_time(text_now_ms(), time), name, text);
    free(text);
}

// Where the value of that name is kept; a new one has none yet.
static struct published *
published_of(struct following *following, const char *name)
{
    struct published *more;

    for (size_t i = 0; i < following->published_count; i++) {
        if (strcmp(following->published[i].name, name) == 0) {
            return &following->published[i];
        }
    }
    more = realloc(following->published,
                   (following->published_count + 1) * sizeof(*more));
    if (more == NULL) {
        abort();
    }
    following->published = more;
    more += following->published_count++;
    *more = (struct published){.name = strdup(name)};
    return more;
}

static void
compare_value(struct following *following, const char *name, weft_bytes value)
{
    struct published *known = published_of(following, name);

    if (known->value != NULL && known->len == value.len &&
        memcmp(known->value, value.data, value.len) == 0) {
        return;
    }
    free(known->value);
    known->value = malloc(value.len + 1);
    if (known->value == NULL) {
        abort();
    }
    memcpy(known->value, value.data, value.len);
    known->len = value.len;
    show_value(following, name, value);
}

static void
compare(struct following *following, const weft_reply *reply)
{
    const char *status = text_status(&reply->items[0]);
    weft_bytes pairs = reply->data;
    weft_pair pair;

    if (following->status == NULL || strcmp(following->status, status) != 0) {
        free(following->status);
        following->status = strdup(status);
        show_status(following, status);
    }
    while (weft_pairs_next(&pairs, &pair)) {
        compare_value(following, pair.name, pair.value);
    }
}

static void watch(struct following *following, uint64_t after);

static void
take_change(void *ctx, const weft_reply *reply)
{
    struct following *following = ctx;

    if (!following->online->is_asking) {
        return; // the result is there, or nobody waits for it any more
    }
    if (reply->err == WEFT_OK) {
        compare(following, reply);
        watch(following, reply->after);
    } else if (reply->err == WEFT_ETIMEDOUT) {
        watch(following, following->after);
    }
}

// What cannot be watched is still waited for: the result says why.
static void
watch(struct following *following, uint64_t after)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_WATCH;
    request.target = following->target;
    request.after = after;
    following->after = after;
    if (weft_client_submit(following->online->client, &request, take_change,
                           following, NULL) != WEFT_OK) {
        fprintf(stderr, "weft: %s\n", weft_err_detail());
    }
}

// What changed last may be told after the result: it is asked for before that
// is printed.
static void
look(struct online *online)
{
    struct following *following = online->ctx;
    weft_reply *reply = NULL;

    if (weft_client_watch(online->client, following->target, 0, 0, &reply) ==
        WEFT_OK) {
        compare(following, reply);
    }
    weft_reply_free(reply);
}

static int
print_result(struct online *online, const weft_reply *reply)
{
    if (!online->args.json) {
        return value_print(reply->data);
    }
    cli_json_begin_object(NULL);
    if (online->args.follow) {
        cli_json_text("event", "result");
    }
    cli_json_text("status", weft_status_name(WEFT_STATUS_COMPLETED));
    cli_json_payload("data", reply->data);
    cli_json_end_object();
    cli_json_newline();
    return EXIT_FINE;
}

int
result_ask(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;
    struct following following = {.online = online};
    uint64_t within_ms =
        online->args.timeout == 0 ? UINT64_MAX : online->args.timeout;
    int status;

    request.verb = WEFT_VERB_RESULT;
    if (!online_target(online, 0, &request.target)) {
        return EXIT_FAILED;
    }
    following.target = request.target;
    online->ctx = &following;
    if (online->args.follow) {
        if (online_client(online) == NULL) {
            return EXIT_FAILED;
        }
        online->before = look;
        watch(&following, 0);
    }
    status = online_ask_within(online, &request, within_ms, print_result);
    online_close(online); // nobody is told of a change any more
    free(following.status);
    for (size_t i = 0; i < following.published_count; i++) {
        free(following.published[i].name);
        free(following.published[i].value);
    }
    free(following.published);
    return status;
}
