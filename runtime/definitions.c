// SPDX-License-Identifier: Apache-2.0
//
// definitions.c - the kinds that were registered.
//
// Kinds are kept in the order of their registration and found through a hash
// table of each space of names. What is added is checked, copied whole and
// completed with defaults, so that nobody behind this file asks again what
// zero means. Two things stay as the caller wrote them, because zero says it
// well: timeouts and total_ms, where both 0 and WEFT_FOREVER are "no limit".
// (start_to_close_ms is never 0: its default is a minute.)
//
// Threads: see definitions.h.

#include "runtime/definitions.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/key.h"
#include "base/limits.h"
#include "base/table.h"
#include "runtime/interceptor.h"
#include "runtime/versioned.h"

enum { RETRY_MS_DEFAULT = 1000 };

struct weft_definitions {
    struct wf_table kinds;      // of struct wf_kind, the highest versions
    struct wf_table activities; // of struct wf_activity_kind
    struct wf_activity_kind **by_index;
    struct wf_interceptors *interceptors;
};

static uint64_t
hash_of(const char *name)
{
    return wf_hash64(name, strlen(name), 0);
}

static bool
kind_has_name(const void *item, const void *key)
{
    const struct wf_kind *kind = item;

    return strcmp(kind->name, key) == 0;
}

static bool
activity_has_name(const void *item, const void *key)
{
    const struct wf_activity_kind *kind = item;

    return strcmp(kind->name, key) == 0;
}

// Life. ---------------------------------------------------------------------

weft_err
weft_definitions_create(weft_definitions **out_definitions)
{
    weft_definitions *definitions;

    wf_error_clear();
    WF_REQUIRE(out_definitions != NULL);
    definitions = wf_try_alloc(sizeof(*definitions));
    if (definitions == NULL) {
        return WEFT_ENOMEM;
    }
    wf_table_init(&definitions->kinds);
    wf_table_init(&definitions->activities);
    definitions->by_index = NULL;
    definitions->interceptors = wf_calloc(sizeof(*definitions->interceptors));
    *out_definitions = definitions;
    return WEFT_OK;
}

static void
free_names(const char *const *names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        wf_free((void *)(uintptr_t)names[i]);
    }
    wf_free((void *)(uintptr_t)names);
}

static void
free_versions(const struct wf_kind *kind)
{
    while (kind != NULL) {
        const struct wf_kind *older = kind->older;

        wf_free(kind->name);
        wf_free((void *)(uintptr_t)kind);
        kind = older;
    }
}

void
weft_definitions_destroy(weft_definitions *definitions)
{
    struct wf_kind *kind;
    size_t cursor = 0;

    if (definitions == NULL) {
        return;
    }
    while ((kind = wf_table_next(&definitions->kinds, &cursor)) != NULL) {
        free_versions(kind);
    }
    for (size_t i = 0; i < definitions->activities.count; i++) {
        struct wf_activity_kind *activity = definitions->by_index[i];

        free_names(activity->def.retry.non_retryable);
        wf_free((void *)(uintptr_t)activity->def.task_queue);
        wf_free(activity->name);
        wf_free(activity);
    }
    wf_interceptors_fini(definitions->interceptors);
    wf_free(definitions->interceptors);
    wf_free(definitions->by_index);
    wf_table_fini(&definitions->kinds);
    wf_table_fini(&definitions->activities);
    wf_free(definitions);
}

// Checks. -------------------------------------------------------------------

static weft_err
check_name(const char *what, const char *name)
{
    // A name that is too long is as wrong as one that is missing.
    return wf_name_check(what, name, WF_KIND_BYTES_MAX) == WEFT_OK
               ? WEFT_OK
               : WEFT_EINVAL;
}

static weft_err
check_interval(const char *what, weft_retry_policy *policy)
{
    uint64_t initial = policy->initial_interval_ms;
    uint64_t maximum = policy->maximum_interval_ms;

    if (initial == 0) {
        initial = maximum != 0 && maximum < RETRY_MS_DEFAULT ? maximum
                                                             : RETRY_MS_DEFAULT;
    }
    if (maximum == 0) {
        maximum = initial > WEFT_FOREVER / 100 ? WEFT_FOREVER : initial * 100;
    }
    if (maximum < initial) {
        return wf_error(WEFT_EINVAL,
                        "%s: maximum_interval_ms is below initial_interval_ms",
                        what);
    }
    policy->initial_interval_ms = initial;
    policy->maximum_interval_ms = maximum;
    return WEFT_OK;
}

weft_err
wf_retry_policy_normalise(const char *what, weft_retry_policy *policy)
{
    weft_retry_policy full = *policy;
    weft_err err;

    err = check_interval(what, &full);
    if (err != WEFT_OK) {
        return err;
    }
    // Written so that not-a-number fails too.
    if (full.coefficient == 0) {
        full.coefficient = 2;
    }
    if (!(full.coefficient >= 1) || isinf(full.coefficient)) {
        return wf_error(WEFT_EINVAL, "%s: coefficient is not 1 or more", what);
    }
    if (!(full.jitter >= 0 && full.jitter <= 1)) {
        return wf_error(WEFT_EINVAL, "%s: jitter is not 0 to 1", what);
    }
    for (size_t i = 0; full.non_retryable != NULL && full.non_retryable[i];
         i++) {
        if (wf_name_check("a non_retryable name", full.non_retryable[i],
                          WF_NAME_BYTES_MAX) != WEFT_OK) {
            return wf_error(WEFT_EINVAL, "%s: %s", what, weft_err_detail());
        }
    }
    *policy = full;
    return WEFT_OK;
}

// Adding. -------------------------------------------------------------------

// In its place among the versions of its name; the table has the highest.
static void
add_version(weft_definitions *definitions, struct wf_kind *kind)
{
    uint64_t hash = hash_of(kind->name);
    struct wf_kind *newer =
        wf_table_find(&definitions->kinds, hash, kind_has_name, kind->name);

    kind->index =
        newer == NULL ? (uint32_t)definitions->kinds.count : newer->index;
    if (newer == NULL || newer->version < kind->version) {
        if (newer != NULL) {
            wf_table_remove(&definitions->kinds, hash, newer);
        }
        kind->older = newer;
        wf_table_add(&definitions->kinds, hash, kind);
        return;
    }
    while (newer->older != NULL && newer->older->version > kind->version) {
        newer = (struct wf_kind *)(uintptr_t)newer->older;
    }
    kind->older = newer->older;
    newer->older = kind;
}

static void
add_kind(weft_definitions *definitions, const char *name,
         const struct wf_kind *kind)
{
    struct wf_kind *copy = wf_memdup(kind, sizeof(*kind));

    copy->name = wf_strdup(name);
    if (copy->is_workflow) {
        copy->workflow.name = copy->name;
    } else {
        copy->actor.name = copy->name;
    }
    add_version(definitions, copy);
}

static weft_err
check_new_kind(const weft_definitions *definitions, const char *name)
{
    if (wf_definitions_find(definitions, name) != NULL) {
        return wf_error(WEFT_EEXISTS, "a kind named %s is there already", name);
    }
    return WEFT_OK;
}

// Workflows may have several versions, each once.
static weft_err
check_new_version(const weft_definitions *definitions,
                  const weft_workflow_def *def)
{
    const struct wf_kind *kind = wf_definitions_find(definitions, def->name);

    if (kind != NULL && !kind->is_workflow) {
        return check_new_kind(definitions, def->name);
    }
    if (wf_kind_version(kind, def->version) != NULL) {
        return wf_error(WEFT_EEXISTS,
                        "version %u of workflow %s is there already",
                        def->version, def->name);
    }
    return WEFT_OK;
}

static weft_err
check_actor(const weft_actor_def *def)
{
    if (check_name("the actor's name", def->name) != WEFT_OK) {
        return WEFT_EINVAL;
    }
    if (def->receive == NULL) {
        return wf_error(WEFT_EINVAL, "actor %s: receive is missing", def->name);
    }
    if (def->state_bytes > WF_STATE_BYTES_MAX) {
        return wf_error(WEFT_EINVAL, "actor %s: state_bytes is over %u",
                        def->name, WF_STATE_BYTES_MAX);
    }
    if (def->creation != WEFT_CREATION_ON_MESSAGE &&
        def->creation != WEFT_CREATION_ON_START &&
        def->creation != WEFT_CREATION_NEVER &&
        def->creation != WEFT_CREATION_ALWAYS) {
        return wf_error(WEFT_EINVAL, "actor %s: creation is %d, which is none",
                        def->name, (int)def->creation);
    }
    return WEFT_OK;
}

static void
set_retention(struct wf_kind *kind, uint64_t ms, uint64_t failed_ms,
              uint64_t stopped_ms)
{
    kind->retention_ms = ms == 0 ? WF_RETENTION_MS_DEFAULT : ms;
    kind->retention_failed_ms = failed_ms == 0 ? kind->retention_ms : failed_ms;
    kind->retention_stopped_ms =
        stopped_ms == 0 ? kind->retention_ms : stopped_ms;
}

weft_err
weft_definitions_add_actor(weft_definitions *definitions,
                           const weft_actor_def *def)
{
    struct wf_kind kind = {.is_workflow = false};
    weft_actor_def *actor = &kind.actor;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(definitions != NULL);
    err = wf_versioned_copy("weft_actor_def", def, actor, sizeof(*actor));
    if (err != WEFT_OK) {
        return err;
    }
    err = check_actor(actor);
    if (err != WEFT_OK) {
        return err;
    }
    err = check_new_kind(definitions, actor->name);
    if (err != WEFT_OK) {
        return err;
    }
    if (actor->version == 0) {
        actor->version = 1;
    }
    if (actor->turn_attempts_max == 0) {
        actor->turn_attempts_max = WF_TURN_ATTEMPTS_DEFAULT;
    }
    kind.version = actor->version;
    kind.creation = actor->creation;
    set_retention(&kind, actor->retention_ms, actor->retention_failed_ms,
                  actor->retention_stopped_ms);
    add_kind(definitions, actor->name, &kind);
    return WEFT_OK;
}

static weft_err
check_workflow(const weft_workflow_def *def)
{
    if (check_name("the workflow's name", def->name) != WEFT_OK) {
        return WEFT_EINVAL;
    }
    if (def->run == NULL) {
        return wf_error(WEFT_EINVAL, "workflow %s: run is missing", def->name);
    }
    if (def->stack_bytes != 0 && (def->stack_bytes < WF_STACK_BYTES_MIN ||
                                  def->stack_bytes > WF_STACK_BYTES_MAX)) {
        return wf_error(WEFT_EINVAL, "workflow %s: stack_bytes is not %u to %u",
                        def->name, (unsigned)WF_STACK_BYTES_MIN,
                        WF_STACK_BYTES_MAX);
    }
    if (def->upgrade != WEFT_UPGRADE_PIN &&
        def->upgrade != WEFT_UPGRADE_ON_RESTART &&
        def->upgrade != WEFT_UPGRADE_NOW_IF_FITS) {
        return wf_error(WEFT_EINVAL,
                        "workflow %s: upgrade is %d, which is none", def->name,
                        (int)def->upgrade);
    }
    if (def->early_signals != WEFT_EARLY_REFUSE &&
        def->early_signals != WEFT_EARLY_KEEP) {
        return wf_error(WEFT_EINVAL,
                        "workflow %s: early_signals is %d, which is none",
                        def->name, (int)def->early_signals);
    }
    return WEFT_OK;
}

weft_err
weft_definitions_add_workflow(weft_definitions *definitions,
                              const weft_workflow_def *def)
{
    struct wf_kind kind = {.is_workflow = true};
    weft_workflow_def *workflow = &kind.workflow;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(definitions != NULL);
    err = wf_versioned_copy("weft_workflow_def", def, workflow,
                            sizeof(*workflow));
    if (err != WEFT_OK) {
        return err;
    }
    err = check_workflow(workflow);
    if (err != WEFT_OK) {
        return err;
    }
    if (workflow->version == 0) {
        workflow->version = 1;
    }
    err = check_new_version(definitions, workflow);
    if (err != WEFT_OK) {
        return err;
    }
    if (workflow->stack_bytes == 0) {
        workflow->stack_bytes = WF_STACK_BYTES_DEFAULT;
    }
    kind.version = workflow->version;
    kind.creation = WEFT_CREATION_ON_START;
    set_retention(&kind, workflow->retention_ms, workflow->retention_failed_ms,
                  workflow->retention_stopped_ms);
    add_kind(definitions, workflow->name, &kind);
    return WEFT_OK;
}

// A copy of a NULL-terminated list of strings; NULL stays NULL.
static const char *const *
copy_names(const char *const *names)
{
    const char **copy;
    size_t count = 0;

    if (names == NULL) {
        return NULL;
    }
    while (names[count] != NULL) {
        count++;
    }
    copy = wf_calloc((count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        copy[i] = wf_strdup(names[i]);
    }
    return copy;
}

static void
add_activity(weft_definitions *definitions, const weft_activity_def *def)
{
    struct wf_activity_kind *kind = wf_calloc(sizeof(*kind));
    size_t count = definitions->activities.count;

    kind->name = wf_strdup(def->name);
    kind->index = (uint32_t)count;
    kind->def = *def;
    kind->def.name = kind->name;
    kind->def.retry.non_retryable = copy_names(def->retry.non_retryable);
    kind->def.task_queue =
        def->task_queue == NULL ? NULL : wf_strdup(def->task_queue);
    definitions->by_index = wf_realloc(
        definitions->by_index, (count + 1) * sizeof(*definitions->by_index));
    definitions->by_index[count] = kind;
    wf_table_add(&definitions->activities, hash_of(kind->name), kind);
}

weft_err
weft_definitions_add_activity(weft_definitions *definitions,
                              const weft_activity_def *def)
{
    weft_activity_def full;
    char what[WF_KIND_BYTES_MAX + sizeof("activity ")] = "activity ";
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(definitions != NULL);
    err = wf_versioned_copy("weft_activity_def", def, &full, sizeof(full));
    if (err != WEFT_OK) {
        return err;
    }
    if (check_name("the activity's name", full.name) != WEFT_OK) {
        return WEFT_EINVAL;
    }
    strcat(what, full.name);
    if (full.run == NULL) {
        return wf_error(WEFT_EINVAL, "%s: run is missing", what);
    }
    if (full.task_queue != NULL &&
        check_name("the task queue", full.task_queue) != WEFT_OK) {
        return wf_error(WEFT_EINVAL, "%s: %s", what, weft_err_detail());
    }
    err = wf_retry_policy_normalise(what, &full.retry);
    if (err != WEFT_OK) {
        return err;
    }
    if (wf_definitions_find_activity(definitions, full.name) != NULL) {
        return wf_error(WEFT_EEXISTS, "%s is there already", what);
    }
    if (full.timeouts.start_to_close_ms == 0) {
        full.timeouts.start_to_close_ms = WF_START_TO_CLOSE_MS_DEFAULT;
    }
    add_activity(definitions, &full);
    return WEFT_OK;
}

// Finding. ------------------------------------------------------------------

struct wf_interceptors *
wf_definitions_interceptors(const weft_definitions *definitions)
{
    return definitions->interceptors;
}

uint32_t
wf_definitions_kinds_count(const weft_definitions *definitions)
{
    return (uint32_t)definitions->kinds.count;
}

const struct wf_kind *
wf_definitions_kind_at(const weft_definitions *definitions, uint32_t index)
{
    const struct wf_kind *kind;
    size_t cursor = 0;

    do {
        kind = wf_table_next(&definitions->kinds, &cursor);
    } while (kind != NULL && kind->index != index);
    return kind;
}

const struct wf_kind *
wf_definitions_find(const weft_definitions *definitions, const char *name)
{
    return wf_table_find(&definitions->kinds, hash_of(name), kind_has_name,
                         name);
}

const struct wf_kind *
wf_kind_version(const struct wf_kind *kind, uint32_t version)
{
    while (kind != NULL && kind->version != version) {
        kind = kind->older;
    }
    return kind;
}

const struct wf_kind *
wf_kind_current(const struct wf_kind *kind)
{
    while (kind != NULL && kind->is_workflow && kind->workflow.is_retired) {
        kind = kind->older;
    }
    return kind;
}

const struct wf_kind *
wf_kind_upgrade(const struct wf_kind *kind, uint32_t version,
                weft_upgrade policy)
{
    const struct wf_kind *current = wf_kind_current(kind);

    return current != NULL && current->version > version &&
                   current->workflow.upgrade >= policy
               ? current
               : NULL;
}

const struct wf_activity_kind *
wf_definitions_find_activity(const weft_definitions *definitions,
                             const char *name)
{
    return wf_table_find(&definitions->activities, hash_of(name),
                         activity_has_name, name);
}

uint32_t
wf_definitions_activities_count(const weft_definitions *definitions)
{
    return (uint32_t)definitions->activities.count;
}

const struct wf_activity_kind *
wf_definitions_activity_at(const weft_definitions *definitions, uint32_t index)
{
    return definitions->by_index[index];
}
