// SPDX-License-Identifier: Apache-2.0
//
// objects.c - definitions from shared objects (weft/load.h).

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "weft/load.h"

static int
call(void *object, const char *path, const char *argument,
     weft_definitions *definitions)
{
    const unsigned *version = dlsym(object, "weft_load_version");
    weft_load_fn *load;
    weft_err err;

    // ISO C has no way from an object's pointer to a function's.
    *(void **)&load = dlsym(object, "weft_load");
    if (version == NULL || load == NULL) {
        journal(LEVEL_ERROR, "%s has no WEFT_LOAD (weft/load.h)", path);
        return 0;
    }
    if (*version != WEFT_LOAD_VERSION) {
        journal(LEVEL_ERROR,
                "%s is built for version %u of weft/load.h, not %u", path,
                *version, WEFT_LOAD_VERSION);
        return 0;
    }
    err = load(definitions, argument);
    if (err != WEFT_OK) {
        journal_failed(path, err);
        return 0;
    }
    journal(LEVEL_INFO, "loaded %s", path);
    return 1;
}

// A name without '/' is in the working directory, as people mean it, and not
// wherever the linker looks.
static void *
open_object(const char *path)
{
    char full[PATH_MAX];
    void *object;

    if (realpath(path, full) == NULL) {
        journal(LEVEL_ERROR, "there is no object %s", path);
        return NULL;
    }
    object = dlopen(full, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) {
        journal(LEVEL_ERROR, "%s", dlerror());
    }
    return object;
}

int
objects_load(const struct list *objects, weft_definitions *definitions)
{
    for (size_t i = 0; i < objects->count; i++) {
        char *path = strdup(objects->items[i]);
        char *argument = strchr(path, '=');
        void *object;
        int is_loaded;

        if (argument != NULL) {
            *argument++ = '\0';
        }
        object = open_object(path);
        is_loaded =
            object != NULL &&
            call(object, path, argument == NULL ? "" : argument, definitions);
        free(path);
        if (!is_loaded) {
            return 0;
        }
    }
    return 1;
}
