// SPDX-License-Identifier: Apache-2.0
//
// codec_map.h - the map of a cluster, which clients ask for (docs/formats/
// wire.md, section 14).
//
// Memory and errors are those of codec_session.h.

#ifndef WF_REMOTE_CODEC_MAP_H
#define WF_REMOTE_CODEC_MAP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "runtime/routes.h"
#include "weft/error.h"

struct wf_wire_message;

// What `map` asks for: one that is not this version.
weft_err wf_codec_map_decode(const struct wf_wire_message *message,
                             uint64_t *out_after);
void wf_codec_map_encode(uint64_t after, uint64_t number,
                         struct wf_buf *out_frame);

// Its answer. Nodes whose name or endpoint is too long are left out, and so is
// what no client could connect to; out_routes is to be given to fini.
//
// WEFT_ECORRUPT   it has no such partition, or one at two nodes; or it is no
//                 answer at all
weft_err wf_codec_routes_decode(const struct wf_wire_message *message,
                                uint32_t partition_count,
                                struct wf_routes *out_routes);
void wf_codec_routes_encode(const struct wf_routes *routes, uint64_t number,
                            struct wf_buf *out_frame);

#endif
