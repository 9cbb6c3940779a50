// SPDX-License-Identifier: Apache-2.0
//
// loop.c - lives of a scene's victim, one after the other, on one directory.

#include "shim/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/scene_check.h"

#define LIFE_MS 120000

uint64_t
loop_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint32_t
loop_draw(struct loop *loop, uint32_t below)
{
    loop->random = scene_mix(loop->random, 3);
    return (uint32_t)(loop->random >> 33) % below;
}

// Directories. ---------------------------------------------------------------

static int
remove_one(const char *path, const struct stat *stat, int type,
           struct FTW *place)
{
    (void)stat;
    (void)type;
    (void)place;
    return remove(path);
}

void
loop_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
loop_copy_tree(const char *from, const char *to)
{
    char command[LOOP_PATH * 3];

    (void)snprintf(command, sizeof(command), "cp -a '%s' '%s'", from, to);
    if (system(command) != 0) {
        (void)fprintf(stderr, "loop: %s failed\n", command);
        exit(3);
    }
}

// Memory, where there is some: nothing here is about the disk itself.
static const char *
find_parent(void)
{
    const char *parent = getenv("TMPDIR");

    if (parent != NULL) {
        return parent;
    }
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

void
loop_begin(struct loop *loop)
{
    char path[LOOP_PATH];

    (void)snprintf(loop->root, sizeof(loop->root), "%s/weft-shim-XXXXXX",
                   find_parent());
    if (mkdtemp(loop->root) == NULL) {
        perror(loop->root);
        exit(3);
    }
    (void)snprintf(path, sizeof(path), "%s/disk", loop->root);
    (void)mkdir(path, 0755);
    loop->is_kept = false;
    loop->runs++;
}

void
loop_end(struct loop *loop)
{
    if (!loop->is_kept) {
        loop_remove_tree(loop->root);
    }
}

void
loop_init(struct loop *loop, char **argv)
{
    int fd;

    loop->victim = argv[1];
    loop->shim = argv[2];
    (void)snprintf(loop->state_path, sizeof(loop->state_path),
                   "%s/weft-shim-state-XXXXXX", find_parent());
    fd = mkstemp(loop->state_path);
    if (fd < 0 || ftruncate(fd, sizeof(*loop->state)) != 0) {
        perror(loop->state_path);
        exit(3);
    }
    loop->state = mmap(NULL, sizeof(*loop->state), PROT_READ | PROT_WRITE,
                       MAP_SHARED, fd, 0);
    (void)close(fd);
    if (loop->state == MAP_FAILED) {
        perror("mmap");
        exit(3);
    }
}

void
loop_fini(struct loop *loop)
{
    (void)munmap(loop->state, sizeof(*loop->state));
    (void)unlink(loop->state_path);
}

// Lives. ---------------------------------------------------------------------

static void
set(const char *name, const char *value)
{
    (void)setenv(name, value, 1);
}

// Names of base/fault.h are in capitals.
static void
set_environment(const struct loop *loop, const struct loop_life *life)
{
    char text[LOOP_PATH];

    (void)snprintf(text, sizeof(text), "%s/disk", loop->root);
    set("SHIM_DIR", text);
    set("SHIM_STATE", loop->state_path);
    if (life->fault != NULL) {
        set(life->fault[0] < 'a' ? "WEFT_FAULT" : "SHIM_FAULT", life->fault);
    }
    if (life->trace != NULL) {
        set("SHIM_TRACE", life->trace);
    }
    if (life->is_unsynced) {
        set("SHIM_NOSYNC", "1");
    }
    if (life->patience_ms > 0) {
        (void)snprintf(text, sizeof(text), "%u", life->patience_ms);
        set("SCENE_PATIENCE_MS", text);
    }
    set("LD_PRELOAD", loop->shim);
}

static _Noreturn void
become(const struct loop *loop, const struct scene *scene,
       const struct loop_life *life)
{
    char log[LOOP_PATH];
    int fd;

    (void)snprintf(log, sizeof(log), "%s/log", loop->root);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    (void)dup2(fd, 1);
    (void)dup2(fd, 2);
    (void)close(fd);
    set_environment(loop, life);
    (void)execl(loop->victim, loop->victim, loop->root, scene->name,
                life->is_finishing ? "--finish" : NULL, NULL);
    _exit(127);
}

static int
wait_for(pid_t pid)
{
    uint64_t end_ms = loop_now_ms() + LIFE_MS;
    struct timespec moment = {.tv_nsec = 500000};
    int status;

    while (loop_now_ms() < end_ms) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            return status;
        }
        (void)nanosleep(&moment, NULL);
    }
    (void)kill(pid, SIGABRT); // leaves a trace, where cores are wanted
    (void)waitpid(pid, &status, 0);
    return -1;
}

int
loop_live(struct loop *loop, const struct scene *scene,
          const struct loop_life *life)
{
    pid_t pid;
    int status;

    memset(loop->state, 0, sizeof(*loop->state));
    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        become(loop, scene, life);
    }
    if (pid < 0) {
        perror("fork");
        exit(3);
    }
    status = wait_for(pid);
    loop->faults_met += loop->state->faults > 0;
    return status;
}

const char *
loop_status_text(int status)
{
    static char text[40];

    if (status == -1) {
        return "no end";
    }
    if (WIFSIGNALED(status)) {
        (void)snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
    } else {
        (void)snprintf(text, sizeof(text), "status %d", WEXITSTATUS(status));
    }
    return text;
}

static void
show_log(const struct loop *loop)
{
    char command[LOOP_PATH * 2];

    (void)snprintf(command, sizeof(command), "tail -n 20 '%s/log'", loop->root);
    (void)fflush(stdout);
    (void)!system(command);
}

void
loop_fail(struct loop *loop, const char *format, ...)
{
    va_list args;

    loop->failures++;
    if (loop->is_quiet) {
        return;
    }
    loop->is_kept = true;
    (void)printf("FAILED: ");
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n  %s is kept\n", loop->root);
    show_log(loop);
    (void)fflush(stdout);
}

bool
loop_finish(struct loop *loop, const struct scene *scene)
{
    struct loop_life life = {.is_finishing = true};
    int status = loop_live(loop, scene, &life);

    if (status != 0) {
        loop_fail(loop, "%s: the last life ended with %s", scene->name,
                  loop_status_text(status));
        return false;
    }
    if (scene_check(loop->root, scene, loop->is_quiet) > 0) {
        loop_fail(loop, "%s: what there is is not what was asked", scene->name);
        return false;
    }
    return true;
}
