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

static void
host_action(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    host_saw = number;
}

// With a handler of that kind.
static void
end_by_raise_with_action(void)
{
    struct sigaction action = {.sa_sigaction = host_action,
                               .sa_flags = SA_SIGINFO};

    wf_blackbox_leave();
    wf_blackbox_release_signals();
    (void)sigaction(SIGFPE, &action, NULL);
    wf_blackbox_handle_signals();
    end_by_raise();
}

TEST(blackbox, the_hosts_handler_of_three_arguments_still_runs)
{
    struct scene scene = {box_path(t), true, end_by_raise_with_action, NULL};
    int status = test_fork(play, &scene);

    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 42);
}

static void
end_by_nothing(void)
{
    (void)raise(SIGFPE);
    _exit(44);
}

TEST(blackbox, what_the_host_ignores_is_ignored)
{
    struct scene scene = {box_path(t), true, end_by_nothing, SIG_IGN};
    int status = test_fork(play, &scene);

    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 44);
}

// Ours must stay behind those that came later: they may call it.
static void
host_comes_later(void *ctx)
{
    struct sigaction plain = {.sa_handler = host_handler};
    struct sigaction action = {.sa_sigaction = host_action,
                               .sa_flags = SA_SIGINFO};
    struct sigaction now;

    (void)ctx;
    set_handlers(NULL);
    wf_blackbox_handle_signals();
    (void)sigaction(SIGFPE, &plain, NULL);
    (void)sigaction(SIGILL, &action, NULL);
    wf_blackbox_release_signals();
    if (sigaction(SIGFPE, NULL, &now) != 0 || now.sa_handler != host_handler ||
        sigaction(SIGILL, NULL, &now) != 0 || now.sa_sigaction != host_action) {
        _exit(1);
    }
    wf_blackbox_handle_signals(); // they are in front of it still
    if (sigaction(SIGFPE, NULL, &now) != 0 || now.sa_handler != host_handler) {
        _exit(2);
    }
    wf_blackbox_release_signals();
    _exit(0);
}

TEST(blackbox, handlers_that_the_host_put_in_front_stay_there)
{
    CHECK_EQ(test_fork(host_comes_later, NULL), 0);
}

TEST(blackbox, the_hosts_stack_for_handlers_is_used_and_kept)
{
    static char bytes[65536];
    stack_t own = {.ss_sp = bytes, .ss_size = sizeof(bytes)};
    stack_t before;
    stack_t now;

    CHECK_EQ(sigaltstack(&own, &before), 0);
    wf_blackbox_enter(NULL, NULL);
    wf_blackbox_leave();
    CHECK_EQ(sigaltstack(&before, &now), 0);
    CHECK(now.ss_sp == bytes);
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

// A box whose slot 1 is stamped, as the watchdog does it.
static void
leave_stamp(const char *path)
{
    struct wf_blackbox *box = NULL;
    struct wf_blackbox_slot *slot;
    char what[200];
    struct wf_key key;
    uint64_t generation, started;

    memset(what, 'x', sizeof(what) - 1);
    what[sizeof(what) - 1] = '\0';
    CHECK_OK(wf_blackbox_open(path, 2, note_blamed, NULL, &box));
    CHECK_OK(wf_key_make("default", "order", "17", &key));
    wf_blackbox_clear(box);
    slot = wf_blackbox_slot(box, 1);
    wf_blackbox_begin(slot, WF_BLACKBOX_TURN, &key, "pay", 5);
    CHECK(wf_blackbox_is_running(slot, &generation, &started));
    CHECK(wf_blackbox_stamp(slot, generation));
    wf_blackbox_begin(slot, WF_BLACKBOX_TURN, &key, what, 6); // takes it back
    CHECK(!wf_blackbox_stamp(slot, generation)); // that run has ended
    CHECK(wf_blackbox_is_running(slot, &generation, &started));
    CHECK(wf_blackbox_stamp(slot, generation));
    wf_key_fini(&key);
    wf_blackbox_close(box);
}

TEST(blackbox, one_that_runs_too_long_is_blamed_by_the_watchdog)
{
    struct blamed blamed;
    char text[200];
    struct wf_blackbox_entry entry = {.kind = WF_BLACKBOX_ACTIVITY,
                                      .what = "pay"};
    static const struct {
        int signal;
        const char *said;
    } cases[] = {
        {SIGSEGV, "SIGSEGV in its activity pay"},
        {SIGBUS, "SIGBUS in its activity pay"},
        {SIGFPE, "SIGFPE in its activity pay"},
        {SIGILL, "SIGILL in its activity pay"},
        {SIGABRT, "SIGABRT in its activity pay"},
        {SIGXCPU, "too long a time in its activity pay"},
    };

    leave_stamp(box_path(t));
    blamed = read_box(box_path(t));
    CHECK_EQ(blamed.count, 1);
    CHECK_EQ(blamed.signal, SIGXCPU);
    CHECK_EQ(strlen(blamed.what), 127); // cut to fit
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        entry.signal = cases[i].signal;
        wf_blackbox_explain(&entry, text, sizeof(text));
        CHECK_STR(text, cases[i].said);
    }
    entry.is_overflow = true;
    entry.kind = WF_BLACKBOX_TURN;
    wf_blackbox_explain(&entry, text, sizeof(text));
    CHECK_STR(text, "a stack overflow in its turn (pay): raise its kind's "
                    "stack_bytes");
}

// It is a hint: what cannot be read blames nobody, and nothing fails for it.
TEST(blackbox, a_file_that_is_cut_or_changed_blames_nobody_else)
{
    const char *path = box_path(t);
    off_t size;

    leave_stamp(path);
    size = test_file_size(path);
    for (off_t at = 0; at < 16; at++) { // magic, version, how many slots
        test_file_damage(path, at);
        CHECK(read_box(path).count <= (at < 8 ? 0 : 1));
        test_file_damage(path, at);
    }
    for (off_t at = size / 3 * 2; at < size; at++) { // the slot
        struct blamed found;

        test_file_damage(path, at);
        found = read_box(path);
        CHECK(found.count <= 1);
        CHECK(found.count == 0 || strlen(found.what) < 128);
        test_file_damage(path, at);
    }
    CHECK_EQ(read_box(path).count, 1);
    for (off_t len = size; len >= 0; len -= 2000) {
        CHECK_EQ(truncate(path, len), 0);
        CHECK_EQ(read_box(path).count, len == size ? 1 : 0);
    }
}

TEST(blackbox, without_a_file_it_only_watches)
{
    struct wf_blackbox *box = NULL;
    char path[700];

    snprintf(path, sizeof(path), "%s/no/where", test_dir(t));
    CHECK_OK(wf_blackbox_open(path, 1, note_blamed, NULL, &box));
    wf_blackbox_clear(box);
    CHECK(access(path, F_OK) != 0);
    CHECK_EQ(wf_blackbox_count(box), 1);
    wf_blackbox_close(box);
    wf_blackbox_close(NULL);
    CHECK_ERR(wf_blackbox_open(NULL, UINT32_MAX, note_blamed, NULL, &box),
              WEFT_EIO);
    CHECK(strstr(weft_err_detail(), "black box: mmap") != NULL);
}
