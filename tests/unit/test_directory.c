// SPDX-License-Identifier: Apache-2.0
//
// test_directory.c - paths with slashes too many, and without any.

#include "storage/directory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

TEST(directory, is_made_under_a_name_that_ends_in_slashes)
{
    const char *dir = test_dir(t);

    CHECK_OK(wf_directory_make(test_file_in(dir, "new//")));
    CHECK(test_file_exists(test_file_in(dir, "new")));
    CHECK_OK(wf_directory_make(test_file_in(dir, "new//inner///")));
    CHECK(test_file_exists(test_file_in(dir, "new/inner")));
    CHECK_OK(wf_directory_make(test_file_in(dir, "new/inner")));
    CHECK_ERR(wf_directory_make(test_file_in(dir, "none/inner")), WEFT_EIO);
    CHECK(strstr(weft_err_detail(), "none/inner") != NULL);
}

TEST(directory, without_a_slash_is_made_where_the_process_is)
{
    char before[1000];

    CHECK(getcwd(before, sizeof(before)) != NULL);
    CHECK_EQ(chdir(test_dir(t)), 0);
    CHECK_OK(wf_directory_make("new"));
    CHECK_OK(wf_directory_sync_parent("new"));
    CHECK_OK(wf_directory_check_outside(test_dir(t), "/tmp/elsewhere"));
    CHECK_ERR(wf_directory_check_outside(test_dir(t), "to"), WEFT_EINVAL);
    CHECK_ERR(wf_directory_check_outside(".", "to///"), WEFT_EINVAL);
    CHECK_OK(wf_directory_check_outside("new", "to"));
    CHECK_EQ(chdir(before), 0);
    CHECK(test_file_exists(test_file_in(test_dir(t), "new")));
}

TEST(directory, the_root_is_made_and_outside_of_everything)
{
    CHECK_OK(wf_directory_make("/"));
    CHECK_OK(wf_directory_sync_parent("///"));
    CHECK_OK(wf_directory_check_outside(test_dir(t), "/"));
    CHECK_OK(wf_directory_check_outside(test_dir(t), "//"));
    CHECK_ERR(wf_directory_check_outside("/", test_dir(t)), WEFT_EINVAL);
}

TEST(directory, whether_a_place_is_outside_is_asked_of_what_is_above_it)
{
    const char *dir = test_dir(t);

    CHECK_OK(wf_directory_make(test_file_in(dir, "from")));
    CHECK_ERR(wf_directory_check_outside(test_file_in(dir, "from"),
                                         test_file_in(dir, "from/to")),
              WEFT_EINVAL);
    CHECK_OK(wf_directory_check_outside(test_file_in(dir, "from"),
                                        test_file_in(dir, "to")));
    CHECK_ERR(wf_directory_check_outside(test_file_in(dir, "from"),
                                         test_file_in(dir, "no/to")),
              WEFT_ENOTFOUND);
    CHECK_ERR(wf_directory_check_outside(test_file_in(dir, "none"),
                                         test_file_in(dir, "to")),
              WEFT_EIO);
    CHECK_OK(wf_directory_check_absent(test_file_in(dir, "to")));
    CHECK_ERR(wf_directory_check_absent(test_file_in(dir, "from")),
              WEFT_EEXISTS);
}

// Who may not look into the directory above need not sync it.
static void
make_below(void *ctx)
{
    // As root nothing is kept from us.
    if (chdir(ctx) != 0 || setuid(65534) != 0) {
        _exit(2);
    }
    _exit(wf_directory_make("closed/inner") == WEFT_OK ? 0 : 1);
}

TEST(directory, below_one_that_cannot_be_read_was_made_by_somebody_else)
{
    char dir[1000];

    snprintf(dir, sizeof(dir), "%s", test_dir(t));
    CHECK_OK(wf_directory_make(test_file_in(dir, "closed")));
    CHECK_OK(wf_directory_make(test_file_in(dir, "closed/inner")));
    CHECK_EQ(chmod(dir, 0755), 0);
    CHECK_EQ(chmod(test_file_in(dir, "closed"), 0111), 0);
    if (geteuid() == 0) {
        CHECK_EQ(test_fork(make_below, dir), 0);
    } else {
        CHECK_OK(wf_directory_make(test_file_in(dir, "closed/inner")));
    }
    CHECK_EQ(chmod(test_file_in(dir, "closed"), 0755), 0);
}
