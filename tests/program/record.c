// SPDX-License-Identifier: Apache-2.0
//
// record.c - calls and steps: those that must have run, and those that did.

#include "program/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    record_fault_fn *fault;
    void *ctx;
};

static void *
grow(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) {
        return items;
    }
    *cap = *cap == 0 ? 256 : *cap * 2;
    items = realloc(items, *cap * size);
    if (items == NULL) {
        abort();
    }
    return items;
}

void
record_fini(struct record *record)
{
    free(record->calls);
    free(record->expected);
    *record = (struct record){0};
}

void
record_ran(struct record *record, const char *key, uint32_t attempt,
           const char *name)
{
    struct record_call *call;

    record->calls = grow(record->calls, record->calls_count, &record->calls_cap,
                         sizeof(*record->calls));
    call = &record->calls[record->calls_count++];
    *call = (struct record_call){.attempt = attempt};
    (void)snprintf(call->name, sizeof(call->name), "%s", name);
    (void)snprintf(call->key, sizeof(call->key), "%s", key);
}

static struct expect_call *
add_expected(struct record *record, const struct expect_call *call)
{
    record->expected = grow(record->expected, record->expected_count,
                            &record->expected_cap, sizeof(*record->expected));
    record->expected[record->expected_count] = *call;
    return &record->expected[record->expected_count++];
}

void
record_expect(struct record *record, const struct expect *expect, bool is_cut)
{
    for (size_t i = 0; i < expect->calls_count; i++) {
        struct expect_call *call = add_expected(record, &expect->calls[i]);

        call->must_run = call->must_run && !is_cut;
    }
}

void
record_expect_copy(struct record *record, const struct expect *expect,
                   const char *mark)
{
    for (size_t i = 0; i < expect->calls_count; i++) {
        struct expect_call *call = add_expected(record, &expect->calls[i]);

        call->must_run = false;
        program_copy_name(expect->calls[i].name, mark, call->name);
    }
}

__attribute__((format(printf, 2, 3))) static void
say(const struct check *check, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    check->fault(check->ctx, text);
}

static int
by_name(const void *a, const void *b)
{
    const struct record_call *left = a;
    const struct record_call *right = b;
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
    return strcmp(((const struct record_call *)a)->key,
                  ((const struct record_call *)b)->key);
}

static int
by_expected(const void *a, const void *b)
{
    return strcmp(((const struct expect_call *)a)->name,
                  ((const struct expect_call *)b)->name);
}

// Neighbours in the order of names.
static void
check_neighbours(struct record *record, const struct check *check, size_t i)
{
    const struct record_call *before = &record->calls[i - 1];
    const struct record_call *call = &record->calls[i];

    if (strcmp(before->name, call->name) != 0) {
        return;
    }
    record->repeats++;
    if (strcmp(before->key, call->key) != 0) {
        say(check, "call %s: it has two keys, %s and %s", call->name,
            before->key, call->key);
    } else if (before->attempt == call->attempt) {
        say(check, "call %s: attempt %" PRIu32 " ran twice", call->name,
            call->attempt);
    }
}

static void
check_names(const struct record *record, const struct check *check)
{
    const struct record_call *calls = record->calls;
    size_t at = 0;

    for (size_t i = 0; i < record->expected_count; i++) {
        const struct expect_call *expected = &record->expected[i];

        for (; at < record->calls_count &&
               strcmp(calls[at].name, expected->name) < 0;
             at++) {
            say(check, "call %s: nobody asked for it", calls[at].name);
        }
        if (expected->must_run &&
            (at == record->calls_count ||
             strcmp(calls[at].name, expected->name) != 0)) {
            say(check, "call %s: it never ran", expected->name);
        }
        while (at < record->calls_count &&
               strcmp(calls[at].name, expected->name) == 0) {
            at++;
        }
    }
    for (; at < record->calls_count; at++) {
        say(check, "call %s: nobody asked for it", calls[at].name);
    }
}

void
record_check(struct record *record, record_fault_fn *fault, void *ctx)
{
    struct check check = {.fault = fault, .ctx = ctx};
    struct record_call *calls = record->calls;

    if (record->calls_count > 0) {
        qsort(calls, record->calls_count, sizeof(*calls), by_name);
    }
    if (record->expected_count > 0) {
        qsort(record->expected, record->expected_count,
              sizeof(*record->expected), by_expected);
    }
    for (size_t i = 1; i < record->calls_count; i++) {
        check_neighbours(record, &check, i);
    }
    check_names(record, &check);
    if (record->calls_count > 0) {
        qsort(calls, record->calls_count, sizeof(*calls), by_key);
    }
    for (size_t i = 0; i < record->calls_count; i++) {
        if (strlen(calls[i].key) != 32) {
            say(&check, "%s: %s", calls[i].key, calls[i].name);
        }
        if (i > 0 && strcmp(calls[i - 1].key, calls[i].key) == 0 &&
            strcmp(calls[i - 1].name, calls[i].name) != 0) {
            say(&check, "key %s is of two calls, %s and %s", calls[i].key,
                calls[i - 1].name, calls[i].name);
        }
    }
}
