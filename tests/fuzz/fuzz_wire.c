// SPDX-License-Identifier: Apache-2.0
//
// fuzz_wire.c - any bytes as a frame: the guard, and every getter on whatever
// it lets through.

#include <stdlib.h>

#include "transport/bundle.h"
#include "transport/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_value(const struct wf_wire_field *field)
{
    struct wf_wire_walk walk;
    struct wf_wire_field entry;
    weft_bytes bytes;
    uint64_t number;
    int64_t integer;
    double real;
    bool is;

    (void)wf_wire_name(field, &bytes);
    (void)wf_wire_uint(field, 1000, &number);
    (void)wf_wire_int(field, &integer);
    (void)wf_wire_real(field, &real);
    (void)wf_wire_bool(field, &is);
    (void)wf_wire_text(field, 100, &bytes);
    (void)wf_wire_bytes(field, 100, &bytes);
    if (wf_wire_map(field, &walk) == WEFT_OK ||
        wf_wire_array(field, &walk) == WEFT_OK) {
        while (wf_wire_next(&walk, &entry)) {
            read_value(&entry);
        }
    }
}

static void
read_message(const struct wf_wire_message *message)
{
    struct wf_wire_walk walk = wf_wire_fields(message);
    struct wf_wire_field field;

    while (wf_wire_next(&walk, &field)) {
        read_value(&field);
    }
}

// All messages of the frame; how many there are, 0 if one is none.
static uint32_t
read_bundle(weft_bytes frame)
{
    struct wf_bundle_reader reader = wf_bundle_read(frame, true);
    struct wf_wire_message message;
    size_t bytes;

    while (wf_bundle_has_next(&reader)) {
        if (wf_bundle_next(&reader, &message, &bytes) != WEFT_OK) {
            if (weft_err_detail()[0] == '\0') {
                abort();
            }
            return 0;
        }
        read_message(&message);
    }
    return reader.count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft_bytes frame = weft_bytes_of(data, size);
    struct wf_wire_message message;
    uint32_t count = read_bundle(frame);

    if (wf_wire_read_request(frame, &message) != WEFT_OK) {
        if (weft_err_detail()[0] == '\0' || count == 1) {
            abort();
        }
        return 0;
    }
    if (count != 1) {
        abort();
    }
    read_message(&message);
    return 0;
}
