// SPDX-License-Identifier: Apache-2.0
//
// torture.c - several owners take partitions from each other, append to what
// they have and to what they no longer have, while connections break, backends
// are ended, waits are cancelled, standbys freeze and primaries are replaced.
//
//   torture SECONDS 1|3    with one server, or three of which a quorum is asked
//
// Its own count of what was acknowledged is compared with the logs at the end
// of each round. Prints a line RESULT (see tests/proof), and ends with status 1
// if there was a fault.

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "postgres/proxy.h"
#include "postgres/servers.h"
#include "storage/log_postgres.h"

enum {
    OWNERS = 6,
    PARTITIONS = 8,
    COMMITS_MAX = 1 << 17, // of a partition in a round
    EPOCHS_MAX = 1 << 15,
    TTL_MS = 150,
    ROUND_S = 60,
};

// What the owners were told of a partition.
struct model {
    uint64_t *values; // by number; 0: not acknowledged
    uint8_t *owners;  // by epoch, counted from 1; 0: not known
    uint64_t last;    // that was acknowledged
    uint64_t epoch;   // newest
};

struct world {
    struct servers *servers;
    int servers_count;
    int primary;
    struct proxy *proxies[SERVERS_MAX];
    struct wf_postgres_options options;
    char conninfo[256];
    pthread_mutex_t lock; // guards what follows
    struct model models[PARTITIONS];
    atomic_bool is_over;
    atomic_uint acknowledged, fenced, acquired, faults;
};

struct owner {
    struct world *world;
    uint32_t index; // from 1
    pthread_t thread;
    struct wf_random random;
    struct wf_registry registry;
    struct wf_shared_log log;
    uint64_t epochs[PARTITIONS]; // 0: not ours, as far as we know
    uint64_t seq;
    uint64_t silent_until_ns; // it does not renew before
};

static uint64_t
now_ns(void)
{
    struct wf_clock clock = wf_clock_system();

    return clock.mono_ns(clock.self);
}

static void
nap_ms(uint32_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000,
                            .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

__attribute__((format(printf, 2, 3))) static void
fault(struct world *world, const char *format, ...)
{
    va_list args;

    atomic_fetch_add(&world->faults, 1);
    va_start(args, format);
    fputs("FAULT: ", stdout);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static bool
chance(struct owner *owner, uint64_t of)
{
    return wf_random_below(&owner->random, of) == 0;
}

// Open and join, again and again until the database is there.
static bool
enter(struct owner *owner)
{
    struct world *world = owner->world;
    struct wf_registry_node node = {.record_max = WF_SEGMENT_VERSION_MAX};

    snprintf(node.id, sizeof(node.id), "owner%u", (unsigned)owner->index);
    memset(owner->epochs, 0, sizeof(owner->epochs));
    while (!atomic_load(&world->is_over)) {
        if (wf_registry_postgres_open(&world->options, &owner->registry) !=
            WEFT_OK) {
            nap_ms(50);
            continue;
        }
        if (owner->registry.ops->join(owner->registry.self, &node, TTL_MS) ==
                WEFT_OK &&
            wf_log_postgres_open(&world->options, node.id, node.incarnation,
                                 &owner->log) == WEFT_OK) {
            return true;
        }
        owner->registry.ops->close(owner->registry.self);
        nap_ms(50);
    }
    return false;
}

static void
leave(struct owner *owner)
{
    owner->log.ops->close(owner->log.self);
    owner->registry.ops->close(owner->registry.self);
}

static void
check_place(struct owner *owner, uint32_t partition,
            const struct wf_shared_place *place, uint64_t last, uint64_t epoch)
{
    struct world *world = owner->world;
    struct model *model = &world->models[partition];

    if (place->epoch <= epoch || place->epoch >= EPOCHS_MAX) {
        fault(world, "partition %u: epoch %llu after %llu", partition,
              (unsigned long long)place->epoch, (unsigned long long)epoch);
        return;
    }
    if (place->last < last) {
        fault(world, "partition %u: acquired with %llu, acknowledged was %llu",
              partition, (unsigned long long)place->last,
              (unsigned long long)last);
    }
    pthread_mutex_lock(&world->lock);
    if (model->owners[place->epoch] != 0) {
        fault(world, "partition %u: epoch %llu was given twice", partition,
              (unsigned long long)place->epoch);
    }
    model->owners[place->epoch] = (uint8_t)owner->index;
    if (model->epoch < place->epoch) {
        model->epoch = place->epoch;
    }
    pthread_mutex_unlock(&world->lock);
}

static void
try_acquire(struct owner *owner, uint32_t partition)
{
    struct world *world = owner->world;
    struct wf_shared_place place;
    uint64_t last;
    uint64_t epoch;

    pthread_mutex_lock(&world->lock);
    last = world->models[partition].last;
    epoch = world->models[partition].epoch;
    pthread_mutex_unlock(&world->lock);
    if (owner->log.ops->acquire(owner->log.self, partition, &place) !=
        WEFT_OK) {
        return;
    }
    check_place(owner, partition, &place, last, epoch);
    owner->epochs[partition] = place.epoch;
    atomic_fetch_add(&world->acquired, 1);
}

static void
note_acknowledged(struct world *world, const struct wf_shared_append *append,
                  uint64_t value)
{
    struct model *model = &world->models[append->partition];

    if (append->number >= COMMITS_MAX) {
        fault(world, "commit %llu", (unsigned long long)append->number);
        return;
    }
    pthread_mutex_lock(&world->lock);
    if (model->values[append->number] != 0) {
        fault(world, "partition %u: commit %llu was acknowledged twice",
              append->partition, (unsigned long long)append->number);
    }
    model->values[append->number] = value;
    if (model->last < append->number) {
        model->last = append->number;
    }
    pthread_mutex_unlock(&world->lock);
    atomic_fetch_add(&world->acknowledged, 1);
}

// One call for all that it believes to have.
static void
append(struct owner *owner)
{
    struct wf_shared_append all[PARTITIONS] = {{0}};
    struct wf_buf frames[PARTITIONS] = {{0}};
    uint64_t values[PARTITIONS];
    uint32_t count = 0;

    for (uint32_t i = 0; i < PARTITIONS; i++) {
        struct wf_segment segment = {.partition = i, .epoch = owner->epochs[i]};

        if (owner->epochs[i] != 0) {
            values[count] = (uint64_t)owner->index << 48 | ++owner->seq;
            segment.first_record = values[count];
            wf_segment_encode(&segment, &frames[count]);
            all[count].partition = i;
            all[count].segment = wf_buf_bytes(&frames[count]);
            count++;
        }
    }
    if (count > 0) {
        owner->log.ops->append(owner->log.self, all, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].result == WF_APPEND_DURABLE) {
            note_acknowledged(owner->world, &all[i], values[i]);
        } else {
            owner->epochs[all[i].partition] = 0;
            atomic_fetch_add(&owner->world->fenced,
                             all[i].result == WF_APPEND_FENCED);
        }
        wf_buf_fini(&frames[i]);
    }
}

// One step of its life. False: it is to begin anew.
static bool
live(struct owner *owner)
{
    uint32_t partition = (uint32_t)wf_random_below(&owner->random, PARTITIONS);
    weft_err err;

    if (now_ns() >= owner->silent_until_ns) {
        err = owner->registry.ops->renew(owner->registry.self, false);
        if (err == WEFT_ECLOSED) {
            fault(owner->world, "owner %u was replaced by nobody",
                  (unsigned)owner->index);
            return false;
        }
        if (owner->epochs[partition] == 0) {
            try_acquire(owner, partition);
        } else if (chance(owner, 60)) {
            (void)!owner->log.ops->release(owner->log.self, partition);
            owner->epochs[partition] = 0;
        }
        if (chance(owner, 40)) {
            owner->silent_until_ns = now_ns() + (uint64_t)TTL_MS * 2000000;
        }
    }
    append(owner);
    nap_ms(1);
    return !chance(owner, 400);
}

static void *
run_owner(void *ctx)
{
    struct owner *owner = ctx;

    while (enter(owner)) {
        while (!atomic_load(&owner->world->is_over) && live(owner)) {
        }
        leave(owner);
    }
    return NULL;
}

// A partition's log as it is read at the end.
struct reading {
    struct world *world;
    uint32_t partition;
    uint64_t epoch;
    uint64_t seqs[OWNERS + 1];
    uint64_t last;
};

static weft_err
check_commit(void *ctx, uint64_t number, const struct wf_segment *segments,
             uint32_t segments_count)
{
    struct reading *reading = ctx;
    const struct model *model = &reading->world->models[reading->partition];
    uint64_t value = segments->first_record;
    uint32_t owner = (uint32_t)(value >> 48);
    uint64_t seq = value & 0xffffffffffff;

    (void)segments_count;
    reading->last = number;
    if (number < COMMITS_MAX && model->values[number] != 0 &&
        model->values[number] != value) {
        fault(reading->world, "partition %u: commit %llu is another's",
              reading->partition, (unsigned long long)number);
    }
    if (segments->epoch < reading->epoch) {
        fault(reading->world, "partition %u: commit %llu of an older epoch",
              reading->partition, (unsigned long long)number);
    }
    if (owner == 0 || owner > OWNERS || segments->epoch >= EPOCHS_MAX ||
        model->owners[segments->epoch] != owner) {
        fault(reading->world, "partition %u: commit %llu in another's epoch",
              reading->partition, (unsigned long long)number);
        return WEFT_OK;
    }
    if (seq <= reading->seqs[owner]) {
        fault(reading->world, "partition %u: commit %llu is there twice",
              reading->partition, (unsigned long long)number);
    }
    reading->seqs[owner] = seq;
    reading->epoch = segments->epoch;
    return WEFT_OK;
}

static void
check_logs(struct world *world)
{
    struct wf_shared_log log;
    weft_err err = WEFT_EIO;

    for (int i = 0; i < 600 && err != WEFT_OK; i++) {
        err = wf_log_postgres_open(&world->options, "reader", 1, &log);
        nap_ms(err == WEFT_OK ? 0 : 100);
    }
    if (err != WEFT_OK) {
        fault(world, "the logs cannot be read: %s", weft_err_detail());
        return;
    }
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        struct reading reading = {.world = world, .partition = i};

        err = log.ops->read(log.self, i, 0, check_commit, &reading);
        if (err != WEFT_OK) {
            fault(world, "partition %u: %s", i, weft_err_detail());
        }
        if (reading.last < world->models[i].last) {
            fault(world, "partition %u: commit %llu is lost", i,
                  (unsigned long long)world->models[i].last);
        }
    }
    log.ops->close(log.self);
}

static void
fail_over(struct world *world)
{
    int old = world->primary;
    int one = (old + 1) % 3;
    int other = (old + 2) % 3;

    servers_kill(world->servers, old);
    world->primary = servers_newest(world->servers, one, other);
    servers_promote(world->servers, world->primary);
    other = world->primary == one ? other : one;
    servers_follow(world->servers, other, world->primary);
    servers_rebuild(world->servers, old, world->primary);
}

// Something goes wrong.
static void
spoil(struct world *world, struct wf_random *random)
{
    struct servers *servers = world->servers;
    int primary = world->primary;
    int standby = (primary + 1 + (int)wf_random_below(random, 2)) % 3;
    uint64_t which = wf_random_below(random, world->servers_count == 1 ? 4 : 8);

    if (which < 2) {
        proxy_cut(world->proxies[primary],
                  which == 0 ? PROXY_CUT_BEFORE : PROXY_CUT_ANSWER);
    } else if (which == 2) {
        (void)servers_try_sql(servers, primary,
                              "SELECT pg_terminate_backend(pid) FROM"
                              " pg_stat_activity WHERE application_name LIKE"
                              " 'weft%' ORDER BY random() LIMIT 3");
    } else if (which == 3) {
        (void)servers_try_sql(servers, primary,
                              "SELECT pg_cancel_backend(pid) FROM"
                              " pg_stat_activity WHERE application_name LIKE"
                              " 'weft%' ORDER BY random() LIMIT 3");
    } else if (which < 7) {
        servers_freeze(servers, standby);
        if (which == 4) { // both: whoever waits then is told that it did
            servers_freeze(servers, 3 - primary - standby);
            nap_ms(100);
            (void)servers_try_sql(servers, primary,
                                  "SELECT pg_cancel_backend(pid) FROM"
                                  " pg_stat_activity WHERE wait_event ="
                                  " 'SyncRep'");
        }
        nap_ms(300);
        servers_thaw(servers, standby);
        servers_thaw(servers, 3 - primary - standby);
    } else if (wf_random_below(random, 4) == 0) {
        fail_over(world);
    }
}

static void
begin_round(struct world *world)
{
    struct wf_postgres_options direct = world->options;
    struct wf_cluster_facts facts;

    servers_sql(world->servers, world->primary,
                "DROP SCHEMA IF EXISTS weft CASCADE");
    direct.conninfo = servers_conninfo_of(world->servers, world->primary);
    direct.require_quorum = false;
    if (wf_postgres_init(&direct, PARTITIONS, &facts) != WEFT_OK) {
        fault(world, "no cluster: %s", weft_err_detail());
        exit(1);
    }
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        struct model *model = &world->models[i];

        memset(model->values, 0, COMMITS_MAX * sizeof(*model->values));
        memset(model->owners, 0, EPOCHS_MAX);
        model->last = 0;
        model->epoch = 0;
    }
    atomic_store(&world->is_over, false);
}

// With the database whole again, nothing waits for long.
static void
end_owner(struct owner *owner)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until); // as the join wants it
    until.tv_sec += 120;
    if (pthread_timedjoin_np(owner->thread, NULL, &until) != 0) {
        fault(owner->world, "owner %u waits for ever", (unsigned)owner->index);
        owner->log.ops->stop(owner->log.self);
        owner->registry.ops->stop(owner->registry.self);
        pthread_join(owner->thread, NULL);
    }
}

static void
run_round(struct world *world, uint64_t seed, uint32_t seconds)
{
    struct owner owners[OWNERS];
    struct wf_random random;
    uint64_t end_ns = now_ns() + (uint64_t)seconds * 1000000000;

    begin_round(world);
    wf_random_init(&random, seed);
    for (uint32_t i = 0; i < OWNERS; i++) {
        owners[i] = (struct owner){.world = world, .index = i + 1};
        wf_random_init(&owners[i].random, seed + i + 1);
        if (pthread_create(&owners[i].thread, NULL, run_owner, &owners[i]) !=
            0) {
            exit(2);
        }
    }
    while (now_ns() < end_ns && atomic_load(&world->faults) == 0) {
        nap_ms((uint32_t)wf_random_below(&random, 150));
        spoil(world, &random);
    }
    for (int i = 0; i < world->servers_count; i++) {
        proxy_cut(world->proxies[i], PROXY_CUT_NOTHING);
    }
    atomic_store(&world->is_over, true);
    for (uint32_t i = 0; i < OWNERS; i++) {
        end_owner(&owners[i]);
    }
    check_logs(world);
}

static void
create_world(struct world *world, int servers_count)
{
    size_t len = 0;

    *world = (struct world){.servers_count = servers_count};
    pthread_mutex_init(&world->lock, NULL);
    world->servers = servers_start(servers_count, NULL);
    for (int i = 0; i < servers_count; i++) {
        world->proxies[i] = proxy_start(servers_port(world->servers, i));
        len += (size_t)snprintf(world->conninfo + len,
                                sizeof(world->conninfo) - len, "%s127.0.0.1:%d",
                                i == 0 ? "postgres://weft@" : ",",
                                proxy_port(world->proxies[i]));
    }
    snprintf(world->conninfo + len, sizeof(world->conninfo) - len,
             "/postgres?sslmode=disable");
    world->options.conninfo = world->conninfo;
    world->options.require_quorum = servers_count > 1;
    world->options.clock = wf_clock_system();
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        world->models[i].values = calloc(COMMITS_MAX, sizeof(uint64_t));
        world->models[i].owners = calloc(EPOCHS_MAX, 1);
    }
}

static void
destroy_world(struct world *world)
{
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        free(world->models[i].values);
        free(world->models[i].owners);
    }
    for (int i = 0; i < world->servers_count; i++) {
        proxy_stop(world->proxies[i]);
    }
    servers_stop(world->servers);
    pthread_mutex_destroy(&world->lock);
}

int
main(int argc, char **argv)
{
    static struct world world;
    uint64_t seed = wf_random_os_seed();
    uint64_t end_ns;
    unsigned rounds = 0;
    unsigned faults;

    if (argc != 3) {
        fputs("usage: torture SECONDS 1|3\n", stderr);
        return 2;
    }
    end_ns = now_ns() + strtoull(argv[1], NULL, 10) * 1000000000;
    create_world(&world, argv[2][0] == '3' ? 3 : 1);
    while (now_ns() < end_ns && atomic_load(&world.faults) == 0) {
        uint64_t left_s = (end_ns - now_ns()) / 1000000000 + 1;

        run_round(&world, seed + rounds++ * 1000,
                  left_s > ROUND_S ? ROUND_S : (uint32_t)left_s);
    }
    faults = atomic_load(&world.faults);
    printf("RESULT\tpartitions taken from each other, %d server%s\t%u\t%u\t"
           "%u appends acknowledged, %u fenced; %u rounds from seed %llu\n",
           world.servers_count, world.servers_count == 1 ? "" : "s",
           atomic_load(&world.acquired), faults,
           atomic_load(&world.acknowledged), atomic_load(&world.fenced), rounds,
           (unsigned long long)seed);
    destroy_world(&world);
    return faults == 0 ? 0 : 1;
}
