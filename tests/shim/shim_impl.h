// SPDX-License-Identifier: Apache-2.0
//
// shim_impl.h - what the parts of the shim share.

#ifndef WF_TESTS_SHIM_SHIM_IMPL_H
#define WF_TESTS_SHIM_SHIM_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/shim.h"

#define SHIM_PATH_SIZE 1024

// The system's own functions, behind the shim's. shim_real.c.
ssize_t shim_real_write(int fd, const void *data, size_t len);
ssize_t shim_real_pwrite(int fd, const void *data, size_t len, off_t at);
int shim_real_open(int dir_fd, const char *path, int flags, mode_t mode);

// The plan: what happens to which call. shim_plan.c.

void shim_plan_init(void);
// The next call of that class. Does not come back if it is killed before.
enum shim_action shim_plan_next(enum shim_class class);
// Has a fault that lasts begun?
bool shim_plan_is_failing(void);
// It has happened: for those that are killed afterwards.
void shim_plan_done(enum shim_action action);
_Noreturn void shim_plan_kill(void);
// The error that the action stands for; 0: none.
int shim_plan_error(enum shim_action action);

// The trace. shim_trace.c.

void shim_trace_init(void);
bool shim_trace_is_on(void);
// Around a call and its entry, so that their order is that of the calls.
void shim_trace_lock(void);
void shim_trace_unlock(void);
void shim_trace_add(enum shim_entry_type type, uint64_t file, uint64_t offset,
                    const char *path, const char *to, const void *data,
                    size_t data_len);

#endif
