// SPDX-License-Identifier: Apache-2.0

#include "base/hash.h"

#include "base/random.h"
#include "support/test.h"

// Stored formats depend on every value here.

TEST(hash, crc32c_gives_the_known_values)
{
    static const char zeroes[32];

    CHECK_EQ(wf_crc32c(0, "123456789", 9), 0xe3069283);
    CHECK_EQ(wf_crc32c_portable(0, "123456789", 9), 0xe3069283);
    CHECK_EQ(wf_crc32c(0, zeroes, 32), 0x8a9136aa); // RFC 3720, B.4
    CHECK_EQ(wf_crc32c(0, NULL, 0), 0);
}

TEST(hash, crc32c_continues)
{
    uint32_t crc = wf_crc32c(0, "1234", 4);

    CHECK_EQ(wf_crc32c(crc, "56789", 5), 0xe3069283);
}

TEST(hash, both_ways_to_crc32c_agree)
{
    struct wf_random random;
    uint8_t bytes[300];

    wf_random_init(&random, 3);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)wf_random_u64(&random);
    }
    for (size_t from = 0; from < 9; from++) {
        for (size_t len = 0; len <= sizeof(bytes) - from; len++) {
            CHECK_EQ(wf_crc32c(0, bytes + from, len),
                     wf_crc32c_portable(0, bytes + from, len));
        }
    }
}

TEST(hash, xxh3_gives_the_known_values)
{
    char hex[33];

    CHECK_EQ(wf_hash64(NULL, 0, 0), 0x2d06800538d394c2);
    wf_hash128_hex(NULL, 0, hex);
    CHECK_STR(hex, "99aa06d3014798d86001c324468d497f");
    CHECK(wf_hash64("weft", 4, 0) != wf_hash64("weft", 4, 1));
}
