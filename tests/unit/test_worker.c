// SPDX-License-Identifier: Apache-2.0
//
// test_worker.c - workers of a task queue, with a whole node: they share work,
// die, drain, and are told what the caller of an activity is told of any.

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/inside.h"
#include "support/test.h"
#include "weft/weft.h"

// A worker, and what its activities have seen.
struct hand {
    weft_client *client;
    weft_worker *worker;
    weft_definitions *definitions;
    _Atomic unsigned done;
    unsigned stuck_after; // attempts; then one never ends by itself; 0: none
    sem_t stuck;
    _Atomic unsigned cancelled;
};

struct rig {
    char dir[600];
    weft_definitions *definitions;
    weft_node *node;
    weft_client *client;
};

static void
pause_ms(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

// Until somebody asks it to stop.
static weft_err
hang(weft_activity *activity, struct hand *hand)
{
    sem_post(&hand->stuck);
    while (!weft_activity_is_cancelled(activity)) {
        pause_ms(5);
    }
    atomic_fetch_add(&hand->cancelled, 1);
    return WEFT_ECANCELLED;
}

static weft_err
work(weft_activity *activity, weft_bytes input)
{
    struct hand *hand = weft_activity_context(activity);

    if (hand->stuck_after > 0 &&
        atomic_load(&hand->done) + 1 >= hand->stuck_after) {
        return hang(activity, hand);
    }
    pause_ms(10);
    atomic_fetch_add(&hand->done, 1);
    return weft_activity_return(activity, input);
}

// What an activity can ask of its attempt.
static weft_err
look(weft_activity *activity, weft_bytes input)
{
    char text[200];
    int len;

    if (weft_activity_attempt(activity) == 1) {
        CHECK_OK(weft_activity_heartbeat(activity, weft_text("half")));
        return weft_activity_fail(activity, "Again", "", weft_nothing());
    }
    CHECK_BYTES(weft_activity_last_details(activity), weft_text("half"));
    CHECK_BYTES(weft_activity_header(activity, "tenant"), weft_text("blue"));
    CHECK_EQ(strlen(weft_activity_key(activity)), 32);
    len = snprintf(text, sizeof(text), "%.*s of %s", (int)input.len,
                   (const char *)input.data, weft_activity_caller_id(activity));
    return weft_activity_return(activity, weft_bytes_of(text, (size_t)len));
}

static weft_err
refuse(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_fail_for_good(activity, "No", "never",
                                       weft_text("why"));
}

static weft_call_options
on_queue(void)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;

    options.task_queue = "q";
    options.retry.initial_interval_ms = 10;
    return options;
}

static weft_err
run_many(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = on_queue();
    weft_future futures[1000];
    size_t count = test_count_of(input);
    weft_err err = WEFT_OK;

    CHECK(count <= sizeof(futures) / sizeof(futures[0]));
    for (size_t i = 0; i < count && err == WEFT_OK; i++) {
        err = weft_workflow_call_async(wf, "work", weft_text("x"), &options,
                                       &futures[i]);
    }
    return err != WEFT_OK ? err : weft_workflow_await_all(wf, futures, count);
}

static weft_err
run_one(weft_workflow *wf, weft_bytes input)
{
    weft_call_options options = on_queue();
    char activity[32];
    weft_bytes result;
    weft_err err;

    (void)snprintf(activity, sizeof(activity), "%.*s", (int)input.len,
                   (const char *)input.data);
    options.cancellation = WEFT_CANCELLATION_WAIT;
    err = weft_workflow_call(wf, activity, weft_text("in"), &options, &result);
    return err != WEFT_OK ? err : weft_workflow_return(wf, result);
}

static void
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *run)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
}

static void
start(struct rig *rig, struct test *t)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;

    (void)snprintf(rig->dir, sizeof(rig->dir), "%s/data", test_dir(t));
    CHECK_OK(weft_definitions_create(&rig->definitions));
    CHECK_OK(weft_definitions_add_task_queues(rig->definitions));
    add_workflow(rig->definitions, "many", run_many);
    add_workflow(rig->definitions, "one", run_one);
    options.data_dir = rig->dir;
    options.definitions = rig->definitions;
    options.partition_count = 4;
    options.shard_count = 1;
    options.worker_count = 1;
    options.reserve_bytes = 1;
    CHECK_OK(weft_node_open(&options, &rig->node));
    CHECK_OK(weft_client_open(rig->node, NULL, &rig->client));
}

static void
stop(struct rig *rig)
{
    weft_client_close(rig->client);
    weft_node_close(rig->node);
    weft_definitions_destroy(rig->definitions);
}

static void
add_activity(struct hand *hand, const char *name, weft_activity_fn *run)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = name;
    def.run = run;
    def.context = hand;
    CHECK_OK(weft_definitions_add_activity(hand->definitions, &def));
}

static void
hire(struct rig *rig, struct hand *hand, uint32_t parallel)
{
    weft_worker_options options = WEFT_WORKER_OPTIONS_INIT;

    CHECK_OK(weft_definitions_create(&hand->definitions));
    add_activity(hand, "work", work);
    add_activity(hand, "look", look);
    add_activity(hand, "refuse", refuse);
    sem_init(&hand->stuck, 0, 0);
    CHECK_OK(weft_client_open(rig->node, NULL, &hand->client));
    options.task_queue = "q";
    options.definitions = hand->definitions;
    options.parallel = parallel;
    options.lease_ms = 1000;
    CHECK_OK(weft_worker_open(hand->client, &options, &hand->worker));
}

static void
dismiss(struct hand *hand)
{
    weft_worker_close(hand->worker);
    weft_client_close(hand->client);
    weft_definitions_destroy(hand->definitions);
    sem_destroy(&hand->stuck);
}

static void
begin(struct rig *rig, const char *kind, const char *id, const char *input)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    const weft_pair tenant = {"tenant", weft_text("blue")};

    options.headers = &tenant;
    options.headers_count = 1;
    CHECK_OK(weft_client_start_with(rig->client, (weft_target){kind, id},
                                    weft_text(input), &options, NULL));
}

static weft_err
result(struct rig *rig, const char *kind, const char *id, char *out_text,
       size_t size)
{
    weft_reply *reply = NULL;
    weft_err err =
        weft_client_result(rig->client, (weft_target){kind, id}, 60000, &reply);
    weft_bytes data;

    CHECK(reply != NULL);
    data = reply->data;
    (void)snprintf(out_text, size, "%s%.*s", reply->failure.name, (int)data.len,
                   (const char *)data.data);
    weft_reply_free(reply);
    return err;
}

// A hundred workers with one attempt at a time share a thousand evenly, and one
// of them is killed.
TEST(worker, a_hundred_share_a_thousand_and_one_dies)
{
    static struct hand hands[100];
    struct rig rig;
    char text[100];
    unsigned total = 0;

    start(&rig, t);
    memset(hands, 0, sizeof(hands));
    hands[0].stuck_after = 3;
    for (int i = 0; i < 100; i++) {
        hire(&rig, &hands[i], 1);
    }
    begin(&rig, "many", "m", "1000");
    while (sem_wait(&hands[0].stuck) != 0) {
    }
    dismiss(&hands[0]); // in the middle of its third
    CHECK_OK(result(&rig, "many", "m", text, sizeof(text)));
    CHECK_EQ(atomic_load(&hands[0].cancelled), 1);
    for (int i = 0; i < 100; i++) {
        unsigned done = atomic_load(&hands[i].done);

        total += done;
        CHECK(i == 0 ? done == 2 : done >= 5 && done <= 15);
    }
    CHECK(total >= 1000);
    for (int i = 1; i < 100; i++) {
        dismiss(&hands[i]);
    }
    stop(&rig);
}

TEST(worker, its_activities_know_what_all_activities_know)
{
    struct hand hand = {0};
    struct rig rig;
    char text[100];

    start(&rig, t);
    hire(&rig, &hand, 0);
    begin(&rig, "one", "a", "look");
    begin(&rig, "one", "b", "refuse");
    begin(&rig, "one", "c", "unknown");
    CHECK_OK(result(&rig, "one", "a", text, sizeof(text)));
    CHECK_STR(text, "in of default/one/a");
    CHECK_ERR(result(&rig, "one", "b", text, sizeof(text)), WEFT_EFAILED);
    CHECK_STR(text, "No");
    dismiss(&hand);
    stop(&rig);
}

TEST(worker, one_that_is_cancelled_is_told_while_it_runs)
{
    struct hand hand = {.stuck_after = 1};
    struct rig rig;
    char text[100];

    start(&rig, t);
    hire(&rig, &hand, 1);
    begin(&rig, "one", "a", "work");
    while (sem_wait(&hand.stuck) != 0) {
    }
    CHECK_OK(weft_client_cancel(rig.client, (weft_target){"one", "a"}));
    CHECK_ERR(result(&rig, "one", "a", text, sizeof(text)), WEFT_ECANCELLED);
    CHECK_EQ(atomic_load(&hand.cancelled), 1);
    dismiss(&hand);
    stop(&rig);
}

// What runs is finished, and nothing more is taken; others do the rest.
TEST(worker, it_drains)
{
    struct hand first = {0};
    struct hand stuck = {.stuck_after = 1};
    struct hand second = {0};
    struct rig rig;
    char text[100];
    unsigned done;

    start(&rig, t);
    hire(&rig, &first, 4);
    begin(&rig, "many", "m", "40");
    while (atomic_load(&first.done) < 8) {
        pause_ms(1);
    }
    wf_inside_begin(); // as if this were a handler
    CHECK_ERR(weft_worker_drain(first.worker, 10), WEFT_EINVAL);
    weft_worker_close(first.worker);
    wf_inside_end();
    CHECK_OK(weft_worker_drain(first.worker, 10000));
    done = atomic_load(&first.done);
    CHECK(done < 40);
    hire(&rig, &stuck, 1);
    while (sem_wait(&stuck.stuck) != 0) {
    }
    CHECK_ERR(weft_worker_drain(stuck.worker, 50), WEFT_ETIMEDOUT);
    hire(&rig, &second, 4);
    dismiss(&stuck);
    CHECK_OK(result(&rig, "many", "m", text, sizeof(text)));
    CHECK_EQ(atomic_load(&first.done), done);
    CHECK_EQ(atomic_load(&second.done), 40 - done);
    dismiss(&second);
    dismiss(&first);
    stop(&rig);
}

TEST(worker, what_is_no_option_is_refused)
{
    weft_worker_options options = WEFT_WORKER_OPTIONS_INIT;
    weft_worker *worker = NULL;
    struct rig rig;

    start(&rig, t);
    CHECK_ERR(weft_worker_open(rig.client, NULL, &worker), WEFT_EINVAL);
    options.definitions = rig.definitions;
    CHECK_ERR(weft_worker_open(rig.client, &options, &worker), WEFT_EINVAL);
    options.task_queue = "q";
    options.parallel = 1001;
    CHECK_ERR(weft_worker_open(rig.client, &options, &worker), WEFT_EINVAL);
    options.parallel = 1;
    options.lease_ms = 999;
    CHECK_ERR(weft_worker_open(rig.client, &options, &worker), WEFT_EINVAL);
    options.lease_ms = 0;
    options.definitions = NULL;
    CHECK_ERR(weft_worker_open(rig.client, &options, &worker), WEFT_EINVAL);
    weft_worker_close(NULL);
    stop(&rig);
}
