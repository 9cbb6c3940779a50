// SPDX-License-Identifier: Apache-2.0
//
// node.c - the ways into a node, what its parts tell each other, its threads,
// and its end.
//
//     clients --> shards --seal--> committers --> depots (store, log, beacon)
//                  |  ^ ^               |
//        tasks,    |  | +---committed---+        housekeeping, with the
//        loads     v  |                          supervisor, watches all
//              workers, loader
//
// Every part has one thread (workers have several) and one inbox. The parts
// know nothing of each other: each is given ports, which are here and push
// posts.
//
// The end, in this order. Each step relies on those before it:
//
//   1  requests are refused: those that come now are answered on the spot
//   2  workers end what runs and give back the rest; results go to the shards
//   3  shards make everything durable, save all rows, destroy their
//      partitions (on their own threads: stacks may not move) and end
//   4  housekeeping ends, then nothing is opened anew; committers, which have
//      nothing left; the loader, which gives back what it still has
//   5  stores are flushed and beacons written, on the closing thread
//   6  what is left in inboxes is answered or freed
//
// So a request is answered once: by its partition, or in step 6 by whoever
// finds it, in an inbox or among those its partition gave back.
//
// Threads: any, as weft/node.h says.

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // pthread_sigmask with _POSIX_C_SOURCE is enough; statvfs
#endif

#include <limits.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/blackbox.h"
#include "runtime/committer.h"
#include "runtime/definitions.h"
#include "runtime/housekeeping.h"
#include "runtime/load.h"
#include "runtime/loader.h"
#include "runtime/node_impl.h"
#include "runtime/partition.h"
#include "runtime/request.h"
#include "runtime/shard.h"
#include "runtime/task.h"
#include "runtime/workers.h"
#include "transport/link.h"
