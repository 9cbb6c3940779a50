// SPDX-License-Identifier: Apache-2.0
//
// inspect_record.c - the grammar of records.
//
// apply.c finds out what it cannot apply, but it skips what a row reflects
// already, and does not look into letters and journal entries. Here every field
// of every record is looked at, and nothing is changed: the grammar of record.h
// once more, a letter for each field.
//
//   V varint          K actor key         L letter      l the same, or ""
//   B bytes           k the same, or ""   J journal entry
//   C 16 bytes        E envelope          D dead letter
//   O options of a start                  A attribute

#include "base/assert.h"
#include "runtime/attributes.h"
#include "runtime/inspect_impl.h"
#include "runtime/journal.h"
#include "runtime/letter.h"
#include "runtime/record.h"
#include "runtime/start.h"
#include "storage/log.h"

#define FIRST_OF_PARTITION WF_OP_EPOCH

static const char *const grammar[] = {
    [WF_OP_CREATE] = "VVVkVVBO",
    [WF_OP_PUSH] = "L",
    [WF_OP_POP] = "",
    [WF_OP_STARTED] = "",
    [WF_OP_RETRY] = "VVB",
    [WF_OP_PARK] = "B",
    [WF_OP_RESUME] = "",
    [WF_OP_PAUSE] = "",
    [WF_OP_CRASHED] = "B",
    [WF_OP_CANCEL_ASKED] = "",
    [WF_OP_STATE] = "VB",
    [WF_OP_STATE_PATCH] = "VB",
    [WF_OP_JOURNAL] = "J",
    [WF_OP_JOURNAL_LETTER] = "",
    [WF_OP_RESTART] = "Bl",
    [WF_OP_TIMER_SET] = "VVB",
    [WF_OP_TIMER_CLEAR] = "V",
    [WF_OP_COMMAND_OPEN] = "VVBBBO",
    [WF_OP_COMMAND_ATTEMPT] = "VVVV",
    [WF_OP_COMMAND_DETAILS] = "VB",
    [WF_OP_COMMAND_DEFER] = "V",
    [WF_OP_COMMAND_CANCEL] = "V",
    [WF_OP_COMMAND_CLOSE] = "V",
    [WF_OP_CALL_OPEN] = "VVKVV",
    [WF_OP_CALL_CLOSE] = "V",
    [WF_OP_PUBLISH] = "BB",
    [WF_OP_FINISH] = "VBBBB",
    [WF_OP_REMOVE] = "",
    [WF_OP_OUTLIVED] = "",
    [WF_OP_VERSION] = "V",
    [WF_OP_COMMAND_ABANDON] = "V",
    [WF_OP_COMMAND_FAILED] = "VBB",
    [WF_OP_COMMAND_PAUSE] = "V",
    [WF_OP_COMMAND_RESUME] = "V",
    [WF_OP_COMMAND_RESET] = "V",
    [WF_OP_COMMAND_OPTIONS] = "VBV",
    [WF_OP_OPERATED] = "BBB",
    [WF_OP_RUN_AGAIN] = "VB",
    [WF_OP_BEGIN] = "",
    [WF_OP_IMPORT] = "B",
    [WF_OP_ATTRIBUTE] = "A",
    [WF_OP_MEMO] = "BB",
    [WF_OP_UPDATE_OPEN] = "VBCVV",
    [WF_OP_UPDATE_ACCEPT] = "V",
    [WF_OP_UPDATE_DONE] = "VVB",
    [WF_OP_UPDATE_DROP] = "V",
    [WF_OP_RESET] = "VV",
    [WF_OP_CALL_ASK] = "VV",
    [WF_OP_TOLD] = "V",
    [WF_OP_UNPUBLISH] = "B",
    [WF_OP_QUESTION_KEEP] = "VL",
    [WF_OP_QUESTION_DROP] = "V",
    [WF_OP_COMMAND_OFFER] = "V",
    [WF_OP_COMMAND_LEASE] = "VVB",
    [WF_OP_FORK] = "V",
    [WF_OP_EPOCH] = "V",
    [WF_OP_SEND] = "VE",
    [WF_OP_ACKED] = "VV",
    [WF_OP_SEEN] = "VVV",
    [WF_OP_ACCEPTED] = "CVV",
    [WF_OP_ANSWERED] = "CVVVB",
    [WF_OP_FORGET] = "C",
    [WF_OP_LETTER] = "D",
    [WF_OP_GENERATION] = "V",
#ifdef WF_NEXT
    [WF_OP_NEXT] = "V",
#endif
};

static bool
is_key(weft_bytes bytes)
{
    struct wf_key key;
    bool is_whole = wf_key_decode(bytes, &key);

    if (is_whole) {
        wf_key_fini(&key);
    }
    return is_whole;
}

static bool
is_letter(weft_bytes bytes)
{
    struct wf_letter letter;

    return wf_letter_decode(bytes, &letter);
}

static bool
is_entry(weft_bytes bytes)
{
    struct wf_entry entry;

    return wf_entry_decode(bytes, &entry) &&
           (entry.type != WF_ENTRY_LETTER || is_letter(entry.letter));
}

static bool
is_attribute(weft_bytes bytes)
{
    struct wf_reader reader = wf_reader_of(bytes);
    weft_attribute attribute;

    return wf_attributes_next(&reader, &attribute) &&
           wf_reader_left(&reader) == 0;
}

bool
wf_inspect_is_envelope(weft_bytes bytes)
{
    struct wf_reader reader = wf_reader_of(bytes);
    weft_bytes target = wf_reader_bytes(&reader);
    weft_bytes letter = wf_reader_bytes(&reader);

    return !reader.failed && wf_reader_left(&reader) == 0 && is_key(target) &&
           is_letter(letter);
}

bool
wf_inspect_is_dead_letter(weft_bytes bytes)
{
    struct wf_reader reader = wf_reader_of(bytes);
    weft_bytes target = wf_reader_bytes(&reader);
    weft_bytes letter = wf_reader_bytes(&reader);

    (void)wf_reader_bytes(&reader); // the reason
    return !reader.failed && wf_reader_left(&reader) == 0 && is_key(target) &&
           is_letter(letter);
}

static bool
read_field(struct wf_reader *ops, char field)
{
    struct wf_start start;
    weft_bytes bytes;

    switch (field) {
    case 'V':
        (void)wf_reader_varint(ops);
        break;
    case 'B':
        (void)wf_reader_bytes(ops);
        break;
    case 'O':
        return wf_start_decode(wf_reader_bytes(ops), &start);
    case 'C':
        (void)wf_reader_take(ops, 16);
        break;
    case 'K':
        return is_key(wf_reader_bytes(ops));
    case 'k':
        bytes = wf_reader_bytes(ops);
        return bytes.len == 0 || is_key(bytes);
    case 'L':
        return is_letter(wf_reader_bytes(ops));
    case 'J':
        return is_entry(wf_reader_bytes(ops));
    case 'l':
        bytes = wf_reader_bytes(ops);
        return bytes.len == 0 || is_letter(bytes);
    case 'A':
        return is_attribute(wf_reader_bytes(ops));
    case 'E':
        return wf_inspect_is_envelope(wf_reader_bytes(ops));
    case 'D':
        return wf_inspect_is_dead_letter(wf_reader_bytes(ops));
    default:
        WF_ASSERT(false);
    }
    return !ops->failed;
}

static bool
read_operation(struct wf_reader *ops, bool is_partition)
{
    uint8_t op = wf_reader_u8(ops);
    const char *field;

    if (op >= sizeof(grammar) / sizeof(grammar[0]) || grammar[op] == NULL ||
        (op >= FIRST_OF_PARTITION) != is_partition) {
        return false;
    }
    for (field = grammar[op]; *field != '\0'; field++) {
        if (!read_field(ops, *field)) {
            return false;
        }
    }
    return !ops->failed;
}

static bool
read_record(struct wf_records *records)
{
    struct wf_sections sections;
    struct wf_section section;
    uint64_t now_ms;

    if (!wf_record_next(records, &now_ms, &sections)) {
        return false;
    }
    while (wf_section_next(&sections, &section)) {
        struct wf_reader ops = wf_reader_of(section.ops);
        bool is_partition = section.object == WF_SECTION_PARTITION;

        if (!is_partition && !is_key(section.key)) {
            return false;
        }
        while (wf_reader_left(&ops) > 0) {
            if (!read_operation(&ops, is_partition)) {
                return false;
            }
        }
    }
    return !sections.reader.failed;
}

bool
wf_inspect_records(const struct wf_segment *segment, uint64_t *out_record)
{
    struct wf_records records = wf_records_of(segment->records);

    for (uint32_t i = 0; i < segment->record_count; i++) {
        if (!read_record(&records)) {
            *out_record = segment->first_record + i;
            return false;
        }
    }
    *out_record = segment->first_record + segment->record_count;
    return wf_reader_left(&records.reader) == 0;
}
