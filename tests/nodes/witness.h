// SPDX-License-Identifier: Apache-2.0
//
// witness.h - what the database itself saw of a cluster: who had which
// partition in which epoch, and who wrote its log. Triggers write it down, in
// the transaction of what they see.

#ifndef WF_TESTS_NODES_WITNESS_H
#define WF_TESTS_NODES_WITNESS_H

#include <stdint.h>

struct servers;

// The cluster is made, and nobody has used it.
void witness_begin(struct servers *servers, int server);
// How many partitions the node has, by its lease or without.
uint32_t witness_owned(struct servers *servers, int server, const char *node);
// How many things were not so: one owner in each epoch, who alone wrote; each
// commit once, in order, none left out; epochs that only grow. Each is said.
uint32_t witness_check(struct servers *servers, int server);

#endif
