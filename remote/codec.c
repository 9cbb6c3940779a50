// SPDX-License-Identifier: Apache-2.0
//
// codec.c - requests as messages: which fields each verb has, and where they
// are.
//
// One table has all fields of all verbs, each in one or more sets; another says
// which sets a verb has. A new verb is a line in the second one, and a new
// field a line in the first.
//
// Threads: none; everything is the caller's.

#include "remote/codec.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "remote/codec_field.h"
#include "remote/codec_instance.h"
#include "remote/codec_operate.h"
#include "transport/wire.h"
#include "weft/find.h"

// Sets of fields.
enum {
    TARGET = 1 << 0, // kind and id
    KIND = 1 << 1,   // kind, which may be missing
    NAME = 1 << 2,
    DATA = 1 << 3,
    CAPSULE = 1 << 4, // also in `data`
    START = 1 << 5,   // input and start options
    HEADERS = 1 << 6, // of a message
    UPDATE = 1 << 7,
    TOKEN = 1 << 8,
    FAILURE = 1 << 9,
    BY = 1 << 10,
    FIND = 1 << 11,  // filter and status
    PAGE = 1 << 12,  // cursor
    LIMIT = 1 << 13, // of a page
    GROUP = 1 << 14,
    CALL = 1 << 15, // of an open activity
    CHANGE = 1 << 16,
    VERSION = 1 << 17, // of state or code
    POINT = 1 << 18,
    REMOVE = 1 << 19,
    WAIT = 1 << 20,
    WORKER = 1 << 21,
    LEASE = 1 << 22, // for how long
    SEEN = 1 << 23,
};

struct verb {
    const char *name;
    unsigned sets;
};

static const struct verb verbs[WEFT_VERB_COUNT] = {
    [WEFT_VERB_START] = {"start", TARGET | START},
    [WEFT_VERB_SIGNAL] = {"signal", TARGET | NAME | DATA | HEADERS},
    [WEFT_VERB_SIGNAL_WITH_START] = {"signal_with_start",
                                     TARGET | NAME | DATA | START},
    [WEFT_VERB_ASK] = {"ask", TARGET | NAME | DATA | HEADERS},
    [WEFT_VERB_QUERY] = {"query", TARGET | NAME | DATA},
    [WEFT_VERB_RESULT] = {"result", TARGET | WAIT},
    [WEFT_VERB_CANCEL] = {"cancel", TARGET | BY},
    [WEFT_VERB_TERMINATE] = {"terminate", TARGET | NAME | BY},
    [WEFT_VERB_DESCRIBE] = {"describe", TARGET},
    [WEFT_VERB_LIST] = {"list", KIND | FIND | PAGE | LIMIT},
    [WEFT_VERB_PAUSE] = {"pause", TARGET | BY},
    [WEFT_VERB_RESUME] = {"resume", TARGET | BY},
    [WEFT_VERB_COMPLETE] = {"complete", TOKEN | DATA},
    [WEFT_VERB_FAIL] = {"fail", TOKEN | FAILURE | DATA},
    [WEFT_VERB_HEARTBEAT] = {"heartbeat", TOKEN | DATA},
    [WEFT_VERB_EXPORT] = {"export", TARGET},
    [WEFT_VERB_UPDATE] = {"update", TARGET | NAME | DATA | UPDATE},
    [WEFT_VERB_UPDATE_WITH_START] = {"update_with_start",
                                     TARGET | NAME | DATA | UPDATE | START},
    [WEFT_VERB_IMPORT] = {"import", CAPSULE},
    [WEFT_VERB_ACTIVITIES] = {"activities", TARGET | CALL | LIMIT},
    [WEFT_VERB_ACTIVITY_PAUSE] = {"activity_pause", TARGET | CALL | BY},
    [WEFT_VERB_ACTIVITY_RESUME] = {"activity_resume", TARGET | CALL | BY},
    [WEFT_VERB_ACTIVITY_RESET] = {"activity_reset", TARGET | CALL | BY},
    [WEFT_VERB_ACTIVITY_CHANGE] = {"activity_change",
                                   TARGET | CALL | CHANGE | BY},
    [WEFT_VERB_PARK] = {"park", TARGET | BY},
    [WEFT_VERB_PUBLISH] = {"publish", TARGET | NAME | DATA | BY},
    [WEFT_VERB_SET_STATE] = {"set_state", TARGET | VERSION | DATA | BY},
    [WEFT_VERB_MOVE_VERSION] = {"move_version", TARGET | VERSION | BY},
    [WEFT_VERB_RESET] = {"reset", TARGET | POINT | BY},
    [WEFT_VERB_RETRY_FAILED] = {"retry_failed", TARGET | BY},
    [WEFT_VERB_FORK] = {"fork", TARGET | CAPSULE | POINT | BY},
    [WEFT_VERB_DELETE] = {"delete", TARGET | REMOVE},
    [WEFT_VERB_LEASE] = {"lease", TOKEN | WORKER | LEASE},
    [WEFT_VERB_RENEW] = {"lease_renew", TOKEN | WORKER | LEASE},
    [WEFT_VERB_RELEASE] = {"release", TOKEN | WORKER},
    [WEFT_VERB_DEFER] = {"defer", TOKEN | WORKER},
    [WEFT_VERB_WATCH] = {"watch", TARGET | SEEN | WAIT},
    [WEFT_VERB_COUNT_MATCHING] = {"count", KIND | FIND | GROUP},
};

static const char *const reuses[] = {"allow", "after_failure", "reject", NULL};
static const char *const conflicts[] = {"fail", "use_existing",
                                        "terminate_existing", NULL};
static const char *const losses[] = {"", "repeat", "fail", NULL};

#define IN(member) .at = offsetof(weft_retry_policy, member)
static const struct wf_codec_field retry_fields[] = {
    {"initial_interval_ms", WF_CODEC_U64, IN(initial_interval_ms)},
    {"coefficient", WF_CODEC_REAL, IN(coefficient)},
    {"maximum_interval_ms", WF_CODEC_U64, IN(maximum_interval_ms)},
    {"maximum_attempts", WF_CODEC_TIMES, IN(maximum_attempts)},
    {"total_ms", WF_CODEC_U64, IN(total_ms)},
    {"jitter", WF_CODEC_REAL, IN(jitter)},
    {"non_retryable", WF_CODEC_TEXTS, IN(non_retryable),
     .max = WF_NAME_BYTES_MAX},
    {NULL},
};
#undef IN

#define IN(member) .at = offsetof(weft_call_options, member)
static const struct wf_codec_field change_fields[] = {
    {"retry", WF_CODEC_MAP, IN(retry), .of = retry_fields},
    {"timeouts", WF_CODEC_MAP, IN(timeouts), .of = wf_codec_operate_timeouts},
    {"on_lost", WF_CODEC_NAMED, IN(on_lost), .names = losses},
    {NULL},
};
#undef IN

#define IN(member) .at = offsetof(struct wf_codec_request, member)
#define MORE(member) .more_at = offsetof(struct wf_codec_request, member)
static const struct wf_codec_field fields[] = {
    {"kind", WF_CODEC_TEXT, TARGET, true, IN(request.target.kind),
     .max = WF_KIND_BYTES_MAX},
    {"kind", WF_CODEC_TEXT, KIND, false, IN(request.target.kind),
     .max = WF_KIND_BYTES_MAX},
    {"id", WF_CODEC_TEXT, TARGET, true, IN(request.target.id),
     .max = WF_ID_BYTES_MAX},
    {"token", WF_CODEC_TEXT, TOKEN, true, IN(request.token),
     .max = WEFT_TOKEN_CHARS_MAX},
    {"name", WF_CODEC_TEXT, NAME, false, IN(request.name),
     .max = WF_NAME_BYTES_MAX},
    {"data", WF_CODEC_BYTES, DATA, false, IN(request.data),
     .max = WF_PAYLOAD_BYTES_MAX},
    {"data", WF_CODEC_BYTES, CAPSULE, false, IN(request.data)},
    {"update_id", WF_CODEC_TEXT, UPDATE, false, IN(request.update_id),
     .max = WF_NAME_BYTES_MAX},
    {"update_accepted", WF_CODEC_FLAG, UPDATE, false,
     IN(request.update_accepted)},
    {"error_name", WF_CODEC_TEXT, FAILURE, false, IN(request.error_name),
     .max = WF_NAME_BYTES_MAX},
    {"error_message", WF_CODEC_TEXT, FAILURE, false, IN(request.error_message),
     .max = WF_PAYLOAD_BYTES_MAX},
    {"retry_after_ms", WF_CODEC_U64, FAILURE, false,
     IN(request.retry_after_ms)},
    {"is_for_good", WF_CODEC_FLAG, FAILURE, false, IN(request.is_for_good)},
    {"worker", WF_CODEC_TEXT, WORKER, false, IN(request.worker),
     .max = WF_WORKER_BYTES_MAX},
    {"lease_ms", WF_CODEC_U32, LEASE, false, IN(request.lease_ms),
     .max = WF_LEASE_MS_MAX},
    {"input", WF_CODEC_BYTES, START, false, IN(request.input),
     .max = WF_PAYLOAD_BYTES_MAX},
    {"reuse", WF_CODEC_NAMED, START, false, IN(start.reuse), .names = reuses},
    {"conflict", WF_CODEC_NAMED, START, false, IN(start.conflict),
     .names = conflicts},
    {"start_delay_ms", WF_CODEC_U64, START, false, IN(start.start_delay_ms)},
    {"execution_timeout_ms", WF_CODEC_U64, START, false,
     IN(start.execution_timeout_ms)},
    {"run_timeout_ms", WF_CODEC_U64, START, false, IN(start.run_timeout_ms)},
    {"version", WF_CODEC_U32, START, false, IN(start.version)},
    {"version", WF_CODEC_U32, VERSION, false, IN(request.version)},
    {"retry", WF_CODEC_MAP, START, false, IN(start.retry), .of = retry_fields},
    {"headers", WF_CODEC_PAIRS, START, false, IN(start.headers),
     MORE(start.headers_count)},
    {"headers", WF_CODEC_PAIRS, HEADERS, false, IN(request.headers),
     MORE(request.headers_count)},
    {"memo", WF_CODEC_PAIRS, START, false, IN(start.memo),
     MORE(start.memo_count)},
    {"attributes", WF_CODEC_ATTRIBUTES, START, false, IN(start.attributes),
     MORE(start.attributes_count)},
    {"filter", WF_CODEC_TEXT, FIND, false, IN(request.filter),
     .max = WF_FILTER_BYTES_MAX},
    {"status", WF_CODEC_NAMED, FIND, false, IN(request.status),
     .names = wf_codec_instance_statuses},
    {"group_by", WF_CODEC_TEXT, GROUP, false, IN(request.group_by),
     .max = WF_NAME_BYTES_MAX},
    {"cursor", WF_CODEC_TEXT, PAGE, false, IN(request.cursor),
     .max = WEFT_BATCH_CURSOR_BYTES - 1},
    {"call", WF_CODEC_U32, CALL, false, IN(request.call)},
    {"limit", WF_CODEC_U32, LIMIT, false, IN(request.limit)},
    {"options", WF_CODEC_POINTED, CHANGE, false, IN(options),
     MORE(request.options), .of = change_fields},
    {"point", WF_CODEC_POINTED, POINT, false, IN(point), MORE(request.point),
     .of = wf_codec_operate_point},
    {"terminate_first", WF_CODEC_FLAG, REMOVE, false,
     IN(request.terminate_first)},
    {"by", WF_CODEC_POINTED, BY, false, IN(by), MORE(request.by),
     .of = wf_codec_operate_by},
    {"after", WF_CODEC_U64, SEEN, false, IN(request.after)},
    {"wait_ms", WF_CODEC_U64, WAIT, false, IN(wait_ms)},
    {"confirmed", WF_CODEC_U64, 0, false, IN(confirmed)},
    {"again", WF_CODEC_BOOL, 0, false, IN(is_again)},
    {NULL},
};
#undef IN
#undef MORE

const char *
wf_codec_verb_name(weft_verb verb)
{
    return (unsigned)verb < WEFT_VERB_COUNT ? verbs[verb].name : NULL;
}

bool
wf_codec_verb_find(weft_bytes name, weft_verb *out_verb)
{
    for (int i = 0; i < WEFT_VERB_COUNT; i++) {
        if (verbs[i].name != NULL && wf_bytes_are(name, verbs[i].name)) {
            *out_verb = (weft_verb)i;
            return true;
        }
    }
    return false;
}

weft_err
wf_codec_request_decode(const struct wf_wire_message *message,
                        struct wf_codec_request *out_request)
{
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, &out_request->memory};
    weft_verb verb;

    *out_request = (struct wf_codec_request){
        .request = WEFT_REQUEST_INIT,
        .start = WEFT_START_OPTIONS_INIT,
        .options = WEFT_CALL_OPTIONS_INIT,
    };
    if (!wf_codec_verb_find(message->verb, &verb)) {
        return wf_error(WEFT_ENOTFOUND, "there is no such verb");
    }
    if (message->number == 0) {
        return wf_error(WEFT_EINVAL, "the number of a request is from 1");
    }
    out_request->request.verb = verb;
    out_request->request.number = message->number;
    how.sets = verbs[verb].sets;
    if ((how.sets & START) != 0) {
        out_request->request.start = &out_request->start;
    }
    return wf_codec_field_read(&how, fields, wf_wire_fields(message),
                               out_request);
}

void
wf_codec_request_fini(struct wf_codec_request *request)
{
    wf_arena_fini(&request->memory);
}

void
wf_codec_request_encode(const weft_request *request, uint64_t number,
                        uint64_t confirmed, bool is_again,
                        struct wf_buf *out_frame)
{
    struct wf_codec_request from = {
        .request = *request,
        .confirmed = confirmed,
        .is_again = is_again,
    };
    const struct verb *verb = &verbs[request->verb];

    if (request->start != NULL) {
        from.start = *request->start;
    }
    if (request->options != NULL) {
        from.options = *request->options;
    }
    if (request->point != NULL) {
        from.point = *request->point;
    }
    if (request->by != NULL) {
        from.by = *request->by;
    }
    wf_codec_field_write_message(fields, verb->sets, &from, verb->name, number,
                                 out_frame);
}
