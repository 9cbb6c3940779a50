// SPDX-License-Identifier: Apache-2.0
//
// intake.c - requests by client. See intake.h.

#include "runtime/intake.h"

#include "base/hash.h"
#include "runtime/request.h"

void
wf_intake_init(struct wf_intake *intake)
{
    *intake = (struct wf_intake){0};
    wf_list_init(&intake->light);
    wf_list_init(&intake->heavy);
    for (size_t i = 0; i < WF_INTAKE_QUEUES; i++) {
        wf_list_init(&intake->queues[i].requests);
    }
}

void
wf_intake_tick(struct wf_intake *intake, uint64_t now_ms)
{
    intake->period = now_ms / WF_INTAKE_PERIOD_MS;
}

// Where a queue with requests belongs.
static struct wf_list *
list_of(struct wf_intake *intake, struct wf_intake_queue *queue)
{
    if (queue->period != intake->period) {
        queue->taken_before =
            queue->period + 1 == intake->period ? queue->taken : 0;
        queue->taken = 0;
        queue->period = intake->period;
    }
    return queue->taken < WF_INTAKE_SHARE &&
                   queue->taken_before < WF_INTAKE_SHARE
               ? &intake->light
               : &intake->heavy;
}

void
wf_intake_put(struct wf_intake *intake, struct wf_request *request)
{
    uint64_t hash = wf_hash64(request->client, sizeof(request->client), 0);
    struct wf_intake_queue *queue =
        &intake->queues[hash & (WF_INTAKE_QUEUES - 1)];

    wf_list_push_back(&queue->requests, &request->wait);
    intake->count++;
    if (!wf_list_has(&queue->place)) {
        wf_list_push_back(list_of(intake, queue), &queue->place);
    }
}

static struct wf_request *
take(struct wf_intake *intake, struct wf_list *list)
{
    struct wf_list_node *node = wf_list_pop_front(list);
    struct wf_intake_queue *queue;

    if (node == NULL) {
        return NULL;
    }
    queue = WF_CONTAINER(node, struct wf_intake_queue, place);
    node = wf_list_pop_front(&queue->requests);
    intake->count--;
    queue->taken++;
    if (queue->requests.count > 0) {
        wf_list_push_back(list_of(intake, queue), &queue->place);
    }
    return WF_CONTAINER(node, struct wf_request, wait);
}

struct wf_request *
wf_intake_take_light(struct wf_intake *intake)
{
    return take(intake, &intake->light);
}

struct wf_request *
wf_intake_take_heavy(struct wf_intake *intake)
{
    return take(intake, &intake->heavy);
}
