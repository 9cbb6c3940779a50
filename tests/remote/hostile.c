// SPDX-License-Identifier: Apache-2.0
//
// hostile.c - peers that mean harm, and an honest client beside them.
//
// The node is a process of its own. One thread asks it honestly, one durable
// signal after another, and notes how long each took; the main thread is the
// enemy. After each attack the node must have grown by no more than the limit,
// and the honest client's 99th percentile must be under twice what it is in
// peace. The machine may be busy with something else for a while: an attack
// that seems to be too much is made again, after a peace of its own, and counts
// if it is too much each time. The node's directory is in memory, where there
// is some: the enemy does nothing to disks. What the enemy does is bounded in
// time; so is the test.
//
//   remote_hostile [SECONDS of each attack]

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote_tests/asker.h"
#include "remote_tests/served.h"
#include "remote_tests/zmtp.h"
#include "transport/wire.h"

enum {
    GROWTH_KB_MAX = 64 << 10,
    SAMPLES_MAX = 200000,
    FLOOR_US = 30000, // beneath it the machine's own noise is what differs
    ATTEMPTS = 3,
    HONEST_PAUSE_US = 1000,
    CONNECTIONS = 10000,
    POURED_MAX = 1 << 30, // bytes
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool is_measured = false;
#else
static const bool is_measured = true;
#endif

// Honesty. --------------------------------------------------------------------

struct honest {
    struct served *served;
    pthread_t thread;
    _Atomic bool is_over;
    _Atomic bool is_marked; // begin a new series
    _Atomic uint32_t count;
    uint32_t samples[SAMPLES_MAX]; // microseconds
};

static struct honest honest;

static void *
ask_honestly(void *arg)
{
    struct asker asker;
    uint64_t data = 0;

    (void)arg;
    asker_open(&asker, honest.served->endpoint, 1);
    asker_start(&asker, "series", "honest");
    while (!atomic_load(&honest.is_over)) {
        uint64_t begun_us = asker_now_us();
        uint64_t number = asker_signal(&asker, "series", "honest", ++data);
        uint32_t count = atomic_load(&honest.count);

        while (!asker_is_answered(&asker, number) &&
               !atomic_load(&honest.is_over)) {
            asker_step(&asker, 20);
        }
        if (count < SAMPLES_MAX) {
            honest.samples[count] = (uint32_t)(asker_now_us() - begun_us);
            atomic_store(&honest.count, count + 1);
        }
        usleep(HONEST_PAUSE_US); // the node is to grow by others alone
    }
    (void)asker_finish(&asker, 5000);
    if (asker.errors > 0) {
        (void)fprintf(stderr, "honest: an error: %s\n", asker.error);
        exit(1);
    }
    asker_close(&asker);
    return NULL;
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

// The 99th percentile of what was asked since `from`.
static uint32_t
p99_since(uint32_t from, uint32_t *out_count)
{
    uint32_t count = atomic_load(&honest.count) - from;
    uint32_t *sorted = calloc(count + 1, sizeof(*sorted));
    uint32_t p99;

    memcpy(sorted, honest.samples + from, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare);
    p99 = count == 0 ? UINT32_MAX : sorted[(uint64_t)count * 99 / 100];
    free(sorted);
    *out_count = count;
    return p99;
}

// Attacks. --------------------------------------------------------------------

static struct served served;
static uint64_t end_us;
static int fds[CONNECTIONS];
static size_t fds_count;

static bool
has_time(void)
{
    return asker_now_us() < end_us;
}

static void
keep(int fd)
{
    if (fds_count == CONNECTIONS) {
        (void)close(fd);
    } else if (fd >= 0) {
        fds[fds_count++] = fd;
    }
}

static void
close_all(void)
{
    while (fds_count > 0) {
        (void)close(fds[--fds_count]);
    }
}

// One that has met the node, or -1.
static int
meet(const void *identity, size_t len)
{
    int fd = zmtp_connect(served.port, false);

    if (fd < 0 || !zmtp_is_connected(fd)) {
        (void)close(fd);
        return -1;
    }
    zmtp_greet(fd);
    zmtp_ready(fd, identity, len);
    if (!zmtp_meet(fd)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void
attack_nothing(void)
{
    while (has_time()) {
        usleep(10000);
    }
}

static void
attack_garbage(void)
{
    uint8_t noise[200];
    int fd;

    while (has_time()) {
        for (size_t i = 0; i < sizeof(noise); i++) {
            noise[i] = (uint8_t)rand();
        }
        fd = zmtp_connect(served.port, false);
        if (fd >= 0 && zmtp_is_connected(fd)) {
            zmtp_bytes(fd, noise, sizeof(noise));
        }
        (void)close(fd);
        usleep(1000);
    }
}

static void
attack_half_handshakes(void)
{
    while (has_time() && fds_count < CONNECTIONS) {
        int fd = zmtp_connect(served.port, false);

        if (fd >= 0) {
            zmtp_greet(fd);
            keep(fd);
        }
        usleep(200);
    }
    attack_nothing();
}

// A frame of so many bytes is announced; whole frames of nonsense follow.
static void
attack_frames(void)
{
    static const uint8_t huge[] = {2, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3};
    static const uint8_t bombs[][6] = {
        {0xdd, 0x08, 0, 0, 0},                // an array of 2^27
        {0xdf, 0xff, 0xff, 0xff, 0xff},       // a map of 2^32
        {0x93, 0xa1, 'x', 1, 0xc1},           // what msgpack has not
        {0x93, 0xdb, 0xff, 0xff, 0xff, 0xff}, // a text of 2^32
    };

    for (uint32_t i = 0; has_time(); i++) {
        int fd = meet("", 0);

        if (fd >= 0 && i % 2 == 0) {
            zmtp_bytes(fd, huge, sizeof(huge));
        } else if (fd >= 0) {
            zmtp_frame(fd, bombs[i / 2 % 4], sizeof(bombs[0]));
        }
        (void)close(fd);
        usleep(1000);
    }
}

static void
attack_identities(void)
{
    for (uint32_t i = 0; has_time(); i++) {
        uint8_t name[5] = {0, (uint8_t)rand(), (uint8_t)rand(), (uint8_t)rand(),
                           (uint8_t)rand()};
        int fd = i % 2 == 0 ? meet(name, 5) : meet("honest", 6);

        keep(fd);
        usleep(2000);
    }
}

// Frames without hello, and nobody reads what comes back; and the same with a
// hello for each, and pings.
static void
attack_by_not_reading(void)
{
    struct wf_buf hello = {0};
    struct wf_buf ping = {0};
    struct wf_wire_writer writer;
    uint8_t client[16] = {77};

    wf_wire_begin(&writer, &ping, "ping", 1);
    wf_wire_end(&writer);
    for (uint8_t i = 0; i < 50 && has_time(); i++) {
        int fd = zmtp_connect(served.port, true);

        client[1] = i;
        if (fd < 0 || !zmtp_is_connected(fd)) {
            (void)close(fd);
            continue;
        }
        zmtp_greet(fd);
        zmtp_ready(fd, "", 0);
        (void)zmtp_meet(fd);
        wf_buf_reset(&hello);
        wf_wire_begin(&writer, &hello, "hello", 0);
        wf_wire_put_uint(&writer, "version", 1);
        wf_wire_put_bytes(&writer, "client", weft_bytes_of(client, 16));
        wf_wire_end(&writer);
        zmtp_frame(fd, hello.data, hello.len);
        keep(fd);
    }
    while (has_time()) {
        for (size_t i = 0; i < fds_count; i++) {
            zmtp_frame(fds[i], ping.data, ping.len);
        }
        usleep(1000);
    }
    wf_buf_fini(&hello);
    wf_buf_fini(&ping);
}

static void
attack_connections(void)
{
    while (has_time() && fds_count < CONNECTIONS) {
        int fd = zmtp_connect(served.port, false);

        if (fd >= 0) {
            keep(fd);
        }
        if (fds_count % 50 == 0) {
            usleep(10000);
        }
    }
    for (size_t i = 0; i < fds_count; i++) {
        zmtp_greet(fds[i]);
        zmtp_ready(fds[i], "", 0);
    }
    attack_nothing();
}

// One frame over and over, down so many connections, as much as they take, with
// a pause; whoever is cut off comes again.
static void
pour(const uint8_t *frame, size_t len, size_t connections, useconds_t pause_us)
{
    size_t at[CONNECTIONS] = {0};
    uint64_t bytes = 0;

    while (has_time() && bytes < POURED_MAX) {
        for (size_t i = 0; i < connections; i++) {
            ssize_t sent;

            if (fds_count == i) {
                fds[fds_count++] = -1;
            }
            if (fds[i] < 0) {
                fds[i] = meet("", 0);
                at[i] = 0;
            }
            sent = fds[i] < 0 ? 0
                              : send(fds[i], frame + at[i], len - at[i],
                                     MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent > 0) {
                at[i] = (at[i] + (size_t)sent) % len;
                bytes += (uint64_t)sent;
            } else if (sent == 0 || errno != EAGAIN) {
                (void)close(fds[i]);
                fds[i] = -1;
            }
        }
        usleep(pause_us);
    }
}

// A frame of ZMTP: flags 1: more follow; the body is written behind it.
static uint8_t *
make_frame(uint8_t flags, size_t body_len, size_t *out_len)
{
    uint8_t *frame = calloc(1, 9 + body_len);

    frame[0] = flags | 2;
    for (int i = 0; i < 8; i++) {
        frame[8 - i] = (uint8_t)((uint64_t)body_len >> (8 * i));
    }
    *out_len = 9 + body_len;
    return frame;
}

// A message of ever more frames, each of them within the limit.
static void
attack_without_end(void)
{
    size_t len;
    uint8_t *frame = make_frame(1, 1 << 20, &len);

    pour(frame, len, 4, 0);
    free(frame);
    attack_nothing();
}

// Well-formed messages of the greatest size, made of the smallest things.
static void
attack_with_crumbs(void)
{
    static const uint8_t head[] = {0x93, 0xa1, 'x',  1,    0x81,
                                   0xa1, 'a',  0xdc, 0x04, 0x00};
    enum { ROW = 3 + 4096, ROWS = 1024 };
    size_t len;
    uint8_t *frame = make_frame(0, sizeof(head) + ROWS * ROW, &len);
    uint8_t *at = frame + 9;

    memcpy(at, head, sizeof(head));
    at += sizeof(head);
    for (int i = 0; i < ROWS; i++, at += ROW) {
        memcpy(at, "\xdc\x10\x00", 3);
        memset(at + 3, 0xc0, ROW - 3);
    }
    pour(frame, len, 2, 1000);
    free(frame);
    attack_nothing();
}

static const struct attack {
    const char *what;
    void (*run)(void);
} attacks[] = {
    {"garbage", attack_garbage},
    {"half handshakes", attack_half_handshakes},
    {"huge and malformed frames", attack_frames},
    {"names of others", attack_identities},
    {"slow readers", attack_by_not_reading},
    {"messages without end", attack_without_end},
    {"messages full of crumbs", attack_with_crumbs},
    {"10,000 connections", attack_connections},
};

// What the honest client noticed. ---------------------------------------------

static uint64_t round_us;    // an attack takes so long
static uint64_t peaceful_kb; // what the node had before all

// Make it, and return the honest client's 99th percentile.
static uint32_t
make(const char *what, void (*run)(void), uint64_t *out_grown_kb)
{
    uint32_t from = atomic_load(&honest.count);
    uint64_t kb;
    uint32_t count;
    uint32_t p99;

    end_us = asker_now_us() + round_us;
    run();
    kb = served_rss_kb(&served);
    *out_grown_kb = kb > peaceful_kb ? kb - peaceful_kb : 0;
    p99 = p99_since(from, &count);
    printf("%-26s %6u signals, p99 %6u us, node grown by %6llu KB\n", what,
           count, p99, (unsigned long long)*out_grown_kb);
    (void)fflush(stdout);
    close_all();
    return p99;
}

static bool
is_endured(const struct attack *attack, uint32_t *usual_us)
{
    uint64_t grown_kb;

    for (int i = 0; i < ATTEMPTS; i++) {
        uint32_t p99 = make(attack->what, attack->run, &grown_kb);

        if (!is_measured) {
            return true;
        }
        if (grown_kb > GROWTH_KB_MAX) {
            break; // what was taken is kept: once is too often
        }
        if (p99 <= 2 * *usual_us || p99 <= FLOOR_US) {
            return true;
        }
        *usual_us = make("peace again", attack_nothing, &grown_kb);
    }
    printf("  too much\n");
    return false;
}

static bool
make_directory(char *dir, size_t len)
{
    (void)snprintf(dir, len, "/dev/shm/weft-hostile-XXXXXX");
    if (mkdtemp(dir) != NULL) {
        return true;
    }
    (void)snprintf(dir, len, "hostile-XXXXXX");
    return mkdtemp(dir) != NULL;
}

int
main(int argc, char **argv)
{
    struct rlimit limit = {CONNECTIONS + 500, CONNECTIONS + 500};
    char dir[64];
    uint32_t usual_us;
    uint64_t grown_kb;
    int failures = 0;

    served_become(argc, argv);
    round_us = (argc > 1 ? strtoull(argv[1], NULL, 10) : 4) * 1000000;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (!make_directory(dir, sizeof(dir))) {
        return 1;
    }
    served_start(&served, dir, 0);
    honest.served = &served;
    if (pthread_create(&honest.thread, NULL, ask_honestly, NULL) != 0) {
        return 1;
    }
    sleep(1); // let it warm up
    peaceful_kb = served_rss_kb(&served);
    usual_us = make("peace", attack_nothing, &grown_kb);
    peaceful_kb = served_rss_kb(&served);
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        failures += is_endured(&attacks[i], &usual_us) ? 0 : 1;
    }
    atomic_store(&honest.is_over, true);
    (void)pthread_join(honest.thread, NULL);
    served_stop(&served);
    served_remove(dir);
    return failures == 0 ? 0 : 1;
}
