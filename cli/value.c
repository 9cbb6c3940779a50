// SPDX-License-Identifier: Apache-2.0
//
// value.c - payloads: JSON for people, msgpack for weft.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "online.h"
#include "weft/payload.h"

#define FILE_BYTES_MAX (64UL << 20) // then it is no payload, whatever it is

static char *
read_all(FILE *file, size_t *out_len)
{
    size_t room = 4096;
    size_t len = 0;
    char *bytes = malloc(room);

    while (bytes != NULL) {
        size_t count = fread(bytes + len, 1, room - len, file);
        char *more;

        len += count;
        if (count == 0) {
            break;
        }
        if (len < room) {
            continue;
        }
        room *= 2;
        errno = EFBIG;
        more = room > FILE_BYTES_MAX ? NULL : realloc(bytes, room);
        if (more == NULL) {
            free(bytes);
        }
        bytes = more;
    }
    if (bytes != NULL && ferror(file)) {
        free(bytes);
        return NULL;
    }
    *out_len = len;
    return bytes;
}

char *
value_file(const char *path, size_t *out_len)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *bytes;
    int why;

    if (file == NULL) {
        return NULL;
    }
    bytes = read_all(file, out_len);
    why = errno;
    if (file != stdin) {
        (void)fclose(file);
    }
    errno = why;
    return bytes;
}

// What the payload has, for as long as the command; 0 if there is an error.
static int
keep_payload(struct online *online, weft_payload *payload,
             weft_bytes *out_bytes)
{
    weft_bytes bytes = weft_payload_bytes(payload);
    char *copy;

    if (weft_payload_error(payload) != WEFT_OK) {
        return 0;
    }
    copy = online_keep(online, malloc(bytes.len + 1));
    memcpy(copy, bytes.data, bytes.len);
    *out_bytes = (weft_bytes){copy, bytes.len};
    return 1;
}

// 0: it is not JSON, and weft_err_detail says why.
static int
from_json(struct online *online, const char *text, size_t len,
          weft_bytes *out_bytes)
{
    weft_payload *payload = NULL;
    int is_json;

    if (weft_payload_create(&payload) != WEFT_OK) {
        return 0;
    }
    is_json = weft_payload_from_json(payload, text, len) == WEFT_OK &&
              keep_payload(online, payload, out_bytes);
    weft_payload_destroy(payload);
    return is_json;
}

static int
read_file(struct online *online, const char *path, weft_bytes *out_bytes)
{
    size_t len = 0;
    char *bytes = value_file(path, &len);

    if (bytes == NULL) {
        fprintf(stderr, "weft: %s: %s\n", path, strerror(errno));
        return 0;
    }
    *out_bytes = (weft_bytes){online_keep(online, bytes), len};
    return 1;
}

int
value_json(struct online *online, const char *word, weft_bytes *out_bytes)
{
    weft_bytes text = weft_text(word == NULL ? "" : word);

    *out_bytes = weft_nothing();
    if (word == NULL) {
        return 1;
    }
    if ((word[0] == '@' || strcmp(word, "-") == 0) &&
        !read_file(online, word[0] == '@' ? word + 1 : word, &text)) {
        return 0;
    }
    if (!from_json(online, text.data, text.len, out_bytes)) {
        (void)cli_usage(online->command, "\"%s\" is not JSON: %s", word,
                        weft_err_detail());
        return 0;
    }
    return 1;
}

int
value_word(struct online *online, size_t i, weft_bytes *out_bytes)
{
    const char *word = online_word(online, i);

    if (online->args.raw == NULL) {
        return value_json(online, word, out_bytes);
    }
    if (word != NULL) {
        (void)cli_usage(online->command, "\"%s\" or --raw, not both", word);
        return 0;
    }
    return read_file(online, online->args.raw, out_bytes);
}

int
value_loose(struct online *online, const char *text, weft_bytes *out_bytes)
{
    weft_payload *payload = NULL;
    int is_kept = 0;

    if (from_json(online, text, strlen(text), out_bytes)) {
        return 1;
    }
    if (weft_payload_create(&payload) == WEFT_OK) {
        weft_payload_text(payload, text);
        is_kept = keep_payload(online, payload, out_bytes);
    }
    weft_payload_destroy(payload);
    return is_kept;
}

int
value_print(weft_bytes bytes)
{
    char *text = NULL;

    if (bytes.len > 0 &&
        weft_payload_to_json(bytes, WEFT_JSON_INDENT, &text) == WEFT_OK) {
        puts(text);
        weft_payload_free_text(text);
        return EXIT_FINE;
    }
    if (bytes.len > 0 && text_is_readable(bytes)) {
        text = strndup(bytes.data, bytes.len);
        cli_json_text(NULL, text);
        free(text);
    } else {
        cli_json_payload(NULL, bytes); // of other bytes it makes JSON too
    }
    cli_json_newline();
    return EXIT_FINE;
}
