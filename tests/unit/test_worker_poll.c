// SPDX-License-Identifier: Apache-2.0
//
// test_worker_poll.c - a worker's polls, whose node is played by the test: what
// it makes of answers that are late, wrong or missing.
//
// The worker has its own thread, so what it posts is waited for.

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "port_rig.h"
#include "runtime/request.h"
#include "support/test.h"
#include "weft/definitions.h"
#include "weft/payload.h"
#include "weft/worker.h"

static struct rig {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct wf_list posted; // requests that wait for an answer
    bool is_open;          // the poll that tries the queue was answered
    weft_err open_err;     // what that was answered with
    weft_err prepare_err;  // of a request that is made
    uint32_t prepared;
    weft_definitions *definitions;
    weft_client *client;
    weft_worker *worker;
} rig = {.lock = PTHREAD_MUTEX_INITIALIZER,
         .changed = PTHREAD_COND_INITIALIZER};

// The node. -------------------------------------------------------------------

static weft_err
prepare(void *self, const char *name_space, const weft_request *given,
        struct wf_request *made)
{
    weft_err err;

    (void)self;
    (void)name_space;
    (void)given;
    (void)made;
    pthread_mutex_lock(&rig.lock);
    rig.prepared++;
    err = rig.prepare_err;
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
    return err;
}

static void
post(void *self, struct wf_request *request)
{
    bool is_first;

    (void)self;
    pthread_mutex_lock(&rig.lock);
    is_first = !rig.is_open;
    rig.is_open = true;
    if (!is_first) {
        wf_list_push_back(&rig.posted, &request->wait);
        pthread_cond_broadcast(&rig.changed);
    }
    pthread_mutex_unlock(&rig.lock);
    if (is_first) {
        wf_request_answer(request, rig.open_err, "as the test says");
        request->done(request);
    }
}

// Wait for the next request; the caller answers it.
static struct wf_request *
take(weft_verb verb)
{
    struct wf_list_node *node;
    struct wf_request *request;

    pthread_mutex_lock(&rig.lock);
    while ((node = wf_list_pop_front(&rig.posted)) == NULL) {
        pthread_cond_wait(&rig.changed, &rig.lock);
    }
    pthread_mutex_unlock(&rig.lock);
    request = WF_CONTAINER(node, struct wf_request, wait);
    CHECK_EQ(request->verb, verb);
    return request;
}

static void
answer(struct wf_request *request, weft_err err, const char *json)
{
    weft_payload *data = NULL;

    wf_request_answer(request, err, "");
    if (json != NULL) {
        CHECK_OK(weft_payload_create(&data));
        CHECK_OK(weft_payload_from_json(data, json, strlen(json)));
        wf_request_answer_data(request, weft_payload_bytes(data));
        weft_payload_destroy(data);
    }
    request->done(request);
}

static uint64_t
number_in(const struct wf_request *poll, const char *path)
{
    uint64_t number = 0;

    CHECK_OK(weft_payload_get_uint(poll->data, path, &number));
    return number;
}

static bool
is_bye(const struct wf_request *poll)
{
    int bye = 0;

    CHECK_OK(weft_payload_get_bool(poll->data, "bye", &bye));
    return bye != 0;
}

// The worker. -----------------------------------------------------------------

static weft_err
work(weft_activity *activity, weft_bytes input)
{
    return weft_activity_return(activity, input);
}

static void
rig_begin(void)
{
    static struct wf_client_port_ops ops;
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;
    weft_client_options options;

    ops = port_rig_ops(prepare, post);
    wf_list_init(&rig.posted);
    rig.is_open = false;
    rig.open_err = WEFT_OK;
    rig.prepare_err = WEFT_OK;
    rig.prepared = 0;
    rig.worker = NULL;
    CHECK_OK(weft_definitions_create(&rig.definitions));
    def.name = "work";
    def.run = work;
    CHECK_OK(weft_definitions_add_activity(rig.definitions, &def));
    CHECK_OK(wf_client_options_read(NULL, &options));
    rig.client = wf_client_create(&(struct wf_client_setup){
        .options = &options, .first_number = 1, .port = {.ops = &ops}});
}

static weft_err
rig_open(const char *identity, uint32_t lease_ms)
{
    weft_worker_options options = WEFT_WORKER_OPTIONS_INIT;

    options.task_queue = "q";
    options.definitions = rig.definitions;
    options.identity = identity;
    options.lease_ms = lease_ms;
    options.parallel = 3;
    return weft_worker_open(rig.client, &options, &rig.worker);
}

static void
rig_end(void)
{
    CHECK_EQ(rig.posted.count, 0);
    weft_client_close(rig.client);
    weft_definitions_destroy(rig.definitions);
}

static void *
close_worker(void *arg)
{
    weft_worker_close(arg);
    return NULL;
}

// It says goodbye, and closes.
static void
rig_close(void)
{
    struct wf_request *poll;
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, close_worker, rig.worker), 0);
    while (!is_bye(poll = take(WEFT_VERB_ASK))) {
        answer(poll, WEFT_OK, "{\"offers\":[]}");
    }
    answer(poll, WEFT_OK, NULL);
    pthread_join(thread, NULL);
    rig_end();
}

TEST(worker_poll, its_options_are_checked_before_anything_is_asked)
{
    char longest[65];

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    rig_begin();
    CHECK_ERR(rig_open(longest, 1000), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "identity") != NULL);
    CHECK_ERR(rig_open("", 1000), WEFT_EINVAL);
    CHECK_ERR(rig_open("i", 600001), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "lease_ms is not 1000 to 600000") != NULL);
    CHECK_EQ(rig.prepared, 0);
    rig_end();
}

TEST(worker_poll, a_queue_that_cannot_be_asked_is_told_at_open)
{
    rig_begin();
    rig.open_err = WEFT_ENOTFOUND;
    CHECK_ERR(rig_open(NULL, 0), WEFT_ENOTFOUND);
    CHECK(strstr(weft_err_detail(), "as the test says") != NULL);
    CHECK(rig.worker == NULL);
    rig.prepare_err = WEFT_EDENIED;
    CHECK_ERR(rig_open(NULL, 0), WEFT_EDENIED);
    rig.prepare_err = WEFT_OK;
    rig.is_open = false;
    rig.open_err = WEFT_EFINISHED; // it begins anew with the next poll
    CHECK_OK(rig_open("somebody", 600000));
    rig_close();
}

// Offers that say nothing are passed over; those that nobody can lease are
// confirmed, so that the queue is rid of them.
TEST(worker_poll, offers_that_make_no_sense_are_passed_over)
{
    struct wf_request *poll;
    size_t count;

    rig_begin();
    CHECK_OK(rig_open(NULL, 0));
    poll = take(WEFT_VERB_ASK);
    CHECK_EQ(number_in(poll, "credit"), 3);
    answer(poll, WEFT_OK,
           "{\"offers\":[{}, {\"id\":1}, {\"token\":\"t\"}, "
           "{\"id\":\"two\",\"token\":\"t\"}, {\"id\":3,\"token\":\"t\"}]}");
    poll = take(WEFT_VERB_ASK);
    CHECK_OK(weft_payload_get_count(poll->data, "taken", &count));
    CHECK_EQ(count, 1);
    CHECK_EQ(number_in(poll, "taken[0]"), 3);
    answer(poll, WEFT_OK, "{\"what\":1}");
    poll = take(WEFT_VERB_ASK);
    CHECK_OK(weft_payload_get_count(poll->data, "taken", &count));
    CHECK_EQ(count, 0);
    answer(poll, WEFT_OK, NULL);
    rig_close();
}

static uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Not at once: the node has told it that it cannot.
TEST(worker_poll, one_that_fails_is_repeated_a_little_later)
{
    uint64_t before_ms;

    rig_begin();
    CHECK_OK(rig_open(NULL, 0));
    before_ms = now_ms();
    answer(take(WEFT_VERB_ASK), WEFT_EBUSY, NULL);
    pthread_mutex_lock(&rig.lock);
    rig.prepare_err = WEFT_EBUSY; // nor can the next one even be made
    while (rig.prepared < 3) {
        pthread_cond_wait(&rig.changed, &rig.lock);
    }
    rig.prepare_err = WEFT_OK;
    pthread_mutex_unlock(&rig.lock);
    answer(take(WEFT_VERB_ASK), WEFT_OK, NULL);
    CHECK(now_ms() - before_ms >= 990); // two pauses
    rig_close();
}

// What was taken is said by the first poll that goes out.
TEST(worker_poll, one_that_cannot_be_made_forgets_nothing)
{
    struct wf_request *poll;
    size_t count;

    rig_begin();
    CHECK_OK(rig_open(NULL, 0));
    poll = take(WEFT_VERB_ASK);
    pthread_mutex_lock(&rig.lock);
    rig.prepare_err = WEFT_EBUSY;
    pthread_mutex_unlock(&rig.lock);
    answer(poll, WEFT_OK, "{\"offers\":[{\"id\":3,\"token\":\"t\"}]}");
    pthread_mutex_lock(&rig.lock);
    while (rig.prepared < 3) {
        pthread_cond_wait(&rig.changed, &rig.lock);
    }
    rig.prepare_err = WEFT_OK;
    pthread_mutex_unlock(&rig.lock);
    poll = take(WEFT_VERB_ASK);
    CHECK_OK(weft_payload_get_count(poll->data, "taken", &count));
    CHECK_EQ(count, 1);
    CHECK_EQ(number_in(poll, "taken[0]"), 3);
    answer(poll, WEFT_OK, NULL);
    rig_close();
}

// The queue may have handed it something, which others are to get.
TEST(worker_poll, a_goodbye_that_is_refused_is_said_again)
{
    struct wf_request *poll;
    struct wf_request *bye;

    rig_begin();
    CHECK_OK(rig_open(NULL, 0));
    poll = take(WEFT_VERB_ASK);
    CHECK_ERR(weft_worker_drain(rig.worker, 0), WEFT_ETIMEDOUT);
    bye = take(WEFT_VERB_ASK);
    CHECK(is_bye(bye));
    answer(bye, WEFT_EFULL, NULL);
    CHECK_ERR(weft_worker_drain(rig.worker, 100), WEFT_ETIMEDOUT);
    bye = take(WEFT_VERB_ASK);
    CHECK(is_bye(bye));
    answer(poll, WEFT_OK, NULL);
    answer(bye, WEFT_OK, NULL);
    CHECK_OK(weft_worker_drain(rig.worker, 60000));
    weft_worker_close(rig.worker);
    rig_end();
}

// Whoever is closed waits a second for its goodbye, and no longer. What is
// answered afterwards is nobody's.
TEST(worker_poll, one_that_nobody_answers_is_closed_all_the_same)
{
    char json[WEFT_TOKEN_CHARS_MAX + 64];
    char token[WEFT_TOKEN_CHARS_MAX];
    struct wf_token attempt = {.run = 1, .attempt = 1};
    struct wf_request *requests[2];
    struct wf_key key;

    rig_begin();
    CHECK_OK(rig_open(NULL, 0));
    CHECK_OK(wf_key_make("default", "k", "1", &key));
    wf_token_encode(&key, &attempt, token);
    wf_key_fini(&key);
    (void)snprintf(json, sizeof(json),
                   "{\"offers\":[{\"id\":1,\"token\":\"%s\"}]}", token);
    answer(take(WEFT_VERB_ASK), WEFT_OK, json);
    requests[0] = take(WEFT_VERB_LEASE);
    weft_worker_close(rig.worker);
    CHECK_EQ(rig.posted.count, 0); // no goodbye while it may get that lease
    answer(requests[0], WEFT_OK, NULL);
    CHECK_EQ(weft_client_dispatch(rig.client, 10), 1);

    rig.is_open = false;
    CHECK_OK(rig_open(NULL, 0));
    requests[0] = take(WEFT_VERB_ASK);
    weft_worker_close(rig.worker);
    requests[1] = take(WEFT_VERB_ASK);
    CHECK(is_bye(requests[1]));
    answer(requests[0], WEFT_OK, NULL);
    answer(requests[1], WEFT_OK, NULL);
    CHECK_EQ(weft_client_dispatch(rig.client, 10), 2);
    rig_end();
}
