// SPDX-License-Identifier: Apache-2.0
//
// place.c - what a file of a data directory is, and where in it something is.
//
// Logs and manifests of RocksDB are blocks of 32 KiB; a piece of a record has a
// head of 7 bytes: u32 checksum, u16 length (little-endian), u8 type; 1 is a
// whole record, 2, 3 and 4 are its first, middle and last piece.

#include "rot/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 32768U
#define HEAD 7U

const char *
place_sort(const char *name)
{
    static const char *const sorts[] = {"MANIFEST", "OPTIONS", "LOG"};
    const char *base = strrchr(name, '/');
    const char *dot;

    base = base == NULL ? name : base + 1;
    dot = strrchr(base, '.');
    for (size_t i = 0; i < 3; i++) {
        if (strncmp(base, sorts[i], strlen(sorts[i])) == 0) {
            return sorts[i];
        }
    }
    return dot == NULL || strcmp(base, "weft.lock") == 0 ? base : dot + 1;
}

size_t
place_record_ends(weft_bytes bytes, size_t ends[PLACE_RECORDS_MAX])
{
    const uint8_t *data = bytes.data;
    size_t count = 0;
    size_t at = 0;

    while (at + HEAD <= bytes.len) {
        size_t len = data[at + 4] + 256U * data[at + 5];
        unsigned type = data[at + 6];

        if (BLOCK - at % BLOCK < HEAD) {
            at += BLOCK - at % BLOCK;
            continue;
        }
        if (type == 0 || type > 4 || at + HEAD + len > bytes.len) {
            break;
        }
        at += HEAD + len;
        if (type == 1 || type == 4) {
            if (count == PLACE_RECORDS_MAX) {
                memmove(ends, ends + 1, (count - 1) * sizeof(*ends));
                count--;
            }
            ends[count++] = at;
        }
    }
    return count;
}

static unsigned long
number_in(const char *name, const char **out_rest, size_t *out_prefix)
{
    const char *base = strrchr(name, '/');
    const char *at = base == NULL ? name : base + 1;
    char *end;
    unsigned long number;

    at += strcspn(at, "0123456789");
    *out_prefix = (size_t)(at - name);
    number = strtoul(at, &end, 10);
    *out_rest = end;
    return end == at ? 0 : number;
}

bool
place_next_name(const struct files *files, const char *name, uint32_t more,
                char out[96])
{
    const char *rest;
    size_t prefix;
    unsigned long number = number_in(name, &rest, &prefix);
    unsigned long highest = number;

    if (number == 0 || strchr(rest, '/') != NULL) {
        return false;
    }
    for (uint32_t i = 0; more < 2 && i < files->count; i++) {
        const char *other_rest;
        size_t other_prefix;
        unsigned long other =
            number_in(files->file[i].name, &other_rest, &other_prefix);

        highest = other > highest ? other : highest;
    }
    (void)snprintf(out, 96, "%.*s%06lu%s", (int)prefix, name,
                   highest + 1 + more, rest);
    for (uint32_t i = 0; i < files->count; i++) {
        if (strcmp(files->file[i].name, out) == 0) {
            return false;
        }
    }
    return true;
}
