// SPDX-License-Identifier: Apache-2.0
//
// linear.c - is there one order of all operations on an object that explains
// every answer?
//
// Asks and answers are in one list, in time. From its head, the first operation
// that fits the state is taken as the next one: both its events leave the list.
// Where an answer is met whose operation could not be taken, the last choice
// was wrong and is taken back. What was tried - which operations are done, and
// what the state is - is remembered, so that no road is gone twice.

#include "history/linear.h"

#include <stdlib.h>
#include <string.h>

#include "history/linear_impl.h"

enum { STEPS_MAX = 4000000 };

// One end of an operation, in the list.
struct entry {
    struct entry *prev;
    struct entry *next;
    struct entry *end; // of an ask: its answer, NULL if unknown
    const struct linear_op *op;
    size_t at;
    uint32_t index;
    bool is_ask;
};

struct tried {
    uint64_t *keys; // each of `words`, and the state's three; first never 0
    size_t words;
    size_t cap;
    size_t count;
};

struct chosen {
    struct entry *entry;
    struct linear_state before;
};

struct search {
    struct entry head;
    struct entry *entries;
    struct tried tried;
    struct chosen *stack;
    size_t depth;
    size_t known_left;
    uint64_t *done; // a bit for each operation, then the state
    size_t words;   // of bits
    struct linear_state state;
};

// What was tried. -------------------------------------------------------------

static uint64_t
hash_of(const uint64_t *key, size_t words)
{
    uint64_t hash = 1;

    for (size_t i = 0; i < words; i++) {
        hash = history_mix(hash, key[i]);
    }
    return hash | 1; // 0 is an empty place
}

static uint64_t *
place_of(const struct tried *tried, const uint64_t *key, uint64_t hash)
{
    size_t at = (size_t)hash & (tried->cap - 1);
    size_t bytes = tried->words * sizeof(*key);
    uint64_t *place = &tried->keys[at * (tried->words + 1)];

    while (place[0] != 0 &&
           (place[0] != hash || memcmp(place + 1, key, bytes) != 0)) {
        at = (at + 1) & (tried->cap - 1);
        place = &tried->keys[at * (tried->words + 1)];
    }
    return place;
}

static void
grow(struct tried *tried)
{
    struct tried old = *tried;

    tried->cap = old.cap == 0 ? 1024 : old.cap * 2;
    tried->keys =
        history_alloc(tried->cap, (tried->words + 1) * sizeof(*tried->keys));
    for (size_t i = 0; i < old.cap; i++) {
        const uint64_t *from = &old.keys[i * (old.words + 1)];

        if (from[0] != 0) {
            memcpy(place_of(tried, from + 1, from[0]), from,
                   (old.words + 1) * sizeof(*from));
        }
    }
    free(old.keys);
}

// False if it was there already.
static bool
remember(struct tried *tried, const uint64_t *key)
{
    uint64_t hash = hash_of(key, tried->words);
    uint64_t *place;

    if ((tried->count + 1) * 2 > tried->cap) {
        grow(tried);
    }
    place = place_of(tried, key, hash);
    if (place[0] != 0) {
        return false;
    }
    place[0] = hash;
    memcpy(place + 1, key, tried->words * sizeof(*key));
    tried->count++;
    return true;
}

// The list. -------------------------------------------------------------------

static int
by_time(const void *x, const void *y)
{
    const struct entry *first = x;
    const struct entry *second = y;

    return first->at < second->at ? -1 : first->at > second->at;
}

static void
unlink_entry(struct entry *entry)
{
    entry->prev->next = entry->next;
    if (entry->next != NULL) {
        entry->next->prev = entry->prev;
    }
}

static void
relink_entry(struct entry *entry)
{
    entry->prev->next = entry;
    if (entry->next != NULL) {
        entry->next->prev = entry;
    }
}

static void
link_all(struct search *search, const struct linear_op *ops, size_t ops_count)
{
    struct entry **asks = history_alloc(ops_count, sizeof(*asks));
    struct entry *last = &search->head;
    size_t count = 0;

    search->entries = history_alloc(ops_count * 2, sizeof(*search->entries));
    for (size_t i = 0; i < ops_count; i++) {
        search->entries[count++] = (struct entry){.op = &ops[i],
                                                  .at = ops[i].begin,
                                                  .index = (uint32_t)i,
                                                  .is_ask = true};
        if (ops[i].is_known) {
            search->known_left++;
            search->entries[count++] = (struct entry){
                .op = &ops[i], .at = ops[i].end, .index = (uint32_t)i};
        }
    }
    qsort(search->entries, count, sizeof(*search->entries), by_time);
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &search->entries[i];

        entry->prev = last;
        last->next = entry;
        last = entry;
        if (entry->is_ask) {
            asks[entry->index] = entry;
        } else {
            asks[entry->index]->end = entry;
        }
    }
    free(asks);
}

// The search. -----------------------------------------------------------------

static void
note_state(struct search *search, const struct linear_state *state)
{
    search->done[search->words] = (uint64_t)state->number;
    search->done[search->words + 1] = state->length;
    search->done[search->words + 2] = state->hash;
}

// Take it as the next one, if it fits and nobody went there before.
static bool
choose(struct search *search, struct entry *entry)
{
    struct linear_state next = search->state;
    uint64_t bit = (uint64_t)1 << (entry->index % 64);

    if (!linear_fits(entry->op, &next)) {
        return false;
    }
    search->done[entry->index / 64] |= bit;
    note_state(search, &next);
    if (!remember(&search->tried, search->done)) {
        search->done[entry->index / 64] &= ~bit;
        return false;
    }
    search->stack[search->depth++] = (struct chosen){entry, search->state};
    search->state = next;
    search->known_left -= entry->op->is_known;
    unlink_entry(entry);
    if (entry->end != NULL) {
        unlink_entry(entry->end);
    }
    return true;
}

static struct entry *
take_back(struct search *search)
{
    struct chosen *chosen = &search->stack[--search->depth];
    struct entry *entry = chosen->entry;

    search->done[entry->index / 64] &= ~((uint64_t)1 << (entry->index % 64));
    search->state = chosen->before;
    search->known_left += entry->op->is_known;
    if (entry->end != NULL) {
        relink_entry(entry->end);
    }
    relink_entry(entry);
    return entry;
}

static enum linear_verdict
run(struct search *search)
{
    struct entry *entry = search->head.next;

    for (uint32_t steps = 0; search->known_left > 0; steps++) {
        if (steps == STEPS_MAX) {
            return LINEAR_TOO_LONG;
        }
        if (entry->is_ask && choose(search, entry)) {
            entry = search->head.next;
        } else if (entry->is_ask) {
            entry = entry->next;
        } else if (search->depth == 0) {
            return LINEAR_NO;
        } else {
            entry = take_back(search)->next;
        }
    }
    return LINEAR_YES;
}

enum linear_verdict
linear_check(const struct history *history, uint32_t object)
{
    struct search search = {0};
    struct linear_op *ops;
    size_t count = linear_ops(history, object, &ops);
    enum linear_verdict verdict;

    search.words = count / 64 + 1;
    search.tried.words = search.words + 3;
    search.done = history_alloc(search.tried.words, sizeof(*search.done));
    search.stack = history_alloc(count, sizeof(*search.stack));
    link_all(&search, ops, count);
    verdict = run(&search);
    free(search.entries);
    free(search.stack);
    free(search.done);
    free(search.tried.keys);
    free(ops);
    return verdict;
}
