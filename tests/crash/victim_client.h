// SPDX-License-Identifier: Apache-2.0
//
// victim_client.h - one client of the victim: a thread and a ledger.

#ifndef WF_TESTS_CRASH_VICTIM_CLIENT_H
#define WF_TESTS_CRASH_VICTIM_CLIENT_H

#include <stdatomic.h>
#include <stdint.h>

#include "weft/weft.h"

enum victim_mode {
    VICTIM_WORK,   // go on for ever
    VICTIM_FINISH, // nothing new; leave when everything is answered
    VICTIM_STOP    // leave now
};

// What all clients share.
struct victim_run {
    const char *dir;
    weft_node *node;
    _Atomic int mode; // enum victim_mode
};

struct victim_client;

// Reads the client's ledger and starts its thread.
struct victim_client *victim_client_start(struct victim_run *run,
                                          unsigned index);
// Waits until it leaves. Returns how many jobs it ever began.
uint32_t victim_client_join(struct victim_client *client);

#endif
