// SPDX-License-Identifier: Apache-2.0
//
// post.c - making posts, and putting them into inboxes.
//
// Threads: any pushes; the inbox's owner pops.

#include "runtime/post.h"

#include "base/alloc.h"
#include "base/list.h"

struct wf_post *
wf_post_create(enum wf_post_type type)
{
    struct wf_post *post = wf_calloc(sizeof(*post));

    post->type = type;
    return post;
}

void
wf_post_destroy(struct wf_post *post)
{
    wf_free(post);
}

struct wf_post *
wf_post_pop(struct wf_mpsc *inbox)
{
    struct wf_mpsc_node *node = wf_mpsc_pop(inbox);

    return node == NULL ? NULL : WF_CONTAINER(node, struct wf_post, queue);
}

void
wf_post_push(struct wf_mpsc *inbox, struct wf_post *post)
{
    wf_mpsc_push(inbox, &post->queue);
}

void
wf_post_tell(struct wf_mpsc *inbox, enum wf_post_type type, uint32_t store)
{
    struct wf_post *post = wf_post_create(type);

    post->store = store;
    wf_post_push(inbox, post);
}
