// SPDX-License-Identifier: Apache-2.0
//
// attributes_api.c - the functions of weft/attributes.h that user code calls.
//
// Each changes the set that the code sees, and adds the change to the turn. A
// workflow's activation has its set: what its run began with, and every change
// that the code made since, in a replay too. So what the code reads, and
// whether a limit is reached, depends on nothing but the code.

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/attributes.h"
#include "runtime/inside.h"
#include "runtime/workflow_impl.h"

// turn NULL: a replay, or a stack that is being dropped. What is changed may
// have been read from the set: its memory stays until all is written.
static weft_err
change(struct wf_buf *set, struct wf_turn *turn, const weft_attribute *changes,
       size_t count)
{
    struct wf_buf before = *set;
    weft_err err;

    *set = (struct wf_buf){
        .data = wf_memdup(before.data, before.len),
        .len = before.len,
        .cap = before.len,
    };
    err = wf_attributes_change(set, changes, count);
    for (size_t i = 0; i < count && err == WEFT_OK && turn != NULL; i++) {
        wf_turn_attribute(turn, &changes[i]);
    }
    wf_buf_fini(&before);
    return err;
}

static weft_err
get(const struct wf_buf *set, const char *name, weft_attribute *out_attribute)
{
    WF_REQUIRE(name != NULL);
    WF_REQUIRE(out_attribute != NULL);
    return wf_attributes_find(wf_buf_bytes(set), name, out_attribute)
               ? WEFT_OK
               : wf_error(WEFT_ENOTFOUND, "there is no attribute %s", name);
}

// An upper bound of what the changes add to a turn.
static weft_bytes
room_for(size_t count)
{
    return weft_bytes_of("", count * (WF_ATTRIBUTE_TEXT_BYTES_MAX + 128));
}

// Workflows. ----------------------------------------------------------------

// What a reset left there and the code does not know of makes way when there
// might be no room for both.
static void
make_room(weft_workflow *wf)
{
    weft_bytes there = wf->actor->attributes;
    weft_bytes own = wf_buf_bytes(&wf->attributes);
    struct wf_reader reader = wf_reader_of(there);
    weft_attribute attribute;

    if (wf->turn == NULL || wf->turn->has_own_attributes ||
        wf_attributes_fit(there, own)) {
        return;
    }
    while (wf_attributes_next(&reader, &attribute)) {
        weft_attribute known = {0};

        if (!wf_attributes_find(own, attribute.name, &known)) {
            known = (weft_attribute){.name = attribute.name};
        }
        if (wf_attributes_compare(&known, &attribute) != 0) {
            wf_turn_attribute(wf->turn, &known);
        }
    }
    wf->turn->has_own_attributes = true;
}

weft_err
weft_workflow_set_attributes(weft_workflow *wf,
                             const weft_attribute *attributes, size_t count)
{
    weft_err err;

    WF_REQUIRE(attributes != NULL || count == 0);
    WF_REQUIRE(count <= WF_ATTRIBUTES_MAX);
    err = wf_workflow_check_value(wf, "attributes", room_for(count));
    if (err == WEFT_OK) {
        err = change(&wf->attributes, wf->turn, attributes, count);
    }
    if (err == WEFT_OK) {
        make_room(wf);
    }
    return err;
}

weft_err
weft_workflow_set_attribute(weft_workflow *wf, weft_attribute attribute)
{
    return weft_workflow_set_attributes(wf, &attribute, 1);
}

weft_err
weft_workflow_clear_attribute(weft_workflow *wf, const char *name)
{
    return weft_workflow_set_attribute(wf, (weft_attribute){.name = name});
}

weft_err
weft_workflow_get_attribute(weft_workflow *wf, const char *name,
                            weft_attribute *out_attribute)
{
    weft_err err = wf_workflow_check_value(wf, "attributes", weft_nothing());

    return err != WEFT_OK ? err : get(&wf->attributes, name, out_attribute);
}

// Actors. -------------------------------------------------------------------

static struct wf_buf *
set_of(weft_actor *actor)
{
    weft_bytes durable = actor->turn.actor->attributes;

    if (!actor->has_attributes) {
        wf_buf_put(&actor->attributes, durable.data, durable.len);
        actor->has_attributes = true;
    }
    return &actor->attributes;
}

weft_err
weft_actor_set_attributes(weft_actor *actor, const weft_attribute *attributes,
                          size_t count)
{
    weft_err err;

    WF_REQUIRE(attributes != NULL || count == 0);
    WF_REQUIRE(count <= WF_ATTRIBUTES_MAX);
    WF_REQUIRE_INSIDE(actor);
    err = wf_turn_check(&actor->turn, "attributes", room_for(count));
    return err != WEFT_OK
               ? err
               : change(set_of(actor), &actor->turn, attributes, count);
}

weft_err
weft_actor_set_attribute(weft_actor *actor, weft_attribute attribute)
{
    return weft_actor_set_attributes(actor, &attribute, 1);
}

weft_err
weft_actor_clear_attribute(weft_actor *actor, const char *name)
{
    return weft_actor_set_attribute(actor, (weft_attribute){.name = name});
}

weft_err
weft_actor_get_attribute(weft_actor *actor, const char *name,
                         weft_attribute *out_attribute)
{
    WF_REQUIRE_INSIDE(actor);
    return get(set_of(actor), name, out_attribute);
}
