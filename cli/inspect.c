// SPDX-License-Identifier: Apache-2.0
//
// inspect.c - weft inspect: its options, and which file does what is asked.

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define LIMIT_DEFAULT 100

// What is to be shown.
enum subject { SUBJECT_LIST, SUBJECT_COUNT, SUBJECT_EXPORT, SUBJECT_LETTERS };

struct request {
    struct inspect_options options;
    enum subject subject;
    int accept_loss;
};

const char *
inspect_status(const weft_inspect_actor *actor)
{
    if (actor->problem[0] != '\0') {
        return "unreadable";
    }
    return text_status(&actor->head);
}

int
inspect_is_wanted(const struct inspect_options *options,
                  const weft_inspect_actor *actor)
{
    return options->status[0] == '\0' ||
           strcmp(options->status, inspect_status(actor)) == 0;
}

// A kind may have a slash in it, and so may an id: the first split that there
// is an actor for.
int
inspect_target(const struct inspect_options *options,
               weft_err (*find)(void *ctx, weft_target target), void *ctx)
{
    char *kind = strdup(options->target);
    const char *slash = strchr(options->target, '/');
    weft_err err = WEFT_ENOTFOUND;

    if (kind == NULL) {
        return cli_failed(WEFT_ENOMEM, options->target);
    }
    for (; slash != NULL && err == WEFT_ENOTFOUND;
         slash = strchr(slash + 1, '/')) {
        size_t length = (size_t)(slash - options->target);

        memcpy(kind, options->target, length);
        kind[length] = '\0';
        err = find(ctx, (weft_target){.kind = kind, .id = slash + 1});
    }
    free(kind);
    if (err == WEFT_ENOTFOUND) {
        fprintf(stderr, "weft: %s: there is no %s in namespace %s\n",
                options->dir, options->target,
                options->name_space == NULL ? "default" : options->name_space);
        return EXIT_NO;
    }
    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, options->target);
}

weft_inspect_filter
inspect_filter(const struct inspect_options *options)
{
    weft_inspect_filter filter = WEFT_INSPECT_FILTER_INIT;

    filter.name_space = options->name_space;
    filter.kind = options->kind;
    filter.status = options->exact_status;
    filter.where = options->where;
    return filter;
}

static int
parse_status(const char *text, struct inspect_options *options)
{
    options->status = text;
    for (int i = WEFT_STATUS_RUNNING; i < WEFT_STATUS_COUNT; i++) {
        if (strcmp(text, weft_status_name((weft_status)i)) == 0) {
            options->exact_status = (weft_status)i;
            return 1;
        }
    }
    return strcmp(text, "parked") == 0 || strcmp(text, "paused") == 0;
}

static int
parse_number(const char *text, uint64_t *out_number)
{
    char *end;

    errno = 0;
    *out_number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

static const struct option known_options[] = {
    {"kind", required_argument, NULL, 'k'},
    {"status", required_argument, NULL, 's'},
    {"namespace", required_argument, NULL, 'n'},
    {"filter", required_argument, NULL, 'w'},
    {"count", no_argument, NULL, 'c'},
    {"group-by", required_argument, NULL, 'g'},
    {"limit", required_argument, NULL, 'l'},
    {"json", no_argument, NULL, 'j'},
    {"export", no_argument, NULL, 'e'},
    {"letters", no_argument, NULL, 'd'},
    {"full", no_argument, NULL, 'f'},
    {"accept-loss", no_argument, NULL, 'a'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

// Returns 0 if *out_status is to be returned.
static int
read_option(const struct command *command, int option, struct request *request,
            int *out_status)
{
    struct inspect_options *options = &request->options;

    *out_status = EXIT_FAILED;
    switch (option) {
    case 'k':
        options->kind = optarg;
        return 1;
    case 'n':
        options->name_space = optarg;
        return 1;
    case 'w':
        options->where = optarg;
        return 1;
    case 'g':
        options->group_by = optarg;
        request->subject = SUBJECT_COUNT;
        return 1;
    case 'c':
        request->subject = SUBJECT_COUNT;
        return 1;
    case 'j':
        options->is_json = 1;
        return 1;
    case 'f':
        options->is_full = 1;
        return 1;
    case 'e':
        request->subject = SUBJECT_EXPORT;
        return 1;
    case 'd':
        request->subject = SUBJECT_LETTERS;
        return 1;
    case 'a':
        request->accept_loss = 1;
        return 1;
    case 's':
        if (parse_status(optarg, options)) {
            return 1;
        }
        (void)cli_usage(command, "\"%s\" is no status", optarg);
        return 0;
    case 'l':
        if (parse_number(optarg, &options->limit)) {
            return 1;
        }
        (void)cli_usage(command, "\"%s\" is no number", optarg);
        return 0;
    case 'h':
        *out_status = cli_help(command);
        return 0;
    default:
        (void)cli_usage(command, "no such option");
        return 0;
    }
}

static int
read_arguments(const struct command *command, int argc, char **argv,
               struct request *request)
{
    struct inspect_options *options = &request->options;

    if (argc - optind < 1) {
        (void)cli_usage(command, "DIR is missing");
        return 0;
    }
    if (argc - optind > 2) {
        (void)cli_usage(command, "\"%s\" is one too many", argv[optind + 2]);
        return 0;
    }
    options->dir = argv[optind];
    options->target = argc - optind == 2 ? argv[optind + 1] : NULL;
    if (options->target != NULL && strchr(options->target, '/') == NULL) {
        (void)cli_usage(command, "\"%s\" is not KIND/ID", options->target);
        return 0;
    }
    if (options->target != NULL && request->subject != SUBJECT_LIST) {
        (void)cli_usage(command,
                        "--export, --letters and --count are about all");
        return 0;
    }
    return 1;
}

static int
show(weft_inspect *inspect, const struct request *request)
{
    const struct inspect_options *options = &request->options;

    if (options->target != NULL) {
        return describe_run(inspect, options);
    }
    switch (request->subject) {
    case SUBJECT_EXPORT:
        return export_run(inspect, options);
    case SUBJECT_COUNT:
        return count_run(inspect, options);
    case SUBJECT_LETTERS:
        return letters_run(inspect, options);
    default:
        return options->is_json ? list_json(inspect, options)
                                : list_run(inspect, options);
    }
}

int
inspect_run(const struct command *command, int argc, char **argv)
{
    struct request request = {
        .options = {.status = "", .limit = UINT64_MAX},
    };
    weft_inspect_options opening = WEFT_INSPECT_OPTIONS_INIT;
    weft_inspect *inspect = NULL;
    weft_err err;
    int status;
    int option;

    while ((option = getopt_long(argc, argv, "k:s:n:w:cg:l:jedfh",
                                 known_options, NULL)) != -1) {
        if (!read_option(command, option, &request, &status)) {
            return status;
        }
    }
    if (!read_arguments(command, argc, argv, &request)) {
        return EXIT_FAILED;
    }
    if (request.options.limit == UINT64_MAX) {
        request.options.limit =
            request.subject == SUBJECT_LIST && !request.options.is_json
                ? LIMIT_DEFAULT
                : 0;
    }
    opening.data_dir = request.options.dir;
    opening.accept_loss = request.accept_loss;
    err = weft_inspect_open(&opening, &inspect);
    if (err != WEFT_OK) {
        return cli_failed(err, request.options.dir);
    }
    status = show(inspect, &request);
    weft_inspect_close(inspect);
    return status;
}
