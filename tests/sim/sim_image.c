// SPDX-License-Identifier: Apache-2.0
//
// sim_image.c - nothing durable is lost between an actor and its rows.
//
// An actor is made with something in each of its durable fields, saved, and
// read back as after a crash. Both are told field by field, as twin.c tells
// them, so a field that is in no image, or in the place of another, shows
// whether or not any run happens to need it.

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/attributes.h"
#include "runtime/image.h"
#include "runtime/inspect_core.h"
#include "runtime/partition_impl.h"
#include "runtime/question.h"
#include "sim/twin.h"
#include "sim/world_impl.h"
#include "support/test.h"

enum { FEW = 2, MANY = 150, FLAGS = 6, COMMAND_FLAGS = 6, NUL = 1 };

// A number that no other field has, of up to five bytes.
static uint64_t
next_number(void)
{
    static uint64_t number = 1000;

    return number += 7;
}

static weft_bytes
next_text(void)
{
    static char text[40];

    (void)snprintf(text, sizeof(text), "text %llu",
                   (unsigned long long)next_number());
    return weft_text(text);
}

static struct wf_key
make_key(const char *kind)
{
    char id[40];
    struct wf_key key;

    (void)snprintf(id, sizeof(id), "n%llu", (unsigned long long)next_number());
    CHECK_OK(wf_key_make("default", kind, id, &key));
    return key;
}

// A set of one.
static void
own_attributes(weft_bytes *owned)
{
    struct wf_buf set = {0};
    weft_attribute attribute =
        weft_attribute_int("size", (int64_t)next_number());

    wf_attributes_put(&set, &attribute);
    wf_own_bytes(owned, wf_buf_bytes(&set));
    wf_buf_fini(&set);
}

static void
fill_life(struct wf_actor *actor, unsigned flag)
{
    bool *flags[FLAGS] = {
        &actor->is_start_pending, &actor->is_parked,    &actor->is_paused,
        &actor->is_cancel_asked,  &actor->is_end_asked, &actor->is_left,
    };

    actor->status = WEFT_STATUS_RUNNING;
    actor->version = (uint32_t)next_number();
    actor->origin_run = next_number();
    actor->run = next_number();
    actor->seed = next_number() << 32;
    actor->origin_seed = next_number() << 32;
    actor->created_at_ms = next_number();
    actor->finished_at_ms = next_number();
    wf_key_fini(&actor->parent);
    actor->parent = make_key("parent");
    actor->parent_run = next_number();
    actor->parent_call = (uint32_t)next_number();
    wf_own_bytes(&actor->input, next_text());
    wf_own_bytes(&actor->memo, next_text());
    actor->attempt = (uint32_t)next_number();
    actor->begins_at_ms = next_number();
    actor->run_begins_at_ms = next_number();
    *flags[flag % FLAGS] = true;
    wf_own_text(&actor->reason, next_text());
    actor->failed_attempts = (uint32_t)next_number();
    actor->crashes = (uint32_t)next_number();
    actor->retry_due = next_number();
    wf_own_bytes(&actor->state, next_text());
    actor->next_id = (uint32_t)next_number();
    wf_own_bytes(&actor->result, next_text());
    own_attributes(&actor->attributes);
    own_attributes(&actor->attributes_begun);
    wf_own_text(&actor->failure_name, next_text());
    wf_own_text(&actor->failure_message, next_text());
    wf_own_bytes(&actor->failure_details, next_text());
    wf_own_bytes(&actor->failure_causes, next_text());
}

static void
put_letter(struct wf_actor *actor)
{
    struct wf_buf letter = {0};

    wf_letter_encode(
        &(struct wf_letter){
            .type = WF_LETTER_SIGNAL,
            .name = weft_text("name"),
            .data = next_text(),
        },
        &letter);
    wf_mailbox_push(&actor->mailbox, wf_buf_bytes(&letter));
    wf_buf_fini(&letter);
}

static void
put_timer(struct wf_actor *actor, uint32_t id)
{
    struct wf_timer *timer = wf_calloc(sizeof(*timer));

    timer->id = id;
    timer->due = next_number();
    timer->actor = actor;
    wf_own_text(&timer->name, next_text());
    wf_opened_add(&actor->timers, &timer->node);
}

static void
put_command(struct wf_actor *actor, uint32_t id, unsigned flag)
{
    struct wf_command *command = wf_calloc(sizeof(*command));
    bool *flags[COMMAND_FLAGS] = {
        &command->is_deferred,  &command->is_cancel_asked,
        &command->is_abandoned, &command->is_paused,
        &command->is_held,      &command->is_offered,
    };

    command->id = id;
    command->actor = actor;
    command->kind = flag % 2 == 0 ? WF_COMMAND_ACTIVITY : WF_COMMAND_STEP;
    wf_own_text(&command->name, next_text());
    wf_own_bytes(&command->input, next_text());
    wf_own_bytes(&command->options, next_text());
    wf_own_bytes(&command->headers, next_text());
    wf_own_bytes(&command->details, next_text());
    command->attempt = (uint32_t)next_number();
    command->base = (uint32_t)next_number();
    command->lost = (uint32_t)next_number();
    command->opened_ms = next_number();
    command->attempt_ms = next_number();
    command->due = next_number();
    *flags[flag % COMMAND_FLAGS] = true;
    command->offers = (uint32_t)next_number();
    command->offered_ms = next_number();
    command->leased_ms = next_number();
    command->is_leased = !command->is_deferred;
    command->lease_ms = next_number();
    wf_own_text(&command->worker, next_text());
    command->failed_ms = next_number();
    wf_own_text(&command->failure_name, next_text());
    wf_own_text(&command->failure_message, next_text());
    wf_opened_add(&actor->commands, &command->node);
}

static void
put_call(struct wf_actor *actor, uint32_t id, unsigned flag)
{
    struct wf_call *call = wf_calloc(sizeof(*call));

    call->id = id;
    call->type = flag % 2 == 0 ? WF_CALL_CHILD : WF_CALL_ASK;
    call->run = flag % 3 == 0 ? actor->run : next_number();
    call->target = make_key("child");
    call->close = WEFT_PARENT_CLOSE_CANCEL;
    call->cancellation = WEFT_CANCELLATION_ABANDON;
    call->is_asked = flag % 2 == 0;
    call->is_given_up = flag % 2 != 0;
    wf_opened_add(&actor->calls, &call->node);
}

static void
put_order(struct wf_actor *actor, uint32_t number)
{
    struct wf_order *order = wf_calloc(sizeof(*order));

    order->number = number;
    order->type = WF_ORDER_TERMINATE;
    order->run = next_number();
    order->call = (uint32_t)next_number();
    order->target = make_key("child");
    wf_opened_add(&actor->orders, &order->node);
}

static void
put_operation(struct wf_actor *actor)
{
    struct wf_operation *operation = wf_calloc(sizeof(*operation));

    operation->number = ++actor->operations_made;
    operation->at_ms = next_number();
    operation->run = next_number();
    operation->journal_count = next_number();
    wf_own_text(&operation->who, next_text());
    wf_own_text(&operation->why, next_text());
    wf_own_text(&operation->what, next_text());
    wf_list_push_back(&actor->operations, &operation->node);
}

static void
put_update(struct wf_actor *actor, uint32_t number, unsigned flag)
{
    struct wf_update *update = wf_update_create(number);

    wf_own_text(&update->id, next_text());
    memset(update->client, (int)(number + 1), sizeof(update->client));
    update->request = next_number();
    update->is_told_early = flag % 2 == 0;
    update->is_accepted = flag % 3 == 0;
    wf_updates_add(&actor->updates, update);
    if (flag % 4 == 3) {
        wf_updates_keep(&actor->updates, update, WEFT_EFAILED, next_text());
    }
}

static void
put_entry(struct wf_actor *actor)
{
    struct wf_buf bytes = {0};

    wf_entry_encode(
        &(struct wf_entry){
            .type = WF_ENTRY_OPEN,
            .kind = WF_COMMAND_ACTIVITY,
            .ordinal = (uint32_t)next_number(),
            .name = next_text(),
            .input_hash = next_number(),
        },
        &bytes);
    (void)wf_journal_append(&actor->journal, wf_buf_bytes(&bytes));
    wf_buf_fini(&bytes);
}

static void
fill_parts(struct wf_actor *actor, uint32_t count, unsigned flag)
{
    for (uint32_t i = 1; i <= count; i++) {
        char name[24];
        struct wf_buf letter = {0};
        struct wf_question *question;

        (void)snprintf(name, sizeof(name), "value %u", i);
        put_letter(actor);
        put_timer(actor, i);
        put_command(actor, i, flag + i);
        put_call(actor, i, flag + i);
        put_order(actor, i);
        put_operation(actor);
        put_update(actor, i, flag + i);
        put_entry(actor);
        (void)wf_published_put(&actor->published, name, next_text());
        wf_letter_encode(
            &(struct wf_letter){
                .type = WF_LETTER_SIGNAL,
                .data = next_text(),
            },
            &letter);
        question = wf_question_create(i, wf_buf_bytes(&letter));
        wf_opened_add(&actor->questions, &question->node);
        wf_buf_fini(&letter);
    }
    actor->outlived_to = actor->mailbox.first_seq + 1;
}

// Make its rows part of what the site has on its disk.
static void
save(struct site *site, struct wf_actor *actor)
{
    struct wf_batch rows = {0};

    wf_image_save(site->partition, actor, &rows);
    CHECK_OK(site->store.ops->write(site->store.self, &rows, true));
    wf_batch_fini(&rows);
}

// What is told of it and of what is read back must be the same.
static void
check_same(struct site *site, const struct wf_actor *actor)
{
    struct wf_partition *other;
    struct wf_actor *read;
    struct wf_list requests;
    struct wf_buf was = {0};
    struct wf_buf is = {0};

    wf_list_init(&requests);
    CHECK_OK(site_recover(site, &site->world->trace, &other));
    CHECK_OK(wf_inspect_core_actor(other, &actor->key, &site->store, &read));
    twin_print_actor(actor, read, &was);
    twin_print_actor(read, actor, &is);
    wf_buf_put_u8(&was, '\0');
    wf_buf_put_u8(&is, '\0');
    CHECK_STR((const char *)is.data, (const char *)was.data);
    CHECK_EQ(read->object.position, actor->object.position);
    wf_actor_check(read);
    wf_inspect_core_drop(other, read);
    wf_partition_destroy(other, &requests);
    wf_buf_fini(&was);
    wf_buf_fini(&is);
}

static void
check_rows(struct site *site, uint32_t count, unsigned flag)
{
    struct wf_key key = make_key("kind");
    struct wf_actor *actor = wf_actor_create(&key, 1);

    actor->object.position = 1;
    fill_life(actor, flag);
    fill_parts(actor, count, flag);
    save(site, actor);
    check_same(site, actor);

    // Once more, over the rows that it has now: some are new, some go.
    while (actor->orders.list.count > 1) {
        wf_order_destroy(
            WF_CONTAINER(wf_opened_pop(&actor->orders), struct wf_order, node));
    }
    CHECK(wf_mailbox_pop(&actor->mailbox));
    fill_life(actor, flag + 1);
    put_timer(actor, count + 1);
    put_entry(actor);
    put_letter(actor);
    save(site, actor);
    check_same(site, actor);
    wf_actor_destroy(actor);
    wf_key_fini(&key);
}

static void
check_all(uint32_t count)
{
    weft_definitions *none;
    struct world *world;

    CHECK_OK(weft_definitions_create(&none));
    world = world_create(&(struct world_options){
        .sites = 1,
        .definitions = none,
    });

    for (unsigned flag = 0; flag < FLAGS * COMMAND_FLAGS; flag += 5) {
        check_rows(&world->sites[0], count, flag);
    }
    world_destroy(world);
    weft_definitions_destroy(none);
}

TEST(image, all_of_a_small_actor_is_in_its_row)
{
    check_all(FEW);
}

TEST(image, all_of_a_large_actor_is_in_its_rows)
{
    check_all(MANY);
}
