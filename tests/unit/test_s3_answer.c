// SPDX-License-Identifier: Apache-2.0

#include "storage/s3_answer.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

static weft_bytes
text_of(const char *text)
{
    return weft_bytes_of(text, strlen(text));
}

static uint64_t
ms_of(const char *text)
{
    uint64_t ms = 0;

    CHECK(wf_s3_answer_time(text_of(text), &ms));
    return ms;
}

// As date -d ... +%s says.
TEST(s3_answer, times_are_milliseconds_since_1970)
{
    CHECK_EQ(ms_of("1970-01-01T00:00:00Z"), 0);
    CHECK_EQ(ms_of("1972-03-01T00:00:00.000Z"), 68256000000);
    CHECK_EQ(ms_of("2000-02-29T12:34:56.789Z"), 951827696000);
    CHECK_EQ(ms_of("2023-12-31T23:59:59Z"), 1704067199000);
    CHECK_EQ(ms_of("2024-02-29T00:00:00.000Z"), 1709164800000);
    CHECK_EQ(ms_of("2024-03-01T00:00:00.000Z"), 1709251200000);
    CHECK_EQ(ms_of("2100-03-01T00:00:00.000Z"), 4107542400000);
}

TEST(s3_answer, what_is_no_time_is_refused)
{
    static const char *const wrong[] = {
        "",
        "2024",
        "2024-02-29",
        "2024-02-29T00:00:00",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T00:00:00+01:00",
        "1969-12-31T00:00:00Z",
        "2024-02-29T00:00:00.0000000000000000000000000000000Z",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint64_t ms;

        CHECK(!wf_s3_answer_time(text_of(wrong[i]), &ms));
    }
}

TEST(s3_answer, an_error_has_a_code_and_a_message)
{
    struct wf_s3_error error;
    char longer[600];

    CHECK(wf_s3_answer_error(
        text_of("<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code>"
                "<Message>None\r\nhere.</Message><Key>x</Key></Error>"),
        &error));
    CHECK_STR(error.code, "NoSuchKey");
    CHECK_STR(error.message, "None??here.");
    CHECK(wf_s3_answer_error(text_of("<Error></Error>"), &error));
    CHECK_STR(error.code, "");
    CHECK(!wf_s3_answer_error(text_of("<html>Proxy</html>"), &error));
    CHECK(!wf_s3_answer_error(text_of("<Error><Code>cut"), &error));
    memset(longer, 'x', sizeof(longer));
    memcpy(longer, "<Error><Code>", 13);
    memcpy(longer + 500, "</Code></Error>", 16);
    CHECK(wf_s3_answer_error(text_of(longer), &error));
    CHECK_EQ(strlen(error.code), sizeof(error.code) - 1);
}

static void
print_key(void *ctx, weft_bytes key, uint64_t modified_ms)
{
    char *out = (char *)ctx + strlen(ctx);

    (void)sprintf(out, "%.*s %llu\n", (int)key.len, (const char *)key.data,
                  (unsigned long long)modified_ms);
}

TEST(s3_answer, a_list_goes_on_with_its_token)
{
    struct wf_buf next = {0};
    char found[200] = "";

    CHECK_OK(wf_s3_answer_list(
        text_of("<ListBucketResult xmlns=\"http://s3\"><Prefix>a</Prefix>"
                "<NextContinuationToken>1/a+&amp;&lt;=</NextContinuationToken>"
                "<IsTruncated>true</IsTruncated>"
                "<Contents><Key>a/1</Key>"
                "<LastModified>1970-01-01T00:00:01.000Z</LastModified>"
                "<Size>7</Size></Contents>\n"
                "<Contents><LastModified>1970-01-01T00:00:02Z</LastModified>"
                "<Key>a/2</Key></Contents></ListBucketResult>"),
        print_key, found, &next));
    CHECK_STR(found, "a/1 1000\na/2 2000\n");
    CHECK_BYTES(wf_buf_bytes(&next), text_of("1/a+&<="));
    wf_buf_reset(&next);
    CHECK_OK(wf_s3_answer_list(
        text_of("<ListBucketResult><IsTruncated>false</IsTruncated>"
                "</ListBucketResult>"),
        print_key, found, &next));
    CHECK_EQ(next.len, 0);
    wf_buf_fini(&next);
}

TEST(s3_answer, what_is_no_list_is_refused)
{
    static const char *const wrong[] = {
        "",
        "<html>hello</html>",
        "<IsTruncated>true</IsTruncated>",
        "<IsTruncated>true</IsTruncated>"
        "<NextContinuationToken>&#38;</NextContinuationToken>",
        "<IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>",
        "<IsTruncated>false</IsTruncated><Contents><Key>a</Key>"
        "<LastModified>now</LastModified></Contents>",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct wf_buf next = {0};
        char found[200] = "";

        CHECK_ERR(wf_s3_answer_list(text_of(wrong[i]), print_key, found, &next),
                  WEFT_EIO);
        wf_buf_fini(&next);
    }
}
