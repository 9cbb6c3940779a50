// SPDX-License-Identifier: Apache-2.0
//
// blackbox.c - what was running when the process died: the file and its slots.
// Fatal signals are in blackbox_signal.c.
//
//   magic "WBOX", u32 version, u64 slots count, zeros to 1,024 bytes;
//   then the slots, 1,024 bytes each
//
// The file is written by stores into mapped memory, which survive the process
// but not the machine; after a power cut nobody is blamed, rightly. Its blocks
// are reserved when it is made, so that a full disk cannot turn a store into a
// SIGBUS.
//
// What an earlier process left is read first and kept until clear, so that it
// is blamed again if recovery itself dies. Until then the slots are anonymous
// memory; clear maps the file in the same place.
//
// A slot's generation is odd while user code runs. Its fields are written
// while it is even, so that a reader that finds the same odd number before and
// after has read one run. All fields are atomic: stores are release and loads
// acquire, which is what orders them against the generation, and costs nothing
// on x86.

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#endif

#include "runtime/blackbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "runtime/blackbox_impl.h"

#define VERSION 1
#define SLOTS_MAX 65536 // more than a node can have; less than harm

_Static_assert(sizeof(struct wf_blackbox_slot) == SLOT_BYTES,
               "a slot has its place in the file");

static const char magic[4] = {'W', 'B', 'O', 'X'};

struct wf_blackbox {
    char *path; // NULL: memory only
    uint32_t slots_count;
    uint8_t *map;
    size_t map_bytes;
};

// What an earlier process left. ----------------------------------------------

void
wf_blackbox_entry_fini(struct wf_blackbox_entry *entry)
{
    wf_key_fini(&entry->key);
}

static void
load_bytes(const _Atomic uint64_t *words, uint8_t *out_bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word =
            atomic_load_explicit(&words[i / 8], memory_order_acquire);

        memcpy(out_bytes + i, &word, len - i < 8 ? len - i : 8);
    }
}

// False: what is there cannot have been written by begin.
static bool
decode_slot(const struct wf_blackbox_slot *slot,
            struct wf_blackbox_entry *out_entry)
{
    struct wf_blackbox_entry entry = {0};
    uint8_t key[KEY_WORDS * 8];
    uint32_t key_len = atomic_load(&slot->key_len);
    uint32_t what_len = atomic_load(&slot->what_len);
    uint32_t kind = atomic_load(&slot->kind);

    if (key_len > sizeof(key) || what_len >= sizeof(entry.what) ||
        (kind != WF_BLACKBOX_TURN && kind != WF_BLACKBOX_ACTIVITY)) {
        return false;
    }
    load_bytes(slot->key, key, key_len);
    load_bytes(slot->what, (uint8_t *)entry.what, what_len);
    entry.kind = (enum wf_blackbox_kind)kind;
    entry.generation = atomic_load(&slot->generation);
    entry.started_ms = atomic_load(&slot->started_ms);
    entry.signal = (int)atomic_load(&slot->stamped);
    entry.is_overflow = atomic_load(&slot->is_overflow) != 0;
    if (!wf_key_decode(weft_bytes_of(key, key_len), &entry.key)) {
        return false;
    }
    *out_entry = entry;
    return true;
}

void
wf_blackbox_explain(const struct wf_blackbox_entry *entry, char *out_text,
                    size_t size)
{
    bool is_turn = entry->kind == WF_BLACKBOX_TURN;
    const char *signal = entry->signal == SIGSEGV   ? "SIGSEGV"
                         : entry->signal == SIGBUS  ? "SIGBUS"
                         : entry->signal == SIGFPE  ? "SIGFPE"
                         : entry->signal == SIGILL  ? "SIGILL"
                         : entry->signal == SIGXCPU ? "too long a time"
                                                    : "SIGABRT";

    (void)snprintf(out_text, size, "%s in its %s%s%s%s",
                   entry->is_overflow ? "a stack overflow" : signal,
                   is_turn ? "turn (" : "activity ", entry->what,
                   is_turn ? ")" : "",
                   entry->is_overflow ? ": raise its kind's stack_bytes" : "");
}

static bool
read_fully(int fd, void *out_bytes, size_t len, off_t at)
{
    ssize_t got;

    do {
        got = pread(fd, out_bytes, len, at);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)len;
}

static uint64_t
read_header(int fd)
{
    uint8_t header[16];
    struct wf_reader reader;
    uint64_t count;

    if (!read_fully(fd, header, sizeof(header), 0) ||
        memcmp(header, magic, sizeof(magic)) != 0) {
        return 0;
    }
    reader = wf_reader_of(weft_bytes_of(header + 4, sizeof(header) - 4));
    if (wf_reader_u32(&reader) != VERSION) {
        return 0;
    }
    count = wf_reader_u64(&reader);
    return count <= SLOTS_MAX ? count : 0;
}

// A file that is not whole blames nobody: it is a hint, not a record.
static void
read_blamed(const char *path, wf_blackbox_fn *blamed, void *ctx)
{
    struct wf_blackbox_slot *slot;
    struct wf_blackbox_entry entry;
    uint64_t count;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    slot = wf_alloc(sizeof(*slot));
    count = read_header(fd);
    for (uint64_t i = 0; i < count; i++) {
        if (!read_fully(fd, slot, sizeof(*slot),
                        (off_t)((i + 1) * SLOT_BYTES))) {
            break;
        }
        if (atomic_load(&slot->stamped) == 0 || !decode_slot(slot, &entry)) {
            continue;
        }
        blamed(ctx, &entry);
        wf_blackbox_entry_fini(&entry);
    }
    wf_free(slot);
    close(fd);
}

// Life. ---------------------------------------------------------------------

weft_err
wf_blackbox_open(const char *path, uint32_t slots_count, wf_blackbox_fn *blamed,
                 void *ctx, struct wf_blackbox **out_box)
{
    struct wf_blackbox *box;
    size_t bytes = ((size_t)slots_count + 1) * SLOT_BYTES;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED) {
        return wf_error(WEFT_EIO, "black box: mmap: %s", strerror(errno));
    }
    if (path != NULL) {
        read_blamed(path, blamed, ctx);
    }
    box = wf_calloc(sizeof(*box));
    box->path = path == NULL ? NULL : wf_strdup(path);
    box->slots_count = slots_count;
    box->map = map;
    box->map_bytes = bytes;
    *out_box = box;
    return WEFT_OK;
}

static bool
write_header(int fd, uint32_t slots_count)
{
    struct wf_buf header = {0};
    bool is_written;

    wf_buf_put(&header, magic, sizeof(magic));
    wf_buf_put_u32(&header, VERSION);
    wf_buf_put_u64(&header, slots_count);
    is_written = pwrite(fd, header.data, header.len, 0) == (ssize_t)header.len;
    wf_buf_fini(&header);
    return is_written;
}

void
wf_blackbox_clear(struct wf_blackbox *box)
{
    int fd;

    if (box->path == NULL) {
        return;
    }
    // Without the file there is still the watchdog: not worth failing for.
    fd = open(box->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return;
    }
    if (posix_fallocate(fd, 0, (off_t)box->map_bytes) == 0 &&
        write_header(fd, box->slots_count)) {
        // Fails only by leaving what was mapped before.
        (void)mmap(box->map, box->map_bytes, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_FIXED, fd, 0);
    }
    close(fd);
}

void
wf_blackbox_close(struct wf_blackbox *box)
{
    if (box == NULL) {
        return;
    }
    munmap(box->map, box->map_bytes);
    wf_free(box->path);
    wf_free(box);
}

uint32_t
wf_blackbox_count(const struct wf_blackbox *box)
{
    return box->slots_count;
}

struct wf_blackbox_slot *
wf_blackbox_slot(struct wf_blackbox *box, uint32_t index)
{
    WF_ASSERT(index < box->slots_count);
    return (void *)(box->map + ((size_t)index + 1) * SLOT_BYTES);
}

// Slots. --------------------------------------------------------------------

static void
store_bytes(_Atomic uint64_t *words, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;

        memcpy(&word, (const uint8_t *)bytes + i, len - i < 8 ? len - i : 8);
        atomic_store_explicit(&words[i / 8], word, memory_order_release);
    }
}

// Returns an even generation: the one that was, or the next.
static uint64_t
stop_running(struct wf_blackbox_slot *slot)
{
    uint64_t generation =
        atomic_load_explicit(&slot->generation, memory_order_relaxed);

    if (generation % 2 != 0) {
        generation++;
        atomic_store_explicit(&slot->generation, generation,
                              memory_order_release);
    }
    // A signal came, and the host's handler went on all the same.
    if (atomic_load_explicit(&slot->stamped, memory_order_relaxed) != 0) {
        atomic_store_explicit(&slot->stamped, 0, memory_order_release);
        atomic_store_explicit(&slot->is_overflow, 0, memory_order_release);
    }
    return generation;
}

void
wf_blackbox_begin(struct wf_blackbox_slot *slot, enum wf_blackbox_kind kind,
                  const struct wf_key *key, const char *what, uint64_t now_ms)
{
    uint64_t generation = stop_running(slot);
    size_t what_len = strlen(what);

    if (what_len >= WHAT_WORDS * 8) {
        what_len = WHAT_WORDS * 8 - 1;
    }
    WF_ASSERT(key->len <= KEY_WORDS * 8);
    store_bytes(slot->key, key->text, key->len);
    store_bytes(slot->what, what, what_len);
    atomic_store_explicit(&slot->key_len, key->len, memory_order_release);
    atomic_store_explicit(&slot->what_len, (uint32_t)what_len,
                          memory_order_release);
    atomic_store_explicit(&slot->kind, (uint32_t)kind, memory_order_release);
    atomic_store_explicit(&slot->started_ms, now_ms, memory_order_release);
    atomic_store_explicit(&slot->generation, generation + 1,
                          memory_order_release);
}

void
wf_blackbox_end(struct wf_blackbox_slot *slot)
{
    (void)stop_running(slot);
}

bool
wf_blackbox_is_running(const struct wf_blackbox_slot *slot,
                       uint64_t *out_generation, uint64_t *out_started_ms)
{
    uint64_t generation =
        atomic_load_explicit(&slot->generation, memory_order_acquire);

    if (generation % 2 == 0) {
        return false;
    }
    *out_generation = generation;
    *out_started_ms =
        atomic_load_explicit(&slot->started_ms, memory_order_acquire);
    return atomic_load_explicit(&slot->generation, memory_order_acquire) ==
           generation;
}

// If the run ends between the two looks, the stamp is taken back; if it ends
// later, the next begin does that.
bool
wf_blackbox_stamp(struct wf_blackbox_slot *slot, uint64_t generation)
{
    if (atomic_load(&slot->generation) != generation) {
        return false;
    }
    atomic_store(&slot->is_overflow, 0);
    atomic_store(&slot->stamped, SIGXCPU);
    if (atomic_load(&slot->generation) != generation) {
        atomic_store(&slot->stamped, 0);
        return false;
    }
    return true;
}

bool
wf_blackbox_read(const struct wf_blackbox_slot *slot,
                 struct wf_blackbox_entry *out_entry)
{
    uint64_t generation =
        atomic_load_explicit(&slot->generation, memory_order_acquire);
    struct wf_blackbox_entry entry;

    if (generation % 2 == 0 || !decode_slot(slot, &entry)) {
        return false;
    }
    if (atomic_load_explicit(&slot->generation, memory_order_acquire) !=
        generation) {
        wf_blackbox_entry_fini(&entry);
        return false;
    }
    *out_entry = entry;
    return true;
}
