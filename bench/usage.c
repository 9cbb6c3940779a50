// SPDX-License-Identifier: Apache-2.0
//
// usage.c - what this process, and a node in it, has used so far.

#include "bench/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "weft/metrics.h"

// Nanoseconds on a processor; false if the thread has ended.
static bool
read_thread(const char *id, struct usage_thread *out_thread)
{
    char path[64];
    unsigned long long cpu_ns = 0;
    FILE *file;
    bool is_there;

    *out_thread = (struct usage_thread){.id = atoi(id)};
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat",
                   out_thread->id);
    file = fopen(path, "r");
    is_there = file != NULL && fscanf(file, "%llu", &cpu_ns) == 1;
    if (file != NULL) {
        (void)fclose(file);
    }
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/comm",
                   out_thread->id);
    file = fopen(path, "r");
    is_there = is_there && file != NULL &&
               fscanf(file, "%15[^\n]", out_thread->name) == 1;
    if (file != NULL) {
        (void)fclose(file);
    }
    out_thread->cpu_ns = cpu_ns;
    return is_there;
}

static void
read_threads(struct usage *usage)
{
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL &&
           usage->threads_count < USAGE_THREADS_MAX) {
        if (entry->d_name[0] != '.' &&
            read_thread(entry->d_name, &usage->threads[usage->threads_count])) {
            usage->threads_count++;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

static int
add_metric(void *ctx, const weft_metric *metric)
{
    struct usage *usage = ctx;

    if (strcmp(metric->name, "weft_commits_total") == 0 ||
        strcmp(metric->name, "weft_beacons_total") == 0) {
        usage->syncs += metric->value;
    } else if (strcmp(metric->name, "weft_commit_bytes") == 0) {
        usage->written_bytes += metric->sum;
    }
    return 0;
}

weft_err
usage_take(weft_node *node, struct usage *out_usage)
{
    struct timespec cpu;
    weft_metrics *metrics = NULL;
    weft_err err = WEFT_OK;

    *out_usage = (struct usage){.has_node = node != NULL};
    if (node != NULL) {
        err = weft_node_metrics(node, &metrics);
    }
    if (err == WEFT_OK && metrics != NULL) {
        err = weft_metrics_each(metrics, add_metric, out_usage);
        weft_metrics_free(metrics);
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    out_usage->cpu_ns =
        (uint64_t)cpu.tv_sec * 1000000000U + (uint64_t)cpu.tv_nsec;
    read_threads(out_usage);
    return err;
}

static uint64_t
cpu_before(const struct usage *before, int id)
{
    for (uint32_t i = 0; i < before->threads_count; i++) {
        if (before->threads[i].id == id) {
            return before->threads[i].cpu_ns;
        }
    }
    return 0;
}

static struct usage_thread *
find_name(struct usage *used, const char *name)
{
    for (uint32_t i = 0; i < used->threads_count; i++) {
        if (strcmp(used->threads[i].name, name) == 0) {
            return &used->threads[i];
        }
    }
    return NULL;
}

void
usage_between(const struct usage *before, const struct usage *after,
              struct usage *out_used)
{
    *out_used = (struct usage){
        .cpu_ns = after->cpu_ns - before->cpu_ns,
        .has_node = before->has_node && after->has_node,
        .written_bytes = after->written_bytes - before->written_bytes,
        .syncs = after->syncs - before->syncs,
    };
    for (uint32_t i = 0; i < after->threads_count; i++) {
        const struct usage_thread *thread = &after->threads[i];
        struct usage_thread *sum = find_name(out_used, thread->name);

        if (sum == NULL) {
            sum = &out_used->threads[out_used->threads_count++];
            (void)memcpy(sum->name, thread->name, sizeof(sum->name));
        }
        sum->cpu_ns += thread->cpu_ns - cpu_before(before, thread->id);
    }
}

static uint64_t
read_status(const char *field)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    size_t len = strlen(field);

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, field, len) == 0) {
            kib = strtoull(line + len, NULL, 10);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kib * 1024;
}

uint64_t
usage_peak_bytes(void)
{
    return read_status("VmHWM:");
}

uint64_t
usage_resident_bytes(void)
{
    return read_status("VmRSS:");
}
