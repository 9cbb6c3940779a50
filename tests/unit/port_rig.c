// SPDX-License-Identifier: Apache-2.0
//
// port_rig.c - see port_rig.h.

#include "port_rig.h"

static bool
goes_on(void *self, struct wf_request *request)
{
    (void)self;
    (void)request;
    return false;
}

static bool
wait_for(void *self, bool (*is_over)(void *arg), void *arg, uint32_t timeout_ms)
{
    (void)self;
    (void)is_over;
    (void)arg;
    (void)timeout_ms;
    return false;
}

static void
close_port(void *self)
{
    (void)self;
}

struct wf_client_port_ops
port_rig_ops(port_rig_prepare_fn *prepare, port_rig_post_fn *post)
{
    return (struct wf_client_port_ops){prepare, post, goes_on, wait_for,
                                       close_port};
}
