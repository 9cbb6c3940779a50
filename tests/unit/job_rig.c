// SPDX-License-Identifier: Apache-2.0
//
// job_rig.c - a worker without a thread, and a node that the test plays.

#include "job_rig.h"

#include "port_rig.h"
#include "support/test.h"

struct rig rig;

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

struct wf_request *
rig_posted(weft_verb verb)
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

void
rig_answer_with(weft_verb verb, weft_err err, const weft_lease *lease)
{
    struct wf_request *request = rig_posted(verb);

    wf_list_remove(&rig.posted, &request->wait);
    wf_request_answer(request, err, "");
    if (lease != NULL) {
        wf_request_answer_lease(request, lease);
    }
    request->done(request);
    CHECK_EQ(weft_client_dispatch(rig.client, 10), 1);
}

void
rig_answer(weft_verb verb, weft_err err)
{
    rig_answer_with(verb, err, NULL);
}

void
rig_grant(const char *activity)
{
    const weft_lease lease = {.activity = activity,
                              .input = weft_text("in"),
                              .attempt = 1,
                              .key = "0123456789abcdef0123456789abcdef",
                              .caller_id = "default/k/1"};

    rig_answer_with(WEFT_VERB_LEASE, WEFT_OK, &lease);
}

// The worker. -----------------------------------------------------------------

static uint64_t
now_ms(void *self)
{
    (void)self;
    return rig.now_ns / RIG_MS_NS;
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

void
rig_open(void)
{
    static struct wf_client_port_ops ops;
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    weft_client_options options;

    ops = port_rig_ops(prepare, post);
    rig = (struct rig){.now_ns = 1000 * RIG_MS_NS};
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
        .lease_ms = RIG_LEASE_MS,
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

void
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
        rig_answer(WF_CONTAINER(node, struct wf_request, wait)->verb, WEFT_OK);
    }
    weft_client_close(rig.client);
    wf_buf_fini(&rig.worker.taken);
    weft_definitions_destroy(rig.definitions);
}

void
rig_offer_of(uint64_t offer, const char *caller, struct wf_token attempt)
{
    char token[WEFT_TOKEN_CHARS_MAX];
    struct wf_key key;

    CHECK_OK(wf_key_make("default", "k", caller, &key));
    wf_token_encode(&key, &attempt, token);
    wf_key_fini(&key);
    wf_worker_job_begin(&rig.worker, offer, token);
}

void
rig_offer(uint64_t number)
{
    rig_offer_of(number, "1", (struct wf_token){.run = 1, .attempt = 1});
}

struct wf_worker_job *
rig_job(void)
{
    struct wf_list_node *node = wf_list_first(&rig.worker.jobs);

    CHECK(rig.worker.jobs.count <= 1);
    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_worker_job, node);
}

uint64_t
rig_step(void)
{
    uint64_t next_ns = wf_worker_job_step(rig_job());

    return next_ns == UINT64_MAX ? UINT64_MAX
                                 : (next_ns - rig.now_ns) / RIG_MS_NS;
}
