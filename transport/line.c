// SPDX-License-Identifier: Apache-2.0
//
// line.c - cookies, cutting, and the filter that refuses connections.
//
// To cut, the descriptor is doubled first: the double stays the same socket
// whatever becomes of the number, so comparing its cookie and shutting it down
// is about one and the same socket.
//
// A listening socket with a filter that takes nothing drops the first packet
// of each handshake. Needs no privilege.
//
// Threads: any.

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // SO_COOKIE
#endif

#include "transport/line.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

static uint64_t
cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof(cookie);

    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) != 0) {
        return 0;
    }
    return cookie;
}

struct wf_line
wf_line_of(int fd)
{
    return (struct wf_line){fd, cookie_of(fd)};
}

bool
wf_line_cut(const struct wf_line *line)
{
    bool is_cut = false;
    int fd;

    if (line->cookie == 0) {
        return false;
    }
    fd = fcntl(line->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    if (cookie_of(fd) == line->cookie) {
        is_cut = shutdown(fd, SHUT_RDWR) == 0;
    }
    (void)close(fd);
    return is_cut;
}

bool
wf_line_bytes_read(const struct wf_line *line, uint64_t *out_bytes)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    uint64_t received;
    int waiting = 0;

    if (line->cookie == 0 ||
        getsockopt(line->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_bytes_received) +
                  sizeof(info.tcpi_bytes_received) ||
        ioctl(line->fd, SIOCINQ, &waiting) != 0) {
        return false;
    }
    received = info.tcpi_bytes_received;
    *out_bytes =
        received > (uint64_t)waiting ? received - (uint64_t)waiting : 0;
    return true;
}

static bool
is_tcp(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof(domain);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
           (domain == AF_INET || domain == AF_INET6);
}

bool
wf_line_refuse(int listening_fd, bool is_refusing)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {1, &nothing};
    int none = 0;

    if (!is_tcp(listening_fd)) {
        return false;
    }
    if (is_refusing) {
        return setsockopt(listening_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                          sizeof(program)) == 0;
    }
    return setsockopt(listening_fd, SOL_SOCKET, SO_DETACH_FILTER, &none,
                      sizeof(none)) == 0;
}

// What nobody listens at is left over from a process that is gone.
static bool
is_served(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_taken;

    if (fd < 0) {
        return false;
    }
    is_taken = connect(fd, (const struct sockaddr *)(const void *)address,
                       sizeof(*address)) == 0;
    (void)close(fd);
    return is_taken;
}

weft_err
wf_line_check_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return wf_error(WEFT_EINVAL, "ipc path %s is over %zu bytes", path,
                        sizeof(address.sun_path) - 1);
    }
    if (path[0] == '*' || lstat(path, &status) != 0) {
        return WEFT_OK;
    }
    if (!S_ISSOCK(status.st_mode)) {
        return wf_error(WEFT_EINVAL, "%s is a file and no socket", path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    return is_served(&address)
               ? wf_error(WEFT_EBUSY, "somebody listens at %s", path)
               : WEFT_OK;
}
