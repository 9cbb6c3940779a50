// SPDX-License-Identifier: Apache-2.0
//
// server.c - starts and ends a small S3.

#include "s3/server.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 120000 };

struct s3_server {
    pid_t pid;
    char dir[300];
    char where[200];
    char where_safe[200];
    char certificate[320];
};

static struct s3_server only;

// What cannot be done ends this process.
static void
must(bool is_done, const char *what)
{
    if (!is_done) {
        (void)fprintf(stderr, "S3's server: %s\n", what);
        exit(2);
    }
}

static void
remove_tree(const char *path)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
}

static void
make_certificate(struct s3_server *server)
{
    char key[320];
    pid_t pid;
    int status = -1;

    (void)snprintf(key, sizeof(key), "%s/key.pem", server->dir);
    (void)snprintf(server->certificate, sizeof(server->certificate),
                   "%s/cert.pem", server->dir);
    pid = fork();
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        execlp("openssl", "openssl", "req", "-x509", "-newkey", "ec",
               "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
               "2", "-subj", "/CN=test", "-addext",
               "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
               server->certificate, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(pid, &status, 0);
    must(status == 0, "openssl makes no certificate");
}

static void
start_program(struct s3_server *server)
{
    pid_t parent = getpid();

    server->pid = fork();
    must(server->pid >= 0, "no process");
    if (server->pid > 0) {
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(2);
    }
    execl("/usr/bin/python3", "python3", S3_SERVER, server->dir, (char *)NULL);
    _exit(127);
}

// They are written when the server listens.
static int
wait_for_ports(const struct s3_server *server, int *out_safe)
{
    char path[400];
    int port = 0;

    (void)snprintf(path, sizeof(path), "%s/port", server->dir);
    for (int ms = 0; port == 0 && ms < WAIT_MS; ms += 5) {
        struct timespec nap = {.tv_nsec = 5000000};
        FILE *file = fopen(path, "r");

        must(waitpid(server->pid, NULL, WNOHANG) == 0, "it ended");
        if (file == NULL) {
            nanosleep(&nap, NULL);
        } else {
            must(fscanf(file, "%d %d", &port, out_safe) == 2, "its ports");
            fclose(file);
        }
    }
    must(port != 0, "it does not listen");
    return port;
}

static void
stop_server(void)
{
    kill(only.pid, SIGKILL);
    (void)waitpid(only.pid, NULL, 0);
    remove_tree(only.dir);
}

// Nothing is left of an earlier test.
static void
make_empty(void)
{
    static const char *const names[] = {"objects", "faults", "requests"};
    char path[400];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", only.dir, names[i]);
        remove_tree(path);
    }
    (void)snprintf(path, sizeof(path), "%s/objects", only.dir);
    must(mkdir(path, 0755) == 0, path);
    (void)snprintf(path, sizeof(path), "%s/objects/snapshots.test", only.dir);
    must(mkdir(path, 0755) == 0, path);
}

static void
print_where(char where[200], const char *scheme, int port)
{
    (void)snprintf(where, 200,
                   "s3://snapshots.test/a/prefix"
                   "?endpoint=%s://127.0.0.1:%d&region=eu-test-1",
                   scheme, port);
}

struct s3_server *
s3_server_start(void)
{
    int port;
    int safe;

    if (only.pid == 0) {
        (void)snprintf(only.dir, sizeof(only.dir), "/tmp/weft-s3.XXXXXX");
        must(mkdtemp(only.dir) != NULL, only.dir);
        make_certificate(&only);
        start_program(&only);
        atexit(stop_server);
        port = wait_for_ports(&only, &safe);
        print_where(only.where, "http", port);
        print_where(only.where_safe, "https", safe);
    }
    make_empty();
    setenv("no_proxy", "127.0.0.1", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIATEST", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "se/cret+of=tests", 1);
    setenv("AWS_SESSION_TOKEN", "to/ken+of=tests", 1);
    return &only;
}

const char *
s3_server_where(const struct s3_server *server)
{
    return server->where;
}

const char *
s3_server_where_safe(const struct s3_server *server)
{
    return server->where_safe;
}

const char *
s3_server_certificate(const struct s3_server *server)
{
    return server->certificate;
}

const char *
s3_server_file(const struct s3_server *server, const char *key)
{
    static char path[800];

    (void)snprintf(path, sizeof(path), "%s/objects/snapshots.test/a/prefix/%s",
                   server->dir, key);
    return path;
}

void
s3_server_fail(struct s3_server *server, const char *fault)
{
    char path[400];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/faults", server->dir);
    file = fopen(path, "a");
    must(file != NULL, path);
    fprintf(file, "%s\n", fault);
    must(fclose(file) == 0, path);
}

size_t
s3_server_count(const struct s3_server *server, const char *method)
{
    char path[400];
    char line[1000];
    size_t count = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/requests", server->dir);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        count += strncmp(line, method, strlen(method)) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}
