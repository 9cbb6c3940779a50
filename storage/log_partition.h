// SPDX-License-Identifier: Apache-2.0
//
// log_partition.h - one partition's part of a shared log, as the log of its
// local store (log.h).
//
// A commit is durable once the shared log has it. Then the rows that were
// sealed with it are written to the store, not synced: they are never newer
// than the log, which can make them again. Two rows of the store's own go with
// them:
//
//   redo   the first commit that is needed to go on from these rows
//   rows   the last commit whose rows are here
//
// Rows that the store refuses for a while (a write stall) are kept and go with
// the next ones.
//
// Threads: as log.h, and append_all as append. What is kept is locked.

#ifndef WF_STORAGE_LOG_PARTITION_H
#define WF_STORAGE_LOG_PARTITION_H

#include <stdint.h>

#include "storage/log.h"
#include "storage/log_shared.h"

// Of a partition that was acquired, and a store that is at most as new. Both
// are borrowed; close leaves them as they are.
//
// WEFT_ENOTFOUND   the rows are too old: the log does not go back so far
// WEFT_ELOST       the rows are newer than the log: that has gone back
weft_err wf_log_partition_open(const struct wf_shared_log *shared,
                               uint32_t partition,
                               const struct wf_shared_place *place,
                               struct wf_store store, struct wf_log *out_log);

// Write those two rows into a store that is made otherwise (an import).
//
// else   what the store says
weft_err wf_log_partition_found(struct wf_store store, uint64_t redo,
                                uint64_t rows);

// Append one commit to each of several logs that were opened by the above on
// the same shared log.
void wf_log_partition_append_all(const struct wf_log *const *logs,
                                 struct wf_commit *commits,
                                 enum wf_append_result *out_results,
                                 uint32_t count);

#endif
