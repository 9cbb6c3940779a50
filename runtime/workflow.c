// SPDX-License-Identifier: Apache-2.0
//
// workflow.c - activations: events reach the code, turns run it, and what it
// did becomes one record.

#include "runtime/workflow.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/fault.h"
#include "runtime/stack.h"
#include "runtime/workflow_impl.h"

// Memory. -------------------------------------------------------------------

void *
wf_workflow_memory(weft_workflow *wf, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    struct wf_arena_block *block = wf->arena;
    void *memory;

    if (block == NULL || block->size - block->used < rounded) {
        size_t room = rounded > 1024 ? rounded : 1024;

        block = wf_alloc(sizeof(*block) + room);
        block->next = wf->arena;
        block->size = room;
        block->used = 0;
        wf->arena = block;
    }
    memory = block->bytes + block->used;
    block->used += rounded;
    return memory;
}

weft_bytes
wf_workflow_keep(weft_workflow *wf, weft_bytes bytes)
{
    void *memory;

    if (bytes.len == 0) {
        return weft_nothing();
    }
    memory = wf_workflow_memory(wf, bytes.len);
    memcpy(memory, bytes.data, bytes.len);
    return weft_bytes_of(memory, bytes.len);
}

const char *
wf_workflow_keep_text(weft_workflow *wf, weft_bytes text)
{
    char *memory = wf_workflow_memory(wf, text.len + 1);

    if (text.len > 0) {
        memcpy(memory, text.data, text.len);
    }
    memory[text.len] = '\0';
    return memory;
}

// The code. -----------------------------------------------------------------

static void
run_deferred(weft_workflow *wf)
{
    while (wf->deferred != NULL) {
        struct wf_deferred *deferred = wf->deferred;

        wf->deferred = deferred->next;
        deferred->fn(deferred->ctx);
    }
}

static void
run_code(struct wf_stack *stack, void *ctx)
{
    weft_workflow *wf = ctx;

    (void)stack;
    if (!wf->is_unwinding) {
        wf->outcome = wf->kind->workflow.run(wf, wf->actor->input);
    }
    run_deferred(wf);
    wf->is_done = true;
}

void
wf_workflow_resume(weft_workflow *wf)
{
    const struct wf_partition_options *options = &wf->partition->options;

    wf_error_clear();
    if (options->watch != NULL) {
        options->watch(options->watch_ctx, &wf->actor->key, "");
    }
    wf_stack_resume(wf->stack);
    if (options->watch != NULL) {
        options->watch(options->watch_ctx, NULL, "");
    }
}

weft_workflow *
wf_workflow_create(struct wf_partition *partition, struct wf_actor *actor,
                   const struct wf_kind *kind)
{
    weft_workflow *wf = wf_calloc(sizeof(*wf));

    wf->partition = partition;
    wf->actor = actor;
    wf->kind = kind;
    wf->failure.name = "";
    wf->failure.message = "";
    wf_list_init(&wf->signals);
    wf_random_init(&wf->random, actor->seed ^ (actor->run << 48));
    wf->stack = wf_stack_create(partition->options.stacks,
                                kind->workflow.stack_bytes, run_code, wf);
    if (wf->stack == NULL) {
        wf_free(wf);
        return NULL;
    }
    actor->activation = wf;
    wf_list_push_back(&partition->stacks, &wf->lru);
    return wf;
}

void
wf_workflow_kill(struct wf_partition *partition, struct wf_actor *actor)
{
    weft_workflow *wf = actor->activation;

    if (wf == NULL) {
        return;
    }
    actor->activation = NULL;
    wf_list_remove(&partition->stacks, &wf->lru);
    wf_stack_destroy(wf->stack);
    while (wf->arena != NULL) {
        struct wf_arena_block *block = wf->arena;

        wf->arena = block->next;
        wf_free(block);
    }
    wf_free(wf->futures);
    wf_free(wf->divergence);
    wf_free(wf);
}

void
wf_workflow_drop(struct wf_partition *partition, struct wf_actor *actor)
{
    weft_workflow *wf = actor->activation;

    if (wf != NULL && !wf->is_done) {
        wf->is_unwinding = true;
        wf_workflow_resume(wf);
        if (!wf->is_done) {
            wf_trace_emit(partition->options.trace, WF_TRACE_WARNING,
                          partition->now_ms, wf_key_id(&actor->key), "ignore",
                          "its code does not return when told to unwind");
        }
    }
    wf_workflow_kill(partition, actor);
}

void
wf_workflow_trim(struct wf_partition *partition)
{
    size_t tries = partition->stacks.count;

    while (partition->stacks.count > partition->options.stacks_max &&
           tries-- > 0) {
        weft_workflow *wf =
            WF_CONTAINER(wf_list_first(&partition->stacks), weft_workflow, lru);
        wf_workflow_drop(partition, wf->actor);
    }
}

// The code cannot go on: nothing it did in this turn has happened.
static void
park_diverged(struct wf_partition *partition, struct wf_actor *actor)
{
    char *reason = wf_strdup(actor->activation->divergence);

    wf_workflow_drop(partition, actor);
    wf_turn_park(partition, actor, reason);
    wf_free(reason);
}

weft_workflow *
wf_workflow_build(struct wf_partition *partition, struct wf_actor *actor,
                  const struct wf_kind *kind)
{
    weft_workflow *wf = wf_workflow_create(partition, actor, kind);

    if (wf == NULL && partition->stacks.count > 0) {
        // Out of mappings: let half of the idle stacks go, and try once more.
        size_t half = (partition->stacks.count + 1) / 2;

        while (half-- > 0 && partition->stacks.count > 0) {
            wf_workflow_drop(partition,
                             WF_CONTAINER(wf_list_first(&partition->stacks),
                                          weft_workflow, lru)
                                 ->actor);
        }
        wf = wf_workflow_create(partition, actor, kind);
    }
    if (wf == NULL && !wf_heap_has(&actor->retry.heap)) {
        wf_note(partition, &actor->key, "wait", "no memory for a stack");
        wf_alarm_set(partition, &actor->retry,
                     partition->now_ms + WF_TURN_RETRY_MS);
    }
    return wf;
}

// The live stack, rebuilt if it was dropped. NULL: the instance was parked,
// waits for its version, or will be tried again when there is memory for a
// stack.
static weft_workflow *
activate(struct wf_partition *partition, struct wf_actor *actor)
{
    weft_workflow *wf = actor->activation;
    const struct wf_kind *kind;

    if (wf != NULL) {
        wf_list_remove(&partition->stacks, &wf->lru);
        wf_list_push_back(&partition->stacks, &wf->lru);
        return wf;
    }
    wf = wf_version_move_on(partition, actor);
    if (wf != NULL) {
        return wf;
    }
    kind = wf_kind_version(actor->kind, actor->version);
    wf = kind == NULL ? NULL : wf_workflow_build(partition, actor, kind);
    if (wf == NULL) {
        return NULL;
    }
    if (actor->journal.count > 0 && !wf_replay_journal(wf)) {
        park_diverged(partition, actor);
        return NULL;
    }
    return wf;
}

// Events. -------------------------------------------------------------------

static void
resolve(weft_workflow *wf, const struct wf_letter *letter)
{
    struct wf_future *future;

    if (letter->call == 0 || letter->call > wf->ordinal) {
        return;
    }
    future = &wf->futures[letter->call - 1];
    if (future->state != WF_FUTURE_PENDING) {
        return; // it was abandoned
    }
    future->state = WF_FUTURE_KNOWN;
    // A child that was cancelled has failed, for its parent.
    future->err = letter->type == WF_LETTER_STEP || letter->err == WEFT_OK
                      ? letter->err
                      : WEFT_EFAILED;
    future->data = wf_workflow_keep(wf, letter->data);
    if (letter->err != WEFT_OK) {
        future->name = wf_workflow_keep_text(wf, letter->name);
        future->text = wf_workflow_keep_text(wf, letter->text);
    }
}

// The first signal of that name, or NULL.
static struct wf_signal *
find_signal(const weft_workflow *wf, const char *name)
{
    struct wf_list_node *node = wf_list_first(&wf->signals);

    for (; node != NULL; node = wf_list_next(&wf->signals, node)) {
        struct wf_signal *signal = WF_CONTAINER(node, struct wf_signal, node);

        if (wf_bytes_equal(signal->letter.name, weft_text(name))) {
            return signal;
        }
    }
    return NULL;
}

void
wf_workflow_settle_signals(weft_workflow *wf)
{
    for (uint32_t i = 0; i < wf->ordinal && wf->signals.count > 0; i++) {
        struct wf_future *future = &wf->futures[i];
        struct wf_signal *signal;

        if (future->kind != WF_COMMAND_RECEIVE ||
            future->state != WF_FUTURE_PENDING) {
            continue;
        }
        signal = find_signal(wf, future->name);
        if (signal != NULL) {
            wf_list_remove(&wf->signals, &signal->node);
            future->state = WF_FUTURE_KNOWN;
            future->data = signal->letter.data;
        }
    }
}

static void
keep_signal(weft_workflow *wf, weft_bytes bytes)
{
    struct wf_signal *signal = wf_workflow_memory(wf, sizeof(*signal));

    memset(signal, 0, sizeof(*signal));
    signal->bytes = wf_workflow_keep(wf, bytes);
    if (wf_letter_decode(signal->bytes, &signal->letter)) {
        wf_list_push_back(&wf->signals, &signal->node);
        wf_workflow_settle_signals(wf);
    }
}

void
wf_workflow_event(weft_workflow *wf, const struct wf_entry *entry)
{
    struct wf_letter letter;

    wf->now_ms = entry->now_ms;
    if (entry->type != WF_ENTRY_LETTER ||
        !wf_letter_decode(entry->letter, &letter)) {
        return;
    }
    switch (letter.type) {
    case WF_LETTER_SIGNAL:
        keep_signal(wf, entry->letter);
        break;
    case WF_LETTER_CANCEL:
        wf->is_cancel_asked = true;
        break;
    default:
        resolve(wf, &letter);
        break;
    }
}

// The end. ------------------------------------------------------------------

static void
put_restart(weft_workflow *wf)
{
    struct wf_buf *ops = &wf->turn->ops;
    struct wf_buf cancel = {0};

    if (wf->is_cancel_asked) {
        // Code that restarts instead of stopping is asked again.
        wf_letter_encode(
            &(struct wf_letter){
                .type = WF_LETTER_CANCEL,
                .sender_run = wf->actor->seed,
            },
            &cancel);
    }
    wf_buf_put_u8(ops, WF_OP_RESTART);
    wf_buf_put_bytes(ops, wf->restart_input);
    wf_buf_put_bytes(ops, wf_buf_bytes(&cancel));
    wf_turn_cancel_children(wf->turn);
    wf_buf_fini(&cancel);
    wf_version_put_restart(wf->actor, ops);
}

static void
put_failed(weft_workflow *wf)
{
    weft_failure failure = wf->failing;

    if (failure.name == NULL && wf->outcome == WEFT_EFAILED &&
        wf->failure.name[0] != '\0') {
        failure = wf->failure;
    }
    if (failure.name == NULL) {
        failure.name = weft_err_name(wf->outcome);
        failure.message = weft_err_text(wf->outcome);
    }
    wf_turn_end(wf->turn, WEFT_STATUS_FAILED, failure.details, failure.name,
                failure.message);
}

static void
put_outcome(weft_workflow *wf)
{
    if (wf->outcome == WEFT_OK && wf->is_restarting) {
        put_restart(wf);
        return;
    }
    if (wf->outcome == WEFT_OK) {
        wf_turn_end(wf->turn, WEFT_STATUS_COMPLETED, wf->result, "", "");
    } else if (wf->outcome == WEFT_ECANCELLED) {
        wf_turn_end(wf->turn, WEFT_STATUS_CANCELLED, wf->result, "cancelled",
                    wf->is_cancel_asked ? "cancellation was requested"
                                        : "the workflow cancelled itself");
    } else {
        put_failed(wf);
    }
}

// Turns. --------------------------------------------------------------------

static void
begin_turn(struct wf_turn *turn, const struct wf_letter *letter)
{
    struct wf_buf entry = {0};

    if (letter != NULL) {
        turn->letter = *letter;
        wf_buf_put_u8(&turn->ops, WF_OP_JOURNAL_LETTER);
        if (letter->type == WF_LETTER_CANCEL &&
            !turn->actor->is_cancel_asked) { // by its parent
            wf_buf_put_u8(&turn->ops, WF_OP_CANCEL_ASKED);
        }
        if (letter->type == WF_LETTER_CHILD ||
            letter->type == WF_LETTER_REPLY ||
            letter->type == WF_LETTER_FAILED) {
            wf_turn_call_close(turn, letter->call);
        }
        return;
    }
    wf_entry_encode(
        &(struct wf_entry){
            .type = WF_ENTRY_STARTED,
            .now_ms = turn->partition->now_ms,
        },
        &entry);
    wf_buf_put_u8(&turn->ops, WF_OP_STARTED);
    wf_buf_put_u8(&turn->ops, WF_OP_JOURNAL);
    wf_buf_put_bytes(&turn->ops, wf_buf_bytes(&entry));
    wf_buf_fini(&entry);
}

// The letter's bytes, as the journal will have them.
static weft_bytes
head_bytes(const struct wf_actor *actor)
{
    const struct wf_waiting *waiting = wf_mailbox_head(&actor->mailbox);

    return weft_bytes_of(waiting->bytes, waiting->len);
}

void
wf_workflow_turn(struct wf_partition *partition, struct wf_actor *actor,
                 const struct wf_letter *letter)
{
    weft_workflow *wf = activate(partition, actor);
    struct wf_turn turn;
    bool is_done;

    if (wf == NULL) {
        return;
    }
    wf_turn_init(&turn, partition, actor);
    begin_turn(&turn, letter);
    wf->turn = &turn;
    wf_workflow_event(
        wf, &(struct wf_entry){
                .type = letter == NULL ? WF_ENTRY_STARTED : WF_ENTRY_LETTER,
                .now_ms = partition->now_ms,
                .letter = letter == NULL ? weft_nothing() : head_bytes(actor),
            });
    wf_workflow_resume(wf);
    wf->turn = NULL;
    if (wf->divergence != NULL) {
        wf_turn_fini(&turn);
        park_diverged(partition, actor);
        return;
    }
    wf->turn = &turn;
    is_done = wf->is_done;
    if (is_done) {
        put_outcome(wf);
    }
    if (letter != NULL) {
        wf_turn_answer(&turn, letter, WEFT_OK, weft_nothing());
    }
    wf->turn = NULL;
    wf_turn_commit(&turn);
    wf_turn_fini(&turn);
    if (is_done || partition->options.is_paranoid) {
        wf_workflow_drop(partition, actor);
    }
}

bool
wf_workflow_step(struct wf_partition *partition, struct wf_actor *actor,
                 const struct wf_command *command,
                 struct wf_step_result *out_result)
{
    const struct wf_partition_options *options = &partition->options;
    weft_workflow *wf = activate(partition, actor);
    char key[33];
    weft_step step = {.attempt = command->attempt, .key = key};
    weft_bytes data = weft_nothing();

    if (wf == NULL) {
        return false;
    }
    if (wf->step_ordinal != command->id) {
        wf_workflow_drop(partition, actor);
        wf_turn_park(partition, actor,
                     "the code does not wait for the step that was recorded");
        return false;
    }
    wf_commands_key(actor, command->id, key);
    wf_error_clear();
    if (options->watch != NULL) {
        options->watch(options->watch_ctx, &actor->key, command->name);
    }
    out_result->err = wf->step_run(&step, wf->step_ctx, &data);
    if (options->watch != NULL) {
        options->watch(options->watch_ctx, NULL, "");
    }
    (void)wf_fault_hit(WF_FAULT_STEP_DONE);
    out_result->name =
        out_result->err == WEFT_OK ? "" : weft_err_name(out_result->err);
    if (data.len > WF_PAYLOAD_BYTES_MAX) {
        out_result->err = WEFT_ETOOBIG;
        out_result->name = weft_err_name(WEFT_ETOOBIG);
        data = weft_nothing();
    }
    wf_buf_put(&out_result->data, data.data, data.len);
    if (partition->options.is_paranoid) {
        wf_workflow_drop(partition, actor);
    }
    return true;
}
