// SPDX-License-Identifier: Apache-2.0
//
// error.c - the error table as functions, and each thread's last detail.
//
// Threads: any; the detail is the calling thread's own.

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_BYTES = 512 };

static _Thread_local char detail[DETAIL_BYTES];
static _Thread_local weft_err detail_err; // whose detail it is

const char *
weft_err_name(weft_err err)
{
    switch (err) {
#define X(name, value, class, text)                                            \
    case WEFT_##name:                                                          \
        return "WEFT_" #name;
        WEFT_ERROR_TABLE(X)
#undef X
    }
    return "WEFT_E?";
}

const char *
weft_err_text(weft_err err)
{
    switch (err) {
#define X(name, value, class, text)                                            \
    case WEFT_##name:                                                          \
        return text;
        WEFT_ERROR_TABLE(X)
#undef X
    }
    return "an error this version of weft does not know";
}

const char *
weft_err_class(weft_err err)
{
    switch (err) {
#define X(name, value, class, text)                                            \
    case WEFT_##name:                                                          \
        return #class;
        WEFT_ERROR_TABLE(X)
#undef X
    }
    return "FINAL";
}

const char *
weft_err_detail(void)
{
    return detail;
}

weft_err
wf_error(weft_err err, const char *format, ...)
{
    // Apart, since an argument may be the old detail.
    char text[DETAIL_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    memcpy(detail, text, sizeof(detail));
    detail_err = err;
    return err;
}

const char *
wf_error_message(weft_err err)
{
    static _Thread_local char message[DETAIL_BYTES + 128];

    if (detail[0] == '\0' || detail_err != err) {
        return weft_err_text(err);
    }
    (void)snprintf(message, sizeof(message), "%s: %s", weft_err_text(err),
                   detail);
    return message;
}

void
wf_error_detach(void)
{
    detail_err = WEFT_OK;
}

void
wf_error_clear(void)
{
    detail[0] = '\0';
}
