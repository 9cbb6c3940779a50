// SPDX-License-Identifier: Apache-2.0
//
// record.c - framing of records and sections. See record.h for the grammar.

#include "runtime/record.h"

struct wf_records
wf_records_of(weft_bytes records)
{
    struct wf_reader reader = wf_reader_of(records);

    return (struct wf_records){.reader = reader, .start = reader.at};
}

struct wf_sections
wf_sections_of(weft_bytes sections)
{
    return (struct wf_sections){.reader = wf_reader_of(sections)};
}

bool
wf_record_next(struct wf_records *records, uint64_t *out_now_ms,
               struct wf_sections *out_sections)
{
    size_t earlier = (size_t)(records->reader.at - records->start);
    weft_bytes body = wf_reader_bytes(&records->reader);
    struct wf_reader reader = wf_reader_of(body);
    uint64_t elapsed_ms = wf_reader_varint(&reader);

    if (records->reader.failed || reader.failed ||
        elapsed_ms > UINT64_MAX - records->now_ms) {
        records->reader.failed = true;
        return false;
    }
    records->now_ms += elapsed_ms;
    *out_now_ms = records->now_ms;
    *out_sections = (struct wf_sections){
        .reader = reader,
        .earlier = weft_bytes_of(records->start, earlier),
    };
    return true;
}

// The key that an earlier section has there.
static weft_bytes
key_at(struct wf_sections *sections, uint64_t at)
{
    weft_bytes earlier = sections->earlier;
    struct wf_reader reader = wf_reader_of(earlier);
    weft_bytes key;

    if (at == 0 || at > earlier.len) {
        sections->reader.failed = true;
        return weft_nothing();
    }
    (void)wf_reader_take(&reader, (size_t)at - 1);
    reader.failed |= wf_reader_u8(&reader) != WF_SECTION_ACTOR;
    key = wf_reader_bytes(&reader);
    sections->reader.failed |= reader.failed;
    return key;
}

bool
wf_section_next(struct wf_sections *sections, struct wf_section *out_section)
{
    struct wf_reader *reader = &sections->reader;
    struct wf_section section = {0};

    if (wf_reader_left(reader) == 0) {
        return false;
    }
    section.object = (char)wf_reader_u8(reader);
    if (section.object == WF_SECTION_ACTOR) {
        section.key = wf_reader_bytes(reader);
    } else if (section.object == WF_SECTION_AGAIN) {
        section.object = WF_SECTION_ACTOR;
        section.key = key_at(sections, wf_reader_varint(reader));
    } else if (section.object != WF_SECTION_PARTITION) {
        reader->failed = true;
    }
    section.ops = wf_reader_bytes(reader);
    if (reader->failed) {
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

// What follows the name of the first section's actor.
static weft_bytes
without_name(weft_bytes sections)
{
    struct wf_reader reader = wf_reader_of(sections);

    (void)wf_reader_u8(&reader);
    (void)wf_reader_bytes(&reader);
    return wf_reader_rest(&reader);
}

void
wf_record_put(struct wf_buf *records, uint64_t elapsed_ms, weft_bytes sections,
              uint32_t *named_at)
{
    size_t opened = wf_buf_open(records);

    wf_buf_put_varint(records, elapsed_ms);
    if (named_at != NULL && *named_at != 0) {
        wf_buf_put_u8(records, WF_SECTION_AGAIN);
        wf_buf_put_varint(records, *named_at);
        sections = without_name(sections);
    }
    wf_buf_put(records, sections.data, sections.len);
    wf_buf_close(records, opened);
    if (named_at != NULL && *named_at == 0) {
        *named_at = (uint32_t)(records->len - sections.len + 1);
    }
}
