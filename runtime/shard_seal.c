// SPDX-License-Identifier: Apache-2.0
//
// shard_seal.c - sealing partitions into jobs, and what comes back.
//
// Each lane has one job. While it is away, what its partitions record gathers
// in them; when it is back, all of them that want it are sealed together, up
// to WF_COMMIT_BYTES_MAX, and it leaves again.
//
// What nobody waits for who asks for little, such as the turns of an actor that
// goes on and on or the thousandth signal of one client, is patient: while
// others make the lane commit anyway, it goes with them instead of keeping the
// disk busy when they come; and no more of it than hardly makes their commit
// longer. It waits PATIENCE_MS at most, and not at all if no others are there.
//
// Housekeeping trims the log below the least `redo` of all places. A place
// whose rows are all saved has none (UINT64_MAX); when it is sealed again, its
// records will be in a commit that housekeeping may see before the shard does.
// So its redo is lowered before the job leaves, to the number after the last
// one that came back: the commit's number is that or more.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"
#include "base/limits.h"
#include "runtime/shard_impl.h"
#include "storage/store.h"

#define PATIENCE_MS 5
#define COMPANY_BYTES (64U << 10)

// What wants to be sealed. ----------------------------------------------------

void
wf_shard_forget_sealing(struct wf_shard_place *place)
{
    if (place->sealing_in != NULL) {
        wf_list_remove(place->sealing_in, &place->sealing);
        place->sealing_in = NULL;
    }
}

void
wf_shard_note_sealing(struct wf_shard *shard, struct wf_shard_place *place)
{
    struct wf_shard_lane *lane = place->lane;
    bool is_patient = shard->options.is_patient &&
                      shard->mode == WF_SHARD_SERVING && !place->is_laggard &&
                      !wf_partition_is_awaited(place->partition);
    struct wf_list *list = is_patient ? &lane->patient : &lane->sealing;

    if (place->sealing_in == list || place->sealing_in == &lane->sealing) {
        return;
    }
    if (place->sealing_in == NULL) {
        place->patient_since_ms = shard->now_ms;
    }
    wf_shard_forget_sealing(place);
    place->sealing_in = list;
    wf_list_push_back(list, &place->sealing);
}

// When who is patient has waited long enough: at once, if there is nobody to
// wait for.
static uint64_t
patience_of(const struct wf_shard_lane *lane)
{
    const struct wf_list_node *node = wf_list_first(&lane->patient);
    uint64_t since_ms;

    if (node == NULL) {
        return UINT64_MAX;
    }
    since_ms = WF_CONTAINER(node, const struct wf_shard_place, sealing)
                   ->patient_since_ms;
    return (since_ms < lane->awaited_ms ? since_ms : lane->awaited_ms) +
           PATIENCE_MS;
}

uint64_t
wf_shard_shared_until_ms(const struct wf_shard *shard)
{
    uint64_t last_ms = 0;

    for (uint32_t i = 0;
         shard->options.is_patient && i < shard->options.stores_count; i++) {
        const struct wf_shard_lane *lane = &shard->lanes[i];
        uint64_t until_ms = lane->awaited_ms + PATIENCE_MS;

        last_ms = until_ms > last_ms ? until_ms : last_ms;
    }
    return last_ms;
}

bool
wf_shard_is_shared(const struct wf_shard *shard)
{
    return shard->now_ms < wf_shard_shared_until_ms(shard);
}

uint64_t
wf_shard_patience_ms(const struct wf_shard *shard)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < shard->options.stores_count; i++) {
        const struct wf_shard_lane *lane = &shard->lanes[i];
        uint64_t until_ms = patience_of(lane);

        if (!lane->is_away && !lane->is_fenced && until_ms < least) {
            least = until_ms; // else COMMITTED, or RECOVER, comes first
        }
    }
    return least;
}

// Sealing. --------------------------------------------------------------------

static size_t
job_bytes(const struct wf_job *job)
{
    return job->frames.len + job->rows->ops.len;
}

// Add a place to the lane's job. False: it has nothing.
static bool
seal_place(struct wf_shard *shard, struct wf_shard_lane *lane,
           struct wf_shard_place *place, bool save_all)
{
    struct wf_job *job = &lane->job;
    size_t frames_len = job->frames.len;

    if (shard->options.record_version != NULL) {
        wf_partition_allow(place->partition,
                           atomic_load(shard->options.record_version));
    }
    if (!wf_partition_seal(place->partition, wf_shard_time(shard, place),
                           save_all, &job->frames, job->rows)) {
        return false;
    }
    if (job->frames.len > frames_len) {
        job->segments_count++;
    }
    lane->sealed[lane->sealed_count++] = place;
    return true;
}

static void
send_job(struct wf_shard *shard, struct wf_shard_lane *lane)
{
    const struct wf_shard_ports *ports = &shard->options.ports;

    for (uint32_t i = 0; i < lane->sealed_count; i++) {
        _Atomic uint64_t *redo = &lane->sealed[i]->redo;

        if (atomic_load(redo) > lane->last_commit + 1) {
            atomic_store(redo, lane->last_commit + 1); // I2
        }
    }
    wf_shard_renew_heavy(shard);
    lane->is_away = true;
    lane->away_since_ms = shard->now_ms;
    lane->job.post.type = WF_POST_SEAL;
    ports->seal(ports->ctx, &lane->job);
}

static void
begin_job(struct wf_shard_lane *lane)
{
    wf_job_reset(&lane->job);
    lane->sealed_count = 0;
}

// Seal places of a list, oldest first, until the job has so many bytes.
static void
seal_list(struct wf_shard *shard, struct wf_shard_lane *lane,
          struct wf_list *list, size_t bytes_max)
{
    struct wf_list_node *node;

    while (job_bytes(&lane->job) < bytes_max &&
           (node = wf_list_first(list)) != NULL) {
        struct wf_shard_place *place =
            WF_CONTAINER(node, struct wf_shard_place, sealing);

        wf_shard_forget_sealing(place);
        (void)seal_place(shard, lane, place, place->is_laggard);
        place->is_laggard = false;
        wf_shard_settle(shard, place);
    }
}

static bool
seal_lane(struct wf_shard *shard, struct wf_shard_lane *lane)
{
    bool is_awaited = lane->sealing.count > 0;
    bool is_over = patience_of(lane) <= shard->now_ms;

    if (lane->is_away || lane->is_fenced || (!is_awaited && !is_over)) {
        return false;
    }
    begin_job(lane);
    seal_list(shard, lane, &lane->sealing, WF_COMMIT_BYTES_MAX);
    seal_list(shard, lane, &lane->patient,
              is_over ? WF_COMMIT_BYTES_MAX : COMPANY_BYTES);
    if (is_awaited) {
        lane->awaited_ms = shard->now_ms;
    }
    if (lane->sealed_count == 0) {
        return false;
    }
    send_job(shard, lane);
    return true;
}

bool
wf_shard_seal(struct wf_shard *shard)
{
    bool has_left = false;

    for (uint32_t i = 0; i < shard->options.stores_count; i++) {
        has_left = seal_lane(shard, &shard->lanes[i]) || has_left;
    }
    return has_left;
}

// Everything of one lane. True: not finished yet.
static bool
seal_all_of(struct wf_shard *shard, struct wf_shard_lane *lane)
{
    if (lane->is_fenced) {
        return false; // never again in this life
    }
    if (lane->is_away) {
        return true;
    }
    begin_job(lane);
    for (uint32_t i = 0;
         i < shard->places_count && job_bytes(&lane->job) < WF_COMMIT_BYTES_MAX;
         i++) {
        struct wf_shard_place *place = &shard->places[i];

        if (place->lane == lane && place->partition != NULL) {
            (void)seal_place(shard, lane, place, true);
        }
    }
    if (lane->sealed_count > 0) {
        send_job(shard, lane);
        return true;
    }
    // The partition frees what it asked for; so wait for the answers.
    return lane->loads_away > 0;
}

bool
wf_shard_seal_all(struct wf_shard *shard)
{
    bool is_left = false;

    for (uint32_t i = 0; i < shard->options.stores_count; i++) {
        is_left = seal_all_of(shard, &shard->lanes[i]) || is_left;
    }
    return is_left;
}

void
wf_shard_find_laggards(struct wf_shard *shard, uint32_t store,
                       uint64_t log_bytes)
{
    struct wf_shard_lane *lane = &shard->lanes[store];
    uint64_t half = shard->options.window_bytes <= 0
                        ? WF_WINDOW_BYTES_DEFAULT / 2
                        : (uint64_t)shard->options.window_bytes / 2;

    for (uint32_t i = 0; i < shard->places_count; i++) {
        struct wf_shard_place *place = &shard->places[i];

        if (place->lane != lane || place->partition == NULL ||
            log_bytes < place->sealed_bytes + half ||
            atomic_load(&place->redo) == UINT64_MAX) {
            continue;
        }
        place->is_laggard = true;
        wf_shard_note_sealing(shard, place);
    }
}

static void
release(struct wf_shard *shard, struct wf_shard_lane *lane,
        const struct wf_job *job)
{
    lane->last_commit = job->commit;
    for (uint32_t i = 0; i < lane->sealed_count; i++) {
        struct wf_shard_place *place = lane->sealed[i];

        wf_partition_committed(place->partition, wf_shard_time(shard, place),
                               job->commit, job->log_bytes);
        atomic_store(&place->redo, wf_partition_redo_commit(place->partition));
        place->sealed_bytes = job->log_bytes;
        wf_shard_settle(shard, place);
    }
    (void)wf_fault_hit(WF_FAULT_AFTER_RELEASE);
}

void
wf_shard_committed(struct wf_shard *shard, struct wf_job *job)
{
    struct wf_shard_lane *lane = &shard->lanes[job->store];

    WF_ASSERT(job == &lane->job && lane->is_away);
    lane->is_away = false;
    if (!job->is_durable) {
        // The outcome is not known. FENCE comes, or has come; till then the
        // partitions must not be touched as if it were.
        lane->is_fenced = true;
    } else if (!lane->is_fenced) {
        release(shard, lane, job);
    } // else its partitions are gone; who was to be told is kept
    lane->sealed_count = 0;
}
