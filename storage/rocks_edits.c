// SPDX-License-Identifier: Apache-2.0
//
// rocks_edits.c - which tables the manifest of a RocksDB directory knows.
//
// A record of the manifest is an edit: tags, each followed by what it says. Of
// all of it only tables that come and go are of interest here; the rest is
// stepped over. Tables have numbers of their own in the whole directory.
//
// Threads: any.

#include "storage/rocks_edits.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/bytes.h"
#include "storage/manifest.h"
#include "storage/rocks_pieces.h"

#define NUMBER_MAX (1U << 28)
#define EDIT_BYTES_MAX (256U << 20)

enum tag {
    TAG_COMPARATOR = 1,
    TAG_LOG_NUMBER = 2,
    TAG_NEXT_FILE = 3,
    TAG_LAST_SEQUENCE = 4,
    TAG_CURSOR = 5,
    TAG_TABLE_GOES = 6,
    TAG_PREVIOUS_LOG = 9,
    TAG_MIN_LOG = 10,
    TAG_TABLE_COMES = 103,
    TAG_FAMILY = 200,
    TAG_FAMILY_COMES = 201,
    TAG_FAMILY_GOES = 202,
    TAG_MAX_FAMILY = 203,
    TAG_IN_GROUP = 300,
    TAG_MAY_BE_SKIPPED = 8192, // this bit: a length and so many bytes
};

struct known {
    struct wf_buf bits; // by number
    bool is_strange;    // something is not known here
};

static void
note_table(struct known *known, uint64_t number, bool is_there)
{
    static const uint8_t zero;
    uint8_t bit = (uint8_t)(1U << number % 8);

    if (number >= NUMBER_MAX) {
        known->is_strange = true;
        return;
    }
    while (known->bits.len <= number / 8) {
        wf_buf_put(&known->bits, &zero, 1);
    }
    if (is_there) {
        known->bits.data[number / 8] |= bit;
    } else {
        known->bits.data[number / 8] &= (uint8_t)~bit;
    }
}

static void
skip_bytes(struct wf_reader *reader)
{
    (void)wf_reader_take(reader, wf_rocks_pieces_varint(reader));
}

// Level, number, size, smallest and largest key, smallest and largest sequence,
// and then tags of its own, of which 1 is the last.
static void
take_table(struct known *known, struct wf_reader *reader)
{
    uint64_t number;

    (void)wf_rocks_pieces_varint(reader);
    number = wf_rocks_pieces_varint(reader);
    (void)wf_rocks_pieces_varint(reader);
    skip_bytes(reader);
    skip_bytes(reader);
    (void)wf_rocks_pieces_varint(reader);
    (void)wf_rocks_pieces_varint(reader);
    while (!reader->failed && wf_rocks_pieces_varint(reader) != 1) {
        skip_bytes(reader);
    }
    if (!reader->failed) {
        note_table(known, number, true);
    }
}

// False: what follows such a tag is not known.
static bool
take_tag(struct known *known, uint64_t tag, struct wf_reader *reader)
{
    switch (tag) {
    case TAG_LOG_NUMBER:
    case TAG_NEXT_FILE:
    case TAG_LAST_SEQUENCE:
    case TAG_PREVIOUS_LOG:
    case TAG_MIN_LOG:
    case TAG_FAMILY:
    case TAG_MAX_FAMILY:
    case TAG_IN_GROUP:
        (void)wf_rocks_pieces_varint(reader);
        return true;
    case TAG_COMPARATOR:
    case TAG_FAMILY_COMES:
        skip_bytes(reader);
        return true;
    case TAG_CURSOR:
        (void)wf_rocks_pieces_varint(reader);
        skip_bytes(reader);
        return true;
    case TAG_FAMILY_GOES:
        return true;
    case TAG_TABLE_GOES:
        (void)wf_rocks_pieces_varint(reader);
        note_table(known, wf_rocks_pieces_varint(reader), false);
        return true;
    case TAG_TABLE_COMES:
        take_table(known, reader);
        return true;
    default:
        skip_bytes(reader);
        return (tag & TAG_MAY_BE_SKIPPED) != 0;
    }
}

static weft_err
take_edit(void *ctx, uint64_t at, weft_bytes record)
{
    struct known *known = ctx;
    struct wf_reader reader = wf_reader_of(record);

    (void)at;
    while (!known->is_strange && !reader.failed &&
           wf_reader_left(&reader) > 0) {
        uint64_t tag = wf_rocks_pieces_varint(&reader);

        if (!take_tag(known, tag, &reader)) {
            known->is_strange = true;
        }
    }
    known->is_strange = known->is_strange || reader.failed;
    return WEFT_OK;
}

weft_err
wf_rocks_edits_each_table(const char *dir, wf_rocks_edits_fn *fn, void *ctx)
{
    struct known known = {0};
    char path[4200];
    uint64_t manifest;
    weft_err err = wf_manifest_find(dir, &manifest);

    if (err != WEFT_OK || manifest == 0) {
        return err;
    }
    (void)snprintf(path, sizeof(path), "%s/MANIFEST-%06" PRIu64, dir, manifest);
    err = wf_rocks_pieces_read(path, EDIT_BYTES_MAX, take_edit, &known);
    for (uint64_t number = 0;
         !known.is_strange && err == WEFT_OK && number < 8 * known.bits.len;
         number++) {
        if ((known.bits.data[number / 8] >> number % 8 & 1) != 0) {
            err = fn(ctx, dir, number);
        }
    }
    wf_buf_fini(&known.bits);
    return err;
}
