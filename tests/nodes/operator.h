// SPDX-License-Identifier: Apache-2.0
//
// operator.h - runs `weft cluster`, and looks at what it says.

#ifndef WF_TESTS_NODES_OPERATOR_H
#define WF_TESTS_NODES_OPERATOR_H

#include <stdbool.h>

void operator_init(const char *weft); // the program
// Run `weft cluster ...`. What it printed, stderr too, is kept.
__attribute__((format(printf, 1, 2))) int operator_run(const char *format, ...);
// Does that contain it?
bool operator_says(const char *text);
unsigned operator_count(const char *text); // how often
// Until `weft cluster status --json` says it.
bool operator_await(const char *database, const char *text);
void operator_check(bool is_true, const char *what);
int operator_failures(void);

#endif
