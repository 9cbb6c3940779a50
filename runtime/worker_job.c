// SPDX-License-Identifier: Apache-2.0
//
// worker_job.c - one attempt that a worker has leased, until its outcome is
// accepted. See worker_impl.h.
//
// An outcome is told until somebody answers: a request whose fate is not known
// is repeated under its number, so that it is done once; one that was refused
// for now is made anew. The lease is renewed meanwhile. Only the caller's
// partition says that an attempt is over, never a clock here.

#include <string.h>

#include "base/alloc.h"
#include "runtime/definitions.h"
#include "runtime/start.h"
#include "runtime/worker_impl.h"
#include "runtime/workers.h"

#define MS_NS 1000000ULL
#define RETRY_MS 100
#define RETRY_MS_MAX 5000
#define LEASE_TRIES_MAX 4

static bool
is_class(weft_err err, const char *class)
{
    return strcmp(weft_err_class(err), class) == 0;
}

static void
own(weft_bytes *owned, weft_bytes bytes)
{
    wf_free((void *)(uintptr_t)owned->data);
    *owned = bytes.len == 0 ? weft_nothing() : wf_bytes_copy(bytes);
}

void
wf_worker_job_destroy(struct wf_worker_job *job)
{
    weft_worker *worker = job->worker;
    struct wf_list_node *node = wf_list_first(&worker->asks);

    for (; node != NULL; node = wf_list_next(&worker->asks, node)) {
        struct wf_worker_ask *ask =
            WF_CONTAINER(node, struct wf_worker_ask, node);

        ask->job = ask->job == job ? NULL : ask->job;
    }
    worker->leasing -= job->state == WF_WORKER_JOB_LEASING ? 1 : 0;
    wf_list_remove(&worker->jobs, &job->node);
    wf_task_destroy(job->task);
    wf_key_fini(&job->caller);
    own(&job->beat, weft_nothing());
    wf_free(job);
}

static bool
submit(struct wf_worker_job *job, weft_request *request, uint64_t *out_number)
{
    request->token = job->token;
    request->worker = job->worker->name;
    request->lease_ms = job->worker->lease_ms;
    return wf_worker_submit(job->worker, job, request, false, out_number);
}

static void
try_later(struct wf_worker_job *job)
{
    uint64_t pause_ms = RETRY_MS;

    for (uint32_t i = 0; i < job->asks_failed && pause_ms < RETRY_MS_MAX; i++) {
        pause_ms *= 2;
    }
    job->asks_failed++;
    job->ask_at_ns = wf_worker_now_ns(job->worker) + pause_ms * MS_NS;
}

// The request that its state is about, under the number it had if that may have
// been done.
static void
ask(struct wf_worker_job *job, weft_request *request)
{
    request->number = job->ask_number;
    job->is_asking = submit(job, request, &job->ask_number);
    job->ask_at_ns = 0;
    if (!job->is_asking) {
        try_later(job);
    }
}

static bool
is_refused_or_unknown(weft_err err)
{
    return is_class(err, "RETRY") || is_class(err, "UNKNOWN");
}

// What was refused for now did not happen, and is asked anew.
static void
try_again(struct wf_worker_job *job, weft_err err)
{
    if (is_class(err, "RETRY")) {
        job->ask_number = 0;
    }
    try_later(job);
}

static struct wf_worker_job *
find_job(const weft_worker *worker, const struct wf_key *caller,
         const struct wf_token *attempt)
{
    const struct wf_list_node *node = wf_list_first(&worker->jobs);

    for (; node != NULL; node = wf_list_next(&worker->jobs, node)) {
        struct wf_worker_job *job = WF_CONTAINER(
            (struct wf_list_node *)(uintptr_t)node, struct wf_worker_job, node);

        if (job->attempt.run == attempt->run &&
            job->attempt.command == attempt->command &&
            job->attempt.attempt == attempt->attempt &&
            wf_bytes_equal(wf_key_bytes(&job->caller), wf_key_bytes(caller))) {
            return job;
        }
    }
    return NULL;
}

// Leasing. --------------------------------------------------------------------

static void
ask_lease(struct wf_worker_job *job)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_LEASE;
    ask(job, &request);
}

void
wf_worker_job_begin(weft_worker *worker, uint64_t offer, const char *token)
{
    struct wf_worker_job *job = wf_calloc(sizeof(*job));

    job->worker = worker;
    job->offer = offer;
    // Nobody can do anything with it; or it is here already.
    if (wf_token_decode(token, &job->caller, &job->attempt) != WEFT_OK ||
        find_job(worker, &job->caller, &job->attempt) != NULL) {
        wf_buf_put_u64(&worker->taken, offer);
        wf_key_fini(&job->caller);
        wf_free(job);
        return;
    }
    memcpy(job->token, token, strlen(token) + 1);
    wf_list_push_back(&worker->jobs, &job->node);
    worker->leasing++;
    ask_lease(job);
}

// It has the lease, whose seconds count from now at the latest.
static void
renew_later(struct wf_worker_job *job)
{
    job->renew_at_ns = wf_worker_now_ns(job->worker) +
                       (uint64_t)job->worker->lease_ms / 3 * MS_NS;
}

static struct wf_task *
make_task(const struct wf_worker_job *job, const weft_lease *lease,
          const struct wf_activity_kind *kind)
{
    const struct wf_clock *clock = &job->worker->clock;
    struct wf_task *task = wf_task_create();
    struct wf_buf headers = {0};

    task->caller = wf_key_copy(&job->caller);
    task->token = job->attempt;
    task->attempt = lease->attempt;
    task->kind = kind;
    task->given_at_ms = clock->wall_ms(clock->self);
    own(&task->input, lease->input);
    own(&task->details, lease->details);
    wf_start_put_headers(lease->headers, &headers);
    own(&task->headers, wf_buf_bytes(&headers));
    wf_buf_fini(&headers);
    memcpy(task->key, lease->key, strlen(lease->key) + 1);
    atomic_store(&task->is_paused, lease->is_paused != 0);
    atomic_store(&task->is_cancelled, lease->is_cancel_requested != 0);
    return task;
}

// The task as if it had come back like this.
static struct wf_task *
failed_task(weft_err err, const char *name, const char *message)
{
    struct wf_task *task = wf_task_create();

    task->outcome.err = err;
    task->outcome.name = wf_strdup(name);
    task->outcome.message = wf_strdup(message);
    return task;
}

static void
end_with(struct wf_worker_job *job, struct wf_task *task)
{
    job->task = task;
    job->state = WF_WORKER_JOB_ENDED;
    job->ask_number = 0;
    job->asks_failed = 0;
}

static void
run(struct wf_worker_job *job, const weft_lease *lease)
{
    weft_worker *worker = job->worker;
    const struct wf_activity_kind *kind =
        wf_definitions_find_activity(worker->definitions, lease->activity);

    worker->leasing--;
    wf_buf_put_u64(&worker->taken, job->offer);
    renew_later(job);
    job->ask_number = 0;
    if (atomic_load(&worker->is_draining)) {
        end_with(job, failed_task(WEFT_EBUSY, "", ""));
    } else if (kind == NULL) {
        end_with(job, failed_task(WEFT_EFAILED, weft_err_name(WEFT_ENOTFOUND),
                                  "its worker has no such activity"));
    } else {
        job->state = WF_WORKER_JOB_RUNNING;
        job->task = make_task(job, lease, kind);
        wf_workers_give(worker->pool, job->task);
    }
}

static void
lease_answered(struct wf_worker_job *job, const weft_reply *reply)
{
    if (reply->err == WEFT_OK && reply->lease != NULL) {
        run(job, reply->lease);
    } else if (is_refused_or_unknown(reply->err) &&
               job->asks_failed < LEASE_TRIES_MAX) {
        try_again(job, reply->err);
    } else {
        if (reply->err == WEFT_ENOTFOUND) { // over, or another's
            wf_buf_put_u64(&job->worker->taken, job->offer);
        }
        wf_worker_job_destroy(job);
    }
}

// While it runs. --------------------------------------------------------------

static void
renew(struct wf_worker_job *job)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_RENEW;
    job->is_renewing = submit(job, &request, NULL);
    renew_later(job);
}

static void
send_beat(struct wf_worker_job *job)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_HEARTBEAT;
    request.data = job->beat;
    job->is_beating = submit(job, &request, NULL);
    job->has_beat = !job->is_beating;
}

// What renewals and heartbeats bring back.
static void
tell(struct wf_worker_job *job, const weft_reply *reply)
{
    struct wf_task *task = job->task;

    if (reply->err == WEFT_ENOTFOUND) {
        job->is_lost = true;
        atomic_store(&task->is_abandoned, true);
    } else if (reply->err == WEFT_ECANCELLED) {
        atomic_store(&task->is_cancelled, true);
    } else if (reply->err == WEFT_OK && reply->lease != NULL) {
        atomic_store(&task->is_paused, reply->lease->is_paused != 0);
    }
}

void
wf_worker_job_hold(struct wf_worker_job *job)
{
    if (job->state == WF_WORKER_JOB_RUNNING &&
        atomic_load(&job->task->started_at_ms) == 0) {
        atomic_store(&job->task->is_paused, true); // comes back with EBUSY
    }
}

void
wf_worker_job_stop(struct wf_worker_job *job)
{
    if (job->state == WF_WORKER_JOB_RUNNING) {
        atomic_store(&job->task->is_cancelled, true);
    }
}

void
wf_worker_job_beat(weft_worker *worker, struct wf_beat *beat)
{
    struct wf_worker_job *job = find_job(worker, &beat->caller, &beat->token);

    if (job != NULL) {
        own(&job->beat, beat->details);
        job->has_beat = true;
    }
    wf_beat_destroy(beat);
}

// Its outcome. ----------------------------------------------------------------

// A worker that closes tells of nothing that ran: see worker.h.
static bool
is_dropped(const struct wf_worker_job *job)
{
    bool has_run = atomic_load(&job->task->started_at_ms) != 0;

    return job->is_lost || (has_run && atomic_load(&job->worker->is_closing));
}

void
wf_worker_job_ended(weft_worker *worker, struct wf_task *task)
{
    struct wf_worker_job *job = find_job(worker, &task->caller, &task->token);

    if (job == NULL || job->task != task) {
        wf_task_destroy(task);
        return;
    }
    end_with(job, task);
    if (is_dropped(job)) {
        wf_worker_job_destroy(job);
    }
}

static void
ask_report(struct wf_worker_job *job)
{
    weft_request request = WEFT_REQUEST_INIT;
    const struct wf_outcome *outcome = &job->task->outcome;

    switch (outcome->err) {
    case WEFT_OK:
        request.verb = WEFT_VERB_COMPLETE;
        request.data = outcome->data;
        break;
    case WEFT_EDEFERRED:
        request.verb = WEFT_VERB_DEFER;
        break;
    case WEFT_EBUSY:
    case WEFT_ECLOSED:
        request.verb = WEFT_VERB_RELEASE;
        break;
    default:
        request.verb = WEFT_VERB_FAIL;
        request.error_name = outcome->name;
        request.error_message = outcome->message;
        request.data = outcome->data;
        request.retry_after_ms = outcome->retry_after_ms;
        request.is_for_good = outcome->is_final;
        break;
    }
    ask(job, &request);
}

static void
report_answered(struct wf_worker_job *job, const weft_reply *reply)
{
    if (is_refused_or_unknown(reply->err)) {
        try_again(job, reply->err);
    } else {
        wf_worker_job_destroy(job); // accepted, or nobody's any more
    }
}

// Together. -------------------------------------------------------------------

void
wf_worker_job_reply(struct wf_worker_job *job, weft_verb verb,
                    const weft_reply *reply)
{
    if (verb == WEFT_VERB_RENEW || verb == WEFT_VERB_HEARTBEAT) {
        job->is_renewing = verb == WEFT_VERB_RENEW ? false : job->is_renewing;
        job->is_beating = verb == WEFT_VERB_RENEW ? job->is_beating : false;
        if (job->state == WF_WORKER_JOB_RUNNING) {
            tell(job, reply);
        }
        return;
    }
    job->is_asking = false;
    if (job->state == WF_WORKER_JOB_LEASING) {
        lease_answered(job, reply);
    } else if (job->state == WF_WORKER_JOB_ENDED) {
        report_answered(job, reply);
    }
}

// Its outcome does not overtake the details that it left, which wait for those
// before them.
static bool
is_to_ask(const struct wf_worker_job *job)
{
    return !job->is_asking && job->state != WF_WORKER_JOB_RUNNING &&
           !(job->has_beat && job->is_beating);
}

static void
ask_if_due(struct wf_worker_job *job, uint64_t now_ns)
{
    if (!is_to_ask(job) || now_ns < job->ask_at_ns) {
        return;
    }
    if (job->state == WF_WORKER_JOB_ENDED) {
        ask_report(job);
    } else {
        ask_lease(job);
    }
}

uint64_t
wf_worker_job_step(struct wf_worker_job *job)
{
    uint64_t now_ns = wf_worker_now_ns(job->worker);
    uint64_t next_ns = UINT64_MAX;

    if (job->has_beat && !job->is_beating) {
        send_beat(job);
    }
    if (job->state != WF_WORKER_JOB_LEASING) {
        if (now_ns >= job->renew_at_ns && !job->is_renewing) {
            renew(job);
        }
        next_ns = job->renew_at_ns > now_ns ? job->renew_at_ns : UINT64_MAX;
    }
    ask_if_due(job, now_ns);
    if (is_to_ask(job) && job->ask_at_ns < next_ns) {
        next_ns = job->ask_at_ns;
    }
    return next_ns;
}
