// SPDX-License-Identifier: Apache-2.0
//
// fuzz_wire.c - any bytes as a frame: the guard, and every getter on whatever
// it lets through.

#include <stdlib.h>

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wf_wire_message message;
    struct wf_wire_walk walk;
    struct wf_wire_field field;

    if (wf_wire_read(weft_bytes_of(data, size), &message) != WEFT_OK) {
        if (weft_err_detail()[0] == '\0') {
            abort();
        }
        return 0;
    }
    walk = wf_wire_fields(&message);
    while (wf_wire_next(&walk, &field)) {
        read_value(&field);
    }
    return 0;
}
