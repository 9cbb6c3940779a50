// SPDX-License-Identifier: Apache-2.0
//
// strange.h - kinds of a cluster's nodes beside accounts: "gate", a workflow
// that waits for the signal "go"; "asker", one that has its input doubled by
// the workers of the queue "hands"; "fatal", an actor whose code ends its
// process soon after the signal "arm", whichever process that is.

#ifndef WF_TESTS_NODES_STRANGE_H
#define WF_TESTS_NODES_STRANGE_H

#include "weft/weft.h"

#define STRANGE_QUEUE "hands"

weft_err strange_define(weft_definitions *definitions);
// What its workers need.
weft_err strange_define_hands(weft_definitions *definitions);

#endif
