// SPDX-License-Identifier: Apache-2.0
//
// futex.h - sleep until a word in memory is no longer what it was.
//
// For one thread that waits for one answer: no lock, no condition to destroy,
// and no system call unless somebody sleeps.

#ifndef WF_RUNTIME_FUTEX_H
#define WF_RUNTIME_FUTEX_H

#include <stdatomic.h>
#include <stdint.h>

#define WF_FUTEX_FOREVER UINT64_MAX

// Sleep while *word is `value`, at most timeout_ns. May return early; look at
// the word, and wait again.
void wf_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns);

// Wake everybody who waits on the word. It only names the place: memory that
// was freed meanwhile does no harm.
void wf_futex_wake(_Atomic uint32_t *word);

#endif
