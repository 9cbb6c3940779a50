// SPDX-License-Identifier: Apache-2.0
//
// keygen.c - weft keygen: new keys, for connections and for payloads.

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "weft/cipher.h"
#include "weft/keys.h"

static int
make_pair(const char *path)
{
    char key[WEFT_KEY_CHARS + 1];
    size_t size = strlen(path) + sizeof(".pub");
    char *public_path = malloc(size);
    weft_err err = WEFT_ENOMEM;

    if (public_path != NULL) {
        (void)snprintf(public_path, size, "%s.pub", path);
        err = weft_keys_generate(path, public_path);
    }
    if (err == WEFT_OK) {
        err = weft_keys_public(public_path, key);
    }
    free(public_path);
    if (err != WEFT_OK) {
        return cli_failed(err, path);
    }
    puts(key);
    return EXIT_FINE;
}

int
keygen_run(const struct command *command, int argc, char **argv)
{
    static const struct option known[] = {
        {"cipher", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *path;
    int is_cipher = 0;
    int option;
    weft_err err;

    while ((option = getopt_long(argc, argv, "ch", known, NULL)) != -1) {
        if (option == 'h') {
            return cli_help(command);
        }
        if (option == '?') {
            return cli_usage(command, "no such option");
        }
        is_cipher = 1;
    }
    if (!cli_arguments(command, argc, argv, 1, &path)) {
        return EXIT_FAILED;
    }
    if (!is_cipher) {
        return make_pair(path);
    }
    err = weft_cipher_generate(path);
    return err == WEFT_OK ? EXIT_FINE : cli_failed(err, path);
}
