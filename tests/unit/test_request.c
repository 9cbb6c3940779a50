// SPDX-License-Identifier: Apache-2.0

#include "runtime/request.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/limits.h"
#include "runtime/base64.h"
#include "support/test.h"

TEST(request, a_new_one_has_empty_strings)
{
    struct wf_request *request = wf_request_create();

    CHECK_STR(request->name, "");
    CHECK_STR(request->list_kind, "");
    CHECK_STR(request->reply.detail, "");
    CHECK_STR(request->reply.failure.name, "");
    CHECK(request->reply.cursor == NULL);
    wf_request_destroy(request);
    wf_request_destroy(NULL);
}

TEST(request, answers_are_copied_and_replaced)
{
    char detail[] = "first";
    weft_failure failure = {.name = "Declined",
                            .message = "no money",
                            .details = weft_text("card")};
    struct wf_request *request = wf_request_create();

    wf_request_answer(request, WEFT_EBUSY, detail);
    detail[0] = 'X';
    CHECK_STR(request->reply.detail, "first");
    wf_request_answer(request, WEFT_EFAILED, NULL);
    CHECK_STR(request->reply.detail, "");
    CHECK_ERR(request->reply.err, WEFT_EFAILED);
    wf_request_answer_data(request, weft_text("one"));
    wf_request_answer_data(request, weft_text("two"));
    CHECK_BYTES(request->reply.data, weft_text("two"));
    wf_request_answer_failure(request, &failure);
    wf_request_answer_failure(request, &failure);
    CHECK_STR(request->reply.failure.name, "Declined");
    CHECK_STR(request->reply.failure.message, "no money");
    CHECK_BYTES(request->reply.failure.details, weft_text("card"));
    wf_request_destroy(request);
}

TEST(request, reset_forgets_the_answer_and_keeps_the_question)
{
    weft_description item = {.kind = "order", .id = "17"};
    struct wf_request *request = wf_request_create();

    request->name = wf_strdup("pay");
    request->list_next = wf_bytes_copy(weft_text("next"));
    request->position = 9;
    wf_request_answer(request, WEFT_ECLOSED, "gone");
    wf_request_answer_data(request, weft_text("data"));
    wf_request_answer_item(request, &item);
    wf_request_reset(request);
    CHECK_STR(request->name, "pay");
    CHECK_OK(request->reply.err);
    CHECK_STR(request->reply.detail, "");
    CHECK_EQ(request->reply.data.len, 0);
    CHECK_EQ(request->reply.items_count, 0);
    CHECK_EQ(request->list_next.len, 0);
    CHECK_EQ(request->position, 0);
    wf_request_destroy(request);
}

TEST(request, items_are_copied_in_order)
{
    struct wf_request *request = wf_request_create();
    char id[] = "a";

    for (int i = 0; i < 20; i++) {
        weft_description item = {
            .kind = "order", .id = id, .run = (uint64_t)i, .reason = "why"};

        id[0] = (char)('a' + i);
        wf_request_answer_item(request, &item);
    }
    CHECK_EQ(request->reply.items_count, 20);
    for (int i = 0; i < 20; i++) {
        const weft_description *item = &request->reply.items[i];

        CHECK_STR(item->kind, "order");
        CHECK_EQ(item->id[0], 'a' + i);
        CHECK_EQ(item->run, i);
        CHECK_STR(item->reason, "why");
    }
    wf_request_destroy(request);
}

// Encode, decode, compare.
static void
check_round_trip(const struct wf_key *key, struct wf_token token)
{
    char text[WEFT_TOKEN_CHARS_MAX];
    struct wf_token token_back;
    struct wf_key key_back;

    wf_token_encode(key, &token, text);
    CHECK_OK(wf_token_decode(text, &key_back, &token_back));
    CHECK(wf_key_equal(key, &key_back));
    CHECK_EQ(token_back.run, token.run);
    CHECK_EQ(token_back.command, token.command);
    CHECK_EQ(token_back.attempt, token.attempt);
    wf_key_fini(&key_back);
}

TEST(request, a_token_comes_back_as_it_was)
{
    struct wf_key key;

    CHECK_OK(wf_key_make("default", "order", "17/ship", &key));
    check_round_trip(&key, (struct wf_token){1, 2, 3});
    check_round_trip(&key, (struct wf_token){0, 0, 0});
    check_round_trip(&key,
                     (struct wf_token){UINT64_MAX, UINT32_MAX, UINT32_MAX});
    wf_key_fini(&key);
}

TEST(request, the_longest_token_fits)
{
    char name_space[WF_NAMESPACE_BYTES_MAX + 1] = {0};
    char kind[WF_KIND_BYTES_MAX + 1] = {0};
    char id[WF_ID_BYTES_MAX + 1] = {0};
    struct wf_key key;

    memset(name_space, 'n', sizeof(name_space) - 1);
    memset(kind, 'k', sizeof(kind) - 1);
    memset(id, 'i', sizeof(id) - 1);
    CHECK_OK(wf_key_make(name_space, kind, id, &key));
    check_round_trip(&key,
                     (struct wf_token){UINT64_MAX, UINT32_MAX, UINT32_MAX});
    wf_key_fini(&key);
}

// Each single wrong character is found, wherever it is.
TEST(request, a_changed_or_cut_token_is_none)
{
    char text[WEFT_TOKEN_CHARS_MAX];
    struct wf_token token = {1, 2, 3};
    struct wf_key key;
    struct wf_key back = {0};
    size_t len;

    CHECK_OK(wf_key_make("default", "order", "17", &key));
    wf_token_encode(&key, &token, text);
    len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char was = text[i];

        text[i] = was == 'A' ? 'B' : 'A';
        CHECK_ERR(wf_token_decode(text, &back, &token), WEFT_EINVAL);
        text[i] = '\0';
        CHECK_ERR(wf_token_decode(text, &back, &token), WEFT_EINVAL);
        text[i] = was;
    }
    text[len] = 'A';
    text[len + 1] = '\0';
    CHECK_ERR(wf_token_decode(text, &back, &token), WEFT_EINVAL);
    CHECK(back.text == NULL);
    wf_key_fini(&key);
}

TEST(request, nonsense_is_no_token)
{
    char longest[WEFT_TOKEN_CHARS_MAX + 10];
    struct wf_token token;
    struct wf_key key;

    memset(longest, 'A', sizeof(longest));
    memcpy(longest, "wt1.", 4);
    longest[sizeof(longest) - 1] = '\0';
    CHECK_ERR(wf_token_decode(NULL, &key, &token), WEFT_EINVAL);
    CHECK_ERR(wf_token_decode("", &key, &token), WEFT_EINVAL);
    CHECK_ERR(wf_token_decode("wt1.", &key, &token), WEFT_EINVAL);
    CHECK_ERR(wf_token_decode("wt1.AAAA", &key, &token), WEFT_EINVAL);
    CHECK_ERR(wf_token_decode("hello", &key, &token), WEFT_EINVAL);
    CHECK_ERR(wf_token_decode(longest, &key, &token), WEFT_EINVAL);
}

// Tokens whose checksum is right. ---------------------------------------------

static weft_err
decode_fields(const char *key, size_t key_len, uint64_t command,
              uint64_t attempt, size_t more)
{
    char text[WEFT_TOKEN_CHARS_MAX] = "wt1.";
    struct wf_buf buf = {0};
    struct wf_token token;
    struct wf_key back;
    weft_err err;

    wf_buf_put_bytes(&buf, weft_bytes_of(key, key_len));
    wf_buf_put_varint(&buf, 1);
    wf_buf_put_varint(&buf, command);
    if (more > 0) { // else it ends here
        wf_buf_put_varint(&buf, attempt);
    }
    while (more > 1) {
        wf_buf_put_u8(&buf, 0);
        more--;
    }
    wf_buf_put_u32(&buf, wf_crc32c(0, buf.data, buf.len));
    wf_base64_encode(wf_buf_bytes(&buf), text + 4);
    err = wf_token_decode(text, &back, &token);
    if (err == WEFT_OK) {
        wf_key_fini(&back);
    }
    wf_buf_fini(&buf);
    return err;
}

TEST(request, a_token_has_an_actor_and_numbers_that_fit)
{
    const uint64_t large = (uint64_t)UINT32_MAX + 1;

    CHECK_OK(decode_fields("d\0k\0i", 5, 2, 3, 1));
    CHECK_ERR(decode_fields("d\0k\0i", 5, 2, 3, 0), WEFT_EINVAL);
    CHECK_ERR(decode_fields("d\0k\0i", 5, 2, 3, 2), WEFT_EINVAL);
    CHECK_ERR(decode_fields("d\0k\0i", 5, large, 3, 1), WEFT_EINVAL);
    CHECK_ERR(decode_fields("d\0k\0i", 5, 2, large, 1), WEFT_EINVAL);
    CHECK_ERR(decode_fields("nobody", 6, 2, 3, 1), WEFT_EINVAL);
}
