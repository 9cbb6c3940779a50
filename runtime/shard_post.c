// SPDX-License-Identifier: Apache-2.0
//
// shard_post.c - what each post to a shard does.
//
// While a store is being opened anew its partitions are not there. What comes
// for them is kept in their places, in order, and given to their successors:
// requests as if they were asked again, tasks and loads so that they are freed
// by who knows how. Frames and heartbeats may be lost, and are. If intake is
// stopped meanwhile, which it is on a full disk, requests that no partition
// has seen yet are refused: that may last, and nothing of them has happened.
//
// In a cluster the successor may be on another node. Then requests go there,
// and what only the partition that is gone could use is freed. What is on its
// way there comes back when the partition comes here first; until then, what
// came later waits behind it, so that a client's requests keep their order.

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/load.h"
#include "runtime/request.h"
#include "runtime/shard_impl.h"
#include "runtime/task.h"

#define POSTS_PER_STEP 65536

static struct wf_shard_place *
place_of(struct wf_shard *shard, uint32_t partition)
{
    uint32_t i = partition / shard->options.shards_count;

    WF_ASSERT(partition % shard->options.shards_count == shard->options.index);
    WF_ASSERT(i < shard->places_count);
    return &shard->places[i];
}

// Events of a partition. ------------------------------------------------------

// While the node closes, workers give back what they have not begun. For the
// partition that is no outcome: the attempt was never made.
static bool
is_orphan(const struct wf_shard *shard, const struct wf_task *task)
{
    return shard->mode >= WF_SHARD_CLOSING && task->outcome.err == WEFT_ECLOSED;
}

static weft_err
refusal_of(unsigned refusals)
{
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

static void
refuse_kept(struct wf_shard_place *place)
{
    weft_err err = refusal_of(place->lane->refusals);
    struct wf_list_node *node = wf_list_first(&place->requests);

    while (err != WEFT_OK && node != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        node = wf_list_next(&place->requests, node);
        if (!wf_request_is_read(request) &&
            !wf_request_may_have_happened(request)) {
            wf_list_remove(&place->requests, &request->wait);
            wf_request_answer(request, err, "intake is stopped for now");
            request->done(request);
        }
    }
}

static void discard_loads(struct wf_list *loads);
static void discard_tasks(struct wf_list *tasks);

static void
send_elsewhere(struct wf_shard *shard, struct wf_shard_place *place,
               struct wf_request *request)
{
    if (!request->is_foreign) {
        request->away = &place->away;
        atomic_fetch_add(&place->away, 1);
    }
    shard->options.ports.elsewhere(shard->options.ports.ctx, request);
}

static void
send_all_elsewhere(struct wf_shard *shard, struct wf_shard_place *place,
                   struct wf_list *requests)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        wf_request_reset(request);
        send_elsewhere(shard, place, request);
    }
}

static void
hand_over(struct wf_shard *shard, struct wf_shard_place *place)
{
    discard_tasks(&place->tasks);
    discard_loads(&place->loads);
    send_all_elsewhere(shard, place, &place->requests);
}

static void
keep(struct wf_shard_place *place, struct wf_post *post)
{
    switch (post->type) {
    case WF_POST_WITHDRAW: // asked again, it will be answered at once
        wf_key_fini(&post->u.withdrawn.key);
        break;
    case WF_POST_FRAME:
        wf_buf_fini(&post->u.frame);
        break;
    case WF_POST_TASK:
        wf_list_push_back(&place->tasks, &post->u.task->node);
        break;
    case WF_POST_BEAT:
        wf_beat_destroy(post->u.beat);
        break;
    case WF_POST_LOAD:
        wf_list_push_back(&place->loads, &post->u.load->node);
        break;
    default:
        WF_ASSERT(false);
    }
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
    struct wf_shard_place *place = place_of(shard, post->partition);

    if (post->type == WF_POST_LOAD) {
        WF_ASSERT(place->lane->loads_away > 0);
        place->lane->loads_away--;
    }
    if (post->type == WF_POST_TASK && is_orphan(shard, post->u.task)) {
        wf_list_push_back(&shard->orphans, &post->u.task->node);
    } else if (place->partition == NULL) {
        keep(place, post);
        if (place->lane->is_elsewhere) {
            hand_over(shard, place);
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
        refuse_kept(place);
    } else {
        wf_partition_request(place->partition, wf_shard_time(shard, place),
                             request);
        wf_shard_settle(shard, place);
    }
}

void
wf_shard_give_request(struct wf_shard *shard, struct wf_request *request)
{
    struct wf_shard_place *place = place_of(shard, request->partition);
    bool is_first = request->away != NULL || request->is_foreign;

    wf_request_is_back(request);
    if (!is_first &&
        (place->behind.count > 0 ||
         (!place->lane->is_elsewhere && atomic_load(&place->away) > 0))) {
        wf_list_push_back(&place->behind, &request->wait);
        shard->behind++;
    } else if (place->lane->is_elsewhere) {
        send_elsewhere(shard, place, request);
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

static void
give_kept(struct wf_shard *shard, struct wf_shard_place *place)
{
    struct wf_partition *partition = place->partition;
    uint64_t now_ms = wf_shard_time(shard, place);
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&place->tasks)) != NULL) {
        wf_partition_task(partition, now_ms,
                          WF_CONTAINER(node, struct wf_task, node));
    }
    while ((node = wf_list_pop_front(&place->loads)) != NULL) {
        wf_partition_load(partition, now_ms,
                          WF_CONTAINER(node, struct wf_load, node));
    }
    while ((node = wf_list_pop_front(&place->requests)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);

        wf_request_reset(request);
        wf_partition_request(partition, now_ms, request);
    }
    wf_shard_settle(shard, place);
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
            hand_over(shard, &shard->places[i]);
        }
    }
    if (shard->behind > 0) {
        wf_shard_admit_all(shard);
    }
    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];

        if (place->lane == lane) {
            shard->behind -= (uint32_t)place->behind.count;
            send_all_elsewhere(shard, place, &place->behind);
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
    struct wf_shard_place *place = place_of(shard, post->partition);
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
    give_kept(shard, place);
}

// Refusing. -------------------------------------------------------------------

void
wf_shard_apply_refusals(struct wf_shard *shard, uint32_t store)
{
    struct wf_shard_lane *lane = &shard->lanes[store];
    weft_err err = refusal_of(lane->refusals);

    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];

        if (place->lane != lane) {
            continue;
        }
        if (place->partition != NULL) {
            wf_partition_refuse(place->partition, err);
        } else {
            refuse_kept(place);
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

static void
answer_stats(struct wf_shard *shard, const struct wf_post_stats *question)
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
        answer_stats(shard, &post->u.stats);
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

static void
answer(struct wf_request *request, weft_err err)
{
    wf_request_is_back(request);
    wf_request_reset(request);
    wf_request_answer(request, err,
                      err == WEFT_EIO ? "the store failed, or the process"
                                      : "the node is closed");
    request->done(request);
}

// What a load has captured only a partition can free, one that did not ask.
static void
discard_loads(struct wf_list *loads)
{
    struct wf_partition_options options = {
        .count = 1,
        .incarnation = UINT64_MAX,
    };
    struct wf_partition *nobody = NULL;
    struct wf_list requests;
    struct wf_list_node *node;

    wf_list_init(&requests);
    while ((node = wf_list_pop_front(loads)) != NULL) {
        if (nobody == NULL) {
            nobody = wf_partition_create(&options);
        }
        wf_partition_load(nobody, 0, WF_CONTAINER(node, struct wf_load, node));
    }
    wf_partition_destroy(nobody, &requests);
    WF_ASSERT(requests.count == 0);
}

static void
discard_tasks(struct wf_list *tasks)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(tasks)) != NULL) {
        wf_task_destroy(WF_CONTAINER(node, struct wf_task, node));
    }
}

static void
discard_post(struct wf_shard *shard, struct wf_post *post)
{
    switch (post->type) {
    case WF_POST_REQUEST:
        wf_intake_put(&shard->intake, post->u.request);
        break;
    case WF_POST_WITHDRAW:
    case WF_POST_FRAME:
    case WF_POST_TASK:
    case WF_POST_BEAT:
    case WF_POST_LOAD:
        keep(place_of(shard, post->partition), post);
        break;
    case WF_POST_RECOVER:
        wf_partition_destroy(post->u.recovered,
                             &place_of(shard, post->partition)->requests);
        break;
    case WF_POST_COMMITTED:
        return; // the job is the shard's own
    case WF_POST_STATS:
        answer_stats(shard, &post->u.stats);
        break;
    default:
        break; // carries nothing
    }
    wf_post_destroy(post);
}

static void
discard_waiting(struct wf_shard *shard)
{
    struct wf_list_node *node;
    struct wf_post *post;

    while ((node = wf_list_pop_front(&shard->frames)) != NULL) {
        discard_post(shard, WF_CONTAINER(node, struct wf_post, kept));
    }
    while ((post = wf_post_pop(&shard->inbox)) != NULL) {
        discard_post(shard, post);
    }
}

static void
keep_requests(struct wf_shard *shard)
{
    struct wf_request *request;

    while ((request = wf_intake_take_light(&shard->intake)) != NULL ||
           (request = wf_intake_take_heavy(&shard->intake)) != NULL) {
        wf_list_push_back(&place_of(shard, request->partition)->requests,
                          &request->wait);
    }
}

void
wf_shard_abandon(struct wf_shard *shard, weft_err err)
{
    discard_waiting(shard);
    keep_requests(shard);
    discard_tasks(&shard->orphans);
    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];
        weft_err why = place->lane->is_fenced ? WEFT_EIO : err;
        struct wf_list_node *node;

        discard_tasks(&place->tasks);
        discard_loads(&place->loads);
        while ((node = wf_list_pop_front(&place->requests)) != NULL ||
               (node = wf_list_pop_front(&place->behind)) != NULL) {
            answer(WF_CONTAINER(node, struct wf_request, wait), why);
        }
    }
}
