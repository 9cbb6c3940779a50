// SPDX-License-Identifier: Apache-2.0
//
// puppet.h - an actor that does what it is told and remembers what it got.
//
// The message "do" carries commands, separated by ';', each a verb and its
// arguments, separated by blanks:
//
//     send KIND ID NAME DATA     ask KIND ID NAME DATA     spawn KIND ID INPUT
//     call ACTIVITY INPUT        timer NAME MS             clear NAME
//     publish NAME VALUE         unpublish NAME            read NAME
//     reply DATA                 later                     answer N DATA
//     random
//     stop RESULT                stop_failed NAME MESSAGE DETAILS
//     note TEXT                  only a note
//     fail                       (unless puppet_is_mended) the turn fails
//     die                        the turn fails, always
//
// The commands are done in order; one that is refused is remembered as its
// error. Every other message is remembered: "signal(name,data)",
// "timer(name)", "child(1,result)", "child(1!failure)" and so on; "log" is
// answered with all of it. Both also become notes, after the puppet's id.

#ifndef WF_TESTS_STORY_PUPPET_H
#define WF_TESTS_STORY_PUPPET_H

#include "story/story.h"

struct puppet {
    char log[1000];
};

weft_actor_fn puppet_receive;
weft_query_fn puppet_query; // "log"
extern bool puppet_is_mended;

// Definitions of four kinds of puppets: "puppet", made by any message,
// "started", only by a start, "spawned", only by another's spawn, and "always",
// made anew when it has finished.
weft_definitions *puppet_definitions(void);

// What it remembers.
const char *puppet_log(const char *kind, const char *id);
// Send it commands; accepted when this returns.
void puppet_do(const char *kind, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
