// SPDX-License-Identifier: Apache-2.0
//
// cipher_rig.h - keys, files of keys, and something that was sealed long ago.

#ifndef WF_TESTS_UNIT_CIPHER_RIG_H
#define WF_TESTS_UNIT_CIPHER_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/cipher.h"

struct test;

#define RIG_KEY_7 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define RIG_KEY_8 "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA"

// {"shop"} with key 7, made by other means: what was sealed once opens for
// ever.
#define RIG_GOLDEN_BYTES 57
extern const uint8_t rig_golden[RIG_GOLDEN_BYTES];
extern const char rig_golden_plain[];

// The path of a file with that text, which nobody else may read.
const char *rig_ring(struct test *t, const char *text);
// A cipher with the keys of such a file.
weft_cipher *rig_open_ring(struct test *t, const char *text,
                           const char *context, bool accepts_plain);
// One for "shop" that has this key alone, and calls it 7.
weft_cipher *rig_open_key(struct test *t, const char *key);

#endif
