// SPDX-License-Identifier: Apache-2.0
//
// judge.c - was anything lost, doubled or changed that nobody told of? See
// judge.h.
//
// Three are asked, each for itself: `verify`; looking, without opening it; and
// a node that is opened on it, whose instances are all read, and whose work is
// let go to its end. The last one counts. What verify and looking say must be
// on the safe side of it.

#include "rot/judge.h"

#include <stdio.h>
#include <string.h>

#include "rot/ending.h"
#include "rot/files.h"
#include "rot/look.h"
#include "weft/inspect.h"

struct trial {
    const struct source *source;
    const char *dir;
    struct judged *out;
    weft_err verify_err;
    char verified[400]; // the first problem, or the error
    weft_err look_err;
    char looked[400];
    struct wf_buf all;
};

const char *
verdict_name(enum verdict verdict)
{
#define X(name, text) text,
    static const char *const names[] = {VERDICT_TABLE(X)};
#undef X

    return names[verdict];
}

static void
keep_problem(void *ctx, const char *where, const char *what)
{
    struct trial *trial = ctx;

    if (trial->verified[0] == '\0') {
        (void)snprintf(trial->verified, sizeof(trial->verified),
                       "%.150s: %.240s", where, what);
    }
}

static void
ask_verify(struct trial *trial)
{
    trial->verify_err =
        weft_inspect_verify(trial->dir, keep_problem, trial, NULL);
    if (trial->verify_err != WEFT_OK && trial->verified[0] == '\0') {
        (void)snprintf(trial->verified, sizeof(trial->verified), "%.390s",
                       weft_err_detail());
    }
}

static void
ask_look(struct trial *trial)
{
    wf_buf_reset(&trial->all);
    trial->look_err = look_at(trial->dir, LOOK_ALL, &trial->all);
    if (trial->look_err != WEFT_OK) {
        (void)snprintf(trial->looked, sizeof(trial->looked), "%.390s",
                       weft_err_detail());
    }
}

// Do these words say where?
static bool
names_it(const struct trial *trial, const char *words)
{
    const char *base = strrchr(trial->out->damage.file, '/');

    return strstr(words, "store-") != NULL ||
           strstr(words, base == NULL ? trial->out->damage.file : base + 1) !=
               NULL;
}

static enum verdict
give(struct trial *trial, enum verdict verdict, const char *words,
     const char *more)
{
    (void)snprintf(trial->out->words, sizeof(trial->out->words),
                   "%.700s | %.300s | verify: %.200s | look: %.200s", words,
                   more, trial->verified, trial->looked);
    return verdict;
}

static bool
is_limit(const struct trial *trial)
{
    return trial->source->plan->end == SOURCE_HOT;
}

static enum verdict
weigh_lost(struct trial *trial, const struct ending *ending,
           const char *differs)
{
    bool is_told = ending->world.said_count > 0 ||
                   ending->first_err == WEFT_ECORRUPT ||
                   ending->look_err == WEFT_ECORRUPT;

    if (is_limit(trial) && !is_told) {
        return give(trial, VERDICT_LIMIT, differs, "");
    }
    if (!is_told) {
        return give(trial, VERDICT_SILENT, differs, ending->detail);
    }
    if (trial->verify_err == WEFT_OK) {
        return give(trial, VERDICT_VERIFIED, differs, ending->world.said);
    }
    return give(trial, VERDICT_TOLD, ending->world.said, differs);
}

static enum verdict
weigh_old(struct trial *trial, const struct ending *ending)
{
    char differs[300];

    if (ending->open_err == WEFT_OK && ending->look_err == WEFT_OK &&
        ending->failed == 0 && ending->world.said_count == 0 &&
        strcmp((char *)ending->outcome.data, trial->source->old_outcome) == 0) {
        return give(trial, VERDICT_LIMIT, "it is as it was then", "");
    }
    look_differ(trial->source->old_outcome, (char *)ending->outcome.data,
                differs, sizeof(differs));
    return give(trial, VERDICT_SILENT, differs, ending->detail);
}

static enum verdict
weigh(struct trial *trial, const struct ending *ending)
{
    const struct source *source = trial->source;
    char differs[300] = "";
    bool is_same;

    if (trial->out->damage.kind == DAMAGE_OLD_ALL) {
        return weigh_old(trial, ending);
    }
    if (ending->open_err != WEFT_OK) {
        return give(trial,
                    names_it(trial, ending->detail) ? VERDICT_REFUSED
                                                    : VERDICT_NAMELESS,
                    ending->detail, "");
    }
    is_same = ending->failed == 0 && ending->look_err == WEFT_OK &&
              strcmp((char *)ending->outcome.data, source->outcome) == 0;
    if (!is_same) {
        look_differ(source->outcome, (char *)ending->outcome.data, differs,
                    sizeof(differs));
        return weigh_lost(trial, ending, differs);
    }
    if (trial->look_err == WEFT_OK &&
        strcmp((char *)trial->all.data, source->all) != 0) {
        look_differ(source->all, (char *)trial->all.data, differs,
                    sizeof(differs));
        return give(trial, VERDICT_UNSEEN, differs, "");
    }
    return give(trial, VERDICT_HARMLESS, ending->world.said, "");
}

void
judge(const struct source *sources, uint32_t count, uint64_t seed,
      const char *dir, struct judged *out)
{
    static struct ending ending;
    static struct trial trial;
    struct wf_random random;
    struct wf_buf kept = trial.all;
    uint32_t lives;

    wf_random_init(&random, seed);
    *out = (struct judged){.verdict = VERDICT_NONE};
    out->source = (uint32_t)wf_random_below(&random, count);
    trial = (struct trial){
        .source = &sources[out->source],
        .dir = dir,
        .out = out,
        .all = kept,
    };
    files_remove_all(dir);
    files_clone(trial.source->dir, dir);
    if (!damage_do(trial.source, dir, &random, &out->damage)) {
        return;
    }
    lives = trial.source->plan->lives -
            (out->damage.kind == DAMAGE_OLD_ALL ? 1 : 0);
    ask_verify(&trial);
    // Who was told by the one need not be by the other, but sometimes is.
    if (trial.verify_err == WEFT_OK || wf_random_below(&random, 4) == 0) {
        ask_look(&trial);
    } else {
        trial.look_err = trial.verify_err;
    }
    ending_run(trial.source, dir, lives,
               out->damage.kind == DAMAGE_OLD_ALL ? "" : trial.source->all,
               &ending);
    out->verdict = weigh(&trial, &ending);
}
