// SPDX-License-Identifier: Apache-2.0
//
// audit.c - is there an actor that nothing would ever wake? There must be none:
// whoever has something to do is ready, or has an alarm, or waits for what is
// under way.

#include "base/assert.h"
#include "runtime/partition.h"
#include "runtime/partition_impl.h"
#include "runtime/policy.h"
#include "weft/task_queue.h"

// Is there what its attempts are given to, on this node?
static bool
has_taker(const struct wf_partition *partition,
          const struct wf_command *command)
{
    const weft_definitions *definitions = partition->options.definitions;

    if (wf_policy_queue(command->options).len > 0) {
        return wf_definitions_find(definitions, WEFT_TASK_QUEUE_KIND) != NULL;
    }
    return wf_definitions_find_activity(definitions, command->name) != NULL;
}

// Queries that wait do so for turns to come, or for letters to be read.
static bool
waits_in_vain(const struct wf_actor *actor)
{
    return actor->queries.count > 0 && !wf_ready_has(&actor->ready) &&
           !actor->is_paging && !wf_heap_has(&actor->retry.heap);
}

// Will something wake it, if it has something to do?
static bool
has_waker(const struct wf_partition *partition, const struct wf_actor *actor)
{
    const struct wf_list_node *node = wf_list_first(&actor->commands.list);

    if (waits_in_vain(actor)) {
        return false;
    }
    if (wf_actor_is_due(actor)) {
        return wf_ready_has(&actor->ready);
    }
    if (!wf_actor_may_run(actor) ||
        (wf_actor_is_live(actor) && !wf_actor_has_code(actor))) {
        return true; // held up by an operator or an error, visibly
    }
    if ((wf_actor_is_delayed(actor, partition->now_ms) &&
         !wf_heap_has(&actor->begin.heap)) ||
        (wf_actor_deadline(actor) != 0 &&
         !wf_heap_has(&actor->deadline.heap))) {
        return false;
    }
    if (wf_actor_has_work(actor, partition->now_ms) &&
        !wf_ready_has(&actor->ready) && !wf_heap_has(&actor->retry.heap) &&
        !actor->is_paging) {
        return false;
    }
    for (; node != NULL; node = wf_list_next(&actor->commands.list, node)) {
        const struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, node);
        bool is_known =
            command->task != NULL || wf_heap_has(&command->alarm.heap) ||
            command->is_deferred || command->is_paused ||
            command->record > partition->durable_record ||
            (command->kind == WF_COMMAND_STEP && wf_list_has(&actor->steps)) ||
            (command->kind == WF_COMMAND_ACTIVITY &&
             !has_taker(partition, command));
        if (!is_known) {
            return false;
        }
    }
    return true;
}

uint64_t
wf_partition_audit(struct wf_partition *partition)
{
    struct wf_actor *actor;
    size_t cursor = 0;
    uint64_t lost = 0;

    WF_ASSERT(partition->durable_record <= partition->sealed_record); // P1
    WF_ASSERT(partition->sealed_record <= partition->last_record);    // P1
    while ((actor = wf_table_next(&partition->actors, &cursor)) != NULL) {
        wf_actor_check(actor);
        if (actor->residency == WF_RESIDENCY_LOADED &&
            !has_waker(partition, actor)) {
            wf_note(partition, &actor->key, "stuck", "nothing will wake it");
            lost++;
        }
    }
    partition->stats.audit_failures += lost;
    return lost;
}
