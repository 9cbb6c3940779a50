// SPDX-License-Identifier: Apache-2.0
//
// signals.h - which signals of a run nobody received, from its journal alone.
//
// When a run ends or begins again, these go back to the mailbox. Its code may
// not be asked then: it may be terminated, or not fit its journal any more.

#ifndef WF_RUNTIME_SIGNALS_H
#define WF_RUNTIME_SIGNALS_H

#include "runtime/journal.h"

struct wf_signal_entry {
    weft_bytes letter; // borrowed from the journal
    weft_bytes name;   // in it
    bool is_received;
};

// All signals of a journal, in the order in which they came.
struct wf_signals {
    struct wf_signal_entry *entries; // owned
    size_t count;
    size_t unreceived_count;
};

// Release with wf_signals_fini, before the journal changes.
void wf_signals_init(struct wf_signals *signals,
                     const struct wf_journal *journal);
void wf_signals_fini(struct wf_signals *signals);

#endif
