// SPDX-License-Identifier: Apache-2.0
//
// wire_write.c - messages of the wire protocol, written field by field.
//
// The head of a map or array is one byte until it is closed; only then is its
// count known, and a longer head moves what is behind it.
//
// Threads: none; everything is the caller's.

#include "transport/wire.h"

#include <msgpack.h>
#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"

// msgpack-c's callback.
static int
append(void *data, const char *bytes, size_t len)
{
    wf_buf_put(data, bytes, len);
    return 0;
}

static msgpack_packer
packer_of(struct wf_buf *out)
{
    msgpack_packer packer;

    msgpack_packer_init(&packer, out, append);
    return packer;
}

// What is not UTF-8 is shown with "?".
static void
mend_text(uint8_t *text, size_t left)
{
    while (left > 0) {
        size_t len = wf_utf8_len(text, left);

        if (len == 0) {
            *text = '?';
            len = 1;
        }
        text += len;
        left -= len;
    }
}

static void
put_text(struct wf_wire_writer *writer, const char *text)
{
    msgpack_packer packer = packer_of(writer->out);
    size_t len = strlen(text);

    (void)msgpack_pack_str_with_body(&packer, text, len);
    if (writer->is_answer) {
        mend_text(writer->out->data + writer->out->len - len, len);
    }
}

// Count an entry of what is open, and write its name. Its value comes next.
static msgpack_packer
begin_entry(struct wf_wire_writer *writer, const char *name)
{
    WF_ASSERT(writer->depth > 0);
    WF_ASSERT(writer->open[writer->depth - 1].is_map == (name != NULL));

    writer->open[writer->depth - 1].count++;
    if (name != NULL) {
        put_text(writer, name);
    }
    return packer_of(writer->out);
}

// Begin a map or array where the writer is.
static void
open_here(struct wf_wire_writer *writer, size_t entry_at, bool is_map)
{
    WF_ASSERT(writer->depth < WF_WIRE_DEPTH_MAX);

    writer->open[writer->depth].entry_at = entry_at;
    writer->open[writer->depth].at = writer->out->len;
    writer->open[writer->depth].count = 0;
    writer->open[writer->depth].is_map = is_map;
    writer->depth++;
    wf_buf_put_u8(writer->out, 0);
}

void
wf_wire_begin(struct wf_wire_writer *writer, struct wf_buf *out_frame,
              const char *verb, uint64_t number)
{
    *writer = (struct wf_wire_writer){.out = out_frame};
    open_here(writer, out_frame->len, false);
    wf_wire_put_text(writer, NULL, verb);
    wf_wire_put_uint(writer, NULL, number);
    wf_wire_open_map(writer, NULL);
}

void
wf_wire_end(struct wf_wire_writer *writer)
{
    WF_ASSERT(writer->depth == 2);
    wf_wire_close(writer); // the fields
    wf_wire_close(writer); // the message
}

void
wf_wire_put_uint(struct wf_wire_writer *writer, const char *name,
                 uint64_t number)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)msgpack_pack_uint64(&packer, number);
}

void
wf_wire_put_int(struct wf_wire_writer *writer, const char *name, int64_t number)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)msgpack_pack_int64(&packer, number);
}

void
wf_wire_put_bool(struct wf_wire_writer *writer, const char *name, bool is)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)(is ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void
wf_wire_put_real(struct wf_wire_writer *writer, const char *name, double real)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)msgpack_pack_double(&packer, real);
}

void
wf_wire_put_text(struct wf_wire_writer *writer, const char *name,
                 const char *text)
{
    (void)begin_entry(writer, name);
    put_text(writer, text);
}

void
wf_wire_put_bytes(struct wf_wire_writer *writer, const char *name,
                  weft_bytes bytes)
{
    msgpack_packer packer = begin_entry(writer, name);

    (void)msgpack_pack_bin_with_body(&packer, bytes.data, bytes.len);
}

void
wf_wire_put_entries(struct wf_wire_writer *writer, weft_bytes map)
{
    struct wf_reader reader = wf_reader_of(map);
    struct wf_msgpack_item head;

    WF_ASSERT(wf_msgpack_read(&reader, &head) && head.type == WF_MSGPACK_MAP);
    WF_ASSERT(writer->depth > 0 && writer->open[writer->depth - 1].is_map);
    writer->open[writer->depth - 1].count += head.as.count;
    wf_buf_put(writer->out, reader.at, wf_reader_left(&reader));
}

void
wf_wire_open_map(struct wf_wire_writer *writer, const char *name)
{
    size_t entry_at = writer->out->len;

    (void)begin_entry(writer, name);
    open_here(writer, entry_at, true);
}

void
wf_wire_open_array(struct wf_wire_writer *writer, const char *name)
{
    size_t entry_at = writer->out->len;

    (void)begin_entry(writer, name);
    open_here(writer, entry_at, false);
}

void
wf_wire_close(struct wf_wire_writer *writer)
{
    struct wf_buf *out = writer->out;
    struct wf_buf head = {0};
    msgpack_packer packer = packer_of(&head);
    size_t at;
    size_t count;

    WF_ASSERT(writer->depth > 0);
    writer->depth--;
    at = writer->open[writer->depth].at;
    count = writer->open[writer->depth].count;
    (void)(writer->open[writer->depth].is_map
               ? msgpack_pack_map(&packer, count)
               : msgpack_pack_array(&packer, count));
    if (head.len > 1) {
        size_t len = out->len - at - 1; // behind the head

        wf_buf_reserve(out, head.len - 1);
        memmove(out->data + at + head.len, out->data + at + 1, len);
        out->len += head.len - 1;
    }
    memcpy(out->data + at, head.data, head.len);
    wf_buf_fini(&head);
}

void
wf_wire_close_or_drop(struct wf_wire_writer *writer)
{
    if (writer->open[writer->depth - 1].count > 0) {
        wf_wire_close(writer);
        return;
    }
    WF_ASSERT(writer->depth > 1);
    writer->depth--;
    writer->open[writer->depth - 1].count--;
    wf_buf_truncate(writer->out, writer->open[writer->depth].entry_at);
}
