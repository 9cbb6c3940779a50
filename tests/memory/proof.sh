#!/usr/bin/env bash
# proof.sh - each allocation of each scene fails, for so long: memory_loop.c.
#
#   proof.sh SECONDS BUILD_DIR
build=$2/tests/memory
exec "$build/memory_loop" "$build/memory_play" "$build/libmemory_hunger.so" "$1"
