// SPDX-License-Identifier: Apache-2.0
//
// find.h - many instances at once: list, count, and do something to each.
//
// A filter is an expression over kind, id, status, times and attributes:
//
//     kind = "order" and status in (running, failed) and amount >= 10.5
//
// docs/filter.md has the whole language. Lists and counts go through a row of
// every instance there is, a thousand at a time, partition after partition:
// they cost what the store holds, not what they find. Each shows every write
// that was acknowledged before the call.

#ifndef WEFT_FIND_H
#define WEFT_FIND_H

#include <stdint.h>

#include "weft/client.h"

#ifdef __cplusplus
extern "C" {
#endif

// A page of the instances that the filter matches, in order of kind and id
// within each partition; otherwise as weft_client_list. filter NULL: all.
//
// WEFT_EINVAL   not a filter; the detail has the column
// WEFT_ETOOBIG  a filter of more than 4,096 bytes
WEFT_API weft_err weft_client_list_where(weft_client *client,
                                         const char *filter, const char *cursor,
                                         weft_reply **out_reply);

// Count the instances that the filter matches (NULL: all), and if group_by is
// given (kind, status, an attribute: any field of a filter), for each value of
// it: reply->count, reply->groups. None is counted twice; what changes
// meanwhile is counted as it was or as it is.
//
// WEFT_EINVAL   not a filter, or not a field; the detail has the column
// WEFT_ETOOBIG  more than 1,000 groups
WEFT_API weft_err weft_client_count(weft_client *client, const char *filter,
                                    const char *group_by,
                                    weft_reply **out_reply);

// Batches. ------------------------------------------------------------------

#define WEFT_BATCH_ERRORS_MAX 16
#define WEFT_BATCH_CURSOR_BYTES 2049

// How far a batch is.
typedef struct weft_batch_result {
    uint64_t seen; // instances that the filter matched
    uint64_t done;
    uint64_t failed;
    struct {
        weft_err err; // WEFT_EFINISHED: it had finished meanwhile, and so on
        uint64_t count;
    } errors[WEFT_BATCH_ERRORS_MAX]; // why they failed; the rest is not told
    size_t errors_count;
    // Where to go on: "" at the beginning and when all is done.
    char cursor[WEFT_BATCH_CURSOR_BYTES];
} weft_batch_result;

// Called after each page, on the caller's thread. Return 0 to go on.
typedef int weft_batch_fn(void *ctx, const weft_batch_result *so_far);

typedef struct weft_batch_options {
    size_t struct_size;
    const char *filter;  // required; "run > 0" is everything
    weft_verb verb;      // CANCEL, TERMINATE, SIGNAL, DELETE, PAUSE, RESUME;
                         // of operate.h PARK, RESET, RETRY_FAILED
    const char *name;    // of the signal; reason of a termination
    weft_bytes data;     // of the signal
    int terminate_first; // DELETE: also those that run
    const struct weft_operator *by; // as in weft_request
    uint32_t per_second;            // at most so many; 0: as fast as it goes
    const char *cursor;             // of an earlier batch, to go on; or NULL
    weft_batch_fn *progress;        // may be NULL
    void *ctx;                      // of progress
    const struct weft_point *point; // RESET; NULL: the beginning
} weft_batch_options;

#define WEFT_BATCH_OPTIONS_INIT                                                \
    {                                                                          \
        .struct_size = sizeof(weft_batch_options)                              \
    }

// Do the same to every instance that the filter matches, a page of 100 at a
// time; blocks until it is through, in turns of the client's timeout. That one
// of them fails does not stop it. Whoever goes on from a cursor may do the page
// that was under way again: all verbs but SIGNAL then find that it was done.
// (Temporal: batch operations.)
//
// out_result   set in any case; with an error it says how far it came
//
// WEFT_EINVAL      no filter or not one, a verb that is not for batches, or it
//                  lacks what that verb needs: a signal's name, who and why
// WEFT_ECANCELLED  progress said so
// else             as weft_client_list_where
WEFT_API weft_err weft_client_batch(weft_client *client,
                                    const weft_batch_options *options,
                                    weft_batch_result *out_result);

#ifdef __cplusplus
}
#endif

#endif
