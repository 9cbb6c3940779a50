// SPDX-License-Identifier: Apache-2.0
//
// rocks_options.c - every option that RocksDB is opened with, and why.
//
// Column families, besides "default", which RocksDB insists on and weft leaves
// empty:
//
//   log    large values in key order, read once at recovery, deleted from the
//          front by range. No bloom filter: nothing is looked up. No
//          compression: few rows live long enough to be compacted. A memtable
//          of 64 MiB, so that many rows are dead before they are flushed.
//   data   rows of all sizes, looked up by key, often in vain: whole-key bloom
//          filters, in the files and in the memtable. lz4, at the bottom zstd.
//          A memtable of 16 MiB: after a crash its rows are put into one again,
//          at 2 us each, before the store is open.
//   meta   few small rows, rewritten all the time.
//
// Memory, for one store:
//
//   memtables    log 64 MiB, data 16, meta 4. One is flushed when all pass
//                128 (db_write_buffer_size); two of each at most, then
//                writes are refused, so never more than             168 MiB
//   block cache  shared by all families; holds index and filter
//                blocks too, some 3 bytes for each row               64 MiB
//   table files  256 open at most, each some 16 KiB besides its
//                blocks                                               4 MiB
//   batch        one commit, WF_COMMIT_BYTES_MAX and its rows        ~20 MiB
//                                                             sum ~ 256 MiB
//
// Where a bug of 7.8.3 decides an option, the option says so.
//
// Threads: none of its own.

#include "storage/rocks_options.h"

#include <stddef.h>

#include "base/assert.h"

#define MIB ((size_t)1 << 20)
#define INFO_LOG_FATAL 4 // the C API has no name for it
#define CACHE_BYTES (64 * MIB)
#define CACHE_SHARD_BITS 2
#define MEMTABLES_BYTES (128 * MIB)
#define WAL_BYTES (256 * MIB)
#define OPEN_FILES 256
#define ARCHIVE_SECONDS (1ULL << 40)
#define BLOOM_BITS_PER_KEY 10
#define SHARE_MIN (2 * MIB)
#define OPEN_FILES_MIN 16

const char *const wf_rocks_options_names[WF_ROCKS_FAMILIES] = {
    [WF_CF_LOG] = "log",
    [WF_CF_DATA] = "data",
    [WF_CF_META] = "meta",
    [WF_CF_COUNT] = "default",
};

static rocksdb_cache_t *create_cache(uint32_t shares);
static rocksdb_options_t *create_database_options(bool is_read_only,
                                                  uint32_t shares);
static rocksdb_options_t *create_family_options(rocksdb_cache_t *cache,
                                                size_t memtable_bytes,
                                                bool has_bloom);
static void compress(rocksdb_options_t *options, bool is_compressed);

// Of memory that is all stores' together, but not less than a store can use.
static size_t
share_of(size_t bytes, uint32_t shares)
{
    size_t share = bytes / shares;

    return share < SHARE_MIN && bytes > SHARE_MIN ? SHARE_MIN : share;
}

void
wf_rocks_options_init(struct wf_rocks_options *options, bool is_read_only,
                      bool is_compressed, uint32_t shares)
{
    rocksdb_cache_t *cache = create_cache(shares);
    rocksdb_options_t **families = options->families;

    options->cache = cache;
    options->database = create_database_options(is_read_only, shares);
    families[WF_CF_LOG] =
        create_family_options(cache, share_of(64 * MIB, shares), false);
    families[WF_CF_DATA] =
        create_family_options(cache, share_of(16 * MIB, shares), true);
    families[WF_CF_META] =
        create_family_options(cache, share_of(4 * MIB, shares), true);
    families[WF_CF_COUNT] = create_family_options(cache, MIB, false);
    compress(families[WF_CF_LOG], false);
    compress(families[WF_CF_DATA], is_compressed);
    compress(families[WF_CF_META], is_compressed);
    compress(families[WF_CF_COUNT], false);
}

void
wf_rocks_options_fini(struct wf_rocks_options *options)
{
    if (options->database == NULL) {
        return;
    }
    rocksdb_options_destroy(options->database);
    for (int i = 0; i < WF_ROCKS_FAMILIES; i++) {
        rocksdb_options_destroy(options->families[i]);
    }
    rocksdb_cache_destroy(options->cache);
    *options = (struct wf_rocks_options){0};
}

// Few shards: a block that is larger than its shard is never kept. A table of
// small rows has a million of them and a filter of some 2 MiB, which would be
// read and checked for each row that is looked up; the default is 1 MiB.
static rocksdb_cache_t *
create_cache(uint32_t shares)
{
    rocksdb_lru_cache_options_t *options = rocksdb_lru_cache_options_create();
    rocksdb_cache_t *cache;

    rocksdb_lru_cache_options_set_capacity(options,
                                           share_of(CACHE_BYTES, shares));
    rocksdb_lru_cache_options_set_num_shard_bits(options, CACHE_SHARD_BITS);
    cache = rocksdb_cache_create_lru_opts(options);
    rocksdb_lru_cache_options_destroy(options);
    return cache;
}

// What has no setter of its own.
static rocksdb_options_t *
create_base_options(void)
{
    rocksdb_options_t *plain = rocksdb_options_create();
    rocksdb_options_t *options = rocksdb_options_create();
    char *error = NULL;

    // No recovery behind our back: an error is final until the store is opened
    // anew (7.8.3 can write a WAL twice in it). And what the WAL brings back is
    // flushed into synced files at open.
    rocksdb_get_options_from_string(
        plain,
        "max_bgerror_resume_count=0;avoid_flush_during_recovery=false;"
        "track_and_verify_wals_in_manifest=false",
        options, &error);
    WF_ASSERT(error == NULL);
    rocksdb_options_destroy(plain);
    return options;
}

static rocksdb_options_t *
create_database_options(bool is_read_only, uint32_t shares)
{
    int files = (int)(OPEN_FILES / shares);
    rocksdb_options_t *options = create_base_options();

    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_wal_recovery_mode(
        options, rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_max_total_wal_size(options,
                                           share_of(WAL_BYTES, shares));
    rocksdb_options_set_db_write_buffer_size(options,
                                             share_of(MEMTABLES_BYTES, shares));
    rocksdb_options_set_max_open_files(
        options, files < OPEN_FILES_MIN ? OPEN_FILES_MIN : files);
    rocksdb_options_set_max_background_jobs(options, 4);
    // Tables reach the disk as they are written: otherwise one large sync at
    // their end makes commits wait.
    rocksdb_options_set_bytes_per_sync(options, MIB);

    // Logs go to the archive and are given back from there (rocks_archive.h);
    // RocksDB looks into it itself when half of this has passed since 1970.
    if (!is_read_only) {
        rocksdb_options_set_WAL_ttl_seconds(options, ARCHIVE_SECONDS);
    }

    // Said though they are the defaults: 7.8.3 has bugs with any other value.
    rocksdb_options_set_manual_wal_flush(options, 0);
    rocksdb_options_set_atomic_flush(options, 0);
    rocksdb_options_set_unordered_write(options, 0);
    rocksdb_options_set_recycle_log_file_num(options, 0);
    rocksdb_options_set_wal_compression(options, rocksdb_no_compression);

    // RocksDB's own text log, LOG, has only what the store was opened with: a
    // line that comes after one that could not be written, on a disk that is
    // full, stops the process in 7.8.3. Reading writes none: it has nowhere to.
    rocksdb_options_set_info_log_level(options, INFO_LOG_FATAL);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_max_log_file_size(options, 4 * MIB);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    if (is_read_only) {
        rocksdb_options_set_create_if_missing(options, 0);
        rocksdb_options_set_db_log_dir(options, "/dev/null");
    }
    return options;
}

static rocksdb_options_t *
create_family_options(rocksdb_cache_t *cache, size_t memtable_bytes,
                      bool has_bloom)
{
    rocksdb_options_t *options = create_base_options();
    rocksdb_block_based_table_options_t *table =
        rocksdb_block_based_options_create();

    rocksdb_options_set_write_buffer_size(options, memtable_bytes);
    rocksdb_options_set_max_write_buffer_number(options, 2);
    rocksdb_options_set_target_file_size_base(options, 64 * MIB);
    rocksdb_options_set_max_bytes_for_level_base(options, 128 * MIB);
    // Zero is no limit: at a limit 7.8.3 can stop writers for ever.
    rocksdb_options_set_hard_pending_compaction_bytes_limit(options, 0);

    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(
        table, 1);
    if (has_bloom) {
        // The table's options own the policy from here on.
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS_PER_KEY));
        rocksdb_block_based_options_set_whole_key_filtering(table, 1);
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.05);
        rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    return options;
}

static void
compress(rocksdb_options_t *options, bool is_compressed)
{
    rocksdb_options_set_compression(options, is_compressed
                                                 ? rocksdb_lz4_compression
                                                 : rocksdb_no_compression);
    rocksdb_options_set_bottommost_compression(
        options,
        is_compressed ? rocksdb_zstd_compression : rocksdb_no_compression);
}
