// SPDX-License-Identifier: Apache-2.0
//
// cipher.h - payloads that only those with the key can read: clients and
// workers seal what they send and open what they get, and the node between them
// sees sealed bytes. docs/security.md says what is sealed and what is not.
//
// A key ring is a small file of keys, a line each, with a number and 32 bytes
// as base64. The first one seals; all of them open, so that keys are replaced
// without a stop: add a new line on top everywhere, and drop the old one when
// nothing that it sealed is left.
//
//     # weft payload keys: the first one seals, all of them open
//     1795288629 = Zm9v...
//
// Sealed with XChaCha20-Poly1305 of libsodium, under a random nonce. With the
// bytes goes the cipher's context, a text: what was sealed with another one
// does not open. It is not bound to an instance or kind, for a workflow passes
// what it was given on to its activities. (Temporal: payload codec.)
//
// Threads: any thread may call anything at any time, except close.

#ifndef WEFT_CIPHER_H
#define WEFT_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#include "weft/bytes.h"
#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_cipher weft_cipher;

typedef struct weft_cipher_options {
    size_t struct_size;
    const char *key_file; // required: a key ring, for its owner alone
    const char *context;  // up to 255 bytes; default ""
    // 1: open leaves what is not sealed as it is: while sealing is introduced,
    // or where workflows answer with values of their own.
    int accept_plain;
} weft_cipher_options;

#define WEFT_CIPHER_OPTIONS_INIT                                               \
    {                                                                          \
        .struct_size = sizeof(weft_cipher_options)                             \
    }

// How many bytes sealing adds.
#define WEFT_CIPHER_BYTES 51

// Read a key ring. Give it to weft_client_options.cipher or
// weft_connect_options.cipher, and close it after the clients that have it.
//
// WEFT_EINVAL     an option or a line is wrong; the detail names it
// WEFT_ENOTFOUND  there is no such file
// WEFT_EDENIED    everybody may read it, or this process may not
WEFT_API weft_err weft_cipher_open(const weft_cipher_options *options,
                                   weft_cipher **out_cipher);
WEFT_API void weft_cipher_close(weft_cipher *cipher); // NULL is fine

// Make a key ring with one new key, whose number is the time. To add it to
// another ring put its line on top of that.
//
// WEFT_EEXISTS  there is a file of that name
// WEFT_EIO      it cannot be written
WEFT_API weft_err weft_cipher_generate(const char *path);

// Called once, with bytes that are borrowed for the call.
typedef void weft_cipher_fn(void *ctx, weft_bytes bytes);

// Seal and open one payload: for code that has the key beside the node, and for
// clients in other languages to test against. What is empty stays so. Sealing
// gives other bytes each time: a workflow may open anywhere, but seal only in a
// step or an activity.
//
// WEFT_EFORMAT    open: it is not sealed, or with a key that the ring has not
// WEFT_ECORRUPT   open: it was changed, or sealed with another context
// WEFT_ENOMEM     out of memory
WEFT_API weft_err weft_cipher_seal(const weft_cipher *cipher, weft_bytes plain,
                                   weft_cipher_fn *fn, void *ctx);
WEFT_API weft_err weft_cipher_unseal(const weft_cipher *cipher,
                                     weft_bytes sealed, weft_cipher_fn *fn,
                                     void *ctx);

#ifdef __cplusplus
}
#endif

#endif
