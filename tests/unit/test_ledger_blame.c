// SPDX-License-Identifier: Apache-2.0
//
// test_ledger_blame.c - actors in whose code a process ended: they are told to
// whoever opens their partition, until its log says so.

#include <stdio.h>
#include <string.h>

#include "ledger_node.h"
#include "support/test.h"

static struct ledger_node
begin(void)
{
    struct ledger_node node = ledger_node_make("a", 1);

    ledger_node_start(&node, false);
    return node;
}

static uint64_t
acquire(struct ledger_node *node, uint32_t partition)
{
    struct wf_shared_place place;

    CHECK_OK(ledger_node_acquire(node, partition, &place));
    return place.epoch;
}

static void
blame(struct ledger_node *node, uint32_t partition, const char *key,
      uint64_t at_ms, const char *how)
{
    struct wf_shared_blame one = {.partition = partition,
                                  .key = weft_text(key),
                                  .how = how,
                                  .at_ms = at_ms};

    CHECK_OK(node->log.ops->blame(node->log.self, &one));
}

static void
hear(void *ctx, weft_bytes key, const char *how)
{
    char *heard = ctx;
    size_t len = strlen(heard);

    (void)snprintf(heard + len, 256 - len, "%.*s:%s ", (int)key.len,
                   (const char *)key.data, how);
}

static void
check_told(struct ledger_node *node, uint32_t partition, uint64_t reflected,
           const char *expected)
{
    char heard[256] = "";

    CHECK_OK(node->log.ops->blames(node->log.self, partition, reflected, hear,
                                   heard));
    CHECK_STR(heard, expected);
}

// Each process that ended counts, and each once, however often it is said.
TEST(ledger_blame, who_is_blamed_is_told_once_for_each_time)
{
    struct ledger_node a = begin();

    (void)acquire(&a, 1);
    blame(&a, 1, "one", 1000, "fault");
    blame(&a, 1, "one", 1000, "again");
    blame(&a, 1, "one", 2000, "abort");
    blame(&a, 2, "two", 1000, "fault"); // another partition's
    check_told(&a, 1, 0, "one:fault one:abort ");
    check_told(&a, 0, 0, "");
    ledger_node_drop(&a);
}

// What was told is said by the log only once that has begun the epoch in which
// it was: a crash before means that it is told again.
TEST(ledger_blame, it_is_told_until_the_log_says_so)
{
    struct ledger_node a = begin();
    uint64_t first = acquire(&a, 1);
    uint64_t second;

    blame(&a, 1, "one", 1000, "fault");
    check_told(&a, 1, first - 1, "one:fault ");
    ledger_node_stop(&a);
    ledger_node_start(&a, false);
    second = acquire(&a, 1);
    blame(&a, 1, "two", 2000, "abort");
    check_told(&a, 1, first - 1, "one:fault two:abort ");
    CHECK(second > first);
    (void)acquire(&a, 1);
    check_told(&a, 1, second, "");
    ledger_node_stop(&a);
    ledger_node_start(&a, false);
    (void)acquire(&a, 1);
    check_told(&a, 1, 0, ""); // and it is gone
    ledger_node_drop(&a);
}
