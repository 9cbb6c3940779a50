// SPDX-License-Identifier: Apache-2.0
//
// traffic.c - clients that move money between accounts of a fleet.
//
// A client has one transfer under way. One that fails, or is not answered for
// PATIENCE_MS, is asked again with the same number, at any node that is up; the
// first answer counts. So what an account has of a client must be each of its
// numbers once, and in order.

#include "fleet/traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/key.h"
#include "base/random.h"
#include "fleet/fleet.h"
#include "runtime/request.h"
#include "support/account.h"
#include "support/test.h"

#define ACCOUNTS 8
#define PATIENCE_MS 4000

struct client {
    struct traffic *traffic;
    uint32_t index;
    uint32_t left; // transfers to be made
    uint64_t number;
    bool is_waiting;
    bool was_asked; // this number was, before
    uint64_t asked_ms;
    uint64_t again_ms;
    struct account_transfer transfer;
    uint32_t seqs[ACCOUNTS]; // to each account
};

struct traffic {
    struct fleet *fleet;
    uint32_t nodes_count;
    uint32_t partition_count;
    struct client clients[ACCOUNT_CLIENTS_MAX];
    uint64_t retries;
    uint64_t under_way; // requests that have not come back
    struct account accounts[ACCOUNTS];
    uint32_t read_count;
    bool is_read[ACCOUNTS];
};

// One asking; several may be under way for one number.
struct asking {
    struct traffic *traffic;
    struct client *client; // NULL: it is a query
    uint64_t number;
    uint32_t account;
};

struct traffic *
traffic_create(struct fleet *fleet, uint32_t nodes_count,
               uint32_t partition_count, uint32_t count)
{
    struct traffic *traffic = wf_calloc(sizeof(*traffic));

    traffic->fleet = fleet;
    traffic->nodes_count = nodes_count;
    traffic->partition_count = partition_count;
    for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
        traffic->clients[i].traffic = traffic;
        traffic->clients[i].index = i;
        traffic->clients[i].left = count;
    }
    return traffic;
}

void
traffic_destroy(struct traffic *traffic)
{
    WF_ASSERT(traffic->under_way == 0);
    wf_free(traffic);
}

static uint32_t
below(struct traffic *traffic, uint32_t limit)
{
    return (uint32_t)wf_random_below(fleet_random(traffic->fleet), limit);
}

static void
take_answer(struct client *client, const struct wf_request *request)
{
    struct traffic *traffic = client->traffic;

    if (!client->is_waiting || request->number != client->number) {
        return; // another asking was faster
    }
    if (request->reply.err == WEFT_OK) {
        client->is_waiting = false;
        client->left--;
        return;
    }
    client->was_asked = true;
    client->again_ms = fleet_now_ms(traffic->fleet) + 20 + below(traffic, 200);
}

static void
take_account(struct traffic *traffic, uint32_t account,
             const struct wf_request *request)
{
    const weft_reply *reply = &request->reply;

    if (reply->err == WEFT_OK && !traffic->is_read[account] &&
        reply->data.len == sizeof(struct account)) {
        memcpy(&traffic->accounts[account], reply->data.data,
               sizeof(struct account));
        traffic->is_read[account] = true;
        traffic->read_count++;
    } else if (reply->err == WEFT_ENOTFOUND && !traffic->is_read[account]) {
        traffic->is_read[account] = true; // nobody ever wrote to it
        traffic->read_count++;
    }
}

static void
answered(struct wf_request *request)
{
    struct asking *asking = request->done_ctx;

    asking->traffic->under_way--;
    if (asking->client != NULL) {
        take_answer(asking->client, request);
    } else {
        take_account(asking->traffic, asking->account, request);
    }
    wf_free(asking);
    wf_request_destroy(request);
}

static int32_t
find_up(struct traffic *traffic)
{
    uint32_t first = below(traffic, traffic->nodes_count);

    for (uint32_t i = 0; i < traffic->nodes_count; i++) {
        uint32_t node = (first + i) % traffic->nodes_count;

        if (fleet_is_up(traffic->fleet, node)) {
            return (int32_t)node;
        }
    }
    return -1;
}

static struct wf_request *
make_request(struct traffic *traffic, weft_verb verb, uint32_t account)
{
    struct wf_request *request = wf_request_create();
    struct asking *asking = wf_calloc(sizeof(*asking));
    char id[ACCOUNT_ID_SIZE];

    account_id(account, id);
    CHECK_OK(wf_key_make("default", "account", id, &request->key));
    request->verb = verb;
    request->partition =
        wf_key_partition(&request->key, traffic->partition_count);
    request->done = answered;
    request->done_ctx = asking;
    asking->traffic = traffic;
    asking->account = account;
    traffic->under_way++;
    return request;
}

static void
ask(struct client *client)
{
    struct traffic *traffic = client->traffic;
    int32_t node = find_up(traffic);
    struct wf_request *request;

    if (node < 0) {
        client->again_ms = fleet_now_ms(traffic->fleet) + 50;
        return;
    }
    request = make_request(traffic, WEFT_VERB_SIGNAL, client->transfer.from);
    ((struct asking *)request->done_ctx)->client = client;
    request->name = wf_strdup("transfer");
    request->data = wf_bytes_copy(
        weft_bytes_of(&client->transfer, sizeof(client->transfer)));
    memset(request->client, (int)client->index + 1, sizeof(request->client));
    request->number = client->number;
    request->confirmed = client->number;
    request->is_repeat = client->was_asked;
    client->asked_ms = fleet_now_ms(traffic->fleet);
    client->again_ms = UINT64_MAX;
    fleet_ask(traffic->fleet, (uint32_t)node, request);
}

static void
begin(struct client *client)
{
    struct traffic *traffic = client->traffic;
    uint32_t from = below(traffic, ACCOUNTS);

    client->number++;
    client->is_waiting = true;
    client->was_asked = false;
    client->transfer = (struct account_transfer){
        .client = client->index,
        .seq = ++client->seqs[from],
        .from = from,
        .to = (from + 1 + below(traffic, ACCOUNTS - 1)) % ACCOUNTS,
        .amount = 1 + below(traffic, 100),
    };
    ask(client);
}

void
traffic_step(struct traffic *traffic)
{
    uint64_t now_ms = fleet_now_ms(traffic->fleet);

    for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
        struct client *client = &traffic->clients[i];

        if (!client->is_waiting) {
            if (client->left > 0) {
                begin(client);
            }
        } else if (now_ms >= client->again_ms ||
                   now_ms >= client->asked_ms + PATIENCE_MS) {
            client->was_asked = true;
            traffic->retries++;
            ask(client);
        }
    }
}

bool
traffic_is_over(const struct traffic *traffic)
{
    for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
        if (traffic->clients[i].is_waiting || traffic->clients[i].left > 0) {
            return false;
        }
    }
    return true;
}

uint64_t
traffic_retries(const struct traffic *traffic)
{
    return traffic->retries;
}

// The count. ------------------------------------------------------------------

static void
read_accounts(struct traffic *traffic)
{
    uint64_t limit_ms = fleet_now_ms(traffic->fleet) + 60000;

    while (traffic->read_count < ACCOUNTS &&
           fleet_now_ms(traffic->fleet) < limit_ms) {
        for (uint32_t i = 0; i < ACCOUNTS; i++) {
            int32_t node = find_up(traffic);

            if (!traffic->is_read[i] && node >= 0) {
                fleet_ask(traffic->fleet, (uint32_t)node,
                          make_request(traffic, WEFT_VERB_QUERY, i));
            }
        }
        fleet_run(traffic->fleet, fleet_now_ms(traffic->fleet) + 500);
    }
}

static uint32_t
fault_of_tally(const struct account_tally *tally, uint32_t expected,
               const char *what, uint32_t to, uint32_t from)
{
    bool is_right =
        account_tally_is_whole(tally, expected) && tally->out_of_order == 0;

    if (!is_right) {
        (void)fprintf(stderr,
                      "account %" PRIu32 " has of %s %" PRIu32 ": %" PRIu32
                      " of %" PRIu32 ", %" PRIu32 " out of order\n",
                      to, what, from, tally->count, expected,
                      tally->out_of_order);
    }
    return !is_right;
}

void
traffic_check(struct traffic *traffic, uint64_t seed)
{
    uint32_t faults = 0;
    int64_t sum = 0;

    read_accounts(traffic);
    faults += traffic->read_count != ACCOUNTS;
    for (uint32_t to = 0; to < ACCOUNTS; to++) {
        const struct account *account = &traffic->accounts[to];

        sum += account->balance;
        for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
            faults +=
                fault_of_tally(&account->from_clients[i],
                               traffic->clients[i].seqs[to], "client", to, i);
        }
        for (uint32_t from = 0; from < ACCOUNTS; from++) {
            faults += fault_of_tally(&account->from_accounts[from],
                                     traffic->accounts[from].sent[to],
                                     "account", to, from);
        }
    }
    faults += sum != 0;
    if (faults > 0) {
        (void)fprintf(stderr,
                      "seed %" PRIu64 ": %" PRIu32 " faults; %" PRIu32
                      " accounts read, their sum is %" PRId64 "\n",
                      seed, faults, traffic->read_count, sum);
    }
    CHECK_EQ(faults, 0);
}
