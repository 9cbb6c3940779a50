// SPDX-License-Identifier: Apache-2.0
//
// test_gateway_keys.c - a server with keys: who is let in, as whom, and what
// becomes of that when the list changes.

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/key.h"
#include "remote/codec.h"
#include "remote/codec_batch.h"
#include "runtime/request.h"
#include "support/counter.h"
#include "transport/curve.h"
#include "unit/gateway_rig.h"
#include "weft/connect.h"
#include "weft/inspect.h"
#include "weft/keys.h"
#include "weft/operate.h"

struct house {
    struct gateway_rig rig;
    char dir[400];
    char server_key[512];
    char list[512];
    struct wf_curve_pair server, alice, bob, eve;
    pthread_mutex_t lock;
    char lines[8192]; // of the account
};

static struct wf_curve_pair
make_pair(const struct house *house, const char *name)
{
    struct wf_curve_pair pair;
    char secret[512];
    char public[520];

    (void)snprintf(secret, sizeof(secret), "%s/%s", house->dir, name);
    (void)snprintf(public, sizeof(public), "%s.pub", secret);
    CHECK_OK(weft_keys_generate(secret, public));
    CHECK_OK(wf_curve_read(secret, true, &pair));
    return pair;
}

static void
write_list(const struct house *house, const char *alice, const char *bob)
{
    FILE *file = fopen(house->list, "w");

    CHECK(file != NULL);
    if (alice != NULL) {
        CHECK(fprintf(file, "[alice]\nkey = %s\nnamespaces = %s\n",
                      house->alice.public_key, alice) > 0);
    }
    if (bob != NULL) {
        CHECK(fprintf(file, "[bob]\nkey = %s\nnamespaces = %s\n",
                      house->bob.public_key, bob) > 0);
    }
    CHECK(fclose(file) == 0);
}

static void
audit(void *ctx, const char *line)
{
    struct house *house = ctx;
    size_t len;

    (void)pthread_mutex_lock(&house->lock);
    len = strlen(house->lines);
    (void)snprintf(house->lines + len, sizeof(house->lines) - len, "%s\n",
                   line);
    (void)pthread_mutex_unlock(&house->lock);
}

static bool
is_accounted(struct house *house, const char *part)
{
    bool is_there;

    (void)pthread_mutex_lock(&house->lock);
    is_there = strstr(house->lines, part) != NULL;
    (void)pthread_mutex_unlock(&house->lock);
    return is_there;
}

static void
check_audit(struct house *house, const char *part)
{
    for (int i = 0; i < 12000 && !is_accounted(house, part); i++) {
        gateway_rig_pause();
    }
    if (!is_accounted(house, part)) {
        CHECK_STR(house->lines, part);
    }
}

#define WRITER "default, shop\nroles = writer"

static void
house_open(struct test *t, struct house *house)
{
    *house = (struct house){.rig = gateway_rig_begin(t)};
    (void)pthread_mutex_init(&house->lock, NULL);
    (void)snprintf(house->dir, sizeof(house->dir), "%s", test_dir(t));
    (void)snprintf(house->server_key, 512, "%s/server", house->dir);
    (void)snprintf(house->list, sizeof(house->list), "%s/list", house->dir);
    house->server = make_pair(house, "server");
    house->alice = make_pair(house, "alice");
    house->bob = make_pair(house, "bob");
    house->eve = make_pair(house, "eve");
    write_list(house, WRITER, WRITER);
    house->rig.options.server_key_file = house->server_key;
    house->rig.options.principals_file = house->list;
    house->rig.options.audit = audit;
    house->rig.options.audit_ctx = house;
    gateway_rig_open(&house->rig);
}

static void
house_close(struct house *house)
{
    gateway_rig_close(&house->rig);
    gateway_rig_end(&house->rig);
    (void)pthread_mutex_destroy(&house->lock);
}

static void
knock(struct dealer *dealer, struct house *house,
      const struct wf_curve_pair *pair)
{
    struct wf_socket_options options = {
        .type = WF_SOCKET_DEALER,
        .secret_key = pair->secret_key,
        .public_key = pair->public_key,
        .server_key = house->server.public_key,
    };

    *dealer = (struct dealer){0};
    CHECK_OK(wf_socket_create(house->rig.context, &options, &dealer->socket));
    CHECK_OK(wf_socket_connect(dealer->socket,
                               weft_server_endpoint(house->rig.server, 0)));
}

TEST(gateway_keys, who_is_in_the_list_is_served_in_its_namespaces_and_roles)
{
    struct dealer dealer;
    struct house house;

    house_open(t, &house);
    knock(&dealer, &house, &house.alice);
    dealer_hello_in(&dealer, 1, "secrets");
    CHECK_HEARS(&dealer, "error 0 code=WEFT_EDENIED class=CALLER "
                         "text=alice has not the namespace secrets");
    dealer_say(&dealer, "signal", 1, "counter", "a", "add");
    CHECK_HEARS_LIKE(&dealer, "bye 0 code=hello");
    dealer_hello_in(&dealer, 1, "shop");
    CHECK_HEARS_LIKE(&dealer, "ok 0 version=1 server=weft 0.1.0 namespace=shop "
                              "principal=alice roles={} ");
    dealer_say(&dealer, "signal", 1, "counter", "a", "add");
    CHECK_HEARS(&dealer, "ok 1");
    dealer_say(&dealer, "pause", 2, "counter", "a", NULL);
    CHECK_HEARS(&dealer,
                "error 2 code=WEFT_EDENIED class=CALLER text=pause of counter "
                "needs the role operator; alice has writer");
    check_audit(&house, "\"event\":\"hello\",\"principal\":\"alice\"");
    check_audit(&house, "\"event\":\"denied\",\"principal\":\"alice\","
                        "\"namespace\":\"shop\",\"verb\":\"pause\"");
    // It was another namespace's counter.
    dealer_close(&dealer);
    CHECK_OK(counter_add(house.rig.node.client, "a"));
    CHECK_EQ(node_rig_number(house.rig.node.client, "a"), 1);
    CHECK_EQ(gateway_rig_stats(&house.rig).denied, 2);
    house_close(&house);
}

// Nothing in a token is secret.
TEST(gateway_keys, a_token_of_another_namespace_is_none)
{
    static const char *const verbs[] = {"complete", "fail",        "heartbeat",
                                        "lease",    "lease_renew", "release",
                                        "defer"};
    struct wf_token attempt = {.run = 1, .command = 1};
    char token[WEFT_TOKEN_CHARS_MAX];
    struct dealer dealer;
    struct house house;
    struct wf_key key;

    house_open(t, &house);
    write_list(&house, "shop\nroles = worker", NULL);
    CHECK_OK(weft_server_reload(house.rig.server, NULL));
    CHECK_OK(wf_key_make("default", "counter", "a", &key));
    wf_token_encode(&key, &attempt, token);
    wf_key_fini(&key);
    knock(&dealer, &house, &house.alice);
    dealer_hello(&dealer, 1);
    CHECK_HEARS_LIKE(&dealer, "ok 0");
    for (uint64_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        struct wf_wire_writer *writer = dealer_begin(&dealer, verbs[i], i + 1);
        char expected[128];

        wf_wire_put_text(writer, "token", token);
        if (strcmp(verbs[i], "fail") == 0) {
            wf_wire_put_text(writer, "error_name", "e");
        }
        dealer_end(&dealer);
        (void)snprintf(expected, sizeof(expected),
                       "error %d code=WEFT_EINVAL class=CALLER text=the token "
                       "is of another namespace",
                       (int)i + 1);
        CHECK_HEARS(&dealer, expected);
    }
    dealer_close(&dealer);
    house_close(&house);
}

TEST(gateway_keys, who_is_removed_is_cut_off_and_not_let_in_again)
{
    struct wf_socket_event event = {.type = WF_SOCKET_LISTENING};
    struct dealer alice;
    struct dealer bob;
    struct house house;

    house_open(t, &house);
    knock(&alice, &house, &house.alice);
    knock(&bob, &house, &house.bob);
    dealer_hello(&alice, 1);
    CHECK_HEARS_LIKE(&alice, "ok 0");
    dealer_hello(&bob, 2);
    CHECK_HEARS_LIKE(&bob, "ok 0");

    write_list(&house, NULL, "default\nroles = operator");
    CHECK_OK(weft_server_reload(house.rig.server, NULL));
    CHECK_HEARS(&alice, "bye 0 code=revoked text=the key is no longer allowed "
                        "here");
    dealer_say(&bob, "start", 1, "counter", "b", NULL); // was writer
    CHECK_HEARS(&bob, "ok 1 is_created=true");
    dealer_say(&bob, "pause", 2, "counter", "b", NULL); // is operator
    CHECK_HEARS(&bob, "ok 2");
    check_audit(&house, "\"event\":\"done\",\"principal\":\"bob\","
                        "\"namespace\":\"default\",\"verb\":\"pause\","
                        "\"kind\":\"counter\",\"id\":\"b\","
                        "\"result\":\"WEFT_OK\"");
    check_audit(&house, "\"event\":\"revoked\",\"principal\":\"alice\"");
    for (int i = 0; i < 12000 && event.type != WF_SOCKET_REFUSED; i++) {
        if (!wf_socket_event(alice.socket, &event)) {
            gateway_rig_pause();
        }
    }
    CHECK_EQ(event.type, WF_SOCKET_REFUSED); // it came again by itself
    CHECK_EQ(gateway_rig_stats(&house.rig).revoked, 1);
    CHECK(gateway_rig_stats(&house.rig).keys_refused > 0);
    write_list(&house, "default\nroles = king", NULL);
    CHECK_ERR(weft_server_reload(house.rig.server, NULL), WEFT_EINVAL);
    dealer_say(&bob, "resume", 3, "counter", "b", NULL);
    CHECK_HEARS(&bob, "ok 3");
    dealer_close(&alice);
    dealer_close(&bob);
    house_close(&house);
}

// Who knows another's client id and numbers gets nothing by that.
TEST(gateway_keys, the_same_client_id_of_another_key_is_another_client)
{
    struct dealer alice;
    struct dealer bob;
    struct house house;

    house_open(t, &house);
    knock(&alice, &house, &house.alice);
    knock(&bob, &house, &house.bob);
    dealer_hello(&alice, 7);
    CHECK_HEARS_LIKE(&alice, "ok 0");
    dealer_say(&alice, "start", 1, "counter", "a", NULL);
    CHECK_HEARS(&alice, "ok 1 is_created=true");
    dealer_hello(&bob, 7);
    CHECK_HEARS_LIKE(&bob, "ok 0");
    dealer_say(&bob, "start", 1, "counter", "a", NULL);
    CHECK_HEARS_LIKE(&bob, "error 1 code=WEFT_EEXISTS");
    dealer_say(&alice, "start", 1, "counter", "a", NULL); // its own answer
    CHECK_HEARS(&alice, "ok 1 is_created=true");
    CHECK_EQ(gateway_rig_stats(&house.rig).replaced, 0);
    CHECK_EQ(gateway_rig_stats(&house.rig).sessions, 2);
    dealer_close(&alice);
    dealer_close(&bob);
    house_close(&house);
}

// The client of weft/connect.h. -----------------------------------------------

static weft_err
connect_as(struct house *house, const char *name, const char *server_key,
           weft_client **out_client)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    const char *endpoint = weft_server_endpoint(house->rig.server, 0);
    char key_file[512];

    (void)snprintf(key_file, sizeof(key_file), "%s/%s", house->dir, name);
    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    options.key_file = name[0] == '\0' ? NULL : key_file;
    options.server_key = name[0] == '\0' ? NULL : server_key;
    options.timeout_ms = 30000;
    options.wait_for_node = 1;
    return weft_client_connect(&options, out_client);
}

TEST(gateway_keys, the_c_client_is_known_by_its_key_file)
{
    char public_file[520];
    weft_client *client = NULL;
    weft_operator by = {.who = "root", .why = "tests"};
    struct house house;

    house_open(t, &house);
    (void)snprintf(public_file, sizeof(public_file), "%s.pub",
                   house.server_key);
    CHECK_OK(connect_as(&house, "alice", public_file, &client));
    CHECK_OK(counter_add(client, "a"));
    CHECK_ERR(weft_client_pause(client, (weft_target){"counter", "a"}),
              WEFT_EDENIED);
    write_list(&house, "default\nroles = operator", NULL);
    CHECK_OK(weft_server_reload(house.rig.server, NULL));
    CHECK_OK(weft_operate_pause(client, (weft_target){"counter", "a"}, &by));
    check_audit(&house, "\"who\":\"root\",\"why\":\"tests\","
                        "\"result\":\"WEFT_OK\"");
    weft_client_close(client);
    house_close(&house);
}

static int
check_operations(void *ctx, const weft_inspect_actor *actor)
{
    (*(int *)ctx)++;
    CHECK_EQ(actor->operations_count, 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK_STR(actor->operations[i].who, "alice (root)");
        CHECK_STR(actor->operations[i].why, "tests");
    }
    return 0;
}

// Whatever it says: one by one, and many at a time.
TEST(gateway_keys, what_is_done_is_kept_as_done_by_the_principal)
{
    const weft_operator by = {.who = "root", .why = "tests"};
    weft_inspect_options options = WEFT_INSPECT_OPTIONS_INIT;
    struct wf_codec_batch batch = {.options = WEFT_BATCH_OPTIONS_INIT};
    weft_request request = WEFT_REQUEST_INIT;
    weft_inspect *inspect = NULL;
    struct dealer dealer;
    struct house house;
    int found = 0;

    house_open(t, &house);
    write_list(&house, "default\nroles = operator", NULL);
    CHECK_OK(weft_server_reload(house.rig.server, NULL));
    CHECK_OK(counter_add(house.rig.node.client, "a"));
    knock(&dealer, &house, &house.alice);
    dealer_hello_in(&dealer, 1, "default");
    CHECK_HEARS_LIKE(&dealer, "ok 0");
    request.verb = WEFT_VERB_PAUSE;
    request.target = (weft_target){"counter", "a"};
    request.by = &by;
    wf_codec_request_encode(&request, 1, 0, false, &dealer.out);
    dealer_send(&dealer);
    CHECK_HEARS_LIKE(&dealer, "ok 1");
    batch.options.verb = WEFT_VERB_RESUME;
    batch.options.filter = "run > 0";
    batch.options.by = &by;
    wf_buf_reset(&dealer.out);
    wf_codec_batch_encode(&batch, 2, &dealer.out);
    dealer_send(&dealer);
    CHECK_HEARS_LIKE(&dealer, "ok 2 seen=1 done=1");
    dealer_close(&dealer);
    gateway_rig_close(&house.rig);
    options.data_dir = house.rig.node.options.data_dir;
    CHECK_OK(weft_inspect_open(&options, &inspect));
    CHECK_OK(weft_inspect_find(inspect, NULL, request.target, check_operations,
                               &found));
    CHECK_EQ(found, 1);
    weft_inspect_close(inspect);
    gateway_rig_end(&house.rig);
    (void)pthread_mutex_destroy(&house.lock);
}

TEST(gateway_keys, the_c_client_says_why_it_is_not_let_in)
{
    weft_client *client = NULL;
    struct house house;

    house_open(t, &house);
    CHECK_ERR(connect_as(&house, "eve", house.server.public_key, &client),
              WEFT_EDENIED);
    CHECK_STR(weft_err_detail(), "the node refuses the key of this client");
    CHECK_ERR(connect_as(&house, "", NULL, &client), WEFT_EDENIED);
    CHECK_STR(weft_err_detail(),
              "the node wants keys, and this client has none");
    check_audit(&house, "\"event\":\"refused\",\"key\":\"");
    house_close(&house);
}

// An address that this machine has not: nothing is bound.
TEST(gateway_keys, an_address_beyond_this_machine_takes_keys)
{
    const char *endpoints[] = {"tcp://192.0.2.1:7400"};
    weft_server *second = NULL;
    weft_server_options options;
    struct house house;

    house_open(t, &house);
    options = house.rig.options;
    options.endpoints = endpoints;
    CHECK_ERR(weft_server_open(house.rig.node.node, &options, &second),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "Cannot assign") != NULL);
    options.principals_file = NULL;
    CHECK_ERR(weft_server_open(house.rig.node.node, &options, &second),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "go together") != NULL);
    options.server_key_file = "/nowhere/at/all";
    options.principals_file = house.list;
    CHECK_ERR(weft_server_open(house.rig.node.node, &options, &second),
              WEFT_ENOTFOUND);
    options.server_key_file = NULL;
    CHECK_ERR(weft_server_open(house.rig.node.node, &options, &second),
              WEFT_EINVAL);
    CHECK(strstr(weft_err_detail(), "it wants server_key_file") != NULL);
    house_close(&house);
}
