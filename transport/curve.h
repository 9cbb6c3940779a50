// SPDX-License-Identifier: Apache-2.0
//
// curve.h - CURVE key pairs, as Z85 text and as files (weft/keys.h).
//
// Threads: any.

#ifndef WF_TRANSPORT_CURVE_H
#define WF_TRANSPORT_CURVE_H

#include <stdbool.h>

#include "transport/keyfile.h"
#include "weft/error.h"

#define WF_CURVE_KEY_CHARS 40 // Z85

struct wf_curve_pair {
    char secret_key[WF_CURVE_KEY_CHARS +
                    1]; // "" if only the public one is known
    char public_key[WF_CURVE_KEY_CHARS + 1];
};

// Is it the text of a key?
bool wf_curve_is_key(const char *text);

// Make a pair of new files. Errors are those of weft_keys_generate.
weft_err wf_curve_generate(const char *secret_path, const char *public_path);

// Read the key of a file, and make the public one of a secret one.
// needs_secret: a public one will not do. out_pair must be wiped, whatever is
// returned. Errors are those of weft_keys_public.
weft_err wf_curve_read(const char *path, bool needs_secret,
                       struct wf_curve_pair *out_pair);

// A public key that is given as its text, or as the path of its file.
//
// Errors are those of weft_keys_public.
weft_err wf_curve_read_public(const char *text_or_path,
                              char out_key[WF_CURVE_KEY_CHARS + 1]);

void wf_curve_wipe(struct wf_curve_pair *pair);
// The same for a secret's text, which may be NULL.
void wf_curve_wipe_text(char *text);

#endif
