// SPDX-License-Identifier: Apache-2.0
//
// listing.c - pages of instances, and the removal of those kept long enough.
//
// Rows lag behind memory, so a page is made of both: what was in memory when
// the question came is captured first, then the rows are read, and of each
// instance the newer one is shown. So a page shows every write that was
// acknowledged before the question.

#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "runtime/image.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "storage/keys.h"

// Rows read for one page or one sweep.
#define ROWS_AT_ONCE 1000
// Every partition looks for finished instances this often.
#define SWEEP_EVERY_MS 60000
#define IMAGE_PREFIX 3

// One instance, from memory or from a row.
struct shown {
    struct wf_list_node node;
    struct wf_key key; // owned
    weft_description description;
    char *reason;
    uint64_t position;
};

static void
add_shown(struct wf_list *list, const struct wf_key *key,
          const weft_description *description, uint64_t position)
{
    struct shown *shown = wf_calloc(sizeof(*shown));

    shown->key = wf_key_copy(key);
    shown->description = *description;
    shown->reason = wf_strdup(description->reason);
    shown->description.reason = shown->reason;
    shown->description.kind = wf_key_kind(&shown->key);
    shown->description.id = wf_key_id(&shown->key);
    shown->position = position;
    wf_list_push_back(list, &shown->node);
}

static void
drop_shown(struct shown *shown)
{
    wf_key_fini(&shown->key);
    wf_free(shown->reason);
    wf_free(shown);
}

static void
range_of_images(const struct wf_partition *partition, weft_bytes after,
                struct wf_load *load)
{
    struct wf_buf prefix = {0};

    wf_keys_range(&prefix, WF_KEY_IMAGE, partition->options.index);
    wf_keys_after(&load->to, wf_buf_bytes(&prefix));
    wf_buf_put(&load->from, prefix.data, prefix.len);
    if (after.len > 0) {
        wf_buf_put(&load->from, after.data, after.len);
        wf_buf_put_u8(&load->from, 0);
    }
    load->limit = ROWS_AT_ONCE;
    wf_buf_fini(&prefix);
}

// Is the store behind what is in memory?
static bool
is_ahead(const struct wf_partition *partition, const struct wf_actor *actor)
{
    return wf_list_has(&actor->object.dirty) ||
           actor->object.position > partition->durable_record ||
           (partition->is_sealed &&
            actor->object.saved_seal == partition->seals);
}

void
wf_listing_recovered(struct wf_partition *partition)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&partition->lists_later)) != NULL) {
        wf_listing_begin(partition,
                         WF_CONTAINER(node, struct wf_request, wait));
    }
}

void
wf_listing_begin(struct wf_partition *partition, struct wf_request *request)
{
    struct wf_load *load;
    struct wf_actor *actor;
    size_t cursor = 0;

    if (partition->recovering > 0) {
        // What the window's records say is not to be seen yet.
        wf_list_push_back(&partition->lists_later, &request->wait);
        return;
    }
    load = wf_load_begin(partition, WF_PURPOSE_LIST, request);
    range_of_images(partition, request->list_after, load);
    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        weft_description description;

        if (actor->residency == WF_RESIDENCY_LOADED &&
            is_ahead(partition, actor) &&
            wf_bytes_compare(wf_key_bytes(&actor->key), request->list_after) >
                0) {
            wf_actor_describe(actor, &description);
            add_shown(&load->captured, &actor->key, &description,
                      actor->object.position);
        }
    }
    request->position = partition->last_record;
    wf_list_push_back(&partition->lists, &request->wait);
    wf_list_push_back(&partition->outputs.loads, &load->node);
}

static int
compare_shown(const void *a, const void *b)
{
    const struct shown *left = *(const struct shown *const *)a;
    const struct shown *right = *(const struct shown *const *)b;
    int order =
        wf_bytes_compare(wf_key_bytes(&left->key), wf_key_bytes(&right->key));

    if (order != 0) {
        return order;
    }
    return left->position > right->position ? -1
                                            : left->position < right->position;
}

static bool
is_wanted(const struct wf_request *request, const struct shown *shown)
{
    return shown->description.status != WEFT_STATUS_NONE &&
           strcmp(wf_key_namespace(&shown->key), request->list_namespace) ==
               0 &&
           (request->list_kind[0] == '\0' ||
            strcmp(shown->description.kind, request->list_kind) == 0) &&
           (request->list_status == WEFT_STATUS_NONE ||
            shown->description.status == request->list_status);
}

static bool
add_row(struct wf_list *list, weft_bytes row, weft_bytes value)
{
    weft_description description;
    struct wf_key key;
    uint64_t position;

    if (row.len <= IMAGE_PREFIX ||
        !wf_image_describe(value, &description, &position) ||
        !wf_key_decode(weft_bytes_of((const uint8_t *)row.data + IMAGE_PREFIX,
                                     row.len - IMAGE_PREFIX),
                       &key)) {
        return false;
    }
    add_shown(list, &key, &description, position);
    wf_key_fini(&key);
    return true;
}

// Sorted by key, newest first among equals.
static struct shown **
sort_shown(struct wf_list *list, size_t *out_count)
{
    size_t count = list->count;
    struct shown **sorted = wf_alloc((count + 1) * sizeof(struct shown *));

    for (size_t i = 0; i < count; i++) {
        sorted[i] = WF_CONTAINER(wf_list_pop_front(list), struct shown, node);
    }
    if (count > 1) {
        qsort(sorted, count, sizeof(struct shown *), compare_shown);
    }
    *out_count = count;
    return sorted;
}

// Fill the page in order; stop after the last key that the rows cover.
static void
fill_page(struct wf_request *request, struct shown **sorted, size_t count,
          weft_bytes last_row, bool is_more)
{
    uint32_t left = request->list_limit;
    const struct wf_key *last = NULL;
    bool is_cut = false;

    for (size_t i = 0; i < count; i++) {
        struct shown *shown = sorted[i];
        weft_bytes key = wf_key_bytes(&shown->key);

        if (i > 0 && wf_key_equal(&sorted[i - 1]->key, &shown->key)) {
            continue; // an older state of the same instance
        }
        if (left == 0 || (is_more && wf_bytes_compare(key, last_row) > 0)) {
            is_cut = true;
            break;
        }
        last = &shown->key;
        if (is_wanted(request, shown)) {
            wf_request_answer_item(request, &shown->description);
            left--;
        }
    }
    if ((is_cut || is_more) && last != NULL) {
        wf_own_bytes(&request->list_next, wf_key_bytes(last));
    }
}

void
wf_listing_loaded(struct wf_partition *partition, struct wf_load *load)
{
    struct wf_request *request = load->subject;
    struct wf_reader rows = wf_reader_of(wf_buf_bytes(&load->rows));
    weft_bytes last_row = weft_nothing();
    weft_err err = load->err;
    struct shown **sorted;
    size_t count;

    while (wf_reader_left(&rows) > 0 && err == WEFT_OK) {
        weft_bytes key = wf_reader_bytes(&rows);
        weft_bytes value = wf_reader_bytes(&rows);

        err = add_row(&load->captured, key, value) ? WEFT_OK : WEFT_ECORRUPT;
        last_row = weft_bytes_of((const uint8_t *)key.data + IMAGE_PREFIX,
                                 key.len - IMAGE_PREFIX);
    }
    sorted = sort_shown(&load->captured, &count);
    if (err == WEFT_OK) {
        fill_page(request, sorted, count, last_row, load->is_more);
    }
    for (size_t i = 0; i < count; i++) {
        drop_shown(sorted[i]);
    }
    wf_free(sorted);
    wf_list_remove(&partition->lists, &request->wait);
    wf_edge_answer(partition, request, request->position, err, "%s",
                   err == WEFT_OK ? "" : "an image row cannot be read");
}

void
wf_listing_drop(struct wf_load *load)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&load->captured)) != NULL) {
        drop_shown(WF_CONTAINER(node, struct shown, node));
    }
}

// Retention. ----------------------------------------------------------------

void
wf_listing_sweep(struct wf_partition *partition)
{
    struct wf_load *load = wf_load_begin(partition, WF_PURPOSE_SWEEP, NULL);

    range_of_images(partition, wf_buf_bytes(&partition->sweep_from), load);
    wf_list_push_back(&partition->outputs.loads, &load->node);
}

static void
consider(struct wf_partition *partition, weft_bytes row, weft_bytes value)
{
    weft_description description;
    const struct wf_kind *kind;
    struct wf_key key;
    uint64_t position;

    if (!wf_image_describe(value, &description, &position) ||
        !wf_key_decode(row, &key)) {
        return; // verify and every load report it; a sweep only passes by
    }
    kind =
        wf_definitions_find(partition->options.definitions, wf_key_kind(&key));
    if (wf_residents_is_over(partition, kind, description.status,
                             description.finished_at_ms) ||
        (description.status == WEFT_STATUS_NONE &&
         position < partition->redo_record)) {
        wf_residents_sweep(partition, &key);
    }
    wf_key_fini(&key);
}

void
wf_listing_swept(struct wf_partition *partition, struct wf_load *load)
{
    struct wf_reader rows = wf_reader_of(wf_buf_bytes(&load->rows));

    wf_buf_reset(&partition->sweep_from);
    while (wf_reader_left(&rows) > 0) {
        weft_bytes key = wf_reader_bytes(&rows);
        weft_bytes value = wf_reader_bytes(&rows);
        weft_bytes row = weft_bytes_of((const uint8_t *)key.data + IMAGE_PREFIX,
                                       key.len - IMAGE_PREFIX);

        consider(partition, row, value);
        if (load->is_more) {
            wf_buf_reset(&partition->sweep_from);
            wf_buf_put(&partition->sweep_from, row.data, row.len);
        }
    }
    wf_alarm_set(partition, &partition->sweep,
                 partition->now_ms + (load->is_more ? 1000 : SWEEP_EVERY_MS));
}
