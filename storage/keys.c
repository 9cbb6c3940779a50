// SPDX-License-Identifier: Apache-2.0
//
// keys.c - build the key of every row.
//
// A key is its parts one after another: no lengths, since every part but the
// last has a fixed width or, for an actor key that is not last, ends with NUL.
// Big-endian integers make the byte order of keys the order of their numbers.
//
// Threads: none of its own.

#include "storage/keys.h"

#include <stdint.h>
#include <string.h>

#include "base/assert.h"

void
wf_keys_log(struct wf_buf *out_key, uint64_t commit)
{
    wf_buf_reset(out_key);
    wf_buf_put_u64(out_key, commit);
}

const char wf_keys_kinds[] = {
    WF_KEY_IMAGE,  WF_KEY_ITEM, WF_KEY_MAILBOX, WF_KEY_READY,  WF_KEY_SLEEP,
    WF_KEY_OUTBOX, WF_KEY_LINK, WF_KEY_WINDOW,  WF_KEY_LETTER, '\0',
};

void
wf_keys_range(struct wf_buf *out_key, char kind, uint32_t partition)
{
    WF_ASSERT(partition <= UINT16_MAX);

    wf_buf_reset(out_key);
    wf_buf_put_u8(out_key, (uint8_t)kind);
    wf_buf_put_u16(out_key, (uint16_t)partition);
}

void
wf_keys_image(struct wf_buf *out_key, uint32_t partition, weft_bytes actor)
{
    wf_keys_range(out_key, WF_KEY_IMAGE, partition);
    wf_buf_put(out_key, actor.data, actor.len);
}

void
wf_keys_items(struct wf_buf *out_key, uint32_t partition, weft_bytes actor)
{
    wf_keys_range(out_key, WF_KEY_ITEM, partition);
    wf_buf_put(out_key, actor.data, actor.len);
    wf_buf_put_u8(out_key, 0);
}

void
wf_keys_item(struct wf_buf *out_key, uint32_t partition, weft_bytes actor,
             uint8_t class, uint64_t number)
{
    wf_keys_items(out_key, partition, actor);
    wf_buf_put_u8(out_key, class);
    wf_buf_put_u64(out_key, number);
}

void
wf_keys_mailbox(struct wf_buf *out_key, uint32_t partition, weft_bytes actor,
                uint64_t seq)
{
    wf_keys_range(out_key, WF_KEY_MAILBOX, partition);
    wf_buf_put(out_key, actor.data, actor.len);
    wf_buf_put_u8(out_key, 0);
    wf_buf_put_u64(out_key, seq);
}

void
wf_keys_ready(struct wf_buf *out_key, uint32_t partition, weft_bytes actor)
{
    wf_keys_range(out_key, WF_KEY_READY, partition);
    wf_buf_put(out_key, actor.data, actor.len);
}

void
wf_keys_sleep(struct wf_buf *out_key, uint32_t partition, uint64_t due,
              weft_bytes actor)
{
    wf_keys_range(out_key, WF_KEY_SLEEP, partition);
    wf_buf_put_u64(out_key, due);
    wf_buf_put(out_key, actor.data, actor.len);
}

void
wf_keys_outbox(struct wf_buf *out_key, uint32_t partition, uint32_t destination,
               uint64_t seq)
{
    WF_ASSERT(destination <= UINT16_MAX);

    wf_keys_range(out_key, WF_KEY_OUTBOX, partition);
    wf_buf_put_u16(out_key, (uint16_t)destination);
    wf_buf_put_u64(out_key, seq);
}

void
wf_keys_link(struct wf_buf *out_key, uint32_t partition, uint32_t other)
{
    WF_ASSERT(other <= UINT16_MAX);

    wf_keys_range(out_key, WF_KEY_LINK, partition);
    wf_buf_put_u16(out_key, (uint16_t)other);
}

void
wf_keys_window(struct wf_buf *out_key, uint32_t partition,
               const uint8_t client[16])
{
    wf_keys_range(out_key, WF_KEY_WINDOW, partition);
    wf_buf_put(out_key, client, 16);
}

void
wf_keys_letter(struct wf_buf *out_key, uint32_t partition, uint64_t seq)
{
    wf_keys_range(out_key, WF_KEY_LETTER, partition);
    wf_buf_put_u64(out_key, seq);
}

void
wf_keys_partition(struct wf_buf *out_key, uint32_t partition)
{
    wf_keys_range(out_key, WF_KEY_PARTITION, partition);
}

void
wf_keys_store(struct wf_buf *out_key, const char *name)
{
    wf_buf_reset(out_key);
    wf_buf_put_u8(out_key, WF_KEY_STORE);
    wf_buf_put(out_key, name, strlen(name));
}

void
wf_keys_after(struct wf_buf *out_key, weft_bytes prefix)
{
    const uint8_t *bytes = prefix.data;
    size_t len = prefix.len;

    // 0xff has no successor: the byte before it has.
    while (len > 0 && bytes[len - 1] == 0xff) {
        len--;
    }
    wf_buf_reset(out_key);
    wf_buf_put(out_key, bytes, len);
    if (len > 0) {
        out_key->data[len - 1]++;
    }
}
