// SPDX-License-Identifier: Apache-2.0
//
// shim_loop.c - each call is the last one, or fails, in each scene.
//
//     shim_loop VICTIM SHIM sample SECONDS [SEED]   some of it
//     shim_loop VICTIM SHIM all SECONDS [SEED]      as far as time goes
//     shim_loop VICTIM SHIM one SCENE FAULT...      a life for each fault
//
// One run: the scene is played in lives one after the other, each with its
// fault, and at last without any. Then the directory must verify, and
// everything that was ever answered must be there, once (scene_check.c).
//
// A way is a list of faults with one place for a number n. For n = 1, 2, 3 ...
// it is run until the call of that number does not come any more. Ways with
// more than one life kill the recovery of what was killed.
//
// What a life may end with:
//
//   0           always
//   SIGKILL     when the fault is one that kills
//   1           the node did not open, when a call failed: EIO and ENOSPC
//               while it opens are its caller's to know
//   4           it came to no end, when calls fail from then on
//
// Anything else, an assertion for example, is a fault found.

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "shim/loop.h"
#include "shim/scene_check.h"

#define LIVES_MAX 4
#define STUCK_MS 400
#define POINTS_SKIPS 6

// %u is n.
static const char *const ways[][LIVES_MAX] = {
    {"write:before:%u"},
    {"write:after:%u"},
    {"write:torn:%u"},
    {"write:eio:%u"},
    {"write:enospc:%u"},
    {"write:short:%u"},
    {"write:eio:%u+"},
    {"write:enospc:%u+"},
    {"sync:before:%u"},
    {"sync:after:%u"},
    {"sync:eio:%u"},
    {"sync:eintr:%u"},
    {"sync:eio:%u+"},
    {"name:before:%u"},
    {"name:after:%u"},
    {"name:eio:%u"},
    {"name:enospc:%u"},
    {"name:enospc:%u+"},
    {"send:before:%u"},
    {"send:after:%u"},
    {"send:short:%u"},
    {"send:eintr:%u"},
    {"send:reset:%u"},
    // The recovery of one that was killed; and of that.
    {"write:torn:40", "write:before:%u"},
    {"write:torn:60", "sync:before:%u"},
    {"write:torn:50", "name:after:%u"},
    {"sync:before:20", "write:torn:%u"},
    {"sync:after:12", "sync:after:%u"},
    {"name:before:30", "name:before:%u"},
    {"sync:eio:15", "sync:before:%u"},
    {"write:torn:45", "write:torn:30", "sync:before:%u"},
    {"sync:before:15", "name:after:9", "write:torn:%u"},
    {"write:eio:60", "write:before:20", "sync:eio:%u"},
    {"name:after:14", "sync:after:4", "name:before:6", "write:torn:%u"},
};
#define WAYS_COUNT (sizeof(ways) / sizeof(ways[0]))

static const char *const points[] = {
#define X(name, text) #name,
    WF_FAULT_TABLE(X)
#undef X
};
#define POINTS_COUNT (sizeof(points) / sizeof(points[0]))

// One life. ------------------------------------------------------------------

static bool
is_killing(const char *fault)
{
    return strstr(fault, ":before:") != NULL ||
           strstr(fault, ":after:") != NULL ||
           strstr(fault, ":torn:") != NULL || strstr(fault, ":kill:") != NULL;
}

static bool
is_lasting(const char *fault)
{
    return fault[strlen(fault) - 1] == '+';
}

static bool
is_failing(const char *fault)
{
    return strstr(fault, ":eio:") != NULL ||
           strstr(fault, ":enospc:") != NULL ||
           strstr(fault, "sync:eintr:") != NULL ||
           strstr(fault, ":fail:") != NULL;
}

static bool
is_right(int status, const char *fault)
{
    if (status == -1) {
        return false;
    }
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGKILL && is_killing(fault);
    }
    switch (WEXITSTATUS(status)) {
    case 0:
        return true;
    case 1:
        return is_failing(fault);
    case 4:
        return is_lasting(fault);
    default:
        return false;
    }
}

// One run: false if the last life's fault was not met any more.
static bool
run_lives(struct loop *loop, const struct scene *scene,
          const char faults[LIVES_MAX][LOOP_FAULT])
{
    bool is_met = false;
    bool is_fine = true;
    int life;

    loop_begin(loop);
    for (life = 0; is_fine && life < LIVES_MAX && faults[life][0] != '\0';
         life++) {
        struct loop_life given = {.fault = faults[life],
                                  .patience_ms =
                                      is_lasting(faults[life]) ? STUCK_MS : 0};
        int status = loop_live(loop, scene, &given);

        is_met =
            loop->state->faults > 0 || (faults[life][0] < 'a' && status != 0);
        is_fine = is_right(status, faults[life]);
        if (!is_fine) {
            loop_fail(loop, "%s: life %d, %s: %s", scene->name, life,
                      faults[life], loop_status_text(status));
        }
    }
    if (is_fine) {
        is_fine = loop_finish(loop, scene);
    }
    if (!is_fine) {
        (void)printf("repeat: %s %s %s one %s", "shim_loop", loop->victim,
                     loop->shim, scene->name);
        for (life = 0; life < LIVES_MAX && faults[life][0] != '\0'; life++) {
            (void)printf(" %s", faults[life]);
        }
        (void)printf("\n");
    }
    loop_end(loop);
    return is_met;
}

static bool
run_way(struct loop *loop, const struct scene *scene, size_t way, uint32_t n)
{
    char faults[LIVES_MAX][LOOP_FAULT] = {{0}};

    for (int life = 0; life < LIVES_MAX && ways[way][life] != NULL; life++) {
        const char *place = strstr(ways[way][life], "%u");

        if (place == NULL) {
            (void)snprintf(faults[life], LOOP_FAULT, "%s", ways[way][life]);
        } else {
            (void)snprintf(faults[life], LOOP_FAULT, "%.*s%" PRIu32 "%s",
                           (int)(place - ways[way][life]), ways[way][life], n,
                           place + 2);
        }
    }
    return run_lives(loop, scene, faults);
}

static bool
run_point(struct loop *loop, const struct scene *scene, size_t point,
          const char *action, uint32_t skip)
{
    char faults[LIVES_MAX][LOOP_FAULT] = {{0}};

    (void)snprintf(faults[0], LOOP_FAULT, "%s:%s:%" PRIu32, points[point],
                   action, skip);
    return run_lives(loop, scene, faults);
}

// All of it. -----------------------------------------------------------------

static void
run_scene_way(struct loop *loop, const struct scene *scene, size_t way,
              uint64_t end_ms)
{
    uint32_t n = 1;

    while (loop_now_ms() < end_ms && run_way(loop, scene, way, n)) {
        n++;
    }
}

// Each point, killed until it is not reached; failed as often.
static void
run_scene_points(struct loop *loop, const struct scene *scene, uint64_t end_ms)
{
    for (size_t point = 0; point < POINTS_COUNT; point++) {
        uint32_t skip = 0;

        while (skip < POINTS_SKIPS && loop_now_ms() < end_ms &&
               run_point(loop, scene, point, "kill", skip)) {
            (void)run_point(loop, scene, point, "fail", skip);
            skip++;
        }
    }
}

// Each pair of scene and way once, beginning anywhere.
static void
run_all(struct loop *loop, uint64_t end_ms)
{
    uint32_t pairs = scene_count * (uint32_t)(WAYS_COUNT + 1);
    uint32_t first = loop_draw(loop, pairs);

    for (uint32_t i = 0; i < pairs && loop_now_ms() < end_ms; i++) {
        // 7919 is a prime that divides no number of pairs there is.
        uint32_t pair = (uint32_t)((first + (uint64_t)i * 7919) % pairs);
        const struct scene *scene = &scene_table[pair % scene_count];
        size_t way = pair / scene_count;

        if (way < WAYS_COUNT) {
            run_scene_way(loop, scene, way, end_ms);
        } else {
            run_scene_points(loop, scene, end_ms);
        }
    }
}

// One run of each scene, again and again: any way, any number up to about as
// many calls as scenes make.
static void
run_sample(struct loop *loop, uint64_t end_ms)
{
    uint32_t i = loop_draw(loop, scene_count);

    while (loop_now_ms() < end_ms) {
        const struct scene *scene = &scene_table[i++ % scene_count];
        size_t way = loop_draw(loop, WAYS_COUNT + 4);

        if (scene_is_slow(scene)) {
            continue;
        }
        if (way < WAYS_COUNT) {
            (void)run_way(loop, scene, way, 1 + loop_draw(loop, 60));
        } else {
            (void)run_point(loop, scene, loop_draw(loop, POINTS_COUNT),
                            loop_draw(loop, 2) == 0 ? "kill" : "fail",
                            loop_draw(loop, 4));
        }
    }
}

static void
run_one(struct loop *loop, char **argv)
{
    char faults[LIVES_MAX][LOOP_FAULT] = {{0}};
    const struct scene *scene = scene_find(argv[0]);

    if (scene == NULL) {
        (void)fprintf(stderr, "shim_loop: no scene %s\n", argv[0]);
        exit(2);
    }
    for (int life = 0; life < LIVES_MAX && argv[life + 1] != NULL; life++) {
        (void)snprintf(faults[life], LOOP_FAULT, "%s", argv[life + 1]);
    }
    (void)run_lives(loop, scene, faults);
}

int
main(int argc, char **argv)
{
    static struct loop loop;
    uint64_t end_ms;

    if (argc < 5) {
        (void)fprintf(stderr,
                      "usage: shim_loop VICTIM SHIM "
                      "sample|all SECONDS [SEED] | one SCENE FAULT...\n");
        return 2;
    }
    loop_init(&loop, argv);
    if (strcmp(argv[3], "one") == 0) {
        run_one(&loop, argv + 4);
    } else {
        end_ms = loop_now_ms() + strtoull(argv[4], NULL, 10) * 1000;
        loop.random = argc > 5 ? strtoull(argv[5], NULL, 10) : loop_now_ms();
        (void)printf("seed %" PRIu64 "\n", loop.random);
        if (strcmp(argv[3], "all") == 0) {
            run_all(&loop, end_ms);
        } else {
            run_sample(&loop, end_ms);
        }
    }
    (void)printf("RESULT\tcalls that kill or fail, in %" PRIu32
                 " scenes\t%" PRIu64 "\t%" PRIu32 "\tin %" PRIu64
                 " lives a fault was met\n",
                 scene_count, loop.runs, loop.failures, loop.faults_met);
    loop_fini(&loop);
    return loop.failures == 0 ? 0 : 1;
}
