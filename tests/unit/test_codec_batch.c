// SPDX-License-Identifier: Apache-2.0

#include "remote/codec_batch.h"

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
send_batch(const struct wf_codec_batch *given, struct wf_codec_batch *got)
{
    struct wf_wire_message message;

    wf_codec_batch_encode(given, 7, &frame);
    message = rig_read(&frame);
    return wf_codec_batch_decode(&message, &memory, got);
}

TEST(codec_batch, a_batch_with_all_its_fields_comes_back)
{
    static const weft_operator by = {"ada", "it hangs"};
    static const weft_point point = {WEFT_POINT_ENTRY, 17};
    struct wf_codec_batch given = {
        .options = {.filter = "run > 0",
                    .verb = WEFT_VERB_RETRY_FAILED,
                    .name = "pay",
                    .data = {"\x01", 1},
                    .terminate_first = 1,
                    .by = &by,
                    .per_second = 9,
                    .cursor = "AQID",
                    .point = &point},
        .limit = 100,
        .confirmed = 5,
        .is_again = true,
    };
    struct wf_codec_batch got;

    CHECK_OK(send_batch(&given, &got));
    CHECK_EQ(got.options.struct_size, sizeof(got.options));
    CHECK_STR(got.options.filter, "run > 0");
    CHECK_EQ(got.options.verb, WEFT_VERB_RETRY_FAILED);
    CHECK_STR(got.options.name, "pay");
    CHECK_BYTES(got.options.data, given.options.data);
    CHECK_EQ(got.options.terminate_first, 1);
    CHECK_STR(got.options.by->who, "ada");
    CHECK_STR(got.options.by->why, "it hangs");
    CHECK_EQ(got.options.per_second, 9);
    CHECK_STR(got.options.cursor, "AQID");
    CHECK_EQ(got.options.point->type, WEFT_POINT_ENTRY);
    CHECK_EQ(got.options.point->entry, 17);
    CHECK_EQ(got.limit, 100);
    CHECK_EQ(got.confirmed, 5);
    CHECK(got.is_again);
    fini();
}

TEST(codec_batch, a_bad_batch_names_the_field)
{
    static const char bytes[] = "\x93\xa5"
                                "batch\x07\x82\xa6"
                                "filter\xa0\xa4verb\xa3two";
    struct wf_codec_batch given = {.options = {.verb = WEFT_VERB_CANCEL}}, got;
    struct wf_wire_message message;

    CHECK_ERR(send_batch(&given, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "filter: is missing");
    fini();
    CHECK_OK(wf_wire_read(weft_bytes_of(bytes, sizeof(bytes) - 1), &message));
    CHECK_ERR(wf_codec_batch_decode(&message, &memory, &got), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "verb: there is no two");
    fini();
}

TEST(codec_batch, a_result_comes_back)
{
    weft_batch_result given = {
        .seen = 5,
        .done = 3,
        .failed = 2,
        .errors = {{WEFT_EBUSY, 1}, {WEFT_EFINISHED, 1}},
        .errors_count = 2,
        .cursor = "AQID",
    };
    weft_batch_result got;
    struct wf_wire_message message;

    wf_codec_batch_result_encode(&given, 7, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_batch_result_decode(&message, &memory, &got));
    CHECK_EQ(got.seen, 5);
    CHECK_EQ(got.done, 3);
    CHECK_EQ(got.failed, 2);
    CHECK_EQ(got.errors_count, 2);
    CHECK_ERR(got.errors[1].err, WEFT_EFINISHED);
    CHECK_EQ(got.errors[1].count, 1);
    CHECK_STR(got.cursor, "AQID");
    fini();
}

// 17 codes and one that is not known: what has no room is left out.
TEST(codec_batch, more_codes_than_there_is_room_for_are_left_out)
{
    struct wf_wire_writer writer;
    struct wf_wire_message message;
    weft_batch_result got;

    wf_wire_begin(&writer, &frame, "ok", 7);
    wf_wire_open_map(&writer, "errors");
    wf_wire_put_uint(&writer, "WEFT_ENEW", 1);
    for (int i = 1; i <= WEFT_BATCH_ERRORS_MAX + 1; i++) {
        wf_wire_put_uint(&writer, weft_err_name((weft_err)i), 1);
    }
    wf_wire_close(&writer);
    wf_wire_end(&writer);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_batch_result_decode(&message, &memory, &got));
    CHECK_EQ(got.errors_count, WEFT_BATCH_ERRORS_MAX);
    CHECK_ERR(got.errors[0].err, WEFT_EINVAL);
    CHECK_STR(got.cursor, "");
    fini();
}

TEST(codec_batch, stats_come_back)
{
    struct wf_codec_stats stats = {5, true}, got;
    struct wf_codec_metrics metrics = {"weft_up 1\n"}, got_metrics;
    struct wf_wire_message message;

    wf_codec_stats_encode(&stats, 7, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_stats_decode(&message, &memory, &got));
    CHECK_EQ(got.confirmed, 5);
    CHECK(got.is_again);
    fini();
    wf_codec_metrics_encode(&metrics, 7, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_metrics_decode(&message, &memory, &got_metrics));
    CHECK_STR(got_metrics.text, "weft_up 1\n");
    fini();
}
