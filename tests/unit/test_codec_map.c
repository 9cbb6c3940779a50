// SPDX-License-Identifier: Apache-2.0

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec_same.h"
#include "remote/codec_map.h"
#include "support/test.h"
#include "transport/wire.h"

#define PARTITIONS 8

static struct wf_buf frame;
static struct wf_routes routes;

static void
fini(void)
{
    wf_buf_fini(&frame);
    wf_routes_fini(&routes);
}

TEST(codec_map, what_is_asked_comes_back)
{
    struct wf_wire_message message;
    uint64_t after = 0;

    wf_codec_map_encode(77, 5, &frame);
    message = rig_read(&frame);
    CHECK_EQ(message.number, 5);
    CHECK_OK(wf_codec_map_decode(&message, &after));
    CHECK_EQ(after, 77);
    fini();
}

TEST(codec_map, a_map_comes_back)
{
    struct wf_routes given;
    struct wf_wire_message message;

    wf_routes_init(&given, PARTITIONS);
    wf_routes_add(&given, 0, "b", "tcp://10.0.0.2:7400");
    wf_routes_add(&given, 1, "a", "tcp://10.0.0.1:7400");
    wf_routes_add(&given, 7, "b", "tcp://10.0.0.2:7400");
    wf_routes_seal(&given);
    CHECK(given.version > 0 && given.version < 1ULL << 53);
    wf_codec_routes_encode(&given, 3, &frame);
    message = rig_read(&frame);
    CHECK_OK(wf_codec_routes_decode(&message, PARTITIONS, &routes));
    CHECK_EQ(routes.version, given.version);
    CHECK_EQ(routes.nodes_count, 2);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        CHECK_EQ(routes.owners[i], given.owners[i]);
    }
    CHECK_STR(routes.nodes[0].name, "b");
    CHECK_STR(routes.nodes[1].endpoint, "tcp://10.0.0.1:7400");
    wf_routes_fini(&given);
    fini();
}

TEST(codec_map, another_map_has_another_version)
{
    static const char *const endpoints[] = {"tcp://a:1", "tcp://a:2"};
    uint64_t versions[4];

    for (uint32_t i = 0; i < 4; i++) {
        wf_routes_init(&routes, PARTITIONS);
        wf_routes_add(&routes, i / 2, "a", endpoints[i % 2]);
        wf_routes_seal(&routes);
        versions[i] = routes.version;
        wf_routes_fini(&routes);
        for (uint32_t k = 0; k < i; k++) {
            CHECK(versions[i] != versions[k]);
        }
    }
}

// A map that a test writes itself.
static struct wf_wire_writer *
begin(struct wf_wire_writer *writer)
{
    wf_buf_reset(&frame);
    wf_wire_begin(writer, &frame, "ok", 1);
    wf_wire_put_uint(writer, "after", 9);
    wf_wire_open_array(writer, "nodes");
    return writer;
}

static void
put(struct wf_wire_writer *writer, const char *name, const char *endpoint,
    uint64_t partition)
{
    wf_wire_open_map(writer, NULL);
    wf_wire_put_text(writer, "node", name);
    wf_wire_put_text(writer, "endpoint", endpoint);
    wf_wire_open_array(writer, "partitions");
    wf_wire_put_uint(writer, NULL, partition);
    wf_wire_close(writer);
    wf_wire_close(writer);
}

static weft_err
end(struct wf_wire_writer *writer)
{
    struct wf_wire_message message;

    wf_wire_close(writer);
    wf_wire_end(writer);
    message = rig_read(&frame);
    wf_routes_fini(&routes);
    return wf_codec_routes_decode(&message, PARTITIONS, &routes);
}

TEST(codec_map, what_nobody_could_connect_to_is_left_out)
{
    static const char *const useless[] = {
        "", "ipc:///run/secret", "inproc://x", "udp://10.0.0.1:1", "10.0.0.1:1",
    };
    struct wf_wire_writer writer;
    char text[400];

    (void)begin(&writer);
    for (uint32_t i = 0; i < 5; i++) {
        put(&writer, "a", useless[i], i);
    }
    put(&writer, "", "tcp://10.0.0.1:7400", 5);
    (void)snprintf(text, sizeof(text), "tcp://%0300d", 1);
    put(&writer, "long", text, 6);
    put(&writer, text, "tcp://10.0.0.1:7400", 7);
    CHECK_OK(end(&writer));
    CHECK_EQ(routes.version, 9);
    CHECK_EQ(routes.nodes_count, 0);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        CHECK_EQ(routes.owners[i], WF_ROUTES_NOBODY);
    }
    fini();
}

TEST(codec_map, what_cannot_be_is_refused)
{
    struct wf_wire_writer writer;

    put(begin(&writer), "a", "tcp://10.0.0.1:7400", PARTITIONS);
    CHECK_ERR(end(&writer), WEFT_ECORRUPT);
    put(begin(&writer), "a", "tcp://10.0.0.1:7400", UINT64_MAX);
    CHECK_ERR(end(&writer), WEFT_ECORRUPT);
    put(begin(&writer), "a", "tcp://10.0.0.1:7400", 1);
    put(&writer, "b", "tcp://10.0.0.2:7400", 1);
    CHECK_ERR(end(&writer), WEFT_ECORRUPT);
    wf_wire_put_uint(begin(&writer), NULL, 1);
    CHECK_ERR(end(&writer), WEFT_ECORRUPT);
    fini();
}

// As many as fit a message: not more than have a partition are kept.
TEST(codec_map, many_nodes_without_partitions_are_none)
{
    struct wf_wire_writer writer;

    (void)begin(&writer);
    for (int i = 0; i < 4096; i++) {
        wf_wire_open_map(&writer, NULL);
        wf_wire_put_text(&writer, "node", "n");
        wf_wire_put_text(&writer, "endpoint", "tcp://10.0.0.1:7400");
        wf_wire_close(&writer);
    }
    CHECK_OK(end(&writer));
    CHECK_EQ(routes.nodes_count, 0);
    fini();
}
