// SPDX-License-Identifier: Apache-2.0
//
// node_history.c - what clients see of objects of a real node that is killed
// again and again, given to the checkers.
//
//     history_node [--rounds N] [--seconds N] [--seed SEED]
//
// A round is a directory, a node on it in a process of its own, and clients
// here, over a socket. The node dies by SIGKILL at any moment, also while it
// opens; clients go on, or are closed and opened again with the same id. What
// lies in the directory of a dead node is looked at, too. The last line is for
// tests/proof; the status is 1 if there were faults.

#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "history/served.h"
#include "history/stopped.h"
#include "history/work.h"
#include "weft/weft.h"

enum {
    CLIENTS = 8,
    OPS = 200,
    TIMER_BOUND_MS = 60000, // a busy machine; the simulator has the exact one
    PARKED_MS = 1200,
    ROUND_MS_MAX = 60000,
};

struct rig {
    uint64_t chance;
    char dir[300];
    char data[320];
    struct served served;
    weft_client *clients[CLIENTS];
    struct work *work;
    bool is_killing;
    uint64_t answers;
    uint64_t kill_at_ms; // or when it has answered so much
    uint64_t kill_at_answers;
    uint64_t kills;
    struct stopped_counts counts;
    struct history_faults faults; // of stopped directories
};

static uint32_t
draw(struct rig *rig, uint32_t below)
{
    rig->chance = history_mix(rig->chance, 5);
    return (uint32_t)(rig->chance >> 33) % below;
}

static uint64_t
wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
must(weft_err err, const char *what)
{
    if (err != WEFT_OK) {
        (void)fprintf(stderr, "history_node: %s: %s %s\n", what,
                      weft_err_name(err), weft_err_detail());
        exit(2);
    }
}

// Carrying. -------------------------------------------------------------------

static void
on_reply(void *ctx, const weft_reply *reply)
{
    struct work_call *call = ctx;
    weft_bytes data = reply->data;

    if (reply->items_count > 0 && reply->items[0].attributes_count > 0) {
        const weft_attribute *number = &reply->items[0].attributes[0];

        data = weft_bytes_of(&number->value.integer,
                             sizeof(number->value.integer));
        work_answered(call, reply->err, data);
        return;
    }
    work_answered(call, reply->err, data);
}

static uint64_t
submit(void *ctx, const weft_request *request, struct work_call *call)
{
    struct rig *rig = ctx;
    uint64_t number = 0;
    weft_err err = weft_client_submit(rig->clients[call->who], request,
                                      on_reply, call, &number);

    if (err != WEFT_OK) {
        work_answered(call, err, weft_nothing());
    }
    return number;
}

static uint64_t
now_ms(void *ctx)
{
    (void)ctx;
    return wall_ms();
}

static void
connect_client(struct rig *rig, uint32_t who)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    const char *endpoints[] = {rig->served.endpoint};

    options.endpoints = endpoints;
    options.endpoints_count = 1;
    (void)snprintf((char *)options.client_id, sizeof(options.client_id),
                   "history-%" PRIu32, who);
    must(weft_client_connect(&options, &rig->clients[who]), "connect");
}

// A client dies with all that it has under way, and begins anew as itself.
static void
restart_client(struct rig *rig)
{
    uint32_t who = draw(rig, CLIENTS - 1); // the last one has bursts

    weft_client_close(rig->clients[who]);
    connect_client(rig, who);
    work_repeat(rig->work, who);
}

// The node. -------------------------------------------------------------------

// By what it has answered; or by time, which is while it opens, mostly.
static void
plan_kill(struct rig *rig)
{
    bool is_early = draw(rig, 4) == 0;

    rig->kill_at_ms = wall_ms() + (is_early ? draw(rig, 100) : 5000);
    rig->kill_at_answers = rig->answers + draw(rig, 250);
}

static void
restart_node(struct rig *rig)
{
    served_kill(&rig->served);
    rig->kills++;
    if (draw(rig, 4) == 0) {
        stopped_check(rig->data, rig->answers == 0, &rig->counts, &rig->faults);
    }
    served_start(&rig->served, rig->data);
    plan_kill(rig);
}

// It stands still for a while, as a machine does that swaps.
static void
pause_node(struct rig *rig)
{
    struct timespec time = {.tv_nsec = (long)draw(rig, 200) * 1000000};

    (void)kill(rig->served.child.pid, SIGSTOP);
    (void)nanosleep(&time, NULL);
    (void)kill(rig->served.child.pid, SIGCONT);
}

static void
turn(void *ctx)
{
    struct rig *rig = ctx;
    struct pollfd polls[CLIENTS];

    for (uint32_t i = 0; i < CLIENTS; i++) {
        polls[i] = (struct pollfd){.fd = weft_client_fd(rig->clients[i]),
                                   .events = POLLIN};
    }
    (void)poll(polls, CLIENTS, 1);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        rig->answers += weft_client_dispatch(rig->clients[i], 16);
    }
    if (rig->is_killing && draw(rig, 1500) == 0) {
        pause_node(rig);
    }
    if (rig->is_killing && (wall_ms() >= rig->kill_at_ms ||
                            rig->answers >= rig->kill_at_answers)) {
        restart_node(rig);
        if (rig->work != NULL && draw(rig, 2) == 0) {
            restart_client(rig);
        }
    } else if (!rig->is_killing && served_has_ended(&rig->served)) {
        history_fault(&rig->faults, "the node ended by itself");
        served_start(&rig->served, rig->data);
    }
}

// Rounds. ---------------------------------------------------------------------

static void
begin(struct rig *rig)
{
    static const char *const windows[] = {"none", "65536", "default"};
    const char *parent = getenv("TMPDIR");

    (void)snprintf(rig->dir, sizeof(rig->dir), "%s/weft-history-XXXXXX",
                   parent == NULL ? "/tmp" : parent);
    if (mkdtemp(rig->dir) == NULL) {
        perror(rig->dir);
        exit(2);
    }
    (void)snprintf(rig->data, sizeof(rig->data), "%s/data", rig->dir);
    (void)snprintf(rig->served.endpoint, sizeof(rig->served.endpoint),
                   "ipc://%s/socket", rig->dir);
    (void)snprintf(rig->served.log, sizeof(rig->served.log), "%s/log",
                   rig->dir);
    rig->served.window = windows[draw(rig, 3)];
    rig->served.stores = draw(rig, 2) == 0 ? "1" : "2";
    rig->served.residents = draw(rig, 2) == 0 ? "8" : "1000";
    served_start(&rig->served, rig->data);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        connect_client(rig, i);
    }
}

static void
ask_all(struct rig *rig, uint64_t seed)
{
    uint64_t end_ms = wall_ms() + ROUND_MS_MAX;

    rig->work = work_create(&(struct work_options){
        .seed = seed,
        .driver = {submit, turn, now_ms, rig},
        .ops = OPS,
        .notes = 400,
        .timers = 150,
        .pays = 300,
        .burst = draw(rig, 3) == 0 ? 1500 : 0,
        .parked_ms = PARKED_MS,
        .has_resets = true,
    });
    plan_kill(rig);
    rig->is_killing = true;
    while (!work_is_done(rig->work) && wall_ms() < end_ms) {
        work_step(rig->work);
        turn(rig);
    }
    rig->is_killing = false;
}

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void
end(struct rig *rig)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        weft_client_close(rig->clients[i]);
    }
    if (served_stop(&rig->served) != 0) {
        history_fault(&rig->faults, "the node did not close well");
    }
    stopped_check(rig->data, false, &rig->counts, &rig->faults);
}

// Returns how many faults it found, and says them.
static size_t
run_round(uint64_t seed, struct work_counts *sum, struct rig *all)
{
    struct rig *rig = history_alloc(1, sizeof(*rig));
    size_t count;

    rig->chance = history_mix(seed, 1);
    begin(rig);
    ask_all(rig, seed);
    work_quiet(rig->work, true);
    work_finish(rig->work, TIMER_BOUND_MS);
    end(rig);
    count = work_faults(rig->work)->count + rig->faults.count;
    if (count > 0) {
        FILE *file;
        char path[400];

        (void)printf("seed %" PRIu64 ", %s is kept:\n%s%s", seed, rig->dir,
                     work_faults(rig->work)->text, rig->faults.text);
        (void)snprintf(path, sizeof(path), "%s/history", rig->dir);
        file = fopen(path, "we");
        if (file != NULL) {
            work_write(rig->work, file);
            (void)fclose(file);
        }
    } else {
        (void)nftw(rig->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    work_counts_add(sum, work_counts(rig->work));
    all->kills += rig->kills;
    all->counts.looks += rig->counts.looks;
    all->counts.actors += rig->counts.actors;
    all->counts.segments += rig->counts.segments;
    work_destroy(rig->work);
    free(rig);
    return count;
}

static void
say(const struct work_counts *sum, const struct rig *all, uint64_t rounds,
    uint64_t faults)
{
    (void)printf("%" PRIu64 " rounds, %" PRIu64 " kills: %" PRIu64
                 " operations (%" PRIu64 " lost, %" PRIu64
                 " repeated), %" PRIu64 " effects, %" PRIu64 " sends, %" PRIu64
                 " timers, %" PRIu64 " coins; %" PRIu64 " directories, %" PRIu64
                 " actors, %" PRIu64 " segments looked at\n",
                 rounds, all->kills, sum->operations, sum->lost, sum->repeated,
                 sum->effects, sum->sends, sum->timers, sum->coins,
                 all->counts.looks, all->counts.actors, all->counts.segments);
    (void)printf("RESULT\thistories of a node that is killed\t%" PRIu64
                 "\t%" PRIu64 "\t%" PRIu64 " kills, %" PRIu64 " not decided\n",
                 sum->histories, faults, all->kills, sum->undecided);
}

static uint64_t
number_after(int argc, char **argv, const char *name, uint64_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 10);
        }
    }
    return otherwise;
}

int
main(int argc, char **argv)
{
    uint64_t seed = number_after(argc, argv, "--seed", wall_ms() * 1000);
    uint64_t seconds = number_after(argc, argv, "--seconds", 1000000000);
    uint64_t rounds = number_after(argc, argv, "--rounds", 1000000000);
    struct work_counts sum = {0};
    struct rig all = {0};
    uint64_t begun_ms = wall_ms();
    uint64_t faults = 0;
    uint64_t done = 0;

    served_become(argc, argv);
    while (done < rounds && wall_ms() - begun_ms < seconds * 1000) {
        faults += run_round(seed + done++, &sum, &all);
        (void)fflush(stdout);
    }
    say(&sum, &all, done, faults);
    return faults == 0 ? 0 : 1;
}
