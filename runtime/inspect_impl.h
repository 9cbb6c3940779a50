// SPDX-License-Identifier: Apache-2.0
//
// inspect_impl.h - what the files of inspection share.
//
//   inspect.c          the ways in
//   inspect_stores.c   from a directory to its stores, unchanged
//   inspect_recover.c  from stores to partitions, as a node does
//   inspect_walk.c     keys of all actors, in order
//   inspect_core.c     what is asked of the pure core
//   inspect_view.c     an actor as inspect.h shows it
//   inspect_verify.c   the checks, in order
//   inspect_rows.c     the checks of rows
//   inspect_record.c   the grammar of records
//   inspect_backup.c   a copy of a node, stopped or running
//   inspect_restore.c  a directory made from a backup

#ifndef WF_RUNTIME_INSPECT_IMPL_H
#define WF_RUNTIME_INSPECT_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/key.h"
#include "base/limits.h"
#include "base/trace.h"
#include "runtime/inspect_view.h"
#include "weft/inspect.h"

struct wf_depot;
struct wf_partition;
struct wf_segment;

// Who is told of problems. Without one the first problem ends the work.
struct wf_inspect_check {
    weft_inspect_problem_fn *fn; // may be NULL
    void *ctx;
    weft_inspect_counts counts;
    uint64_t *log_from; // by partition: the first record of its log; 0: none
    bool is_log_cut[WF_STORES_MAX]; // it could not be read to its end
    bool is_unread; // something could not be read, now: it may be whole
    // The last problem, so that it is not told twice in a row.
    char last[640];
};

void wf_inspect_tell(struct wf_inspect_check *check, const char *where,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct weft_inspect {
    char *data_dir;
    int lock_fd;                   // -1: none
    weft_definitions *definitions; // empty
    struct wf_trace trace;         // to nobody
    uint32_t partitions_count;
    uint32_t stores_count;
    struct wf_depot *depots;          // by store; its store NULL: not open
    struct wf_partition **partitions; // by index; NULL: could not be recovered
    struct wf_view view;
    struct wf_inspect_check *check; // while verifying; else NULL
};

// inspect_stores.c: open what the directory has. On failure nothing is left but
// what destroy frees. accept_loss, or a check: without its beacons, if need be.
weft_err wf_inspect_open_stores(weft_inspect *inspect, bool accept_loss);
void wf_inspect_close_stores(weft_inspect *inspect);
// The store of a partition; NULL if it is not open.
const struct wf_store *wf_inspect_store_of(const weft_inspect *inspect,
                                           uint32_t partition);
// A number in the rows of the first store; 0 if there is none.
weft_err wf_inspect_get_number(weft_inspect *inspect, const char *name,
                               uint64_t *out_number);

// inspect_recover.c: make the partitions of all open stores.
weft_err wf_inspect_recover(weft_inspect *inspect);
void wf_inspect_drop_partition(weft_inspect *inspect, uint32_t index);

// inspect.c: hold a directory, shared. *out_fd is to be closed; -1: it has no
// lock, and none is made. WEFT_EBUSY: a node holds it.
weft_err wf_inspect_lock(const char *data_dir, int *out_fd);
// All of it, with a check or without.
weft_err wf_inspect_make(const weft_inspect_options *options,
                         struct wf_inspect_check *check,
                         weft_inspect **out_inspect);

// inspect_walk.c: call fn for the key of each actor that has a row or a record,
// in order of keys. Borrowed for the call; false ends it.
typedef bool wf_inspect_key_fn(void *ctx, uint32_t partition,
                               const struct wf_key *key);
weft_err wf_inspect_walk(weft_inspect *inspect, wf_inspect_key_fn *fn,
                         void *ctx);

// inspect_record.c: do the records of a segment follow the grammar of record.h?
// False: they do not; *out_record is the first that does not.
bool wf_inspect_records(const struct wf_segment *segment, uint64_t *out_record);
// The same for what is in rows: a message on its way, one that nobody took.
bool wf_inspect_is_envelope(weft_bytes bytes);
bool wf_inspect_is_dead_letter(weft_bytes bytes);

// inspect_verify.c: WEFT_ECORRUPT if there are problems.
weft_err wf_inspect_verify(const char *data_dir, weft_inspect_problem_fn *fn,
                           void *ctx, weft_inspect_counts *out_counts);

// inspect_rows.c: check every row of an open store.
void wf_inspect_check_rows(weft_inspect *inspect, uint32_t store);

#endif
