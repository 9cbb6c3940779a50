// SPDX-License-Identifier: Apache-2.0
//
// registry_ledger.c - a registry (storage/registry.h) of a cluster without a
// database: a node's own, or an operator's, who asks the nodes.
//
// There are no leases: nobody takes what is somebody else's. Who is_live is who
// answers, and is only good for whom to give partitions to.

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cluster/local.h"

enum { ASK_MS = 3000 };

struct wf_registry_ledger {
    struct wf_local *local;       // NULL: an operator's
    struct wf_exchange_list list; // an operator's
};

static weft_err join(void *self, struct wf_registry_node *node,
                     uint32_t ttl_ms);
static weft_err renew(void *self, bool is_draining);
static weft_err look(void *self, struct wf_registry_map *map);
static weft_err raise_records(void *self, uint32_t record_version);
static weft_err ready(void *self, uint32_t partition);
static weft_err want(void *self, uint32_t partition, const char *node_id);
static weft_err drain(void *self, const char *node_id, bool is_on);
static weft_err leave(void *self);
static weft_err forget(void *self, const char *node_id);
static weft_err forget_old(void *self, uint64_t silent_ms);
static void stop(void *self);
static void close_registry(void *self);

static const struct wf_registry_ops registry_ops = {
    .join = join,
    .renew = renew,
    .look = look,
    .ready = ready,
    .raise = raise_records,
    .want = want,
    .drain = drain,
    .leave = leave,
    .forget = forget,
    .forget_old = forget_old,
    .stop = stop,
    .close = close_registry,
};

weft_err
wf_registry_ledger_open(struct wf_local *local, const char *database,
                        struct wf_registry *out_registry)
{
    struct wf_registry_ledger *registry = wf_calloc(sizeof(*registry));
    weft_err err = WEFT_OK;

    registry->local = local;
    if (local == NULL) {
        err = wf_exchange_list_read(database, &registry->list);
    }
    if (err != WEFT_OK) {
        close_registry(registry);
        return err;
    }
    out_registry->ops = &registry_ops;
    out_registry->self = registry;
    return WEFT_OK;
}

static void
close_registry(void *self)
{
    struct wf_registry_ledger *registry = self;

    wf_exchange_list_wipe(&registry->list);
    wf_free(registry);
}

static const struct wf_exchange_list *
list_of(const struct wf_registry_ledger *registry)
{
    return registry->local == NULL ? &registry->list : &registry->local->list;
}

static void
stop(void *self)
{
    (void)self; // nothing here waits
}

static weft_err
join(void *self, struct wf_registry_node *node, uint32_t ttl_ms)
{
    struct wf_registry_ledger *registry = self;

    (void)ttl_ms;
    return wf_local_join(registry->local, node);
}

static weft_err
renew(void *self, bool is_draining)
{
    struct wf_registry_ledger *registry = self;

    if (is_draining) {
        wf_ledger_drain(registry->local->ledger, true);
    }
    return wf_exchange_await(registry->local->exchange, 0) == WEFT_ELOST
               ? WEFT_ECLOSED
               : WEFT_OK;
}

static weft_err
leave(void *self)
{
    (void)self;
    return WEFT_OK;
}

// Nobody could tell who knows of it still, or comes back from a long sleep.
static weft_err
forget(void *self, const char *node_id)
{
    (void)self;
    return wf_error(WEFT_EINVAL,
                    "node %s: without a database no name is forgotten",
                    node_id);
}

static weft_err
forget_old(void *self, uint64_t silent_ms)
{
    (void)self;
    (void)silent_ms;
    return WEFT_OK;
}

static weft_err
view_of(struct wf_registry_ledger *registry, struct wf_ledger_view *out_view)
{
    *out_view = (struct wf_ledger_view){0};
    if (registry->local == NULL) {
        return wf_exchange_look(&registry->list, ASK_MS, out_view);
    }
    wf_exchange_view(registry->local->exchange, out_view);
    return WEFT_OK;
}

static weft_err
look(void *self, struct wf_registry_map *map)
{
    struct wf_ledger_view view;
    weft_err err = view_of(self, &view);

    if (err == WEFT_OK) {
        wf_ledger_view_map(&view, map);
    }
    wf_ledger_view_fini(&view);
    return err;
}

// What all nodes read that are known is written; the map says so.
static weft_err
raise_records(void *self, uint32_t record_version)
{
    (void)self;
    (void)record_version;
    return WEFT_OK;
}

// Who asks for a partition shows by that how far it is.
static weft_err
ready(void *self, uint32_t partition)
{
    (void)self;
    (void)partition;
    return WEFT_OK;
}

// Where that node answers. WEFT_ENOTFOUND: it does not.
static weft_err
find_live(const struct wf_ledger_view *view, const char *id,
          const struct wf_ledger_node **out_node)
{
    const struct wf_ledger_node *node = wf_ledger_view_find(view, id);

    if (node == NULL || !node->row.is_live) {
        return wf_error(WEFT_ENOTFOUND, "there is no live node %s", id);
    }
    *out_node = node;
    return WEFT_OK;
}

static weft_err
want(void *self, uint32_t partition, const char *node_id)
{
    const struct wf_ledger_node *owner = NULL;
    const struct wf_ledger_node *target;
    struct wf_ledger_view view;
    weft_err err = view_of(self, &view);

    if (err == WEFT_OK && partition >= view.parts_count) {
        err = wf_error(WEFT_ENOTFOUND, "there is no partition %" PRIu32,
                       partition);
    }
    if (err == WEFT_OK && node_id != NULL) {
        err = find_live(&view, node_id, &target);
    }
    if (err == WEFT_OK) {
        err = find_live(&view, view.parts[partition].owner, &owner);
    }
    if (err == WEFT_OK) {
        err = wf_exchange_ask_want(list_of(self), owner->ledger, partition,
                                   node_id == NULL ? "" : node_id, ASK_MS);
    }
    wf_ledger_view_fini(&view);
    return err;
}

static weft_err
drain(void *self, const char *node_id, bool is_on)
{
    const struct wf_ledger_node *node = NULL;
    struct wf_ledger_view view;
    weft_err err = view_of(self, &view);

    if (err == WEFT_OK) {
        err = find_live(&view, node_id, &node);
    }
    if (err == WEFT_OK) {
        err = wf_exchange_ask_drain(list_of(self), node->ledger, is_on, ASK_MS);
    }
    wf_ledger_view_fini(&view);
    return err;
}
