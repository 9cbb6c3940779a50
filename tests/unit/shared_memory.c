// SPDX-License-Identifier: Apache-2.0
//
// shared_memory.c - the rig's database in memory, on a clock that stands.

#include "unit/shared_rig.h"

#include "base/alloc.h"
#include "storage/log_memory.h"

struct shared_rig {
    struct wf_memory_database *database;
};

static uint64_t
zero(void *self)
{
    (void)self;
    return 0;
}

struct shared_rig *
shared_rig_create(void)
{
    struct shared_rig *rig = wf_calloc(sizeof(*rig));
    struct wf_clock clock = {.wall_ms = zero, .mono_ns = zero};

    rig->database =
        wf_memory_database_create(SHARED_RIG_PARTITIONS, clock, true);
    return rig;
}

void
shared_rig_destroy(struct shared_rig *rig)
{
    wf_memory_database_destroy(rig->database);
    wf_free(rig);
}

void
shared_rig_log(struct shared_rig *rig, const char *node_id,
               uint64_t incarnation, struct wf_shared_log *out_log)
{
    wf_log_memory_open(rig->database, node_id, incarnation, out_log);
}

void
shared_rig_registry(struct shared_rig *rig, const char *node_id,
                    struct wf_registry *out_registry)
{
    wf_registry_memory_open(rig->database, node_id, out_registry);
}

void
shared_rig_expire(struct shared_rig *rig, const char *node_id)
{
    wf_memory_database_expire(rig->database, node_id);
}
