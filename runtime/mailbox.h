// SPDX-License-Identifier: Apache-2.0
//
// mailbox.h - the letters of one actor that were not handled, oldest first.
//
// A long queue is kept in the store, not in memory: once more than
// WF_MAILBOX_MEMORY_MAX letters wait, or WF_MAILBOX_MEMORY_BYTES of them, those
// behind the first page get rows of their own, and when these are durable their
// memory is freed. So in order of seq there are up to three stretches:
//
//   [first_seq, gone_from)   in memory
//   [gone_from, gone_to)     in rows only; read back by pages
//   [gone_to, next_seq)      in memory
//
// Always true:
//   M1  first_seq <= gone_from <= gone_to <= next_seq, if anything is gone
//   M2  what is gone has a row: row_from <= gone_from, gone_to <= row_to
//   M3  letters in memory are in order of seq, and all that are not gone
//   M4  bytes is the length of all letters in memory

#ifndef WF_RUNTIME_MAILBOX_H
#define WF_RUNTIME_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "runtime/letter.h"

struct wf_mailbox {
    struct wf_list letters; // struct wf_waiting
    uint64_t first_seq;     // of the oldest letter
    uint64_t next_seq;      // of the letter that comes next
    uint64_t row_from;      // letters with rows of their own: from
    uint64_t row_to;        // to, exclusive
    uint64_t gone_from;     // not in memory: from
    uint64_t gone_to;       // to, exclusive
    uint64_t bytes;         // of the letters in memory
};

void wf_mailbox_init(struct wf_mailbox *mailbox);
// Free the letters in memory.
void wf_mailbox_fini(struct wf_mailbox *mailbox);

static inline uint64_t
wf_mailbox_count(const struct wf_mailbox *mailbox)
{
    return mailbox->next_seq - mailbox->first_seq;
}

static inline bool
wf_mailbox_has_gone(const struct wf_mailbox *mailbox)
{
    return mailbox->gone_from < mailbox->gone_to;
}

// The oldest letter; NULL if there is none, or if it must be read first.
struct wf_waiting *wf_mailbox_head(const struct wf_mailbox *mailbox);

void wf_mailbox_push(struct wf_mailbox *mailbox, weft_bytes letter);
// Put letters before all others; the last of `count` calls has index 0.
void wf_mailbox_push_first(struct wf_mailbox *mailbox, weft_bytes letter);
// Drop the oldest. False: it is not in memory.
bool wf_mailbox_pop(struct wf_mailbox *mailbox);
// Take all letters out, none of which is in rows; out_letters is made anew, and
// the caller frees what is in it.
void wf_mailbox_take(struct wf_mailbox *mailbox, struct wf_list *out_letters);

// A letter that was read back. False: it does not belong here.
bool wf_mailbox_restore(struct wf_mailbox *mailbox, uint64_t seq,
                        weft_bytes letter, bool has_row);
// A page that was read begins at gone_from: so many letters are here again.
void wf_mailbox_came_back(struct wf_mailbox *mailbox, uint64_t count);

// Does it hold so much memory that letters should get rows?
bool wf_mailbox_is_overfull(const struct wf_mailbox *mailbox);
// Should this letter get a row of its own in this save? Asked in order of seq.
bool wf_mailbox_takes_row(const struct wf_mailbox *mailbox,
                          const struct wf_waiting *letter);
// It got one.
void wf_mailbox_gave_row(struct wf_mailbox *mailbox, struct wf_waiting *letter);
// Rows are durable: free the memory of letters behind the first page.
void wf_mailbox_let_go(struct wf_mailbox *mailbox);

void wf_mailbox_check(const struct wf_mailbox *mailbox);

#endif
