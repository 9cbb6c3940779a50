// SPDX-License-Identifier: Apache-2.0

#include "codec_rig.h"

#include "base/random.h"
#include "remote/codec.h"
#include "weft/worker.h"

static const char *const names[] = {"card_declined", "", NULL};

static const weft_pair headers[] = {
    {"traceparent", {"00-af-01", 8}},
    {"tenant", {NULL, 0}},
};

static const weft_pair memo[] = {{"note", {"\x81\xa1z\x01", 4}}};

static const weft_attribute attributes[] = {
    {"region", WEFT_ATTRIBUTE_KEYWORD, {.text = "eu"}},
    {"text", WEFT_ATTRIBUTE_TEXT, {.text = "some text"}},
    {"amount", WEFT_ATTRIBUTE_INT, {.integer = -5}},
    {"rate", WEFT_ATTRIBUTE_DOUBLE, {.real = 0.25}},
    {"vip", WEFT_ATTRIBUTE_BOOL, {.boolean = 1}},
    {"due", WEFT_ATTRIBUTE_TIME, {.time_ms = UINT64_MAX}},
};

static const weft_start_options start = {
    .struct_size = sizeof(weft_start_options),
    .reuse = WEFT_REUSE_REJECT,
    .conflict = WEFT_CONFLICT_TERMINATE_EXISTING,
    .start_delay_ms = WEFT_FOREVER,
    .execution_timeout_ms = 86400000,
    .run_timeout_ms = 3600000,
    .retry = {.initial_interval_ms = 100,
              .coefficient = 1.5,
              .maximum_interval_ms = 70000,
              .maximum_attempts = WEFT_UNLIMITED,
              .total_ms = 900000,
              .jitter = 0.5,
              .non_retryable = names},
    .version = 3,
    .headers = headers,
    .headers_count = 2,
    .memo = memo,
    .memo_count = 1,
    .attributes = attributes,
    .attributes_count = 6,
};

static const weft_call_options options = {
    .struct_size = sizeof(weft_call_options),
    .retry = {.initial_interval_ms = 5,
              .maximum_attempts = 4,
              .jitter = WEFT_NO_JITTER,
              .non_retryable = names + 2},
    .timeouts = {.schedule_to_start_ms = 1,
                 .start_to_close_ms = 2,
                 .schedule_to_close_ms = WEFT_FOREVER,
                 .heartbeat_ms = 4},
    .on_lost = WEFT_ON_LOST_FAIL,
};

static const weft_operator by = {"ada", "it hangs"};
static const weft_point point = {WEFT_POINT_ENTRY, 17};

weft_request
rig_request(weft_verb verb)
{
    return (weft_request){
        .struct_size = sizeof(weft_request),
        .verb = verb,
        .target = {"order", "17"},
        .name = "pay",
        .data = {"\x81\xa1x\x01", 4},
        .input = {"\x81\xa5"
                  "cents\xcd\x07\xd0",
                  10},
        .start = &start,
        .headers = headers,
        .headers_count = 2,
        .update_accepted = 1,
        .update_id = "u-1",
        .token = "AAEC",
        .error_name = "declined",
        .error_message = "no money",
        .retry_after_ms = 60000,
        .is_for_good = 1,
        .worker = "w1",
        .lease_ms = 2000,
        .after = 78,
        .status = WEFT_STATUS_TIMED_OUT,
        .cursor = "AQID",
        .limit = 1000,
        .number = 7,
        .by = &by,
        .call = 12,
        .options = &options,
        .filter = "amount > 3",
        .group_by = "region",
        .terminate_first = 1,
        .version = 9,
        .point = &point,
    };
}

void
rig_frame(weft_verb verb, struct wf_buf *out_frame)
{
    weft_request request = rig_request(verb);

    wf_codec_request_encode(&request, 7, 5, true, out_frame);
}

// Pairs in weft's own form: B name and its NUL, B value.
static const char packed[] = "\x05note\0\x04\x81\xa1z\x01";

static const weft_description instances[] = {
    {
        .kind = "order",
        .id = "17",
        .parent_kind = "trip",
        .parent_id = "4",
        .status = WEFT_STATUS_RUNNING,
        .version = 2,
        .run = 3,
        .attempt = 4,
        .created_at_ms = 5,
        .begins_at_ms = 6,
        .deadline_ms = 7,
        .finished_at_ms = 8,
        .memo = {packed, sizeof(packed) - 1},
        .mailbox_count = 9,
        .timers_count = 10,
        .activities_count = 11,
        .children_count = 12,
        .journal_count = 13,
        .is_parked = 1,
        .is_paused = 1,
        .is_cancel_requested = 1,
        .reason = "too many attempts",
        .attributes = attributes,
        .attributes_count = 6,
    },
    {.kind = "order",
     .id = "18",
     .parent_kind = "",
     .parent_id = "",
     .reason = ""},
};

static const weft_failure root = {.name = "io",
                                  .message = "broken pipe",
                                  .details = {"\x02", 1},
                                  .source = "charge"};
static const weft_failure middle = {.name = "declined",
                                    .message = "no money",
                                    .details = {NULL, 0},
                                    .source = "card/4",
                                    .cause = &root};

static const weft_open_activity activities[] = {
    {
        .call = 12,
        .name = "charge",
        .attempt = 2,
        .lost = 1,
        .opened_at_ms = 1000,
        .next_at_ms = 2000,
        .is_running = 1,
        .is_deferred = 1,
        .is_paused = 1,
        .is_cancel_requested = 1,
        .is_abandoned = 1,
        .is_local = 1,
        .task_queue = "cards",
        .is_offered = 1,
        .worker = "w1",
        .failed_at_ms = 1500,
        .failure = {.name = "declined", .message = "no money"},
        .details_len = 99,
    },
    {.call = 13, .name = "ship", .attempt = 1, .task_queue = "", .worker = ""},
};

static const weft_group groups[] = {
    {{"region", WEFT_ATTRIBUTE_NONE, {.text = NULL}}, 4},
    {{"region", WEFT_ATTRIBUTE_KEYWORD, {.text = "eu"}}, 3},
    {{"region", WEFT_ATTRIBUTE_INT, {.integer = -1}}, 2},
};

static const weft_lease lease = {
    .activity = "charge",
    .input = {"\x01", 1},
    .headers = {packed, sizeof(packed) - 1},
    .attempt = 2,
    .key = "00ff",
    .details = {"\x02", 1},
    .caller_id = "shop/order/17",
    .timeouts = {1, 2, 3, 4},
    .leased_at_ms = 5,
    .deadline_ms = 6,
    .lease_ms = 7,
    .is_paused = 1,
    .is_cancel_requested = 1,
};

const weft_reply rig_reply = {
    .detail = "",
    .number = 7,
    .data = {"\xa2hi", 3},
    .is_created = 1,
    .items = instances,
    .items_count = 2,
    .cursor = "AQID",
    .activities = activities,
    .activities_count = 2,
    .count = 9,
    .groups = groups,
    .groups_count = 3,
    .lease = &lease,
};

const weft_reply rig_failed = {
    .err = WEFT_EFAILED,
    .detail = "the instance failed",
    .number = 7,
    .failure = {.name = "declined",
                .message = "no money",
                .details = {"\x01", 1},
                .cause = &middle},
    .retry_after_ms = 250,
};

// What decoders stumble over.
static const uint8_t special[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                  0xbf, 0xc0, 0xc1, 0xc3, 0xc4, 0xc6, 0xc7,
                                  0xcb, 0xcf, 0xd3, 0xd9, 0xdb, 0xdc, 0xdd,
                                  0xde, 0xdf, 0xe0, 0xff};

static void
insert(struct wf_buf *frame, size_t at, uint8_t byte)
{
    wf_buf_put_u8(frame, 0);
    for (size_t i = frame->len - 1; i > at; i--) {
        frame->data[i] = frame->data[i - 1];
    }
    frame->data[at] = byte;
}

static void
cut(struct wf_buf *frame, size_t at, size_t len)
{
    for (size_t i = at; i + len < frame->len; i++) {
        frame->data[i] = frame->data[i + len];
    }
    wf_buf_truncate(frame, frame->len - len);
}

// A piece of the frame over another one.
static void
copy(struct wf_random *random, struct wf_buf *frame, size_t at)
{
    size_t from = wf_random_below(random, frame->len);
    size_t len = 1 + wf_random_below(random, 12);

    for (size_t i = 0; i < len && from + i < frame->len && at + i < frame->len;
         i++) {
        frame->data[at + i] = frame->data[from + i];
    }
}

void
rig_mutate(struct wf_random *random, struct wf_buf *frame)
{
    size_t count = 1 + wf_random_below(random, 2) * wf_random_below(random, 3);

    for (; count > 0 && frame->len > 0; count--) {
        size_t at = wf_random_below(random, frame->len);
        size_t len;
        uint8_t byte = special[wf_random_below(random, sizeof(special))];

        switch (wf_random_below(random, 6)) {
        case 0:
            frame->data[at] ^= (uint8_t)(1U << wf_random_below(random, 8));
            break;
        case 1:
            frame->data[at] = byte;
            break;
        case 2:
            insert(frame, at, byte);
            break;
        case 3:
            len = 1 + wf_random_below(random, 8);
            cut(frame, at, len < frame->len - at ? len : frame->len - at);
            break;
        case 4:
            copy(random, frame, at);
            break;
        default: // one up or down: lengths and counts that nearly fit
            frame->data[at] =
                (uint8_t)(frame->data[at] + (byte % 2 == 0 ? 1 : -1));
            break;
        }
    }
}
