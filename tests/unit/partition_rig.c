// SPDX-License-Identifier: Apache-2.0
//
// partition_rig.c - a partition alone.

#include "partition_rig.h"

#include "base/list.h"
#include "runtime/request.h"
#include "support/test.h"

void
partition_rig_create(struct partition_rig *rig,
                     struct wf_partition_options options)
{
    static const struct wf_trace silent;

    if (rig->definitions == NULL) {
        CHECK_OK(weft_definitions_create(&rig->definitions));
    }
    options.definitions = rig->definitions;
    options.trace = &silent;
    options.incarnation = 1;
    options.count = options.count == 0 ? 1 : options.count;
    options.residents_max =
        options.residents_max == 0 ? 1000 : options.residents_max;
    rig->partition = wf_partition_create(&options);
}

size_t
partition_rig_destroy(struct partition_rig *rig)
{
    struct wf_list requests;
    struct wf_list_node *node;
    size_t count;

    wf_list_init(&requests);
    wf_partition_destroy(rig->partition, &requests);
    count = requests.count;
    while ((node = wf_list_pop_front(&requests)) != NULL) {
        wf_request_destroy(WF_CONTAINER(node, struct wf_request, wait));
    }
    weft_definitions_destroy(rig->definitions);
    *rig = (struct partition_rig){0};
    return count;
}
