// SPDX-License-Identifier: Apache-2.0
//
// test_curve.c - key pairs as files: made once, read as they are, and refused
// with the reason.

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "transport/curve.h"

static const char *
path(struct test *t, const char *name)
{
    static char paths[16][512];
    static unsigned next;
    char *text = paths[next++ % 16];

    (void)snprintf(text, sizeof(paths[0]), "%s/%s", test_dir(t), name);
    return text;
}

static const char *
file(struct test *t, const char *text)
{
    const char *name = path(t, "file");
    FILE *out = fopen(name, "w");

    CHECK(out != NULL);
    CHECK(fputs(text, out) >= 0);
    CHECK(fclose(out) == 0);
    CHECK(chmod(name, 0600) == 0);
    return name;
}

static unsigned
mode_of(const char *name)
{
    struct stat what;

    CHECK(stat(name, &what) == 0);
    return what.st_mode & 0777U;
}

TEST(curve, a_pair_is_made_for_its_owner_and_for_everybody)
{
    const char *secret = path(t, "key");
    const char *public = path(t, "key.pub");
    struct wf_curve_pair pair;
    char key[WF_CURVE_KEY_CHARS + 1];
    char same[WF_CURVE_KEY_CHARS + 1];
    mode_t before = umask(077);

    CHECK_OK(wf_curve_generate(secret, public));
    (void)umask(before);
    CHECK_EQ(mode_of(secret), 0600);
    CHECK_EQ(mode_of(public), 0644);
    CHECK_OK(wf_curve_read_public(public, key));
    CHECK_OK(wf_curve_read_public(secret, same));
    CHECK_STR(same, key);
    CHECK(wf_curve_is_key(key));
    CHECK_OK(wf_curve_read(secret, true, &pair));
    CHECK_STR(pair.public_key, key);
    CHECK(wf_curve_is_key(pair.secret_key));
    CHECK(strcmp(pair.secret_key, key) != 0);
    CHECK_OK(wf_curve_read_public(public, same));
    CHECK_STR(same, key);
    CHECK_OK(wf_curve_read_public(key, same));
    CHECK_STR(same, key);
    wf_curve_wipe(&pair);
}

// Of as many characters as a key, each of which a key may have.
TEST(curve, a_path_that_might_be_a_key_is_a_path)
{
    static const char name[] = "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd";
    char before[PATH_MAX];
    char key[WF_CURVE_KEY_CHARS + 1];

    CHECK(wf_curve_is_key(name));
    CHECK_OK(wf_curve_generate(path(t, "key"), path(t, "key.pub")));
    CHECK_EQ(rename(path(t, "key.pub"), path(t, name)), 0);
    CHECK(getcwd(before, sizeof(before)) != NULL);
    CHECK_EQ(chdir(test_dir(t)), 0);
    CHECK_OK(wf_curve_read_public(name, key));
    CHECK_EQ(chdir(before), 0);
    CHECK(strcmp(key, name) != 0);
}

TEST(curve, nothing_is_overwritten_and_a_pair_is_made_whole)
{
    const char *secret = path(t, "key");
    const char *public = path(t, "key.pub");
    char key[WF_CURVE_KEY_CHARS + 1];
    char same[WF_CURVE_KEY_CHARS + 1];
    struct stat what;

    CHECK_OK(wf_curve_generate(secret, public));
    CHECK_OK(wf_curve_read_public(secret, key));
    CHECK_ERR(wf_curve_generate(secret, path(t, "other")), WEFT_EEXISTS);
    CHECK(strstr(weft_err_detail(), secret) != NULL);
    CHECK_ERR(wf_curve_generate(path(t, "other"), public), WEFT_EEXISTS);
    CHECK(stat(path(t, "other"), &what) != 0);
    CHECK_OK(wf_curve_read_public(secret, same));
    CHECK_STR(same, key);
    CHECK_ERR(wf_curve_generate(path(t, "no/where"), public), WEFT_EIO);
}

#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

TEST(curve, a_file_that_has_no_key_is_refused_with_its_line)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"", "has no key in it"},
        {"# only this\n\n", "has no key in it"},
        {"\nkey\n", ":2: the line is no \"NAME = VALUE\""},
        {"private = " PUBLIC "\n", ":1: \"private\" is neither"},
        {"# a\npublic = short\n", ":2: public is no key of 40"},
        {"secret = " PUBLIC "x\n", ":1: secret is no key of 40"},
        {"public = \"" PUBLIC "\"\n", ":1: public is no key of 40"},
        {"public = " PUBLIC "\npublic = " PUBLIC "\n", ":2: it is the second"},
    };
    struct wf_curve_pair pair;
    char key[WF_CURVE_KEY_CHARS + 1];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_ERR(wf_curve_read_public(file(t, cases[i].text), key),
                  WEFT_EINVAL);
        CHECK(strstr(weft_err_detail(), cases[i].said) != NULL);
        CHECK(strstr(weft_err_detail(), test_dir(t)) != NULL);
    }
    CHECK_OK(wf_curve_read_public(file(t, "  public=" PUBLIC "  \r\n"), key));
    CHECK_STR(key, PUBLIC);
    CHECK_ERR(wf_curve_read(file(t, "public = " PUBLIC), true, &pair),
              WEFT_EINVAL);
    CHECK_ERR(wf_curve_read_public(path(t, "missing"), key), WEFT_ENOTFOUND);
    CHECK_ERR(wf_curve_read_public(test_dir(t), key), WEFT_EINVAL);
}

TEST(curve, a_secret_that_everybody_may_read_is_refused)
{
    const char *secret = path(t, "key");
    struct wf_curve_pair pair;

    CHECK_OK(wf_curve_generate(secret, path(t, "key.pub")));
    CHECK(chmod(secret, 0644) == 0);
    CHECK_ERR(wf_curve_read(secret, true, &pair), WEFT_EDENIED);
    CHECK(strstr(weft_err_detail(), "chmod 600") != NULL);
    CHECK_ERR(wf_curve_read(secret, false, &pair), WEFT_EDENIED);
    wf_curve_wipe(&pair);
    CHECK(chmod(secret, 0640) == 0); // a group may be meant
    CHECK_OK(wf_curve_read(secret, true, &pair));
    wf_curve_wipe(&pair);
}
