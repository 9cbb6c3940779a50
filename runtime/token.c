// SPDX-License-Identifier: Apache-2.0
//
// token.c - the printable name of one activity attempt.
//
//     "wt1." base64( key, varint run, varint command, varint attempt, crc32c )
//
// The run is its stamp (stamp.h): what is of one life is of no use to another.
// The partition is not in it: it follows from the key. The checksum finds
// what was mistyped or cut; it is no secret, and a token no permission.

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "runtime/base64.h"
#include "runtime/request.h"

#define PREFIX "wt1."

enum { PREFIX_LEN = sizeof(PREFIX) - 1 };

// Lengths of varints: two for the key's own length, ten for 64 bits, five for
// 32, and the checksum.
_Static_assert(PREFIX_LEN +
                       (2 + WF_KEY_BYTES_MAX + 10 + 5 + 5 + 4 + 2) / 3 * 4 <
                   WEFT_TOKEN_CHARS_MAX,
               "the longest token fits");

void
wf_token_encode(const struct wf_key *key, const struct wf_token *token,
                char *out_text)
{
    struct wf_buf buf = {0};

    wf_buf_put_bytes(&buf, wf_key_bytes(key));
    wf_buf_put_varint(&buf, token->run);
    wf_buf_put_varint(&buf, token->command);
    wf_buf_put_varint(&buf, token->attempt);
    wf_buf_put_u32(&buf, wf_crc32c(0, buf.data, buf.len));
    WF_ASSERT(PREFIX_LEN + wf_base64_chars(buf.len) < WEFT_TOKEN_CHARS_MAX);
    memcpy(out_text, PREFIX, PREFIX_LEN);
    wf_base64_encode(wf_buf_bytes(&buf), out_text + PREFIX_LEN);
    wf_buf_fini(&buf);
}

// The fields behind the checksum. False if malformed.
static bool
decode_fields(weft_bytes bytes, struct wf_key *out_key,
              struct wf_token *out_token)
{
    struct wf_reader reader = wf_reader_of(bytes);
    weft_bytes key = wf_reader_bytes(&reader);
    uint64_t run = wf_reader_varint(&reader);
    uint64_t command = wf_reader_varint(&reader);
    uint64_t attempt = wf_reader_varint(&reader);

    if (reader.failed || wf_reader_left(&reader) != 0 || command > UINT32_MAX ||
        attempt > UINT32_MAX || !wf_key_decode(key, out_key)) {
        return false;
    }
    *out_token = (struct wf_token){
        .run = run,
        .command = (uint32_t)command,
        .attempt = (uint32_t)attempt,
    };
    return true;
}

static bool
decode(const char *text, size_t len, struct wf_key *out_key,
       struct wf_token *out_token)
{
    struct wf_buf buf = {0};
    bool is_token = false;

    if (len <= PREFIX_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0 ||
        !wf_base64_decode(text + PREFIX_LEN, len - PREFIX_LEN, &buf)) {
        goto out;
    }
    if (buf.len >= 4) {
        size_t body = buf.len - 4;
        struct wf_reader crc = wf_reader_of(weft_bytes_of(buf.data + body, 4));

        is_token =
            wf_reader_u32(&crc) == wf_crc32c(0, buf.data, body) &&
            decode_fields(weft_bytes_of(buf.data, body), out_key, out_token);
    }

out:
    wf_buf_fini(&buf);
    return is_token;
}

weft_err
wf_token_decode(const char *text, struct wf_key *out_key,
                struct wf_token *out_token)
{
    size_t len = text == NULL ? 0 : strnlen(text, WEFT_TOKEN_CHARS_MAX);

    if (len == 0) {
        return wf_error(WEFT_EINVAL, "the token is missing");
    }
    if (len == WEFT_TOKEN_CHARS_MAX || !decode(text, len, out_key, out_token)) {
        return wf_error(WEFT_EINVAL, "not a token: \"%.40s\"", text);
    }
    return WEFT_OK;
}
