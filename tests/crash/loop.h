// SPDX-License-Identifier: Apache-2.0
//
// loop.h - a directory, the processes that live on it one after the other, and
// the verdict at the end.

#ifndef WF_TESTS_CRASH_LOOP_H
#define WF_TESTS_CRASH_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// How the victim's node is opened.
struct loop_config {
    const char *shards;
    const char *stores;
    const char *window;
    const char *more; // one more option, or NULL
};

struct loop {
    const char *victim;
    const char *checker;
    uint64_t random;
    char dir[300];
    uint32_t kills;
    uint32_t kills_all;
    uint32_t failures;
    const struct loop_config *config;
    long log_at; // where the log of the last start begins
};

uint64_t loop_mono_ms(void);
uint32_t loop_draw(struct loop *loop, uint32_t below);
// Say what failed. The directory is kept.
void loop_fail(struct loop *loop, const char *what);

// Processes

// Start the victim on the loop's directory; more and value may be NULL, and
// faults, for WEFT_FAULT.
pid_t loop_start(struct loop *loop, const char *more, const char *value,
                 const char *faults);
// Start any program; args end with NULL. What it says goes to the loop's log.
pid_t loop_spawn(struct loop *loop, const char *const *args,
                 const char *faults);
// Wait so long for its end. False: it is still there.
bool loop_wait(pid_t pid, uint64_t timeout_us, int *out_status);
void loop_kill(pid_t pid, int *out_status);
// Wait for its end; false, and it is said, if that is not a good one.
bool loop_run_to_end(struct loop *loop, const char *who, pid_t pid);
bool loop_ended_well(int status);
void loop_say_status(struct loop *loop, const char *who, int status);
// Since the last start.
bool loop_log_has(struct loop *loop, const char *text);
void loop_show_log(const struct loop *loop);

// Directories

void loop_make_dir(struct loop *loop, const char *name);
void loop_remove_dir(struct loop *loop);
// Verify, finish, verify, check; and remove it if all is well.
void loop_finish(struct loop *loop);

#endif
