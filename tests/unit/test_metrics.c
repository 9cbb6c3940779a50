// SPDX-License-Identifier: Apache-2.0
//
// test_metrics.c - what a node counts, against a run of which all is known; and
// the text that Prometheus reads, by a parser that knows only its format.

#include "runtime/metrics.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "weft/weft.h"

// ThreadSanitizer does not see what RocksDB, which is not built with it, does
// to order its own threads.
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *
__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

#define ODD_KIND "od\"d\\kind"

// A parser of the text. -------------------------------------------------------

#define SAMPLES_MAX 8192
#define NAME_MAX_ 128

struct sample {
    char name[NAME_MAX_];
    char labels[512]; // "a=b,c=d", values as they are
    double value;
};

struct page {
    struct sample samples[SAMPLES_MAX];
    size_t count;
    char type_name[NAME_MAX_]; // of the last TYPE
    char type[16];
    char ended[200][NAME_MAX_]; // families that are over
    size_t ended_count;
};

static const char *
parse_name(const char *at, char out[NAME_MAX_])
{
    size_t len = 0;

    CHECK(isalpha((unsigned char)*at) || *at == '_');
    while (isalnum((unsigned char)at[len]) || at[len] == '_') {
        CHECK(len + 1 < NAME_MAX_);
        out[len] = at[len];
        len++;
    }
    out[len] = '\0';
    return at + len;
}

// "{a="b"}"; at is behind the brace.
static const char *
parse_labels(const char *at, char out[512])
{
    size_t len = 0;

    while (*at != '}') {
        char name[NAME_MAX_];

        at = parse_name(at, name);
        len += (size_t)snprintf(out + len, 512 - len,
                                "%s%s=", len > 0 ? "," : "", name);
        CHECK(at[0] == '=' && at[1] == '"');
        for (at += 2; *at != '"'; at++) {
            CHECK(*at != '\0' && *at != '\n' && len < 510);
            if (*at == '\\') {
                at++;
                CHECK(*at == '\\' || *at == '"' || *at == 'n');
            }
            out[len++] = *at == 'n' && at[-1] == '\\' ? '\n' : *at;
        }
        out[len] = '\0';
        at++;
        CHECK(*at == ',' || *at == '}');
        at += *at == ',';
    }
    return at + 1;
}

static void
begin_family(struct page *page, const char *line)
{
    const char *at = parse_name(line + strlen("# TYPE "), page->type_name);

    CHECK_EQ(sscanf(at, " %15s", page->type), 1);
    CHECK(strcmp(page->type, "counter") == 0 ||
          strcmp(page->type, "gauge") == 0 ||
          strcmp(page->type, "histogram") == 0);
    // Each name is there once.
    for (size_t i = 0; i < page->ended_count; i++) {
        CHECK(strcmp(page->ended[i], page->type_name) != 0);
    }
    CHECK(page->ended_count < 200);
    strcpy(page->ended[page->ended_count++], page->type_name);
}

static void
check_family(const struct page *page, const char *name)
{
    size_t len = strlen(page->type_name);
    const char *suffix = name + len;

    CHECK(strncmp(name, page->type_name, len) == 0);
    if (strcmp(page->type, "histogram") == 0) {
        CHECK(strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_sum") == 0 ||
              strcmp(suffix, "_count") == 0);
    } else {
        CHECK_STR(suffix, "");
    }
    if (strcmp(page->type, "counter") == 0) {
        CHECK(len > 6 && strcmp(name + len - 6, "_total") == 0);
    }
}

static void
parse_sample(struct page *page, const char *line)
{
    struct sample *sample = &page->samples[page->count++];
    const char *at = parse_name(line, sample->name);
    char *end;

    CHECK(page->count < SAMPLES_MAX);
    if (*at == '{') {
        at = parse_labels(at + 1, sample->labels);
    }
    CHECK_EQ(*at, ' ');
    sample->value = strtod(at + 1, &end);
    CHECK(end > at + 1 && *end == '\n');
    check_family(page, sample->name);
}

static struct page *
parse(const char *text)
{
    struct page *page = calloc(1, sizeof(*page));
    const char *help = "";

    CHECK(page != NULL);
    while (*text != '\0') {
        const char *end = strchr(text, '\n');

        CHECK(end != NULL);
        if (strncmp(text, "# HELP ", 7) == 0) {
            help = text + 7;
        } else if (strncmp(text, "# TYPE ", 7) == 0) {
            begin_family(page, text);
            CHECK(strncmp(help, page->type_name, strlen(page->type_name)) == 0);
        } else {
            parse_sample(page, text);
        }
        text = end + 1;
    }
    return page;
}

static double
value_of(const struct page *page, const char *name, const char *labels)
{
    for (size_t i = 0; i < page->count; i++) {
        if (strcmp(page->samples[i].name, name) == 0 &&
            strcmp(page->samples[i].labels, labels) == 0) {
            return page->samples[i].value;
        }
    }
    return NAN;
}

#define CHECK_METRIC(page, name, labels, expected)                             \
    do {                                                                       \
        double found_ = value_of(page, name, labels);                          \
                                                                               \
        if (!(found_ >= (expected) && found_ <= (expected))) {                 \
            fprintf(stderr, "%s{%s} is %g\n", name, labels, found_);           \
        }                                                                      \
        CHECK(found_ >= (expected) && found_ <= (expected));                   \
    } while (0)

// Buckets grow, and the last has all.
static void
check_histograms(const struct page *page)
{
    double last = 0;

    for (size_t i = 0; i < page->count; i++) {
        const struct sample *sample = &page->samples[i];
        const char *suffix = strrchr(sample->name, '_');

        if (strcmp(suffix, "_bucket") == 0) {
            const char *bound = strstr(sample->labels, "le=");

            CHECK(bound != NULL);
            CHECK(sample->value >= last);
            last = strcmp(bound, "le=+Inf") == 0 ? -1 : sample->value;
            if (last < 0) {
                CHECK(strcmp(page->samples[i + 2].name + strlen(sample->name) -
                                 strlen("_bucket"),
                             "_count") == 0);
                CHECK(page->samples[i + 2].value <= sample->value);
                CHECK(page->samples[i + 2].value >= sample->value);
                last = 0;
            }
        }
    }
}

// The run. --------------------------------------------------------------------

static weft_err
take(weft_actor *actor, const weft_message *message, void *state)
{
    (void)actor;
    (void)state;
    return strcmp(message->name, "bad") == 0 ? WEFT_EINVAL : WEFT_OK;
}

// Fails until its third attempt.
static weft_err
try_thrice(weft_activity *activity, weft_bytes input)
{
    (void)input;
    return weft_activity_attempt(activity) < 3
               ? weft_activity_fail(activity, "again", "not yet",
                                    weft_nothing())
               : weft_activity_return(activity, weft_nothing());
}

static weft_err
order(weft_workflow *wf, weft_bytes input)
{
    weft_bytes data;
    weft_err err;

    if (strcmp(weft_workflow_id(wf), "fails") == 0) {
        return weft_workflow_fail(wf, "bad", "no", weft_nothing());
    }
    if (strcmp(weft_workflow_id(wf), "waits") == 0) {
        return weft_workflow_receive(wf, "never", WEFT_FOREVER, &data);
    }
    if (strcmp(weft_workflow_id(wf), "again") == 0 && input.len == 0) {
        return weft_workflow_restart(wf, weft_text("2"));
    }
    err = weft_workflow_call(wf, "try", weft_nothing(), NULL, &data);
    return err == WEFT_OK ? weft_workflow_sleep(wf, 1) : err;
}

static weft_definitions *
define(void)
{
    weft_definitions *definitions = NULL;
    weft_actor_def box = WEFT_ACTOR_DEF_INIT;
    weft_workflow_def workflow = WEFT_WORKFLOW_DEF_INIT;
    weft_activity_def activity = WEFT_ACTIVITY_DEF_INIT;

    CHECK_OK(weft_definitions_create(&definitions));
    box.name = "box";
    box.receive = take;
    box.turn_attempts_max = 1;
    CHECK_OK(weft_definitions_add_actor(definitions, &box));
    box.name = ODD_KIND;
    CHECK_OK(weft_definitions_add_actor(definitions, &box));
    workflow.name = "order";
    workflow.run = order;
    CHECK_OK(weft_definitions_add_workflow(definitions, &workflow));
    activity.name = "try";
    activity.run = try_thrice;
    activity.retry.initial_interval_ms = 1;
    CHECK_OK(weft_definitions_add_activity(definitions, &activity));
    return definitions;
}

static void
wait_parked(weft_client *client, weft_target target)
{
    weft_reply *reply = NULL;
    bool is_parked = false;

    while (!is_parked) {
        CHECK_OK(weft_client_describe(client, target, &reply));
        is_parked = reply->items[0].is_parked != 0;
        weft_reply_free(reply);
    }
}

static void
play(weft_client *client)
{
    weft_start_options replacing = WEFT_START_OPTIONS_INIT;
    weft_target waits = {"order", "waits"};
    weft_reply *reply = NULL;

    for (int i = 0; i < 4; i++) {
        CHECK_OK(weft_client_signal(client, (weft_target){"box", "b"}, "good",
                                    weft_nothing()));
    }
    CHECK_OK(weft_client_signal(client, (weft_target){"box", "c"}, "bad",
                                weft_nothing()));
    CHECK_OK(weft_client_signal(client, (weft_target){"box", "d"}, "bad",
                                weft_nothing()));
    CHECK_OK(weft_client_start(client, (weft_target){"order", "fails"},
                               weft_nothing()));
    CHECK_OK(weft_client_start(client, (weft_target){"order", "again"},
                               weft_nothing()));
    CHECK_OK(weft_client_start(client, waits, weft_nothing()));
    replacing.conflict = WEFT_CONFLICT_TERMINATE_EXISTING;
    CHECK_OK(weft_client_start_with(client, waits, weft_nothing(), &replacing,
                                    NULL));
    CHECK_ERR(weft_client_start(client, waits, weft_nothing()), WEFT_EEXISTS);
    CHECK_OK(weft_client_terminate(client, waits, "enough"));
    CHECK_ERR(weft_client_result(client, (weft_target){"order", "fails"}, 60000,
                                 &reply),
              WEFT_EFAILED);
    weft_reply_free(reply);
    CHECK_OK(weft_client_result(client, (weft_target){"order", "again"}, 60000,
                                &reply));
    weft_reply_free(reply);
    // Behind those that fail.
    wait_parked(client, (weft_target){"box", "c"});
    wait_parked(client, (weft_target){"box", "d"});
    CHECK_OK(weft_client_terminate(client, (weft_target){"box", "d"}, "no"));
}

static void
check_kinds(const struct page *page)
{
    CHECK_METRIC(page, "weft_instances_started_total", "kind=order", 4);
    CHECK_METRIC(page, "weft_instances_started_total", "kind=box", 3);
    CHECK_METRIC(page, "weft_instances_started_total", "kind=" ODD_KIND, 0);
    CHECK_METRIC(page, "weft_instances_completed_total", "kind=order", 1);
    CHECK_METRIC(page, "weft_instances_failed_total", "kind=order", 1);
    CHECK_METRIC(page, "weft_instances_terminated_total", "kind=order", 2);
    CHECK_METRIC(page, "weft_instances_cancelled_total", "kind=order", 0);
    CHECK_METRIC(page, "weft_instances_restarted_total", "kind=order", 1);
    CHECK_METRIC(page, "weft_instances_parked_total", "kind=box", 2);
    CHECK_METRIC(page, "weft_turns_failed_total", "kind=box", 2);
    CHECK_METRIC(page, "weft_signals_total", "kind=box", 4);
    CHECK_METRIC(page, "weft_timers_fired_total", "kind=order", 1);
    CHECK_METRIC(page, "weft_timer_lateness_seconds_count", "", 1);
    CHECK_METRIC(page, "weft_signals_total", "kind=order", 0);
    CHECK_METRIC(page, "weft_turns_total", "kind=box",
                 10); // three create, one refuses
    CHECK_METRIC(page, "weft_turn_seconds_count", "kind=order",
                 value_of(page, "weft_turns_total", "kind=order"));
    CHECK(value_of(page, "weft_turn_seconds_sum", "kind=order") > 0);
}

static void
check_activities(const struct page *page)
{
    CHECK_METRIC(page, "weft_activity_attempts_total", "activity=try", 3);
    CHECK_METRIC(page, "weft_activity_attempts_failed_total", "activity=try",
                 2);
    CHECK_METRIC(page, "weft_activity_timeouts_total", "activity=try", 0);
    CHECK_METRIC(page, "weft_activity_attempts_lost_total", "activity=try", 0);
    CHECK_METRIC(page, "weft_activities_completed_total", "activity=try", 1);
    CHECK_METRIC(page, "weft_activities_failed_total", "activity=try", 0);
    CHECK_METRIC(page, "weft_activity_run_seconds_count", "activity=try", 3);
    CHECK_METRIC(page, "weft_activity_schedule_to_start_seconds_count",
                 "activity=try", 3);
    CHECK_METRIC(page, "weft_activity_queue", "activity=try", 0);
    CHECK_METRIC(page, "weft_activity_running", "activity=try", 0);
}

static void
check_node(const struct page *page, const weft_node_stats *stats)
{
    CHECK_METRIC(page, "weft_requests_total", "verb=start,error=WEFT_OK", 4);
    CHECK_METRIC(page, "weft_requests_total", "verb=start,error=WEFT_EEXISTS",
                 1);
    CHECK_METRIC(page, "weft_requests_total", "verb=signal,error=WEFT_OK", 6);
    CHECK_METRIC(page, "weft_requests_total", "verb=terminate,error=WEFT_OK",
                 2);
    CHECK_METRIC(page, "weft_commits_total", "store=store-0",
                 (double)stats->commits);
    CHECK_METRIC(page, "weft_commit_seconds_count", "store=store-0",
                 (double)stats->commits);
    CHECK_METRIC(page, "weft_log_bytes_total", "store=store-0",
                 (double)stats->log_bytes);
    CHECK(value_of(page, "weft_commit_bytes_sum", "store=store-0") >=
          (double)stats->log_bytes);
    CHECK(value_of(page, "weft_beacons_total", "store=store-0") >= 1);
    CHECK_METRIC(page, "weft_actors_parked", "", 1);
    CHECK_METRIC(page, "weft_audit_failures", "", 0);
}

TEST(metrics, a_known_run_is_counted)
{
    weft_definitions *definitions = define();
    weft_node_options options = WEFT_NODE_OPTIONS_INIT;
    weft_node_stats stats = {.struct_size = sizeof(stats)};
    weft_node *node = NULL;
    weft_client *client = NULL;
    weft_metrics *metrics = NULL;
    const char *text = NULL;
    struct page *page;
    size_t len = 0;
    char dir[600];

    snprintf(dir, sizeof(dir), "%s/data", test_dir(t));
    options.data_dir = dir;
    options.definitions = definitions;
    options.partition_count = 8;
    options.shard_count = 3;
    options.reserve_bytes = 1;
    CHECK_OK(weft_node_open(&options, &node));
    CHECK_OK(weft_client_open(node, NULL, &client));
    play(client);
    CHECK_OK(weft_node_drain(node, 10000)); // nothing moves any more
    CHECK_OK(weft_node_get_stats(node, &stats));
    CHECK_OK(weft_node_metrics(node, &metrics));
    weft_client_close(client);
    weft_node_close(node);

    CHECK_OK(weft_metrics_text(metrics, &text, &len));
    CHECK_EQ(strlen(text), len);
    page = parse(text);
    check_histograms(page);
    check_kinds(page);
    check_activities(page);
    check_node(page, &stats);
    free(page);
    weft_metrics_free(metrics);
    weft_definitions_destroy(definitions);
}

// Made by hand. ---------------------------------------------------------------

TEST(metrics, buckets_are_a_factor_of_two_apart)
{
    CHECK_EQ(wf_histogram_bucket(1000, 0), 0);
    CHECK_EQ(wf_histogram_bucket(1000, 1000), 0);
    CHECK_EQ(wf_histogram_bucket(1000, 1001), 1);
    CHECK_EQ(wf_histogram_bucket(1000, 2000), 1);
    CHECK_EQ(wf_histogram_bucket(1000, 2001), 2);
    CHECK_EQ(wf_histogram_bucket(1000, 4000), 2);
    CHECK_EQ(wf_histogram_bucket(1, 1ULL << 26), 26);
    CHECK_EQ(wf_histogram_bucket(1, (1ULL << 26) + 1), 27);
    CHECK_EQ(wf_histogram_bucket(1, UINT64_MAX), 27);
}

TEST(metrics, text_is_what_prometheus_reads)
{
    static const struct wf_metric_family counter = {.name = "things",
                                                    .help = "Things.",
                                                    .type = WEFT_METRIC_COUNTER,
                                                    .labels = {"what", "why"}};
    static const struct wf_metric_family gauge = {
        .name = "level", .help = "It.", .type = WEFT_METRIC_GAUGE};
    weft_metrics *metrics = wf_metrics_create();
    const char *text;

    wf_metrics_put(metrics, &counter, "a", "b", 1);
    wf_metrics_put(metrics, &counter, "q\"u\\o\nte", "", 9007199254740991.0);
    wf_metrics_put(metrics, &gauge, NULL, NULL, 0.5);
    CHECK_OK(weft_metrics_text(metrics, &text, NULL));
    CHECK_STR(text, "# HELP weft_things_total Things.\n"
                    "# TYPE weft_things_total counter\n"
                    "weft_things_total{what=\"a\",why=\"b\"} 1\n"
                    "weft_things_total{what=\"q\\\"u\\\\o\\nte\",why=\"\"}"
                    " 9007199254740991\n"
                    "# HELP weft_level It.\n"
                    "# TYPE weft_level gauge\n"
                    "weft_level 0.5\n");
    weft_metrics_free(metrics);
}

static int
stop_at_two(void *ctx, const weft_metric *metric)
{
    int *count = ctx;

    CHECK(metric->name != NULL);
    return ++*count == 2;
}

TEST(metrics, a_histogram_shows_its_bounds)
{
    static const struct wf_metric_family family = {.name = "it_seconds",
                                                   .help = "It.",
                                                   .type =
                                                       WEFT_METRIC_HISTOGRAM,
                                                   .unit = 1e-6,
                                                   .scale = 1e-9};
    struct wf_histogram histogram = {0};
    struct wf_metric_buckets buckets = {0};
    weft_metrics *metrics = wf_metrics_create();
    struct page *page;
    const char *text;
    int count = 0;

    wf_histogram_add(&histogram, 1000, 1);
    wf_histogram_add(&histogram, 1000, 1500);
    wf_histogram_add(&histogram, 1000, 1000000000000ULL);
    wf_metric_buckets_add(&buckets, &histogram);
    for (int i = 0; i < 3; i++) {
        wf_metrics_put_buckets(metrics, &family, NULL, &buckets);
    }
    CHECK_OK(weft_metrics_each(metrics, stop_at_two, &count));
    CHECK_EQ(count, 2);
    CHECK_OK(weft_metrics_text(metrics, &text, NULL));
    page = parse(text);
    CHECK_METRIC(page, "weft_it_seconds_bucket", "le=1e-06", 1);
    CHECK_METRIC(page, "weft_it_seconds_bucket", "le=2e-06", 2);
    CHECK_METRIC(page, "weft_it_seconds_bucket", "le=67.108864", 2);
    CHECK_METRIC(page, "weft_it_seconds_bucket", "le=+Inf", 3);
    CHECK_METRIC(page, "weft_it_seconds_count", "", 3);
    CHECK(fabs(value_of(page, "weft_it_seconds_sum", "") - 1000) < 0.001);
    free(page);
    weft_metrics_free(metrics);
    weft_metrics_free(NULL);
    CHECK_ERR(weft_metrics_each(NULL, stop_at_two, &count), WEFT_EINVAL);
    CHECK_ERR(weft_metrics_text(NULL, &text, NULL), WEFT_EINVAL);
    CHECK_ERR(weft_node_metrics(NULL, &metrics), WEFT_EINVAL);
}
