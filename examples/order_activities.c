// SPDX-License-Identifier: Apache-2.0
//
// order_activities.c - the bank, the kitchen and the courier.
//
// Activities are ordinary blocking C on the node's worker threads. They are
// attempted at least once: a process that dies in the middle leaves an attempt
// whose outcome nobody knows, so there is another, with the same key. A bank
// that is given the key charges once. Ours is a file, activities.jsonl, with a
// line for each attempt; tests/account adds it up by key.

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "order_meal.h"

// An activity, and what its function must know.
struct trade {
    const char *name;
    weft_activity_fn *run;
    int fd; // activities.jsonl
};

// Nothing in the real world is done at once.
static void
take_time(long ms)
{
    struct timespec time = {0, ms * 1000000};

    nanosleep(&time, NULL);
}

// Leave the line of this attempt, safe from power cuts too.
static weft_err
record(weft_activity *activity, weft_bytes order, const char *outcome)
{
    const struct trade *trade = weft_activity_context(activity);
    weft_payload *line = NULL;
    char id[64];
    weft_err err = weft_payload_get_text(order, "id", id, sizeof(id));

    if (err == WEFT_OK) {
        err = weft_payload_create(&line);
    }
    if (err != WEFT_OK) {
        return err;
    }
    weft_payload_pack(line,
                      "{'at':u, 'pid':d, 'activity':s, 'order':s, 'key':s,"
                      " 'attempt':u, 'outcome':s}",
                      now_ms(), (int)getpid(), trade->name, id,
                      weft_activity_key(activity),
                      (uint64_t)weft_activity_attempt(activity), outcome);
    err = lines_append(trade->fd, line);
    weft_payload_destroy(line);
    if (err == WEFT_OK && fsync(trade->fd) != 0) {
        err = WEFT_EIO;
    }
    return err;
}

// What works is done the same way by everybody. The result is the key, which
// the workflow puts into its account.
static weft_err
succeed(weft_activity *activity, weft_bytes order)
{
    weft_payload *result = NULL;
    weft_err err = record(activity, order, "ok");

    // It is done, but nobody knows yet: the moment to be killed in.
    take_time(40);
    if (err == WEFT_OK) {
        err = weft_payload_create(&result);
    }
    if (err == WEFT_OK) {
        err =
            weft_payload_pack(result, "{'key':s}", weft_activity_key(activity));
    }
    if (err == WEFT_OK) {
        err = weft_activity_return(activity, weft_payload_bytes(result));
    }
    weft_payload_destroy(result);
    return err;
}

static weft_err
work(weft_activity *activity, weft_bytes order)
{
    take_time(15);
    return succeed(activity, order);
}

// A bad card is refused for good: `card_declined` is not tried again, see
// below. A flaky one works at the third attempt.
static weft_err
charge(weft_activity *activity, weft_bytes order)
{
    char card[16];
    weft_err err = weft_payload_get_text(order, "card", card, sizeof(card));

    if (err != WEFT_OK) {
        return err;
    }
    take_time(20);
    if (strcmp(card, "declined") == 0) {
        err = record(activity, order, "card_declined");
        return err != WEFT_OK
                   ? err
                   : weft_activity_fail(activity, "card_declined",
                                        "the bank does not accept the card",
                                        weft_nothing());
    }
    if (strcmp(card, "flaky") == 0 && weft_activity_attempt(activity) < 3) {
        err = record(activity, order, "bank_busy");
        return err != WEFT_OK ? err
                              : weft_activity_fail(activity, "bank_busy",
                                                   "the bank does not answer",
                                                   weft_nothing());
    }
    return succeed(activity, order);
}

weft_err
meal_add_activities(weft_definitions *definitions, int fd)
{
    static const char *const final[] = {"card_declined", NULL};
    static struct trade trades[] = {
        {"charge", charge, 0}, {"refund", work, 0},         {"pick", work, 0},
        {"restock", work, 0},  {"deliver", work, 0},        {"recall", work, 0},
        {"voucher", work, 0},  {"request_review", work, 0},
    };
    weft_err err = WEFT_OK;

    for (size_t i = 0; i < sizeof(trades) / sizeof(trades[0]); i++) {
        weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

        trades[i].fd = fd;
        def.name = trades[i].name;
        def.run = trades[i].run;
        def.context = &trades[i];
        def.retry.initial_interval_ms = 100;
        def.retry.maximum_interval_ms = 1000;
        def.retry.non_retryable = final;
        if (err == WEFT_OK) {
            err = weft_definitions_add_activity(definitions, &def);
        }
    }
    return err;
}
