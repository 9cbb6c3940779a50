// SPDX-License-Identifier: Apache-2.0
//
// readers.c - clients that read the accounts of a cluster, and see old values.

#include "nodes/readers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/moment.h"
#include "nodes/transfers.h"
#include "support/account.h"
#include "weft/connect.h"
#include "weft/weft.h"

#define READERS_MAX 8
#define CALL_MS 2000
#define PAUSE_MS 2

// Of an account: how much of each client's.
struct known {
    _Atomic uint32_t counts[ACCOUNT_CLIENTS_MAX];
};

struct reader {
    struct readers *readers;
    const char *endpoint;
    pthread_t thread;
    weft_client *client;
    _Atomic uint64_t read_ms[TRANSFERS_ACCOUNTS]; // when last asked, and told
};

struct readers {
    const struct transfers *transfers;
    struct reader all[READERS_MAX];
    size_t count;
    struct known seen[TRANSFERS_ACCOUNTS]; // by any of them
    _Atomic uint64_t answers;
    _Atomic uint32_t faults;
    atomic_bool may_be_old;
    atomic_bool is_ending;
};

// What must be in an answer that is asked for from now on.
static void
look_before(struct readers *readers, uint32_t account, uint32_t *out_counts)
{
    for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
        uint32_t acked = transfers_acked(readers->transfers, i, account);
        uint32_t seen = atomic_load(&readers->seen[account].counts[i]);

        out_counts[i] = acked > seen ? acked : seen;
    }
}

static void
compare(struct reader *reader, uint32_t index, const struct account *account,
        const uint32_t *least)
{
    struct readers *readers = reader->readers;

    for (uint32_t i = 0; i < ACCOUNT_CLIENTS_MAX; i++) {
        _Atomic uint32_t *seen = &readers->seen[index].counts[i];
        uint32_t count = account->from_clients[i].count;
        uint32_t before = atomic_load(seen);

        if (count < least[i]) {
            (void)fprintf(stderr,
                          "%s answers for account %" PRIu32 " what is old: "
                          "%" PRIu32 " of client %" PRIu32 ", and %" PRIu32
                          " were there\n",
                          reader->endpoint, index, count, i, least[i]);
            atomic_fetch_add(&readers->faults, 1);
        }
        while (before < count &&
               !atomic_compare_exchange_weak(seen, &before, count)) {
        }
    }
}

static void
read_one(struct reader *reader, uint32_t index)
{
    uint32_t least[ACCOUNT_CLIENTS_MAX];
    struct account account = {0};
    uint64_t asked_ms = moment_now_ms();
    weft_reply *reply = NULL;
    char id[ACCOUNT_ID_SIZE];
    bool may_be_old = atomic_load(&reader->readers->may_be_old);
    weft_err err;

    account_id(index, id);
    look_before(reader->readers, index, least);
    err = weft_client_query(reader->client, (weft_target){"account", id}, "all",
                            weft_nothing(), &reply);
    if (err == WEFT_OK && reply->data.len == sizeof(account)) {
        memcpy(&account, reply->data.data, sizeof(account));
    }
    weft_reply_free(reply);
    if (err == WEFT_OK || err == WEFT_ENOTFOUND) {
        may_be_old = may_be_old || atomic_load(&reader->readers->may_be_old);
        compare(reader, index, &account,
                may_be_old ? (const uint32_t[ACCOUNT_CLIENTS_MAX]){0} : least);
        atomic_fetch_add(&reader->readers->answers, 1);
        atomic_store(&reader->read_ms[index], asked_ms);
    }
}

static void *
run(void *arg)
{
    struct reader *reader = arg;

    for (uint32_t i = 0; !atomic_load(&reader->readers->is_ending); i++) {
        read_one(reader, i % TRANSFERS_ACCOUNTS);
        moment_sleep_ms(PAUSE_MS);
    }
    return NULL;
}

struct readers *
readers_start(const char *const *endpoints, size_t count,
              const struct transfers *transfers)
{
    struct readers *readers = calloc(1, sizeof(*readers));
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;

    if (readers == NULL || count > READERS_MAX) {
        abort();
    }
    readers->transfers = transfers;
    readers->count = count;
    options.endpoints_count = 1;
    options.timeout_ms = CALL_MS;
    for (size_t i = 0; i < count; i++) {
        struct reader *reader = &readers->all[i];

        reader->readers = readers;
        reader->endpoint = endpoints[i];
        options.endpoints = &endpoints[i];
        if (weft_client_connect(&options, &reader->client) != WEFT_OK ||
            pthread_create(&reader->thread, NULL, run, reader) != 0) {
            (void)fprintf(stderr, "reader: %s\n", weft_err_detail());
            exit(1);
        }
    }
    return readers;
}

// What a reader has not read since; NULL: it has read everything.
static const struct reader *
find_late(const struct readers *readers, uint64_t since_ms,
          uint32_t *out_account)
{
    for (size_t i = 0; i < readers->count; i++) {
        for (uint32_t j = 0; j < TRANSFERS_ACCOUNTS; j++) {
            if (atomic_load(&readers->all[i].read_ms[j]) < since_ms) {
                *out_account = j;
                return &readers->all[i];
            }
        }
    }
    return NULL;
}

uint64_t
readers_await(struct readers *readers, uint64_t ms)
{
    uint64_t since_ms = moment_now_ms();
    const struct reader *late = NULL;
    uint32_t account = 0;

    do {
        moment_sleep_ms(5);
        late = find_late(readers, since_ms, &account);
    } while (late != NULL && moment_now_ms() - since_ms < ms);
    if (late != NULL) {
        (void)fprintf(stderr,
                      "%s does not answer for account %" PRIu32
                      " within %" PRIu64 " ms\n",
                      late->endpoint, account, ms);
        return 0;
    }
    return moment_now_ms() - since_ms;
}

void
readers_allow_old(struct readers *readers, bool may_be_old)
{
    atomic_store(&readers->may_be_old, may_be_old);
}

uint64_t
readers_answers(const struct readers *readers)
{
    return atomic_load(&readers->answers);
}

uint32_t
readers_faults(const struct readers *readers)
{
    return atomic_load(&readers->faults);
}

void
readers_stop(struct readers *readers)
{
    if (readers == NULL) {
        return;
    }
    atomic_store(&readers->is_ending, true);
    for (size_t i = 0; i < readers->count; i++) {
        pthread_join(readers->all[i].thread, NULL);
        weft_client_close(readers->all[i].client);
    }
    free(readers);
}
