// SPDX-License-Identifier: Apache-2.0
//
// shrink.c - from a run that fails to a short one. See shrink.h.
//
//     cut:    the end, in halves; then chunks anywhere
//     zero:   chunks, which leaves what follows where it is
//
// from chunks of half of all bytes down to single ones, again and again until
// nothing helps or the time is up.

#include "sim/shrink.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/repeat.h"

enum { TRY_SECONDS_MAX = 60, SMALL = 12 };

struct shrinking {
    shrink_run_fn *run;
    void *ctx;
    time_t ends_at;
    char kept[64]; // the file where a try leaves what it used
    char sought[300];
    struct shrunk *shrunk;
};

static time_t
now_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

// In the child.
_Noreturn static void
try_here(const struct shrinking *shrinking, struct choices *choices, int said)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGALRM};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        (void)signal(signals[i], SIG_DFL);
    }
    (void)dup2(said, STDERR_FILENO);
    (void)alarm(TRY_SECONDS_MAX);
    repeat_keep(shrinking->kept);
    shrinking->run(shrinking->ctx, choices);
    _exit(0);
}

// All that it says is read; its first line is kept.
static void
read_line(int from, char line[300])
{
    FILE *file = fdopen(from, "r");
    char rest[300];

    line[0] = '\0';
    if (file == NULL) {
        (void)close(from);
        return;
    }
    if (fgets(line, 300, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
    }
    while (fgets(rest, sizeof(rest), file) != NULL) {
    }
    (void)fclose(file);
}

// Does a run with these choices fail? How, is in out_line.
static bool
fails(const struct shrinking *shrinking, struct choices *choices,
      char out_line[300])
{
    int ends[2];
    int status = 0;
    pid_t child;

    out_line[0] = '\0';
    if (pipe(ends) != 0 || (child = fork()) < 0) {
        return false;
    }
    if (child == 0) {
        (void)close(ends[0]);
        try_here(shrinking, choices, ends[1]);
    }
    (void)close(ends[1]);
    read_line(ends[0], out_line);
    shrinking->shrunk->tries++;
    return waitpid(child, &status, 0) == child && status != 0 &&
           !(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

static void
without_digits(char *line)
{
    char *to = line;

    for (; *line != '\0'; line++) {
        if (isdigit((unsigned char)*line) == 0) {
            *to++ = *line;
        }
    }
    *to = '\0';
}

// Where a part begins anew, as if it were given.
static void
give(struct choice *choice, const struct wf_buf *bytes)
{
    choice_of_bytes(choice, wf_buf_bytes(bytes));
}

// If it fails in the same way with these bytes as that part, they are the new
// ones.
static bool
take_if_same(struct shrinking *shrinking, struct wf_buf *part,
             const struct wf_buf *bytes)
{
    struct shrunk *shrunk = shrinking->shrunk;
    struct choices choices;
    char line[300];
    char shown[300];
    bool is_same;

    give(&choices.work, part == &shrunk->work ? bytes : &shrunk->work);
    give(&choices.world, part == &shrunk->world ? bytes : &shrunk->world);
    is_same = fails(shrinking, &choices, line);
    memcpy(shown, line, sizeof(shown));
    without_digits(line);
    if (!is_same || strcmp(line, shrinking->sought) != 0) {
        return false;
    }
    memcpy(shrunk->failure, shown, sizeof(shown));
    wf_buf_reset(part);
    wf_buf_put(part, bytes->data, bytes->len);
    return true;
}

static bool
is_time_left(const struct shrinking *shrinking)
{
    return now_seconds() < shrinking->ends_at;
}

// Without the chunk, or with zeros in its place.
static bool
try_without(struct shrinking *shrinking, struct wf_buf *part, size_t at,
            size_t len, bool is_zeroed)
{
    size_t end = at + len < part->len ? at + len : part->len;
    struct wf_buf bytes = {0};
    bool is_all_zero = true;
    bool is_taken;

    for (size_t i = at; i < end; i++) {
        is_all_zero = is_all_zero && part->data[i] == 0;
    }
    if (is_zeroed && is_all_zero) {
        return false;
    }
    wf_buf_put(&bytes, part->data, at);
    for (size_t i = at; is_zeroed && i < end; i++) {
        wf_buf_put_u8(&bytes, 0);
    }
    wf_buf_put(&bytes, part->data + end, part->len - end);
    is_taken = take_if_same(shrinking, part, &bytes);
    wf_buf_fini(&bytes);
    return is_taken;
}

static bool
pass(struct shrinking *shrinking, struct wf_buf *part, size_t len)
{
    bool has_helped = false;
    size_t at = 0;

    while (at < part->len && is_time_left(shrinking)) {
        if (try_without(shrinking, part, at, len, false)) {
            has_helped = true; // what followed is here now
            continue;
        }
        has_helped = try_without(shrinking, part, at, len, true) || has_helped;
        at += len;
    }
    return has_helped;
}

// Of two points the earlier one, as long as it fails there.
static void
cut_end(struct shrinking *shrinking, struct wf_buf *part)
{
    size_t step = part->len;

    while (step > 0 && is_time_left(shrinking)) {
        if (step > part->len ||
            !try_without(shrinking, part, part->len - step, step, false)) {
            step /= 2;
        }
    }
}

static bool
begin(struct shrinking *shrinking, const struct choices *given)
{
    struct shrunk *shrunk = shrinking->shrunk;
    struct choices choices = *given;
    struct wf_buf bytes = {0};

    if (!fails(shrinking, &choices, shrinking->sought) ||
        !shrink_read(shrinking->kept, &bytes)) {
        return false;
    }
    memcpy(shrunk->failure, shrinking->sought, sizeof(shrinking->sought));
    without_digits(shrinking->sought);
    choices_of_bytes(&choices, wf_buf_bytes(&bytes));
    wf_buf_put(&shrunk->work, choices.work.given.data, choices.work.given.len);
    wf_buf_put(&shrunk->world, choices.world.given.data,
               choices.world.given.len);
    shrunk->first_len = shrunk->work.len + shrunk->world.len;
    wf_buf_fini(&bytes);
    return true;
}

// Both parts with the same size of chunk: what is easy first.
static bool
shrink_once(struct shrinking *shrinking)
{
    struct wf_buf *work = &shrinking->shrunk->work;
    struct wf_buf *world = &shrinking->shrunk->world;
    bool has_helped = false;

    cut_end(shrinking, world);
    cut_end(shrinking, work);
    // Small ones of every size: one choice, or a few, of some part of the work.
    for (size_t len = work->len > world->len ? work->len : world->len; len > 0;
         len = len > SMALL ? len / 2 : len - 1) {
        has_helped = pass(shrinking, world, len) || has_helped;
        has_helped = pass(shrinking, work, len) || has_helped;
    }
    return has_helped;
}

bool
shrink_read(const char *path, struct wf_buf *out)
{
    FILE *file = fopen(path, "re");
    int c;

    while (file != NULL && (c = fgetc(file)) != EOF) {
        wf_buf_put_u8(out, (uint8_t)c);
    }
    return file != NULL && fclose(file) == 0;
}

bool
shrink(const struct choices *choices, shrink_run_fn *run, void *ctx,
       uint32_t seconds, struct shrunk *out_shrunk)
{
    struct shrinking shrinking = {
        .run = run,
        .ctx = ctx,
        .ends_at = now_seconds() + seconds,
        .shrunk = out_shrunk,
    };
    bool is_failing;

    *out_shrunk = (struct shrunk){0};
    (void)snprintf(shrinking.kept, sizeof(shrinking.kept),
                   "/tmp/weft-sim-%d.bytes", (int)getpid());
    is_failing = begin(&shrinking, choices);
    while (is_failing && is_time_left(&shrinking) && shrink_once(&shrinking)) {
    }
    (void)unlink(shrinking.kept);
    return is_failing;
}

bool
shrink_save(const struct shrunk *shrunk, const char *path)
{
    struct choices choices = {0};

    choices.work.used = shrunk->work; // borrowed for the call
    choices.world.used = shrunk->world;
    return choices_save(&choices, path);
}

void
shrink_fini(struct shrunk *shrunk)
{
    wf_buf_fini(&shrunk->work);
    wf_buf_fini(&shrunk->world);
}
