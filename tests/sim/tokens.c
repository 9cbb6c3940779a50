// SPDX-License-Identifier: Apache-2.0
//
// tokens.c - deferred activities of a world, which a client completes.

#include "sim/tokens.h"

#include <stdio.h>

#include "base/alloc.h"

enum { TOKENS_MAX = 400 };

struct token {
    char *text;
    char failure[32];
    uint64_t value;
};

struct tokens {
    struct token tokens[TOKENS_MAX];
    size_t count;
};

struct tokens *
tokens_create(void)
{
    return wf_calloc(sizeof(struct tokens));
}

void
tokens_destroy(struct tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        wf_free(tokens->tokens[i].text);
    }
    wf_free(tokens);
}

void
tokens_add(struct tokens *tokens, const char *text, const char *failure,
           uint64_t value)
{
    struct token *token = &tokens->tokens[tokens->count];

    if (tokens->count == TOKENS_MAX) {
        return;
    }
    tokens->count++;
    token->text = wf_strdup(text);
    token->value = value;
    (void)snprintf(token->failure, sizeof(token->failure), "%s",
                   failure == NULL ? "" : failure);
}

static void
complete(struct world *world, const struct token *token)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb =
        token->failure[0] == '\0' ? WEFT_VERB_COMPLETE : WEFT_VERB_FAIL;
    request.token = token->text;
    if (token->failure[0] == '\0') {
        request.data = weft_bytes_of(&token->value, sizeof(token->value));
    }
    request.error_name = token->failure;
    (void)world_submit(world, &request);
}

void
tokens_complete(struct tokens *tokens, struct world *world)
{
    while (tokens->count > 0) {
        struct token *token = &tokens->tokens[--tokens->count];

        complete(world, token);
        wf_free(token->text);
    }
}
