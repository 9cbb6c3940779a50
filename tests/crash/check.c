// SPDX-License-Identifier: Apache-2.0
//
// check.c - activities and steps: each ran, under one key that no other has,
// and no attempt of it ran twice. And how a fault is told.

#include "crash/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/plan.h"

#define FAULTS_SHOWN 50
#define KEY_SIZE 40

static uint64_t faults;

void
check_fault(const char *format, ...)
{
    va_list args;

    if (faults++ < FAULTS_SHOWN) {
        va_start(args, format);
        (void)vprintf(format, args);
        va_end(args);
        (void)printf("\n");
    }
}

void *
check_grow(void *items, size_t *cap, size_t size)
{
    void *grown;

    *cap = *cap == 0 ? 1024 : *cap * 2;
    grown = realloc(items, *cap * size);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

struct effect {
    char name[PLAN_ID_SIZE];
    char key[KEY_SIZE];
    uint32_t attempt;
};

static struct effect *effects;
static size_t effects_count;
static size_t effects_cap;
static char (*names)[PLAN_ID_SIZE]; // of calls, as they must be
static size_t names_count;
static size_t names_cap;
static uint64_t repeats;

void
check_read_effect(void *ctx, char *line)
{
    struct effect *effect;

    (void)ctx;
    if (effects_count == effects_cap) {
        effects = check_grow(effects, &effects_cap, sizeof(*effects));
    }
    effect = &effects[effects_count++];
    *effect = (struct effect){0};
    if (sscanf(line, "%39s %" SCNu32 " %79s", effect->key, &effect->attempt,
               effect->name) != 3 ||
        strlen(effect->key) != 32) {
        check_fault("effects: %s", line);
    }
}

void
check_expect_call(void *ctx, const char *name)
{
    (void)ctx;
    if (names_count == names_cap) {
        names = check_grow(names, &names_cap, sizeof(*names));
    }
    (void)snprintf(names[names_count++], PLAN_ID_SIZE, "%s", name);
}

static int
by_name(const void *a, const void *b)
{
    const struct effect *left = a;
    const struct effect *right = b;
    int order = strcmp(left->name, right->name);

    if (order == 0) {
        order = strcmp(left->key, right->key);
    }
    return order != 0 ? order
                      : (left->attempt > right->attempt) -
                            (left->attempt < right->attempt);
}

static int
by_key(const void *a, const void *b)
{
    return strcmp(((const struct effect *)a)->key,
                  ((const struct effect *)b)->key);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

// Neighbours in the order of names.
static void
check_neighbours(const struct effect *before, const struct effect *effect)
{
    if (strcmp(before->name, effect->name) != 0) {
        return;
    }
    repeats++;
    if (strcmp(before->key, effect->key) != 0) {
        check_fault("call %s: it has two keys, %s and %s", effect->name,
                    before->key, effect->key);
    } else if (before->attempt == effect->attempt) {
        check_fault("call %s: attempt %" PRIu32 " ran twice", effect->name,
                    effect->attempt);
    }
}

void
check_calls(void)
{
    size_t at = 0;

    qsort(effects, effects_count, sizeof(*effects), by_name);
    qsort(names, names_count, sizeof(*names), by_text);
    for (size_t i = 1; i < effects_count; i++) {
        check_neighbours(&effects[i - 1], &effects[i]);
    }
    for (size_t i = 0; i < names_count; i++) {
        while (at < effects_count && strcmp(effects[at].name, names[i]) < 0) {
            check_fault("call %s: nobody asked for it", effects[at++].name);
        }
        if (at == effects_count || strcmp(effects[at].name, names[i]) != 0) {
            check_fault("call %s: it never ran", names[i]);
        }
        while (at < effects_count && strcmp(effects[at].name, names[i]) == 0) {
            at++;
        }
    }
    for (; at < effects_count; at++) {
        check_fault("call %s: nobody asked for it", effects[at].name);
    }
    qsort(effects, effects_count, sizeof(*effects), by_key);
    for (size_t i = 1; i < effects_count; i++) {
        if (strcmp(effects[i - 1].key, effects[i].key) == 0 &&
            strcmp(effects[i - 1].name, effects[i].name) != 0) {
            check_fault("key %s is of two calls, %s and %s", effects[i].key,
                        effects[i - 1].name, effects[i].name);
        }
    }
}

size_t
check_calls_count(void)
{
    return names_count;
}

uint64_t
check_repeats(void)
{
    return repeats;
}

uint64_t
check_faults(void)
{
    return faults;
}
