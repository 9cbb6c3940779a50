// SPDX-License-Identifier: Apache-2.0
//
// crew.c - the workers of a world's task queues, by hand. See crew.h.

#include "sim/crew.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "weft/payload.h"
#include "weft/task_queue.h"

enum {
    HANDS = 4,
    TASKS_MAX = 6, // of a hand, at a time
    CREDIT_MAX = 3,
    SEEN_MAX = 600,
    LEASE_MS = 5000,
    DAWDLE_MS = 15000, // with a lease that is renewed
    WAIT_MS = 60000,
    AWAY_MS_MAX = 45000, // longer than a poller is waited for
    DEATHS = 2000        // a hand dies at one of so many moments
};

enum task_state {
    TASK_NONE,
    TASK_LEASING,
    TASK_RUNNING,
    TASK_LATE,   // says nothing, and comes back
    TASK_DEAD,   // and does not come back; its hand does not take it again
    TASK_ENDING, // has said how it ended
};

struct task {
    enum task_state state;
    uint64_t offer;
    char token[WEFT_TOKEN_CHARS_MAX];
    char key[40];
    uint32_t attempt;
    struct run_work work;
    uint64_t renew_at_ms;
    uint64_t end_at_ms;
    struct world_call *call;  // its lease, or its end
    struct world_call *renew; // under way; or NULL
    bool is_left;             // to be completed by token
    bool is_beaten;           // somebody else has a later attempt
};

struct hand {
    const char *queue;
    uint32_t index;
    uint32_t lives;
    uint64_t away_to_ms;
    struct world_call *poll;
    uint64_t taken[TASKS_MAX + CREDIT_MAX]; // to be said with the next poll
    size_t taken_count;
    struct task tasks[TASKS_MAX];
};

// The latest attempt that somebody has.
struct seen {
    char key[40];
    uint32_t attempt;
};

struct crew {
    const struct run_hooks *hooks;
    struct world *world;
    struct hand hands[HANDS];
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    uint64_t drawn;
    bool is_calm;
};

struct crew *
crew_create(const struct run_hooks *hooks)
{
    struct crew *crew = wf_calloc(sizeof(*crew));

    crew->hooks = hooks;
    for (uint32_t i = 0; i < HANDS; i++) {
        crew->hands[i].index = i;
        crew->hands[i].queue = i % 2 == 0 ? RUN_QUEUE : RUN_QUEUE_OTHER;
    }
    return crew;
}

void
crew_destroy(struct crew *crew)
{
    wf_free(crew);
}

void
crew_calm(struct crew *crew)
{
    crew->is_calm = true;
}

// No choices: a run that is shrunk has the same workers.
static uint64_t
draw(struct crew *crew, uint64_t below)
{
    crew->drawn = program_mix(crew->drawn, 1);
    return (crew->drawn >> 33) % below;
}

static void
wrong(const struct crew *crew, const char *what)
{
    crew->hooks->called(crew->hooks->ctx, "wrong", 0, what);
}

static struct seen *
see(struct crew *crew, const char *key)
{
    struct seen *seen = crew->seen;

    while (seen < crew->seen + crew->seen_count &&
           strcmp(seen->key, key) != 0) {
        seen++;
    }
    if (seen == crew->seen + crew->seen_count) {
        // Whoever falls out is late for nothing.
        crew->seen_count += crew->seen_count < SEEN_MAX - 1 ? 1 : 0;
        *seen = (struct seen){.attempt = 0};
        (void)snprintf(seen->key, sizeof(seen->key), "%s", key);
    }
    return seen;
}

// Asking. ---------------------------------------------------------------------

static struct world_call *
ask(struct crew *crew, const struct hand *hand, const struct task *task,
    weft_verb verb, weft_bytes data, const char *failure)
{
    weft_request request = WEFT_REQUEST_INIT;
    char worker[40];

    (void)snprintf(worker, sizeof(worker), "hand-%u-%u", hand->index,
                   hand->lives);
    request.verb = verb;
    request.token = task->token;
    request.worker = worker;
    request.lease_ms = LEASE_MS;
    request.data = data;
    request.error_name = failure;
    request.is_for_good = failure != NULL && strcmp(failure, "bad") == 0;
    return world_submit(crew->world, &request);
}

static void
write_poll(const struct hand *hand, uint64_t credit, weft_payload *data)
{
    uint32_t id[4] = {hand->index + 1, hand->lives};

    weft_payload_map(data, 4);
    weft_payload_text(data, "poller");
    weft_payload_bin(data, id, sizeof(id));
    weft_payload_text(data, "credit");
    weft_payload_uint(data, credit);
    weft_payload_text(data, "wait_ms");
    weft_payload_uint(data, WAIT_MS);
    weft_payload_text(data, "taken");
    weft_payload_array(data, hand->taken_count);
    for (size_t i = 0; i < hand->taken_count; i++) {
        weft_payload_uint(data, hand->taken[i]);
    }
}

// Once it is known what came of the offers of the last one.
static void
poll(struct crew *crew, struct hand *hand)
{
    bool is_leasing = false;
    uint64_t credit = 0;
    weft_payload *data;

    for (size_t i = 0; i < TASKS_MAX; i++) {
        credit += hand->tasks[i].state == TASK_NONE && credit < CREDIT_MAX;
        is_leasing = is_leasing || hand->tasks[i].state == TASK_LEASING;
    }
    if (is_leasing || (credit == 0 && hand->taken_count == 0) ||
        weft_payload_create(&data) != WEFT_OK) {
        return;
    }
    write_poll(hand, credit, data);
    hand->taken_count = 0;
    hand->poll = world_call(crew->world, WEFT_VERB_ASK, WEFT_TASK_QUEUE_KIND,
                            hand->queue, "poll", weft_payload_bytes(data));
    weft_payload_destroy(data);
}

// What it has already may be offered again.
static bool
has_task(const struct hand *hand, const char *token)
{
    for (size_t i = 0; i < TASKS_MAX; i++) {
        if (hand->tasks[i].state != TASK_NONE &&
            strcmp(hand->tasks[i].token, token) == 0) {
            return true;
        }
    }
    return false;
}

static void
take_offer(struct crew *crew, struct hand *hand, weft_bytes offer)
{
    struct task *task = hand->tasks;
    struct task taken = {.state = TASK_LEASING};

    if (weft_payload_get_uint(offer, "id", &taken.offer) != WEFT_OK ||
        weft_payload_get_text(offer, "token", taken.token,
                              sizeof(taken.token)) != WEFT_OK) {
        wrong(crew, "an_offer_without_a_token");
    }
    while (task < hand->tasks + TASKS_MAX && task->state != TASK_NONE) {
        task++;
    }
    if (task == hand->tasks + TASKS_MAX) {
        wrong(crew, "more_offers_than_credit");
    } else if (has_task(hand, taken.token)) {
        hand->taken[hand->taken_count++] = taken.offer;
    } else {
        *task = taken;
        task->call =
            ask(crew, hand, task, WEFT_VERB_LEASE, weft_nothing(), NULL);
    }
}

static void
take_offers(struct crew *crew, struct hand *hand)
{
    const struct world_call *call = hand->poll;
    weft_payload_entries walk;
    weft_bytes entry;

    hand->poll = NULL;
    if (call->err != WEFT_OK ||
        weft_payload_walk(weft_bytes_of(call->data, call->data_len), "offers",
                          &walk) != WEFT_OK) {
        return;
    }
    while (weft_payload_next(&walk, NULL, &entry)) {
        take_offer(crew, hand, entry);
    }
}

// Working. --------------------------------------------------------------------

static void
detail_of(const struct run_work *work, char out[24])
{
    (void)snprintf(out, 24, "at %u", (unsigned)(work->x % 1000));
}

// True: it is begun, and not given back.
static bool
read_lease(struct crew *crew, struct task *task)
{
    const weft_lease *lease = &task->call->lease;
    char detail[24];

    if (!task->call->has_lease || lease->input.len != sizeof(task->work)) {
        wrong(crew, "a_lease_of_something_else");
        return false;
    }
    memcpy(&task->work, lease->input.data, sizeof(task->work));
    detail_of(&task->work, detail);
    if (task->call->lease_details[0] != '\0' &&
        strcmp(task->call->lease_details, detail) != 0) {
        wrong(crew, "details_of_another");
    }
    task->attempt = lease->attempt;
    (void)snprintf(task->key, sizeof(task->key), "%s", lease->key);
    return true;
}

static bool
is_bad_attempt(const struct task *task)
{
    return task->attempt <= task->work.flaky;
}

// What an attempt that was leased comes to.
static void
begin(struct crew *crew, struct hand *hand, struct task *task)
{
    uint64_t now_ms = world_now_ms(crew->world);
    enum program_queue how = task->work.how - CALL_COUNT;
    struct seen *seen = see(crew, task->key);
    char name[PROGRAM_ID_SIZE];

    if (how == QUEUE_BACK && draw(crew, 2) == 0) {
        task->state = TASK_ENDING;
        task->call =
            ask(crew, hand, task, WEFT_VERB_RELEASE, weft_nothing(), NULL);
        return;
    }
    program_copy_name(task->work.name,
                      program_copy_mark(task->call->lease.caller_id), name);
    crew->hooks->called(crew->hooks->ctx, task->key, task->attempt, name);
    seen->attempt =
        task->attempt > seen->attempt ? task->attempt : seen->attempt;
    task->state = TASK_RUNNING;
    task->renew_at_ms = now_ms + LEASE_MS / 3;
    task->end_at_ms =
        now_ms +
        draw(crew, draw(crew, 4) == 0 && !crew->is_calm ? DAWDLE_MS : 50);
    if (how == QUEUE_DEAD && is_bad_attempt(task)) {
        task->state = TASK_DEAD;
        task->end_at_ms = now_ms + AWAY_MS_MAX;
    } else if (how == QUEUE_LATE && is_bad_attempt(task)) {
        task->state = TASK_LATE;
        task->end_at_ms = now_ms + LEASE_MS + draw(crew, 20000);
    }
}

static void
end_lease(struct crew *crew, struct hand *hand, struct task *task)
{
    weft_err err = task->call->err;

    hand->taken[hand->taken_count++] = task->offer;
    task->state = TASK_NONE;
    if (err == WEFT_OK && read_lease(crew, task)) {
        begin(crew, hand, task);
    } else if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
        wrong(crew, "a_lease_that_fails");
    }
}

// Somebody who has a later attempt makes this one worthless, whatever it says.
static void
end(struct crew *crew, struct hand *hand, struct task *task, bool is_cancelled)
{
    enum program_queue how = task->work.how - CALL_COUNT;
    uint64_t result = program_work(task->work.x);
    const char *failure = is_cancelled       ? "WEFT_ECANCELLED"
                          : how == QUEUE_BAD ? "bad"
                          : how == QUEUE_FLAKY && is_bad_attempt(task) ? "flaky"
                                                                       : NULL;

    task->is_beaten = see(crew, task->key)->attempt > task->attempt;
    task->is_left = how == QUEUE_LATER && failure == NULL;
    task->state = TASK_ENDING;
    if (task->is_beaten) {
        result += 1000;
        failure = NULL;
        task->is_left = false;
    }
    task->call = ask(crew, hand, task,
                     task->is_left     ? WEFT_VERB_DEFER
                     : failure != NULL ? WEFT_VERB_FAIL
                                       : WEFT_VERB_COMPLETE,
                     weft_bytes_of(&result, sizeof(result)), failure);
}

// How it ended was heard, or it was over.
static void
close_task(struct crew *crew, struct task *task)
{
    weft_err err = task->call->err;

    task->state = TASK_NONE;
    if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
        wrong(crew, "an_end_that_fails");
    }
    if (err == WEFT_OK && task->is_beaten) {
        wrong(crew, "a_late_end_counts");
    }
    if (err == WEFT_OK && task->is_left) {
        crew->hooks->deferred(crew->hooks->ctx, task->token, NULL,
                              program_work(task->work.x));
    }
}

static void
run(struct crew *crew, struct hand *hand, struct task *task)
{
    uint64_t now_ms = world_now_ms(crew->world);
    char detail[24];

    if (task->renew != NULL && task->renew->is_answered) {
        weft_err err = task->renew->err;

        task->renew = NULL;
        if (err == WEFT_ENOTFOUND) {
            task->state = TASK_NONE;
            return;
        }
        if (err == WEFT_ECANCELLED) {
            end(crew, hand, task, true);
            return;
        }
    }
    if (now_ms >= task->end_at_ms) {
        end(crew, hand, task, false);
    } else if (now_ms >= task->renew_at_ms && task->renew == NULL) {
        bool beats = draw(crew, 2) == 0;

        detail_of(&task->work, detail);
        task->renew_at_ms = now_ms + LEASE_MS / 3;
        task->renew =
            ask(crew, hand, task, beats ? WEFT_VERB_HEARTBEAT : WEFT_VERB_RENEW,
                weft_text(beats ? detail : ""), NULL);
    }
}

static void
tend_task(struct crew *crew, struct hand *hand, struct task *task)
{
    bool is_answered = task->call != NULL && task->call->is_answered;

    switch (task->state) {
    case TASK_LEASING:
        if (is_answered) {
            end_lease(crew, hand, task);
        }
        break;
    case TASK_RUNNING:
        run(crew, hand, task);
        break;
    case TASK_LATE:
        if (world_now_ms(crew->world) >= task->end_at_ms) {
            end(crew, hand, task, false);
        }
        break;
    case TASK_ENDING:
        if (is_answered) {
            close_task(crew, task);
        }
        break;
    case TASK_DEAD:
        if (world_now_ms(crew->world) >= task->end_at_ms) {
            task->state = TASK_NONE;
        }
        break;
    default:
        break;
    }
}

// Whatever it had it has no more. It comes back as another one.
static void
die(struct crew *crew, struct hand *hand)
{
    hand->lives++;
    hand->away_to_ms = world_now_ms(crew->world) + draw(crew, AWAY_MS_MAX);
    hand->poll = NULL;
    hand->taken_count = 0;
    memset(hand->tasks, 0, sizeof(hand->tasks));
}

void
crew_tend(struct crew *crew, struct world *world)
{
    crew->world = world;
    for (struct hand *hand = crew->hands; hand < crew->hands + HANDS; hand++) {
        if (draw(crew, DEATHS) == 0 && !crew->is_calm) {
            die(crew, hand);
        }
        if (world_now_ms(world) < hand->away_to_ms) {
            continue;
        }
        if (hand->poll != NULL && hand->poll->is_answered) {
            take_offers(crew, hand);
        }
        for (size_t i = 0; i < TASKS_MAX; i++) {
            tend_task(crew, hand, &hand->tasks[i]);
        }
        if (hand->poll == NULL) {
            poll(crew, hand);
        }
    }
}
