// SPDX-License-Identifier: Apache-2.0
//
// keys.h - the keys by which a node knows its clients, and they their node
// (CURVE of ZeroMQ). docs/security.md says how they are used.
//
// A key pair is two small text files. Keys are 40 printable characters (Z85):
//
//     # weft secret key: whoever has it is who it belongs to
//     secret = ...
//
//     # weft public key
//     public = ...
//
// All of it is for any thread, and blocks for a file's reading or writing.

#ifndef WEFT_KEYS_H
#define WEFT_KEYS_H

#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_KEY_CHARS 40

// Make a key pair: secret_path for its owner alone (0600), public_path for
// everybody (0644). Both are new files, or none is. (As ssh-keygen.)
//
// WEFT_EEXISTS  there is a file of one of these names
// WEFT_EIO      a file cannot be written; the detail names it
WEFT_API weft_err weft_keys_generate(const char *secret_path,
                                     const char *public_path);

// The public key of a file that has a public or a secret key, as text with a
// final NUL. A path that is itself a key gives that key.
//
// WEFT_ENOTFOUND  there is no such file
// WEFT_EDENIED    this process may not read it; or it has a secret key, and
//                 everybody may
// WEFT_EINVAL     it has no key; the detail names file and line
WEFT_API weft_err weft_keys_public(const char *path,
                                   char out_key[WEFT_KEY_CHARS + 1]);

#ifdef __cplusplus
}
#endif

#endif
