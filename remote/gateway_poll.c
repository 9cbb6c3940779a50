// SPDX-License-Identifier: Apache-2.0
//
// gateway_poll.c - see gateway_poll.h.
//
// A poll that was sent once more, because its answer did not come, is a new
// one: what the first had leased is kept by nobody, and lost as that of a
// worker who died. One whose connection ends gives back what it has.

#include "remote/gateway_poll.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/key.h"
#include "remote/codec.h"
#include "remote/gateway_queue.h"
#include "weft/worker.h"

enum {
    WAIT_MS_MIN = 200, // else there would be no time to look what is there
    TASK_BYTES = 2048, // of a task besides what it carries
    ANSWER_BYTES_MAX = WF_WIRE_MESSAGE_BYTES_MAX - 4096,
};

static void
destroy_poll(struct wf_gateway_poll *poll)
{
    wf_gateway_queue_leave(poll->queue, poll);
    poll->call->session->promised -= poll->promised;
    wf_arena_fini(&poll->memory);
    wf_free(poll->tasks);
    wf_free(poll);
}

static void
answer(struct wf_gateway_poll *poll)
{
    struct wf_gateway_call *call = poll->call;
    struct wf_codec_tasks tasks = {poll->tasks, poll->tasks_count};
    struct wf_buf *out = &call->server->out;

    wf_codec_tasks_encode(&tasks, call->number, out);
    wf_codec_size_check(call->number, 0, out);
    destroy_poll(poll);
    wf_gateway_call_end(call, WEFT_OK);
}

void
wf_gateway_poll_fail(struct wf_gateway_poll *poll, weft_err err)
{
    struct wf_gateway_call *call = poll->call;

    if (poll->tasks_count > 0) {
        answer(poll);
        return;
    }
    destroy_poll(poll);
    wf_gateway_call_end(call, err);
}

void
wf_gateway_poll_settle(struct wf_gateway_poll *poll)
{
    if (poll->offers.count > 0) {
        return;
    }
    if (poll->tasks_count > 0 || poll->is_over) {
        answer(poll);
        return;
    }
    wf_gateway_queue_unwant(poll->queue, poll);
    poll->room = poll->promised;
    wf_gateway_queue_want(poll->queue, poll, true);
}

// Tasks. --------------------------------------------------------------------

static weft_bytes
copy(struct wf_arena *memory, weft_bytes bytes)
{
    return bytes.len == 0
               ? weft_nothing()
               : weft_bytes_of(wf_arena_text(memory, bytes), bytes.len);
}

// False: there is no memory, here and below.
static bool
copy_headers(struct wf_arena *memory, weft_bytes packed,
             struct wf_codec_task *task)
{
    weft_bytes rest = packed;
    weft_pair pair;
    weft_pair *pairs;
    size_t count = 0;

    while (weft_pairs_next(&rest, &pair)) {
        count++;
    }
    if (count == 0) {
        return true;
    }
    packed = copy(memory, packed);
    pairs = wf_arena_alloc(memory, count * sizeof(*pairs));
    if (packed.data == NULL || pairs == NULL) {
        return false;
    }
    task->headers = pairs;
    while (weft_pairs_next(&packed, pairs)) {
        pairs++;
    }
    task->headers_count = count;
    return true;
}

static bool
copy_task(struct wf_arena *memory, const char *token, const weft_lease *lease,
          struct wf_codec_task *out_task)
{
    struct wf_codec_task task = {
        .token = wf_arena_text(memory, weft_text(token)),
        .name = wf_arena_text(memory, weft_text(lease->activity)),
        .input = copy(memory, lease->input),
        .attempt = lease->attempt,
        .key = wf_arena_text(memory, weft_text(lease->key)),
        .caller = wf_arena_text(memory, weft_text(lease->caller_id)),
        .details = copy(memory, lease->details),
        .deadline_ms = lease->deadline_ms,
        .heartbeat_ms = lease->timeouts.heartbeat_ms,
    };

    *out_task = task;
    return task.token != NULL && task.name != NULL && task.key != NULL &&
           task.caller != NULL &&
           (task.input.len == 0 || task.input.data != NULL) &&
           (task.details.len == 0 || task.details.data != NULL) &&
           copy_headers(memory, lease->headers, out_task);
}

// The first one always: it fits a message, or it is answered that it does not.
static bool
has_room(const struct wf_gateway_poll *poll, size_t bytes)
{
    const struct wf_gateway_call *call = poll->call;
    const weft_server *server = call->server;

    return poll->tasks_count == 0 ||
           (poll->bytes + bytes <= ANSWER_BYTES_MAX &&
            call->session->bytes + bytes <= server->options.credit_bytes &&
            server->bytes + bytes <= server->options.bytes_max);
}

bool
wf_gateway_poll_add(struct wf_gateway_poll *poll, const char *token,
                    const weft_lease *lease)
{
    struct wf_gateway_call *call = poll->call;
    size_t bytes =
        lease->input.len + lease->headers.len + lease->details.len + TASK_BYTES;
    struct wf_codec_task task;

    if (!has_room(poll, bytes) ||
        !copy_task(&poll->memory, token, lease, &task)) {
        wf_gateway_queue_unwant(poll->queue, poll);
        return false;
    }
    poll->tasks =
        wf_realloc(poll->tasks, (poll->tasks_count + 1) * sizeof(*poll->tasks));
    poll->tasks[poll->tasks_count++] = task;
    poll->bytes += bytes;
    wf_gateway_call_grow(call, bytes);
    wf_gateway_lease_keep(call->server, call->session, token, poll->worker,
                          lease->lease_ms);
    return true;
}

// The verb. -----------------------------------------------------------------

static void
on_withdrawn(struct wf_gateway_call *call)
{
    struct wf_gateway_poll *poll = call->of;

    for (size_t i = 0; i < poll->tasks_count; i++) {
        wf_gateway_lease_give_back(call->server, call->space->name,
                                   poll->tasks[i].token, poll->worker);
    }
    destroy_poll(poll);
    wf_gateway_call_destroy(call);
}

static void
on_expired(struct wf_gateway_call *call)
{
    struct wf_gateway_poll *poll = call->of;

    poll->is_over = true;
    wf_gateway_queue_unwant(poll->queue, poll);
    wf_gateway_poll_settle(poll);
}

static const struct wf_gateway_call_ops poll_ops = {on_withdrawn, on_expired};

// A task that it has, and one that it was promised, is a request that has no
// answer yet.
static uint32_t
room_of(const struct wf_gateway_session *session, uint32_t credit,
        uint32_t wanted)
{
    size_t has = session->leases.count + session->promised;

    return has >= credit           ? 0
           : credit - has < wanted ? (uint32_t)(credit - has)
                                   : wanted;
}

static void
create_poll(struct wf_gateway_call *call, const struct wf_codec_poll *asked,
            uint32_t room)
{
    struct wf_gateway_poll *poll = wf_calloc(sizeof(*poll));

    poll->call = call;
    poll->queue = wf_gateway_queue_get(call->server, call->space, asked->queue);
    poll->room = room;
    poll->promised = room;
    poll->lease_ms = asked->lease_ms;
    wf_list_init(&poll->offers);
    if (asked->worker != NULL) {
        (void)snprintf(call->session->label, sizeof(call->session->label), "%s",
                       asked->worker);
    }
    wf_gateway_lease_worker(call->session, NULL, poll->worker);
    call->session->promised += room;
    call->ops = &poll_ops;
    call->of = poll;
    wf_gateway_queue_want(poll->queue, poll, false);
}

weft_err
wf_gateway_poll_begin(struct wf_gateway_call *call,
                      const struct wf_wire_message *message)
{
    struct wf_arena memory = {0};
    struct wf_codec_poll asked;
    weft_err err = wf_codec_poll_decode(message, &memory, &asked);
    uint32_t credit = call->server->options.credit;
    uint32_t room = 0;

    if (err == WEFT_OK) {
        err = wf_name_check("queue", asked.queue, WF_NAME_BYTES_MAX);
    }
    if (err == WEFT_OK && asked.worker != NULL) {
        err = wf_name_check("worker", asked.worker, WF_WORKER_BYTES_MAX);
    }
    if (err == WEFT_OK) {
        err = wf_gateway_queue_admit(call->server, call->space, asked.queue);
    }
    if (err == WEFT_OK) {
        room = room_of(call->session, credit, asked.credit);
        err = room > 0
                  ? wf_gateway_call_wait(call, asked.wait_ms < WAIT_MS_MIN
                                                   ? WAIT_MS_MIN
                                                   : asked.wait_ms)
                  : wf_error(WEFT_EBUSY, "credit: it has or waits for %u tasks",
                             credit);
    }
    if (err == WEFT_OK) {
        create_poll(call, &asked, room);
    }
    wf_arena_fini(&memory);
    return err;
}
