// SPDX-License-Identifier: Apache-2.0
//
// exchange_fetch.c - partitions that come to this node, and the files of their
// snapshots.
//
//     begin --> files of the manifest, piece by piece --> commits --> level
//                                                            ^          |
//                                                            +--20 ms---+
//
// What was fetched is in the ledger and among the snapshots' files; what is in
// here can be lost.

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cluster/exchange_impl.h"

enum {
    FETCHES_MAX = 2, // at a time
    POLL_MS = 20,    // of one that is level
    AGAIN_MS = 1000, // one that is not answered
    ABSENT_MS = 200, // one that its owner does not have
};

static void
reset(struct wf_exchange_fetch *fetch)
{
    wf_snapshots_manifest_fini(&fetch->manifest);
    *fetch = (struct wf_exchange_fetch){0};
}

void
wf_exchange_fetch_fini(struct wf_exchange *exchange)
{
    for (uint32_t i = 0; i < exchange->partition_count; i++) {
        reset(&exchange->fetches[i]);
    }
    if (exchange->served.fd >= 0) {
        (void)close(exchange->served.fd);
    }
}

// Release with wf_free.
static char *
path_of(const struct wf_exchange *exchange, const char *name)
{
    size_t size = strlen(exchange->dir) + strlen(name) + 2;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/%s", exchange->dir, name);
    return path;
}

static weft_err
errno_of(const char *path)
{
    return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
}

// Files that others ask for. --------------------------------------------------

static weft_err
open_served(struct wf_exchange *exchange, const struct wf_snapshots_file *file)
{
    const struct wf_snapshots *files = &exchange->options.files;
    struct wf_exchange_file *served = &exchange->served;
    char *path;
    weft_err err;

    if (files->ops == NULL) {
        return wf_error(WEFT_ENOTFOUND, "this node keeps no snapshots");
    }
    if (served->fd >= 0) {
        (void)close(served->fd);
        served->fd = -1;
    }
    path = path_of(exchange, "out");
    (void)unlink(path);
    err = files->ops->get(files->self, file, path);
    if (err == WEFT_OK) {
        served->fd = open(path, O_RDONLY | O_CLOEXEC);
        err = served->fd < 0 ? errno_of(path) : WEFT_OK;
        (void)unlink(path);
    }
    memcpy(served->hash, file->hash, sizeof(served->hash));
    wf_free(path);
    return err;
}

weft_err
wf_exchange_fetch_serve(struct wf_exchange *exchange, weft_bytes body,
                        struct wf_buf *out)
{
    struct wf_reader reader = wf_reader_of(body);
    weft_bytes hash = wf_reader_take(&reader, WF_SNAPSHOTS_HASH_BYTES);
    struct wf_snapshots_file file = {.bytes = wf_reader_u64(&reader)};
    uint64_t offset = wf_reader_u64(&reader);
    weft_err err = WEFT_OK;
    ssize_t got;

    if (reader.failed) {
        return wf_error(WEFT_EINVAL, "a file is asked for without its hash");
    }
    memcpy(file.hash, hash.data, sizeof(file.hash));
    if (exchange->served.fd < 0 ||
        memcmp(exchange->served.hash, file.hash, sizeof(file.hash)) != 0) {
        err = open_served(exchange, &file);
    }
    if (err != WEFT_OK) {
        return err;
    }
    wf_buf_reserve(out, WF_EXCHANGE_PIECE_BYTES);
    got = pread(exchange->served.fd, out->data + out->len,
                WF_EXCHANGE_PIECE_BYTES, (off_t)offset);
    if (got < 0) {
        return errno_of("a file of a snapshot");
    }
    out->len += (size_t)got;
    return WEFT_OK;
}

// Files that come. ------------------------------------------------------------

static char *
incoming_path(const struct wf_exchange *exchange, uint32_t partition)
{
    char name[24];

    (void)snprintf(name, sizeof(name), "in-%" PRIu32, partition);
    return path_of(exchange, name);
}

static weft_err
load_manifest(struct wf_exchange *exchange, uint32_t partition)
{
    struct wf_exchange_fetch *fetch = &exchange->fetches[partition];
    struct wf_shared_log log = wf_ledger_log(exchange->options.ledger);
    struct wf_buf bytes = {0};
    uint64_t redo_from;
    weft_err err =
        log.ops->snapshot_read(log.self, partition, 0, &redo_from, &bytes);

    if (err == WEFT_OK) {
        err = wf_snapshots_decode(wf_buf_bytes(&bytes), &fetch->manifest);
    }
    fetch->has_manifest = err == WEFT_OK;
    fetch->has_files = err == WEFT_ENOTFOUND; // there is nothing to have
    fetch->file = 0;
    fetch->offset = 0;
    wf_buf_fini(&bytes);
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

// One that is here is put once more where this node collects garbage: it may
// have been that until now, and be about to be removed.
static weft_err
look_for(const struct wf_exchange_options *options,
         const struct wf_snapshots_file *file, const char *path,
         bool *out_is_there)
{
    const struct wf_snapshots *files = &options->files;
    weft_err err = files->ops->has(files->self, file, out_is_there);
    bool is_new;

    return err == WEFT_OK && *out_is_there && options->has_own_files
               ? files->ops->put(files->self, file, path, &is_new)
               : err;
}

// Pass over the files that are there.
static weft_err
find_missing(struct wf_exchange *exchange, uint32_t partition)
{
    struct wf_exchange_fetch *fetch = &exchange->fetches[partition];
    bool is_there = true;
    weft_err err = WEFT_OK;
    char *path;

    if (exchange->options.files.ops == NULL) {
        return wf_error(WEFT_EIO, "a snapshot comes, and this node keeps none");
    }
    path = incoming_path(exchange, partition);
    while (err == WEFT_OK && is_there &&
           fetch->file < fetch->manifest.files_count) {
        err = look_for(&exchange->options, &fetch->manifest.files[fetch->file],
                       path, &is_there);
        if (err == WEFT_OK && is_there) {
            fetch->file++;
            fetch->offset = 0;
        }
    }
    wf_free(path);
    fetch->has_files =
        err == WEFT_OK && fetch->file == fetch->manifest.files_count;
    return err;
}

static weft_err
write_piece(const char *path, uint64_t offset, weft_bytes piece)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    weft_err err = WEFT_OK;

    if (fd < 0 || pwrite(fd, piece.data, piece.len, (off_t)offset) !=
                      (ssize_t)piece.len) {
        err = errno_of(path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

static weft_err
take_piece(struct wf_exchange *exchange, uint32_t partition, weft_bytes piece)
{
    const struct wf_snapshots *files = &exchange->options.files;
    struct wf_exchange_fetch *fetch = &exchange->fetches[partition];
    const struct wf_snapshots_file *file = &fetch->manifest.files[fetch->file];
    char *path = incoming_path(exchange, partition);
    weft_err err = WEFT_OK;
    bool is_new;

    if (fetch->offset == 0) {
        (void)unlink(path);
    }
    if (piece.len > file->bytes - fetch->offset ||
        (piece.len == 0 && file->bytes > fetch->offset)) {
        err =
            wf_error(WEFT_ECORRUPT, "a file of a snapshot is of another size");
    } else {
        err = write_piece(path, fetch->offset, piece);
        fetch->offset += piece.len;
    }
    if (err == WEFT_OK && fetch->offset == file->bytes) {
        err = files->ops->put(files->self, file, path, &is_new);
        (void)unlink(path);
        fetch->offset = 0;
        fetch->file += err == WEFT_OK;
    }
    if (err != WEFT_OK) {
        fetch->offset = 0;
    }
    wf_free(path);
    return err;
}

// Asking. ---------------------------------------------------------------------

static void
ask_file(struct wf_exchange *exchange, struct wf_exchange_peer *peer,
         struct wf_exchange_fetch *fetch)
{
    const struct wf_snapshots_file *file = &fetch->manifest.files[fetch->file];
    struct wf_buf body = {0};

    wf_buf_put(&body, file->hash, sizeof(file->hash));
    wf_buf_put_u64(&body, file->bytes);
    wf_buf_put_u64(&body, fetch->offset);
    (void)wf_exchange_send(exchange, peer, WF_EXCHANGE_FILE, fetch->number,
                           wf_buf_bytes(&body));
    wf_buf_fini(&body);
}

static void
ask(struct wf_exchange *exchange, struct wf_exchange_peer *peer,
    uint32_t partition)
{
    struct wf_exchange_fetch *fetch = &exchange->fetches[partition];
    struct wf_buf body = {0};
    weft_err err = WEFT_OK;

    if (!wf_ledger_ask(exchange->options.ledger, partition, fetch->has_files,
                       &fetch->ask)) {
        return; // it is here by now
    }
    if (fetch->ask.next > 0 && !fetch->has_files) {
        err =
            fetch->has_manifest ? WEFT_OK : load_manifest(exchange, partition);
        if (err == WEFT_OK && !fetch->has_files) {
            err = find_missing(exchange, partition);
        }
        fetch->ask.is_ready = fetch->has_files;
    }
    fetch->is_asked = true;
    fetch->number = ++exchange->numbers;
    fetch->again_ms = wf_exchange_now_ms(exchange) + AGAIN_MS;
    memcpy(fetch->giver, peer->id, sizeof(fetch->giver));
    if (err != WEFT_OK) {
        wf_exchange_complain(exchange, "fetch", weft_err_detail());
    } else if (fetch->ask.next > 0 && !fetch->has_files) {
        ask_file(exchange, peer, fetch);
    } else {
        wf_ledger_ask_encode(&fetch->ask, &body);
        (void)wf_exchange_send(exchange, peer, WF_EXCHANGE_MOVE, fetch->number,
                               wf_buf_bytes(&body));
    }
    wf_buf_fini(&body);
}

// Is it to come here?
static bool
is_wanted(struct wf_exchange *exchange, uint32_t partition)
{
    const struct wf_ledger_known *known = &exchange->view.parts[partition];
    bool is_balanced;

    pthread_mutex_lock(&exchange->lock);
    is_balanced = exchange->are_wanted[partition];
    pthread_mutex_unlock(&exchange->lock);
    return is_balanced ||
           (known->is_given && strcmp(known->wanted, exchange->node_id) == 0);
}

// Those first that nobody runs.
static bool
is_urgent(const struct wf_exchange *exchange, uint32_t partition)
{
    return exchange->view.parts[partition].is_idle;
}

// One that is not to come any more, though who has it is there.
static void
give_up(struct wf_exchange *exchange, uint32_t partition,
        const struct wf_ledger_part *part)
{
    const struct wf_exchange_peer *peer =
        wf_exchange_peer(exchange, part->owner);

    reset(&exchange->fetches[partition]);
    if (part->state == WF_LEDGER_COMING && peer != NULL &&
        peer->heard_ms + AGAIN_MS >= wf_exchange_now_ms(exchange) &&
        wf_ledger_forget(exchange->options.ledger, partition) != WEFT_OK) {
        wf_exchange_complain(exchange, "fetch", weft_err_detail());
    }
}

static uint64_t
step(struct wf_exchange *exchange, uint32_t partition, bool is_first,
     uint32_t *count)
{
    struct wf_exchange_fetch *fetch = &exchange->fetches[partition];
    struct wf_ledger_part part;
    struct wf_exchange_peer *peer;

    if (is_urgent(exchange, partition) != is_first) {
        return UINT64_MAX;
    }
    part = wf_ledger_part(exchange->options.ledger, partition);
    if (part.state >= WF_LEDGER_MINE) {
        reset(fetch);
        return UINT64_MAX;
    }
    if (!is_wanted(exchange, partition)) {
        give_up(exchange, partition, &part);
        return UINT64_MAX;
    }
    peer = wf_exchange_peer(exchange, part.owner);
    if (peer == NULL || *count >= FETCHES_MAX) {
        return UINT64_MAX;
    }
    (*count)++;
    if (fetch->again_ms <= wf_exchange_now_ms(exchange) ||
        strcmp(fetch->giver, peer->id) != 0) {
        ask(exchange, peer, partition);
    }
    return fetch->again_ms;
}

uint64_t
wf_exchange_fetch_step(struct wf_exchange *exchange)
{
    uint64_t next = UINT64_MAX;
    uint32_t count = 0;

    for (uint32_t i = 0; i < 2 * exchange->view.parts_count; i++) {
        uint32_t partition = i % exchange->view.parts_count;
        uint64_t due =
            step(exchange, partition, i < exchange->view.parts_count, &count);

        next = due < next ? due : next;
    }
    return next;
}

// Answers. --------------------------------------------------------------------

static void
hear_move(struct wf_exchange *exchange, uint32_t partition, weft_bytes body)
{
    struct wf_exchange_fetch *fetch = &exchange->fetches[partition];
    enum wf_ledger_progress progress = WF_LEDGER_NOT_THERE;
    uint64_t now = wf_exchange_now_ms(exchange);
    char text[120];
    weft_err err = wf_ledger_receive(exchange->options.ledger, &fetch->ask,
                                     fetch->giver, body, &progress);

    if (err != WEFT_OK) {
        wf_exchange_complain(exchange, "fetch", weft_err_detail());
        fetch->again_ms = now + AGAIN_MS;
        return;
    }
    switch (progress) {
    case WF_LEDGER_BEGUN:
        reset(fetch); // has other files
        break;
    case WF_LEDGER_MORE:
        fetch->again_ms = now;
        break;
    case WF_LEDGER_LEVEL:
        fetch->again_ms = now + (fetch->ask.is_ready ? POLL_MS : 0);
        break;
    case WF_LEDGER_NOT_THERE:
        fetch->again_ms = now + ABSENT_MS;
        break;
    case WF_LEDGER_TAKEN:
        (void)snprintf(text, sizeof(text),
                       "partition %" PRIu32 " is this node's, from node %s",
                       partition, fetch->giver);
        wf_exchange_note(exchange, "taken", text);
        reset(fetch);
        exchange->tell_ms = 0;
        exchange->options.changed(exchange->options.ctx);
        break;
    }
}

static void
hear_piece(struct wf_exchange *exchange, uint32_t partition, weft_bytes body)
{
    struct wf_exchange_fetch *fetch = &exchange->fetches[partition];

    fetch->again_ms = wf_exchange_now_ms(exchange);
    if (!fetch->has_manifest || fetch->has_files ||
        fetch->file >= fetch->manifest.files_count) {
        return;
    }
    if (take_piece(exchange, partition, body) != WEFT_OK) {
        wf_exchange_complain(exchange, "fetch", weft_err_detail());
        fetch->again_ms += AGAIN_MS;
    }
}

// From the same node, which is not asked anew at once.
static void
begin_again(struct wf_exchange_fetch *fetch)
{
    char giver[sizeof(fetch->giver)];

    memcpy(giver, fetch->giver, sizeof(giver));
    reset(fetch);
    memcpy(fetch->giver, giver, sizeof(giver));
}

// Its owner may have made a newer snapshot, and have no use for the old one.
static void
be_refused(struct wf_exchange *exchange, uint32_t partition, weft_bytes body)
{
    struct wf_exchange_fetch *fetch = &exchange->fetches[partition];
    struct wf_reader reader = wf_reader_of(body);
    weft_err err = (weft_err)wf_reader_varint(&reader);
    weft_bytes text = wf_reader_bytes(&reader);
    bool was_file = fetch->has_manifest && !fetch->has_files;
    char detail[400];

    (void)snprintf(detail, sizeof(detail), "node %s: %.*s", fetch->giver,
                   (int)(text.len < 300 ? text.len : 300),
                   text.len == 0 ? "" : (const char *)text.data);
    wf_exchange_complain(exchange, "fetch", detail);
    if (was_file && (err == WEFT_ENOTFOUND || err == WEFT_ECORRUPT)) {
        (void)wf_ledger_forget(exchange->options.ledger, partition);
        begin_again(fetch);
    }
    fetch->again_ms = wf_exchange_now_ms(exchange) + AGAIN_MS;
}

void
wf_exchange_fetch_hear(struct wf_exchange *exchange,
                       const struct wf_exchange_message *message)
{
    for (uint32_t i = 0; i < exchange->partition_count; i++) {
        struct wf_exchange_fetch *fetch = &exchange->fetches[i];

        if (!fetch->is_asked || fetch->number != message->number) {
            continue;
        }
        fetch->is_asked = false;
        if (message->type == WF_EXCHANGE_MOVE) {
            hear_move(exchange, i, message->body);
        } else if (message->type == WF_EXCHANGE_FILE) {
            hear_piece(exchange, i, message->body);
        } else if (message->type == WF_EXCHANGE_REFUSED) {
            be_refused(exchange, i, message->body);
        }
        return;
    }
}
