// SPDX-License-Identifier: Apache-2.0
//
// capsule.h - one instance in one piece: keep it, carry it, replay it.
//
// A capsule holds all that an instance is: state, input, journal, mailbox,
// timers, open activities, published values. weft_client_export (client.h) and
// weft_inspect_export (inspect.h) make one, weft_client_import lets it go on
// elsewhere, and what is here looks into it. It is a file format of its own,
// versioned and checked: docs/formats/capsule.md.

#ifndef WEFT_CAPSULE_H
#define WEFT_CAPSULE_H

#include "weft/bytes.h"
#include "weft/definitions.h"
#include "weft/error.h"
#include "weft/inspect.h"

#ifdef __cplusplus
extern "C" {
#endif

// Any thread may call anything here. A file may hold several capsules, one
// behind the other.
//
// Of all of them:
// WEFT_ECORRUPT  cut short, or its checksum differs
// WEFT_EFORMAT   of a version that is not known
// WEFT_ENOTFOUND no such file
// WEFT_EIO       the file cannot be read

// Show each capsule. fn as in inspect.h.
WEFT_API weft_err weft_capsule_each(weft_bytes capsules, weft_inspect_fn *fn,
                                    void *ctx);

// Run the code of the workflow over the capsule's journal, as after a crash,
// and say whether they fit: for each capsule, until one does not. Nothing else
// happens: no activity, step or value is run, nothing is sent. The code runs on
// the calling thread, so a breakpoint in it is met with all that the journal
// had in its variables. Plain actors have no journal, and fit.
//
// What fits: the same commands in the same order, with the same inputs; and a
// run that has ended by itself ends, the same way and with the same result.
// The code is that of the instance's version; if that is not registered, of the
// highest. (Temporal: WorkflowReplayer.)
//
// WEFT_EDIVERGED  they do not; the detail names the instance, and has both
//                 sides of the first difference
// WEFT_ENOTFOUND  no such kind is registered
// WEFT_ENOMEM     no memory for a stack
WEFT_API weft_err weft_replay_check(const weft_definitions *definitions,
                                    weft_bytes capsules);
WEFT_API weft_err weft_replay_check_file(const weft_definitions *definitions,
                                         const char *path);

#ifdef __cplusplus
}
#endif

#endif
