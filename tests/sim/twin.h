// SPDX-License-Identifier: Apache-2.0
//
// twin.h - is what a crash would leave now the same as what is in memory?
//
// A second partition is recovered from the disk beside the living one, and
// every object that both have at the same record is compared, field by field:
// actors, routes, windows, and the partition itself. So each record is applied
// twice, once as it was made and once as it was read back, over whatever rows
// the store has of what came before.
//
// Found by it: a durable field that an image does not keep, an operation whose
// outcome depends on more than durable fields and its own bytes, a row that is
// saved too early, too late, or of another record than it says.

#ifndef WF_TESTS_SIM_TWIN_H
#define WF_TESTS_SIM_TWIN_H

struct site;
struct wf_actor;
struct wf_buf;

// Append the durable fields of an actor, a line each. Of letters that only rows
// have, here or in the other one, not the content.
void twin_print_actor(const struct wf_actor *actor,
                      const struct wf_actor *other, struct wf_buf *out);

// Stops the process at the first difference, which is printed. Only between
// steps of the site.
void twin_check(struct site *site);

#endif
