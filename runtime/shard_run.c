// SPDX-License-Identifier: Apache-2.0
//
// shard_run.c - what a shard does next of all that waits.
//
// Between two looks at the inbox only so much is done, and in this order:
// requests of clients that ask for little, some of those that ask for much,
// frames; then turns of actors that have waited, and some of those that go on
// and on. So who asks for little waits for that much and not for all that
// others have asked for; and each gets something in each step, so nobody
// starves. If nobody has asked for little lately, more is done at a time: that
// is cheaper for each.

#include "base/assert.h"
#include "runtime/request.h"
#include "runtime/shard_impl.h"

#define AHEAD_MS 1000
#define LIGHT_REQUESTS 128 // in a step
#define HEAVY_REQUESTS 16
#define HEAVY_REQUESTS_ALONE 256
#define HEAVY_REQUESTS_JOB 256 // between two jobs: turns must keep up
#define HEAVY_REQUESTS_JOB_ALONE 384
#define HEAVY_MS 1       // a job that takes longer counts as several
#define FRAME_BYTES 2048 // one frame at least
#define FRESH_TURNS 256  // and those of a place more
#define AGAIN_TURNS_ALONE 256

// Requests and frames. -------------------------------------------------------

static void
admit(struct wf_shard *shard, struct wf_request *request, bool is_patient)
{
    request->is_patient = is_patient;
    wf_shard_give_request(shard, request);
}

// Will a job leave, so that heavy clients are let in again?
static bool
has_job_to_come(const struct wf_shard *shard)
{
    for (uint32_t i = 0; i < shard->options.stores_count; i++) {
        const struct wf_shard_lane *lane = &shard->lanes[i];

        if (!lane->is_fenced &&
            (lane->is_away || lane->sealing.count + lane->patient.count > 0)) {
            return true;
        }
    }
    return false;
}

void
wf_shard_renew_heavy(struct wf_shard *shard)
{
    shard->heavy_left = wf_shard_is_shared(shard) ? HEAVY_REQUESTS_JOB
                                                  : HEAVY_REQUESTS_JOB_ALONE;
    shard->heavy_ms = shard->now_ms;
}

// Who is alone need not wait for a disk that is slow just now, as long as turns
// keep up: else what it asks would only grow mailboxes.
uint64_t
wf_shard_heavy_due_ms(const struct wf_shard *shard)
{
    uint64_t shared_until_ms = wf_shard_shared_until_ms(shard);
    uint64_t due_ms = shard->heavy_ms + HEAVY_MS;
    bool keeps_up =
        shard->ready.count + shard->again.count == 0 && shard->spent == 0;

    if (shard->heavy_left > 0 || shard->intake.heavy.count == 0 || !keeps_up) {
        return UINT64_MAX;
    }
    return due_ms < shared_until_ms ? shared_until_ms : due_ms;
}

static bool
admit_requests(struct wf_shard *shard)
{
    struct wf_request *request;
    uint32_t light = 0;
    uint32_t heavy = 0;
    uint32_t heavy_max =
        wf_shard_is_shared(shard) ? HEAVY_REQUESTS : HEAVY_REQUESTS_ALONE;

    if (!has_job_to_come(shard) ||
        wf_shard_heavy_due_ms(shard) <= shard->now_ms) {
        wf_shard_renew_heavy(shard);
    }

    while (light < LIGHT_REQUESTS &&
           (request = wf_intake_take_light(&shard->intake)) != NULL) {
        admit(shard, request, false);
        light++;
    }
    while (heavy < heavy_max && shard->heavy_left > 0 &&
           (request = wf_intake_take_heavy(&shard->intake)) != NULL) {
        admit(shard, request, true);
        heavy++;
        shard->heavy_left--;
    }
    return light + heavy > 0;
}

void
wf_shard_admit_all(struct wf_shard *shard)
{
    struct wf_request *request;

    while ((request = wf_intake_take_light(&shard->intake)) != NULL) {
        admit(shard, request, false);
    }
    while ((request = wf_intake_take_heavy(&shard->intake)) != NULL) {
        admit(shard, request, true);
    }
}

static bool
admit_frames(struct wf_shard *shard)
{
    struct wf_list_node *node;
    size_t bytes = 0;

    while (bytes < FRAME_BYTES &&
           (node = wf_list_pop_front(&shard->frames)) != NULL) {
        struct wf_post *post = WF_CONTAINER(node, struct wf_post, kept);

        bytes += post->u.frame.len;
        wf_shard_give_event(shard, post);
        wf_post_destroy(post);
    }
    return bytes > 0;
}

bool
wf_shard_admit(struct wf_shard *shard)
{
    bool has_requests = admit_requests(shard);

    return admit_frames(shard) || has_requests;
}

// Turns. ----------------------------------------------------------------------

void
wf_shard_note_ready(struct wf_shard *shard, struct wf_shard_place *place)
{
    struct wf_list *list =
        wf_partition_is_fresh(place->partition) ? &shard->ready : &shard->again;

    if (!wf_partition_is_ready(place->partition) || place->ready_in == list) {
        return;
    }
    wf_shard_forget_ready(place);
    place->ready_in = list;
    wf_list_push_back(list, &place->ready);
}

void
wf_shard_forget_ready(struct wf_shard_place *place)
{
    if (place->ready_in != NULL) {
        wf_list_remove(place->ready_in, &place->ready);
        place->ready_in = NULL;
    }
}

static bool
may_run(const struct wf_shard *shard, const struct wf_shard_lane *lane)
{
    return !lane->is_fenced &&
           (!lane->is_away || shard->now_ms - lane->away_since_ms < AHEAD_MS);
}

static struct wf_shard_place *
take_place(struct wf_shard *shard, struct wf_list *list)
{
    for (size_t i = list->count; i > 0; i--) {
        struct wf_list_node *node = wf_list_the_first(list);
        struct wf_shard_place *place =
            WF_CONTAINER(node, struct wf_shard_place, ready);

        wf_shard_forget_ready(place);
        if (may_run(shard, place->lane)) {
            return place;
        }
        place->ready_in = list;
        wf_list_push_back(list, node); // COMMITTED will come
    }
    return NULL;
}

// Turns of one place of the list after the other, until there are so many. A
// place may have none any more; those behind it may. False: no place may run.
static bool
run_places(struct wf_shard *shard, struct wf_list *list, uint32_t turns_max)
{
    struct wf_shard_place *place = NULL;
    uint32_t turns = 0;
    bool has_any = false;

    while (turns < turns_max && (place = take_place(shard, list)) != NULL) {
        shard->turned_ns = wf_shard_now_ns(shard);
        turns +=
            wf_partition_run(place->partition, wf_shard_time(shard, place));
        wf_shard_settle(shard, place);
        has_any = true;
    }
    return has_any;
}

bool
wf_shard_run(struct wf_shard *shard)
{
    uint32_t again = wf_shard_is_shared(shard) ? 1 : AGAIN_TURNS_ALONE;
    bool has_fresh = run_places(shard, &shard->ready, FRESH_TURNS);

    return run_places(shard, &shard->again, again) || has_fresh;
}
