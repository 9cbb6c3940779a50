// SPDX-License-Identifier: Apache-2.0
//
// cipher.h - sealed payloads, for those who carry them. See weft/cipher.h.
//
// A sealed payload is one msgpack value, an extension of a type of ours, so
// that tools show it for what it is:
//
//     c9  u32 length  57  01  u32 key  24 bytes nonce  ciphertext, 16 bytes tag
//
// All before the nonce and the context are authenticated with it. A text is
// sealed in the same way, with type 58, and is then "sealed:" and base64.

#ifndef WF_RUNTIME_CIPHER_H
#define WF_RUNTIME_CIPHER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "weft/cipher.h"
#include "weft/client.h"

struct wf_request;

enum wf_cipher_type {
    WF_CIPHER_PAYLOAD = 0x57,
    WF_CIPHER_TEXT = 0x58,
};

// Append. Nothing fails; what is empty stays so.
void wf_cipher_seal(const weft_cipher *cipher, enum wf_cipher_type type,
                    weft_bytes plain, struct wf_buf *out_sealed);
// Errors are those of weft_cipher_unseal; out is then as it was.
weft_err wf_cipher_unseal(const weft_cipher *cipher, enum wf_cipher_type type,
                          weft_bytes sealed, struct wf_buf *out_plain);
// Does it look like one that was sealed?
bool wf_cipher_is_sealed(enum wf_cipher_type type, weft_bytes bytes);

// cipher_request.c ------------------------------------------------------------

// Seal what a request carries. What it points to afterwards is in `memory`.
//
// WEFT_ENOMEM
// WEFT_ETOOBIG  a payload has no room for what sealing adds
// WEFT_EINVAL   start options that this version does not know
weft_err wf_cipher_seal_request(const weft_cipher *cipher,
                                weft_request *request, struct wf_arena *memory);

// Open what an answer carries, in place. An answer that cannot be opened is
// replaced by the error. A failure that cannot be opened says so in its
// message, and stays a failure.
void wf_cipher_open_reply(const weft_cipher *cipher,
                          struct wf_request *request);

#endif
