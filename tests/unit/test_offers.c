// SPDX-License-Identifier: Apache-2.0

#include "base/limits.h"
#include "runtime/actor.h"
#include "runtime/commands_impl.h"
#include "support/test.h"

// A queue that takes nothing is told of an offer ever more seldom, and at last
// each hour.
TEST(offers, what_waits_is_offered_again_ever_more_seldom)
{
    static const struct {
        uint32_t offers;
        uint64_t after_ms;
    } cases[] = {
        {1, WF_OFFER_MS},      {2, 2 * WF_OFFER_MS},   {3, 4 * WF_OFFER_MS},
        {6, 32 * WF_OFFER_MS}, {7, WF_OFFER_MS_MAX},   {8, WF_OFFER_MS_MAX},
        {70, WF_OFFER_MS_MAX}, {100, WF_OFFER_MS_MAX},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wf_command command = {.offers = cases[i].offers,
                                     .offered_ms = 5000};

        CHECK_EQ(wf_offers_next(&command), 5000 + cases[i].after_ms);
    }
}
