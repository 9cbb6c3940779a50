// SPDX-License-Identifier: Apache-2.0
//
// linear_ops.c - the operations of one object and what they do; and the check
// that tries every order, to which the other is compared.

#include <stdlib.h>

#include "history/linear_impl.h"

uint64_t
linear_list_hash(uint64_t hash, int64_t x)
{
    return history_mix(hash, (uint64_t)x) | 1;
}

int64_t
linear_step(struct linear_state *state, enum linear_verb verb, int64_t a,
            int64_t b)
{
    switch (verb) {
    case LINEAR_READ:
        return state->number;
    case LINEAR_WRITE:
    case LINEAR_SET:
        state->number = a;
        return 0;
    case LINEAR_ADD:
    case LINEAR_INC:
        state->number += a;
        return state->number;
    case LINEAR_CAS:
        if (state->number != a) {
            return 0;
        }
        state->number = b;
        return 1;
    case LINEAR_APPEND:
    case LINEAR_PUSH:
        state->hash = linear_list_hash(state->hash, a);
        return (int64_t)++state->length;
    case LINEAR_LIST:
        return (int64_t)state->hash;
    default:
        abort();
    }
}

bool
linear_fits(const struct linear_op *op, struct linear_state *state)
{
    int64_t gives = linear_step(state, op->verb, op->a, op->b);

    return !op->is_known || op->verb >= LINEAR_SET || gives == op->gave;
}

static void
read_event(struct linear_op *op, const struct history_event *event,
           size_t index)
{
    if (event->type == HISTORY_ASK) {
        if (op->op == 0 || op->is_refused) {
            *op = (struct linear_op){.op = event->op,
                                     .verb = event->verb,
                                     .a = event->a,
                                     .b = event->b,
                                     .begin = index,
                                     .end = SIZE_MAX};
        }
        op->is_refused = false;
    } else if (event->type == HISTORY_ANSWER) {
        op->is_known = true;
        op->end = index;
        op->gave = event->a;
    } else if (event->type == HISTORY_REFUSE) {
        op->is_refused = true;
    }
}

size_t
linear_ops(const struct history *history, uint32_t object,
           struct linear_op **out_ops)
{
    struct linear_op *ops = history_alloc(history->count, sizeof(*ops));
    struct history_map map = {0};
    size_t count = 0;

    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];

        if (event->object == object && event->type <= HISTORY_LOSE) {
            read_event(&ops[history_map_put(&map, event->op)], event, i);
        }
    }
    for (size_t i = 0; i < map.count; i++) {
        bool is_read = ops[i].verb == LINEAR_READ || ops[i].verb == LINEAR_LIST;

        if (!ops[i].is_refused && (ops[i].is_known || !is_read)) {
            ops[count++] = ops[i];
        }
    }
    history_map_fini(&map);
    *out_ops = ops;
    return count;
}

// All orders. -----------------------------------------------------------------

// Nothing that is left must have ended before this one began.
static bool
may_be_next(const struct linear_op *ops, size_t count, uint32_t done, size_t i)
{
    for (size_t k = 0; k < count; k++) {
        if ((done >> k & 1) == 0 && k != i && ops[k].end < ops[i].begin) {
            return false;
        }
    }
    return true;
}

static bool
try_orders(const struct linear_op *ops, size_t count, uint32_t done,
           struct linear_state state)
{
    bool has_known = false;

    for (size_t i = 0; i < count; i++) {
        struct linear_state next = state;

        if ((done >> i & 1) != 0) {
            continue;
        }
        has_known |= ops[i].is_known;
        if (may_be_next(ops, count, done, i) && linear_fits(&ops[i], &next) &&
            try_orders(ops, count, done | 1U << i, next)) {
            return true;
        }
    }
    return !has_known;
}

bool
linear_brute(const struct history *history, uint32_t object)
{
    struct linear_op *ops;
    size_t count = linear_ops(history, object, &ops);
    bool is_fine = try_orders(ops, count, 0, (struct linear_state){0});

    free(ops);
    return is_fine;
}
