// SPDX-License-Identifier: Apache-2.0
//
// must.h - a program of these tests ends at once when something is not as it
// must be, and says what.

#ifndef WF_TESTS_NODES_MUST_H
#define WF_TESTS_NODES_MUST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "weft/error.h"

static inline void
must_be(weft_err err, weft_err wanted, const char *what)
{
    if (err != wanted) {
        (void)fprintf(stderr, "%s: %s and not %s, %s\n", what,
                      weft_err_name(err), weft_err_name(wanted),
                      weft_err_detail());
        exit(1);
    }
}

static inline void
must(weft_err err, const char *what)
{
    must_be(err, WEFT_OK, what);
}

static inline void
must_hold(bool is_true, const char *what)
{
    if (!is_true) {
        (void)fprintf(stderr, "not so: %s\n", what);
        exit(1);
    }
}

// A node's lines, behind its name, which ctx is.
static inline void
show_line(void *ctx, const char *line)
{
    (void)fprintf(stderr, "%s %s\n", (const char *)ctx, line);
}

#endif
