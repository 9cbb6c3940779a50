// SPDX-License-Identifier: Apache-2.0
//
// limits.h - every limit, and what happens when it is reached.

#ifndef WF_BASE_LIMITS_H
#define WF_BASE_LIMITS_H

// Names. Longer: refused with WEFT_ETOOBIG.
#define WF_NAMESPACE_BYTES_MAX 63
#define WF_KIND_BYTES_MAX 127
#define WF_ID_BYTES_MAX 511
#define WF_NAME_BYTES_MAX 255 // signals, timers, queries, failures
#define WF_KEY_BYTES_MAX                                                       \
    (WF_NAMESPACE_BYTES_MAX + WF_KIND_BYTES_MAX + WF_ID_BYTES_MAX + 2)

// One payload, and all effects of one turn. Larger: refused with WEFT_ETOOBIG.
#define WF_PAYLOAD_BYTES_MAX (2U << 20)
#define WF_TURN_BYTES_MAX (8U << 20)
#define WF_STATE_BYTES_MAX (1U << 20)
// All values that a plain actor publishes. More: refused with WEFT_ETOOBIG.
#define WF_PUBLISHED_BYTES_MAX (256U << 20)
// A workflow whose turn has become so large goes on in the next turn, at its
// next command.
#define WF_TURN_BREAK_BYTES (1U << 20)
// One instance brought from elsewhere: it is one record.
#define WF_CAPSULE_BYTES_MAX WF_TURN_BYTES_MAX

// What travels with a message, all names and values together. Larger: refused
// with WEFT_ETOOBIG.
#define WF_HEADERS_BYTES_MAX 8192
#define WF_MEMO_BYTES_MAX 8192 // the same, of what describes an instance

// Attributes of one instance. More or larger: refused with WEFT_ETOOBIG. All of
// them are in the head of its image, which every list reads.
#define WF_ATTRIBUTES_MAX 64
#define WF_ATTRIBUTES_BYTES_MAX (8 << 10)
#define WF_ATTRIBUTE_NAME_BYTES_MAX 63
#define WF_ATTRIBUTE_KEYWORD_BYTES_MAX 255
#define WF_ATTRIBUTE_TEXT_BYTES_MAX 2048

// A filter: bytes (WEFT_ETOOBIG), levels of "not" and "(" (WEFT_EINVAL).
#define WF_FILTER_BYTES_MAX 4096
#define WF_FILTER_DEPTH_MAX 32

// Groups that a count tells apart. More: it is refused with WEFT_ETOOBIG.
#define WF_GROUPS_MAX 1000

// A node's shape. Out of range: refused with WEFT_EINVAL.
#define WF_PARTITIONS_MAX 1024
#define WF_PARTITIONS_DEFAULT 64
#define WF_SHARDS_MAX 64
#define WF_STORES_MAX 64
#define WF_WORKERS_MAX 4096
#define WF_WORKERS_DEFAULT 16
#define WF_LOCAL_WORKERS_DEFAULT 4 // beside them, for local activities

// A mailbox. Calls from the edge are refused with WEFT_EBUSY when full;
// messages between actors are always taken.
#define WF_MAILBOX_MESSAGES_MAX 1000000
// Then it is spilled to rows, and read back by pages. A page has one message
// at least.
#define WF_MAILBOX_MEMORY_MAX 1000
#define WF_MAILBOX_MEMORY_BYTES (4U << 20)
#define WF_MAILBOX_PAGE 256
#define WF_MAILBOX_PAGE_BYTES (1U << 20)

// The redo window. Saving begins at three eighths of it, and at half of it
// nothing is put off any more; over four windows intake is refused with
// WEFT_EBUSY until saving has caught up.
#define WF_WINDOW_BYTES_DEFAULT (64U << 20)
#define WF_WINDOW_HARD_FACTOR 4
// A partition saves a little with each commit, so that many that save at once
// do not make one commit long; a whole window behind, it saves more.
#define WF_SAVE_BYTES_PER_COMMIT (8U << 10)
#define WF_SAVE_BYTES_BEHIND (256U << 10)
// So much logged by one actor, and as much as its state has: it is saved.
#define WF_UNSAVED_BYTES (64U << 10)

// What a partition, and what a thread, keeps of each buffer that it fills again
// and again.
#define WF_PARTITION_BUFFER_BYTES (128U << 10)
#define WF_THREAD_BUFFER_BYTES (1U << 20)
// Small memory that was freed (pieces.h): a thread keeps up to two batches of
// each size, and a store for all threads so much. More goes back to libc.
#define WF_PIECES_BATCH_BYTES (4U << 10)
#define WF_PIECES_STORED_BYTES_MAX (8U << 20)

// A commit. More waits for the next.
#define WF_COMMIT_BYTES_MAX (16U << 20)
// Records that only free things wait so long for company.
#define WF_LAZY_MS 50

// An image row; what does not fit is in rows of its own.
#define WF_IMAGE_INLINE_BYTES_MAX (32U << 10)
#define WF_IMAGE_ITEM_INLINE_MAX 2048 // one item larger than this: own row
#define WF_IMAGE_ITEMS_INLINE_MAX 64  // of one class; more: own rows
#define WF_JOURNAL_CHUNK_BYTES 4096

// Requests. The window of one client in one partition: more are refused with
// WEFT_EBUSY. A silent client's answers are dropped after 24 h; that its old
// numbers were used is remembered for 30 days.
#define WF_CLIENT_WINDOW_MAX 65536
#define WF_CLIENT_SILENCE_MS (24ULL * 3600 * 1000)
#define WF_CLIENT_MEMORY_MS (30 * WF_CLIENT_SILENCE_MS)
#define WF_CLIENT_REQUESTS_MAX 100000
#define WF_LIST_PAGE_DEFAULT 100
#define WF_LIST_PAGE_MAX 1000
#define WF_WATCH_VALUES_MAX 1000 // that a watch shows; more by query
#define WF_WATCH_VALUES_BYTES_MAX (1U << 20)
#define WF_UPDATES_KEPT_MAX 1000  // done, for their ids; then the oldest go
#define WF_OPERATIONS_MAX 1000    // of operators, kept with one actor
#define WF_CAUSES_MAX 16          // of a failure
#define WF_CAUSE_TEXT_MAX 1024    // of each text of a cause; cut
#define WF_CAUSE_DETAILS_MAX 4096 // of a cause; longer ones are left out
#define WF_ORDERS_RECORD_MAX 256  // children told of their parent's end at once
#define WF_WHY_BYTES_MAX 1023     // why an operator did it
#define WF_WHAT_BYTES_MAX 1024    // what it was, in words, and a NUL
#define WF_FAILURE_TEXT_MAX 1024 // of an attempt's failure, kept until the next

// Links. Unacknowledged messages stay with the sender; so many are under way
// at a time, and sent again when nothing was heard for so long. A receiver asks
// for what is missing at most once in WF_LINK_ASK_MS.
#define WF_LINK_FRAME_BYTES 8192 // a larger message goes alone
#define WF_LINK_FLIGHT_MESSAGES 4096
#define WF_LINK_BEHIND_MESSAGES 8192 // who sends there has a turn a commit
#define WF_LINK_RESEND_MS 500        // doubles with each time in vain
#define WF_LINK_RESEND_MS_MAX 8000
#define WF_LINK_ASK_MS 50
// Losses of a log that are told apart by who did not hear of all of them; of
// more the oldest is forgotten.
#define WF_LINK_BASES_MAX 8

// Later than any time: what is due then never comes.
#define WF_NEVER_MS (UINT64_MAX - 1)

// Turns.
#define WF_TURN_ATTEMPTS_DEFAULT 5
#define WF_TURN_RETRY_MS 100 // doubles with each attempt
#define WF_TURN_RETRY_MAX_MS 60000
#define WF_CRASHES_MAX 3        // then the actor is parked
#define WF_TIMERS_PER_TICK 1000 // overdue timers fire at this rate
#define WF_TURNS_PER_STEP 16    // then others have their go

// How far one actor may run ahead of the log: what its turns write into a
// segment. A turn more than that is always let through.
#define WF_SHARE_BYTES (16U << 10)

// The wake index: timers due within this are read ahead, by pages; and so long
// before one is due its actor is read.
#define WF_WAKE_AHEAD_MS 60000
#define WF_WAKE_LEAD_MS 100
#define WF_WAKE_PAGE 1000

// Memory.
#define WF_RESIDENT_DEFAULT 100000
#define WF_STACKS_DEFAULT 8000
#define WF_STACK_BYTES_DEFAULT 65536
#define WF_STACK_BYTES_MIN 16384
#define WF_STACK_BYTES_MAX (8U << 20)
#define WF_BRANCHES_MAX 1000    // of one workflow at a time; then WEFT_EBUSY
#define WF_RECEIVE_NAMES_MAX 16 // in one call; more: WEFT_EINVAL

// A run with a journal of so many entries or bytes should begin anew: that is
// only said (weft_workflow_restart_suggested), there is no limit.
#define WF_RESTART_ENTRIES 20000
#define WF_RESTART_BYTES (4U << 20)

// Disk. Below the reserve intake stops with WEFT_EFULL.
#define WF_RESERVE_BYTES_DEFAULT (256U << 20)

// Activities. One that a queue has waits for a worker; the queue is told again
// after a while, which doubles each time: it may have been lost.
#define WF_START_TO_CLOSE_MS_DEFAULT 60000
#define WF_OFFER_MS 60000
#define WF_OFFER_MS_MAX 3600000
#define WF_LEASE_MS_DEFAULT 10000
#define WF_LEASE_MS_MIN 1000
#define WF_LEASE_MS_MAX 600000
#define WF_WORKER_BYTES_MAX 127

#define WF_RETENTION_MS_DEFAULT (7ULL * 24 * 3600 * 1000)
#define WF_BEACON_MS 100
#define WF_TURN_MS_DEFAULT 100

_Static_assert(WF_PAYLOAD_BYTES_MAX < WF_TURN_BYTES_MAX,
               "a turn can hold at least one payload");
_Static_assert(WF_TURN_BREAK_BYTES + WF_PAYLOAD_BYTES_MAX < WF_TURN_BYTES_MAX,
               "a command has room in the turn that it does not break");
_Static_assert(WF_TURN_BYTES_MAX < WF_COMMIT_BYTES_MAX,
               "a commit can hold at least one turn");
_Static_assert(WF_STATE_BYTES_MAX <= WF_PAYLOAD_BYTES_MAX,
               "a state is no larger than a payload");
_Static_assert(WF_ATTRIBUTES_BYTES_MAX < WF_IMAGE_INLINE_BYTES_MAX / 2,
               "an image with all its attributes has room for other things");
_Static_assert(2 * WF_WAKE_LEAD_MS < WF_WAKE_AHEAD_MS,
               "who is to be read early was read ahead before that");
_Static_assert(WF_KEY_BYTES_MAX < 1024, "a key's offsets fit 16 bits");
_Static_assert(WF_MAILBOX_PAGE < WF_MAILBOX_MEMORY_MAX,
               "a page of a mailbox fits its memory");
_Static_assert(WF_MAILBOX_PAGE_BYTES + WF_PAYLOAD_BYTES_MAX <
                   WF_MAILBOX_MEMORY_BYTES,
               "what is over a mailbox's memory is more than a page");

#endif
