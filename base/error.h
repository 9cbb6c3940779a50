// SPDX-License-Identifier: Apache-2.0
//
// error.h - leave a sentence beside an error code, for weft_err_detail().

#ifndef WF_BASE_ERROR_H
#define WF_BASE_ERROR_H

#include "weft/error.h"

// The caller's: a broken contract, in public functions only.
#define WF_REQUIRE(cond)                                                       \
    do {                                                                       \
        if (!(cond)) {                                                         \
            return wf_error(WEFT_EINVAL, "%s: need %s", __func__, #cond);      \
        }                                                                      \
    } while (0)

// Keep the formatted sentence as this thread's detail (at most 511 bytes) and
// return err. The sentence names the thing: a file, an option, a kind.
weft_err wf_error(weft_err err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The error's text, and after it the detail, if that was left beside the same
// error: for messages that outlive the call. Valid until this thread's next
// call of it.
const char *wf_error_message(weft_err err);
// Leave the detail for weft_err_detail, but out of such messages.
void wf_error_detach(void);

// Forget this thread's detail; public functions call it first.
void wf_error_clear(void);

#endif
