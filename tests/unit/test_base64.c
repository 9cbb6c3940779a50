// SPDX-License-Identifier: Apache-2.0

#include "runtime/base64.h"
#include "support/test.h"

static void
check_pair(const char *plain, const char *coded)
{
    struct wf_buf buf = {0};
    char text[64];

    CHECK_EQ(wf_base64_chars(strlen(plain)), strlen(coded));
    wf_base64_encode(weft_text(plain), text);
    CHECK_STR(text, coded);
    CHECK(wf_base64_decode(coded, strlen(coded), &buf));
    CHECK_BYTES(wf_buf_bytes(&buf), weft_text(plain));
    wf_buf_fini(&buf);
}

static void
check_padded(const char *plain, const char *coded)
{
    struct wf_buf buf = {0};
    char text[64];

    CHECK_EQ(wf_base64_padded_chars(strlen(plain)), strlen(coded));
    wf_base64_encode_padded(weft_text(plain), text);
    CHECK_STR(text, coded);
    CHECK(wf_base64_decode_padded(coded, strlen(coded), &buf));
    CHECK_BYTES(wf_buf_bytes(&buf), weft_text(plain));
    wf_buf_fini(&buf);
}

TEST(base64, agrees_with_the_rfc)
{
    check_pair("", "");
    check_pair("f", "Zg");
    check_pair("fo", "Zm8");
    check_pair("foo", "Zm9v");
    check_pair("foob", "Zm9vYg");
    check_pair("fooba", "Zm9vYmE");
    check_pair("foobar", "Zm9vYmFy");
    check_pair("\xfb\xff\xfe", "-__-");
    check_padded("", "");
    check_padded("f", "Zg==");
    check_padded("fo", "Zm8=");
    check_padded("foo", "Zm9v");
    check_padded("foob", "Zm9vYg==");
    check_padded("\xfb\xff\xfe", "+//+");
}

TEST(base64, refuses_what_it_would_not_write)
{
    static const char *const bad[] = {"Z", "Zh", "Zm9", "Zg==", "Zm 8", "Zm+/"};
    struct wf_buf buf = {0};

    wf_buf_put_u8(&buf, 7);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!wf_base64_decode(bad[i], strlen(bad[i]), &buf));
        CHECK_EQ(buf.len, 1);
    }
    wf_buf_fini(&buf);
}

TEST(base64, refuses_padding_that_it_would_not_write)
{
    static const char *const bad[] = {
        "=",    "==",   "====", "Z===", "Zg",    "Zg=",
        "Zh==", "Zm9=", "Z=g=", "-__-", "Zm9v=", "Zm9v===="};
    struct wf_buf buf = {0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!wf_base64_decode_padded(bad[i], strlen(bad[i]), &buf));
        CHECK_EQ(buf.len, 0);
    }
    wf_buf_fini(&buf);
}
