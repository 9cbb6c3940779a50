// SPDX-License-Identifier: Apache-2.0
//
// test_principals.c - the list of who may what: what it says, and each way in
// which it can be wrong.

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "remote/principals.h"
#include "remote/roles.h"
#include "support/test.h"

#define KEY_A "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define KEY_B "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_C "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"

static const char *
path(struct test *t)
{
    static char path[512];

    (void)snprintf(path, sizeof(path), "%s/principals", test_dir(t));
    return path;
}

static weft_err
read_bytes(struct test *t, const char *text, size_t len,
           struct wf_principals **out)
{
    FILE *file = fopen(path(t), "w");

    CHECK(file != NULL);
    CHECK_EQ(fwrite(text, 1, len, file), len);
    CHECK(fclose(file) == 0);
    return wf_principals_read(path(t), out);
}

TEST(principals, keys_namespaces_and_roles_are_read)
{
    static const char text[] = "; who may what\n"
                               "# and how\n"
                               "[billing]\r\n"
                               "key = " KEY_A " ; the old one\n"
                               "key=" KEY_B "\n"
                               "namespaces = shop , returns\n"
                               "    stock\n"
                               "roles = reader\n"
                               "roles = worker\n"
                               "\n"
                               "[ops-1@example.org]\n"
                               "key: " KEY_C "\n"
                               "namespaces = *\n"
                               "roles = admin";
    struct wf_principals *principals;
    const struct wf_principal *one;

    CHECK_OK(read_bytes(t, text, sizeof(text) - 1, &principals));
    CHECK_EQ(wf_principals_count(principals), 2);
    one = wf_principals_find(principals, KEY_A);
    CHECK(one != NULL);
    CHECK_STR(one->name, "billing");
    CHECK(wf_principals_find(principals, KEY_B) == one);
    CHECK_EQ(one->roles, WF_ROLE_READER | WF_ROLE_WORKER);
    CHECK(wf_principal_may_use(one, "shop"));
    CHECK(wf_principal_may_use(one, "returns"));
    CHECK(wf_principal_may_use(one, "stock"));
    CHECK(!wf_principal_may_use(one, "default"));
    CHECK(!wf_principal_may_use(one, "Shop"));
    CHECK(!wf_principal_may_use(one, "shop "));
    CHECK(!wf_principal_may_use(one, ""));
    CHECK_STR(wf_principal_namespace(one), "shop");
    one = wf_principals_find(principals, KEY_C);
    CHECK_STR(one->name, "ops-1@example.org");
    CHECK(wf_principal_may_use(one, "anything"));
    CHECK_STR(wf_principal_namespace(one), "default");
    CHECK(wf_principals_find(principals, "") == NULL);
    CHECK(wf_principals_find(principals, "billing") == NULL);
    wf_principals_destroy(principals);
}

TEST(principals, an_empty_list_lets_nobody_in)
{
    struct wf_principals *principals;

    CHECK_OK(read_bytes(t, "", 0, &principals));
    CHECK_EQ(wf_principals_count(principals), 0);
    CHECK(wf_principals_find(principals, KEY_A) == NULL);
    wf_principals_destroy(principals);
}

#define REST "namespaces = *\nroles = reader\n"

TEST(principals, what_is_wrong_is_named_with_its_line)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"key = " KEY_A "\n", ":1: key is not in a [PRINCIPAL]"},
        {"[a]\nnonsense\n", ":2: the line is neither [PRINCIPAL] nor"},
        {"[a\nkey = " KEY_A "\n", ":1: the line is neither"},
        {"[a]\nkey = short\n" REST, ":2: \"short\" is no key of 40"},
        {"[a]\nkey = " KEY_A "x\n" REST, ":2: \"" KEY_A "x\" is no key"},
        {"[a]\nkey =\n" REST, ":2: \"\" is no key"},
        {"[a]\nkeys = " KEY_A "\n", ":2: \"keys\" is neither key nor"},
        {"[a]\nKey = " KEY_A "\n", ":2: \"Key\" is neither key nor"},
        {"[a]\n" REST "key = " KEY_A "\nkey = " KEY_A "\n",
         ":5: the key is [a]'s already"},
        {"[a]\n" REST "key = " KEY_A "\n[b]\n" REST "key = " KEY_A "\n",
         ":8: the key is [a]'s already"},
        {"[a]\nroles = reader, wrter\n", ":2: \"wrter\" is no role"},
        {"[a]\nroles = Reader\n", ":2: \"Reader\" is no role"},
        {"[a]\nroles = reader writer\n", ":2: \"reader writer\" is no role"},
        {"[a]\nroles = *\n", ":2: \"*\" is no role"},
        {"[a]\nroles =\n", ":2: there is nothing between"},
        {"[a]\nroles = reader,\n", ":2: there is nothing between"},
        {"[a]\nnamespaces = ,\n", ":2: there is nothing between"},
        {"[a]\n" REST, ":2: [a] has no key"},
        {"[a]\nkey = " KEY_A "\nnamespaces = x\n", ":2: [a] has no roles"},
        {"[a]\nkey = " KEY_A "\nroles = admin\n", ":2: [a] has no namespaces"},
        {"[a]\nkey = " KEY_A "\nnamespaces = x, *\nroles = admin\n",
         ":2: [a] has namespaces besides *"},
        {"[a]\nkey = " KEY_A "\n" REST "[b]\nkey = " KEY_B "\n" REST
         "[a]\nroles = admin\n",
         ":10: [a] is there twice, first at line 2"},
        {"[]\nkey = " KEY_A "\n", ":2: key is not in a [PRINCIPAL]"},
        {"[a b]\nkey = " KEY_A "\n", ":2: [a b] is no name"},
        {"[a (root)]\nkey = " KEY_A "\n", ":2: [a (root)] is no name"},
        {"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n"
         "key = " KEY_A "\n",
         ":2: [aaaaaaaaaaaaaaaa"},
        {"[a]\nnamespaces = 01234567890123456789012345678901234567890123456789"
         "01234567890123\n",
         ":2: namespace"},
    };
    struct wf_principals *principals = NULL;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK_ERR(
            read_bytes(t, cases[i].text, strlen(cases[i].text), &principals),
            WEFT_EINVAL);
        if (strstr(weft_err_detail(), cases[i].said) == NULL) {
            CHECK_STR(weft_err_detail(), cases[i].said);
        }
        CHECK(strncmp(weft_err_detail(), path(t), strlen(path(t))) == 0);
    }
    CHECK(principals == NULL);
}

TEST(principals, a_line_that_would_be_cut_is_refused)
{
    char text[600] = "[a]\nnamespaces = ";
    struct wf_principals *principals = NULL;
    size_t len = strlen(text);

    memset(text + len, ' ', 300);
    memcpy(text + len + 300, "x\n", 3);
    CHECK_ERR(read_bytes(t, text, strlen(text), &principals), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), ":2: the line has more than 198 bytes"));
    CHECK_ERR(read_bytes(t, "[a]\nkey = \0\n", 12, &principals), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), ":2: the line has a NUL") != NULL);
    CHECK_ERR(wf_principals_read("/nowhere/at/all", &principals),
              WEFT_ENOTFOUND);
    CHECK_ERR(wf_principals_read(test_dir(t), &principals), WEFT_EIO);
    CHECK(principals == NULL);
}

// Whatever bytes there are, it ends, and leaves nothing behind.
TEST(principals, any_bytes_are_read_or_refused)
{
    static const char sample[] = "[a]\nkey = " KEY_A "\nnamespaces = x, y\n"
                                 "roles = reader, admin\n[b]\nkey = " KEY_B
                                 "\n namespaces = *\nroles = writer\n";
    uint64_t state = 1;

    for (int round = 0; round < 2000; round++) {
        struct wf_principals *principals = NULL;
        char text[sizeof(sample)];

        memcpy(text, sample, sizeof(sample));
        for (int i = 0; i < 3; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            text[(state >> 33) % (sizeof(sample) - 1)] = (char)(state >> 20);
        }
        if (read_bytes(t, text, sizeof(sample) - 1, &principals) == WEFT_OK) {
            wf_principals_destroy(principals);
        }
    }
}
