// SPDX-License-Identifier: Apache-2.0
//
// codec_reply.c - answers as messages.
//
// Threads: none; everything is the caller's.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"
#include "remote/codec.h"
#include "remote/codec_field.h"
#include "remote/codec_instance.h"
#include "remote/codec_operate.h"
#include "runtime/request.h"
#include "transport/wire.h"
#include "weft/worker.h"

// All that an "ok" may have. What only one verb has is in a set of its own.
struct ok {
    int is_created;
    weft_bytes data;
    weft_description instance;
    const weft_description *instances;
    size_t instances_count;
    const char *cursor;
    const weft_open_activity *activities;
    size_t activities_count;
    uint64_t count;
    weft_lease lease;
    weft_bytes values; // of a watch; in the reply they are its data
    uint64_t after;
};

enum {
    DESCRIBE = 1 << 0,
    LIST = 1 << 1,
    ACTIVITIES = 1 << 2,
    COUNT = 1 << 3,
    LEASE = 1 << 4,
    WATCH = 1 << 5,
    OTHER = 1 << 6,
};

#define IN(member) .at = offsetof(weft_open_activity, member)
static const struct wf_codec_field activity_fields[] = {
    {"call", WF_CODEC_U32, IN(call)},
    {"name", WF_CODEC_TEXT, IN(name)},
    {"attempt", WF_CODEC_U32, IN(attempt)},
    {"lost", WF_CODEC_U32, IN(lost)},
    {"opened_at_ms", WF_CODEC_U64, IN(opened_at_ms)},
    {"next_at_ms", WF_CODEC_U64, IN(next_at_ms)},
    {"is_running", WF_CODEC_FLAG, IN(is_running)},
    {"is_deferred", WF_CODEC_FLAG, IN(is_deferred)},
    {"is_paused", WF_CODEC_FLAG, IN(is_paused)},
    {"is_cancel_requested", WF_CODEC_FLAG, IN(is_cancel_requested)},
    {"is_abandoned", WF_CODEC_FLAG, IN(is_abandoned)},
    {"is_local", WF_CODEC_FLAG, IN(is_local)},
    {"task_queue", WF_CODEC_TEXT, IN(task_queue)},
    {"is_offered", WF_CODEC_FLAG, IN(is_offered)},
    {"worker", WF_CODEC_TEXT, IN(worker)},
    {"failed_at_ms", WF_CODEC_U64, IN(failed_at_ms)},
    {"failure", WF_CODEC_MAP, IN(failure), .of = wf_codec_field_failure},
    {"details_len", WF_CODEC_U64, IN(details_len)},
    {NULL},
};
#undef IN
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "details_len is a U64");

#define IN(member) .at = offsetof(weft_lease, member)
static const struct wf_codec_field lease_fields[] = {
    {"activity", WF_CODEC_TEXT, IN(activity)},
    {"input", WF_CODEC_BYTES, IN(input)},
    {"headers", WF_CODEC_PACKED, IN(headers)},
    {"attempt", WF_CODEC_U32, IN(attempt)},
    {"key", WF_CODEC_TEXT, IN(key)},
    {"details", WF_CODEC_BYTES, IN(details)},
    {"caller", WF_CODEC_TEXT, IN(caller_id)},
    {"timeouts", WF_CODEC_MAP, IN(timeouts), .of = wf_codec_operate_timeouts},
    {"leased_at_ms", WF_CODEC_U64, IN(leased_at_ms)},
    {"deadline_ms", WF_CODEC_U64, IN(deadline_ms)},
    {"lease_ms", WF_CODEC_U32, IN(lease_ms)},
    {"is_paused", WF_CODEC_FLAG, IN(is_paused)},
    {"is_cancel_requested", WF_CODEC_FLAG, IN(is_cancel_requested)},
    {NULL},
};
#undef IN

#define IN(member) .at = offsetof(struct ok, member)
#define MORE(member) .more_at = offsetof(struct ok, member)
static const struct wf_codec_field ok_fields[] = {
    {"is_created", WF_CODEC_FLAG, IN(is_created)},
    {"data", WF_CODEC_BYTES, IN(data)},
    {"instance", WF_CODEC_MAP, DESCRIBE | WATCH, IN(instance),
     .of = wf_codec_instance_fields},
    {"instances", WF_CODEC_LIST, LIST, IN(instances), MORE(instances_count),
     .of = wf_codec_instance_fields, .size = sizeof(weft_description)},
    {"cursor", WF_CODEC_TEXT, LIST, IN(cursor)},
    {"activities", WF_CODEC_LIST, ACTIVITIES, IN(activities),
     MORE(activities_count), .of = activity_fields,
     .size = sizeof(weft_open_activity)},
    {"count", WF_CODEC_U64, COUNT, IN(count)},
    {"lease", WF_CODEC_MAP, LEASE, IN(lease), .of = lease_fields},
    {"values", WF_CODEC_PACKED, WATCH, IN(values)},
    {"after", WF_CODEC_U64, WATCH, IN(after)},
    {NULL},
};
#undef IN
#undef MORE

static unsigned
sets_of(weft_verb verb)
{
    switch (verb) {
    case WEFT_VERB_DESCRIBE:
        return DESCRIBE;
    case WEFT_VERB_WATCH:
        return WATCH;
    case WEFT_VERB_LIST:
        return LIST;
    case WEFT_VERB_ACTIVITIES:
        return ACTIVITIES;
    case WEFT_VERB_COUNT_MATCHING:
        return COUNT;
    case WEFT_VERB_LEASE:
    case WEFT_VERB_RENEW:
        return LEASE;
    default:
        return OTHER;
    }
}

// What an "error" has.
struct failed {
    const char *code;
    const char *class_name;
    const char *text;
    uint64_t retry_after_ms;
    weft_failure failure;
};

#define IN(member) .at = offsetof(struct failed, member)
static const struct wf_codec_field error_fields[] = {
    {"code", WF_CODEC_TEXT, IN(code)},
    {"class", WF_CODEC_TEXT, IN(class_name)},
    {"text", WF_CODEC_TEXT, IN(text)},
    {"retry_after_ms", WF_CODEC_U64, IN(retry_after_ms)},
    {"failure", WF_CODEC_MAP, IN(failure), .of = wf_codec_field_failure},
    {NULL},
};
#undef IN

// Writing. --------------------------------------------------------------------

static void
write_error(uint64_t number, const struct failed *failed,
            struct wf_buf *out_frame)
{
    wf_codec_field_write_message(error_fields, 0, failed, "error", number,
                                 out_frame);
}

void
wf_codec_error_encode(uint64_t number, weft_err err, const char *text,
                      struct wf_buf *out_frame)
{
    bool has_text = text != NULL && text[0] != '\0';
    struct failed failed = {
        .code = weft_err_name(err),
        .class_name = weft_err_class(err),
        .text = has_text ? text : weft_err_text(err),
    };

    write_error(number, &failed, out_frame);
}

static void
write_failed(const weft_reply *reply, struct wf_buf *out_frame)
{
    bool has_text = reply->detail != NULL && reply->detail[0] != '\0';
    struct failed failed = {
        .code = weft_err_name(reply->err),
        .class_name = weft_err_class(reply->err),
        .text = has_text ? reply->detail : weft_err_text(reply->err),
        .retry_after_ms = reply->retry_after_ms,
        .failure = reply->failure,
    };

    write_error(reply->number, &failed, out_frame);
}

static void
write_groups(const weft_group *groups, size_t count,
             struct wf_wire_writer *writer)
{
    if (count == 0) {
        return;
    }
    wf_wire_open_array(writer, "groups");
    for (size_t i = 0; i < count; i++) {
        wf_wire_open_array(writer, NULL);
        wf_codec_field_write_value(&groups[i].value, NULL, writer);
        wf_wire_put_uint(writer, NULL, groups[i].count);
        wf_wire_close(writer);
    }
    wf_wire_close(writer);
}

static void
write_ok(weft_verb verb, const weft_reply *reply, struct wf_buf *out_frame)
{
    struct ok ok = {
        .is_created = reply->is_created,
        .data = reply->data,
        .instances = reply->items,
        .instances_count = reply->items_count,
        .cursor = reply->cursor,
        .activities = reply->activities,
        .activities_count = reply->activities_count,
        .count = reply->count,
        .after = reply->after,
    };
    struct wf_wire_writer writer;

    if (verb == WEFT_VERB_WATCH) {
        ok.values = ok.data;
        ok.data = weft_nothing();
    }

    if (reply->items_count > 0) {
        ok.instance = reply->items[0];
    }
    if (reply->lease != NULL) {
        ok.lease = *reply->lease;
    }
    wf_wire_begin(&writer, out_frame, "ok", reply->number);
    writer.is_answer = true;
    wf_codec_field_write(ok_fields, sets_of(verb), &ok, &writer);
    if (verb == WEFT_VERB_COUNT_MATCHING) {
        write_groups(reply->groups, reply->groups_count, &writer);
    }
    wf_wire_end(&writer);
}

// A list with all its memos, or a capsule, may be more than a message holds.
void
wf_codec_size_check(uint64_t number, size_t before, struct wf_buf *out_frame)
{
    size_t size = out_frame->len - before;
    char text[160];

    if (size <= WF_WIRE_MESSAGE_BYTES_MAX) {
        return;
    }
    snprintf(text, sizeof(text),
             "the answer has %zu bytes, %u are allowed in a message: ask for "
             "fewer of a list, and beside the node for a capsule",
             size, WF_WIRE_MESSAGE_BYTES_MAX);
    wf_buf_truncate(out_frame, before);
    wf_codec_error_encode(number, WEFT_ETOOBIG, text, out_frame);
}

void
wf_codec_reply_encode(weft_verb verb, const weft_reply *reply,
                      struct wf_buf *out_frame)
{
    size_t before = out_frame->len;

    if (reply->err == WEFT_OK) {
        write_ok(verb, reply, out_frame);
    } else {
        write_failed(reply, out_frame);
    }
    wf_codec_size_check(reply->number, before, out_frame);
}

// Reading. --------------------------------------------------------------------

static weft_err
read_group(const struct wf_codec_reading *how,
           const struct wf_wire_field *field, weft_group *out_group)
{
    struct wf_wire_walk walk = {0};
    struct wf_wire_field entry;
    weft_err err = wf_wire_array(field, &walk);

    if (err == WEFT_OK && walk.count != 2) {
        err = wf_wire_error(WEFT_EINVAL, field, "want [[type, value], count]");
    }
    if (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        err = wf_codec_field_read_value(how, &entry, &out_group->value);
    }
    if (err == WEFT_OK && wf_wire_next(&walk, &entry)) {
        err = wf_wire_uint(&entry, UINT64_MAX, &out_group->count);
    }
    return err;
}

// One after the other into the request's.
static weft_err
read_groups(const struct wf_codec_reading *how,
            const struct wf_wire_message *message, struct wf_groups *groups)
{
    struct wf_wire_walk walk = wf_wire_fields(message);
    struct wf_wire_walk list = {0};
    struct wf_wire_field field;
    struct wf_wire_field entry;
    weft_err err = WEFT_OK;

    while (wf_wire_next(&walk, &field)) {
        if (wf_wire_field_is(&field, "groups")) {
            err = wf_wire_array(&field, &list);
            break;
        }
    }
    while (err == WEFT_OK && wf_wire_next(&list, &entry)) {
        weft_group group = {.count = 0};
        struct wf_groups one = {.groups = &group, .groups_count = 1};

        err = read_group(how, &entry, &group);
        if (err == WEFT_OK) {
            err = wf_groups_merge(groups, &one);
        }
    }
    return err;
}

static bool
has_field(const struct wf_wire_message *message, const char *name)
{
    struct wf_wire_walk walk = wf_wire_fields(message);
    struct wf_wire_field field;

    while (wf_wire_next(&walk, &field)) {
        if (wf_wire_field_is(&field, name)) {
            return true;
        }
    }
    return false;
}

static bool
has_instance(weft_verb verb)
{
    return verb == WEFT_VERB_DESCRIBE || verb == WEFT_VERB_WATCH;
}

static void
give_ok(const struct ok *ok, weft_verb verb, struct wf_request *into)
{
    wf_request_answer(into, WEFT_OK, NULL);
    wf_request_answer_data(into,
                           verb == WEFT_VERB_WATCH ? ok->values : ok->data);
    into->reply.is_created = ok->is_created;
    into->reply.after = ok->after;
    if (has_instance(verb)) {
        wf_request_answer_item(into, &ok->instance);
    }
    if (sets_of(verb) == LEASE) {
        wf_request_answer_lease(into, &ok->lease);
    }
    for (size_t i = 0; i < ok->instances_count; i++) {
        wf_request_answer_item(into, &ok->instances[i]);
    }
    for (size_t i = 0; i < ok->activities_count; i++) {
        wf_request_answer_activity(into, &ok->activities[i]);
    }
    if (ok->cursor != NULL && ok->cursor[0] != '\0') {
        into->reply.cursor = wf_strdup(ok->cursor);
    }
    if (verb == WEFT_VERB_COUNT_MATCHING) {
        into->groups.count = ok->count;
        wf_request_answer_groups(into);
    }
}

static weft_err
read_ok(const struct wf_codec_reading *given, weft_verb verb,
        const struct wf_wire_message *message, struct wf_request *into)
{
    struct wf_codec_reading how = *given;
    struct ok ok = {.data = {NULL, 0}};
    weft_err err;

    how.sets = sets_of(verb);
    if (has_instance(verb) && !has_field(message, "instance")) {
        return wf_error(WEFT_EINVAL, "instance: is missing");
    }
    if (verb == WEFT_VERB_LEASE && !has_field(message, "lease")) {
        return wf_error(WEFT_EINVAL, "lease: is missing");
    }
    err = wf_codec_field_read_message(&how, ok_fields, message, "ok", &ok);
    if (err == WEFT_OK && verb == WEFT_VERB_COUNT_MATCHING) {
        err = read_groups(&how, message, &into->groups);
    }
    if (err == WEFT_OK) {
        give_ok(&ok, verb, into);
    }
    return err;
}

// One that says as much as a code that is unknown here.
static weft_err
err_of_class(const char *class_name)
{
    static const weft_err known[] = {
        WEFT_EINVAL, WEFT_EBUSY, WEFT_EIO, WEFT_EFORMAT, WEFT_ECANCELLED,
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(weft_err_class(known[i]), class_name) == 0) {
            return known[i];
        }
    }
    return WEFT_EFORMAT;
}

weft_err
wf_codec_code_find(weft_bytes name)
{
    static const weft_err all[] = {
#define X(name, value, class, text) WEFT_##name,
        WEFT_ERROR_TABLE(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i] != WEFT_OK &&
            wf_bytes_equal(name, weft_text(weft_err_name(all[i])))) {
            return all[i];
        }
    }
    return WEFT_OK;
}

static weft_err
read_error(const struct wf_codec_reading *how,
           const struct wf_wire_message *message, struct wf_request *into)
{
    struct failed failed = {.code = ""};
    weft_err code;
    weft_err err = wf_codec_field_read_message(how, error_fields, message,
                                               "error", &failed);

    if (err != WEFT_OK) {
        return err;
    }
    code = wf_codec_code_find(weft_text(failed.code));
    if (code != WEFT_OK) {
        wf_request_answer(into, code, failed.text);
    } else {
        code = err_of_class(failed.class_name);
        (void)wf_error(code, "%.60s: %s", failed.code, failed.text);
        wf_request_answer(into, code, weft_err_detail());
    }
    if (failed.retry_after_ms > 0) {
        into->reply.retry_after_ms = failed.retry_after_ms > UINT32_MAX
                                         ? UINT32_MAX
                                         : (uint32_t)failed.retry_after_ms;
    }
    if (failed.failure.name[0] != '\0') {
        wf_request_answer_failure(into, &failed.failure);
    }
    return WEFT_OK;
}

weft_err
wf_codec_reply_decode(weft_verb verb, const struct wf_wire_message *message,
                      struct wf_request *into)
{
    struct wf_arena memory = {0};
    struct wf_codec_reading how = {WF_CODEC_ANSWER, 0, &memory};
    weft_err err;

    wf_request_reset(into);
    err = wf_wire_is(message, "error") ? read_error(&how, message, into)
                                       : read_ok(&how, verb, message, into);
    wf_arena_fini(&memory);
    if (err != WEFT_OK) {
        wf_request_reset(into);
        return wf_error(WEFT_ECORRUPT, "the answer to %s: %s",
                        wf_codec_verb_name(verb), weft_err_detail());
    }
    return WEFT_OK;
}
