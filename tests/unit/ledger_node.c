// SPDX-License-Identifier: Apache-2.0
//
// ledger_node.c - a node of a cluster without a database, with its disk.

#include "ledger_node.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

const char *const ledger_node_names[LEDGER_NODE_COUNT] = {"a", "b", "c"};

weft_err
ledger_node_open_store(void *ctx, struct wf_store *out_store)
{
    return wf_store_memory_open(((struct ledger_node *)ctx)->disk, out_store);
}

void
ledger_node_found(struct ledger_node *node, uint32_t founders,
                  const char *cluster)
{
    struct wf_ledger_founding founding = {
        .node_id = node->id,
        .partition_count = LEDGER_NODE_PARTITIONS,
        .founders = ledger_node_names,
        .founders_count = founders,
    };
    struct wf_store store;

    memcpy(founding.cluster_id, cluster, 16);
    CHECK_OK(ledger_node_open_store(node, &store));
    CHECK_OK(wf_ledger_found(store, &founding));
    store.ops->close(store.self);
}

void
ledger_node_start(struct ledger_node *node, bool must_hear)
{
    struct wf_ledger_options options = {
        .open_store = ledger_node_open_store,
        .ctx = node,
        .node_id = node->id,
        .must_hear = must_hear,
    };
    struct wf_ledger_node self = {.row = {.endpoint = "tcp://127.0.0.1:1"}};

    CHECK_OK(wf_ledger_open(&options, &node->ledger));
    (void)snprintf(self.row.id, sizeof(self.row.id), "%s", node->id);
    CHECK_OK(wf_ledger_join(node->ledger, &self));
    node->log = wf_ledger_log(node->ledger);
}

struct ledger_node
ledger_node_make(const char *id, uint32_t founders)
{
    struct ledger_node node = {.id = id, .disk = wf_memory_disk_create()};

    ledger_node_found(&node, founders, "the same cluster");
    return node;
}

void
ledger_node_stop(struct ledger_node *node)
{
    wf_ledger_close(node->ledger);
    node->ledger = NULL;
}

void
ledger_node_drop(struct ledger_node *node)
{
    ledger_node_stop(node);
    wf_memory_disk_destroy(node->disk);
}

void
ledger_node_start_two(struct ledger_node *a, struct ledger_node *b)
{
    *a = ledger_node_make("a", 1);
    *b = ledger_node_make("b", 1);
    ledger_node_start(a, false);
    ledger_node_start(b, false);
}

void
ledger_node_drop_two(struct ledger_node *a, struct ledger_node *b)
{
    ledger_node_drop(a);
    ledger_node_drop(b);
}

weft_err
ledger_node_acquire(struct ledger_node *node, uint32_t partition,
                    struct wf_shared_place *out)
{
    struct wf_shared_place ignored;

    return node->log.ops->acquire(node->log.self, partition,
                                  out == NULL ? &ignored : out);
}

struct wf_shared_append
ledger_node_append(struct ledger_node *node, uint32_t partition,
                   const char *text)
{
    struct wf_segment segment = {.partition = partition,
                                 .epoch = 1,
                                 .record_count = 1,
                                 .records = weft_text(text)};
    struct wf_shared_append one = {.partition = partition};
    struct wf_buf bytes = {0};

    wf_segment_encode(&segment, &bytes);
    one.segment = wf_buf_bytes(&bytes);
    node->log.ops->append(node->log.self, &one, 1);
    wf_buf_fini(&bytes);
    return one;
}

weft_err
ledger_node_tell(void *ctx, uint64_t number, const struct wf_segment *segments,
                 uint32_t segments_count)
{
    char *story = ctx;
    size_t len = strlen(story);

    CHECK_EQ(segments_count, 1);
    (void)snprintf(story + len, 256 - len, "%u=%.*s ", (unsigned)number,
                   (int)segments->records.len,
                   (const char *)segments->records.data);
    return WEFT_OK;
}

void
ledger_node_check_log(struct ledger_node *node, uint32_t partition,
                      const char *expected)
{
    char story[256] = "";

    CHECK_OK(node->log.ops->read(node->log.self, partition, 0, ledger_node_tell,
                                 story));
    CHECK_STR(story, expected);
}

weft_err
ledger_node_hear(struct ledger_node *node, struct ledger_node *teller)
{
    struct wf_ledger_view view = {0};
    struct wf_ledger_view told;
    struct wf_buf bytes = {0};
    weft_err err;

    wf_ledger_view(teller->ledger, &view);
    wf_ledger_view_encode(&view, &bytes);
    CHECK_OK(wf_ledger_view_decode(wf_buf_bytes(&bytes), &told));
    err = wf_ledger_hear(node->ledger, &told);
    wf_ledger_view_fini(&view);
    wf_ledger_view_fini(&told);
    wf_buf_fini(&bytes);
    return err;
}

void
ledger_node_ask(struct ledger_node *to, struct ledger_node *from,
                uint32_t partition, struct wf_ledger_ask *out_ask,
                struct wf_buf *out_answer)
{
    uint64_t lag;

    CHECK(wf_ledger_ask(to->ledger, partition, true, out_ask));
    CHECK_OK(wf_ledger_serve(from->ledger, out_ask, LEDGER_NODE_PIECE,
                             out_answer, &lag));
}

enum wf_ledger_progress
ledger_node_fetch(struct ledger_node *to, struct ledger_node *from,
                  uint32_t partition)
{
    struct wf_ledger_ask ask;
    struct wf_ledger_ask read;
    struct wf_buf question = {0};
    struct wf_buf answer = {0};
    enum wf_ledger_progress progress;
    uint64_t lag;

    CHECK(wf_ledger_ask(to->ledger, partition, true, &ask));
    wf_ledger_ask_encode(&ask, &question);
    CHECK_OK(wf_ledger_ask_decode(wf_buf_bytes(&question), &read));
    CHECK_OK(
        wf_ledger_serve(from->ledger, &read, LEDGER_NODE_PIECE, &answer, &lag));
    CHECK_OK(wf_ledger_receive(to->ledger, &ask, from->id,
                               wf_buf_bytes(&answer), &progress));
    wf_buf_fini(&question);
    wf_buf_fini(&answer);
    return progress;
}

enum wf_ledger_progress
ledger_node_fetch_all(struct ledger_node *to, struct ledger_node *from,
                      uint32_t partition)
{
    enum wf_ledger_progress progress = WF_LEDGER_MORE;

    for (int i = 0;
         i < 100 && (progress == WF_LEDGER_MORE || progress == WF_LEDGER_BEGUN);
         i++) {
        progress = ledger_node_fetch(to, from, partition);
    }
    return progress;
}

void
ledger_node_append_some(struct ledger_node *node, uint32_t partition, int count)
{
    for (int i = 0; i < count; i++) {
        CHECK_EQ(ledger_node_append(node, partition, "x").result,
                 WF_APPEND_DURABLE);
    }
}
