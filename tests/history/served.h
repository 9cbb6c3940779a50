// SPDX-License-Identifier: Apache-2.0
//
// served.h - a node with the objects of kinds.h, in a process of its own.

#ifndef WF_TESTS_HISTORY_SERVED_H
#define WF_TESTS_HISTORY_SERVED_H

#include <stdbool.h>

#include "support/child.h"

struct served {
    char endpoint[330];
    char log[330];
    const char *window; // "none", "default" or bytes
    const char *stores;
    const char *residents;
    struct child child;
};

// At the beginning of main: if this is that process, it is it, for good.
void served_become(int argc, char **argv);
// Does not wait until it is open.
void served_start(struct served *served, const char *data_dir);
void served_kill(struct served *served);
bool served_has_ended(struct served *served);
// It closes its node. Returns its status, which is not 0 if its audit found
// actors that nothing would wake.
int served_stop(struct served *served);

#endif
