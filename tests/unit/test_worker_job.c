// SPDX-License-Identifier: Apache-2.0
//
// test_worker_job.c - one attempt of a worker, whose node is played by the
// test: every answer that there is to a lease, a renewal, a heartbeat and an
// outcome, on a clock of the test's own.

#include "base/alloc.h"
#include "job_rig.h"
#include "support/test.h"

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
    rig_offer(7);
    rig_grant("work");
    check_taken(7);
    CHECK_EQ(rig_job()->state, WF_WORKER_JOB_RUNNING);
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig.runs, 1);
    CHECK_EQ(rig_job()->state, WF_WORKER_JOB_ENDED);
    (void)rig_step();
}

// Offers. ---------------------------------------------------------------------

TEST(worker_job, an_offer_that_nobody_can_lease_is_only_confirmed)
{
    rig_open();
    wf_worker_job_begin(&rig.worker, 5, "no token");
    check_taken(5);
    CHECK(rig_job() == NULL);
    rig_offer(6);
    CHECK(rig_job() != NULL);
    rig_offer(7); // the same attempt again
    check_taken(7);
    CHECK(rig_job() != NULL);
    CHECK_EQ(rig.posted.count, 1);
    rig_answer(WEFT_VERB_LEASE, WEFT_ENOTFOUND);
    rig_close();
}

TEST(worker_job, attempts_differ_by_caller_run_call_and_number)
{
    const struct wf_token others[] = {{2, 0, 1}, {1, 1, 1}, {1, 0, 2}};

    rig_open();
    rig_offer(1);
    rig_offer_of(2, "2", (struct wf_token){.run = 1, .attempt = 1});
    for (size_t i = 0; i < 3; i++) {
        rig_offer_of(3 + i, "1",
                     (struct wf_token){.run = others[i].run,
                                       .command = others[i].command,
                                       .attempt = others[i].attempt});
    }
    CHECK_EQ(rig.worker.jobs.count, 5);
    CHECK_EQ(rig.worker.leasing, 5);
    CHECK_EQ(rig.worker.taken.len, 0);
    while (rig.posted.count > 0) {
        rig_answer(WEFT_VERB_LEASE, WEFT_ENOTFOUND);
    }
    CHECK_EQ(rig.worker.jobs.count, 0);
    rig_close();
}

// Leases. ---------------------------------------------------------------------

TEST(worker_job, a_lease_of_what_is_over_is_confirmed_and_forgotten)
{
    rig_open();
    rig_offer(7);
    rig_answer(WEFT_VERB_LEASE, WEFT_ENOTFOUND);
    CHECK(rig_job() == NULL);
    check_taken(7);
    rig_close();
}

// It is the queue that offers it again, to this one or another.
TEST(worker_job, a_lease_that_is_refused_for_good_is_left_to_the_queue)
{
    rig_open();
    rig_offer(7);
    rig_answer(WEFT_VERB_LEASE, WEFT_EDENIED);
    CHECK(rig_job() == NULL);
    CHECK_EQ(rig.worker.taken.len, 0);
    rig_offer(8);
    rig_answer(WEFT_VERB_LEASE, WEFT_OK); // with no lease in it
    CHECK(rig_job() == NULL);
    CHECK_EQ(rig.worker.taken.len, 0);
    rig_close();
}

// Under its number, for it may have been done; and not for ever.
TEST(worker_job, a_lease_whose_fate_is_unknown_is_asked_for_again)
{
    static const uint64_t pauses[] = {100, 200, 400, 800};
    uint64_t number;

    rig_open();
    rig_offer(7);
    number = rig_posted(WEFT_VERB_LEASE)->number;
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(rig_posted(WEFT_VERB_LEASE)->number, number);
        CHECK_EQ(rig_step(), UINT64_MAX); // one is under way
        rig_answer(WEFT_VERB_LEASE, WEFT_EIO);
        CHECK_EQ(rig_step(), pauses[i]);
        CHECK_EQ(rig.posted.count, 0);
        rig.now_ns += pauses[i] * RIG_MS_NS;
        CHECK_EQ(rig_step(), UINT64_MAX);
    }
    rig_answer(WEFT_VERB_LEASE, WEFT_EIO);
    CHECK(rig_job() == NULL);
    CHECK_EQ(rig.worker.taken.len, 0);
    rig_close();
}

// It did not happen: under its old number it would look as if it might have.
TEST(worker_job, a_lease_that_is_refused_for_now_is_asked_for_anew)
{
    uint64_t number;

    rig_open();
    rig_offer(7);
    number = rig_posted(WEFT_VERB_LEASE)->number;
    rig_answer(WEFT_VERB_LEASE, WEFT_EBUSY);
    rig.now_ns += 100 * RIG_MS_NS;
    (void)rig_step();
    CHECK(rig_posted(WEFT_VERB_LEASE)->number > number);
    rig_grant("work");
    CHECK_EQ(rig_job()->state, WF_WORKER_JOB_RUNNING);
    rig_close();
}

TEST(worker_job, what_cannot_be_asked_is_asked_later)
{
    rig_open();
    rig.prepare_err = WEFT_EBUSY;
    rig_offer(7);
    CHECK_EQ(rig.posted.count, 0);
    CHECK_EQ(rig.worker.asks.count, 0);
    CHECK_EQ(rig_step(), 100);
    rig.now_ns += 100 * RIG_MS_NS;
    CHECK_EQ(rig_step(), 200); // nor this time
    rig.prepare_err = WEFT_OK;
    rig.now_ns += 200 * RIG_MS_NS;
    CHECK_EQ(rig_step(), UINT64_MAX);
    rig_grant("work");
    CHECK_EQ(rig_job()->state, WF_WORKER_JOB_RUNNING);
    rig_close();
}

TEST(worker_job, what_it_has_no_code_for_fails)
{
    rig_open();
    rig_offer(7);
    rig_grant("unknown");
    check_taken(7);
    (void)rig_step();
    CHECK_STR(rig_posted(WEFT_VERB_FAIL)->error_name, "WEFT_ENOTFOUND");
    CHECK_STR(rig_posted(WEFT_VERB_FAIL)->error_message,
              "its worker has no such activity");
    rig_answer(WEFT_VERB_FAIL, WEFT_OK);
    CHECK(rig_job() == NULL);
    rig_close();
}

TEST(worker_job, one_that_drains_gives_back_what_it_is_leased)
{
    rig_open();
    rig_offer(7);
    atomic_store(&rig.worker.is_draining, true);
    wf_worker_job_hold(rig_job()); // it runs nothing: there is nothing to hold
    rig_grant("work");
    (void)rig_step();
    rig_answer(WEFT_VERB_RELEASE, WEFT_OK);
    CHECK(rig_job() == NULL);
    CHECK_EQ(rig.runs, 0);
    rig_close();
}

// While it runs. --------------------------------------------------------------

TEST(worker_job, a_lease_says_that_it_is_not_to_begin)
{
    const weft_lease lease = {.activity = "work",
                              .attempt = 1,
                              .key = "0123456789abcdef0123456789abcdef",
                              .caller_id = "default/k/1",
                              .is_paused = 1,
                              .is_cancel_requested = 1};

    rig_open();
    rig_offer(7);
    rig_answer_with(WEFT_VERB_LEASE, WEFT_OK, &lease);
    CHECK(atomic_load(&rig_job()->task->is_paused));
    CHECK(atomic_load(&rig_job()->task->is_cancelled));
    rig_close();
}

TEST(worker_job, it_is_renewed_and_told_what_became_of_it)
{
    const weft_lease paused = {
        .activity = "", .key = "", .caller_id = "", .is_paused = 1};
    const weft_lease resumed = {.activity = "", .key = "", .caller_id = ""};
    struct wf_task *task;

    rig_open();
    rig_offer(7);
    rig_grant("work");
    task = rig_job()->task;
    CHECK_EQ(rig_step(), RIG_LEASE_MS / 3);
    rig.now_ns += RIG_LEASE_MS / 3 * RIG_MS_NS;
    CHECK_EQ(rig_step(), RIG_LEASE_MS / 3);
    CHECK_EQ(rig.posted.count, 1);
    rig.now_ns += RIG_LEASE_MS / 3 * RIG_MS_NS;
    CHECK_EQ(rig_step(), UINT64_MAX); // its answer is waited for
    CHECK_EQ(rig.posted.count, 1);
    rig_answer_with(WEFT_VERB_RENEW, WEFT_OK, &paused);
    CHECK(atomic_load(&task->is_paused));
    (void)rig_step();
    rig_answer(WEFT_VERB_RENEW, WEFT_OK); // says nothing of that
    CHECK(atomic_load(&task->is_paused));
    CHECK(!atomic_load(&task->is_cancelled));
    rig.now_ns += RIG_LEASE_MS / 3 * RIG_MS_NS;
    (void)rig_step();
    rig_answer_with(WEFT_VERB_RENEW, WEFT_OK, &resumed);
    CHECK(!atomic_load(&task->is_paused));
    rig.now_ns += RIG_LEASE_MS / 3 * RIG_MS_NS;
    (void)rig_step();
    rig_answer(WEFT_VERB_RENEW, WEFT_EBUSY); // there is the next one
    CHECK(!atomic_load(&task->is_cancelled));
    rig.now_ns += RIG_LEASE_MS / 3 * RIG_MS_NS;
    (void)rig_step();
    rig_answer(WEFT_VERB_RENEW, WEFT_ECANCELLED);
    CHECK(atomic_load(&task->is_cancelled));
    CHECK(!atomic_load(&task->is_abandoned));
    rig_close();
}

TEST(worker_job, one_that_is_over_ends_with_nobody_told)
{
    rig_open();
    rig_offer(7);
    rig_grant("work");
    rig.now_ns += RIG_LEASE_MS * RIG_MS_NS;
    (void)rig_step();
    rig_answer(WEFT_VERB_RENEW, WEFT_ENOTFOUND);
    CHECK(rig_job()->is_lost);
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig.runs, 0); // there was still time
    CHECK(rig_job() == NULL);
    CHECK_EQ(rig.posted.count, 0);
    rig_close();
}

static void
beat(uint32_t attempt, const char *details)
{
    struct wf_beat *beat = wf_calloc(sizeof(*beat));

    beat->caller = wf_key_copy(&rig_job()->caller);
    beat->token = rig_job()->attempt;
    beat->token.attempt = attempt;
    beat->details = wf_bytes_copy(weft_text(details));
    wf_worker_job_beat(&rig.worker, beat);
}

TEST(worker_job, a_heartbeat_goes_out_one_at_a_time_with_the_newest_details)
{
    static const char *const details[] = {"a", "b", ""};

    rig_open();
    rig_offer(7);
    rig_grant("work");
    for (size_t i = 0; i < 3; i++) {
        beat(1, details[i]);
        (void)rig_step();
        CHECK_EQ(rig.posted.count, 1);
        CHECK_BYTES(rig_posted(WEFT_VERB_HEARTBEAT)->data, weft_text("a"));
    }
    rig_answer(WEFT_VERB_HEARTBEAT, WEFT_OK);
    rig.prepare_err = WEFT_EBUSY;
    (void)rig_step();
    CHECK_EQ(rig.posted.count, 0);
    rig.prepare_err = WEFT_OK;
    (void)rig_step(); // it is not forgotten
    CHECK_EQ(rig_posted(WEFT_VERB_HEARTBEAT)->data.len, 0);
    rig_answer(WEFT_VERB_HEARTBEAT, WEFT_ECANCELLED);
    CHECK(atomic_load(&rig_job()->task->is_cancelled));
    rig_close();
}

// The next attempt is to have them, so they do not come behind the failure.
TEST(worker_job, the_newest_details_go_before_the_outcome)
{
    rig_open();
    rig_offer(7);
    rig_grant("work");
    beat(1, "a");
    (void)rig_step();
    beat(1, "b");
    rig.outcome = WEFT_EFAILED;
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig_step(), RIG_LEASE_MS / 3);
    CHECK_EQ(rig.posted.count, 1);
    rig_answer(WEFT_VERB_HEARTBEAT, WEFT_OK);
    (void)rig_step();
    CHECK_EQ(rig.posted.count, 2);
    CHECK_BYTES(
        WF_CONTAINER(wf_list_first(&rig.posted), struct wf_request, wait)->data,
        weft_text("b"));
    rig_answer(WEFT_VERB_FAIL, WEFT_OK);
    CHECK(rig_job() == NULL);
    rig_close();
}

TEST(worker_job, heartbeats_and_tasks_of_nobody_are_freed)
{
    struct wf_task *task = wf_task_create();

    rig_open();
    rig_offer(7);
    rig_grant("work");
    beat(2, "of another attempt");
    (void)rig_step();
    CHECK_EQ(rig.posted.count, 0);
    task->caller = wf_key_copy(&rig_job()->caller); // not the one it runs
    task->token = rig_job()->attempt;
    wf_worker_job_ended(&rig.worker, task);
    CHECK_EQ(rig_job()->state, WF_WORKER_JOB_RUNNING);
    task = wf_task_create();
    task->caller = wf_key_copy(&rig_job()->caller);
    wf_worker_job_ended(&rig.worker, task);
    CHECK_EQ(rig_job()->state, WF_WORKER_JOB_RUNNING);
    rig_close();
}

TEST(worker_job, what_has_not_begun_is_held_and_given_back)
{
    rig_open();
    rig_offer(7);
    rig_grant("work");
    wf_worker_job_hold(rig_job());
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig.runs, 0);
    (void)rig_step();
    rig_answer(WEFT_VERB_RELEASE, WEFT_OK);
    CHECK(rig_job() == NULL);
    rig_close();
}

TEST(worker_job, one_that_closes_tells_of_nothing_that_ran)
{
    rig_open();
    rig_offer(7);
    wf_worker_job_stop(rig_job()); // nothing runs
    rig_grant("work");
    atomic_store(&rig.worker.is_closing, true);
    CHECK(wf_workers_step(rig.worker.pool));
    CHECK_EQ(rig.runs, 1);
    CHECK(rig_job() == NULL);
    CHECK_EQ(rig.posted.count, 0);
    rig_offer(8);
    rig_grant("work");
    atomic_store(&rig_job()->task->started_at_ms, 1);
    wf_worker_job_hold(rig_job()); // it has begun
    CHECK(!atomic_load(&rig_job()->task->is_paused));
    atomic_store(&rig_job()->task->started_at_ms, 0);
    wf_worker_job_stop(rig_job());
    CHECK(atomic_load(&rig_job()->task->is_cancelled));
    CHECK(wf_workers_step(rig.worker.pool)); // it did not begin
    (void)rig_step();
    CHECK_STR(rig_posted(WEFT_VERB_FAIL)->error_name, "WEFT_ECANCELLED");
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
        CHECK_EQ(rig_posted(cases[i].verb)->token.attempt, 1);
        if (cases[i].verb == WEFT_VERB_COMPLETE) {
            CHECK_BYTES(rig_posted(cases[i].verb)->data, weft_text("in"));
        }
        if (cases[i].outcome == WEFT_EFAILED) {
            CHECK_STR(rig_posted(cases[i].verb)->error_name, "Bad");
            CHECK_BYTES(rig_posted(cases[i].verb)->data, weft_text("why"));
        }
        rig_answer(cases[i].verb, WEFT_OK);
        CHECK(rig_job() == NULL);
        rig_close();
    }
}

TEST(worker_job, an_outcome_that_is_nobodys_any_more_is_dropped)
{
    rig_open();
    run_to_end(WEFT_OK);
    rig_answer(WEFT_VERB_COMPLETE, WEFT_ENOTFOUND);
    CHECK(rig_job() == NULL);
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
    number = rig_posted(WEFT_VERB_COMPLETE)->number;
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        weft_err err = i % 2 == 0 ? WEFT_ETIMEDOUT : WEFT_EFULL;

        rig_answer(WEFT_VERB_COMPLETE, err);
        CHECK_EQ(rig_job()->ask_at_ns - rig.now_ns, pauses[i] * RIG_MS_NS);
        rig.now_ns = rig_job()->ask_at_ns;
        (void)rig_step();
        if (err == WEFT_ETIMEDOUT) {
            CHECK_EQ(rig_posted(WEFT_VERB_COMPLETE)->number, number);
        } else {
            CHECK(rig_posted(WEFT_VERB_COMPLETE)->number > number);
            number = rig_posted(WEFT_VERB_COMPLETE)->number;
        }
    }
    rig_answer(WEFT_VERB_RENEW, WEFT_ENOTFOUND); // what came too late changes
    CHECK(rig_job() != NULL);                    // nothing
    rig_answer(WEFT_VERB_COMPLETE, WEFT_OK);
    CHECK(rig_job() == NULL);
    rig_close();
}
