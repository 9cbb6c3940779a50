// SPDX-License-Identifier: Apache-2.0
//
// dir.h - the other half of test_dir, for main.c only.

#ifndef WF_TESTS_SUPPORT_DIR_H
#define WF_TESTS_SUPPORT_DIR_H

#include "support/test.h"

// Remove the test's directory, if it has one.
void test_dir_remove(struct test *t);

#endif
