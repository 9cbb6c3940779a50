// SPDX-License-Identifier: Apache-2.0
//
// log_memory.c - shared logs in memory: how the tables of memory_database.c are
// appended to. registry_memory.c is the other half.
//
// A call holds the database's lock from its beginning to its end, so each is
// one transaction; read lets go of it while it calls back.
//
// Threads: any, each log as log_shared.h says.

#include "storage/log_memory.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/log_memory_impl.h"

// What a log knows of a partition.
struct place {
    uint64_t epoch; // that it was acquired in; 0: it is not ours
    bool is_doubtful;
};

struct wf_log_memory {
    struct wf_memory_database *database;
    struct wf_memory_node *node;
    uint64_t incarnation;
    struct place *places;
    bool is_stopped;
};

static weft_err acquire(void *self, uint32_t partition,
                        struct wf_shared_place *out_place);
static weft_err look(void *self, uint32_t partition,
                     struct wf_shared_place *out_place);
static weft_err release(void *self, uint32_t partition);
static void append(void *self, struct wf_shared_append *appends,
                   uint32_t count);
static weft_err read_commits(void *self, uint32_t partition, uint64_t from,
                             wf_log_read_fn *fn, void *ctx);
static weft_err snapshot_commit(void *self, uint32_t partition,
                                uint64_t redo_from, weft_bytes manifest);
static weft_err snapshot_read(void *self, uint32_t partition, uint32_t age,
                              uint64_t *out_redo_from,
                              struct wf_buf *out_manifest);
static weft_err blame(void *self, const struct wf_shared_blame *blame);
static weft_err blames(void *self, uint32_t partition, uint64_t reflected,
                       wf_shared_blame_fn *fn, void *ctx);
static void stop_log(void *self);
static void close_log(void *self);

static const struct wf_shared_log_ops memory_ops = {
    .acquire = acquire,
    .look = look,
    .release = release,
    .append = append,
    .read = read_commits,
    .snapshot_commit = snapshot_commit,
    .snapshot_read = snapshot_read,
    .blame = blame,
    .blames = blames,
    .stop = stop_log,
    .close = close_log,
};

void
wf_log_memory_open(struct wf_memory_database *database, const char *node_id,
                   uint64_t incarnation, struct wf_shared_log *out_log)
{
    struct wf_log_memory *log = wf_calloc(sizeof(*log));

    pthread_mutex_lock(&database->lock);
    log->database = database;
    log->node = wf_memory_database_node(database, node_id);
    log->incarnation = incarnation;
    log->places = wf_calloc(database->parts_count * sizeof(*log->places));
    database->handles++;
    pthread_mutex_unlock(&database->lock);
    out_log->ops = &memory_ops;
    out_log->self = log;
}

static void
stop_log(void *self)
{
    struct wf_log_memory *log = self;

    pthread_mutex_lock(&log->database->lock);
    log->is_stopped = true;
    pthread_cond_broadcast(&log->database->changed);
    pthread_mutex_unlock(&log->database->lock);
}

static void
close_log(void *self)
{
    struct wf_log_memory *log = self;

    pthread_mutex_lock(&log->database->lock);
    log->database->handles--;
    pthread_mutex_unlock(&log->database->lock);
    wf_free(log->places);
    wf_free(log);
}

static weft_err
reach(const struct wf_log_memory *log)
{
    return log->node->is_cut || log->is_stopped
               ? wf_error(WEFT_EIO, "node %s cannot reach the database",
                          log->node->row.id)
               : WEFT_OK;
}

static struct wf_memory_part *
part_of(const struct wf_log_memory *log, uint32_t partition)
{
    WF_ASSERT(partition < log->database->parts_count);
    return &log->database->parts[partition];
}

// Whether the partition may be ours.
static weft_err
check_free(const struct wf_log_memory *log, uint32_t partition)
{
    const struct wf_memory_part *part = part_of(log, partition);
    const struct wf_memory_node *owner = part->owner;

    if (log->node->row.incarnation != log->incarnation) {
        return wf_error(WEFT_ECLOSED,
                        "another process has registered as node %s",
                        log->node->row.id);
    }
    if (owner == log->node) { // whichever incarnation of it
        return WEFT_OK;
    }
    if (owner != NULL && owner->row.incarnation == part->owner_incarnation &&
        wf_memory_database_is_live(log->database, owner)) {
        return wf_error(WEFT_EBUSY, "partition %" PRIu32 " is node %s's",
                        partition, owner->row.id);
    }
    if (part->wanted != NULL && part->wanted != log->node &&
        wf_memory_database_is_live(log->database, part->wanted)) {
        return wf_error(WEFT_EBUSY, "partition %" PRIu32 " is to go to node %s",
                        partition, part->wanted->row.id);
    }
    return WEFT_OK;
}

static struct wf_shared_place
place_in(const struct wf_memory_part *part)
{
    return (struct wf_shared_place){
        .epoch = part->epoch,
        .last = part->last,
        .first = part->first,
        .snapshot =
            part->snapshots_count > 0 ? part->snapshots[0].redo_from : 0,
    };
}

static weft_err
acquire(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    struct wf_log_memory *log = self;
    struct wf_memory_part *part = part_of(log, partition);
    weft_err err;

    pthread_mutex_lock(&log->database->lock);
    err = reach(log);
    if (err == WEFT_OK) {
        err = check_free(log, partition);
    }
    if (err != WEFT_OK) {
        goto out;
    }
    if (part->owner != log->node || part->wanted == log->node) {
        part->wanted = NULL;
    }
    part->epoch++;
    part->owner = log->node;
    part->owner_incarnation = log->incarnation;
    log->places[partition] = (struct place){.epoch = part->epoch};
    part->ready = NULL;
    *out_place = place_in(part);

out:
    pthread_mutex_unlock(&log->database->lock);
    return err;
}

static weft_err
look(void *self, uint32_t partition, struct wf_shared_place *out_place)
{
    struct wf_log_memory *log = self;
    weft_err err;

    pthread_mutex_lock(&log->database->lock);
    err = reach(log);
    if (err == WEFT_OK) {
        *out_place = place_in(part_of(log, partition));
    }
    pthread_mutex_unlock(&log->database->lock);
    return err;
}

static weft_err
release(void *self, uint32_t partition)
{
    struct wf_log_memory *log = self;
    struct wf_memory_part *part = part_of(log, partition);
    struct place *place = &log->places[partition];
    weft_err err;

    pthread_mutex_lock(&log->database->lock);
    err = reach(log);
    if (err == WEFT_OK && part->epoch == place->epoch) {
        part->owner = NULL;
    }
    *place = (struct place){0};
    pthread_mutex_unlock(&log->database->lock);
    return err;
}

static void
append_commit(struct wf_memory_part *part, weft_bytes segment)
{
    uint64_t count = part->last + 1 - part->first;

    if (count == part->commits_cap) {
        part->commits_cap = part->commits_cap == 0 ? 16 : 2 * part->commits_cap;
        part->commits = wf_realloc(part->commits,
                                   part->commits_cap * sizeof(*part->commits));
    }
    part->commits[count] = (struct wf_memory_commit){
        .epoch = part->epoch,
        .segment = wf_bytes_copy(segment),
    };
    part->last++;
}

static void
append_one(struct wf_log_memory *log, struct wf_shared_append *one,
           bool is_doubtful, bool is_landing)
{
    struct wf_memory_part *part = part_of(log, one->partition);
    struct place *place = &log->places[one->partition];

    one->number = part->last + 1;
    if (place->is_doubtful) {
        one->result = WF_APPEND_IN_DOUBT;
        return;
    }
    if (place->epoch == 0 || place->epoch != part->epoch) {
        *place = (struct place){0};
        one->result = WF_APPEND_FENCED;
        return;
    }
    if (is_landing) {
        append_commit(part, one->segment);
    }
    place->is_doubtful = is_doubtful;
    one->result = is_doubtful ? WF_APPEND_IN_DOUBT : WF_APPEND_DURABLE;
}

static void
append(void *self, struct wf_shared_append *appends, uint32_t count)
{
    struct wf_log_memory *log = self;
    struct wf_memory_database *database = log->database;
    struct wf_memory_node *node = log->node;
    bool is_away;
    bool is_doubtful;

    pthread_mutex_lock(&database->lock);
    while (node->is_cut && !log->is_stopped && database->can_wait) {
        pthread_cond_wait(&database->changed, &database->lock);
    }
    is_away = node->is_cut || log->is_stopped;
    is_doubtful = is_away || node->is_doubt_next;
    for (uint32_t i = 0; i < count; i++) {
        append_one(log, &appends[i], is_doubtful,
                   !is_away && (!is_doubtful || node->has_doubt_landed));
    }
    node->is_doubt_next = is_away && node->is_doubt_next;
    pthread_mutex_unlock(&database->lock);
}

// A copy of the first commit from *number on, or why there is none; 0: the end.
static weft_err
copy_commit(struct wf_log_memory *log, uint32_t partition, uint64_t *number,
            struct wf_buf *out_segment)
{
    struct wf_memory_part *part = part_of(log, partition);
    const struct wf_memory_commit *commit;
    weft_err err;

    pthread_mutex_lock(&log->database->lock);
    err = reach(log);
    if (err != WEFT_OK) {
        goto out;
    }
    if (*number == 0) {
        *number = part->first;
    }
    if (*number < part->first) {
        err = wf_shared_log_missing(partition, *number, part->first - 1);
    } else if (*number > part->last + 1) {
        err = wf_shared_log_ends(partition, part->last, *number);
    } else if (*number > part->last) {
        *number = 0;
    } else {
        commit = &part->commits[*number - part->first];
        wf_buf_reset(out_segment);
        wf_buf_put(out_segment, commit->segment.data, commit->segment.len);
    }

out:
    pthread_mutex_unlock(&log->database->lock);
    return err;
}

// The commit after the last, which is to be lost: it says the same once more.
static weft_err
lie(uint32_t partition, uint64_t number, weft_bytes last, wf_log_read_fn *fn,
    void *ctx)
{
    struct wf_reader reader = wf_reader_of(last);
    struct wf_segment segment;
    struct wf_buf frame = {0};
    weft_err err = wf_segment_decode(&reader, &segment);

    if (err == WEFT_OK) {
        segment.first_record += segment.record_count;
        segment.chain = segment.crc;
        wf_segment_encode(&segment, &frame);
        err = wf_shared_log_visit(partition, number, wf_buf_bytes(&frame), fn,
                                  ctx);
    }
    wf_buf_fini(&frame);
    return err;
}

static weft_err
read_commits(void *self, uint32_t partition, uint64_t from, wf_log_read_fn *fn,
             void *ctx)
{
    const struct wf_log_memory *log = self;
    struct wf_buf segment = {0};
    uint64_t number = from;
    uint64_t next = 0;
    weft_err err = copy_commit(self, partition, &number, &segment);

    while (err == WEFT_OK && number != 0) {
        err = wf_shared_log_visit(partition, number, wf_buf_bytes(&segment), fn,
                                  ctx);
        if (err == WEFT_OK) {
            next = ++number;
            err = copy_commit(self, partition, &number, &segment);
        }
    }
    if (err == WEFT_OK && next != 0 && log->node->is_lied_to &&
        log->places[partition].epoch == 0) {
        err = lie(partition, next, wf_buf_bytes(&segment), fn, ctx);
    }
    wf_buf_fini(&segment);
    return err;
}

static void
truncate_front(struct wf_memory_part *part, uint64_t to)
{
    uint64_t gone;

    if (to <= part->first) {
        return;
    }
    gone = to - part->first;
    for (uint64_t i = 0; i < gone; i++) {
        wf_free((void *)(uintptr_t)part->commits[i].segment.data);
    }
    memmove(part->commits, part->commits + gone,
            (part->last + 1 - to) * sizeof(*part->commits));
    part->first = to;
}

static weft_err
snapshot_commit(void *self, uint32_t partition, uint64_t redo_from,
                weft_bytes manifest)
{
    struct wf_log_memory *log = self;
    struct wf_memory_part *part = part_of(log, partition);
    weft_err err;

    pthread_mutex_lock(&log->database->lock);
    err = reach(log);
    if (err != WEFT_OK) {
        goto out;
    }
    if (log->places[partition].epoch == 0 ||
        log->places[partition].epoch != part->epoch) {
        err = wf_error(WEFT_ECLOSED, "partition %" PRIu32 " is another's",
                       partition);
        goto out;
    }
    if (redo_from < part->first || redo_from > part->last + 1) {
        err = wf_error(WEFT_EINVAL,
                       "partition %" PRIu32 ": the log has no commit %" PRIu64
                       " for a snapshot to go on from",
                       partition, redo_from);
        goto out;
    }
    if (part->snapshots_count == 2) {
        wf_free((void *)(uintptr_t)part->snapshots[1].manifest.data);
    }
    if (part->snapshots_count > 0) {
        uint64_t before = part->snapshots[0].redo_from;

        part->snapshots[1] = part->snapshots[0];
        truncate_front(part, before < redo_from ? before : redo_from);
    }
    part->snapshots[0] = (struct wf_memory_snapshot){
        .redo_from = redo_from,
        .manifest = wf_bytes_copy(manifest),
    };
    part->snapshots_count = part->snapshots_count == 0 ? 1 : 2;

out:
    pthread_mutex_unlock(&log->database->lock);
    return err;
}

static weft_err
snapshot_read(void *self, uint32_t partition, uint32_t age,
              uint64_t *out_redo_from, struct wf_buf *out_manifest)
{
    struct wf_log_memory *log = self;
    const struct wf_memory_part *part = part_of(log, partition);
    weft_err err;

    pthread_mutex_lock(&log->database->lock);
    err = reach(log);
    if (err == WEFT_OK && age >= part->snapshots_count) {
        err = wf_error(WEFT_ENOTFOUND,
                       "partition %" PRIu32 " has %" PRIu32 " snapshots",
                       partition, part->snapshots_count);
    }
    if (err == WEFT_OK) {
        const struct wf_memory_snapshot *snapshot = &part->snapshots[age];

        *out_redo_from = snapshot->redo_from;
        wf_buf_reset(out_manifest);
        wf_buf_put(out_manifest, snapshot->manifest.data,
                   snapshot->manifest.len);
    }
    pthread_mutex_unlock(&log->database->lock);
    return err;
}

static bool
is_same_blame(const struct wf_memory_blame *one,
              const struct wf_memory_blame *other)
{
    return one->partition == other->partition && one->node == other->node &&
           one->at_ms == other->at_ms && wf_bytes_equal(one->key, other->key);
}

static weft_err
blame(void *self, const struct wf_shared_blame *blame)
{
    struct wf_log_memory *log = self;
    struct wf_memory_database *database = log->database;
    struct wf_memory_blame made = {
        .partition = blame->partition,
        .node = log->node,
        .key = blame->key,
        .at_ms = blame->at_ms,
    };
    bool is_there = false;
    weft_err err;

    pthread_mutex_lock(&database->lock);
    err = reach(log);
    for (uint32_t i = 0; i < database->blames_count; i++) {
        is_there |= is_same_blame(&database->blames[i], &made);
    }
    if (err == WEFT_OK && !is_there) {
        made.key = weft_bytes_of(wf_memdup(blame->key.data, blame->key.len),
                                 blame->key.len);
        made.how = wf_strdup(blame->how);
        database->blames = wf_realloc(
            database->blames, (database->blames_count + 1) * sizeof(made));
        database->blames[database->blames_count++] = made;
    }
    pthread_mutex_unlock(&database->lock);
    return err;
}

static weft_err
blames(void *self, uint32_t partition, uint64_t reflected,
       wf_shared_blame_fn *fn, void *ctx)
{
    struct wf_log_memory *log = self;
    struct wf_memory_database *database = log->database;
    uint32_t kept = 0;
    weft_err err;

    pthread_mutex_lock(&database->lock);
    err = reach(log);
    for (uint32_t i = 0; err == WEFT_OK && i < database->blames_count; i++) {
        struct wf_memory_blame *blame = &database->blames[i];
        bool is_ours = blame->partition == partition;

        if (is_ours && blame->told != 0 && blame->told <= reflected) {
            wf_memory_blame_free(blame);
            continue;
        }
        if (is_ours) {
            blame->told = part_of(log, partition)->epoch;
            fn(ctx, blame->key, blame->how);
        }
        database->blames[kept++] = *blame;
    }
    database->blames_count = err == WEFT_OK ? kept : database->blames_count;
    pthread_mutex_unlock(&database->lock);
    return err;
}
