// SPDX-License-Identifier: Apache-2.0
//
// s3_place.c - where in S3, at which server, and as whom.
//
// Bucket and prefix have only characters that mean themselves in a URL, so that
// nobody has to agree on how others are written before they are signed.
//
// Threads: as s3_place.h says.

#include "storage/s3_place.h"

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define ANY LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum { BUCKET_MIN = 3, BUCKET_MAX = 63, PREFIX_MAX = 200, REGION_MAX = 60 };

static bool
is_made_of(const char *text, const char *characters)
{
    return text[strspn(text, characters)] == '\0';
}

// What the environment says, or NULL.
static const char *
ask(const char *name)
{
    const char *value = getenv(name); // tidy: allow, where S3 keeps its keys

    return value == NULL || value[0] == '\0' ? NULL : value;
}

static char *
copy_either(const char *given, const char *first, const char *second)
{
    const char *value = given[0] != '\0' ? given : ask(first);

    value = value == NULL ? ask(second) : value;
    return value == NULL ? NULL : wf_strdup(value);
}

static char *
copy_one(const char *name)
{
    return copy_either("", name, name);
}

// A part of `where`, up to one of `ends`, to which *at moves. It has room for
// one character more.
static char *
take(const char **at, const char *ends)
{
    size_t len = strcspn(*at, ends);
    char *part = wf_alloc(len + 2);

    memcpy(part, *at, len);
    memset(part + len, 0, 2);
    *at += len;
    return part;
}

// Bucket and prefix. ----------------------------------------------------------

// "a/b" becomes "a/b/". Names like ".." would be resolved on the way.
static bool
finish_prefix(char *prefix)
{
    size_t len = strlen(prefix);
    bool is_right = len <= PREFIX_MAX && is_made_of(prefix, ANY "-_.~/");

    if (len > 0 && prefix[len - 1] != '/') {
        prefix[len++] = '/';
    }
    for (const char *at = prefix; is_right && at < prefix + len;) {
        size_t part = strcspn(at, "/");

        is_right = part > strspn(at, ".");
        at += part + 1;
    }
    return is_right;
}

static weft_err
read_path(const char **at, struct wf_s3_place *place)
{
    place->bucket = take(at, "/?");
    *at += **at == '/';
    place->prefix = take(at, "?");
    if (strlen(place->bucket) < BUCKET_MIN ||
        strlen(place->bucket) > BUCKET_MAX ||
        !is_made_of(place->bucket, LOWER "-.") ||
        place->bucket[strspn(place->bucket, ".")] == '\0') {
        return wf_error(WEFT_EINVAL,
                        "snapshots: \"%s\" is no bucket: %d to %d lower-case "
                        "letters, digits, '-' and '.'",
                        place->bucket, BUCKET_MIN, BUCKET_MAX);
    }
    return finish_prefix(place->prefix)
               ? WEFT_OK
               : wf_error(WEFT_EINVAL,
                          "snapshots: \"%s\" is no prefix: up to %d letters, "
                          "digits, '-', '_', '.', '~' and single '/'",
                          place->prefix, PREFIX_MAX);
}

// Endpoint and region. --------------------------------------------------------

// "?endpoint=URL&region=NAME", in any order.
static weft_err
read_options(const char *at, char **endpoint, char **region)
{
    while (*at++ != '\0') {
        char **value = strncmp(at, "endpoint=", 9) == 0 ? endpoint
                       : strncmp(at, "region=", 7) == 0 ? region
                                                        : NULL;

        if (value == NULL) {
            return wf_error(WEFT_EINVAL,
                            "snapshots: \"%s\" is neither \"endpoint=\" nor "
                            "\"region=\"",
                            at);
        }
        at = strchr(at, '=') + 1;
        wf_free(*value);
        *value = take(&at, "&");
    }
    return WEFT_OK;
}

static bool
is_endpoint(const char *endpoint)
{
    const char *host = strstr(endpoint, "://");

    return (strncmp(endpoint, "https://", 8) == 0 ||
            strncmp(endpoint, "http://", 7) == 0) &&
           host[3] != '\0' && is_made_of(host + 3, ANY "-.:[]");
}

static weft_err
finish_server(struct wf_s3_place *place)
{
    if (place->region == NULL) {
        return wf_error(WEFT_EINVAL, "snapshots: S3 has no region: "
                                     "\"?region=NAME\", or AWS_REGION");
    }
    if (strlen(place->region) > REGION_MAX ||
        !is_made_of(place->region, ANY "-_")) {
        return wf_error(WEFT_EINVAL, "snapshots: \"%s\" is no region",
                        place->region);
    }
    if (place->endpoint == NULL) {
        size_t size = strlen(place->region) + 40;

        place->endpoint = wf_alloc(size);
        (void)snprintf(place->endpoint, size, "https://s3.%s.amazonaws.com",
                       place->region);
    }
    if (place->endpoint[0] != '\0' &&
        place->endpoint[strlen(place->endpoint) - 1] == '/') {
        place->endpoint[strlen(place->endpoint) - 1] = '\0';
    }
    return is_endpoint(place->endpoint)
               ? WEFT_OK
               : wf_error(WEFT_EINVAL,
                          "snapshots: \"%s\" is no endpoint: \"https://\" or "
                          "\"http://\", a host and a port",
                          place->endpoint);
}

static weft_err
read_server(const char *options, struct wf_s3_place *place)
{
    char *endpoint = wf_strdup("");
    char *region = wf_strdup("");
    weft_err err = read_options(options, &endpoint, &region);

    if (err == WEFT_OK) {
        place->endpoint =
            copy_either(endpoint, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
        place->region = copy_either(region, "AWS_REGION", "AWS_DEFAULT_REGION");
        err = finish_server(place);
    }
    wf_free(endpoint);
    wf_free(region);
    return err;
}

// Credentials. ----------------------------------------------------------------

// They become a part of headers.
static bool
is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

static weft_err
read_credentials(struct wf_s3_place *place)
{
    place->access_key = copy_one("AWS_ACCESS_KEY_ID");
    place->secret_key = copy_one("AWS_SECRET_ACCESS_KEY");
    place->token = copy_one("AWS_SESSION_TOKEN");
    place->ca_file = copy_one("AWS_CA_BUNDLE");
    if (place->access_key == NULL || place->secret_key == NULL) {
        return wf_error(WEFT_EINVAL, "snapshots: S3 asks for AWS_ACCESS_KEY_ID "
                                     "and AWS_SECRET_ACCESS_KEY in the "
                                     "environment");
    }
    return is_printable(place->access_key) && is_printable(place->secret_key) &&
                   (place->token == NULL || is_printable(place->token))
               ? WEFT_OK
               : wf_error(WEFT_EINVAL,
                          "snapshots: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY "
                          "or AWS_SESSION_TOKEN has blanks or other bytes that "
                          "no key has");
}

weft_err
wf_s3_place_read(const char *where, struct wf_s3_place *out_place)
{
    struct wf_s3_place place = {0};
    const char *at = where + strlen("s3://");
    weft_err err = read_path(&at, &place);

    if (err == WEFT_OK) {
        err = read_server(at, &place);
    }
    if (err == WEFT_OK) {
        err = read_credentials(&place);
    }
    if (err != WEFT_OK) {
        wf_s3_place_fini(&place);
    }
    *out_place = place;
    return err;
}

static void
wipe(char *secret)
{
    if (secret != NULL) {
        sodium_memzero(secret, strlen(secret));
        wf_free(secret);
    }
}

void
wf_s3_place_fini(struct wf_s3_place *place)
{
    wf_free(place->bucket);
    wf_free(place->prefix);
    wf_free(place->endpoint);
    wf_free(place->region);
    wf_free(place->ca_file);
    wipe(place->access_key);
    wipe(place->secret_key);
    wipe(place->token);
    *place = (struct wf_s3_place){0};
}
