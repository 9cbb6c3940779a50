// SPDX-License-Identifier: Apache-2.0
//
// tsan.c - what ThreadSanitizer is to leave out.
//
// It does not see what RocksDB, which is not built with it, does to order its
// own threads; and the option alone does not cover memory that RocksDB frees.

const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *
__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

__attribute__((visibility("default"))) const char *
__tsan_default_suppressions(void)
{
    return "race:librocksdb.so\n";
}
