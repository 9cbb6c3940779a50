// SPDX-License-Identifier: Apache-2.0
//
// guest.c - a machine that the victim lives on. See guest.h.
//
// The kernel hands the arguments behind "--" to init.sh, and what looks like a
// variable before it as its environment.

#include "guest/guest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "crash/ledger.h"
#include "guest/disk.h"

// A guest has one processor's work to do before it begins; machines that have
// many others to do give it little of one.
#define BEGIN_MS 400000
#define END_MS 600000
#define PROBE_MS 20000
#define DARK_US 1000000
#define SETTLE_US 30000000

#define QUIET                                                                  \
    "quiet console=ttyS0 panic=-1 tsc=reliable no_timer_check "                \
    "mitigations=off random.trust_cpu=on cryptomgr.notests "

// Run a command to its end. False if that was not a good one.
static bool
command(struct guest *guest, const char *text)
{
    const char *args[] = {"sh", "-c", text, NULL};
    int status;
    pid_t pid = loop_spawn(&guest->loop, args, NULL);

    if (!loop_wait(pid, (uint64_t)END_MS * 1000, &status)) {
        loop_kill(pid, &status);
    }
    return loop_ended_well(status);
}

bool
guest_make(struct guest *guest)
{
    const char *dir = guest->loop.dir;
    bool is_xfs = strcmp(guest->fs, "xfs") == 0;
    char text[1200];

    loop_make_dir(&guest->loop, "guest");
    (void)snprintf(
        text, sizeof(text),
        "PATH=$PATH:/usr/sbin:/sbin; cd %s && truncate -s 1G disk.img && "
        "truncate -s 256M record.img && "
        "mkfs.ext4 -q -F -J size=8 record.img && %s disk.img",
        dir,
        is_xfs ? "mkfs.xfs -q -f"
               : "mkfs.ext4 -q -F -J size=8 "
                 "-E lazy_itable_init=0,lazy_journal_init=0");
    if (!command(guest, text)) {
        loop_show_log(&guest->loop);
        loop_fail(&guest->loop, "no disks could be made");
        return false;
    }
    return true;
}

// Start. ----------------------------------------------------------------------

static void
start_qemu(struct guest *guest, const char *append, const char *disks[4])
{
    const char *args[] = {"qemu-system-x86_64",
                          "-nodefaults",
                          "-no-user-config",
                          "-no-reboot",
                          "-display",
                          "none",
                          "-accel",
                          guest->accel,
                          "-cpu",
                          strcmp(guest->accel, "kvm") == 0 ? "host" : "max",
                          "-smp",
                          strcmp(guest->accel, "kvm") == 0 ? "2" : "1",
                          "-m",
                          "512",
                          "-kernel",
                          guest->kernel,
                          "-initrd",
                          guest->initrd,
                          "-append",
                          append,
                          "-chardev",
                          "stdio,id=console,signal=off",
                          "-serial",
                          "chardev:console",
                          disks[0],
                          disks[1],
                          disks[2],
                          disks[3],
                          NULL};

    guest->qemu = loop_spawn(&guest->loop, args, NULL);
}

void
guest_boot(struct guest *guest, const char *lives)
{
    const char *dir = guest->loop.dir;
    char append[1000];
    char record[500];
    char image[400];
    char socket[400];
    char disk[600];
    const char *disks[4] = {"-drive", record, "-drive", disk};

    (void)snprintf(image, sizeof(image), "%s/disk.img", dir);
    (void)snprintf(socket, sizeof(socket), "%s/disk.socket", dir);
    (void)snprintf(record, sizeof(record),
                   "file=%s/record.img,format=raw,if=virtio,cache=unsafe", dir);
    (void)snprintf(disk, sizeof(disk),
                   "file.driver=nbd,file.server.type=unix,file.server.path=%s,"
                   "format=raw,if=virtio",
                   socket);
    (void)snprintf(append, sizeof(append),
                   QUIET "FS=%s MOUNT=%s PRELOAD=%s -- %s", guest->fs,
                   guest->mount, guest->is_synced ? "" : "/bin/unsynced.so",
                   lives);
    guest->disk = disk_start(image, socket, guest->is_listening,
                             ((uint64_t)loop_draw(&guest->loop, 1U << 30)));
    start_qemu(guest, append, disks);
}

// Wait. -----------------------------------------------------------------------

// The image is whole again only when the disk's process has settled it.
static void
wait_disk(struct guest *guest)
{
    int status;

    if (!loop_wait(guest->disk, SETTLE_US, &status)) {
        loop_kill(guest->disk, &status);
    }
    if (!loop_ended_well(status)) {
        loop_fail(&guest->loop, "the disk's process did not end well");
    }
}

static bool
ended_by_itself(struct guest *guest)
{
    wait_disk(guest);
    loop_show_log(&guest->loop);
    loop_fail(&guest->loop, "the guest ended by itself");
    return false;
}

bool
guest_wait_begin(struct guest *guest)
{
    uint64_t until_ms = loop_mono_ms() + BEGIN_MS;
    int status;

    while (!loop_log_has(&guest->loop, "guest: begins")) {
        if (loop_wait(guest->qemu, 20000, &status)) {
            return ended_by_itself(guest);
        }
        if (loop_mono_ms() > until_ms) {
            loop_kill(guest->qemu, &status);
            wait_disk(guest);
            loop_show_log(&guest->loop);
            loop_fail(&guest->loop, "the guest does not boot");
            return false;
        }
    }
    return true;
}

bool
guest_cut(struct guest *guest, uint64_t us)
{
    int status;

    if (loop_wait(guest->qemu, us, &status)) {
        return ended_by_itself(guest);
    }
    if (loop_draw(&guest->loop, 5) > 0) {
        (void)disk_darken(guest->disk, DARK_US);
    }
    loop_kill(guest->qemu, &status);
    (void)kill(guest->disk, SIGCONT);
    wait_disk(guest);
    guest->loop.kills++;
    return true;
}

bool
guest_wait_end(struct guest *guest)
{
    int status;

    if (!loop_wait(guest->qemu, (uint64_t)END_MS * 1000, &status)) {
        loop_kill(guest->qemu, &status);
    }
    wait_disk(guest);
    return loop_log_has(&guest->loop, "guest: ends well");
}

// How guests are run. ---------------------------------------------------------

// A guest with no disks comes as far as to say so.
static bool
can_run(struct guest *guest, const char *accel)
{
    bool has_begun = false;
    uint64_t until_ms = loop_mono_ms() + PROBE_MS;
    const char *none[4] = {NULL};
    int status;

    guest->accel = accel;
    start_qemu(guest, QUIET, none);
    while (!has_begun && loop_mono_ms() < until_ms) {
        if (loop_wait(guest->qemu, 20000, &status)) {
            return loop_log_has(&guest->loop, "guest: no record");
        }
        has_begun = loop_log_has(&guest->loop, "guest: no record");
    }
    loop_kill(guest->qemu, &status);
    return has_begun;
}

void
guest_choose_accel(struct guest *guest)
{
    const char *asked = getenv("GUEST_ACCEL");
    bool can_help;

    loop_make_dir(&guest->loop, "guest");
    can_help = asked == NULL &&
               command(guest, "test -w /dev/kvm && "
                              "grep -qwE 'vmx|svm' /proc/cpuinfo") &&
               can_run(guest, "kvm");
    guest->accel = asked != NULL ? asked : can_help ? "kvm" : "tcg";
    loop_remove_dir(&guest->loop);
}

// The record. -----------------------------------------------------------------

static void
count_answers(void *ctx, char *line)
{
    uint32_t *count = ctx;

    *count += line[0] == 'A';
}

uint32_t
guest_read_record(struct guest *guest)
{
    uint32_t count = 0;
    char text[1200];
    char dir[400];

    // The journal is replayed by the check, whose status then says so.
    (void)snprintf(text, sizeof(text),
                   "PATH=$PATH:/usr/sbin:/sbin; cd %s && rm -rf record && "
                   "mkdir record && { e2fsck -fp record.img || [ $? -le 1 ]; } "
                   "&& debugfs -R 'rdump / record' record.img",
                   guest->loop.dir);
    if (!command(guest, text)) {
        loop_show_log(&guest->loop);
        loop_fail(&guest->loop, "the record cannot be read");
        return 0;
    }
    (void)snprintf(dir, sizeof(dir), "%s/record", guest->loop.dir);
    for (const char *const *name =
             (const char *const[]){"ledger-0", "ledger-1", "ledger-2",
                                   "ledger-3", NULL};
         *name != NULL; name++) {
        ledger_each(dir, *name, LEDGER_LINE, 0, count_answers, &count);
    }
    return count;
}
