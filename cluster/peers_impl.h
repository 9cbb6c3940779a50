// SPDX-License-Identifier: Apache-2.0
//
// peers_impl.h - what the files of peers share; nobody else's.
//
//   peers.c        making, ending, and calls from other threads
//   peers_loop.c   the thread: sleep, hear, say
//   peers_map.c    who is there
//   peers_hear.c   what others say: hellos, data, acknowledgements
//   forward.h      requests of this node
//   serving.h      requests of others

#ifndef WF_CLUSTER_PEERS_IMPL_H
#define WF_CLUSTER_PEERS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/counter.h"
#include "base/list.h"
#include "base/mpsc.h"
#include "base/random.h"
#include "base/table.h"
#include "cluster/forward.h"
#include "cluster/peer_link.h"
#include "cluster/peer_message.h"
#include "cluster/peers.h"
#include "cluster/serving.h"
#include "storage/registry.h"
#include "transport/socket.h"

#define WF_PEERS_NOBODY (-1)
#define WF_PEERS_SELF (-2)

// Another node.
struct wf_peers_peer {
    char id[WF_NODE_ID_CHARS_MAX + 1];
    char endpoint[WF_ENDPOINT_CHARS_MAX + 1];
    char key[41];
    uint64_t incarnation;
    bool is_listed; // in the newest map

    // What goes there.
    struct wf_peer_link link;
    struct wf_socket *socket; // NULL: nothing went there so far, or it failed
    bool is_wanted;           // it came, or there was something for it
    uint64_t open_ms;         // it is not opened before that
    uint32_t refusal;         // of the last hello
    bool is_full;             // ZeroMQ takes no more for now
    bool was_up;              // since it was connected
    uint32_t protocol;        // that they speak, once it was up

    // What comes from there.
    bool is_greeted; // over the connection of that name
    struct wf_peer name;
    int fd; // of that connection
    uint64_t session;
    uint64_t seq; // received, all up to this one
    bool is_ack_due;

    // serving.c
    struct wf_table serving; // what is served for it, by call
    struct wf_list answers;  // of it, what is done
    uint64_t answers_bytes;
};

enum wf_peers_post_type {
    WF_PEERS_FRAME,
    WF_PEERS_MAP,
    WF_PEERS_NUDGE,
    WF_PEERS_LEAVE,
    WF_PEERS_FORWARD,
    WF_PEERS_WITHDRAW,
    WF_PEERS_SERVED,
};

// From another thread.
struct wf_peers_post {
    struct wf_mpsc_node queue;
    enum wf_peers_post_type type;
    uint32_t partition;
    struct wf_buf frame;
    struct wf_registry_map map;
    struct wf_request *request; // owned, but of a withdraw
    bool is_admitted;           // forward
    uint8_t client[16];         // withdraw: of the request
    uint64_t number;            // the same
};

struct wf_peers {
    struct wf_peers_options options;
    uint8_t cluster_id[16];
    char *node_id;
    char *secret_key; // NULL: no keys
    char *public_key;
    uint64_t incarnation;
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];

    struct wf_context *context;
    struct wf_auth *auth; // NULL: no keys
    struct wf_socket *router;
    struct wf_random random;
    struct wf_forward *forward;
    struct wf_serving *serving;
    pthread_t thread;
    struct wf_mpsc inbox;         // of posts
    _Atomic uint64_t inbox_bytes; // of frames in it
    _Atomic bool is_stopping;

    // The thread's.
    uint64_t now_ms;
    struct wf_peers_peer **peers;
    uint32_t peers_count;
    int32_t *owners;     // by partition: index into peers, NOBODY or SELF
    uint64_t *epochs;    // the same: of that owner
    uint64_t forward_ms; // when forward has something to do
    uint64_t changed_ms; // when the owner was last told
    uint64_t warned_ms[WF_PEER_REFUSAL_COUNT]; // the same; NONE: all else

    // Its too, for others to read: struct wf_peers_counts.
    wf_counter up;
    wf_counter waiting_bytes;
    wf_counter sent;
    wf_counter sent_bytes;
    wf_counter resent;
    wf_counter received;
    wf_counter received_bytes;
    wf_counter forwarded;
};

// peers.c
void wf_peers_free_post(struct wf_peers_post *post);
void wf_peers_post_served(struct wf_peers *peers, struct wf_request *request);

// peers_map.c
void wf_peers_take_map(struct wf_peers *peers,
                       const struct wf_registry_map *map);
void wf_peers_drop_all(struct wf_peers *peers);
struct wf_peers_peer *wf_peers_find(const struct wf_peers *peers,
                                    weft_bytes id);
bool wf_peers_may_enter(void *ctx, const char *key, const char *address);
// A new session's number, which is not 0.
uint64_t wf_peers_session(struct wf_peers *peers);
// The map may be old.
void wf_peers_doubt_map(struct wf_peers *peers);

// peers_hear.c: what came in; true: there may be more.
bool wf_peers_hear_router(struct wf_peers *peers);
void wf_peers_hear_peer(struct wf_peers *peers, struct wf_peers_peer *peer);
void wf_peers_send_acks(struct wf_peers *peers);

// peers_loop.c
void *wf_peers_run(void *arg);
// The link is not to be used before so many ms are over.
void wf_peers_close_socket(struct wf_peers *peers, struct wf_peers_peer *peer,
                           uint32_t pause_ms);
// Items for a peer, if there is room. False: there is none.
bool wf_peers_add(struct wf_peers_peer *peer, const struct wf_peer_item *item);
// The same of a small one that is not to be lost: also if there is no room.
void wf_peers_add_anyway(struct wf_peers_peer *peer,
                         const struct wf_peer_item *item);
void wf_peers_begin_message(const struct wf_peers *peers,
                            enum wf_peer_message_type type,
                            struct wf_peer_message *out_message);
void wf_peers_note(const struct wf_peers *peers, bool is_warning,
                   const char *who, const char *verb, const char *text);

#endif
