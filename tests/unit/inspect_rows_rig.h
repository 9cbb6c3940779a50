// SPDX-License-Identifier: Apache-2.0
//
// inspect_rows_rig.h - a directory of rows in memory, as a node has left it. A
// case changes some of them, looks, and puts them back.

#ifndef WF_TESTS_UNIT_INSPECT_ROWS_RIG_H
#define WF_TESTS_UNIT_INSPECT_ROWS_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/key.h"
#include "storage/store.h"
#include "weft/inspect.h"
#include "weft/node.h"

enum { RIG_PARTITIONS = 2, RIG_MANY = 70, RIG_LETTERS = 1030 };

// What a change replaced.
struct rig_old {
    struct wf_buf key;
    struct wf_buf value;
    bool was_there;
};

extern struct rig {
    struct wf_memory_disk *disk;
    struct wf_store store; // for changes
    uint64_t now_ms;
    weft_node *node;
    struct wf_key busy;    // has RIG_MANY of everything; all in `partition`
    struct wf_key mailbox; // has RIG_LETTERS waiting
    uint32_t partition;
    struct rig_old old[16];
    size_t old_count;
    struct wf_buf problems; // text, of the last look
    bool is_log_cut;        // as if the log could not be read to its end
} rig;

void rig_open(void);
void rig_close(void); // all is as it was

// As weft_inspect_open does it of a directory. check may be NULL.
struct wf_inspect_check;
weft_inspect *rig_open_inspect(struct wf_inspect_check *check);
// For wf_inspect_check.fn: adds to rig.problems, which is ctx.
void rig_add_problem(void *ctx, const char *where, const char *what);
// How many problems there are; rig.problems names them.
uint64_t rig_look(void);
bool rig_is_said(const char *text);

// value NULL: there is no such row.
void rig_change(weft_bytes key, const weft_bytes *value);
void rig_put(const struct wf_buf *key, weft_bytes value);
void rig_put_back(void); // all that was changed
// This is said of what was changed, which is then as it was.
void rig_check_said(const char *text);

// One that was found; forget it.
struct rig_row {
    uint32_t skip; // before it
    struct wf_buf key;
    struct wf_buf value;
};

// The n-th row from this key on that begins with it. Of the busy one's items,
// the n-th of that class.
struct rig_row rig_find_row(const struct wf_buf *from, uint32_t nth);
struct rig_row rig_find_item(uint8_t class, uint32_t nth);
void rig_forget(struct rig_row *row);

// A message to the busy one; is_dead: as a dead letter.
void rig_put_envelope(struct wf_buf *out, bool is_dead);

#endif
