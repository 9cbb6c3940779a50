// SPDX-License-Identifier: Apache-2.0
//
// error.h - every way in which a call can fail, and what to do next.
//
// The code says what kind of failure it is; weft_err_detail() says, for the
// last failing call on this thread, which thing it was about.

#ifndef WEFT_ERROR_H
#define WEFT_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(WEFT_BUILDING_SHARED)
#define WEFT_API __attribute__((visibility("default")))
#else
#define WEFT_API
#endif

// X(name, value, class, text). Values are part of the ABI: append, never
// renumber. The class is the caller's next step:
//   CALLER   the call was wrong; fix the program
//   RETRY    nothing happened; the same call may work later
//   UNKNOWN  it may or may not have happened; repeat it with the same id
//   FINAL    it will not work on this handle or target, ever
//   FLOW     not a fault: how a handler or a workflow is told to go on
#define WEFT_ERROR_TABLE(X)                                                    \
    X(OK, 0, NONE, "success")                                                  \
    X(EINVAL, 1, CALLER, "an argument breaks the documented contract")         \
    X(ENOMEM, 2, RETRY, "out of memory")                                       \
    X(EBUSY, 3, RETRY, "a limit was reached, or another holds it")             \
    X(ETIMEDOUT, 4, UNKNOWN, "no answer in time")                              \
    X(EIO, 5, UNKNOWN, "the disk or the network failed")                       \
    X(ECLOSED, 6, FINAL, "the handle is closed")                               \
    X(ENOTFOUND, 7, FINAL, "no such actor, kind, query or file")               \
    X(ECORRUPT, 8, FINAL, "stored or received bytes fail their check")         \
    X(EEXISTS, 9, FINAL, "it exists already")                                  \
    X(ETOOBIG, 10, CALLER, "larger than the limit for it")                     \
    X(EFORMAT, 11, FINAL, "made by another version or with other options")     \
    X(ELOST, 12, FINAL, "the store is older or shorter than it once was")      \
    X(EFULL, 13, RETRY, "the disk is nearly full; intake is stopped")          \
    X(EEXPIRED, 14, FINAL, "the request id is too old to be looked up")        \
    X(EFAILED, 15, FINAL, "user code failed; the failure has the reason")      \
    X(ECANCELLED, 16, FLOW, "cancellation was requested")                      \
    X(ETERMINATED, 17, FINAL, "the instance was terminated")                   \
    X(EUNWIND, 18, FLOW, "the stack is being dropped: clean up and return")    \
    X(EDEFERRED, 19, FLOW, "the activity completes later, by token")           \
    X(EFINISHED, 20, FINAL, "the instance has finished")                       \
    X(EDIVERGED, 21, FINAL, "the code does not fit its recorded journal")      \
    X(EOVERDUE, 22, FINAL, "the instance took longer than its timeout")        \
    X(EDENIED, 23, CALLER, "not allowed to this principal")

// On the type, so that every function returning one is covered: ignoring an
// error is a warning wherever C23 attributes exist.
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202000L
#define WEFT_MUST_USE [[nodiscard]]
#else
#define WEFT_MUST_USE
#endif

typedef enum WEFT_MUST_USE weft_err {
#define X(name, value, class, text) WEFT_##name = value,
    WEFT_ERROR_TABLE(X)
#undef X
} weft_err;

// The name ("WEFT_EBUSY"), the text and the class ("RETRY"). Never NULL,
// whatever the value.
WEFT_API const char *weft_err_name(weft_err err);
WEFT_API const char *weft_err_text(weft_err err);
WEFT_API const char *weft_err_class(weft_err err);

// What the last failing weft call on this thread was about, in words: names
// the kind, file, option or limit. Empty if there is nothing to add. Valid
// until the next weft call on this thread.
WEFT_API const char *weft_err_detail(void);

#ifdef __cplusplus
}
#endif

#endif
