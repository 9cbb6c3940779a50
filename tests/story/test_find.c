// SPDX-License-Identifier: Apache-2.0
//
// Instances found by what they are: lists and counts by filter, deletion.

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "story/puppet.h"

// Sets what its input says, "city n", and waits for "go"; "fail" makes it fail.
static weft_err
order_run(weft_workflow *wf, weft_bytes input)
{
    char city[32];
    char text[64];
    long long n;
    weft_bytes how;

    (void)story_text(input, text, sizeof(text));
    if (sscanf(text, "%31s %lld", city, &n) == 2) {
        MUST(weft_workflow_set_attribute(wf,
                                         weft_attribute_keyword("city", city)),
             WEFT_OK);
        MUST(weft_workflow_set_attribute(wf, weft_attribute_int("n", n)),
             WEFT_OK);
    }
    MUST(weft_workflow_receive(wf, "go", WEFT_FOREVER, &how), WEFT_OK);
    return story_is(how, "fail")
               ? weft_workflow_fail(wf, "failed", "", weft_nothing())
               : WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = puppet_definitions();

    story_add_workflow(definitions, "order", order_run);
    return definitions;
}

#define CHECK_LIST(filter, expected)                                           \
    test_check_str(world_list(story->world, (filter), 1000), (expected),       \
                   (filter), __FILE__, __LINE__)
#define CHECK_COUNT(filter, group_by, expected)                                \
    test_check_str(world_count(story->world, (filter), (group_by)),            \
                   (expected), (filter), __FILE__, __LINE__)

static void
tell_found(struct story *story)
{
    story_start("order", "a", "Rome 1");
    story_start("order", "b", "Rome 2");
    story_start("order", "c", "Oslo 3");
    story_start("order", "d", "");
    puppet_do("puppet", "p", "note x");
    story_wait_ms(100);
    CHECK_LIST("", "order/a\norder/b\norder/c\norder/d\npuppet/p\n");
    CHECK_LIST("kind = 'order' and city = 'Rome'", "order/a\norder/b\n");
    CHECK_LIST("n between 2 and 3", "order/b\norder/c\n");
    CHECK_LIST("city is null and id starts_with 'd'", "order/d\n");
    CHECK_COUNT("", "kind", "5: order=4 puppet=1");
    CHECK_COUNT("kind = 'order'", "city", "4: none=1 Oslo=1 Rome=2");
    CHECK_COUNT("n > 1", NULL, "2");
    // What was acknowledged is found at once, also what has changed.
    story_signal("order", "a", "go", "fail");
    story_signal("order", "b", "go", "");
    CHECK_RESULT("order", "b", "");
    CHECK_FAILS("order", "a", WEFT_EFAILED, "failed");
    CHECK_LIST("status = failed", "order/a\n");
    CHECK_LIST("finished > 0 and created > '1970-01-01'", "order/a\norder/b\n");
    CHECK_COUNT("kind = 'order'", "status",
                "4: completed=1 failed=1 running=2");
    story_crash();
    CHECK_COUNT("kind = 'order'", "status",
                "4: completed=1 failed=1 running=2");
}

TEST(find, lists_and_counts_have_what_the_filter_matches)
{
    story_run(define, tell_found);
}

static void
tell_children(struct story *story)
{
    puppet_do("puppet", "a", "spawn puppet a/1 in");
    puppet_do("puppet", "a", "spawn puppet a/2 in");
    puppet_do("puppet", "b", "spawn puppet b/1 in");
    story_wait_ms(100);
    for (int i = 0; i < 2; i++) {
        CHECK_LIST("parent = 'puppet/a'", "puppet/a/1\npuppet/a/2\n");
        CHECK_LIST("parent is null", "puppet/a\npuppet/b\n");
        CHECK_LIST("parent != 'puppet/a'", "puppet/b/1\n");
        CHECK_COUNT("", "parent", "5: none=2 puppet/a=2 puppet/b=1");
        CHECK_STR(story_describe("puppet", "b/1")->parent, "puppet/b");
        CHECK_STR(story_describe("puppet", "b")->parent, "/");
        story_crash(); // from rows
    }
}

TEST(find, children_are_found_by_their_parent)
{
    story_run(define, tell_children);
}

static void
tell_deleted(struct story *story)
{
    const struct world_call *call;

    story_start("order", "a", "Rome 1");
    story_signal("order", "a", "go", "");
    CHECK_RESULT("order", "a", "");
    (void)story_do(WEFT_VERB_DELETE, "order", "a", "", "");
    CHECK_LIST("", "");
    CHECK_ERR(story_ask(WEFT_VERB_DESCRIBE, "order", "a", "", "")->err,
              WEFT_ENOTFOUND);
    CHECK_ERR(story_ask(WEFT_VERB_RESULT, "order", "a", "", "")->err,
              WEFT_ENOTFOUND);
    call = story_ask(WEFT_VERB_DELETE, "order", "a", "", "");
    CHECK_ERR(call->err, WEFT_ENOTFOUND);
    // The id is free, and nothing of the old life is in the new one.
    story_start("order", "a", "");
    story_wait_ms(100);
    CHECK_STR(story_describe("order", "a")->attributes, "");
}

TEST(find, what_is_deleted_is_gone_at_once)
{
    story_run(define, tell_deleted);
}

static void
crowd(const char *data)
{
    char id[24];

    for (int i = 0; i < 8; i++) {
        (void)snprintf(id, sizeof(id), "crowd%d", i);
        story_signal("puppet", id, "x", data);
    }
}

// Lived, deleted, and out of memory with a row that says so. The row goes once
// no record about the instance will be read again.
static void
tell_row(struct story *story)
{
    char id[16];

    for (int i = 0; i < 12; i++) {
        (void)snprintf(id, sizeof(id), "o%d", i);
        story_start("order", id, "");
        crowd("");
        story_signal("order", id, "go", "");
        CHECK_RESULT("order", id, "");
        CHECK_OK(story_ask(WEFT_VERB_DELETE, "order", id, "", "")->err);
        story_wait_ms(100);
    }
    for (int i = 0; i < 10; i++) {
        crowd("");
        story_wait_ms(100);
    }
    CHECK_EQ(world_left_over(story->world), 0);
}

TEST(find, what_is_deleted_leaves_no_row)
{
    story_run_crowded(define, tell_row);
}

static struct world_call *
delete_now(const char *kind, const char *id)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_DELETE;
    request.target = (weft_target){kind, id};
    request.terminate_first = 1;
    return story_call(&request);
}

static void
tell_terminated(struct story *story)
{
    struct world_call *watch;

    story_start("puppet", "a", "");
    story_start("order", "w", "");
    (void)story_do(WEFT_VERB_PAUSE, "puppet", "a", "", "");
    story_signal("puppet", "a", "one", "");
    story_signal("puppet", "a", "two", "");
    watch = world_call(story->world, WEFT_VERB_RESULT, "order", "w", "",
                       weft_nothing());
    CHECK_OK(delete_now("order", "w")->err);
    CHECK_OK(delete_now("puppet", "a")->err);
    // Asked again after a crash, there is nothing left that it could tell.
    (void)world_wait(story->world, watch);
    CHECK(watch->err == WEFT_ETERMINATED ||
          (!story->is_calm && watch->err == WEFT_ENOTFOUND));
    CHECK_LIST("", "");
    if (story->is_calm) {
        CHECK_EQ(story_dead_letters(), 2); // what it had not handled
    }
}

TEST(find, one_that_runs_is_terminated_first_and_its_letters_are_kept)
{
    story_run(define, tell_terminated);
}

// While letters of the old life are still in the way. What is deleted is what
// was there when that was asked.
static void
tell_next_life(struct story *story)
{
    struct world_call *calls[2];
    weft_request request = WEFT_REQUEST_INIT;

    story_start("puppet", "a", "");
    (void)story_do(WEFT_VERB_PAUSE, "puppet", "a", "", "");
    story_signal("puppet", "a", "one", "");
    story_signal("puppet", "a", "two", "");
    request.verb = WEFT_VERB_DELETE;
    request.target = (weft_target){"puppet", "a"};
    request.terminate_first = 1;
    calls[0] = world_submit(story->world, &request);
    calls[1] = world_call(story->world, WEFT_VERB_START, "puppet", "a", "",
                          weft_nothing());
    CHECK_OK(world_wait(story->world, calls[1])->err);
    CHECK_OK(world_wait(story->world, calls[0])->err);
    story_wait_ms(100);
    CHECK_EQ(story_describe("puppet", "a")->item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(story_dead_letters(), 2);
}

TEST(find, a_life_that_begins_meanwhile_is_not_deleted)
{
    story_run_calm(define, tell_next_life);
}

// The second finds nothing any more.
static void
tell_twice(struct story *story)
{
    struct world_call *calls[2];

    story_start("puppet", "a", "");
    (void)story_do(WEFT_VERB_PAUSE, "puppet", "a", "", "");
    story_signal("puppet", "a", "one", "");
    (void)world_call(story->world, WEFT_VERB_TERMINATE, "puppet", "a", "",
                     weft_nothing());
    for (int i = 0; i < 2; i++) {
        calls[i] = world_call(story->world, WEFT_VERB_DELETE, "puppet", "a", "",
                              weft_nothing());
    }
    CHECK_OK(world_wait(story->world, calls[0])->err);
    CHECK_ERR(world_wait(story->world, calls[1])->err, WEFT_ENOTFOUND);
}

TEST(find, all_that_wait_until_it_has_no_messages_are_answered)
{
    story_run_calm(define, tell_twice);
}

// The same request again, over another way: it is done once, and answered the
// same.
static void
tell_again(struct story *story)
{
    struct world_call *calls[2];
    weft_request request = WEFT_REQUEST_INIT;

    story_start("puppet", "a", "");
    (void)story_do(WEFT_VERB_PAUSE, "puppet", "a", "", "");
    story_signal("puppet", "a", "one", "");
    (void)world_call(story->world, WEFT_VERB_TERMINATE, "puppet", "a", "",
                     weft_nothing());
    request.verb = WEFT_VERB_DELETE;
    request.target = (weft_target){"puppet", "a"};
    request.number = 1000;
    for (int i = 0; i < 2; i++) {
        calls[i] = world_submit(story->world, &request);
    }
    CHECK_OK(world_wait(story->world, calls[0])->err);
    CHECK_OK(world_wait(story->world, calls[1])->err);
}

TEST(find, one_that_waits_twice_until_it_has_no_messages_is_done_once)
{
    story_run_calm(define, tell_again);
}

// Random instances against a model. -------------------------------------------

enum { INSTANCES = 120 };

struct model {
    char id[16];
    char city[8];
    long long n;
    weft_status status;
};

static struct model models[INSTANCES];
static const char *const cities[] = {"Rome", "Oslo", "Lima", "Bern"};

static void
populate(struct wf_random *random)
{
    for (int i = 0; i < INSTANCES; i++) {
        struct model *model = &models[i];
        char input[40];

        (void)snprintf(model->id, sizeof(model->id), "%03d", i);
        (void)snprintf(model->city, sizeof(model->city), "%s",
                       cities[wf_random_below(random, 4)]);
        model->n = (long long)wf_random_below(random, 20) - 10;
        model->status = WEFT_STATUS_RUNNING;
        (void)snprintf(input, sizeof(input), "%s %lld", model->city, model->n);
        story_start("order", model->id, input);
        if (wf_random_below(random, 2) == 0) {
            bool fails = wf_random_below(random, 3) == 0;

            story_signal("order", model->id, "go", fails ? "fail" : "");
            (void)story_result("order", model->id);
            model->status = fails ? WEFT_STATUS_FAILED : WEFT_STATUS_COMPLETED;
        }
    }
    story_wait_ms(100);
}

// A filter of three tests, and what it should find.
struct question {
    const char *city;
    long long low;
    weft_status status;
    bool is_any; // "or" between them
    char filter[200];
};

static bool
is_found(const struct question *question, const struct model *model)
{
    bool has_city = strcmp(model->city, question->city) == 0;
    bool is_high = model->n >= question->low;
    bool has_status = model->status == question->status;

    return question->is_any ? has_city || (is_high && !has_status)
                            : has_city && (is_high || !has_status);
}

static void
ask_random(struct story *story, struct wf_random *random)
{
    struct question question = {
        .city = cities[wf_random_below(random, 4)],
        .low = (long long)wf_random_below(random, 20) - 10,
        .status = (weft_status)(1 + wf_random_below(random, 3)),
        .is_any = wf_random_below(random, 2) == 0,
    };
    static char expected[INSTANCES * 20];
    size_t len = 0;
    size_t count = 0;
    char number[24];

    (void)snprintf(
        question.filter, sizeof(question.filter),
        question.is_any ? "city = '%s' or n >= %lld and status != %s"
                        : "city = '%s' and (n >= %lld or not status = %s)",
        question.city, question.low, weft_status_name(question.status));
    expected[0] = '\0';
    for (int i = 0; i < INSTANCES; i++) {
        if (is_found(&question, &models[i])) {
            len += (size_t)snprintf(expected + len, sizeof(expected) - len,
                                    "order/%s\n", models[i].id);
            count++;
        }
    }
    test_check_str(world_list(story->world, question.filter,
                              1 + (uint32_t)wf_random_below(random, 20)),
                   expected, question.filter, __FILE__, __LINE__);
    (void)snprintf(number, sizeof(number), "%zu", count);
    CHECK_COUNT(question.filter, NULL, number);
}

static void
check_groups(struct story *story)
{
    char expected[200];
    int counts[4] = {0};

    for (int i = 0; i < INSTANCES; i++) {
        for (int city = 0; city < 4; city++) {
            counts[city] += strcmp(models[i].city, cities[city]) == 0;
        }
    }
    (void)snprintf(expected, sizeof(expected),
                   "%d: Bern=%d Lima=%d Oslo=%d Rome=%d", INSTANCES, counts[3],
                   counts[2], counts[1], counts[0]);
    CHECK_COUNT("", "city", expected);
}

static void
tell_random(struct story *story)
{
    struct wf_random random;

    wf_random_init(&random, 5);
    populate(&random);
    for (int i = 0; i < 20; i++) {
        ask_random(story, &random);
    }
    check_groups(story);
    story_crash();
    for (int i = 0; i < 5; i++) {
        ask_random(story, &random);
    }
}

TEST(find, random_filters_find_what_a_model_finds)
{
    story_run_calm(define, tell_random);
}
