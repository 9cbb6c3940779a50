// SPDX-License-Identifier: Apache-2.0
//
// test_audit.c - an actor that nothing would wake is found, whatever it waits
// for; one that something will wake is not.

#include "base/alloc.h"
#include "base/bytes.h"
#include "runtime/actor.h"
#include "runtime/letter.h"
#include "runtime/partition.h"
#include "runtime/partition_impl.h"
#include "runtime/policy.h"
#include "runtime/record.h"
#include "runtime/start.h"
#include "support/test.h"
#include "weft/definitions.h"
#include "weft/task_queue.h"

#define NOW_MS 1000

struct rig {
    weft_definitions *definitions;
    struct wf_partition *partition;
    struct wf_actor *actor;
    uint64_t record;
};

static weft_err
receive(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)message;
    (void)state;
    return WEFT_OK;
}

static weft_err
run_activity(weft_activity *activity, weft_bytes input)
{
    (void)activity;
    (void)input;
    return WEFT_OK;
}

static void
define(struct rig *rig, const char *kind)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = kind;
    def.receive = receive;
    CHECK_OK(weft_definitions_add_actor(rig->definitions, &def));
}

// An actor that waits for nothing. has_queues: there are task queues.
static struct rig
begin_with(bool has_queues)
{
    static const struct wf_trace silent;
    weft_activity_def charge = WEFT_ACTIVITY_DEF_INIT;
    struct rig rig = {.record = 5};
    struct wf_key key;

    CHECK_OK(weft_definitions_create(&rig.definitions));
    define(&rig, "order");
    if (has_queues) {
        define(&rig, WEFT_TASK_QUEUE_KIND);
    }
    charge.name = "charge";
    charge.run = run_activity;
    CHECK_OK(weft_definitions_add_activity(rig.definitions, &charge));
    rig.partition = wf_partition_create(&(struct wf_partition_options){
        .index = 0,
        .count = 1,
        .incarnation = 1,
        .definitions = rig.definitions,
        .trace = &silent,
        .residents_max = 1000,
    });
    rig.partition->now_ms = NOW_MS;
    CHECK_OK(wf_key_make("default", "order", "17", &key));
    rig.actor = wf_residents_get(rig.partition, &key);
    wf_key_fini(&key);
    rig.actor->residency = WF_RESIDENCY_LOADED;
    rig.actor->status = WEFT_STATUS_RUNNING;
    CHECK_EQ(wf_partition_audit(rig.partition), 0);
    return rig;
}

static struct rig
begin(void)
{
    return begin_with(false);
}

static void
end(struct rig *rig)
{
    struct wf_list requests;

    wf_list_init(&requests);
    if (wf_list_has(&rig->actor->steps)) {
        wf_list_remove(&rig->partition->steps, &rig->actor->steps);
    }
    wf_partition_destroy(rig->partition, &requests);
    weft_definitions_destroy(rig->definitions);
}

static bool
is_stuck(struct rig *rig)
{
    return wf_partition_audit(rig->partition) == 1;
}

static void
apply(struct rig *rig, struct wf_buf *ops)
{
    CHECK(wf_apply_to_actor(rig->partition, rig->actor, rig->record++, NOW_MS,
                            wf_buf_bytes(ops)));
    wf_buf_fini(ops);
}

static void
push_letter(struct rig *rig)
{
    struct wf_buf letter = {0};
    struct wf_buf ops = {0};

    wf_letter_encode(&(struct wf_letter){.type = WF_LETTER_SIGNAL}, &letter);
    wf_buf_put_u8(&ops, WF_OP_PUSH);
    wf_buf_put_bytes(&ops, wf_buf_bytes(&letter));
    apply(rig, &ops);
    wf_buf_fini(&letter);
}

TEST(audit, who_has_a_letter_is_ready_or_will_try_again_or_reads_it)
{
    struct rig rig = begin();

    push_letter(&rig);
    CHECK(is_stuck(&rig));
    wf_alarm_set(rig.partition, &rig.actor->retry, NOW_MS + 10);
    CHECK(!is_stuck(&rig));
    wf_alarm_clear(rig.partition, &rig.actor->retry);
    rig.actor->is_paging = true;
    CHECK(!is_stuck(&rig));
    rig.actor->is_paging = false;
    wf_ready_add(&rig.partition->ready, rig.actor);
    CHECK(!is_stuck(&rig));
    wf_ready_remove(rig.actor);
    CHECK(is_stuck(&rig));
    rig.actor->residency = WF_RESIDENCY_STUB; // its letters are not known
    CHECK(!is_stuck(&rig));
    end(&rig);
}

TEST(audit, who_is_held_up_is_not_lost)
{
    struct rig rig = begin();

    push_letter(&rig);
    rig.actor->is_parked = true;
    CHECK(!is_stuck(&rig));
    rig.actor->is_parked = false;
    rig.actor->is_paused = true;
    CHECK(!is_stuck(&rig));
    rig.actor->is_paused = false;
    rig.actor->kind = NULL; // nobody has its code
    CHECK(!is_stuck(&rig));
    end(&rig);
}

// That needs neither its code nor a resume.
TEST(audit, who_is_to_end_must_be_ready_even_if_it_is_held_up)
{
    struct rig rig = begin();

    rig.actor->is_end_asked = true;
    rig.actor->is_paused = true;
    CHECK(is_stuck(&rig));
    wf_ready_add(&rig.partition->ready, rig.actor);
    CHECK(!is_stuck(&rig));
    end(&rig);
}

TEST(audit, who_begins_later_has_an_alarm)
{
    struct rig rig = begin();

    rig.actor->is_start_pending = true;
    rig.actor->run_begins_at_ms = NOW_MS + 10;
    CHECK(is_stuck(&rig));
    wf_alarm_set(rig.partition, &rig.actor->begin, NOW_MS + 10);
    CHECK(!is_stuck(&rig));
    rig.partition->now_ms = NOW_MS + 10; // and it is time
    CHECK(is_stuck(&rig));
    end(&rig);
}

TEST(audit, who_has_a_deadline_has_an_alarm)
{
    weft_start_options options = WEFT_START_OPTIONS_INIT;
    struct wf_buf bytes = {0};
    struct rig rig = begin();

    options.execution_timeout_ms = 5000;
    CHECK_OK(wf_start_encode(&options, &bytes));
    wf_own_bytes(&rig.actor->options, wf_buf_bytes(&bytes));
    CHECK(is_stuck(&rig));
    wf_alarm_set(rig.partition, &rig.actor->deadline, 5000);
    CHECK(!is_stuck(&rig));
    wf_buf_fini(&bytes);
    end(&rig);
}

// Commands. -------------------------------------------------------------------

static struct wf_command *
open_command(struct rig *rig, enum wf_command_kind kind, const char *name,
             const char *queue)
{
    weft_call_options options = WEFT_CALL_OPTIONS_INIT;
    struct wf_buf encoded = {0};
    struct wf_buf ops = {0};

    options.task_queue = queue;
    CHECK_OK(wf_policy_encode(&options, &encoded));
    wf_buf_put_u8(&ops, WF_OP_COMMAND_OPEN);
    wf_buf_put_varint(&ops, 1);
    wf_buf_put_varint(&ops, kind);
    wf_buf_put_text(&ops, name);
    wf_buf_put_text(&ops, "input");
    wf_buf_put_bytes(&ops, wf_buf_bytes(&encoded));
    wf_buf_put_text(&ops, "");
    apply(rig, &ops);
    wf_buf_fini(&encoded);
    rig->partition->last_record = rig->record;
    rig->partition->sealed_record = rig->record;
    CHECK(!is_stuck(rig)); // it is not durable yet
    rig->partition->durable_record = rig->record;
    return wf_actor_find_command(rig->actor, 1);
}

TEST(audit, an_attempt_is_given_or_deferred_or_waits)
{
    struct rig rig = begin();
    struct wf_command *command =
        open_command(&rig, WF_COMMAND_ACTIVITY, "charge", NULL);

    CHECK(is_stuck(&rig));
    command->is_deferred = true;
    CHECK(!is_stuck(&rig));
    command->is_deferred = false;
    wf_alarm_set(rig.partition, &command->alarm, NOW_MS + 10);
    CHECK(!is_stuck(&rig));
    wf_alarm_clear(rig.partition, &command->alarm);
    CHECK(is_stuck(&rig));
    end(&rig);
}

TEST(audit, a_step_is_in_the_list_of_steps)
{
    struct rig rig = begin();

    (void)open_command(&rig, WF_COMMAND_STEP, "charge", NULL);
    CHECK(is_stuck(&rig));
    wf_list_push_back(&rig.partition->steps, &rig.actor->steps);
    CHECK(!is_stuck(&rig));
    end(&rig);
}

TEST(audit, an_attempt_that_nobody_here_can_run_waits_for_who_can)
{
    struct rig rig = begin();

    (void)open_command(&rig, WF_COMMAND_ACTIVITY, "unknown", NULL);
    CHECK(!is_stuck(&rig));
    end(&rig);
    rig = begin();
    (void)open_command(&rig, WF_COMMAND_ACTIVITY, "charge", "a queue");
    CHECK(!is_stuck(&rig));
    end(&rig);
    rig = begin_with(true);
    (void)open_command(&rig, WF_COMMAND_ACTIVITY, "unknown", "a queue");
    CHECK(is_stuck(&rig));
    end(&rig);
}
