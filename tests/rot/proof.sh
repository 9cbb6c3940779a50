#!/usr/bin/env bash
# proof.sh SECONDS BUILD_DIR - directories of stopped nodes, corrupted at random
# for so long. In a file system in memory, and nothing stays there.
set -u
exec "$2/tests/rot/rot" "$1"
