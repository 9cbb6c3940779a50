// SPDX-License-Identifier: Apache-2.0
//
// registry_rows_postgres.h - what the tables of a registry say, as a map.
//
// Threads: as a connection's.

#ifndef WF_STORAGE_REGISTRY_ROWS_POSTGRES_H
#define WF_STORAGE_REGISTRY_ROWS_POSTGRES_H

#include "storage/postgres.h"
#include "storage/registry.h"

// The map's nodes, as they are now.
//
// WEFT_EIO, WEFT_ETIMEDOUT, ... as wf_postgres_run
weft_err wf_registry_rows_nodes(struct wf_postgres *postgres,
                                struct wf_registry_map *map);

// Its partitions, whose owners are among its nodes.
//
// WEFT_EFORMAT   a row is missing
// others         as wf_postgres_run
weft_err wf_registry_rows_parts(struct wf_postgres *postgres,
                                struct wf_registry_map *map);

#endif
