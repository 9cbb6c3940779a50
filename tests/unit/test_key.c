// SPDX-License-Identifier: Apache-2.0

#include "base/key.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "support/test.h"

static struct wf_key
key_of(const char *name_space, const char *kind, const char *id)
{
    struct wf_key key;

    CHECK_OK(wf_key_make(name_space, kind, id, &key));
    return key;
}

static const char *
repeat(char c, size_t count)
{
    static char text[1024];

    memset(text, c, count);
    text[count] = '\0';
    return text;
}

TEST(key, the_parts_come_back)
{
    struct wf_key key = key_of("shop", "order", "x17/ship");

    CHECK_STR(wf_key_namespace(&key), "shop");
    CHECK_STR(wf_key_kind(&key), "order");
    CHECK_STR(wf_key_id(&key), "x17/ship");
    CHECK_BYTES(wf_key_bytes(&key), weft_bytes_of("shop\0order\0x17/ship", 19));
    wf_key_fini(&key);
    CHECK(key.text == NULL);
    wf_key_fini(&key);
}

TEST(key, bad_parts_are_refused_by_name)
{
    struct wf_key key = {0};

    CHECK_ERR(wf_key_make(NULL, "k", "i", &key), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "the namespace is missing");
    CHECK_ERR(wf_key_make("n", "", "i", &key), WEFT_EINVAL);
    CHECK_ERR(wf_key_make("n", "k", "a\nb", &key), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "the id has a control character");
    CHECK_ERR(wf_key_make("n", "k\x7f", "i", &key), WEFT_EINVAL);
    CHECK(key.text == NULL); // written on success only
}

TEST(key, each_part_has_its_limit)
{
    struct wf_key key;

    key = key_of("n", "k", repeat('i', WF_ID_BYTES_MAX));
    wf_key_fini(&key);
    key = key_of(repeat('n', WF_NAMESPACE_BYTES_MAX), "k", "i");
    wf_key_fini(&key);
    CHECK_ERR(
        wf_key_make(repeat('n', WF_NAMESPACE_BYTES_MAX + 1), "k", "i", &key),
        WEFT_ETOOBIG);
    CHECK_ERR(wf_key_make("n", repeat('k', WF_KIND_BYTES_MAX + 1), "i", &key),
              WEFT_ETOOBIG);
    CHECK_ERR(wf_key_make("n", "k", repeat('i', WF_ID_BYTES_MAX + 1), &key),
              WEFT_ETOOBIG);
}

TEST(key, bytes_sort_by_namespace_then_kind_then_id)
{
    struct wf_key keys[] = {
        key_of("a", "k", "2"),  key_of("a", "k", "20"), key_of("a", "k", "3"),
        key_of("a", "kk", "1"), key_of("a!", "k", "1"), key_of("b", "a", "1"),
    };

    for (size_t i = 0; i + 1 < sizeof(keys) / sizeof(keys[0]); i++) {
        CHECK(wf_bytes_compare(wf_key_bytes(&keys[i]),
                               wf_key_bytes(&keys[i + 1])) < 0);
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        wf_key_fini(&keys[i]);
    }
}

TEST(key, decode_gives_back_what_bytes_gave)
{
    struct wf_key key = key_of("shop", "order", "17");
    struct wf_key copy = wf_key_copy(&key);
    struct wf_key decoded;

    CHECK(wf_key_decode(wf_key_bytes(&key), &decoded));
    CHECK(wf_key_equal(&key, &decoded) && wf_key_equal(&key, &copy));
    CHECK(copy.text != key.text);
    CHECK_STR(wf_key_id(&decoded), "17");
    CHECK_EQ(wf_key_hash(&key), wf_key_hash(&decoded));
    wf_key_fini(&key);
    wf_key_fini(&copy);
    wf_key_fini(&decoded);
}

static bool
is_key(const char *bytes, size_t len)
{
    struct wf_key key;

    if (!wf_key_decode(weft_bytes_of(bytes, len), &key)) {
        return false;
    }
    wf_key_fini(&key);
    return true;
}

TEST(key, malformed_bytes_are_refused)
{
    CHECK(is_key("n\0k\0i", 5));
    CHECK(!is_key("", 0));
    CHECK(!is_key("n", 1));
    CHECK(!is_key("n\0k", 3));
    CHECK(!is_key("n\0k\0", 4));
    CHECK(!is_key("\0k\0i", 4));
    CHECK(!is_key("n\0\0i", 4));
    CHECK(!is_key("n\0k\0i\0", 6));
    CHECK(!is_key("n\0k\0i\0j", 7));
    CHECK(!is_key("n\0k\0\x1fi", 6));
    CHECK(!is_key(repeat('n', 1000), 1000));
}

static uint32_t
partition_of(const char *name_space, const char *kind, const char *id)
{
    struct wf_key key = key_of(name_space, kind, id);
    uint32_t partition = wf_key_partition(&key, 1024);

    wf_key_fini(&key);
    return partition;
}

// As docs/formats/wire.md has them, for clients in other languages.
TEST(key, partitions_are_the_documents)
{
    CHECK_EQ(wf_key_partition_of("default", "17", 64), 26);
    CHECK_EQ(wf_key_partition_of("default", "order-17", 64), 7);
    CHECK_EQ(wf_key_partition_of("default", "order-17/ship", 64), 7);
}

TEST(key, the_partition_is_of_namespace_and_id_up_to_a_slash)
{
    uint32_t partition = partition_of("shop", "order", "17");

    CHECK_EQ(partition_of("shop", "parcel", "17"), partition);
    CHECK_EQ(partition_of("shop", "parcel", "17/ship/2"), partition);
    CHECK(partition_of("shop", "order", "18") != partition);
    CHECK(partition_of("mall", "order", "17") != partition);
    CHECK(partition < 1024);
}

// A stored format: these values never change.
TEST(key, the_partitions_are_the_known_ones)
{
    CHECK_EQ(partition_of("shop", "order", "17"), 733);
    CHECK_EQ(partition_of("default", "hello", "world"), 977);
}

TEST(key, partitions_are_evenly_full)
{
    unsigned counts[64] = {0};

    for (unsigned i = 0; i < 64000; i++) {
        char id[32];
        struct wf_key key;

        snprintf(id, sizeof(id), "order-%u", i);
        key = key_of("shop", "order", id);
        counts[wf_key_partition(&key, 64)]++;
        wf_key_fini(&key);
    }
    for (unsigned i = 0; i < 64; i++) {
        CHECK(counts[i] > 850 && counts[i] < 1150);
    }
}

TEST(key, show_is_shortened_to_fit)
{
    struct wf_key key = key_of("shop", "order", "17");
    char buf[32];

    CHECK_STR(wf_key_show(&key, buf, sizeof(buf)), "shop:order/17");
    wf_key_fini(&key);
    key = key_of("default", "order", "17");
    CHECK_STR(wf_key_show(&key, buf, sizeof(buf)), "order/17");
    CHECK_STR(wf_key_show(&key, buf, 9), "order/17");
    CHECK_STR(wf_key_show(&key, buf, 8), "orde...");
    wf_key_fini(&key);
}
