// SPDX-License-Identifier: Apache-2.0
//
// update.c - updates: their life, from a client's request to the answer. See
// update.h.

#include "runtime/update.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/edge.h"
#include "runtime/inside.h"
#include "runtime/workflow_impl.h"
#include "weft/update.h"

// Storing. ------------------------------------------------------------------

#define UPDATE_ACCEPTED 1
#define UPDATE_DONE 2
#define UPDATE_TOLD_EARLY 4

void
wf_update_encode(const struct wf_update *update, struct wf_buf *out)
{
    wf_buf_put_u8(out, (update->is_accepted ? UPDATE_ACCEPTED : 0) |
                           (update->is_done ? UPDATE_DONE : 0) |
                           (update->is_told_early ? UPDATE_TOLD_EARLY : 0));
    wf_buf_put_text(out, update->id);
    wf_buf_put(out, update->client, sizeof(update->client));
    wf_buf_put_varint(out, update->request);
    wf_buf_put_varint(out, (uint64_t)update->err);
    wf_buf_put_bytes(out, update->data);
}

static void
read_client(struct wf_reader *reader, struct wf_update *update)
{
    weft_bytes client = wf_reader_take(reader, sizeof(update->client));

    if (!reader->failed) {
        memcpy(update->client, client.data, client.len);
    }
}

bool
wf_update_decode(struct wf_actor *actor, uint32_t number,
                 struct wf_reader *reader)
{
    struct wf_update *update = wf_update_create(number);
    uint8_t bits = wf_reader_u8(reader);

    update->is_accepted = (bits & UPDATE_ACCEPTED) != 0;
    update->is_done = (bits & UPDATE_DONE) != 0;
    update->is_told_early = (bits & UPDATE_TOLD_EARLY) != 0;
    wf_own_text(&update->id, wf_reader_bytes(reader));
    read_client(reader, update);
    update->request = wf_reader_varint(reader);
    update->err = (weft_err)wf_reader_varint(reader);
    wf_own_bytes(&update->data, wf_reader_bytes(reader));
    wf_updates_add(&actor->updates, update);
    return !reader->failed;
}

void
wf_update_reserve(struct wf_actor *actor, uint32_t number)
{
    struct wf_update *update = wf_updates_find(&actor->updates, number);

    if (update == NULL) {
        update = wf_update_create(number);
        update->is_accepted = true;
        wf_updates_add(&actor->updates, update);
        wf_updates_keep(&actor->updates, update, WEFT_OK, weft_nothing());
    }
}

void
wf_update_apply_open(struct wf_actor *actor, struct wf_reader *ops)
{
    uint32_t number = (uint32_t)wf_reader_varint(ops);
    struct wf_update *update;

    if (wf_updates_find(&actor->updates, number) != NULL) {
        ops->failed = true;
        return;
    }
    update = wf_update_create(number);
    wf_own_text(&update->id, wf_reader_bytes(ops));
    read_client(ops, update);
    update->request = wf_reader_varint(ops);
    update->is_told_early = wf_reader_varint(ops) != 0;
    wf_updates_add(&actor->updates, update);
}

void
wf_update_apply(struct wf_actor *actor, enum wf_op op, struct wf_reader *ops)
{
    struct wf_update *update =
        wf_updates_find(&actor->updates, (uint32_t)wf_reader_varint(ops));
    weft_err err = WEFT_OK;
    weft_bytes data = weft_nothing();

    if (op == WF_OP_UPDATE_DONE) {
        err = (weft_err)wf_reader_varint(ops);
        data = wf_reader_bytes(ops);
    }
    if (update == NULL) {
        return; // of a life before
    }
    if (op == WF_OP_UPDATE_ACCEPT) {
        update->is_accepted = true;
    } else if (op == WF_OP_UPDATE_DONE && update->id[0] != '\0') {
        wf_updates_keep(&actor->updates, update, err, data);
    } else {
        wf_updates_drop(&actor->updates, update);
    }
}

// Answers. ------------------------------------------------------------------

static void
encode_failure(const char *name, const char *message, weft_bytes details,
               struct wf_buf *out)
{
    wf_buf_put_text(out, name);
    wf_buf_put_text(out, message);
    wf_buf_put_bytes(out, details);
}

void
wf_update_answer(struct wf_request *request, weft_err err, weft_bytes data)
{
    struct wf_reader reader = wf_reader_of(data);
    char *name = NULL;
    char *message = NULL;

    if (err == WEFT_OK) {
        wf_request_answer_data(request, data);
        return;
    }
    wf_own_text(&name, wf_reader_bytes(&reader));
    wf_own_text(&message, wf_reader_bytes(&reader));
    wf_request_answer_failure(request, &(weft_failure){
                                           .name = name,
                                           .message = message,
                                           .details = wf_reader_bytes(&reader),
                                       });
    wf_free(name);
    wf_free(message);
}

static void
answer(struct wf_partition *partition, struct wf_request *request,
       uint64_t record, weft_err err, weft_bytes data)
{
    wf_update_answer(request, err, data);
    wf_edge_answer(partition, request, record, err, "%s",
                   err == WEFT_OK ? "" : request->reply.failure.message);
}

static void
put_number(struct wf_buf *ops, enum wf_op op, uint32_t number)
{
    wf_buf_put_u8(ops, (uint8_t)op);
    wf_buf_put_varint(ops, number);
}

// Updates are counted anew in each life; who sent it, and which of his requests
// it was, says whether it is the one of that number.
bool
wf_update_is_known(const struct wf_actor *actor, const struct wf_letter *letter)
{
    const struct wf_update *update =
        wf_updates_find(&actor->updates, letter->call);

    return update != NULL && letter->client.len == sizeof(update->client) &&
           memcmp(update->client, letter->client.data,
                  sizeof(update->client)) == 0 &&
           update->request == letter->number;
}

void
wf_update_put_drop(struct wf_turn *turn, uint32_t number)
{
    put_number(&turn->ops, WF_OP_UPDATE_DROP, number);
}

// Tell its sender, and remember what was told.
static void
put_done(struct wf_turn *turn, const struct wf_update *update, weft_err err,
         weft_bytes data)
{
    put_number(&turn->ops, WF_OP_UPDATE_DONE, update->number);
    wf_buf_put_varint(&turn->ops, (uint64_t)err);
    wf_buf_put_bytes(&turn->ops, data);
    if (!update->is_told_early) {
        wf_turn_answer_client(turn, weft_bytes_of(update->client, 16),
                              update->request, err, data);
    }
}

static void
put_accept(struct wf_turn *turn, const struct wf_letter *letter)
{
    const struct wf_update *update =
        wf_updates_find(&turn->actor->updates, letter->call);

    put_number(&turn->ops, WF_OP_UPDATE_ACCEPT, letter->call);
    if (update != NULL && update->is_told_early) {
        wf_turn_answer_client(turn, letter->client, letter->number, WEFT_OK,
                              weft_nothing());
    }
}

// Coming. -------------------------------------------------------------------

// What it wants to know of another's update, if that is known. False: not yet.
static bool
answer_joined(struct wf_partition *partition, struct wf_request *request,
              uint64_t record, const struct wf_update *update)
{
    if (update->is_accepted && request->is_told_early) {
        answer(partition, request, record, WEFT_OK, weft_nothing());
    } else if (update->is_done) {
        answer(partition, request, record, update->err, update->data);
    } else {
        return false;
    }
    return true;
}

bool
wf_update_joins(struct wf_partition *partition, struct wf_actor *actor,
                struct wf_request *request)
{
    struct wf_update *update =
        wf_updates_find_id(&actor->updates, request->update_id);

    if (update == NULL) {
        return false;
    }
    if (!answer_joined(partition, request, actor->object.position, update) &&
        !wf_edge_is_withdrawn(partition, request)) {
        wf_list_push_back(&actor->joined, &request->wait);
    }
    return true;
}

void
wf_update_put(const struct wf_actor *actor, const struct wf_request *request,
              struct wf_draft *draft)
{
    // A life that begins with this record counts its own.
    uint32_t number = (request->reply.is_created ? 0 : actor->updates.made) + 1;

    put_number(&draft->ops, WF_OP_UPDATE_OPEN, number);
    wf_buf_put_text(&draft->ops, request->update_id);
    wf_buf_put(&draft->ops, request->client, 16);
    wf_buf_put_varint(&draft->ops, request->number);
    wf_buf_put_varint(&draft->ops, request->is_told_early ? 1 : 0);
    wf_buf_put_u8(&draft->ops, WF_OP_PUSH);
    wf_letter_put(
        &(struct wf_letter){
            .type = WF_LETTER_UPDATE,
            .call = number,
            .client = weft_bytes_of(request->client, 16),
            .number = request->number,
            .name = weft_text(request->name),
            .data = request->data,
        },
        &draft->ops);
    wf_draft_actor(draft, &actor->key);
}

// Whoever asks anew may begin a life in the place of this one, which answers
// all that is still in the actor's list: so they are taken out of it first.
void
wf_update_settle(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node;
    struct wf_list joined;

    wf_list_init(&joined);
    while ((node = wf_list_pop_front(&actor->joined)) != NULL) {
        wf_list_push_back(&joined, node);
    }
    while ((node = wf_list_pop_front(&joined)) != NULL) {
        struct wf_request *request =
            WF_CONTAINER(node, struct wf_request, wait);
        const struct wf_update *update =
            wf_updates_find_id(&actor->updates, request->update_id);

        if (update == NULL) { // it was refused: this one is a new try
            wf_edge_request(partition, request);
        } else if (!answer_joined(partition, request, partition->last_record,
                                  update)) {
            wf_list_push_back(&actor->joined, &request->wait);
        }
    }
}

// Handling. -----------------------------------------------------------------

// Who takes updates of a name. In the arena.
struct wf_handler {
    struct wf_handler *next;
    const char *name;
    weft_update_check_fn *check;
    weft_update_fn *handle;
    void *ctx;
};

// What a branch that handles an update is given.
struct handling {
    const struct wf_handler *handler;
    uint32_t number;
    weft_bytes input;
};

static const struct wf_handler *
find_handler(const weft_workflow *wf, weft_bytes name)
{
    const struct wf_handler *handler = wf->handlers;

    while (handler != NULL && !wf_bytes_equal(weft_text(handler->name), name)) {
        handler = handler->next;
    }
    return handler;
}

bool
wf_update_is_fine(weft_workflow *wf, struct wf_turn *turn,
                  const struct wf_letter *letter)
{
    const struct wf_handler *handler = find_handler(wf, letter->name);
    weft_failure why = {0};
    weft_err err = WEFT_OK;
    bool is_checked = false;
    struct wf_buf data = {0};
    struct wf_aside aside;

    if (handler == NULL) {
        err = WEFT_ENOTFOUND;
        why.message = "the workflow does not take updates of this name";
    } else if (wf->branches.count > WF_BRANCHES_MAX) {
        err = WEFT_EBUSY;
        why.message = "too many branches run";
    } else if (handler->check != NULL) {
        wf_watch_begin(wf->partition, wf->actor, "check of update",
                       letter->name);
        aside = wf_branch_aside_begin(wf);
        err = handler->check(letter->data, handler->ctx, &why);
        is_checked = true;
        wf_branch_aside_end(wf, &aside);
        wf_watch_end(wf->partition);
    }
    if (err == WEFT_OK) {
        return true;
    }
    encode_failure(why.name == NULL ? weft_err_name(err) : why.name,
                   why.message == NULL ? weft_err_text(err) : why.message,
                   why.details, &data);
    wf_buf_put_u8(&turn->ops, WF_OP_POP);
    wf_update_put_drop(turn, letter->call);
    wf_turn_answer_client(turn, letter->client, letter->number,
                          is_checked ? WEFT_EFAILED : err, wf_buf_bytes(&data));
    wf_buf_fini(&data);
    return false;
}

static weft_err
run_handler(weft_workflow *wf, void *ctx)
{
    const struct handling *handling = ctx;

    return handling->handler->handle(wf, handling->input,
                                     handling->handler->ctx);
}

void
wf_update_begin(weft_workflow *wf, const struct wf_letter *letter)
{
    const struct wf_handler *handler = find_handler(wf, letter->name);
    struct handling *handling = wf_workflow_memory(wf, sizeof(*handling));

    if (handler == NULL) {
        (void)wf_error(WEFT_EDIVERGED,
                       "the code does not fit its journal: recorded was an "
                       "update \"%.*s\", which it does not take any more",
                       (int)letter->name.len, (const char *)letter->name.data);
        wf->divergence = wf_strdup(weft_err_detail());
        wf->is_unwinding = true;
        return;
    }
    *handling = (struct handling){
        .handler = handler,
        .number = letter->call,
        .input = wf_workflow_keep(wf, letter->data),
    };
    if (wf->turn != NULL) {
        put_accept(wf->turn, letter);
    }
    wf_branch_add_handler(wf, handler->name, letter->call, run_handler,
                          handling);
}

void
wf_update_end(weft_workflow *wf, const struct wf_branch *branch)
{
    const struct wf_update *update =
        wf->turn == NULL ? NULL
                         : wf_updates_find(&wf->actor->updates, branch->update);
    weft_failure failure = wf_branch_failure(branch);
    struct wf_buf data = {0};

    if (update == NULL || update->is_done) {
        return; // it was answered: before a replay, or by a reset
    }
    wf_buf_put_u32(&wf->turn->updates_done, update->number);
    if (branch->outcome == WEFT_OK) {
        put_done(wf->turn, update, WEFT_OK, branch->result);
        return;
    }
    encode_failure(failure.name, failure.message, failure.details, &data);
    put_done(wf->turn, update,
             branch->outcome == WEFT_ECANCELLED ? WEFT_ECANCELLED
                                                : WEFT_EFAILED,
             wf_buf_bytes(&data));
    wf_buf_fini(&data);
}

// Its own record is not applied yet.
static bool
is_done_now(const struct wf_turn *turn, const struct wf_update *update)
{
    struct wf_reader done = wf_reader_of(wf_buf_bytes(&turn->updates_done));

    while (wf_reader_left(&done) > 0) {
        if (wf_reader_u32(&done) == update->number) {
            return true;
        }
    }
    return update->is_done;
}

static bool
is_accepted_now(const struct wf_turn *turn, const struct wf_update *update)
{
    return update->is_accepted || (turn->letter.type == WF_LETTER_UPDATE &&
                                   turn->letter.call == update->number);
}

const weft_failure *
wf_update_unfinished(void)
{
    static const weft_failure failure = {
        .name = "WEFT_EFINISHED",
        .message = "the workflow ended before the update was done",
    };

    return &failure;
}

void
wf_update_end_all(struct wf_turn *turn, uint32_t known_to)
{
    const weft_failure *failure = wf_update_unfinished();
    const struct wf_list *list = &turn->actor->updates.all.list;
    struct wf_list_node *node = wf_list_first(list);
    struct wf_buf data = {0};

    encode_failure(failure->name, failure->message, weft_nothing(), &data);
    for (; node != NULL; node = wf_list_next(list, node)) {
        const struct wf_update *update =
            WF_CONTAINER(node, struct wf_update, node);

        if (!is_accepted_now(turn, update) || is_done_now(turn, update)) {
            continue;
        }
        put_done(turn, update, WEFT_EFINISHED, wf_buf_bytes(&data));
        if (update->number > known_to) {
            wf_update_put_drop(turn, update->number);
        }
    }
    wf_buf_fini(&data);
}

// What the code calls. ------------------------------------------------------

weft_err
weft_workflow_on_update(weft_workflow *wf, const char *name,
                        weft_update_check_fn *check, weft_update_fn *handle,
                        void *ctx)
{
    struct wf_handler *handler;
    weft_err err;

    WF_REQUIRE_INSIDE(wf);
    WF_REQUIRE(handle != NULL);
    err = wf_name_check("update", name, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK) {
        err = wf_replay_check_caller(wf);
    }
    if (err != WEFT_OK) {
        return err;
    }
    handler = wf_workflow_memory(wf, sizeof(*handler));
    *handler = (struct wf_handler){
        .next = wf->handlers,
        .name = wf_workflow_keep_text(wf, weft_text(name)),
        .check = check,
        .handle = handle,
        .ctx = ctx,
    };
    wf->handlers = handler;
    return WEFT_OK;
}

static int
is_idle(void *ctx)
{
    const weft_workflow *wf = ctx;

    return wf->handlers_running == 0;
}

weft_err
weft_workflow_await_updates(weft_workflow *wf)
{
    WF_REQUIRE_INSIDE(wf);
    return weft_workflow_await_condition(wf, is_idle, wf, WEFT_FOREVER);
}
