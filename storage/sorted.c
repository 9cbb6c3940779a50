// SPDX-License-Identifier: Apache-2.0
//
// sorted.c - sorted rows whose copies cost nothing.
//
// A treap: a search tree by key and a heap by priority, where the priority is
// a hash of the key. Its shape depends on the keys alone, so the same rows give
// the same tree in every run, and its depth is logarithmic. Every change is
// made of two operations, split and merge.
//
// Nodes are counted. One with a single holder is changed in place; one that
// several versions share is copied first, with its row shared.
//
// Threads: see sorted.h. Counts are changed only by the functions that are
// called from one thread at a time; walking reads other fields.

#include "storage/sorted.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

struct row {
    uint64_t holders; // nodes
    uint64_t priority;
    size_t key_len;
    size_t value_len;
    uint8_t bytes[]; // key, value
};

// Always true:
//   I1  left's keys < row's key < right's keys
//   I2  no child has a higher priority than its parent
//   I3  a node with several holders is never changed, nor anything below it
struct wf_sorted {
    uint64_t holders; // parents and versions
    struct row *row;
    struct wf_sorted *left;
    struct wf_sorted *right;
};

static weft_bytes
key_of(const struct wf_sorted *node)
{
    return weft_bytes_of(node->row->bytes, node->row->key_len);
}

static weft_bytes
value_of(const struct wf_sorted *node)
{
    return weft_bytes_of(node->row->bytes + node->row->key_len,
                         node->row->value_len);
}

static struct wf_sorted *
create_node(weft_bytes key, weft_bytes value)
{
    struct wf_sorted *node = wf_calloc(sizeof(*node));
    struct row *row = wf_alloc(sizeof(*row) + key.len + value.len);

    row->holders = 1;
    row->priority = wf_hash64(key.data, key.len, 0);
    row->key_len = key.len;
    row->value_len = value.len;
    memcpy(row->bytes, key.data, key.len);
    if (value.len > 0) {
        memcpy(row->bytes + key.len, value.data, value.len);
    }
    node->holders = 1;
    node->row = row;
    return node;
}

struct wf_sorted *
wf_sorted_share(struct wf_sorted *rows)
{
    if (rows != NULL) {
        rows->holders++;
    }
    return rows;
}

void
wf_sorted_release(struct wf_sorted *rows)
{
    if (rows == NULL || --rows->holders > 0) {
        return;
    }
    wf_sorted_release(rows->left);
    wf_sorted_release(rows->right);
    if (--rows->row->holders == 0) {
        wf_free(rows->row);
    }
    wf_free(rows);
}

// Take a node and return one that may be changed: it, or a copy (I3).
static struct wf_sorted *
make_own(struct wf_sorted *node)
{
    struct wf_sorted *copy;

    if (node->holders == 1) {
        return node;
    }
    copy = wf_alloc(sizeof(*copy));
    copy->holders = 1;
    copy->row = node->row;
    copy->row->holders++;
    copy->left = wf_sorted_share(node->left);
    copy->right = wf_sorted_share(node->right);
    node->holders--;
    return copy;
}

// Take a tree apart: keys below `key` to the left, above it to the right, the
// key itself to the left if is_left.
static void
split(struct wf_sorted *node, weft_bytes key, bool is_left,
      struct wf_sorted **out_left, struct wf_sorted **out_right)
{
    int order;

    if (node == NULL) {
        *out_left = NULL;
        *out_right = NULL;
        return;
    }
    node = make_own(node);
    order = wf_bytes_compare(key_of(node), key);
    if (order < 0 || (order == 0 && is_left)) {
        split(node->right, key, is_left, &node->right, out_right);
        *out_left = node;
    } else {
        split(node->left, key, is_left, out_left, &node->left);
        *out_right = node;
    }
}

// Make one tree of two, all of whose keys are below and above each other.
static struct wf_sorted *
merge(struct wf_sorted *left, struct wf_sorted *right)
{
    if (left == NULL || right == NULL) {
        return left == NULL ? right : left;
    }
    if (left->row->priority > right->row->priority) {
        left = make_own(left);
        left->right = merge(left->right, right);
        return left;
    }
    right = make_own(right);
    right->left = merge(left, right->left);
    return right;
}

struct wf_sorted *
wf_sorted_put(struct wf_sorted *rows, weft_bytes key, weft_bytes value)
{
    struct wf_sorted *below;
    struct wf_sorted *equal;
    struct wf_sorted *above;

    split(rows, key, false, &below, &rows);
    split(rows, key, true, &equal, &above);
    wf_sorted_release(equal);
    return merge(merge(below, create_node(key, value)), above);
}

struct wf_sorted *
wf_sorted_delete(struct wf_sorted *rows, weft_bytes key)
{
    struct wf_sorted *below;
    struct wf_sorted *equal;
    struct wf_sorted *above;

    split(rows, key, false, &below, &rows);
    split(rows, key, true, &equal, &above);
    wf_sorted_release(equal);
    return merge(below, above);
}

struct wf_sorted *
wf_sorted_delete_range(struct wf_sorted *rows, weft_bytes from, weft_bytes to)
{
    struct wf_sorted *below;
    struct wf_sorted *between;
    struct wf_sorted *above = NULL;

    split(rows, from, false, &below, &between);
    if (to.len > 0) {
        split(between, to, false, &between, &above);
    }
    wf_sorted_release(between);
    return merge(below, above);
}

bool
wf_sorted_find(const struct wf_sorted *rows, weft_bytes key,
               weft_bytes *out_value)
{
    while (rows != NULL) {
        int order = wf_bytes_compare(key, key_of(rows));
        if (order == 0) {
            *out_value = value_of(rows);
            return true;
        }
        rows = order < 0 ? rows->left : rows->right;
    }
    return false;
}

bool
wf_sorted_walk(const struct wf_sorted *rows, weft_bytes from, weft_bytes to,
               wf_sorted_fn *fn, void *ctx)
{
    bool is_after;
    bool is_before;

    if (rows == NULL) {
        return true;
    }
    is_after = wf_bytes_compare(key_of(rows), from) >= 0;
    is_before = to.len == 0 || wf_bytes_compare(key_of(rows), to) < 0;
    if (is_after && !wf_sorted_walk(rows->left, from, to, fn, ctx)) {
        return false;
    }
    if (is_after && is_before && !fn(ctx, key_of(rows), value_of(rows))) {
        return false;
    }
    return !is_before || wf_sorted_walk(rows->right, from, to, fn, ctx);
}
