// SPDX-License-Identifier: Apache-2.0
//
// scene_calls.c - the calls of scenes, and their settings.
//
// A request of an item has a number of its own, so that it may be repeated: the
// item, which of its requests it is, and whether it was refused before.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/scene.h"
#include "weft/find.h"
#include "weft/operate.h"
#include "weft/payload.h"
#include "weft/watch.h"

#define ASK_MS 4000

enum { BEFORE, MORE_BEFORE, CALL, MORE_CALL, AFTER };

// Asking. ---------------------------------------------------------------------

static weft_bytes
payload_of(struct scene_play *play, uint64_t item, const char *program)
{
    int len = snprintf((char *)play->payload, sizeof(play->payload), "%llu %s.",
                       (unsigned long long)item, program);

    return weft_bytes_of(play->payload,
                         play->setting->is_big ? SCENE_BIG - 1 : (size_t)len);
}

static weft_request
request_of(struct scene_play *play, weft_verb verb, uint64_t item, unsigned k)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.number = item * 1024 + k * 128 + play->state->attempt;
    return request;
}

static weft_err
ask(struct scene_play *play, const weft_request *request)
{
    weft_reply *reply = NULL;
    weft_err err = weft_client_call(play->client, request, ASK_MS, &reply);

    weft_reply_free(reply);
    return err;
}

static weft_err
to_actor(struct scene_play *play, uint64_t item, unsigned k, const char *kind,
         const char *id, const char *name)
{
    weft_request request = request_of(
        play, strcmp(name, "ask") == 0 ? WEFT_VERB_ASK : WEFT_VERB_SIGNAL, item,
        k);

    request.target = (weft_target){kind, id};
    request.name = name;
    request.data = payload_of(play, item, "");
    return ask(play, &request);
}

static weft_err
add(struct scene_play *play, uint64_t item, unsigned k)
{
    return to_actor(play, item, k, "cell", "c", "add");
}

static const char *
flow_id(uint64_t item, char id[SCENE_ID])
{
    (void)snprintf(id, SCENE_ID, "f%llu", (unsigned long long)item);
    return id;
}

static weft_err
start(struct scene_play *play, uint64_t item, unsigned k, const char *program)
{
    weft_request request = request_of(play, WEFT_VERB_START, item, k);
    char id[SCENE_ID];
    weft_err err;

    request.target = (weft_target){"flow", flow_id(item, id)};
    request.input = payload_of(play, item, program);
    err = ask(play, &request);
    // What was refused behind it may have been its result.
    return err == WEFT_EEXISTS && play->state->attempt > 0 ? WEFT_OK : err;
}

// A verb of the item's flow that needs nothing else, or who and why.
static weft_err
to_flow(struct scene_play *play, uint64_t item, unsigned k, weft_verb verb)
{
    static const weft_operator by = {"somebody", "for the test"};
    weft_request request = request_of(play, verb, item, k);
    char id[SCENE_ID];

    request.target = (weft_target){"flow", flow_id(item, id)};
    request.name = verb == WEFT_VERB_TERMINATE ? "enough" : "go";
    request.data = weft_text("1");
    request.by = verb == WEFT_VERB_RESET ? &by : NULL;
    return ask(play, &request);
}

static weft_err
result(struct scene_play *play, uint64_t item)
{
    char id[SCENE_ID];

    return weft_client_result(
        play->reader, (weft_target){"flow", flow_id(item, id)}, ASK_MS, NULL);
}

// Actors. ---------------------------------------------------------------------

static weft_err
add_before(struct scene_play *play, uint64_t item)
{
    return add(play, item, BEFORE);
}

static weft_err
signal_call(struct scene_play *play, uint64_t item)
{
    return add(play, item, CALL);
}

static weft_err
relay_call(struct scene_play *play, uint64_t item)
{
    char id[SCENE_ID];

    return to_actor(play, item, CALL, "relay", flow_id(item, id), "to");
}

static weft_err
ask_call(struct scene_play *play, uint64_t item)
{
    return to_actor(play, item, CALL, "cell", "c", "ask");
}

static void
keep_err(void *ctx, const weft_reply *reply)
{
    *(weft_err *)ctx = reply->err;
}

static weft_err
submit_call(struct scene_play *play, uint64_t item)
{
    weft_request request = request_of(play, WEFT_VERB_SIGNAL, item, CALL);
    struct pollfd poller = {.fd = weft_client_fd(play->client),
                            .events = POLLIN};
    weft_err answer = WEFT_ETIMEDOUT;
    weft_err err;
    size_t count = 0;

    request.target = (weft_target){"cell", "c"};
    request.name = "add";
    request.data = payload_of(play, item, "");
    err = weft_client_submit(play->client, &request, keep_err, &answer, NULL);
    // The callback writes to this frame: until it was called, nothing returns.
    while (err == WEFT_OK && count == 0) {
        (void)poll(&poller, 1, ASK_MS);
        count = weft_client_dispatch(play->client, 1);
    }
    return err == WEFT_OK ? answer : err;
}

// Flows. ----------------------------------------------------------------------

static weft_err
run_whole(struct scene_play *play, uint64_t item, const char *program)
{
    weft_err err = start(play, item, CALL, program);

    return err == WEFT_OK ? result(play, item) : err;
}

#define RUN(name, program)                                                     \
    static weft_err run_##name(struct scene_play *play, uint64_t item)         \
    {                                                                          \
        return run_whole(play, item, program);                                 \
    }
RUN(nothing, "")
RUN(activity, "c")
RUN(inline, "tv")
RUN(local, "l")
RUN(timer, "s")
RUN(child, "k")
RUN(many, "a")
RUN(restart, "vnc")
RUN(publish, "p")

static weft_err
run_before(struct scene_play *play, uint64_t item)
{
    weft_err err = start(play, item, BEFORE, "");

    return err == WEFT_OK ? result(play, item) : err;
}

static weft_err
wait_before(struct scene_play *play, uint64_t item)
{
    return start(play, item, BEFORE, "r");
}

static weft_err
go_call(struct scene_play *play, uint64_t item)
{
    return to_flow(play, item, CALL, WEFT_VERB_SIGNAL);
}

static weft_err
result_after(struct scene_play *play, uint64_t item)
{
    weft_err err = result(play, item);

    return err == WEFT_ECANCELLED ? WEFT_OK : err;
}

static weft_err
go_after(struct scene_play *play, uint64_t item)
{
    weft_err err = to_flow(play, item, AFTER, WEFT_VERB_SIGNAL);

    return err == WEFT_OK ? result(play, item) : err;
}

static weft_err
with_start_call(struct scene_play *play, uint64_t item)
{
    weft_request request =
        request_of(play, WEFT_VERB_SIGNAL_WITH_START, item, CALL);
    char id[SCENE_ID];

    request.target = (weft_target){"flow", flow_id(item, id)};
    request.name = "go";
    request.data = weft_text("1");
    request.input = payload_of(play, item, "r");
    return ask(play, &request);
}

static weft_err
update_call(struct scene_play *play, uint64_t item)
{
    weft_request request = request_of(play, WEFT_VERB_UPDATE, item, CALL);
    char id[SCENE_ID];

    request.target = (weft_target){"flow", flow_id(item, id)};
    request.name = "set";
    request.data = payload_of(play, item, "");
    request.update_id = "once";
    return ask(play, &request);
}

static weft_err
cancel_call(struct scene_play *play, uint64_t item)
{
    return to_flow(play, item, CALL, WEFT_VERB_CANCEL);
}

static weft_err
wait_and_add(struct scene_play *play, uint64_t item)
{
    weft_err err = start(play, item, BEFORE, "r");

    return err == WEFT_OK ? add(play, item, MORE_BEFORE) : err;
}

static weft_err
terminate_call(struct scene_play *play, uint64_t item)
{
    return to_flow(play, item, CALL, WEFT_VERB_TERMINATE);
}

static weft_err
pause_call(struct scene_play *play, uint64_t item)
{
    weft_err err = to_flow(play, item, CALL, WEFT_VERB_PAUSE);

    return err == WEFT_OK ? to_flow(play, item, MORE_CALL, WEFT_VERB_RESUME)
                          : err;
}

static weft_err
resume_and_go(struct scene_play *play, uint64_t item)
{
    return go_after(play, item);
}

static weft_err
reset_call(struct scene_play *play, uint64_t item)
{
    return to_flow(play, item, CALL, WEFT_VERB_RESET);
}

// The last process may have deleted it before it died.
static weft_err
delete_before(struct scene_play *play, uint64_t item)
{
    weft_err err = run_before(play, item);

    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}

static weft_err
delete_call(struct scene_play *play, uint64_t item)
{
    return to_flow(play, item, CALL, WEFT_VERB_DELETE);
}

// Reads. ----------------------------------------------------------------------

static weft_err
query_call(struct scene_play *play, uint64_t item)
{
    uint64_t count = 0;
    uint64_t sum = 0;
    weft_err err = scene_read_cell(play, &count, &sum);

    return err == WEFT_OK && count != item ? WEFT_ECORRUPT : err;
}

static weft_err
describe_call(struct scene_play *play, uint64_t item)
{
    weft_reply *reply = NULL;
    char id[SCENE_ID];
    weft_err err = weft_client_describe(
        play->reader, (weft_target){"flow", flow_id(item, id)}, &reply);

    if (err == WEFT_OK && (reply->items_count != 1 ||
                           reply->items[0].status != WEFT_STATUS_COMPLETED)) {
        err = WEFT_ECORRUPT;
    }
    weft_reply_free(reply);
    return err;
}

static weft_err
find_call(struct scene_play *play, uint64_t item)
{
    weft_reply *reply = NULL;
    char filter[80];
    weft_err err;

    (void)snprintf(filter, sizeof(filter), "kind = 'flow' and id = 'f%llu'",
                   (unsigned long long)item);
    err = weft_client_count(play->reader, filter, "status", &reply);
    if (err == WEFT_OK && (reply->count != 1 || reply->groups_count != 1)) {
        err = WEFT_ECORRUPT;
    }
    weft_reply_free(reply);
    return err;
}

static weft_err
list_call(struct scene_play *play, uint64_t item)
{
    weft_reply *reply = NULL;
    weft_err err =
        weft_client_list(play->reader, "flow", WEFT_STATUS_NONE, NULL, &reply);

    (void)item;
    if (err == WEFT_OK && reply->items_count == 0) {
        err = WEFT_ECORRUPT;
    }
    weft_reply_free(reply);
    return err;
}

static weft_err
watch_call(struct scene_play *play, uint64_t item)
{
    char id[SCENE_ID];

    return weft_client_watch(play->reader,
                             (weft_target){"flow", flow_id(item, id)}, 0,
                             ASK_MS, NULL);
}

static weft_err
export_call(struct scene_play *play, uint64_t item)
{
    weft_reply *reply = NULL;
    char id[SCENE_ID];
    weft_err err = weft_client_export(
        play->reader, (weft_target){"flow", flow_id(item, id)}, &reply);

    weft_reply_free(reply);
    return err;
}

// The node and its clients. ---------------------------------------------------

static weft_err
client_call(struct scene_play *play, uint64_t item)
{
    weft_client *client = NULL;
    weft_err err = scene_open_client(play, "another", &client);

    (void)item;
    if (err == WEFT_OK) {
        err = weft_client_describe(client, (weft_target){"cell", "c"}, NULL);
    }
    weft_client_close(client);
    return err;
}

static weft_err
reopen_call(struct scene_play *play, uint64_t item)
{
    (void)item;
    scene_close_node(play);
    return scene_open_node(play);
}

static weft_err
backup_call(struct scene_play *play, uint64_t item)
{
    char path[600];

    (void)snprintf(path, sizeof(path), "%s/backup%llu-%u", play->root,
                   (unsigned long long)item, play->state->attempt);
    return weft_node_backup(play->node, path);
}

static weft_err
remove_backup(struct scene_play *play, uint64_t item)
{
    char command[700];

    (void)item;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'/backup*", play->root);
    return system(command) == 0 ? WEFT_OK : WEFT_EIO;
}

// Payloads. -------------------------------------------------------------------

static weft_err
write_payload(struct scene_play *play, weft_payload *payload, uint64_t item)
{
    return weft_payload_pack(payload, "{'item': u, 'all': [d, s, B, n]}", item,
                             1, "text", (const void *)play->payload,
                             play->setting->is_big ? sizeof(play->payload)
                                                   : (size_t)10);
}

static weft_err
payload_call(struct scene_play *play, uint64_t item)
{
    weft_payload *payload = NULL;
    weft_payload *again = NULL;
    char *text = NULL;
    weft_err err = weft_payload_create(&payload);

    if (err == WEFT_OK) {
        err = write_payload(play, payload, item);
    }
    if (err == WEFT_OK) {
        err = weft_payload_to_json(weft_payload_bytes(payload),
                                   WEFT_JSON_INDENT, &text);
    }
    if (err == WEFT_OK) {
        err = weft_payload_create(&again);
    }
    if (err == WEFT_OK) {
        err = weft_payload_from_json(again, text, strlen(text));
    }
    if (err == WEFT_OK &&
        weft_payload_bytes(again).len != weft_payload_bytes(payload).len) {
        err = WEFT_ECORRUPT;
    }
    weft_payload_free_text(text);
    weft_payload_destroy(again);
    weft_payload_destroy(payload);
    return err;
}

static weft_err
definitions_call(struct scene_play *play, uint64_t item)
{
    weft_definitions *definitions = NULL;
    weft_activity_def work = WEFT_ACTIVITY_DEF_INIT;
    weft_err err = weft_definitions_create(&definitions);

    (void)play;
    (void)item;
    work.name = "work";
    work.run = NULL;
    if (err == WEFT_OK &&
        weft_definitions_add_activity(definitions, &work) != WEFT_EINVAL) {
        err = WEFT_ECORRUPT;
    }
    weft_definitions_destroy(definitions);
    return err;
}

const struct scene_call scene_calls[] = {
    {"signal", NULL, signal_call, NULL},
    {"relay", NULL, relay_call, NULL},
    {"ask", NULL, ask_call, NULL},
    {"submit", NULL, submit_call, NULL},
    {"start", NULL, run_nothing, NULL},
    {"activity", NULL, run_activity, NULL},
    {"inline", NULL, run_inline, NULL},
    {"local", NULL, run_local, NULL},
    {"timer", NULL, run_timer, NULL},
    {"child", NULL, run_child, NULL},
    {"many", NULL, run_many, NULL},
    {"restart", NULL, run_restart, NULL},
    {"publish", NULL, run_publish, NULL},
    {"go", wait_before, go_call, result_after},
    {"with-start", NULL, with_start_call, result_after},
    {"update", wait_before, update_call, go_after},
    {"cancel", wait_before, cancel_call, result_after},
    {"terminate", wait_and_add, terminate_call, NULL},
    {"pause", wait_before, pause_call, resume_and_go},
    {"reset", wait_before, reset_call, go_after},
    {"delete", delete_before, delete_call, NULL},
    {"query", add_before, query_call, NULL},
    {"describe", run_before, describe_call, NULL},
    {"find", run_before, find_call, NULL},
    {"list", run_before, list_call, NULL},
    {"watch", run_before, watch_call, NULL},
    {"export", run_before, export_call, NULL},
    {"client", add_before, client_call, NULL},
    {"reopen", add_before, reopen_call, NULL},
    {"backup", add_before, backup_call, remove_backup},
    {"payload", add_before, payload_call, NULL},
    {"definitions", add_before, definitions_call, NULL},
};
const uint32_t scene_calls_count = sizeof(scene_calls) / sizeof(scene_calls[0]);

// 32 of one and 7 of the other make 224 scenes.
const struct scene_setting scene_settings[] = {
    {"plain", 0, 1, 0, false, false, false, false},
    {"none", WEFT_WINDOW_NONE, 1, 0, false, true, false, false},
    {"big", 65536, 1, 0, false, false, false, true},
    {"stores", 65536, 3, 0, true, false, false, false},
    {"few", WEFT_WINDOW_NONE, 1, 1, false, false, false, false},
    {"remote", 0, 1, 0, false, false, true, false},
    {"remote-big", WEFT_WINDOW_NONE, 1, 0, false, false, true, true},
};
const uint32_t scene_settings_count =
    sizeof(scene_settings) / sizeof(scene_settings[0]);
