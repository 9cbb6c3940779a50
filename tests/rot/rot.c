// SPDX-License-Identifier: Apache-2.0
//
// rot.c - corrupt the directories of stopped nodes, at random, many times.
//
//     rot SECONDS [COUNT]   so many cases, or for so long
//     rot seed N...         these cases again, with all that is said; what is
//                           left of the last one stays in
//                           /dev/shm/weft-rot-case
//
// ROT_FROM in the environment is the first seed; without it the clock says.
// Cases run in a worker process that may crash or hang: the next one goes on.
// Status 1 if anything was lost silently, or a process died.

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rot/files.h"
#include "rot/judge.h"

#define SOURCES_MAX 32
// Of the processor, and of the clock on the wall: both are many times what one
// takes.
#define CASE_CPU_SECONDS 10
#define CASE_SECONDS 200
#define WORKER_CASES 2000
#define MEMORY_MAX (6ULL << 30)
#define NOBODY 65534

// What the worker leaves for its parent.
struct board {
    uint64_t seed;   // of the case under way
    uint64_t left;   // cases to do
    bool is_idle;    // it has done all
    bool is_stopped; // by an assertion of RocksDB
    struct judged judged;
    uint64_t verdicts[SOURCE_END_COUNT][VERDICT_COUNT];
    uint64_t kinds[DAMAGE_COUNT][VERDICT_COUNT];
};

static struct source sources[SOURCES_MAX];
static struct board *board;
static char work[100];
static char case_dir[200];

static uint64_t
now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

// What is forbidden must be so for us too.
static void
become_nobody(void)
{
    if (getuid() == 0 && (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 ||
                          setuid(NOBODY) != 0)) {
        perror("rot: cannot become nobody");
        exit(2);
    }
}

static void
show(const struct judged *judged, uint64_t seed)
{
    (void)printf("%s: seed %" PRIu64 ", %s, %s: %s\n    %s\n"
                 "    repeat: rot seed %" PRIu64 "\n",
                 VERDICT_IS_FAULT(judged->verdict) ? "FAULT" : "case", seed,
                 sources[judged->source].plan->name,
                 damage_name(judged->damage.kind), judged->damage.what,
                 verdict_name(judged->verdict), seed);
    (void)printf("    %s\n", judged->words);
    (void)fflush(stdout);
}

static void
count_case(void)
{
    const struct judged *judged = &board->judged;
    enum source_end end = sources[judged->source].plan->end;

    if (judged->verdict != VERDICT_NONE) {
        board->left--;
    }
    board->verdicts[end][judged->verdict]++;
    board->kinds[judged->damage.kind][judged->verdict]++;
    if (VERDICT_IS_FAULT(judged->verdict)) {
        show(judged, board->seed);
    }
}

// Who takes longer hangs, and is killed by a signal.
static void
limit_case(time_t cpu_s, unsigned wall_s)
{
    struct itimerval cpu = {.it_value = {.tv_sec = cpu_s}};

    (void)setitimer(ITIMER_PROF, &cpu, NULL);
    (void)alarm(wall_s);
}

// In a process of its own.
static void
work_on(uint64_t until_s)
{
    struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
    struct rlimit core = {0, 0};

    // Memory that was used once is not given back: RocksDB asks for the same
    // again with each open.
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
    (void)setrlimit(RLIMIT_AS, &memory);
    (void)setrlimit(RLIMIT_CORE, &core);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (uint32_t i = 0; i < WORKER_CASES; i++) {
        if (board->left == 0 || now_s() >= until_s) {
            board->is_idle = true;
            return;
        }
        limit_case(CASE_CPU_SECONDS, CASE_SECONDS);
        judge(sources, source_plans_count, board->seed, case_dir,
              &board->judged);
        limit_case(0, 0);
        count_case();
        board->seed++;
    }
}

// Debian's RocksDB has its assertions, and takes some of what is damaged for
// its own bug. Weft's own do not come here. Found before the C library's.
__attribute__((visibility("default"))) _Noreturn void
__assert_fail(const char *text, const char *file, unsigned line,
              const char *function);

_Noreturn void
__assert_fail(const char *text, const char *file, unsigned line,
              const char *function)
{
    (void)function;
    if (board != NULL) {
        board->is_stopped = true;
        (void)snprintf(board->judged.words, sizeof(board->judged.words),
                       "%.300s:%u: %.300s", file, line, text);
    }
    abort();
}

// The worker did not come to the end of its case.
static void
bury(int status)
{
    if (board->is_stopped) {
        board->is_stopped = false;
        board->judged.verdict = VERDICT_STOPPED;
        count_case();
        board->seed++;
        return;
    }
    board->judged.verdict = VERDICT_DIED;
    (void)snprintf(board->judged.words, sizeof(board->judged.words), "%s %d",
                   WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status)
                                       : WEXITSTATUS(status));
    count_case();
    board->seed++;
}

static void
run_cases(uint64_t until_s)
{
    while (!board->is_idle) {
        int status = 0;
        pid_t pid;

        (void)fflush(NULL);
        pid = fork();
        if (pid == 0) {
            work_on(until_s);
            (void)fflush(NULL);
            _exit(0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid) {
            perror("rot: no worker");
            exit(2);
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            bury(status);
        }
    }
}

static void
make_sources(void)
{
    (void)snprintf(work, sizeof(work), "/dev/shm/weft-rot-%d", (int)getpid());
    files_remove_all(work);
    (void)snprintf(case_dir, sizeof(case_dir), "%s/case", work);
    if (mkdir(work, 0755) != 0) {
        perror(work);
        exit(2);
    }
    for (uint32_t i = 0; i < source_plans_count; i++) {
        source_make(&source_plans[i], work, &sources[i]);
    }
}

static bool
are_sources_whole(void)
{
    for (uint32_t i = 0; i < source_plans_count; i++) {
        if (files_hash(sources[i].dir) != sources[i].hash) {
            (void)printf("FAULT: %s was written to through its copies\n",
                         sources[i].plan->name);
            return false;
        }
    }
    return true;
}

// A line for each way in which processes ended.
static uint64_t
report(void)
{
    uint64_t faults = 0;

    for (int end = 0; end < SOURCE_END_COUNT; end++) {
        const uint64_t *verdicts = board->verdicts[end];
        uint64_t all = 0;
        uint64_t bad = 0;

        for (int i = VERDICT_HARMLESS; i < VERDICT_COUNT; i++) {
            all += verdicts[i];
            bad += VERDICT_IS_FAULT(i) ? verdicts[i] : 0;
        }
        faults += bad;
        (void)printf("RESULT\tcorruptions of a directory (%s)\t%" PRIu64
                     "\t%" PRIu64 "\t%" PRIu64 " refused, %" PRIu64
                     " told when read, %" PRIu64 " stopped in RocksDB, %" PRIu64
                     " harmless, %" PRIu64 " beyond what is promised\n",
                     source_end_name((enum source_end)end), all, bad,
                     verdicts[VERDICT_REFUSED], verdicts[VERDICT_TOLD],
                     verdicts[VERDICT_STOPPED], verdicts[VERDICT_HARMLESS],
                     verdicts[VERDICT_LIMIT]);
    }
    return faults;
}

static void
report_kinds(void)
{
    (void)printf("%-52s %7s %7s %7s %7s %7s %7s\n", "", "refused", "told",
                 "stopped", "same", "limit", "FAULTS");
    for (int kind = 0; kind < DAMAGE_COUNT; kind++) {
        const uint64_t *verdicts = board->kinds[kind];
        uint64_t bad = 0;

        for (int i = VERDICT_SILENT; i < VERDICT_COUNT; i++) {
            bad += verdicts[i];
        }
        (void)printf("%-52s %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64
                     " %7" PRIu64 " %7" PRIu64 "\n",
                     damage_name((enum damage_kind)kind),
                     verdicts[VERDICT_REFUSED], verdicts[VERDICT_TOLD],
                     verdicts[VERDICT_STOPPED], verdicts[VERDICT_HARMLESS],
                     verdicts[VERDICT_LIMIT], bad);
    }
}

static int
repeat(int count, char **seeds)
{
    int status = 0;

    (void)snprintf(case_dir, sizeof(case_dir), "/dev/shm/weft-rot-case");
    for (int i = 0; i < count; i++) {
        static struct judged judged;
        uint64_t seed = strtoull(seeds[i], NULL, 10);

        judge(sources, source_plans_count, seed, case_dir, &judged);
        show(&judged, seed);
        status = VERDICT_IS_FAULT(judged.verdict) ? 1 : status;
    }
    return status;
}

static void
begin_board(uint64_t count)
{
    const char *from = getenv("ROT_FROM");

    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) {
        perror("rot");
        exit(2);
    }
    board->left = count;
    board->seed = from != NULL ? strtoull(from, NULL, 10)
                               : (uint64_t)time(NULL) * 1000000U;
    (void)printf("rot: from seed %" PRIu64 "\n", board->seed);
}

int
main(int argc, char **argv)
{
    uint64_t faults = 0;
    int status;

    if (argc < 2) {
        (void)fprintf(stderr, "usage: rot SECONDS [COUNT] | rot seed N...\n");
        return 2;
    }
    become_nobody();
    make_sources();
    if (strcmp(argv[1], "seed") == 0) {
        status = repeat(argc - 2, argv + 2);
        files_remove_all(work);
        return status;
    }
    begin_board(argc > 2 ? strtoull(argv[2], NULL, 10) : UINT64_MAX);
    run_cases(now_s() + strtoull(argv[1], NULL, 10));
    report_kinds();
    faults = report();
    status = are_sources_whole() && faults == 0 ? 0 : 1;
    files_remove_all(work);
    return status;
}
