// SPDX-License-Identifier: Apache-2.0
//
// capsule.c - encode and decode capsules. See capsule.h.

#include "runtime/capsule.h"

#include "base/error.h"
#include "base/hash.h"
#include "runtime/actor.h"
#include "runtime/image.h"

#define CAPSULE_MAGIC 0x57434150U // "WCAP"
#define CAPSULE_VERSION 1
#define CAPSULE_HEADER_BYTES 12

weft_err
wf_capsule_encode(struct wf_actor *actor, uint64_t now_ms, struct wf_buf *out)
{
    struct wf_buf body = {0};
    struct wf_buf image = {0};
    size_t start = out->len;

    if (wf_mailbox_has_gone(&actor->mailbox)) {
        return wf_error(WEFT_ETOOBIG,
                        "%s: its mailbox holds %llu messages, more than is "
                        "kept in memory",
                        wf_key_id(&actor->key),
                        (unsigned long long)wf_mailbox_count(&actor->mailbox));
    }
    wf_image_pack(actor, &image);
    wf_buf_put_varint(&body, now_ms);
    wf_buf_put_bytes(&body, wf_key_bytes(&actor->key));
    wf_buf_put_bytes(&body, wf_buf_bytes(&image));
    wf_buf_put_u32(out, CAPSULE_MAGIC);
    wf_buf_put_u32(out, CAPSULE_VERSION);
    wf_buf_put_u32(out, (uint32_t)body.len);
    wf_buf_put(out, body.data, body.len);
    wf_buf_put_u32(out, wf_crc32c(0, out->data + start, out->len - start));
    wf_buf_fini(&body);
    wf_buf_fini(&image);
    return WEFT_OK;
}

static weft_err
decode_body(weft_bytes body, struct wf_capsule *out)
{
    struct wf_reader reader = wf_reader_of(body);
    weft_bytes key;

    *out = (struct wf_capsule){0};
    out->exported_at_ms = wf_reader_varint(&reader);
    key = wf_reader_bytes(&reader);
    out->image = wf_reader_bytes(&reader);
    if (reader.failed || wf_reader_left(&reader) != 0 ||
        !wf_key_decode(key, &out->key)) {
        return wf_error(WEFT_ECORRUPT, "the capsule's body does not decode");
    }
    return WEFT_OK;
}

weft_err
wf_capsule_decode(struct wf_reader *reader, struct wf_capsule *out)
{
    const uint8_t *start = reader->at;
    uint32_t magic = wf_reader_u32(reader);
    uint32_t version = wf_reader_u32(reader);
    uint32_t len = wf_reader_u32(reader);
    weft_bytes body;
    uint32_t crc;

    if (reader->failed || magic != CAPSULE_MAGIC) {
        return wf_error(WEFT_ECORRUPT, "this is not a capsule");
    }
    if (version != CAPSULE_VERSION) {
        return wf_error(WEFT_EFORMAT, "the capsule is of version %u, not %u",
                        (unsigned)version, CAPSULE_VERSION);
    }
    body = wf_reader_take(reader, len);
    crc = wf_reader_u32(reader);
    if (reader->failed) {
        return wf_error(WEFT_ECORRUPT, "the capsule is cut short");
    }
    if (crc != wf_crc32c(0, start, CAPSULE_HEADER_BYTES + body.len)) {
        return wf_error(WEFT_ECORRUPT, "the capsule's checksum differs");
    }
    return decode_body(body, out);
}

void
wf_capsule_fini(struct wf_capsule *capsule)
{
    wf_key_fini(&capsule->key);
}

weft_err
wf_capsule_actor(const struct wf_capsule *capsule, struct wf_actor **out_actor)
{
    struct wf_actor *actor =
        wf_actor_create(&capsule->key, wf_key_hash(&capsule->key));

    if (!wf_image_unpack(actor, capsule->image)) {
        wf_actor_destroy(actor);
        return wf_error(WEFT_ECORRUPT, "the capsule's image does not decode");
    }
    actor->residency = WF_RESIDENCY_LOADED;
    *out_actor = actor;
    return WEFT_OK;
}
