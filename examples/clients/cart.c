// SPDX-License-Identifier: Apache-2.0
//
// cart.c - what the clients here talk to: an object for weftd --load.
//
// The workflow "cart" takes
//   signal "add"        {cents}  one item more, at most 2,000 of them
//   update "coupon"     {off}    so many cents less; answers with what is due
//   query "total"                {count, cents}
//   signal "checkout"            the activity "charge" {cart, cents}, which the
//                                workers of the queue "payments" run; ends with
//                                {items: [cents, ...], cents, receipt}
//   signal "leave"               ends with the same, without a receipt
// and the plain actor "likes" counts: ask "add" {amount}, query "value".

#include <string.h>

#include "weft/load.h"
#include "weft/weft.h"

#define ITEMS_MAX 2000

struct cart {
    int64_t items[ITEMS_MAX];
    size_t count;
    int64_t cents; // what is due
};

// The value that was packed, as long as the workflow runs; empty if it failed.
static weft_bytes
kept(weft_workflow *wf, weft_payload *payload)
{
    weft_bytes packed = weft_payload_bytes(payload);
    void *copy = packed.len > 0 ? weft_workflow_alloc(wf, packed.len) : NULL;

    if (copy != NULL) {
        memcpy(copy, packed.data, packed.len);
    }
    weft_payload_destroy(payload);
    return weft_bytes_of(copy, copy != NULL ? packed.len : 0);
}

static weft_err
publish_total(weft_workflow *wf, const struct cart *cart)
{
    weft_payload *total = NULL;
    weft_err err = weft_payload_create(&total);

    if (err == WEFT_OK) {
        err = weft_payload_pack(total, "{'count':u, 'cents':i}",
                                (uint64_t)cart->count, cart->cents);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_publish(wf, "total", weft_payload_bytes(total));
    }
    weft_payload_destroy(total);
    return err;
}

static weft_err
add(weft_workflow *wf, struct cart *cart, weft_bytes data)
{
    int64_t cents;

    // What cannot be read is no item; the cart goes on.
    if (cart->count == ITEMS_MAX ||
        weft_payload_get_int(data, "cents", &cents) != WEFT_OK) {
        return WEFT_OK;
    }
    cart->items[cart->count++] = cents;
    cart->cents += cents;
    return publish_total(wf, cart);
}

static weft_err
check_coupon(weft_bytes input, void *ctx, weft_failure *out_why)
{
    const struct cart *cart = ctx;
    int64_t off = 0;

    if (weft_payload_get_int(input, "off", &off) == WEFT_OK && off > 0 &&
        off <= cart->cents) {
        return WEFT_OK;
    }
    out_why->name = "bad_coupon";
    out_why->message = "off is to be from 1 to what is due";
    return WEFT_EFAILED;
}

static weft_err
take_coupon(weft_workflow *wf, weft_bytes input, void *ctx)
{
    struct cart *cart = ctx;
    weft_payload *due = NULL;
    int64_t off = 0;
    weft_err err = weft_payload_get_int(input, "off", &off);

    if (err == WEFT_OK) {
        cart->cents -= off;
        err = publish_total(wf, cart);
    }
    if (err == WEFT_OK) {
        err = weft_payload_create(&due);
    }
    if (err == WEFT_OK) {
        weft_payload_int(due, cart->cents);
        err = weft_workflow_return(wf, kept(wf, due));
    }
    return err;
}

static weft_err
charge(weft_workflow *wf, const struct cart *cart, weft_bytes *out_receipt)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    weft_payload *bill = NULL;
    weft_err err = weft_payload_create(&bill);

    if (err != WEFT_OK) {
        return err;
    }
    weft_payload_pack(bill, "{'cart':s, 'cents':i}", weft_workflow_id(wf),
                      cart->cents);
    options.task_queue = "payments";
    return weft_workflow_call(wf, "charge", kept(wf, bill), &options,
                              out_receipt);
}

static weft_err
end(weft_workflow *wf, const struct cart *cart, weft_bytes receipt)
{
    weft_payload *result = NULL;
    weft_err err = weft_payload_create(&result);

    if (err != WEFT_OK) {
        return err;
    }
    weft_payload_map(result, 3);
    weft_payload_text(result, "items");
    weft_payload_array(result, cart->count);
    for (size_t i = 0; i < cart->count; i++) {
        weft_payload_int(result, cart->items[i]);
    }
    weft_payload_text(result, "cents");
    weft_payload_int(result, cart->cents);
    weft_payload_text(result, "receipt");
    if (receipt.len > 0) {
        weft_payload_value(result, receipt);
    } else {
        weft_payload_nil(result);
    }
    return weft_workflow_return(wf, kept(wf, result));
}

static weft_err
run_cart(weft_workflow *wf, weft_bytes input)
{
    static const char *const names[] = {"add", "checkout", "leave"};
    struct cart *cart = weft_workflow_alloc(wf, sizeof(*cart));
    weft_bytes data = {0};
    size_t name = 0;
    weft_err err;

    (void)input;
    if (cart == NULL) {
        return WEFT_ENOMEM;
    }
    err =
        weft_workflow_on_update(wf, "coupon", check_coupon, take_coupon, cart);
    if (err == WEFT_OK) {
        err = publish_total(wf, cart);
    }
    while (err == WEFT_OK && name == 0) {
        err =
            weft_workflow_receive_any(wf, names, 3, WEFT_FOREVER, &name, &data);
        if (err == WEFT_OK && name == 0) {
            err = add(wf, cart, data);
        }
    }
    data = (weft_bytes){0};
    if (err == WEFT_OK && name == 1) {
        err = charge(wf, cart, &data);
    }
    return err == WEFT_OK ? end(wf, cart, data) : err;
}

// Both of them answer with the number, whatever they were given.
static weft_err
like(weft_actor *actor, const weft_message *message, void *state)
{
    int64_t *count = state;
    int64_t amount = 0;
    weft_payload *answer = NULL;
    weft_err err;

    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    if (weft_payload_get_int(message->data, "amount", &amount) == WEFT_OK) {
        *count += amount;
    }
    err = weft_payload_create(&answer);
    if (err == WEFT_OK) {
        weft_payload_int(answer, *count);
        err = weft_actor_reply(actor, weft_payload_bytes(answer));
    }
    weft_payload_destroy(answer);
    return err;
}

static weft_err
show_likes(weft_query *query, const char *name, weft_bytes args,
           const void *state, size_t state_len)
{
    const int64_t *count = state;
    weft_payload *answer = NULL;
    weft_err err = weft_payload_create(&answer);

    (void)name;
    (void)args;
    (void)state_len;
    if (err == WEFT_OK) {
        weft_payload_int(answer, *count);
        err = weft_query_return(query, weft_payload_bytes(answer));
    }
    weft_payload_destroy(answer);
    return err;
}

WEFT_LOAD(definitions, argument)
{
    weft_workflow_def cart = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def likes = WEFT_ACTOR_DEF_INIT;
    weft_err err;

    (void)argument;
    cart.name = "cart";
    cart.run = run_cart;
    likes.name = "likes";
    likes.state_bytes = sizeof(int64_t);
    likes.receive = like;
    likes.query = show_likes;
    err = weft_definitions_add_workflow(definitions, &cart);
    return err == WEFT_OK ? weft_definitions_add_actor(definitions, &likes)
                          : err;
}
