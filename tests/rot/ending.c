// SPDX-License-Identifier: Apache-2.0
//
// ending.c - open a directory as a program would and let all work end. See
// ending.h.

#include "rot/ending.h"

#include <stdio.h>

#include "rot/look.h"

// So many calls without an answer: the node says what it cannot do, and does
// not get better.
#define PATIENCE 12

static void
note(struct ending *ending, weft_err err)
{
    if (err == WEFT_OK) {
        return;
    }
    ending->failed++;
    ending->timeouts += err == WEFT_ETIMEDOUT ? 1 : 0;
    if (ending->first_err == WEFT_OK) {
        ending->first_err = err;
        (void)snprintf(ending->detail, sizeof(ending->detail), "%s",
                       weft_err_detail());
    }
}

static void
describe(void *ctx, weft_target target)
{
    struct ending *ending = ctx;
    weft_reply *reply = NULL;

    if (ending->timeouts >= PATIENCE) {
        return;
    }
    note(ending, weft_client_describe(ending->world.client, target, &reply));
    weft_reply_free(reply);
}

void
ending_run(const struct source *source, const char *dir, uint32_t lives,
           const char *all, struct ending *out)
{
    weft_definitions *definitions = kinds_define();
    struct world_options options = source_options(source, dir, definitions);
    struct wf_buf outcome = out->outcome;
    struct kinds_feed last = source->plan->feed;

    *out = (struct ending){.outcome = outcome};
    wf_buf_reset(&out->outcome);
    last.phase = lives - 1;
    out->open_err = world_open(&out->world, &options);
    if (out->open_err != WEFT_OK) {
        (void)snprintf(out->detail, sizeof(out->detail), "%s",
                       weft_err_detail());
        weft_definitions_destroy(definitions);
        return;
    }
    look_each_target(all, describe, out);
    if (out->timeouts < PATIENCE) {
        out->failed += kinds_finish(out->world.client, &last);
        world_advance(&out->world, KINDS_FINISH_MS);
        look_each_target(all, describe, out);
    }
    world_close(&out->world);
    weft_definitions_destroy(definitions);
    out->look_err = look_at(dir, LOOK_OUTCOME, &out->outcome);
}
