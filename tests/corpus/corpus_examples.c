// SPDX-License-Identifier: Apache-2.0
//
// corpus_examples.c - the journals that the examples leave.
//
//   corpus_examples record DIR ORDERS   play them, on a node in memory, and
//                                       keep each workflow as it is after a
//                                       while, and as it has ended
//   corpus_examples replay DIR          run their code over what is in DIR
//
// A counter is a plain actor and has no journal.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "order_meal.h"
#include "weft/capsule.h"
#include "weft/testing.h"

// The subscription is one file; what it has is static.
int subscription_main(int argc, char **argv);
#define main subscription_main
#include "subscription.c"
#undef main

#define ORDERS_MAX 24
#define WHILE_MS 1500

static weft_test *test;
static FILE *file;
static int failed;

static void
must(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        fprintf(stderr, "%s: %s: %s\n", what, weft_err_name(err),
                weft_err_detail());
        exit(1);
    }
}

static void
keep(const char *kind, const char *id)
{
    weft_reply *reply = NULL;

    must(weft_client_export(weft_test_client(test), (weft_target){kind, id},
                            &reply),
         id);
    if (fwrite(reply->data.data, 1, reply->data.len, file) != reply->data.len) {
        failed = 1;
    }
    weft_reply_free(reply);
}

static void
keep_all(weft_test *running, void *ctx)
{
    const char *kind = ctx;
    weft_reply *reply = NULL;

    must(weft_client_list(weft_test_client(running), kind, WEFT_STATUS_NONE,
                          NULL, &reply),
         kind);
    for (size_t i = 0; i < reply->items_count; i++) {
        keep(kind, reply->items[i].id);
    }
    weft_reply_free(reply);
}

// A signal that comes when its time has come.
struct coming {
    char kind[16];
    char id[64];
    const char *name;
    weft_payload *data;
};

static void
come(weft_test *running, void *ctx)
{
    struct coming *coming = ctx;
    weft_target target = {coming->kind, coming->id};
    weft_err err =
        weft_client_signal(weft_test_client(running), target, coming->name,
                           weft_payload_bytes(coming->data));

    if (err != WEFT_EFINISHED) {
        must(err, coming->name);
    }
    weft_payload_destroy(coming->data);
    free(coming);
}

static struct coming *
make_coming(const char *kind, const char *id, const char *name)
{
    struct coming *coming = calloc(1, sizeof(*coming));

    if (coming == NULL) {
        exit(1);
    }
    snprintf(coming->kind, sizeof(coming->kind), "%s", kind);
    snprintf(coming->id, sizeof(coming->id), "%s", id);
    coming->name = name;
    must(weft_payload_create(&coming->data), name);
    return coming;
}

static void
begin(const weft_definitions *definitions, const char *dir, const char *name)
{
    char path[1024];

    must(weft_test_open(definitions, NULL, &test), name);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
}

static void
end(void)
{
    weft_test_close(test);
    failed = fclose(file) != 0 || failed;
}

// Orders. ---------------------------------------------------------------------

static weft_definitions *
define_orders(void)
{
    weft_definitions *definitions = NULL;

    must(weft_definitions_create(&definitions), "order");
    must(meal_add_workflow(definitions), "order");
    must(meal_add_activities(definitions, -1), "order");
    return definitions;
}

// In place of the bank, the kitchen and the courier.
static weft_err
trade(weft_activity *activity, weft_bytes order)
{
    weft_payload *result = NULL;
    char card[32] = "";
    weft_err err = weft_payload_get_text(order, "card", card, sizeof(card));

    if (weft_activity_context(activity) != NULL &&
        strcmp(card, "declined") == 0) {
        return weft_activity_fail_for_good(activity, "card_declined", "",
                                           weft_nothing());
    }
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

static void
stub_trades(void)
{
    static const char *const names[] = {"charge",  "refund",        "pick",
                                        "restock", "deliver",       "recall",
                                        "voucher", "request_review"};
    static int charges;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        weft_test_stub stub = WEFT_TEST_STUB_INIT;

        stub.run = trade;
        stub.context = i == 0 ? &charges : NULL;
        stub.delay_ms = 10;
        must(weft_test_stub_activity(test, names[i], &stub), names[i]);
    }
}

static void
plan_signal(weft_bytes line, const char *id, const char *field,
            const char *name)
{
    struct coming *coming;
    uint64_t after_ms = 0;

    if (weft_payload_get_uint(line, field, &after_ms) != WEFT_OK) {
        return; // null: never
    }
    coming = make_coming("order", id, name);
    must(weft_payload_pack(coming->data, "{'signal':s}", name), name);
    weft_test_at(test, after_ms, come, coming);
}

static weft_err
place_order(void *ctx, weft_bytes line)
{
    int *count = ctx;
    weft_payload *input = NULL;
    char id[64] = "";

    if (++*count > ORDERS_MAX) {
        return WEFT_OK;
    }
    must(weft_payload_get_text(line, "id", id, sizeof(id)), "order");
    must(weft_payload_create(&input), id);
    must(weft_payload_pack(input, "{'order':v, 'pace':u}", line, (uint64_t)1),
         id);
    must(weft_client_start(weft_test_client(test), (weft_target){"order", id},
                           weft_payload_bytes(input)),
         id);
    weft_payload_destroy(input);
    plan_signal(line, id, "confirm_ms", "confirm");
    plan_signal(line, id, "picked_ms", "picked");
    plan_signal(line, id, "delivered_ms", "delivered");
    plan_signal(line, id, "cancel_ms", "cancel_order");
    plan_signal(line, id, "review_ms", "review");
    return WEFT_OK;
}

static void
record_orders(const char *dir, const char *orders_path)
{
    weft_definitions *definitions = define_orders();
    char kind[] = "order";
    int count = 0;

    begin(definitions, dir, "examples.order_meal.capsule");
    stub_trades();
    must(lines_read(orders_path, place_order, &count), orders_path);
    weft_test_at(test, WHILE_MS, keep_all, kind);
    weft_test_advance(test, 60000);
    keep_all(test, kind);
    end();
    weft_definitions_destroy(definitions);
}

// Subscriptions. --------------------------------------------------------------

static weft_definitions *
define_subscriptions(void)
{
    weft_definitions *definitions = NULL;

    must(weft_definitions_create(&definitions), "subscription");
    must(define(definitions), "subscription");
    return definitions;
}

static void
subscribe(const struct customer *customer)
{
    must(start(weft_test_client(test), customer, 400), customer->id);
    if (customer->fix_at_ms > 0) {
        struct coming *coming =
            make_coming("subscription", customer->id, "fix_card");

        must(
            weft_payload_pack(coming->data, "{'last_month':u}", (uint64_t)1000),
            customer->id);
        weft_test_at(test, customer->fix_at_ms, come, coming);
    }
    if (customer->cancel_at_ms > 0) {
        weft_test_at(test, customer->cancel_at_ms, come,
                     make_coming("subscription", customer->id, "cancel"));
    }
}

static void
record_subscriptions(const char *dir)
{
    static const struct customer customers[] = {
        {.id = "ann", .last_month = 1000, .cancel_at_ms = 2100},
        {.id = "ben", .last_month = 2, .fix_at_ms = 1900, .cancel_at_ms = 3300},
        {.id = "cleo", .last_month = 1},
    };
    weft_definitions *definitions = define_subscriptions();
    char kind[] = "subscription";

    begin(definitions, dir, "examples.subscription.capsule");
    for (size_t i = 0; i < sizeof(customers) / sizeof(customers[0]); i++) {
        subscribe(&customers[i]);
    }
    weft_test_at(test, WHILE_MS, keep_all, kind);
    weft_test_advance(test, 10000);
    keep_all(test, kind);
    end();
    weft_definitions_destroy(definitions);
}

// Both. -----------------------------------------------------------------------

static void
replay(const char *dir, const char *name, weft_definitions *definitions)
{
    char path[1024];
    weft_err err;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    err = weft_replay_check_file(definitions, path);
    if (err == WEFT_OK) {
        printf("replayed %s\n", path);
    } else {
        printf("%s: %s: %s\n", path, weft_err_name(err), weft_err_detail());
        failed = 1;
    }
    weft_definitions_destroy(definitions);
}

int
main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "record") == 0) {
        record_orders(argv[2], argv[3]);
        record_subscriptions(argv[2]);
        return failed;
    }
    if (argc == 3 && strcmp(argv[1], "replay") == 0) {
        replay(argv[2], "examples.order_meal.capsule", define_orders());
        replay(argv[2], "examples.subscription.capsule",
               define_subscriptions());
        return failed;
    }
    fprintf(stderr, "usage: corpus_examples record DIR ORDERS\n"
                    "       corpus_examples replay DIR\n");
    return 2;
}
