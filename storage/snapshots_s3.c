// SPDX-License-Identifier: Apache-2.0
//
// snapshots_s3.c - files of snapshots as objects in S3, or what speaks as it.
//
//     PREFIX/CLUSTER/HASH    an object
//
// CLUSTER and HASH are hexadecimal; keys that are none of these are somebody
// else's and stay. An object is there whole or not at all: the server compares
// what came with the SHA-256 that was signed. Whoever asks sees what was put
// last, which is what S3 says of itself since 2020.
//
// One that is there is copied onto itself, which makes it new. Ages are by the
// server's clock. Between looking at an object's time and removing it somebody
// may put it anew; who puts looks once more when its manifest counts
// (snapshotter.c). A bucket that keeps old versions keeps what is removed.
//
// An object is put with one request, so a file has 5 GiB at most. RocksDB's
// tables have a small part of that.
//
// Threads: as snapshots.h says; get has a client of its own, one file at a
// time.

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "storage/file.h"
#include "storage/s3_answer.h"
#include "storage/s3_client.h"
#include "storage/snapshots.h"

#define HEX_CHARS (2 * WF_SNAPSHOTS_HASH_BYTES)
#define CLUSTER_CHARS 33 // with its "/"
#define FILE_BYTES_MAX (UINT64_C(5) << 30)
#define BLOCK_BYTES ((size_t)256 << 10)

_Static_assert(crypto_hash_sha256_BYTES == WF_S3_SHA256_BYTES, "SHA-256");

struct wf_snapshots_s3 {
    struct wf_s3_place place;
    struct wf_s3_client *client; // of all but get
    pthread_mutex_t get_lock;    // held while the next is used
    struct wf_s3_client *getter;
    char cluster[CLUSTER_CHARS + 1];
};

static weft_err put(void *self, const struct wf_snapshots_file *file,
                    const char *path, bool *out_is_new);
static weft_err has(void *self, const struct wf_snapshots_file *file,
                    bool *out_has);
static weft_err get(void *self, const struct wf_snapshots_file *file,
                    const char *path);
static weft_err list(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn,
                     void *ctx);
static weft_err remove_file(void *self, const uint8_t *hash, uint64_t age_ms);
static void stop(void *self);
static void close_all(void *self);

static const struct wf_snapshots_ops s3_ops = {
    .put = put,
    .has = has,
    .get = get,
    .list = list,
    .remove = remove_file,
    .stop = stop,
    .close = close_all,
};

// CLUSTER/HASH, behind the place's prefix.
struct key {
    char text[CLUSTER_CHARS + WF_SNAPSHOTS_HEX_SIZE];
};

static struct key
key_of(const struct wf_snapshots_s3 *snapshots, const uint8_t *hash)
{
    char hex[WF_SNAPSHOTS_HEX_SIZE];
    struct key key;

    wf_snapshots_hex(hash, hex);
    (void)snprintf(key.text, sizeof(key.text), "%s%s", snapshots->cluster, hex);
    return key;
}

// A request about an object whose answer is its headers.
static weft_err
ask(struct wf_snapshots_s3 *snapshots, const char *method, const uint8_t *hash,
    bool is_copy, struct wf_s3_answer *out_answer)
{
    struct key key = key_of(snapshots, hash);
    struct wf_s3_request request = {
        .method = method, .key = key.text, .is_copy = is_copy};
    weft_err err;

    *out_answer = (struct wf_s3_answer){0};
    err = wf_s3_client_do(snapshots->client, &request, out_answer);
    wf_s3_answer_fini(out_answer);
    return err;
}

// Life. -----------------------------------------------------------------------

static void
stop(void *self)
{
    struct wf_snapshots_s3 *snapshots = self;

    wf_s3_client_stop(snapshots->client);
    wf_s3_client_stop(snapshots->getter);
}

static void
close_all(void *self)
{
    struct wf_snapshots_s3 *snapshots = self;

    wf_s3_client_close(snapshots->client);
    wf_s3_client_close(snapshots->getter);
    wf_s3_place_fini(&snapshots->place);
    pthread_mutex_destroy(&snapshots->get_lock);
    wf_free(snapshots);
}

// Is the bucket there, and are we let in?
static weft_err
look(struct wf_snapshots_s3 *snapshots)
{
    struct wf_s3_request request = {
        .method = "GET", .key = "", .query = "list-type=2&max-keys=1"};
    struct wf_s3_answer answer = {0};
    weft_err err = wf_s3_client_do(snapshots->client, &request, &answer);

    wf_s3_answer_fini(&answer);
    return err;
}

weft_err
wf_snapshots_s3_open(const char *where, const uint8_t cluster_id[16],
                     const struct wf_s3_limits *limits,
                     struct wf_snapshots *out_snapshots)
{
    struct wf_snapshots_s3 *snapshots = wf_calloc(sizeof(*snapshots));
    weft_err err = wf_s3_place_read(where, &snapshots->place);

    for (size_t i = 0; i < 16; i++) {
        (void)snprintf(snapshots->cluster + 2 * i, 3, "%02x", cluster_id[i]);
    }
    snapshots->cluster[CLUSTER_CHARS - 1] = '/';
    WF_ASSERT(pthread_mutex_init(&snapshots->get_lock, NULL) == 0);
    if (err == WEFT_OK) {
        err = wf_s3_client_open(&snapshots->place, limits, &snapshots->client);
    }
    if (err == WEFT_OK) {
        err = wf_s3_client_open(&snapshots->place, limits, &snapshots->getter);
    }
    if (err == WEFT_OK) {
        err = look(snapshots);
    }
    if (err != WEFT_OK) {
        close_all(snapshots);
        return err;
    }
    out_snapshots->ops = &s3_ops;
    out_snapshots->self = snapshots;
    return WEFT_OK;
}

// Putting. --------------------------------------------------------------------

// SHA-256 of a file whose bytes are file's.
static weft_err
hash_file(const struct wf_snapshots_file *file, int fd, const char *path,
          uint8_t out_sha256[WF_S3_SHA256_BYTES])
{
    uint8_t hash[WF_SNAPSHOTS_HASH_BYTES];
    crypto_generichash_state ours;
    crypto_hash_sha256_state theirs;
    uint8_t *block = wf_alloc(BLOCK_BYTES);
    uint64_t at = 0;
    size_t len = BLOCK_BYTES;
    weft_err err = WEFT_OK;

    (void)crypto_generichash_init(&ours, NULL, 0, sizeof(hash));
    (void)crypto_hash_sha256_init(&theirs);
    while (err == WEFT_OK && len == BLOCK_BYTES) {
        err = wf_file_read_at(fd, path, block, BLOCK_BYTES, (off_t)at, &len);
        (void)crypto_generichash_update(&ours, block, len);
        (void)crypto_hash_sha256_update(&theirs, block, len);
        at += len;
    }
    (void)crypto_generichash_final(&ours, hash, sizeof(hash));
    (void)crypto_hash_sha256_final(&theirs, out_sha256);
    wf_free(block);
    return err == WEFT_OK && (at != file->bytes ||
                              memcmp(hash, file->hash, sizeof(hash)) != 0)
               ? wf_error(WEFT_ECORRUPT, "%s: its bytes are not those of %s",
                          path, file->name)
               : err;
}

static weft_err
upload(struct wf_snapshots_s3 *snapshots, const struct wf_snapshots_file *file,
       const char *path)
{
    struct key key = key_of(snapshots, file->hash);
    struct wf_s3_request request = {
        .method = "PUT", .key = key.text, .path = path, .bytes = file->bytes};
    struct wf_s3_answer answer = {0};
    weft_err err;

    if (file->bytes > FILE_BYTES_MAX) {
        return wf_error(WEFT_EIO, "%s: S3 takes 5 GiB at once, and no more",
                        path);
    }
    request.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (request.fd < 0) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    err = hash_file(file, request.fd, path, request.sha256);
    if (err == WEFT_OK) {
        err = wf_s3_client_do(snapshots->client, &request, &answer);
    }
    close(request.fd);
    wf_s3_answer_fini(&answer);
    return err == WEFT_ENOTFOUND ? WEFT_EIO : err;
}

// WEFT_ENOTFOUND: it is not there as it should be.
static weft_err
make_new(struct wf_snapshots_s3 *snapshots,
         const struct wf_snapshots_file *file)
{
    struct wf_s3_answer answer;
    weft_err err = ask(snapshots, "HEAD", file->hash, false, &answer);

    if (err == WEFT_OK && answer.bytes != file->bytes) {
        return WEFT_ENOTFOUND;
    }
    return err == WEFT_OK ? ask(snapshots, "PUT", file->hash, true, &answer)
                          : err;
}

static weft_err
put(void *self, const struct wf_snapshots_file *file, const char *path,
    bool *out_is_new)
{
    weft_err err = make_new(self, file);

    *out_is_new = false;
    // One that was removed just now is not there any more, and put.
    if (err == WEFT_ENOTFOUND) {
        err = upload(self, file, path);
        *out_is_new = err == WEFT_OK;
    }
    return err;
}

static weft_err
has(void *self, const struct wf_snapshots_file *file, bool *out_has)
{
    struct wf_s3_answer answer;
    weft_err err = ask(self, "HEAD", file->hash, false, &answer);

    *out_has = err == WEFT_OK && answer.bytes == file->bytes;
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

// Getting. --------------------------------------------------------------------

struct copy {
    const struct wf_snapshots_file *file;
    const char *path;
    int fd;
    uint64_t at;
    crypto_generichash_state state;
};

static weft_err
begin_copy(void *ctx)
{
    struct copy *copy = ctx;

    copy->at = 0;
    (void)crypto_generichash_init(&copy->state, NULL, 0,
                                  WF_SNAPSHOTS_HASH_BYTES);
    return ftruncate(copy->fd, 0) == 0
               ? WEFT_OK
               : wf_error(WEFT_EIO, "%s: %s", copy->path, strerror(errno));
}

static weft_err
wrong_bytes(const struct wf_snapshots_s3 *snapshots, const struct copy *copy)
{
    struct key key = key_of(snapshots, copy->file->hash);

    return wf_error(WEFT_ECORRUPT,
                    "s3://%s/%s%s: its bytes are not those of %s",
                    snapshots->place.bucket, snapshots->place.prefix, key.text,
                    copy->file->name);
}

// More than there should be is cut off: the hash is not the same then.
static weft_err
take_bytes(void *ctx, const void *bytes, size_t len)
{
    struct copy *copy = ctx;
    weft_err err = WEFT_OK;

    (void)crypto_generichash_update(&copy->state, bytes, len);
    if (copy->at < copy->file->bytes) {
        err = wf_file_write(copy->fd, copy->path, weft_bytes_of(bytes, len),
                            (off_t)copy->at);
    }
    copy->at += len;
    return err;
}

static weft_err
finish_copy(const struct wf_snapshots_s3 *snapshots, struct copy *copy)
{
    uint8_t hash[WF_SNAPSHOTS_HASH_BYTES];

    (void)crypto_generichash_final(&copy->state, hash, sizeof(hash));
    if (copy->at != copy->file->bytes ||
        memcmp(hash, copy->file->hash, sizeof(hash)) != 0) {
        return wrong_bytes(snapshots, copy);
    }
    return fsync(copy->fd) == 0
               ? WEFT_OK
               : wf_error(WEFT_EIO, "%s: %s", copy->path, strerror(errno));
}

static weft_err
get(void *self, const struct wf_snapshots_file *file, const char *path)
{
    struct wf_snapshots_s3 *snapshots = self;
    struct key key = key_of(snapshots, file->hash);
    struct copy copy = {.file = file, .path = path};
    struct wf_s3_sink sink = {
        .begin = begin_copy, .take = take_bytes, .ctx = &copy};
    struct wf_s3_request request = {
        .method = "GET", .key = key.text, .sink = &sink};
    struct wf_s3_answer answer = {0};
    weft_err err;

    copy.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (copy.fd < 0) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    pthread_mutex_lock(&snapshots->get_lock);
    err = wf_s3_client_do(snapshots->getter, &request, &answer);
    pthread_mutex_unlock(&snapshots->get_lock);
    wf_s3_answer_fini(&answer);
    if (err == WEFT_OK) {
        err = finish_copy(snapshots, &copy);
    }
    close(copy.fd);
    if (err != WEFT_OK) {
        (void)unlink(path);
    }
    return err;
}

// Age. ------------------------------------------------------------------------

// Both are of the server's clock, and tell seconds. 0: it did not say.
static bool
is_old(uint64_t modified_ms, uint64_t now_ms, uint64_t age_ms)
{
    return modified_ms != 0 &&
           (now_ms < modified_ms ? 0 : now_ms - modified_ms) >= age_ms;
}

struct walk {
    const char *prefix; // of keys, with the cluster
    uint64_t now_ms;
    uint64_t age_ms;
    wf_snapshots_list_fn *fn;
    void *ctx;
};

static void
look_at(void *ctx, weft_bytes key, uint64_t modified_ms)
{
    const struct walk *walk = ctx;
    size_t skip = strlen(walk->prefix);
    uint8_t hash[WF_SNAPSHOTS_HASH_BYTES];

    if (key.len == skip + HEX_CHARS &&
        memcmp(key.data, walk->prefix, skip) == 0 &&
        wf_snapshots_read_hex(
            weft_bytes_of((const uint8_t *)key.data + skip, HEX_CHARS), hash) &&
        is_old(modified_ms, walk->now_ms, walk->age_ms)) {
        walk->fn(walk->ctx, hash);
    }
}

static void
put_escaped(struct wf_buf *query, weft_bytes text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    const uint8_t *data = text.data;

    for (size_t i = 0; i < text.len; i++) {
        char code[4];

        if (data[i] != '\0' && strchr(plain, data[i]) != NULL) {
            wf_buf_put_u8(query, data[i]);
        } else {
            (void)snprintf(code, sizeof(code), "%%%02X", data[i]);
            wf_buf_put(query, code, 3);
        }
    }
}

static void
put_text(struct wf_buf *query, const char *text)
{
    wf_buf_put(query, text, strlen(text));
}

// One page; `token` is where it begins, and becomes where the next one does.
static weft_err
list_page(struct wf_snapshots_s3 *snapshots, struct walk *walk,
          struct wf_buf *token)
{
    struct wf_s3_request request = {.method = "GET", .key = ""};
    struct wf_s3_answer answer = {0};
    struct wf_buf query = {0};
    weft_err err;

    if (token->len > 0) {
        put_text(&query, "continuation-token=");
        put_escaped(&query, wf_buf_bytes(token));
        put_text(&query, "&");
    }
    put_text(&query, "list-type=2&prefix=");
    put_escaped(&query, weft_bytes_of(walk->prefix, strlen(walk->prefix)));
    wf_buf_put_u8(&query, '\0');
    request.query = (const char *)query.data;
    err = wf_s3_client_do(snapshots->client, &request, &answer);
    wf_buf_reset(token);
    if (err == WEFT_OK) {
        walk->now_ms = answer.now_ms;
        err =
            wf_s3_answer_list(wf_buf_bytes(&answer.body), look_at, walk, token);
    }
    wf_s3_answer_fini(&answer);
    wf_buf_fini(&query);
    return err;
}

static weft_err
list(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn, void *ctx)
{
    struct wf_snapshots_s3 *snapshots = self;
    size_t size = strlen(snapshots->place.prefix) + CLUSTER_CHARS + 1;
    char *prefix = wf_alloc(size);
    struct walk walk = {
        .prefix = prefix, .age_ms = age_ms, .fn = fn, .ctx = ctx};
    struct wf_buf token = {0};
    weft_err err;

    (void)snprintf(prefix, size, "%s%s", snapshots->place.prefix,
                   snapshots->cluster);
    do {
        err = list_page(snapshots, &walk, &token);
    } while (err == WEFT_OK && token.len > 0);
    wf_buf_fini(&token);
    wf_free(prefix);
    return err;
}

static weft_err
remove_file(void *self, const uint8_t *hash, uint64_t age_ms)
{
    struct wf_s3_answer answer;
    weft_err err = ask(self, "HEAD", hash, false, &answer);

    if (err == WEFT_OK && is_old(answer.modified_ms, answer.now_ms, age_ms)) {
        err = ask(self, "DELETE", hash, false, &answer);
    }
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}
