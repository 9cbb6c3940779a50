// SPDX-License-Identifier: Apache-2.0
//
// stage.h - what a scene is played on: a node, and how it is asked.

#ifndef WF_TESTS_SHIM_STAGE_H
#define WF_TESTS_SHIM_STAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "weft/connect.h"
#include "weft/serve.h"
#include "weft/weft.h"
#include "weft/worker.h"

#define STAGE_PATH 700
#define STAGE_TEXT 160

// Read from a scene's options.
struct stage_options {
    weft_node_options node;
    bool is_newer;
    bool is_ipc;
    bool is_tcp;
    bool has_worker;
};

struct stage {
    char root[STAGE_PATH / 2]; // with the ledger; disk/data is the node's
    weft_definitions *definitions;
    weft_node *node;
    weft_server *server;
    weft_client *client;
    weft_client *worker_client;
    weft_worker *worker;
    weft_client *completer_client;
    pthread_t completer;
    atomic_bool is_completing;
    uint32_t completed; // lines of tokens that are done with
};

// Ends the process with status 1 if the node does not open.
void stage_open(struct stage *stage, const char *options);
void stage_close(struct stage *stage);

// A request; its answer's text (cut) in out_text, which may be NULL.
weft_err stage_ask(struct stage *stage, const weft_request *request,
                   char out_text[STAGE_TEXT]);
weft_request stage_request(weft_verb verb, const char *kind, const char *id,
                           uint64_t number);

_Noreturn void stage_give_up(const char *what, weft_err err, int status);
void stage_sleep_ms(uint32_t ms);
uint64_t stage_now_ms(void);

#endif
