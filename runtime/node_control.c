// SPDX-License-Identifier: Apache-2.0
//
// node_control.c - backups of a running node that are asked for from outside.
//
// Housekeeping looks for a request in each round: one look at a file that is
// not there. The copy is made on a thread of its own, since it may take long
// and beacons must go on. One at a time. A request that was answered stays
// until its asker removes it, so its id is remembered.
//
// Threads: housekeeping's; the copy's own, which only makes it.

#include "runtime/node_control.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/thread.h"
#include "runtime/node_impl.h"
#include "storage/control.h"

struct wf_node_control {
    weft_node *node;
    struct wf_control_request request; // that is being carried out
    uint64_t answered;                 // the last id that was
    bool is_told; // that there is a request that cannot even be answered
    bool is_copying;
    pthread_t thread; // while it copies, unless the node has no threads
    atomic_bool is_done;
    weft_err err; // of the copy; set before is_done
    char *detail; // the same
};

struct wf_node_control *
wf_node_control_create(weft_node *node)
{
    struct wf_node_control *control = wf_calloc(sizeof(*control));

    control->node = node;
    return control;
}

void
wf_node_control_destroy(struct wf_node_control *control)
{
    if (control != NULL) {
        wf_node_control_finish(control);
        wf_free(control);
    }
}

static void
answer(struct wf_node_control *control, uint64_t id, weft_err err,
       const char *detail)
{
    const weft_node *node = control->node;
    weft_err told;

    control->answered = id;
    wf_node_note(node, err == WEFT_OK ? WF_TRACE_NOTE : WF_TRACE_WARNING,
                 "node", "backup", "%s%s%s", weft_err_name(err),
                 detail[0] == '\0' ? "" : ": ", detail);
    told = wf_control_answer(node->options.data_dir, id, err, detail);
    if (told != WEFT_OK) {
        wf_node_note(node, WF_TRACE_WARNING, "node", "backup",
                     "no answer was given: %s", weft_err_detail());
    }
}

static void *
copy(void *arg)
{
    struct wf_node_control *control = arg;

    wf_thread_name("weft-backup");
    control->err = weft_node_backup(control->node, control->request.to);
    control->detail = wf_strdup(control->err == WEFT_OK ? control->request.to
                                                        : weft_err_detail());
    atomic_store(&control->is_done, true);
    return NULL;
}

static void
begin(struct wf_node_control *control)
{
    wf_node_note(control->node, WF_TRACE_NOTE, "node", "backup",
                 "asked for a copy at %s", control->request.to);
    atomic_store(&control->is_done, false);
    control->is_copying = true;
    if (control->node->seams.is_manual) {
        (void)copy(control);
    } else if (pthread_create(&control->thread, NULL, copy, control) != 0) {
        control->is_copying = false;
        answer(control, control->request.id, WEFT_EBUSY,
               "the system gives no more threads");
        wf_free(control->request.to);
    }
}

void
wf_node_control_finish(struct wf_node_control *control)
{
    if (!control->is_copying) {
        return;
    }
    if (!control->node->seams.is_manual) {
        pthread_join(control->thread, NULL);
    }
    control->is_copying = false;
    answer(control, control->request.id, control->err, control->detail);
    wf_free(control->detail);
    wf_free(control->request.to);
}

// There is a request, and nothing can be done about it.
static void
refuse(struct wf_node_control *control, weft_err err)
{
    char *detail = wf_strdup(weft_err_detail());

    if (control->request.id != 0) {
        answer(control, control->request.id, err, detail);
    } else if (!control->is_told) {
        control->is_told = true;
        wf_node_note(control->node, WF_TRACE_WARNING, "node", "backup",
                     "%s: %s", weft_err_name(err), detail);
    }
    wf_free(detail);
}

void
wf_node_control_step(struct wf_node_control *control)
{
    const weft_node *node = control->node;
    weft_err err;

    if (node->options.data_dir == NULL ||
        (control->is_copying && !atomic_load(&control->is_done))) {
        return;
    }
    wf_node_control_finish(control);
    err = wf_control_find(node->options.data_dir, &control->request);
    if (err == WEFT_ENOTFOUND) {
        control->is_told = false;
    } else if (control->request.id != 0 &&
               control->request.id == control->answered) {
        wf_free(control->request.to);
    } else if (err == WEFT_OK) {
        begin(control);
    } else {
        refuse(control, err);
    }
}
