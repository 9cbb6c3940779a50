// SPDX-License-Identifier: Apache-2.0
//
// subscription.c - a trial, then a bill every month, for as long as it takes.
//
//   subscription [--month-ms N] [DIR]
//
// The workflow is one month long: at its end it restarts itself with the next
// month as its input, so its journal never grows, and the signals that nobody
// has received yet stay in its mailbox. A month is 400 ms here; with a real
// one the program is the same.
//
//     trial ─► bill ─► a month ─► restart
//               │         └ `cancel` was received: it ends here
//               └ refused three times: wait for `fix_card`, two months long;
//                 then dunning, and it ends
//
// The demo plays three customers and prints what they would see: the published
// value "state". DIR is the node's directory; without it a temporary one is
// used. With it, kill the demo and start it again.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weft/weft.h"

#define GRACE_MONTHS 2

// What one month leaves to the next.
struct subscription {
    uint64_t month_ms;
    uint64_t month;      // 0: the trial
    uint64_t paid_count; // months
    uint64_t last_month; // in which the card is valid
};

// The workflow. -------------------------------------------------------------

// Publish a line of text as "state".
static weft_err
say(weft_workflow *wf, const struct subscription *sub, const char *text)
{
    weft_payload *state = NULL;
    weft_err err = weft_payload_create(&state);
    char line[128];

    if (err == WEFT_OK) {
        snprintf(line, sizeof(line), "month %llu: %s",
                 (unsigned long long)sub->month, text);
        weft_payload_text(state, line);
        err = weft_workflow_publish(wf, "state", weft_payload_bytes(state));
    }
    weft_payload_destroy(state);
    return err;
}

static weft_err
read_subscription(weft_bytes input, struct subscription *out_sub)
{
    weft_err err = weft_payload_get_uint(input, "month_ms", &out_sub->month_ms);

    if (err == WEFT_OK) {
        err = weft_payload_get_uint(input, "month", &out_sub->month);
    }
    if (err == WEFT_OK) {
        err = weft_payload_get_uint(input, "paid", &out_sub->paid_count);
    }
    if (err == WEFT_OK) {
        err = weft_payload_get_uint(input, "last_month", &out_sub->last_month);
    }
    return err;
}

static weft_err
pack_subscription(weft_payload *payload, const struct subscription *sub)
{
    return weft_payload_pack(payload,
                             "{'month_ms':u, 'month':u, 'paid':u,"
                             " 'last_month':u}",
                             sub->month_ms, sub->month, sub->paid_count,
                             sub->last_month);
}

// Run "bill" or "dun" with the subscription as its input.
static weft_err
call(weft_workflow *wf, const char *activity, const struct subscription *sub)
{
    weft_payload *input = NULL;
    weft_err err = weft_payload_create(&input);

    if (err == WEFT_OK) {
        err = pack_subscription(input, sub);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_call(wf, activity, weft_payload_bytes(input), NULL,
                                 NULL);
    }
    weft_payload_destroy(input);
    return err;
}

// Bill the month. A card that is refused may be replaced, for a while.
//
// WEFT_ETIMEDOUT  it was not
static weft_err
collect(weft_workflow *wf, struct subscription *sub)
{
    uint64_t until_ms = weft_workflow_now_ms(wf) + GRACE_MONTHS * sub->month_ms;
    weft_err err = call(wf, "bill", sub);

    while (err == WEFT_EFAILED) {
        uint64_t now_ms = weft_workflow_now_ms(wf);
        weft_bytes card;

        err = say(wf, sub, "the card is refused, please give another");
        if (err == WEFT_OK) {
            err = weft_workflow_receive(
                wf, "fix_card", until_ms > now_ms ? until_ms - now_ms : 0,
                &card);
        }
        if (err == WEFT_OK) {
            err = weft_payload_get_uint(card, "last_month", &sub->last_month);
        }
        if (err == WEFT_OK) {
            err = call(wf, "bill", sub);
        }
    }
    if (err == WEFT_OK) {
        sub->paid_count++;
    }
    return err;
}

// Let the month pass; WEFT_ECANCELLED if the customer cancelled meanwhile, but
// not before the month is over.
static weft_err
pass_month(weft_workflow *wf, const struct subscription *sub)
{
    uint64_t end_ms = weft_workflow_now_ms(wf) + sub->month_ms;
    uint64_t now_ms;
    weft_bytes nothing;
    weft_err err = weft_workflow_receive(wf, "cancel", sub->month_ms, &nothing);

    if (err == WEFT_ETIMEDOUT) {
        return WEFT_OK;
    }
    if (err == WEFT_OK) {
        err = say(wf, sub, "cancelled, to the end of the month");
    }
    now_ms = weft_workflow_now_ms(wf);
    if (err == WEFT_OK && now_ms < end_ms) {
        err = weft_workflow_sleep(wf, end_ms - now_ms);
    }
    return err == WEFT_OK ? WEFT_ECANCELLED : err;
}

// One month.
static weft_err
run_subscription(weft_workflow *wf, weft_bytes input)
{
    struct subscription sub;
    weft_payload *next = NULL;
    weft_err err = read_subscription(input, &sub);

    if (err == WEFT_OK && sub.month == 0) {
        err = say(wf, &sub, "trial");
    } else if (err == WEFT_OK) {
        err = collect(wf, &sub);
        if (err == WEFT_ETIMEDOUT) {
            err = call(wf, "dun", &sub);
            return err == WEFT_OK ? say(wf, &sub, "ended, unpaid") : err;
        }
        if (err == WEFT_OK) {
            err = say(wf, &sub, "paid");
        }
    }
    if (err == WEFT_OK) {
        err = pass_month(wf, &sub);
    }
    if (err == WEFT_ECANCELLED) {
        return say(wf, &sub, "ended, as the customer wished");
    }
    if (err == WEFT_OK) {
        sub.month++;
        err = weft_payload_create(&next);
    }
    if (err == WEFT_OK) {
        err = pack_subscription(next, &sub);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_restart(wf, weft_payload_bytes(next));
    }
    weft_payload_destroy(next);
    return err;
}

// The activities. -----------------------------------------------------------

static weft_err
bill(weft_activity *activity, weft_bytes input)
{
    struct subscription sub;
    weft_err err = read_subscription(input, &sub);

    if (err == WEFT_OK && sub.month > sub.last_month) {
        err = weft_activity_fail(activity, "card_expired", "", weft_nothing());
    }
    return err;
}

// The letter that nobody likes.
static weft_err
dun(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

static weft_err
define(weft_definitions *definitions)
{
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_err err;

    workflow.name = "subscription";
    workflow.run = run_subscription;
    err = weft_definitions_add_workflow(definitions, &workflow);
    if (err == WEFT_OK) {
        activity.name = "bill";
        activity.run = bill;
        activity.retry.maximum_attempts = 3;
        activity.retry.initial_interval_ms = 20;
        err = weft_definitions_add_activity(definitions, &activity);
    }
    if (err == WEFT_OK) {
        activity.name = "dun";
        activity.run = dun;
        err = weft_definitions_add_activity(definitions, &activity);
    }
    return err;
}

// The demo. -----------------------------------------------------------------

struct customer {
    const char *id;
    uint64_t last_month; // of the first card
    uint64_t fix_at_ms;  // from the beginning; 0: never
    uint64_t cancel_at_ms;
    char state[128]; // as printed last
};

static uint64_t
clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static weft_err
start(weft_client *client, const struct customer *customer, uint64_t month_ms)
{
    struct subscription sub = {.month_ms = month_ms,
                               .last_month = customer->last_month};
    weft_payload *input = NULL;
    weft_err err = weft_payload_create(&input);

    if (err == WEFT_OK) {
        err = pack_subscription(input, &sub);
    }
    if (err == WEFT_OK) {
        err = weft_client_start(client,
                                (weft_target){"subscription", customer->id},
                                weft_payload_bytes(input));
    }
    weft_payload_destroy(input);
    return err == WEFT_EEXISTS ? WEFT_OK : err; // it goes on
}

// Send the signal of this name once, when its time has come.
static weft_err
signal_at(weft_client *client, const struct customer *customer,
          const char *name, uint64_t *at_ms, uint64_t now_ms)
{
    weft_payload *data = NULL;
    weft_err err;

    if (*at_ms == 0 || now_ms < *at_ms) {
        return WEFT_OK;
    }
    *at_ms = 0;
    err = weft_payload_create(&data);
    if (err == WEFT_OK) {
        weft_payload_pack(data, "{'last_month':u}", (uint64_t)1000);
        err = weft_client_signal(client,
                                 (weft_target){"subscription", customer->id},
                                 name, weft_payload_bytes(data));
    }
    weft_payload_destroy(data);
    return err == WEFT_EFINISHED ? WEFT_OK : err;
}

// Print the customer's state if it has changed. Returns 1 once it has ended.
static int
watch(weft_client *client, struct customer *customer, uint64_t now_ms)
{
    weft_reply *reply = NULL;
    char state[sizeof(customer->state)];
    weft_err err =
        weft_client_query(client, (weft_target){"subscription", customer->id},
                          "state", weft_nothing(), &reply);

    if (err == WEFT_OK &&
        weft_payload_get_text(reply->data, "", state, sizeof(state)) ==
            WEFT_OK &&
        strcmp(state, customer->state) != 0) {
        strcpy(customer->state, state);
        printf("%5.2f s  %-5s %s\n", (double)now_ms / 1000, customer->id,
               state);
    }
    weft_reply_free(reply);
    return strstr(customer->state, "ended") != NULL;
}

static weft_err
play(weft_client *client, uint64_t month_ms)
{
    struct customer customers[] = {
        {"ann", 1000, 0, month_ms * 5 / 2, ""},
        {"ben", 1, month_ms * 3, month_ms * 9 / 2, ""},
        {"cleo", 1, 0, 0, ""},
    };
    uint64_t began_ms = clock_ms();
    const struct timespec pause = {0, 10000000};
    size_t ended = 0;
    weft_err err = WEFT_OK;

    for (size_t i = 0; i < 3 && err == WEFT_OK; i++) {
        err = start(client, &customers[i], month_ms);
    }
    while (ended < 3 && err == WEFT_OK) {
        uint64_t now_ms = clock_ms() - began_ms;

        ended = 0;
        for (size_t i = 0; i < 3 && err == WEFT_OK; i++) {
            struct customer *customer = &customers[i];

            ended += watch(client, customer, now_ms) ? 1 : 0;
            err = signal_at(client, customer, "fix_card", &customer->fix_at_ms,
                            now_ms);
            if (err == WEFT_OK) {
                err = signal_at(client, customer, "cancel",
                                &customer->cancel_at_ms, now_ms);
            }
        }
        nanosleep(&pause, NULL);
    }
    return err;
}

int
main(int argc, char **argv)
{
    char made[] = "/tmp/weft-subscription-XXXXXX";
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_definitions *definitions = NULL;
    weft_node *node = NULL;
    weft_client *client = NULL;
    uint64_t month_ms = 400;
    weft_err err;

    if (argc > 2 && strcmp(argv[1], "--month-ms") == 0) {
        month_ms = strtoul(argv[2], NULL, 10);
        argc -= 2;
        argv += 2;
    }
    options.data_dir = argc > 1 ? argv[1] : mkdtemp(made);
    if (argc > 2 || month_ms == 0 || options.data_dir == NULL) {
        fprintf(stderr, "usage: subscription [--month-ms N] [DIR]\n");
        return 2;
    }
    err = weft_definitions_create(&definitions);
    if (err == WEFT_OK) {
        err = define(definitions);
    }
    if (err == WEFT_OK) {
        options.definitions = definitions;
        err = weft_node_open(&options, &node);
    }
    if (err == WEFT_OK) {
        err = weft_client_open(node, NULL, &client);
    }
    if (err == WEFT_OK) {
        err = play(client, month_ms);
    }
    if (err != WEFT_OK) {
        fprintf(stderr, "subscription: %s: %s\n", weft_err_text(err),
                weft_err_detail());
    }
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    return err == WEFT_OK ? 0 : 1;
}
