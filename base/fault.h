// SPDX-License-Identifier: Apache-2.0
//
// fault.h - named places where a test can make the process die or a call fail.
//
// Always compiled in; a point that nobody armed costs a count and a load. The
// whole list is here; tests/ shows that each point is used by some test.

#ifndef WF_BASE_FAULT_H
#define WF_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

// X(NAME, "what is true at this point")
#define WF_FAULT_TABLE(X)                                                      \
    X(BEFORE_COMMIT, "a commit is built and not yet written")                  \
    X(AFTER_COMMIT, "a commit is durable and nobody was told")                 \
    X(COMMIT_EIO, "the commit's write fails with an unknown outcome")          \
    X(COMMIT_STALL, "the commit's write is refused: nothing is written")       \
    X(AFTER_RELEASE, "outputs of a commit left the partition")                 \
    X(BEFORE_TRIM, "the log is about to be trimmed")                           \
    X(AFTER_TRIM, "the log was trimmed")                                       \
    X(BEFORE_BEACON, "the beacon is about to be written")                      \
    X(AFTER_BEACON, "the beacon was written and synced")                       \
    X(RECOVERY_SCAN, "recovery has read the window and written nothing")       \
    X(RECOVERY_EPOCH, "recovery has committed the new epoch")                  \
    X(ACTIVITY_DONE, "an activity has ended and nobody was told")              \
    X(STEP_DONE, "an inline step has run and its result is not recorded")

#define X(name, text) WF_FAULT_##name,
enum wf_fault { WF_FAULT_TABLE(X) WF_FAULT_COUNT };
#undef X

enum wf_fault_action {
    WF_FAULT_ACTION_NONE,
    WF_FAULT_ACTION_FAIL, // wf_fault_hit answers true
    WF_FAULT_ACTION_KILL  // SIGKILL to this process
};

// The point is passed. True if a failure was asked for.
bool wf_fault_hit(enum wf_fault fault);

// Act on the hit after `skip` more, and then on `repeat` hits in all.
void wf_fault_arm(enum wf_fault fault, enum wf_fault_action action,
                  uint32_t skip, uint32_t repeat);
void wf_fault_disarm_all(void);

// Arm from WEFT_FAULT="AFTER_COMMIT:kill:3[:repeat]" if it is set; several are
// separated by commas. Called when a node opens. False: malformed.
bool wf_fault_arm_from_environment(void);

uint64_t wf_fault_hits(enum wf_fault fault); // since the process began
const char *wf_fault_name(enum wf_fault fault);

#endif
