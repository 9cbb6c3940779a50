// SPDX-License-Identifier: Apache-2.0
//
// report.c - tell what was measured: one line of JSON, or a table for people.

#include "bench/report.h"

#include <stdio.h>

#include "bench/bench.h"
#include "bench/machine.h"

static const struct {
    const char *name;
    double share;
} shares[] = {
    {"p50_us", 0.5},    {"p90_us", 0.9}, {"p99_us", 0.99},
    {"p999_us", 0.999}, {"max_us", 1},
};
#define SHARES (sizeof(shares) / sizeof(shares[0]))

static double
units_of(const struct bench *bench)
{
    return (double)(bench->ops * workload_units(&bench->settings));
}

static double
share_us(const struct bench *bench, size_t i)
{
    return (double)histogram_at(&bench->latency, shares[i].share) / 1e3;
}

// A number of each operation, or of what it counts; 0 if there was none.
static double
per_unit(const struct bench *bench, double sum)
{
    double units = units_of(bench);

    return units > 0 ? sum / units : 0;
}

static double
rate_of(const struct bench *bench)
{
    return bench->seconds > 0 ? units_of(bench) / bench->seconds : 0;
}

static uint64_t
peak_of(const struct bench *bench)
{
    return bench->peak_bytes > 0 ? bench->peak_bytes : usage_peak_bytes();
}

// What the node calls a sync is one only if its store was told to.
static double
syncs_per_second(const struct bench *bench)
{
    return bench->settings.is_synced ? bench->used.syncs / bench->seconds : 0;
}

static void
print_threads(const struct bench *bench)
{
    const struct usage *used = &bench->used;

    (void)printf("\"cpu_by_thread\":{");
    for (uint32_t i = 0; i < used->threads_count; i++) {
        (void)printf("%s\"%s\":%.3f", i > 0 ? "," : "", used->threads[i].name,
                     per_unit(bench, (double)used->threads[i].cpu_ns / 1e3));
    }
    (void)printf("},");
}

static void
print_node(const struct bench *bench)
{
    const struct usage *used = &bench->used;

    if (used->has_node && bench->seconds > 0) {
        (void)printf("\"written_bytes_per_op\":%.1f,\"fsyncs_per_s\":%.1f,",
                     per_unit(bench, used->written_bytes),
                     syncs_per_second(bench));
    } else {
        (void)printf("\"written_bytes_per_op\":null,\"fsyncs_per_s\":null,");
    }
}

static void
print_measured(const struct bench *bench)
{
    (void)printf("\"rate\":%.1f,", rate_of(bench));
    for (size_t i = 0; i < SHARES; i++) {
        (void)printf("\"%s\":%.1f,", shares[i].name, share_us(bench, i));
    }
    (void)printf("\"cpu_us_per_op\":%.3f,",
                 per_unit(bench, (double)bench->used.cpu_ns / 1e3));
    print_threads(bench);
    (void)printf("\"rss_peak_bytes\":%llu,",
                 (unsigned long long)peak_of(bench));
    print_node(bench);
    (void)printf("\"ops\":%.0f,\"errors\":%llu,", units_of(bench),
                 (unsigned long long)bench->errors);
}

static void
print_json(const struct bench *bench, const char *machine)
{
    (void)printf("{\"workload\":\"%s\",", bench->settings.workload->name);
    if (bench->settings.workload != &work_raw) {
        print_measured(bench);
    }
    for (uint32_t i = 0; i < bench->figures_count; i++) {
        (void)printf("\"%s\":%.1f,", bench->figures[i].name,
                     bench->figures[i].value);
    }
    (void)printf("\"machine\":\"%s%s\",\"commit\":\"%s\"}\n", machine,
                 bench->settings.is_synced ? "" : ", NOT SYNCED",
                 machine_commit());
}

static void
print_table(const struct bench *bench)
{
    const struct usage *used = &bench->used;

    (void)printf("%-12s %12.0f %s/s\n", bench->settings.workload->name,
                 rate_of(bench), bench->settings.workload->counts);
    for (size_t i = 0; i < SHARES; i++) {
        (void)printf("  %-22s %12.1f\n", shares[i].name, share_us(bench, i));
    }
    (void)printf("  %-22s %12.2f\n", "cpu_us_per_op",
                 per_unit(bench, (double)used->cpu_ns / 1e3));
    for (uint32_t i = 0; i < used->threads_count; i++) {
        double us = per_unit(bench, (double)used->threads[i].cpu_ns / 1e3);

        if (us >= 0.005) {
            (void)printf("    %-20s %12.2f\n", used->threads[i].name, us);
        }
    }
    (void)printf("  %-22s %12.1f MiB\n", "rss_peak",
                 (double)peak_of(bench) / (1024 * 1024));
    if (used->has_node && bench->seconds > 0) {
        (void)printf("  %-22s %12.1f\n  %-22s %12.1f\n", "written_bytes_per_op",
                     per_unit(bench, used->written_bytes), "fsyncs_per_s",
                     syncs_per_second(bench));
    }
    (void)printf("  %-22s %12.0f\n  %-22s %12llu\n", "ops", units_of(bench),
                 "errors", (unsigned long long)bench->errors);
}

void
report_part(const struct bench *bench, const struct histogram *latency,
            double second, double seconds)
{
    (void)printf("{\"second\":%.1f,\"rate\":%.1f", second,
                 (double)(latency->count * workload_units(&bench->settings)) /
                     seconds);
    for (size_t i = 0; i < SHARES; i++) {
        (void)printf(",\"%s\":%.1f", shares[i].name,
                     (double)histogram_at(latency, shares[i].share) / 1e3);
    }
    (void)printf("}\n");
    (void)fflush(stdout);
}

void
report_print(const struct bench *bench)
{
    char machine[512];

    machine_describe(bench->settings.data, machine, sizeof(machine));
    if (bench->settings.is_json) {
        print_json(bench, machine);
        return;
    }
    if (bench->settings.workload != &work_raw) {
        print_table(bench);
    }
    for (uint32_t i = 0; i < bench->figures_count; i++) {
        (void)printf("  %-30s %12.1f\n", bench->figures[i].name,
                     bench->figures[i].value);
    }
    (void)printf("  %s, commit %s%s\n", machine, machine_commit(),
                 bench->settings.is_synced ? "" : ", NOT SYNCED: not durable");
}
