// SPDX-License-Identifier: Apache-2.0
//
// gone.h - actors whose images are being deleted. Mostly it is enough to look
// at the bits.

#ifndef WF_RUNTIME_GONE_H
#define WF_RUNTIME_GONE_H

#include <stdint.h>

#include "base/bytes.h"

struct wf_gone {
    struct wf_buf keys;
    uint64_t bits[64]; // by hash
};

#endif
