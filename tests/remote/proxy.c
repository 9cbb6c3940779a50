// SPDX-License-Identifier: Apache-2.0
//
// proxy.c - see proxy.h. One connection at a time, on one thread; it forwards a
// random part of what it has before it breaks off, so that frames are torn.

#include "remote_tests/proxy.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PART = 1500 };

static struct sockaddr_in
loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// So that the peer sees a reset.
static void
break_off(int fd)
{
    struct linger hard = {1, 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    (void)close(fd);
}

// Forward once; false: the connection has ended, or has had its share.
static bool
forward(int from, int to, int64_t *left)
{
    char bytes[PART];
    size_t want = *left > 0 && *left < PART ? (size_t)*left : PART;
    ssize_t got = recv(from, bytes, want, 0);

    if (got <= 0 || send(to, bytes, (size_t)got, MSG_NOSIGNAL) != got) {
        return false;
    }
    *left -= got;
    return *left != 0;
}

static void
carry(struct proxy *proxy, int client, int node)
{
    struct pollfd fds[2] = {{client, POLLIN, 0}, {node, POLLIN, 0}};
    uint32_t every = atomic_load(&proxy->every);
    int64_t left = every == 0 ? -1 : 1 + rand() % (2 * (int64_t)every);
    bool is_up = true;

    while (is_up && !atomic_load(&proxy->is_over)) {
        (void)poll(fds, 2, 50);
        if (fds[0].revents != 0) {
            is_up = forward(client, node, &left);
        }
        if (is_up && fds[1].revents != 0) {
            is_up = forward(node, client, &left);
        }
    }
    if (left == 0) {
        atomic_fetch_add(&proxy->resets, 1);
    }
}

static void *
run(void *arg)
{
    struct proxy *proxy = arg;
    struct pollfd poller = {proxy->listener, POLLIN, 0};

    while (!atomic_load(&proxy->is_over)) {
        struct sockaddr_in address = loopback(atomic_load(&proxy->to_port));
        int client;
        int node;

        if (poll(&poller, 1, 50) != 1) {
            continue;
        }
        client = accept(proxy->listener, NULL, NULL);
        node = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(node, (const struct sockaddr *)(const void *)&address,
                    sizeof(address)) == 0) {
            carry(proxy, client, node);
        }
        break_off(client);
        break_off(node);
    }
    return NULL;
}

void
proxy_start(struct proxy *proxy, uint16_t to_port, uint32_t every)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);

    proxy->listener = socket(AF_INET, SOCK_STREAM, 0);
    atomic_init(&proxy->to_port, to_port);
    atomic_init(&proxy->every, every);
    atomic_init(&proxy->resets, 0);
    atomic_init(&proxy->is_over, 0);
    if (bind(proxy->listener, (const struct sockaddr *)(const void *)&address,
             sizeof(address)) != 0 ||
        listen(proxy->listener, 16) != 0 ||
        getsockname(proxy->listener, (struct sockaddr *)(void *)&address,
                    &len) != 0 ||
        pthread_create(&proxy->thread, NULL, run, proxy) != 0) {
        (void)fprintf(stderr, "the proxy cannot start\n");
        exit(1);
    }
    proxy->port = ntohs(address.sin_port);
}

void
proxy_stop(struct proxy *proxy)
{
    atomic_store(&proxy->is_over, 1);
    (void)pthread_join(proxy->thread, NULL);
    (void)close(proxy->listener);
}
