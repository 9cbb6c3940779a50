// SPDX-License-Identifier: Apache-2.0
//
// cluster_settings.c - weft_cluster_options, checked and copied; and what a
// node of a cluster may not ask for in weft_node_options.

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cluster/cluster_impl.h"
#include "cluster/exchange.h"
#include "runtime/versioned.h"
#include "storage/directory.h"
#include "storage/registry.h"
#include "transport/socket.h"

#define LEASE_MS_DEFAULT 10000
#define LEASE_MS_MIN 1000
#define LEASE_MS_MAX 3600000
#define SNAPSHOT_MS_MIN 100

weft_err
wf_cluster_check_id(const char *node_id)
{
    size_t len = node_id == NULL ? 0 : strlen(node_id);
    bool is_right = len >= 1 && len <= WF_NODE_ID_CHARS_MAX;

    for (size_t i = 0; is_right && i < len; i++) {
        unsigned char byte = (unsigned char)node_id[i];

        is_right = isalnum(byte) || byte == '-' || byte == '_' || byte == '.';
    }
    return is_right ? WEFT_OK
                    : wf_error(WEFT_EINVAL,
                               "node_id: 1 to %d letters, digits, '-', '_' and "
                               "'.' are a node's name",
                               WF_NODE_ID_CHARS_MAX);
}

// Others connect to it, so it must say where that is.
weft_err
wf_cluster_check_endpoint(const char *endpoint)
{
    const char *colon = endpoint == NULL ? NULL : strrchr(endpoint, ':');
    weft_err err;

    if (endpoint == NULL || endpoint[0] == '\0') {
        return wf_error(WEFT_EINVAL, "endpoint is missing");
    }
    err = wf_socket_check_endpoint(endpoint);
    if (err != WEFT_OK) {
        return err;
    }
    if (strncmp(endpoint, "tcp://", 6) == 0 &&
        (strncmp(endpoint + 6, "*", 1) == 0 ||
         strncmp(endpoint + 6, "0.0.0.0:", 8) == 0 ||
         strcmp(colon, ":0") == 0 || strcmp(colon, ":*") == 0)) {
        return wf_error(WEFT_EINVAL,
                        "endpoint is %s: other nodes need an address and a "
                        "port",
                        endpoint);
    }
    return WEFT_OK;
}

// What a cluster without a database does not have.
static weft_err
check_local(const weft_cluster_options *options)
{
    const char *what =
        options->key_file != NULL              ? "key_file"
        : options->require_quorum != 0         ? "require_quorum"
        : options->declared_durability != NULL ? "declared_durability"
        : options->snapshots != NULL && strcmp(options->snapshots, "pg:") == 0
            ? "snapshots \"pg:\""
        : options->standby_bytes != 0 ? "standby_bytes"
                                      : NULL;

    return what == NULL ? WEFT_OK
                        : wf_error(WEFT_EINVAL,
                                   "%s is for a cluster with a database", what);
}

static weft_err
check(const weft_cluster_options *options)
{
    const char *declared = options->declared_durability;
    weft_err err = WEFT_OK;

    if (wf_exchange_is_list(options->database)) {
        err = check_local(options);
        if (err != WEFT_OK) {
            return err;
        }
    }
    if (options->database == NULL || options->database[0] == '\0') {
        return wf_error(WEFT_EINVAL, "database is missing");
    }
    err = wf_cluster_check_id(options->node_id);
    if (err == WEFT_OK) {
        err = wf_cluster_check_endpoint(options->endpoint);
    }
    if (err != WEFT_OK) {
        return err;
    }
    if (options->service != NULL &&
        strlen(options->service) > WF_ENDPOINT_CHARS_MAX) {
        return wf_error(WEFT_EINVAL, "service is longer than %d characters",
                        WF_ENDPOINT_CHARS_MAX);
    }
    if (options->lease_ms != 0 && (options->lease_ms < LEASE_MS_MIN ||
                                   options->lease_ms > LEASE_MS_MAX)) {
        return wf_error(WEFT_EINVAL,
                        "lease_ms is %" PRIu32 ", and may be %d to %d",
                        options->lease_ms, LEASE_MS_MIN, LEASE_MS_MAX);
    }
    if (options->snapshot_ms != 0 && options->snapshot_ms < SNAPSHOT_MS_MIN) {
        return wf_error(WEFT_EINVAL,
                        "snapshot_ms is %" PRIu32 ", and may be %d or more",
                        options->snapshot_ms, SNAPSHOT_MS_MIN);
    }
    if (options->require_quorum != 0 && options->require_quorum != 1) {
        return wf_error(WEFT_EINVAL, "require_quorum is %d, and may be 0 or 1",
                        options->require_quorum);
    }
    if (declared != NULL && strcmp(declared, "quorum") != 0 &&
        strcmp(declared, "local") != 0) {
        return wf_error(WEFT_EINVAL,
                        "declared_durability is \"%s\", and may be \"quorum\" "
                        "or \"local\"",
                        declared);
    }
    return WEFT_OK;
}

static char *
copy(const char *text)
{
    return text == NULL ? NULL : wf_strdup(text);
}

weft_err
wf_cluster_settings_read(const weft_cluster_options *given,
                         struct wf_cluster_settings *out_settings)
{
    weft_cluster_options options = WEFT_CLUSTER_OPTIONS_INIT;
    weft_err err = wf_versioned_copy("weft_cluster_options", given, &options,
                                     sizeof(options));

    *out_settings = (struct wf_cluster_settings){0};
    if (err == WEFT_OK) {
        err = check(&options);
    }
    if (err != WEFT_OK) {
        return err;
    }
    out_settings->database = copy(options.database);
    out_settings->node_id = copy(options.node_id);
    out_settings->endpoint = copy(options.endpoint);
    out_settings->service =
        wf_strdup(options.service == NULL ? "" : options.service);
    out_settings->declared = copy(options.declared_durability);
    out_settings->snapshots = copy(options.snapshots);
    out_settings->snapshot_bytes = options.snapshot_bytes;
    out_settings->snapshot_ms = options.snapshot_ms;
    out_settings->standby_bytes = options.standby_bytes;
    out_settings->lease_ms =
        options.lease_ms == 0 ? LEASE_MS_DEFAULT : options.lease_ms;
    out_settings->require_quorum = options.require_quorum != 0;
    return options.key_file == NULL
               ? WEFT_OK
               : wf_curve_read(options.key_file, true, &out_settings->keys);
}

void
wf_cluster_settings_fini(struct wf_cluster_settings *settings)
{
    wf_free(settings->database);
    wf_free(settings->node_id);
    wf_free(settings->endpoint);
    wf_free(settings->service);
    wf_free(settings->declared);
    wf_free(settings->snapshots);
    wf_curve_wipe(&settings->keys);
    *settings = (struct wf_cluster_settings){0};
}

// A beacon is beside the store of a node that has its log itself.
static weft_err
check_directory(const char *data_dir)
{
    size_t size = strlen(data_dir) + sizeof("/store-0.beacon");
    char *path = wf_alloc(size);
    weft_err err;

    (void)snprintf(path, size, "%s/store-0.beacon", data_dir);
    err = wf_directory_check_absent(path);
    wf_free(path);
    return err == WEFT_EEXISTS
               ? wf_error(WEFT_EFORMAT,
                          "%s is of a node that ran alone: `weft cluster "
                          "import` moves it into a cluster",
                          data_dir)
               : WEFT_OK;
}

weft_err
wf_cluster_check_node_options(const weft_node_options *options)
{
    if (options->struct_size != sizeof(*options)) {
        return wf_error(WEFT_EINVAL, "weft_node_options: struct_size is %zu",
                        options->struct_size);
    }
    if (options->strict != 0 || options->accept_loss != 0) {
        return wf_error(WEFT_EINVAL, "strict and accept_loss are for a node "
                                     "that has its log itself");
    }
    return options->data_dir == NULL ? WEFT_OK
                                     : check_directory(options->data_dir);
}
