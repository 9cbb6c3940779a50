// SPDX-License-Identifier: Apache-2.0
//
// inspect_rows_rig.c - a directory of rows in memory, as a node has left it.

#include "inspect_rows_rig.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/trace.h"
#include "runtime/depot.h"
#include "runtime/inspect_impl.h"
#include "runtime/letter.h"
#include "runtime/node.h"
#include "storage/keys.h"
#include "support/test.h"
#include "weft/operate.h"
#include "weft/weft.h"

struct rig rig;

// The node that left it. ------------------------------------------------------

static weft_err
busy(weft_workflow *wf, weft_bytes input)
{
    weft_call_options later = WEFT_CALL_OPTIONS_INIT;
    weft_future future;
    weft_err err = WEFT_OK;
    char id[32];

    (void)input;
    later.task_queue = "q"; // which nobody polls
    for (int i = 0; i < RIG_MANY && err == WEFT_OK; i++) {
        err = weft_workflow_timer(wf, 1000000000, &future);
        if (err == WEFT_OK) {
            err = weft_workflow_call_async(wf, "a", weft_nothing(), &later,
                                           &future);
        }
        if (err == WEFT_OK) {
            (void)snprintf(id, sizeof(id), "b/%d", i);
            err = weft_workflow_child_async(wf, (weft_target){"quiet", id},
                                            weft_nothing(), NULL, &future);
        }
    }
    return err == WEFT_OK ? weft_workflow_await(wf, future, NULL) : err;
}

static weft_err
quiet(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_receive(wf, "end", WEFT_FOREVER, NULL);
}

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    CHECK_OK(weft_definitions_add_task_queues(definitions));
    workflow.name = "busy";
    workflow.run = busy;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    workflow.name = "quiet";
    workflow.run = quiet;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    actor.name = "mailbox";
    actor.receive = receive;
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    return definitions;
}

static uint64_t
now_ms(void *self)
{
    (void)self;
    return rig.now_ms;
}

static uint64_t
now_ns(void *self)
{
    (void)self;
    return rig.now_ms * 1000000U;
}

static weft_err
open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    (void)ctx;
    (void)store;
    return wf_store_memory_open(rig.disk, out_store);
}

static void
run_node(void)
{
    uint64_t until_ms = rig.now_ms + 100;

    while (rig.now_ms < until_ms) {
        bool did_something = false;

        for (int i = 0; i < WF_NODE_COMPONENT_COUNT; i++) {
            enum wf_node_component part = (enum wf_node_component)i;

            for (uint32_t j = 0; j < wf_node_count(rig.node, part); j++) {
                did_something =
                    wf_node_step(rig.node, part, j) == 0 || did_something;
            }
        }
        rig.now_ms += did_something ? 0 : 1;
    }
}

static void
note_answer(void *ctx, const weft_reply *reply)
{
    CHECK_OK(reply->err);
    (*(unsigned *)ctx)++;
}

static void
work(weft_client *client)
{
    static const weft_operator by = {.who = "test", .why = "to wait"};
    unsigned sent = 0;
    unsigned answered = 0;
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_START;
    request.target = (weft_target){"busy", "b"};
    CHECK_OK(
        weft_client_submit(client, &request, note_answer, &answered, NULL));
    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"mailbox", "b"};
    request.name = "x";
    CHECK_OK(
        weft_client_submit(client, &request, note_answer, &answered, NULL));
    run_node();
    request.verb = WEFT_VERB_PAUSE;
    request.by = &by;
    CHECK_OK(
        weft_client_submit(client, &request, note_answer, &answered, NULL));
    run_node();
    request.verb = WEFT_VERB_SIGNAL;
    request.by = NULL;
    for (sent = 3; sent < RIG_LETTERS + 3; sent++) {
        CHECK_OK(
            weft_client_submit(client, &request, note_answer, &answered, NULL));
    }
    run_node();
    while (weft_client_dispatch(client, 1000) > 0) {
    }
    CHECK_EQ(answered, sent);
}

void
rig_open(void)
{
    static const struct wf_trace silent;
    weft_definitions *definitions = define();
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    const struct wf_node_seams seams = {
        .clock = {now_ms, now_ns, NULL},
        .seed = 7,
        .open_store = open_store,
        .trace = &silent,
        .is_manual = true,
    };
    weft_client *client;

    rig = (struct rig){.disk = wf_memory_disk_create(), .now_ms = 1000};
    options.definitions = definitions;
    options.partition_count = RIG_PARTITIONS;
    options.shard_count = 1;
    CHECK_OK(wf_node_open_with(&options, &seams, &rig.node));
    CHECK_OK(weft_client_open(rig.node, NULL, &client));
    work(client);
    weft_client_close(client);
    weft_node_close(rig.node);
    weft_definitions_destroy(definitions);
    CHECK_OK(wf_store_memory_open(rig.disk, &rig.store));
    CHECK_OK(wf_key_make("default", "busy", "b", &rig.busy));
    CHECK_OK(wf_key_make("default", "mailbox", "b", &rig.mailbox));
    rig.partition = wf_key_partition(&rig.busy, RIG_PARTITIONS);
}

void
rig_close(void)
{
    CHECK_EQ(rig.old_count, 0);
    rig.store.ops->close(rig.store.self);
    wf_memory_disk_destroy(rig.disk);
    wf_key_fini(&rig.busy);
    wf_key_fini(&rig.mailbox);
    wf_buf_fini(&rig.problems);
}

// Looking. --------------------------------------------------------------------

void
rig_add_problem(void *ctx, const char *where, const char *what)
{
    struct wf_buf *problems = ctx;

    wf_buf_put(problems, where, strlen(where));
    wf_buf_put(problems, ": ", 2);
    wf_buf_put(problems, what, strlen(what));
    wf_buf_put_u8(problems, '\n');
}

static void
leave_open(void *self)
{
    (void)self;
}

// The store that is open for changes.
static weft_err
share_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    static struct wf_store_ops ops;

    (void)ctx;
    (void)store;
    ops = *rig.store.ops;
    ops.close = leave_open;
    *out_store = (struct wf_store){&ops, rig.store.self};
    return WEFT_OK;
}

weft_inspect *
rig_open_inspect(struct wf_inspect_check *check)
{
    weft_inspect *inspect = wf_calloc(sizeof(*inspect));

    inspect->data_dir = wf_strdup("memory");
    inspect->lock_fd = -1;
    inspect->check = check;
    inspect->stores_count = 1;
    inspect->partitions_count = RIG_PARTITIONS;
    inspect->depots = wf_calloc(WF_STORES_MAX * sizeof(*inspect->depots));
    CHECK_OK(weft_definitions_create(&inspect->definitions));
    wf_depot_init(&inspect->depots[0], &(struct wf_depot_options){
                                           .count = 1,
                                           .partition_count = RIG_PARTITIONS,
                                           .open_store = share_store,
                                           .clock = wf_clock_system(),
                                       });
    CHECK_OK(wf_depot_open(&inspect->depots[0], false));
    CHECK_OK(wf_inspect_recover(inspect));
    return inspect;
}

uint64_t
rig_look(void)
{
    struct wf_inspect_check check = {
        .fn = rig_add_problem,
        .ctx = &rig.problems,
        .log_from = wf_calloc(RIG_PARTITIONS * sizeof(uint64_t)),
        .is_log_cut = {rig.is_log_cut},
    };
    weft_inspect *inspect;

    wf_buf_reset(&rig.problems);
    inspect = rig_open_inspect(&check);
    wf_inspect_check_rows(inspect, 0);
    weft_inspect_close(inspect);
    wf_free(check.log_from);
    wf_buf_put_u8(&rig.problems, '\0');
    return check.counts.problems;
}

bool
rig_is_said(const char *text)
{
    return strstr((const char *)rig.problems.data, text) != NULL;
}

// Changing. -------------------------------------------------------------------

void
rig_change(weft_bytes key, const weft_bytes *value)
{
    struct rig_old *old = &rig.old[rig.old_count++];
    struct wf_batch batch = {0};

    CHECK(rig.old_count <= sizeof(rig.old) / sizeof(rig.old[0]));
    *old = (struct rig_old){0};
    wf_buf_put(&old->key, key.data, key.len);
    old->was_there = rig.store.ops->get(rig.store.self, WF_CF_DATA, key,
                                        &old->value) == WEFT_OK;
    if (value == NULL) {
        wf_batch_delete(&batch, WF_CF_DATA, key);
    } else {
        wf_batch_put(&batch, WF_CF_DATA, key, *value);
    }
    CHECK_OK(rig.store.ops->write(rig.store.self, &batch, true));
    wf_batch_fini(&batch);
}

void
rig_put_back(void)
{
    while (rig.old_count > 0) {
        struct rig_old *old = &rig.old[--rig.old_count];
        struct wf_batch batch = {0};

        if (old->was_there) {
            wf_batch_put(&batch, WF_CF_DATA, wf_buf_bytes(&old->key),
                         wf_buf_bytes(&old->value));
        } else {
            wf_batch_delete(&batch, WF_CF_DATA, wf_buf_bytes(&old->key));
        }
        CHECK_OK(rig.store.ops->write(rig.store.self, &batch, true));
        wf_batch_fini(&batch);
        wf_buf_fini(&old->key);
        wf_buf_fini(&old->value);
    }
}

void
rig_put(const struct wf_buf *key, weft_bytes value)
{
    rig_change(wf_buf_bytes(key), &value);
}

void
rig_check_said(const char *text)
{
    CHECK(rig_look() > 0);
    if (!rig_is_said(text)) {
        (void)fprintf(stderr, "problems:\n%sexpected: %s\n",
                      (const char *)rig.problems.data, text);
    }
    CHECK(rig_is_said(text));
    rig_put_back();
}

// Rows. -----------------------------------------------------------------------

static bool
take_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct rig_row *search = ctx;

    if (search->skip-- > 0) {
        return true;
    }
    wf_buf_put(&search->key, key.data, key.len);
    wf_buf_put(&search->value, value.data, value.len);
    return false;
}

struct rig_row
rig_find_row(const struct wf_buf *from, uint32_t nth)
{
    struct rig_row search = {.skip = nth};
    struct wf_buf to = {0};

    wf_keys_after(&to, wf_buf_bytes(from));
    CHECK_OK(rig.store.ops->scan(rig.store.self, WF_CF_DATA, wf_buf_bytes(from),
                                 wf_buf_bytes(&to), take_row, &search));
    CHECK(search.key.len > 0);
    wf_buf_fini(&to);
    return search;
}

struct rig_row
rig_find_item(uint8_t class, uint32_t nth)
{
    struct wf_buf from = {0};
    struct rig_row search;

    wf_keys_items(&from, rig.partition, wf_key_bytes(&rig.busy));
    wf_buf_put_u8(&from, class);
    search = rig_find_row(&from, nth);
    wf_buf_fini(&from);
    return search;
}

void
rig_forget(struct rig_row *search)
{
    wf_buf_fini(&search->key);
    wf_buf_fini(&search->value);
}

void
rig_put_envelope(struct wf_buf *out, bool is_dead)
{
    struct wf_letter letter = {.type = WF_LETTER_SIGNAL,
                               .name = weft_text("x")};
    struct wf_buf bytes = {0};

    wf_letter_encode(&letter, &bytes);
    wf_buf_reset(out);
    wf_buf_put_bytes(out, wf_key_bytes(&rig.busy));
    wf_buf_put_bytes(out, wf_buf_bytes(&bytes));
    if (is_dead) {
        wf_buf_put_text(out, "why");
    }
    wf_buf_fini(&bytes);
}
