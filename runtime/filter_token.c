// SPDX-License-Identifier: Apache-2.0
//
// filter_token.c - the text of a filter to tokens. See filter_token.h.

#include "runtime/filter_token.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"

#define FOUND_CHARS_MAX 24

// Errors. -------------------------------------------------------------------

static void
stop(struct wf_filter_tokens *tokens, weft_err err)
{
    tokens->err = err;
    tokens->token = (struct wf_filter_token){.type = WF_TOKEN_END};
}

// The first error is the one that is told.
void
wf_filter_token_fail(struct wf_filter_tokens *tokens, const char *at,
                     const char *what)
{
    if (tokens->err == WEFT_OK) {
        stop(tokens, wf_error(WEFT_EINVAL, "filter: %s at column %zu", what,
                              (size_t)(at - tokens->text) + 1));
    }
}

void
wf_filter_token_expected(struct wf_filter_tokens *tokens, const char *what)
{
    const struct wf_filter_token *token = &tokens->token;
    int len =
        (int)(token->len < FOUND_CHARS_MAX ? token->len : FOUND_CHARS_MAX);

    if (tokens->err != WEFT_OK) {
        return;
    }
    if (token->type == WF_TOKEN_END) {
        stop(tokens,
             wf_error(WEFT_EINVAL,
                      "filter: expected %s at column %zu, found the end", what,
                      (size_t)(token->at - tokens->text) + 1));
    } else {
        stop(tokens,
             wf_error(WEFT_EINVAL,
                      "filter: expected %s at column %zu, found '%.*s'", what,
                      (size_t)(token->at - tokens->text) + 1, len, token->at));
    }
}

// Tokens. -------------------------------------------------------------------

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

// Until the same quote again. A backslash takes the next character as it is.
static void
read_quoted(struct wf_filter_tokens *tokens, struct wf_filter_token *token)
{
    char quote = *tokens->at++;
    char *out = tokens->strings + tokens->strings_len;
    size_t len = 0;

    while (*tokens->at != quote) {
        if (*tokens->at == '\\' && tokens->at[1] != '\0') {
            tokens->at++;
        }
        if (*tokens->at == '\0') {
            wf_filter_token_fail(tokens, token->at, "a quote is not closed");
            return;
        }
        out[len++] = *tokens->at++;
    }
    tokens->at++;
    out[len] = '\0';
    tokens->strings_len += len + 1;
    token->type = quote == '`' ? WF_TOKEN_NAME : WF_TOKEN_TEXT;
    token->text = weft_bytes_of(out, len);
}

static void
read_number(struct wf_filter_tokens *tokens)
{
    tokens->at++; // a digit or a sign
    while (is_word_char(*tokens->at) ||
           ((*tokens->at == '-' || *tokens->at == '+') &&
            (tokens->at[-1] == 'e' || tokens->at[-1] == 'E'))) {
        tokens->at++;
    }
}

static void
read_symbol(struct wf_filter_tokens *tokens)
{
    char c = *tokens->at++;

    if ((c == '<' || c == '>' || c == '!') && *tokens->at == '=') {
        tokens->at++;
    } else if (strchr("()=<>,", c) == NULL) {
        wf_filter_token_fail(tokens, tokens->at - 1, "unexpected character");
    }
}

void
wf_filter_token_next(struct wf_filter_tokens *tokens)
{
    struct wf_filter_token token;

    if (tokens->err != WEFT_OK) {
        return;
    }
    while (*tokens->at == ' ' || *tokens->at == '\t' || *tokens->at == '\n' ||
           *tokens->at == '\r') {
        tokens->at++;
    }
    token = (struct wf_filter_token){.at = tokens->at};
    if (*tokens->at == '\0') {
        token.type = WF_TOKEN_END;
    } else if (strchr("\"'`", *tokens->at) != NULL) {
        read_quoted(tokens, &token);
    } else if (is_digit(*tokens->at) ||
               (strchr("+-", *tokens->at) != NULL && is_digit(tokens->at[1]))) {
        token.type = WF_TOKEN_NUMBER;
        read_number(tokens);
    } else if (is_word_char(*tokens->at)) {
        token.type = WF_TOKEN_WORD;
        while (is_word_char(*tokens->at)) {
            tokens->at++;
        }
    } else {
        token.type = WF_TOKEN_SYMBOL;
        read_symbol(tokens);
    }
    if (tokens->err == WEFT_OK) {
        token.len = (size_t)(tokens->at - token.at);
        tokens->token = token;
    }
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// Words of the language in any case; names of fields as they are.
bool
wf_filter_token_is_word(const struct wf_filter_token *token, const char *word)
{
    if (token->type != WF_TOKEN_WORD || token->len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < token->len; i++) {
        if (lower(token->at[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

bool
wf_filter_token_is_symbol(const struct wf_filter_token *token,
                          const char *symbol)
{
    return token->type == WF_TOKEN_SYMBOL && token->len == strlen(symbol) &&
           memcmp(token->at, symbol, token->len) == 0;
}

bool
wf_filter_token_takes_word(struct wf_filter_tokens *tokens, const char *word)
{
    bool is_there = wf_filter_token_is_word(&tokens->token, word);

    if (is_there) {
        wf_filter_token_next(tokens);
    }
    return is_there;
}

bool
wf_filter_token_takes_symbol(struct wf_filter_tokens *tokens,
                             const char *symbol)
{
    bool is_there = wf_filter_token_is_symbol(&tokens->token, symbol);

    if (is_there) {
        wf_filter_token_next(tokens);
    }
    return is_there;
}

weft_err
wf_filter_token_begin(struct wf_filter_tokens *tokens, const char *text)
{
    size_t len = strnlen(text, WF_FILTER_BYTES_MAX + 1);

    if (len > WF_FILTER_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "filter: it has at most %d bytes",
                        WF_FILTER_BYTES_MAX);
    }
    *tokens = (struct wf_filter_tokens){.text = text, .at = text};
    tokens->strings = wf_calloc(2 * len + 2);
    wf_filter_token_next(tokens);
    return WEFT_OK;
}
