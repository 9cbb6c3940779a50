// SPDX-License-Identifier: Apache-2.0
//
// disk.c - a disk with a cache, whose power can be cut. See disk.h.
//
// The image is mapped twice: shared, which is the disk, and privately, which is
// what the guest reads. A write goes to the private one and into a list; a
// flush brings the list to the shared one. A page of the private one that was
// never written is the disk's own, so both begin as the same.
//
// Of the protocol it has what QEMU 7 asks for: fixed newstyle negotiation, and
// reads, writes and flushes with simple replies.

#include "guest/disk.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/plan.h"

#define SECTOR 512
#define DARK_WRITES 12 // to come before it gets dark
#define CACHE_BYTES_MAX (128U << 20)
#define REQUEST_BYTES_MAX (32U << 20)

#define OPTION_EXPORT_NAME 1
#define OPTION_INFO 6
#define OPTION_GO 7
#define REPLY_ACK 1
#define REPLY_INFO 3
#define REPLY_UNKNOWN 0x80000001U
#define CAN_FLUSH 5 // that there are flags, and that flushes are one

enum { COMMAND_READ, COMMAND_WRITE, COMMAND_GOODBYE, COMMAND_FLUSH };

struct write_kept {
    struct write_kept *next;
    uint64_t at;
    uint32_t len;
    uint8_t bytes[];
};

struct disk {
    uint8_t *now;    // as the guest sees it
    uint8_t *stable; // as a cut leaves it
    uint64_t size;
    struct write_kept *first; // not flushed, oldest first
    struct write_kept **last;
    size_t cached;
    uint64_t random;
    uint64_t flushes;
    int fd;
    uint32_t light; // writes until it gets dark; 0: nobody has asked
    bool is_listening;
};

static volatile sig_atomic_t is_dark_asked;

static _Noreturn void
give_up(const char *what)
{
    perror(what);
    _exit(3);
}

static void *
must_alloc(size_t size)
{
    void *memory = malloc(size);

    if (memory == NULL) {
        give_up("malloc");
    }
    return memory;
}

static uint32_t
draw(struct disk *disk, uint32_t below)
{
    disk->random = program_mix(disk->random, 5);
    return (uint32_t)(disk->random >> 33) % below;
}

// The cache. ------------------------------------------------------------------

static void
keep(struct disk *disk, const struct write_kept *write, uint32_t len)
{
    memcpy(disk->stable + write->at, write->bytes, len);
}

// Everything, or of each as many sectors as chance leaves it.
static void
empty_cache(struct disk *disk, bool is_cut)
{
    // Little of it, half of it, most of it, or all; but a disk that does not
    // listen must be seen to lose.
    static const uint32_t shares[] = {0, 10, 50, 90, 100};
    uint32_t share = shares[draw(disk, disk->is_listening ? 5 : 2)];
    uint32_t counts[3] = {0};

    while (disk->first != NULL) {
        struct write_kept *write = disk->first;
        uint32_t sectors = write->len / SECTOR;

        if (!is_cut || draw(disk, 100) < share) {
            keep(disk, write, write->len);
            counts[0]++;
        } else if (sectors > 1 && draw(disk, 4) == 0) {
            keep(disk, write, (1 + draw(disk, sectors - 1)) * SECTOR);
            counts[1]++;
        } else {
            counts[2]++;
        }
        disk->first = write->next;
        free(write);
    }
    disk->last = &disk->first;
    disk->cached = 0;
    if (is_cut) {
        (void)printf("disk: after %" PRIu64 " flushes, of what was not flushed "
                     "%" PRIu32 " kept, %" PRIu32 " torn, %" PRIu32 " lost\n",
                     disk->flushes, counts[0], counts[1], counts[2]);
    }
}

static void
add_write(struct disk *disk, uint64_t at, uint32_t len)
{
    struct write_kept *write = must_alloc(sizeof(*write) + len);

    write->next = NULL;
    write->at = at;
    write->len = len;
    memcpy(write->bytes, disk->now + at, len);
    *disk->last = write;
    disk->last = &write->next;
    disk->cached += len;
    if (disk->cached > CACHE_BYTES_MAX) {
        empty_cache(disk, false); // it is full, so it is written
    }
}

// The socket. -----------------------------------------------------------------

// False: the guest is gone.
static bool
receive(struct disk *disk, void *bytes, size_t len)
{
    return len == 0 || recv(disk->fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

static bool
answer(struct disk *disk, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t sent = send(disk->fd, at, len, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

struct __attribute__((packed)) option {
    uint64_t magic;
    uint32_t option;
    uint32_t len;
};

struct __attribute__((packed)) option_reply {
    uint64_t magic;
    uint32_t option;
    uint32_t type;
    uint32_t len;
};

struct __attribute__((packed)) export_info {
    uint16_t type; // 0: the export
    uint64_t size;
    uint16_t flags;
};

static bool
reply_option(struct disk *disk, uint32_t option, uint32_t type,
             const void *bytes, uint32_t len)
{
    struct option_reply reply = {htobe64(0x3e889045565a9), htobe32(option),
                                 htobe32(type), htobe32(len)};

    return answer(disk, &reply, sizeof(reply)) && answer(disk, bytes, len);
}

// False: the guest is gone. *out_is_ready: requests follow.
static bool
take_option(struct disk *disk, bool *out_is_ready)
{
    struct export_info info = {0, htobe64(disk->size), htobe16(CAN_FLUSH)};
    struct option option;
    uint32_t asked;
    char data[4096];

    if (!receive(disk, &option, sizeof(option)) ||
        be32toh(option.len) > sizeof(data) ||
        !receive(disk, data, be32toh(option.len))) {
        return false;
    }
    asked = be32toh(option.option);
    *out_is_ready = asked == OPTION_GO || asked == OPTION_EXPORT_NAME;
    switch (asked) {
    case OPTION_EXPORT_NAME:
        return answer(disk, &info.size, sizeof(info) - sizeof(info.type));
    case OPTION_INFO:
    case OPTION_GO:
        return reply_option(disk, asked, REPLY_INFO, &info, sizeof(info)) &&
               reply_option(disk, asked, REPLY_ACK, NULL, 0);
    default:
        return reply_option(disk, asked, REPLY_UNKNOWN, NULL, 0);
    }
}

static bool
negotiate(struct disk *disk)
{
    uint16_t flags = htobe16(3); // fixed newstyle, no zeroes
    uint32_t theirs;
    bool is_ready = false;

    if (!answer(disk, "NBDMAGICIHAVEOPT", 16) ||
        !answer(disk, &flags, sizeof(flags)) ||
        !receive(disk, &theirs, sizeof(theirs))) {
        return false;
    }
    while (!is_ready) {
        if (!take_option(disk, &is_ready)) {
            return false;
        }
    }
    return true;
}

struct __attribute__((packed)) request {
    uint32_t magic;
    uint16_t flags;
    uint16_t type;
    uint64_t handle;
    uint64_t at;
    uint32_t len;
};

struct __attribute__((packed)) reply {
    uint32_t magic;
    uint32_t error;
    uint64_t handle;
};

static bool
reply_request(struct disk *disk, uint64_t handle, const void *bytes,
              uint32_t len)
{
    struct reply reply = {htobe32(0x67446698), 0, handle};

    return answer(disk, &reply, sizeof(reply)) && answer(disk, bytes, len);
}

// False: the guest is gone. A write that did not come whole never was.
static bool
take_write(struct disk *disk, uint64_t at, uint32_t len)
{
    uint8_t *bytes = must_alloc(len);
    bool is_whole = receive(disk, bytes, len);

    if (is_whole) {
        memcpy(disk->now + at, bytes, len);
        add_write(disk, at, len);
    }
    free(bytes);
    return is_whole;
}

static void
on_dark_asked(int signal)
{
    (void)signal;
    is_dark_asked = 1;
}

// After a write. True: it is dark, and the guest is no more.
static bool
gets_dark(struct disk *disk)
{
    if (is_dark_asked && disk->light == 0) {
        disk->light = 1 + draw(disk, DARK_WRITES);
    }
    if (disk->light == 0 || --disk->light > 0) {
        return false;
    }
    (void)raise(SIGSTOP); // until the guest is killed
    return true;
}

// Requests until it says good-bye: then true.
static bool
serve(struct disk *disk)
{
    struct request request;

    while (receive(disk, &request, sizeof(request))) {
        uint64_t at = be64toh(request.at);
        uint32_t len = be32toh(request.len);
        bool is_answered = false;

        if (be32toh(request.magic) != 0x25609513 || len > REQUEST_BYTES_MAX ||
            at > disk->size || len > disk->size - at) {
            give_up("disk: a request that is none");
        }
        switch (be16toh(request.type)) {
        case COMMAND_READ:
            is_answered =
                reply_request(disk, request.handle, disk->now + at, len);
            break;
        case COMMAND_WRITE:
            is_answered = take_write(disk, at, len) && !gets_dark(disk) &&
                          reply_request(disk, request.handle, NULL, 0);
            break;
        case COMMAND_FLUSH:
            disk->flushes++;
            if (disk->is_listening) {
                empty_cache(disk, false);
            }
            is_answered = reply_request(disk, request.handle, NULL, 0);
            break;
        case COMMAND_GOODBYE:
            return true;
        default:
            give_up("disk: an unknown request");
        }
        if (!is_answered) {
            return false;
        }
    }
    return false;
}

// The process. ----------------------------------------------------------------

static void
map_image(struct disk *disk, const char *image)
{
    int fd = open(image, O_RDWR | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0) {
        give_up(image);
    }
    disk->size = (uint64_t)status.st_size;
    disk->stable =
        mmap(NULL, disk->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    disk->now = mmap(NULL, disk->size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (disk->stable == MAP_FAILED || disk->now == MAP_FAILED) {
        give_up("mmap");
    }
    (void)close(fd);
}

static int
listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path)) {
        give_up(path);
    }
    memcpy(address.sun_path, path, strlen(path));
    (void)unlink(path);
    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 1) != 0) {
        give_up(path);
    }
    return fd;
}

static _Noreturn void
run(struct disk *disk, const char *image, int listener)
{
    struct sigaction action = {.sa_handler = on_dark_asked,
                               .sa_flags = SA_RESTART};

    (void)sigaction(SIGUSR1, &action, NULL);
    map_image(disk, image);
    disk->fd = accept(listener, NULL, NULL);
    if (disk->fd < 0 || !negotiate(disk)) {
        _exit(1); // there never was a guest
    }
    empty_cache(disk, !serve(disk));
    (void)fflush(stdout);
    _exit(0);
}

pid_t
disk_start(const char *image, const char *socket, bool is_listening,
           uint64_t random)
{
    struct disk disk = {.is_listening = is_listening, .random = random};
    int listener = listen_at(socket);
    pid_t pid;

    disk.last = &disk.first;
    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(&disk, image, listener);
    }
    if (pid < 0) {
        give_up("fork");
    }
    (void)close(listener);
    return pid;
}

bool
disk_darken(pid_t disk, uint64_t timeout_us)
{
    struct timespec pause = {.tv_nsec = 1000000};
    int status = 0;

    (void)kill(disk, SIGUSR1);
    for (uint64_t waited_us = 0; waited_us < timeout_us; waited_us += 1000) {
        if (waitpid(disk, &status, WNOHANG | WUNTRACED) == disk) {
            return WIFSTOPPED(status);
        }
        (void)nanosleep(&pause, NULL);
    }
    return false;
}
