// SPDX-License-Identifier: Apache-2.0
//
// queue_items.c - values by key of a task queue. See queue_items.h.

#include "actors/queue_items.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "weft/payload.h"

void
wf_queue_items_note(struct wf_queue_turn *turn, weft_err err)
{
    turn->err = turn->err == WEFT_OK ? err : turn->err;
}

// Values by key. ------------------------------------------------------------

const char *
wf_queue_items_key(char *key, char letter, uint64_t number)
{
    (void)snprintf(key, WF_QUEUE_KEY_CHARS, "%c%016llx", letter,
                   (unsigned long long)number);
    return key;
}

const char *
wf_queue_items_token_key(char *key, weft_bytes token)
{
    key[0] = 't';
    wf_hash128_hex(token.data, token.len, key + 1);
    return key;
}

weft_bytes
wf_queue_items_get(const struct wf_queue_turn *turn, const char *key)
{
    return weft_actor_published(turn->actor, key);
}

void
wf_queue_items_put(struct wf_queue_turn *turn, const char *key,
                   const struct wf_buf *value)
{
    wf_queue_items_note(
        turn, weft_actor_publish(turn->actor, key, wf_buf_bytes(value)));
}

void
wf_queue_items_remove(struct wf_queue_turn *turn, const char *key)
{
    wf_queue_items_note(turn, weft_actor_unpublish(turn->actor, key));
}

void
wf_queue_items_put_place(struct wf_queue_turn *turn, weft_bytes token,
                         char place, uint64_t number)
{
    struct wf_buf value = {0};
    char key[WF_QUEUE_KEY_CHARS];

    wf_buf_put_u8(&value, (uint8_t)place);
    wf_buf_put_u64(&value, number);
    wf_queue_items_put(turn, wf_queue_items_token_key(key, token), &value);
    wf_buf_fini(&value);
}

weft_bytes
wf_queue_items_token(weft_bytes message)
{
    weft_bytes token = weft_nothing();

    (void)weft_payload_get_bytes(message, "token", &token);
    return token;
}

// Offers that wait. ---------------------------------------------------------

static struct wf_queue_ring *
ring_of(struct wf_queue *queue, char place)
{
    return place == 'b' ? &queue->back : &queue->offers;
}

void
wf_queue_items_put_waiting(struct wf_queue_turn *turn, char place, uint64_t seq,
                           weft_bytes message)
{
    struct wf_buf value = {0};
    char key[WF_QUEUE_KEY_CHARS];

    wf_buf_put_u64(&value, weft_actor_now_ms(turn->actor));
    wf_buf_put(&value, message.data, message.len);
    wf_queue_items_put(turn, wf_queue_items_key(key, place, seq), &value);
    wf_buf_fini(&value);
}

void
wf_queue_items_enqueue(struct wf_queue_turn *turn, char place,
                       weft_bytes message)
{
    struct wf_queue_ring *ring = ring_of(turn->queue, place);

    wf_queue_items_put_place(turn, wf_queue_items_token(message), place,
                             ring->tail);
    wf_queue_items_put_waiting(turn, place, ring->tail++, message);
    turn->queue->depth++;
}

// The next one, as its message; copied. False: there is none.
static bool
dequeue_from(struct wf_queue_turn *turn, char place, struct wf_buf *out_message)
{
    struct wf_queue_ring *ring = ring_of(turn->queue, place);
    char key[WF_QUEUE_KEY_CHARS];

    while (ring->head < ring->tail) {
        weft_bytes value = wf_queue_items_get(
            turn, wf_queue_items_key(key, place, ring->head++));
        struct wf_reader reader = wf_reader_of(value);
        weft_bytes message;

        (void)wf_reader_u64(&reader); // since when
        message = wf_reader_rest(&reader);
        if (message.len > 0) {
            wf_buf_put(out_message, message.data, message.len);
            wf_queue_items_remove(turn, key);
            turn->queue->depth--;
            return true;
        }
    }
    return false;
}

bool
wf_queue_items_dequeue(struct wf_queue_turn *turn, struct wf_buf *out_message)
{
    return dequeue_from(turn, 'b', out_message) ||
           dequeue_from(turn, 'o', out_message);
}

// Pollers. --------------------------------------------------------------------

void
wf_queue_items_read_poller(const struct wf_queue_turn *turn,
                           const uint8_t id[WF_QUEUE_POLLER_BYTES],
                           struct wf_queue_poller *out_poller)
{
    struct wf_queue_poller poller = {.key = "p"};
    struct wf_reader value;
    weft_bytes handed;

    memcpy(poller.id, id, WF_QUEUE_POLLER_BYTES);
    for (size_t i = 0; i < WF_QUEUE_POLLER_BYTES; i++) {
        (void)snprintf(poller.key + 1 + 2 * i, 3, "%02x", id[i]);
    }
    value = wf_reader_of(wf_queue_items_get(turn, poller.key));
    poller.is_new = wf_reader_left(&value) == 0;
    poller.wait = wf_reader_u64(&value);
    poller.question = wf_reader_u32(&value);
    poller.credit = wf_reader_u32(&value);
    handed = wf_reader_rest(&value);
    if (handed.len > 0) {
        wf_buf_put(&poller.handed, handed.data, handed.len);
    }
    *out_poller = poller;
}

void
wf_queue_items_write_poller(struct wf_queue_turn *turn,
                            struct wf_queue_poller *poller, uint64_t after_ms)
{
    struct wf_buf value = {0};

    wf_buf_put_u64(&value, poller->wait);
    wf_buf_put_u32(&value, poller->question);
    wf_buf_put_u32(&value, poller->credit);
    wf_buf_put(&value, poller->handed.data, poller->handed.len);
    wf_queue_items_put(turn, poller->key, &value);
    wf_buf_fini(&value);
    turn->queue->pollers += poller->is_new ? 1 : 0;
    wf_queue_items_note(
        turn, weft_actor_timer_set(turn->actor, poller->key, after_ms));
    wf_buf_fini(&poller->handed);
}

void
wf_queue_items_forget_poller(struct wf_queue_turn *turn,
                             struct wf_queue_poller *poller)
{
    if (!poller->is_new) {
        wf_queue_items_remove(turn, poller->key);
        turn->queue->pollers--;
        wf_queue_items_note(turn,
                            weft_actor_timer_clear(turn->actor, poller->key));
    }
    wf_buf_fini(&poller->handed);
}

// An offer that this poller was handed: its message, and when. False: it is not
// its own any more.
static bool
find_handed(const struct wf_queue_turn *turn,
            const struct wf_queue_poller *poller, uint64_t id,
            uint64_t *out_since, weft_bytes *out_message)
{
    char key[WF_QUEUE_KEY_CHARS];
    struct wf_reader value = wf_reader_of(
        wf_queue_items_get(turn, wf_queue_items_key(key, 'h', id)));
    uint64_t since = wf_reader_u64(&value);
    weft_bytes owner = wf_reader_take(&value, WF_QUEUE_POLLER_BYTES);

    if (value.failed ||
        memcmp(owner.data, poller->id, WF_QUEUE_POLLER_BYTES) != 0) {
        return false;
    }
    *out_since = since;
    *out_message = wf_reader_rest(&value);
    return true;
}

void
wf_queue_items_remove_handed(struct wf_queue_turn *turn, uint64_t id)
{
    char key[WF_QUEUE_KEY_CHARS];

    wf_queue_items_remove(turn, wf_queue_items_key(key, 'h', id));
    turn->queue->handed--;
}

void
wf_queue_items_confirm(struct wf_queue_turn *turn,
                       const struct wf_queue_poller *poller, uint64_t id)
{
    char key[WF_QUEUE_KEY_CHARS];
    weft_bytes message;
    uint64_t since;

    if (find_handed(turn, poller, id, &since, &message)) {
        wf_queue_items_remove(
            turn, wf_queue_items_token_key(key, wf_queue_items_token(message)));
        wf_queue_items_remove_handed(turn, id);
        turn->queue->taken++;
    }
}

void
wf_queue_items_put_back(struct wf_queue_turn *turn,
                        struct wf_queue_poller *poller, uint64_t before_ms)
{
    struct wf_reader ids = wf_reader_of(wf_buf_bytes(&poller->handed));
    struct wf_buf kept = {0};

    while (wf_reader_left(&ids) > 0) {
        uint64_t id = wf_reader_u64(&ids);
        weft_bytes message;
        uint64_t since;

        if (!find_handed(turn, poller, id, &since, &message)) {
            continue;
        }
        if (since <= before_ms) {
            struct wf_buf copy = {0};

            wf_buf_put(&copy, message.data, message.len);
            wf_queue_items_remove_handed(turn, id);
            wf_queue_items_enqueue(turn, 'b', wf_buf_bytes(&copy));
            turn->queue->returned++;
            wf_buf_fini(&copy);
        } else {
            wf_buf_put_u64(&kept, id);
        }
    }
    wf_buf_fini(&poller->handed);
    poller->handed = kept;
}
