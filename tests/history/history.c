// SPDX-License-Identifier: Apache-2.0
//
// history.c - what was asked, answered and seen, as plain events.

#include "history/history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void *
history_alloc(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

uint64_t
history_mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15U + b;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

// Events. ---------------------------------------------------------------------

void
history_add(struct history *history, struct history_event event)
{
    if (history->count == history->cap) {
        history->cap = history->cap == 0 ? 256 : history->cap * 2;
        history->events =
            realloc(history->events, history->cap * sizeof(*history->events));
        if (history->events == NULL) {
            abort();
        }
    }
    history->events[history->count++] = event;
}

void
history_fini(struct history *history)
{
    free(history->events);
    *history = (struct history){0};
}

static bool
comes_before(const struct history_event *x, const struct history_event *y)
{
    bool is_end_x = x->type >= HISTORY_ANSWER && x->type <= HISTORY_LOSE;
    bool is_end_y = y->type >= HISTORY_ANSWER && y->type <= HISTORY_LOSE;

    return x->at != y->at ? x->at < y->at : !is_end_x && is_end_y;
}

// A merge sort: what is equal stays in order.
static void
sort_range(struct history_event *events, struct history_event *spare,
           size_t count)
{
    size_t half = count / 2;
    size_t i = 0;
    size_t k = half;

    if (count < 2) {
        return;
    }
    sort_range(events, spare, half);
    sort_range(events + half, spare, count - half);
    for (size_t out = 0; out < count; out++) {
        bool takes_second =
            i == half || (k < count && comes_before(&events[k], &events[i]));

        spare[out] = takes_second ? events[k++] : events[i++];
    }
    memcpy(events, spare, count * sizeof(*events));
}

void
history_sort(struct history *history)
{
    struct history_event *spare = history_alloc(history->count, sizeof(*spare));

    sort_range(history->events, spare, history->count);
    free(spare);
}

void
history_write(const struct history *history, FILE *file)
{
    static const char *const names[HISTORY_TYPE_COUNT] = {
        "ask",    "again", "answer", "refuse", "lose",  "send",
        "effect", "set",   "clear",  "fire",   "quiet", "storm"};

    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];

        (void)fprintf(file,
                      "%" PRIu64 " %s who %" PRIu32 " object %" PRIu32
                      " op %" PRIu64 " verb %" PRIu32 " a %" PRId64
                      " b %" PRId64 "\n",
                      event->at, names[event->type], event->who, event->object,
                      event->op, event->verb, event->a, event->b);
    }
}

// Faults. ---------------------------------------------------------------------

void
history_fault(struct history_faults *faults, const char *format, ...)
{
    size_t left = sizeof(faults->text) - faults->len;
    va_list args;
    int len;

    faults->count++;
    if (left < 300) {
        return;
    }
    va_start(args, format);
    len = vsnprintf(faults->text + faults->len, 290, format, args);
    va_end(args);
    faults->len += len < 290 ? (size_t)len : 289;
    faults->text[faults->len++] = '\n';
    faults->text[faults->len] = '\0';
}

// The map. --------------------------------------------------------------------

static size_t
place_of(const struct history_map *map, uint64_t key)
{
    size_t at = (size_t)history_mix(key, 1) & (map->cap - 1);

    while (map->keys[at] != 0 && map->keys[at] != key + 1) {
        at = (at + 1) & (map->cap - 1);
    }
    return at;
}

static void
grow_map(struct history_map *map)
{
    struct history_map old = *map;

    map->cap = old.cap == 0 ? 64 : old.cap * 2;
    map->keys = history_alloc(map->cap, sizeof(*map->keys));
    map->values = history_alloc(map->cap, sizeof(*map->values));
    for (size_t i = 0; i < old.cap; i++) {
        if (old.keys[i] != 0) {
            size_t at = place_of(map, old.keys[i] - 1);

            map->keys[at] = old.keys[i];
            map->values[at] = old.values[i];
        }
    }
    free(old.keys);
    free(old.values);
}

uint32_t
history_map_put(struct history_map *map, uint64_t key)
{
    size_t at;

    if ((map->count + 1) * 2 > map->cap) {
        grow_map(map);
    }
    at = place_of(map, key);
    if (map->keys[at] == 0) {
        map->keys[at] = key + 1;
        map->values[at] = map->count++;
    }
    return map->values[at];
}

uint32_t
history_map_find(const struct history_map *map, uint64_t key)
{
    size_t at = map->cap == 0 ? 0 : place_of(map, key);

    return map->cap == 0 || map->keys[at] == 0 ? UINT32_MAX : map->values[at];
}

void
history_map_fini(struct history_map *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct history_map){0};
}
