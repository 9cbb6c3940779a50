// SPDX-License-Identifier: Apache-2.0
//
// peers_map.c - which nodes there are, and who has which partition.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "cluster/peers_impl.h"

enum { DOUBT_MS = 200 }; // between two of them

struct wf_peers_peer *
wf_peers_find(const struct wf_peers *peers, weft_bytes id)
{
    for (uint32_t i = 0; i < peers->peers_count; i++) {
        if (wf_bytes_equal(weft_text(peers->peers[i]->id), id)) {
            return peers->peers[i];
        }
    }
    return NULL;
}

// On the thread of peers, as all that ZAP asks.
bool
wf_peers_may_enter(void *ctx, const char *key, const char *address)
{
    const struct wf_peers *peers = ctx;

    for (uint32_t i = 0; i < peers->peers_count; i++) {
        if (strcmp(peers->peers[i]->key, key) == 0) {
            return true;
        }
    }
    wf_peers_note(peers, true, address, "refused",
                  "its key is of no node in the map");
    // It may be a node that has just come.
    wf_peers_doubt_map(ctx);
    return false;
}

void
wf_peers_doubt_map(struct wf_peers *peers)
{
    if (peers->now_ms - peers->changed_ms >= DOUBT_MS) {
        peers->changed_ms = peers->now_ms;
        peers->options.changed(peers->options.ctx);
    }
}

uint64_t
wf_peers_session(struct wf_peers *peers)
{
    return wf_random_u64(&peers->random) | 1;
}

static void
end_peer(struct wf_peers *peers, struct wf_peers_peer *peer)
{
    wf_forward_peer_lost(peers->forward, peer);
    wf_serving_peer_gone(peers->serving, peer);
    wf_peers_close_socket(peers, peer, 0);
    wf_peer_link_fini(&peer->link);
    wf_free(peer);
}

void
wf_peers_drop_all(struct wf_peers *peers)
{
    for (uint32_t i = 0; i < peers->peers_count; i++) {
        end_peer(peers, peers->peers[i]);
    }
    wf_free(peers->peers);
    peers->peers = NULL;
    peers->peers_count = 0;
}

static struct wf_peers_peer *
make_peer(struct wf_peers *peers, const struct wf_registry_node *node)
{
    struct wf_peers_peer *peer = wf_calloc(sizeof(*peer));

    (void)snprintf(peer->id, sizeof(peer->id), "%s", node->id);
    (void)snprintf(peer->endpoint, sizeof(peer->endpoint), "%s",
                   node->endpoint);
    (void)snprintf(peer->key, sizeof(peer->key), "%s", node->curve_key);
    peer->incarnation = node->incarnation;
    wf_table_init(&peer->serving);
    wf_list_init(&peer->answers);
    wf_peer_link_init(&peer->link, wf_peers_session(peers),
                      peers->options.window_bytes);
    return peer;
}

static bool
is_same(const struct wf_peers_peer *peer, const struct wf_registry_node *node)
{
    return peer->incarnation == node->incarnation &&
           strcmp(peer->endpoint, node->endpoint) == 0 &&
           strcmp(peer->key, node->curve_key) == 0;
}

static void
list_node(struct wf_peers *peers, const struct wf_registry_node *node)
{
    struct wf_peers_peer *peer = wf_peers_find(peers, weft_text(node->id));

    // One without an endpoint is no node, but who imported a directory.
    if (strcmp(node->id, peers->node_id) == 0 || node->endpoint[0] == '\0') {
        return;
    }
    if (peer != NULL && is_same(peer, node)) {
        peer->is_listed = true;
        return;
    }
    // One that is somebody else now stays unlisted, and goes.
    peers->peers = wf_realloc(peers->peers, (peers->peers_count + 1) *
                                                sizeof(struct wf_peers_peer *));
    peer = make_peer(peers, node);
    peer->is_listed = true;
    // Now, not when there is something for it: that would wait for the link.
    peer->is_wanted = node->is_live;
    peers->peers[peers->peers_count++] = peer;
}

static void
drop_unlisted(struct wf_peers *peers)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < peers->peers_count; i++) {
        if (peers->peers[i]->is_listed) {
            peers->peers[kept++] = peers->peers[i];
        } else {
            end_peer(peers, peers->peers[i]);
        }
    }
    peers->peers_count = kept;
}

static int32_t
index_of(const struct wf_peers *peers, const char *id)
{
    for (uint32_t i = 0; i < peers->peers_count; i++) {
        if (strcmp(peers->peers[i]->id, id) == 0) {
            return (int32_t)i;
        }
    }
    return strcmp(id, peers->node_id) == 0 ? WF_PEERS_SELF : WF_PEERS_NOBODY;
}

// An owner that has come back as somebody else has nothing.
static int32_t
owner_of(const struct wf_peers *peers, const struct wf_registry_map *map,
         const struct wf_registry_part *part)
{
    const struct wf_registry_node *node;

    if (part->owner < 0 || (uint32_t)part->owner >= map->nodes_count) {
        return WF_PEERS_NOBODY;
    }
    node = &map->nodes[part->owner];
    return node->incarnation == part->owner_incarnation
               ? index_of(peers, node->id)
               : WF_PEERS_NOBODY;
}

// An epoch has one owner.
static void
place(struct wf_peers *peers, uint32_t partition, int32_t owner, uint64_t epoch)
{
    bool is_new = owner != WF_PEERS_NOBODY && peers->epochs[partition] != epoch;

    peers->owners[partition] = owner;
    if (is_new) {
        peers->epochs[partition] = epoch;
        if (peers->options.met != NULL) {
            peers->options.met(peers->options.ctx, partition);
        }
    }
}

void
wf_peers_take_map(struct wf_peers *peers, const struct wf_registry_map *map)
{
    WF_ASSERT(map->parts_count == peers->options.partition_count);
    for (uint32_t i = 0; i < peers->peers_count; i++) {
        peers->peers[i]->is_listed = false;
    }
    for (uint32_t i = 0; i < map->nodes_count; i++) {
        list_node(peers, &map->nodes[i]);
    }
    drop_unlisted(peers);
    for (uint32_t i = 0; i < map->parts_count; i++) {
        place(peers, i, owner_of(peers, map, &map->parts[i]),
              map->parts[i].epoch);
    }
    wf_forward_map_changed(peers->forward);
}
