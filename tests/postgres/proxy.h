// SPDX-License-Identifier: Apache-2.0
//
// proxy.h - stands between a client and a server, and cuts where it hurts.
//
// It has a thread of its own and takes connections on a port of the loopback;
// what it is not told to spoil goes through.

#ifndef WF_TESTS_POSTGRES_PROXY_H
#define WF_TESTS_POSTGRES_PROXY_H

struct proxy;

enum proxy_cut {
    PROXY_CUT_NOTHING,
    PROXY_CUT_BEFORE, // the next statement does not arrive
    PROXY_CUT_ANSWER, // the next statement does, and its answer is lost
    PROXY_CUT_AFTER,  // the same with the next insertion
    PROXY_CUT_HALF,   // the next statement does not arrive, the server sees the
                      // connection end, and the client does not
};

struct proxy *proxy_start(int server_port);
void proxy_stop(struct proxy *proxy);
int proxy_port(const struct proxy *proxy);
// Once; the connection ends with it.
void proxy_cut(struct proxy *proxy, enum proxy_cut cut);
// From the next connection on, say that the session is of another process, as a
// pooler does.
void proxy_pool(struct proxy *proxy);

#endif
