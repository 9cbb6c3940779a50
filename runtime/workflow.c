// SPDX-License-Identifier: Apache-2.0
//
// workflow.c - activations: events reach the code, turns run it, and what it
// did becomes one record.

#include "runtime/workflow.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/fault.h"
#include "runtime/cause.h"
#include "runtime/child.h"
#include "runtime/stack.h"
#include "runtime/stamp.h"
#include "runtime/update.h"
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

const weft_failure *
wf_workflow_keep_causes(weft_workflow *wf, weft_bytes causes)
{
    size_t count = wf_cause_count(causes);

    return count == 0 ? NULL
                      : wf_cause_show(wf_workflow_keep(wf, causes),
                                      wf_workflow_memory(
                                          wf, count * sizeof(weft_failure)));
}

// "KIND/ID" of who sent it.
static const char *
keep_sender(weft_workflow *wf, weft_bytes sender)
{
    struct wf_buf text = {0};
    struct wf_key key;
    const char *kept;

    if (sender.len == 0 || !wf_key_decode(sender, &key)) {
        return "";
    }
    wf_cause_put_source(&text, &key);
    kept = wf_workflow_keep_text(wf, wf_buf_bytes(&text));
    wf_buf_fini(&text);
    wf_key_fini(&key);
    return kept;
}

// Activations. --------------------------------------------------------------

weft_workflow *
wf_workflow_create(struct wf_partition *partition, struct wf_actor *actor,
                   const struct wf_kind *kind)
{
    weft_workflow *wf = wf_calloc(sizeof(*wf));
    weft_bytes begun;

    wf->partition = partition;
    wf->actor = actor;
    wf->kind = kind;
    wf_list_init(&wf->branches);
    wf_list_init(&wf->ready);
    wf_list_init(&wf->scopes);
    begun =
        actor->is_start_pending ? actor->attributes : actor->attributes_begun;
    wf_buf_put(&wf->attributes, begun.data, begun.len);
    wf_list_init(&wf->signals);
    wf_table_init(&wf->channels);
    wf_random_init(&wf->random,
                   wf_run_chance(actor->origin_seed, actor->origin_run));
    wf->root = wf_scope_hold(wf_scope_create(wf, NULL));
    actor->activation = wf;
    wf_list_push_back(&partition->stacks, &wf->lru);
    if (!wf_branch_begin(wf)) {
        wf_workflow_kill(partition, actor);
        return NULL;
    }
    return wf;
}

static void
release_scopes(weft_workflow *wf)
{
    for (uint32_t id = wf->first_open; id != 0; id = wf->futures[id - 1].next) {
        wf_scope_release(wf, wf->futures[id - 1].scope);
        wf_scope_release(wf, wf->futures[id - 1].deadline);
    }
    wf_scope_release(wf, wf->root);
    WF_ASSERT(wf->scopes.count == 0);
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
    wf_branch_destroy_all(wf);
    release_scopes(wf);
    wf_channel_fini(wf);
    while (wf->arena != NULL) {
        struct wf_arena_block *block = wf->arena;

        wf->arena = block->next;
        wf_free(block);
    }
    wf_buf_fini(&wf->attributes);
    wf_free(wf->futures);
    wf_free(wf->divergence);
    wf_free(wf);
}

void
wf_workflow_drop(struct wf_partition *partition, struct wf_actor *actor)
{
    weft_workflow *wf = actor->activation;

    if (wf != NULL && !wf_branch_unwind(wf)) {
        wf_warn(partition, &actor->key, "ignore",
                "its code does not return when told to unwind");
    }
    wf_workflow_kill(partition, actor);
}

// The activation that was idle longest.
static void
drop_oldest(struct wf_partition *partition)
{
    wf_workflow_drop(
        partition,
        WF_CONTAINER(wf_list_the_first(&partition->stacks), weft_workflow, lru)
            ->actor);
}

void
wf_workflow_trim(struct wf_partition *partition)
{
    size_t tries = partition->stacks.count;

    while (partition->branches > partition->options.stacks_max && tries-- > 0) {
        drop_oldest(partition);
    }
}

void
wf_workflow_try_later(struct wf_partition *partition, struct wf_actor *actor)
{
    if (!wf_heap_has(&actor->retry.heap)) {
        wf_note(partition, &actor->key, "wait", "no memory for a stack");
        wf_alarm_set(partition, &actor->retry,
                     partition->now_ms + WF_TURN_RETRY_MS);
    }
}

// Out of mappings: let half of the idle stacks go.
static void
let_half_go(struct wf_partition *partition)
{
    size_t half = (partition->stacks.count + 1) / 2;

    while (half-- > 0 && partition->stacks.count > 0) {
        drop_oldest(partition);
    }
}

// The code cannot go on: nothing it did in this turn has happened.
static void
give_turn_up(struct wf_partition *partition, struct wf_actor *actor)
{
    bool is_starved = actor->activation->is_starved;
    char *reason = wf_strdup(is_starved ? "" : actor->activation->divergence);

    wf_workflow_drop(partition, actor);
    if (is_starved) {
        let_half_go(partition);
        wf_workflow_try_later(partition, actor);
    } else {
        wf_turn_park(partition, actor, reason);
    }
    wf_free(reason);
}

weft_workflow *
wf_workflow_build(struct wf_partition *partition, struct wf_actor *actor,
                  const struct wf_kind *kind)
{
    weft_workflow *wf = wf_workflow_create(partition, actor, kind);

    if (wf == NULL && partition->stacks.count > 0) {
        let_half_go(partition);
        wf = wf_workflow_create(partition, actor, kind);
    }
    if (wf == NULL) {
        wf_workflow_try_later(partition, actor);
    }
    return wf;
}

// The live stack, rebuilt if it was dropped. NULL: the instance was parked,
// waits for its version, or will be tried again when there is memory for a
// stack.
static weft_workflow *
activate(struct wf_partition *partition, struct wf_actor *actor)
{
    const struct wf_kind *kind;
    weft_workflow *wf = actor->activation;

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
        give_turn_up(partition, actor);
        return NULL;
    }
    return wf;
}

// Events. -------------------------------------------------------------------

// Whoever waits for it goes on. A deadline's timer ends its scope.
static void
settle(weft_workflow *wf, uint32_t id)
{
    struct wf_scope *deadline = wf->futures[id - 1].deadline;

    wf->futures[id - 1].deadline = NULL;
    wf_replay_settle(wf, id);
    if (deadline != NULL) {
        (void)wf_scope_cancel(wf, deadline, WEFT_ETIMEDOUT);
        wf_scope_release(wf, deadline);
    }
}

// A child that was cancelled has failed, for its parent, unless that is what
// the parent waits for.
static weft_err
err_of(const struct wf_future *future, const struct wf_letter *letter)
{
    bool is_own = letter->type == WF_LETTER_STEP ||
                  letter->type == WF_LETTER_ACTIVITY ||
                  (future->is_cancel_asked && letter->err == WEFT_ECANCELLED);

    return is_own || letter->err == WEFT_OK ? letter->err : WEFT_EFAILED;
}

static void
resolve(weft_workflow *wf, const struct wf_letter *letter)
{
    struct wf_future *future;
    uint32_t id;

    if (letter->call == 0 || letter->call > wf->ordinal ||
        (letter->type == WF_LETTER_STARTED && letter->call == wf->ordinal)) {
        return;
    }
    id = letter->type == WF_LETTER_STARTED ? letter->call + 1 : letter->call;
    future = &wf->futures[id - 1];
    if (future->state != WF_FUTURE_PENDING) {
        return; // it was abandoned
    }
    future->err = err_of(future, letter);
    future->data = wf_workflow_keep(wf, letter->data);
    if (letter->err != WEFT_OK) {
        future->name = wf_workflow_keep_text(wf, letter->name);
        future->text = wf_workflow_keep_text(wf, letter->text);
        future->cause = wf_workflow_keep_causes(wf, letter->causes);
        if (letter->type == WF_LETTER_CHILD) {
            future->source = keep_sender(wf, letter->sender);
        }
    }
    settle(wf, id);
    if (letter->type == WF_LETTER_CHILD) {
        wf_workflow_refuse_started(wf, id);
    }
}

void
wf_workflow_event(weft_workflow *wf, const struct wf_entry *entry,
                  const struct wf_letter *letter)
{
    wf->now_ms = entry->now_ms;
    wf->events += entry->type == WF_ENTRY_WENT_ON ? 0 : 1;
    wf->bytes += entry->letter.len;
    if (letter == NULL) {
        return;
    }
    switch (letter->type) {
    case WF_LETTER_SIGNAL:
        wf_channel_take(wf, entry->letter, letter);
        break;
    case WF_LETTER_UPDATE:
        wf_update_begin(wf, letter);
        break;
    case WF_LETTER_CANCEL:
        // It fails only when the journal does not fit, and that is noted.
        (void)wf_scope_cancel(wf, wf->root, WEFT_ECANCELLED);
        break;
    default:
        resolve(wf, letter);
        break;
    }
}

// The end. ------------------------------------------------------------------

static void
put_restart(weft_workflow *wf)
{
    struct wf_buf *ops = &wf->turn->ops;
    size_t opened;

    wf_tally_kind(wf->partition->options.tally, wf->kind, WF_KIND_RESTARTED);
    wf_buf_put_u8(ops, WF_OP_RESTART);
    wf_buf_put_bytes(ops, wf->restart_input);
    opened = wf_buf_open(ops);
    if (wf->root->ended != WEFT_OK) {
        // Code that restarts instead of stopping is asked again.
        wf_letter_encode(
            &(struct wf_letter){
                .type = WF_LETTER_CANCEL,
                .sender_run = wf->actor->seed,
            },
            ops);
    }
    wf_buf_close(ops, opened);
    wf_update_end_all(wf->turn, 0);
    wf_version_put_restart(wf->actor, ops);
}

static void
put_failed(weft_workflow *wf)
{
    const struct wf_branch *main = wf->main;
    weft_failure failure = main->failing;

    if (failure.name == NULL && main->outcome == WEFT_EFAILED &&
        main->failure.name[0] != '\0') {
        failure = main->failure; // passed on
        failure.cause = &main->failure;
    }
    if (failure.name == NULL) {
        failure.name = weft_err_name(main->outcome);
        failure.message = main->message;
    }
    wf->turn->retry_after_ms = main->retry_after_ms;
    if (failure.cause != NULL) {
        wf_cause_put(&wf->turn->causes, failure.cause);
    }
    wf_turn_end(wf->turn, WEFT_STATUS_FAILED, failure.details, failure.name,
                failure.message);
}

static void
put_outcome(weft_workflow *wf)
{
    const struct wf_branch *main = wf->main;

    if (main->outcome == WEFT_OK && wf->is_restarting) {
        put_restart(wf);
        return;
    }
    if (main->outcome == WEFT_OK) {
        wf_turn_end(wf->turn, WEFT_STATUS_COMPLETED, main->result, "", "");
    } else if (main->outcome == WEFT_ECANCELLED) {
        wf_turn_end(wf->turn, WEFT_STATUS_CANCELLED, main->result, "cancelled",
                    wf->root->ended != WEFT_OK
                        ? "cancellation was requested"
                        : "the workflow cancelled itself");
    } else {
        put_failed(wf);
    }
}

// Turns. --------------------------------------------------------------------

static void
begin_turn(struct wf_turn *turn, const struct wf_letter *letter,
           enum wf_entry_type type)
{
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
        } else if (letter->type == WF_LETTER_ASKED) {
            wf_child_drop_result(turn, letter->call);
        }
        return;
    }
    turn->letter.type = WF_LETTER_START;
    if (type == WF_ENTRY_STARTED) {
        wf_buf_put_u8(&turn->ops, WF_OP_STARTED);
    }
    wf_entry_put_op(
        &(struct wf_entry){.type = type, .now_ms = turn->partition->now_ms},
        &turn->ops);
}

// The letter's bytes, as the journal will have them.
static weft_bytes
head_bytes(const struct wf_actor *actor)
{
    const struct wf_waiting *waiting = wf_mailbox_head(&actor->mailbox);

    return weft_bytes_of(waiting->bytes, waiting->len);
}

static void
end_turn(weft_workflow *wf, struct wf_turn *turn)
{
    bool is_done = wf->is_done;

    wf->turn = NULL;
    wf_turn_commit(turn);
    wf_turn_fini(turn);
    if (is_done || turn->partition->options.is_paranoid) {
        wf_workflow_drop(turn->partition, turn->actor);
    }
}

void
wf_workflow_turn(struct wf_partition *partition, struct wf_actor *actor,
                 const struct wf_letter *letter)
{
    enum wf_entry_type type = letter != NULL            ? WF_ENTRY_LETTER
                              : wf_actor_goes_on(actor) ? WF_ENTRY_WENT_ON
                                                        : WF_ENTRY_STARTED;
    weft_workflow *wf = activate(partition, actor);
    struct wf_turn turn;

    if (wf == NULL) {
        return;
    }
    wf_turn_init(&turn, partition, actor);
    if (letter != NULL && letter->type == WF_LETTER_UPDATE &&
        !wf_update_is_fine(wf, &turn, letter)) {
        end_turn(wf, &turn);
        return;
    }
    begin_turn(&turn, letter, type);
    wf->turn = &turn;
    wf_workflow_event(
        wf,
        &(struct wf_entry){
            .type = type,
            .now_ms = partition->now_ms,
            .letter = letter == NULL ? weft_nothing() : head_bytes(actor),
        },
        letter);
    wf_branch_run(wf);
    wf->turn = NULL;
    if (wf->is_unwinding) {
        wf_turn_fini(&turn);
        give_turn_up(partition, actor);
        return;
    }
    wf->turn = &turn;
    if (wf->is_done) {
        put_outcome(wf);
    }
    if (letter != NULL && letter->type != WF_LETTER_UPDATE) {
        wf_turn_answer(&turn, letter, WEFT_OK, weft_nothing());
    }
    end_turn(wf, &turn);
}

bool
wf_workflow_step(struct wf_partition *partition, struct wf_actor *actor,
                 const struct wf_command *command,
                 struct wf_step_result *out_result)
{
    weft_workflow *wf = activate(partition, actor);
    const struct wf_branch *branch;
    char key[33];
    weft_step step = {.attempt = command->attempt, .key = key};
    weft_bytes data = weft_nothing();
    struct wf_aside aside;

    if (wf == NULL) {
        return false;
    }
    branch = wf_branch_of_step(wf, command->id);
    if (branch == NULL) {
        wf_workflow_drop(partition, actor);
        wf_turn_park(partition, actor,
                     "the code does not wait for the step that was recorded");
        return false;
    }
    wf_commands_key(actor, command->id, key);
    wf_error_clear();
    wf_watch_begin(partition, actor, "step", weft_text(command->name));
    aside = wf_branch_aside_begin(wf);
    out_result->err = branch->step_run(&step, branch->step_ctx, &data);
    wf_branch_aside_end(wf, &aside);
    wf_watch_end(partition);
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
