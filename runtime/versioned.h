// SPDX-License-Identifier: Apache-2.0
//
// versioned.h - take over a public struct that begins with struct_size.
//
// Public structs grow at their end. A program that was compiled with an older
// header gives a shorter one: what is missing is zero. One with a newer header
// gives a longer one: fields we do not know must be zero, for we could not do
// what they ask.

#ifndef WF_RUNTIME_VERSIONED_H
#define WF_RUNTIME_VERSIONED_H

#include <stddef.h>

#include "weft/error.h"

// Copy `given`, whose first member is its size, to `out`, which is out_size
// long. `what` names the struct in the error's detail.
//
// WEFT_EINVAL   given is NULL, its struct_size is not set, or it has fields
//               that this version does not know
weft_err wf_versioned_copy(const char *what, const void *given, void *out,
                           size_t out_size);

#endif
