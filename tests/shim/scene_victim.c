// SPDX-License-Identifier: Apache-2.0
//
// scene_victim.c - plays a scene on a directory, until it dies or has ended.
//
//     scene_victim ROOT SCENE [--finish]
//
// ROOT/disk is what the shim looks at; the node's directory is ROOT/disk/data.
// Each statement is asked under a number of its own and written to ROOT/ledger
// when it is answered. Who plays on after a crash begins with the first one
// that was not answered, and asks it again under its number.
//
//   B i            is about to do statement i
//   A i err text   it was answered
//   N i k          its k-th part was refused: nothing happened
//   U i err        outcome unknown; asks again
//
// --finish: verifies the directory before it is opened and after it is closed,
// and writes what there is at the end to ROOT/state (scene_state.c).
//
// Status: 0 all well, 1 the node did not open, 2 the directory fails its
// verification, 3 something else is wrong, 4 it does not come to an end.

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/ledger.h"
#include "shim/model.h"
#include "shim/scene.h"
#include "shim/scene_state.h"
#include "shim/stage.h"
#include "weft/find.h"
#include "weft/inspect.h"
#include "weft/operate.h"

#define PARTS_MAX 400
#define NUMBERS 1000 // of each statement
#define BIG_BYTES 3000
#define PATIENCE_MS 45000 // an offer of a dead poller waits for 30 s
#define CAPSULE_BYTES (1U << 20)

struct victim {
    struct stage stage;
    const struct scene *scene;
    struct scene_program program;
    bool is_answered[SCENE_STATEMENTS_MAX];
    uint16_t refusals[SCENE_STATEMENTS_MAX][PARTS_MAX];
    int ledger;
    uint32_t patience_ms;
};

static const weft_operator by = {"scene", "it says so"};

// The ledger. ----------------------------------------------------------------

static void
read_line(void *ctx, char *line)
{
    struct victim *victim = ctx;
    unsigned i = 0;
    unsigned k = 0;

    if (sscanf(line, "A %u", &i) == 1 && i < SCENE_STATEMENTS_MAX) {
        victim->is_answered[i] = true;
    } else if (sscanf(line, "N %u %u", &i, &k) == 2 &&
               i < SCENE_STATEMENTS_MAX && k < PARTS_MAX) {
        victim->refusals[i][k]++;
    }
}

// A refused request has used its number up; those of parts are below.
static uint64_t
number_of(const struct victim *victim, uint32_t i, uint32_t k)
{
    return (uint64_t)(i + 1) * NUMBERS + k +
           victim->refusals[i][k] * (uint64_t)PARTS_MAX;
}

static void
note_refusal(struct victim *victim, uint32_t i, uint32_t k)
{
    victim->refusals[i][k]++;
    ledger_write(victim->ledger, LEDGER_LINE, "N %" PRIu32 " %" PRIu32, i, k);
}

// Requests. ------------------------------------------------------------------

static weft_request
make_request(const struct victim *victim, uint32_t i, char *input)
{
    const struct scene_statement *statement = &victim->program.statements[i];
    static const struct {
        const char *word;
        weft_verb verb;
        const char *kind;
        const char *name; // of the signal or update
    } verbs[] = {
        {"add", WEFT_VERB_SIGNAL, "cell", "add"},
        {"move", WEFT_VERB_SIGNAL, "cell", "move"},
        {"tick", WEFT_VERB_SIGNAL, "cell", "tick"},
        {"get", WEFT_VERB_ASK, "cell", "get"},
        {"start", WEFT_VERB_START, "flow", NULL},
        {"go", WEFT_VERB_SIGNAL, "flow", "go"},
        {"ask", WEFT_VERB_UPDATE, "flow", "ask"},
        {"end", WEFT_VERB_RESULT, "flow", NULL},
        {"cancel", WEFT_VERB_CANCEL, "flow", NULL},
        {"kill", WEFT_VERB_TERMINATE, "flow", "killed"},
        {"pause", WEFT_VERB_PAUSE, "flow", NULL},
        {"resume", WEFT_VERB_RESUME, "flow", NULL},
        {"reset", WEFT_VERB_RESET, "flow", NULL},
        {"drop", WEFT_VERB_DELETE, "flow", NULL},
    };
    weft_request request = WEFT_REQUEST_INIT;

    for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
        if (scene_is(statement, verbs[v].word)) {
            request =
                stage_request(verbs[v].verb, verbs[v].kind, statement->words[1],
                              number_of(victim, i, 0));
            request.name = verbs[v].name;
        }
    }
    (void)snprintf(input, STAGE_TEXT, "%s%s%s", statement->words[2],
                   statement->words[3][0] == '\0' ? "" : " ",
                   statement->words[3]);
    request.data = weft_text(input);
    if (request.verb == WEFT_VERB_START) {
        (void)snprintf(input, STAGE_TEXT, "0 0 0 %.60s", statement->words[2]);
        request.input = weft_text(input);
    } else if (scene_is(statement, "tick")) {
        (void)snprintf(input, STAGE_TEXT, "t%" PRIu32, i); // the timer's name
        request.data = weft_text(input);
    } else if (request.verb == WEFT_VERB_RESET) {
        request.by = &by;
    } else if (request.verb == WEFT_VERB_DELETE) {
        request.terminate_first = 1;
    }
    return request;
}

static bool
is_unknown(weft_err err)
{
    return err == WEFT_ETIMEDOUT || err == WEFT_EIO;
}

static bool
is_refused(weft_err err)
{
    return err == WEFT_EBUSY || err == WEFT_EFULL || err == WEFT_ENOMEM;
}

static weft_err
do_request(struct victim *victim, uint32_t i, char answer[STAGE_TEXT])
{
    char input[STAGE_TEXT];
    weft_request request = make_request(victim, i, input);

    return stage_ask(&victim->stage, &request, answer);
}

// Many at a time. ------------------------------------------------------------

struct many {
    struct victim *victim;
    uint32_t i;
    weft_err errs[PARTS_MAX];
    uint32_t open;
};

struct part {
    struct many *many;
    uint32_t k;
};

static void
take_part(void *ctx, const weft_reply *reply)
{
    struct part *part = ctx;
    struct many *many = part->many;

    many->errs[part->k] = reply->err;
    many->open--;
    if (is_refused(reply->err)) {
        note_refusal(many->victim, many->i, part->k);
    }
}

static void
submit_part(struct many *many, struct part *part)
{
    const struct scene_statement *statement =
        &many->victim->program.statements[many->i];
    bool is_big = scene_is(statement, "big");
    char text[BIG_BYTES] = "";
    weft_request request =
        stage_request(WEFT_VERB_SIGNAL, "cell", statement->words[1],
                      number_of(many->victim, many->i, part->k));
    weft_err err;

    memset(text, ' ', sizeof(text));
    (void)snprintf(text, sizeof(text), "%" PRIu32, part->k);
    request.name = "add";
    request.data = weft_bytes_of(text, is_big ? sizeof(text) : strlen(text));
    err = weft_client_submit(many->victim->stage.client, &request, take_part,
                             part, NULL);
    if (err != WEFT_OK) {
        stage_give_up("submit", err, 3);
    }
    many->open++;
}

static void
wait_for_parts(struct many *many)
{
    weft_client *client = many->victim->stage.client;
    struct pollfd poller = {.fd = weft_client_fd(client), .events = POLLIN};
    uint64_t end_ms = stage_now_ms() + many->victim->patience_ms;

    while (many->open > 0) {
        if (stage_now_ms() > end_ms) {
            stage_give_up("many", WEFT_ETIMEDOUT, 4);
        }
        (void)poll(&poller, 1, 50);
        (void)weft_client_dispatch(client, PARTS_MAX);
    }
}

static weft_err
do_many(struct victim *victim, uint32_t i)
{
    struct many many = {.victim = victim, .i = i};
    struct part parts[PARTS_MAX];
    uint32_t count = (uint32_t)scene_number(&victim->program.statements[i], 2);
    bool is_whole = false;

    for (uint32_t k = 1; k <= count; k++) {
        many.errs[k] = WEFT_ETIMEDOUT;
        parts[k] = (struct part){&many, k};
    }
    while (!is_whole) {
        for (uint32_t k = 1; k <= count; k++) {
            if (is_unknown(many.errs[k]) || is_refused(many.errs[k])) {
                submit_part(&many, &parts[k]);
            }
        }
        wait_for_parts(&many);
        is_whole = true;
        for (uint32_t k = 1; k <= count; k++) {
            if (is_unknown(many.errs[k]) || is_refused(many.errs[k])) {
                is_whole = false;
            } else if (many.errs[k] != WEFT_OK) {
                return many.errs[k];
            }
        }
    }
    return WEFT_OK;
}

// What takes several requests. -----------------------------------------------

// A capsule is kept beside the ledger, so that nothing is deleted before it is
// there, and only one is ever used.
static weft_err
read_capsule(const char *path, uint8_t *bytes, size_t *out_len)
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return WEFT_ENOTFOUND;
    }
    *out_len = fread(bytes, 1, CAPSULE_BYTES, file);
    (void)fclose(file);
    return WEFT_OK;
}

static weft_err
keep_capsule(struct victim *victim, uint32_t i, const char *path)
{
    weft_request request = stage_request(WEFT_VERB_EXPORT, "flow",
                                         victim->program.statements[i].words[1],
                                         number_of(victim, i, 0));
    char made[STAGE_PATH + 8];
    weft_reply *reply = NULL;
    weft_err err =
        weft_client_call(victim->stage.client, &request, 1000, &reply);
    FILE *file;

    if (err == WEFT_OK) {
        (void)snprintf(made, sizeof(made), "%s.new", path);
        file = fopen(made, "we");
        if (file == NULL ||
            fwrite(reply->data.data, 1, reply->data.len, file) !=
                reply->data.len ||
            fclose(file) != 0 || rename(made, path) != 0) {
            stage_give_up(made, WEFT_EIO, 3);
        }
    }
    weft_reply_free(reply);
    return err;
}

static weft_err
get_capsule(struct victim *victim, uint32_t i, uint8_t *bytes, size_t *out_len)
{
    char path[STAGE_PATH];
    weft_err err;

    (void)snprintf(path, sizeof(path), "%s/capsule-%" PRIu32,
                   victim->stage.root, i);
    err = read_capsule(path, bytes, out_len);
    if (err == WEFT_ENOTFOUND) {
        err = keep_capsule(victim, i, path);
        if (err == WEFT_OK) {
            err = read_capsule(path, bytes, out_len);
        }
    }
    return err;
}

// What may have been done before, and says so.
static weft_err
done_if(weft_err err, weft_err before)
{
    return err == before ? WEFT_OK : err;
}

static weft_err
do_copy(struct victim *victim, uint32_t i)
{
    const struct scene_statement *statement = &victim->program.statements[i];
    bool is_fork = scene_is(statement, "fork");
    uint8_t *bytes = malloc(CAPSULE_BYTES);
    weft_request request;
    size_t len = 0;
    weft_err err =
        bytes == NULL ? WEFT_ENOMEM : get_capsule(victim, i, bytes, &len);

    if (err == WEFT_OK && !is_fork) {
        request = stage_request(WEFT_VERB_DELETE, "flow", statement->words[1],
                                number_of(victim, i, 1));
        request.terminate_first = 1;
        err = stage_ask(&victim->stage, &request, NULL);
        err = done_if(err, WEFT_ENOTFOUND);
    }
    if (err == WEFT_OK) {
        request = stage_request(is_fork ? WEFT_VERB_FORK : WEFT_VERB_IMPORT,
                                "flow", statement->words[is_fork ? 2 : 1],
                                number_of(victim, i, 2));
        request.data = weft_bytes_of(bytes, len);
        request.by = &by;
        err = stage_ask(&victim->stage, &request, NULL);
    }
    free(bytes);
    return err;
}

static weft_err
do_kill_all(struct victim *victim, uint32_t i)
{
    weft_batch_options options = WEFT_BATCH_OPTIONS_INIT;
    weft_batch_result *result = malloc(sizeof(*result));
    char filter[STAGE_TEXT * 2];
    weft_err err;

    (void)snprintf(filter, sizeof(filter),
                   "kind = \"flow\" and status = \"running\" and id "
                   "starts_with \"%s\"",
                   victim->program.statements[i].words[1]);
    options.filter = filter;
    options.verb = WEFT_VERB_TERMINATE;
    options.name = "killed";
    err = weft_client_batch(victim->stage.client, &options, result);
    free(result);
    return err;
}

// One that is there already is durable only if whoever made it lived to see it.
static void
sync_disk(const struct victim *victim)
{
    char path[STAGE_PATH];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/disk", victim->stage.root);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        stage_give_up(path, WEFT_EIO, 1);
    }
    (void)close(fd);
}

static weft_err
do_backup(struct victim *victim, uint32_t i)
{
    char path[STAGE_PATH];
    weft_err err;

    (void)snprintf(path, sizeof(path), "%s/disk/backup-%" PRIu32,
                   victim->stage.root, i);
    err = weft_node_backup(victim->stage.node, path);
    if (err == WEFT_EEXISTS) {
        sync_disk(victim);
        return WEFT_OK;
    }
    return err;
}

static weft_err
do_reopen(struct victim *victim, uint32_t i)
{
    weft_err err = weft_node_drain(victim->stage.node, 200);

    // Whether it drains depends on what waits; that it closes does not.
    if (err != WEFT_OK && err != WEFT_ETIMEDOUT) {
        return err;
    }
    stage_close(&victim->stage);
    stage_open(&victim->stage,
               scene_options_at(victim->scene, &victim->program, i));
    return WEFT_OK;
}

// Statements. ----------------------------------------------------------------

static weft_err
do_once(struct victim *victim, uint32_t i, char answer[STAGE_TEXT])
{
    const struct scene_statement *statement = &victim->program.statements[i];

    answer[0] = '\0';
    if (scene_is(statement, "many") || scene_is(statement, "big")) {
        return do_many(victim, i);
    }
    if (scene_is(statement, "fork") || scene_is(statement, "carry")) {
        return do_copy(victim, i);
    }
    if (scene_is(statement, "killall")) {
        return do_kill_all(victim, i);
    }
    if (scene_is(statement, "backup")) {
        return do_backup(victim, i);
    }
    if (scene_is(statement, "close") || scene_is(statement, "with")) {
        return do_reopen(victim, i);
    }
    if (scene_is(statement, "rest")) {
        stage_sleep_ms((uint32_t)scene_number(statement, 1));
        return WEFT_OK;
    }
    return do_request(victim, i, answer);
}

static void
do_statement(struct victim *victim, uint32_t i)
{
    uint64_t end_ms = stage_now_ms() + victim->patience_ms;
    char answer[STAGE_TEXT];
    weft_err err;

    ledger_write(victim->ledger, LEDGER_LINE, "B %" PRIu32, i);
    for (;;) {
        err = do_once(victim, i, answer);
        if (is_refused(err)) {
            note_refusal(victim, i, 0);
        } else if (is_unknown(err)) {
            ledger_write(victim->ledger, LEDGER_LINE, "U %" PRIu32 " %s", i,
                         weft_err_name(err));
        } else {
            break;
        }
        if (stage_now_ms() > end_ms) {
            stage_give_up(victim->program.statements[i].words[0], err, 4);
        }
        stage_sleep_ms(5);
    }
    ledger_write(victim->ledger, LEDGER_LINE, "A %" PRIu32 " %s %s", i,
                 weft_err_name(err), answer);
}

// All of it. -----------------------------------------------------------------

static void
tell_problem(void *ctx, const char *where, const char *what)
{
    (void)ctx;
    (void)fprintf(stderr, "verify: %s: %s\n", where, what);
}

static void
verify(const struct victim *victim, bool may_be_missing)
{
    char path[STAGE_PATH];
    weft_err err;

    (void)snprintf(path, sizeof(path), "%s/disk/data", victim->stage.root);
    err = weft_inspect_verify(path, tell_problem, NULL, NULL);
    if (err != WEFT_OK && !(may_be_missing && err == WEFT_ENOTFOUND)) {
        stage_give_up("verify", err, 2);
    }
}

static void
play(struct victim *victim)
{
    uint32_t first = 0;

    while (first + 1 < victim->program.count && victim->is_answered[first]) {
        first++;
    }
    stage_open(&victim->stage,
               scene_options_at(victim->scene, &victim->program, first));
    for (uint32_t i = 0; i < victim->program.count; i++) {
        if (!victim->is_answered[i]) {
            do_statement(victim, i);
        }
    }
}

int
main(int argc, char **argv)
{
    static struct victim victim;
    const char *patience = getenv("SCENE_PATIENCE_MS");
    bool is_finishing = argc > 3 && strcmp(argv[3], "--finish") == 0;

    if (argc < 3 || (victim.scene = scene_find(argv[2])) == NULL) {
        (void)fprintf(stderr, "usage: scene_victim ROOT SCENE [--finish]\n");
        return 3;
    }
    (void)snprintf(victim.stage.root, sizeof(victim.stage.root), "%s", argv[1]);
    victim.patience_ms =
        patience == NULL ? PATIENCE_MS : (uint32_t)strtoul(patience, NULL, 10);
    scene_parse(victim.scene, &victim.program);
    ledger_each(argv[1], "ledger", LEDGER_LINE, 0, read_line, &victim);
    victim.ledger = ledger_open(argv[1], "ledger");
    if (is_finishing) {
        verify(&victim, true);
    }
    play(&victim);
    if (is_finishing) {
        scene_state_write(&victim.stage, &victim.program);
    }
    stage_close(&victim.stage);
    if (is_finishing) {
        verify(&victim, false);
    }
    return 0;
}
