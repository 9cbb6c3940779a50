// SPDX-License-Identifier: Apache-2.0
//
// auth.c - the ZAP handler. See auth.h.
//
// A question has eight frames or so, which are all there when the first one
// is: version, its number, domain, address, name, mechanism, then what the
// mechanism has, for CURVE the key. Whatever is not as expected is a no.

#include "transport/auth.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "transport/curve.h"
#include "transport/socket_impl.h"

enum { FRAMES_MAX = 8, FRAME_BYTES_MAX = 255, KEY_BYTES = 32 };

enum frame {
    FRAME_VERSION,
    FRAME_NUMBER,
    FRAME_DOMAIN,
    FRAME_ADDRESS,
    FRAME_NAME,
    FRAME_MECHANISM,
    FRAME_KEY,
    FRAME_COUNT
};

struct wf_auth {
    struct wf_context *context;
    void *zmq;
    wf_auth_fn *may_enter;
    void *ctx;
};

struct question {
    size_t count;
    size_t lens[FRAMES_MAX];
    uint8_t frames[FRAMES_MAX][FRAME_BYTES_MAX + 1]; // each with a NUL behind
};

weft_err
wf_auth_create(struct wf_context *context, wf_auth_fn *may_enter, void *ctx,
               struct wf_auth **out_auth)
{
    struct wf_auth *auth = wf_calloc(sizeof(*auth));
    int linger = 0;

    auth->context = context;
    auth->may_enter = may_enter;
    auth->ctx = ctx;
    auth->zmq = zmq_socket(context->zmq, ZMQ_REP);
    if (auth->zmq == NULL) {
        wf_free(auth);
        return wf_error(WEFT_EIO, "no socket: %s", zmq_strerror(errno));
    }
    (void)zmq_setsockopt(auth->zmq, ZMQ_LINGER, &linger, sizeof(linger));
    if (zmq_bind(auth->zmq, "inproc://zeromq.zap.01") != 0) {
        weft_err err = wf_error(errno == EADDRINUSE ? WEFT_EBUSY : WEFT_EIO,
                                "who is let in is answered already: %s",
                                zmq_strerror(errno));

        (void)zmq_close(auth->zmq);
        wf_free(auth);
        return err;
    }
    context->has_auth = true;
    *out_auth = auth;
    return WEFT_OK;
}

void
wf_auth_destroy(struct wf_auth *auth)
{
    if (auth != NULL) {
        auth->context->has_auth = false;
        (void)zmq_close(auth->zmq);
        wf_free(auth);
    }
}

int
wf_auth_fd(const struct wf_auth *auth)
{
    size_t size = sizeof(int);
    int fd = -1;
    int rc = zmq_getsockopt(auth->zmq, ZMQ_FD, &fd, &size);

    WF_ASSERT(rc == 0);
    return fd;
}

// A frame that is too long, or one too many, is left out and counted.
static void
keep_frame(struct question *question, zmq_msg_t *frame)
{
    size_t len = zmq_msg_size(frame);
    size_t at = question->count++;

    if (at < FRAMES_MAX && len <= FRAME_BYTES_MAX) {
        memcpy(question->frames[at], zmq_msg_data(frame), len);
        question->lens[at] = len;
    }
}

static bool
receive(struct wf_auth *auth, struct question *out)
{
    bool is_more = true;

    *out = (struct question){0};
    while (is_more) {
        zmq_msg_t frame;

        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, auth->zmq, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&frame);
            return false;
        }
        is_more = zmq_msg_more(&frame) != 0;
        keep_frame(out, &frame);
        (void)zmq_msg_close(&frame);
    }
    return true;
}

static bool
is_text(const struct question *question, enum frame frame, const char *text)
{
    return question->lens[frame] == strlen(text) &&
           memcmp(question->frames[frame], text, strlen(text)) == 0;
}

// out_key is set if it is a yes.
static bool
judge(struct wf_auth *auth, const struct question *question,
      char out_key[WF_CURVE_KEY_CHARS + 1])
{
    return question->count == FRAME_COUNT &&
           is_text(question, FRAME_VERSION, "1.0") &&
           is_text(question, FRAME_MECHANISM, "CURVE") &&
           question->lens[FRAME_KEY] == KEY_BYTES &&
           zmq_z85_encode(out_key, question->frames[FRAME_KEY], KEY_BYTES) !=
               NULL &&
           auth->may_enter(auth->ctx, out_key,
                           (const char *)question->frames[FRAME_ADDRESS]);
}

static void
send_frame(struct wf_auth *auth, const void *bytes, size_t len, bool is_more)
{
    // Nobody may wait for it any more; then it goes nowhere.
    (void)zmq_send(auth->zmq, bytes, len,
                   ZMQ_DONTWAIT | (is_more ? ZMQ_SNDMORE : 0));
}

static void
answer(struct wf_auth *auth, const struct question *question)
{
    char key[WF_CURVE_KEY_CHARS + 1] = "";
    bool is_yes = judge(auth, question, key);
    const char *text = is_yes ? "OK" : "no such key";

    send_frame(auth, "1.0", 3, true);
    send_frame(auth, question->frames[FRAME_NUMBER],
               question->lens[FRAME_NUMBER], true);
    send_frame(auth, is_yes ? "200" : "400", 3, true);
    send_frame(auth, text, strlen(text), true);
    send_frame(auth, key, is_yes ? strlen(key) : 0, true);
    send_frame(auth, "", 0, false);
}

void
wf_auth_step(struct wf_auth *auth)
{
    struct question question;

    while (receive(auth, &question)) {
        answer(auth, &question);
    }
}
