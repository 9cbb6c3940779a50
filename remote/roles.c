// SPDX-License-Identifier: Apache-2.0
//
// roles.c - see roles.h.

#include "remote/roles.h"

#include <string.h>

#include "base/bytes.h"
#include "weft/task_queue.h"

static const char *const names[WF_ROLES_COUNT] = {
    "reader", "writer", "worker", "operator", "admin",
};

// What each role may, itself and what it includes.
static const unsigned includes[WF_ROLES_COUNT] = {
    WF_ROLE_READER, WF_ROLE_READER | WF_ROLE_WRITER,
    WF_ROLE_WORKER, WF_ROLE_READER | WF_ROLE_WRITER | WF_ROLE_OPERATOR,
    WF_ROLES_ALL,
};

struct rule {
    const char *verb;
    unsigned role;
};

static const struct rule rules[] = {
    {"hello", 0},
    {"ping", 0},
    {"activities", WF_ROLE_READER},
    {"count", WF_ROLE_READER},
    {"describe", WF_ROLE_READER},
    {"list", WF_ROLE_READER},
    {"map", WF_ROLE_READER},
    {"query", WF_ROLE_READER},
    {"result", WF_ROLE_READER},
    {"stats", WF_ROLE_READER},
    {"subscribe", WF_ROLE_READER},
    {"unsubscribe", WF_ROLE_READER},
    {"watch", WF_ROLE_READER},
    {"ask", WF_ROLE_WRITER},
    {"cancel", WF_ROLE_WRITER},
    {"signal", WF_ROLE_WRITER},
    {"signal_with_start", WF_ROLE_WRITER},
    {"start", WF_ROLE_WRITER},
    {"terminate", WF_ROLE_WRITER},
    {"update", WF_ROLE_WRITER},
    {"update_with_start", WF_ROLE_WRITER},
    {"complete", WF_ROLE_WORKER},
    {"defer", WF_ROLE_WORKER},
    {"fail", WF_ROLE_WORKER},
    {"heartbeat", WF_ROLE_WORKER},
    {"lease", WF_ROLE_WORKER},
    {"lease_renew", WF_ROLE_WORKER},
    {"poll", WF_ROLE_WORKER},
    {"release", WF_ROLE_WORKER},
    {"renew", WF_ROLE_WORKER},
    {"activity_change", WF_ROLE_OPERATOR},
    {"activity_pause", WF_ROLE_OPERATOR},
    {"activity_reset", WF_ROLE_OPERATOR},
    {"activity_resume", WF_ROLE_OPERATOR},
    {"batch", WF_ROLE_OPERATOR},
    {"delete", WF_ROLE_OPERATOR},
    {"move_version", WF_ROLE_OPERATOR},
    {"park", WF_ROLE_OPERATOR},
    {"pause", WF_ROLE_OPERATOR},
    {"publish", WF_ROLE_OPERATOR},
    {"reset", WF_ROLE_OPERATOR},
    {"resume", WF_ROLE_OPERATOR},
    {"retry_failed", WF_ROLE_OPERATOR},
    {"set_state", WF_ROLE_OPERATOR},
    {"export", WF_ROLE_ADMIN},
    {"fork", WF_ROLE_ADMIN}, // of a capsule, which may be anybody's making
    {"import", WF_ROLE_ADMIN},
};

const char *
wf_role_name(unsigned role)
{
    for (size_t i = 0; i < WF_ROLES_COUNT; i++) {
        if (role == 1U << i) {
            return names[i];
        }
    }
    return "";
}

unsigned
wf_role_find(const char *name, size_t len)
{
    for (size_t i = 0; i < WF_ROLES_COUNT; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            return 1U << i;
        }
    }
    return 0;
}

// A task queue belongs to workers, who ask it for tasks. Whoever else could say
// something to it could take tasks, or give out false ones.
static unsigned
needed_of_queue(weft_bytes verb, unsigned role)
{
    if (role != WF_ROLE_WRITER) {
        return role;
    }
    return wf_bytes_are(verb, "ask") ? WF_ROLE_WORKER : WF_ROLE_OPERATOR;
}

unsigned
wf_roles_needed(weft_bytes verb, const char *kind)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (wf_bytes_are(verb, rules[i].verb)) {
            return strcmp(kind, WEFT_TASK_QUEUE_KIND) == 0
                       ? needed_of_queue(verb, rules[i].role)
                       : rules[i].role;
        }
    }
    return WF_ROLE_ADMIN;
}

bool
wf_roles_include(unsigned roles, unsigned needed)
{
    unsigned all = 0;

    for (size_t i = 0; i < WF_ROLES_COUNT; i++) {
        if ((roles & 1U << i) != 0) {
            all |= includes[i];
        }
    }
    return (all & needed) == needed;
}
