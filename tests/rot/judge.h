// SPDX-License-Identifier: Apache-2.0
//
// judge.h - damage a copy of a directory, ask `verify` and open it, and say
// whether anything was lost, doubled or changed that nobody told of.

#ifndef WF_TESTS_ROT_JUDGE_H
#define WF_TESTS_ROT_JUDGE_H

#include <stdint.h>

#include "rot/damage.h"
#include "rot/source.h"

// X(NAME, "in words")
#define VERDICT_TABLE(X)                                                       \
    X(NONE, "the damage does not apply")                                       \
    X(HARMLESS, "harmless: all is there")                                      \
    X(REFUSED, "refused by name at the open")                                  \
    X(TOLD, "told by name when it was read")                                   \
    X(STOPPED, "RocksDB stopped the process: seen, and not by name")           \
    X(LIMIT, "within what is not promised: busy, or all of it older")          \
    X(SILENT, "SILENT: lost or changed, and nothing said so")                  \
    X(VERIFIED, "VERIFIED: verify was content, and something was lost")        \
    X(UNSEEN, "UNSEEN: looking shows something else, and no error")            \
    X(NAMELESS, "NAMELESS: refused, and the words do not say what")            \
    X(DIED, "DIED: the process, or it did not end")

#define X(name, text) VERDICT_##name,
enum verdict { VERDICT_TABLE(X) VERDICT_COUNT };
#undef X
#define VERDICT_IS_FAULT(verdict) ((verdict) >= VERDICT_SILENT)

struct judged {
    uint32_t source; // its index
    struct damage damage;
    enum verdict verdict;
    char words[1600]; // what was said, or what differs
};

const char *verdict_name(enum verdict verdict);

// Case number `seed`, in a fresh directory `dir`, which is left there.
void judge(const struct source *sources, uint32_t count, uint64_t seed,
           const char *dir, struct judged *out);

#endif
