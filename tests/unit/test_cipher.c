// SPDX-License-Identifier: Apache-2.0
//
// test_cipher.c - sealed payloads: what opens them and what does not. What of
// requests and answers is sealed is in test_cipher_request.c.

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cipher_rig.h"
#include "support/test.h"

static void
keep(void *ctx, weft_bytes bytes)
{
    wf_buf_reset(ctx);
    wf_buf_put(ctx, bytes.data, bytes.len);
}

static void
check_opens(const weft_cipher *cipher, weft_bytes sealed, const char *plain)
{
    struct wf_buf opened = {0};

    CHECK_OK(weft_cipher_unseal(cipher, sealed, keep, &opened));
    CHECK_BYTES(wf_buf_bytes(&opened), weft_text(plain));
    wf_buf_fini(&opened);
}

static void
check_fails(const weft_cipher *cipher, weft_bytes sealed, weft_err err,
            const char *said)
{
    struct wf_buf opened = {0};

    CHECK_ERR(weft_cipher_unseal(cipher, sealed, keep, &opened), err);
    CHECK(strstr(weft_err_detail(), said) != NULL);
    CHECK_EQ(opened.len, 0);
}

TEST(cipher, what_was_sealed_once_opens_for_ever)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);

    check_opens(cipher, weft_bytes_of(rig_golden, RIG_GOLDEN_BYTES),
                rig_golden_plain);
    weft_cipher_close(cipher);
}

TEST(cipher, every_changed_byte_is_noticed)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);
    uint8_t bytes[RIG_GOLDEN_BYTES];

    for (size_t i = 0; i < RIG_GOLDEN_BYTES; i++) {
        struct wf_buf opened = {0};

        memcpy(bytes, rig_golden, RIG_GOLDEN_BYTES);
        bytes[i] ^= 1;
        CHECK(weft_cipher_unseal(cipher, weft_bytes_of(bytes, sizeof(bytes)),
                                 keep, &opened) != WEFT_OK);
        CHECK(weft_cipher_unseal(cipher, weft_bytes_of(rig_golden, i), keep,
                                 &opened) != WEFT_OK ||
              i == 0);
        CHECK_EQ(opened.len, 0);
        wf_buf_fini(&opened);
    }
    weft_cipher_close(cipher);
}

// What there is no memory for is not read either. Sanitizers have limits of
// their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void
seal_too_much(void *ctx)
{
    const weft_cipher *cipher = ctx;
    struct rlimit limit = {.rlim_cur = 1U << 30, .rlim_max = 1U << 30};
    weft_bytes large = weft_bytes_of(rig_golden, 3U << 30);
    struct wf_buf none = {0};

    _exit(setrlimit(RLIMIT_AS, &limit) == 0 &&
                  weft_cipher_seal(cipher, large, keep, &none) == WEFT_ENOMEM &&
                  weft_cipher_unseal(cipher, large, keep, &none) == WEFT_ENOMEM
              ? 0
              : 1);
}

TEST(cipher, what_there_is_no_memory_for_is_refused)
{
    weft_cipher *cipher = rig_open_key(t, RIG_KEY_7);

    CHECK_EQ(test_fork(seal_too_much, cipher), 0);
    weft_cipher_close(cipher);
}
#endif

TEST(cipher, another_key_or_context_and_plain_bytes_do_not_open)
{
    weft_bytes sealed = weft_bytes_of(rig_golden, RIG_GOLDEN_BYTES);
    weft_cipher *other = rig_open_ring(t, "8 = " RIG_KEY_7 "\n", "shop", false);
    weft_cipher *wrong = rig_open_key(t, RIG_KEY_8);
    weft_cipher *elsewhere =
        rig_open_ring(t, "7 = " RIG_KEY_7 "\n", "stock", false);
    weft_cipher *lenient =
        rig_open_ring(t, "7 = " RIG_KEY_7 "\n", "shop", true);

    check_fails(other, sealed, WEFT_EFORMAT, "with key 7");
    check_fails(wrong, sealed, WEFT_ECORRUPT, "was changed, or sealed");
    check_fails(elsewhere, sealed, WEFT_ECORRUPT, "another context");
    check_fails(wrong, weft_text("plain"), WEFT_EFORMAT, "it is not sealed");
    check_opens(wrong, weft_nothing(), "");
    check_opens(lenient, weft_text("plain"), "plain");
    check_opens(lenient, sealed, rig_golden_plain);
    // What looks sealed is no plain text, whoever is lenient.
    elsewhere = (weft_cipher_close(elsewhere),
                 rig_open_ring(t, "7 = " RIG_KEY_8 "\n", "shop", true));
    check_fails(elsewhere, sealed, WEFT_ECORRUPT, "was changed");
    weft_cipher_close(other);
    weft_cipher_close(wrong);
    weft_cipher_close(elsewhere);
    weft_cipher_close(lenient);
}

TEST(cipher, the_first_key_of_a_ring_seals_and_all_open)
{
    weft_cipher *before = rig_open_ring(t, "7 = " RIG_KEY_7 "\n", NULL, false);
    weft_cipher *both =
        rig_open_ring(t, "8 = " RIG_KEY_8 "\n7 = " RIG_KEY_7 "\n", NULL, false);
    weft_cipher *after =
        rig_open_ring(t, "# the old one is gone\n8 = " RIG_KEY_8, NULL, false);
    struct wf_buf sealed = {0};
    struct wf_buf again = {0};

    CHECK_OK(weft_cipher_seal(before, weft_text("x"), keep, &sealed));
    CHECK_EQ(sealed.len, 1 + WEFT_CIPHER_BYTES);
    CHECK_OK(weft_cipher_seal(before, weft_text("x"), keep, &again));
    CHECK(memcmp(sealed.data, again.data, sealed.len) != 0);
    check_opens(both, wf_buf_bytes(&sealed), "x");
    check_fails(after, wf_buf_bytes(&sealed), WEFT_EFORMAT, "with key 7");
    CHECK_OK(weft_cipher_seal(both, weft_text("x"), keep, &sealed));
    check_opens(after, wf_buf_bytes(&sealed), "x");
    check_fails(before, wf_buf_bytes(&sealed), WEFT_EFORMAT, "with key 8");
    CHECK_OK(weft_cipher_seal(both, weft_nothing(), keep, &sealed));
    CHECK_EQ(sealed.len, 0);
    wf_buf_fini(&sealed);
    wf_buf_fini(&again);
    weft_cipher_close(before);
    weft_cipher_close(both);
    weft_cipher_close(after);
}

TEST(cipher, a_ring_that_is_wrong_is_refused_with_its_line)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"", "has no key in it"},
        {"7\n", ":1: the line is no"},
        {"seven = " RIG_KEY_7 "\n", ":1: \"seven\" is no number"},
        {"-1 = " RIG_KEY_7 "\n", ":1: \"-1\" is no number"},
        {"4294967296 = " RIG_KEY_7 "\n", ":1: \"4294967296\" is no number"},
        {"7 = " RIG_KEY_7 "A\n", ":1: key 7 is not 32 bytes"},
        {"7 = \n", ":1: key 7 is not 32 bytes"},
        {"7x = " RIG_KEY_7 "\n", ":1: \"7x\" is no number"},
        {"7 = *AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n",
         ":1: key 7 is not 32 bytes"},
        {"\n7 = " RIG_KEY_7 "\n7 = " RIG_KEY_8 "\n",
         ":3: key 7 is there twice"},
    };
    weft_cipher_options options = WEFT_CIPHER_OPTIONS_INIT;
    weft_cipher *cipher = NULL;
    char path[512];

    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EINVAL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        options.key_file = rig_ring(t, cases[i].text);
        CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EINVAL);
        CHECK(strstr(weft_err_detail(), cases[i].said) != NULL);
    }
    (void)snprintf(path, sizeof(path), "%s/new", test_dir(t));
    options.key_file = path;
    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_ENOTFOUND);
    CHECK_OK(weft_cipher_generate(path));
    CHECK_ERR(weft_cipher_generate(path), WEFT_EEXISTS);
    CHECK_OK(weft_cipher_open(&options, &cipher));
    weft_cipher_close(cipher);
    CHECK(chmod(path, 0604) == 0);
    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EDENIED);
}

TEST(cipher, a_ring_has_up_to_64_keys_and_a_context_255_bytes)
{
    weft_cipher_options options = WEFT_CIPHER_OPTIONS_INIT;
    weft_cipher *cipher = NULL;
    char context[257];
    char text[65 * 64];
    size_t len = 0;

    for (int i = 0; i < 64; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%d = %s\n", i,
                                RIG_KEY_7);
    }
    memset(context, 'c', 256);
    context[256] = '\0';
    options.context = context + 1;
    options.key_file = rig_ring(t, text);
    CHECK_OK(weft_cipher_open(&options, &cipher));
    weft_cipher_close(cipher);
    options.context = context;
    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "context is longer") != NULL);
    options.context = NULL;
    (void)snprintf(text + len, sizeof(text) - len, "64 = %s\n", RIG_KEY_7);
    options.key_file = rig_ring(t, text);
    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), ":65: there are more than 64") != NULL);
    options.struct_size = 1;
    CHECK_ERR(weft_cipher_open(&options, &cipher), WEFT_EINVAL);
}
