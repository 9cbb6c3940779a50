// SPDX-License-Identifier: Apache-2.0
//
// request.h - one call from the edge, on its way to a partition and back.
//
// The client makes it, the partition answers it in place, and the client frees
// it. Whoever holds it owns it: client, queue, partition, queue, client.

#ifndef WF_RUNTIME_REQUEST_H
#define WF_RUNTIME_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/list.h"
#include "base/mpsc.h"
#include "runtime/groups.h"
#include "weft/client.h"

// Which activity attempt a token means.
struct wf_token {
    uint64_t run; // its stamp
    uint32_t command;
    uint32_t attempt;
};

struct wf_request {
    struct wf_mpsc_node queue; // while it travels between threads
    struct wf_list_node wait;  // while a partition holds it
    uint32_t partition;

    weft_verb verb;
    struct wf_key key;     // owned; empty for a list
    char *name;            // owned; never NULL; of a fork: the id it is of
    weft_bytes data;       // owned
    weft_bytes input;      // owned
    weft_bytes options;    // owned; of a start (start.h), a change (policy.h)
    weft_bytes attributes; // owned; of a start, a set (attributes.h)
    char *update_id;       // owned; never NULL
    bool is_told_early;    // update: answered when it is accepted
    struct wf_token token;
    char *error_name; // owned; never NULL
    char *error_message;
    uint64_t retry_after_ms; // fail: before the next attempt; 0: the policy's
    bool is_for_good;        // fail: no attempt after it
    char *worker;            // lease and what follows it; owned; never NULL
    uint32_t lease_ms;
    uint64_t after; // watch: what was seen. Query: as many are to be taken

    // What operators say; who is "" if nobody does.
    char *who; // owned; never NULL
    char *why; // owned; never NULL
    uint32_t call;
    uint32_t version; // of code or state
    int point_type;   // weft_point_type
    uint64_t point_entry;
    uint64_t point_run; // that it is of; 0: the one that it finds

    bool is_terminating; // of a delete: also if it runs

    // list and count: only this kind (or ""), only this status (or NONE), what
    // the filter matches (or NULL), keys after `after` of this partition
    char *list_namespace;
    char *list_kind;
    weft_status list_status;
    struct wf_filter *list_filter;     // owned
    struct wf_filter_field list_group; // of a count
    bool has_group;
    weft_bytes list_after; // owned
    uint32_t list_limit;

    // Request id. Everything below `confirmed` was answered, as far as the
    // client knows.
    uint8_t client[16];
    uint64_t number;
    uint64_t confirmed;
    bool is_repeat; // of a number that was given; it may have been done
    // Set on another thread while it is under way: nobody wants the answer, so
    // it need not wait for one (wf_partition_withdraw).
    _Atomic bool is_withdrawn;
    bool is_patient; // one of very many: what it does need not hurry
    // Of a cluster. Asked by another node, which keeps the order of what it
    // asks. And while it is on its way to another node: who counts it.
    bool is_foreign;
    _Atomic uint32_t *away;
    uint64_t forwarded; // the same: as the so-many-th of its node; 0: not yet
    uint64_t wait_ms;   // as long as the caller waits; 0: it does not say

    // The answer; all owned by the request.
    weft_reply reply;
    weft_bytes list_next;    // where the page ended; empty: partition is done
    struct wf_groups groups; // of a count

    // Called on the partition's thread once the answer may be known; takes the
    // request.
    void (*done)(struct wf_request *request);
    void *done_ctx;
    uint64_t position; // private to the partition: answered at this record
    uint64_t arrival;  // the same: it came as the so-many-th; 0: to none yet
    uint64_t life;     // the same: a delete waits for that seed's end; 0: none
};

// "signal_with_start"; NULL for what has no name.
const char *wf_request_verb_name(weft_verb verb);

// Does it go through all partitions, page by page?
static inline bool
wf_request_is_paged(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_LIST ||
           request->verb == WEFT_VERB_COUNT_MATCHING;
}

// Does it wait for something that may take as long as it likes?
static inline bool
wf_request_is_wait(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_RESULT ||
           request->verb == WEFT_VERB_WATCH;
}

// Does it wait for a turn, which may come at any time?
static inline bool
wf_request_is_of_turn(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_ASK || request->verb == WEFT_VERB_QUERY ||
           request->verb == WEFT_VERB_UPDATE ||
           request->verb == WEFT_VERB_UPDATE_WITH_START;
}

// Does it wait until an instance that has finished, or is none, has no messages
// left?
static inline bool
wf_request_waits_for_empty(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_DELETE ||
           request->verb == WEFT_VERB_RESET ||
           request->verb == WEFT_VERB_RETRY_FAILED ||
           request->verb == WEFT_VERB_FORK || request->verb == WEFT_VERB_IMPORT;
}

// A zeroed request whose strings are empty and not NULL.
struct wf_request *wf_request_create(void);
void wf_request_destroy(struct wf_request *request); // NULL is fine

// Does it change nothing, so that it may be asked again without a number?
bool wf_request_is_read(const struct wf_request *request);

// Was it asked before, so that a refusal, which says that nothing happened,
// could be wrong?
bool wf_request_may_have_happened(const struct wf_request *request);

// It is on its way to another node no more: it is here again, or over.
void wf_request_is_back(struct wf_request *request);

// Fill in the answer; strings and bytes are copied. detail may be NULL. With
// WEFT_EBUSY and WEFT_EFULL goes a hint when to come again.
void wf_request_answer(struct wf_request *request, weft_err err,
                       const char *detail);
void wf_request_answer_data(struct wf_request *request, weft_bytes data);
void wf_request_answer_failure(struct wf_request *request,
                               const weft_failure *failure);
// Append an open activity (copied) to the answer. Its failure's strings may be
// NULL.
void wf_request_answer_activity(struct wf_request *request,
                                const struct weft_open_activity *activity);
// What was leased (copied).
void wf_request_answer_lease(struct wf_request *request,
                             const struct weft_lease *lease);
// Append a description (copied) to the answer.
void wf_request_answer_item(struct wf_request *request,
                            const weft_description *item);

// Point the answer of a count to its groups.
void wf_request_answer_groups(struct wf_request *request);

// A request to be sent again after recovery: forget its answer.
void wf_request_reset(struct wf_request *request);

// Tokens are printable: partition, key, run, command and attempt, checked.
//
// WEFT_EINVAL   not a token
weft_err wf_token_decode(const char *text, struct wf_key *out_key,
                         struct wf_token *out_token);
void wf_token_encode(const struct wf_key *key, const struct wf_token *token,
                     char *out_text); // WEFT_TOKEN_CHARS_MAX

#endif
