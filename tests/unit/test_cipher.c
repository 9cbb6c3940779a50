// SPDX-License-Identifier: Apache-2.0
//
// test_cipher.c - sealed payloads: what opens them and what does not, and that
// a client seals what it sends and opens what it gets.

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client_rig.h"
#include "runtime/cipher.h"
#include "runtime/pairs.h"
#include "weft/operate.h"

#define KEY_7 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define KEY_8 "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA"

// {"shop"} with key 7, made by other means: what was sealed once opens for
// ever.
static const uint8_t golden[] = {
    0xc9, 0x00, 0x00, 0x00, 0x33, 0x57, 0x01, 0x00, 0x00, 0x00, 0x07, 0x64,
    0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70,
    0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0xd9,
    0x1b, 0x9c, 0xdc, 0x93, 0x41, 0xe0, 0x66, 0xb2, 0x5c, 0x48, 0x2b, 0x96,
    0xbb, 0x23, 0x2b, 0x18, 0x5a, 0xa6, 0xc5, 0x5e, 0xbf};
static const char golden_plain[] = "\xa5hello";

static const char *
ring(struct test *t, const char *text)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next % 8];
    FILE *file;

    (void)snprintf(path, sizeof(paths[0]), "%s/ring-%u", test_dir(t), next++);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
    CHECK(chmod(path, 0600) == 0);
    return path;
}

static weft_cipher *
open_ring(struct test *t, const char *text, const char *context,
          bool accepts_plain)
{
    weft_cipher_options options = WEFT_CIPHER_OPTIONS_INIT;
    weft_cipher *cipher = NULL;

    options.key_file = ring(t, text);
    options.context = context;
    options.accept_plain = accepts_plain;
    CHECK_OK(weft_cipher_open(&options, &cipher));
    return cipher;
}

static void
keep(void *ctx, weft_bytes bytes)
{
    wf_buf_reset(ctx);
    wf_buf_put(ctx, bytes.data, bytes.len);
}

static void
check_opens(const weft_cipher *cipher, weft_bytes sealed, const char *plain)
{
    struct wf_buf opened = {0};

    CHECK_OK(weft_cipher_unseal(cipher, sealed, keep, &opened));
    CHECK_BYTES(wf_buf_bytes(&opened), weft_text(plain));
    wf_buf_fini(&opened);
}

static void
check_fails(const weft_cipher *cipher, weft_bytes sealed, weft_err err,
            const char *said)
{
    struct wf_buf opened = {0};

    CHECK_ERR(weft_cipher_unseal(cipher, sealed, keep, &opened), err);
    CHECK(strstr(weft_err_detail(), said) != NULL);
    CHECK_EQ(opened.len, 0);
}

TEST(cipher, what_was_sealed_once_opens_for_ever)
{
    weft_cipher *cipher = open_ring(t, "7 = " KEY_7 "\n", "shop", false);

    check_opens(cipher, weft_bytes_of(golden, sizeof(golden)), golden_plain);
    weft_cipher_close(cipher);
}

TEST(cipher, every_changed_byte_is_noticed)
{
    weft_cipher *cipher = open_ring(t, "7 = " KEY_7 "\n", "shop", false);
    uint8_t bytes[sizeof(golden)];

    for (size_t i = 0; i < sizeof(golden); i++) {
        struct wf_buf opened = {0};

        memcpy(bytes, golden, sizeof(golden));
        bytes[i] ^= 1;
        CHECK(weft_cipher_unseal(cipher, weft_bytes_of(bytes, sizeof(bytes)),
                                 keep, &opened) != WEFT_OK);
        CHECK(weft_cipher_unseal(cipher, weft_bytes_of(golden, i), keep,
                                 &opened) != WEFT_OK ||
              i == 0);
        CHECK_EQ(opened.len, 0);
        wf_buf_fini(&opened);
    }
    weft_cipher_close(cipher);
}

// What there is no memory for is not read either. Sanitizers have limits of
// their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void
seal_too_much(void *ctx)
{
    const weft_cipher *cipher = ctx;
    struct rlimit limit = {.rlim_cur = 1U << 30, .rlim_max = 1U << 30};
    weft_bytes large = weft_bytes_of(golden, 3U << 30);
    struct wf_buf none = {0};

    _exit(setrlimit(RLIMIT_AS, &limit) == 0 &&
                  weft_cipher_seal(cipher, large, keep, &none) == WEFT_ENOMEM &&
                  weft_cipher_unseal(cipher, large, keep, &none) == WEFT_ENOMEM
              ? 0
              : 1);
}

TEST(cipher, what_there_is_no_memory_for_is_refused)
{
    weft_cipher *cipher = open_ring(t, "7 = " KEY_7 "\n", "shop", false);

    CHECK_EQ(test_fork(seal_too_much, cipher), 0);
    weft_cipher_close(cipher);
}
#endif

TEST(cipher, another_key_or_context_and_plain_bytes_do_not_open)
{
    weft_bytes sealed = weft_bytes_of(golden, sizeof(golden));
    weft_cipher *other = open_ring(t, "8 = " KEY_7 "\n", "shop", false);
    weft_cipher *wrong = open_ring(t, "7 = " KEY_8 "\n", "shop", false);
    weft_cipher *elsewhere = open_ring(t, "7 = " KEY_7 "\n", "stock", false);
    weft_cipher *lenient = open_ring(t, "7 = " KEY_7 "\n", "shop", true);

    check_fails(other, sealed, WEFT_EFORMAT, "with key 7");
    check_fails(wrong, sealed, WEFT_ECORRUPT, "was changed, or sealed");
    check_fails(elsewhere, sealed, WEFT_ECORRUPT, "another context");
    check_fails(wrong, weft_text("plain"), WEFT_EFORMAT, "it is not sealed");
    check_opens(wrong, weft_nothing(), "");
    check_opens(lenient, weft_text("plain"), "plain");
    check_opens(lenient, sealed, golden_plain);
    // What looks sealed is no plain text, whoever is lenient.
    elsewhere = (weft_cipher_close(elsewhere),
                 open_ring(t, "7 = " KEY_8 "\n", "shop", true));
    check_fails(elsewhere, sealed, WEFT_ECORRUPT, "was changed");
    weft_cipher_close(other);
    weft_cipher_close(wrong);
    weft_cipher_close(elsewhere);
    weft_cipher_close(lenient);
}

TEST(cipher, the_first_key_of_a_ring_seals_and_all_open)
{
    weft_cipher *before = open_ring(t, "7 = " KEY_7 "\n", NULL, false);
    weft_cipher *both =
        open_ring(t, "8 = " KEY_8 "\n7 = " KEY_7 "\n", NULL, false);
    weft_cipher *after =
        open_ring(t, "# the old one is gone\n8 = " KEY_8, NULL, false);
    struct wf_buf sealed = {0};
    struct wf_buf again = {0};

    CHECK_OK(weft_cipher_seal(before, weft_text("x"), keep, &sealed));
    CHECK_EQ(sealed.len, 1 + WEFT_CIPHER_BYTES);
    CHECK_OK(weft_cipher_seal(before, weft_text("x"), keep, &again));
    CHECK(memcmp(sealed.data, again.data, sealed.len) != 0);
    check_opens(both, wf_buf_bytes(&sealed), "x");
    check_fails(after, wf_buf_bytes(&sealed), WEFT_EFORMAT, "with key 7");
    CHECK_OK(weft_cipher_seal(both, weft_text("x"), keep, &sealed));
    check_opens(after, wf_buf_bytes(&sealed), "x");
    check_fails(before, wf_buf_bytes(&sealed), WEFT_EFORMAT, "with key 8");
    CHECK_OK(weft_cipher_seal(both, weft_nothing(), keep, &sealed));
    CHECK_EQ(sealed.len, 0);
    wf_buf_fini(&sealed);
    wf_buf_fini(&again);
    weft_cipher_close(before);
    weft_cipher_close(both);
    weft_cipher_close(after);
}

TEST(cipher, a_ring_that_is_wrong_is_refused_with_its_line)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"", "has no key in it"},
        {"7\n", ":1: the line is no"},
        {"seven = " KEY_7 "\n", ":1: \"seven\" is no number"},
        {"-1 = " KEY_7 "\n", ":1: \"-1\" is no number"},
        {"4294967296 = " KEY_7 "\n", ":1: \"4294967296\" is no number"},
        {"7 = " KEY_7 "A\n", ":1: key 7 is not 32 bytes"},
        {"7 = \n", ":1: key 7 is not 32 bytes"},
        {"\n7 = " KEY_7 "\n7 = " KEY_8 "\n", ":3: key 7 is there twice"},
    };
    weft_cipher_options options = WEFT_CIPHER_OPTIONS_INIT;
    weft_cipher *cipher = NULL;
    char path[512];

    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EINVAL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        options.key_file = ring(t, cases[i].text);
        CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EINVAL);
        CHECK(strstr(weft_err_detail(), cases[i].said) != NULL);
    }
    (void)snprintf(path, sizeof(path), "%s/new", test_dir(t));
    options.key_file = path;
    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_ENOTFOUND);
    CHECK_OK(weft_cipher_generate(path));
    CHECK_ERR(weft_cipher_generate(path), WEFT_EEXISTS);
    CHECK_OK(weft_cipher_open(&options, &cipher));
    weft_cipher_close(cipher);
    CHECK(chmod(path, 0604) == 0);
    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EDENIED);
}

// Requests and answers. -------------------------------------------------------

static bool
is_sealed(weft_bytes bytes)
{
    return wf_cipher_is_sealed(WF_CIPHER_PAYLOAD, bytes);
}

TEST(cipher, what_requests_carry_is_sealed_verb_by_verb)
{
    weft_cipher *cipher = open_ring(t, "7 = " KEY_7 "\n", "shop", false);
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

TEST(cipher, a_memo_is_sealed_value_by_value_and_opened_in_answers)
{
    weft_cipher *cipher = open_ring(t, "7 = " KEY_7 "\n", "shop", false);
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

TEST(cipher, failures_keep_their_names_and_open_for_those_with_the_key)
{
    weft_cipher *cipher = open_ring(t, "7 = " KEY_7 "\n", "shop", false);
    weft_cipher *other = open_ring(t, "7 = " KEY_8 "\n", "shop", false);
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

TEST(cipher, a_client_seals_what_it_asks_and_opens_what_it_is_told)
{
    weft_cipher *cipher = open_ring(t, "7 = " KEY_7 "\n", "shop", false);
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
                             weft_bytes_of(golden, sizeof(golden)), &reply));
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

TEST(cipher, a_submitted_call_is_sealed_under_way)
{
    weft_cipher *cipher = open_ring(t, "7 = " KEY_7 "\n", "shop", false);
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
