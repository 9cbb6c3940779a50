// SPDX-License-Identifier: Apache-2.0
//
// raw.c - what this machine can do, without weft: the limits of all figures.
//
//   fdatasync   after appending 4 KiB to a file that grows
//   RocksDB     keys of 16 bytes with values of 100, a thousand in each synced
//               batch, keys in order and at random
//   ZeroMQ      messages of 64 bytes over loopback TCP, PUSH to PULL
//
// Each for a quarter of --seconds, in DATA.raw, which is removed.

#include <fcntl.h>
#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "base/error.h"
#include "bench/bench.h"

#define PARTS 4
#define APPENDED 4096
#define BATCH_KEYS 1000
#define VALUE_BYTES 100
#define MESSAGE_BYTES 64
#define MESSAGES_AT_ONCE 1000 // between two looks at the clock

// fdatasync. -----------------------------------------------------------------

static weft_err
sync_for(struct bench *bench, int fd, double seconds)
{
    static char page[APPENDED];
    static struct histogram took_ns;
    uint64_t began_ns = bench_now_ns();
    uint64_t now_ns = began_ns;
    uint64_t end_ns = began_ns + (uint64_t)(seconds * 1e9);

    while (now_ns < end_ns) {
        uint64_t before_ns;

        if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page)) {
            return wf_error(WEFT_EIO, "write failed");
        }
        before_ns = bench_now_ns();
        if (fdatasync(fd) != 0) {
            return wf_error(WEFT_EIO, "fdatasync failed");
        }
        now_ns = bench_now_ns();
        histogram_add(&took_ns, now_ns - before_ns);
    }
    bench_figure_add(bench, "fdatasync_per_s",
                     (double)took_ns.count * 1e9 / (double)(now_ns - began_ns));
    bench_figure_add(bench, "fdatasync_p50_us",
                     (double)histogram_at(&took_ns, 0.5) / 1e3);
    bench_figure_add(bench, "fdatasync_p99_us",
                     (double)histogram_at(&took_ns, 0.99) / 1e3);
    return WEFT_OK;
}

static weft_err
measure_sync(struct bench *bench, const char *dir, double seconds)
{
    char path[4096];
    int fd;
    weft_err err;

    (void)snprintf(path, sizeof(path), "%s/appended", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        return wf_error(WEFT_EIO, "%s cannot be made", path);
    }
    err = sync_for(bench, fd, seconds);
    (void)close(fd);
    (void)unlink(path);
    return err;
}

// RocksDB. -------------------------------------------------------------------

// Sixteen digits, so that they sort as numbers do.
static void
put_keys(struct bench *bench, rocksdb_writebatch_t *batch, uint64_t *next,
         bool is_random)
{
    static const char value[VALUE_BYTES];
    char key[17];

    rocksdb_writebatch_clear(batch);
    for (int i = 0; i < BATCH_KEYS; i++) {
        uint64_t number =
            is_random ? bench_random(bench) % 10000000000000000U : (*next)++;

        (void)snprintf(key, sizeof(key), "%016llu", (unsigned long long)number);
        rocksdb_writebatch_put(batch, key, sizeof(key) - 1, value,
                               sizeof(value));
    }
}

static void
write_for(struct bench *bench, rocksdb_t *db, const char *name, bool is_random,
          double seconds, char **error)
{
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    uint64_t began_ns = bench_now_ns();
    uint64_t now_ns = began_ns;
    uint64_t next = 0;
    uint64_t count = 0;

    rocksdb_writeoptions_set_sync(options, 1);
    while (*error == NULL && now_ns - began_ns < (uint64_t)(seconds * 1e9)) {
        put_keys(bench, batch, &next, is_random);
        rocksdb_write(db, options, batch, error);
        count += BATCH_KEYS;
        now_ns = bench_now_ns();
    }
    rocksdb_writebatch_destroy(batch);
    rocksdb_writeoptions_destroy(options);
    bench_figure_add(bench, name,
                     (double)count * 1e9 / (double)(now_ns - began_ns));
}

static weft_err
measure_rocksdb(struct bench *bench, const char *dir, const char *name,
                bool is_random, double seconds)
{
    rocksdb_options_t *options = rocksdb_options_create();
    char path[4096];
    char *error = NULL;
    char *ignored = NULL;
    rocksdb_t *db;

    (void)snprintf(path, sizeof(path), "%s/rocksdb", dir);
    rocksdb_options_set_create_if_missing(options, 1);
    db = rocksdb_open(options, path, &error);
    if (db != NULL) {
        write_for(bench, db, name, is_random, seconds, &error);
        rocksdb_close(db);
    }
    rocksdb_destroy_db(options, path, &ignored);
    (void)rmdir(path);
    rocksdb_options_destroy(options);
    if (error != NULL) {
        weft_err err = wf_error(WEFT_EIO, "%s", error);

        rocksdb_free(error);
        return err;
    }
    return WEFT_OK;
}

// ZeroMQ. --------------------------------------------------------------------

struct flood {
    void *socket;
    atomic_bool is_over;
};

static void *
send_all(void *arg)
{
    static const char text[MESSAGE_BYTES];
    struct flood *flood = arg;
    bool is_over = false;

    while (!is_over) {
        is_over = atomic_load(&flood->is_over);
        (void)zmq_send(flood->socket, text, is_over ? 0 : sizeof(text), 0);
    }
    return NULL;
}

static uint64_t
receive_for(void *socket, double seconds, uint64_t *out_took_ns)
{
    char text[MESSAGE_BYTES];
    uint64_t began_ns = bench_now_ns();
    uint64_t now_ns = began_ns;
    uint64_t count = 0;

    while (now_ns - began_ns < (uint64_t)(seconds * 1e9)) {
        for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
            count += zmq_recv(socket, text, sizeof(text), 0) == MESSAGE_BYTES;
        }
        now_ns = bench_now_ns();
    }
    *out_took_ns = now_ns - began_ns;
    return count;
}

static weft_err
flood_for(struct bench *bench, void *push, void *pull, double seconds)
{
    struct flood flood = {.socket = push};
    char text[MESSAGE_BYTES];
    pthread_t thread;
    uint64_t took_ns;
    uint64_t count;

    if (pthread_create(&thread, NULL, send_all, &flood) != 0) {
        return wf_error(WEFT_EBUSY, "the system gives no thread");
    }
    count = receive_for(pull, seconds, &took_ns);
    atomic_store(&flood.is_over, true);
    while (zmq_recv(pull, text, sizeof(text), 0) != 0) {
        // What is under way, so that the sender can send the end.
    }
    (void)pthread_join(thread, NULL);
    bench_figure_add(bench, "zmq_tcp_msgs_per_s",
                     (double)count * 1e9 / (double)took_ns);
    return WEFT_OK;
}

static weft_err
measure_zmq(struct bench *bench, double seconds)
{
    void *context = zmq_ctx_new();
    void *pull = zmq_socket(context, ZMQ_PULL);
    void *push = zmq_socket(context, ZMQ_PUSH);
    char endpoint[256];
    size_t len = sizeof(endpoint);
    weft_err err = WEFT_OK;

    if (zmq_bind(pull, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &len) != 0 ||
        zmq_connect(push, endpoint) != 0) {
        err = wf_error(WEFT_EIO, "%s", zmq_strerror(zmq_errno()));
    }
    if (err == WEFT_OK) {
        err = flood_for(bench, push, pull, seconds);
    }
    (void)zmq_close(push);
    (void)zmq_close(pull);
    (void)zmq_ctx_term(context);
    return err;
}

static weft_err
measure(struct bench *bench)
{
    double seconds = bench->settings.seconds / PARTS;
    char dir[4000];
    weft_err err;

    (void)snprintf(dir, sizeof(dir), "%s.raw", bench->settings.data);
    if (mkdir(dir, 0777) != 0) {
        return wf_error(WEFT_EIO, "%s cannot be made, or is there", dir);
    }
    err = measure_sync(bench, dir, seconds);
    if (err == WEFT_OK) {
        err = measure_rocksdb(bench, dir, "rocksdb_seq_keys_per_s", false,
                              seconds);
    }
    if (err == WEFT_OK) {
        err = measure_rocksdb(bench, dir, "rocksdb_random_keys_per_s", true,
                              seconds);
    }
    (void)rmdir(dir);
    return err == WEFT_OK ? measure_zmq(bench, seconds) : err;
}

const struct workload work_raw = {
    .name = "raw",
    .counts = "limits",
    .about = "this machine's fdatasync, RocksDB and ZeroMQ",
    .has_own_node = true,
    .measure = measure,
};
