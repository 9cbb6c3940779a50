// SPDX-License-Identifier: Apache-2.0
//
// test_residents.c - in which order actors are read, when many are wanted, and
// when they leave memory.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "partition_rig.h"
#include "runtime/image.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "storage/store.h"
#include "support/test.h"

#define NOW_MS 1000
#define MANY 1000

static struct partition_rig rig;

static void
rig_open(void)
{
    partition_rig_create(
        &rig, (struct wf_partition_options){.residents_max = 2 * MANY});
    wf_partition_open(rig.partition, NOW_MS);
}

static void
rig_close(void)
{
    (void)partition_rig_destroy(&rig); // who has asked is not answered
}

static struct wf_key
key_of(int number)
{
    struct wf_key key;
    char id[16];

    (void)snprintf(id, sizeof(id), "%d", number);
    CHECK_OK(wf_key_make("default", "kind", id, &key));
    return key;
}

static struct wf_actor *
actor(int number)
{
    struct wf_key key = key_of(number);
    struct wf_actor *found = wf_residents_get(rig.partition, &key);

    wf_key_fini(&key);
    return found;
}

// Nobody in particular waits for them.
static void
want_many(void)
{
    for (int i = 0; i < MANY; i++) {
        wf_residents_want(rig.partition, actor(i));
    }
}

static void
describe(int number)
{
    struct wf_request *request = wf_request_create();

    request->verb = WEFT_VERB_DESCRIBE;
    request->key = key_of(number);
    wf_partition_request(rig.partition, NOW_MS, request);
}

// Take the next question for an actor; NULL: there is none now.
static struct wf_load *
take_load(void)
{
    struct wf_list *loads = &wf_partition_outputs(rig.partition)->loads;
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(loads)) != NULL) {
        struct wf_load *load = WF_CONTAINER(node, struct wf_load, node);

        if (load->purpose == WF_PURPOSE_ACTOR) {
            return load;
        }
        wf_load_destroy(load);
    }
    return NULL;
}

// Some at a time. The last who was wanted is next once somebody asks for it.
TEST(residents, who_is_asked_for_is_read_before_those_that_nobody_waits_for)
{
    struct wf_load *load;
    int under_way = 0;

    rig_open();
    want_many();
    while ((load = take_load()) != NULL) {
        wf_load_destroy(load);
        under_way++;
    }
    CHECK(under_way > 0 && under_way < MANY / 10);
    CHECK_EQ(actor(MANY - 1)->residency, WF_RESIDENCY_STUB);
    describe(MANY - 1);
    load = take_load();
    CHECK(load != NULL && load->subject == actor(MANY - 1));
    describe(MANY - 1); // it is under way
    CHECK(take_load() == NULL);
    wf_load_destroy(load);
    rig_close();
}

TEST(residents, each_is_read_once_and_none_is_forgotten)
{
    struct wf_load *load;
    int count = 0;

    rig_open();
    want_many();
    describe(MANY - 1);
    describe(MANY); // nobody has wanted that one
    while ((load = take_load()) != NULL) {
        wf_partition_load(rig.partition, NOW_MS, load); // there is no row
        count++;
    }
    CHECK_EQ(count, MANY + 1);
    for (int i = 0; i <= MANY; i++) {
        CHECK_EQ(actor(i)->residency, WF_RESIDENCY_LOADED);
    }
    rig_close();
}

// A load that failed leaves nothing behind: all of it comes again.
TEST(residents, what_cannot_be_read_this_time_is_read_anew)
{
    struct wf_actor *one;
    struct wf_load *load;

    rig_open();
    one = actor(0);
    wf_residents_want(rig.partition, one);
    load = take_load();
    CHECK(load != NULL);
    wf_item_rows_add(&one->item_rows, (struct wf_item_row){.number = 1});
    CHECK(wf_published_restore(&one->published, 7, "name", weft_text("value"),
                               true));
    wf_mailbox_push(&one->mailbox, weft_text("letter"));
    load->err = WEFT_EIO;
    wf_partition_load(rig.partition, NOW_MS, load);
    CHECK_EQ(one->residency, WF_RESIDENCY_STUB);
    CHECK_EQ(one->item_rows.count, 0);
    CHECK_EQ(one->published.list.count, 0);
    CHECK_EQ(one->published.gone.len, 0); // its row stays
    CHECK_EQ(one->mailbox.letters.count, 0);
    CHECK_EQ(wf_mailbox_count(&one->mailbox), 0);
    rig_close();
}

// Lists wait until all are recovered; one that never will be does not count.
TEST(residents, nobody_waits_for_one_that_cannot_be_read)
{
    struct wf_load *load;

    rig_open();
    actor(0)->is_recovering = true;
    rig.partition->recovering = 1;
    wf_residents_want(rig.partition, actor(0));
    load = take_load();
    CHECK(load != NULL);
    load->err = WEFT_ECORRUPT;
    wf_partition_load(rig.partition, NOW_MS, load);
    CHECK_EQ(actor(0)->residency, WF_RESIDENCY_BROKEN);
    CHECK_EQ(rig.partition->recovering, 0);
    rig_close();
}

// A partition that closes gives back what waits for that.
TEST(residents, lists_that_wait_for_recovery_are_given_back)
{
    struct wf_request *request = wf_request_create();

    rig_open();
    rig.partition->recovering = 1;
    request->verb = WEFT_VERB_LIST;
    wf_partition_request(rig.partition, NOW_MS, request);
    CHECK_EQ(rig.partition->lists_later.count, 1);
    CHECK_EQ(partition_rig_destroy(&rig), 1);
}

// However large the first letter is, it comes; and those that records wait for.
TEST(residents, a_page_has_a_letter_at_least)
{
    struct wf_list *loads;
    const struct wf_load *load;

    rig_open();
    loads = &wf_partition_outputs(rig.partition)->loads;
    (void)take_load(); // those of the open
    wf_residents_page(rig.partition, actor(0), 3);
    CHECK_EQ(loads->count, 1);
    load = WF_CONTAINER(wf_list_first(loads), const struct wf_load, node);
    CHECK_EQ(load->least, 4);
    CHECK_EQ(load->limit, WF_MAILBOX_PAGE + 3);
    CHECK_EQ(load->limit_bytes, WF_MAILBOX_PAGE_BYTES);
    rig_close();
}

// The row of an actor with so many letters, saved behind record 7.
static void
save_letters(struct wf_store *store, int count)
{
    struct wf_batch rows = {0};
    struct wf_actor *one;

    rig_open();
    one = actor(0);
    for (int i = 0; i < count; i++) {
        wf_mailbox_push(&one->mailbox, weft_text("letter"));
    }
    one->object.position = 7;
    wf_image_save(rig.partition, one, &rows);
    CHECK_OK(store->ops->write(store->self, &rows, true));
    wf_batch_fini(&rows);
    rig_close();
}

static void
let_wait(struct wf_actor *one, uint64_t record)
{
    struct wf_pending *pending = wf_alloc(sizeof(*pending));

    *pending = (struct wf_pending){.record = record, .now_ms = NOW_MS};
    wf_list_push_back(&one->pending, &pending->node);
}

// Its mailbox may be long, and each letter's record be there still.
TEST(residents, records_that_a_row_has_ask_for_no_letters)
{
    struct wf_memory_disk *disk = wf_memory_disk_create();
    struct wf_store store;
    struct wf_load *load;
    const struct wf_load *page;

    CHECK_OK(wf_store_memory_open(disk, &store));
    save_letters(&store, WF_MAILBOX_MEMORY_MAX + 1);
    rig_open();
    for (uint64_t record = 1; record <= 9; record++) {
        let_wait(actor(0), record);
    }
    wf_residents_want(rig.partition, actor(0));
    load = take_load();
    CHECK(load != NULL);
    wf_load_answer(load, &store);
    wf_partition_load(rig.partition, NOW_MS, load);
    CHECK(wf_mailbox_has_gone(&actor(0)->mailbox));
    CHECK_EQ(actor(0)->pending.count, 2);
    page =
        WF_CONTAINER(wf_list_first(&wf_partition_outputs(rig.partition)->loads),
                     const struct wf_load, node);
    CHECK_EQ(page->purpose, WF_PURPOSE_MAILBOX);
    CHECK_EQ(page->least, 1 + 2);
    rig_close();
    store.ops->close(store.self);
    wf_memory_disk_destroy(disk);
}

// Leaving. --------------------------------------------------------------------

// One that there is nothing of, in memory.
static struct wf_actor *
load_one(int number)
{
    struct wf_load *load;

    wf_residents_want(rig.partition, actor(number));
    load = take_load();
    CHECK(load != NULL);
    wf_partition_load(rig.partition, NOW_MS, load); // there is no row
    return actor(number);
}

static bool
is_there(int number)
{
    struct wf_key key = key_of(number);
    bool is_found =
        wf_residents_find(rig.partition, wf_key_bytes(&key)) != NULL;

    wf_key_fini(&key);
    return is_found;
}

enum need {
    NEED_REQUEST_WAITS,
    NEED_RESULT,
    NEED_JOINED,
    NEED_WATCHED,
    NEED_QUERIED,
    NEED_HELD,
    NEED_PAGING,
    NEED_SPILLING,
    NEED_STEP,
    NEED_RECORD,
    NEED_ROW,
    NEED_END,
    NEED_COUNT
};

static void
set_listed(struct wf_list *list, struct wf_list_node *node, bool is_on)
{
    if (is_on) {
        wf_list_push_back(list, node);
    } else {
        wf_list_remove(list, node);
    }
}

// tidy: long, one case per need
static void
set_need(struct wf_actor *one, enum need need, struct wf_request *request,
         bool is_on)
{
    struct wf_partition *partition = rig.partition;

    switch (need) {
    case NEED_REQUEST_WAITS:
        set_listed(&one->waiting, &request->wait, is_on);
        break;
    case NEED_RESULT:
        set_listed(&one->results, &request->wait, is_on);
        break;
    case NEED_JOINED:
        set_listed(&one->joined, &request->wait, is_on);
        break;
    case NEED_WATCHED:
        set_listed(&one->watches, &request->wait, is_on);
        break;
    case NEED_QUERIED:
        set_listed(&one->queries, &request->wait, is_on);
        break;
    case NEED_HELD:
        one->holds = is_on ? 1 : 0;
        break;
    case NEED_PAGING:
        one->is_paging = is_on;
        break;
    case NEED_SPILLING:
        set_listed(&partition->overfull, &one->spill, is_on);
        break;
    case NEED_STEP:
        set_listed(&partition->steps, &one->steps, is_on);
        break;
    case NEED_RECORD:
        one->object.position = is_on ? partition->durable_record + 1 : 0;
        break;
    case NEED_ROW: // under way
        partition->is_sealed = is_on;
        one->object.saved_seal = partition->seals;
        break;
    default:
        one->status = is_on ? WEFT_STATUS_RUNNING : WEFT_STATUS_NONE;
        one->is_end_asked = is_on;
        break;
    }
}

TEST(residents, nobody_leaves_memory_who_is_needed_there)
{
    for (enum need need = 0; need < NEED_COUNT; need++) {
        struct wf_request *request = wf_request_create();
        struct wf_actor *one;

        rig_open();
        one = load_one(0);
        set_need(one, need, request, true);
        (void)wf_partition_press(rig.partition, true);
        CHECK(is_there(0));
        set_need(one, need, request, false);
        CHECK(wf_partition_press(rig.partition, true));
        CHECK(!is_there(0));
        wf_request_destroy(request);
        rig_close();
    }
}

// Somebody waits for what comes behind them.
TEST(residents, a_few_leave_memory_at_a_time)
{
    rig_open();
    for (int i = 0; i < MANY; i++) {
        (void)load_one(i);
    }
    CHECK(wf_partition_press(rig.partition, true));
    CHECK(rig.partition->actors.count < MANY);
    CHECK(rig.partition->actors.count > MANY / 2);
    rig_close();
}

// Recovery would apply its last record to nothing.
TEST(residents, the_row_of_who_is_gone_stays_until_its_last_record_is_saved)
{
    struct wf_partition *partition;
    struct wf_actor *gone;
    struct wf_key key = key_of(0);

    rig_open();
    partition = rig.partition;
    gone = load_one(0);
    gone->has_row = true;
    gone->object.position = 5;
    partition->last_record = 10;
    partition->sealed_record = 10;
    partition->durable_record = 10;
    partition->redo_record = 5;
    wf_residents_sweep(partition, &key);
    CHECK(is_there(0));
    CHECK_EQ(partition->dead_rows.len, 0);
    partition->redo_record = 6;
    wf_residents_sweep(partition, &key);
    CHECK(!is_there(0));
    CHECK(partition->dead_rows.len > 0);
    wf_key_fini(&key);
    rig_close();
}
