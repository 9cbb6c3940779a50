// SPDX-License-Identifier: Apache-2.0
//
// port_rig.h - a client's port whose requests the test has: nothing comes back
// by itself, nothing goes on, and whoever waits sleeps.

#ifndef WF_TESTS_PORT_RIG_H
#define WF_TESTS_PORT_RIG_H

#include "runtime/client_port.h"

typedef weft_err port_rig_prepare_fn(void *self, const char *name_space,
                                     const weft_request *given,
                                     struct wf_request *made);
typedef void port_rig_post_fn(void *self, struct wf_request *request);

struct wf_client_port_ops port_rig_ops(port_rig_prepare_fn *prepare,
                                       port_rig_post_fn *post);

#endif
