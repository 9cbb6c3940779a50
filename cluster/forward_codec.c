// SPDX-License-Identifier: Apache-2.0
//
// forward_codec.c - see forward_codec.h.
//
// One table has all fields of all requests; a field that is empty, 0 or false
// is not written, so a request takes what it has. Texts are bytes here: a
// node's own callers may name things in other ways than UTF-8.

#include "cluster/forward_codec.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"
#include "remote/codec.h"
#include "remote/codec_field.h"
#include "runtime/actor.h"
#include "runtime/attributes.h"
#include "runtime/capsule.h"
#include "runtime/filter.h"
#include "runtime/request.h"
#include "runtime/start.h"
#include "transport/wire.h"
#include "weft/operate.h"

enum {
    OPTIONS_BYTES_MAX = 256 << 10,
    POSITION_BYTES_MAX = 4096,
};

// A request, with all that it points to.
struct said {
    weft_bytes key;
    weft_bytes client;
    uint64_t confirmed;
    bool is_repeat;
    bool is_patient;
    uint64_t wait_ms;

    weft_bytes name;
    weft_bytes input;
    weft_bytes options;
    weft_bytes attributes;
    weft_bytes update_id;
    bool is_told_early;
    uint64_t token_run;
    uint32_t token_command;
    uint32_t token_attempt;
    weft_bytes error_name;
    weft_bytes error_message;
    uint64_t retry_after_ms;
    bool is_for_good;
    weft_bytes worker;
    uint32_t lease_ms;
    uint64_t after;
    weft_bytes who;
    weft_bytes why;
    uint32_t call;
    uint32_t version;
    uint32_t point_type;
    uint64_t point_entry;
    uint64_t point_run;
    bool is_terminating;

    weft_bytes list_namespace;
    weft_bytes list_kind;
    uint32_t list_status;
    weft_bytes list_filter;
    bool has_filter; // one that is empty is one too
    weft_bytes group_field;
    weft_bytes group_attribute;
    weft_bytes list_after;
    uint32_t list_limit;
};

#define IN(member) .at = offsetof(struct said, member)
static const struct wf_codec_field fields[] = {
    {"key", WF_CODEC_BYTES, IN(key), .max = WF_KEY_BYTES_MAX},
    {"client", WF_CODEC_BYTES, IN(client), .max = 16, .is_needed = true},
    {"confirmed", WF_CODEC_U64, IN(confirmed)},
    {"repeat", WF_CODEC_BOOL, IN(is_repeat)},
    {"patient", WF_CODEC_BOOL, IN(is_patient)},
    {"wait_ms", WF_CODEC_U64, IN(wait_ms)},
    {"name", WF_CODEC_BYTES, IN(name), .max = WF_ID_BYTES_MAX},
    {"input", WF_CODEC_BYTES, IN(input), .max = WF_PAYLOAD_BYTES_MAX},
    {"options", WF_CODEC_BYTES, IN(options), .max = OPTIONS_BYTES_MAX},
    {"attributes", WF_CODEC_BYTES, IN(attributes),
     .max = WF_ATTRIBUTES_BYTES_MAX},
    {"update_id", WF_CODEC_BYTES, IN(update_id), .max = WF_NAME_BYTES_MAX},
    {"told_early", WF_CODEC_BOOL, IN(is_told_early)},
    {"token_run", WF_CODEC_U64, IN(token_run)},
    {"token_command", WF_CODEC_U32, IN(token_command)},
    {"token_attempt", WF_CODEC_U32, IN(token_attempt)},
    {"error_name", WF_CODEC_BYTES, IN(error_name), .max = WF_NAME_BYTES_MAX},
    {"error_message", WF_CODEC_BYTES, IN(error_message),
     .max = WF_PAYLOAD_BYTES_MAX},
    {"retry_after_ms", WF_CODEC_U64, IN(retry_after_ms)},
    {"for_good", WF_CODEC_BOOL, IN(is_for_good)},
    {"worker", WF_CODEC_BYTES, IN(worker), .max = WF_WORKER_BYTES_MAX},
    {"lease_ms", WF_CODEC_U32, IN(lease_ms), .max = WF_LEASE_MS_MAX},
    {"after", WF_CODEC_U64, IN(after)},
    {"who", WF_CODEC_BYTES, IN(who), .max = WF_NAME_BYTES_MAX},
    {"why", WF_CODEC_BYTES, IN(why), .max = WF_WHY_BYTES_MAX},
    {"call", WF_CODEC_U32, IN(call)},
    {"version", WF_CODEC_U32, IN(version)},
    {"point", WF_CODEC_U32, IN(point_type), .max = WEFT_POINT_COUNT - 1},
    {"point_entry", WF_CODEC_U64, IN(point_entry)},
    {"point_run", WF_CODEC_U64, IN(point_run)},
    {"terminating", WF_CODEC_BOOL, IN(is_terminating)},
    {"namespace", WF_CODEC_BYTES, IN(list_namespace),
     .max = WF_NAMESPACE_BYTES_MAX},
    {"kind", WF_CODEC_BYTES, IN(list_kind), .max = WF_KIND_BYTES_MAX},
    {"status", WF_CODEC_U32, IN(list_status), .max = WEFT_STATUS_COUNT - 1},
    {"filter", WF_CODEC_BYTES, IN(list_filter), .max = WF_FILTER_BYTES_MAX},
    {"has_filter", WF_CODEC_BOOL, IN(has_filter)},
    {"group_field", WF_CODEC_BYTES, IN(group_field),
     .max = WF_ATTRIBUTE_NAME_BYTES_MAX},
    {"group_attribute", WF_CODEC_BYTES, IN(group_attribute),
     .max = WF_ATTRIBUTE_NAME_BYTES_MAX},
    {"position", WF_CODEC_BYTES, IN(list_after), .max = POSITION_BYTES_MAX},
    {"limit", WF_CODEC_U32, IN(list_limit), .max = WF_LIST_PAGE_MAX},
    {NULL},
};
#undef IN

// Requests out. ---------------------------------------------------------------

static void
say_page(const struct wf_request *request, struct said *said)
{
    bool is_attribute = request->list_group.id == WF_FILTER_ATTRIBUTE;

    said->list_namespace = weft_text(request->list_namespace);
    said->list_kind = weft_text(request->list_kind);
    said->list_status = (uint32_t)request->list_status;
    said->list_after = request->list_after;
    said->list_limit = request->list_limit;
    if (request->list_filter != NULL) {
        said->has_filter = true;
        said->list_filter = weft_text(wf_filter_text(request->list_filter));
    }
    if (request->has_group && is_attribute) {
        said->group_attribute = weft_text(request->list_group.name);
    } else if (request->has_group) {
        said->group_field = weft_text(request->list_group.name);
    }
}

static void
say_strings(const struct wf_request *request, struct said *said)
{
    said->key = wf_key_bytes(&request->key);
    said->client = weft_bytes_of(request->client, sizeof(request->client));
    said->name = weft_text(request->name);
    said->input = request->input;
    said->options = request->options;
    said->attributes = request->attributes;
    said->update_id = weft_text(request->update_id);
    said->error_name = weft_text(request->error_name);
    said->error_message = weft_text(request->error_message);
    said->worker = weft_text(request->worker);
    said->who = weft_text(request->who);
    said->why = weft_text(request->why);
}

static void
say_numbers(const struct wf_request *request, struct said *said)
{
    said->confirmed = request->confirmed;
    said->is_repeat = wf_request_may_have_happened(request);
    said->is_patient = request->is_patient;
    said->wait_ms = request->wait_ms;
    said->is_told_early = request->is_told_early;
    said->token_run = request->token.run;
    said->token_command = request->token.command;
    said->token_attempt = request->token.attempt;
    said->retry_after_ms = request->retry_after_ms;
    said->is_for_good = request->is_for_good;
    said->lease_ms = request->lease_ms;
    said->after = request->after;
    said->call = request->call;
    said->version = request->version;
    said->point_type = (uint32_t)request->point_type;
    said->point_entry = request->point_entry;
    said->point_run = request->point_run;
    said->is_terminating = request->is_terminating;
}

void
wf_forward_codec_request_encode(const struct wf_request *request,
                                struct wf_buf *out)
{
    struct said said = {.is_repeat = false};

    say_strings(request, &said);
    say_numbers(request, &said);
    say_page(request, &said);
    wf_codec_field_write_message(fields, 0, &said,
                                 wf_codec_verb_name(request->verb),
                                 request->number, out);
}

// Requests in. ----------------------------------------------------------------

static bool
is_text(weft_bytes text)
{
    return text.len == 0 || memchr(text.data, '\0', text.len) == NULL;
}

static bool
are_texts(const struct said *said)
{
    return is_text(said->name) && is_text(said->update_id) &&
           is_text(said->error_name) && is_text(said->error_message) &&
           is_text(said->worker) && is_text(said->who) && is_text(said->why) &&
           is_text(said->list_namespace) && is_text(said->list_kind) &&
           is_text(said->list_filter) && is_text(said->group_field) &&
           is_text(said->group_attribute);
}

// A request's own copy. Nothing is allocated for "", which all share.
static void
own_text(weft_bytes text, char **out_text)
{
    char *copy;

    if (text.len > 0) {
        copy = wf_alloc(text.len + 1);
        memcpy(copy, text.data, text.len);
        copy[text.len] = '\0';
        *out_text = copy;
    }
}

static weft_bytes
own_bytes(weft_bytes bytes)
{
    return bytes.len == 0 ? weft_nothing() : wf_bytes_copy(bytes);
}

static void
take_strings(const struct said *said, struct wf_request *request)
{
    own_text(said->name, &request->name);
    own_text(said->update_id, &request->update_id);
    own_text(said->error_name, &request->error_name);
    own_text(said->error_message, &request->error_message);
    own_text(said->worker, &request->worker);
    own_text(said->who, &request->who);
    own_text(said->why, &request->why);
    own_text(said->list_namespace, &request->list_namespace);
    own_text(said->list_kind, &request->list_kind);
    request->input = own_bytes(said->input);
    request->options = own_bytes(said->options);
    request->attributes = own_bytes(said->attributes);
    request->list_after = own_bytes(said->list_after);
    memcpy(request->client, said->client.data, sizeof(request->client));
}

static void
take_numbers(const struct said *said, struct wf_request *request)
{
    request->confirmed = said->confirmed;
    request->is_repeat = said->is_repeat;
    request->is_patient = said->is_patient;
    request->wait_ms = said->wait_ms;
    request->is_told_early = said->is_told_early;
    request->token = (struct wf_token){.run = said->token_run,
                                       .command = said->token_command,
                                       .attempt = said->token_attempt};
    request->retry_after_ms = said->retry_after_ms;
    request->is_for_good = said->is_for_good;
    request->lease_ms = said->lease_ms;
    request->after = said->after;
    request->call = said->call;
    request->version = said->version;
    request->point_type = (int)said->point_type;
    request->point_entry = said->point_entry;
    request->point_run = said->point_run;
    request->is_terminating = said->is_terminating;
    request->list_status = (weft_status)said->list_status;
    request->list_limit = said->list_limit;
}

// Which partition it is for, by its key; those that go through all partitions
// have none.
static weft_err
take_key(weft_bytes key, uint32_t partition_count, struct wf_request *request)
{
    if (wf_request_is_paged(request)) {
        return key.len == 0 ? WEFT_OK
                            : wf_error(WEFT_EINVAL, "key: it has none");
    }
    if (!wf_key_decode(key, &request->key)) {
        return wf_error(WEFT_EINVAL, "key: it is none");
    }
    return wf_key_partition(&request->key, partition_count) ==
                   request->partition
               ? WEFT_OK
               : wf_error(WEFT_EINVAL, "key: it is of another partition");
}

static weft_err
take_find(const struct said *said, struct wf_request *request)
{
    char name[WF_ATTRIBUTE_NAME_BYTES_MAX + 1] = "";
    char filter[WF_FILTER_BYTES_MAX + 1] = "";
    weft_err err = WEFT_OK;

    memcpy(filter, said->list_filter.len == 0 ? "" : said->list_filter.data,
           said->list_filter.len);
    if (said->has_filter) {
        err = wf_filter_parse(filter, &request->list_filter);
    }
    if (err == WEFT_OK && said->group_field.len > 0) {
        memcpy(name, said->group_field.data, said->group_field.len);
        request->has_group = true;
        err = wf_filter_parse_field(name, &request->list_group);
    } else if (err == WEFT_OK && said->group_attribute.len > 0) {
        request->has_group = true;
        request->list_group.id = WF_FILTER_ATTRIBUTE;
        memcpy(request->list_group.name, said->group_attribute.data,
               said->group_attribute.len);
    }
    return err;
}

// An image that a partition has taken must apply: all of it is decoded here.
static weft_err
check_image(const struct wf_request *request)
{
    const char *id = request->verb == WEFT_VERB_FORK ? request->name
                                                     : wf_key_id(&request->key);
    struct wf_capsule capsule = {.image = request->data};
    struct wf_actor *actor = NULL;
    weft_err err = wf_key_make(wf_key_namespace(&request->key),
                               wf_key_kind(&request->key), id, &capsule.key);

    if (err == WEFT_OK) {
        err = wf_capsule_actor(&capsule, &actor);
    }
    if (err == WEFT_OK) {
        wf_actor_destroy(actor);
    }
    wf_capsule_fini(&capsule);
    return err;
}

// The data of these is an image, which may be larger than a payload.
static bool
has_image(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_IMPORT || request->verb == WEFT_VERB_FORK;
}

static weft_err
take_data(weft_bytes data, struct wf_request *request)
{
    size_t max =
        has_image(request) ? WF_CAPSULE_BYTES_MAX : WF_PAYLOAD_BYTES_MAX;

    if (data.len > max) {
        return wf_error(WEFT_EINVAL, "its data has %zu bytes", data.len);
    }
    request->data = own_bytes(data);
    return has_image(request) ? check_image(request) : WEFT_OK;
}

static bool
is_start(const struct wf_start *start)
{
    return start->reuse >= WEFT_REUSE_ALLOW &&
           start->reuse <= WEFT_REUSE_REJECT &&
           start->conflict >= WEFT_CONFLICT_FAIL &&
           start->conflict <= WEFT_CONFLICT_TERMINATE_EXISTING;
}

// What client_make.c writes in forms of weft's own.
static weft_err
check_packed(const struct wf_request *request)
{
    struct wf_start start;

    if (request->verb != WEFT_VERB_ACTIVITY_CHANGE &&
        (!wf_start_decode(request->options, &start) || !is_start(&start))) {
        return wf_error(WEFT_EINVAL, "options: they do not decode");
    }
    return wf_attributes_is_set(request->attributes)
               ? WEFT_OK
               : wf_error(WEFT_EINVAL, "attributes: they are no set");
}

static bool
is_leasing(const struct wf_request *request)
{
    return request->verb == WEFT_VERB_LEASE || request->verb == WEFT_VERB_RENEW;
}

static weft_err
check_ranges(const struct wf_request *request)
{
    if (is_leasing(request) && request->lease_ms < WF_LEASE_MS_MIN) {
        return wf_error(WEFT_EINVAL, "lease_ms: it is below %d",
                        WF_LEASE_MS_MIN);
    }
    if (is_leasing(request) && request->worker[0] == '\0') {
        return wf_error(WEFT_EINVAL, "worker: it is missing");
    }
    if ((wf_request_is_paged(request) ||
         request->verb == WEFT_VERB_ACTIVITIES) &&
        request->list_limit == 0) {
        return wf_error(WEFT_EINVAL, "limit: it is missing");
    }
    return WEFT_OK;
}

static weft_err
take_all(const struct said *said, weft_bytes data, uint32_t partition_count,
         struct wf_request *request)
{
    weft_err err;

    if (said->client.len != sizeof(request->client) || !are_texts(said)) {
        return wf_error(WEFT_EINVAL, "a text has a NUL, or client is no id");
    }
    take_strings(said, request);
    take_numbers(said, request);
    err = take_key(said->key, partition_count, request);
    if (err == WEFT_OK) {
        err = take_find(said, request);
    }
    if (err == WEFT_OK) {
        err = check_packed(request);
    }
    if (err == WEFT_OK) {
        err = check_ranges(request);
    }
    return err == WEFT_OK ? take_data(data, request) : err;
}

weft_err
wf_forward_codec_request_decode(weft_bytes bytes, weft_bytes data,
                                uint32_t partition, uint32_t partition_count,
                                struct wf_request **out_request)
{
    struct wf_arena memory = {0};
    struct wf_codec_reading how = {WF_CODEC_REQUEST, 0, &memory};
    struct said said = {.is_repeat = false};
    struct wf_wire_message message;
    struct wf_request *request;
    weft_err err = wf_wire_read_request(bytes, &message);
    weft_verb verb = WEFT_VERB_START;

    *out_request = NULL;
    if (err == WEFT_OK && !wf_codec_verb_find(message.verb, &verb)) {
        err = wf_error(WEFT_EINVAL, "there is no such verb");
    }
    if (err == WEFT_OK) {
        err =
            wf_codec_field_read(&how, fields, wf_wire_fields(&message), &said);
    }
    if (err == WEFT_OK && partition >= partition_count) {
        err = wf_error(WEFT_EINVAL, "there is no partition %u", partition);
    }
    if (err == WEFT_OK) {
        request = wf_request_create();
        request->verb = verb;
        request->number = message.number;
        request->partition = partition;
        err = take_all(&said, data, partition_count, request);
        if (err == WEFT_OK) {
            *out_request = request;
        } else {
            wf_request_destroy(request);
        }
    }
    wf_arena_fini(&memory);
    return err == WEFT_OK ? WEFT_OK : WEFT_EINVAL;
}

// Answers. --------------------------------------------------------------------

// What a watch answers is pairs, which a message has as a map.
static bool
has_data_apart(weft_verb verb)
{
    return verb != WEFT_VERB_WATCH;
}

void
wf_forward_codec_answer_encode(struct wf_request *request, struct wf_buf *out,
                               weft_bytes *out_data, weft_bytes *out_position)
{
    weft_reply reply;

    if (request->verb == WEFT_VERB_COUNT_MATCHING) {
        wf_request_answer_groups(request);
    }
    reply = request->reply;
    reply.number = request->number;
    *out_data = weft_nothing();
    *out_position = request->list_next;
    if (has_data_apart(request->verb)) {
        *out_data = reply.data;
        reply.data = weft_nothing();
    }
    wf_codec_reply_encode(request->verb, &reply, out);
}

weft_err
wf_forward_codec_answer_decode(weft_bytes bytes, weft_bytes data,
                               weft_bytes position, struct wf_request *into)
{
    struct wf_wire_message message;
    weft_err err = wf_wire_read(bytes, &message);

    if (err == WEFT_OK) {
        err = wf_codec_reply_decode(into->verb, &message, into);
    }
    if (err != WEFT_OK) {
        return WEFT_ECORRUPT;
    }
    if (has_data_apart(into->verb)) {
        wf_request_answer_data(into, data);
    }
    into->list_next = own_bytes(position);
    return WEFT_OK;
}
