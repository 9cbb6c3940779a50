// SPDX-License-Identifier: Apache-2.0
//
// partition_commit.c - what a partition alone has open is durable.

#include "partition_rig.h"
#include "storage/store.h"

void
partition_rig_commit(struct partition_rig *rig, uint64_t now_ms)
{
    static uint64_t number;
    struct wf_buf frames = {0};
    struct wf_batch rows = {0};

    if (wf_partition_seal(rig->partition, now_ms, false, &frames, &rows)) {
        wf_partition_committed(rig->partition, now_ms, ++number, frames.len);
    }
    wf_buf_fini(&frames);
    wf_batch_fini(&rows);
}
