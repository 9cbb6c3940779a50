// SPDX-License-Identifier: Apache-2.0
//
// item.h - the parts of an actor that are saved one by one: encoding of each.

#ifndef WF_RUNTIME_ITEM_H
#define WF_RUNTIME_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor.h"

void wf_item_encode_timer(const struct wf_timer *timer, struct wf_buf *out);
void wf_item_encode_command(const struct wf_command *command,
                            struct wf_buf *out);
void wf_item_encode_call(const struct wf_call *call, uint64_t run,
                         struct wf_buf *out);
void wf_item_encode_order(const struct wf_order *order, struct wf_buf *out);
void wf_item_encode_published(const struct wf_published *published,
                              struct wf_buf *out);

void wf_item_encode_operation(const struct wf_operation *operation,
                              struct wf_buf *out);

// Add what was saved to the actor. is_row: it came from a row of its own.
// False if malformed or of an unknown class.
bool wf_item_decode(struct wf_actor *actor, uint8_t class, uint64_t number,
                    weft_bytes bytes, bool is_row);

#endif
