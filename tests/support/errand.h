// SPDX-License-Identifier: Apache-2.0
//
// errand.h - a kind "errand", a workflow that sleeps some rounds and then tells
// a "ledger", an actor, that it is done. A ledger counts each errand for
// itself, so that one which is lost, or done twice, shows. Any query of a
// ledger gives the struct ledger; what else it is sent, it answers with nothing
// and forgets.

#ifndef WF_TESTS_SUPPORT_ERRAND_H
#define WF_TESTS_SUPPORT_ERRAND_H

#include <stdint.h>

#include "weft/weft.h"

enum { LEDGERS = 16, LEDGER_ERRANDS = 1024, ERRAND_ID_SIZE = 24 };

// The input of an errand.
struct errand {
    uint32_t index; // below LEDGERS * LEDGER_ERRANDS
    uint32_t rounds;
    uint32_t pause_ms; // before each
};

struct ledger {
    uint8_t counts[LEDGER_ERRANDS]; // by index / LEDGERS: how often it was done
};

void errand_id(uint32_t index, char id[ERRAND_ID_SIZE]);
void ledger_id(uint32_t index, char id[ERRAND_ID_SIZE]);
weft_err errand_define(weft_definitions *definitions);

#endif
