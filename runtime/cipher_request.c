// SPDX-License-Identifier: Apache-2.0
//
// cipher_request.c - what of requests and answers is sealed. See cipher.h.
//
// Sealed is what people and code put into payloads; names, ids, headers and
// attributes are not, for nodes and others on the way must read them. A task
// queue is the node's own, so what is said to it is not sealed either.

#include "runtime/cipher.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/limits.h"
#include "runtime/base64.h"
#include "runtime/pairs.h"
#include "runtime/request.h"
#include "runtime/versioned.h"
#include "weft/operate.h"
#include "weft/task_queue.h"
#include "weft/worker.h"

#define TEXT_PREFIX "sealed:"

// A node cuts texts of failures; what is cut does not open.
enum { TEXT_BYTES_MAX = 700 };

_Static_assert(sizeof(TEXT_PREFIX) +
                       (TEXT_BYTES_MAX + WEFT_CIPHER_BYTES) * 4 / 3 + 4 <
                   WF_CAUSE_TEXT_MAX,
               "a sealed text is not cut");

enum {
    DATA = 1 << 0,    // of the request
    INPUT = 1 << 1,   // and the memo
    MESSAGE = 1 << 2, // of a failure
    ANSWER = 1 << 3,  // data of the reply
};

static const unsigned sealed_of[WEFT_VERB_COUNT] = {
    [WEFT_VERB_START] = INPUT,
    [WEFT_VERB_SIGNAL] = DATA,
    [WEFT_VERB_SIGNAL_WITH_START] = DATA | INPUT,
    [WEFT_VERB_ASK] = DATA | ANSWER,
    [WEFT_VERB_QUERY] = DATA | ANSWER,
    [WEFT_VERB_RESULT] = ANSWER,
    [WEFT_VERB_COMPLETE] = DATA,
    [WEFT_VERB_FAIL] = DATA | MESSAGE,
    [WEFT_VERB_HEARTBEAT] = DATA,
    [WEFT_VERB_UPDATE] = DATA | ANSWER,
    [WEFT_VERB_UPDATE_WITH_START] = DATA | INPUT | ANSWER,
    [WEFT_VERB_PUBLISH] = DATA,
    [WEFT_VERB_SET_STATE] = DATA,
};

static bool
is_queue(const char *kind)
{
    return kind != NULL && strcmp(kind, WEFT_TASK_QUEUE_KIND) == 0;
}

// Requests. -------------------------------------------------------------------

static weft_err
seal_bytes(const weft_cipher *cipher, struct wf_arena *memory,
           weft_bytes *bytes)
{
    struct wf_buf sealed = {0};
    const char *copy;

    if (bytes->len == 0) {
        return WEFT_OK;
    }
    // Larger is refused by whoever checks the request.
    if (bytes->len > WF_PAYLOAD_BYTES_MAX - WEFT_CIPHER_BYTES) {
        return wf_error(WEFT_ETOOBIG,
                        "a payload is over %u bytes, which is "
                        "what there is room for when it is "
                        "sealed",
                        WF_PAYLOAD_BYTES_MAX - WEFT_CIPHER_BYTES);
    }
    if (!wf_buf_try_reserve(&sealed, WEFT_CIPHER_BYTES + bytes->len)) {
        return wf_error(WEFT_ENOMEM, "no memory to seal in");
    }
    wf_cipher_seal(cipher, WF_CIPHER_PAYLOAD, *bytes, &sealed);
    copy = wf_arena_text(memory, wf_buf_bytes(&sealed));
    *bytes = weft_bytes_of(copy, sealed.len);
    wf_buf_fini(&sealed);
    return copy == NULL ? wf_error(WEFT_ENOMEM, "no memory to seal in")
                        : WEFT_OK;
}

static weft_err
seal_text(const weft_cipher *cipher, struct wf_arena *memory, const char **text)
{
    size_t len = *text == NULL ? 0 : strlen(*text);
    struct wf_buf sealed = {0};
    char *made;

    if (len == 0) {
        return WEFT_OK;
    }
    if (len > TEXT_BYTES_MAX) { // between two characters
        for (len = TEXT_BYTES_MAX;
             len > 0 && ((unsigned char)(*text)[len] & 0xc0) == 0x80; len--) {
        }
    }
    wf_cipher_seal(cipher, WF_CIPHER_TEXT, weft_bytes_of(*text, len), &sealed);
    made = wf_arena_alloc(memory,
                          sizeof(TEXT_PREFIX) + wf_base64_chars(sealed.len));
    if (made != NULL) {
        memcpy(made, TEXT_PREFIX, sizeof(TEXT_PREFIX));
        wf_base64_encode(wf_buf_bytes(&sealed), made + strlen(TEXT_PREFIX));
        *text = made;
    }
    wf_buf_fini(&sealed);
    return made == NULL ? wf_error(WEFT_ENOMEM, "no memory to seal in")
                        : WEFT_OK;
}

static weft_err
seal_memo(const weft_cipher *cipher, struct wf_arena *memory,
          weft_request *request)
{
    weft_start_options *start;
    weft_pair *memo;
    weft_err err;

    if (request->start == NULL) {
        return WEFT_OK;
    }
    start = wf_arena_alloc(memory, sizeof(*start));
    if (start == NULL) {
        return wf_error(WEFT_ENOMEM, "no memory to seal in");
    }
    err = wf_versioned_copy("weft_start_options", request->start, start,
                            sizeof(*start));
    if (err != WEFT_OK || start->memo == NULL || start->memo_count == 0) {
        return err;
    }
    memo = wf_arena_alloc(memory, start->memo_count * sizeof(*memo));
    if (memo == NULL) {
        return wf_error(WEFT_ENOMEM, "no memory to seal in");
    }
    for (size_t i = 0; err == WEFT_OK && i < start->memo_count; i++) {
        memo[i] = start->memo[i];
        err = seal_bytes(cipher, memory, &memo[i].value);
    }
    start->struct_size = sizeof(*start);
    start->memo = memo;
    request->start = start;
    return err;
}

weft_err
wf_cipher_seal_request(const weft_cipher *cipher, weft_request *request,
                       struct wf_arena *memory)
{
    unsigned sealed = (unsigned)request->verb < WEFT_VERB_COUNT
                          ? sealed_of[request->verb]
                          : 0;
    weft_err err = WEFT_OK;

    if (is_queue(request->target.kind)) {
        return WEFT_OK;
    }
    if ((sealed & DATA) != 0) {
        err = seal_bytes(cipher, memory, &request->data);
    }
    if (err == WEFT_OK && (sealed & INPUT) != 0) {
        err = seal_bytes(cipher, memory, &request->input);
    }
    if (err == WEFT_OK && (sealed & INPUT) != 0) {
        err = seal_memo(cipher, memory, request);
    }
    if (err == WEFT_OK && (sealed & MESSAGE) != 0) {
        err = seal_text(cipher, memory, &request->error_message);
    }
    return err;
}

// Answers. --------------------------------------------------------------------

// What is open is shorter, so that it has room where the sealed one is. What
// does not open is left out.
static weft_err
open_bytes(const weft_cipher *cipher, weft_bytes *bytes)
{
    struct wf_buf plain = {0};
    weft_err err = wf_cipher_unseal(cipher, WF_CIPHER_PAYLOAD, *bytes, &plain);

    if (plain.len > 0) {
        memcpy((void *)(uintptr_t)bytes->data, plain.data, plain.len);
    }
    bytes->len = plain.len;
    wf_buf_fini(&plain);
    return err;
}

static weft_err
open_lease(const weft_cipher *cipher, weft_lease *lease)
{
    weft_err err;

    if (lease == NULL) {
        return WEFT_OK;
    }
    err = open_bytes(cipher, &lease->input);
    return err == WEFT_OK ? open_bytes(cipher, &lease->details) : err;
}

static weft_err
open_memo(const weft_cipher *cipher, weft_description *item)
{
    weft_bytes pairs = item->memo;
    struct wf_buf opened = {0};
    weft_err err = WEFT_OK;
    weft_pair pair;

    while (err == WEFT_OK && weft_pairs_next(&pairs, &pair) != 0) {
        struct wf_buf plain = {0};

        err = wf_cipher_unseal(cipher, WF_CIPHER_PAYLOAD, pair.value, &plain);
        if (err == WEFT_OK) {
            pair.value = wf_buf_bytes(&plain);
            err = wf_pairs_encode("memo", &pair, 1, WF_MEMO_BYTES_MAX, &opened);
        }
        wf_buf_fini(&plain);
    }
    if (err == WEFT_OK && opened.len > 0) {
        WF_ASSERT(opened.len <= item->memo.len);
        memcpy((void *)(uintptr_t)item->memo.data, opened.data, opened.len);
        item->memo.len = opened.len;
    }
    wf_buf_fini(&opened);
    return err;
}

// A text of a failure, in memory of its own; NULL: it is not sealed, as what a
// node itself says.
static char *
open_text(const weft_cipher *cipher, const char *text)
{
    size_t prefix = strlen(TEXT_PREFIX);
    struct wf_buf sealed = {0};
    struct wf_buf plain = {0};
    weft_err err = WEFT_ECORRUPT;

    if (strncmp(text, TEXT_PREFIX, prefix) != 0) {
        return NULL;
    }
    if (wf_base64_decode(text + prefix, strlen(text + prefix), &sealed)) {
        err = wf_cipher_unseal(cipher, WF_CIPHER_TEXT, wf_buf_bytes(&sealed),
                               &plain);
    }
    if (err != WEFT_OK ||
        (plain.len > 0 && memchr(plain.data, 0, plain.len) != NULL)) {
        wf_buf_reset(&plain);
        wf_buf_put(&plain, "(what it says cannot be opened)", 31);
    }
    wf_buf_put_u8(&plain, 0);
    wf_buf_fini(&sealed);
    return (char *)plain.data; // wf_free releases it
}

// What is opened of one failure of a chain.
struct opened {
    char *message;
    struct wf_buf details;
};

static void
open_failure(const weft_cipher *cipher, weft_failure *failure,
             struct opened *out)
{
    *out = (struct opened){.message = open_text(cipher, failure->message)};
    if (out->message != NULL) {
        failure->message = out->message;
    }
    if (wf_cipher_is_sealed(WF_CIPHER_PAYLOAD, failure->details)) {
        // Details that do not open are left out; the message says enough.
        (void)wf_cipher_unseal(cipher, WF_CIPHER_PAYLOAD, failure->details,
                               &out->details);
        failure->details = wf_buf_bytes(&out->details);
    }
}

static void
open_chain(const weft_cipher *cipher, struct wf_request *request)
{
    weft_failure chain[1 + WF_CAUSES_MAX];
    struct opened opened[1 + WF_CAUSES_MAX];
    size_t count = 0;

    for (const weft_failure *each = &request->reply.failure;
         each != NULL && count < 1 + WF_CAUSES_MAX; each = each->cause) {
        chain[count] = *each;
        chain[count].cause = NULL;
        open_failure(cipher, &chain[count], &opened[count]);
        if (count > 0) {
            chain[count - 1].cause = &chain[count];
        }
        count++;
    }
    wf_request_answer_failure(request, &chain[0]);
    for (size_t i = 0; i < count; i++) {
        wf_free(opened[i].message);
        wf_buf_fini(&opened[i].details);
    }
}

// The same of activities that are open; there is room, as in a memo.
static void
open_activities(const weft_cipher *cipher, weft_reply *reply)
{
    for (size_t i = 0; i < reply->activities_count; i++) {
        const char *message = reply->activities[i].failure.message;
        char *opened = open_text(cipher, message);

        if (opened != NULL && strlen(opened) <= strlen(message)) {
            memcpy((char *)(uintptr_t)message, opened, strlen(opened) + 1);
        }
        wf_free(opened);
    }
}

void
wf_cipher_open_reply(const weft_cipher *cipher, struct wf_request *request)
{
    weft_reply *reply = &request->reply;
    weft_err err = WEFT_OK;
    char text[256];

    if (request->key.len > 0 && is_queue(wf_key_kind(&request->key))) {
        return;
    }
    if (reply->err == WEFT_OK && (sealed_of[request->verb] & ANSWER) != 0) {
        err = open_bytes(cipher, &reply->data);
    }
    if (err == WEFT_OK) {
        err = open_lease(cipher, (weft_lease *)(uintptr_t)reply->lease);
    }
    for (size_t i = 0; err == WEFT_OK && i < reply->items_count; i++) {
        err =
            open_memo(cipher, (weft_description *)(uintptr_t)&reply->items[i]);
    }
    open_activities(cipher, reply);
    if (reply->failure.name[0] != '\0') {
        open_chain(cipher, request);
    }
    if (err != WEFT_OK) {
        (void)snprintf(text, sizeof(text), "the answer does not open: %s",
                       weft_err_detail());
        wf_request_answer(request, err, text);
    }
}
