// SPDX-License-Identifier: Apache-2.0
//
// rules.c - judge one order: is what happened what had to happen, once?
//
// Who wins a race - a customer who cancels against a courier who arrives - is
// not in the order's line, but not everything is legal either. What was
// acknowledged before something else was sent came first; what was acknowledged
// before a deadline is not late. A plan may be upset only by a process that was
// dead in the meantime.
//
// The limits are the example's, said again: an independent account.

#include <stdio.h>
#include <string.h>

#include "account.h"

#define CONFIRM_MS_MAX 2500
#define PICKED_MS_MAX 2500
#define DELIVERED_MS_MAX 2000
#define VOUCHER_MS_MAX 2000

#define PLAN_MS 300 // closer than this, a plan decides nothing
#define CANCEL_MS 100
#define CLOCK_MS 20   // two clocks of one machine may differ by
#define END_MS 10     // an order ends while a signal is on its way
#define AWAKE_MS 1000 // a process that opened has caught up

const char *const account_reasons[REASONS_COUNT] = {
    "cancelled", "card_declined", "no_confirm", "no_picked", "no_delivered",
};

enum outcome { OUTCOME_EITHER, OUTCOME_COMPLETED, OUTCOME_COMPENSATED };

static int
is(const char *left, const char *right)
{
    return strcmp(left, right) == 0;
}

// The first line of the array in which the members have these texts; NULL if
// there is none. A NULL name is not compared.
static const json_t *
find_line(const json_t *array, const char *name, const char *text,
          const char *name_2, const char *text_2)
{
    const json_t *line;
    size_t i;

    json_array_foreach(array, i, line)
    {
        if (is(account_text(line, name), text) &&
            (name_2 == NULL || is(account_text(line, name_2), text_2))) {
            return line;
        }
    }
    return NULL;
}

static const json_t *
find_event(const struct order *order, const char *what, const char *signal)
{
    return find_line(order->events, "event", what, "signal", signal);
}

static const json_t *
find_done(const struct order *order, const char *activity)
{
    return find_line(order->attempts, "activity", activity, "outcome", "ok");
}

static const json_t *
find_step(const struct order *order, const char *activity)
{
    return find_line(json_object_get(order->result, "steps"), "name", activity,
                     NULL, NULL);
}

// Whether nobody lived during a part of the time from a to b.
static int
was_dead(const struct account *account, json_int_t a, json_int_t b)
{
    for (size_t i = 0; i < account->gaps_count; i++) {
        if (account->gaps[i].from <= b && account->gaps[i].to >= a) {
            return 1;
        }
    }
    return 0;
}

// The instance. -------------------------------------------------------------

// Returns 0 if there is nothing more to judge.
static int
judge_instance(struct account *account, struct order *order)
{
    const json_t *instance = json_array_get(order->instances, 0);
    size_t count = json_array_size(order->instances);

    if (count == 0) {
        account_problem(account, VERDICT_LOST, order->id,
                        "is not in the store");
        return 0;
    }
    if (count > 1 || account_number(instance, "run") != 1) {
        account_problem(account, VERDICT_DOUBLED, order->id,
                        "ran more than once");
    }
    if (!is(account_text(instance, "status"), "completed")) {
        const json_t *failure = json_object_get(instance, "failure");

        account_problem(
            account, VERDICT_LOST, order->id, "is %s, not completed: %s %s",
            account_text(instance, "status"), account_text(failure, "name"),
            account_text(failure, "message"));
        return 0;
    }
    order->result = json_object_get(instance, "result");
    order->began_ms = account_number(order->result, "began_ms");
    order->ended_ms = account_number(order->result, "ended_ms");
    if (!is(account_text(order->result, "outcome"), "completed") &&
        !is(account_text(order->result, "outcome"), "compensated")) {
        account_problem(account, VERDICT_LOST, order->id, "has no outcome");
        return 0;
    }
    return 1;
}

// What a client was told is over is over, with the outcome it was told.
static void
judge_receipts(struct account *account, const struct order *order)
{
    const char *outcome = account_text(order->result, "outcome");
    const json_t *line;
    size_t i;

    json_array_foreach(order->events, i, line)
    {
        if (is(account_text(line, "event"), "finished") &&
            !is(account_text(line, "outcome"), outcome)) {
            account_problem(account, VERDICT_LOST, order->id,
                            "is %s; its customer was told \"%s\" %s", outcome,
                            account_text(line, "outcome"),
                            account_text(line, "error"));
        }
    }
}

// The outcome. --------------------------------------------------------------

// Does something after `ms` meet a limit?
static enum outcome
meets(json_int_t ms, json_int_t limit)
{
    if (ms < limit - PLAN_MS) {
        return OUTCOME_COMPLETED;
    }
    return ms > limit + PLAN_MS ? OUTCOME_COMPENSATED : OUTCOME_EITHER;
}

// What the order's line says must become of it.
static enum outcome
expect(const json_t *plan)
{
    json_int_t confirm = account_number(plan, "confirm_ms");
    json_int_t picked = account_number(plan, "picked_ms");
    json_int_t delivered = account_number(plan, "delivered_ms");
    json_int_t cancel = account_number(plan, "cancel_ms");
    enum outcome parts[3];
    enum outcome all = OUTCOME_COMPLETED;

    if (is(account_text(plan, "card"), "declined") || confirm < 0 ||
        picked < 0 || delivered < 0) {
        return OUTCOME_COMPENSATED;
    }
    parts[0] = meets(confirm, CONFIRM_MS_MAX);
    parts[1] = meets(picked - confirm, PICKED_MS_MAX);
    parts[2] = meets(delivered - picked, DELIVERED_MS_MAX + VOUCHER_MS_MAX);
    for (size_t i = 0; i < 3; i++) {
        if (parts[i] == OUTCOME_COMPENSATED) {
            return OUTCOME_COMPENSATED;
        }
        if (parts[i] == OUTCOME_EITHER) {
            all = OUTCOME_EITHER;
        }
    }
    if (cancel >= 0 && cancel < delivered - CANCEL_MS) {
        return OUTCOME_COMPENSATED;
    }
    if (cancel >= 0 && cancel < delivered + CANCEL_MS) {
        return OUTCOME_EITHER;
    }
    return all;
}

static void
judge_plan(struct account *account, const struct order *order)
{
    int is_completed = is(account_text(order->result, "outcome"), "completed");
    enum outcome outcome =
        is_completed ? OUTCOME_COMPLETED : OUTCOME_COMPENSATED;
    enum outcome expected = expect(order->plan);

    if (expected == OUTCOME_EITHER || expected == outcome) {
        return;
    }
    account->unplanned++;
    if (!was_dead(account, order->began_ms, order->ended_ms)) {
        account_problem(account, VERDICT_LOST, order->id,
                        "was to be %s, but is %s %s",
                        is_completed ? "compensated" : "completed",
                        is_completed ? "completed" : "compensated",
                        account_text(order->result, "reason"));
    }
}

// An order can be completed only by those who were asked.
static void
judge_completed(struct account *account, const struct order *order)
{
    static const char *const needed[] = {"confirm", "picked", "delivered"};
    const json_t *signals = json_object_get(order->result, "signals");
    const json_t *delivered = find_event(order, "sending", "delivered");
    const json_t *cancel = find_event(order, "acked", "cancel_order");

    account->completed++;
    account->due_cents += account_number(order->plan, "cents");
    if (is(account_text(order->plan, "card"), "declined")) {
        account_problem(account, VERDICT_LOST, order->id,
                        "is completed, but its card was declined");
    }
    for (size_t i = 0; i < 3; i++) {
        char id[128];

        snprintf(id, sizeof(id), "%s/%s", order->id, needed[i]);
        if (find_line(signals, "id", id, NULL, NULL) == NULL) {
            account_problem(account, VERDICT_LOST, order->id,
                            "is completed without %s", needed[i]);
        }
    }
    if (cancel == NULL) {
        cancel = find_event(order, "acked", "cancel");
    }
    if (cancel != NULL && delivered != NULL &&
        account_number(cancel, "line") < account_number(delivered, "line")) {
        account_problem(account, VERDICT_LOST, order->id,
                        "is completed, though it was cancelled first");
    }
}

// Nobody came in time? Then nobody was acknowledged in time, and the whole
// time was waited.
static void
judge_lateness(struct account *account, const struct order *order,
               const char *reason)
{
    const char *signal = reason + strlen("no_");
    const json_t *acked = find_event(order, "acked", signal);
    json_int_t from = order->began_ms;
    json_int_t limit = CONFIRM_MS_MAX;

    if (is(signal, "picked")) {
        from = account_number(find_step(order, "pick"), "at");
        limit = PICKED_MS_MAX;
    } else if (is(signal, "delivered")) {
        from = account_number(find_step(order, "voucher"), "at");
        limit = VOUCHER_MS_MAX;
    }
    limit *= account->pace;
    if (from < 0) {
        account_problem(account, VERDICT_LOST, order->id,
                        "waited for %s without the step before it", signal);
        return;
    }
    if (acked != NULL &&
        account_number(acked, "at") + CLOCK_MS < from + limit) {
        account_problem(account, VERDICT_LOST, order->id,
                        "%s was acknowledged in time and not heard", signal);
    }
    if (order->ended_ms + CLOCK_MS < from + limit) {
        account_problem(account, VERDICT_LOST, order->id,
                        "did not wait long enough for %s", signal);
    }
}

static void
judge_compensated(struct account *account, const struct order *order)
{
    const char *reason = account_text(order->result, "reason");
    size_t i = 0;

    account->compensated++;
    while (i < REASONS_COUNT && !is(reason, account_reasons[i])) {
        i++;
    }
    if (i == REASONS_COUNT) {
        account_problem(account, VERDICT_LOST, order->id,
                        "compensated for no known reason: %s", reason);
        return;
    }
    account->reasons[i]++;
    if (strncmp(reason, "no_", 3) == 0) {
        judge_lateness(account, order, reason);
    } else if (is(reason, "cancelled") &&
               find_event(order, "sending", "cancel_order") == NULL &&
               find_event(order, "sending", "cancel") == NULL) {
        account_problem(account, VERDICT_LOST, order->id,
                        "is cancelled, but nobody asked for it");
    } else if (is(reason, "card_declined") &&
               !is(account_text(order->plan, "card"), "declined")) {
        account_problem(account, VERDICT_LOST, order->id,
                        "its good card was declined");
    }
}

// The activities. -----------------------------------------------------------

static struct activity_row *
find_row(struct account *account, const char *activity)
{
    for (size_t i = 0; i < ACTIVITIES_COUNT; i++) {
        if (is(account->activities[i].name, activity)) {
            return &account->activities[i];
        }
    }
    return NULL;
}

// Compare an attempt with those before it.
static void
judge_attempt(struct account *account, const struct order *order,
              const json_t *attempt)
{
    const char *activity = account_text(attempt, "activity");
    const char *key = account_text(attempt, "key");
    struct activity_row *row = find_row(account, activity);
    const json_t *earlier;
    int is_new = 1;
    int is_ok = is(account_text(attempt, "outcome"), "ok");
    size_t i;

    if (row == NULL) {
        account_problem(account, VERDICT_DOUBLED, order->id,
                        "%s is no activity", activity);
        return;
    }
    row->attempts++;
    row->failed += !is_ok;
    json_array_foreach(order->attempts, i, earlier)
    {
        if (earlier == attempt) {
            break;
        }
        if (!is(account_text(earlier, "activity"), activity)) {
            continue;
        }
        if (!is(account_text(earlier, "key"), key)) {
            account_problem(account, VERDICT_DOUBLED, order->id,
                            "%s with two keys, %.8s and %.8s", activity,
                            account_text(earlier, "key"), key);
            continue;
        }
        is_new = 0;
        account->same_attempt += account_number(earlier, "attempt") ==
                                 account_number(attempt, "attempt");
    }
    row->keys += (size_t)is_new;
    row->again += !is_new && is_ok && find_done(order, activity) != attempt;
}

// The workflow's steps are the work that was done, no more and no less.
static void
judge_steps(struct account *account, const struct order *order)
{
    const json_t *steps = json_object_get(order->result, "steps");
    const json_t *attempt;
    const json_t *step;
    size_t i;

    json_array_foreach(order->attempts, i, attempt)
    {
        const char *name = account_text(attempt, "activity");

        judge_attempt(account, order, attempt);
        if (is(account_text(attempt, "outcome"), "ok") &&
            find_line(steps, "name", name, "key",
                      account_text(attempt, "key")) == NULL) {
            account_problem(account, VERDICT_LOST, order->id,
                            "%s was done, but the order knows nothing of it",
                            name);
        }
    }
    json_array_foreach(steps, i, step)
    {
        const char *name = account_text(step, "name");
        const json_t *done = find_line(
            order->attempts, "key", account_text(step, "key"), "outcome", "ok");

        if (done == NULL || !is(account_text(done, "activity"), name)) {
            account_problem(account, VERDICT_LOST, order->id,
                            "%s is in the order's account, but was not done",
                            name);
        }
        if (find_step(order, name) != step) {
            account_problem(account, VERDICT_DOUBLED, order->id,
                            "%s is in the order's account twice", name);
        }
    }
}

// Each of these was done after the one before, unless it was not done at all.
static void
judge_order_of(struct account *account, const struct order *order,
               const char *const *activities, size_t count)
{
    json_int_t last = 0;

    for (size_t i = 0; i < count; i++) {
        json_int_t line =
            account_number(find_done(order, activities[i]), "line");

        if (line >= 0 && line < last) {
            account_problem(account, VERDICT_LOST, order->id,
                            "%s was done too early", activities[i]);
        }
        last = line >= 0 ? line : last;
    }
}

static void
judge_undo(struct account *account, const struct order *order)
{
    static const char *const steps[] = {"charge", "pick",    "deliver",
                                        "recall", "restock", "refund"};
    int is_completed = is(account_text(order->result, "outcome"), "completed");

    judge_order_of(account, order, steps, 6);
    for (size_t i = 0; i < 3; i++) {
        const char *undo = steps[5 - i];
        int is_done = find_done(order, steps[i]) != NULL;
        int is_undone = find_done(order, undo) != NULL;

        if (is_completed && !is_done) {
            account_problem(account, VERDICT_LOST, order->id,
                            "is completed without %s", steps[i]);
        }
        if (is_undone && (is_completed || !is_done)) {
            account_problem(account, VERDICT_DOUBLED, order->id,
                            "%s without a reason", undo);
        }
        if (!is_completed && is_done && !is_undone) {
            account_problem(account, VERDICT_LOST, order->id, "%s without %s",
                            steps[i], undo);
        }
    }
    if (find_done(order, "charge") != NULL) {
        account->charged_cents += account_number(order->plan, "cents");
    }
    if (find_done(order, "refund") != NULL) {
        account->refunded_cents += account_number(order->plan, "cents");
    }
    if (is_completed && find_done(order, "request_review") == NULL) {
        account_problem(account, VERDICT_LOST, order->id,
                        "nobody was asked for a review");
    }
}

// The signals. --------------------------------------------------------------

// An order may end while a signal is on its way, be it because the process
// died with both in its mailbox.
static int
is_too_late(const struct account *account, const struct order *order,
            json_int_t acked_ms)
{
    if (acked_ms + END_MS >= order->ended_ms) {
        return 1;
    }
    for (size_t i = 0; i < account->gaps_count; i++) {
        if (acked_ms <= account->gaps[i].to &&
            order->ended_ms >= account->gaps[i].from &&
            order->ended_ms <= account->gaps[i].to + AWAKE_MS) {
            return 1;
        }
    }
    return 0;
}

// A request to cancel is no signal: it was heard if the order was cancelled.
static int
is_heard(const struct order *order, const char *signal)
{
    char id[128];

    if (is(signal, "cancel")) {
        return is(account_text(order->result, "reason"), "cancelled") &&
               find_event(order, "sending", "cancel") != NULL;
    }
    snprintf(id, sizeof(id), "%s/%s", order->id, signal);
    return find_line(json_object_get(order->result, "signals"), "id", id, NULL,
                     NULL) != NULL;
}

static void
judge_signal(struct account *account, const struct order *order,
             struct signal_row *row)
{
    const json_t *acked = find_event(order, "acked", row->name);
    const json_t *refused = find_event(order, "refused", row->name);
    int is_handled = is_heard(order, row->name);
    const json_t *line;
    size_t sendings = 0;
    size_t i;

    json_array_foreach(order->events, i, line)
    {
        sendings += is(account_text(line, "event"), "sending") &&
                    is(account_text(line, "signal"), row->name);
    }
    row->sent += sendings > 0;
    row->again += sendings > 1 ? sendings - 1 : 0;
    row->acked += acked != NULL;
    row->handled += (size_t)is_handled;
    row->refused += refused != NULL;
    if (is_handled && sendings == 0) {
        account_problem(account, VERDICT_DOUBLED, order->id,
                        "heard %s, which was never sent", row->name);
    }
    if (refused != NULL &&
        !is(account_text(refused, "error"), "WEFT_EFINISHED")) {
        account_problem(account, VERDICT_LOST, order->id, "%s was refused: %s",
                        row->name, account_text(refused, "error"));
    }
    if (acked == NULL || is_handled) {
        return;
    }
    row->late++;
    // A request to cancel that changed nothing is judged with the outcome.
    if (!is(row->name, "cancel") &&
        !is_too_late(account, order, account_number(acked, "at"))) {
        account_problem(account, VERDICT_LOST, order->id,
                        "%s was acknowledged, but not heard", row->name);
    }
}

static void
judge_signals(struct account *account, const struct order *order)
{
    const json_t *signals = json_object_get(order->result, "signals");
    const json_t *signal;
    size_t i;

    for (i = 0; i < SIGNALS_COUNT; i++) {
        judge_signal(account, order, &account->signals[i]);
    }
    json_array_foreach(signals, i, signal)
    {
        const char *id = account_text(signal, "id");

        if (find_line(signals, "id", id, NULL, NULL) != signal) {
            account_problem(account, VERDICT_DOUBLED, order->id,
                            "heard %s twice", id);
        }
    }
}

void
rules_judge(struct account *account, struct order *order)
{
    if (!judge_instance(account, order)) {
        return;
    }
    judge_receipts(account, order);
    judge_plan(account, order);
    if (is(account_text(order->result, "outcome"), "completed")) {
        judge_completed(account, order);
    } else {
        judge_compensated(account, order);
    }
    judge_steps(account, order);
    judge_undo(account, order);
    judge_signals(account, order);
}
