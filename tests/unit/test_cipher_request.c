// SPDX-License-Identifier: Apache-2.0
//
// test_cipher_request.c - what of requests is sealed and of answers opened, and
// that a client seals what it sends and opens what it gets.

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "cipher_rig.h"
#include "client_rig.h"
#include "runtime/base64.h"
#include "runtime/cipher.h"
#include "runtime/pairs.h"
#include "weft/operate.h"
#include "weft/worker.h"

static bool
is_sealed(weft_bytes bytes)
{
    return wf_cipher_is_sealed(WF_CIPHER_PAYLOAD, bytes);
}

TEST(cipher_request, what_requests_carry_is_sealed_verb_by_verb)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    static const weft_verb data[] = {
        WEFT_VERB_SIGNAL,    WEFT_VERB_SIGNAL_WITH_START,
        WEFT_VERB_ASK,       WEFT_VERB_QUERY,
        WEFT_VERB_COMPLETE,  WEFT_VERB_FAIL,
        WEFT_VERB_HEARTBEAT, WEFT_VERB_UPDATE,
        WEFT_VERB_PUBLISH,   WEFT_VERB_UPDATE_WITH_START,
        WEFT_VERB_SET_STATE,
    };

    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        weft_request request = WEFT_REQUEST_INIT;
        struct wf_arena memory = {0};
        bool has_data = false;
        bool has_input = verb == WEFT_VERB_START ||
                         verb == WEFT_VERB_SIGNAL_WITH_START ||
                         verb == WEFT_VERB_UPDATE_WITH_START;

        for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
            has_data = has_data || data[i] == (weft_verb)verb;
        }
        request.verb = (weft_verb)verb;
        request.target = rig_order;
        request.data = weft_text("data");
        request.input = weft_text("input");
        request.error_message = "secret";
        CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
        CHECK_EQ(is_sealed(request.data), has_data);
        CHECK_EQ(is_sealed(request.input), has_input);
        CHECK_EQ(strncmp(request.error_message, "sealed:", 7) == 0,
                 verb == WEFT_VERB_FAIL);
        wf_arena_fini(&memory);
        request.data = weft_text("data");
        request.target.kind = "task_queue";
        CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
        CHECK(!is_sealed(request.data));
        wf_arena_fini(&memory);
    }
    weft_cipher_close(cipher);
}

TEST(cipher_request, a_memo_is_sealed_value_by_value_and_opened_in_answers)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    const weft_pair memo[] = {{"who", weft_text("alice")},
                              {"why", weft_text("because")}};
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct wf_request *answered = wf_request_create();
    weft_description item = {.kind = "order", .id = "17"};
    struct wf_arena memory = {0};
    struct wf_buf pairs = {0};

    start.memo = memo;
    start.memo_count = 2;
    request.verb = WEFT_VERB_START;
    request.start = &start;
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    CHECK_BYTES(memo[0].value, weft_text("alice")); // ours is as it was
    CHECK_STR(request.start->memo[1].name, "why");
    CHECK(is_sealed(request.start->memo[1].value));
    CHECK_OK(wf_pairs_encode("memo", request.start->memo, 2, 8192, &pairs));
    item.memo = wf_buf_bytes(&pairs);
    answered->verb = WEFT_VERB_LIST;
    wf_request_answer_item(answered, &item);
    wf_request_answer_item(answered, &item);
    wf_cipher_open_reply(cipher, answered);
    CHECK_OK(answered->reply.err);
    CHECK_BYTES(weft_pairs_get(answered->reply.items[1].memo, "who"),
                weft_text("alice"));
    CHECK_BYTES(weft_pairs_get(answered->reply.items[1].memo, "why"),
                weft_text("because"));
    wf_buf_fini(&pairs);
    wf_arena_fini(&memory);
    wf_request_destroy(answered);
    weft_cipher_close(cipher);
}

TEST(cipher_request, failures_keep_their_names_and_open_for_those_with_the_key)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    weft_cipher *other = rig_open_key(t, RIG_KEY_8);
    weft_request request = WEFT_REQUEST_INIT;
    struct wf_request *answered = wf_request_create();
    struct wf_arena memory = {0};
    weft_failure cause = {.name = "declined", .source = "charge"};
    weft_failure failure = {.name = "timed_out",
                            .message = "what the node says",
                            .source = "",
                            .cause = &cause};
    char longest[2000];

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    request.verb = WEFT_VERB_FAIL;
    request.data = weft_text("card 4711");
    request.error_message = longest;
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    CHECK(strlen(request.error_message) < 1024);
    cause.message = request.error_message;
    cause.details = request.data;
    answered->verb = WEFT_VERB_RESULT;
    wf_request_answer(answered, WEFT_EFAILED, "declined");
    wf_request_answer_failure(answered, &failure);
    wf_cipher_open_reply(cipher, answered);
    CHECK_ERR(answered->reply.err, WEFT_EFAILED);
    CHECK_STR(answered->reply.failure.message, "what the node says");
    CHECK_STR(answered->reply.failure.cause->name, "declined");
    CHECK_STR(answered->reply.failure.cause->source, "charge");
    CHECK_EQ(strlen(answered->reply.failure.cause->message), 700);
    CHECK_BYTES(answered->reply.failure.cause->details, weft_text("card 4711"));
    wf_request_answer_failure(answered, &failure);
    wf_cipher_open_reply(other, answered);
    CHECK_ERR(answered->reply.err, WEFT_EFAILED);
    CHECK_STR(answered->reply.failure.cause->message,
              "(what it says cannot be opened)");
    CHECK_EQ(answered->reply.failure.cause->details.len, 0);
    wf_arena_fini(&memory);
    wf_request_destroy(answered);
    weft_cipher_close(cipher);
    weft_cipher_close(other);
}

// A request of which a part is too large, or of another version, does not leave
// with the rest of it sealed.
TEST(cipher_request, a_request_that_cannot_be_sealed_is_refused)
{
    const size_t room = WF_PAYLOAD_BYTES_MAX - WEFT_CIPHER_BYTES;
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    char *bytes = wf_calloc(room + 1);
    const weft_bytes large = weft_bytes_of(bytes, room + 1);
    const weft_pair memo[] = {{"small", weft_text("x")}, {"large", large}};
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_start_options none = {.struct_size = 1};
    const struct {
        weft_verb verb;
        weft_bytes data, input;
        const weft_start_options *start;
        weft_err err;
    } cases[] = {
        {WEFT_VERB_SIGNAL, weft_bytes_of(bytes, room), {0}, NULL, WEFT_OK},
        {WEFT_VERB_SIGNAL, large, {0}, NULL, WEFT_ETOOBIG},
        {WEFT_VERB_FAIL, large, {0}, NULL, WEFT_ETOOBIG},
        {WEFT_VERB_START, {0}, large, NULL, WEFT_ETOOBIG},
        {WEFT_VERB_SIGNAL_WITH_START, large, large, &start, WEFT_ETOOBIG},
        {WEFT_VERB_START, {0}, {0}, &start, WEFT_ETOOBIG},
        {WEFT_VERB_START, {0}, {0}, &none, WEFT_EINVAL},
        // What nobody knows has nothing to seal, and is refused elsewhere.
        {(weft_verb)(WEFT_VERB_COUNT + 1), large, large, &none, WEFT_OK},
    };

    start.memo = memo;
    start.memo_count = 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        weft_request request = WEFT_REQUEST_INIT;
        struct wf_arena memory = {0};

        request.verb = cases[i].verb;
        request.target = rig_order;
        request.data = cases[i].data;
        request.input = cases[i].input;
        request.start = cases[i].start;
        request.error_message = "plain";
        CHECK_ERR(wf_cipher_seal_request(cipher, &request, &memory),
                  cases[i].err);
        CHECK_STR(request.error_message, "plain");
        wf_arena_fini(&memory);
    }
    wf_free(bytes);
    weft_cipher_close(cipher);
}

TEST(cipher_request, what_a_request_does_not_have_is_not_sealed)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    weft_request request = WEFT_REQUEST_INIT;
    struct wf_arena memory = {0};
    const weft_pair memo[] = {{"none", {0}}};

    request.verb = WEFT_VERB_FAIL;
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    CHECK(request.error_message == NULL);
    request.error_message = "";
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    CHECK_STR(request.error_message, "");
    request.verb = WEFT_VERB_START;
    request.start = &start;
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    CHECK(request.start == &start);
    start.memo = memo;
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    CHECK(request.start == &start);
    start.memo_count = 1;
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    CHECK_EQ(request.start->memo_count, 1);
    CHECK_EQ(request.start->memo[0].value.len, 0);
    CHECK_EQ(request.input.len, 0);
    wf_arena_fini(&memory);
    weft_cipher_close(cipher);
}

// "sealed:" and these bytes, sealed as a text.
static const char *
seal_text(const weft_cipher *cipher, weft_bytes plain)
{
    static char text[2048];
    struct wf_buf sealed = {0};

    wf_cipher_seal(cipher, WF_CIPHER_TEXT, plain, &sealed);
    CHECK(wf_base64_chars(sealed.len) < sizeof(text) - 8);
    (void)snprintf(text, sizeof(text), "sealed:");
    wf_base64_encode(wf_buf_bytes(&sealed), text + 7);
    wf_buf_fini(&sealed);
    return text;
}

static const char *
open_message(const weft_cipher *cipher, struct wf_request *answered,
             const char *message)
{
    weft_failure failure = {.name = "f", .message = message, .source = ""};

    wf_request_answer_failure(answered, &failure);
    wf_cipher_open_reply(cipher, answered);
    return answered->reply.failure.message;
}

TEST(cipher_request, a_text_is_cut_between_characters_and_opened_if_it_is_one)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    weft_request request = WEFT_REQUEST_INIT;
    struct wf_request *answered = wf_request_create();
    struct wf_arena memory = {0};
    char text[802] = "x"; // and 400 of two bytes: one lies over the end
    char rest[702] = "";  // 700 bytes that only go on a character

    for (int i = 0; i < 400; i++) {
        memcpy(text + 1 + 2 * i, "\xc3\xa9", 3);
    }
    memset(rest, 0x80, 701);
    answered->verb = WEFT_VERB_RESULT;
    request.verb = WEFT_VERB_FAIL;
    request.error_message = text;
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    text[699] = '\0';
    CHECK_STR(open_message(cipher, answered, request.error_message), text);
    request.error_message = rest; // no text at all: nothing is left of it
    CHECK_OK(wf_cipher_seal_request(cipher, &request, &memory));
    CHECK_STR(open_message(cipher, answered, request.error_message), "");

    CHECK_STR(open_message(cipher, answered, "sealed:***"),
              "(what it says cannot be opened)");
    CHECK_STR(open_message(cipher, answered,
                           seal_text(cipher, weft_bytes_of("a\0b", 3))),
              "(what it says cannot be opened)");
    CHECK_STR(
        open_message(cipher, answered, seal_text(cipher, weft_text("ab"))),
        "ab");
    wf_arena_fini(&memory);
    wf_request_destroy(answered);
    weft_cipher_close(cipher);
}

// Answers of which a part was sealed by somebody else: the error is the answer.
TEST(cipher_request, an_answer_that_does_not_open_is_an_error)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    weft_cipher *other = rig_open_key(t, RIG_KEY_8);
    struct wf_buf good = {0};
    struct wf_buf bad = {0};

    wf_cipher_seal(cipher, WF_CIPHER_PAYLOAD, weft_text("good"), &good);
    wf_cipher_seal(other, WF_CIPHER_PAYLOAD, weft_text("bad"), &bad);
    for (int what = 0; what < 5; what++) {
        const weft_lease lease = {
            .activity = "a",
            .key = "k",
            .caller_id = "c",
            .input = wf_buf_bytes(what == 1 ? &bad : &good),
            .details = wf_buf_bytes(what == 2 ? &bad : &good)};
        const weft_pair memo[] = {{"a", wf_buf_bytes(&good)},
                                  {"b", wf_buf_bytes(&bad)}};
        weft_description item = {.kind = "order", .id = "17"};
        struct wf_request *answered = wf_request_create();
        struct wf_buf pairs = {0};

        CHECK_OK(
            wf_pairs_encode("memo", memo, what == 3 ? 2 : 1, 8192, &pairs));
        item.memo = wf_buf_bytes(&pairs);
        answered->verb = WEFT_VERB_ASK;
        wf_request_answer_data(answered,
                               wf_buf_bytes(what == 0 ? &bad : &good));
        wf_request_answer_lease(answered, &lease);
        wf_request_answer_item(answered, &item);
        wf_request_answer_item(answered, &item);
        wf_cipher_open_reply(cipher, answered);
        CHECK_ERR(answered->reply.err, what < 4 ? WEFT_ECORRUPT : WEFT_OK);
        if (what < 4) {
            CHECK(strstr(answered->reply.detail,
                         "the answer does not open: ") != NULL);
        } else {
            CHECK_BYTES(answered->reply.data, weft_text("good"));
            CHECK_BYTES(answered->reply.lease->details, weft_text("good"));
            CHECK_BYTES(weft_pairs_get(answered->reply.items[1].memo, "a"),
                        weft_text("good"));
        }
        wf_buf_fini(&pairs);
        wf_request_destroy(answered);
    }
    wf_buf_fini(&good);
    wf_buf_fini(&bad);
    weft_cipher_close(cipher);
    weft_cipher_close(other);
}

TEST(cipher_request, what_a_task_queue_and_failures_say_is_not_opened)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    weft_bytes sealed = weft_bytes_of(rig_golden, RIG_GOLDEN_BYTES);
    struct wf_request *answered = wf_request_create();

    answered->verb = WEFT_VERB_ASK;
    CHECK_OK(wf_key_make("default", "task_queue", "q", &answered->key));
    wf_request_answer_data(answered, sealed);
    wf_cipher_open_reply(cipher, answered);
    CHECK_BYTES(answered->reply.data, sealed);
    wf_key_fini(&answered->key);
    CHECK_OK(wf_key_make("default", "order", "17", &answered->key));
    wf_request_answer(answered, WEFT_EBUSY, "later");
    wf_cipher_open_reply(cipher, answered);
    CHECK_BYTES(answered->reply.data, sealed);
    wf_request_answer(answered, WEFT_OK, "");
    wf_cipher_open_reply(cipher, answered);
    CHECK(!is_sealed(answered->reply.data));
    wf_request_destroy(answered);
    weft_cipher_close(cipher);
}

// In place: what says that it cannot be opened has no room in a short one.
TEST(cipher_request, failures_of_open_activities_are_opened)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    weft_cipher *other = rig_open_key(t, RIG_KEY_8);
    const struct {
        const weft_cipher *sealed_with; // NULL: it is not sealed
        const char *said;
        const char *expected;
    } cases[] = {
        {cipher, "declined", "declined"},
        {other, "declined", "(what it says cannot be opened)"},
        {NULL, "plain", "plain"},
        {NULL, "sealed:x", "sealed:x"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        weft_open_activity activity = {
            .name = "charge", .task_queue = "", .worker = ""};
        struct wf_request *answered = wf_request_create();

        activity.failure.name = "f";
        activity.failure.message = cases[i].said;
        if (cases[i].sealed_with != NULL) {
            activity.failure.message =
                seal_text(cases[i].sealed_with, weft_text(cases[i].said));
        }
        wf_request_answer_activity(answered, &activity);
        wf_cipher_open_reply(cipher, answered);
        CHECK_STR(answered->reply.activities[0].failure.message,
                  cases[i].expected);
        wf_request_destroy(answered);
    }
    weft_cipher_close(cipher);
    weft_cipher_close(other);
}

// Through a client. -----------------------------------------------------------

static weft_client *
open_client(const weft_cipher *cipher)
{
    weft_client_options options = WEFT_CLIENT_OPTIONS_INIT;
    weft_client *client = NULL;

    options.cipher = cipher;
    CHECK_OK(weft_client_open(&rig.node, &options, &client));
    return client;
}

TEST(cipher_request, a_client_seals_what_it_asks_and_opens_what_it_is_told)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    weft_reply *reply = NULL;
    weft_client *client;
    weft_client *blind;

    rig_open();
    client = open_client(cipher);
    blind = open_client(NULL);
    // The node answers with what it got.
    CHECK_OK(weft_client_ask(client, rig_order, "echo", weft_text("tell me"),
                             &reply));
    CHECK_BYTES(reply->data, weft_text("tell me"));
    weft_reply_free(reply);
    // Without the key it is what it is.
    CHECK_OK(weft_client_ask(blind, rig_order, "echo",
                             weft_bytes_of(rig_golden, RIG_GOLDEN_BYTES),
                             &reply));
    CHECK(is_sealed(reply->data));
    weft_reply_free(reply);
    weft_client_close(blind);
    weft_client_close(client);
    rig_close();
    weft_cipher_close(cipher);
}

static void
called_back(void *ctx, const weft_reply *reply)
{
    CHECK_OK(reply->err);
    CHECK_BYTES(reply->data, weft_text("tell me"));
    (*(int *)ctx)++;
}

TEST(cipher_request, a_submitted_call_is_sealed_under_way)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    weft_request request = WEFT_REQUEST_INIT;
    const struct wf_request *held;
    weft_client *client;
    int count = 0;

    rig_open();
    client = open_client(cipher);
    request.verb = WEFT_VERB_ASK;
    request.target = rig_order;
    request.name = "echo";
    request.data = weft_text("tell me");
    rig_pause(&rig.node, true);
    CHECK_OK(weft_client_submit(client, &request, called_back, &count, NULL));
    held =
        WF_CONTAINER(wf_list_first(&rig.node.posted), struct wf_request, wait);
    CHECK(is_sealed(held->data));
    rig_pause(&rig.node, false);
    while (weft_client_dispatch(client, 1) == 0) {
        sched_yield();
    }
    CHECK_EQ(count, 1);
    weft_client_close(client);
    rig_close();
    weft_cipher_close(cipher);
}
