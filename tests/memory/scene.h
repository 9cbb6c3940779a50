// SPDX-License-Identifier: Apache-2.0
//
// scene.h - what is done while an allocation fails: a call, under a setting.
//
// A scene is done again and again, as its item 1, 2, 3 and so on, each with a
// later allocation that fails. Whatever the call is, an item adds its number to
// the cell "c" once: so what the cell holds says whether all was done, once.

#ifndef WF_TESTS_MEMORY_SCENE_H
#define WF_TESTS_MEMORY_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/hunger.h"
#include "weft/serve.h"
#include "weft/weft.h"

#define SCENE_BIG (100 << 10)
#define SCENE_ID 48

// In a file that the loop and each process of a scene map.
struct scene_state {
    struct hunger hunger; // first: hunger.c maps no more
    uint64_t nth;         // that fails next
    uint64_t item;        // under way, or the last that was done
    uint64_t done;        // all up to this one are
    uint32_t attempt;     // of the item: 1 more each time that it was refused
    uint32_t is_covered;  // no allocation of the call is left
    uint64_t fine;        // outcomes: done all the same
    uint64_t refused;     // WEFT_ENOMEM, and done when asked again
    uint64_t unknown;     // done when asked again under the same number
    uint64_t died;        // the process, which said why
};

struct scene_setting {
    const char *name;
    int64_t window_bytes;
    uint32_t stores;
    uint32_t residents;
    bool is_strict;
    bool is_paranoid;
    bool is_remote;
    bool is_big; // payloads have SCENE_BIG bytes
};

struct scene;

// One process of a scene.
struct scene_play {
    struct scene_state *state;
    const struct scene_setting *setting;
    const char *root;
    weft_definitions *definitions;
    weft_node *node;
    weft_server *server;
    weft_client *client; // whose numbers are the scene's
    weft_client *reader; // any
    uint8_t payload[SCENE_BIG];
};

// Around the call: may be done again after a crash. NULL: nothing.
typedef weft_err scene_fn(struct scene_play *play, uint64_t item);

struct scene_call {
    const char *name;
    scene_fn *before; // what it needs
    scene_fn *call;   // while an allocation fails
    scene_fn *after;  // until the item's number is in the cell
};

extern const struct scene_call scene_calls[];
extern const uint32_t scene_calls_count;
extern const struct scene_setting scene_settings[];
extern const uint32_t scene_settings_count;

// The node and what is on it. May fail; then nothing is open.
weft_err scene_open_node(struct scene_play *play);
void scene_close_node(struct scene_play *play);
weft_err scene_open_client(struct scene_play *play, const char *id,
                           weft_client **out_client);
// What the cell holds.
weft_err scene_read_cell(struct scene_play *play, uint64_t *out_count,
                         uint64_t *out_sum);

weft_definitions *scene_define(void);

#endif
