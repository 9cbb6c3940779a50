// SPDX-License-Identifier: Apache-2.0
//
// listing.c - pages of instances.
//
// Rows lag behind memory, so a page is made of both: what was in memory when
// the question came is captured first, then the rows are read, and of each
// instance the newer one is shown. So a page shows every write that was
// acknowledged before the question.
//
// One page reads so many rows and no more, whatever the filter lets through: a
// request that wants more comes again. A count is a page that shows nothing.

#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/attributes.h"
#include "runtime/edge.h"
#include "runtime/image.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "storage/keys.h"

// Rows read for one page.
#define ROWS_AT_ONCE 1000

// One instance, as memory or a row has it.
struct seen {
    weft_bytes key; // borrowed, as all of it, from what was captured or loaded
    bool is_wanted;
    struct wf_image_head head;
};

// One that was in memory, in load->captured.
struct captured {
    struct wf_list_node node;
    struct seen seen;
    uint8_t block[]; // key; if it is wanted attributes, parent, reason, memo
};

// The parts of a key, which is "namespace NUL kind NUL id". False if malformed.
static bool
split_key(weft_bytes key, weft_bytes *out_namespace, weft_bytes *out_kind,
          weft_bytes *out_id)
{
    const char *at = key.data;
    const char *end = at + key.len;
    const char *kind = key.len == 0 ? NULL : memchr(at, 0, key.len);
    const char *id =
        kind == NULL ? NULL : memchr(kind + 1, 0, (size_t)(end - (kind + 1)));

    if (id == NULL) {
        return false;
    }
    *out_namespace = weft_bytes_of(at, (size_t)(kind - at));
    *out_kind = weft_bytes_of(kind + 1, (size_t)(id - (kind + 1)));
    *out_id = weft_bytes_of(id + 1, (size_t)(end - (id + 1)));
    return true;
}

// As filters look at it. False: its key is malformed.
static bool
subject_of(const struct seen *seen, struct wf_filter_subject *out_subject,
           weft_bytes *out_namespace)
{
    weft_bytes name_space;
    weft_bytes kind;
    weft_bytes id;

    *out_subject = (struct wf_filter_subject){
        .head = &seen->head.shown,
        .attributes = seen->head.attributes,
    };
    if (split_key(seen->head.parent, &name_space, &kind, &id)) {
        wf_filter_parent(out_subject, kind, id);
    }
    return split_key(seen->key, out_namespace, &out_subject->kind,
                     &out_subject->id);
}

// False: its key is malformed.
static bool
judge(const struct wf_request *request, struct seen *seen)
{
    struct wf_filter_subject subject;
    weft_status status = seen->head.shown.status;
    weft_bytes name_space;

    if (!subject_of(seen, &subject, &name_space)) {
        return false;
    }
    seen->is_wanted =
        status != WEFT_STATUS_NONE &&
        wf_bytes_equal(name_space, weft_text(request->list_namespace)) &&
        (request->list_kind[0] == '\0' ||
         wf_bytes_equal(subject.kind, weft_text(request->list_kind))) &&
        (request->list_status == WEFT_STATUS_NONE ||
         status == request->list_status) &&
        wf_filter_matches(request->list_filter, &subject);
    return true;
}

static void *
put(uint8_t **at, const void *from, size_t len)
{
    void *copy = *at;

    if (len > 0) {
        memcpy(copy, from, len);
    }
    *at += len;
    return copy;
}

static void
put_bytes(uint8_t **at, weft_bytes *bytes)
{
    bytes->data = put(at, bytes->data, bytes->len);
}

// Copy one that is in memory, as it is now.
static void
capture(struct wf_list *list, const struct wf_request *request,
        const struct wf_actor *actor)
{
    struct seen seen = {
        .key = wf_key_bytes(&actor->key),
        .head = {.position = actor->object.position},
    };
    struct wf_image_head *head = &seen.head;
    struct captured *copy;
    size_t reason_size;
    uint8_t *at;

    wf_actor_describe(actor, &head->shown);
    head->attributes = actor->attributes;
    head->parent = wf_key_bytes(&actor->parent);
    WF_ASSERT(judge(request, &seen));
    if (!seen.is_wanted) { // it only hides an older row
        *head = (struct wf_image_head){
            .shown = {.status = head->shown.status, .reason = ""},
            .position = head->position,
        };
    }
    reason_size = strlen(head->shown.reason) + 1;
    copy = wf_alloc(sizeof(*copy) + seen.key.len + head->attributes.len +
                    head->parent.len + reason_size + head->shown.memo.len);
    copy->node = (struct wf_list_node){0};
    copy->seen = seen;
    head = &copy->seen.head;
    at = copy->block;
    put_bytes(&at, &copy->seen.key);
    put_bytes(&at, &head->attributes);
    put_bytes(&at, &head->parent);
    head->shown.reason = put(&at, head->shown.reason, reason_size);
    put_bytes(&at, &head->shown.memo);
    wf_list_push_back(list, &copy->node);
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
    wf_image_range(partition->options.index, request->list_after, &load->from,
                   &load->to);
    load->limit = ROWS_AT_ONCE;
    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        if (actor->residency == WF_RESIDENCY_LOADED &&
            is_ahead(partition, actor) &&
            wf_bytes_compare(wf_key_bytes(&actor->key), request->list_after) >
                0) {
            capture(&load->captured, request, actor);
        }
    }
    request->position = partition->last_record;
    wf_list_push_back(&partition->lists, &request->wait);
    wf_list_push_back(&partition->outputs.loads, &load->node);
}

// What was captured, in order of key.
static int
compare_captured(const void *a, const void *b)
{
    const struct captured *left = *(const struct captured *const *)a;
    const struct captured *right = *(const struct captured *const *)b;

    return wf_bytes_compare(left->seen.key, right->seen.key);
}

static struct captured **
sort_captured(struct wf_list *list, size_t *out_count)
{
    size_t count = list->count;
    struct captured **sorted = wf_alloc((count + 1) * sizeof(sorted[0]));

    for (size_t i = 0; i < count; i++) {
        sorted[i] =
            WF_CONTAINER(wf_list_pop_front(list), struct captured, node);
    }
    if (count > 1) {
        qsort(sorted, count, sizeof(sorted[0]), compare_captured);
    }
    *out_count = count;
    return sorted;
}

static bool
read_row(const struct wf_request *request, weft_bytes row, weft_bytes value,
         struct seen *out_seen)
{
    if (row.len <= WF_IMAGE_KEY_PREFIX ||
        !wf_image_describe(value, &out_seen->head)) {
        return false;
    }
    out_seen->key =
        weft_bytes_of((const uint8_t *)row.data + WF_IMAGE_KEY_PREFIX,
                      row.len - WF_IMAGE_KEY_PREFIX);
    return judge(request, out_seen);
}

// The page being made: memory and rows side by side, both in order of key.
struct page {
    struct wf_request *request;
    struct captured **captured;
    size_t captured_count;
    size_t captured_at;
    struct wf_reader rows;
    struct seen row; // the next one
    bool has_row;
    weft_bytes last_row; // the key of the last row that was read
    weft_err err;
};

static void
next_row(struct page *page)
{
    weft_bytes key;
    weft_bytes value;

    page->has_row = wf_reader_left(&page->rows) > 0 && page->err == WEFT_OK;
    if (!page->has_row) {
        return;
    }
    key = wf_reader_bytes(&page->rows);
    value = wf_reader_bytes(&page->rows);
    if (!read_row(page->request, key, value, &page->row)) {
        page->err = WEFT_ECORRUPT;
        page->has_row = false;
    }
    page->last_row = page->row.key;
}

// The next instance, as the newer of both has it. False: there are no more.
static bool
next_seen(struct page *page, struct seen *out_seen)
{
    const struct seen *memory = page->captured_at < page->captured_count
                                    ? &page->captured[page->captured_at]->seen
                                    : NULL;
    int order = memory == NULL   ? 1
                : !page->has_row ? -1
                                 : wf_bytes_compare(memory->key, page->row.key);

    if (memory == NULL && !page->has_row) {
        return false;
    }
    *out_seen = order > 0 || (order == 0 &&
                              page->row.head.position > memory->head.position)
                    ? page->row
                    : *memory;
    page->captured_at += order <= 0 ? 1 : 0;
    if (order >= 0) {
        next_row(page);
    }
    return page->err == WEFT_OK;
}

static void
show(struct wf_request *request, const struct seen *seen)
{
    weft_attribute attributes[WF_ATTRIBUTES_MAX];
    weft_description item = seen->head.shown;
    struct wf_key parent = {0};
    struct wf_key key;

    WF_ASSERT(wf_key_decode(seen->key, &key)); // it was split
    item.kind = wf_key_kind(&key);
    item.id = wf_key_id(&key);
    if (wf_key_decode(seen->head.parent, &parent)) {
        item.parent_kind = wf_key_kind(&parent);
        item.parent_id = wf_key_id(&parent);
    }
    item.attributes = attributes;
    item.attributes_count =
        wf_attributes_list(seen->head.attributes, attributes);
    wf_request_answer_item(request, &item);
    wf_key_fini(&parent);
    wf_key_fini(&key);
}

static weft_err
count(struct wf_request *request, const struct seen *seen)
{
    struct wf_filter_subject subject;
    struct wf_filter_value group;
    weft_bytes name_space;

    if (!request->has_group) {
        return wf_groups_add(&request->groups, NULL);
    }
    WF_ASSERT(subject_of(seen, &subject, &name_space));
    group = wf_filter_read(&request->list_group, &subject);
    return wf_groups_add(&request->groups, &group);
}

// Fill the page in order; stop after the last key that the rows cover.
static void
fill_page(struct page *page, const struct wf_load *load)
{
    struct wf_request *request = page->request;
    bool is_count = request->verb == WEFT_VERB_COUNT_MATCHING;
    uint32_t left = request->list_limit;
    weft_bytes last = weft_nothing();
    bool is_cut = false;
    struct seen seen;

    next_row(page);
    while (page->err == WEFT_OK && next_seen(page, &seen)) {
        bool is_beyond = load->is_more && !page->has_row &&
                         wf_bytes_compare(seen.key, page->last_row) > 0;

        if (is_beyond || (left == 0 && !is_count)) {
            is_cut = true;
            break;
        }
        last = seen.key;
        if (seen.is_wanted && is_count) {
            page->err = count(request, &seen);
        } else if (seen.is_wanted) {
            show(request, &seen);
            left--;
        }
    }
    if (is_cut || load->is_more) {
        wf_own_bytes(&request->list_next, last);
    }
}

void
wf_listing_loaded(struct wf_partition *partition, struct wf_load *load)
{
    struct wf_request *request = load->subject;
    struct page page = {
        .request = request,
        .rows = wf_reader_of(wf_buf_bytes(&load->rows)),
        .err = load->err,
    };

    page.captured = sort_captured(&load->captured, &page.captured_count);
    if (page.err == WEFT_OK) {
        fill_page(&page, load);
    }
    for (size_t i = 0; i < page.captured_count; i++) {
        wf_free(page.captured[i]);
    }
    wf_free(page.captured);
    wf_list_remove(&partition->lists, &request->wait);
    wf_edge_answer(partition, request, request->position, page.err, "%s",
                   page.err == WEFT_OK        ? ""
                   : page.err == WEFT_ETOOBIG ? weft_err_detail()
                                              : "an image row cannot be read");
}

void
wf_listing_drop(struct wf_load *load)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&load->captured)) != NULL) {
        wf_free(WF_CONTAINER(node, struct captured, node));
    }
}
