// SPDX-License-Identifier: Apache-2.0
//
// journal.c - what weftd says: lines on stderr, and to systemd how it is.
//
// libsystemd is named here alone.

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <jansson.h>

#include "daemon.h"

#define LINE_BYTES 2048

static int is_json;
static int has_levels; // systemd's journal reads "<4>" before a line

static pthread_mutex_t audit_lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *audit_file; // under the lock; NULL: the log

void
journal_begin(const char *format)
{
    is_json = format != NULL && strcmp(format, "json") == 0;
    has_levels = getenv("JOURNAL_STREAM") != NULL;
}

static const char *
level_name(enum level level)
{
    switch (level) {
    case LEVEL_ERROR:
        return "error";
    case LEVEL_WARNING:
        return "warning";
    case LEVEL_INFO:
        return "info";
    }
    return "info";
}

// "2026-11-21T04:22:23.866Z"
static void
write_time(char *out, size_t size)
{
    struct timespec now;
    struct tm parts;
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + len, size - len, ".%03ldZ", now.tv_nsec / 1000000);
}

static void
write_json(enum level level, const char *at, const char *text)
{
    json_t *line = json_pack("{s:s, s:s, s:s}", "at", at, "level",
                             level_name(level), "text", text);
    char *bytes = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);

    // Text that is not UTF-8 is not JSON, and still to be told.
    fprintf(stderr, "%s\n", bytes != NULL ? bytes : text);
    free(bytes);
    json_decref(line);
}

static void
write_line(enum level level, const char *text)
{
    char at[40];

    if (has_levels && !is_json) {
        fprintf(stderr, "<%d>%s\n", (int)level, text);
        return;
    }
    write_time(at, sizeof(at));
    if (is_json) {
        write_json(level, at, text);
    } else {
        fprintf(stderr, "%s %s %s\n", at, level_name(level), text);
    }
}

void
journal(enum level level, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    write_line(level, text);
}

void
journal_failed(const char *what, weft_err err)
{
    const char *detail = weft_err_detail();

    journal(LEVEL_ERROR, "%s: %s (%s)", what,
            detail[0] == '\0' ? weft_err_text(err) : detail,
            weft_err_name(err));
}

void
journal_line(void *ctx, const char *line)
{
    (void)ctx;
    write_line(LEVEL_WARNING, line);
}

int
journal_audit_open(const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "ae");
    FILE *before;

    if (path != NULL && file == NULL) {
        journal(LEVEL_ERROR, "audit: %s: %s", path, strerror(errno));
        return 0;
    }
    pthread_mutex_lock(&audit_lock);
    before = audit_file;
    audit_file = file;
    pthread_mutex_unlock(&audit_lock);
    if (before != NULL) {
        fclose(before);
    }
    return 1;
}

static int
write_audit(const char *line)
{
    int is_written;

    pthread_mutex_lock(&audit_lock);
    is_written = audit_file != NULL && fprintf(audit_file, "%s\n", line) > 0 &&
                 fflush(audit_file) == 0;
    pthread_mutex_unlock(&audit_lock);
    return is_written;
}

void
journal_audit(void *ctx, const char *line)
{
    (void)ctx;
    // What the file does not take must not be lost with it.
    if (!write_audit(line)) {
        write_line(LEVEL_INFO, line);
    }
}

void
journal_notify(const char *state)
{
    (void)sd_notify(0, state); // nobody may be there to hear it
}

uint64_t
journal_watchdog_ms(void)
{
    uint64_t us = 0;

    return sd_watchdog_enabled(0, &us) > 0 ? us / 1000 : 0;
}
