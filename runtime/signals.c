// SPDX-License-Identifier: Apache-2.0
//
// signals.c - receivers and signals of a journal meet as they did when it was
// written.
//
// The rule is that of channel.c: a receiver takes the first signal of its
// names that nobody took, a signal goes to the first receiver of its name that
// still waits, and a receiver that was given up takes none. Signals, receivers
// and what was given up are all in the journal, in their order, so who got
// what follows from it. Each replay compares the two (replay.c), in builds
// with slow checks.

#include "runtime/signals.h"

#include <stdio.h>

#include "base/alloc.h"

// A receiver that waits.
struct receiver {
    uint32_t future;
    weft_bytes names; // separated by newlines
};

struct match {
    struct wf_signals *signals;
    size_t signals_cap;
    size_t first_unreceived; // no earlier entry is
    struct receiver *receivers;
    size_t receivers_count;
    size_t receivers_cap;
};

static bool
is_among(weft_bytes name, weft_bytes names)
{
    const char *at = names.data;
    const char *end = at + names.len;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline == NULL ? end : newline) - at);

        if (wf_bytes_equal(name, weft_bytes_of(at, len))) {
            return true;
        }
        at += len + 1;
    }
    return false;
}

static void
stop_waiting(struct match *match, size_t index)
{
    struct receiver *at = &match->receivers[index];

    match->receivers_count--;
    memmove(at, at + 1, (match->receivers_count - index) * sizeof(*at));
}

static void
add_signal(struct match *match, weft_bytes bytes)
{
    struct wf_signals *signals = match->signals;
    struct wf_letter letter;
    struct wf_signal_entry *entry;

    if (wf_letter_type(bytes) != WF_LETTER_SIGNAL ||
        !wf_letter_decode(bytes, &letter)) {
        return;
    }
    if (signals->count == match->signals_cap) {
        match->signals_cap = signals->count * 2 + 16;
        signals->entries = wf_realloc(
            signals->entries, match->signals_cap * sizeof(*signals->entries));
    }
    entry = &signals->entries[signals->count++];
    *entry = (struct wf_signal_entry){.letter = bytes, .name = letter.name};
    for (size_t i = 0; i < match->receivers_count; i++) {
        if (is_among(entry->name, match->receivers[i].names)) {
            entry->is_received = true;
            stop_waiting(match, i);
            return;
        }
    }
    signals->unreceived_count++;
}

static void
add_receiver(struct match *match, const struct wf_entry *opened)
{
    struct wf_signals *signals = match->signals;

    while (match->first_unreceived < signals->count &&
           signals->entries[match->first_unreceived].is_received) {
        match->first_unreceived++;
    }
    for (size_t i = match->first_unreceived; i < signals->count; i++) {
        struct wf_signal_entry *entry = &signals->entries[i];

        if (!entry->is_received && is_among(entry->name, opened->name)) {
            entry->is_received = true;
            signals->unreceived_count--;
            return;
        }
    }
    if (match->receivers_count == match->receivers_cap) {
        match->receivers_cap = match->receivers_count * 2 + 16;
        match->receivers = wf_realloc(
            match->receivers, match->receivers_cap * sizeof(*match->receivers));
    }
    match->receivers[match->receivers_count++] = (struct receiver){
        .future = opened->ordinal,
        .names = opened->name,
    };
}

// Giving up is named after its future.
static void
abandon(struct match *match, weft_bytes name)
{
    for (size_t i = 0; i < match->receivers_count; i++) {
        char number[16];

        (void)snprintf(number, sizeof(number), "%u",
                       match->receivers[i].future);
        if (wf_bytes_equal(weft_text(number), name)) {
            stop_waiting(match, i);
            return;
        }
    }
}

void
wf_signals_init(struct wf_signals *signals, const struct wf_journal *journal)
{
    struct wf_journal_cursor cursor = {.journal = journal};
    struct match match = {.signals = signals};
    struct wf_entry entry;

    *signals = (struct wf_signals){0};
    if (journal->signals == 0) {
        return;
    }
    while (wf_journal_next(&cursor, &entry)) {
        if (entry.type == WF_ENTRY_LETTER) {
            add_signal(&match, entry.letter);
        } else if (entry.type == WF_ENTRY_OPEN &&
                   entry.kind == WF_COMMAND_RECEIVE) {
            add_receiver(&match, &entry);
        } else if (entry.type == WF_ENTRY_OPEN &&
                   entry.kind == WF_COMMAND_ABANDON) {
            abandon(&match, entry.name);
        }
    }
    wf_free(match.receivers);
}

void
wf_signals_fini(struct wf_signals *signals)
{
    wf_free(signals->entries);
    *signals = (struct wf_signals){0};
}
