// SPDX-License-Identifier: Apache-2.0
//
// batch_near.c - batches of a client in a service's own test. See batch_rig.h.

#include "unit/batch_rig.h"
#include "weft/testing.h"

const bool batch_rig_is_far = false;

static weft_test *opened;

// A test's clock only goes where something falls due.
static void
tick(weft_test *test, void *ctx)
{
    (void)ctx;
    weft_test_at(test, 1, tick, NULL);
}

weft_client *
batch_rig_open(weft_definitions *definitions)
{
    CHECK_OK(weft_test_open(definitions, NULL, &opened));
    return weft_test_client(opened);
}

void
batch_rig_close(void)
{
    weft_test_close(opened);
}

void
batch_rig_go_on(void)
{
    weft_test_run(opened);
}

void
batch_rig_tick(void)
{
    tick(opened, NULL);
}

uint64_t
batch_rig_now_ms(void)
{
    return weft_test_now_ms(opened);
}
