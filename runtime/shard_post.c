// SPDX-License-Identifier: Apache-2.0
//
// shard_post.c - what each post to a shard does.
//
// An event goes to its partition, a request as well, but behind those of it
// that have not come back from another node. What comes for a partition that is
// not there is kept (shard_kept.c).

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/load.h"
#include "runtime/request.h"
#include "runtime/shard_impl.h"
#include "runtime/task.h"

#define POSTS_PER_STEP 65536

// Events of a partition. ------------------------------------------------------

// While the node closes, workers give back what they have not begun. For the
// partition that is no outcome: the attempt was never made.
static bool
is_orphan(const struct wf_shard *shard, const struct wf_task *task)
{
    return shard->mode >= WF_SHARD_CLOSING && task->outcome.err == WEFT_ECLOSED;
}

static void
count_task(struct wf_shard *shard, const struct wf_task *task)
{
    struct wf_activity_tally *tally =
        &shard->tally->activities[task->kind->index];

    if (task->began_ns != 0) {
        wf_histogram_add(&tally->waited_ns, WF_TALLY_NS,
                         task->began_ns - task->given_ns);
        wf_histogram_add(&tally->ran_ns, WF_TALLY_NS,
                         task->ended_ns - task->began_ns);
    }
}

static void
give(struct wf_shard *shard, struct wf_shard_place *place, struct wf_post *post)
{
    struct wf_partition *partition = place->partition;
    uint64_t now_ms = wf_shard_time(shard, place);

    switch (post->type) {
    case WF_POST_WITHDRAW:
        wf_partition_withdraw(partition, now_ms, &post->u.withdrawn.key,
                              post->u.withdrawn.client,
                              post->u.withdrawn.number);
        wf_key_fini(&post->u.withdrawn.key);
        break;
    case WF_POST_FRAME:
        wf_partition_frame(partition, now_ms, wf_buf_bytes(&post->u.frame));
        wf_buf_fini(&post->u.frame);
        break;
    case WF_POST_TASK:
        count_task(shard, post->u.task);
        wf_partition_task(partition, now_ms, post->u.task);
        break;
    case WF_POST_BEAT:
        wf_partition_beat(partition, now_ms, post->u.beat);
        break;
    case WF_POST_LOAD:
        wf_partition_load(partition, now_ms, post->u.load);
        break;
    default:
        WF_ASSERT(false);
    }
    wf_shard_settle(shard, place);
}

void
wf_shard_give_event(struct wf_shard *shard, struct wf_post *post)
{
    struct wf_shard_place *place = wf_shard_place_of(shard, post->partition);

    if (post->type == WF_POST_LOAD) {
        WF_ASSERT(place->lane->loads_away > 0);
        place->lane->loads_away--;
    }
    if (post->type == WF_POST_TASK && is_orphan(shard, post->u.task)) {
        wf_list_push_back(&shard->orphans, &post->u.task->node);
    } else if (place->partition == NULL) {
        wf_shard_keep(place, post);
        if (place->lane->is_elsewhere) {
            wf_shard_hand_over(shard, place);
        }
    } else {
        give(shard, place, post);
    }
}

// It is the turn of a request whose partition is not elsewhere.
static void
take_request(struct wf_shard *shard, struct wf_shard_place *place,
             struct wf_request *request)
{
    if (place->partition == NULL) {
        wf_list_push_back(&place->requests, &request->wait);
        wf_shard_refuse_kept(place);
    } else {
        wf_partition_request(place->partition, wf_shard_time(shard, place),
                             request);
        wf_shard_settle(shard, place);
    }
}

void
wf_shard_give_request(struct wf_shard *shard, struct wf_request *request)
{
    struct wf_shard_place *place = wf_shard_place_of(shard, request->partition);
    bool is_first = request->away != NULL || request->is_foreign;

    wf_request_is_back(request);
    if (!is_first &&
        (place->behind.count > 0 ||
         (!place->lane->is_elsewhere && atomic_load(&place->away) > 0))) {
        wf_list_push_back(&place->behind, &request->wait);
        shard->behind++;
    } else if (place->lane->is_elsewhere) {
        wf_shard_send_elsewhere(shard, place, request);
    } else {
        take_request(shard, place, request);
    }
}

bool
wf_shard_give_behind(struct wf_shard *shard)
{
    bool has_any = false;

    for (uint32_t i = 0; shard->behind > 0 && i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];
        struct wf_list_node *node;

        while (atomic_load(&place->away) == 0 &&
               (node = wf_list_pop_front(&place->behind)) != NULL) {
            shard->behind--;
            take_request(shard, place,
                         WF_CONTAINER(node, struct wf_request, wait));
            has_any = true;
        }
    }
    return has_any;
}

// Fencing. --------------------------------------------------------------------

static void
fence(struct wf_shard *shard, uint32_t store)
{
    struct wf_shard_lane *lane = &shard->lanes[store];

    lane->is_fenced = true;
    for (uint32_t i = 0; i < shard->places_count; i++) {
        if (shard->places[i].lane == lane) {
            wf_shard_drop(shard, &shard->places[i]);
        }
    }
    shard->options.ports.fenced(shard->options.ports.ctx, store);
}

// What the partition had is the oldest; then what has come back and was not
// given to it yet; then what waited behind that.
static void
leave_to_others(struct wf_shard *shard, uint32_t store)
{
    struct wf_shard_lane *lane = &shard->lanes[store];

    WF_ASSERT(lane->is_fenced);
    lane->is_elsewhere = true;
    for (uint32_t i = 0; i < shard->places_count; i++) {
        if (shard->places[i].lane == lane) {
            wf_shard_hand_over(shard, &shard->places[i]);
        }
    }
    if (shard->behind > 0) {
        wf_shard_admit_all(shard);
    }
    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];

        if (place->lane == lane) {
            shard->behind -= (uint32_t)place->behind.count;
            wf_shard_send_all_elsewhere(shard, place, &place->behind);
        }
    }
}

// A partition's time never goes back. It may come from a node whose clock is
// ahead; those that are here have nothing to do with that.
static void
follow_clock(const struct wf_shard *shard, struct wf_shard_place *place)
{
    uint64_t seen_ms = wf_partition_recovered_ms(place->partition);

    place->ahead_ms = seen_ms > shard->now_ms ? seen_ms - shard->now_ms : 0;
}

static void
recover(struct wf_shard *shard, struct wf_post *post)
{
    struct wf_shard_place *place = wf_shard_place_of(shard, post->partition);
    struct wf_shard_lane *lane = place->lane;

    WF_ASSERT(place->partition == NULL);
    WF_ASSERT(lane->is_fenced ? !lane->is_away : true);
    if (shard->mode == WF_SHARD_FINISHING) {
        wf_partition_destroy(post->u.recovered, &place->requests);
        return; // too late: the next open does it again
    }
    lane->is_fenced = false;
    lane->is_elsewhere = false;
    lane->last_commit = 0; // not known: nothing may be trimmed for now
    place->partition = post->u.recovered;
    follow_clock(shard, place);
    wf_shard_open_place(shard, place);
    wf_shard_give_kept(shard, place);
}

// Refusing. -------------------------------------------------------------------

weft_err
wf_shard_refusal(const struct wf_shard_lane *lane)
{
    unsigned refusals = lane->refusals;

    if ((refusals & WF_REFUSAL_CLOSED) != 0) {
        return WEFT_ECLOSED;
    }
    if ((refusals & WF_REFUSAL_FULL) != 0) {
        return WEFT_EFULL;
    }
    return (refusals & (WF_REFUSAL_STALLED | WF_REFUSAL_MEMORY)) != 0
               ? WEFT_EBUSY
               : WEFT_OK;
}

void
wf_shard_apply_refusals(struct wf_shard *shard, uint32_t store)
{
    struct wf_shard_lane *lane = &shard->lanes[store];
    weft_err err = wf_shard_refusal(lane);

    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];

        if (place->lane != lane) {
            continue;
        }
        if (place->partition != NULL) {
            wf_partition_refuse(place->partition, err);
        } else {
            wf_shard_refuse_kept(place);
        }
    }
}

void
wf_shard_refuse(struct wf_shard *shard, uint32_t store, enum wf_refusal why,
                bool is_on)
{
    for (uint32_t i = 0; i < shard->options.stores_count; i++) {
        struct wf_shard_lane *lane = &shard->lanes[i];

        if (store == WF_POST_ALL_STORES || store == i) {
            lane->refusals = is_on ? lane->refusals | (unsigned)why
                                   : lane->refusals & ~(unsigned)why;
            wf_shard_apply_refusals(shard, i);
        }
    }
}

static void
refuse(struct wf_shard *shard, const struct wf_post *post)
{
    enum wf_refusal why = post->u.refuse.why;

    if (why == WF_REFUSAL_CLOSED) {
        wf_shard_admit_all(shard); // they came before
    }
    wf_shard_refuse(shard, post->store, why, post->u.refuse.is_on);
    if (why == WF_REFUSAL_CLOSED && shard->mode < WF_SHARD_CLOSING) {
        shard->mode = WF_SHARD_CLOSING;
    }
}

// The inbox. ------------------------------------------------------------------

void
wf_shard_add_stats(struct wf_shard *shard, struct wf_partition_stats *stats)
{
    for (uint32_t i = 0; i < shard->places_count; i++) {
        if (shard->places[i].partition != NULL) {
            wf_partition_add_stats(shard->places[i].partition, stats);
        }
    }
}

void
wf_shard_answer_stats(struct wf_shard *shard,
                      const struct wf_post_stats *question)
{
    wf_shard_add_stats(shard, question->stats);
    sem_post(question->answered); // from here on the caller may be gone
}

static void
meet(struct wf_shard *shard, uint32_t partition)
{
    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];

        if (place->partition != NULL) {
            wf_partition_meet(place->partition, wf_shard_time(shard, place),
                              partition);
            wf_shard_settle(shard, place);
        }
    }
}

// tidy: long, one case per post
static void
handle(struct wf_shard *shard, struct wf_post *post)
{
    switch (post->type) {
    case WF_POST_REQUEST:
        wf_intake_put(&shard->intake, post->u.request);
        break;
    case WF_POST_FRAME:
        wf_list_push_back(&shard->frames, &post->kept);
        return; // until it is let in
    case WF_POST_WITHDRAW:
    case WF_POST_TASK:
    case WF_POST_BEAT:
    case WF_POST_LOAD:
        wf_shard_give_event(shard, post);
        break;
    case WF_POST_COMMITTED:
        wf_shard_committed(shard, post->u.job);
        return; // the post is the job's
    case WF_POST_FENCE:
        fence(shard, post->store);
        break;
    case WF_POST_RECOVER:
        recover(shard, post);
        break;
    case WF_POST_ELSEWHERE:
        leave_to_others(shard, post->store);
        break;
    case WF_POST_REFUSE:
        refuse(shard, post);
        break;
    case WF_POST_GROWN:
        wf_shard_find_laggards(shard, post->store, post->u.log_bytes);
        break;
    case WF_POST_STATS:
        wf_shard_answer_stats(shard, &post->u.stats);
        break;
    case WF_POST_MEET:
        meet(shard, post->partition);
        break;
    case WF_POST_MARK:
        shard->mark = post->u.mark > shard->mark ? post->u.mark : shard->mark;
        break;
    case WF_POST_FINISH:
        shard->mode = WF_SHARD_FINISHING;
        break;
    default:
        WF_ASSERT(false);
    }
    wf_post_destroy(post);
}

bool
wf_shard_drain(struct wf_shard *shard)
{
    uint32_t count = 0;
    struct wf_post *post;

    while (count < POSTS_PER_STEP &&
           (post = wf_post_pop(&shard->inbox)) != NULL) {
        handle(shard, post);
        count++;
    }
    return count > 0;
}

// The end. --------------------------------------------------------------------
