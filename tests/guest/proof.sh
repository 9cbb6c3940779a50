#!/usr/bin/env bash
# proof.sh - power cuts, for so long: see guest_loop.c.
#
#   proof.sh SECONDS BUILD_DIR
exec "$(dirname "$0")/run.sh" "$2" "$1"
