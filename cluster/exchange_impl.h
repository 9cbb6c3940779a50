// SPDX-License-Identifier: Apache-2.0
//
// exchange_impl.h - what the files of exchange.h share.
//
//   exchange.c         the thread, and its sockets
//   exchange_view.c    what this node knows, and what others do
//   exchange_answer.c  what is asked of this node
//   exchange_fetch.c   partitions, and files, that come here
//   exchange_call.c    what operators ask
//   exchange_list.c    where nodes are, and their key
//
// A question is u8 version, u8 type, u64 number, body; its answer has the same
// head. One that is refused has type REFUSED, varint error, text.

#ifndef WF_CLUSTER_EXCHANGE_IMPL_H
#define WF_CLUSTER_EXCHANGE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/bytes.h"
#include "cluster/exchange.h"
#include "transport/socket.h"

#define WF_EXCHANGE_VERSION 1
#define WF_EXCHANGE_BYTES_MAX (20U << 20)
#define WF_EXCHANGE_PIECE_BYTES (1U << 20)

enum wf_exchange_type {
    WF_EXCHANGE_VIEW = 1, // what I know (or nothing): what do you know?
    WF_EXCHANGE_MOVE,     // an ask: an answer (ledger.h)
    WF_EXCHANGE_FILE,     // hash, u64 bytes, u64 offset: a piece
    WF_EXCHANGE_WANT,     // varint partition, text node
    WF_EXCHANGE_DRAIN,    // u8 is on
    WF_EXCHANGE_REFUSED,
    WF_EXCHANGE_TYPES_END,
};

struct wf_exchange_message {
    enum wf_exchange_type type;
    uint64_t number;
    weft_bytes body; // borrowed
};

void wf_exchange_encode(enum wf_exchange_type type, uint64_t number,
                        weft_bytes body, struct wf_buf *out);
// False: it is none.
bool wf_exchange_decode(weft_bytes bytes,
                        struct wf_exchange_message *out_message);

// Another node, as far as it is asked.
struct wf_exchange_peer {
    char id[WF_NODE_ID_CHARS_MAX + 1];
    char endpoint[WF_ENDPOINT_CHARS_MAX + 1];
    struct wf_socket *socket; // NULL: it could not be made, or is of no use
    uint64_t open_ms;         // then: when it is made anew
    uint64_t heard_ms;        // when it last answered; 0: never
};

// A partition, or a file of its snapshot, on its way here.
struct wf_exchange_fetch {
    bool is_asked;     // and not yet answered
    uint64_t number;   // of the question
    uint64_t again_ms; // when it is asked again
    char giver[WF_NODE_ID_CHARS_MAX + 1];
    struct wf_ledger_ask ask;
    bool has_files; // all of the newest snapshot's
    struct wf_snapshots_manifest manifest;
    bool has_manifest;
    uint32_t file;   // of the manifest, that comes now
    uint64_t offset; // in it
};

// Who asked for a partition, and was close behind.
struct wf_exchange_close {
    char node[WF_NODE_ID_CHARS_MAX + 1];
    uint64_t at_ms;
};

// A file that somebody fetches piece by piece.
struct wf_exchange_file {
    uint8_t hash[WF_SNAPSHOTS_HASH_BYTES];
    int fd; // -1: none
};

struct wf_exchange {
    struct wf_exchange_options options;
    struct wf_exchange_list list;
    char *node_id;
    char *dir;
    uint32_t partition_count;
    struct wf_context *context;
    struct wf_auth *auth; // NULL: no keys
    struct wf_socket *router;
    struct wf_exchange_peer *peers;
    uint32_t peers_count;
    struct wf_exchange_fetch *fetches; // by partition
    struct wf_exchange_file served;
    uint64_t numbers;
    uint64_t tell_ms;  // when the others are told next
    uint32_t told_crc; // of what was known when somebody was last told
    uint64_t complain_ms;
    uint64_t sweep_ms;          // when the ledger is swept next
    struct wf_ledger_view view; // as of this round

    int wake; // an eventfd
    pthread_t thread;
    atomic_bool is_stopping;
    atomic_bool is_nudged;

    pthread_mutex_t lock; // guards what follows, and heard_ms
    bool *are_wanted;
    struct wf_exchange_close *close; // by partition
    bool has_heard;
    weft_err lost;
    char *lost_text;
};

uint64_t wf_exchange_now_ms(const struct wf_exchange *exchange);
void wf_exchange_complain(struct wf_exchange *exchange, const char *verb,
                          const char *text);
void wf_exchange_note(struct wf_exchange *exchange, const char *verb,
                      const char *text);
// Ask a node. False: it cannot be sent now.
bool wf_exchange_send(struct wf_exchange *exchange,
                      struct wf_exchange_peer *peer, enum wf_exchange_type type,
                      uint64_t number, weft_bytes body);
struct wf_exchange_peer *wf_exchange_peer(struct wf_exchange *exchange,
                                          const char *id);

// exchange_view.c. To all others; of what is known now; of one other.
void wf_exchange_tell_all(struct wf_exchange *exchange);
void wf_exchange_look_anew(struct wf_exchange *exchange);
void wf_exchange_hear_view(struct wf_exchange *exchange, weft_bytes body);

// exchange_answer.c. A question that came to the ROUTER.
void wf_exchange_answer(struct wf_exchange *exchange,
                        const struct wf_message *question);

// exchange_list.c. Why nothing goes over a connection; NULL: it is not that.
const char *wf_exchange_refusal(enum wf_socket_event_type type);

// exchange_fetch.c. Ask for what is to come; returns when there is more to do.
uint64_t wf_exchange_fetch_step(struct wf_exchange *exchange);
void wf_exchange_fetch_hear(struct wf_exchange *exchange,
                            const struct wf_exchange_message *message);
void wf_exchange_fetch_fini(struct wf_exchange *exchange);
// Append a piece of a file to the answer.
weft_err wf_exchange_fetch_serve(struct wf_exchange *exchange, weft_bytes body,
                                 struct wf_buf *out);

#endif
