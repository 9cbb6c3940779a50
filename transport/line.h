// SPDX-License-Identifier: Apache-2.0
//
// line.h - one connection of the operating system, below ZeroMQ, which names
// its connections to nobody: who is to be cut off is cut off here.
//
// A line keeps no descriptor of its own. The descriptor may be closed at any
// moment by the thread that has it, and its number used again; so a line also
// has the kernel's cookie, which is of one socket for ever.

#ifndef WF_TRANSPORT_LINE_H
#define WF_TRANSPORT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/error.h"

struct wf_line {
    int fd;
    uint64_t cookie; // 0: it is gone, or was never one
};

struct wf_line wf_line_of(int fd);

// End it, both ways, if it is still the one; its owner then finds it ended.
// True: it was.
bool wf_line_cut(const struct wf_line *line);

// Bytes that were read from it so far, whatever became of them; or those of
// another, if it is gone and its number was given away. False: it is gone, or
// its kind of socket does not say (ipc).
bool wf_line_bytes_read(const struct wf_line *line, uint64_t *out_bytes);

// Let a listening socket's kernel side drop what wants to connect, or take it
// again: those who are refused try again by themselves, ever more slowly, and
// cost us nothing. False: it cannot (not TCP), and connections will be made.
bool wf_line_refuse(int listening_fd, bool is_refusing);

// May a socket be bound to this path, in place of what is there?
//
// WEFT_EINVAL   there is a file that is no socket, or it is too long
// WEFT_EBUSY    somebody listens there
weft_err wf_line_check_path(const char *path);

#endif
