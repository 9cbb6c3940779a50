// SPDX-License-Identifier: Apache-2.0
//
// weather.h - what goes wrong in a world, when, and how often it did.

#ifndef WF_TESTS_SIM_WEATHER_H
#define WF_TESTS_SIM_WEATHER_H

#include <stdint.h>

struct world;

// X(NAME, what it is). None is the quiet one.
#define WEATHER_FAULTS(X)                                                      \
    X(NONE, "nothing")                                                         \
    X(CRASH, "a node crashes at some step")                                    \
    X(COMMIT_CRASH, "a node crashes at a commit")                              \
    X(DOWN, "a node stays down")                                               \
    X(LOST_WRITES, "a crash loses what was not synced")                        \
    X(SPLIT_COMMIT, "of a node's commits under way some are durable")          \
    X(TORN, "the log ends with a torn commit")                                 \
    X(WRITE_ERROR, "a write fails, done or not")                               \
    X(WRITE_STALL, "a write is refused for now")                               \
    X(READ_ERROR, "reads fail")                                                \
    X(FULL, "the disk is nearly full")                                         \
    X(NO_SPACE, "the disk is full")                                            \
    X(ROT_ROW, "a bit of a row turns over")                                    \
    X(ROT_LOG, "a bit of the log turns over")                                  \
    X(ROT_FOUND, "rot was read, and named")                                    \
    X(SLOW, "the disk takes seconds")                                          \
    X(CLOCK_FORWARD, "a clock jumps forward")                                  \
    X(CLOCK_BACK, "a clock jumps back")                                        \
    X(TIME_BACK, "a node opens, and its time has gone back")                   \
    X(PAUSE, "a node does not run for a while")                                \
    X(CUT, "what one node sends to another is lost")                           \
    X(FRAME_LOST, "a frame is lost")                                           \
    X(FRAME_DOUBLED, "a frame comes twice")                                    \
    X(FRAME_LATE, "a frame takes up to a minute")                              \
    X(STALE_DISK, "an older copy of a disk is brought back, and refused")

enum weather_fault {
#define X(name, text) WEATHER_##name,
    WEATHER_FAULTS(X)
#undef X
        WEATHER_FAULTS_COUNT,
};

const char *weather_fault_text(enum weather_fault fault);

// How often each was met.
struct weather_count {
    uint64_t met[WEATHER_FAULTS_COUNT];
};

// Count one.
void weather_meet(struct world *world, enum weather_fault fault);
// Something goes wrong, if it is time.
void weather_step(struct world *world);
// When weather_step has to be called; UINT64_MAX: never.
uint64_t weather_due(const struct world *world);
// All is well from here on, at once.
void weather_calm(struct world *world);
// Does what one node sends to the other get there?
int weather_is_cut(const struct world *world, uint32_t from, uint32_t to);

#endif
