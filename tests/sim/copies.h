// SPDX-License-Identifier: Apache-2.0
//
// copies.h - programs that go on twice: as forks from some point, in the same
// world, and from a capsule in another world. Each copy must come to what its
// root must, whatever the root does meanwhile; no attempt runs twice, and of
// each strand's notes it leaves the last ones.

#ifndef WF_TESTS_SIM_COPIES_H
#define WF_TESTS_SIM_COPIES_H

#include "program/record.h"
#include "sim/choice.h"
#include "sim/world.h"
#include "weft/definitions.h"

#define COPIES_MAX 3 // of one root

struct copies;

// elsewhere is borrowed, as its definitions are, until the copies are
// destroyed.
struct copies *copies_create(void);
void copies_destroy(struct copies *copies);
weft_err copies_define(struct copies *copies, weft_definitions *elsewhere);
void copies_open(struct copies *copies, struct world *elsewhere);

// One more of that root (program.h, is_copied), of whatever it is just now.
// All is borrowed until the copies are destroyed.
void copies_begin(struct copies *copies, struct world *here,
                  struct choice *choice, const char *root,
                  const struct program *program, const struct expect *expect);
// Let so much time pass elsewhere, and do what is to be done.
void copies_run_ms(struct copies *copies, struct world *here, uint64_t ms);
// Nothing goes wrong any more, and what came as paused goes on.
void copies_calm(struct copies *copies);

// Nothing goes wrong any more: all have ended. record is that of the world
// here. Ends the process, and says why, if something is not as it must be.
void copies_check(struct copies *copies, struct world *here,
                  struct record *record);
// One strand in the log of a root: true if it is a copy's.
bool copies_have_strand(const struct copies *copies, const char *root,
                        uint64_t key, uint64_t count, uint64_t fold);

#endif
