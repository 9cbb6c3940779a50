// SPDX-License-Identifier: Apache-2.0
//
// rows.h - do the rows of a site fit each other?
//
// One walk over all that its disk has. What an image says of rows of its own,
// of letters and of the wake index is there, and nothing else is; a link has
// the rows of its messages that are not acknowledged, and no others; who has
// something to do, or waits for an instant, is in the wake index in time.
//
// Found by it: a row that is forgotten when what it is of is gone, or goes too
// early, and whoever would sleep for ever after a crash.

#ifndef WF_TESTS_SIM_ROWS_H
#define WF_TESTS_SIM_ROWS_H

#include <stdint.h>

struct site;

// Stops the process at the first row that does not fit, which is printed. Only
// between steps of the site.
void rows_check(struct site *site);
// The same; and how many images there are of instances that are gone, of which
// nothing is in memory: nobody would ever remove them.
uint64_t rows_left_over(struct site *site);

#endif
