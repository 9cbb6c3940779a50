// SPDX-License-Identifier: Apache-2.0
//
// exchange_list.c - "local:a=tcp://10.0.0.1:7600,b=...?key_file=PATH", read.

#include "cluster/exchange_list.h"

#include <string.h>

#include "base/error.h"
#include "cluster/cluster_impl.h"
#include "cluster/exchange_impl.h"

#define LIST_PREFIX "local:"
#define KEY_OPTION "key_file="

bool
wf_exchange_is_list(const char *database)
{
    return database != NULL &&
           strncmp(database, LIST_PREFIX, strlen(LIST_PREFIX)) == 0;
}

const struct wf_exchange_entry *
wf_exchange_list_find(const struct wf_exchange_list *list, const char *id)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].id, id) == 0) {
            return &list->entries[i];
        }
    }
    return NULL;
}

// One "ID=ENDPOINT" of so many characters.
static weft_err
read_entry(const char *text, size_t len, struct wf_exchange_list *list)
{
    const char *equals = memchr(text, '=', len);
    struct wf_exchange_entry entry = {0};
    size_t id_len = equals == NULL ? 0 : (size_t)(equals - text);
    size_t rest = equals == NULL ? 0 : len - id_len - 1;
    weft_err err;

    if (equals == NULL || id_len >= sizeof(entry.id) ||
        rest >= sizeof(entry.endpoint)) {
        return wf_error(WEFT_EINVAL, "\"%.*s\" is not NODE=tcp://ADDRESS:PORT",
                        (int)(len < 300 ? len : 300), text);
    }
    memcpy(entry.id, text, id_len);
    memcpy(entry.endpoint, equals + 1, rest);
    err = wf_cluster_check_id(entry.id);
    if (err == WEFT_OK) {
        err = wf_cluster_check_endpoint(entry.endpoint);
    }
    if (err == WEFT_OK && wf_exchange_list_find(list, entry.id) != NULL) {
        err = wf_error(WEFT_EINVAL, "node %s is twice in the list", entry.id);
    }
    if (err == WEFT_OK && list->count == WF_EXCHANGE_LIST_MAX) {
        err = wf_error(WEFT_EINVAL, "a list has at most %d nodes",
                       WF_EXCHANGE_LIST_MAX);
    }
    if (err == WEFT_OK) {
        list->entries[list->count++] = entry;
    }
    return err;
}

// What is behind the '?'.
static weft_err
read_option(const char *text, struct wf_exchange_list *list)
{
    if (strncmp(text, KEY_OPTION, strlen(KEY_OPTION)) != 0) {
        return wf_error(WEFT_EINVAL,
                        "\"%s\": of a list of nodes only ?" KEY_OPTION
                        "PATH is known",
                        text);
    }
    return wf_curve_read(text + strlen(KEY_OPTION), true, &list->keys);
}

weft_err
wf_exchange_list_read(const char *database, struct wf_exchange_list *out_list)
{
    const char *at = database + strlen(LIST_PREFIX);
    const char *end = at + strcspn(at, "?");
    weft_err err = WEFT_OK;

    *out_list = (struct wf_exchange_list){0};
    while (err == WEFT_OK && at < end) {
        size_t len = strcspn(at, ",?");

        err = read_entry(at, len, out_list);
        at += len + (at[len] == ',');
    }
    if (err == WEFT_OK && out_list->count == 0) {
        err = wf_error(WEFT_EINVAL, "local: names no node");
    }
    if (err == WEFT_OK && *end == '?') {
        err = read_option(end + 1, out_list);
    }
    return err;
}

bool
wf_exchange_list_has_keys(const struct wf_exchange_list *list)
{
    return list->keys.secret_key[0] != '\0';
}

void
wf_exchange_list_lend(const struct wf_exchange_list *list,
                      struct wf_socket_options *options)
{
    if (wf_exchange_list_has_keys(list)) {
        options->secret_key = list->keys.secret_key;
        options->public_key = list->keys.public_key;
        options->server_key = list->keys.public_key;
    }
}

void
wf_exchange_list_wipe(struct wf_exchange_list *list)
{
    wf_curve_wipe(&list->keys);
}

const char *
wf_exchange_refusal(enum wf_socket_event_type type)
{
    // Who has another key says nothing at all.
    return type == WF_SOCKET_MISMATCHED ? "only one of us has a key_file"
                                        : NULL;
}
