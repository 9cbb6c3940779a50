// SPDX-License-Identifier: Apache-2.0
//
// principals.c - see principals.h. The only file that names libinih.
//
// libinih calls back for each "name = value" with the section that it is in. It
// says neither where nor when a section begins; so lines are given to it one by
// one, and counted here. What it would cut off, it is not given.

#include "remote/principals.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/key.h"
#include "base/limits.h"
#include "base/table.h"
#include "remote/roles.h"
#include "transport/curve.h"

struct key {
    char text[WF_CURVE_KEY_CHARS + 1];
    const struct wf_principal *principal;
};

struct wf_principals {
    struct wf_principal **list; // owned, in the order of the file
    size_t count;
    struct wf_table keys; // of struct key, owned
};

struct parse {
    struct wf_principals *principals;
    FILE *file;
    unsigned line;
    unsigned failed_line; // 0: nothing is wrong so far
    char failed[256];
};

// Life. -----------------------------------------------------------------------

static void
destroy_principal(struct wf_principal *principal)
{
    for (size_t i = 0; i < principal->namespaces_count; i++) {
        wf_free(principal->namespaces[i]);
    }
    wf_free(principal->namespaces);
    wf_free(principal);
}

void
wf_principals_destroy(struct wf_principals *principals)
{
    size_t cursor = 0;
    void *key;

    if (principals == NULL) {
        return;
    }
    while ((key = wf_table_next(&principals->keys, &cursor)) != NULL) {
        wf_free(key);
    }
    wf_table_fini(&principals->keys);
    for (size_t i = 0; i < principals->count; i++) {
        destroy_principal(principals->list[i]);
    }
    wf_free(principals->list);
    wf_free(principals);
}

size_t
wf_principals_count(const struct wf_principals *principals)
{
    return principals->count;
}

static bool
is_key(const void *item, const void *text)
{
    return strcmp(((const struct key *)item)->text, text) == 0;
}

const struct wf_principal *
wf_principals_find(const struct wf_principals *principals, const char *text)
{
    const struct key *key = wf_table_find(
        &principals->keys, wf_hash64(text, strlen(text), 0), is_key, text);

    return key == NULL ? NULL : key->principal;
}

static bool
has_namespace(const struct wf_principal *principal, const char *name_space)
{
    for (size_t i = 0; i < principal->namespaces_count; i++) {
        if (strcmp(principal->namespaces[i], name_space) == 0) {
            return true;
        }
    }
    return false;
}

bool
wf_principal_may_use(const struct wf_principal *principal,
                     const char *name_space)
{
    return principal->is_everywhere || has_namespace(principal, name_space);
}

const char *
wf_principal_namespace(const struct wf_principal *principal)
{
    return principal->is_everywhere ? "default" : principal->namespaces[0];
}

// Values. ---------------------------------------------------------------------

// Only the first thing that is wrong is said. Returns what libinih takes for
// that.
static int fail_at(struct parse *parse, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int
fail_at(struct parse *parse, unsigned line, const char *format, ...)
{
    va_list args;

    if (parse->failed_line == 0) {
        parse->failed_line = line;
        va_start(args, format);
        (void)vsnprintf(parse->failed, sizeof(parse->failed), format, args);
        va_end(args);
    }
    return 0;
}

static int
add_key(struct parse *parse, struct wf_principal *principal, const char *text)
{
    struct wf_principals *principals = parse->principals;
    const struct wf_principal *owner;
    struct key *key;

    if (!wf_curve_is_key(text)) {
        return fail_at(parse, parse->line,
                       "\"%.64s\" is no key of %d characters", text,
                       WF_CURVE_KEY_CHARS);
    }
    owner = wf_principals_find(principals, text);
    if (owner != NULL) {
        return fail_at(parse, parse->line, "the key is [%s]'s already",
                       owner->name);
    }
    key = wf_calloc(sizeof(*key));
    memcpy(key->text, text, WF_CURVE_KEY_CHARS);
    key->principal = principal;
    wf_table_add(&principals->keys, wf_hash64(text, WF_CURVE_KEY_CHARS, 0),
                 key);
    principal->keys_count++;
    return 1;
}

static int
add_namespace(struct parse *parse, struct wf_principal *principal,
              const char *text, size_t len)
{
    char name[WF_NAMESPACE_BYTES_MAX + 2];

    (void)snprintf(name, sizeof(name), "%.*s", (int)len, text);
    if (strcmp(name, "*") == 0) {
        principal->is_everywhere = true;
        return 1;
    }
    if (wf_name_check("namespace", name, WF_NAMESPACE_BYTES_MAX) != WEFT_OK) {
        return fail_at(parse, parse->line, "%s", weft_err_detail());
    }
    if (!has_namespace(principal, name)) {
        principal->namespaces =
            wf_realloc(principal->namespaces,
                       (principal->namespaces_count + 1) * sizeof(char *));
        principal->namespaces[principal->namespaces_count++] = wf_strdup(name);
    }
    return 1;
}

static int
add_role(struct parse *parse, struct wf_principal *principal, const char *text,
         size_t len)
{
    unsigned role = wf_role_find(text, len);

    if (role == 0) {
        return fail_at(parse, parse->line,
                       "\"%.*s\" is no role: reader, writer, worker, operator "
                       "or admin",
                       (int)(len > 64 ? 64 : len), text);
    }
    principal->roles |= role;
    return 1;
}

// For each of a list with commas.
static int
each(struct parse *parse, struct wf_principal *principal, const char *list,
     int (*add)(struct parse *parse, struct wf_principal *principal,
                const char *text, size_t len))
{
    int is_fine = 1;

    while (is_fine) {
        size_t len = strcspn(list, ",");
        const char *text = list + strspn(list, " \t");
        size_t text_len = text >= list + len ? 0 : (size_t)(list + len - text);

        while (text_len > 0 && strchr(" \t", text[text_len - 1]) != NULL) {
            text_len--;
        }
        is_fine = text_len == 0 ? fail_at(parse, parse->line,
                                          "there is nothing between "
                                          "the commas")
                                : add(parse, principal, text, text_len);
        if (list[len] == '\0') {
            break;
        }
        list += len + 1;
    }
    return is_fine;
}

// Principals. -----------------------------------------------------------------

// What can be shown in logs and beside other text as it is.
static bool
is_name(const char *name)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@";
    size_t len = strlen(name);

    return len > 0 && len <= WF_PRINCIPAL_BYTES_MAX &&
           strspn(name, fine) == len;
}

static struct wf_principal *
add_principal(struct parse *parse, const char *name)
{
    struct wf_principals *principals = parse->principals;
    struct wf_principal *principal;

    if (!is_name(name)) {
        (void)fail_at(parse, parse->line,
                      "[%s] is no name of 1 to %d letters, digits, '.', '_', "
                      "'-' and '@'",
                      name, WF_PRINCIPAL_BYTES_MAX);
        return NULL;
    }
    for (size_t i = 0; i < principals->count; i++) {
        if (strcmp(principals->list[i]->name, name) == 0) {
            (void)fail_at(parse, parse->line,
                          "[%s] is there twice, first at "
                          "line %u",
                          name, principals->list[i]->line);
            return NULL;
        }
    }
    principal = wf_calloc(sizeof(*principal));
    memcpy(principal->name, name, strlen(name) + 1);
    principal->line = parse->line;
    principals->list = wf_realloc(
        principals->list, (principals->count + 1) * sizeof(*principals->list));
    principals->list[principals->count++] = principal;
    return principal;
}

// The one that lines belong to now, or a new one.
static struct wf_principal *
find_principal(struct parse *parse, const char *name)
{
    const struct wf_principals *principals = parse->principals;

    if (principals->count > 0) {
        struct wf_principal *last = principals->list[principals->count - 1];

        if (strcmp(last->name, name) == 0) {
            return last;
        }
    }
    return add_principal(parse, name);
}

static int
take_value(void *ctx, const char *section, const char *name, const char *value)
{
    struct parse *parse = ctx;
    struct wf_principal *principal;

    if (section[0] == '\0') {
        return fail_at(parse, parse->line, "%s is not in a [PRINCIPAL]", name);
    }
    principal = find_principal(parse, section);
    if (principal == NULL) {
        return 0;
    }
    if (strcmp(name, "key") == 0) {
        return add_key(parse, principal, value);
    }
    if (strcmp(name, "namespaces") == 0) {
        return each(parse, principal, value, add_namespace);
    }
    if (strcmp(name, "roles") == 0) {
        return each(parse, principal, value, add_role);
    }
    return fail_at(parse, parse->line,
                   "\"%s\" is neither key nor namespaces nor roles", name);
}

static void
check_principal(struct parse *parse, const struct wf_principal *principal)
{
    const char *missing =
        principal->keys_count == 0 ? "key"
        : principal->roles == 0    ? "roles"
        : principal->namespaces_count == 0 && !principal->is_everywhere
            ? "namespaces"
            : NULL;

    if (missing != NULL) {
        (void)fail_at(parse, principal->line, "[%s] has no %s", principal->name,
                      missing);
    } else if (principal->is_everywhere && principal->namespaces_count > 0) {
        (void)fail_at(parse, principal->line,
                      "[%s] has namespaces besides *, which is all of them",
                      principal->name);
    }
}

// The file. -------------------------------------------------------------------

// As fgets. A line that has no room is not cut in two: it is a failure, and
// what there was room for is all of it.
static char *
give_line(char *out, int size, void *ctx)
{
    struct parse *parse = ctx;
    bool has_nul = false;
    int len = 0;
    int c = getc(parse->file);

    if (c == EOF) {
        return NULL;
    }
    parse->line++;
    for (; c != EOF && c != '\n'; c = getc(parse->file)) {
        has_nul = has_nul || c == '\0';
        if (len < size - 2) {
            out[len] = (char)c;
        }
        len++;
    }
    if (len > size - 2) {
        (void)fail_at(parse, parse->line, "the line has more than %d bytes",
                      size - 2);
        len = size - 2;
    } else if (has_nul) {
        (void)fail_at(parse, parse->line, "the line has a NUL");
    }
    out[len] = '\n';
    out[len + 1] = '\0';
    return out;
}

static weft_err
read_all(struct parse *parse, const char *path)
{
    int rc = ini_parse_stream(give_line, parse, take_value, parse);

    if (ferror(parse->file)) {
        return wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    // The first line that libinih could not read, or that was refused here.
    if (rc > 0 &&
        (parse->failed_line == 0 || (unsigned)rc < parse->failed_line)) {
        return wf_error(WEFT_EINVAL,
                        "%s:%d: the line is neither [PRINCIPAL] nor NAME = "
                        "VALUE",
                        path, rc);
    }
    for (size_t i = 0; i < parse->principals->count; i++) {
        check_principal(parse, parse->principals->list[i]);
    }
    if (parse->failed_line != 0) {
        return wf_error(WEFT_EINVAL, "%s:%u: %s", path, parse->failed_line,
                        parse->failed);
    }
    return WEFT_OK;
}

weft_err
wf_principals_read(const char *path, struct wf_principals **out_principals)
{
    struct parse parse = {.file = fopen(path, "re")};
    weft_err err;

    if (parse.file == NULL) {
        return wf_error(errno == ENOENT   ? WEFT_ENOTFOUND
                        : errno == EACCES ? WEFT_EDENIED
                                          : WEFT_EIO,
                        "%s: %s", path, strerror(errno));
    }
    parse.principals = wf_calloc(sizeof(*parse.principals));
    err = read_all(&parse, path);
    (void)fclose(parse.file);
    if (err != WEFT_OK) {
        wf_principals_destroy(parse.principals);
        return err;
    }
    *out_principals = parse.principals;
    return WEFT_OK;
}
