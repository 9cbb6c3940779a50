// SPDX-License-Identifier: Apache-2.0
//
// machine.h - on what it was measured, and which code.

#ifndef WF_BENCH_MACHINE_H
#define WF_BENCH_MACHINE_H

#include <stddef.h>

// "2 x Intel(R) Xeon(R) Processor, 23 GiB, Linux 6.1.0, ext4": processors,
// memory, kernel, and the file system of dir, which may be NULL. No character
// that JSON would want escaped.
void machine_describe(const char *dir, char *buf, size_t size);

// The commit this was built from, with "-dirty" after it if files were changed;
// "unknown" outside of git.
const char *machine_commit(void);

#endif
