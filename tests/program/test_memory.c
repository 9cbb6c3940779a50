// SPDX-License-Identifier: Apache-2.0
//
// test_memory.c - programs on the node of testing.h: some thousand that nobody
// tried before, some of them over crashes.
//
// A program that fails is printed, made as small as can be, and printed again.
// In the environment PROGRAM_SEED chooses one, PROGRAM_COUNT how many,
// PROGRAM_FROM the first of them.

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program/expect.h"
#include "program/record.h"
#include "program/run.h"
#include "program/shrink.h"
#include "support/test.h"
#include "weft/testing.h"

#define ROOT "root"
#define QUIET_MS 20000 // what nobody awaits has ended then
#define PATIENCE_MS 120000

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define COUNT 150
#else
#define COUNT 2000
#endif

// One program on one node.
struct trial {
    struct program program;
    struct expect expect;
    struct record record;
    weft_definitions *definitions;
    weft_test *test;
    weft_client *client;
    uint64_t crashes; // commits until the next; 0: none
    bool is_told;     // what is wrong is printed
    uint32_t faults;
};

struct token {
    struct trial *trial;
    char token[WEFT_TOKEN_CHARS_MAX];
    char failure[32];
    uint64_t value;
};

static void
fault(void *ctx, const char *text)
{
    struct trial *trial = ctx;

    trial->faults++;
    if (trial->is_told && trial->faults < 20) {
        (void)printf("    %s\n", text);
    }
}

__attribute__((format(printf, 2, 3))) static void
say(struct trial *trial, const char *format, ...)
{
    char text[4000];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fault(trial, text);
}

// The world. ------------------------------------------------------------------

static void
called(void *ctx, const char *key, uint32_t attempt, const char *name)
{
    struct trial *trial = ctx;

    record_ran(&trial->record, key, attempt, name);
}

static void
complete(weft_test *test, void *ctx)
{
    struct token *token = ctx;
    weft_client *client = weft_test_client(test);
    weft_err err =
        token->failure[0] != '\0'
            ? weft_client_fail(client, token->token, token->failure, "")
            : weft_client_complete(
                  client, token->token,
                  weft_bytes_of(&token->value, sizeof(token->value)));

    if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
        say(token->trial, "a token: %s", weft_err_name(err));
    }
    free(token);
}

static void
deferred(void *ctx, const char *text, const char *failure, uint64_t value)
{
    struct trial *trial = ctx;
    struct token *token = calloc(1, sizeof(*token));

    if (token == NULL) {
        abort();
    }
    token->trial = trial;
    token->value = value;
    (void)snprintf(token->token, sizeof(token->token), "%s", text);
    (void)snprintf(token->failure, sizeof(token->failure), "%s",
                   failure == NULL ? "" : failure);
    weft_test_at(trial->test, 1 + value % 10, complete, token);
}

// The client. -----------------------------------------------------------------

static void
start(struct trial *trial)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct run_input input;
    weft_pair pair;
    weft_err err;

    run_input_make(&trial->program, ROOT, &input);
    run_start_options(&trial->program, &input, &options, &pair);
    err = weft_client_start_with(trial->client, (weft_target){"program", ROOT},
                                 weft_bytes_of(&input, sizeof(input)), &options,
                                 NULL);
    if (err != WEFT_OK) {
        say(trial, "start: %s", weft_err_name(err));
    }
}

static void
ask_update(struct trial *trial, const struct run_payload *payload)
{
    weft_reply *reply = NULL;
    weft_err err = WEFT_EFINISHED;
    char id[40];

    // A run that ends does not end what it has begun: another one has to.
    for (int i = 0; i < 20 && err == WEFT_EFINISHED; i++) {
        (void)snprintf(id, sizeof(id), "u%" PRIu64 "-%d", payload->seq, i);
        weft_reply_free(reply);
        err = weft_client_update(
            trial->client, (weft_target){"program", ROOT}, "add",
            weft_bytes_of(payload, sizeof(*payload)), id, &reply);
    }
    if (err != WEFT_OK || reply->data.len != 8 ||
        *(const uint64_t *)reply->data.data != program_work(payload->value)) {
        say(trial, "update %" PRIu64 ": %s", payload->seq, weft_err_name(err));
    }
    weft_reply_free(reply);
}

static void
ask_all(struct trial *trial)
{
    uint64_t seed = trial->program.source.seed;

    for (size_t i = 0; i < trial->expect.asks_count; i++) {
        const struct expect_ask *ask = &trial->expect.asks[i];
        struct run_payload payload = {.seq = ask->seq};

        weft_test_advance(trial->test, program_mix(seed, 700 + i) % 40);
        payload.value = ask->is_update ? program_update(seed, ask->seq)
                                       : program_go(seed, ask->seq);
        if (ask->is_update) {
            ask_update(trial, &payload);
        } else if (weft_client_signal(
                       trial->client, (weft_target){"program", ROOT}, "go",
                       weft_bytes_of(&payload, sizeof(payload))) != WEFT_OK) {
            say(trial, "go %" PRIu32 " is refused", ask->seq);
        }
    }
}

static void
check_end(struct trial *trial, const char *id, const char *expected)
{
    char outcome[EXPECT_TEXT_SIZE];
    weft_reply *reply = NULL;
    weft_err err = weft_client_result(trial->client,
                                      (weft_target){"program", id}, 0, &reply);

    run_outcome(err, reply, outcome);
    if (!expect_fits(expected, outcome)) {
        say(trial, "%s ended:   %s\n    and must end: %s", id, outcome,
            expected);
    }
    weft_reply_free(reply);
}

// What is left. ---------------------------------------------------------------

static void
check_log(struct trial *trial)
{
    char id[PROGRAM_ID_SIZE];
    weft_reply *reply = NULL;
    struct run_tally tally;
    size_t count = 0;
    weft_err err;

    program_log_id(ROOT, id);
    err = weft_client_query(trial->client, (weft_target){"log", id}, "all",
                            weft_nothing(), &reply);
    if (err != WEFT_OK && err != WEFT_ENOTFOUND) {
        say(trial, "log: %s", weft_err_name(err));
    }
    for (; err == WEFT_OK && (count + 1) * sizeof(tally) <= reply->data.len;
         count++) {
        const char *wrong;

        memcpy(&tally,
               (const uint8_t *)reply->data.data + count * sizeof(tally),
               sizeof(tally));
        wrong = expect_strand(&trial->expect, tally.key, tally.count,
                              tally.fold, false);
        if (wrong != NULL) {
            say(trial, "strand %016" PRIx64 ", %" PRIu64 " notes: %s",
                tally.key, tally.count, wrong);
        }
    }
    if (count != expect_strands(&trial->expect)) {
        say(trial, "%zu strands of notes, and there must be %zu", count,
            expect_strands(&trial->expect));
    }
    weft_reply_free(reply);
}

static void
check_shown(struct trial *trial)
{
    const struct expect *expect = &trial->expect;
    weft_target root = {"program", ROOT};
    weft_reply *reply = NULL;
    weft_reply *described = NULL;
    const weft_description *item;
    weft_err err =
        weft_client_query(trial->client, root, "value", weft_nothing(), &reply);
    uint64_t value = 0;

    if (err == WEFT_OK && reply->data.len == sizeof(value)) {
        memcpy(&value, reply->data.data, sizeof(value));
    }
    if ((err == WEFT_OK) != expect->has_value || value != expect->value) {
        say(trial, "published %s %" PRIx64, weft_err_name(err), value);
    }
    weft_reply_free(reply);
    if (weft_client_describe(trial->client, root, &described) != WEFT_OK) {
        say(trial, "no description");
        return;
    }
    item = &described->items[0];
    if ((item->attributes_count == 1) != expect->has_number ||
        (expect->has_number &&
         item->attributes[0].value.integer != expect->number)) {
        say(trial, "the attribute is another");
    }
    memcpy(&value,
           expect->has_memo ? weft_pairs_get(item->memo, "memo").data
                            : (const void *)&value,
           sizeof(value));
    if (expect->has_memo && value != expect->memo) {
        say(trial, "the memo is another");
    }
    weft_reply_free(described);
}

static void
check_node(struct trial *trial)
{
    weft_node_stats stats = {.struct_size = sizeof(stats)};

    if (weft_node_get_stats(weft_test_node(trial->test), &stats) != WEFT_OK ||
        stats.actors_parked != 0 || stats.dead_letters != 0 ||
        stats.audit_failures != 0) {
        say(trial,
            "%" PRIu64 " parked, %" PRIu64 " dead letters, %" PRIu64
            " that nothing wakes",
            stats.actors_parked, stats.dead_letters, stats.audit_failures);
    }
}

// Trials. ---------------------------------------------------------------------

static void
open_trial(struct trial *trial)
{
    static struct run_hooks hooks = {.called = called, .deferred = deferred};
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    uint64_t seed = trial->program.source.seed;

    hooks.ctx = trial;
    options.seed = 1 + seed % 1000;
    options.patience_ms = PATIENCE_MS;
    options.partition_count = 1 + (uint32_t)(program_mix(seed, 51) % 5);
    options.paranoid = program_mix(seed, 52) % 4 == 0;
    options.window_bytes =
        program_mix(seed, 53) % 3 == 0 ? WEFT_WINDOW_NONE : 0;
    CHECK_OK(weft_definitions_create(&trial->definitions));
    CHECK_OK(run_define(trial->definitions, &hooks));
    CHECK_OK(weft_test_open(trial->definitions, &options, &trial->test));
    trial->client = weft_test_client(trial->test);
    if (program_mix(seed, 54) % 2 == 0) {
        weft_test_crash_at_commit(trial->test, 1 + program_mix(seed, 55) % 60,
                                  program_mix(seed, 56) % 2 == 0);
    }
}

static uint32_t
try_program(const struct program_source *source, bool is_told)
{
    struct trial trial = {.is_told = is_told};

    program_make(source, &trial.program);
    expect_make(&trial.program, ROOT, &trial.expect);
    open_trial(&trial);
    start(&trial);
    ask_all(&trial);
    check_end(&trial, ROOT, trial.expect.outcome);
    weft_test_advance(trial.test, QUIET_MS);
    for (size_t i = 0; i < trial.expect.children_count; i++) {
        check_end(&trial, trial.expect.children[i].id,
                  trial.expect.children[i].outcome);
    }
    check_log(&trial);
    check_shown(&trial);
    check_node(&trial);
    record_expect(&trial.record, &trial.expect, false);
    record_check(&trial.record, fault, &trial);
    weft_test_close(trial.test);
    weft_definitions_destroy(trial.definitions);
    record_fini(&trial.record);
    expect_fini(&trial.expect);
    return trial.faults;
}

static bool
fails(void *ctx, const struct program_source *source)
{
    (void)ctx;
    return try_program(source, false) > 0;
}

static void
print_program(const struct program_source *source)
{
    struct program program;
    char *text;

    program_make(source, &program);
    text = program_text(&program);
    (void)printf("%s", text);
    free(text);
    (void)try_program(source, true);
}

static void
check_source(struct program_source source)
{
    if (try_program(&source, false) == 0) {
        return;
    }
    print_program(&source);
    (void)printf("smaller, after %" PRIu32 " tries:\n",
                 shrink_program(&source, fails, NULL, 400));
    print_program(&source);
    (void)printf("repeat: PROGRAM_SEED=%" PRIu64 " program_memory\n",
                 source.seed);
    CHECK(false);
}

static struct program_source
source_of(uint64_t seed)
{
    return (struct program_source){
        .seed = seed,
        .size = 1 + (uint32_t)(program_mix(seed, 50) % 40),
    };
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

TEST(memory, programs_end_as_they_must)
{
    uint64_t one = number("PROGRAM_SEED", 0);
    uint64_t from = number("PROGRAM_FROM", (uint64_t)time(NULL) * 10000);
    uint64_t count = number("PROGRAM_COUNT", COUNT);

    (void)setvbuf(stdout, NULL, _IOLBF, 0);

    if (one != 0) {
        check_source(source_of(one));
        return;
    }
    (void)printf("programs %" PRIu64 " to %" PRIu64 "\n", from,
                 from + count - 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        check_source(source_of(seed));
    }
}
