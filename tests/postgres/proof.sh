#!/usr/bin/env bash
# proof.sh - owners that take partitions from each other on PostgreSQL, for as
# long as there is time.
#
#   tests/postgres/proof.sh SECONDS BUILD_DIR
#
# A third of it with one server, the rest with a primary and two standbys, which
# freeze and are promoted.
set -u
torture=$2/tests/postgres/torture
status=0

"$torture" $(($1 / 3)) 1 || status=1
"$torture" $(($1 * 2 / 3)) 3 || status=1
exit $status
