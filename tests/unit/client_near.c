// SPDX-License-Identifier: Apache-2.0
//
// client_near.c - clients beside the fake of a node. See client_rig.h.

#include "unit/client_rig.h"

const bool rig_is_far = false;

void
rig_reach_open(void)
{
}

void
rig_reach_close(void)
{
}

weft_err
rig_reach_client(const weft_client_options *options, weft_client **out_client)
{
    return weft_client_open(&rig.node, options, out_client);
}
