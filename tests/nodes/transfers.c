// SPDX-License-Identifier: Apache-2.0
//
// transfers.c - clients that move money between the accounts of a cluster.
//
// A client has one transfer under way, and asks for it with one number until it
// is done. So an account must have each of a client's numbers once, in order.

#include "nodes/transfers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/moment.h"
#include "support/account.h"
#include "weft/connect.h"
#include "weft/weft.h"

#define ACCOUNTS TRANSFERS_ACCOUNTS
#define CALL_MS 120000 // the client itself asks again meanwhile
#define READ_MS 60000

struct client {
    struct transfers *transfers;
    uint32_t index;
    uint32_t seed;
    pthread_t thread;
    weft_client *client;
    uint32_t seqs[ACCOUNTS];
    _Atomic uint32_t acked[ACCOUNTS]; // of these
    atomic_bool is_idle;              // its thread has ended
};

struct transfers {
    const char *const *endpoints;
    size_t endpoints_count;
    struct client clients[ACCOUNT_CLIENTS_MAX];
    _Atomic uint64_t done;
    _Atomic uint64_t slowest_ms;
    _Atomic uint64_t repeats;
    atomic_bool is_ending;
};

// Until it is done, whatever that takes.
static void
transfer(struct client *client, const struct account_transfer *transfer)
{
    weft_request request = WEFT_REQUEST_INIT;
    char id[ACCOUNT_ID_SIZE];
    weft_err err = WEFT_EBUSY;

    account_id(transfer->from, id);
    request.verb = WEFT_VERB_SIGNAL;
    request.name = "transfer";
    request.target = (weft_target){"account", id};
    request.data = weft_bytes_of(transfer, sizeof(*transfer));
    while (err != WEFT_OK) {
        weft_reply *reply = NULL;

        err = weft_client_call(client->client, &request, CALL_MS, &reply);
        if (reply != NULL) {
            // What was refused did not happen, and its number is used up.
            request.number =
                err == WEFT_EBUSY || err == WEFT_EFULL ? 0 : reply->number;
            weft_reply_free(reply);
        }
        if (err != WEFT_OK && err != WEFT_EBUSY && err != WEFT_EIO &&
            err != WEFT_ECLOSED && err != WEFT_EFULL) {
            (void)fprintf(stderr, "transfer: %s %s\n", weft_err_name(err),
                          weft_err_detail());
            exit(1);
        }
        if (err != WEFT_OK) {
            atomic_fetch_add(&client->transfers->repeats, 1);
            moment_sleep_ms(20);
        }
    }
}

static uint32_t
below(struct client *client, uint32_t limit)
{
    client->seed = client->seed * 1664525U + 1013904223U;
    return (client->seed >> 8) % limit;
}

static void *
run(void *arg)
{
    struct client *client = arg;
    struct transfers *transfers = client->transfers;

    while (!atomic_load(&transfers->is_ending)) {
        uint32_t from = below(client, ACCOUNTS);
        struct account_transfer made = {
            .client = client->index,
            .seq = ++client->seqs[from],
            .from = from,
            .to = (from + 1 + below(client, ACCOUNTS - 1)) % ACCOUNTS,
            .amount = 1 + below(client, 100),
        };
        uint64_t began_ms = moment_now_ms();
        uint64_t took_ms;

        transfer(client, &made);
        atomic_store(&client->acked[from], made.seq);
        took_ms = moment_now_ms() - began_ms;
        if (took_ms > atomic_load(&transfers->slowest_ms)) {
            atomic_store(&transfers->slowest_ms, took_ms);
        }
        atomic_fetch_add(&transfers->done, 1);
    }
    atomic_store(&client->is_idle, true);
    return NULL;
}

struct transfers *
transfers_start(const char *const *endpoints, size_t count)
{
    struct transfers *transfers = calloc(1, sizeof(*transfers));
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;

    if (transfers == NULL) {
        abort();
    }
    transfers->endpoints = endpoints;
    transfers->endpoints_count = count;
    options.endpoints = endpoints;
    options.endpoints_count = count;
    for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
        struct client *client = &transfers->clients[i];

        client->transfers = transfers;
        client->index = i;
        client->seed = i + 1;
        if (weft_client_connect(&options, &client->client) != WEFT_OK ||
            pthread_create(&client->thread, NULL, run, client) != 0) {
            (void)fprintf(stderr, "client: %s\n", weft_err_detail());
            exit(1);
        }
    }
    return transfers;
}

uint64_t
transfers_done(const struct transfers *transfers)
{
    return atomic_load(&transfers->done);
}

uint64_t
transfers_slowest_ms(const struct transfers *transfers)
{
    return atomic_load(&transfers->slowest_ms);
}

uint64_t
transfers_repeats(const struct transfers *transfers)
{
    return atomic_load(&transfers->repeats);
}

uint32_t
transfers_acked(const struct transfers *transfers, uint32_t client,
                uint32_t account)
{
    return atomic_load(&transfers->clients[client].acked[account]);
}

bool
transfers_stop(struct transfers *transfers, uint64_t ms)
{
    uint64_t limit_ms = moment_now_ms() + ms;
    bool is_over = true;

    atomic_store(&transfers->is_ending, true);
    for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
        struct client *client = &transfers->clients[i];

        while (!atomic_load(&client->is_idle) && moment_now_ms() < limit_ms) {
            moment_sleep_ms(10);
        }
        if (!atomic_load(&client->is_idle)) {
            (void)fprintf(stderr, "client %" PRIu32 " has no answer\n", i);
            is_over = false;
        } else {
            pthread_join(client->thread, NULL);
        }
    }
    return is_over;
}

// The count. ------------------------------------------------------------------

static bool
read_account(struct transfers *transfers, uint32_t index,
             struct account *out_account)
{
    weft_client *client = transfers->clients[0].client;
    uint64_t limit_ms = moment_now_ms() + READ_MS;
    char id[ACCOUNT_ID_SIZE];
    weft_err err = WEFT_EBUSY;

    account_id(index, id);
    *out_account = (struct account){0};
    while (err != WEFT_OK && err != WEFT_ENOTFOUND &&
           moment_now_ms() < limit_ms) {
        weft_reply *reply = NULL;

        err = weft_client_query(client, (weft_target){"account", id}, "all",
                                weft_nothing(), &reply);
        if (err == WEFT_OK && reply->data.len == sizeof(*out_account)) {
            memcpy(out_account, reply->data.data, sizeof(*out_account));
        }
        weft_reply_free(reply);
        if (err != WEFT_OK) {
            moment_sleep_ms(50);
        }
    }
    if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
        (void)fprintf(stderr, "account %" PRIu32 ": %s %s\n", index,
                      weft_err_name(err), weft_err_detail());
    }
    return err == WEFT_OK || err == WEFT_ENOTFOUND;
}

static uint32_t
fault_of(const struct account_tally *tally, uint32_t expected, const char *what,
         uint32_t from, uint32_t to)
{
    if (account_tally_is_whole(tally, expected) && tally->out_of_order == 0) {
        return 0;
    }
    (void)fprintf(stderr,
                  "account %" PRIu32 " has of %s %" PRIu32 ": %" PRIu32
                  " of %" PRIu32 ", %" PRIu32 " out of order\n",
                  to, what, from, tally->count, expected, tally->out_of_order);
    return 1;
}

static uint32_t
count(const struct transfers *transfers, const struct account *accounts,
      bool is_said)
{
    uint32_t faults = 0;
    int64_t sum = 0;

    for (uint32_t to = 0; to < ACCOUNTS; to++) {
        sum += accounts[to].balance;
        for (uint32_t i = 0; is_said && i < ACCOUNT_CLIENTS_MAX; i++) {
            faults += fault_of(&accounts[to].from_clients[i],
                               transfers->clients[i].seqs[to], "client", i, to);
        }
        for (uint32_t from = 0; is_said && from < ACCOUNTS; from++) {
            faults += fault_of(&accounts[to].from_accounts[from],
                               accounts[from].sent[to], "account", from, to);
        }
    }
    if (is_said && sum != 0) {
        (void)fprintf(stderr, "the sum of all is %" PRId64 "\n", sum);
    }
    return faults + (sum != 0);
}

uint32_t
transfers_check(struct transfers *transfers)
{
    struct account accounts[ACCOUNTS];
    uint32_t faults = 1;

    // Deposits are on their way yet.
    for (int i = 0; i < 100 && faults > 0; i++) {
        for (uint32_t j = 0; j < ACCOUNTS; j++) {
            if (!read_account(transfers, j, &accounts[j])) {
                return 1;
            }
        }
        faults = count(transfers, accounts, false);
        moment_sleep_ms(faults > 0 ? 100 : 0);
    }
    return count(transfers, accounts, true);
}

void
transfers_free(struct transfers *transfers)
{
    for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
        weft_client_close(transfers->clients[i].client);
    }
    free(transfers);
}
