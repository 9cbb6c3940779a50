// SPDX-License-Identifier: Apache-2.0
//
// main.c - weftd: a node of its own process, with definitions from shared
// objects, served over ZeroMQ.
//
//     settings -> objects -> node -> server -> READY ... SIGTERM -> drain
//
// Signals are taken by the main thread alone, which waits for nothing else;
// every other thread is made with them blocked.

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"

enum { STATUS_FINE = 0, STATUS_FAILED = 1, STATUS_NO_START = 2 };

struct daemon {
    struct settings settings;
    weft_definitions *definitions;
    weft_node *node;
    weft_server *server;
    sigset_t signals;
    int argc;
    char **argv;
};

static void
block_signals(struct daemon *daemon)
{
    sigemptyset(&daemon->signals);
    sigaddset(&daemon->signals, SIGTERM);
    sigaddset(&daemon->signals, SIGINT);
    sigaddset(&daemon->signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &daemon->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int
define(struct daemon *daemon)
{
    weft_err err = weft_definitions_create(&daemon->definitions);

    if (err == WEFT_OK) {
        err = weft_definitions_add_task_queues(daemon->definitions);
    }
    if (err != WEFT_OK) {
        journal_failed("definitions", err);
        return 0;
    }
    return objects_load(&daemon->settings.objects, daemon->definitions);
}

static int
start(struct daemon *daemon)
{
    weft_node_options node = settings_node(&daemon->settings);
    weft_cluster_options cluster = settings_cluster(&daemon->settings);
    weft_server_options server = settings_server(&daemon->settings);
    const char *endpoint;
    weft_err err;

    if (!journal_audit_open(daemon->settings.audit)) {
        return 0;
    }
    journal_notify("STATUS=recovering");
    node.definitions = daemon->definitions;
    err = cluster.database == NULL
              ? weft_node_open(&node, &daemon->node)
              : weft_cluster_open(&cluster, &node, &daemon->node);
    if (err != WEFT_OK) {
        journal_failed(daemon->settings.data, err);
        return 0;
    }
    err = weft_server_open(daemon->node, &server, &daemon->server);
    if (err != WEFT_OK) {
        journal_failed("listening", err);
        return 0;
    }
    for (size_t i = 0;
         (endpoint = weft_server_endpoint(daemon->server, i)) != NULL; i++) {
        journal(LEVEL_INFO, "listening on %s", endpoint);
    }
    journal(LEVEL_INFO, "ready: %s", daemon->settings.data);
    journal_notify("READY=1\nSTATUS=serving");
    return 1;
}

static void
reload(struct daemon *daemon)
{
    weft_server_options options;
    weft_err err = WEFT_EINVAL;

    journal_notify("RELOADING=1");
    if (settings_read_again(&daemon->settings, daemon->argc, daemon->argv)) {
        options = settings_server(&daemon->settings);
        err = weft_server_reload(daemon->server, &options);
        if (err == WEFT_OK &&
            !journal_audit_open(daemon->settings.audit)) { // after a rotation
            err = WEFT_EIO;
        } else if (err != WEFT_OK) {
            journal_failed("reload", err);
        }
    }
    journal(err == WEFT_OK ? LEVEL_INFO : LEVEL_WARNING, "%s",
            err == WEFT_OK ? "reloaded" : "not reloaded: it goes on as before");
    journal_notify("READY=1\nSTATUS=serving");
}

// A sign of life for systemd, as long as the node answers.
static void
feed_watchdog(struct daemon *daemon)
{
    weft_node_stats stats = {.struct_size = sizeof(stats)};

    if (weft_node_get_stats(daemon->node, &stats) == WEFT_OK) {
        journal_notify("WATCHDOG=1");
    }
}

// Until SIGTERM or SIGINT.
static void
serve(struct daemon *daemon)
{
    uint64_t watchdog_ms = journal_watchdog_ms();
    uint64_t wait_ms = watchdog_ms == 0 ? 3600000 : watchdog_ms / 3 + 1;
    struct timespec timeout = {
        .tv_sec = (time_t)(wait_ms / 1000),
        .tv_nsec = (long)(wait_ms % 1000) * 1000000,
    };

    for (;;) {
        int number = sigtimedwait(&daemon->signals, NULL, &timeout);

        if (number == SIGHUP) {
            reload(daemon);
        } else if (number > 0) {
            return;
        }
        if (watchdog_ms > 0) {
            feed_watchdog(daemon);
        }
    }
}

static void *
end_at_once(void *ctx)
{
    const sigset_t *signals = ctx;
    int number;

    do {
        number = sigwaitinfo(signals, NULL);
    } while (number < 0 || number == SIGHUP);
    journal(LEVEL_WARNING, "ended at once; nothing acknowledged is lost");
    _exit(STATUS_FINE);
}

static void
drain(struct daemon *daemon)
{
    uint32_t wait_ms = (uint32_t)daemon->settings.drain_ms;
    pthread_t impatient;

    journal(LEVEL_INFO, "draining, at most %u ms", wait_ms);
    journal_notify("STOPPING=1\nSTATUS=draining");
    if (pthread_create(&impatient, NULL, end_at_once, &daemon->signals) == 0) {
        pthread_detach(impatient);
    }
    if (weft_server_drain(daemon->server, wait_ms) != WEFT_OK ||
        weft_node_drain(daemon->node, wait_ms) != WEFT_OK) {
        journal(LEVEL_WARNING, "%s", weft_err_detail());
    }
}

static void
release(struct daemon *daemon)
{
    weft_server_close(daemon->server);
    weft_node_close(daemon->node);
    weft_definitions_destroy(daemon->definitions);
    (void)journal_audit_open(NULL);
    settings_free(&daemon->settings);
}

int
main(int argc, char **argv)
{
    struct daemon daemon = {.argc = argc, .argv = argv};
    enum settings_next next = settings_read(&daemon.settings, argc, argv);
    int status = STATUS_NO_START;

    journal_begin(daemon.settings.log_format);
    if (next == SETTINGS_DONE || next == SETTINGS_REFUSED) {
        settings_free(&daemon.settings);
        return next == SETTINGS_DONE ? STATUS_FINE : STATUS_NO_START;
    }
    block_signals(&daemon);
    if (define(&daemon)) {
        if (next == SETTINGS_CHECK) {
            status = STATUS_FINE;
        } else if (start(&daemon)) {
            serve(&daemon);
            drain(&daemon);
            journal(LEVEL_INFO, "ended");
            status = STATUS_FINE;
        }
    }
    release(&daemon);
    return status;
}
