// SPDX-License-Identifier: Apache-2.0
//
// test_store_memory.c - crashes and failures of the store in memory.

#include <stdio.h>

#include "support/test.h"

#include "storage/store.h"

struct rig {
    struct wf_memory_disk *disk;
    struct wf_store store;
};

static struct rig
create_rig(void)
{
    struct rig rig = {.disk = wf_memory_disk_create()};

    CHECK_OK(wf_store_memory_open(rig.disk, &rig.store));
    return rig;
}

static void
reopen(struct rig *rig)
{
    rig->store.ops->close(rig->store.self);
    CHECK_OK(wf_store_memory_open(rig->disk, &rig->store));
}

static void
destroy_rig(struct rig *rig)
{
    rig->store.ops->close(rig->store.self);
    wf_memory_disk_destroy(rig->disk);
}

static weft_err
put(struct rig *rig, const char *key, bool sync)
{
    struct wf_batch batch = {0};
    weft_err err;

    wf_batch_put(&batch, WF_CF_DATA, weft_text(key), weft_text("v"));
    wf_batch_put(&batch, WF_CF_LOG, weft_text(key), weft_text("v"));
    err = rig->store.ops->write(rig->store.self, &batch, sync);
    wf_batch_fini(&batch);
    return err;
}

static weft_err
get(struct rig *rig, enum wf_cf cf, const char *key)
{
    struct wf_buf value = {0};
    weft_err err =
        rig->store.ops->get(rig->store.self, cf, weft_text(key), &value);

    wf_buf_fini(&value);
    return err;
}

static bool
pass(void *ctx, weft_bytes key, weft_bytes value)
{
    (void)ctx;
    (void)key;
    (void)value;
    return true;
}

static void
check_closed(struct rig *rig)
{
    CHECK_ERR(put(rig, "x", true), WEFT_ECLOSED);
    CHECK_ERR(get(rig, WF_CF_DATA, "x"), WEFT_ECLOSED);
    CHECK_ERR(rig->store.ops->scan(rig->store.self, WF_CF_DATA, weft_nothing(),
                                   weft_nothing(), pass, NULL),
              WEFT_ECLOSED);
    CHECK_ERR(rig->store.ops->flush(rig->store.self), WEFT_ECLOSED);
    CHECK_ERR(rig->store.ops->verify(rig->store.self), WEFT_ECLOSED);
}

TEST(store_memory, a_crash_loses_what_was_not_synced)
{
    struct rig rig = create_rig();

    CHECK_OK(put(&rig, "a", false));
    CHECK_OK(put(&rig, "b", true)); // syncs what was before it too
    CHECK_OK(put(&rig, "c", false));
    wf_memory_disk_crash(rig.disk);
    check_closed(&rig);
    reopen(&rig);
    CHECK_OK(get(&rig, WF_CF_DATA, "a"));
    CHECK_OK(get(&rig, WF_CF_LOG, "b"));
    CHECK_ERR(get(&rig, WF_CF_DATA, "c"), WEFT_ENOTFOUND);
    CHECK_ERR(get(&rig, WF_CF_LOG, "c"), WEFT_ENOTFOUND);
    destroy_rig(&rig);
}

TEST(store_memory, a_flush_makes_what_was_written_survive)
{
    struct rig rig = create_rig();

    CHECK_OK(put(&rig, "a", false));
    CHECK_OK(rig.store.ops->flush(rig.store.self));
    CHECK_OK(put(&rig, "b", false));
    wf_memory_disk_crash(rig.disk);
    reopen(&rig);
    CHECK_OK(get(&rig, WF_CF_DATA, "a"));
    CHECK_OK(get(&rig, WF_CF_LOG, "a"));
    CHECK_ERR(get(&rig, WF_CF_DATA, "b"), WEFT_ENOTFOUND);
    destroy_rig(&rig);
}

TEST(store_memory, a_store_from_before_a_crash_stays_closed)
{
    struct rig rig = create_rig();
    struct rig later = {.disk = rig.disk};

    wf_memory_disk_crash(rig.disk);
    CHECK_OK(wf_store_memory_open(rig.disk, &later.store));
    check_closed(&rig);
    CHECK_OK(put(&later, "a", true));
    rig.store.ops->close(rig.store.self);
    CHECK_OK(get(&later, WF_CF_DATA, "a"));
    destroy_rig(&later);
}

TEST(store_memory, a_failed_write_closes_the_store_and_may_be_there)
{
    for (int is_applied = 0; is_applied < 2; is_applied++) {
        struct rig rig = create_rig();

        CHECK_OK(put(&rig, "before", false));
        wf_memory_disk_fail_write(rig.disk, 1, WEFT_EIO, is_applied == 1);
        CHECK_OK(put(&rig, "a", true));
        CHECK_ERR(put(&rig, "b", true), WEFT_EIO);
        check_closed(&rig);
        reopen(&rig);
        CHECK_OK(put(&rig, "c", false)); // it failed once
        wf_memory_disk_crash(rig.disk);
        reopen(&rig);
        CHECK_OK(get(&rig, WF_CF_DATA, "a"));
        CHECK_ERR(get(&rig, WF_CF_DATA, "b"),
                  is_applied == 1 ? WEFT_OK : WEFT_ENOTFOUND);
        destroy_rig(&rig);
    }
}

TEST(store_memory, a_stalled_write_wrote_nothing_and_goes_on)
{
    struct rig rig = create_rig();

    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EBUSY, false);
    CHECK_ERR(put(&rig, "a", true), WEFT_EBUSY);
    CHECK_ERR(get(&rig, WF_CF_DATA, "a"), WEFT_ENOTFOUND);
    CHECK_OK(put(&rig, "a", true));
    CHECK_OK(get(&rig, WF_CF_DATA, "a"));
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EBUSY, false);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_OK, false);
    CHECK_OK(put(&rig, "b", true));
    destroy_rig(&rig);
}

TEST(store_memory, a_checkpoint_is_the_store_as_it_was)
{
    struct rig rig = create_rig();
    struct wf_memory_disk *copy = wf_memory_disk_create();
    struct wf_store store;
    struct wf_buf value = {0};
    char dir[512];

    (void)snprintf(dir, sizeof(dir), "%s/copy", test_dir(t));
    CHECK_OK(put(&rig, "a", false));
    CHECK_OK(rig.store.ops->checkpoint(rig.store.self, dir));
    CHECK_OK(put(&rig, "b", false));
    CHECK_ERR(rig.store.ops->checkpoint(rig.store.self, dir), WEFT_EEXISTS);
    CHECK_OK(wf_memory_disk_load(copy, dir));
    wf_memory_disk_crash(copy); // what was loaded is synced
    CHECK_OK(wf_store_memory_open(copy, &store));
    for (int cf = WF_CF_LOG; cf <= WF_CF_DATA; cf++) {
        CHECK_OK(
            store.ops->get(store.self, (enum wf_cf)cf, weft_text("a"), &value));
        CHECK_BYTES(wf_buf_bytes(&value), weft_text("v"));
        CHECK_ERR(
            store.ops->get(store.self, (enum wf_cf)cf, weft_text("b"), &value),
            WEFT_ENOTFOUND);
    }
    store.ops->close(store.self);
    wf_memory_disk_destroy(copy);
    wf_buf_fini(&value);
    destroy_rig(&rig);
}
