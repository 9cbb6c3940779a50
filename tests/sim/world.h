// SPDX-License-Identifier: Apache-2.0
//
// world.h - many partitions in one thread, over a simulated clock, disk, log
// and network, all driven by one byte string (choice.h).
//
// Each partition is a site, with a log of its own, on a node (node.c) that has
// a disk, a clock and workers, and crashes and pauses as one. Without faults
// each node has one site. Of the commits that were under way in a crash each is
// durable or not for itself, so nothing in a partition may rely on another
// one's sharing its commit. Frames between sites are delayed, and with faults
// lost, doubled, late and reordered. What else goes wrong is in weather.h.
//
// The same bytes give the same run; world_hash tells.

#ifndef WF_TESTS_SIM_WORLD_H
#define WF_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/partition.h"
#include "runtime/request.h"
#include "sim/choice.h"
#include "weft/client.h"
#include "weft/definitions.h"
#include "weft/operate.h"
#include "weft/worker.h"

struct world;

struct world_options {
    uint64_t seed;
    struct choice *choice;  // borrowed; NULL: that of the seed
    uint32_t sites;         // partitions; default 1
    uint32_t nodes;         // that they are dealt out to; default: one each
    int64_t window_bytes;   // as in wf_partition_options; 0: no window
    uint32_t residents_max; // default 1000
    uint32_t stacks_max;    // default 100
    bool is_paranoid;
    bool is_prompt; // disks take no time
    const weft_definitions *definitions;
    // Chances in a thousand.
    uint32_t frame_loss;
    uint32_t frame_double;
    uint32_t crash_at_commit; // before or after a commit is durable
    uint32_t commit_in_doubt; // the commit fails, applied or not
    uint32_t commit_stall;    // the commit is refused, and tried again
    uint32_t frame_late;      // by up to a minute
    uint32_t storm_ms;        // between other faults (weather.h), on average
    uint32_t audit_ms;        // between two audits; 0: none
    // What was under way in a crash is asked again up to so much later, in any
    // order; 0: at once.
    uint32_t again_ms;
    bool is_traced;      // keep the trace as text
    FILE *trace;         // write it there; or NULL; borrowed
    uint32_t twin_every; // commits between two twin_checks; 0: usual
};

struct world *world_create(const struct world_options *options);
void world_destroy(struct world *world);

// No more faults from here on.
void world_calm(struct world *world);

// One thing happens; false when nothing can until time passes further than
// any alarm. Time moves by itself.
bool world_step(struct world *world);
// Run for so much simulated time.
void world_run_ms(struct world *world, uint64_t ms);
// Run until nothing is under way but alarms later than ms from now.
void world_settle(struct world *world, uint64_t ms);

// The process of the site's node dies now: memory and what is not synced are
// lost. It opens again at once; requests under way are asked again.
void world_crash(struct world *world, uint32_t site);
// A copy of its disk is kept as it is now; the other takes the copy for its
// disk, in a crash. The operator accepts that what came later is lost.
void world_keep(struct world *world, uint32_t site);
void world_lose(struct world *world, uint32_t site);
// The same, but that the beacons are as old, and nobody knows.
void world_lose_unseen(struct world *world, uint32_t site);
// The wall clock of the site's node is ahead by so much more from now on, or
// behind.
void world_jump(struct world *world, uint32_t site, int64_t by_ms);
// The wake index of that site has no rows due before it.
uint64_t world_wake_cursor(const struct world *world, uint32_t site);
// The next frames to that site are lost, so many.
void world_lose_frames(struct world *world, uint32_t site, uint32_t count);
// Frames that are sent to that site from now on take so much longer; 0: no
// more.
void world_delay_frames(struct world *world, uint32_t site, uint64_t ms);
// That site hears that the other one has come to another node.
void world_meet(struct world *world, uint32_t site, uint32_t other);
// Every site's process ends, and opens again with these definitions. Not from
// user code.
void world_define(struct world *world, const weft_definitions *definitions);
// Crash every site at each commit boundary from the `skip`th on, once.
void world_crash_at(struct world *world, uint64_t commit, bool is_after);
uint64_t world_commits(const struct world *world);

struct weather_count;
// What went wrong so far.
const struct weather_count *world_weather(const struct world *world);
uint32_t world_nodes(const struct world *world);
uint64_t world_now_ms(const struct world *world);
uint64_t world_hash(const struct world *world);
const char *world_trace(const struct world *world);
void world_trace_clear(struct world *world);
struct wf_partition *world_partition(const struct world *world, uint32_t site);
void world_stats(const struct world *world, struct wf_partition_stats *stats);
// Actors that nothing would wake, now.
uint64_t world_audit(struct world *world);
// Rows of instances that are gone, which nobody would remove.
uint64_t world_left_over(struct world *world);

// A client's call. It is answered at some later step, and asked again, under
// the same number, after a crash.
struct world_call {
    bool is_answered;
    bool was_refused; // for now, and asked again: it has lost its place
    weft_err err;
    char detail[256];
    char data[4096]; // the answer, as text, cut
    size_t data_len;
    weft_bytes capsule; // of an export; lives as long as the call
    char failure[256];  // its name
    char message[256];
    char details[256]; // as text, cut
    char causes[2048]; // a line each: "SOURCE NAME MESSAGE DETAILS", cut
    bool is_created;
    uint64_t after;
    size_t items_count;
    weft_description item; // the first; its strings are those below
    size_t activities_count;
    weft_open_activity activity; // the first, in the same way
    char task_queue[64];         // of the activity, as is the next
    char worker[64];
    bool has_lease;
    weft_lease lease;       // its strings and bytes are those below
    char leased[3][64];     // activity, key, caller
    char lease_input[256];  // cut
    char lease_details[64]; // as text, cut
    char first_id[64];
    char parent[64]; // of the first: "kind/id"
    char reason[1200];
    char attributes[1024]; // of the first: "city=Rome n=1", cut
    uint8_t memo[1024];    // cut
};

// All strings are copied. The namespace is "default".
struct world_call *world_call(struct world *world, weft_verb verb,
                              const char *kind, const char *id,
                              const char *name, weft_bytes data);
// The same, and run until it is answered.
struct world_call *world_ask(struct world *world, weft_verb verb,
                             const char *kind, const char *id, const char *name,
                             weft_bytes data);
// The same two in full: every field of the request as a client has it. number
// 0 is a new one; another repeats that request.
struct world_call *world_submit(struct world *world,
                                const weft_request *request);
struct world_call *world_wait(struct world *world, struct world_call *call);
// Nobody waits for its answer any more; it may still come.
void world_withdraw(struct world *world, struct world_call *call);
// All that a filter matches, over all sites and in pages of so many: "kind/id"
// in lines, in order. The text lives until the next of these two.
const char *world_list(struct world *world, const char *filter, uint32_t limit);
// How many: "3", or with a field to group by "3: failed=1 running=2".
const char *world_count(struct world *world, const char *filter,
                        const char *group_by);
// The number that the next new request will have.
uint64_t world_next_number(const struct world *world);
// New requests say that all below this number were answered. At first: none.
void world_confirm(struct world *world, uint64_t number);
// Release the answers of all calls that were answered.
void world_forget_calls(struct world *world);

#endif
