// SPDX-License-Identifier: Apache-2.0
//
// assert.h - the three kinds of check. Choose by whose mistake it would be.

#ifndef WF_BASE_ASSERT_H
#define WF_BASE_ASSERT_H

// Ours: a bug in weft. Always compiled in; prints file, line and text, stops
// the process. Never for anything a peer, a disk or a user can cause.
#define WF_ASSERT(cond) ((cond) ? (void)0 : wf_panic(__FILE__, __LINE__, #cond))

// Ours too, where checking costs more than the work it guards. Compiled in for
// debug, sanitizer and simulation builds; the expression always is.
#ifdef WF_SLOW_CHECKS
#define WF_ASSERT_SLOW(cond) WF_ASSERT(cond)
#else
#define WF_ASSERT_SLOW(cond) ((void)sizeof(cond))
#endif

_Noreturn void wf_panic(const char *file, int line, const char *text);

#endif
