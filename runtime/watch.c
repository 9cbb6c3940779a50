// SPDX-License-Identifier: Apache-2.0
//
// watch.c - tell whoever watches for crashes and slow turns what user code is
// for: "timer beat", "step charge".

#include <string.h>

#include "runtime/inside.h"
#include "runtime/partition_impl.h"

#define WHAT_BYTES 128 // what the black box has room for

void
wf_watch_begin(const struct wf_partition *partition,
               const struct wf_actor *actor, const char *what, weft_bytes name)
{
    const struct wf_partition_options *options = &partition->options;
    char text[WHAT_BYTES];
    size_t len = strlen(what);
    size_t name_len = name.len;

    wf_inside_begin();
    if (options->watch == NULL) {
        return;
    }
    memcpy(text, what, len);
    if (name_len > 0) {
        text[len++] = ' ';
        name_len =
            name_len < WHAT_BYTES - len ? name_len : WHAT_BYTES - len - 1;
        memcpy(text + len, name.data, name_len);
    }
    text[len + name_len] = '\0';
    options->watch(options->watch_ctx, &actor->key, text);
}

void
wf_watch_end(const struct wf_partition *partition)
{
    const struct wf_partition_options *options = &partition->options;

    wf_inside_end();
    if (options->watch != NULL) {
        options->watch(options->watch_ctx, NULL, "");
    }
}
