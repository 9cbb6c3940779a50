// SPDX-License-Identifier: Apache-2.0
//
// work_bank.c - transfers between accounts, each an actor, confirmed to the
// client when both sides have them.
//
// The payer takes the money off and sends it; the payee adds it and sends back
// word; the payer answers the question that the client asked. Afterwards the
// sum of all accounts is zero, or that is an error.

#include <string.h>

#include "bench/bench.h"
#include "bench/kinds.h"
#include "bench/run.h"

struct account {
    int64_t balance;
};

// What the client says to the payer.
struct order {
    int64_t amount;
    struct bench_id payee;
};

// What travels between the two.
struct transfer {
    int64_t amount;
    uint64_t question; // the payer's
};

static weft_err
pay(weft_actor *actor, const struct order *order, struct account *account)
{
    struct transfer transfer = {.amount = order->amount};
    uint32_t question;
    weft_err err = weft_actor_reply_later(actor, &question);

    if (err != WEFT_OK) {
        return err;
    }
    account->balance -= transfer.amount;
    transfer.question = question;
    return weft_actor_send(actor, (weft_target){"account", order->payee.text},
                           "deposit",
                           weft_bytes_of(&transfer, sizeof(transfer)));
}

static weft_err
handle(weft_actor *actor, const weft_message *message, void *state)
{
    const weft_bytes data = message->data;
    struct account *account = state;
    struct order order;
    struct transfer transfer;

    if (data.len == sizeof(order)) {
        memcpy(&order, data.data, sizeof(order));
        return pay(actor, &order, account);
    }
    if (data.len != sizeof(transfer)) {
        return WEFT_OK;
    }
    memcpy(&transfer, data.data, sizeof(transfer));
    if (strcmp(message->name, "deposit") == 0) {
        account->balance += transfer.amount;
        return weft_actor_send(
            actor, (weft_target){message->sender_kind, message->sender_id},
            "done", data);
    }
    return weft_actor_reply_to(actor, (uint32_t)transfer.question,
                               weft_text("done"));
}

static weft_err
define(struct bench *bench, weft_definitions *definitions)
{
    (void)bench;
    return kinds_add_actor(definitions, "account", handle,
                           sizeof(struct account), kinds_answer_state);
}

static weft_err
begin(struct bench *bench, struct op *op)
{
    struct order order = {.amount = 1 + (int64_t)(op->number % 100)};
    uint64_t count = bench->settings.sizes[SIZE_INSTANCES];
    uint64_t payer = bench_random(bench) % count;
    uint64_t payee = (payer + 1 + bench_random(bench) % (count - 1)) % count;
    struct bench_id id = bench_id(bench, payer);

    order.payee = bench_id(bench, payee);
    run_ask(op, (weft_target){"account", id.text}, "transfer",
            weft_bytes_of(&order, sizeof(order)));
    return WEFT_OK;
}

static weft_err
prepare(struct bench *bench)
{
    if (bench->settings.sizes[SIZE_INSTANCES] < 2) {
        bench->settings.sizes[SIZE_INSTANCES] = 2;
    }
    return WEFT_OK;
}

static weft_err
check(struct bench *bench)
{
    weft_client *client = bench->place.clients[0];
    int64_t sum = 0;

    for (uint64_t i = 0; i < bench->settings.sizes[SIZE_INSTANCES]; i++) {
        struct account account = {0};
        weft_reply *reply = NULL;
        struct bench_id id = bench_id(bench, i);
        weft_err err;

        err = weft_client_query(client, (weft_target){"account", id.text},
                                "balance", weft_text(""), &reply);
        if (err == WEFT_OK && reply->data.len == sizeof(account)) {
            memcpy(&account, reply->data.data, sizeof(account));
        }
        weft_reply_free(reply);
        if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
            return err;
        }
        sum += account.balance;
    }
    bench->errors += sum != 0;
    return WEFT_OK;
}

const struct workload work_bank = {
    .name = "bank",
    .counts = "transfers",
    .about = "between 1,000 accounts at random, confirmed by both",
    .instances = 1000,
    .define = define,
    .prepare = prepare,
    .begin = begin,
    .check = check,
};
