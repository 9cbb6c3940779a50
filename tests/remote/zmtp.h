// SPDX-License-Identifier: Apache-2.0
//
// zmtp.h - ZeroMQ's own protocol by hand, for peers that would never be made
// with ZeroMQ. Everything is without waiting: what cannot be done is not.

#ifndef WF_TESTS_REMOTE_ZMTP_H
#define WF_TESTS_REMOTE_ZMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Begin to connect; -1: there is no descriptor. small: with a receive buffer of
// the least size.
int zmtp_connect(uint16_t port, bool is_small);
// True: it is connected, and stays so for now.
bool zmtp_is_connected(int fd);
// Send the greeting; a command READY with this identity; a frame.
void zmtp_greet(int fd);
void zmtp_ready(int fd, const void *identity, size_t len);
void zmtp_frame(int fd, const void *bytes, size_t len);
void zmtp_bytes(int fd, const void *bytes, size_t len);
// Read the peer's greeting and READY, waiting a little. False: not there yet.
bool zmtp_meet(int fd);

#endif
