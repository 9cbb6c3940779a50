// SPDX-License-Identifier: Apache-2.0
//
// rocks_rig.c - write files as RocksDB would, with what it would not write.

#include "unit/rocks_rig.h"

#include <stdio.h>

#include "base/hash.h"
#include "support/test.h"

#define WHOLE 1
#define MASK_DELTA 0xa282ead8U

void
rocks_rig_varint(struct wf_buf *buf, uint64_t value)
{
    while (value >= 0x80) {
        wf_buf_put_u8(buf, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    wf_buf_put_u8(buf, (uint8_t)value);
}

void
rocks_rig_fixed(struct wf_buf *buf, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        wf_buf_put_u8(buf, (uint8_t)value);
        value >>= 8;
    }
}

void
rocks_rig_text(struct wf_buf *buf, const char *text)
{
    weft_bytes bytes = weft_text(text);

    rocks_rig_varint(buf, bytes.len);
    wf_buf_put(buf, bytes.data, bytes.len);
}

void
rocks_rig_file(const char *dir, const char *name, struct wf_buf *buf)
{
    char path[1000];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    CHECK(file != NULL);
    if (buf->len > 0) {
        CHECK_EQ(fwrite(buf->data, 1, buf->len, file), buf->len);
    }
    CHECK_EQ(fclose(file), 0);
    wf_buf_fini(buf);
}

void
rocks_rig_record(const char *dir, const char *name, struct wf_buf *buf)
{
    struct wf_buf checked = {0};
    struct wf_buf file = {0};
    uint32_t crc;

    wf_buf_put_u8(&checked, WHOLE);
    wf_buf_put(&checked, buf->data, buf->len);
    crc = wf_crc32c(0, checked.data, checked.len);
    rocks_rig_fixed(&file, (uint32_t)((crc >> 15 | crc << 17) + MASK_DELTA), 4);
    rocks_rig_fixed(&file, buf->len, 2);
    wf_buf_put(&file, checked.data, checked.len);
    rocks_rig_file(dir, name, &file);
    wf_buf_fini(&checked);
    wf_buf_fini(buf);
}

void
rocks_rig_manifest(const char *dir, struct wf_buf *buf)
{
    struct wf_buf current = {0};

    wf_buf_put(&current, "MANIFEST-000005\n", 16);
    rocks_rig_file(dir, "CURRENT", &current);
    rocks_rig_record(dir, "MANIFEST-000005", buf);
}
