// SPDX-License-Identifier: Apache-2.0
//
// test_no_memory.c - what comes from outside and there is no memory for is
// refused, and nothing else comes of it.
//
// Each deed is done again and again, and each time the next allocation fails
// that may fail: wf_try_alloc (ld's --wrap), Jansson's, and the mapping of a
// stack. The rest stop the process (tests/memory).

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "runtime/cipher.h"
#include "support/test.h"
#include "weft/cipher.h"
#include "weft/operate.h"
#include "weft/payload.h"
#include "weft/testing.h"
#include "weft/weft.h"

#define TRIES_MAX 200 // more than any deed makes

static unsigned calls;
static unsigned fails_at;
static bool fails_stacks;

static bool
fails(void)
{
    return ++calls == fails_at;
}

void *__real_wf_try_alloc(size_t size);
void *__wrap_wf_try_alloc(size_t size);
void *
__wrap_wf_try_alloc(size_t size)
{
    return fails() ? NULL : __real_wf_try_alloc(size);
}

void *__real_mmap(void *at, size_t len, int protection, int flags, int fd,
                  off_t offset);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd,
                  off_t offset);
void *
__wrap_mmap(void *at, size_t len, int protection, int flags, int fd,
            off_t offset)
{
    bool is_stack = (flags & MAP_STACK) != 0;

    return is_stack && fails_stacks && fails()
               ? MAP_FAILED
               : __real_mmap(at, len, protection, flags, fd, offset);
}

static void *
jansson_alloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

// In each try one more allocation succeeds before one fails; check must find
// what there was before, or with WEFT_OK what it did.
struct deed {
    weft_err (*do_it)(void *ctx);
    void (*check)(void *ctx, weft_err err);
    void *ctx;
    unsigned least; // so many can fail
};

static void
starve(const struct deed *deed)
{
    weft_err err = WEFT_ENOMEM;
    unsigned tries = 0;

    while (err != WEFT_OK) {
        CHECK(++tries < TRIES_MAX);
        calls = 0;
        fails_at = tries;
        err = deed->do_it(deed->ctx);
        fails_at = 0;
        CHECK_ERR(err, calls < tries ? WEFT_OK : WEFT_ENOMEM);
        deed->check(deed->ctx, err);
    }
    CHECK(tries > deed->least);
}

// Payloads. -------------------------------------------------------------------

static const char json[] =
    "{\"array\":[1,2.5,[true,null]],\"bin\":{\"$bin\":\"AAECAw==\"},"
    "\"ext\":{\"$ext\":[5,\"AAEC\"]},\"map\":{\"$map\":[[1,2],[\"x\",3]]},"
    "\"str\":{\"$str\":\"/w==\"},\"uint\":{\"$uint\":\"18446744073709551615\"}"
    ",\"words\":{\"$bin\":{\"$float\":\"nan\"},\"a\":\"b\"}}";

struct text {
    weft_bytes bytes;
    char *made;
};

static weft_err
read_json(void *ctx)
{
    struct text *text = ctx;
    weft_payload *payload = NULL;
    weft_err err = weft_payload_create(&payload);

    if (err == WEFT_OK) {
        err = weft_payload_from_json(payload, json, strlen(json));
    }
    if (err == WEFT_OK) {
        weft_bytes bytes = weft_payload_bytes(payload);

        CHECK_OK(weft_payload_check(bytes));
        text->bytes = weft_bytes_of(malloc(bytes.len), bytes.len);
        memcpy((void *)(uintptr_t)text->bytes.data, bytes.data, bytes.len);
    }
    weft_payload_destroy(payload);
    return err;
}

static weft_err
write_json(void *ctx)
{
    struct text *text = ctx;

    return weft_payload_to_json(text->bytes, WEFT_JSON_SORT_KEYS, &text->made);
}

static void
check_made(void *ctx, weft_err err)
{
    struct text *text = ctx;

    CHECK_EQ(text->made != NULL, err == WEFT_OK);
    CHECK(err == WEFT_OK || strstr(weft_err_detail(), "payload") != NULL);
}

static void
check_read(void *ctx, weft_err err)
{
    struct text *text = ctx;

    CHECK_EQ(text->bytes.len > 0, err == WEFT_OK);
}

TEST(no_memory, json_is_read_and_written_whole_or_not_at_all)
{
    struct text text = {.made = NULL};
    json_malloc_t alloc;
    json_free_t release;

    json_get_alloc_funcs(&alloc, &release);
    json_set_alloc_funcs(jansson_alloc, free);
    starve(&(struct deed){read_json, check_read, &text, 20});
    starve(&(struct deed){write_json, check_made, &text, 20});
    json_set_alloc_funcs(alloc, release);
    CHECK_STR(text.made, json);
    weft_payload_free_text(text.made);
    free((void *)(uintptr_t)text.bytes.data);
}

static weft_err
define_nothing(void *ctx)
{
    return weft_definitions_create(ctx);
}

static void
check_defined(void *ctx, weft_err err)
{
    CHECK_EQ(*(weft_definitions **)ctx != NULL, err == WEFT_OK);
}

TEST(no_memory, definitions_are_made_or_not)
{
    weft_definitions *definitions = NULL;

    starve(&(struct deed){define_nothing, check_defined, &definitions, 1});
    weft_definitions_destroy(definitions);
}

// Sealing. --------------------------------------------------------------------

struct sealing {
    weft_cipher *cipher;
    struct wf_arena memory;
    weft_request request;
    weft_start_options start;
    uint8_t sealed[200];
    size_t sealed_len;
    size_t seen; // of what was sealed and opened
};

static const weft_pair memo[] = {{"who", {"alice", 5}}};

static void
open_cipher(struct test *t, struct sealing *sealing)
{
    weft_cipher_options options = WEFT_CIPHER_OPTIONS_INIT;
    char path[512];

    *sealing = (struct sealing){.start = WEFT_START_OPTIONS_INIT};
    (void)snprintf(path, sizeof(path), "%s/ring", test_dir(t));
    CHECK_OK(weft_cipher_generate(path));
    options.key_file = path;
    CHECK_OK(weft_cipher_open(&options, &sealing->cipher));
}

static void
keep(void *ctx, weft_bytes bytes)
{
    struct sealing *sealing = ctx;

    CHECK(bytes.len <= sizeof(sealing->sealed));
    memcpy(sealing->sealed, bytes.data, bytes.len);
    sealing->sealed_len = bytes.len;
}

static void
count(void *ctx, weft_bytes bytes)
{
    ((struct sealing *)ctx)->seen += bytes.len;
}

static weft_err
seal(void *ctx)
{
    struct sealing *sealing = ctx;

    return weft_cipher_seal(sealing->cipher, weft_text("secret"), keep, ctx);
}

static void
check_sealed(void *ctx, weft_err err)
{
    struct sealing *sealing = ctx;

    CHECK_EQ(sealing->sealed_len > 0, err == WEFT_OK);
}

static weft_err
unseal(void *ctx)
{
    struct sealing *sealing = ctx;

    return weft_cipher_unseal(
        sealing->cipher, weft_bytes_of(sealing->sealed, sealing->sealed_len),
        count, ctx);
}

static void
check_unsealed(void *ctx, weft_err err)
{
    CHECK_EQ(((struct sealing *)ctx)->seen, err == WEFT_OK ? 6 : 0);
}

static weft_err
seal_request(void *ctx)
{
    struct sealing *sealing = ctx;
    bool is_start = sealing->request.verb != WEFT_VERB_FAIL;

    wf_arena_fini(&sealing->memory);
    sealing->request.data = weft_text("data");
    sealing->request.input = weft_text("input");
    sealing->request.error_message = "message";
    sealing->request.start = is_start ? &sealing->start : NULL;
    return wf_cipher_seal_request(sealing->cipher, &sealing->request,
                                  &sealing->memory);
}

// Never a plain part of it in place of a sealed one, once it says that it is.
static void
check_request(void *ctx, weft_err err)
{
    const struct sealing *sealing = ctx;
    const weft_request *request = &sealing->request;

    CHECK_BYTES(memo[0].value, weft_text("alice"));
    if (err != WEFT_OK) {
        CHECK_STR(weft_err_detail(), "no memory to seal in");
    } else if (request->verb == WEFT_VERB_FAIL) {
        CHECK(wf_cipher_is_sealed(WF_CIPHER_PAYLOAD, request->data));
        CHECK(strncmp(request->error_message, "sealed:", 7) == 0);
    } else {
        CHECK(wf_cipher_is_sealed(WF_CIPHER_PAYLOAD, request->input));
        CHECK(wf_cipher_is_sealed(WF_CIPHER_PAYLOAD,
                                  request->start->memo[0].value));
    }
}

TEST(no_memory, what_cannot_be_sealed_does_not_leave)
{
    struct sealing sealing;

    open_cipher(t, &sealing);
    starve(&(struct deed){seal, check_sealed, &sealing, 1});
    starve(&(struct deed){unseal, check_unsealed, &sealing, 1});
    sealing.request = (weft_request)WEFT_REQUEST_INIT;
    sealing.request.verb = WEFT_VERB_FAIL;
    starve(&(struct deed){seal_request, check_request, &sealing, 2});
    sealing.request.verb = WEFT_VERB_SIGNAL_WITH_START;
    sealing.start.memo = memo;
    sealing.start.memo_count = 1;
    starve(&(struct deed){seal_request, check_request, &sealing, 4});
    wf_arena_fini(&sealing.memory);
    weft_cipher_close(sealing.cipher);
}

// Nodes. ----------------------------------------------------------------------

static weft_err
branch(weft_workflow *wf, void *ctx)
{
    weft_err err = weft_workflow_receive(wf, "go", WEFT_FOREVER, ctx);

    return err == WEFT_OK ? weft_workflow_receive(wf, "end", WEFT_FOREVER, ctx)
                          : err;
}

static weft_err
run(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;
    weft_future future;
    weft_err err = weft_workflow_branch(wf, "b", branch, &data, NULL, &future);

    if (err == WEFT_OK) {
        err = weft_workflow_await(wf, future, NULL);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, input) : err;
}

// Adds up the lengths of what it is sent.
static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *sum = state;

    *sum += message->data.len;
    return weft_actor_reply(actor, weft_bytes_of(sum, sizeof(*sum)));
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    workflow.name = "flow";
    workflow.run = run;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    actor.name = "sum";
    actor.receive = receive;
    actor.state_bytes = sizeof(uint64_t);
    CHECK_OK(weft_definitions_add_actor(definitions, &actor));
    return definitions;
}

static const weft_target flow = {"flow", "1"};
static const weft_operator by = {.who = "somebody", .why = "to see"};

struct scene {
    weft_test *test;
    weft_client *client;
    uint64_t sum;
};

static weft_err
add(void *ctx)
{
    struct scene *scene = ctx;
    const weft_target target = {"sum", "1"};
    weft_reply *reply = NULL;
    weft_err err = weft_client_ask(scene->client, target, "add",
                                   weft_text("four"), &reply);

    if (err == WEFT_OK) {
        memcpy(&scene->sum, reply->data.data, sizeof(scene->sum));
    }
    weft_reply_free(reply);
    return err;
}

static void
check_sum(void *ctx, weft_err err)
{
    CHECK_EQ(((struct scene *)ctx)->sum, err == WEFT_OK ? 4 : 0);
}

static weft_description
describe(struct scene *scene, weft_reply **out_reply)
{
    CHECK_OK(weft_client_describe(scene->client, flow, out_reply));
    return (*out_reply)->items[0];
}

static weft_err
reset(void *ctx)
{
    const weft_point point = {WEFT_POINT_ENTRY, 3}; // the first signal

    return weft_operate_reset(((struct scene *)ctx)->client, flow, &point, &by);
}

// Before and afterwards it waits for a second signal.
static void
check_reset(void *ctx, weft_err err)
{
    weft_reply *reply = NULL;
    weft_description item = describe(ctx, &reply);

    CHECK_EQ(item.status, WEFT_STATUS_RUNNING);
    CHECK_EQ(item.is_parked, 0);
    CHECK_EQ(item.run, err == WEFT_OK ? 2 : 1);
    weft_reply_free(reply);
}

static weft_err
terminate(void *ctx)
{
    return weft_operate_terminate(((struct scene *)ctx)->client, flow, &by);
}

static void
check_terminated(void *ctx, weft_err err)
{
    weft_reply *reply = NULL;

    CHECK_EQ(describe(ctx, &reply).status,
             err == WEFT_OK ? WEFT_STATUS_TERMINATED : WEFT_STATUS_RUNNING);
    weft_reply_free(reply);
}

TEST(no_memory, a_call_that_cannot_be_made_was_not_made)
{
    weft_definitions *definitions = define();
    struct scene scene = {.sum = 0};

    CHECK_OK(weft_test_open(definitions, NULL, &scene.test));
    scene.client = weft_test_client(scene.test);
    starve(&(struct deed){add, check_sum, &scene, 1});
    CHECK_OK(weft_client_start(scene.client, flow, weft_text("in")));
    starve(&(struct deed){terminate, check_terminated, &scene, 1});
    weft_test_close(scene.test);
    weft_definitions_destroy(definitions);
}

// A reset replays, on stacks of its own: for the workflow, and for its branch.
TEST(no_memory, a_reset_without_stacks_changes_nothing)
{
    weft_definitions *definitions = define();
    struct scene scene = {.sum = 0};

    CHECK_OK(weft_test_open(definitions, NULL, &scene.test));
    scene.client = weft_test_client(scene.test);
    CHECK_OK(weft_client_start(scene.client, flow, weft_text("in")));
    CHECK_OK(weft_client_signal(scene.client, flow, "go", weft_nothing()));
    weft_test_run(scene.test);
    fails_stacks = true;
    starve(&(struct deed){reset, check_reset, &scene, 2});
    fails_stacks = false;
    CHECK_OK(weft_client_signal(scene.client, flow, "end", weft_nothing()));
    CHECK_OK(weft_client_result(scene.client, flow, 0, NULL));
    weft_test_close(scene.test);
    weft_definitions_destroy(definitions);
}

// Its turns are taken again, and what they were for is done.
TEST(no_memory, a_workflow_without_a_stack_waits_for_one)
{
    weft_definitions *definitions = define();
    struct scene scene = {.sum = 0};
    weft_reply *reply = NULL;

    for (fails_at = 1; fails_at <= 2; fails_at++) {
        CHECK_OK(weft_test_open(definitions, NULL, &scene.test));
        scene.client = weft_test_client(scene.test);
        fails_stacks = true;
        calls = 0;
        CHECK_OK(weft_client_start(scene.client, flow, weft_nothing()));
        weft_test_run(scene.test);
        fails_stacks = false;
        CHECK_OK(weft_client_signal(scene.client, flow, "go", weft_text("1")));
        CHECK_OK(weft_client_signal(scene.client, flow, "end", weft_text("2")));
        CHECK_OK(weft_client_result(scene.client, flow, 0, &reply));
        weft_reply_free(reply);
        weft_test_close(scene.test);
    }
    fails_at = 0;
    weft_definitions_destroy(definitions);
}
