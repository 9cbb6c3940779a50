// SPDX-License-Identifier: Apache-2.0
//
// s3_client.h - one request after the other to S3, signed, over HTTPS.
//
// What fails in passing (no connection, one that is cut or silent, 5xx,
// SlowDown) is tried again, later each time, a few times. A request may have
// been carried out though it failed.
//
// Threads: one at a time for each client; stop from any.

#ifndef WF_STORAGE_S3_CLIENT_H
#define WF_STORAGE_S3_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "storage/s3_place.h"
#include "weft/error.h"

#define WF_S3_SHA256_BYTES 32

// 0 means the default.
struct wf_s3_limits {
    uint32_t tries;      // of a request; default 5
    uint32_t backoff_ms; // after the first, then double; default 200
    uint32_t silence_ms; // nothing comes or goes: given up; default 60,000
    uint32_t connect_ms; // default 10,000
};

struct wf_s3_client;

// Nothing is asked yet. `place` is borrowed until close.
weft_err wf_s3_client_open(const struct wf_s3_place *place,
                           const struct wf_s3_limits *limits,
                           struct wf_s3_client **out_client);
void wf_s3_client_close(struct wf_s3_client *client); // NULL is fine
// Whoever waits gives up, now and from now on.
void wf_s3_client_stop(struct wf_s3_client *client);

// Where the bytes of an object go to.
struct wf_s3_sink {
    weft_err (*begin)(void *ctx); // each time from the beginning
    weft_err (*take)(void *ctx, const void *bytes, size_t len);
    void *ctx;
};

struct wf_s3_request {
    const char *method; // "GET", "PUT", "HEAD" or "DELETE"
    const char *key;    // behind the prefix; "": the bucket is meant
    // Names in ascending order, values escaped: it is signed as it is.
    const char *query;
    bool is_copy; // PUT: of the object onto itself, so that it is new
    // PUT, unless it is a copy: the file, its length and SHA-256, which the
    // server compares.
    int fd;
    const char *path; // for errors
    uint64_t bytes;
    uint8_t sha256[WF_S3_SHA256_BYTES];
    // GET: NULL: the answer is the body, which has a limit.
    const struct wf_s3_sink *sink;
};

// Zero is a good beginning.
struct wf_s3_answer {
    struct wf_buf body;
    uint64_t bytes;       // Content-Length
    uint64_t modified_ms; // since 1970, as the server's clock is
    uint64_t now_ms;      // the same, when it answered
};

void wf_s3_answer_fini(struct wf_s3_answer *answer);

// WEFT_ENOTFOUND   there is no such object
// WEFT_EIO         else; the detail names bucket, key, HTTP's status and S3's
//                  code, or says why there was no answer
// else             what the sink says
weft_err wf_s3_client_do(struct wf_s3_client *client,
                         const struct wf_s3_request *request,
                         struct wf_s3_answer *out_answer);

#endif
