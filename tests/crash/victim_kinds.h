// SPDX-License-Identifier: Apache-2.0
//
// victim_kinds.h - the victim's accounts and programs.

#ifndef WF_TESTS_CRASH_VICTIM_KINDS_H
#define WF_TESTS_CRASH_VICTIM_KINDS_H

#include "crash/plan.h"
#include "program/run.h"
#include "support/account.h"
#include "weft/weft.h"

// Opens the files of effects and tokens in dir. The definitions are the
// caller's.
weft_definitions *victim_definitions(const char *dir);

#endif
