// SPDX-License-Identifier: Apache-2.0

#include "base/error.h"

#include <pthread.h>
#include <string.h>

#include "support/test.h"

TEST(error, every_error_has_a_name_a_text_and_a_class)
{
    CHECK_STR(weft_err_name(WEFT_EBUSY), "WEFT_EBUSY");
    CHECK_STR(weft_err_text(WEFT_OK), "success");
    CHECK_STR(weft_err_class(WEFT_EIO), "UNKNOWN");
    CHECK_STR(weft_err_class(WEFT_EUNWIND), "FLOW");
}

TEST(error, unknown_values_have_them_too)
{
    for (int i = -2; i < 100; i++) {
        CHECK(strlen(weft_err_name((weft_err)i)) > 0);
        CHECK(strlen(weft_err_text((weft_err)i)) > 0);
        CHECK(strlen(weft_err_class((weft_err)i)) > 0);
    }
}

TEST(error, the_detail_is_kept_until_cleared)
{
    CHECK_ERR(wf_error(WEFT_EBUSY, "%s holds %d", "store", 3), WEFT_EBUSY);
    CHECK_STR(weft_err_detail(), "store holds 3");
    CHECK_ERR(wf_error(WEFT_EIO, "open: %s", weft_err_detail()), WEFT_EIO);
    CHECK_STR(weft_err_detail(), "open: store holds 3");
    wf_error_clear();
    CHECK_STR(weft_err_detail(), "");
}

TEST(error, a_long_detail_is_cut)
{
    char text[1000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    CHECK_ERR(wf_error(WEFT_EIO, "%s", text), WEFT_EIO);
    CHECK_EQ(strlen(weft_err_detail()), 511);
}

static void *
look(void *ctx)
{
    bool *is_empty = ctx;

    *is_empty = weft_err_detail()[0] == '\0';
    (void)wf_error(WEFT_EIO, "theirs");
    return NULL;
}

TEST(error, each_thread_has_its_own_detail)
{
    bool is_empty = false;
    pthread_t thread;

    (void)wf_error(WEFT_EIO, "mine");
    CHECK_EQ(pthread_create(&thread, NULL, look, &is_empty), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(is_empty);
    CHECK_STR(weft_err_detail(), "mine");
}

static weft_err
open_door(int number)
{
    WF_REQUIRE(number > 0);
    return WEFT_OK;
}

TEST(error, require_names_function_and_condition)
{
    CHECK_OK(open_door(1));
    CHECK_ERR(open_door(0), WEFT_EINVAL);
    CHECK_STR(weft_err_detail(), "open_door: need number > 0");
}
