// SPDX-License-Identifier: Apache-2.0
//
// stranger.h - a node of a cluster that is a socket and no more: it says what a
// test wants, and shows what is said to it.

#ifndef WF_TESTS_STRANGER_H
#define WF_TESTS_STRANGER_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster/peer_message.h"
#include "transport/socket.h"

struct stranger {
    struct wf_context *context;
    struct wf_socket *socket;
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1]; // of one that listens
    struct wf_message message;
    bool has_message;
    struct wf_peer_message heard; // the newest; until the next one
    struct wf_peer_message hello; // "a" to "b" of the rig, to be changed
    // Of one that listens:
    uint64_t incarnation; // that it has, 2
    uint64_t session;     // that it has welcomed
    uint64_t acked;       // and what it has acknowledged of that
};

// One that sends, connected; one that takes what others send.
void stranger_open(struct stranger *stranger, const char *endpoint);
void stranger_listen(struct stranger *stranger);
void stranger_close(struct stranger *stranger);

// To whom it is connected; or to who spoke last.
void stranger_say(struct stranger *stranger,
                  const struct wf_peer_message *message);
void stranger_say_bytes(struct stranger *stranger, struct wf_buf *bytes);
// Data of one item; of one frame.
void stranger_say_item(struct stranger *stranger, uint64_t seq,
                       const struct wf_peer_item *item);
void stranger_say_frame(struct stranger *stranger, uint64_t seq,
                        uint32_t partition, const char *text);
// Answer what was heard: a hello with a welcome, data with an acknowledgement.
void stranger_answer(struct stranger *stranger, uint64_t seq);

// The next message of that type; others are passed over. While it waits for
// data it welcomes whoever says hello again, and does not hear what it has
// acknowledged: on a slow machine that comes.
void stranger_hear(struct stranger *stranger, enum wf_peer_message_type type);
// The first item of the data that was heard.
struct wf_peer_item stranger_item(struct stranger *stranger);

#endif
