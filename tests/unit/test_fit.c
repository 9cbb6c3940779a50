// SPDX-License-Identifier: Apache-2.0

#include "runtime/fit.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "runtime/actor.h"
#include "runtime/record.h"
#include "runtime/version.h"
#include "support/test.h"

static unsigned runs;
static unsigned cleanups;

static void
clean_up(void *ctx)
{
    (void)ctx;
    cleanups++;
}

static weft_err
wait_for(weft_workflow *wf, const char *signal)
{
    weft_err err;

    runs++;
    CHECK_EQ(weft_workflow_is_replaying(wf), 1);
    CHECK_OK(weft_workflow_defer(wf, clean_up, NULL));
    CHECK_OK(weft_workflow_publish(wf, "seen", weft_nothing()));
    err = weft_workflow_receive(wf, signal, WEFT_FOREVER, NULL);
    CHECK_ERR(err, WEFT_EUNWIND);
    return err;
}

static weft_err
go_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return wait_for(wf, "go");
}

static weft_err
come_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return wait_for(wf, "come");
}

struct scene {
    weft_definitions *definitions;
    struct wf_fit *fit;
    struct wf_actor *actor;
};

static void
begin(struct scene *scene, weft_workflow_fn *run)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;
    struct wf_key key;

    runs = 0;
    cleanups = 0;
    def.name = "flow";
    def.run = run;
    CHECK_OK(weft_definitions_create(&scene->definitions));
    CHECK_OK(weft_definitions_add_workflow(scene->definitions, &def));
    scene->fit = wf_fit_create(scene->definitions);
    CHECK_OK(wf_key_make("default", "flow", "w", &key));
    scene->actor = wf_actor_create(&key, wf_key_hash(&key));
    wf_key_fini(&key);
}

static void
end(struct scene *scene)
{
    wf_actor_destroy(scene->actor);
    wf_fit_destroy(scene->fit);
    weft_definitions_destroy(scene->definitions);
}

static void
append(struct scene *scene, const struct wf_entry *entry)
{
    struct wf_buf bytes = {0};

    wf_entry_encode(entry, &bytes);
    (void)wf_journal_append(&scene->actor->journal, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
}

static void
append_begun(struct scene *scene)
{
    append(scene, &(struct wf_entry){.type = WF_ENTRY_STARTED, .now_ms = 1});
}

static void
append_receive(struct scene *scene)
{
    append(scene, &(struct wf_entry){
                      .type = WF_ENTRY_OPEN,
                      .kind = WF_COMMAND_RECEIVE,
                      .ordinal = 1,
                      .name = weft_text("go"),
                      .input_hash = wf_hash64(NULL, 0, 0),
                  });
}

// What go_run leaves when it waits.
static void
append_waiting(struct scene *scene)
{
    append_begun(scene);
    append_receive(scene);
}

// A large turn ends, and the next one begins.
static void
append_break(struct scene *scene)
{
    append(scene, &(struct wf_entry){.type = WF_ENTRY_BREAK});
}

static void
append_went_on(struct scene *scene)
{
    append_break(scene);
    append(scene, &(struct wf_entry){.type = WF_ENTRY_WENT_ON, .now_ms = 2});
}

static weft_err
check(struct scene *scene, char **out_difference)
{
    return wf_fit_check(wf_fit_partition(scene->fit), scene->actor,
                        wf_definitions_find(scene->definitions, "flow"),
                        out_difference);
}

TEST(fit, the_code_that_made_it_fits_and_leaves_nothing_behind)
{
    struct scene scene;
    char *difference;

    begin(&scene, go_run);
    append_waiting(&scene);
    CHECK_OK(check(&scene, &difference));
    CHECK(difference == NULL);
    CHECK_EQ(runs, 1);
    CHECK_EQ(cleanups, 1);
    CHECK(scene.actor->activation == NULL);
    CHECK_EQ(scene.actor->journal.count, 2);
    CHECK_EQ(scene.actor->published.list.count, 0);
    end(&scene);
}

TEST(fit, other_code_is_told_with_both_sides)
{
    struct scene scene;
    char *difference;

    begin(&scene, come_run);
    append_waiting(&scene);
    CHECK_ERR(check(&scene, &difference), WEFT_EDIVERGED);
    CHECK(strstr(difference, "recorded was receive \"go\"") != NULL);
    CHECK(strstr(difference, "the code gives receive \"come\"") != NULL);
    wf_free(difference);
    CHECK_EQ(cleanups, 1);
    CHECK(scene.actor->activation == NULL);
    end(&scene);
}

TEST(fit, what_has_not_begun_fits_without_running)
{
    struct scene scene;
    char *difference;

    begin(&scene, come_run);
    CHECK_OK(check(&scene, &difference));
    CHECK_EQ(runs, 0);
    end(&scene);
}

// Moving, which asks the same. ------------------------------------------------

static void
add_version(struct scene *scene, uint32_t version, weft_workflow_fn *run)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = "flow";
    def.version = version;
    def.run = run;
    CHECK_OK(weft_definitions_add_workflow(scene->definitions, &def));
}

static weft_err
move(struct scene *scene, uint32_t version, struct wf_buf *ops)
{
    return wf_version_move(wf_fit_partition(scene->fit), scene->actor, version,
                           ops);
}

TEST(fit, code_goes_on_where_a_large_turn_broke_off)
{
    struct scene scene;
    char *difference;

    begin(&scene, go_run);
    append_begun(&scene);
    append_break(&scene);
    CHECK_OK(check(&scene, &difference));
    CHECK_EQ(cleanups, 1);
    append(&scene, &(struct wf_entry){.type = WF_ENTRY_WENT_ON, .now_ms = 2});
    append_receive(&scene);
    CHECK_OK(check(&scene, &difference));
    end(&scene);
}

TEST(fit, code_that_waits_where_a_large_turn_broke_off_does_not_fit)
{
    struct scene scene;
    char *difference;

    begin(&scene, go_run);
    append_waiting(&scene);
    append_went_on(&scene);
    CHECK_ERR(check(&scene, &difference), WEFT_EDIVERGED);
    CHECK(strstr(difference, "recorded was that it goes on") != NULL);
    wf_free(difference);
    end(&scene);
}

TEST(fit, a_journal_that_is_cut_goes_on_if_it_ends_with_a_break)
{
    struct scene scene;
    struct wf_actor *actor;

    begin(&scene, go_run);
    actor = scene.actor;
    actor->status = WEFT_STATUS_RUNNING;
    append_begun(&scene);
    append_went_on(&scene);
    CHECK(!wf_actor_goes_on(actor));
    wf_journal_cut(&actor->journal, 2);
    CHECK(wf_actor_goes_on(actor));
    wf_journal_cut(&actor->journal, 1);
    CHECK(!wf_actor_goes_on(actor));
    end(&scene);
}

TEST(fit, other_code_after_a_large_turn_does_not_fit)
{
    struct scene scene;
    char *difference;

    begin(&scene, come_run);
    append_begun(&scene);
    append_went_on(&scene);
    append_receive(&scene);
    CHECK_ERR(check(&scene, &difference), WEFT_EDIVERGED);
    CHECK(strstr(difference, "the code gives receive \"come\"") != NULL);
    wf_free(difference);
    end(&scene);
}

TEST(version, a_move_is_refused_with_its_reason_or_is_one_operation)
{
    static const uint8_t moved[] = {WF_OP_VERSION, 2};
    struct scene scene;
    struct wf_buf ops = {0};

    begin(&scene, go_run);
    add_version(&scene, 2, go_run);
    add_version(&scene, 3, come_run);
    append_waiting(&scene);
    CHECK_ERR(move(&scene, 2, &ops), WEFT_ENOTFOUND);
    scene.actor->status = WEFT_STATUS_COMPLETED;
    CHECK_ERR(move(&scene, 2, &ops), WEFT_EFINISHED);
    scene.actor->status = WEFT_STATUS_RUNNING;
    CHECK_ERR(move(&scene, 2, &ops), WEFT_EINVAL);
    scene.actor->kind = wf_definitions_find(scene.definitions, "flow");
    CHECK_ERR(move(&scene, 0, &ops), WEFT_ENOTFOUND);
    CHECK_ERR(move(&scene, 4, &ops), WEFT_ENOTFOUND);
    CHECK(strstr(weft_err_detail(), "version 4 of flow") != NULL);
    CHECK_EQ(runs, 0);
    CHECK_ERR(move(&scene, 3, &ops), WEFT_EDIVERGED);
    CHECK(strstr(weft_err_detail(), "gives receive \"come\"") != NULL);
    CHECK_EQ(ops.len, 0);
    CHECK_OK(move(&scene, 2, &ops));
    CHECK(wf_bytes_equal(wf_buf_bytes(&ops),
                         weft_bytes_of(moved, sizeof(moved))));
    wf_buf_fini(&ops);
    end(&scene);
}
