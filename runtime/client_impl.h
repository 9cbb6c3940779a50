// SPDX-License-Identifier: Apache-2.0
//
// client_impl.h - what the client's own files share; nobody else's.
//
//   client.c           life; the pool of calls, and how they come back
//   client_local.c     the port to a node in this process
//   client_wait.c      submitted and blocking calls, as callers see them
//   client_make.c      from weft_request to wf_request: checks and copies
//   client_list.c      pages of a list, over all partitions
//   client_batch.c     the same verb for all that a filter matches
//   client_numbers.c   which request numbers are open
//   client_calls.c     the blocking form of each verb
//   operate_calls.c    the same, of operators
//   reply.c            weft_reply_free, weft_status_name

#ifndef WF_RUNTIME_CLIENT_IMPL_H
#define WF_RUNTIME_CLIENT_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mpsc.h"
#include "runtime/client_numbers.h"
#include "runtime/client_port.h"
#include "runtime/groups.h"
#include "weft/client.h"

// Who waits for a call's answer. The one that moves it away from OPEN or
// SLEEPING decides who frees the request: after DONE the caller, after LEFT
// whoever brings the answer.
enum wf_client_call_state {
    WF_CLIENT_CALL_OPEN,     // under way
    WF_CLIENT_CALL_SLEEPING, // the same, and a thread sleeps on it
    WF_CLIENT_CALL_DONE,     // answered; the request is the caller's
    WF_CLIENT_CALL_LEFT      // nobody wants the answer any more
};

// One call under way. Lives in its client's pool, which is never given back,
// so that waking a sleeper needs no care for its memory.
struct wf_client_call {
    _Atomic uint32_t state;
    weft_client *client;
    struct wf_request *request; // owned while it is not with the node
    uint64_t number;
    bool is_used;
    bool is_numbered;  // its number is open in client->numbers
    weft_reply_fn *fn; // NULL: a thread waits for the answer
    void *ctx;
    uint64_t answers_bytes_max; // client_as.h; 0: as many as there are
    uint64_t counted_bytes;     // of its answer, in the client's
    struct wf_client_call *next_free;

    // list: the page so far
    weft_description *items; // owned, strings too
    size_t items_count;
    size_t items_max;
    struct wf_groups groups; // count: so far
};

struct wf_client_chunk;

struct weft_client {
    struct wf_client_port port;
    const struct wf_interceptors *interceptors; // NULL: none
    const struct weft_cipher *cipher;           // NULL: none
    uint32_t timeout_ms;
    char name_space[WF_NAMESPACE_BYTES_MAX + 1];
    uint8_t client_id[16];
    struct wf_clock clock;

    struct wf_mpsc completions;     // of requests, through queue
    pthread_mutex_t pop_lock;       // one thread at a time pops them
    _Atomic uint32_t finishing;     // threads that bring an answer right now
    _Atomic uint64_t answers_bytes; // of large ones among completions

    pthread_mutex_t lock; // over what follows; held for a few instructions
    struct wf_client_numbers numbers;
    struct wf_client_chunk *chunks;
    struct wf_client_call *free;
    uint32_t in_use;      // calls whose request has not come back
    uint32_t undelivered; // of them submitted, and not called back
    bool is_closed;       // takes no calls
    bool is_gone;         // the last call to come back frees the client
};

// What a request needs besides its target.
weft_err wf_client_check(const weft_client *client,
                         const weft_request *request);
// Check a request, copy what its verb needs, and let the port prepare it; id
// and done are not set. Errors are those of weft_client_submit.
weft_err wf_client_make(const weft_client *client, const char *name_space,
                        const weft_request *request,
                        struct wf_request **out_request);

// Give the request, which it takes, a call and a number, unless it has one that
// is not this client's to know (client_as.h). repeated 0: a new one.
// fn NULL: a thread will wait for the answer. client.c
//
// WEFT_ECLOSED, WEFT_EBUSY   and the request is freed
weft_err wf_client_begin(weft_client *client, struct wf_request *request,
                         uint64_t repeated, weft_reply_fn *fn, void *ctx,
                         struct wf_client_call **out_call);
// The answer is not among the completions any more.
void wf_client_uncount(struct wf_client_call *call);
// The call has ended and its request is somebody else's, or freed. is_answered:
// the answer reaches the caller, so that its number need not come again.
void wf_client_end(struct wf_client_call *call, bool is_answered);

// The two halves of a blocking call: what was sent must be received, once.
// *out_reply is set unless it fails with WEFT_ETIMEDOUT. timeout_ms is the same
// for both; 0: the client's.
weft_err wf_client_send(weft_client *client, const weft_request *request,
                        uint32_t timeout_ms, struct wf_client_call **out_call);
weft_err wf_client_receive(struct wf_client_call *call, uint32_t timeout_ms,
                           weft_reply **out_reply);

// Where a page ended, as printable text; owned.
char *wf_client_cursor_encode(uint32_t partition, weft_bytes after);
// WEFT_EINVAL   not a cursor of this system
weft_err wf_client_cursor_decode(const char *text, uint32_t partition_count,
                                 uint32_t *out_partition,
                                 weft_bytes *out_after); // owned

// A list or a count came back from one partition. True: it goes on and the
// request is with the node again. False: all of it is in the request's reply.
bool wf_client_list_goes_on(weft_node *node, struct wf_client_call *call);

#endif
