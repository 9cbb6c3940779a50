// SPDX-License-Identifier: Apache-2.0
//
// test_kept.c - what every place for files of snapshots promises, whichever it
// is.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/kept_rig.h"

#define HOUR_MS 3600000U
#define LARGE_BYTES (((size_t)5 << 20) / 2 + 3) // more than one piece

// A store of three files: 000001.sst, CURRENT and EMPTY.
struct kept {
    struct kept_rig *rig;
    struct wf_snapshots snapshots;
    struct wf_snapshots_manifest manifest;
    char store[512];
    char other[512];
};

static void
write_file(const char *dir, const char *name, size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    char path[600];
    FILE *file;

    CHECK(bytes != NULL);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 997);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(bytes, 1, len, file), len);
    CHECK_EQ(fclose(file), 0);
    free(bytes);
}

static void
begin(struct kept *kept, struct test *t)
{
    *kept = (struct kept){.rig = kept_rig_create(t)};
    kept_rig_open(kept->rig, &kept->snapshots);
    (void)snprintf(kept->store, sizeof(kept->store), "%s/store", test_dir(t));
    (void)snprintf(kept->other, sizeof(kept->other), "%s/other", test_dir(t));
    CHECK_EQ(mkdir(kept->store, 0755), 0);
    write_file(kept->store, "000001.sst", LARGE_BYTES);
    write_file(kept->store, "CURRENT", 16);
    write_file(kept->store, "EMPTY", 0);
    CHECK_OK(wf_snapshots_scan(kept->store, NULL, &kept->manifest));
    CHECK_EQ(kept->manifest.files_count, 3);
}

static void
end(struct kept *kept)
{
    wf_snapshots_manifest_fini(&kept->manifest);
    kept->snapshots.ops->close(kept->snapshots.self);
    kept_rig_destroy(kept->rig);
}

static weft_err
put(struct kept *kept, uint32_t i, bool *out_is_new)
{
    const struct wf_snapshots_file *file = &kept->manifest.files[i];
    char path[800];

    (void)snprintf(path, sizeof(path), "%s/%s", kept->store, file->name);
    return kept->snapshots.ops->put(kept->snapshots.self, file, path,
                                    out_is_new);
}

static void
put_all(struct kept *kept, bool are_new)
{
    for (uint32_t i = 0; i < kept->manifest.files_count; i++) {
        bool is_new = !are_new;

        CHECK_OK(put(kept, i, &is_new));
        CHECK_EQ(is_new, are_new);
    }
}

static bool
has(struct kept *kept, uint32_t i)
{
    bool is_there = false;

    CHECK_OK(kept->snapshots.ops->has(kept->snapshots.self,
                                      &kept->manifest.files[i], &is_there));
    return is_there;
}

static void
note_one(void *ctx, const uint8_t *hash)
{
    struct kept *kept = ((struct kept **)ctx)[0];
    uint32_t *found = ((uint32_t **)ctx)[1];

    for (uint32_t i = 0; i < kept->manifest.files_count; i++) {
        if (memcmp(hash, kept->manifest.files[i].hash,
                   WF_SNAPSHOTS_HASH_BYTES) == 0) {
            CHECK_EQ(*found & 1U << i, 0); // each is told once
            *found |= 1U << i;
        }
    }
}

// Which of the three were put so long ago: a bit for each.
static uint32_t
older(struct kept *kept, uint64_t age_ms)
{
    uint32_t found = 0;
    void *ctx[] = {kept, &found};

    CHECK_OK(
        kept->snapshots.ops->list(kept->snapshots.self, age_ms, note_one, ctx));
    return found;
}

static void
remove_old(struct kept *kept, uint32_t i)
{
    CHECK_OK(kept->snapshots.ops->remove(
        kept->snapshots.self, kept->manifest.files[i].hash, HOUR_MS));
}

TEST(kept, a_store_is_put_and_restored)
{
    struct wf_snapshots_manifest found = {0};
    struct kept kept;

    begin(&kept, t);
    CHECK(!has(&kept, 0));
    put_all(&kept, true);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(has(&kept, i));
    }
    put_all(&kept, false);
    CHECK_OK(wf_snapshots_restore(&kept.snapshots, &kept.manifest, kept.other));
    CHECK_OK(wf_snapshots_scan(kept.other, NULL, &found));
    CHECK_EQ(found.files_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(memcmp(found.files[i].hash, kept.manifest.files[i].hash,
                        WF_SNAPSHOTS_HASH_BYTES),
                 0);
    }
    wf_snapshots_manifest_fini(&found);
    end(&kept);
}

// Several handles have one place, as nodes do.
TEST(kept, what_one_has_put_is_there_for_all)
{
    struct wf_snapshots first;
    struct kept kept;

    begin(&kept, t);
    put_all(&kept, true);
    first = kept.snapshots;
    kept_rig_open(kept.rig, &kept.snapshots);
    CHECK(has(&kept, 1));
    put_all(&kept, false);
    first.ops->close(first.self);
    end(&kept);
}

// By its name, or its hash, which is where it is kept.
static void
check_named(const struct kept *kept, uint32_t i)
{
    char hex[WF_SNAPSHOTS_HEX_SIZE];

    wf_snapshots_hex(kept->manifest.files[i].hash, hex);
    CHECK(strstr(weft_err_detail(), kept->manifest.files[i].name) != NULL ||
          strstr(weft_err_detail(), hex) != NULL);
}

TEST(kept, what_is_missing_or_damaged_is_named)
{
    struct kept kept;

    begin(&kept, t);
    put_all(&kept, true);
    kept_rig_damage(kept.rig, kept.manifest.files[0].hash);
    CHECK_ERR(wf_snapshots_restore(&kept.snapshots, &kept.manifest, kept.other),
              WEFT_ECORRUPT);
    check_named(&kept, 0);
    kept_rig_lose(kept.rig, kept.manifest.files[0].hash);
    CHECK(!has(&kept, 0));
    CHECK_ERR(wf_snapshots_restore(&kept.snapshots, &kept.manifest, kept.other),
              WEFT_ENOTFOUND);
    check_named(&kept, 0);
    CHECK_EQ(access(kept.other, F_OK), -1);
    end(&kept);
}

// A snapshot that is made again puts what was lost.
TEST(kept, what_was_lost_is_put_again)
{
    struct kept kept;
    bool is_new = false;

    begin(&kept, t);
    put_all(&kept, true);
    kept_rig_lose(kept.rig, kept.manifest.files[0].hash);
    CHECK_OK(put(&kept, 0, &is_new));
    CHECK(is_new);
    CHECK_OK(wf_snapshots_restore(&kept.snapshots, &kept.manifest, kept.other));
    end(&kept);
}

TEST(kept, bytes_that_are_not_the_files_are_not_kept)
{
    struct kept kept;
    bool is_new = false;

    begin(&kept, t);
    write_file(kept.store, "CURRENT", 15);
    CHECK_ERR(put(&kept, 1, &is_new), WEFT_ECORRUPT);
    CHECK(!is_new);
    CHECK(!has(&kept, 1));
    end(&kept);
}

TEST(kept, what_is_old_is_listed_and_removed)
{
    struct kept kept;

    begin(&kept, t);
    put_all(&kept, true);
    CHECK_EQ(older(&kept, 0), 7);
    CHECK_EQ(older(&kept, HOUR_MS), 0);
    kept_rig_age(kept.rig, kept.manifest.files[0].hash);
    kept_rig_age(kept.rig, kept.manifest.files[2].hash);
    CHECK_EQ(older(&kept, HOUR_MS), 5);
    for (uint32_t i = 0; i < 3; i++) {
        remove_old(&kept, i);
    }
    remove_old(&kept, 0); // another node was faster
    CHECK_EQ(older(&kept, 0), 2);
    CHECK(!has(&kept, 0));
    CHECK(has(&kept, 1));
    end(&kept);
}

// Else a file that a snapshot just being made needs is garbage meanwhile.
TEST(kept, what_is_put_again_is_young_again)
{
    struct kept kept;
    bool is_new = true;

    begin(&kept, t);
    put_all(&kept, true);
    kept_rig_age(kept.rig, kept.manifest.files[0].hash);
    CHECK_EQ(older(&kept, HOUR_MS), 1);
    CHECK_OK(put(&kept, 0, &is_new));
    CHECK(!is_new);
    CHECK_EQ(older(&kept, HOUR_MS), 0);
    remove_old(&kept, 0);
    CHECK(has(&kept, 0));
    end(&kept);
}

TEST(kept, whoever_waits_gives_up_when_stopped)
{
    struct kept kept;
    bool is_new;

    begin(&kept, t);
    kept.snapshots.ops->stop(kept.snapshots.self);
    CHECK_ERR(put(&kept, 0, &is_new), WEFT_EIO);
    end(&kept);
}
