// SPDX-License-Identifier: Apache-2.0
//
// cipher.c - key rings, sealing and opening. See cipher.h; all of the
// cryptography is libsodium's.

#include "runtime/cipher.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/error.h"
#include "runtime/base64.h"
#include "runtime/versioned.h"
#include "transport/keyfile.h"

enum {
    EXTENSION = 0xc9, // msgpack's ext 32
    VERSION = 1,
    HEAD_BYTES = 11, // up to the nonce
    KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BEFORE_LENGTH = 6, // bytes that the length of the extension leaves out
    CONTEXT_BYTES_MAX = 255,
    KEYS_MAX = 64,
};

_Static_assert(HEAD_BYTES + NONCE_BYTES + TAG_BYTES == WEFT_CIPHER_BYTES,
               "the header says what sealing adds");

struct key {
    uint32_t id;
    uint8_t bytes[KEY_BYTES];
};

struct weft_cipher {
    struct key keys[KEYS_MAX]; // the first one seals
    size_t keys_count;
    char context[CONTEXT_BYTES_MAX + 1];
    bool accepts_plain;
};

// Key rings. ------------------------------------------------------------------

static weft_err
take_key(struct wf_keyfile *file, const char *name, const char *value,
         weft_cipher *cipher)
{
    struct wf_buf bytes = {0};
    char *end;
    unsigned long id = strtoul(name, &end, 10);
    struct key *key = &cipher->keys[cipher->keys_count];

    if (name[0] < '0' || name[0] > '9' || *end != '\0' || id > UINT32_MAX) {
        return wf_keyfile_error(file, "\"%.32s\" is no number of a key", name);
    }
    if (cipher->keys_count == KEYS_MAX) {
        return wf_keyfile_error(file, "there are more than %d keys", KEYS_MAX);
    }
    for (size_t i = 0; i < cipher->keys_count; i++) {
        if (cipher->keys[i].id == id) {
            return wf_keyfile_error(file, "key %lu is there twice", id);
        }
    }
    wf_buf_reserve(&bytes, KEY_BYTES); // so that no copy is left elsewhere
    if (strlen(value) != wf_base64_chars(KEY_BYTES) ||
        !wf_base64_decode(value, strlen(value), &bytes)) {
        sodium_memzero(bytes.data, bytes.cap);
        wf_buf_fini(&bytes);
        return wf_keyfile_error(file, "key %lu is not 32 bytes as base64", id);
    }
    key->id = (uint32_t)id;
    memcpy(key->bytes, bytes.data, KEY_BYTES);
    cipher->keys_count++;
    sodium_memzero(bytes.data, bytes.cap);
    wf_buf_fini(&bytes);
    return WEFT_OK;
}

static weft_err
read_ring(const char *path, weft_cipher *cipher)
{
    struct wf_keyfile file;
    const char *name = NULL;
    const char *value;
    weft_err err = wf_keyfile_open(&file, path, true);

    if (err != WEFT_OK) {
        return err;
    }
    do {
        err = wf_keyfile_next(&file, &name, &value);
        if (err == WEFT_OK && name != NULL) {
            err = take_key(&file, name, value, cipher);
        }
    } while (err == WEFT_OK && name != NULL);
    wf_keyfile_close(&file);
    if (err == WEFT_OK && cipher->keys_count == 0) {
        err = wf_error(WEFT_EINVAL, "%s has no key in it", path);
    }
    return err;
}

weft_err
weft_cipher_open(const weft_cipher_options *options, weft_cipher **out_cipher)
{
    weft_cipher_options given;
    weft_cipher *cipher;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(out_cipher != NULL);
    err = wf_versioned_copy("weft_cipher_options", options, &given,
                            sizeof(given));
    if (err != WEFT_OK) {
        return err;
    }
    WF_REQUIRE(given.key_file != NULL);
    if (given.context == NULL) {
        given.context = "";
    }
    if (strlen(given.context) > CONTEXT_BYTES_MAX) {
        return wf_error(WEFT_EINVAL, "context is longer than %d bytes",
                        CONTEXT_BYTES_MAX);
    }
    if (sodium_init() < 0) {
        return wf_error(WEFT_EIO, "libsodium has no source of randomness");
    }
    cipher = wf_calloc(sizeof(*cipher));
    cipher->accepts_plain = given.accept_plain != 0;
    memcpy(cipher->context, given.context, strlen(given.context) + 1);
    err = read_ring(given.key_file, cipher);
    if (err != WEFT_OK) {
        weft_cipher_close(cipher);
        return err;
    }
    *out_cipher = cipher;
    return WEFT_OK;
}

void
weft_cipher_close(weft_cipher *cipher)
{
    if (cipher != NULL) {
        sodium_memzero(cipher, sizeof(*cipher));
        wf_free(cipher);
    }
}

weft_err
weft_cipher_generate(const char *path)
{
    struct wf_clock clock = wf_clock_system();
    uint8_t key[KEY_BYTES];
    char base64[64];
    char text[256];
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(path != NULL);
    if (sodium_init() < 0) {
        return wf_error(WEFT_EIO, "libsodium has no source of randomness");
    }
    crypto_aead_xchacha20poly1305_ietf_keygen(key);
    wf_base64_encode(weft_bytes_of(key, sizeof(key)), base64);
    (void)snprintf(text, sizeof(text),
                   "# weft payload keys: the first one seals, all of them "
                   "open\n%lu = %s\n",
                   (unsigned long)(clock.wall_ms(clock.self) / 1000), base64);
    err = wf_keyfile_create(path, 0600, text);
    sodium_memzero(key, sizeof(key));
    sodium_memzero(base64, sizeof(base64));
    sodium_memzero(text, sizeof(text));
    return err;
}

// Sealing. --------------------------------------------------------------------

static void
put_head(struct wf_buf *out, enum wf_cipher_type type, uint32_t id,
         size_t plain_len)
{
    wf_buf_put_u8(out, EXTENSION);
    wf_buf_put_u32(out,
                   (uint32_t)(WEFT_CIPHER_BYTES - BEFORE_LENGTH + plain_len));
    wf_buf_put_u8(out, (uint8_t)type);
    wf_buf_put_u8(out, VERSION);
    wf_buf_put_u32(out, id);
}

// What is authenticated beside the plain bytes: the head, and the context.
static size_t
associate(const weft_cipher *cipher, const uint8_t *head,
          uint8_t out[HEAD_BYTES + CONTEXT_BYTES_MAX])
{
    size_t len = strlen(cipher->context);

    memcpy(out, head, HEAD_BYTES);
    memcpy(out + HEAD_BYTES, cipher->context, len);
    return HEAD_BYTES + len;
}

void
wf_cipher_seal(const weft_cipher *cipher, enum wf_cipher_type type,
               weft_bytes plain, struct wf_buf *out_sealed)
{
    const struct key *key = &cipher->keys[0];
    uint8_t associated[HEAD_BYTES + CONTEXT_BYTES_MAX];
    size_t associated_len;
    size_t at = out_sealed->len;
    uint8_t *nonce;
    int rc;

    if (plain.len == 0) {
        return;
    }
    wf_buf_reserve(out_sealed, WEFT_CIPHER_BYTES + plain.len);
    put_head(out_sealed, type, key->id, plain.len);
    nonce = out_sealed->data + at + HEAD_BYTES;
    randombytes_buf(nonce, NONCE_BYTES);
    associated_len = associate(cipher, out_sealed->data + at, associated);
    rc = crypto_aead_xchacha20poly1305_ietf_encrypt(
        nonce + NONCE_BYTES, NULL, plain.data, plain.len, associated,
        associated_len, NULL, nonce, key->bytes);
    WF_ASSERT(rc == 0);
    out_sealed->len = at + WEFT_CIPHER_BYTES + plain.len;
}

bool
wf_cipher_is_sealed(enum wf_cipher_type type, weft_bytes bytes)
{
    struct wf_reader reader = wf_reader_of(bytes);

    return bytes.len >= WEFT_CIPHER_BYTES &&
           wf_reader_u8(&reader) == EXTENSION &&
           wf_reader_u32(&reader) == bytes.len - BEFORE_LENGTH &&
           wf_reader_u8(&reader) == (uint8_t)type &&
           wf_reader_u8(&reader) == VERSION;
}

static const struct key *
find_key(const weft_cipher *cipher, uint32_t id)
{
    for (size_t i = 0; i < cipher->keys_count; i++) {
        if (cipher->keys[i].id == id) {
            return &cipher->keys[i];
        }
    }
    return NULL;
}

weft_err
wf_cipher_unseal(const weft_cipher *cipher, enum wf_cipher_type type,
                 weft_bytes sealed, struct wf_buf *out_plain)
{
    const uint8_t *bytes = sealed.data;
    uint8_t associated[HEAD_BYTES + CONTEXT_BYTES_MAX];
    struct wf_reader reader;
    const struct key *key;
    uint32_t id;

    if (!wf_cipher_is_sealed(type, sealed)) {
        if (sealed.len == 0 || cipher->accepts_plain) {
            wf_buf_put(out_plain, sealed.data, sealed.len);
            return WEFT_OK;
        }
        return wf_error(WEFT_EFORMAT, "it is not sealed");
    }
    reader = wf_reader_of(sealed);
    (void)wf_reader_take(&reader, HEAD_BYTES - sizeof(id));
    id = wf_reader_u32(&reader);
    key = find_key(cipher, id);
    if (key == NULL) {
        return wf_error(WEFT_EFORMAT,
                        "it is sealed with key %u, which the "
                        "ring has not",
                        id);
    }
    wf_buf_reserve(out_plain, sealed.len - WEFT_CIPHER_BYTES);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            out_plain->data + out_plain->len, NULL, NULL,
            bytes + HEAD_BYTES + NONCE_BYTES,
            sealed.len - HEAD_BYTES - NONCE_BYTES, associated,
            associate(cipher, bytes, associated), bytes + HEAD_BYTES,
            key->bytes) != 0) {
        return wf_error(WEFT_ECORRUPT,
                        "it was changed, or sealed with another context or "
                        "another key %u",
                        id);
    }
    out_plain->len += sealed.len - WEFT_CIPHER_BYTES;
    return WEFT_OK;
}

// The public calls. -----------------------------------------------------------

weft_err
weft_cipher_seal(const weft_cipher *cipher, weft_bytes plain,
                 weft_cipher_fn *fn, void *ctx)
{
    struct wf_buf sealed = {0};

    wf_error_clear();
    WF_REQUIRE(cipher != NULL);
    WF_REQUIRE(fn != NULL);
    WF_REQUIRE(plain.len < UINT32_MAX - WEFT_CIPHER_BYTES);
    if (!wf_buf_try_reserve(&sealed, WEFT_CIPHER_BYTES + plain.len)) {
        return wf_error(WEFT_ENOMEM, "no memory to seal %zu bytes", plain.len);
    }
    wf_cipher_seal(cipher, WF_CIPHER_PAYLOAD, plain, &sealed);
    fn(ctx, wf_buf_bytes(&sealed));
    wf_buf_fini(&sealed);
    return WEFT_OK;
}

weft_err
weft_cipher_unseal(const weft_cipher *cipher, weft_bytes sealed,
                   weft_cipher_fn *fn, void *ctx)
{
    struct wf_buf plain = {0};
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(cipher != NULL);
    WF_REQUIRE(fn != NULL);
    if (!wf_buf_try_reserve(&plain, sealed.len)) {
        return wf_error(WEFT_ENOMEM, "no memory to open %zu bytes", sealed.len);
    }
    err = wf_cipher_unseal(cipher, WF_CIPHER_PAYLOAD, sealed, &plain);
    if (err == WEFT_OK) {
        fn(ctx, wf_buf_bytes(&plain));
    }
    wf_buf_fini(&plain);
    return err;
}
