// SPDX-License-Identifier: Apache-2.0
//
// hash.h - hashes and checksums. Both are part of stored formats (partitions,
// records), so their results never change. Names xxhash; nothing else does.

#ifndef WF_BASE_HASH_H
#define WF_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

// XXH3, 64 bits.
uint64_t wf_hash64(const void *bytes, size_t len, uint64_t seed);

// XXH3, 128 bits as 32 lower-case hexadecimal characters and a NUL.
void wf_hash128_hex(const void *bytes, size_t len, char out_hex[33]);

// CRC32C (Castagnoli), continued from crc; begin with 0.
uint32_t wf_crc32c(uint32_t crc, const void *bytes, size_t len);
// The same without the CPU's instruction: for other CPUs, and for tests.
uint32_t wf_crc32c_portable(uint32_t crc, const void *bytes, size_t len);

#endif
