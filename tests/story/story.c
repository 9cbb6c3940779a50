// SPDX-License-Identifier: Apache-2.0
//
// story.c - the variants of a story, its notes, and calls with few arguments.
// See story.h.

#include "story/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/key.h"
#include "story/corpus.h"

enum { NOTES_SIZE = 65536, DEFINITIONS_MAX = 64, NUL = 1 };

static struct story now;
static char notes[NOTES_SIZE];
static size_t notes_len;
static uint64_t zero_ms;
static char variant[160];
static bool is_telling; // still set when a check has ended the test
// What story_define made; freed when the world is gone.
static weft_definitions *defined[DEFINITIONS_MAX];
static size_t defined_count;

// Variants. -------------------------------------------------------------------

#define CROWDED_RESIDENTS 3

struct variant {
    int64_t window_bytes;
    uint32_t sites;
    bool is_paranoid;
    uint32_t residents_max; // 0: the default
    uint64_t crash;         // at this commit; 0: none
    bool is_after;
};

static void
name_variant(const struct variant *with)
{
    (void)snprintf(variant, sizeof(variant), "window %lld, %u partitions%s%s%s",
                   (long long)with->window_bytes, with->sites,
                   with->is_paranoid ? ", paranoid" : "",
                   with->residents_max > 0 ? ", crowded" : "",
                   with->crash == 0 ? ", calm" : "");
    if (with->crash > 0) {
        size_t len = strlen(variant);

        (void)snprintf(variant + len, sizeof(variant) - len,
                       ", crash %s commit %llu",
                       with->is_after ? "after" : "before",
                       (unsigned long long)with->crash);
    }
}

static void
report_variant(void)
{
    if (is_telling) {
        (void)fprintf(stderr, "story: it failed in: %s\nnotes:\n%s", variant,
                      notes);
        if (getenv("STORY_TRACE") != NULL) {
            (void)fprintf(stderr, "trace:\n%s", world_trace(now.world));
        }
        is_telling = false;
    }
}

__attribute__((destructor)) static void
report_last(void)
{
    report_variant();
}

// Tell it once; gives how many commits there were.
static uint64_t
tell_one(story_definitions_fn *define, story_fn *tell,
         const struct variant *with)
{
    uint64_t commits;

    report_variant(); // of the test before
    if (corpus_replays()) {
        corpus_replay(define);
        return 0;
    }
    name_variant(with);
    defined_count = 0;
    story_forget_notes();
    now = (struct story){
        .definitions = define(),
        .sites = with->sites,
        .is_calm = with->crash == 0,
        .is_paranoid = with->is_paranoid,
    };
    now.world = world_create(&(struct world_options){
        .seed = 1,
        .sites = with->sites,
        .window_bytes = with->window_bytes,
        .is_paranoid = with->is_paranoid,
        .is_prompt = now.is_calm,
        .residents_max = with->residents_max,
        .definitions = now.definitions,
        .is_traced = true,
    });
    world_crash_at(now.world, with->crash, with->is_after);
    is_telling = true;
    tell(&now);
    story_check_audit();
    is_telling = false;
    if (corpus_records()) {
        corpus_record(now.world, define);
    }
    commits = world_commits(now.world);
    world_destroy(now.world);
    now.world = NULL;
    weft_definitions_destroy(now.definitions);
    for (size_t i = 0; i < defined_count; i++) {
        weft_definitions_destroy(defined[i]);
    }
    return commits;
}

#define VARIANTS 8
#define CROWDED_VARIANTS 4 // with memory for one actor

// AddressSanitizer takes long, and finds what there is to be found in each
// variant with an eighth of the crashes: those that the others do not have.
#if defined(__SANITIZE_ADDRESS__)
#define CRASHES_APART VARIANTS
#else
#define CRASHES_APART 1
#endif

static void
tell_crashing(story_definitions_fn *define, story_fn *tell, struct variant with,
              uint64_t commits, uint64_t first)
{
    for (with.crash = first; with.crash <= commits;
         with.crash += CRASHES_APART) {
        with.is_after = false;
        (void)tell_one(define, tell, &with);
        with.is_after = true;
        (void)tell_one(define, tell, &with);
    }
}

static struct variant
variant_of(unsigned i, uint32_t residents_max)
{
    static const int64_t windows[] = {0, 65536};
    static const uint32_t sites[] = {1, 5};

    return (struct variant){
        .window_bytes = windows[i & 1],
        .sites = sites[i >> 1 & 1],
        .is_paranoid = (i & 4) != 0,
        .residents_max = residents_max,
    };
}

static void
tell_all(story_definitions_fn *define, story_fn *tell, bool has_crashes,
         uint32_t residents_max)
{
    unsigned variants = corpus_is_on() ? 1 : VARIANTS;

    for (unsigned i = 0; i < variants; i++) {
        struct variant with = variant_of(i, residents_max);
        uint64_t commits = tell_one(define, tell, &with);

        if (has_crashes && !corpus_is_on()) {
            tell_crashing(define, tell, with, commits, 1 + i % CRASHES_APART);
        }
    }
}

void
story_run(story_definitions_fn *define, story_fn *tell)
{
    tell_all(define, tell, true, 0);
    // Nobody may notice that it left memory meanwhile.
    for (unsigned i = 0; i < CROWDED_VARIANTS && !corpus_is_on(); i++) {
        struct variant with = variant_of(i, 1);

        (void)tell_one(define, tell, &with);
    }
}

void
story_run_calm(story_definitions_fn *define, story_fn *tell)
{
    tell_all(define, tell, false, 0);
}

void
story_run_crowded(story_definitions_fn *define, story_fn *tell)
{
    tell_all(define, tell, false, CROWDED_RESIDENTS);
}

void
story_run_once(story_definitions_fn *define, story_fn *tell)
{
    (void)tell_one(define, tell, &(struct variant){.sites = 1});
}

struct story *
story_now(void)
{
    return &now;
}

// Notes. ----------------------------------------------------------------------

uint64_t
story_now_ms(void)
{
    return zero_ms == 0 ? 0 : world_now_ms(now.world) - zero_ms;
}

void
story_note(const char *format, ...)
{
    va_list args;
    size_t room = sizeof(notes) - notes_len;
    int len;

    if (now.world == NULL) {
        return; // its journal is replayed: nobody reads notes
    }
    if (zero_ms == 0) {
        story_zero();
    }
    len = snprintf(notes + notes_len, room, "[%llu] ",
                   (unsigned long long)story_now_ms());

    WF_ASSERT((size_t)len < room);
    notes_len += (size_t)len;
    room -= (size_t)len;
    va_start(args, format);
    len = vsnprintf(notes + notes_len, room, format, args);
    va_end(args);
    WF_ASSERT((size_t)len + 1 < room);
    notes_len += (size_t)len;
    notes[notes_len++] = '\n';
    notes[notes_len] = '\0';
}

void
story_zero(void)
{
    zero_ms = world_now_ms(now.world);
}

const char *
story_notes(void)
{
    return notes;
}

void
story_forget_notes(void)
{
    zero_ms = 0;
    notes_len = 0;
    notes[0] = '\0';
}

size_t
story_count(const char *text)
{
    const char *line = notes;
    size_t count = 0;

    while ((line = strstr(line, "] ")) != NULL) {
        line += 2;
        count += strncmp(line, text, strlen(text)) == 0 ? 1 : 0;
    }
    return count;
}

const char *
story_trace(void)
{
    static char text[NOTES_SIZE];
    const char *line = world_trace(now.world);
    unsigned long long first = 0;
    size_t len = 0;

    text[0] = '\0';
    (void)sscanf(line, "[%llu]", &first);
    while (*line != '\0') {
        unsigned long long at = 0;
        const char *rest = strchr(line, ']');
        const char *end = strchr(line, '\n');

        WF_ASSERT(rest != NULL && end != NULL);
        (void)sscanf(line, "[%llu]", &at);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "[%llu%.*s\n",
                                at - first, (int)(end - rest), rest);
        WF_ASSERT(len < sizeof(text));
        line = end + 1;
    }
    return text;
}

// Definitions. ----------------------------------------------------------------

void
story_add_actor(weft_definitions *definitions, const char *name,
                uint32_t state_bytes, weft_actor_fn *receive)
{
    weft_actor_def def = WEFT_ACTOR_DEF_INIT;

    def.name = name;
    def.state_bytes = state_bytes;
    def.receive = receive;
    CHECK_OK(weft_definitions_add_actor(definitions, &def));
}

void
story_add_workflow(weft_definitions *definitions, const char *name,
                   weft_workflow_fn *run)
{
    weft_workflow_def def = WEFT_WORKFLOW_DEF_INIT;

    def.name = name;
    def.run = run;
    CHECK_OK(weft_definitions_add_workflow(definitions, &def));
}

void
story_add_activity(weft_definitions *definitions, const char *name,
                   weft_activity_fn *run)
{
    weft_activity_def def = WEFT_ACTIVITY_DEF_INIT;

    def.name = name;
    def.run = run;
    CHECK_OK(weft_definitions_add_activity(definitions, &def));
}

// Calls. ----------------------------------------------------------------------

static weft_bytes
bytes_of(const char *text)
{
    return text == NULL ? weft_nothing() : weft_text(text);
}

struct world_call *
story_ask(weft_verb verb, const char *kind, const char *id, const char *name,
          const char *data)
{
    return world_ask(now.world, verb, kind, id, name, bytes_of(data));
}

struct world_call *
story_call(const weft_request *request)
{
    return world_wait(now.world, world_submit(now.world, request));
}

struct world_call *
story_do(weft_verb verb, const char *kind, const char *id, const char *name,
         const char *data)
{
    struct world_call *call = story_ask(verb, kind, id, name, data);

    if (call->err != WEFT_OK) {
        (void)fprintf(stderr, "%s/%s %s: %s\n", kind, id, name, call->detail);
    }
    CHECK_OK(call->err);
    return call;
}

void
story_start(const char *kind, const char *id, const char *input)
{
    (void)story_do(WEFT_VERB_START, kind, id, "", input);
}

void
story_signal(const char *kind, const char *id, const char *name,
             const char *data)
{
    (void)story_do(WEFT_VERB_SIGNAL, kind, id, name, data);
}

struct world_call *
story_result(const char *kind, const char *id)
{
    return story_ask(WEFT_VERB_RESULT, kind, id, "", NULL);
}

struct world_call *
story_describe(const char *kind, const char *id)
{
    return story_do(WEFT_VERB_DESCRIBE, kind, id, "", NULL);
}

const char *
story_query(const char *kind, const char *id, const char *name)
{
    return story_do(WEFT_VERB_QUERY, kind, id, name, NULL)->data;
}

void
story_wait_ms(uint64_t ms)
{
    world_run_ms(now.world, ms);
}

void
story_crash(void)
{
    for (uint32_t i = 0; i < now.sites; i++) {
        world_crash(now.world, i);
    }
}

void
story_crash_jump(int64_t by_ms)
{
    for (uint32_t i = 0; i < now.sites; i++) {
        world_jump(now.world, i, by_ms);
    }
    story_crash();
}

void
story_define(story_definitions_fn *define)
{
    WF_ASSERT(defined_count < DEFINITIONS_MAX);
    defined[defined_count++] = now.definitions;
    now.definitions = define();
    world_define(now.world, now.definitions);
}

uint64_t
story_dead_letters(void)
{
    struct wf_partition_stats stats;

    world_stats(now.world, &stats);
    return stats.dead_letters;
}

void
story_check_audit(void)
{
    CHECK_EQ(world_audit(now.world), 0);
}

uint32_t
story_site_of(const char *id)
{
    struct wf_key key;
    uint32_t partition;

    CHECK_OK(wf_key_make("default", "any", id, &key));
    partition = wf_key_partition(&key, now.sites);
    wf_key_fini(&key);
    return partition;
}

const char *
story_id_elsewhere(const char *id)
{
    static char other[64];

    for (unsigned i = 0;; i++) {
        (void)snprintf(other, sizeof(other), "%s.%u", id, i);
        if (now.sites == 1 || story_site_of(other) != story_site_of(id)) {
            return other;
        }
    }
}

// Payloads. -------------------------------------------------------------------

const char *
story_text(weft_bytes bytes, char *buf, size_t size)
{
    size_t len = bytes.len < size - NUL ? bytes.len : size - NUL;

    if (len > 0) {
        memcpy(buf, bytes.data, len);
    }
    buf[len] = '\0';
    return buf;
}

bool
story_is(weft_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) &&
           (bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}
