// SPDX-License-Identifier: Apache-2.0
//
// codec_batch.h - batch and stats (docs/formats/wire.md, section 9).
//
// Memory and errors are those of codec_session.h.

#ifndef WF_REMOTE_CODEC_BATCH_H
#define WF_REMOTE_CODEC_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "weft/error.h"
#include "weft/find.h"
#include "weft/operate.h"

struct wf_wire_message;

struct wf_codec_batch {
    weft_batch_options options;
    uint32_t limit; // instances; 0: the default
    uint64_t confirmed;
    bool is_again;

    // Private to the codec.
    const char *verb_name;
    weft_operator by;
    weft_point point;
};

// The result points into itself: it is not to be copied.
weft_err wf_codec_batch_decode(const struct wf_wire_message *message,
                               struct wf_arena *memory,
                               struct wf_codec_batch *out_batch);
void wf_codec_batch_encode(const struct wf_codec_batch *batch, uint64_t number,
                           struct wf_buf *out_frame);

// The "ok" of a batch.
weft_err wf_codec_batch_result_decode(const struct wf_wire_message *message,
                                      struct wf_arena *memory,
                                      weft_batch_result *out_result);
void wf_codec_batch_result_encode(const weft_batch_result *result,
                                  uint64_t number, struct wf_buf *out_frame);

struct wf_codec_stats {
    uint64_t confirmed;
    bool is_again;
};

weft_err wf_codec_stats_decode(const struct wf_wire_message *message,
                               struct wf_arena *memory,
                               struct wf_codec_stats *out_stats);
void wf_codec_stats_encode(const struct wf_codec_stats *stats, uint64_t number,
                           struct wf_buf *out_frame);

// The "ok" of stats.
struct wf_codec_metrics {
    const char *text; // Prometheus' format
};

weft_err wf_codec_metrics_decode(const struct wf_wire_message *message,
                                 struct wf_arena *memory,
                                 struct wf_codec_metrics *out_metrics);
void wf_codec_metrics_encode(const struct wf_codec_metrics *metrics,
                             uint64_t number, struct wf_buf *out_frame);

#endif
