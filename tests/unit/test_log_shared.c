// SPDX-License-Identifier: Apache-2.0
//
// test_log_shared.c - what the log of every cluster's database promises,
// whichever it is. The registry's part is in test_registry.c.

#include "storage/log_shared.h"

#include <stdio.h>
#include <string.h>

#include "storage/registry.h"
#include "support/test.h"
#include "unit/shared_node.h"
#include "unit/shared_rig.h"

TEST(log_shared, a_new_partition_is_empty)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct wf_shared_place place = shared_node_acquire(&a, 0);
    struct shared_story story = {0};

    CHECK_EQ(place.epoch, 1);
    CHECK_EQ(place.last, 0);
    CHECK_EQ(place.first, 1);
    CHECK_EQ(place.snapshot, 0);
    CHECK_OK(shared_node_read(&a, 0, 0, &story));
    CHECK_STR(story.text, "");
    CHECK_ERR(shared_node_read(&a, 0, 2, &story), WEFT_ECORRUPT);
    shared_node_quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, what_is_appended_is_read_back_in_order)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_story story = {0};

    shared_node_acquire(&a, 1);
    shared_node_acquire(&a, 3);
    shared_node_append_as(&a, 1, "a", 1);
    shared_node_append_as(&a, 3, "x", 1);
    shared_node_append_as(&a, 1, "b", 2);
    shared_node_append_as(&a, 1, "c", 3);
    CHECK_OK(shared_node_read(&a, 1, 0, &story));
    CHECK_STR(story.text, "1=a 2=b 3=c ");
    CHECK_OK(shared_node_read(&a, 1, 3, &story));
    CHECK_STR(story.text, "3=c ");
    CHECK_OK(shared_node_read(&a, 1, 4, &story));
    CHECK_STR(story.text, "");
    CHECK_ERR(shared_node_read(&a, 1, 5, &story), WEFT_ECORRUPT);
    story.stop_at = 2;
    CHECK_ERR(shared_node_read(&a, 1, 0, &story), WEFT_ECANCELLED);
    CHECK_STR(story.text, "1=a 2=b ");
    CHECK_OK(shared_node_read(&a, 3, 0, &story));
    CHECK_STR(story.text, "1=x ");
    shared_node_quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, a_long_log_is_read_whole)
{
    enum { COMMITS = 2500 };
    static char body[8192];
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct wf_shared_place place;
    struct shared_story story = {0};

    shared_node_acquire(&a, 0);
    memset(body, 'x', sizeof(body) - 1);
    for (uint64_t i = 1; i <= COMMITS; i++) {
        shared_node_append_as(&a, 0, i % 500 == 0 ? body : "small", i);
    }
    CHECK_OK(shared_node_read(&a, 0, COMMITS - 2, &story));
    CHECK(strncmp(story.text, "2498=small 2499=small 2500=xxx", 30) == 0);
    CHECK_OK(shared_node_read(&a, 0, 0, &story));
    place = shared_node_acquire(&a, 0);
    CHECK_EQ(place.last, COMMITS);
    shared_node_quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, one_call_appends_to_many_each_for_itself)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");
    struct wf_shared_append all[3] = {
        {.partition = 3}, {.partition = 1}, {.partition = 0}};
    struct wf_buf segments[3] = {{0}};

    shared_node_acquire(&a, 0);
    shared_node_acquire(&a, 1);
    shared_node_acquire(&a, 3);
    shared_node_append_as(&a, 3, "first", 1);
    shared_rig_expire(rig, "a");
    shared_node_acquire(&b, 1);
    for (int i = 0; i < 3; i++) {
        shared_node_encode(all[i].partition, "many", &segments[i]);
        all[i].segment = wf_buf_bytes(&segments[i]);
    }
    a.log.ops->append(a.log.self, all, 3);
    CHECK_EQ(all[0].result, WF_APPEND_DURABLE);
    CHECK_EQ(all[0].number, 2);
    CHECK_EQ(all[1].result, WF_APPEND_FENCED);
    CHECK_EQ(all[2].result, WF_APPEND_DURABLE);
    CHECK_EQ(all[2].number, 1);
    for (int i = 0; i < 3; i++) {
        wf_buf_fini(&segments[i]);
    }
    shared_node_append_as(&b, 1, "mine", 1);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_rig_destroy(rig);
}

TEST(log_shared, a_partition_has_one_owner)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");

    CHECK_EQ(shared_node_append(&b, 0, "not mine").result, WF_APPEND_FENCED);
    shared_node_acquire(&a, 0);
    CHECK_ERR(shared_node_try_acquire(&b, 0), WEFT_EBUSY);
    CHECK_EQ(shared_node_append(&b, 0, "not mine").result, WF_APPEND_FENCED);
    shared_node_append_as(&a, 0, "mine", 1);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_rig_destroy(rig);
}

TEST(log_shared, who_takes_over_fences_who_had_it)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");
    struct wf_shared_place place;
    struct shared_story story = {0};

    shared_node_acquire(&a, 0);
    shared_node_append_as(&a, 0, "old", 1);
    shared_rig_expire(rig, "a");
    shared_node_append_as(&a, 0, "still", 2); // nobody has taken it
    place = shared_node_acquire(&b, 0);
    CHECK_EQ(place.epoch, 2);
    CHECK_EQ(place.last, 2);
    CHECK_EQ(shared_node_append(&a, 0, "too late").result, WF_APPEND_FENCED);
    CHECK_EQ(shared_node_append(&a, 0, "again").result, WF_APPEND_FENCED);
    CHECK_ERR(shared_node_snapshot(&a, 0, 1, "too late"), WEFT_ECLOSED);
    shared_node_append_as(&b, 0, "new", 3);
    CHECK_OK(shared_node_read(&b, 0, 0, &story));
    CHECK_STR(story.text, "1=old 2=still 3=new ");
    // Its lease renewed, it cannot take the partition back.
    CHECK_OK(a.registry.ops->renew(a.registry.self, false));
    CHECK_ERR(shared_node_try_acquire(&a, 0), WEFT_EBUSY);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_rig_destroy(rig);
}

TEST(log_shared, what_is_ones_own_is_acquired_again)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct wf_shared_place place;

    shared_node_acquire(&a, 2);
    shared_node_append_as(&a, 2, "one", 1);
    place = shared_node_acquire(&a, 2);
    CHECK_EQ(place.epoch, 2);
    CHECK_EQ(place.last, 1);
    shared_node_append_as(&a, 2, "two", 2);
    shared_node_quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, what_is_released_is_free)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");

    shared_node_acquire(&a, 0);
    shared_node_append_as(&a, 0, "one", 1);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(shared_node_append(&a, 0, "not mine").result, WF_APPEND_FENCED);
    CHECK_EQ(shared_node_acquire(&b, 0).epoch, 2);
    CHECK_OK(a.log.ops->release(a.log.self, 0)); // of an epoch that is over
    shared_node_append_as(&b, 0, "two", 2);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_rig_destroy(rig);
}

// Who was slow to hear of it gives up what it has no more.
TEST(log_shared, what_is_anothers_by_now_is_not_released)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");
    struct shared_node c = shared_node_join(rig, "c");

    shared_node_acquire(&a, 0);
    shared_rig_expire(rig, "a");
    shared_node_acquire(&b, 0);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_ERR(shared_node_try_acquire(&c, 0), WEFT_EBUSY);
    shared_node_append_as(&b, 0, "one", 1);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_node_quit(&c);
    shared_rig_destroy(rig);
}

TEST(log_shared, a_second_process_of_a_node_replaces_the_first)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node first = shared_node_join(rig, "a");
    struct shared_node second;
    struct wf_registry_map map = {0};

    shared_node_acquire(&first, 0);
    shared_node_append_as(&first, 0, "one", 1);
    second = shared_node_join(rig, "a");
    CHECK_EQ(second.row.incarnation, first.row.incarnation + 1);
    CHECK_ERR(first.registry.ops->renew(first.registry.self, false),
              WEFT_ECLOSED);
    CHECK_ERR(first.registry.ops->leave(first.registry.self), WEFT_ECLOSED);
    CHECK_ERR(shared_node_try_acquire(&first, 1), WEFT_ECLOSED);
    shared_node_append_as(&first, 0, "until it is taken", 2);
    CHECK_OK(second.registry.ops->look(second.registry.self, &map));
    CHECK_EQ(map.parts[0].owner_incarnation, first.row.incarnation);
    wf_registry_map_fini(&map);
    CHECK_EQ(shared_node_acquire(&second, 0).last,
             2); // at once: the lease is its own
    CHECK_EQ(shared_node_append(&first, 0, "too late").result,
             WF_APPEND_FENCED);
    CHECK_OK(second.registry.ops->renew(second.registry.self, false));
    shared_node_quit(&first);
    shared_node_quit(&second);
    shared_rig_destroy(rig);
}

static void
tell_blame(void *ctx, weft_bytes key, const char *how)
{
    char *text = ctx;
    size_t len = strlen(text);

    (void)snprintf(text + len, 64 - len, "%.*s:%s ", (int)key.len,
                   (const char *)key.data, how);
}

static const char *
blames_of(struct shared_node *node, uint32_t partition, uint64_t reflected,
          char *text)
{
    text[0] = '\0';
    CHECK_OK(node->log.ops->blames(node->log.self, partition, reflected,
                                   tell_blame, text));
    return text;
}

static void
blame(struct shared_node *node, uint32_t partition, const char *key,
      uint64_t at_ms)
{
    struct wf_shared_blame one = {partition, weft_text(key), node->row.id,
                                  at_ms};

    CHECK_OK(node->log.ops->blame(node->log.self, &one));
}

// Whoever has the partition next is told of all nodes' processes that ended,
// until an epoch was begun in which it was told.
TEST(log_shared, blames_are_told_to_whoever_has_the_partition)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");
    char text[64];

    blame(&a, 1, "x", 7);
    blame(&a, 1, "x", 7); // the same once more
    blame(&a, 2, "y", 7);
    CHECK_EQ(shared_node_acquire(&b, 1).epoch, 1);
    CHECK_STR(blames_of(&b, 1, 0, text), "x:a ");
    CHECK_STR(blames_of(&b, 1, 0, text), "x:a "); // nothing was begun
    blame(&b, 1, "x", 7);
    shared_rig_expire(rig, "b");
    CHECK_EQ(shared_node_acquire(&a, 1).epoch, 2);
    CHECK_STR(blames_of(&a, 1, 1, text), "x:b "); // a's is in the log
    shared_rig_expire(rig, "a");
    CHECK_EQ(shared_node_acquire(&b, 1).epoch, 3);
    CHECK_STR(blames_of(&b, 1, 1, text), "x:b "); // epoch 2 was not begun
    CHECK_EQ(shared_node_acquire(&b, 1).epoch, 4);
    CHECK_STR(blames_of(&b, 1, 3, text), "");
    CHECK_EQ(shared_node_acquire(&b, 2).epoch, 1);
    CHECK_STR(blames_of(&b, 2, 0, text), "y:a ");
    shared_node_quit(&b);
    shared_node_quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, snapshots_truncate_to_the_last_but_one)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct shared_node b = shared_node_join(rig, "b");
    struct wf_buf manifest = {0};
    struct wf_shared_place place;
    struct shared_story story = {0};
    uint64_t redo_from = 0;

    shared_node_acquire(&a, 0);
    for (uint64_t i = 1; i <= 6; i++) {
        shared_node_append_as(&a, 0, "x", i);
    }
    CHECK_ERR(a.log.ops->snapshot_read(a.log.self, 0, 0, &redo_from, &manifest),
              WEFT_ENOTFOUND);
    CHECK_OK(shared_node_snapshot(&a, 0, 3, "one"));
    CHECK_OK(shared_node_read(&a, 0, 0, &story));
    CHECK_STR(story.text, "1=x 2=x 3=x 4=x 5=x 6=x ");
    CHECK_ERR(a.log.ops->snapshot_read(a.log.self, 0, 1, &redo_from, &manifest),
              WEFT_ENOTFOUND);
    CHECK_OK(shared_node_snapshot(&a, 0, 5, "two"));
    CHECK_OK(shared_node_read(&a, 0, 0, &story));
    CHECK_STR(story.text, "3=x 4=x 5=x 6=x ");
    CHECK_ERR(shared_node_read(&a, 0, 2, &story), WEFT_ECORRUPT);
    CHECK_OK(shared_node_snapshot(&a, 0, 7, "three"));
    CHECK_OK(a.log.ops->snapshot_read(a.log.self, 0, 0, &redo_from, &manifest));
    CHECK_EQ(redo_from, 7);
    CHECK_BYTES(wf_buf_bytes(&manifest), weft_text("three"));
    CHECK_OK(b.log.ops->snapshot_read(b.log.self, 0, 1, &redo_from, &manifest));
    CHECK_EQ(redo_from, 5);
    CHECK_BYTES(wf_buf_bytes(&manifest), weft_text("two"));
    CHECK_ERR(b.log.ops->snapshot_read(b.log.self, 0, 2, &redo_from, &manifest),
              WEFT_ENOTFOUND);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    place = shared_node_acquire(&b, 0);
    CHECK_EQ(place.first, 5);
    CHECK_EQ(place.last, 6);
    CHECK_EQ(place.snapshot, 7);
    // Who restored the last but one may be behind the last.
    CHECK_OK(shared_node_snapshot(&b, 0, 6, "four"));
    CHECK_OK(shared_node_snapshot(&b, 0, 7, "five"));
    CHECK_OK(shared_node_snapshot(&b, 0, 7, "six"));
    place = shared_node_acquire(&b, 0);
    CHECK_EQ(place.first, 7); // there is none
    CHECK_EQ(place.last, 6);
    CHECK_OK(shared_node_read(&b, 0, 0, &story));
    CHECK_STR(story.text, "");
    shared_node_append_as(&b, 0, "y", 7);
    wf_buf_fini(&manifest);
    shared_node_quit(&a);
    shared_node_quit(&b);
    shared_rig_destroy(rig);
}

TEST(log_shared, who_was_stopped_waits_no_more)
{
    struct shared_rig *rig = shared_rig_create();
    struct shared_node a = shared_node_join(rig, "a");
    struct wf_registry_map map = {0};
    enum wf_append_result result;

    shared_node_acquire(&a, 0);
    a.log.ops->stop(a.log.self);
    a.registry.ops->stop(a.registry.self);
    CHECK_ERR(shared_node_try_acquire(&a, 0), WEFT_EIO);
    CHECK_ERR(a.registry.ops->renew(a.registry.self, false), WEFT_EIO);
    CHECK_ERR(a.registry.ops->look(a.registry.self, &map), WEFT_EIO);
    result = shared_node_append(&a, 0, "x").result;
    CHECK_EQ(result, WF_APPEND_IN_DOUBT);
    shared_node_quit(&a);
    shared_rig_destroy(rig);
}
