// SPDX-License-Identifier: Apache-2.0
//
// channel.c - signals and who receives them, by name.
//
// Of each name there is a channel: the signals that nobody received, or the
// receivers that wait, never both. A signal goes to the receiver that began
// first; a receiver takes the signal that came first, of all its names.

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "runtime/workflow_impl.h"

struct channel {
    weft_bytes name;        // in the arena
    struct wf_list signals; // oldest first
    uint32_t *receivers;    // futures, oldest first; some may be over
    size_t first;
    size_t count;
    size_t cap;
};

static bool
is_named(const void *item, const void *key)
{
    const struct channel *channel = item;

    return wf_bytes_equal(channel->name, *(const weft_bytes *)key);
}

static struct channel *
channel_of(weft_workflow *wf, weft_bytes name)
{
    // Whoever sends signals chooses names.
    uint64_t hash = wf_hash64(name.data, name.len, wf->actor->hash);
    struct channel *channel =
        wf_table_find(&wf->channels, hash, is_named, &name);

    if (channel == NULL) {
        channel = wf_calloc(sizeof(*channel));
        channel->name = wf_workflow_keep(wf, name);
        wf_list_init(&channel->signals);
        wf_table_add(&wf->channels, hash, channel);
    }
    return channel;
}

static bool
is_waiting(const weft_workflow *wf, uint32_t id)
{
    return wf->futures[id - 1].state == WF_FUTURE_PENDING;
}

// Those that are over make room: a loop may time out, or get its signal by
// another name, any number of times.
static void
make_room(const weft_workflow *wf, struct channel *channel)
{
    size_t kept = 0;

    for (size_t i = 0; i < channel->count; i++) {
        uint32_t id = channel->receivers[channel->first + i];

        if (is_waiting(wf, id)) {
            channel->receivers[kept++] = id;
        }
    }
    channel->first = 0;
    channel->count = kept;
    if (kept >= channel->cap / 2) {
        channel->cap = channel->cap == 0 ? 4 : channel->cap * 2;
        channel->receivers =
            wf_realloc(channel->receivers, channel->cap * sizeof(uint32_t));
    }
}

static void
add_receiver(const weft_workflow *wf, struct channel *channel, uint32_t id)
{
    if (channel->first + channel->count == channel->cap) {
        make_room(wf, channel);
    }
    channel->receivers[channel->first + channel->count++] = id;
}

// The first that still waits; 0: none.
static uint32_t
take_receiver(const weft_workflow *wf, struct channel *channel)
{
    while (channel->count > 0) {
        uint32_t id = channel->receivers[channel->first++];

        channel->count--;
        if (is_waiting(wf, id)) {
            return id;
        }
    }
    channel->first = 0;
    return 0;
}

static void
give(weft_workflow *wf, uint32_t id, const struct wf_letter *letter)
{
    struct wf_future *future = &wf->futures[id - 1];

    future->data = wf_workflow_keep(wf, letter->data);
    future->name = wf_workflow_keep_text(wf, letter->name);
    wf_replay_settle(wf, id);
}

static void
give_oldest(weft_workflow *wf, uint32_t id, struct channel *channel,
            struct wf_signal *oldest)
{
    struct wf_letter letter;

    if (!wf_letter_decode(oldest->bytes, &letter)) {
        WF_ASSERT(false); // it did when it was kept
    }
    wf_list_remove(&wf->signals, &oldest->node);
    wf_list_remove(&channel->signals, &oldest->channel);
    give(wf, id, &letter);
}

static void
keep(weft_workflow *wf, struct channel *channel, weft_bytes bytes)
{
    struct wf_signal *signal = wf_workflow_memory(wf, sizeof(*signal));

    *signal = (struct wf_signal){
        .number = wf->signals_seen,
        .bytes = wf_workflow_keep(wf, bytes),
    };
    wf_list_push_back(&wf->signals, &signal->node);
    wf_list_push_back(&channel->signals, &signal->channel);
}

void
wf_channel_take(weft_workflow *wf, weft_bytes bytes,
                const struct wf_letter *letter)
{
    struct channel *channel = channel_of(wf, letter->name);
    uint32_t id = take_receiver(wf, channel);

    wf->signals_seen++;
    if (id != 0) {
        give(wf, id, letter);
    } else {
        keep(wf, channel, bytes);
    }
}

// The next of names that are separated by newlines. False: no more.
static bool
next_name(const char **names, weft_bytes *out_name)
{
    size_t len = strcspn(*names, "\n");

    if (len == 0) {
        return false;
    }
    *out_name = weft_bytes_of(*names, len);
    *names += len + ((*names)[len] == '\n' ? 1 : 0);
    return true;
}

void
wf_channel_receive(weft_workflow *wf, uint32_t id, const char *names)
{
    struct channel *oldest_channel = NULL;
    struct wf_signal *oldest = NULL;
    const char *rest = names;
    weft_bytes name;

    while (next_name(&rest, &name)) {
        struct channel *channel = channel_of(wf, name);
        struct wf_list_node *node = wf_list_first(&channel->signals);
        struct wf_signal *first =
            node == NULL ? NULL : WF_CONTAINER(node, struct wf_signal, channel);

        if (first != NULL &&
            (oldest == NULL || first->number < oldest->number)) {
            oldest = first;
            oldest_channel = channel;
        }
    }
    if (oldest != NULL) {
        give_oldest(wf, id, oldest_channel, oldest);
        return;
    }
    for (rest = names; next_name(&rest, &name);) {
        add_receiver(wf, channel_of(wf, name), id);
    }
}

void
wf_channel_fini(weft_workflow *wf)
{
    size_t cursor = 0;
    struct channel *channel;

    while ((channel = wf_table_next(&wf->channels, &cursor)) != NULL) {
        wf_free(channel->receivers);
        wf_free(channel);
    }
    wf_table_fini(&wf->channels);
}

// What the code calls. ------------------------------------------------------

static weft_err
check_names(const char *const *names, size_t count)
{
    weft_err err = WEFT_OK;

    for (size_t i = 0; i < count && err == WEFT_OK; i++) {
        err = wf_name_check("signal", names[i], WF_NAME_BYTES_MAX);
    }
    return err;
}

// Several names as one, for the journal: names hold no newline.
static const char *
join_names(const char *const *names, size_t count, struct wf_buf *buf)
{
    if (count == 1) {
        return names[0];
    }
    for (size_t i = 0; i < count; i++) {
        wf_buf_put(buf, names[i], strlen(names[i]));
        wf_buf_put_u8(buf, i + 1 < count ? '\n' : '\0');
    }
    return (const char *)buf->data;
}

weft_err
weft_workflow_receive_any_async(weft_workflow *wf, const char *const *names,
                                size_t count, weft_future *out_future)
{
    struct wf_buf joined = {0};
    const char *text;
    weft_err err;

    WF_REQUIRE(out_future != NULL && names != NULL && count > 0);
    if (count > WF_RECEIVE_NAMES_MAX) {
        return wf_error(WEFT_EINVAL, "receive: %zu names, the limit is %u",
                        count, WF_RECEIVE_NAMES_MAX);
    }
    err = check_names(names, count);
    if (err != WEFT_OK) {
        return err;
    }
    text = join_names(names, count, &joined);
    err = wf_workflow_begin(wf, WF_COMMAND_RECEIVE, text, weft_nothing());
    if (err == WEFT_OK) {
        *out_future = wf_await_number(wf, wf->ordinal);
        wf_channel_receive(wf, wf->ordinal, text);
    }
    wf_buf_fini(&joined);
    return err;
}

weft_err
weft_workflow_receive_async(weft_workflow *wf, const char *name,
                            weft_future *out_future)
{
    return weft_workflow_receive_any_async(wf, &name, 1, out_future);
}

weft_err
weft_workflow_receive_any(weft_workflow *wf, const char *const *names,
                          size_t count, uint64_t timeout_ms, size_t *out_index,
                          weft_bytes *out_data)
{
    weft_future future;
    size_t first;
    weft_err err = weft_workflow_receive_any_async(wf, names, count, &future);

    if (err != WEFT_OK) {
        return err;
    }
    err = weft_workflow_await_any(wf, &future, 1, timeout_ms, &first);
    if (err != WEFT_OK) {
        weft_err given_up =
            err == WEFT_EUNWIND ? WEFT_OK : weft_workflow_cancel(wf, future);
        return given_up == WEFT_OK ? err : given_up;
    }
    for (size_t i = 0; i < count && out_index != NULL; i++) {
        if (strcmp(names[i], wf_await_future(wf, future)->name) == 0) {
            *out_index = i;
            break;
        }
    }
    return weft_workflow_await(wf, future, out_data);
}

weft_err
weft_workflow_receive(weft_workflow *wf, const char *name, uint64_t timeout_ms,
                      weft_bytes *out_data)
{
    return weft_workflow_receive_any(wf, &name, 1, timeout_ms, NULL, out_data);
}
