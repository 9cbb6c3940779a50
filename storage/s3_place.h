// SPDX-License-Identifier: Apache-2.0
//
// s3_place.h - where in S3, at which server, and as whom: what the name of a
// place and the environment say.
//
// Threads: any; the environment must not change meanwhile.

#ifndef WF_STORAGE_S3_PLACE_H
#define WF_STORAGE_S3_PLACE_H

#include "weft/error.h"

// All are owned. Keys and token are secrets, and never said.
struct wf_s3_place {
    char *bucket;
    char *prefix;   // of keys: "", or "a/b/"
    char *endpoint; // "https://HOST" or "http://HOST:PORT"
    char *region;
    char *access_key;
    char *secret_key;
    char *token;   // or NULL
    char *ca_file; // the same: the system's
};

// Read "s3://BUCKET/PREFIX?endpoint=URL&region=NAME"; all but the bucket may be
// missing. Then AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, else Amazon's for the
// region, and AWS_REGION or AWS_DEFAULT_REGION count. AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_CA_BUNDLE are as for others
// who speak to S3.
//
// WEFT_EINVAL   the detail says what is missing, or malformed
weft_err wf_s3_place_read(const char *where, struct wf_s3_place *out_place);
// Secrets are wiped.
void wf_s3_place_fini(struct wf_s3_place *place);

#endif
