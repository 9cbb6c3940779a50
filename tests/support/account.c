// SPDX-License-Identifier: Apache-2.0
//
// account.c - a kind "account" that loses, doubles and overtakes nothing
// without it being seen. See account.h.

#include "support/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
account_id(uint32_t index, char id[ACCOUNT_ID_SIZE])
{
    (void)snprintf(id, ACCOUNT_ID_SIZE, "acc%" PRIu32, index);
}

int
account_tally_is_whole(const struct account_tally *tally, uint64_t n)
{
    return tally->count == n && tally->sum == n * (n + 1) / 2 &&
           tally->squares == n * (n + 1) * (2 * n + 1) / 6;
}

static void
count_in(struct account_tally *tally, uint32_t seq)
{
    tally->out_of_order += seq != tally->last + 1;
    tally->last = seq;
    tally->count++;
    tally->sum += seq;
    tally->squares += (uint64_t)seq * seq;
}

// As the transfer, with what it carries behind it.
static weft_err
send_deposit(weft_actor *actor, const char *id,
             const struct account_transfer *transfer, weft_bytes message)
{
    char *deposit = malloc(message.len);
    weft_err err;

    if (deposit == NULL) {
        return WEFT_ENOMEM;
    }
    memcpy(deposit, message.data, message.len);
    memcpy(deposit, transfer, sizeof(*transfer));
    err = weft_actor_send(actor, (weft_target){"account", id}, "deposit",
                          weft_bytes_of(deposit, message.len));
    free(deposit);
    return err;
}

static weft_err
begin_transfer(weft_actor *actor, struct account *account,
               struct account_transfer *transfer, weft_bytes message)
{
    char id[ACCOUNT_ID_SIZE];
    weft_err err;

    count_in(&account->from_clients[transfer->client], transfer->seq);
    err = weft_actor_reply(
        actor, weft_bytes_of(&transfer->seq, sizeof(transfer->seq)));
    if (err != WEFT_OK) {
        return err;
    }
    account->balance -= transfer->amount;
    transfer->seq = ++account->sent[transfer->to];
    account_id(transfer->to, id);
    return send_deposit(actor, id, transfer, message);
}

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct account *account = state;
    struct account_transfer transfer;

    if (message->type == WEFT_MESSAGE_TIMER) {
        account->ticks++;
        return WEFT_OK;
    }
    if (message->data.len < sizeof(transfer)) {
        return WEFT_OK;
    }
    memcpy(&transfer, message->data.data, sizeof(transfer));
    if (strcmp(message->name, "transfer") == 0) {
        return begin_transfer(actor, account, &transfer, message->data);
    }
    account->balance += transfer.amount;
    count_in(&account->from_accounts[transfer.from], transfer.seq);
    return weft_actor_timer_set(actor, "tick", 20);
}

static weft_err
show(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

weft_err
account_define(weft_definitions *definitions)
{
    weft_actor_def account = WEFT_ACTOR_DEF_INIT;

    account.name = "account";
    account.state_bytes = sizeof(struct account);
    account.receive = receive;
    account.query = show;
    return weft_definitions_add_actor(definitions, &account);
}
