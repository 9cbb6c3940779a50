// SPDX-License-Identifier: Apache-2.0
//
// tally.h - what happened, counted: by kind, by activity, by verb.
//
// A shard has one, and its partitions count in it: so that counts outlive a
// partition that is made anew. What happens is counted by the core where it
// happens, live and not when records are applied; how long it took is measured
// by the shard, which has a clock. weft/metrics.h says what the numbers mean.
//
// Threads: the shard's writes, any reads (base/counter.h).

#ifndef WF_RUNTIME_TALLY_H
#define WF_RUNTIME_TALLY_H

#include "base/counter.h"
#include "runtime/definitions.h"

// X(NAME, metric, help)
#define WF_KIND_COUNT_TABLE(X)                                                 \
    X(STARTED, "instances_started", "Instances that were created.")            \
    X(COMPLETED, "instances_completed", "Instances that completed.")           \
    X(FAILED, "instances_failed", "Instances that failed.")                    \
    X(CANCELLED, "instances_cancelled", "Instances that ended cancelled.")     \
    X(TERMINATED, "instances_terminated", "Instances that were terminated.")   \
    X(RESTARTED, "instances_restarted", "Runs that ended in another run.")     \
    X(PARKED, "instances_parked", "Instances that were parked.")               \
    X(TURNS, "turns", "Turns that ran, well or not.")                          \
    X(TURNS_FAILED, "turns_failed", "Turns whose handler failed.")             \
    X(SIGNALS, "signals", "Signals that were handled.")                        \
    X(TIMERS, "timers_fired", "Timers that came due.")                         \
    X(REPLAYS, "replays", "Stacks rebuilt from the journal.")

#define WF_ACTIVITY_COUNT_TABLE(X)                                             \
    X(ATTEMPTS, "activity_attempts", "Attempts handed to workers.")            \
    X(COMPLETED, "activities_completed", "Activities that completed.")         \
    X(FAILED, "activities_failed", "Activities that failed for good.")         \
    X(ATTEMPTS_FAILED, "activity_attempts_failed",                             \
      "Attempts that failed, or were too late to begin.")                      \
    X(TIMEOUTS, "activity_timeouts", "Attempts that took too long.")           \
    X(LOST, "activity_attempts_lost",                                          \
      "Attempts whose process died, found at recovery.")

#define X(name, metric, help) WF_KIND_##name,
enum wf_kind_count { WF_KIND_COUNT_TABLE(X) WF_KIND_COUNTS };
#undef X

#define X(name, metric, help) WF_ACTIVITY_##name,
enum wf_activity_count { WF_ACTIVITY_COUNT_TABLE(X) WF_ACTIVITY_COUNTS };
#undef X

#define WF_TALLY_NS 1000 // unit of histograms of nanoseconds
#define WF_TALLY_VERBS 64
#define WF_TALLY_ERRS 64

struct wf_kind_tally {
    wf_counter counts[WF_KIND_COUNTS];
    struct wf_histogram turn_ns;
};

struct wf_activity_tally {
    wf_counter counts[WF_ACTIVITY_COUNTS];
    struct wf_histogram waited_ns; // from being handed out to its begin
    struct wf_histogram ran_ns;    // from there to its end
};

struct wf_tally {
    uint32_t kinds_count;
    uint32_t activities_count;
    struct wf_kind_tally *kinds;          // by index of the kind
    struct wf_activity_tally *activities; // the same
    wf_counter requests[WF_TALLY_VERBS][WF_TALLY_ERRS];
    struct wf_histogram timer_late_ns;
    wf_counter loads;
    wf_counter evictions;
    wf_counter dead_letters;
    wf_counter spills; // rows of mailboxes that were too long for memory
};

struct wf_tally *wf_tally_create(const weft_definitions *definitions);
void wf_tally_destroy(struct wf_tally *tally); // NULL is fine

// A tally may be NULL: nobody counts. So may a kind that is not registered.
static inline void
wf_tally_kind(struct wf_tally *tally, const struct wf_kind *kind,
              enum wf_kind_count what)
{
    if (tally != NULL && kind != NULL) {
        wf_counter_add(&tally->kinds[kind->index].counts[what], 1);
    }
}

static inline void
wf_tally_activity(struct wf_tally *tally, const struct wf_activity_kind *kind,
                  enum wf_activity_count what)
{
    if (tally != NULL && kind != NULL) {
        wf_counter_add(&tally->activities[kind->index].counts[what], 1);
    }
}

#endif
