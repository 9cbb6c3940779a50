// SPDX-License-Identifier: Apache-2.0
//
// net.c - a network of namespaces for tests, made with iproute2.
//
//     node 0        node 1        this process: clients, PostgreSQL
//      eth0          eth0          bridge, 10.88.0.1
//        \             \            |
//         +-------------+-----------+
//
// A cut is an entry in the sender's table of neighbours that names a card which
// nobody has: the packets are sent, and nobody takes them. Neither side is told
// anything, as with a cable that was pulled behind the next switch. It needs
// nothing of the kernel but bridges and namespaces.
//
// A slow network is netem's, where the kernel has it; else a bucket so small
// that it overflows.

#include "nodes/net.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY "02:00:00:00:00:fe"

struct net {
    int host; // namespaces
    int nodes[NET_NODES_MAX];
    uint32_t count;
    char addresses[NET_NODES_MAX][16];
};

static void
fail(const char *what)
{
    perror(what);
    exit(2);
}

// Run words in a namespace. They have no quotes.
__attribute__((format(printf, 3, 4))) static bool
run_in(int where, bool is_quiet, const char *format, ...)
{
    char line[256];
    char *words[32];
    size_t count = 0;
    int status = -1;
    va_list args;
    pid_t pid;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *word = strtok(line, " "); word != NULL && count < 31;
         word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    words[count] = NULL;
    pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (setns(where, CLONE_NEWNET) != 0) {
            _exit(126);
        }
        if (is_quiet) {
            (void)dup2(nothing, STDERR_FILENO);
        }
        execvp(words[0], words);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int
this_namespace(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int
namespace_of(const struct net *net, uint32_t node)
{
    return node == NET_HOST ? net->host : net->nodes[node];
}

const char *
net_address(const struct net *net, uint32_t node)
{
    return node == NET_HOST ? NET_HOST_ADDRESS : net->addresses[node];
}

static bool
make_host(struct net *net)
{
    if (unshare(CLONE_NEWNET) != 0) {
        perror("network namespaces");
        return false;
    }
    net->host = this_namespace();
    return run_in(net->host, false, "ip link set lo up") &&
           run_in(net->host, false, "ip link add bridge type bridge") &&
           run_in(net->host, false,
                  "ip address add " NET_HOST_ADDRESS "/24 dev bridge") &&
           run_in(net->host, false, "ip link set bridge up");
}

static bool
make_node(struct net *net, uint32_t node)
{
    int *where = &net->nodes[node];
    bool is_back;

    if (unshare(CLONE_NEWNET) != 0) {
        return false;
    }
    *where = this_namespace();
    is_back = setns(net->host, CLONE_NEWNET) == 0;
    (void)snprintf(net->addresses[node], sizeof(net->addresses[node]),
                   "10.88.0.%u", 10 + node);
    return is_back && run_in(*where, false, "ip link set lo up") &&
           run_in(*where, false,
                  "ip link add eth0 type veth peer name node%u netns %d", node,
                  (int)getpid()) &&
           run_in(*where, false, "ip address add %s/24 dev eth0",
                  net->addresses[node]) &&
           run_in(*where, false, "ip link set eth0 up") &&
           run_in(net->host, false, "ip link set node%u master bridge up",
                  node);
}

struct net *
net_start(uint32_t nodes)
{
    struct net *net = calloc(1, sizeof(*net));
    bool is_made;

    if (net == NULL || nodes > NET_NODES_MAX) {
        fail("net");
    }
    is_made = make_host(net);
    for (uint32_t i = 0; is_made && i < nodes; i++) {
        is_made = make_node(net, i);
        net->count = i + 1;
    }
    if (!is_made) {
        (void)fprintf(stderr,
                      "no network of namespaces can be made here: root, "
                      "iproute2, and a kernel with bridges are needed\n");
        net_end(net);
        return NULL;
    }
    return net;
}

void
net_end(struct net *net)
{
    if (net == NULL) {
        return;
    }
    for (uint32_t i = 0; i < net->count; i++) {
        (void)close(net->nodes[i]);
    }
    (void)close(net->host);
    free(net);
}

void
net_enter(const struct net *net, uint32_t node)
{
    if (setns(namespace_of(net, node), CLONE_NEWNET) != 0) {
        fail("a node's namespace");
    }
}

static const char *
card_of(uint32_t node)
{
    return node == NET_HOST ? "bridge" : "eth0";
}

void
net_cut(const struct net *net, uint32_t from, uint32_t to)
{
    if (!run_in(namespace_of(net, from), false,
                "ip neighbour replace %s lladdr " NOBODY " nud permanent "
                "dev %s",
                net_address(net, to), card_of(from))) {
        fail("cut");
    }
}

void
net_heal(const struct net *net, uint32_t from, uint32_t to)
{
    if (!run_in(namespace_of(net, from), false, "ip neighbour del %s dev %s",
                net_address(net, to), card_of(from))) {
        fail("heal");
    }
}

void
net_slow(const struct net *net, uint32_t node, bool is_on)
{
    int where = namespace_of(net, node);
    bool is_done =
        !is_on ? run_in(where, false, "tc qdisc del dev eth0 root")
               : run_in(where, true,
                        "tc qdisc add dev eth0 root netem delay 30ms 15ms "
                        "loss 3%%") ||
                     run_in(where, false,
                            "tc qdisc add dev eth0 root tbf rate 2mbit "
                            "burst 4kb limit 6kb");

    if (!is_done) {
        fail("slow");
    }
}
