// SPDX-License-Identifier: Apache-2.0
//
// dry_run.c - new code over what a node left. See weft/dry_run.h.
//
// The walk of inspection gives each actor as a node would load it; fit.c runs
// the code over its journal. What is asked, and in which order, is what
// version.c and an activation ask.

#include "weft/dry_run.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/actor.h"
#include "runtime/fit.h"
#include "runtime/inspect_core.h"
#include "runtime/inspect_impl.h"
#include "runtime/versioned.h"

struct summary {
    weft_dry_run_summary shown; // first: what the caller has
    weft_dry_run_count *counts; // kinds are owned
};

struct dry_run {
    weft_dry_run_options options;
    weft_dry_run_fn *fn;
    void *ctx;
    weft_inspect *inspect;
    struct wf_fit *fit;
    struct summary *summary;
    char *difference; // owned; of the last check
};

const char *
weft_dry_run_outcome_name(weft_dry_run_outcome outcome)
{
    static const char *const names[] = {
        [WEFT_DRY_RUN_STAYS] = "stays",   [WEFT_DRY_RUN_MOVES] = "moves",
        [WEFT_DRY_RUN_WAITS] = "waits",   [WEFT_DRY_RUN_PARKS] = "parks",
        [WEFT_DRY_RUN_BROKEN] = "broken",
    };

    return (unsigned)outcome < WEFT_DRY_RUN_OUTCOME_COUNT ? names[outcome]
                                                          : "unknown";
}

// Counting. -----------------------------------------------------------------

static weft_dry_run_count *
find_count(struct summary *summary, const char *kind, uint32_t version)
{
    size_t count = summary->shown.counts_count;

    for (size_t i = 0; i < count; i++) {
        if (summary->counts[i].version == version &&
            strcmp(summary->counts[i].kind, kind) == 0) {
            return &summary->counts[i];
        }
    }
    summary->counts =
        wf_realloc(summary->counts, (count + 1) * sizeof(*summary->counts));
    summary->counts[count] = (weft_dry_run_count){
        .kind = wf_strdup(kind),
        .version = version,
    };
    summary->shown.counts = summary->counts;
    summary->shown.counts_count = count + 1;
    return &summary->counts[count];
}

void
weft_dry_run_free(weft_dry_run_summary *summary)
{
    struct summary *whole = (struct summary *)summary;

    if (summary == NULL) {
        return;
    }
    for (size_t i = 0; i < summary->counts_count; i++) {
        wf_free((void *)(uintptr_t)summary->counts[i].kind);
    }
    wf_free(whole->counts);
    wf_free(whole);
}

// Count it, and tell. False ends the walk.
static bool
tell(struct dry_run *run, const struct wf_key *key,
     weft_dry_run_instance *instance)
{
    instance->name_space = wf_key_namespace(key);
    instance->kind = wf_key_kind(key);
    instance->id = wf_key_id(key);
    if (instance->difference == NULL) {
        instance->difference = run->difference == NULL ? "" : run->difference;
    }
    run->summary->shown.outcomes[instance->outcome]++;
    find_count(run->summary, instance->kind, instance->version)
        ->outcomes[instance->outcome]++;
    return run->fn == NULL || run->fn(run->ctx, instance) == 0;
}

// Trying. -------------------------------------------------------------------

// Run that code over its journal.
static weft_err
try_kind(struct dry_run *run, struct wf_actor *actor,
         const struct wf_kind *kind, weft_dry_run_instance *instance)
{
    weft_err err;

    wf_free(run->difference);
    run->difference = NULL;
    instance->tried = kind->version;
    err =
        wf_fit_check(wf_fit_partition(run->fit), actor, kind, &run->difference);
    if (err != WEFT_OK && run->difference == NULL) {
        run->difference = wf_strdup(weft_err_detail());
    }
    return err;
}

static weft_dry_run_outcome
outcome_of(weft_err err, weft_dry_run_outcome if_it_fits)
{
    if (err == WEFT_OK) {
        return if_it_fits;
    }
    return err == WEFT_EDIVERGED ? WEFT_DRY_RUN_PARKS : WEFT_DRY_RUN_BROKEN;
}

// What a node with these definitions would do. What it says about a version
// that the instance does not move to is kept as the difference.
static weft_dry_run_outcome
try_as_node(struct dry_run *run, struct wf_actor *actor,
            weft_dry_run_instance *instance)
{
    const struct wf_kind *next = wf_actor_next_code(actor);
    const struct wf_kind *own = wf_kind_version(actor->kind, actor->version);
    char *difference;
    weft_err err;

    if (next != NULL && try_kind(run, actor, next, instance) == WEFT_OK) {
        return WEFT_DRY_RUN_MOVES;
    }
    if (own == NULL) {
        return WEFT_DRY_RUN_WAITS;
    }
    difference = run->difference;
    run->difference = NULL;
    err = try_kind(run, actor, own, instance);
    if (err == WEFT_OK) {
        run->difference = difference;
        instance->tried = next == NULL ? own->version : next->version;
    } else {
        wf_free(difference);
    }
    return outcome_of(err, WEFT_DRY_RUN_STAYS);
}

static weft_dry_run_outcome
try_version(struct dry_run *run, struct wf_actor *actor,
            weft_dry_run_instance *instance)
{
    const struct wf_kind *kind =
        wf_kind_version(actor->kind, run->options.version);

    return outcome_of(try_kind(run, actor, kind, instance),
                      kind->version == actor->version ? WEFT_DRY_RUN_STAYS
                                                      : WEFT_DRY_RUN_MOVES);
}

static bool
try_actor(struct dry_run *run, struct wf_actor *actor)
{
    weft_dry_run_instance instance = {
        .version = actor->version,
        .is_parked = actor->is_parked,
    };

    wf_free(run->difference);
    run->difference = NULL;
    actor->kind =
        wf_definitions_find(run->options.definitions, wf_key_kind(&actor->key));
    if (!wf_actor_is_live(actor) ||
        (actor->kind != NULL && !actor->kind->is_workflow)) {
        return true;
    }
    if (actor->kind == NULL) {
        instance.outcome = WEFT_DRY_RUN_WAITS;
    } else if (run->options.kind != NULL) {
        instance.outcome = try_version(run, actor, &instance);
    } else {
        instance.outcome = try_as_node(run, actor, &instance);
    }
    return tell(run, &actor->key, &instance);
}

static bool
visit(void *ctx, uint32_t index, const struct wf_key *key)
{
    struct dry_run *run = ctx;
    struct wf_partition *partition = run->inspect->partitions[index];
    struct wf_actor *actor = NULL;
    weft_err err;
    bool goes_on;

    if (run->options.kind != NULL &&
        strcmp(wf_key_kind(key), run->options.kind) != 0) {
        return true;
    }
    err = wf_inspect_core_actor(
        partition, key, wf_inspect_store_of(run->inspect, index), &actor);
    if (err == WEFT_ENOTFOUND) {
        return true;
    }
    if (err != WEFT_OK) {
        return tell(run, key,
                    &(weft_dry_run_instance){
                        .outcome = WEFT_DRY_RUN_BROKEN,
                        .difference = weft_err_detail(),
                    });
    }
    goes_on = try_actor(run, actor);
    wf_inspect_core_drop(partition, actor);
    return goes_on;
}

// All of it. ----------------------------------------------------------------

static weft_err
check_options(const weft_dry_run_options *options)
{
    const struct wf_kind *kind;

    WF_REQUIRE(options->definitions != NULL);
    if (options->kind == NULL) {
        return options->version == 0
                   ? WEFT_OK
                   : wf_error(WEFT_EINVAL, "a version, and no kind");
    }
    kind = wf_definitions_find(options->definitions, options->kind);
    if (kind == NULL || !kind->is_workflow ||
        wf_kind_version(kind, options->version) == NULL) {
        return wf_error(WEFT_ENOTFOUND,
                        "version %" PRIu32 " of workflow %s is not registered",
                        options->version, options->kind);
    }
    return WEFT_OK;
}

static weft_err
verdict(const weft_dry_run_summary *summary)
{
    const uint64_t *outcomes = summary->outcomes;

    if (outcomes[WEFT_DRY_RUN_WAITS] + outcomes[WEFT_DRY_RUN_PARKS] +
            outcomes[WEFT_DRY_RUN_BROKEN] ==
        0) {
        return WEFT_OK;
    }
    return wf_error(WEFT_EDIVERGED,
                    "%" PRIu64 " would wait, %" PRIu64
                    " would be parked, %" PRIu64 " cannot be read",
                    outcomes[WEFT_DRY_RUN_WAITS], outcomes[WEFT_DRY_RUN_PARKS],
                    outcomes[WEFT_DRY_RUN_BROKEN]);
}

weft_err
weft_dry_run(const weft_dry_run_options *options, weft_dry_run_fn *fn,
             void *ctx, weft_dry_run_summary **out_summary)
{
    weft_inspect_options looking = WEFT_INSPECT_OPTIONS_INIT;
    struct dry_run run = {.fn = fn, .ctx = ctx};
    weft_err err;

    wf_error_clear();
    err = wf_versioned_copy("weft_dry_run_options", options, &run.options,
                            sizeof(run.options));
    if (err == WEFT_OK) {
        err = check_options(&run.options);
    }
    if (err != WEFT_OK) {
        return err;
    }
    looking.data_dir = run.options.data_dir;
    looking.accept_loss = run.options.accept_loss;
    err = wf_inspect_make(&looking, NULL, &run.inspect);
    if (err != WEFT_OK) {
        return err;
    }
    run.summary = wf_calloc(sizeof(*run.summary));
    run.fit = wf_fit_create(run.options.definitions);
    err = wf_inspect_walk(run.inspect, visit, &run);
    wf_free(run.difference);
    wf_fit_destroy(run.fit);
    weft_inspect_close(run.inspect);
    if (err == WEFT_OK) {
        err = verdict(&run.summary->shown);
    }
    if (out_summary != NULL) {
        *out_summary = &run.summary->shown;
    } else {
        weft_dry_run_free(&run.summary->shown);
    }
    return err;
}
