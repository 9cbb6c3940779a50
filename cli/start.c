// SPDX-License-Identifier: Apache-2.0
//
// start.c - weft start, and the options of everything that may start.

#define _XOPEN_SOURCE 700

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "online.h"

// One of `names`, by its place; 0: it is none, which was said.
static int
choose(struct online *online, const char *option, const char *text,
       const char *const *names, int count, int *out_index)
{
    *out_index = 0;
    if (text == NULL) {
        return 1;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0) {
            *out_index = i;
            return 1;
        }
    }
    (void)cli_usage(online->command, "--%s: \"%s\" is none", option, text);
    return 0;
}

// NAME=VALUE; where the value begins. NULL: it is not, which was said.
static const char *
split(struct online *online, const char *option, const char *text,
      const char **out_name)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals == text) {
        (void)cli_usage(online->command, "--%s: \"%s\" has no NAME=", option,
                        text);
        return NULL;
    }
    *out_name = online_printf(online, "%.*s", (int)(equals - text), text);
    return equals + 1;
}

// The pairs of --memo are payloads, those of --header texts.
static int
read_pairs(struct online *online, const char *option,
           const struct args_list *list, const weft_pair **out_pairs,
           size_t *out_count)
{
    weft_pair *pairs =
        online_keep(online, calloc(list->count + 1, sizeof(*pairs)));

    for (size_t i = 0; i < list->count; i++) {
        const char *value =
            split(online, option, list->items[i], &pairs[i].name);

        if (value == NULL) {
            return 0;
        }
        if (list == &online->args.header) {
            pairs[i].value = weft_text(value);
        } else if (!value_loose(online, value, &pairs[i].value)) {
            (void)cli_failed(WEFT_ENOMEM, option);
            return 0;
        }
    }
    *out_pairs = pairs;
    *out_count = list->count;
    return 1;
}

int
start_headers(struct online *online, const weft_pair **out_headers,
              size_t *out_count)
{
    return read_pairs(online, "header", &online->args.header, out_headers,
                      out_count);
}

// Attributes. ---------------------------------------------------------------

// "2026-11-21T03:23:45.123Z", or milliseconds since 1970.
static int
read_time(const char *text, uint64_t *out_ms)
{
    struct tm tm = {.tm_mday = 1};
    const char *rest;
    char *end;
    double fraction = 0;

    if (args_number(text, out_ms)) {
        return 1;
    }
    rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL) {
        return 0;
    }
    if (*rest == '.') {
        fraction = strtod(rest, &end);
        rest = end;
    }
    if (strcmp(rest, "Z") != 0 || tm.tm_year < 70) {
        return 0;
    }
    *out_ms = (uint64_t)timegm(&tm) * 1000 + (uint64_t)(fraction * 1000 + 0.5);
    return 1;
}

static int
read_int(const char *text, int64_t *out_value)
{
    char *end;

    errno = 0;
    *out_value = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0;
}

static int
read_double(const char *text, double *out_value)
{
    char *end;

    *out_value = strtod(text, &end);
    return end != text && *end == '\0' && !isnan(*out_value);
}

static int
read_bool(const char *text, int *out_value)
{
    *out_value = strcmp(text, "true") == 0;
    return *out_value || strcmp(text, "false") == 0;
}

// 0: the text is no such value.
static int
read_value(const char *text, weft_attribute *attribute)
{
    switch (attribute->type) {
    case WEFT_ATTRIBUTE_KEYWORD:
    case WEFT_ATTRIBUTE_TEXT:
        attribute->value.text = text;
        return 1;
    case WEFT_ATTRIBUTE_INT:
        return read_int(text, &attribute->value.integer);
    case WEFT_ATTRIBUTE_DOUBLE:
        return read_double(text, &attribute->value.real);
    case WEFT_ATTRIBUTE_BOOL:
        return read_bool(text, &attribute->value.boolean);
    case WEFT_ATTRIBUTE_TIME:
        return read_time(text, &attribute->value.time_ms);
    default:
        return 0;
    }
}

// NAME:TYPE=VALUE; a name may have a colon in it, a type has none.
static int
read_attribute(struct online *online, const char *text,
               weft_attribute *out_attribute)
{
    const char *name = NULL;
    const char *value = split(online, "attribute", text, &name);
    char *colon = value == NULL ? NULL : strrchr(name, ':');

    if (value == NULL) {
        return 0;
    }
    for (int i = WEFT_ATTRIBUTE_NONE + 1;
         colon != NULL && i < WEFT_ATTRIBUTE_TYPE_COUNT; i++) {
        out_attribute->type = (weft_attribute_type)i;
        if (strcmp(colon + 1, weft_attribute_type_name(out_attribute->type)) ==
                0 &&
            read_value(value, out_attribute)) {
            *colon = '\0';
            out_attribute->name = name;
            return 1;
        }
    }
    (void)cli_usage(online->command,
                    "--attribute: \"%s\" is not NAME:TYPE=VALUE", text);
    return 0;
}

static int
read_attributes(struct online *online, weft_start_options *out_options)
{
    const struct args_list *list = &online->args.attribute;
    weft_attribute *attributes =
        online_keep(online, calloc(list->count + 1, sizeof(*attributes)));

    for (size_t i = 0; i < list->count; i++) {
        if (!read_attribute(online, list->items[i], &attributes[i])) {
            return 0;
        }
    }
    out_options->attributes = attributes;
    out_options->attributes_count = list->count;
    return 1;
}

// Starts. -------------------------------------------------------------------

int
start_options(struct online *online, weft_start_options *out_options)
{
    static const char *const reuses[] = {"allow", "after-failure", "reject"};
    static const char *const conflicts[] = {"fail", "use-existing",
                                            "terminate-existing"};
    const struct args *args = &online->args;
    int reuse;
    int conflict;

    *out_options = (weft_start_options)WEFT_START_OPTIONS_INIT;
    if (!choose(online, "reuse", args->reuse, reuses, 3, &reuse) ||
        !choose(online, "conflict", args->conflict, conflicts, 3, &conflict)) {
        return 0;
    }
    if (args->version > UINT32_MAX) {
        (void)cli_usage(online->command, "--version: there is none so high");
        return 0;
    }
    out_options->reuse = (weft_reuse)reuse;
    out_options->conflict = (weft_conflict)conflict;
    out_options->start_delay_ms = args->delay;
    out_options->run_timeout_ms = args->run_timeout;
    out_options->execution_timeout_ms = args->execution_timeout;
    out_options->version = (uint32_t)args->version;
    return read_pairs(online, "memo", &args->memo, &out_options->memo,
                      &out_options->memo_count) &&
           start_headers(online, &out_options->headers,
                         &out_options->headers_count) &&
           read_attributes(online, out_options);
}

static int
started(struct online *online, const weft_reply *reply)
{
    const weft_target *target = online->ctx;

    if (!online->args.json) {
        return online_done(online, target,
                           reply->is_created ? "started" : "runs already:");
    }
    cli_json_begin_object(NULL);
    cli_json_text("kind", target->kind);
    cli_json_text("id", target->id);
    cli_json_bool("is_created", reply->is_created);
    online_put_number(online);
    cli_json_end_object();
    cli_json_newline();
    return EXIT_FINE;
}

int
start_ask(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_start_options options;
    const char *kind = online_word(online, 0);

    request.verb = WEFT_VERB_START;
    request.target = (weft_target){kind, online_word(online, 1)};
    request.start = &options;
    online->ctx = &request.target;
    if (!start_options(online, &options) ||
        !value_word(online, 2, &request.input)) {
        return EXIT_FAILED;
    }
    return online_ask(online, &request, started);
}
