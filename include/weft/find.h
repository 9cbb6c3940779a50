// SPDX-License-Identifier: Apache-2.0
//
// find.h - many instances at once: list, count, and do something to each.
//
// A filter is an expression over kind, id, status, times and attributes:
//
//     kind = "order" and status in (running, failed) and amount >= 10.5
//
// docs/filter.md has the whole language. Lists and counts go through a row of
// every instance there is, a thousand at a time, partition after partition:
// they cost what the store holds, not what they find. Each shows every write
// that was acknowledged before the call.

#ifndef WEFT_FIND_H
#define WEFT_FIND_H

#include <stdint.h>

#include "weft/client.h"

#ifdef __cplusplus
extern "C" {
#endif

// A page of the instances that the filter matches, in order of kind and id
// within each partition; otherwise as weft_client_list. filter NULL: all.
//
// WEFT_EINVAL   not a filter; the detail has the column
// WEFT_ETOOBIG  a filter of more than 4,096 bytes
WEFT_API weft_err weft_client_list_where(weft_client *client,
                                         const char *filter, const char *cursor,
                                         weft_reply **out_reply);

// Count the instances that the filter matches (NULL: all), and if group_by is
// given (kind, status, an attribute: any field of a filter), for each value of
// it: reply->count, reply->groups. None is counted twice; what changes
// meanwhile is counted as it was or as it is.
//
// WEFT_EINVAL   not a filter, or not a field; the detail has the column
// WEFT_ETOOBIG  more than 1,000 groups
WEFT_API weft_err weft_client_count(weft_client *client, const char *filter,
                                    const char *group_by,
                                    weft_reply **out_reply);

#ifdef __cplusplus
}
#endif

#endif
