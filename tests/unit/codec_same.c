// SPDX-License-Identifier: Apache-2.0

#include "codec_same.h"

#include "support/test.h"

struct wf_wire_message
rig_read(const struct wf_buf *frame)
{
    struct wf_wire_message message = {.number = 0};

    CHECK_OK(wf_wire_read(wf_buf_bytes(frame), &message));
    return message;
}

void
rig_same_value(const weft_attribute *got, const weft_attribute *given)
{
    CHECK_EQ(got->type, given->type);
    switch (given->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        CHECK_STR(got->value.text, given->value.text);
        break;
    case WEFT_ATTRIBUTE_DOUBLE:
        CHECK(got->value.real == given->value.real);
        break;
    case WEFT_ATTRIBUTE_BOOL:
        CHECK_EQ(got->value.boolean, given->value.boolean);
        break;
    case WEFT_ATTRIBUTE_NONE:
        break;
    default:
        CHECK_EQ(got->value.time_ms, given->value.time_ms);
        break;
    }
}

void
rig_same_attributes(const weft_attribute *got, size_t got_count,
                    const weft_attribute *given, size_t given_count)
{
    CHECK_EQ(got_count, given_count);
    for (size_t i = 0; i < given_count; i++) {
        CHECK_STR(got[i].name, given[i].name);
        rig_same_value(&got[i], &given[i]);
    }
}
