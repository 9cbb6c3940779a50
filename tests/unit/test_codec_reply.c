// SPDX-License-Identifier: Apache-2.0

#include <string.h>

#include "base/random.h"
#include "codec_rig.h"
#include "codec_same.h"
#include "remote/codec.h"
#include "runtime/request.h"
#include "support/test.h"
#include "transport/wire.h"
#include "weft/worker.h"

// The bytes of docs/formats/wire.md, section 1, as they are written there.
static const uint8_t ok_frame[] = {
    0x93, 0xa2, 0x6f, 0x6b, 0x01, 0x81, 0xaa, 0x69, 0x73,
    0x5f, 0x63, 0x72, 0x65, 0x61, 0x74, 0x65, 0x64, 0xc3,
};

TEST(codec_reply, the_documents_ok_is_written_and_read)
{
    weft_reply reply = {.detail = "", .number = 1, .is_created = 1};
    struct wf_request *request = wf_request_create();
    struct wf_wire_message message;
    struct wf_buf frame = {0};

    wf_codec_reply_encode(WEFT_VERB_START, &reply, &frame);
    CHECK_BYTES(wf_buf_bytes(&frame),
                weft_bytes_of(ok_frame, sizeof(ok_frame)));
    message = rig_read(&frame);
    CHECK_OK(wf_codec_reply_decode(WEFT_VERB_START, &message, request));
    CHECK_EQ(request->reply.is_created, 1);
    wf_buf_fini(&frame);
    wf_request_destroy(request);
}

static void
same_instance(const weft_description *got, const weft_description *given)
{
    CHECK_STR(got->kind, given->kind);
    CHECK_STR(got->id, given->id);
    CHECK_STR(got->parent_kind, given->parent_kind);
    CHECK_STR(got->parent_id, given->parent_id);
    CHECK_EQ(got->status, given->status);
    CHECK_EQ(got->version, given->version);
    CHECK_EQ(got->run, given->run);
    CHECK_EQ(got->attempt, given->attempt);
    CHECK_EQ(got->created_at_ms, given->created_at_ms);
    CHECK_EQ(got->begins_at_ms, given->begins_at_ms);
    CHECK_EQ(got->deadline_ms, given->deadline_ms);
    CHECK_EQ(got->finished_at_ms, given->finished_at_ms);
    CHECK_BYTES(got->memo, given->memo);
    CHECK_EQ(got->mailbox_count, given->mailbox_count);
    CHECK_EQ(got->timers_count, given->timers_count);
    CHECK_EQ(got->activities_count, given->activities_count);
    CHECK_EQ(got->children_count, given->children_count);
    CHECK_EQ(got->journal_count, given->journal_count);
    CHECK_EQ(got->is_parked, given->is_parked);
    CHECK_EQ(got->is_paused, given->is_paused);
    CHECK_EQ(got->is_cancel_requested, given->is_cancel_requested);
    CHECK_STR(got->reason, given->reason);
    rig_same_attributes(got->attributes, got->attributes_count,
                        given->attributes, given->attributes_count);
}

static void
same_activity(const weft_open_activity *got, const weft_open_activity *given)
{
    CHECK_EQ(got->call, given->call);
    CHECK_STR(got->name, given->name);
    CHECK_EQ(got->attempt, given->attempt);
    CHECK_EQ(got->lost, given->lost);
    CHECK_EQ(got->opened_at_ms, given->opened_at_ms);
    CHECK_EQ(got->next_at_ms, given->next_at_ms);
    CHECK_EQ(got->is_running, given->is_running);
    CHECK_EQ(got->is_deferred, given->is_deferred);
    CHECK_EQ(got->is_paused, given->is_paused);
    CHECK_EQ(got->is_cancel_requested, given->is_cancel_requested);
    CHECK_EQ(got->is_abandoned, given->is_abandoned);
    CHECK_EQ(got->is_local, given->is_local);
    CHECK_STR(got->task_queue, given->task_queue);
    CHECK_EQ(got->is_offered, given->is_offered);
    CHECK_STR(got->worker, given->worker);
    CHECK_EQ(got->failed_at_ms, given->failed_at_ms);
    CHECK_STR(got->failure.name,
              given->failure.name == NULL ? "" : given->failure.name);
    CHECK_STR(got->failure.message,
              given->failure.message == NULL ? "" : given->failure.message);
    CHECK_EQ(got->details_len, given->details_len);
}

static void
same_lease(const weft_lease *got, const weft_lease *given)
{
    CHECK_STR(got->activity, given->activity);
    CHECK_BYTES(got->input, given->input);
    CHECK_BYTES(got->headers, given->headers);
    CHECK_EQ(got->attempt, given->attempt);
    CHECK_STR(got->key, given->key);
    CHECK_BYTES(got->details, given->details);
    CHECK_STR(got->caller_id, given->caller_id);
    CHECK(memcmp(&got->timeouts, &given->timeouts, sizeof(got->timeouts)) == 0);
    CHECK_EQ(got->leased_at_ms, given->leased_at_ms);
    CHECK_EQ(got->deadline_ms, given->deadline_ms);
    CHECK_EQ(got->lease_ms, given->lease_ms);
    CHECK_EQ(got->is_paused, given->is_paused);
    CHECK_EQ(got->is_cancel_requested, given->is_cancel_requested);
}

// The answer of that verb, written and read; the caller destroys it.
static struct wf_request *
send_reply(weft_verb verb, const weft_reply *reply)
{
    struct wf_request *request = wf_request_create();
    struct wf_wire_message message;
    struct wf_buf frame = {0};

    wf_codec_reply_encode(verb, reply, &frame);
    message = rig_read(&frame);
    CHECK_EQ(message.number, 7);
    CHECK_OK(wf_codec_reply_decode(verb, &message, request));
    wf_buf_fini(&frame);
    return request;
}

TEST(codec_reply, every_verbs_answer_comes_back)
{
    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        weft_verb verb = (weft_verb)i;
        bool is_watch = verb == WEFT_VERB_WATCH;
        weft_reply given = rig_reply;
        struct wf_request *request;
        const weft_reply *got;

        if (is_watch) {
            given.data = rig_reply.lease->headers; // pairs
            given.after = 77;
        }
        request = send_reply(verb, &given);
        got = &request->reply;

        CHECK_ERR(got->err, WEFT_OK);
        CHECK_EQ(got->is_created, 1);
        CHECK_BYTES(got->data, given.data);
        CHECK_EQ(got->after, given.after);
        CHECK_EQ(got->items_count, verb == WEFT_VERB_DESCRIBE || is_watch ? 1
                                   : verb == WEFT_VERB_LIST               ? 2
                                                                          : 0);
        for (size_t k = 0; k < got->items_count; k++) {
            same_instance(&got->items[k], &rig_reply.items[k]);
        }
        if (verb == WEFT_VERB_LIST) {
            CHECK_STR(got->cursor, rig_reply.cursor);
        }
        CHECK_EQ(got->activities_count, verb == WEFT_VERB_ACTIVITIES ? 2 : 0);
        for (size_t k = 0; k < got->activities_count; k++) {
            same_activity(&got->activities[k], &rig_reply.activities[k]);
        }
        CHECK_EQ(got->lease != NULL,
                 verb == WEFT_VERB_LEASE || verb == WEFT_VERB_RENEW);
        if (got->lease != NULL) {
            same_lease(got->lease, rig_reply.lease);
        }
        CHECK_EQ(got->groups_count, verb == WEFT_VERB_COUNT_MATCHING ? 3 : 0);
        CHECK_EQ(got->count, verb == WEFT_VERB_COUNT_MATCHING ? 9 : 0);
        for (size_t k = 0; k < got->groups_count; k++) {
            rig_same_value(&got->groups[k].value, &rig_reply.groups[k].value);
            CHECK_EQ(got->groups[k].count, rig_reply.groups[k].count);
        }
        wf_request_destroy(request);
    }
}

TEST(codec_reply, an_empty_answer_comes_back)
{
    static const weft_description item = {.kind = "order", .id = "17"};
    weft_reply reply = {.detail = "", .number = 7};
    static const weft_lease lease = {.activity = "charge"};

    reply.lease = &lease;
    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        struct wf_request *request;

        reply.items = &item;
        reply.items_count = i == WEFT_VERB_DESCRIBE || i == WEFT_VERB_WATCH;
        request = send_reply((weft_verb)i, &reply);
        CHECK_ERR(request->reply.err, WEFT_OK);
        CHECK_EQ(request->reply.items_count, reply.items_count);
        CHECK_EQ(request->reply.data.len, 0);
        CHECK(request->reply.cursor == NULL);
        wf_request_destroy(request);
    }
}

TEST(codec_reply, an_error_comes_back_with_its_failure_and_causes)
{
    struct wf_request *request = send_reply(WEFT_VERB_RESULT, &rig_failed);
    const weft_failure *got = &request->reply.failure;

    CHECK_ERR(request->reply.err, WEFT_EFAILED);
    CHECK_STR(request->reply.detail, rig_failed.detail);
    CHECK_EQ(request->reply.retry_after_ms, 250);
    for (const weft_failure *given = &rig_failed.failure; given != NULL;
         given = given->cause) {
        CHECK(got != NULL);
        CHECK_STR(got->name, given->name);
        CHECK_STR(got->message, given->message);
        CHECK_BYTES(got->details, given->details);
        CHECK_STR(got->source, given->source == NULL ? "" : given->source);
        got = got->cause;
    }
    CHECK(got == NULL);
    wf_request_destroy(request);
}

TEST(codec_reply, every_code_comes_back)
{
    static const weft_err all[] = {
#define X(name, value, class, text) WEFT_##name,
        WEFT_ERROR_TABLE(X)
#undef X
    };

    for (size_t i = 1; i < sizeof(all) / sizeof(all[0]); i++) {
        weft_reply reply = {.err = all[i], .detail = "", .number = 7};
        struct wf_request *request = send_reply(WEFT_VERB_SIGNAL, &reply);

        CHECK_ERR(request->reply.err, all[i]);
        CHECK_STR(request->reply.detail, weft_err_text(all[i]));
        wf_request_destroy(request);
    }
}

// The answer that a frame written here by hand is.
static weft_err
read_answer(weft_verb verb, const char *bytes, size_t len,
            struct wf_request *request)
{
    struct wf_wire_message message;

    CHECK_OK(wf_wire_read(weft_bytes_of(bytes, len), &message));
    return wf_codec_reply_decode(verb, &message, request);
}

#define ANSWER(verb, bytes, request)                                           \
    read_answer(WEFT_VERB_##verb, "" bytes, sizeof("" bytes) - 1, request)

TEST(codec_reply, a_code_of_a_newer_node_is_one_of_its_class)
{
    struct wf_request *request = wf_request_create();

    CHECK_OK(ANSWER(SIGNAL,
                    "\x93\xa5"
                    "error\x07\x83\xa4"
                    "code\xa9WEFT_ENEW\xa5"
                    "class\xa5RETRY\xa4text\xa3new",
                    request));
    CHECK_ERR(request->reply.err, WEFT_EBUSY);
    CHECK_STR(request->reply.detail, "WEFT_ENEW: new");
    CHECK_OK(ANSWER(SIGNAL,
                    "\x93\xa5"
                    "error\x07\x80",
                    request));
    CHECK_ERR(request->reply.err, WEFT_EFORMAT);
    // WEFT_OK is no error.
    CHECK_OK(ANSWER(SIGNAL,
                    "\x93\xa5"
                    "error\x07\x81\xa4"
                    "code\xa7WEFT_OK",
                    request));
    CHECK_ERR(request->reply.err, WEFT_EFORMAT);
    wf_request_destroy(request);
}

TEST(codec_reply, what_is_new_in_an_answer_is_skipped)
{
    struct wf_request *request = wf_request_create();

    CHECK_OK(ANSWER(DESCRIBE,
                    "\x93\xa2ok\x07\x82\xa3new\x91\xc0\xa8instance\x83"
                    "\xa6status\xa8sleeping\xa3new\x01\xa2id\xa2"
                    "17",
                    request));
    CHECK_STR(request->reply.items[0].id, "17");
    CHECK_STR(request->reply.items[0].kind, "");
    CHECK_EQ(request->reply.items[0].status, WEFT_STATUS_NONE);
    wf_request_destroy(request);
}

TEST(codec_reply, what_is_no_answer_leaves_none)
{
    struct wf_request *request = wf_request_create();

    CHECK_ERR(ANSWER(DESCRIBE, "\x93\xa2ok\x07\x80", request), WEFT_ECORRUPT);
    CHECK_STR(weft_err_detail(),
              "the answer to describe: instance: is missing");
    CHECK_ERR(
        ANSWER(LIST, "\x93\xa2ok\x07\x81\xa9instances\x92\x80\x01", request),
        WEFT_ECORRUPT);
    CHECK_STR(weft_err_detail(),
              "the answer to list: instances[1]: is an integer, want a map");
    CHECK_EQ(request->reply.items_count, 0);
    CHECK_ERR(ANSWER(COUNT_MATCHING,
                     "\x93\xa2ok\x07\x81\xa6groups\x92\x92\x91\xa4none\x05\x01",
                     request),
              WEFT_ECORRUPT);
    CHECK_EQ(request->reply.groups_count, 0);
    CHECK_ERR(ANSWER(SIGNAL, "\x93\xa3who\x07\x80", request), WEFT_ECORRUPT);
    CHECK_STR(weft_err_detail(), "the answer to signal: this is no ok");
    wf_request_destroy(request);
}

TEST(codec_reply, an_answer_larger_than_a_message_is_an_error)
{
    weft_reply reply = {.detail = "", .number = 7};
    struct wf_buf capsule = {0};
    struct wf_request *request;

    wf_buf_reserve(&capsule, WF_WIRE_MESSAGE_BYTES_MAX);
    memset(capsule.data, 0, WF_WIRE_MESSAGE_BYTES_MAX);
    capsule.len = WF_WIRE_MESSAGE_BYTES_MAX;
    reply.data = wf_buf_bytes(&capsule);
    request = send_reply(WEFT_VERB_EXPORT, &reply);
    CHECK_ERR(request->reply.err, WEFT_ETOOBIG);
    wf_request_destroy(request);
    wf_buf_fini(&capsule);
}

static void
try_reply(weft_verb verb, const struct wf_buf *frame, size_t *decoded)
{
    struct wf_request *request;
    struct wf_wire_message message;

    if (wf_wire_read(wf_buf_bytes(frame), &message) != WEFT_OK) {
        return;
    }
    request = wf_request_create();
    if (wf_codec_reply_decode(verb, &message, request) == WEFT_OK) {
        (*decoded)++;
    } else {
        CHECK_EQ(request->reply.items_count, 0);
    }
    wf_request_destroy(request);
}

TEST(codec_reply, thousands_of_mutations_do_no_harm)
{
    struct wf_random random;
    struct wf_buf frame = {0};
    size_t decoded = 0;

    wf_random_init(&random, 4);
    for (int i = 0; i < 30000; i++) {
        weft_verb verb = (weft_verb)wf_random_below(&random, WEFT_VERB_COUNT);

        wf_buf_reset(&frame);
        wf_codec_reply_encode(verb, i % 3 > 0 ? &rig_reply : &rig_failed,
                              &frame);
        rig_mutate(&random, &frame);
        try_reply(verb, &frame, &decoded);
    }
    CHECK(decoded > 4000);
    wf_buf_fini(&frame);
}
