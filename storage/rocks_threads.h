// SPDX-License-Identifier: Apache-2.0
//
// rocks_threads.h - RocksDB's own threads give way to ours.
//
// They write what is logged to tables, for some 50 ms at a time. Where there is
// nothing else for a processor to do that costs nobody anything; where there
// is, turns and commits would share it with them half and half, and whoever
// waits for these would wait that long.

#ifndef WF_STORAGE_ROCKS_THREADS_H
#define WF_STORAGE_ROCKS_THREADS_H

// They are all there once a database is open. All of the process's are meant,
// also those of other databases in it: RocksDB shares them.
void wf_rocks_threads_give_way(void);

#endif
