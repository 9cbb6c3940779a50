// SPDX-License-Identifier: Apache-2.0
//
// gateway_impl.h - what the gateway's own files share; nobody else's.
//
//   gateway.c          the public calls; options
//   gateway_loop.c     the thread: what is there to do next
//   gateway_line.c     connections as the operating system has them: how many,
//                      and who says nothing
//   gateway_peer.c     connections as ZeroMQ has them: what comes and goes
//   gateway_session.c  clients: hello, and which connection is theirs
//   gateway_call.c     what they asked: credit, requests and their answers
//   gateway_batch.c    what one of them asked of many instances
//   gateway_poll.c     what workers asked: tasks
//   gateway_queue.c    where those come from
//   gateway_lease.c    which of them are kept for workers
//   gateway_watch.c    whom clients watch: subscriptions
//   gateway_map.c      which node of a cluster has what
//   gateway_stats.c    what node and server have counted
//   gateway_ask.c      what the server asks of its node for itself
//
// A line is there from accept to close, a peer from its first message, a
// session from hello until nobody needs it. Lines are found by descriptor,
// peers by the name that ZeroMQ gave them, sessions by the client's id.
//
// Threads: all of it is the gateway's thread's, except what says so.

#ifndef WF_REMOTE_GATEWAY_IMPL_H
#define WF_REMOTE_GATEWAY_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/table.h"
#include "remote/access.h"
#include "remote/codec_session.h"
#include "runtime/client_numbers.h"
#include "runtime/routes.h"
#include "transport/bundle.h"
#include "transport/curve.h"
#include "transport/flight.h"
#include "transport/line.h"
#include "transport/socket.h"
#include "transport/wire.h"
#include "weft/client.h"
#include "weft/serve.h"

struct wf_gateway_peer;
struct wf_gateway_session;
struct wf_request;

// What is counted; written by the gateway's thread, read by any.
struct wf_gateway_tally {
    wf_counter accepted, turned_away, requests, refused, malformed, slow;
    wf_counter silent, replaced, disconnected, bytes_received, bytes_sent;
    wf_counter revoked;
    _Atomic uint64_t connections, sessions, requests_open, request_bytes;
};

struct wf_gateway_line {
    struct wf_line line;
    uint64_t accepted_ms;
    struct wf_gateway_peer *peer; // NULL before its first message
    struct wf_list_node silent;   // while no hello was taken from it
    // What ZeroMQ holds of it is what was read from it without what messages
    // have brought here, both since it was known to hold nothing.
    uint64_t known_bytes; // read until then
    uint64_t taken_bytes;
    uint64_t held_bytes; // when it was looked at last
    bool has_taken;      // something since then
    bool is_stuck;       // nothing, between the last two times
    bool is_open;
};

// Requests of one namespace; there is one while it has sessions or requests.
struct wf_gateway_space {
    char name[WF_NAMESPACE_BYTES_MAX + 1];
    uint32_t users; // sessions, and calls under way
    uint32_t calls;
    uint32_t queues; // that are polled
};

enum wf_gateway_peer_state {
    WF_GATEWAY_NEW,      // has said no hello yet
    WF_GATEWAY_GREETED,  // has a session
    WF_GATEWAY_REPLACED, // its client came by another one
    WF_GATEWAY_LEAVING,  // was told bye, and will be cut off, or is
};

struct wf_gateway_peer {
    struct wf_peer name;
    enum wf_gateway_peer_state state;
    struct wf_line line;                // to cut it off
    char user[WF_CURVE_KEY_CHARS + 1];  // of its last message
    struct wf_access_guest guest;       // GREETED: whom it said hello as
    struct wf_gateway_session *session; // GREETED
    struct wf_flight *flight;           // answers it has not taken
    bool takes_bundles;                 // it has sent one
    struct wf_bundle bundle;            // answers of this round
    struct wf_list_node bundled;        // while there are any
    struct wf_list_node heard;          // in order of when it was heard last
    uint64_t heard_ms;
    uint64_t bye_ms;   // when it was last told that it must say hello; 0: never
    uint64_t cut_ms;   // LEAVING: when it is cut off, and then forgotten
    bool is_map_asked; // it waits for another map than it had
    uint64_t map_number; // under which it asked
};

// A client. One whose connection is gone is kept for some time, with what it
// asked; then nobody waits for that any more.
struct wf_gateway_session {
    struct weft_server *server;
    uint8_t id[16];
    char label[WF_CODEC_LABEL_BYTES_MAX + 1]; // of hello, or its last poll's
    struct wf_gateway_space *space;
    struct wf_gateway_peer *peer; // NULL: it is not connected
    struct wf_table calls;        // by number; without answer
    uint64_t bytes;               // of them
    struct wf_list waits;         // of them
    struct wf_table leases;       // of its connection, by token
    uint32_t promised;            // tasks that polls which wait may get
    struct wf_list_node idle;     // while it has no connection
    uint64_t idle_ms;             // since when
};

// What differs for calls that are more than one request of the node.
struct wf_gateway_call;
struct wf_gateway_call_ops {
    // Nobody waits for it any more: end it. NULL: its session leaves it, and it
    // ends when it does.
    void (*withdrawn)(struct wf_gateway_call *call);
    // It has waited long enough. NULL: answered so, and left.
    void (*expired)(struct wf_gateway_call *call);
};

// A request that the node has. One that is withdrawn belongs to no session any
// more, but still to its namespace.
struct wf_gateway_call {
    const struct wf_gateway_call_ops *ops; // NULL: none
    void *of;                              // theirs
    struct weft_server *server;
    struct wf_gateway_session *session; // NULL: withdrawn
    struct wf_gateway_space *space;
    struct wf_request *request; // the node's, until answered; NULL: a batch
    uint64_t number;
    uint32_t bytes;
    weft_verb verb;
    struct wf_access_record *record; // of what operators do; may be NULL
    weft_err err;                    // what became of it
    struct wf_list_node wait;        // in its session's, if it is one
    struct wf_heap_node expiry;      // the same, if it has an end
};

// Numbers on their way to those who asked for them.
struct wf_gateway_stats {
    struct wf_list waiting; // for the next thread
    struct wf_list served;  // by the one that runs
    bool is_running;
    pthread_t thread;
    _Atomic bool is_done;         // written by the thread, last
    struct weft_metrics *metrics; // the same; NULL: none could be had
};

enum wf_gateway_mode {
    WF_GATEWAY_SERVING,
    WF_GATEWAY_DRAINING,
    WF_GATEWAY_DRAINED,
    WF_GATEWAY_CLOSING,
};

struct weft_server {
    weft_node *node;
    weft_client *client; // asks for all of them
    struct wf_access *access;
    weft_server_options options;
    pthread_mutex_t next_lock;
    weft_server_options next; // limits to go on with
    bool has_next;
    char (*endpoints)[WF_ENDPOINT_BYTES_MAX + 1];
    size_t endpoints_count;
    uint32_t credit_max; // what the queues of its socket are made for
    struct wf_context *context;
    struct wf_socket *socket;
    struct wf_clock clock;
    pthread_t thread;
    int wake_fd;           // written by other threads
    _Atomic uint32_t mode; // enum wf_gateway_mode; futex
    uint64_t now_ms;       // monotonic; of this round
    struct wf_gateway_tally tally;
    struct wf_buf out;  // the message that is being written
    uint64_t hash_seed; // clients choose ids, numbers and names

    // gateway_line.c
    struct wf_gateway_line **lines; // by descriptor
    size_t lines_cap;
    uint32_t lines_count;
    struct wf_list silent;
    int *listeners;
    size_t listeners_count;
    bool is_refusing;
    bool is_pressed;         // ZeroMQ holds much of somebody
    uint64_t looked_ms;      // when all lines were looked at last
    uint32_t slice_accepted; // in this slice of time
    uint64_t slice_ms;

    // gateway_peer.c
    struct wf_table peers;
    struct wf_list heard;
    struct wf_flight *flight; // of all
    struct wf_list bundled;   // peers with answers of this round
    uint32_t leaving;         // peers in that state

    // gateway_session.c
    struct wf_table sessions;
    struct wf_table spaces;
    struct wf_list idle;

    // gateway_call.c
    struct wf_heap expiries;
    uint64_t bytes; // of requests without answer
    uint32_t calls;
    uint32_t withdrawn; // of them: nobody waits, and the node has them still

    // gateway_ask.c
    uint8_t client_id[16]; // the server's own
    struct wf_client_numbers numbers;
    uint32_t asks; // under way

    // gateway_batch.c
    struct wf_list batches;

    // gateway_queue.c
    struct wf_table queues;

    // gateway_lease.c
    struct wf_heap renewals;

    // gateway_map.c
    struct wf_routes routes; // as clients were told last

    // gateway_stats.c
    struct wf_gateway_stats stats;

    // gateway_watch.c
    struct wf_list subscriptions; // that watch again at the next tick
};

// gateway.c
// Go on with the limits that were given last.
void wf_gateway_take_limits(struct weft_server *server);

// gateway_loop.c
void *wf_gateway_run(void *server);
static inline enum wf_gateway_mode
wf_gateway_mode(struct weft_server *server)
{
    return (enum wf_gateway_mode)atomic_load(&server->mode);
}

// gateway_line.c ------------------------------------------------------------

void wf_gateway_line_events(struct weft_server *server);
// The open line of a descriptor; NULL: it is closed.
struct wf_gateway_line *wf_gateway_line_find(struct weft_server *server,
                                             int fd);
// A message of so many bytes has come over it.
void wf_gateway_line_took(struct weft_server *server, int fd, size_t bytes);
// Its peer has said hello.
void wf_gateway_line_greeted(struct weft_server *server, int fd);
// Time has passed.
void wf_gateway_line_tick(struct weft_server *server);
void wf_gateway_line_fini(struct weft_server *server);

// gateway_peer.c ------------------------------------------------------------

void wf_gateway_peer_receive(struct weft_server *server,
                             const struct wf_message *message);
// Send what server->out holds; together with what else is sent in this round to
// a peer that takes bundles.
void wf_gateway_peer_send(struct weft_server *server,
                          struct wf_gateway_peer *peer);
// The round is over.
void wf_gateway_peer_send_bundles(struct weft_server *server);
// Does it take its answers so slowly that more must not be made for it?
bool wf_gateway_peer_is_choked(const struct weft_server *server,
                               const struct wf_gateway_peer *peer);
void wf_gateway_peer_bye(struct weft_server *server,
                         struct wf_gateway_peer *peer, enum wf_codec_bye code,
                         const char *text);
// Say bye and cut it off.
void wf_gateway_peer_end(struct weft_server *server,
                         struct wf_gateway_peer *peer, enum wf_codec_bye code,
                         const char *text);
// It is cut off already: forget it.
void wf_gateway_peer_gone(struct weft_server *server,
                          struct wf_gateway_peer *peer);
// There is a new list of principals: end whoever is not in it any more.
void wf_gateway_peer_recheck(struct weft_server *server);
void wf_gateway_peer_tick(struct weft_server *server);
void wf_gateway_peer_end_all(struct weft_server *server);
void wf_gateway_peer_fini(struct weft_server *server);

// gateway_session.c ---------------------------------------------------------

void wf_gateway_session_hello(weft_server *server, struct wf_gateway_peer *peer,
                              const struct wf_wire_message *message);
// Its connection is gone, or has another session.
void wf_gateway_session_leave(weft_server *server,
                              struct wf_gateway_session *session);
void wf_gateway_space_leave(weft_server *server,
                            struct wf_gateway_space *space);
void wf_gateway_session_tick(weft_server *server);
void wf_gateway_session_withdraw_all(weft_server *server);
void wf_gateway_session_fini(weft_server *server);

// gateway_call.c ------------------------------------------------------------

// A request of a peer that has a session; bytes: its whole message's.
void wf_gateway_call_take(weft_server *server, struct wf_gateway_peer *peer,
                          const struct wf_wire_message *message, size_t bytes);
// The call of that number; NULL: there is none.
struct wf_gateway_call *
wf_gateway_call_find(const struct wf_gateway_session *session, uint64_t number);
// Answer with this thread's error.
void wf_gateway_call_refuse(weft_server *server, struct wf_gateway_peer *peer,
                            uint64_t number, weft_err err);
void wf_gateway_call_withdraw_waits(struct wf_gateway_session *session);
// The same, and of questions: the connection that would hear of them is gone.
void wf_gateway_call_withdraw_heard(struct wf_gateway_session *session);
void wf_gateway_call_withdraw_all(struct wf_gateway_session *session);
// It waits from now on, until its connection ends, or for so long, 0: without
// an end.
//
// WEFT_EBUSY  its session waits for too much
weft_err wf_gateway_call_wait(struct wf_gateway_call *call, uint64_t wait_ms);
// Is there room for so many more requests, and so many bytes of them?
//
// WEFT_EBUSY  there is not
weft_err wf_gateway_call_room(const struct weft_server *server, size_t bytes,
                              size_t requests);
// It takes more memory.
void wf_gateway_call_grow(struct wf_gateway_call *call, size_t bytes);
// Is there somebody to answer it to?
bool wf_gateway_call_is_heard(const struct wf_gateway_call *call);
// Answer it, with what server->out holds or else this thread's error, and
// destroy it.
void wf_gateway_call_end(struct wf_gateway_call *call, weft_err err);
void wf_gateway_call_destroy(struct wf_gateway_call *call);
void wf_gateway_call_tick(weft_server *server);

#endif
