// SPDX-License-Identifier: Apache-2.0
//
// commands_impl.h - what the files about open activities share: commands.c
// (attempts), results.c (what they come to), timeouts.c (when they take too
// long), offers.c and leases.c (those of task queues), operate.c (what
// operators do to them).

#ifndef WF_RUNTIME_COMMANDS_IMPL_H
#define WF_RUNTIME_COMMANDS_IMPL_H

#include "runtime/policy.h"

struct wf_activity_kind;
struct wf_key;
struct wf_token;
struct wf_buf;
struct wf_command;
struct wf_partition;

// NULL for a step, and for an activity that is not registered here.
const struct wf_activity_kind *
wf_commands_kind(const struct wf_partition *partition,
                 const struct wf_command *command);
// With the defaults, if it is not registered here.
struct wf_policy wf_commands_policy(const struct wf_partition *partition,
                                    const struct wf_command *command);
// The same with other options.
struct wf_policy wf_commands_policy_with(const struct wf_partition *partition,
                                         const struct wf_command *command,
                                         weft_bytes options);

// How an attempt failed, or that it is over without having run.
struct wf_failed {
    weft_err err; // EFAILED, or ECANCELLED if it stopped as it was asked
    weft_bytes name;
    weft_bytes text;
    weft_bytes data;
    bool is_final;
    uint64_t retry_after_ms; // 0: as the policy says
};

// It is over: the command is closed, and its actor gets the result.
void wf_commands_close(struct wf_partition *partition,
                       struct wf_command *command, weft_err err,
                       weft_bytes name, weft_bytes text, weft_bytes data);
// An attempt is over: begin the next, or close the command.
void wf_commands_fail(struct wf_partition *partition,
                      struct wf_command *command,
                      const struct wf_failed *failed);
// If it may start, and has not.
void wf_commands_start_one(struct wf_partition *partition,
                           struct wf_command *command);

// The pause after that attempt, when so many were used up.
uint64_t wf_commands_delay_ms(const struct wf_policy *policy,
                              const struct wf_command *command,
                              uint32_t attempt, uint32_t used);
void wf_commands_put_attempt(struct wf_buf *ops,
                             const struct wf_command *command, uint32_t attempt,
                             uint32_t lost, uint64_t due);

// Tell its queue that it waits for a worker, once more if that was long ago;
// and see to it that it is looked at when it is time for that.
void wf_offers_make(struct wf_partition *partition, struct wf_command *command);
// When the queue is to be told again.
uint64_t wf_offers_next(const struct wf_command *command);

// The command whose current attempt the token means, or NULL.
struct wf_command *wf_results_find(const struct wf_partition *partition,
                                   const struct wf_key *caller,
                                   const struct wf_token *token);

// What strikes when a lease is not renewed.
#define WF_TIMEOUT_LEASE "lost"

// The earliest moment at which a timeout could strike, given what is known
// now; UINT64_MAX: never. *out_name: which one strikes if it is past.
uint64_t wf_timeouts_next(const struct wf_partition *partition,
                          const struct wf_command *command,
                          const char **out_name, bool *out_is_final);
void wf_timeouts_watch(struct wf_partition *partition,
                       struct wf_command *command);

#endif
