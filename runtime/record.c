// SPDX-License-Identifier: Apache-2.0
//
// record.c - framing of records and sections. See record.h for the grammar.

#include "runtime/record.h"

bool
wf_record_next(struct wf_reader *records, uint64_t *out_now_ms,
               struct wf_reader *out_sections)
{
    weft_bytes body = wf_reader_bytes(records);
    struct wf_reader reader = wf_reader_of(body);
    uint64_t now_ms = wf_reader_varint(&reader);

    if (records->failed || reader.failed) {
        records->failed = true;
        return false;
    }
    *out_now_ms = now_ms;
    *out_sections = reader;
    return true;
}

bool
wf_section_next(struct wf_reader *sections, struct wf_section *out_section)
{
    struct wf_section section = {0};

    if (wf_reader_left(sections) == 0) {
        return false;
    }
    section.object = (char)wf_reader_u8(sections);
    if (section.object == WF_SECTION_ACTOR) {
        section.key = wf_reader_bytes(sections);
    } else if (section.object != WF_SECTION_PARTITION) {
        sections->failed = true;
    }
    section.ops = wf_reader_bytes(sections);
    if (sections->failed) {
        return false;
    }
    *out_section = section;
    return true;
}

void
wf_section_put(struct wf_buf *sections, char object, weft_bytes key,
               weft_bytes ops)
{
    wf_buf_put_u8(sections, (uint8_t)object);
    if (object == WF_SECTION_ACTOR) {
        wf_buf_put_bytes(sections, key);
    }
    wf_buf_put_bytes(sections, ops);
}

void
wf_record_put(struct wf_buf *records, uint64_t now_ms, weft_bytes sections)
{
    size_t opened = wf_buf_open(records);

    wf_buf_put_varint(records, now_ms);
    wf_buf_put(records, sections.data, sections.len);
    wf_buf_close(records, opened);
}
