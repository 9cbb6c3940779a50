// SPDX-License-Identifier: Apache-2.0
//
// test_roles.c - every verb and every role, written out once more.

#include <string.h>

#include "remote/codec.h"
#include "remote/roles.h"
#include "support/test.h"

// Who may: r reader, w writer, k worker, o operator, a admin.
static const struct {
    const char *verb;
    const char *may;
} verbs[] = {
    {"hello", "rwkoa"},
    {"ping", "rwkoa"},
    {"activities", "rwoa"},
    {"count", "rwoa"},
    {"describe", "rwoa"},
    {"list", "rwoa"},
    {"query", "rwoa"},
    {"result", "rwoa"},
    {"stats", "rwoa"},
    {"subscribe", "rwoa"},
    {"unsubscribe", "rwoa"},
    {"watch", "rwoa"},
    {"ask", "woa"},
    {"cancel", "woa"},
    {"signal", "woa"},
    {"signal_with_start", "woa"},
    {"start", "woa"},
    {"terminate", "woa"},
    {"update", "woa"},
    {"update_with_start", "woa"},
    {"complete", "ka"},
    {"defer", "ka"},
    {"fail", "ka"},
    {"heartbeat", "ka"},
    {"lease", "ka"},
    {"lease_renew", "ka"},
    {"poll", "ka"},
    {"release", "ka"},
    {"renew", "ka"},
    {"activity_change", "oa"},
    {"activity_pause", "oa"},
    {"activity_reset", "oa"},
    {"activity_resume", "oa"},
    {"batch", "oa"},
    {"delete", "oa"},
    {"fork", "a"},
    {"move_version", "oa"},
    {"park", "oa"},
    {"pause", "oa"},
    {"publish", "oa"},
    {"reset", "oa"},
    {"resume", "oa"},
    {"retry_failed", "oa"},
    {"set_state", "oa"},
    {"export", "a"},
    {"import", "a"},
    {"of_a_later_version", "a"},
    {"", "a"},
    {"starts", "a"},
};

static const char letters[] = "rwkoa";

static void
check_verb(const char *verb, const char *kind, const char *may)
{
    unsigned needed = wf_roles_needed(weft_text(verb), kind);

    CHECK(!wf_roles_include(0, needed) || needed == 0);
    for (unsigned roles = 1; roles <= WF_ROLES_ALL; roles++) {
        bool is_allowed = false;

        for (unsigned i = 0; i < WF_ROLES_COUNT; i++) {
            is_allowed = is_allowed || ((roles & 1U << i) != 0 &&
                                        strchr(may, letters[i]) != NULL);
        }
        CHECK_EQ(wf_roles_include(roles, needed), is_allowed);
    }
}

TEST(roles, every_verb_takes_its_role_and_what_includes_that)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        check_verb(verbs[i].verb, "", verbs[i].may);
        check_verb(verbs[i].verb, "order", verbs[i].may);
    }
}

// A verb that has no rule would be the admins' alone, without anybody having
// decided it.
TEST(roles, every_verb_of_the_codec_has_a_rule)
{
    for (int verb = 0; verb < WEFT_VERB_COUNT; verb++) {
        const char *name = wf_codec_verb_name((weft_verb)verb);
        bool is_known = name == NULL;

        for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
            is_known = is_known || strcmp(verbs[i].verb, name) == 0;
        }
        CHECK(is_known);
    }
}

TEST(roles, a_task_queue_is_asked_by_workers_alone)
{
    check_verb("ask", "task_queue", "ka");
    check_verb("signal", "task_queue", "oa");
    check_verb("signal_with_start", "task_queue", "oa");
    check_verb("start", "task_queue", "oa");
    check_verb("terminate", "task_queue", "oa");
    check_verb("update", "task_queue", "oa");
    check_verb("query", "task_queue", "rwoa");
    check_verb("ask", "task_queues", "woa");
}

TEST(roles, names_are_found_and_others_are_not)
{
    for (unsigned i = 0; i < WF_ROLES_COUNT; i++) {
        const char *name = wf_role_name(1U << i);

        CHECK_EQ(wf_role_find(name, strlen(name)), 1U << i);
        CHECK_EQ(wf_role_find(name, strlen(name) - 1), 0);
    }
    CHECK_EQ(wf_role_find("Admin", 5), 0);
    CHECK_EQ(wf_role_find("", 0), 0);
}
