// SPDX-License-Identifier: Apache-2.0
//
// account.c - does the order_meal example's account balance?
//
//   account [--name NAME] ORDERS ACTIVITIES SIGNALS EXPORT
//
// ORDERS      examples/orders.jsonl
// ACTIVITIES  activities.jsonl of the work directory: what was done
// SIGNALS     signals.jsonl of the work directory: what was sent and answered
// EXPORT      what `weft inspect DIR --export` prints: what the store says
//
// Prints what is wrong, a table and, as its last line,
//
//   NAME: orders=N completed=N compensated=N kills=N lost=N doubled=N
//
// Status 0: nothing is lost or doubled and every order is finished. 1: not so.
// 2: a file could not be read.

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"

#define PROBLEMS_SHOWN_MAX 40

void
account_problem(struct account *account, enum verdict verdict, const char *id,
                const char *format, ...)
{
    static const char *const names[VERDICT_COUNT] = {"lost", "doubled"};
    size_t count = account->problems[0] + account->problems[1];
    va_list args;

    account->problems[verdict]++;
    if (count == PROBLEMS_SHOWN_MAX) {
        printf("... and more\n");
    }
    if (count >= PROBLEMS_SHOWN_MAX) {
        return;
    }
    printf("%s: %s%s", names[verdict], id, id[0] != '\0' ? ": " : "");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static void
init_rows(struct account *account)
{
    static const char *const activities[ACTIVITIES_COUNT] = {
        "charge", "pick",    "deliver", "request_review",
        "refund", "restock", "recall",  "voucher",
    };
    static const char *const signals[SIGNALS_COUNT] = {
        "confirm", "picked", "delivered", "review", "cancel_order", "cancel",
    };

    for (size_t i = 0; i < ACTIVITIES_COUNT; i++) {
        account->activities[i].name = activities[i];
    }
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        account->signals[i].name = signals[i];
    }
}

static void
print_orders(const struct account *account)
{
    printf("\n%-24s%8zu\n", "orders", account->orders_count);
    printf("  %-22s%8zu\n", "completed", account->completed);
    printf("  %-22s%8zu\n", "compensated", account->compensated);
    for (size_t i = 0; i < REASONS_COUNT; i++) {
        printf("    %-20s%8zu\n", account_reasons[i], account->reasons[i]);
    }
    printf("  %-22s%8zu  (a plan upset by a kill)\n", "not as planned",
           account->unplanned);
}

static void
print_activities(const struct account *account)
{
    struct activity_row sum = {.name = "all"};

    printf("\n%-24s%8s%8s%8s%8s\n", "activity", "attempts", "keys", "failed",
           "again");
    for (size_t i = 0; i <= ACTIVITIES_COUNT; i++) {
        const struct activity_row *row =
            i < ACTIVITIES_COUNT ? &account->activities[i] : &sum;

        printf("  %-22s%8zu%8zu%8zu%8zu\n", row->name, row->attempts, row->keys,
               row->failed, row->again);
        sum.attempts += row->attempts;
        sum.keys += row->keys;
        sum.failed += row->failed;
        sum.again += row->again;
    }
    printf("  again: done and, its answer dying with the process, done again"
           " under the same key\n");
    if (account->same_attempt > 0) {
        printf("  note: %zu of them with an attempt number used before\n",
               account->same_attempt);
    }
}

static void
print_signals(const struct account *account)
{
    struct signal_row sum = {.name = "all"};

    printf("\n%-24s%8s%8s%8s%8s%8s%8s\n", "signal", "sent", "resent", "acked",
           "heard", "in vain", "refused");
    for (size_t i = 0; i <= SIGNALS_COUNT; i++) {
        const struct signal_row *row =
            i < SIGNALS_COUNT ? &account->signals[i] : &sum;

        printf("  %-22s%8zu%8zu%8zu%8zu%8zu%8zu\n", row->name, row->sent,
               row->again, row->acked, row->handled, row->late, row->refused);
        sum.sent += row->sent;
        sum.again += row->again;
        sum.acked += row->acked;
        sum.handled += row->handled;
        sum.late += row->late;
        sum.refused += row->refused;
    }
    printf("  in vain: acknowledged in the moment in which the order ended, or"
           " a request to cancel that came too late\n");
    printf("  refused: the order had finished\n");
}

static void
print_money(struct account *account)
{
    json_int_t kept = account->charged_cents - account->refunded_cents;

    printf("\n%-24s%8" JSON_INTEGER_FORMAT "\n", "cents charged",
           account->charged_cents);
    printf("  %-22s%8" JSON_INTEGER_FORMAT "\n", "given back",
           account->refunded_cents);
    printf("  %-22s%8" JSON_INTEGER_FORMAT "\n", "kept", kept);
    printf("  %-22s%8" JSON_INTEGER_FORMAT "\n", "completed orders cost",
           account->due_cents);
    if (kept != account->due_cents) {
        account_problem(account, VERDICT_LOST, "", "the money does not add up");
    }
}

int
main(int argc, char **argv)
{
    struct account account = {0};
    const char *name = "account";
    size_t open;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2 && strcmp(argv[1], "--name") == 0) {
        name = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc != 5) {
        fprintf(stderr, "usage: account [--name NAME]"
                        " ORDERS ACTIVITIES SIGNALS EXPORT\n");
        return 2;
    }
    init_rows(&account);
    if (!books_read(&account, argv[1], argv[2], argv[3], argv[4])) {
        books_free(&account);
        return 2;
    }
    for (size_t i = 0; i < account.orders_count; i++) {
        rules_judge(&account, &account.orders[i]);
    }
    print_orders(&account);
    print_activities(&account);
    print_signals(&account);
    print_money(&account);
    open = account.orders_count - account.completed - account.compensated;
    printf("\n%s: orders=%zu completed=%zu compensated=%zu kills=%zu lost=%zu"
           " doubled=%zu\n",
           name, account.orders_count, account.completed, account.compensated,
           account.kills, account.problems[VERDICT_LOST],
           account.problems[VERDICT_DOUBLED]);
    books_free(&account);
    return open == 0 && account.problems[VERDICT_LOST] == 0 &&
                   account.problems[VERDICT_DOUBLED] == 0
               ? 0
               : 1;
}
