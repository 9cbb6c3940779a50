// SPDX-License-Identifier: Apache-2.0
//
// test_log_shared.c - what every cluster's database promises, whichever it is.

#include "storage/log_shared.h"

#include <stdio.h>
#include <string.h>

#include "storage/registry.h"
#include "support/test.h"
#include "unit/shared_rig.h"

enum { TTL_MS = 600000 }; // longer than any test runs

struct node {
    struct wf_registry registry;
    struct wf_shared_log log;
    struct wf_registry_node row;
};

static struct node
join(struct shared_rig *rig, const char *id)
{
    struct node node = {.row = {.protocol_min = 1,
                                .protocol_max = 2,
                                .record_max = 7,
                                .endpoint = "tcp://127.0.0.1:7401",
                                .service = "tcp://127.0.0.1:7400",
                                .curve_key = "rq:rM>}U?@Lns47E1%kR.o@n%"
                                             "FcmmsL/@{H8]yf7"}};

    snprintf(node.row.id, sizeof(node.row.id), "%s", id);
    shared_rig_registry(rig, id, &node.registry);
    CHECK_OK(node.registry.ops->join(node.registry.self, &node.row, TTL_MS));
    shared_rig_log(rig, id, node.row.incarnation, &node.log);
    return node;
}

static void
quit(struct node *node)
{
    node->log.ops->close(node->log.self);
    node->registry.ops->close(node->registry.self);
}

static struct wf_shared_place
acquire(struct node *node, uint32_t partition)
{
    struct wf_shared_place place;

    CHECK_OK(node->log.ops->acquire(node->log.self, partition, &place));
    return place;
}

static weft_err
try_acquire(struct node *node, uint32_t partition)
{
    struct wf_shared_place place;

    return node->log.ops->acquire(node->log.self, partition, &place);
}

static void
encode(uint32_t partition, const char *text, struct wf_buf *out)
{
    struct wf_segment segment = {.partition = partition,
                                 .epoch = 1,
                                 .record_count = 1,
                                 .records = weft_text(text)};

    wf_segment_encode(&segment, out);
}

static struct wf_shared_append
append(struct node *node, uint32_t partition, const char *text)
{
    struct wf_buf segment = {0};
    struct wf_shared_append one = {.partition = partition};

    encode(partition, text, &segment);
    one.segment = wf_buf_bytes(&segment);
    node->log.ops->append(node->log.self, &one, 1);
    wf_buf_fini(&segment);
    one.segment = weft_nothing();
    return one;
}

static void
append_as(struct node *node, uint32_t partition, const char *text,
          uint64_t number)
{
    struct wf_shared_append one = append(node, partition, text);

    CHECK_EQ(one.result, WF_APPEND_DURABLE);
    CHECK_EQ(one.number, number);
}

// What a read said, as text: "1=a 2=b ".
struct story {
    char text[4096];
    uint64_t stop_at; // 0: never
};

static weft_err
tell(void *ctx, uint64_t number, const struct wf_segment *segments,
     uint32_t segments_count)
{
    struct story *story = ctx;
    size_t len = strlen(story->text);

    CHECK_EQ(segments_count, 1);
    snprintf(story->text + len, sizeof(story->text) - len, "%u=%.*s ",
             (unsigned)number, (int)segments->records.len,
             (const char *)segments->records.data);
    return number == story->stop_at ? WEFT_ECANCELLED : WEFT_OK;
}

static weft_err
read_from(struct node *node, uint32_t partition, uint64_t from,
          struct story *story)
{
    story->text[0] = '\0';
    return node->log.ops->read(node->log.self, partition, from, tell, story);
}

static weft_err
snapshot(struct node *node, uint32_t partition, uint64_t redo_from,
         const char *manifest)
{
    return node->log.ops->snapshot_commit(node->log.self, partition, redo_from,
                                          weft_text(manifest));
}

TEST(log_shared, a_new_partition_is_empty)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct wf_shared_place place = acquire(&a, 0);
    struct story story = {0};

    CHECK_EQ(place.epoch, 1);
    CHECK_EQ(place.last, 0);
    CHECK_EQ(place.first, 1);
    CHECK_EQ(place.snapshot, 0);
    CHECK_OK(read_from(&a, 0, 0, &story));
    CHECK_STR(story.text, "");
    CHECK_ERR(read_from(&a, 0, 2, &story), WEFT_ECORRUPT);
    quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, what_is_appended_is_read_back_in_order)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct story story = {0};

    acquire(&a, 1);
    acquire(&a, 3);
    append_as(&a, 1, "a", 1);
    append_as(&a, 3, "x", 1);
    append_as(&a, 1, "b", 2);
    append_as(&a, 1, "c", 3);
    CHECK_OK(read_from(&a, 1, 0, &story));
    CHECK_STR(story.text, "1=a 2=b 3=c ");
    CHECK_OK(read_from(&a, 1, 3, &story));
    CHECK_STR(story.text, "3=c ");
    CHECK_OK(read_from(&a, 1, 4, &story));
    CHECK_STR(story.text, "");
    CHECK_ERR(read_from(&a, 1, 5, &story), WEFT_ECORRUPT);
    story.stop_at = 2;
    CHECK_ERR(read_from(&a, 1, 0, &story), WEFT_ECANCELLED);
    CHECK_STR(story.text, "1=a 2=b ");
    CHECK_OK(read_from(&a, 3, 0, &story));
    CHECK_STR(story.text, "1=x ");
    quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, a_long_log_is_read_whole)
{
    enum { COMMITS = 2500 };
    static char body[8192];
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct wf_shared_place place;
    struct story story = {0};

    acquire(&a, 0);
    memset(body, 'x', sizeof(body) - 1);
    for (uint64_t i = 1; i <= COMMITS; i++) {
        append_as(&a, 0, i % 500 == 0 ? body : "small", i);
    }
    CHECK_OK(read_from(&a, 0, COMMITS - 2, &story));
    CHECK(strncmp(story.text, "2498=small 2499=small 2500=xxx", 30) == 0);
    CHECK_OK(read_from(&a, 0, 0, &story));
    place = acquire(&a, 0);
    CHECK_EQ(place.last, COMMITS);
    quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, one_call_appends_to_many_each_for_itself)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");
    struct wf_shared_append all[3] = {
        {.partition = 3}, {.partition = 1}, {.partition = 0}};
    struct wf_buf segments[3] = {{0}};

    acquire(&a, 0);
    acquire(&a, 1);
    acquire(&a, 3);
    append_as(&a, 3, "first", 1);
    shared_rig_expire(rig, "a");
    acquire(&b, 1);
    for (int i = 0; i < 3; i++) {
        encode(all[i].partition, "many", &segments[i]);
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
    append_as(&b, 1, "mine", 1);
    quit(&a);
    quit(&b);
    shared_rig_destroy(rig);
}

TEST(log_shared, a_partition_has_one_owner)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");

    CHECK_EQ(append(&b, 0, "not mine").result, WF_APPEND_FENCED);
    acquire(&a, 0);
    CHECK_ERR(try_acquire(&b, 0), WEFT_EBUSY);
    CHECK_EQ(append(&b, 0, "not mine").result, WF_APPEND_FENCED);
    append_as(&a, 0, "mine", 1);
    quit(&a);
    quit(&b);
    shared_rig_destroy(rig);
}

TEST(log_shared, who_takes_over_fences_who_had_it)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");
    struct wf_shared_place place;
    struct story story = {0};

    acquire(&a, 0);
    append_as(&a, 0, "old", 1);
    shared_rig_expire(rig, "a");
    append_as(&a, 0, "still", 2); // nobody has taken it
    place = acquire(&b, 0);
    CHECK_EQ(place.epoch, 2);
    CHECK_EQ(place.last, 2);
    CHECK_EQ(append(&a, 0, "too late").result, WF_APPEND_FENCED);
    CHECK_EQ(append(&a, 0, "again").result, WF_APPEND_FENCED);
    CHECK_ERR(snapshot(&a, 0, 1, "too late"), WEFT_ECLOSED);
    append_as(&b, 0, "new", 3);
    CHECK_OK(read_from(&b, 0, 0, &story));
    CHECK_STR(story.text, "1=old 2=still 3=new ");
    // Its lease renewed, it cannot take the partition back.
    CHECK_OK(a.registry.ops->renew(a.registry.self, false));
    CHECK_ERR(try_acquire(&a, 0), WEFT_EBUSY);
    quit(&a);
    quit(&b);
    shared_rig_destroy(rig);
}

TEST(log_shared, what_is_ones_own_is_acquired_again)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct wf_shared_place place;

    acquire(&a, 2);
    append_as(&a, 2, "one", 1);
    place = acquire(&a, 2);
    CHECK_EQ(place.epoch, 2);
    CHECK_EQ(place.last, 1);
    append_as(&a, 2, "two", 2);
    quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, what_is_released_is_free)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");

    acquire(&a, 0);
    append_as(&a, 0, "one", 1);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_EQ(append(&a, 0, "not mine").result, WF_APPEND_FENCED);
    CHECK_EQ(acquire(&b, 0).epoch, 2);
    CHECK_OK(a.log.ops->release(a.log.self, 0)); // of an epoch that is over
    append_as(&b, 0, "two", 2);
    quit(&a);
    quit(&b);
    shared_rig_destroy(rig);
}

// Who was slow to hear of it gives up what it has no more.
TEST(log_shared, what_is_anothers_by_now_is_not_released)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");
    struct node c = join(rig, "c");

    acquire(&a, 0);
    shared_rig_expire(rig, "a");
    acquire(&b, 0);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_ERR(try_acquire(&c, 0), WEFT_EBUSY);
    append_as(&b, 0, "one", 1);
    quit(&a);
    quit(&b);
    quit(&c);
    shared_rig_destroy(rig);
}

TEST(log_shared, a_second_process_of_a_node_replaces_the_first)
{
    struct shared_rig *rig = shared_rig_create();
    struct node first = join(rig, "a");
    struct node second;
    struct wf_registry_map map = {0};

    acquire(&first, 0);
    append_as(&first, 0, "one", 1);
    second = join(rig, "a");
    CHECK_EQ(second.row.incarnation, first.row.incarnation + 1);
    CHECK_ERR(first.registry.ops->renew(first.registry.self, false),
              WEFT_ECLOSED);
    CHECK_ERR(first.registry.ops->leave(first.registry.self), WEFT_ECLOSED);
    CHECK_ERR(try_acquire(&first, 1), WEFT_ECLOSED);
    append_as(&first, 0, "until it is taken", 2);
    CHECK_OK(second.registry.ops->look(second.registry.self, &map));
    CHECK_EQ(map.parts[0].owner_incarnation, first.row.incarnation);
    wf_registry_map_fini(&map);
    CHECK_EQ(acquire(&second, 0).last, 2); // at once: the lease is its own
    CHECK_EQ(append(&first, 0, "too late").result, WF_APPEND_FENCED);
    CHECK_OK(second.registry.ops->renew(second.registry.self, false));
    quit(&first);
    quit(&second);
    shared_rig_destroy(rig);
}

TEST(log_shared, a_move_goes_to_who_it_is_for)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");
    struct node c = join(rig, "c");
    struct wf_registry_map map = {0};

    acquire(&a, 0);
    CHECK_ERR(a.registry.ops->want(a.registry.self, 0, "nobody"),
              WEFT_ENOTFOUND);
    CHECK_OK(c.registry.ops->want(c.registry.self, 0, "b"));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].wanted, wf_registry_find(&map, "b"));
    CHECK_ERR(try_acquire(&b, 0), WEFT_EBUSY); // not before it is released
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    CHECK_ERR(try_acquire(&c, 0), WEFT_EBUSY);
    CHECK_ERR(try_acquire(&a, 0), WEFT_EBUSY);
    acquire(&b, 0);
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].wanted, -1);
    // Who has it already is waited for by nobody either.
    CHECK_OK(c.registry.ops->want(c.registry.self, 0, "b"));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].wanted, -1);

    // One that is gone is waited for by nobody.
    CHECK_OK(c.registry.ops->want(c.registry.self, 0, "a"));
    CHECK_OK(b.log.ops->release(b.log.self, 0));
    CHECK_OK(a.registry.ops->leave(a.registry.self));
    acquire(&c, 0);
    wf_registry_map_fini(&map);
    quit(&a);
    quit(&b);
    quit(&c);
    shared_rig_destroy(rig);
}

// Who prepares for a partition looks at it, reads it, and says so; all of that
// while another one has it.
TEST(log_shared, who_is_ready_is_in_the_map_until_it_is_acquired)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");
    struct wf_registry_map map = {0};
    struct wf_shared_place place;
    struct story story = {{0}, 0};

    CHECK_OK(b.log.ops->look(b.log.self, 0, &place));
    CHECK_EQ(place.epoch, 0);
    CHECK_EQ(place.last, 0);
    CHECK_EQ(place.first, 1);
    CHECK_EQ(place.snapshot, 0);
    acquire(&a, 0);
    append_as(&a, 0, "one", 1);
    append_as(&a, 0, "two", 2);
    CHECK_OK(snapshot(&a, 0, 2, "here"));
    CHECK_OK(b.log.ops->look(b.log.self, 0, &place));
    CHECK_EQ(place.epoch, 1);
    CHECK_EQ(place.last, 2);
    CHECK_EQ(place.snapshot, 2);
    CHECK_OK(read_from(&b, 0, 0, &story));
    CHECK_STR(story.text, "1=one 2=two ");

    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.parts[0].ready, -1);
    CHECK_OK(b.registry.ops->ready(b.registry.self, 0));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].ready, wf_registry_find(&map, "b"));
    CHECK_EQ(map.parts[1].ready, -1);
    append_as(&a, 0, "three", 3); // it is still its own
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    acquire(&b, 0);
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[0].ready, -1);

    // One that is gone is ready for nothing.
    CHECK_OK(a.registry.ops->ready(a.registry.self, 0));
    CHECK_OK(a.registry.ops->leave(a.registry.self));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.parts[0].ready, -1);
    wf_registry_map_fini(&map);
    quit(&a);
    quit(&b);
    shared_rig_destroy(rig);
}

static weft_err
say_copied(const struct node *node, uint32_t partition, uint64_t commit)
{
    const struct wf_registry_copy copies[] = {{partition, commit}, {3, 7}};

    return node->registry.ops->copied(node->registry.self, copies, 2);
}

// The newest that was told of, while that process is there; who has none any
// more says nothing of another's.
TEST(log_shared, who_has_a_copy_is_in_the_map)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");
    struct node second;
    struct wf_registry_map map = {0};

    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, -1);
    CHECK_OK(say_copied(&a, 1, 4));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.parts[0].copy, -1);
    CHECK_EQ(map.parts[1].copy, wf_registry_find(&map, "a"));
    CHECK_EQ(map.parts[1].copied, 4);
    CHECK_EQ(map.parts[3].copied, 7);
    CHECK_OK(say_copied(&a, 1, 5));
    CHECK_OK(say_copied(&b, 1, 0));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, wf_registry_find(&map, "a"));
    CHECK_EQ(map.parts[1].copied, 5);
    CHECK_OK(say_copied(&b, 1, 3));
    CHECK_OK(say_copied(&a, 1, 0));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, wf_registry_find(&map, "b"));
    CHECK_EQ(map.parts[1].copied, 3);
    CHECK_OK(say_copied(&b, 1, 0));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, -1);

    CHECK_OK(say_copied(&b, 1, 9));
    second = join(rig, "b"); // it has nothing of what the first had in memory
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, -1);
    CHECK_OK(say_copied(&second, 1, 9));
    CHECK_OK(second.registry.ops->leave(second.registry.self));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.parts[1].copy, -1);
    wf_registry_map_fini(&map);
    quit(&a);
    quit(&b);
    quit(&second);
    shared_rig_destroy(rig);
}

TEST(log_shared, the_map_shows_nodes_and_partitions)
{
    struct shared_rig *rig = shared_rig_create();
    struct node b = join(rig, "b");
    struct node a = join(rig, "a");
    struct wf_registry_map map = {0};
    const struct wf_registry_node *row;

    acquire(&b, 1);
    append_as(&b, 1, "one", 1);
    CHECK_OK(snapshot(&b, 1, 2, "here"));
    CHECK_OK(a.registry.ops->drain(a.registry.self, "b", true));
    CHECK_ERR(a.registry.ops->drain(a.registry.self, "x", true),
              WEFT_ENOTFOUND);
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.nodes_count, 2);
    CHECK_EQ(map.parts_count, SHARED_RIG_PARTITIONS);
    CHECK_EQ(wf_registry_find(&map, "a"), 0);
    CHECK_EQ(wf_registry_find(&map, "b"), 1);
    CHECK_EQ(wf_registry_find(&map, "c"), -1);
    row = &map.nodes[1];
    CHECK_STR(row->id, "b");
    CHECK_STR(row->endpoint, b.row.endpoint);
    CHECK_STR(row->service, b.row.service);
    CHECK_STR(row->curve_key, b.row.curve_key);
    CHECK_EQ(row->incarnation, 1);
    CHECK_EQ(row->protocol_min, 1);
    CHECK_EQ(row->protocol_max, 2);
    CHECK_EQ(row->record_max, 7);
    CHECK(row->is_live && row->is_draining && !map.nodes[0].is_draining);
    CHECK(row->lease_ms > 0 && row->lease_ms <= TTL_MS);
    CHECK_EQ(map.parts[0].owner, -1);
    CHECK_EQ(map.parts[0].epoch, 0);
    CHECK_EQ(map.parts[1].owner, 1);
    CHECK_EQ(map.parts[1].owner_incarnation, 1);
    CHECK_EQ(map.parts[1].epoch, 1);
    CHECK_EQ(map.parts[1].last, 1);
    CHECK_EQ(map.parts[1].snapshot, 2);
    CHECK_EQ(map.parts[1].wanted, -1);

    // Renewed without it, it is to drain still.
    CHECK_OK(b.registry.ops->renew(b.registry.self, false));
    shared_rig_expire(rig, "a");
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK(map.nodes[1].is_draining && !map.nodes[0].is_live);
    CHECK(map.nodes[0].lease_ms <= 0);
    CHECK_OK(b.registry.ops->drain(b.registry.self, "b", false));
    CHECK_OK(b.registry.ops->leave(b.registry.self));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK(!map.nodes[1].is_draining && !map.nodes[1].is_live);
    wf_registry_map_fini(&map);
    quit(&a);
    quit(&b);
    shared_rig_destroy(rig);
}

// One who had something is in the list until somebody else has it; one who
// comes again under its name is nobody that there ever was.
TEST(log_shared, a_node_that_is_gone_can_be_forgotten)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node gone = join(rig, "gone");
    struct wf_registry_map map = {0};
    struct wf_registry registry = a.registry;

    CHECK_ERR(registry.ops->forget(registry.self, "c"), WEFT_ENOTFOUND);
    (void)acquire(&gone, 1);
    CHECK_ERR(registry.ops->forget(registry.self, "gone"), WEFT_EBUSY);
    CHECK_OK(registry.ops->want(registry.self, 2, "gone"));
    shared_rig_expire(rig, "gone");
    CHECK_ERR(registry.ops->forget(registry.self, "gone"), WEFT_EBUSY);
    (void)acquire(&a, 1);
    CHECK_OK(registry.ops->forget(registry.self, "gone"));
    CHECK_OK(registry.ops->look(registry.self, &map));
    CHECK_EQ(map.nodes_count, 1);
    CHECK_ERR(registry.ops->forget(registry.self, "gone"), WEFT_ENOTFOUND);
    // It only slept.
    CHECK_ERR(gone.registry.ops->renew(gone.registry.self, false),
              WEFT_ECLOSED);
    CHECK_ERR(try_acquire(&gone, 2), WEFT_ECLOSED);
    quit(&gone);
    gone = join(rig, "gone");
    CHECK_EQ(gone.row.incarnation, 2);
    CHECK_OK(registry.ops->look(registry.self, &map));
    CHECK_EQ(map.parts[2].wanted, -1);
    wf_registry_map_fini(&map);
    quit(&gone);
    quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, nodes_are_forgotten_when_they_were_silent_for_long)
{
    enum { HOUR_MS = 3600000 };
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node gone = join(rig, "gone");
    struct node owner = join(rig, "owner");
    struct wf_registry_map map = {0};

    (void)acquire(&owner, 0);
    shared_rig_expire(rig, "gone");
    shared_rig_expire(rig, "owner");
    CHECK_OK(a.registry.ops->forget_old(a.registry.self, HOUR_MS));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.nodes_count, 3);
    CHECK_OK(a.registry.ops->forget_old(a.registry.self, 0));
    CHECK_OK(a.registry.ops->look(a.registry.self, &map));
    CHECK_EQ(map.nodes_count, 2);
    CHECK_STR(map.nodes[0].id, "a");
    CHECK_STR(map.nodes[1].id, "owner");
    wf_registry_map_fini(&map);
    quit(&owner);
    quit(&gone);
    quit(&a);
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
blames_of(struct node *node, uint32_t partition, uint64_t reflected, char *text)
{
    text[0] = '\0';
    CHECK_OK(node->log.ops->blames(node->log.self, partition, reflected,
                                   tell_blame, text));
    return text;
}

static void
blame(struct node *node, uint32_t partition, const char *key, uint64_t at_ms)
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
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");
    char text[64];

    blame(&a, 1, "x", 7);
    blame(&a, 1, "x", 7); // the same once more
    blame(&a, 2, "y", 7);
    CHECK_EQ(acquire(&b, 1).epoch, 1);
    CHECK_STR(blames_of(&b, 1, 0, text), "x:a ");
    CHECK_STR(blames_of(&b, 1, 0, text), "x:a "); // nothing was begun
    blame(&b, 1, "x", 7);
    shared_rig_expire(rig, "b");
    CHECK_EQ(acquire(&a, 1).epoch, 2);
    CHECK_STR(blames_of(&a, 1, 1, text), "x:b "); // a's is in the log
    shared_rig_expire(rig, "a");
    CHECK_EQ(acquire(&b, 1).epoch, 3);
    CHECK_STR(blames_of(&b, 1, 1, text), "x:b "); // epoch 2 was not begun
    CHECK_EQ(acquire(&b, 1).epoch, 4);
    CHECK_STR(blames_of(&b, 1, 3, text), "");
    CHECK_EQ(acquire(&b, 2).epoch, 1);
    CHECK_STR(blames_of(&b, 2, 0, text), "y:a ");
    quit(&b);
    quit(&a);
    shared_rig_destroy(rig);
}

TEST(log_shared, snapshots_truncate_to_the_last_but_one)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct node b = join(rig, "b");
    struct wf_buf manifest = {0};
    struct wf_shared_place place;
    struct story story = {0};
    uint64_t redo_from = 0;

    acquire(&a, 0);
    for (uint64_t i = 1; i <= 6; i++) {
        append_as(&a, 0, "x", i);
    }
    CHECK_ERR(a.log.ops->snapshot_read(a.log.self, 0, 0, &redo_from, &manifest),
              WEFT_ENOTFOUND);
    CHECK_OK(snapshot(&a, 0, 3, "one"));
    CHECK_OK(read_from(&a, 0, 0, &story));
    CHECK_STR(story.text, "1=x 2=x 3=x 4=x 5=x 6=x ");
    CHECK_ERR(a.log.ops->snapshot_read(a.log.self, 0, 1, &redo_from, &manifest),
              WEFT_ENOTFOUND);
    CHECK_OK(snapshot(&a, 0, 5, "two"));
    CHECK_OK(read_from(&a, 0, 0, &story));
    CHECK_STR(story.text, "3=x 4=x 5=x 6=x ");
    CHECK_ERR(read_from(&a, 0, 2, &story), WEFT_ECORRUPT);
    CHECK_OK(snapshot(&a, 0, 7, "three"));
    CHECK_OK(a.log.ops->snapshot_read(a.log.self, 0, 0, &redo_from, &manifest));
    CHECK_EQ(redo_from, 7);
    CHECK_BYTES(wf_buf_bytes(&manifest), weft_text("three"));
    CHECK_OK(b.log.ops->snapshot_read(b.log.self, 0, 1, &redo_from, &manifest));
    CHECK_EQ(redo_from, 5);
    CHECK_BYTES(wf_buf_bytes(&manifest), weft_text("two"));
    CHECK_ERR(b.log.ops->snapshot_read(b.log.self, 0, 2, &redo_from, &manifest),
              WEFT_ENOTFOUND);
    CHECK_OK(a.log.ops->release(a.log.self, 0));
    place = acquire(&b, 0);
    CHECK_EQ(place.first, 5);
    CHECK_EQ(place.last, 6);
    CHECK_EQ(place.snapshot, 7);
    // Who restored the last but one may be behind the last.
    CHECK_OK(snapshot(&b, 0, 6, "four"));
    CHECK_OK(snapshot(&b, 0, 7, "five"));
    CHECK_OK(snapshot(&b, 0, 7, "six"));
    place = acquire(&b, 0);
    CHECK_EQ(place.first, 7); // there is none
    CHECK_EQ(place.last, 6);
    CHECK_OK(read_from(&b, 0, 0, &story));
    CHECK_STR(story.text, "");
    append_as(&b, 0, "y", 7);
    wf_buf_fini(&manifest);
    quit(&a);
    quit(&b);
    shared_rig_destroy(rig);
}

// What a node cannot read is not written, also if it is away for a while; and
// who cannot read what may be written does not join.
TEST(log_shared, records_are_of_a_version_that_all_nodes_read)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a"); // reads up to 7
    struct node b = join(rig, "b");
    struct wf_registry_map map = {0};
    uint32_t first;

    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    first = map.record_version;
    CHECK_EQ(first, WF_SEGMENT_VERSION_MIN);
    b.row.record_max = 8;
    CHECK_OK(b.registry.ops->join(b.registry.self, &b.row, TTL_MS));
    CHECK_OK(b.registry.ops->raise(b.registry.self, 8));
    CHECK_OK(a.registry.ops->leave(a.registry.self));
    CHECK_OK(b.registry.ops->raise(b.registry.self, 8));
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(wf_registry_record_max(&map), 7);
    CHECK_EQ(map.record_version, first);

    a.row.record_max = 9;
    CHECK_OK(a.registry.ops->join(a.registry.self, &a.row, TTL_MS));
    CHECK_OK(b.registry.ops->raise(b.registry.self, 8));
    CHECK_OK(b.registry.ops->raise(b.registry.self, 7)); // it does not go back
    CHECK_OK(b.registry.ops->look(b.registry.self, &map));
    CHECK_EQ(map.record_version, 8);
    a.row.record_max = 7;
    CHECK_ERR(a.registry.ops->join(a.registry.self, &a.row, TTL_MS),
              WEFT_EFORMAT);
    CHECK_STR(weft_err_detail(),
              "the cluster has records of version 8, and this build reads up "
              "to 7: all nodes were upgraded, and this one is too old");
    CHECK_OK(b.registry.ops->renew(b.registry.self, false));
    wf_registry_map_fini(&map);
    quit(&a);
    quit(&b);
    shared_rig_destroy(rig);
}

TEST(log_shared, who_was_stopped_waits_no_more)
{
    struct shared_rig *rig = shared_rig_create();
    struct node a = join(rig, "a");
    struct wf_registry_map map = {0};
    enum wf_append_result result;

    acquire(&a, 0);
    a.log.ops->stop(a.log.self);
    a.registry.ops->stop(a.registry.self);
    CHECK_ERR(try_acquire(&a, 0), WEFT_EIO);
    CHECK_ERR(a.registry.ops->renew(a.registry.self, false), WEFT_EIO);
    CHECK_ERR(a.registry.ops->look(a.registry.self, &map), WEFT_EIO);
    result = append(&a, 0, "x").result;
    CHECK_EQ(result, WF_APPEND_IN_DOUBT);
    quit(&a);
    shared_rig_destroy(rig);
}
