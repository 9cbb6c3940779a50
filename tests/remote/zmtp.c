// SPDX-License-Identifier: Apache-2.0
//
// zmtp.c - see zmtp.h. ZMTP 3.0, mechanism NULL.

#include "remote_tests/zmtp.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MEET_MS = 300 };

int
zmtp_connect(uint16_t port, bool is_small)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int size = 1024;

    if (fd < 0) {
        return -1;
    }
    if (is_small) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)connect(fd, (const struct sockaddr *)(const void *)&address,
                  sizeof(address));
    return fd;
}

bool
zmtp_is_connected(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLOUT};

    return poll(&poller, 1, 20) == 1 &&
           (poller.revents & (POLLERR | POLLHUP)) == 0;
}

void
zmtp_bytes(int fd, const void *bytes, size_t len)
{
    (void)!send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
zmtp_greet(int fd)
{
    uint8_t greeting[64] = {0xff, 0,    0, 0, 0,   0,   0,   0,
                            1,    0x7f, 3, 0, 'N', 'U', 'L', 'L'};

    zmtp_bytes(fd, greeting, sizeof(greeting));
}

static size_t
put_property(uint8_t *at, const char *name, const void *value, size_t len)
{
    size_t name_len = strlen(name);

    at[0] = (uint8_t)name_len;
    memcpy(at + 1, name, name_len);
    at += 1 + name_len;
    at[0] = at[1] = at[2] = 0;
    at[3] = (uint8_t)len;
    if (len > 0) {
        memcpy(at + 4, value, len);
    }
    return 1 + name_len + 4 + len;
}

void
zmtp_ready(int fd, const void *identity, size_t len)
{
    uint8_t frame[400] = {4, 0, 5, 'R', 'E', 'A', 'D', 'Y'};
    size_t at = 8;

    at += put_property(frame + at, "Socket-Type", "DEALER", 6);
    at += put_property(frame + at, "Identity", identity, len);
    frame[1] = (uint8_t)(at - 2);
    zmtp_bytes(fd, frame, at);
}

void
zmtp_frame(int fd, const void *bytes, size_t len)
{
    uint8_t frame[300] = {0, (uint8_t)len};

    if (len <= 255) {
        memcpy(frame + 2, bytes, len);
        zmtp_bytes(fd, frame, len + 2);
    }
}

bool
zmtp_meet(int fd)
{
    uint8_t bytes[512];
    size_t len = 0;
    struct pollfd poller = {.fd = fd, .events = POLLIN};

    while (len < 66 || len < 66 + (size_t)bytes[65]) {
        ssize_t got;

        if (poll(&poller, 1, MEET_MS) != 1) {
            return false;
        }
        got = recv(fd, bytes + len, sizeof(bytes) - len, MSG_DONTWAIT);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
    }
    return true;
}
