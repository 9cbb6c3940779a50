// SPDX-License-Identifier: Apache-2.0
//
// worker_impl.h - a worker of a task queue: what its two files share.
//
//   worker.c       life, polls, the loop of its thread
//   worker_job.c   one attempt: leased, run, renewed, reported
//
// Threads: all of it belongs to the worker's own thread, which alone dispatches
// its client; but the inbox and the flags, which are atomic. The functions of
// activities run on the threads of a pool (workers.h), whose tasks and beats
// come back through the inbox.

#ifndef WF_RUNTIME_WORKER_IMPL_H
#define WF_RUNTIME_WORKER_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mpsc.h"
#include "runtime/task.h"
#include "weft/worker.h"

struct wf_workers;

// One attempt.
//
//   LEASING --> RUNNING --> ENDED --> (freed)
enum wf_worker_job_state {
    WF_WORKER_JOB_LEASING, // asked for the lease
    WF_WORKER_JOB_RUNNING, // the pool has it
    WF_WORKER_JOB_ENDED    // its outcome is being told
};

struct wf_worker_job {
    struct wf_list_node node; // in worker->jobs
    weft_worker *worker;
    enum wf_worker_job_state state;
    uint64_t offer; // its id, for the poll that confirms it
    char token[WEFT_TOKEN_CHARS_MAX];
    struct wf_key caller; // owned; read from the token
    struct wf_token attempt;
    struct wf_task *task; // with the pool while RUNNING; owned when ENDED
    bool is_lost;         // the attempt is over: its outcome is nobody's
    uint64_t renew_at_ns;
    bool is_renewing;
    bool has_beat; // details are to be told
    bool is_beating;
    weft_bytes beat;      // owned
    bool is_asking;       // a lease or a report is under way
    uint64_t ask_at_ns;   // when that is tried again; 0: it is not waited for
    uint64_t ask_number;  // to be used again; 0: a new one
    uint32_t asks_failed; // in a row
};

// One request under way. Freed by its callback, which may come when the worker
// is gone.
struct wf_worker_ask {
    struct wf_list_node node;  // in worker->asks
    weft_worker *worker;       // NULL: gone
    struct wf_worker_job *job; // NULL: a poll, or the job is gone
    weft_verb verb;
    bool is_bye;
};

struct weft_worker {
    weft_client *client;
    char *queue;
    char *name; // of this worker and no other
    uint8_t poller[16];
    const weft_definitions *definitions;
    uint32_t parallel;
    uint32_t lease_ms;
    struct wf_clock clock;
    struct wf_workers *pool;
    pthread_t thread;
    struct wf_mpsc inbox;
    atomic_bool is_draining;
    atomic_bool is_closing;
    atomic_bool is_stopped; // the pool runs nothing any more

    _Atomic uint32_t is_empty; // 1: it drains, and nothing is left; a futex

    // The thread's own.
    struct wf_list jobs;
    struct wf_list asks;
    uint32_t leasing;
    struct wf_buf taken; // ids to confirm, u64 each
    bool is_polling;
    uint64_t polled_ns; // when
    uint64_t poll_at_ns;
    bool has_said_bye;
    bool is_bye_answered;
};

uint64_t wf_worker_now_ns(const weft_worker *worker);
// Submit; job may be NULL. False: it could not be, and is not under way.
bool wf_worker_submit(weft_worker *worker, struct wf_worker_job *job,
                      weft_request *request, bool is_bye, uint64_t *out_number);

// An offer: lease it.
void wf_worker_job_begin(weft_worker *worker, uint64_t offer,
                         const char *token);
// A request about it was answered.
void wf_worker_job_reply(struct wf_worker_job *job, weft_verb verb,
                         const weft_reply *reply);
// Do what is due. Returns when it has to be looked at again.
uint64_t wf_worker_job_step(struct wf_worker_job *job);
// From the pool; take them.
void wf_worker_job_ended(weft_worker *worker, struct wf_task *task);
void wf_worker_job_beat(weft_worker *worker, struct wf_beat *beat);
// The worker drains: what has not begun is given back when its turn comes. Or
// it closes: what runs is told to stop.
void wf_worker_job_hold(struct wf_worker_job *job);
void wf_worker_job_stop(struct wf_worker_job *job);
void wf_worker_job_destroy(struct wf_worker_job *job);

#endif
