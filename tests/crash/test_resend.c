// SPDX-License-Identifier: Apache-2.0
//
// test_resend.c - request ids over the death of who asked.

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/rig.h"
#include "support/test.h"

// Answers with how many questions it was asked.
static weft_err
answer(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *number = state;

    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    ++*number;
    return weft_actor_reply(actor, weft_bytes_of(number, sizeof(*number)));
}

static void
init(struct rig *rig, const char *dir)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    rig_init(rig, dir);
    rig->options.partition_count = 1;
    def.name = "oracle";
    def.state_bytes = sizeof(uint64_t);
    def.receive = answer;
    CHECK_OK(weft_definitions_add_actor(rig->definitions, &def));
}

static weft_client *
open_client(struct rig *rig)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;
    weft_client *client;

    memcpy(options.client_id, "same-client", 11);
    CHECK_OK(weft_client_open(rig->node, &options, &client));
    return client;
}

static const weft_target oracle = {"oracle", "o"};
static const weft_target counter = {"counter", "c"};

struct outcome {
    int count;
    weft_err err;
    uint64_t value;
};

static void
note(void *ctx, const weft_reply *reply)
{
    struct outcome *outcome = ctx;

    outcome->count++;
    outcome->err = reply->err;
    if (reply->data.len == sizeof(outcome->value)) {
        memcpy(&outcome->value, reply->data.data, sizeof(outcome->value));
    }
}

static uint64_t
ask(weft_client *client, uint64_t number, struct outcome *outcome)
{
    weft_request request = WEFT_REQUEST_INIT;
    uint64_t given;

    *outcome = (struct outcome){0};
    request.verb = WEFT_VERB_ASK;
    request.target = oracle;
    request.name = "question";
    request.number = number;
    CHECK_OK(weft_client_submit(client, &request, note, outcome, &given));
    return given;
}

static void
await(weft_client *client, const struct outcome *outcome)
{
    for (int i = 0; i < 6000 && outcome->count == 0; i++) {
        (void)weft_client_dispatch(client, 10);
        (void)usleep(10000);
    }
    CHECK_EQ(outcome->count, 1);
    CHECK_OK(outcome->err);
}

// A client asks, does more, and dies; then the node is another one. Returns the
// number of its question.
static uint64_t
leave_question(struct rig *rig)
{
    struct outcome outcome;
    weft_client *client;
    uint64_t number;

    rig_open(rig);
    client = open_client(rig);
    CHECK_OK(weft_client_signal(client, oracle, "question", weft_nothing()));
    CHECK_OK(weft_client_pause(client, oracle));
    number = ask(client, 0, &outcome);
    CHECK_OK(weft_client_signal(client, counter, "add", weft_nothing()));
    weft_client_close(client); // as a crash would, for the partition
    CHECK_ERR(outcome.err, WEFT_ECLOSED);
    rig_close(rig);
    rig_open(rig);
    return number;
}

// A client died with a question open. Its successor asks it again, and goes on
// meanwhile: what it asks now says that all before is settled.
TEST(resend, a_question_asked_again_is_answered_though_newer_ones_passed_it)
{
    struct outcome again;
    weft_client *after;
    uint64_t number;
    struct rig rig;

    init(&rig, test_dir(t));
    number = leave_question(&rig);
    after = open_client(&rig);
    (void)ask(after, number, &again);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(weft_client_signal(after, counter, "add", weft_nothing()));
    }
    CHECK_OK(weft_client_resume(after, oracle));
    await(after, &again);
    CHECK_EQ(again.value, 2); // and was asked once
    weft_client_close(after);
    rig_fini(&rig);
}

// The same, but it is asked again only when it was passed.
TEST(resend, an_open_question_is_remembered_though_newer_ones_passed_it)
{
    struct outcome again;
    weft_client *after;
    uint64_t number;
    struct rig rig;

    init(&rig, test_dir(t));
    number = leave_question(&rig);
    after = open_client(&rig);
    CHECK_OK(weft_client_signal(after, counter, "add", weft_nothing()));
    (void)ask(after, number, &again);
    CHECK_OK(weft_client_resume(after, oracle));
    await(after, &again);
    CHECK_EQ(again.value, 2);
    weft_client_close(after);
    rig_fini(&rig);
}
