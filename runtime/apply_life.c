// SPDX-License-Identifier: Apache-2.0
//
// apply_life.c - operations that begin an instance and its runs, end them, and
// hold them up.

#include "base/alloc.h"
#include "runtime/apply_impl.h"
#include "runtime/child.h"
#include "runtime/image.h"
#include "runtime/signals.h"
#include "runtime/start.h"

// The run is over: signals that it did not receive come before what is in the
// mailbox, in the order in which they came.
static void
put_back_signals(struct wf_apply *apply)
{
    struct wf_signals signals;

    wf_signals_init(&signals, &apply->actor->journal);
    for (size_t i = signals.count; i > 0 && !apply->ops.failed; i--) {
        if (!signals.entries[i - 1].is_received) {
            wf_apply_put_first(apply, signals.entries[i - 1].letter);
        }
    }
    wf_signals_fini(&signals);
}

static void
apply_create(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_reader *ops = &apply->ops;
    struct wf_start start;
    weft_bytes parent;
    // A start that kills the process dies with it, and is asked again: the
    // deaths before it became durable count.
    uint32_t crashes = actor->status == WEFT_STATUS_NONE ? actor->crashes : 0;
    char *how = wf_strdup(crashes == 0 ? "" : actor->reason);

    if (actor->status == WEFT_STATUS_NONE) {
        put_back_signals(apply); // that came before the start
    }
    wf_apply_remove_waits(apply);
    wf_actor_clear(actor);
    actor->crashes = crashes;
    wf_own_text(&actor->reason, weft_text(how));
    wf_free(how);
    actor->status = WEFT_STATUS_RUNNING;
    actor->version = (uint32_t)wf_reader_varint(ops);
    actor->run = wf_reader_varint(ops);
    actor->origin_run = actor->run;
    actor->seed = wf_reader_varint(ops);
    actor->origin_seed = actor->seed;
    parent = wf_reader_bytes(ops);
    actor->parent_run = wf_reader_varint(ops);
    actor->parent_call = (uint32_t)wf_reader_varint(ops);
    if (parent.len > 0 && !wf_key_decode(parent, &actor->parent)) {
        ops->failed = true;
    }
    wf_own_bytes(&actor->input, wf_reader_bytes(ops));
    wf_own_bytes(&actor->options, wf_reader_bytes(ops));
    if (!wf_start_decode(actor->options, &start)) {
        ops->failed = true;
        return;
    }
    wf_own_bytes(&actor->memo, start.memo);
    actor->created_at_ms = apply->now_ms;
    actor->begins_at_ms = wf_start_after(apply->now_ms, start.start_delay_ms);
    actor->run_begins_at_ms = actor->begins_at_ms;
    actor->attempt = 1;
    actor->is_start_pending = true;
    wf_apply_look_for_orders(apply);
    wf_apply_end_retry(apply);
}

static void
begin_run(struct wf_apply *apply, uint64_t begins_at_ms, uint32_t attempt)
{
    struct wf_actor *actor = apply->actor;
    struct wf_buf options = {0};

    // Code that runs again must see the memo that its run began with.
    wf_start_put_memo(actor->options, actor->memo, &options);
    wf_own_bytes(&actor->options, wf_buf_bytes(&options));
    wf_buf_fini(&options);
    wf_child_owe_all(actor, 0);
    wf_apply_remove_waits(apply);
    wf_journal_fini(&actor->journal);
    actor->run++;
    actor->origin_run = actor->run;
    actor->origin_seed = actor->seed;
    actor->attempt = attempt;
    actor->run_begins_at_ms = begins_at_ms;
    actor->next_id = 0;
    actor->is_start_pending = true;
}

static void
apply_restart(struct wf_apply *apply)
{
    weft_bytes input = wf_reader_bytes(&apply->ops);
    weft_bytes first = wf_reader_bytes(&apply->ops);

    put_back_signals(apply);
    if (first.len > 0) {
        wf_apply_put_first(apply, first);
    }
    wf_own_bytes(&apply->actor->input, input);
    begin_run(apply, apply->now_ms, 1);
}

static void
apply_run_again(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    uint64_t begins_at_ms = wf_reader_varint(&apply->ops);

    put_back_signals(apply);
    begin_run(apply, begins_at_ms, actor->attempt + 1);
    wf_own_bytes(&actor->state, weft_nothing());
    wf_own_text(&actor->reason, wf_reader_bytes(&apply->ops));
    actor->is_parked = false;
    actor->failed_attempts = 0;
    actor->crashes = 0;
    wf_apply_end_retry(apply);
}

static void
apply_finish(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    weft_bytes name;
    weft_bytes text;
    weft_bytes data;
    weft_bytes causes;

    put_back_signals(apply);
    wf_child_owe_all(actor, 0);
    wf_apply_remove_waits(apply);
    actor->status = (weft_status)wf_reader_varint(&apply->ops);
    data = wf_reader_bytes(&apply->ops);
    name = wf_reader_bytes(&apply->ops);
    text = wf_reader_bytes(&apply->ops);
    causes = wf_reader_bytes(&apply->ops);
    if (actor->status == WEFT_STATUS_COMPLETED) {
        wf_own_bytes(&actor->result, data);
    } else {
        wf_own_bytes(&actor->failure_details, data);
        wf_own_text(&actor->failure_name, name);
        wf_own_text(&actor->failure_message, text);
        wf_own_bytes(&actor->failure_causes, causes);
    }
    actor->finished_at_ms = apply->now_ms;
    actor->is_start_pending = false;
    actor->is_parked = false;
    actor->is_paused = false;
    actor->is_end_asked = false; // so it was; a reset may begin it anew
    actor->is_left = false;
    wf_own_text(&actor->reason, weft_nothing());
    wf_apply_end_retry(apply);
}

// Timers keep their instants; what an activity's attempt did elsewhere nobody
// knows, so it counts as lost.
static void
apply_import(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_list_node *node;

    wf_apply_remove_waits(apply);
    wf_apply_end_retry(apply);
    wf_actor_clear(actor);
    actor->outlived_to = 0; // it is of lives that were here
    if (!wf_image_unpack(actor, wf_reader_bytes(&apply->ops))) {
        apply->ops.failed = true;
        return;
    }
    wf_residents_set_alarms(apply->partition, actor);
    for (node = wf_list_first(&actor->commands.list); node != NULL;
         node = wf_list_next(&actor->commands.list, node)) {
        struct wf_command *command =
            WF_CONTAINER(node, struct wf_command, node);

        command->is_offered = false; // the queue of this store knows nothing
        command->offers = 0;
        command->offered_ms = 0;
        wf_commands_touch(command, apply->record);
    }
}

static void
apply_retry(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;

    actor->failed_attempts = (uint32_t)wf_reader_varint(&apply->ops);
    actor->retry_due = wf_reader_varint(&apply->ops);
    wf_own_text(&actor->reason, wf_reader_bytes(&apply->ops));
    wf_alarm_set(apply->partition, &actor->retry, actor->retry_due);
}

static void
apply_resume(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;
    struct wf_list_node *node = wf_list_first(&actor->commands.list);

    actor->is_parked = false;
    actor->is_paused = false;
    actor->failed_attempts = 0;
    actor->crashes = 0;
    wf_own_text(&actor->reason, weft_nothing());
    wf_apply_end_retry(apply);
    // They go on, and so begin no attempt before that is durable.
    for (; node != NULL; node = wf_list_next(&actor->commands.list, node)) {
        wf_commands_touch(WF_CONTAINER(node, struct wf_command, node),
                          apply->record);
    }
}

// A replay begins with the attributes that the run began with: those of its
// start, or of the run before.
static void
apply_started(struct wf_apply *apply)
{
    struct wf_actor *actor = apply->actor;

    wf_own_bytes(&actor->attributes_begun, actor->attributes);
    actor->is_start_pending = false;
    actor->failed_attempts = 0;
    actor->crashes = 0;
    wf_apply_end_retry(apply);
}

// tidy: long, one case per operation
void
wf_apply_life(struct wf_apply *apply, enum wf_op op)
{
    struct wf_actor *actor = apply->actor;

    switch (op) {
    case WF_OP_CREATE:
        apply_create(apply);
        break;
    case WF_OP_STARTED:
        apply_started(apply);
        break;
    case WF_OP_BEGIN:
        actor->begins_at_ms = apply->now_ms;
        actor->run_begins_at_ms = apply->now_ms;
        break;
    case WF_OP_RESTART:
        apply_restart(apply);
        break;
    case WF_OP_RUN_AGAIN:
        apply_run_again(apply);
        break;
    case WF_OP_FINISH:
        apply_finish(apply);
        break;
    case WF_OP_IMPORT:
        apply_import(apply);
        break;
    case WF_OP_FORK:
        wf_apply_fork(apply);
        break;
    case WF_OP_REMOVE:
        wf_apply_remove_waits(apply);
        wf_apply_end_retry(apply);
        wf_actor_clear(actor);
        break;
    case WF_OP_OUTLIVED:
        actor->outlived_to = actor->mailbox.next_seq;
        break;
    case WF_OP_RETRY:
        apply_retry(apply);
        break;
    case WF_OP_CRASHED:
        actor->crashes++;
        wf_own_text(&actor->reason, wf_reader_bytes(&apply->ops));
        break;
    case WF_OP_PARK:
        actor->is_parked = true;
        wf_own_text(&actor->reason, wf_reader_bytes(&apply->ops));
        break;
    case WF_OP_PAUSE:
        actor->is_paused = true;
        break;
    case WF_OP_RESUME:
        apply_resume(apply);
        break;
    case WF_OP_CANCEL_ASKED:
        actor->is_cancel_asked = true;
        break;
    default:
        apply->ops.failed = true;
        break;
    }
}
