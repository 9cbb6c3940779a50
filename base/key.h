// SPDX-License-Identifier: Apache-2.0
//
// key.h - the name of an actor: namespace, kind and id, as one block of bytes.
//
// The form is "namespace NUL kind NUL id", which sorts by namespace, then
// kind, then id, and is used as it is in store keys, records and frames. The
// three parts hold no byte below 0x20 and no 0x7f.

#ifndef WF_BASE_KEY_H
#define WF_BASE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/bytes.h"
#include "weft/error.h"

struct wf_key {
    const char *text; // NUL after each part, the last too; borrowed or owned
    uint16_t len;     // without the last NUL
    uint16_t kind_at; // where the kind begins
    uint16_t id_at;   // where the id begins
};

static inline const char *
wf_key_namespace(const struct wf_key *key)
{
    return key->text;
}

static inline const char *
wf_key_kind(const struct wf_key *key)
{
    return key->text + key->kind_at;
}

static inline const char *
wf_key_id(const struct wf_key *key)
{
    return key->text + key->id_at;
}

static inline weft_bytes
wf_key_bytes(const struct wf_key *key)
{
    return weft_bytes_of(key->text, key->len);
}

// Make an owned key; release with wf_key_fini.
//
// WEFT_EINVAL   a part is missing or has a control character
// WEFT_ETOOBIG  a part is over its limit (base/limits.h)
weft_err wf_key_make(const char *name_space, const char *kind, const char *id,
                     struct wf_key *out_key);
// An owned copy; release with wf_key_fini.
struct wf_key wf_key_copy(const struct wf_key *key);
void wf_key_fini(struct wf_key *key); // zeroes it; an empty key is fine

// Parse a key's bytes, without the last NUL, into an owned key. False if
// malformed.
bool wf_key_decode(weft_bytes bytes, struct wf_key *out_key);

bool wf_key_equal(const struct wf_key *a, const struct wf_key *b);
uint64_t wf_key_hash(const struct wf_key *key);

// Which of `count` partitions: a hash of the namespace and the id up to its
// first '/'. Never of the kind. Part of the stored format.
uint32_t wf_key_partition(const struct wf_key *key, uint32_t count);
uint32_t wf_key_partition_of(const char *name_space, const char *id,
                             uint32_t count);

// "kind/id" for people, in another namespace than "default" "name:kind/id";
// shortened to fit.
const char *wf_key_show(const struct wf_key *key, char *buf, size_t size);
// "namespace/kind/id" in full; buf has WF_KEY_BYTES_MAX + 1 bytes.
const char *wf_key_path(const struct wf_key *key, char *buf);

// Check one part on its own: `what` names it in the error's detail.
weft_err wf_name_check(const char *what, const char *text, size_t len_max);

#endif
