// SPDX-License-Identifier: Apache-2.0
//
// test_peers.c - frames between nodes, over loopback: what comes, in which
// order, how often; and who is not heard.

#include "cluster/peers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cluster/peer_message.h"
#include "peers_rig.h"
#include "stranger.h"
#include "support/test.h"

// What one thread does is counted a little later than another sees it.
static void
wait_counts(struct rig *rig, int node, struct wf_peers_counts *out_counts)
{
    struct timespec pause = {.tv_nsec = 10000000};

    for (int i = 0; i < 6000; i++) {
        wf_peers_count(rig->nodes[node].peers, out_counts);
        if (out_counts->up == 2 && out_counts->sent > 0 &&
            out_counts->waiting_bytes == 0) {
            return;
        }
        nanosleep(&pause, NULL);
    }
    CHECK_EQ(out_counts->up, 2);
    CHECK(out_counts->sent > 0);
    CHECK_EQ(out_counts->waiting_bytes, 0);
}

TEST(peers, frames_go_to_whoever_has_the_partition_in_order)
{
    struct wf_peers_counts sent;
    struct wf_peers_counts received[2];
    struct rig rig;

    rig_init(&rig, 3);
    rig_start(&rig);
    rig_send(&rig, 0, 1, "one");
    rig_send(&rig, 0, 4, "two");
    rig_send(&rig, 0, 2, "three");
    rig_send(&rig, 0, 1, "four");
    rig_send(&rig, 0, 0, "mine");
    rig_wait_frames(&rig, 1, 3);
    rig_wait_frames(&rig, 2, 1);
    rig_wait_frames(&rig, 0, 1);
    CHECK_STR(rig_frames(&rig, 1), "1:one 4:two 1:four ");
    CHECK_STR(rig_frames(&rig, 2), "2:three ");
    CHECK_STR(rig_frames(&rig, 0), "0:mine ");
    wait_counts(&rig, 0, &sent);
    wf_peers_count(rig.nodes[1].peers, &received[0]);
    wf_peers_count(rig.nodes[2].peers, &received[1]);
    CHECK_EQ(received[0].received + received[1].received,
             sent.sent - sent.resent);
    if (sent.resent == 0) {
        CHECK_EQ(received[0].received_bytes + received[1].received_bytes,
                 sent.sent_bytes);
    }
    rig_fini(&rig);
}

TEST(peers, a_partition_that_moved_gets_its_frames_where_it_is)
{
    struct rig rig;

    rig_init(&rig, 3);
    rig_start(&rig);
    rig_send(&rig, 0, 1, "before");
    rig_wait_frames(&rig, 1, 1);
    rig.map.parts[1].owner = -1;
    rig_map(&rig);
    rig_send(&rig, 0, 1, "nobody"); // dropped
    rig.map.parts[1].owner = 2;
    rig.map.parts[1].owner_incarnation = 3;
    rig_map(&rig);
    rig_send(&rig, 0, 1, "after");
    rig_wait_frames(&rig, 2, 1);
    CHECK_STR(rig_frames(&rig, 2), "1:after ");
    CHECK_STR(rig_frames(&rig, 1), "1:before ");
    rig_fini(&rig);
}

// By then a frame finds it: who sends again at once does not do it in vain.
TEST(peers, who_has_a_partition_anew_is_met_once)
{
    struct rig rig;

    rig_init(&rig, 3);
    rig_start(&rig);
    rig_move(&rig, 1, 2);
    rig_map(&rig);
    rig_map(&rig); // nothing new
    rig_send(&rig, 0, 1, "a");
    rig_wait_frames(&rig, 2, 1);      // node 0 has taken both maps
    CHECK_EQ(rig.nodes[0].met[1], 2); // with the first map too
    rig_move(&rig, 1, -1);
    rig_map(&rig);
    rig_move(&rig, 1, 2); // the same one, anew
    rig_map(&rig);
    rig_send(&rig, 0, 1, "b");
    rig_wait_frames(&rig, 2, 2);
    CHECK_EQ(rig.nodes[0].met[1], 3);
    rig_move(&rig, 1, 2); // between two maps
    rig_map(&rig);
    rig_send(&rig, 0, 1, "c");
    rig_wait_frames(&rig, 2, 3);
    CHECK_EQ(rig.nodes[0].met[1], 4);
    CHECK_EQ(rig.nodes[0].met[0], 1);
    rig_fini(&rig);
}

TEST(peers, a_nudge_tells_all_others_that_the_map_has_changed)
{
    struct rig rig;

    rig_init(&rig, 3);
    rig_start(&rig);
    wf_peers_nudge(rig.nodes[0].peers);
    rig_wait_count(&rig, &rig.nodes[1].changes, 1);
    rig_wait_count(&rig, &rig.nodes[2].changes, 1);
    CHECK_EQ(rig.nodes[0].changes, 0);
    rig_fini(&rig);
}

TEST(peers, a_node_that_came_back_gets_what_is_sent_from_then_on)
{
    struct rig rig;

    rig_init(&rig, 2);
    rig_start(&rig);
    rig_send(&rig, 0, 1, "before");
    rig_wait_frames(&rig, 1, 1);
    wf_peers_destroy(rig.nodes[1].peers);
    rig.map.nodes[1].incarnation = 5;
    rig_start_node(&rig, 1);
    rig_map(&rig);
    rig_send(&rig, 0, 1, "not yet its own"); // of the one that was
    rig.map.parts[1].owner_incarnation = 5;
    rig_map(&rig);
    rig_send(&rig, 0, 1, "after");
    rig_wait_frames(&rig, 1, 2);
    CHECK_STR(rig_frames(&rig, 1), "1:before 1:after ");
    rig_fini(&rig);
}

// A rolling upgrade: the next build speaks 1 and 2, this one 1.
TEST(peers, nodes_of_two_builds_speak_the_newest_that_both_know)
{
    struct rig rig;

    rig_init(&rig, 3);
    for (uint32_t i = 0; i < 2; i++) {
        rig.nodes[i].protocol_min = 1;
        rig.nodes[i].protocol_max = 2;
    }
    rig_start(&rig);
    rig_send(&rig, 0, 1, "new to new");
    rig_send(&rig, 0, 2, "new to old");
    rig_wait_frames(&rig, 1, 1);
    rig_wait_frames(&rig, 2, 1);
    rig_wait_line(&rig, "b link up: protocol 2, it reads records up to 7");
    rig_wait_line(&rig, "c link up: protocol 1, it reads records up to 7");
    rig_send(&rig, 2, 0, "old to new");
    rig_wait_frames(&rig, 0, 1);
    rig_wait_line(&rig, "a link up: protocol 1");
    rig_fini(&rig);
}

// Keys. -----------------------------------------------------------------------

static void
give_keys(struct test *t, struct rig *rig)
{
    char secret[512];
    char public[520];

    rig->has_keys = true;
    for (uint32_t i = 0; i < rig->count; i++) {
        (void)snprintf(secret, sizeof(secret), "%s/%u", test_dir(t), i);
        (void)snprintf(public, sizeof(public), "%s.pub", secret);
        CHECK_OK(wf_curve_generate(secret, public));
        CHECK_OK(wf_curve_read(secret, true, &rig->nodes[i].keys));
    }
}

TEST(peers, with_keys_only_those_of_the_map_come_in)
{
    struct rig rig;

    rig_init(&rig, 2);
    give_keys(t, &rig);
    rig_start(&rig);
    rig_send(&rig, 0, 1, "known");
    rig_wait_frames(&rig, 1, 1);
    // For node b the key of node a is another from now on.
    memcpy(rig.map.nodes[0].curve_key, rig.nodes[1].keys.public_key, 41);
    wf_peers_map(rig.nodes[1].peers, &rig.map);
    memcpy(rig.map.nodes[0].curve_key, rig.nodes[0].keys.public_key, 41);
    rig.map.nodes[1].incarnation = 2; // a opens no link anew for that
    rig_send(&rig, 0, 1, "stranger");
    rig_wait_line(&rig, "its key is not that node's");
    CHECK_EQ(rig.nodes[1].frames_count, 1);
    rig_fini(&rig);
}

TEST(peers, a_key_that_no_node_has_is_not_heard)
{
    struct rig rig;
    struct wf_registry_map map;
    struct wf_registry_node other;

    rig_init(&rig, 3);
    give_keys(t, &rig);
    rig_start_node(&rig, 0);
    rig_start_node(&rig, 1);
    wf_peers_map(rig.nodes[0].peers, &rig.map);
    other = rig.map.nodes[2];
    (void)snprintf(other.endpoint, sizeof(other.endpoint), "tcp://127.0.0.1:1");
    (void)snprintf(other.curve_key, sizeof(other.curve_key), "%s",
                   rig.nodes[2].keys.public_key);
    map = rig.map;
    map.nodes = &other; // node b knows nobody but c
    map.nodes_count = 1;
    for (int i = 0; i < RIG_PARTITIONS; i++) {
        map.parts[i].owner = i % 3 == 0 ? -1 : map.parts[i].owner;
    }
    wf_peers_map(rig.nodes[1].peers, &map);
    rig_send(&rig, 0, 1, "stranger");
    rig_wait_line(&rig, "its key is of no node in the map");
    rig_wait_line(&rig, "it does not let this node's key in");
    // Once it knows it, it lets it in, without anybody's doing.
    wf_peers_map(rig.nodes[1].peers, &rig.map);
    rig_wait_frames(&rig, 1, 1);
    rig_fini(&rig);
}

// Those who are not what they say. --------------------------------------------

// b, and who says that it is a; the real one does not run.
static void
start_with_stranger(struct rig *rig, struct stranger *stranger)
{
    rig_init(rig, 2);
    (void)snprintf(rig->map.nodes[0].endpoint,
                   sizeof(rig->map.nodes[0].endpoint), "tcp://127.0.0.1:1");
    rig_start_node(rig, 1);
    rig_map(rig);
    stranger_open(stranger, rig->map.nodes[1].endpoint);
}

TEST(peers, what_is_doubled_lost_or_late_on_the_way_comes_once_in_order)
{
    struct stranger stranger;
    struct wf_peers_counts counts;
    struct rig rig;

    start_with_stranger(&rig, &stranger);
    stranger_say_frame(&stranger, 1, 1, "before hello");
    stranger_say(&stranger, &stranger.hello);
    stranger_hear(&stranger, WF_PEER_MESSAGE_WELCOME);
    CHECK_EQ(stranger.heard.seq, 0);
    CHECK_EQ(stranger.heard.round, 1);
    CHECK_EQ(stranger.heard.protocol_max, 1);
    stranger_say_frame(&stranger, 1, 1, "one");
    stranger_say_frame(&stranger, 1, 1, "one");
    stranger_say_frame(&stranger, 3, 1, "three");
    stranger_say_frame(&stranger, 2, 1, "two");
    stranger_say_frame(&stranger, 1, 1, "one");
    stranger_say_frame(&stranger, 3, 1, "three");
    rig_wait_frames(&rig, 1, 3);
    CHECK_STR(rig_frames(&rig, 1), "1:one 1:two 1:three ");
    wf_peers_count(rig.nodes[1].peers, &counts);
    CHECK_EQ(counts.received, 3);
    do {
        stranger_hear(&stranger, WF_PEER_MESSAGE_ACK);
    } while (stranger.heard.seq < 3);
    CHECK_EQ(stranger.heard.seq, 3);
    CHECK_EQ(stranger.heard.credit, 64 << 20);
    // Hello again says where it is; another session begins anew.
    stranger_say(&stranger, &stranger.hello);
    stranger_hear(&stranger, WF_PEER_MESSAGE_WELCOME);
    CHECK_EQ(stranger.heard.seq, 3);
    stranger.hello.session = 100;
    stranger_say(&stranger, &stranger.hello);
    stranger_hear(&stranger, WF_PEER_MESSAGE_WELCOME);
    CHECK_EQ(stranger.heard.seq, 0);
    stranger_say_frame(&stranger, 1, 1, "anew");
    rig_wait_frames(&rig, 1, 4);
    stranger_close(&stranger);
    rig_fini(&rig);
}

// What it had said before it began anew comes late.
TEST(peers, what_is_of_an_older_session_is_not_taken)
{
    struct stranger stranger;
    struct rig rig;

    start_with_stranger(&rig, &stranger);
    stranger_say(&stranger, &stranger.hello);
    stranger_hear(&stranger, WF_PEER_MESSAGE_WELCOME);
    stranger_say_frame(&stranger, 1, 1, "one");
    stranger.hello.session = 100;
    stranger_say(&stranger, &stranger.hello);
    stranger_hear(&stranger, WF_PEER_MESSAGE_WELCOME);
    stranger.hello.session = 99;
    stranger_say_frame(&stranger, 1, 1, "late");
    stranger.hello.session = 100;
    stranger_say_frame(&stranger, 1, 1, "two");
    stranger_say_frame(&stranger, 2, 1, "three");
    rig_wait_frames(&rig, 1, 3);
    CHECK_STR(rig_frames(&rig, 1), "1:one 1:two 1:three ");
    stranger_close(&stranger);
    rig_fini(&rig);
}

TEST(peers, who_is_not_what_it_says_is_refused_with_a_clear_line)
{
    static const struct {
        uint32_t code;
        const char *line;
    } cases[] = {
        {WF_PEER_REFUSAL_CLUSTER, "a refused it is of another cluster"},
        {WF_PEER_REFUSAL_TARGET, "a refused it means another node"},
        {WF_PEER_REFUSAL_NODE, "z refused no node of that id"},
        {WF_PEER_REFUSAL_INCARNATION, "a refused another process has"},
        {WF_PEER_REFUSAL_PROTOCOL, "a refused there is no protocol"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stranger stranger;
        struct rig rig;

        start_with_stranger(&rig, &stranger);
        switch (cases[i].code) {
        case WF_PEER_REFUSAL_CLUSTER:
            stranger.hello.cluster_id[0]++;
            break;
        case WF_PEER_REFUSAL_TARGET:
            stranger.hello.to_incarnation = 1;
            break;
        case WF_PEER_REFUSAL_NODE:
            stranger.hello.node = weft_text("z");
            break;
        case WF_PEER_REFUSAL_INCARNATION:
            stranger.hello.incarnation = 9;
            break;
        default:
            stranger.hello.protocol_min = 2;
            stranger.hello.protocol_max = 3;
        }
        stranger_say(&stranger, &stranger.hello);
        stranger_hear(&stranger, WF_PEER_MESSAGE_REFUSED);
        CHECK_EQ(stranger.heard.code, cases[i].code);
        rig_wait_line(&rig, cases[i].line);
        stranger_say_frame(&stranger, 1, 1, "all the same");
        stranger_say(&stranger, &stranger.hello);
        stranger_hear(&stranger, WF_PEER_MESSAGE_REFUSED); // it was read by now
        CHECK_EQ(rig.nodes[1].frames_count, 0);
        stranger_close(&stranger);
        rig_fini(&rig);
    }
}

TEST(peers, nonsense_ends_what_was_begun_and_no_more)
{
    struct stranger stranger;
    struct wf_buf bytes = {0};
    struct rig rig;

    start_with_stranger(&rig, &stranger);
    stranger_say(&stranger, &stranger.hello);
    stranger_hear(&stranger, WF_PEER_MESSAGE_WELCOME);
    wf_buf_put(&bytes, "no message at all", 17);
    stranger_say_bytes(&stranger, &bytes);
    stranger_hear(&stranger, WF_PEER_MESSAGE_REFUSED);
    CHECK_EQ(stranger.heard.code, WF_PEER_REFUSAL_MALFORMED);
    rig_wait_line(&rig, "a refused its checksum differs");
    stranger_say_frame(&stranger, 1, 1, "without hello");
    stranger_say(&stranger, &stranger.hello);
    stranger_hear(&stranger, WF_PEER_MESSAGE_WELCOME);
    stranger_say_frame(&stranger, 1, RIG_PARTITIONS, "nowhere");
    stranger_say_frame(&stranger, 2, 1, "good");
    rig_wait_frames(&rig, 1, 1);
    CHECK_STR(rig_frames(&rig, 1), "1:good ");
    rig_wait_line(&rig, "a partition that there is not");
    stranger_close(&stranger);
    rig_fini(&rig);
}

static bool
has_the_last(struct rig *rig, void *arg)
{
    const struct wf_buf *frames = &rig->nodes[1].frames;

    (void)arg;
    return frames->len > 0 &&
           memmem(frames->data, frames->len, "1:last ", 7) != NULL;
}

TEST(peers, what_has_no_room_is_dropped_and_what_comes_later_has_it)
{
    struct rig rig;
    char *block = wf_alloc((1 << 20) + 1);

    memset(block, 'x', 1 << 20);
    block[1 << 20] = '\0';
    rig_init(&rig, 2);
    rig.window_bytes = 4 << 20;
    rig_start_node(&rig, 0);
    rig_start_node(&rig, 1);
    // Node b does not know node a yet, and takes nothing from it.
    wf_peers_map(rig.nodes[0].peers, &rig.map);
    for (int i = 0; i < 64; i++) {
        rig_send(&rig, 0, 1, block);
    }
    rig_wait_line(&rig, "no node of that id is in the map");
    wf_peers_map(rig.nodes[1].peers, &rig.map);
    rig_wait_line(&rig, "b link up");
    rig_send(&rig, 0, 1, "last");
    rig_wait(&rig, has_the_last, NULL);
    CHECK(rig.nodes[1].frames_bytes <= (5 << 20) + 4);
    wf_free(block);
    rig_fini(&rig);
}
