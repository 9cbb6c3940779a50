// SPDX-License-Identifier: Apache-2.0
//
// hunger.c - a process in which one allocation fails. See hunger.h.
//
// It goes before libc's functions, and calls them under their other names. What
// C++ allocates comes here too, through malloc.
//
// Threads: any.

#include "memory/hunger.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct hunger *hunger;

__attribute__((constructor)) static void
begin(void)
{
    const char *path = getenv("HUNGER_STATE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *mapped;

    if (fd < 0) {
        return;
    }
    mapped =
        mmap(NULL, sizeof(*hunger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (mapped != MAP_FAILED) {
        hunger = mapped;
    }
}

static void
note_asker(const void *caller)
{
    Dl_info info = {0};
    const char *name = dladdr(caller, &info) == 0 ? NULL : info.dli_fname;
    const char *slash = name == NULL ? NULL : strrchr(name, '/');

    strncpy(hunger->asker, slash == NULL ? "?" : slash + 1, HUNGER_NAME - 1);
}

// Is this the one?
static int
fails(const void *caller)
{
    uint64_t nth = hunger == NULL ? 0
                                  : atomic_load_explicit(&hunger->nth,
                                                         memory_order_relaxed);

    if (nth == 0 || atomic_fetch_add(&hunger->count, 1) + 1 != nth) {
        return 0;
    }
    note_asker(caller);
    atomic_fetch_add(&hunger->hits, 1);
    errno = ENOMEM;
    return 1;
}

void *
malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL
                                              : __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL
                                              : __libc_realloc(memory, size);
}

void *
memalign(size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0))
               ? NULL
               : __libc_memalign(alignment, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0))
               ? NULL
               : __libc_memalign(alignment, size);
}

int
posix_memalign(void **out_memory, size_t alignment, size_t size)
{
    void *memory = fails(__builtin_return_address(0))
                       ? NULL
                       : __libc_memalign(alignment, size);

    if (memory == NULL) {
        return ENOMEM;
    }
    *out_memory = memory;
    return 0;
}
