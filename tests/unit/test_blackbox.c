// SPDX-License-Identifier: Apache-2.0
//
// test_blackbox.c - who is blamed for the end of a process, and who is not.

#include "runtime/blackbox.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

struct blamed {
    uint32_t count;
    enum wf_blackbox_kind kind;
    int signal;
    char id[64];
    char what[128];
};

static void
note_blamed(void *ctx, const struct wf_blackbox_entry *entry)
{
    struct blamed *blamed = ctx;

    blamed->count++;
    blamed->kind = entry->kind;
    blamed->signal = entry->signal;
    snprintf(blamed->id, sizeof(blamed->id), "%s", wf_key_id(&entry->key));
    snprintf(blamed->what, sizeof(blamed->what), "%s", entry->what);
}

static struct blamed
read_box(const char *path)
{
    struct blamed blamed = {0};
    struct wf_blackbox *box = NULL;

    CHECK_OK(wf_blackbox_open(path, 2, note_blamed, &blamed, &box));
    wf_blackbox_close(box);
    return blamed;
}

// What a child does before it dies.
struct scene {
    const char *path;
    bool runs_user_code;
    void (*end)(void);
    void (*host)(int number); // the host's handler; NULL: it has none
};

// cmocka has handlers of its own, which would go on with the next test.
static void
set_handlers(void (*host)(int number))
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_handler = host == NULL ? SIG_DFL : host};

    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        (void)sigaction(fatal[i], &action, NULL);
    }
}

static void
play(void *ctx)
{
    const struct scene *scene = ctx;
    struct wf_blackbox *box = NULL;
    struct blamed nobody = {0};
    struct wf_key key;

    if (wf_blackbox_open(scene->path, 2, note_blamed, &nobody, &box) != 0 ||
        wf_key_make("default", "order", "17", &key) != WEFT_OK) {
        _exit(98);
    }
    wf_blackbox_clear(box);
    set_handlers(scene->host);
    wf_blackbox_handle_signals();
    wf_blackbox_enter(wf_blackbox_slot(box, 1), NULL);
    wf_blackbox_begin(wf_blackbox_slot(box, 1), WF_BLACKBOX_TURN, &key, "pay",
                      5);
    if (!scene->runs_user_code) {
        wf_blackbox_end(wf_blackbox_slot(box, 1));
    }
    scene->end();
    _exit(97);
}

static const char *
box_path(struct test *t)
{
    static char path[600];

    snprintf(path, sizeof(path), "%s/blackbox", test_dir(t));
    return path;
}

static void
end_by_fault(void)
{
    volatile int *nowhere =
        mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *nowhere = 1;
}

static void
end_by_abort(void)
{
    abort();
}

static void
end_by_kill(void)
{
    (void)raise(SIGKILL);
}

static void *
abort_on_a_thread(void *arg)
{
    (void)arg;
    abort();
}

// A thread that is none of ours.
static void
end_elsewhere(void)
{
    pthread_t thread;

    (void)pthread_create(&thread, NULL, abort_on_a_thread, NULL);
    (void)pthread_join(thread, NULL);
}

TEST(blackbox, an_abort_in_user_code_blames_it)
{
    struct scene scene = {box_path(t), true, end_by_abort, NULL};
    struct blamed blamed;

    CHECK(test_fork(play, &scene) != 0);
    blamed = read_box(scene.path);
    CHECK_EQ(blamed.count, 1);
    CHECK_EQ(blamed.kind, WF_BLACKBOX_TURN);
    CHECK_EQ(blamed.signal, SIGABRT);
    CHECK_STR(blamed.id, "17");
    CHECK_STR(blamed.what, "pay");
    // Until it is cleared, it is said again.
    CHECK_EQ(read_box(scene.path).count, 1);
}

TEST(blackbox, a_memory_fault_in_user_code_blames_it)
{
    struct scene scene = {box_path(t), true, end_by_fault, NULL};

    CHECK(test_fork(play, &scene) != 0);
    CHECK_EQ(read_box(scene.path).count, 1);
    CHECK_EQ(read_box(scene.path).signal, SIGSEGV);
}

TEST(blackbox, a_kill_blames_nobody)
{
    struct scene scene = {box_path(t), true, end_by_kill, NULL};

    CHECK(test_fork(play, &scene) != 0);
    CHECK_EQ(read_box(scene.path).count, 0);
}

TEST(blackbox, a_fault_outside_user_code_blames_nobody)
{
    struct scene scene = {box_path(t), false, end_by_abort, NULL};

    CHECK(test_fork(play, &scene) != 0);
    CHECK_EQ(read_box(scene.path).count, 0);
}

TEST(blackbox, a_fault_of_another_thread_blames_nobody)
{
    struct scene scene = {box_path(t), true, end_elsewhere, NULL};

    CHECK(test_fork(play, &scene) != 0);
    CHECK_EQ(read_box(scene.path).count, 0);
}

static volatile sig_atomic_t host_saw;

static void
host_handler(int number)
{
    host_saw = number;
}

static void
end_by_raise(void)
{
    (void)raise(SIGFPE);
    _exit(host_saw == SIGFPE ? 42 : 43);
}

TEST(blackbox, the_hosts_handler_still_runs)
{
    struct scene scene = {box_path(t), true, end_by_raise, host_handler};
    int status = test_fork(play, &scene);

    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 42);
}

TEST(blackbox, release_puts_the_hosts_handlers_back)
{
    struct sigaction before;
    struct sigaction after;

    CHECK_EQ(sigaction(SIGFPE, NULL, &before), 0);
    wf_blackbox_handle_signals();
    wf_blackbox_handle_signals();
    wf_blackbox_release_signals();
    CHECK_EQ(sigaction(SIGFPE, NULL, &after), 0);
    CHECK(after.sa_handler != before.sa_handler);
    wf_blackbox_release_signals();
    CHECK_EQ(sigaction(SIGFPE, NULL, &after), 0);
    CHECK(after.sa_handler == before.sa_handler);
}

TEST(blackbox, a_slot_tells_runs_apart)
{
    struct wf_blackbox *box = NULL;
    struct wf_blackbox_slot *slot;
    struct wf_blackbox_entry entry;
    struct wf_key key;
    uint64_t first, second, started;

    CHECK_OK(wf_blackbox_open(NULL, 1, note_blamed, NULL, &box));
    CHECK_OK(wf_key_make("default", "order", "17", &key));
    slot = wf_blackbox_slot(box, 0);
    CHECK(!wf_blackbox_is_running(slot, &first, &started));
    CHECK(!wf_blackbox_read(slot, &entry));
    wf_blackbox_begin(slot, WF_BLACKBOX_ACTIVITY, &key, "charge", 7);
    CHECK(wf_blackbox_is_running(slot, &first, &started));
    CHECK_EQ(started, 7);
    CHECK(wf_blackbox_read(slot, &entry));
    CHECK_EQ(entry.kind, WF_BLACKBOX_ACTIVITY);
    CHECK_STR(entry.what, "charge");
    CHECK(wf_key_equal(&entry.key, &key));
    wf_blackbox_entry_fini(&entry);
    wf_blackbox_begin(slot, WF_BLACKBOX_TURN, &key, "pay", 8);
    CHECK(wf_blackbox_is_running(slot, &second, &started));
    CHECK(first != second);
    wf_blackbox_end(slot);
    CHECK(!wf_blackbox_is_running(slot, &first, &started));
    wf_key_fini(&key);
    wf_blackbox_close(box);
}

TEST(blackbox, a_file_of_anything_else_blames_nobody)
{
    const char *path = box_path(t);
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    for (int i = 0; i < 5000; i++) {
        fputc(i & 0xff, file);
    }
    fclose(file);
    CHECK_EQ(read_box(path).count, 0);
}
