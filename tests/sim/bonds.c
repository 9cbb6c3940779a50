// SPDX-License-Identifier: Apache-2.0
//
// bonds.c - does what a site has in memory fit itself? See bonds.h.

#include "sim/bonds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/route.h"
#include "runtime/update.h"
#include "runtime/workflow_impl.h"
#include "sim/world_impl.h"

// So many are tried for a place in memory at a time, at least.
#define TRIED_MIN 64

enum { PURPOSES = WF_PURPOSE_SWEEP + 1 };

struct bonds {
    const struct site *site;
    const struct wf_partition *partition;
    const struct wf_actor *actor; // that is looked at; NULL: none
    uint64_t loads[PURPOSES];     // that readers were asked for
    // Of all actors.
    uint64_t loading;
    uint64_t paging;
    uint64_t recovering;
    uint64_t holds;
};

static void
must(const struct bonds *bonds, bool is_true, const char *what)
{
    if (is_true) {
        return;
    }
    (void)fprintf(
        stderr, "sim: seed %llu, p%u, commit %llu: %s: %s\n",
        (unsigned long long)bonds->site->world->options.seed,
        bonds->site->index, (unsigned long long)bonds->site->world->commits,
        bonds->actor == NULL ? "its memory" : wf_key_id(&bonds->actor->key),
        what);
    abort();
}

// What is read. ---------------------------------------------------------------

static void
count_load(struct bonds *bonds, const struct wf_load *load)
{
    if (load->incarnation == bonds->partition->options.incarnation) {
        bonds->loads[load->purpose]++;
    }
}

static void
count_loads(struct bonds *bonds)
{
    const struct wf_list *loads = &bonds->partition->outputs.loads;
    const struct wf_heap *coming = &bonds->site->world->coming;
    const struct wf_list_node *node = wf_list_first(loads);

    for (; node != NULL; node = wf_list_next(loads, node)) {
        count_load(bonds, WF_CONTAINER(node, const struct wf_load, node));
    }
    for (size_t i = 1; i <= coming->count; i++) {
        const struct coming *next =
            WF_CONTAINER(coming->nodes[i], const struct coming, heap);

        if (next->type == COMING_LOAD && next->site == bonds->site->index) {
            count_load(bonds, next->load);
        }
    }
}

static void
check_loads(const struct bonds *bonds)
{
    const struct wf_partition *partition = bonds->partition;
    const uint64_t *loads = bonds->loads;

    must(bonds,
         partition->loads_under_way == loads[WF_PURPOSE_ACTOR] &&
             bonds->loading == loads[WF_PURPOSE_ACTOR],
         "readers were asked for more actors, or fewer, than wait for them");
    must(bonds, partition->loading.count == 0 || partition->loads_under_way > 0,
         "actors wait for a reader's turn, and no reader will come");
    must(bonds, bonds->paging == loads[WF_PURPOSE_MAILBOX],
         "readers were asked for more letters, or fewer, than are waited for");
    must(bonds, partition->lists.count == loads[WF_PURPOSE_LIST],
         "lists wait for rows that no reader was asked for");
    must(bonds, partition->is_reading_ahead == (loads[WF_PURPOSE_SLEEP] > 0),
         "the wake index is read by nobody, or without being noted");
    must(bonds,
         (partition->is_reading_ahead && partition->ready_from.len == 0) ||
             wf_heap_has(&partition->ahead.heap),
         "nobody will read the wake index again");
    must(bonds,
         (loads[WF_PURPOSE_SWEEP] > 0) != wf_heap_has(&partition->sweep.heap),
         "nobody will look again for those that are over");
    must(bonds, wf_heap_has(&partition->silence.heap),
         "nobody will look again for clients that are silent");
    must(bonds, partition->recovering == bonds->recovering,
         "more actors, or fewer, are recovered than was noted");
    must(bonds, partition->lists_later.count == 0 || partition->recovering > 0,
         "lists wait for a recovery that is over");
}

// Actors. ---------------------------------------------------------------------

// Would something be missing if it left memory? As residents.c has it.
static bool
is_needed(const struct wf_partition *partition, const struct wf_actor *actor)
{
    bool is_waited_for = actor->waiting.count + actor->results.count +
                             actor->joined.count + actor->watches.count +
                             actor->queries.count >
                         0;
    bool is_unsaved = wf_list_has(&actor->object.dirty) ||
                      actor->object.position > partition->durable_record ||
                      wf_list_has(&actor->spill);
    bool is_busy = actor->holds > 0 || actor->commands.list.count > 0 ||
                   wf_ready_has(&actor->ready) || actor->is_paging ||
                   wf_actor_is_due(actor) ||
                   (wf_actor_has_work(actor, partition->now_ms) &&
                    wf_actor_may_run(actor));
    bool is_remembered = wf_actor_is_nobody(actor) && actor->has_row &&
                         actor->object.position >= partition->redo_record;

    return is_waited_for || is_unsaved || is_busy || is_remembered;
}

static void
check_place(const struct bonds *bonds)
{
    const struct wf_partition *partition = bonds->partition;
    const struct wf_actor *actor = bonds->actor;
    bool is_loaded = actor->residency == WF_RESIDENCY_LOADED;
    bool is_dirty = wf_list_has(&actor->object.dirty);

    must(bonds, !is_loaded || is_dirty || wf_list_has(&actor->lru),
         "it is saved, and would never be let go");
    must(bonds, is_dirty || actor->object.unsaved_bytes == 0,
         "it is saved, and what it logged before counts still");
    must(bonds, !is_loaded || actor->waiting.count == 0,
         "it is in memory, and requests wait until it is");
    if (is_loaded && wf_list_has(&actor->lru) &&
        partition->actors.count > partition->options.residents_max &&
        partition->idle.count <= TRIED_MIN) {
        must(bonds, is_needed(partition, actor),
             "it could leave memory, and there are too many");
    }
}

static void
check_waiting(const struct bonds *bonds)
{
    const struct wf_actor *actor = bonds->actor;
    bool has_work = wf_actor_has_work(actor, bonds->partition->now_ms);
    const struct wf_list_node *node = wf_list_first(&actor->results);

    for (; node != NULL && !wf_actor_is_live(actor);
         node = wf_list_next(&actor->results, node)) {
        must(bonds,
             has_work && wf_request_waits_for_empty(
                             WF_CONTAINER(node, const struct wf_request, wait)),
             "it has ended, and somebody waits for that");
    }
    for (node = wf_list_first(&actor->joined); node != NULL;
         node = wf_list_next(&actor->joined, node)) {
        const struct wf_request *request =
            WF_CONTAINER(node, const struct wf_request, wait);
        const struct wf_update *update =
            wf_updates_find_id(&actor->updates, request->update_id);

        // One of a life before is asked again by the next turn.
        must(bonds,
             update == NULL ? has_work || actor->is_start_pending
                            : !update->is_done,
             "somebody waits for an update that is done, or is not there");
    }
    must(bonds,
         actor->retry_due <= bonds->partition->now_ms ||
             wf_heap_has(&actor->retry.heap),
         "its turn is to be tried again, and nobody will");
}

static void
check_updates(const struct bonds *bonds)
{
    const struct wf_updates *updates = &bonds->actor->updates;
    const struct wf_list_node *node = wf_list_first(&updates->all.list);
    uint32_t kept = 0;

    for (; node != NULL; node = wf_list_next(&updates->all.list, node)) {
        kept += WF_CONTAINER(node, const struct wf_update, node)->is_done;
    }
    // Those of the last record come on top.
    must(bonds, kept == updates->kept && kept <= 2 * WF_UPDATES_KEPT_MAX,
         "more updates are remembered, or fewer, than are counted");
}

static void
check_values(const struct bonds *bonds)
{
    const struct wf_publications *all = &bonds->actor->published;
    const struct wf_list_node *node = wf_list_first(&all->list);
    uint64_t bytes = 0;
    uint64_t rows = 0;

    for (; node != NULL; node = wf_list_next(&all->list, node)) {
        const struct wf_published *value =
            WF_CONTAINER(node, const struct wf_published, node);

        bytes += strlen(value->name) + value->value.len;
        rows += value->has_row ? 1 : 0;
    }
    must(bonds, bytes == all->bytes,
         "it has published more, or less, than is counted");
    must(bonds, rows == all->rows_count,
         "more values have rows, or fewer, than is counted");
    must(bonds, all->index.count == 0 || all->index.count == all->list.count,
         "values are missing in their index");
}

static void
check_mailbox(const struct bonds *bonds)
{
    const struct wf_mailbox *mailbox = &bonds->actor->mailbox;
    const struct wf_list_node *node = wf_list_first(&mailbox->letters);
    uint64_t bytes = 0;
    uint64_t unsaved = 0;

    for (; node != NULL; node = wf_list_next(&mailbox->letters, node)) {
        const struct wf_waiting *letter =
            WF_CONTAINER(node, const struct wf_waiting, node);

        bytes += letter->len;
        unsaved += letter->has_row ? 0 : 1;
    }
    must(bonds, bytes == mailbox->bytes,
         "its letters have more bytes, or fewer, than are counted");
    // A page may come to what is there.
    must(bonds,
         wf_list_has(&bonds->actor->spill) ||
             unsaved <= WF_MAILBOX_MEMORY_MAX + WF_MAILBOX_PAGE,
         "its letters fill memory, and none is to get a row");
}

static void
check_actor(struct bonds *bonds)
{
    const struct wf_actor *actor = bonds->actor;

    bonds->loading +=
        actor->residency == WF_RESIDENCY_LOADING && !actor->is_paging ? 1 : 0;
    bonds->paging += actor->is_paging ? 1 : 0;
    bonds->recovering += actor->is_recovering ? 1 : 0;
    bonds->holds += actor->holds;
    check_place(bonds);
    if (actor->residency == WF_RESIDENCY_LOADED) {
        check_waiting(bonds);
        check_updates(bonds);
        check_values(bonds);
        check_mailbox(bonds);
        must(bonds, actor->operations.count <= WF_OPERATIONS_MAX,
             "it remembers too much of what operators did");
    }
}

static void
check_actors(struct bonds *bonds)
{
    size_t cursor = 0;

    while ((bonds->actor = wf_table_next(&bonds->partition->actors, &cursor)) !=
           NULL) {
        check_actor(bonds);
    }
    must(bonds, bonds->partition->changed.count == 0,
         "somebody watches what has changed, and was not told");
    must(bonds, bonds->partition->spilled.count == 0,
         "letters have rows that are durable, and are in memory still");
}

static void
check_stacks(const struct bonds *bonds)
{
    const struct wf_list *stacks = &bonds->partition->stacks;
    const struct wf_list_node *node = wf_list_first(stacks);
    size_t branches = 0;

    for (; node != NULL; node = wf_list_next(stacks, node)) {
        branches +=
            WF_CONTAINER(node, const weft_workflow, lru)->branches.count;
    }
    must(bonds, branches == bonds->partition->branches,
         "there are more stacks, or fewer, than are counted");
    must(bonds, branches <= bonds->partition->options.stacks_max,
         "stacks are kept that there is no room for");
}

// What waits for commits. -----------------------------------------------------

static void
check_dirty(const struct bonds *bonds)
{
    const struct wf_list *dirty = &bonds->partition->dirty;
    const struct wf_list_node *node = wf_list_first(dirty);
    uint64_t record = bonds->partition->redo_record;
    uint64_t bytes = 0;

    for (; node != NULL; node = wf_list_next(dirty, node)) {
        const struct wf_object *object =
            WF_CONTAINER(node, const struct wf_object, dirty);

        must(bonds,
             object->dirty_record >= record && object->dirty_bytes >= bytes,
             "what is not saved is not in the order in which it changed");
        record = object->dirty_record;
        bytes = object->dirty_bytes;
    }
}

// Is something of that route held, which sends what there is when it leaves?
static bool
is_held(const struct wf_partition *partition, const struct wf_route *route)
{
    const struct wf_list_node *node = wf_list_first(&partition->held);

    for (; node != NULL; node = wf_list_next(&partition->held, node)) {
        const struct wf_held *held =
            WF_CONTAINER(node, const struct wf_held, node);

        if (held->type == WF_HELD_SEND && held->subject == route) {
            return true;
        }
    }
    return false;
}

static void
check_held(const struct bonds *bonds)
{
    const struct wf_list *held = &bonds->partition->held;
    const struct wf_list_node *node = wf_list_first(held);
    uint64_t record = bonds->partition->durable_record + 1;
    uint64_t actors = 0;

    for (; node != NULL; node = wf_list_next(held, node)) {
        const struct wf_held *one =
            WF_CONTAINER(node, const struct wf_held, node);

        must(bonds, one->record >= record,
             "what waits for its record is not in the order of those");
        record = one->record;
        actors += one->type == WF_HELD_ACTOR ? 1 : 0;
    }
    must(bonds, actors == bonds->holds,
         "more actors wait for their records, or fewer, than know it");
    must(bonds, bonds->partition->flush.count == 0,
         "a link has frames to send, and they were not sent");
}

// The first message behind that one; NULL: there is none.
static const struct wf_list_node *
first_behind(const struct wf_route *route, uint64_t seq)
{
    const struct wf_list_node *node = wf_list_first(&route->unacked);

    while (node != NULL &&
           WF_CONTAINER(node, const struct wf_outgoing, node)->seq <= seq) {
        node = wf_list_next(&route->unacked, node);
    }
    return node;
}

static void
check_route(const struct bonds *bonds, const struct wf_route *route)
{
    bool will_leave = is_held(bonds->partition, route);
    uint64_t rows_end = route->rows_to > 0 ? route->rows_to - 1 : 0;

    must(bonds,
         first_behind(route, route->acked) == wf_list_first(&route->unacked),
         "a link keeps messages that were acknowledged");
    must(bonds, route->unsent == first_behind(route, route->sent),
         "a link goes on with another message than the next");
    must(bonds, route->unsaved == first_behind(route, rows_end),
         "a link saves another message than the next");
    must(bonds,
         route->unacked.count == 0 || will_leave ||
             wf_heap_has(&route->resend.heap),
         "messages are not acknowledged, and will not be sent again");
    must(bonds, (!route->is_ack_due && !route->is_ask_due) || will_leave,
         "a link has something to say, and will not");
}

static void
check_routes(const struct bonds *bonds)
{
    for (uint32_t i = 0; i < bonds->partition->options.count; i++) {
        if (bonds->partition->routes[i] != NULL) {
            check_route(bonds, bonds->partition->routes[i]);
        }
    }
}

static void
check_windows(const struct bonds *bonds)
{
    const struct wf_window *window;
    size_t cursor = 0;

    while ((window = wf_table_next(&bonds->partition->windows, &cursor)) !=
           NULL) {
        for (size_t i = 0; i < window->count; i++) {
            const struct wf_answer *answer = &window->answers[i];

            must(bonds, i == 0 || answer[-1].number < answer->number,
                 "a client's requests are not in order");
            must(bonds, !answer->is_answered || answer->request == NULL,
                 "somebody waits for an answer that is there");
        }
    }
}

void
bonds_check(struct site *site)
{
    struct bonds bonds = {.site = site, .partition = site->partition};

    count_loads(&bonds);
    check_actors(&bonds);
    check_loads(&bonds);
    check_stacks(&bonds);
    check_dirty(&bonds);
    check_held(&bonds);
    check_routes(&bonds);
    check_windows(&bonds);
}
