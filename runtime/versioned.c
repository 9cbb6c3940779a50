// SPDX-License-Identifier: Apache-2.0
//
// versioned.c - copy what both sides know, check that the rest is zero.

#include "runtime/versioned.h"

#include <string.h>

#include "base/error.h"

// A forgotten initialiser leaves zero or garbage there; this finds most of it
// before anything beyond the struct is read.
enum { SIZE_MAX_PLAUSIBLE = 64 * 1024 };

weft_err
wf_versioned_copy(const char *what, const void *given, void *out,
                  size_t out_size)
{
    const unsigned char *bytes = given;
    size_t size;

    if (given == NULL) {
        return wf_error(WEFT_EINVAL, "%s is missing", what);
    }
    memcpy(&size, given, sizeof(size));
    if (size <= sizeof(size) || size > SIZE_MAX_PLAUSIBLE) {
        return wf_error(WEFT_EINVAL,
                        "%s: struct_size is %zu; begin with its _INIT", what,
                        size);
    }
    for (size_t i = out_size; i < size; i++) {
        if (bytes[i] != 0) {
            return wf_error(WEFT_EINVAL,
                            "%s: a field of a newer version is set", what);
        }
    }
    memset(out, 0, out_size);
    memcpy(out, given, size < out_size ? size : out_size);
    return WEFT_OK;
}
