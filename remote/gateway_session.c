// SPDX-License-Identifier: Apache-2.0
//
// gateway_session.c - clients: hello, and which connection is theirs.
//
// What a client asked and has no answer yet belongs to its session and not to
// the connection (gateway_call.c). So what it sends once more after a new hello
// is done once, and in order: of each connection the node takes a beginning,
// and of the next one everything from there.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "remote/codec_session.h"
#include "remote/gateway_impl.h"
#include "remote/gateway_lease.h"
#include "runtime/node.h"

enum {
    SESSION_BYTES = 16,
    IDLE_MS = 60000, // a session is remembered so long
};

// Spaces. -------------------------------------------------------------------

static bool
is_space(const void *item, const void *key)
{
    const struct wf_gateway_space *space = item;

    return strcmp(space->name, key) == 0;
}

static uint64_t
hash_space(const weft_server *server, const char *name)
{
    return wf_hash64(name, strlen(name), server->hash_seed);
}

static struct wf_gateway_space *
use_space(weft_server *server, const char *name)
{
    uint64_t hash = hash_space(server, name);
    struct wf_gateway_space *space =
        wf_table_find(&server->spaces, hash, is_space, name);

    if (space == NULL) {
        space = wf_calloc(sizeof(*space));
        memcpy(space->name, name, strlen(name) + 1);
        wf_table_add(&server->spaces, hash, space);
    }
    space->users++;
    return space;
}

void
wf_gateway_space_leave(weft_server *server, struct wf_gateway_space *space)
{
    if (--space->users == 0) {
        wf_table_remove(&server->spaces, hash_space(server, space->name),
                        space);
        wf_free(space);
    }
}

// Sessions. -----------------------------------------------------------------

static bool
is_session(const void *item, const void *key)
{
    const struct wf_gateway_session *session = item;

    return memcmp(session->id, key, SESSION_BYTES) == 0;
}

static uint64_t
hash_session(const weft_server *server, const uint8_t id[16])
{
    return wf_hash64(id, SESSION_BYTES, server->hash_seed);
}

static struct wf_gateway_session *
find_session(const weft_server *server, const uint8_t id[16])
{
    return wf_table_find(&server->sessions, hash_session(server, id),
                         is_session, id);
}

static void
destroy_session(weft_server *server, struct wf_gateway_session *session)
{
    wf_gateway_call_withdraw_all(session);
    wf_gateway_lease_forget_all(server, session);
    wf_table_fini(&session->leases);
    if (wf_list_has(&session->idle)) {
        wf_list_remove(&server->idle, &session->idle);
    }
    wf_table_remove(&server->sessions, hash_session(server, session->id),
                    session);
    wf_table_fini(&session->calls);
    wf_gateway_space_leave(server, session->space);
    wf_free(session);
}

// NULL: there are too many, and all are in use.
static struct wf_gateway_session *
create_session(weft_server *server, const uint8_t id[16], const char *space)
{
    struct wf_gateway_session *session;
    struct wf_list_node *oldest;

    if (server->sessions.count >= server->options.sessions_max) {
        oldest = wf_list_first(&server->idle);
        if (oldest == NULL) {
            return NULL;
        }
        destroy_session(server,
                        WF_CONTAINER(oldest, struct wf_gateway_session, idle));
    }
    session = wf_calloc(sizeof(*session));
    session->server = server;
    memcpy(session->id, id, SESSION_BYTES);
    session->space = use_space(server, space);
    wf_table_init(&session->calls);
    wf_table_init(&session->leases);
    wf_list_init(&session->waits);
    wf_table_add(&server->sessions, hash_session(server, id), session);
    return session;
}

// Has it come to rest, or is it needed again?
static void
rest(weft_server *server, struct wf_gateway_session *session)
{
    bool is_idle = session->peer == NULL;

    if (is_idle && !wf_list_has(&session->idle)) {
        session->idle_ms = server->now_ms;
        wf_list_push_back(&server->idle, &session->idle);
    } else if (!is_idle && wf_list_has(&session->idle)) {
        wf_list_remove(&server->idle, &session->idle);
    }
}

// Hello. --------------------------------------------------------------------

// Who may everything is an admin.
static void
list_roles(unsigned roles, const char *out_names[WF_ROLES_COUNT + 1])
{
    size_t count = 0;

    roles = roles == WF_ROLES_ALL ? WF_ROLE_ADMIN : roles;
    for (unsigned i = 0; i < WF_ROLES_COUNT; i++) {
        if ((roles & 1U << i) != 0) {
            out_names[count++] = wf_role_name(1U << i);
        }
    }
}

static void
send_welcome(weft_server *server, struct wf_gateway_peer *peer, uint64_t number,
             bool is_known)
{
    const weft_server_options *options = &server->options;
    const char *roles[WF_ROLES_COUNT + 1] = {NULL};
    struct wf_codec_welcome welcome = {
        .version = WF_WIRE_VERSION,
        .server = "weft " WEFT_VERSION,
        .name_space = peer->session->space->name,
        .principal = peer->guest.principal,
        .roles = roles,
        .credit = options->credit,
        .credit_bytes = options->credit_bytes,
        .waits = options->waits_max,
        .payload_max = WF_PAYLOAD_BYTES_MAX,
        .message_max = WF_WIRE_MESSAGE_BYTES_MAX,
        .keepalive_ms = options->keepalive_ms,
        .is_answered = is_known,
        .bundle_max = WF_BUNDLE_MESSAGES_MAX,
        .node = wf_node_name(server->node),
    };

    if (welcome.node[0] != '\0') {
        welcome.partitions = wf_node_partition_count(server->node);
    }
    list_roles(peer->guest.roles, roles);
    wf_codec_welcome_encode(&welcome, number, &server->out);
    wf_gateway_peer_send(server, peer);
}

// Nothing of the older connection is taken from now on.
static void
replace(weft_server *server, struct wf_gateway_session *session)
{
    struct wf_gateway_peer *older = session->peer;

    session->peer = NULL;
    older->session = NULL;
    older->state = WF_GATEWAY_REPLACED;
    older->bye_ms = 0;
    wf_gateway_call_withdraw_heard(session);
    wf_gateway_lease_forget_all(server, session);
    wf_counter_add(&server->tally.replaced, 1);
    wf_gateway_peer_bye(server, older, WF_CODEC_BYE_REPLACED,
                        "another connection said hello for this client");
}

static void
join(weft_server *server, struct wf_gateway_peer *peer,
     struct wf_gateway_session *session)
{
    struct wf_gateway_session *before = peer->session;

    WF_ASSERT(session != NULL);
    if (session->peer != NULL && session->peer != peer) {
        replace(server, session);
    }
    if (before != NULL && before != session) {
        wf_gateway_session_leave(server, before);
    }
    session->peer = peer;
    peer->session = session;
    peer->is_map_asked = false;
    peer->state = WF_GATEWAY_GREETED;
    rest(server, session);
    wf_gateway_line_greeted(server, peer->line.fd);
}

// The session that a hello means; *out_is_known: it was there before.
static weft_err
session_of(weft_server *server, const struct wf_codec_hello *hello,
           const struct wf_access_guest *guest,
           struct wf_gateway_session **out_session, bool *out_is_known)
{
    const char *space = guest->name_space;
    struct wf_gateway_session *session;
    uint8_t id[SESSION_BYTES];

    wf_access_client_id(guest, hello->client.data, id);
    session = find_session(server, id);
    *out_is_known = session != NULL;
    if (session == NULL) {
        session = create_session(server, id, space);
    }
    if (session == NULL) {
        return wf_error(WEFT_EBUSY, "%u clients are known already",
                        server->options.sessions_max);
    }
    // What it asked elsewhere is not answered here.
    if (strcmp(session->space->name, space) != 0) {
        wf_gateway_call_withdraw_all(session);
        wf_gateway_lease_forget_all(server, session);
        wf_gateway_space_leave(server, session->space);
        session->space = use_space(server, space);
    }
    (void)snprintf(session->label, sizeof(session->label), "%s",
                   hello->label == NULL ? "" : hello->label);
    *out_session = session;
    return WEFT_OK;
}

// Its endpoint may lead to another node than the client takes it for.
static weft_err
check_node(const weft_server *server, const struct wf_codec_hello *hello)
{
    const char *name = wf_node_name(server->node);

    return hello->node == NULL || strcmp(hello->node, name) == 0
               ? WEFT_OK
               : wf_error(WEFT_ENOTFOUND, "this is node %s, and not %.64s",
                          name[0] == '\0' ? "(alone)" : name, hello->node);
}

static weft_err
greet(weft_server *server, struct wf_gateway_peer *peer,
      const struct wf_wire_message *message)
{
    struct wf_gateway_session *session = NULL;
    struct wf_access_guest guest;
    struct wf_codec_hello hello;
    struct wf_arena memory = {0};
    bool is_known = false;
    weft_err err = wf_codec_hello_decode(message, &memory, &hello);

    if (err == WEFT_OK) {
        err = wf_access_hello(server->access, peer->user, hello.name_space,
                              hello.label, &guest);
    }
    if (err == WEFT_OK) {
        err = check_node(server, &hello);
    }
    if (err == WEFT_OK) {
        err = session_of(server, &hello, &guest, &session, &is_known);
    }
    wf_arena_fini(&memory);
    if (err == WEFT_OK) {
        peer->guest = guest;
        join(server, peer, session);
        send_welcome(server, peer, message->number, is_known);
    }
    return err;
}

void
wf_gateway_session_hello(weft_server *server, struct wf_gateway_peer *peer,
                         const struct wf_wire_message *message)
{
    weft_err err;

    if (wf_gateway_mode(server) != WF_GATEWAY_SERVING) {
        wf_gateway_peer_bye(server, peer, WF_CODEC_BYE_CLOSING,
                            "the server closes");
        return;
    }
    err = greet(server, peer, message);
    if (err != WEFT_OK) {
        wf_counter_add(&server->tally.refused, err == WEFT_EBUSY);
        wf_gateway_call_refuse(server, peer, message->number, err);
    }
}

void
wf_gateway_session_leave(weft_server *server,
                         struct wf_gateway_session *session)
{
    session->peer = NULL;
    wf_gateway_call_withdraw_heard(session);
    wf_gateway_lease_forget_all(server, session);
    rest(server, session);
}

// Time. ---------------------------------------------------------------------

void
wf_gateway_session_tick(weft_server *server)
{
    struct wf_list_node *node;

    while ((node = wf_list_first(&server->idle)) != NULL) {
        struct wf_gateway_session *session =
            WF_CONTAINER(node, struct wf_gateway_session, idle);

        if (server->now_ms - session->idle_ms < IDLE_MS) {
            return;
        }
        destroy_session(server, session);
    }
}

// They would last; who waits is told to ask elsewhere.
void
wf_gateway_session_withdraw_all(weft_server *server)
{
    struct wf_gateway_session *session;
    size_t cursor = 0;

    while ((session = wf_table_next(&server->sessions, &cursor)) != NULL) {
        if (session->waits.count > 0) {
            wf_gateway_call_withdraw_waits(session);
            wf_gateway_peer_bye(server, session->peer, WF_CODEC_BYE_CLOSING,
                                "the server closes");
        }
    }
}

void
wf_gateway_session_fini(weft_server *server)
{
    struct wf_gateway_session *session;
    size_t cursor = 0;

    while ((session = wf_table_next(&server->sessions, &cursor)) != NULL) {
        destroy_session(server, session); // another may be in its place
        cursor--;
    }
}
