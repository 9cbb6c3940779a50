// SPDX-License-Identifier: Apache-2.0
//
// Options of a start: what is refused.

#include "base/error.h"
#include "base/limits.h"
#include "runtime/start.h"
#include "support/test.h"
#include "weft/weft.h"

static void
refuse(weft_start_options options, const char *detail)
{
    struct wf_buf bytes = {0};

    CHECK_ERR(wf_start_encode(&options, &bytes), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), detail);
    wf_buf_fini(&bytes);
}

TEST(start, options_out_of_range_are_refused_by_name)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;

    options.struct_size = 0;
    refuse(options, "start options: start from WEFT_START_OPTIONS_INIT");
    options = (weft_start_options)WEFT_START_OPTIONS_INIT;
    options.reuse = (weft_reuse)3;
    refuse(options, "start options: reuse is 3, which is none");
    options.reuse = WEFT_REUSE_REJECT;
    options.conflict = (weft_conflict)-1;
    refuse(options, "start options: conflict is -1, which is none");
    options = (weft_start_options)WEFT_START_OPTIONS_INIT;
    options.attributes_count = 2;
    refuse(options, "start options: attributes_count is 2, and there are no "
                    "attributes");
    options.attributes_count = 0;
    options.retry.coefficient = 0.5;
    refuse(options, "start options, retry: coefficient is not 1 or more");
    options.retry.coefficient = 1001;
    refuse(options, "start options, retry: coefficient is over 1000");
    options.retry.coefficient = 2;
    options.retry.jitter = 2;
    refuse(options, "start options, retry: jitter is not 0 to 1");
}

TEST(start, bad_headers_are_refused_by_name)
{
    static char big[WF_HEADERS_BYTES_MAX];
    weft_pair pairs[2] = {{"a", weft_text("1")}, {"a", weft_text("2")}};
    weft_request request = WEFT_REQUEST_INIT;
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct wf_buf bytes = {0};

    options.headers_count = 1;
    refuse(options, "headers: a count and no names");
    options.headers = pairs;
    options.headers_count = 2;
    refuse(options, "headers: a is given twice");
    pairs[1].name = "";
    refuse(options, "headers is missing");
    pairs[1].name = "b";
    pairs[1].value = weft_bytes_of(NULL, 3);
    refuse(options, "headers: b has a length and no bytes");
    pairs[1].value = weft_bytes_of(big, sizeof(big));
    request.verb = WEFT_VERB_ASK;
    request.headers = pairs;
    request.headers_count = 2;
    CHECK_ERR(wf_start_of_request(&request, &bytes), WEFT_ETOOBIG);
    CHECK_STR(weft_err_detail(), "headers: over 8192 bytes in all");
    wf_buf_fini(&bytes);
}

TEST(start, headers_are_found_and_listed)
{
    const weft_pair pairs[2] = {{"a", weft_text("1")}, {"b", weft_nothing()}};
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct wf_buf bytes = {0};
    struct wf_start start;
    weft_bytes left;
    weft_pair pair;

    options.run_timeout_ms = 9;
    options.headers = pairs;
    options.headers_count = 2;
    CHECK_OK(wf_start_encode(&options, &bytes));
    CHECK_BYTES(wf_start_header(wf_buf_bytes(&bytes), "a"), weft_text("1"));
    CHECK_EQ(wf_start_header(wf_buf_bytes(&bytes), "c").len, 0);
    CHECK(wf_start_decode(wf_start_headers(wf_buf_bytes(&bytes)), &start));
    CHECK_EQ(start.run_timeout_ms, 0);
    left = start.headers;
    CHECK_EQ(weft_pairs_next(&left, &pair), 1);
    CHECK_STR(pair.name, "a");
    CHECK_EQ(weft_pairs_next(&left, &pair), 1);
    CHECK_STR(pair.name, "b");
    CHECK_EQ(weft_pairs_next(&left, &pair), 0);
    CHECK_EQ(wf_start_headers(weft_nothing()).len, 0);
    wf_buf_fini(&bytes);
}

static struct wf_start
round_trip(const weft_start_options *options, struct wf_buf *bytes)
{
    struct wf_start start;

    wf_buf_reset(bytes);
    CHECK_OK(wf_start_encode(options, bytes));
    CHECK(wf_start_decode(wf_buf_bytes(bytes), &start));
    return start;
}

TEST(start, options_are_read_as_they_were_written)
{
    static const char *const names[] = {"Fatal", "Worse", NULL};
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct wf_buf bytes = {0};
    struct wf_start start = round_trip(NULL, &bytes);

    CHECK_EQ(bytes.len, 0);
    CHECK_EQ(start.has_retry, 0);
    options.execution_timeout_ms = WEFT_FOREVER;
    start = round_trip(&options, &bytes);
    CHECK_EQ(bytes.len, 0);
    options.reuse = WEFT_REUSE_REJECT;
    options.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    options.start_delay_ms = WEFT_FOREVER;
    options.execution_timeout_ms = 60000;
    options.version = 3;
    options.run_timeout_ms = 1;
    options.retry.coefficient = 1.5;
    options.retry.non_retryable = names;
    start = round_trip(&options, &bytes);
    CHECK_EQ(start.reuse, WEFT_REUSE_REJECT);
    CHECK_EQ(start.conflict, WEFT_CONFLICT_TERMINATE_EXISTING);
    CHECK_EQ(start.start_delay_ms, WEFT_FOREVER);
    CHECK_EQ(start.execution_timeout_ms, 60000);
    CHECK_EQ(start.run_timeout_ms, 1);
    CHECK_EQ(start.version, 3);
    CHECK(wf_start_is_pinned(wf_buf_bytes(&bytes)));
    CHECK_EQ(start.has_retry, 1);
    CHECK_EQ(start.retry.retry.initial_interval_ms, 1000);
    CHECK_EQ((int)(start.retry.retry.coefficient * 1000), 1500);
    CHECK_EQ(start.retry.retry.maximum_interval_ms, 100000);
    CHECK_EQ(wf_policy_is_retryable(&start.retry, weft_text("Worse")), 0);
    CHECK_EQ(wf_policy_is_retryable(&start.retry, weft_text("Better")), 1);
    wf_buf_fini(&bytes);
}

// Any field that is set makes it one; none does not.
TEST(start, runs_are_tried_again_if_a_policy_says_anything)
{
    static const char *const names[] = {"Fatal", NULL};
    const weft_retry_policy policies[] = {
        {.initial_interval_ms = 5},
        {.coefficient = 1},
        {.maximum_interval_ms = 5},
        {.maximum_attempts = 5},
        {.total_ms = 5},
        {.jitter = 0.5},
        {.non_retryable = names},
    };
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct wf_buf bytes = {0};

    for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
        options.retry = policies[i];
        CHECK_EQ(round_trip(&options, &bytes).has_retry, 1);
    }
    options.retry = (weft_retry_policy){0};
    CHECK_EQ(round_trip(&options, &bytes).has_retry, 0);
    wf_buf_fini(&bytes);
}

TEST(start, what_does_not_decode_has_nothing_in_it)
{
    const weft_bytes bad = weft_bytes_of("\xff\xff\xff", 3);
    const weft_pair pairs[2] = {{"", weft_text("1")}, {"b", weft_text("2")}};
    const weft_attribute bad_name = weft_attribute_bool("", 1);
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    weft_bytes set = weft_text("as it was");
    struct wf_buf bytes = {0};

    CHECK_EQ(wf_start_header(bad, "a").len, 0);
    CHECK(!wf_start_is_pinned(bad));
    options.attributes = &bad_name;
    options.attributes_count = 1;
    CHECK_ERR(wf_start_attributes(&options, &set), WEFT_EINVAL);
    CHECK_BYTES(set, weft_text("as it was"));
    options = (weft_start_options)WEFT_START_OPTIONS_INIT;
    options.headers = pairs; // the first is refused, the second not looked at
    options.headers_count = 2;
    CHECK_ERR(wf_start_of_child(&options, weft_nothing(), &bytes), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "headers is missing");
    wf_buf_fini(&bytes);
}

TEST(start, damaged_options_do_not_decode)
{
    static const uint8_t golden[] = {3, 2, 0x88, 0x27, 5, 1, 9};
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct wf_buf bytes = {0};
    struct wf_start start;

    options.start_delay_ms = 5000;
    options.run_timeout_ms = 9;
    CHECK_OK(wf_start_encode(&options, &bytes));
    CHECK_BYTES(wf_buf_bytes(&bytes), weft_bytes_of(golden, sizeof(golden)));
    for (size_t len = 0; len < bytes.len; len++) {
        bool is_whole = len == 0 || len == 4; // between two of them
        CHECK_EQ(wf_start_decode(weft_bytes_of(golden, len), &start), is_whole);
    }
    CHECK_EQ(wf_start_decode(weft_bytes_of("\x7f\x01\x01", 3), &start), 0);
    CHECK_EQ(wf_start_decode(weft_bytes_of("\x05\x02\x01\x01", 4), &start), 0);
    wf_buf_fini(&bytes);
}
