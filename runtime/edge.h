// SPDX-License-Identifier: Apache-2.0
//
// edge.h - requests from clients, and how they are answered.
//
//   edge.c        which verb, starts, messages; answers
//   edge_read.c   what changes nothing
//   edge_end.c    what holds up or ends

#ifndef WF_RUNTIME_EDGE_H
#define WF_RUNTIME_EDGE_H

#include "runtime/partition_impl.h"

void wf_edge_request(struct wf_partition *partition,
                     struct wf_request *request);
// The actor it waited for is loaded.
void wf_edge_loaded(struct wf_partition *partition, struct wf_actor *actor);
// One of the requests that wait for this actor was withdrawn. edge_end.c
void wf_edge_withdraw(struct wf_partition *partition, const struct wf_key *key,
                      const uint8_t client[16], uint64_t number);
// Nobody waits for it: it is answered so, and need not come to wait. edge_end.c
bool wf_edge_is_withdrawn(struct wf_partition *partition,
                          struct wf_request *request);
// The actor has no letters left: requests that waited for that go on.
// edge_end.c
void wf_edge_emptied(struct wf_partition *partition, struct wf_actor *actor);

// A turn of it is over, or it will have none for now: queries that waited for
// that are answered. edge_read.c
void wf_edge_turned(struct wf_partition *partition, struct wf_actor *actor);

// Answers. ------------------------------------------------------------------

// Answer now, once everything up to now is durable. The detail is an error's:
// WEFT_OK has none.
void wf_edge_answer(struct wf_partition *partition, struct wf_request *request,
                    uint64_t record, weft_err err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
// With what the actor is now; what: the detail of an error.
void wf_edge_answer_now(struct wf_partition *partition,
                        const struct wf_actor *actor,
                        struct wf_request *request, weft_err err,
                        const char *what);
// Write what draft->sections holds together with the answer WEFT_OK, and give
// it. The draft is empty afterwards.
void wf_edge_answer_done(struct wf_partition *partition,
                         struct wf_request *request, struct wf_draft *draft);
// The answer alone, as a section of its own.
void wf_edge_put_done(const struct wf_request *request, struct wf_draft *draft);
void wf_edge_answer_result(struct wf_partition *partition,
                           struct wf_request *request,
                           const struct wf_actor *actor);
// Was there ever an instance; does it live? If not, the request is answered.
bool wf_edge_is_there(struct wf_partition *partition,
                      const struct wf_actor *actor, struct wf_request *request);
bool wf_edge_is_live(struct wf_partition *partition,
                     const struct wf_actor *actor, struct wf_request *request);

// Verbs. edge_read.c, edge_end.c --------------------------------------------

void wf_edge_query(struct wf_partition *partition, struct wf_actor *actor,
                   struct wf_request *request);
void wf_edge_result(struct wf_partition *partition, struct wf_actor *actor,
                    struct wf_request *request);
void wf_edge_watch(struct wf_partition *partition, struct wf_actor *actor,
                   struct wf_request *request);
void wf_edge_describe(struct wf_partition *partition, struct wf_actor *actor,
                      struct wf_request *request);
void wf_edge_cancel(struct wf_partition *partition, struct wf_actor *actor,
                    struct wf_request *request);
void wf_edge_terminate(struct wf_partition *partition, struct wf_actor *actor,
                       struct wf_request *request);
// op: WF_OP_PAUSE or WF_OP_RESUME
void wf_edge_pause(struct wf_partition *partition, struct wf_actor *actor,
                   struct wf_request *request, enum wf_op op);
void wf_edge_delete(struct wf_partition *partition, struct wf_actor *actor,
                    struct wf_request *request);

#endif
