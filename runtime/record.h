// SPDX-License-Identifier: Apache-2.0
//
// record.h - the redo entry: what one step of a partition changed.
//
//   record   = length, elapsed_ms, section ...        (varints)
//   section  = object, length, operation ...
//   object   = 'A' actor key | 'a' where              (an actor)
//            | 'P'                                    (the partition)
//   operation = one byte of enum wf_op, then its fields in the order below
//
// Records of one segment lean on those before them: time counts from the record
// before, from 1970 in the first, and an actor that was named already may be
// named by where that is, in bytes from the first record. So a segment is
// decoded from its beginning.
//
// A section is everything the record does to one object, so that recovery can
// hand it over without looking inside. docs/formats/record.md has an example.
// A field marked B is varint length and bytes, V a varint, K an actor key as B.

#ifndef WF_RUNTIME_RECORD_H
#define WF_RUNTIME_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum wf_op {
    // Of an actor.
    WF_OP_CREATE = 1,      // V version, V run, V seed, K parent, V parent run,
                           // V parent call, B input, B options
    WF_OP_PUSH,            // B letter: to the mailbox's end
    WF_OP_POP,             // the first letter was handled
    WF_OP_STARTED,         // the start was handled
    WF_OP_RETRY,           // V failed attempts, V due, B reason
    WF_OP_PARK,            // B reason
    WF_OP_RESUME,          // un-park and un-pause
    WF_OP_PAUSE,           //
    WF_OP_CRASHED,         // B how: the process died in its code
    WF_OP_CANCEL_ASKED,    //
    WF_OP_STATE,           // V version, B state
    WF_OP_STATE_PATCH,     // V offset, B bytes
    WF_OP_JOURNAL,         // B entry
    WF_OP_JOURNAL_LETTER,  // the first letter becomes an entry
    WF_OP_RESTART,         // B input, B letter: the first one now, or empty
    WF_OP_TIMER_SET,       // V id, V due, B name
    WF_OP_TIMER_CLEAR,     // V id
    WF_OP_COMMAND_OPEN,    // V id, V type, B name, B input, B options,
                           // B headers: as options
    WF_OP_COMMAND_ATTEMPT, // V id, V attempt, V lost, V due (0: at once)
    WF_OP_COMMAND_DETAILS, // V id, B details
    WF_OP_COMMAND_DEFER,   // V id
    WF_OP_COMMAND_CANCEL,  // V id
    WF_OP_COMMAND_CLOSE,   // V id
    WF_OP_CALL_OPEN,       // V id, V type, K target, V parent close,
                           // V cancellation
    WF_OP_CALL_CLOSE,      // V id
    WF_OP_PUBLISH,         // B name, B value
    WF_OP_FINISH,          // V status, B result, B failure name, B message,
                           // B causes (cause.h)
    WF_OP_REMOVE,          // the instance is forgotten
    WF_OP_OUTLIVED,        // what is in the mailbox was for the life before
    WF_OP_VERSION,         // V version: of the code it runs from here on
    WF_OP_COMMAND_ABANDON, // V id: it goes on, its result is dropped
    WF_OP_COMMAND_FAILED,  // V id, B name, B message: of its attempt
    WF_OP_COMMAND_PAUSE,   // V id
    WF_OP_COMMAND_RESUME,  // V id
    WF_OP_COMMAND_RESET,   // V id: attempts count from here
    WF_OP_COMMAND_OPTIONS, // V id, B options, V due
    WF_OP_OPERATED,        // B who, B why, B what: by an operator
    WF_OP_RUN_AGAIN,       // V due, B reason: the run failed, another one comes
    WF_OP_BEGIN,           // the start's delay is cut short
    WF_OP_IMPORT,          // B image: a life that came from another store
    WF_OP_ATTRIBUTE,       // B entry (attributes.h): set, or cleared
    WF_OP_MEMO,            // B name, B value: in the memo; empty: not in it
    WF_OP_UPDATE_OPEN,     // V number, B id, 16 client, V request,
                           // V 1: its sender is answered when it is accepted
    WF_OP_UPDATE_ACCEPT,   // V number
    WF_OP_UPDATE_DONE,     // V number, V err, B data
    WF_OP_UPDATE_DROP,     // V number: it was refused
    WF_OP_RESET,           // V entries kept, V ordinal of the last command kept
    WF_OP_CALL_ASK,        // V id, V how (child.h): the child is given up
    WF_OP_TOLD,            // V count: letters owed to children were sent
    WF_OP_UNPUBLISH,       // B name
    WF_OP_QUESTION_KEEP,   // V id, B letter: who asked; answered later
    WF_OP_QUESTION_DROP,   // V id
    WF_OP_COMMAND_OFFER,   // V id: its queue is told
    WF_OP_COMMAND_LEASE,   // V id, V ms, B worker
    WF_OP_FORK, // V seed: what was imported is a life of its own, beside the
                // one that it is a copy of

    // Of the partition.
    WF_OP_EPOCH = 64, // V epoch
    WF_OP_SEND,       // V destination, B envelope (K target, B letter)
    WF_OP_ACKED,      // V destination, V seq
    WF_OP_SEEN,       // V source, V generation, V seq
    WF_OP_ACCEPTED,   // 16 client, V number, V confirmed
    WF_OP_ANSWERED,   // 16 client, V number, V confirmed, V err, B data
    WF_OP_FORGET,     // 16 client: its answers, or its window if it has none
    WF_OP_LETTER,     // K target, B letter, B reason: nobody took it
    WF_OP_GENERATION, // V generation: what it sends from here on
#ifdef WF_NEXT
    WF_OP_NEXT, // V version: of segments, from the next build on
#endif
};

#define WF_SECTION_ACTOR 'A'
#define WF_SECTION_AGAIN 'a' // read as ACTOR, with the key
#define WF_SECTION_PARTITION 'P'

struct wf_section {
    char object;
    weft_bytes key; // of an actor
    weft_bytes ops;
};

// The records of one segment, as they are read.
struct wf_records {
    struct wf_reader reader;
    const uint8_t *start;
    uint64_t now_ms; // of the record before
};

// The sections of one record.
struct wf_sections {
    struct wf_reader reader;
    weft_bytes earlier; // records of its segment, in which actors are named
};

struct wf_records wf_records_of(weft_bytes records);
// Of a record that leans on no other.
struct wf_sections wf_sections_of(weft_bytes sections);

// Decode one record. Borrowed from what is read. False, and the reader failed:
// it does not decode.
bool wf_record_next(struct wf_records *records, uint64_t *out_now_ms,
                    struct wf_sections *out_sections);
// False: there is none, or, if the reader failed, it does not decode.
bool wf_section_next(struct wf_sections *sections,
                     struct wf_section *out_section);

// Append a section to a record that is being built.
void wf_section_put(struct wf_buf *sections, char object, weft_bytes key,
                    weft_bytes ops);
// Append a record made of sections to a segment's records, elapsed_ms after the
// one before. *named_at is where those before it name the actor of its first
// section; if that is 0, they do not, and it is set. NULL: of no actor.
void wf_record_put(struct wf_buf *records, uint64_t elapsed_ms,
                   weft_bytes sections, uint32_t *named_at);

#endif
