// SPDX-License-Identifier: Apache-2.0
//
// audit.c - see audit.h. JSON is Jansson's.

#include "remote/audit.h"

#include <jansson.h>
#include <string.h>

#include "base/assert.h"

static int
append(const char *text, size_t len, void *ctx)
{
    wf_buf_put(ctx, text, len);
    return 0;
}

// What is no UTF-8 is only said to be none.
static void
put(json_t *object, const char *name, const char *text)
{
    json_t *value = text == NULL ? NULL : json_string(text);

    if (text != NULL && value == NULL) {
        value = json_string("?");
    }
    if (value != NULL) {
        (void)json_object_set_new(object, name, value);
    }
}

void
wf_audit_encode(const struct wf_audit *audit, uint64_t time_ms,
                struct wf_buf *out_line)
{
    const struct {
        const char *name;
        const char *text;
    } fields[] = {
        {"event", audit->event}, {"principal", audit->principal},
        {"key", audit->key},     {"address", audit->address},
        {"label", audit->label}, {"namespace", audit->name_space},
        {"verb", audit->verb},   {"kind", audit->kind},
        {"id", audit->id},       {"who", audit->who},
        {"why", audit->why},     {"result", audit->result},
        {"text", audit->text},
    };
    json_t *object = json_object();
    int rc;

    WF_ASSERT(object != NULL);
    (void)json_object_set_new(object, "time_ms",
                              json_integer((json_int_t)time_ms));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        put(object, fields[i].name, fields[i].text);
    }
    rc = json_dump_callback(object, append, out_line, JSON_COMPACT);
    WF_ASSERT(rc == 0);
    json_decref(object);
}
