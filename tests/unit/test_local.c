// SPDX-License-Identifier: Apache-2.0
//
// test_local.c - what a node of a cluster without a database keeps, while its
// exchange runs.

#include "cluster/local.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/trace.h"
#include "support/test.h"
#include "transport/curve.h"

enum { PAUSE_US = 5000, PAUSES_MAX = 12000 }; // a minute

static void
note_change(void *ctx)
{
    (void)ctx;
}

static void
pause_a_while(void)
{
    (void)usleep(PAUSE_US);
}

struct node {
    const char *id;
    char dir[256];
    char database[1024];
    struct wf_local *local;
    struct wf_trace trace;
    atomic_bool is_refused; // another one has no key_file, or this one
};

static void
hear_line(void *ctx, enum wf_trace_level level, uint64_t now_ms,
          const char *who, const char *verb, const char *text)
{
    struct node *node = ctx;

    (void)level;
    (void)now_ms;
    (void)who;
    (void)verb;
    if (strstr(text, "only one of us has a key_file") != NULL) {
        atomic_store(&node->is_refused, true);
    }
}

// With that key, or without one.
static void
start(struct node *node, const struct wf_curve_pair *keys)
{
    struct wf_registry_node self = {0};
    struct wf_local_options options = {
        .database = node->database,
        .node_id = node->id,
        .data_dir = node->dir,
        .clock = wf_clock_system(),
        .changed = note_change,
    };

    node->trace = (struct wf_trace){.emit = hear_line, .ctx = node};
    options.trace = &node->trace;
    (void)snprintf(self.id, sizeof(self.id), "%s", node->id);
    CHECK_OK(wf_local_open(&options, &node->local));
    if (keys != NULL) {
        node->local->list.keys = *keys;
    }
    CHECK_OK(wf_local_join(node->local, &self));
}

static void
stop(struct node *node)
{
    wf_local_close(node->local);
    node->local = NULL;
}

// Founders of a cluster of four partitions, which they take in turns.
static void
found(struct test *t, struct node *nodes, uint32_t count)
{
    char database[1024] = "local:";

    for (uint32_t i = 0; i < count; i++) {
        size_t len = strlen(database);

        (void)snprintf(nodes[i].dir, sizeof(nodes[i].dir), "%s/%s", test_dir(t),
                       nodes[i].id);
        (void)snprintf(database + len, sizeof(database) - len,
                       "%s%s=ipc://%s.socket", i == 0 ? "" : ",", nodes[i].id,
                       nodes[i].dir);
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(nodes[i].database, database, sizeof(database));
        CHECK_OK(wf_local_found(database, 4, nodes[i].id, nodes[i].dir));
    }
}

// A log that the store needs no more is moved there (rocks_archive.h).
TEST(local, what_the_ledger_needs_no_more_is_given_back_while_it_runs)
{
    struct node node = {.id = "a"};
    char path[4200];
    int fd;

    found(t, &node, 1);
    start(&node, NULL);
    (void)snprintf(path, sizeof(path), "%s/ledger/archive/000001.log",
                   node.dir);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 5 << 20), 0);
    CHECK_EQ(close(fd), 0);
    for (int i = 0; i < PAUSES_MAX && access(path, F_OK) == 0; i++) {
        pause_a_while();
    }
    CHECK(access(path, F_OK) != 0);
    stop(&node);
}

// A key for all, and one node after the other is started again with it.
TEST(local, who_had_no_key_is_asked_when_it_has_one)
{
    struct node nodes[] = {{.id = "a"}, {.id = "b"}};
    const bool are_wanted[] = {false, true, false, false};
    struct wf_local *giver;
    struct wf_shared_log log;
    struct wf_curve_pair keys;
    char path[300];
    char public_path[320];

    (void)snprintf(path, sizeof(path), "%s/key", test_dir(t));
    (void)snprintf(public_path, sizeof(public_path), "%s.public", path);
    CHECK_OK(wf_curve_generate(path, public_path));
    CHECK_OK(wf_curve_read(path, true, &keys));
    found(t, nodes, 2);
    start(&nodes[0], &keys);
    start(&nodes[1], NULL);
    for (int i = 0; i < PAUSES_MAX && !atomic_load(&nodes[0].is_refused); i++) {
        pause_a_while();
    }
    CHECK(atomic_load(&nodes[0].is_refused));
    stop(&nodes[1]);
    start(&nodes[1], &keys);
    giver = nodes[1].local;
    log = wf_ledger_log(giver->ledger);
    CHECK_OK(log.ops->release(log.self, 1));
    wf_exchange_want(nodes[0].local->exchange, are_wanted);
    for (int i = 0;
         i < PAUSES_MAX &&
         wf_ledger_part(nodes[0].local->ledger, 1).state != WF_LEDGER_MINE;
         i++) {
        pause_a_while();
    }
    CHECK_EQ(wf_ledger_part(nodes[0].local->ledger, 1).state, WF_LEDGER_MINE);
    stop(&nodes[0]);
    stop(&nodes[1]);
    wf_curve_wipe(&keys);
}

// Who is asked first is down.
TEST(local, who_looks_asks_all_nodes_at_once)
{
    struct node nodes[] = {{.id = "a"}, {.id = "b"}};
    struct wf_exchange_list list;
    struct wf_ledger_view view;

    found(t, nodes, 2);
    start(&nodes[1], NULL);
    CHECK_OK(wf_exchange_list_read(nodes[1].database, &list));
    CHECK_STR(list.entries[0].id, "a");
    CHECK_OK(wf_exchange_look(&list, 3000, &view));
    CHECK_EQ(view.parts_count, 4);
    CHECK(wf_ledger_view_find(&view, "b")->row.is_live);
    wf_ledger_view_fini(&view);
    wf_exchange_list_wipe(&list);
    stop(&nodes[1]);
}
