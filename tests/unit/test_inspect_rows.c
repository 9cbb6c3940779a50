// SPDX-License-Identifier: Apache-2.0
//
// test_inspect_rows.c - each row of a store that is missing, strange or changed
// is found, and said what it is.
//
// A node in memory leaves a directory of rows; each case changes some of them,
// looks, and puts them back.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/trace.h"
#include "runtime/actor.h"
#include "runtime/depot.h"
#include "runtime/image.h"
#include "runtime/inspect_core.h"
#include "runtime/inspect_impl.h"
#include "runtime/letter.h"
#include "runtime/node.h"
#include "storage/keys.h"
#include "storage/store.h"
#include "support/test.h"
#include "weft/operate.h"
#include "weft/weft.h"

enum { PARTITIONS = 2, MANY = 70, LETTERS = 1030 };

// What a batch of changes replaced.
struct old {
    struct wf_buf key;
    struct wf_buf value;
    bool was_there;
};

static struct rig {
    struct wf_memory_disk *disk;
    struct wf_store store; // for changes
    uint64_t now_ms;
    weft_node *node;
    struct wf_key busy;    // has MANY of everything; all in `partition`
    struct wf_key mailbox; // has LETTERS waiting
    uint32_t partition;
    struct old old[16];
    size_t old_count;
    struct wf_buf problems; // text, of the last look
    bool is_log_cut;        // as if the log could not be read to its end
} rig;

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
    for (int i = 0; i < MANY && err == WEFT_OK; i++) {
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
    for (sent = 3; sent < LETTERS + 3; sent++) {
        CHECK_OK(
            weft_client_submit(client, &request, note_answer, &answered, NULL));
    }
    run_node();
    while (weft_client_dispatch(client, 1000) > 0) {
    }
    CHECK_EQ(answered, sent);
}

static void
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
    options.partition_count = PARTITIONS;
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
    rig.partition = wf_key_partition(&rig.busy, PARTITIONS);
}

static void
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

static void
add_problem(void *ctx, const char *where, const char *what)
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

// As weft_inspect_open does it of a directory.
static weft_inspect *
open_inspect(struct wf_inspect_check *check)
{
    weft_inspect *inspect = wf_calloc(sizeof(*inspect));

    inspect->data_dir = wf_strdup("memory");
    inspect->lock_fd = -1;
    inspect->check = check;
    inspect->stores_count = 1;
    inspect->partitions_count = PARTITIONS;
    inspect->depots = wf_calloc(WF_STORES_MAX * sizeof(*inspect->depots));
    CHECK_OK(weft_definitions_create(&inspect->definitions));
    wf_depot_init(&inspect->depots[0], &(struct wf_depot_options){
                                           .count = 1,
                                           .partition_count = PARTITIONS,
                                           .open_store = share_store,
                                           .clock = wf_clock_system(),
                                       });
    CHECK_OK(wf_depot_open(&inspect->depots[0], false));
    CHECK_OK(wf_inspect_recover(inspect));
    return inspect;
}

// How many problems there are; rig.problems names them.
static uint64_t
look(void)
{
    struct wf_inspect_check check = {
        .fn = add_problem,
        .ctx = &rig.problems,
        .log_from = wf_calloc(PARTITIONS * sizeof(uint64_t)),
        .is_log_cut = {rig.is_log_cut},
    };
    weft_inspect *inspect;

    wf_buf_reset(&rig.problems);
    inspect = open_inspect(&check);
    wf_inspect_check_rows(inspect, 0);
    weft_inspect_close(inspect);
    wf_free(check.log_from);
    wf_buf_put_u8(&rig.problems, '\0');
    return check.counts.problems;
}

static bool
is_said(const char *text)
{
    return strstr((const char *)rig.problems.data, text) != NULL;
}

// Changing. -------------------------------------------------------------------

static void
change(weft_bytes key, const weft_bytes *value)
{
    struct old *old = &rig.old[rig.old_count++];
    struct wf_batch batch = {0};

    CHECK(rig.old_count <= sizeof(rig.old) / sizeof(rig.old[0]));
    *old = (struct old){0};
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

static void
put_back(void)
{
    while (rig.old_count > 0) {
        struct old *old = &rig.old[--rig.old_count];
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

static void
put(const struct wf_buf *key, weft_bytes value)
{
    change(wf_buf_bytes(key), &value);
}

// This is said of what was changed, which is then as it was.
static void
check_said(const char *text)
{
    CHECK(look() > 0);
    if (!is_said(text)) {
        (void)fprintf(stderr, "problems:\n%sexpected: %s\n",
                      (const char *)rig.problems.data, text);
    }
    CHECK(is_said(text));
    put_back();
}

// Rows. -----------------------------------------------------------------------

struct search {
    uint32_t skip;
    struct wf_buf key;
    struct wf_buf value;
};

static bool
take_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct search *search = ctx;

    if (search->skip-- > 0) {
        return true;
    }
    wf_buf_put(&search->key, key.data, key.len);
    wf_buf_put(&search->value, value.data, value.len);
    return false;
}

// The n-th row from this key on that begins with it.
static struct search
find_row(const struct wf_buf *from, uint32_t nth)
{
    struct search search = {.skip = nth};
    struct wf_buf to = {0};

    wf_keys_after(&to, wf_buf_bytes(from));
    CHECK_OK(rig.store.ops->scan(rig.store.self, WF_CF_DATA, wf_buf_bytes(from),
                                 wf_buf_bytes(&to), take_row, &search));
    CHECK(search.key.len > 0);
    wf_buf_fini(&to);
    return search;
}

static struct search
find_item(uint8_t class, uint32_t nth)
{
    struct wf_buf from = {0};
    struct search search;

    wf_keys_items(&from, rig.partition, wf_key_bytes(&rig.busy));
    wf_buf_put_u8(&from, class);
    search = find_row(&from, nth);
    wf_buf_fini(&from);
    return search;
}

static void
forget(struct search *search)
{
    wf_buf_fini(&search->key);
    wf_buf_fini(&search->value);
}

TEST(inspect_rows, what_is_whole_has_no_problems)
{
    rig_open();
    CHECK_EQ(look(), 0);
    rig_close();
}

TEST(inspect_rows, items_are_as_many_as_the_image_says)
{
    static const struct {
        uint8_t class;
        const char *said;
    } cases[] = {
        {WF_ITEM_TIMER, "its image counts 70 timers, and has 69"},
        {WF_ITEM_COMMAND, "its image counts 70 activities, and has 69"},
        {WF_ITEM_CALL, "calls, and has "},
    };

    rig_open();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t nth = 0; nth < 2; nth++) {
            struct search item = find_item(cases[i].class, nth);

            change(wf_buf_bytes(&item.key), NULL);
            check_said(cases[i].said);
            put(&item.key, weft_text("\xff what"));
            check_said("its image or its items do not decode");
            forget(&item);
        }
    }
    rig_close();
}

TEST(inspect_rows, rows_of_nobody_are_found)
{
    struct wf_buf key = {0};
    struct wf_key ghost;
    weft_bytes name;

    rig_open();
    CHECK_OK(wf_key_make("default", "ghost", "b", &ghost));
    name = wf_key_bytes(&ghost);
    wf_keys_item(&key, rig.partition, name, 2, 7);
    put(&key, weft_text("what"));
    check_said("ghost/b: an item of class 2, number 7, that no image has");
    wf_keys_mailbox(&key, rig.partition, name, 3);
    put(&key, weft_text("what"));
    check_said("ghost/b: letter 3 of a mailbox, that no image has");
    wf_keys_ready(&key, rig.partition, name);
    put(&key, weft_nothing());
    check_said("ghost/b: the wake index says \"ready\", and no image does");
    wf_keys_sleep(&key, rig.partition, UINT64_MAX / 2, name);
    put(&key, weft_nothing());
    check_said("ghost/b: the wake index says \"sleeps\", and no image does");
    wf_key_fini(&ghost);
    wf_buf_fini(&key);
    rig_close();
}

TEST(inspect_rows, letters_are_all_there_and_in_their_place)
{
    struct wf_buf from = {0};
    struct search letter;

    rig_open();
    wf_keys_mailbox(&from, rig.partition, wf_key_bytes(&rig.mailbox), 0);
    from.len -= sizeof(uint64_t);
    for (uint32_t nth = 0; nth < 3; nth++) {
        char said[80];
        struct wf_reader tail;

        letter = find_row(&from, nth);
        tail = wf_reader_of(
            weft_bytes_of(letter.key.data + letter.key.len - 8, 8));
        (void)snprintf(said, sizeof(said),
                       "letter %llu of its mailbox is missing "
                       "or does not decode",
                       (unsigned long long)wf_reader_u64(&tail));
        change(wf_buf_bytes(&letter.key), NULL);
        check_said(said);
        put(&letter.key, weft_text("what"));
        check_said(said);
        forget(&letter);
    }
    wf_keys_mailbox(&from, rig.partition, wf_key_bytes(&rig.mailbox), 1U << 20);
    put(&from, weft_text("what"));
    check_said("mailbox/b: letter 1048576 of a mailbox, that no image has");
    wf_keys_mailbox(&from, rig.partition, wf_key_bytes(&rig.mailbox), 0);
    put(&from, weft_text("what"));
    check_said("mailbox/b: letter 0 of a mailbox, that no image has");
    wf_buf_fini(&from);
    rig_close();
}

TEST(inspect_rows, the_wake_index_and_the_images_say_the_same)
{
    struct wf_buf key = {0};
    struct search row;

    rig_open();
    wf_keys_range(&key, WF_KEY_READY, rig.partition);
    row = find_row(&key, 0);
    change(wf_buf_bytes(&row.key), NULL);
    check_said("its image says \"ready\", but the wake index has no such row");
    forget(&row);
    wf_keys_sleep(&key, rig.partition, 1, wf_key_bytes(&rig.busy));
    put(&key, weft_nothing());
    check_said("busy/b: the wake index says \"sleeps\", and no image does");
    wf_buf_fini(&key);
    rig_close();
}

// Each byte of a small image in turn is this one instead. Leaves all that is
// said in rig.problems.
static void
look_at_each(const struct wf_key *key, uint8_t byte)
{
    struct wf_buf name = {0};
    struct wf_buf said = {0};
    struct search image;

    wf_keys_image(&name, rig.partition, wf_key_bytes(key));
    image = find_row(&name, 0);
    for (size_t i = 0; i < image.value.len; i++) {
        uint8_t before = image.value.data[i];

        image.value.data[i] = byte;
        put(&name, wf_buf_bytes(&image.value));
        (void)look();
        wf_buf_put(&said, rig.problems.data, rig.problems.len - 1);
        put_back();
        image.value.data[i] = before;
    }
    wf_buf_put_u8(&said, '\0');
    wf_buf_fini(&rig.problems);
    rig.problems = said;
    forget(&image);
    wf_buf_fini(&name);
}

// It is taken for what it says, or named; some of it must be found.
TEST(inspect_rows, an_image_with_another_byte_in_it_is_named)
{
    struct wf_key child;

    rig_open();
    CHECK_OK(wf_key_make("default", "quiet", "b/1", &child));
    look_at_each(&child, 9);
    CHECK(is_said("quiet/b/1: its image has wake 9"));
    look_at_each(&child, 127);
    CHECK(is_said("quiet/b/1: its image or its items do not decode"));
    CHECK(is_said("quiet/b/1: its image counts 127 timers, and has 0"));
    CHECK(is_said("quiet/b/1: its image counts 127 activities, and has 0"));
    CHECK(is_said("quiet/b/1: its image counts 127 calls, and has 0"));
    CHECK(is_said("entry 0 of its journal does not decode"));
    wf_key_fini(&child);
    rig_close();
}

// Messages. -------------------------------------------------------------------

static void
put_envelope(struct wf_buf *out, bool is_dead)
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

TEST(inspect_rows, messages_under_way_have_a_link)
{
    struct wf_buf key = {0};
    struct wf_buf message = {0};

    rig_open();
    put_envelope(&message, false);
    wf_keys_outbox(&key, rig.partition, 1 - rig.partition, 6);
    put(&key, wf_buf_bytes(&message));
    check_said("message 6 to p");
    wf_buf_put_u8(&message, 0);
    put(&key, wf_buf_bytes(&message));
    check_said("does not decode");
    wf_buf_fini(&key);
    wf_buf_fini(&message);
    rig_close();
}

TEST(inspect_rows, dead_letters_come_before_the_next)
{
    struct wf_buf key = {0};
    struct wf_buf letter = {0};

    rig_open();
    put_envelope(&letter, true);
    wf_keys_letter(&key, rig.partition, 500);
    put(&key, wf_buf_bytes(&letter));
    rig.is_log_cut = true; // then nobody knows how many there are
    CHECK_EQ(look(), 0);
    rig.is_log_cut = false;
    check_said("dead letter 500, though the next is ");
    letter.len--;
    put(&key, wf_buf_bytes(&letter));
    check_said("dead letter 500 does not decode");
    key.len -= 2;
    put_envelope(&letter, true);
    put(&key, wf_buf_bytes(&letter));
    check_said("does not decode");
    wf_buf_fini(&key);
    wf_buf_fini(&letter);
    rig_close();
}

TEST(inspect_rows, keys_that_are_too_short_are_of_no_kind)
{
    static const char *const keys[] = {"a", "a\1", "zz\1"};

    rig_open();
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const weft_bytes nothing = weft_nothing();

        change(weft_text(keys[i]), &nothing);
        check_said("a row of unknown kind");
    }
    change(weft_bytes_of("\0\0\0", 3), &(weft_bytes){0});
    check_said("a row of unknown kind, its key has 3 bytes");
    rig_close();
}

// A store that fails while it is walked.
TEST(inspect_rows, rows_that_cannot_be_read_are_said_to_be_so)
{
    struct wf_inspect_check check = {
        .fn = add_problem,
        .ctx = &rig.problems,
        .log_from = wf_calloc(PARTITIONS * sizeof(uint64_t)),
    };
    weft_inspect *inspect;
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};

    rig_open();
    inspect = open_inspect(&check);
    wf_memory_disk_crash(rig.disk);
    wf_inspect_check_rows(inspect, 0);
    wf_buf_put_u8(&rig.problems, '\0');
    CHECK_EQ(check.counts.problems, 1);
    CHECK(is_said("store-0: rows: "));
    CHECK_ERR(weft_inspect_get_summary(inspect, &summary), WEFT_ECLOSED);
    weft_inspect_close(inspect);
    wf_free(check.log_from);
    rig_close();
}

// Looks. ----------------------------------------------------------------------

struct seen {
    uint32_t actors;
    uint32_t problems;
    uint32_t letters;
    uint64_t number; // of the last of them
    uint32_t groups;
};

static int
see_actor(void *ctx, const weft_inspect_actor *actor)
{
    struct seen *seen = ctx;

    seen->actors++;
    seen->problems += actor->problem[0] != '\0';
    return 0;
}

static int
see_letter(void *ctx, const weft_inspect_dead_letter *letter)
{
    struct seen *seen = ctx;

    seen->letters++;
    seen->number = letter->letter.number;
    return 1; // no more
}

static int
see_group(void *ctx, const weft_group *group)
{
    (void)group;
    ((struct seen *)ctx)->groups++;
    return 1;
}

static void
see_bytes(void *ctx, weft_bytes bytes)
{
    (void)ctx;
    (void)bytes;
    CHECK(false);
}

TEST(inspect_rows, an_actor_that_does_not_decode_is_shown_with_its_problem)
{
    const weft_target busy_b = {"busy", "b"};
    struct seen seen = {0};
    struct search item;
    weft_inspect *inspect;
    uint64_t count = 7;

    rig_open();
    item = find_item(WF_ITEM_TIMER, 0);
    put(&item.key, weft_text("\xff what"));
    inspect = open_inspect(NULL);
    CHECK_ERR(weft_inspect_each(inspect, NULL, see_actor, &seen),
              WEFT_ECORRUPT);
    CHECK_EQ(seen.problems, 1);
    CHECK(seen.actors > MANY);
    CHECK_ERR(weft_inspect_find(inspect, NULL, busy_b, see_actor, &seen),
              WEFT_ECORRUPT);
    CHECK_EQ(seen.problems, 2);
    CHECK_ERR(weft_inspect_export(inspect, NULL, busy_b, see_bytes, NULL),
              WEFT_ECORRUPT);
    CHECK_ERR(
        weft_inspect_count(inspect, NULL, "kind", &count, see_group, &seen),
        WEFT_ECORRUPT);
    CHECK_EQ(count, 0);
    CHECK_EQ(seen.groups, 0);
    weft_inspect_close(inspect);
    put_back();
    forget(&item);
    rig_close();
}

TEST(inspect_rows, a_mailbox_with_a_letter_missing_is_shown_with_its_problem)
{
    const weft_target mailbox_b = {"mailbox", "b"};
    struct seen seen = {0};
    struct wf_buf from = {0};
    weft_inspect *inspect;
    struct search letter;

    rig_open();
    inspect = open_inspect(NULL);
    CHECK_OK(weft_inspect_find(inspect, NULL, mailbox_b, see_actor, &seen));
    CHECK_EQ(seen.problems, 0);
    wf_keys_mailbox(&from, rig.partition, wf_key_bytes(&rig.mailbox), 0);
    from.len -= sizeof(uint64_t);
    for (uint32_t nth = 0; nth < 2; nth++) {
        letter = find_row(&from, nth);
        change(wf_buf_bytes(&letter.key), NULL);
        CHECK_ERR(weft_inspect_find(inspect, NULL, mailbox_b, see_actor, &seen),
                  WEFT_ECORRUPT);
        CHECK_EQ(seen.problems, nth + 1);
        CHECK(strstr(weft_err_detail(), "letter ") != NULL);
        CHECK(strstr(weft_err_detail(), " of its mailbox is missing") != NULL);
        put_back();
        forget(&letter);
    }
    weft_inspect_close(inspect);
    wf_buf_fini(&from);
    rig_close();
}

TEST(inspect_rows, dead_letters_are_shown_until_it_is_enough)
{
    struct seen seen = {0};
    struct wf_buf key = {0};
    struct wf_buf letter = {0};
    weft_inspect *inspect;

    rig_open();
    put_envelope(&letter, true);
    for (uint32_t i = 0; i < PARTITIONS * 2; i++) {
        wf_keys_letter(&key, i / 2, 5 + i % 2);
        put(&key, wf_buf_bytes(&letter));
    }
    inspect = open_inspect(NULL);
    CHECK_OK(weft_inspect_letters(inspect, see_letter, &seen));
    CHECK_EQ(seen.letters, 1);
    CHECK_EQ(seen.number, 5);
    wf_keys_letter(&key, 0, 5);
    for (uint32_t cut = 1; cut < 6; cut++) {
        put(&key, weft_bytes_of(letter.data, letter.len - cut));
        CHECK_ERR(weft_inspect_letters(inspect, see_letter, &seen),
                  WEFT_ECORRUPT);
        CHECK(strstr(weft_err_detail(), "p0: dead letter 5 does not decode") !=
              NULL);
        CHECK_EQ(seen.letters, 1 + cut); // others are shown all the same
        CHECK_EQ(seen.number, 6);
    }
    weft_inspect_close(inspect);
    put_back();
    wf_buf_fini(&key);
    wf_buf_fini(&letter);
    rig_close();
}

TEST(inspect_rows, what_is_asked_wrongly_is_refused)
{
    const weft_target nobody = {"busy", ""};
    weft_inspect_filter filter = WEFT_INSPECT_FILTER_INIT;
    struct seen seen = {0};
    weft_inspect *inspect;
    uint64_t count = 7;

    rig_open();
    inspect = open_inspect(NULL);
    filter.where = "kind =";
    CHECK_ERR(weft_inspect_each(inspect, &filter, see_actor, &seen),
              WEFT_EINVAL);
    filter.where = "kind = 'busy'";
    filter.struct_size = 1;
    CHECK_ERR(weft_inspect_each(inspect, &filter, see_actor, &seen),
              WEFT_EINVAL);
    filter.struct_size = sizeof(filter);
    CHECK_ERR(weft_inspect_count(inspect, &filter, "a b", &count, NULL, NULL),
              WEFT_EINVAL);
    CHECK_EQ(count, 0);
    CHECK_ERR(weft_inspect_export(inspect, NULL, nobody, see_bytes, NULL),
              WEFT_EINVAL);
    CHECK_EQ(seen.actors, 0);
    CHECK_OK(weft_inspect_each(inspect, &filter, see_actor, &seen));
    CHECK_EQ(seen.actors, 1);
    filter.where = NULL;
    CHECK_OK(
        weft_inspect_count(inspect, &filter, "kind", &count, see_group, &seen));
    CHECK(count > MANY);
    CHECK_EQ(seen.groups, 1); // then it was enough
    CHECK_OK(weft_inspect_count(inspect, &filter, "kind", &count, NULL, NULL));
    weft_inspect_close(inspect);
    rig_close();
}

TEST(inspect_rows, a_store_that_fails_is_an_error_of_every_look)
{
    const weft_target busy_b = {"busy", "b"};
    struct seen seen = {0};
    weft_inspect *inspect;
    uint64_t count = 7;

    rig_open();
    inspect = open_inspect(NULL);
    wf_memory_disk_crash(rig.disk);
    CHECK_ERR(weft_inspect_each(inspect, NULL, see_actor, &seen), WEFT_ECLOSED);
    CHECK_EQ(seen.actors, 0);
    CHECK_ERR(weft_inspect_count(inspect, NULL, NULL, &count, NULL, NULL),
              WEFT_ECLOSED);
    CHECK_ERR(weft_inspect_find(inspect, NULL, busy_b, see_actor, &seen),
              WEFT_ECLOSED);
    CHECK_EQ(seen.problems, 1);
    CHECK_ERR(weft_inspect_export(inspect, NULL, busy_b, see_bytes, NULL),
              WEFT_ECLOSED);
    CHECK_ERR(weft_inspect_letters(inspect, see_letter, &seen), WEFT_ECLOSED);
    weft_inspect_close(inspect);
    rig_close();
}
