// SPDX-License-Identifier: Apache-2.0
//
// test_client_batch.c - weft_client_batch, of clients near and far.

#include <stdio.h>
#include <string.h>

#include "unit/batch_rig.h"
#include "weft/find.h"
#include "weft/operate.h"
#include "weft/workflow.h"

enum { ORDERS = 250 };

static weft_err
order_run(weft_workflow *wf, weft_bytes input)
{
    (void)input;
    return weft_workflow_receive(wf, "go", WEFT_FOREVER, NULL);
}

struct rig {
    weft_definitions *definitions;
    weft_client *client;
    weft_batch_options options;
    weft_batch_result result;
    int pages; // that progress was told of
    int pages_max;
};

// Orders 0 to 249, every fifth of them with the attribute city = "Oslo".
static struct rig
begin(void)
{
    struct rig rig = {.options = WEFT_BATCH_OPTIONS_INIT};
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;
    weft_attribute oslo = weft_attribute_keyword("city", "Oslo");
    char id[16];

    def.name = "order";
    def.run = order_run;
    CHECK_OK(weft_definitions_create(&rig.definitions));
    CHECK_OK(weft_definitions_add_workflow(rig.definitions, &def));
    rig.client = batch_rig_open(rig.definitions);
    for (int i = 0; i < ORDERS; i++) {
        weft_start_options options = WEFT_START_OPTIONS_INIT;

        (void)snprintf(id, sizeof(id), "%d", i);
        options.attributes = &oslo;
        options.attributes_count = i % 5 == 0 ? 1 : 0;
        CHECK_OK(weft_client_start_with(rig.client, (weft_target){"order", id},
                                        weft_nothing(), &options, NULL));
    }
    return rig;
}

static void
end(struct rig *rig)
{
    batch_rig_close();
    weft_definitions_destroy(rig->definitions);
}

static weft_err
run(struct rig *rig, const char *filter, weft_verb verb)
{
    rig->options.filter = filter;
    rig->options.verb = verb;
    return weft_client_batch(rig->client, &rig->options, &rig->result);
}

static uint64_t
count(struct rig *rig, const char *filter)
{
    weft_reply *reply;
    uint64_t number;

    CHECK_OK(weft_client_count(rig->client, filter, NULL, &reply));
    number = reply->count;
    weft_reply_free(reply);
    return number;
}

// It becomes that many before long.
static void
await_count(struct rig *rig, const char *filter, uint64_t wanted)
{
    for (int i = 0; i < 12000 && count(rig, filter) != wanted; i++) {
        batch_rig_go_on();
    }
    CHECK_EQ(count(rig, filter), wanted);
}

TEST(client_batch, does_it_to_all_that_match_and_to_no_others)
{
    struct rig rig = begin();

    rig.options.name = "go";
    CHECK_OK(run(&rig, "city = 'Oslo'", WEFT_VERB_SIGNAL));
    CHECK_EQ(rig.result.seen, ORDERS / 5);
    CHECK_EQ(rig.result.done, ORDERS / 5);
    CHECK_STR(rig.result.cursor, "");
    await_count(&rig, "status = completed", ORDERS / 5);
    rig.options.name = "enough";
    CHECK_OK(run(&rig, "id starts_with '1'", WEFT_VERB_TERMINATE));
    CHECK_EQ(rig.result.seen, 111);
    CHECK_EQ(rig.result.failed, 22); // the ones of Oslo
    CHECK_EQ(rig.result.errors_count, 1);
    CHECK_ERR(rig.result.errors[0].err, WEFT_EFINISHED);
    CHECK_EQ(rig.result.errors[0].count, 22);
    CHECK_EQ(count(&rig, "status = terminated"), 89);
    CHECK_OK(run(&rig, "run > 0", WEFT_VERB_CANCEL));
    await_count(&rig, "status = running", 0);
    end(&rig);
}

TEST(client_batch, deletes_what_has_finished_and_if_asked_what_runs)
{
    struct rig rig = begin();

    CHECK_OK(run(&rig, "city = 'Oslo'", WEFT_VERB_DELETE));
    CHECK_EQ(rig.result.done, 0);
    CHECK_ERR(rig.result.errors[0].err, WEFT_EBUSY);
    rig.options.terminate_first = 1;
    CHECK_OK(run(&rig, "city = 'Oslo'", WEFT_VERB_DELETE));
    CHECK_EQ(rig.result.done, ORDERS / 5);
    CHECK_EQ(count(&rig, NULL), ORDERS - ORDERS / 5);
    CHECK_EQ(count(&rig, "city is not null"), 0);
    end(&rig);
}

static int
note_page(void *ctx, const weft_batch_result *so_far)
{
    struct rig *rig = ctx;

    CHECK_EQ(so_far->seen, so_far->done + so_far->failed);
    return ++rig->pages == rig->pages_max;
}

TEST(client_batch, stops_when_told_and_goes_on_from_its_cursor)
{
    struct rig rig = begin();

    rig.options.progress = note_page;
    rig.options.ctx = &rig;
    rig.pages_max = 1;
    CHECK_ERR(run(&rig, "kind = 'order'", WEFT_VERB_PAUSE), WEFT_ECANCELLED);
    CHECK_EQ(rig.result.done, 100);
    CHECK_EQ(count(&rig, "is_paused"), 100);
    rig.options.cursor = rig.result.cursor;
    CHECK_OK(run(&rig, "kind = 'order'", WEFT_VERB_PAUSE));
    CHECK_EQ(rig.result.done, ORDERS - 100);
    CHECK_EQ(rig.pages, 3);
    CHECK_EQ(count(&rig, "is_paused"), ORDERS);
    rig.options.cursor = NULL;
    rig.pages = 0;
    rig.pages_max = 3; // there is nothing left to stop
    CHECK_OK(run(&rig, "kind = 'order'", WEFT_VERB_RESUME));
    CHECK_EQ(count(&rig, "is_paused"), 0);
    end(&rig);
}

TEST(client_batch, resets_what_matches)
{
    static const weft_operator ada = {"ada", "all of them went wrong"};
    struct rig rig = begin();

    // Nobody said who and why.
    CHECK_ERR(run(&rig, "city = 'Oslo'", WEFT_VERB_RESET), WEFT_EINVAL);
    CHECK_EQ(rig.result.seen, 0);
    rig.options.by = &ada;
    CHECK_OK(run(&rig, "city = 'Oslo'", WEFT_VERB_RESET));
    CHECK_EQ(rig.result.done, ORDERS / 5);
    CHECK_EQ(count(&rig, "run = 2"), ORDERS / 5);
    CHECK_OK(run(&rig, "run = 2", WEFT_VERB_RETRY_FAILED));
    CHECK_EQ(rig.result.failed, ORDERS / 5); // none of them has failed
    end(&rig);
}

TEST(client_batch, keeps_its_rate)
{
    struct rig rig = begin();
    uint64_t begun_ms = batch_rig_now_ms();

    batch_rig_tick();
    rig.options.per_second = 10;
    CHECK_OK(run(&rig, "city = 'Oslo'", WEFT_VERB_CANCEL));
    CHECK(batch_rig_now_ms() - begun_ms >= (ORDERS / 5 - 1) * 100);
    begun_ms = batch_rig_now_ms();
    rig.options.per_second = 1000;
    CHECK_OK(run(&rig, "city is null", WEFT_VERB_CANCEL));
    CHECK(batch_rig_now_ms() - begun_ms >= 190);
    CHECK(batch_rig_is_far || batch_rig_now_ms() - begun_ms < 2000);
    end(&rig);
}

TEST(client_batch, what_it_cannot_do_is_refused)
{
    static char longest[WEFT_BATCH_CURSOR_BYTES + 1];
    struct rig rig = begin();

    CHECK_ERR(run(&rig, NULL, WEFT_VERB_CANCEL), WEFT_EINVAL);
    CHECK_ERR(run(&rig, "", WEFT_VERB_CANCEL), WEFT_EINVAL);
    CHECK_ERR(run(&rig, "kind =", WEFT_VERB_CANCEL), WEFT_EINVAL);
    CHECK_ERR(run(&rig, "run > 0", WEFT_VERB_START), WEFT_EINVAL);
    // Also when there is nothing that would say so.
    CHECK_ERR(run(&rig, "run > 9", WEFT_VERB_SIGNAL), WEFT_EINVAL);
    CHECK_EQ(strstr(weft_err_detail(), "name") != NULL, 1);
    CHECK_ERR(run(&rig, "run > 9", WEFT_VERB_PARK), WEFT_EINVAL);
    CHECK_ERR(run(&rig, "run > 9", WEFT_VERB_RESET), WEFT_EINVAL);
    rig.options.cursor = "x";
    CHECK_ERR(run(&rig, "run > 0", WEFT_VERB_CANCEL), WEFT_EINVAL);
    memset(longest, 'A', sizeof(longest) - 1);
    rig.options.cursor = longest;
    CHECK_ERR(run(&rig, "run > 0", WEFT_VERB_CANCEL), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "cursor") != NULL);
    rig.options.cursor = NULL;
    rig.options.struct_size = 3;
    CHECK_ERR(run(&rig, "run > 0", WEFT_VERB_CANCEL), WEFT_EINVAL);
    rig.options.struct_size = sizeof(rig.options);
    CHECK_EQ(rig.result.seen, 0);
    CHECK_EQ(count(&rig, "is_cancel_requested"), 0);
    end(&rig);
}
