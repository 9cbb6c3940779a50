// SPDX-License-Identifier: Apache-2.0
//
// test_forward_codec.c - requests as a client makes them, to bytes and back.

#include "cluster/forward_codec.h"

#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "codec_rig.h"
#include "port_rig.h"
#include "runtime/actor.h"
#include "runtime/capsule.h"
#include "runtime/filter.h"
#include "runtime/request.h"
#include "support/test.h"

enum { PARTITIONS = 16 };

// A client whose port keeps what it is given.
static struct wf_request *posted;

static weft_err
prepare(void *self, const char *name_space, const weft_request *given,
        struct wf_request *made)
{
    (void)self;
    (void)name_space;
    (void)given;
    made->partition = wf_request_is_paged(made)
                          ? 3
                          : wf_key_partition(&made->key, PARTITIONS);
    return WEFT_OK;
}

static void
post(void *self, struct wf_request *request)
{
    (void)self;
    posted = request;
}

static bool
wait(void *self, bool (*is_over)(void *arg), void *arg, uint32_t timeout_ms)
{
    (void)self;
    (void)is_over;
    (void)arg;
    (void)timeout_ms;
    return true;
}

static weft_client *
make_client(void)
{
    static struct wf_client_port_ops ops;
    weft_client_options options;

    ops = port_rig_ops(prepare, post);
    ops.wait = wait;
    CHECK_OK(wf_client_options_read(NULL, &options));
    memcpy(options.client_id, "0123456789abcdef", 16);
    return wf_client_create(&(struct wf_client_setup){
        .options = &options,
        .first_number = 100,
        .port = {.ops = &ops},
    });
}

// One instance as a capsule, of another id than the rig's.
static void
put_capsule(struct wf_buf *out)
{
    struct wf_key key;
    struct wf_actor *actor;

    CHECK_OK(wf_key_make("default", "order", "other", &key));
    actor = wf_actor_create(&key, wf_key_hash(&key));
    actor->residency = WF_RESIDENCY_LOADED;
    CHECK_OK(wf_capsule_encode(actor, 5, out));
    wf_actor_destroy(actor);
    wf_key_fini(&key);
}

static void
on_reply(void *ctx, const weft_reply *reply)
{
    (void)ctx;
    (void)reply;
}

// What travels when a caller asks with every field that there is.
static struct wf_request *
make_request(weft_client *client, weft_verb verb)
{
    static const char *const names[] = {"declined", NULL};
    weft_request given = rig_request(verb);
    weft_start_options start = *given.start;
    struct wf_buf capsule = {0};

    start.retry.non_retryable = names;
    given.start = &start;
    given.number = 0;
    given.cursor = NULL;
    if (verb == WEFT_VERB_IMPORT || verb == WEFT_VERB_FORK) {
        put_capsule(&capsule);
        given.data = wf_buf_bytes(&capsule);
    }
    if (verb == WEFT_VERB_COMPLETE || verb == WEFT_VERB_FAIL ||
        verb == WEFT_VERB_HEARTBEAT || verb == WEFT_VERB_LEASE ||
        verb == WEFT_VERB_RENEW || verb == WEFT_VERB_RELEASE ||
        verb == WEFT_VERB_DEFER) {
        static char token[WEFT_TOKEN_CHARS_MAX];
        struct wf_key key;

        CHECK_OK(wf_key_make("default", "order", "17", &key));
        wf_token_encode(&key, &(struct wf_token){4, 5, 6}, token);
        wf_key_fini(&key);
        given.token = token;
    }
    posted = NULL;
    CHECK_OK(weft_client_submit(client, &given, on_reply, NULL, NULL));
    CHECK(posted != NULL);
    wf_buf_fini(&capsule);
    return posted;
}

static void
encode(const struct wf_request *request, struct wf_buf *out)
{
    wf_buf_reset(out);
    wf_forward_codec_request_encode(request, out);
}

static weft_err
decode(const struct wf_buf *bytes, const struct wf_request *like,
       struct wf_request **out)
{
    return wf_forward_codec_request_decode(wf_buf_bytes(bytes), like->data,
                                           like->partition, PARTITIONS, out);
}

static void
check_same(const struct wf_request *got, const struct wf_request *want)
{
    CHECK_EQ(got->verb, want->verb);
    CHECK_EQ(got->partition, want->partition);
    CHECK_EQ(got->number, want->number);
    CHECK_EQ(got->confirmed, want->confirmed);
    CHECK_EQ(got->is_repeat, want->is_repeat);
    CHECK_BYTES(weft_bytes_of(got->client, 16),
                weft_bytes_of(want->client, 16));
    CHECK(wf_request_is_paged(want) || wf_key_equal(&got->key, &want->key));
    CHECK_STR(got->name, want->name);
    CHECK_BYTES(got->data, want->data);
    CHECK_BYTES(got->input, want->input);
    CHECK_BYTES(got->options, want->options);
    CHECK_BYTES(got->attributes, want->attributes);
    CHECK_STR(got->update_id, want->update_id);
    CHECK_EQ(got->is_told_early, want->is_told_early);
    CHECK_EQ(got->token.run, want->token.run);
    CHECK_EQ(got->token.command, want->token.command);
    CHECK_EQ(got->token.attempt, want->token.attempt);
    CHECK_STR(got->error_name, want->error_name);
    CHECK_STR(got->error_message, want->error_message);
    CHECK_EQ(got->retry_after_ms, want->retry_after_ms);
    CHECK_EQ(got->is_for_good, want->is_for_good);
    CHECK_STR(got->worker, want->worker);
    CHECK_EQ(got->lease_ms, want->lease_ms);
    CHECK_EQ(got->after, want->after);
    CHECK_STR(got->who, want->who);
    CHECK_STR(got->why, want->why);
    CHECK_EQ(got->call, want->call);
    CHECK_EQ(got->version, want->version);
    CHECK_EQ(got->point_type, want->point_type);
    CHECK_EQ(got->point_entry, want->point_entry);
    CHECK_EQ(got->is_terminating, want->is_terminating);
    CHECK_STR(got->list_namespace, want->list_namespace);
    CHECK_STR(got->list_kind, want->list_kind);
    CHECK_EQ(got->list_status, want->list_status);
    CHECK_EQ(got->list_limit, want->list_limit);
    CHECK_EQ(got->has_group, want->has_group);
    CHECK_EQ(got->list_group.id, want->list_group.id);
    CHECK_STR(got->list_group.name, want->list_group.name);
    CHECK_EQ(got->list_filter == NULL, want->list_filter == NULL);
    if (want->list_filter != NULL) {
        CHECK_STR(wf_filter_text(got->list_filter),
                  wf_filter_text(want->list_filter));
    }
}

TEST(forward_codec, what_a_client_makes_arrives_as_it_was)
{
    weft_client *client = make_client();
    struct wf_buf bytes = {0};
    struct wf_buf again = {0};

    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        struct wf_request *request = make_request(client, (weft_verb)verb);
        struct wf_request *got;

        request->is_repeat = verb % 2 == 0;
        encode(request, &bytes);
        CHECK_OK(decode(&bytes, request, &got));
        check_same(got, request);
        encode(got, &again);
        CHECK_BYTES(wf_buf_bytes(&again), wf_buf_bytes(&bytes));
        wf_request_destroy(got);
        request->done(request);
    }
    wf_buf_fini(&bytes);
    wf_buf_fini(&again);
    weft_client_close(client);
}

TEST(forward_codec, a_page_says_where_it_goes_on_and_by_what_it_groups)
{
    weft_client *client = make_client();
    struct wf_request *request = make_request(client, WEFT_VERB_COUNT_MATCHING);
    struct wf_request *got;
    struct wf_buf bytes = {0};

    request->list_after = wf_bytes_copy(weft_text("here"));
    request->has_group = true;
    request->list_group = (struct wf_filter_field){WF_FILTER_ATTRIBUTE, "`a\\"};
    encode(request, &bytes);
    CHECK_OK(decode(&bytes, request, &got));
    CHECK_BYTES(got->list_after, weft_text("here"));
    CHECK_EQ(got->list_group.id, WF_FILTER_ATTRIBUTE);
    CHECK_STR(got->list_group.name, "`a\\");
    wf_request_destroy(got);
    request->list_group = (struct wf_filter_field){WF_FILTER_STATUS, "status"};
    encode(request, &bytes);
    CHECK_OK(decode(&bytes, request, &got));
    CHECK_EQ(got->list_group.id, WF_FILTER_STATUS);
    wf_request_destroy(got);
    request->done(request);
    wf_buf_fini(&bytes);
    weft_client_close(client);
}

// A partition takes what it gets for good, so it gets nothing of that.
TEST(forward_codec, what_no_client_makes_is_refused)
{
    weft_client *client = make_client();
    struct wf_request *request = make_request(client, WEFT_VERB_START);
    struct wf_buf bytes = {0};
    struct wf_request *got;
    weft_bytes kept = request->options;

    encode(request, &bytes);
    CHECK_ERR(wf_forward_codec_request_decode(
                  wf_buf_bytes(&bytes), weft_nothing(),
                  (request->partition + 1) % PARTITIONS, PARTITIONS, &got),
              WEFT_EINVAL);
    CHECK_EQ(got, NULL);
    CHECK_ERR(wf_forward_codec_request_decode(wf_buf_bytes(&bytes),
                                              weft_nothing(), PARTITIONS,
                                              PARTITIONS, &got),
              WEFT_EINVAL);

    request->options = weft_text("no options at all");
    encode(request, &bytes);
    CHECK_ERR(decode(&bytes, request, &got), WEFT_EINVAL);
    request->options = weft_text("\x01\x01\x09"); // reuse 9
    encode(request, &bytes);
    CHECK_ERR(decode(&bytes, request, &got), WEFT_EINVAL);
    request->options = kept;

    kept = request->attributes;
    request->attributes = weft_text("junk");
    encode(request, &bytes);
    CHECK_ERR(decode(&bytes, request, &got), WEFT_EINVAL);
    request->attributes = kept;
    request->done(request);

    request = make_request(client, WEFT_VERB_IMPORT);
    encode(request, &bytes);
    CHECK_ERR(wf_forward_codec_request_decode(
                  wf_buf_bytes(&bytes), weft_text("no image"),
                  request->partition, PARTITIONS, &got),
              WEFT_EINVAL);
    request->done(request);

    request = make_request(client, WEFT_VERB_LIST);
    request->list_limit = 0;
    encode(request, &bytes);
    CHECK_ERR(decode(&bytes, request, &got), WEFT_EINVAL);
    request->done(request);
    wf_buf_fini(&bytes);
    weft_client_close(client);
}

TEST(forward_codec, changed_bytes_never_crash_and_what_decodes_encodes)
{
    weft_client *client = make_client();
    struct wf_random random;
    struct wf_buf bytes = {0};
    struct wf_buf changed = {0};
    struct wf_request *got;

    wf_random_init(&random, 815);
    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        struct wf_request *request = make_request(client, (weft_verb)verb);

        encode(request, &bytes);
        for (int i = 0; i < 300; i++) {
            wf_buf_reset(&changed);
            wf_buf_put(&changed, bytes.data, bytes.len);
            rig_mutate(&random, &changed);
            if (decode(&changed, request, &got) == WEFT_OK) {
                encode(got, &changed);
                wf_request_destroy(got);
            }
        }
        request->done(request);
    }
    wf_buf_fini(&bytes);
    wf_buf_fini(&changed);
    weft_client_close(client);
}

// Answers. --------------------------------------------------------------------

static void
carry(struct wf_request *from, struct wf_request *to)
{
    struct wf_buf message = {0};
    weft_bytes data;
    weft_bytes position;

    wf_forward_codec_answer_encode(from, &message, &data, &position);
    CHECK_OK(wf_forward_codec_answer_decode(wf_buf_bytes(&message), data,
                                            position, to));
    wf_buf_fini(&message);
}

static struct wf_request *
make_answer(weft_verb verb)
{
    struct wf_request *request = wf_request_create();

    request->verb = verb;
    return request;
}

TEST(forward_codec, data_and_failure_come_back)
{
    struct wf_request *from = make_answer(WEFT_VERB_RESULT);
    struct wf_request *to = make_answer(WEFT_VERB_RESULT);
    const weft_failure cause = {
        .name = "io", .message = "no disk", .source = "disk"};
    const weft_failure failure = {.name = "card",
                                  .message = "declined",
                                  .details = {"\xc1", 1},
                                  .source = "",
                                  .cause = &cause};

    wf_request_answer(from, WEFT_EFAILED, "it failed");
    wf_request_answer_failure(from, &failure);
    wf_request_answer_data(from, weft_bytes_of("\0\xff", 2));
    carry(from, to);
    CHECK_ERR(to->reply.err, WEFT_EFAILED);
    CHECK_STR(to->reply.detail, "it failed");
    CHECK_STR(to->reply.failure.name, "card");
    CHECK_BYTES(to->reply.failure.details, weft_bytes_of("\xc1", 1));
    CHECK_STR(to->reply.failure.cause->message, "no disk");
    CHECK_BYTES(to->reply.data, weft_bytes_of("\0\xff", 2));
    wf_request_destroy(from);
    wf_request_destroy(to);
}

TEST(forward_codec, a_page_comes_back_with_where_it_ended)
{
    struct wf_request *from = make_answer(WEFT_VERB_LIST);
    struct wf_request *to = make_answer(WEFT_VERB_LIST);

    wf_request_answer(from, WEFT_OK, "");
    for (int i = 0; i < 3; i++) {
        wf_request_answer_item(from, &rig_reply.items[0]);
    }
    from->list_next = wf_bytes_copy(weft_text("there"));
    carry(from, to);
    CHECK_EQ(to->reply.items_count, 3);
    CHECK_STR(to->reply.items[2].id, rig_reply.items[0].id);
    CHECK_BYTES(to->list_next, weft_text("there"));
    wf_request_destroy(from);
    wf_request_destroy(to);
}

TEST(forward_codec, a_count_comes_back_in_its_groups)
{
    struct wf_request *from = make_answer(WEFT_VERB_COUNT_MATCHING);
    struct wf_request *to = make_answer(WEFT_VERB_COUNT_MATCHING);
    struct wf_filter_value value = {.type = WEFT_ATTRIBUTE_KEYWORD,
                                    .text = {"eu", 2}};

    wf_request_answer(from, WEFT_OK, "");
    CHECK_OK(wf_groups_add(&from->groups, &value));
    CHECK_OK(wf_groups_add(&from->groups, &value));
    CHECK_OK(wf_groups_add(&from->groups, NULL));
    carry(from, to);
    CHECK_EQ(to->groups.count, 3);
    CHECK_EQ(to->groups.groups_count, 1);
    CHECK_EQ(to->groups.groups[0].count, 2);
    CHECK_STR(to->groups.groups[0].value.value.text, "eu");
    wf_request_destroy(from);
    wf_request_destroy(to);
}

TEST(forward_codec, what_is_no_answer_is_an_error)
{
    struct wf_request *to = make_answer(WEFT_VERB_DESCRIBE);

    CHECK_ERR(wf_forward_codec_answer_decode(weft_text("junk"), weft_nothing(),
                                             weft_nothing(), to),
              WEFT_ECORRUPT);
    wf_request_destroy(to);
}
