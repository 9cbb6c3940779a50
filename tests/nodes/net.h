// SPDX-License-Identifier: Apache-2.0
//
// net.h - a network of namespaces for tests: this process is on a bridge, and
// each node in a namespace of its own, with its own address. What goes from one
// to another can be dropped, each way for itself, and made slow.
//
// Nothing of it has a name, or is seen from outside of this process and its
// children: it ends with them, however they end. The machine's own network is
// not touched.

#ifndef WF_TESTS_NODES_NET_H
#define WF_TESTS_NODES_NET_H

#include <stdbool.h>
#include <stdint.h>

#define NET_NODES_MAX 8
#define NET_HOST_ADDRESS "10.88.0.1" // of this process, and those it starts
#define NET_HOST UINT32_MAX          // in place of a node's index

struct net;

// Before any thread is started: this process leaves the machine's network.
// NULL: the machine does not allow it, which was said.
struct net *net_start(uint32_t nodes);
void net_end(struct net *net); // NULL is fine

// "10.88.0.N"
const char *net_address(const struct net *net, uint32_t node);
// A child that was just forked is in that node's namespace from now on.
void net_enter(const struct net *net, uint32_t node);

// What goes from one to the other is lost from now on, without a word; and no
// longer. What cannot be done ends this process.
void net_cut(const struct net *net, uint32_t from, uint32_t to);
void net_heal(const struct net *net, uint32_t from, uint32_t to);
// What the node sends is late, and some of it is lost; or no longer.
void net_slow(const struct net *net, uint32_t node, bool is_on);

#endif
