// SPDX-License-Identifier: Apache-2.0
//
// inspect.c - look into the directory of a stopped node: the ways in.
//
// The directory is held by its lock file, shared, so that no node opens it
// meanwhile; where there is no lock file none is made. Stores are opened to be
// read only, and partitions are recovered and never opened, so that there is
// nobody who could write.
//
// Threads: one at a time.

#include "weft/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "runtime/actor.h"
#include "runtime/attributes.h"
#include "runtime/capsule.h"
#include "runtime/depot.h"
#include "runtime/filter.h"
#include "runtime/groups.h"
#include "runtime/inspect_core.h"
#include "runtime/inspect_impl.h"
#include "runtime/versioned.h"
#include "storage/keys.h"
#include "storage/log.h"
#include "storage/store.h"

// Open and close. -----------------------------------------------------------

static weft_err
check_directory(const char *dir)
{
    struct stat status;

    if (stat(dir, &status) != 0) {
        return wf_error(errno == ENOENT ? WEFT_ENOTFOUND : WEFT_EIO, "%s: %s",
                        dir, strerror(errno));
    }
    return S_ISDIR(status.st_mode)
               ? WEFT_OK
               : wf_error(WEFT_ENOTFOUND, "%s is not a directory", dir);
}

// Is anything of a node in it? One that lost its store still has the beacon.
static bool
has_store(const char *dir)
{
    static const char *const names[] = {"store-0", "store-0.beacon"};
    size_t size = strlen(dir) + 32;
    char *path = wf_alloc(size);
    struct stat status;
    bool is_found = false;

    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, size, "%s/%s", dir, names[i]);
        is_found = is_found || lstat(path, &status) == 0;
    }
    wf_free(path);
    return is_found;
}

weft_err
wf_inspect_lock(const char *data_dir, int *out_fd)
{
    size_t size = strlen(data_dir) + 32;
    char *path = wf_alloc(size);
    weft_err err = WEFT_OK;
    int fd;

    (void)snprintf(path, size, "%s/weft.lock", data_dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) {
        err = wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
    } else if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0) {
        err =
            errno == EWOULDBLOCK
                ? wf_error(WEFT_EBUSY, "%s is held by a running node", data_dir)
                : wf_error(WEFT_EIO, "%s: %s", path, strerror(errno));
        close(fd);
        fd = -1;
    }
    if (err == WEFT_OK) {
        *out_fd = fd;
    }
    wf_free(path);
    return err;
}

static weft_err
make(weft_inspect *inspect, bool accept_loss)
{
    weft_err err = check_directory(inspect->data_dir);

    if (err == WEFT_OK && !has_store(inspect->data_dir)) {
        err = wf_error(WEFT_ENOTFOUND,
                       "%s: no node ever used it, there is no store-0 in it",
                       inspect->data_dir);
    }
    if (err == WEFT_OK) {
        err = wf_inspect_lock(inspect->data_dir, &inspect->lock_fd);
    }
    if (err == WEFT_OK) {
        err = weft_definitions_create(&inspect->definitions);
    }
    if (err == WEFT_OK) {
        err = wf_inspect_open_stores(inspect, accept_loss);
    }
    return err == WEFT_OK ? wf_inspect_recover(inspect) : err;
}

weft_err
wf_inspect_make(const weft_inspect_options *options,
                struct wf_inspect_check *check, weft_inspect **out_inspect)
{
    weft_inspect *inspect;
    weft_err err;

    if (options->data_dir == NULL || options->data_dir[0] == '\0') {
        return wf_error(WEFT_EINVAL, "data_dir is missing");
    }
    inspect = wf_calloc(sizeof(*inspect));
    inspect->data_dir = wf_strdup(options->data_dir);
    inspect->lock_fd = -1;
    inspect->check = check;
    err = make(inspect, options->accept_loss != 0);
    if (err != WEFT_OK) {
        weft_inspect_close(inspect);
        return err;
    }
    *out_inspect = inspect;
    return WEFT_OK;
}

weft_err
weft_inspect_open(const weft_inspect_options *options,
                  weft_inspect **out_inspect)
{
    weft_inspect_options known;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(out_inspect != NULL);
    err = wf_versioned_copy("weft_inspect_options", options, &known,
                            sizeof(known));
    return err == WEFT_OK ? wf_inspect_make(&known, NULL, out_inspect) : err;
}

void
weft_inspect_close(weft_inspect *inspect)
{
    if (inspect == NULL) {
        return;
    }
    for (uint32_t i = 0;
         inspect->partitions != NULL && i < inspect->partitions_count; i++) {
        if (inspect->partitions[i] != NULL) {
            wf_inspect_drop_partition(inspect, i);
        }
    }
    wf_free(inspect->partitions);
    wf_inspect_close_stores(inspect);
    weft_definitions_destroy(inspect->definitions);
    if (inspect->lock_fd >= 0) {
        close(inspect->lock_fd); // and the lock is gone
    }
    wf_view_fini(&inspect->view);
    wf_free(inspect->data_dir);
    wf_free(inspect);
}

// Actors. -------------------------------------------------------------------

struct look {
    weft_inspect *inspect;
    weft_inspect_filter filter;
    struct wf_filter *where; // owned; NULL: all
    weft_inspect_fn *fn;
    void *ctx;
    weft_err err; // the first actor that could not be read
};

static bool
is_wanted(const struct look *look, const struct wf_actor *actor)
{
    weft_status status = look->filter.status;
    weft_description head;
    struct wf_filter_subject subject = {
        .head = &head,
        .kind = weft_text(wf_key_kind(&actor->key)),
        .id = weft_text(wf_key_id(&actor->key)),
        .attributes = actor->attributes,
    };

    // Signals that wait for a start are where a run keeps those that nobody
    // received: in the journal.
    if (actor->status == WEFT_STATUS_NONE &&
        actor->mailbox.letters.count == 0 && actor->journal.count == 0) {
        return false; // it was removed, or never was
    }
    wf_actor_describe(actor, &head);
    wf_filter_parent(&subject, weft_text(head.parent_kind),
                     weft_text(head.parent_id));
    return (status == WEFT_STATUS_NONE || actor->status == status) &&
           wf_filter_matches(look->where, &subject);
}

// Returns what fn does; *out_err is WEFT_ENOTFOUND if it was not called.
static int
show_actor(const struct look *look, uint32_t partition_index,
           const struct wf_key *key, weft_err *out_err)
{
    weft_inspect *inspect = look->inspect;
    struct wf_partition *partition = inspect->partitions[partition_index];
    struct wf_actor *actor = NULL;
    int answer = 0;
    weft_err err = wf_inspect_core_actor(
        partition, key, wf_inspect_store_of(inspect, partition_index), &actor);

    if (err == WEFT_OK && !is_wanted(look, actor)) {
        err = WEFT_ENOTFOUND;
    } else if (err == WEFT_OK) {
        wf_view_actor(&inspect->view, key, actor);
        answer = look->fn(look->ctx, &inspect->view.shown);
    } else if (err != WEFT_ENOTFOUND) {
        wf_view_problem(&inspect->view, key, weft_err_detail());
        answer = look->fn(look->ctx, &inspect->view.shown);
    }
    if (actor != NULL) {
        wf_inspect_core_drop(partition, actor);
    }
    *out_err = err;
    return answer;
}

static bool
look_at(void *ctx, uint32_t partition, const struct wf_key *key)
{
    struct look *look = ctx;
    const weft_inspect_filter *filter = &look->filter;
    weft_err err = WEFT_OK;
    int answer;

    if ((filter->name_space != NULL &&
         strcmp(filter->name_space, wf_key_namespace(key)) != 0) ||
        (filter->kind != NULL && strcmp(filter->kind, wf_key_kind(key)) != 0)) {
        return true;
    }
    answer = show_actor(look, partition, key, &err);
    if (err != WEFT_OK && err != WEFT_ENOTFOUND && look->err == WEFT_OK) {
        look->err = err;
    }
    return answer == 0;
}

weft_err
weft_inspect_each(weft_inspect *inspect, const weft_inspect_filter *filter,
                  weft_inspect_fn *fn, void *ctx)
{
    struct look look = {.inspect = inspect, .fn = fn, .ctx = ctx};
    weft_err err = WEFT_OK;

    wf_error_clear();
    WF_REQUIRE(inspect != NULL);
    WF_REQUIRE(fn != NULL);
    if (filter != NULL) {
        err = wf_versioned_copy("weft_inspect_filter", filter, &look.filter,
                                sizeof(look.filter));
    }
    if (err == WEFT_OK && look.filter.where != NULL) {
        err = wf_filter_parse(look.filter.where, &look.where);
    }
    if (err == WEFT_OK) {
        err = wf_inspect_walk(inspect, look_at, &look);
    }
    wf_filter_destroy(look.where);
    if (err == WEFT_OK && look.err != WEFT_OK) {
        err = wf_error(look.err, "%s: some actors cannot be read",
                       inspect->data_dir);
    }
    return err;
}

static weft_err
make_key(const char *name_space, weft_target target, struct wf_key *out_key)
{
    return wf_key_make(name_space == NULL ? "default" : name_space, target.kind,
                       target.id, out_key);
}

static weft_err
not_found(const struct wf_key *key)
{
    return wf_error(WEFT_ENOTFOUND, "no %s/%s in namespace %s",
                    wf_key_kind(key), wf_key_id(key), wf_key_namespace(key));
}

// Counting. -----------------------------------------------------------------

struct counting {
    struct wf_filter_field field;
    bool has_field;
    struct wf_groups groups;
    weft_err err;
};

static int
count_actor(void *ctx, const weft_inspect_actor *shown)
{
    struct counting *counting = ctx;
    struct wf_buf set = {0};
    struct wf_filter_subject subject = {
        .head = &shown->head,
        .kind = weft_text(shown->head.kind),
        .id = weft_text(shown->head.id),
    };
    struct wf_filter_value value;

    for (size_t i = 0; i < shown->head.attributes_count; i++) {
        wf_attributes_put(&set, &shown->head.attributes[i]);
    }
    subject.attributes = wf_buf_bytes(&set);
    wf_filter_parent(&subject, weft_text(shown->head.parent_kind),
                     weft_text(shown->head.parent_id));
    value = wf_filter_read(&counting->field, &subject);
    counting->err =
        wf_groups_add(&counting->groups, counting->has_field ? &value : NULL);
    wf_buf_fini(&set);
    return counting->err != WEFT_OK;
}

weft_err
weft_inspect_count(weft_inspect *inspect, const weft_inspect_filter *filter,
                   const char *group_by, uint64_t *out_count,
                   weft_inspect_group_fn *fn, void *ctx)
{
    struct counting counting = {.has_field = group_by != NULL};
    struct wf_groups *groups = &counting.groups;
    weft_err err = WEFT_OK;

    wf_error_clear();
    WF_REQUIRE(out_count != NULL);
    if (group_by != NULL) {
        err = wf_filter_parse_field(group_by, &counting.field);
    }
    if (err == WEFT_OK) {
        err = weft_inspect_each(inspect, filter, count_actor, &counting);
    }
    err = err == WEFT_OK ? counting.err : err;
    for (size_t i = 0; i < groups->groups_count && err == WEFT_OK && fn != NULL;
         i++) {
        groups->groups[i].value.name = counting.field.name;
        if (fn(ctx, &groups->groups[i]) != 0) {
            break;
        }
    }
    *out_count = err == WEFT_OK ? groups->count : 0;
    wf_groups_fini(groups);
    return err;
}

weft_err
weft_inspect_find(weft_inspect *inspect, const char *name_space,
                  weft_target target, weft_inspect_fn *fn, void *ctx)
{
    struct look look = {.inspect = inspect, .fn = fn, .ctx = ctx};
    struct wf_key key;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(inspect != NULL);
    WF_REQUIRE(fn != NULL);
    err = make_key(name_space, target, &key);
    if (err != WEFT_OK) {
        return err;
    }
    (void)show_actor(&look, wf_key_partition(&key, inspect->partitions_count),
                     &key, &err);
    if (err == WEFT_ENOTFOUND) {
        err = not_found(&key);
    }
    wf_key_fini(&key);
    return err;
}

static weft_err
export_actor(weft_inspect *inspect, const struct wf_key *key,
             struct wf_buf *out_bytes)
{
    uint32_t index = wf_key_partition(key, inspect->partitions_count);
    struct wf_partition *partition = inspect->partitions[index];
    struct wf_actor *actor = NULL;
    weft_err err = wf_inspect_core_actor(
        partition, key, wf_inspect_store_of(inspect, index), &actor);

    if (err == WEFT_ENOTFOUND) {
        return not_found(key);
    }
    if (err == WEFT_OK) {
        uint64_t now_ms = wf_inspect_core_get_facts(partition).newest_ms;

        err = wf_capsule_encode(actor, now_ms, out_bytes);
    }
    if (actor != NULL) {
        wf_inspect_core_drop(partition, actor);
    }
    return err;
}

weft_err
weft_inspect_export(weft_inspect *inspect, const char *name_space,
                    weft_target target, weft_inspect_bytes_fn *fn, void *ctx)
{
    struct wf_buf bytes = {0};
    struct wf_key key;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(inspect != NULL);
    WF_REQUIRE(fn != NULL);
    err = make_key(name_space, target, &key);
    if (err != WEFT_OK) {
        return err;
    }
    err = export_actor(inspect, &key, &bytes);
    if (err == WEFT_OK) {
        fn(ctx, wf_buf_bytes(&bytes));
    }
    wf_buf_fini(&bytes);
    wf_key_fini(&key);
    return err;
}

// Dead letters. -------------------------------------------------------------

struct letters {
    weft_inspect *inspect;
    uint32_t partition;
    weft_inspect_dead_letter_fn *fn; // NULL: they are only counted
    void *ctx;
    uint64_t count;
    bool is_over;
    weft_err err;
};

static void
show_letter(void *ctx, uint64_t number, weft_bytes body)
{
    struct letters *letters = ctx;
    struct wf_view *view = &letters->inspect->view;
    weft_inspect_dead_letter shown;

    if (letters->is_over) {
        return;
    }
    letters->count++;
    if (letters->fn == NULL) {
        return;
    }
    wf_view_fini(view);
    if (!wf_view_dead_letter(view, body, &shown)) {
        letters->err =
            wf_error(WEFT_ECORRUPT, "p%u: dead letter %llu does not decode",
                     letters->partition, (unsigned long long)number);
        return;
    }
    shown.letter.number = number;
    shown.partition = letters->partition;
    letters->is_over = letters->fn(letters->ctx, &shown) != 0;
}

static bool
show_letter_row(void *ctx, weft_bytes key, weft_bytes value)
{
    struct letters *letters = ctx;
    struct wf_reader reader = wf_reader_of(key);

    (void)wf_reader_take(&reader, 3);
    show_letter(letters, wf_reader_u64(&reader), value);
    return !letters->is_over;
}

static weft_err
each_letter(struct letters *letters)
{
    const weft_inspect *inspect = letters->inspect;
    struct wf_buf from = {0};
    struct wf_buf to = {0};
    weft_err err = WEFT_OK;

    for (uint32_t i = 0;
         err == WEFT_OK && !letters->is_over && i < inspect->partitions_count;
         i++) {
        const struct wf_store *store = wf_inspect_store_of(inspect, i);

        letters->partition = i;
        wf_keys_range(&from, WF_KEY_LETTER, i);
        wf_keys_after(&to, wf_buf_bytes(&from));
        err = store->ops->scan(store->self, WF_CF_DATA, wf_buf_bytes(&from),
                               wf_buf_bytes(&to), show_letter_row, letters);
        if (err == WEFT_OK) {
            wf_inspect_core_letters(inspect->partitions[i], show_letter,
                                    letters);
        }
    }
    wf_buf_fini(&from);
    wf_buf_fini(&to);
    return err == WEFT_OK ? letters->err : err;
}

weft_err
weft_inspect_letters(weft_inspect *inspect, weft_inspect_dead_letter_fn *fn,
                     void *ctx)
{
    struct letters letters = {.inspect = inspect, .fn = fn, .ctx = ctx};

    wf_error_clear();
    WF_REQUIRE(inspect != NULL);
    WF_REQUIRE(fn != NULL);
    return each_letter(&letters);
}

// Summary. ------------------------------------------------------------------

static void
sum_up(const weft_inspect *inspect, weft_inspect_summary *summary)
{
    for (uint32_t i = 0; i < inspect->stores_count; i++) {
        const struct wf_log *log = inspect->depots[i].log;

        summary->commits_count += log->ops->last(log->self);
    }
    for (uint32_t i = 0; i < inspect->partitions_count; i++) {
        struct wf_inspect_core_facts facts =
            wf_inspect_core_get_facts(inspect->partitions[i]);

        summary->outgoing_count += facts.outgoing_count;
        if (facts.newest_ms > summary->newest_ms) {
            summary->newest_ms = facts.newest_ms;
        }
    }
}

weft_err
weft_inspect_get_summary(weft_inspect *inspect,
                         weft_inspect_summary *out_summary)
{
    weft_inspect_summary summary = {.struct_size = sizeof(summary)};
    struct letters letters = {.inspect = inspect};
    size_t size;
    weft_err err;

    wf_error_clear();
    WF_REQUIRE(inspect != NULL);
    WF_REQUIRE(out_summary != NULL);
    size = out_summary->struct_size;
    WF_REQUIRE(size >= sizeof(size) && size <= sizeof(summary));
    summary.format = WF_DEPOT_FORMAT;
    summary.partition_count = inspect->partitions_count;
    summary.store_count = inspect->stores_count;
    sum_up(inspect, &summary);
    err = wf_inspect_get_number(inspect, "created_at", &summary.created_at_ms);
    if (err == WEFT_OK) {
        err =
            wf_inspect_get_number(inspect, "restored", &summary.restored_at_ms);
    }
    // A node that took notice of it calls it so.
    if (err == WEFT_OK && summary.restored_at_ms == 0) {
        err = wf_inspect_get_number(inspect, "restored_at",
                                    &summary.restored_at_ms);
    }
    if (err == WEFT_OK) {
        err = each_letter(&letters);
    }
    if (err != WEFT_OK) {
        return err;
    }
    summary.dead_letter_count = letters.count;
    summary.struct_size = size;
    memcpy(out_summary, &summary, size);
    return WEFT_OK;
}
