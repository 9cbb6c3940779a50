// SPDX-License-Identifier: Apache-2.0
//
// ledger.c - append-only files of lines that survive SIGKILL.

#include "crash/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 600

_Static_assert(4096 % LEDGER_LINE == 0 && 4096 % LEDGER_TOKEN_LINE == 0,
               "no line crosses a page");

static _Noreturn void
give_up(const char *what)
{
    (void)fprintf(stderr, "ledger: %s: %s\n", what, strerror(errno));
    _exit(3);
}

int
ledger_open(const char *dir, const char *name)
{
    char path[PATH_SIZE];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        give_up(path);
    }
    return fd;
}

void
ledger_write(int fd, size_t line_size, const char *format, ...)
{
    char line[LEDGER_TOKEN_LINE];
    va_list args;
    int len;

    memset(line, ' ', line_size);
    va_start(args, format);
    len = vsnprintf(line, line_size, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= line_size) {
        errno = EOVERFLOW;
        give_up("a line");
    }
    line[len] = ' ';
    line[line_size - 1] = '\n';
    if (write(fd, line, line_size) != (ssize_t)line_size) {
        give_up("write");
    }
}

void
ledger_each(const char *dir, const char *name, size_t line_size, size_t first,
            ledger_fn *fn, void *ctx)
{
    char line[LEDGER_TOKEN_LINE];
    char path[PATH_SIZE];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "re");
    if (file == NULL && errno == ENOENT) {
        return;
    }
    if (file == NULL) {
        give_up(path);
    }
    if (fseek(file, (long)(first * line_size), SEEK_SET) != 0) {
        give_up(path);
    }
    while (fread(line, 1, line_size, file) == line_size) {
        size_t len = line_size - 1;

        if (line[len] != '\n') {
            errno = EBADMSG;
            give_up(path);
        }
        while (len > 0 && line[len - 1] == ' ') {
            len--;
        }
        line[len] = '\0';
        fn(ctx, line);
    }
    (void)fclose(file);
}
