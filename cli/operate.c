// SPDX-License-Identifier: Apache-2.0
//
// operate.c - what operators do to one instance: weft cancel, terminate, pause,
// resume, park, reset, retry-failed, delete, fork.

#include <stdio.h>
#include <string.h>

#include "online.h"

static const struct verb {
    const char *name; // of the command
    weft_verb verb;
    const char *done;
} verbs[] = {
    {"cancel", WEFT_VERB_CANCEL, "asked to cancel:"},
    {"terminate", WEFT_VERB_TERMINATE, "terminated"},
    {"pause", WEFT_VERB_PAUSE, "paused"},
    {"resume", WEFT_VERB_RESUME, "resumed"},
    {"park", WEFT_VERB_PARK, "parked"},
    {"reset", WEFT_VERB_RESET, "reset"},
    {"retry-failed", WEFT_VERB_RETRY_FAILED, "tries again:"},
    {"delete", WEFT_VERB_DELETE, "deleted"},
};

static const struct verb *
find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

int
operate_verb(const char *name, weft_verb *out_verb)
{
    const struct verb *verb = find_verb(name);

    if (verb != NULL) {
        *out_verb = verb->verb;
    }
    return verb != NULL;
}

int
operate_point(struct online *online, weft_point *out_point)
{
    static const char *const names[] = {"beginning", "entry", "first-failed",
                                        "last-activity"};
    const char *to = online->args.to;

    *out_point = (weft_point){.type = WEFT_POINT_BEGINNING};
    if (to == NULL) {
        (void)cli_usage(online->command, "--to POINT is missing");
        return 0;
    }
    if (strncmp(to, "entry:", 6) == 0) {
        out_point->type = WEFT_POINT_ENTRY;
        if (args_number(to + 6, &out_point->entry)) {
            return 1;
        }
    }
    for (int i = 0; i < WEFT_POINT_COUNT; i++) {
        if (i != WEFT_POINT_ENTRY && strcmp(to, names[i]) == 0) {
            out_point->type = (weft_point_type)i;
            return 1;
        }
    }
    (void)cli_usage(online->command, "--to: \"%s\" is no point", to);
    return 0;
}

static int
say_done(struct online *online, const weft_reply *reply)
{
    (void)reply;
    return online_done(online, online->ctx,
                       find_verb(online->command->name)->done);
}

static int
do_to_one(struct online *online, weft_request *request)
{
    weft_operator room;

    if (!online_target(online, 0, &request->target)) {
        return EXIT_FAILED;
    }
    request->verb = find_verb(online->command->name)->verb;
    request->by = online_by(online, &room);
    if (request->verb == WEFT_VERB_TERMINATE && online->args.why != NULL) {
        // Its failure says why; a name is at most so long.
        request->name = online_printf(online, "%.255s", online->args.why);
    }
    online->ctx = &request->target;
    return online_ask(online, request, say_done);
}

int
operate_ask(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;

    return do_to_one(online, &request);
}

int
delete_ask(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.terminate_first = online->args.force;
    return do_to_one(online, &request);
}

int
reset_ask(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;
    weft_point point;

    if (!operate_point(online, &point)) {
        return EXIT_FAILED;
    }
    request.point = &point;
    return do_to_one(online, &request);
}

int
fork_ask(struct online *online)
{
    weft_target target;
    weft_target made;
    weft_point point;
    weft_operator by;
    weft_err err;

    if (!operate_point(online, &point) || !online_target(online, 0, &target) ||
        online_client(online) == NULL) {
        return EXIT_FAILED;
    }
    made = (weft_target){target.kind, online_word(online, 1)};
    err = weft_operate_fork(online->client, target, &point, made.id,
                            online_by(online, &by));
    if (err != WEFT_OK) {
        // Two requests: they cannot be asked again by one number. Who does it
        // twice is told that there is one of the new id.
        online->verb = WEFT_VERB_EXPORT;
        return online_failed(online, err, weft_err_detail(), NULL);
    }
    return online_done(online, &made, "forked:");
}
