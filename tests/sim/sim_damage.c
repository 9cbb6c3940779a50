// SPDX-License-Identifier: Apache-2.0
//
// sim_damage.c - an actor whose rows do not decode, and one that cannot be read
// for a while.

#include <stdio.h>
#include <string.h>

#include "base/key.h"
#include "sim/world_impl.h"
#include "storage/keys.h"
#include "support/test.h"
#include "weft/weft.h"

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *count = state;
    char text[32];

    *count += strcmp(message->name, "add") == 0;
    if (strcmp(message->name, "later") == 0) {
        CHECK_OK(weft_actor_timer_set(actor, "add", 5000));
    }
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)*count);
    return weft_actor_reply(actor, weft_text(text));
}

struct rig {
    weft_definitions *definitions;
    struct world *world;
    struct wf_buf key; // of the image of actor "a"
    struct wf_buf image;
};

static weft_err
ask(struct rig *rig, const char *id, const char *what, const char *expected)
{
    const struct world_call *call = world_ask(
        rig->world, WEFT_VERB_ASK, "counter", id, what, weft_nothing());

    if (call->err == WEFT_OK) {
        CHECK_STR(call->data, expected);
    }
    return call->err;
}

static void
put_image(struct rig *rig, weft_bytes image)
{
    const struct wf_store *store = &rig->world->sites[0].store;
    struct wf_batch batch = {0};

    wf_batch_put(&batch, WF_CF_DATA, wf_buf_bytes(&rig->key), image);
    CHECK_OK(store->ops->write(store->self, &batch, true));
    wf_batch_fini(&batch);
    world_crash(rig->world, 0);
}

static struct rig
rig_make(int64_t window_bytes, uint32_t residents_max)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;
    struct rig rig = {0};
    struct wf_key key;

    def.name = "counter";
    def.receive = receive;
    def.state_bytes = sizeof(uint64_t);
    CHECK_OK(weft_definitions_create(&rig.definitions));
    CHECK_OK(weft_definitions_add_actor(rig.definitions, &def));
    rig.world = world_create(&(struct world_options){
        .seed = 11,
        .definitions = rig.definitions,
        .is_traced = true,
        .window_bytes = window_bytes,
        .residents_max = residents_max,
        .twin_every = 1U << 30, // what is damaged differs, of course
    });
    CHECK_OK(wf_key_make("default", "counter", "a", &key));
    wf_keys_image(&rig.key, 0, wf_key_bytes(&key));
    wf_key_fini(&key);
    return rig;
}

// Actors "a" and "b" have counted to 2, and all of it is in their rows.
static struct rig
rig_begin(void)
{
    struct rig rig = rig_make(0, 0);
    const struct wf_store *store;

    for (int i = 1; i <= 2; i++) {
        char text[2] = {(char)('0' + i), '\0'};

        CHECK_OK(ask(&rig, "a", "add", text));
        CHECK_OK(ask(&rig, "b", "add", text));
    }
    world_settle(rig.world, 1000);
    store = &rig.world->sites[0].store;
    CHECK_OK(store->ops->get(store->self, WF_CF_DATA, wf_buf_bytes(&rig.key),
                             &rig.image));
    return rig;
}

static void
rig_end(struct rig *rig)
{
    CHECK_EQ(world_audit(rig->world), 0);
    world_destroy(rig->world);
    weft_definitions_destroy(rig->definitions);
    wf_buf_fini(&rig->key);
    wf_buf_fini(&rig->image);
}

// Whoever asks is told, as often as they ask; nobody else notices; and nothing
// of it is written over, so that with the right row it goes on.
TEST(damage, an_actor_whose_rows_do_not_decode_is_refused_and_kept)
{
    struct rig rig = rig_begin();

    put_image(&rig, weft_bytes_of(rig.image.data, 4));
    for (int i = 0; i < 2; i++) {
        CHECK_ERR(ask(&rig, "a", "add", ""), WEFT_ECORRUPT);
        CHECK_ERR(world_ask(rig.world, WEFT_VERB_SIGNAL, "counter", "a", "add",
                            weft_nothing())
                      ->err,
                  WEFT_ECORRUPT);
        CHECK_ERR(world_ask(rig.world, WEFT_VERB_DESCRIBE, "counter", "a", "",
                            weft_nothing())
                      ->err,
                  WEFT_ECORRUPT);
    }
    CHECK(strstr(world_trace(rig.world), "cannot be loaded") != NULL);
    CHECK_OK(ask(&rig, "b", "add", "3"));
    world_settle(rig.world, 1000);
    world_crash(rig.world, 0);
    CHECK_ERR(ask(&rig, "a", "add", ""), WEFT_ECORRUPT);

    put_image(&rig, wf_buf_bytes(&rig.image));
    CHECK_OK(ask(&rig, "a", "add", "3"));
    CHECK_OK(ask(&rig, "b", "read", "3"));
    rig_end(&rig);
}

static weft_err
tell(struct rig *rig, weft_verb verb, const char *id)
{
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = verb;
    request.target = (weft_target){"counter", id};
    request.name = verb == WEFT_VERB_SIGNAL ? "add" : "";
    request.terminate_first = verb == WEFT_VERB_DELETE;
    return world_wait(rig->world, world_submit(rig->world, &request))->err;
}

// It holds the log back, from where on all would be read again. What was
// deleted since then, and left memory, keeps a row that says so.
TEST(damage, one_that_was_deleted_stays_so_while_another_is_damaged)
{
    struct rig rig = rig_make(65536, 3);
    char id[16];

    CHECK_OK(ask(&rig, "c", "add", "1"));
    CHECK_OK(tell(&rig, WEFT_VERB_PAUSE, "c"));
    CHECK_OK(tell(&rig, WEFT_VERB_SIGNAL, "c"));
    CHECK_OK(ask(&rig, "a", "add", "1"));
    put_image(&rig, weft_text("this is no image"));
    CHECK_OK(tell(&rig, WEFT_VERB_RESUME, "c"));
    CHECK_OK(ask(&rig, "c", "read", "2"));
    CHECK_OK(tell(&rig, WEFT_VERB_DELETE, "c"));
    for (int i = 0; i < 30; i++) {
        (void)snprintf(id, sizeof(id), "d%d", i);
        CHECK_OK(ask(&rig, id, "add", "1"));
    }
    world_settle(rig.world, 1000);
    world_crash(rig.world, 0);
    CHECK_ERR(tell(&rig, WEFT_VERB_DESCRIBE, "c"), WEFT_ENOTFOUND);
    CHECK_ERR(ask(&rig, "a", "read", ""), WEFT_ECORRUPT);
    rig_end(&rig);
}

// A store that cannot be read so many times.
struct weak {
    struct wf_store store;
    struct wf_store_ops ops;
    uint32_t skip; // reads that succeed before
    uint32_t failures;
};

static bool
is_weak(struct weak *weak)
{
    if (weak->skip > 0) {
        weak->skip--;
        return false;
    }
    if (weak->failures > 0) {
        weak->failures--;
        return true;
    }
    return false;
}

static weft_err
weak_get(void *self, enum wf_cf cf, weft_bytes key, struct wf_buf *out_value)
{
    struct weak *weak = self;

    if (is_weak(weak)) {
        return WEFT_EIO;
    }
    return weak->store.ops->get(weak->store.self, cf, key, out_value);
}

static weft_err
weak_scan(void *self, enum wf_cf cf, weft_bytes from, weft_bytes to,
          wf_scan_fn *fn, void *ctx)
{
    struct weak *weak = self;

    if (is_weak(weak)) {
        return WEFT_EIO;
    }
    return weak->store.ops->scan(weak->store.self, cf, from, to, fn, ctx);
}

static weft_err
weak_flush(void *self)
{
    struct weak *weak = self;

    return weak->store.ops->flush(weak->store.self);
}

static struct weak
weaken(struct site *site, uint32_t failures)
{
    struct weak weak = {
        .store = site->store, .ops = *site->store.ops, .failures = failures};

    weak.ops.get = weak_get;
    weak.ops.scan = weak_scan;
    weak.ops.flush = weak_flush;
    return weak;
}

// Nothing may sleep for ever.
TEST(damage, a_wake_index_that_cannot_be_read_is_read_again)
{
    struct rig rig = rig_begin();
    struct site *site = &rig.world->sites[0];
    struct weak weak;

    CHECK_OK(ask(&rig, "a", "later", "2"));
    world_settle(rig.world, 1000);
    world_crash(rig.world, 0);
    weak = weaken(site, 3);
    site->store = (struct wf_store){&weak.ops, &weak};
    world_run_ms(rig.world, 120000);
    CHECK_EQ(weak.failures, 0);
    site->store = weak.store;
    CHECK_OK(ask(&rig, "a", "read", "3"));
    rig_end(&rig);
}

// Who asks waits, and nothing is taken for damaged.
TEST(damage, an_actor_that_cannot_be_read_is_read_again_until_it_can)
{
    struct rig rig = rig_begin();
    struct site *site = &rig.world->sites[0];
    struct weak weak;

    world_crash(rig.world, 0);
    weak = weaken(site, 3);
    site->store = (struct wf_store){&weak.ops, &weak};
    CHECK_OK(ask(&rig, "a", "add", "3"));
    CHECK_EQ(weak.failures, 0);
    CHECK(strstr(world_trace(rig.world), "cannot be loaded") == NULL);
    site->store = weak.store;
    CHECK_OK(ask(&rig, "b", "add", "3"));
    rig_end(&rig);
}

// Letters in rows. ------------------------------------------------------------

enum { LETTERS = 1400 };

// Actor "a" is paused, and so many letters wait for it: more than stay in
// memory.
static void
let_wait(struct rig *rig)
{
    static const weft_operator by = {.who = "test", .why = "to wait"};
    weft_request request = WEFT_REQUEST_INIT;

    request.verb = WEFT_VERB_PAUSE;
    request.target = (weft_target){"counter", "a"};
    request.by = &by;
    CHECK_OK(world_wait(rig->world, world_submit(rig->world, &request))->err);
    for (int i = 0; i < LETTERS; i++) {
        (void)world_call(rig->world, WEFT_VERB_SIGNAL, "counter", "a", "add",
                         weft_nothing());
    }
    world_settle(rig->world, 1000);
    world_forget_calls(rig->world);
}

static weft_err
resume(struct rig *rig)
{
    return world_ask(rig->world, WEFT_VERB_RESUME, "counter", "a", "",
                     weft_nothing())
        ->err;
}

struct letter_row {
    struct wf_buf key;
    struct wf_buf value;
    uint32_t skip;
};

static bool
take_letter(void *ctx, weft_bytes key, weft_bytes value)
{
    struct letter_row *row = ctx;

    if (row->skip > 0) {
        row->skip--;
        return true;
    }
    wf_buf_put(&row->key, key.data, key.len);
    wf_buf_put(&row->value, value.data, value.len);
    return false;
}

static struct letter_row
find_letter(struct rig *rig, uint32_t nth)
{
    const struct wf_store *store = &rig->world->sites[0].store;
    struct letter_row row = {.skip = nth};
    struct wf_buf from = {0};
    struct wf_buf to = {0};

    wf_keys_range(&from, WF_KEY_MAILBOX, 0);
    wf_keys_after(&to, wf_buf_bytes(&from));
    CHECK_OK(store->ops->scan(store->self, WF_CF_DATA, wf_buf_bytes(&from),
                              wf_buf_bytes(&to), take_letter, &row));
    CHECK(row.key.len > 0);
    wf_buf_fini(&from);
    wf_buf_fini(&to);
    return row;
}

static void
put_letter(struct rig *rig, const struct letter_row *row, weft_bytes value)
{
    const struct wf_store *store = &rig->world->sites[0].store;
    struct wf_batch batch = {0};

    if (value.len == 0) {
        wf_batch_delete(&batch, WF_CF_DATA, wf_buf_bytes(&row->key));
    } else {
        wf_batch_put(&batch, WF_CF_DATA, wf_buf_bytes(&row->key), value);
    }
    CHECK_OK(store->ops->write(store->self, &batch, true));
    wf_batch_fini(&batch);
    world_crash(rig->world, 0);
}

// Nothing is handled in another order, or left out: with the letter it goes on.
TEST(damage, a_mailbox_with_a_letter_gone_or_changed_is_refused_and_kept)
{
    struct rig rig = rig_begin();
    const struct world_call *call;
    struct letter_row row;

    let_wait(&rig);
    row = find_letter(&rig, 3);
    put_letter(&rig, &row, weft_nothing());
    CHECK_ERR(resume(&rig), WEFT_ECORRUPT);
    CHECK_ERR(ask(&rig, "a", "add", ""), WEFT_ECORRUPT);
    CHECK(strstr(world_trace(rig.world), "its mailbox does not decode") !=
          NULL);
    CHECK_OK(ask(&rig, "b", "add", "3"));
    put_letter(&rig, &row, weft_text("what"));
    CHECK_OK(resume(&rig));
    world_settle(rig.world, 1000); // it comes as far as that letter
    call = world_ask(rig.world, WEFT_VERB_DESCRIBE, "counter", "a", "",
                     weft_nothing());
    CHECK_EQ(call->item.is_parked, 1);
    CHECK_STR(call->reason, "a letter that does not decode");
    put_letter(&rig, &row, wf_buf_bytes(&row.value));
    CHECK_OK(resume(&rig));
    world_settle(rig.world, 1000);
    CHECK_OK(ask(&rig, "a", "add", "1403"));
    wf_buf_fini(&row.key);
    wf_buf_fini(&row.value);
    rig_end(&rig);
}

// As long as it takes: while it is loaded, and while it works through them.
TEST(damage, letters_that_cannot_be_read_are_read_again_until_they_can)
{
    for (uint32_t skip = 0; skip < 6; skip++) {
        struct rig rig = rig_begin();
        struct site *site = &rig.world->sites[0];
        struct weak weak;

        let_wait(&rig);
        world_crash(rig.world, 0);
        weak = (struct weak){
            .store = site->store,
            .ops = *site->store.ops,
            .skip = skip,
            .failures = 3,
        };
        weak.ops.get = weak_get;
        weak.ops.scan = weak_scan;
        weak.ops.flush = weak_flush;
        site->store = (struct wf_store){&weak.ops, &weak};
        CHECK_OK(resume(&rig));
        world_settle(rig.world, 10000);
        CHECK_OK(ask(&rig, "a", "add", "1403"));
        CHECK(strstr(world_trace(rig.world), "cannot be loaded") == NULL);
        site->store = weak.store;
        rig_end(&rig);
    }
}

// That of a log that went on, beside one that did not.
TEST(damage, an_actor_whose_row_is_ahead_of_the_log_is_refused)
{
    struct rig further = rig_begin();
    struct rig rig = rig_begin();
    const struct wf_store *store = &further.world->sites[0].store;
    struct wf_buf image = {0};

    for (int i = 3; i < 9; i++) {
        char text[2] = {(char)('0' + i), '\0'};

        CHECK_OK(ask(&further, "a", "add", text));
    }
    world_settle(further.world, 1000);
    CHECK_OK(store->ops->get(store->self, WF_CF_DATA,
                             wf_buf_bytes(&further.key), &image));
    put_image(&rig, wf_buf_bytes(&image));
    CHECK_ERR(ask(&rig, "a", "read", ""), WEFT_ECORRUPT);
    CHECK(strstr(world_trace(rig.world), "its row is ahead of the log") !=
          NULL);
    CHECK_OK(ask(&rig, "b", "read", "2"));
    put_image(&rig, wf_buf_bytes(&rig.image));
    CHECK_OK(ask(&rig, "a", "read", "2"));
    wf_buf_fini(&image);
    rig_end(&rig);
    rig_end(&further);
}

// Rows of nobody. -------------------------------------------------------------

// A row whose key begins as those of its kind and ends in these bytes.
static void
put_row(struct rig *rig, char kind, const void *end, size_t len,
        weft_bytes value)
{
    const struct wf_store *store = &rig->world->sites[0].store;
    struct wf_batch batch = {0};
    struct wf_buf key = {0};

    wf_keys_range(&key, kind, 0);
    wf_buf_put(&key, end, len);
    wf_batch_put(&batch, WF_CF_DATA, wf_buf_bytes(&key), value);
    CHECK_OK(store->ops->write(store->self, &batch, true));
    wf_batch_fini(&batch);
    wf_buf_fini(&key);
}

// A list says so rather than leave out what it cannot read; what is removed
// when its time is over is passed by.
TEST(damage, an_image_row_of_nobody_is_told_by_lists_and_passed_by_otherwise)
{
    static const char *const ends[] = {"nobody", "", "d\0k"};
    static const size_t lens[] = {6, 0, 3};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct rig rig = rig_begin();
        const struct world_call *call;

        put_row(&rig, WF_KEY_IMAGE, ends[i], lens[i], wf_buf_bytes(&rig.image));
        world_crash(rig.world, 0);
        call = world_ask(rig.world, WEFT_VERB_LIST, "counter", "a", "",
                         weft_nothing());
        CHECK_ERR(call->err, WEFT_ECORRUPT);
        CHECK_STR(call->detail, "an image row cannot be read");
        world_run_ms(rig.world, 200000); // it was looked at more than once
        CHECK_OK(ask(&rig, "a", "add", "3"));
        CHECK_OK(ask(&rig, "b", "add", "3"));
        rig_end(&rig);
    }
}

TEST(damage, an_image_that_does_not_decode_is_told_by_lists)
{
    struct rig rig = rig_begin();

    put_image(&rig, weft_bytes_of(rig.image.data, 4));
    CHECK_ERR(
        world_ask(rig.world, WEFT_VERB_LIST, "counter", "a", "", weft_nothing())
            ->err,
        WEFT_ECORRUPT);
    world_run_ms(rig.world, 200000);
    CHECK_OK(ask(&rig, "b", "add", "3"));
    rig_end(&rig);
}

// The others in it are woken all the same.
TEST(damage, a_wake_row_of_nobody_is_told_and_keeps_nobody_asleep)
{
    struct rig rig = rig_begin();
    struct wf_buf soon = {0};

    CHECK_OK(ask(&rig, "a", "later", "2"));
    world_settle(rig.world, 1000);
    put_row(&rig, WF_KEY_READY, "nobody", 6, weft_nothing());
    put_row(&rig, WF_KEY_READY, NULL, 0, weft_nothing());
    wf_buf_put_u64(&soon, world_wake_cursor(rig.world, 0) + 100);
    put_row(&rig, WF_KEY_SLEEP, soon.data, soon.len, weft_nothing());
    wf_buf_put(&soon, "nobody", 6);
    put_row(&rig, WF_KEY_SLEEP, soon.data, soon.len, weft_nothing());
    world_crash(rig.world, 0);
    world_run_ms(rig.world, 120000);
    CHECK(strstr(world_trace(rig.world), "a wake row of 9 bytes") != NULL);
    CHECK(strstr(world_trace(rig.world), "a wake row of 11 bytes") != NULL);
    CHECK(strstr(world_trace(rig.world), "a wake row of 17 bytes") != NULL);
    CHECK_OK(ask(&rig, "a", "read", "3"));
    wf_buf_fini(&soon);
    rig_end(&rig);
}
