// SPDX-License-Identifier: Apache-2.0
//
// codec_task.h - what workers say besides what is a weft_verb
// (docs/formats/wire.md, section 10): poll and its tasks, renew.
//
// Memory and errors are those of codec_session.h.

#ifndef WF_REMOTE_CODEC_TASK_H
#define WF_REMOTE_CODEC_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "weft/bytes.h"
#include "weft/error.h"
#include "weft/start.h"

struct wf_wire_message;

struct wf_codec_poll {
    const char *queue;
    uint32_t credit;
    uint64_t wait_ms;
    const char *worker; // NULL: the label of hello
    uint64_t lease_ms;
    uint64_t confirmed;
    bool is_again;
};

// Fields that are missing have their defaults; one out of range is WEFT_EINVAL.
weft_err wf_codec_poll_decode(const struct wf_wire_message *message,
                              struct wf_arena *memory,
                              struct wf_codec_poll *out_poll);
void wf_codec_poll_encode(const struct wf_codec_poll *poll, uint64_t number,
                          struct wf_buf *out_frame);

struct wf_codec_task {
    const char *token;
    const char *name;
    weft_bytes input;
    uint32_t attempt;
    const char *key;
    const char *caller;
    const weft_pair *headers;
    size_t headers_count;
    weft_bytes details;
    uint64_t deadline_ms;  // 0: none
    uint64_t heartbeat_ms; // 0: none
};

// The "ok" of a poll.
struct wf_codec_tasks {
    const struct wf_codec_task *tasks;
    size_t count;
};

weft_err wf_codec_tasks_decode(const struct wf_wire_message *message,
                               struct wf_arena *memory,
                               struct wf_codec_tasks *out_tasks);
void wf_codec_tasks_encode(const struct wf_codec_tasks *tasks, uint64_t number,
                           struct wf_buf *out_frame);

struct wf_codec_renew {
    const char *const *tokens; // ends with NULL
    const char *worker;        // NULL: that of the last poll
    uint64_t confirmed;
    bool is_again;
};

weft_err wf_codec_renew_decode(const struct wf_wire_message *message,
                               struct wf_arena *memory,
                               struct wf_codec_renew *out_renew);
void wf_codec_renew_encode(const struct wf_codec_renew *renew, uint64_t number,
                           struct wf_buf *out_frame);

// The "ok" of a renew: lists of tokens that end with NULL, or NULL.
struct wf_codec_renewed {
    const char *const *cancelled;
    const char *const *gone;
};

weft_err wf_codec_renewed_decode(const struct wf_wire_message *message,
                                 struct wf_arena *memory,
                                 struct wf_codec_renewed *out_renewed);
void wf_codec_renewed_encode(const struct wf_codec_renewed *renewed,
                             uint64_t number, struct wf_buf *out_frame);

#endif
