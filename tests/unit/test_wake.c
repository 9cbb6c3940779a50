// SPDX-License-Identifier: Apache-2.0
//
// test_wake.c - the cursor of the wake index, with readers that take as long as
// the test likes. The next open reads from the cursor on: a row before it wakes
// nobody any more.

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "partition_rig.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "runtime/timers.h"
#include "storage/keys.h"
#include "storage/store.h"
#include "support/test.h"

#define BEGIN_MS 1000000
#define DUE_MS (BEGIN_MS + 50000) // of the one that sleeps

static struct partition_rig rig;
static struct wf_memory_disk *disk;
static struct wf_store store;

// A store with the row of one that sleeps until then, and a partition that is
// open.
static void
rig_open_until(uint64_t due_ms)
{
    struct wf_batch batch = {0};
    struct wf_buf row = {0};
    struct wf_key key;

    disk = wf_memory_disk_create();
    CHECK_OK(wf_store_memory_open(disk, &store));
    CHECK_OK(wf_key_make("default", "kind", "sleeper", &key));
    wf_keys_sleep(&row, 0, due_ms, wf_key_bytes(&key));
    wf_batch_put(&batch, WF_CF_DATA, wf_buf_bytes(&row), weft_nothing());
    CHECK_OK(store.ops->write(store.self, &batch, true));
    partition_rig_create(&rig, (struct wf_partition_options){0});
    wf_partition_open(rig.partition, BEGIN_MS);
    wf_key_fini(&key);
    wf_buf_fini(&row);
    wf_batch_fini(&batch);
}

static void
rig_open(void)
{
    rig_open_until(DUE_MS);
}

static void
rig_close(void)
{
    (void)partition_rig_destroy(&rig);
    store.ops->close(store.self);
    wf_memory_disk_destroy(disk);
}

// Answer the first load for that, as of now. False: none waits.
static bool
answer(enum wf_purpose purpose)
{
    struct wf_list *loads = &wf_partition_outputs(rig.partition)->loads;
    struct wf_list_node *node = wf_list_first(loads);

    for (; node != NULL; node = wf_list_next(loads, node)) {
        struct wf_load *load = WF_CONTAINER(node, struct wf_load, node);

        if (load->purpose == (int)purpose) {
            wf_list_remove(loads, node);
            wf_load_answer(load, &store);
            wf_partition_load(rig.partition, rig.partition->now_ms, load);
            return true;
        }
    }
    return false;
}

// The next page is read, whatever else is not.
static void
read_page(uint64_t now_ms)
{
    wf_partition_tick(rig.partition, now_ms);
    CHECK(answer(WF_PURPOSE_SLEEP));
}

TEST(wake, the_cursor_waits_for_who_is_to_be_woken)
{
    rig_open();
    read_page(BEGIN_MS);
    CHECK_EQ(rig.partition->wake_cursor, DUE_MS);
    read_page(BEGIN_MS + WF_WAKE_AHEAD_MS);
    // It was woken meanwhile, and is not there yet.
    CHECK_EQ(rig.partition->wake_cursor, DUE_MS);
    read_page(BEGIN_MS + 2 * WF_WAKE_AHEAD_MS);
    CHECK_EQ(rig.partition->wake_cursor, DUE_MS);
    rig_close();
}

TEST(wake, the_cursor_waits_for_who_was_touched_before_its_row_was_read)
{
    struct wf_key key;

    rig_open();
    CHECK_OK(wf_key_make("default", "kind", "sleeper", &key));
    wf_residents_want(rig.partition, wf_residents_get(rig.partition, &key));
    wf_key_fini(&key);
    read_page(BEGIN_MS);
    CHECK_EQ(rig.partition->wake_cursor, DUE_MS);
    rig_close();
}

// Whether it is the last one of a page or the first one of the next.
TEST(wake, no_row_lies_between_two_pages)
{
    for (uint64_t due = BEGIN_MS + 2 * WF_WAKE_AHEAD_MS - 2;
         due <= BEGIN_MS + 2 * WF_WAKE_AHEAD_MS + 3; due++) {
        rig_open_until(due);
        read_page(BEGIN_MS);
        read_page(BEGIN_MS + WF_WAKE_AHEAD_MS);
        wf_partition_tick(rig.partition, due - WF_WAKE_LEAD_MS - 1);
        CHECK(!answer(WF_PURPOSE_ACTOR));
        wf_partition_tick(rig.partition, due - WF_WAKE_LEAD_MS);
        CHECK(answer(WF_PURPOSE_ACTOR));
        rig_close();
    }
}

// From where the last page ended, whatever it had.
TEST(wake, each_page_goes_on_where_the_one_before_ended)
{
    struct wf_buf from = {0};

    rig_open_until(BEGIN_MS + 10 * WF_WAKE_AHEAD_MS);
    read_page(BEGIN_MS);
    wf_keys_sleep(&from, 0, BEGIN_MS + 2 * WF_WAKE_AHEAD_MS + 1,
                  weft_nothing());
    CHECK_BYTES(wf_buf_bytes(&rig.partition->ahead_from), wf_buf_bytes(&from));
    wf_buf_fini(&from);
    rig_close();
}

// Who has work to do is found by the next try, if the first one fails.
TEST(wake, who_is_ready_is_read_again_if_that_failed)
{
    struct wf_batch batch = {0};
    struct wf_buf row = {0};
    struct wf_list *loads;
    struct wf_list_node *node;
    struct wf_key key;

    rig_open();
    CHECK_OK(wf_key_make("default", "kind", "worker", &key));
    wf_keys_ready(&row, 0, wf_key_bytes(&key));
    wf_batch_put(&batch, WF_CF_DATA, wf_buf_bytes(&row), weft_nothing());
    CHECK_OK(store.ops->write(store.self, &batch, true));
    loads = &wf_partition_outputs(rig.partition)->loads;
    for (node = wf_list_first(loads); node != NULL;
         node = wf_list_next(loads, node)) {
        struct wf_load *load = WF_CONTAINER(node, struct wf_load, node);

        if (load->purpose == WF_PURPOSE_READY) {
            wf_list_remove(loads, node);
            load->err = WEFT_EIO;
            wf_partition_load(rig.partition, BEGIN_MS, load);
            break;
        }
    }
    CHECK(node != NULL);
    read_page(BEGIN_MS);
    CHECK(wf_residents_find(rig.partition, wf_key_bytes(&key)) == NULL);
    wf_partition_tick(rig.partition, BEGIN_MS + 10000);
    CHECK(answer(WF_PURPOSE_READY));
    CHECK(wf_residents_find(rig.partition, wf_key_bytes(&key)) != NULL);
    wf_key_fini(&key);
    wf_buf_fini(&row);
    wf_batch_fini(&batch);
    rig_close();
}

// Or it would be read over and over while there is no room for it.
TEST(wake, who_leaves_memory_shortly_before_its_time_comes_back_at_its_time)
{
    struct wf_key key;

    rig_open();
    read_page(BEGIN_MS);
    wf_partition_tick(rig.partition, DUE_MS - WF_WAKE_LEAD_MS);
    CHECK(answer(WF_PURPOSE_ACTOR));
    CHECK_OK(wf_key_make("default", "kind", "sleeper", &key));
    wf_wake_at(rig.partition, &key, DUE_MS);
    wf_key_fini(&key);
    CHECK_EQ(wf_partition_next_due(rig.partition), DUE_MS);
    rig_close();
}

// The cursor tells of rows, not of alarms: those up to the alarm may be gone.
TEST(wake, the_cursor_does_not_go_back_for_who_is_read_early)
{
    rig_open_until(BEGIN_MS + 2 * WF_WAKE_AHEAD_MS + 10);
    read_page(BEGIN_MS);
    CHECK_EQ(rig.partition->wake_cursor, BEGIN_MS + 2 * WF_WAKE_AHEAD_MS + 1);
    read_page(BEGIN_MS + WF_WAKE_AHEAD_MS);
    CHECK_EQ(rig.partition->wake_cursor, BEGIN_MS + 2 * WF_WAKE_AHEAD_MS + 10);
    rig_close();
}

// Is there an alarm for one that is due then and not in memory?
static bool
has_alarm(uint64_t due)
{
    const struct wf_heap *alarms = &rig.partition->alarms;

    for (size_t i = 1; i <= alarms->count; i++) {
        if (WF_CONTAINER(alarms->nodes[i], const struct wf_alarm, heap)->type ==
                WF_ALARM_WAKE &&
            alarms->nodes[i]->due == due - WF_WAKE_LEAD_MS) {
            return true;
        }
    }
    return false;
}

// Its row may lie in what was read already, up to the last moment of that.
TEST(wake, who_leaves_memory_is_woken_if_its_row_was_read_without_it)
{
    for (uint64_t behind = 0; behind < 2; behind++) {
        struct wf_actor *actor;
        struct wf_key key;
        uint64_t due;

        rig_open();
        read_page(BEGIN_MS);
        due = rig.partition->near_due + behind;
        CHECK_OK(wf_key_make("default", "kind", "other", &key));
        actor = wf_residents_get(rig.partition, &key);
        wf_residents_want(rig.partition, actor);
        CHECK(answer(WF_PURPOSE_ACTOR));
        wf_timers_add(actor, 1, weft_text("t"))->due = due;
        actor->wake = WF_WAKE_SLEEP; // as its row says
        actor->wake_due = due;
        CHECK(wf_partition_press(rig.partition, true));
        CHECK(wf_residents_find(rig.partition, wf_key_bytes(&key)) == NULL);
        CHECK_EQ(has_alarm(due), behind == 0);
        wf_key_fini(&key);
        rig_close();
    }
}

// Others have their go between them.
TEST(wake, so_many_alarms_go_off_at_a_time)
{
    rig_open();
    for (int i = 0; i < WF_TIMERS_PER_TICK + 10; i++) {
        struct wf_key key;
        char id[16];

        (void)snprintf(id, sizeof(id), "%d", i);
        CHECK_OK(wf_key_make("default", "kind", id, &key));
        wf_wake_at(rig.partition, &key, BEGIN_MS + 1);
        wf_key_fini(&key);
    }
    wf_partition_tick(rig.partition, BEGIN_MS + 1);
    CHECK_EQ(rig.partition->actors.count, WF_TIMERS_PER_TICK);
    wf_partition_tick(rig.partition, BEGIN_MS + 1);
    CHECK_EQ(rig.partition->actors.count, WF_TIMERS_PER_TICK + 10);
    rig_close();
}
