// SPDX-License-Identifier: Apache-2.0
//
// scene_kinds.c - what scenes are played with: cells, flows and activities.

#include "shim/scene_kinds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/ledger.h"
#include "shim/scene.h"
#include "weft/branch.h"
#include "weft/child.h"
#include "weft/task_queue.h"
#include "weft/update.h"

#define INPUT_SIZE 160
#define LATER_MS 400

static int effects_fd = -1;
static int tokens_fd = -1;

static void
must(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "%s: %s %s\n", what, weft_err_name(err),
                      weft_err_detail());
        exit(3);
    }
}

static void
copy_text(weft_bytes bytes, char *out, size_t size)
{
    size_t len = bytes.len < size ? bytes.len : size - 1;

    if (len > 0) {
        memcpy(out, bytes.data, len);
    }
    out[len] = '\0';
}

// Cells. ---------------------------------------------------------------------

static weft_err
cell_move(weft_actor *actor, struct cell *cell, const char *text)
{
    char to[SCENE_WORD];
    char value[24];
    long long amount;

    if (sscanf(text, "%63s %lld", to, &amount) != 2) {
        return WEFT_EINVAL;
    }
    cell->sum -= amount;
    (void)snprintf(value, sizeof(value), "%lld", amount);
    return weft_actor_send(actor, (weft_target){"cell", to}, "add",
                           weft_text(value));
}

static weft_err
cell_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct cell *cell = state;
    char text[INPUT_SIZE];

    copy_text(message->data, text, sizeof(text));
    if (message->type == WEFT_MESSAGE_TIMER) {
        cell->ticks++;
        return WEFT_OK;
    }
    if (message->type != WEFT_MESSAGE_SIGNAL) {
        return WEFT_OK;
    }
    if (strcmp(message->name, "move") == 0) {
        return cell_move(actor, cell, text);
    }
    if (strcmp(message->name, "tick") == 0) {
        return weft_actor_timer_set(actor, text, 2);
    }
    if (strcmp(message->name, "get") == 0) {
        (void)snprintf(text, sizeof(text), "%" PRIu64 " %" PRId64, cell->count,
                       cell->sum);
        return weft_actor_reply(actor, weft_text(text));
    }
    cell->count++;
    cell->sum += strtoll(text, NULL, 10);
    if (message->sender_kind[0] == '\0') {
        cell->order = scene_mix(cell->order, (uint64_t)strtoll(text, NULL, 10));
    }
    return WEFT_OK;
}

static weft_err
cell_show(weft_query *query, const char *name, weft_bytes args,
          const void *state, size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

// The second version has one more field.
struct newer_cell {
    struct cell cell;
    uint64_t unused;
};

static weft_err
cell_upgrade(uint32_t from, weft_bytes old, void *state)
{
    struct newer_cell *cell = state;

    if (from != 1 || old.len != sizeof(cell->cell)) {
        return WEFT_EINVAL;
    }
    memcpy(&cell->cell, old.data, old.len);
    return WEFT_OK;
}

// Activities. ----------------------------------------------------------------

static void
leave_effect(const char *key, uint32_t attempt, const char *name)
{
    ledger_write(effects_fd, LEDGER_LINE, "%s %" PRIu32 " %s", key, attempt,
                 name);
}

// Their input is "NAME GIVES".
static const char *
begin_work(weft_activity *activity, weft_bytes input, char *text)
{
    char *space;

    copy_text(input, text, INPUT_SIZE);
    space = strchr(text, ' ');
    if (space == NULL) {
        return "";
    }
    *space = '\0';
    leave_effect(weft_activity_key(activity), weft_activity_attempt(activity),
                 text);
    return space + 1;
}

static weft_err
run_work(weft_activity *activity, weft_bytes input)
{
    char text[INPUT_SIZE];

    return weft_activity_return(activity,
                                weft_text(begin_work(activity, input, text)));
}

static weft_err
run_later(weft_activity *activity, weft_bytes input)
{
    char text[INPUT_SIZE];
    const char *gives = begin_work(activity, input, text);
    char token[WEFT_TOKEN_CHARS_MAX];
    weft_err err = weft_activity_defer(activity, token, sizeof(token));

    if (err == WEFT_EDEFERRED) {
        ledger_write(tokens_fd, LEDGER_TOKEN_LINE, "%s %s", token, gives);
    }
    return err;
}

// Flows. ---------------------------------------------------------------------

struct flow {
    weft_workflow *wf;
    uint64_t sum;   // of what it did
    uint64_t asked; // of updates
    uint64_t k;     // things done, over all runs
};

static void
take(struct flow *flow, uint64_t x)
{
    flow->sum = scene_mix(flow->sum, x);
}

static uint64_t
as_number(weft_bytes bytes)
{
    char text[32];

    copy_text(bytes, text, sizeof(text));
    return strtoull(text, NULL, 10);
}

static void
make_work(const struct flow *flow, char letter, unsigned j, char *out)
{
    char name[SCENE_WORD];

    scene_call_name(weft_workflow_id(flow->wf), flow->k, j, name);
    (void)snprintf(out, INPUT_SIZE, "%s %" PRIu64, name,
                   scene_gives(letter, flow->k) + j);
}

static weft_err
do_call(struct flow *flow, char letter)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    char input[INPUT_SIZE];
    weft_bytes out;
    weft_err err;

    if (letter == 'q') {
        options.task_queue = "q";
    }
    make_work(flow, letter, 0, input);
    err = weft_workflow_call(flow->wf, letter == 'l' ? "later" : "work",
                             weft_text(input), &options, &out);
    if (err == WEFT_OK) {
        take(flow, as_number(out));
    }
    return err;
}

static weft_err
do_three(struct flow *flow)
{
    weft_future futures[3];
    char input[INPUT_SIZE];
    weft_bytes out;
    weft_err err = WEFT_OK;

    for (unsigned j = 0; j < 3 && err == WEFT_OK; j++) {
        make_work(flow, 'a', j, input);
        err = weft_workflow_call_async(flow->wf, "work", weft_text(input), NULL,
                                       &futures[j]);
    }
    for (unsigned j = 0; j < 3 && err == WEFT_OK; j++) {
        err = weft_workflow_await(flow->wf, futures[j], &out);
        if (err == WEFT_OK) {
            take(flow, as_number(out));
        }
    }
    return err;
}

static weft_err
step_work(const weft_step *step, void *ctx, weft_bytes *out_result)
{
    char *text = ctx;
    char *space = strchr(text, ' ');

    *space = '\0';
    leave_effect(step->key, step->attempt, text);
    *space = ' ';
    *out_result = weft_text(space + 1);
    return WEFT_OK;
}

static weft_err
compute(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    (void)wf;
    *out_value = weft_text(ctx);
    return WEFT_OK;
}

static weft_err
do_inline(struct flow *flow, char letter)
{
    char input[INPUT_SIZE];
    weft_bytes out;
    weft_err err;

    make_work(flow, letter, 0, input);
    err = letter == 't'
              ? weft_workflow_step(flow->wf, "step", step_work, input, &out)
              : weft_workflow_value(flow->wf, "value", compute,
                                    strchr(input, ' ') + 1, &out);
    if (err == WEFT_OK) {
        take(flow, as_number(out));
    }
    return err;
}

static weft_err
do_receive(struct flow *flow)
{
    weft_bytes data;
    weft_err err = weft_workflow_receive(flow->wf, "go", WEFT_FOREVER, &data);

    if (err == WEFT_OK) {
        take(flow, as_number(data));
    }
    return err;
}

static weft_err
do_child(struct flow *flow)
{
    char id[SCENE_WORD];
    weft_bytes out;
    weft_err err;

    scene_call_name(weft_workflow_id(flow->wf), flow->k, 0, id);
    err = weft_workflow_child(flow->wf, (weft_target){"flow", id},
                              weft_text("0 0 0 " SCENE_CHILD), NULL, &out);
    if (err == WEFT_OK) {
        take(flow, as_number(out));
    }
    return err;
}

static weft_err
branch_sleeps(weft_workflow *wf, void *ctx)
{
    (void)ctx;
    return weft_workflow_sleep(wf, 1);
}

static weft_err
do_branches(struct flow *flow)
{
    weft_future futures[2];
    weft_err err = WEFT_OK;

    for (int i = 0; i < 2 && err == WEFT_OK; i++) {
        err = weft_workflow_branch(flow->wf, "sleeps", branch_sleeps, NULL,
                                   NULL, &futures[i]);
    }
    return err == WEFT_OK ? weft_workflow_await_all(flow->wf, futures, 2) : err;
}

static weft_err
do_publish(struct flow *flow)
{
    char value[2000];

    memset(value, 'p', sizeof(value));
    return weft_workflow_publish(flow->wf, "value",
                                 weft_bytes_of(value, sizeof(value)));
}

static weft_err
do_letter(struct flow *flow, char letter)
{
    switch (letter) {
    case 'c':
    case 'q':
    case 'l':
        return do_call(flow, letter);
    case 'a':
        return do_three(flow);
    case 't':
    case 'v':
        return do_inline(flow, letter);
    case 's':
        return weft_workflow_sleep(flow->wf, 1);
    case 'r':
        return do_receive(flow);
    case 'k':
        return do_child(flow);
    case 'm':
        return weft_workflow_signal(flow->wf, (weft_target){"cell", "m"}, "add",
                                    weft_text("1"));
    case 'p':
        return do_publish(flow);
    case 'b':
        return do_branches(flow);
    case 'f':
        return weft_workflow_fail(flow->wf, "wanted", "it fails",
                                  weft_nothing());
    default:
        return WEFT_EINVAL;
    }
}

static weft_err
be_asked(weft_workflow *wf, weft_bytes input, void *ctx)
{
    struct flow *flow = ctx;
    char text[24];

    flow->asked += as_number(input);
    (void)snprintf(text, sizeof(text), "%" PRIu64, flow->asked);
    return weft_workflow_return(wf, weft_text(text));
}

static weft_err
begin_again(const struct flow *flow, const char *rest)
{
    char input[INPUT_SIZE];
    weft_err err = weft_workflow_await_updates(flow->wf);

    (void)snprintf(input, sizeof(input),
                   "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s", flow->sum,
                   flow->asked, flow->k, *rest == '\0' ? "-" : rest);
    return err == WEFT_OK ? weft_workflow_restart(flow->wf, weft_text(input))
                          : err;
}

// The input is "SUM ASKED K PROGRAM".
static weft_err
run_flow(weft_workflow *wf, weft_bytes input)
{
    struct flow *flow = weft_workflow_alloc(wf, sizeof(*flow));
    char text[INPUT_SIZE];
    char program[SCENE_WORD];
    weft_err err;

    copy_text(input, text, sizeof(text));
    flow->wf = wf;
    if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %63s", &flow->sum,
               &flow->asked, &flow->k, program) != 4) {
        return WEFT_EINVAL;
    }
    err = weft_workflow_on_update(wf, "ask", NULL, be_asked, flow);
    for (const char *at = program; err == WEFT_OK && *at != '\0'; at++) {
        if (*at == 'n') {
            return begin_again(flow, at + 1);
        }
        err = *at == '-' ? WEFT_OK : do_letter(flow, *at);
        flow->k++;
    }
    if (err == WEFT_OK) {
        err = weft_workflow_await_updates(wf);
    }
    if (err != WEFT_OK) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, flow->sum,
                   flow->asked);
    return weft_workflow_return(wf, weft_text(text));
}

// All of them. ---------------------------------------------------------------

static void
add_activities(weft_definitions *definitions)
{
    weft_activity_def work = WEFT_ACTIVITY_DEF_INIT;
    weft_activity_def later = WEFT_ACTIVITY_DEF_INIT;

    work.name = "work";
    work.run = run_work;
    work.retry.initial_interval_ms = 5;
    must(weft_definitions_add_activity(definitions, &work), "work");
    later.name = "later";
    later.run = run_later;
    later.retry.initial_interval_ms = 5;
    // A token that died with its process is made up for by this.
    later.timeouts.start_to_close_ms = LATER_MS;
    must(weft_definitions_add_activity(definitions, &later), "later");
}

static void
add_cells(weft_definitions *definitions, bool is_newer)
{
    weft_actor_def cell = WEFT_ACTOR_DEF_INIT;

    cell.name = "cell";
    cell.version = is_newer ? 2 : 1;
    cell.state_bytes =
        is_newer ? sizeof(struct newer_cell) : sizeof(struct cell);
    cell.receive = cell_receive;
    cell.query = cell_show;
    cell.upgrade = is_newer ? cell_upgrade : NULL;
    must(weft_definitions_add_actor(definitions, &cell), "cell");
}

weft_definitions *
scene_kinds_define(const char *dir, bool is_newer)
{
    weft_definitions *definitions;
    weft_workflow_def flow = WEFT_WORKFLOW_DEF_INIT;

    if (effects_fd < 0) {
        effects_fd = ledger_open(dir, "effects");
        tokens_fd = ledger_open(dir, "tokens");
    }
    must(weft_definitions_create(&definitions), "definitions");
    add_activities(definitions);
    add_cells(definitions, is_newer);
    flow.name = "flow";
    flow.run = run_flow;
    flow.early_signals = WEFT_EARLY_REFUSE;
    must(weft_definitions_add_workflow(definitions, &flow), "flow");
    if (is_newer) {
        flow.version = 2;
        flow.upgrade = WEFT_UPGRADE_NOW_IF_FITS;
        must(weft_definitions_add_workflow(definitions, &flow), "flow 2");
    }
    must(weft_definitions_add_task_queues(definitions), "task queues");
    return definitions;
}
