// SPDX-License-Identifier: Apache-2.0
//
// exchange_rig.c - see exchange_rig.h.

#include "exchange_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"

struct sent rig_sent[SENT_MAX];
uint32_t rig_sent_count;

static const uint8_t cluster_id[16] = "a cluster of us";

// In place of the real one: an answer has somebody that it is for.
enum wf_sent __wrap_wf_socket_send(struct wf_socket *socket,
                                   const struct wf_peer *peer,
                                   struct wf_buf *frame,
                                   struct wf_flight *flight);
enum wf_sent
__wrap_wf_socket_send(struct wf_socket *socket, const struct wf_peer *peer,
                      struct wf_buf *frame, struct wf_flight *flight)
{
    (void)socket;
    (void)flight;
    CHECK(rig_sent_count < SENT_MAX);
    rig_sent[rig_sent_count++] = (struct sent){peer != NULL, *frame};
    *frame = (struct wf_buf){0};
    return WF_SENT;
}

void
rig_drop_all(void)
{
    while (rig_sent_count > 0) {
        wf_buf_fini(&rig_sent[--rig_sent_count].frame);
    }
}

// The rig. --------------------------------------------------------------------

static uint64_t
wall_ms(void *self)
{
    return ((struct rig *)self)->now_ms;
}

static uint64_t
mono_ns(void *self)
{
    return ((struct rig *)self)->now_ms * 1000000;
}

static void
hear_line(void *ctx, enum wf_trace_level level, uint64_t now_ms,
          const char *who, const char *verb, const char *text)
{
    struct side *side = ctx;
    size_t len = strlen(side->said);

    (void)level;
    (void)now_ms;
    (void)who;
    (void)snprintf(side->said + len, sizeof(side->said) - len, "%s %s\n", verb,
                   text);
}

static void
note_change(void *ctx)
{
    ((struct side *)ctx)->changes++;
}

static weft_err
open_store(void *ctx, struct wf_store *out_store)
{
    return wf_store_memory_open(((struct side *)ctx)->disk, out_store);
}

static struct wf_ledger *
open_ledger(struct side *side, const char *id)
{
    static const char *const founders[] = {"a"};
    struct wf_ledger_founding founding = {
        .node_id = id,
        .partition_count = PARTITIONS,
        .founders = founders,
        .founders_count = 1,
    };
    struct wf_ledger_options options = {
        .open_store = open_store, .ctx = side, .node_id = id};
    struct wf_ledger_node self = {.row = {.endpoint = "tcp://127.0.0.1:1"}};
    struct wf_ledger *ledger;
    struct wf_store store;

    memcpy(founding.cluster_id, cluster_id, sizeof(cluster_id));
    CHECK_OK(open_store(side, &store));
    CHECK_OK(wf_ledger_found(store, &founding));
    store.ops->close(store.self);
    CHECK_OK(wf_ledger_open(&options, &ledger));
    (void)snprintf(self.row.id, sizeof(self.row.id), "%s", id);
    CHECK_OK(wf_ledger_join(ledger, &self));
    return ledger;
}

char *
rig_path(const struct rig *rig, const char *id, const char *name)
{
    size_t size = strlen(rig->dir) + strlen(id) + strlen(name) + 3;
    char *path = wf_alloc(size);

    (void)snprintf(path, size, "%s/%s/%s", rig->dir, id, name);
    return path;
}

static char *
make_dir(const struct rig *rig, const char *id, const char *name)
{
    char *path = rig_path(rig, id, name);

    CHECK_EQ(mkdir(path, 0755), 0);
    return path;
}

static void
open_side(struct rig *rig, struct side *side, const char *id)
{
    struct wf_exchange *exchange = &side->exchange;
    char *kept;

    wf_free(make_dir(rig, id, ""));
    kept = make_dir(rig, id, "kept");
    *side = (struct side){.rig = rig, .disk = wf_memory_disk_create()};
    side->trace = (struct wf_trace){.emit = hear_line, .ctx = side};
    exchange->options = (struct wf_exchange_options){
        .ledger = open_ledger(side, id),
        .has_own_files = true,
        .clock = {wall_ms, mono_ns, rig},
        .trace = &side->trace,
        .changed = note_change,
        .ctx = side,
    };
    CHECK_OK(wf_snapshots_dir_open(kept, cluster_id, &exchange->options.files));
    wf_free(kept);
    side->log = wf_ledger_log(exchange->options.ledger);
    exchange->node_id = wf_strdup(id);
    exchange->dir = make_dir(rig, id, "moving");
    exchange->partition_count = PARTITIONS;
    exchange->fetches = wf_calloc(PARTITIONS * sizeof(*exchange->fetches));
    exchange->are_wanted = wf_calloc(PARTITIONS * sizeof(bool));
    exchange->close = wf_calloc(PARTITIONS * sizeof(*exchange->close));
    exchange->served.fd = -1;
    exchange->wake = -1; // nobody sleeps
    CHECK_EQ(pthread_mutex_init(&exchange->lock, NULL), 0);
}

static void
close_side(struct side *side)
{
    struct wf_exchange *exchange = &side->exchange;

    wf_exchange_fetch_fini(exchange);
    wf_ledger_close(exchange->options.ledger);
    if (exchange->options.files.ops != NULL) {
        exchange->options.files.ops->close(exchange->options.files.self);
    }
    wf_ledger_view_fini(&exchange->view);
    (void)pthread_mutex_destroy(&exchange->lock);
    wf_free(exchange->peers);
    wf_free(exchange->fetches);
    wf_free(exchange->are_wanted);
    wf_free(exchange->close);
    wf_free(exchange->dir);
    wf_free(exchange->node_id);
    wf_free(exchange->lost_text);
    wf_memory_disk_destroy(side->disk);
}

void
rig_hear_view(struct rig *rig)
{
    struct wf_ledger_view view = {0};

    wf_ledger_view(rig->giver.exchange.options.ledger, &view);
    CHECK_OK(wf_ledger_hear(rig->taker.exchange.options.ledger, &view));
    wf_ledger_view_fini(&view);
    wf_exchange_look_anew(&rig->taker.exchange);
}

static void
acquire(struct side *side, uint32_t partition)
{
    struct wf_shared_place place;

    CHECK_OK(side->log.ops->acquire(side->log.self, partition, &place));
}

void
rig_release(struct side *side, uint32_t partition)
{
    CHECK_OK(side->log.ops->release(side->log.self, partition));
}

void
rig_make(struct test *t, struct rig *rig)
{
    struct wf_exchange *taker = &rig->taker.exchange;

    *rig = (struct rig){.now_ms = 1000000};
    rig_sent_count = 0;
    (void)snprintf(rig->dir, sizeof(rig->dir), "%s", test_dir(t));
    open_side(rig, &rig->giver, "a");
    open_side(rig, &rig->taker, "b");
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        acquire(&rig->giver, i);
    }
    taker->peers = wf_calloc(sizeof(*taker->peers));
    taker->peers_count = 1;
    // Never looked into: what is sent there goes to the wrapper.
    taker->peers[0] =
        (struct wf_exchange_peer){.id = "a", .socket = (struct wf_socket *)rig};
    rig_hear_view(rig);
    rig->taker.changes = 0;
}

void
rig_free(struct rig *rig)
{
    rig_drop_all();
    close_side(&rig->giver);
    close_side(&rig->taker);
    wf_snapshots_manifest_fini(&rig->manifest);
}

// What a has. -----------------------------------------------------------------

void
rig_append(struct rig *rig, uint32_t partition, uint32_t count)
{
    static const uint8_t record[RECORD_BYTES];
    struct wf_segment segment = {.partition = partition,
                                 .epoch = 1,
                                 .record_count = 1,
                                 .records = {record, sizeof(record)}};
    struct wf_buf bytes = {0};

    wf_segment_encode(&segment, &bytes);
    for (uint32_t i = 0; i < count; i++) {
        struct wf_shared_append one = {.partition = partition,
                                       .segment = wf_buf_bytes(&bytes)};

        rig->giver.log.ops->append(rig->giver.log.self, &one, 1);
        CHECK_EQ(one.result, WF_APPEND_DURABLE);
    }
    wf_buf_fini(&bytes);
}

void
rig_write_file(const char *path, char byte, size_t count)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    for (size_t i = 0; i < count; i++) {
        CHECK(fputc(byte, file) != EOF);
    }
    CHECK_EQ(fclose(file), 0);
}

static void
put_file(struct side *side, const struct wf_snapshots_file *file,
         const char *path)
{
    const struct wf_snapshots *files = &side->exchange.options.files;
    bool is_new;

    CHECK_OK(files->ops->put(files->self, file, path, &is_new));
}

void
rig_put_file(struct rig *rig, uint32_t i)
{
    const struct wf_snapshots_file *file = &rig->manifest.files[i];
    char *path = rig_path(rig, "a/store", file->name);

    put_file(&rig->giver, file, path);
    wf_free(path);
}

void
rig_make_snapshot(struct rig *rig)
{
    static const char *const names[] = {"000004.sst", "CURRENT", "empty"};
    static const size_t sizes[] = {PIECES_BYTES, 7, 0};
    struct wf_shared_log *log = &rig->giver.log;
    char *store = make_dir(rig, "a", "store");
    char *current;
    struct wf_buf bytes = {0};

    for (int i = 0; i < 3; i++) {
        char *path = rig_path(rig, "a/store", names[i]);

        rig_write_file(path, (char)('a' + i), sizes[i]);
        wf_free(path);
    }
    rig_append(rig, 0, 10);
    wf_snapshots_manifest_fini(&rig->manifest);
    rig->manifest = (struct wf_snapshots_manifest){.redo_from = 8, .last = 9};
    CHECK_OK(wf_snapshots_scan(store, NULL, &rig->manifest));
    CHECK_EQ(rig->manifest.files_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        rig_put_file(rig, i);
    }
    current = rig_path(rig, "a/store", "CURRENT");
    put_file(&rig->taker, &rig->manifest.files[1], current);
    wf_free(current);
    wf_snapshots_encode(&rig->manifest, &bytes);
    CHECK_OK(log->ops->snapshot_commit(log->self, 0, 8, wf_buf_bytes(&bytes)));
    wf_buf_fini(&bytes);
    wf_free(store);
}

void
rig_age_kept_file(const struct rig *rig)
{
    const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    char hex[WF_SNAPSHOTS_HEX_SIZE];
    char name[128] = "kept/";
    char *path;

    for (size_t i = 0; i < sizeof(cluster_id); i++) {
        (void)snprintf(name + strlen(name), 3, "%02x", cluster_id[i]);
    }
    wf_snapshots_hex(rig->manifest.files[1].hash, hex);
    (void)snprintf(name + strlen(name), sizeof(hex) + 1, "/%s", hex);
    path = rig_path(rig, "b", name);
    CHECK_EQ(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    wf_free(path);
}

// Between the two. ------------------------------------------------------------

static void
note_question(struct rig *rig, const struct wf_exchange_message *message)
{
    static const char *const names[WF_EXCHANGE_TYPES_END] = {
        [WF_EXCHANGE_MOVE] = "move", [WF_EXCHANGE_FILE] = "file"};
    size_t len = strlen(rig->asked);

    CHECK(names[message->type] != NULL);
    (void)snprintf(rig->asked + len, sizeof(rig->asked) - len, "%s ",
                   names[message->type]);
}

static void
pass(struct rig *rig, struct sent *one)
{
    struct wf_message question = {.frame = wf_buf_bytes(&one->frame)};
    struct wf_exchange_message message;

    CHECK(wf_exchange_decode(question.frame, &message));
    if (one->is_answer) {
        wf_exchange_fetch_hear(&rig->taker.exchange, &message);
    } else {
        note_question(rig, &message);
        wf_exchange_answer(&rig->giver.exchange, &question);
    }
}

void
rig_pass_first(struct rig *rig)
{
    struct sent first = rig_sent[0];

    CHECK(rig_sent_count > 0);
    memmove(&rig_sent[0], &rig_sent[1], --rig_sent_count * sizeof(rig_sent[0]));
    pass(rig, &first);
    wf_buf_fini(&first.frame);
}

void
rig_pass_all(struct rig *rig)
{
    while (rig_sent_count > 0) {
        rig_pass_first(rig);
    }
}

uint64_t
rig_step(struct rig *rig)
{
    return wf_exchange_fetch_step(&rig->taker.exchange);
}

void
rig_settle(struct rig *rig)
{
    for (int i = 0; i < 100; i++) {
        (void)rig_step(rig);
        if (rig_sent_count == 0) {
            return;
        }
        rig_pass_all(rig);
    }
    CHECK(false);
}

void
rig_want(struct rig *rig, uint32_t partition, bool is_wanted)
{
    rig->taker.exchange.are_wanted[partition] = is_wanted;
}

enum wf_ledger_state
rig_state(struct side *side, uint32_t partition)
{
    return wf_ledger_part(side->exchange.options.ledger, partition).state;
}

void
rig_check_files(struct rig *rig)
{
    const struct wf_snapshots *files = &rig->taker.exchange.options.files;
    char *path = rig_path(rig, "b", "copy");

    for (uint32_t i = 0; i < rig->manifest.files_count; i++) {
        CHECK_OK(files->ops->get(files->self, &rig->manifest.files[i], path));
    }
    wf_free(path);
}

void
rig_check_asked(struct rig *rig, const char *expected)
{
    CHECK_STR(rig->asked, expected);
    rig->asked[0] = '\0';
}
