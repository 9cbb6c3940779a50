// SPDX-License-Identifier: Apache-2.0
//
// forks.c - an operator who makes forks. See forks.h.

#include "story/forks.h"

#include <string.h>

#include "runtime/actor.h"
#include "runtime/capsule.h"

const weft_operator fork_ada = {"ada", "to see what else"};

static struct world_call *
submit(weft_verb verb, const char *kind, const char *id,
       const weft_point *point, weft_bytes data)
{
    struct world *world = story_now()->world;
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){kind, id};
    request.point = point;
    request.data = data;
    request.by = &fork_ada;
    return world_wait(world, world_submit(world, &request));
}

weft_bytes
fork_export(const char *kind, const char *id)
{
    return story_do(WEFT_VERB_EXPORT, kind, id, "", "")->capsule;
}

weft_bytes
fork_export_finished(const char *kind, const char *id)
{
    struct world_call *call = story_do(WEFT_VERB_EXPORT, kind, id, "", "");
    struct wf_reader reader = wf_reader_of(call->capsule);
    struct wf_buf bytes = {0};
    struct wf_capsule capsule;
    struct wf_actor *actor;

    CHECK_OK(wf_capsule_decode(&reader, &capsule));
    CHECK_OK(wf_capsule_actor(&capsule, &actor));
    actor->status = WEFT_STATUS_COMPLETED;
    CHECK_OK(wf_capsule_encode(actor, capsule.exported_at_ms, &bytes));
    wf_actor_destroy(actor);
    wf_capsule_fini(&capsule);
    wf_own_bytes(&call->capsule, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
    return call->capsule;
}

size_t
fork_image(const char *kind, const char *id, char *buf, size_t size)
{
    struct wf_reader reader = wf_reader_of(fork_export(kind, id));
    struct wf_capsule capsule;
    size_t len;

    CHECK_OK(wf_capsule_decode(&reader, &capsule));
    len = capsule.image.len;
    CHECK(len <= size);
    memcpy(buf, capsule.image.data, len);
    wf_capsule_fini(&capsule);
    return len;
}

static struct world_call *
make_fork(const char *kind, const char *id, const weft_point *point,
          const char *new_id)
{
    return submit(WEFT_VERB_FORK, kind, new_id, point, fork_export(kind, id));
}

struct world_call *
fork_capsule(const char *kind, weft_bytes capsule, const char *new_id)
{
    return submit(WEFT_VERB_FORK, kind, new_id, NULL, capsule);
}

struct world_call *
fork_at(const char *kind, const char *id, uint64_t entry, const char *new_id)
{
    weft_point point = {.type = WEFT_POINT_ENTRY, .entry = entry};

    return make_fork(kind, id, &point, new_id);
}

struct world_call *
fork_to(const char *kind, const char *id, weft_point_type type,
        const char *new_id)
{
    weft_point point = {.type = type};

    return make_fork(kind, id, &point, new_id);
}

struct world_call *
fork_reset(const char *kind, const char *id, uint64_t entry)
{
    weft_point point = {.type = WEFT_POINT_ENTRY, .entry = entry};

    return submit(WEFT_VERB_RESET, kind, id, &point, weft_nothing());
}

struct world_call *
fork_operate(weft_verb verb, const char *kind, const char *id)
{
    return submit(verb, kind, id, NULL, weft_nothing());
}
