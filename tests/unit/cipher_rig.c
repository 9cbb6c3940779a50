// SPDX-License-Identifier: Apache-2.0
//
// cipher_rig.c - keys, files of keys, and something that was sealed long ago.

#include "cipher_rig.h"

#include <stdio.h>
#include <sys/stat.h>

#include "support/test.h"

const uint8_t rig_golden[RIG_GOLDEN_BYTES] = {
    0xc9, 0x00, 0x00, 0x00, 0x33, 0x57, 0x01, 0x00, 0x00, 0x00, 0x07, 0x64,
    0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70,
    0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0xd9,
    0x1b, 0x9c, 0xdc, 0x93, 0x41, 0xe0, 0x66, 0xb2, 0x5c, 0x48, 0x2b, 0x96,
    0xbb, 0x23, 0x2b, 0x18, 0x5a, 0xa6, 0xc5, 0x5e, 0xbf};
const char rig_golden_plain[] = "\xa5hello";

const char *
rig_ring(struct test *t, const char *text)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next % 8];
    FILE *file;

    (void)snprintf(path, sizeof(paths[0]), "%s/ring-%u", test_dir(t), next++);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
    CHECK(chmod(path, 0600) == 0);
    return path;
}

weft_cipher *
rig_open_ring(struct test *t, const char *text, const char *context,
              bool accepts_plain)
{
    weft_cipher_options options = WEFT_CIPHER_OPTIONS_INIT;
    weft_cipher *cipher = NULL;

    options.key_file = rig_ring(t, text);
    options.context = context;
    options.accept_plain = accepts_plain;
    CHECK_OK(weft_cipher_open(&options, &cipher));
    return cipher;
}

weft_cipher *
rig_open_key(struct test *t, const char *key)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "7 = %s\n", key);
    return rig_open_ring(t, text, "shop", false);
}
