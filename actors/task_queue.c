// SPDX-License-Identifier: Apache-2.0
//
// task_queue.c - the actor that brings offers of attempts and polls of workers
// together. See weft/task_queue.h for what it does, weft/worker.h for polls,
// queue_items.h for what it keeps.
//
// Each poller has a timer of its own, under its key: while its poll waits, for
// the answer that there is nothing; else for its silence, which is short if it
// was handed something. Whether somebody still waits for the answer to a poll
// is asked before it gets anything: those of processes that have died get
// nothing.
//
// An offer that nobody repeats for two hours is of an attempt that is over: the
// core repeats what waits at least every hour. Those are swept out.

#include "weft/task_queue.h"

#include <stdio.h>
#include <string.h>

#include "actors/queue_items.h"
#include "weft/payload.h"

#define CREDIT_MAX 1000
#define WAIT_MS_DEFAULT 20000
#define WAIT_MS_MAX 60000
#define SILENCE_MS 30000
#define UNCONFIRMED_MS 10000
#define STALE_MS (2 * 3600000ULL)
#define SWEEP_MS 3600000ULL
#define SWEEP_OFFERS 500 // in one turn
#define SWEEP_PAUSE_MS 1000

// Handing out. --------------------------------------------------------------

static void
hand_one(struct wf_queue_turn *turn, struct wf_queue_poller *poller,
         weft_payload *answer, weft_bytes message)
{
    uint64_t id = ++turn->queue->last_id;
    weft_bytes activity = weft_nothing();
    weft_bytes token = wf_queue_items_token(message);
    struct wf_buf value = {0};
    char key[WF_QUEUE_KEY_CHARS];

    (void)weft_payload_get_bytes(message, "activity", &activity);
    (void)weft_payload_pack(answer, "{'id':u, 'token':S, 'activity':S}", id,
                            (const char *)token.data, token.len,
                            (const char *)activity.data, activity.len);
    wf_buf_put_u64(&value, weft_actor_now_ms(turn->actor));
    wf_buf_put(&value, poller->id, WF_QUEUE_POLLER_BYTES);
    wf_buf_put(&value, message.data, message.len);
    wf_queue_items_put(turn, wf_queue_items_key(key, 'h', id), &value);
    wf_queue_items_put_place(turn, token, 'h', id);
    wf_buf_put_u64(&poller->handed, id);
    turn->queue->handed++;
    wf_buf_fini(&value);
}

// Up to `count` of those that wait, and NULL or one more. question 0: to the
// message of this turn.
static void
hand_out(struct wf_queue_turn *turn, struct wf_queue_poller *poller,
         uint64_t count, uint32_t question)
{
    uint64_t depth = turn->queue->depth;
    weft_payload *answer = NULL;

    count = count < depth ? count : depth;
    wf_queue_items_note(turn, weft_payload_create(&answer));
    if (answer == NULL) {
        return;
    }
    weft_payload_map(answer, 1);
    weft_payload_text(answer, "offers");
    weft_payload_array(answer, count);
    for (uint64_t i = 0; i < count; i++) {
        struct wf_buf message = {0};

        if (wf_queue_items_dequeue(turn, &message)) {
            hand_one(turn, poller, answer, wf_buf_bytes(&message));
        }
        wf_buf_fini(&message);
    }
    wf_queue_items_note(turn, weft_payload_error(answer));
    wf_queue_items_note(
        turn, question == 0
                  ? weft_actor_reply(turn->actor, weft_payload_bytes(answer))
                  : weft_actor_reply_to(turn->actor, question,
                                        weft_payload_bytes(answer)));
    weft_payload_destroy(answer);
}

// Its poll waits no more, and is answered with so many.
static void
end_wait(struct wf_queue_turn *turn, struct wf_queue_poller *poller,
         uint64_t count)
{
    char key[WF_QUEUE_KEY_CHARS];

    if (poller->wait != 0) {
        wf_queue_items_remove(turn,
                              wf_queue_items_key(key, 'w', poller->wait - 1));
        turn->queue->waiting--;
        poller->wait = 0;
        hand_out(turn, poller, count, poller->question);
    }
}

static void
begin_wait(struct wf_queue_turn *turn, struct wf_queue_poller *poller,
           uint32_t credit)
{
    struct wf_queue_ring *polls = &turn->queue->polls;
    struct wf_buf value = {0};
    char key[WF_QUEUE_KEY_CHARS];

    if (weft_actor_reply_later(turn->actor, &poller->question) != WEFT_OK) {
        return; // it was no question: nobody waits
    }
    wf_buf_put(&value, poller->id, WF_QUEUE_POLLER_BYTES);
    wf_queue_items_put(turn, wf_queue_items_key(key, 'w', polls->tail), &value);
    wf_buf_fini(&value);
    poller->wait = ++polls->tail;
    poller->credit = credit;
    turn->queue->waiting++;
}

// The poll that waits longest. False: none does.
static bool
next_poll(struct wf_queue_turn *turn, struct wf_queue_poller *out_poller)
{
    struct wf_queue_ring *polls = &turn->queue->polls;
    char key[WF_QUEUE_KEY_CHARS];

    while (polls->head < polls->tail) {
        weft_bytes id = wf_queue_items_get(
            turn, wf_queue_items_key(key, 'w', polls->head++));

        if (id.len == WF_QUEUE_POLLER_BYTES) {
            wf_queue_items_read_poller(turn, id.data, out_poller);
            return true;
        }
    }
    return false;
}

// Whoever polled is gone; if it comes back, it polls again.
static void
end_unheard(struct wf_queue_turn *turn, struct wf_queue_poller *poller)
{
    end_wait(turn, poller, 0);
    wf_queue_items_put_back(turn, poller, UINT64_MAX);
    wf_queue_items_forget_poller(turn, poller);
}

static void
keep_poller(struct wf_queue_turn *turn, struct wf_queue_poller *poller)
{
    wf_queue_items_write_poller(
        turn, poller, poller->handed.len > 0 ? UNCONFIRMED_MS : SILENCE_MS);
}

// Offers to polls, as long as there are both; each gets its share.
static void
serve(struct wf_queue_turn *turn)
{
    struct wf_queue *queue = turn->queue;
    struct wf_queue_poller poller;

    while (turn->err == WEFT_OK && queue->depth > 0 && queue->waiting > 0 &&
           next_poll(turn, &poller)) {
        uint64_t share = (queue->depth + queue->waiting - 1) / queue->waiting;

        if (!weft_actor_is_awaited(turn->actor, poller.question)) {
            end_unheard(turn, &poller);
            continue;
        }
        end_wait(turn, &poller, share < poller.credit ? share : poller.credit);
        keep_poller(turn, &poller);
    }
}

// Messages. -----------------------------------------------------------------

// Each token once. One that was handed out long ago, and is offered again, was
// not leased: it waits again.
static void
take_offer(struct wf_queue_turn *turn, weft_bytes message)
{
    weft_bytes token = wf_queue_items_token(message);
    char key[WF_QUEUE_KEY_CHARS];
    struct wf_reader place;
    char where;
    uint64_t number;

    if (token.len == 0 || !weft_payload_has(message, "activity")) {
        return;
    }
    place = wf_reader_of(
        wf_queue_items_get(turn, wf_queue_items_token_key(key, token)));
    where = (char)wf_reader_u8(&place);
    number = wf_reader_u64(&place);
    turn->queue->offered++;
    if (where == 'o' || where == 'b') {
        wf_queue_items_put_waiting(turn, where, number,
                                   message); // it was heard of today
        return;
    }
    if (where == 'h') {
        wf_queue_items_remove_handed(turn, number);
    }
    wf_queue_items_enqueue(turn, 'o', message);
    serve(turn);
}

// What a poll says.
struct poll {
    weft_bytes poller;
    uint64_t credit;
    uint64_t wait_ms;
    int is_bye;
};

static const char *
read_poll(weft_bytes data, struct poll *out_poll)
{
    struct poll poll = {.credit = 1, .wait_ms = WAIT_MS_DEFAULT};

    if (weft_payload_check(data) != WEFT_OK ||
        weft_payload_get_bytes(data, "poller", &poll.poller) != WEFT_OK ||
        poll.poller.len != WF_QUEUE_POLLER_BYTES) {
        return "poller: not 16 bytes";
    }
    if (weft_payload_has(data, "credit") &&
        (weft_payload_get_uint(data, "credit", &poll.credit) != WEFT_OK ||
         poll.credit > CREDIT_MAX)) {
        return "credit: not 0 to 1000";
    }
    if (weft_payload_has(data, "wait_ms") &&
        (weft_payload_get_uint(data, "wait_ms", &poll.wait_ms) != WEFT_OK ||
         poll.wait_ms > WAIT_MS_MAX)) {
        return "wait_ms: not 0 to 60000";
    }
    (void)weft_payload_get_bool(data, "bye", &poll.is_bye);
    *out_poll = poll;
    return NULL;
}

// A malformed poll is its sender's to mend: the queue goes on.
static void
refuse(struct wf_queue_turn *turn, const char *why)
{
    weft_payload *answer = NULL;

    wf_queue_items_note(turn, weft_payload_create(&answer));
    if (answer != NULL) {
        wf_queue_items_note(
            turn, weft_payload_pack(answer, "{'offers':[], 'error':s}", why));
        wf_queue_items_note(
            turn, weft_actor_reply(turn->actor, weft_payload_bytes(answer)));
        weft_payload_destroy(answer);
    }
}

static void
confirm_all(struct wf_queue_turn *turn, const struct wf_queue_poller *poller,
            weft_bytes data)
{
    weft_payload_entries walk;
    weft_bytes entry;
    uint64_t id;

    if (weft_payload_walk(data, "taken", &walk) != WEFT_OK) {
        return;
    }
    while (weft_payload_next(&walk, NULL, &entry)) {
        if (weft_payload_get_uint(entry, "", &id) == WEFT_OK) {
            wf_queue_items_confirm(turn, poller, id);
        }
    }
}

static void
take_poll(struct wf_queue_turn *turn, weft_bytes data)
{
    uint64_t now_ms = weft_actor_now_ms(turn->actor);
    struct wf_queue_poller poller;
    struct poll poll;
    const char *why = read_poll(data, &poll);

    if (why != NULL) {
        refuse(turn, why);
        return;
    }
    wf_queue_items_read_poller(turn, poll.poller.data, &poller);
    confirm_all(turn, &poller, data);
    wf_queue_items_put_back(turn, &poller,
                            poll.is_bye                ? UINT64_MAX
                            : now_ms >= UNCONFIRMED_MS ? now_ms - UNCONFIRMED_MS
                                                       : 0);
    end_wait(turn, &poller, 0);
    if (poll.is_bye) {
        hand_out(turn, &poller, 0, 0);
        wf_queue_items_forget_poller(turn, &poller);
        serve(turn);
        return;
    }
    if (turn->queue->depth == 0 && poll.credit > 0 && poll.wait_ms > 0) {
        begin_wait(turn, &poller, (uint32_t)poll.credit);
        wf_queue_items_write_poller(turn, &poller, poll.wait_ms);
    } else {
        hand_out(turn, &poller, poll.credit, 0);
        keep_poller(turn, &poller);
        serve(turn); // more may have come back than it takes
    }
}

static bool
read_hex(const char *text, uint8_t out_id[WF_QUEUE_POLLER_BYTES])
{
    for (size_t i = 0; i < WF_QUEUE_POLLER_BYTES; i++) {
        unsigned byte;

        if (sscanf(text + 2 * i, "%2x", &byte) != 1) {
            return false;
        }
        out_id[i] = (uint8_t)byte;
    }
    return true;
}

// It has waited long enough, or was not heard for long enough.
static void
take_silence(struct wf_queue_turn *turn, const char *name)
{
    uint8_t id[WF_QUEUE_POLLER_BYTES];
    struct wf_queue_poller poller;

    if (!read_hex(name + 1, id)) {
        return;
    }
    wf_queue_items_read_poller(turn, id, &poller);
    if (poller.wait != 0) {
        end_wait(turn, &poller, 0);
        keep_poller(turn, &poller);
    } else {
        wf_queue_items_put_back(turn, &poller, UINT64_MAX);
        wf_queue_items_forget_poller(turn, &poller);
        serve(turn);
    }
}

static void
sweep_later(struct wf_queue_turn *turn, enum wf_queue_sweep what,
            uint64_t after_ms)
{
    turn->queue->sweep = what;
    wf_queue_items_note(turn,
                        weft_actor_timer_set(turn->actor, "sweep", after_ms));
}

// Throw it out if nobody has repeated it.
static void
sweep_one(struct wf_queue_turn *turn, char place, uint64_t seq)
{
    char key[WF_QUEUE_KEY_CHARS];
    char token[WF_QUEUE_KEY_CHARS];
    struct wf_reader value = wf_reader_of(
        wf_queue_items_get(turn, wf_queue_items_key(key, place, seq)));
    uint64_t since = wf_reader_u64(&value);

    if (!value.failed && since + STALE_MS < weft_actor_now_ms(turn->actor)) {
        (void)wf_queue_items_token_key(
            token, wf_queue_items_token(wf_reader_rest(&value)));
        wf_queue_items_remove(turn, key);
        wf_queue_items_remove(turn, token);
        turn->queue->depth--;
    }
}

// Some at a time; those that came back after the others.
static void
sweep(struct wf_queue_turn *turn)
{
    struct wf_queue *queue = turn->queue;
    bool is_back = queue->sweep == WF_QUEUE_SWEEP_BACK;
    const struct wf_queue_ring *ring = is_back ? &queue->back : &queue->offers;
    uint64_t seq = queue->swept > ring->head ? queue->swept : ring->head;

    for (int i = 0; i < SWEEP_OFFERS && seq < ring->tail; i++, seq++) {
        sweep_one(turn, is_back ? 'b' : 'o', seq);
    }
    queue->swept = seq < ring->tail ? seq : 0;
    if (queue->swept > 0) {
        sweep_later(turn, (enum wf_queue_sweep)queue->sweep, SWEEP_PAUSE_MS);
    } else if (!is_back && queue->depth > 0) {
        sweep_later(turn, WF_QUEUE_SWEEP_BACK, SWEEP_PAUSE_MS);
    } else {
        queue->sweep = WF_QUEUE_SWEEP_NONE;
    }
}

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct wf_queue_turn turn = {.actor = actor, .queue = state};

    if (message->type == WEFT_MESSAGE_TIMER) {
        if (message->name[0] == 'p') {
            take_silence(&turn, message->name);
        } else {
            sweep(&turn);
        }
    } else if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK; // it stays, whoever asks it to stop
    } else if (strcmp(message->name, "poll") == 0) {
        take_poll(&turn, message->data);
    } else if (strcmp(message->name, "offer") == 0 &&
               message->sender_kind[0] != '\0') {
        take_offer(&turn, message->data);
    }
    if (turn.queue->sweep == WF_QUEUE_SWEEP_NONE && turn.queue->depth > 0) {
        sweep_later(&turn, WF_QUEUE_SWEEP_OFFERS, SWEEP_MS);
    }
    return turn.err;
}

// Queries. ------------------------------------------------------------------

static weft_err
answer_stats(weft_payload *answer, const struct wf_queue *queue)
{
    return weft_payload_pack(
        answer,
        "{'depth':u, 'handed':u, 'pollers':u, 'waiting':u, 'offered':u, "
        "'taken':u, 'returned':u}",
        queue->depth, queue->handed, queue->pollers, queue->waiting,
        queue->offered, queue->taken, queue->returned);
}

static weft_err
answer_query(weft_query *query, const char *name, weft_bytes args,
             const void *state, size_t state_len)
{
    const struct wf_queue *queue = state;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"depth", queue->depth},
                   {"handed", queue->handed},
                   {"pollers", queue->pollers},
                   {"waiting", queue->waiting}};
    weft_payload *answer = NULL;
    weft_err err = weft_payload_create(&answer);

    (void)args;
    (void)state_len;
    if (err != WEFT_OK) {
        return err;
    }
    err = WEFT_ENOTFOUND;
    if (strcmp(name, "stats") == 0) {
        err = answer_stats(answer, queue);
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            err = weft_payload_pack(answer, "u", numbers[i].value);
        }
    }
    if (err == WEFT_OK) {
        err = weft_query_return(query, weft_payload_bytes(answer));
    }
    weft_payload_destroy(answer);
    return err;
}

weft_err
weft_definitions_add_task_queues(weft_definitions *definitions)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = WEFT_TASK_QUEUE_KIND;
    def.state_bytes = sizeof(struct wf_queue);
    def.receive = receive;
    def.query = answer_query;
    def.creation = WEFT_CREATION_ALWAYS;
    return weft_definitions_add_actor(definitions, &def);
}
