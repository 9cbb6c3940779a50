// SPDX-License-Identifier: Apache-2.0
//
// server.h - a small S3 on a port of its own, server.py. It ends with the
// process that started it.

#ifndef WF_TESTS_S3_SERVER_H
#define WF_TESTS_S3_SERVER_H

#include <stddef.h>

struct s3_server;

// There is one, for all tests of a program; it has a bucket with nothing in it.
// The environment of this process is given the account's credentials.
struct s3_server *s3_server_start(void);

// "s3://BUCKET/a/prefix?endpoint=...", static.
const char *s3_server_where(const struct s3_server *server);
// The same by HTTPS. Its certificate is that file's, which nobody has signed.
const char *s3_server_where_safe(const struct s3_server *server);
const char *s3_server_certificate(const struct s3_server *server);
// The file in which an object is; good until the next call.
const char *s3_server_file(const struct s3_server *server, const char *key);

// "METHOD COUNT KIND", see server.py; and how many requests of that method
// there were.
void s3_server_fail(struct s3_server *server, const char *fault);
size_t s3_server_count(const struct s3_server *server, const char *method);

#endif
