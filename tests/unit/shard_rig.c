// SPDX-License-Identifier: Apache-2.0
//
// shard_rig.c - one shard with a committer that says when.

#include "shard_rig.h"

#include <string.h>

#include "base/alloc.h"
#include "runtime/load.h"
#include "runtime/request.h"
#include "runtime/task.h"
#include "support/test.h"
#include "weft/actor.h"

static struct rig *rig_now; // for what has no context

static uint64_t
wall_ms(void *self)
{
    return ((struct rig *)self)->now_ms;
}

static uint64_t
mono_ns(void *self)
{
    return ((struct rig *)self)->now_ms * 1000000U;
}

// Ports. ----------------------------------------------------------------------

static void
take_job(void *ctx, struct wf_job *job)
{
    struct rig *rig = ctx;

    CHECK(rig->job == NULL);
    rig->job = job;
}

static void
take_frame(void *ctx, uint32_t destination, struct wf_buf *bytes)
{
    struct rig *rig = ctx;
    struct wf_post *post = wf_post_create(WF_POST_FRAME);

    post->partition = destination;
    post->u.frame = *bytes;
    *bytes = (struct wf_buf){0};
    wf_post_push(wf_shard_inbox(rig->shard), post);
}

static void
take_task(void *ctx, struct wf_task *task)
{
    (void)ctx;
    wf_task_destroy(task);
}

void
rig_give_load(const struct rig *rig, struct wf_load *load)
{
    struct wf_post *post = wf_post_create(WF_POST_LOAD);

    post->partition = load->partition;
    post->u.load = load;
    wf_post_push(wf_shard_inbox(rig->shard), post);
}

static void
take_load(void *ctx, struct wf_load *load)
{
    struct rig *rig = ctx;

    if (rig->holds_loads) {
        CHECK(rig->held == NULL);
        rig->held = load;
    } else {
        rig_give_load(rig, load);
    }
}

static void
take_elsewhere(void *ctx, struct wf_request *request)
{
    struct rig *rig = ctx;

    CHECK(rig->away_count < 4);
    rig->away[rig->away_count++] = request;
}

static void
take_fenced(void *ctx, uint32_t store)
{
    struct rig *rig = ctx;

    CHECK_EQ(store, 0);
    rig->fences++;
}

// Life. -----------------------------------------------------------------------

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    weft_target self = {weft_actor_kind(actor), weft_actor_id(actor)};

    *(uint64_t *)state += 1;
    if (strcmp(message->name, "soon") == 0) {
        return weft_actor_timer_set(actor, "t", RIG_SOON_MS);
    }
    if (strcmp(message->name, "far") == 0) {
        return weft_actor_timer_set(actor, "t", RIG_FAR_MS);
    }
    return strcmp(message->name, "on") == 0
               ? weft_actor_send(actor, self, "on", weft_nothing())
               : WEFT_OK;
}

void
rig_commit(struct rig *rig)
{
    CHECK(rig->job != NULL);
    rig->commits++;
    rig->job->is_durable = true;
    rig->job->commit = rig->commits;
    rig->job->log_bytes += rig->job->frames.len;
    rig->job->post.type = WF_POST_COMMITTED;
    wf_post_push(wf_shard_inbox(rig->shard), &rig->job->post);
    rig->job = NULL;
}

void
rig_settle(struct rig *rig)
{
    for (uint32_t i = 0; i < 1000 && !wf_shard_is_settled(rig->shard); i++) {
        (void)wf_shard_step(rig->shard);
        if (rig->job != NULL) {
            rig_commit(rig);
        }
        rig->now_ms++;
    }
    CHECK(wf_shard_is_settled(rig->shard));
}

static void
adopt(struct rig *rig, uint32_t index)
{
    struct wf_partition_options options = {
        .index = index,
        .count = RIG_PARTITIONS,
        .incarnation = index + 1,
        .definitions = rig->definitions,
        .window_bytes = rig->window_bytes,
        .residents_max = 1000,
        .stacks_max = 10,
    };

    wf_shard_fill_options(rig->shard, &options);
    wf_shard_adopt(rig->shard, index, wf_partition_create(&options));
}

static void
begin(struct rig *rig, int64_t window_bytes, bool is_shared)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    struct wf_shard_options options = {
        .shards_count = 1,
        .stores_count = 1,
        .partitions_count = RIG_PARTITIONS,
        .window_bytes = window_bytes,
        .memory_bytes = UINT64_MAX,
        .clock = {.wall_ms = wall_ms, .mono_ns = mono_ns, .self = rig},
        .is_patient = true,
        .is_shared = is_shared,
        .lease_until_ns = &rig->lease_until_ns,
        .ports = {.seal = take_job,
                  .frame = take_frame,
                  .task = take_task,
                  .load = take_load,
                  .elsewhere = take_elsewhere,
                  .fenced = take_fenced,
                  .ctx = rig},
    };

    *rig = (struct rig){.now_ms = 1000000, .window_bytes = window_bytes};
    rig_now = rig;
    CHECK_EQ(weft_definitions_create(&rig->definitions), WEFT_OK);
    def.name = "k";
    def.state_bytes = sizeof(uint64_t);
    def.receive = receive;
    CHECK_EQ(weft_definitions_add_actor(rig->definitions, &def), WEFT_OK);
    options.definitions = rig->definitions;
    rig->shard = wf_shard_create(&options);
    for (uint32_t i = 0; i < RIG_PARTITIONS && !is_shared; i++) {
        adopt(rig, i);
    }
    wf_shard_start(rig->shard);
    rig_settle(rig);
    wf_shard_serve(rig->shard);
    rig_settle(rig);
}

void
rig_begin_with(struct rig *rig, int64_t window_bytes)
{
    begin(rig, window_bytes, false);
}

void
rig_begin(struct rig *rig)
{
    begin(rig, 64 << 20, false);
}

void
rig_begin_shared(struct rig *rig)
{
    begin(rig, 64 << 20, true);
}

void
rig_end(struct rig *rig)
{
    if (rig->job != NULL) {
        rig_commit(rig);
    }
    wf_shard_destroy(rig->shard, WEFT_ECLOSED);
    weft_definitions_destroy(rig->definitions);
}

// Requests. -------------------------------------------------------------------

static void
answered(struct wf_request *request)
{
    rig_now->answered[request->client[0]] += request->reply.err == WEFT_OK;
    rig_now->refused[request->client[0]] += request->reply.err == WEFT_EBUSY;
    if (strlen(rig_now->order) + 1 < sizeof(rig_now->order)) {
        rig_now->order[strlen(rig_now->order)] =
            (char)('0' + request->number % 10);
    }
    wf_request_destroy(request);
}

uint32_t
rig_partition_of(const char *id)
{
    struct wf_key key = {0};
    uint32_t partition;

    CHECK_EQ(wf_key_make("default", "k", id, &key), WEFT_OK);
    partition = wf_key_partition(&key, RIG_PARTITIONS);
    wf_key_fini(&key);
    return partition;
}

void
rig_post(struct rig *rig, struct wf_request *request)
{
    struct wf_post *post = wf_post_create(WF_POST_REQUEST);

    post->partition = request->partition;
    post->u.request = request;
    wf_post_push(wf_shard_inbox(rig->shard), post);
}

void
rig_ask(struct rig *rig, weft_verb verb, uint8_t client, uint64_t number,
        const char *id, const char *name)
{
    struct wf_request *request = wf_request_create();

    request->verb = verb;
    CHECK_EQ(wf_key_make("default", "k", id, &request->key), WEFT_OK);
    request->name = wf_strdup(name);
    request->client[0] = client;
    request->number = number;
    request->done = answered;
    request->partition = wf_key_partition(&request->key, RIG_PARTITIONS);
    rig_post(rig, request);
}

void
rig_signal(struct rig *rig, uint8_t client, uint64_t number, const char *id,
           const char *name)
{
    rig_ask(rig, WEFT_VERB_SIGNAL, client, number, id, name);
}

void
rig_step(struct rig *rig, uint32_t times)
{
    while (times-- > 0) {
        (void)wf_shard_step(rig->shard);
    }
}
