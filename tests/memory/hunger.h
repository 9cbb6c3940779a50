// SPDX-License-Identifier: Apache-2.0
//
// hunger.h - a process in which one allocation fails.
//
// libmemory_hunger.so is loaded before everything else (LD_PRELOAD), so that
// what weft, RocksDB, ZeroMQ and all the others allocate goes through it. What
// it does is in a file that it maps, named by HUNGER_STATE, and whoever maps
// that too can tell it.

#ifndef WF_TESTS_MEMORY_HUNGER_H
#define WF_TESTS_MEMORY_HUNGER_H

#include <stdatomic.h>
#include <stdint.h>

#define HUNGER_NAME 64

struct hunger {
    _Atomic uint64_t nth;    // the one that fails, from 1; 0: none
    _Atomic uint64_t count;  // since nth was set
    _Atomic uint64_t hits;   // that have failed in this process
    char asker[HUNGER_NAME]; // the file of the library that asked for it
};

#endif
