// SPDX-License-Identifier: Apache-2.0
//
// apply_rig.c - see apply_rig.h.

#include "apply_rig.h"

#include "runtime/child.h"
#include "runtime/partition_impl.h"
#include "support/test.h"

struct rig
rig_begin(void)
{
    static const struct wf_trace silent;
    struct rig rig = {.record = 5};
    struct wf_key key;

    CHECK_OK(weft_definitions_create(&rig.definitions));
    rig.partition = wf_partition_create(&(struct wf_partition_options){
        .index = 0,
        .count = 1,
        .incarnation = 1,
        .definitions = rig.definitions,
        .trace = &silent,
        .residents_max = 1000,
    });
    CHECK_OK(wf_key_make("default", "order", "17", &key));
    rig.actor = wf_residents_get(rig.partition, &key);
    wf_key_fini(&key);
    rig.actor->residency = WF_RESIDENCY_LOADED;
    rig.actor->status = WEFT_STATUS_RUNNING;
    return rig;
}

void
rig_end(struct rig *rig)
{
    struct wf_list requests;

    wf_list_init(&requests);
    wf_partition_destroy(rig->partition, &requests);
    weft_definitions_destroy(rig->definitions);
    wf_buf_fini(&rig->ops);
}

bool
rig_apply(struct rig *rig)
{
    bool is_applied =
        wf_apply_to_actor(rig->partition, rig->actor, rig->record++, 1000,
                          wf_buf_bytes(&rig->ops));

    wf_buf_reset(&rig->ops);
    return is_applied;
}

void
rig_put_op(struct rig *rig, enum wf_op op)
{
    wf_buf_put_u8(&rig->ops, (uint8_t)op);
}

void
rig_put_number(struct rig *rig, uint64_t number)
{
    wf_buf_put_varint(&rig->ops, number);
}

void
rig_put_text(struct rig *rig, const char *text)
{
    wf_buf_put_text(&rig->ops, text);
}

void
rig_put_letter(struct rig *rig, enum wf_letter_type type)
{
    struct wf_buf letter = {0};

    wf_letter_encode(
        &(struct wf_letter){.type = type, .name = weft_text("pay")}, &letter);
    wf_buf_put_bytes(&rig->ops, wf_buf_bytes(&letter));
    wf_buf_fini(&letter);
}

void
rig_push(struct rig *rig)
{
    rig_put_op(rig, WF_OP_PUSH);
    rig_put_letter(rig, WF_LETTER_SIGNAL);
    CHECK(rig_apply(rig));
}

void
rig_put_call(struct rig *rig, uint64_t id, const char *target, size_t len)
{
    rig_put_op(rig, WF_OP_CALL_OPEN);
    rig_put_number(rig, id);
    rig_put_number(rig, WF_CALL_CHILD);
    wf_buf_put_bytes(&rig->ops, weft_bytes_of(target, len));
    rig_put_number(rig, WEFT_PARENT_CLOSE_ABANDON);
    rig_put_number(rig, WEFT_CANCELLATION_TRY);
}
