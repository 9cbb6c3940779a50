// SPDX-License-Identifier: Apache-2.0
//
// test_loader.c - loads are answered, and kept from a store that failed.

#include "runtime/loader.h"

#include "base/alloc.h"
#include "base/list.h"
#include "runtime/depot.h"
#include "runtime/load.h"
#include "storage/store.h"
#include "support/test.h"

struct rig {
    struct wf_memory_disk *disk;
    struct wf_depot depot;
    struct wf_loader *loader;
    struct wf_load *back; // the last that came back
    uint32_t back_count;
    uint32_t fenced;
};

static weft_err
rig_open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    struct rig *rig = ctx;

    (void)store;
    return wf_store_memory_open(rig->disk, out_store);
}

static void
rig_done(void *ctx, struct wf_post *post)
{
    struct rig *rig = ctx;

    CHECK_EQ(post->type, WF_POST_LOAD);
    CHECK_EQ(post->partition, post->u.load->partition);
    wf_load_destroy(rig->back);
    rig->back = post->u.load;
    rig->back_count++;
    wf_post_destroy(post);
}

static void
rig_fenced(void *ctx, uint32_t store)
{
    struct rig *rig = ctx;

    (void)store;
    rig->fenced++;
}

static void
put_row(struct rig *rig, weft_err expected)
{
    struct wf_batch batch = {0};

    wf_batch_put(&batch, WF_CF_DATA, weft_text("key"), weft_text("\2value"));
    CHECK_ERR(
        rig->depot.store->ops->write(rig->depot.store->self, &batch, true),
        expected);
    wf_batch_fini(&batch);
}

static void
rig_open(struct rig *rig)
{
    static const uint8_t id[16] = {1};
    struct wf_depot_options depot = {
        .count = 1,
        .partition_count = 4,
        .open_store = rig_open_store,
        .ctx = rig,
        .clock = wf_clock_system(),
    };
    struct wf_loader_options options = {
        .depots = &rig->depot,
        .depots_count = 1,
        .done = rig_done,
        .fenced = rig_fenced,
        .ctx = rig,
    };

    *rig = (struct rig){0};
    rig->disk = wf_memory_disk_create();
    wf_depot_init(&rig->depot, &depot);
    CHECK_OK(wf_depot_open(&rig->depot, false));
    CHECK_OK(wf_depot_found(&rig->depot, id));
    put_row(rig, WEFT_OK);
    rig->loader = wf_loader_create(&options);
}

static void
rig_close(struct rig *rig)
{
    wf_loader_destroy(rig->loader);
    wf_load_destroy(rig->back);
    wf_depot_close(&rig->depot);
    wf_depot_fini(&rig->depot);
    wf_memory_disk_destroy(rig->disk);
}

static void
ask(struct rig *rig)
{
    struct wf_post *post = wf_post_create(WF_POST_LOAD);
    struct wf_load *load = wf_load_create();

    load->partition = 3;
    wf_buf_put(&load->key, "key", 3);
    post->partition = 3;
    post->u.load = load;
    wf_post_push(wf_loader_inbox(rig->loader), post);
}

static void
step_to_rest(struct rig *rig)
{
    while (wf_loader_step(rig->loader) == 0) {
    }
}

TEST(loader, a_load_comes_back_answered)
{
    struct rig rig;

    rig_open(&rig);
    ask(&rig);
    step_to_rest(&rig);
    CHECK_EQ(rig.back_count, 1);
    CHECK_OK(rig.back->err);
    CHECK(rig.back->is_found);
    CHECK_BYTES(wf_buf_bytes(&rig.back->value), weft_text("\2value"));
    rig_close(&rig);
}

TEST(loader, loads_from_a_failed_store_wait_for_the_fence)
{
    struct rig rig;

    rig_open(&rig);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EIO, true);
    put_row(&rig, WEFT_EIO);
    ask(&rig);
    step_to_rest(&rig);
    CHECK_EQ(rig.back_count, 0);
    wf_post_tell(wf_loader_inbox(rig.loader), WF_POST_FENCE, 0);
    step_to_rest(&rig);
    CHECK_EQ(rig.back_count, 1);
    CHECK_EQ(rig.fenced, 1);
    ask(&rig); // comes back unread
    step_to_rest(&rig);
    CHECK_EQ(rig.back_count, 2);
    CHECK_ERR(rig.back->err, WEFT_ECLOSED);

    CHECK_OK(wf_depot_reopen(&rig.depot));
    wf_post_tell(wf_loader_inbox(rig.loader), WF_POST_RESUME, 0);
    ask(&rig);
    step_to_rest(&rig);
    CHECK_EQ(rig.back_count, 3);
    CHECK_OK(rig.back->err);
    rig_close(&rig);
}

TEST(loader, stop_gives_back_what_was_kept)
{
    struct rig rig;

    rig_open(&rig);
    wf_memory_disk_fail_write(rig.disk, 0, WEFT_EIO, true);
    put_row(&rig, WEFT_EIO);
    ask(&rig);
    wf_post_tell(wf_loader_inbox(rig.loader), WF_POST_STOP, 0);
    step_to_rest(&rig);
    CHECK_EQ(rig.back_count, 1);
    CHECK(wf_loader_is_stopped(rig.loader));
    rig_close(&rig);
}
