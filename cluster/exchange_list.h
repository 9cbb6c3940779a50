// SPDX-License-Identifier: Apache-2.0
//
// exchange_list.h - the nodes of a cluster without a database: where they
// answer each other, and the key that they and their operators have.
//
//     local:a=tcp://10.0.0.1:7600,b=tcp://10.0.0.2:7600?key_file=PATH
//
// One pair of keys for all: who has its secret half may ask, and say, what
// nodes do. Without keys everybody may who reaches the endpoint.
//
// Threads: any.

#ifndef WF_CLUSTER_EXCHANGE_LIST_H
#define WF_CLUSTER_EXCHANGE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/registry.h"
#include "transport/curve.h"
#include "weft/error.h"

#define WF_EXCHANGE_LIST_MAX 64

struct wf_socket_options;

struct wf_exchange_entry {
    char id[WF_NODE_ID_CHARS_MAX + 1];
    char endpoint[WF_ENDPOINT_CHARS_MAX + 1];
};
struct wf_exchange_list {
    struct wf_exchange_entry entries[WF_EXCHANGE_LIST_MAX];
    uint32_t count;
    struct wf_curve_pair keys; // "": none
};
// Does it begin so?
bool wf_exchange_is_list(const char *database);
// out_list is to be wiped, whatever is returned.
//
// WEFT_EINVAL   it is no list; the detail says where
// else          of the key's file: as weft_keys_public
weft_err wf_exchange_list_read(const char *database,
                               struct wf_exchange_list *out_list);
// NULL: it is not in there.
const struct wf_exchange_entry *
wf_exchange_list_find(const struct wf_exchange_list *list, const char *id);
bool wf_exchange_list_has_keys(const struct wf_exchange_list *list);
// A socket's keys, borrowed from the list; none if that has none.
void wf_exchange_list_lend(const struct wf_exchange_list *list,
                           struct wf_socket_options *options);
// Forget the keys.
void wf_exchange_list_wipe(struct wf_exchange_list *list);

#endif
