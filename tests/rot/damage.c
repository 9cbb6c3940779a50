// SPDX-License-Identifier: Apache-2.0
//
// damage.c - one random thing that befalls a directory. See damage.h.
//
// First a kind is drawn, then a sort of file, so that the few small ones get
// their share, then the file.

#include "rot/damage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rot/files.h"
#include "rot/place.h"

struct scene {
    const struct source *source;
    const char *dir;
    struct wf_random *random;
    struct damage *out;
    struct files files;
    uint32_t file; // the one that was drawn
};

static uint64_t
below(struct scene *scene, uint64_t limit)
{
    return wf_random_below(scene->random, limit);
}

static const char *
name_of(const struct scene *scene)
{
    return scene->files.file[scene->file].name;
}

static const char *
path_of(const struct scene *scene)
{
    return files_path(scene->dir, name_of(scene));
}

static const char *
old_of(const struct scene *scene, const char *name)
{
    return files_path(scene->source->old, name);
}

static bool
has_old(const struct scene *scene)
{
    return scene->source->old[0] != '\0';
}

// What a store cannot be without is drawn more often.
static void
draw_file(struct scene *scene)
{
    static const char *const sorts[] = {
        "log",     "log",    "log",      "sst",      "sst",
        "sst",     "sst",    "MANIFEST", "MANIFEST", "MANIFEST",
        "CURRENT", "beacon", "beacon",   "OPTIONS",  "IDENTITY",
        "LOCK",    "LOG",    "blackbox", "weft.lock"};
    uint32_t found[FILES_MAX];
    uint32_t count = 0;

    while (count == 0) {
        const char *sort =
            sorts[below(scene, sizeof(sorts) / sizeof(sorts[0]))];

        for (uint32_t i = 0; i < scene->files.count; i++) {
            if (strcmp(place_sort(scene->files.file[i].name), sort) == 0) {
                found[count++] = i;
            }
        }
    }
    scene->file = found[below(scene, count)];
    (void)snprintf(scene->out->file, sizeof(scene->out->file), "%s",
                   name_of(scene));
}

__attribute__((format(printf, 2, 3))) static bool
told(struct scene *scene, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(scene->out->what, sizeof(scene->out->what), format, args);
    va_end(args);
    return true;
}

// Parts of a file. ----------------------------------------------------------

static void
make_noise(struct scene *scene, uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)wf_random_u64(scene->random);
    }
}

// Where: anywhere; or, as often, near the end or the beginning, where files
// have what is special about them.
static size_t
draw_at(struct scene *scene, size_t len)
{
    size_t near = len < 300 ? len : 300;

    switch (below(scene, 4)) {
    case 0:
        return len - 1 - below(scene, near);
    case 1:
        return below(scene, near);
    default:
        return below(scene, len);
    }
}

// A range of at most `size`, at a multiple of it.
static struct place
draw_block(struct scene *scene, size_t len, size_t size)
{
    size_t at = draw_at(scene, len) / size * size;

    return (struct place){at, len - at < size ? len - at : size};
}

static struct place
draw_place(struct scene *scene, size_t len)
{
    size_t at = draw_at(scene, len);
    size_t size = 2 + below(scene, 14);

    switch (scene->out->kind) {
    case DAMAGE_BIT:
    case DAMAGE_BYTE:
        return (struct place){at, 1};
    case DAMAGE_BYTES:
        return (struct place){at, len - at < size ? len - at : size};
    case DAMAGE_SECTOR_ZERO:
    case DAMAGE_SECTOR_NOISE:
        return draw_block(scene, len, 512);
    case DAMAGE_REST_ZERO:
        return (struct place){at, len - at};
    default:
        return draw_block(scene, len, 4096);
    }
}

static bool
change_place(struct scene *scene, struct wf_buf *bytes)
{
    struct place place;
    uint8_t *at;

    if (bytes->len == 0) {
        return false;
    }
    place = draw_place(scene, bytes->len);
    at = bytes->data + place.at;
    switch (scene->out->kind) {
    case DAMAGE_BIT:
        *at ^= (uint8_t)(1U << below(scene, 8));
        break;
    case DAMAGE_SECTOR_ZERO:
    case DAMAGE_PAGE_ZERO:
    case DAMAGE_REST_ZERO:
        memset(at, 0, place.len);
        break;
    default:
        make_noise(scene, at, place.len);
        break;
    }
    return told(scene, "%s, bytes %zu to %zu of %zu", name_of(scene), place.at,
                place.at + place.len - 1, bytes->len);
}

static bool
swap_pages(struct scene *scene, struct wf_buf *bytes)
{
    uint8_t kept[4096];
    size_t pages = bytes->len / sizeof(kept);
    size_t one;
    size_t two;

    if (pages < 2) {
        return false;
    }
    one = below(scene, pages);
    two = (one + 1 + below(scene, pages - 1)) % pages;
    memcpy(kept, bytes->data + one * 4096, 4096);
    memcpy(bytes->data + one * 4096, bytes->data + two * 4096, 4096);
    memcpy(bytes->data + two * 4096, kept, 4096);
    return told(scene, "%s, pages %zu and %zu", name_of(scene), one, two);
}

static bool
bring_old_page(struct scene *scene, struct wf_buf *bytes)
{
    struct wf_buf old = {0};
    struct place place;
    bool is_other = false;

    if (bytes->len == 0 || !has_old(scene) ||
        !files_exist(old_of(scene, name_of(scene)))) {
        return false;
    }
    files_read(old_of(scene, name_of(scene)), &old);
    place = draw_block(scene, bytes->len, 4096);
    if (place.at < old.len) {
        size_t len =
            old.len - place.at < place.len ? old.len - place.at : place.len;

        is_other =
            memcmp(bytes->data + place.at, old.data + place.at, len) != 0;
        memcpy(bytes->data + place.at, old.data + place.at, len);
    }
    wf_buf_fini(&old);
    return is_other && told(scene, "%s, page at %zu", name_of(scene), place.at);
}

static bool
cut_hole(struct scene *scene, struct wf_buf *bytes)
{
    struct place place;

    if (bytes->len < 2) {
        return false;
    }
    place.at = draw_at(scene, bytes->len);
    place.len = 1 + below(scene, bytes->len - place.at);
    memmove(bytes->data + place.at, bytes->data + place.at + place.len,
            bytes->len - place.at - place.len);
    bytes->len -= place.len;
    return told(scene, "%s, %zu bytes at %zu of %zu", name_of(scene), place.len,
                place.at, bytes->len + place.len);
}

static bool
cut_off(struct scene *scene, struct wf_buf *bytes)
{
    size_t before = bytes->len;
    size_t ends[PLACE_RECORDS_MAX];
    size_t count;

    if (before == 0) {
        return false;
    }
    if (scene->out->kind == DAMAGE_EMPTY) {
        bytes->len = 0;
    } else if (scene->out->kind == DAMAGE_CUT) {
        bytes->len = draw_at(scene, before);
    } else {
        count = place_record_ends(wf_buf_bytes(bytes), ends);
        if (count < 2) {
            return false;
        }
        // Of the last few as often as of all.
        bytes->len = below(scene, 2) == 0 || count < 6
                         ? ends[below(scene, count - 1)]
                         : ends[count - 2 - below(scene, 4)];
    }
    return told(scene, "%s, from %zu bytes to %zu", name_of(scene), before,
                bytes->len);
}

static bool
grow(struct scene *scene, struct wf_buf *bytes)
{
    static const size_t sizes[] = {1, 7, 512, 4096, 40000};
    size_t before = bytes->len;
    size_t more = sizes[below(scene, 5)];

    if (scene->out->kind == DAMAGE_GROWN_SELF) {
        size_t ends[PLACE_RECORDS_MAX];
        size_t count = place_record_ends(wf_buf_bytes(bytes), ends);
        size_t from =
            count > 2 ? ends[count - 2 - below(scene, count - 2)] : before / 2;

        if (before == 0) {
            return false;
        }
        more = before - from;
        wf_buf_reserve(bytes, more);
        memcpy(bytes->data + before, bytes->data + from, more);
    } else {
        wf_buf_reserve(bytes, more);
        memset(bytes->data + before, 0, more);
        if (scene->out->kind == DAMAGE_GROWN_NOISE) {
            make_noise(scene, bytes->data + before, more);
        }
    }
    bytes->len = before + more;
    return told(scene, "%s, from %zu bytes to %zu", name_of(scene), before,
                bytes->len);
}

typedef bool change_fn(struct scene *scene, struct wf_buf *bytes);

static bool
change_bytes(struct scene *scene, change_fn *change)
{
    struct wf_buf bytes = {0};
    bool is_done;

    files_read(path_of(scene), &bytes);
    is_done = change(scene, &bytes);
    if (is_done) {
        files_write(path_of(scene), bytes.data, bytes.len);
    }
    wf_buf_fini(&bytes);
    return is_done;
}

// Whole files. ----------------------------------------------------------------

// Another file; of the same sort if is_alike.
static bool
draw_other(struct scene *scene, bool is_alike, uint32_t *out_other)
{
    uint32_t count = scene->files.count;
    uint32_t first = (uint32_t)below(scene, count);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = (first + i) % count;

        if (other != scene->file &&
            (!is_alike || strcmp(place_sort(scene->files.file[other].name),
                                 place_sort(name_of(scene))) == 0)) {
            *out_other = other;
            return true;
        }
    }
    return false;
}

static bool
swap_files(struct scene *scene)
{
    const char *kept = files_path(scene->dir, "kept");
    const char *other;
    uint32_t index;

    if (!draw_other(scene, true, &index)) {
        return false;
    }
    other = files_path(scene->dir, scene->files.file[index].name);
    (void)rename(path_of(scene), kept);
    (void)rename(other, path_of(scene));
    (void)rename(kept, other);
    return told(scene, "%s and %s", name_of(scene),
                scene->files.file[index].name);
}

static bool
replace_file(struct scene *scene, bool is_alike)
{
    uint32_t index;

    if (!draw_other(scene, is_alike, &index)) {
        return false;
    }
    files_copy(files_path(scene->dir, scene->files.file[index].name),
               path_of(scene));
    return told(scene, "%s by %s", name_of(scene),
                scene->files.file[index].name);
}

static bool
copy_file(struct scene *scene)
{
    char name[96];

    if (!place_next_name(&scene->files, name_of(scene),
                         (uint32_t)below(scene, 3), name)) {
        return false;
    }
    files_copy(path_of(scene), files_path(scene->dir, name));
    return told(scene, "%s as %s", name_of(scene), name);
}

static bool
bring_old_file(struct scene *scene)
{
    const char *old = old_of(scene, name_of(scene));

    if (!has_old(scene) || !files_exist(old)) {
        return false;
    }
    files_copy(old, path_of(scene));
    return told(scene, "%s", name_of(scene));
}

static bool
change_file(struct scene *scene)
{
    const char *path = path_of(scene);

    switch (scene->out->kind) {
    case DAMAGE_RENAMED:
        (void)rename(path, files_path(scene->dir, "renamed"));
        break;
    case DAMAGE_FORBIDDEN:
        files_copy(path, files_path(scene->dir, "kept"));
        (void)rename(files_path(scene->dir, "kept"), path);
        (void)chmod(path, 0);
        break;
    case DAMAGE_DIRECTORY:
        (void)unlink(path);
        (void)mkdir(path, 0755);
        break;
    case DAMAGE_LINK:
        (void)unlink(path);
        if (symlink("/nowhere/at/all", path) != 0) {
            return false;
        }
        break;
    default:
        (void)unlink(path);
        break;
    }
    return told(scene, "%s", name_of(scene));
}

// Many files. -----------------------------------------------------------------

typedef bool is_meant_fn(const char *sort);

static bool
is_log(const char *sort)
{
    return strcmp(sort, "log") == 0;
}

static bool
is_no_log(const char *sort)
{
    return !is_log(sort) && strcmp(sort, "beacon") != 0;
}

static bool
is_manifest(const char *sort)
{
    return strcmp(sort, "MANIFEST") == 0 || strcmp(sort, "CURRENT") == 0;
}

static bool
is_beacon(const char *sort)
{
    return strcmp(sort, "beacon") == 0;
}

static bool
is_store(const char *sort)
{
    return !is_beacon(sort);
}

static bool
is_any(const char *sort)
{
    (void)sort;
    return true;
}

// Of the files that begin with `prefix`, those that are meant are as before.
static bool
go_back(struct scene *scene, const char *prefix, is_meant_fn *is_meant)
{
    static struct files old;
    size_t len = strlen(prefix);

    if (!has_old(scene)) {
        return false;
    }
    files_list(scene->source->old, &old);
    for (uint32_t i = 0; i < scene->files.count; i++) {
        const char *name = scene->files.file[i].name;

        if (strncmp(name, prefix, len) == 0 && is_meant(place_sort(name))) {
            (void)unlink(files_path(scene->dir, name));
        }
    }
    for (uint32_t i = 0; i < old.count; i++) {
        const char *name = old.file[i].name;

        if (strncmp(name, prefix, len) == 0 && is_meant(place_sort(name))) {
            files_copy(old_of(scene, name), files_path(scene->dir, name));
        }
    }
    (void)snprintf(scene->out->file, sizeof(scene->out->file), "%s", prefix);
    return told(scene, "%s", prefix);
}

static bool
swap_stores(struct scene *scene)
{
    uint32_t count = scene->source->plan->store_count;
    uint32_t one = (uint32_t)below(scene, count);
    char names[2][32];
    const char *kept = files_path(scene->dir, "kept");

    if (count < 2) {
        return false;
    }
    (void)snprintf(names[0], sizeof(names[0]), "store-%u", one);
    (void)snprintf(names[1], sizeof(names[1]), "store-%u", (one + 1) % count);
    (void)rename(files_path(scene->dir, names[0]), kept);
    (void)rename(files_path(scene->dir, names[1]),
                 files_path(scene->dir, names[0]));
    (void)rename(kept, files_path(scene->dir, names[1]));
    (void)snprintf(scene->out->file, sizeof(scene->out->file), "%s", names[0]);
    return told(scene, "%s and %s", names[0], names[1]);
}

static bool
change_many(struct scene *scene)
{
    uint32_t count = scene->source->plan->store_count;
    char store[32];
    char inside[40];

    (void)snprintf(store, sizeof(store), "store-%u",
                   (uint32_t)below(scene, count));
    (void)snprintf(inside, sizeof(inside), "%s/", store);
    switch (scene->out->kind) {
    case DAMAGE_OLD_LOGS:
        return go_back(scene, inside, is_log);
    case DAMAGE_OLD_TABLES:
        return go_back(scene, inside, is_no_log);
    case DAMAGE_OLD_MANIFEST:
        return go_back(scene, inside, is_manifest);
    case DAMAGE_OLD_BEACON:
        return go_back(scene, store, is_beacon);
    case DAMAGE_OLD_STORE:
        return go_back(scene, inside, is_store);
    case DAMAGE_OLD_STORE_AND_BEACON:
        return count > 1 && go_back(scene, store, is_any);
    case DAMAGE_STORES_SWAPPED:
        return swap_stores(scene);
    default:
        return go_back(scene, "", is_any);
    }
}

const char *
damage_name(enum damage_kind kind)
{
#define X(name, text) text,
    static const char *const names[] = {DAMAGE_TABLE(X)};
#undef X

    return names[kind];
}

bool
damage_do(const struct source *source, const char *dir,
          struct wf_random *random, struct damage *out)
{
    static struct scene scene;

    *out = (struct damage){0};
    scene.source = source;
    scene.dir = dir;
    scene.random = random;
    scene.out = out;
    out->kind = (enum damage_kind)wf_random_below(random, DAMAGE_COUNT);
    files_list(dir, &scene.files);
    draw_file(&scene);
    switch (out->kind) { // tidy: long, one case per kind
    case DAMAGE_PAGE_OLD:
        return change_bytes(&scene, bring_old_page);
    case DAMAGE_PAGES_SWAPPED:
        return change_bytes(&scene, swap_pages);
    case DAMAGE_HOLE:
        return change_bytes(&scene, cut_hole);
    case DAMAGE_CUT:
    case DAMAGE_CUT_AT_RECORD:
    case DAMAGE_EMPTY:
        return change_bytes(&scene, cut_off);
    case DAMAGE_GROWN_ZERO:
    case DAMAGE_GROWN_NOISE:
    case DAMAGE_GROWN_SELF:
        return change_bytes(&scene, grow);
    case DAMAGE_DELETED:
    case DAMAGE_RENAMED:
    case DAMAGE_DIRECTORY:
    case DAMAGE_LINK:
    case DAMAGE_FORBIDDEN:
        return change_file(&scene);
    case DAMAGE_SWAPPED:
        return swap_files(&scene);
    case DAMAGE_OTHER:
        return replace_file(&scene, true);
    case DAMAGE_STRANGER:
        return replace_file(&scene, false);
    case DAMAGE_OLD:
        return bring_old_file(&scene);
    case DAMAGE_COPIED:
        return copy_file(&scene);
    default:
        return out->kind < DAMAGE_OLD_LOGS ? change_bytes(&scene, change_place)
                                           : change_many(&scene);
    }
}
