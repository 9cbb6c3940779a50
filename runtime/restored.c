// SPDX-License-Identifier: Apache-2.0
//
// restored.c - rows "restored" (still to be dealt with) and "restored_at" (it
// was) in the first store's meta.

#include "runtime/restored.h"

#include "storage/keys.h"
#include "storage/store.h"

static weft_err
read_mark(const struct wf_store *store, struct wf_buf *out_value)
{
    struct wf_buf key = {0};
    weft_err err;

    wf_keys_store(&key, "restored");
    err =
        store->ops->get(store->self, WF_CF_META, wf_buf_bytes(&key), out_value);
    wf_buf_fini(&key);
    return err;
}

weft_err
wf_restored_find(const struct wf_store *store, bool *out_is_marked)
{
    struct wf_buf value = {0};
    weft_err err = read_mark(store, &value);

    wf_buf_fini(&value);
    if (err == WEFT_OK || err == WEFT_ENOTFOUND) {
        *out_is_marked = err == WEFT_OK;
        err = WEFT_OK;
    }
    return err;
}

weft_err
wf_restored_settle(const struct wf_store *store)
{
    struct wf_buf value = {0};
    struct wf_buf key = {0};
    struct wf_batch batch = {0};
    weft_err err = read_mark(store, &value);

    if (err == WEFT_OK) {
        wf_keys_store(&key, "restored_at");
        wf_batch_put(&batch, WF_CF_META, wf_buf_bytes(&key),
                     wf_buf_bytes(&value));
        wf_keys_store(&key, "restored");
        wf_batch_delete(&batch, WF_CF_META, wf_buf_bytes(&key));
        err = store->ops->write(store->self, &batch, true);
    }
    wf_batch_fini(&batch);
    wf_buf_fini(&key);
    wf_buf_fini(&value);
    return err == WEFT_ENOTFOUND ? WEFT_OK : err;
}
