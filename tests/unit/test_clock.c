// SPDX-License-Identifier: Apache-2.0

#include "base/clock.h"

#include "support/test.h"

struct fake {
    uint64_t wall_ms;
    uint64_t mono_ns;
};

static uint64_t
fake_wall_ms(void *self)
{
    return ((struct fake *)self)->wall_ms;
}

static uint64_t
fake_mono_ns(void *self)
{
    return ((struct fake *)self)->mono_ns;
}

static struct wf_clock
clock_of(struct fake *fake)
{
    return (struct wf_clock){fake_wall_ms, fake_mono_ns, fake};
}

TEST(clock, the_system_clocks_go_forward)
{
    struct wf_clock clock = wf_clock_system();
    uint64_t before_ns = clock.mono_ns(clock.self);

    CHECK(clock.wall_ms(clock.self) > 1700000000000ULL);
    CHECK(clock.mono_ns(clock.self) >= before_ns);
}

TEST(clock, steady_follows_the_wall_forward_and_over_jumps)
{
    struct fake fake = {.wall_ms = 1000, .mono_ns = 0};
    struct wf_steady steady;

    wf_steady_init(&steady, clock_of(&fake), 0);
    CHECK_EQ(wf_steady_now_ms(&steady), 1000);
    fake.wall_ms = 1010;
    CHECK_EQ(wf_steady_now_ms(&steady), 1010);
    fake.wall_ms = 900000;
    CHECK_EQ(wf_steady_now_ms(&steady), 900000);
}

TEST(clock, steady_goes_on_when_the_wall_jumps_back)
{
    struct fake fake = {.wall_ms = 10000, .mono_ns = 0};
    struct wf_steady steady;

    wf_steady_init(&steady, clock_of(&fake), 0);
    fake.wall_ms = 4000;
    fake.mono_ns += 5 * 1000000;
    CHECK_EQ(wf_steady_now_ms(&steady), 10005);
    fake.wall_ms = 4100;
    fake.mono_ns += 100 * 1000000;
    CHECK_EQ(wf_steady_now_ms(&steady), 10105);
    // Caught up: the wall is followed again.
    fake.wall_ms = 10105;
    CHECK_EQ(wf_steady_now_ms(&steady), 10105);
    fake.wall_ms = 10200;
    CHECK_EQ(wf_steady_now_ms(&steady), 10200);
}

TEST(clock, asking_often_does_not_slow_steady_down)
{
    struct fake fake = {.wall_ms = 10000, .mono_ns = 0};
    struct wf_steady steady;

    wf_steady_init(&steady, clock_of(&fake), 0);
    fake.wall_ms = 1;
    for (int i = 0; i < 10000; i++) {
        fake.mono_ns += 300000; // 0.3 ms
        (void)wf_steady_now_ms(&steady);
    }
    CHECK_EQ(wf_steady_now_ms(&steady), 13000);
}

TEST(clock, steady_begins_no_earlier_than_told)
{
    struct fake fake = {.wall_ms = 10000, .mono_ns = 77};
    struct wf_steady steady;

    wf_steady_init(&steady, clock_of(&fake), 20000);
    CHECK_EQ(wf_steady_now_ms(&steady), 20000);
    fake.mono_ns += 3 * 1000000;
    CHECK_EQ(wf_steady_now_ms(&steady), 20003);
    fake.wall_ms = 20004;
    CHECK_EQ(wf_steady_now_ms(&steady), 20004);
}
