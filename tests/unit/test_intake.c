// SPDX-License-Identifier: Apache-2.0

#include "runtime/intake.h"

#include "runtime/request.h"
#include "support/test.h"

static void
put(struct wf_intake *intake, uint8_t client, uint64_t from, uint64_t to)
{
    for (uint64_t number = from; number < to; number++) {
        struct wf_request *request = wf_request_create();

        request->client[0] = client;
        request->number = number;
        wf_intake_put(intake, request);
    }
}

static void
check(struct wf_request *request, uint8_t client, uint64_t number)
{
    CHECK(request != NULL);
    CHECK_EQ(request->client[0], client);
    CHECK_EQ(request->number, number);
    wf_request_destroy(request);
}

TEST(intake, clients_take_turns_and_keep_their_order)
{
    struct wf_intake intake;

    wf_intake_init(&intake);
    CHECK(wf_intake_take_light(&intake) == NULL);
    put(&intake, 1, 0, 3);
    put(&intake, 2, 0, 1);
    CHECK_EQ(intake.count, 4);
    check(wf_intake_take_light(&intake), 1, 0);
    check(wf_intake_take_light(&intake), 2, 0);
    check(wf_intake_take_light(&intake), 1, 1);
    check(wf_intake_take_light(&intake), 1, 2);
    CHECK(wf_intake_take_light(&intake) == NULL);
    CHECK(wf_intake_take_heavy(&intake) == NULL);
    CHECK_EQ(intake.count, 0);
}

TEST(intake, who_asks_for_much_is_heavy_until_a_period_has_gone_by)
{
    struct wf_intake intake;

    wf_intake_init(&intake);
    wf_intake_tick(&intake, 1000);
    put(&intake, 1, 0, WF_INTAKE_SHARE + 2);
    for (uint64_t i = 0; i < WF_INTAKE_SHARE; i++) {
        check(wf_intake_take_light(&intake), 1, i);
    }
    CHECK(wf_intake_take_light(&intake) == NULL);
    put(&intake, 2, 0, 1); // does not wait for it
    check(wf_intake_take_light(&intake), 2, 0);
    check(wf_intake_take_heavy(&intake), 1, WF_INTAKE_SHARE);
    check(wf_intake_take_heavy(&intake), 1, WF_INTAKE_SHARE + 1);
    put(&intake, 1, 100, 101); // nothing of it waited, and yet
    CHECK(wf_intake_take_light(&intake) == NULL);
    check(wf_intake_take_heavy(&intake), 1, 100);
    wf_intake_tick(&intake, 1000 + WF_INTAKE_PERIOD_MS);
    put(&intake, 1, 101, 102);
    check(wf_intake_take_heavy(&intake), 1, 101);
    wf_intake_tick(&intake, 1000 + 2 * WF_INTAKE_PERIOD_MS);
    put(&intake, 1, 102, 103);
    check(wf_intake_take_light(&intake), 1, 102);
    CHECK_EQ(intake.count, 0);
}

TEST(intake, who_was_heavy_and_waits_is_light_again_in_its_time)
{
    struct wf_intake intake;

    wf_intake_init(&intake);
    put(&intake, 1, 0, WF_INTAKE_SHARE + 3);
    for (uint64_t i = 0; i < WF_INTAKE_SHARE; i++) {
        check(wf_intake_take_light(&intake), 1, i);
    }
    wf_intake_tick(&intake, 3 * WF_INTAKE_PERIOD_MS);
    CHECK(wf_intake_take_light(&intake) == NULL); // nobody has looked yet
    check(wf_intake_take_heavy(&intake), 1, WF_INTAKE_SHARE);
    check(wf_intake_take_light(&intake), 1, WF_INTAKE_SHARE + 1);
    check(wf_intake_take_light(&intake), 1, WF_INTAKE_SHARE + 2);
    CHECK_EQ(intake.count, 0);
}
