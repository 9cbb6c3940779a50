// SPDX-License-Identifier: Apache-2.0
//
// blackbox_impl.h - a slot, for the two files of the black box.

#ifndef WF_RUNTIME_BLACKBOX_IMPL_H
#define WF_RUNTIME_BLACKBOX_IMPL_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/limits.h"

#define SLOT_BYTES 1024
#define KEY_WORDS ((WF_KEY_BYTES_MAX + 7) / 8)
#define WHAT_WORDS 16U

struct wf_blackbox_slot {
    _Atomic uint64_t generation; // odd while user code runs
    _Atomic uint64_t started_ms;
    _Atomic uint32_t stamped; // the signal that was fatal; 0: none
    _Atomic uint32_t kind;
    _Atomic uint32_t key_len;
    _Atomic uint32_t what_len;
    _Atomic uint64_t key[KEY_WORDS];
    _Atomic uint64_t what[WHAT_WORDS];
    _Atomic uint64_t is_overflow; // the fault was in the guard of a stack
    uint8_t rest[SLOT_BYTES - 32 - 8 * (KEY_WORDS + WHAT_WORDS + 1)];
};

#endif
