// SPDX-License-Identifier: Apache-2.0
//
// client_make.c - from what a caller wrote to what travels to the node.
//
// The table says which fields a verb reads. Only those are checked and copied;
// the rest may be anything. All of it happens on the caller's thread, so that
// a partition gets nothing that is malformed or too large.

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/limits.h"
#include "runtime/actor.h"
#include "runtime/capsule.h"
#include "runtime/client_impl.h"
#include "runtime/policy.h"
#include "runtime/request.h"
#include "runtime/start.h"
#include "weft/operate.h"

enum field {
    TARGET = 1 << 0, // kind and id
    NAME = 1 << 1,   // of a signal, question or query
    REASON = 1 << 2, // also in `name`; may be missing
    DATA = 1 << 3,
    INPUT = 1 << 4, // of a start, with its policies
    TOKEN = 1 << 5,
    FAILURE = 1 << 6,  // error_name and error_message
    PAGE = 1 << 7,     // of a list
    CAPSULE = 1 << 8,  // in `data`; has the target
    BY = 1 << 9,       // who and why; may be missing
    MUST_BY = 1 << 10, // the same, and may not
    CALL = 1 << 11,    // of an open activity
    OPTIONS = 1 << 12,
    LIMIT = 1 << 13,   // of a page
    HEADERS = 1 << 14, // of a message
    GROUP = 1 << 15,   // of a count
    UPDATE = 1 << 16,  // its id, if it has one
    POINT = 1 << 17,   // of a journal
    WORKER = 1 << 18,  // and for how long it leases
    SOURCE = 1 << 19,  // a capsule in `data`, of another id than the target's
    SEEN = 1 << 20,    // of an instance
};

static const unsigned fields_of[WEFT_VERB_COUNT] = {
    [WEFT_VERB_START] = TARGET | INPUT,
    [WEFT_VERB_SIGNAL] = TARGET | NAME | DATA | HEADERS,
    [WEFT_VERB_SIGNAL_WITH_START] = TARGET | NAME | DATA | INPUT,
    [WEFT_VERB_ASK] = TARGET | NAME | DATA | HEADERS,
    [WEFT_VERB_QUERY] = TARGET | NAME | DATA,
    [WEFT_VERB_RESULT] = TARGET,
    [WEFT_VERB_CANCEL] = TARGET | BY,
    [WEFT_VERB_TERMINATE] = TARGET | REASON | BY,
    [WEFT_VERB_DESCRIBE] = TARGET,
    [WEFT_VERB_LIST] = PAGE,
    [WEFT_VERB_PAUSE] = TARGET | BY,
    [WEFT_VERB_RESUME] = TARGET | BY,
    [WEFT_VERB_COMPLETE] = TOKEN | DATA,
    [WEFT_VERB_FAIL] = TOKEN | FAILURE | DATA,
    [WEFT_VERB_HEARTBEAT] = TOKEN | DATA,
    [WEFT_VERB_UPDATE] = TARGET | NAME | DATA | UPDATE,
    [WEFT_VERB_UPDATE_WITH_START] = TARGET | NAME | DATA | UPDATE | INPUT,
    [WEFT_VERB_EXPORT] = TARGET,
    [WEFT_VERB_IMPORT] = CAPSULE,
    [WEFT_VERB_ACTIVITIES] = TARGET | CALL | LIMIT,
    [WEFT_VERB_ACTIVITY_PAUSE] = TARGET | CALL | MUST_BY,
    [WEFT_VERB_ACTIVITY_RESUME] = TARGET | CALL | MUST_BY,
    [WEFT_VERB_ACTIVITY_RESET] = TARGET | CALL | MUST_BY,
    [WEFT_VERB_ACTIVITY_CHANGE] = TARGET | CALL | OPTIONS | MUST_BY,
    [WEFT_VERB_RESET] = TARGET | POINT | MUST_BY,
    [WEFT_VERB_RETRY_FAILED] = TARGET | MUST_BY,
    [WEFT_VERB_FORK] = TARGET | SOURCE | POINT | MUST_BY,
    [WEFT_VERB_PARK] = TARGET | MUST_BY,
    [WEFT_VERB_PUBLISH] = TARGET | NAME | DATA | MUST_BY,
    [WEFT_VERB_SET_STATE] = TARGET | DATA | MUST_BY,
    [WEFT_VERB_MOVE_VERSION] = TARGET | MUST_BY,
    [WEFT_VERB_DELETE] = TARGET,
    [WEFT_VERB_COUNT_MATCHING] = PAGE | LIMIT | GROUP,
    [WEFT_VERB_LEASE] = TOKEN | WORKER,
    [WEFT_VERB_RENEW] = TOKEN | WORKER,
    [WEFT_VERB_RELEASE] = TOKEN | WORKER,
    [WEFT_VERB_DEFER] = TOKEN | WORKER,
    [WEFT_VERB_WATCH] = TARGET | SEEN,
};

// The size comes from outside, so running out of memory is the caller's to
// hear, not the process's end.
static weft_err
copy_bytes(const char *what, weft_bytes bytes, size_t len_max,
           weft_bytes *out_copy)
{
    void *copy;

    if (bytes.len == 0) {
        return WEFT_OK;
    }
    if (bytes.data == NULL) {
        return wf_error(WEFT_EINVAL, "%s has a length and no bytes", what);
    }
    if (bytes.len > len_max) {
        return wf_error(WEFT_ETOOBIG, "%s has %zu bytes, %zu are allowed", what,
                        bytes.len, len_max);
    }
    copy = wf_try_alloc(bytes.len);
    if (copy == NULL) {
        return wf_error(WEFT_ENOMEM, "%s has %zu bytes", what, bytes.len);
    }
    memcpy(copy, bytes.data, bytes.len);
    *out_copy = weft_bytes_of(copy, bytes.len);
    return WEFT_OK;
}

static weft_err
copy_payload(const char *what, weft_bytes bytes, weft_bytes *out_copy)
{
    return copy_bytes(what, bytes, WF_PAYLOAD_BYTES_MAX, out_copy);
}

// Text for people: any characters, or none.
static weft_err
copy_text(const char *what, const char *text, size_t len_max, char **out_copy)
{
    if (text == NULL || text[0] == '\0') {
        return WEFT_OK;
    }
    if (strnlen(text, len_max + 1) > len_max) {
        return wf_error(WEFT_ETOOBIG, "%s is longer than %zu bytes", what,
                        len_max);
    }
    *out_copy = wf_try_alloc(strlen(text) + 1);
    if (*out_copy == NULL) {
        return wf_error(WEFT_ENOMEM, "%s has %zu bytes", what, strlen(text));
    }
    memcpy(*out_copy, text, strlen(text) + 1);
    return WEFT_OK;
}

static weft_err
make_target(const char *name_space, weft_target target, struct wf_request *made)
{
    return wf_key_make(name_space, target.kind, target.id, &made->key);
}

// All of it is decoded once, here: what a partition has written must apply. The
// capsule is released by the caller.
static weft_err
open_capsule(weft_bytes bytes, struct wf_capsule *out_capsule)
{
    struct wf_reader reader = wf_reader_of(bytes);
    struct wf_actor *actor = NULL;
    weft_err err = wf_capsule_decode(&reader, out_capsule);

    if (err == WEFT_OK && wf_reader_left(&reader) > 0) {
        err = wf_error(WEFT_EINVAL, "there is more than one capsule");
    }
    if (err == WEFT_OK) {
        err = wf_capsule_actor(out_capsule, &actor);
    }
    if (err == WEFT_OK) {
        wf_actor_destroy(actor);
    }
    return err;
}

static weft_err
copy_image(const struct wf_capsule *capsule, struct wf_request *made)
{
    return copy_bytes("the capsule", capsule->image, WF_CAPSULE_BYTES_MAX,
                      &made->data);
}

static weft_err
make_import(const char *name_space, const weft_request *given,
            struct wf_request *made)
{
    struct wf_capsule capsule = {0};
    weft_err err = open_capsule(given->data, &capsule);

    if (err == WEFT_OK) {
        err = make_target(
            name_space,
            (weft_target){wf_key_kind(&capsule.key), wf_key_id(&capsule.key)},
            made);
    }
    if (err == WEFT_OK) {
        err = copy_image(&capsule, made);
    }
    wf_capsule_fini(&capsule);
    return err;
}

static weft_err
make_source(const weft_request *given, struct wf_request *made)
{
    struct wf_capsule capsule = {0};
    weft_err err = open_capsule(given->data, &capsule);

    if (err == WEFT_OK &&
        strcmp(wf_key_kind(&capsule.key), given->target.kind) != 0) {
        err = wf_error(WEFT_EINVAL, "the capsule is of kind %s, not %s",
                       wf_key_kind(&capsule.key), given->target.kind);
    }
    if (err == WEFT_OK) {
        err = copy_image(&capsule, made);
        made->name = wf_strdup(wf_key_id(&capsule.key));
    }
    wf_capsule_fini(&capsule);
    return err;
}

static weft_err
make_capsule(const char *name_space, const weft_request *given,
             struct wf_request *made)
{
    return (fields_of[given->verb] & SOURCE) != 0
               ? make_source(given, made)
               : make_import(name_space, given, made);
}

static weft_err
make_token(const weft_request *given, struct wf_request *made)
{
    return wf_token_decode(given->token, &made->key, &made->token);
}

static weft_err
make_name(const weft_request *given, struct wf_request *made)
{
    weft_err err = wf_name_check("the name", given->name, WF_NAME_BYTES_MAX);

    if (err == WEFT_OK) {
        made->name = wf_strdup(given->name);
    }
    return err;
}

static weft_err
make_start_options(const weft_request *given, struct wf_request *made)
{
    struct wf_buf options = {0};
    weft_err err = wf_start_of_request(given, &options);

    if (err == WEFT_OK && options.len > 0) {
        made->options = wf_bytes_copy(wf_buf_bytes(&options));
    }
    wf_buf_fini(&options);
    if (err == WEFT_OK && given->start != NULL) {
        err = wf_start_attributes(given->start, &made->attributes);
    }
    return err;
}

static weft_err
make_failure(const weft_request *given, struct wf_request *made)
{
    weft_err err =
        wf_name_check("error_name", given->error_name, WF_NAME_BYTES_MAX);

    if (err != WEFT_OK) {
        return err;
    }
    made->error_name = wf_strdup(given->error_name);
    made->retry_after_ms = given->retry_after_ms;
    made->is_for_good = given->is_for_good != 0;
    return copy_text("error_message", given->error_message,
                     WF_PAYLOAD_BYTES_MAX, &made->error_message);
}

static weft_err
make_by(const weft_request *given, struct wf_request *made)
{
    weft_err err;

    if (given->by == NULL) {
        return (fields_of[given->verb] & MUST_BY) == 0
                   ? WEFT_OK
                   : wf_error(WEFT_EINVAL, "who does it and why is missing");
    }
    err = wf_name_check("who", given->by->who, WF_NAME_BYTES_MAX);
    if (err == WEFT_OK &&
        (given->by->why == NULL || given->by->why[0] == '\0' ||
         strnlen(given->by->why, WF_WHY_BYTES_MAX + 1) > WF_WHY_BYTES_MAX)) {
        err = wf_error(WEFT_EINVAL, "why has not 1 to %d bytes",
                       WF_WHY_BYTES_MAX);
    }
    if (err != WEFT_OK) {
        return WEFT_EINVAL;
    }
    made->who = wf_strdup(given->by->who);
    made->why = wf_strdup(given->by->why);
    return WEFT_OK;
}

static weft_err
make_options(const weft_request *given, struct wf_request *made)
{
    struct wf_buf bytes = {0};
    weft_err err = wf_policy_encode(given->options, &bytes);

    if (err == WEFT_OK && bytes.len == 0) {
        err = wf_error(WEFT_EINVAL, "no option is set");
    }
    if (err == WEFT_OK &&
        (given->options->cancellation != 0 || given->options->is_local != 0 ||
         given->options->task_queue != NULL)) {
        err = wf_error(WEFT_EINVAL, "cancellation, is_local and task_queue of "
                                    "an open activity cannot be changed");
    }
    if (err == WEFT_OK) {
        made->options = wf_bytes_copy(wf_buf_bytes(&bytes));
    }
    wf_buf_fini(&bytes);
    return err;
}

static weft_err
make_point(const weft_request *given, struct wf_request *made)
{
    if (given->point == NULL) {
        return WEFT_OK; // the beginning
    }
    if (given->point->type < WEFT_POINT_BEGINNING ||
        given->point->type >= WEFT_POINT_COUNT) {
        return wf_error(WEFT_EINVAL, "point is of type %d, which is none",
                        (int)given->point->type);
    }
    made->point_type = (int)given->point->type;
    made->point_entry = given->point->entry;
    return WEFT_OK;
}

static weft_err
make_limit(const weft_request *given, struct wf_request *made)
{
    if (given->limit > WF_LIST_PAGE_MAX) {
        return wf_error(WEFT_EINVAL, "limit is over %d", WF_LIST_PAGE_MAX);
    }
    made->list_limit = given->limit == 0 ? WF_LIST_PAGE_DEFAULT : given->limit;
    return WEFT_OK;
}

static weft_err
make_page(const char *name_space, const weft_request *given,
          struct wf_request *made)
{
    const char *kind = given->target.kind;
    weft_err err;

    if (given->status < WEFT_STATUS_NONE ||
        given->status >= WEFT_STATUS_COUNT) {
        return wf_error(WEFT_EINVAL, "status is %d, which is none",
                        (int)given->status);
    }
    err = make_limit(given, made);
    if (err != WEFT_OK) {
        return err;
    }
    if (kind != NULL && kind[0] != '\0') {
        // One that is not registered now may have left instances.
        err = wf_name_check("the kind", kind, WF_KIND_BYTES_MAX);
        if (err != WEFT_OK) {
            return err;
        }
        made->list_kind = wf_strdup(kind);
    }
    made->list_namespace = wf_strdup(name_space);
    made->list_status = given->status;
    if (given->filter != NULL) {
        return wf_filter_parse(given->filter, &made->list_filter);
    }
    return WEFT_OK;
}

static weft_err
make_group(const weft_request *given, struct wf_request *made)
{
    if (given->group_by == NULL) {
        return WEFT_OK;
    }
    made->has_group = true;
    return wf_filter_parse_field(given->group_by, &made->list_group);
}

static weft_err
make_worker(const weft_request *given, struct wf_request *made)
{
    weft_err err = wf_name_check("worker", given->worker, WF_WORKER_BYTES_MAX);

    if (err != WEFT_OK) {
        return err;
    }
    made->worker = wf_strdup(given->worker);
    made->lease_ms =
        given->lease_ms == 0 ? WF_LEASE_MS_DEFAULT : given->lease_ms;
    if (made->lease_ms < WF_LEASE_MS_MIN || made->lease_ms > WF_LEASE_MS_MAX) {
        err = wf_error(WEFT_EINVAL, "lease_ms is not %d to %d", WF_LEASE_MS_MIN,
                       WF_LEASE_MS_MAX);
    }
    return err;
}

static weft_err
make_fields(const char *name_space, const weft_request *given, unsigned fields,
            struct wf_request *made)
{
    weft_err err = WEFT_OK;

    if ((fields & TARGET) != 0) {
        err = make_target(name_space, given->target, made);
    }
    if (err == WEFT_OK && (fields & TOKEN) != 0) {
        err = make_token(given, made);
    }
    if (err == WEFT_OK && (fields & NAME) != 0) {
        err = make_name(given, made);
    }
    if (err == WEFT_OK && (fields & REASON) != 0) {
        err = copy_text("the reason", given->name, WF_NAME_BYTES_MAX,
                        &made->name);
    }
    if (err == WEFT_OK && (fields & DATA) != 0) {
        err = copy_payload("the data", given->data, &made->data);
    }
    if (err == WEFT_OK && (fields & INPUT) != 0) {
        err = copy_payload("the input", given->input, &made->input);
    }
    if (err == WEFT_OK && (fields & (INPUT | HEADERS)) != 0) {
        err = make_start_options(given, made);
    }
    if (err == WEFT_OK && (fields & FAILURE) != 0) {
        err = make_failure(given, made);
    }
    if (err == WEFT_OK && (fields & (BY | MUST_BY)) != 0) {
        err = make_by(given, made);
    }
    if (err == WEFT_OK && (fields & OPTIONS) != 0) {
        err = make_options(given, made);
    }
    if (err == WEFT_OK && (fields & LIMIT) != 0) {
        err = make_limit(given, made);
    }
    if ((fields & CALL) != 0) {
        made->call = given->call;
    }
    if (err == WEFT_OK && (fields & PAGE) != 0) {
        err = make_page(name_space, given, made);
    }
    if (err == WEFT_OK && (fields & UPDATE) != 0 && given->update_id != NULL) {
        err = wf_name_check("update_id", given->update_id, WF_NAME_BYTES_MAX);
        if (err == WEFT_OK) {
            made->update_id = wf_strdup(given->update_id);
        }
    }
    if (err == WEFT_OK && (fields & UPDATE) != 0 && given->update_accepted) {
        made->is_told_early = true;
        if (given->update_id == NULL) {
            err = wf_error(WEFT_EINVAL, "update_accepted needs an update_id");
        }
    }
    if (err == WEFT_OK && (fields & POINT) != 0) {
        err = make_point(given, made);
    }
    if (err == WEFT_OK && (fields & (CAPSULE | SOURCE)) != 0) {
        err = make_capsule(name_space, given, made);
    }
    if (err == WEFT_OK && (fields & WORKER) != 0) {
        err = make_worker(given, made);
    }
    if (err == WEFT_OK && (fields & GROUP) != 0) {
        err = make_group(given, made);
    }
    made->after = (fields & SEEN) != 0 ? given->after : 0;
    return err;
}

weft_err
wf_client_make(const weft_client *client, const char *name_space,
               const weft_request *request, struct wf_request **out_request)
{
    struct wf_request *made;
    weft_err err;

    if (request->verb < WEFT_VERB_START || request->verb >= WEFT_VERB_COUNT) {
        return wf_error(WEFT_EINVAL, "verb is %d, which is none",
                        (int)request->verb);
    }
    if (request->number > UINT64_MAX / 2) {
        return wf_error(WEFT_EINVAL, "number is over half of its range");
    }
    made = wf_request_create();
    made->verb = request->verb;
    made->is_terminating = request->terminate_first != 0;
    made->version = request->version;
    err = make_fields(name_space, request, fields_of[request->verb], made);
    if (err == WEFT_OK) {
        err = client->port.ops->prepare(client->port.self, name_space, request,
                                        made);
    }
    if (err != WEFT_OK) {
        wf_request_destroy(made);
        return err;
    }
    memcpy(made->client, client->client_id, sizeof(made->client));
    *out_request = made;
    return WEFT_OK;
}

weft_err
wf_client_check(const weft_client *client, const weft_request *request)
{
    struct wf_request *made = wf_request_create();
    weft_err err =
        make_fields(client->name_space, request,
                    fields_of[request->verb] & ~(unsigned)TARGET, made);

    wf_request_destroy(made);
    return err;
}
