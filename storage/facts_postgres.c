// SPDX-License-Identifier: Apache-2.0
//
// facts_postgres.c - make a cluster's schema, and look at what there is.

#include <inttypes.h>

#include "base/error.h"
#include "storage/schema_postgres.h"
#include "storage/session_postgres.h"

static weft_err
open_for_a_moment(const struct wf_postgres_options *options,
                  struct wf_session_shared *shared, struct wf_session *session)
{
    weft_err err = wf_session_shared_init(shared, options);

    *session = (struct wf_session){0};
    if (err == WEFT_OK) {
        err = wf_session_init(session, shared, "cluster");
    }
    if (err == WEFT_OK) {
        err = wf_postgres_connect(session->postgres);
    }
    return err;
}

weft_err
wf_postgres_look(const struct wf_postgres_options *options,
                 struct wf_cluster_facts *out_facts)
{
    struct wf_session_shared shared;
    struct wf_session session;
    weft_err err = open_for_a_moment(options, &shared, &session);

    if (err == WEFT_OK) {
        err = wf_schema_read(session.postgres, out_facts);
    }
    wf_session_fini(&session);
    wf_session_shared_fini(&shared);
    return err;
}

weft_err
wf_postgres_init(const struct wf_postgres_options *options,
                 uint32_t partition_count, struct wf_cluster_facts *out_facts)
{
    struct wf_session_shared shared;
    struct wf_session session;
    weft_err err = open_for_a_moment(options, &shared, &session);

    // What is made here must not be forgotten either.
    if (err == WEFT_OK) {
        err = wf_session_ask(&session);
    }
    if (err == WEFT_OK) {
        err = wf_session_permits(&session);
    }
    if (err == WEFT_OK) {
        err = wf_schema_make(session.postgres, partition_count);
    }
    if (err == WEFT_OK) {
        err = wf_schema_read(session.postgres, out_facts);
    }
    if (err == WEFT_OK && out_facts->partition_count != partition_count) {
        err = wf_error(WEFT_EEXISTS,
                       "the database has a cluster of %" PRIu32 " partitions",
                       out_facts->partition_count);
    }
    wf_session_fini(&session);
    wf_session_shared_fini(&shared);
    return err;
}
