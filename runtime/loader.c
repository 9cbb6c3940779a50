// SPDX-License-Identifier: Apache-2.0
//
// loader.c - the reader: answers the partitions' questions to their stores.
//
// A store that failed answers everything with WEFT_ECLOSED until it is opened
// anew. To a partition that would look like an actor that cannot be read, so
// such a load is kept. FENCE is sure to come, and by then the partition that
// asked is gone; its successor knows the load by its incarnation and drops it.
//
// Threads: one, the inbox's consumer.

#include "runtime/loader.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/list.h"
#include "runtime/depot.h"
#include "runtime/load.h"

#define LOADS_PER_STEP 64

// What the loader knows of one store.
struct place {
    bool is_fenced;
    struct wf_list kept; // of loads that wait for FENCE
};

struct wf_loader {
    struct wf_loader_options options;
    struct wf_mpsc inbox;
    struct place *places; // by store
    bool is_stopped;
};

struct wf_loader *
wf_loader_create(const struct wf_loader_options *options)
{
    struct wf_loader *loader = wf_calloc(sizeof(*loader));

    loader->options = *options;
    loader->places = wf_calloc(options->depots_count * sizeof(*loader->places));
    for (uint32_t i = 0; i < options->depots_count; i++) {
        wf_list_init(&loader->places[i].kept);
        // Of a cluster: until it is taken.
        loader->places[i].is_fenced = options->depots[i].options.shared != NULL;
    }
    wf_mpsc_init(&loader->inbox);
    return loader;
}

void
wf_loader_destroy(struct wf_loader *loader)
{
    if (loader == NULL) {
        return;
    }
    WF_ASSERT(wf_post_pop(&loader->inbox) == NULL);
    wf_mpsc_fini(&loader->inbox);
    wf_free(loader->places);
    wf_free(loader);
}

struct wf_mpsc *
wf_loader_inbox(struct wf_loader *loader)
{
    return &loader->inbox;
}

bool
wf_loader_is_stopped(const struct wf_loader *loader)
{
    return loader->is_stopped;
}

static void
give_back(struct wf_loader *loader, struct wf_load *load)
{
    struct wf_post *post = wf_post_create(WF_POST_LOAD);

    post->partition = load->partition;
    post->u.load = load;
    loader->options.done(loader->options.ctx, post);
}

static void
give_back_kept(struct wf_loader *loader, struct place *place)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&place->kept)) != NULL) {
        give_back(loader, WF_CONTAINER(node, struct wf_load, node));
    }
}

// Takes the load.
static void
answer(struct wf_loader *loader, struct wf_load *load)
{
    uint32_t store = load->partition % loader->options.depots_count;
    struct place *place = &loader->places[store];

    if (place->is_fenced || loader->options.depots[store].store == NULL) {
        load->err = WEFT_ECLOSED; // nobody reads it
        give_back(loader, load);
        return;
    }
    wf_load_answer(load, loader->options.depots[store].store);
    if (load->err == WEFT_ECLOSED) {
        wf_list_push_back(&place->kept, &load->node);
        return;
    }
    give_back(loader, load);
}

static void
stop(struct wf_loader *loader)
{
    for (uint32_t i = 0; i < loader->options.depots_count; i++) {
        give_back_kept(loader, &loader->places[i]);
    }
    loader->is_stopped = true;
}

static void
handle(struct wf_loader *loader, struct wf_post *post)
{
    switch (post->type) {
    case WF_POST_LOAD:
        answer(loader, post->u.load);
        break;
    case WF_POST_FENCE:
        loader->places[post->store].is_fenced = true;
        give_back_kept(loader, &loader->places[post->store]);
        loader->options.fenced(loader->options.ctx, post->store);
        break;
    case WF_POST_RESUME:
        loader->places[post->store].is_fenced = false;
        break;
    case WF_POST_STOP:
        stop(loader);
        break;
    default:
        WF_ASSERT(false);
    }
    wf_post_destroy(post);
}

uint64_t
wf_loader_step(struct wf_loader *loader)
{
    uint32_t count = 0;
    struct wf_post *post;

    while (count < LOADS_PER_STEP &&
           (post = wf_post_pop(&loader->inbox)) != NULL) {
        handle(loader, post);
        count++;
    }
    return count > 0 ? 0 : UINT64_MAX;
}
