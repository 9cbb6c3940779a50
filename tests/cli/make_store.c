// SPDX-License-Identifier: Apache-2.0
//
// make_store.c - make a node's directory that has one of everything.
//
//   make_store DIR [--stores N] [--window N] [--strict] [--crash]
//              [--hold | --load]
//
//   order/done       completed, with a result, a published value, a journal
//   order/waiting    waits for a signal: a timer, attributes, memo, headers
//   order/waiting/x  its child, whose open activity fails and is tried again
//   order/failed     failed, with a name and a message
//   box/parked       its handler fails: parked
//   box/full         paused, with 1,200 signals in its mailbox
//   box/asleep       with a timer in a week, and 40,000 bytes of state
//
// and a dead letter, to order/done. --crash: the process ends with no close, so
// that much of this is only in the log; with --strict the beacon has all that
// was acknowledged, however slow the machine is. --hold: it stays open until
// stdin ends, after a line "open". --load: until then one message after another
// is sent to tally/all, and each that was acknowledged is a line with its
// number.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weft/weft.h"

#define WEEK_MS (7ULL * 24 * 3600 * 1000)
#define LETTERS 1200

static void
need(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        fprintf(stderr, "make_store: %s: %s: %s\n", what, weft_err_name(err),
                weft_err_detail());
        exit(1);
    }
}

// The kinds. ----------------------------------------------------------------

static weft_err
charge(weft_activity *activity, weft_bytes input)
{
    if (input.len == 3 && memcmp(input.data, "bad", 3) == 0) {
        return weft_activity_fail(activity, "card_declined", "no money",
                                  weft_nothing());
    }
    return weft_activity_return(activity, weft_text("charged"));
}

static weft_err
wait_for_go(weft_workflow *wf)
{
    weft_bytes data;
    weft_future child = 0;
    weft_child_options options = WEFT_CHILD_OPTIONS_INIT;
    weft_err err;

    options.parent_close = WEFT_PARENT_CLOSE_ABANDON;
    err = weft_workflow_child_async(wf, (weft_target){"order", "waiting/x"},
                                    weft_text("bad"), &options, &child);

    if (err == WEFT_OK) {
        err = weft_workflow_publish(wf, "status", weft_text("waiting"));
    }
    return err == WEFT_OK ? weft_workflow_receive(wf, "go", WEEK_MS, &data)
                          : err;
}

static weft_err
order(weft_workflow *wf, weft_bytes input)
{
    weft_payload *payload = NULL;
    weft_bytes result;
    weft_err err;

    if (strcmp(weft_workflow_id(wf), "waiting") == 0) {
        return wait_for_go(wf);
    }
    if (strcmp(weft_workflow_id(wf), "failed") == 0) {
        return weft_workflow_fail(wf, "out_of_stock", "no \"pizza\" left",
                                  weft_nothing());
    }
    err = weft_workflow_call(wf, "charge", input, NULL, &result);
    if (err == WEFT_OK) {
        err = weft_workflow_publish(wf, "status", weft_text("done"));
    }
    if (err == WEFT_OK) {
        err = weft_payload_create(&payload);
    }
    if (err == WEFT_OK) {
        err = weft_payload_pack(payload, "{'outcome':'completed','cents':d}",
                                1250);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_return(wf, weft_payload_bytes(payload));
    }
    weft_payload_destroy(payload);
    return err;
}

static weft_err
box(weft_actor *actor, const weft_message *message, void *state)
{
    static const char large[40000];

    (void)state;
    if (strcmp(message->name, "fail") == 0) {
        return WEFT_EINVAL;
    }
    if (strcmp(message->name, "sleep") == 0) {
        weft_err err = weft_actor_timer_set(actor, "alarm", WEEK_MS);

        return err == WEFT_OK ? weft_actor_state_set(
                                    actor, weft_bytes_of(large, sizeof(large)))
                              : err;
    }
    if (strcmp(message->name, "send") == 0) {
        return weft_actor_send(actor, (weft_target){"order", "done"}, "late",
                               weft_text("too late"));
    }
    return WEFT_OK;
}

// Publishes how many messages it had.
static weft_err
tally(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *number = state;
    char text[24];

    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    (*number)++;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)*number);
    return weft_actor_publish(actor, "number", weft_text(text));
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    need(weft_definitions_create(&definitions), "definitions");
    workflow.name = "order";
    workflow.run = order;
    need(weft_definitions_add_workflow(definitions, &workflow), "order");
    actor.name = "box";
    actor.receive = box;
    actor.turn_attempts_max = 1;
    need(weft_definitions_add_actor(definitions, &actor), "box");
    actor = (weft_actor_def)WEFT_ACTOR_DEF_INIT;
    actor.name = "tally";
    actor.receive = tally;
    actor.state_bytes = sizeof(uint64_t);
    need(weft_definitions_add_actor(definitions, &actor), "tally");
    activity.name = "charge";
    activity.run = charge;
    activity.retry.initial_interval_ms = WEEK_MS;
    need(weft_definitions_add_activity(definitions, &activity), "charge");
    return definitions;
}

// What happens. -------------------------------------------------------------

static void
wait_until(weft_client *client, const char *kind, const char *id,
           int (*is_so)(const weft_description *description))
{
    for (int i = 0; i < 12000; i++) {
        weft_reply *reply = NULL;
        weft_err err =
            weft_client_describe(client, (weft_target){kind, id}, &reply);
        int is_over = err == WEFT_OK && is_so(&reply->items[0]);

        weft_reply_free(reply);
        if (is_over) {
            return;
        }
        usleep(5000);
    }
    fprintf(stderr, "make_store: %s/%s does not get on\n", kind, id);
    exit(1);
}

static int
is_at_rest(const weft_description *description)
{
    return description->mailbox_count == 0;
}

static int
is_parked(const weft_description *description)
{
    return description->is_parked;
}

static int
has_timer(const weft_description *description)
{
    return description->timers_count == 1;
}

static int
has_activity(const weft_description *description)
{
    return description->activities_count == 1;
}

// Until the dead letter is there, and the activity has failed.
static void
wait_for_rest(weft_node *node)
{
    weft_node_stats stats = {.struct_size = sizeof(stats)};

    for (int i = 0; i < 12000; i++) {
        need(weft_node_get_stats(node, &stats), "stats");
        if (stats.dead_letters == 1 && stats.activities_started == 2 &&
            stats.activities_running == 0) {
            return;
        }
        usleep(5000);
    }
    fputs("make_store: it does not come to rest\n", stderr);
    exit(1);
}

static void
signal(weft_client *client, const char *kind, const char *id, const char *name)
{
    need(weft_client_signal(client, (weft_target){kind, id}, name,
                            weft_text("hello")),
         id);
}

static void
start_waiting(weft_client *client)
{
    const weft_pair memo[] = {{"note", weft_text("by hand")}};
    const weft_pair headers[] = {{"trace", weft_text("t-1")}};
    const weft_attribute attributes[] = {weft_attribute_keyword("city", "Rome"),
                                         weft_attribute_int("tables", 12)};
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    options.memo = memo;
    options.memo_count = 1;
    options.headers = headers;
    options.headers_count = 1;
    options.attributes = attributes;
    options.attributes_count = 2;
    need(weft_client_start_with(client, (weft_target){"order", "waiting"},
                                weft_nothing(), &options, NULL),
         "waiting");
}

static void
play(weft_node *node, weft_client *client)
{
    weft_target done = {"order", "done"};
    weft_target full = {"box", "full"};

    need(weft_client_start(client, done, weft_text("good")), "done");
    need(weft_client_result(client, done, 60000, NULL), "done");
    start_waiting(client);
    need(weft_client_start(client, (weft_target){"order", "failed"},
                           weft_nothing()),
         "failed");
    if (weft_client_result(client, (weft_target){"order", "failed"}, 60000,
                           NULL) != WEFT_EFAILED) {
        fputs("make_store: it did not fail\n", stderr);
        exit(1);
    }
    signal(client, "box", "parked", "fail");
    signal(client, "box", "asleep", "sleep");
    signal(client, "box", "asleep", "send");
    signal(client, "box", "full", "hello");
    wait_until(client, "box", "full", is_at_rest);
    need(weft_client_pause(client, full), "full");
    for (int i = 0; i < LETTERS; i++) {
        signal(client, "box", "full", "letter");
    }
    wait_until(client, "order", "waiting", has_timer);
    wait_until(client, "order", "waiting/x", has_activity);
    wait_until(client, "box", "parked", is_parked);
    wait_until(client, "box", "asleep", has_timer);
    wait_for_rest(node);
    // Whoever reads waits for what he reads to be durable.
    wait_until(client, "order", "waiting/x", has_activity);
    wait_until(client, "order", "done", is_at_rest);
}

// Wait for the end of stdin, idle or not.
static void
hold(weft_client *client, int is_load)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    unsigned long long number = 0;

    puts("open");
    fflush(stdout);
    while (poll(&input, 1, is_load ? 0 : -1) == 0) {
        signal(client, "tally", "all", "add");
        printf("%llu\n", ++number);
        fflush(stdout);
    }
}

int
main(int argc, char **argv)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_node *node = NULL;
    weft_client *client = NULL;
    int is_crash = 0;
    int is_hold = 0;
    int is_load = 0;

    options.definitions = define();
    options.partition_count = 8;
    options.reserve_bytes = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--crash") == 0) {
            is_crash = 1;
        } else if (strcmp(argv[i], "--strict") == 0) {
            options.strict = 1;
        } else if (strcmp(argv[i], "--hold") == 0) {
            is_hold = 1;
        } else if (strcmp(argv[i], "--load") == 0) {
            is_load = 1;
        } else if (strcmp(argv[i], "--stores") == 0 && i + 1 < argc) {
            options.store_count = (uint32_t)atoi(argv[++i]);
        } else if (strcmp(argv[i], "--window") == 0 && i + 1 < argc) {
            options.window_bytes = atoi(argv[++i]);
        } else {
            options.data_dir = argv[i];
        }
    }
    need(weft_node_open(&options, &node), "open");
    need(weft_client_open(node, NULL, &client), "client");
    if (is_hold || is_load) {
        hold(client, is_load);
    } else {
        play(node, client);
    }
    if (is_crash) {
        _exit(0);
    }
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(
        (weft_definitions *)(uintptr_t)options.definitions);
    return 0;
}
