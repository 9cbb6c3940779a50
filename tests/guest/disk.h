// SPDX-License-Identifier: Apache-2.0
//
// disk.h - a disk with a cache, whose power can be cut.
//
// It serves an image to QEMU, as a network block device on a local socket, from
// a process of its own. What is written is in the cache, and on the disk only
// once the guest has flushed it. When the guest is gone without a good-bye, the
// power was cut: of what was not flushed, each write is kept, lost or torn by
// chance, in any order.
//
// A guest flushes soon after it writes, so a cut that comes at any time finds
// most often nothing to lose. Hence disk_darken.

#ifndef WF_TESTS_GUEST_DISK_H
#define WF_TESTS_GUEST_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// One that does not listen to flushes says that it does: to show what that
// loses. The process ends when its one guest is gone and the image is settled,
// with status 0; what it did is a line on its standard output.
pid_t disk_start(const char *image, const char *socket, bool is_listening,
                 uint64_t random);

// Answer nothing any more, from one of the next writes on: it is in the cache
// alone then. The process is stopped once that is so: kill the guest then, and
// let the process go on. False: too few came in time.
bool disk_darken(pid_t disk, uint64_t timeout_us);

#endif
