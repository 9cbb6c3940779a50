// SPDX-License-Identifier: Apache-2.0

#include "storage/sorted.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

static bool
tell(void *ctx, weft_bytes key, weft_bytes value)
{
    char *story = ctx;
    size_t len = strlen(story);

    snprintf(story + len, 256 - len, "%.*s=%.*s ", (int)key.len,
             (const char *)key.data, (int)value.len, (const char *)value.data);
    return true;
}

static void
check_rows(const struct wf_sorted *rows, const char *expected)
{
    char story[256] = "";

    CHECK(wf_sorted_walk(rows, weft_nothing(), weft_nothing(), tell, story));
    CHECK_STR(story, expected);
}

static struct wf_sorted *
put(struct wf_sorted *rows, const char *key, const char *value)
{
    return wf_sorted_put(rows, weft_text(key), weft_text(value));
}

TEST(sorted, a_shared_version_stays_as_it_is)
{
    struct wf_sorted *now = put(put(put(NULL, "b", "2"), "a", "1"), "c", "3");
    struct wf_sorted *then = wf_sorted_share(now);

    now = put(now, "b", "new");
    now = put(now, "d", "4");
    now = wf_sorted_delete(now, weft_text("a"));
    now = wf_sorted_delete(now, weft_text("none"));
    check_rows(then, "a=1 b=2 c=3 ");
    check_rows(now, "b=new c=3 d=4 ");
    now = wf_sorted_delete_range(now, weft_text("b"), weft_nothing());
    check_rows(now, "");
    wf_sorted_release(now);
    check_rows(then, "a=1 b=2 c=3 ");
    wf_sorted_release(then);
}

TEST(sorted, many_rows_are_found)
{
    struct wf_sorted *rows = NULL;
    weft_bytes value;
    char key[16];

    for (unsigned i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "%08u", i * 7919 % 20011);
        rows = put(rows, key, key);
    }
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "%08u", i * 7919 % 20011);
        CHECK(wf_sorted_find(rows, weft_text(key), &value));
        CHECK_BYTES(value, weft_text(key));
    }
    CHECK(!wf_sorted_find(rows, weft_text("none"), &value));
    wf_sorted_release(rows);
}

static bool
stop(void *ctx, weft_bytes key, weft_bytes value)
{
    tell(ctx, key, value);
    return false;
}

TEST(sorted, a_walk_keeps_its_bounds_and_stops_when_told)
{
    struct wf_sorted *rows = put(put(put(NULL, "b", "2"), "a", "1"), "c", "3");
    char story[256] = "";

    CHECK(wf_sorted_walk(rows, weft_text("b"), weft_text("c"), tell, story));
    CHECK_STR(story, "b=2 ");
    CHECK(!wf_sorted_walk(rows, weft_text("aa"), weft_nothing(), stop, story));
    CHECK_STR(story, "b=2 b=2 ");
    wf_sorted_release(rows);
}
