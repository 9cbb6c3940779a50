// SPDX-License-Identifier: Apache-2.0
//
// check.c - say what a failed check saw, and end the test.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test.h"

#define FAIL(file, line, ...)                                                  \
    do {                                                                       \
        print_error(__VA_ARGS__);                                              \
        _fail((file), (line));                                                 \
    } while (0)

void
test_check(bool is_true, const char *text, const char *file, int line)
{
    if (!is_true) {
        FAIL(file, line, "not true: %s\n", text);
    }
}

void
test_check_eq(uint64_t actual, uint64_t expected, const char *actual_text,
              const char *expected_text, const char *file, int line)
{
    if (actual != expected) {
        FAIL(file, line,
             "%s\n  is       %lld (0x%llx)\n  expected %lld (0x%llx), %s\n",
             actual_text, (long long)actual, (unsigned long long)actual,
             (long long)expected, (unsigned long long)expected, expected_text);
    }
}

void
test_check_str(const char *actual, const char *expected, const char *text,
               const char *file, int line)
{
    if (actual == NULL || expected == NULL) {
        if (actual != expected) {
            FAIL(file, line, "%s\n  is       %s\n  expected %s\n", text,
                 actual == NULL ? "NULL" : actual,
                 expected == NULL ? "NULL" : expected);
        }
        return;
    }
    if (strcmp(actual, expected) != 0) {
        FAIL(file, line, "%s\n  is       \"%s\"\n  expected \"%s\"\n", text,
             actual, expected);
    }
}

static void
print_bytes(const char *title, weft_bytes bytes)
{
    const unsigned char *data = bytes.data;

    print_error("  %s %zu bytes:", title, bytes.len);
    for (size_t i = 0; i < bytes.len && i < 64; i++) {
        print_error(" %02x", data[i]);
    }
    print_error(bytes.len > 64 ? " ...\n" : "\n");
}

size_t
test_count_of(weft_bytes digits)
{
    const char *text = digits.data;
    size_t count = 0;

    for (size_t i = 0; i < digits.len; i++) {
        count = count * 10 + (size_t)(text[i] - '0');
    }
    return count;
}

void
test_check_bytes(weft_bytes actual, weft_bytes expected, const char *text,
                 const char *file, int line)
{
    if (actual.len == expected.len &&
        (actual.len == 0 ||
         memcmp(actual.data, expected.data, actual.len) == 0)) {
        return;
    }
    print_error("%s\n", text);
    print_bytes("is      ", actual);
    print_bytes("expected", expected);
    _fail(file, line);
}

void
test_check_err(weft_err actual, weft_err expected, const char *text,
               const char *file, int line)
{
    if (actual != expected) {
        FAIL(file, line, "%s\n  is       %s: %s\n  expected %s\n", text,
             weft_err_name(actual), weft_err_detail(), weft_err_name(expected));
    }
}

int
test_fork(void (*fn)(void *ctx), void *ctx)
{
    int status = 0;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(99);
        }
        fn(ctx);
        _exit(0);
    }
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}
