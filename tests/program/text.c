// SPDX-License-Identifier: Apache-2.0
//
// text.c - a program as lines of text.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "program/program.h"

static const char *const calls[] = {
    "ok",  "flaky", "flaky after", "later",    "local",  "beats", "lost fails",
    "bad", "picky", "worn",        "late bad", "silent", "deaf",  "slow",
};
static const char *const queues[] = {"ok",   "flaky", "dead", "back",
                                     "late", "later", "bad",  "alone"};
static const char *const children[] = {
    "await",   "beside",  "started", "abandon", "ready", "ready try",
    "anywhen", "overdue", "twice",   "delayed", "early",
};
static const char *const branches[] = {"settled", "all",  "reverse",
                                       "success", "race", "even"};
static const char *const scopes[] = {"in time", "late", "hot", "cut"};

static void
print_how(FILE *file, const struct program_statement *statement)
{
    switch (statement->op) {
    case OP_CALL:
        (void)fprintf(file, " %s", calls[statement->how]);
        break;
    case OP_QUEUE:
        (void)fprintf(file, " %s", queues[statement->how]);
        break;
    case OP_CHILD:
        (void)fprintf(file, " %s", children[statement->how]);
        break;
    case OP_BRANCHES:
        (void)fprintf(file, " %s", branches[statement->how]);
        break;
    case OP_SCOPE:
        (void)fprintf(file, " %s", scopes[statement->how]);
        break;
    default:
        (void)fprintf(file, " %u", statement->how);
        break;
    }
}

static void
print_block(FILE *file, const struct program *program, uint8_t index, int depth)
{
    const struct program_statement *at = program_at(program, index);

    for (; at != NULL; at = program_at(program, at->next)) {
        (void)fprintf(file, "%*s%" PRIu32 ": %s", depth * 4, "",
                      program_index(program, at),
                      program_op_name((enum program_op)at->op));
        print_how(file, at);
        (void)fprintf(file, "  r%" PRIu64 " x%" PRIu64 " n%" PRIu32 "\n",
                      at->x % PROGRAM_REGISTERS, at->x % 100,
                      program_times(at));
        for (int i = 0; i < PROGRAM_BLOCKS; i++) {
            if (program_at(program, at->blocks[i]) == NULL) {
                continue;
            }
            (void)fprintf(file, "%*s  block %d\n", depth * 4, "", i);
            print_block(file, program, at->blocks[i], depth + 1);
        }
    }
}

char *
program_text(const struct program *program)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);

    if (file == NULL) {
        abort();
    }
    (void)fprintf(file,
                  "program of seed %" PRIu64 ", size %" PRIu32 "%s%s, %" PRIu32
                  " attempts\n",
                  program->source.seed, program->source.size,
                  program->source.is_alone != 0 ? ", alone" : "",
                  program->source.is_copied != 0 ? ", copied" : "",
                  program->attempts);
    print_block(file, program, program->first, 1);
    (void)fclose(file);
    return text;
}
