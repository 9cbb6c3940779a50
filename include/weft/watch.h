// SPDX-License-Identifier: Apache-2.0
//
// watch.h - see an instance change.

#ifndef WEFT_WATCH_H
#define WEFT_WATCH_H

#include <stdint.h>

#include "weft/client.h"

#ifdef __cplusplus
extern "C" {
#endif

// Wait until an instance has changed since `after`, at once with 0. The reply
// has what weft_client_describe gives, as items[0]; in data, the values that it
// has published, read with weft_pairs_next (start.h), the first 1,000 or 1 MiB
// of them; and `after`, to say next.
//
// A change is anything that is written of it: messages, turns, timers and
// activities too. Those that come faster than they are asked for are seen
// together: the newest state is never missed, each step on the way may be. One
// that has finished changes no more, until it is started anew or removed.
//
// `after` counts in the node's data: it holds over crashes and restarts. One
// that is not of this instance, or from before it was moved here, is answered
// at once. WEFT_VERB_WATCH is a read: it has no number that is kept. Temporal
// has long polls of the history; this is of the state.
//
// timeout_ms  0: the client's
// out_reply   release with weft_reply_free; may be NULL
//
// WEFT_ENOTFOUND  no such instance, or it was removed meanwhile
// WEFT_ETIMEDOUT  nothing has changed
WEFT_API weft_err weft_client_watch(weft_client *client, weft_target target,
                                    uint64_t after, uint32_t timeout_ms,
                                    weft_reply **out_reply);

#ifdef __cplusplus
}
#endif

#endif
