// SPDX-License-Identifier: Apache-2.0
//
// letter.c - encoding of letters: type, flags that say which optional fields
// follow, then the fields.

#include "runtime/letter.h"

#include "base/alloc.h"

#define HAS_SENDER 1
#define HAS_CLIENT 2
#define HAS_RESULT 4
#define HAS_CALL 8
#define HAS_OPTIONS 16
#define HAS_CAUSES 32
#define CLIENT_BYTES 16

static uint8_t
flags_of(const struct wf_letter *letter)
{
    uint8_t flags = 0;

    if (letter->sender.len > 0) {
        flags |= HAS_SENDER;
    }
    if (letter->client.len > 0) {
        flags |= HAS_CLIENT;
    }
    if (letter->err != WEFT_OK || letter->text.len > 0) {
        flags |= HAS_RESULT;
    }
    if (letter->call != 0 || letter->sender_run != 0) {
        flags |= HAS_CALL;
    }
    if (letter->options.len > 0) {
        flags |= HAS_OPTIONS;
    }
    if (letter->causes.len > 0) {
        flags |= HAS_CAUSES;
    }
    return flags;
}

void
wf_letter_encode(const struct wf_letter *letter, struct wf_buf *out)
{
    uint8_t flags = flags_of(letter);

    wf_buf_put_u8(out, (uint8_t)letter->type);
    wf_buf_put_u8(out, flags);
    if ((flags & HAS_SENDER) != 0) {
        wf_buf_put_bytes(out, letter->sender);
    }
    if ((flags & HAS_CLIENT) != 0) {
        wf_buf_put(out, letter->client.data, CLIENT_BYTES);
        wf_buf_put_varint(out, letter->number);
    }
    if ((flags & HAS_CALL) != 0) {
        wf_buf_put_varint(out, letter->call);
        wf_buf_put_varint(out, letter->sender_run);
    }
    if ((flags & HAS_RESULT) != 0) {
        wf_buf_put_varint(out, (uint64_t)letter->err);
        wf_buf_put_bytes(out, letter->text);
    }
    if ((flags & HAS_OPTIONS) != 0) {
        wf_buf_put_bytes(out, letter->options);
    }
    if ((flags & HAS_CAUSES) != 0) {
        wf_buf_put_bytes(out, letter->causes);
    }
    wf_buf_put_bytes(out, letter->name);
    wf_buf_put_bytes(out, letter->data);
}

void
wf_letter_put(const struct wf_letter *letter, struct wf_buf *out)
{
    size_t opened = wf_buf_open(out);

    wf_letter_encode(letter, out);
    wf_buf_close(out, opened);
}

bool
wf_letter_decode(weft_bytes bytes, struct wf_letter *out_letter)
{
    struct wf_reader reader = wf_reader_of(bytes);
    struct wf_letter letter = {0};
    uint8_t flags;

    letter.type = (enum wf_letter_type)wf_reader_u8(&reader);
    flags = wf_reader_u8(&reader);
    if ((flags & HAS_SENDER) != 0) {
        letter.sender = wf_reader_bytes(&reader);
    }
    if ((flags & HAS_CLIENT) != 0) {
        letter.client = wf_reader_take(&reader, CLIENT_BYTES);
        letter.number = wf_reader_varint(&reader);
    }
    if ((flags & HAS_CALL) != 0) {
        letter.call = (uint32_t)wf_reader_varint(&reader);
        letter.sender_run = wf_reader_varint(&reader);
    }
    if ((flags & HAS_RESULT) != 0) {
        letter.err = (weft_err)wf_reader_varint(&reader);
        letter.text = wf_reader_bytes(&reader);
    }
    if ((flags & HAS_OPTIONS) != 0) {
        letter.options = wf_reader_bytes(&reader);
    }
    if ((flags & HAS_CAUSES) != 0) {
        letter.causes = wf_reader_bytes(&reader);
    }
    letter.name = wf_reader_bytes(&reader);
    letter.data = wf_reader_bytes(&reader);
    if (reader.failed || wf_reader_left(&reader) != 0 ||
        letter.type < WF_LETTER_START || letter.type > WF_LETTER_TERMINATE) {
        return false;
    }
    *out_letter = letter;
    return true;
}

const char *
wf_letter_type_name(enum wf_letter_type type)
{
    static const char *const names[] = {
        [WF_LETTER_START] = "start",         [WF_LETTER_SIGNAL] = "signal",
        [WF_LETTER_TIMER] = "timer",         [WF_LETTER_ACTIVITY] = "activity",
        [WF_LETTER_STEP] = "step",           [WF_LETTER_CHILD] = "child",
        [WF_LETTER_REPLY] = "reply",         [WF_LETTER_FAILED] = "failed",
        [WF_LETTER_CANCEL] = "cancel",       [WF_LETTER_UPDATE] = "update",
        [WF_LETTER_STARTED] = "started",     [WF_LETTER_ASKED] = "asked",
        [WF_LETTER_TERMINATE] = "terminate",
    };

    return names[type];
}

struct wf_waiting *
wf_waiting_create(uint64_t seq, weft_bytes bytes)
{
    struct wf_waiting *waiting = wf_alloc(sizeof(*waiting) + bytes.len);

    *waiting = (struct wf_waiting){.seq = seq, .len = (uint32_t)bytes.len};
    if (bytes.len > 0) {
        memcpy(waiting->bytes, bytes.data, bytes.len);
    }
    return waiting;
}
