// SPDX-License-Identifier: Apache-2.0

#include "base/mpsc.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "support/test.h"

struct item {
    struct wf_mpsc_node node; // first
    uint32_t pusher;
    uint32_t number;
};

static struct item *
pop(struct wf_mpsc *queue)
{
    return (struct item *)(void *)wf_mpsc_pop(queue);
}

static uint64_t
now_ms(void)
{
    struct wf_clock clock = wf_clock_system();

    return clock.mono_ns(clock.self) / 1000000;
}

TEST(mpsc, one_thread_gets_its_items_back_in_order)
{
    struct item items[5] = {{.number = 0}};
    struct wf_mpsc queue;

    wf_mpsc_init(&queue);
    for (int round = 0; round < 3; round++) {
        CHECK(pop(&queue) == NULL);
        for (uint32_t count = 1; count <= 5; count++) {
            for (uint32_t i = 0; i < count; i++) {
                wf_mpsc_push(&queue, &items[i].node);
            }
            for (uint32_t i = 0; i < count; i++) {
                CHECK_EQ(pop(&queue), &items[i]);
            }
            CHECK(pop(&queue) == NULL);
        }
    }
    wf_mpsc_fini(&queue);
}

TEST(mpsc, a_popped_item_can_be_pushed_again_at_once)
{
    struct item a = {.number = 1};
    struct item b = {.number = 2};
    struct wf_mpsc queue;

    wf_mpsc_init(&queue);
    wf_mpsc_push(&queue, &a.node);
    wf_mpsc_push(&queue, &b.node);
    for (int i = 0; i < 100; i++) {
        struct item *item = pop(&queue);

        CHECK_EQ(item, i % 2 == 0 ? &a : &b);
        wf_mpsc_push(&queue, &item->node);
    }
    wf_mpsc_fini(&queue);
}

TEST(mpsc, wait_ends_with_its_time)
{
    struct wf_mpsc queue;
    uint64_t start_ms = now_ms();

    wf_mpsc_init(&queue);
    wf_mpsc_wait(&queue, 30);
    CHECK(now_ms() - start_ms >= 29);
    wf_mpsc_fini(&queue);
}

TEST(mpsc, wait_returns_at_once_when_there_is_something)
{
    struct item item = {.number = 1};
    struct wf_mpsc queue;

    wf_mpsc_init(&queue);
    wf_mpsc_push(&queue, &item.node);
    wf_mpsc_wait(&queue, -1);
    CHECK_EQ(pop(&queue), &item);
    wf_mpsc_fini(&queue);
}

// Nobody writes to the descriptor of a consumer that looks.
TEST(mpsc, looking_finds_what_is_there_and_is_no_sleep)
{
    struct item item = {.number = 1};
    struct wf_mpsc queue;
    struct pollfd poll_fd;

    wf_mpsc_init(&queue);
    poll_fd = (struct pollfd){.fd = queue.fd, .events = POLLIN};
    CHECK(!wf_mpsc_look(&queue, 0));
    CHECK(!wf_mpsc_look(&queue, 1000));
    wf_mpsc_push(&queue, &item.node);
    CHECK(wf_mpsc_look(&queue, 0));
    CHECK(wf_mpsc_look(&queue, UINT32_MAX));
    CHECK_EQ(poll(&poll_fd, 1, 0), 0);
    CHECK_EQ(pop(&queue), &item);
    CHECK(!wf_mpsc_look(&queue, 0));
    wf_mpsc_fini(&queue);
}

TEST(mpsc, a_wake_before_the_wait_ends_it)
{
    struct wf_mpsc queue;
    uint64_t start_ms;

    wf_mpsc_init(&queue);
    wf_mpsc_wake(&queue);
    wf_mpsc_wait(&queue, -1);
    start_ms = now_ms();
    wf_mpsc_wait(&queue, 20); // and only that one
    CHECK(now_ms() - start_ms >= 19);
    wf_mpsc_fini(&queue);
}

static bool
is_readable(const struct wf_mpsc *queue)
{
    struct pollfd poll_fd = {.fd = queue->fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1;
}

TEST(mpsc, only_a_push_to_a_sleeper_writes)
{
    struct item items[3] = {{.number = 0}};
    struct wf_mpsc queue;

    wf_mpsc_init(&queue);
    wf_mpsc_push(&queue, &items[0].node);
    CHECK(!is_readable(&queue));
    CHECK(!wf_mpsc_start_wait(&queue)); // there is something
    CHECK_EQ(pop(&queue), &items[0]);

    CHECK(wf_mpsc_start_wait(&queue));
    CHECK(!is_readable(&queue));
    wf_mpsc_push(&queue, &items[1].node);
    CHECK(is_readable(&queue));
    wf_mpsc_push(&queue, &items[2].node);
    wf_mpsc_stop_wait(&queue);
    CHECK(!is_readable(&queue));
    CHECK_EQ(pop(&queue), &items[1]);
    CHECK_EQ(pop(&queue), &items[2]);
    wf_mpsc_fini(&queue);
}

// Many pushers, one consumer that sleeps for ever whenever it finds nothing: a
// lost wake-up hangs the test.
enum { PUSHERS = 4, ITEMS = 50000 };

struct pusher {
    pthread_t thread;
    struct wf_mpsc *queue;
    struct item *items;
    unsigned pause; // yield after every so many; 0: never
};

static void *
push_all(void *ctx)
{
    struct pusher *pusher = ctx;

    for (uint32_t i = 0; i < ITEMS; i++) {
        wf_mpsc_push(pusher->queue, &pusher->items[i].node);
        if (pusher->pause != 0 && i % pusher->pause == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void
start_pusher(struct pusher *pusher, struct wf_mpsc *queue, uint32_t number,
             unsigned pause)
{
    pusher->queue = queue;
    pusher->pause = pause;
    pusher->items = wf_calloc(ITEMS * sizeof(*pusher->items));
    for (uint32_t i = 0; i < ITEMS; i++) {
        pusher->items[i].pusher = number;
        pusher->items[i].number = i;
    }
    CHECK_EQ(pthread_create(&pusher->thread, NULL, push_all, pusher), 0);
}

static void
run_pushers(unsigned pause)
{
    struct pusher pushers[PUSHERS];
    uint32_t next[PUSHERS] = {0};
    struct wf_mpsc queue;

    wf_mpsc_init(&queue);
    for (uint32_t i = 0; i < PUSHERS; i++) {
        start_pusher(&pushers[i], &queue, i, pause);
    }
    for (unsigned left = PUSHERS * ITEMS; left > 0;) {
        struct item *item = pop(&queue);

        if (item == NULL) {
            wf_mpsc_wait(&queue, -1);
            continue;
        }
        CHECK_EQ(item->number, next[item->pusher]); // order of each pusher
        next[item->pusher]++;
        left--;
    }
    for (uint32_t i = 0; i < PUSHERS; i++) {
        CHECK_EQ(pthread_join(pushers[i].thread, NULL), 0);
        wf_free(pushers[i].items);
    }
    CHECK(pop(&queue) == NULL);
    wf_mpsc_fini(&queue);
}

TEST(mpsc, no_item_order_or_wakeup_is_lost_at_full_speed)
{
    run_pushers(0);
}

TEST(mpsc, no_item_order_or_wakeup_is_lost_when_pushers_pause)
{
    run_pushers(1);
    run_pushers(7);
}

// One item to and fro: each push meets a consumer about to sleep, the moment
// at which a wake-up could be lost.
struct player {
    struct wf_mpsc *mine;
    struct wf_mpsc *theirs;
    unsigned rounds;
};

static void *
play(void *ctx)
{
    struct player *player = ctx;

    for (unsigned i = 0; i < player->rounds; i++) {
        struct wf_mpsc_node *node;

        while ((node = wf_mpsc_pop(player->mine)) == NULL) {
            wf_mpsc_wait(player->mine, -1);
        }
        wf_mpsc_push(player->theirs, node);
    }
    return NULL;
}

TEST(mpsc, an_item_goes_to_and_fro_without_a_lost_wakeup)
{
    struct wf_mpsc queues[2];
    struct item item = {.number = 1};
    struct player players[2] = {
        {&queues[0], &queues[1], 20000},
        {&queues[1], &queues[0], 20000},
    };
    pthread_t thread;

    wf_mpsc_init(&queues[0]);
    wf_mpsc_init(&queues[1]);
    CHECK_EQ(pthread_create(&thread, NULL, play, &players[1]), 0);
    wf_mpsc_push(&queues[0], &item.node);
    play(&players[0]);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(pop(&queues[0]), &item);
    wf_mpsc_fini(&queues[0]);
    wf_mpsc_fini(&queues[1]);
}
