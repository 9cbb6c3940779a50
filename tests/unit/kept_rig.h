// SPDX-License-Identifier: Apache-2.0
//
// kept_rig.h - a place where files of snapshots are kept, for test_kept.c:
// kept_dir.c has a directory, postgres/kept_postgres.c a database, s3/kept_s3.c
// a server that speaks S3.

#ifndef WF_TESTS_UNIT_KEPT_RIG_H
#define WF_TESTS_UNIT_KEPT_RIG_H

#include <stdint.h>

#include "storage/snapshots.h"
#include "support/test.h"

struct kept_rig;

struct kept_rig *kept_rig_create(struct test *t); // nothing is kept there
void kept_rig_destroy(struct kept_rig *rig);
void kept_rig_open(struct kept_rig *rig, struct wf_snapshots *out_snapshots);

// What happens there while nobody looks, to a file that is there.
void kept_rig_lose(struct kept_rig *rig, const uint8_t *hash);
void kept_rig_damage(struct kept_rig *rig, const uint8_t *hash); // one byte
void kept_rig_age(struct kept_rig *rig, const uint8_t *hash);    // by two hours

#endif
