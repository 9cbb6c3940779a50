// SPDX-License-Identifier: Apache-2.0
//
// victim_kinds.c - the victim's accounts and programs.

#include "crash/victim_kinds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crash/ledger.h"

_Static_assert(PLAN_ACCOUNTS <= ACCOUNTS_MAX, "accounts");
_Static_assert(PLAN_CLIENTS <= ACCOUNT_CLIENTS_MAX, "clients");

static int effects_fd = -1;
static int tokens_fd = -1;

static void
called(void *ctx, const char *key, uint32_t attempt, const char *name)
{
    (void)ctx;
    ledger_write(effects_fd, LEDGER_LINE, "%s %" PRIu32 " %s", key, attempt,
                 name);
}

static void
deferred(void *ctx, const char *token, const char *failure, uint64_t value)
{
    (void)ctx;
    ledger_write(tokens_fd, LEDGER_TOKEN_LINE, "%s %" PRIu64 " %s", token,
                 value, failure == NULL ? "" : failure);
}

static void
must(weft_err err)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "definitions: %s: %s\n", weft_err_name(err),
                      weft_err_detail());
        exit(3);
    }
}

weft_definitions *
victim_definitions(const char *dir)
{
    static const struct run_hooks hooks = {.called = called,
                                           .deferred = deferred};
    weft_definitions *definitions;

    effects_fd = ledger_open(dir, "effects");
    tokens_fd = ledger_open(dir, "tokens");
    must(weft_definitions_create(&definitions));
    must(account_define(definitions));
    must(run_define(definitions, &hooks));
    return definitions;
}
