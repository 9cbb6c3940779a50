// SPDX-License-Identifier: Apache-2.0
//
// client_rig.c - a client, over a fake of a node. See client_rig.h.

#include "unit/client_rig.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "runtime/node.h"
#include "runtime/routes.h"
#include "weft/metrics.h"

void
wf_node_post_request(struct weft_node *node, struct wf_request *request)
{
    pthread_mutex_lock(&node->lock);
    node->number = request->number;
    node->confirmed = request->confirmed;
    node->count++;
    wf_list_push_back(&node->posted, &request->wait);
    pthread_cond_signal(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

uint64_t
rig_number(struct weft_node *node)
{
    uint64_t number;

    pthread_mutex_lock(&node->lock);
    number = node->number;
    pthread_mutex_unlock(&node->lock);
    return number;
}

uint64_t
rig_confirmed(struct weft_node *node)
{
    uint64_t confirmed;

    pthread_mutex_lock(&node->lock);
    confirmed = node->confirmed;
    pthread_mutex_unlock(&node->lock);
    return confirmed;
}

uint32_t
wf_node_partition_count(const struct weft_node *node)
{
    (void)node;
    return RIG_PARTITIONS;
}

const weft_definitions *
wf_node_definitions(const struct weft_node *node)
{
    return node->definitions;
}

struct wf_clock
wf_node_clock(const struct weft_node *node)
{
    (void)node;
    return wf_clock_system();
}

const char *
wf_node_name(const struct weft_node *node)
{
    (void)node;
    return "";
}

uint64_t
wf_node_routes_version(const struct weft_node *node)
{
    (void)node;
    return 0;
}

void
wf_node_copy_routes(struct weft_node *node, struct wf_routes *out_routes)
{
    (void)node;
    *out_routes = (struct wf_routes){0};
}

uint64_t
wf_node_random(struct weft_node *node)
{
    return ++node->random;
}

bool
wf_node_wait(struct weft_node *node, bool (*is_over)(void *arg), void *arg,
             uint32_t timeout_ms)
{
    (void)node;
    (void)is_over;
    (void)arg;
    (void)timeout_ms;
    return false;
}

// What waits is held, and comes back when the test says so.
void
wf_node_withdraw(struct weft_node *node, struct wf_request *request)
{
    (void)node;
    (void)request;
}

// A server links with it; nobody asks.
weft_err
weft_node_metrics(weft_node *node, weft_metrics **out_metrics)
{
    (void)node;
    (void)out_metrics;
    return WEFT_EBUSY;
}

bool
wf_node_asks_again(struct weft_node *node, struct wf_request *request)
{
    (void)node;
    (void)request;
    return false;
}

// A page of this partition: ids "0" to "9", after the one in list_after.
static void
answer_list(struct wf_request *request)
{
    int from = 0;
    char id[16];

    if (request->list_after.len > 0) {
        from = *(const char *)request->list_after.data - '0' + 1;
    }
    for (int i = from; i < RIG_INSTANCES; i++) {
        weft_description item = {.kind = "order", .id = id};

        if (request->reply.items_count == request->list_limit) {
            id[0] = (char)('0' + i - 1);
            request->list_next = wf_bytes_copy(weft_bytes_of(id, 1));
            break;
        }
        snprintf(id, sizeof(id), "%u-%d", request->partition, i);
        wf_request_answer_item(request, &item);
    }
    wf_request_answer(request, WEFT_OK, NULL);
}

static void
finish(struct weft_node *node, struct wf_request *request, weft_err err)
{
    if (err != WEFT_OK) {
        wf_request_answer(request, err, "the node says no");
    } else if (request->verb == WEFT_VERB_LIST) {
        answer_list(request);
    } else if (request->verb == WEFT_VERB_DESCRIBE) {
        wf_request_answer(request, WEFT_OK, NULL);
        wf_request_answer_item(
            request, &(weft_description){.kind = "order", .id = "17"});
    } else {
        wf_request_answer(request, WEFT_OK, NULL);
        wf_request_answer_data(request, request->data);
    }
    pthread_mutex_lock(&node->lock);
    node->count--;
    pthread_mutex_unlock(&node->lock);
    request->done(request);
}

static bool
is_held(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_RESULT ||
           strcmp(request->name, "hold") == 0;
}

static void *
run_node(void *arg)
{
    struct weft_node *node = arg;

    pthread_mutex_lock(&node->lock);
    for (;;) {
        struct wf_list_node *last = node->posted.head.prev;
        struct wf_request *request;

        if (node->posted.count == 0 || node->is_paused) {
            if (node->is_closing && node->posted.count == 0) {
                break;
            }
            pthread_cond_wait(&node->changed, &node->lock);
            continue;
        }
        wf_list_remove(&node->posted, last);
        request = WF_CONTAINER(last, struct wf_request, wait);
        if (is_held(request)) {
            wf_list_push_back(&node->held, &request->wait);
            continue;
        }
        pthread_mutex_unlock(&node->lock);
        finish(node, request,
               strcmp(request->name, "busy") == 0 ? WEFT_EBUSY : WEFT_OK);
        pthread_mutex_lock(&node->lock);
    }
    pthread_mutex_unlock(&node->lock);
    return NULL;
}

void
rig_release(struct weft_node *node, weft_err err)
{
    for (;;) {
        struct wf_list_node *first;

        pthread_mutex_lock(&node->lock);
        first = wf_list_pop_front(&node->held);
        pthread_mutex_unlock(&node->lock);
        if (first == NULL) {
            return;
        }
        finish(node, WF_CONTAINER(first, struct wf_request, wait), err);
    }
}

void
rig_pause(struct weft_node *node, bool is_paused)
{
    pthread_mutex_lock(&node->lock);
    node->is_paused = is_paused;
    pthread_cond_signal(&node->changed);
    pthread_mutex_unlock(&node->lock);
}

void
rig_wait_posted(struct weft_node *node, size_t count)
{
    size_t posted;

    do {
        sched_yield();
        pthread_mutex_lock(&node->lock);
        posted = node->count;
        pthread_mutex_unlock(&node->lock);
    } while (posted < count);
}

void
rig_wait_held(struct weft_node *node, size_t count)
{
    size_t held;

    do {
        sched_yield();
        pthread_mutex_lock(&node->lock);
        held = node->held.count;
        pthread_mutex_unlock(&node->lock);
    } while (held < count);
}

// The rig. --------------------------------------------------------------------

struct rig rig;

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

void
rig_open(void)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    memset(&rig, 0, sizeof(rig));
    def.name = "order";
    def.receive = receive;
    CHECK_OK(weft_definitions_create(&rig.definitions));
    CHECK_OK(weft_definitions_add_actor(rig.definitions, &def));
    rig.node.definitions = rig.definitions;
    pthread_mutex_init(&rig.node.lock, NULL);
    pthread_cond_init(&rig.node.changed, NULL);
    wf_list_init(&rig.node.posted);
    wf_list_init(&rig.node.held);
    CHECK_EQ(pthread_create(&rig.node.thread, NULL, run_node, &rig.node), 0);
    rig_reach_open();
    CHECK_OK(rig_reach_client(NULL, &rig.client));
}

void
rig_close_node(void)
{
    rig_reach_close();
    pthread_mutex_lock(&rig.node.lock);
    rig.node.is_closing = true;
    rig.node.is_paused = false;
    pthread_cond_signal(&rig.node.changed);
    pthread_mutex_unlock(&rig.node.lock);
    pthread_join(rig.node.thread, NULL);
    rig_release(&rig.node, WEFT_ECLOSED);
    pthread_mutex_destroy(&rig.node.lock);
    pthread_cond_destroy(&rig.node.changed);
    weft_definitions_destroy(rig.definitions);
}

void
rig_close(void)
{
    weft_client_close(rig.client);
    rig_close_node();
}

weft_request
rig_signal(const char *name)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = rig_order;
    request.name = name;
    return request;
}

void
rig_note(void *ctx, const weft_reply *reply)
{
    rig.order[rig.order_count++ % 64] = ctx == NULL ? 0 : *(int *)ctx;
    rig.err = reply->err;
    rig.number = reply->number;
}

void
rig_dispatch(size_t count)
{
    while (rig.order_count < count) {
        struct pollfd fd = {.fd = weft_client_fd(rig.client), .events = POLLIN};

        CHECK_EQ(poll(&fd, 1, 60000), 1);
        weft_client_dispatch(rig.client, 100);
    }
}
