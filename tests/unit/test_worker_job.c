// SPDX-License-Identifier: Apache-2.0
//
// test_worker_job.c - one attempt of a worker, whose node is played by the
// test: every answer that there is to a lease, a renewal, a heartbeat and an
// outcome, on a clock of the test's own.

#include <string.h>

#include "base/alloc.h"
#include "base/list.h"
#include "runtime/client_port.h"
#include "runtime/request.h"
#include "runtime/worker_impl.h"
#include "runtime/workers.h"
#include "support/test.h"
#include "weft/definitions.h"

#define MS_NS 1000000ULL
#define LEASE_MS 3000

static struct rig {
    weft_definitions *definitions;
    weft_client *client;
    struct wf_list posted; // requests that wait for an answer
    weft_err prepare_err;  // of a request that is made
    weft_worker worker;
    uint64_t now_ns;
    weft_err outcome; // of the activity
    uint32_t runs;
} rig;

// The node. -------------------------------------------------------------------

static weft_err
prepare(void *self, const char *name_space, const weft_request *given,
        struct wf_request *made)
{
    (void)self;
    (void)name_space;
    (void)given;
    (void)made;
    return rig.prepare_err;
}

static void
post(void *self, struct wf_request *request)
{
    (void)self;
    wf_list_push_back(&rig.posted, &request->wait);
}

static bool
goes_on(void *self, struct wf_request *request)
{
    (void)self;
    (void)request;
    return false;
}

static bool
wait_for(void *self, bool (*is_over)(void *arg), void *arg, uint32_t timeout_ms)
{
    (void)self;
    (void)is_over;
    (void)arg;
    (void)timeout_ms;
    return false;
}

static void
close_port(void *self)
{
    (void)self;
}

// The oldest of this verb; fails the test if none is under way.
static struct wf_request *
find_posted(weft_verb verb)
{
    struct wf_list_node *node = wf_list_first(&rig.posted);

    for (; node != NULL; node = wf_list_next(&rig.posted, node)) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        if (request->verb == verb) {
            return request;
        }
    }
    CHECK(false);
    return NULL;
}

static void
answer_with(weft_verb verb, weft_err err, const weft_lease *lease)
{
    struct wf_request *request = find_posted(verb);

    wf_list_remove(&rig.posted, &request->wait);
    wf_request_answer(request, err, "");
    if (lease != NULL) {
        wf_request_answer_lease(request, lease);
    }
    request->done(request);
    CHECK_EQ(weft_client_dispatch(rig.client, 10), 1);
}

static void
answer(weft_verb verb, weft_err err)
{
    answer_with(verb, err, NULL);
}

static void
grant(const char *activity)
{
    const weft_lease lease = {.activity = activity,
                              .input = weft_text("in"),
                              .attempt = 1,
                              .key = "0123456789abcdef0123456789abcdef",
                              .caller_id = "default/k/1"};

    answer_with(WEFT_VERB_LEASE, WEFT_OK, &lease);
}

// The worker. -----------------------------------------------------------------

static uint64_t
now_ms(void *self)
{
    (void)self;
    return rig.now_ns / MS_NS;
}

static uint64_t
now_ns(void *self)
{
    (void)self;
    return rig.now_ns;
}

static void
take_task(void *ctx, struct wf_task *task)
{
    wf_worker_job_ended(ctx, task);
}

static void
take_beat(void *ctx, struct wf_beat *beat)
{
    wf_worker_job_beat(ctx, beat);
}

static weft_err
work(weft_activity *activity, weft_bytes input)
{
    rig.runs++;
    CHECK_BYTES(input, weft_text("in"));
    if (rig.outcome == WEFT_EFAILED) {
        return weft_activity_fail(activity, "Bad", "it was", weft_text("why"));
    }
    if (rig.outcome == WEFT_EDEFERRED) {
        char token[WEFT_TOKEN_CHARS_MAX];

        return weft_activity_defer(activity, token, sizeof(token));
    }
    CHECK_OK(weft_activity_heartbeat(activity, weft_text("half")));
    return rig.outcome == WEFT_OK ? weft_activity_return(activity, input)
                                  : rig.outcome;
}

static void
rig_open(void)
{
    static const struct wf_client_port_ops ops = {prepare, post, goes_on,
                                                  wait_for, close_port};
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    weft_client_options options;

    rig = (struct rig){.now_ns = 1000 * MS_NS};
    wf_list_init(&rig.posted);
    CHECK_OK(weft_definitions_create(&rig.definitions));
    def.name = "work";
    def.run = work;
    CHECK_OK(weft_definitions_add_activity(rig.definitions, &def));
    CHECK_OK(wf_client_options_read(NULL, &options));
    rig.client = wf_client_create(&(struct wf_client_setup){
        .options = &options, .first_number = 1, .port = {.ops = &ops}});
    rig.worker = (weft_worker){
        .client = rig.client,
        .name = (char *)(uintptr_t) "w-1",
        .definitions = rig.definitions,
        .lease_ms = LEASE_MS,
        .clock = {now_ms, now_ns, NULL},
    };
    wf_list_init(&rig.worker.jobs);
    wf_list_init(&rig.worker.asks);
    CHECK_OK(wf_workers_create(
        &(struct wf_workers_options){
            .count = 1,
            .is_manual = true,
            .definitions = rig.definitions,
            .clock = rig.worker.clock,
            .done = take_task,
            .beat = take_beat,
            .ctx = &rig.worker,
        },
        &rig.worker.pool));
}

static void
rig_close(void)
{
    struct wf_list_node *node;

    CHECK_EQ(rig.worker.leasing, 0);
    wf_workers_stop(rig.worker.pool);
    wf_workers_destroy(rig.worker.pool);
    while ((node = wf_list_first(&rig.worker.jobs)) != NULL) {
        wf_worker_job_destroy(WF_CONTAINER(node, struct wf_worker_job, node));
    }
    while ((node = wf_list_first(&rig.posted)) != NULL) {
        answer(WF_CONTAINER(node, struct wf_request, wait)->verb, WEFT_OK);
    }
    weft_client_close(rig.client);
    wf_buf_fini(&rig.worker.taken);
    weft_definitions_destroy(rig.definitions);
}

static void
offer_of(uint64_t offer, const char *caller, struct wf_token attempt)
{
    char token[WEFT_TOKEN_CHARS_MAX];
    struct wf_key key;

    CHECK_OK(wf_key_make("default", "k", caller, &key));
    wf_token_encode(&key, &attempt, token);
    wf_key_fini(&key);
    wf_worker_job_begin(&rig.worker, offer, token);
}

static void
offer(uint64_t number)
{
    offer_of(number, "1", (struct wf_token){.run = 1, .attempt = 1});
}

// The only one; NULL: there is none.
static struct wf_worker_job *
job(void)
{
    struct wf_list_node *node = wf_list_first(&rig.worker.jobs);

    CHECK(rig.worker.jobs.count <= 1);
    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_worker_job, node);
}

// Everything that is due now. When it wants to be looked at again, in ms.
static uint64_t
step(void)
{
    uint64_t next_ns = wf_worker_job_step(job());

    return next_ns == UINT64_MAX ? UINT64_MAX : (next_ns - rig.now_ns) / MS_NS;
}

static void
check_taken(uint64_t number)
{
    struct wf_reader taken = wf_reader_of(wf_buf_bytes(&rig.worker.taken));

    CHECK_EQ(wf_reader_left(&taken), sizeof(number));
    CHECK_EQ(wf_reader_u64(&taken), number);
    wf_buf_reset(&rig.worker.taken);
}

// What was leased has run, and its outcome waits to be told.
static void
run_to_end(weft_err outcome)
{
    rig.outcome = outcome;
    offer(7);
    grant("work");
    check_taken(7);
    CHECK_EQ(job()->state, WF_WORKER_JOB_RUNNING);
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig.runs, 1);
    CHECK_EQ(job()->state, WF_WORKER_JOB_ENDED);
    (void)step();
}

// Offers. ---------------------------------------------------------------------

TEST(worker_job, an_offer_that_nobody_can_lease_is_only_confirmed)
{
    rig_open();
    wf_worker_job_begin(&rig.worker, 5, "no token");
    check_taken(5);
    CHECK(job() == NULL);
    offer(6);
    CHECK(job() != NULL);
    offer(7); // the same attempt again
    check_taken(7);
    CHECK(job() != NULL);
    CHECK_EQ(rig.posted.count, 1);
    answer(WEFT_VERB_LEASE, WEFT_ENOTFOUND);
    rig_close();
}

TEST(worker_job, attempts_differ_by_caller_run_call_and_number)
{
    const struct wf_token others[] = {{2, 0, 1}, {1, 1, 1}, {1, 0, 2}};

    rig_open();
    offer(1);
    offer_of(2, "2", (struct wf_token){.run = 1, .attempt = 1});
    for (size_t i = 0; i < 3; i++) {
        offer_of(3 + i, "1",
                 (struct wf_token){.run = others[i].run,
                                   .command = others[i].command,
                                   .attempt = others[i].attempt});
    }
    CHECK_EQ(rig.worker.jobs.count, 5);
    CHECK_EQ(rig.worker.leasing, 5);
    CHECK_EQ(rig.worker.taken.len, 0);
    while (rig.posted.count > 0) {
        answer(WEFT_VERB_LEASE, WEFT_ENOTFOUND);
    }
    CHECK_EQ(rig.worker.jobs.count, 0);
    rig_close();
}

// Leases. ---------------------------------------------------------------------

TEST(worker_job, a_lease_of_what_is_over_is_confirmed_and_forgotten)
{
    rig_open();
    offer(7);
    answer(WEFT_VERB_LEASE, WEFT_ENOTFOUND);
    CHECK(job() == NULL);
    check_taken(7);
    rig_close();
}

// It is the queue that offers it again, to this one or another.
TEST(worker_job, a_lease_that_is_refused_for_good_is_left_to_the_queue)
{
    rig_open();
    offer(7);
    answer(WEFT_VERB_LEASE, WEFT_EDENIED);
    CHECK(job() == NULL);
    CHECK_EQ(rig.worker.taken.len, 0);
    offer(8);
    answer(WEFT_VERB_LEASE, WEFT_OK); // with no lease in it
    CHECK(job() == NULL);
    CHECK_EQ(rig.worker.taken.len, 0);
    rig_close();
}

// Under its number, for it may have been done; and not for ever.
TEST(worker_job, a_lease_whose_fate_is_unknown_is_asked_for_again)
{
    static const uint64_t pauses[] = {100, 200, 400, 800};
    uint64_t number;

    rig_open();
    offer(7);
    number = find_posted(WEFT_VERB_LEASE)->number;
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(find_posted(WEFT_VERB_LEASE)->number, number);
        CHECK_EQ(step(), UINT64_MAX); // one is under way
        answer(WEFT_VERB_LEASE, WEFT_EIO);
        CHECK_EQ(step(), pauses[i]);
        CHECK_EQ(rig.posted.count, 0);
        rig.now_ns += pauses[i] * MS_NS;
        CHECK_EQ(step(), UINT64_MAX);
    }
    answer(WEFT_VERB_LEASE, WEFT_EIO);
    CHECK(job() == NULL);
    CHECK_EQ(rig.worker.taken.len, 0);
    rig_close();
}

// It did not happen: under its old number it would look as if it might have.
TEST(worker_job, a_lease_that_is_refused_for_now_is_asked_for_anew)
{
    uint64_t number;

    rig_open();
    offer(7);
    number = find_posted(WEFT_VERB_LEASE)->number;
    answer(WEFT_VERB_LEASE, WEFT_EBUSY);
    rig.now_ns += 100 * MS_NS;
    (void)step();
    CHECK(find_posted(WEFT_VERB_LEASE)->number > number);
    grant("work");
    CHECK_EQ(job()->state, WF_WORKER_JOB_RUNNING);
    rig_close();
}

TEST(worker_job, what_cannot_be_asked_is_asked_later)
{
    rig_open();
    rig.prepare_err = WEFT_EBUSY;
    offer(7);
    CHECK_EQ(rig.posted.count, 0);
    CHECK_EQ(rig.worker.asks.count, 0);
    CHECK_EQ(step(), 100);
    rig.now_ns += 100 * MS_NS;
    CHECK_EQ(step(), 200); // nor this time
    rig.prepare_err = WEFT_OK;
    rig.now_ns += 200 * MS_NS;
    CHECK_EQ(step(), UINT64_MAX);
    grant("work");
    CHECK_EQ(job()->state, WF_WORKER_JOB_RUNNING);
    rig_close();
}

TEST(worker_job, what_it_has_no_code_for_fails)
{
    rig_open();
    offer(7);
    grant("unknown");
    check_taken(7);
    (void)step();
    CHECK_STR(find_posted(WEFT_VERB_FAIL)->error_name, "WEFT_ENOTFOUND");
    CHECK_STR(find_posted(WEFT_VERB_FAIL)->error_message,
              "its worker has no such activity");
    answer(WEFT_VERB_FAIL, WEFT_OK);
    CHECK(job() == NULL);
    rig_close();
}

TEST(worker_job, one_that_drains_gives_back_what_it_is_leased)
{
    rig_open();
    offer(7);
    atomic_store(&rig.worker.is_draining, true);
    wf_worker_job_hold(job()); // it runs nothing: there is nothing to hold
    grant("work");
    (void)step();
    answer(WEFT_VERB_RELEASE, WEFT_OK);
    CHECK(job() == NULL);
    CHECK_EQ(rig.runs, 0);
    rig_close();
}

// While it runs. --------------------------------------------------------------

TEST(worker_job, it_is_renewed_and_told_what_became_of_it)
{
    const weft_lease paused = {
        .activity = "", .key = "", .caller_id = "", .is_paused = 1};
    struct wf_task *task;

    rig_open();
    offer(7);
    grant("work");
    task = job()->task;
    CHECK_EQ(step(), LEASE_MS / 3);
    rig.now_ns += LEASE_MS / 3 * MS_NS;
    CHECK_EQ(step(), LEASE_MS / 3);
    CHECK_EQ(rig.posted.count, 1);
    rig.now_ns += LEASE_MS / 3 * MS_NS;
    CHECK_EQ(step(), UINT64_MAX); // its answer is waited for
    CHECK_EQ(rig.posted.count, 1);
    answer_with(WEFT_VERB_RENEW, WEFT_OK, &paused);
    CHECK(atomic_load(&task->is_paused));
    (void)step();
    answer(WEFT_VERB_RENEW, WEFT_OK); // says nothing of that
    CHECK(atomic_load(&task->is_paused));
    CHECK(!atomic_load(&task->is_cancelled));
    rig.now_ns += LEASE_MS / 3 * MS_NS;
    (void)step();
    answer(WEFT_VERB_RENEW, WEFT_EBUSY); // there is the next one
    CHECK(!atomic_load(&task->is_cancelled));
    rig.now_ns += LEASE_MS / 3 * MS_NS;
    (void)step();
    answer(WEFT_VERB_RENEW, WEFT_ECANCELLED);
    CHECK(atomic_load(&task->is_cancelled));
    CHECK(!atomic_load(&task->is_abandoned));
    rig_close();
}

TEST(worker_job, one_that_is_over_ends_with_nobody_told)
{
    rig_open();
    offer(7);
    grant("work");
    rig.now_ns += LEASE_MS * MS_NS;
    (void)step();
    answer(WEFT_VERB_RENEW, WEFT_ENOTFOUND);
    CHECK(job()->is_lost);
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig.runs, 0); // there was still time
    CHECK(job() == NULL);
    CHECK_EQ(rig.posted.count, 0);
    rig_close();
}

static void
beat(uint32_t attempt, const char *details)
{
    struct wf_beat *beat = wf_calloc(sizeof(*beat));

    beat->caller = wf_key_copy(&job()->caller);
    beat->token = job()->attempt;
    beat->token.attempt = attempt;
    beat->details = wf_bytes_copy(weft_text(details));
    wf_worker_job_beat(&rig.worker, beat);
}

TEST(worker_job, a_heartbeat_goes_out_one_at_a_time_with_the_newest_details)
{
    static const char *const details[] = {"a", "b", ""};

    rig_open();
    offer(7);
    grant("work");
    for (size_t i = 0; i < 3; i++) {
        beat(1, details[i]);
        (void)step();
        CHECK_EQ(rig.posted.count, 1);
        CHECK_BYTES(find_posted(WEFT_VERB_HEARTBEAT)->data, weft_text("a"));
    }
    answer(WEFT_VERB_HEARTBEAT, WEFT_OK);
    rig.prepare_err = WEFT_EBUSY;
    (void)step();
    CHECK_EQ(rig.posted.count, 0);
    rig.prepare_err = WEFT_OK;
    (void)step(); // it is not forgotten
    CHECK_EQ(find_posted(WEFT_VERB_HEARTBEAT)->data.len, 0);
    answer(WEFT_VERB_HEARTBEAT, WEFT_ECANCELLED);
    CHECK(atomic_load(&job()->task->is_cancelled));
    rig_close();
}

TEST(worker_job, heartbeats_and_tasks_of_nobody_are_freed)
{
    struct wf_task *task = wf_task_create();

    rig_open();
    offer(7);
    grant("work");
    beat(2, "of another attempt");
    (void)step();
    CHECK_EQ(rig.posted.count, 0);
    task->caller = wf_key_copy(&job()->caller); // not the one it runs
    task->token = job()->attempt;
    wf_worker_job_ended(&rig.worker, task);
    CHECK_EQ(job()->state, WF_WORKER_JOB_RUNNING);
    task = wf_task_create();
    task->caller = wf_key_copy(&job()->caller);
    wf_worker_job_ended(&rig.worker, task);
    CHECK_EQ(job()->state, WF_WORKER_JOB_RUNNING);
    rig_close();
}

TEST(worker_job, what_has_not_begun_is_held_and_given_back)
{
    rig_open();
    offer(7);
    grant("work");
    wf_worker_job_hold(job());
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig.runs, 0);
    (void)step();
    answer(WEFT_VERB_RELEASE, WEFT_OK);
    CHECK(job() == NULL);
    rig_close();
}

TEST(worker_job, one_that_closes_tells_of_nothing_that_ran)
{
    rig_open();
    offer(7);
    wf_worker_job_stop(job()); // nothing runs
    grant("work");
    atomic_store(&rig.worker.is_closing, true);
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig.runs, 1);
    CHECK(job() == NULL);
    CHECK_EQ(rig.posted.count, 0);
    offer(8);
    grant("work");
    atomic_store(&job()->task->started_at_ms, 1);
    wf_worker_job_hold(job()); // it has begun
    CHECK(!atomic_load(&job()->task->is_paused));
    atomic_store(&job()->task->started_at_ms, 0);
    wf_worker_job_stop(job());
    CHECK(atomic_load(&job()->task->is_cancelled));
    CHECK(wf_workers_step(rig.worker.pool)); // it did not begin
    (void)step();
    CHECK_STR(find_posted(WEFT_VERB_FAIL)->error_name, "WEFT_ECANCELLED");
    rig_close();
}

// Outcomes. -------------------------------------------------------------------

TEST(worker_job, each_outcome_has_its_own_verb)
{
    static const struct {
        weft_err outcome;
        weft_verb verb;
    } cases[] = {
        {WEFT_OK, WEFT_VERB_COMPLETE},
        {WEFT_EFAILED, WEFT_VERB_FAIL},
        {WEFT_EIO, WEFT_VERB_FAIL},
        {WEFT_EDEFERRED, WEFT_VERB_DEFER},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rig_open();
        run_to_end(cases[i].outcome);
        CHECK_EQ(find_posted(cases[i].verb)->token.attempt, 1);
        if (cases[i].verb == WEFT_VERB_COMPLETE) {
            CHECK_BYTES(find_posted(cases[i].verb)->data, weft_text("in"));
        }
        if (cases[i].outcome == WEFT_EFAILED) {
            CHECK_STR(find_posted(cases[i].verb)->error_name, "Bad");
            CHECK_BYTES(find_posted(cases[i].verb)->data, weft_text("why"));
        }
        answer(cases[i].verb, WEFT_OK);
        CHECK(job() == NULL);
        rig_close();
    }
}

TEST(worker_job, an_outcome_that_is_nobodys_any_more_is_dropped)
{
    rig_open();
    run_to_end(WEFT_OK);
    answer(WEFT_VERB_COMPLETE, WEFT_ENOTFOUND);
    CHECK(job() == NULL);
    rig_close();
}

// Unknown: under its number. Refused: anew. Until somebody says something else,
// in pauses that grow to five seconds; and the lease is renewed meanwhile.
TEST(worker_job, an_outcome_is_told_until_somebody_answers)
{
    static const uint64_t pauses[] = {100,  200,  400,  800,
                                      1600, 3200, 6400, 6400};
    uint64_t number;

    rig_open();
    run_to_end(WEFT_OK);
    number = find_posted(WEFT_VERB_COMPLETE)->number;
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        weft_err err = i % 2 == 0 ? WEFT_ETIMEDOUT : WEFT_EFULL;

        answer(WEFT_VERB_COMPLETE, err);
        CHECK_EQ(job()->ask_at_ns - rig.now_ns, pauses[i] * MS_NS);
        rig.now_ns = job()->ask_at_ns;
        (void)step();
        if (err == WEFT_ETIMEDOUT) {
            CHECK_EQ(find_posted(WEFT_VERB_COMPLETE)->number, number);
        } else {
            CHECK(find_posted(WEFT_VERB_COMPLETE)->number > number);
            number = find_posted(WEFT_VERB_COMPLETE)->number;
        }
    }
    answer(WEFT_VERB_RENEW, WEFT_ENOTFOUND); // what came too late changes
    CHECK(job() != NULL);                    // nothing
    answer(WEFT_VERB_COMPLETE, WEFT_OK);
    CHECK(job() == NULL);
    rig_close();
}
