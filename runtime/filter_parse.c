// SPDX-License-Identifier: Apache-2.0
//
// filter_parse.c - the text of a filter to a tree, by recursive descent.
//
//   filter = [any]
//   any    = all {"or" all}
//   all    = one {"and" one}
//   one    = "not" one | "(" any ")" | test
//   test   = field [compare value
//                  | ["not"] "in" "(" value {"," value} ")"
//                  | ["not"] "between" value "and" value
//                  | ["not"] ("starts_with" | "contains") value
//                  | "is" ["not"] "null"]
//
// It is bounded: so many bytes, so many levels. Every function that reads a
// part leaves the next token (filter_token.h) where it found the first.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/key.h"
#include "runtime/filter_impl.h"
#include "runtime/filter_token.h"

struct parser {
    struct wf_filter_tokens tokens;
    uint32_t depth;
};

// Values. -------------------------------------------------------------------

static void
parse_number(struct parser *parser, struct wf_filter_value *value)
{
    bool is_too_long;
    struct wf_filter_value number =
        wf_filter_number(&parser->tokens.token, &is_too_long);

    if (is_too_long) {
        wf_filter_token_fail(&parser->tokens, parser->tokens.token.at,
                             "an integer of more than 64 bits");
    } else if (number.type == WEFT_ATTRIBUTE_NONE) {
        wf_filter_token_expected(&parser->tokens, "a number");
    } else {
        value->type = number.type;
        value->integer = number.integer;
        value->real = number.real;
    }
}

static bool
is_status(weft_bytes text)
{
    for (int i = WEFT_STATUS_RUNNING; i < WEFT_STATUS_COUNT; i++) {
        if (wf_bytes_equal(text, weft_text(weft_status_name((weft_status)i)))) {
            return true;
        }
    }
    return false;
}

static weft_attribute_type
type_of(const struct wf_filter_field *field)
{
    switch (field->id) {
    case WF_FILTER_KIND:
    case WF_FILTER_ID:
    case WF_FILTER_PARENT:
    case WF_FILTER_STATUS:
        return WEFT_ATTRIBUTE_KEYWORD;
    case WF_FILTER_CREATED:
    case WF_FILTER_FINISHED:
    case WF_FILTER_BEGINS:
    case WF_FILTER_DEADLINE:
        return WEFT_ATTRIBUTE_TIME;
    case WF_FILTER_IS_PARKED:
    case WF_FILTER_IS_PAUSED:
    case WF_FILTER_IS_CANCEL_REQUESTED:
        return WEFT_ATTRIBUTE_BOOL;
    case WF_FILTER_ATTRIBUTE:
        return WEFT_ATTRIBUTE_NONE; // known when it is read
    default:
        return WEFT_ATTRIBUTE_INT;
    }
}

// What a field of weft's own is compared with; an attribute may be anything.
static const char *
wanted_by(const struct wf_filter_field *field)
{
    switch (type_of(field)) {
    case WEFT_ATTRIBUTE_KEYWORD:
        return field->id == WF_FILTER_STATUS ? "a status" : "a text";
    case WEFT_ATTRIBUTE_TIME:
        return "a time";
    case WEFT_ATTRIBUTE_BOOL:
        return "true or false";
    case WEFT_ATTRIBUTE_INT:
        return "a number";
    default:
        return "a value";
    }
}

static bool
fits(const struct wf_filter_field *field,
     const struct wf_filter_literal *literal)
{
    if (field->id == WF_FILTER_ATTRIBUTE) {
        return true;
    }
    return wf_filter_is_comparable(type_of(field), literal) &&
           (field->id != WF_FILTER_STATUS || is_status(literal->value.text));
}

static void
parse_word(struct parser *parser, const struct wf_filter_field *field,
           struct wf_filter_value *value)
{
    const struct wf_filter_token *token = &parser->tokens.token;

    if (wf_filter_token_is_word(token, "true") ||
        wf_filter_token_is_word(token, "false")) {
        value->type = WEFT_ATTRIBUTE_BOOL;
        value->boolean = wf_filter_token_is_word(token, "true");
    } else if (field->id == WF_FILTER_STATUS) {
        value->type = WEFT_ATTRIBUTE_KEYWORD;
        value->text = weft_bytes_of(
            parser->tokens.strings + parser->tokens.strings_len, token->len);
        memcpy(parser->tokens.strings + parser->tokens.strings_len, token->at,
               token->len);
        parser->tokens.strings_len += token->len + 1;
    } else {
        wf_filter_token_expected(&parser->tokens, wanted_by(field));
    }
}

// Append a literal to the test.
static void
parse_value(struct parser *parser, struct wf_filter_node *node)
{
    struct wf_filter_literal **end = &node->literals;
    struct wf_filter_literal *literal = wf_calloc(sizeof(*literal));
    struct wf_filter_value *value = &literal->value;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = literal;
    switch (parser->tokens.token.type) {
    case WF_TOKEN_TEXT:
        value->type = WEFT_ATTRIBUTE_KEYWORD;
        value->text = parser->tokens.token.text;
        literal->is_time = wf_filter_parse_time(value->text, &value->time_ms);
        break;
    case WF_TOKEN_NUMBER:
        parse_number(parser, value);
        break;
    case WF_TOKEN_WORD:
        parse_word(parser, &node->field, value);
        break;
    default:
        wf_filter_token_expected(&parser->tokens, wanted_by(&node->field));
        break;
    }
    if (parser->tokens.err == WEFT_OK && !fits(&node->field, literal)) {
        wf_filter_token_expected(&parser->tokens, wanted_by(&node->field));
    }
    wf_filter_token_next(&parser->tokens);
}

// Tests. --------------------------------------------------------------------

static const char *const field_names[] = {
    [WF_FILTER_KIND] = "kind",
    [WF_FILTER_ID] = "id",
    [WF_FILTER_PARENT] = "parent",
    [WF_FILTER_STATUS] = "status",
    [WF_FILTER_RUN] = "run",
    [WF_FILTER_VERSION] = "version",
    [WF_FILTER_CREATED] = "created",
    [WF_FILTER_FINISHED] = "finished",
    [WF_FILTER_BEGINS] = "begins",
    [WF_FILTER_DEADLINE] = "deadline",
    [WF_FILTER_ATTEMPT] = "attempt",
    [WF_FILTER_IS_PARKED] = "is_parked",
    [WF_FILTER_IS_PAUSED] = "is_paused",
    [WF_FILTER_IS_CANCEL_REQUESTED] = "is_cancel_requested",
    [WF_FILTER_MAILBOX_COUNT] = "mailbox_count",
    [WF_FILTER_TIMERS_COUNT] = "timers_count",
    [WF_FILTER_ACTIVITIES_COUNT] = "activities_count",
    [WF_FILTER_CHILDREN_COUNT] = "children_count",
    [WF_FILTER_JOURNAL_COUNT] = "journal_count",
};

static const char *const reserved_words[] = {
    "and",  "or",          "not",      "in",   "between", "is",
    "null", "starts_with", "contains", "true", "false",
};

static bool
is_reserved(const struct wf_filter_token *token)
{
    size_t count = sizeof(reserved_words) / sizeof(reserved_words[0]);

    for (size_t i = 0; i < count; i++) {
        if (wf_filter_token_is_word(token, reserved_words[i])) {
            return true;
        }
    }
    return false;
}

static void
parse_field(struct parser *parser, struct wf_filter_field *field)
{
    const struct wf_filter_token *token = &parser->tokens.token;
    bool is_quoted = token->type == WF_TOKEN_NAME;
    weft_bytes name =
        is_quoted ? token->text : weft_bytes_of(token->at, token->len);

    if ((token->type != WF_TOKEN_WORD && !is_quoted) || is_reserved(token)) {
        wf_filter_token_expected(&parser->tokens, "the name of a field");
        return;
    }
    field->id = WF_FILTER_ATTRIBUTE;
    for (int i = 0; i < WF_FILTER_ATTRIBUTE && !is_quoted; i++) {
        if (wf_bytes_equal(name, weft_text(field_names[i]))) {
            field->id = (enum wf_filter_field_id)i;
        }
    }
    if (name.len == 0 || name.len > WF_ATTRIBUTE_NAME_BYTES_MAX) {
        wf_filter_token_fail(&parser->tokens, token->at,
                             "an attribute's name has 1 to 63 bytes");
        return;
    }
    memcpy(field->name, name.data, name.len);
    wf_filter_token_next(&parser->tokens);
}

static void
parse_list(struct parser *parser, struct wf_filter_node *node)
{
    node->op = WF_FILTER_IN;
    if (!wf_filter_token_takes_symbol(&parser->tokens, "(")) {
        wf_filter_token_expected(&parser->tokens, "'('");
        return;
    }
    do {
        parse_value(parser, node);
    } while (wf_filter_token_takes_symbol(&parser->tokens, ","));
    if (!wf_filter_token_takes_symbol(&parser->tokens, ")")) {
        wf_filter_token_expected(&parser->tokens, "',' or ')'");
    }
}

static void
parse_between(struct parser *parser, struct wf_filter_node *node)
{
    node->op = WF_FILTER_BETWEEN;
    parse_value(parser, node);
    if (!wf_filter_token_takes_word(&parser->tokens, "and")) {
        wf_filter_token_expected(&parser->tokens, "'and'");
        return;
    }
    parse_value(parser, node);
}

// A text, in a field that has one.
static void
parse_text_test(struct parser *parser, struct wf_filter_node *node,
                enum wf_filter_op op)
{
    node->op = op;
    if (parser->tokens.token.type != WF_TOKEN_TEXT) {
        wf_filter_token_expected(&parser->tokens, "a text");
    }
    parse_value(parser, node);
}

static void
parse_null(struct parser *parser, struct wf_filter_node *node)
{
    node->op = WF_FILTER_IS_NULL;
    node->is_negated = wf_filter_token_takes_word(&parser->tokens, "not");
    if (!wf_filter_token_takes_word(&parser->tokens, "null")) {
        wf_filter_token_expected(&parser->tokens, "'null'");
    }
}

// The tests that are words. False: it is none of them.
static bool
parse_word_test(struct parser *parser, struct wf_filter_node *node)
{
    if (wf_filter_token_takes_word(&parser->tokens, "in")) {
        parse_list(parser, node);
    } else if (wf_filter_token_takes_word(&parser->tokens, "between")) {
        parse_between(parser, node);
    } else if (wf_filter_token_takes_word(&parser->tokens, "starts_with")) {
        parse_text_test(parser, node, WF_FILTER_STARTS_WITH);
    } else if (wf_filter_token_takes_word(&parser->tokens, "contains")) {
        parse_text_test(parser, node, WF_FILTER_CONTAINS);
    } else {
        return false;
    }
    return true;
}

static bool
parse_symbol_test(struct parser *parser, struct wf_filter_node *node)
{
    static const struct {
        const char *symbol;
        enum wf_filter_op op;
    } tests[] = {
        {"=", WF_FILTER_EQUAL},   {"!=", WF_FILTER_EQUAL},
        {"<", WF_FILTER_LESS},    {"<=", WF_FILTER_LESS_EQUAL},
        {">", WF_FILTER_GREATER}, {">=", WF_FILTER_GREATER_EQUAL},
    };
    bool is_negated = wf_filter_token_is_symbol(&parser->tokens.token, "!=");

    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (wf_filter_token_takes_symbol(&parser->tokens, tests[i].symbol)) {
            node->op = tests[i].op;
            node->is_negated = is_negated;
            parse_value(parser, node);
            return true;
        }
    }
    return false;
}

// A field on its own is asked whether it is true.
static bool
is_alone(const struct parser *parser)
{
    const struct wf_filter_token *token = &parser->tokens.token;

    return token->type == WF_TOKEN_END ||
           wf_filter_token_is_symbol(token, ")") ||
           wf_filter_token_is_word(token, "and") ||
           wf_filter_token_is_word(token, "or");
}

static void
put_true(struct wf_filter_node *node)
{
    node->op = WF_FILTER_EQUAL;
    node->literals = wf_calloc(sizeof(*node->literals));
    node->literals->value = (struct wf_filter_value){
        .type = WEFT_ATTRIBUTE_BOOL,
        .boolean = true,
    };
}

static struct wf_filter_node *
parse_test(struct parser *parser)
{
    struct wf_filter_node *node = wf_calloc(sizeof(*node));
    const char *at = parser->tokens.token.at;

    node->op = WF_FILTER_IS_NULL; // until it is known
    parse_field(parser, &node->field);
    if (parser->tokens.err != WEFT_OK || parse_symbol_test(parser, node)) {
        return node;
    }
    if (is_alone(parser)) {
        put_true(node);
        if (!fits(&node->field, node->literals)) {
            wf_filter_token_fail(&parser->tokens, at,
                                 "a field that is neither true nor false");
        }
    } else if (wf_filter_token_takes_word(&parser->tokens, "is")) {
        parse_null(parser, node);
    } else {
        node->is_negated = wf_filter_token_takes_word(&parser->tokens, "not");
        if (!parse_word_test(parser, node)) {
            wf_filter_token_expected(&parser->tokens,
                                     node->is_negated
                                         ? "'in', 'between', 'starts_with' or "
                                           "'contains'"
                                         : "a comparison");
        }
    }
    return node;
}

// The tree. -----------------------------------------------------------------

static struct wf_filter_node *parse_any(struct parser *parser);

static struct wf_filter_node *
parse_one(struct parser *parser)
{
    struct wf_filter_node *node;

    if (parser->depth == WF_FILTER_DEPTH_MAX) {
        wf_filter_token_fail(&parser->tokens, parser->tokens.token.at,
                             "it is nested too deeply");
    }
    parser->depth++;
    if (parser->tokens.err == WEFT_OK &&
        wf_filter_token_takes_word(&parser->tokens, "not")) {
        node = wf_calloc(sizeof(*node));
        node->op = WF_FILTER_NOT;
        node->children = parse_one(parser);
    } else if (parser->tokens.err == WEFT_OK &&
               wf_filter_token_takes_symbol(&parser->tokens, "(")) {
        node = parse_any(parser);
        if (!wf_filter_token_takes_symbol(&parser->tokens, ")")) {
            wf_filter_token_expected(&parser->tokens, "'and', 'or' or ')'");
        }
    } else {
        node = parse_test(parser);
    }
    parser->depth--;
    return node;
}

// One or more of what parse_part reads, with a word between them.
static struct wf_filter_node *
parse_chain(struct parser *parser, enum wf_filter_op op, const char *word,
            struct wf_filter_node *(*parse_part)(struct parser *))
{
    struct wf_filter_node *first = parse_part(parser);
    struct wf_filter_node *last = first;
    struct wf_filter_node *node;

    if (!wf_filter_token_is_word(&parser->tokens.token, word)) {
        return first;
    }
    node = wf_calloc(sizeof(*node));
    node->op = op;
    node->children = first;
    while (wf_filter_token_takes_word(&parser->tokens, word)) {
        last->next = parse_part(parser);
        last = last->next;
    }
    return node;
}

static struct wf_filter_node *
parse_all(struct parser *parser)
{
    return parse_chain(parser, WF_FILTER_AND, "and", parse_one);
}

static struct wf_filter_node *
parse_any(struct parser *parser)
{
    return parse_chain(parser, WF_FILTER_OR, "or", parse_all);
}

weft_err
wf_filter_parse(const char *text, struct wf_filter **out_filter)
{
    struct parser parser = {0};
    struct wf_filter *filter;
    weft_err err = wf_filter_token_begin(&parser.tokens, text);

    if (err != WEFT_OK) {
        return err;
    }
    filter = wf_calloc(sizeof(*filter));
    filter->strings = parser.tokens.strings;
    filter->text = wf_strdup(text);
    if (parser.tokens.token.type == WF_TOKEN_END) {
        filter->root = wf_calloc(sizeof(*filter->root)); // "and" of nothing
    } else {
        filter->root = parse_any(&parser);
        if (parser.tokens.token.type != WF_TOKEN_END) {
            wf_filter_token_expected(&parser.tokens, "'and', 'or' or the end");
        }
    }
    if (parser.tokens.err != WEFT_OK) {
        wf_filter_destroy(filter);
        return parser.tokens.err;
    }
    *out_filter = filter;
    return WEFT_OK;
}

weft_err
wf_filter_parse_field(const char *text, struct wf_filter_field *out_field)
{
    struct parser parser = {0};
    weft_err err = wf_filter_token_begin(&parser.tokens, text);

    if (err != WEFT_OK) {
        return err;
    }
    *out_field = (struct wf_filter_field){0};
    parse_field(&parser, out_field);
    if (parser.tokens.token.type != WF_TOKEN_END) {
        wf_filter_token_expected(&parser.tokens, "one field");
    }
    wf_free(parser.tokens.strings);
    return parser.tokens.err;
}
