// SPDX-License-Identifier: Apache-2.0
//
// guest.h - a machine that the victim lives on: booted, cut, and looked at.
//
// Its directory, the loop's, has
//   disk.img     what the victim's node is on, served by disk.h
//   record.img   what the victim's clients ask and are told: a cut takes
//                nothing from it that was written, for it is with the host
//   record/      the files of record.img, as crash_check reads them
//   log          what the guest's console said

#ifndef WF_TESTS_GUEST_GUEST_H
#define WF_TESTS_GUEST_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crash/loop.h"

struct guest {
    struct loop loop; // its random numbers, directory and log
    const char *kernel;
    const char *initrd;
    const char *accel;  // "kvm" or "tcg"
    const char *fs;     // "ext4" or "xfs"
    const char *mount;  // options of the mount, or ""
    const char *victim; // how its node is opened
    bool is_synced;     // if not, its syncs do nothing
    bool is_listening;  // if not, the disk does not listen to flushes
    pid_t qemu;
    pid_t disk;
};

// Choose how guests are run: with the processor's help if it is of any. Some
// have the device and hang, so it is tried.
void guest_choose_accel(struct guest *guest);

// A new directory with empty disks.
bool guest_make(struct guest *guest);

// Start it; the lives of the victim are its options, with "then" between them.
void guest_boot(struct guest *guest, const char *lives);
// Until the victim begins. False, and it is said: it does not.
bool guest_wait_begin(struct guest *guest);
// Take the power away, `us` later. False, and it is said: it ended by itself.
bool guest_cut(struct guest *guest, uint64_t us);
// Until it has ended by itself, well. Says nothing if not.
bool guest_wait_end(struct guest *guest);

// Bring record/ up to date. Returns how many answers are in it.
uint32_t guest_read_record(struct guest *guest);

#endif
