// SPDX-License-Identifier: Apache-2.0
//
// registry.c - the map of a cluster that registries hand out.
//
// Threads: none of its own.

#include "storage/registry.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

void
wf_registry_map_fini(struct wf_registry_map *map)
{
    wf_free(map->nodes);
    wf_free(map->parts);
    *map = (struct wf_registry_map){0};
}

int32_t
wf_registry_find(const struct wf_registry_map *map, const char *id)
{
    uint32_t low = 0;
    uint32_t high = map->nodes_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(map->nodes[middle].id, id);

        if (order == 0) {
            return (int32_t)middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -1;
}

weft_err
wf_registry_refuse_forget(const char *node_id, bool is_live,
                          uint64_t partitions)
{
    return is_live ? wf_error(WEFT_EBUSY, "node %s is live", node_id)
                   : wf_error(WEFT_EBUSY,
                              "node %s has %" PRIu64 " partitions, which "
                              "nobody has taken yet",
                              node_id, partitions);
}

uint32_t
wf_registry_record_max(const struct wf_registry_map *map)
{
    uint32_t least = UINT32_MAX;

    for (uint32_t i = 0; i < map->nodes_count; i++) {
        const struct wf_registry_node *node = &map->nodes[i];

        if (node->lease_ms > -WF_REGISTRY_BACK_MS && node->record_max < least) {
            least = node->record_max;
        }
    }
    return least;
}

weft_err
wf_registry_too_old(uint32_t record_max, uint32_t record_version)
{
    return wf_error(WEFT_EFORMAT,
                    "the cluster has records of version %" PRIu32
                    ", and this build reads up to %" PRIu32
                    ": all nodes were upgraded, and this one is too old",
                    record_version, record_max);
}
