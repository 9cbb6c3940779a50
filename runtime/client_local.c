// SPDX-License-Identifier: Apache-2.0
//
// client_local.c - the port to a node in this process. See client_port.h.
//
// A request is answered by the partition of its target; those that go through
// all partitions go on from one to the next (client_list.c).

#include <string.h>

#include "base/error.h"
#include "runtime/client_impl.h"
#include "runtime/definitions.h"
#include "runtime/node.h"
#include "runtime/request.h"

static weft_err
check_kind(const weft_node *node, const struct wf_key *key)
{
    if (wf_definitions_find(wf_node_definitions(node), wf_key_kind(key)) ==
        NULL) {
        return wf_error(WEFT_ENOTFOUND, "no kind named %s is registered",
                        wf_key_kind(key));
    }
    return WEFT_OK;
}

static weft_err
prepare_page(const weft_node *node, const weft_request *given,
             struct wf_request *made)
{
    if (given->cursor == NULL || given->verb != WEFT_VERB_LIST) {
        return WEFT_OK;
    }
    return wf_client_cursor_decode(given->cursor, wf_node_partition_count(node),
                                   &made->partition, &made->list_after);
}

// Its key comes from a token, which was given out by an instance.
static bool
has_token(const struct wf_request *made)
{
    return made->verb == WEFT_VERB_COMPLETE || made->verb == WEFT_VERB_FAIL ||
           made->verb == WEFT_VERB_HEARTBEAT;
}

static weft_err
prepare(void *self, const char *name_space, const weft_request *given,
        struct wf_request *made)
{
    const weft_node *node = self;

    if (wf_request_is_paged(made)) {
        return prepare_page(node, given, made);
    }
    if (strcmp(wf_key_namespace(&made->key), name_space) != 0) {
        return wf_error(WEFT_EINVAL, "the token is of another namespace");
    }
    made->partition =
        wf_key_partition(&made->key, wf_node_partition_count(node));
    return has_token(made) ? WEFT_OK : check_kind(node, &made->key);
}

static void
post(void *self, struct wf_request *request)
{
    wf_node_post_request(self, request);
}

static bool
goes_on(void *self, struct wf_request *request)
{
    return wf_node_asks_again(self, request) ||
           (wf_request_is_paged(request) &&
            wf_client_list_goes_on(self, request->done_ctx));
}

static bool
wait(void *self, bool (*is_over)(void *arg), void *arg, uint32_t timeout_ms)
{
    return wf_node_wait(self, is_over, arg, timeout_ms);
}

// What is still with the node comes back when it may; it is not waited for.
static void
close_port(void *self)
{
    (void)self;
}

static const struct wf_client_port_ops ops = {
    .prepare = prepare,
    .post = post,
    .goes_on = goes_on,
    .wait = wait,
    .close = close_port,
};

// The first number to give out, and the id if there is none.
static uint64_t
identify(weft_node *node, weft_client_options *options)
{
    struct wf_clock clock = wf_node_clock(node);
    uint64_t bits[2];

    if (wf_client_options_has_id(options)) {
        return wf_client_first_number(clock.wall_ms(clock.self));
    }
    bits[0] = wf_node_random(node);
    bits[1] = wf_node_random(node);
    memcpy(options->client_id, bits, sizeof(options->client_id));
    return 1;
}

weft_err
weft_client_open(weft_node *node, const weft_client_options *options,
                 weft_client **out_client)
{
    weft_client_options full;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(node != NULL);
    WF_REQUIRE(out_client != NULL);
    err = wf_client_options_read(options, &full);
    if (err != WEFT_OK) {
        return err;
    }
    *out_client = wf_client_create(&(struct wf_client_setup){
        .options = &full,
        .first_number = identify(node, &full),
        .interceptors = wf_definitions_interceptors(wf_node_definitions(node)),
        .port = {.ops = &ops, .self = node},
    });
    return WEFT_OK;
}
