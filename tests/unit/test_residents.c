// SPDX-License-Identifier: Apache-2.0
//
// test_residents.c - in which order actors are read, when many are wanted.

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "partition_rig.h"
#include "runtime/load.h"
#include "runtime/partition_impl.h"
#include "support/test.h"

#define NOW_MS 1000
#define MANY 1000

static struct partition_rig rig;

static void
rig_open(void)
{
    partition_rig_create(
        &rig, (struct wf_partition_options){.residents_max = 2 * MANY});
    wf_partition_open(rig.partition, NOW_MS);
}

static void
rig_close(void)
{
    (void)partition_rig_destroy(&rig); // who has asked is not answered
}

static struct wf_key
key_of(int number)
{
    struct wf_key key;
    char id[16];

    (void)snprintf(id, sizeof(id), "%d", number);
    CHECK_OK(wf_key_make("default", "kind", id, &key));
    return key;
}

static struct wf_actor *
actor(int number)
{
    struct wf_key key = key_of(number);
    struct wf_actor *found = wf_residents_get(rig.partition, &key);

    wf_key_fini(&key);
    return found;
}

// Nobody in particular waits for them.
static void
want_many(void)
{
    for (int i = 0; i < MANY; i++) {
        wf_residents_want(rig.partition, actor(i));
    }
}

static void
describe(int number)
{
    struct wf_request *request = wf_request_create();

    request->verb = WEFT_VERB_DESCRIBE;
    request->key = key_of(number);
    wf_partition_request(rig.partition, NOW_MS, request);
}

// Take the next question for an actor; NULL: there is none now.
static struct wf_load *
take_load(void)
{
    struct wf_list *loads = &wf_partition_outputs(rig.partition)->loads;
    struct wf_list_node *node;

    while ((node = wf_list_pop_front(loads)) != NULL) {
        struct wf_load *load = WF_CONTAINER(node, struct wf_load, node);

        if (load->purpose == WF_PURPOSE_ACTOR) {
            return load;
        }
        wf_load_destroy(load);
    }
    return NULL;
}

// Some at a time. The last who was wanted is next once somebody asks for it.
TEST(residents, who_is_asked_for_is_read_before_those_that_nobody_waits_for)
{
    struct wf_load *load;
    int under_way = 0;

    rig_open();
    want_many();
    while ((load = take_load()) != NULL) {
        wf_load_destroy(load);
        under_way++;
    }
    CHECK(under_way > 0 && under_way < MANY / 10);
    CHECK_EQ(actor(MANY - 1)->residency, WF_RESIDENCY_STUB);
    describe(MANY - 1);
    load = take_load();
    CHECK(load != NULL && load->subject == actor(MANY - 1));
    describe(MANY - 1); // it is under way
    CHECK(take_load() == NULL);
    wf_load_destroy(load);
    rig_close();
}

TEST(residents, each_is_read_once_and_none_is_forgotten)
{
    struct wf_load *load;
    int count = 0;

    rig_open();
    want_many();
    describe(MANY - 1);
    describe(MANY); // nobody has wanted that one
    while ((load = take_load()) != NULL) {
        wf_partition_load(rig.partition, NOW_MS, load); // there is no row
        count++;
    }
    CHECK_EQ(count, MANY + 1);
    for (int i = 0; i <= MANY; i++) {
        CHECK_EQ(actor(i)->residency, WF_RESIDENCY_LOADED);
    }
    rig_close();
}
