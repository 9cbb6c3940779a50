// SPDX-License-Identifier: Apache-2.0
//
// registry_rows_postgres.c - what the tables of a registry say, as a map.

#include "storage/registry_rows_postgres.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/session_postgres.h"

static void
copy_text(char *to, size_t cap, const struct wf_postgres_rows *rows,
          uint32_t row, int column)
{
    snprintf(to, cap, "%s", wf_postgres_text(rows, row, column));
}

weft_err
wf_registry_rows_nodes(struct wf_postgres *postgres,
                       struct wf_registry_map *map)
{
    static const char sql[] =
        "SELECT node_id, endpoint, service, curve_key, incarnation,"
        " protocol_min, protocol_max, record_max, draining,"
        " lease_until > t, floor(extract(epoch FROM lease_until - t) * 1000)"
        "::bigint FROM weft.node, (SELECT clock_timestamp() AS t) c"
        " ORDER BY node_id COLLATE \"C\"";
    struct wf_postgres_rows *rows = NULL;
    weft_err err =
        wf_postgres_run(postgres, sql, NULL, WF_SESSION_LIMIT_MS, &rows);

    if (err != WEFT_OK) {
        return err;
    }
    map->nodes_count = wf_postgres_rows_count(rows);
    map->nodes = wf_calloc(map->nodes_count * sizeof(*map->nodes));
    for (uint32_t i = 0; i < map->nodes_count; i++) {
        struct wf_registry_node *node = &map->nodes[i];

        copy_text(node->id, sizeof(node->id), rows, i, 0);
        copy_text(node->endpoint, sizeof(node->endpoint), rows, i, 1);
        copy_text(node->service, sizeof(node->service), rows, i, 2);
        copy_text(node->curve_key, sizeof(node->curve_key), rows, i, 3);
        node->incarnation = wf_postgres_number(rows, i, 4);
        node->protocol_min = (uint32_t)wf_postgres_number(rows, i, 5);
        node->protocol_max = (uint32_t)wf_postgres_number(rows, i, 6);
        node->record_max = (uint32_t)wf_postgres_number(rows, i, 7);
        node->is_draining = wf_postgres_flag(rows, i, 8);
        node->is_live = wf_postgres_flag(rows, i, 9);
        node->lease_ms = (int64_t)wf_postgres_number(rows, i, 10);
    }
    wf_postgres_rows_destroy(rows);
    return WEFT_OK;
}

static int32_t
find_live(const struct wf_registry_map *map, const char *id)
{
    int32_t node = wf_registry_find(map, id);

    return node >= 0 && map->nodes[node].is_live ? node : -1;
}

// Whose process has ended since has it no more.
static int32_t
find_copy(const struct wf_postgres_rows *rows, uint32_t row,
          const struct wf_registry_map *map)
{
    int32_t node = find_live(map, wf_postgres_text(rows, row, 8));

    return node >= 0 && map->nodes[node].incarnation ==
                            wf_postgres_number(rows, row, 9)
               ? node
               : -1;
}

static void
fill_part(const struct wf_postgres_rows *rows, uint32_t row,
          struct wf_registry_map *map)
{
    struct wf_registry_part *part = &map->parts[row];

    part->epoch = wf_postgres_number(rows, row, 1);
    part->owner = wf_registry_find(map, wf_postgres_text(rows, row, 2));
    part->owner_incarnation = wf_postgres_number(rows, row, 3);
    part->wanted = find_live(map, wf_postgres_text(rows, row, 4));
    part->last = wf_postgres_number(rows, row, 5) - 1;
    part->snapshot = wf_postgres_number(rows, row, 6);
    part->ready = find_live(map, wf_postgres_text(rows, row, 7));
    part->copied = wf_postgres_number(rows, row, 10);
    part->copy = part->copied == 0 ? -1 : find_copy(rows, row, map);
}

weft_err
wf_registry_rows_parts(struct wf_postgres *postgres,
                       struct wf_registry_map *map)
{
    static const char sql[] =
        "SELECT p.id::bigint, p.epoch, coalesce(owner, ''),"
        " coalesce(owner_inc, 0), coalesce(want_owner, ''), next_lsn,"
        " snap_lsn, coalesce(ready_owner, ''), coalesce(c.node_id, ''),"
        " coalesce(c.incarnation, 0), coalesce(c.lsn, 0)"
        " FROM weft.part p LEFT JOIN weft.copy c ON c.part = p.id"
        " ORDER BY p.id";
    struct wf_postgres_rows *rows = NULL;
    weft_err err =
        wf_postgres_run(postgres, sql, NULL, WF_SESSION_LIMIT_MS, &rows);

    if (err != WEFT_OK) {
        return err;
    }
    map->parts_count = wf_postgres_rows_count(rows);
    map->parts = wf_calloc(map->parts_count * sizeof(*map->parts));
    for (uint32_t i = 0; i < map->parts_count; i++) {
        if (wf_postgres_number(rows, i, 0) != i) {
            err = wf_error(WEFT_EFORMAT,
                           "the database has no row of partition %" PRIu32, i);
            break;
        }
        fill_part(rows, i, map);
    }
    wf_postgres_rows_destroy(rows);
    return err;
}
