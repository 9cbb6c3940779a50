// SPDX-License-Identifier: Apache-2.0
//
// proxy.c - forward bytes between pairs of sockets, and cut some.
//
// "Inserted" is seen in what the server answers: the tag of its command is
// plain text. Until then, answers are kept back from who is to lose them.

#include "postgres/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 96, CHUNK_BYTES = 1 << 16 };

struct pair {
    int client, server; // -1: free
    int losing;         // what its answers are lost for
};

struct proxy {
    int listener;
    int port;
    int server_port;
    int stop_fd;
    pthread_t thread;
    atomic_int cut;
    atomic_bool is_pooling;
    struct pair pairs[PAIRS_MAX];
    char chunk[CHUNK_BYTES];
};

static struct sockaddr_in
loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)port),
    };
}

static void
drop(struct pair *pair)
{
    close(pair->client);
    close(pair->server);
    pair->client = pair->server = -1;
}

static void
take(struct proxy *proxy)
{
    struct sockaddr_in address = loopback(proxy->server_port);
    // Not for the servers that are started beside: they would keep it open.
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    for (int i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &proxy->pairs[i];

        if (pair->client < 0 && connect(server, (struct sockaddr *)&address,
                                        sizeof(address)) == 0) {
            *pair = (struct pair){.client = client, .server = server};
            return;
        }
    }
    close(client);
    close(server);
}

static bool
send_all(int fd, const char *bytes, ssize_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, (size_t)len, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= sent;
    }
    return true;
}

static void
forward_request(struct proxy *proxy, struct pair *pair)
{
    ssize_t len = recv(pair->client, proxy->chunk, CHUNK_BYTES, 0);
    int cut = atomic_load(&proxy->cut);

    if (len <= 0) {
        drop(pair);
        return;
    }
    if (cut != PROXY_CUT_NOTHING) {
        atomic_store(&proxy->cut, PROXY_CUT_NOTHING);
        pair->losing = cut;
    }
    if (cut == PROXY_CUT_HALF) {
        close(pair->server);
        pair->server = -1;
    }
    if (pair->server < 0) {
        return; // nobody hears it
    }
    if (cut == PROXY_CUT_BEFORE || !send_all(pair->server, proxy->chunk, len)) {
        drop(pair);
    }
}

// The message BackendKeyData: 'K', i32 length 12, i32 process, i32 secret.
static void
spoil_key(struct proxy *proxy, ssize_t len)
{
    static const char head[] = {'K', 0, 0, 0, 12};

    for (ssize_t i = 0; i + 13 <= len; i++) {
        if (memcmp(proxy->chunk + i, head, sizeof(head)) == 0) {
            proxy->chunk[i + 8] ^= 1;
        }
    }
}

static void
forward_answer(struct proxy *proxy, struct pair *pair)
{
    ssize_t len = recv(pair->server, proxy->chunk, CHUNK_BYTES, 0);

    if (len <= 0) {
        drop(pair);
        return;
    }
    if (pair->losing != PROXY_CUT_NOTHING) {
        if (pair->losing == PROXY_CUT_ANSWER ||
            memmem(proxy->chunk, (size_t)len, "INSERT 0", 8) != NULL) {
            drop(pair);
        }
        return;
    }
    if (atomic_load(&proxy->is_pooling)) {
        spoil_key(proxy, len);
    }
    if (!send_all(pair->client, proxy->chunk, len)) {
        drop(pair);
    }
}

static void *
run(void *ctx)
{
    struct proxy *proxy = ctx;
    struct pollfd fds[2 + 2 * PAIRS_MAX];

    for (;;) {
        fds[0] = (struct pollfd){.fd = proxy->stop_fd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
        for (int i = 0; i < PAIRS_MAX; i++) {
            fds[2 + 2 * i] =
                (struct pollfd){.fd = proxy->pairs[i].client, .events = POLLIN};
            fds[3 + 2 * i] =
                (struct pollfd){.fd = proxy->pairs[i].server, .events = POLLIN};
        }
        poll(fds, 2 + 2 * PAIRS_MAX, -1);
        if (fds[0].revents != 0) {
            return NULL;
        }
        for (int i = 0; i < PAIRS_MAX; i++) {
            struct pair *pair = &proxy->pairs[i];

            if (pair->client >= 0 && fds[2 + 2 * i].revents != 0) {
                forward_request(proxy, pair);
            }
            if (pair->client >= 0 && fds[3 + 2 * i].revents != 0) {
                forward_answer(proxy, pair);
            }
        }
        if (fds[1].revents != 0) {
            take(proxy);
        }
    }
}

struct proxy *
proxy_start(int server_port)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);

    proxy->server_port = server_port;
    proxy->stop_fd = eventfd(0, EFD_CLOEXEC);
    for (int i = 0; i < PAIRS_MAX; i++) {
        proxy->pairs[i].client = proxy->pairs[i].server = -1;
    }
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(proxy->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(proxy->listener, 16) != 0 ||
        getsockname(proxy->listener, (struct sockaddr *)&address, &len) != 0 ||
        pthread_create(&proxy->thread, NULL, run, proxy) != 0) {
        fprintf(stderr, "proxy: no port or no thread\n");
        exit(2);
    }
    proxy->port = ntohs(address.sin_port);
    return proxy;
}

void
proxy_stop(struct proxy *proxy)
{
    uint64_t one = 1;

    (void)!write(proxy->stop_fd, &one, sizeof(one));
    pthread_join(proxy->thread, NULL);
    for (int i = 0; i < PAIRS_MAX; i++) {
        if (proxy->pairs[i].client >= 0) {
            drop(&proxy->pairs[i]);
        }
    }
    close(proxy->listener);
    close(proxy->stop_fd);
    free(proxy);
}

int
proxy_port(const struct proxy *proxy)
{
    return proxy->port;
}

void
proxy_cut(struct proxy *proxy, enum proxy_cut cut)
{
    atomic_store(&proxy->cut, cut);
}

void
proxy_pool(struct proxy *proxy)
{
    atomic_store(&proxy->is_pooling, true);
}
