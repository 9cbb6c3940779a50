// SPDX-License-Identifier: Apache-2.0
//
// rocks_rig.h - write files as RocksDB would, with what it would not write.

#ifndef WF_TESTS_UNIT_ROCKS_RIG_H
#define WF_TESTS_UNIT_ROCKS_RIG_H

#include <stdint.h>

#include "base/bytes.h"

// A number of seven bits a byte, the lowest first; so many bytes, the lowest
// first; a length and a text.
void rocks_rig_varint(struct wf_buf *buf, uint64_t value);
void rocks_rig_fixed(struct wf_buf *buf, uint64_t value, unsigned bytes);
void rocks_rig_text(struct wf_buf *buf, const char *text);

// The file dir/name, of one record. Empties buf.
void rocks_rig_record(const char *dir, const char *name, struct wf_buf *buf);

// dir/CURRENT, and the manifest that it names, of one record. Empties buf.
void rocks_rig_manifest(const char *dir, struct wf_buf *buf);

// The file dir/name, of these bytes. Empties buf.
void rocks_rig_file(const char *dir, const char *name, struct wf_buf *buf);

#endif
