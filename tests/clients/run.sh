#!/bin/sh
# run.sh npm DIR                    copy what Node.js runs there, and get the
#                                   packages that it needs
# run.sh python|node DIR DRIVE...   drive.py DRIVE...; DIR has weft.py, weft.mjs
#
# Status 77 and a reason if what it takes cannot be had here.
here=$(cd "$(dirname "$0")" && pwd)
clients=$here/../../examples/clients
python=/usr/bin/python3 # Debian's: its packages are not another one's
what=$1
dir=$2
shift 2

skip() {
    echo "skipped: $*"
    exit 77
}

install() {
    command -v npm >/dev/null || skip "there is no npm"
    mkdir -p "$dir" && cp "$clients"/*.mjs "$clients/package.json" \
        "$here/scenario.mjs" "$dir" && cd "$dir" || exit 1
    if [ ! -d node_modules/zeromq ]; then
        timeout 120 npm install --no-audit --no-fund --no-package-lock \
            --prefer-offline --fetch-retries=1 ||
            skip "npm install failed: is its registry out of reach?"
    fi
    node -e 'import("zeromq").catch(() => process.exit(1))' ||
        skip "the npm package zeromq does not load here"
}

case $what in
npm)
    install
    exit 0
    ;;
python)
    "$python" -c 'import zmq, msgpack' 2>/dev/null ||
        skip "python3-zmq or python3-msgpack is not installed"
    PYTHONPATH=$dir:$here
    ;;
node)
    [ -d "$dir/node_modules/zeromq" ] ||
        skip "the npm packages are not there: see clients.npm"
    ;;
esac
[ -x "$python" ] || skip "there is no $python"
export PYTHONPATH PYTHONDONTWRITEBYTECODE=1
cd "$dir" && exec "$python" "$here/drive.py" "$@"
