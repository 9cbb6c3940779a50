// SPDX-License-Identifier: Apache-2.0
//
// proxy.h - a TCP proxy on loopback that breaks connections when it is told
// to, with a reset, in the middle of whatever goes through.

#ifndef WF_TESTS_REMOTE_PROXY_H
#define WF_TESTS_REMOTE_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct proxy {
    int listener;
    uint16_t port;            // where it listens
    _Atomic uint16_t to_port; // where it connects to
    _Atomic uint32_t every;   // break after about so many bytes; 0: never
    _Atomic uint64_t resets;  // so far
    _Atomic int is_over;
    pthread_t thread;
};

void proxy_start(struct proxy *proxy, uint16_t to_port, uint32_t every);
void proxy_stop(struct proxy *proxy);

#endif
