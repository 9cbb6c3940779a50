// SPDX-License-Identifier: Apache-2.0
//
// note.h - what the core tells whoever listens: lines of the log (note.c), and
// what user code runs (watch.c).

#ifndef WF_RUNTIME_NOTE_H
#define WF_RUNTIME_NOTE_H

#include "base/bytes.h"

struct wf_actor;
struct wf_key;
struct wf_partition;

// who: an actor, or NULL for the partition.
void wf_note(const struct wf_partition *partition, const struct wf_key *who,
             const char *verb, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
// The same, of what a person should look at.
void wf_warn(const struct wf_partition *partition, const struct wf_key *who,
             const char *verb, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// User code begins, for that; what is a short word.
void wf_watch_begin(const struct wf_partition *partition,
                    const struct wf_actor *actor, const char *what,
                    weft_bytes name);
void wf_watch_end(const struct wf_partition *partition);

#endif
