// SPDX-License-Identifier: Apache-2.0
//
// crowd_main.c - very many workflows, while nodes come, go and are killed.
//
//     nodes_crowd NODE_PROGRAM join|kill|replay|takeover
//         [ERRANDS [ROUNDS [PAUSE_MS]]]
//
// Each workflow must finish once, whatever happens. What calls had to wait is
// printed, and no more: it depends on the machine. crowd.h says what is done.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/crowd.h"

static uint32_t
number(int argc, char **argv, int index, uint32_t usual)
{
    return argc > index ? (uint32_t)strtoul(argv[index], NULL, 10) : usual;
}

int
main(int argc, char **argv)
{
    struct crowd_options options = {
        .errands = number(argc, argv, 3, 10000),
        .rounds = number(argc, argv, 4, 5),
        .pause_ms = number(argc, argv, 5, 8000),
        .lease_ms = 2000,
    };

    if (argc < 3) {
        (void)fprintf(stderr, "usage: nodes_crowd NODE_PROGRAM "
                              "join|kill|replay|takeover "
                              "[ERRANDS [ROUNDS [PAUSE_MS]]]\n");
        return 2;
    }
    options.program = argv[1];
    options.partitions = options.errands < 1000 ? 16 : 64;
    if (strcmp(argv[2], "replay") == 0) {
        return crowd_replay(&options) > 0;
    }
    if (strcmp(argv[2], "takeover") == 0) {
        return crowd_takeover(&options) > 0;
    }
    return strcmp(argv[2], "join") == 0 ? crowd_join(&options) > 0
                                        : crowd_kill(&options) > 0;
}
