// SPDX-License-Identifier: Apache-2.0
//
// served.c - see served.h. It is this program once more, and its first line of
// output is its endpoint.

#include "remote_tests/served.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "weft/serve.h"
#include "weft/weft.h"

// ThreadSanitizer does not see what RocksDB does to order its own threads.
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *
__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

static void
must(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "%s: %s %s\n", what, weft_err_name(err),
                      weft_err_detail());
        exit(1);
    }
}

static weft_err
follow(weft_actor *actor, const weft_message *message, void *state)
{
    struct served_series *series = state;
    uint64_t number;

    (void)actor;
    if (message->type != WEFT_MESSAGE_SIGNAL ||
        message->data.len != sizeof(number)) {
        return WEFT_OK;
    }
    memcpy(&number, message->data.data, sizeof(number));
    series->wrong += number != series->last + 1;
    series->last = number;
    return WEFT_OK;
}

static weft_err
show(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

static unsigned long
number_of(weft_bytes text)
{
    char digits[24] = "";

    memcpy(digits, text.data,
           text.len < sizeof(digits) - 1 ? text.len : sizeof(digits) - 1);
    return strtoul(digits, NULL, 10);
}

static weft_err
begin_marks(weft_workflow *wf, unsigned long count, weft_future *marks)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    char index[24];
    weft_err err = WEFT_OK;

    options.task_queue = "marks";
    for (unsigned long i = 0; i < count && err == WEFT_OK; i++) {
        (void)snprintf(index, sizeof(index), "%lu", i);
        err = weft_workflow_call_async(wf, "mark", weft_text(index), &options,
                                       &marks[i]);
    }
    return err;
}

static weft_err
fan(weft_workflow *wf, weft_bytes input)
{
    unsigned long count = number_of(input);
    unsigned long sum = 0;
    weft_future marks[SERVED_FAN_MAX];
    char text[24];
    weft_bytes result;
    weft_err err = begin_marks(wf, count, marks);

    for (unsigned long i = 0; i < count && err == WEFT_OK; i++) {
        err = weft_workflow_await(wf, marks[i], &result);
        sum += err == WEFT_OK ? number_of(result) : 0;
    }
    if (err != WEFT_OK) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "%lu", sum);
    return weft_workflow_return(wf, weft_text(text));
}

weft_definitions *
served_definitions(void)
{
    weft_definitions *definitions = NULL;
    weft_actor_def kind = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def flow = WEFT_WORKFLOW_DEF_INIT;

    must(weft_definitions_create(&definitions), "definitions");
    kind.name = "series";
    kind.state_bytes = sizeof(struct served_series);
    kind.receive = follow;
    kind.query = show;
    must(weft_definitions_add_actor(definitions, &kind), "series");
    flow.name = "fan";
    flow.run = fan;
    must(weft_definitions_add_workflow(definitions, &flow), "fan");
    must(weft_definitions_add_task_queues(definitions), "task queues");
    return definitions;
}

static void
run(const char *dir, uint16_t port)
{
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_server_options serve = WEFT_SERVER_OPTIONS_INIT;
    weft_definitions *definitions = served_definitions();
    weft_node *node = NULL;
    weft_server *server = NULL;
    char wanted[64];
    const char *endpoints[] = {wanted};
    char byte;

    options.data_dir = dir;
    options.definitions = definitions;
    options.reserve_bytes = 1;
    must(weft_node_open(&options, &node), "node");
    (void)snprintf(wanted, sizeof(wanted), "tcp://127.0.0.1:%u", port);
    serve.endpoints = endpoints;
    serve.endpoints_count = 1;
    must(weft_server_open(node, &serve, &server), "server");
    (void)printf("%s\n", weft_server_endpoint(server, 0));
    (void)fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    weft_server_close(server);
    weft_node_close(node);
    weft_definitions_destroy(definitions);
    exit(0);
}

#define BECOME "--served"

void
served_become(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], BECOME) == 0) {
        run(argv[2], (uint16_t)atoi(argv[3]));
    }
}

void
served_start(struct served *served, const char *dir, uint16_t port)
{
    char number[16];
    const char *args[] = {"served", BECOME, dir, number, NULL};

    (void)snprintf(number, sizeof(number), "%u", port);
    if (!child_start(&served->child, &(struct child_options){
                                         .args = args,
                                         .line = served->endpoint,
                                         .line_size = sizeof(served->endpoint),
                                     })) {
        (void)fprintf(stderr, "the node did not open\n");
        exit(1);
    }
    served->port = (uint16_t)atoi(strrchr(served->endpoint, ':') + 1);
}

void
served_stop(struct served *served)
{
    int status = child_end(&served->child, 0);

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        (void)fprintf(stderr, "the node ended with status %d\n", status);
        exit(1);
    }
}

void
served_kill(struct served *served)
{
    (void)child_kill(&served->child);
}

static int
remove_entry(const char *path, const struct stat *status, int type,
             struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void
served_remove(const char *dir)
{
    (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

uint64_t
served_rss_kb(const struct served *served)
{
    char path[64];
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/statm",
                   (int)served->child.pid);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%lu %lu", &size, &resident) != 2) {
        (void)fprintf(stderr, "the node is gone\n");
        exit(1);
    }
    (void)fclose(file);
    return resident * 4;
}
