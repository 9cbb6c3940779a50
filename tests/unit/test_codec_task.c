// SPDX-License-Identifier: Apache-2.0

#include "remote/codec_task.h"

#include "codec_same.h"
#include "support/test.h"
#include "transport/wire.h"

static struct wf_arena memory;
static struct wf_buf frame;

static void
fini(void)
{
    wf_arena_fini(&memory);
    wf_buf_fini(&frame);
}

static weft_err
send_poll(const struct wf_codec_poll *given, struct wf_codec_poll *got)
{
    struct wf_wire_message message;

    wf_codec_poll_encode(given, 7, &frame);
    message = rig_read(&frame);
    return wf_codec_poll_decode(&message, &memory, got);
}

TEST(codec_task, a_poll_comes_back)
{
    struct wf_codec_poll given = {"cards", 1000, 0, "w1", 600000, 5, true};
    struct wf_codec_poll got;

    CHECK_OK(send_poll(&given, &got));
    CHECK_STR(got.queue, "cards");
    CHECK_EQ(got.credit, 1000);
    CHECK_EQ(got.wait_ms, 0); // which is not the default
    CHECK_STR(got.worker, "w1");
    CHECK_EQ(got.lease_ms, 600000);
    CHECK_EQ(got.confirmed, 5);
    CHECK(got.is_again);
    fini();
}

TEST(codec_task, a_poll_has_defaults)
{
    static const char bytes[] = "\x93\xa4poll\x07\x81\xa5queue\xa1q";
    struct wf_wire_message message;
    struct wf_codec_poll got;

    CHECK_OK(wf_wire_read(weft_bytes_of(bytes, sizeof(bytes) - 1), &message));
    CHECK_OK(wf_codec_poll_decode(&message, &memory, &got));
    CHECK_EQ(got.credit, 1);
    CHECK_EQ(got.wait_ms, 20000);
    CHECK_EQ(got.lease_ms, 10000);
    CHECK(got.worker == NULL);
    fini();
}

TEST(codec_task, a_poll_out_of_range_names_the_field)
{
    static const char zero[] = "\x93\xa4poll\x07\x82\xa5queue\xa1q\xa6"
                               "credit\x00";
    struct wf_codec_poll polls[] = {
        {.credit = 1, .lease_ms = 2000},
        {.queue = "q", .credit = 1001, .lease_ms = 2000},
        {.queue = "q", .credit = 1, .wait_ms = 60001, .lease_ms = 2000},
        {.queue = "q", .credit = 1, .lease_ms = 999},
        {.queue = "q", .credit = 1, .lease_ms = 600001},
    };
    static const char *const details[] = {
        "queue: is missing",
        "credit: is 1001, at most 1000 is allowed",
        "wait_ms: is 60001, at most 60000 is allowed",
        "lease_ms: is 999, want 1000 to 600000",
        "lease_ms: is 600001, at most 600000 is allowed",
    };
    struct wf_wire_message message;
    struct wf_codec_poll got;

    for (size_t i = 0; i < sizeof(polls) / sizeof(polls[0]); i++) {
        CHECK_ERR(send_poll(&polls[i], &got), WEFT_EINVAL);
        CHECK_STR(weft_err_detail(), details[i]);
        fini();
    }
    CHECK_OK(wf_wire_read(weft_bytes_of(zero, sizeof(zero) - 1), &message));
    CHECK_ERR(wf_codec_poll_decode(&message, &memory, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "credit: is 0, want 1 to 1000");
    fini();
}

TEST(codec_task, tasks_come_back)
{
    static const weft_pair headers[] = {{"tenant", {"x", 1}}};
    static const struct wf_codec_task given[] = {
        {"AAEC",
         "charge",
         {"\x01", 1},
         2,
         "00ff",
         "shop/order/17",
         headers,
         1,
         {"\x02", 1},
         5000,
         100},
        {.token = "AAED", .name = "ship", .attempt = 1},
    };
    struct wf_codec_tasks tasks = {given, 2}, got;
    struct wf_wire_message message;

    wf_codec_tasks_encode(&tasks, 7, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_tasks_decode(&message, &memory, &got));
    CHECK_EQ(got.count, 2);
    CHECK_STR(got.tasks[0].token, "AAEC");
    CHECK_STR(got.tasks[0].name, "charge");
    CHECK_BYTES(got.tasks[0].input, given[0].input);
    CHECK_EQ(got.tasks[0].attempt, 2);
    CHECK_STR(got.tasks[0].key, "00ff");
    CHECK_STR(got.tasks[0].caller, "shop/order/17");
    CHECK_EQ(got.tasks[0].headers_count, 1);
    CHECK_STR(got.tasks[0].headers[0].name, "tenant");
    CHECK_BYTES(got.tasks[0].headers[0].value, headers[0].value);
    CHECK_BYTES(got.tasks[0].details, given[0].details);
    CHECK_EQ(got.tasks[0].deadline_ms, 5000);
    CHECK_EQ(got.tasks[0].heartbeat_ms, 100);
    CHECK_STR(got.tasks[1].key, "");
    fini();
    // None: the array is there.
    tasks.count = 0;
    wf_codec_tasks_encode(&tasks, 7, &frame);
    CHECK_BYTES(wf_buf_bytes(&frame),
                weft_text("\x93\xa2ok\x07\x81\xa5tasks\x90"));
    message = rig_read(&frame);
    CHECK_OK(wf_codec_tasks_decode(&message, &memory, &got));
    CHECK_EQ(got.count, 0);
    fini();
}

TEST(codec_task, renew_and_its_answer_come_back)
{
    static const char *const tokens[] = {"AAEC", "AAED", NULL};
    struct wf_codec_renew renew = {tokens, "w", 5, true}, got;
    struct wf_codec_renewed renewed = {tokens, tokens + 1}, got_renewed;
    struct wf_wire_message message;

    wf_codec_renew_encode(&renew, 7, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_renew_decode(&message, &memory, &got));
    CHECK_STR(got.worker, "w");
    CHECK_STR(got.tokens[0], "AAEC");
    CHECK_STR(got.tokens[1], "AAED");
    CHECK(got.tokens[2] == NULL);
    CHECK_EQ(got.confirmed, 5);
    CHECK(got.is_again);
    fini();
    wf_codec_renewed_encode(&renewed, 7, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_renewed_decode(&message, &memory, &got_renewed));
    CHECK_STR(got_renewed.cancelled[1], "AAED");
    CHECK_STR(got_renewed.gone[0], "AAED");
    CHECK(got_renewed.gone[1] == NULL);
    fini();
    wf_codec_poll_encode(&(struct wf_codec_poll){0}, 7, &frame);
    message = rig_read(&frame);
    CHECK_ERR(wf_codec_renew_decode(&message, &memory, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "this is no renew");
    fini();
    wf_codec_renew_encode(&(struct wf_codec_renew){0}, 7, &frame);
    message = rig_read(&frame);
    CHECK_ERR(wf_codec_renew_decode(&message, &memory, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "tokens: is missing");
    fini();
}
