// SPDX-License-Identifier: Apache-2.0
//
// order_files.c - lines of JSON in append-only files.
//
// They are the outside world of the example: what was charged, who was told
// what. tests/account reads them afterwards and compares them with what the
// workflows say. payload.h makes the JSON, both ways.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "order_meal.h"

#define LINE_BYTES_MAX 4096

uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int
lines_open(const char *work_dir, const char *name)
{
    char path[LINE_BYTES_MAX];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", work_dir, name);
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    }
    return fd;
}

weft_err
lines_append(int fd, const weft_payload *line)
{
    char text[LINE_BYTES_MAX];
    char *json;
    weft_err err = weft_payload_error(line);
    int len;

    if (err != WEFT_OK) {
        return err;
    }
    err = weft_payload_to_json(weft_payload_bytes(line), 0, &json);
    if (err != WEFT_OK) {
        return err;
    }
    len = snprintf(text, sizeof(text), "%s\n", json);
    weft_payload_free_text(json);
    if (len >= (int)sizeof(text)) {
        return WEFT_ETOOBIG;
    }
    return write(fd, text, (size_t)len) == len ? WEFT_OK : WEFT_EIO;
}

weft_err
lines_read(const char *path, lines_fn *fn, void *ctx)
{
    weft_payload *payload = NULL;
    weft_err err = weft_payload_create(&payload);
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    if (file == NULL && errno != ENOENT) {
        err = WEFT_EIO;
    }
    while (file != NULL && err == WEFT_OK &&
           (len = getline(&line, &size, file)) > 0) {
        weft_payload_reset(payload);
        err = weft_payload_from_json(payload, line, (size_t)len);
        if (err == WEFT_OK) {
            err = fn(ctx, weft_payload_bytes(payload));
        }
    }
    if (err != WEFT_OK) {
        fprintf(stderr, "%s: %s %s\n", path, weft_err_text(err),
                weft_err_detail());
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
    weft_payload_destroy(payload);
    return err;
}

weft_err
file_replace(const char *path, const char *text)
{
    char other[LINE_BYTES_MAX];
    FILE *file;
    int is_written;

    snprintf(other, sizeof(other), "%s.new", path);
    file = fopen(other, "w");
    if (file == NULL) {
        return WEFT_EIO;
    }
    is_written = fputs(text, file) >= 0;
    is_written = fclose(file) == 0 && is_written;
    return is_written && rename(other, path) == 0 ? WEFT_OK : WEFT_EIO;
}
