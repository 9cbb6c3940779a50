// SPDX-License-Identifier: Apache-2.0
//
// test_malformed.c - what was stored and is cut or changed does not decode, or
// decodes to something whole; and nobody reads beyond it.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "runtime/actor.h"
#include "runtime/attributes.h"
#include "runtime/capsule.h"
#include "runtime/cause.h"
#include "runtime/image.h"
#include "runtime/item.h"
#include "runtime/journal.h"
#include "runtime/letter.h"
#include "runtime/pairs.h"
#include "support/test.h"
#include "weft/operate.h"
#include "weft/start.h"
#include "weft/testing.h"
#include "weft/weft.h"

// A copy in memory of exactly its size, so that a sanitizer sees who reads
// beyond it.
static weft_bytes
copy_of(const void *data, size_t len)
{
    return weft_bytes_of(wf_memdup(data, len == 0 ? 1 : len), len);
}

static void
release(weft_bytes bytes)
{
    wf_free((void *)(uintptr_t)bytes.data);
}

// How many of its beginnings are taken for a whole one, itself not counted.
static unsigned
count_cuts(weft_bytes whole, bool (*is_whole)(weft_bytes bytes))
{
    unsigned count = 0;

    CHECK(is_whole(whole));
    for (size_t len = 0; len < whole.len; len++) {
        weft_bytes cut = copy_of(whole.data, len);

        count += is_whole(cut) ? 1 : 0;
        release(cut);
    }
    return count;
}

// Letters and entries. --------------------------------------------------------

static bool
is_letter(weft_bytes bytes)
{
    struct wf_letter letter;

    return wf_letter_decode(bytes, &letter);
}

TEST(malformed, every_cut_of_a_letter_is_refused)
{
    struct wf_letter letter = {
        .type = WF_LETTER_ACTIVITY,
        .sender = weft_text("d\0k\0id"),
        .client = weft_text("0123456789abcdef"),
        .number = 3,
        .sender_run = 1,
        .err = WEFT_EFAILED,
        .text = weft_text("why"),
        .options = weft_text("options"),
        .causes = weft_text("causes"),
        .name = weft_text("name"),
        .data = weft_text("data"),
    };
    static const enum wf_letter_type types[] = {(enum wf_letter_type)0,
                                                WF_LETTER_TERMINATE + 1};
    struct wf_buf bytes = {0};

    wf_letter_encode(&letter, &bytes);
    CHECK_EQ(count_cuts(wf_buf_bytes(&bytes), is_letter), 0);
    wf_buf_put_u8(&bytes, 0);
    CHECK(!is_letter(wf_buf_bytes(&bytes)));
    bytes.len--;
    for (size_t i = 0; i < 2; i++) {
        bytes.data[0] = (uint8_t)types[i];
        CHECK(!is_letter(wf_buf_bytes(&bytes)));
    }
    // A text alone makes it a result.
    letter =
        (struct wf_letter){.type = WF_LETTER_REPLY, .text = weft_text("said")};
    wf_buf_reset(&bytes);
    wf_letter_encode(&letter, &bytes);
    CHECK(wf_letter_decode(wf_buf_bytes(&bytes), &letter));
    CHECK_BYTES(letter.text, weft_text("said"));
    wf_buf_fini(&bytes);
}

static bool
is_entry(weft_bytes bytes)
{
    struct wf_entry entry;

    return wf_entry_decode(bytes, &entry);
}

TEST(malformed, every_cut_of_a_journal_entry_is_refused)
{
    const struct wf_entry entries[] = {
        {.type = WF_ENTRY_STARTED, .now_ms = 1000},
        {.type = WF_ENTRY_WENT_ON, .now_ms = 1000},
        {.type = WF_ENTRY_LETTER, .now_ms = 9, .letter = weft_text("letter")},
        {.type = WF_ENTRY_OPEN,
         .kind = WF_COMMAND_TIMER,
         .name = weft_text("n"),
         .input_hash = 7},
        {.type = WF_ENTRY_VALUE,
         .name = weft_text("n"),
         .err = WEFT_EFAILED,
         .data = weft_text("data")},
        {.type = WF_ENTRY_PATCH, .name = weft_text("patch")},
        {.type = WF_ENTRY_BREAK},
        {.type = WF_ENTRY_CHANCE, .seed = 77},
    };
    uint8_t unknown[] = {99, 0};

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        struct wf_buf bytes = {0};

        wf_entry_encode(&entries[i], &bytes);
        CHECK_EQ(count_cuts(wf_buf_bytes(&bytes), is_entry), 0);
        wf_buf_put_u8(&bytes, 0);
        CHECK(!is_entry(wf_buf_bytes(&bytes)));
        wf_buf_fini(&bytes);
    }
    CHECK(!is_entry(weft_bytes_of(unknown, sizeof(unknown))));
    CHECK_STR(wf_command_kind_name((enum wf_command_kind)0), "unknown");
    CHECK_STR(wf_command_kind_name(WF_COMMAND_COUNT), "unknown");
    CHECK_STR(wf_command_kind_name(WF_COMMAND_BRANCH), "branch");
}

// Attributes, pairs, causes. --------------------------------------------------

static void
put(struct wf_buf *set, weft_attribute attribute)
{
    wf_attributes_put(set, &attribute);
}

TEST(malformed, every_cut_of_a_set_of_attributes_is_refused)
{
    struct wf_buf set = {0};
    weft_attribute last;
    uint8_t type_9[] = {2, 'a', 0, 9, 0};
    uint8_t nul_inside[] = {3, 'a', 0, 0, WEFT_ATTRIBUTE_BOOL, 1};
    uint8_t no_nul[] = {1, 'a', WEFT_ATTRIBUTE_BOOL, 1};
    uint8_t no_name[] = {0, WEFT_ATTRIBUTE_BOOL, 1};

    put(&set, weft_attribute_bool("a", 1));
    put(&set, weft_attribute_double("b", 2.5));
    put(&set, weft_attribute_int("c", -3));
    put(&set, weft_attribute_keyword("d", "key"));
    put(&set, weft_attribute_text("e", "some text"));
    put(&set, weft_attribute_time("f", 1000));
    // Between two of them a shorter set is whole: five, and the empty one.
    CHECK_EQ(count_cuts(wf_buf_bytes(&set), wf_attributes_is_set), 6);
    put(&set, weft_attribute_bool("f", 1)); // twice
    CHECK(!wf_attributes_is_set(wf_buf_bytes(&set)));
    wf_buf_reset(&set);
    put(&set, (weft_attribute){.name = "a", .type = WEFT_ATTRIBUTE_NONE});
    CHECK(!wf_attributes_is_set(wf_buf_bytes(&set)));
    wf_buf_reset(&set);
    for (int i = 0; i <= WF_ATTRIBUTES_MAX; i++) {
        char name[16];

        CHECK(wf_attributes_is_set(wf_buf_bytes(&set)));
        (void)snprintf(name, sizeof(name), "n%03d", i);
        put(&set, weft_attribute_bool(name, 1));
    }
    CHECK(!wf_attributes_is_set(wf_buf_bytes(&set)));
    CHECK(!wf_attributes_find(wf_buf_bytes(&set), "other", &last));
    wf_buf_fini(&set);
    CHECK(!wf_attributes_is_set(weft_bytes_of(type_9, sizeof(type_9))));
    CHECK(!wf_attributes_is_set(weft_bytes_of(nul_inside, sizeof(nul_inside))));
    CHECK(!wf_attributes_is_set(weft_bytes_of(no_nul, sizeof(no_nul))));
    CHECK(!wf_attributes_is_set(weft_bytes_of(no_name, sizeof(no_name))));
    CHECK_STR(weft_attribute_type_name((weft_attribute_type)99), "unknown");
}

TEST(malformed, every_cut_of_pairs_is_refused)
{
    const weft_pair pairs[] = {{"a", weft_text("one")}, {"b", {0}}};
    const weft_pair repeated[] = {{"a", {0}}, {"a", {0}}};
    const weft_pair no_bytes[] = {{"a", {NULL, 3}}};
    uint8_t no_name[] = {0, 0};
    uint8_t nul_inside[] = {3, 'a', 0, 0, 0};
    struct wf_buf bytes = {0};
    weft_bytes walk;
    weft_pair pair;

    CHECK_OK(wf_pairs_encode("pairs", pairs, 2, 100, &bytes));
    CHECK_EQ(count_cuts(wf_buf_bytes(&bytes), wf_pairs_check), 2);
    walk = weft_bytes_of(bytes.data, bytes.len - 1);
    CHECK_EQ(weft_pairs_next(&walk, &pair), 1);
    CHECK_EQ(weft_pairs_next(&walk, &pair), 0); // the end, too, if it is cut
    CHECK_EQ(walk.len, 0);
    CHECK_EQ(weft_pairs_next(NULL, &pair), 0);
    CHECK_EQ(weft_pairs_next(&walk, NULL), 0);
    CHECK_EQ(weft_pairs_get(wf_buf_bytes(&bytes), NULL).len, 0);
    CHECK_EQ(weft_pairs_get(wf_buf_bytes(&bytes), "c").len, 0);
    CHECK_BYTES(weft_pairs_get(wf_buf_bytes(&bytes), "a"), weft_text("one"));
    CHECK(!wf_pairs_check(weft_bytes_of(no_name, sizeof(no_name))));
    CHECK(!wf_pairs_check(weft_bytes_of(nul_inside, sizeof(nul_inside))));

    wf_buf_reset(&bytes);
    CHECK_ERR(wf_pairs_encode("pairs", NULL, 1, 100, &bytes), WEFT_EINVAL);
    CHECK_ERR(wf_pairs_encode("pairs", repeated, 2, 100, &bytes), WEFT_EINVAL);
    CHECK_ERR(wf_pairs_encode("pairs", no_bytes, 1, 100, &bytes), WEFT_EINVAL);
    CHECK_ERR(wf_pairs_encode("pairs", pairs, 2, 2, &bytes), WEFT_ETOOBIG);
    wf_buf_reset(&bytes);
    CHECK_ERR(wf_pairs_encode("pairs", pairs, 2, 6, &bytes), WEFT_ETOOBIG);
    CHECK_ERR(
        wf_pairs_set("pairs", weft_nothing(), "", weft_text("x"), 9, &bytes),
        WEFT_EINVAL);
    CHECK_ERR(wf_pairs_set("pairs", weft_nothing(), "a", weft_text("four"), 3,
                           &bytes),
              WEFT_ETOOBIG);
    wf_buf_fini(&bytes);
}

static bool
has_three(weft_bytes bytes)
{
    weft_failure room[WF_CAUSES_MAX];
    const weft_failure *shown = wf_cause_show(bytes, room);
    size_t count = 0;

    for (const weft_failure *each = shown; each != NULL; each = each->cause) {
        count++;
    }
    CHECK_EQ(wf_cause_count(bytes), count);
    return count == 3;
}

// Of a chain that is cut the first ones are left. What is long is cut when it
// is put, between characters, and large details are left out.
TEST(malformed, causes_are_cut_when_they_are_put_and_read_as_far_as_they_go)
{
    char text[WF_CAUSE_TEXT_MAX + 2] = "x";
    static const char large[WF_CAUSE_DETAILS_MAX + 1];
    weft_failure chain[WF_CAUSES_MAX + 2];
    weft_failure room[WF_CAUSES_MAX];
    const weft_failure *shown;
    uint8_t bad[] = {2, 's', 'x', 1, 0, 1, 0, 0};
    struct wf_buf bytes = {0};

    for (size_t i = 0; i < WF_CAUSES_MAX + 2; i++) {
        chain[i] = (weft_failure){.source = "source",
                                  .name = "name",
                                  .message = NULL,
                                  .cause = &chain[i + 1]};
    }
    chain[WF_CAUSES_MAX + 1].cause = NULL;
    wf_cause_put(&bytes, &chain[WF_CAUSES_MAX - 1]); // three
    CHECK_EQ(count_cuts(wf_buf_bytes(&bytes), has_three), 0);
    CHECK_EQ(wf_cause_count(weft_bytes_of(bytes.data, bytes.len - 1)), 2);
    wf_buf_reset(&bytes);
    chain[WF_CAUSES_MAX + 1].name = "the last";
    wf_cause_put(&bytes, chain);
    CHECK_EQ(wf_cause_count(wf_buf_bytes(&bytes)), WF_CAUSES_MAX);
    CHECK_STR((wf_cause_show(wf_buf_bytes(&bytes), room),
               room[WF_CAUSES_MAX - 1].name),
              "the last");
    wf_buf_put_u8(&bytes, 1); // more than are kept is not looked at
    CHECK_EQ(wf_cause_count(wf_buf_bytes(&bytes)), WF_CAUSES_MAX);

    memset(text + 1, 0xa9, sizeof(text) - 2); // all in the middle of one
    text[sizeof(text) - 1] = '\0';
    wf_buf_reset(&bytes);
    wf_cause_put(&bytes, &(weft_failure){
                             .source = "",
                             .name = "n",
                             .message = text,
                             .details = weft_bytes_of(large, sizeof(large))});
    shown = wf_cause_show(wf_buf_bytes(&bytes), room);
    CHECK_STR(shown->message, "");
    CHECK_EQ(shown->details.len, 0);
    CHECK(shown->cause == NULL);
    CHECK_EQ(wf_cause_count(weft_bytes_of(bad, sizeof(bad))), 0);
    bad[0] = 0;
    CHECK_EQ(wf_cause_count(weft_bytes_of(bad, sizeof(bad))), 0);
    wf_buf_fini(&bytes);
}

// Images. ---------------------------------------------------------------------

static weft_err
fail(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_fail(activity, "Bad", "it was", weft_text("why"));
}

static weft_err
wait_in_branch(weft_workflow *wf, void *ctx)
{
    (void)ctx;
    return weft_workflow_receive(wf, "never", WEFT_FOREVER, NULL);
}

static weft_err
compute(weft_workflow *wf, void *ctx, weft_bytes *out_value)
{
    (void)wf;
    (void)ctx;
    *out_value = weft_text("42");
    return WEFT_OK;
}

// Some of everything that an image has.
static weft_err
run(weft_workflow *wf, weft_bytes input)
{
    const weft_attribute city = weft_attribute_keyword("city", "Rome");
    weft_child_options child = WEFT_CHILD_OPTIONS_INIT;
    weft_bytes value;
    weft_future future;

    child.parent_close = WEFT_PARENT_CLOSE_ABANDON;
    CHECK_OK(weft_workflow_memo_set(wf, "memo", input));
    CHECK_OK(weft_workflow_set_attributes(wf, &city, 1));
    CHECK_OK(weft_workflow_publish(wf, "published", input));
    CHECK_OK(weft_workflow_value(wf, "value", compute, NULL, &value));
    CHECK_OK(weft_workflow_timer(wf, 1000000000, &future));
    CHECK_OK(weft_workflow_call_async(wf, "fail", input, NULL, &future));
    CHECK_OK(weft_workflow_child_async(wf, (weft_target){"run", "c"}, input,
                                       &child, &future));
    CHECK_OK(
        weft_workflow_branch(wf, "b", wait_in_branch, NULL, NULL, &future));
    return weft_workflow_await(wf, future, NULL);
}

static weft_err
run_child(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_receive(wf, "never", WEFT_FOREVER, NULL);
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    workflow.name = "flow";
    workflow.run = run;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    workflow.name = "run";
    workflow.run = run_child;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    activity.name = "fail";
    activity.run = fail;
    activity.retry.initial_interval_ms = 1000000;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    return definitions;
}

// Owned by the caller.
static weft_bytes
make_image(void)
{
    static const weft_operator by = {.who = "test", .why = "to see"};
    const weft_pair headers[] = {{"tenant", weft_text("blue")}};
    const weft_target flow = {"flow", "f"};
    weft_definitions *definitions = define();
    weft_start_options start = WEFT_START_OPTIONS_INIT;
    struct wf_capsule capsule;
    struct wf_reader reader;
    weft_client *client;
    weft_reply *reply;
    weft_test *test;
    weft_bytes image;

    start.headers = headers;
    start.headers_count = 1;
    start.run_timeout_ms = 1000000000;
    CHECK_OK(weft_test_open(definitions, NULL, &test));
    client = weft_test_client(test);
    CHECK_OK(
        weft_client_start_with(client, flow, weft_text("input"), &start, NULL));
    weft_test_run(test);
    CHECK_OK(weft_operate_pause(client, flow, &by));
    CHECK_OK(weft_client_signal(client, flow, "waits", weft_text("data")));
    CHECK_OK(weft_client_export(client, flow, &reply));
    reader = wf_reader_of(reply->data);
    CHECK_OK(wf_capsule_decode(&reader, &capsule));
    image = copy_of(capsule.image.data, capsule.image.len);
    wf_capsule_fini(&capsule);
    weft_reply_free(reply);
    weft_test_close(test);
    weft_definitions_destroy(definitions);
    return image;
}

// False if it does not decode. What does is packed again.
static bool
unpack(weft_bytes image, struct wf_buf *out_packed)
{
    struct wf_actor *actor = NULL;
    struct wf_capsule capsule = {.image = image};
    bool is_whole;

    CHECK_OK(wf_key_make("default", "flow", "f", &capsule.key));
    is_whole = wf_capsule_actor(&capsule, &actor) == WEFT_OK;
    wf_buf_reset(out_packed);
    if (is_whole) {
        wf_image_pack(actor, out_packed);
        wf_actor_destroy(actor);
    } else {
        CHECK(strstr(weft_err_detail(), "does not decode") != NULL);
    }
    wf_key_fini(&capsule.key);
    return is_whole;
}

static bool
is_image(weft_bytes image)
{
    struct wf_buf packed = {0};
    bool is_whole = unpack(image, &packed);

    wf_buf_fini(&packed);
    return is_whole;
}

// It has no count of its items, so it can be cut between two of them, but not
// in front of letters, which are counted.
TEST(malformed, an_image_that_is_cut_decodes_only_between_items)
{
    weft_bytes image = make_image();
    unsigned cuts = count_cuts(image, is_image);

    CHECK(image.len > 200);
    CHECK(cuts < 12);
    release(image);
}

// Whatever is made of an image with another byte is whole: packed and read once
// more it is the same.
TEST(malformed, an_image_with_another_byte_is_refused_or_whole)
{
    static const uint8_t others[] = {0, 1, 0x7f, 0x80, 0xff};
    weft_bytes image = make_image();
    unsigned refused = 0;

    for (size_t i = 0; i < image.len * sizeof(others); i++) {
        weft_bytes other = copy_of(image.data, image.len);
        struct wf_buf once = {0};
        struct wf_buf twice = {0};

        ((uint8_t *)(uintptr_t)other.data)[i / sizeof(others)] =
            others[i % sizeof(others)];
        if (!unpack(other, &once)) {
            refused++;
        } else {
            CHECK(unpack(wf_buf_bytes(&once), &twice));
            CHECK_BYTES(wf_buf_bytes(&twice), wf_buf_bytes(&once));
        }
        wf_buf_fini(&once);
        wf_buf_fini(&twice);
        release(other);
    }
    CHECK(refused > image.len);
    release(image);
}

// Items. ----------------------------------------------------------------------

static uint8_t item_class;

// As an item of an actor that has none.
static bool
is_item(weft_bytes bytes)
{
    struct wf_actor *actor;
    struct wf_key key;
    bool is_whole;

    CHECK_OK(wf_key_make("default", "flow", "f", &key));
    actor = wf_actor_create(&key, 1);
    is_whole = wf_item_decode(actor, item_class, 1, bytes, false);
    wf_actor_destroy(actor);
    wf_key_fini(&key);
    return is_whole;
}

TEST(malformed, every_cut_of_an_item_with_a_key_is_refused)
{
    struct wf_call call = {.id = 1, .type = WF_CALL_CHILD};
    struct wf_order order = {.number = 1, .type = WF_ORDER_CANCEL};
    struct wf_buf bytes = {0};

    CHECK_OK(wf_key_make("default", "flow", "g", &call.target));
    order.target = wf_key_copy(&call.target);
    item_class = WF_ITEM_CALL;
    wf_item_encode_call(&call, 1, &bytes);
    CHECK_EQ(count_cuts(wf_buf_bytes(&bytes), is_item), 0);
    item_class = WF_ITEM_ORDER;
    for (int type = 0; type <= WF_ORDER_COUNT; type++) {
        order.type = (enum wf_order_type)type;
        wf_buf_reset(&bytes);
        wf_item_encode_order(&order, &bytes);
        CHECK_EQ(is_item(wf_buf_bytes(&bytes)),
                 type >= WF_ORDER_CANCEL && type < WF_ORDER_COUNT);
    }
    order.type = WF_ORDER_CANCEL;
    wf_buf_reset(&bytes);
    wf_item_encode_order(&order, &bytes);
    CHECK_EQ(count_cuts(wf_buf_bytes(&bytes), is_item), 0);
    item_class = 250; // none
    CHECK(!is_item(wf_buf_bytes(&bytes)));
    wf_key_fini(&call.target);
    wf_key_fini(&order.target);
    wf_buf_fini(&bytes);
}
