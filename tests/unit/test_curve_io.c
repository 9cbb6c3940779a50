// SPDX-License-Identifier: Apache-2.0
//
// test_curve_io.c - each call of the system fails while a pair of keys is made:
// it is there, on the disk, or neither of its files is.

#include <string.h>

#include "transport/curve.h"
#include "unit/io_rig.h"

static weft_err
make_pair(const char *dir)
{
    return wf_curve_generate(test_file_in(dir, "key"),
                             test_file_in(dir, "key.pub"));
}

static void
check_pair(const char *dir, weft_err err)
{
    const char *secret = test_file_in(dir, "key");
    const char *public = test_file_in(dir, "key.pub");
    char key[WF_CURVE_KEY_CHARS + 1];
    struct wf_curve_pair pair;

    if (err != WEFT_OK) {
        CHECK(!test_file_exists(secret));
        CHECK(!test_file_exists(public));
        return;
    }
    CHECK(io_rig_file_syncs() >= 2);
    CHECK_OK(wf_curve_read(secret, true, &pair));
    CHECK_OK(wf_curve_read_public(public, key));
    CHECK_STR(key, pair.public_key);
    wf_curve_wipe(&pair);
}

TEST(curve_io, a_pair_is_made_whole_or_not_at_all)
{
    io_rig_do(t, &(struct io_rig_deed){.do_it = make_pair,
                                       .check = check_pair,
                                       .needs_all = true});
}
