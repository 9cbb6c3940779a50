// SPDX-License-Identifier: Apache-2.0
//
// route.c - messages to and from one other partition, exactly once and in
// order, over a link that may lose, double and reorder frames.
//
//   sender                                 receiver
//   numbers each message, keeps it         takes seen + 1, drops what it saw
//   until it is acknowledged         --->  (SEEN is in the same record as the
//   sends again when it is asked           message), asks for what is missing,
//   or when nothing is heard         <---  acknowledges what is durable
//
// Who opens says so to all that it has heard of: it acknowledges what it has
// and asks for what comes next. So what was sent while a partition was away
// comes as soon as it is back, however seldom its sender tries by then.
//
// So a message is lost only with its sender's log, and done twice never. The
// sender's generation changes when its log lost its end or was restored. Its
// messages below the generation's base are those the receiver knows by number;
// those from the base on are new, whatever was seen under their numbers. A
// receiver may have missed whole generations, so frames tell the bases of all,
// and it goes by the lowest of those that it has not heard of.
//
// Frame: u8 format, u8 type, u16 source, u64 epoch, u64 generation, u64 acked,
// u64 seq, and for messages the count of bases and each as generation and
// number, the count of messages, all of them varints, and the envelopes. seq is
// that of the first message, what is acknowledged, or the first that is
// missing.

#include "runtime/route.h"
#include "base/alloc.h"
#include "base/assert.h"

#define FRAME_FORMAT 1
#define FRAME_MESSAGES 1
#define FRAME_ACK 2
#define FRAME_ASK 3

struct wf_route *
wf_route_get(struct wf_partition *partition, uint32_t other)
{
    struct wf_route *route = partition->routes[other];

    if (route == NULL) {
        route = wf_calloc(sizeof(*route));
        route->object.type = WF_OBJECT_LINK;
        route->other = other;
        route->next_seq = 1;
        route->resend_ms = WF_LINK_RESEND_MS;
        route->resend = (struct wf_alarm){
            .type = WF_ALARM_LINK,
            .owner = route,
        };
        wf_list_init(&route->unacked);
        partition->routes[other] = route;
    }
    return route;
}

void
wf_route_destroy(struct wf_route *route)
{
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(&route->unacked)) != NULL) {
        wf_free(WF_CONTAINER(node, struct wf_outgoing, node));
    }
    wf_free(route->bases);
    wf_free(route);
}

// One at or above the new one says no more than that does.
void
wf_route_add_base(struct wf_route *route, uint64_t generation, uint64_t seq)
{
    if (route->bases == NULL) {
        route->bases = wf_calloc(WF_LINK_BASES_MAX * sizeof(*route->bases));
    }
    while (route->bases_count > 0 &&
           route->bases[route->bases_count - 1].seq >= seq) {
        route->bases_count--;
    }
    if (route->bases_count == WF_LINK_BASES_MAX) {
        route->bases_count--;
        memmove(route->bases, route->bases + 1,
                route->bases_count * sizeof(*route->bases));
    }
    route->bases[route->bases_count++] =
        (struct wf_base){.generation = generation, .seq = seq};
}

void
wf_route_put_bases(const struct wf_route *route, struct wf_buf *out)
{
    wf_buf_put_varint(out, route->bases_count);
    for (uint32_t i = 0; i < route->bases_count; i++) {
        wf_buf_put_varint(out, route->bases[i].generation);
        wf_buf_put_varint(out, route->bases[i].seq);
    }
}

void
wf_route_add_outgoing(struct wf_route *route, uint64_t seq, uint64_t record,
                      weft_bytes envelope, bool has_row)
{
    struct wf_outgoing *outgoing = wf_alloc(sizeof(*outgoing) + envelope.len);

    *outgoing = (struct wf_outgoing){
        .seq = seq,
        .record = record,
        .len = (uint32_t)envelope.len,
    };
    memcpy(outgoing->bytes, envelope.data, envelope.len);
    wf_list_push_back(&route->unacked, &outgoing->node);
    if (route->unsent == NULL && seq > route->sent) {
        route->unsent = &outgoing->node;
    }
    if (route->unsaved == NULL && !has_row) {
        route->unsaved = &outgoing->node;
    }
    if (has_row) {
        route->rows_from = route->rows_from == 0 ? seq : route->rows_from;
        route->rows_to = seq + 1;
    }
}

void
wf_route_drop_acked(struct wf_route *route)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&route->unacked)) != NULL) {
        struct wf_outgoing *outgoing =
            WF_CONTAINER(node, struct wf_outgoing, node);

        if (outgoing->seq > route->acked) {
            break;
        }
        if (node == route->unsent) {
            route->unsent = wf_list_next(&route->unacked, node);
        }
        if (node == route->unsaved) {
            route->unsaved = wf_list_next(&route->unacked, node);
        }
        wf_list_remove(&route->unacked, node);
        wf_free(outgoing);
    }
    if (route->sent < route->acked) {
        route->sent = route->acked;
    }
}

void
wf_route_rewind(struct wf_route *route, uint64_t sent)
{
    struct wf_list_node *node = wf_list_first(&route->unacked);

    while (node != NULL &&
           WF_CONTAINER(node, struct wf_outgoing, node)->seq <= sent) {
        node = wf_list_next(&route->unacked, node);
    }
    route->sent = sent;
    route->unsent = node;
}

void
wf_route_want_flush(struct wf_partition *partition, struct wf_route *route)
{
    if (!wf_list_has(&route->flush)) {
        wf_list_push_back(&partition->flush, &route->flush);
    }
}

// Frames out. ---------------------------------------------------------------

static struct wf_frame *
begin_frame(const struct wf_partition *partition, const struct wf_route *route,
            uint8_t type, uint64_t seq)
{
    struct wf_frame *frame = wf_calloc(sizeof(*frame));

    frame->destination = route->other;
    wf_buf_put_u8(&frame->bytes, FRAME_FORMAT);
    wf_buf_put_u8(&frame->bytes, type);
    wf_buf_put_u16(&frame->bytes, (uint16_t)partition->options.index);
    wf_buf_put_u64(&frame->bytes, partition->epoch);
    wf_buf_put_u64(&frame->bytes, type == FRAME_MESSAGES
                                      ? partition->generation
                                      : route->in_generation);
    wf_buf_put_u64(&frame->bytes, route->acked);
    wf_buf_put_u64(&frame->bytes, seq);
    return frame;
}

static void
put_out(struct wf_partition *partition, struct wf_frame *frame)
{
    wf_list_push_back(&partition->outputs.frames, &frame->node);
}

// The first message after `sent`, if it may leave, or NULL.
static struct wf_outgoing *
next_to_send(const struct wf_partition *partition, const struct wf_route *route)
{
    struct wf_outgoing *outgoing =
        route->unsent == NULL
            ? NULL
            : WF_CONTAINER(route->unsent, struct wf_outgoing, node);

    return outgoing == NULL || outgoing->record > partition->durable_record ||
                   outgoing->seq > route->acked + WF_LINK_FLIGHT_MESSAGES
               ? NULL
               : outgoing;
}

static void
flush_messages(struct wf_partition *partition, struct wf_route *route)
{
    struct wf_outgoing *outgoing = next_to_send(partition, route);

    while (outgoing != NULL) {
        struct wf_frame *frame =
            begin_frame(partition, route, FRAME_MESSAGES, outgoing->seq);
        struct wf_buf envelopes = {0};
        uint64_t count = 0;

        wf_route_put_bases(route, &frame->bytes);
        while (outgoing != NULL && envelopes.len < WF_LINK_FRAME_BYTES) {
            wf_buf_put_bytes(&envelopes,
                             weft_bytes_of(outgoing->bytes, outgoing->len));
            route->sent = outgoing->seq;
            route->unsent = wf_list_next(&route->unacked, &outgoing->node);
            count++;
            outgoing = next_to_send(partition, route);
        }
        wf_buf_put_varint(&frame->bytes, count);
        wf_buf_put(&frame->bytes, envelopes.data, envelopes.len);
        wf_buf_fini(&envelopes);
        put_out(partition, frame);
    }
    if (route->sent > route->acked && !wf_heap_has(&route->resend.heap)) {
        wf_alarm_set(partition, &route->resend,
                     partition->now_ms + route->resend_ms);
    }
}

void
wf_route_flush(struct wf_partition *partition, struct wf_route *route)
{
    if (route->is_ack_due) {
        route->is_ack_due = false;
        put_out(partition,
                begin_frame(partition, route, FRAME_ACK, route->ack));
    }
    if (route->is_ask_due) {
        route->is_ask_due = false;
        put_out(partition,
                begin_frame(partition, route, FRAME_ASK, route->seen + 1));
    }
    flush_messages(partition, route);
}

// Send again from there on, and soon again if that is in vain.
static void
begin_anew(struct wf_partition *partition, struct wf_route *route,
           uint64_t sent)
{
    wf_alarm_clear(partition, &route->resend);
    route->resend_ms = WF_LINK_RESEND_MS;
    wf_route_rewind(route, sent);
}

void
wf_route_open(struct wf_partition *partition, struct wf_route *route)
{
    wf_route_drop_acked(route);
    wf_route_rewind(route, route->acked);
    route->ack = route->seen; // what was recovered is durable
    route->is_ack_due = route->in_generation != 0;
    route->is_ask_due = route->in_generation != 0;
    if (route->is_ask_due || route->unacked.count > 0) {
        wf_gate_send(partition, route);
    }
}

void
wf_route_meet(struct wf_partition *partition, struct wf_route *route)
{
    begin_anew(partition, route, route->acked);
    route->is_ask_due = route->in_generation != 0;
    if (partition->durable_record < partition->last_record) {
        wf_gate_send(partition, route); // perhaps its epoch is not durable yet
    } else {
        wf_route_flush(partition, route);
    }
}

void
wf_route_resend(struct wf_partition *partition, struct wf_route *route)
{
    if (route->unacked.count > 0) {
        // Who is slow is not made faster by getting all of it again.
        route->resend_ms = route->resend_ms * 2 < WF_LINK_RESEND_MS_MAX
                               ? route->resend_ms * 2
                               : WF_LINK_RESEND_MS_MAX;
        wf_route_rewind(route, route->acked);
        wf_route_flush(partition, route);
    }
}

// Frames in. ----------------------------------------------------------------

struct frame_head {
    uint8_t type;
    uint32_t source;
    uint64_t generation;
    uint64_t acked; // what the sender will not send again
    uint64_t seq;
};

static bool
read_head(struct wf_reader *reader, struct frame_head *head)
{
    if (wf_reader_u8(reader) != FRAME_FORMAT) {
        return false;
    }
    head->type = wf_reader_u8(reader);
    head->source = wf_reader_u16(reader);
    (void)wf_reader_u64(reader); // epoch: for scale-out
    head->generation = wf_reader_u64(reader);
    head->acked = wf_reader_u64(reader);
    head->seq = wf_reader_u64(reader);
    return !reader->failed;
}

static void
receive_ack(struct wf_partition *partition, struct wf_route *route,
            const struct frame_head *head)
{
    struct wf_draft *draft = &partition->draft;

    if (head->generation != partition->generation) {
        return; // about an older life of this log
    }
    if (head->seq >= route->next_seq) {
        wf_warn(partition, NULL, "corrupt",
                "p%u has seen message %llu, of which %llu were sent",
                route->other, (unsigned long long)head->seq,
                (unsigned long long)route->next_seq - 1);
        return;
    }
    if (head->seq <= route->acked) {
        // It tells where it is: a gap there means that frames were lost.
        return;
    }
    wf_alarm_clear(partition, &route->resend);
    route->resend_ms = WF_LINK_RESEND_MS;
    wf_buf_put_u8(&draft->ops, WF_OP_ACKED);
    wf_buf_put_varint(&draft->ops, route->other);
    wf_buf_put_varint(&draft->ops, head->seq);
    wf_draft_partition(draft);
    (void)wf_draft_write(draft, partition, true);
    flush_messages(partition, route);
}

// Something was lost on the way, or its receiver was away: send again from
// there on, now. Who has heard of an older generation only does not know.
static void
receive_ask(struct wf_partition *partition, struct wf_route *route,
            const struct frame_head *head)
{
    if (head->generation < partition->generation) {
        begin_anew(partition, route, route->acked);
        flush_messages(partition, route);
    } else if (head->generation == partition->generation &&
               head->seq > route->acked && head->seq <= route->sent) {
        begin_anew(partition, route, head->seq - 1);
        flush_messages(partition, route);
    }
}

// Put one message into the draft: into its target's mailbox, or, so that what
// is malformed does not block the link for ever, among the dead letters.
static void
take_envelope(const struct wf_partition *partition, struct wf_draft *draft,
              weft_bytes envelope)
{
    struct wf_reader reader = wf_reader_of(envelope);
    weft_bytes target = wf_reader_bytes(&reader);
    weft_bytes letter = wf_reader_bytes(&reader);
    struct wf_letter check;
    struct wf_key key = {0};

    if (!reader.failed && wf_letter_decode(letter, &check) &&
        wf_key_decode(target, &key) &&
        wf_key_partition(&key, partition->options.count) ==
            partition->options.index) {
        wf_buf_put_u8(&draft->ops, WF_OP_PUSH);
        wf_buf_put_bytes(&draft->ops, letter);
        wf_draft_actor(draft, &key);
    } else {
        size_t opened;

        wf_buf_put_u8(&draft->ops, WF_OP_LETTER);
        opened = wf_buf_open(&draft->ops);
        wf_buf_put_bytes(&draft->ops, weft_nothing());
        wf_buf_put_bytes(&draft->ops, envelope);
        wf_buf_put_text(&draft->ops, "a message that does not decode");
        wf_buf_close(&draft->ops, opened);
        wf_draft_partition(draft);
    }
    wf_key_fini(&key);
}

// The first of the sender's messages that are not those that were seen under
// the generation heard of last; UINT64_MAX: none are.
static uint64_t
read_bases(struct wf_reader *reader, uint64_t heard)
{
    uint64_t count = wf_reader_varint(reader);
    uint64_t first = UINT64_MAX;

    for (; count > 0 && !reader->failed; count--) {
        uint64_t generation = wf_reader_varint(reader);
        uint64_t seq = wf_reader_varint(reader);

        if (generation > heard && seq < first) {
            first = seq;
        }
    }
    return first;
}

// Which messages count as seen before this frame. What was seen of messages
// that the sender lost does not; what the sender will not send again must, or
// the link would wait for it for ever: this partition's own log lost it.
static uint64_t
seen_before(const struct wf_partition *partition, const struct wf_route *route,
            const struct frame_head *head, uint64_t base)
{
    uint64_t seen = route->seen;

    if (base > 0 && base - 1 < seen) {
        seen = base - 1;
    }
    if (head->acked > seen) {
        wf_warn(partition, NULL, "lost",
                "messages %llu to %llu from p%u: they were acknowledged "
                "before this log lost its end",
                (unsigned long long)seen + 1, (unsigned long long)head->acked,
                route->other);
        seen = head->acked;
    }
    return seen;
}

// Messages behind `seen` are here and the next one is not. If asking is in
// vain, the sender still sends again by itself.
static void
ask_for_next(struct wf_partition *partition, struct wf_route *route)
{
    if (route->asked_ms != 0 &&
        partition->now_ms - route->asked_ms < WF_LINK_ASK_MS) {
        return;
    }
    route->asked_ms = partition->now_ms;
    wf_note(partition, NULL, "ask", "p%u for message %llu", route->other,
            (unsigned long long)route->seen + 1);
    put_out(partition,
            begin_frame(partition, route, FRAME_ASK, route->seen + 1));
}

static void
receive_messages(struct wf_partition *partition, struct wf_route *route,
                 const struct frame_head *head, struct wf_reader *messages)
{
    struct wf_draft *draft = &partition->draft;
    uint64_t base = read_bases(messages, route->in_generation);
    uint64_t count = wf_reader_varint(messages);
    bool is_new = head->generation > route->in_generation;
    uint64_t seen;
    bool has_gap = false;

    if (head->generation < route->in_generation || messages->failed) {
        return;
    }
    if (is_new) {
        route->ack = 0; // about another history
    }
    seen = seen_before(partition, route, head, base);
    is_new = is_new || seen != route->seen;
    for (uint64_t seq = head->seq; count > 0; count--, seq++) {
        weft_bytes envelope = wf_reader_bytes(messages);

        has_gap = seq > seen + 1; // a frame is missing
        if (messages->failed || has_gap) {
            break;
        }
        if (seq == seen + 1) {
            take_envelope(partition, draft, envelope);
            seen = seq;
        }
    }
    if (draft->sections.len > 0 || is_new) {
        wf_buf_put_u8(&draft->ops, WF_OP_SEEN);
        wf_buf_put_varint(&draft->ops, route->other);
        wf_buf_put_varint(&draft->ops, head->generation);
        wf_buf_put_varint(&draft->ops, seen);
        wf_draft_partition(draft);
        (void)wf_draft_write(draft, partition, false);
    }
    if (has_gap) {
        ask_for_next(partition, route);
    }
    wf_gate_ack(partition, route, route->object.position, route->seen);
}

void
wf_route_receive(struct wf_partition *partition, weft_bytes frame)
{
    struct wf_reader reader = wf_reader_of(frame);
    struct frame_head head;
    struct wf_route *route;

    if (!read_head(&reader, &head) || head.source >= partition->options.count) {
        wf_warn(partition, NULL, "drop",
                "a frame of %zu bytes that is malformed", frame.len);
        return;
    }
    route = wf_route_get(partition, head.source);
    if (head.type == FRAME_ACK) {
        receive_ack(partition, route, &head);
    } else if (head.type == FRAME_MESSAGES) {
        receive_messages(partition, route, &head, &reader);
    } else if (head.type == FRAME_ASK) {
        receive_ask(partition, route, &head);
    }
}

void
wf_frame_destroy(struct wf_frame *frame)
{
    if (frame != NULL) {
        wf_buf_fini(&frame->bytes);
        wf_free(frame);
    }
}
