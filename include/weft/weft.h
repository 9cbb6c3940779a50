// SPDX-License-Identifier: Apache-2.0
//
// weft.h - durable actors and workflows for C services: everything at once.
//
// Read in this order: workflow.h and activity.h (what you write), actor.h (the
// same without a stack), node.h (run it), client.h and start.h (use it),
// connect.h (from another process), attributes.h and find.h (find it again),
// operate.h (look after it), payload.h (what is in a payload), metrics.h (how
// it does).

#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include "weft/activity.h"
#include "weft/actor.h"
#include "weft/attributes.h"
#include "weft/branch.h"
#include "weft/bytes.h"
#include "weft/child.h"
#include "weft/client.h"
#include "weft/cluster.h"
#include "weft/connect.h"
#include "weft/definitions.h"
#include "weft/error.h"
#include "weft/find.h"
#include "weft/interceptor.h"
#include "weft/loop.h"
#include "weft/metrics.h"
#include "weft/node.h"
#include "weft/operate.h"
#include "weft/payload.h"
#include "weft/saga.h"
#include "weft/start.h"
#include "weft/task_queue.h"
#include "weft/update.h"
#include "weft/watch.h"
#include "weft/worker.h"
#include "weft/workflow.h"

#endif
