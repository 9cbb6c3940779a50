// SPDX-License-Identifier: Apache-2.0
//
// load.h - definitions in a shared object, for weftd --load.
//
//     #include <weft/load.h>
//     #include <weft/weft.h>
//
//     WEFT_LOAD(definitions, argument)
//     {
//         weft_workflow_def order = WEFT_WORKFLOW_DEF_INIT;
//         ...
//         return weft_definitions_add_workflow(definitions, &order);
//     }
//
// Build it with -shared -fPIC against libweft.so, which weftd uses as well; the
// static library would be a second weft in one process. It stays loaded until
// the process ends. Several objects may be loaded into one node; their kinds
// and activities share one space of names.

#ifndef WEFT_LOAD_H
#define WEFT_LOAD_H

#include "weft/definitions.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// What an object is built for; weftd refuses another one.
#define WEFT_LOAD_VERSION 1

// Called once, before the node opens. argument is what follows '=' in
// `--load orders.so=ARGUMENT`, else "". Whatever error it returns, with the
// detail of the weft call that failed last, is why weftd does not start.
typedef weft_err weft_load_fn(weft_definitions *definitions,
                              const char *argument);

// The head of the one function that an object has.
#define WEFT_LOAD(definitions, argument)                                       \
    __attribute__((                                                            \
        visibility("default"))) extern const unsigned weft_load_version;       \
    const unsigned weft_load_version = WEFT_LOAD_VERSION;                      \
    __attribute__((visibility("default"))) weft_err weft_load(                 \
        weft_definitions *definitions, const char *argument);                  \
    weft_err weft_load(weft_definitions *definitions, const char *argument)

#ifdef __cplusplus
}
#endif

#endif
