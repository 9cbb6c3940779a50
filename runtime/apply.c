// SPDX-License-Identifier: Apache-2.0
//
// apply.c - the only code that changes durable memory: live turns, recovery
// and late loads all come through here, with the same bytes.
//
// Each object remembers the newest record it reflects, and skips what it has
// seen; so a record may be applied any number of times. A section for an actor
// whose image is not in memory waits beside its stub and is applied when the
// image arrives.

#include "runtime/route.h"

#include "base/alloc.h"
#include "base/assert.h"

void
wf_mark_dirty(struct wf_partition *partition, struct wf_object *object,
              uint64_t record)
{
    object->position = record;
    object->applied = record;
    if (!wf_list_has(&object->dirty)) {
        object->dirty_record = record;
        object->dirty_bytes = partition->log_bytes;
        wf_list_push_back(&partition->dirty, &object->dirty);
    }
}

// Does the record change an object that does not reflect it yet? One record may
// have several sections for one object, so what this very record has begun to
// change is not old; but an object that was read at this position is.
static bool
is_news(const struct wf_object *object, uint64_t record)
{
    return record > object->position || record == object->applied;
}

static void
keep_for_later(struct wf_actor *actor, uint64_t record, uint64_t now_ms,
               weft_bytes ops)
{
    struct wf_pending *pending = wf_alloc(sizeof(*pending) + ops.len);

    *pending = (struct wf_pending){
        .record = record,
        .now_ms = now_ms,
        .len = (uint32_t)ops.len,
    };
    memcpy(pending->ops, ops.data, ops.len);
    wf_list_push_back(&actor->pending, &pending->node);
}

void
wf_apply_forget(struct wf_actor *actor)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&actor->pending)) != NULL) {
        struct wf_pending *pending =
            WF_CONTAINER(node, struct wf_pending, node);

        if (pending->record > actor->object.position) {
            break;
        }
        wf_list_remove(&actor->pending, node);
        wf_free(pending);
    }
}

bool
wf_apply_pending(struct wf_partition *partition, struct wf_actor *actor)
{
    struct wf_list_node *node;
    uint64_t newest;
    bool is_whole = true;

    wf_apply_forget(actor);
    newest = actor->object.position;
    while ((node = wf_list_pop_front(&actor->pending)) != NULL) {
        struct wf_pending *pending =
            WF_CONTAINER(node, struct wf_pending, node);

        if (is_whole) {
            is_whole = wf_apply_to_actor(
                partition, actor, pending->record, pending->now_ms,
                weft_bytes_of(pending->ops, pending->len));
            newest = pending->record;
        }
        wf_free(pending);
    }
    actor->object.position = newest;
    return is_whole;
}

static bool
apply_actor_section(struct wf_partition *partition, uint64_t record,
                    uint64_t now_ms, const struct wf_section *section)
{
    struct wf_actor *actor = wf_residents_find(partition, section->key);

    if (actor == NULL) {
        struct wf_key key;

        if (!wf_key_decode(section->key, &key)) {
            return false;
        }
        actor = wf_residents_get(partition, &key);
        wf_key_fini(&key);
    }
    if (actor->residency != WF_RESIDENCY_LOADED) {
        keep_for_later(actor, record, now_ms, section->ops);
        if (!wf_list_has(&actor->object.dirty)) {
            wf_mark_dirty(partition, &actor->object, record);
            actor->object.position = 0; // its image will tell
        }
        if (partition->is_open) {
            wf_residents_want(partition, actor);
        }
        return true;
    }
    if (!is_news(&actor->object, record)) {
        return true;
    }
    if (!wf_apply_to_actor(partition, actor, record, now_ms, section->ops)) {
        return false;
    }
    wf_mark_dirty(partition, &actor->object, record);
    if (actor->watches.count + actor->queries.count > 0 &&
        !wf_list_has(&actor->changed)) {
        wf_list_push_back(&partition->changed, &actor->changed);
    }
    if (partition->is_open && !actor->is_in_turn) {
        wf_turn_schedule(partition, actor);
    }
    return true;
}

// The partition's own objects. ----------------------------------------------

// The route to that partition, once all fields are read; NULL: there is none.
static struct wf_route *
route_of(struct wf_partition *partition, const struct wf_reader *ops,
         uint64_t other)
{
    return ops->failed || other >= partition->options.count
               ? NULL
               : wf_route_get(partition, (uint32_t)other);
}

static bool
apply_send(struct wf_partition *partition, uint64_t record,
           struct wf_reader *ops)
{
    uint64_t destination = wf_reader_varint(ops);
    weft_bytes envelope = wf_reader_bytes(ops);
    struct wf_route *route = route_of(partition, ops, destination);

    if (route == NULL) {
        return false;
    }
    if (!is_news(&route->object, record)) {
        return true;
    }
    wf_route_add_outgoing(route, route->next_seq++, record, envelope, false);
    wf_mark_dirty(partition, &route->object, record);
    if (partition->is_open) {
        wf_gate_send(partition, route);
    }
    return true;
}

static bool
apply_acked(struct wf_partition *partition, uint64_t record,
            struct wf_reader *ops)
{
    uint64_t destination = wf_reader_varint(ops);
    uint64_t seq = wf_reader_varint(ops);
    struct wf_route *route = route_of(partition, ops, destination);

    if (route == NULL) {
        return false;
    }
    if (!is_news(&route->object, record)) {
        return true;
    }
    if (seq > route->acked) {
        route->acked = seq;
        wf_route_drop_acked(route);
    }
    wf_mark_dirty(partition, &route->object, record);
    return true;
}

static bool
apply_seen(struct wf_partition *partition, uint64_t record,
           struct wf_reader *ops)
{
    uint64_t source = wf_reader_varint(ops);
    uint64_t generation = wf_reader_varint(ops);
    uint64_t seq = wf_reader_varint(ops);
    struct wf_route *route = route_of(partition, ops, source);

    if (route == NULL) {
        return false;
    }
    if (is_news(&route->object, record)) {
        route->in_generation = generation;
        route->seen = seq;
        wf_mark_dirty(partition, &route->object, record);
    }
    return true;
}

// The log lost its end, or was restored: what the others have seen of it from
// here on is not what it will send from here on. Of a link that it knows
// nothing of, that is all. Before the first generation there was none.
static bool
apply_generation(struct wf_partition *partition, uint64_t record,
                 struct wf_reader *ops)
{
    uint64_t generation = wf_reader_varint(ops);
    bool is_loss = generation > 1;

    if (ops->failed) {
        return false;
    }
    partition->generation = generation;
    for (uint32_t i = 0; is_loss && i < partition->options.count; i++) {
        struct wf_route *route =
            i == partition->options.index ? NULL : wf_route_get(partition, i);

        if (route != NULL && is_news(&route->object, record)) {
            wf_route_add_base(route, generation, route->next_seq);
            wf_mark_dirty(partition, &route->object, record);
        }
    }
    wf_mark_dirty(partition, &partition->meta_object, record);
    return true;
}

static bool
apply_window(struct wf_partition *partition, enum wf_op op, uint64_t record,
             uint64_t now_ms, struct wf_reader *ops)
{
    weft_bytes client = wf_reader_take(ops, 16);
    uint64_t number = wf_reader_varint(ops);
    uint64_t confirmed = wf_reader_varint(ops);
    weft_err err = WEFT_OK;
    weft_bytes data = weft_nothing();
    struct wf_window *window;
    struct wf_answer *answer;

    if (op == WF_OP_ANSWERED) {
        err = (weft_err)wf_reader_varint(ops);
        data = wf_reader_bytes(ops);
    }
    if (ops->failed) {
        return false;
    }
    window = wf_window_get(partition, client.data);
    if (!is_news(&window->object, record)) {
        return true;
    }
    answer = wf_window_put(window, number);
    answer->is_answered = op == WF_OP_ANSWERED;
    answer->err = err;
    wf_own_bytes(&answer->data, data);
    wf_window_confirm(window, confirmed);
    window->is_forgotten = false;
    window->heard_ms = now_ms;
    wf_mark_dirty(partition, &window->object, record);
    return true;
}

static bool
apply_forget(struct wf_partition *partition, uint64_t record,
             struct wf_reader *ops)
{
    weft_bytes client = wf_reader_take(ops, 16);
    struct wf_window *window;

    if (ops->failed) {
        return false;
    }
    window = wf_window_get(partition, client.data);
    if (is_news(&window->object, record)) {
        wf_window_forget(window);
        wf_mark_dirty(partition, &window->object, record);
    }
    return true;
}

static bool
apply_letter(struct wf_partition *partition, uint64_t record,
             struct wf_reader *ops)
{
    weft_bytes body = wf_reader_bytes(ops);
    struct wf_dead_letter *letter;

    if (ops->failed) {
        return false;
    }
    if (!is_news(&partition->letters_object, record)) {
        return true;
    }
    letter = wf_alloc(sizeof(*letter) + body.len);
    *letter = (struct wf_dead_letter){
        .seq = partition->next_letter++,
        .len = (uint32_t)body.len,
    };
    memcpy(letter->bytes, body.data, body.len);
    wf_list_push_back(&partition->letters, &letter->node);
    partition->stats.dead_letters++;
    wf_mark_dirty(partition, &partition->letters_object, record);
    return true;
}

static bool
apply_partition_op(struct wf_partition *partition, enum wf_op op,
                   uint64_t record, uint64_t now_ms, struct wf_reader *ops)
{
    switch (op) {
    case WF_OP_EPOCH:
        partition->epoch = wf_reader_varint(ops);
        wf_mark_dirty(partition, &partition->meta_object, record);
        return !ops->failed;
    case WF_OP_GENERATION:
        return apply_generation(partition, record, ops);
    case WF_OP_SEND:
        return apply_send(partition, record, ops);
    case WF_OP_ACKED:
        return apply_acked(partition, record, ops);
    case WF_OP_SEEN:
        return apply_seen(partition, record, ops);
    case WF_OP_ACCEPTED:
    case WF_OP_ANSWERED:
        return apply_window(partition, op, record, now_ms, ops);
    case WF_OP_FORGET:
        return apply_forget(partition, record, ops);
    case WF_OP_LETTER:
        return apply_letter(partition, record, ops);
#ifdef WF_NEXT
    case WF_OP_NEXT:
        return wf_reader_varint(ops) > 0 && !ops->failed;
#endif
    default:
        return false;
    }
}

bool
wf_apply_record(struct wf_partition *partition, uint64_t record,
                uint64_t now_ms, struct wf_sections sections)
{
    struct wf_section section;

    while (wf_section_next(&sections, &section)) {
        struct wf_reader ops = wf_reader_of(section.ops);

        if (section.object == WF_SECTION_ACTOR) {
            if (!apply_actor_section(partition, record, now_ms, &section)) {
                return false;
            }
            continue;
        }
        while (wf_reader_left(&ops) > 0) {
            enum wf_op op = (enum wf_op)wf_reader_u8(&ops);
            if (!apply_partition_op(partition, op, record, now_ms, &ops)) {
                return false;
            }
        }
    }
    return !sections.reader.failed;
}
