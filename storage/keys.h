// SPDX-License-Identifier: Apache-2.0
//
// keys.h - what is in the store: the layout of every key.
//
// Integers are big-endian. In `data` and `meta` one kind byte comes first,
// then the partition, so that a partition is a key range for each kind.
//
//   log   u64 commit number
//   data  'a' u16 partition, actor key            image
//         'i' u16 partition, actor key NUL, u8 class, u64 number   item
//         'm' u16 partition, actor key NUL, u64 seq      mailbox overflow
//         'r' u16 partition, actor key            ready: load at recovery
//         't' u16 partition, u64 due, actor key   sleeps until due
//         'o' u16 partition, u16 destination, u64 seq    outbox overflow
//         'l' u16 partition, u16 other            link
//         'w' u16 partition, 16 bytes client id   request window
//         'd' u16 partition, u64 seq              dead letter
//   meta  'p' u16 partition                       partition
//         's' name                                store: ids, format, options
//
// An actor key is base/key.h's "namespace NUL kind NUL id".

#ifndef WF_STORAGE_KEYS_H
#define WF_STORAGE_KEYS_H

#include <stdint.h>

#include "base/bytes.h"

#define WF_KEY_IMAGE 'a'
#define WF_KEY_ITEM 'i'
#define WF_KEY_MAILBOX 'm'
#define WF_KEY_READY 'r'
#define WF_KEY_SLEEP 't'
#define WF_KEY_OUTBOX 'o'
#define WF_KEY_LINK 'l'
#define WF_KEY_WINDOW 'w'
#define WF_KEY_LETTER 'd'
#define WF_KEY_PARTITION 'p'
#define WF_KEY_STORE 's'

// All kinds of `data`, ended by NUL: what a partition's rows are.
extern const char wf_keys_kinds[];

// Each replaces what out_key holds.
void wf_keys_log(struct wf_buf *out_key, uint64_t commit);
// Only the kind and the partition: the beginning of a range.
void wf_keys_range(struct wf_buf *out_key, char kind, uint32_t partition);
void wf_keys_image(struct wf_buf *out_key, uint32_t partition,
                   weft_bytes actor);
// Without class and number: the range of an actor's items.
void wf_keys_items(struct wf_buf *out_key, uint32_t partition,
                   weft_bytes actor);
void wf_keys_item(struct wf_buf *out_key, uint32_t partition, weft_bytes actor,
                  uint8_t class, uint64_t number);
void wf_keys_mailbox(struct wf_buf *out_key, uint32_t partition,
                     weft_bytes actor, uint64_t seq);
void wf_keys_ready(struct wf_buf *out_key, uint32_t partition,
                   weft_bytes actor);
void wf_keys_sleep(struct wf_buf *out_key, uint32_t partition, uint64_t due,
                   weft_bytes actor);
void wf_keys_outbox(struct wf_buf *out_key, uint32_t partition,
                    uint32_t destination, uint64_t seq);
void wf_keys_link(struct wf_buf *out_key, uint32_t partition, uint32_t other);
void wf_keys_window(struct wf_buf *out_key, uint32_t partition,
                    const uint8_t client[16]);
void wf_keys_letter(struct wf_buf *out_key, uint32_t partition, uint64_t seq);
void wf_keys_partition(struct wf_buf *out_key, uint32_t partition);
void wf_keys_store(struct wf_buf *out_key, const char *name);

// The smallest key after all keys that begin with `prefix`: the end of its
// range. Empty if there is none (all 0xff).
void wf_keys_after(struct wf_buf *out_key, weft_bytes prefix);

#endif
