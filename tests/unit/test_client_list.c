// SPDX-License-Identifier: Apache-2.0
//
// test_client_list.c - lists, put together from what each partition gives.

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "runtime/base64.h"
#include "runtime/client_impl.h"
#include "unit/client_rig.h"

TEST(client_list, a_list_is_put_together_from_all_partitions)
{
    weft_reply *reply;

    rig_open();
    CHECK_OK(
        weft_client_list(rig.client, NULL, WEFT_STATUS_NONE, NULL, &reply));
    CHECK_EQ(reply->items_count, RIG_PARTITIONS * RIG_INSTANCES);
    CHECK_STR(reply->items[0].id, "0-0");
    CHECK_STR(reply->items[RIG_PARTITIONS * RIG_INSTANCES - 1].id, "3-9");
    CHECK(reply->cursor == NULL);
    weft_reply_free(reply);
    rig_close();
}

// Every page size gives every instance once, in order.
TEST(client_list, pages_meet_without_gap_or_overlap)
{
    rig_open();
    for (uint32_t limit = 1; limit <= 41; limit++) {
        weft_request request = WEFT_REQUEST_INIT;
        char cursor[200];
        size_t seen = 0;

        request.verb = WEFT_VERB_LIST;
        request.limit = limit;
        do {
            weft_reply *reply;

            CHECK_OK(weft_client_call(rig.client, &request, 0, &reply));
            CHECK(reply->items_count <= limit);
            for (size_t i = 0; i < reply->items_count; i++, seen++) {
                char id[32];

                snprintf(id, sizeof(id), "%zu-%zu", seen / RIG_INSTANCES,
                         seen % RIG_INSTANCES);
                CHECK_STR(reply->items[i].id, id);
            }
            request.cursor = NULL;
            if (reply->cursor != NULL) {
                snprintf(cursor, sizeof(cursor), "%s", reply->cursor);
                request.cursor = cursor;
            }
            weft_reply_free(reply);
        } while (request.cursor != NULL);
        CHECK_EQ(seen, RIG_PARTITIONS * RIG_INSTANCES);
    }
    rig_close();
}

static void
count_items(void *ctx, const weft_reply *reply)
{
    CHECK_OK(reply->err);
    *(size_t *)ctx = reply->items_count;
    rig.order_count++;
}

TEST(client_list, a_list_can_be_submitted)
{
    weft_request request = WEFT_REQUEST_INIT;
    size_t count = 0;

    rig_open();
    request.verb = WEFT_VERB_LIST;
    CHECK_OK(
        weft_client_submit(rig.client, &request, count_items, &count, NULL));
    rig_dispatch(1);
    CHECK_EQ(count, RIG_PARTITIONS * RIG_INSTANCES);
    rig_close();
}

TEST(client_list, a_foreign_cursor_is_refused)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_reply *reply;

    rig_open();
    request.verb = WEFT_VERB_LIST;
    request.cursor = "AQAAAAAA";
    CHECK_ERR(weft_client_call(rig.client, &request, 0, &reply), WEFT_EINVAL);
    weft_reply_free(reply); // there is one where the node has said it
    request.cursor = "";
    CHECK_ERR(weft_client_call(rig.client, &request, 0, &reply), WEFT_EINVAL);
    weft_reply_free(reply); // there is one where the node has said it
    rig_close();
}

// A cursor of these fields, whose checksum is right.
static bool
is_cursor(uint8_t version, uint64_t partition, size_t more)
{
    char text[200];
    struct wf_buf buf = {0};
    uint32_t found = 0;
    weft_bytes after = weft_nothing();
    weft_err err;

    wf_buf_put_u8(&buf, version);
    wf_buf_put_varint(&buf, partition);
    wf_buf_put_text(&buf, "after");
    for (size_t i = 0; i < more; i++) {
        wf_buf_put_u8(&buf, 0);
    }
    wf_buf_put_u32(&buf, wf_crc32c(0, buf.data, buf.len));
    wf_base64_encode(wf_buf_bytes(&buf), text);
    err = wf_client_cursor_decode(text, 4, &found, &after);
    if (err == WEFT_OK) {
        CHECK_EQ(found, partition);
        CHECK_BYTES(after, weft_text("after"));
        wf_free((void *)(uintptr_t)after.data);
    }
    wf_buf_fini(&buf);
    return err == WEFT_OK;
}

TEST(client_list, a_cursor_is_of_this_version_and_of_a_partition)
{
    char *text = wf_client_cursor_encode(3, weft_text("after"));
    char longer[3000];
    uint32_t partition;
    weft_bytes after;

    CHECK(is_cursor(1, 3, 0));
    CHECK(!is_cursor(1, 4, 0));
    CHECK(!is_cursor(2, 3, 0));
    CHECK(!is_cursor(1, 3, 1));
    text[2] = text[2] == 'A' ? 'B' : 'A';
    CHECK_ERR(wf_client_cursor_decode(text, 4, &partition, &after),
              WEFT_EINVAL);
    memset(longer, 'A', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    CHECK_ERR(wf_client_cursor_decode(longer, 4, &partition, &after),
              WEFT_EINVAL);
    CHECK_ERR(wf_client_cursor_decode("!", 4, &partition, &after), WEFT_EINVAL);
    CHECK_ERR(wf_client_cursor_decode("AQ==", 4, &partition, &after),
              WEFT_EINVAL);
    wf_free(text);
}
