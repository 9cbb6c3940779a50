// SPDX-License-Identifier: Apache-2.0
//
// start.h - how an instance is started: what may differ from the defaults.
//
// Used wherever something starts an instance: weft_client_start_with and
// weft_request in client.h.

#ifndef WEFT_START_H
#define WEFT_START_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// A finished instance of the same id: start again, or not? (Temporal: workflow
// id reuse policy.)
typedef enum weft_reuse {
    WEFT_REUSE_ALLOW,
    WEFT_REUSE_AFTER_FAILURE, // only if it did not complete
    WEFT_REUSE_REJECT
} weft_reuse;

// A running instance of the same id: what then? (Temporal: workflow id
// conflict policy.)
typedef enum weft_conflict {
    WEFT_CONFLICT_FAIL,        // WEFT_EEXISTS
    WEFT_CONFLICT_USE_EXISTING // answer as if it had been started now
} weft_conflict;

// Start from WEFT_START_OPTIONS_INIT and set what differs. All of it holds for
// workflows and for plain actors.
typedef struct weft_start_options {
    size_t struct_size;
    weft_reuse reuse;
    weft_conflict conflict;
} weft_start_options;

#define WEFT_START_OPTIONS_INIT                                                \
    {                                                                          \
        .struct_size = sizeof(weft_start_options)                              \
    }

#ifdef __cplusplus
}
#endif

#endif
