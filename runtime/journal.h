// SPDX-License-Identifier: Apache-2.0
//
// journal.h - what a workflow run did so far, in order; replay reads it.
//
// Entries are kept in chunks whose memory never moves, so that results may
// point into them while the run lives. A full chunk never changes again and
// is saved once, in a row of its own; the last one is saved with the image.

#ifndef WF_RUNTIME_JOURNAL_H
#define WF_RUNTIME_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "runtime/letter.h"

// What an entry is. Events come from outside and carry the time; commands are
// what the code did. Values are part of the stored format.
enum wf_entry_type {
    WF_ENTRY_STARTED = 1, // event: now
    WF_ENTRY_LETTER,      // event: now, a letter that was handled
    WF_ENTRY_WENT_ON,     // event: now, after a BREAK
    WF_ENTRY_OPEN = 16,   // command: ordinal, kind, name, input hash
    WF_ENTRY_VALUE,       // command: ordinal, name, err, data
    WF_ENTRY_PATCH = 32,  // marker: name; it has no place in the order
    WF_ENTRY_BREAK,       // the turn was large: code goes on in the next one
    WF_ENTRY_CHANCE, // marker: seed; random numbers are others from here on
};

// What kind of command an OPEN is.
enum wf_command_kind {
    WF_COMMAND_ACTIVITY = 1,
    WF_COMMAND_STEP,
    WF_COMMAND_TIMER,
    WF_COMMAND_CHILD,
    WF_COMMAND_RECEIVE,
    WF_COMMAND_SIGNAL,
    WF_COMMAND_ABANDON,
    WF_COMMAND_RESTART,
    WF_COMMAND_VALUE, // only for showing; recorded as WF_ENTRY_VALUE
    WF_COMMAND_BRANCH,
    WF_COMMAND_CHILD_STARTED, // right behind its CHILD
    WF_COMMAND_COUNT
};

struct wf_entry {
    enum wf_entry_type type;
    uint64_t now_ms;   // events
    weft_bytes letter; // LETTER
    uint32_t branch;   // commands: location
    uint32_t ordinal;
    enum wf_command_kind kind;
    weft_bytes name;
    uint64_t input_hash;
    uint64_t seed;   // CHANCE
    weft_err err;    // VALUE
    weft_bytes data; // VALUE
};

void wf_entry_encode(const struct wf_entry *entry, struct wf_buf *out);
// The same, as the operation that appends it.
void wf_entry_put_op(const struct wf_entry *entry, struct wf_buf *ops);
bool wf_entry_decode(weft_bytes bytes, struct wf_entry *out_entry);
// Its type, without decoding the rest.
static inline enum wf_entry_type
wf_entry_type(weft_bytes bytes)
{
    return bytes.len == 0
               ? 0
               : (enum wf_entry_type)((const uint8_t *)bytes.data)[0];
}
static inline bool
wf_entry_is_event(const struct wf_entry *entry)
{
    return entry->type < WF_ENTRY_OPEN;
}
const char *wf_command_kind_name(enum wf_command_kind kind);

struct wf_chunk {
    struct wf_list_node node;
    uint64_t number; // from 0
    bool has_row;    // saved in a row of its own, as it is now
    uint32_t len;
    uint32_t cap;
    uint8_t bytes[]; // (varint length, entry) ...
};

struct wf_journal {
    struct wf_list chunks;
    uint64_t count; // of entries
    uint64_t bytes;
    uint64_t patches;        // markers among the entries
    uint64_t signals;        // letters among them that are signals
    enum wf_entry_type last; // but CHANCE, which nobody does
};

void wf_journal_init(struct wf_journal *journal);
void wf_journal_fini(struct wf_journal *journal); // leaves it empty
// Append; returns where the entry's bytes now are.
weft_bytes wf_journal_append(struct wf_journal *journal, weft_bytes entry);
// Forget all entries from index `count` on.
void wf_journal_cut(struct wf_journal *journal, uint64_t count);
// Append the first `count` entries of another.
void wf_journal_copy(const struct wf_journal *from, uint64_t count,
                     struct wf_journal *to);
// Put back a chunk read from the store, in order of number.
bool wf_journal_restore(struct wf_journal *journal, uint64_t number,
                        weft_bytes bytes, bool has_row);

// Where a reader of the journal stands. All zero with the journal set: at the
// beginning.
struct wf_journal_cursor {
    const struct wf_journal *journal;
    const struct wf_chunk *chunk;
    uint32_t offset;
    uint64_t index; // of the entry that next gives
};

// False at the end, and at an entry that does not decode: then index is less
// than the journal's count. Entries are borrowed from the journal.
bool wf_journal_next(struct wf_journal_cursor *cursor,
                     struct wf_entry *out_entry);

#endif
