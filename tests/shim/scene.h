// SPDX-License-Identifier: Apache-2.0
//
// scene.h - a scene: a small program of requests, and how its node is opened.
//
// A scene is text, so that its checker can compute what must come of it without
// running anything. Statements are done one after the other; each is done once,
// whatever happens to the process meanwhile (scene_victim.c).
//
//   add C V       signal V to the cell C
//   many C N      N of them at a time, 1 to N
//   big C N       the same, of 3,000 bytes each
//   move C D V    let cell C take V from itself and send it to cell D
//   tick C        let cell C set a timer, which adds 100
//   get C         ask cell C what it holds
//   start F P     start the flow F; P is its program, below
//   go F V        signal V to it
//   ask F V       an update: it adds V to what it was asked, and says the sum
//   end F         wait for its result
//   cancel F, kill F, pause F, resume F, drop F
//   reset F       back to its beginning
//   fork F G      G from the beginning of F
//   carry F       export it, delete it, import it
//   killall P     a batch: terminate flows whose id begins with P
//   backup        into a directory of its own
//   rest MS       let housekeeping do its work
//   close         drain and close the node, and open it again
//   with O        the same with other options, separated by commas
//
// Options: window=none|64k|default, shards=N, stores=N, residents=N, strict,
// paranoid, v2 (newer definitions), ipc, tcp (ask over a socket), worker (of
// the task queue).
//
// A flow's program, a letter for each thing that it does:
//
//   c  activity     q  the same by the task queue   l  the same by token
//   a  three at once   t  step   v  value   s  sleep 1 ms   r  wait for a go
//   k  child "cvt"  m  signal 1 to the cell "m"   p  publish 2,000 bytes
//   n  begin again with the rest   f  fail   b  two branches

#ifndef WF_TESTS_SHIM_SCENE_H
#define WF_TESTS_SHIM_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCENE_WORD 64
#define SCENE_WORDS 4
#define SCENE_STATEMENTS_MAX 48
#define SCENE_CHILD "cvt"

struct scene {
    const char *name;
    const char *options;
    const char *program;
};

struct scene_statement {
    char words[SCENE_WORDS][SCENE_WORD]; // "" where there are no more
};

struct scene_program {
    struct scene_statement statements[SCENE_STATEMENTS_MAX];
    uint32_t count;
};

extern const struct scene scene_table[];
extern const uint32_t scene_count;

// It may take half a minute to recover: not for samples.
bool scene_is_slow(const struct scene *scene);
const struct scene *scene_find(const char *name); // NULL: there is none
// Ends the process if it is malformed.
void scene_parse(const struct scene *scene, struct scene_program *out_program);
bool scene_is(const struct scene_statement *statement, const char *verb);
int64_t scene_number(const struct scene_statement *statement, int word);
// The options that hold at that statement.
const char *scene_options_at(const struct scene *scene,
                             const struct scene_program *program, uint32_t at);

// What things give.

uint64_t scene_mix(uint64_t a, uint64_t b);
// Of the k-th thing that a flow does, counted over its runs.
uint64_t scene_gives(char letter, uint64_t k);
// The name of its j-th call there; also the id of the child.
void scene_call_name(const char *flow, uint64_t k, unsigned j,
                     char out[SCENE_WORD]);

#endif
