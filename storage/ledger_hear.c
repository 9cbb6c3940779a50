// SPDX-License-Identifier: Apache-2.0
//
// ledger_hear.c - what nodes of a cluster without a database tell each other.
//
// A node never says more of its partitions than is durable in its ledger. So
// whoever is told more of them than it knows has an old ledger.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "storage/ledger_impl.h"

// Telling. --------------------------------------------------------------------

static void
tell_part(const struct wf_ledger *ledger, uint32_t partition,
          struct wf_ledger_known *out_known)
{
    const struct wf_ledger_place *place = &ledger->places[partition];
    const struct wf_ledger_part *part = &place->part;

    if (part->state < WF_LEDGER_MINE) {
        *out_known = place->heard;
        out_known->epoch = part->epoch;
        memcpy(out_known->owner, part->owner, sizeof(part->owner));
        return;
    }
    *out_known = (struct wf_ledger_known){
        .epoch = part->epoch,
        .last = part->last,
        .snapshot = place->snapshots[0],
        .is_idle = place->is_released || part->state == WF_LEDGER_GIVEN,
        .is_given = part->state == WF_LEDGER_GIVEN,
    };
    memcpy(out_known->owner, ledger->node_id, strlen(ledger->node_id));
    memcpy(out_known->wanted, part->wanted, sizeof(part->wanted));
}

void
wf_ledger_view(struct wf_ledger *ledger, struct wf_ledger_view *out_view)
{
    wf_ledger_view_fini(out_view);
    pthread_mutex_lock(&ledger->lock);
    memcpy(out_view->cluster_id, ledger->cluster_id,
           sizeof(out_view->cluster_id));
    (void)snprintf(out_view->teller, sizeof(out_view->teller), "%s",
                   ledger->node_id);
    out_view->nodes_count = ledger->heard.nodes_count;
    out_view->nodes =
        wf_alloc((ledger->heard.nodes_count + 1) * sizeof(*out_view->nodes));
    for (uint32_t i = 0; i < ledger->heard.nodes_count; i++) {
        out_view->nodes[i] = ledger->heard.nodes[i];
    }
    if (ledger->incarnation != 0) {
        wf_ledger_view_put(out_view, &ledger->self);
    }
    out_view->parts_count = ledger->partition_count;
    out_view->parts =
        wf_calloc(ledger->partition_count * sizeof(*out_view->parts));
    for (uint32_t i = 0; i < ledger->partition_count; i++) {
        tell_part(ledger, i, &out_view->parts[i]);
    }
    pthread_mutex_unlock(&ledger->lock);
}

// Hearing. --------------------------------------------------------------------

// From now on it acquires nothing, and nothing is appended. Said once.
static weft_err
lose(struct wf_ledger *ledger)
{
    if (ledger->lost == WEFT_OK) {
        ledger->lost = WEFT_ELOST;
        ledger->lost_text = wf_strdup(weft_err_detail());
        for (uint32_t i = 0; i < ledger->partition_count; i++) {
            ledger->places[i].is_acquired = false;
        }
    }
    return ledger->lost;
}

static weft_err
check_self(const struct wf_ledger *ledger, const struct wf_ledger_view *told)
{
    const struct wf_ledger_node *me =
        wf_ledger_view_find(told, ledger->node_id);

    if (me == NULL || me->row.incarnation <= ledger->before) {
        return WEFT_OK;
    }
    return wf_error(WEFT_ELOST,
                    "node %s has heard of start %" PRIu64
                    " of node %s, and this is start %" PRIu64
                    ": its directory is an old copy, or it runs twice",
                    told->teller, me->row.incarnation, ledger->node_id,
                    ledger->before);
}

static bool
is_more_than_mine(const struct wf_ledger *ledger,
                  const struct wf_ledger_part *mine,
                  const struct wf_ledger_known *told)
{
    bool is_self = strcmp(told->owner, ledger->node_id) == 0;

    switch (mine->state) {
    case WF_LEDGER_MINE:
        return told->epoch > mine->epoch ||
               (told->epoch == mine->epoch && told->last > mine->last);
    case WF_LEDGER_GIVEN:
        return told->epoch > mine->epoch
                   ? is_self
                   : told->epoch == mine->epoch && told->last > mine->last;
    case WF_LEDGER_NONE:
    case WF_LEDGER_COMING:
    case WF_LEDGER_STATES_COUNT:
        break;
    }
    return is_self && told->epoch >= mine->epoch;
}

static weft_err
check_parts(const struct wf_ledger *ledger, const struct wf_ledger_view *told)
{
    for (uint32_t i = 0; i < told->parts_count; i++) {
        const struct wf_ledger_part *mine = &ledger->places[i].part;
        const struct wf_ledger_known *known = &told->parts[i];

        if (is_more_than_mine(ledger, mine, known)) {
            return wf_error(
                WEFT_ELOST,
                "node %s has heard of commit %" PRIu64 " in epoch %" PRIu64
                " of partition %" PRIu32
                " by node %s, and node %s of commit %" PRIu64
                " in epoch %" PRIu64 ": its directory is an old copy",
                told->teller, known->last, known->epoch, i, known->owner,
                ledger->node_id, mine->last, mine->epoch);
        }
    }
    return WEFT_OK;
}

static weft_err
check_told(const struct wf_ledger *ledger, const struct wf_ledger_view *told)
{
    weft_err err = WEFT_OK;

    if (memcmp(told->cluster_id, ledger->cluster_id,
               sizeof(told->cluster_id)) != 0 ||
        told->parts_count != ledger->partition_count) {
        return wf_error(WEFT_EFORMAT, "node %s is of another cluster",
                        told->teller);
    }
    err = check_self(ledger, told);
    return err == WEFT_OK ? check_parts(ledger, told) : err;
}

// What the partition's row becomes; false: it stays as it is.
static bool
learn_part(const struct wf_ledger_known *told, struct wf_ledger_part *part,
           bool *out_is_gone)
{
    bool is_newer = told->epoch > part->epoch;

    // Who it was given to has it, or had: it is never ours again by this epoch.
    *out_is_gone = is_newer && part->state == WF_LEDGER_GIVEN;
    if (!is_newer || part->state == WF_LEDGER_MINE) {
        return false;
    }
    if (*out_is_gone) {
        *part = (struct wf_ledger_part){.first = 1};
    }
    part->epoch = told->epoch;
    memcpy(part->owner, told->owner, sizeof(part->owner));
    return true;
}

static void
learn_parts(struct wf_ledger *ledger, const struct wf_ledger_view *told,
            struct wf_ledger_part *parts, struct wf_batch *batch)
{
    for (uint32_t i = 0; i < told->parts_count; i++) {
        bool is_gone = false;

        parts[i] = ledger->places[i].part;
        if (learn_part(&told->parts[i], &parts[i], &is_gone)) {
            if (is_gone) {
                wf_ledger_cut_all(batch, i);
            }
            wf_ledger_put_part(batch, i, &parts[i]);
        }
    }
}

// A view has room for so many, and one of them is this node.
static bool
is_full(const struct wf_ledger *ledger)
{
    return ledger->heard.nodes_count + 1 >= WF_LEDGER_NODES_MAX;
}

static void
learn_nodes(struct wf_ledger *ledger, const struct wf_ledger_view *told,
            struct wf_batch *batch)
{
    for (uint32_t i = 0; i < told->nodes_count; i++) {
        const struct wf_ledger_node *node = &told->nodes[i];
        const struct wf_ledger_node *known =
            wf_ledger_view_find(&ledger->heard, node->row.id);

        if (strcmp(node->row.id, ledger->node_id) == 0 ||
            !wf_ledger_node_is_newer(node, told->teller, known) ||
            (known == NULL && is_full(ledger))) {
            continue;
        }
        if (known == NULL || known->row.incarnation != node->row.incarnation) {
            wf_ledger_put_node(batch, node);
        }
        wf_ledger_view_put(&ledger->heard, node);
    }
}

static void
keep(struct wf_ledger *ledger, const struct wf_ledger_view *told,
     const struct wf_ledger_part *parts)
{
    for (uint32_t i = 0; i < told->parts_count; i++) {
        struct wf_ledger_place *place = &ledger->places[i];

        if (wf_ledger_known_is_newer(&told->parts[i], told->teller,
                                     &place->heard)) {
            place->heard = told->parts[i];
        }
        if (parts[i].first != place->part.first) { // it is gone
            place->snapshots[0] = 0;
            place->snapshots[1] = 0;
        }
        place->part = parts[i];
    }
}

weft_err
wf_ledger_hear(struct wf_ledger *ledger, const struct wf_ledger_view *told)
{
    struct wf_ledger_part *parts =
        wf_calloc(ledger->partition_count * sizeof(*parts));
    struct wf_batch batch = {0};
    weft_err err;

    pthread_mutex_lock(&ledger->lock);
    err = wf_ledger_reopen(ledger);
    if (err == WEFT_OK) {
        err = check_told(ledger, told);
    }
    if (err == WEFT_ELOST) {
        err = lose(ledger);
    }
    if (err == WEFT_OK && strcmp(told->teller, ledger->node_id) != 0) {
        learn_nodes(ledger, told, &batch);
        learn_parts(ledger, told, parts, &batch);
        err = batch.count > 0 ? wf_ledger_write(ledger, &batch) : WEFT_OK;
        if (err == WEFT_OK) {
            keep(ledger, told, parts);
            ledger->has_heard = true;
        }
    }
    pthread_mutex_unlock(&ledger->lock);
    wf_batch_fini(&batch);
    wf_free(parts);
    return err;
}
