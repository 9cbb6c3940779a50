// SPDX-License-Identifier: Apache-2.0
//
// process.c - nodes of a cluster as processes.

#include "nodes/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nodes/net.h"

#define END_MS 60000

static void
fail(const char *what)
{
    perror(what);
    exit(1);
}

// One that nobody listens on now.
unsigned
processes_free_port(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        fail("a free port");
    }
    close(fd);
    return ntohs(address.sin_port);
}

// Where one is reached: in its namespace nobody else has the ports.
static void
set_endpoints(struct process *process, const struct net *net, uint32_t index)
{
    const char *address = net != NULL ? net_address(net, index) : "127.0.0.1";

    (void)snprintf(process->endpoint, sizeof(process->endpoint), "tcp://%s:%u",
                   address, net != NULL ? 7500 : processes_free_port());
    (void)snprintf(process->service, sizeof(process->service), "tcp://%s:%u",
                   address, net != NULL ? 7400 : processes_free_port());
}

void
processes_init(struct processes *processes, const char *program,
               const char *database, const char *dir, uint32_t count,
               uint32_t lease_ms, const struct net *net)
{
    *processes = (struct processes){
        .program = program,
        .database = database,
        .count = count,
        .lease_ms = lease_ms,
        .net = net,
    };
    for (uint32_t i = 0; i < count; i++) {
        struct process *process = &processes->all[i];

        (void)snprintf(process->name, sizeof(process->name), "node-%u", i);
        (void)snprintf(process->dir, sizeof(process->dir), "%s/node-%u", dir,
                       i);
        set_endpoints(process, net, i);
        if (mkdir(process->dir, 0755) != 0 && errno != EEXIST) {
            fail(process->dir);
        }
    }
}

// What the child does before it is the node.
struct launch {
    const struct processes *processes;
    uint32_t index;
};

static void
prepare(void *ctx)
{
    const struct launch *launch = ctx;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (launch->processes->log != NULL) {
        (void)setenv("NODES_SHOW", "1", 1);
    }
    if (launch->processes->net != NULL) {
        net_enter(launch->processes->net, launch->index);
    }
}

static bool
start(struct processes *processes, uint32_t index)
{
    struct process *process = &processes->all[index];
    struct launch launch = {.processes = processes, .index = index};
    char lease[16];
    char line[16];
    const char *args[] = {
        processes->program, process->name,    process->dir, processes->database,
        process->endpoint,  process->service, lease,        NULL};

    (void)snprintf(lease, sizeof(lease), "%u", processes->lease_ms);
    process->is_paused = false;
    return child_start(&process->child,
                       &(struct child_options){
                           .program = processes->program,
                           .args = args,
                           .log = processes->log,
                           .line = line,
                           .line_size = sizeof(line),
                           .prepare = prepare,
                           .ctx = &launch,
                       }) &&
           strcmp(line, "ready") == 0;
}

void
processes_start(struct processes *processes, uint32_t index)
{
    if (!start(processes, index)) {
        (void)fprintf(stderr, "%s did not become ready\n",
                      processes->all[index].name);
        exit(1);
    }
}

bool
processes_try_start(struct processes *processes, uint32_t index)
{
    bool is_ready = start(processes, index);

    if (!is_ready) {
        (void)child_end(&processes->all[index].child, 0);
    }
    return is_ready;
}

int
processes_await_death(struct processes *processes, uint32_t ms)
{
    const struct timespec moment = {.tv_nsec = 10000000};

    for (uint32_t i = 0; i < ms / 10; i++) {
        for (uint32_t k = 0; k < processes->count; k++) {
            struct process *process = &processes->all[k];

            if (process->child.pid != 0 && child_has_ended(&process->child)) {
                process->is_paused = false;
                return (int)k;
            }
        }
        (void)nanosleep(&moment, NULL);
    }
    return -1;
}

void
processes_name(struct processes *processes, uint32_t index, const char *name)
{
    struct process *process = &processes->all[index];

    (void)snprintf(process->name, sizeof(process->name), "%s", name);
}

bool
processes_is_refused(struct processes *processes, uint32_t index)
{
    struct process *process = &processes->all[index];
    bool is_refused = !start(processes, index);
    int status = is_refused ? child_end(&process->child, 0)
                            : child_kill(&process->child);

    return is_refused && WIFEXITED(status);
}

void
processes_kill(struct processes *processes, uint32_t index)
{
    struct process *process = &processes->all[index];

    (void)child_kill(&process->child);
    process->is_paused = false;
}

void
processes_pause(struct processes *processes, uint32_t index)
{
    if (kill(processes->all[index].child.pid, SIGSTOP) != 0) {
        fail(processes->all[index].name);
    }
    processes->all[index].is_paused = true;
}

void
processes_continue(struct processes *processes, uint32_t index)
{
    if (kill(processes->all[index].child.pid, SIGCONT) != 0) {
        fail(processes->all[index].name);
    }
    processes->all[index].is_paused = false;
}

bool
processes_end(struct processes *processes, uint32_t index)
{
    struct process *process = &processes->all[index];
    int status = child_end(&process->child, END_MS);

    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        (void)fprintf(stderr, "%s did not end well: %s, status %d\n",
                      process->name,
                      status == -1 ? "it was killed" : "by itself", status);
        return false;
    }
    return true;
}

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void
processes_remove(const char *dir)
{
    if (nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0) {
        fail(dir);
    }
}

void
processes_end_all(struct processes *processes)
{
    for (uint32_t i = 0; i < processes->count; i++) {
        if (processes->all[i].child.pid != 0) {
            processes_kill(processes, i);
        }
    }
}

void
processes_lose(struct processes *processes, uint32_t index)
{
    processes_remove(processes->all[index].dir);
    if (mkdir(processes->all[index].dir, 0755) != 0) {
        fail(processes->all[index].dir);
    }
}

static void
copy_path(const struct process *process, char path[300])
{
    (void)snprintf(path, 300, "%s.copy", process->dir);
}

void
processes_save(const struct processes *processes, uint32_t index)
{
    const struct process *process = &processes->all[index];
    char path[300];
    char command[900];

    copy_path(process, path);
    (void)snprintf(command, sizeof(command), "rm -rf %s; cp -a %s %s", path,
                   process->dir, path);
    if (system(command) != 0) {
        fail(command);
    }
}

void
processes_go_back(struct processes *processes, uint32_t index)
{
    const struct process *process = &processes->all[index];
    char path[300];

    copy_path(process, path);
    processes_remove(process->dir);
    if (rename(path, process->dir) != 0) {
        fail(path);
    }
}
