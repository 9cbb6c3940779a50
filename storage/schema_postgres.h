// SPDX-License-Identifier: Apache-2.0
//
// schema_postgres.h - the tables of a cluster, and which version they are of.

#ifndef WF_STORAGE_SCHEMA_POSTGRES_H
#define WF_STORAGE_SCHEMA_POSTGRES_H

#include "storage/log_postgres.h"
#include "storage/postgres.h"

// What the schema says of itself, over a connection that is there.
//
// WEFT_ENOTFOUND   there is none
// WEFT_EFORMAT     another program's, or of a newer version, with which this
//                  build cannot work
// WEFT_EIO
weft_err wf_schema_read(struct wf_postgres *postgres,
                        struct wf_cluster_facts *out_facts);
// Make it, or bring an older one up to date.
//
// WEFT_EFORMAT, WEFT_EIO   as above
weft_err wf_schema_make(struct wf_postgres *postgres, uint32_t partition_count);

#endif
