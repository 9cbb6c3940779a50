// SPDX-License-Identifier: Apache-2.0
//
// stepped_rig.c - see stepped_rig.h.

#include "stepped_rig.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "runtime/load.h"
#include "support/test.h"

struct rig
rig_open(weft_definitions *definitions)
{
    struct rig rig = {
        .alone.definitions = definitions,
        .disk = wf_memory_disk_create(),
        .now_ms = 1000,
    };

    partition_rig_create(&rig.alone, (struct wf_partition_options){0});
    rig.partition = rig.alone.partition;
    CHECK_OK(wf_store_memory_open(rig.disk, &rig.store));
    wf_partition_open(rig.partition, rig.now_ms);
    return rig;
}

size_t
rig_close(struct rig *rig)
{
    size_t count = partition_rig_destroy(&rig->alone);

    rig->store.ops->close(rig->store.self);
    wf_memory_disk_destroy(rig->disk);
    return count;
}

struct wf_request *
rig_post(struct rig *rig, weft_verb verb, const char *kind, const char *id,
         const char *name)
{
    static const uint8_t client[16] = "a client";
    struct wf_request *request = wf_request_create();

    request->verb = verb;
    CHECK_OK(wf_key_make("default", kind, id, &request->key));
    request->name = wf_strdup(name);
    memcpy(request->client, client, sizeof(client));
    request->number = wf_request_is_read(request) ? 0 : ++rig->number;
    return request;
}

void
rig_take(struct rig *rig, struct wf_request *request)
{
    wf_partition_request(rig->partition, rig->now_ms, request);
}

static struct wf_load *
take_load(struct rig *rig)
{
    struct wf_list_node *node =
        wf_list_pop_front(&wf_partition_outputs(rig->partition)->loads);

    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_load, node);
}

void
rig_load(struct rig *rig)
{
    struct wf_load *load;

    while ((load = take_load(rig)) != NULL) {
        wf_load_answer(load, &rig->store);
        wf_partition_load(rig->partition, rig->now_ms, load);
    }
}

void
rig_fail_loads(struct rig *rig, weft_err err)
{
    struct wf_load *load;

    while ((load = take_load(rig)) != NULL) {
        load->err = err;
        wf_partition_load(rig->partition, rig->now_ms, load);
    }
}

void
rig_tick(struct rig *rig, uint64_t ms)
{
    rig->now_ms += ms;
    wf_partition_tick(rig->partition, rig->now_ms);
}

void
rig_run(struct rig *rig)
{
    (void)wf_partition_run(rig->partition, rig->now_ms);
}

void
rig_commit(struct rig *rig)
{
    struct wf_buf frames = {0};
    struct wf_batch rows = {0};

    if (wf_partition_seal(rig->partition, rig->now_ms, false, &frames, &rows)) {
        CHECK_OK(rig->store.ops->write(rig->store.self, &rows, true));
        wf_partition_committed(rig->partition, rig->now_ms, ++rig->commit,
                               frames.len);
    }
    wf_buf_fini(&frames);
    wf_batch_fini(&rows);
}

// The oldest answer; NULL: there is none.
static struct wf_request *
take_answer(struct rig *rig)
{
    struct wf_list_node *node =
        wf_list_pop_front(&wf_partition_outputs(rig->partition)->replies);

    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_request, wait);
}

void
rig_check_answer(struct rig *rig, const struct wf_request *request,
                 weft_err err, const char *data)
{
    struct wf_request *answered = take_answer(rig);

    while (answered != NULL && answered != request) {
        wf_request_destroy(answered);
        answered = take_answer(rig);
    }
    CHECK(answered != NULL);
    CHECK_ERR(answered->reply.err, err);
    CHECK_BYTES(answered->reply.data, weft_text(data));
    wf_request_destroy(answered);
}

void
rig_check_waits(struct rig *rig, const struct wf_request *request)
{
    struct wf_request *answered;

    while ((answered = take_answer(rig)) != NULL) {
        CHECK(answered != request);
        wf_request_destroy(answered);
    }
}
