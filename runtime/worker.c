// SPDX-License-Identifier: Apache-2.0
//
// worker.c - a worker of a task queue: its life, its polls, and the loop of its
// thread. See worker_impl.h, and weft/worker.h for the protocol.
//
// It says everything through its client alone, so that it makes no difference
// where the node is. One poll is under way at a time; the next one follows when
// all offers of the one before are leased or refused, and confirms them.

#include "weft/worker.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/thread.h"
#include "runtime/futex.h"
#include "runtime/inside.h"
#include "runtime/versioned.h"
#include "runtime/worker_impl.h"
#include "runtime/workers.h"
#include "weft/payload.h"

#define MS_NS 1000000ULL
#define PARALLEL_DEFAULT 16
#define PARALLEL_MAX 1000
#define IDENTITY_BYTES_MAX 63
#define WAIT_MS 20000
#define WAIT_MORE_MS 15000 // then a poll is thought to be lost
#define POLL_AGAIN_MS 500  // after one that failed
#define GOODBYE_MS 1000    // for what is still to be said at close
#define DISPATCH_MAX 256

uint64_t
wf_worker_now_ns(const weft_worker *worker)
{
    return worker->clock.mono_ns(worker->clock.self);
}

// Requests. -------------------------------------------------------------------

static void take_poll(weft_worker *worker, const struct wf_worker_ask *ask,
                      const weft_reply *reply);

static void
take_reply(void *ctx, const weft_reply *reply)
{
    struct wf_worker_ask *ask = ctx;
    weft_worker *worker = ask->worker;

    if (worker != NULL) {
        wf_list_remove(&worker->asks, &ask->node);
        if (ask->verb == WEFT_VERB_ASK) {
            take_poll(worker, ask, reply);
        } else if (ask->job != NULL) {
            wf_worker_job_reply(ask->job, ask->verb, reply);
        }
    }
    wf_free(ask);
}

bool
wf_worker_submit(weft_worker *worker, struct wf_worker_job *job,
                 weft_request *request, bool is_bye, uint64_t *out_number)
{
    struct wf_worker_ask *ask = wf_calloc(sizeof(*ask));
    weft_err err;

    ask->worker = worker;
    ask->job = job;
    ask->verb = request->verb;
    ask->is_bye = is_bye;
    wf_list_push_back(&worker->asks, &ask->node);
    err = weft_client_submit(worker->client, request, take_reply, ask,
                             out_number);
    if (err != WEFT_OK) {
        wf_list_remove(&worker->asks, &ask->node);
        wf_free(ask);
    }
    return err == WEFT_OK;
}

// Polls. ----------------------------------------------------------------------

static void
put_poll(weft_worker *worker, weft_payload *data, uint32_t credit, bool is_bye)
{
    struct wf_reader ids = wf_reader_of(wf_buf_bytes(&worker->taken));

    weft_payload_map(data, 5);
    weft_payload_text(data, "poller");
    weft_payload_bin(data, worker->poller, sizeof(worker->poller));
    weft_payload_text(data, "credit");
    weft_payload_uint(data, credit);
    weft_payload_text(data, "wait_ms");
    weft_payload_uint(data, WAIT_MS);
    weft_payload_text(data, "bye");
    weft_payload_bool(data, is_bye);
    weft_payload_text(data, "taken");
    weft_payload_array(data, worker->taken.len / sizeof(uint64_t));
    while (wf_reader_left(&ids) > 0) {
        weft_payload_uint(data, wf_reader_u64(&ids));
    }
}

static weft_request
poll_request(const weft_worker *worker, const weft_payload *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_ASK;
    request.target = (weft_target){WEFT_TASK_QUEUE_KIND, worker->queue};
    request.name = "poll";
    request.data = weft_payload_bytes(data);
    return request;
}

static void
send_poll(weft_worker *worker, uint32_t credit, bool is_bye)
{
    weft_payload *data = NULL;
    weft_request request;

    worker->polled_ns = wf_worker_now_ns(worker);
    worker->poll_at_ns = worker->polled_ns + POLL_AGAIN_MS * MS_NS;
    if (weft_payload_create(&data) != WEFT_OK) {
        return; // tried again then
    }
    put_poll(worker, data, credit, is_bye);
    request = poll_request(worker, data);
    if (wf_worker_submit(worker, NULL, &request, is_bye, NULL)) {
        wf_buf_reset(&worker->taken);
        worker->is_polling = !is_bye;
        worker->has_said_bye = is_bye;
        worker->poll_at_ns = 0;
    }
    weft_payload_destroy(data);
}

static void
take_offers(weft_worker *worker, weft_bytes data)
{
    char token[WEFT_TOKEN_CHARS_MAX];
    weft_payload_entries walk;
    weft_bytes entry;
    uint64_t id;

    if (weft_payload_walk(data, "offers", &walk) != WEFT_OK) {
        return;
    }
    while (weft_payload_next(&walk, NULL, &entry)) {
        if (weft_payload_get_uint(entry, "id", &id) == WEFT_OK &&
            weft_payload_get_text(entry, "token", token, sizeof(token)) ==
                WEFT_OK) {
            wf_worker_job_begin(worker, id, token);
        }
    }
}

// A node that is closed hears nothing more; others may, a little later.
static bool
is_heard(weft_err err)
{
    const char *class = weft_err_class(err);

    return err == WEFT_ECLOSED ||
           (strcmp(class, "RETRY") != 0 && strcmp(class, "UNKNOWN") != 0);
}

// One that was not heard is said again: the queue may have handed out what is
// not leased here any more.
static void
take_bye(weft_worker *worker, weft_err err)
{
    worker->has_said_bye = is_heard(err);
    worker->is_bye_answered = is_heard(err);
    worker->poll_at_ns = wf_worker_now_ns(worker) + POLL_AGAIN_MS * MS_NS;
}

static void
take_poll(weft_worker *worker, const struct wf_worker_ask *ask,
          const weft_reply *reply)
{
    if (ask->is_bye) {
        take_bye(worker, reply->err);
        return;
    }
    worker->is_polling = false;
    if (reply->err != WEFT_OK) {
        worker->poll_at_ns = wf_worker_now_ns(worker) + POLL_AGAIN_MS * MS_NS;
    } else if (!worker->has_said_bye) {
        take_offers(worker, reply->data);
    }
}

// One that drains says goodbye, when it knows what it has. Returns when to look
// again.
static uint64_t
step_bye(weft_worker *worker)
{
    if (worker->has_said_bye || worker->leasing > 0) {
        return UINT64_MAX; // an answer comes first
    }
    if (wf_worker_now_ns(worker) >= worker->poll_at_ns) {
        send_poll(worker, 0, true);
    }
    return worker->has_said_bye ? UINT64_MAX : worker->poll_at_ns;
}

// Ask for as many as may begin now; or only confirm. Returns the same.
static uint64_t
step_poll(weft_worker *worker)
{
    uint64_t now_ns = wf_worker_now_ns(worker);
    uint64_t lost_ns = worker->polled_ns + (WAIT_MS + WAIT_MORE_MS) * MS_NS;
    size_t busy = worker->jobs.count;
    uint32_t credit =
        busy < worker->parallel ? worker->parallel - (uint32_t)busy : 0;

    if (atomic_load(&worker->is_draining)) {
        return step_bye(worker);
    }
    if (worker->is_polling && now_ns < lost_ns) {
        return lost_ns;
    }
    if (worker->leasing > 0 || (credit == 0 && worker->taken.len == 0)) {
        return UINT64_MAX;
    }
    if (now_ns >= worker->poll_at_ns) {
        send_poll(worker, credit, false);
        return worker->is_polling ? lost_ns : worker->poll_at_ns;
    }
    return worker->poll_at_ns;
}

// The thread. -----------------------------------------------------------------

// What comes from the pool's threads.
struct event {
    struct wf_mpsc_node node;
    struct wf_task *task;
    struct wf_beat *beat;
};

static void
post(weft_worker *worker, struct wf_task *task, struct wf_beat *beat)
{
    struct event *event = wf_calloc(sizeof(*event));

    event->task = task;
    event->beat = beat;
    wf_mpsc_push(&worker->inbox, &event->node);
}

static void
post_task(void *ctx, struct wf_task *task)
{
    post(ctx, task, NULL);
}

static void
post_beat(void *ctx, struct wf_beat *beat)
{
    post(ctx, NULL, beat);
}

static void
empty_inbox(weft_worker *worker)
{
    struct wf_mpsc_node *node;

    while ((node = wf_mpsc_pop(&worker->inbox)) != NULL) {
        struct event *event = WF_CONTAINER(node, struct event, node);

        if (event->task != NULL) {
            wf_worker_job_ended(worker, event->task);
        } else {
            wf_worker_job_beat(worker, event->beat);
        }
        wf_free(event);
    }
}

// Everything that is due. Returns when to come again.
static uint64_t
step(weft_worker *worker)
{
    bool is_draining = atomic_load(&worker->is_draining);
    bool is_closing = atomic_load(&worker->is_closing);
    struct wf_list_node *node = wf_list_first(&worker->jobs);
    uint64_t next_ns = UINT64_MAX;
    uint64_t at_ns;

    while (node != NULL) {
        struct wf_worker_job *job =
            WF_CONTAINER(node, struct wf_worker_job, node);

        node = wf_list_next(&worker->jobs, node);
        if (is_draining) {
            wf_worker_job_hold(job);
        }
        if (is_closing) {
            wf_worker_job_stop(job);
        }
        at_ns = wf_worker_job_step(job);
        next_ns = at_ns < next_ns ? at_ns : next_ns;
    }
    at_ns = step_poll(worker);
    return at_ns < next_ns ? at_ns : next_ns;
}

static void
sleep_until(weft_worker *worker, uint64_t at_ns)
{
    struct pollfd fds[] = {
        {.fd = weft_client_fd(worker->client), .events = POLLIN},
        {.fd = worker->inbox.fd, .events = POLLIN},
    };
    uint64_t now_ns = wf_worker_now_ns(worker);
    uint64_t wait_ms = at_ns > now_ns ? (at_ns - now_ns) / MS_NS + 1 : 0;

    if (!wf_mpsc_start_wait(&worker->inbox)) {
        return;
    }
    (void)poll(fds, 2,
               at_ns == UINT64_MAX || wait_ms > 60000 ? 60000 : (int)wait_ms);
    wf_mpsc_stop_wait(&worker->inbox);
}

static void
say_empty(weft_worker *worker)
{
    if (atomic_load(&worker->is_draining) && worker->jobs.count == 0 &&
        worker->is_bye_answered) {
        atomic_store(&worker->is_empty, 1);
        wf_futex_wake(&worker->is_empty);
    }
}

static void *
run(void *arg)
{
    weft_worker *worker = arg;
    uint64_t stopped_ns = 0;

    wf_thread_name("weft-queue");
    for (;;) {
        uint64_t at_ns;

        (void)weft_client_dispatch(worker->client, DISPATCH_MAX);
        empty_inbox(worker);
        at_ns = step(worker);
        say_empty(worker);
        if (atomic_load(&worker->is_stopped)) {
            uint64_t now_ns = wf_worker_now_ns(worker);

            stopped_ns = stopped_ns == 0 ? now_ns : stopped_ns;
            if (atomic_load(&worker->is_empty) != 0 ||
                now_ns - stopped_ns > GOODBYE_MS * MS_NS) {
                return NULL;
            }
            at_ns = now_ns + 50 * MS_NS < at_ns ? now_ns + 50 * MS_NS : at_ns;
        }
        sleep_until(worker, at_ns);
    }
}

// Life. -----------------------------------------------------------------------

static weft_err
read_options(const weft_worker_options *given, weft_worker_options *out_full)
{
    weft_worker_options full;
    weft_err err =
        wf_versioned_copy("weft_worker_options", given, &full, sizeof(full));

    if (err != WEFT_OK) {
        return err;
    }
    full.identity = full.identity == NULL ? "worker" : full.identity;
    full.parallel = full.parallel == 0 ? PARALLEL_DEFAULT : full.parallel;
    full.lease_ms = full.lease_ms == 0 ? WF_LEASE_MS_DEFAULT : full.lease_ms;
    if (wf_name_check("task_queue", full.task_queue, WF_KIND_BYTES_MAX) !=
            WEFT_OK ||
        wf_name_check("identity", full.identity, IDENTITY_BYTES_MAX) !=
            WEFT_OK) {
        return WEFT_EINVAL;
    }
    if (full.definitions == NULL) {
        return wf_error(WEFT_EINVAL, "definitions are missing");
    }
    if (full.parallel > PARALLEL_MAX) {
        return wf_error(WEFT_EINVAL, "parallel is over %d", PARALLEL_MAX);
    }
    if (full.lease_ms < WF_LEASE_MS_MIN || full.lease_ms > WF_LEASE_MS_MAX) {
        return wf_error(WEFT_EINVAL, "lease_ms is not %d to %d",
                        WF_LEASE_MS_MIN, WF_LEASE_MS_MAX);
    }
    *out_full = full;
    return WEFT_OK;
}

// "identity-0123456789abcdef": one that no other worker has.
static char *
make_name(const char *identity, const uint8_t poller[16])
{
    char name[IDENTITY_BYTES_MAX + 34];
    size_t len = (size_t)snprintf(name, sizeof(name), "%s-", identity);

    for (int i = 0; i < 16; i++) {
        len +=
            (size_t)snprintf(name + len, sizeof(name) - len, "%02x", poller[i]);
    }
    return wf_strdup(name);
}

static void
destroy(weft_worker *worker)
{
    struct wf_list_node *node;

    empty_inbox(worker);
    while ((node = wf_list_first(&worker->jobs)) != NULL) {
        wf_worker_job_destroy(WF_CONTAINER(node, struct wf_worker_job, node));
    }
    while ((node = wf_list_pop_front(&worker->asks)) != NULL) {
        WF_CONTAINER(node, struct wf_worker_ask, node)->worker = NULL;
    }
    wf_workers_destroy(worker->pool);
    wf_mpsc_fini(&worker->inbox);
    wf_buf_fini(&worker->taken);
    wf_free(worker->queue);
    wf_free(worker->name);
    wf_free(worker);
}

static weft_worker *
create(weft_client *client, const weft_worker_options *options)
{
    weft_worker *worker = wf_calloc(sizeof(*worker));

    worker->client = client;
    worker->queue = wf_strdup(options->task_queue);
    worker->definitions = options->definitions;
    worker->parallel = options->parallel;
    worker->lease_ms = options->lease_ms;
    worker->clock = wf_clock_system();
    wf_random_os_bytes(worker->poller, sizeof(worker->poller));
    worker->name = make_name(options->identity, worker->poller);
    wf_mpsc_init(&worker->inbox);
    wf_list_init(&worker->jobs);
    wf_list_init(&worker->asks);
    return worker;
}

// Is there such a queue to ask? Waits for the answer.
static weft_err
try_queue(weft_worker *worker)
{
    weft_payload *data = NULL;
    weft_reply *reply = NULL;
    weft_request request;
    weft_err err = weft_payload_create(&data);

    if (err != WEFT_OK) {
        return err;
    }
    put_poll(worker, data, 0, false);
    request = poll_request(worker, data);
    err = weft_client_call(worker->client, &request, 0, &reply);
    weft_reply_free(reply);
    weft_payload_destroy(data);
    return err == WEFT_EFINISHED ? WEFT_OK : err; // it begins anew
}

weft_err
weft_worker_open(weft_client *client, const weft_worker_options *options,
                 weft_worker **out_worker)
{
    weft_worker_options full = {0};
    weft_worker *worker;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(client != NULL);
    WF_REQUIRE(out_worker != NULL);
    err = read_options(options, &full);
    if (err != WEFT_OK) {
        return err;
    }
    worker = create(client, &full);
    err = try_queue(worker);
    if (err == WEFT_OK) {
        err = wf_workers_create(
            &(struct wf_workers_options){
                .count = full.parallel,
                .definitions = full.definitions,
                .clock = worker->clock,
                .done = post_task,
                .beat = post_beat,
                .ctx = worker,
            },
            &worker->pool);
    }
    if (err == WEFT_OK &&
        pthread_create(&worker->thread, NULL, run, worker) != 0) {
        wf_workers_stop(worker->pool);
        err = wf_error(WEFT_EBUSY, "no thread can be made for the worker");
    }
    if (err != WEFT_OK) {
        destroy(worker);
        return err;
    }
    *out_worker = worker;
    return WEFT_OK;
}

weft_err
weft_worker_drain(weft_worker *worker, uint32_t timeout_ms)
{
    uint64_t until_ns;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(worker != NULL);
    err = wf_inside_check("weft_worker_drain");
    if (err != WEFT_OK) {
        return err;
    }
    until_ns = wf_worker_now_ns(worker) + (uint64_t)timeout_ms * MS_NS;
    atomic_store(&worker->is_draining, true);
    wf_mpsc_wake(&worker->inbox);
    while (atomic_load(&worker->is_empty) == 0) {
        uint64_t now_ns = wf_worker_now_ns(worker);

        if (now_ns >= until_ns) {
            return wf_error(WEFT_ETIMEDOUT, "activities still run");
        }
        wf_futex_wait(&worker->is_empty, 0, until_ns - now_ns);
    }
    return WEFT_OK;
}

void
weft_worker_close(weft_worker *worker)
{
    if (worker == NULL || wf_inside_check("weft_worker_close") != WEFT_OK) {
        return;
    }
    atomic_store(&worker->is_closing, true);
    atomic_store(&worker->is_draining, true);
    wf_mpsc_wake(&worker->inbox);
    wf_workers_stop(worker->pool);
    atomic_store(&worker->is_stopped, true);
    wf_mpsc_wake(&worker->inbox);
    pthread_join(worker->thread, NULL);
    destroy(worker);
}
