// SPDX-License-Identifier: Apache-2.0
//
// s3_client.c - requests to S3. The only file that names libcurl.
//
// libcurl signs (CURLOPT_AWS_SIGV4). 7.88.1, which is Debian 12's, signs what
// it is given as it is: a query is not sorted or escaped anew, so it comes here
// as it must be; of a body it signs that it is not signed, unless told the hash
// by x-amz-content-sha256, so each request says that; it sorts whole lines and
// not names of headers, so none here begins with another's name; and it signs
// what merely turns a header off, so none is. An address in a path would be
// tidied up after it was signed: keys have nothing to tidy (s3_place.c).
//
// Paths begin with the bucket, which all servers understand and which
// certificates hold for. A redirection is an error: it would be signed for
// another host.
//
// Threads: as s3_client.h says. A connection that the server has closed must
// not end the process, so SIGPIPE is held back meanwhile.

#include "storage/s3_client.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "storage/file.h"
#include "storage/s3_answer.h"

#define BODY_BYTES_MAX ((size_t)8 << 20) // a page of a list has some 500 KiB
#define BACKOFF_MS_MAX 10000U
#define POLL_MS 1000U

#define EMPTY_SHA256                                                           \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct wf_s3_client {
    const struct wf_s3_place *place;
    struct wf_s3_limits limits;
    struct wf_clock clock;
    struct wf_random random;
    CURL *easy; // keeps its connection
    CURLM *multi;
    atomic_bool is_stopped;
    char said[CURL_ERROR_SIZE];

    // The request under way.
    const struct wf_s3_request *request;
    struct wf_s3_answer *answer;
    uint64_t sent;
    uint64_t moved_ns; // when something came or went
    bool has_begun;    // the sink
    weft_err own_err;  // of the file or the sink
    bool is_silent;
};

// Life. -----------------------------------------------------------------------

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_ready;

static void
prepare(void)
{
    is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static uint32_t
or_default(uint32_t given, uint32_t value)
{
    return given != 0 ? given : value;
}

weft_err
wf_s3_client_open(const struct wf_s3_place *place,
                  const struct wf_s3_limits *limits,
                  struct wf_s3_client **out_client)
{
    struct wf_s3_client *client;

    (void)pthread_once(&once, prepare);
    if (!is_ready) {
        return wf_error(WEFT_EIO, "S3: libcurl does not begin");
    }
    client = wf_calloc(sizeof(*client));
    client->place = place;
    client->limits = (struct wf_s3_limits){
        .tries = or_default(limits->tries, 5),
        .backoff_ms = or_default(limits->backoff_ms, 200),
        .silence_ms = or_default(limits->silence_ms, 60000),
        .connect_ms = or_default(limits->connect_ms, 10000),
    };
    client->clock = wf_clock_system();
    wf_random_init(&client->random, wf_random_os_seed());
    client->easy = curl_easy_init();
    client->multi = curl_multi_init();
    if (client->easy == NULL || client->multi == NULL) {
        wf_s3_client_close(client);
        return wf_error(WEFT_EIO, "S3: libcurl does not begin");
    }
    *out_client = client;
    return WEFT_OK;
}

void
wf_s3_client_close(struct wf_s3_client *client)
{
    if (client == NULL) {
        return;
    }
    curl_easy_cleanup(client->easy);
    (void)curl_multi_cleanup(client->multi);
    wf_free(client);
}

void
wf_s3_client_stop(struct wf_s3_client *client)
{
    atomic_store(&client->is_stopped, true);
    (void)curl_multi_wakeup(client->multi);
}

void
wf_s3_answer_fini(struct wf_s3_answer *answer)
{
    wf_buf_fini(&answer->body);
}

// What libcurl calls. ---------------------------------------------------------

static void
note_move(struct wf_s3_client *client)
{
    client->moved_ns = client->clock.mono_ns(client->clock.self);
}

static long
status_of(const struct wf_s3_client *client)
{
    long status = 0;

    (void)curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool
is_good(long status)
{
    return status >= 200 && status < 300;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct wf_s3_client *client = ctx;
    const struct wf_s3_sink *sink = client->request->sink;
    struct wf_buf *body = &client->answer->body;
    size_t len = size * count;

    note_move(client);
    if (sink == NULL || !is_good(status_of(client))) {
        if (len > BODY_BYTES_MAX - body->len) {
            client->own_err = wf_error(WEFT_EIO, "the answer has no end");
            return 0;
        }
        wf_buf_put(body, bytes, len);
        return len;
    }
    if (!client->has_begun) {
        client->has_begun = true;
        client->own_err = sink->begin(sink->ctx);
    }
    if (client->own_err == WEFT_OK) {
        client->own_err = sink->take(sink->ctx, bytes, len);
    }
    return client->own_err == WEFT_OK ? len : 0;
}

static size_t
give_body(char *out, size_t size, size_t count, void *ctx)
{
    struct wf_s3_client *client = ctx;
    const struct wf_s3_request *request = client->request;
    uint64_t left = request->bytes - client->sent;
    size_t want = size * count < left ? size * count : (size_t)left;
    size_t len = 0;

    note_move(client);
    client->own_err = wf_file_read_at(request->fd, request->path, out, want,
                                      (off_t)client->sent, &len);
    if (client->own_err == WEFT_OK && len < want) {
        client->own_err = wf_error(WEFT_EIO,
                                   "%s: it became shorter while it "
                                   "was sent",
                                   request->path);
    }
    client->sent += len;
    return client->own_err == WEFT_OK ? len : CURL_READFUNC_ABORT;
}

static int
seek_body(void *ctx, curl_off_t at, int origin)
{
    if (origin != SEEK_SET) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    ((struct wf_s3_client *)ctx)->sent = (uint64_t)at;
    return CURL_SEEKFUNC_OK;
}

// The value, if the line is of the header `name`, which ends with a colon.
static bool
read_header(const char *line, size_t len, const char *name, char out[64])
{
    size_t skip = strlen(name);

    if (len <= skip || !curl_strnequal(line, name, skip)) {
        return false;
    }
    (void)snprintf(out, 64, "%.*s", (int)(len - skip), line + skip);
    return true;
}

static uint64_t
ms_of(const char *date)
{
    time_t seconds = curl_getdate(date, NULL);

    return seconds < 0 ? 0 : 1000 * (uint64_t)seconds;
}

static size_t
take_header(char *line, size_t size, size_t count, void *ctx)
{
    struct wf_s3_client *client = ctx;
    struct wf_s3_answer *answer = client->answer;
    size_t len = size * count;
    char value[64];

    note_move(client);
    if (read_header(line, len, "Date:", value)) {
        answer->now_ms = ms_of(value);
    } else if (read_header(line, len, "Last-Modified:", value)) {
        answer->modified_ms = ms_of(value);
    } else if (read_header(line, len, "Content-Length:", value)) {
        answer->bytes = strtoull(value, NULL, 10);
    }
    return len;
}

// A request. ------------------------------------------------------------------

#define SET(option, value)                                                     \
    WF_ASSERT(curl_easy_setopt(client->easy, (option), (value)) == CURLE_OK)

// Release with wf_free. PREFIX behind the bucket only if there is a key.
static char *
print_url(const struct wf_s3_client *client)
{
    const struct wf_s3_place *place = client->place;
    const struct wf_s3_request *request = client->request;
    const char *query = request->query == NULL ? "" : request->query;
    size_t size = strlen(place->endpoint) + strlen(place->bucket) +
                  strlen(place->prefix) + strlen(request->key) + strlen(query) +
                  8;
    char *url = wf_alloc(size);

    (void)snprintf(url, size, "%s/%s/%s%s%s%s", place->endpoint, place->bucket,
                   request->key[0] == '\0' ? "" : place->prefix, request->key,
                   query[0] == '\0' ? "" : "?", query);
    return url;
}

static void
add_header(struct curl_slist **headers, const char *name, const char *value,
           const char *rest, const char *more)
{
    size_t size = strlen(name) + strlen(value) + strlen(rest) + strlen(more);
    char *line = wf_alloc(size + 16);
    struct curl_slist *longer;

    (void)snprintf(line, size + 16, "%s: %s%s%s", name, value, rest, more);
    longer = curl_slist_append(*headers, line);
    WF_ASSERT(longer != NULL);
    *headers = longer;
    wf_free(line);
}

static struct curl_slist *
make_headers(const struct wf_s3_client *client)
{
    const struct wf_s3_place *place = client->place;
    const struct wf_s3_request *request = client->request;
    char hex[2 * WF_S3_SHA256_BYTES + 1] = EMPTY_SHA256;
    struct curl_slist *headers = NULL;

    if (strcmp(request->method, "PUT") == 0 && !request->is_copy) {
        for (size_t i = 0; i < WF_S3_SHA256_BYTES; i++) {
            (void)snprintf(hex + 2 * i, 3, "%02x", request->sha256[i]);
        }
    }
    add_header(&headers, "x-amz-content-sha256", hex, "", "");
    if (request->is_copy) {
        char from[80];

        (void)snprintf(from, sizeof(from), "/%s/", place->bucket);
        add_header(&headers, "x-amz-copy-source", from, place->prefix,
                   request->key);
        add_header(&headers, "x-amz-metadata-directive", "REPLACE", "", "");
    }
    if (place->token != NULL) {
        add_header(&headers, "x-amz-security-token", place->token, "", "");
    }
    return headers;
}

static void
set_server(struct wf_s3_client *client)
{
    const struct wf_s3_place *place = client->place;
    char sign[96];

    (void)snprintf(sign, sizeof(sign), "aws:amz:%s:s3", place->region);
    SET(CURLOPT_AWS_SIGV4, sign);
    SET(CURLOPT_USERNAME, place->access_key);
    SET(CURLOPT_PASSWORD, place->secret_key);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)client->limits.connect_ms);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_ERRORBUFFER, client->said);
    if (place->ca_file != NULL) {
        SET(CURLOPT_CAINFO, place->ca_file);
    }
}

static void
set_request(struct wf_s3_client *client, const char *url,
            struct curl_slist *headers)
{
    const struct wf_s3_request *request = client->request;

    curl_easy_reset(client->easy); // connections stay
    set_server(client);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, client);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, client);
    if (strcmp(request->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (strcmp(request->method, "PUT") == 0) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_READFUNCTION, give_body);
        SET(CURLOPT_READDATA, client);
        SET(CURLOPT_SEEKFUNCTION, seek_body);
        SET(CURLOPT_SEEKDATA, client);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->bytes);
    } else {
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    }
}

static bool
is_over(struct wf_s3_client *client)
{
    uint64_t now_ns = client->clock.mono_ns(client->clock.self);

    client->is_silent = now_ns - client->moved_ns >=
                        client->limits.silence_ms * UINT64_C(1000000);
    return client->is_silent || atomic_load(&client->is_stopped);
}

// Until it has an answer, or is given up.
static CURLcode
transfer(struct wf_s3_client *client)
{
    uint32_t poll_ms = client->limits.silence_ms < POLL_MS
                           ? client->limits.silence_ms
                           : POLL_MS;
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    const CURLMsg *message;
    int running = 1;
    int left;

    note_move(client);
    WF_ASSERT(curl_multi_add_handle(client->multi, client->easy) == CURLM_OK);
    while (running > 0 && !is_over(client)) {
        (void)curl_multi_perform(client->multi, &running);
        if (running > 0) {
            (void)curl_multi_poll(client->multi, NULL, 0, (int)poll_ms, NULL);
        }
    }
    message = curl_multi_info_read(client->multi, &left);
    if (message != NULL) {
        code = message->data.result;
    }
    (void)curl_multi_remove_handle(client->multi, client->easy);
    return code;
}

// SIGPIPE of this thread is dropped meanwhile.
static CURLcode
transfer_quietly(struct wf_s3_client *client)
{
    struct timespec none = {0};
    sigset_t before;
    sigset_t pipe;
    sigset_t pending;
    bool was_pending;
    CURLcode code;

    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    (void)sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe, &before);
    code = transfer(client);
    if (!was_pending) {
        (void)sigtimedwait(&pipe, NULL, &none);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

// What came of it. ------------------------------------------------------------

enum outcome { GOOD, GONE, AGAIN, BAD };

static weft_err
explain(const struct wf_s3_client *client, weft_err err, const char *what)
{
    const struct wf_s3_place *place = client->place;
    const struct wf_s3_request *request = client->request;

    return wf_error(err, "s3://%s/%s%s: %s: %s", place->bucket,
                    request->key[0] == '\0' ? "" : place->prefix, request->key,
                    request->is_copy ? "copy" : request->method, what);
}

// There was an answer. It may be an error though its status is good: a copy's
// status is sent before it is made.
static enum outcome
judge_answer(const struct wf_s3_client *client, weft_err *out_err)
{
    long status = status_of(client);
    struct wf_s3_error error;
    bool is_error =
        wf_s3_answer_error(wf_buf_bytes(&client->answer->body), &error);
    bool is_passing = status >= 500 || status == 429 || status == 408 ||
                      (is_good(status) && is_error) ||
                      strcmp(error.code, "RequestTimeout") == 0;
    char what[400];

    if (is_good(status) && !is_error) {
        return GOOD;
    }
    (void)snprintf(what, sizeof(what), "HTTP %ld%s%s%s%s", status,
                   error.code[0] == '\0' ? "" : " ", error.code,
                   error.message[0] == '\0' ? "" : ": ", error.message);
    if (status == 404 && client->request->key[0] != '\0' &&
        (error.code[0] == '\0' || strcmp(error.code, "NoSuchKey") == 0)) {
        *out_err = explain(client, WEFT_ENOTFOUND, what);
        return GONE;
    }
    *out_err = explain(client, WEFT_EIO, what);
    return is_passing ? AGAIN : BAD;
}

static enum outcome
judge(const struct wf_s3_client *client, CURLcode code, weft_err *out_err)
{
    char what[CURL_ERROR_SIZE + 64];

    if (client->own_err != WEFT_OK) {
        *out_err = client->own_err;
        return BAD;
    }
    if (atomic_load(&client->is_stopped)) {
        *out_err = explain(client, WEFT_EIO, "stopped");
        return BAD;
    }
    if (code == CURLE_OK) {
        return judge_answer(client, out_err);
    }
    if (client->is_silent) {
        (void)snprintf(what, sizeof(what),
                       "nothing came or went for %" PRIu32 " ms",
                       client->limits.silence_ms);
    } else {
        (void)snprintf(what, sizeof(what), "%s",
                       client->said[0] != '\0' ? client->said
                                               : curl_easy_strerror(code));
    }
    *out_err = explain(client, WEFT_EIO, what);
    return code == CURLE_PEER_FAILED_VERIFICATION ||
                   code == CURLE_SSL_CACERT_BADFILE
               ? BAD
               : AGAIN;
}

static enum outcome
try_once(struct wf_s3_client *client, weft_err *out_err)
{
    struct curl_slist *headers = make_headers(client);
    char *url = print_url(client);
    enum outcome outcome;

    client->sent = 0;
    client->has_begun = false;
    client->own_err = WEFT_OK;
    client->said[0] = '\0';
    wf_buf_reset(&client->answer->body);
    client->answer->bytes = 0;
    client->answer->modified_ms = 0;
    client->answer->now_ms = 0;
    set_request(client, url, headers);
    outcome = judge(client, transfer_quietly(client), out_err);
    curl_slist_free_all(headers);
    wf_free(url);
    return outcome;
}

// So long, and up to as long again, so that nodes do not come all at once.
static void
pause_for(struct wf_s3_client *client, uint32_t ms)
{
    uint64_t left_ns =
        (ms + wf_random_below(&client->random, ms)) * UINT64_C(1000000);
    uint64_t from_ns = client->clock.mono_ns(client->clock.self);
    uint64_t gone_ns = 0;

    while (gone_ns < left_ns && !atomic_load(&client->is_stopped)) {
        (void)curl_multi_poll(client->multi, NULL, 0,
                              (int)((left_ns - gone_ns) / 1000000 + 1), NULL);
        gone_ns = client->clock.mono_ns(client->clock.self) - from_ns;
    }
}

weft_err
wf_s3_client_do(struct wf_s3_client *client,
                const struct wf_s3_request *request,
                struct wf_s3_answer *out_answer)
{
    uint32_t backoff_ms = client->limits.backoff_ms;
    enum outcome outcome = AGAIN;
    weft_err err = WEFT_OK;

    client->request = request;
    client->answer = out_answer;
    for (uint32_t i = 0; outcome == AGAIN && i < client->limits.tries; i++) {
        if (i > 0) {
            pause_for(client, backoff_ms);
            backoff_ms = backoff_ms * 2 < BACKOFF_MS_MAX ? backoff_ms * 2
                                                         : BACKOFF_MS_MAX;
        }
        if (atomic_load(&client->is_stopped)) {
            return explain(client, WEFT_EIO, "stopped");
        }
        outcome = try_once(client, &err);
    }
    if (outcome == GOOD) {
        return request->sink == NULL || client->has_begun
                   ? WEFT_OK
                   : request->sink->begin(request->sink->ctx); // of no bytes
    }
    return err;
}
