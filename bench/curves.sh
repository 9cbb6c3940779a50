#!/usr/bin/env bash
# curves.sh - what the cost of work is as there is more of it.
#
#   bench/curves.sh [-s SECONDS] [-l LONG] [-d DIR] [-o RESULTS] WEFT_BENCH CURVE...
#
# A curve is instances, payload, journal, partitions, window or hour, or all. Each
# is RESULTS/CURVE.tsv: the command of each point in it, beside `raw` of
# the same minute; and CURVE.svg, if gnuplot is there (Debian: gnuplot-nox).
# `instances` up to ten million and `hour` take long. SECONDS is 10, LONG, of
# `hour`, 3600; DIR /var/tmp, RESULTS bench/results.
set -eu
seconds=10
long=3600
dir=/var/tmp
results=$(dirname "$0")/results
while getopts s:l:d:o: option; do
    case $option in
    s) seconds=$OPTARG ;;
    l) long=$OPTARG ;;
    d) dir=$OPTARG ;;
    o) results=$OPTARG ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2; }
bench=$1
shift
mkdir -p "$results"
dir=$(mktemp -d "$dir/weft-curves.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# field NAME - of a line of JSON on stdin.
field() {
    python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"
}

# begin CURVE - a new table.
begin() {
    table=$results/$1.tsv
    printf 'x\trate\tp50_us\tp99_us\tcpu_us_per_op\trss_peak_bytes\t' >"$table"
    printf 'fdatasync_per_s\tcommit\tcommand\n' >>"$table"
}

# point X WORKLOAD ARGUMENT... - a row of it.
point() {
    local x=$1 raw told
    shift
    raw=$("$bench" raw --seconds "$(awk -v s="$seconds" \
        'BEGIN { print s < 2 ? s : 2 }')" --data "$dir/data" --json)
    rm -rf "$dir/data"
    told=$("$bench" "$@" --seconds "$seconds" --data "$dir/data" --json)
    rm -rf "$dir/data"
    python3 - "$x" "$raw" "$told" "weft-bench $* --seconds $seconds" \
        >>"$table" <<'END'
import json, sys
raw, told = json.loads(sys.argv[2]), json.loads(sys.argv[3])
names = "rate p50_us p99_us cpu_us_per_op rss_peak_bytes".split()
print(sys.argv[1], *(told[n] for n in names), raw["fdatasync_per_s"],
      told["commit"], sys.argv[4], sep="\t")
END
    tail -n 1 "$table"
}

instances() {
    for n in 1000 10000 100000 1000000 10000000; do
        point $n signal-many --concurrency 1024 --instances $n
    done
}

payload() {
    for n in 0 16 256 4096 65536 1048576; do
        point $n signal-many --concurrency 32 --payload $n
    done
}

journal() {
    for n in 10 100 1000 10000 100000 1000000; do
        point $n journal --journal $n --concurrency 1 \
            --instances $((n > 10000 ? 10 : 100000 / n))
    done
}

partitions() {
    for n in 1 4 16 64 256 1024; do
        point $n noop --concurrency 1024 --partitions $n
    done
}

window() {
    for n in 0 65536 1048576 16777216 67108864 268435456; do
        point $n noop --concurrency 1024 --window $n
    done
}

# One run at 70 % of what a closed loop reaches, told by the minute.
hour() {
    local most rate
    most=$("$bench" signal-many --concurrency 1024 --seconds "$seconds" \
        --data "$dir/data" --json | field rate)
    rm -rf "$dir/data"
    rate=$(awk -v most="$most" 'BEGIN { printf "%d", most * 0.7 }')
    "$bench" signal-many --rate "$rate" --seconds "$long" --every 60 \
        --data "$dir/data" --json >"$dir/told"
    python3 - "$dir/told" "weft-bench signal-many --rate $rate --seconds $long \
--every 60" >>"$table" <<'END'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
for told in lines[:-1]:
    print(round(told["second"] / 60), told["rate"], told["p50_us"], told["p99_us"],
          "", "", "", lines[-1]["commit"], sys.argv[2], sep="\t")
END
}

# plot CURVE - rate and p99 against x.
plot() {
    local scale="set logscale x"
    [ "$1" != hour ] || scale=
    command -v gnuplot >/dev/null || return 0
    gnuplot <<END
set terminal svg size 800,480
set output "$results/$1.svg"
set title "$1: $(tail -n 1 "$results/$1.tsv" | cut -f 9)" noenhanced
set xlabel "$1"
set ylabel "a second"
set y2label "p99, us"
set y2tics
set yrange [0:*]
set y2range [0:*]
$scale
plot "$results/$1.tsv" using 1:2 every ::1 with linespoints title "rate", \
    "" using 1:4 every ::1 axes x1y2 with linespoints title "p99"
END
}

[ "$1" != all ] || set -- instances payload journal partitions window hour
for curve; do
    case $curve in
    instances | payload | journal | partitions | window | hour)
        begin "$curve"
        "$curve"
        plot "$curve"
        ;;
    *) echo "there is no curve \"$curve\"" >&2 && exit 2 ;;
    esac
done
