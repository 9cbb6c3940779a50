// SPDX-License-Identifier: Apache-2.0
//
// test_capsule.c - instances leave a node as capsules, go on in another one,
// and are replayed.

#include "weft/capsule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "support/test.h"
#include "weft/testing.h"
#include "weft/workflow.h"

#define DAY_MS (24ULL * 3600 * 1000)

static int computed; // values and steps
static char keys[4][33];
static int attempts;

static weft_err
ship(weft_activity *activity, weft_bytes input)
{
    if (attempts < 4) {
        (void)snprintf(keys[attempts], sizeof(keys[0]), "%s",
                       weft_activity_key(activity));
    }
    attempts++;
    return weft_activity_return(activity, input);
}

static weft_err
compute(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    (void)wf;
    (void)ctx;
    computed++;
    *out_value = weft_text("42");
    return WEFT_OK;
}

static weft_err
do_step(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    (void)step;
    (void)ctx;
    computed++;
    *out_result = weft_text("stepped");
    return WEFT_OK;
}

// A value, a step, ten days, an activity, a signal.
static weft_err
order(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;
    weft_err err = weft_workflow_value(wf, "answer", compute, NULL, &data);

    if (err == WEFT_OK) {
        err = weft_workflow_publish(wf, "answer", data);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_step(wf, "step", do_step, NULL, &data);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_sleep(wf, 10 * DAY_MS);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_call(wf, "ship", input, NULL, &data);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_receive(wf, "thanks", WEFT_FOREVER, &data);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, data) : err;
}

// The same with another timer.
static weft_err
order_with_another_timer(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;
    weft_err err = weft_workflow_value(wf, "answer", compute, NULL, &data);

    (void)input;
    if (err == WEFT_OK) {
        err = weft_workflow_step(wf, "step", do_step, NULL, &data);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_call(wf, "ship", input, NULL, NULL);
    }
    return err == WEFT_OK ? weft_workflow_sleep(wf, DAY_MS) : err;
}

// It ends where the other waits for thanks.
static weft_err
order_without_thanks(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;
    weft_err err = weft_workflow_value(wf, "answer", compute, NULL, &data);

    if (err == WEFT_OK) {
        err = weft_workflow_step(wf, "step", do_step, NULL, &data);
    }
    if (err == WEFT_OK) {
        err = weft_workflow_sleep(wf, 10 * DAY_MS);
    }
    return err == WEFT_OK ? weft_workflow_call(wf, "ship", input, NULL, NULL)
                          : err;
}

static weft_err
hello(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_return(wf, weft_text("hello"));
}

static weft_err
good_bye(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_return(wf, weft_text("good bye"));
}

static weft_err
count(weft_actor *actor, const weft_message *message, void *state)
{
    int64_t *number = state;

    if (message->type == WEFT_MESSAGE_SIGNAL) {
        (*number)++;
        return weft_actor_publish(actor, "number",
                                  weft_bytes_of(number, sizeof(*number)));
    }
    return WEFT_OK;
}

static void
add_workflow(weft_definitions *definitions, const char *name,
             weft_workflow_fn *fn)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = fn;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
}

static weft_definitions *
define(weft_workflow_fn *order_fn, weft_workflow_fn *hello_fn)
{
    weft_definitions *definitions = NULL;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    activity.name = "ship";
    activity.run = ship;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    actor.name = "counter";
    actor.state_bytes = sizeof(int64_t);
    actor.receive = count;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    add_workflow(definitions, "order", order_fn);
    add_workflow(definitions, "hello", hello_fn);
    computed = 0;
    attempts = 0;
    return definitions;
}

static const weft_target seventeen = {"order", "17"};

static weft_test *
begin(const weft_definitions *definitions, int64_t window_bytes)
{
    weft_test_options options = WEFT_TEST_OPTIONS_INIT;
    weft_test *test = NULL;

    options.window_bytes = window_bytes;
    CHECK_OK(weft_test_open(definitions, &options, &test));
    return test;
}

// Owned by the caller.
static weft_bytes export(weft_test *test, weft_target target)
{
    weft_reply *reply = NULL;
    void *copy;
    size_t len;

    CHECK_OK(weft_client_export(weft_test_client(test), target, &reply));
    len = reply->data.len;
    copy = malloc(len);
    memcpy(copy, reply->data.data, len);
    weft_reply_free(reply);
    return weft_bytes_of(copy, len);
}

static void
drop(weft_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static void
check_result(weft_test *test, weft_target target, const char *expected)
{
    weft_reply *reply = NULL;

    CHECK_OK(weft_client_result(weft_test_client(test), target, 0, &reply));
    CHECK_BYTES(reply->data, weft_text(expected));
    weft_reply_free(reply);
}

// An order that sleeps, with thanks in its mailbox; exported on its third day.
static weft_bytes
export_sleeping(const weft_definitions *definitions)
{
    weft_test *test = begin(definitions, 0);
    weft_client *client = weft_test_client(test);
    weft_bytes capsule;

    CHECK_OK(weft_client_start(client, seventeen, weft_text("parcel")));
    weft_test_advance(test, 3 * DAY_MS);
    CHECK_OK(weft_client_pause(client, seventeen));
    CHECK_OK(weft_client_signal(client, seventeen, "thanks",
                                weft_text("you are welcome")));
    capsule = export(test, seventeen);
    weft_test_close(test);
    return capsule;
}

// It goes on where it was, and wakes when it would have woken.
static void
go_on(const weft_definitions *definitions, weft_bytes capsule,
      int64_t window_bytes, int crashes)
{
    weft_test *test = begin(definitions, window_bytes);
    weft_client *client = weft_test_client(test);
    uint64_t begin_ms = weft_test_now_ms(test);
    weft_reply *reply = NULL;

    CHECK_OK(weft_client_import(client, capsule));
    if (crashes > 0) {
        weft_test_crash(test);
    }
    CHECK_OK(weft_client_describe(client, seventeen, &reply));
    CHECK_EQ(reply->items[0].is_paused, 1);
    CHECK_EQ(reply->items[0].mailbox_count, 1);
    CHECK_EQ(reply->items[0].timers_count, 1);
    weft_reply_free(reply);
    CHECK_ERR(weft_client_import(client, capsule), WEFT_EEXISTS);
    CHECK_OK(
        weft_client_query(client, seventeen, "answer", weft_nothing(), &reply));
    CHECK_BYTES(reply->data, weft_text("42"));
    weft_reply_free(reply);
    CHECK_OK(weft_client_resume(client, seventeen));
    weft_test_run(test);
    if (crashes > 1) {
        weft_test_crash(test);
    }
    check_result(test, seventeen, "you are welcome");
    CHECK_EQ(weft_test_now_ms(test) - begin_ms, 10 * DAY_MS);
    weft_test_close(test);
}

TEST(capsule, an_instance_goes_on_in_another_node)
{
    weft_definitions *definitions = define(order, hello);
    weft_bytes capsule = export_sleeping(definitions);

    for (int crashes = 0; crashes < 3; crashes++) {
        go_on(definitions, capsule, 0, crashes);
        go_on(definitions, capsule, WEFT_WINDOW_NONE, crashes);
    }
    CHECK_EQ(computed, 2); // where it began, and nowhere else
    drop(capsule);
    weft_definitions_destroy(definitions);
}

TEST(capsule, an_open_activity_is_attempted_again_with_the_same_key)
{
    weft_definitions *definitions = define(order, hello);
    weft_test *test = begin(definitions, 0);
    weft_client *client = weft_test_client(test);
    weft_test_stub stub = WEFT_TEST_STUB_INIT;
    weft_bytes capsule;

    stub.run = ship;
    CHECK_OK(weft_test_stub_activity(test, "ship", &stub));
    CHECK_OK(weft_client_start(client, seventeen, weft_text("parcel")));
    weft_test_advance(test, 10 * DAY_MS - 1);
    stub.delay_ms = 30000;
    CHECK_OK(weft_test_stub_activity(test, "ship", &stub));
    weft_test_advance(test, 10);
    capsule = export(test, seventeen);
    weft_test_advance(test, 60000);
    CHECK_EQ(attempts, 1);
    weft_test_close(test);

    test = begin(definitions, 0);
    client = weft_test_client(test);
    CHECK_OK(weft_client_import(client, capsule));
    CHECK_OK(weft_client_signal(client, seventeen, "thanks", weft_text("so")));
    check_result(test, seventeen, "so");
    CHECK_EQ(attempts, 2);
    CHECK_STR(keys[0], keys[1]);
    weft_test_close(test);
    drop(capsule);
    weft_definitions_destroy(definitions);
}

TEST(capsule, a_finished_one_is_replaced_and_a_plain_actor_keeps_its_state)
{
    weft_definitions *definitions = define(order, hello);
    weft_target target = {"counter", "c"};
    weft_target greeting = {"hello", "h"};
    weft_test *test = begin(definitions, 0);
    weft_client *client = weft_test_client(test);
    weft_reply *reply = NULL;
    weft_bytes counter;
    weft_bytes greeted;
    int64_t number = 0;

    CHECK_OK(weft_client_signal(client, target, "add", weft_nothing()));
    CHECK_OK(weft_client_signal(client, target, "add", weft_nothing()));
    CHECK_OK(weft_client_start(client, greeting, weft_nothing()));
    check_result(test, greeting, "hello");
    weft_test_run(test);
    counter = export(test, target);
    greeted = export(test, greeting);
    CHECK_OK(weft_client_import(client, greeted));
    check_result(test, greeting, "hello");
    CHECK_ERR(weft_client_export(client, (weft_target){"order", "none"}, NULL),
              WEFT_ENOTFOUND);
    weft_test_close(test);

    test = begin(definitions, 0);
    client = weft_test_client(test);
    CHECK_OK(weft_client_import(client, counter));
    CHECK_OK(weft_client_signal(client, target, "add", weft_nothing()));
    weft_test_run(test);
    CHECK_OK(
        weft_client_query(client, target, "number", weft_nothing(), &reply));
    memcpy(&number, reply->data.data, sizeof(number));
    CHECK_EQ(number, 3);
    weft_reply_free(reply);
    weft_test_close(test);
    drop(counter);
    drop(greeted);
    weft_definitions_destroy(definitions);
}

TEST(capsule, a_mailbox_that_is_not_in_memory_is_refused_with_its_length)
{
    weft_definitions *definitions = define(order, hello);
    weft_test *test = begin(definitions, WEFT_WINDOW_NONE);
    weft_client *client = weft_test_client(test);

    CHECK_OK(weft_client_start(client, seventeen, weft_text("parcel")));
    CHECK_OK(weft_client_pause(client, seventeen));
    for (int i = 0; i < 1500; i++) {
        CHECK_OK(
            weft_client_signal(client, seventeen, "thanks", weft_nothing()));
    }
    CHECK_ERR(weft_client_export(client, seventeen, NULL), WEFT_ETOOBIG);
    CHECK(strstr(weft_err_detail(), "1500 messages") != NULL);
    weft_test_close(test);
    weft_definitions_destroy(definitions);
}

static int
look(void *ctx, const weft_inspect_actor *actor)
{
    int *seen = ctx;

    CHECK_STR(actor->head.kind, "order");
    CHECK_STR(actor->head.id, "17");
    CHECK_EQ(actor->journal_count, 5);
    CHECK_EQ(actor->timers_count, 1);
    CHECK_EQ(actor->mailbox_count, 1);
    CHECK_BYTES(actor->mailbox[0].data, weft_text("you are welcome"));
    CHECK_BYTES(actor->input, weft_text("parcel"));
    (*seen)++;
    return 0;
}

TEST(capsule, what_is_in_it_is_shown)
{
    weft_definitions *definitions = define(order, hello);
    weft_bytes capsule = export_sleeping(definitions);
    uint8_t *two = malloc(2 * capsule.len);
    int seen = 0;

    CHECK_OK(weft_capsule_each(capsule, look, &seen));
    CHECK_EQ(seen, 1);
    memcpy(two, capsule.data, capsule.len);
    memcpy(two + capsule.len, capsule.data, capsule.len);
    CHECK_OK(
        weft_capsule_each(weft_bytes_of(two, 2 * capsule.len), look, &seen));
    CHECK_EQ(seen, 3);
    free(two);
    drop(capsule);
    weft_definitions_destroy(definitions);
}

TEST(capsule, damage_is_found)
{
    weft_definitions *definitions = define(order, hello);
    weft_test *test = begin(definitions, 0);
    weft_client *client = weft_test_client(test);
    weft_bytes capsule = export_sleeping(definitions);
    uint8_t *bytes = (uint8_t *)(uintptr_t)capsule.data;

    for (size_t i = 0; i < capsule.len; i++) {
        weft_err err;

        bytes[i] ^= 0x10;
        err = weft_client_import(client, capsule);
        CHECK(err == WEFT_ECORRUPT || (err == WEFT_EFORMAT && i < 8));
        err = weft_replay_check(definitions, capsule);
        CHECK(err == WEFT_ECORRUPT || (err == WEFT_EFORMAT && i < 8));
        bytes[i] ^= 0x10;
    }
    for (size_t len = 0; len < capsule.len; len++) {
        CHECK_ERR(weft_client_import(client, weft_bytes_of(bytes, len)),
                  WEFT_ECORRUPT);
    }
    CHECK_OK(weft_client_import(client, capsule));
    weft_test_close(test);
    drop(capsule);
    weft_definitions_destroy(definitions);
}

// A capsule of this body, whose checksum is right.
static weft_err
check_body(const weft_definitions *definitions, weft_bytes whole,
           const struct wf_buf *body)
{
    struct wf_buf capsule = {0};
    weft_err err;

    wf_buf_put(&capsule, whole.data, 8); // magic and version
    wf_buf_put_u32(&capsule, (uint32_t)body->len);
    wf_buf_put(&capsule, body->data, body->len);
    wf_buf_put_u32(&capsule, wf_crc32c(0, capsule.data, capsule.len));
    err = weft_replay_check(definitions, wf_buf_bytes(&capsule));
    wf_buf_fini(&capsule);
    return err;
}

TEST(capsule, a_body_that_does_not_decode_is_refused)
{
    static const struct {
        const char *key;
        size_t key_len;
        size_t more; // bytes behind it
        const char *said;
    } cases[] = {
        {"d\0hello\0x", 9, 0, "image does not decode"},
        {"nobody", 6, 0, "body does not decode"},
        {"d\0hello\0x", 9, 1, "body does not decode"},
    };
    weft_definitions *definitions = define(order, hello);
    weft_bytes whole = export_sleeping(definitions);
    struct wf_buf body = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        wf_buf_reset(&body);
        wf_buf_put_varint(&body, 5);
        wf_buf_put_bytes(&body, weft_bytes_of(cases[i].key, cases[i].key_len));
        wf_buf_put_text(&body, "no image");
        for (size_t j = 0; j < cases[i].more; j++) {
            wf_buf_put_u8(&body, 0);
        }
        CHECK_ERR(check_body(definitions, whole, &body), WEFT_ECORRUPT);
        CHECK(strstr(weft_err_detail(), cases[i].said) != NULL);
    }
    body.len = 4; // within the key
    CHECK_ERR(check_body(definitions, whole, &body), WEFT_ECORRUPT);
    wf_buf_fini(&body);
    drop(whole);
    weft_definitions_destroy(definitions);
}

static int
look_once(void *ctx, const weft_inspect_actor *actor)
{
    (void)actor;
    ++*(int *)ctx;
    return 1; // that is enough
}

TEST(capsule, of_two_one_is_imported_at_a_time_and_as_many_shown_as_are_wanted)
{
    weft_definitions *definitions = define(order, hello);
    weft_test *test = begin(definitions, 0);
    weft_bytes capsule = export_sleeping(definitions);
    uint8_t *two = malloc(2 * capsule.len);
    int seen = 0;

    memcpy(two, capsule.data, capsule.len);
    memcpy(two + capsule.len, capsule.data, capsule.len);
    CHECK_OK(weft_capsule_each(weft_bytes_of(two, 2 * capsule.len), look_once,
                               &seen));
    CHECK_EQ(seen, 1);
    CHECK_ERR(weft_client_import(weft_test_client(test),
                                 weft_bytes_of(two, 2 * capsule.len)),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "more than one capsule") != NULL);
    free(two);
    drop(capsule);
    weft_test_close(test);
    weft_definitions_destroy(definitions);
}

TEST(capsule, a_replay_says_where_code_and_journal_part_and_does_nothing)
{
    weft_definitions *definitions = define(order, hello);
    weft_definitions *other = define(order_with_another_timer, hello);
    weft_bytes capsule = export_sleeping(definitions);
    int before = computed;

    CHECK_OK(weft_replay_check(definitions, capsule));
    CHECK_ERR(weft_replay_check(other, capsule), WEFT_EDIVERGED);
    CHECK(strstr(weft_err_detail(), "order/17: ") != NULL);
    CHECK(strstr(weft_err_detail(), "recorded was timer") != NULL);
    CHECK(strstr(weft_err_detail(), "the code gives activity \"ship\"") !=
          NULL);
    CHECK_EQ(computed, before);
    CHECK_EQ(attempts, 0);
    drop(capsule);
    weft_definitions_destroy(other);
    weft_definitions_destroy(definitions);
}

// An order that has ended, and a greeting, which has no waits at all.
static weft_bytes
export_finished(const weft_definitions *definitions, const char *kind)
{
    weft_test *test = begin(definitions, 0);
    weft_client *client = weft_test_client(test);
    weft_target target = {kind, "17"};
    weft_bytes capsule;

    CHECK_OK(weft_client_start(client, target, weft_text("parcel")));
    if (strcmp(kind, "order") == 0) {
        CHECK_OK(
            weft_client_signal(client, target, "thanks", weft_text("at last")));
    }
    CHECK_OK(weft_client_result(client, target, 0, NULL));
    capsule = export(test, target);
    weft_test_close(test);
    return capsule;
}

TEST(capsule, a_replay_of_a_finished_run_must_end_the_same_way)
{
    weft_definitions *definitions = define(order, hello);
    weft_definitions *other = define(order_without_thanks, good_bye);
    weft_bytes ended = export_finished(definitions, "order");
    weft_bytes greeted = export_finished(definitions, "hello");

    CHECK_OK(weft_replay_check(definitions, ended));
    CHECK_OK(weft_replay_check(definitions, greeted));
    CHECK_ERR(weft_replay_check(other, ended), WEFT_EDIVERGED);
    CHECK(strstr(weft_err_detail(), "recorded was receive \"thanks\"") != NULL);
    CHECK_ERR(weft_replay_check(other, greeted), WEFT_EDIVERGED);
    CHECK(strstr(weft_err_detail(), "with another result") != NULL);
    drop(ended);
    drop(greeted);
    weft_definitions_destroy(other);
    weft_definitions_destroy(definitions);
}

TEST(capsule, a_replay_needs_the_kind_and_takes_its_highest_version)
{
    weft_definitions *definitions = define(order, hello);
    weft_definitions *none;
    weft_definitions *newer;
    weft_definitions *plain;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_bytes greeted = export_finished(definitions, "hello");

    CHECK_OK(weft_definitions_create(&none));
    CHECK_ERR(weft_replay_check(none, greeted), WEFT_ENOTFOUND);
    CHECK(strstr(weft_err_detail(), "hello") != NULL);
    CHECK_OK(weft_definitions_create(&newer));
    workflow.name = "hello";
    workflow.version = 7;
    workflow.run = hello;
    CHECK_OK(weft_definitions_add_workflow(newer, &workflow));
    CHECK_OK(weft_replay_check(newer, greeted));
    CHECK_OK(weft_definitions_create(&plain));
    actor.name = "hello";
    actor.receive = count;
    CHECK_OK(weft_definitions_add_actor(plain, &actor));
    CHECK_OK(weft_replay_check(plain, greeted)); // it has no journal to fit
    drop(greeted);
    weft_definitions_destroy(none);
    weft_definitions_destroy(newer);
    weft_definitions_destroy(plain);
    weft_definitions_destroy(definitions);
}

TEST(capsule, a_file_of_capsules_is_replayed)
{
    weft_definitions *definitions = define(order, hello);
    weft_definitions *other = define(order, good_bye);
    weft_bytes ended = export_finished(definitions, "order");
    weft_bytes greeted = export_finished(definitions, "hello");
    char path[600];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/two.capsule", test_dir(t));
    CHECK_ERR(weft_replay_check_file(definitions, path), WEFT_ENOTFOUND);
    CHECK_ERR(weft_replay_check_file(definitions, test_dir(t)), WEFT_EIO);
    CHECK_ERR(weft_replay_check_file(definitions, "/dev/null/none"), WEFT_EIO);
    file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(ended.data, ended.len, 1, file), 1);
    CHECK_EQ(fwrite(greeted.data, greeted.len, 1, file), 1);
    CHECK_EQ(fclose(file), 0);
    CHECK_OK(weft_replay_check_file(definitions, path));
    CHECK_ERR(weft_replay_check_file(other, path), WEFT_EDIVERGED);
    drop(ended);
    drop(greeted);
    weft_definitions_destroy(other);
    weft_definitions_destroy(definitions);
}
