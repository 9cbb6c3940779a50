// SPDX-License-Identifier: Apache-2.0
//
// scene_play.c - one process of a scene: it lives until an allocation fails
// that it cannot do without.
//
//     scene_play DIR CALL SETTING STEP ITEMS
//
// The item that was under way when the last process ended is done first. Then
// each next one is done while the nth allocation of its call fails, with n
// growing by STEP, until there is no such allocation, or ITEMS were done.
//
// Status 0: so far all is well; 2: it is not, and a line says what.

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "memory/scene.h"

#define TRIES 100
#define BUSY_US 20000

static _Noreturn void
fault(const struct scene_play *play, const char *what, weft_err err)
{
    (void)fprintf(
        stderr, "FAULT: item %" PRIu64 ", allocation %" PRIu64 ": %s: %s: %s\n",
        play->state->item, play->state->nth, what, weft_err_name(err),
        weft_err_detail());
    _exit(2);
}

static void
open_all(struct scene_play *play)
{
    weft_err err;

    play->definitions = scene_define();
    err = scene_open_node(play);
    if (err != WEFT_OK) {
        fault(play, "it does not open", err);
    }
}

static void
close_all(struct scene_play *play)
{
    scene_close_node(play);
    weft_definitions_destroy(play->definitions);
}

// An item. --------------------------------------------------------------------

// With all the memory there is.
static void
must(struct scene_play *play, scene_fn *fn, const char *what)
{
    weft_err err = WEFT_OK;

    if (fn == NULL) {
        return;
    }
    // An unknown outcome is asked for again, under the same number; what was
    // refused, because intake is stopped for a while, under another.
    for (int i = 0; i < TRIES; i++) {
        err = fn(play, play->state->item);
        if (err == WEFT_EBUSY) {
            play->state->attempt++;
            (void)usleep(BUSY_US);
        } else if (err != WEFT_ETIMEDOUT && err != WEFT_EIO) {
            break;
        }
    }
    if (err != WEFT_OK) {
        fault(play, what, err);
    }
}

// What is sent to the cell comes there in its time.
static void
check_cell(struct scene_play *play)
{
    uint64_t items = play->state->item;
    uint64_t count = 0;
    uint64_t sum = 0;
    weft_err err = WEFT_OK;

    for (int i = 0; i < 2000; i++) {
        err = scene_read_cell(play, &count, &sum);
        if (err != WEFT_OK || count >= items) {
            break;
        }
        (void)usleep(1000);
    }
    if (err != WEFT_OK) {
        fault(play, "the cell cannot be read", err);
    }
    if (count != items || sum != items * (items + 1) / 2) {
        (void)fprintf(stderr, "%" PRIu64 " came, their sum is %" PRIu64 "\n",
                      count, sum);
        fault(play, "something is lost, or doubled", WEFT_OK);
    }
}

static void
end_item(struct scene_play *play, const struct scene_call *call)
{
    must(play, call->after, "afterwards");
    check_cell(play);
    play->state->done = play->state->item;
    play->state->attempt = 0;
}

// Done once more, and with all the memory there is.
static void
redo(struct scene_play *play, const struct scene_call *call)
{
    if (play->node == NULL) {
        weft_err err = scene_open_node(play);

        if (err != WEFT_OK) {
            fault(play, "it does not open any more", err);
        }
    }
    must(play, call->call, "once more");
}

// Let the nth allocation of the call fail. True if there was one.
static bool
starve(struct scene_play *play, const struct scene_call *call)
{
    struct scene_state *state = play->state;
    uint64_t hits = atomic_load(&state->hunger.hits);
    weft_err err;
    bool is_hit;

    atomic_store(&state->hunger.count, 0);
    atomic_store(&state->hunger.nth, state->nth);
    err = call->call(play, state->item);
    atomic_store(&state->hunger.nth, 0);
    is_hit = atomic_load(&state->hunger.hits) > hits;
    switch (err) {
    case WEFT_OK:
        state->fine += is_hit;
        break;
    case WEFT_EBUSY: // intake is stopped, or there is no thread
    case WEFT_ENOMEM:
        state->refused += is_hit;
        state->attempt++;
        redo(play, call);
        break;
    case WEFT_EIO: // the store's, or the connection's
    case WEFT_ETIMEDOUT:
        state->unknown += is_hit;
        redo(play, call);
        break;
    default:
        fault(play, "it is refused", err);
    }
    if (err != WEFT_OK && err != WEFT_EBUSY && !is_hit) {
        fault(play, "it fails, and there was memory", err);
    }
    return is_hit;
}

static void
do_items(struct scene_play *play, const struct scene_call *call, uint64_t step,
         uint64_t items)
{
    struct scene_state *state = play->state;

    if (state->done < state->item) { // the last process died over it
        must(play, call->before, "what it needs, once more");
        redo(play, call);
        end_item(play, call);
    }
    for (uint64_t i = 0; i < items && !state->is_covered; i++) {
        state->item++;
        must(play, call->before, "what it needs");
        state->is_covered = !starve(play, call);
        end_item(play, call);
        state->nth += step;
    }
}

// The process. ----------------------------------------------------------------

static struct scene_state *
map_state(const char *root)
{
    char path[600];
    void *mapped;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/state", root);
    fd = open(path, O_RDWR | O_CLOEXEC);
    mapped = fd < 0 ? MAP_FAILED
                    : mmap(NULL, sizeof(struct scene_state),
                           PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        perror(path);
        exit(3);
    }
    return mapped;
}

int
main(int argc, char **argv)
{
    static struct scene_play play;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 6) {
        (void)fprintf(stderr,
                      "usage: scene_play DIR CALL SETTING STEP ITEMS\n");
        return 3;
    }
    play.root = argv[1];
    play.state = map_state(argv[1]);
    play.setting = &scene_settings[strtoul(argv[3], NULL, 10)];
    memset(play.payload, 'x', sizeof(play.payload));
    open_all(&play);
    do_items(&play, &scene_calls[strtoul(argv[2], NULL, 10)],
             strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
    close_all(&play);
    return 0;
}
