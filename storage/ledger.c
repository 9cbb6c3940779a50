// SPDX-License-Identifier: Apache-2.0
//
// ledger.c - the store of a ledger: founding, opening, rows.
//
// Every write is synced, but for what is only heard of others. The row of a
// partition is written with each of its commits, so that it always says how far
// the log is.

#include "storage/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "storage/ledger_impl.h"

#define FACTS_KEY "c"
#define INCARNATION_KEY "i"
#define SCAN_ALL UINT64_MAX

// Keys and rows. --------------------------------------------------------------

void
wf_ledger_commit_key(struct wf_buf *out_key, uint32_t partition,
                     uint64_t number)
{
    wf_buf_reset(out_key);
    wf_buf_put_u16(out_key, (uint16_t)partition);
    wf_buf_put_u64(out_key, number);
}

void
wf_ledger_snapshot_key(struct wf_buf *out_key, uint32_t partition, uint32_t age)
{
    wf_buf_reset(out_key);
    wf_buf_put_u8(out_key, 's');
    wf_buf_put_u16(out_key, (uint16_t)partition);
    wf_buf_put_u8(out_key, (uint8_t)age);
}

static void
part_key(struct wf_buf *out_key, uint32_t partition)
{
    wf_buf_reset(out_key);
    wf_buf_put_u8(out_key, 'p');
    wf_buf_put_u16(out_key, (uint16_t)partition);
}

void
wf_ledger_put_part(struct wf_batch *batch, uint32_t partition,
                   const struct wf_ledger_part *part)
{
    struct wf_buf key = {0};
    struct wf_buf row = {0};

    part_key(&key, partition);
    wf_buf_put_u8(&row, (uint8_t)part->state);
    wf_buf_put_varint(&row, part->epoch);
    wf_buf_put_text(&row, part->owner);
    wf_buf_put_text(&row, part->wanted);
    wf_buf_put_varint(&row, part->first);
    wf_buf_put_varint(&row, part->last);
    wf_batch_put(batch, WF_CF_META, wf_buf_bytes(&key), wf_buf_bytes(&row));
    wf_buf_fini(&key);
    wf_buf_fini(&row);
}

static bool
read_id(struct wf_reader *reader, char out_id[WF_NODE_ID_CHARS_MAX + 1])
{
    weft_bytes bytes = wf_reader_bytes(reader);

    if (reader->failed || bytes.len > WF_NODE_ID_CHARS_MAX) {
        return false;
    }
    memset(out_id, 0, WF_NODE_ID_CHARS_MAX + 1);
    if (bytes.len > 0) {
        memcpy(out_id, bytes.data, bytes.len);
    }
    return true;
}

static bool
decode_part(weft_bytes row, struct wf_ledger_part *out_part)
{
    struct wf_reader reader = wf_reader_of(row);
    uint8_t state = wf_reader_u8(&reader);

    *out_part = (struct wf_ledger_part){0};
    out_part->epoch = wf_reader_varint(&reader);
    if (state >= WF_LEDGER_STATES_COUNT || !read_id(&reader, out_part->owner) ||
        !read_id(&reader, out_part->wanted)) {
        return false;
    }
    out_part->state = (enum wf_ledger_state)state;
    out_part->first = wf_reader_varint(&reader);
    out_part->last = wf_reader_varint(&reader);
    return !reader.failed && wf_reader_left(&reader) == 0 &&
           out_part->first >= 1 && out_part->first <= out_part->last + 1;
}

void
wf_ledger_put_node(struct wf_batch *batch, const struct wf_ledger_node *node)
{
    struct wf_buf key = {0};
    struct wf_buf row = {0};

    wf_buf_put_u8(&key, 'n');
    wf_buf_put(&key, node->row.id, strlen(node->row.id));
    wf_ledger_node_encode(node, &row);
    wf_batch_put(batch, WF_CF_META, wf_buf_bytes(&key), wf_buf_bytes(&row));
    wf_buf_fini(&key);
    wf_buf_fini(&row);
}

void
wf_ledger_cut(struct wf_batch *batch, uint32_t partition, uint64_t from,
              uint64_t to)
{
    struct wf_buf begin = {0};
    struct wf_buf end = {0};

    wf_ledger_commit_key(&begin, partition, from);
    wf_ledger_commit_key(&end, partition, to);
    wf_batch_delete_range(batch, WF_CF_LOG, wf_buf_bytes(&begin),
                          wf_buf_bytes(&end));
    wf_buf_fini(&begin);
    wf_buf_fini(&end);
}

void
wf_ledger_cut_all(struct wf_batch *batch, uint32_t partition)
{
    struct wf_buf key = {0};

    wf_ledger_cut(batch, partition, 0, UINT64_MAX);
    for (uint32_t age = 0; age < 2; age++) {
        wf_ledger_snapshot_key(&key, partition, age);
        wf_batch_delete(batch, WF_CF_META, wf_buf_bytes(&key));
    }
    wf_buf_fini(&key);
}

// Founding. -------------------------------------------------------------------

static void
encode_facts(const struct wf_ledger_founding *founding, struct wf_buf *out)
{
    wf_buf_put_u8(out, WF_LEDGER_VERSION);
    wf_buf_put(out, founding->cluster_id, sizeof(founding->cluster_id));
    wf_buf_put_text(out, founding->node_id);
    wf_buf_put_varint(out, founding->partition_count);
}

static int
compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Round and round, in the order of their names: each gets its share.
static void
put_parts(struct wf_batch *batch, const struct wf_ledger_founding *founding)
{
    uint32_t count = founding->founders_count;
    const char **sorted = wf_calloc((count + 1) * sizeof(*sorted));

    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = founding->founders[i];
    }
    if (count > 0) {
        qsort(sorted, count, sizeof(*sorted), compare_texts);
    }
    for (uint32_t i = 0; i < founding->partition_count; i++) {
        const char *owner = count == 0 ? "" : sorted[i % count];
        struct wf_ledger_part part = {.first = 1, .epoch = count == 0 ? 0 : 1};

        if (strcmp(owner, founding->node_id) == 0) {
            part.state = WF_LEDGER_MINE;
        } else {
            WF_ASSERT(strlen(owner) < sizeof(part.owner));
            memcpy(part.owner, owner, strlen(owner));
        }
        wf_ledger_put_part(batch, i, &part);
    }
    wf_free(sorted);
}

weft_err
wf_ledger_found(struct wf_store store,
                const struct wf_ledger_founding *founding)
{
    struct wf_batch batch = {0};
    struct wf_buf facts = {0};
    struct wf_buf found = {0};
    weft_err err =
        store.ops->get(store.self, WF_CF_META, weft_text(FACTS_KEY), &found);

    WF_ASSERT(founding->partition_count >= 1 &&
              founding->partition_count <= WF_LEDGER_PARTITIONS_MAX);
    encode_facts(founding, &facts);
    if (err == WEFT_OK &&
        !wf_bytes_equal(wf_buf_bytes(&facts), wf_buf_bytes(&found))) {
        err = wf_error(WEFT_EEXISTS,
                       "it is another node's, or of another cluster");
    } else if (err == WEFT_ENOTFOUND) {
        wf_batch_put(&batch, WF_CF_META, weft_text(FACTS_KEY),
                     wf_buf_bytes(&facts));
        put_parts(&batch, founding);
        err = store.ops->write(store.self, &batch, true);
    }
    wf_batch_fini(&batch);
    wf_buf_fini(&facts);
    wf_buf_fini(&found);
    return err;
}

// Opening. --------------------------------------------------------------------

static weft_err
malformed(const char *what)
{
    return wf_error(WEFT_ECORRUPT, "ledger: %s is malformed", what);
}

static weft_err
read_facts(struct wf_ledger *ledger)
{
    struct wf_store *store = &ledger->store;
    char node_id[WF_NODE_ID_CHARS_MAX + 1];
    struct wf_buf row = {0};
    struct wf_reader reader;
    weft_bytes id;
    weft_err err =
        store->ops->get(store->self, WF_CF_META, weft_text(FACTS_KEY), &row);

    if (err != WEFT_OK) {
        wf_buf_fini(&row);
        return err == WEFT_ENOTFOUND
                   ? wf_error(err, "there is no ledger: `weft cluster init` "
                                   "makes one")
                   : err;
    }
    reader = wf_reader_of(wf_buf_bytes(&row));
    if (wf_reader_u8(&reader) != WF_LEDGER_VERSION) {
        err = wf_error(WEFT_EFORMAT, "ledger: it is of another version");
    } else {
        id = wf_reader_take(&reader, sizeof(ledger->cluster_id));
        if (!read_id(&reader, node_id)) {
            err = malformed("what it is of");
        } else if (strcmp(node_id, ledger->node_id) != 0) {
            err = wf_error(WEFT_EFORMAT, "ledger: it is node %s's, not %s's",
                           node_id, ledger->node_id);
        } else {
            memcpy(ledger->cluster_id, id.data, sizeof(ledger->cluster_id));
            ledger->partition_count = (uint32_t)wf_reader_varint(&reader);
        }
    }
    if (err == WEFT_OK &&
        (reader.failed || ledger->partition_count == 0 ||
         ledger->partition_count > WF_LEDGER_PARTITIONS_MAX)) {
        err = malformed("what it is of");
    }
    wf_buf_fini(&row);
    return err;
}

static weft_err
read_incarnation(struct wf_ledger *ledger)
{
    struct wf_store *store = &ledger->store;
    struct wf_buf row = {0};
    weft_err err = store->ops->get(store->self, WF_CF_META,
                                   weft_text(INCARNATION_KEY), &row);

    if (err == WEFT_OK) {
        struct wf_reader reader = wf_reader_of(wf_buf_bytes(&row));

        ledger->before = wf_reader_u64(&reader);
        err = reader.failed ? malformed("its incarnation") : WEFT_OK;
    }
    wf_buf_fini(&row);
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

static weft_err
read_place(struct wf_ledger *ledger, uint32_t partition)
{
    struct wf_store *store = &ledger->store;
    struct wf_ledger_place *place = &ledger->places[partition];
    struct wf_buf key = {0};
    struct wf_buf row = {0};
    weft_err err;

    place->is_acquired = false;
    place->is_released = false;
    part_key(&key, partition);
    err = store->ops->get(store->self, WF_CF_META, wf_buf_bytes(&key), &row);
    if (err == WEFT_ENOTFOUND ||
        (err == WEFT_OK && !decode_part(wf_buf_bytes(&row), &place->part))) {
        err = malformed("a partition's row");
    }
    for (uint32_t age = 0; err == WEFT_OK && age < 2; age++) {
        struct wf_reader reader;

        wf_ledger_snapshot_key(&key, partition, age);
        err =
            store->ops->get(store->self, WF_CF_META, wf_buf_bytes(&key), &row);
        reader = wf_reader_of(wf_buf_bytes(&row));
        place->snapshots[age] = err == WEFT_OK ? wf_reader_u64(&reader) : 0;
        err = err == WEFT_ENOTFOUND ? WEFT_OK : err;
    }
    wf_buf_fini(&key);
    wf_buf_fini(&row);
    return err;
}

static bool
read_node(void *ctx, weft_bytes key, weft_bytes row)
{
    struct wf_ledger *ledger = ctx;
    struct wf_reader reader = wf_reader_of(row);
    struct wf_ledger_node node;

    (void)key;
    if (wf_ledger_node_decode(&reader, &node)) {
        wf_ledger_view_put(&ledger->heard, &node);
    }
    return true; // who is told again is known again
}

static weft_err
read_rows(struct wf_ledger *ledger)
{
    struct wf_store *store = &ledger->store;
    weft_err err = read_facts(ledger);

    if (err == WEFT_OK && ledger->places == NULL) {
        ledger->places =
            wf_calloc(ledger->partition_count * sizeof(*ledger->places));
    }
    if (err == WEFT_OK) {
        err = read_incarnation(ledger);
    }
    for (uint32_t i = 0; err == WEFT_OK && i < ledger->partition_count; i++) {
        err = read_place(ledger, i);
    }
    return err == WEFT_OK
               ? store->ops->scan(store->self, WF_CF_META, weft_text("n"),
                                  weft_text("o"), read_node, ledger)
               : err;
}

static void
close_store(struct wf_ledger *ledger)
{
    if (ledger->store.ops != NULL) {
        ledger->store.ops->close(ledger->store.self);
        ledger->store = (struct wf_store){0};
    }
}

weft_err
wf_ledger_open(const struct wf_ledger_options *options,
               struct wf_ledger **out_ledger)
{
    struct wf_ledger *ledger = wf_calloc(sizeof(*ledger));
    weft_err err;

    ledger->options = *options;
    ledger->node_id = wf_strdup(options->node_id);
    WF_ASSERT(pthread_mutex_init(&ledger->lock, NULL) == 0);
    WF_ASSERT(pthread_rwlock_init(&ledger->opening, NULL) == 0);
    err = options->open_store(options->ctx, &ledger->store);
    if (err == WEFT_OK) {
        err = read_rows(ledger);
    }
    if (err != WEFT_OK) {
        wf_ledger_close(ledger);
        return err;
    }
    *out_ledger = ledger;
    return WEFT_OK;
}

void
wf_ledger_close(struct wf_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    close_store(ledger);
    wf_ledger_view_fini(&ledger->heard);
    (void)pthread_rwlock_destroy(&ledger->opening);
    (void)pthread_mutex_destroy(&ledger->lock);
    wf_free(ledger->places);
    wf_free(ledger->lost_text);
    wf_free(ledger->node_id);
    wf_free(ledger);
}

// Whoever scans has `opening`, and takes no lock meanwhile.
weft_err
wf_ledger_reopen(struct wf_ledger *ledger)
{
    weft_err err = WEFT_OK;

    if (!ledger->has_failed) {
        return WEFT_OK;
    }
    (void)pthread_rwlock_wrlock(&ledger->opening);
    close_store(ledger);
    err = ledger->options.open_store(ledger->options.ctx, &ledger->store);
    if (err == WEFT_OK) {
        err = read_rows(ledger);
    }
    if (err != WEFT_OK) {
        close_store(ledger);
    }
    (void)pthread_rwlock_unlock(&ledger->opening);
    ledger->has_failed = err != WEFT_OK;
    return err == WEFT_OK ? WEFT_OK
                          : wf_error(WEFT_EIO, "ledger: %s", weft_err_detail());
}

// Reading and writing. --------------------------------------------------------

weft_err
wf_ledger_write(struct wf_ledger *ledger, const struct wf_batch *batch)
{
    struct wf_store *store = &ledger->store;
    weft_err err;

    if (ledger->has_failed) {
        return wf_error(WEFT_EIO, "ledger: a write has failed before");
    }
    err = store->ops->write(store->self, batch, true);
    if (err != WEFT_OK && err != WEFT_EBUSY) {
        ledger->has_failed = true;
        for (uint32_t i = 0; i < ledger->partition_count; i++) {
            struct wf_ledger_place *place = &ledger->places[i];

            place->is_doubtful = place->is_doubtful || place->is_acquired;
            place->is_acquired = false;
        }
    }
    return err;
}

weft_err
wf_ledger_scan(struct wf_ledger *ledger, uint32_t partition, uint64_t from,
               uint64_t to, wf_scan_fn *fn, void *ctx)
{
    struct wf_store *store = &ledger->store;
    struct wf_buf begin = {0};
    struct wf_buf end = {0};
    weft_err err;

    wf_ledger_commit_key(&begin, partition, from);
    wf_ledger_commit_key(&end, partition, to + 1);
    (void)pthread_rwlock_rdlock(&ledger->opening);
    err = store->ops == NULL
              ? wf_error(WEFT_EIO, "ledger: its store is not open")
              : store->ops->scan(store->self, WF_CF_LOG, wf_buf_bytes(&begin),
                                 wf_buf_bytes(&end), fn, ctx);
    (void)pthread_rwlock_unlock(&ledger->opening);
    wf_buf_fini(&begin);
    wf_buf_fini(&end);
    return err;
}

// What others ask. ------------------------------------------------------------

weft_err
wf_ledger_join(struct wf_ledger *ledger, struct wf_ledger_node *node)
{
    struct wf_batch batch = {0};
    struct wf_buf row = {0};
    weft_err err;

    pthread_mutex_lock(&ledger->lock);
    wf_buf_put_u64(&row, ledger->before + 1);
    wf_batch_put(&batch, WF_CF_META, weft_text(INCARNATION_KEY),
                 wf_buf_bytes(&row));
    err = wf_ledger_write(ledger, &batch);
    if (err == WEFT_OK) {
        ledger->before++;
        ledger->incarnation = ledger->before;
        node->row.incarnation = ledger->before;
        ledger->self = *node;
    }
    pthread_mutex_unlock(&ledger->lock);
    wf_batch_fini(&batch);
    wf_buf_fini(&row);
    return err;
}

void
wf_ledger_drain(struct wf_ledger *ledger, bool is_on)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->self.row.is_draining = is_on;
    pthread_mutex_unlock(&ledger->lock);
}

weft_err
wf_ledger_want(struct wf_ledger *ledger, uint32_t partition,
               const char *node_id)
{
    struct wf_batch batch = {0};
    struct wf_ledger_part part;
    weft_err err;

    WF_ASSERT(strlen(node_id) <= WF_NODE_ID_CHARS_MAX);
    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    part = ledger->places[partition].part;
    if (err == WEFT_OK && part.state != WF_LEDGER_MINE) {
        err = wf_error(WEFT_EBUSY, "partition %" PRIu32 " is not node %s's",
                       partition, ledger->node_id);
    } else if (err == WEFT_OK) {
        memset(part.wanted, 0, sizeof(part.wanted));
        if (strcmp(node_id, ledger->node_id) != 0) {
            memcpy(part.wanted, node_id, strlen(node_id));
        }
        wf_ledger_put_part(&batch, partition, &part);
        err = wf_ledger_write(ledger, &batch);
    }
    if (err == WEFT_OK) {
        ledger->places[partition].part = part;
    }
    pthread_mutex_unlock(&ledger->lock);
    wf_batch_fini(&batch);
    return err;
}

struct wf_ledger_part
wf_ledger_part(struct wf_ledger *ledger, uint32_t partition)
{
    struct wf_ledger_part part;

    WF_ASSERT(partition < ledger->partition_count);
    pthread_mutex_lock(&ledger->lock);
    part = ledger->places[partition].part;
    pthread_mutex_unlock(&ledger->lock);
    return part;
}

uint32_t
wf_ledger_partition_count(const struct wf_ledger *ledger)
{
    return ledger->partition_count;
}

void
wf_ledger_cluster_id(const struct wf_ledger *ledger, uint8_t out_id[16])
{
    memcpy(out_id, ledger->cluster_id, sizeof(ledger->cluster_id));
}

bool
wf_ledger_may_acquire(struct wf_ledger *ledger, uint32_t partition)
{
    bool may;

    WF_ASSERT(partition < ledger->partition_count);
    pthread_mutex_lock(&ledger->lock);
    may = ledger->places[partition].part.state == WF_LEDGER_MINE &&
          ledger->lost == WEFT_OK &&
          (ledger->has_heard || !ledger->options.must_hear);
    pthread_mutex_unlock(&ledger->lock);
    return may;
}

uint32_t
wf_ledger_count(struct wf_ledger *ledger)
{
    uint32_t count = 0;

    pthread_mutex_lock(&ledger->lock);
    for (uint32_t i = 0; i < ledger->partition_count; i++) {
        count += ledger->places[i].part.state >= WF_LEDGER_MINE;
    }
    pthread_mutex_unlock(&ledger->lock);
    return count;
}
