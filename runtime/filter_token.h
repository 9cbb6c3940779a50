// SPDX-License-Identifier: Apache-2.0
//
// filter_token.h - the words of a filter, one after the other.
//
// The next token is in `token`. After the first error nothing more is read:
// `err` is set and the token is the end.

#ifndef WF_RUNTIME_FILTER_TOKEN_H
#define WF_RUNTIME_FILTER_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/filter.h"

enum wf_token_type {
    WF_TOKEN_END,
    WF_TOKEN_WORD,
    WF_TOKEN_NAME, // in back quotes
    WF_TOKEN_TEXT,
    WF_TOKEN_NUMBER,
    WF_TOKEN_SYMBOL,
};

struct wf_filter_token {
    enum wf_token_type type;
    const char *at; // as it was written
    size_t len;
    weft_bytes text; // of a name or text: without quotes and escapes
};

struct wf_filter_tokens {
    const char *text;
    const char *at;
    struct wf_filter_token token;
    char *strings; // room for all names and texts; owned
    size_t strings_len;
    weft_err err;
};

// WEFT_ETOOBIG   over WF_FILTER_BYTES_MAX
weft_err wf_filter_token_begin(struct wf_filter_tokens *tokens,
                               const char *text);
void wf_filter_token_next(struct wf_filter_tokens *tokens);

// Is the token this? Words of the language in any case.
bool wf_filter_token_is_word(const struct wf_filter_token *token,
                             const char *word);
bool wf_filter_token_is_symbol(const struct wf_filter_token *token,
                               const char *symbol);
// The same, and go on if it is.
bool wf_filter_token_takes_word(struct wf_filter_tokens *tokens,
                                const char *word);
bool wf_filter_token_takes_symbol(struct wf_filter_tokens *tokens,
                                  const char *symbol);

// The first error is the one that is told.
void wf_filter_token_fail(struct wf_filter_tokens *tokens, const char *at,
                          const char *what);
void wf_filter_token_expected(struct wf_filter_tokens *tokens,
                              const char *what);

// A number as it is written; type NONE: it is none, or, with *out_is_too_long,
// an integer of more than 64 bits. filter_number.c
struct wf_filter_value wf_filter_number(const struct wf_filter_token *token,
                                        bool *out_is_too_long);

#endif
