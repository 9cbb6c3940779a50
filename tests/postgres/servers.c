// SPDX-License-Identifier: Apache-2.0
//
// servers.c - start, freeze, kill and promote PostgreSQL servers.
//
// initdb is slow, so it is run once and what it made is kept beside the tests
// (SERVERS_TEMPLATE); a server begins as a copy of that. A standby is one too:
// the same bytes, which have nothing of their own yet.
//
// Whether one takes connections is read from the file postmaster.pid.

#include "postgres/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 120000, PATH_BYTES = 512, OUTPUT_BYTES = 65536 };

struct server {
    int port;
    pid_t pid; // 0: it does not run
    char dir[PATH_BYTES];
    char conninfo[128];
};

struct servers {
    int count;
    const char *address;
    char dir[PATH_BYTES];
    char conninfo[512];
    struct server all[SERVERS_MAX];
    char output[OUTPUT_BYTES];
};

__attribute__((format(printf, 1, 2), noreturn)) static void
fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("servers: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n", stderr);
    va_end(args);
    exit(2);
}

static void
nap(void)
{
    struct timespec time = {.tv_nsec = 5000000};

    nanosleep(&time, NULL);
}

// The newest server that Debian has installed.
static const char *
programs(void)
{
    static char found[PATH_BYTES];
    glob_t all;

    if (found[0] == '\0') {
        if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &all) != 0) {
            fail("there is no PostgreSQL");
        }
        snprintf(found, sizeof(found), "%s", all.gl_pathv[all.gl_pathc - 1]);
        *strrchr(found, '/') = '\0';
        globfree(&all);
    }
    return found;
}

// In a child: the server refuses to be root's.
static void
become_postgres(void)
{
    const struct passwd *user;

    if (getuid() != 0) {
        return;
    }
    user = getpwnam("postgres");
    if (user == NULL || initgroups(user->pw_name, user->pw_gid) != 0 ||
        setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
        fail("cannot become the user postgres");
    }
}

static pid_t
start_program(const char *const *argv, const char *log, bool as_postgres)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    int fd;

    if (pid != 0) {
        return pid;
    }
    if (as_postgres) {
        become_postgres();
    }
    // Set after the user, which takes it away. It is a quick shutdown.
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() != parent) {
        _exit(2);
    }
    fd = open(log, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0666);
    dup2(fd, 1);
    dup2(fd, 2);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static int
run_program(const char *const *argv, const char *log, bool as_postgres)
{
    pid_t pid = start_program(argv, log, as_postgres);
    int status = -1;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static void
must_run(const char *const *argv, const char *log, bool as_postgres)
{
    if (run_program(argv, log, as_postgres) != 0) {
        fail("%s failed, see %s", argv[0], log);
    }
}

static void
remove_tree(const char *path)
{
    must_run((const char *const[]){"/bin/rm", "-rf", path, NULL}, "/dev/null",
             false);
}

static void
make_dir(const char *path)
{
    const struct passwd *user = getpwnam("postgres");

    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        fail("cannot make %s", path);
    }
    if (getuid() == 0 && user != NULL &&
        chown(path, user->pw_uid, user->pw_gid) != 0) {
        fail("cannot give %s away", path);
    }
}

// Folders whose processes are gone: their tests were killed.
static void
remove_stale(void)
{
    glob_t all;

    if (glob("/dev/shm/weft-pg.*", 0, NULL, &all) != 0) {
        return;
    }
    for (size_t i = 0; i < all.gl_pathc; i++) {
        long pid = strtol(strchr(all.gl_pathv[i], '.') + 1, NULL, 10);

        if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
            remove_tree(all.gl_pathv[i]);
        }
    }
    globfree(&all);
}

// What initdb makes, once. Whoever is first puts it in place.
static void
make_template(const char *dir)
{
    char fresh[PATH_BYTES + 16];
    char moved[PATH_BYTES];
    char initdb[PATH_BYTES + 16];
    char log[PATH_BYTES + 16];

    if (access(SERVERS_TEMPLATE "/PG_VERSION", F_OK) == 0) {
        return;
    }
    snprintf(fresh, sizeof(fresh), "%s/template", dir);
    snprintf(moved, sizeof(moved), "%s.%d", SERVERS_TEMPLATE, (int)getpid());
    snprintf(initdb, sizeof(initdb), "%s/initdb", programs());
    snprintf(log, sizeof(log), "%s/initdb.log", dir);
    must_run((const char *const[]){initdb, "-D", fresh, "-A", "trust", "-U",
                                   "weft", "--no-sync", "--wal-segsize=1",
                                   "--no-locale", "-E", "UTF8", NULL},
             log, true);
    must_run((const char *const[]){"/bin/cp", "-a", fresh, moved, NULL}, log,
             false);
    if (rename(moved, SERVERS_TEMPLATE) != 0) {
        remove_tree(moved); // somebody else was first
    }
    remove_tree(fresh);
}

static int
free_port(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        fail("no port is free");
    }
    close(fd);
    return ntohs(address.sin_port);
}

__attribute__((format(printf, 3, 4))) static void
add_line(const struct server *server, const char *file, const char *format, ...)
{
    char path[PATH_BYTES + 64];
    va_list args;
    FILE *out;

    snprintf(path, sizeof(path), "%s/%s", server->dir, file);
    out = fopen(path, "a");
    if (out == NULL) {
        fail("cannot write %s", path);
    }
    va_start(args, format);
    vfprintf(out, format, args);
    va_end(args);
    fputc('\n', out);
    fclose(out);
}

// A line of postmaster.pid, the first being 1; "" if there is none.
static void
read_pid_line(const struct server *server, int number, char line[256])
{
    char path[PATH_BYTES + 64];
    FILE *in;

    snprintf(path, sizeof(path), "%s/postmaster.pid", server->dir);
    in = fopen(path, "r");
    line[0] = '\0';
    for (int i = 0; in != NULL && i < number; i++) {
        if (fgets(line, 256, in) == NULL) {
            line[0] = '\0';
        }
    }
    if (in != NULL) {
        fclose(in);
    }
}

static bool
is_ready(const struct server *server)
{
    char line[256];

    read_pid_line(server, 8, line);
    return strncmp(line, "ready", 5) == 0;
}

static void
wait_ready(struct server *server)
{
    for (int i = 0; i < WAIT_MS / 5; i++) {
        int ended;

        if (is_ready(server)) {
            return;
        }
        if (waitpid(server->pid, &ended, WNOHANG) == server->pid) {
            fail("a server ended, see %s/log", server->dir);
        }
        nap();
    }
    fail("a server is not ready in time, see %s/log", server->dir);
}

static void
launch(struct server *server)
{
    char postgres[PATH_BYTES + 16];
    char log[PATH_BYTES + 16];
    char path[PATH_BYTES + 32];

    snprintf(postgres, sizeof(postgres), "%s/postgres", programs());
    snprintf(log, sizeof(log), "%s/log", server->dir);
    // What a killed one left would look like a ready one.
    snprintf(path, sizeof(path), "%s/postmaster.pid", server->dir);
    (void)unlink(path);
    server->pid = start_program(
        (const char *const[]){postgres, "-D", server->dir, NULL}, log, true);
}

static void
copy_template(struct servers *servers, int index)
{
    struct server *server = &servers->all[index];

    snprintf(server->dir, sizeof(server->dir), "%.480s/%d", servers->dir,
             index);
    must_run((const char *const[]){"/bin/cp", "-a", SERVERS_TEMPLATE,
                                   server->dir, NULL},
             "/dev/null", false);
    server->port = free_port();
    snprintf(server->conninfo, sizeof(server->conninfo),
             "postgres://weft@%s:%d/postgres", servers->address, server->port);
    add_line(server, "pg_hba.conf", "host all,replication all %s/24 trust",
             servers->address);
    add_line(server, "postgresql.conf", "port = %d", server->port);
    add_line(server, "postgresql.conf", "listen_addresses = '%s'",
             servers->address);
    add_line(server, "postgresql.conf", "%s",
             "unix_socket_directories = ''\n"
             "dynamic_shared_memory_type = mmap\n"
             "shared_buffers = 16MB\n"
             "wal_keep_size = 256MB\n"
             "wal_receiver_status_interval = 1\n"
             "wal_retrieve_retry_interval = 100ms\n"
             "wal_receiver_timeout = 3s\n"
             "wal_sender_timeout = 3s");
    if (servers->count > 1) {
        add_line(server, "postgresql.conf",
                 "synchronous_standby_names = 'ANY 1 (s0, s1, s2)'");
    }
}

static void
set_primary(struct servers *servers, int index, int primary)
{
    add_line(&servers->all[index], "postgresql.conf",
             "primary_conninfo = 'host=%s port=%d user=weft "
             "application_name=s%d'",
             servers->address, servers->all[primary].port, index);
}

// A standby streams once the primary has it in its view.
static void
wait_streaming(struct servers *servers)
{
    char sql[160];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) = %d FROM pg_stat_replication"
             " WHERE state = 'streaming' AND sync_state = 'quorum'",
             servers->count - 1);
    for (int i = 0; i < WAIT_MS / 50; i++) {
        if (strncmp(servers_sql(servers, 0, sql), "t", 1) == 0) {
            return;
        }
        nap();
    }
    fail("the standbys do not stream, see %s", servers->dir);
}

struct servers *
servers_start(int count, const char *dir)
{
    return servers_start_at(count, dir, "127.0.0.1");
}

struct servers *
servers_start_at(int count, const char *dir, const char *address)
{
    struct servers *servers = calloc(1, sizeof(*servers));
    size_t len = 0;

    remove_stale();
    servers->count = count;
    servers->address = address;
    snprintf(servers->dir, sizeof(servers->dir), "%s/weft-pg.%d",
             dir != NULL ? dir : "/dev/shm", (int)getpid());
    make_dir(servers->dir);
    make_template(servers->dir);
    for (int i = 0; i < count; i++) {
        copy_template(servers, i);
        len += (size_t)snprintf(
            servers->conninfo + len, sizeof(servers->conninfo) - len, "%s%s:%d",
            i == 0 ? "postgres://weft@" : ",", address, servers->all[i].port);
    }
    snprintf(servers->conninfo + len, sizeof(servers->conninfo) - len,
             "/postgres");
    for (int i = 0; i < count; i++) {
        if (i > 0) {
            set_primary(servers, i, 0);
            add_line(&servers->all[i], "standby.signal", "%s", "");
        }
        launch(&servers->all[i]);
    }
    for (int i = 0; i < count; i++) {
        wait_ready(&servers->all[i]);
    }
    if (count > 1) {
        wait_streaming(servers);
    }
    return servers;
}

// A signal to a server's processes, its own last.
static void
signal_all(const struct server *server, int number)
{
    char path[64];
    FILE *in;
    int child;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)server->pid,
             (int)server->pid);
    in = fopen(path, "r");
    if (in != NULL) {
        while (fscanf(in, "%d", &child) == 1) {
            kill(child, number);
        }
        fclose(in);
    }
    kill(server->pid, number);
}

// A killed server's segment of shared memory would stay: its key and number are
// in the file.
static void
remove_segment(const struct server *server)
{
    char line[256];
    long key;
    int segment;

    read_pid_line(server, 7, line);
    if (sscanf(line, "%ld %d", &key, &segment) == 2) {
        shmctl(segment, IPC_RMID, NULL);
    }
}

void
servers_kill(struct servers *servers, int index)
{
    struct server *server = &servers->all[index];
    int status;

    if (server->pid == 0) {
        return;
    }
    kill(server->pid, SIGSTOP); // so that it starts no more
    signal_all(server, SIGKILL);
    waitpid(server->pid, &status, 0);
    server->pid = 0;
    remove_segment(server);
}

void
servers_stop(struct servers *servers)
{
    if (servers == NULL) {
        return;
    }
    for (int i = 0; i < servers->count; i++) {
        servers_kill(servers, i);
    }
    remove_tree(servers->dir);
    free(servers);
}

void
servers_restart(struct servers *servers, int index)
{
    struct server *server = &servers->all[index];

    launch(server);
    wait_ready(server);
}

void
servers_heal(struct servers *servers, int index)
{
    struct server *server = &servers->all[index];
    int status;

    if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
        servers_restart(servers, index);
    }
}

void
servers_freeze(struct servers *servers, int index)
{
    const struct server *server = &servers->all[index];

    kill(server->pid, SIGSTOP);
    signal_all(server, SIGSTOP);
}

void
servers_thaw(struct servers *servers, int index)
{
    signal_all(&servers->all[index], SIGCONT);
}

void
servers_promote(struct servers *servers, int index)
{
    add_line(&servers->all[index], "promote", "%s", "");
    kill(servers->all[index].pid, SIGUSR1);
    for (int i = 0; i < WAIT_MS / 50; i++) {
        if (servers_sql(servers, index, "SELECT pg_is_in_recovery()")[0] ==
            'f') {
            return;
        }
        nap();
    }
    fail("a standby is not promoted in time, see %s", servers->dir);
}

void
servers_follow(struct servers *servers, int index, int primary)
{
    set_primary(servers, index, primary);
    kill(servers->all[index].pid, SIGHUP);
}

static unsigned long long
received(struct servers *servers, int index)
{
    return strtoull(servers_sql(servers, index,
                                "SELECT coalesce(pg_last_wal_receive_lsn(),"
                                " pg_last_wal_replay_lsn()) - '0/0'"),
                    NULL, 10);
}

int
servers_newest(struct servers *servers, int one, int other)
{
    return received(servers, one) >= received(servers, other) ? one : other;
}

void
servers_rebuild(struct servers *servers, int index, int primary)
{
    struct server *server = &servers->all[index];
    char program[PATH_BYTES + 32];
    char log[PATH_BYTES + 32];
    char port[16];

    snprintf(program, sizeof(program), "%s/pg_basebackup", programs());
    snprintf(log, sizeof(log), "%s/basebackup.log", servers->dir);
    snprintf(port, sizeof(port), "%d", servers->all[primary].port);
    remove_tree(server->dir);
    must_run((const char *const[]){program, "-h", servers->address, "-p", port,
                                   "-U", "weft", "-D", server->dir, "-c",
                                   "fast", NULL},
             log, true);
    add_line(server, "postgresql.conf", "port = %d", server->port);
    set_primary(servers, index, primary);
    add_line(server, "standby.signal", "%s", "");
    launch(server);
    wait_ready(server);
}

const char *
servers_conninfo(const struct servers *servers)
{
    return servers->conninfo;
}

const char *
servers_conninfo_of(const struct servers *servers, int index)
{
    return servers->all[index].conninfo;
}

int
servers_port(const struct servers *servers, int index)
{
    return servers->all[index].port;
}

bool
servers_try_sql(struct servers *servers, int index, const char *sql)
{
    char log[PATH_BYTES + 16];
    size_t len = 0;
    FILE *in;
    int status;

    snprintf(log, sizeof(log), "%s/psql.out", servers->dir);
    (void)unlink(log);
    status = run_program(
        (const char *const[]){"/usr/bin/psql", "-XAtq", "-v", "ON_ERROR_STOP=1",
                              "-c", sql, servers->all[index].conninfo, NULL},
        log, false);
    in = fopen(log, "r");
    if (in != NULL) {
        len = fread(servers->output, 1, sizeof(servers->output) - 1, in);
        fclose(in);
    }
    servers->output[len] = '\0';
    return status == 0;
}

const char *
servers_sql(struct servers *servers, int index, const char *sql)
{
    if (!servers_try_sql(servers, index, sql)) {
        fail("%s: %s", sql, servers->output);
    }
    return servers->output;
}
