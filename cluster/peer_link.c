// SPDX-License-Identifier: Apache-2.0
//
// peer_link.c - see peer_link.h.

#include "cluster/peer_link.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

struct sealed {
    struct wf_list_node node; // in the ring
    uint64_t seq;
    bool was_sent;
    size_t len;
    uint8_t items[];
};

static struct sealed *
sealed_of(struct wf_list_node *node)
{
    return WF_CONTAINER(node, struct sealed, node);
}

static void
begin(struct wf_peer_link *link, uint64_t session)
{
    wf_list_init(&link->ring);
    link->session = session;
    link->unsent = NULL;
    link->last = 0;
    link->acked = 0;
    link->bytes = 0;
    link->credit = UINT64_MAX;
    link->due_ms = UINT64_MAX;
}

void
wf_peer_link_init(struct wf_peer_link *link, uint64_t session,
                  uint64_t window_bytes)
{
    *link = (struct wf_peer_link){.window_bytes = window_bytes};
    begin(link, session);
}

static void
drop_up_to(struct wf_peer_link *link, uint64_t seq)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&link->ring)) != NULL &&
           sealed_of(node)->seq <= seq) {
        if (node == link->unsent) {
            link->unsent = wf_list_next(&link->ring, node);
        }
        link->bytes -= sealed_of(node)->len;
        wf_list_remove(&link->ring, node);
        wf_free(sealed_of(node));
    }
}

void
wf_peer_link_fini(struct wf_peer_link *link)
{
    drop_up_to(link, UINT64_MAX);
    wf_buf_fini(&link->open);
}

// What is to be sent. ---------------------------------------------------------

bool
wf_peer_link_has_room(const struct wf_peer_link *link, size_t bytes)
{
    uint64_t room =
        link->credit < link->window_bytes ? link->credit : link->window_bytes;

    // One that is larger than all of it goes alone.
    return link->bytes == 0 || link->bytes + bytes <= room;
}

void
wf_peer_link_add(struct wf_peer_link *link, weft_bytes items)
{
    wf_buf_put(&link->open, items.data, items.len);
    link->bytes += items.len;
    if (link->open.len >= WF_PEER_LINK_BATCH_BYTES) {
        wf_peer_link_seal(link);
    }
}

void
wf_peer_link_seal(struct wf_peer_link *link)
{
    struct sealed *sealed;

    if (link->open.len == 0) {
        return;
    }
    sealed = wf_alloc(sizeof(*sealed) + link->open.len);
    *sealed = (struct sealed){
        .seq = ++link->last,
        .len = link->open.len,
    };
    memcpy(sealed->items, link->open.data, link->open.len);
    wf_buf_recycle(&link->open, (size_t)4 * WF_PEER_LINK_BATCH_BYTES);
    wf_list_push_back(&link->ring, &sealed->node);
    if (link->unsent == NULL) {
        link->unsent = &sealed->node;
    }
}

bool
wf_peer_link_next(const struct wf_peer_link *link, uint64_t *out_seq,
                  weft_bytes *out_items)
{
    struct sealed *sealed;

    if (link->state != WF_PEER_LINK_UP || link->unsent == NULL) {
        return false;
    }
    sealed = sealed_of(link->unsent);
    *out_seq = sealed->seq;
    *out_items = weft_bytes_of(sealed->items, sealed->len);
    return true;
}

void
wf_peer_link_sent(struct wf_peer_link *link, uint64_t now_ms)
{
    struct sealed *sealed = sealed_of(link->unsent);

    link->resent += sealed->was_sent;
    sealed->was_sent = true;
    link->unsent = wf_list_next(&link->ring, link->unsent);
    if (link->due_ms == UINT64_MAX) {
        link->due_ms = now_ms + WF_PEER_LINK_HELLO_MS;
    }
}

// Connections. ----------------------------------------------------------------

static void
greet(struct wf_peer_link *link)
{
    link->state = WF_PEER_LINK_GREETING;
    link->round++;
    link->is_hello_due = true;
    link->due_ms = UINT64_MAX;
}

void
wf_peer_link_connected(struct wf_peer_link *link)
{
    greet(link);
}

void
wf_peer_link_disconnected(struct wf_peer_link *link)
{
    link->state = WF_PEER_LINK_DOWN;
    link->is_hello_due = false;
    link->due_ms = UINT64_MAX;
}

void
wf_peer_link_greeted(struct wf_peer_link *link, uint64_t now_ms,
                     uint32_t pause_ms)
{
    link->is_hello_due = false;
    link->due_ms = now_ms + pause_ms;
}

// Is anything sent, and not acknowledged?
static bool
is_waiting(const struct wf_peer_link *link)
{
    return wf_list_first(&link->ring) != link->unsent;
}

void
wf_peer_link_acknowledged(struct wf_peer_link *link, uint64_t seq,
                          uint64_t credit, uint64_t now_ms)
{
    link->credit = credit;
    if (seq <= link->acked || seq > link->last) {
        return; // late; or of somebody who makes it up
    }
    link->acked = seq;
    drop_up_to(link, seq);
    if (link->state == WF_PEER_LINK_UP) {
        link->due_ms =
            is_waiting(link) ? now_ms + WF_PEER_LINK_HELLO_MS : UINT64_MAX;
    }
}

bool
wf_peer_link_welcome(struct wf_peer_link *link, uint32_t round, uint64_t seq,
                     uint64_t credit, uint64_t now_ms)
{
    if (link->state != WF_PEER_LINK_GREETING || round != link->round) {
        wf_peer_link_acknowledged(link, seq, credit, now_ms);
        return true;
    }
    if (seq < link->acked || seq > link->last) {
        return false;
    }
    link->state = WF_PEER_LINK_UP;
    link->is_hello_due = false;
    wf_peer_link_acknowledged(link, seq, credit, now_ms);
    link->unsent = wf_list_first(&link->ring);
    link->due_ms = UINT64_MAX;
    return true;
}

void
wf_peer_link_restart(struct wf_peer_link *link, uint64_t session,
                     uint64_t now_ms)
{
    drop_up_to(link, UINT64_MAX);
    wf_buf_reset(&link->open);
    begin(link, session);
    if (link->state != WF_PEER_LINK_DOWN) {
        greet(link);
        wf_peer_link_greeted(link, now_ms, WF_PEER_LINK_HELLO_MS);
    }
}

void
wf_peer_link_tick(struct wf_peer_link *link, uint64_t now_ms)
{
    if (link->state == WF_PEER_LINK_DOWN || now_ms < link->due_ms) {
        return;
    }
    if (link->state == WF_PEER_LINK_UP) {
        greet(link);
        return;
    }
    link->is_hello_due = true;
    link->due_ms = UINT64_MAX;
}
