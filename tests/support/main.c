// SPDX-License-Identifier: Apache-2.0
//
// main.c - run the registered tests with cmocka.
//
// Constructors register the tests before main; they are sorted by line, since
// the order of constructors is the compiler's.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/dir.h"
#include "support/test.h"

enum { TESTS_MAX = 512 };

static struct test *tests[TESTS_MAX];
static size_t tests_count;

void
test_register(struct test *test)
{
    size_t i;

    if (tests_count == TESTS_MAX) {
        fprintf(stderr, "more than %d tests\n", TESTS_MAX);
        abort();
    }
    for (i = tests_count; i > 0 && tests[i - 1]->line > test->line; i--) {
        tests[i] = tests[i - 1];
    }
    tests[i] = test;
    tests_count++;
}

static const struct test *running;

const struct test *
test_now(void)
{
    return running;
}

static void
run(void **state)
{
    struct test *test = *state;

    running = test;
    test->run(test);
    test_dir_remove(test); // not reached when a check failed: it is kept
}

static bool
is_named(const struct test *test, const char *name)
{
    size_t len = strlen(test->file);

    if (strncmp(name, test->file, len) == 0 && name[len] == '.' &&
        strcmp(name + len + 1, test->sentence) == 0) {
        return true;
    }
    return strcmp(name, test->sentence) == 0;
}

static bool
is_chosen(const struct test *test, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (is_named(test, argv[i])) {
            return true;
        }
    }
    return argc <= 1;
}

static void
print_list(void)
{
    for (size_t i = 0; i < tests_count; i++) {
        printf("%s.%s\n", tests[i]->file, tests[i]->sentence);
    }
}

int
main(int argc, char **argv)
{
    static struct CMUnitTest chosen[TESTS_MAX];
    size_t chosen_count = 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        print_list();
        return 0;
    }
    for (size_t i = 0; i < tests_count; i++) {
        if (is_chosen(tests[i], argc, argv)) {
            chosen[chosen_count++] = (struct CMUnitTest){
                .name = tests[i]->sentence,
                .test_func = run,
                .initial_state = tests[i],
            };
        }
    }
    if (chosen_count == 0) {
        fprintf(stderr, "no such test; --list names them\n");
        return 2;
    }
    // The function behind cmocka_run_group_tests, which wants an array.
    return _cmocka_run_group_tests(argv[0], chosen, chosen_count, NULL, NULL);
}
