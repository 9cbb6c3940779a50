// SPDX-License-Identifier: Apache-2.0
//
// cluster_shared.c - what a node shares with the others, from open to close.
//
// The order matters: facts first, so that a database of another schema is
// refused before anything is written; the log last, since it is opened for the
// incarnation that the registry gave when the node joined.

#include "cluster/cluster_shared.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cluster/peers.h"
#include "storage/log.h"
#include "storage/snapshots.h"

static weft_err
join(struct wf_cluster_shared *shared,
     const struct wf_cluster_settings *settings)
{
    struct wf_registry_node *self = &shared->self;
    const struct wf_clock *clock = &shared->postgres.clock;

    *self = (struct wf_registry_node){
        .protocol_min = WF_PEERS_PROTOCOL_MIN,
        .protocol_max = WF_PEERS_PROTOCOL_MAX,
        .record_max = WF_SEGMENT_VERSION_MAX,
    };
    (void)snprintf(self->id, sizeof(self->id), "%s", settings->node_id);
    (void)snprintf(self->endpoint, sizeof(self->endpoint), "%s",
                   settings->endpoint);
    (void)snprintf(self->service, sizeof(self->service), "%s",
                   settings->service);
    (void)snprintf(self->curve_key, sizeof(self->curve_key), "%s",
                   settings->keys.public_key);
    shared->joined_ns = clock->mono_ns(clock->self);
    return shared->registry.ops->join(shared->registry.self, self,
                                      settings->lease_ms);
}

static weft_err
open_database(struct wf_cluster_shared *shared,
              const struct wf_cluster_settings *settings)
{
    weft_err err = wf_postgres_look(&shared->postgres, &shared->facts);

    if (err == WEFT_OK) {
        err = wf_registry_postgres_open(&shared->postgres, &shared->registry);
    }
    if (err == WEFT_OK) {
        err = join(shared, settings);
    }
    if (err == WEFT_OK) {
        err = wf_log_postgres_open(&shared->postgres, shared->self.id,
                                   shared->self.incarnation, &shared->log);
    }
    return err;
}

// In place of a database: what is in data_dir.
static weft_err
open_local(struct wf_cluster_shared *shared,
           const struct wf_cluster_shared_options *given)
{
    struct wf_cluster_settings *settings = given->settings;
    struct wf_local_options options = {
        .database = settings->database,
        .node_id = settings->node_id,
        .data_dir = given->data_dir,
        .snapshots = settings->snapshots,
        .clock = given->clock,
        .trace = given->trace,
        .changed = given->changed,
        .ctx = given->ctx,
    };
    weft_err err = given->data_dir == NULL
                       ? wf_error(WEFT_EINVAL, "data_dir is missing")
                       : wf_local_open(&options, &shared->local);

    if (err != WEFT_OK) {
        return err;
    }
    if (settings->keys.secret_key[0] == '\0') {
        settings->keys = shared->local->list.keys;
    }
    memcpy(shared->facts.id, shared->local->cluster_id,
           sizeof(shared->facts.id));
    shared->facts.partition_count = shared->local->partition_count;
    shared->log = wf_ledger_log(shared->local->ledger);
    err = wf_registry_ledger_open(shared->local, NULL, &shared->registry);
    return err == WEFT_OK ? join(shared, settings) : err;
}

weft_err
wf_cluster_shared_open(const struct wf_cluster_shared_options *options,
                       struct wf_cluster_shared *out_shared)
{
    const struct wf_cluster_settings *settings = options->settings;

    *out_shared = (struct wf_cluster_shared){
        .postgres =
            {
                .conninfo = settings->database,
                .require_quorum = settings->require_quorum,
                .declared = settings->declared,
                .clock = options->clock,
                .trace = options->trace,
            },
    };
    return wf_exchange_is_list(settings->database)
               ? open_local(out_shared, options)
               : open_database(out_shared, settings);
}

weft_err
wf_cluster_shared_open_snapshots(struct wf_cluster_shared *shared,
                                 const char *where,
                                 struct wf_snapshots *out_files)
{
    if (shared->local != NULL) {
        return wf_local_open_snapshots(shared->local, out_files);
    }
    if (where == NULL || strcmp(where, "pg:") == 0) {
        return wf_snapshots_postgres_open(&shared->postgres, out_files);
    }
    return strcmp(where, "none") == 0
               ? WEFT_OK
               : wf_snapshots_open(where, shared->facts.id, out_files);
}

enum wf_durability
wf_cluster_shared_durability(const struct wf_cluster_shared *shared)
{
    return shared->local != NULL ? WF_DURABILITY_LOCAL
                                 : wf_log_postgres_durability(&shared->log);
}

void
wf_cluster_shared_stop(struct wf_cluster_shared *shared)
{
    shared->registry.ops->stop(shared->registry.self);
    shared->log.ops->stop(shared->log.self);
}

void
wf_cluster_shared_end(struct wf_cluster_shared *shared)
{
    if (shared->local != NULL) {
        wf_local_end(shared->local);
    }
}

void
wf_cluster_shared_leave(struct wf_cluster_shared *shared)
{
    if (shared->self.incarnation > 0) {
        (void)shared->registry.ops->leave(shared->registry.self);
    }
}

void
wf_cluster_shared_close(struct wf_cluster_shared *shared)
{
    if (shared->log.ops != NULL) {
        shared->log.ops->close(shared->log.self);
    }
    if (shared->registry.ops != NULL) {
        shared->registry.ops->close(shared->registry.self);
    }
    wf_local_close(shared->local);
}
