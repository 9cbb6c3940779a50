// SPDX-License-Identifier: Apache-2.0
//
// dry_run.h - before a deployment: which instances would not fit the new code?
//
// Reads the directory of a stopped node, best a backup of the one that runs,
// and runs the new workflow functions over the journal of every live instance,
// as a node would at its first touch. Nothing in the directory is changed, and
// weft does nothing else: no activity or step runs, nothing is sent. What a
// workflow function does beside weft, it does. (Temporal: replay test.)
//
// Threads: the functions run on the caller's.

#ifndef WEFT_DRY_RUN_H
#define WEFT_DRY_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "weft/definitions.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// What would become of an instance.
typedef enum weft_dry_run_outcome {
    WEFT_DRY_RUN_STAYS,  // the code of its version fits: it goes on
    WEFT_DRY_RUN_MOVES,  // it would move to the newest version, which fits
    WEFT_DRY_RUN_WAITS,  // its version is not registered: it would not run
    WEFT_DRY_RUN_PARKS,  // the code does not fit: it would be parked
    WEFT_DRY_RUN_BROKEN, // it cannot be read, or there is no memory for it
    WEFT_DRY_RUN_OUTCOME_COUNT
} weft_dry_run_outcome;

// "stays" and so on; never NULL.
WEFT_API const char *weft_dry_run_outcome_name(weft_dry_run_outcome outcome);

typedef struct weft_dry_run_options {
    size_t struct_size;
    const char *data_dir;                // required
    const weft_definitions *definitions; // required: those of the new program
    int accept_loss;                     // as in weft_inspect_options
    // Not what a node would do, but as if every instance of this kind were
    // moved to this version now. kind NULL: all kinds, as a node would.
    const char *kind;
    uint32_t version;
} weft_dry_run_options;

#define WEFT_DRY_RUN_OPTIONS_INIT                                              \
    {                                                                          \
        .struct_size = sizeof(weft_dry_run_options)                            \
    }

// One live instance of a workflow, or of a kind that is not registered.
// Borrowed for the call.
typedef struct weft_dry_run_instance {
    const char *name_space;
    const char *kind;
    const char *id;
    uint32_t version; // that it has
    int is_parked;    // as it lies there
    weft_dry_run_outcome outcome;
    // Why it does not fit, with both sides, or cannot be read; or "". Those
    // that stay or wait have one if the newest version was to take them and did
    // not fit.
    const char *difference;
    uint32_t tried; // the version that this is about, or that fits; 0: none
} weft_dry_run_instance;

// Return 0 to go on; any other value ends it.
typedef int weft_dry_run_fn(void *ctx, const weft_dry_run_instance *instance);

// Instances of one version of one kind.
typedef struct weft_dry_run_count {
    const char *kind;
    uint32_t version;
    uint64_t outcomes[WEFT_DRY_RUN_OUTCOME_COUNT];
} weft_dry_run_count;

typedef struct weft_dry_run_summary {
    uint64_t outcomes[WEFT_DRY_RUN_OUTCOME_COUNT]; // of all
    const weft_dry_run_count *counts; // in order of first appearance
    size_t counts_count;
} weft_dry_run_summary;

// Calls fn for each live instance, in order of namespace, kind and id. fn may
// be NULL; so may out_summary, which is released with weft_dry_run_free and set
// whenever the directory could be read.
//
// WEFT_OK        all stay or move
// WEFT_EDIVERGED some would wait or be parked, or are broken; the detail says
//                how many
// WEFT_EINVAL    an option is missing, or there is a version and no kind
// WEFT_ENOTFOUND that version of that kind is not registered; or as
//                weft_inspect_open
// WEFT_EBUSY, WEFT_EFORMAT, WEFT_ELOST, WEFT_ECORRUPT, WEFT_EIO
//                as weft_inspect_open
WEFT_API weft_err weft_dry_run(const weft_dry_run_options *options,
                               weft_dry_run_fn *fn, void *ctx,
                               weft_dry_run_summary **out_summary);
WEFT_API void weft_dry_run_free(weft_dry_run_summary *summary); // NULL is fine

#ifdef __cplusplus
}
#endif

#endif
