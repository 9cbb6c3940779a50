// SPDX-License-Identifier: Apache-2.0
//
// test_access.c - who is let in and what they may, while the list changes.

#include <stdio.h>
#include <string.h>

#include "remote/access.h"
#include "support/test.h"
#include "transport/curve.h"
#include "transport/socket.h"

enum { WAIT_MS = 60000, STEP_MS = 10 };

struct rig {
    struct wf_access *access;
    struct wf_curve_pair server, alice, bob;
    char dir[400];
    char key_file[512];
    char list_file[512];
    char lines[4096]; // of the account
    size_t count;     // of those, ever
    uint64_t now_ms;
};

static struct wf_curve_pair
make_pair(const struct rig *rig, const char *name)
{
    struct wf_curve_pair pair;
    char secret[512];
    char public[520];

    (void)snprintf(secret, sizeof(secret), "%s/%s", rig->dir, name);
    (void)snprintf(public, sizeof(public), "%s.pub", secret);
    CHECK_OK(wf_curve_generate(secret, public));
    CHECK_OK(wf_curve_read(secret, true, &pair));
    return pair;
}

static void
audit(void *ctx, const char *line)
{
    struct rig *rig = ctx;
    size_t len = strlen(rig->lines);

    rig->count++;
    CHECK(len + strlen(line) + 2 < sizeof(rig->lines));
    (void)snprintf(rig->lines + len, sizeof(rig->lines) - len, "%s\n", line);
}

// The newest lines of the account hold this.
static void
check_audit(struct rig *rig, const char *part)
{
    if (strstr(rig->lines, part) == NULL) {
        CHECK_STR(rig->lines, part);
    }
    rig->lines[0] = '\0';
}

static uint64_t
wall_ms(void *self)
{
    return ((const struct rig *)self)->now_ms;
}

static void
write_list(const struct rig *rig, const char *alice, const char *bob)
{
    FILE *file = fopen(rig->list_file, "w");

    CHECK(file != NULL);
    if (alice != NULL) {
        CHECK(fprintf(file, "[alice]\nkey = %s\n%s\n", rig->alice.public_key,
                      alice) > 0);
    }
    if (bob != NULL) {
        CHECK(fprintf(file, "[bob]\nkey = %s\n%s\n", rig->bob.public_key, bob) >
              0);
    }
    CHECK(fclose(file) == 0);
}

#define SHOP_WRITER "namespaces = shop, stock\nroles = writer"

static void
rig_open(struct test *t, struct rig *rig)
{
    struct wf_access_options options = {
        .server_key_file = rig->key_file,
        .principals_file = rig->list_file,
        .audit = audit,
        .audit_ctx = rig,
        .clock = {.self = rig, .wall_ms = wall_ms},
    };

    *rig = (struct rig){.now_ms = 1000};
    (void)snprintf(rig->dir, sizeof(rig->dir), "%s", test_dir(t));
    (void)snprintf(rig->key_file, sizeof(rig->key_file), "%s/server", rig->dir);
    (void)snprintf(rig->list_file, sizeof(rig->list_file), "%s/list", rig->dir);
    rig->server = make_pair(rig, "server");
    rig->alice = make_pair(rig, "alice");
    rig->bob = make_pair(rig, "bob");
    write_list(rig, SHOP_WRITER, SHOP_WRITER);
    CHECK_OK(wf_access_create(&options, &rig->access));
}

static weft_err
check(struct rig *rig, const char *user, const struct wf_access_guest *guest,
      const char *verb)
{
    return wf_access_check(rig->access, user, guest,
                           &(struct wf_access_request){
                               .verb = weft_text(verb),
                               .kind = "order",
                               .id = "17",
                           });
}

TEST(access, the_namespace_is_of_the_connection_and_of_its_key)
{
    static const char *const escapes[] = {"default", "Shop",       "shop2",
                                          "*",       "shop,stock", "sho"};
    struct rig rig;
    struct wf_access_guest guest;
    char same[WF_CURVE_KEY_CHARS + 1];

    rig_open(t, &rig);
    memcpy(same, rig.alice.public_key, sizeof(same));
    CHECK_OK(wf_access_hello(rig.access, same, NULL, "a label", &guest));
    CHECK_STR(guest.principal, "alice");
    CHECK_STR(guest.name_space, "shop");
    CHECK_EQ(guest.roles, WF_ROLE_WRITER);
    check_audit(&rig, "{\"time_ms\":1000,\"event\":\"hello\",\"principal\":"
                      "\"alice\",\"key\":\"");
    CHECK_OK(wf_access_hello(rig.access, same, "stock", NULL, &guest));
    CHECK_STR(guest.name_space, "stock");
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        rig.lines[0] = '\0';
        CHECK_ERR(wf_access_hello(rig.access, same, escapes[i], NULL, &guest),
                  WEFT_EDENIED);
        CHECK(strstr(weft_err_detail(), "has not the namespace") != NULL);
        check_audit(&rig, "\"result\":\"WEFT_EDENIED\"");
    }
    CHECK_ERR(wf_access_hello(rig.access, same, "", NULL, &guest), WEFT_EINVAL);
    // libzmq lets in who is asked about, and nobody else; even so.
    CHECK_ERR(wf_access_hello(rig.access, "", "shop", NULL, &guest),
              WEFT_EDENIED);
    wf_access_destroy(rig.access);
}

TEST(access, what_takes_another_role_is_denied_and_says_which)
{
    struct rig rig;
    struct wf_access_guest guest;
    const char *user = rig.alice.public_key;

    rig_open(t, &rig);
    CHECK_OK(wf_access_hello(rig.access, user, NULL, NULL, &guest));
    CHECK_OK(check(&rig, user, &guest, "signal"));
    CHECK_OK(check(&rig, user, &guest, "list"));
    rig.lines[0] = '\0';
    CHECK_ERR(check(&rig, user, &guest, "pause"), WEFT_EDENIED);
    CHECK_STR(weft_err_detail(),
              "pause of order needs the role operator; alice has writer");
    check_audit(&rig,
                "{\"time_ms\":1000,\"event\":\"denied\",\"principal\":"
                "\"alice\",\"namespace\":\"shop\",\"verb\":\"pause\",\"kind\":"
                "\"order\",\"id\":\"17\",\"result\":\"WEFT_EDENIED\",\"text\":"
                "\"pause of order needs the role operator; alice has "
                "writer\"}\n");
    CHECK_EQ(wf_access_denied(rig.access), 1);
    // Somebody else's word for it is not taken: the key decides.
    CHECK_ERR(check(&rig, rig.bob.public_key, &guest, "signal"), WEFT_EDENIED);
    CHECK_ERR(check(&rig, "", &guest, "signal"), WEFT_EDENIED);
    // What queues are told decides who gets which task.
    CHECK_ERR(wf_access_check(rig.access, user, &guest,
                              &(struct wf_access_request){
                                  .verb = weft_text("signal"),
                                  .kind = "task_queue",
                                  .id = "q",
                              }),
              WEFT_EDENIED);
    wf_access_destroy(rig.access);
}

static void
reload(struct rig *rig)
{
    CHECK_OK(wf_access_reload(rig->access));
    CHECK(wf_access_step(rig->access));
    CHECK(!wf_access_step(rig->access));
}

TEST(access, a_peer_fills_no_account)
{
    struct rig rig;
    struct wf_access_guest guest;

    rig_open(t, &rig);
    CHECK_OK(
        wf_access_hello(rig.access, rig.alice.public_key, NULL, NULL, &guest));
    for (int i = 0; i < 5000; i++) {
        rig.lines[0] = '\0';
        CHECK_ERR(check(&rig, rig.alice.public_key, &guest, "pause"),
                  WEFT_EDENIED);
    }
    CHECK_EQ(rig.count, 1000);
    CHECK_EQ(wf_access_denied(rig.access), 5000);
    CHECK_OK(wf_access_reload(rig.access)); // is no peer's doing
    check_audit(&rig, "\"event\":\"reload\"");
    rig.now_ms = 2000;
    CHECK_ERR(check(&rig, rig.alice.public_key, &guest, "pause"), WEFT_EDENIED);
    check_audit(&rig, "{\"time_ms\":2000,\"event\":\"left_out\",\"text\":"
                      "\"4001 lines\"}");
    wf_access_destroy(rig.access);
}

TEST(access, a_changed_list_holds_from_the_next_message)
{
    struct rig rig;
    struct wf_access_guest guest;
    const char *user = rig.alice.public_key;

    rig_open(t, &rig);
    CHECK_OK(wf_access_hello(rig.access, user, "stock", NULL, &guest));
    CHECK_ERR(check(&rig, user, &guest, "pause"), WEFT_EDENIED);
    write_list(&rig, "namespaces = stock\nroles = operator", SHOP_WRITER);
    CHECK_ERR(check(&rig, user, &guest, "pause"), WEFT_EDENIED);
    reload(&rig);
    CHECK_OK(check(&rig, user, &guest, "pause"));
    CHECK(wf_access_stays(rig.access, user, &guest));

    write_list(&rig, "namespaces = *\nroles = reader", SHOP_WRITER);
    reload(&rig);
    CHECK(wf_access_stays(rig.access, user, &guest));
    CHECK_ERR(check(&rig, user, &guest, "signal"), WEFT_EDENIED);
    CHECK_OK(check(&rig, user, &guest, "query"));

    write_list(&rig, "namespaces = shop\nroles = admin", SHOP_WRITER);
    reload(&rig);
    CHECK(!wf_access_stays(rig.access, user, &guest));
    check_audit(&rig, "\"event\":\"revoked\",\"principal\":\"alice\"");
    CHECK_ERR(check(&rig, user, &guest, "query"), WEFT_EDENIED);

    write_list(&rig, NULL, SHOP_WRITER);
    reload(&rig);
    CHECK(!wf_access_stays(rig.access, user, &guest));
    CHECK_ERR(wf_access_hello(rig.access, user, NULL, NULL, &guest),
              WEFT_EDENIED);
    wf_access_destroy(rig.access);
}

// A key that is another principal's now is not whom its session belongs to.
TEST(access, a_key_that_changes_hands_leaves_its_session)
{
    struct rig rig;
    struct wf_access_guest guest;

    rig_open(t, &rig);
    CHECK_OK(
        wf_access_hello(rig.access, rig.alice.public_key, NULL, NULL, &guest));
    rig.bob = rig.alice;
    write_list(&rig, NULL, SHOP_WRITER);
    reload(&rig);
    CHECK(!wf_access_stays(rig.access, rig.alice.public_key, &guest));
    CHECK_ERR(check(&rig, rig.alice.public_key, &guest, "query"), WEFT_EDENIED);
    wf_access_destroy(rig.access);
}

TEST(access, a_list_that_cannot_be_read_changes_nothing)
{
    struct rig rig;
    struct wf_access_guest guest;
    const char *user = rig.alice.public_key;

    rig_open(t, &rig);
    CHECK_OK(wf_access_hello(rig.access, user, NULL, NULL, &guest));
    write_list(&rig, "namespaces = shop\nroles = king", NULL);
    CHECK_ERR(wf_access_reload(rig.access), WEFT_EINVAL);
    check_audit(&rig, "\"event\":\"reload\",\"result\":\"WEFT_EINVAL\"");
    CHECK(!wf_access_step(rig.access));
    CHECK_OK(check(&rig, user, &guest, "signal"));
    // Read twice before it is taken over: the newer one holds.
    write_list(&rig, NULL, SHOP_WRITER);
    CHECK_OK(wf_access_reload(rig.access));
    write_list(&rig, SHOP_WRITER, NULL);
    CHECK_OK(wf_access_reload(rig.access));
    CHECK(wf_access_step(rig.access));
    CHECK_OK(check(&rig, user, &guest, "signal"));
    CHECK_OK(wf_access_reload(rig.access)); // and one that nobody takes over
    wf_access_destroy(rig.access);
}

TEST(access, the_same_client_of_another_principal_is_another_one)
{
    static const struct wf_access_guest alice = {.principal = "alice"};
    static const struct wf_access_guest bob = {.principal = "bob"};
    static const struct wf_access_guest nobody = {.principal = ""};
    // Cut elsewhere, the bytes behind each other are the same.
    static const struct wf_access_guest alicex = {.principal = "alicex"};
    static const uint8_t golden[16] = {0x85, 0xf2, 0x9f, 0xc2, 0xd9, 0xb8,
                                       0x38, 0x24, 0x44, 0x69, 0xbd, 0x63,
                                       0x13, 0xce, 0xa1, 0xc7};
    uint8_t client[16] = "xbcdefghijklmnop";
    uint8_t shifted[16] = "bcdefghijklmnop";
    uint8_t ids[5][16];

    wf_access_client_id(&alice, client, ids[0]);
    wf_access_client_id(&bob, client, ids[1]);
    wf_access_client_id(&nobody, client, ids[2]);
    wf_access_client_id(&alicex, shifted, ids[3]);
    wf_access_client_id(&alice, client, ids[4]);
    CHECK(memcmp(ids[0], ids[4], 16) == 0);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < i; j++) {
            CHECK(memcmp(ids[i], ids[j], 16) != 0);
        }
    }
    CHECK(memcmp(ids[2], client, 16) == 0);
    // BLAKE2b of a length, the name and the client. Nodes of later versions
    // must know clients again.
    CHECK_BYTES(weft_bytes_of(ids[0], 16), weft_bytes_of(golden, 16));
}

TEST(access, who_did_it_is_the_principal_whatever_the_client_says)
{
    static const struct wf_access_guest alice = {.principal = "alice"};
    static const struct wf_access_guest nobody = {.principal = ""};
    char who[WF_NAME_BYTES_MAX + 1];
    char said[WF_NAME_BYTES_MAX + 1];

    wf_access_who(&alice, "root", who);
    CHECK_STR(who, "alice (root)");
    wf_access_who(&alice, "", who);
    CHECK_STR(who, "alice");
    wf_access_who(&nobody, "root", who);
    CHECK_STR(who, "root");
    memset(said, 'x', sizeof(said) - 1);
    said[sizeof(said) - 1] = '\0';
    wf_access_who(&alice, said, who);
    CHECK_EQ(strlen(who), WF_NAME_BYTES_MAX);
    CHECK(strncmp(who, "alice (xxx", 10) == 0);
    CHECK(who[WF_NAME_BYTES_MAX - 1] == ')');
}

// What a client says of itself is cut between two characters.
TEST(access, who_did_it_is_text_however_long_it_is)
{
    static const struct wf_access_guest alice = {.principal = "alice"};
    char who[WF_NAME_BYTES_MAX + 1];
    char said[WF_NAME_BYTES_MAX + 2];

    for (size_t shift = 0; shift < 2; shift++) {
        memset(said, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof(said); i += 2) {
            memcpy(said + i, "\xc3\xa4", 2);
        }
        said[sizeof(said) - 2 + (shift + 1) % 2] = '\0';
        wf_access_who(&alice, said, who);
        CHECK(strlen(who) >= WF_NAME_BYTES_MAX - 1);
        CHECK(who[strlen(who) - 1] == ')');
        CHECK((uint8_t)who[strlen(who) - 2] == 0xa4); // not half of one
    }
}

// What operators and administrators do is written down when it was done.
TEST(access, what_takes_a_high_role_is_accounted_for)
{
    static const struct {
        const char *verb;
        bool is_accounted;
    } cases[] = {{"describe", false}, {"signal", false}, {"poll", false},
                 {"pause", true},     {"export", true},  {"import", true}};
    struct wf_access_guest guest;
    struct rig rig;

    rig_open(t, &rig);
    CHECK_OK(
        wf_access_hello(rig.access, rig.alice.public_key, NULL, NULL, &guest));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wf_access_request request = {
            .verb = weft_text(cases[i].verb), .kind = "order", .id = "17"};

        rig.lines[0] = '\0';
        wf_access_record_end(
            rig.access, wf_access_record_begin(rig.access, &guest, &request),
            WEFT_OK);
        CHECK_EQ(strstr(rig.lines, "\"event\":\"done\"") != NULL,
                 cases[i].is_accounted);
    }
    wf_access_destroy(rig.access);
}

TEST(access, without_keys_everybody_may_everything)
{
    struct wf_access_options options = {.clock = {.wall_ms = wall_ms}};
    struct wf_access_guest guest;
    struct rig rig = {0};

    CHECK_OK(wf_access_create(&options, &rig.access));
    CHECK(wf_access_secret_key(rig.access) == NULL);
    CHECK_EQ(wf_access_fd(rig.access), -1);
    CHECK(!wf_access_step(rig.access));
    CHECK_OK(wf_access_reload(rig.access));
    CHECK_OK(wf_access_hello(rig.access, "", NULL, NULL, &guest));
    CHECK_STR(guest.principal, "");
    CHECK_STR(guest.name_space, "default");
    CHECK_EQ(guest.roles, WF_ROLES_ALL);
    CHECK_OK(check(&rig, "", &guest, "import"));
    CHECK(wf_access_stays(rig.access, "", &guest));
    wf_access_destroy(rig.access);
    options.principals_file = "list";
    CHECK_ERR(wf_access_create(&options, &rig.access), WEFT_EINVAL);
}

// Over loopback. --------------------------------------------------------------

static bool
event(struct rig *rig, struct wf_socket *router, struct wf_socket *dealer,
      enum wf_socket_event_type type)
{
    int fd = wf_access_fd(rig->access);
    struct wf_socket_event event;

    for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
        while (wf_socket_event(dealer, &event)) {
            if (event.type == type) {
                return true;
            }
        }
        wf_socket_wait(router, &fd, 1, STEP_MS);
        (void)wf_access_step(rig->access);
        while (wf_socket_event(router, &event)) {
        }
    }
    return false;
}

static struct wf_socket *
knock(struct wf_context *context, const struct rig *rig, const char *endpoint)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_DEALER,
        .secret_key = rig->alice.secret_key,
        .public_key = rig->alice.public_key,
        .server_key = rig->server.public_key,
    };
    struct wf_socket *dealer;

    CHECK_OK(wf_socket_create(context, &options, &dealer));
    CHECK_OK(wf_socket_connect(dealer, endpoint));
    return dealer;
}

TEST(access, a_removed_key_is_not_let_in_again)
{
    struct wf_context *context = wf_context_create();
    struct wf_socket_options options = {.type = WF_SOCKET_ROUTER};
    char endpoint[WF_ENDPOINT_BYTES_MAX + 1];
    struct wf_socket *router;
    struct wf_socket *dealer;
    struct rig rig;

    rig_open(t, &rig);
    CHECK_OK(wf_access_open_door(rig.access, context));
    options.secret_key = wf_access_secret_key(rig.access);
    CHECK_OK(wf_socket_create(context, &options, &router));
    CHECK_OK(wf_socket_bind(router, "tcp://127.0.0.1:*", endpoint));
    dealer = knock(context, &rig, endpoint);
    CHECK(event(&rig, router, dealer, WF_SOCKET_CONNECTED));
    wf_socket_destroy(dealer);
    CHECK_EQ(wf_access_refused(rig.access), 0);

    write_list(&rig, NULL, SHOP_WRITER);
    reload(&rig);
    dealer = knock(context, &rig, endpoint);
    CHECK(event(&rig, router, dealer, WF_SOCKET_REFUSED));
    CHECK_EQ(wf_access_refused(rig.access), 1);
    check_audit(&rig, "\"address\":\"127.0.0.1\"}");
    wf_socket_destroy(dealer);
    wf_socket_destroy(router);
    wf_access_destroy(rig.access);
    wf_context_destroy(context);
}
