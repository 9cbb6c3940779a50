// SPDX-License-Identifier: Apache-2.0
//
// test.h - write tests: TEST defines and registers one, a failed CHECK ends it.
//
//     TEST(mailbox, append_refuses_when_full)
//     {
//         CHECK_EQ(wf_mailbox_count(&mailbox), 3);
//     }
//
// One executable holds the tests of one file; main is support/main.c. Without
// arguments it runs all, with names ("append_refuses_when_full" or
// "mailbox.append_refuses_when_full") only those; --list names them. A check
// may only be used on the thread that runs the test.

#ifndef WF_TESTS_SUPPORT_TEST_H
#define WF_TESTS_SUPPORT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "weft/bytes.h"
#include "weft/error.h"

struct test {
    const char *file;     // what the test is about: "mailbox"
    const char *sentence; // what is true
    int line;             // tests run in the order of their lines
    void (*run)(struct test *t);
    char *dir; // made by test_dir, removed when the test has ended
};

void test_register(struct test *test);
const struct test *test_now(void); // the one that runs

#define TEST(about, what)                                                      \
    static void test_##about##_##what(struct test *t);                         \
    __attribute__((constructor)) static void register_##about##_##what(void)   \
    {                                                                          \
        static struct test test = {                                            \
            .file = #about,                                                    \
            .sentence = #what,                                                 \
            .line = __LINE__,                                                  \
            .run = test_##about##_##what,                                      \
        };                                                                     \
        test_register(&test);                                                  \
    }                                                                          \
    static void test_##about##_##what(__attribute__((unused)) struct test *t)

// Each prints what differs and ends the test.
#define CHECK(cond) test_check((cond), #cond, __FILE__, __LINE__)
// Integers, enums and pointers. Values of unlike signs compare as 64 bits.
#define CHECK_EQ(actual, expected)                                             \
    test_check_eq((uint64_t)(actual), (uint64_t)(expected), #actual,           \
                  #expected, __FILE__, __LINE__)
#define CHECK_STR(actual, expected)                                            \
    test_check_str((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_BYTES(actual, expected)                                          \
    test_check_bytes((actual), (expected), #actual, __FILE__, __LINE__)
// Two errors; prints names, and the detail.
#define CHECK_ERR(actual, expected)                                            \
    test_check_err((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_OK(actual) CHECK_ERR(actual, WEFT_OK)

void test_check(bool is_true, const char *text, const char *file, int line);
void test_check_eq(uint64_t actual, uint64_t expected, const char *actual_text,
                   const char *expected_text, const char *file, int line);
void test_check_str(const char *actual, const char *expected, const char *text,
                    const char *file, int line);
void test_check_bytes(weft_bytes actual, weft_bytes expected, const char *text,
                      const char *file, int line);
void test_check_err(weft_err actual, weft_err expected, const char *text,
                    const char *file, int line);

// Digits, which no NUL ends.
size_t test_count_of(weft_bytes digits);
// An empty directory of this test's own, removed with all that is in it when
// the test has ended, kept if it failed. The same one each time.
const char *test_dir(struct test *t);
// "dir/name"; valid until 15 more were asked for.
const char *test_file_in(const char *dir, const char *name);
void test_file_write(const char *path, const char *text);
void test_file_check(const char *path, const char *text); // it has just that
bool test_file_exists(const char *path);                  // whatever it is
// How long a file is; and one bit of its byte `at`, turned over.
off_t test_file_size(const char *path);
void test_file_damage(const char *path, off_t at);

// Run fn in a forked child and give its wait status, for what ends a process.
// What the child writes to stderr is dropped.
int test_fork(void (*fn)(void *ctx), void *ctx);

#endif
