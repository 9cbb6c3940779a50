// SPDX-License-Identifier: Apache-2.0

#include "storage/s3_place.h"

#include <stdlib.h>
#include <string.h>

#include "support/test.h"

// Only what follows is in the environment.
static void
clear(void)
{
    static const char *const names[] = {
        "AWS_ENDPOINT_URL",  "AWS_ENDPOINT_URL_S3", "AWS_REGION",
        "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION",  "AWS_CA_BUNDLE"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CHECK_EQ(unsetenv(names[i]), 0);
    }
    CHECK_EQ(setenv("AWS_ACCESS_KEY_ID", "AKIA", 1), 0);
    CHECK_EQ(setenv("AWS_SECRET_ACCESS_KEY", "s/e+c", 1), 0);
}

TEST(s3_place, a_name_says_all_but_who_asks)
{
    struct wf_s3_place place;

    clear();
    CHECK_OK(wf_s3_place_read("s3://my.bucket/a/b?region=eu-west-1"
                              "&endpoint=http://10.0.0.1:9000/",
                              &place));
    CHECK_STR(place.bucket, "my.bucket");
    CHECK_STR(place.prefix, "a/b/");
    CHECK_STR(place.region, "eu-west-1");
    CHECK_STR(place.endpoint, "http://10.0.0.1:9000");
    CHECK_STR(place.access_key, "AKIA");
    CHECK_STR(place.secret_key, "s/e+c");
    CHECK(place.token == NULL);
    CHECK(place.ca_file == NULL);
    wf_s3_place_fini(&place);
}

TEST(s3_place, what_a_name_does_not_say_the_environment_does)
{
    struct wf_s3_place place;

    clear();
    setenv("AWS_DEFAULT_REGION", "us-west-2", 1);
    setenv("AWS_SESSION_TOKEN", "tok/en==", 1);
    setenv("AWS_CA_BUNDLE", "/etc/ca.pem", 1);
    CHECK_OK(wf_s3_place_read("s3://bucket", &place));
    CHECK_STR(place.prefix, "");
    CHECK_STR(place.region, "us-west-2");
    CHECK_STR(place.endpoint, "https://s3.us-west-2.amazonaws.com");
    CHECK_STR(place.token, "tok/en==");
    CHECK_STR(place.ca_file, "/etc/ca.pem");
    wf_s3_place_fini(&place);
    setenv("AWS_REGION", "eu-1", 1);
    setenv("AWS_ENDPOINT_URL", "https://one", 1);
    CHECK_OK(wf_s3_place_read("s3://bucket/", &place));
    CHECK_STR(place.region, "eu-1");
    CHECK_STR(place.endpoint, "https://one");
    wf_s3_place_fini(&place);
    setenv("AWS_ENDPOINT_URL_S3", "https://two:443", 1);
    CHECK_OK(wf_s3_place_read("s3://bucket/?region=eu-2", &place));
    CHECK_STR(place.region, "eu-2");
    CHECK_STR(place.endpoint, "https://two:443");
    wf_s3_place_fini(&place);
}

TEST(s3_place, what_is_no_place_is_named)
{
    static const char *const wrong[][2] = {
        {"s3://", "no bucket"},
        {"s3://ab", "no bucket"},
        {"s3://..../x", "no bucket"},
        {"s3://Bucket", "no bucket"},
        {"s3://a b c/", "no bucket"},
        {"s3://bucket//x", "no prefix"},
        {"s3://bucket/a//b", "no prefix"},
        {"s3://bucket/a/../b", "no prefix"},
        {"s3://bucket/a/.", "no prefix"},
        {"s3://bucket/a b", "no prefix"},
        {"s3://bucket/a%20b", "no prefix"},
        {"s3://bucket?regio=x", "regio=x"},
        {"s3://bucket?region=a b", "no region"},
        {"s3://bucket?endpoint=ftp://x", "no endpoint"},
        {"s3://bucket?endpoint=https://", "no endpoint"},
        {"s3://bucket?endpoint=https://me@host", "no endpoint"},
        {"s3://bucket?endpoint=https://host/path", "no endpoint"},
    };

    clear();
    setenv("AWS_REGION", "eu-1", 1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct wf_s3_place place;

        CHECK_ERR(wf_s3_place_read(wrong[i][0], &place), WEFT_EINVAL);
        CHECK(strstr(weft_err_detail(), wrong[i][1]) != NULL);
    }
}

TEST(s3_place, a_place_without_region_or_keys_is_refused)
{
    struct wf_s3_place place;

    clear();
    CHECK_ERR(wf_s3_place_read("s3://bucket", &place), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "AWS_REGION") != NULL);
    setenv("AWS_REGION", "eu-1", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "", 1);
    CHECK_ERR(wf_s3_place_read("s3://bucket", &place), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "AWS_SECRET_ACCESS_KEY") != NULL);
}

// A line break in it would be a header of somebody else's.
TEST(s3_place, keys_that_are_none_are_not_said)
{
    struct wf_s3_place place;

    clear();
    setenv("AWS_REGION", "eu-1", 1);
    setenv("AWS_SESSION_TOKEN", "abc\r\nHost: x", 1);
    CHECK_ERR(wf_s3_place_read("s3://bucket", &place), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "abc") == NULL);
}
