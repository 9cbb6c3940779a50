// SPDX-License-Identifier: Apache-2.0
//
// shim_plan.c - what happens to which call.
//
// Threads: any; the counters are atomic.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/shim_impl.h"

static struct shim_state own_state;
static struct shim_state *state = &own_state;
static enum shim_class fault_class;
static enum shim_action fault_action;
static uint64_t fault_at;
static bool fault_stays;

static const char *const class_names[] = {
#define X(NAME, name, text) #name,
    SHIM_CLASSES(X)
#undef X
};

static const char *const action_names[] = {
#define X(NAME, name) #name,
    SHIM_ACTIONS(X)
#undef X
};

static const int errors[SHIM_ACTION_COUNT] = {
    [SHIM_EIO_ACTION] = EIO,
    [SHIM_ENOSPC_ACTION] = ENOSPC,
    [SHIM_EINTR_ACTION] = EINTR,
    [SHIM_RESET_ACTION] = ECONNRESET,
};

static _Noreturn void
refuse(const char *what)
{
    (void)fprintf(stderr, "shim: %s is malformed\n", what);
    _exit(127);
}

static int
index_of(const char *const *names, int count, const char *at, size_t len)
{
    int i = 0;

    while (i < count &&
           (strlen(names[i]) != len || strncmp(names[i], at, len) != 0)) {
        i++;
    }
    return i;
}

static void
read_fault(const char *text)
{
    size_t class_len = strcspn(text, ":");
    const char *action = text + class_len + (text[class_len] == ':');
    size_t action_len = strcspn(action, ":");
    char *end;

    fault_class = (enum shim_class)index_of(class_names, SHIM_CLASS_COUNT, text,
                                            class_len);
    fault_action = (enum shim_action)index_of(action_names, SHIM_ACTION_COUNT,
                                              action, action_len);
    if (fault_class == SHIM_CLASS_COUNT || fault_action == SHIM_ACTION_COUNT ||
        action[action_len] != ':') {
        refuse("SHIM_FAULT");
    }
    fault_at = strtoull(action + action_len + 1, &end, 10);
    fault_stays = *end == '+';
}

void
shim_plan_init(void)
{
    const char *path = getenv("SHIM_STATE");
    const char *fault = getenv("SHIM_FAULT");
    int fd = path == NULL ? -1 : shim_real_open(AT_FDCWD, path, O_RDWR, 0);

    if (fd >= 0) {
        void *map = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE,
                         MAP_SHARED, fd, 0);

        if (map != MAP_FAILED) {
            state = map;
        }
        (void)close(fd);
    }
    if (fault != NULL && *fault != '\0') {
        read_fault(fault);
    }
}

_Noreturn void
shim_plan_kill(void)
{
    // Whoever has done something has also written it down.
    shim_trace_lock();
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause(); // the signal may take a moment
    }
}

enum shim_action shim_plan_next(enum shim_class class)
{
    uint64_t number = atomic_fetch_add(&state->calls[class], 1) + 1;

    if (fault_at == 0 || class != fault_class || number < fault_at ||
        (number > fault_at && !fault_stays)) {
        return SHIM_NONE_ACTION;
    }
    atomic_fetch_add(&state->faults, 1);
    if (fault_action == SHIM_BEFORE_ACTION) {
        shim_plan_kill();
    }
    return fault_action;
}

void
shim_plan_done(enum shim_action action)
{
    int error = errno;

    if (action == SHIM_AFTER_ACTION || action == SHIM_TORN_ACTION) {
        shim_plan_kill();
    }
    errno = error;
}

bool
shim_plan_is_failing(void)
{
    return fault_stays && atomic_load(&state->calls[fault_class]) >= fault_at;
}

int
shim_plan_error(enum shim_action action)
{
    return errors[action];
}
