// SPDX-License-Identifier: Apache-2.0
//
// ledger_view.c - see ledger_view.h.
//
//   u8 version, 16 bytes cluster id, text teller,
//   varint nodes, each: texts id, endpoint, service, key, ledger; varints
//     incarnation, protocols, record format; u8 flags
//   varint partitions, each: varint epoch, texts owner, wanted; varints last,
//     snapshot; u8 flags
//   u32 CRC32C of all before it

#include "storage/ledger_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

enum { IS_DRAINING = 1, IS_IDLE = 1, IS_GIVEN = 2 };
enum { CRC_BYTES = 4, NODE_BYTES_MIN = 10, PART_BYTES_MIN = 6 };

void
wf_ledger_view_fini(struct wf_ledger_view *view)
{
    wf_free(view->nodes);
    wf_free(view->parts);
    *view = (struct wf_ledger_view){0};
}

struct wf_ledger_node *
wf_ledger_view_find(const struct wf_ledger_view *view, const char *id)
{
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        if (strcmp(view->nodes[i].row.id, id) == 0) {
            return &view->nodes[i];
        }
    }
    return NULL;
}

static int
compare_nodes(const void *a, const void *b)
{
    const struct wf_ledger_node *left = a;
    const struct wf_ledger_node *right = b;

    return strcmp(left->row.id, right->row.id);
}

void
wf_ledger_view_put(struct wf_ledger_view *view,
                   const struct wf_ledger_node *node)
{
    struct wf_ledger_node *known = wf_ledger_view_find(view, node->row.id);

    if (known != NULL) {
        *known = *node;
        return;
    }
    view->nodes =
        wf_realloc(view->nodes, (view->nodes_count + 1) * sizeof(*view->nodes));
    view->nodes[view->nodes_count++] = *node;
    qsort(view->nodes, view->nodes_count, sizeof(*view->nodes), compare_nodes);
}

// Bytes. ----------------------------------------------------------------------

static bool
read_text(struct wf_reader *reader, char *out, size_t size)
{
    weft_bytes bytes = wf_reader_bytes(reader);

    if (reader->failed || bytes.len >= size ||
        (bytes.len > 0 && memchr(bytes.data, 0, bytes.len) != NULL)) {
        return false;
    }
    memset(out, 0, size);
    if (bytes.len > 0) {
        memcpy(out, bytes.data, bytes.len);
    }
    return true;
}

void
wf_ledger_node_encode(const struct wf_ledger_node *node, struct wf_buf *out)
{
    wf_buf_put_text(out, node->row.id);
    wf_buf_put_text(out, node->row.endpoint);
    wf_buf_put_text(out, node->row.service);
    wf_buf_put_text(out, node->row.curve_key);
    wf_buf_put_text(out, node->ledger);
    wf_buf_put_varint(out, node->row.incarnation);
    wf_buf_put_varint(out, node->row.protocol_min);
    wf_buf_put_varint(out, node->row.protocol_max);
    wf_buf_put_varint(out, node->row.record_max);
    wf_buf_put_u8(out, node->row.is_draining ? IS_DRAINING : 0);
}

bool
wf_ledger_node_decode(struct wf_reader *reader, struct wf_ledger_node *out_node)
{
    struct wf_registry_node *row = &out_node->row;

    *out_node = (struct wf_ledger_node){0};
    if (!read_text(reader, row->id, sizeof(row->id)) ||
        !read_text(reader, row->endpoint, sizeof(row->endpoint)) ||
        !read_text(reader, row->service, sizeof(row->service)) ||
        !read_text(reader, row->curve_key, sizeof(row->curve_key)) ||
        !read_text(reader, out_node->ledger, sizeof(out_node->ledger))) {
        return false;
    }
    row->incarnation = wf_reader_varint(reader);
    row->protocol_min = (uint32_t)wf_reader_varint(reader);
    row->protocol_max = (uint32_t)wf_reader_varint(reader);
    row->record_max = (uint32_t)wf_reader_varint(reader);
    row->is_draining = (wf_reader_u8(reader) & IS_DRAINING) != 0;
    return !reader->failed && row->id[0] != '\0';
}

static void
encode_part(const struct wf_ledger_known *part, struct wf_buf *out)
{
    wf_buf_put_varint(out, part->epoch);
    wf_buf_put_text(out, part->owner);
    wf_buf_put_text(out, part->wanted);
    wf_buf_put_varint(out, part->last);
    wf_buf_put_varint(out, part->snapshot);
    wf_buf_put_u8(out, (uint8_t)((part->is_idle ? IS_IDLE : 0) |
                                 (part->is_given ? IS_GIVEN : 0)));
}

static bool
decode_part(struct wf_reader *reader, struct wf_ledger_known *out_part)
{
    uint8_t flags;

    out_part->epoch = wf_reader_varint(reader);
    if (!read_text(reader, out_part->owner, sizeof(out_part->owner)) ||
        !read_text(reader, out_part->wanted, sizeof(out_part->wanted))) {
        return false;
    }
    out_part->last = wf_reader_varint(reader);
    out_part->snapshot = wf_reader_varint(reader);
    flags = wf_reader_u8(reader);
    out_part->is_idle = (flags & IS_IDLE) != 0;
    out_part->is_given = (flags & IS_GIVEN) != 0;
    return !reader->failed;
}

void
wf_ledger_view_encode(const struct wf_ledger_view *view, struct wf_buf *out)
{
    size_t start = out->len;

    wf_buf_put_u8(out, WF_LEDGER_VERSION);
    wf_buf_put(out, view->cluster_id, sizeof(view->cluster_id));
    wf_buf_put_text(out, view->teller);
    wf_buf_put_varint(out, view->nodes_count);
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        wf_ledger_node_encode(&view->nodes[i], out);
    }
    wf_buf_put_varint(out, view->parts_count);
    for (uint32_t i = 0; i < view->parts_count; i++) {
        encode_part(&view->parts[i], out);
    }
    wf_buf_put_u32(out, wf_crc32c(0, out->data + start, out->len - start));
}

static bool
decode_nodes(struct wf_reader *reader, struct wf_ledger_view *view)
{
    uint64_t count = wf_reader_varint(reader);
    struct wf_ledger_node node;

    if (reader->failed || count > WF_LEDGER_NODES_MAX ||
        count > wf_reader_left(reader) / NODE_BYTES_MIN) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!wf_ledger_node_decode(reader, &node)) {
            return false;
        }
        wf_ledger_view_put(view, &node);
    }
    return true;
}

static bool
decode_parts(struct wf_reader *reader, struct wf_ledger_view *view)
{
    uint64_t count = wf_reader_varint(reader);

    if (reader->failed || count > WF_LEDGER_PARTITIONS_MAX ||
        count > wf_reader_left(reader) / PART_BYTES_MIN) {
        return false;
    }
    view->parts_count = (uint32_t)count;
    view->parts = wf_calloc((count + 1) * sizeof(*view->parts));
    for (uint64_t i = 0; i < count; i++) {
        if (!decode_part(reader, &view->parts[i])) {
            return false;
        }
    }
    return true;
}

static bool
decode_body(struct wf_reader *reader, struct wf_ledger_view *view)
{
    weft_bytes id = wf_reader_take(reader, sizeof(view->cluster_id));

    if (reader->failed) {
        return false;
    }
    memcpy(view->cluster_id, id.data, sizeof(view->cluster_id));
    return read_text(reader, view->teller, sizeof(view->teller)) &&
           decode_nodes(reader, view) && decode_parts(reader, view) &&
           wf_reader_left(reader) == 0;
}

weft_err
wf_ledger_view_decode(weft_bytes bytes, struct wf_ledger_view *out_view)
{
    struct wf_reader reader;
    struct wf_reader tail;
    uint8_t version;

    *out_view = (struct wf_ledger_view){0};
    if (bytes.len <= CRC_BYTES) {
        return wf_error(WEFT_ECORRUPT, "a node's view is cut short");
    }
    reader = wf_reader_of(weft_bytes_of(bytes.data, bytes.len - CRC_BYTES));
    tail = wf_reader_of(weft_bytes_of(
        (const uint8_t *)bytes.data + bytes.len - CRC_BYTES, CRC_BYTES));
    if (wf_reader_u32(&tail) !=
        wf_crc32c(0, bytes.data, bytes.len - CRC_BYTES)) {
        return wf_error(WEFT_ECORRUPT, "a node's view fails its check");
    }
    version = wf_reader_u8(&reader);
    if (version != WF_LEDGER_VERSION) {
        return wf_error(WEFT_EFORMAT, "a node's view is of version %u, not %d",
                        version, WF_LEDGER_VERSION);
    }
    if (!decode_body(&reader, out_view)) {
        wf_ledger_view_fini(out_view);
        return wf_error(WEFT_ECORRUPT, "a node's view is malformed");
    }
    return WEFT_OK;
}

// What is newer. --------------------------------------------------------------

bool
wf_ledger_known_is_newer(const struct wf_ledger_known *told, const char *teller,
                         const struct wf_ledger_known *known)
{
    if (told->epoch != known->epoch) {
        return told->epoch > known->epoch;
    }
    return strcmp(told->owner, teller) == 0 || told->last > known->last;
}

bool
wf_ledger_node_is_newer(const struct wf_ledger_node *told, const char *teller,
                        const struct wf_ledger_node *known)
{
    return known == NULL || told->row.incarnation > known->row.incarnation ||
           (told->row.incarnation == known->row.incarnation &&
            strcmp(told->row.id, teller) == 0);
}

static weft_err
check_same(const struct wf_ledger_view *view, const struct wf_ledger_view *told)
{
    if (memcmp(view->cluster_id, told->cluster_id, sizeof(view->cluster_id)) !=
        0) {
        return wf_error(WEFT_EFORMAT, "node %s is of another cluster",
                        told->teller);
    }
    return view->parts_count == told->parts_count
               ? WEFT_OK
               : wf_error(WEFT_EFORMAT, "node %s has another partition count",
                          told->teller);
}

weft_err
wf_ledger_view_merge(struct wf_ledger_view *view,
                     const struct wf_ledger_view *told)
{
    weft_err err;

    if (view->parts_count == 0) {
        memcpy(view->cluster_id, told->cluster_id, sizeof(view->cluster_id));
        view->parts_count = told->parts_count;
        view->parts = wf_calloc((told->parts_count + 1) * sizeof(*view->parts));
    }
    err = check_same(view, told);
    if (err != WEFT_OK) {
        return err;
    }
    for (uint32_t i = 0; i < told->nodes_count; i++) {
        const struct wf_ledger_node *node = &told->nodes[i];

        if (wf_ledger_node_is_newer(node, told->teller,
                                    wf_ledger_view_find(view, node->row.id))) {
            wf_ledger_view_put(view, node);
        }
    }
    for (uint32_t i = 0; i < told->parts_count; i++) {
        if (wf_ledger_known_is_newer(&told->parts[i], told->teller,
                                     &view->parts[i])) {
            view->parts[i] = told->parts[i];
        }
    }
    return WEFT_OK;
}

void
wf_ledger_view_map(const struct wf_ledger_view *view,
                   struct wf_registry_map *map)
{
    wf_registry_map_fini(map);
    memcpy(map->cluster_id, view->cluster_id, sizeof(map->cluster_id));
    map->durability = WF_DURABILITY_LOCAL;
    map->is_planned = true;
    map->nodes_count = view->nodes_count;
    map->nodes = wf_calloc((view->nodes_count + 1) * sizeof(*map->nodes));
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        map->nodes[i] = view->nodes[i].row;
    }
    map->parts_count = view->parts_count;
    map->parts = wf_calloc((view->parts_count + 1) * sizeof(*map->parts));
    for (uint32_t i = 0; i < view->parts_count; i++) {
        const struct wf_ledger_known *known = &view->parts[i];
        struct wf_registry_part *part = &map->parts[i];

        part->epoch = known->epoch;
        part->owner = wf_registry_find(map, known->owner);
        if (known->is_idle && part->owner >= 0 &&
            map->nodes[part->owner].is_live) {
            part->owner = -1; // on its way
        }
        part->owner_incarnation =
            part->owner < 0 ? 0 : map->nodes[part->owner].incarnation;
        part->wanted = wf_registry_find(map, known->wanted);
        part->ready = -1; // who has it knows that (exchange.h)
        part->copy = -1;
        part->last = known->last;
        part->snapshot = known->snapshot;
    }
    map->record_version = wf_registry_record_max(map);
}
