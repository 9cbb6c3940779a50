// SPDX-License-Identifier: Apache-2.0
//
// test_interceptor.c - requests and attempts, seen and changed on their way.

#include "weft/interceptor.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "weft/testing.h"
#include "weft/weft.h"

// ThreadSanitizer does not see what RocksDB, which is not built with it, does
// to order its own threads.
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *
__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static char seen[4096];
static bool is_code_seen; // set before the node opens

static void
see(const char *who, const char *what)
{
    size_t len;

    pthread_mutex_lock(&seen_lock);
    len = strlen(seen);
    snprintf(seen + len, sizeof(seen) - len, "%s%s %s", len > 0 ? ", " : "",
             who, what);
    pthread_mutex_unlock(&seen_lock);
}

// Gives its input back, with an "!"; "bad" fails.
static weft_err
shout(weft_activity *activity, weft_bytes input)
{
    char text[64];

    if (is_code_seen) {
        see("code", "runs");
    }
    if (input.len == 3 && memcmp(input.data, "bad", 3) == 0) {
        return weft_activity_fail(activity, "bad", "it is bad", weft_nothing());
    }
    snprintf(text, sizeof(text), "%.*s!", (int)input.len,
             (const char *)input.data);
    return weft_activity_return(activity, weft_text(text));
}

static weft_err
order(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;
    weft_err err = weft_workflow_call(wf, "shout", input, NULL, &result);

    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

// "outer" mends what went wrong; "inner" makes the input "hello" and puts
// brackets around the result.
static weft_err
around_attempt(void *ctx, const weft_intercepted_attempt *attempt,
               const weft_activity_next *next)
{
    const char *who = ctx;
    bool is_inner = strcmp(who, "inner") == 0;
    bool is_bad = attempt->input.len == 3;
    char text[64];
    weft_bytes result;
    weft_err err;

    see(who, attempt->name);
    err = weft_activity_next_run(next, is_inner && !is_bad ? weft_text("hello")
                                                           : attempt->input);
    see(who, weft_err_name(err));
    if (!is_inner && err == WEFT_EFAILED) {
        return weft_activity_return(attempt->activity, weft_text("mended"));
    }
    result = weft_activity_result(attempt->activity);
    if (is_inner && err == WEFT_OK) {
        snprintf(text, sizeof(text), "(%.*s)", (int)result.len,
                 (const char *)result.data);
        err = weft_activity_return(attempt->activity, weft_text(text));
    }
    return err;
}

static weft_err
before_request(void *ctx, weft_request *request)
{
    see(ctx, "request");
    if (request->target.id != NULL &&
        strcmp(request->target.id, "forbidden") == 0) {
        return WEFT_EINVAL;
    }
    if (request->target.id != NULL &&
        strcmp(request->target.id, "alias") == 0) {
        request->target.id = "real";
    }
    return WEFT_OK;
}

static void
after_request(void *ctx, const weft_intercepted_reply *reply)
{
    char text[100];

    snprintf(text, sizeof(text), "%s %s", reply->id, weft_err_name(reply->err));
    CHECK_EQ(reply->err == WEFT_ETIMEDOUT, reply->reply == NULL);
    see(ctx, text);
}

static char names[2][6] = {"outer", "inner"};

static weft_definitions *
define(bool has_attempts)
{
    weft_definitions *definitions = NULL;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    workflow.name = "order";
    workflow.run = order;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    activity.name = "shout";
    activity.run = shout;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    for (int i = 0; i < 2; i++) {
        weft_interceptor interceptor = WEFT_INTERCEPTOR_INIT;

        interceptor.ctx = names[i];
        if (has_attempts) {
            interceptor.attempt = around_attempt;
        } else {
            interceptor.request = before_request;
            interceptor.reply = after_request;
        }
        CHECK_OK(weft_definitions_add_interceptor(definitions, &interceptor));
    }
    return definitions;
}

struct rig {
    weft_definitions *definitions;
    weft_node *node;
    weft_client *client;
};

static struct rig
open_rig(struct test *t, bool has_attempts)
{
    struct rig rig = {.definitions = define(has_attempts)};
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    char dir[600];

    is_code_seen = has_attempts;
    snprintf(dir, sizeof(dir), "%s/data", test_dir(t));
    options.data_dir = dir;
    options.definitions = rig.definitions;
    options.partition_count = 2;
    options.reserve_bytes = 1;
    CHECK_OK(weft_node_open(&options, &rig.node));
    CHECK_OK(weft_client_open(rig.node, NULL, &rig.client));
    seen[0] = '\0';
    return rig;
}

static void
close_rig(struct rig *rig)
{
    weft_client_close(rig->client);
    weft_node_close(rig->node);
    weft_definitions_destroy(rig->definitions);
}

static void
check_order(struct rig *rig, const char *id, const char *input,
            const char *result)
{
    weft_target target = {"order", id};
    weft_reply *reply = NULL;

    CHECK_OK(weft_client_start(rig->client, target, weft_text(input)));
    CHECK_OK(weft_client_result(rig->client, target, 20000, &reply));
    CHECK_BYTES(reply->data, weft_text(result));
    weft_reply_free(reply);
}

TEST(interceptor, attempts_pass_the_chain_and_may_be_changed)
{
    struct rig rig = open_rig(t, true);

    check_order(&rig, "one", "anything", "(hello!)");
    CHECK_STR(seen, "outer shout, inner shout, code runs, inner WEFT_OK, "
                    "outer WEFT_OK");
    seen[0] = '\0';
    check_order(&rig, "two", "bad", "mended");
    CHECK_STR(seen, "outer shout, inner shout, code runs, inner WEFT_EFAILED, "
                    "outer WEFT_EFAILED");
    close_rig(&rig);
}

static void
take_reply(void *ctx, const weft_reply *reply)
{
    see("callback", weft_err_name(reply->err));
    *(int *)ctx = 1;
}

TEST(interceptor, requests_pass_the_chain_and_answers_come_back_through_it)
{
    struct rig rig = open_rig(t, false);
    weft_target alias = {"order", "alias"};
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;
    int is_answered = 0;

    CHECK_OK(weft_client_start(rig.client, alias, weft_text("x")));
    CHECK_STR(seen, "outer request, inner request, inner real WEFT_OK, "
                    "outer real WEFT_OK");
    CHECK_OK(weft_client_result(rig.client, (weft_target){"order", "real"},
                                20000, &reply));
    weft_reply_free(reply);

    seen[0] = '\0';
    CHECK_ERR(weft_client_start(rig.client, (weft_target){"order", "forbidden"},
                                weft_nothing()),
              WEFT_EINVAL);
    CHECK_STR(seen, "outer request");

    seen[0] = '\0';
    request.verb = WEFT_VERB_DESCRIBE;
    request.target = alias;
    CHECK_OK(weft_client_submit(rig.client, &request, take_reply, &is_answered,
                                NULL));
    while (!is_answered) {
        (void)weft_client_dispatch(rig.client, 1);
    }
    CHECK_STR(seen, "outer request, inner request, inner real WEFT_OK, "
                    "outer real WEFT_OK, callback WEFT_OK");
    close_rig(&rig);
}

TEST(interceptor, what_makes_no_sense_is_refused)
{
    weft_definitions *definitions = NULL;
    weft_interceptor interceptor = WEFT_INTERCEPTOR_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    CHECK_ERR(weft_definitions_add_interceptor(definitions, &interceptor),
              WEFT_EINVAL);
    interceptor.reply = after_request;
    CHECK_ERR(weft_definitions_add_interceptor(NULL, &interceptor),
              WEFT_EINVAL);
    CHECK_ERR(weft_definitions_add_interceptor(definitions, NULL), WEFT_EINVAL);
    interceptor.struct_size = 0;
    CHECK_ERR(weft_definitions_add_interceptor(definitions, &interceptor),
              WEFT_EINVAL);
    CHECK_ERR(weft_activity_next_run(NULL, weft_nothing()), WEFT_EINVAL);
    weft_definitions_destroy(definitions);
}

// Each has one function, and is left out of all that the others do.
struct partial {
    weft_interceptor one;
    int calls;
};

static weft_err
see_request(void *ctx, weft_request *request)
{
    (void)request;
    ((struct partial *)ctx)->calls++;
    return WEFT_OK;
}

static void
see_reply(void *ctx, const weft_intercepted_reply *reply)
{
    CHECK(reply->kind != NULL && reply->id != NULL);
    ((struct partial *)ctx)->calls++;
}

static weft_err
see_attempt(void *ctx, const weft_intercepted_attempt *attempt,
            const weft_activity_next *next)
{
    ((struct partial *)ctx)->calls++;
    return weft_activity_next_run(next, attempt->input);
}

static void
see_turn(void *ctx, const weft_intercepted_turn *turn)
{
    (void)turn;
    ((struct partial *)ctx)->calls++;
}

static void
see_command(void *ctx, const weft_intercepted_command *command)
{
    (void)command;
    ((struct partial *)ctx)->calls++;
}

TEST(interceptor, each_is_called_for_what_it_is_for_alone)
{
    const weft_target target = {"order", "1"};
    struct partial parts[5] = {{.one = {.request = see_request}},
                               {.one = {.reply = see_reply}},
                               {.one = {.attempt = see_attempt}},
                               {.one = {.turn = see_turn}},
                               {.one = {.command = see_command}}};
    weft_definitions *definitions = NULL;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_request list = WEFT_REQUEST_INIT;
    weft_reply *reply = NULL;
    weft_client *client;
    weft_test *test;

    CHECK_OK(weft_definitions_create(&definitions));
    activity.name = "shout";
    activity.run = shout;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    workflow.name = "order";
    workflow.run = order;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    for (size_t i = 0; i < 5; i++) {
        parts[i].one.struct_size = sizeof(parts[i].one);
        parts[i].one.ctx = &parts[i];
        CHECK_OK(weft_definitions_add_interceptor(definitions, &parts[i].one));
    }
    is_code_seen = false;
    CHECK_OK(weft_test_open(definitions, NULL, &test));
    client = weft_test_client(test);
    CHECK_OK(weft_client_start(client, target, weft_text("hi")));
    CHECK_OK(weft_client_result(client, target, 0, &reply));
    CHECK_BYTES(reply->data, weft_text("hi!"));
    weft_reply_free(reply);
    list.verb = WEFT_VERB_LIST; // of no kind and no id
    CHECK_OK(weft_client_call(client, &list, 1000, &reply));
    CHECK_EQ(reply->items_count, 1);
    weft_reply_free(reply);
    CHECK_EQ(parts[0].calls, 3);
    CHECK_EQ(parts[1].calls, 3);
    CHECK_EQ(parts[2].calls, 1);
    CHECK(parts[3].calls >= 4); // two turns, begun and ended
    CHECK(parts[4].calls >= 1);
    weft_test_close(test);
    weft_definitions_destroy(definitions);
}
