// SPDX-License-Identifier: Apache-2.0
//
// puppet.c - see puppet.h.

#include "story/puppet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool puppet_is_mended;

static void remember(weft_actor *actor, struct puppet *puppet,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
remember(weft_actor *actor, struct puppet *puppet, const char *format, ...)
{
    char entry[200];
    size_t len = strlen(puppet->log);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(entry, sizeof(entry), format, args);
    va_end(args);
    story_note("%s %s", weft_actor_id(actor), entry);
    (void)snprintf(puppet->log + len, sizeof(puppet->log) - len, "%s%s",
                   len == 0 ? "" : " ", entry);
}

// The arguments of one command; those that are missing are empty.
struct words {
    char word[6][64];
};

static bool
is(const struct words *words, const char *verb)
{
    return strcmp(words->word[0], verb) == 0;
}

static weft_err
send_letter(weft_actor *actor, const struct words *words)
{
    weft_target to = {words->word[1], words->word[2]};
    uint32_t call;

    if (is(words, "send")) {
        return weft_actor_send(actor, to, words->word[3],
                               weft_text(words->word[4]));
    }
    if (is(words, "ask")) {
        return weft_actor_ask(actor, to, words->word[3],
                              weft_text(words->word[4]), &call);
    }
    return weft_actor_spawn(actor, to, weft_text(words->word[3]), NULL, &call);
}

static weft_err
set_timer(weft_actor *actor, const struct words *words)
{
    unsigned long long ms = 0;

    if (is(words, "clear")) {
        return weft_actor_timer_clear(actor, words->word[1]);
    }
    (void)sscanf(words->word[2], "%llu", &ms);
    return weft_actor_timer_set(actor, words->word[1], ms);
}

// "later" and "answer" work with questions; "read" is what it has published.
static weft_err
keep(weft_actor *actor, struct puppet *puppet, const struct words *words)
{
    char text[100];
    uint32_t question = 0;
    weft_err err;

    if (is(words, "unpublish")) {
        return weft_actor_unpublish(actor, words->word[1]);
    }
    if (is(words, "read")) {
        remember(actor, puppet, "%s=%s", words->word[1],
                 story_text(weft_actor_published(actor, words->word[1]), text,
                            sizeof(text)));
        return WEFT_OK;
    }
    if (is(words, "answer")) {
        (void)sscanf(words->word[1], "%u", &question);
        return weft_actor_reply_to(actor, question, weft_text(words->word[2]));
    }
    err = weft_actor_reply_later(actor, &question);
    if (err == WEFT_OK) {
        remember(actor, puppet, "later(%u)", question);
    }
    return err;
}

// tidy: long, one case per command
static weft_err
obey(weft_actor *actor, struct puppet *puppet, const struct words *words,
     weft_err *out_end)
{
    const char *first = words->word[1];
    uint32_t call;

    if (is(words, "send") || is(words, "ask") || is(words, "spawn")) {
        return send_letter(actor, words);
    }
    if (is(words, "timer") || is(words, "clear")) {
        return set_timer(actor, words);
    }
    if (is(words, "call")) {
        return weft_actor_call(actor, first, weft_text(words->word[2]), NULL,
                               &call);
    }
    if (is(words, "publish")) {
        return weft_actor_publish(actor, first, weft_text(words->word[2]));
    }
    if (is(words, "unpublish") || is(words, "read") || is(words, "later") ||
        is(words, "answer")) {
        return keep(actor, puppet, words);
    }
    if (is(words, "reply")) {
        return weft_actor_reply(actor, weft_text(first));
    }
    if (is(words, "stop")) {
        return weft_actor_stop(actor, weft_text(first));
    }
    if (is(words, "stop_failed")) {
        return weft_actor_stop_failed(actor, first, words->word[2],
                                      weft_text(words->word[3]));
    }
    if (is(words, "random")) {
        remember(actor, puppet, "random(%016llx)",
                 (unsigned long long)weft_actor_random(actor));
        return WEFT_OK;
    }
    if (is(words, "note")) {
        story_note("%s %s", weft_actor_id(actor), first);
        return WEFT_OK;
    }
    if (is(words, "fail") || is(words, "die")) {
        story_note("%s fails", weft_actor_id(actor));
        *out_end =
            puppet_is_mended && is(words, "fail") ? WEFT_OK : WEFT_EFAILED;
        return WEFT_OK;
    }
    return WEFT_ENOTFOUND;
}

static weft_err
obey_all(weft_actor *actor, struct puppet *puppet, weft_bytes data)
{
    char text[1000];
    char *rest = text;
    char *command;
    weft_err end = WEFT_OK;

    (void)story_text(data, text, sizeof(text));
    while ((command = strsep(&rest, ";")) != NULL) {
        struct words words = {0};
        weft_err err;

        (void)sscanf(command, "%63s %63s %63s %63s %63s %63s", words.word[0],
                     words.word[1], words.word[2], words.word[3], words.word[4],
                     words.word[5]);
        err = obey(actor, puppet, &words, &end);
        if (err != WEFT_OK) {
            remember(actor, puppet, "%s!%s", words.word[0], weft_err_name(err));
        }
    }
    return end;
}

static void
remember_message(weft_actor *actor, struct puppet *puppet,
                 const weft_message *message)
{
    static const char *const types[] = {
        [WEFT_MESSAGE_START] = "start",       [WEFT_MESSAGE_SIGNAL] = "signal",
        [WEFT_MESSAGE_TIMER] = "timer",       [WEFT_MESSAGE_CHILD] = "child",
        [WEFT_MESSAGE_ACTIVITY] = "activity", [WEFT_MESSAGE_REPLY] = "reply",
        [WEFT_MESSAGE_FAILED] = "failed",     [WEFT_MESSAGE_CANCEL] = "cancel",
    };
    const char *type = types[message->type];
    char data[100];

    (void)story_text(message->data, data, sizeof(data));
    if (message->type == WEFT_MESSAGE_SIGNAL) {
        remember(actor, puppet, "signal(%s,%s)", message->name, data);
    } else if (message->type == WEFT_MESSAGE_TIMER) {
        remember(actor, puppet, "timer(%s)", message->name);
    } else if (message->call == 0) {
        remember(actor, puppet, "%s(%s)", type, data);
    } else if (message->failure.name[0] != '\0') {
        (void)story_text(message->failure.details, data, sizeof(data));
        remember(actor, puppet, "%s(%u!%s%s%s%s%s)", type, message->call,
                 message->failure.name, data[0] == '\0' ? "" : ",",
                 data[0] == '\0' ? "" : message->failure.message,
                 data[0] == '\0' ? "" : ",", data);
    } else {
        remember(actor, puppet, "%s(%u,%s)", type, message->call, data);
    }
}

weft_err
puppet_receive(weft_actor *actor, const weft_message *message, void *state)
{
    struct puppet *puppet = state;

    if (strcmp(message->name, "do") == 0) {
        return obey_all(actor, puppet, message->data);
    }
    if (strcmp(message->name, "log") == 0) {
        return weft_actor_reply(actor, weft_text(puppet->log));
    }
    remember_message(actor, puppet, message);
    return WEFT_OK;
}

weft_err
puppet_query(weft_query *query, const char *name, weft_bytes args,
             const void *state, size_t state_len)
{
    const struct puppet *puppet = state;
    char text[1200];

    if (strcmp(name, "log") != 0) {
        return WEFT_ENOTFOUND;
    }
    if (puppet == NULL || state_len != sizeof(*puppet)) {
        return WEFT_ECORRUPT;
    }
    (void)snprintf(text, sizeof(text), "%.*s%s", (int)args.len,
                   (const char *)args.data, puppet->log);
    return weft_query_return(query, weft_text(text));
}

weft_definitions *
puppet_definitions(void)
{
    static const weft_creation creations[] = {
        WEFT_CREATION_ON_MESSAGE, WEFT_CREATION_ON_START, WEFT_CREATION_NEVER,
        WEFT_CREATION_ALWAYS};
    static const char *const names[] = {"puppet", "started", "spawned",
                                        "always"};
    weft_definitions *definitions;

    puppet_is_mended = false;
    CHECK_OK(weft_definitions_create(&definitions));
    for (unsigned i = 0; i < 4; i++) {
        weft_actor_def def = WEFT_ACTOR_DEF_INIT;

        def.name = names[i];
        def.state_bytes = sizeof(struct puppet);
        def.receive = puppet_receive;
        def.query = puppet_query;
        def.creation = creations[i];
        CHECK_OK(weft_definitions_add_actor(definitions, &def));
    }
    return definitions;
}

const char *
puppet_log(const char *kind, const char *id)
{
    return story_do(WEFT_VERB_ASK, kind, id, "log", NULL)->data;
}

void
puppet_do(const char *kind, const char *id, const char *format, ...)
{
    char text[1000];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    story_signal(kind, id, "do", text);
}
