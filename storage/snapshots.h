// SPDX-License-Identifier: Apache-2.0
//
// snapshots.h - where the files of snapshots are kept, for all nodes of a
// cluster. A seam: snapshots_postgres.c keeps them in the cluster's database
// (log_postgres.h opens it), snapshots_dir.c in a directory that every node
// reaches, snapshots_s3.c in S3; snapshots_memory.c is the one for tests.
//
// A snapshot is the files of one partition's store, and a manifest that says
// which (docs/formats/snapshot.md). The manifest is in the shared log
// (log_shared.h), which says whose word counts. A file is kept once, under the
// hash of its bytes, however many snapshots and partitions have it: what is
// uploaded is what is new. The hash is BLAKE2b-256, of libsodium: a file is
// never uploaded if one of its hash is there, so nobody who writes values into
// a store may be able to make two files of one hash.
//
// Files that no manifest names are garbage. Whoever collects it lists first,
// then reads all manifests, then removes what is in none of them and was put
// too long ago to be in one that is just being made. A put counts anew though
// the file was there.
//
// Threads: put, has, list and remove from one at a time; get from several,
// beside it; stop from any.

#ifndef WF_STORAGE_SNAPSHOTS_H
#define WF_STORAGE_SNAPSHOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "weft/error.h"

#define WF_SNAPSHOTS_VERSION 1
#define WF_SNAPSHOTS_HASH_BYTES 32
#define WF_SNAPSHOTS_HEX_SIZE (2 * WF_SNAPSHOTS_HASH_BYTES + 1)
#define WF_SNAPSHOTS_NAME_MAX 200

struct wf_snapshots_file {
    char *name; // in the store's directory; owned
    uint64_t bytes;
    uint8_t hash[WF_SNAPSHOTS_HASH_BYTES];
    // Which file it was hashed of, on this machine; 0: not known. Not stored.
    uint64_t inode;
    int64_t changed_ns;
};

// All zero is an empty one.
struct wf_snapshots_manifest {
    uint32_t partition;
    uint64_t epoch;     // that it was made in
    uint64_t redo_from; // first commit that is needed to go on from it
    uint64_t last;      // newest commit whose rows it may have
    struct wf_snapshots_file *files; // by name
    uint32_t files_count;
};

void wf_snapshots_manifest_fini(struct wf_snapshots_manifest *manifest);
// Another file; in the order of names.
void wf_snapshots_add(struct wf_snapshots_manifest *manifest,
                      const struct wf_snapshots_file *file);
void wf_snapshots_encode(const struct wf_snapshots_manifest *manifest,
                         struct wf_buf *out);
// WEFT_EFORMAT    a newer version wrote it
// WEFT_ECORRUPT   malformed, or its checksum differs; the detail says what
weft_err wf_snapshots_decode(weft_bytes bytes,
                             struct wf_snapshots_manifest *out_manifest);

void wf_snapshots_hex(const uint8_t hash[WF_SNAPSHOTS_HASH_BYTES],
                      char out_hex[WF_SNAPSHOTS_HEX_SIZE]);
// Does the text begin with a hash as wf_snapshots_hex writes it?
bool wf_snapshots_read_hex(weft_bytes text,
                           uint8_t out_hash[WF_SNAPSHOTS_HASH_BYTES]);

// Called for each file that was put so many milliseconds ago, or before.
typedef void wf_snapshots_list_fn(void *ctx, const uint8_t *hash);

struct wf_snapshots_ops {
    // Keep the file at `path`, unless it is there. *out_is_new: it was not.
    //
    // WEFT_ECORRUPT   its bytes are not those of file->hash
    // WEFT_EIO        the detail says what; what was written does not count
    weft_err (*put)(void *self, const struct wf_snapshots_file *file,
                    const char *path, bool *out_is_new);
    weft_err (*has)(void *self, const struct wf_snapshots_file *file,
                    bool *out_has);
    // Write its bytes to `path`, synced, having checked them.
    //
    // WEFT_ENOTFOUND   it is not there
    // WEFT_ECORRUPT    it is there with other bytes; the detail names it
    // WEFT_EIO
    weft_err (*get)(void *self, const struct wf_snapshots_file *file,
                    const char *path);
    weft_err (*list)(void *self, uint64_t age_ms, wf_snapshots_list_fn *fn,
                     void *ctx);
    // If nobody has put it since. Fine if another node has removed it.
    weft_err (*remove)(void *self, const uint8_t *hash, uint64_t age_ms);

    // Whoever waits gives up, now and from now on: WEFT_EIO.
    void (*stop)(void *self);
    void (*close)(void *self);
};

struct wf_snapshots {
    const struct wf_snapshots_ops *ops;
    void *self;
};

// Open what `where` names: "dir:/PATH", a directory that every node reaches
// under that path; it must exist; or "s3://BUCKET/PREFIX" (s3_place.h). Several
// clusters may share it.
//
// WEFT_EINVAL   it is no such thing
// WEFT_EIO      it is not there, or refuses
weft_err wf_snapshots_open(const char *where, const uint8_t cluster_id[16],
                           struct wf_snapshots *out_snapshots);

// A store's directory. --------------------------------------------------------

// List and hash the files of a directory into an empty manifest. Tables that
// `before` knows by name, inode and time are not read again; NULL: none.
//
// WEFT_EINVAL   it has something that is no file, or a name that is too long
// WEFT_EIO
weft_err wf_snapshots_scan(const char *dir,
                           const struct wf_snapshots_manifest *before,
                           struct wf_snapshots_manifest *manifest);

// Make dir what the manifest says. It is built beside it, every hash checked,
// and put in its place when it is whole; until then dir is as it was, and what
// it has need not be fetched. It may be ended anywhere, and called again: it
// goes on from what is there, DIR.restore and DIR.old.
//
// WEFT_ENOTFOUND, WEFT_ECORRUPT   the file that the detail names
// WEFT_EIO
weft_err wf_snapshots_restore(const struct wf_snapshots *snapshots,
                              const struct wf_snapshots_manifest *manifest,
                              const char *dir);
// Make it nothing at all.
weft_err wf_snapshots_forget(const char *dir);
// Remove what a crash left beside it.
void wf_snapshots_tidy(const char *dir);

// For what implements the seam. -----------------------------------------------

// What copies of one file have in common: read `from`, check that its bytes are
// file's, write them to `to`, synced.
//
// WEFT_ENOTFOUND, WEFT_ECORRUPT   `from`; nothing is left at `to`
// WEFT_EIO
weft_err wf_snapshots_copy(const struct wf_snapshots_file *file,
                           const char *from, const char *to);
// Are the bytes at `path` file's?
//
// WEFT_ECORRUPT   they are not
weft_err wf_snapshots_check(const struct wf_snapshots_file *file,
                            const char *path);
weft_err wf_snapshots_dir_open(const char *path, const uint8_t cluster_id[16],
                               struct wf_snapshots *out_snapshots);
struct wf_s3_limits;
weft_err wf_snapshots_s3_open(const char *where, const uint8_t cluster_id[16],
                              const struct wf_s3_limits *limits,
                              struct wf_snapshots *out_snapshots);

// For tests. ------------------------------------------------------------------

// Kept in memory, on a clock of the test's. Several handles may share one.
struct wf_snapshots_memory;
struct wf_clock;
struct wf_snapshots_memory *wf_snapshots_memory_create(struct wf_clock clock);
void wf_snapshots_memory_destroy(struct wf_snapshots_memory *memory);
void wf_snapshots_memory_open(struct wf_snapshots_memory *memory,
                              struct wf_snapshots *out_snapshots);
// After so many calls more, each fails with WEFT_EIO, until it is told another
// number; UINT32_MAX: none does.
void wf_snapshots_memory_fail(struct wf_snapshots_memory *memory,
                              uint32_t skip);
// Lose, or damage, the choice-th of its files; nothing if it has none.
void wf_snapshots_memory_lose(struct wf_snapshots_memory *memory,
                              uint64_t choice);
void wf_snapshots_memory_damage(struct wf_snapshots_memory *memory,
                                uint64_t choice);
uint32_t wf_snapshots_memory_count(const struct wf_snapshots_memory *memory);

#endif
