// SPDX-License-Identifier: Apache-2.0
//
// client_batch.h - the parts of a batch that do not depend on who waits for it:
// weft_client_batch, which blocks, and the server's, which does not.

#ifndef WF_RUNTIME_CLIENT_BATCH_H
#define WF_RUNTIME_CLIENT_BATCH_H

#include "weft/client.h"
#include "weft/find.h"

// WEFT_EINVAL   no filter, a verb that is not for batches, not a cursor, or
// what
//               the verb needs is missing
weft_err wf_client_batch_check(const weft_client *client,
                               const weft_batch_options *options);
// What is asked of one instance; borrowed from both.
weft_request wf_client_batch_request(const weft_batch_options *options,
                                     weft_target target);
// Count the answer of one.
void wf_client_batch_count(weft_batch_result *result, weft_err err);
// NULL: the beginning, or the end.
void wf_client_batch_set_cursor(weft_batch_result *result, const char *cursor);

#endif
