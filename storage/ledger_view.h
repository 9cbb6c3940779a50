// SPDX-License-Identifier: Apache-2.0
//
// ledger_view.h - who is in a cluster without a database, and who has which
// partition, as far as somebody knows: what nodes tell each other, and what an
// operator asks them.
//
// What is known only grows: of a partition the higher epoch is newer, of a node
// the higher incarnation, and in between who has it, or is it, knows best. So
// it does not matter how often, how late and in which order nodes are heard.
//
// Threads: none; everything is the caller's.

#ifndef WF_STORAGE_LEDGER_VIEW_H
#define WF_STORAGE_LEDGER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "storage/registry.h"

#define WF_LEDGER_VERSION 1
#define WF_LEDGER_PARTITIONS_MAX 1024
#define WF_LEDGER_NODES_MAX 1000

struct wf_ledger_node {
    struct wf_registry_node row;            // is_live and lease_ms: not told
    char ledger[WF_ENDPOINT_CHARS_MAX + 1]; // where it is asked (exchange.h)
};

struct wf_ledger_known {
    uint64_t epoch;                        // newest; 0: nobody ever had it
    char owner[WF_NODE_ID_CHARS_MAX + 1];  // who has it in that epoch; or ""
    char wanted[WF_NODE_ID_CHARS_MAX + 1]; // who is to have it next; or ""
    uint64_t last;                         // newest commit
    uint64_t snapshot; // redo-from of the newest snapshot; 0: there is none
    bool is_idle;      // its owner does not run it
    bool is_given;     // its owner gave it to `wanted`, which alone may take it
};

// All zero is empty: nothing is known.
struct wf_ledger_view {
    uint8_t cluster_id[16];
    char teller[WF_NODE_ID_CHARS_MAX + 1]; // whose view it is; "": an operator
    struct wf_ledger_node *nodes;          // sorted by id
    uint32_t nodes_count;
    struct wf_ledger_known *parts; // by partition
    uint32_t parts_count;
};

void wf_ledger_view_fini(struct wf_ledger_view *view); // leaves it empty
// NULL: there is none of that id.
struct wf_ledger_node *wf_ledger_view_find(const struct wf_ledger_view *view,
                                           const char *id);
// A node is there, as this says; replaces what is known of it.
void wf_ledger_view_put(struct wf_ledger_view *view,
                        const struct wf_ledger_node *node);

void wf_ledger_view_encode(const struct wf_ledger_view *view,
                           struct wf_buf *out);
// WEFT_EFORMAT    another version wrote it
// WEFT_ECORRUPT   it is no view
weft_err wf_ledger_view_decode(weft_bytes bytes,
                               struct wf_ledger_view *out_view);

// One node and one partition, as in there, for what keeps them.
void wf_ledger_node_encode(const struct wf_ledger_node *node,
                           struct wf_buf *out);
bool wf_ledger_node_decode(struct wf_reader *reader,
                           struct wf_ledger_node *out_node);

// Does `told` by `teller` say more of a partition than `known`?
bool wf_ledger_known_is_newer(const struct wf_ledger_known *told,
                              const char *teller,
                              const struct wf_ledger_known *known);
// The same of a node.
bool wf_ledger_node_is_newer(const struct wf_ledger_node *told,
                             const char *teller,
                             const struct wf_ledger_node *known);
// Take in what another one knows. An empty view becomes it.
//
// WEFT_EFORMAT   it is of another cluster, or of another partition count
weft_err wf_ledger_view_merge(struct wf_ledger_view *view,
                              const struct wf_ledger_view *told);

// As registries show it (registry.h), with is_live as the caller has set it of
// the nodes. A partition that is on its way from a live node is nobody's; one
// whose owner is away is still that one's.
void wf_ledger_view_map(const struct wf_ledger_view *view,
                        struct wf_registry_map *map);

#endif
