// SPDX-License-Identifier: Apache-2.0
//
// show.c - weft show: what a node knows of one instance.

#include <inttypes.h>
#include <stdio.h>

#include "export.h"
#include "json.h"
#include "online.h"

static int
print_description(struct online *online, const weft_reply *reply)
{
    const weft_description *head = &reply->items[0];

    if (online->args.json) {
        cli_json_begin_object(NULL);
        export_description(head);
        online->is_in_object = 1;
        return EXIT_FINE;
    }
    printf("%s/%s\n", head->kind, head->id);
    printf("  %-10s %s%s\n", "status", text_status(head),
           head->is_cancel_requested ? ", asked to cancel" : "");
    describe_head(head, online->args.full);
    printf("  %-10s %" PRIu64 " messages, %" PRIu32 " timers, %" PRIu32
           " activities, %" PRIu32 " children\n",
           "waits for", head->mailbox_count, head->timers_count,
           head->activities_count, head->children_count);
    printf("  %-10s %" PRIu64 " entries\n", "journal", head->journal_count);
    return EXIT_FINE;
}

// --all: what a capsule of it has, as `weft inspect` shows it.
static int
print_all(struct online *online, const weft_reply *reply)
{
    struct inspect_options options = {
        .status = "",
        .is_json = online->args.json,
        .is_full = online->args.full,
    };
    weft_err err = weft_capsule_each(reply->data, describe_actor, &options);

    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, online_word(online, 0));
}

int
show_ask(struct online *online)
{
    weft_request request = WEFT_REQUEST_INIT;
    int status;

    if (!online_target(online, 0, &request.target)) {
        return EXIT_FAILED;
    }
    if (online->args.all) {
        request.verb = WEFT_VERB_EXPORT;
        return online_ask(online, &request, print_all);
    }
    request.verb = WEFT_VERB_DESCRIBE;
    status = online_ask(online, &request, print_description);
    if (status != EXIT_FINE) {
        return status;
    }
    status = activities_print(online, request.target);
    if (online->args.json) {
        cli_json_end_object();
        cli_json_newline();
    }
    return status;
}
