// SPDX-License-Identifier: Apache-2.0
//
// capsule_check.c - look into capsules: show them, replay them.
//
// Threads: any.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/actor.h"
#include "runtime/capsule.h"
#include "runtime/fit.h"
#include "runtime/inspect_view.h"
#include "weft/capsule.h"

// Call fn for the actor of each capsule, until it gives an error.
typedef weft_err each_fn(void *ctx, struct wf_actor *actor);

static weft_err
each(weft_bytes capsules, each_fn *fn, void *ctx)
{
    struct wf_reader reader = wf_reader_of(capsules);
    weft_err err = WEFT_OK;

    do {
        struct wf_capsule capsule = {0};
        struct wf_actor *actor = NULL;

        err = wf_capsule_decode(&reader, &capsule);
        if (err == WEFT_OK) {
            err = wf_capsule_actor(&capsule, &actor);
        }
        if (err == WEFT_OK) {
            err = fn(ctx, actor);
            wf_actor_destroy(actor);
        }
        wf_capsule_fini(&capsule);
    } while (err == WEFT_OK && wf_reader_left(&reader) > 0);
    return err;
}

// Showing. --------------------------------------------------------------------

struct show {
    struct wf_view view;
    weft_inspect_fn *fn;
    void *ctx;
    bool is_over;
};

static weft_err
show_actor(void *ctx, struct wf_actor *actor)
{
    struct show *show = ctx;

    if (!show->is_over) {
        wf_view_actor(&show->view, &actor->key, actor);
        show->is_over = show->fn(show->ctx, &show->view.shown) != 0;
    }
    return WEFT_OK;
}

weft_err
weft_capsule_each(weft_bytes capsules, weft_inspect_fn *fn, void *ctx)
{
    struct show show = {.fn = fn, .ctx = ctx};
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(fn != NULL);
    err = each(capsules, show_actor, &show);
    wf_view_fini(&show.view);
    return err;
}

// Replaying. ------------------------------------------------------------------

struct check {
    const weft_definitions *definitions;
    struct wf_fit *fit;
};

static weft_err
check_actor(void *ctx, struct wf_actor *actor)
{
    const struct check *check = ctx;
    const char *name = wf_key_kind(&actor->key);
    const struct wf_kind *newest =
        wf_definitions_find(check->definitions, name);
    char *difference = NULL;
    weft_err err;

    if (newest == NULL) {
        return wf_error(WEFT_ENOTFOUND, "no kind named %s is registered", name);
    }
    if (!newest->is_workflow) {
        return WEFT_OK;
    }
    actor->kind = wf_kind_version(newest, actor->version);
    if (actor->kind == NULL) {
        actor->kind = newest;
    }
    err = wf_fit_check(wf_fit_partition(check->fit), actor, actor->kind,
                       &difference);
    if (difference != NULL) {
        err = wf_error(err, "%s/%s: %s", name, wf_key_id(&actor->key),
                       difference);
        wf_free(difference);
    }
    return err;
}

weft_err
weft_replay_check(const weft_definitions *definitions, weft_bytes capsules)
{
    struct check check = {.definitions = definitions};
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(definitions != NULL);
    check.fit = wf_fit_create(definitions);
    err = each(capsules, check_actor, &check);
    wf_fit_destroy(check.fit);
    return err;
}

static weft_err
read_file(const char *path, struct wf_buf *out)
{
    FILE *file = fopen(path, "rb");
    uint8_t part[4096];
    size_t len;
    weft_err err = WEFT_OK;

    if (file == NULL) {
        return wf_error(errno == ENOENT ? WEFT_ENOTFOUND : WEFT_EIO, "%s: %s",
                        path, strerror(errno));
    }
    while ((len = fread(part, 1, sizeof(part), file)) > 0) {
        wf_buf_put(out, part, len);
    }
    if (ferror(file) != 0) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    }
    (void)fclose(file);
    return err;
}

weft_err
weft_replay_check_file(const weft_definitions *definitions, const char *path)
{
    struct wf_buf bytes = {0};
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(path != NULL);
    err = read_file(path, &bytes);
    if (err == WEFT_OK) {
        err = weft_replay_check(definitions, wf_buf_bytes(&bytes));
    }
    wf_buf_fini(&bytes);
    return err;
}
