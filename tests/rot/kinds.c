// SPDX-License-Identifier: Apache-2.0
//
// kinds.c - what lives in the directories that are damaged. See kinds.h.
//
// Everything that an instance gets goes into a hash in its result or state, so
// that what is lost, doubled or changed shows.

#include "rot/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "support/account.h"
#include "support/counter.h"

#define MINUTE_MS 60000ULL
#define ACCOUNTS 6
#define PILES 1
#define BIG_MAX (100U * 1000)

static uint64_t
mix(uint64_t sum, weft_bytes bytes)
{
    return wf_hash64(bytes.data, bytes.len, sum);
}

// Bytes that no two places share, and that do not compress.
static weft_bytes
noise(uint8_t *out, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0) {
            seed = wf_hash64(&seed, sizeof(seed), i);
        }
        out[i] = (uint8_t)(seed >> (8 * (i % 8)));
    }
    return weft_bytes_of(out, len);
}

static weft_err
echo(weft_activity *activity, weft_bytes input)
{
    const uint8_t *bytes = input.data;

    if (input.len > 0 && bytes[0] % 3 == 0 &&
        weft_activity_attempt(activity) == 1) {
        return weft_activity_fail(activity, "flaky", "again", weft_nothing());
    }
    return weft_activity_return(activity, input);
}

static weft_err
leaf(weft_workflow *wf, weft_bytes input)
{
    weft_err err = weft_workflow_sleep(wf, MINUTE_MS);
    uint64_t sum = mix(1, input);

    return err != WEFT_OK
               ? err
               : weft_workflow_return(wf, weft_bytes_of(&sum, sizeof(sum)));
}

static weft_err
make_value(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    static _Thread_local uint64_t value;

    (void)ctx;
    value = mix(2, weft_text(weft_workflow_id(wf)));
    *out_value = weft_bytes_of(&value, sizeof(value));
    return WEFT_OK;
}

static weft_err
have_child(weft_workflow *wf, uint64_t *sum)
{
    char id[64];
    weft_bytes result;
    weft_err err;

    (void)snprintf(id, sizeof(id), "%s/leaf", weft_workflow_id(wf));
    err = weft_workflow_child(wf, (weft_target){"leaf", id},
                              weft_bytes_of(sum, sizeof(*sum)), NULL, &result);
    if (err == WEFT_OK) {
        *sum = mix(*sum, result);
    }
    return err;
}

static weft_err
order(weft_workflow *wf, weft_bytes input)
{
    uint64_t sum = mix(3, input);
    weft_bytes got;
    weft_err err = weft_workflow_publish(wf, "phase", weft_text("begun"));

    if (err == WEFT_OK) {
        err = weft_workflow_call(wf, "echo", input, NULL, &got);
    }
    if (err == WEFT_OK) {
        sum = mix(sum, got);
        err = weft_workflow_sleep(wf, sum % 5 * MINUTE_MS);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_value(wf, "value", make_value, NULL, &got);
    }
    if (err == WEFT_OK) {
        sum = mix(sum, got);
        err = weft_workflow_publish(wf, "phase", weft_text("waits"));
    }
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "go", WEFT_FOREVER, &got);
    }
    if (err == WEFT_OK) {
        sum = mix(sum, got);
        err = sum % 2 == 0 ? have_child(wf, &sum) : WEFT_OK;
    }
    if (err == WEFT_OK) {
        err = weft_workflow_publish(wf, "phase", weft_text("done"));
    }
    return err != WEFT_OK
               ? err
               : weft_workflow_return(wf, weft_bytes_of(&sum, sizeof(sum)));
}

static weft_err
pile(weft_workflow *wf, weft_bytes input)
{
    static const char *const names[] = {"add", "end"};
    uint64_t sums[2] = {0, mix(4, input)};
    weft_bytes got;
    size_t which = 0;
    weft_err err = WEFT_OK;

    while (err == WEFT_OK && which == 0) {
        err =
            weft_workflow_receive_any(wf, names, 2, WEFT_FOREVER, &which, &got);
        if (err == WEFT_OK) {
            sums[0]++;
            sums[1] = mix(sums[1], got);
        }
    }
    return err != WEFT_OK
               ? err
               : weft_workflow_return(wf, weft_bytes_of(sums, sizeof(sums)));
}

static weft_err
offer(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_bytes got;
    weft_err err;

    options.task_queue = "queue";
    options.timeouts.schedule_to_start_ms = 5 * MINUTE_MS;
    options.retry.maximum_attempts = 1;
    err = weft_workflow_call(wf, "afar", input, &options, &got);
    if (err != WEFT_EFAILED) {
        return err;
    }
    return weft_workflow_return(wf, weft_text(weft_workflow_failure(wf)->name));
}

// The state is a hash of all that came.
static weft_err
shelve(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *sum = state;

    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    *sum = mix(mix(*sum, weft_text(message->name)), message->data);
    return weft_actor_publish(actor, message->name, message->data);
}

static weft_err
finish_at_once(weft_actor *actor, const weft_message *message, void *state)
{
    (void)state;
    return weft_actor_stop(actor, message->data);
}

static weft_err
define_actors(weft_definitions *definitions)
{
    weft_actor_def shelf = WEFT_ACTOR_DEF_INIT;
    weft_actor_def note = WEFT_ACTOR_DEF_INIT;
    weft_err err;

    shelf.name = "shelf";
    shelf.state_bytes = sizeof(uint64_t);
    shelf.receive = shelve;
    note.name = "note";
    note.receive = finish_at_once;
    note.retention_ms = WEFT_FOREVER;
    err = weft_definitions_add_actor(definitions, &shelf);
    if (err == WEFT_OK) {
        err = weft_definitions_add_actor(definitions, &note);
    }
    if (err == WEFT_OK) {
        err = account_define(definitions);
    }
    return err == WEFT_OK ? counter_define(definitions) : err;
}

weft_definitions *
kinds_define(void)
{
    static const struct {
        const char *name;
        weft_workflow_fn *run;
    } workflows[] = {
        {"order", order}, {"leaf", leaf}, {"pile", pile}, {"offer", offer}};
    weft_definitions *definitions = NULL;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_err err = weft_definitions_create(&definitions);

    activity.name = "echo";
    activity.run = echo;
    if (err == WEFT_OK) {
        err = weft_definitions_add_activity(definitions, &activity);
    }
    for (size_t i = 0; err == WEFT_OK && i < 4; i++) {
        weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

        def.name = workflows[i].name;
        def.run = workflows[i].run;
        def.retention_ms = WEFT_FOREVER;
        err = weft_definitions_add_workflow(definitions, &def);
    }
    if (err == WEFT_OK) {
        err = define_actors(definitions);
    }
    if (err == WEFT_OK) {
        err = weft_definitions_add_task_queues(definitions);
    }
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "kinds: %s\n", weft_err_detail());
        abort();
    }
    return definitions;
}

// Feeding. ------------------------------------------------------------------

static weft_err
feed_accounts(weft_client *client, const struct kinds_feed *feed)
{
    uint32_t seqs[ACCOUNTS] = {0};
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < 24 * feed->scale; i++) {
        uint32_t from = i % ACCOUNTS;
        struct account_transfer transfer = {
            .client = feed->phase,
            .seq = ++seqs[from],
            .from = from,
            .to = (from + 1 + i / ACCOUNTS % (ACCOUNTS - 1)) % ACCOUNTS,
            .amount = (int64_t)i + 1,
        };
        char id[ACCOUNT_ID_SIZE];

        account_id(from, id);
        err =
            weft_client_signal(client, (weft_target){"account", id}, "transfer",
                               weft_bytes_of(&transfer, sizeof(transfer)));
    }
    return err;
}

static void
order_id(uint32_t phase, uint32_t i, char id[32])
{
    (void)snprintf(id, 32, "o%u-%u", phase, i);
}

static uint32_t
orders_of(const struct kinds_feed *feed)
{
    return 8 * feed->scale;
}

static weft_err
give_go(weft_client *client, uint32_t phase, uint32_t i)
{
    char id[32];

    order_id(phase, i, id);
    return weft_client_signal(client, (weft_target){"order", id}, "go",
                              weft_text(id));
}

// Every third one is told to go on at once.
static weft_err
feed_orders(weft_client *client, const struct kinds_feed *feed)
{
    uint8_t bytes[300];
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < orders_of(feed); i++) {
        char id[32];

        order_id(feed->phase, i, id);
        err = weft_client_start(
            client, (weft_target){"order", id},
            noise(bytes, sizeof(bytes), 1000 * feed->phase + i));
        if (err == WEFT_OK && i % 3 == 0) {
            err = give_go(client, feed->phase, i);
        }
    }
    return err;
}

static void
pile_id(uint32_t i, char id[32])
{
    (void)snprintf(id, 32, "p%u", i);
}

static weft_err
feed_pile(weft_client *client, const struct kinds_feed *feed, uint32_t index)
{
    uint8_t bytes[40];
    char id[32];
    weft_target target = {"pile", id};
    weft_err err = WEFT_OK;

    pile_id(index, id);
    if (feed->phase == 0) {
        err = weft_client_start(client, target, weft_text(id));
        if (err == WEFT_OK) {
            err = weft_client_pause(client, target);
        }
    }
    for (uint32_t i = 0; err == WEFT_OK && i < feed->letters; i++) {
        err = weft_client_signal(
            client, target, "add",
            noise(bytes, sizeof(bytes), feed->phase * 100000 + i));
    }
    return err;
}

static weft_err
feed_shelf(weft_client *client, const struct kinds_feed *feed)
{
    static uint8_t bytes[BIG_MAX];
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < 6 * feed->scale; i++) {
        size_t len = i == 0 ? feed->big_bytes : 200 + i * 300 % 4000;
        char name[32];
        char id[32];

        (void)snprintf(name, sizeof(name), "k%u", i % 5);
        (void)snprintf(id, sizeof(id), "s%u", i % 2);
        err = weft_client_signal(client, (weft_target){"shelf", id}, name,
                                 noise(bytes, len, feed->phase * 77 + i));
    }
    return err;
}

static weft_err
feed_small(weft_client *client, const struct kinds_feed *feed)
{
    uint8_t bytes[64];
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < 4 * feed->scale; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "n%u-%u", feed->phase, i);
        err = weft_client_start(client, (weft_target){"note", id},
                                noise(bytes, sizeof(bytes), i));
        if (err == WEFT_OK && i % 2 == 0) {
            err = weft_client_start(client, (weft_target){"offer", id},
                                    noise(bytes, sizeof(bytes), i));
        }
        (void)snprintf(id, sizeof(id), "c%u", i % 3);
        if (err == WEFT_OK) {
            err = counter_add(client, id);
        }
        if (err == WEFT_OK) { // a dead letter
            err = weft_client_signal(client, (weft_target){"counter", id},
                                     "add", weft_nothing());
        }
    }
    return err;
}

weft_err
kinds_feed(weft_client *client, const struct kinds_feed *feed)
{
    weft_err err = feed_orders(client, feed);

    if (err == WEFT_OK) {
        err = feed_accounts(client, feed);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < PILES; i++) {
        err = feed_pile(client, feed, i);
    }
    if (err == WEFT_OK) {
        err = feed_shelf(client, feed);
    }
    return err == WEFT_OK ? feed_small(client, feed) : err;
}

// A little of everything that is quick.
weft_err
kinds_feed_more(weft_client *client, const struct kinds_feed *feed)
{
    uint8_t bytes[200];
    weft_err err = WEFT_OK;

    for (uint32_t i = 0; err == WEFT_OK && i < 6; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "m%u-%u", feed->phase, i);
        err = weft_client_start(client, (weft_target){"order", id},
                                noise(bytes, sizeof(bytes), i));
        if (err == WEFT_OK) {
            err = weft_client_signal(client, (weft_target){"order", id}, "go",
                                     weft_text(id));
        }
        if (err == WEFT_OK) {
            err = counter_add(client, "c0");
        }
        if (err == WEFT_OK) {
            err = weft_client_signal(client, (weft_target){"shelf", "s0"},
                                     "more", weft_bytes_of(&i, sizeof(i)));
        }
    }
    return err;
}

uint32_t
kinds_finish(weft_client *client, const struct kinds_feed *last)
{
    uint32_t failed = 0;

    for (uint32_t i = 0; i < PILES; i++) {
        char id[32];

        pile_id(i, id);
        failed +=
            weft_client_resume(client, (weft_target){"pile", id}) != WEFT_OK;
        failed += weft_client_signal(client, (weft_target){"pile", id}, "end",
                                     weft_nothing()) != WEFT_OK;
    }
    for (uint32_t phase = 0; phase <= last->phase; phase++) {
        for (uint32_t i = 0; i < orders_of(last); i++) {
            if (i % 3 != 0) {
                failed += give_go(client, phase, i) != WEFT_OK;
            }
        }
    }
    return failed;
}
