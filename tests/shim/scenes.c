// SPDX-License-Identifier: Apache-2.0
//
// scenes.c - the table of scenes.

#include "shim/scene.h"

// clang-format off
const struct scene scene_table[] = {
    // Plain actors.
    {"first_open", "", "add a 1"},
    {"add", "", "add a 1; add a 2; add b 3; get a; get b"},
    {"add_no_window", "window=none", "add a 1; add a 2; add b 3; get a"},
    {"add_small_window", "window=64k", "add a 1; add a 2; add b 3; get a"},
    {"add_strict", "strict", "add a 1; add a 2; get a; add b 3"},
    {"many", "", "many a 60; many b 20; get a; get b"},
    {"move", "", "add a 50; move a b 7; move b a 2; move a c 5; get a"},
    {"tick", "", "tick a; tick a; tick b; add a 1"},
    {"big_spills", "window=64k", "big a 60; big b 20; rest 80; get a"},
    {"big_no_window", "window=none", "big a 30; get a; rest 60; add a 1"},
    // Workflows.
    {"start", "", "start f v; end f"},
    {"activity", "", "start f ccc; end f"},
    {"three_at_once", "", "start f ac; end f"},
    {"step", "", "start f tvt; end f"},
    {"sleep", "", "start f sss; end f"},
    {"signal", "", "start f rcr; go f 5; go f 6; end f"},
    {"child", "", "start f kk; end f"},
    {"branches", "", "start f bcb; end f"},
    {"again", "", "start f rncrnc; go f 1; go f 2; end f"},
    {"publish", "", "start f pcp; end f"},
    {"by_token", "", "start f lc; end f"},
    {"to_cells", "", "start f mcmm; end f; get a"},
    {"fails", "", "start f cf; end f; start g cr; go g 1; end g"},
    {"update", "", "start f rc; ask f 3; ask f 4; go f 1; end f"},
    {"update_again", "",
     "start f rnrc; ask f 3; go f 1; ask f 4; go f 2; end f"},
    // What operators do.
    {"cancel", "", "start f crc; cancel f; end f"},
    {"terminate", "", "start f ckrc; kill f; end f"},
    {"pause", "", "start f rc; pause f; go f 9; resume f; end f"},
    {"reset", "", "start f rcrk; go f 1; reset f; go f 2; end f"},
    {"reset_ended", "", "start f rct; go f 1; end f; reset f; end f"},
    {"fork", "", "start f rcr; go f 1; fork f g; go f 2; go g 3; end f; end g"},
    {"delete", "", "start f cr; drop f; add a 1; get a"},
    {"carry", "", "start f crc; carry f; go f 4; end f"},
    {"batch", "",
     "start xa r; start xb cr; start y rc; killall x; go y 1; end xa; end xb; "
     "end y"},
    // The task queue, and who asks from elsewhere.
    {"queue", "worker", "start f qcq; end f"},
    {"queue_ipc", "worker,ipc", "start f qq; add a 1; end f"},
    {"served_ipc", "ipc",
     "add a 1; many a 20; start f rc; go f 2; end f; get a"},
    {"served_tcp", "tcp",
     "add a 1; many a 20; start f rc; go f 2; end f; get a"},
    {"served_strict", "ipc,strict",
     "many a 20; get a; start f rkc; go f 1; end f"},
    // Stores and shards.
    {"two_stores", "stores=2,shards=2,window=64k",
     "add a 1; add b 2; add c 3; add d 4; move a b 5; move c d 6; get a"},
    {"four_stores", "stores=4,shards=2,window=none",
     "many a 20; many b 20; many c 20; start f kmm; end f"},
    {"stores_strict", "stores=3,shards=2,strict",
     "add a 1; add b 2; add c 3; move a b 1; start f mck; end f"},
    // Opening, closing, housekeeping.
    {"close", "", "add a 1; start f rc; close; add a 2; go f 1; end f; get a"},
    {"close_often", "window=none",
     "add a 1; close; add a 2; close; add a 3; close; get a"},
    {"other_windows", "window=none",
     "start f rcr; add a 1; with window=default; go f 1; add a 2; "
     "with window=64k; go f 2; end f; get a"},
    {"upgrade", "", "start f rcr; add a 1; go f 1; with v2; go f 2; add a 2; "
     "end f; get a"},
    {"trim", "window=64k", "big a 40; rest 120; big a 40; rest 120; get a"},
    {"evict", "residents=1,window=none",
     "add a 1; add b 2; add c 3; start f rc; add d 4; add a 5; go f 1; end f; "
     "get a"},
    {"paranoid", "paranoid,window=64k",
     "start f cstvkr; go f 2; end f; start g abn; end g"},
    {"backup", "",
     "add a 1; start f rc; backup; add a 2; go f 1; end f; get a"},
    {"backup_stores", "stores=3,shards=2,window=64k",
     "add a 1; add b 2; move a b 1; backup; add c 3; backup; add a 4; get c"},
    {"backup_strict", "strict", "many a 20; backup; many a 20; close; get a"},
};
// clang-format on

const uint32_t scene_count = sizeof(scene_table) / sizeof(scene_table[0]);
