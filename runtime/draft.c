// SPDX-License-Identifier: Apache-2.0
//
// draft.c - make a record: gather sections, then append and apply it at once.
//
// The record is applied from its own bytes, by the code that recovery uses, so
// there is one way only from a record to memory.

#include "base/assert.h"
#include "runtime/partition_impl.h"

void
wf_draft_fini(struct wf_draft *draft)
{
    wf_buf_fini(&draft->sections);
    wf_buf_fini(&draft->ops);
}

void
wf_draft_actor(struct wf_draft *draft, const struct wf_key *key)
{
    if (draft->ops.len > 0) {
        wf_section_put(&draft->sections, WF_SECTION_ACTOR, wf_key_bytes(key),
                       wf_buf_bytes(&draft->ops));
        wf_buf_reset(&draft->ops);
    }
}

void
wf_draft_partition(struct wf_draft *draft)
{
    if (draft->ops.len > 0) {
        wf_section_put(&draft->sections, WF_SECTION_PARTITION, weft_nothing(),
                       wf_buf_bytes(&draft->ops));
        wf_buf_reset(&draft->ops);
    }
}

void
wf_draft_send(struct wf_draft *draft, const struct wf_partition *partition,
              const struct wf_key *target, const struct wf_letter *letter)
{
    uint32_t destination = wf_key_partition(target, partition->options.count);

    WF_ASSERT(draft->ops.len == 0);
    if (destination == partition->options.index) {
        wf_buf_put_u8(&draft->ops, WF_OP_PUSH);
        wf_letter_put(letter, &draft->ops);
        wf_draft_actor(draft, target);
    } else {
        size_t opened;

        wf_buf_put_u8(&draft->ops, WF_OP_SEND);
        wf_buf_put_varint(&draft->ops, destination);
        opened = wf_buf_open(&draft->ops);
        wf_buf_put_bytes(&draft->ops, wf_key_bytes(target));
        wf_letter_put(letter, &draft->ops);
        wf_buf_close(&draft->ops, opened);
        wf_draft_partition(draft);
    }
}

// The actor of the first section, if it is the one that was looked up last, as
// it mostly is.
static struct wf_actor *
first_actor(const struct wf_partition *partition, weft_bytes sections)
{
    struct wf_reader reader = wf_reader_of(sections);
    struct wf_actor *recent = partition->recent;

    if (recent == NULL || wf_reader_u8(&reader) != WF_SECTION_ACTOR ||
        !wf_bytes_equal(wf_reader_bytes(&reader), wf_key_bytes(&recent->key))) {
        return NULL;
    }
    return recent;
}

// Append it to the open segment.
static void
append(struct wf_partition *partition, weft_bytes sections)
{
    struct wf_actor *actor = first_actor(partition, sections);
    size_t before = partition->records.len;

    if (actor != NULL && actor->named_seal != partition->seals) {
        actor->named_seal = partition->seals;
        actor->named_at = 0;
    }
    wf_record_put(&partition->records, partition->now_ms - partition->record_ms,
                  sections, actor != NULL ? &actor->named_at : NULL);
    partition->record_ms = partition->now_ms;
    partition->records_count++;
    partition->last_record++;
    partition->log_bytes += partition->records.len - before;
    partition->stats.records++;
}

uint64_t
wf_draft_write(struct wf_draft *draft, struct wf_partition *partition,
               bool is_lazy)
{
    uint64_t record = partition->last_record + 1;
    bool is_whole;

    WF_ASSERT(draft->ops.len == 0);
    WF_ASSERT(draft->sections.len > 0);
    append(partition, wf_buf_bytes(&draft->sections));
    if (!is_lazy) {
        partition->has_urgent = true;
    } else if (partition->lazy_since_ms == 0) {
        partition->lazy_since_ms = partition->now_ms;
    }
    is_whole = wf_apply_record(partition, record, partition->now_ms,
                               wf_sections_of(wf_buf_bytes(&draft->sections)));
    WF_ASSERT(is_whole); // we made it ourselves
    wf_buf_reset(&draft->sections);
    wf_edge_changed(partition);
    return record;
}

uint64_t
wf_write_actor(struct wf_partition *partition, struct wf_actor *actor,
               struct wf_buf *ops, bool is_lazy)
{
    struct wf_draft *draft = &partition->draft;

    WF_ASSERT(draft->sections.len == 0);
    partition->recent = actor;
    wf_section_put(&draft->sections, WF_SECTION_ACTOR,
                   wf_key_bytes(&actor->key), wf_buf_bytes(ops));
    wf_buf_reset(ops);
    return wf_draft_write(draft, partition, is_lazy);
}
