// SPDX-License-Identifier: Apache-2.0
//
// curve.c - see curve.h. Keys are made, checked and turned into text by
// ZeroMQ, which knows what CURVE wants.

#include "transport/curve.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/error.h"

enum { KEY_BYTES = 32 };

bool
wf_curve_is_key(const char *text)
{
    uint8_t key[KEY_BYTES];
    bool is_key =
        strlen(text) == WF_CURVE_KEY_CHARS && zmq_z85_decode(key, text) != NULL;

    sodium_memzero(key, sizeof(key));
    return is_key;
}

void
wf_curve_wipe(struct wf_curve_pair *pair)
{
    sodium_memzero(pair, sizeof(*pair));
}

void
wf_curve_wipe_text(char *text)
{
    if (text != NULL) {
        sodium_memzero(text, strlen(text));
    }
}

// Reading. --------------------------------------------------------------------

static weft_err
take_key(struct wf_keyfile *file, const char *name, const char *value,
         struct wf_curve_pair *pair)
{
    bool is_secret = strcmp(name, "secret") == 0;

    if (!is_secret && strcmp(name, "public") != 0) {
        return wf_keyfile_error(file, "\"%.32s\" is neither secret nor public",
                                name);
    }
    if (!wf_curve_is_key(value)) {
        return wf_keyfile_error(file, "%s is no key of %d characters", name,
                                WF_CURVE_KEY_CHARS);
    }
    if (pair->public_key[0] != '\0') {
        return wf_keyfile_error(file, "it is the second key of the file");
    }
    if (!is_secret) {
        memcpy(pair->public_key, value, WF_CURVE_KEY_CHARS);
        return WEFT_OK;
    }
    memcpy(pair->secret_key, value, WF_CURVE_KEY_CHARS);
    if (zmq_curve_public(pair->public_key, pair->secret_key) != 0) {
        return wf_keyfile_error(file, "no public key: %s", zmq_strerror(errno));
    }
    return WEFT_OK;
}

static weft_err
take_keys(struct wf_keyfile *file, struct wf_curve_pair *pair)
{
    const char *name;
    const char *value;
    weft_err err = wf_keyfile_next(file, &name, &value);

    while (err == WEFT_OK && name != NULL) {
        err = take_key(file, name, value, pair);
        if (err == WEFT_OK) {
            err = wf_keyfile_next(file, &name, &value);
        }
    }
    return err;
}

// Opened as a secret one first: what turns out to be one must be kept as one.
static weft_err
open_key(struct wf_keyfile *file, const char *path, bool *out_is_open_to_all)
{
    weft_err err = wf_keyfile_open(file, path, true);

    *out_is_open_to_all = err == WEFT_EDENIED;
    return err == WEFT_EDENIED ? wf_keyfile_open(file, path, false) : err;
}

weft_err
wf_curve_read(const char *path, bool needs_secret,
              struct wf_curve_pair *out_pair)
{
    struct wf_keyfile file;
    bool is_open_to_all;
    weft_err err = open_key(&file, path, &is_open_to_all);

    *out_pair = (struct wf_curve_pair){0};
    if (err != WEFT_OK) {
        return err;
    }
    err = take_keys(&file, out_pair);
    wf_keyfile_close(&file);
    if (err == WEFT_OK && out_pair->public_key[0] == '\0') {
        err = wf_error(WEFT_EINVAL, "%s has no key in it", path);
    }
    if (err == WEFT_OK && needs_secret && out_pair->secret_key[0] == '\0') {
        err = wf_error(WEFT_EINVAL, "%s has a public key, not a secret one",
                       path);
    }
    if (err == WEFT_OK && is_open_to_all && out_pair->secret_key[0] != '\0') {
        err = wf_keyfile_open(&file, path, true); // says so
    }
    return err;
}

weft_err
wf_curve_read_public(const char *text_or_path,
                     char out_key[WF_CURVE_KEY_CHARS + 1])
{
    struct wf_curve_pair pair = {0};
    weft_err err = WEFT_OK;

    // A path may be a key by its length and letters, too.
    if (wf_curve_is_key(text_or_path) && access(text_or_path, F_OK) != 0) {
        memcpy(pair.public_key, text_or_path, WF_CURVE_KEY_CHARS);
    } else {
        err = wf_curve_read(text_or_path, false, &pair);
    }
    if (err == WEFT_OK) {
        memcpy(out_key, pair.public_key, sizeof(pair.public_key));
    }
    wf_curve_wipe(&pair);
    return err;
}

// Making. ---------------------------------------------------------------------

static weft_err
write_pair(const struct wf_curve_pair *pair, const char *secret_path,
           const char *public_path)
{
    char text[256];
    weft_err err;

    (void)snprintf(text, sizeof(text),
                   "# weft secret key: whoever has it is who it belongs to\n"
                   "secret = %s\n",
                   pair->secret_key);
    err = wf_keyfile_create(secret_path, 0600, text);
    sodium_memzero(text, sizeof(text));
    if (err != WEFT_OK) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "# weft public key\npublic = %s\n",
                   pair->public_key);
    err = wf_keyfile_create(public_path, 0644, text);
    if (err != WEFT_OK) {
        (void)unlink(secret_path);
    }
    return err;
}

weft_err
wf_curve_generate(const char *secret_path, const char *public_path)
{
    struct wf_curve_pair pair;
    weft_err err;

    if (zmq_curve_keypair(pair.public_key, pair.secret_key) != 0) {
        return wf_error(WEFT_EIO, "no key pair: %s", zmq_strerror(errno));
    }
    err = write_pair(&pair, secret_path, public_path);
    wf_curve_wipe(&pair);
    return err;
}
