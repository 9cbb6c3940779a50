// SPDX-License-Identifier: Apache-2.0
//
// committer.c - what makes the sealed segments of one store durable; in a
// cluster, of all stores.
//
//   SERVING --refused--> STALLED --written--> SERVING
//
// and for each store
//
//   open ---- in doubt, or FENCE ----> fenced --RESUME--> open
//
// Jobs wait in `ready`. A commit takes those at the front that fit into
// WF_COMMIT_BYTES_MAX, the first one always; they are then in `current`. One
// job is written as it is; several are copied together.
//
// A refused commit is known not to be written. The same jobs are tried again,
// later each time, and nothing is added to them: while the store is stalled
// the shards are told to refuse requests. A commit in doubt is not tried again,
// by nobody: its jobs go back void, and so does everything of its store that
// comes before RESUME.
//
// In a cluster a commit is one statement with a segment for each of its stores,
// which share a log and have one job each; each has an outcome of its own.
//
// Threads: one, the inbox's consumer.

#include "runtime/committer.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "runtime/depot.h"
#include "storage/log.h"
#include "storage/store.h"

#define RETRY_MS_MIN 1
#define RETRY_MS_MAX 100

enum state { SERVING, STALLED };

struct wf_committer {
    struct wf_committer_options options;
    struct wf_mpsc inbox;
    enum state state;
    bool is_stopped;
    bool *are_fenced; // by store

    struct wf_list ready;   // jobs that wait for a commit
    struct wf_list current; // jobs of the commit being written; empty: none
    struct wf_buf frames;   // joined, if there are several
    struct wf_batch rows;   // the same
    uint64_t retry_ms;      // how long to wait after the next refusal
    uint64_t retry_at_ns;   // STALLED: when to try again
};

// Jobs. ---------------------------------------------------------------------

void
wf_job_init(struct wf_job *job, uint32_t shard, uint32_t store)
{
    *job = (struct wf_job){.shard = shard, .store = store};
    job->post.u.job = job;
    job->post.store = store;
    job->rows = wf_calloc(sizeof(*job->rows));
}

void
wf_job_fini(struct wf_job *job)
{
    wf_buf_fini(&job->frames);
    if (job->rows != NULL) {
        wf_batch_fini(job->rows);
        wf_free(job->rows);
        job->rows = NULL;
    }
}

void
wf_job_reset(struct wf_job *job)
{
    wf_buf_recycle(&job->frames, WF_THREAD_BUFFER_BYTES);
    wf_batch_recycle(job->rows, WF_THREAD_BUFFER_BYTES);
    job->segments_count = 0;
}

static struct wf_job *
pop_job(struct wf_list *list)
{
    struct wf_list_node *node = wf_list_pop_front(list);

    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_job, node);
}

static void
give_back(struct wf_committer *committer, struct wf_job *job, bool is_durable)
{
    job->is_durable = is_durable;
    job->post.type = WF_POST_COMMITTED;
    committer->options.done(committer->options.ctx, job);
}

static void
give_back_void(struct wf_committer *committer, struct wf_list *list,
               uint32_t store)
{
    struct wf_list_node *node = wf_list_first(list);

    while (node != NULL) {
        struct wf_job *job = WF_CONTAINER(node, struct wf_job, node);

        node = wf_list_next(list, node);
        if (job->store == store) {
            wf_list_remove(list, &job->node);
            give_back(committer, job, false);
        }
    }
}

// Life. ---------------------------------------------------------------------

struct wf_committer *
wf_committer_create(const struct wf_committer_options *options)
{
    struct wf_committer *committer = wf_calloc(sizeof(*committer));

    committer->options = *options;
    committer->are_fenced =
        wf_calloc(options->stores_count * sizeof(*committer->are_fenced));
    for (uint32_t i = 0; i < options->stores_count; i++) {
        committer->are_fenced[i] = options->is_shared; // until it is taken
    }
    committer->retry_ms = RETRY_MS_MIN;
    wf_mpsc_init(&committer->inbox);
    wf_list_init(&committer->ready);
    wf_list_init(&committer->current);
    return committer;
}

void
wf_committer_destroy(struct wf_committer *committer)
{
    struct wf_post *post;

    if (committer == NULL) {
        return;
    }
    while ((post = wf_post_pop(&committer->inbox)) != NULL) {
        if (post->type != WF_POST_SEAL) { // a job's is part of the job
            wf_post_destroy(post);
        }
    }
    wf_buf_fini(&committer->frames);
    wf_batch_fini(&committer->rows);
    wf_free(committer->are_fenced);
    wf_mpsc_fini(&committer->inbox);
    wf_free(committer);
}

struct wf_mpsc *
wf_committer_inbox(struct wf_committer *committer)
{
    return &committer->inbox;
}

bool
wf_committer_is_stopped(const struct wf_committer *committer)
{
    return committer->is_stopped;
}

// Writing. ------------------------------------------------------------------

static size_t
bytes_of(const struct wf_job *job)
{
    return job->frames.len + job->rows->ops.len;
}

// Move the next commit's jobs from ready to current.
static void
choose_jobs(struct wf_committer *committer)
{
    struct wf_list_node *node;
    size_t bytes = 0;

    while ((node = wf_list_first(&committer->ready)) != NULL) {
        size_t more = bytes_of(WF_CONTAINER(node, struct wf_job, node));

        if (bytes > 0 && bytes + more > WF_COMMIT_BYTES_MAX) {
            break;
        }
        bytes += more;
        wf_list_remove(&committer->ready, node);
        wf_list_push_back(&committer->current, node);
    }
}

static void
append_rows(struct wf_batch *to, const struct wf_batch *from)
{
    enum wf_batch_op op;
    enum wf_cf cf;
    weft_bytes key;
    weft_bytes value;
    size_t at = 0;

    while (wf_batch_next(from, &at, &op, &cf, &key, &value)) {
        switch (op) {
        case WF_BATCH_PUT:
            wf_batch_put(to, cf, key, value);
            break;
        case WF_BATCH_DELETE:
            wf_batch_delete(to, cf, key);
            break;
        case WF_BATCH_DELETE_RANGE:
            wf_batch_delete_range(to, cf, key, value);
            break;
        }
    }
}

// What is written for the current jobs. Made anew for each try: that costs
// nothing beside the wait before it.
static struct wf_commit
build_commit(struct wf_committer *committer)
{
    const struct wf_list *jobs = &committer->current;
    struct wf_list_node *node = wf_list_the_first(jobs);
    const struct wf_job *first = WF_CONTAINER(node, struct wf_job, node);
    struct wf_commit commit = {
        .frames = wf_buf_bytes(&first->frames),
        .segments_count = first->segments_count,
        .rows = first->rows,
    };

    if (jobs->count == 1) {
        return commit;
    }
    commit.segments_count = 0;
    wf_buf_recycle(&committer->frames, WF_THREAD_BUFFER_BYTES);
    wf_batch_recycle(&committer->rows, WF_THREAD_BUFFER_BYTES);
    for (; node != NULL; node = wf_list_next(jobs, node)) {
        const struct wf_job *job = WF_CONTAINER(node, struct wf_job, node);

        wf_buf_put(&committer->frames, job->frames.data, job->frames.len);
        append_rows(&committer->rows, job->rows);
        commit.segments_count += job->segments_count;
    }
    commit.frames = wf_buf_bytes(&committer->frames);
    commit.rows = &committer->rows;
    return commit;
}

static uint64_t
now_ns(const struct wf_committer *committer)
{
    const struct wf_clock *clock = &committer->options.clock;

    return clock->mono_ns(clock->self);
}

// The store of the jobs that are current; in a cluster of the first.
static uint32_t
current_store(const struct wf_committer *committer)
{
    const struct wf_list_node *node = wf_list_the_first(&committer->current);

    return WF_CONTAINER(node, const struct wf_job, node)->store;
}

static void
end_stall(struct wf_committer *committer, uint32_t store)
{
    if (committer->state == STALLED) {
        committer->state = SERVING;
        committer->options.stall(committer->options.ctx, store, false);
    }
    committer->retry_ms = RETRY_MS_MIN;
}

static void
give_back_durable(struct wf_committer *committer, struct wf_job *job,
                  uint64_t number)
{
    struct wf_depot *depot = &committer->options.depots[job->store];

    job->commit = number;
    job->log_bytes = atomic_load(&depot->log_bytes);
    give_back(committer, job, true);
}

static void
stall(struct wf_committer *committer)
{
    if (committer->state == SERVING) {
        committer->state = STALLED;
        committer->options.stall(committer->options.ctx,
                                 current_store(committer), true);
    }
    committer->retry_at_ns = now_ns(committer) + committer->retry_ms * 1000000U;
    committer->retry_ms *= 2;
    if (committer->retry_ms > RETRY_MS_MAX) {
        committer->retry_ms = RETRY_MS_MAX;
    }
}

static void
fence(struct wf_committer *committer, uint32_t store)
{
    if (committer->state == STALLED && current_store(committer) == store) {
        end_stall(committer, store);
    }
    committer->are_fenced[store] = true;
    give_back_void(committer, &committer->current, store);
    give_back_void(committer, &committer->ready, store);
}

static void
doubt(struct wf_committer *committer, uint32_t store)
{
    fence(committer, store);
    committer->options.in_doubt(committer->options.ctx, store);
}

// All jobs are of one store.
static void
write_one(struct wf_committer *committer)
{
    struct wf_commit commit = build_commit(committer);
    uint32_t store = current_store(committer);
    struct wf_job *job;

    switch (wf_depot_append(&committer->options.depots[store], &commit)) {
    case WF_DEPOT_DURABLE:
        end_stall(committer, store);
        while ((job = pop_job(&committer->current)) != NULL) {
            give_back_durable(committer, job, commit.number);
        }
        break;
    case WF_DEPOT_REFUSED:
        stall(committer);
        break;
    case WF_DEPOT_FENCED:
    case WF_DEPOT_IN_DOUBT:
        doubt(committer, store);
        break;
    }
}

// What is appended at once, of each store that has a job.
struct shares {
    struct wf_depot **depots;
    struct wf_commit *commits;
    enum wf_depot_result *results;
    uint32_t count;
};

static struct shares
make_shares(const struct wf_committer *committer)
{
    const struct wf_list *jobs = &committer->current;
    struct shares shares = {.count = (uint32_t)jobs->count};
    struct wf_list_node *node = wf_list_first(jobs);

    shares.depots = wf_calloc(shares.count * sizeof(*shares.depots));
    shares.commits = wf_calloc(shares.count * sizeof(*shares.commits));
    shares.results = wf_calloc(shares.count * sizeof(*shares.results));
    for (uint32_t i = 0; node != NULL; node = wf_list_next(jobs, node), i++) {
        const struct wf_job *job = WF_CONTAINER(node, struct wf_job, node);

        shares.depots[i] = &committer->options.depots[job->store];
        shares.commits[i] = (struct wf_commit){
            .frames = wf_buf_bytes(&job->frames),
            .segments_count = job->segments_count,
            .rows = job->rows,
        };
    }
    return shares;
}

static void
free_shares(const struct shares *shares)
{
    wf_free(shares->depots);
    wf_free(shares->commits);
    wf_free(shares->results);
}

// Each job is of another store.
static void
write_shared(struct wf_committer *committer)
{
    struct shares shares = make_shares(committer);

    wf_depot_append_all(shares.depots, shares.commits, shares.results,
                        shares.count);
    for (uint32_t i = 0; i < shares.count; i++) {
        struct wf_list_node *node = wf_list_the_first(&committer->current);
        struct wf_job *job = WF_CONTAINER(node, struct wf_job, node);

        if (shares.results[i] == WF_DEPOT_DURABLE) {
            wf_list_remove(&committer->current, node);
            give_back_durable(committer, job, shares.commits[i].number);
        } else {
            doubt(committer, job->store);
        }
    }
    free_shares(&shares);
}

static void
write_current(struct wf_committer *committer)
{
    if (committer->options.is_shared) {
        write_shared(committer);
    } else {
        write_one(committer);
    }
}

// Steps. --------------------------------------------------------------------

static void
handle(struct wf_committer *committer, struct wf_post *post)
{
    struct wf_job *job = post->u.job;

    switch (post->type) {
    case WF_POST_SEAL:
        if (committer->are_fenced[job->store]) {
            give_back(committer, job, false);
        } else {
            wf_list_push_back(&committer->ready, &job->node);
        }
        return; // the post is the job's
    case WF_POST_FENCE:
        fence(committer, post->store);
        committer->options.fenced(committer->options.ctx, post->store);
        break;
    case WF_POST_RESUME:
        WF_ASSERT(committer->are_fenced[post->store]);
        committer->are_fenced[post->store] = false;
        break;
    case WF_POST_STOP:
        committer->is_stopped = true;
        break;
    default:
        WF_ASSERT(false);
    }
    wf_post_destroy(post);
}

uint64_t
wf_committer_step(struct wf_committer *committer)
{
    struct wf_post *post;
    bool did_something = false;
    uint64_t now;

    while ((post = wf_post_pop(&committer->inbox)) != NULL) {
        handle(committer, post);
        did_something = true;
    }
    if (committer->state == STALLED) {
        now = now_ns(committer);
        if (now < committer->retry_at_ns) {
            return did_something
                       ? 0
                       : (committer->retry_at_ns - now + 999999U) / 1000000U;
        }
        write_current(committer);
        return 0;
    }
    if (committer->state == SERVING && committer->ready.count > 0) {
        choose_jobs(committer);
        write_current(committer);
        return 0;
    }
    return did_something ? 0 : UINT64_MAX;
}
