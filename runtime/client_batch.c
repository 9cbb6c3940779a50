// SPDX-License-Identifier: Apache-2.0
//
// client_batch.c - the same verb for all instances that a filter matches.
//
// Page by page: a page is listed, its requests are sent together, and all
// their answers are awaited before the next page. So no more than a page is
// under way, and the cursor is always one of a page that is done.
//
// The rate is kept by pauses between requests; what the requests take comes on
// top, so that it is never exceeded.

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "runtime/client_batch.h"
#include "runtime/client_impl.h"
#include "runtime/futex.h"
#include "runtime/versioned.h"
#include "weft/find.h"

#define PAGE 100
#define PAUSES_PER_SECOND 100 // at most; more requests go between them

struct batch {
    weft_client *client;
    weft_batch_options options;
    weft_batch_result *result;
    uint32_t unpaced; // requests since the last pause
};

static bool
is_for_batches(weft_verb verb)
{
    return verb == WEFT_VERB_CANCEL || verb == WEFT_VERB_TERMINATE ||
           verb == WEFT_VERB_SIGNAL || verb == WEFT_VERB_DELETE ||
           verb == WEFT_VERB_PAUSE || verb == WEFT_VERB_RESUME ||
           verb == WEFT_VERB_PARK || verb == WEFT_VERB_RESET ||
           verb == WEFT_VERB_RETRY_FAILED;
}

static bool
is_never(void *ctx)
{
    (void)ctx;
    return false;
}

static void
pause_ms(const weft_client *client, uint32_t ms)
{
    _Atomic uint32_t word = 0;

    if (!client->port.ops->wait(client->port.self, is_never, NULL, ms)) {
        wf_futex_wait(&word, 0, (uint64_t)ms * 1000000);
    }
}

// Before each request: wait if there were enough for now.
static void
pace(struct batch *batch)
{
    uint32_t rate = batch->options.per_second;
    uint32_t group = rate / PAUSES_PER_SECOND + 1;

    if (rate == 0) {
        return;
    }
    if (batch->unpaced == group) {
        pause_ms(batch->client,
                 (uint32_t)(((uint64_t)group * 1000 + rate - 1) / rate));
        batch->unpaced = 0;
    }
    batch->unpaced++;
}

void
wf_client_batch_count(weft_batch_result *result, weft_err err)
{
    size_t i = 0;

    result->seen++;
    if (err == WEFT_OK) {
        result->done++;
        return;
    }
    result->failed++;
    while (i < result->errors_count && result->errors[i].err != err) {
        i++;
    }
    if (i == WEFT_BATCH_ERRORS_MAX) {
        return;
    }
    if (i == result->errors_count) {
        result->errors[result->errors_count++].err = err;
    }
    result->errors[i].count++;
}

weft_request
wf_client_batch_request(const weft_batch_options *options, weft_target target)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = options->verb;
    request.target = target;
    request.name = options->name;
    request.data = options->data;
    request.terminate_first = options->terminate_first;
    request.by = options->by;
    request.point = options->point;
    return request;
}

static weft_err
send(struct batch *batch, const weft_description *item,
     struct wf_client_call **out_call)
{
    weft_request request = wf_client_batch_request(
        &batch->options, (weft_target){item->kind, item->id});

    return wf_client_send(batch->client, &request, 0, out_call);
}

// All of one page, and its answers.
static void
do_page(struct batch *batch, const weft_reply *page)
{
    struct wf_client_call *calls[PAGE];
    weft_err errs[PAGE];

    for (size_t i = 0; i < page->items_count; i++) {
        pace(batch);
        errs[i] = send(batch, &page->items[i], &calls[i]);
    }
    for (size_t i = 0; i < page->items_count; i++) {
        weft_reply *reply = NULL;

        if (errs[i] == WEFT_OK) {
            errs[i] = wf_client_receive(calls[i], 0, &reply);
            weft_reply_free(reply);
        }
        wf_client_batch_count(batch->result, errs[i]);
    }
}

void
wf_client_batch_set_cursor(weft_batch_result *result, const char *cursor)
{
    size_t len = cursor == NULL ? 0 : strlen(cursor);

    WF_ASSERT(len < sizeof(result->cursor));
    memmove(result->cursor, cursor == NULL ? "" : cursor, len + 1);
}

// *out_is_last: there is nothing behind it.
static weft_err
next_page(struct batch *batch, bool *out_is_last)
{
    weft_batch_result *result = batch->result;
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *page = NULL;
    weft_err err;

    request.verb = WEFT_VERB_LIST;
    request.filter = batch->options.filter;
    request.limit = PAGE;
    request.cursor = result->cursor[0] == '\0' ? NULL : result->cursor;
    err = weft_client_call(batch->client, &request, 0, &page);
    if (err == WEFT_OK) {
        do_page(batch, page);
        *out_is_last = page->cursor == NULL;
        wf_client_batch_set_cursor(result, page->cursor);
    }
    weft_reply_free(page);
    return err;
}

weft_err
wf_client_batch_check(const weft_client *client,
                      const weft_batch_options *options)
{
    weft_request request;

    if (options->filter == NULL || options->filter[0] == '\0') {
        return wf_error(WEFT_EINVAL, "a batch needs a filter");
    }
    if (!is_for_batches(options->verb)) {
        return wf_error(WEFT_EINVAL, "verb %d is not for batches",
                        (int)options->verb);
    }
    if (options->cursor != NULL &&
        strnlen(options->cursor, WEFT_BATCH_CURSOR_BYTES) ==
            WEFT_BATCH_CURSOR_BYTES) {
        return wf_error(WEFT_EINVAL, "not a cursor");
    }
    // Else each of them would say so, or none if there are none.
    request = wf_client_batch_request(options, (weft_target){NULL, NULL});
    return wf_client_check(client, &request);
}

weft_err
weft_client_batch(weft_client *client, const weft_batch_options *options,
                  weft_batch_result *out_result)
{
    struct batch batch = {.client = client, .result = out_result};
    weft_batch_result begin = {0};
    bool is_last = false;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(client != NULL);
    WF_REQUIRE(out_result != NULL);
    err = wf_versioned_copy("weft_batch_options", options, &batch.options,
                            sizeof(batch.options));
    if (err == WEFT_OK) {
        err = wf_client_batch_check(client, &batch.options);
    }
    if (err == WEFT_OK) {
        // Its cursor may be the one of this very result.
        wf_client_batch_set_cursor(&begin, batch.options.cursor);
    }
    *out_result = begin;
    while (err == WEFT_OK && !is_last) {
        err = next_page(&batch, &is_last);
        if (err == WEFT_OK && batch.options.progress != NULL &&
            batch.options.progress(batch.options.ctx, out_result) != 0 &&
            !is_last) {
            err = wf_error(WEFT_ECANCELLED, "the batch was stopped");
        }
    }
    return err;
}
