// SPDX-License-Identifier: Apache-2.0
//
// testing_crash.c - the disk of a test's node, which crashes when it is told.
//
// The store that the node gets counts commits, which are the synced writes
// while it serves. At the commit asked for it writes, or only says so; and in
// both cases asks for a crash, which testing.c carries out before anybody hears
// of the outcome.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "runtime/node.h"
#include "runtime/testing_impl.h"

// The store. ------------------------------------------------------------------

static weft_err
store_write(void *self, const struct wf_batch *batch, bool sync)
{
    weft_test *test = self;
    bool is_last;

    if (!sync || test->is_recovering) {
        return test->store.ops->write(test->store.self, batch, sync);
    }
    test->commits++;
    is_last = test->commits == test->crash_commit;
    test->wants_crash = test->wants_crash || is_last;
    return is_last && !test->is_crash_after
               ? WEFT_OK
               : test->store.ops->write(test->store.self, batch, sync);
}

static weft_err
store_get(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    const struct wf_store *store = &((weft_test *)self)->store;

    return store->ops->get(store->self, cf, key, out_value);
}

static weft_err
store_scan(void *self, enum wf_cf cf, weft_bytes from, weft_bytes to,
           wf_scan_fn *fn, void *ctx)
{
    const struct wf_store *store = &((weft_test *)self)->store;

    return store->ops->scan(store->self, cf, from, to, fn, ctx);
}

static weft_err
store_flush(void *self)
{
    const struct wf_store *store = &((weft_test *)self)->store;

    return store->ops->flush(store->self);
}

static weft_err
store_checkpoint(void *self, const char *dir)
{
    const struct wf_store *store = &((weft_test *)self)->store;

    return store->ops->checkpoint(store->self, dir);
}

static weft_err
store_verify(void *self)
{
    const struct wf_store *store = &((weft_test *)self)->store;

    return store->ops->verify(store->self);
}

static void
store_close(void *self)
{
    const struct wf_store *store = &((weft_test *)self)->store;

    store->ops->close(store->self);
}

static const struct wf_store_ops store_ops = {
    .write = store_write,
    .get = store_get,
    .scan = store_scan,
    .flush = store_flush,
    .checkpoint = store_checkpoint,
    .verify = store_verify,
    .close = store_close,
};

weft_err
wf_testing_open_store(void *ctx, uint32_t store, struct wf_store *out_store)
{
    weft_test *test = ctx;
    weft_err err = wf_store_memory_open(test->disk, &test->store);

    (void)store;
    *out_store = (struct wf_store){.ops = &store_ops, .self = test};
    return err;
}

// Crashes. --------------------------------------------------------------------

bool
wf_testing_crash(weft_test *test)
{
    weft_err err;

    if (!test->wants_crash || test->is_in_turn || test->activities > 0) {
        return false;
    }
    wf_testing_give_tasks(test);
    wf_memory_disk_crash(test->disk);
    test->is_recovering = true;
    err = wf_node_restart(test->node);
    test->is_recovering = false;
    WF_ASSERT(err == WEFT_OK); // what was synced in memory is there
    test->wants_crash = false;
    test->crashes++;
    return true;
}

void
weft_test_crash(weft_test *test)
{
    if (test != NULL) {
        test->wants_crash = true;
        (void)wf_testing_crash(test);
    }
}

void
weft_test_crash_at_commit(weft_test *test, uint64_t count, int is_after)
{
    if (test != NULL) {
        test->crash_commit = count == 0 ? 0 : test->commits + count;
        test->is_crash_after = is_after != 0;
    }
}

uint64_t
weft_test_commits(const weft_test *test)
{
    return test == NULL ? 0 : test->commits;
}

uint64_t
weft_test_crashes(const weft_test *test)
{
    return test == NULL ? 0 : test->crashes;
}

// Scenarios. ------------------------------------------------------------------

struct scenario {
    const weft_definitions *definitions;
    const weft_test_options *options;
    weft_test_scenario_fn *fn;
    void *ctx;
};

// Play it once, with a crash at that commit; 0: none.
static weft_err
play(const struct scenario *scenario, uint64_t commit, bool is_after,
     uint64_t *out_commits)
{
    weft_test *test = NULL;
    weft_err err =
        weft_test_open(scenario->definitions, scenario->options, &test);
    int result;

    if (err != WEFT_OK) {
        return err;
    }
    weft_test_crash_at_commit(test, commit, is_after);
    result = scenario->fn(test, scenario->ctx);
    *out_commits = test->commits;
    weft_test_close(test);
    if (result == 0) {
        return WEFT_OK;
    }
    return commit == 0
               ? wf_error(WEFT_EFAILED,
                          "the scenario returned %d, without a crash", result)
               : wf_error(WEFT_EFAILED,
                          "the scenario returned %d, with a crash %s commit "
                          "%llu",
                          result, is_after ? "after" : "before",
                          (unsigned long long)commit);
}

weft_err
weft_test_every_crash(const weft_definitions *definitions,
                      const weft_test_options *options,
                      weft_test_scenario_fn *scenario, void *ctx)
{
    const struct scenario all = {definitions, options, scenario, ctx};
    uint64_t commits = 0;
    uint64_t ignored;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(scenario != NULL);
    err = play(&all, 0, false, &commits);
    for (uint64_t commit = 1; err == WEFT_OK && commit <= commits; commit++) {
        err = play(&all, commit, false, &ignored);
        if (err == WEFT_OK) {
            err = play(&all, commit, true, &ignored);
        }
    }
    return err;
}
