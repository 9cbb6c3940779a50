// SPDX-License-Identifier: Apache-2.0
//
// damage.h - rows and records that have lost bytes, or have others in them.
//
// Whatever reads them must say so or take them for what they say; it must never
// read beyond them or stop the process, and a record that is cut is never taken
// for a whole one. Checksums are meant to see to it that no such bytes come
// here: this is for when they were written wrongly.

#ifndef WF_TESTS_SIM_DAMAGE_H
#define WF_TESTS_SIM_DAMAGE_H

struct site;

// Recover what is on the site's disk again and again, each time with other
// damage. Stops the process if a cut record is taken for a whole one.
void damage_check(struct site *site);

#endif
