// SPDX-License-Identifier: Apache-2.0
//
// access.c - see access.h.

#include "remote/access.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/key.h"
#include "transport/auth.h"
#include "transport/curve.h"

enum { LINES_MAX = 1000 }; // of the account, a second, that peers cause

struct wf_access {
    char *principals_file; // NULL: there are no keys
    struct wf_curve_pair pair;
    struct wf_auth *door;
    struct wf_principals *principals;
    _Atomic(struct wf_principals *) next; // read, and not taken over yet
    wf_counter refused, denied;
    struct wf_clock clock;

    pthread_mutex_t audit_lock;
    wf_access_audit_fn *audit;
    void *audit_ctx;
    uint64_t second; // of the last line that a peer caused
    uint32_t lines;  // of those, in that second
    uint64_t left_out;
};

static void
tell(struct wf_access *access, uint64_t now_ms, const struct wf_audit *event)
{
    struct wf_buf line = {0};

    wf_audit_encode(event, now_ms, &line);
    wf_buf_put_u8(&line, 0);
    access->audit(access->audit_ctx, (const char *)line.data);
    wf_buf_fini(&line);
}

static void
account(struct wf_access *access, const struct wf_audit *event)
{
    if (access->audit == NULL) {
        return;
    }
    pthread_mutex_lock(&access->audit_lock);
    tell(access, access->clock.wall_ms(access->clock.self), event);
    pthread_mutex_unlock(&access->audit_lock);
}

// Is there room in this second for one more of what any peer can cause as often
// as it likes? When there is again, it is said how many there were.
static bool
has_room(struct wf_access *access, uint64_t now_ms)
{
    char text[64];

    if (now_ms / 1000 != access->second) {
        access->second = now_ms / 1000;
        access->lines = 0;
        if (access->left_out > 0) {
            (void)snprintf(text, sizeof(text), "%llu lines",
                           (unsigned long long)access->left_out);
            tell(access, now_ms,
                 &(struct wf_audit){.event = "left_out", .text = text});
            access->left_out = 0;
        }
    }
    if (access->lines == LINES_MAX) {
        access->left_out++;
        return false;
    }
    access->lines++;
    return true;
}

static void
account_peer(struct wf_access *access, const struct wf_audit *event)
{
    uint64_t now_ms;

    if (access->audit == NULL) {
        return;
    }
    pthread_mutex_lock(&access->audit_lock);
    now_ms = access->clock.wall_ms(access->clock.self);
    if (has_room(access, now_ms)) {
        tell(access, now_ms, event);
    }
    pthread_mutex_unlock(&access->audit_lock);
}

// Life. -----------------------------------------------------------------------

static weft_err
read_files(struct wf_access *access, const struct wf_access_options *options)
{
    weft_err err = wf_curve_read(options->server_key_file, true, &access->pair);

    if (err == WEFT_OK) {
        access->principals_file = wf_strdup(options->principals_file);
        err = wf_principals_read(access->principals_file, &access->principals);
    }
    return err;
}

weft_err
wf_access_create(const struct wf_access_options *options,
                 struct wf_access **out_access)
{
    bool has_keys = options->server_key_file != NULL;
    struct wf_access *access;
    weft_err err = WEFT_OK;

    if (has_keys != (options->principals_file != NULL)) {
        return wf_error(WEFT_EINVAL,
                        "server_key_file and principals_file go together");
    }
    access = wf_calloc(sizeof(*access));
    access->audit = options->audit;
    access->audit_ctx = options->audit_ctx;
    access->clock = options->clock;
    pthread_mutex_init(&access->audit_lock, NULL);
    if (has_keys) {
        err = read_files(access, options);
    }
    if (err != WEFT_OK) {
        wf_access_destroy(access);
        return err;
    }
    *out_access = access;
    return WEFT_OK;
}

void
wf_access_destroy(struct wf_access *access)
{
    if (access == NULL) {
        return;
    }
    wf_access_close_door(access);
    wf_principals_destroy(access->principals);
    wf_principals_destroy(atomic_load(&access->next));
    wf_curve_wipe(&access->pair);
    pthread_mutex_destroy(&access->audit_lock);
    wf_free(access->principals_file);
    wf_free(access);
}

const char *
wf_access_secret_key(const struct wf_access *access)
{
    return access->principals == NULL ? NULL : access->pair.secret_key;
}

// The door. -------------------------------------------------------------------

static bool
may_enter(void *ctx, const char *key, const char *address)
{
    struct wf_access *access = ctx;

    if (wf_principals_find(access->principals, key) != NULL) {
        return true;
    }
    wf_counter_add(&access->refused, 1);
    account_peer(access, &(struct wf_audit){
                             .event = "refused",
                             .key = key,
                             .address = address,
                         });
    return false;
}

weft_err
wf_access_open_door(struct wf_access *access, struct wf_context *context)
{
    return access->principals == NULL
               ? WEFT_OK
               : wf_auth_create(context, may_enter, access, &access->door);
}

void
wf_access_close_door(struct wf_access *access)
{
    wf_auth_destroy(access->door);
    access->door = NULL;
}

int
wf_access_fd(const struct wf_access *access)
{
    return access->door == NULL ? -1 : wf_auth_fd(access->door);
}

bool
wf_access_step(struct wf_access *access)
{
    struct wf_principals *next = atomic_exchange(&access->next, NULL);

    if (next != NULL) {
        wf_principals_destroy(access->principals);
        access->principals = next;
    }
    if (access->door != NULL) {
        wf_auth_step(access->door);
    }
    return next != NULL;
}

bool
wf_access_is_behind(const struct wf_access *access)
{
    return atomic_load(&access->next) != NULL;
}

weft_err
wf_access_reload(struct wf_access *access)
{
    struct wf_principals *read = NULL;
    weft_err err;

    if (access->principals_file == NULL) {
        return WEFT_OK;
    }
    err = wf_principals_read(access->principals_file, &read);
    account(access, &(struct wf_audit){
                        .event = "reload",
                        .result = weft_err_name(err),
                        .text = err == WEFT_OK ? NULL : weft_err_detail(),
                    });
    if (err == WEFT_OK) {
        wf_principals_destroy(atomic_exchange(&access->next, read));
    }
    return err;
}

// Who is there. ---------------------------------------------------------------

static weft_err
deny(struct wf_access *access, const struct wf_audit *event, const char *text)
{
    struct wf_audit denied = *event;

    denied.result = "WEFT_EDENIED";
    denied.text = text;
    wf_counter_add(&access->denied, 1);
    account_peer(access, &denied);
    return wf_error(WEFT_EDENIED, "%s", text);
}

static weft_err
check_guest(struct wf_access *access, const char *user, const char *name_space,
            const struct wf_audit *event, const struct wf_principal **out)
{
    const struct wf_principal *principal =
        wf_principals_find(access->principals, user);
    struct wf_audit denied = *event;
    char text[192];

    if (principal == NULL) {
        return deny(access, event, "the key is not in the node's list");
    }
    *out = principal;
    if (name_space == NULL || wf_principal_may_use(principal, name_space)) {
        return WEFT_OK;
    }
    denied.principal = principal->name;
    (void)snprintf(text, sizeof(text), "%s has not the namespace %s",
                   principal->name, name_space);
    return deny(access, &denied, text);
}

weft_err
wf_access_hello(struct wf_access *access, const char *user,
                const char *name_space, const char *label,
                struct wf_access_guest *out_guest)
{
    const struct wf_principal *principal = NULL;
    struct wf_audit event = {
        .event = "hello",
        .key = user,
        .label = label,
        .name_space = name_space,
    };
    weft_err err = WEFT_OK;

    *out_guest = (struct wf_access_guest){.roles = WF_ROLES_ALL};
    if (name_space != NULL) {
        err = wf_name_check("namespace", name_space, WF_NAMESPACE_BYTES_MAX);
    }
    if (err == WEFT_OK && access->principals != NULL) {
        err = check_guest(access, user, name_space, &event, &principal);
    }
    if (err != WEFT_OK) {
        return err == WEFT_EDENIED ? err : WEFT_EINVAL;
    }
    if (principal != NULL) {
        memcpy(out_guest->principal, principal->name, sizeof(principal->name));
        out_guest->roles = principal->roles;
    }
    (void)snprintf(out_guest->name_space, sizeof(out_guest->name_space), "%s",
                   name_space != NULL  ? name_space
                   : principal != NULL ? wf_principal_namespace(principal)
                                       : "default");
    event.principal = out_guest->principal;
    event.name_space = out_guest->name_space;
    event.result = "WEFT_OK";
    account_peer(access, &event);
    return WEFT_OK;
}

// The principal of a guest that is still whom it was; NULL: it is not.
static const struct wf_principal *
find_guest(const struct wf_access *access, const char *user,
           const struct wf_access_guest *guest)
{
    const struct wf_principal *principal =
        wf_principals_find(access->principals, user);

    return principal != NULL &&
                   strcmp(principal->name, guest->principal) == 0 &&
                   wf_principal_may_use(principal, guest->name_space)
               ? principal
               : NULL;
}

bool
wf_access_stays(struct wf_access *access, const char *user,
                const struct wf_access_guest *guest)
{
    if (access->principals == NULL || find_guest(access, user, guest) != NULL) {
        return true;
    }
    account(access, &(struct wf_audit){
                        .event = "revoked",
                        .principal = guest->principal,
                        .key = user,
                        .name_space = guest->name_space,
                    });
    return false;
}

// What they do. ---------------------------------------------------------------

static struct wf_audit
event_of(const char *name, const struct wf_access_guest *guest,
         const struct wf_access_request *request, char verb[64])
{
    (void)snprintf(verb, 64, "%.*s",
                   (int)(request->verb.len < 63 ? request->verb.len : 63),
                   (const char *)request->verb.data);
    return (struct wf_audit){
        .event = name,
        .principal = guest->principal,
        .name_space = guest->name_space,
        .verb = verb,
        .kind = request->kind,
        .id = request->id,
        .who = request->who,
        .why = request->why,
    };
}

// "reader, writer"
static void
list_roles(unsigned roles, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < WF_ROLES_COUNT; i++) {
        if ((roles & 1U << i) != 0 && len < size) {
            len +=
                (size_t)snprintf(out + len, size - len, "%s%s",
                                 len == 0 ? "" : ", ", wf_role_name(1U << i));
        }
    }
}

weft_err
wf_access_check(struct wf_access *access, const char *user,
                const struct wf_access_guest *guest,
                const struct wf_access_request *request)
{
    const struct wf_principal *principal;
    struct wf_audit event;
    unsigned needed;
    char verb[64];
    char has[64];
    char text[256];

    if (access->principals == NULL) {
        return WEFT_OK;
    }
    event = event_of("denied", guest, request, verb);
    principal = find_guest(access, user, guest);
    if (principal == NULL) {
        return deny(access, &event, "the key is no longer allowed here");
    }
    needed = wf_roles_needed(request->verb,
                             request->kind == NULL ? "" : request->kind);
    if (wf_roles_include(principal->roles, needed)) {
        return WEFT_OK;
    }
    list_roles(principal->roles, has, sizeof(has));
    (void)snprintf(text, sizeof(text), "%s%s%s needs the role %s; %s has %s",
                   verb, request->kind == NULL ? "" : " of ",
                   request->kind == NULL ? "" : request->kind,
                   wf_role_name(needed), principal->name, has);
    return deny(access, &event, text);
}

struct wf_access_record {
    struct wf_access_guest guest;
    struct wf_access_request request;
    struct wf_arena strings;
};

static const char *
keep(struct wf_arena *strings, const char *text)
{
    return text == NULL ? NULL : wf_arena_text(strings, weft_text(text));
}

struct wf_access_record *
wf_access_record_begin(const struct wf_access *access,
                       const struct wf_access_guest *guest,
                       const struct wf_access_request *request)
{
    unsigned needed = wf_roles_needed(
        request->verb, request->kind == NULL ? "" : request->kind);
    struct wf_access_record *record;

    if (access->audit == NULL ||
        (needed != WF_ROLE_OPERATOR && needed != WF_ROLE_ADMIN)) {
        return NULL;
    }
    record = wf_calloc(sizeof(*record));
    record->guest = *guest;
    record->request = (struct wf_access_request){
        .verb = weft_bytes_of(wf_arena_text(&record->strings, request->verb),
                              request->verb.len),
        .kind = keep(&record->strings, request->kind),
        .id = keep(&record->strings, request->id),
        .who = keep(&record->strings, request->who),
        .why = keep(&record->strings, request->why),
    };
    return record;
}

void
wf_access_record_end(struct wf_access *access, struct wf_access_record *record,
                     weft_err err)
{
    struct wf_audit event;
    char verb[64];

    if (record == NULL) {
        return;
    }
    event = event_of("done", &record->guest, &record->request, verb);
    event.result = weft_err_name(err);
    account(access, &event);
    wf_arena_fini(&record->strings);
    wf_free(record);
}

// Its length before the name: no two principals and clients give the same
// bytes.
void
wf_access_client_id(const struct wf_access_guest *guest,
                    const uint8_t client[16], uint8_t out_id[16])
{
    size_t len = strlen(guest->principal);
    uint8_t bytes[1 + WF_PRINCIPAL_BYTES_MAX + 16];
    int rc;

    _Static_assert(crypto_generichash_BYTES_MIN <= 16, "16 bytes are enough");
    if (len == 0) {
        memcpy(out_id, client, 16);
        return;
    }
    bytes[0] = (uint8_t)len;
    memcpy(bytes + 1, guest->principal, len);
    memcpy(bytes + 1 + len, client, 16);
    rc = crypto_generichash(out_id, 16, bytes, 1 + len + 16, NULL, 0);
    WF_ASSERT(rc == 0);
}

void
wf_access_who(const struct wf_access_guest *guest, const char *who,
              char *out_who)
{
    size_t size = WF_NAME_BYTES_MAX + 1;
    size_t room = size - sizeof(" ()") - strlen(guest->principal);
    size_t len = strlen(who);

    if (guest->principal[0] == '\0' && len == 0) {
        out_who[0] = '\0';
        return;
    }
    if (guest->principal[0] == '\0' || len == 0) {
        (void)snprintf(out_who, size, "%s", len == 0 ? guest->principal : who);
        return;
    }
    if (len > room) { // between two characters
        for (len = room; len > 0 && (who[len] & 0xc0) == 0x80; len--) {
        }
    }
    (void)snprintf(out_who, size, "%s (%.*s)", guest->principal, (int)len, who);
}

uint64_t
wf_access_refused(const struct wf_access *access)
{
    return wf_counter_read(&access->refused);
}

uint64_t
wf_access_denied(const struct wf_access *access)
{
    return wf_counter_read(&access->denied);
}
