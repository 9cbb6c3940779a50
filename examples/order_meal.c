// SPDX-License-Identifier: Apache-2.0
//
// order_meal.c - order a meal: payment, kitchen, courier, review.
//
// The workflow `order` below is ordinary C, read from fulfil() on. Whatever it
// waits for - an activity, a person, a clock - is durable: kill the process at
// any line, start it again, and every order goes on where it was.
//
//     confirm ─► charge ─► pick ─► picked ─► deliver ─► delivered ─► review
//       │           │                 │                     │
//       └───────────┴────────┬────────┴─────────────────────┘
//         too late, declined │ or cancelled
//                            ▼
//               recall ◄─ the steps done, undone from the last to the first:
//                         recall, restock, refund
//
// The restaurant signals `confirm` and `picked`, the courier `delivered`, the
// customer `cancel_order` and `review`. order_activities.c has the rest of the
// world.

#include <stdio.h>

#include "order_meal.h"

// Our patience, at pace 1.
#define CONFIRM_MS_MAX 2500
#define PICKED_MS_MAX 2500
#define DELIVERED_MS_MAX 2000 // then there is a voucher
#define VOUCHER_MS_MAX 2000   // then we give up
#define REVIEW_MS_MAX 1200

#define STEPS_MAX 12
#define SIGNALS_MAX 32

// A step that was done, and what takes it back.
struct step {
    const char *activity;
    const char *undo; // NULL: nothing does
    char key[40];     // the activity's idempotency key
    uint64_t at_ms;
};

// A signal that was received. Its sender gave it an id of its own, so that the
// books can be compared.
struct heard {
    char id[64];
    uint64_t at_ms;
};

// One order while its workflow runs. It lives on the workflow's stack, and is
// rebuilt with it after a crash.
struct order {
    weft_workflow *wf;
    weft_bytes details; // the line of orders.jsonl
    uint64_t pace;
    weft_payload *scratch;
    weft_future cancel; // the customer's cancel_order
    int is_cancel_heard;
    const char *outcome;
    const char *waiting_for;
    char reason[64]; // why it was compensated
    struct step steps[STEPS_MAX];
    size_t steps_count;
    struct heard heard[SIGNALS_MAX];
    size_t heard_count;
};

// The workflow. -------------------------------------------------------------

// Publish where the order is, for whoever queries "status".
static weft_err
say(struct order *order, const char *status)
{
    weft_payload_reset(order->scratch);
    weft_payload_text(order->scratch, status);
    return weft_workflow_publish(order->wf, "status",
                                 weft_payload_bytes(order->scratch));
}

// Run an activity and remember its key. A step once begun is finished: to be
// cancelled in the middle of a charge would leave open whether there was one.
static weft_err
do_step(struct order *order, const char *activity, const char *undo)
{
    struct step *step = &order->steps[order->steps_count];
    weft_bytes result;
    weft_err err;

    weft_workflow_shield_begin(order->wf);
    err =
        weft_workflow_call(order->wf, activity, order->details, NULL, &result);
    weft_workflow_shield_end(order->wf);
    if (err != WEFT_OK) {
        return err;
    }
    step->activity = activity;
    step->undo = undo;
    step->at_ms = weft_workflow_now_ms(order->wf);
    order->steps_count++;
    return weft_payload_get_text(result, "key", step->key, sizeof(step->key));
}

// Remember a signal by the id in its payload.
static weft_err
note(struct order *order, weft_bytes data)
{
    struct heard *heard = &order->heard[order->heard_count];

    if (order->heard_count == SIGNALS_MAX) {
        return WEFT_ETOOBIG;
    }
    heard->at_ms = weft_workflow_now_ms(order->wf);
    order->heard_count++;
    return weft_payload_get_text(data, "signal", heard->id, sizeof(heard->id));
}

// Give up a receiver. It may have taken a signal that came with what we waited
// for, and as long as it is there it takes the next one from whoever asks.
static weft_err
let_go(struct order *order, weft_future receiver)
{
    weft_bytes data;
    weft_err err;

    if (!weft_workflow_is_known(order->wf, receiver)) {
        return weft_workflow_cancel(order->wf, receiver);
    }
    weft_workflow_shield_begin(order->wf);
    err = weft_workflow_await(order->wf, receiver, &data);
    weft_workflow_shield_end(order->wf);
    return err == WEFT_OK ? note(order, data) : err;
}

// Wait for somebody's signal or the customer's change of mind, whichever comes
// first.
//
// WEFT_ETIMEDOUT   neither came in time
// WEFT_ECANCELLED  the customer, or whoever cancelled the workflow
static weft_err
hear(struct order *order, const char *signal, uint64_t ms_max)
{
    weft_workflow *wf = order->wf;
    weft_future either[2] = {order->cancel, 0};
    size_t first = 0;
    weft_err why;
    weft_err err;

    order->waiting_for = signal;
    err = weft_workflow_receive_async(wf, signal, &either[1]);
    if (err != WEFT_OK) {
        return err;
    }
    why = weft_workflow_await_any(wf, either, 2, ms_max * order->pace, &first);
    if (why == WEFT_OK && first == 0) {
        order->is_cancel_heard = 1;
        why = let_go(order, order->cancel);
        why = why == WEFT_OK ? WEFT_ECANCELLED : why;
    }
    err = let_go(order, either[1]);
    return err == WEFT_OK ? why : err;
}

// A courier who is late costs us a voucher; one who is lost, the order.
static weft_err
await_courier(struct order *order)
{
    weft_err err = hear(order, "delivered", DELIVERED_MS_MAX);

    if (err == WEFT_ETIMEDOUT) {
        err = say(order, "late; a voucher is on its way too");
        if (err == WEFT_OK) {
            err = do_step(order, "voucher", NULL);
        }
        if (err == WEFT_OK) {
            err = hear(order, "delivered", VOUCHER_MS_MAX);
        }
    }
    return err;
}

// From the order to the door: the part that can go wrong.
static weft_err
fulfil(struct order *order)
{
    weft_err err = say(order, "waiting for the restaurant");

    if (err == WEFT_OK) {
        err = hear(order, "confirm", CONFIRM_MS_MAX);
    }
    if (err == WEFT_OK) {
        err = do_step(order, "charge", "refund");
    }
    if (err == WEFT_OK) {
        err = do_step(order, "pick", "restock");
    }
    if (err == WEFT_OK) {
        err = say(order, "in the kitchen");
    }
    if (err == WEFT_OK) {
        err = hear(order, "picked", PICKED_MS_MAX);
    }
    if (err == WEFT_OK) {
        err = do_step(order, "deliver", "recall");
    }
    if (err == WEFT_OK) {
        err = say(order, "with the courier");
    }
    if (err == WEFT_OK) {
        err = await_courier(order);
    }
    return err;
}

// Everything went well; the customer may tell the others, or not.
static weft_err
ask_for_review(struct order *order)
{
    weft_bytes data;
    weft_err err = say(order, "delivered");

    order->outcome = "completed";
    if (err == WEFT_OK) {
        err = do_step(order, "request_review", NULL);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_receive(order->wf, "review",
                                    REVIEW_MS_MAX * order->pace, &data);
    }
    if (err == WEFT_ETIMEDOUT) {
        return WEFT_OK;
    }
    return err == WEFT_OK ? note(order, data) : err;
}

// Something went wrong: undo what was done, the last step first.
static weft_err
compensate(struct order *order, weft_err why)
{
    size_t i = order->steps_count;
    weft_err err = WEFT_OK;

    order->outcome = "compensated";
    if (why == WEFT_ETIMEDOUT) {
        snprintf(order->reason, sizeof(order->reason), "no_%s",
                 order->waiting_for);
    } else if (why == WEFT_EFAILED) {
        snprintf(order->reason, sizeof(order->reason), "%s",
                 weft_workflow_failure(order->wf)->name);
    } else {
        snprintf(order->reason, sizeof(order->reason), "%s",
                 why == WEFT_ECANCELLED ? "cancelled" : weft_err_name(why));
    }
    err = say(order, "going wrong; you get your money back");
    while (i-- > 0 && err == WEFT_OK) {
        if (order->steps[i].undo != NULL) {
            err = do_step(order, order->steps[i].undo, NULL);
        }
    }
    return err;
}

// Signals that came too late to matter are still in the mailbox: note them.
static weft_err
note_the_late(struct order *order)
{
    static const char *const names[] = {"cancel_order", "confirm", "picked",
                                        "delivered", "review"};
    weft_bytes data;
    weft_err err = WEFT_OK;

    if (!order->is_cancel_heard) {
        err = let_go(order, order->cancel);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        while (err == WEFT_OK) {
            err = weft_workflow_receive(order->wf, names[i], 0, &data);
            if (err == WEFT_OK) {
                err = note(order, data);
            }
        }
        if (err != WEFT_ETIMEDOUT) {
            return err;
        }
        err = WEFT_OK;
    }
    return err;
}

// The result: what was done and heard, for the customer and for the books.
static weft_err
give_account(struct order *order, uint64_t began_ms)
{
    weft_payload *account = order->scratch;

    weft_payload_reset(account);
    weft_payload_map(account, 6);
    weft_payload_text(account, "outcome");
    weft_payload_text(account, order->outcome);
    weft_payload_text(account, "reason");
    weft_payload_text(account, order->reason);
    weft_payload_text(account, "began_ms");
    weft_payload_uint(account, began_ms);
    weft_payload_text(account, "ended_ms");
    weft_payload_uint(account, weft_workflow_now_ms(order->wf));
    weft_payload_text(account, "steps");
    weft_payload_array(account, order->steps_count);
    for (size_t i = 0; i < order->steps_count; i++) {
        const struct step *step = &order->steps[i];

        weft_payload_pack(account, "{'name':s,'key':s,'at':u}", step->activity,
                          step->key, step->at_ms);
    }
    weft_payload_text(account, "signals");
    weft_payload_array(account, order->heard_count);
    for (size_t i = 0; i < order->heard_count; i++) {
        weft_payload_pack(account, "{'id':s,'at':u}", order->heard[i].id,
                          order->heard[i].at_ms);
    }
    if (weft_payload_error(account) != WEFT_OK) {
        return weft_payload_error(account);
    }
    return weft_workflow_return(order->wf, weft_payload_bytes(account));
}

// A workflow is a function. It may be run again from its beginning at any time,
// over its journal, so it asks nobody but weft for time, chance or the world.
static weft_err
run_order(weft_workflow *wf, weft_bytes input)
{
    struct order order = {.wf = wf};
    uint64_t began_ms = weft_workflow_now_ms(wf);
    weft_err err;

    err = weft_payload_create(&order.scratch);
    if (err == WEFT_OK) {
        err = weft_payload_get_value(input, "order", &order.details);
    }
    if (err == WEFT_OK) {
        err = weft_payload_get_uint(input, "pace", &order.pace);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_receive_async(wf, "cancel_order", &order.cancel);
    }
    if (err != WEFT_OK) {
        goto out;
    }

    err = fulfil(&order);
    // What is delivered cannot be cancelled, nor can cleaning up.
    weft_workflow_shield_begin(wf);
    if (err == WEFT_OK) {
        err = ask_for_review(&order);
    } else if (err != WEFT_EUNWIND) {
        err = compensate(&order, err);
    }
    if (err == WEFT_OK) {
        err = note_the_late(&order);
    }
    if (err == WEFT_OK) {
        err = say(&order, order.outcome);
    }
    if (err == WEFT_OK) {
        err = give_account(&order, began_ms);
    }
    weft_workflow_shield_end(wf);

out:
    weft_payload_destroy(order.scratch);
    return err;
}

weft_err
meal_add_workflow(weft_definitions *definitions)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = "order";
    def.run = run_order;
    return weft_definitions_add_workflow(definitions, &def);
}
