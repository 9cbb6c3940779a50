// SPDX-License-Identifier: Apache-2.0
//
// test_destroy.c - what was never made is destroyed without a word: whoever
// gives up half way destroys all there could be.

#include "runtime/committer.h"
#include "runtime/fit.h"
#include "runtime/load.h"
#include "runtime/loader.h"
#include "runtime/node_control.h"
#include "runtime/partition.h"
#include "runtime/request.h"
#include "runtime/shard.h"
#include "runtime/supervisor.h"
#include "runtime/tally.h"
#include "runtime/task.h"
#include "runtime/workers.h"
#include "support/test.h"
#include "weft/weft.h"

TEST(destroy, nothing_is_destroyed_without_a_word)
{
    wf_beat_destroy(NULL);
    wf_committer_destroy(NULL);
    wf_fit_destroy(NULL);
    wf_frame_destroy(NULL);
    wf_load_destroy(NULL);
    wf_loader_destroy(NULL);
    wf_node_control_destroy(NULL);
    wf_request_destroy(NULL);
    wf_shard_destroy(NULL, WEFT_ECLOSED);
    wf_supervisor_destroy(NULL);
    wf_tally_destroy(NULL);
    wf_task_destroy(NULL);
    wf_workers_destroy(NULL);
    weft_client_close(NULL);
    weft_definitions_destroy(NULL);
    weft_node_close(NULL);
    weft_reply_free(NULL);
}
