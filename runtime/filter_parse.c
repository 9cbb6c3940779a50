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
// part leaves the next token in `token`, and after the first error nothing more
// is read: `err` is set and the token is the end.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/key.h"
#include "runtime/filter_impl.h"

#define FOUND_CHARS_MAX 24

enum token_type {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_NAME, // in back quotes
    TOKEN_TEXT,
    TOKEN_NUMBER,
    TOKEN_SYMBOL,
};

struct token {
    enum token_type type;
    const char *at; // as it was written
    size_t len;
    weft_bytes text; // of a name or text: without quotes and escapes
};

struct parser {
    const char *text;
    const char *at;
    struct token token;
    uint32_t depth;
    char *strings; // room for all names and texts
    size_t strings_len;
    weft_err err;
};

// Errors. -------------------------------------------------------------------

static void
stop(struct parser *parser, weft_err err)
{
    parser->err = err;
    parser->token = (struct token){.type = TOKEN_END};
}

// The first error is the one that is told.
static void
fail_at(struct parser *parser, const char *at, const char *what)
{
    if (parser->err == WEFT_OK) {
        stop(parser, wf_error(WEFT_EINVAL, "filter: %s at column %zu", what,
                              (size_t)(at - parser->text) + 1));
    }
}

static void
expected(struct parser *parser, const char *what)
{
    const struct token *token = &parser->token;
    int len =
        (int)(token->len < FOUND_CHARS_MAX ? token->len : FOUND_CHARS_MAX);

    if (parser->err != WEFT_OK) {
        return;
    }
    if (token->type == TOKEN_END) {
        stop(parser,
             wf_error(WEFT_EINVAL,
                      "filter: expected %s at column %zu, found the end", what,
                      (size_t)(token->at - parser->text) + 1));
    } else {
        stop(parser,
             wf_error(WEFT_EINVAL,
                      "filter: expected %s at column %zu, found '%.*s'", what,
                      (size_t)(token->at - parser->text) + 1, len, token->at));
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
read_quoted(struct parser *parser, struct token *token)
{
    char quote = *parser->at++;
    char *out = parser->strings + parser->strings_len;
    size_t len = 0;

    while (*parser->at != quote) {
        if (*parser->at == '\\' && parser->at[1] != '\0') {
            parser->at++;
        }
        if (*parser->at == '\0') {
            fail_at(parser, token->at, "a quote is not closed");
            return;
        }
        out[len++] = *parser->at++;
    }
    parser->at++;
    out[len] = '\0';
    parser->strings_len += len + 1;
    token->type = quote == '`' ? TOKEN_NAME : TOKEN_TEXT;
    token->text = weft_bytes_of(out, len);
}

static void
read_number(struct parser *parser)
{
    parser->at++; // a digit or a sign
    while (is_word_char(*parser->at) ||
           ((*parser->at == '-' || *parser->at == '+') &&
            (parser->at[-1] == 'e' || parser->at[-1] == 'E'))) {
        parser->at++;
    }
}

static void
read_symbol(struct parser *parser)
{
    char c = *parser->at++;

    if ((c == '<' || c == '>' || c == '!') && *parser->at == '=') {
        parser->at++;
    } else if (strchr("()=<>,", c) == NULL) {
        fail_at(parser, parser->at - 1, "unexpected character");
    }
}

static void
next(struct parser *parser)
{
    struct token token;

    if (parser->err != WEFT_OK) {
        return;
    }
    while (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\n' ||
           *parser->at == '\r') {
        parser->at++;
    }
    token = (struct token){.at = parser->at};
    if (*parser->at == '\0') {
        token.type = TOKEN_END;
    } else if (strchr("\"'`", *parser->at) != NULL) {
        read_quoted(parser, &token);
    } else if (is_digit(*parser->at) ||
               (strchr("+-", *parser->at) != NULL && is_digit(parser->at[1]))) {
        token.type = TOKEN_NUMBER;
        read_number(parser);
    } else if (is_word_char(*parser->at)) {
        token.type = TOKEN_WORD;
        while (is_word_char(*parser->at)) {
            parser->at++;
        }
    } else {
        token.type = TOKEN_SYMBOL;
        read_symbol(parser);
    }
    if (parser->err == WEFT_OK) {
        token.len = (size_t)(parser->at - token.at);
        parser->token = token;
    }
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// Words of the language in any case; names of fields as they are.
static bool
is_word(const struct token *token, const char *word)
{
    if (token->type != TOKEN_WORD || token->len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < token->len; i++) {
        if (lower(token->at[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

static bool
is_symbol(const struct token *token, const char *symbol)
{
    return token->type == TOKEN_SYMBOL && token->len == strlen(symbol) &&
           memcmp(token->at, symbol, token->len) == 0;
}

static bool
takes_word(struct parser *parser, const char *word)
{
    bool is_there = is_word(&parser->token, word);

    if (is_there) {
        next(parser);
    }
    return is_there;
}

static bool
takes_symbol(struct parser *parser, const char *symbol)
{
    bool is_there = is_symbol(&parser->token, symbol);

    if (is_there) {
        next(parser);
    }
    return is_there;
}

// Values. -------------------------------------------------------------------

// 10 to that power; exact up to 27, which is all that short numbers need.
static long double
power_of_ten(uint32_t exponent)
{
    long double power = 1;
    long double base = 10;

    for (; exponent > 0; exponent >>= 1) {
        if ((exponent & 1) != 0) {
            power *= base;
        }
        base *= base;
    }
    return power;
}

struct number {
    bool is_negative;
    bool is_whole;    // neither point nor exponent
    bool is_inexact;  // more than 19 digits
    uint64_t digits;  // without the point
    int32_t exponent; // of ten, to be applied to them
};

static const char *
read_exponent(const char *at, struct number *number)
{
    bool is_negative = *at == '-';
    int32_t exponent = 0;

    at += *at == '-' || *at == '+';
    if (!is_digit(*at)) {
        return NULL;
    }
    for (; is_digit(*at); at++) {
        exponent = exponent < 10000 ? exponent * 10 + (*at - '0') : exponent;
    }
    number->exponent += is_negative ? -exponent : exponent;
    return at;
}

// Where it ends; NULL if it is none. Not strtod, which asks for the locale.
static const char *
scan_number(const char *at, struct number *number)
{
    bool has_point = false;

    number->is_whole = true;
    number->is_negative = *at == '-';
    at += *at == '-' || *at == '+';
    for (; is_digit(*at) || (*at == '.' && !has_point); at++) {
        if (*at == '.') {
            has_point = true;
            number->is_whole = false;
            if (!is_digit(at[1])) {
                return NULL;
            }
        } else if (number->digits > (UINT64_MAX - 9) / 10) {
            number->is_inexact = true;
            number->exponent += has_point ? 0 : 1;
        } else {
            number->digits = number->digits * 10 + (uint64_t)(*at - '0');
            number->exponent -= has_point ? 1 : 0;
        }
    }
    if (*at == 'e' || *at == 'E') {
        number->is_whole = false;
        return read_exponent(at + 1, number);
    }
    return at;
}

static double
double_of(const struct number *number)
{
    long double real = (long double)number->digits;

    if (number->digits == 0) {
        return 0;
    }
    if (number->exponent < -400) {
        real = 0;
    } else if (number->exponent < 0) {
        real /= power_of_ten((uint32_t)-number->exponent);
    } else {
        uint32_t exponent = (uint32_t)number->exponent;

        real *= power_of_ten(exponent > 400 ? 400 : exponent);
    }
    return (double)(number->is_negative ? -real : real);
}

static void
parse_number(struct parser *parser, struct wf_filter_value *value)
{
    const struct token *token = &parser->token;
    struct number number = {0};
    const char *end = scan_number(token->at, &number);
    uint64_t limit = (uint64_t)INT64_MAX + (number.is_negative ? 1 : 0);

    if (end != token->at + token->len) {
        expected(parser, "a number");
        return;
    }
    if (number.is_whole) {
        if (number.is_inexact || number.digits > limit) {
            fail_at(parser, token->at, "an integer of more than 64 bits");
            return;
        }
        value->type = WEFT_ATTRIBUTE_INT;
        value->integer = number.is_negative ? (int64_t)(0 - number.digits)
                                            : (int64_t)number.digits;
        return;
    }
    value->type = WEFT_ATTRIBUTE_DOUBLE;
    value->real = double_of(&number);
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
    const struct token *token = &parser->token;

    if (is_word(token, "true") || is_word(token, "false")) {
        value->type = WEFT_ATTRIBUTE_BOOL;
        value->boolean = is_word(token, "true");
    } else if (field->id == WF_FILTER_STATUS) {
        value->type = WEFT_ATTRIBUTE_KEYWORD;
        value->text =
            weft_bytes_of(parser->strings + parser->strings_len, token->len);
        memcpy(parser->strings + parser->strings_len, token->at, token->len);
        parser->strings_len += token->len + 1;
    } else {
        expected(parser, wanted_by(field));
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
    switch (parser->token.type) {
    case TOKEN_TEXT:
        value->type = WEFT_ATTRIBUTE_KEYWORD;
        value->text = parser->token.text;
        literal->is_time = wf_filter_parse_time(value->text, &value->time_ms);
        break;
    case TOKEN_NUMBER:
        parse_number(parser, value);
        break;
    case TOKEN_WORD:
        parse_word(parser, &node->field, value);
        break;
    default:
        expected(parser, wanted_by(&node->field));
        break;
    }
    if (parser->err == WEFT_OK && !fits(&node->field, literal)) {
        expected(parser, wanted_by(&node->field));
    }
    next(parser);
}

// Tests. --------------------------------------------------------------------

static const char *const field_names[] = {
    [WF_FILTER_KIND] = "kind",
    [WF_FILTER_ID] = "id",
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
is_reserved(const struct token *token)
{
    size_t count = sizeof(reserved_words) / sizeof(reserved_words[0]);

    for (size_t i = 0; i < count; i++) {
        if (is_word(token, reserved_words[i])) {
            return true;
        }
    }
    return false;
}

static void
parse_field(struct parser *parser, struct wf_filter_field *field)
{
    const struct token *token = &parser->token;
    bool is_quoted = token->type == TOKEN_NAME;
    weft_bytes name =
        is_quoted ? token->text : weft_bytes_of(token->at, token->len);

    if ((token->type != TOKEN_WORD && !is_quoted) || is_reserved(token)) {
        expected(parser, "the name of a field");
        return;
    }
    field->id = WF_FILTER_ATTRIBUTE;
    for (int i = 0; i < WF_FILTER_ATTRIBUTE && !is_quoted; i++) {
        if (wf_bytes_equal(name, weft_text(field_names[i]))) {
            field->id = (enum wf_filter_field_id)i;
        }
    }
    if (name.len == 0 || name.len > WF_ATTRIBUTE_NAME_BYTES_MAX) {
        fail_at(parser, token->at, "an attribute's name has 1 to 63 bytes");
        return;
    }
    memcpy(field->name, name.data, name.len);
    next(parser);
}

static void
parse_list(struct parser *parser, struct wf_filter_node *node)
{
    node->op = WF_FILTER_IN;
    if (!takes_symbol(parser, "(")) {
        expected(parser, "'('");
        return;
    }
    do {
        parse_value(parser, node);
    } while (takes_symbol(parser, ","));
    if (!takes_symbol(parser, ")")) {
        expected(parser, "',' or ')'");
    }
}

static void
parse_between(struct parser *parser, struct wf_filter_node *node)
{
    node->op = WF_FILTER_BETWEEN;
    parse_value(parser, node);
    if (!takes_word(parser, "and")) {
        expected(parser, "'and'");
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
    if (parser->token.type != TOKEN_TEXT) {
        expected(parser, "a text");
    }
    parse_value(parser, node);
}

static void
parse_null(struct parser *parser, struct wf_filter_node *node)
{
    node->op = WF_FILTER_IS_NULL;
    node->is_negated = takes_word(parser, "not");
    if (!takes_word(parser, "null")) {
        expected(parser, "'null'");
    }
}

// The tests that are words. False: it is none of them.
static bool
parse_word_test(struct parser *parser, struct wf_filter_node *node)
{
    if (takes_word(parser, "in")) {
        parse_list(parser, node);
    } else if (takes_word(parser, "between")) {
        parse_between(parser, node);
    } else if (takes_word(parser, "starts_with")) {
        parse_text_test(parser, node, WF_FILTER_STARTS_WITH);
    } else if (takes_word(parser, "contains")) {
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
    bool is_negated = is_symbol(&parser->token, "!=");

    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (takes_symbol(parser, tests[i].symbol)) {
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
    const struct token *token = &parser->token;

    return token->type == TOKEN_END || is_symbol(token, ")") ||
           is_word(token, "and") || is_word(token, "or");
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
    const char *at = parser->token.at;

    node->op = WF_FILTER_IS_NULL; // until it is known
    parse_field(parser, &node->field);
    if (parser->err != WEFT_OK || parse_symbol_test(parser, node)) {
        return node;
    }
    if (is_alone(parser)) {
        put_true(node);
        if (!fits(&node->field, node->literals)) {
            fail_at(parser, at, "a field that is neither true nor false");
        }
    } else if (takes_word(parser, "is")) {
        parse_null(parser, node);
    } else {
        node->is_negated = takes_word(parser, "not");
        if (!parse_word_test(parser, node)) {
            expected(parser, node->is_negated
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
        fail_at(parser, parser->token.at, "it is nested too deeply");
    }
    parser->depth++;
    if (parser->err == WEFT_OK && takes_word(parser, "not")) {
        node = wf_calloc(sizeof(*node));
        node->op = WF_FILTER_NOT;
        node->children = parse_one(parser);
    } else if (parser->err == WEFT_OK && takes_symbol(parser, "(")) {
        node = parse_any(parser);
        if (!takes_symbol(parser, ")")) {
            expected(parser, "'and', 'or' or ')'");
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

    if (!is_word(&parser->token, word)) {
        return first;
    }
    node = wf_calloc(sizeof(*node));
    node->op = op;
    node->children = first;
    while (takes_word(parser, word)) {
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

static weft_err
begin(struct parser *parser, const char *text)
{
    size_t len = strnlen(text, WF_FILTER_BYTES_MAX + 1);

    if (len > WF_FILTER_BYTES_MAX) {
        return wf_error(WEFT_ETOOBIG, "filter: it has at most %d bytes",
                        WF_FILTER_BYTES_MAX);
    }
    parser->text = text;
    parser->at = text;
    parser->strings = wf_calloc(2 * len + 2);
    next(parser);
    return WEFT_OK;
}

weft_err
wf_filter_parse(const char *text, struct wf_filter **out_filter)
{
    struct parser parser = {0};
    struct wf_filter *filter;
    weft_err err = begin(&parser, text);

    if (err != WEFT_OK) {
        return err;
    }
    filter = wf_calloc(sizeof(*filter));
    filter->strings = parser.strings;
    if (parser.token.type == TOKEN_END) {
        filter->root = wf_calloc(sizeof(*filter->root)); // "and" of nothing
    } else {
        filter->root = parse_any(&parser);
        if (parser.token.type != TOKEN_END) {
            expected(&parser, "'and', 'or' or the end");
        }
    }
    if (parser.err != WEFT_OK) {
        wf_filter_destroy(filter);
        return parser.err;
    }
    *out_filter = filter;
    return WEFT_OK;
}

weft_err
wf_filter_parse_field(const char *text, struct wf_filter_field *out_field)
{
    struct parser parser = {0};
    weft_err err = begin(&parser, text);

    if (err != WEFT_OK) {
        return err;
    }
    *out_field = (struct wf_filter_field){0};
    parse_field(&parser, out_field);
    if (parser.token.type != TOKEN_END) {
        expected(&parser, "one field");
    }
    wf_free(parser.strings);
    return parser.err;
}
