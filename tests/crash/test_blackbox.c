// SPDX-License-Identifier: Apache-2.0
//
// test_blackbox.c - user code that kills the process is parked in the end.
//
// The poison is a timer or an activity: what was not durable when it killed the
// process would be gone with it, and not come again.
//
// A process of its own opens the node and lives until it dies of what it was
// sent, or for a while. What is left of it is the directory, and one page of a
// file that it shares with the test.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/rig.h"
#include "support/test.h"

#define SURVIVED 42
#define LIVES_MAX 10
#define SWALLOW_MS 50
#define ABORT_MS 200

// What a life leaves behind.
struct page {
    int deaths_left; // of those by SIGKILL
    int is_parked;
    uint64_t others; // what the counters came to
    char reason[600];
};

static struct page *page;

enum poison {
    POISON_TURN,     // an actor's handler follows NULL
    POISON_ACTIVITY, // an activity does
    POISON_STACK,    // a workflow uses up its stack
    POISON_CHILD,    // a child follows NULL before anything of it is durable
    POISON_DOUBT,    // a condition that a workflow waits for does
    POISON_KILL,     // somebody kills the process while a turn runs
    POISON_SPIN      // an actor's handler does not end
};

static bool is_cured; // the code was corrected

__attribute__((no_sanitize("undefined"))) static void
follow_null(void)
{
    volatile int *volatile nowhere = NULL;

    *nowhere = 1;
}

static void
spin(void)
{
    volatile bool is_ended = false;

    while (!is_ended) {
    }
}

// Deeper than any stack, for all that the compiler can know.
__attribute__((noinline)) static uint64_t
dig(volatile uint64_t *depth)
{
    volatile uint64_t here[64];

    ++*depth;
    here[*depth % 64] = *depth;
    return (*depth == 0 ? 0 : dig(depth)) + here[*depth % 64];
}

static weft_err
careless(weft_actor *actor, const weft_message *message, void *state)
{
    uint64_t *number = state;

    if (message->type == WEFT_MESSAGE_SIGNAL) {
        return weft_actor_timer_set(actor, message->name, SWALLOW_MS);
    }
    if (!is_cured && strcmp(message->name, "null") == 0) {
        follow_null();
    } else if (!is_cured && strcmp(message->name, "spin") == 0) {
        spin();
    } else if (strcmp(message->name, "kill") == 0 && page->deaths_left > 0) {
        page->deaths_left--;
        (void)kill(getpid(), SIGKILL);
        for (;;) {
            (void)pause();
        }
    }
    (*number)++;
    return WEFT_OK;
}

static weft_err
show(weft_query *query, const char *name, weft_bytes args, const void *state,
     size_t state_len)
{
    (void)name;
    (void)args;
    return weft_query_return(query, weft_bytes_of(state, state_len));
}

static weft_err
poisonous(weft_activity *activity, weft_bytes input)
{
    if (!is_cured) {
        follow_null();
    }
    return weft_activity_return(activity, input);
}

static weft_err
caller(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;
    weft_err err = weft_workflow_call(wf, "poisonous", input, NULL, &result);

    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

static weft_err
digger(weft_workflow *wf, weft_bytes input)
{
    volatile uint64_t depth = 0;
    weft_err err = weft_workflow_sleep(wf, SWALLOW_MS);

    if (err != WEFT_OK) {
        return err;
    }
    if (!is_cured) {
        (void)dig(&depth);
    }
    return weft_workflow_return(wf, input);
}

static weft_err
parent(weft_workflow *wf, weft_bytes input)
{
    weft_bytes result;
    weft_err err = weft_workflow_sleep(wf, SWALLOW_MS);

    if (err == WEFT_OK) {
        err = weft_workflow_child(wf, (weft_target){"infant", "victim"}, input,
                                  NULL, &result);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, result) : err;
}

static weft_err
infant(weft_workflow *wf, weft_bytes input)
{
    if (!is_cured) {
        follow_null();
    }
    return weft_workflow_return(wf, input);
}

static weft_err
raise_doubt(weft_workflow *wf, void *ctx)
{
    weft_err err = weft_workflow_sleep(wf, SWALLOW_MS);

    *(bool *)ctx = true;
    return err;
}

static int
has_doubt(void *ctx)
{
    const bool *is_raised = ctx;

    if (*is_raised && !is_cured) {
        follow_null();
    }
    return *is_raised;
}

static weft_err
doubter(weft_workflow *wf, weft_bytes input)
{
    bool is_raised = false;
    weft_future branch;
    weft_err err = weft_workflow_branch(wf, "raise", raise_doubt, &is_raised,
                                        NULL, &branch);

    if (err == WEFT_OK) {
        err = weft_workflow_await_condition(wf, has_doubt, &is_raised,
                                            WEFT_FOREVER);
    }
    return err == WEFT_OK ? weft_workflow_return(wf, input) : err;
}

static void
share_page(const char *dir)
{
    char path[600];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/page", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)sizeof(*page)), 0);
    page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(page != MAP_FAILED);
    (void)close(fd);
}

// The test's own directory holds the page, and the node's beside it.
static char home[512];
static char data_dir[600];

static void
init(struct rig *rig, const char *dir)
{
    weft_actor_def actor = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    (void)snprintf(home, sizeof(home), "%s", dir);
    (void)snprintf(data_dir, sizeof(data_dir), "%s/data", home);
    share_page(home);
    is_cured = false;
    rig_init(rig, data_dir);
    actor.name = "careless";
    actor.state_bytes = sizeof(uint64_t);
    actor.receive = careless;
    actor.query = show;
    CHECK_OK(weft_definitions_add_actor(rig->definitions, &actor));
    workflow.name = "caller";
    workflow.run = caller;
    CHECK_OK(weft_definitions_add_workflow(rig->definitions, &workflow));
    workflow.name = "digger";
    workflow.run = digger;
    CHECK_OK(weft_definitions_add_workflow(rig->definitions, &workflow));
    workflow.name = "parent";
    workflow.run = parent;
    CHECK_OK(weft_definitions_add_workflow(rig->definitions, &workflow));
    workflow.name = "infant";
    workflow.run = infant;
    CHECK_OK(weft_definitions_add_workflow(rig->definitions, &workflow));
    workflow.name = "doubter";
    workflow.run = doubter;
    CHECK_OK(weft_definitions_add_workflow(rig->definitions, &workflow));
    activity.name = "poisonous";
    activity.run = poisonous;
    CHECK_OK(weft_definitions_add_activity(rig->definitions, &activity));
}

static weft_target
target_of(enum poison poison)
{
    static const char *const kinds[] = {"careless", "caller",  "digger",
                                        "infant",   "doubter", "careless",
                                        "careless"};

    return (weft_target){kinds[poison], "victim"};
}

// Or it is started.
static bool
is_signalled(enum poison poison)
{
    return poison == POISON_TURN || poison == POISON_KILL ||
           poison == POISON_SPIN;
}

static void
send_poison(struct rig *rig, enum poison poison)
{
    weft_target target = target_of(poison);

    if (poison == POISON_CHILD) {
        target.kind = "parent";
    }
    if (is_signalled(poison)) {
        (void)weft_client_signal(rig->client, target,
                                 poison == POISON_TURN   ? "null"
                                 : poison == POISON_SPIN ? "spin"
                                                         : "kill",
                                 weft_nothing());
    } else {
        (void)weft_client_start(rig->client, target, weft_text("input"));
    }
}

static uint64_t
count_swallowed(struct rig *rig, weft_target target)
{
    uint64_t value = 0;
    weft_reply *reply;

    if (weft_client_query(rig->client, target, "all", weft_nothing(), &reply) ==
        WEFT_OK) {
        memcpy(&value, reply->data.data, sizeof(value));
    }
    weft_reply_free(reply);
    return value;
}

// What was poisoned is parked, or has swallowed it well?
static bool
is_over(struct rig *rig, enum poison poison)
{
    weft_target target = target_of(poison);
    weft_reply *reply;

    if (weft_client_describe(rig->client, target, &reply) == WEFT_OK) {
        page->is_parked = reply->items[0].is_parked;
        (void)snprintf(page->reason, sizeof(page->reason), "%s",
                       reply->items[0].reason);
    }
    weft_reply_free(reply);
    return page->is_parked ||
           (poison == POISON_KILL && count_swallowed(rig, target) > 0);
}

// Others first, then the poison in the first life; in the others it is there.
TEST(blackbox, life)
{
    const char *text = getenv("RIG_LIFE");
    enum poison poison;
    unsigned number;
    unsigned is_first;
    struct rig rig;
    uint64_t value;
    char dir[500];

    if (text == NULL) {
        return; // it is not run by another test
    }
    CHECK_EQ(sscanf(text, "%u %u %499s", &number, &is_first, dir), 3);
    poison = (enum poison)number;
    init(&rig, dir);
    rig.options.turn_ms_abort = poison == POISON_SPIN ? ABORT_MS : 0;
    if (rig_try_open(&rig) != WEFT_OK || rig_add(&rig, 1) != WEFT_OK) {
        _exit(1);
    }
    if (is_first) {
        send_poison(&rig, poison);
    }
    for (int i = 0; i < 6000 && !is_over(&rig, poison); i++) {
        (void)usleep(10000); // that it dies in
    }
    if (rig_add(&rig, 1) != WEFT_OK || rig_read(&rig, 0, &value) != WEFT_OK) {
        _exit(2);
    }
    page->others = value;
    rig_fini(&rig); // if the process lives to see it
    _exit(SURVIVED);
}

// How often the process died before it stayed.
static int
count_deaths(enum poison poison)
{
    char life[600];
    int deaths = 0;
    int status;

    for (;;) {
        (void)snprintf(life, sizeof(life), "%u %u %s", (unsigned)poison,
                       deaths == 0, home);
        status = rig_run("blackbox.life", life);
        if (WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED) {
            return deaths;
        }
        // A sanitizer may turn the signal into an exit of its own.
        CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 2);
        CHECK(++deaths < LIVES_MAX);
    }
}

// Now that the code is right, the same message does what it should.
static void
cure(struct rig *rig, enum poison poison)
{
    weft_target target = target_of(poison);
    weft_reply *reply;

    is_cured = true;
    rig_open(rig);
    CHECK_OK(weft_client_resume(rig->client, target));
    if (is_signalled(poison)) {
        for (int i = 0; i < 6000 && count_swallowed(rig, target) == 0; i++) {
            (void)usleep(10000);
        }
        CHECK_EQ(count_swallowed(rig, target), 1);
    } else {
        CHECK_OK(weft_client_result(rig->client, target, 60000, &reply));
        CHECK_BYTES(reply->data, weft_text("input"));
        weft_reply_free(reply);
    }
    rig_close(rig);
}

static void
kill_and_cure(struct test *t, enum poison poison, const char *reason)
{
    struct rig rig;

    init(&rig, test_dir(t));
    CHECK_EQ(count_deaths(poison), 3);
    CHECK(page->is_parked);
    if (strstr(page->reason, reason) == NULL) {
        CHECK_STR(page->reason, reason);
    }
    CHECK(page->others >= 3); // first life one, last life two, at least
    cure(&rig, poison);
    rig_fini(&rig);
}

TEST(blackbox, an_actor_that_follows_null_is_parked)
{
    kill_and_cure(t, POISON_TURN, "last with SIGSEGV in its turn (timer null)");
}

TEST(blackbox, an_actor_whose_turn_does_not_end_is_parked)
{
    kill_and_cure(t, POISON_SPIN,
                  "last with too long a time in its turn (timer spin)");
}

TEST(blackbox, an_activity_that_follows_null_is_parked)
{
    kill_and_cure(t, POISON_ACTIVITY,
                  "last with SIGSEGV in its activity poisonous");
}

TEST(blackbox, a_workflow_that_uses_up_its_stack_is_parked)
{
    kill_and_cure(t, POISON_STACK,
                  "last with a stack overflow in its turn (timer): raise its "
                  "kind's stack_bytes");
}

TEST(blackbox, a_child_that_dies_of_its_start_is_parked)
{
    kill_and_cure(t, POISON_CHILD, "last with SIGSEGV in its turn (start)");
}

TEST(blackbox, a_condition_that_follows_null_is_parked)
{
    kill_and_cure(t, POISON_DOUBT, "last with SIGSEGV in its turn (condition)");
}

TEST(blackbox, being_killed_blames_nobody)
{
    struct rig rig;

    init(&rig, test_dir(t));
    page->deaths_left = 5;
    CHECK_EQ(count_deaths(POISON_KILL), 5);
    CHECK(!page->is_parked);
    rig_open(&rig);
    CHECK_EQ(count_swallowed(&rig, target_of(POISON_KILL)), 1);
    rig_fini(&rig);
}
