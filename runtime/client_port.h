// SPDX-License-Identifier: Apache-2.0
//
// client_port.h - how a client reaches its node. A seam: client_local.c is for
// a node in this process; one behind a socket is made elsewhere.
//
// The client gives out numbers, keeps the calls and wakes who waits for them.
// A port carries requests to the node and back; it knows nothing of callers.

#ifndef WF_RUNTIME_CLIENT_PORT_H
#define WF_RUNTIME_CLIENT_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "weft/client.h"

struct wf_interceptors;
struct wf_request;

struct wf_client_port_ops {
    // What is left of making a request when it is checked and copied: find
    // where it goes, or bring it into the form in which it travels. On the
    // caller's thread; number and done are not set yet. Errors are those of
    // weft_client_submit.
    weft_err (*prepare)(void *self, const char *name_space,
                        const weft_request *given, struct wf_request *made);
    // Takes the request. Its done is called exactly once, on any thread.
    void (*post)(void *self, struct wf_request *request);
    // In done: is it under way once more, and not answered? Takes it then.
    bool (*goes_on)(void *self, struct wf_request *request);
    // A caller waits until is_over(arg), at most timeout_ms. False: sleep
    // until then; else it was waited for, perhaps in vain.
    bool (*wait)(void *self, bool (*is_over)(void *arg), void *arg,
                 uint32_t timeout_ms);
    // The client takes no calls and calls nothing of the port any more, except
    // goes_on. Requests that are under way may still come back afterwards.
    void (*close)(void *self);
};

struct wf_client_port {
    const struct wf_client_port_ops *ops;
    void *self;
};

struct wf_client_setup {
    const weft_client_options *options; // as wf_client_options_read left them
    uint64_t first_number;              // the first that it will give out
    const struct wf_interceptors *interceptors; // borrowed; NULL: none
    struct wf_client_port port;
};

// Check options, NULL for none, and fill in the defaults but the id's.
//
// WEFT_EINVAL   an option is out of range
weft_err wf_client_options_read(const weft_client_options *given,
                                weft_client_options *out_options);
bool wf_client_options_has_id(const weft_client_options *options);
// A random id has used no number yet, and begins with 1. One that the caller
// keeps may have been used by an earlier process, whose numbers must not come
// again: so they begin with the time, which leaves 65 million of them for each
// second.
static inline uint64_t
wf_client_first_number(uint64_t wall_ms)
{
    return wall_ms << 16 | 1;
}

// The port is closed when the client is.
weft_client *wf_client_create(const struct wf_client_setup *setup);

// Does nobody wait for the answer of this request any more? Then it need not
// be posted; done frees it.
bool wf_client_is_left(const struct wf_request *request);

#endif
