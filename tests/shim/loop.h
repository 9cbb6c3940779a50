// SPDX-License-Identifier: Apache-2.0
//
// loop.h - lives of a scene's victim, one after the other, on one directory.

#ifndef WF_TESTS_SHIM_LOOP_H
#define WF_TESTS_SHIM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/scene.h"
#include "shim/shim.h"

#define LOOP_PATH 400
#define LOOP_FAULT 64

struct loop {
    const char *victim;
    const char *shim;
    uint64_t random;
    char root[LOOP_PATH / 2]; // of the run
    struct shim_state *state; // what the shim counts
    char state_path[LOOP_PATH];
    uint64_t runs;
    uint64_t faults_met; // that were made to happen
    uint32_t failures;
    bool is_kept;  // the directory of the run: it failed
    bool is_quiet; // a failure is what is wanted: only counted
};

// What a life is given besides. Zero: nothing.
struct loop_life {
    const char *fault;    // for SHIM_FAULT; or of base/fault.h, for WEFT_FAULT
    const char *trace;    // a file for SHIM_TRACE
    bool is_unsynced;     // SHIM_NOSYNC
    bool is_finishing;    // plays to the end, verified and written down
    uint32_t patience_ms; // 0: as the victim likes
};

void loop_init(struct loop *loop, char **argv); // VICTIM SHIM after argv[0]
void loop_fini(struct loop *loop);
uint32_t loop_draw(struct loop *loop, uint32_t below);
uint64_t loop_now_ms(void);

// A fresh directory for a run; and its end.
void loop_begin(struct loop *loop);
void loop_end(struct loop *loop);
// Run the victim to its end; its wait status, or -1 if it did not end.
int loop_live(struct loop *loop, const struct scene *scene,
              const struct loop_life *life);
// How an exit or a signal reads.
const char *loop_status_text(int status);
// The shell command and what went wrong. The directory is kept.
__attribute__((format(printf, 2, 3))) void loop_fail(struct loop *loop,
                                                     const char *format, ...);
// Play the scene to its end without faults, and check it. False: said.
bool loop_finish(struct loop *loop, const struct scene *scene);
void loop_remove_tree(const char *path);
void loop_copy_tree(const char *from, const char *to); // regular files, dirs

#endif
