// SPDX-License-Identifier: Apache-2.0
//
// interceptor.c - the chain of interceptors.
//
// Threads: any; see weft/interceptor.h for who is called where.

#include "runtime/interceptor.h"

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/definitions.h"
#include "runtime/versioned.h"

struct weft_activity_next {
    const struct wf_interceptors *chain;
    size_t at; // who is next
    const weft_intercepted_attempt *attempt;
    weft_activity_fn *run;
};

weft_err
weft_definitions_add_interceptor(weft_definitions *definitions,
                                 const weft_interceptor *interceptor)
{
    struct wf_interceptors *chain;
    weft_interceptor full;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(definitions != NULL);
    err =
        wf_versioned_copy("weft_interceptor", interceptor, &full, sizeof(full));
    if (err != WEFT_OK) {
        return err;
    }
    if (full.request == NULL && full.reply == NULL && full.attempt == NULL &&
        full.turn == NULL && full.command == NULL) {
        return wf_error(WEFT_EINVAL, "the interceptor has no function");
    }
    chain = wf_definitions_interceptors(definitions);
    chain->list =
        wf_realloc(chain->list, (chain->count + 1) * sizeof(*chain->list));
    chain->list[chain->count++] = full;
    chain->has_turn = chain->has_turn || full.turn != NULL;
    chain->has_command = chain->has_command || full.command != NULL;
    chain->has_attempt = chain->has_attempt || full.attempt != NULL;
    chain->has_reply = chain->has_reply || full.reply != NULL;
    return WEFT_OK;
}

void
wf_interceptors_fini(struct wf_interceptors *chain)
{
    wf_free(chain->list);
    *chain = (struct wf_interceptors){0};
}

// Requests. -----------------------------------------------------------------

weft_err
wf_interceptors_request(const struct wf_interceptors *chain,
                        weft_request *request)
{
    weft_err err = WEFT_OK;

    for (size_t i = 0; err == WEFT_OK && i < chain->count; i++) {
        if (chain->list[i].request != NULL) {
            err = chain->list[i].request(chain->list[i].ctx, request);
        }
    }
    return err;
}

void
wf_interceptors_reply(const struct wf_interceptors *chain, weft_verb verb,
                      weft_target target, const weft_reply *reply)
{
    weft_intercepted_reply shown = {
        .verb = verb,
        .kind = target.kind == NULL ? "" : target.kind,
        .id = target.id == NULL ? "" : target.id,
        .err = reply == NULL ? WEFT_ETIMEDOUT : reply->err,
        .reply = reply,
    };

    for (size_t i = chain->count; i > 0; i--) {
        const weft_interceptor *one = &chain->list[i - 1];

        if (one->reply != NULL) {
            one->reply(one->ctx, &shown);
        }
    }
}

// Attempts. -----------------------------------------------------------------

weft_err
weft_activity_next_run(const weft_activity_next *next, weft_bytes input)
{
    const struct wf_interceptors *chain;
    size_t at;

    WF_REQUIRE(next != NULL);
    chain = next->chain;
    at = next->at;
    while (at < chain->count && chain->list[at].attempt == NULL) {
        at++;
    }
    if (at < chain->count) {
        weft_intercepted_attempt attempt = *next->attempt;
        weft_activity_next behind = *next;

        attempt.input = input;
        behind.at = at + 1;
        behind.attempt = &attempt;
        return chain->list[at].attempt(chain->list[at].ctx, &attempt, &behind);
    }
    wf_error_clear();
    return next->run(next->attempt->activity, input);
}

weft_err
wf_interceptors_attempt(const struct wf_interceptors *chain,
                        const weft_intercepted_attempt *attempt,
                        weft_activity_fn *run)
{
    return weft_activity_next_run(
        &(weft_activity_next){
            .chain = chain,
            .attempt = attempt,
            .run = run,
        },
        attempt->input);
}

// Turns and commands. -------------------------------------------------------

void
wf_interceptors_turn(const struct wf_interceptors *chain,
                     const struct wf_key *key, weft_intercepted_turn *turn)
{
    turn->name_space = wf_key_namespace(key);
    turn->kind = wf_key_kind(key);
    turn->id = wf_key_id(key);
    for (size_t i = 0; i < chain->count; i++) {
        const weft_interceptor *one =
            &chain->list[turn->is_end ? chain->count - 1 - i : i];

        if (one->turn != NULL) {
            one->turn(one->ctx, turn);
        }
    }
}

void
wf_interceptors_command(const struct wf_interceptors *chain,
                        const struct wf_key *key, uint64_t run,
                        const struct wf_entry *command, bool is_replaying)
{
    const weft_intercepted_command shown = {
        .name_space = wf_key_namespace(key),
        .kind = wf_key_kind(key),
        .id = wf_key_id(key),
        .run = run,
        .type = wf_command_kind_name(command->kind),
        .name = (const char *)command->name.data, // it was text
        .branch = command->branch,
        .ordinal = command->ordinal,
        .is_replaying = is_replaying,
    };

    for (size_t i = 0; i < chain->count; i++) {
        if (chain->list[i].command != NULL) {
            chain->list[i].command(chain->list[i].ctx, &shown);
        }
    }
}
