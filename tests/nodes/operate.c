// SPDX-License-Identifier: Apache-2.0
//
// operate.c - what operators do with a cluster that runs: `weft cluster`.
//
//     nodes_operate NODE_PROGRAM WEFT

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "nodes/process.h"
#include "postgres/servers.h"

#define PARTITIONS 8
#define LEASE_MS 2000
#define WAIT_MS 30000

static const char *weft;
static char output[65536];
static int failures;

// Run `weft cluster ...`; what it printed, stderr too, is in `output`.
__attribute__((format(printf, 1, 2))) static int
run(const char *format, ...)
{
    char line[2048];
    char command[4096];
    va_list args;
    size_t len;
    FILE *out;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    (void)snprintf(command, sizeof(command), "%s cluster %s 2>&1", weft, line);
    out = popen(command, "r");
    if (out == NULL) {
        perror(command);
        exit(1);
    }
    len = fread(output, 1, sizeof(output) - 1, out);
    output[len] = '\0';
    return WEXITSTATUS(pclose(out));
}

static void
check(bool is_true, const char *what)
{
    if (!is_true) {
        (void)fprintf(stderr, "not so: %s; weft said:\n%s\n", what, output);
        failures++;
    }
}

static bool
says(const char *text)
{
    return strstr(output, text) != NULL;
}

// Until `weft cluster status --json` says it.
static bool
await(const char *database, const char *text)
{
    const struct timespec moment = {.tv_nsec = 100000000};

    for (int i = 0; i < WAIT_MS / 100; i++) {
        if (run("status '%s' --json", database) == 0 && says(text)) {
            return true;
        }
        (void)nanosleep(&moment, NULL);
    }
    return false;
}

static void
refuse_what_is_wrong(const char *database)
{
    check(run("status 'host=127.0.0.1 port=1 connect_timeout=2'") == 2 &&
              says("port 1"),
          "a database that is not there is named");
    check(run("status 'no such thing'") == 2, "a malformed one is refused");
    check(run("status '%s'", database) == 2 && says("cluster init"),
          "without a cluster it says what makes one");
    check(run("grow '%s'", database) == 2, "there is no such verb");
    check(run("init '%s' --partitions none", database) == 2, "no count");
}

static void
make_ready(const char *database)
{
    check(run("init '%s' --partitions %d", database, PARTITIONS) == 0,
          "init makes it");
    check(run("init '%s' --partitions %d", database, PARTITIONS) == 0,
          "and does not mind that it is there");
    check(run("init '%s' --partitions 9", database) == 2,
          "the count is for ever");
    check(run("status '%s'", database) == 0 && says("8 without a node"),
          "nobody has any");
    check(run("drain '%s' node-0", database) == 2, "there is no such node");
    check(run("move '%s' 3 node-0", database) == 2, "nor to move to");
}

static void
operate(const char *database)
{
    check(await(database, "\"partitions\":4") ||
              await(database, "\"partitions\": 4"),
          "two nodes share evenly");
    check(run("status '%s' --full", database) == 0 && says("node-0") &&
              says("node-1") && says("live") && says("durability: local"),
          "status shows who is there");
    check(run("drain '%s' node-1", database) == 0 &&
              says("no partition any more"),
          "a node drains");
    check(run("status '%s'", database) == 0 && says("draining"),
          "and is seen to");
    check(run("undrain '%s' node-1", database) == 0, "it takes part again");
    check(await(database, "\"partitions\":4") ||
              await(database, "\"partitions\": 4"),
          "and has its share again");
    check(run("move '%s' 99 node-0", database) == 2, "no such partition");
    check(run("move '%s' 3 node-0", database) == 0, "a partition moves");
    check(run("rebalance '%s'", database) == 0 && says("is balanced"),
          "it waits until all are where they are to be");
    check(run("status '%s' --json", database) == 0 && says("\"lag\"") &&
              says("\"lease_ms\"") && says("\"moving\""),
          "status tells programs how far it is");
    check(run("forget '%s' node-1", database) == 2 && says("is live"),
          "who is there is not forgotten");
    check(run("forget '%s' node-9", database) == 2, "nor who never was");
}

static void
forget(const char *database)
{
    check(run("forget '%s' node-1", database) == 0, "who is gone is forgotten");
    check(run("status '%s'", database) == 0 && !says("node-1") &&
              says("node-0"),
          "and is not in the list any more");
}

int
main(int argc, char **argv)
{
    char dir[] = "/dev/shm/weft-operate-XXXXXX";
    struct processes processes;
    struct servers *servers;

    if (argc != 3 || mkdtemp(dir) == NULL) {
        (void)fprintf(stderr, "usage: nodes_operate NODE_PROGRAM WEFT\n");
        return 2;
    }
    weft = argv[2];
    servers = servers_start(1, NULL);
    refuse_what_is_wrong(servers_conninfo(servers));
    make_ready(servers_conninfo(servers));
    processes_init(&processes, argv[1], servers_conninfo(servers), dir, 2,
                   LEASE_MS, NULL);
    processes_start(&processes, 0);
    processes_start(&processes, 1);
    operate(servers_conninfo(servers));
    failures += !processes_end(&processes, 1);
    forget(servers_conninfo(servers));
    failures += !processes_end(&processes, 0);
    processes_remove(dir);
    servers_stop(servers);
    return failures > 0;
}
