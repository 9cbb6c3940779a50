// SPDX-License-Identifier: Apache-2.0
//
// Requests that a client repeats under the number that they had.

#include "story/puppet.h"

// A number of 0 is a new one.
static weft_err
tell(struct story *story, uint64_t number, const char *data)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_SIGNAL;
    request.target = (weft_target){"puppet", "a"};
    request.name = "x";
    request.data = weft_text(data);
    request.number = number;
    return world_wait(story->world, world_submit(story->world, &request))->err;
}

// What was confirmed is forgotten, and refused; what was not is answered as it
// was.
static void
tell_confirmed(struct story *story)
{
    uint64_t number = world_next_number(story->world);

    CHECK_OK(tell(story, 0, "1"));
    CHECK_OK(tell(story, 0, "2"));
    CHECK_OK(tell(story, number, "1 again"));
    world_confirm(story->world, number + 1);
    CHECK_OK(tell(story, 0, "3"));
    for (int i = 0; i < 2; i++) {
        CHECK_ERR(tell(story, number, "1 again"), WEFT_EEXPIRED);
        CHECK_OK(tell(story, number + 1, "2 again"));
        CHECK_OK(tell(story, number + 2, "3 again"));
        world_confirm(story->world, number); // it was said already
        story_crash();
    }
    CHECK_STR(puppet_log("puppet", "a"), "signal(x,1) signal(x,2) signal(x,3)");
}

TEST(request, what_a_client_confirmed_is_not_done_again)
{
    story_run(puppet_definitions, tell_confirmed);
}
