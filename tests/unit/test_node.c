// SPDX-License-Identifier: Apache-2.0
//
// test_node.c - whole nodes, with threads on a directory.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "unit/node_rig.h"

TEST(node, what_was_acknowledged_is_there_at_the_next_open)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;
    char id[16];

    for (int round = 1; round <= 3; round++) {
        CHECK_OK(weft_node_open(&options, &node));
        CHECK_OK(weft_client_open(node, NULL, &client));
        for (int i = 0; i < 20; i++) {
            snprintf(id, sizeof(id), "c%d", i);
            node_rig_add(client, id);
            CHECK_EQ(node_rig_number(client, id), round);
        }
        weft_client_close(client);
        weft_node_close(node);
    }
    weft_definitions_destroy(definitions);
}

TEST(node, workflows_run_activities_and_timers_to_their_end)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    weft_node_stats stats = {.struct_size = sizeof(stats)};
    weft_node *node = NULL;
    weft_client *client = NULL;
    char id[16];

    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof(id), "w%d", i);
        CHECK_OK(weft_client_start(client, (weft_target){"chain", id},
                                   weft_text("in")));
    }
    for (int i = 0; i < 20; i++) {
        weft_reply *reply = NULL;

        snprintf(id, sizeof(id), "w%d", i);
        CHECK_OK(weft_client_result(client, (weft_target){"chain", id}, 20000,
                                    &reply));
        CHECK_BYTES(reply->data, weft_text("done"));
        weft_reply_free(reply);
    }
    CHECK_OK(weft_node_get_stats(node, &stats));
    CHECK_EQ(stats.activities_started, 60);
    CHECK_EQ(stats.activities_running, 0);
    CHECK_EQ(stats.audit_failures, 0);
    CHECK(stats.commits > 0 && stats.log_bytes > 0 && stats.turns >= 60);
    CHECK_OK(weft_node_drain(node, 5000));
    CHECK_ERR(weft_client_signal(client, (weft_target){"counter", "x"}, "add",
                                 weft_nothing()),
              WEFT_ECLOSED);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, a_directory_is_held_by_one_node)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    weft_node *node = NULL;
    weft_node *second = NULL;

    CHECK_OK(weft_node_open(&options, &node));
    CHECK_ERR(weft_node_open(&options, &second), WEFT_EBUSY);
    CHECK(strstr(weft_err_detail(), options.data_dir) != NULL);
    weft_node_close(node);
    CHECK_OK(weft_node_open(&options, &second));
    weft_node_close(second);
    weft_definitions_destroy(definitions);
}

TEST(node, other_counts_than_it_was_made_with_are_refused)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    weft_node *node = NULL;

    options.store_count = 2;
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    options.partition_count = 16;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EFORMAT);
    CHECK(strstr(weft_err_detail(), "8") != NULL);
    CHECK(strstr(weft_err_detail(), "16") != NULL);
    options.partition_count = 8;
    options.store_count = 1;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EFORMAT);
    options.store_count = 2;
    options.shard_count = 1; // may differ
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, options_out_of_range_are_named)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    weft_node *node = NULL;

    options.partition_count = 1025;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "partition_count") != NULL);
    options.partition_count = 4;
    options.store_count = 5;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "store_count") != NULL);
    options.store_count = 1;
    options.strict = 2;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    options.strict = 0;
    options.window_bytes = -2;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    options.window_bytes = 0;
    options.reserve_bytes = UINT64_MAX;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EFULL);
    options.data_dir = NULL;
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EINVAL);
    CHECK_EQ(access(test_dir(t), F_OK), 0);
    weft_definitions_destroy(definitions);
}

TEST(node, a_store_that_is_behind_its_beacon_is_refused)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;
    char command[1400];

    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    snprintf(command, sizeof(command), "cp -r %s/store-0 %s/old",
             options.data_dir, options.data_dir);
    CHECK_EQ(system(command), 0);
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    node_rig_add(client, "a");
    weft_client_close(client);
    weft_node_close(node);
    snprintf(command, sizeof(command),
             "cd %s && rm -r store-0 && mv old store-0", options.data_dir);
    CHECK_EQ(system(command), 0);
    CHECK_ERR(weft_node_open(&options, &node), WEFT_ELOST);
    options.accept_loss = 1;
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    options.accept_loss = 0;
    CHECK_OK(weft_node_open(&options, &node));
    weft_node_close(node);
    snprintf(command, sizeof(command), "rm %s/store-0.beacon",
             options.data_dir);
    CHECK_EQ(system(command), 0);
    CHECK_ERR(weft_node_open(&options, &node), WEFT_ELOST);
    weft_definitions_destroy(definitions);
}

TEST(node, the_log_is_trimmed_and_nothing_is_lost)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    uint64_t trims = wf_fault_hits(WF_FAULT_AFTER_TRIM);
    uint64_t added = 0;
    weft_node *node = NULL;
    weft_client *client = NULL;

    options.window_bytes = 16384;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    while (wf_fault_hits(WF_FAULT_AFTER_TRIM) < trims + 3) {
        node_rig_add(client, "a");
        added++;
        CHECK(added < 100000);
    }
    weft_client_close(client);
    weft_node_close(node);
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_EQ(node_rig_number(client, "a"), added);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, a_backup_opens_and_goes_on)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;
    char to[700];

    options.store_count = 2;
    snprintf(to, sizeof(to), "%s/copy", test_dir(t));
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    node_rig_add(client, "a");
    CHECK_OK(weft_node_backup(node, to));
    CHECK_ERR(weft_node_backup(node, to), WEFT_EEXISTS);
    node_rig_add(client, "a");
    weft_client_close(client);
    weft_node_close(node);

    options.data_dir = to;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_EQ(node_rig_number(client, "a"), 1);
    node_rig_add(client, "a");
    CHECK_EQ(node_rig_number(client, "a"), 2);
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, strict_mode_keeps_the_beacon_with_each_acknowledgement)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    weft_node *node = NULL;
    weft_client *client = NULL;
    uint64_t hits;

    options.strict = 1;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    for (int i = 0; i < 5; i++) {
        hits = wf_fault_hits(WF_FAULT_AFTER_BEACON);
        node_rig_add(client, "a");
        CHECK(wf_fault_hits(WF_FAULT_AFTER_BEACON) > hits);
    }
    weft_client_close(client);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
}

TEST(node, a_slow_turn_is_reported_with_its_name)
{
    weft_definitions *definitions = node_rig_define();
    weft_node_options options = node_rig_options(t, definitions);
    static struct node_rig_lines lines;
    weft_node *node = NULL;
    weft_client *client = NULL;

    options.log = node_rig_add_line;
    options.log_ctx = &lines;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    CHECK_OK(weft_client_signal(client, (weft_target){"slow", "snail"}, "go",
                                weft_nothing()));
    usleep(600000);
    weft_client_close(client);
    weft_node_close(node);
    CHECK(strstr(lines.text, "slow/snail") != NULL);
    weft_definitions_destroy(definitions);
}

// Somebody else's directory is not taken over, whatever it holds.
TEST(node, a_directory_with_something_else_in_it_is_refused)
{
    weft_definitions *definitions = NULL;
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_node *node = NULL;
    char path[4200];
    char text[16] = "";
    FILE *file;

    CHECK_OK(weft_definitions_create(&definitions));
    options.data_dir = test_dir(t);
    options.definitions = definitions;
    (void)snprintf(path, sizeof(path), "%s/blackbox", options.data_dir);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs("precious", file) >= 0);
    CHECK_EQ(fclose(file), 0);
    CHECK_ERR(weft_node_open(&options, &node), WEFT_EFORMAT);
    CHECK(strstr(weft_err_detail(), "blackbox") != NULL);
    file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fgets(text, sizeof(text), file) != NULL);
    CHECK_EQ(fclose(file), 0);
    CHECK_STR(text, "precious");
    weft_definitions_destroy(definitions);
}
