// SPDX-License-Identifier: Apache-2.0
//
// expect_impl.h - what the files that walk a program share.

#ifndef WF_TESTS_PROGRAM_EXPECT_IMPL_H
#define WF_TESTS_PROGRAM_EXPECT_IMPL_H

#include "program/expect.h"

enum end { END_OK, END_FAILED, END_RESTART };

#define EXPECT_LEVELS_MAX 16

// What failed: the outermost level first.
struct trouble {
    uint32_t count;
    struct {
        char name[32];
        char source[PROGRAM_ID_SIZE + 16];
    } levels[EXPECT_LEVELS_MAX];
};

struct walk {
    struct expect *out;
    const struct program *program;
    const char *root;
    uint32_t goes;
    uint32_t updates;
};

struct instance {
    struct walk *walk;
    const char *id;
    uint32_t restarts;
    uint32_t attempt;
    bool is_root;
    enum program_mode mode;
};

struct strand {
    struct instance *in;
    uint64_t key;
    uint32_t count;
    bool is_loose;
    uint64_t registers[PROGRAM_REGISTERS];
    bool is_own;            // its failure is one that it made itself
    struct trouble trouble; // of END_FAILED
};

// expect.c

enum end expect_block(struct strand *strand, uint8_t index);
void expect_add_child(const struct strand *strand, const char *id,
                      const char *outcome);
// A level around what there is.
void expect_wrap(struct trouble *trouble, const char *name, const char *source);
// The code makes a failure of its own.
enum end expect_throw(struct strand *strand, const char *name);
// A wait has failed with this.
enum end expect_pass_on(struct strand *strand, const struct trouble *trouble);
void expect_say_end(const struct strand *strand, enum end end,
                    char out[EXPECT_TEXT_SIZE]);

// expect_flow.c

// How it ends, as its parent sees it, or who asks for its result.
enum end expect_instance(struct instance *in, struct strand *strand,
                         uint8_t block);
enum end expect_child_of(struct strand *strand,
                         const struct program_statement *at);
enum end expect_doom(struct strand *strand, const struct program_statement *at);
enum end expect_scope(struct strand *strand,
                      const struct program_statement *at);
enum end expect_branches(struct strand *strand,
                         const struct program_statement *at);

#endif
