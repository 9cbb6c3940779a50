// SPDX-License-Identifier: Apache-2.0
//
// keys.c - weft/keys.h, of what transport/curve.h does.

#include "weft/keys.h"

#include <stddef.h>

#include "base/error.h"
#include "transport/curve.h"

_Static_assert(WEFT_KEY_CHARS == WF_CURVE_KEY_CHARS, "a key is a key");

weft_err
weft_keys_generate(const char *secret_path, const char *public_path)
{
    wf_error_clear();
    WF_REQUIRE(secret_path != NULL);
    WF_REQUIRE(public_path != NULL);
    return wf_curve_generate(secret_path, public_path);
}

weft_err
weft_keys_public(const char *path, char out_key[WEFT_KEY_CHARS + 1])
{
    wf_error_clear();
    WF_REQUIRE(path != NULL);
    WF_REQUIRE(out_key != NULL);
    return wf_curve_read_public(path, out_key);
}
