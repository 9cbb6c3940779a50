// SPDX-License-Identifier: Apache-2.0
//
// expect.h - what must come of a program, worked out without weft.
//
// Every outcome of a statement that is not loose is fixed by how programs are
// made; of one that is loose only what it may have called is known.

#ifndef WF_TESTS_PROGRAM_EXPECT_H
#define WF_TESTS_PROGRAM_EXPECT_H

#include "program/program.h"

#define EXPECT_TEXT_SIZE 1600

// A call or a step. Those that must have run have one key, and each attempt ran
// once.
struct expect_call {
    char name[PROGRAM_ID_SIZE];
    bool must_run;
};

// A note in the log of the root; those of one strand in this order.
struct expect_note {
    uint64_t strand;
    uint64_t value;
};

// What the client does, one after the other.
struct expect_ask {
    bool is_update; // else the signal "go"
    uint32_t seq;   // of its sort, from 1
};

// A child that nobody awaits, and how it ends.
struct expect_child {
    char id[PROGRAM_ID_SIZE];
    char outcome[EXPECT_TEXT_SIZE];
};

struct expect {
    char outcome[EXPECT_TEXT_SIZE]; // "ok 12ab", or "failed NAME@SOURCE<..."
    struct expect_call *calls;
    size_t calls_count;
    struct expect_note *notes;
    size_t notes_count;
    struct expect_ask *asks;
    size_t asks_count;
    struct expect_child *children;
    size_t children_count;
    // What the root shows at the end.
    bool has_value;
    uint64_t value; // published as "value"
    bool has_number;
    int64_t number; // the attribute "number"
    bool has_memo;
    uint64_t memo; // "memo"
};

// For the root of that id. Ends the process when out of memory.
void expect_make(const struct program *program, const char *root,
                 struct expect *out);
void expect_fini(struct expect *expect);

// Of an outcome that went well.
void expect_say_ok(uint64_t value, char out[EXPECT_TEXT_SIZE]);
// Append one level of a failure, the outermost first.
void expect_say_level(const char *name, const char *source,
                      char out[EXPECT_TEXT_SIZE]);

// Is this outcome, as it is said by these two or by "cancelled", "terminated",
// or the name of an error, the one that is expected?
bool expect_fits(const char *expected, const char *outcome);

// Notes of one strand as the log keeps them: how many, and folded into one.
uint64_t expect_fold(uint64_t fold, uint64_t value);
// What is wrong with a strand of the log; NULL: nothing. Of a root that was
// cancelled a strand may be cut short.
const char *expect_strand(const struct expect *expect, uint64_t strand,
                          uint64_t count, uint64_t fold, bool is_cut);
// The same of a copy, which may have begun anywhere: it has the last notes.
const char *expect_strand_end(const struct expect *expect, uint64_t strand,
                              uint64_t count, uint64_t fold);
// So many strands have notes.
size_t expect_strands(const struct expect *expect);

#endif
