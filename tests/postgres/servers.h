// SPDX-License-Identifier: Apache-2.0
//
// servers.h - PostgreSQL for tests: a primary, and standbys if wanted, on ports
// of the loopback that are free, in a folder of their own.
//
// Their folder is in /dev/shm and goes away with them; they end with the thread
// that started them. Whoever is root starts them as the user postgres. What
// cannot be done ends the process with a word on stderr.

#ifndef WF_TESTS_POSTGRES_SERVERS_H
#define WF_TESTS_POSTGRES_SERVERS_H

#include <stdbool.h>

#define SERVERS_MAX 3

struct servers;

// Server 0 is the primary, 1 and 2 are standbys of which a commit waits for any
// one, or none if there are none. dir: where, or NULL.
struct servers *servers_start(int count, const char *dir);
// The same on another address than 127.0.0.1, for all of its network's /24.
struct servers *servers_start_at(int count, const char *dir,
                                 const char *address);
void servers_stop(struct servers *servers); // NULL is fine

// "postgres://..." of all of them; and of one.
const char *servers_conninfo(const struct servers *servers);
const char *servers_conninfo_of(const struct servers *servers, int index);
int servers_port(const struct servers *servers, int index);

// Each waits until it is so. A frozen server's processes are stopped, all.
void servers_kill(struct servers *servers, int index);
void servers_restart(struct servers *servers, int index); // killed before
void servers_freeze(struct servers *servers, int index);
void servers_thaw(struct servers *servers, int index);
void servers_promote(struct servers *servers, int index);
// What replicates from whom: as a standby of another.
void servers_follow(struct servers *servers, int index, int primary);
// One that was killed is a new standby of another; what it had is gone.
void servers_rebuild(struct servers *servers, int index, int primary);
// Started again if it has ended by itself.
void servers_heal(struct servers *servers, int index);
// Of two standbys, which has more of the log.
int servers_newest(struct servers *servers, int one, int other);

// Run SQL with psql; what it printed is kept until the next call.
const char *servers_sql(struct servers *servers, int index, const char *sql);
// The same; whether it went well.
bool servers_try_sql(struct servers *servers, int index, const char *sql);

#endif
