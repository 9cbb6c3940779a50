// SPDX-License-Identifier: Apache-2.0
//
// online.c - connect to a node, ask it, and say what came of it. See online.h.
//
// One question at a time, by weft_client_submit: it tells the number of the
// request at once, so that a person whose answer does not come can repeat it.

#include "online.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "export.h"
#include "json.h"

#define ADDRESS_DEFAULT "tcp://127.0.0.1:7400"
#define TIMEOUT_MS_DEFAULT 30000
#define CONNECT_MS_DEFAULT 10000
#define LOOK_MS 1000 // whether somebody has interrupted

// Memory. -------------------------------------------------------------------

void *
online_keep(struct online *online, void *memory)
{
    void **kept =
        realloc(online->kept, (online->kept_count + 1) * sizeof(*online->kept));

    if (memory == NULL || kept == NULL) {
        fputs("weft: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    online->kept = kept;
    kept[online->kept_count++] = memory;
    return memory;
}

const char *
online_printf(struct online *online, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    return online_keep(online, length < 0 ? NULL : text);
}

void
online_close(struct online *online)
{
    weft_client_close(online->client);
    online->client = NULL;
}

static void
end(struct online *online)
{
    online_close(online);
    weft_cipher_close(online->cipher);
    args_free(&online->args);
    for (size_t i = 0; i < online->kept_count; i++) {
        free(online->kept[i]);
    }
    free(online->kept);
}

// The command line. ---------------------------------------------------------

const char *
online_word(const struct online *online, size_t i)
{
    return i < online->args.words_count ? online->args.words[i] : NULL;
}

int
online_target(struct online *online, size_t i, weft_target *out_target)
{
    const char *word = online_word(online, i);
    const char *slash = strchr(word, '/');

    if (slash == NULL || slash == word || slash[1] == '\0') {
        (void)cli_usage(online->command, "\"%s\" is not KIND/ID", word);
        return 0;
    }
    out_target->kind = online_printf(online, "%.*s", (int)(slash - word), word);
    out_target->id = slash + 1;
    return 1;
}

static const char *
user_at_host(struct online *online)
{
    const struct passwd *user = getpwuid(geteuid());
    char host[256] = "";

    (void)gethostname(host, sizeof(host) - 1);
    return user != NULL
               ? online_printf(online, "%s@%s", user->pw_name, host)
               : online_printf(online, "%u@%s", (unsigned)geteuid(), host);
}

const weft_operator *
online_by(struct online *online, weft_operator *room)
{
    const struct args *args = &online->args;

    if (args->why == NULL) {
        return NULL;
    }
    room->who = args->who != NULL ? args->who : user_at_host(online);
    room->why = args->why;
    return room;
}

// 32 hexadecimal digits.
static int
read_client_id(struct online *online)
{
    const char *text = online->args.client;

    if (strlen(text) != 32 || strspn(text, "0123456789abcdefABCDEF") != 32) {
        (void)cli_usage(online->command,
                        "--client: \"%s\" is not 32 hexadecimal digits", text);
        return 0;
    }
    for (size_t i = 0; i < sizeof(online->client_id); i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

        online->client_id[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return 1;
}

// What all of them have to get right.
static int
check_words(struct online *online)
{
    const struct command *command = online->command;
    const struct args *args = &online->args;

    if (args->words_count < command->words.min) {
        (void)cli_usage(command, "%s: an argument is missing",
                        command->arguments);
        return 0;
    }
    if (args->words_count > command->words.max) {
        (void)cli_usage(command, "\"%s\" is one too many",
                        args->words[command->words.max]);
        return 0;
    }
    if ((command->flags & NEEDS_WHY) != 0 && args->why == NULL) {
        (void)cli_usage(command, "--why TEXT is missing: it is recorded");
        return 0;
    }
    if (args->timeout > UINT32_MAX) {
        (void)cli_usage(command, "--timeout: that is too long");
        return 0;
    }
    if ((args->number != 0) != (args->client != NULL)) {
        (void)cli_usage(command, "--number and --client go together");
        return 0;
    }
    return args->client == NULL || read_client_id(online);
}

int
online_run(const struct command *command, int argc, char **argv)
{
    struct online online = {.command = command};
    int status;

    if (args_read(command, argc, argv, &online.args, &status)) {
        status = check_words(&online) ? command->ask(&online) : EXIT_FAILED;
    }
    end(&online);
    return status;
}

// The node. -----------------------------------------------------------------

static const char *
setting(const char *given, const char *variable, const char *otherwise)
{
    const char *set = getenv(variable);

    if (given != NULL) {
        return given;
    }
    return set != NULL && set[0] != '\0' ? set : otherwise;
}

static uint32_t
timeout_ms(const struct online *online)
{
    return online->args.timeout == 0 ? TIMEOUT_MS_DEFAULT
                                     : (uint32_t)online->args.timeout;
}

static volatile sig_atomic_t is_interrupted;

static void
interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

// What was asked already may be done: who interrupts is told how to ask again.
static void
take_interrupts(void)
{
    struct sigaction action = {.sa_handler = interrupt,
                               .sa_flags = (int)SA_RESETHAND};

    (void)sigaction(SIGINT, &action, NULL);
}

int
online_is_interrupted(void)
{
    return is_interrupted;
}

// --cipher: payloads are sealed and opened here; those that are not sealed are
// shown as they are.
static int
open_cipher(struct online *online)
{
    weft_cipher_options options = WEFT_CIPHER_OPTIONS_INIT;
    weft_err err;

    options.key_file = setting(online->args.cipher, "WEFT_CIPHER", NULL);
    if (options.key_file == NULL) {
        return 1;
    }
    options.context =
        setting(online->args.cipher_context, "WEFT_CIPHER_CONTEXT", NULL);
    options.accept_plain = 1;
    err = weft_cipher_open(&options, &online->cipher);
    if (err != WEFT_OK) {
        online->cipher = NULL;
        (void)online_failed(online, err, weft_err_detail(), NULL);
    }
    return err == WEFT_OK;
}

// Who asks may choose its id, to ask once more; else nobody had it before.
static int
choose_client_id(struct online *online)
{
    return online->args.client != NULL ||
           getrandom(online->client_id, sizeof(online->client_id), 0) ==
               (ssize_t)sizeof(online->client_id);
}

static int
say_no_node(struct online *online, weft_err err, const char *address)
{
    const char *detail = weft_err_detail();
    const char *text =
        err == WEFT_ETIMEDOUT
            ? online_printf(online, "%s: no node answers there", address)
            : online_printf(online, "%s: %s", address,
                            detail[0] == '\0' ? weft_err_text(err) : detail);

    // Nothing was asked, so nothing is unknown.
    online->verb = WEFT_VERB_DESCRIBE;
    (void)online_failed(online, err, text, NULL);
    return EXIT_FAILED;
}

weft_client *
online_client(struct online *online)
{
    weft_connect_options options = WEFT_CONNECT_OPTIONS_INIT;
    const char *address =
        setting(online->args.address, "WEFT_ADDRESS", ADDRESS_DEFAULT);
    weft_err err;

    if (online->client != NULL) {
        return online->client;
    }
    if (!choose_client_id(online)) {
        perror("weft: getrandom");
        return NULL;
    }
    if (!open_cipher(online)) {
        return NULL;
    }
    options.endpoints = &address;
    options.endpoints_count = 1;
    options.name_space =
        setting(online->args.name_space, "WEFT_NAMESPACE", NULL);
    options.key_file = setting(online->args.key, "WEFT_KEY", NULL);
    options.server_key =
        setting(online->args.server_key, "WEFT_SERVER_KEY", NULL);
    options.cipher = online->cipher;
    options.label = "weft " WEFT_VERSION;
    options.timeout_ms = online->args.timeout == 0
                             ? CONNECT_MS_DEFAULT
                             : (uint32_t)online->args.timeout;
    options.wait_for_node = 1;
    memcpy(options.client_id, online->client_id, sizeof(options.client_id));
    err = weft_client_connect(&options, &online->client);
    if (err != WEFT_OK) {
        online->client = NULL;
        (void)say_no_node(online, err, address);
    }
    take_interrupts();
    return online->client;
}

// What went wrong. ----------------------------------------------------------

static int
status_of(weft_err err)
{
    switch (err) {
    case WEFT_OK:
        return EXIT_FINE;
    case WEFT_ENOTFOUND:
    case WEFT_EEXISTS:
    case WEFT_EFAILED:
    case WEFT_ECANCELLED:
    case WEFT_ETERMINATED:
    case WEFT_EFINISHED:
    case WEFT_EDIVERGED:
    case WEFT_EOVERDUE:
        return EXIT_NO;
    case WEFT_ETIMEDOUT:
    case WEFT_EIO:
        return EXIT_UNKNOWN;
    default:
        return EXIT_FAILED;
    }
}

static int
is_read(weft_verb verb)
{
    switch (verb) {
    case WEFT_VERB_QUERY:
    case WEFT_VERB_RESULT:
    case WEFT_VERB_DESCRIBE:
    case WEFT_VERB_LIST:
    case WEFT_VERB_COUNT_MATCHING:
    case WEFT_VERB_ACTIVITIES:
    case WEFT_VERB_EXPORT:
        return 1;
    default:
        return 0;
    }
}

static const char *
client_text(const struct online *online, char out[33])
{
    for (size_t i = 0; i < sizeof(online->client_id); i++) {
        snprintf(out + 2 * i, 3, "%02x", online->client_id[i]);
    }
    return out;
}

void
online_put_number(const struct online *online)
{
    char client[33];

    cli_json_text("client", client_text(online, client));
    cli_json_number("number", online->number);
}

// Is it unknown whether something was done?
static int
is_unknown(const struct online *online, weft_err err)
{
    return status_of(err) == EXIT_UNKNOWN && !is_read(online->verb);
}

static void
put_error(const struct online *online, weft_err err, const char *detail,
          const weft_failure *failure)
{
    if (!online->is_in_object) {
        cli_json_begin_object(NULL);
    }
    cli_json_begin_object("error");
    cli_json_text("code", weft_err_name(err));
    cli_json_text("class", weft_err_class(err));
    cli_json_text("text", detail[0] == '\0' ? weft_err_text(err) : detail);
    if (failure != NULL) {
        export_failure("failure", failure);
    }
    cli_json_end_object();
    if (is_unknown(online, err)) {
        online_put_number(online);
    }
    if (!online->is_in_object) {
        cli_json_end_object();
        cli_json_newline();
    }
}

// "name: message (WEFT_EFAILED)", and a line for each cause.
static void
say_failure(weft_err err, const weft_failure *failure)
{
    const weft_failure *cause = failure;

    for (; cause != NULL; cause = cause->cause) {
        char *line = text_line(cause->message);

        fprintf(stderr, "weft: %s%s%s%s: %s",
                cause == failure ? "" : "  caused by ", cause->source,
                cause->source[0] == '\0' ? "" : " ", cause->name, line);
        free(line);
        if (cause == failure) {
            fprintf(stderr, " (%s)", weft_err_name(err));
        }
        fputc('\n', stderr);
    }
}

static void
say_error(weft_err err, const char *detail)
{
    fprintf(stderr, "weft: %s (%s)\n",
            detail[0] == '\0' ? weft_err_text(err) : detail,
            weft_err_name(err));
}

int
online_failed(struct online *online, weft_err err, const char *detail,
              const weft_failure *failure)
{
    char client[33];

    if (failure != NULL && failure->name[0] == '\0') {
        failure = NULL;
    }
    if (online->args.json) {
        put_error(online, err, detail, failure);
    }
    fflush(stdout);
    if (failure != NULL) {
        say_failure(err, failure);
    } else {
        say_error(err, detail);
    }
    if (is_unknown(online, err)) {
        fprintf(stderr,
                "weft: it may or may not have been done; the same line with "
                "--client %s --number %llu\n"
                "weft: asks for the same once more: it is done once\n",
                client_text(online, client),
                (unsigned long long)online->number);
    }
    return status_of(err);
}

// Asking. -------------------------------------------------------------------

static uint64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
take_answer(void *ctx, const weft_reply *reply)
{
    struct online *online = ctx;

    if (!online->is_asking) {
        return; // nobody waits for it any more
    }
    online->is_asking = 0;
    if (online->before != NULL) {
        online->before(online);
    }
    if (reply->err != WEFT_OK) {
        online->status =
            online_failed(online, reply->err, reply->detail, &reply->failure);
    } else {
        online->status =
            online->answer == NULL ? EXIT_FINE : online->answer(online, reply);
    }
}

// Until the answer was taken, or the time is over.
static void
wait_for_answer(struct online *online, uint64_t within_ms)
{
    struct pollfd ready = {.fd = weft_client_fd(online->client),
                           .events = POLLIN};
    uint64_t began_ms = now_ms();

    while (online->is_asking) {
        uint64_t passed_ms = now_ms() - began_ms;
        uint64_t left_ms = passed_ms < within_ms ? within_ms - passed_ms : 0;

        if (left_ms == 0 || is_interrupted) {
            return;
        }
        (void)poll(&ready, 1, (int)(left_ms < LOOK_MS ? left_ms : LOOK_MS));
        (void)weft_client_dispatch(online->client, 1);
    }
}

static const char *
no_answer_within(struct online *online, uint64_t ms)
{
    return is_interrupted ? "interrupted before there was an answer"
                          : online_printf(online, "no answer within %.3g s",
                                          (double)ms / 1000);
}

int
online_ask_within(struct online *online, weft_request *request,
                  uint64_t within_ms, online_answer_fn *answer)
{
    weft_err err;

    if (online_client(online) == NULL) {
        return EXIT_FAILED;
    }
    online->verb = request->verb;
    online->answer = answer;
    request->number = online->args.number;
    err = weft_client_submit(online->client, request, take_answer, online,
                             &online->number);
    if (err != WEFT_OK) {
        return online_failed(online, err, weft_err_detail(), NULL);
    }
    online->is_asking = 1;
    wait_for_answer(online, within_ms);
    if (online->is_asking) {
        online->is_asking = 0;
        return online_failed(online, WEFT_ETIMEDOUT,
                             no_answer_within(online, within_ms), NULL);
    }
    return online->status;
}

int
online_ask(struct online *online, weft_request *request,
           online_answer_fn *answer)
{
    return online_ask_within(online, request, timeout_ms(online), answer);
}

int
online_done(struct online *online, const weft_target *target, const char *words)
{
    if (!online->args.json) {
        printf("%s%s%s%s%s\n", words, target != NULL ? " " : "",
               target != NULL ? target->kind : "", target != NULL ? "/" : "",
               target != NULL ? target->id : "");
        return EXIT_FINE;
    }
    cli_json_begin_object(NULL);
    if (target != NULL) {
        cli_json_text("kind", target->kind);
        cli_json_text("id", target->id);
    }
    if (online->number != 0) {
        online_put_number(online);
    }
    cli_json_end_object();
    cli_json_newline();
    return EXIT_FINE;
}
