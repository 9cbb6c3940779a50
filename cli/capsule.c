// SPDX-License-Identifier: Apache-2.0
//
// capsule.c - weft capsule: one instance into a file, and what is in one.

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "online.h"
#include "weft/capsule.h"

struct making {
    weft_inspect *inspect;
    const struct inspect_options *options;
    const char *path;
    int has_failed;
};

// A new file; what could not be written whole is removed.
static void
write_file(void *ctx, weft_bytes bytes)
{
    struct making *making = ctx;
    FILE *file = fopen(making->path, "wbx");
    int is_written = 0;

    if (file != NULL) {
        is_written = fwrite(bytes.data, 1, bytes.len, file) == bytes.len;
        is_written = fclose(file) == 0 && is_written;
        if (!is_written) {
            (void)remove(making->path);
        }
    }
    if (!is_written) {
        fprintf(stderr, "weft: %s: %s\n", making->path, strerror(errno));
        making->has_failed = 1;
    }
}

static weft_err
find(void *ctx, weft_target target)
{
    const struct making *making = ctx;

    return weft_inspect_export(making->inspect, making->options->name_space,
                               target, write_file, ctx);
}

static int
make(const struct inspect_options *options, const char *path)
{
    weft_inspect_options opening = WEFT_INSPECT_OPTIONS_INIT;
    struct making making = {.options = options, .path = path};
    weft_err err;
    int status;

    opening.data_dir = options->dir;
    err = weft_inspect_open(&opening, &making.inspect);
    if (err != WEFT_OK) {
        return cli_failed(err, options->dir);
    }
    status = inspect_target(options, find, &making);
    weft_inspect_close(making.inspect);
    return making.has_failed ? EXIT_FAILED : status;
}

static int
show(const struct inspect_options *options, const char *path)
{
    size_t len = 0;
    char *bytes = value_file(path, &len);
    weft_err err;

    if (bytes == NULL) {
        fprintf(stderr, "weft: %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    err = weft_capsule_each((weft_bytes){bytes, len}, describe_actor,
                            (void *)(uintptr_t)options);
    free(bytes);
    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, path);
}

int
capsule_run(const struct command *command, int argc, char **argv)
{
    static const struct option known[] = {
        {"namespace", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"full", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct inspect_options options = {.status = ""};
    int option;

    while ((option = getopt_long(argc, argv, "n:jfh", known, NULL)) != -1) {
        if (option == 'h') {
            return cli_help(command);
        }
        if (option == '?') {
            return cli_usage(command, "no such option");
        }
        options.name_space = option == 'n' ? optarg : options.name_space;
        options.is_json = options.is_json || option == 'j';
        options.is_full = options.is_full || option == 'f';
    }
    if (argc - optind == 1) {
        return show(&options, argv[optind]);
    }
    if (argc - optind != 3) {
        return cli_usage(command, "FILE, or DIR KIND/ID FILE");
    }
    options.dir = argv[optind];
    options.target = argv[optind + 1];
    if (strchr(options.target, '/') == NULL) {
        return cli_usage(command, "\"%s\" is not KIND/ID", options.target);
    }
    return make(&options, argv[optind + 2]);
}
