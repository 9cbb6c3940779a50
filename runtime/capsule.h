// SPDX-License-Identifier: Apache-2.0
//
// capsule.h - one instance in one piece, to be kept or carried elsewhere.
//
//   capsule = "WCAP" u32 version, u32 length of body, body, u32 CRC32C of all
//             before it
//   body    = V exported at, K key, B image (image.h)
//
// docs/formats/capsule.md has it byte by byte.

#ifndef WF_RUNTIME_CAPSULE_H
#define WF_RUNTIME_CAPSULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/key.h"
#include "weft/error.h"

struct wf_actor;

struct wf_capsule {
    uint64_t exported_at_ms;
    struct wf_key key; // owned
    weft_bytes image;  // borrowed
};

// Append the capsule of a loaded actor.
//
// WEFT_ETOOBIG  a part of its mailbox is not in memory
weft_err wf_capsule_encode(struct wf_actor *actor, uint64_t now_ms,
                           struct wf_buf *out);

// Check the frame and what is in front of the image. Capsules may follow each
// other: the reader stands behind this one. Release with wf_capsule_fini.
//
// WEFT_ECORRUPT  cut short, not a capsule, or its checksum differs
// WEFT_EFORMAT   of another version
weft_err wf_capsule_decode(struct wf_reader *reader, struct wf_capsule *out);
void wf_capsule_fini(struct wf_capsule *capsule);

// The actor, of no partition and without a kind; decodes all of the image.
// Release with wf_actor_destroy.
//
// WEFT_ECORRUPT  the image does not decode
weft_err wf_capsule_actor(const struct wf_capsule *capsule,
                          struct wf_actor **out_actor);

#endif
